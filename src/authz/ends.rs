//! Ends of consents that nobody between whom they are has made: by time, and by the retailer.

use super::store::revoke;
use crate::access::audit::{self, Deed};
use crate::access::service::By;
use crate::access::text::Reason;
use crate::consent::ask::RevokedFor;
use crate::consent::record::{ConsentRecord, GrantId};
use crate::consent::refused::ChangeRefused;
use crate::consent::store::{NotWritten, read};
use crate::kernel::Micros;
use crate::storage::{Db, StoreError};
use serde_json::json;

/// How often a move is tried where others move the same consent.
const TRIES: usize = 5;

/// Why a consent was not ended.
#[derive(Debug, thiserror::Error)]
pub enum NotEnded {
    /// There is no such consent.
    #[error("there is no consent {0}")]
    Unknown(GrantId),
    /// It cannot be: it has ended already.
    #[error(transparent)]
    Refused(#[from] ChangeRefused),
    /// It was not written.
    #[error(transparent)]
    NotWritten(#[from] NotWritten),
}

impl From<StoreError> for NotEnded {
    fn from(error: StoreError) -> Self {
        Self::NotWritten(error.into())
    }
}

/// Ends the consents whose time is over, at most `limit` of them; how many there were. A consent that is moved meanwhile is
/// looked at the next time.
pub async fn end_due(db: &Db, now: Micros, limit: u32) -> Result<u64, StoreError> {
    let mut ended = 0;
    for id in read::due(db, now, limit).await? {
        let mut tx = db.begin().await?;
        let Some(record) = read::current_in(&mut tx, id).await? else { continue };
        let Ok(change) = record.expire(now) else { continue };
        match revoke::apply(&mut tx, &change).await {
            Ok(_) => {
                tx.commit().await?;
                ended += 1;
            }
            Err(NotWritten::Moved | NotWritten::Forgotten) => {}
            Err(NotWritten::Store(error)) => return Err(error),
            Err(NotWritten::NotCanonical(error)) => {
                return Err(StoreError::corrupt("consent_versions", error));
            }
        }
    }
    Ok(ended)
}

/// The retailer ends a consent: its tokens are gone, the ledger says so, and so does the audit log. The consent as it then
/// is.
pub async fn revoke_consent(
    db: &Db,
    (by, reason): (&By<'_>, Option<&Reason>),
    id: GrantId,
    (why, delete_requested): (RevokedFor, bool),
) -> Result<ConsentRecord, NotEnded> {
    for _ in 1..TRIES {
        match revoke_once(db, (by, reason), id, (why, delete_requested)).await {
            Err(NotEnded::NotWritten(NotWritten::Moved)) => {}
            done => return done,
        }
    }
    revoke_once(db, (by, reason), id, (why, delete_requested)).await
}

async fn revoke_once(
    db: &Db,
    (by, reason): (&By<'_>, Option<&Reason>),
    id: GrantId,
    (why, delete_requested): (RevokedFor, bool),
) -> Result<ConsentRecord, NotEnded> {
    let mut tx = db.begin().await?;
    let record = read::current_in(&mut tx, id).await?.ok_or(NotEnded::Unknown(id))?;
    let change = record.revoke(why, delete_requested, by.now)?;
    revoke::apply(&mut tx, &change).await?;
    let detail = json!({ "why": why, "delete_requested": delete_requested, "reason": reason });
    let deed = Deed { action: "consent.revoke".to_owned(), subject: id.to_string(), detail };
    audit::append(&mut tx, by, deed).await?;
    tx.commit().await?;
    Ok(change.record)
}
