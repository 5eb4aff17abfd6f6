//! Limits of all kinds and levels as partners meet them: quotas, concurrency, weights.

use crate::support::process::{Home, Wire};
use crate::support::{NOON, TestApp, TestKey, data, problem, tell, unkeep};
use reqwest::Response;
use serde_json::{Value, json};

async fn shop() -> TestApp {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    app.stock_shelves(3, 1).await;
    app
}

fn product() -> String {
    format!("/v1/products/{}", data::product_id(0))
}

/// `r` and `t` of a limit as an answer tells them.
fn left(answer: &Response, limit: &str) -> Option<(u32, Option<u32>)> {
    let header = answer.headers().get("ratelimit")?.to_str().unwrap();
    let item = header.split(", ").find_map(|item| item.strip_prefix(&format!("\"{limit}\";")))?;
    let value = |name: &str| item.split(';').find_map(|p| p.strip_prefix(name)?.parse().ok());
    Some((value("r=").unwrap(), value("t=")))
}

async fn left_after(app: &TestApp, key: &str, path: &str, limit: &str) -> u32 {
    let answer = app.get(key, path).await;
    let left = left(&answer, limit).expect("the limit is told").0;
    answer.bytes().await.unwrap();
    left
}

/// Another app of the key's partner under a plan, with a key.
async fn sibling(app: &TestApp, of: &TestKey, plan: &str, name: &str) -> TestKey {
    let body = json!({ "partner_id": of.partner_id, "plan_id": plan, "name": name });
    let sibling = app.admin_ok("POST", "/admin/v1/apps", Some(body)).await;
    key_of(app, sibling["id"].as_str().unwrap(), &of.partner_id, "live").await
}

async fn key_of(app: &TestApp, app_id: &str, partner_id: &str, environment: &str) -> TestKey {
    let body = json!({ "app_id": app_id, "name": "another", "environment": environment });
    let key = app.admin_ok("POST", "/admin/v1/keys", Some(body)).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    TestKey {
        id: text(&key["key"]["id"]),
        text: text(&key["text"]),
        app_id: app_id.to_owned(),
        partner_id: partner_id.to_owned(),
    }
}

#[tokio::test]
async fn a_limit_is_counted_for_partner_app_or_key() {
    let app = shop().await;
    let plan = app
        .plan(json!([
            { "name": "all", "quota": 4, "window_s": 3600, "per": "partner" },
            { "name": "own", "quota": 3, "window_s": 3600 },
            { "name": "single", "quota": 2, "window_s": 3600, "per": "key" },
        ]))
        .await;
    let first = app.key_under(&plan, json!({})).await;
    let second_key = key_of(&app, &first.app_id, &first.partner_id, "live").await;
    let second_app = sibling(&app, &first, &plan, "second").await;
    let stranger = app.key_under(&plan, json!({})).await;
    let path = product();
    for (key, all, own, single) in [
        (&first, 3, 2, 1),
        (&first, 2, 1, 0),
        (&second_key, 1, 0, 1),
        (&second_app, 0, 2, 1),
        (&stranger, 3, 2, 1),
    ] {
        let answer = app.get(&key.text, &path).await;
        assert_eq!(answer.status(), 200);
        let told = ["all", "own", "single"].map(|name| left(&answer, name).unwrap().0);
        assert_eq!(told, [all, own, single]);
    }
    for (key, violated) in [
        (&first, json!(["all", "own", "single"])),
        (&second_key, json!(["all", "own"])),
        (&second_app, json!(["all"])),
    ] {
        let refused = problem(app.get(&key.text, &path).await, 429, "quota_exceeded").await;
        assert_eq!(refused["violated-policies"], violated);
    }
    // What was refused has taken from none: after the partner's next unit the second app has all of its own.
    app.clock.advance(900_000_000);
    let answer = app.get(&second_app.text, &path).await;
    assert_eq!((answer.status().as_u16(), left(&answer, "own").unwrap().0), (200, 1));
}

#[tokio::test]
async fn a_limit_may_be_for_some_operations() {
    let app = shop().await;
    let plan = app
        .plan(json!([
            { "name": "lists", "quota": 1, "window_s": 3600, "operations": ["list_products", "list_stores"] },
            { "name": "all", "quota": 10, "window_s": 3600 },
        ]))
        .await;
    let key = app.key_under(&plan, json!({})).await;
    let one = app.get(&key.text, &product()).await;
    assert_eq!(one.headers()["ratelimit"], "\"all\";r=9;t=360");
    assert!(one.headers()["ratelimit-policy"].to_str().unwrap().starts_with("\"lists\";q=1;"));
    assert_eq!(app.get(&key.text, "/v1/products").await.status(), 200);
    for path in ["/v1/products", "/v1/stores"] {
        let refused = problem(app.get(&key.text, path).await, 429, "quota_exceeded").await;
        assert_eq!(refused["violated-policies"], json!(["lists"]));
    }
    assert_eq!(left_after(&app, &key.text, &product(), "all").await, 7);
}

#[tokio::test]
async fn a_plan_says_what_calls_weigh() {
    let app = shop().await;
    let body = json!({
        "name": "weighed", "weights": { "get_product": 2.5, "lookup_products": 0.5 },
        "limits": [
            { "name": "rate", "quota": 100, "window_s": 86_400 },
            { "name": "month", "quota": 100, "period": "month" },
        ],
    });
    let plan = app.admin_ok("POST", "/admin/v1/plans", Some(body)).await;
    assert_eq!(plan["weights"], json!({ "get_product": 2.5, "lookup_products": 0.5 }));
    let key = app.key_under(plan["id"].as_str().unwrap(), json!({})).await;
    let one = app.get(&key.text, &product()).await;
    assert_eq!(one.headers()["x-request-cost"], "2.5");
    assert_eq!(left(&one, "rate").unwrap().0, 97);
    one.bytes().await.unwrap();
    let skus: Vec<Value> = (0..3).map(|n| json!({ "sku": data::sku(n) })).collect();
    let request = app.http.post(app.public_url("/v1/products/lookup")).bearer_auth(&key.text);
    let found = request.json(&json!({ "identifiers": skus })).send().await.unwrap();
    assert_eq!(found.headers()["x-request-cost"], "1.5");
    found.bytes().await.unwrap();
    // The quota settles to what is billed, 4 units in all; the rate keeps what was taken before.
    let usage: Value = app.get(&key.text, "/v1/usage").await.json().await.unwrap();
    let used = |n: usize| usage["limits"][n]["used"].as_str().unwrap().to_owned();
    assert_eq!((used(0), used(1)), ("4.000".to_owned(), "4.000".to_owned()));
    let mut app = app;
    app.stop().await;
    let mut out = Vec::new();
    let month: comptoir::metering::period::Period = "2026-11".parse().unwrap();
    let format = comptoir::billing::export::Format::Ndjson;
    let summary =
        comptoir::billing::export::export(&app.db, month, format, &mut out).await.unwrap();
    assert_eq!(summary.billable.weight_milli, 4_000);
}

#[tokio::test]
async fn a_weight_that_a_limit_can_never_admit_is_refused_when_the_plan_is_written() {
    let app = shop().await;
    let limits = |burst: u32| json!([{ "name": "burst", "quota": burst, "window_s": 1 }, { "name": "few", "concurrent": 1 }]);
    let body = |burst: u32, name: &str, weights: Value| json!({ "name": name, "limits": limits(burst), "weights": weights });
    let never = json!({ "list_products": 2.5 });
    let create = app.admin("POST", "/admin/v1/plans", Some(body(2, "never", never.clone()))).await;
    let refused = problem(create, 400, "invalid_body").await;
    assert_eq!(refused["errors"][0]["pointer"], "/weights/list_products");
    let said = refused["detail"].as_str().unwrap();
    assert!(said.contains("2.5 units") && said.contains("2 of the limit `burst`"), "{said}");
    // What is put aside for a call that is billed by records counts: five times the weight of a unit.
    let grid = json!({ "query_stock": 0.5 });
    let create = app.admin("POST", "/admin/v1/plans", Some(body(2, "grid", grid))).await;
    problem(create, 400, "invalid_body").await;

    let plan = app.admin_ok("POST", "/admin/v1/plans", Some(body(3, "fits", never.clone()))).await;
    let place = format!("/admin/v1/plans/{}", plan["id"].as_str().unwrap());
    let narrow = app.admin("PATCH", &place, Some(json!({ "limits": limits(2) }))).await;
    problem(narrow, 400, "invalid_body").await;
    assert_eq!(app.admin_ok("GET", &place, None).await["version"], 1);
    // Where the limit does not count it, it may weigh what it likes.
    let mut elsewhere = body(2, "elsewhere", never);
    elsewhere["limits"][0]["operations"] = json!(["get_product"]);
    app.admin_ok("POST", "/admin/v1/plans", Some(elsewhere)).await;
}

#[tokio::test]
async fn a_plan_of_before_that_can_never_admit_a_call_works_on() {
    let app = shop().await;
    let limits = json!([{ "name": "burst", "quota": 3, "window_s": 1 }]);
    let body = json!({ "name": "old", "limits": limits, "weights": { "list_products": 2.5 } });
    let plan = app.admin_ok("POST", "/admin/v1/plans", Some(body)).await;
    let key = app.key_under(plan["id"].as_str().unwrap(), json!({})).await;
    let update =
        "UPDATE plan_versions SET definition = replace(definition, '\"quota\":3', '\"quota\":2')";
    unkeep(&app.db, "plan_versions", "update").await;
    tell(&app.db, update).await.unwrap();
    let place = format!("/admin/v1/plans/{}", plan["id"].as_str().unwrap());
    app.admin_ok("PATCH", &place, Some(json!({ "stock_disclosure": "none" }))).await;
    assert_eq!(app.get(&key.text, &product()).await.status(), 200);
    let never = app.get(&key.text, "/v1/products").await;
    assert!(!never.headers().contains_key("retry-after"));
    problem(never, 429, "quota_exceeded").await;
}

#[tokio::test]
async fn a_quota_counts_what_is_billed() {
    let app = shop().await;
    let plan = app.plan(json!([{ "name": "day", "quota": 5, "period": "day" }])).await;
    let key = app.key_under(&plan, json!({})).await;
    let path = product();
    let first = app.get(&key.text, &path).await;
    // Noon to midnight, in the zone of the plan, which is UTC here.
    assert_eq!(left(&first, "day"), Some((4, Some(43_200))));
    assert_eq!(first.headers()["ratelimit-policy"], "\"day\";q=5;w=86400");
    let etag = first.headers()["etag"].clone();
    first.bytes().await.unwrap();
    // Taken while under way, and given back by what costs nothing.
    let request = app.http.get(app.public_url(&path)).bearer_auth(&key.text);
    let unchanged = request.header("if-none-match", etag).send().await.unwrap();
    assert_eq!((unchanged.status().as_u16(), left(&unchanged, "day").unwrap().0), (304, 3));
    for (path, status) in
        [("/v1/products?limit=0", 400), ("/v1/products/prd_00000000000", 404), ("/v1/nothing", 404)]
    {
        assert_eq!(app.get(&key.text, path).await.status(), status);
    }
    assert_eq!(left_after(&app, &key.text, &path, "day").await, 3);
    // What an answer brings is known at its end: three products of which one was taken before.
    let skus: Vec<Value> = (0..3).map(|n| json!({ "sku": data::sku(n) })).collect();
    let request = app.http.post(app.public_url("/v1/products/lookup")).bearer_auth(&key.text);
    let found = request.json(&json!({ "identifiers": skus })).send().await.unwrap();
    assert_eq!(left(&found, "day").unwrap().0, 2);
    found.bytes().await.unwrap();
    let refused = app.get(&key.text, &path).await;
    assert_eq!(refused.headers()["retry-after"], "43200");
    assert_eq!(left(&refused, "day"), Some((0, Some(43_200))));
    let document = problem(refused, 429, "quota_exceeded").await;
    assert_eq!(document["violated-policies"], json!(["day"]));
    // Looking at the usage is free, so it is never refused for it.
    let usage: Value = app.get(&key.text, "/v1/usage").await.json().await.unwrap();
    let limit = &usage["limits"][0];
    let told = ["kind", "used", "remaining", "reset_s", "period_start", "period_end"];
    let told = told.map(|field| limit[field].clone());
    let (start, end) = ("2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z");
    assert_eq!(
        told,
        [json!("quota"), json!("5.000"), json!(0), json!(43_200), json!(start), json!(end)]
    );
    // Test keys are held to a rate of the same size, which counts apart.
    let test = key_of(&app, &key.app_id, &key.partner_id, "test").await;
    for taken in 1..=5 {
        let answer = app.get(&test.text, &path).await;
        assert_eq!((answer.status().as_u16(), left(&answer, "day").unwrap().0), (200, 5 - taken));
        assert_eq!(answer.headers()["ratelimit-policy"], "\"day\";q=5;w=86400");
    }
    let refused = app.get(&test.text, &path).await;
    assert_eq!(refused.headers()["retry-after"], "17280");
    problem(refused, 429, "quota_exceeded").await;
}

#[tokio::test]
async fn what_is_not_modified_has_the_same_etag_and_takes_from_a_rate_but_not_from_a_quota() {
    let app = shop().await;
    let limits = json!([
        { "name": "hour", "quota": 10, "window_s": 3600 },
        { "name": "day", "quota": 5, "period": "day" },
    ]);
    let key = app.key_under(&app.plan(limits).await, json!({})).await;
    let path = product();
    let of =
        |answer: &Response| ["hour", "day"].map(|name| left(answer, name).expect("what is left").0);
    let first = app.get(&key.text, &path).await;
    assert_eq!(of(&first), [9, 4]);
    let etag = first.headers()["etag"].clone();
    first.bytes().await.unwrap();
    for taken in 2..5 {
        let request = app.http.get(app.public_url(&path)).bearer_auth(&key.text);
        let unchanged = request.header("if-none-match", &etag).send().await.unwrap();
        assert_eq!((unchanged.status().as_u16(), &unchanged.headers()["etag"]), (304, &etag));
        assert_eq!(left(&unchanged, "hour").expect("what is left").0, 10 - taken);
    }
    let last = app.get(&key.text, &path).await;
    assert_eq!((last.status().as_u16(), of(&last)), (200, [5, 3]));
}

#[tokio::test]
async fn a_month_ends_in_its_own_time_zone() {
    // The last second of the month there, in UTC: winter, leap day, a zone of 45 minutes.
    for (zone, last, seconds) in [
        ("Europe/Paris", "2027-01-31T22:59:59Z", 31 * 86_400),
        ("America/New_York", "2028-03-01T04:59:59Z", 29 * 86_400),
        ("Asia/Kathmandu", "2027-02-28T18:14:59Z", 28 * 86_400),
        // An hour more: clocks are put back.
        ("Europe/Paris", "2026-10-31T22:59:59Z", 31 * 86_400 + 3_600),
    ] {
        let app = TestApp::builder().fixed_clock(last).start().await;
        app.stock_shelves(1, 1).await;
        let month = json!({ "name": "month", "quota": 2, "period": "month", "time_zone": zone });
        let plan = app.plan(json!([month])).await;
        let key = app.key_under(&plan, json!({})).await;
        let path = product();
        for left_of in [1, 0] {
            let answer = app.get(&key.text, &path).await;
            assert_eq!(left(&answer, "month"), Some((left_of, Some(1))), "{zone}");
            let policy = format!("\"month\";q=2;w={seconds}");
            assert_eq!(answer.headers()["ratelimit-policy"], policy, "{zone}");
            answer.bytes().await.unwrap();
        }
        let refused = app.get(&key.text, &path).await;
        assert_eq!(
            (refused.status().as_u16(), &refused.headers()["retry-after"]),
            (429, &"1".parse().unwrap())
        );
        app.clock.advance(999_999);
        assert_eq!(app.get(&key.text, &path).await.status(), 429, "{zone}");
        app.clock.advance(1);
        assert_eq!(left_after(&app, &key.text, &path, "month").await, 1, "{zone}");
        // Once, and not again: neither by a clock that is stepped back nor by the next day.
        app.clock.advance(-1);
        assert_eq!(app.get(&key.text, &path).await.status(), 429, "{zone}");
        app.clock.advance(86_400_000_000);
        assert_eq!(left_after(&app, &key.text, &path, "month").await, 0, "{zone}");
        assert_eq!(app.get(&key.text, &path).await.status(), 429, "{zone}");
    }
}

#[tokio::test]
async fn edits_and_changes_of_plans_keep_what_was_counted() {
    let app = shop().await;
    let limits = |quota: u32| {
        json!([
            { "name": "hour", "quota": quota, "window_s": 3600 },
            { "name": "month", "quota": quota, "period": "month" },
        ])
    };
    let plan = app.plan(limits(10)).await;
    let plain = app.plan(json!([{ "name": "burst", "quota": 100, "window_s": 1 }])).await;
    let key = app.key_under(&plan, json!({})).await;
    let path = product();
    for _ in 0..8 {
        app.get(&key.text, &path).await.bytes().await.unwrap();
    }
    let told = async || {
        let answer = app.get(&key.text, &path).await;
        let told = ["hour", "month"].map(|name| left(&answer, name).map(|left| left.0));
        answer.bytes().await.unwrap();
        (told, app.get(&key.text, "/v1/usage").await.status().as_u16())
    };
    let edit = |limits: Value| json!({ "limits": limits });
    app.admin_ok("PATCH", &format!("/admin/v1/plans/{plan}"), Some(edit(limits(20)))).await;
    // The usage itself takes from the rate and not from the quota.
    assert_eq!(told().await, ([Some(11), Some(11)], 200));
    // To a plan without them and back, and to one where the month is counted otherwise.
    let to = |plan: &str| {
        let path = format!("/admin/v1/apps/{}", key.app_id);
        let body = json!({ "plan_id": plan });
        let app = &app;
        async move { app.admin_ok("PATCH", &path, Some(body)).await }
    };
    to(&plain).await;
    assert_eq!(told().await, ([None, None], 200));
    // What was billed meanwhile counts for the month, too: so the ledger has it.
    app.wait_for_gauge("events_folded_total", 12).await;
    to(&plan).await;
    assert_eq!(told().await, ([Some(9), Some(9)], 200));
    let zoned =
        json!([{ "name": "month", "quota": 20, "period": "month", "time_zone": "Asia/Tokyo" }]);
    let zoned = app.plan(zoned).await;
    to(&zoned).await;
    assert_eq!(told().await, ([None, Some(8)], 200));
    // The versions are as they were.
    let versions = app.admin_ok("GET", &format!("/admin/v1/plans/{plan}/versions"), None).await;
    let quotas: Vec<&Value> =
        versions["items"].as_array().unwrap().iter().map(|v| &v["limits"][0]["quota"]).collect();
    assert_eq!(quotas, [&json!(10), &json!(20)]);
    let first = app.admin_ok("GET", &format!("/admin/v1/plans/{plan}/versions/1"), None).await;
    assert_eq!((&first["version"], &first["limits"]), (&json!(1), &versions["items"][0]["limits"]));
    for missing in ["0", "3", "x"] {
        let path = format!("/admin/v1/plans/{plan}/versions/{missing}");
        problem(app.admin("GET", &path, None).await, 404, "not_found").await;
    }
}

#[tokio::test]
async fn hammering_while_refused_delays_nothing() {
    let app = shop().await;
    let plan =
        app.plan(json!([{ "name": "minute", "quota": 6, "window_s": 60, "per": "key" }])).await;
    let key = app.key_under(&plan, json!({})).await;
    let path = product();
    for _ in 0..6 {
        assert_eq!(app.get(&key.text, &path).await.status(), 200);
    }
    // Ten times what it may, for as long as it was told to wait.
    let promised = left(&app.get(&key.text, &path).await, "minute").unwrap().1.unwrap();
    assert_eq!(promised, 10);
    for _ in 0..promised {
        assert_eq!(app.get(&key.text, &path).await.status(), 429);
        app.clock.advance(1_000_000);
    }
    assert_eq!(app.get(&key.text, &path).await.status(), 200);
}

#[tokio::test]
async fn of_a_thousand_calls_at_once_exactly_the_quota_is_admitted() {
    let app = shop().await;
    let plan = app.plan(json!([{ "name": "month", "quota": 100, "period": "month" }])).await;
    let key = app.key_under(&plan, json!({})).await;
    let path = product();
    let calls = (0..1_000).map(|_| async {
        let answer = app.get(&key.text, &path).await;
        let status = answer.status().as_u16();
        answer.bytes().await.unwrap();
        status
    });
    let answers = futures_util::future::join_all(calls).await;
    let count = |status: u16| answers.iter().filter(|s| **s == status).count();
    assert_eq!((count(200), count(429)), (100, 900));
}

#[tokio::test]
async fn a_place_is_given_back_with_the_end_of_the_answer() {
    let app = shop().await;
    let body = json!([{ "name": "at-once", "concurrent": 1 }]);
    let plan = app.plan(body).await;
    let key = app.key_under(&plan, json!({})).await;
    let path = product();
    let first = app.get(&key.text, &path).await;
    assert_eq!(first.headers()["ratelimit-policy"], "\"at-once\";q=1;qu=\"concurrent-requests\"");
    assert_eq!(left(&first, "at-once"), Some((0, None)));
    let etag = first.headers()["etag"].clone();
    first.bytes().await.unwrap();
    // Whatever an answer is, its place is free behind it.
    let get = |path: &str| app.http.get(app.public_url(path)).bearer_auth(&key.text);
    let calls = [
        (get(&path).header("if-none-match", etag), 304),
        (app.http.head(app.public_url(&path)).bearer_auth(&key.text), 200),
        (app.http.head(app.public_url("/v1/products")).bearer_auth(&key.text), 200),
        (get("/v1/products?limit=0"), 400),
        (get("/v1/nothing"), 404),
        (get("/v1/products"), 200),
        (get("/v1/usage"), 200),
    ];
    for (request, status) in calls {
        let asked = format!("{request:?}");
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), status, "{asked}");
        answer.bytes().await.unwrap();
    }
    // One that waits for changes is under way until it is answered.
    let head = app.get(&key.text, "/v1/changes?after=latest").await.json::<Value>().await.unwrap();
    let position = head["next_position"].as_str().unwrap().to_owned();
    let waits = get(&format!("/v1/changes?after={position}&wait_s=30"));
    let waiting = tokio::spawn(async move { waits.send().await.unwrap().status() });
    app.wait_for_gauge("changes_waiting", 1).await;
    let refused = app.get(&key.text, &path).await;
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(left(&refused, "at-once"), Some((0, Some(1))));
    let document = problem(refused, 429, "quota_exceeded").await;
    assert_eq!(document["violated-policies"], json!(["at-once"]));
    assert!(document["detail"].as_str().unwrap().contains("under way"));
    app.import(comptoir::feeds::Feed::Products, &[data::product(7)]).await;
    assert_eq!(waiting.await.unwrap(), 200);
    assert_eq!(app.get(&key.text, &path).await.status(), 200);
}

#[tokio::test]
async fn a_client_that_hangs_up_gives_back_its_place_and_its_units() {
    let long = "Une description qui n'en finit pas. ".repeat(1_250);
    let described = |n| {
        let mut product = data::product(n);
        product["description"] = json!({ "plain": long });
        product
    };
    let home = Home::new(&[], &(0..200).map(described).collect::<Vec<_>>()).await;
    let place = r#"{"name":"at-once","concurrent":1}"#;
    let year = r#"{"name":"year","quota":5,"period":"year"}"#;
    let plan = ["plan", "create", "--name", "one", "--limit", place, "--limit", year];
    let (plan, partner) = (home.run(&plan), home.run(&["partner", "create", "--name", "p"]));
    let app = ["app", "create", "--partner", &partner, "--plan", &plan, "--name", "a"];
    let key = home.run(&["key", "create", "--app", &home.run(&app)]);
    let server = home.serve();
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let stream = socket.connect(server.public).await.unwrap().into_std().unwrap();
    stream.set_nonblocking(false).unwrap();
    let mut wire = Wire::over(stream).unwrap();
    wire.send(&key, "/v1/products?limit=200").unwrap();
    assert_eq!(wire.head().unwrap().status, 200);
    wire.body(10_000).unwrap();
    let mut other = Wire::connect(server.public).unwrap();
    assert_eq!(other.get(&key, &product()).unwrap().status, 429);
    drop(wire);
    crate::support::process::wait_until("the place is given back", || {
        other.get(&key, &product()).unwrap().status == 200
    });
    let usage: Value = serde_json::from_str(&other.get(&key, "/v1/usage").unwrap().body).unwrap();
    assert_eq!(
        (&usage["limits"][0]["used"], &usage["limits"][1]["used"]),
        (&json!("1.000"), &json!("1.000"))
    );
    server.terminate();
}
