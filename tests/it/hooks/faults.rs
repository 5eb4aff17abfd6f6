//! Receivers that fail in every way there is.

use super::receiver::Manner;
use super::*;
use comptoir::kernel::Micros;

/// Subscribes to prices and returns the subscription.
async fn to_prices(app: &TestApp, key: &TestKey, url: &str) -> Value {
    subscribe(app, key, json!({ "url": url, "events": ["price.changed"] })).await
}

#[tokio::test]
async fn whatever_a_receiver_does_its_message_comes_until_it_is_taken() {
    let (app, key) =
        shop_with(&[("HOOKS__TIMEOUT_S", "1"), ("HOOKS__RETRY_S", "5, 6, 7, 8")]).await;
    let mut receiver = Receiver::start().await;
    let made = to_prices(&app, &key, &receiver.url).await;
    let mut ids = Vec::new();
    receiver.take(Manner::Silent);
    price(&app, 0, "3.00").await;
    for (attempts, next, error, status) in [
        (1, Manner::HangsUp, json!("timeout"), Value::Null),
        (2, Manner::Answers(500, String::new()), json!("broken_off"), Value::Null),
        (3, Manner::Endless, Value::Null, json!(500)),
    ] {
        ids.push(receiver.next().await.id);
        let listed = deliveries(&app, &key, &made, ("pending", attempts)).await;
        let one = &listed["items"][0];
        assert_eq!((&one["error"], &one["response_status"]), (&error, &status));
        receiver.take(next);
        app.clock.advance(10 * SECOND);
    }
    // The answer has begun with 200, which is all that counts; its body is not waited for.
    ids.push(receiver.next().await.id);
    let listed = deliveries(&app, &key, &made, ("delivered", 4)).await;
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    assert!(ids.iter().all(|id| *id == listed["items"][0]["id"]));
}

#[tokio::test]
async fn a_receiver_that_is_down_gets_all_when_it_is_up() {
    let (app, key) = shop().await;
    // An address of this machine at which nobody listens; no other test uses it.
    let address = "127.7.0.1:47113";
    let made = to_prices(&app, &key, &format!("http://{address}/")).await;
    price(&app, 0, "3.00").await;
    price(&app, 1, "6.00").await;
    let waiting = loop {
        let listed = deliveries(&app, &key, &made, ("pending", 1)).await["items"].clone();
        if listed.as_array().unwrap().len() == 2 {
            break listed;
        }
    };
    assert_eq!(waiting[0]["error"], "not_reached");
    let mut receiver = Receiver::start_at(address).await;
    app.clock.advance(6 * SECOND);
    let mut prices: Vec<Value> = Vec::new();
    for _ in 0..2 {
        prices.push(receiver.next().await.body()["data"]["resource"]["price"]["amount"].clone());
    }
    prices.sort_by_key(Value::to_string);
    assert_eq!(prices, ["3.00", "6.00"]);
    deliveries(&app, &key, &made, ("delivered", 2)).await;
}

#[tokio::test]
async fn a_schedule_ends_with_a_reason_and_its_own_times() {
    let (app, key) = shop_with(&[("HOOKS__RETRY_S", "60")]).await;
    let mut receiver = Receiver::start().await;
    let made = to_prices(&app, &key, &receiver.url).await;
    receiver.answer(500);
    price(&app, 0, "3.00").await;
    receiver.next().await;
    let waiting = deliveries(&app, &key, &made, ("pending", 1)).await["items"][0].clone();
    let next = waiting["next_attempt_at"].as_str().unwrap();
    let at = |text: &str| text.parse::<Micros>().unwrap();
    let due = at("2026-11-22T12:01:00Z")..at("2026-11-22T12:01:07Z");
    assert!(due.contains(&at(next)), "{next}");
    app.clock.advance(67 * SECOND);
    receiver.next().await;
    deliveries(&app, &key, &made, ("failed", 2)).await;
    let reason = disabled(&app, &key, &made).await;
    assert_eq!(reason, "receiver_failing");
}

#[tokio::test]
async fn a_message_that_is_sent_again_and_never_taken_ends_the_subscription() {
    let (app, key) = shop_with(&[("HOOKS__RETRY_S", "60")]).await;
    let mut receiver = Receiver::start().await;
    let made = to_prices(&app, &key, &receiver.url).await;
    for amount in ["3.00", "4.00"] {
        price(&app, 0, amount).await;
        receiver.next().await;
        app.clock.advance(3_600 * SECOND);
    }
    let listed = deliveries(&app, &key, &made, ("delivered", 1)).await;
    let replay = async |nth: usize| {
        let again = json!({ "delivery_ids": [listed["items"][nth]["id"]] });
        let answer = ask(&app, &key, "POST", &path(&made, "/replay"), Some(again)).await;
        assert_eq!(answer.status(), 200);
    };
    replay(1).await;
    receiver.next().await;
    // The clock goes on when that attempt is recorded.
    recorded(&app, &key, &made, (1, "delivered")).await;
    app.clock.advance(3_600 * SECOND);
    receiver.answer(500);
    replay(0).await;
    receiver.next().await;
    deliveries(&app, &key, &made, ("pending", 1)).await;
    app.clock.advance(67 * SECOND);
    receiver.next().await;
    // That another was taken after this one was first written speaks for a receiver of then.
    deliveries(&app, &key, &made, ("failed", 2)).await;
    assert_eq!(disabled(&app, &key, &made).await, "receiver_failing");
}

/// Waits until the message at a place of the list, the newest first, stands so after an attempt.
async fn recorded(app: &TestApp, key: &TestKey, made: &Value, (at, status): (usize, &str)) {
    let deadline = std::time::Instant::now() + crate::support::PATIENCE;
    loop {
        let answer = app.get(&key.text, &path(made, "/deliveries")).await;
        let listed: Value = answer.json().await.unwrap();
        let one = &listed["items"][at];
        if one["status"] == status && one["attempts"] != 0 {
            return;
        }
        assert!(std::time::Instant::now() < deadline, "{listed}");
        crate::support::pause().await;
    }
}

/// Why a subscription was disabled, once it is.
async fn disabled(app: &TestApp, key: &TestKey, subscription: &Value) -> Value {
    let deadline = std::time::Instant::now() + crate::support::PATIENCE;
    loop {
        let seen: Value = app.get(&key.text, &path(subscription, "")).await.json().await.unwrap();
        if seen["status"] == "disabled" {
            return seen["status_reason"].clone();
        }
        assert!(std::time::Instant::now() < deadline, "{seen}");
        crate::support::pause().await;
    }
}

#[tokio::test]
async fn a_receiver_may_say_when_it_wants_to_be_asked_again() {
    let (app, key) = shop_with(&[("HOOKS__RETRY_S", "5, 5, 5, 3600")]).await;
    let mut receiver = Receiver::start().await;
    let made = to_prices(&app, &key, &receiver.url).await;
    for (attempts, wanted, next) in [
        (1, "120", "2026-11-22T12:02:00Z"),
        (2, "Sun, 22 Nov 2026 12:30:00 GMT", "2026-11-22T12:30:00Z"),
        // In a year: that is after the schedule's end, which is 3,615 seconds and a tenth from its begin.
        (3, "31536000", "2026-11-22T13:06:16.500000Z"),
    ] {
        receiver.take(Manner::Answers(503, format!("retry-after: {wanted}\r\n")));
        if attempts == 1 {
            price(&app, 0, "3.00").await;
        }
        receiver.next().await;
        let one = deliveries(&app, &key, &made, ("pending", attempts)).await["items"][0].clone();
        let told: Micros = one["next_attempt_at"].as_str().unwrap().parse().unwrap();
        assert_eq!(told, next.parse().unwrap(), "{wanted}: {one}");
        app.clock.advance(told.0 - app.clock.now().0);
    }
}

#[tokio::test]
async fn a_name_that_leads_inside_is_found_out_at_the_call_and_no_redirect_is_followed() {
    // http is allowed and this machine is not, so that only the address can be the reason.
    let (app, key) = shop_with(&[("HOOKS__PRIVATE_TARGETS", "10.9.9.9/32")]).await;
    let mut inside = Receiver::start().await;
    let url = format!("http://localhost:{}/", inside.port);
    let made = to_prices(&app, &key, &url).await;
    price(&app, 0, "3.00").await;
    let one = deliveries(&app, &key, &made, ("pending", 1)).await["items"][0].clone();
    assert_eq!(one["error"], "forbidden_address");
    assert!(inside.so_far().is_empty());

    let (app, key) = shop().await;
    let mut outside = Receiver::start().await;
    let made = to_prices(&app, &key, &outside.url).await;
    for (attempts, status) in (1..).zip([301, 302, 303, 307, 308]) {
        outside.take(Manner::Answers(status, format!("location: {}\r\n", inside.url)));
        if attempts == 1 {
            price(&app, 0, "3.00").await;
        }
        outside.next().await;
        let one = deliveries(&app, &key, &made, ("pending", attempts)).await["items"][0].clone();
        assert_eq!(one["response_status"], status);
        app.clock.advance(3_600 * SECOND);
    }
    assert!(inside.so_far().is_empty(), "a redirect was followed");
}
