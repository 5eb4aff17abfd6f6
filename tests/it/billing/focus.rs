//! Statements as FOCUS 1.2, held against the rules of the specification.

use super::adjustments::{ADJUSTMENTS, Desk, asked, back};
use super::credits::grant;
use super::exported::{Record, exported, number, rows, sum};
use super::late::brought;
use super::{close_first, id, own, priced, statement};
use crate::support::{TestApp, TestKey};
use comptoir::billing::export::Format;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What every row has to have a column for.
const MANDATORY: [&str; 21] = [
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "ContractedCost",
    "EffectiveCost",
    "InvoiceIssuerName",
    "ListCost",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "ServiceCategory",
    "ServiceName",
];
/// The others that are written.
const OTHERS: [&str; 18] = [
    "ChargeFrequency",
    "ConsumedQuantity",
    "ConsumedUnit",
    "ContractedUnitPrice",
    "InvoiceId",
    "ListUnitPrice",
    "PricingCategory",
    "ResourceId",
    "ResourceType",
    "ServiceSubcategory",
    "SkuId",
    "SkuMeter",
    "SkuPriceDetails",
    "SkuPriceId",
    "SubAccountId",
    "SubAccountName",
    "SubAccountType",
    "Tags",
];
/// Columns that may be null; all others of FOCUS have a value in each row.
const NULLABLE: [&str; 16] = [
    "ChargeClass",
    "ConsumedQuantity",
    "ConsumedUnit",
    "ContractedUnitPrice",
    "InvoiceId",
    "ListUnitPrice",
    "PricingCategory",
    "PricingQuantity",
    "PricingUnit",
    "ResourceId",
    "ResourceType",
    "SkuId",
    "SkuMeter",
    "SkuPriceDetails",
    "SkuPriceId",
    "Tags",
];
const NUMERIC: [&str; 9] = [
    "BilledCost",
    "ConsumedQuantity",
    "ContractedCost",
    "ContractedUnitPrice",
    "EffectiveCost",
    "ListCost",
    "ListUnitPrice",
    "PricingQuantity",
    "x_EventCount",
];
const TIMES: [&str; 4] =
    ["BillingPeriodEnd", "BillingPeriodStart", "ChargePeriodEnd", "ChargePeriodStart"];
/// 10⁻¹⁵ in one.
const ONE: i128 = 1_000_000_000_000_000;

/// The rules that hold for the file.
fn check_header(header: &[&str]) {
    let ours = header.iter().position(|name| name.starts_with("x_")).unwrap_or(header.len());
    let (focus, own) = header.split_at(ours);
    assert!(own.iter().all(|name| name.starts_with("x_")), "FOCUS' own come first: {header:?}");
    let known: BTreeSet<&str> = MANDATORY.into_iter().chain(OTHERS).collect();
    assert_eq!(focus.iter().copied().collect::<BTreeSet<_>>(), known);
    assert_eq!(focus.len(), known.len(), "no column twice: {header:?}");
}

/// `YYYY-MM-DDTHH:mm:ssZ`.
fn is_time(text: &str) -> bool {
    let shape = "dddd-dd-ddTdd:dd:ddZ";
    let fits = |(a, b): (char, char)| if b == 'd' { a.is_ascii_digit() } else { a == b };
    text.len() == shape.len() && text.chars().zip(shape.chars()).all(fits)
}

/// The rules that hold for each row.
fn check_row(row: &Record) {
    let get = |name: &str| row[name].as_str();
    let has = |name: &str| !row[name].is_empty();
    for name in MANDATORY.into_iter().chain(OTHERS) {
        assert!(has(name) || NULLABLE.contains(&name), "{name} is null: {row:?}");
        assert_ne!(get(name).to_ascii_lowercase(), "null", "{name}: {row:?}");
    }
    for name in NUMERIC.into_iter().filter(|name| has(name)) {
        assert!(!get(name).contains(['$', ',', '+', ' ', 'e', 'E']), "{name}: {row:?}");
        number(get(name));
    }
    assert!(TIMES.iter().all(|name| is_time(get(name))), "{row:?}");
    assert!(get("ChargePeriodStart") < get("ChargePeriodEnd"), "{row:?}");
    assert!(get("BillingPeriodStart") < get("BillingPeriodEnd"), "{row:?}");
    let category = get("ChargeCategory");
    let known = ["Usage", "Purchase", "Credit", "Adjustment", "Tax"];
    assert!(known.contains(&category), "{row:?}");
    // What was paid in advance is on no statement, and costs where it is drawn.
    let is_prepaid = get("x_LineType") == "prepaid";
    assert_eq!(has("InvoiceId"), !is_prepaid, "{row:?}");
    assert!(!is_prepaid || category == "Purchase", "{row:?}");
    assert!(!is_prepaid || number(get("EffectiveCost")) == 0, "{row:?}");
    assert_eq!(category == "Credit", get("x_LineType") == "credit", "{row:?}");
    assert!(category != "Credit" || number(get("BilledCost")) < 0, "{row:?}");
    assert!(["", "Correction"].contains(&get("ChargeClass")), "{row:?}");
    let frequencies = ["One-Time", "Recurring", "Usage-Based"];
    assert!(frequencies.contains(&get("ChargeFrequency")), "{row:?}");
    assert!(category != "Purchase" || get("ChargeFrequency") != "Usage-Based", "{row:?}");
    assert_eq!(has("ConsumedQuantity"), category == "Usage", "{row:?}");
    assert_eq!(has("PricingQuantity"), has("PricingUnit"), "{row:?}");
    assert_eq!(has("ConsumedQuantity"), has("ConsumedUnit"), "{row:?}");
    assert_eq!(has("ResourceId"), has("ResourceType"), "{row:?}");
    let corrects = get("ChargeClass") == "Correction";
    if ["Usage", "Purchase"].contains(&category) && !corrects {
        for name in ["ContractedUnitPrice", "ListUnitPrice", "PricingQuantity", "PricingCategory"] {
            assert!(has(name), "{name}: {row:?}");
        }
        assert!(has("SkuId") && has("SkuPriceId"), "{row:?}");
    }
    for (cost, price) in [("ContractedCost", "ContractedUnitPrice"), ("ListCost", "ListUnitPrice")]
    {
        if has(price) && !corrects {
            // Prices have 12 decimals and quantities 3, so nothing is rounded here.
            let (price, quantity) = (number(get(price)) / 1_000, number(get("PricingQuantity")));
            let product = price * (quantity / (ONE / 1_000));
            assert_eq!(number(get(cost)), product, "{cost}: {row:?}");
        } else {
            assert_eq!(number(get(cost)), number(get("BilledCost")), "{cost}: {row:?}");
        }
    }
    if !corrects {
        assert!(get("BillingPeriodStart") <= get("ChargePeriodStart"), "{row:?}");
        assert!(get("ChargePeriodEnd") <= get("BillingPeriodEnd"), "{row:?}");
    }
    if category == "Usage" {
        let day = |name: &str| row[name][..10].to_owned();
        let midnight = get("ChargePeriodEnd").ends_with("T00:00:00Z");
        assert!(midnight || day("ChargePeriodStart") == day("ChargePeriodEnd"), "{row:?}");
    }
}

/// The rules that hold for a statement: the rows come to what is owed, in whole coins, and to what was counted.
fn check_statement(rows: &[Record], stated: &Value, decimals: u32) {
    let rows: Vec<&Record> =
        rows.iter().filter(|row| row["InvoiceId"] == stated["id"].as_str().unwrap()).collect();
    let coin = ONE / 10_i128.pow(decimals);
    let billed = |row: &&&Record| number(&row["BilledCost"]) % coin == 0;
    assert!(rows.iter().all(|row| billed(&row)), "no part of a coin");
    let total = number(stated["total"].as_str().unwrap());
    assert_eq!(sum(rows.iter().copied(), "BilledCost"), total, "{stated}");
    let prepaid =
        stated["credits"].as_array().unwrap().iter().filter(|it| it["source"] == "prepaid");
    let prepaid: i128 = prepaid.map(|it| number(it["amount"].as_str().unwrap())).sum();
    assert_eq!(sum(rows.iter().copied(), "EffectiveCost"), total + prepaid);
    let mut by_line: BTreeMap<String, Vec<&Record>> = BTreeMap::new();
    for row in &rows {
        assert_eq!(row["BillingCurrency"], stated["currency"].as_str().unwrap());
        by_line.entry(row["x_StatementLine"].clone()).or_default().push(row);
    }
    let lines = stated["lines"].as_array().unwrap();
    assert_eq!(by_line.len(), lines.len());
    for line in lines {
        let of_line = &by_line[&line["line"].to_string()];
        let amount = number(line["amount"].as_str().unwrap());
        assert_eq!(sum(of_line.iter().copied(), "BilledCost"), amount, "{line}");
        if of_line[0]["ChargeCategory"] == "Usage" {
            let quantity = number(line["quantity"].as_str().unwrap());
            assert_eq!(sum(of_line.iter().copied(), "ConsumedQuantity"), quantity, "{line}");
            let days: BTreeSet<&String> =
                of_line.iter().map(|row| &row["ChargePeriodStart"]).collect();
            assert_eq!(days.len(), of_line.len(), "a row for each day: {line}");
        }
        if let Some(packages) = line["packages"].as_i64() {
            let priced = sum(of_line.iter().copied(), "PricingQuantity");
            assert_eq!(priced, i128::from(packages) * ONE);
        }
    }
}

/// The rows of a period, checked.
async fn checked(app: &TestApp, key: &TestKey, stated: &Value, decimals: u32) -> Vec<Record> {
    let period = stated["period_id"].as_str().unwrap();
    let made = exported(app, "focus-1.2", period, (Format::Csv, false)).await;
    let text = std::fs::read_to_string(&made.files()[0]).unwrap();
    check_header(&text.lines().next().unwrap().split(',').collect::<Vec<_>>());
    let rows = made.rows();
    rows.iter().for_each(check_row);
    check_statement(&rows, &statement(app, key, &id(stated)).await, decimals);
    rows
}

/// A list of all that can be asked.
fn everything(currency: &str) -> Value {
    let charge = |name: &str, meter: &str, model: &str, more: Value| {
        let mut charge = json!({ "name": name, "meter": meter, "model": model });
        charge.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        charge
    };
    json!({
        "currency": currency, "time_zone": "Europe/Paris", "fee": "49.005", "discount_percent": "12.5",
        "recurring": [{ "name": "support", "amount": "20.333" }],
        "one_time": [{ "name": "setup", "amount": "100.0005" }],
        "charges": [
            charge("calls", "requests", "graduated", json!({ "included": 2, "tiers": [
                { "up_to": 3, "unit_price": "0.3333", "flat": "1.11" },
                { "up_to": 7, "unit_price": "0.2222" }, { "unit_price": "0.111111111111", "flat": "2" },
            ] })),
            charge("records", "records", "volume", json!({ "included": 1, "tiers": [
                { "up_to": 5, "unit_price": "0.77" }, { "unit_price": "0.13131", "flat": "3" },
            ] })),
            charge("data", "bytes", "package", json!({ "package_size": 2_000, "package_price": "0.70707" })),
            charge("units", "weight", "per_unit", json!({ "unit_price": "1.23456", "max": "7.5" })),
            charge("all", "requests", "flat", json!({ "amount": "5.55" })),
            charge("one", "requests", "per_unit", json!({ "operations": ["get_product"], "unit_price": "0.05" })),
            charge("least", "requests", "per_unit", json!({
                "operations": ["list_stores"], "unit_price": "1", "min": "3.335",
            })),
        ],
    })
}

/// Calls on both sides of midnights, in Paris and in UTC.
const CALLS: [&str; 13] = [
    "2026-10-01T00:00:00Z",
    "2026-10-01T21:59:59.999999Z",
    "2026-10-01T22:00:00Z",
    "2026-10-04T23:59:59.999999Z",
    "2026-10-05T00:00:00Z",
    "2026-10-05T00:00:00Z",
    "2026-10-05T12:00:00Z",
    "2026-10-25T00:30:00Z",
    "2026-10-25T01:30:00Z",
    "2026-10-31T22:30:00Z",
    "2026-10-31T22:59:59.999999Z",
    "2026-10-31T23:00:00Z",
    "2026-11-01T00:00:00Z",
];

#[tokio::test]
async fn focus_holds_for_all_that_can_be_asked_in_each_currency() {
    for (currency, decimals) in [("EUR", 2), ("JPY", 0), ("KWD", 3)] {
        let app = TestApp::builder().fixed_clock("2026-09-30T22:00:00Z").start().await;
        let (plan, key) = priced(&app, everything(currency)).await;
        super::at(&app, "2026-11-01T06:00:00Z");
        brought(&app, &key, (&plan, 2), &CALLS).await;
        let [november, october] = <[Value; 2]>::try_from(own(&app, &key).await).unwrap();
        let rows = checked(&app, &key, &october, decimals).await;
        checked(&app, &key, &november, decimals).await;
        let kinds: BTreeSet<&str> = rows.iter().map(|row| row["x_LineType"].as_str()).collect();
        for kind in [
            "fee",
            "recurring",
            "one_time",
            "included",
            "usage",
            "flat",
            "discount",
            "max_cap",
            "min_trueup",
        ] {
            assert!(kinds.contains(kind), "{kind}: {kinds:?}");
        }
        assert_eq!(
            sum(&rows, "x_EventCount"),
            11 * 6 * ONE,
            "each of six charges has counted eleven calls"
        );
        let of = |charge: &str| {
            let sku = format!("{plan}/usage/{charge}");
            rows.iter().filter(move |row| row["SkuId"] == sku)
        };
        assert!(of("one").all(|row| row["ResourceId"] == "get_product"));
        assert!(of("data").all(|row| row["PricingUnit"] == "2000 Bytes"));

        close_first(&app, "2026-11-03T00:00:00Z").await;
        let last = checked(&app, &key, &october, decimals).await;
        let costs =
            |rows: &[Record]| rows.iter().map(|row| row["BilledCost"].clone()).collect::<Vec<_>>();
        assert_eq!(costs(&last), costs(&rows), "the close changes nothing");
        assert!(last.iter().all(|row| row["x_StatementState"] == "final"));
        assert!(last.iter().all(|row| row["InvoiceIssuerName"] == "Maison"));
    }
}

#[tokio::test]
async fn what_corrects_a_closed_period_is_a_correction_of_it() {
    let app = TestApp::builder().fixed_clock("2026-09-30T22:00:00Z").start().await;
    let (plan, key) = priced(&app, everything("EUR")).await;
    super::at(&app, "2026-11-01T06:00:00Z");
    brought(&app, &key, (&plan, 2), &CALLS).await;
    let october = close_first(&app, "2026-11-03T00:00:00Z").await;
    let before = rows(&app, "focus-1.2", &october).await;
    // Calls that come late, money, calls that do not count and some that nobody metered, in both months.
    brought(&app, &key, (&plan, 2), &["2026-10-05T13:00:00Z"; 2]).await;
    let desk = Desk::of(&app).await;
    let sla = json!({ "amount": "10.00", "currency": "EUR", "period_id": october });
    desk.agreed(ADJUSTMENTS, asked(&key, "sla", "credit", sla)).await;
    let goodwill = json!({ "amount": "1.00", "currency": "EUR" });
    desk.agreed(ADJUSTMENTS, asked(&key, "goodwill", "credit", goodwill)).await;
    let outage = json!({
        "from": "2026-11-01T00:00:00Z", "to": "2026-11-02T00:00:00Z", "operation": "get_product",
    });
    let (voided, _) = desk.agreed(ADJUSTMENTS, asked(&key, "outage", "void", outage)).await;
    let missed = json!({ "operation": "get_product", "at": "2026-11-02T10:00:00Z", "requests": 3 });
    desk.agreed(ADJUSTMENTS, asked(&key, "missed", "backfill", missed)).await;

    let november = own(&app, &key).await[0].clone();
    let rows_now = checked(&app, &key, &november, 2).await;
    let corrections: Vec<&Record> =
        rows_now.iter().filter(|row| row["ChargeClass"] == "Correction").collect();
    assert_eq!(corrections.len(), 2, "{corrections:?}");
    for row in &corrections {
        assert_eq!(
            (row["ChargeCategory"].as_str(), &row["x_CorrectsPeriod"]),
            ("Adjustment", &october)
        );
        assert_eq!(row["ChargePeriodStart"], "2026-09-30T22:00:00Z");
        assert_eq!(row["BillingPeriodStart"], "2026-10-31T23:00:00Z");
    }
    // Closed, and corrected once more, it stays what it was.
    let period = november["period_id"].as_str().unwrap().to_owned();
    close_first(&app, "2026-12-03T00:00:00Z").await;
    let frozen = checked(&app, &key, &november, 2).await;
    brought(&app, &key, (&plan, 2), &["2026-11-05T13:00:00Z"; 2]).await;
    let desk = Desk::named(&app, ["three@example.com", "four@example.com"]).await;
    desk.agreed(&format!("{ADJUSTMENTS}/{}/reverse", id(&voided)), back("outage")).await;
    let name = json!({ "name": "Renamed" });
    app.admin_ok("PATCH", &format!("/admin/v1/partners/{}", key.partner_id), Some(name)).await;
    assert_eq!(rows(&app, "focus-1.2", &period).await, frozen);
    assert_eq!(rows(&app, "focus-1.2", &october).await, before);
    let december = own(&app, &key).await[0].clone();
    checked(&app, &key, &december, 2).await;
}

#[tokio::test]
async fn a_prepayment_is_a_purchase_once_and_costs_as_it_is_drawn() {
    let app = TestApp::builder().fixed_clock("2026-09-30T22:00:00Z").start().await;
    let (plan, key) = priced(&app, everything("EUR")).await;
    let given = grant(&app, &key, "10.00", json!({})).await;
    let prepaid = json!({ "source": "prepaid", "priority": 60 });
    let paid = grant(&app, &key, "250.00", prepaid).await;
    grant(&app, &key, "9.00", json!({ "source": "prepaid", "priority": 90 })).await;
    super::at(&app, "2026-11-01T06:00:00Z");
    brought(&app, &key, (&plan, 2), &CALLS).await;
    let [november, october] = <[Value; 2]>::try_from(own(&app, &key).await).unwrap();
    let months = async || {
        let mut rows = checked(&app, &key, &october, 2).await;
        rows.extend(checked(&app, &key, &november, 2).await);
        rows
    };
    let open = months().await;
    let of = |kind: &str| -> Vec<&Record> {
        open.iter().filter(|row| row["x_LineType"] == kind).collect()
    };
    let purchases: Vec<(&str, &str)> = of("prepaid")
        .iter()
        .map(|row| (row["SkuId"].as_str(), row["BilledCost"].as_str()))
        .collect();
    let first = format!("prepaid/{paid}");
    assert_eq!(purchases[0].0, first, "{given} is no purchase");
    assert_eq!(number(purchases[0].1), 250 * ONE);
    assert_eq!(purchases.iter().filter(|(sku, _)| *sku == first).count(), 1);
    let drawn = |rows: &[&Record], of: &str| sum(rows.iter().copied(), of);
    // Given credit costs nothing; what was paid before does, where it is drawn.
    assert_eq!(drawn(&of("credit"), "EffectiveCost"), -10 * ONE);
    assert!(drawn(&of("credit"), "BilledCost") < -200 * ONE);
    // Closed, it is told the same.
    close_first(&app, "2026-12-03T00:00:00Z").await;
    close_first(&app, "2026-12-03T00:00:00Z").await;
    let costs = |rows: &[Record]| {
        let told =
            |row: &Record| ["BilledCost", "EffectiveCost", "SkuId"].map(|of| row[of].clone());
        rows.iter().map(told).collect::<Vec<_>>()
    };
    assert_eq!(costs(&months().await), costs(&open));
}
