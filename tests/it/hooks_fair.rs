//! Webhooks of many apps beside each other, and what is told when rights go.

use crate::support::{NOON, TestApp, TestKey, data, problem};
use actix_web::{App, HttpResponse, HttpServer, web};
use comptoir::feeds::Feed;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};

/// A receiver that answers when it is let.
struct Receiver {
    url: String,
    arrived: mpsc::UnboundedReceiver<Value>,
    answers: Arc<Semaphore>,
    /// Whether its answers are failures.
    fails: Arc<AtomicBool>,
}

type Inbox = (mpsc::UnboundedSender<Value>, Arc<Semaphore>, Arc<AtomicBool>);

async fn take(text: String, inbox: web::Data<Inbox>) -> HttpResponse {
    let _ = inbox.0.send(serde_json::from_str(&text).unwrap());
    inbox.1.acquire().await.unwrap().forget();
    if inbox.2.load(Ordering::SeqCst) {
        return HttpResponse::InternalServerError().finish();
    }
    HttpResponse::NoContent().finish()
}

impl Receiver {
    /// One that answers so many messages.
    fn start(answers: usize) -> Self {
        let (sender, arrived) = mpsc::unbounded_channel();
        let answers = Arc::new(Semaphore::new(answers));
        let fails = Arc::new(AtomicBool::new(false));
        let inbox = web::Data::new((sender, Arc::clone(&answers), Arc::clone(&fails)));
        let server = HttpServer::new(move || {
            App::new().app_data(inbox.clone()).default_service(web::to(take))
        });
        let server = server.workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook", server.addrs()[0]);
        tokio::spawn(server.run());
        Self { url, arrived, answers, fails }
    }

    /// The price that the next message tells.
    async fn price(&mut self) -> String {
        let message = tokio::time::timeout(Duration::from_secs(12), self.arrived.recv()).await;
        let message = message.expect("a message in time").expect("a receiver");
        message["data"]["resource"]["price"]["amount"].as_str().unwrap().to_owned()
    }
}

async fn shop(settings: &[(&str, &str)]) -> TestApp {
    let app = TestApp::builder()
        .fixed_clock(NOON)
        .set("HOOKS__ALLOW_HTTP", "true")
        .set("HOOKS__PRIVATE_TARGETS", "127.0.0.0/8")
        .set("HOOKS__POLL_MS", "20");
    let app = settings.iter().fold(app, |app, (key, value)| app.set(key, value)).start().await;
    app.stock_shelves(30, 1).await;
    let offers: Vec<Value> = (0..20).map(|n| data::offer(n, 0, "1.00")).collect();
    app.import(Feed::Offers, &offers).await;
    app.caught_up().await;
    app
}

async fn post(app: &TestApp, key: &TestKey, path: &str, body: &Value) -> reqwest::Response {
    let request = app.http.post(app.public_url(path)).bearer_auth(&key.text);
    request.json(body).send().await.unwrap()
}

async fn subscribe(app: &TestApp, key: &TestKey, url: &str) -> Value {
    let body = json!({ "url": url, "events": ["price.changed"] });
    let answer = post(app, key, "/v1/subscriptions", &body).await;
    assert_eq!(answer.status(), 201);
    answer.json().await.unwrap()
}

/// Gives products these prices.
async fn prices(app: &TestApp, prices: &[(u32, &str)]) {
    let offer = |(product, price): &(u32, &str)| {
        let mut offer = data::offer(*product, 0, price);
        offer["as_of"] = json!(app.clock.now().to_string());
        offer
    };
    let offers: Vec<Value> = prices.iter().map(offer).collect();
    assert_eq!(app.import(Feed::Offers, &offers).await.rejected, 0);
}

#[tokio::test]
async fn the_silent_receivers_of_an_app_hold_up_no_other_app() {
    let app = shop(&[("HOOKS__PER_APP", "20")]).await;
    let (slow_key, key) = (app.key(json!({})).await, app.key(json!({})).await);
    let (mut slow, mut quick) = (Receiver::start(0), Receiver::start(100));
    for _ in 0..20 {
        subscribe(&app, &slow_key, &slow.url).await;
    }
    let many: Vec<(u32, &str)> = (0..8).map(|n| (n, "2.00")).collect();
    prices(&app, &many).await;
    for _ in 0..8 {
        slow.price().await;
    }
    subscribe(&app, &key, &quick.url).await;
    prices(&app, &[(9, "3.00")]).await;
    assert_eq!(quick.price().await, "3.00");
}

#[tokio::test]
async fn what_is_not_for_a_subscription_does_not_keep_it_waiting() {
    let app = shop(&[("HOOKS__POLL_MS", "5000")]).await;
    let (key, mut receiver) = (app.key(json!({})).await, Receiver::start(100));
    let body = json!({
        "url": receiver.url, "events": ["price.changed"],
        "filter": { "product_ids": [data::product_id(9)] },
    });
    assert_eq!(post(&app, &key, "/v1/subscriptions", &body).await.status(), 201);
    // Thousands of entries about another product come first.
    let second =
        |n: u32| format!("2026-11-22T{:02}:{:02}:{:02}Z", 13 + n / 3_600, n / 60 % 60, n % 60);
    let many = (0..5_000).map(|n| {
        let mut offer = data::offer(1, 0, if n % 2 == 0 { "2.00" } else { "3.00" });
        offer["as_of"] = json!(second(n));
        offer
    });
    let many: Vec<Value> = many.collect();
    assert_eq!(app.import(Feed::Offers, &many).await.accepted, 5_000);
    prices(&app, &[(9, "4.00")]).await;
    assert_eq!(receiver.price().await, "4.00");
}

#[tokio::test]
async fn a_receiver_that_fails_gets_one_message_at_a_time_until_it_takes_one() {
    let app = shop(&[]).await;
    let (key, other) = (app.key(json!({})).await, app.key(json!({})).await);
    // It fails the messages of the first round, and then says nothing.
    let (mut failing, mut quick) = (Receiver::start(8), Receiver::start(100));
    failing.fails.store(true, Ordering::SeqCst);
    subscribe(&app, &key, &failing.url).await;
    let many: Vec<(u32, &str)> = (0..19).map(|n| (n, "2.00")).collect();
    prices(&app, &many).await;
    for _ in 0..9 {
        failing.price().await;
    }
    // While the ninth is under way, there is time for messages to others and none for it.
    subscribe(&app, &other, &quick.url).await;
    prices(&app, &[(19, "3.00")]).await;
    assert_eq!(quick.price().await, "3.00");
    assert!(failing.arrived.try_recv().is_err());
    // It takes the round that is under way, so it gets several at a time from the next on.
    failing.fails.store(false, Ordering::SeqCst);
    failing.answers.add_permits(8);
    for _ in 0..7 + 4 {
        failing.price().await;
    }
}

#[tokio::test]
async fn a_sender_under_way_tells_nothing_once_the_keys_are_gone() {
    let app = shop(&[]).await;
    let key = app.key(json!({})).await;
    let mut receiver = Receiver::start(0);
    subscribe(&app, &key, &receiver.url).await;
    let many: Vec<(u32, &str)> = (0..20).map(|n| (n, "2.00")).collect();
    prices(&app, &many).await;
    for _ in 0..4 {
        receiver.price().await;
    }
    let place = format!("/admin/v1/keys/{}", key.id);
    app.admin_ok("POST", &format!("{place}/suspend"), None).await;
    problem(app.get(&key.text, "/v1/products?limit=1").await, 403, "suspended").await;
    receiver.answers.add_permits(100);
    app.wait_for_gauge("hooks_delivered_total", 4).await;
    assert!(receiver.arrived.try_recv().is_err());
    // Nothing is lost: it comes when it may be told again.
    app.admin_ok("POST", &format!("{place}/resume"), None).await;
    for _ in 0..16 {
        assert_eq!(receiver.price().await, "2.00");
    }
}

#[tokio::test]
async fn what_is_told_again_says_what_is_now() {
    let app = shop(&[]).await;
    let key = app.key(json!({})).await;
    let mut receiver = Receiver::start(100);
    let made = subscribe(&app, &key, &receiver.url).await;
    prices(&app, &[(0, "2.00")]).await;
    assert_eq!(receiver.price().await, "2.00");
    app.clock.advance(1_000_000);
    prices(&app, &[(0, "3.00")]).await;
    assert_eq!(receiver.price().await, "3.00");
    let path = format!("/v1/subscriptions/{}/replay", made["id"].as_str().unwrap());
    let answer = post(&app, &key, &path, &json!({ "after": made["position"] })).await;
    assert_eq!(answer.status(), 200);
    assert_eq!((receiver.price().await, receiver.price().await), ("3.00".into(), "3.00".into()));
}

#[tokio::test]
async fn calls_at_once_make_no_more_subscriptions_than_there_may_be() {
    let app = shop(&[("HOOKS__PER_APP", "3")]).await;
    let key = app.key(json!({})).await;
    let body = json!({ "url": "http://127.0.0.1:1/", "events": ["price.changed"] });
    let calls = (0..12).map(|_| post(&app, &key, "/v1/subscriptions", &body));
    let answers = futures_util::future::join_all(calls).await;
    let made = answers.iter().filter(|answer| answer.status() == 201).count();
    let refused = answers.iter().filter(|answer| answer.status() == 409).count();
    assert_eq!((made, refused), (3, 9));
}
