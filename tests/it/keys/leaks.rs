//! Keys that were found where everybody can read them.

mod told;

use super::{place, status};
use crate::support::{NOON, TestApp, problem};
use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Who scans public places, with the list of its keys.
struct Scanner {
    key: EcdsaKeyPair,
    dir: TempDir,
}

impl Scanner {
    fn new() -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let scanner = Self { key, dir: tempfile::tempdir().unwrap() };
        std::fs::write(scanner.list(), scanner.public("k1").to_string()).unwrap();
        scanner
    }

    fn list(&self) -> std::path::PathBuf {
        self.dir.path().join("keys.json")
    }

    /// The list of keys as GitHub gives its own out.
    fn public(&self, name: &str) -> Value {
        let der: PublicKeyX509Der<'_> = self.key.public_key().as_der().unwrap();
        let body = STANDARD.encode(der.as_ref());
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n");
        json!({ "public_keys": [{ "key_identifier": name, "key": pem, "is_current": true }] })
    }

    fn sign(&self, body: &str) -> String {
        STANDARD.encode(self.key.sign(&SystemRandom::new(), body.as_bytes()).unwrap())
    }
}

async fn shop(scanner: &Scanner, action: &str) -> TestApp {
    let app = TestApp::builder()
        .fixed_clock(NOON)
        .set("LEAKS__ACTION", action)
        // What is reported is in force before it is polled for.
        .set("ACCESS__CONTROL_POLL_MS", "60000")
        .set("ACCESS__STALE_AFTER_S", "600")
        .set("LEAKS__KEYS_FILE", &scanner.list().display().to_string())
        .start()
        .await;
    app.stock_shelves(2, 1).await;
    app
}

async fn send(app: &TestApp, body: &str, name: &str, signature: &str) -> reqwest::Response {
    let request = app.http.post(app.public_url("/v1/leaked-keys"));
    let request = request.header("Content-Type", "application/json");
    let request = request.header("Github-Public-Key-Identifier", name);
    let request = request.header("Github-Public-Key-Signature", signature);
    request.body(body.to_owned()).send().await.unwrap()
}

fn report(texts: &[&str]) -> String {
    let found = |text: &&str| {
        let url = format!("https://example.com/blob/1/config.ini?key={text}");
        json!({ "token": text, "type": "comptoir_api_key", "url": url, "source": "content" })
    };
    Value::Array(texts.iter().map(found).collect()).to_string()
}

async fn labels(answer: reqwest::Response) -> Vec<String> {
    assert_eq!(answer.status(), 200);
    let labels: Vec<Value> = answer.json().await.unwrap();
    labels.iter().map(|label| label["label"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_key_that_was_found_is_quarantined_once_for_each_place() {
    let scanner = Scanner::new();
    let app = shop(&scanner, "quarantine").await;
    let (key, spared) = (app.key(json!({})).await, app.key(json!({})).await);
    let other = if key.text.ends_with('x') { 'y' } else { 'x' };
    let damaged = format!("{}{other}", &key.text[..key.text.len() - 1]);
    let body = report(&[&key.text, "cpt_live_nonsense", &damaged, "something else"]);
    let signature = scanner.sign(&body);
    let answer = send(&app, &body, "k1", &signature).await;
    let text = answer.text().await.unwrap();
    assert!(!text.contains(&key.text[21..]), "no secret is sent back");
    let told: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(told[0]["label"], "true_positive");
    let false_ones = told.as_array().unwrap()[1..].iter();
    assert!(false_ones.clone().all(|label| label["label"] == "false_positive"), "{told}");

    let state = app.admin_ok("GET", &place(&key), None).await;
    assert_eq!(state["status"], "quarantined");
    let leaks = app.admin_ok("GET", &format!("{}/leaks", place(&key)), None).await;
    assert_eq!(leaks["items"][0]["url"], "https://example.com/blob/1/config.ini?key=…");
    assert_eq!(
        (&leaks["items"][0]["source"], &leaks["items"][0]["hint"]),
        (&json!("content"), &json!(key.text[key.text.len() - 4..]))
    );
    let audit = app.admin_ok("GET", "/admin/v1/audit", None).await.to_string();
    assert!(audit.contains("leak_report") && !audit.contains(&key.text[21..]), "{audit}");
    let listed = app.admin_ok("GET", "/admin/v1/keys?attention=leaked", None).await;
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    let call = app.http.post(app.public_url("/v1/products/lookup")).bearer_auth(&key.text);
    let call = call.json(&json!({})).send().await.unwrap();
    problem(call, 403, "quarantined").await;
    assert_eq!(status(&app, &spared.text).await, 200);

    // What names the place is of no use to who tries guesses at the secret.
    let id: String = comptoir::on_db!(&app.db, c => {
        sqlx::query_scalar("SELECT id FROM key_leaks").fetch_one(c).await
    })
    .unwrap();
    let url = format!("https://example.com/blob/1/config.ini?key={}", key.text);
    let guess = format!("{}\n{}\n{url}", key.id, key.text);
    assert_ne!(id, blake3::hash(guess.as_bytes()).to_string());

    // A report that is sent again undoes no decision; one of another place does.
    app.admin_ok("POST", &format!("{}/resume", place(&key)), None).await;
    assert_eq!(labels(send(&app, &body, "k1", &signature).await).await[0], "true_positive");
    assert_eq!(app.admin_ok("GET", &place(&key), None).await["status"], "active");
    let elsewhere = body.replace("config.ini", "other.ini");
    send(&app, &elsewhere, "k1", &scanner.sign(&elsewhere)).await;
    assert_eq!(app.admin_ok("GET", &place(&key), None).await["status"], "quarantined");
    // A key that is suspended is not let loose into quarantine.
    app.admin_ok("POST", &format!("{}/suspend", place(&key)), None).await;
    let third = body.replace("config.ini", "third.ini");
    send(&app, &third, "k1", &scanner.sign(&third)).await;
    assert_eq!(app.admin_ok("GET", &place(&key), None).await["status"], "suspended");
    let metrics = app.admin_text("/metrics").await;
    assert!(metrics.contains("comptoir_keys_leaked_total 3"), "{metrics}");
    assert!(metrics.contains("comptoir_leak_reports_total 4"), "{metrics}");
}

#[tokio::test]
async fn a_report_that_is_not_signed_does_nothing_and_learns_nothing() {
    let scanner = Scanner::new();
    let app = shop(&scanner, "revoke").await;
    let key = app.key(json!({})).await;
    let body = report(&[&key.text]);
    let good = scanner.sign(&body);
    let changed = body.replace("content", "commit");
    let stranger = Scanner::new().sign(&body);
    let mut answers = Vec::new();
    for (body, name, signature) in [
        (body.as_str(), "k1", stranger.as_str()),
        (&changed, "k1", &good),
        (&body, "k2", &good),
        (&body, "", ""),
        (&body, "k1", "no base64!"),
        (&report(&["nothing"]), "k1", &stranger),
        ("no json", "k1", &good),
    ] {
        let mut told =
            problem(send(&app, body, name, signature).await, 403, "unsigned_report").await;
        told["request_id"] = Value::Null;
        answers.push(told);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "one answer for all: {answers:?}");
    assert_eq!(
        (
            status(&app, &key.text).await,
            app.admin_ok("GET", &place(&key), None).await["status"].clone()
        ),
        (200, json!("active"))
    );
    // What is signed and no report is said so.
    let odd = send(&app, "{}", "k1", &scanner.sign("{}")).await;
    problem(odd, 400, "invalid_body").await;
    assert_eq!(labels(send(&app, &body, "k1", &good).await).await, ["true_positive"]);
    assert_eq!(app.admin_ok("GET", &place(&key), None).await["status"], "revoked");
}

#[tokio::test]
async fn a_scanner_may_change_its_keys() {
    let (scanner, next) = (Scanner::new(), Scanner::new());
    let app = shop(&scanner, "quarantine").await;
    let body = report(&["cpt_live_x"]);
    assert_eq!(labels(send(&app, &body, "k1", &scanner.sign(&body)).await).await.len(), 1);
    std::fs::write(scanner.list(), next.public("k2").to_string()).unwrap();
    let early = send(&app, &body, "k2", &next.sign(&body)).await;
    problem(early, 403, "unsigned_report").await;
    app.clock.advance(60_000_000);
    assert_eq!(labels(send(&app, &body, "k2", &next.sign(&body)).await).await.len(), 1);
    problem(send(&app, &body, "k1", &scanner.sign(&body)).await, 403, "unsigned_report").await;
    // And a list that cannot be read is no reason to believe anybody.
    std::fs::write(scanner.list(), "{").unwrap();
    app.clock.advance(60_000_000);
    problem(send(&app, &body, "k3", &next.sign(&body)).await, 503, "unavailable").await;
    assert_eq!(labels(send(&app, &body, "k2", &next.sign(&body)).await).await.len(), 1);
}

#[tokio::test]
async fn where_no_reports_are_taken_there_is_nothing() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    problem(send(&app, "[]", "k1", "x").await, 404, "unknown_path").await;
    let other = app.http.get(app.public_url("/v1/leaked-keys")).send().await.unwrap();
    assert_eq!(other.headers()["allow"], "POST");
    problem(other, 405, "method_not_allowed").await;
}

#[tokio::test]
async fn reports_are_bounded() {
    let scanner = Scanner::new();
    let app = shop(&scanner, "quarantine").await;
    for _ in 0..60 {
        problem(send(&app, "[]", "k1", "x").await, 403, "unsigned_report").await;
    }
    let often = send(&app, "[]", "k1", "x").await;
    assert_eq!(often.headers()["retry-after"], "1");
    let often = problem(often, 429, "operation_limited").await;
    let id = often["refusal_id"].as_str().expect("it can be looked up");
    let told = app.admin_ok("GET", &format!("/admin/v1/refusals/{id}"), None).await;
    assert_eq!((&told["code"], &told["key_id"]), (&json!("operation_limited"), &Value::Null));
    let rows = app.admin_ok("GET", "/admin/v1/refusals?code=unsigned_report", None).await;
    assert_eq!(rows["items"][0]["count"], 60, "{rows}");
    app.clock.advance(60_000_000);
    let long = "x".repeat(3 * 1024 * 1024);
    problem(send(&app, &long, "k1", "x").await, 413, "body_too_large").await;
}

#[tokio::test]
async fn an_admin_token_that_was_found_is_suspended_until_somebody_resumes_it() {
    let scanner = Scanner::new();
    let app = shop(&scanner, "quarantine").await;
    let body = json!({ "name": "deploy", "roles": ["auditor"] });
    let made = app.admin_ok("POST", "/admin/v1/tokens", Some(body)).await;
    let (id, text) = (made["token"]["id"].as_str().unwrap(), made["text"].as_str().unwrap());
    let me = async || {
        let call = app.http.get(app.admin_url("/admin/v1/me")).bearer_auth(text);
        call.send().await.unwrap()
    };
    assert_eq!(me().await.status(), 200);
    let another = text.replace(&text[10..21], &"0".repeat(11));
    let body = report(&[text, &another]);
    let answer = send(&app, &body, "k1", &scanner.sign(&body)).await;
    assert_eq!(labels(answer).await, ["true_positive", "false_positive"]);
    problem(me().await, 403, "suspended").await;
    let listed = app.admin_ok("GET", "/admin/v1/tokens?attention=leaked", None).await;
    assert_eq!(
        (&listed["items"][0]["id"], &listed["items"][0]["status"]),
        (&json!(id), &json!("suspended"))
    );
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    let path = format!("/admin/v1/tokens/{id}");
    let leaks = app.admin_ok("GET", &format!("{path}/leaks"), None).await;
    assert_eq!(
        (&leaks["items"][0]["action"], &leaks["items"][0]["url"]),
        (&json!("suspend"), &json!("https://example.com/blob/1/config.ini?key=…"))
    );
    let audit = app.admin_ok("GET", &format!("/admin/v1/audit?subject={id}"), None).await;
    assert_eq!(
        (&audit["items"][0]["action"], &audit["items"][0]["actor"]),
        (&json!("admin_token.suspend"), &json!("leak_report"))
    );
    assert!(!audit.to_string().contains(&text[21..]));
    // The same report again, behind a decision, undoes nothing; another place does.
    app.admin_ok("POST", &format!("{path}/resume"), None).await;
    send(&app, &body, "k1", &scanner.sign(&body)).await;
    assert_eq!(me().await.status(), 200);
    let elsewhere = body.replace("config.ini", "other.ini");
    send(&app, &elsewhere, "k1", &scanner.sign(&elsewhere)).await;
    problem(me().await, 403, "suspended").await;
    app.admin_ok("POST", &format!("{path}/revoke"), None).await;
    problem(app.admin("POST", &format!("{path}/resume"), None).await, 409, "conflict").await;
    let listed = app.admin_ok("GET", "/admin/v1/tokens?attention=leaked", None).await;
    assert_eq!(listed["items"], json!([]));
}

#[tokio::test]
async fn what_was_made_with_a_token_that_was_found_is_suspended_with_it() {
    let scanner = Scanner::new();
    let app = shop(&scanner, "quarantine").await;
    let make = async |with: &str, name: &str| {
        let body = json!({ "name": name, "roles": ["owner"] });
        let call = app.http.post(app.admin_url("/admin/v1/tokens")).bearer_auth(with).json(&body);
        let made: Value = call.send().await.unwrap().json().await.unwrap();
        let text = |at: &Value| at.as_str().unwrap().to_owned();
        (text(&made["token"]["id"]), text(&made["text"]))
    };
    let (found, text) = make(&app.admin_token, "found").await;
    let (second, its_text) = make(&text, "second").await;
    let (third, _) = make(&its_text, "third").await;
    let (other, _) = make(&app.admin_token, "other").await;
    let body = report(&[&text]);
    send(&app, &body, "k1", &scanner.sign(&body)).await;
    let listed = app.admin_ok("GET", "/admin/v1/tokens", None).await;
    let suspended = |id: &String| {
        let token = listed["items"].as_array().unwrap().iter().find(|it| it["id"] == json!(id));
        token.unwrap()["status"] == "suspended"
    };
    assert_eq!([&found, &second, &third, &other].map(suspended), [true, true, true, false]);
    let listed = app.admin_ok("GET", "/admin/v1/tokens?attention=leaked", None).await;
    assert_eq!(listed["items"].as_array().unwrap().len(), 3, "{listed}");
    let audit = app.admin_ok("GET", &format!("/admin/v1/audit?subject={third}"), None).await;
    assert_eq!(audit["items"][0]["detail"]["made_with_leaked"], json!(found), "{audit}");
    // One that had ended before stops nothing.
    let (ended, text) = make(&app.admin_token, "ended").await;
    let (made, its_text) = make(&text, "made with it").await;
    app.admin_ok("POST", &format!("/admin/v1/tokens/{ended}/revoke"), None).await;
    let body = report(&[&text]);
    let answer = send(&app, &body, "k1", &scanner.sign(&body)).await;
    assert_eq!(labels(answer).await, ["true_positive"]);
    let me = app.http.get(app.admin_url("/admin/v1/me")).bearer_auth(&its_text);
    assert_eq!(me.send().await.unwrap().status(), 200, "{made}");
}

#[tokio::test]
async fn a_secret_that_has_ended_is_told_of_and_stops_nothing() {
    let scanner = Scanner::new();
    let app = shop(&scanner, "revoke").await;
    let key = app.key(json!({})).await;
    let rotate = Some(json!({ "overlap_s": 0 }));
    app.admin_ok("POST", &format!("{}/rotate", place(&key)), rotate).await;
    let body = report(&[&key.text]);
    let answer = send(&app, &body, "k1", &scanner.sign(&body)).await;
    assert_eq!(labels(answer).await, ["true_positive"]);
    assert_eq!(app.admin_ok("GET", &place(&key), None).await["status"], "active");
    let leaks = app.admin_ok("GET", &format!("{}/leaks", place(&key)), None).await;
    assert_eq!(leaks["items"].as_array().unwrap().len(), 1);
}
