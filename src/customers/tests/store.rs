//! The embedded store gives each customer what is theirs, on either engine.

mod forget;
mod import;
mod journey;
mod lists;
mod pages;

use super::samples::{account, list, profile, purchase};
use super::*;
use crate::customers::source::{
    CustomerPage, CustomerSource, EmbeddedCustomers, PageBehind, PageOf, PurchaseRange, SourceError,
};
use crate::customers::store::put_seed;
use crate::storage::testing::{TestDb, database};

const NONE: SensitiveCategories = SensitiveCategories::NONE;

/// Of a document, what is handed in: whose it is stands in it.
fn owned(document: &impl serde::Serialize, customer: &str) -> Value {
    let mut line = json!(document);
    line["customer_id"] = customer.into();
    line
}

/// A customer of the name, who has nothing yet.
fn called(id: &str) -> Value {
    json!(CustomerProfile { id: id.to_owned(), ..profile() })
}

/// A purchase of that name, so many hours after the first instant of the month.
fn bought(id: &str, hour: i64, lines: Vec<PurchaseLine>) -> CustomerPurchase {
    let order_date = Micros(at("2026-11-01T00:00:00Z").0 + hour * crate::kernel::clock::HOUR);
    CustomerPurchase { id: id.to_owned(), order_date, lines, ..purchase() }
}

/// A database with two customers, each with documents of each kind, and a third who has none.
async fn shop() -> (TestDb, CustomerSource) {
    let db = database().await;
    let customers = ["cus_1", "cus_2", "cus_3"].map(called);
    let of = |id: &str, n: u8| {
        let purchase = CustomerPurchase { id: format!("pur_{n}"), ..purchase() };
        let account = LoyaltyAccount { id: format!("loy_{n}"), ..account() };
        let list = CustomerList { id: format!("lst_{n}"), ..list() };
        [owned(&purchase, id), owned(&account, id), owned(&list, id)]
    };
    let ([p1, a1, l1], [p2, a2, l2]) = (of("cus_1", 1), of("cus_2", 2));
    let mut tx = db.begin().await.unwrap();
    put_seed(&mut tx, &customers, &[p1, p2], &[a1, a2], &[l1, l2]).await.unwrap();
    tx.commit().await.unwrap();
    let source = CustomerSource::Embedded(EmbeddedCustomers::new((*db).clone()));
    (db, source)
}

/// Puts purchases beside those that are there.
async fn buy(db: &TestDb, customer: &str, purchases: &[CustomerPurchase]) {
    let lines: Vec<Value> = purchases.iter().map(|it| owned(it, customer)).collect();
    let mut tx = db.begin().await.unwrap();
    put_seed(&mut tx, &[], &lines, &[], &[]).await.unwrap();
    tx.commit().await.unwrap();
}

fn is_missing<T>(found: &Result<T, SourceError>) -> bool {
    matches!(found, Err(SourceError::NotFound))
}

#[tokio::test]
async fn each_customer_has_what_is_theirs() {
    let (_db, source) = shop().await;
    let first = PageOf::default();
    assert_eq!(source.profile("cus_1").await.unwrap(), profile());
    assert_eq!(source.loyalty("cus_1").await.unwrap(), [account()]);
    let moves = source.transactions("cus_1", "loy_1", NONE, &first).await.unwrap();
    assert_eq!(moves.rows, account().transactions);
    let all = PurchaseRange::default();
    assert_eq!(source.purchase("cus_1", "pur_1", all, NONE).await.unwrap(), purchase());
    let bought = source.purchases("cus_1", all, NONE, &first).await.unwrap();
    assert_eq!(bought, CustomerPage { rows: vec![purchase()], next: None });
    let lists = source.lists("cus_1", NONE, &first).await.unwrap().rows;
    assert_eq!(lists.iter().map(|it| &it.list).collect::<Vec<_>>(), [&list()]);
    assert_eq!(source.list("cus_1", "lst_1", NONE).await.unwrap(), lists[0]);
    assert!(source.promotions("cus_1", Micros(0), &first).await.unwrap().rows.is_empty());
}

#[tokio::test]
async fn what_is_anothers_is_not_there() {
    let (_db, source) = shop().await;
    let (first, all) = (PageOf::default(), PurchaseRange::default());
    for customer in ["cus_1", "cus_3", "cus_none", ""] {
        assert!(is_missing(&source.purchase(customer, "pur_2", all, NONE).await), "{customer}");
        assert!(is_missing(&source.list(customer, "lst_2", NONE).await), "{customer}");
        let moves = source.transactions(customer, "loy_2", NONE, &first).await;
        assert!(is_missing(&moves), "{customer}");
    }
    assert!(is_missing(&source.profile("cus_none").await));
    for customer in ["cus_3", "cus_none"] {
        assert!(source.loyalty(customer).await.unwrap().is_empty());
        assert!(source.purchases(customer, all, NONE, &first).await.unwrap().rows.is_empty());
        assert!(source.summary(customer, all, NONE).await.unwrap().is_empty());
        assert!(source.lists(customer, NONE, &first).await.unwrap().rows.is_empty());
    }
}

#[tokio::test]
async fn what_the_customer_keeps_back_is_not_there() {
    let (_db, source) = shop().await;
    let (first, all) = (PageOf::default(), PurchaseRange::default());
    let excluded = SensitiveCategories::everywhere();
    assert!(is_missing(&source.purchase("cus_1", "pur_1", all, excluded).await));
    assert!(source.purchases("cus_1", all, excluded, &first).await.unwrap().rows.is_empty());
    assert!(source.summary("cus_1", all, excluded).await.unwrap().is_empty());
    assert!(source.list("cus_1", "lst_1", excluded).await.unwrap().list.items.is_empty());
    let moves = source.transactions("cus_1", "loy_1", excluded, &first).await.unwrap();
    assert_eq!(moves.rows[0].purchase_id, None);
}

#[tokio::test]
async fn a_damaged_document_is_an_error_that_says_nothing_of_it() {
    use crate::{on_tx, storage::Tx};
    async fn damage(tx: &mut Tx) {
        const DAMAGE: &str =
            r#"UPDATE customers SET body = '{"id":"cus_1","given_name":["Camille"]}'"#;
        on_tx!(tx, c => sqlx::query(DAMAGE).execute(c).await.map(|_| ())).unwrap();
    }
    let (db, source) = shop().await;
    let mut tx = db.begin().await.unwrap();
    damage(&mut tx).await;
    tx.commit().await.unwrap();
    let error = source.profile("cus_1").await.unwrap_err();
    assert!(matches!(error, SourceError::Failed(_)), "{error}");
    assert!(!format!("{error} {error:?}").contains("Camille"), "{error:?}");
}
