//! Who may do what in the admin API: every operation, every role.

use crate::support::{NOON, TestApp, problem};
use comptoir::admin::rights::{Need, OPERATIONS, Right};
use comptoir::admin::roles::Role;
use comptoir::app::openapi::ADMIN;
use comptoir::kernel::clock::{HOUR, MINUTE};
use comptoir::kernel::word::Word as _;
use reqwest::Method;
use serde_json::{Value, json};

/// Every operation of the admin document: id, method, path with something in place of parameters, and what
/// the document says of it.
fn operations() -> Vec<(String, Method, String, Value)> {
    let document: Value = serde_json::from_str(&ADMIN.json).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let each = |(path, methods): (&String, &Value)| {
        let methods = methods.as_object().unwrap().clone();
        let path = path.replace(['{', '}'], "");
        methods.into_iter().map(move |(method, operation)| {
            let id = operation["operationId"].as_str().unwrap().to_owned();
            (id, method.to_uppercase().parse().unwrap(), path.clone(), operation)
        })
    };
    paths.iter().flat_map(each).collect()
}

/// A token with one role.
async fn token(app: &TestApp, role: Role) -> String {
    let body = json!({ "name": role.as_str(), "roles": [role.as_str()] });
    let issued = app.admin_ok("POST", "/admin/v1/tokens", Some(body)).await;
    assert_eq!(issued["token"]["roles"], json!([role.as_str()]));
    issued["text"].as_str().unwrap().to_owned()
}

async fn call(app: &TestApp, method: &Method, path: &str, token: &str) -> reqwest::Response {
    let request = app.http.request(method.clone(), app.admin_url(path)).bearer_auth(token);
    request.send().await.unwrap()
}

#[tokio::test]
async fn every_operation_is_refused_to_every_role_that_lacks_its_right_and_to_no_other() {
    let app = TestApp::start().await;
    let mut tokens = Vec::new();
    for (_, role) in Role::WORDS {
        tokens.push((*role, token(&app, *role).await));
    }
    let operations = operations();
    assert_eq!(operations.len(), OPERATIONS.len());
    for (id, method, path, operation) in operations {
        let need = comptoir::admin::rights::of(&id).unwrap();
        if need != Need::Nothing {
            let bare = app.http.request(method.clone(), app.admin_url(&path)).send().await.unwrap();
            problem(bare, 401, "missing_key").await;
        }
        let Need::Right(right) = need else {
            assert!(operation["x-right"].is_null(), "{id}");
            continue;
        };
        assert_eq!(operation["x-right"], right.as_str(), "{id}");
        assert!(operation["responses"]["403"].is_object(), "{id}");
        for (role, token) in &tokens {
            let answer = call(&app, &method, &path, token).await;
            if role.rights().contains(&right) {
                let status = answer.status().as_u16();
                assert!(![401, 403, 405, 500].contains(&status), "{id} as {role}: {status}");
            } else {
                let refused = problem(answer, 403, "insufficient_role").await;
                let detail = refused["detail"].as_str().unwrap();
                assert!(detail.contains(right.as_str()) && detail.contains("owner"), "{detail}");
                assert!(
                    operation["x-roles"].as_array().unwrap().iter().all(|r| *r != role.as_str())
                );
            }
        }
    }
}

#[tokio::test]
async fn a_path_that_is_written_in_another_way_needs_the_same_right() {
    let app = TestApp::start().await;
    let auditor = token(&app, Role::Auditor).await;
    for path in ["/admin/v1/ke%79s", "/admin/v1/%6Beys", "/admin/v1/keys?x=/admin/v1/audit"] {
        let refused = call(&app, &Method::POST, path, &auditor).await;
        problem(refused, 403, "insufficient_role").await;
    }
    for path in ["/admin/v1//keys", "/admin/v1/keys/", "/admin/v1/%2Fkeys", "/admin/v1/x/../keys/x"]
    {
        let status = call(&app, &Method::POST, path, &auditor).await.status().as_u16();
        assert!([403, 404, 405].contains(&status), "{path}: {status}");
    }
}

#[tokio::test]
async fn who_calls_is_told_what_they_may_do() {
    let app = TestApp::start().await;
    let text = token(&app, Role::KeyManager).await;
    let me = call(&app, &Method::GET, "/admin/v1/me", &text).await.json::<Value>().await.unwrap();
    assert_eq!(me["roles"], json!(["key_manager"]));
    let rights = me["rights"].as_array().unwrap();
    assert!(rights.contains(&json!(Right::ManageKeys.as_str())), "{me}");
    assert!(!rights.contains(&json!(Right::ManagePeople.as_str())), "{me}");
}

#[tokio::test]
async fn a_refusal_is_in_the_audit_log() {
    let app = TestApp::start().await;
    let text = token(&app, Role::Support).await;
    let me = call(&app, &Method::GET, "/admin/v1/me", &text).await.json::<Value>().await.unwrap();
    problem(call(&app, &Method::POST, "/admin/v1/plans", &text).await, 403, "insufficient_role")
        .await;
    let trail = app.admin_ok("GET", "/admin/v1/audit?subject=create_plan", None).await;
    let entry = &trail["items"][0];
    assert_eq!(
        (&entry["action"], &entry["actor"]),
        (&json!("access.refuse"), &me["id"]),
        "{trail}"
    );
    assert_eq!(entry["detail"]["needed"], "manage_plans", "{trail}");
}

#[tokio::test]
async fn a_refusal_is_looked_up_by_its_id_by_admins_and_by_no_partner() {
    let app = TestApp::start().await;
    let (key, text) = (app.key(json!({})).await, token(&app, Role::Support).await);
    let lacking = call(&app, &Method::POST, "/admin/v1/plans", &text).await;
    let unknown = call(&app, &Method::GET, "/admin/v1/plans", "cpt_admin_x").await;
    for refused in [
        problem(lacking, 403, "insufficient_role").await,
        problem(unknown, 401, "invalid_key").await,
    ] {
        let id = refused["refusal_id"].as_str().unwrap();
        let why = app.admin_ok("GET", &format!("/admin/v1/refusals/{id}"), None).await;
        assert_eq!((&why["status"], &why["code"]), (&refused["status"], &refused["code"]));
        let words = why["explanation"].as_str().unwrap();
        assert!(words.ends_with(refused["detail"].as_str().unwrap()), "{why}");
        assert_eq!((&why["partner_id"], &why["reason"]), (&Value::Null, &Value::Null), "{why}");
        problem(app.get(&key.text, &format!("/v1/refusals/{id}")).await, 404, "not_found").await;
    }
    // What is listed is of partners.
    assert_eq!(app.admin_ok("GET", "/admin/v1/refusals", None).await["items"], json!([]));
}

#[tokio::test]
async fn refusals_that_follow_are_summed_up() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    let text = token(&app, Role::Feeds).await;
    let refused = async |path: &str| {
        problem(call(&app, &Method::GET, path, &text).await, 403, "insufficient_role").await;
    };
    let entries = async |operation: &str| {
        let path = format!("/admin/v1/audit?subject={operation}");
        app.admin_ok("GET", &path, None).await["items"].as_array().unwrap().clone()
    };
    for _ in 0..20 {
        refused("/admin/v1/keys").await;
    }
    refused("/admin/v1/partners").await;
    let told = entries("list_keys").await;
    assert_eq!((told.len(), &told[0]["detail"]["more_before"]), (1, &Value::Null), "{told:?}");
    assert_eq!(entries("list_partners").await.len(), 1);
    app.clock.advance(MINUTE);
    refused("/admin/v1/keys").await;
    let told = entries("list_keys").await;
    assert_eq!((told.len(), &told[0]["detail"]["more_before"]), (2, &json!(19)), "{told:?}");
}

#[tokio::test]
async fn what_was_summed_up_of_refusals_is_told_at_a_stop() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    let mut node = app.beside().await;
    let text = token(&app, Role::Feeds).await;
    for path in ["/admin/v1/keys", "/admin/v1/keys", "/admin/v1/keys", "/admin/v1/partners"] {
        problem(call(&node, &Method::GET, path, &text).await, 403, "insufficient_role").await;
    }
    node.stop().await;
    let told = app.admin_ok("GET", "/admin/v1/audit?action=access.refuse", None).await;
    let told = told["items"].as_array().unwrap().iter();
    let told: Vec<_> = told.map(|entry| (&entry["subject"], &entry["detail"])).collect();
    let first = json!({ "code": "insufficient_role", "needed": "read" });
    let mut rest = first.clone();
    rest["more"] = json!(2);
    assert_eq!(
        told,
        [
            (&json!("list_keys"), &rest),
            (&json!("list_partners"), &first),
            (&json!("list_keys"), &first),
        ]
    );
}

#[tokio::test]
async fn a_token_ends_by_itself_and_shows_its_last_use() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    let body = json!({ "name": "till", "roles": ["feeds"], "expires_at": "2026-11-22T13:00:00Z" });
    let issued = app.admin_ok("POST", "/admin/v1/tokens", Some(body)).await;
    let text = issued["text"].as_str().unwrap();
    assert_eq!(issued["token"]["last_used_at"], Value::Null);
    app.clock.advance(5 * MINUTE);
    assert_eq!(call(&app, &Method::GET, "/admin/v1/me", text).await.status(), 200);
    let listed = app.admin_ok("GET", "/admin/v1/tokens", None).await;
    let items = listed["items"].as_array().unwrap();
    let shown = items.iter().find(|token| token["id"] == issued["token"]["id"]).unwrap();
    assert_eq!(shown["last_used_at"], "2026-11-22T12:05:00Z");
    app.clock.advance(HOUR);
    problem(call(&app, &Method::GET, "/admin/v1/me", text).await, 401, "expired_key").await;
    let listed = app.admin_ok("GET", "/admin/v1/tokens", None).await;
    let mut statuses: Vec<&str> =
        listed["items"].as_array().unwrap().iter().map(|t| t["status"].as_str().unwrap()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, ["active", "expired"]);
    // Nobody is made an owner by saying nothing.
    let unsaid = app.admin("POST", "/admin/v1/tokens", Some(json!({ "name": "ci" }))).await;
    let unsaid = problem(unsaid, 400, "invalid_body").await;
    assert!(unsaid.to_string().contains("roles"), "{unsaid}");
    let past = json!({ "name": "late", "roles": ["feeds"], "expires_at": "2026-11-22T13:00:00Z" });
    let refused = app.admin("POST", "/admin/v1/tokens", Some(past)).await;
    assert_eq!(problem(refused, 400, "invalid_body").await["errors"][0]["pointer"], "/expires_at");
    for wrong in [json!([]), json!(["boss"]), json!("owner")] {
        let body = json!({ "name": "x", "roles": wrong });
        let refused = app.admin("POST", "/admin/v1/tokens", Some(body)).await;
        problem(refused, 400, "invalid_body").await;
    }
}

#[tokio::test]
async fn a_token_of_before_there_were_roles_may_do_everything() {
    let app = TestApp::start().await;
    let issued = app
        .admin_ok("POST", "/admin/v1/tokens", Some(json!({ "name": "old", "roles": ["owner"] })))
        .await;
    let id = issued["token"]["id"].as_str().unwrap();
    // As the version before has written it.
    let sql = "INSERT INTO admin_tokens (id, name, hash, status, created_at) \
               SELECT 'adm_00000000001', name, 'x' || hash, status, created_at FROM admin_tokens WHERE id = $1";
    let mut tx = app.db.begin().await.unwrap();
    comptoir::on_tx!(&mut tx, c => { sqlx::query(sql).bind(id).execute(c).await.unwrap(); });
    tx.commit().await.unwrap();
    let held = crate::support::people::rows(&app.db, "admin_tokens").await;
    let old = held.lines().find(|row| row.contains("adm_00000000001")).unwrap();
    assert!(old.contains("owner"), "{old}");
}

#[tokio::test]
async fn billing_sees_usage_and_tries_plans_and_support_writes_notes() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    app.stock_shelves(1, 1).await;
    let key = app.key(json!({})).await;
    let path = format!("/v1/products/{}", crate::support::data::product_id(0));
    assert_eq!(app.get(&key.text, &path).await.status(), 200);
    app.wait_for_gauge("events_folded_total", 1).await;
    let billing = token(&app, Role::Billing).await;
    let usage = format!("/admin/v1/apps/{}/usage?granularity=month", key.app_id);
    let used = call(&app, &Method::GET, &usage, &billing).await;
    assert_eq!(used.status(), 200);
    let used: Value = used.json().await.unwrap();
    crate::support::schema::documented(&used, "admin", "AppUsageOut");
    assert_eq!(used["partner_id"], key.partner_id.as_str());
    assert_eq!(
        (&used["items"][0]["operation_id"], &used["items"][0]["units"]),
        (&json!("get_product"), &json!("1.000"))
    );
    let wrong =
        call(&app, &Method::GET, &format!("{usage}&from=2026-11-22T10:30:00Z"), &billing).await;
    problem(wrong, 400, "invalid_parameter").await;
    let plan = app.admin_ok("GET", &format!("/admin/v1/apps/{}", key.app_id), None).await;
    let simulate = format!("/admin/v1/plans/{}/simulate", plan["plan_id"].as_str().unwrap());
    let simulate = app.http.post(app.admin_url(&simulate)).bearer_auth(&billing);
    assert_eq!(simulate.json(&json!({ "period": "2026-11" })).send().await.unwrap().status(), 200);

    let support = token(&app, Role::Support).await;
    let notes = format!("/admin/v1/partners/{}/notes", key.partner_id);
    let note = app.http.post(app.admin_url(&notes)).bearer_auth(&support);
    let note = note.json(&json!({ "body": "Asked why calls were refused." })).send().await.unwrap();
    assert_eq!(note.status(), 201);
    let listed: Value = call(&app, &Method::GET, &notes, &support).await.json().await.unwrap();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    let auditor = token(&app, Role::Auditor).await;
    let note = call(&app, &Method::POST, &notes, &auditor).await;
    problem(note, 403, "insufficient_role").await;
}
