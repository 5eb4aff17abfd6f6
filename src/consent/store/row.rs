//! Rows as what they stand for, and back.

use super::{CONSENTS, VERSIONS};
use crate::consent::head::ConsentHead;
use crate::consent::record::ConsentRecord;
use crate::kernel::Micros;
use crate::kernel::set::WordSet;
use crate::kernel::word::{UnknownWord, Word};
use crate::storage::{StoreError, parsed};
use sqlx::FromRow;

/// What nodes keep of a consent.
#[derive(Debug, FromRow)]
pub(super) struct HeadRow {
    pub(super) id: String,
    pub(super) client_id: String,
    pub(super) sub: Option<String>,
    pub(super) seq: i64,
    pub(super) version: i64,
    pub(super) status: String,
    pub(super) scopes: String,
    pub(super) excluded: String,
    pub(super) let_in: String,
    pub(super) access: String,
    pub(super) history_from: Option<i64>,
    pub(super) starts_at: i64,
    pub(super) expires_at: i64,
    pub(super) tokens_since: Option<i64>,
}

impl HeadRow {
    /// The row of a consent whose current version this is.
    pub(super) fn of(record: &ConsentRecord, seq: i64) -> Self {
        let head = ConsentHead::of(record, seq);
        Self {
            id: head.grant_id.to_string(),
            client_id: head.client.to_string(),
            sub: head.sub.map(|sub| sub.to_string()),
            seq,
            version: head.version.into(),
            status: head.status.to_string(),
            scopes: head.scopes.to_string(),
            excluded: head.excluded.to_string(),
            let_in: head.let_in.to_string(),
            access: head.access.to_string(),
            history_from: head.history_from.map(|at| at.0),
            starts_at: head.starts_at.0,
            expires_at: head.expires_at.0,
            tokens_since: head.tokens_since.map(|at| at.0),
        }
    }
}

impl TryFrom<HeadRow> for ConsentHead {
    type Error = StoreError;

    fn try_from(row: HeadRow) -> Result<Self, StoreError> {
        Ok(Self {
            grant_id: parsed(CONSENTS, &row.id)?,
            client: parsed(CONSENTS, &row.client_id)?,
            sub: row.sub.map(|sub| parsed(CONSENTS, &sub)).transpose()?,
            seq: row.seq,
            version: version(CONSENTS, row.version)?,
            status: parsed(CONSENTS, &row.status)?,
            scopes: words(&row.scopes)?,
            excluded: words(&row.excluded)?,
            let_in: words(&row.let_in)?,
            access: parsed(CONSENTS, &row.access)?,
            history_from: row.history_from.map(Micros),
            starts_at: Micros(row.starts_at),
            expires_at: Micros(row.expires_at),
            tokens_since: row.tokens_since.map(Micros),
        })
    }
}

/// A set of words as it is displayed: none is an empty text.
fn words<W: Word>(text: &str) -> Result<WordSet<W>, StoreError> {
    let word = |text: &str| {
        let unknown =
            || StoreError::corrupt(CONSENTS, format!("`{text}` {}", UnknownWord::of::<W>(text)));
        W::of(text).ok_or_else(unknown)
    };
    text.split_whitespace().map(word).collect()
}

/// The number of a version.
pub(super) fn version(table: &'static str, number: i64) -> Result<u32, StoreError> {
    u32::try_from(number).map_err(|error| StoreError::corrupt(table, error))
}

/// One version of a consent.
#[derive(Debug, FromRow)]
pub(super) struct ConsentVersionRow {
    record: String,
    receipt_jws: Option<String>,
}

impl TryFrom<ConsentVersionRow> for ConsentRecord {
    type Error = StoreError;

    fn try_from(row: ConsentVersionRow) -> Result<Self, StoreError> {
        let record: Self =
            serde_json::from_str(&row.record).map_err(|e| StoreError::corrupt(VERSIONS, e))?;
        Ok(Self { receipt_jws: row.receipt_jws, ..record })
    }
}

/// The text of a version without its receipt: that is signed when the version is there, and has a column of its own, so
/// that a move from a version that was read before does not take it away.
pub(super) fn text(record: &ConsentRecord) -> Result<String, StoreError> {
    let record = ConsentRecord { receipt_jws: None, ..record.clone() };
    serde_json::to_string(&record).map_err(|e| StoreError::corrupt(VERSIONS, e))
}
