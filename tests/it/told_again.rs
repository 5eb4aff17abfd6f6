//! Lines of feeds that come late, that say again what is known, and that name a successor.

use crate::support::{NOON, TestApp, TestKey, data, problem};
use comptoir::feeds::{Feed, Report};
use serde_json::{Value, json};

async fn shop() -> (TestApp, TestKey) {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    app.stock_shelves(3, 1).await;
    let key = app.key(json!({})).await;
    (app, key)
}

/// Takes in an offer of the first product as it was on a day.
async fn tell(app: &TestApp, price: &str, currency: &str, day: &str) -> Report {
    let mut offer = data::offer(0, 0, price);
    offer["price"]["currency"] = json!(currency);
    offer["as_of"] = json!(format!("{day}T08:00:00Z"));
    let report = app.import(Feed::Offers, &[offer]).await;
    app.caught_up().await;
    report
}

async fn offer(app: &TestApp, key: &TestKey) -> Value {
    let path = format!("/v1/products/{}/offers", data::product_id(0));
    let found: Value = app.get(&key.text, &path).await.json().await.unwrap();
    found["items"][0].clone()
}

#[tokio::test]
async fn no_older_price_takes_the_place_of_one_told_again() {
    let (app, key) = shop().await;
    assert_eq!(tell(&app, "10.00", "EUR", "2026-11-01").await.accepted, 1);
    let first = offer(&app, &key).await;
    assert_eq!(tell(&app, "10.00", "EUR", "2026-11-03").await.unchanged, 1);
    assert_eq!(tell(&app, "12.00", "EUR", "2026-11-02").await.unchanged, 1);
    assert_eq!(offer(&app, &key).await, first);
    assert_eq!(tell(&app, "12.00", "EUR", "2026-11-04").await.accepted, 1);
    assert_eq!(offer(&app, &key).await["price"]["amount"], "12.00");
    // What is gone, and was said to be gone once more, does not come back with an older line either.
    for day in ["2026-11-05", "2026-11-07"] {
        let mut gone = data::offer(0, 0, "12.00");
        gone["op"] = json!("delete");
        gone["as_of"] = json!(format!("{day}T08:00:00Z"));
        app.import(Feed::Offers, &[gone]).await;
    }
    assert_eq!(tell(&app, "12.00", "EUR", "2026-11-06").await.unchanged, 1);
    assert_eq!(offer(&app, &key).await, Value::Null);
}

#[tokio::test]
async fn a_price_in_another_currency_is_looked_at_as_one_far_from_it() {
    let (app, key) = shop().await;
    tell(&app, "10.00", "EUR", "2026-11-01").await;
    let refused = tell(&app, "10.00", "USD", "2026-11-02").await;
    assert_eq!(refused.rejected, 1);
    assert_eq!(refused.by_code.keys().collect::<Vec<_>>(), [&"other_currency"]);
    assert_eq!(offer(&app, &key).await["price"]["currency"], "EUR");
}

#[tokio::test]
async fn a_deletion_names_what_has_come_in_its_place() {
    let (app, key) = shop().await;
    let (old, new) = (data::product_id(0), data::product_id(1));
    let gone = json!({ "op": "delete", "sku": data::sku(0), "replaced_by_sku": data::sku(1) });
    assert_eq!(app.import(Feed::Products, &[gone]).await.accepted, 1);
    app.caught_up().await;
    let answer = app.get(&key.text, &format!("/v1/products/{old}")).await;
    assert_eq!(problem(answer, 410, "gone").await["replaced_by"], json!(new));
    let itself = json!({ "op": "delete", "sku": data::sku(1), "replaced_by_sku": data::sku(1) });
    assert_eq!(app.import(Feed::Products, &[itself]).await.rejected, 1);
    // What is gone already gets another successor.
    let other = json!({ "op": "delete", "sku": data::sku(0), "replaced_by_sku": data::sku(2) });
    for accepted in [1, 0] {
        let report = app.import(Feed::Products, std::slice::from_ref(&other)).await;
        assert_eq!((report.accepted, report.unchanged), (accepted, 1 - accepted), "{report}");
    }
    app.caught_up().await;
    let answer = app.get(&key.text, &format!("/v1/products/{old}")).await;
    assert_eq!(problem(answer, 410, "gone").await["replaced_by"], json!(data::product_id(2)));
    // It may come back as it was.
    assert_eq!(app.import(Feed::Products, &[data::product(0)]).await.accepted, 1);
    app.caught_up().await;
    assert_eq!(app.get(&key.text, &format!("/v1/products/{old}")).await.status(), 200);
}
