//! The life of a consent, as it is stored.

use super::*;
use crate::access::service::Walk;
use crate::consent::ask::TokensRevokedFor;
use crate::consent::change::ConsentEventKind as Kind;
use crate::consent::ending::SuspendedFor;
use crate::consent::refused::Tampering;
use crate::consent::status::ConsentStatus;
use crate::consent::store::apply::put_receipt;
use crate::storage::{Log, log};

#[tokio::test]
async fn a_consent_stands_as_its_moves_say() {
    let db = shop().await;
    let mut made = vec![requested(1)];
    let mut next = |change: fn(&ConsentRecord) -> ConsentChange| {
        let record = &made.last().unwrap().record;
        made.push(change(record));
    };
    next(|it| approve(it, approval(&format!("{SUMMARY} {ITEMS}")), later(1)).unwrap());
    next(|it| own(it).narrow(without(scopes(ITEMS)), days(1)).unwrap());
    next(|it| it.revoke_tokens(TokensRevokedFor::Logout, days(2)).unwrap());
    next(|it| it.suspend(SuspendedFor::Blocked, days(3)).unwrap());
    next(|it| it.suspend(SuspendedFor::Minor, days(3)).unwrap());
    next(|it| it.resume(SuspendedFor::Blocked, days(4)).unwrap());
    next(|it| it.resume(SuspendedFor::Minor, days(4)).unwrap());
    next(|it| own(it).revoke(true, days(5)).unwrap());
    let id = grant_id(1);
    let mut seq = 0;
    for change in &made {
        let written = write(&db, change).await.unwrap();
        assert_eq!(written.is_some(), !change.events.is_empty());
        seq = written.unwrap_or(seq);
        assert_eq!(current(&db, id).await, change.record);
        let head = heads::one(&db, id).await.unwrap().unwrap();
        assert_eq!(head, ConsentHead::of(&change.record, seq));
    }
    let history = read::history(&db, id).await.unwrap().unwrap();
    assert_eq!(history.versions, [made[2].earlier[0].clone(), made[8].record.clone()]);
    let kinds: Vec<Kind> = history.entries.iter().map(|entry| entry.kind).collect();
    let expected = [
        Kind::Requested,
        Kind::Granted,
        Kind::Superseded,
        Kind::Narrowed,
        Kind::TokensRevoked,
        Kind::Suspended,
        Kind::Resumed,
        Kind::Revoked,
    ];
    assert_eq!(kinds, expected);
    assert_eq!(verified(&db, &[]).await, 8);
    assert_eq!(log::head(&db, Log::Consent).await.unwrap(), 8);
    assert_eq!(read::history(&db, grant_id(9)).await.unwrap(), None);
    assert_eq!(heads::one(&db, grant_id(9)).await.unwrap(), None);
}

#[tokio::test]
async fn a_receipt_that_is_signed_meanwhile_stays() {
    let db = shop().await;
    let record = given(&db, 1).await;
    // Made from what was read before the receipt was there.
    let held = record.suspend(SuspendedFor::Security, days(1)).unwrap();
    let put = async |version, jws: &str| {
        let mut tx = db.begin().await.unwrap();
        let put = put_receipt(&mut tx, record.grant_id, version, jws).await.unwrap();
        tx.commit().await.unwrap();
        put
    };
    assert!(put(1, "first.receipt").await);
    assert!(!put(2, "of.no.version").await);
    write(&db, &held).await.unwrap();
    let stored = current(&db, record.grant_id).await;
    assert_eq!(stored.receipt_jws.as_deref(), Some("first.receipt"));
    assert_eq!(stored.status, ConsentStatus::Suspended);
    let free = stored.resume(SuspendedFor::Security, days(2)).unwrap();
    write(&db, &free).await.unwrap();
    let less = own(&free.record).narrow(without(scopes(ITEMS)), days(3)).unwrap();
    write(&db, &less).await.unwrap();
    let history = read::history(&db, record.grant_id).await.unwrap().unwrap();
    let receipts: Vec<_> = history.versions.iter().map(|it| it.receipt_jws.as_deref()).collect();
    assert_eq!(receipts, [Some("first.receipt"), None], "the next version has none yet");
}

#[tokio::test]
async fn what_only_the_ledger_is_told_moves_nothing() {
    let db = shop().await;
    let record = given(&db, 1).await;
    let before = heads::one(&db, record.grant_id).await.unwrap();
    let event = own(&record).tampered(Tampering::Duration(9_999), days(1));
    let mut tx = db.begin().await.unwrap();
    let entry = ledger::note(&mut tx, &event).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!((entry.seq, entry.kind), (3, Kind::Tampered));
    assert_eq!(ledger::last(&db).await.unwrap(), Some(entry));
    assert_eq!(heads::one(&db, record.grant_id).await.unwrap(), before);
    assert_eq!(current(&db, record.grant_id).await, record);
    assert_eq!(verified(&db, &[]).await, 3);
    // The next move goes on behind it.
    assert_eq!(write(&db, &own(&record).revoke(false, days(2)).unwrap()).await.unwrap(), Some(4));
    assert_eq!(verified(&db, &[]).await, 4);
}

#[tokio::test]
async fn consents_are_listed_by_customer_and_by_client() {
    let db = shop().await;
    for n in 1..=3 {
        given(&db, n).await;
    }
    let page = |after: Option<GrantId>, limit| Walk {
        after: after.map(|id| id.to_string()).unwrap_or_default(),
        limit,
    };
    let ids = |records: Vec<ConsentRecord>| -> Vec<GrantId> {
        records.iter().map(|record| record.grant_id).collect()
    };
    let mut all = [grant_id(1), grant_id(2), grant_id(3)];
    all.sort_by_key(ToString::to_string);
    let list = async |walk: Walk| ids(read::of_subject(&db, customer(), &walk).await.unwrap());
    assert_eq!(list(page(None, 2)).await, all[..2]);
    assert_eq!(list(page(Some(all[1]), 2)).await, all[2..]);
    let list = async |client, walk: Walk| ids(read::of_client(&db, client, &walk).await.unwrap());
    assert_eq!(list(AppId(2), page(None, 9)).await, all);
    assert_eq!(list(AppId(3), page(None, 9)).await, []);
    let other = SubjectKey::new([2; 32]).refer("cus_1");
    assert_eq!(read::of_subject(&db, other, &page(None, 9)).await.unwrap(), []);
}

#[tokio::test]
async fn what_is_due_to_end_is_found_in_batches() {
    let db = shop().await;
    for n in 1..=3 {
        given(&db, n).await;
    }
    write(&db, &requested(4)).await.unwrap();
    let held = given(&db, 5).await.suspend(SuspendedFor::Blocked, days(1)).unwrap();
    write(&db, &held).await.unwrap();
    let gone = given(&db, 6).await;
    write(&db, &own(&gone).revoke(false, days(1)).unwrap()).await.unwrap();
    let due = async |now, limit| read::due(&db, now, limit).await.unwrap();
    assert_eq!(due(later(HOUR - 1), 9).await, []);
    assert_eq!(due(later(HOUR), 9).await, [grant_id(4)], "nobody has answered in time");
    let last = Micros(gone.validity.expires_at.0 - 1);
    assert_eq!(due(last, 9).await, [grant_id(4)]);
    let end = gone.validity.expires_at;
    let mut batches = Vec::new();
    loop {
        let batch = due(end, 2).await;
        if batch.is_empty() {
            break;
        }
        for id in &batch {
            let change = current(&db, *id).await.expire(end).unwrap();
            write(&db, &change).await.unwrap();
        }
        batches.push(batch.len());
    }
    assert_eq!(batches, [2, 2, 1]);
    let heads = whole(&db).await.0;
    let count = |status| heads.values().filter(|head| head.status == status).count();
    assert_eq!((count(ConsentStatus::Expired), count(ConsentStatus::Revoked)), (5, 1));
}
