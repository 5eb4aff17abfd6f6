//! What goes with a store, and what may not stand above itself.

use super::{Feed, REASONS, STORE, Shop, one_line};

const TOLD: &str = "SELECT kind || ' ' || op || ' ' || reason FROM change_log
    WHERE reason NOT IN ('created', 'updated') ORDER BY position";

async fn two_stores() -> Shop {
    let shop = Shop::open().await;
    shop.counts(Feed::Products, super::PRODUCTS).await;
    let stores = one_line(STORE) + "\n" + &one_line(STORE).replace("\"a\"", "\"b\"");
    shop.counts(Feed::Stores, &stores).await;
    let offer = |sku: &str, store: &str| {
        format!(
            r#"{{"sku":"{sku}","store_code":"{store}","price":{{"amount":"1","currency":"EUR"}}}}"#
        )
    };
    let offers = [offer("1", "a"), offer("2", "a"), offer("1", "b")].join("\n");
    assert_eq!(shop.counts(Feed::Offers, &offers).await, (3, 0, 0));
    let level = |store| format!(r#"{{"sku":"1","store_code":"{store}","quantity":3}}"#);
    assert_eq!(shop.counts(Feed::Stock, &(level("a") + "\n" + &level("b"))).await, (2, 0, 0));
    shop
}

#[tokio::test]
async fn with_a_store_go_its_offers_and_its_levels() {
    for full in [false, true] {
        let shop = two_stores().await;
        if full {
            let report = shop.full(Feed::Stores, &one_line(STORE).replace("\"a\"", "\"b\"")).await;
            assert_eq!((report.unchanged, report.deleted, report.held), (1, 1, 0));
        } else {
            let gone = r#"{"op":"delete","store_code":"a"}"#;
            assert_eq!(shop.counts(Feed::Stores, gone).await, (1, 0, 0));
            assert_eq!(shop.counts(Feed::Stores, gone).await, (0, 1, 0));
        }
        let store = if full { "store delete not_in_feed" } else { "store delete deleted" };
        let offer = "offer delete store_deleted";
        let level = "stock upsert availability_changed";
        assert_eq!(shop.words(TOLD).await, [store, offer, offer, level], "{full}");
        let live = "SELECT count(*) FROM offers WHERE deleted_at IS NULL";
        assert_eq!(shop.number(live).await, 1);
        assert_eq!(shop.number("SELECT max(version) FROM offers").await, 2);
        let words = "SELECT availability FROM stock_levels ORDER BY availability";
        assert_eq!(shop.words(words).await, ["in_stock", "unknown"]);
        // A store that comes back has no price until one is told again.
        assert_eq!(shop.counts(Feed::Stores, &one_line(STORE)).await, (1, 0, 0));
        assert_eq!(shop.number(live).await, 1);
    }
}

#[tokio::test]
async fn a_category_never_stands_above_itself() {
    let shop = Shop::open().await;
    let line = |code: &str, above: &str| {
        let above =
            if above.is_empty() { String::new() } else { format!(r#","parent_code":"{above}""#) };
        format!(r#"{{"code":"{code}","name":"{code}"{above}}}"#)
    };
    let tree = [line("a", ""), line("b", "a"), line("c", "b")].join("\n");
    assert_eq!(shop.counts(Feed::Categories, &tree).await, (3, 0, 0));
    let report = shop.file(Feed::Categories, line("a", "c").as_bytes()).await.unwrap();
    assert_eq!((report.accepted, report.rejected), (0, 1));
    let fault = &report.first_rejected[0].fault;
    assert_eq!((fault.code, fault.field.as_ref()), ("category_loop", "parent_code"));
    assert!(fault.message.contains("a > c > b > a"), "{}", fault.message);
    let two = [line("x", "y"), line("y", "x"), line("d", "c")].join("\n");
    assert_eq!(shop.counts(Feed::Categories, &two).await, (1, 0, 2));
    // A parent and its child change places in one file.
    let turned = [line("a", "b"), line("b", "")].join("\n");
    assert_eq!(shop.counts(Feed::Categories, &turned).await, (2, 0, 0));
    assert_eq!(shop.words(REASONS).await.len(), 6);
}
