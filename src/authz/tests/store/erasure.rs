//! What ends a consent, or forgets its customer, takes its codes and tokens with it.

use super::*;
use crate::authz::store::revoke::apply;
use crate::consent::ask::TokensRevokedFor;
use crate::consent::change::{ConsentActor, ConsentChange, ConsentEvent, ConsentEventKind};
use crate::consent::ending::SuspendedFor;
use crate::consent::own::OwnedByCustomer;
use crate::consent::record::ConsentRecord;
use crate::consent::store::erase::forget;

async fn write(db: &Db, change: &ConsentChange) {
    in_tx!(db, tx => apply(&mut tx, change).await.unwrap());
}

/// A database with a consent, two codes of it, and a refresh token of one.
async fn given() -> (TestDb, ConsentRecord) {
    let db = database().await;
    let reference = know(&db, "cus_1", 1).await;
    let record = changed(|record| {
        (record.version, record.supersedes) = (1, None);
        record.parties.subject_ref = reference;
    });
    let event = ConsentEvent {
        grant_id: record.grant_id,
        version: record.version,
        kind: ConsentEventKind::Granted,
        actor: ConsentActor::Customer,
        at: NOW,
        subject_ref: reference,
        facts: serde_json::Map::new(),
    };
    let change = ConsentChange { from: None, record, earlier: Vec::new(), events: vec![event] };
    write(&db, &change).await;
    issue_both(&db, 1, issued_to()).await;
    assert!(put_code(&db, 2, &code()).await);
    (db, change.record)
}

fn own(record: &ConsentRecord) -> OwnedByCustomer<'_> {
    OwnedByCustomer::of(record, record.parties.subject_ref).unwrap()
}

#[tokio::test]
async fn tokens_go_with_their_consent() {
    let (db, record) = given().await;
    let held = record.suspend(SuspendedFor::Blocked, later(1)).unwrap();
    write(&db, &held).await;
    assert_eq!(counts(&db).await, (2, 1), "it may hold again");
    write(&db, &own(&held.record).revoke(false, later(2)).unwrap()).await;
    assert_eq!(counts(&db).await, (0, 0));
}

#[tokio::test]
async fn tokens_go_where_all_of_them_are_revoked() {
    let (db, record) = given().await;
    let revoked = record.revoke_tokens(TokensRevokedFor::Compromised, later(1)).unwrap();
    write(&db, &revoked).await;
    assert_eq!(counts(&db).await, (0, 0));
    // What is issued after that goes with the next.
    issue_both(&db, 3, issued_to()).await;
    let held = revoked.record.suspend(SuspendedFor::Security, later(2)).unwrap();
    write(&db, &held).await;
    assert_eq!(counts(&db).await, (1, 1));
    let again = held.record.revoke_tokens(TokensRevokedFor::Logout, later(3)).unwrap();
    write(&db, &again).await;
    assert_eq!(counts(&db).await, (0, 0));
}

#[tokio::test]
async fn who_is_forgotten_leaves_no_code_and_no_token() {
    const TRACES: &str =
        "SELECT sub FROM authz_codes UNION ALL SELECT sub FROM authz_refresh_tokens";
    let (db, record) = given().await;
    know(&db, "cus_2", 2).await;
    let consent = GrantPointer { sub: subject(2), ..pointer(&record) };
    issue_both(&db, 3, IssuedTo { consent, ..issued_to() }).await;
    let erased = in_tx!(db, tx =>
        forget(&mut tx, "cus_1", ConsentActor::Customer, later(1)).await.unwrap());
    assert_eq!(erased, [record.grant_id]);
    let traces: Vec<String> =
        on_db!(&*db, c => sqlx::query_scalar(TRACES).fetch_all(c).await).unwrap();
    assert_eq!(traces, [subject(2).to_string(), subject(2).to_string()]);
    // And gets none any more.
    assert!(!put_code(&db, 4, &code()).await);
    let (token, of) = (hash::<RefreshToken>(4), hash::<AuthorizationCode>(4));
    let kept = in_tx!(db, tx =>
        stored_tokens::put(&mut tx, token, of, &refresh_record()).await.unwrap());
    assert!(!kept);
    assert_eq!(counts(&db).await, (1, 1));
}

/// Whichever comes first, none is left.
#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_is_issued_while_its_customer_is_forgotten_is_not_kept() {
    let db = database().await;
    for byte in 1..=20 {
        know(&db, "cus_1", byte).await;
        let consent = GrantPointer { sub: subject(byte), ..issued_to().consent };
        let record = CodeRecord { to: IssuedTo { consent, ..issued_to() }, ..code() };
        let put = async {
            let mut tx = db.begin().await?;
            stored_codes::put(&mut tx, hash::<AuthorizationCode>(byte), &record).await?;
            tx.commit().await
        };
        let forgetting = async {
            in_tx!(db, tx =>
                forget(&mut tx, "cus_1", ConsentActor::Customer, later(1)).await.unwrap());
        };
        let (put, ()) = tokio::join!(put, forgetting);
        assert!(matches!(put, Ok(()) | Err(StoreError::Conflict(_))), "{put:?}");
        assert_eq!(counts(&db).await, (0, 0));
    }
}
