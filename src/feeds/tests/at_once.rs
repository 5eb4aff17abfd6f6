//! Imports that last, and what comes in from elsewhere meanwhile.

use super::{
    DAY, Feed, Mode, Options, PRODUCTS, Progress, Report, STORE, Shop, one_line, products,
};
use crate::feeds::import_with;
use crate::feeds::store::old;
use crate::kernel::clock::MINUTE;
use std::sync::mpsc;

impl Shop {
    /// A full import that waits once its rows are stored, until what is given has come in.
    async fn full_while(&self, feed: Feed, content: &str, meanwhile: (Feed, &str)) -> Report {
        let file = self.dir.path().join("full");
        std::fs::write(&file, content).unwrap();
        let (stored, told) = mpsc::channel();
        let (go_on, gone_on) = mpsc::channel::<()>();
        let (db, clock) = (self.db.clone(), self.clock.clone());
        let full = tokio::spawn(async move {
            let options = Options { mode: Some(Mode::Full), ..Options::default() };
            let mut waits = move |progress| {
                if matches!(progress, Progress::Storing { done, of } if done == of) {
                    stored.send(()).unwrap();
                    tokio::task::block_in_place(|| gone_on.recv()).unwrap();
                }
            };
            import_with(&db, &clock, feed, &file, &options, None, &mut waits).await.unwrap()
        });
        tokio::task::block_in_place(|| told.recv()).unwrap();
        self.clock.advance(MINUTE);
        let (feed, content) = meanwhile;
        assert_eq!(self.counts(feed, content).await, (1, 0, 0));
        self.clock.advance(MINUTE);
        go_on.send(()).unwrap();
        full.await.unwrap()
    }
}

#[tokio::test]
async fn imports_of_long_ago_are_forgotten_but_for_what_is_held() {
    let shop = Shop::open().await;
    let lines = products(0, 100) + "no json\n";
    shop.counts(Feed::Products, &lines).await;
    assert_eq!(shop.full(Feed::Products, &products(0, 50)).await.held, 50);
    shop.clock.advance(DAY);
    shop.counts(Feed::Products, &lines).await;
    let forget = async || old::forget(&shop.db, shop.clock.now()).await.unwrap();
    assert_eq!(forget().await, 1);
    assert_eq!(shop.number("SELECT count(*) FROM import_faults").await, 1);
    assert_eq!(
        shop.words("SELECT status FROM imports ORDER BY started_at").await,
        ["held", "done"]
    );
    assert_eq!(shop.number("SELECT count(*) FROM import_deletions").await, 0, "named again");
    shop.clock.advance(DAY);
    assert_eq!(forget().await, 1);
    assert_eq!(forget().await, 0);
}

#[tokio::test]
async fn each_batch_has_the_instant_of_its_storing() {
    let shop = Shop::open().await;
    let began = shop.clock.now();
    std::fs::write(shop.path(), products(0, 4_500)).unwrap();
    let (path, clock) = (shop.path(), shop.clock.clone());
    let mut later = |progress| {
        if matches!(progress, Progress::Storing { .. }) {
            clock.advance(MINUTE);
        }
    };
    let options = Options::default();
    let stored =
        import_with(&shop.db, &shop.clock, Feed::Products, &path, &options, None, &mut later);
    assert_eq!(stored.await.unwrap().accepted, 4_500);
    let minutes = [
        "SELECT DISTINCT updated_at || '' AS stamp FROM products ORDER BY stamp",
        "SELECT DISTINCT occurred_at || '' AS stamp FROM change_log ORDER BY stamp",
    ];
    for sql in minutes {
        let stamps = shop.words(sql).await;
        let passed: Vec<i64> =
            stamps.iter().map(|at| (at.parse::<i64>().unwrap() - began.0) / MINUTE).collect();
        assert_eq!(passed, [0, 1, 2], "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_feed_leaves_what_came_while_it_was_imported() {
    let shop = Shop::open().await;
    shop.counts(Feed::Products, &products(0, 105)).await;
    shop.clock.advance(DAY);
    let new = r#"{"sku":"new","name":"Vis"}"#;
    let report = shop.full_while(Feed::Products, &products(0, 100), (Feed::Products, new)).await;
    assert_eq!((report.unchanged, report.deleted, report.held), (100, 5, 0));
    let live = "SELECT count(*) FROM products WHERE deleted_at IS NULL";
    assert_eq!(shop.number(live).await, 101);
    // The next one is newer.
    shop.clock.advance(DAY);
    assert_eq!(shop.full(Feed::Products, &products(0, 100)).await.deleted, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_feed_of_stock_leaves_what_a_till_told_meanwhile() {
    let shop = Shop::open().await;
    shop.counts(Feed::Products, PRODUCTS).await;
    shop.counts(Feed::Stores, &one_line(STORE)).await;
    let level = |sku: &str, quantity: u32| {
        format!(r#"{{"sku":"{sku}","store_code":"a","quantity":{quantity}}}"#)
    };
    shop.counts(Feed::Stock, &[level("1", 5), level("2", 5)].join("\n")).await;
    shop.clock.advance(DAY);
    let till = level("1", 4);
    let report = shop.full_while(Feed::Stock, &level("2", 5), (Feed::Stock, &till)).await;
    assert_eq!((report.deleted, report.held), (0, 0));
    assert_eq!(shop.words("SELECT DISTINCT availability FROM stock_levels").await, ["in_stock"]);
    shop.clock.advance(DAY);
    assert_eq!(shop.full(Feed::Stock, &level("2", 5)).await.deleted, 1);
}
