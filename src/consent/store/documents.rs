//! Purposes and notices: each version of them is a document that never changes, found by its name or by its address.

use super::row::version;
use super::withdrawn::{WordsOf, withdrawn_up_to};
use crate::consent::hash::Hash32;
use crate::consent::purpose::{InvalidDocument, NoticeDocument, PurposeDocument, PurposeId};
use crate::kernel::Micros;
use crate::kernel::id::AppId;
use crate::storage::{Db, StoreError, Tx, parsed};
use crate::{on_db, on_tx};
use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::FromRow;

const PURPOSES: &str = "consent_purposes";
const NOTICES: &str = "consent_notices";

/// A version of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedWords<D> {
    /// Its number, from 1 on.
    pub version: u32,
    /// Its address.
    pub hash: Hash32,
    /// Its words.
    pub document: D,
    /// Since when it is there.
    pub made_at: Micros,
}

/// Why a document was not published. Then nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum NotPublished {
    /// It cannot be.
    #[error(transparent)]
    Document(#[from] InvalidDocument),
    /// A notice says its own version, and that is the next one.
    #[error("the next version of this notice is {0}")]
    Version(u32),
    /// The database failed. The transaction must be dropped.
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(FromRow)]
struct WordsRow {
    version: i64,
    hash: String,
    document: String,
    made_at: i64,
}

impl WordsRow {
    /// The document of a table, if it has the address under which it is stored. What it may say is not asked: it was
    /// published when it could.
    fn checked<D: DeserializeOwned>(
        self,
        table: &'static str,
    ) -> Result<PublishedWords<D>, StoreError> {
        let hash: Hash32 = parsed(table, &self.hash)?;
        let corrupt = |error: String| StoreError::corrupt(table, format!("{hash}: {error}"));
        let value: Value =
            serde_json::from_str(&self.document).map_err(|error| corrupt(error.to_string()))?;
        if Hash32::of_json(&value) != Ok(hash) {
            return Err(corrupt("it has another address".to_owned()));
        }
        let document = serde_json::from_value(value).map_err(|error| corrupt(error.to_string()))?;
        let version = version(table, self.version)?;
        Ok(PublishedWords { version, hash, document, made_at: Micros(self.made_at) })
    }
}

fn purpose_of(row: WordsRow) -> Result<PublishedWords<PurposeDocument>, StoreError> {
    row.checked(PURPOSES)
}

fn notice_of(row: WordsRow) -> Result<PublishedWords<NoticeDocument>, StoreError> {
    row.checked(NOTICES)
}

const PURPOSE: &str = "SELECT version, hash, document, made_at FROM consent_purposes
    WHERE client_id = $1 AND purpose_id = $2 ORDER BY version DESC LIMIT 1";

/// The last version of a purpose as a transaction sees it, also where it is withdrawn.
pub async fn purpose_last(
    tx: &mut Tx,
    client: AppId,
    id: &PurposeId,
) -> Result<Option<PublishedWords<PurposeDocument>>, StoreError> {
    let row: Option<WordsRow> = on_tx!(tx, c => {
        sqlx::query_as(PURPOSE).bind(client.to_string()).bind(id.as_str()).fetch_optional(c).await
    })?;
    row.map(purpose_of).transpose()
}

/// Publishes a purpose: the next version of it, or the last one where that says the same and is not withdrawn.
pub async fn publish_purpose(
    tx: &mut Tx,
    document: &PurposeDocument,
    now: Micros,
) -> Result<PublishedWords<PurposeDocument>, NotPublished> {
    const ADD: &str =
        "INSERT INTO consent_purposes (client_id, purpose_id, version, hash, document, made_at)
        VALUES ($1, $2, $3, $4, $5, $6)";
    let hash = document.address()?;
    let (client, id) = (document.client_id.to_string(), document.purpose_id.as_str());
    let last = purpose_last(tx, document.client_id, &document.purpose_id).await?;
    let withdrawn =
        withdrawn_up_to(tx, WordsOf::Purpose(document.client_id, &document.purpose_id)).await?;
    let version = match last {
        Some(last) if last.hash == hash && last.version > withdrawn => return Ok(last),
        Some(last) => last.version.saturating_add(1),
        None => 1,
    };
    let text = serde_json::to_string(document).map_err(|e| StoreError::corrupt(PURPOSES, e))?;
    on_tx!(tx, c => {
        let add = sqlx::query(ADD).bind(client).bind(id).bind(i64::from(version));
        let add = add.bind(hash.to_string()).bind(text).bind(now.0);
        add.execute(c).await.map_err(StoreError::from)?;
    });
    Ok(PublishedWords { version, hash, document: document.clone(), made_at: now })
}

/// The last version of a purpose of a program; `None` where it has no such purpose, or that is withdrawn.
pub async fn purpose(
    db: &Db,
    client: AppId,
    id: &PurposeId,
) -> Result<Option<PublishedWords<PurposeDocument>>, StoreError> {
    const IN_FORCE: &str = "SELECT version, hash, document, made_at FROM consent_purposes
        WHERE client_id = $1 AND purpose_id = $2 AND version > (SELECT COALESCE(MAX(w.version), 0)
            FROM consent_words_withdrawn w
            WHERE w.kind = 'purpose' AND w.client_id = $1 AND w.id = $2)
        ORDER BY version DESC LIMIT 1";
    let row: Option<WordsRow> = on_db!(db, c => {
        sqlx::query_as(IN_FORCE).bind(client.to_string()).bind(id.as_str()).fetch_optional(c).await
    })?;
    row.map(purpose_of).transpose()
}

/// All versions of all purposes of a program, by their names and numbers.
pub async fn purposes_of(
    db: &Db,
    client: AppId,
) -> Result<Vec<PublishedWords<PurposeDocument>>, StoreError> {
    const LIST: &str = "SELECT version, hash, document, made_at FROM consent_purposes
        WHERE client_id = $1 ORDER BY purpose_id, version";
    let rows: Vec<WordsRow> =
        on_db!(db, c => sqlx::query_as(LIST).bind(client.to_string()).fetch_all(c).await)?;
    rows.into_iter().map(purpose_of).collect()
}

/// The purpose of an address: the words that a consent was given to.
pub async fn purpose_at(
    db: &Db,
    hash: Hash32,
) -> Result<Option<PublishedWords<PurposeDocument>>, StoreError> {
    const FIND: &str = "SELECT version, hash, document, made_at FROM consent_purposes
        WHERE hash = $1 ORDER BY version LIMIT 1";
    let row: Option<WordsRow> =
        on_db!(db, c => sqlx::query_as(FIND).bind(hash.to_string()).fetch_optional(c).await)?;
    row.map(purpose_of).transpose()
}

const NOTICE: &str = "SELECT version, hash, document, made_at FROM consent_notices
    WHERE notice_id = $1 ORDER BY version DESC LIMIT 1";

/// The last version of a notice as a transaction sees it, also where it is withdrawn.
pub async fn notice_last(
    tx: &mut Tx,
    id: &str,
) -> Result<Option<PublishedWords<NoticeDocument>>, StoreError> {
    let row: Option<WordsRow> =
        on_tx!(tx, c => sqlx::query_as(NOTICE).bind(id).fetch_optional(c).await)?;
    row.map(notice_of).transpose()
}

/// All versions of all notices, by their names and numbers.
pub async fn notices(db: &Db) -> Result<Vec<PublishedWords<NoticeDocument>>, StoreError> {
    const LIST: &str = "SELECT version, hash, document, made_at FROM consent_notices
        ORDER BY notice_id, version";
    let rows: Vec<WordsRow> = on_db!(db, c => sqlx::query_as(LIST).fetch_all(c).await)?;
    rows.into_iter().map(notice_of).collect()
}

/// Publishes a notice: the next version of it, or the last one where that says the same and is not withdrawn.
pub async fn publish_notice(
    tx: &mut Tx,
    document: &NoticeDocument,
    now: Micros,
) -> Result<PublishedWords<NoticeDocument>, NotPublished> {
    const ADD: &str = "INSERT INTO consent_notices (notice_id, version, hash, document, made_at)
        VALUES ($1, $2, $3, $4, $5)";
    let hash = document.address()?;
    let last = notice_last(tx, &document.notice_id).await?;
    let withdrawn = withdrawn_up_to(tx, WordsOf::Notice(&document.notice_id)).await?;
    let version = match last {
        Some(last) if last.hash == hash && last.version > withdrawn => return Ok(last),
        Some(last) => last.version.saturating_add(1),
        None => 1,
    };
    if document.version != version {
        return Err(NotPublished::Version(version));
    }
    let text = serde_json::to_string(document).map_err(|e| StoreError::corrupt(NOTICES, e))?;
    on_tx!(tx, c => {
        let add = sqlx::query(ADD).bind(&document.notice_id).bind(i64::from(version));
        let add = add.bind(hash.to_string()).bind(text).bind(now.0);
        add.execute(c).await.map_err(StoreError::from)?;
    });
    Ok(PublishedWords { version, hash, document: document.clone(), made_at: now })
}

/// The last version of a notice; `None` where there is no such notice, or it is withdrawn.
pub async fn notice(
    db: &Db,
    id: &str,
) -> Result<Option<PublishedWords<NoticeDocument>>, StoreError> {
    const IN_FORCE: &str = "SELECT version, hash, document, made_at FROM consent_notices
        WHERE notice_id = $1 AND version > (SELECT COALESCE(MAX(w.version), 0)
            FROM consent_words_withdrawn w
            WHERE w.kind = 'notice' AND w.client_id = '' AND w.id = $1)
        ORDER BY version DESC LIMIT 1";
    let row: Option<WordsRow> =
        on_db!(db, c => sqlx::query_as(IN_FORCE).bind(id).fetch_optional(c).await)?;
    row.map(notice_of).transpose()
}

/// The notice of an address: the words that were shown.
pub async fn notice_at(
    db: &Db,
    hash: Hash32,
) -> Result<Option<PublishedWords<NoticeDocument>>, StoreError> {
    const FIND: &str =
        "SELECT version, hash, document, made_at FROM consent_notices WHERE hash = $1 LIMIT 1";
    let row: Option<WordsRow> =
        on_db!(db, c => sqlx::query_as(FIND).bind(hash.to_string()).fetch_optional(c).await)?;
    row.map(notice_of).transpose()
}
