//! Writing a move of a consent.

use super::row::{HeadRow, text};
use super::{NotWritten, VERSIONS, hold, ledger, subjects};
use crate::consent::change::{ConsentBasis, ConsentChange};
use crate::consent::record::{ConsentRecord, GrantId};
use crate::consent::subject::KnownAs;
use crate::kernel::Micros;
use crate::on_tx;
use crate::storage::{StoreError, Tx};

/// Binds what the row of a consent says of its current version, as both statements have it.
macro_rules! bind_head {
    ($query:expr, $row:expr, $record:expr) => {{
        let row = $row;
        $query
            .bind(&row.id)
            .bind(&row.sub)
            .bind(row.version)
            .bind(&row.status)
            .bind($record.suspended_for.to_string())
            .bind(row.tokens_since)
            .bind(&row.scopes)
            .bind(&row.excluded)
            .bind(&row.let_in)
            .bind(&row.access)
            .bind(row.history_from)
            .bind(row.starts_at)
            .bind(row.expires_at)
            .bind(erased_at($record).map(|at| at.0))
    }};
}

/// When its customer was forgotten.
fn erased_at(record: &ConsentRecord) -> Option<Micros> {
    match record.known_as {
        KnownAs::Sub(_) => None,
        KnownAs::Erased(at) => Some(at),
    }
}

/// Writes what comes of a move: the consent as it then stands, its versions, and what the ledger is told. The place in the
/// ledger that was written last; `None` where the consent holds as much as before, and the ledger is told nothing.
///
/// Where the consent does not stand as the move says any more, nothing is written ([`NotWritten::Moved`]); a consent that
/// is new is refused where its customer was forgotten meanwhile ([`NotWritten::Forgotten`]). Writers of consents wait for
/// the end of this transaction, so call it last, after all else that the transaction locks.
pub async fn apply(tx: &mut Tx, change: &ConsentChange) -> Result<Option<i64>, NotWritten> {
    let end = ledger::end(tx).await?;
    let entries = end.entries(&change.events)?;
    let seq = entries.last().map(|entry| entry.seq);
    let record = &change.record;
    match change.from {
        Some(from) => {
            set(tx, from, record, seq).await?;
            if from.version == record.version {
                rewrite(tx, record).await?;
            } else {
                insert(tx, record).await?;
            }
        }
        None => {
            let seq =
                seq.ok_or_else(|| StoreError::corrupt(VERSIONS, "a beginning without an event"))?;
            add(tx, record, seq).await?;
            insert(tx, record).await?;
        }
    }
    for earlier in &change.earlier {
        rewrite(tx, earlier).await?;
    }
    end.append(tx, &entries).await?;
    Ok(seq)
}

/// Adds a consent whose customer is known.
async fn add(tx: &mut Tx, record: &ConsentRecord, seq: i64) -> Result<(), NotWritten> {
    const ADD: &str = "INSERT INTO consents (id, sub, version, status, suspended_for, tokens_since, scopes, excluded,
        let_in, access, history_from, starts_at, expires_at, erased_at, seq, client_id, partner_id, subject_ref)
        SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18
        WHERE NOT EXISTS (SELECT 1 FROM consents WHERE id = $1)";
    let parties = &record.parties;
    if !subjects::is_known(tx, parties.subject_ref).await? {
        return Err(NotWritten::Forgotten);
    }
    let row = HeadRow::of(record, seq);
    let added = on_tx!(tx, c => {
        let add = bind_head!(sqlx::query(ADD), &row, record).bind(row.seq).bind(&row.client_id);
        let add = add.bind(parties.partner_id.to_string()).bind(parties.subject_ref.0.to_string());
        add.execute(c).await.map_err(StoreError::from)?.rows_affected()
    });
    if added == 1 { Ok(()) } else { Err(NotWritten::Moved) }
}

/// Has a consent stand otherwise where it stands as it must.
async fn set(
    tx: &mut Tx,
    from: ConsentBasis,
    record: &ConsentRecord,
    seq: Option<i64>,
) -> Result<(), NotWritten> {
    const SET: &str = "UPDATE consents SET sub = $2, version = $3, status = $4, suspended_for = $5, tokens_since = $6,
        scopes = $7, excluded = $8, let_in = $9, access = $10, history_from = $11, starts_at = $12, expires_at = $13,
        erased_at = $14, seq = COALESCE($15, seq)
        WHERE id = $1 AND version = $16 AND status = $17 AND suspended_for = $18
        AND tokens_since IS NOT DISTINCT FROM $19 AND erased_at IS NULL";
    let row = HeadRow::of(record, 0);
    let set = on_tx!(tx, c => {
        let set = bind_head!(sqlx::query(SET), &row, record).bind(seq);
        let set = set.bind(i64::from(from.version)).bind(from.status.to_string());
        let set = set.bind(from.suspended_for.to_string()).bind(from.tokens_since.map(|at| at.0));
        set.execute(c).await.map_err(StoreError::from)?.rows_affected()
    });
    if set == 1 { Ok(()) } else { Err(NotWritten::Moved) }
}

/// Adds a version.
async fn insert(tx: &mut Tx, record: &ConsentRecord) -> Result<(), StoreError> {
    const INSERT: &str =
        "INSERT INTO consent_versions (grant_id, version, record) VALUES ($1, $2, $3)";
    let text = text(record)?;
    on_tx!(tx, c => {
        let insert = sqlx::query(INSERT).bind(record.grant_id.to_string());
        insert.bind(i64::from(record.version)).bind(text).execute(c).await?;
    });
    Ok(())
}

/// Has a version that is there say something else. Its receipt goes where its customer is forgotten.
async fn rewrite(tx: &mut Tx, record: &ConsentRecord) -> Result<(), StoreError> {
    const REWRITE: &str = "UPDATE consent_versions
        SET record = $3, receipt_jws = CASE WHEN $4 THEN NULL ELSE receipt_jws END
        WHERE grant_id = $1 AND version = $2";
    let text = text(record)?;
    let is_erased = erased_at(record).is_some();
    let rewritten = on_tx!(tx, c => {
        let rewrite = sqlx::query(REWRITE).bind(record.grant_id.to_string());
        let rewrite = rewrite.bind(i64::from(record.version)).bind(text).bind(is_erased);
        rewrite.execute(c).await?.rows_affected()
    });
    match rewritten {
        1 => Ok(()),
        _ => Err(StoreError::corrupt(VERSIONS, format!("{} is not there", record.consent_id()))),
    }
}

/// Keeps the signed receipt of a version; false where there is no such version, or its customer is forgotten.
pub async fn put_receipt(
    tx: &mut Tx,
    id: GrantId,
    version: u32,
    jws: &str,
) -> Result<bool, StoreError> {
    const PUT: &str =
        "UPDATE consent_versions SET receipt_jws = $3 WHERE grant_id = $1 AND version = $2
        AND EXISTS (SELECT 1 FROM consents WHERE id = $1 AND erased_at IS NULL)";
    hold(tx).await?;
    let put = on_tx!(tx, c => {
        let put = sqlx::query(PUT).bind(id.to_string()).bind(i64::from(version)).bind(jws);
        put.execute(c).await?.rows_affected()
    });
    Ok(put == 1)
}
