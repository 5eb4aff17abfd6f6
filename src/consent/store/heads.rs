//! What nodes keep in memory of all consents, and how they follow it.
//!
//! A node reads those that are [`living`] at its start, and from then on those [`behind`] the place that it knows, each
//! time it looks or is woken: each one that it [takes](crate::consent::head::KnownConsent::apply) is newer or known. Once
//! it has what is behind a place, it is certain that there was nothing newer when it began to look.

use super::row::HeadRow;
use crate::consent::head::ConsentHead;
use crate::consent::record::GrantId;
use crate::on_db;
use crate::storage::{Db, Log, StoreError, fetch, log};

/// The columns of a head.
macro_rules! heads {
    ($rest:literal) => {
        concat!(
            "SELECT id, client_id, sub, seq, version, status, scopes, excluded, let_in, access, history_from,
            starts_at, expires_at, tokens_since FROM consents ",
            $rest
        )
    };
}

/// Hands over the heads of all consents, some at a time; the place from which they are to be followed.
pub async fn all(db: &Db, take: impl FnMut(Vec<ConsentHead>)) -> Result<i64, StoreError> {
    const ALL: &str = heads!("");
    // First, so that what is written meanwhile is read again, and not missed.
    let position = log::head(db, Log::Consent).await?;
    fetch::in_batches(db, ALL, |row: HeadRow| row.try_into(), take).await?;
    Ok(position)
}

/// Hands over the heads of the consents that have not ended, as [`all`] does.
pub async fn living(db: &Db, take: impl FnMut(Vec<ConsentHead>)) -> Result<i64, StoreError> {
    // The states are those of the index.
    const LIVING: &str = heads!("WHERE status IN ('pending', 'active', 'suspended')");
    let position = log::head(db, Log::Consent).await?;
    fetch::in_batches(db, LIVING, |row: HeadRow| row.try_into(), take).await?;
    Ok(position)
}

/// The head of one consent; `None` where there is no such consent.
pub async fn one(db: &Db, id: GrantId) -> Result<Option<ConsentHead>, StoreError> {
    const ONE: &str = heads!("WHERE id = $1");
    let row: Option<HeadRow> =
        on_db!(db, c => sqlx::query_as(ONE).bind(id.to_string()).fetch_optional(c).await)?;
    row.map(ConsentHead::try_from).transpose()
}

/// What is behind a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeadsBehind {
    /// The heads, in the order in which they were written; of each consent the last.
    pub heads: Vec<ConsentHead>,
    /// The place up to which all is known with them.
    pub position: i64,
    /// Whether there is more behind it, since there are as many as were asked for.
    pub more: bool,
}

/// The heads of the consents that were written behind a place, at most `limit`; `None` where the ledger has no such place,
/// so that it is another one, or an older one, and all has to be read anew.
pub async fn behind(db: &Db, position: i64, limit: u32) -> Result<Option<HeadsBehind>, StoreError> {
    const BEHIND: &str = heads!("WHERE seq > $1 ORDER BY seq LIMIT $2");
    let head = log::head(db, Log::Consent).await?;
    if head < position {
        return Ok(None);
    }
    let rows: Vec<HeadRow> = match head == position {
        true => Vec::new(),
        false => on_db!(db, c => {
            sqlx::query_as(BEHIND).bind(position).bind(i64::from(limit)).fetch_all(c).await
        })?,
    };
    let heads = rows.into_iter().map(ConsentHead::try_from).collect::<Result<Vec<_>, _>>()?;
    // Rows are read after the head: all up to it are among them, or were written again behind it and are, too.
    let last = heads.last().map_or(position, |last| last.seq);
    let more = heads.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
    let position = if more { last } else { last.max(head) };
    Ok(Some(HeadsBehind { heads, position, more }))
}
