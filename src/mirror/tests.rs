mod saved;

use super::*;
use crate::catalog::search::Words;
use crate::catalog::view::{Lookup, ProductQuery};
use crate::kernel::Micros;
use crate::kernel::id::{NodeId, ProductId, StoreId};
use crate::stock::model::Availability;
use crate::storage::testing::database;
use crate::storage::{Tx, advance};
use futures_util::FutureExt as _;

const PRODUCT: &str = "INSERT INTO products (id, sku, category_ids, status, sold_by_weight, body, \
     hash, version, updated_at) VALUES ($1, $2, '', 'active', FALSE, $3, '', 1, 1)";
const DELETE: &str = "UPDATE products SET deleted_at = 2, body = $2 WHERE id = $1";
const OFFER: &str = "INSERT INTO offers (product_id, store_id, channel, currency, price, \
     price_type, unit_price, unit_reference, tax_included, promotion_ids, as_of, version, updated_at) \
     VALUES ($1, $2, 'in_store', 'EUR', 23900, 'regular', 13700, '1 LTR', TRUE, '', 1, 1, 1)";
const LEVEL: &str = "INSERT INTO stock_levels (product_id, store_id, availability, quantity, as_of, \
     received_at, source, detail, seq) VALUES ($1, $2, 'in_stock', 4000, 1, 1, 'pos', '{}', $3)";
const CHANGE: &str = "INSERT INTO change_log (position, kind, id, op, version, occurred_at) \
     VALUES ($1, $2, $3, 'upsert', 1, 1)";

async fn execute(tx: &mut Tx, sql: &'static str, values: &[&str]) {
    let done = crate::on_tx!(tx, c => {
        let query = values.iter().fold(sqlx::query(sql), |query, value| query.bind(*value));
        query.execute(c).await.map(|_| ())
    });
    done.unwrap();
}

async fn log_change(tx: &mut Tx, kind: &str, id: &str) {
    let position = advance(tx, Log::Change, 1).await.unwrap();
    let done = crate::on_tx!(tx, c => {
        sqlx::query(CHANGE).bind(position).bind(kind).bind(id).execute(c).await.map(|_| ())
    });
    done.unwrap();
}

async fn put_level(tx: &mut Tx, product: ProductId, store: StoreId, seq: i64) {
    let (product, store) = (product.to_string(), store.to_string());
    let done = crate::on_tx!(tx, c => {
        sqlx::query(LEVEL).bind(product).bind(store).bind(seq).execute(c).await.map(|_| ())
    });
    done.unwrap();
}

async fn sell(tx: &mut Tx, product: ProductId, store: StoreId, seq: i64) {
    const SELL: &str = "UPDATE stock_levels SET quantity = 3000, as_of = 2, seq = $3 \
         WHERE product_id = $1 AND store_id = $2";
    let (product, store) = (product.to_string(), store.to_string());
    let sold = crate::on_tx!(tx, c => {
        let sell = sqlx::query(SELL).bind(product).bind(store).bind(seq);
        sell.execute(c).await.map(|done| done.rows_affected())
    });
    assert_eq!(sold.unwrap(), 1);
}

#[actix_web::test]
async fn what_is_loaded_and_what_is_followed_are_the_same() {
    let db = database().await;
    let mirror = Mirror::default();
    mirror.load(&db, None).await.unwrap();
    let (one, two, store) = (ProductId::derived("1"), ProductId::derived("2"), StoreId(7));
    let (one_text, two_text, store_text) = (one.to_string(), two.to_string(), store.to_string());
    let mut tx = db.begin().await.unwrap();
    execute(&mut tx, PRODUCT, &[&one_text, "1", "{\"n\":1}"]).await;
    execute(&mut tx, PRODUCT, &[&two_text, "2", "{\"n\":2}"]).await;
    execute(&mut tx, OFFER, &[&one_text, &store_text]).await;
    log_change(&mut tx, "product", &one_text).await;
    log_change(&mut tx, "product", &two_text).await;
    log_change(&mut tx, "offer", &format!("{one_text}/{store_text}/in_store")).await;
    tx.commit().await.unwrap();
    assert_eq!(mirror.follow_once(&db).await.unwrap(), Followed { applied: 3, more: false });

    let mut tx = db.begin().await.unwrap();
    let successor = format!("{{\"replaced_by\":\"{one}\"}}");
    execute(&mut tx, DELETE, &[&two_text, &successor]).await;
    log_change(&mut tx, "product", &two_text).await;
    tx.commit().await.unwrap();
    mirror.follow_once(&db).await.unwrap();
    assert_eq!(mirror.follow_once(&db).await.unwrap(), Followed { applied: 0, more: false });

    let fresh = Mirror::default();
    fresh.load(&db, None).await.unwrap();
    for mirror in [&mirror, &fresh] {
        assert_eq!(mirror.positions(), Positions { change: 4, stock: 0 });
        assert_eq!(mirror.catalog.product(two), Lookup::Gone { replaced_by: Some(one) });
        let query = ProductQuery { store: Some(store), ..ProductQuery::default() };
        assert_eq!(mirror.catalog.list(&query, None, None, 9).items, ["{\"n\":1}"]);
    }
    assert_eq!(
        fresh.catalog.stored_offers(None, one, &[], None),
        mirror.catalog.stored_offers(None, one, &[], None)
    );
}

#[actix_web::test]
async fn a_batch_of_levels_under_one_position_is_taken_whole() {
    let db = database().await;
    let mirror = Mirror::default();
    mirror.load(&db, None).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    let seq = advance(&mut tx, Log::Stock, 1).await.unwrap();
    for n in 0..1_200 {
        put_level(&mut tx, ProductId(n), StoreId(1), seq).await;
    }
    let next = advance(&mut tx, Log::Stock, 1).await.unwrap();
    put_level(&mut tx, ProductId(0), StoreId(2), next).await;
    tx.commit().await.unwrap();
    let first = mirror.follow_once(&db).await.unwrap();
    assert_eq!((first, mirror.stock.len()), (Followed { applied: 1_200, more: true }, 1_200));
    mirror.follow_once(&db).await.unwrap();
    assert_eq!((mirror.stock.len(), mirror.positions().stock), (1_201, next));
}

#[actix_web::test]
async fn a_node_that_was_away_for_too_long_is_cut_off() {
    let db = database().await;
    let mirror = Mirror::default();
    mirror.load(&db, None).await.unwrap();
    assert!(!mirror.is_cut_off(&db).await.unwrap());
    let mut tx = db.begin().await.unwrap();
    log_change(&mut tx, "product", &ProductId(1).to_string()).await;
    execute(&mut tx, "DELETE FROM change_log", &[]).await;
    execute(&mut tx, "UPDATE log_heads SET position = 1 WHERE log = 'change_floor'", &[]).await;
    tx.commit().await.unwrap();
    assert!(mirror.is_cut_off(&db).await.unwrap());
    // A start loads everything.
    let fresh = Mirror::default();
    fresh.load(&db, None).await.unwrap();
    assert!(!fresh.is_cut_off(&db).await.unwrap());
}

#[actix_web::test]
async fn levels_of_this_node_are_never_applied_over_newer_ones() {
    let mirror = Mirror::default();
    let key = (ProductId(1), StoreId(1));
    let level = |quantity| LevelRecord {
        product: key.0,
        store: key.1,
        availability: Availability::InStock,
        quantity: Some(quantity),
        as_of: Micros(7),
        received_at: Micros(8),
        source: "pos".to_owned(),
        detail: "{}".to_owned(),
    };
    let held = || mirror.stock.at(key.0, key.1, |level| level.and_then(|level| level.quantity));
    mirror.wrote_levels(&[level(5)], 1).await;
    // While rows that were read before are applied, nothing newer comes in between.
    let following = mirror.following.lock().await;
    let four = [level(4)];
    let mut waits = std::pin::pin!(mirror.wrote_levels(&four, 2));
    assert!(waits.as_mut().now_or_never().is_none());
    mirror.stock.apply(&[level(5)]);
    drop(following);
    waits.await;
    assert_eq!((held(), mirror.positions().stock), (Some(4), 2));
    // What was followed up to a later position is newer than what was written before it.
    mirror.stock.apply(&[level(3)]);
    mirror.level.store(4, Ordering::Release);
    mirror.wrote_levels(&[level(2)], 3).await;
    assert_eq!((held(), mirror.positions().stock), (Some(3), 4));
}

#[actix_web::test]
async fn the_index_goes_on_where_it_was_and_is_made_anew_where_it_cannot() {
    let db = database().await;
    let folder = tempfile::tempdir().unwrap();
    let put = async |sku: &str, name: &str| {
        let (id, mut tx) = (ProductId::derived(sku).to_string(), db.begin().await.unwrap());
        let body = format!("{{\"sku\":\"{sku}\",\"name\":\"{name}\",\"status\":\"active\"}}");
        execute(&mut tx, PRODUCT, &[&id, sku, &body]).await;
        log_change(&mut tx, "product", &id).await;
        tx.commit().await.unwrap();
    };
    // What a start finds in the folder and in the database.
    let start = async || {
        let mirror = Arc::new(Mirror::default());
        mirror.load(&db, None).await.unwrap();
        let place = (folder.path().to_owned(), NodeId(1));
        let mut follower = SearchFollower::new(Arc::clone(&mirror), place, Words::default());
        assert!(mirror.search.find("riz", None).is_none());
        let position = follower.follow(&db).await.unwrap();
        assert_eq!(position, mirror.positions().change);
        (mirror, follower)
    };
    let found = |mirror: &Mirror, text: &str| mirror.search.find(text, None).unwrap().0.len();
    put("1", "Riz rond").await;
    let (mirror, mut follower) = start().await;
    assert_eq!(found(&mirror, "riz"), 1);
    put("2", "Riz long").await;
    mirror.follow_once(&db).await.unwrap();
    follower.follow(&db).await.unwrap();
    assert_eq!(found(&mirror, "riz"), 2);
    drop((mirror, follower));

    put("3", "Riz noir").await;
    let (mirror, follower) = start().await;
    assert_eq!((found(&mirror, "riz"), found(&mirror, "noir")), (3, 1));
    drop((mirror, follower));

    for file in std::fs::read_dir(folder.path()).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|kind| kind == "term") {
            std::fs::write(path, "damaged").unwrap();
        }
    }
    let (mirror, follower) = start().await;
    assert_eq!(found(&mirror, "riz"), 3);
    drop((mirror, follower));

    put("4", "Riz rouge").await;
    put("5", "Riz basmati").await;
    let mut tx = db.begin().await.unwrap();
    // The log no longer reaches back to where the index is.
    execute(&mut tx, "DELETE FROM change_log WHERE position < 5", &[]).await;
    let floor = "UPDATE log_heads SET position = 4 WHERE log = 'change_floor'";
    execute(&mut tx, floor, &[]).await;
    tx.commit().await.unwrap();
    let (mirror, _follower) = start().await;
    assert_eq!(found(&mirror, "riz"), 5);
}

#[actix_web::test]
async fn an_index_of_another_database_is_made_anew_also_where_positions_fit() {
    let folder = tempfile::tempdir().unwrap();
    let with = async |name: &str| {
        let db = database().await;
        let (id, mut tx) = (ProductId::derived("1").to_string(), db.begin().await.unwrap());
        let body = format!("{{\"sku\":\"1\",\"name\":\"{name}\",\"status\":\"active\"}}");
        execute(&mut tx, PRODUCT, &[&id, "1", &body]).await;
        log_change(&mut tx, "product", &id).await;
        tx.commit().await.unwrap();
        db
    };
    let (one, other) = (with("Riz").await, with("Sel").await);
    for (db, there, not_there) in
        [(&one, "riz", "sel"), (&other, "sel", "riz"), (&one, "riz", "sel")]
    {
        let mirror = Arc::new(Mirror::default());
        mirror.load(db, None).await.unwrap();
        let path = folder.path().to_owned();
        let mut follower =
            SearchFollower::new(Arc::clone(&mirror), (path, NodeId(1)), Words::default());
        assert_eq!(follower.follow(db).await.unwrap(), 1);
        let found = |text: &str| mirror.search.find(text, None).unwrap().0.len();
        assert_eq!((found(there), found(not_there)), (1, 0));
    }
}
