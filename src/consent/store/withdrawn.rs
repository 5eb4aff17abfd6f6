//! Purposes and notices that are withdrawn: up to which version, by whom and why.

use super::row::version;
use crate::consent::purpose::PurposeId;
use crate::kernel::Micros;
use crate::kernel::id::AppId;
use crate::storage::{Db, StoreError, Tx};
use crate::{on_db, on_tx};
use sqlx::FromRow;

const WITHDRAWN: &str = "consent_words_withdrawn";

/// Which words.
#[derive(Debug, Clone, Copy)]
pub enum WordsOf<'a> {
    /// A purpose of a program.
    Purpose(AppId, &'a PurposeId),
    /// A notice.
    Notice(&'a str),
}

impl WordsOf<'_> {
    /// Kind, program and name, as they are stored.
    fn stored(self) -> (&'static str, String, String) {
        match self {
            Self::Purpose(client, id) => ("purpose", client.to_string(), id.to_string()),
            Self::Notice(id) => ("notice", String::new(), id.to_owned()),
        }
    }
}

/// A withdrawal: nobody is shown this version or an earlier one any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WithdrawnWords {
    /// The name of the purpose or notice.
    pub id: String,
    /// The version that was the last one.
    pub version: u32,
    /// Who has withdrawn it.
    pub by: String,
    /// When.
    pub at: Micros,
    /// Why.
    pub reason: String,
}

#[derive(FromRow)]
struct WithdrawnRow {
    id: String,
    version: i64,
    withdrawn_by: String,
    withdrawn_at: i64,
    reason: String,
}

impl TryFrom<WithdrawnRow> for WithdrawnWords {
    type Error = StoreError;

    fn try_from(row: WithdrawnRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id,
            version: version(WITHDRAWN, row.version)?,
            by: row.withdrawn_by,
            at: Micros(row.withdrawn_at),
            reason: row.reason,
        })
    }
}

/// Up to which version words are withdrawn; 0 where they are not.
pub async fn withdrawn_up_to(tx: &mut Tx, words: WordsOf<'_>) -> Result<u32, StoreError> {
    const LAST: &str = "SELECT COALESCE(MAX(version), 0) FROM consent_words_withdrawn
        WHERE kind = $1 AND client_id = $2 AND id = $3";
    let (kind, client, id) = words.stored();
    let last: i64 = on_tx!(tx, c => {
        sqlx::query_scalar(LAST).bind(kind).bind(client).bind(id).fetch_one(c).await
    })?;
    version(WITHDRAWN, last)
}

/// Withdraws words up to a version.
pub async fn withdraw(
    tx: &mut Tx,
    words: WordsOf<'_>,
    (number, by, reason): (u32, &str, &str),
    now: Micros,
) -> Result<(), StoreError> {
    const ADD: &str = "INSERT INTO consent_words_withdrawn
        (kind, client_id, id, version, withdrawn_by, withdrawn_at, reason)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let (kind, client, id) = words.stored();
    on_tx!(tx, c => {
        let add = sqlx::query(ADD).bind(kind).bind(client).bind(id).bind(i64::from(number));
        add.bind(by).bind(now.0).bind(reason).execute(c).await?;
    });
    Ok(())
}

async fn list(db: &Db, kind: &str, client: &str) -> Result<Vec<WithdrawnWords>, StoreError> {
    const LIST: &str = "SELECT id, version, withdrawn_by, withdrawn_at, reason
        FROM consent_words_withdrawn WHERE kind = $1 AND client_id = $2 ORDER BY version";
    let rows: Vec<WithdrawnRow> =
        on_db!(db, c => sqlx::query_as(LIST).bind(kind).bind(client).fetch_all(c).await)?;
    rows.into_iter().map(WithdrawnWords::try_from).collect()
}

/// The withdrawals of a program's purposes, by their versions.
pub async fn withdrawn_purposes(db: &Db, client: AppId) -> Result<Vec<WithdrawnWords>, StoreError> {
    list(db, "purpose", &client.to_string()).await
}

/// The withdrawals of notices, by their versions.
pub async fn withdrawn_notices(db: &Db) -> Result<Vec<WithdrawnWords>, StoreError> {
    list(db, "notice", "").await
}
