//! Pages: each row once, the newest first, whatever is left out between.

use super::super::samples::{line, transaction};
use super::*;
use SensitiveCategory::Alcohol;

/// All purchases in pages of so many rows: their ids, and how many rows each page had.
async fn walk(
    source: &CustomerSource,
    range: PurchaseRange,
    excluded: SensitiveCategories,
    limit: u32,
) -> (Vec<String>, Vec<usize>) {
    let (mut ids, mut sizes) = (Vec::new(), Vec::new());
    let mut page = PageOf::first(limit);
    loop {
        let told = source.purchases("cus_3", range, excluded, &page).await.unwrap();
        sizes.push(told.rows.len());
        let next = page.next(&told);
        ids.extend(told.rows.into_iter().map(|it| it.id));
        match next {
            Some(next) => page = next,
            None => return (ids, sizes),
        }
    }
}

/// Purchases of which every third is of alcohol alone. Two each are of one instant.
async fn stocked() -> (TestDb, CustomerSource) {
    let (db, source) = shop().await;
    let one = |n: i64| {
        let sensitive = (n % 3 == 0).then_some(Alcohol);
        bought(&format!("pur_{n:03}"), n / 2, vec![line("1", "2.00", sensitive)])
    };
    let purchases: Vec<CustomerPurchase> = (100..130).map(one).collect();
    buy(&db, "cus_3", &purchases).await;
    (db, source)
}

fn ids(numbers: impl DoubleEndedIterator<Item = i64>) -> Vec<String> {
    numbers.rev().map(|n| format!("pur_{n:03}")).collect()
}

#[tokio::test]
async fn each_purchase_is_told_once_the_newest_first() {
    let (_db, source) = stocked().await;
    let all = PurchaseRange::default();
    for limit in [1, 4, 7, 29, 30, 200] {
        let (told, sizes) = walk(&source, all, NONE, limit).await;
        assert_eq!(told, ids(100..130), "in pages of {limit}");
        let full = sizes.len() - 1;
        let rows = usize::try_from(limit).unwrap();
        assert!(sizes[..full].iter().all(|size| *size == rows), "{limit}: {sizes:?}");
    }
}

#[tokio::test]
async fn pages_are_full_where_purchases_are_left_out() {
    let (_db, source) = stocked().await;
    let all = PurchaseRange::default();
    for limit in [1, 4, 7] {
        let (told, sizes) = walk(&source, all, Alcohol.into(), limit).await;
        assert_eq!(told, ids((100..130).filter(|n| n % 3 != 0)), "in pages of {limit}");
        let full = sizes.len() - 1;
        let rows = usize::try_from(limit).unwrap();
        assert!(sizes[..full].iter().all(|size| *size == rows), "{limit}: {sizes:?}");
    }
}

#[tokio::test]
async fn a_range_begins_with_its_first_instant_and_ends_before_its_last() {
    let (_db, source) = stocked().await;
    let hour = |n: i64| Some(Micros(at("2026-11-01T00:00:00Z").0 + n * crate::kernel::clock::HOUR));
    let range = PurchaseRange { from: hour(52), to: hour(54) };
    assert_eq!(walk(&source, range, NONE, 3).await.0, ids(104..108));
    let summary = source.summary("cus_3", range, Alcohol.into()).await.unwrap();
    // Four purchases, one of alcohol alone; of each line one piece of two came back.
    assert_eq!((summary.len(), summary[0].lines), (1, 3));
    assert_eq!(summary[0].amount, euros("3.00"));
    let one = async |range| source.purchase("cus_3", "pur_104", range, NONE).await;
    assert!(one(range).await.is_ok());
    assert!(is_missing(&one(PurchaseRange { from: hour(53), to: None }).await));
}

#[tokio::test]
async fn movements_come_in_pages_too() {
    let (db, source) = shop().await;
    let one = |n: i64| LoyaltyTransaction {
        id: format!("ltx_{n}"),
        occurred_at: Micros(n / 2),
        ..transaction()
    };
    let account = LoyaltyAccount {
        id: "loy_3".to_owned(),
        transactions: [14, 11, 10, 13, 12].map(one).into(),
        ..account()
    };
    let mut tx = db.begin().await.unwrap();
    put_seed(&mut tx, &[], &[], &[owned(&account, "cus_3")], &[]).await.unwrap();
    tx.commit().await.unwrap();
    let (mut told, mut page) = (Vec::new(), Some(PageOf::first(2)));
    while let Some(asked) = page {
        let moves = source.transactions("cus_3", "loy_3", NONE, &asked).await.unwrap();
        page = asked.next(&moves);
        told.extend(moves.rows.into_iter().map(|it| it.id));
    }
    assert_eq!(told, ["ltx_14", "ltx_13", "ltx_12", "ltx_11", "ltx_10"]);
}

#[test]
fn a_place_is_the_key_of_a_cursor() {
    for place in [PageBehind::at(at("2026-11-01T00:00:00Z"), "pur_1"), PageBehind::id("é")] {
        assert_eq!(PageBehind::of_key(&place.key()), Some(place));
    }
    let nul = PageBehind::id("a\0").key();
    for bad in [&b""[..], b"1234567", b"12345678\xff", &nul[..]] {
        assert_eq!(PageBehind::of_key(bad), None, "{bad:?}");
    }
    assert_eq!((PageOf::first(0).rows(), PageOf::first(1_000).rows()), (1, 200));
}
