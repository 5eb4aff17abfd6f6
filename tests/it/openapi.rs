//! The documents are true: they equal the code, they are complete, and every operation answers as
//! they say. What holds for all operations is tested here by looping over them.

use crate::support::schema::{conforms, resolved, tells};
use crate::support::subjects::Subjects;
use crate::support::{NOON, TestApp, TestKey, data, problem};
use comptoir::access::operation::{OPERATIONS, by_id};
use comptoir::app::openapi::documents;
use comptoir::kernel::id::PromotionId;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

pub(crate) fn document(name: &str) -> Value {
    let document = documents().into_iter().find(|d| d.name == name).expect("a document");
    serde_json::from_str(&document.json).expect("JSON")
}

/// Every operation of a document: path, method, description.
pub(crate) fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().expect("paths");
    let each = |(path, methods): (&String, &Value)| {
        let methods = methods.as_object().expect("methods").clone();
        methods.into_iter().map(|(m, o)| (path.clone(), m, o)).collect::<Vec<_>>()
    };
    paths.iter().flat_map(each).collect()
}

/// Whether an operation wants another proof than a key, or none: tokens are got there, keys reported and codes
/// followed, and no plan is asked.
pub(crate) fn is_open(operation: &Value) -> bool {
    let proofs = [
        json!([{ "client": [] }]),
        json!([{ "client_token": [] }]),
        json!([{ "report_signature": [] }]),
        json!([]),
    ];
    proofs.contains(&operation["security"])
}

#[test]
fn the_committed_documents_equal_the_code() {
    for document in documents() {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("openapi/{}.yaml", document.name));
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == *document.yaml,
            "openapi/{}.yaml differs from the code; run `cargo run -- openapi --write openapi`",
            document.name
        );
    }
}

#[test]
fn every_operation_is_described() {
    for name in ["partner", "admin", "registration"] {
        let document = document(name);
        let mut ids = BTreeSet::new();
        for (path, method, operation) in operations(&document) {
            let at = format!("{name}: {method} {path}");
            let text = |field: &str| operation[field].as_str().unwrap_or_default().to_owned();
            assert!(!text("summary").is_empty(), "{at}: no summary");
            assert!(!text("description").is_empty(), "{at}: no description");
            assert!(operation["tags"][0].is_string(), "{at}: no tag");
            let id = text("operationId");
            let verb = id.split('_').next().unwrap_or_default();
            assert!(id.contains('_') && !verb.is_empty(), "{at}: `{id}` is no verb_noun");
            assert!(ids.insert(id), "{at}: the id is given twice");
            assert!(operation["security"].is_array(), "{at}: no security");
            let wants = if is_open(&operation) { &["500"][..] } else { &["401", "500"] };
            for status in wants {
                assert!(operation["responses"][*status].is_object(), "{at}: no {status}");
            }
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let parameter = resolved(parameter, &document);
                let name = &parameter["name"];
                assert!(parameter["description"].is_string(), "{at}: {name} has no description");
                assert!(
                    !parameter["example"].is_null()
                        || parameter["in"] == "path"
                        || !parameter["schema"]["example"].is_null(),
                    "{at}: {name} has no example"
                );
            }
        }
    }
}

#[test]
fn every_field_of_every_schema_is_described() {
    for name in ["partner", "admin", "registration"] {
        let document = document(name);
        let schemas = document["components"]["schemas"].as_object().expect("schemas");
        for (schema, shape) in schemas {
            for (field, described) in shape["properties"].as_object().into_iter().flatten() {
                let says = |shape: &Value| shape["description"].is_string();
                let said = says(described)
                    || described["$ref"].is_string()
                    || described["oneOf"].as_array().is_some_and(|c| c.iter().any(says));
                assert!(said, "{name}: {schema}.{field} has no description");
            }
        }
    }
}

#[test]
fn the_partner_document_and_the_table_of_operations_are_one_list() {
    let document = document("partner");
    let (open, known_by_key): (Vec<_>, Vec<_>) =
        operations(&document).into_iter().partition(|(_, _, operation)| is_open(operation));
    let open: Vec<&str> = open.iter().map(|(path, ..)| path.as_str()).collect();
    let expected = [
        "/.well-known/comptoir-usage-keys.json",
        "/.well-known/consent-checkpoints",
        "/.well-known/gs1resolver",
        "/.well-known/oauth-authorization-server",
        "/.well-known/oauth-protected-resource",
        "/.well-known/openid-configuration",
        "/01/{gtin}",
        "/contexts/v1.jsonld",
        "/oauth/grants/{grant_id}",
        "/oauth/grants/{grant_id}",
        "/oauth/introspect",
        "/oauth/jwks.json",
        "/oauth/par",
        "/oauth/revoke",
        "/oauth/token",
        "/v1/billability",
        "/v1/leaked-keys",
    ];
    assert_eq!(open, expected, "what needs no key is said here");
    let documented: BTreeSet<String> = known_by_key
        .iter()
        .map(|(path, method, o)| {
            format!(
                "{} {path} {}",
                method.to_uppercase(),
                o["operationId"].as_str().unwrap_or_default()
            )
        })
        .collect();
    let known: BTreeSet<String> = OPERATIONS
        .iter()
        .filter(|o| !o.path.is_empty())
        .map(|o| format!("{} {} {}", o.method, o.path, o.id))
        .collect();
    assert_eq!(documented, known);
    for (path, _, operation) in known_by_key {
        assert!(operation["x-cost"]["units"].is_number(), "{path}");
        assert!(operation["x-rate-limit"]["units"].is_number(), "{path}");
    }
}

#[test]
fn every_problem_shows_what_it_says() {
    let mut details = BTreeSet::new();
    let partner = document("partner");
    for (name, response) in partner["components"]["responses"].as_object().expect("responses") {
        let examples = &response["content"]["application/problem+json"]["examples"];
        for (code, example) in examples.as_object().expect("examples") {
            let problem = &example["value"];
            assert_eq!(*code, problem["code"], "{name}");
            let detail = problem["detail"].as_str().unwrap_or_default().to_owned();
            assert!(detail.ends_with(['.', '?']), "{code}: {detail}");
            assert!(details.insert(detail), "{code} says the same as another");
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    for name in ["partner", "admin", "registration"] {
        let document = document(name);
        let text = document.to_string();
        for reference in text.split("\"$ref\":\"#").skip(1) {
            let pointer = reference.split('"').next().unwrap_or_default();
            assert!(document.pointer(pointer).is_some(), "{name}: {pointer} leads nowhere");
        }
    }
}

#[test]
fn the_document_says_which_answers_cost() {
    let all = operations(&document("partner")).into_iter();
    for (path, _, operation) in all.filter(|(_, _, operation)| !is_open(operation)) {
        let billed = match path.as_str() {
            usage if usage.starts_with("/v1/usage") => json!([]),
            events if events.starts_with("/oauth/events/") => json!([]),
            "/v1/refusals" | "/v1/refusals/{refusal_id}" => json!([]),
            file if file.ends_with("/files/{file}") || file.starts_with("/v1/feeds/") => {
                json!(["200", "206"])
            }
            "/v1/exports" => json!([]),
            _ if !operation["responses"]["201"].is_null() => json!(["201"]),
            _ if operation["responses"]["200"].is_null() => json!([]),
            _ => json!(["200"]),
        };
        let cost = &operation["x-cost"];
        assert_eq!(cost["billed_on"], billed, "{path}");
        assert_eq!(cost["units"] == 0.0, billed == json!([]), "{path}: {cost}");
    }
}

/// The path with its parameters filled in from the small catalog.
pub(crate) fn filled(path: &str, export: &str) -> String {
    let query = match path {
        "/v1/stock" => {
            format!("?postal_code=31000&country=FR&product_id={}", data::product_id(0))
        }
        "/v1/suggest" => "?q=mag&types=brand,category".to_owned(),
        _ => String::new(),
    };
    path.replace("{product_id}", &data::product_id(0))
        .replace("{gtin}", &data::gtin13(0))
        .replace("{sku}", &data::sku(0))
        .replace("{category_id}", &data::category_id("drills"))
        .replace("{store_id}", &data::store_id(0))
        .replace("{promotion_id}", &PromotionId::derived("P-1").to_string())
        .replace("{export_id}", export)
        + &query
}

pub(crate) async fn shop() -> TestApp {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    app.stock_shelves(4, 2).await;
    app.import(
        comptoir::feeds::Feed::Offers,
        &[data::offer(0, 0, "2.39"), data::offer(0, 1, "2.49")],
    )
    .await;
    let promotion =
        json!({ "code": "P-1", "title": "-10 %", "type": "percent_off", "value": "10" });
    for (feed, line) in [
        (comptoir::feeds::Feed::Promotions, promotion),
        (comptoir::feeds::Feed::Products, data::product_in_full(0)),
        (comptoir::feeds::Feed::Stores, data::store_in_full(0)),
        (comptoir::feeds::Feed::Stock, data::level_in_full(0, 0, NOON)),
    ] {
        let report = app.import(feed, &[line]).await;
        assert_eq!(report.rejected, 0, "{report}");
    }
    begun(&app).await;
    app.caught_up().await;
    app
}

/// Waits until the promotion of the shop is told to have begun: until then the change log grows by itself.
async fn begun(app: &TestApp) {
    const TOLD: &str =
        "SELECT COUNT(*) FROM change_log WHERE kind = 'promotion' AND reason = 'started'";
    let until = Instant::now() + crate::support::PATIENCE;
    while Instant::now() < until {
        let told: i64 =
            comptoir::on_db!(&app.db, c => sqlx::query_scalar(TOLD).fetch_one(c).await).unwrap();
        if told > 0 {
            return;
        }
        crate::support::pause().await;
    }
    panic!("the promotion has not begun");
}

#[tokio::test]
async fn every_partner_operation_answers_as_documented() {
    let app = shop().await;
    let document = document("partner");
    let all = app.key(json!({})).await;
    let export = app.snapshot().await;
    for (path, method, operation) in operations(&document) {
        let url = filled(&path, &export);
        if is_open(&operation) {
            continue;
        }
        let entry = by_id(operation["operationId"].as_str().unwrap()).unwrap();
        // What writes, what answers with bytes, what is one app's own and what is a customer's has tests of its own.
        let own = ["{subscription_id}", "{refusal_id}", "{statement_id}", "{event_id}"]
            .iter()
            .any(|part| path.contains(part));
        if method != "get" || own || entry.is_about_customers() || entry.id.starts_with("download_")
        {
            continue;
        }

        let bare = app.http.get(app.public_url(&url)).send().await.unwrap();
        problem(bare, 401, "missing_key").await;

        if let Some(scope) = entry.scope {
            let others: Vec<&str> = comptoir::access::Scope::ALL
                .iter()
                .filter(|s| **s != scope)
                .map(|s| s.as_str())
                .collect();
            let without = app.key(json!({ "scopes": others })).await;
            let refused =
                problem(app.get(&without.text, &url).await, 403, "insufficient_scope").await;
            assert_eq!(refused["required_scope"], scope.as_str(), "{path}");
            let minimal = app.key(json!({ "scopes": [scope.as_str()] })).await;
            assert_eq!(
                app.get(&minimal.text, &url).await.status(),
                200,
                "{path} with its scope alone"
            );
        }
        success(&app, &all, &url, &operation, &document).await;
        parameters(&app, &all, &url, &operation).await;
    }
}

/// A call that succeeds, its validator, and HEAD; the body holds only documented fields.
async fn success(app: &TestApp, key: &TestKey, url: &str, operation: &Value, document: &Value) {
    let answer = app.get(&key.text, url).await;
    assert_eq!(answer.status(), 200, "{url}");
    let headers = answer.headers().clone();
    for name in ["ratelimit", "ratelimit-policy", "x-request-cost"] {
        assert!(headers.contains_key(name), "{url}: no {name}");
    }
    tells(&headers, &operation["responses"]["200"], document, url);
    assert_eq!(headers["content-type"], "application/json", "{url}");
    let body: Value = answer.json().await.unwrap();
    let schema = &operation["responses"]["200"]["content"]["application/json"]["schema"];
    conforms(&body, schema, document, url);
    // An answer that is never kept may differ from call to call: usage counts the call before.
    if headers["cache-control"] == "no-store" {
        return;
    }

    let held = app
        .http
        .get(app.public_url(url))
        .bearer_auth(&key.text)
        .header("If-None-Match", &headers["etag"]);
    let held = held.send().await.unwrap();
    assert_eq!(held.status(), 304, "{url}");
    assert_eq!(held.headers()["etag"], headers["etag"], "{url}");
    assert!(held.bytes().await.unwrap().is_empty());

    let head = app.http.head(app.public_url(url)).bearer_auth(&key.text).send().await.unwrap();
    assert_eq!(head.status(), 200, "HEAD {url}");
    assert_eq!(head.headers()["etag"], headers["etag"], "HEAD {url}");
    assert!(head.bytes().await.unwrap().is_empty());
}

/// Every documented parameter is known; a parameter that is not is refused; nonsense is never a 500.
async fn parameters(app: &TestApp, key: &TestKey, url: &str, operation: &Value) {
    let and = if url.contains('?') { '&' } else { '?' };
    let unknown = app.get(&key.text, &format!("{url}{and}limitt=1&zzz=1")).await;
    let unknown = problem(unknown, 400, "invalid_parameter").await;
    assert!(
        unknown["errors"].as_array().is_some_and(|e| e.iter().any(|e| e["code"] == "unknown")),
        "{url}"
    );
    // Shared ones are headers.
    let in_query = |p: &&Value| p["in"] == "query";
    for parameter in operation["parameters"].as_array().into_iter().flatten().filter(in_query) {
        let mut name = parameter["name"].as_str().unwrap().to_owned();
        if parameter["style"] == "deepObject" {
            name.push_str("[x]");
        }
        for value in ["%00", "%F0%9F%92%A9", "-1", "99999999999999999999", "a,b,,c", "'--", ""] {
            let answer = app.get(&key.text, &format!("{url}{and}{name}={value}")).await;
            let status = answer.status().as_u16();
            let text = answer.text().await.unwrap();
            assert!(
                status == 200 || status == 400 || status == 422,
                "{url}?{name}={value}: {status} {text}"
            );
            assert!(
                !text.contains("\"code\":\"unknown\""),
                "{url}: {name} is documented but unknown: {text}"
            );
        }
    }
}

#[tokio::test]
async fn every_admin_operation_wants_a_token() {
    let app = TestApp::start().await;
    for (path, method, _) in operations(&document("admin")) {
        if path.starts_with("/admin/v1/login") {
            continue;
        }
        let url = app.admin_url(&path.replace(['{', '}'], ""));
        let method: reqwest::Method = method.to_uppercase().parse().unwrap();
        problem(app.http.request(method.clone(), &url).send().await.unwrap(), 401, "missing_key")
            .await;
        let partner = app.key(json!({})).await;
        let wrong = app.http.request(method, &url).bearer_auth(&partner.text).send().await.unwrap();
        problem(wrong, 401, "invalid_key").await;
    }
}

/// Files that are sent, what waits in them, sources, periods and statements, what is for people in a session, and what
/// needs a preview or a rotation before it have tests of their own.
const OWN_TESTS: [&str; 17] = [
    "{feed}",
    "{import_id}",
    "{name}",
    "{refusal_id}",
    "/audit/export",
    "/v1/me/",
    "/log",
    "{approval_id}",
    "{subscription_id}",
    "{application_id}",
    "/billing/",
    "{budget_id}",
    "/keys/bulk",
    "/rotation/roll-back",
    "/customer-access",
    "/purposes",
    "/notices",
];

#[tokio::test]
async fn every_admin_operation_answers_as_documented() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    let document = document("admin");
    let own = |path: &str| {
        OWN_TESTS.iter().any(|part| path.contains(part)) && !path.ends_with("/preview")
    };
    for (path, method, operation) in operations(&document).into_iter().filter(|(p, ..)| !own(p)) {
        let subjects = Subjects::of(&app).await;
        if path.ends_with("/rotation/finish") {
            let rotate = format!("/admin/v1/keys/{}/rotate", subjects.key.id);
            app.admin_ok("POST", &rotate, Some(json!({ "overlap_s": 60 }))).await;
        }
        let path = subjects.path(&path);
        let at = format!("{method} {path}");
        let method = method.to_uppercase();
        let taken = &operation["requestBody"]["content"]["application/json"]["schema"];
        let body = taken["$ref"].as_str().map(|reference| {
            let body = subjects.body(reference.rsplit('/').next().unwrap_or_default());
            conforms(&body, taken, &document, &format!("{at} takes"));
            body
        });
        let sent = &operation["requestBody"]["content"];
        let streams = ["application/x-ndjson", "application/octet-stream"]
            .iter()
            .any(|kind| sent[*kind].is_object());
        assert_eq!(
            body.is_some() || streams,
            operation["requestBody"].is_object(),
            "{at}: its body"
        );
        if body.is_some() {
            malformed(&app, &method, &path, &operation, &document).await;
        }
        let answer = if streams {
            // No line is right here, so that every field of the answer is seen.
            let request = app.http.post(app.admin_url(&path)).bearer_auth(&app.admin_token);
            let request = request.header("Content-Type", "application/x-ndjson").body("{}\n");
            request.send().await.unwrap()
        } else {
            app.admin(&method, &path, body).await
        };
        let status = answer.status().as_u16().to_string();
        let headers = answer.headers().clone();
        let text = answer.text().await.unwrap();
        assert!(status.starts_with('2'), "{at}: {status} {text}");
        let documented = &operation["responses"][&status];
        assert!(documented.is_object(), "{at}: {status} is not in the document");
        tells(&headers, documented, &document, &at);
        let schema = &documented["content"]["application/json"]["schema"];
        conforms(&serde_json::from_str(&text).unwrap(), schema, &document, &at);
    }
}

/// A body that is no JSON, or not of the schema, is a problem of the documented shape.
async fn malformed(app: &TestApp, method: &str, path: &str, operation: &Value, document: &Value) {
    let schema = &operation["responses"]["400"]["content"]["application/problem+json"]["schema"];
    let may_miss = operation["requestBody"]["required"] == false;
    for body in ["", "{", "{\"zzz\":1}", "{}", "[]", "null", "5", "\u{0}"] {
        if may_miss && matches!(body, "" | "{}") {
            continue;
        }
        let method: reqwest::Method = method.parse().unwrap();
        let request = app.http.request(method, app.admin_url(path)).bearer_auth(&app.admin_token);
        let request = request.header("Content-Type", "application/json").body(body);
        let refused = problem(request.send().await.unwrap(), 400, "invalid_body").await;
        conforms(&refused, schema, document, &format!("{path} given `{body}`"));
    }
}

#[tokio::test]
async fn documents_and_reader_are_served_without_a_key_and_without_a_network() {
    let app = TestApp::start().await;
    for (base, name) in [(app.public_url(""), "partner"), (app.admin_url(""), "admin")] {
        let get = |path: String| app.http.get(format!("{base}{path}")).send();
        let yaml = get(format!("/openapi/{name}.yaml")).await.unwrap().text().await.unwrap();
        assert!(yaml.starts_with("components:") || yaml.contains("openapi: 3.1"), "{name}");
        let json: Value = get(format!("/openapi/{name}.json")).await.unwrap().json().await.unwrap();
        assert_eq!(json, document(name));
        let page = get("/docs/".into()).await.unwrap().text().await.unwrap();
        for asset in page.split(['"', '\'']).filter(|p| p.ends_with(".js") || p.ends_with(".css")) {
            assert!(!asset.contains("//"), "{asset} is loaded from elsewhere");
            let path = asset.trim_start_matches("./");
            assert_eq!(get(format!("/docs/{path}")).await.unwrap().status(), 200, "{asset}");
        }
    }
}
