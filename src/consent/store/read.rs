//! Reading consents.

use super::row::ConsentVersionRow;
use super::{CONSENTS, ledger};
use crate::access::service::Walk;
use crate::consent::evidence::LedgerEntry;
use crate::consent::record::{ConsentRecord, GrantId};
use crate::consent::subject::SubjectRef;
use crate::kernel::Micros;
use crate::kernel::id::AppId;
use crate::storage::{Db, StoreError, Tx, parsed};
use crate::{on_db, on_tx};

/// The versions of consents that count.
macro_rules! current {
    ($rest:literal) => {
        concat!(
            "SELECT v.record, v.receipt_jws FROM consents c
            JOIN consent_versions v ON v.grant_id = c.id AND v.version = c.version ",
            $rest
        )
    };
}

const CURRENT: &str = current!("WHERE c.id = $1");

/// A consent: the version that counts.
pub async fn current(db: &Db, id: GrantId) -> Result<Option<ConsentRecord>, StoreError> {
    let row: Option<ConsentVersionRow> =
        on_db!(db, c => sqlx::query_as(CURRENT).bind(id.to_string()).fetch_optional(c).await)?;
    row.map(ConsentRecord::try_from).transpose()
}

/// The same as a transaction sees it.
pub async fn current_in(tx: &mut Tx, id: GrantId) -> Result<Option<ConsentRecord>, StoreError> {
    let row: Option<ConsentVersionRow> =
        on_tx!(tx, c => sqlx::query_as(CURRENT).bind(id.to_string()).fetch_optional(c).await)?;
    row.map(ConsentRecord::try_from).transpose()
}

/// All versions of a consent, in their order, as a transaction sees them; none where there is no such consent.
pub async fn versions(tx: &mut Tx, id: GrantId) -> Result<Vec<ConsentRecord>, StoreError> {
    const LIST: &str =
        "SELECT record, receipt_jws FROM consent_versions WHERE grant_id = $1 ORDER BY version";
    let rows: Vec<ConsentVersionRow> =
        on_tx!(tx, c => sqlx::query_as(LIST).bind(id.to_string()).fetch_all(c).await)?;
    rows.into_iter().map(ConsentRecord::try_from).collect()
}

/// A consent with all that was ever said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentHistory {
    /// Its versions, the one that counts last.
    pub versions: Vec<ConsentRecord>,
    /// What the ledger says of it, in its order.
    pub entries: Vec<LedgerEntry>,
}

/// A consent with its history, of one instant; `None` where there is no such consent.
pub async fn history(db: &Db, id: GrantId) -> Result<Option<ConsentHistory>, StoreError> {
    let mut tx = db.snapshot().await?;
    let versions = versions(&mut tx, id).await?;
    let entries = ledger::of_consent(&mut tx, id).await?;
    Ok((!versions.is_empty()).then_some(ConsentHistory { versions, entries }))
}

/// The consents of a customer, in the order of their ids.
pub async fn of_subject(
    db: &Db,
    subject: SubjectRef,
    walk: &Walk,
) -> Result<Vec<ConsentRecord>, StoreError> {
    const LIST: &str = current!("WHERE c.subject_ref = $1 AND c.id > $2 ORDER BY c.id LIMIT $3");
    listed(db, LIST, subject.0.to_string(), walk).await
}

/// The consents that a partner's program was given or asks for, in the order of their ids.
pub async fn of_client(
    db: &Db,
    client: AppId,
    walk: &Walk,
) -> Result<Vec<ConsentRecord>, StoreError> {
    const LIST: &str = current!("WHERE c.client_id = $1 AND c.id > $2 ORDER BY c.id LIMIT $3");
    listed(db, LIST, client.to_string(), walk).await
}

/// All consents, in the order of their ids.
pub async fn all(db: &Db, walk: &Walk) -> Result<Vec<ConsentRecord>, StoreError> {
    const LIST: &str = current!("WHERE c.id > $1 ORDER BY c.id LIMIT $2");
    let rows: Vec<ConsentVersionRow> = on_db!(db, c => {
        sqlx::query_as(LIST).bind(&walk.after).bind(i64::from(walk.limit)).fetch_all(c).await
    })?;
    rows.into_iter().map(ConsentRecord::try_from).collect()
}

async fn listed(
    db: &Db,
    list: &'static str,
    of: String,
    walk: &Walk,
) -> Result<Vec<ConsentRecord>, StoreError> {
    let rows: Vec<ConsentVersionRow> = on_db!(db, c => {
        let list = sqlx::query_as(list).bind(of).bind(&walk.after);
        list.bind(i64::from(walk.limit)).fetch_all(c).await
    })?;
    rows.into_iter().map(ConsentRecord::try_from).collect()
}

/// The consents of a customer as a transaction sees them.
pub(super) async fn ids_of(tx: &mut Tx, subject: SubjectRef) -> Result<Vec<GrantId>, StoreError> {
    const LIST: &str = "SELECT id FROM consents WHERE subject_ref = $1 ORDER BY id";
    let ids: Vec<String> = on_tx!(tx, c => {
        sqlx::query_scalar(LIST).bind(subject.0.to_string()).fetch_all(c).await
    })?;
    ids.iter().map(|id| parsed(CONSENTS, id)).collect()
}

/// Consents whose time is over and that have not ended, those whose time was over first: each is to be looked at and made
/// to [`expire`](ConsentRecord::expire). Those that were are not among the next.
pub async fn due(db: &Db, now: Micros, limit: u32) -> Result<Vec<GrantId>, StoreError> {
    // The states are those of the index.
    const LIST: &str = "SELECT id FROM consents WHERE status IN ('pending', 'active', 'suspended')
        AND expires_at <= $1 ORDER BY expires_at, id LIMIT $2";
    let ids: Vec<String> = on_db!(db, c => {
        sqlx::query_scalar(LIST).bind(now.0).bind(i64::from(limit)).fetch_all(c).await
    })?;
    ids.iter().map(|id| parsed(CONSENTS, id)).collect()
}
