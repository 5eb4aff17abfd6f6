//! Who comes second changes nothing.

use super::*;
use crate::consent::ask::TokensRevokedFor;
use crate::consent::change::ConsentActor;
use crate::consent::ending::SuspendedFor;
use crate::consent::own::OwnedByClient;
use crate::consent::store::hold;
use crate::storage::{Log, log};
use tokio::sync::Barrier;

/// Moves of one consent, each made from the same version.
fn moves(record: &ConsentRecord) -> Vec<ConsentChange> {
    vec![
        own(record).revoke(true, days(1)).unwrap(),
        own(record).narrow(without(scopes(ITEMS)), days(1)).unwrap(),
        record.suspend(SuspendedFor::Blocked, days(1)).unwrap(),
        record.revoke_tokens(TokensRevokedFor::Compromised, days(1)).unwrap(),
        OwnedByClient::of(record, AppId(2)).unwrap().revoke(days(1)).unwrap(),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_moves_from_one_version_exactly_one_is_made() {
    let db = shop().await;
    let mut n = 0;
    for first in 0..5 {
        for second in 0..5 {
            n += 1;
            let record = given(&db, n).await;
            let head = log::head(&db, Log::Consent).await.unwrap();
            let moves = moves(&record);
            let start = Barrier::new(2);
            let make = async |change: &ConsentChange| {
                start.wait().await;
                write(&db, change).await
            };
            let (one, other) = tokio::join!(make(&moves[first]), make(&moves[second]));
            let won = match (&one, &other) {
                (Ok(_), Err(NotWritten::Moved)) => &moves[first],
                (Err(NotWritten::Moved), Ok(_)) => &moves[second],
                _ => panic!("{one:?} and {other:?}"),
            };
            assert_eq!(current(&db, record.grant_id).await, won.record);
            let told = log::head(&db, Log::Consent).await.unwrap() - head;
            assert_eq!(usize::try_from(told).unwrap(), won.events.len());
        }
    }
    verified(&db, &[]).await;
}

#[tokio::test]
async fn a_move_that_is_refused_writes_nothing() {
    let db = shop().await;
    let record = given(&db, 1).await;
    let from_before: Vec<ConsentChange> =
        moves(&record).into_iter().chain([approve_late(), requested(1)]).collect();
    let revoked_tokens = record.revoke_tokens(TokensRevokedFor::Logout, days(2)).unwrap();
    let held = revoked_tokens.record.suspend(SuspendedFor::Minor, days(2)).unwrap();
    let held_twice = held.record.suspend(SuspendedFor::Blocked, days(2)).unwrap();
    let ended = own(&held_twice.record).revoke(false, days(3)).unwrap();
    for change in [revoked_tokens, held, held_twice, ended] {
        write(&db, &change).await.unwrap();
        let before = contents(&db).await;
        for late in &from_before {
            let refused = write(&db, late).await;
            assert!(matches!(refused, Err(NotWritten::Moved)), "{refused:?}");
            assert_eq!(contents(&db).await, before);
        }
    }
    let unknown = requested(2).record;
    let change = own(&unknown).deny(days(1)).unwrap();
    assert!(
        matches!(write(&db, &change).await, Err(NotWritten::Moved)),
        "there is no such consent"
    );
}

#[tokio::test]
async fn what_a_consent_is_suspended_for_counts_and_so_does_its_erasure() {
    let db = shop().await;
    let held = given(&db, 1).await.suspend(SuspendedFor::Minor, days(1)).unwrap();
    write(&db, &held).await.unwrap();
    let free = held.record.resume(SuspendedFor::Minor, days(2)).unwrap();
    write(&db, &held.record.suspend(SuspendedFor::Blocked, days(2)).unwrap()).await.unwrap();
    let refused = write(&db, &free).await;
    assert!(matches!(refused, Err(NotWritten::Moved)), "{refused:?}");
    let ended = own(&given(&db, 2).await).revoke(false, days(1)).unwrap();
    write(&db, &ended).await.unwrap();
    let erased = ConsentRecord::erase(&[ended.record], ConsentActor::Customer, days(2)).unwrap();
    write(&db, &erased).await.unwrap();
    let again = write(&db, &erased).await;
    assert!(matches!(again, Err(NotWritten::Moved)), "{again:?}");
}

/// An answer to a consent that is pending no more.
fn approve_late() -> ConsentChange {
    approve(&requested(1).record, approval(SUMMARY), later(2)).unwrap()
}

#[tokio::test]
async fn what_is_read_behind_the_lock_is_not_moved_by_others() {
    let db = shop().await;
    let record = given(&db, 1).await;
    let mut tx = db.begin().await.unwrap();
    hold(&mut tx).await.unwrap();
    let held = read::current_in(&mut tx, record.grant_id).await.unwrap().unwrap();
    let theirs = own(&record).revoke(false, days(1)).unwrap();
    let mine = async {
        db.until_one_waits().await;
        apply(&mut tx, &held.suspend(SuspendedFor::Security, days(1)).unwrap()).await.unwrap();
        tx.commit().await.unwrap();
    };
    let (refused, ()) = tokio::join!(write(&db, &theirs), mine);
    assert!(matches!(refused, Err(NotWritten::Moved)), "{refused:?}");
}
