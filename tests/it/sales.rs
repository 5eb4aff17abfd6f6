//! Sales that feeds announce: the right price before, during and after, from one import; and lists that tell
//! what holds now.

use crate::follow::assert_followed;
use crate::support::{NOON, TestApp, TestKey, data};
use comptoir::feeds::{Feed, Format, Options, import_with};
use serde_json::{Value, json};

const HOUR: i64 = 3_600_000_000;
const SPAN: &str = "2026-11-22T13:00:00Z/2026-11-22T15:00:00Z";

async fn shop(stores: u32) -> (TestApp, TestKey) {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    app.stock_shelves(2, stores).await;
    let key = app.key(json!({})).await;
    (app, key)
}

/// Takes a feed of offers in and waits until it is served.
async fn take(app: &TestApp, format: Format, text: &str) -> (u64, u64) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let options = Options { format, store_code: Some("0000".into()), ..Options::default() };
    let (path, db, clock) = (file.path(), &app.db, &app.clock);
    let report = import_with(db, clock, Feed::Offers, path, &options, None, &mut |_| {}).await;
    let report = report.unwrap();
    assert_eq!(report.rejected, 0, "{report}");
    app.caught_up().await;
    (report.accepted, report.unchanged)
}

fn google() -> String {
    let sku = data::sku(0);
    format!(
        "id\tprice\tsale_price\tsale_price_effective_date\tunit_pricing_measure\tunit_pricing_base_measure\n\
         {sku}\t15.00 EUR\t12.00 EUR\t{SPAN}\t750 ml\t1 l\n"
    )
}

fn acp() -> String {
    let line = json!({
        "item_id": data::sku(0), "price": { "amount": 1500, "currency": "eur" },
        "sale_price": { "amount": 1200, "currency": "eur" }, "sale_price_dates": SPAN,
        "unit_pricing_measure": "750 ml", "unit_pricing_base_measure": "1 l",
    });
    line.to_string() + "\n"
}

async fn get(app: &TestApp, key: &TestKey, path: &str) -> Value {
    let answer = app.get(&key.text, path).await;
    assert_eq!(answer.status(), 200, "{path}");
    answer.json().await.unwrap()
}

/// How long an answer may be kept.
async fn kept(app: &TestApp, key: &TestKey, path: &str) -> String {
    let answer = app.get(&key.text, path).await;
    assert_eq!(answer.status(), 200, "{path}");
    answer.headers()["cache-control"].to_str().unwrap().to_owned()
}

fn offers_of(n: u32) -> String {
    format!("/v1/products/{}/offers", data::product_id(n))
}

/// Price, list price, type, unit price and lowest price before of an offer.
fn told(offer: &Value) -> Value {
    let amount = |field: &str| offer[field]["amount"].clone();
    let amounts = ["price", "list_price", "unit_price", "lowest_price_30d"].map(amount);
    json!([offer["price_type"], amounts])
}

/// The offer of the product in every form that lists it, which all say the same.
async fn everywhere(app: &TestApp, key: &TestKey) -> Value {
    let product = data::product_id(0);
    let offer = get(app, key, &offers_of(0)).await["items"][0].clone();
    let embedded = get(app, key, &format!("/v1/products/{product}?embed=offers")).await;
    let in_store = get(app, key, &format!("/v1/stores/{}/offers", data::store_id(0))).await;
    assert_eq!((&embedded["offers"][0], &in_store["items"][0]), (&offer, &offer));
    let price = offer["price"]["amount"].as_str().unwrap().to_owned();
    let filtered = format!("/v1/products?min_price={price}&max_price={price}");
    assert_eq!(get(app, key, &filtered).await["items"].as_array().unwrap().len(), 1, "{price}");
    told(&offer)
}

/// The reasons of the entries about offers behind a position, at least so many.
async fn reasons(app: &TestApp, key: &TestKey, after: &Value, least: usize) -> Vec<Value> {
    let (mut after, mut found) = (after.as_str().unwrap().to_owned(), Vec::new());
    while found.len() < least {
        let path = format!("/v1/changes?types=offer&wait_s=20&after={after}");
        let page = get(app, key, &path).await;
        found.extend(page["items"].as_array().unwrap().iter().map(|entry| entry["reason"].clone()));
        after = page["next_position"].as_str().unwrap().to_owned();
    }
    found
}

#[tokio::test]
async fn a_sale_is_told_before_during_and_after_it_from_one_feed() {
    for (format, feed) in [(Format::GoogleProducts, google()), (Format::Acp, acp())] {
        let (app, key) = shop(1).await;
        take(&app, format, &feed).await;
        let regular = json!(["regular", ["15.00", null, "20.00", null]]);
        assert_eq!(everywhere(&app, &key).await, regular, "{}", format.as_str());
        let start = get(&app, &key, "/v1/changes?after=latest").await["next_position"].clone();
        // What tells of the price may be kept until it turns, and no longer.
        app.clock.advance(HOUR - 70_000_000);
        let product = data::product_id(0);
        for path in [
            offers_of(0),
            format!("/v1/products/{product}?embed=offers"),
            format!("/v1/products/{product}/price-history"),
            format!("/v1/stores/{}/offers", data::store_id(0)),
            format!("/v1/products?store_id={}", data::store_id(0)),
            "/v1/products?sort=price".to_owned(),
            "/v1/products?max_price=13".to_owned(),
        ] {
            assert_eq!(kept(&app, &key, &path).await, "private, max-age=70", "{path}");
        }
        assert_eq!(kept(&app, &key, "/v1/products").await, "private, max-age=300");
        app.clock.advance(20_000_000);
        let out = "/v1/feeds/google-products?with_stores=true";
        assert_eq!(kept(&app, &key, out).await, "private, max-age=50");
        app.clock.advance(50_000_000);
        let sale = json!(["sale", ["12.00", "15.00", "16.00", "15.00"]]);
        assert_eq!(everywhere(&app, &key).await, sale);
        let offer = get(&app, &key, &offers_of(0)).await["items"][0].clone();
        assert_eq!(offer["valid_from"], "2026-11-22T13:00:00Z");
        assert_eq!(offer["valid_through"], "2026-11-22T15:00:00Z");
        assert_eq!(reasons(&app, &key, &start, 1).await, ["price_changed"]);
        // The feed comes again, and says nothing new.
        assert_eq!(take(&app, format, &feed).await, (0, 1));
        app.clock.advance(2 * HOUR);
        assert_eq!(everywhere(&app, &key).await, sale, "its last instant is part of it");
        app.clock.advance(1);
        assert_eq!(everywhere(&app, &key).await, regular);
        assert_eq!(reasons(&app, &key, &start, 2).await, ["price_changed", "price_changed"]);
        let path = format!("/v1/products/{}/price-history", data::product_id(0));
        let history = get(&app, &key, &path).await;
        let row = |row: &Value| json!([row["price"]["amount"], row["since"], row["until"]]);
        let rows: Vec<Value> = history["items"].as_array().unwrap().iter().map(row).collect();
        let (begin, end) = ("2026-11-22T13:00:00Z", "2026-11-22T15:00:00.000001Z");
        assert_eq!(
            rows,
            [
                json!(["15.00", NOON, begin]),
                json!(["12.00", begin, end]),
                json!(["15.00", end, null])
            ]
        );
    }
}

#[tokio::test]
async fn an_offer_that_ends_with_its_sale_changes_no_price() {
    let (app, key) = shop(1).await;
    let sale = json!({ "price": { "amount": "8.00", "currency": "EUR" }, "valid_from": NOON,
                       "valid_through": "2026-11-22T13:00:00Z" });
    let mut lines = [data::offer(0, 0, "10.00"), data::offer(1, 0, "10.00")];
    lines.iter_mut().for_each(|line| line["sale"] = sale.clone());
    lines[0]["valid_through"] = json!("2026-11-22T13:00:00Z");
    assert_eq!(app.import(Feed::Offers, &lines).await.accepted, 2);
    app.caught_up().await;
    let start = get(&app, &key, "/v1/changes?after=latest").await["next_position"].clone();
    app.clock.advance(HOUR + 1);
    // The offer that stays turns at the same instant, and is told in the same step.
    let path = format!("/v1/changes?wait_s=20&after={}", start.as_str().unwrap());
    let told = get(&app, &key, &path).await["items"].clone();
    let ids: Vec<_> = told.as_array().unwrap().iter().map(|entry| &entry["id"]).collect();
    let stays = format!("{}/{}/in_store", data::product_id(1), data::store_id(0));
    assert_eq!(ids, [&json!(stays)]);
    assert_eq!(get(&app, &key, &offers_of(0)).await["items"], json!([]));
}

/// An offer of product 0 in store 0, `day` days after the first of October.
fn line(day: i64, price: &str, sale: Option<(&str, i64, i64)>) -> Value {
    let at = |day: i64| {
        let first: comptoir::kernel::Micros = "2026-10-01T00:00:00Z".parse().unwrap();
        comptoir::kernel::Micros(first.0 + day * 24 * HOUR).to_string()
    };
    let mut offer = data::offer(0, 0, price);
    offer["as_of"] = json!(at(day));
    if let Some((price, from, through)) = sale {
        let price = json!({ "amount": price, "currency": "EUR" });
        offer["sale"] =
            json!({ "price": price, "valid_from": at(from), "valid_through": at(through) });
    }
    offer
}

#[tokio::test]
async fn the_prior_price_of_a_sale_is_the_lowest_of_the_thirty_days_before_it_begins() {
    let app = TestApp::builder().fixed_clock("2026-10-01T00:00:00Z").start().await;
    app.stock_shelves(1, 1).await;
    let key = app.key(json!({})).await;
    let lowest = async |lines: &[Value], day: i64| {
        let until = |at: comptoir::kernel::Micros| app.clock.advance(at.0 - app.clock.now().0);
        for line in lines {
            until(line["as_of"].as_str().unwrap().parse().unwrap());
            let report = app.import(Feed::Offers, std::slice::from_ref(line)).await;
            assert_eq!((report.accepted, report.rejected), (1, 0), "{report}");
        }
        app.caught_up().await;
        let first: comptoir::kernel::Micros = "2026-10-01T00:00:00Z".parse().unwrap();
        until(comptoir::kernel::Micros(first.0 + day * 24 * HOUR));
        told(&get(&app, &key, &offers_of(0)).await["items"][0])
    };
    let sale = |price, before| json!(["sale", [price, "9.00", "1.37", before]]);
    let unit = |mut expected: Value| {
        expected[1][2] = Value::Null;
        expected
    };
    // The 5.00 of day 1 held until day 2, which is more than thirty days before day 33.
    let lines =
        [line(0, "8.00", None), line(1, "5.00", None), line(2, "9.00", Some(("7.00", 33, 40)))];
    assert_eq!(lowest(&lines, 33).await, unit(sale("7.00", "9.00")));
    // Cheaper still while it lasts: the reduction goes on, with its prior price.
    let lines = [line(35, "9.00", Some(("6.00", 35, 40)))];
    assert_eq!(lowest(&lines, 36).await, unit(sale("6.00", "9.00")));
    // The next one begins within thirty days of the first: its price counts.
    let lines = [line(42, "9.00", Some(("6.50", 50, 55)))];
    assert_eq!(lowest(&lines, 50).await, unit(sale("6.50", "6.00")));
    // Told for long ahead, so that only the price between counts.
    let lines = [line(56, "9.00", Some(("4.00", 100, 110)))];
    assert_eq!(lowest(&lines, 100).await, unit(sale("4.00", "9.00")));
}

#[tokio::test]
async fn a_line_that_comes_late_leaves_no_sale_in_the_history_that_it_says_was_none() {
    let app = TestApp::builder().fixed_clock("2026-10-01T00:00:00Z").start().await;
    app.stock_shelves(1, 1).await;
    let key = app.key(json!({})).await;
    app.import(Feed::Offers, &[line(0, "9.00", Some(("5.00", 5, 10)))]).await;
    let start = get(&app, &key, "/v1/changes?after=latest").await["next_position"].clone();
    app.clock.advance(7 * 24 * HOUR);
    assert_eq!(reasons(&app, &key, &start, 1).await, ["price_changed"]);
    // Written on the third day, before the sale, and on its way until the seventh.
    app.import(Feed::Offers, &[line(3, "9.50", None)]).await;
    app.caught_up().await;
    assert_eq!(prices(&app, &key).await, ["9.00", "9.50"]);
    assert_eq!(get(&app, &key, &offers_of(0)).await["items"][0]["price"]["amount"], "9.50");
}

/// What the offer of product 0 has asked, the oldest first.
async fn prices(app: &TestApp, key: &TestKey) -> Vec<Value> {
    let path = format!("/v1/products/{}/price-history", data::product_id(0));
    let history = get(app, key, &path).await;
    let rows = history["items"].as_array().unwrap().iter();
    rows.map(|row| row["price"]["amount"].clone()).collect()
}

/// A shop on the evening before day 1 whose offer of product 0 was told on day 0, with a key and the position
/// since.
async fn evening(first: &Value) -> (TestApp, TestKey, Value) {
    let app = TestApp::builder().fixed_clock("2026-10-01T00:00:00Z").start().await;
    app.stock_shelves(1, 1).await;
    let key = app.key(json!({})).await;
    app.import(Feed::Offers, std::slice::from_ref(first)).await;
    let start = get(&app, &key, "/v1/changes?after=latest").await["next_position"].clone();
    app.clock.advance(20 * HOUR);
    (app, key, start)
}

#[tokio::test]
async fn a_list_dated_ahead_swallows_no_begin_of_a_sale() {
    let sale = Some(("8.00", 1, 2));
    // The sale was announced before, or the list of the day on which it begins is the first to tell it.
    for announced in [sale, None] {
        let (app, key, start) = evening(&line(0, "10.00", announced)).await;
        let mut list = line(1, "10.00", sale);
        list["member_price"] = json!({ "amount": "7.50", "currency": "EUR" });
        app.import(Feed::Offers, &[list]).await;
        assert_eq!(reasons(&app, &key, &start, 1).await, ["updated"], "{announced:?}");
        app.clock.advance(4 * HOUR);
        assert_eq!(reasons(&app, &key, &start, 2).await, ["updated", "price_changed"]);
        assert_eq!(prices(&app, &key).await, ["10.00", "8.00"], "{announced:?}");
        app.clock.advance(24 * HOUR + 1);
        assert_eq!(reasons(&app, &key, &start, 3).await[2], "price_changed");
        assert_eq!(prices(&app, &key).await, ["10.00", "8.00", "10.00"], "{announced:?}");
    }
}

#[tokio::test]
async fn a_list_that_ends_a_sale_early_tells_another_price() {
    let mut first = line(0, "10.00", Some(("8.00", 0, 1)));
    first["sale"]["valid_through"] = json!("2026-10-01T23:59:59.999999Z");
    let (app, key, start) = evening(&first).await;
    app.import(Feed::Offers, &[line(1, "10.00", None)]).await;
    app.caught_up().await;
    let offer = get(&app, &key, &offers_of(0)).await["items"][0].clone();
    assert_eq!(offer["price"]["amount"], "10.00");
    assert_eq!(reasons(&app, &key, &start, 1).await, ["price_changed"]);
    assert_eq!(prices(&app, &key).await, ["8.00", "10.00"]);
}

#[tokio::test]
async fn a_sale_that_a_line_finds_begun_is_told_with_it() {
    let (app, key, start) = evening(&line(0, "10.00", None)).await;
    app.clock.advance(10 * HOUR);
    // Written on the evening before the sale, and on its way until it has begun.
    let mut late = line(0, "10.00", Some(("8.00", 1, 2)));
    late["as_of"] = json!("2026-10-01T23:30:00Z");
    app.import(Feed::Offers, &[late.clone()]).await;
    late["member_price"] = json!({ "amount": "7.50", "currency": "EUR" });
    late["as_of"] = json!("2026-10-01T23:45:00Z");
    app.import(Feed::Offers, &[late]).await;
    assert_eq!(prices(&app, &key).await, ["10.00", "8.00"]);
    app.clock.advance(24 * HOUR);
    let told = reasons(&app, &key, &start, 3).await;
    assert_eq!(told, ["price_changed", "updated", "price_changed"]);
}

#[tokio::test]
async fn a_sale_that_was_asked_stays_in_the_history_of_rows_that_bear_one_date() {
    // The date of the rows is that of the base price; the sale is left out of them once it is over, or early.
    for dropped_on in [11, 5] {
        let (app, key, start) = evening(&line(0, "10.00", Some(("8.00", 1, 10)))).await;
        let turns = if dropped_on > 10 { 2 } else { 1 };
        app.clock.advance(4 * HOUR);
        reasons(&app, &key, &start, 1).await;
        app.clock.advance((dropped_on - 1) * 24 * HOUR);
        reasons(&app, &key, &start, turns).await;
        app.import(Feed::Offers, &[line(0, "10.00", None)]).await;
        let reason = if dropped_on > 10 { "updated" } else { "price_changed" };
        assert_eq!(reasons(&app, &key, &start, turns + 1).await[turns], reason);
        assert_eq!(prices(&app, &key).await, ["10.00", "8.00", "10.00"], "{dropped_on}");
        app.import(Feed::Offers, &[line(0, "10.00", Some(("7.00", 30, 40)))]).await;
        app.clock.advance((30 - dropped_on) * 24 * HOUR);
        reasons(&app, &key, &start, turns + 3).await;
        let offer = get(&app, &key, &offers_of(0)).await["items"][0].clone();
        assert_eq!(told(&offer)[1][3], "8.00", "{dropped_on}");
    }
}

#[tokio::test]
async fn snapshot_and_changes_tell_a_sale_whole_and_stay_equal_when_it_begins() {
    let (app, key) = shop(1).await;
    take(&app, Format::GoogleProducts, &google()).await;
    app.snapshot().await;
    let held = crate::follow::load(&app, &key.text).await;
    let position = json!(held.1);
    app.clock.advance(HOUR);
    reasons(&app, &key, &position, 1).await;
    let path = format!("/v1/changes?embed=resource&types=offer&after={}", held.1);
    let resource = get(&app, &key, &path).await["items"][0]["resource"].clone();
    assert_eq!(resource["price"]["amount"], "15.00");
    assert_eq!(resource["sale"]["price"]["amount"], "12.00");
    assert_eq!(
        resource["sale"]["unit_price"]["reference"],
        json!({"value": "1", "unit_code": "LTR"})
    );
    assert_eq!(resource["sale"]["lowest_price_30d"]["amount"], "15.00");
    assert_eq!(resource["sale"]["valid_from"], "2026-11-22T13:00:00Z");
    assert_followed(&app, &key.text, &(held.0, held.1), 100).await;
    // What it tells can be sent back in and changes nothing.
    let report = app.import(Feed::Offers, &[resource]).await;
    assert_eq!((report.unchanged, report.rejected), (1, 0), "{report}");
}

#[tokio::test]
async fn a_product_feed_comes_back_with_its_sales() {
    let (app, key) = shop(1).await;
    take(&app, Format::GoogleProducts, &google()).await;
    let cells = async || {
        let table = app.get(&key.text, "/v1/feeds/google-products").await.text().await.unwrap();
        let mut reader = csv::ReaderBuilder::new().delimiter(b'\t').from_reader(table.as_bytes());
        let row = reader.deserialize::<std::collections::BTreeMap<String, String>>().next();
        let row = row.unwrap().unwrap();
        ["price", "sale_price", "sale_price_effective_date"].map(|name| row[name].clone())
    };
    let whole = ["15.00 EUR", "12.00 EUR", SPAN];
    assert_eq!(cells().await, whole, "before it");
    app.clock.advance(HOUR);
    assert_eq!(cells().await, whole, "while it lasts");
    app.clock.advance(2 * HOUR + 1);
    assert_eq!(cells().await, ["15.00 EUR", "", ""], "after it");
}

#[tokio::test]
async fn lists_tell_only_what_holds_now() {
    let (app, key) = shop(3).await;
    let lasting = |store: u32, from: Value, through: Value| {
        let mut offer = data::offer(0, store, "2.39");
        (offer["valid_from"], offer["valid_through"]) = (from, through);
        offer
    };
    let lines = [
        lasting(0, Value::Null, json!("2026-11-22T11:59:59Z")),
        lasting(1, json!("2026-11-22T12:00:00Z"), json!("2026-11-22T13:00:00Z")),
        lasting(2, json!("2026-11-22T13:00:00.000001Z"), Value::Null),
    ];
    app.import(Feed::Offers, &lines).await;
    app.caught_up().await;
    let product = data::product_id(0);
    for (now, there) in [("noon", 1), ("one", 2)] {
        let own = get(&app, &key, &format!("{}?include_total=true", offers_of(0))).await;
        let stores: Vec<&Value> =
            own["items"].as_array().unwrap().iter().map(|offer| &offer["store_id"]).collect();
        assert_eq!(
            (stores, &own["total"]),
            (vec![&json!(data::store_id(there))], &json!(1)),
            "{now}"
        );
        let embedded = get(&app, &key, &format!("/v1/products/{product}?embed=offers")).await;
        assert_eq!(embedded["offers"], own["items"], "{now}");
        for n in 0..3 {
            let path = format!("/v1/stores/{}/offers?include_total=true", data::store_id(n));
            let page = get(&app, &key, &path).await;
            let count = u64::from(n == there);
            assert_eq!(page["total"], count, "{now} in {n}");
            assert_eq!(page["items"].as_array().unwrap().len() as u64, count, "{now} in {n}");
        }
        for form in ["text/csv", "application/x-ndjson", "application/ld+json"] {
            let request = app.http.get(app.public_url(&offers_of(0))).bearer_auth(&key.text);
            let text = request.header("accept", form).send().await.unwrap().text().await.unwrap();
            for n in 0..3 {
                let named = text.contains(&data::store_id(n).clone());
                assert_eq!(named, n == there, "{now}: {n} as {form}: {text}");
            }
        }
        app.clock.advance(HOUR + 1);
    }
}
