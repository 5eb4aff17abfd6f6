//! What a node knows of consents while others move them.

use super::*;
use crate::consent::follow::{ConsentsFollowed, KnownConsents};
use crate::consent::head::KnownConsent;
use crate::consent::live::GrantPointer;
use crate::consent::status::ConsentStatus;
use crate::kernel::Clock;
use crate::kernel::clock::SECOND;
use crate::storage::{Log, log};
use std::time::Duration;

const STALE: Duration = Duration::from_secs(2);
const NOW_S: i64 = NOW.0 / SECOND;

async fn row(db: &Db, id: GrantId) -> ConsentHead {
    heads::one(db, id).await.unwrap().unwrap()
}

fn pointer(record: &ConsentRecord) -> GrantPointer {
    let (grant_id, version) = (record.grant_id, record.version);
    GrantPointer { grant_id, version, client: AppId(2), sub: sub() }
}

/// What is known, as head and instant.
fn told(known: &KnownConsent) -> (Option<ConsentHead>, Option<Micros>) {
    (known.head().copied(), known.confirmed_at())
}

#[tokio::test]
async fn nothing_is_certain_before_all_is_read() {
    let (db, clock, known) = (shop().await, Clock::fixed(NOW), KnownConsents::default());
    let id = given(&db, 1).await.grant_id;
    assert_eq!(known.known(id), KnownConsent::default());
    assert_eq!((known.position(), known.confirmed_at(), known.len()), (None, None, 0));
    let followed = known.follow(&db, &clock).await.unwrap();
    assert_eq!(followed, ConsentsFollowed { from: None, position: 2 });
    assert_eq!(told(&known.known(id)), (Some(row(&db, id).await), Some(NOW)));
    // Also that there is no other.
    assert_eq!(told(&known.known(grant_id(9))), (None, Some(NOW)));
    assert_eq!((known.position(), known.confirmed_at()), (Some(2), Some(NOW)));
}

#[tokio::test]
async fn what_others_move_is_followed_and_what_has_ended_is_forgotten() {
    let (db, clock, known) = (shop().await, Clock::fixed(NOW), KnownConsents::default());
    let records = [given(&db, 1).await, given(&db, 2).await, given(&db, 3).await];
    known.follow(&db, &clock).await.unwrap();
    assert_eq!(known.len(), 3);
    write(&db, &own(&records[0]).narrow(without(scopes(ITEMS)), days(1)).unwrap()).await.unwrap();
    write(&db, &own(&records[1]).revoke(false, days(1)).unwrap()).await.unwrap();
    write(&db, &requested(4)).await.unwrap();
    assert_eq!(known.known(grant_id(2)).head().unwrap().status, ConsentStatus::Active);
    clock.advance(SECOND);
    let followed = known.follow(&db, &clock).await.unwrap();
    let head = log::head(&db, Log::Consent).await.unwrap();
    assert_eq!(followed, ConsentsFollowed { from: Some(6), position: head });
    let now = Some(later(SECOND));
    for n in [1, 3, 4] {
        let expected = (Some(row(&db, grant_id(n)).await), now);
        assert_eq!(told(&known.known(grant_id(n))), expected);
    }
    assert_eq!((told(&known.known(grant_id(2))), known.len()), ((None, now), 3));
    // A node that starts now reads the same.
    let new = KnownConsents::default();
    assert_eq!(new.follow(&db, &clock).await.unwrap().position, head);
    for n in 1..=4 {
        assert_eq!(new.known(grant_id(n)), known.known(grant_id(n)));
    }
    assert_eq!(known.follow(&db, &clock).await.unwrap().from, Some(head), "there is nothing new");
}

#[tokio::test]
async fn a_ledger_that_went_back_is_read_anew() {
    let (db, clock, known) = (shop().await, Clock::fixed(NOW), KnownConsents::default());
    given(&db, 1).await;
    known.follow(&db, &clock).await.unwrap();
    tell(&db, "UPDATE log_heads SET position = 0 WHERE log = 'consent'").await.unwrap();
    clock.advance(SECOND);
    let followed = known.follow(&db, &clock).await.unwrap();
    assert_eq!(followed, ConsentsFollowed { from: None, position: 0 });
    let expected = (Some(row(&db, grant_id(1)).await), Some(later(SECOND)));
    assert_eq!(told(&known.known(grant_id(1))), expected);
}

#[tokio::test]
async fn what_memory_cannot_have_yet_is_read_from_the_row() {
    let (db, clock, known) = (shop().await, Clock::fixed(NOW), KnownConsents::default());
    known.follow(&db, &clock).await.unwrap();
    let record = given(&db, 1).await;
    let id = record.grant_id;
    let read = async |record: &ConsentRecord, issued_at| {
        let issued = (&pointer(record), issued_at);
        told(&known.known_for((&*db, &clock), issued, STALE).await)
    };
    // A token of a minute ago is of a consent that has ended: one that is new cannot have given it.
    assert_eq!(read(&record, NOW_S - 60).await, (None, Some(NOW)));
    assert_eq!(read(&record, NOW_S).await, (Some(row(&db, id).await), Some(NOW)));
    assert_eq!(told(&known.known(id)).0, Some(row(&db, id).await), "it is in memory now");
    // One of a version that memory does not have is of a node that knows more.
    let less = own(&record).narrow(without(scopes(ITEMS)), days(1)).unwrap();
    write(&db, &less).await.unwrap();
    assert_eq!(known.known(id).head().unwrap().version, 1);
    assert_eq!(read(&record, NOW_S).await.0.unwrap().version, 1, "and this one is not");
    assert_eq!(read(&less.record, NOW_S).await.0, Some(row(&db, id).await));
}

#[tokio::test]
async fn where_memory_is_too_old_the_row_says_how_a_consent_stands() {
    let (db, clock, known) = (shop().await, Clock::fixed(NOW), KnownConsents::default());
    let record = given(&db, 1).await;
    known.follow(&db, &clock).await.unwrap();
    write(&db, &own(&record).revoke(false, days(1)).unwrap()).await.unwrap();
    let read = async || {
        let issued = (&pointer(&record), NOW_S);
        known.known_for((&*db, &clock), issued, STALE).await
    };
    clock.advance(2 * SECOND);
    assert_eq!(read().await.head().unwrap().status, ConsentStatus::Active, "within the bound");
    clock.advance(1);
    let now = Some(later(2 * SECOND + 1));
    assert_eq!(told(&read().await), (Some(row(&db, record.grant_id).await), now));
    assert_eq!(read().await.head().unwrap().status, ConsentStatus::Revoked);
    // What was read so does not come back once all is followed, nor is it in the way of that.
    known.follow(&db, &clock).await.unwrap();
    assert_eq!((told(&known.known(record.grant_id)), known.len()), ((None, now), 0));
}

/// A row can be read before a move and taken behind what has followed that.
#[tokio::test]
async fn what_was_read_before_an_end_does_not_come_back_behind_it() {
    let (db, clock, known) = (shop().await, Clock::fixed(NOW), KnownConsents::default());
    let record = given(&db, 1).await;
    let before = row(&db, record.grant_id).await;
    known.learn(before);
    assert_eq!(known.len(), 0, "nothing is known yet that could end it");
    known.follow(&db, &clock).await.unwrap();
    write(&db, &own(&record).revoke(false, days(1)).unwrap()).await.unwrap();
    let behind = row(&db, record.grant_id).await;
    // Its end is read first: until it is followed, it is in the way of what is older.
    for head in [behind, before] {
        known.learn(head);
        assert_eq!(known.known(record.grant_id).head(), Some(&behind));
    }
    known.follow(&db, &clock).await.unwrap();
    for head in [behind, before] {
        known.learn(head);
        assert_eq!(known.known(record.grant_id).head(), None);
    }
}

#[tokio::test]
async fn where_nothing_can_be_read_nothing_is_certain() {
    let (db, clock, known) = (shop().await, Clock::fixed(NOW), KnownConsents::default());
    let record = given(&db, 1).await;
    known.follow(&db, &clock).await.unwrap();
    db.close().await;
    let read = async |pointer: GrantPointer| {
        told(&known.known_for((&*db, &clock), (&pointer, NOW_S), STALE).await)
    };
    assert_eq!(read(pointer(&record)).await.1, Some(NOW), "memory is new enough");
    let newer = GrantPointer { version: 2, ..pointer(&record) };
    let unknown = GrantPointer { grant_id: grant_id(2), ..pointer(&record) };
    assert_eq!((read(newer).await, read(unknown).await), ((None, None), (None, None)));
    clock.advance(10 * SECOND);
    assert!(known.follow(&db, &clock).await.is_err());
    assert_eq!(read(pointer(&record)).await.1, Some(NOW), "and that is too old to decide by");
}
