//! What two people agree on is done to what they have seen, and as long as both still want it.

use crate::four_eyes::{self, claimed, owner, path};
use crate::one_connection::jwks;
use crate::support::people::Browser;
use crate::support::{TestApp, TestKey, problem};
use comptoir::access::audit;
use comptoir::kernel::clock::DAY;
use serde_json::{Value, json};

async fn desk() -> (TestApp, Browser, Browser) {
    four_eyes::desk(TestApp::builder(), "customer_scopes").await
}

/// Gives the app of a key to a new partner, by one person.
async fn give_away(app: &TestApp, who: &Browser, key: &TestKey) {
    let name = format!("New owner of {}", key.app_id);
    let to = app.admin_ok("POST", "/admin/v1/partners", Some(json!({ "name": name }))).await;
    let place = format!("/admin/v1/apps/{}/transfer", key.app_id);
    let moved = who.ok("POST", &place, Some(json!({ "partner_id": to["id"] }))).await;
    assert_eq!(moved["transferred"], json!(true));
}

/// Refused because what was seen is not so any more, and left as it was.
async fn changed(who: &Browser, asked: &Value, verb: &str) {
    let refused = who.call("POST", &path(asked, verb), None).await;
    let refused = problem(refused, 409, "conflict").await;
    assert!(refused["detail"].as_str().unwrap().contains("preview"), "{refused}");
}

#[tokio::test]
async fn a_key_is_made_for_the_partner_that_was_seen() {
    let (app, one, other) = desk().await;
    let key = app.key(json!({ "scopes": ["catalog:read"] })).await;
    let new = |name: &str| json!({ "app_id": key.app_id, "name": name, "environment": "live", "scopes": ["stock:quantity"] });
    let mut signs = new("signs");
    signs["jwks"] = jwks(&[0]);
    let waits = [("keys", new("early")), ("keys", new("late")), ("clients", signs)];
    let mut asked = Vec::new();
    for (place, body) in waits {
        let wish = one.ok("POST", &format!("/admin/v1/{place}"), Some(body)).await;
        let shown = &wish["preview"];
        assert_eq!(shown["partner_id"], json!(key.partner_id), "{wish}");
        assert_eq!(shown["scopes"], json!(["stock:quantity"]), "{wish}");
        asked.push(wish);
    }
    // One is approved already when the app goes to somebody else, who has nothing guarded so far.
    other.ok("POST", &path(&asked[0], "approve"), None).await;
    give_away(&app, &one, &key).await;
    changed(&one, &asked[0], "claim").await;
    changed(&other, &asked[1], "approve").await;
    changed(&other, &asked[2], "approve").await;
    let keys = app.admin_ok("GET", &format!("/admin/v1/keys?app_id={}", key.app_id), None).await;
    assert_eq!(keys["items"].as_array().unwrap().len(), 1, "{keys}");
    // Asked for anew, it is shown whose it will be.
    let again = one.ok("POST", "/admin/v1/keys", Some(new("anew"))).await;
    assert_ne!(again["preview"]["partner_id"], json!(key.partner_id));
    claimed(&again, &one, &other).await;
}

#[tokio::test]
async fn a_key_is_changed_as_it_was_seen() {
    let (app, one, other) = desk().await;
    let bound = json!({ "scopes": ["catalog:read"], "cidrs": ["192.0.2.0/24"] });
    let key = app.key(bound.clone()).await;
    let place = format!("/admin/v1/keys/{}", key.id);
    let more = json!({ "scopes": ["catalog:read", "stock:quantity"] });
    let asked = one.ok("PATCH", &place, Some(more.clone())).await;
    let shown = &asked["preview"];
    assert_eq!(
        (&shown["partner_id"], &shown["app_id"]),
        (&json!(key.partner_id), &json!(key.app_id))
    );
    let seen = &shown["key"];
    assert_eq!((&seen["scopes"], &seen["cidrs"]), (&bound["scopes"], &bound["cidrs"]));
    // One person takes the bounds away that the other has seen: nothing guarded is in the key yet.
    one.ok("PATCH", &place, Some(json!({ "cidrs": [] }))).await;
    changed(&other, &asked, "approve").await;
    // And the same where the app is another partner's meanwhile, which is no change of the key.
    let asked = one.ok("PATCH", &place, Some(more.clone())).await;
    give_away(&app, &one, &key).await;
    changed(&other, &asked, "approve").await;
    let now = app.admin_ok("GET", &place, None).await;
    assert_eq!(now["scopes"], bound["scopes"]);

    let asked = one.ok("PATCH", &place, Some(more)).await;
    other.ok("POST", &path(&asked, "approve"), None).await;
    // A new secret of what it is now, too.
    let asked = one.ok("POST", &format!("{place}/rotate"), None).await;
    assert!(asked["preview"]["key"]["scopes"].to_string().contains("stock:quantity"), "{asked}");
    one.ok("PATCH", &place, Some(json!({ "name": "renamed" }))).await;
    changed(&other, &asked, "approve").await;
}

#[tokio::test]
async fn many_keys_are_changed_for_the_partner_that_was_seen() {
    let (app, one, _) = desk().await;
    let key = app.key(json!({ "scopes": ["catalog:read"] })).await;
    let request = json!({ "action": "rotate", "filter": { "ids": [key.id] } });
    let seen = one.ok("POST", "/admin/v1/keys/bulk/preview", Some(request.clone())).await;
    give_away(&app, &one, &key).await;
    let run = json!({ "request": request, "token": seen["token"] });
    let refused = one.call("POST", "/admin/v1/keys/bulk", Some(run)).await;
    problem(refused, 409, "conflict").await;
}

/// Refused because who has asked is not who they were.
async fn lost(who: &Browser, asked: &Value, verb: &str, why: &str) {
    let refused = who.call("POST", &path(asked, verb), None).await;
    let refused = problem(refused, 409, "conflict").await;
    assert!(refused["detail"].as_str().unwrap().contains(why), "{refused}");
}

#[tokio::test]
async fn what_somebody_wanted_who_has_lost_the_right_is_not_done() {
    let (app, _, other) = desk().await;
    let key = app.key(json!({ "scopes": ["catalog:read"] })).await;
    let bob = Browser::set_up(&app, "bob@example.com", &["key_manager"]).await;
    let more = json!({ "scopes": ["stock:quantity"] });
    let asked = bob.ok("PATCH", &format!("/admin/v1/keys/{}", key.id), Some(more)).await;
    let account = format!("/admin/v1/accounts/{}", bob.account);
    let be = async |role: &str| {
        app.admin_ok("PATCH", &account, Some(json!({ "roles": [role] }))).await;
    };
    be("read_only").await;
    lost(&other, &asked, "approve", "lost the right").await;
    be("key_manager").await;
    other.ok("POST", &path(&asked, "approve"), None).await;
}

#[tokio::test]
async fn what_a_token_wanted_is_not_claimed_when_it_is_stopped() {
    let (app, one, other) = desk().await;
    let key = app.key(json!({ "scopes": ["catalog:read"] })).await;
    let ask = async |name: &str| {
        let body = json!({ "name": name, "roles": ["key_manager"] });
        let token = one.ok("POST", "/admin/v1/tokens", Some(body)).await;
        let new = json!({ "app_id": key.app_id, "name": name, "environment": "live", "scopes": ["stock:quantity"] });
        let call = app.http.post(app.admin_url("/admin/v1/keys")).json(&new);
        let asked = call.bearer_auth(token["text"].as_str().unwrap()).send().await.unwrap();
        let asked: Value = asked.json().await.unwrap();
        other.ok("POST", &path(&asked, "approve"), None).await;
        (format!("/admin/v1/tokens/{}", token["token"]["id"].as_str().unwrap()), asked)
    };
    let (token, asked) = ask("stopped").await;
    app.admin_ok("POST", &format!("{token}/revoke"), None).await;
    lost(&one, &asked, "claim", "revoked").await;
    let (_, asked) = ask("going on").await;
    one.ok("POST", &path(&asked, "claim"), None).await;
}

#[tokio::test]
async fn who_made_an_account_alone_is_no_second_person_to_it_when_two_are_asked() {
    let (app, one, other) = desk().await;
    let new = json!({ "login": "third@example.com", "name": "Third", "roles": ["owner"] });
    let made = one.ok("POST", "/admin/v1/accounts", Some(new)).await;
    let third = Browser::begin(&app, "third@example.com", made["password"].as_str().unwrap()).await;
    let asked_of = async |at: &TestApp| {
        let one = one.at(at);
        let body = json!({ "login": "fourth@example.com", "name": "Fourth", "roles": ["auditor"] });
        let asked = one.ok("POST", "/admin/v1/accounts", Some(body)).await;
        assert_eq!(asked["status"], "waiting", "{asked}");
        asked
    };
    // From now on it takes two to make an account.
    let beside = app.beside_with(&[("ADMIN__FOUR_EYES", "owners")]).await;
    let asked = asked_of(&beside).await;
    let third = third.at(&beside);
    let refused = third.call("POST", &path(&asked, "approve"), None).await;
    problem(refused, 403, "second_person_required").await;
    let other = other.at(&beside);
    other.ok("POST", &path(&asked, "approve"), None).await;
}

#[tokio::test]
async fn a_reset_account_has_left_nothing_behind() {
    let (app, one, other) = four_eyes::desk(TestApp::builder(), "owners").await;
    let third = owner(&app, "third@example.com").await;
    let body = json!({ "name": "reader", "roles": ["auditor"] });
    let token = third.ok("POST", "/admin/v1/tokens", Some(body)).await;
    let ask = async |name: &str| {
        let body = json!({ "name": name, "roles": ["owner"] });
        third.ok("POST", "/admin/v1/tokens", Some(body)).await
    };
    let (waits, agreed) = (ask("waits").await, ask("agreed").await);
    other.ok("POST", &path(&agreed, "approve"), None).await;
    let reset = format!("/admin/v1/accounts/{}/reset", third.account);
    let asked = other.ok("POST", &reset, None).await;
    let done = claimed(&asked, &other, &one).await;
    assert_eq!(done["approval"]["status"], "approved");
    let first = done["result"]["password"].as_str().unwrap();

    let text = token["text"].as_str().unwrap();
    let me = app.http.get(app.admin_url("/admin/v1/me")).bearer_auth(text).send().await.unwrap();
    problem(me, 401, "revoked_key").await;
    for open in [&waits, &agreed] {
        let now = one.ok("GET", path(open, "").trim_end_matches('/'), None).await;
        assert_eq!(now["status"], "rejected", "{now}");
    }
    problem(one.call("POST", &path(&waits, "approve"), None).await, 409, "conflict").await;
    // It is its person's again, who resets it once more: that itself is not put down.
    let third = Browser::begin(&app, "third@example.com", first).await;
    let asked = third.ok("POST", &reset, None).await;
    let done = claimed(&asked, &third, &one).await;
    assert_eq!(done["approval"]["status"], "approved");
    let now = one.ok("GET", path(&asked, "").trim_end_matches('/'), None).await;
    assert_eq!(now["status"], "approved", "{now}");
    assert!(audit::verify(&app.db, None).await.unwrap().is_ok());
}

#[tokio::test]
async fn what_somebody_has_approved_who_is_stopped_since_is_not_claimed() {
    let (app, one, other) = desk().await;
    let key = app.key(json!({ "scopes": ["catalog:read"] })).await;
    let agreed = async |name: &str, by: &Browser| {
        let body = json!({ "app_id": key.app_id, "name": name, "environment": "live", "scopes": ["stock:quantity"] });
        let asked = one.ok("POST", "/admin/v1/keys", Some(body)).await;
        by.ok("POST", &path(&asked, "approve"), None).await;
        asked
    };
    let place = |verb: &str| format!("/admin/v1/accounts/{}/{verb}", other.account);
    let refused = async |asked: &Value, why: &str| {
        let refused = one.call("POST", &path(asked, "claim"), None).await;
        let refused = problem(refused, 409, "conflict").await;
        assert!(refused["detail"].as_str().unwrap().contains(why), "{refused}");
    };
    let asked = agreed("key", &other).await;
    app.admin_ok("POST", &place("suspend"), None).await;
    refused(&asked, "Who has approved it is suspended").await;
    // Their account is not given back with what was done with it in other hands.
    app.admin_ok("POST", &place("resume"), None).await;
    app.admin_ok("POST", &place("reset"), None).await;
    refused(&asked, "rejected").await;
    let third = owner(&app, "third@example.com").await;
    let asked = agreed("another", &third).await;
    let place = format!("/admin/v1/accounts/{}", third.account);
    app.admin_ok("PATCH", &place, Some(json!({ "roles": ["support"] }))).await;
    refused(&asked, "Who has approved it has lost the right").await;
}

#[tokio::test]
async fn an_account_is_reset_as_it_was_seen() {
    let (_app, one, other) = four_eyes::desk(TestApp::builder(), "owners").await;
    let body = json!({ "login": "claire", "name": "Claire", "roles": ["support"] });
    let asked = one.ok("POST", "/admin/v1/accounts", Some(body)).await;
    let made = if asked["status"] == "waiting" {
        claimed(&asked, &one, &other).await["result"]["account"].clone()
    } else {
        asked["account"].clone()
    };
    let account = format!("/admin/v1/accounts/{}", made["id"].as_str().unwrap());
    let reset = one.ok("POST", &format!("{account}/reset"), None).await;
    let shown = &reset["preview"];
    assert_eq!((&shown["name"], &shown["roles"]), (&json!("Claire"), &json!(["support"])));
    // An owner is somebody else to give a first password of.
    let asked = one.ok("PATCH", &account, Some(json!({ "roles": ["owner"] }))).await;
    other.ok("POST", &path(&asked, "approve"), None).await;
    changed(&other, &reset, "approve").await;
}

#[tokio::test]
async fn the_wishes_of_one_hide_not_those_of_others() {
    let (app, one, other) = four_eyes::desk(TestApp::builder(), "owners").await;
    let ask = async |who: &Browser| {
        let body = json!({ "name": "deploy", "roles": ["owner"] });
        who.call("POST", "/admin/v1/tokens", Some(body)).await
    };
    let theirs: Value = ask(&other).await.json().await.unwrap();
    let mut asked = Vec::new();
    for _ in 0..20 {
        app.clock.advance(1);
        let answer = ask(&one).await;
        assert_eq!(answer.status(), 202);
        asked.push(answer.json::<Value>().await.unwrap());
    }
    let refused = problem(ask(&one).await, 409, "conflict").await;
    assert!(refused["detail"].as_str().unwrap().contains("20"), "{refused}");
    // Page by page, the newest first, all are there once.
    let (mut seen, mut next) = (Vec::new(), "/admin/v1/approvals?waiting=true&limit=8".to_owned());
    loop {
        let page = one.ok("GET", &next, None).await;
        seen.extend(page["items"].as_array().unwrap().iter().map(|it| it["id"].clone()));
        match page["next"].as_str() {
            Some(url) => next = url.to_owned(),
            None => break,
        }
    }
    let newest = asked.iter().rev().chain([&theirs]).map(|it| it["id"].clone());
    assert_eq!(seen, newest.collect::<Vec<_>>());
    // What is taken back makes room, and so does what has been approved and claimed.
    let back = json!({ "reason": "Not now." });
    one.ok("POST", &path(&asked[0], "reject"), Some(back)).await;
    assert_eq!(ask(&one).await.status(), 202);
    // Half a year later the audit log alone has it.
    app.clock.advance(184 * DAY);
    let mut one = one;
    one.log_in_again().await;
    assert_eq!(ask(&one).await.status(), 202);
    let left = one.ok("GET", "/admin/v1/approvals", None).await;
    assert_eq!(left["items"].as_array().unwrap().len(), 1, "{left}");
}
