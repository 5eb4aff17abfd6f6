//! The audit log: who did what, to what, and when, as a chain of hashes.
//!
//! Each entry carries a hash over its own fields and the hash of the entry before, so that a changed,
//! removed or added entry shows: from there on nothing fits. Whoever can write to the database could make
//! the whole chain anew; who keeps its head elsewhere (`GET /admin/v1/audit/head`) sees that too.

pub mod chain;
pub mod store;

pub use chain::{Break, Chain, Chained, Entry, GENESIS, Pin};

use super::service::By;
use crate::storage::{Db, Log, StoreError, Tx, advance};
use serde_json::{Value, json};

/// Who the log names for what the program does by itself.
const ACTOR: &str = "comptoir";

/// What is to be written down.
#[derive(Debug)]
pub struct Deed {
    /// What was done: `key.revoke`.
    pub action: String,
    /// The id of what it was done to.
    pub subject: String,
    /// What it became, without secrets.
    pub detail: Value,
}

/// Writes an entry. Writers of the audit log wait for the end of this transaction, so call it last.
pub async fn append(tx: &mut Tx, by: &By<'_>, deed: Deed) -> Result<(), StoreError> {
    let counted = advance(tx, Log::Audit, 1).await?;
    let mut found = store::last(tx).await?;
    if found.1.is_empty() {
        // A node that runs an older version beside this one has written it.
        chain_rest(tx).await?;
        found = store::last(tx).await?;
    }
    let (last, previous) = found;
    let position = counted.max(last + 1);
    if position > counted {
        advance(tx, Log::Audit, position - counted).await?;
    }
    let mut entry = Entry {
        position,
        occurred_at: by.now,
        actor: by.actor.to_owned(),
        action: deed.action,
        subject: deed.subject,
        detail: deed.detail.to_string(),
        previous,
        hash: String::new(),
    };
    entry.hash = entry.digest();
    store::insert(tx, &entry).await
}

/// Writes an entry in a transaction of its own: for what happened without anything having changed.
pub async fn note(db: &Db, by: &By<'_>, deed: Deed) -> Result<(), StoreError> {
    let mut tx = db.begin().await?;
    append(&mut tx, by, deed).await?;
    tx.commit().await
}

/// Chains the entries that a version without the chain has written, and says in the log which they are:
/// what was changed in them before shows nowhere. Does nothing where there are none.
pub async fn anchor(db: &Db, now: crate::kernel::Micros) -> Result<(), StoreError> {
    if !store::has_unchained(db).await? {
        return Ok(());
    }
    let mut tx = db.begin().await?;
    // Takes the lock of the log, so that of two nodes that start together one finds nothing left.
    advance(&mut tx, Log::Audit, 0).await?;
    if let Some((first, last)) = chain_rest(&mut tx).await? {
        let detail = json!({ "first": first, "last": last });
        let deed = Deed { action: "audit_log.anchor".into(), subject: "audit_log".into(), detail };
        append(&mut tx, &By::new(ACTOR, now), deed).await?;
    }
    tx.commit().await
}

/// Chains the entries behind the last one that is chained; the first and last position of them.
async fn chain_rest(tx: &mut Tx) -> Result<Option<(i64, i64)>, StoreError> {
    let mut chained = None;
    loop {
        let (after, mut previous) = store::last_chained(tx).await?;
        let rest = store::unchained_after(tx, after).await?;
        let Some(last) = rest.last().map(|entry| entry.position) else { return Ok(chained) };
        let first = rest.first().map_or(last, |entry| entry.position);
        chained = Some((chained.map_or(first, |(first, _)| first), last));
        for mut entry in rest {
            entry.previous = previous;
            previous = entry.digest();
            store::set_hash(tx, entry.position, &previous).await?;
        }
    }
}

/// Checks the whole log of a database against its hashes and its head, and against an entry that was
/// written down elsewhere.
pub async fn verify(db: &Db, pin: Option<Pin>) -> Result<Result<Chain, Break>, StoreError> {
    let mut chain = Chain::from_the_start().pinned(pin);
    let head = crate::storage::log::head(db, Log::Audit).await?;
    loop {
        let entries = store::range(db, chain.position, i64::MAX, store::BATCH).await?;
        if entries.is_empty() {
            break;
        }
        for (entry, stored) in &entries {
            let checked = match stored {
                Some(_) => chain.check(entry),
                None => Err(Break::unchained(entry.position)),
            };
            if let Err(broken) = checked {
                return Ok(Err(broken));
            }
        }
    }
    Ok(if head > chain.position { Err(Break::cut(chain.position, head)) } else { chain.end() })
}
