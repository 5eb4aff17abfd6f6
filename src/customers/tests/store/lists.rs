//! Lists are changed from the version that was seen, and what was not seen stays.

use super::*;
use crate::customers::source::{MOST_ITEMS, MOST_LISTS, ScannedItem};
use SensitiveCategory::Baby;

fn scanned(gtin: &str) -> ScannedItem {
    ScannedItem {
        gtin: gtin.parse().unwrap(),
        quantity: 1,
        note: None,
        source: ListItemSource::Partner,
        store_code: some("0001"),
        at: at("2026-11-02T10:00:00Z"),
    }
}

fn named(id: &str, name: &str) -> CustomerList {
    CustomerList { id: id.to_owned(), name: some(name), ..list() }
}

#[tokio::test]
async fn a_list_is_changed_from_the_version_that_was_seen() {
    let (_db, source) = shop().await;
    let put = async |customer: &'static str, list: CustomerList, seen| {
        source.put_list(customer, list, seen, NONE).await
    };
    let kept = put("cus_1", named("lst_1", "Samedi"), Some(1)).await.unwrap();
    assert_eq!((kept.version, kept.list.name.as_deref()), (2, Some("Samedi")));
    assert_eq!(source.list("cus_1", "lst_1", NONE).await.unwrap(), kept);
    // Somebody who saw the first version, or none.
    for seen in [Some(1), Some(3), None] {
        let late = put("cus_1", named("lst_1", "Dimanche"), seen).await;
        assert!(matches!(late, Err(SourceError::Changed)), "{seen:?}: {late:?}");
    }
    assert_eq!(source.list("cus_1", "lst_1", NONE).await.unwrap(), kept);
    // Others have no such list, and no such name is free.
    assert!(is_missing(&put("cus_3", named("lst_1", "X"), Some(2)).await));
    assert!(matches!(put("cus_3", named("lst_1", "X"), None).await, Err(SourceError::Changed)));
    assert!(is_missing(&put("cus_none", named("lst_9", "X"), None).await));
    let made = put("cus_3", named("lst_9", "X"), None).await.unwrap();
    assert_eq!(
        (made.version, source.list("cus_3", "lst_9", NONE).await.unwrap()),
        (1, made.clone())
    );
}

#[tokio::test]
async fn what_was_not_seen_stays_in_the_list() {
    let (_db, source) = shop().await;
    let emptied = CustomerList { items: Vec::new(), ..list() };
    let told = source.put_list("cus_1", emptied, Some(1), Baby.into()).await.unwrap();
    assert!(told.list.items.is_empty(), "and it is not told");
    let whole = source.list("cus_1", "lst_1", NONE).await.unwrap();
    assert_eq!(whole.list.items, list().items);
    // Nobody but the retailer says what an item reveals.
    let mut claimed = list();
    claimed.items[0].sensitive = None;
    let kept = source.put_list("cus_1", claimed, Some(2), NONE).await.unwrap();
    assert_eq!(kept.list.items[0].sensitive, Some(Baby));
    let emptied = CustomerList { items: Vec::new(), ..list() };
    let kept = source.put_list("cus_1", emptied, Some(3), NONE).await.unwrap();
    assert!(kept.list.items.is_empty(), "who sees it can take it out");
}

#[tokio::test]
async fn a_barcode_comes_into_a_list_once() {
    let (_db, source) = shop().await;
    let add = async |item: ScannedItem, seen| {
        source.add_scanned("cus_1", "lst_1", &item, seen, NONE).await
    };
    let kept = add(scanned("4006381333931"), None).await.unwrap();
    assert_eq!((kept.version, kept.list.items.len()), (2, 2));
    let item = &kept.list.items[1];
    assert!(item.item_id.starts_with("itm_") && item.item_id.len() == 15, "{}", item.item_id);
    assert_eq!(item.source, Some(ListItemSource::Partner));
    let again = ScannedItem { quantity: 3, note: some("bleu"), ..scanned("4006381333931") };
    let kept = add(again, Some(2)).await.unwrap();
    assert_eq!((kept.version, kept.list.items.len()), (3, 2));
    assert_eq!(
        (kept.list.items[1].quantity, kept.list.items[1].note.as_deref()),
        (4, Some("bleu"))
    );
    let late = add(scanned("4006381333931"), Some(2)).await;
    assert!(matches!(late, Err(SourceError::Changed)), "{late:?}");
    // In another form the same product.
    let kept = add(scanned("03276550063551"), Some(3)).await.unwrap();
    assert_eq!((kept.list.items.len(), kept.list.items[0].quantity), (2, 3));
    let elsewhere =
        source.add_scanned("cus_1", "lst_2", &scanned("4006381333931"), None, NONE).await;
    assert!(is_missing(&elsewhere));
}

#[tokio::test]
async fn two_who_add_at_once_both_do() {
    let (_db, source) = shop().await;
    let add = async |gtin: &'static str| {
        source.add_scanned("cus_1", "lst_1", &scanned(gtin), None, NONE).await.unwrap()
    };
    tokio::join!(add("4006381333931"), add("5000159461122"));
    let kept = source.list("cus_1", "lst_1", NONE).await.unwrap();
    assert_eq!((kept.version, kept.list.items.len()), (3, 3));
}

#[tokio::test]
async fn there_are_not_more_than_there_may_be() {
    let (_db, source) = shop().await;
    for n in 0..MOST_LISTS {
        source.put_list("cus_3", named(&format!("lst_x{n}"), "X"), None, NONE).await.unwrap();
    }
    let more = source.put_list("cus_3", named("lst_more", "X"), None, NONE).await;
    assert!(matches!(more, Err(SourceError::Full { most: 100 })), "{more:?}");
    let item = |n: usize| ListItem { item_id: format!("itm_{n}"), ..list().items.remove(0) };
    let long = CustomerList { items: (0..=MOST_ITEMS).map(item).collect(), ..list() };
    let more = source.put_list("cus_1", long, Some(1), NONE).await;
    assert!(matches!(more, Err(SourceError::Full { most: 500 })), "{more:?}");
}
