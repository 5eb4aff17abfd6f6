//! Becoming a partner without a key: what is public, what a mail has to confirm, what is never told.

use crate::support::{NOON, TestApp, problem};
use comptoir::access::applications::Links;
use comptoir::access::mails::{Post, Sink};
use comptoir::kernel::clock::HOUR;
use reqwest::Response;
use serde_json::{Value, json};
use std::time::Instant;

pub(crate) async fn desk() -> TestApp {
    TestApp::builder()
        .fixed_clock(NOON)
        .set("REGISTRATION__ENABLED", "true")
        .set("REGISTRATION__PER_ADDRESS_HOURLY", "100")
        .start()
        .await
}

/// A plan that is offered.
pub(crate) async fn plan(app: &TestApp, approval: &str, public: bool) -> String {
    let plan = app.plan(json!([{ "name": "day", "quota": 100, "window_s": 86_400 }])).await;
    let offer = json!({ "approval": approval, "public": public, "description": "To try out" });
    app.admin_ok("PUT", &format!("/admin/v1/plans/{plan}/offer"), Some(offer)).await;
    plan
}

pub(crate) fn wish(plan: &str, email: &str) -> Value {
    json!({
        "organisation": "Nordlicht", "contact_name": "Ann O'Neil", "email": email,
        "app_name": "Comparer", "purpose": "Compares prices.\nOnce a day.", "plan_id": plan,
    })
}

async fn post(app: &TestApp, path: &str, body: &Value) -> Response {
    app.http.post(app.public_url(path)).json(body).send().await.unwrap()
}

pub(crate) async fn apply(app: &TestApp, body: &Value) -> (u16, String) {
    let answer = post(app, "/v1/applications", body).await;
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// The messages in the outbox to an address, as their plain text, once there are so many.
pub(crate) async fn mails(app: &TestApp, to: &str, count: usize) -> Vec<String> {
    let folder = app.config.server.data_dir.join("outbox");
    let until = Instant::now() + crate::support::PATIENCE;
    loop {
        let files = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        let files =
            files.map(|file| file.path()).filter(|path| path.extension() == Some("eml".as_ref()));
        let mut found: Vec<(std::time::SystemTime, String)> = files
            .map(|path| {
                let at = std::fs::metadata(&path).unwrap().modified().unwrap();
                (at, std::fs::read_to_string(path).unwrap())
            })
            .filter(|(_, text)| text.contains(&format!("<{to}>")))
            .collect();
        if found.len() >= count {
            assert_eq!(found.len(), count, "{found:?}");
            found.sort();
            return found.into_iter().map(|(_, text)| text).collect();
        }
        assert!(Instant::now() < until, "{} of {count} mails to {to}", found.len());
        crate::support::pause().await;
    }
}

/// Id and token of the link to a step in a message; soft line breaks are taken out.
pub(crate) fn link(mail: &str, step: &str) -> (String, String) {
    let text = mail.replace("=\r\n", "").replace("=3D", "=");
    let path =
        text.split("/apply/").find(|part| part.contains(&format!("/{step}?token="))).unwrap();
    let (id, rest) = path.split_once('/').unwrap();
    let token = rest.split_once("token=").unwrap().1.split_whitespace().next().unwrap();
    (id.to_owned(), token.to_owned())
}

pub(crate) async fn follow(app: &TestApp, (id, token): &(String, String), step: &str) -> Response {
    post(app, &format!("/v1/applications/{id}/{step}"), &json!({ "token": token })).await
}

async fn works_soon(app: &TestApp, key: &str) {
    let until = Instant::now() + crate::support::PATIENCE;
    while app.get(key, "/v1/usage").await.status() != 200 {
        assert!(Instant::now() < until, "the key does not come to work");
        crate::support::pause().await;
    }
}

#[tokio::test]
async fn what_is_public_is_listed_and_nothing_is_open_where_nobody_may_apply() {
    let closed = TestApp::start().await;
    for path in ["/v1/plans", "/openapi/registration.json"] {
        problem(
            closed.http.get(closed.public_url(path)).send().await.unwrap(),
            404,
            "unknown_path",
        )
        .await;
    }
    problem(post(&closed, "/v1/applications", &json!({})).await, 404, "unknown_path").await;

    let app = desk().await;
    let (shown, hidden) = (plan(&app, "manual", true).await, plan(&app, "auto", false).await);
    let plans = app.http.get(app.public_url("/v1/plans")).send().await.unwrap();
    assert_eq!(
        (plans.status().as_u16(), &plans.headers()["cache-control"]),
        (200, &"no-store".parse().unwrap())
    );
    let plans: Value = plans.json().await.unwrap();
    crate::support::schema::documented(&plans, "registration", "PublicPlans");
    assert_eq!(plans["items"].as_array().unwrap().len(), 1);
    assert_eq!(plans["items"][0]["prices"], Value::Null);
    let prices = json!({ "currency": "EUR", "charges": [
        { "name": "calls", "meter": "requests", "model": "per_unit", "unit_price": "0.50" },
    ] });
    let place = format!("/admin/v1/plans/{shown}");
    let priced = app.admin_ok("PATCH", &place, Some(json!({ "prices": prices }))).await;
    let told = app.http.get(app.public_url("/v1/plans")).send().await.unwrap();
    let told: Value = told.json().await.unwrap();
    crate::support::schema::documented(&told, "registration", "PublicPlans");
    assert_eq!(told["items"][0]["prices"], priced["prices"]);
    assert_eq!(
        (&plans["items"][0]["id"], &plans["items"][0]["approval"]),
        (&json!(shown), &json!("manual"))
    );
    // A plan that is not shown is told as one that does not exist.
    let of_hidden = post(&app, "/v1/applications", &wish(&hidden, "a@b.example")).await;
    let said = problem(of_hidden, 400, "invalid_body").await;
    let none = post(&app, "/v1/applications", &wish("pln_00000000000", "a@b.example")).await;
    let none = problem(none, 400, "invalid_body").await;
    assert_eq!(
        said["detail"].as_str().unwrap().replace(&hidden, "X"),
        none["detail"].as_str().unwrap().replace("pln_00000000000", "X")
    );
    assert_eq!(
        (&said["errors"][0]["pointer"], &said["errors"][0]["code"]),
        (&json!("/plan_id"), &json!("not_found"))
    );
    assert!(said["detail"].as_str().unwrap().contains("`GET /v1/plans` lists"), "{said}");
    let wrong = app.http.put(app.public_url("/v1/plans")).send().await.unwrap();
    assert_eq!(wrong.headers()["allow"], "GET, HEAD");
    problem(wrong, 405, "method_not_allowed").await;
}

#[tokio::test]
async fn an_application_is_confirmed_approved_and_brings_one_key() {
    let app = desk().await;
    let plan = plan(&app, "manual", true).await;
    let email = "ann@nordlicht.example";
    assert_eq!(apply(&app, &wish(&plan, email)).await.0, 202);
    let listed = app.admin_ok("GET", "/admin/v1/applications", None).await;
    assert_eq!(listed["items"], json!([]), "nobody looks at it before it is confirmed");

    let mail = mails(&app, email, 1).await.remove(0);
    for header in
        ["From: ", "To: ", "Subject: Confirm", "Date: ", "Message-ID: <mai_", "MIME-Version: 1.0"]
    {
        assert!(mail.contains(header), "{header}: {mail}");
    }
    let verify = link(&mail, "verify");
    // Looking at the page does nothing: programs look at links.
    let page = app.public_url(&format!("/apply/{}/verify?token={}", verify.0, verify.1));
    // Times are told as people read them, with their zone.
    assert!(mail.replace("=\r\n", "").contains(", 12:00 UTC"), "{mail}");
    let shown = app.http.get(&page).send().await.unwrap().text().await.unwrap();
    assert!(shown.contains("Comparer (Nordlicht)") && shown.contains(", 12:00 UTC"), "{shown}");
    let looked = app.http.get(&page).send().await.unwrap();
    assert_eq!(looked.headers()["referrer-policy"], "no-referrer");
    assert!(
        looked.headers()["content-security-policy"]
            .to_str()
            .unwrap()
            .contains("form-action 'self'")
    );
    assert!(looked.text().await.unwrap().contains("<form method=\"post\">"));
    let early = app.admin("GET", &format!("/admin/v1/applications/{}", verify.0), None).await;
    problem(early, 404, "not_found").await;
    let forged = (verify.0.clone(), "0".repeat(64));
    problem(follow(&app, &forged, "verify").await, 404, "not_found").await;
    problem(follow(&app, &verify, "claim").await, 404, "not_found").await;
    let confirmed = app.http.post(&page).send().await.unwrap();
    assert!(confirmed.text().await.unwrap().contains("Confirmed"));
    problem(follow(&app, &verify, "verify").await, 404, "not_found").await;

    let listed = app.admin_ok("GET", "/admin/v1/applications?state=pending", None).await;
    assert_eq!(listed["items"][0]["purpose"], "Compares prices.\nOnce a day.");
    let place = format!("/admin/v1/applications/{}", verify.0);
    let yes = json!({ "partner_id": null });
    let approved = app.admin_ok("POST", &format!("{place}/approve"), None).await;
    problem(app.admin("POST", &format!("{place}/approve"), Some(yes)).await, 409, "conflict").await;
    let partner = format!("/admin/v1/partners/{}", approved["partner_id"].as_str().unwrap());
    let partner = app.admin_ok("GET", &partner, None).await;
    assert_eq!(
        (&partner["name"], &partner["contacts"][0]["email"]),
        (&json!("Nordlicht"), &json!(email))
    );

    let mails = mails(&app, email, 2).await;
    let approved = mails.iter().find(|mail| mail.contains("is approved")).unwrap();
    let claim = link(approved, "claim");
    let taken = follow(&app, &claim, "claim").await;
    assert_eq!(taken.headers()["cache-control"], "no-store");
    let key: Value = taken.json().await.unwrap();
    crate::support::schema::documented(&key, "registration", "FirstKey");
    works_soon(&app, key["text"].as_str().unwrap()).await;
    problem(follow(&app, &claim, "claim").await, 404, "not_found").await;
    // No copy of the database opens anything.
    const OUTBOX: &str = "SELECT kind || subject_id FROM outbox";
    let rows: Vec<String> =
        comptoir::on_db!(&app.db, c => sqlx::query_scalar(OUTBOX).fetch_all(c).await).unwrap();
    assert!(rows.len() == 2 && rows.iter().all(|row| !row.contains(&claim.1)), "{rows:?}");
}

#[tokio::test]
async fn a_plan_that_asks_nobody_is_given_when_the_address_is_confirmed() {
    let app = desk().await;
    let plan = plan(&app, "auto", true).await;
    for email in ["one@a.example", "two@a.example"] {
        let mut body = wish(&plan, email);
        body["language"] = json!("fr");
        assert_eq!(apply(&app, &body).await.0, 202);
        let mail = mails(&app, email, 1).await.remove(0);
        let answer: Value =
            follow(&app, &link(&mail, "verify"), "verify").await.json().await.unwrap();
        // The name of the second is taken, which is for somebody to decide about, and for nobody else to know.
        assert_eq!(answer["state"], "pending", "{email}");
    }
    let pending = app.admin_ok("GET", "/admin/v1/applications?state=pending", None).await;
    // Who decides is told why it waits, and what to do.
    let why = pending["items"][0]["reason"].as_str().unwrap();
    assert!(why.contains("`Nordlicht`") && why.contains("`partner_name`"), "{why}");
    let place = format!("/admin/v1/applications/{}", pending["items"][0]["id"].as_str().unwrap());
    let taken = app.admin("POST", &format!("{place}/approve"), Some(json!({}))).await;
    let taken = problem(taken, 409, "conflict").await;
    assert_eq!(taken["detail"], why);
    let audit = app.admin_ok("GET", "/admin/v1/audit?action=application.park", None).await;
    assert_eq!(audit["items"].as_array().unwrap().len(), 1);
    // The partner is the one that is there, but its app has the name.
    let first = app.admin_ok("GET", "/admin/v1/applications?state=approved", None).await;
    let same = json!({ "partner_id": first["items"][0]["partner_id"] });
    let taken = app.admin("POST", &format!("{place}/approve"), Some(same)).await;
    let taken = problem(taken, 409, "conflict").await;
    assert!(taken["detail"].as_str().unwrap().contains("`app_name`"), "{taken}");
    let named =
        json!({ "partner_id": null, "partner_name": "Nordlicht (2)", "app_name": "Second" });
    let approved = app.admin_ok("POST", &format!("{place}/approve"), Some(named)).await;
    assert_eq!((&approved["state"], &approved["reason"]), (&json!("approved"), &Value::Null));
    let made = format!("/admin/v1/apps/{}", approved["app_id"].as_str().unwrap());
    assert_eq!(app.admin_ok("GET", &made, None).await["name"], "Second");
}

#[tokio::test]
async fn a_page_says_in_french_what_it_is_about_and_until_when() {
    let app = TestApp::builder()
        .fixed_clock(NOON)
        .set("REGISTRATION__ENABLED", "true")
        .set("MAIL__TIME_ZONE", "Europe/Paris")
        .start()
        .await;
    let plan = plan(&app, "manual", true).await;
    let mut body = wish(&plan, "f@a.example");
    (body["language"], body["app_name"]) = (json!("fr"), json!("Prix <b> & Cie"));
    assert_eq!(apply(&app, &body).await.0, 202);
    let mail = mails(&app, "f@a.example", 1).await.remove(0);
    let (id, token) = link(&mail, "verify");
    let page = app.public_url(&format!("/apply/{id}/verify?token={token}"));
    let page = app.http.get(&page).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("<p>Prix &lt;b&gt; &amp; Cie (Nordlicht)</p>"), "{page}");
    assert!(page.contains("jusqu'au") && page.contains(" novembre 2026 à 13 h 00 (CET)"), "{page}");
    // A link that is not right tells nothing of it.
    let other = app.public_url(&format!("/apply/{id}/verify?token={}", "0".repeat(64)));
    let other = app.http.get(&other).send().await.unwrap().text().await.unwrap();
    assert!(!other.contains("Nordlicht"), "{other}");
}

#[tokio::test]
async fn an_application_is_withdrawn_rejected_and_forgotten() {
    let app = desk().await;
    let plan = plan(&app, "manual", true).await;
    apply(&app, &wish(&plan, "w@a.example")).await;
    let mail = mails(&app, "w@a.example", 1).await.remove(0);
    let withdrawn: Value =
        follow(&app, &link(&mail, "withdraw"), "withdraw").await.json().await.unwrap();
    assert_eq!(withdrawn["state"], "withdrawn");
    problem(follow(&app, &link(&mail, "verify"), "verify").await, 404, "not_found").await;

    apply(&app, &wish(&plan, "r@a.example")).await;
    let mail = mails(&app, "r@a.example", 1).await.remove(0);
    let verify = link(&mail, "verify");
    assert_eq!(follow(&app, &verify, "verify").await.status(), 200);
    let reason = json!({ "reason": "No purpose that we see" });
    app.admin_ok("POST", &format!("/admin/v1/applications/{}/reject", verify.0), Some(reason))
        .await;
    let told = mails(&app, "r@a.example", 2).await;
    assert!(told.iter().any(|mail| mail.contains("No purpose that we see")), "{told:?}");

    apply(&app, &wish(&plan, "late@a.example")).await;
    let mail = mails(&app, "late@a.example", 1).await.remove(0);
    app.clock.advance(72 * HOUR);
    problem(follow(&app, &link(&mail, "verify"), "verify").await, 404, "not_found").await;
}

#[tokio::test]
async fn answers_tell_nothing_and_each_address_has_its_share() {
    let app = TestApp::builder()
        .fixed_clock(NOON)
        .set("REGISTRATION__ENABLED", "true")
        .set("REGISTRATION__PER_ADDRESS_HOURLY", "8")
        .set("REGISTRATION__WAITING_MOST", "4")
        .start()
        .await;
    let plan = plan(&app, "manual", true).await;
    let first = apply(&app, &wish(&plan, "same@a.example")).await;
    for _ in 0..4 {
        assert_eq!(apply(&app, &wish(&plan, "same@a.example")).await, first);
    }
    mails(&app, "same@a.example", 3).await;
    assert_eq!(apply(&app, &wish(&plan, "other@a.example")).await.0, 202);
    let full = post(&app, "/v1/applications", &wish(&plan, "more@a.example")).await;
    problem(full, 503, "unavailable").await;
    apply(&app, &wish(&plan, "more@a.example")).await;
    let refused = post(&app, "/v1/applications", &wish(&plan, "more@a.example")).await;
    assert_eq!(refused.headers()["retry-after"], "3600");
    let refused = problem(refused, 429, "too_many_requests").await;
    let id = refused["refusal_id"].as_str().expect("it can be looked up");
    let told = app.admin_ok("GET", &format!("/admin/v1/refusals/{id}"), None).await;
    assert_eq!((&told["code"], &told["partner_id"]), (&json!("too_many_requests"), &Value::Null));
    for bad in [
        json!({ "email": "a@b.example\r\nBcc: c@d.example" }),
        json!({ "contact_name": "a\nBcc: c@d.example" }),
        json!({ "purpose": "x".repeat(2_001) }),
        json!({ "extra": 1 }),
    ] {
        let mut body = wish(&plan, "bad@a.example");
        for (name, value) in bad.as_object().unwrap() {
            body[name] = value.clone();
        }
        problem(post(&app, "/v1/applications", &body).await, 400, "invalid_body").await;
    }
}

#[tokio::test]
async fn a_link_that_is_right_works_whatever_else_came_from_its_address() {
    let app = TestApp::builder()
        .fixed_clock(NOON)
        .set("REGISTRATION__ENABLED", "true")
        .set("REGISTRATION__PER_ADDRESS_HOURLY", "1")
        .set("REGISTRATION__PLANS_PER_ADDRESS_HOURLY", "30")
        .set("REGISTRATION__WRONG_LINKS_PER_ADDRESS_HOURLY", "4")
        .start()
        .await;
    let plan = plan(&app, "auto", true).await;
    let look = async || app.http.get(app.public_url("/v1/plans")).send().await.unwrap();
    for _ in 0..30 {
        assert_eq!(look().await.status(), 200);
    }
    let often = problem(look().await, 429, "too_many_requests").await;
    assert!(often["detail"].as_str().unwrap().starts_with("The plans"), "{often}");
    // To look takes nothing from who applies.
    assert_eq!(apply(&app, &wish(&plan, "ann@a.example")).await.0, 202);
    let second = post(&app, "/v1/applications", &wish(&plan, "ann@a.example")).await;
    problem(second, 429, "too_many_requests").await;
    let mail = mails(&app, "ann@a.example", 1).await.remove(0);
    let (id, token) = link(&mail, "verify");
    let page = |token: &str| app.public_url(&format!("/apply/{id}/verify?token={token}"));
    let shown = async |request: reqwest::RequestBuilder, language: &str| {
        let answer = request.header("accept-language", language).send().await.unwrap();
        assert_eq!(answer.headers()["content-type"], "text/html; charset=utf-8");
        assert_eq!(answer.headers()["content-language"], language);
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    // Errors are pages, too: of a link that was cut off, has another token, or comes too often.
    for (request, said) in [
        (app.http.get(page("abc")), "This link is of no use"),
        (app.http.post(page("")), "This link is of no use"),
        (app.http.get(app.public_url(&format!("/apply/{id}/verify"))), "This link is of no use"),
        (app.http.post(app.public_url("/apply/x/verify?token=abc")), "This link is of no use"),
    ] {
        let (status, text) = shown(request, "en").await;
        assert!([400, 404].contains(&status) && text.contains(said), "{status}: {text}");
    }
    let forged = "0".repeat(64);
    for _ in 0..2 {
        assert_eq!(shown(app.http.get(page(&forged)), "fr").await.0, 404);
        assert_eq!(shown(app.http.post(page(&forged)), "fr").await.0, 404);
    }
    let (status, text) = shown(app.http.post(page(&forged)), "fr").await;
    assert!(status == 429 && text.contains("Trop de liens incorrects"), "{status}: {text}");
    problem(follow(&app, &(id.clone(), forged), "verify").await, 429, "too_many_requests").await;
    // One that is right works all the same, and so does the next.
    let (status, text) = shown(app.http.get(page(&token)), "en").await;
    assert!(status == 200 && text.contains("<form"), "{text}");
    assert_eq!(shown(app.http.post(page(&token)), "en").await.0, 200);
    let mails = mails(&app, "ann@a.example", 2).await;
    let approved = mails.iter().find(|mail| mail.contains("is approved")).unwrap();
    assert_eq!(follow(&app, &link(approved, "claim"), "claim").await.status(), 200);
}

#[tokio::test]
async fn what_came_to_nothing_is_forgotten_after_its_time() {
    let app = TestApp::builder()
        .fixed_clock(NOON)
        .set("REGISTRATION__ENABLED", "true")
        .set("REGISTRATION__KEEP_DAYS", "10")
        .start()
        .await;
    let plan = plan(&app, "manual", true).await;
    let pepper = comptoir::app::open_pepper(&app.config, &app.db).await.unwrap();
    let (settings, outbox) = (&app.config.registration, app.config.server.data_dir.join("outbox"));
    let links = Links::new(&pepper, "", settings.link_hours);
    let sender = (app.config.mail.from.clone(), Sink::Files(outbox));
    let post = Post::new((&app.db, &app.clock), "test".to_owned(), links, sender);
    let mut places = Vec::new();
    for name in ["rejected", "withdrawn", "pending"] {
        let email = format!("{name}@nordlicht.example");
        assert_eq!(apply(&app, &wish(&plan, &email)).await.0, 202);
        let mail = mails(&app, &email, 1).await.remove(0);
        let verify = link(&mail, "verify");
        assert_eq!(follow(&app, &verify, "verify").await.status(), 200);
        if name == "withdrawn" {
            assert_eq!(follow(&app, &link(&mail, "withdraw"), "withdraw").await.status(), 200);
        }
        places.push(format!("/admin/v1/applications/{}", verify.0));
    }
    let reason = json!({ "reason": "Not clear" });
    app.admin_ok("POST", &format!("{}/reject", places[0]), Some(reason)).await;
    mails(&app, "rejected@nordlicht.example", 2).await;
    post.forget(settings.keep_days).await.unwrap();
    for place in &places {
        app.admin_ok("GET", place, None).await;
    }
    app.clock.advance(10 * 24 * HOUR);
    post.forget(settings.keep_days).await.unwrap();
    for place in &places[..2] {
        problem(app.admin("GET", place, None).await, 404, "not_found").await;
    }
    app.admin_ok("GET", &places[2], None).await;
    let rows = crate::support::people::rows(&app.db, "applications").await;
    assert!(!rows.contains("rejected@") && !rows.contains("withdrawn@"), "{rows}");
}

#[tokio::test]
async fn pages_speak_the_language_of_the_application_or_of_who_looks() {
    let app = desk().await;
    let plan = plan(&app, "manual", true).await;
    let mut french = wish(&plan, "ann@nordlicht.example");
    french["language"] = json!("fr-CA");
    apply(&app, &french).await;
    let mail = mails(&app, "ann@nordlicht.example", 1).await.remove(0);
    let (id, token) = link(&mail, "verify");
    let page = |token: &str| app.public_url(&format!("/apply/{id}/verify?token={token}"));
    let shown = app.http.get(page(&token)).header("accept-language", "en").send().await.unwrap();
    assert_eq!(shown.headers()["content-language"], "fr");
    assert!(shown.text().await.unwrap().contains("<html lang=\"fr\">"));
    let confirmed = app.http.post(page(&token)).send().await.unwrap();
    assert!(confirmed.text().await.unwrap().contains("Confirmée"));
    // Where the link does not tell whose it is, who looks does.
    let forged = "0".repeat(64);
    for (asked, said) in
        [("fr-FR, en;q=0.5", "Ce lien ne sert pas"), ("de", "This link is of no use")]
    {
        let wrong = app.http.post(page(&forged)).header("accept-language", asked);
        let wrong = wrong.send().await.unwrap();
        assert_eq!(wrong.status(), 404);
        assert!(wrong.text().await.unwrap().contains(said), "{asked}");
    }
}

#[tokio::test]
async fn an_address_in_capitals_is_the_same_address() {
    let app = desk().await;
    let plan = plan(&app, "manual", true).await;
    for email in ["ann", "ann", "ANN", "Ann", "aNN"] {
        assert_eq!(apply(&app, &wish(&plan, &format!("{email}@nordlicht.example"))).await.0, 202);
    }
    let taken: i64 = comptoir::on_db!(&app.db, c => {
        sqlx::query_scalar("SELECT COUNT(*) FROM applications").fetch_one(c).await
    })
    .unwrap();
    assert_eq!(taken, 3);
}
