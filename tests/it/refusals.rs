//! Every refusal can be explained, by whom it concerns and at any time.

use crate::support::{NOON, TestApp, data, problem};
use comptoir::access::Pepper;
use comptoir::explain::Refusal;
use comptoir::explain::api::Explainer;
use comptoir::explain::store::{self, Asked};
use futures_util::FutureExt as _;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Instant;

/// A refused call's id.
async fn refused(app: &TestApp, key: &str, path: &str, status: u16, code: &str) -> String {
    let document = problem(app.get(key, path).await, status, code).await;
    document["refusal_id"].as_str().unwrap().to_owned()
}

async fn shown(app: &TestApp, key: &str, path: &str) -> Value {
    let answer = app.get(key, path).await;
    assert_eq!(answer.status(), 200, "{path}");
    answer.json().await.unwrap()
}

#[tokio::test]
async fn a_call_over_the_limit_is_explained_with_the_counters_of_that_moment() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    app.stock_shelves(1, 1).await;
    let plan = app
        .plan(json!([
            { "name": "burst", "quota": 2, "window_s": 3 },
            { "name": "day", "quota": 50, "window_s": 86_400 },
        ]))
        .await;
    let key = app.key_under(&plan, json!({})).await;
    let path = format!("/v1/products/{}", data::product_id(0));
    for _ in 0..2 {
        assert_eq!(app.get(&key.text, &path).await.status(), 200);
    }
    let id = refused(&app, &key.text, &path, 429, "quota_exceeded").await;
    let again = refused(&app, &key.text, &path, 429, "quota_exceeded").await;
    app.clock.advance(60_000_000);

    let why = shown(&app, &key.text, &format!("/v1/refusals/{id}")).await;
    assert_eq!(why["code"], "quota_exceeded");
    assert_eq!(why["operation_id"], "get_product");
    assert_eq!(why["at"], NOON);
    assert_eq!(why["admitted_at"], "2026-11-22T12:00:01.5Z");
    assert_eq!(why["plan_id"], plan);
    assert_eq!(
        why["limits"],
        json!([
            { "name": "burst", "kind": "rate", "granted": 2, "seconds": 3, "remaining": 0, "used": null, "reset_s": 2, "violated": true },
            { "name": "day", "kind": "rate", "granted": 50, "seconds": 86_400, "remaining": 48, "used": null, "reset_s": 3_456, "violated": false },
        ])
    );
    assert!(why["explanation"].as_str().unwrap().contains("`burst` grants 2 units over 3 s"));
    // The admin reads the same; a plan that was changed since does not change it.
    let patch = json!({ "limits": [{ "name": "burst", "quota": 9, "window_s": 1 }] });
    app.admin_ok("PATCH", &format!("/admin/v1/plans/{plan}"), Some(patch)).await;
    let told = app.admin_ok("GET", &format!("/admin/v1/refusals/{id}"), None).await;
    assert_eq!(told, why);

    let history = shown(&app, &key.text, "/v1/refusals").await;
    let row = &history["items"][0];
    assert_eq!((&row["count"], &row["violated"]), (&json!(2), &json!(["burst"])));
    assert_eq!((&row["minute"], &row["last_refusal_id"]), (&json!(NOON), &json!(again)));
    assert_eq!(history["items"].as_array().unwrap().len(), 1);
    let own = format!(
        "/admin/v1/refusals?key_id={}&code=quota_exceeded",
        row["key_id"].as_str().unwrap()
    );
    assert_eq!(app.admin_ok("GET", &own, None).await["items"], history["items"]);
}

#[tokio::test]
async fn who_has_to_wait_is_told_why_once_a_second() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    app.stock_shelves(1, 1).await;
    let plan = app.plan(json!([{ "name": "day", "quota": 2, "window_s": 86_400 }])).await;
    let key = app.key_under(&plan, json!({})).await;
    let path = format!("/v1/products/{}", data::product_id(0));
    for _ in 0..2 {
        assert_eq!(app.get(&key.text, &path).await.status(), 200);
    }
    let id = refused(&app, &key.text, &path, 429, "quota_exceeded").await;
    let own = format!("/v1/refusals/{id}");
    for path in [own.as_str(), "/v1/refusals", "/v1/usage"] {
        let answer = app.get(&key.text, path).await;
        assert_eq!(answer.status(), 200, "{path}");
        assert!(answer.headers()["ratelimit"].to_str().unwrap().starts_with("\"day\";r=0;t="));
        problem(app.get(&key.text, path).await, 429, "quota_exceeded").await;
        app.clock.advance(1_000_000);
    }
    // What was told took nothing: the wait is three seconds shorter, and that is all.
    let again = app.get(&key.text, &path).await;
    assert_eq!(again.headers()["retry-after"], "43197");
}

#[tokio::test]
async fn a_caller_who_hangs_up_takes_no_counted_refusal_with_it() {
    let app = TestApp::start().await;
    let pepper = Pepper::random().unwrap();
    let explainer = Arc::new(Explainer::new(&pepper, (&app.db, &app.clock)));
    let refusal = Refusal {
        at: app.clock.now().0,
        operation: None,
        weight_milli: 1_000,
        status: 401,
        code: "invalid_key".to_owned(),
        who: None,
        reason: None,
        wait_us: None,
        limits: Vec::new(),
        reduced: None,
    };
    explainer.tally.count(&refusal, "ref_0");
    // Dropped at its first wait, as a handler whose client is gone.
    assert!(explainer.save().now_or_never().is_none());
    let asked = Asked { to: i64::MAX, limit: 10, ..Asked::default() };
    let until = Instant::now() + crate::support::PATIENCE;
    while store::list(&app.db, &asked).await.unwrap().is_empty() {
        assert!(Instant::now() < until, "the refusal is lost");
        crate::support::pause().await;
    }
}

#[tokio::test]
async fn a_refusal_is_its_partners_alone() {
    let app = TestApp::start().await;
    let [one, other] =
        [app.key(json!({ "scopes": ["stock:quantity"] })).await, app.key(json!({})).await];
    let id = refused(&app, &one.text, "/v1/products", 403, "insufficient_scope").await;
    let why = shown(&app, &one.text, &format!("/v1/refusals/{id}")).await;
    assert_eq!(why["required_scope"], "catalog:read");
    assert_eq!((&why["limits"], &why["admitted_at"]), (&json!([]), &Value::Null));
    problem(app.get(&other.text, &format!("/v1/refusals/{id}")).await, 404, "not_found").await;
    assert_eq!(shown(&app, &other.text, "/v1/refusals").await["items"], json!([]));

    // Nobody's: whoever has the id may know, and admins see that it happens.
    let id = refused(&app, "cpt_live_nonsense", "/v1/products", 401, "invalid_key").await;
    let why = shown(&app, &other.text, &format!("/v1/refusals/{id}")).await;
    assert_eq!((&why["key_id"], &why["operation_id"]), (&Value::Null, &json!("list_products")));
    let rows = app.admin_ok("GET", "/admin/v1/refusals", None).await;
    let codes: Vec<&Value> = rows["items"].as_array().unwrap().iter().map(|r| &r["code"]).collect();
    assert!(codes.contains(&&json!("invalid_key")), "{codes:?}");

    // A refusal has no word of the secret that was shown, and an id that was changed opens nothing.
    for wrong in [format!("{id}A"), "ref_".to_owned(), "nothing".to_owned(), id.replace("ref_", "")]
    {
        problem(app.get(&other.text, &format!("/v1/refusals/{wrong}")).await, 404, "not_found")
            .await;
    }
}

#[tokio::test]
async fn what_was_refused_before_a_transfer_stays_with_the_partner_whose_app_it_was() {
    let app = TestApp::start().await;
    let key = app.key(json!({ "scopes": ["stock:quantity"] })).await;
    let id = refused(&app, &key.text, "/v1/products", 403, "insufficient_scope").await;
    let own = shown(&app, &key.text, "/v1/refusals").await;
    assert_eq!(own["items"][0]["partner_id"], key.partner_id);

    let new = app.admin_ok("POST", "/admin/v1/partners", Some(json!({ "name": "New" }))).await;
    let to = json!({ "partner_id": new["id"] });
    let place = format!("/admin/v1/apps/{}/transfer", key.app_id);
    app.admin_ok("POST", &place, Some(to)).await;
    assert_eq!(shown(&app, &key.text, "/v1/refusals").await["items"], json!([]));
    problem(app.get(&key.text, &format!("/v1/refusals/{id}")).await, 404, "not_found").await;
    let of_old = format!("/admin/v1/refusals?partner_id={}", key.partner_id);
    assert_eq!(app.admin_ok("GET", &of_old, None).await["items"].as_array().unwrap().len(), 1);

    let id = refused(&app, &key.text, "/v1/stores", 403, "insufficient_scope").await;
    let own = shown(&app, &key.text, "/v1/refusals").await;
    assert_eq!(own["items"].as_array().unwrap().len(), 1);
    assert_eq!(own["items"][0]["partner_id"], new["id"]);
    shown(&app, &key.text, &format!("/v1/refusals/{id}")).await;
}

/// So many rows that a transfer falls between are written by one statement.
#[tokio::test]
async fn what_is_refused_in_the_minute_of_a_transfer_is_of_both_partners() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    let key = app.key(json!({ "scopes": ["stock:quantity"] })).await;
    let paths = ["/v1/products", "/v1/stores", "/v1/promotions", "/v1/categories", "/v1/changes"];
    let all = async || {
        for path in paths {
            let answer = app.get(&key.text, path).await;
            problem(answer, 403, "insufficient_scope").await;
        }
    };
    all().await;
    let new = app.admin_ok("POST", "/admin/v1/partners", Some(json!({ "name": "New" }))).await;
    let to = json!({ "partner_id": new["id"] });
    let place = format!("/admin/v1/apps/{}/transfer", key.app_id);
    app.admin_ok("POST", &place, Some(to)).await;
    all().await;
    let own = shown(&app, &key.text, "/v1/refusals").await;
    assert_eq!(own["items"].as_array().unwrap().len(), paths.len(), "{own}");
    let of_old = format!("/admin/v1/refusals?partner_id={}", key.partner_id);
    let of_old = app.admin_ok("GET", &of_old, None).await;
    for row in own["items"].as_array().unwrap().iter().chain(of_old["items"].as_array().unwrap()) {
        assert_eq!(row["count"], 1, "{row}");
    }
    assert_eq!(of_old["items"].as_array().unwrap().len(), paths.len(), "{of_old}");
}

#[tokio::test]
async fn the_history_is_walked_page_by_page() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    let key = app.key(json!({ "scopes": ["stock:quantity"] })).await;
    for path in ["/v1/products", "/v1/stores", "/v1/promotions"] {
        refused(&app, &key.text, path, 403, "insufficient_scope").await;
        app.clock.advance(61_000_000);
        refused(&app, &key.text, "/v1/categories", 403, "insufficient_scope").await;
    }
    let whole = shown(&app, &key.text, "/v1/refusals").await;
    let whole = whole["items"].as_array().unwrap();
    let (mut walked, mut next) = (Vec::new(), Some("/v1/refusals?limit=2".to_owned()));
    while let Some(path) = next {
        let page = shown(&app, &key.text, &path).await;
        walked.extend(page["items"].as_array().unwrap().iter().cloned());
        next = page["next"].as_str().map(str::to_owned);
    }
    assert_eq!(&walked, whole);
    assert_eq!(walked.len(), 6);
    let minutes: Vec<&str> = walked.iter().map(|row| row["minute"].as_str().unwrap()).collect();
    assert!(minutes.is_sorted_by(|a, b| a >= b), "{minutes:?}");
    problem(app.get(&key.text, "/v1/refusals?code=nonsense").await, 400, "invalid_parameter").await;
}
