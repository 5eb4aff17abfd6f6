//! A key that is barred learns why, by the id of its refusal.

use crate::support::{NOON, TestApp, TestKey, problem};
use serde_json::{Value, json};

/// The id of a refused call and what it explains to the same key.
async fn explained(app: &TestApp, key: &TestKey, status: u16, code: &str) -> (String, Value) {
    let document = problem(app.get(&key.text, "/v1/products").await, status, code).await;
    let id = document["refusal_id"].as_str().unwrap().to_owned();
    app.clock.advance(1_000_000);
    let answer = app.get(&key.text, &format!("/v1/refusals/{id}")).await;
    assert_eq!(answer.status(), 200, "{code}");
    let why: Value = answer.json().await.unwrap();
    assert_eq!((&why["code"], &why["limits"]), (&json!(code), &json!([])));
    (id, why)
}

fn words(why: &Value) -> &str {
    why["explanation"].as_str().unwrap()
}

#[tokio::test]
async fn an_address_is_told_to_its_caller_and_stored_nowhere() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    let key = app.key(json!({ "cidrs": ["192.0.2.0/24", "2001:db8::/32"] })).await;
    let (id, why) = explained(&app, &key, 403, "address_not_allowed").await;
    assert_eq!(why["reason"]["address"], "127.0.0.1");
    assert_eq!(why["reason"]["allowed_blocks"], 2);
    assert!(words(&why).contains("came from 127.0.0.1"), "{why}");
    assert!(!why.to_string().contains("192.0.2"), "the list is not told: {why}");
    let told = app.admin_ok("GET", &format!("/admin/v1/refusals/{id}"), None).await;
    assert_eq!(told, why);

    let rows = app.admin_ok("GET", "/admin/v1/refusals", None).await;
    let kept = rows["items"][0]["last_refusal_id"].as_str().unwrap();
    let kept = app.admin_ok("GET", &format!("/admin/v1/refusals/{kept}"), None).await;
    assert_eq!((&kept["reason"]["address"], &kept["code"]), (&Value::Null, &why["code"]));
    assert!(!kept.to_string().contains("127.0.0.1"), "{kept}");
}

#[tokio::test]
async fn expiry_contract_freeze_and_suspension_are_told() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    let key = app.key(json!({ "expires_at": "2026-11-22T12:00:01Z" })).await;
    app.clock.advance(1_000_000);
    let (_, why) = explained(&app, &key, 401, "expired_key").await;
    assert_eq!(why["reason"]["expired_at"], "2026-11-22T12:00:01Z");
    assert!(words(&why).contains("2026-11-22T12:00:01Z"), "{why}");

    let key = app.key(json!({})).await;
    let contract = json!({ "reference": "C-1", "time_zone": "UTC", "starts_on": "2027-01-01", "ends_on": "2027-12-31" });
    let place = format!("/admin/v1/partners/{}", key.partner_id);
    app.admin_ok("PATCH", &place, Some(json!({ "contract": contract }))).await;
    let (_, why) = explained(&app, &key, 403, "no_contract").await;
    assert_eq!(why["reason"]["contract_from"], "2027-01-01T00:00:00Z");
    assert_eq!(why["reason"]["contract_until"], "2028-01-01T00:00:00Z");

    for (tell, told) in [(true, json!("Unpaid invoices")), (false, Value::Null)] {
        let key = app.key(json!({})).await;
        let body = json!({ "reason": "Unpaid invoices", "tell_caller": tell });
        app.admin_ok("POST", &format!("/admin/v1/keys/{}/freeze", key.id), Some(body)).await;
        let (id, why) = explained(&app, &key, 403, "frozen").await;
        assert_eq!((&why["reason"]["told"], &why["reason"]["stopped"]), (&told, &json!("key")));
        assert!(words(&why).contains("The key was frozen."), "{why}");
        let seen = app.admin_ok("GET", &format!("/admin/v1/refusals/{id}"), None).await;
        assert_eq!(seen["stop"]["reason"], "Unpaid invoices");
        assert_eq!(words(&why).contains("Unpaid"), tell, "{why}");
    }

    let key = app.key(json!({})).await;
    app.admin_ok("POST", &format!("/admin/v1/keys/{}/suspend", key.id), None).await;
    let (id, why) = explained(&app, &key, 403, "suspended").await;
    assert!(words(&why).ends_with("The key was suspended. Ask the retailer."), "{why}");

    // Once a second, its own alone, and nothing else.
    let place = format!("/v1/refusals/{id}");
    let fast = problem(app.get(&key.text, &place).await, 429, "key_slowed").await;
    assert_eq!(fast["violated-policies"], json!(["barred"]));
    app.clock.advance(1_000_000);
    problem(app.get(&key.text, "/v1/refusals").await, 403, "suspended").await;
    let other = app.key(json!({})).await;
    problem(app.get(&other.text, &place).await, 404, "not_found").await;
    app.admin_ok("POST", &format!("/admin/v1/keys/{}/revoke", key.id), None).await;
    problem(app.get(&key.text, &place).await, 401, "revoked_key").await;
}

#[tokio::test]
async fn what_is_stopped_is_named_and_its_reason_told_to_who_may_see_it() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    let support = json!({ "name": "desk", "roles": ["support"] });
    let support = app.admin_ok("POST", "/admin/v1/tokens", Some(support)).await;
    let support = support["text"].as_str().unwrap();
    let why = json!({ "reason": "Under review" });
    for (level, what) in [
        ("partner", "The partner"),
        ("app", "The key's app"),
        ("subscription", "The app's subscription to its plan"),
        ("key", "The key"),
    ] {
        let key = app.key(json!({})).await;
        let of_app = format!("/admin/v1/apps/{}/subscriptions", key.app_id);
        let of_app = app.admin_ok("GET", &of_app, None).await;
        let place = match level {
            "partner" => format!("partners/{}", key.partner_id),
            "app" => format!("apps/{}", key.app_id),
            "subscription" => {
                format!("subscriptions/{}", of_app["items"][0]["id"].as_str().unwrap())
            }
            _ => format!("keys/{}", key.id),
        };
        app.admin_ok("POST", &format!("/admin/v1/{place}/suspend"), Some(why.clone())).await;
        let document = problem(app.get(&key.text, "/v1/products").await, 403, "suspended").await;
        assert_eq!(document["detail"], format!("{what} is suspended: ask the retailer."));
        app.clock.advance(1_000_000);
        let (id, told) = explained(&app, &key, 403, "suspended").await;
        assert!(words(&told).contains(&format!("{what} was suspended.")), "{told}");
        assert_eq!((&told["reason"]["stopped"], &told["stop"]), (&json!(level), &Value::Null));
        let place = format!("/admin/v1/refusals/{id}");
        let seen = app.admin_ok("GET", &place, None).await;
        assert_eq!(seen["reason"]["stopped"], level);
        assert_eq!(seen["stop"]["reason"], "Under review");
        assert!(seen["stop"]["by"].as_str().unwrap().starts_with("adm_"), "{seen}");
        assert!(!seen["explanation"].as_str().unwrap().contains("retailer"), "{seen}");
        // Only who may read the audit log sees what it alone says.
        let seen = app.http.get(app.admin_url(&place)).bearer_auth(support).send().await.unwrap();
        let seen: Value = seen.json().await.unwrap();
        assert_eq!(seen["stop"].is_null(), level != "subscription", "{seen}");
    }
    // The widest of several is named.
    let key = app.key(json!({})).await;
    for place in [format!("keys/{}", key.id), format!("apps/{}", key.app_id)] {
        app.admin_ok("POST", &format!("/admin/v1/{place}/suspend"), None).await;
    }
    let (id, told) = explained(&app, &key, 403, "suspended").await;
    assert_eq!(told["reason"]["stopped"], "app");
    let seen = app.admin_ok("GET", &format!("/admin/v1/refusals/{id}"), None).await;
    assert_eq!(seen["stop"]["reason"], Value::Null);
    // A freeze comes before a suspension, and who lifts it later changes nothing of what was.
    let freeze = format!("/admin/v1/partners/{}/freeze", key.partner_id);
    app.admin_ok("POST", &freeze, Some(json!({ "reason": "A dispute", "tell_caller": false })))
        .await;
    app.clock.advance(1_000_000);
    let (id, told) = explained(&app, &key, 403, "frozen").await;
    assert!(words(&told).contains("The partner was frozen."), "{told}");
    let unfreeze = format!("/admin/v1/partners/{}/unfreeze", key.partner_id);
    app.admin_ok("POST", &unfreeze, Some(json!({ "reason": "Settled" }))).await;
    let seen =
        app.http.get(app.admin_url(&format!("/admin/v1/refusals/{id}"))).bearer_auth(support);
    let seen: Value = seen.send().await.unwrap().json().await.unwrap();
    assert_eq!(seen["stop"]["reason"], "A dispute", "{seen}");
}

/// Rotates a key; the new secret.
async fn rotated(app: &TestApp, key: &TestKey, how: Value) -> String {
    let place = format!("/admin/v1/keys/{}/rotate", key.id);
    app.admin_ok("POST", &place, Some(how)).await["text"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_secret_that_does_not_work_is_told_with_its_key_and_its_rule() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    let key = app.key(json!({})).await;
    let way = |end: &str| format!("/admin/v1/keys/{}/rotation/{end}", key.id);
    let (begins, mut found) = ("2026-11-22T13:00:00Z", Vec::new());
    let mut told = async |secret: &str, code: &str, (member, at): (&str, &str), said: &str| {
        let document = problem(app.get(secret, "/v1/products").await, 401, code).await;
        let id = document["refusal_id"].as_str().unwrap();
        let why = app.admin_ok("GET", &format!("/admin/v1/refusals/{id}"), None).await;
        assert_eq!(
            (&why["partner_id"], &why["app_id"], &why["key_id"]),
            (&json!(key.partner_id), &json!(key.app_id), &json!(key.id))
        );
        assert_eq!(why["reason"][member], at, "{why}");
        assert!(words(&why).contains(said) && words(&why).contains(at), "{why}");
        let refused = app.get(secret, &format!("/v1/refusals/{id}")).await;
        assert_eq!(refused.status(), 401, "what does not work opens nothing");
        found.push((id.to_owned(), code.to_owned()));
    };

    let taken_back = rotated(&app, &key, json!({ "overlap_s": 600 })).await;
    app.admin_ok("POST", &way("roll-back"), None).await;
    told(&taken_back, "expired_key", ("secret_until", NOON), "was taken back at").await;
    let early = rotated(&app, &key, json!({ "starts_at": begins, "overlap_s": 60 })).await;
    told(&early, "invalid_key", ("secret_from", begins), "works from").await;
    app.admin_ok("POST", &way("finish"), Some(json!({ "now": true }))).await;
    told(&key.text, "expired_key", ("secret_until", NOON), "overlap ended at").await;
    // It is in the history of the partner, who sees it with the secret that works.
    let rows = app.get(&early, "/v1/refusals").await;
    let rows: Value = rows.json().await.unwrap();
    let rows = rows["items"].as_array().unwrap();
    let count = |code: &str| {
        let of_code = rows.iter().filter(|row| row["code"] == code);
        let of_list = of_code.filter(|row| row["operation_id"] == "list_products");
        of_list.map(|row| row["count"].as_i64().unwrap()).sum::<i64>()
    };
    assert_eq!((count("expired_key"), count("invalid_key")), (2, 1), "{rows:?}");
    for (id, code) in found {
        let why = app.get(&early, &format!("/v1/refusals/{id}")).await;
        let why: Value = why.json().await.unwrap();
        assert_eq!((&why["code"], &why["key_id"]), (&json!(code), &json!(key.id)));
    }
}
