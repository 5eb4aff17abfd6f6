//! Who is forgotten is, and what is proved stays so.

use super::*;
use crate::consent::change::ConsentActor;
use crate::consent::record::ConsentParties;
use crate::consent::status::ConsentStatus;
use crate::consent::store::apply::put_receipt;
use crate::consent::store::erase::forget;
use crate::consent::store::subjects::{customer_of, reference_of};

async fn forgotten(db: &Db, customer: &str, now: Micros) -> Vec<GrantId> {
    let mut tx = db.begin().await.unwrap();
    let erased = forget(&mut tx, customer, ConsentActor::Customer, now).await.unwrap();
    tx.commit().await.unwrap();
    erased
}

/// A consent in each state in which one can be, with two versions and receipts.
async fn consents(db: &Db) {
    write(db, &requested(1)).await.unwrap();
    given(db, 2).await;
    let narrowed = own(&given(db, 3).await).narrow(without(scopes(ITEMS)), days(1)).unwrap();
    write(db, &narrowed).await.unwrap();
    let ended = given(db, 4).await;
    write(db, &own(&ended).revoke(true, days(1)).unwrap()).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    for (n, version) in [(2, 1), (3, 1), (3, 2), (4, 1)] {
        let jws = format!("receipt.{n}.{version}");
        assert!(put_receipt(&mut tx, grant_id(n), version, &jws).await.unwrap());
    }
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn nothing_leads_to_who_is_forgotten_and_the_ledger_holds() {
    let db = shop().await;
    consents(&db).await;
    let entries = verified(&db, &[]).await;
    let evidence = ledger::entries(&db, 0, 99).await.unwrap();
    let (key, sub) = (SubjectKey::new([1; 32]).kept(), sub());
    let traces = ["cus_1", sub.as_str(), "203.0.113", "Firefox", "receipt.", key.as_str()];
    let all = contents(&db).await.join("\n");
    traces.iter().for_each(|trace| assert!(all.contains(trace), "{trace} was there"));

    let erased = forgotten(&db, "cus_1", days(2)).await;
    assert_eq!(erased.len(), 4);
    let all = contents(&db).await;
    let text = all.join("\n");
    traces.iter().for_each(|trace| assert!(!text.contains(trace), "{trace} is there"));
    assert!(all.iter().all(|row| !row.starts_with("consent_sub")), "{all:#?}");
    assert_eq!(reference_of(&db, "cus_1").await.unwrap(), None);
    assert_eq!(customer_of(&db, customer()).await.unwrap(), None);
    let heads = whole(&db).await.0;
    let status = |n| (heads[&grant_id(n)].status, heads[&grant_id(n)].sub);
    assert_eq!(status(1), (ConsentStatus::Denied, None));
    for n in 2..=4 {
        assert_eq!(status(n), (ConsentStatus::Revoked, None));
    }
    // The proof is what it was, with what was told of the erasure behind it.
    assert_eq!(verified(&db, &[]).await, entries + 4);
    assert_eq!(ledger::entries(&db, 0, u32::try_from(entries).unwrap()).await.unwrap(), evidence);
    let stored = current(&db, grant_id(3)).await;
    assert_eq!((stored.version, &stored.parties.partner_legal_name[..]), (2, "Budget Coach SAS"));

    assert_eq!(forgotten(&db, "cus_1", days(3)).await, []);
    assert_eq!(contents(&db).await, all, "once is as good as twice");
    let mut tx = db.begin().await.unwrap();
    assert!(!put_receipt(&mut tx, grant_id(2), 1, "late.receipt").await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(contents(&db).await, all);
}

#[tokio::test]
async fn one_consent_that_was_erased_before_stays_as_it_is() {
    let db = shop().await;
    consents(&db).await;
    let versions = read::history(&db, grant_id(3)).await.unwrap().unwrap().versions;
    let alone = ConsentRecord::erase(&versions, ConsentActor::Retailer, days(2)).unwrap();
    write(&db, &alone).await.unwrap();
    let before = read::history(&db, grant_id(3)).await.unwrap();
    let mut erased = forgotten(&db, "cus_1", days(3)).await;
    erased.sort();
    assert_eq!(erased, [grant_id(1), grant_id(2), grant_id(4)]);
    assert_eq!(read::history(&db, grant_id(3)).await.unwrap(), before);
    assert!(matches!(write(&db, &alone).await, Err(NotWritten::Moved)));
}

#[tokio::test]
async fn who_comes_back_is_somebody_else() {
    let db = shop().await;
    given(&db, 1).await;
    forgotten(&db, "cus_1", days(1)).await;
    let before = contents(&db).await;
    let late = write(&db, &requested(2)).await;
    assert!(matches!(late, Err(NotWritten::Forgotten)), "{late:?}");
    let mut tx = db.begin().await.unwrap();
    let named = sub_of(&mut tx, (&sector(), customer()), sub(), days(1)).await;
    assert!(matches!(named, Err(NotWritten::Forgotten)), "{named:?}");
    tx.commit().await.unwrap();
    assert_eq!(contents(&db).await, before);
    let mut tx = db.begin().await.unwrap();
    let reference = refer(&mut tx, "cus_1", &SubjectKey::new([2; 32]), days(2)).await.unwrap();
    assert_ne!(reference, customer());
    // The key that is there counts, and so does the name.
    let again = refer(&mut tx, "cus_1", &SubjectKey::new([3; 32]), days(2)).await.unwrap();
    let fresh = PairwiseSub::random([0xcd; 16]);
    let named = sub_of(&mut tx, (&sector(), reference), fresh, days(2)).await.unwrap();
    let other = PairwiseSub::random([0xef; 16]);
    let named_again = sub_of(&mut tx, (&sector(), reference), other, days(2)).await.unwrap();
    let elsewhere = "shop".parse().unwrap();
    let named_there = sub_of(&mut tx, (&elsewhere, reference), other, days(2)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(reference, again);
    assert_eq!((named, named_again, named_there), (fresh, fresh, other));
    assert_eq!(customer_of(&db, reference).await.unwrap().as_deref(), Some("cus_1"));
}

/// A reference is its customer's by the key alone.
#[tokio::test]
async fn who_writes_another_customer_into_the_row_is_found() {
    let db = shop().await;
    assert_eq!(reference_of(&db, "cus_1").await.unwrap(), Some(customer()));
    tell(&db, "UPDATE consent_subjects SET customer = 'cus_2'").await.unwrap();
    for found in [
        reference_of(&db, "cus_2").await.map(|_| ()),
        customer_of(&db, customer()).await.map(|_| ()),
    ] {
        assert!(matches!(found, Err(StoreError::Corrupt { .. })), "{found:?}");
    }
}

/// Whichever comes first, no consent and no name is left that leads to who is forgotten.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_asked_while_they_are_forgotten_is_forgotten_as_well_or_somebody_new() {
    const LEFT: &str = "SELECT (SELECT COUNT(*) FROM consents WHERE sub IS NOT NULL
        AND subject_ref NOT IN (SELECT subject_ref FROM consent_subjects))
        + (SELECT COUNT(*) FROM consent_subs
        WHERE subject_ref NOT IN (SELECT subject_ref FROM consent_subjects))";
    let db = database().await;
    for n in 1..=20_u8 {
        let ask = async {
            let mut tx = db.begin().await?;
            let reference = refer(&mut tx, "cus_1", &SubjectKey::new([n; 32]), NOW).await?;
            let fresh = PairwiseSub::random([n; 16]);
            let sub = sub_of(&mut tx, (&sector(), reference), fresh, NOW).await?;
            let parties = ConsentParties { subject_ref: reference, ..asked().parties };
            let asked = ConsentAsked { parties, sub, ..asked() };
            let (id, purpose) = (grant_id(n), purpose());
            let change =
                ConsentRecord::request(id, &asked, &ceiling(&purpose), later(HOUR), NOW).unwrap();
            apply(&mut tx, &change).await?;
            tx.commit().await?;
            Ok::<_, NotWritten>(())
        };
        let (asked, _) = tokio::join!(ask, forgotten(&db, "cus_1", days(1)));
        asked.unwrap();
        let left: i64 = on_db!(&*db, c => sqlx::query_scalar(LEFT).fetch_one(c).await).unwrap();
        assert_eq!(left, 0);
    }
    verified(&db, &[]).await;
}
