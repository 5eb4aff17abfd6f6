//! Plans tried out on past usage.

use crate::support::{NOON, TestApp, TestKey, data, problem};
use comptoir::kernel::Micros;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Instant;

async fn shop() -> TestApp {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    app.stock_shelves(3, 1).await;
    app
}

fn product() -> String {
    format!("/v1/products/{}", data::product_id(0))
}

async fn plan(app: &TestApp, body: Value) -> String {
    let plan = app.admin_ok("POST", "/admin/v1/plans", Some(body)).await;
    plan["id"].as_str().unwrap().to_owned()
}

/// Calls until the whole answer is there; its status.
async fn call(app: &TestApp, key: &str, path: &str) -> u16 {
    let answer = app.get(key, path).await;
    let status = answer.status().as_u16();
    answer.bytes().await.unwrap();
    status
}

async fn times(app: &TestApp, key: &str, count: u32) -> Vec<u16> {
    let mut statuses = Vec::new();
    for _ in 0..count {
        statuses.push(call(app, key, &product()).await);
    }
    statuses
}

/// A simulation that sees so many calls: those that were answered come into the ledger soon.
async fn simulated(app: &TestApp, plan: &str, body: Value, calls: u64) -> Value {
    let until = Instant::now() + crate::support::PATIENCE;
    loop {
        let path = format!("/admin/v1/plans/{plan}/simulate");
        let told = app.admin_ok("POST", &path, Some(body.clone())).await;
        if told["total"]["calls"] == calls {
            return told;
        }
        assert!(Instant::now() < until, "{} of {calls} calls", told["total"]["calls"]);
        crate::support::pause().await;
    }
}

/// Refused calls by operation, as a simulation tells them.
fn by_operation(refusals: &Value) -> BTreeMap<String, u64> {
    let one = |o: &Value| (o["operation_id"].as_str().unwrap().to_owned(), o["calls"].as_u64());
    let all = refusals["operations"].as_array().unwrap().iter().map(one);
    all.map(|(operation, calls)| (operation, calls.unwrap())).collect()
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one story, told once")]
async fn refusals_are_known_to_the_unit() {
    let app = shop().await;
    let price = |unit: &str, included: u64| {
        json!({ "currency": "EUR", "fee": "5.00", "charges": [{
            "name": "calls", "meter": "requests", "model": "per_unit", "unit_price": unit,
            "included": included, "operations": ["get_product"],
        }] })
    };
    let generous = json!([{ "name": "burst", "quota": 1_000, "window_s": 1 }]);
    let id =
        plan(&app, json!({ "name": "p", "limits": generous, "prices": price("0.10", 0) })).await;
    let key = app.key_under(&id, json!({})).await;
    let test = json!({ "app_id": key.app_id, "name": "t", "environment": "test" });
    let test = app.admin_ok("POST", "/admin/v1/keys", Some(test)).await;
    assert!(times(&app, &key.text, 10).await.iter().all(|status| *status == 200));
    app.clock.advance(3_600_000_000);
    assert!(times(&app, &key.text, 5).await.iter().all(|status| *status == 200));
    // Never billed, on a counter of its own, and no quota.
    assert_eq!(call(&app, test["text"].as_str().unwrap(), &product()).await, 200);
    assert_eq!(call(&app, &key.text, "/v1/products/prd_00000000000").await, 404);

    let proposed = json!({
        "period": "2026-11", "prices": price("0.25", 2),
        "limits": [
            { "name": "burst", "quota": 4, "window_s": 60 },
            { "name": "day", "quota": 6, "period": "day" },
        ],
    });
    let told = simulated(&app, &id, proposed, 17).await;
    assert_eq!(
        (&told["from"], &told["to"]),
        (&json!("2026-11-01T00:00:00Z"), &json!("2026-12-01T00:00:00Z"))
    );
    let whole = &told["apps"][0];
    let of = &whole["sums"];
    assert_eq!(
        (&whole["app_id"], &whole["partner_id"]),
        (&json!(key.app_id), &json!(key.partner_id))
    );
    // At noon the burst lets 4 of 10 through; an hour later the day lets 2 of 5 through, and refuses the
    // product that is not there, too.
    let counts = ["refused_in_truth", "refused_then", "newly_refused"].map(|n| of[n].clone());
    assert_eq!(counts, [0, 10, 10].map(Value::from));
    let limit = |n: usize| {
        let limit = &whole["limits"][n];
        (
            limit["name"].clone(),
            limit["then"]["calls"].clone(),
            limit["then"]["first_at"].clone(),
            limit["then"]["worst_hour"].clone(),
        )
    };
    let hour = |start: &str, calls: u64| json!({ "start": start, "calls": calls });
    let (noon, one) = ("2026-11-22T12:00:00Z", "2026-11-22T13:00:00Z");
    assert_eq!(limit(0), (json!("burst"), json!(6), json!(noon), hour(noon, 6)));
    assert_eq!(limit(1), (json!("day"), json!(4), json!(one), hour(one, 4)));
    assert_eq!(by_operation(&whole["then"]), BTreeMap::from([("get_product".to_owned(), 10)]));
    assert_eq!((&of["units_milli_now"], &of["units_milli_then"]), (&json!(15_000), &json!(6_000)));
    // 5.00 + 15 * 0.10 now; 5.00 + (6 - 2) * 0.25 then.
    let earned = json!([{
        "currency": "EUR", "now": "6.50", "then": "6.00", "difference": "-0.50",
        "then_with_unknown_demand": "6.00",
    }]);
    for sides in [of, &told["total"], &told["partners"][0]["sums"]] {
        assert_eq!(sides["earned"], earned);
    }
    let kinds: Vec<&Value> =
        whole["lines_then"].as_array().unwrap().iter().map(|line| &line["kind"]).collect();
    assert_eq!(kinds, ["fee", "included", "usage"]);
    assert!(told["cautions"].as_array().unwrap().len() >= 5);

    // Weights change what quotas count and what is billed by weight.
    let weighed = json!({
        "period": "2026-11-22", "weights": { "get_product": 2.5 },
        "limits": [{ "name": "day", "quota": 10, "period": "day" }],
        "prices": { "currency": "JPY", "charges": [{
            "name": "units", "meter": "weight", "model": "per_unit", "unit_price": "3" }] },
    });
    let told = simulated(&app, &id, weighed, 17).await;
    let of = &told["apps"][0]["sums"];
    assert_eq!((&of["refused_then"], &of["units_milli_then"]), (&json!(12), &json!(10_000)));
    let currencies: Vec<_> = of["earned"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| (&e["currency"], &e["now"], &e["then"]))
        .collect();
    let (euro, yen, zero) = (json!("EUR"), json!("JPY"), json!("0"));
    assert_eq!(currencies, [(&euro, &json!("6.50"), &json!("0.00")), (&yen, &zero, &json!("30"))]);
    assert!(told["cautions"].to_string().contains("as a whole month"));
}

#[tokio::test]
async fn calls_that_were_refused_and_would_pass_are_unknown_demand() {
    let app = shop().await;
    let limits = |quota: u32| json!([{ "name": "hour", "quota": quota, "window_s": 3600 }]);
    let id = plan(&app, json!({ "name": "p", "limits": limits(2) })).await;
    let key = app.key_under(&id, json!({})).await;
    assert_eq!(times(&app, &key.text, 5).await, [200, 200, 429, 429, 429]);
    let prices = json!({ "currency": "EUR", "charges": [{
        "name": "calls", "meter": "requests", "model": "per_unit", "unit_price": "0.01" }] });
    let body = json!({ "period": "2026-11-22", "limits": limits(4), "prices": prices });
    let told = simulated(&app, &id, body, 5).await;
    let of = &told["total"];
    assert_eq!(
        (&of["refused_in_truth"], &of["refused_then"], &of["newly_refused"]),
        (&json!(3), &json!(1), &json!(0))
    );
    assert_eq!(of["unknown_demand"], json!({ "calls": 2, "units_milli": 2_000 }));
    assert_eq!((&of["units_milli_now"], &of["units_milli_then"]), (&json!(2_000), &json!(2_000)));
    let earned = &of["earned"][0];
    assert_eq!(
        (&earned["then"], &earned["then_with_unknown_demand"]),
        (&json!("0.02"), &json!("0.04"))
    );
}

/// What became of the calls of some keys, by app: how many there were, and the refused ones by operation.
#[derive(Default)]
struct Seen {
    calls: BTreeMap<String, u64>,
    refused: BTreeMap<String, BTreeMap<String, u64>>,
    state: u64,
}

impl Seen {
    /// A number below `below`, from a small generator.
    fn next(&mut self, below: u64) -> u64 {
        let (by, plus) = (6_364_136_223_846_793_005, 1_442_695_040_888_963_407);
        self.state = self.state.wrapping_mul(by).wrapping_add(plus);
        (self.state >> 33) % below
    }

    /// Makes calls at times and with keys that the generator chooses.
    async fn call(&mut self, app: &TestApp, keys: &[TestKey], count: u64) {
        let missing = "/v1/products/prd_00000000000".to_owned();
        let paths = [product(), "/v1/products".to_owned(), missing, "/v1/stores".to_owned()];
        let operations = ["get_product", "list_products", "get_product", "list_stores"];
        for _ in 0..count {
            app.clock.advance(i64::try_from(self.next(40_000_000)).unwrap());
            let (key, way) = (&keys[self.next(keys.len() as u64) as usize], self.next(4) as usize);
            *self.calls.entry(key.app_id.clone()).or_default() += 1;
            if call(app, &key.text, &paths[way]).await == 429 {
                let of_app = self.refused.entry(key.app_id.clone()).or_default();
                *of_app.entry(operations[way].to_owned()).or_default() += 1;
            }
        }
    }

    /// How many calls there were but for those of an app.
    fn but(&self, app: &str) -> u64 {
        self.calls.iter().filter(|(id, _)| *id != app).map(|(_, calls)| calls).sum()
    }
}

fn same(told: &Value, seen: &Seen) {
    let mut total = 0;
    for of in told["apps"].as_array().unwrap() {
        let expected =
            seen.refused.get(of["app_id"].as_str().unwrap()).cloned().unwrap_or_default();
        assert_eq!(by_operation(&of["truth"]), expected);
        assert_eq!(of["then"], of["truth"], "{of}");
        let sums = &of["sums"];
        let none = (&sums["newly_refused"], &sums["unknown_demand"]["calls"]);
        assert_eq!(none, (&json!(0), &json!(0)));
        assert_eq!(sums["units_milli_then"], sums["units_milli_now"]);
        total += expected.values().sum::<u64>();
    }
    assert_eq!(told["total"]["refused_then"], total);
    assert!(total > 10, "{total} calls were refused, too few to tell anything");
}

#[tokio::test]
async fn the_present_plan_refuses_what_it_refused() {
    let app = shop().await;
    let limits = json!([
        { "name": "burst", "quota": 3, "window_s": 60, "per": "key" },
        { "name": "lists", "quota": 6, "window_s": 1800, "operations": ["list_products"] },
        { "name": "all", "quota": 40, "window_s": 3600, "per": "partner" },
        { "name": "day", "quota": 24, "period": "day" },
        { "name": "month", "quota": 60, "period": "month", "per": "partner" },
        { "name": "at-once", "concurrent": 2 },
    ]);
    let body = json!({ "name": "p", "limits": limits, "weights": { "list_products": 1.5 } });
    let id = plan(&app, body).await;
    // A sibling under another plan counts on the same limits of the partner.
    let other = json!([
        { "name": "all", "quota": 50, "window_s": 3600, "per": "partner" },
        { "name": "month", "quota": 70, "period": "month", "per": "partner" },
    ]);
    let other = plan(&app, json!({ "name": "o", "limits": other })).await;
    let first = app.key_under(&id, json!({})).await;
    let mut keys = Vec::new();
    for (name, plan, environment) in [("b", &id, "live"), ("c", &other, "live"), ("d", &id, "test")]
    {
        let body = json!({ "partner_id": first.partner_id, "plan_id": plan, "name": name });
        let made = app.admin_ok("POST", "/admin/v1/apps", Some(body)).await;
        let app_id = made["id"].as_str().unwrap().to_owned();
        let body = json!({ "app_id": app_id, "name": "key", "environment": environment });
        let key = app.admin_ok("POST", "/admin/v1/keys", Some(body)).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let (id, text) = (text(&key["key"]["id"]), text(&key["text"]));
        keys.push(TestKey { id, text, app_id, partner_id: first.partner_id.clone() });
    }
    keys.push(first);
    let other = keys[1].app_id.clone();
    let midnight = "2026-11-23T00:00:00Z".parse::<Micros>().unwrap();
    let until = |before_s: i64| midnight.0 - before_s * 1_000_000 - app.clock.now().0;
    let (mut day, mut morning) = (Seen { state: 1, ..Seen::default() }, Seen::default());
    day.call(&app, &keys, 100).await;
    // Quiet until shortly before midnight, so that rates carry over it and the day's quota does not.
    app.clock.advance(until(1_500));
    while until(60) > 0 {
        day.call(&app, &keys, 1).await;
    }
    app.clock.advance(until(0));
    morning.call(&app, &keys, 80).await;

    let body = |period: &str| json!({ "period": period });
    let told = simulated(&app, &id, body("2026-11"), day.but(&other) + morning.but(&other)).await;
    let refused: u64 = told["total"]["refused_in_truth"].as_u64().unwrap();
    assert_eq!(told["total"]["refused_then"], refused);
    assert_eq!(told["total"]["newly_refused"], 0);
    for (period, seen) in [("2026-11-22", &day), ("2026-11-23", &morning)] {
        same(&simulated(&app, &id, body(period), seen.but(&other)).await, seen);
    }
}

#[tokio::test]
async fn what_cannot_be_tried_out_says_why() {
    let app = shop().await;
    let id =
        plan(&app, json!({ "name": "p", "limits": [{ "name": "a", "quota": 1, "window_s": 1 }] }))
            .await;
    let path = format!("/admin/v1/plans/{id}/simulate");
    for (body, pointer) in [
        (json!({}), ""),
        (json!({ "period": "November" }), "/period"),
        (json!({ "period": "2026-11-31" }), "/period"),
        (json!({ "apps": [] }), "/apps"),
        (json!({ "apps": ["app_00000000000"] }), "/apps/0"),
        (json!({ "limits": [] }), "/limits"),
        (json!({ "prices": { "currency": "EUR", "fee": "x" } }), "/prices/fee"),
        (json!({ "stock_disclosure": "none" }), "/stock_disclosure"),
        (json!({ "data": { "store_ids": ["0261"] } }), "/data"),
    ] {
        let refused =
            problem(app.admin("POST", &path, Some(body)).await, 400, "invalid_body").await;
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{refused}");
    }
    let path = "/admin/v1/plans/pln_00000000000/simulate";
    problem(app.admin("POST", path, Some(json!({ "period": "2026-11" }))).await, 404, "not_found")
        .await;
}

#[tokio::test]
async fn prices_are_versions_of_a_plan() {
    let app = shop().await;
    let limits = json!([{ "name": "a", "quota": 1, "window_s": 1 }]);
    let prices = json!({
        "currency": "EUR", "time_zone": "Europe/Paris", "rounding": "half_up", "fee": "49.00",
        "discount_percent": "12.5",
        "charges": [{
            "name": "calls", "meter": "requests", "api": "catalog", "model": "graduated", "included": 100,
            "tiers": [{ "up_to": 1000, "unit_price": "0.01", "flat": "1.00" }, { "unit_price": "0.0025" }],
        }],
    });
    let made = app
        .admin_ok(
            "POST",
            "/admin/v1/plans",
            Some(json!({ "name": "p", "limits": limits, "prices": prices })),
        )
        .await;
    let mut prices = prices;
    for (field, unless_said) in [("period", "month"), ("anchor", "calendar"), ("proration", "none")]
    {
        prices[field] = json!(unless_said);
    }
    assert_eq!((&made["prices"], &made["version"]), (&prices, &json!(1)));
    let path = format!("/admin/v1/plans/{}", made["id"].as_str().unwrap());
    // The same again changes nothing; a change without prices keeps them; null takes them away.
    for (change, version, then) in [
        (json!({ "prices": prices }), 1, Some(&prices)),
        (json!({ "when_degraded": "refuse" }), 2, Some(&prices)),
        (json!({ "prices": null }), 3, None),
    ] {
        let changed = app.admin_ok("PATCH", &path, Some(change)).await;
        assert_eq!((&changed["version"], changed.get("prices")), (&json!(version), then));
    }
    let second = app.admin_ok("GET", &format!("{path}/versions/2"), None).await;
    assert_eq!(second["prices"], prices);
}
