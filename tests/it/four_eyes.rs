//! What a setting names is done when a second person has approved it, and exactly as it was asked for.

use crate::support::people::{Browser, rows};
use crate::support::{Builder, NOON, TestApp, problem};
use comptoir::access::audit;
use comptoir::kernel::clock::DAY;
use serde_json::{Value, json};

/// Two owners, and a gateway on which owners are made and unmade by two. The accounts were there before the
/// rule was.
async fn two_owners() -> (TestApp, Browser, Browser) {
    desk(TestApp::builder(), "owners").await
}

/// A gateway on which a setting asks for two people, and two of them.
pub(crate) async fn desk(app: Builder, four_eyes: &str) -> (TestApp, Browser, Browser) {
    let app = app.fixed_clock(NOON).set("ADMIN__FOUR_EYES", four_eyes);
    let app = app.set("ADMIN__GUARDED_SCOPES", "customer.*, stock:quantity").start().await;
    let one = owner(&app, "one@example.com").await;
    let other = owner(&app, "other@example.com").await;
    (app, one, other)
}

/// An owner whom the command line has made: it is not asked twice.
pub(crate) async fn owner(app: &TestApp, login: &str) -> Browser {
    use comptoir::access::service::By;
    use comptoir::admin::accounts::{password::Password, service};
    use comptoir::app::open_pepper;
    let pepper = open_pepper(&app.config, &app.db).await.unwrap();
    let new = service::NewAccount {
        login: login.parse().unwrap(),
        name: login.parse().unwrap(),
        roles: "owner".parse().unwrap(),
        password: Password::new("a first password".into()).hash(&pepper).await.unwrap(),
        must_change: false,
    };
    let mut tx = app.db.begin().await.unwrap();
    let by = By::new("cli", app.clock.now());
    service::create(&mut tx, &by, new).await.unwrap();
    tx.commit().await.unwrap();
    Browser::begin(app, login, "a first password").await
}

pub(crate) fn path(waits: &Value, verb: &str) -> String {
    format!("/admin/v1/approvals/{}/{verb}", waits["id"].as_str().unwrap())
}

/// What comes of an action that makes a secret when `other` has approved it and `one`, who has asked, claims it.
pub(crate) async fn claimed(asked: &Value, one: &Browser, other: &Browser) -> Value {
    let approved = other.ok("POST", &path(asked, "approve"), None).await;
    let status = &approved["approval"]["status"];
    assert_eq!((status, &approved["result"]), (&json!("claimable"), &Value::Null));
    one.ok("POST", &path(asked, "claim"), None).await
}

#[tokio::test]
async fn an_owners_token_is_made_when_another_owner_agrees() {
    let (app, one, other) = two_owners().await;
    let body = json!({ "name": "deploy", "roles": ["owner"] });
    let asked = one.call("POST", "/admin/v1/tokens", Some(body)).await;
    assert_eq!(asked.status(), 202);
    let waits: Value = asked.json().await.unwrap();
    assert_eq!((&waits["status"], &waits["asked_by"]), (&json!("waiting"), &json!(one.account)));
    assert_eq!(waits["preview"]["roles"], json!(["owner"]));
    let tokens = app.admin_ok("GET", "/admin/v1/tokens", None).await;
    assert_eq!(tokens["items"].as_array().unwrap().len(), 1, "nothing was done");
    let listed = other.ok("GET", "/admin/v1/approvals?waiting=true", None).await;
    assert_eq!(listed["items"], json!([waits]));

    let refused = one.call("POST", &path(&waits, "approve"), None).await;
    problem(refused, 403, "second_person_required").await;
    let refused = app.admin("POST", &path(&waits, "approve"), None).await;
    problem(refused, 403, "second_person_required").await;
    problem(one.call("POST", &path(&waits, "claim"), None).await, 409, "conflict").await;
    let done = claimed(&waits, &one, &other).await;
    assert_eq!(done["approval"]["status"], "approved");
    let again =
        problem(one.call("POST", &path(&waits, "claim"), None).await, 409, "conflict").await;
    let detail = again["detail"].as_str().unwrap();
    assert!(detail.contains("has been done: to ask for it anew would do it once more"), "{detail}");
    assert_eq!(done["approval"]["decided_by"], json!(other.account));
    let text = done["result"]["text"].as_str().unwrap();
    let me = app.http.get(app.admin_url("/admin/v1/me")).bearer_auth(text).send().await.unwrap();
    assert_eq!(me.json::<Value>().await.unwrap()["roles"], json!(["owner"]));
    let again = other.call("POST", &path(&waits, "approve"), None).await;
    problem(again, 409, "conflict").await;
    problem(one.call("POST", &path(&waits, "claim"), None).await, 409, "conflict").await;
    let shown = one.ok("GET", path(&waits, "").trim_end_matches('/'), None).await;
    assert!(!shown.to_string().contains(text), "the secret was shown that once");
    assert!(!rows(&app.db, "approvals").await.contains(text));

    // Both stand in the log, which is whole.
    let id = done["result"]["token"]["id"].as_str().unwrap();
    let made = app.admin_ok("GET", &format!("/admin/v1/audit?subject={id}"), None).await;
    let both = format!("{} approved by {}", one.account, other.account);
    assert_eq!(made["items"][0]["actor"], json!(both));
    let subject = format!("/admin/v1/audit?subject={}", waits["id"].as_str().unwrap());
    let told = app.admin_ok("GET", &subject, None).await;
    let told: Vec<&str> =
        told["items"].as_array().unwrap().iter().map(|e| e["action"].as_str().unwrap()).collect();
    assert_eq!(told, ["approval.claim", "approval.approve", "approval.ask"]);
    assert!(audit::verify(&app.db, None).await.unwrap().is_ok());
}

#[tokio::test]
async fn a_person_is_one_person_with_any_of_their_tokens() {
    let (app, one, other) = two_owners().await;
    let body = json!({ "name": "mine", "roles": ["owner"] });
    let asked =
        one.call("POST", "/admin/v1/tokens", Some(body)).await.json::<Value>().await.unwrap();
    let done = claimed(&asked, &one, &other).await;
    let text = done["result"]["text"].as_str().unwrap();
    // What a token asks for that the first person has made, that person cannot approve.
    let body = json!({ "login": "third@example.com", "name": "Third", "roles": ["auditor"] });
    let asked = app.http.post(app.admin_url("/admin/v1/accounts")).bearer_auth(text).json(&body);
    let asked = asked.send().await.unwrap();
    assert_eq!(asked.status(), 202);
    let asked: Value = asked.json().await.unwrap();
    let refused = one.call("POST", &path(&asked, "approve"), None).await;
    problem(refused, 403, "second_person_required").await;
    // And they claim it, who is one person with their token.
    let done = claimed(&asked, &one, &other).await;
    assert!(done["result"]["password"].is_string(), "{done}");
}

#[tokio::test]
async fn one_person_does_not_become_two_by_what_another_has_approved() {
    let (app, one, other) = two_owners().await;
    let ask = async |who: &Browser, login: &str| {
        let body = json!({ "login": login, "name": "Third", "roles": ["owner"] });
        let asked = who.call("POST", "/admin/v1/accounts", Some(body)).await;
        assert_eq!(asked.status(), 202);
        asked.json::<Value>().await.unwrap()
    };
    let asked = ask(&one, "third@example.com").await;
    other.ok("POST", &path(&asked, "approve"), None).await;
    // Nothing is there before it is claimed, and the second person cannot claim it.
    let accounts = app.admin_ok("GET", "/admin/v1/accounts", None).await;
    assert_eq!(accounts["items"].as_array().unwrap().len(), 2, "{accounts}");
    let refused = other.call("POST", &path(&asked, "claim"), None).await;
    problem(refused, 403, "insufficient_role").await;
    let done = one.ok("POST", &path(&asked, "claim"), None).await;
    let first = done["result"]["password"].as_str().unwrap();
    let third = Browser::begin(&app, "third@example.com", first).await;
    // Who knew the first password is no second person to the account, nor the account to them.
    for (asks, approves) in [(&one, &third), (&third, &one)] {
        let asked = ask(asks, "fourth@example.com").await;
        let refused = approves.call("POST", &path(&asked, "approve"), None).await;
        problem(refused, 403, "second_person_required").await;
        other.ok("POST", &path(&asked, "approve"), None).await;
        let taken_back = json!({ "reason": "Not now." });
        asks.ok("POST", &path(&asked, "reject"), Some(taken_back)).await;
        problem(asks.call("POST", &path(&asked, "claim"), None).await, 409, "conflict").await;
    }
    // Somebody else is, for both.
    let asked = ask(&other, "fifth@example.com").await;
    third.ok("POST", &path(&asked, "approve"), None).await;
}

#[tokio::test]
async fn what_is_not_claimed_in_time_is_never_done() {
    let (app, one, other) = two_owners().await;
    let body = json!({ "name": "deploy", "roles": ["owner"] });
    let asked =
        one.call("POST", "/admin/v1/tokens", Some(body)).await.json::<Value>().await.unwrap();
    other.ok("POST", &path(&asked, "approve"), None).await;
    app.clock.advance(3 * DAY);
    let mut one = one;
    one.log_in_again().await;
    let late = problem(one.call("POST", &path(&asked, "claim"), None).await, 409, "conflict").await;
    assert!(late["detail"].as_str().unwrap().contains("expired"), "{late}");
    let tokens = app.admin_ok("GET", "/admin/v1/tokens", None).await;
    assert_eq!(tokens["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_gives_or_takes_an_owner_waits_and_the_rest_does_not() {
    let (app, one, other) = two_owners().await;
    let status = async |method: &str, path: &str, body: Option<Value>| {
        one.call(method, path, body).await.status().as_u16()
    };
    let token = json!({ "name": "till", "roles": ["feeds"] });
    assert_eq!(status("POST", "/admin/v1/tokens", Some(token)).await, 201);
    let theirs = format!("/admin/v1/accounts/{}", other.account);
    assert_eq!(status("PATCH", &theirs, Some(json!({ "name": "The other" }))).await, 200);
    for (method, path, body) in [
        ("PATCH", theirs.clone(), Some(json!({ "roles": ["auditor"] }))),
        ("POST", format!("{theirs}/suspend"), None),
        ("POST", format!("{theirs}/reset"), None),
        (
            "POST",
            "/admin/v1/accounts".into(),
            Some(json!({ "login": "new", "name": "N", "roles": ["billing"] })),
        ),
    ] {
        assert_eq!(status(method, &path, body).await, 202, "{method} {path}");
    }
    assert_eq!(status("POST", &format!("{theirs}/sign_out"), None).await, 200);
    assert_eq!(app.admin_ok("GET", &theirs, None).await["roles"], json!(["owner"]));
}

#[tokio::test]
async fn what_is_rejected_or_too_late_is_never_done() {
    let (app, one, other) = two_owners().await;
    let ask = async || {
        let body = json!({ "name": "deploy", "roles": ["owner"] });
        one.call("POST", "/admin/v1/tokens", Some(body)).await.json::<Value>().await.unwrap()
    };
    let asked = ask().await;
    for wrong in [
        json!({}),
        json!({ "reason": " " }),
        json!({ "reason": "x".repeat(501) }),
        json!({ "reason": "Seen\u{1b}[2J" }),
        json!({ "reason": "Seen\u{202e}by" }),
    ] {
        let refused = other.call("POST", &path(&asked, "reject"), Some(wrong)).await;
        problem(refused, 400, "invalid_body").await;
    }
    let reason = json!({ "reason": "We have one." });
    let rejected = other.ok("POST", &path(&asked, "reject"), Some(reason)).await;
    assert_eq!(
        (&rejected["status"], &rejected["reason"]),
        (&json!("rejected"), &json!("We have one."))
    );
    problem(other.call("POST", &path(&asked, "approve"), None).await, 409, "conflict").await;

    let taken_back = ask().await;
    one.ok("POST", &path(&taken_back, "reject"), Some(json!({ "reason": "A mistake." }))).await;

    let late = ask().await;
    app.clock.advance(3 * DAY);
    let mut other = other;
    other.log_in_again().await;
    let refused =
        problem(other.call("POST", &path(&late, "approve"), None).await, 409, "conflict").await;
    assert!(refused["detail"].as_str().unwrap().contains("expired"), "{refused}");
    assert_eq!(other.ok("GET", "/admin/v1/approvals?waiting=true", None).await["items"], json!([]));
    let tokens = app.admin_ok("GET", "/admin/v1/tokens", None).await;
    assert_eq!(tokens["items"].as_array().unwrap().len(), 1);
    let unknown = other.call("POST", "/admin/v1/approvals/apr_00000000000/approve", None).await;
    problem(unknown, 404, "not_found").await;
}

#[tokio::test]
async fn a_second_person_needs_the_right_of_what_they_approve() {
    let (app, one, other) = two_owners().await;
    let body = json!({ "login": "keys@example.com", "name": "Keys", "roles": ["key_manager"] });
    let asked =
        one.call("POST", "/admin/v1/accounts", Some(body)).await.json::<Value>().await.unwrap();
    let done = claimed(&asked, &one, &other).await;
    let first = done["result"]["password"].as_str().unwrap();
    let keys = Browser::begin(&app, "keys@example.com", first).await;
    let body = json!({ "name": "deploy", "roles": ["owner"] });
    let asked =
        one.call("POST", "/admin/v1/tokens", Some(body)).await.json::<Value>().await.unwrap();
    for verb in ["approve", "reject"] {
        let body = (verb == "reject").then(|| json!({ "reason": "no" }));
        let refused = keys.call("POST", &path(&asked, verb), body).await;
        let refused = problem(refused, 403, "insufficient_role").await;
        assert!(refused["detail"].as_str().unwrap().contains("manage_people"), "{refused}");
    }
}

#[tokio::test]
async fn what_cannot_be_done_waits_on_and_two_who_approve_at_once_do_it_once() {
    let (app, one, other) = two_owners().await;
    let third = owner(&app, "third@example.com").await;
    let body = json!({ "login": "other@example.com", "name": "Twice", "roles": ["auditor"] });
    let refused = one.call("POST", "/admin/v1/accounts", Some(body)).await;
    problem(refused, 409, "conflict").await;
    assert_eq!(one.ok("GET", "/admin/v1/approvals", None).await["items"], json!([]));
    let body = json!({ "login": "twice@example.com", "name": "Twice", "roles": ["auditor"] });
    let asked =
        one.call("POST", "/admin/v1/accounts", Some(body)).await.json::<Value>().await.unwrap();
    owner(&app, "twice@example.com").await;
    problem(other.call("POST", &path(&asked, "approve"), None).await, 409, "conflict").await;
    let shown = one.ok("GET", path(&asked, "").trim_end_matches('/'), None).await;
    assert_eq!(shown["status"], "waiting");

    let body = json!({ "name": "deploy", "roles": ["owner"] });
    let asked =
        one.call("POST", "/admin/v1/tokens", Some(body)).await.json::<Value>().await.unwrap();
    let approve = path(&asked, "approve");
    let (a, b) =
        tokio::join!(other.call("POST", &approve, None), third.call("POST", &approve, None));
    let mut statuses = [a.status().as_u16(), b.status().as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    let claim = path(&asked, "claim");
    let (a, b) = tokio::join!(one.call("POST", &claim, None), one.call("POST", &claim, None));
    let mut statuses = [a.status().as_u16(), b.status().as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    let tokens = app.admin_ok("GET", "/admin/v1/tokens", None).await;
    assert_eq!(tokens["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn whom_it_does_not_concern_sees_that_something_waits_and_not_what() {
    let (app, one, other) = two_owners().await;
    let body = json!({ "login": "reader@example.com", "name": "Reader", "roles": ["read_only"] });
    let asked = one.ok("POST", "/admin/v1/accounts", Some(body)).await;
    let done = claimed(&asked, &one, &other).await;
    let first = done["result"]["password"].as_str().unwrap();
    let reader = Browser::begin(&app, "reader@example.com", first).await;
    let body = json!({ "login": "claire@example.com", "name": "Claire", "roles": ["auditor"] });
    let asked = one.ok("POST", "/admin/v1/accounts", Some(body)).await;
    let place = path(&asked, "");
    let place = place.trim_end_matches('/');
    for who in [&one, &other] {
        assert_eq!(who.ok("GET", place, None).await["payload"]["login"], "claire@example.com");
    }
    let shown = reader.ok("GET", place, None).await;
    assert_eq!((&shown["action"], &shown["status"]), (&json!("create_account"), &json!("waiting")));
    assert_eq!((&shown["payload"], &shown["preview"]), (&Value::Null, &Value::Null));
    let listed = reader.ok("GET", "/admin/v1/approvals", None).await;
    assert!(!listed.to_string().contains("laire"), "{listed}");
    // The log, which is for ever, tells the account by its id.
    claimed(&asked, &one, &other).await;
    app.admin_ok("POST", &format!("/admin/v1/accounts/{}/sign_out", reader.account), None).await;
    one.ok("POST", &format!("/admin/v1/accounts/{}/reset", reader.account), None).await;
    let log = app.admin_ok("GET", "/admin/v1/audit?limit=200", None).await;
    let log = log.to_string();
    assert!(!log.contains("claire@") && !log.contains("reader@"), "{log}");
}

#[tokio::test]
async fn an_owner_is_kept_whatever_somebody_has_seen_before() {
    use comptoir::access::AccessError;
    use comptoir::access::service::{By, Switch};
    use comptoir::admin::accounts::service::{AccountChange, set_status, update};
    let (app, one, _) = two_owners().await;
    let id = one.account.parse().unwrap();
    let by = By::new("acc_00000000001", app.clock.now()).keeping_owners(true);
    let mut tx = app.db.begin().await.unwrap();
    let roles = |roles: &str| AccountChange {
        roles: Some(roles.parse().unwrap()),
        ..AccountChange::default()
    };
    let refused = update(&mut tx, &by, id, roles("auditor")).await;
    assert!(matches!(refused, Err(AccessError::SecondOwner)), "{refused:?}");
    let refused = set_status(&mut tx, &by, id, Switch::Suspend).await;
    assert!(matches!(refused, Err(AccessError::SecondOwner)), "{refused:?}");
    update(&mut tx, &by, id, roles("owner,auditor")).await.unwrap();
    update(&mut tx, &By::new("cli", by.now), id, roles("auditor")).await.unwrap();
    let refused = update(&mut tx, &by, id, roles("owner")).await;
    assert!(matches!(refused, Err(AccessError::SecondOwner)), "{refused:?}");
}
