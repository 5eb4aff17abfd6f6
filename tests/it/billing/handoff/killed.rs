//! A process that is killed between sending a total and noting that it was taken.

use super::fake::{Fake, Fault, Kind, METER, SECRET};
use crate::support::data;
use crate::support::process::{Home, Server, Wire, wait_until};
use comptoir::kernel::Clock;
use serde_json::{Value, json};

async fn admin(
    server: &Server,
    token: &str,
    (method, path): (&str, &str),
    body: Option<Value>,
) -> Value {
    let url = format!("http://{}/admin/v1{path}", server.admin);
    let request = reqwest::Client::new().request(method.parse().unwrap(), url).bearer_auth(token);
    let request = if let Some(body) = body { request.json(&body) } else { request };
    let answer = request.send().await.unwrap();
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert!(status.is_success(), "{path}: {text}");
    serde_json::from_str(&text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_sender_tells_a_total_again_and_it_counts_once() {
    for kind in [Kind::Stripe, Kind::Lago] {
        let fake = Fake::start(kind, Clock::System).await;
        let (sink, meters) = match kind {
            Kind::Stripe => ("stripe", "METERS"),
            Kind::Lago => ("lago", "METRICS"),
        };
        let named = |what: &str| format!("HANDOFF__{}__{what}", sink.to_uppercase());
        let (url, secret, meters) = (named("URL"), named("SECRET"), named(meters));
        let meter = format!("calls={METER}");
        let settings = [
            ("HOOKS__ALLOW_HTTP", "true"),
            ("HOOKS__PRIVATE_TARGETS", "127.0.0.0/8"),
            ("HOOKS__TIMEOUT_S", "60"),
            ("HANDOFF__POLL_MS", "10"),
            ("HANDOFF__EVERY_S", "60"),
            (&url, &fake.url),
            (&secret, SECRET),
            (&meters, &meter),
        ];
        let home = Home::new(&settings, &[data::product(0)]).await;
        let (token, key) = (home.admin_token(), home.key());
        let server = home.serve();
        let plans = admin(&server, &token, ("GET", "/plans"), None).await;
        let plan = format!("/plans/{}", plans["items"][0]["id"].as_str().unwrap());
        let prices = json!({ "currency": "EUR", "charges": [{
            "name": "calls", "meter": "requests", "model": "per_unit", "unit_price": "0.01" }] });
        let edit = json!({ "prices": prices, "prices_from": "now" });
        admin(&server, &token, ("PATCH", &plan), Some(edit)).await;
        let apps = admin(&server, &token, ("GET", "/apps"), None).await;
        let app = apps["items"][0]["id"].as_str().unwrap();
        let mut wire = Wire::connect(server.public).unwrap();
        for _ in 0..3 {
            let reply = wire.get(&key, &format!("/v1/products/{}", data::product_id(0))).unwrap();
            assert_eq!(reply.status, 200);
        }
        wait_until("the calls are folded", || {
            server.operator("/metrics").1.contains("events_folded_total 3")
        });
        fake.fail([Fault::Silent]);
        home.run(&["handoff", "name", app, sink, "cus_A1"]);
        wait_until("a total arrives", || fake.requests() == 1);
        server.kill();
        assert!(home.run(&["handoff", "list"]).contains("\tpending\t"));
        let _again = home.serve();
        wait_until("it is taken", || {
            home.run(&["handoff", "list", "--sink", sink]).contains("\ttaken\t")
        });
        let values = fake.values("cus_A1");
        assert_eq!((values.len(), &*values[0].value, fake.requests()), (1, "3", 2));
        assert!(home.run(&["handoff", "customers", sink]).contains("cus_A1"));
    }
}
