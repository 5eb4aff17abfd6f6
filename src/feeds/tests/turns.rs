//! Prices that turn by themselves while imports write.

use super::{DAY, Feed, Mode, Options, PRODUCTS, Progress, REASONS, STORE, Shop, offer, one_line};
use crate::catalog::model::Product;
use crate::catalog::service::tell_prices;
use crate::catalog::store::document;
use crate::catalog::store::document::Resource as _;
use crate::feeds::import_with;
use crate::feeds::store::cascade;
use crate::storage::Db;

/// The offer of product 1 at 9.00, with a sale that begins in a day.
fn with_sale() -> String {
    let sale = r#""sale":{"price":{"amount":"7","currency":"EUR"},"valid_from":"2026-11-23T10:00:00Z"},"as_of""#;
    offer("9", "2026-11-22T10:00:00Z").replace("\"as_of\"", sale)
}

#[tokio::test]
async fn a_turn_waits_for_an_import_that_deletes() {
    let shop = Shop::open().await;
    shop.counts(Feed::Products, PRODUCTS).await;
    shop.counts(Feed::Stores, &one_line(STORE)).await;
    assert_eq!(shop.counts(Feed::Offers, &with_sale()).await, (1, 0, 0));
    shop.clock.advance(DAY);
    // What an import does that deletes product 1: it has the change log before it comes to the offers.
    let (mut tx, gone) = (shop.db.begin().await.unwrap(), [Product::id_of("1")]);
    let now = shop.clock.now();
    cascade::hold_all(&mut tx).await.unwrap();
    document::remove::<Product>(&mut tx, &gone, "deleted", now).await.unwrap();
    let (db, clock) = (Db::clone(&shop.db), shop.clock.clone());
    let telling = tokio::spawn(async move { tell_prices(&db, &clock).await });
    shop.db.until_one_waits().await;
    cascade::products(&mut tx, &gone, now).await.unwrap();
    tx.commit().await.unwrap();
    telling.await.unwrap().unwrap();
    let told = shop.words(REASONS).await;
    assert_eq!(told[told.len() - 2..], ["deleted", "product_deleted"]);
    assert_eq!(shop.number("SELECT version FROM offers").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_keeps_no_offer_that_a_full_file_names_no_more() {
    let shop = Shop::open().await;
    shop.counts(Feed::Products, PRODUCTS).await;
    shop.counts(Feed::Stores, &one_line(STORE)).await;
    let other = r#"{"sku":"2","store_code":"a","price":{"amount":"3","currency":"EUR"}}"#;
    shop.counts(Feed::Offers, &(with_sale() + "\n" + other)).await;
    std::fs::write(shop.path(), other).unwrap();
    let (path, db, clock) = (shop.path(), &shop.db, &shop.clock);
    // The sale begins when the rows are stored and what they do not name is still to be found.
    let mut turn = |progress| {
        if matches!(progress, Progress::Storing { .. }) {
            clock.advance(DAY);
            let telling = tell_prices(db, clock);
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(telling))
                .unwrap();
        }
    };
    let options = Options { mode: Some(Mode::Full), ..Options::default() };
    let report = import_with(db, clock, Feed::Offers, &path, &options, None, &mut turn).await;
    assert_eq!(report.unwrap().deleted, 1);
    let told = shop.words(REASONS).await;
    assert_eq!(told[told.len() - 2..], ["price_changed", "not_in_feed"]);
}
