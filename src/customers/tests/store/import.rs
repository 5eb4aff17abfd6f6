//! What feeds say is stored, once, under the customer whose it is; and what is refused is not repeated.

use super::super::samples::{line, promotion, transaction};
use super::*;
use crate::customers::import::{
    CustomerFeed, CustomerImportError, CustomerReport, MOST_TRANSACTIONS, import_file, import_lines,
};
use CustomerFeed::{Customers, Lists, Loyalty, Promotions, Purchases};

/// Imports lines as they are.
async fn import_text(db: &TestDb, feed: CustomerFeed, text: &str) -> CustomerReport {
    let lines = std::io::Cursor::new(text.to_owned());
    import_lines(db, feed, lines, u64::MAX).await.unwrap()
}

pub(super) async fn import(db: &TestDb, feed: CustomerFeed, lines: &[Value]) -> CustomerReport {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    import_text(db, feed, &text).await
}

/// Accepted, unchanged, rejected.
pub(super) fn sums(report: &CustomerReport) -> [u64; 3] {
    [report.accepted, report.unchanged, report.rejected]
}

/// Line, field and kind of the faults.
fn faults(report: &CustomerReport) -> Vec<(u64, String, &'static str)> {
    let one = |it: &crate::customers::import::RefusedLine| {
        assert_eq!(it.fault.value, "", "what stood there is not repeated");
        (it.line, it.fault.field.to_string(), it.fault.code)
    };
    report.first_rejected.iter().map(one).collect()
}

fn owned_promotion(id: &str, customer: &str) -> Value {
    owned(&PersonalPromotion { id: id.to_owned(), ..promotion() }, customer)
}

#[tokio::test]
async fn a_file_that_is_imported_again_changes_nothing() {
    let (db, source) = shop().await;
    let files: [(CustomerFeed, Vec<Value>); 5] = [
        (Customers, vec![called("cus_8"), called("cus_9")]),
        (Purchases, vec![owned(&bought("pur_9", 1, vec![line("1", "2.00", None)]), "cus_9")]),
        (Loyalty, vec![owned(&LoyaltyAccount { id: "loy_9".to_owned(), ..account() }, "cus_9")]),
        (Lists, vec![owned(&CustomerList { id: "lst_9".to_owned(), ..list() }, "cus_9")]),
        (Promotions, vec![owned_promotion("ppr_9", "cus_9")]),
    ];
    for (feed, lines) in &files {
        let all = lines.len() as u64;
        assert_eq!(sums(&import(&db, *feed, lines).await), [all, 0, 0], "{feed}");
        assert_eq!(sums(&import(&db, *feed, lines).await), [0, all, 0], "{feed}");
    }
    let (first, range) = (PageOf::default(), PurchaseRange::default());
    assert_eq!(source.purchases("cus_9", range, NONE, &first).await.unwrap().rows.len(), 1);
    assert_eq!(source.loyalty("cus_9").await.unwrap().len(), 1);
    assert_eq!(source.list("cus_9", "lst_9", NONE).await.unwrap().version, 1);
    let valid = at("2026-11-22T00:00:00Z");
    let promotions = source.promotions("cus_9", valid, &first).await.unwrap().rows;
    assert_eq!(promotions, [PersonalPromotion { id: "ppr_9".to_owned(), ..promotion() }]);
    let over = source.promotions("cus_9", at("2026-12-01T00:00:00Z"), &first).await.unwrap();
    assert!(over.rows.is_empty());
}

#[tokio::test]
async fn a_line_stands_for_the_whole_of_what_it_is_about() {
    let (db, source) = shop().await;
    let told = CustomerProfile { phone: None, ..profile() };
    assert_eq!(sums(&import(&db, Customers, &[json!(told)]).await), [1, 0, 0]);
    assert_eq!(source.profile("cus_1").await.unwrap(), told);
    let moved = CustomerPurchase { order_date: at("2026-10-01T00:00:00Z"), ..purchase() };
    let (then, now) = (owned(&purchase(), "cus_1"), owned(&moved, "cus_1"));
    // Of two lines about the same the later counts.
    assert_eq!(sums(&import(&db, Purchases, &[then, now]).await), [1, 1, 0]);
    let october = PurchaseRange { from: None, to: Some(at("2026-10-02T00:00:00Z")) };
    let found = source.purchases("cus_1", october, NONE, &PageOf::default()).await.unwrap();
    assert_eq!(found.rows, [moved]);
    let renamed = CustomerList { name: some("Autre"), ..list() };
    import(&db, Lists, &[owned(&renamed, "cus_1")]).await;
    let kept = source.list("cus_1", "lst_1", NONE).await.unwrap();
    assert_eq!((kept.version, kept.list), (2, renamed), "who saw the first version is told");
}

#[tokio::test]
async fn movements_are_added_to_those_that_are_known() {
    let (db, source) = shop().await;
    let with = |numbers: std::ops::Range<usize>| {
        let one = |n: usize| LoyaltyTransaction {
            id: format!("ltx_{n:05}"),
            occurred_at: Micros(i64::try_from(n).unwrap()),
            ..transaction()
        };
        owned(&LoyaltyAccount { transactions: numbers.map(one).collect(), ..account() }, "cus_1")
    };
    import(&db, Loyalty, &[with(0..MOST_TRANSACTIONS - 1)]).await;
    import(&db, Loyalty, &[with(MOST_TRANSACTIONS - 3..MOST_TRANSACTIONS + 5)]).await;
    let kept = source.loyalty("cus_1").await.unwrap().remove(0).transactions;
    assert_eq!(kept.len(), MOST_TRANSACTIONS);
    // Of 2,006 the six oldest have made room.
    assert_eq!(kept[0].id, "ltx_00006");
    assert_eq!(kept.last().unwrap().id, "ltx_1");
}

#[tokio::test]
async fn nobody_gets_what_is_anothers() {
    let (db, source) = shop().await;
    let nobody = owned(&bought("pur_9", 1, vec![line("1", "2.00", None)]), "cus_none");
    let mine = owned(&bought("pur_8", 1, vec![line("1", "2.00", None)]), "cus_3");
    let taken = owned(&CustomerPurchase { id: "pur_2".to_owned(), ..purchase() }, "cus_3");
    let report = import(&db, Purchases, &[nobody, mine, taken]).await;
    assert_eq!(sums(&report), [1, 0, 2]);
    let expected =
        [(1, "customer_id".to_owned(), "unknown_customer"), (3, "id".to_owned(), "taken")];
    assert_eq!(faults(&report), expected);
    let range = PurchaseRange::default();
    assert!(source.purchase("cus_2", "pur_2", range, NONE).await.is_ok());
    assert!(is_missing(&source.purchase("cus_3", "pur_2", range, NONE).await));
}

#[tokio::test]
async fn what_is_wrong_is_said_without_what_stands_there() {
    let (db, _source) = shop().await;
    let mut long = profile();
    long.id = "Camille ".repeat(20);
    let bad = [
        (r#"{"id":"#.to_owned(), "", "malformed"),
        (json!(["Camille"]).to_string(), "", "malformed"),
        (json!({"given_name": "Camille"}).to_string(), "", "missing"),
        (json!({"id": "c", "Camille": 1}).to_string(), "", "unknown_field"),
        (
            json!({"id": "c", "address": {"lines": [], "Camille": 1}}).to_string(),
            "address",
            "unknown_field",
        ),
        (json!({"id": "c", "given_name": ["Camille"]}).to_string(), "given_name", "malformed"),
        (
            json!({"id": "c", "email_verified": "Camille, expected Camille"}).to_string(),
            "email_verified",
            "malformed",
        ),
        (json!({"id": "c", "birth_date": "Camille"}).to_string(), "birth_date", "malformed"),
        (json!({"id": "c", "age_band": "Camille"}).to_string(), "age_band", "malformed"),
        (json!({"id": "c", "created_at": "Camille"}).to_string(), "created_at", "malformed"),
        (json!(long).to_string(), "id", "malformed"),
    ];
    let text: String = bad.iter().map(|(line, ..)| format!("{line}\n")).collect();
    let report = import_text(&db, Customers, &text).await;
    assert_eq!(sums(&report), [0, 0, bad.len() as u64]);
    let found = faults(&report);
    for (n, (line, field, code)) in bad.iter().enumerate() {
        assert_eq!(found[n], (n as u64 + 1, (*field).to_owned(), *code), "{line}");
    }
    let said = format!("{report} {}", json!(report));
    assert!(!said.contains("Camille"), "{said}");
    assert!(said.contains("must be one of under_18"), "{said}");
}

#[tokio::test]
async fn documents_that_contradict_themselves_are_refused() {
    let (db, _source) = shop().await;
    let two =
        |first: &str, second: &str| vec![line(first, "2.00", None), line(second, "2.00", None)];
    let mut other = bought("p", 1, two("1", "2"));
    other.lines[1].line_total.currency = "USD".parse().unwrap();
    let unknown = CustomerPurchase { lines: two("2", "3"), ..purchase() };
    let lines = [bought("p", 1, two("1", "1")), other, unknown].map(|it| owned(&it, "cus_1"));
    let report = import(&db, Purchases, &lines).await;
    let codes: Vec<&str> = faults(&report).into_iter().map(|(_, _, code)| code).collect();
    assert_eq!(codes, ["repeated", "other_currency", "unknown_line"]);
    let percent = |value: &str| PersonalPromotion {
        kind: PersonalPromotionKind::PercentOff,
        value: Some(decimal(value)),
        ..promotion()
    };
    let ended = PersonalPromotion { valid_through: promotion().valid_from, ..promotion() };
    let free = PersonalPromotion { amount: None, ..promotion() };
    let lines = [percent("100"), percent("100.01"), percent("0"), ended, free];
    let report = import(&db, Promotions, &lines.map(|it| owned(&it, "cus_1"))).await;
    let fields: Vec<String> = faults(&report).into_iter().map(|(_, field, _)| field).collect();
    assert_eq!(fields, ["value", "value", "valid_through", "amount"]);
    let mut none = list();
    none.items[0].quantity = 0;
    let report = import(&db, Lists, &[owned(&none, "cus_1")]).await;
    assert_eq!(faults(&report), [(1, "items.quantity".to_owned(), "malformed")]);
}

#[tokio::test]
async fn files_come_plain_or_packed_and_in_bounds() {
    use std::io::Write as _;
    let (db, source) = shop().await;
    let dir = tempfile::tempdir().unwrap();
    let text = format!("\u{feff}{}\n\n  \n{}", called("cus_8"), called("cus_9"));
    let (plain, packed) = (dir.path().join("plain"), dir.path().join("packed"));
    std::fs::write(&plain, &text).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    std::fs::write(&packed, gzip.finish().unwrap()).unwrap();
    let most = text.len() as u64;
    assert_eq!(sums(&import_file(&db, Customers, &plain, most).await.unwrap()), [2, 0, 0]);
    assert_eq!(sums(&import_file(&db, Customers, &packed, most).await.unwrap()), [0, 2, 0]);
    assert_eq!(source.profile("cus_9").await.unwrap().id, "cus_9");
    for file in [&plain, &packed] {
        let error = import_file(&db, Customers, file, most - 1).await.unwrap_err();
        assert!(matches!(error, CustomerImportError::TooLarge(_)), "{error}");
    }
    std::fs::write(&plain, "x".repeat(2_000_000)).unwrap();
    let error = import_file(&db, Customers, &plain, u64::MAX).await.unwrap_err();
    assert!(matches!(error, CustomerImportError::LongLine(1)), "{error}");
    let error = import_file(&db, Customers, &dir.path().join("none"), 1).await.unwrap_err();
    assert!(error.to_string().contains("none"), "{error}");
}
