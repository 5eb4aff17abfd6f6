//! Alerts as webhooks: to subscriptions of the app, and to the retailer's own receiver.

use super::{alerts, call, month, product, shop};
use crate::hooks::receiver::Receiver;
use crate::support::schema::documented;
use crate::support::{TestApp, TestKey};
use serde_json::{Value, json};
use std::time::Instant;

const HERE: [(&str, &str); 3] = [
    ("HOOKS__ALLOW_HTTP", "true"),
    ("HOOKS__PRIVATE_TARGETS", "127.0.0.0/8"),
    ("HOOKS__POLL_MS", "20"),
];

async fn subscribe(app: &TestApp, key: &TestKey, body: Value) -> Value {
    let request = app.http.post(app.public_url("/v1/subscriptions")).bearer_auth(&key.text);
    let answer = request.json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    answer.json().await.unwrap()
}

#[tokio::test]
async fn subscriptions_of_the_app_get_its_alerts_signed_and_free() {
    let app = shop(&HERE).await;
    let plan = month(&app, 10).await;
    // Without any scope: what tells of its own usage needs none.
    let key =
        app.key_under(&plan, json!({ "scopes": ["catalog:read", "subscriptions:write"] })).await;
    let other = app.key_under(&plan, json!({})).await;
    let mut receiver = Receiver::start().await;
    let mut elsewhere = Receiver::start().await;
    let made =
        subscribe(&app, &key, json!({ "url": receiver.url, "events": ["usage.threshold"] })).await;
    subscribe(&app, &key, json!({ "url": elsewhere.url, "events": ["usage.anomaly"] })).await;
    subscribe(&app, &other, json!({ "url": elsewhere.url, "events": ["usage.threshold"] })).await;
    // Making a subscription is billed, too: one unit each.
    call(&app, &key, 3).await;
    let message = receiver.next().await;
    assert!(message.is_signed_with(made["secret"].as_str().unwrap()));
    let told = message.body();
    documented(&told, "partner", "AlertMessageOut");
    assert_eq!(
        (&told["type"], &told["data"]["quota"]["percent"]),
        (&json!("usage.threshold"), &json!(50))
    );
    let listed = alerts(&app, &format!("?app_id={}", key.app_id), 1).await;
    assert_eq!((&told["data"]["id"], &listed[0]["post"]), (&listed[0]["id"], &Value::Null));
    // The next two come together, in their order.
    call(&app, &key, 5).await;
    let mut percents = vec![
        receiver.next().await.body()["data"]["quota"]["percent"].as_u64().unwrap(),
        receiver.next().await.body()["data"]["quota"]["percent"].as_u64().unwrap(),
    ];
    percents.sort_unstable();
    assert_eq!(percents, [80, 100]);
    let path = format!("/v1/subscriptions/{}/deliveries", made["id"].as_str().unwrap());
    // The quota is used up, so it is asked for by a test key.
    let test = json!({ "app_id": key.app_id, "name": "looks", "environment": "test" });
    let test = app.admin_ok("POST", "/admin/v1/keys", Some(test)).await;
    let looks = test["text"].as_str().unwrap();
    let until = Instant::now() + crate::support::PATIENCE;
    let page = loop {
        let page: Value = app.get(&other.text, "/v1/usage").await.json().await.unwrap();
        assert!(!page.to_string().contains("deliver_message"), "{page}");
        let page = deliveries(&app, looks, &path).await;
        if page["items"].as_array().unwrap().iter().all(|one| one["status"] == "delivered") {
            break page;
        }
        assert!(Instant::now() < until, "{page}");
    };
    let events: Vec<&Value> =
        page["items"].as_array().unwrap().iter().map(|it| &it["event"]).collect();
    assert_eq!(events, [&json!("usage.threshold"); 3]);
    assert_eq!(elsewhere.waiting(), 0);
    assert!(elsewhere.so_far().is_empty());
}

/// The log of deliveries, page by page.
async fn deliveries(app: &TestApp, key: &str, path: &str) -> Value {
    let mut items = Vec::new();
    let mut next = Some(format!("{path}?limit=2"));
    while let Some(path) = next {
        let page: Value = app.get(key, &path).await.json().await.unwrap();
        items.extend(page["items"].as_array().unwrap_or_else(|| panic!("{page}")).clone());
        next = page["next"].as_str().map(str::to_owned);
    }
    json!({ "items": items })
}

#[tokio::test]
async fn the_retailers_own_receiver_gets_all_and_again_what_it_missed() {
    let mut receiver = Receiver::start().await;
    receiver.answer(500);
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=";
    let own = [("ALERTS__WEBHOOK_URL", receiver.url.as_str()), ("ALERTS__WEBHOOK_SECRET", secret)];
    let app = shop(&[&HERE[..], &own].concat()).await;
    let plan = month(&app, 2).await;
    let (one, other) =
        (app.key_under(&plan, json!({})).await, app.key_under(&plan, json!({})).await);
    call(&app, &one, 1).await;
    let missed = receiver.next().await;
    let post = async |status: &str, attempts: u64| {
        let until = Instant::now() + crate::support::PATIENCE;
        loop {
            let told = alerts(&app, &format!("?app_id={}", one.app_id), 1).await.remove(0);
            let post = told["post"].clone();
            if post["status"] == status && post["attempts"] == attempts {
                return post;
            }
            assert!(Instant::now() < until, "{post}");
            crate::support::pause().await;
        }
    };
    let waits = post("pending", 1).await;
    assert_eq!(waits["response_status"], 500);
    receiver.answer(204);
    app.clock.advance(6_000_000);
    let again = receiver.next().await;
    assert!(again.is_signed_with(secret) && missed.is_signed_with(secret));
    assert_eq!((&again.id, &again.text), (&missed.id, &missed.text));
    assert_eq!(post("delivered", 2).await["next_attempt_at"], Value::Null);
    call(&app, &other, 1).await;
    assert_eq!(receiver.next().await.body()["data"]["app_id"], json!(other.app_id));
    let answer = app.get(&other.text, &product()).await;
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn a_receiver_in_a_network_that_is_not_public_is_refused_at_the_start() {
    use comptoir::app::Comptoir;
    use comptoir::config::Config;
    use comptoir::kernel::Clock;
    let dir = tempfile::tempdir().unwrap();
    let (mut settings, _scratch) = crate::support::settings(dir.path()).await;
    let mut set =
        |key: &str, value: &str| settings.insert(format!("COMPTOIR__{key}"), value.to_owned());
    set("ALERTS__WEBHOOK_URL", "https://10.0.0.7/alerts");
    set("ALERTS__WEBHOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=");
    let config = Config::load(None, &settings).unwrap();
    let error = format!("{:#}", Comptoir::open(config, Clock::System).await.unwrap_err());
    assert!(
        error.contains("alerts.webhook_url") && error.contains("hooks.private_targets"),
        "{error}"
    );
    let mut set =
        |key: &str, value: &str| settings.insert(format!("COMPTOIR__{key}"), value.to_owned());
    set("ALERTS__WEBHOOK_SECRET", "");
    let problems = Config::load(None, &settings).unwrap_err().to_string();
    assert!(
        problems.contains("ALERTS__WEBHOOK_SECRET") && problems.contains("openssl rand"),
        "{problems}"
    );
}
