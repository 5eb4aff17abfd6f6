//! What is agreed with a partner and what follows for its keys: contract dates, freezes, contacts, notes.

use crate::support::{TestApp, TestKey, data, problem};
use comptoir::kernel::Micros;
use serde_json::{Value, json};

fn path() -> String {
    format!("/v1/products/{}", data::product_id(0))
}

async fn shop(at: &str) -> (TestApp, TestKey) {
    let app = TestApp::builder().fixed_clock(at).start().await;
    app.stock_shelves(1, 1).await;
    let key = app.key(json!({})).await;
    (app, key)
}

fn instant(text: &str) -> Micros {
    text.parse().unwrap()
}

/// Moves the clock to an instant.
fn at(app: &TestApp, text: &str) {
    app.clock.advance(instant(text).0 - app.clock.now().0);
}

async fn works(app: &TestApp, key: &TestKey) {
    let answer = app.get(&key.text, &path()).await;
    assert_eq!(answer.status(), 200, "{} {}", app.clock.now(), answer.text().await.unwrap());
}

async fn refused(app: &TestApp, key: &TestKey) -> String {
    let refused = problem(app.get(&key.text, &path()).await, 403, "no_contract").await;
    refused["detail"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_contract_begins_and_ends_at_midnight_where_it_is_made() {
    for (zone, before, first, last, after) in [
        (
            "UTC",
            "2027-01-31T23:59:59.999999Z",
            "2027-02-01T00:00:00Z",
            "2027-02-28T23:59:59.999999Z",
            "2027-03-01T00:00:00Z",
        ),
        (
            "Europe/Paris",
            "2027-01-31T22:59:59.999999Z",
            "2027-01-31T23:00:00Z",
            "2027-02-28T22:59:59.999999Z",
            "2027-02-28T23:00:00Z",
        ),
        (
            "Pacific/Auckland",
            "2027-01-31T10:59:59.999999Z",
            "2027-01-31T11:00:00Z",
            "2027-02-28T10:59:59.999999Z",
            "2027-02-28T11:00:00Z",
        ),
    ] {
        let (app, key) = shop("2027-01-15T12:00:00Z").await;
        works(&app, &key).await;
        let contract = json!({
            "reference": "2027-1", "starts_on": "2027-02-01", "ends_on": "2027-02-28", "time_zone": zone,
        });
        let place = format!("/admin/v1/partners/{}", key.partner_id);
        app.admin_ok("PATCH", &place, Some(json!({ "contract": contract }))).await;
        let said = refused(&app, &key).await;
        assert!(said.contains(&instant(first).to_string()), "{zone}: {said}");
        at(&app, before);
        refused(&app, &key).await;
        at(&app, first);
        works(&app, &key).await;
        at(&app, last);
        works(&app, &key).await;
        at(&app, after);
        assert!(refused(&app, &key).await.contains("over"), "{zone}");
        // Another contract, and no contract, hold when they are answered.
        let next = json!({ "reference": "2027-2", "starts_on": "2027-02-28", "time_zone": zone });
        app.admin_ok("PATCH", &place, Some(json!({ "contract": next }))).await;
        works(&app, &key).await;
        app.admin_ok("PATCH", &place, Some(json!({ "contract": contract }))).await;
        refused(&app, &key).await;
        let partner = app.admin_ok("PATCH", &place, Some(json!({ "contract": null }))).await;
        assert_eq!(partner["contract"], Value::Null);
        works(&app, &key).await;
    }
}

#[tokio::test]
async fn a_contract_that_cannot_be_is_refused() {
    let (app, key) = shop("2027-01-15T12:00:00Z").await;
    let place = format!("/admin/v1/partners/{}", key.partner_id);
    for (field, value, pointer) in [
        ("ends_on", json!("2027-01-31"), "/contract"),
        ("ends_on", json!("2027-02-30"), "/contract/ends_on"),
        ("starts_on", json!("1890-01-01"), "/contract/starts_on"),
        ("time_zone", json!("Mars/Olympus"), "/contract/time_zone"),
        ("reference", json!("a\u{202e}b"), "/contract/reference"),
        ("length", json!(1), "/contract/length"),
    ] {
        let mut contract =
            json!({ "reference": "c", "starts_on": "2027-02-01", "time_zone": "UTC" });
        contract[field] = value;
        let patch = app.admin("PATCH", &place, Some(json!({ "contract": contract }))).await;
        let fault = problem(patch, 400, "invalid_body").await["errors"][0].clone();
        assert_eq!(fault["pointer"], pointer, "{fault}");
    }
    works(&app, &key).await;
}

#[tokio::test]
async fn contacts_and_notes_are_kept_and_no_log_names_a_person() {
    let (app, key) = shop("2027-01-15T12:00:00Z").await;
    let place = format!("/admin/v1/partners/{}", key.partner_id);
    let contacts = json!([
        { "role": "technical", "name": "Camille Robin", "email": "camille@partner.example", "language": "fr" },
        { "role": "billing", "name": "Accounts", "email": "billing@partner.example", "phone": "+33 1 23 45 67 89" },
    ]);
    let patch = json!({ "name": "Renamed", "external_ref": "C-1", "contacts": contacts });
    let partner = app.admin_ok("PATCH", &place, Some(patch)).await;
    assert_eq!((&partner["name"], &partner["external_ref"]), (&json!("Renamed"), &json!("C-1")));
    assert_eq!(partner["contacts"][0]["email"], "camille@partner.example");
    let other = app.key(json!({})).await;
    let taken = json!({ "external_ref": "C-1" });
    let taken =
        app.admin("PATCH", &format!("/admin/v1/partners/{}", other.partner_id), Some(taken)).await;
    problem(taken, 409, "conflict").await;
    let many: Vec<Value> = (0..21).map(|_| contacts[0].clone()).collect();
    let many = app.admin("PATCH", &place, Some(json!({ "contacts": many }))).await;
    problem(many, 400, "invalid_body").await;
    for (field, value) in [("email", "nobody"), ("role", "boss"), ("phone", "call me")] {
        let mut contact = contacts[0].clone();
        contact[field] = json!(value);
        let wrong = app.admin("PATCH", &place, Some(json!({ "contacts": [contact] }))).await;
        let fault = problem(wrong, 400, "invalid_body").await["errors"][0].clone();
        assert_eq!(fault["pointer"], format!("/contacts/0/{field}"));
    }

    for body in ["First words about Camille.", "Second\nwords."] {
        app.admin_ok("POST", &format!("{place}/notes"), Some(json!({ "body": body }))).await;
    }
    let notes = app.admin_ok("GET", &format!("{place}/notes?limit=1"), None).await;
    assert_eq!(
        (&notes["items"][0]["number"], &notes["items"][0]["body"]),
        (&json!(2), &json!("Second\nwords."))
    );
    let rest = app.admin_ok("GET", notes["next"].as_str().unwrap(), None).await;
    assert_eq!((&rest["items"][0]["number"], &rest["next"]), (&json!(1), &Value::Null));

    let audit =
        app.admin_ok("GET", &format!("/admin/v1/audit?subject={}", key.partner_id), None).await;
    let text = audit.to_string();
    assert!(text.contains("partner.note") && text.contains("technical"), "{text}");
    assert!(!text.contains("amille") && !text.contains("@partner"), "{text}");
}

#[tokio::test]
async fn what_is_frozen_is_refused_and_cannot_be_changed() {
    let (app, key) = shop("2027-01-15T12:00:00Z").await;
    let places = [
        format!("/admin/v1/keys/{}", key.id),
        format!("/admin/v1/apps/{}", key.app_id),
        format!("/admin/v1/partners/{}", key.partner_id),
    ];
    for place in &places {
        let said = json!({ "reason": "The key leaked" });
        let frozen = app.admin_ok("POST", &format!("{place}/freeze"), Some(said)).await;
        assert_eq!(
            (&frozen["frozen"], &frozen["reason"]),
            (&json!(true), &json!("The key leaked"))
        );
        let refused = problem(app.get(&key.text, &path()).await, 403, "frozen").await;
        assert!(!refused["detail"].as_str().unwrap().contains("leaked"), "{refused}");
        let listed = app.admin_ok("GET", "/admin/v1/freezes", None).await;
        assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed}");

        // Nothing below it can be changed either.
        let rotated = json!({ "overlap_s": 60 });
        let rotated = app.admin("POST", &format!("{}/rotate", places[0]), Some(rotated)).await;
        let said = problem(rotated, 409, "conflict").await;
        assert!(said["detail"].as_str().unwrap().contains("frozen"), "{said}");
        let again = json!({ "reason": "Another reason", "tell_caller": true });
        let again = app.admin("POST", &format!("{place}/freeze"), Some(again)).await;
        problem(again, 409, "conflict").await;
        let told = json!({ "reason": "The key leaked", "tell_caller": true });
        let told = app.admin("POST", &format!("{place}/freeze"), Some(told)).await;
        problem(told, 409, "conflict").await;
        let same = json!({ "reason": "The key leaked" });
        let same = app.admin_ok("POST", &format!("{place}/freeze"), Some(same)).await;
        assert_eq!(same, frozen);

        let without = app.admin("POST", &format!("{place}/unfreeze"), Some(json!({}))).await;
        problem(without, 400, "invalid_body").await;
        let cleared = json!({ "reason": "It was another key" });
        let cleared = app.admin_ok("POST", &format!("{place}/unfreeze"), Some(cleared)).await;
        assert_eq!(cleared["frozen"], false);
        works(&app, &key).await;
    }
    let audit = app.admin_ok("GET", &format!("/admin/v1/audit?subject={}", key.id), None).await;
    let actions: Vec<&str> =
        audit["items"].as_array().unwrap().iter().map(|e| e["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["key.unfreeze", "key.freeze", "key.create"]);
    assert_eq!(audit["items"][0]["detail"]["reason"], "It was another key");
}

#[tokio::test]
async fn a_freeze_keeps_the_status_beneath_and_may_tell_its_reason() {
    let (app, key) = shop("2027-01-15T12:00:00Z").await;
    let place = format!("/admin/v1/partners/{}", key.partner_id);
    app.admin_ok("POST", &format!("{place}/suspend"), None).await;
    let said = json!({ "reason": "Ask Camille", "tell_caller": true });
    app.admin_ok("POST", &format!("{place}/freeze"), Some(said)).await;
    let refused = problem(app.get(&key.text, &path()).await, 403, "frozen").await;
    assert!(refused["detail"].as_str().unwrap().contains("Ask Camille"), "{refused}");
    let plan = app.plan(json!([{ "name": "day", "quota": 5, "window_s": 60 }])).await;
    let new = json!({ "partner_id": key.partner_id, "plan_id": plan, "name": "another" });
    problem(app.admin("POST", "/admin/v1/apps", Some(new)).await, 409, "conflict").await;
    for (op, path, body) in [
        ("PATCH", place.clone(), json!({ "name": "x" })),
        ("POST", format!("{place}/notes"), json!({ "body": "x" })),
        ("PATCH", format!("/admin/v1/apps/{}", key.app_id), json!({ "plan_id": plan })),
    ] {
        problem(app.admin(op, &path, Some(body)).await, 409, "conflict").await;
    }
    problem(app.admin("POST", &format!("{place}/resume"), None).await, 409, "conflict").await;
    let cleared = json!({ "reason": "x" });
    app.admin_ok("POST", &format!("{place}/unfreeze"), Some(cleared)).await;
    problem(app.get(&key.text, &path()).await, 403, "suspended").await;
    let nobody = json!({ "reason": "x" });
    let nobody = app.admin("POST", "/admin/v1/partners/prt_00000000000/freeze", Some(nobody)).await;
    problem(nobody, 404, "not_found").await;
}

#[tokio::test]
async fn what_is_frozen_can_be_repaired() {
    let (app, key) = shop("2027-01-15T12:00:00Z").await;
    let place = format!("/admin/v1/keys/{}", key.id);
    let partner = format!("/admin/v1/partners/{}", key.partner_id);
    let why = json!({ "reason": "Keys found in a public repository" });
    app.admin_ok("POST", &format!("{partner}/freeze"), Some(why)).await;
    let other = json!({ "app_id": key.app_id, "environment": "live", "name": "other" });
    problem(app.admin("POST", "/admin/v1/keys", Some(other)).await, 409, "conflict").await;
    // What leaves the old secret alive is refused, and the preview of many keys says so.
    for body in
        [json!({ "overlap_s": 60 }), json!({ "overlap_s": 0, "starts_at": "2027-01-16T12:00:00Z" })]
    {
        let refused = app.admin("POST", &format!("{place}/rotate"), Some(body)).await;
        let refused = problem(refused, 409, "conflict").await;
        assert!(refused["detail"].as_str().unwrap().contains("overlap_s"), "{refused}");
    }
    let filter = json!({ "partner_id": key.partner_id });
    let request = json!({ "action": "rotate", "filter": filter });
    let seen = app.admin_ok("POST", "/admin/v1/keys/bulk/preview", Some(request)).await;
    let skipped = json!([{ "id": key.id, "reason": "frozen" }]);
    assert_eq!((&seen["count"], &seen["skipped"]), (&json!(0), &skipped));
    let request = json!({ "action": "rotate", "filter": filter, "overlap_s": 0 });
    let seen = app.admin_ok("POST", "/admin/v1/keys/bulk/preview", Some(request.clone())).await;
    let run = json!({ "request": request, "token": seen["token"] });
    let changed = app.admin("POST", "/admin/v1/keys/bulk", Some(run)).await;
    assert_eq!(changed.status(), 200);
    let changed: Value = changed.json().await.unwrap();
    let rotated = json!({ "overlap_s": 0 });
    let rotated = app.admin_ok("POST", &format!("{place}/rotate"), Some(rotated)).await;
    for verb in ["quarantine", "suspend"] {
        app.admin_ok("POST", &format!("{place}/{verb}"), None).await;
    }
    // In quarantine it could do more than suspended.
    for verb in ["quarantine", "resume"] {
        let wider = app.admin("POST", &format!("{place}/{verb}"), None).await;
        problem(wider, 409, "conflict").await;
    }
    let text = rotated["text"].as_str().unwrap();
    problem(app.get(text, &path()).await, 403, "frozen").await;
    let why = json!({ "reason": "All keys are rotated" });
    app.admin_ok("POST", &format!("{partner}/unfreeze"), Some(why.clone())).await;
    app.admin_ok("POST", &format!("{place}/resume"), None).await;
    assert_eq!(app.get(text, &path()).await.status(), 200);
    for old in [key.text.as_str(), changed["text"].as_str().unwrap()] {
        assert_eq!(app.get(old, &path()).await.status(), 401, "the old secrets are over");
    }
    app.admin_ok("POST", &format!("{place}/freeze"), Some(why)).await;
    assert_eq!(app.admin_ok("POST", &format!("{place}/revoke"), None).await["status"], "revoked");
}

#[tokio::test]
async fn what_is_frozen_says_so_wherever_it_is_shown() {
    let (app, key) = shop("2027-01-15T12:00:00Z").await;
    let places = [("keys", &key.id), ("apps", &key.app_id), ("partners", &key.partner_id)];
    for (height, (kind, id)) in places.iter().enumerate() {
        let place = format!("/admin/v1/{kind}/{id}");
        let why = json!({ "reason": "A dispute" });
        app.admin_ok("POST", &format!("{place}/freeze"), Some(why.clone())).await;
        for (below, (kind, id)) in places.iter().enumerate() {
            let shown = app.admin_ok("GET", &format!("/admin/v1/{kind}/{id}"), None).await;
            let told = json!({
                "id": places[height].1, "reason": "A dispute", "since": "2027-01-15T12:00:00Z",
            });
            let told = if below <= height { told } else { Value::Null };
            assert_eq!((&shown["status"], &shown["frozen"]), (&json!("active"), &told), "{kind}");
            let listed = app.admin_ok("GET", &format!("/admin/v1/{kind}"), None).await;
            let listed = listed["items"].as_array().unwrap().iter();
            let listed = listed.filter(|item| item["id"] == json!(id)).collect::<Vec<_>>();
            assert_eq!(listed, [&shown]);
        }
        app.admin_ok("POST", &format!("{place}/unfreeze"), Some(why)).await;
    }
}

#[tokio::test]
async fn a_reason_is_kept_and_what_is_not_known_is_refused() {
    let (app, key) = shop("2027-01-15T12:00:00Z").await;
    for (kind, id, verbs) in [
        ("partners", &key.partner_id, &["suspend", "resume"][..]),
        ("apps", &key.app_id, &["suspend", "resume"]),
        ("keys", &key.id, &["quarantine", "resume", "suspend", "revoke"]),
    ] {
        for verb in verbs {
            let place = format!("/admin/v1/{kind}/{id}/{verb}");
            for wrong in [json!({ "why": "unpaid" }), json!({ "reason": "" }), json!([])] {
                let refused = app.admin("POST", &place, Some(wrong)).await;
                problem(refused, 400, "invalid_body").await;
            }
            app.admin_ok("POST", &place, Some(json!({ "reason": "unpaid" }))).await;
            let audit = app.admin_ok("GET", &format!("/admin/v1/audit?subject={id}"), None).await;
            let last = &audit["items"][0];
            assert!(last["action"].as_str().unwrap().ends_with(verb), "{last}");
            assert_eq!(last["detail"]["reason"], "unpaid");
        }
    }
}
