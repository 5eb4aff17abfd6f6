//! The check of a database: the chain, the checkpoints, what stands beside the ledger, and the receipts.

use super::{jws, store};
use crate::access::audit::{Break, Chain};
use crate::access::oauth::jwk::Verifier;
use crate::consent::evidence::{LedgerCheckpoint, LedgerEntry};
use crate::consent::head::ConsentHead;
use crate::consent::record::{ConsentRecord, GrantId};
use crate::consent::store::ledger::{self, BATCH};
use crate::consent::store::read::ConsentHistory;
use crate::consent::store::{heads, read};
use crate::storage::{Db, StoreError};
use serde_json::{Value, json};

/// What was checked, and holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentProof {
    /// The ledger.
    pub chain: Chain,
    /// Checkpoints whose signatures hold and that say what the ledger does.
    pub checkpoints: u64,
    /// Consents whose rows say what their entries do.
    pub consents: u64,
    /// Receipts whose signatures hold and that name the entry which proves them.
    pub receipts: u64,
}

/// Checks all of it, with the keys that are believed and with checkpoints that were written down elsewhere, whose
/// signatures hold. It can be done while nodes write.
pub async fn prove(
    db: &Db,
    keys: &[Verifier],
    elsewhere: &[LedgerCheckpoint],
) -> Result<Result<ConsentProof, Break>, StoreError> {
    let mut checkpoints = match signed(db, keys).await? {
        Ok(checkpoints) => checkpoints,
        Err(broken) => return Ok(Err(broken)),
    };
    checkpoints.extend_from_slice(elsewhere);
    let chain = match ledger::verify(db, &checkpoints).await? {
        Ok(chain) => chain,
        Err(broken) => return Ok(Err(broken)),
    };
    let checkpoints = checkpoints.len() as u64;
    let mut proof = ConsentProof { chain, checkpoints, consents: 0, receipts: 0 };
    if let Some(seq) = store::first_without_consent(db).await? {
        return Ok(Err(fault(seq, "the consent that it is about is not there")));
    }
    let mut after = None;
    loop {
        let ids = store::ids(db, after, BATCH).await?;
        for id in &ids {
            match of_consent(db, *id, keys).await? {
                Ok(receipts) => proof.receipts += receipts,
                Err(broken) => return Ok(Err(broken)),
            }
            proof.consents += 1;
        }
        match ids.last() {
            Some(last) => after = Some(*last),
            None => return Ok(Ok(proof)),
        }
    }
}

fn fault(position: i64, what: impl Into<String>) -> Break {
    Break { position, what: what.into() }
}

/// The checkpoints of the database, if each is what was signed.
async fn signed(
    db: &Db,
    keys: &[Verifier],
) -> Result<Result<Vec<LedgerCheckpoint>, Break>, StoreError> {
    let (mut all, mut after) = (Vec::new(), i64::MIN);
    loop {
        let some = ledger::checkpoints(db, after, BATCH).await?;
        let Some(last) = some.last() else { return Ok(Ok(all)) };
        after = last.checkpoint.seq;
        for it in some {
            let seq = it.checkpoint.seq;
            match jws::checkpoint(&it.jws, keys) {
                Ok(said) if said == it.checkpoint => all.push(said),
                Ok(_) => {
                    return Ok(Err(fault(seq, "its checkpoint says other than what was signed")));
                }
                Err(error) => return Ok(Err(fault(seq, format!("its checkpoint {error}")))),
            }
        }
    }
}

/// Checks one consent; how many receipts of it hold.
async fn of_consent(
    db: &Db,
    id: GrantId,
    keys: &[Verifier],
) -> Result<Result<u64, Break>, StoreError> {
    // Both of one instant: a node may move it meanwhile.
    let (head, history) = loop {
        let before = heads::one(db, id).await?;
        let history = read::history(db, id).await?;
        if before == heads::one(db, id).await? {
            break (before, history);
        }
    };
    let Some(head) = head else { return Ok(Ok(0)) };
    let Some(history) = history else {
        return Ok(Err(fault(head.seq, format!("the consent {id} has no version"))));
    };
    if let Some(broken) = row_fault(&head, &history) {
        return Ok(Err(broken));
    }
    let mut receipts = 0;
    for record in &history.versions {
        if let Some(broken) = record_fault(record, &history.entries) {
            return Ok(Err(broken));
        }
        let Some(receipt) = &record.receipt_jws else { continue };
        if let Some(broken) = receipt_fault((record, receipt), &history.entries, keys) {
            return Ok(Err(broken));
        }
        receipts += 1;
    }
    Ok(Ok(receipts))
}

/// What is wrong with the row by which all is decided.
fn row_fault(head: &ConsentHead, history: &ConsentHistory) -> Option<Break> {
    let (id, seq) = (head.grant_id, head.seq);
    let Some(current) = history.versions.last() else {
        return Some(fault(seq, format!("the consent {id} has no version")));
    };
    if *head != ConsentHead::of(current, seq) {
        return Some(fault(seq, format!("the row of the consent {id} is not as its record")));
    }
    if !history.entries.iter().any(|entry| entry.seq == seq) {
        return Some(fault(seq, format!("it is not about the consent {id}, whose row names it")));
    }
    let last = history.entries.last()?;
    let stands = (current.version, json!(current.status));
    (stands != (last.version, fact(last, "status")))
        .then(|| fault(last.seq, format!("the consent {id} does not stand as its last entry says")))
}

/// A fact that an entry tells.
fn fact(entry: &LedgerEntry, name: &str) -> Value {
    let said = serde_json::from_str::<Value>(&entry.payload).unwrap_or_default();
    said.get("facts").and_then(|facts| facts.get(name)).cloned().unwrap_or_default()
}

/// What is wrong with a version: no entry says how it came to be, or how it ended.
fn record_fault(record: &ConsentRecord, entries: &[LedgerEntry]) -> Option<Break> {
    if entries.iter().any(|entry| entry.proves(record)) {
        return None;
    }
    let of_it = entries.iter().rev().find(|entry| entry.version == record.version);
    let seq = of_it.or_else(|| entries.last()).map_or(0, |entry| entry.seq);
    let id = record.consent_id();
    Some(fault(seq, format!("the record {id} says other than the entries about it")))
}

/// What is wrong with a receipt.
fn receipt_fault(
    (record, receipt): (&ConsentRecord, &str),
    entries: &[LedgerEntry],
    keys: &[Verifier],
) -> Option<Break> {
    let id = record.consent_id();
    let of_it = entries.iter().rev().find(|entry| entry.version == record.version);
    let own = of_it.map_or(0, |entry| entry.seq);
    let said = match jws::receipt(receipt, keys) {
        Ok(said) => said,
        Err(error) => return Some(fault(own, format!("the receipt of {id} {error}"))),
    };
    let place = said.ledger;
    let is_of = |entry: &&LedgerEntry| {
        (entry.seq, entry.entry_hash, entry.version)
            == (place.seq, place.entry_hash, record.version)
    };
    let holds =
        entries.iter().find(is_of).is_some_and(|_| said.jti == format!("{id}.{}", place.seq));
    (!holds).then(|| fault(place.seq, format!("the receipt of {id} is not of its entry")))
}
