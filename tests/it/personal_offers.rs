//! A price of one customer is told to no partner, in no form, and neither is that it is there.

use crate::follow::{assert_followed, load};
use crate::hooks::receiver::Receiver;
use crate::hooks::{shop as receiving, subscribe};
use crate::personal::everything;
use crate::support::data::{self, product_id, store_id};
use crate::support::{NOON, TestApp};
use comptoir::feeds::{Feed, Mode, Options, import_with};
use serde_json::{Value, json};

/// An amount that stands in nothing else.
const OWN: &str = "7.77";

fn offer(price: &str, price_type: &str) -> Value {
    let mut offer = data::offer(0, 0, price);
    offer["channel"] = json!("online");
    offer["price_type"] = json!(price_type);
    offer
}

async fn tell(app: &TestApp, line: Value) {
    let report = app.import(Feed::Offers, &[line]).await;
    assert_eq!((report.accepted, report.rejected), (1, 0), "{report}");
    app.caught_up().await;
}

async fn get(app: &TestApp, key: &str, path: &str) -> Value {
    let answer = app.get(key, path).await;
    assert_eq!(answer.status(), 200, "{path}");
    answer.json().await.unwrap()
}

/// The entries of the log about offers.
async fn entries(app: &TestApp, key: &str) -> Vec<(String, String)> {
    let page = get(app, key, "/v1/changes?types=offer&limit=1000").await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let entry = |entry: &Value| (text(&entry["op"]), text(&entry["reason"]));
    page["items"].as_array().unwrap().iter().map(entry).collect()
}

fn told(entries: &[(&str, &str)]) -> Vec<(String, String)> {
    entries.iter().map(|(op, reason)| ((*op).to_owned(), (*reason).to_owned())).collect()
}

async fn assert_untold(app: &TestApp, key: &str) {
    for (place, text) in everything(app, key).await {
        assert!(!text.contains(OWN) && !text.contains("\"personal\""), "{place}: {text}");
    }
    let product = product_id(0);
    for path in [
        format!("/v1/products/{product}/offers?include_total=true"),
        format!("/v1/stores/{}/offers?include_total=true", store_id(0)),
    ] {
        let page = get(app, key, &path).await;
        assert_eq!((&page["items"], &page["total"]), (&json!([]), &json!(0)), "{path}");
    }
    let history = get(app, key, &format!("/v1/products/{product}/price-history")).await;
    assert!(!history.to_string().contains(OWN), "{history}");
    for query in ["min_price=7&max_price=8", &format!("store_id={}", store_id(0))] {
        let page = get(app, key, &format!("/v1/products?{query}")).await;
        assert_eq!(page["items"], json!([]), "{query}");
    }
}

#[tokio::test]
async fn a_price_of_one_customer_is_told_nowhere() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    app.stock_shelves(1, 1).await;
    let key = app.key(json!({})).await.text;
    tell(&app, offer(OWN, "personal")).await;
    tell(&app, offer("7.76", "personal")).await;
    tell(&app, offer(OWN, "personal")).await;
    assert_untold(&app, &key).await;
    assert_eq!(entries(&app, &key).await, told(&[]));
    // Withdrawn: nobody hears of what nobody knew.
    let mut gone = offer(OWN, "personal");
    gone["op"] = json!("delete");
    tell(&app, gone.clone()).await;
    let again = app.import(Feed::Offers, &[gone]).await;
    assert_eq!(again.unchanged, 1, "{again}");
    assert_eq!(entries(&app, &key).await, told(&[]));
}

#[tokio::test]
async fn a_price_that_becomes_personal_is_a_deletion_and_one_that_becomes_public_is_new() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    app.stock_shelves(1, 1).await;
    let key = app.key(json!({})).await.text;
    tell(&app, offer("9.00", "regular")).await;
    app.snapshot().await;
    let (held, position, _) = load(&app, &key).await;
    app.clock.advance(1_000_000);
    tell(&app, offer(OWN, "personal")).await;
    assert_untold(&app, &key).await;
    assert_eq!(entries(&app, &key).await, told(&[("upsert", "created"), ("delete", "deleted")]));
    assert_followed(&app, &key, &(held.clone(), position.clone()), 100).await;
    // Public again and reduced: what one customer paid is no prior price of it.
    let mut public = offer("8.00", "sale");
    public["list_price"] = json!({ "amount": "9.00", "currency": "EUR" });
    app.clock.advance(1_000_000);
    public["as_of"] = json!(app.clock.now());
    tell(&app, public).await;
    let page = get(&app, &key, &format!("/v1/products/{}/offers", product_id(0))).await;
    assert_eq!(page["items"][0]["lowest_price_30d"]["amount"], "9.00");
    let expected = [("upsert", "created"), ("delete", "deleted"), ("upsert", "created")];
    assert_eq!(entries(&app, &key).await, told(&expected));
    app.clock.advance(1_000_000);
    assert_followed(&app, &key, &(held, position), 100).await;
}

#[tokio::test]
async fn what_takes_offers_away_or_tells_them_anew_says_nothing_of_personal_ones() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    app.stock_shelves(3, 1).await;
    let key = app.key(json!({})).await.text;
    let personal = |n: u32| {
        let mut line = data::offer(n, 0, OWN);
        line["price_type"] = json!("personal");
        line["promotion_codes"] = json!(["later"]);
        line
    };
    app.import(Feed::Offers, &[personal(0), personal(1), personal(2)]).await;
    // A promotion that they name turns up, a product gets another brand, another goes, a full feed names none.
    app.import(Feed::Promotions, &[data::promotion("later", "Plus tard")]).await;
    let mut moved = data::product(0);
    moved["brand"] = json!({ "name": "Autre" });
    app.import(Feed::Products, &[moved]).await;
    app.import(Feed::Products, &[json!({ "op": "delete", "sku": data::sku(1) })]).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), data::offer(0, 0, "1.00").to_string()).unwrap();
    let options = Options { mode: Some(Mode::Full), ..Options::default() };
    let (db, clock, path) = (&app.db, &app.clock, file.path());
    let report = import_with(db, clock, Feed::Offers, path, &options, None, &mut |_| {}).await;
    let report = report.unwrap();
    assert_eq!((report.accepted, report.deleted + report.held), (1, 1), "{report}");
    app.import(Feed::Stores, &[json!({ "op": "delete", "store_code": "0000" })]).await;
    app.caught_up().await;
    // The one that a feed has made public came, and went with its store.
    let expected = [("upsert", "created"), ("delete", "store_deleted")];
    assert_eq!(entries(&app, &key).await, told(&expected));
}

#[tokio::test]
async fn of_a_price_of_one_customer_no_message_tells() {
    let (app, key) = receiving().await;
    let mut receiver = Receiver::start().await;
    let events = ["price.changed", "offer.created", "offer.updated", "offer.deleted"];
    subscribe(&app, &key, json!({ "url": receiver.url, "events": events })).await;
    for line in [
        offer(OWN, "personal"),
        offer("7.76", "personal"),
        offer("9.00", "regular"),
        offer(OWN, "personal"),
        offer("9.10", "regular"),
    ] {
        app.import(Feed::Offers, &[line]).await;
    }
    let mut awaited = vec!["offer.created", "offer.deleted", "offer.created"];
    while !awaited.is_empty() {
        let message = receiver.next().await;
        assert!(!message.text.contains(OWN) && !message.text.contains("7.76"), "{}", message.text);
        let event = message.body()["type"].clone();
        let place = awaited.iter().position(|one| event == *one);
        awaited.remove(place.unwrap_or_else(|| panic!("{event} was not awaited")));
    }
}
