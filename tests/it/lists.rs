//! Lists of the admin API: what they can be narrowed to, and that a cursor belongs to what was asked.

use crate::support::{NOON, TestApp, problem};
use comptoir::kernel::clock::HOUR;
use serde_json::{Value, json};

/// One member of each item of a list, walked page by page.
async fn walked(app: &TestApp, path: &str, member: &str) -> Vec<String> {
    let (mut found, mut next) = (Vec::new(), Some(path.to_owned()));
    while let Some(path) = next {
        let page = app.admin_ok("GET", &path, None).await;
        let items = page["items"].as_array().unwrap();
        found.extend(items.iter().map(|item| item[member].as_str().unwrap().to_owned()));
        next = page["next"].as_str().map(str::to_owned);
    }
    found
}

async fn made(app: &TestApp, what: &str, body: Value) -> String {
    let made = app.admin_ok("POST", &format!("/admin/v1/{what}"), Some(body)).await;
    made["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_audit_log_is_asked_by_whom_what_about_what_and_when() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    let key = app.key(json!({})).await;
    let other = app.key(json!({})).await;
    app.clock.advance(HOUR);
    let later = app.clock.now().to_string();
    for (id, verb) in [(&key.id, "suspend"), (&key.id, "resume"), (&other.id, "quarantine")] {
        app.admin_ok("POST", &format!("/admin/v1/keys/{id}/{verb}"), None).await;
    }
    let log = async |query: &str| {
        walked(&app, &format!("/admin/v1/audit?limit=2&{query}"), "action").await
    };
    let key_log = ["key.resume", "key.suspend", "key.create"];
    assert_eq!(log(&format!("subject={}", key.id)).await, key_log);
    // All of a partner: itself, its apps and their keys.
    let partner = log(&format!("partner_id={}", key.partner_id)).await;
    assert_eq!(partner[..3], key_log);
    assert!(partner.contains(&"app.create".into()) && partner.contains(&"partner.create".into()));
    assert!(
        !partner.contains(&"key.quarantine".into()) && !partner.contains(&"plan.create".into())
    );
    assert_eq!(log("action=key.quarantine").await, ["key.quarantine"]);
    let kind = log("action=key").await;
    assert!(kind.len() == 5 && kind.iter().all(|action| action.starts_with("key.")), "{kind:?}");
    assert_eq!(
        log(&format!("from={later}")).await,
        ["key.quarantine", "key.resume", "key.suspend"]
    );
    assert_eq!(log(&format!("to={later}&action=key")).await, ["key.create", "key.create"]);
    let token = app.admin_token.split('_').nth(2).unwrap();
    let all = log("").await;
    let by_token = log(&format!("actor=adm_{token}")).await;
    assert!(
        !by_token.is_empty() && by_token.len() < all.len(),
        "the token itself was made by another"
    );
    assert!(log("actor=cli").await.is_empty());

    for wrong in [
        "subject=a-b",
        "actor=a%25",
        "action=Key",
        "from=monday",
        &format!("from={later}&to={later}"),
    ] {
        let refused = app.admin("GET", &format!("/admin/v1/audit?{wrong}"), None).await;
        problem(refused, 400, "invalid_parameter").await;
    }
    let first = app.admin_ok("GET", "/admin/v1/audit?limit=1&action=key", None).await;
    let cursor = first["next"].as_str().unwrap().split("cursor=").nth(1).unwrap();
    let other = app
        .admin("GET", &format!("/admin/v1/audit?limit=1&action=app&cursor={cursor}"), None)
        .await;
    problem(other, 400, "invalid_cursor").await;
}

#[tokio::test]
async fn partners_are_found_by_what_people_know_of_them() {
    let app = TestApp::start().await;
    let contact =
        json!({ "role": "billing", "name": "Zoé Ångström", "email": "compta@nord.example" });
    let one =
        json!({ "name": "Épicerie du Nord", "external_ref": "C-1042", "contacts": [contact] });
    let one = made(&app, "partners", one).await;
    let two = made(&app, "partners", json!({ "name": "Épicerie du Sud" })).await;
    for n in 0..5 {
        made(&app, "partners", json!({ "name": format!("Other {n}") })).await;
    }
    app.admin_ok("POST", &format!("/admin/v1/partners/{two}/suspend"), None).await;
    let mut both = vec![one.clone(), two.clone()];
    both.sort();
    let found = async |query: &str| {
        walked(&app, &format!("/admin/v1/partners?limit=1&{query}"), "id").await
    };
    assert_eq!(found("q=epicerie%20DU").await, both);
    for text in ["%C3%89picerie%20du%20nord", "c-1042", "zoe%20ang", "COMPTA@nord"] {
        assert_eq!(found(&format!("q={text}")).await, [one.as_str()], "{text}");
    }
    assert_eq!(found("status=suspended").await, [two.as_str()]);
    assert_eq!(found("q=epicerie&status=active").await, [one.as_str()]);
    assert!(found("q=nobody").await.is_empty());
    assert_eq!(found("").await.len(), 7);
    problem(
        app.admin("GET", "/admin/v1/partners?status=idle", None).await,
        400,
        "invalid_parameter",
    )
    .await;
    let first = app.admin_ok("GET", "/admin/v1/partners?limit=1&q=epicerie", None).await;
    let cursor = first["next"].as_str().unwrap().split("cursor=").nth(1).unwrap();
    let other = app
        .admin("GET", &format!("/admin/v1/partners?limit=1&q=other&cursor={cursor}"), None)
        .await;
    problem(other, 400, "invalid_cursor").await;
}

#[tokio::test]
async fn apps_and_keys_are_listed_by_plan_status_environment_and_more() {
    let app = TestApp::start().await;
    let small = app.plan(json!([{ "name": "day", "quota": 100, "window_s": 86_400 }])).await;
    let big = app.plan(json!([{ "name": "day", "quota": 1_000, "window_s": 86_400 }])).await;
    let one = app.key_under(&small, json!({ "scopes": ["stock:read"] })).await;
    let two = app.key_under(&big, json!({ "environment": "test" })).await;
    app.admin_ok("POST", &format!("/admin/v1/apps/{}/suspend", two.app_id), None).await;
    let apps = async |query: &str| walked(&app, &format!("/admin/v1/apps?{query}"), "id").await;
    assert_eq!(apps(&format!("plan_id={small}")).await, [one.app_id.as_str()]);
    assert_eq!(apps("status=suspended").await, [two.app_id.as_str()]);
    assert!(apps(&format!("plan_id={small}&status=suspended")).await.is_empty());
    // The plan that counts is the one that it is on now.
    let place = format!("/admin/v1/apps/{}", one.app_id);
    app.admin_ok("PATCH", &place, Some(json!({ "plan_id": big }))).await;
    assert!(apps(&format!("plan_id={small}")).await.is_empty());
    assert_eq!(
        apps(&format!("plan_id={big}&partner_id={}", one.partner_id)).await,
        [one.app_id.as_str()]
    );

    let keys = async |query: &str| walked(&app, &format!("/admin/v1/keys?{query}"), "id").await;
    assert_eq!(keys("environment=test").await, [two.id.as_str()]);
    assert_eq!(keys("environment=live").await, [one.id.as_str()]);
    assert_eq!(keys("scope=catalog:read").await, [two.id.as_str()]);
    assert_eq!(keys(&format!("plan_id={big}&environment=live")).await, [one.id.as_str()]);
    assert!(keys(&format!("plan_id={small}")).await.is_empty());
    let hint = &one.text[one.text.len() - 4..];
    assert!(keys(&format!("hint={hint}")).await.contains(&one.id));
    for wrong in ["environment=staging", "scope=all", "plan_id=x"] {
        let refused = app.admin("GET", &format!("/admin/v1/keys?{wrong}"), None).await;
        problem(refused, 400, "invalid_parameter").await;
    }
}

#[tokio::test]
async fn a_plan_tells_what_it_names_and_the_catalog_does_not_have() {
    let app = TestApp::start().await;
    app.stock_shelves(1, 1).await;
    let limit = json!({ "name": "burst", "quota": 9, "window_s": 1 });
    let data = json!({ "category_ids": ["nope"], "brand_ids": ["Nord", "nope"], "store_ids": ["0000", "nope"] });
    let body = json!({ "name": "Early", "limits": [limit], "data": data });
    let plan = app.admin_ok("POST", "/admin/v1/plans", Some(body)).await;
    // The catalog may come later, so the plan is made all the same.
    let absent = plan["absent"].as_array().unwrap();
    let kinds: Vec<&str> = absent.iter().map(|one| one["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["category", "brand", "store"], "{plan}");
    for one in absent {
        let list = format!("{}_ids", one["kind"].as_str().unwrap());
        assert!(plan["data"][&list].as_array().unwrap().contains(&one["id"]), "{plan}");
    }
    let place = format!("/admin/v1/plans/{}", plan["id"].as_str().unwrap());
    assert_eq!(app.admin_ok("GET", &place, None).await["absent"], plan["absent"]);
    let there = json!({ "data": { "brand_ids": ["Nord"] } });
    let there = app.admin_ok("PATCH", &place, Some(there)).await;
    assert_eq!(there.get("absent"), None, "{there}");
}

#[tokio::test]
async fn a_plan_tells_which_operations_it_can_never_admit() {
    let app = TestApp::start().await;
    let body =
        json!({ "name": "Tiny", "limits": [{ "name": "burst", "quota": 1, "window_s": 1 }] });
    let plan = app.admin_ok("POST", "/admin/v1/plans", Some(body)).await;
    let never = plan["never_admitted"].as_array().unwrap();
    assert!(!never.is_empty(), "{plan}");
    for one in never {
        assert_eq!((&one["limit"], &one["granted"]), (&json!("burst"), &json!(1)));
        assert!(one["taken"].as_f64().unwrap() > 1.0, "{one}");
    }
    let named = |plan: &Value, id: &str| {
        plan["never_admitted"].as_array().unwrap().iter().any(|one| one["operation_id"] == id)
    };
    assert!(!named(&plan, "get_product"), "{plan}");
    // A greater limit admits it, and so does one that is not for it.
    let first = never[0]["operation_id"].as_str().unwrap();
    let place = format!("/admin/v1/plans/{}", plan["id"].as_str().unwrap());
    let narrow = json!({ "limits": [{ "name": "burst", "quota": 1, "window_s": 1, "operations": ["get_product"] }] });
    let narrow = app.admin_ok("PATCH", &place, Some(narrow)).await;
    assert_eq!(narrow["never_admitted"], json!([]));
    let great = json!({ "limits": [{ "name": "burst", "quota": 1_000, "window_s": 1 }] });
    assert!(!named(&app.admin_ok("PATCH", &place, Some(great)).await, first));
}

#[tokio::test]
async fn all_faults_of_a_body_are_told_at_once() {
    let app = TestApp::start().await;
    let pointers = async |path: &str, body: Value| -> Vec<String> {
        let refused = problem(app.admin("POST", path, Some(body)).await, 400, "invalid_body").await;
        let errors = refused["errors"].as_array().unwrap();
        errors.iter().map(|error| error["pointer"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(pointers("/admin/v1/apps", json!({})).await, ["/partner_id", "/plan_id", "/name"]);
    let mut found = pointers(
        "/admin/v1/plans",
        json!({
            "nme": "Small",
            "limits": [
                { "name": "burst", "quota": 0, "window_s": 1 },
                { "name": "day", "quota": 5, "window_s": 1 },
                { "name": "month", "quota": 5, "period": "moon" },
            ],
            "weights": { "get_produkt": 1 },
        }),
    )
    .await;
    found.sort();
    let all = ["/limits/0/quota", "/limits/2/period", "/name", "/nme", "/weights/get_produkt"];
    assert_eq!(found, all);
    let mut found = pointers(
        "/admin/v1/partners",
        json!({
            "name": "", "contacts": [
                { "role": "billing", "name": "A", "email": "none" },
                { "role": "boss", "email": "a@b.example" },
            ],
        }),
    )
    .await;
    found.sort();
    assert_eq!(found, ["/contacts/0/email", "/contacts/1/name", "/contacts/1/role", "/name"]);
    // A key that may do nothing is a mistake.
    let key = app.key(json!({})).await;
    let none = json!({ "app_id": key.app_id, "name": "x", "environment": "live", "scopes": [] });
    assert_eq!(pointers("/admin/v1/keys", none.clone()).await, ["/scopes"]);
    assert_eq!(pointers("/admin/v1/clients", none).await, ["/scopes"]);
    let place = format!("/admin/v1/keys/{}", key.id);
    let edit = app.admin("PATCH", &place, Some(json!({ "scopes": [] }))).await;
    problem(edit, 400, "invalid_body").await;
}
