//! Who is told of a secret that was found.

use super::{Scanner, report, send};
use crate::hooks::receiver::Receiver;
use crate::support::schema::documented;
use crate::support::smtp::{Mail, SmtpServer};
use crate::support::{NOON, TestApp, TestKey};
use serde_json::{Value, json};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=";

async fn shop(scanner: &Scanner, action: &str, server: &SmtpServer, hook: &Receiver) -> TestApp {
    let port = server.port.to_string();
    let settings = [
        ("LEAKS__ACTION", action),
        ("ALERTS__POLL_MS", "20"),
        ("ALERTS__MAIL_TO", "ops@shop.example"),
        ("ALERTS__WEBHOOK_URL", &hook.url),
        ("ALERTS__WEBHOOK_SECRET", SECRET),
        ("HOOKS__ALLOW_HTTP", "true"),
        ("HOOKS__PRIVATE_TARGETS", "127.0.0.0/8"),
        ("HOOKS__POLL_MS", "20"),
        ("MAIL__SMTP__HOST", "127.0.0.1"),
        ("MAIL__SMTP__PORT", &port),
        ("MAIL__SMTP__TLS", "none"),
    ];
    let app = TestApp::builder().fixed_clock(NOON);
    let app = app.set("LEAKS__KEYS_FILE", &scanner.list().display().to_string());
    let app = settings.iter().fold(app, |app, (key, value)| app.set(key, value)).start().await;
    app.stock_shelves(1, 1).await;
    app
}

async fn reported(app: &TestApp, scanner: &Scanner, body: &str) {
    let answer = send(app, body, "k1", &scanner.sign(body)).await;
    assert_eq!(answer.status(), 200);
}

async fn mails(server: &mut SmtpServer, count: usize) -> Vec<Mail> {
    let mut mails = Vec::new();
    for _ in 0..count {
        mails.push(server.next().await);
    }
    mails.sort_by(|a, b| a.to.cmp(&b.to));
    mails
}

/// A key whose partner has contacts, and the text of another of the same app.
async fn key_with_contacts(app: &TestApp) -> (TestKey, String) {
    let scopes = json!(["catalog:read", "subscriptions:write"]);
    let key = app.key(json!({ "scopes": scopes })).await;
    let other =
        json!({ "app_id": key.app_id, "name": "other", "environment": "live", "scopes": scopes });
    let other = app.admin_ok("POST", "/admin/v1/keys", Some(other)).await;
    let contacts = json!([
        { "role": "technical", "name": "Zoé", "email": "zoe@partner.example", "language": "fr-FR" },
        { "role": "technical", "name": "Ann", "email": "ann@partner.example" },
        { "role": "billing", "name": "Bill", "email": "bill@partner.example" },
    ]);
    let partner = format!("/admin/v1/partners/{}", key.partner_id);
    app.admin_ok("PATCH", &partner, Some(json!({ "contacts": contacts }))).await;
    (key, other["text"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn partner_and_retailer_are_told_once_of_a_key_that_was_stopped() {
    let scanner = Scanner::new();
    let (mut server, mut hook) = (SmtpServer::start().await, Receiver::start().await);
    let app = shop(&scanner, "quarantine", &server, &hook).await;
    let (key, other) = key_with_contacts(&app).await;
    let mut own = Receiver::start().await;
    let wants = json!({ "url": own.url, "events": ["key.leaked"] });
    let made = app.http.post(app.public_url("/v1/subscriptions"));
    let made = made.bearer_auth(&other).json(&wants).send().await.unwrap();
    assert_eq!(made.status(), 201);

    let body = report(&[&key.text]);
    reported(&app, &scanner, &body).await;
    let told = mails(&mut server, 3).await;
    let [ann, ops, zoe] = &told[..] else { panic!("three mails") };
    assert_eq!(
        [&ann.to, &ops.to, &zoe.to],
        ["ann@partner.example", "ops@shop.example", "zoe@partner.example"]
    );
    let hint = &key.text[key.text.len() - 4..];
    for mail in &told {
        let text = mail.plain().replace("\r\n", "\n");
        assert!(text.contains(&key.id) && text.contains(hint), "{text}");
        assert!(text.contains("https://example.com/blob/1/config.ini?key=… (content)"), "{text}");
        assert!(!text.contains(&key.text[21..]), "no secret is told");
    }
    assert!(ann.plain().contains("Subject: A key was found in public"), "{}", ann.plain());
    assert!(ann.plain().contains("in quarantine: it can read, once a second. Ask us to rotate it"));
    assert!(zoe.plain().contains("Bonjour Zoé") && zoe.plain().contains("Elle est en quarantaine"));
    let rotate = format!("comptoir key rotate {} --overlap-s 0", key.id);
    assert!(ops.plain().contains(&rotate), "{}", ops.plain());

    let listed = app.admin_ok("GET", "/admin/v1/alerts", None).await;
    let alert = &listed["items"][0];
    assert_eq!(
        (&alert["kind"], &alert["key_id"], &alert["leak"]["action"], &alert["partner_id"]),
        (&json!("key_leaked"), &json!(key.id), &json!("quarantine"), &json!(key.partner_id))
    );
    for receiver in [&mut hook, &mut own] {
        let message = receiver.next().await;
        documented(&message.body(), "partner", "AlertMessageOut");
        assert_eq!(message.body()["type"], "key.leaked");
        assert_eq!(message.body()["data"]["leak"], alert["leak"]);
        assert!(!message.text.contains(&key.text[21..]));
    }
    // Another place while it is stopped is no news; one that stops it anew is.
    reported(&app, &scanner, &body.replace("config.ini", "other.ini")).await;
    app.admin_ok("POST", &format!("/admin/v1/keys/{}/resume", key.id), None).await;
    reported(&app, &scanner, &body.replace("config.ini", "third.ini")).await;
    let told = mails(&mut server, 3).await;
    assert!(told.iter().all(|mail| mail.plain().contains("third.ini")));
    assert_eq!(hook.next().await.body()["data"]["leak"]["source"], "content");
    let listed = app.admin_ok("GET", "/admin/v1/alerts?kind=key_leaked", None).await;
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
    let seen: Value = app.get(&other, "/v1/usage/alerts").await.json().await.unwrap();
    documented(&seen, "partner", "PageOfAlerts");
    assert_eq!(seen["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn the_retailer_is_told_of_an_admin_token_and_nobody_of_what_has_ended() {
    let scanner = Scanner::new();
    let (mut server, mut hook) = (SmtpServer::start().await, Receiver::start().await);
    let app = shop(&scanner, "revoke", &server, &hook).await;
    let key = app.key(json!({})).await;
    app.admin_ok(
        "POST",
        &format!("/admin/v1/keys/{}/rotate", key.id),
        Some(json!({ "overlap_s": 0 })),
    )
    .await;
    let body = json!({ "name": "deploy", "roles": ["auditor"] });
    let made = app.admin_ok("POST", "/admin/v1/tokens", Some(body)).await;
    let text = made["text"].as_str().unwrap();
    reported(&app, &scanner, &report(&[&key.text, text])).await;
    let mail = server.next().await;
    let plain = mail.plain();
    assert_eq!(mail.to, "ops@shop.example");
    assert!(plain.contains("Admin token \"deploy\" ("), "{plain}");
    assert!(plain.contains(made["token"]["id"].as_str().unwrap()), "{plain}");
    assert!(!plain.contains(&text[21..]), "no secret is told");
    let message = hook.next().await.body();
    assert_eq!(
        (&message["type"], &message["data"]["partner_id"]),
        (&json!("token.leaked"), &Value::Null)
    );
    assert_eq!(message["data"]["leak"]["token_id"], made["token"]["id"]);
    let listed = app.admin_ok("GET", "/admin/v1/alerts", None).await;
    documented(&listed, "admin", "PageOut_AdminAlertOut");
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "the secret of the key had ended");
}

/// Rotates a key to a secret that holds at once; its text.
async fn rotated(app: &TestApp, key: &TestKey) -> String {
    let path = format!("/admin/v1/keys/{}/rotate", key.id);
    let issued = app.admin_ok("POST", &path, Some(json!({ "overlap_s": 0 }))).await;
    issued["text"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn each_secret_of_a_key_that_is_stopped_is_told_once() {
    let scanner = Scanner::new();
    let (mut server, hook) = (SmtpServer::start().await, Receiver::start().await);
    let app = shop(&scanner, "quarantine", &server, &hook).await;
    let (key, spare) = (app.key(json!({})).await, app.key(json!({})).await);
    let hint = |text: &str| text[text.len() - 4..].to_owned();
    reported(&app, &scanner, &report(&[&key.text])).await;
    assert!(server.next().await.plain().contains(&hint(&key.text)));
    // Rotated as the mail says, and not resumed yet, its next secret is found, at two places.
    let next = rotated(&app, &key).await;
    let body = report(&[&next]);
    reported(&app, &scanner, &body).await;
    assert!(server.next().await.plain().contains(&hint(&next)), "who resumes it has to know");
    reported(&app, &scanner, &body.replace("config.ini", "other.ini")).await;
    // One that had ended was told to nobody, and does not stand for the one that works.
    let works = rotated(&app, &spare).await;
    reported(&app, &scanner, &report(&[&spare.text])).await;
    app.admin_ok("POST", &format!("/admin/v1/keys/{}/suspend", spare.id), None).await;
    reported(&app, &scanner, &report(&[&works])).await;
    let mail = server.next().await;
    assert!(mail.plain().contains(&spare.id) && mail.plain().contains(&hint(&works)));
    let listed = app.admin_ok("GET", "/admin/v1/alerts?kind=key_leaked", None).await;
    assert_eq!(listed["items"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_leak_that_cannot_be_told_keeps_nobody_from_hearing_of_the_others() {
    let scanner = Scanner::new();
    let (mut server, hook) = (SmtpServer::start().await, Receiver::start().await);
    let app = shop(&scanner, "quarantine", &server, &hook).await;
    let (broken, key) = (app.key(json!({})).await, app.key(json!({})).await);
    let made = json!({ "name": "deploy", "roles": ["auditor"] });
    let made = app.admin_ok("POST", "/admin/v1/tokens", Some(made)).await;
    let contacts = |value: &'static str| {
        let (db, id) = (app.db.clone(), broken.partner_id.clone());
        async move {
            const SET: &str = "UPDATE partners SET contacts = $2 WHERE id = $1";
            let mut tx = db.begin().await.unwrap();
            comptoir::on_tx!(&mut tx, c => {
                sqlx::query(SET).bind(id).bind(value).execute(c).await.map(|_| ())
            })
            .unwrap();
            tx.commit().await.unwrap();
        }
    };
    contacts("damaged").await;
    reported(&app, &scanner, &report(&[&broken.text])).await;
    app.clock.advance(1);
    reported(&app, &scanner, &report(&[&key.text, made["text"].as_str().unwrap()])).await;
    let mut told = [server.next().await.plain(), server.next().await.plain()];
    told.sort_by_key(|mail| mail.contains("Admin token"));
    assert!(told[0].contains(&key.id) && told[1].contains("Admin token \"deploy\""), "{told:?}");
    contacts("[]").await;
    assert!(server.next().await.plain().contains(&broken.id), "it is tried again");
}
