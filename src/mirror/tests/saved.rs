use super::*;
use crate::catalog::api::Included;
use crate::catalog::view::{Listed, Sizes};
use crate::kernel::Micros;
use crate::stock::view::Level;
use crate::storage::testing::TestDb;
use crate::stores::postal_codes::PostalCodes;
use std::path::Path;

const REDUCE: &str = "UPDATE offers SET price = 19900, list_price = 23900 WHERE product_id = $1";
const WITHDRAW: &str = "UPDATE offers SET deleted_at = 2 WHERE product_id = $1";
fn product(n: u64) -> ProductId {
    ProductId::derived(&n.to_string())
}

async fn put_product(tx: &mut Tx, n: u64) {
    let (id, sku) = (product(n).to_string(), n.to_string());
    let body =
        format!("{{\"sku\":\"{sku}\",\"name\":\"Riz {n}\",\"brand\":{{\"name\":\"Taureau\"}}}}");
    execute(tx, PRODUCT, &[&id, &sku, &body]).await;
    execute(tx, OFFER, &[&id, &StoreId(7).to_string()]).await;
    log_change(tx, "product", &id).await;
    log_change(tx, "offer", &format!("{id}/{}/in_store", StoreId(7))).await;
}

/// A database with some of everything.
async fn filled(products: u64) -> TestDb {
    let db = database().await;
    let mut tx = db.begin().await.unwrap();
    for n in 0..products {
        put_product(&mut tx, n).await;
    }
    execute(&mut tx, DELETE, &[&product(1).to_string(), "{}"]).await;
    log_change(&mut tx, "product", &product(1).to_string()).await;
    let seq = advance(&mut tx, Log::Stock, 1).await.unwrap();
    for n in 0..products {
        put_level(&mut tx, product(n), StoreId(7), seq).await;
    }
    tx.commit().await.unwrap();
    db
}

/// Everything of the large tables that a mirror tells of some products.
fn told(mirror: &Mirror, products: u64) -> String {
    let (sizes, stores, levels) = mirror.sizes();
    // How tightly it lies in memory follows from the way it came.
    let sizes = Sizes { product_overhead_bytes: 0, ..sizes };
    let mut all = format!("{:?} {sizes:?} {stores} {levels}\n", mirror.positions());
    let page = mirror.catalog.list_with_deleted(None, Micros(0), None, 10_000);
    all += &format!(
        "{:?}\n",
        page.items
            .iter()
            .map(|listed| match listed {
                Listed::Present(body) => format!("{body:?}"),
                Listed::Deleted { id, at, replaced_by } => format!("{id} {at} {replaced_by:?}"),
            })
            .collect::<Vec<_>>()
    );
    for id in (0..products).map(product) {
        all += &format!("{:?}\n", mirror.catalog.stored_offers(None, id, &[], None));
        let any: &[StoreId] = &[];
        let (all_stores, which) = (Included::default(), (id, any));
        let line = |_, level: Option<Level<'_>>| Some(format!("{level:?}"));
        let levels = mirror.stock.of_product_within(&all_stores, which, None, 9, line);
        all += &format!("{:?} {:?}\n", levels.items, mirror.catalog.subject(id));
    }
    all
}

async fn loaded(db: &Db, saved: Option<&Saved>) -> Arc<Mirror> {
    let mirror = Arc::new(Mirror::default());
    mirror.load(db, saved).await.unwrap();
    mirror
}

fn files(folder: &Path) -> Saved {
    Saved::new(folder.join("mirror"), "nod_1".to_owned())
}

/// Asserts that a start reads what was saved or does not, and that readers cannot tell which.
async fn assert_start(db: &Db, folder: &Path, counts: bool, products: u64) {
    let saved = files(folder);
    let started = loaded(db, Some(&saved)).await;
    assert_eq!(saved.positions().is_some(), counts);
    // Where they came to in the logs may differ from where the tables were read.
    assert_eq!(told(&started, products), told(&*loaded(db, None).await, products));
}

#[actix_web::test]
async fn what_was_saved_and_what_came_since_is_what_the_tables_hold() {
    let db = filled(1_300).await;
    let folder = tempfile::tempdir().unwrap();
    assert!(files(folder.path()).save(&loaded(&db, None).await, &db).await.unwrap());
    // As it is where others were about to take their place.
    std::fs::rename(folder.path().join("mirror"), folder.path().join("mirror.old")).unwrap();
    assert_start(&db, folder.path(), true, 1_300).await;

    let mut tx = db.begin().await.unwrap();
    put_product(&mut tx, 1_300).await;
    let (two, three, store) = (product(2).to_string(), product(3).to_string(), StoreId(7));
    execute(&mut tx, DELETE, &[&two, "{}"]).await;
    execute(&mut tx, WITHDRAW, &[&two]).await;
    execute(&mut tx, REDUCE, &[&three]).await;
    log_change(&mut tx, "product", &two).await;
    log_change(&mut tx, "offer", &format!("{two}/{store}/in_store")).await;
    log_change(&mut tx, "offer", &format!("{three}/{store}/in_store")).await;
    let seq = advance(&mut tx, Log::Stock, 1).await.unwrap();
    sell(&mut tx, product(3), store, seq).await;
    tx.commit().await.unwrap();
    assert_start(&db, folder.path(), true, 1_301).await;

    let saved = files(folder.path());
    let mirror = loaded(&db, Some(&saved)).await;
    assert!(saved.save(&mirror, &db).await.unwrap());
    assert!(!saved.save(&mirror, &db).await.unwrap(), "nothing has changed since");
    assert_start(&db, folder.path(), true, 1_301).await;
}

#[actix_web::test]
async fn what_does_not_count_is_not_read() {
    let (db, other) = (filled(600).await, filled(600).await);
    let folder = tempfile::tempdir().unwrap();
    let save = async || {
        let mirror = loaded(&db, None).await;
        assert!(files(folder.path()).save(&mirror, &db).await.unwrap());
    };
    assert_start(&db, folder.path(), false, 600).await;
    save().await;
    assert_start(&other, folder.path(), false, 600).await;
    let links = DigitalLinks::below("https://api.example.com");
    let saved = files(folder.path());
    Mirror::new(PostalCodes::default(), links).load(&db, Some(&saved)).await.unwrap();
    assert_eq!(saved.positions(), None, "its documents would have no links");
    // What a kill in the middle of a saving leaves is in nobody's way.
    std::fs::create_dir(folder.path().join("mirror.part")).unwrap();
    std::fs::write(folder.path().join("mirror.part/products"), "x").unwrap();
    assert_start(&db, folder.path(), true, 600).await;

    for name in ["products", "deleted", "offers", "levels", "manifest.json"] {
        save().await;
        let path = folder.path().join("mirror").join(name);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        assert_start(&db, folder.path(), false, 600).await;
        std::fs::remove_file(&path).unwrap();
        assert_start(&db, folder.path(), false, 600).await;
    }

    save().await;
    let mut tx = db.begin().await.unwrap();
    for n in 600..1_500 {
        put_product(&mut tx, n).await;
    }
    tx.commit().await.unwrap();
    // Following so much would take longer than to read the tables.
    assert_start(&db, folder.path(), false, 1_500).await;

    save().await;
    prune_behind_one_more(&db, 1_500).await;
    assert_start(&db, folder.path(), false, 1_501).await;
}

/// Moves the log on by a product and prunes what is before.
async fn prune_behind_one_more(db: &Db, n: u64) {
    const RAISE: &str = "UPDATE log_heads SET position = (SELECT MAX(position) FROM change_log) \
         WHERE log = 'change_floor'";
    let mut tx = db.begin().await.unwrap();
    put_product(&mut tx, n).await;
    execute(&mut tx, "DELETE FROM change_log WHERE position < 100", &[]).await;
    execute(&mut tx, RAISE, &[]).await;
    tx.commit().await.unwrap();
}
