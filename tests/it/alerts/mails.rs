//! Alerts as mails: to whom they go, and what becomes of them where a server takes none.

use super::{alerts, call, contacts, month, shop};
use crate::support::TestApp;
use crate::support::process::{Home, Wire, wait_until};
use crate::support::schema::documented;
use crate::support::smtp::{No, SmtpServer};
use serde_json::{Value, json};
use std::time::Instant;

const MINUTE: i64 = 60_000_000;

async fn shop_with_mail(server: &SmtpServer, settings: &[(&str, &str)]) -> TestApp {
    let port = server.port.to_string();
    let own = [
        ("MAIL__SMTP__HOST", "127.0.0.1"),
        ("MAIL__SMTP__PORT", port.as_str()),
        ("MAIL__SMTP__TLS", "none"),
        ("MAIL__FROM", "Shop API <api@shop.example>"),
    ];
    shop(&[&own[..], settings].concat()).await
}

/// The mails in a state, once there are so many.
async fn mails(app: &TestApp, state: &str, count: usize) -> Vec<Value> {
    let until = Instant::now() + crate::support::PATIENCE;
    loop {
        let told = app.admin_ok("GET", &format!("/admin/v1/mails?state={state}"), None).await;
        let items = told["items"].as_array().unwrap().clone();
        if items.len() == count {
            documented(&told, "admin", "PageOut_MailOut");
            return items;
        }
        assert!(Instant::now() < until, "{count} {state}: {items:?}");
        crate::support::pause().await;
    }
}

fn ann_and_others() -> Value {
    json!([
        { "role": "technical", "name": "Zoé \"Z\" O'Neil, dev", "email": "zoe@partner.example", "language": "fr-FR" },
        { "role": "billing", "name": "Ann", "email": "ann@partner.example" },
        { "role": "billing", "name": "Zoé again", "email": "zoe@partner.example" },
        { "role": "legal", "name": "Law", "email": "law@partner.example" },
    ])
}

#[tokio::test]
async fn contacts_and_the_retailer_are_told_in_their_language_and_once() {
    let mut server = SmtpServer::start().await;
    let settings = [
        ("ALERTS__MAIL_TO", "ops@shop.example"),
        ("MAIL__SMTP__USER", "shop"),
        ("MAIL__SMTP__PASSWORD", "hush, hush"),
    ];
    let app = shop_with_mail(&server, &settings).await;
    let plan = month(&app, 4).await;
    let key = app.key_under(&plan, json!({})).await;
    contacts(&app, &key, ann_and_others()).await;
    call(&app, &key, 2).await;
    let mut told = Vec::new();
    for _ in 0..3 {
        told.push(server.next().await);
    }
    told.sort_by(|a, b| a.to.cmp(&b.to));
    let [ann, ops, zoe] = &told[..] else { panic!("three mails") };
    assert_eq!(
        [&ann.to, &ops.to, &zoe.to],
        ["ann@partner.example", "ops@shop.example", "zoe@partner.example"]
    );
    for mail in [ann, ops, zoe] {
        assert_eq!(mail.from, "api@shop.example");
        assert_eq!(mail.login, Some(("shop".to_owned(), "hush, hush".to_owned())));
        assert!(mail.text.contains("Message-ID: <mai_"), "{}", mail.text);
    }
    assert!(ann.plain().contains("Subject: 50% of the quota \"month\" is used"), "{}", ann.plain());
    assert!(ann.plain().contains("Hello Ann,\r\n\r\n\"app\" ("), "{}", ann.plain());
    assert!(ann.plain().contains(": 2 of 4 units"), "{}", ann.plain());
    assert!(zoe.plain().contains("Bonjour Zoé \"Z\" O'Neil, dev,"), "{}", zoe.plain());
    assert!(zoe.plain().contains(": 2 unités sur 4"), "{}", zoe.plain());
    assert!(ops.plain().contains("GET /admin/v1/alerts tells more"), "{}", ops.plain());
    let alert = alerts(&app, "", 1).await.remove(0);
    for mail in mails(&app, "sent", 3).await {
        assert_eq!((&mail["kind"], &mail["subject_id"]), (&json!("alert"), &alert["id"]));
        assert_eq!((&mail["attempts"], &mail["last_error"]), (&json!(1), &Value::Null));
    }
    // Nothing of the text is left.
    const TEXTS: &str = "SELECT COUNT(*) FROM outbox WHERE title IS NOT NULL OR body IS NOT NULL";
    let left: i64 = match &app.db {
        comptoir::storage::Db::Sqlite { read, .. } => {
            sqlx::query_scalar(TEXTS).fetch_one(read).await
        }
        comptoir::storage::Db::Postgres(pool) => sqlx::query_scalar(TEXTS).fetch_one(pool).await,
    }
    .unwrap();
    assert_eq!((left, server.waiting()), (0, 0));
}

#[tokio::test]
async fn a_quota_of_some_operations_refuses_those_and_says_so() {
    let mut server = SmtpServer::start().await;
    let app = shop_with_mail(&server, &[]).await;
    for (limit, english, french) in [
        (
            json!({ "operations": ["get_product", "list_stores"] }),
            "its calls of get_product and list_stores are refused until the period ends; all others go on.",
            "Ses appels de get_product et list_stores sont refusés jusqu'à la fin de la période ; tous les autres \
             restent admis.",
        ),
        (
            json!({ "except": ["list_stores"] }),
            "its calls but those of list_stores are refused until the period ends.",
            "Ses appels, sauf ceux de list_stores, sont refusés jusqu'à la fin de la période.",
        ),
        (
            json!({}),
            "Now its calls are refused until the period ends.",
            "Ses appels sont refusés jusqu'à la fin de la période.",
        ),
    ] {
        let mut quota = json!({ "name": "some", "quota": 1, "period": "month" });
        quota.as_object_mut().unwrap().extend(limit.as_object().unwrap().clone());
        let plan = app.plan(json!([quota])).await;
        let key = app.key_under(&plan, json!({})).await;
        contacts(&app, &key, ann_and_others()).await;
        call(&app, &key, 1).await;
        // At 50, at 80 and at 100 percent, to two of the contacts.
        let mut told = Vec::new();
        while told.len() < 6 {
            told.push(server.next().await.plain().replace("\r\n", " "));
        }
        let full: Vec<&String> = told.iter().filter(|mail| mail.contains("100")).collect();
        assert!(full.iter().any(|mail| mail.contains(english)), "{english}: {told:#?}");
        assert!(full.iter().any(|mail| mail.contains(french)), "{french}: {told:#?}");
        assert!(!told.iter().any(|mail| mail.contains("..")), "{told:#?}");
        let stores = app.get(&key.text, "/v1/stores").await.status();
        let expected = if limit == json!({ "except": ["list_stores"] }) { 200 } else { 429 };
        assert_eq!(stores, expected, "{limit}");
    }
}

#[tokio::test]
async fn what_is_not_taken_is_tried_again_and_what_is_refused_is_given_up() {
    let mut server = SmtpServer::start().await;
    let settings = [("ALERTS__MAIL_TO", "a@shop.example, b@shop.example")];
    let app = shop_with_mail(&server, &settings).await;
    server.refuse(&[
        No::ToRecipient("550 5.1.1 <a@shop.example> is nobody here"),
        No::ToMessage("451 4.7.1 b@shop.example, later"),
    ]);
    let plan = month(&app, 2).await;
    let key = app.key_under(&plan, json!({})).await;
    call(&app, &key, 1).await;
    let given_up = mails(&app, "failed", 1).await.remove(0);
    assert_eq!((&given_up["attempts"], &given_up["next_attempt_at"]), (&json!(1), &Value::Null));
    assert_eq!(given_up["last_error"], "answered 550 5.1.1");
    let until = Instant::now() + crate::support::PATIENCE;
    loop {
        let waits = mails(&app, "waiting", 1).await.remove(0);
        if waits["attempts"] == 1 {
            assert_ne!(waits["recipient"], given_up["recipient"]);
            assert_eq!(waits["last_error"], "answered 451 4.7.1");
            assert_eq!(waits["next_attempt_at"], "2026-11-22T12:01:00Z");
            break;
        }
        assert!(Instant::now() < until, "{waits}");
        crate::support::pause().await;
    }
    app.clock.advance(MINUTE);
    let mail = server.next().await;
    assert_ne!(json!(mail.to), given_up["recipient"]);
    let sent = mails(&app, "sent", 1).await.remove(0);
    assert_eq!((&sent["attempts"], &sent["last_error"]), (&json!(2), &Value::Null));
    app.wait_for_gauge("mails_given_up_total", 1).await;
    app.wait_for_gauge("mail_failures_total", 2).await;
    app.wait_for_gauge("mails_sent_total", 1).await;
}

#[tokio::test]
async fn a_server_that_is_away_is_waited_for_but_not_for_ever() {
    let server = SmtpServer::start().await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (port, to) = (free.to_string(), ("ALERTS__MAIL_TO", "a@shop.example"));
    let app = shop_with_mail(&server, &[("MAIL__SMTP__PORT", port.as_str()), to]).await;
    let plan = month(&app, 4).await;
    let key = app.key_under(&plan, json!({})).await;
    call(&app, &key, 2).await;
    let tried = async |attempts: i64, state: &str| {
        let until = Instant::now() + crate::support::PATIENCE;
        loop {
            let told = app.admin_ok("GET", &format!("/admin/v1/mails?state={state}"), None).await;
            if told["items"][0]["attempts"] == attempts {
                return told["items"][0].clone();
            }
            assert!(Instant::now() < until, "{attempts} attempts: {told}");
            crate::support::pause().await;
        }
    };
    let waits = tried(1, "waiting").await;
    assert!(waits["last_error"].as_str().unwrap().contains("onnection"), "{waits}");
    app.clock.advance(MINUTE);
    tried(2, "waiting").await;
    let mut back = SmtpServer::start_at(free).await;
    app.clock.advance(4 * MINUTE);
    assert_eq!(back.next().await.to, "a@shop.example");
    tried(3, "sent").await;
    // One that nobody takes for three days is given up.
    back.refuse(&[No::ToMessage("451 later"), No::ToMessage("421 later")]);
    call(&app, &key, 2).await;
    let waits = mails(&app, "waiting", 2).await;
    assert_eq!(waits.len(), 2);
    app.wait_for_gauge("mail_failures_total", 4).await;
    back.refuse(&[No::ToMessage("451 later"), No::ToMessage("451 later")]);
    app.clock.advance(3 * 24 * 60 * MINUTE);
    let given_up = mails(&app, "failed", 2).await;
    assert_eq!(given_up[0]["last_error"], "answered 451");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_log_tells_an_address_a_text_or_a_password() {
    let mut server = SmtpServer::start().await;
    let port = server.port.to_string();
    let settings = [
        ("ALERTS__POLL_MS", "20"),
        ("ALERTS__MAIL_TO", "a@shop.example, b@shop.example"),
        ("MAIL__SMTP__HOST", "127.0.0.1"),
        ("MAIL__SMTP__PORT", port.as_str()),
        ("MAIL__SMTP__TLS", "none"),
        ("MAIL__SMTP__USER", "shop"),
        ("MAIL__SMTP__PASSWORD", "hush-hush"),
        ("TELEMETRY__LOG_LEVEL", "debug"),
    ];
    server.refuse(&[No::ToRecipient("550 5.1.1 <a@shop.example> is nobody here")]);
    let home = Home::new(&settings, &[crate::support::data::product(0)]).await;
    let month = ["plan", "create", "--name", "one", "--limit", "month:2:month"];
    let (plan, partner) = (home.run(&month), home.run(&["partner", "create", "--name", "p"]));
    let app = ["app", "create", "--partner", &partner, "--plan", &plan, "--name", "a"];
    let key = home.run(&["key", "create", "--app", &home.run(&app)]);
    let running = home.serve();
    let path = super::product();
    assert_eq!(Wire::connect(running.public).unwrap().get(&key, &path).unwrap().status, 200);
    let mail = server.next().await;
    assert_eq!(mail.login.unwrap().1, "hush-hush");
    wait_until("the mail is given up", || running.has_said("a mail was given up"));
    let said = running.terminate();
    for hidden in ["shop.example", "hush", "nobody here", "units", "Subject"] {
        assert!(!said.contains(hidden), "{hidden}: {said}");
    }
}
