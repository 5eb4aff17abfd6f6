//! A flat charge is asked once, and what it is asked for is counted beside it.

use super::exported::{number, rows, sum};
use super::{LATE_OCTOBER, call, id, lines, own, priced, prices, statement};
use crate::support::TestApp;
use serde_json::json;

#[tokio::test]
async fn a_flat_charge_has_the_quantity_one_and_a_line_for_its_units() {
    let app = TestApp::builder().fixed_clock(LATE_OCTOBER).start().await;
    let mut asked = prices();
    asked["charges"] = json!([
        { "name": "all", "meter": "requests", "model": "flat", "included": 2, "amount": "2.50" },
    ]);
    let (_, key) = priced(&app, asked).await;
    call(&app, &key, 2).await;
    app.wait_for_gauge("events_folded_total", 2).await;
    let october = own(&app, &key).await[0].clone();
    let stated = async || lines(&statement(&app, &key, &id(&october)).await);
    assert_eq!(stated().await, ["fee - 1 49.00", "included all 2 0.00"]);
    call(&app, &key, 5).await;
    app.wait_for_gauge("events_folded_total", 7).await;
    let all = ["fee - 1 49.00", "included all 2 0.00", "included all 5 0.00", "flat all 1 2.50"];
    assert_eq!(stated().await, all);

    let period = october["period_id"].as_str().unwrap();
    let told = rows(&app, "statement_lines", period).await;
    let flat = told.iter().find(|row| row["line_type"] == "flat").unwrap();
    assert_eq!(flat["unit"], "Periods");
    let of = |column: &str| number(&flat[column]);
    assert_eq!((of("quantity"), of("unit_price")), (number("1"), number("2.5")));
    assert_eq!(of("amount"), number("2.5"));
    let included = told.iter().filter(|row| row["line_type"] == "included");
    assert_eq!(sum(included, "quantity"), number("7"));
    assert_eq!(sum(&told, "event_count"), number("7"));

    let focus = rows(&app, "focus-1.2", period).await;
    assert_eq!(sum(&focus, "ConsumedQuantity"), number("7"));
    assert_eq!(sum(&focus, "BilledCost"), number("51.5"));
    let flat = focus.iter().find(|row| row["x_LineType"] == "flat").unwrap();
    assert_eq!((flat["ChargeCategory"].as_str(), &*flat["ConsumedQuantity"]), ("Purchase", ""));
    assert_eq!(
        (flat["PricingUnit"].as_str(), number(&flat["PricingQuantity"])),
        ("Periods", number("1"))
    );
}
