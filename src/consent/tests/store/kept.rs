//! What the database itself refuses, and what the chain shows of the rest.

use super::*;
use crate::consent::store::documents::{publish_notice, publish_purpose};
use crate::consent::store::ledger::{SignedCheckpoint, put_checkpoint};

/// A database with a row in each table; its consent has ended.
async fn filled() -> TestDb {
    let db = shop().await;
    let record = given(&db, 1).await;
    write(&db, &own(&record).revoke(false, days(1)).unwrap()).await.unwrap();
    let entry = ledger::last(&db).await.unwrap().unwrap();
    let checkpoint = LedgerCheckpoint::of(&entry, "https://gw.example", days(1));
    let signed = SignedCheckpoint { checkpoint, jws: "signed".into() };
    let mut tx = db.begin().await.unwrap();
    assert!(put_checkpoint(&mut tx, &signed).await.unwrap());
    publish_purpose(&mut tx, &purpose(), NOW).await.unwrap();
    let first = NoticeDocument { version: 1, ..notice() };
    publish_notice(&mut tx, &first, NOW).await.unwrap();
    tx.commit().await.unwrap();
    db
}

#[tokio::test]
async fn evidence_is_neither_changed_nor_deleted() {
    let db = filled().await;
    let before = contents(&db).await;
    for (sql, says) in [
        ("UPDATE consent_events SET payload = '{}'", "the ledger of consents is never changed"),
        ("UPDATE consent_events SET seq = seq + 10", "the ledger of consents is never changed"),
        ("DELETE FROM consent_events", "the ledger of consents is never changed"),
        ("DELETE FROM consent_events WHERE seq = 3", "the ledger of consents is never changed"),
        ("UPDATE consent_checkpoints SET jws = ''", "what was signed is never changed"),
        ("DELETE FROM consent_checkpoints", "what was signed is never changed"),
        ("UPDATE consent_purposes SET document = '{}'", "a purpose that was published is never"),
        ("DELETE FROM consent_purposes", "a purpose that was published is never"),
        ("UPDATE consent_notices SET hash = ''", "a notice that was published is never"),
        ("DELETE FROM consent_notices", "a notice that was published is never"),
        ("DELETE FROM consent_versions", "a version of a consent is never taken away"),
        ("UPDATE consent_versions SET version = 7", "a version of a consent is never taken away"),
        ("DELETE FROM consents", "is never changed"),
        ("UPDATE consents SET status = 'active'", "that it has ended is never changed"),
        ("UPDATE consents SET client_id = 'app_00000000003'", "whose a consent is"),
        ("UPDATE consents SET subject_ref = ''", "whose a consent is"),
        ("UPDATE consents SET seq = 1", "is never changed"),
    ] {
        let refused = tell(&db, sql).await.expect_err(sql).to_string();
        assert!(refused.contains(says), "{sql}: {refused}");
    }
    // Only SQLite has a way to add a row in the place of another, only PostgreSQL one to empty a table.
    let ways: &[&str] = match &*db {
        Db::Sqlite { .. } => &["INSERT OR REPLACE INTO {} SELECT * FROM {}"],
        Db::Postgres(_) => &["TRUNCATE {} CASCADE"],
    };
    for way in ways {
        for table in [
            "consents",
            "consent_versions",
            "consent_events",
            "consent_checkpoints",
            "consent_purposes",
            "consent_notices",
        ] {
            let refused = tell(&db, &way.replace("{}", table)).await.expect_err(table).to_string();
            assert!(refused.contains(" is never "), "{table}: {refused}");
        }
    }
    assert_eq!(contents(&db).await, before);
}

#[tokio::test]
async fn revoked_tokens_and_erasure_are_not_taken_back() {
    use crate::consent::ask::TokensRevokedFor;
    use crate::consent::change::ConsentActor;
    let db = shop().await;
    let record = given(&db, 1).await;
    let change = record.revoke_tokens(TokensRevokedFor::Logout, days(1)).unwrap();
    write(&db, &change).await.unwrap();
    for sql in ["tokens_since = NULL", "tokens_since = tokens_since - 1"] {
        assert!(tell(&db, &format!("UPDATE consents SET {sql}")).await.is_err(), "{sql}");
    }
    let erased = ConsentRecord::erase(&[change.record], ConsentActor::Customer, days(2)).unwrap();
    write(&db, &erased).await.unwrap();
    for sql in ["erased_at = NULL", "sub = '0c9f6c5a-6f2b-4b56-9f0a-2f6f6c6d7e01'"] {
        assert!(tell(&db, &format!("UPDATE consents SET {sql}")).await.is_err(), "{sql}");
    }
}

/// Whoever owns the database can take the triggers away. The chain shows it.
#[tokio::test]
async fn what_is_changed_all_the_same_shows() {
    let db = filled().await;
    let checkpoint = ledger::checkpoints(&db, 0, 9).await.unwrap().remove(0).checkpoint;
    assert_eq!(verified(&db, std::slice::from_ref(&checkpoint)).await, 3);
    assert_eq!(ledger::last_checkpoint(&db).await.unwrap(), (3, days(1)));
    let broken = async || ledger::verify(&db, &[]).await.unwrap().unwrap_err().position;
    const TRIGGERS: &str =
        "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'consent_events'";
    match &*db {
        Db::Sqlite { read, .. } => {
            let names: Vec<String> = sqlx::query_scalar(TRIGGERS).fetch_all(read).await.unwrap();
            for name in names {
                tell(&db, &format!("DROP TRIGGER {name}")).await.unwrap();
            }
        }
        Db::Postgres(_) => {
            tell(&db, "ALTER TABLE consent_events DISABLE TRIGGER USER").await.unwrap();
        }
    }
    tell(&db, "DELETE FROM consent_events WHERE seq = 3").await.unwrap();
    assert_eq!(broken().await, 3, "the head of the log knows of it");
    // What comes then is written, and does not hide it.
    let asked = write(&db, &requested(2)).await.unwrap();
    assert_eq!((asked, broken().await), (Some(4), 3));
    tell(&db, "UPDATE consent_events SET actor = 'customer' WHERE seq = 1").await.unwrap();
    assert_eq!(broken().await, 1);
}

#[tokio::test]
async fn a_place_is_signed_once() {
    let db = filled().await;
    let entry = ledger::last(&db).await.unwrap().unwrap();
    let checkpoint = LedgerCheckpoint::of(&entry, "https://gw.example", days(2));
    let mut tx = db.begin().await.unwrap();
    let other = SignedCheckpoint { checkpoint, jws: "signed by another".into() };
    assert!(!put_checkpoint(&mut tx, &other).await.unwrap());
    tx.commit().await.unwrap();
    let all = ledger::checkpoints(&db, 0, 9).await.unwrap();
    assert_eq!((all.len(), all[0].jws.as_str()), (1, "signed"));
    assert_eq!(ledger::checkpoints(&db, 3, 9).await.unwrap(), []);
    let empty = database().await;
    assert_eq!(ledger::last_checkpoint(&empty).await.unwrap(), (0, Micros(0)));
}
