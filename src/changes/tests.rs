use super::store::{Wanted, floor, read};
use super::*;
use crate::kernel::id::StoreId;
use crate::kernel::word::Word as _;
use crate::storage::changes::{Change, append};
use crate::storage::testing::database;

fn change(kind: &'static str, id: &str) -> Change {
    Change { kind, id: id.to_owned(), deleted: false, reason: "created", version: 1 }
}

async fn log(db: &Db, changes: &[Change], at: i64) {
    let mut tx = db.begin().await.unwrap();
    append(&mut tx, changes, Micros(at)).await.unwrap();
    tx.commit().await.unwrap();
}

fn all() -> Vec<Kind> {
    Kind::WORDS.iter().map(|(_, kind)| *kind).collect()
}

#[actix_web::test]
async fn entries_are_picked_by_kind_and_store() {
    let db = database().await;
    // Their ids differ in case alone.
    let (store, elsewhere) = (StoreId(10), StoreId(36));
    assert!(store.to_string().eq_ignore_ascii_case(&elsewhere.to_string()));
    let (mine, other) = (format!("prd_1/{store}/in_store"), format!("prd_1/{elsewhere}"));
    let here = store.to_string();
    let changes = [
        change("product", "prd_1"),
        change("offer", &mine),
        change("stock", &other),
        change("store", &here),
    ];
    log(&db, &changes, 1).await;
    let positions = async |wanted: Wanted, after, most| {
        let stretch = read(&db, after, &wanted, most).await.unwrap();
        let positions: Vec<i64> = stretch.entries.iter().map(|entry| entry.position).collect();
        (positions, stretch.reached)
    };
    let everything = Wanted { kinds: all(), store: None, limited_to: None };
    assert_eq!(positions(everything.clone(), 0, 9).await, (vec![1, 2, 3, 4], 4));
    assert_eq!(positions(everything.clone(), 1, 2).await, (vec![2, 3], 3));
    assert_eq!(positions(everything, i64::MAX, 2).await, (vec![], i64::MAX));
    let of_store = Wanted { kinds: all(), store: Some(store), limited_to: None };
    assert_eq!(positions(of_store, 0, 9).await, (vec![1, 2, 4], 4));
    let stock = Wanted { kinds: vec![Kind::Stock], store: None, limited_to: None };
    assert_eq!(positions(stock, 0, 9).await, (vec![3], 4));
    let none = Wanted { kinds: Vec::new(), store: None, limited_to: None };
    assert_eq!(positions(none, 0, 9).await, (vec![], 4));
}

#[actix_web::test]
async fn what_is_pruned_is_remembered() {
    let db = database().await;
    log(&db, &vec![change("product", "prd_1"); 2_500], 10).await;
    log(&db, &[change("product", "prd_2")], 20).await;
    assert_eq!(prune(&db, Micros(10)).await.unwrap(), 0);
    assert_eq!(floor(&db).await.unwrap(), 0);
    assert_eq!(prune(&db, Micros(20)).await.unwrap(), 2_500);
    assert_eq!(floor(&db).await.unwrap(), 2_500);
    assert_eq!(prune(&db, Micros(21)).await.unwrap(), 1);
    assert_eq!(prune(&db, Micros(21)).await.unwrap(), 0);
    // Empty, and still exact: who has read everything may go on, who has not may not.
    let wanted = Wanted { kinds: all(), store: None, limited_to: None };
    let stretch = read(&db, 2_501, &wanted, 9).await.unwrap();
    assert_eq!((stretch.reached, stretch.head, floor(&db).await.unwrap()), (2_501, 2_501, 2_501));
}
