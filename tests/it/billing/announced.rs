//! Subscriptions are told once that a period was closed, with the statements that are final.

use super::{LATE_OCTOBER, call, close_first, id, own, periods, priced, prices, statement};
use crate::hooks::receiver::Receiver;
use crate::hooks::subscribe;
use crate::support::schema::documented;
use crate::support::{TestApp, TestKey};
use serde_json::{Value, json};

pub(super) async fn shop(now: &str) -> TestApp {
    let builder = TestApp::builder().fixed_clock(now);
    let own = [
        ("HOOKS__ALLOW_HTTP", "true"),
        ("HOOKS__PRIVATE_TARGETS", "127.0.0.0/8"),
        ("HOOKS__POLL_MS", "20"),
    ];
    own.iter().fold(builder, |builder, (key, value)| builder.set(key, value)).start().await
}

async fn subscribed(app: &TestApp, key: &TestKey, receiver: &Receiver) -> Value {
    let body = json!({ "url": receiver.url, "events": ["usage.period_closed"] });
    subscribe(app, key, body).await
}

/// The message is that of a period, and tells what the statement and the close of the retailer do.
async fn tells(app: &TestApp, key: &TestKey, told: &Value, period: &str) {
    documented(told, "partner", "PeriodClosedMessageOut");
    let data = &told["data"];
    assert_eq!(
        (&told["type"], &data["period_id"]),
        (&json!("usage.period_closed"), &json!(period))
    );
    let [named]: [&Value; 1] =
        data["statements"].as_array().unwrap().iter().collect::<Vec<_>>().try_into().unwrap();
    let stated = statement(app, key, &id(named)).await;
    assert_eq!(stated["state"], "final");
    for same in ["id", "currency", "total", "digest"] {
        assert_eq!(named[same], stated[same], "{same}");
    }
    for same in ["period_id", "from", "to", "time_zone"] {
        assert_eq!(data[same], stated[same], "{same}");
    }
    let path = format!("/admin/v1/billing/periods/{period}");
    let close = app.admin_ok("GET", &path, None).await["close"].clone();
    assert_eq!(
        (&data["closed_at"], &told["timestamp"]),
        (&close["closed_at"], &close["closed_at"])
    );
    assert_eq!(data["close"]["hash"], close["hash"]);
    assert_eq!(data["close"]["root"], close["evidence"]["root"]);
    // How many calls the retailer had of all partners is none of theirs.
    assert!(!told.to_string().contains("events"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_close_is_told_once_to_the_apps_that_owe_something_in_it() {
    let mut app = shop(LATE_OCTOBER).await;
    let (plan, key) = priced(&app, prices()).await;
    let other = app.key_under(&plan, json!({})).await;
    let free = app.key(json!({})).await;
    let (mut receiver, mut elsewhere) = (Receiver::start().await, Receiver::start().await);
    let mut nobody = Receiver::start().await;
    let made = subscribed(&app, &key, &receiver).await;
    subscribed(&app, &other, &elsewhere).await;
    subscribed(&app, &free, &nobody).await;
    let deaf = json!({ "url": nobody.url, "events": ["usage.spend"] });
    subscribe(&app, &key, deaf).await;
    // Another node tells none of it a second time, and goes on where this one stops.
    let second = app.beside().await;
    call(&app, &key, 5).await;
    // Making a subscription is a call, too.
    app.wait_for_gauge("events_folded_total", 9).await;

    let october = close_first(&app, "2026-11-02T00:00:00Z").await;
    let message = receiver.next().await;
    assert!(message.is_signed_with(made["secret"].as_str().unwrap()));
    let told = message.body();
    tells(&app, &key, &told, &october).await;
    let owed = &told["data"]["statements"][0];
    assert_eq!(own(&app, &key).await[1]["total"], owed["total"]);
    let of_other = elsewhere.next().await.body();
    tells(&app, &other, &of_other, &october).await;
    assert_ne!(of_other["data"]["statements"][0]["id"], owed["id"]);

    app.stop().await;
    let november = close_first(&second, "2026-12-02T00:00:00Z").await;
    // The next that comes is that of the next close: October was told once.
    tells(&second, &key, &receiver.next().await.body(), &november).await;
    tells(&second, &other, &elsewhere.next().await.body(), &november).await;
    assert!(receiver.so_far().is_empty() && elsewhere.so_far().is_empty());
    assert!(nobody.so_far().is_empty());
    // Messages of it are free.
    let usage: Value = second.get(&key.text, "/v1/usage").await.json().await.unwrap();
    assert!(!usage.to_string().contains("deliver_message"), "{usage}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_period_that_the_shell_closes_while_no_node_runs_is_told_by_the_next() {
    // The shell has the time of this machine.
    let mut app = shop("2024-10-31T22:50:00Z").await;
    let (_, key) = priced(&app, prices()).await;
    let mut receiver = Receiver::start().await;
    subscribed(&app, &key, &receiver).await;
    call(&app, &key, 2).await;
    app.wait_for_gauge("events_folded_total", 3).await;
    let period = id(&periods(&app).await[0]);
    app.stop().await;
    let (code, _, said) = app.shell(&["usage", "close", &period]).await;
    assert_eq!(code, 0, "{said}");
    let next = app.beside().await;
    // What the node before has left of its leases ends.
    next.clock.advance(120_000_000);
    let told = receiver.next().await.body();
    tells(&next, &key, &told, &period).await;
}
