//! What can reveal something is left out so that nobody sees it.

use super::samples::{line, list, month, purchase, refund, total, transaction};
use super::*;
use SensitiveCategory::{Alcohol, Pharmacy};

fn excluded() -> SensitiveCategories {
    SensitiveCategories::everywhere()
}

/// A purchase of three lines, one of them of the pharmacy, brought for 4.00.
fn mixed() -> CustomerPurchase {
    CustomerPurchase {
        lines: vec![
            line("1", "10.00", None),
            line("2", "7.00", Some(Pharmacy)),
            line("3", "5.00", None),
        ],
        totals: vec![
            total(PurchaseTotalKind::Subtotal, "25.00"),
            total(PurchaseTotalKind::Discount, "-3.00"),
            total(PurchaseTotalKind::Tax, "2.10"),
            total(PurchaseTotalKind::Total, "26.00"),
        ],
        adjustments: vec![
            refund(Some("2"), "7.00"),
            refund(Some("3"), "5.00"),
            refund(None, "1.00"),
        ],
        ..purchase()
    }
}

/// The same as if the line had never been bought.
fn without_it() -> CustomerPurchase {
    CustomerPurchase {
        lines: vec![line("1", "10.00", None), line("2", "5.00", None)],
        totals: vec![
            total(PurchaseTotalKind::Subtotal, "17.00"),
            total(PurchaseTotalKind::Discount, "-2.00"),
            total(PurchaseTotalKind::Tax, "1.40"),
            total(PurchaseTotalKind::Total, "19.00"),
        ],
        adjustments: vec![refund(Some("2"), "5.00")],
        ..purchase()
    }
}

#[test]
fn nobody_sees_that_a_line_was_left_out() {
    let told = mixed().without(excluded()).unwrap();
    assert_eq!(told, without_it().without(excluded()).unwrap());
    assert_eq!(told.paid(), Some(euros("19.00")));
    assert_eq!(told.receipt.unwrap().url, None, "all of the purchase is behind it");
    assert_eq!(told.loyalty, None, "points are of all of it");
    assert!(!told.totals.iter().any(|it| it.kind == PurchaseTotalKind::Tax));
    let ids: Vec<&str> = told.lines.iter().map(|line| line.line_id.as_str()).collect();
    assert_eq!(ids, ["1", "2"]);
}

#[test]
fn what_the_customer_lets_in_is_told_whole() {
    assert_eq!(mixed().without(SensitiveCategories::NONE), Some(mixed()));
    let others = excluded().without(Pharmacy.into());
    assert_eq!(mixed().without(others).unwrap().lines.len(), 3);
    assert_eq!(list().without(SensitiveCategories::NONE), list());
}

#[test]
fn a_purchase_of_nothing_else_is_not_there() {
    assert_eq!(purchase().without(Alcohol.into()), None);
    let unknown = CustomerPurchase { lines: Vec::new(), ..mixed() };
    let told = unknown.without(excluded()).unwrap();
    assert!(told.totals.is_empty() && told.adjustments.is_empty(), "who knows what is in them");
}

#[test]
fn lists_and_movements_say_nothing_of_it() {
    assert!(list().without(excluded()).items.is_empty());
    assert_eq!(transaction().without(excluded()).purchase_id, None);
    assert_eq!(transaction().without(SensitiveCategories::NONE), transaction());
}

#[test]
fn sums_are_of_what_stayed_with_the_customer() {
    let mut sums = PurchaseSums::without(excluded());
    sums.add(&mixed());
    sums.add(&CustomerPurchase { order_date: at("2026-10-31T23:59:59Z"), ..mixed() });
    let told = sums.finish();
    // Of each line one piece of two came back.
    let november = MonthOfCategory { lines: 2, amount: euros("7.50"), ..month() };
    let october = MonthOfCategory { month: "2026-10".to_owned(), ..november.clone() };
    assert_eq!(told, [november, october]);
    let mut all = PurchaseSums::without(SensitiveCategories::NONE);
    all.add(&mixed());
    assert_eq!(all.finish(), [MonthOfCategory { lines: 3, amount: euros("11.00"), ..month() }]);
}
