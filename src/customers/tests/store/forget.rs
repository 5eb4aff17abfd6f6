//! A forgotten customer is gone, and stays so.

use super::import::{import, sums};
use super::*;
use crate::consent::change::ConsentActor;
use crate::consent::store::subjects::{refer, reference_of};
use crate::consent::subject::SubjectKey;
use crate::customers::import::CustomerFeed;
use crate::customers::store::forget::forget;
use crate::{on_db, storage::Db};

const NOW: Micros = Micros(1_795_000_000_000_000);

async fn forget_now(db: &TestDb, customer: &str) {
    let mut tx = db.begin().await.unwrap();
    forget(&mut tx, customer, ConsentActor::Customer, NOW).await.unwrap();
    tx.commit().await.unwrap();
}

/// How many rows of the tables of customers hold a text somewhere.
async fn rows_with(db: &Db, text: &str) -> i64 {
    const COUNT: &str = "SELECT
        (SELECT COUNT(*) FROM customers WHERE id LIKE $1 OR body LIKE $1)
        + (SELECT COUNT(*) FROM purchases WHERE customer_id LIKE $1 OR body LIKE $1)
        + (SELECT COUNT(*) FROM loyalty_accounts WHERE customer_id LIKE $1 OR body LIKE $1)
        + (SELECT COUNT(*) FROM customer_lists WHERE customer_id LIKE $1 OR body LIKE $1)
        + (SELECT COUNT(*) FROM customer_promotions WHERE customer_id LIKE $1 OR body LIKE $1)
        + (SELECT COUNT(*) FROM customers_forgotten WHERE mark LIKE $1)";
    let like = format!("%{text}%");
    on_db!(db, c => sqlx::query_scalar(COUNT).bind(like).fetch_one(c).await).unwrap()
}

#[tokio::test]
async fn a_forgotten_customer_is_gone_and_no_feed_brings_them_back() {
    let (db, source) = shop().await;
    let promotion = owned(&samples::promotion(), "cus_1");
    assert_eq!(
        sums(&import(&db, CustomerFeed::Promotions, std::slice::from_ref(&promotion)).await),
        [1, 0, 0]
    );
    let mut tx = db.begin().await.unwrap();
    refer(&mut tx, "cus_1", &SubjectKey::new([1; 32]), NOW).await.unwrap();
    tx.commit().await.unwrap();
    assert!(rows_with(&db, "cus_1").await >= 5);
    forget_now(&db, "cus_1").await;
    assert_eq!(rows_with(&db, "cus_1").await, 0);
    assert_eq!(reference_of(&db, "cus_1").await.unwrap(), None, "nor do consents lead there");
    let report = import(&db, CustomerFeed::Customers, &[called("cus_1"), called("cus_4")]).await;
    assert_eq!(sums(&report), [1, 0, 1]);
    assert_eq!(report.first_rejected[0].fault.code, "forgotten");
    let report = import(&db, CustomerFeed::Promotions, &[promotion]).await;
    assert_eq!(report.first_rejected[0].fault.code, "unknown_customer");
    assert!(is_missing(&source.profile("cus_1").await));
    let made = source.put_list("cus_1", list(), None, NONE).await;
    assert!(is_missing(&made));
    // Others are as they were.
    assert!(source.purchase("cus_2", "pur_2", PurchaseRange::default(), NONE).await.is_ok());
}

#[tokio::test]
async fn who_was_forgotten_before_they_came_does_not_come() {
    let (db, source) = shop().await;
    for _ in 0..2 {
        forget_now(&db, "cus_7").await;
    }
    let report = import(&db, CustomerFeed::Customers, &[called("cus_7")]).await;
    assert_eq!(sums(&report), [0, 0, 1]);
    assert!(is_missing(&source.profile("cus_7").await));
}

#[tokio::test]
async fn an_import_waits_for_who_is_being_forgotten() {
    let (db, source) = shop().await;
    let mut tx = db.begin().await.unwrap();
    forget(&mut tx, "cus_1", ConsentActor::Retailer, NOW).await.unwrap();
    let lines = [called("cus_1")];
    let later = async {
        db.until_one_waits().await;
        tx.commit().await.unwrap();
    };
    let (report, ()) = tokio::join!(import(&db, CustomerFeed::Customers, &lines), later);
    assert_eq!(sums(&report), [0, 0, 1]);
    assert!(is_missing(&source.profile("cus_1").await));
}
