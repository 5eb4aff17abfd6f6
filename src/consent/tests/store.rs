//! What is stored of consents is what the core says of them, on either engine.

mod erasure;
mod follow;
mod kept;
mod known;
mod life;
mod published;
mod race;
mod random;

use super::*;
use crate::consent::evidence::LedgerCheckpoint;
use crate::consent::head::ConsentHead;
use crate::consent::store::apply::apply;
use crate::consent::store::subjects::{refer, sub_of};
use crate::consent::store::{NotWritten, heads, ledger, read};
use crate::consent::subject::Sector;
use crate::storage::testing::{TestDb, database};
use crate::storage::{Db, StoreError, Tx};
use crate::{on_db, on_tx};
use sqlx::AssertSqlSafe;
use std::collections::HashMap;

/// Each table with its columns.
const TABLES: [(&str, &[&str]); 9] = [
    ("consent_subjects", &["customer", "subject_ref", "subject_key", "made_at"]),
    ("consent_subs", &["sector", "subject_ref", "sub", "made_at"]),
    (
        "consents",
        &[
            "id",
            "client_id",
            "partner_id",
            "subject_ref",
            "sub",
            "seq",
            "version",
            "status",
            "suspended_for",
            "tokens_since",
            "scopes",
            "excluded",
            "let_in",
            "access",
            "history_from",
            "starts_at",
            "expires_at",
            "erased_at",
        ],
    ),
    ("consent_versions", &["grant_id", "version", "record", "receipt_jws"]),
    (
        "consent_events",
        &[
            "seq",
            "grant_id",
            "version",
            "kind",
            "actor",
            "at_ms",
            "payload",
            "payload_hash",
            "prev_hash",
            "entry_hash",
        ],
    ),
    ("consent_checkpoints", &["seq", "entry_hash", "issuer", "signed_at", "jws"]),
    ("consent_purposes", &["client_id", "purpose_id", "version", "hash", "document", "made_at"]),
    ("consent_notices", &["notice_id", "version", "hash", "document", "made_at"]),
    ("log_heads", &["log", "position"]),
];

/// All that is stored.
async fn contents(db: &Db) -> Vec<String> {
    let mut all = Vec::new();
    for (table, columns) in TABLES {
        let cell = |column: &&str| format!("COALESCE(CAST({column} AS TEXT), '-')");
        let cells: Vec<String> = columns.iter().map(cell).collect();
        let sql =
            format!("SELECT '{table}: ' || {} FROM {table} ORDER BY 1", cells.join(" || ' ' || "));
        let rows: Vec<String> = on_db!(db, c => {
            sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(c).await
        })
        .unwrap();
        all.extend(rows);
    }
    all
}

/// Runs a statement, as somebody else would.
async fn tell(db: &Db, sql: &str) -> Result<(), StoreError> {
    let mut tx = db.begin().await?;
    on_tx!(&mut tx, c => sqlx::query(AssertSqlSafe(sql.to_owned())).execute(c).await.map(|_| ()))?;
    tx.commit().await
}

/// Writes a move. What comes of a transaction in which it was refused is kept, too, to show that it is nothing.
async fn write(db: &Db, change: &ConsentChange) -> Result<Option<i64>, NotWritten> {
    let mut tx = db.begin().await?;
    let written = apply(&mut tx, change).await;
    match &written {
        Err(NotWritten::Store(_)) => drop(tx),
        _ => tx.commit().await?,
    }
    written
}

fn sector() -> Sector {
    "coach".parse().unwrap()
}

/// Has the customer known, to the ledger and to the partner.
async fn know(tx: &mut Tx) -> SubjectRef {
    let reference = refer(tx, "cus_1", &SubjectKey::new([1; 32]), NOW).await.unwrap();
    let named = sub_of(tx, (&sector(), reference), sub(), NOW).await.unwrap();
    assert_eq!((reference, named), (customer(), sub()));
    reference
}

/// A database that knows the customer.
async fn shop() -> TestDb {
    let db = database().await;
    let mut tx = db.begin().await.unwrap();
    know(&mut tx).await;
    tx.commit().await.unwrap();
    db
}

/// A consent that its customer has given.
async fn given(db: &Db, n: u8) -> ConsentRecord {
    let asked = requested(n);
    write(db, &asked).await.unwrap();
    let ticked = approval(&format!("{SUMMARY} {ITEMS} offline_access"));
    let change = approve(&asked.record, ticked, later(1)).unwrap();
    write(db, &change).await.unwrap();
    change.record
}

async fn current(db: &Db, id: GrantId) -> ConsentRecord {
    read::current(db, id).await.unwrap().unwrap()
}

/// How many entries of the ledger hold.
async fn verified(db: &Db, checkpoints: &[LedgerCheckpoint]) -> u64 {
    ledger::verify(db, checkpoints).await.unwrap().unwrap().entries
}

/// All heads, read whole.
async fn whole(db: &Db) -> (HashMap<GrantId, ConsentHead>, i64) {
    let mut found = HashMap::new();
    let take = |some: Vec<ConsentHead>| found.extend(some.into_iter().map(|it| (it.grant_id, it)));
    let position = heads::all(db, take).await.unwrap();
    (found, position)
}
