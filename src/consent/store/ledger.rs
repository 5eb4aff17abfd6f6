//! The ledger as it is stored: its end, what is added, and the whole of it in its order.

use super::row::version;
use super::{NotWritten, hold};
use crate::access::audit::{Break, Chain};
use crate::consent::change::ConsentEvent;
use crate::consent::evidence::{LedgerCheck, LedgerCheckpoint, LedgerEntry};
use crate::consent::hash::Hash32;
use crate::consent::jcs::NotCanonical;
use crate::consent::record::GrantId;
use crate::kernel::Micros;
use crate::kernel::clock::SECOND;
use crate::storage::bulk::{self, Cell, Statement};
use crate::storage::{Db, Log, StoreError, Tx, advance, log, parsed};
use crate::{on_db, on_tx};
use sqlx::FromRow;
use std::fmt::Display;
use std::str::FromStr;

const EVENTS: &str = "consent_events";
const CHECKPOINTS: &str = "consent_checkpoints";
/// Entries that are read at once where all are.
pub const BATCH: u32 = 500;

static APPEND: Statement = Statement::new(
    "INSERT INTO consent_events (seq, grant_id, version, kind, actor, at_ms, payload, payload_hash, prev_hash, \
     entry_hash) VALUES",
    10,
    "",
);

/// Where the ledger ends.
#[derive(Debug)]
pub(super) struct LedgerEnd {
    /// The head of its log.
    position: i64,
    /// Behind which place and which hash the next entry is made.
    last: (i64, Hash32),
}

/// The end of the ledger, kept from other writers until the end of the transaction.
///
/// The head of the log and the last entry say the same, unless the database was changed by others. What comes then is
/// made behind the later of both, so that consents can be ended still, and the check of the chain names the place.
pub(super) async fn end(tx: &mut Tx) -> Result<LedgerEnd, StoreError> {
    const LAST: &str = "SELECT seq, entry_hash FROM consent_events ORDER BY seq DESC LIMIT 1";
    let position = advance(tx, Log::Consent, 0).await?;
    let last: Option<(i64, String)> =
        on_tx!(tx, c => sqlx::query_as(LAST).fetch_optional(c).await)?;
    let (seq, hash) = last.unwrap_or_default();
    Ok(LedgerEnd { position, last: (seq.max(position), hash.parse().unwrap_or(Hash32::ZERO)) })
}

impl LedgerEnd {
    /// The entries of events, in their order.
    pub(super) fn entries(
        &self,
        events: &[ConsentEvent],
    ) -> Result<Vec<LedgerEntry>, NotCanonical> {
        let mut last = self.last;
        let entry = |event| {
            let entry = LedgerEntry::behind(last, event)?;
            last = (entry.seq, entry.entry_hash);
            Ok(entry)
        };
        events.iter().map(entry).collect()
    }

    /// Writes entries that were made behind this end.
    pub(super) async fn append(
        self,
        tx: &mut Tx,
        entries: &[LedgerEntry],
    ) -> Result<(), StoreError> {
        let Some(last) = entries.last() else { return Ok(()) };
        advance(tx, Log::Consent, last.seq - self.position).await?;
        let mut cells: Vec<Cell<'_>> = Vec::with_capacity(entries.len() * 10);
        for entry in entries {
            cells.extend([
                entry.seq.into(),
                entry.grant_id.to_string().into(),
                i64::from(entry.version).into(),
                entry.kind.to_string().into(),
                entry.actor.to_string().into(),
                entry.at_ms.into(),
                entry.payload.as_str().into(),
                entry.payload_hash.to_string().into(),
                entry.prev_hash.to_string().into(),
                entry.entry_hash.to_string().into(),
            ]);
        }
        bulk::write(tx, &APPEND, &cells).await
    }
}

/// Tells the ledger of what has happened to a consent without having moved it; its entry.
pub async fn note(tx: &mut Tx, event: &ConsentEvent) -> Result<LedgerEntry, NotWritten> {
    let end = end(tx).await?;
    let mut entries = end.entries(std::slice::from_ref(event))?;
    end.append(tx, &entries).await?;
    entries.pop().ok_or_else(|| StoreError::corrupt(EVENTS, "an event has no entry").into())
}

#[derive(FromRow)]
struct EventRow {
    seq: i64,
    grant_id: String,
    version: i64,
    kind: String,
    actor: String,
    at_ms: i64,
    payload: String,
    payload_hash: String,
    prev_hash: String,
    entry_hash: String,
}

impl EventRow {
    /// What one of its texts says.
    fn read<T>(&self, text: &str) -> Result<T, StoreError>
    where
        T: FromStr,
        T::Err: Display,
    {
        let wrong = |error| StoreError::corrupt(EVENTS, format!("entry {}: {error}", self.seq));
        text.parse().map_err(wrong)
    }
}

impl TryFrom<EventRow> for LedgerEntry {
    type Error = StoreError;

    fn try_from(row: EventRow) -> Result<Self, StoreError> {
        Ok(Self {
            seq: row.seq,
            grant_id: row.read(&row.grant_id)?,
            version: version(EVENTS, row.version)?,
            kind: row.read(&row.kind)?,
            actor: row.read(&row.actor)?,
            at_ms: row.at_ms,
            payload_hash: row.read(&row.payload_hash)?,
            prev_hash: row.read(&row.prev_hash)?,
            entry_hash: row.read(&row.entry_hash)?,
            payload: row.payload,
        })
    }
}

/// Entries behind a place, in their order.
pub async fn entries(db: &Db, after: i64, limit: u32) -> Result<Vec<LedgerEntry>, StoreError> {
    const LIST: &str = "SELECT * FROM consent_events WHERE seq > $1 ORDER BY seq LIMIT $2";
    let rows: Vec<EventRow> = on_db!(db, c => {
        sqlx::query_as(LIST).bind(after).bind(i64::from(limit)).fetch_all(c).await
    })?;
    rows.into_iter().map(LedgerEntry::try_from).collect()
}

/// When the last entries behind one place up to another were written, by the clocks of the nodes that wrote them; at most
/// `limit`.
pub async fn written(
    db: &Db,
    after: i64,
    up_to: i64,
    limit: u32,
) -> Result<Vec<Micros>, StoreError> {
    const WRITTEN: &str = "SELECT at_ms FROM consent_events WHERE seq > $1 AND seq <= $2
        ORDER BY seq DESC LIMIT $3";
    let rows: Vec<i64> = on_db!(db, c => {
        let list = sqlx::query_scalar(WRITTEN).bind(after).bind(up_to);
        list.bind(i64::from(limit)).fetch_all(c).await
    })?;
    Ok(rows.into_iter().map(|ms| Micros(ms.saturating_mul(1_000))).collect())
}

/// All entries of a consent, in their order, as a transaction sees them.
pub(super) async fn of_consent(tx: &mut Tx, id: GrantId) -> Result<Vec<LedgerEntry>, StoreError> {
    const LIST: &str = "SELECT * FROM consent_events WHERE grant_id = $1 ORDER BY seq";
    let rows: Vec<EventRow> =
        on_tx!(tx, c => sqlx::query_as(LIST).bind(id.to_string()).fetch_all(c).await)?;
    rows.into_iter().map(LedgerEntry::try_from).collect()
}

/// The last entry, to be signed; `None` where there is none.
pub async fn last(db: &Db) -> Result<Option<LedgerEntry>, StoreError> {
    const LAST: &str = "SELECT * FROM consent_events ORDER BY seq DESC LIMIT 1";
    let row: Option<EventRow> = on_db!(db, c => sqlx::query_as(LAST).fetch_optional(c).await)?;
    row.map(LedgerEntry::try_from).transpose()
}

/// Checks the whole ledger against its hashes and the head of its log, and against checkpoints whose signatures hold.
pub async fn verify(
    db: &Db,
    checkpoints: &[LedgerCheckpoint],
) -> Result<Result<Chain, Break>, StoreError> {
    let mut check = match LedgerCheck::against(checkpoints) {
        Ok(check) => check,
        Err(broken) => return Ok(Err(broken)),
    };
    let head = log::head(db, Log::Consent).await?;
    let mut after = i64::MIN;
    loop {
        let entries = entries(db, after, BATCH).await?;
        let Some(last) = entries.last() else { break };
        after = last.seq;
        if let Err(broken) = entries.iter().try_for_each(|entry| check.check(entry)) {
            return Ok(Err(broken));
        }
    }
    Ok(check.end().and_then(|chain| match chain.position < head {
        true => Err(Break::cut(chain.position, head)),
        false => Ok(chain),
    }))
}

/// A checkpoint with its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    /// What was signed.
    pub checkpoint: LedgerCheckpoint,
    /// The `consent-checkpoint+jwt`.
    pub jws: String,
}

/// Keeps a checkpoint; false where another node has signed one of the same place.
pub async fn put_checkpoint(tx: &mut Tx, signed: &SignedCheckpoint) -> Result<bool, StoreError> {
    const PUT: &str =
        "INSERT INTO consent_checkpoints (seq, entry_hash, issuer, signed_at, jws)
        SELECT $1, $2, $3, $4, $5 WHERE NOT EXISTS (SELECT 1 FROM consent_checkpoints WHERE seq = $1)";
    hold(tx).await?;
    let LedgerCheckpoint { iss, seq, entry_hash, iat } = &signed.checkpoint;
    let put = on_tx!(tx, c => {
        let put = sqlx::query(PUT).bind(*seq).bind(entry_hash.to_string()).bind(iss);
        put.bind(*iat).bind(&signed.jws).execute(c).await?.rows_affected()
    });
    Ok(put == 1)
}

/// Place and time of the last checkpoint; of none, the beginning of all.
pub async fn last_checkpoint(db: &Db) -> Result<(i64, Micros), StoreError> {
    const LAST: &str = "SELECT seq, signed_at FROM consent_checkpoints ORDER BY seq DESC LIMIT 1";
    let last: Option<(i64, i64)> = on_db!(db, c => sqlx::query_as(LAST).fetch_optional(c).await)?;
    let (seq, at) = last.unwrap_or_default();
    Ok((seq, Micros(at.saturating_mul(SECOND))))
}

#[derive(FromRow)]
struct CheckpointRow {
    seq: i64,
    entry_hash: String,
    issuer: String,
    signed_at: i64,
    jws: String,
}

/// Checkpoints behind a place, in their order.
pub async fn checkpoints(
    db: &Db,
    after: i64,
    limit: u32,
) -> Result<Vec<SignedCheckpoint>, StoreError> {
    const LIST: &str = "SELECT * FROM consent_checkpoints WHERE seq > $1 ORDER BY seq LIMIT $2";
    let rows: Vec<CheckpointRow> = on_db!(db, c => {
        sqlx::query_as(LIST).bind(after).bind(i64::from(limit)).fetch_all(c).await
    })?;
    rows.into_iter().map(SignedCheckpoint::try_from).collect()
}

/// The newest checkpoints, the last one first.
pub async fn newest_checkpoints(db: &Db, limit: u32) -> Result<Vec<SignedCheckpoint>, StoreError> {
    const LIST: &str = "SELECT * FROM consent_checkpoints ORDER BY seq DESC LIMIT $1";
    let rows: Vec<CheckpointRow> =
        on_db!(db, c => sqlx::query_as(LIST).bind(i64::from(limit)).fetch_all(c).await)?;
    rows.into_iter().map(SignedCheckpoint::try_from).collect()
}

impl TryFrom<CheckpointRow> for SignedCheckpoint {
    type Error = StoreError;

    fn try_from(row: CheckpointRow) -> Result<Self, StoreError> {
        let entry_hash = parsed(CHECKPOINTS, &row.entry_hash)?;
        let checkpoint =
            LedgerCheckpoint { iss: row.issuer, seq: row.seq, entry_hash, iat: row.signed_at };
        Ok(Self { checkpoint, jws: row.jws })
    }
}
