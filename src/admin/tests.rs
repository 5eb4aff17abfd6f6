//! The admin API as its callers meet it, over a database of its own.

use super::roles::Roles;
use super::token::TokenSpec;
use super::{AdminState, bootstrap, configure, token};
use crate::access::key::{KeyText, Pepper};
use crate::access::tests::{START, at, name};
use crate::feeds::levels::Writer;
use crate::http::error::Problem;
use crate::http::{ApiError, BodyLimit};
use crate::kernel::Clock;
use crate::kernel::clock::SECOND;
use crate::kernel::secret::Secret;
use crate::mirror::Mirror;
use crate::storage::testing::{TestDb, database};
use actix_web::dev::ServiceResponse;
use actix_web::http::{Method, StatusCode};
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::{App, web};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};
use utoipa_actix_web::AppExt as _;

struct Desk {
    state: web::Data<AdminState>,
    reloads: mpsc::Receiver<oneshot::Sender<()>>,
    token: Secret,
    _database: TestDb,
}

impl Desk {
    async fn new() -> Self {
        let database = database().await;
        let pepper = Arc::new(Pepper::random().unwrap());
        let token = bootstrap(&database, &pepper, START).await.unwrap().unwrap();
        let (reload, reloads) = mpsc::channel(16);
        let clock = Clock::fixed(START);
        let mirror = Arc::new(Mirror::default());
        let (levels, writing) = Writer::new(database.clone(), Arc::clone(&mirror), clock.clone());
        actix_web::rt::spawn(writing);
        let state = web::Data::new(AdminState {
            levels,
            mirror,
            db: database.clone(),
            pulse: crate::storage::Pulse::default(),
            clock,
            settings: crate::config::Config::embedded().admin,
            withheld: crate::access::Scopes::default(),
            proxies: Vec::new(),
            provider: None,
            pepper,
            billing: crate::config::Config::embedded().billing,
            sinks: Vec::new(),
            retailer: String::new(),
            event_rules: crate::outbound::Rules::default(),
            feeds: crate::config::Config::embedded().feeds,
            uploads: std::path::PathBuf::new(),
            simulations: Arc::new(tokio::sync::Semaphore::new(1)),
            refused: Arc::default(),
            reload,
        });
        Self { state, reloads, token, _database: database }
    }

    /// Makes one call with a token, while the node applies at once whatever is written.
    async fn send(&mut self, request: TestRequest, token: Option<&str>) -> ServiceResponse {
        let (app, _) = App::new()
            .app_data(self.state.clone())
            .app_data(BodyLimit(1_000))
            .into_utoipa_app()
            .configure(configure)
            .split_for_parts();
        let app = init_service(app).await;
        let request = match token {
            Some(token) => request.insert_header(("authorization", format!("Bearer {token}"))),
            None => request,
        };
        let reloads = &mut self.reloads;
        tokio::select! {
            response = call_service(&app, request.to_request()) => response,
            () = async { while let Some(done) = reloads.recv().await { let _ = done.send(()); } } =>
                unreachable!("the state holds the sender"),
        }
    }

    async fn call(
        &mut self,
        method: Method,
        path: impl AsRef<str>,
        body: Option<Value>,
    ) -> ServiceResponse {
        let request = TestRequest::with_uri(&format!("/admin/v1{}", path.as_ref())).method(method);
        let request = match body {
            Some(body) => request.set_json(body),
            None => request,
        };
        let token = self.token.clone();
        self.send(request, Some(token.reveal())).await
    }

    async fn get(&mut self, path: &str) -> Value {
        let response = self.call(Method::GET, path, None).await;
        document(response, StatusCode::OK).await
    }

    async fn post(&mut self, path: &str, body: Value) -> Value {
        let response = self.call(Method::POST, path, Some(body)).await;
        document(response, StatusCode::CREATED).await
    }

    /// The ids of a new partner's new app on a new plan.
    async fn some_app(&mut self) -> (String, String, String) {
        let id = |document: Value| document["id"].as_str().unwrap().to_owned();
        let partner = id(self.post("/partners", json!({ "name": "Ateliers" })).await);
        let limits = json!([{ "name": "burst", "quota": 50, "window_s": 1 }]);
        let plan = id(self.post("/plans", json!({ "name": "Standard", "limits": limits })).await);
        let app = json!({ "partner_id": partner, "plan_id": plan, "name": "Comparator" });
        let app = id(self.post("/apps", app).await);
        (partner, plan, app)
    }
}

fn spec(text: &str) -> TokenSpec {
    let (roles, person) = (Roles::owner(), String::new());
    TokenSpec { name: name(text), roles, expires_at: None, person, made_with: None }
}

async fn document(response: ServiceResponse, status: StatusCode) -> Value {
    assert_eq!(
        response.status(),
        status,
        "{:?}",
        response.response().extensions().get::<ApiError>()
    );
    assert_eq!(response.headers().get("cache-control").unwrap(), "no-store");
    serde_json::from_slice(&read_body(response).await).unwrap()
}

fn problem(response: &ServiceResponse) -> Problem {
    assert_eq!(response.headers().get("content-type").unwrap(), "application/problem+json");
    assert_eq!(response.headers().get("cache-control").unwrap(), "no-store");
    let extensions = response.response().extensions();
    let problem = extensions.get::<ApiError>().unwrap().problem("/", "r");
    assert_eq!(response.status().as_u16(), problem.status);
    problem
}

#[actix_web::test]
async fn nobody_comes_in_without_a_valid_token() {
    let mut desk = Desk::new().await;
    let whole = desk.token.reveal().to_owned();
    let pepper = Pepper::random().unwrap();
    let (_, forged) =
        token::create_token(&desk.state.db, &at(START), &pepper, spec("f")).await.unwrap();
    let cases = [
        (None, "missing_key"),
        (Some(whole[..whole.len() - 1].to_owned()), "invalid_key"),
        (Some(whole.replacen("cpt_admin", "cpt_adm1n", 1)), "invalid_key"),
        (Some(forged.reveal().to_owned()), "invalid_key"),
    ];
    for (token, code) in cases {
        // Malformed in every other way too: who may not come in learns nothing of it.
        let request = TestRequest::post().uri("/admin/v1/keys/x/rotate").set_payload("{");
        let response = desk.send(request, token.as_deref()).await;
        assert_eq!(problem(&response).code, code);
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert!(response.headers().contains_key("www-authenticate"));
    }
}

#[actix_web::test]
async fn a_key_lives_from_creation_to_revocation() {
    let mut desk = Desk::new().await;
    let (_, _, app) = desk.some_app().await;
    let asked = json!({
        "app_id": app, "environment": "live", "name": "production",
        "scopes": ["catalog:read"], "cidrs": ["192.0.2.0/24", "2001:db8::1"],
    });
    let issued = desk.post("/keys", asked).await;
    let text = issued["text"].as_str().unwrap();
    let id = KeyText::parse(text).unwrap().id.to_string();
    assert_eq!(issued["key"]["id"], id);
    assert_eq!(issued["key"]["cidrs"], json!(["192.0.2.0/24", "2001:db8::1/128"]));

    desk.state.clock.advance(SECOND);
    let rotate =
        desk.call(Method::POST, format!("/keys/{id}/rotate"), Some(json!({ "overlap_s": 60 })));
    let rotated = document(rotate.await, StatusCode::OK).await;
    assert_ne!(rotated["text"], issued["text"]);
    let shown = desk.get(&format!("/keys/{id}")).await;
    assert_eq!(shown["secrets"].as_array().unwrap().len(), 2);
    assert!(!shown.to_string().contains(&text[21..]), "the text is shown once");
    let again =
        desk.call(Method::POST, format!("/keys/{id}/rotate"), Some(json!({ "overlap_s": 60 })));
    assert_eq!(problem(&again.await).code, "conflict");

    for (verb, status) in [("suspend", "suspended"), ("resume", "active"), ("revoke", "revoked")] {
        let response = desk.call(Method::POST, &format!("/keys/{id}/{verb}"), None).await;
        assert_eq!(document(response, StatusCode::OK).await["status"], status);
    }
    let response = desk.call(Method::POST, &format!("/keys/{id}/resume"), None).await;
    let problem = problem(&response);
    assert!(problem.status == 409 && problem.detail.contains("final"), "{}", problem.detail);

    let audit = desk.get(&format!("/audit?subject={id}")).await;
    let items = audit["items"].as_array().unwrap();
    let actions: Vec<_> = items.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["key.revoke", "key.resume", "key.suspend", "key.rotate", "key.create"]);
    assert!(items.iter().all(|entry| entry["actor"].as_str().unwrap().starts_with("adm_")));
}

#[actix_web::test]
async fn ids_in_the_path_are_checked() {
    let mut desk = Desk::new().await;
    let unknown = desk.call(Method::GET, "/partners/prt_00000000001", None).await;
    assert_eq!(problem(&unknown).code, "not_found");
    for malformed in ["/partners/x", "/partners/app_00000000001", "/keys/key_%C3%A9"] {
        let response = desk.call(Method::GET, malformed, None).await;
        let problem = problem(&response);
        assert_eq!((problem.status, problem.errors[0].code.as_str()), (400, "malformed"));
    }
}

#[actix_web::test]
async fn bodies_are_checked_and_faults_pointed_at() {
    let mut desk = Desk::new().await;
    let (partner, plan, app) = desk.some_app().await;
    let limit = |quota: u64| json!({ "name": "burst", "quota": quota, "window_s": 1 });
    let key = |with: Value| {
        let mut key = json!({ "app_id": app, "environment": "live", "name": "k" });
        key.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
        key
    };
    let cases = [
        ("/partners", json!({}), "/name"),
        ("/partners", json!({ "name": "\u{7}" }), "/name"),
        ("/partners", json!({ "name": "x", "nmae": "y" }), "/nmae"),
        ("/plans", json!({ "name": "p", "limits": [limit(1), limit(0)] }), "/limits/1/quota"),
        ("/plans", json!({ "name": "p", "limits": [limit(1), limit(1)] }), "/limits/1"),
        ("/apps", json!({ "partner_id": "x", "plan_id": plan, "name": "a" }), "/partner_id"),
        (
            "/apps",
            json!({ "partner_id": partner, "plan_id": "pln_00000000001", "name": "a" }),
            "/plan_id",
        ),
        ("/keys", key(json!({ "scopes": ["catalog:read", "all"] })), "/scopes/1"),
        ("/keys", key(json!({ "cidrs": ["192.0.2.1/24"] })), "/cidrs/0"),
        ("/keys", key(json!({ "environment": "prod" })), "/environment"),
        ("/keys", key(json!({ "expires_at": "2020-01-01T00:00:00Z" })), "/expires_at"),
    ];
    for (path, body, pointer) in cases {
        let response = desk.call(Method::POST, path, Some(body.clone())).await;
        let problem = problem(&response);
        assert_eq!(problem.code, "invalid_body", "{body}");
        let found = problem.errors[0].pointer.as_deref();
        assert_eq!(found, Some(pointer), "{body}: {}", problem.detail);
    }
}

#[actix_web::test]
async fn bodies_are_json_and_not_too_large() {
    let mut desk = Desk::new().await;
    let token = desk.token.clone();
    let post = || TestRequest::post().uri("/admin/v1/partners");
    let text = post().insert_header(("content-type", "text/plain")).set_payload("{}");
    let response = desk.send(text, Some(token.reveal())).await;
    assert_eq!(problem(&response).code, "unsupported_media_type");
    let large = post().set_json(json!({ "name": "x".repeat(2_000) }));
    let response = desk.send(large, Some(token.reveal())).await;
    assert_eq!(problem(&response).code, "body_too_large");
    let broken = post().insert_header(("content-type", "application/json")).set_payload("{");
    let response = desk.send(broken, Some(token.reveal())).await;
    assert_eq!(problem(&response).code, "invalid_body");
}

#[actix_web::test]
async fn a_taken_name_is_a_conflict_that_says_so() {
    let mut desk = Desk::new().await;
    desk.some_app().await;
    let again = desk.call(Method::POST, "/partners", Some(json!({ "name": "Ateliers" }))).await;
    let problem = problem(&again);
    assert!(problem.status == 409 && problem.detail.contains("`Ateliers`"), "{}", problem.detail);
}

#[actix_web::test]
async fn pages_lead_to_the_end_once() {
    let mut desk = Desk::new().await;
    let (partner, plan, app) = desk.some_app().await;
    for i in 0..4 {
        let app = json!({ "partner_id": partner, "plan_id": plan, "name": format!("A{i}") });
        desk.post("/apps", app).await;
    }
    let mut seen = BTreeSet::new();
    let mut next = Some(format!("/apps?partner_id={partner}&limit=2"));
    while let Some(path) = next {
        let page = desk.get(&path).await;
        for item in page["items"].as_array().unwrap() {
            assert!(seen.insert(item["id"].as_str().unwrap().to_owned()));
        }
        next = page["next"].as_str().map(|next| next.strip_prefix("/admin/v1").unwrap().to_owned());
    }
    assert!(seen.len() == 5 && seen.contains(&app));
    let elsewhere = desk.get(&format!("/apps?partner_id={partner}&limit=2")).await;
    let cursor = elsewhere["next"].as_str().unwrap().split("cursor=").nth(1).unwrap().to_owned();
    let response = desk.call(Method::GET, &format!("/apps?cursor={cursor}"), None).await;
    assert_eq!(problem(&response).code, "invalid_cursor");
    let response = desk.call(Method::GET, "/apps?partner=x", None).await;
    assert_eq!(problem(&response).errors[0].suggestion.as_deref(), Some("partner_id"));
    let walked = desk.get("/audit?limit=3").await;
    let second =
        desk.get(walked["next"].as_str().unwrap().strip_prefix("/admin/v1").unwrap()).await;
    assert_eq!(second["items"].as_array().unwrap().len(), 3);
    assert!(second["items"][0]["id"].as_str() < walked["items"][2]["id"].as_str());
}

#[actix_web::test]
async fn tokens_come_and_go_but_for_the_last() {
    let mut desk = Desk::new().await;
    assert!(bootstrap(&desk.state.db, &desk.state.pepper, START).await.unwrap().is_none());
    let second = desk.post("/tokens", json!({ "name": "second", "roles": ["owner"] })).await;
    let (id, text) = (second["token"]["id"].as_str().unwrap(), second["text"].as_str().unwrap());
    let revoke = format!("/tokens/{id}/revoke");
    let revoked = document(desk.call(Method::POST, &revoke, None).await, StatusCode::OK).await;
    assert_eq!(revoked["status"], "revoked");
    let request = TestRequest::get().uri("/admin/v1/partners");
    assert_eq!(problem(&desk.send(request, Some(text)).await).code, "revoked_key");
    let tokens = desk.get("/tokens").await;
    let mut tokens = tokens["items"].as_array().unwrap().iter();
    let first = tokens.find(|token| token["name"] == "first").unwrap()["id"].as_str().unwrap();
    let last = desk.call(Method::POST, &format!("/tokens/{first}/revoke"), None).await;
    assert_eq!(problem(&last).code, "conflict");
    let listed = desk.get("/tokens").await;
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
    assert!(!listed.to_string().contains("cpt_admin_"));
}

#[actix_web::test]
async fn plans_and_switches_answer_what_holds_now() {
    let mut desk = Desk::new().await;
    let (partner, plan, app) = desk.some_app().await;
    let limits = json!([{ "name": "day", "quota": 1000, "window_s": 86400 }]);
    let patch =
        desk.call(Method::PATCH, format!("/plans/{plan}"), Some(json!({ "limits": limits })));
    let changed = document(patch.await, StatusCode::OK).await;
    assert_eq!((&changed["version"], &changed["limits"]), (&json!(2), &limits));
    let other = desk.post("/plans", json!({ "name": "Other", "limits": limits })).await;
    let to = json!({ "plan_id": other["id"] });
    let patch = desk.call(Method::PATCH, &format!("/apps/{app}"), Some(to)).await;
    assert_eq!(document(patch, StatusCode::OK).await["plan_id"], other["id"]);
    for (path, verb, status) in [
        (format!("/apps/{app}"), "suspend", "suspended"),
        (format!("/partners/{partner}"), "suspend", "suspended"),
        (format!("/partners/{partner}"), "resume", "active"),
    ] {
        let response = desk.call(Method::POST, &format!("{path}/{verb}"), None).await;
        assert_eq!(document(response, StatusCode::OK).await["status"], status);
        assert_eq!(desk.get(&path).await["status"], status);
    }
}

#[test]
fn the_document_describes_every_operation() {
    let app = App::new().into_utoipa_app();
    let (_, api) = app.configure(configure).split_for_parts();
    let api = serde_json::to_value(api).unwrap();
    let mut ids = BTreeSet::new();
    for (path, item) in api["paths"].as_object().unwrap() {
        assert!(path.starts_with("/admin/v1/"), "{path}");
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id.to_owned()), "{id} is given twice");
            for part in ["summary", "description"] {
                assert!(operation[part].is_string(), "{method} {path} has no {part}");
            }
            assert_eq!(operation["tags"].as_array().unwrap().len(), 1, "{id}");
            let open = super::rights::of(id) == Some(super::rights::Need::Nothing);
            let security = if open { json!([{}]) } else { json!([{ "admin_token": [] }]) };
            assert_eq!(operation["security"], security, "{id}");
            for status in ["400", "401", "500", "503"] {
                assert!(operation["responses"][status].is_object(), "{id} lacks {status}");
            }
        }
    }
}

#[actix_web::test]
async fn no_password_is_hashed_while_others_wait_for_the_database() {
    use super::accounts::actions::{CREATE, RESET};
    use super::accounts::password::TURNS;
    use super::approvals::service::What;
    use crate::access::service::By;
    let desk = Desk::new().await;
    let by = By::new("cli", START);
    let new = json!({ "login": "claire", "name": "Claire", "roles": ["auditor"] });
    let create = What::made(&desk.state, &CREATE, &new).await.unwrap();
    let id = json!("acc_00000000001");
    let reset = What::made(&desk.state, &RESET, &id).await.unwrap();
    assert!(create.first.is_some() && reset.first.is_some());
    // As where many come in at once: who asks for a turn now waits in vain.
    let _turns = TURNS.acquire_many(2).await.unwrap();
    let mut tx = desk.state.db.begin().await.unwrap();
    let made = (CREATE.run)(&desk.state, &mut tx, &by, &create).await.unwrap();
    assert!(made["password"].as_str().unwrap().len() > 12, "{made}");
    let nobody = (RESET.run)(&desk.state, &mut tx, &by, &reset).await.unwrap_err();
    assert_eq!(nobody.code().as_str(), "not_found");
    let tried = What::of(&new);
    assert!(tried.first.is_none());
}
