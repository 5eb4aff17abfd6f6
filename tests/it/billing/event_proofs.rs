//! That a closed period counts a call can be proved to who made it, and checked by anybody.

use super::late::brought;
use super::reconcile::force;
use super::{at, close_first, id, periods, priced, prices};
use crate::support::{PATIENCE, TestApp, TestKey, data, pause, problem};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use comptoir::billing::keys::Jwks;
use comptoir::billing::proof::EventProof;
use serde_json::{Value, json};
use std::time::Instant;

/// Makes a call; its event's id.
async fn called(app: &TestApp, key: &TestKey, path: &str) -> String {
    let answer = app.get(&key.text, path).await;
    let id = answer.headers()["usage-event-id"].to_str().unwrap().to_owned();
    answer.bytes().await.unwrap();
    id
}

async fn asked(app: &TestApp, key: &TestKey, event: &str) -> reqwest::Response {
    app.get(&key.text, &format!("/v1/usage/events/{event}/proof")).await
}

async fn proof(app: &TestApp, key: &TestKey, event: &str) -> Value {
    let answer = asked(app, key, event).await;
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert_eq!(status, 200, "{text}");
    serde_json::from_str(&text).unwrap()
}

/// What a refusal says.
async fn refused(app: &TestApp, key: &TestKey, event: &str, (status, code): (u16, &str)) -> String {
    let refused = problem(asked(app, key, event).await, status, code).await;
    refused["detail"].as_str().unwrap().to_owned()
}

/// What the signed root says.
fn signed(proof: &Value) -> Value {
    let payload = proof["root"].as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

/// The rows of an app's events, by its own list.
async fn rows(app: &TestApp, key: &TestKey) -> Vec<Value> {
    let (mut after, mut rows) = (0, Vec::new());
    loop {
        let path = format!("/v1/usage/events?after={after}");
        let page: Value = app.get(&key.text, &path).await.json().await.unwrap();
        rows.extend(page["items"].as_array().unwrap().clone());
        after = page["next"].as_i64().unwrap();
        if Some(after) >= page["stable_high_water"].as_i64() {
            return rows;
        }
    }
}

/// Waits until an event is in the ledger.
async fn until_folded(app: &TestApp, key: &TestKey, event: &str) {
    let until = Instant::now() + PATIENCE;
    while asked(app, key, event).await.status() == 404 {
        assert!(Instant::now() < until, "{event} is not folded");
        // What a look takes from the limits comes back.
        app.clock.advance(1_000_000);
        pause().await;
    }
}

/// Three days of two apps, closed: the ids of the one's calls, one of the other's, and the period.
struct Closed {
    app: TestApp,
    key: TestKey,
    other: TestKey,
    plan: String,
    ids: Vec<String>,
    others: String,
    period: String,
}

impl Closed {
    async fn new() -> Self {
        let app = TestApp::builder().fixed_clock("2024-10-29T10:00:00Z").start().await;
        let (plan, key) = priced(&app, prices()).await;
        let other = app.key_under(&plan, json!({})).await;
        let product = format!("/v1/products/{}", data::product_id(0));
        let (mut ids, mut others) = (Vec::new(), String::new());
        let mut folded = 0;
        for day in ["2024-10-29T10:00:00Z", "2024-10-30T11:00:00Z", "2024-10-31T22:50:00Z"] {
            at(&app, day);
            for path in [&product, "/v1/products/prd_00000000000", &product] {
                ids.push(called(&app, &key, path).await);
                others = called(&app, &other, &product).await;
            }
            folded += 6;
            app.wait_for_gauge("events_folded_total", folded).await;
        }
        let period = id(&periods(&app).await[0]);
        // What is asked for is a call itself: of November, by now.
        at(&app, "2024-11-01T01:00:00Z");
        let open = refused(&app, &key, &ids[0], (409, "conflict")).await;
        let told = format!("The period `{period}` of this event is open");
        assert!(open.contains(&told) && open.contains("from 2024-11-01T23:00:00Z on"), "{open}");
        assert_eq!(close_first(&app, "2024-11-02T00:00:00Z").await, period);
        Self { app, key, other, plan, ids, others, period }
    }

    /// The published keys, as anybody gets them.
    async fn keys(&self) -> String {
        let url = self.app.public_url("/.well-known/comptoir-usage-keys.json");
        self.app.http.get(url).send().await.unwrap().text().await.unwrap()
    }

    /// What the command says of a proof, with its exit code.
    async fn verified(&self, proof: &str, keys: &str) -> (i32, String) {
        let dir = &self.app.config.server.data_dir;
        let file = |name: &str, text: &str| {
            let path = dir.join(name);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let (proof, keys) = (file("proof.json", proof), file("keys.json", keys));
        let words = ["usage", "verify-proof", &proof, "--keys", &keys];
        let (code, out, err) = self.app.shell(&words).await;
        (code, out + &err)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_call_of_a_closed_period_is_proved_to_who_made_it() {
    let closed = Box::pin(Closed::new()).await;
    let Closed { app, key, period, .. } = &closed;
    let rows = rows(app, key).await;
    let path = format!("/admin/v1/billing/periods/{period}");
    let close = app.admin_ok("GET", &path, None).await["close"].clone();
    let (evidence, closed_at) = (&close["evidence"], &close["closed_at"]);
    let mut places = Vec::new();
    for event in &closed.ids {
        let proof = proof(app, key, event).await;
        let root = signed(&proof);
        assert_eq!((&root["merkle_root"], &root["events"]), (&evidence["root"], &json!(18)));
        assert_eq!((&root["period_id"], &root["days"]), (&json!(period), &json!(3)), "{root}");
        assert_eq!(&root["closed_at"], closed_at, "{root}");
        // What was sealed is what the row says, and names no other event.
        let row = rows.iter().find(|row| row["event_id"] == event.as_str()).unwrap();
        for (name, told) in proof["event"].as_object().unwrap() {
            assert_eq!(told, &row[name], "{name}");
        }
        assert_eq!((&proof["event_id"], &proof["events"]), (&json!(event), &json!(6)));
        let held: EventProof = serde_json::from_value(proof.clone()).unwrap();
        let keys: Jwks = serde_json::from_str(&closed.keys().await).unwrap();
        held.check(&keys).unwrap();
        let place = |name: &str| proof[name].as_u64().unwrap();
        places.push((place("day_index"), place("index")));
    }
    // The caller's calls are every other one of each day.
    let expected = (0..3).flat_map(|day| [0, 2, 4].map(|index| (day, index)));
    assert_eq!(places, expected.collect::<Vec<_>>());

    let one = proof(app, key, &closed.ids[4]).await;
    let (code, told) = closed.verified(&one.to_string(), &closed.keys().await).await;
    let first = format!("{} is in {period} (from 2024-09-30T22:00:00Z to ", closed.ids[4]);
    assert!(code == 0 && told.starts_with(&first), "{told}");
    assert!(told.contains("as 3 of 6 events of 2024-10-30:"), "{told}");
    assert!(told.contains("v1.client_error") && told.contains(&key.app_id), "{told}");
    // It is always the same, costs nothing, and takes ten units from the limits.
    app.clock.advance(60_000_000);
    let answer = asked(app, key, &closed.ids[4]).await;
    assert_eq!(answer.headers()["x-request-cost"], "0");
    assert!(answer.headers()["ratelimit"].to_str().unwrap().contains("r=990"), "{answer:?}");
    assert_eq!(answer.text().await.unwrap(), one_text(&closed).await);
}

/// The same proof once more, as it is answered.
async fn one_text(closed: &Closed) -> String {
    asked(&closed.app, &closed.key, &closed.ids[4]).await.text().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_changed_of_a_proof_is_refused_and_named() {
    let closed = Box::pin(Closed::new()).await;
    let whole = proof(&closed.app, &closed.key, &closed.ids[4]).await;
    let keys = closed.keys().await;
    let zeros = json!(["0".repeat(64)]);
    let sealed = whole["sealed"].as_str().unwrap();
    let (head, last) = sealed.split_at(191);
    let other = format!("{head}{}", if last == "0" { "1" } else { "0" });
    let upper = sealed.to_uppercase();
    let root = whole["root"].as_str().unwrap().replacen("eyJ", "eyK", 1);
    for (pointer, value, told) in [
        ("/format", json!("comptoir-event-proof/2"), "it is neither comptoir-usage-proof/1 nor"),
        ("/event_id", json!(closed.ids[3]), "its `event_id` is not what was sealed"),
        ("/event/status", json!(200), "its `event.status` is not what was sealed"),
        ("/event/billable", json!(true), "its `event.billable` is not what was sealed"),
        ("/event/key_id", json!("key_00000000001"), "its `event.key_id` is not what was sealed"),
        ("/event/weight_milli", json!(0), "its `event.weight_milli` is not what was sealed"),
        ("/sealed", json!(other), "the event is not in the close whose root is signed"),
        ("/sealed", json!(upper), "its `sealed` is not written in small hexadecimal digits"),
        ("/day", json!("2024-10-29"), "the event is not in the close whose root is signed"),
        ("/index", json!(3), "the event is not in the close whose root is signed"),
        ("/index", json!(6), "its `path` is not as long as the way"),
        ("/events", json!(5), "the event is not in the close whose root is signed"),
        ("/path", zeros.clone(), "its `path` is not as long as the way"),
        ("/path/0", zeros[0].clone(), "the event is not in the close whose root is signed"),
        ("/path/0", json!("x"), "its `path` is not written in small hexadecimal digits"),
        ("/day_index", json!(0), "the event is not in the close whose root is signed"),
        ("/days", json!(4), "its `days` is not that of the signed root"),
        ("/day_path/0", zeros[0].clone(), "the event is not in the close whose root is signed"),
        ("/root", json!(root), "its `root`: it is no signature of this kind"),
        ("/root", json!(""), "its `root`: it is no signature of this kind"),
    ] {
        let mut changed = whole.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        let (code, out) = closed.verified(&changed.to_string(), &keys).await;
        assert!(code == 1 && out.starts_with("BAD: ") && out.contains(told), "{pointer}: {out}");
    }
    let unsigned = whole["root"].as_str().unwrap().rsplit_once('.').unwrap().0;
    let mut forged = whole.clone();
    forged["root"] = json!(format!("{unsigned}.{}", "A".repeat(86)));
    let (code, out) = closed.verified(&forged.to_string(), &keys).await;
    assert!(code == 1 && out.contains("its `root`: the signature does not fit"), "{out}");
    let (code, out) = closed.verified(&whole.to_string(), r#"{"keys":[]}"#).await;
    assert!(code == 1 && out.contains("which is not in the file of keys"), "{out}");
    let (code, out) = closed.verified("no document", &keys).await;
    assert!(code == 1 && out.contains("it is no proof"), "{out}");
    assert_eq!(closed.verified(&whole.to_string(), "none").await.0, 2);

    // And so is every byte, of the answer as it came.
    let (text, keys) = (one_text(&closed).await, serde_json::from_str::<Jwks>(&keys).unwrap());
    for at in 0..text.len() {
        let mut bytes = text.clone().into_bytes();
        bytes[at] ^= 1;
        let held =
            serde_json::from_slice::<EventProof>(&bytes).is_ok_and(|it| it.check(&keys).is_ok());
        assert!(!held, "byte {at} of {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_close_counts_and_what_is_not_ones_own_has_no_proof() {
    let closed = Box::pin(Closed::new()).await;
    let Closed { app, key, other, plan, period, .. } = &closed;
    for (whose, event) in [(key, &closed.others), (other, &closed.ids[0])] {
        let none = refused(app, whose, event, (404, "not_found")).await;
        assert!(none.contains("of yours in the ledger"), "{none}");
    }
    let (run, _) = closed.ids[0].rsplit_once('.').unwrap();
    refused(app, key, &format!("{run}.999999"), (404, "not_found")).await;
    refused(app, key, "nonsense", (400, "invalid_parameter")).await;

    // What a node brings when the period is closed is paid for in the next.
    brought(app, key, (plan, 2), &["2024-10-31T22:55:00Z"]).await;
    let late = rows(app, key).await;
    let late = late.iter().find(|row| row["booked_period"] != row["occurred_period"]).unwrap();
    let told = refused(app, key, late["event_id"].as_str().unwrap(), (409, "conflict")).await;
    let next = late["booked_period"].as_str().unwrap();
    assert!(told.contains(&format!("after its period `{period}` was closed")), "{told}");
    assert!(told.contains(&format!("paid for in the period `{next}`")), "{told}");

    // Of a plan that asks nothing, any close that counts the call will do.
    let free = app.plan(json!([{ "name": "burst", "quota": 1_000, "window_s": 1 }])).await;
    let free = app.key_under(&free, json!({})).await;
    let event = called(app, &free, &format!("/v1/products/{}", data::product_id(0))).await;
    until_folded(app, &free, &event).await;
    let told = refused(app, &free, &event, (409, "conflict")).await;
    assert!(told.contains("no period that holds it was closed so far"), "{told}");
    let november = close_first(app, "2024-12-02T00:00:00Z").await;
    assert_eq!(signed(&proof(app, &free, &event).await)["period_id"], november);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_without_days_is_walked_through_and_one_without_evidence_proves_nothing() {
    let closed = Box::pin(Closed::new()).await;
    let Closed { app, key, ids, period, .. } = &closed;
    let before = proof(app, key, &ids[4]).await;
    let words = ["usage", "reconcile", "--period", period];
    assert_eq!(app.shell(&words).await.0, 0);
    let other = "UPDATE billing_close_days SET events = 7 WHERE day = '2024-10-30'";
    force(&app.db, ("billing_close_days", "update"), other).await;
    let (code, out, _) = app.shell(&words).await;
    let told = "of 2024-10-30 it keeps 7 events, root ";
    assert!(code == 1 && out.contains(told) && out.contains("has 6 events, root "), "{out}");
    force(&app.db, ("billing_close_days", "delete"), "DELETE FROM billing_close_days").await;
    assert_eq!(proof(app, key, &ids[4]).await, before);
    assert_eq!(app.shell(&words).await.0, 0);
    force(&app.db, ("billing_closes", "update"), "UPDATE billing_closes SET evidence = NULL").await;
    let told = refused(app, key, &ids[4], (409, "conflict")).await;
    assert!(told.contains("kept no tree of its events"), "{told}");
}
