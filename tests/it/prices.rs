//! Prices in time: history, the prior price of a reduction, promotions that begin and end.

use crate::support::{NOON, TestApp, TestKey, data, problem};
use comptoir::feeds::Feed;
use comptoir::kernel::Micros;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

/// An offer of product 0 in store 0, `day` days after the first of September.
fn priced(day: i64, price: u32, list: Option<u32>) -> Value {
    let mut offer = data::offer(0, 0, &money(price));
    offer["as_of"] = json!(at(day));
    if let Some(list) = list {
        offer["list_price"] = json!({ "amount": money(list), "currency": "EUR" });
    }
    offer
}

fn money(cents: u32) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

fn at(day: i64) -> String {
    let first: Micros = "2026-09-01T00:00:00Z".parse().expect("an instant");
    Micros(first.0 + day * 86_400_000_000).to_string()
}

async fn offers(app: &TestApp, key: &TestKey, path: &str) -> Value {
    let answer = app.get(&key.text, path).await;
    assert_eq!(answer.status(), 200, "{path}");
    answer.json().await.expect("JSON")
}

async fn offer(app: &TestApp, key: &TestKey) -> Value {
    app.caught_up().await;
    let path = format!("/v1/products/{}/offers", data::product_id(0));
    offers(app, key, &path).await["items"][0].clone()
}

async fn tell(app: &TestApp, lines: &[Value]) {
    for line in lines {
        let report = app.import(Feed::Offers, std::slice::from_ref(line)).await;
        assert_eq!(report.rejected, 0, "{report}");
    }
}

#[tokio::test]
async fn a_reduction_names_the_lowest_price_of_the_thirty_days_before_it_began() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    app.stock_shelves(1, 1).await;
    let key = app.key(json!({})).await;
    // The 5.00 of day 2 held until day 20, so it was applied within the thirty days before day 40.
    tell(&app, &[priced(0, 900, None), priced(2, 500, None), priced(20, 1_000, None)]).await;
    assert_eq!(offer(&app, &key).await["lowest_price_30d"], Value::Null);
    tell(&app, &[priced(40, 800, Some(1_000))]).await;
    let prior = json!({ "amount": "5.00", "currency": "EUR" });
    assert_eq!(offer(&app, &key).await["lowest_price_30d"], prior);
    // Reduced further: the prior price is still that of the first reduction.
    tell(&app, &[priced(60, 600, Some(1_000))]).await;
    assert_eq!(offer(&app, &key).await["lowest_price_30d"], prior);
    // Over, and long after reduced again: what held in the thirty days before, the 6.00 not.
    tell(&app, &[priced(62, 1_000, None)]).await;
    assert_eq!(offer(&app, &key).await["lowest_price_30d"], Value::Null);
    tell(&app, &[priced(80, 700, Some(1_000))]).await;
    let prior = json!({ "amount": "6.00", "currency": "EUR" });
    assert_eq!(offer(&app, &key).await["lowest_price_30d"], prior);
    tell(&app, &[priced(81, 1_000, None), priced(75, 1, Some(2))]).await;
    assert_eq!(
        offer(&app, &key).await["price"]["amount"],
        "10.00",
        "an older line changes nothing"
    );
}

#[tokio::test]
async fn a_sale_that_begins_after_another_has_ended_has_a_prior_price_of_its_own() {
    let app = TestApp::builder().fixed_clock(&at(82)).start().await;
    app.stock_shelves(1, 1).await;
    let key = app.key(json!({})).await;
    let sale = |day, price, through| {
        let mut offer = priced(day, price, Some(1_000));
        (offer["valid_from"], offer["valid_through"]) = (json!(at(day)), json!(at(through)));
        offer
    };
    let prior = async |amount: &str| {
        let expected = json!({ "amount": amount, "currency": "EUR" });
        assert_eq!(offer(&app, &key).await["lowest_price_30d"], expected);
    };
    tell(&app, &[priced(0, 1_000, None), priced(10, 900, None), sale(20, 800, 84)]).await;
    prior("9.00").await;
    // Beginning while the one before holds, it goes on from that.
    tell(&app, &[sale(70, 600, 82)]).await;
    prior("9.00").await;
    // Not where that has ended, though nothing was told in between.
    app.clock.advance(2 * 86_400_000_000);
    tell(&app, &[sale(83, 700, 90)]).await;
    prior("6.00").await;
}

#[tokio::test]
async fn the_prior_price_is_what_a_slow_look_at_all_prices_says() {
    let app = TestApp::builder().fixed_clock("2028-09-01T00:00:00Z").start().await;
    app.stock_shelves(1, 1).await;
    let key = app.key(json!({})).await;
    let steps = prop::collection::vec((1i64..25, 1u32..20, prop::bool::ANY), 25);
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let steps = steps.new_tree(&mut runner).expect("steps").current();
    let (mut day, mut told) = (0, Vec::<(i64, u32, bool)>::new());
    for (days, price, reduced) in steps {
        day += days;
        let list = reduced.then_some(2_000);
        tell(&app, &[priced(day, price * 100, list)]).await;
        told.push((day, price * 100, reduced));
        // The reduction began with the first of the lines that are reduced without a break.
        let began = told.iter().rposition(|(_, _, reduced)| !reduced).map_or(0, |last| last + 1);
        let expected = told.get(began).and_then(|(start, ..)| {
            let before = &told[..began];
            let held = before.iter().enumerate().filter(|(n, _)| {
                let until = told.get(n + 1).map_or(i64::MAX, |(next, ..)| *next);
                until > start - 30
            });
            held.map(|(_, (_, price, _))| *price).min()
        });
        let expected = expected.map(|cents| json!({ "amount": money(cents), "currency": "EUR" }));
        let found = offer(&app, &key).await["lowest_price_30d"].clone();
        assert_eq!(found, expected.unwrap_or(Value::Null), "{told:?}");
    }
}

#[tokio::test]
async fn every_price_is_in_the_history_with_the_time_that_it_held() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    app.stock_shelves(1, 2).await;
    let key = app.key(json!({})).await;
    // One file with all of them, the newest first.
    let lines = [priced(20, 800, Some(905)), priced(0, 900, None), priced(10, 905, None)];
    let report = app.import(Feed::Offers, &lines).await;
    assert_eq!((report.accepted, report.rejected), (3, 0), "{report}");
    let mut online = priced(5, 700, None);
    online["channel"] = json!("online");
    tell(&app, &[online]).await;
    let path = format!("/v1/products/{}/price-history", data::product_id(0));
    let mut walked = Vec::new();
    let mut url = format!("{path}?limit=1");
    loop {
        let page = offers(&app, &key, &url).await;
        walked.extend(page["items"].as_array().unwrap().iter().map(|row| {
            (row["price"]["amount"].as_str().unwrap().to_owned(), row["until"].clone())
        }));
        let Some(next) = page["next"].as_str() else { break };
        url = next.to_owned();
    }
    let row = |price: &str, until: Value| (price.to_owned(), until);
    let expected = [
        row("9.00", json!(at(10))),
        row("7.00", Value::Null),
        row("9.05", json!(at(20))),
        row("8.00", Value::Null),
    ];
    assert_eq!(walked, expected);
    let count = async |query: String| {
        offers(&app, &key, &format!("{path}?{query}")).await["items"].as_array().unwrap().len()
    };
    assert_eq!(count(format!("from={}&to={}", at(11), at(12))).await, 2);
    assert_eq!(count("channel=online".into()).await, 1);
    assert_eq!(count(format!("store_id={}", data::store_id(1))).await, 0);
    let backwards = format!("{path}?from={}&to={}", at(2), at(1));
    problem(app.get(&key.text, &backwards).await, 400, "invalid_parameter").await;
}

#[tokio::test]
async fn an_offer_is_complete_and_found_by_its_store() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    app.stock_shelves(3, 2).await;
    let key = app.key(json!({})).await;
    let mut full = data::offer(0, 1, "399.00");
    full["eco_contribution"] = json!({ "amount": "8.33", "currency": "EUR" });
    full["seller"] = json!({ "id": "M-17", "name": "Maison Delorme" });
    let mut online = data::offer(2, 1, "2.00");
    online["channel"] = json!("online");
    tell(&app, &[full, data::offer(1, 0, "1.00"), data::offer(2, 1, "2.10"), online]).await;
    app.caught_up().await;
    let path = format!("/v1/stores/{}/offers", data::store_id(1));
    let mut seen = Vec::new();
    let mut url = format!("{path}?limit=1");
    loop {
        let page = offers(&app, &key, &url).await;
        seen.extend(page["items"].as_array().unwrap().clone());
        let Some(next) = page["next"].as_str() else { break };
        url = next.to_owned();
    }
    assert_eq!(seen.len(), 3);
    let first = seen.iter().find(|offer| offer["product_id"] == data::product_id(0)).unwrap();
    assert_eq!(first["eco_contribution"], json!({ "amount": "8.33", "currency": "EUR" }));
    assert_eq!(first["seller"], json!({ "id": "M-17", "name": "Maison Delorme" }));
    // What an answer says can be sent back in and changes nothing.
    let report = app.import(Feed::Offers, std::slice::from_ref(first)).await;
    assert_eq!((report.unchanged, report.rejected), (1, 0), "{report}");
    let online = offers(&app, &key, &format!("{path}?channel=online")).await;
    assert_eq!(online["items"].as_array().unwrap().len(), 1);
}

/// The prices of the history with their ends.
async fn history(app: &TestApp, key: &TestKey) -> Vec<(String, Value)> {
    app.caught_up().await;
    let path = format!("/v1/products/{}/price-history", data::product_id(0));
    let page = offers(app, key, &path).await;
    let row =
        |row: &Value| (row["price"]["amount"].as_str().unwrap().to_owned(), row["until"].clone());
    page["items"].as_array().unwrap().iter().map(row).collect()
}

#[tokio::test]
async fn a_price_is_held_no_longer_than_its_offer() {
    let app = TestApp::builder().fixed_clock(&at(82)).start().await;
    app.stock_shelves(1, 1).await;
    let key = app.key(json!({})).await;
    let over = |day| json!(Micros(at(day).parse::<Micros>().unwrap().0 + 1).to_string());
    let row = |price: &str, until: Value| (price.to_owned(), until);
    let mut short = priced(30, 800, None);
    short["valid_through"] = json!(at(44));
    tell(&app, &[priced(0, 1_000, None), short.clone()]).await;
    let mut expected = vec![row("10.00", json!(at(30))), row("8.00", over(44))];
    assert_eq!(history(&app, &key).await, expected, "it has ended though nothing was told since");
    // Nothing was asked in the thirty days before, so that there is no prior price to tell.
    tell(&app, &[priced(80, 700, Some(1_000))]).await;
    assert_eq!(offer(&app, &key).await["lowest_price_30d"], Value::Null);
    expected.push(row("7.00", Value::Null));
    assert_eq!(history(&app, &key).await, expected);
    // The same price behind the end of an offer is another time that it was asked.
    short["as_of"] = json!(at(81));
    short["valid_through"] = json!(at(90));
    tell(&app, &[short.clone()]).await;
    app.clock.advance(10 * 86_400_000_000);
    short["as_of"] = json!(at(92));
    short["valid_through"] = json!(at(100));
    tell(&app, &[short]).await;
    expected.truncate(2);
    let since = [row("7.00", json!(at(81))), row("8.00", over(90)), row("8.00", Value::Null)];
    expected.extend(since);
    assert_eq!(history(&app, &key).await, expected);
}

#[tokio::test]
async fn a_price_is_held_from_the_begin_of_its_offer_and_never_where_that_is_over() {
    let app = TestApp::builder().fixed_clock(&at(80)).start().await;
    app.stock_shelves(1, 1).await;
    let key = app.key(json!({})).await;
    let row = |price: &str, until: Value| (price.to_owned(), until);
    // One that was over when it was told, one that was taken back before it began, and one that began later.
    let mut over = priced(50, 100, None);
    over["valid_through"] = json!(at(45));
    let mut early = priced(52, 200, None);
    early["valid_from"] = json!(at(60));
    let mut later = priced(56, 900, None);
    later["valid_from"] = json!(at(66));
    tell(&app, &[priced(0, 1_000, None), over, priced(51, 1_000, None), early]).await;
    tell(&app, &[priced(55, 950, None), later]).await;
    let mut expected = vec![
        row("10.00", json!(at(50))),
        row("10.00", json!(at(52))),
        row("9.50", json!(at(56))),
        row("9.00", Value::Null),
    ];
    assert_eq!(history(&app, &key).await, expected);
    // A sale that would begin behind the end of its offer, and one that ends with it.
    let mut short = priced(70, 800, None);
    short["valid_through"] = json!(at(74));
    let amount = json!({ "amount": "5.00", "currency": "EUR" });
    short["sale"] = json!({ "price": amount, "valid_from": at(76), "valid_through": at(78) });
    tell(&app, &[short.clone()]).await;
    short["as_of"] = json!(at(71));
    short["sale"] = json!({ "price": amount, "valid_from": at(72), "valid_through": at(74) });
    tell(&app, &[short]).await;
    tell(&app, &[priced(80, 850, Some(1_000))]).await;
    let over = json!(Micros(at(74).parse::<Micros>().unwrap().0 + 1).to_string());
    expected[3].1 = json!(at(70));
    expected.extend([row("8.00", json!(at(72))), row("5.00", over), row("8.50", Value::Null)]);
    assert_eq!(history(&app, &key).await, expected);
    let prior = json!({ "amount": "5.00", "currency": "EUR" });
    assert_eq!(offer(&app, &key).await["lowest_price_30d"], prior);
}

#[tokio::test]
async fn a_deletion_ends_a_price_when_it_says_and_a_refused_line_never() {
    let app = TestApp::builder().fixed_clock(&at(50)).start().await;
    app.stock_shelves(1, 1).await;
    let key = app.key(json!({})).await;
    let row = |price: &str, until: Value| (price.to_owned(), until);
    let mut gone = priced(20, 600, None);
    gone["op"] = json!("delete");
    tell(&app, &[priced(0, 600, None), gone]).await;
    let mut expected = vec![row("6.00", json!(at(20)))];
    assert_eq!(history(&app, &key).await, expected);
    let mut short = priced(49, 1_000, None);
    short["valid_through"] = json!(at(51));
    tell(&app, &[short.clone()]).await;
    // Dated behind its end, and a thousand times as much.
    app.clock.advance(86_400_000_000);
    let mut absurd = priced(52, 1_000_000, None);
    absurd["as_of"] = json!(Micros(app.clock.now().0 + 3_600_000_000).to_string());
    let report = app.import(Feed::Offers, &[absurd]).await;
    assert_eq!(report.rejected, 1, "{report}");
    short["valid_through"] = json!(at(90));
    short["as_of"] = json!(app.clock.now().to_string());
    tell(&app, &[short]).await;
    app.clock.advance(86_400_000_000);
    expected.push(row("10.00", Value::Null));
    assert_eq!(history(&app, &key).await, expected);
}

#[tokio::test]
async fn a_refused_line_takes_no_price_back_that_is_to_come() {
    let app = TestApp::builder().fixed_clock(&at(50)).start().await;
    app.stock_shelves(1, 1).await;
    let key = app.key(json!({})).await;
    let mut later = priced(48, 800, None);
    later["valid_from"] = json!(at(55));
    tell(&app, &[priced(0, 1_000, None), later]).await;
    let report = app.import(Feed::Offers, &[priced(50, 1_000_000, None)]).await;
    assert_eq!(report.rejected, 1, "{report}");
    app.clock.advance(10 * 86_400_000_000);
    tell(&app, &[priced(60, 700, Some(1_000))]).await;
    let prior = json!({ "amount": "8.00", "currency": "EUR" });
    assert_eq!(offer(&app, &key).await["lowest_price_30d"], prior);
}

#[tokio::test]
async fn what_was_not_asked_before_a_reduction_is_no_prior_price() {
    let app = TestApp::builder().fixed_clock(&at(10)).start().await;
    app.stock_shelves(1, 1).await;
    let key = app.key(json!({})).await;
    // The price beside the sale begins with it: nothing was asked before.
    let mut first = priced(10, 1_200, None);
    first["valid_from"] = json!(at(13));
    first["sale"] =
        json!({ "price": { "amount": "10.00", "currency": "EUR" }, "valid_from": at(13) });
    tell(&app, &[first]).await;
    app.clock.advance(4 * 86_400_000_000);
    let now = offer(&app, &key).await;
    assert_eq!(now["price"]["amount"], "10.00");
    assert_eq!(now["lowest_price_30d"], Value::Null);
    // A reduction that begins later than the one before is over is another one.
    app.clock.advance(37 * 86_400_000_000);
    let mut later = priced(49, 600, Some(1_000));
    later["valid_from"] = json!(at(60));
    tell(&app, &[priced(20, 1_000, None), priced(30, 800, Some(1_000)), later]).await;
    app.clock.advance(10 * 86_400_000_000);
    let prior = json!({ "amount": "8.00", "currency": "EUR" });
    assert_eq!(offer(&app, &key).await["lowest_price_30d"], prior);
}

#[tokio::test]
async fn a_price_is_held_until_partners_are_told_of_it_no_longer() {
    let app = TestApp::builder().fixed_clock(&at(50)).start().await;
    app.stock_shelves(1, 1).await;
    let key = app.key(json!({})).await;
    let row = |price: &str, until: Value| (price.to_owned(), until);
    tell(&app, &[priced(0, 600, None)]).await;
    let mut gone = priced(50, 600, None);
    gone["op"] = json!("delete");
    tell(&app, &[gone]).await;
    assert_eq!(history(&app, &key).await, [row("6.00", json!(at(50)))]);
    app.clock.advance(31 * 86_400_000_000);
    tell(&app, &[priced(81, 900, Some(1_000))]).await;
    assert_eq!(offer(&app, &key).await["lowest_price_30d"], Value::Null);
    // One customer's price is no price for partners, and ends the one before.
    app.clock.advance(2 * 86_400_000_000);
    let mut own = priced(82, 500, None);
    own["price_type"] = json!("personal");
    tell(&app, &[own]).await;
    let expected = [row("6.00", json!(at(50))), row("9.00", json!(at(82)))];
    assert_eq!(history(&app, &key).await, expected);
    tell(&app, &[priced(83, 900, None)]).await;
    assert_eq!(history(&app, &key).await[1..], [expected[1].clone(), row("9.00", Value::Null)]);
}

#[tokio::test]
async fn a_price_that_contradicts_itself_is_taken_only_where_any_is() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    app.stock_shelves(1, 1).await;
    let with = |field: &str, amount: u32| {
        let mut offer = priced(0, 550, None);
        offer[field] = json!({ "amount": money(amount), "currency": "EUR" });
        offer
    };
    for (line, field, says) in [
        (with("list_price", 400), "list_price.amount", "is below the price, 5.50 EUR"),
        (with("member_price", 600), "member_price.amount", "is above the price, 5.50 EUR"),
    ] {
        let report = app.import(Feed::Offers, &[line]).await;
        let fault = &report.first_rejected[0].fault;
        assert_eq!((fault.field.as_ref(), fault.code), (field, "contradicts_price"));
        assert!(fault.message.contains(says) && fault.message.contains("--any-price"), "{fault:?}");
    }
    let fine = [with("list_price", 550), with("member_price", 550)];
    assert_eq!(app.import(Feed::Offers, &fine).await.rejected, 0);
}

#[tokio::test]
async fn a_promotion_says_how_much_it_takes_off_where_it_takes_off() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    for (fields, code) in [
        (json!({ "value": "250" }), Some("out_of_range")),
        (json!({ "value": "100.000001" }), Some("out_of_range")),
        (json!({ "value": "100" }), None),
        (json!({ "value": null }), Some("missing")),
        (json!({ "type": "amount_off", "value": null }), Some("missing")),
        (json!({ "type": "amount_off", "value": "250" }), None),
        (json!({ "type": "bundle", "value": null }), None),
    ] {
        let report = app.import(Feed::Promotions, &[promotion("P", &fields)]).await;
        let told = report.first_rejected.first().map(|row| row.fault.code);
        assert_eq!(told, code, "{fields}");
    }
}

fn promotion(code: &str, fields: &Value) -> Value {
    let mut promotion =
        json!({ "code": code, "title": code, "type": "percent_off", "value": "10" });
    promotion.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    promotion
}

#[tokio::test]
async fn promotions_are_found_by_what_they_are_on() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    app.stock_shelves(2, 2).await;
    let key = app.key(json!({})).await;
    let lines = [
        promotion("everything", &json!({})),
        promotion("tools", &json!({ "applies_to": { "category_codes": ["tools"] } })),
        promotion("brand", &json!({ "applies_to": { "brands": ["Sud"] } })),
        promotion(
            "one",
            &json!({ "applies_to": { "skus": [data::sku(0)] }, "store_codes": ["0001"] }),
        ),
        promotion("web", &json!({ "channels": ["online"], "audience": "member" })),
        promotion("over", &json!({ "valid_through": "2026-11-22T12:00:00Z" })),
        promotion("soon", &json!({ "valid_from": "2026-11-22T12:00:01Z" })),
        promotion("own", &json!({ "audience": "personal" })),
    ];
    let report = app.import(Feed::Promotions, &lines).await;
    assert_eq!(report.rejected, 0, "{report}");
    app.caught_up().await;
    let codes = async |query: String| {
        let page = offers(&app, &key, &format!("/v1/promotions{query}")).await;
        let mut codes: Vec<String> = page["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["code"].as_str().unwrap().to_owned())
            .collect();
        codes.sort_unstable();
        codes.join(" ")
    };
    assert_eq!(codes(String::new()).await, "brand everything one soon tools web");
    assert_eq!(
        codes("?active_at=2026-11-22T12:00:00Z".into()).await,
        "brand everything one tools web"
    );
    assert_eq!(
        codes("?active_at=2026-11-22T11:59:59Z".into()).await,
        "brand everything one over tools web"
    );
    // Product 0 is a drill of brand Nord: drills are tools.
    let of = |n: u32| format!("?product_id={}", data::product_id(n));
    assert_eq!(codes(of(0)).await, "everything one soon tools web");
    assert_eq!(codes(of(1)).await, "brand everything soon web");
    let here = format!("{}&store_id={}", of(0), data::store_id(0));
    assert_eq!(codes(here).await, "everything soon tools web");
    assert_eq!(codes("?brand=sud".into()).await, "brand");
    assert_eq!(codes("?brand=Nord,sud".into()).await, "brand");
    assert_eq!(codes("?audience=member".into()).await, "web");
    assert_eq!(codes("?audience=member,public&brand=sud".into()).await, "brand");
    assert_eq!(
        codes("?channel=in_store&audience=public".into()).await,
        "brand everything one soon tools"
    );
    assert_eq!(codes(format!("?category_id={}", data::category_id("tools"))).await, "tools");
    let own = comptoir::kernel::id::PromotionId::derived("own");
    problem(app.get(&key.text, &format!("/v1/promotions/{own}")).await, 404, "not_found").await;
    let over = comptoir::kernel::id::PromotionId::derived("over");
    assert_eq!(app.get(&key.text, &format!("/v1/promotions/{over}")).await.status(), 200);
    app.import(Feed::Promotions, &[json!({ "op": "delete", "code": "over" })]).await;
    app.caught_up().await;
    problem(app.get(&key.text, &format!("/v1/promotions/{over}")).await, 410, "gone").await;
}
