//! A year of real households (84.51° Complete Journey, CC0) as customers with purchases, points and coupons.

mod files;

use super::import::{import, sums};
use super::*;
use crate::customers::import::CustomerFeed;
use files::Journey;

/// All purchases of a household, page by page: how many, and what was paid for their lines.
async fn bought_by(
    source: &CustomerSource,
    household: &str,
    excluded: SensitiveCategories,
) -> (usize, i64) {
    let (mut count, mut paid) = (0, 0);
    let mut page = Some(PageOf::first(50));
    while let Some(asked) = page {
        let range = PurchaseRange::default();
        let told = source.purchases(household, range, excluded, &asked).await.unwrap();
        page = asked.next(&told);
        count += told.rows.len();
        for purchase in &told.rows {
            let lines: i64 = purchase.lines.iter().map(|line| line.line_total.amount.0).sum();
            assert_eq!(purchase.paid().unwrap().amount.0, lines, "{}", purchase.id);
            paid += lines;
        }
    }
    (count, paid)
}

#[tokio::test]
async fn real_households_come_in_and_add_up() {
    let Some(journey) = Journey::read() else { return };
    let (db, source) = shop().await;
    let files = [
        (CustomerFeed::Customers, &journey.customers),
        (CustomerFeed::Purchases, &journey.purchases),
        (CustomerFeed::Loyalty, &journey.loyalty),
        (CustomerFeed::Promotions, &journey.promotions),
    ];
    for (feed, lines) in files {
        let all = lines.len() as u64;
        let report = import(&db, feed, lines).await;
        assert_eq!(sums(&report), [all, 0, 0], "{report}");
        assert_eq!(sums(&import(&db, feed, lines).await), [0, all, 0], "{feed}");
    }
    let excluded = SensitiveCategories::everywhere();
    let (mut open, mut whole) = (0, 0);
    for (household, of) in &journey.households {
        let (count, paid) = bought_by(&source, household, NONE).await;
        assert_eq!((count, paid), (of.baskets.len(), of.paid), "{household}");
        let (_, told) = bought_by(&source, household, excluded).await;
        assert_eq!(told, of.open, "{household}");
        let range = PurchaseRange::default();
        let months = source.summary(household, range, excluded).await.unwrap();
        assert_eq!(months.iter().map(|it| it.amount.amount.0).sum::<i64>(), of.open);
        assert!(months.is_sorted_by(|one, next| one.month >= next.month), "{household}");
        (open, whole) = (open + of.open, whole + of.paid);
    }
    assert!(open < whole, "somebody bought something that reveals");
    let valid = at("2017-01-01T00:00:00Z");
    let mut promotions = 0;
    for household in journey.households.keys() {
        let page = PageOf::first(200);
        promotions += source.promotions(household, valid, &page).await.unwrap().rows.len();
    }
    assert_eq!(promotions, journey.promotions.len(), "none of them ended before");
}
