//! The OpenAPI documents: generated from the handlers, completed from the tables of operations,
//! scopes and error codes, rendered once, served as JSON and YAML with an interactive reader.

mod bounds;
mod examples;
mod forms;
mod headers;
mod problems;

use super::finish::outcome;
use super::{admin, public};
use crate::access::{Environment, Operation, Scope, deprecation, operation};
use crate::admin::rights::{self, Need};
use crate::alerts;
use crate::billing;
use crate::customers;
use crate::hooks;
use crate::http::error::Problem;
use crate::kernel::page;
use crate::kernel::word::Word as _;
use crate::metering::billability::{self, Facts};
use actix_web::http::header::{CONTENT_TYPE, LOCATION};
use actix_web::{App, HttpResponse, web};
use headers::Api;
use problems::Example;
use serde_json::{Map, Value, json};
use std::collections::HashSet;
use std::sync::LazyLock;
use utoipa::PartialSchema as _;
use utoipa_actix_web::AppExt as _;
use utoipa_actix_web::service_config::ServiceConfig;
use utoipa_swagger_ui::{Config, SwaggerUi};

/// A document, made when it is first asked for: no start waits for it.
#[derive(Debug)]
pub struct Document {
    /// `partner`, `admin` or `registration`: the file's name.
    pub name: &'static str,
    value: LazyLock<Value>,
    /// As YAML, the form that is committed.
    pub yaml: LazyLock<String>,
    /// As JSON.
    pub json: LazyLock<String>,
}

/// The partner API's document.
pub static PARTNER: Document = Document {
    name: "partner",
    value: LazyLock::new(partner),
    yaml: LazyLock::new(|| yaml(&PARTNER)),
    json: LazyLock::new(|| PARTNER.value.to_string()),
};

/// The admin API's document.
pub static ADMIN: Document = Document {
    name: "admin",
    value: LazyLock::new(admin),
    yaml: LazyLock::new(|| yaml(&ADMIN)),
    json: LazyLock::new(|| ADMIN.value.to_string()),
};

/// The document of what can be asked without a key, where the retailer has opened that.
pub static REGISTRATION: Document = Document {
    name: "registration",
    value: LazyLock::new(registration),
    yaml: LazyLock::new(|| yaml(&REGISTRATION)),
    json: LazyLock::new(|| REGISTRATION.value.to_string()),
};

fn yaml(document: &Document) -> String {
    serde_norway::to_string(&*document.value).unwrap_or_default()
}

/// The documents that are committed under `openapi/`.
#[must_use]
pub fn documents() -> [&'static Document; 3] {
    [&PARTNER, &ADMIN, &REGISTRATION]
}

fn partner() -> Value {
    let mut document = generate(public::routes);
    document["info"] = json!({
        "title": "Comptoir partner API",
        "version": "1.0.0",
        "description": include_str!("partner.md"),
        "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
    });
    let tags = [
        ("products", "Products of the catalog"),
        ("categories", "The category tree"),
        ("stores", "Stores"),
        ("offers", "Prices by store and channel"),
        ("promotions", "Reductions and other advantages"),
        ("stock", "Stock levels by store"),
        ("changes", "What changed, deletions included"),
        ("exports", "The whole catalog as files"),
        ("feeds", "The catalog and the stock as feeds that others read already"),
        ("subscriptions", "Webhooks: changes that come by themselves"),
        ("customer", "What customers let you see and do, by their consent"),
        ("usage", "What you have used and what is left"),
        (
            "oauth",
            "Access tokens, of clients themselves and about customers, and the grants behind them",
        ),
        ("consents", "What you are told of your customers' consents"),
        ("leaks", "Keys that were found where everybody can read them"),
        ("links", "What codes on packs lead to, and what words mean: open to everybody"),
    ];
    hooks::describe(&mut document);
    alerts::api::describe(&mut document);
    billing::announce::describe(&mut document);
    forms::describe(&mut document);
    customers::http::schema::describe(&mut document);
    let problems = (partner_security(), problems::PARTNER);
    complete(&mut document, (Api::Partner, &tags), problems, partner_operation);
    leave_open(&mut document);
    document
}

fn admin() -> Value {
    let mut document = generate(admin::routes);
    document["info"] = json!({
        "title": "Comptoir admin API",
        "version": "1.0.0",
        "description": include_str!("admin.md"),
        "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
    });
    let tags = [
        ("partners", "Organisations that call the partner API"),
        ("apps", "Their software"),
        ("plans", "Limits that apps are held to"),
        ("keys", "Secrets of apps"),
        ("applications", "Who wants to become a partner"),
        ("subscriptions", "Which plan an app is on, was on and asks for"),
        ("freezes", "What is refused and cannot be changed"),
        ("tokens", "Secrets of this API"),
        ("me", "Coming in and going, who calls, and what is theirs"),
        ("accounts", "People of this API"),
        ("approvals", "What waits for a second person"),
        ("audit", "Who changed what"),
        ("refusals", "What was refused, and why"),
        ("usage", "What was called, and how complete the ledger is"),
        ("billing", "Periods, what apps owe for them, their close, and what corrects them"),
        ("alerts", "What partners and retailer were told of usage"),
        ("mails", "Mails that wait, were sent or were given up"),
        ("stock", "Stock levels from tills and stock systems"),
        ("feeds", "Files of products, stores, prices and stock"),
        ("customers", "What is known of customers, as files, and forgetting it"),
        ("customer-access", "Which apps may ask customers for their data, and for what"),
        (
            "consent-words",
            "What data is for and what customers are told, in versions that never change",
        ),
        ("consents", "What customers' data is given to partners for"),
        ("nodes", "The running processes"),
    ];
    let problems = (admin_security(), problems::ADMIN);
    complete(&mut document, (Api::Admin, &tags), problems, admin_operation);
    document
}

fn registration() -> Value {
    let mut document = generate(public::registration_routes);
    document["info"] = json!({
        "title": "Comptoir registration",
        "version": "1.0.0",
        "description": include_str!("registration.md"),
        "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
    });
    let tags = [("registration", "Plans that are offered, and how to become a partner")];
    let problems = (json!({}), problems::REGISTRATION);
    complete(&mut document, (Api::Registration, &tags), problems, registration_operation);
    leave_open(&mut document);
    document
}

fn generate(routes: fn(&mut ServiceConfig<'_>)) -> Value {
    let (_, api) = App::new().into_utoipa_app().configure(routes).split_for_parts();
    serde_json::to_value(api).unwrap_or_default()
}

/// Leaves it open that answers gain fields; what a feed may hold is closed.
fn leave_open(document: &mut Value) {
    let schemas = document["components"]["schemas"].as_object_mut();
    // What a call sends is closed: its type ends in `In`.
    let answered = schemas.into_iter().flatten().filter(|(name, _)| !name.ends_with("In"));
    for schema in answered.filter_map(|(_, schema)| schema.as_object_mut()) {
        schema.remove("additionalProperties");
    }
}

fn partner_security() -> Value {
    let scopes: Vec<String> =
        Scope::ALL.iter().map(|s| format!("- `{}`: {}", s.as_str(), s.description())).collect();
    let description =
        format!("Your key, with the scopes that it was given:\n\n{}", scopes.join("\n"));
    let customers = "For `/v1/customer/…`: `DPoP` and an access token that a customer's consent has given you (RFC 9449 §7.1), \
                     with a proof of its key for each call in the header `DPoP`. `x-any-scope` of an operation has the scopes of which one opens it.";
    json!({
        "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "cpt_live_… or cpt_test_…", "description": description },
        "api_key": { "type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The same key in a header of its own." },
        "basic": { "type": "http", "scheme": "basic", "description": "For feeds, whose readers may know no other way: any name, and the key as the password (RFC 7617)." },
        "client": { "type": "apiKey", "in": "header", "name": "Authorization", "description": "For `/oauth/token` and beside it: `Basic` and a client's id and secret (RFC 7617). A client with keys of its own sends `client_assertion` in their place." },
        "client_token": { "type": "apiKey", "in": "header", "name": "Authorization", "description": "For `/oauth/grants`: `DPoP` or `Bearer` and an access token of the client itself, as its `token_type` says, with the scope of the operation; with `DPoP` a proof in that header, too (RFC 9449)." },
        "customer": { "type": "apiKey", "in": "header", "name": "Authorization", "description": customers },
        "report_signature": { "type": "apiKey", "in": "header", "name": "Github-Public-Key-Signature", "description": "For `/v1/leaked-keys`: the signature of the report." },
    })
}

fn admin_security() -> Value {
    json!({
        "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "cpt_admin_…", "description": "An admin token." },
        "session": { "type": "apiKey", "in": "cookie", "name": "comptoir_session", "description": "The session that a login has begun; `__Host-comptoir_session` on https. Writes carry `X-Comptoir-Request: 1`, too." },
    })
}

/// Adds what holds for every operation of a document.
fn complete(
    document: &mut Value,
    (api, tags): (Api, &[(&str, &str)]),
    (security, examples): (Value, &[Example]),
    each: fn(&mut Value),
) {
    document["tags"] =
        tags.iter().map(|(name, what)| json!({ "name": name, "description": what })).collect();
    let who = "Production, with live keys, and sandbox, with test keys: one server";
    document["servers"] =
        json!([{ "url": "/", "description": who, "x-internal": api == Api::Admin }]);
    document["info"]["contact"] = json!({ "name": "The retailer who runs this server" });
    let components = document["components"].as_object_mut();
    if let Some(components) = components {
        components.insert("securitySchemes".into(), security);
        components.insert("responses".into(), problems::responses(examples, api));
        components.insert("headers".into(), headers::components());
        components.insert("parameters".into(), headers::parameters());
        let schemas = components.entry("schemas").or_insert_with(|| json!({}));
        schemas["Problem"] = serde_json::to_value(Problem::schema()).unwrap_or_default();
        schemas["FieldError"] =
            serde_json::to_value(crate::http::FieldError::schema()).unwrap_or_default();
    }
    let Some(paths) = document["paths"].as_object_mut() else { return };
    for methods in paths.values_mut().filter_map(Value::as_object_mut) {
        for operation in methods.values_mut().filter(|o| o.is_object()) {
            let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
            parameters.into_iter().flatten().for_each(describe_parameter);
            each(operation);
        }
    }
    bounds::complete(document);
    headers::complete(document, api);
    examples::complete(document, api);
    prune(document);
}

/// Takes out the components that nothing refers to.
fn prune(document: &mut Value) {
    for kind in ["responses", "headers", "parameters", "schemas"] {
        let mut used = HashSet::new();
        note_references(document, &mut used);
        let components = document["components"].get_mut(kind).and_then(Value::as_object_mut);
        let is_used = |name: &String| used.contains(&format!("#/components/{kind}/{name}"));
        components.into_iter().for_each(|components| components.retain(|name, _| is_used(name)));
    }
}

/// Notes the components that a part of a document refers to.
fn note_references(part: &Value, used: &mut HashSet<String>) {
    match part {
        Value::String(text) if text.starts_with("#/components/") => _ = used.insert(text.clone()),
        Value::Array(parts) => parts.iter().for_each(|part| note_references(part, used)),
        Value::Object(parts) => parts.values().for_each(|part| note_references(part, used)),
        _ => {}
    }
}

/// A parameter that is left out is not null, and a page's size is the same everywhere.
fn describe_parameter(parameter: &mut Value) {
    if parameter["name"] == "limit" && parameter["schema"]["maximum"].is_null() {
        parameter["schema"] = json!({
            "type": "integer", "minimum": 1, "maximum": page::MAX_LIMIT, "default": page::DEFAULT_LIMIT,
        });
    }
    let is_null = |schema: &Value| schema == "null" || schema["type"] == "null";
    for several in ["type", "oneOf"] {
        let schema = &mut parameter["schema"];
        let choices = schema.get_mut(several).and_then(Value::as_array_mut);
        let Some(choices) = choices else { continue };
        choices.retain(|choice| !is_null(choice));
        if let [only] = choices.as_slice() {
            let only = only.clone();
            if several == "type" {
                schema["type"] = only;
            } else {
                *schema = only;
            }
        }
    }
}

/// Adds the shared problem of each status, and the shape of a problem to what the operation says
/// itself about a status.
fn add_problems(operation: &mut Value, statuses: &[u16]) {
    for status in statuses {
        let response = &mut operation["responses"][status.to_string()];
        if response.is_null() {
            *response = json!({});
        }
    }
    let Some(responses) = operation["responses"].as_object_mut() else { return };
    // What is read may be too long, and come too slowly.
    if responses.contains_key("413") {
        responses.entry("408").or_insert_with(|| json!({}));
    }
    for (status, response) in responses.iter_mut() {
        if status.starts_with(['4', '5']) && response.get("content").is_none() {
            response["$ref"] = json!(format!("#/components/responses/Problem{status}"));
        }
    }
}

fn partner_operation(operation: &mut Value) {
    forms::offer(operation);
    let id = operation["operationId"].as_str().unwrap_or_default().to_owned();
    let Some(entry) = operation::by_id(&id) else { return open_operation(operation) };
    add_problems(operation, &[400, 401, 403, 405, 429, 500, 503]);
    if entry.takes_idempotency_keys() {
        add_problems(operation, &[409, 422]);
    }
    describe_policy(operation, entry);
    if let Some(deprecation) = deprecation::of(entry) {
        operation["deprecated"] = json!(true);
        operation["x-sunset"] = json!(deprecation.sunset);
    }
}

/// An operation that needs another proof than a key or none, and is neither limited by a plan nor billed.
fn open_operation(operation: &mut Value) {
    let statuses: &[u16] = match operation["operationId"].as_str() {
        Some(
            "create_access_token"
            | "push_authorization_request"
            | "revoke_token"
            | "introspect_token",
        ) => &[405, 413, 429, 500, 503],
        Some("get_grant" | "delete_grant") => &[404, 405, 429, 500, 503],
        Some("get_openid_metadata" | "get_resource_metadata" | "get_signing_keys") => {
            &[404, 405, 500]
        }
        Some("report_leaked_keys") => &[400, 403, 404, 405, 413, 429, 500, 503],
        Some("resolve_digital_link") => &[400, 404, 405, 410, 422, 500],
        _ => &[405, 500],
    };
    add_problems(operation, statuses);
    // What needs nothing is generated as one empty choice.
    if operation["security"] == json!([{}]) {
        operation["security"] = json!([]);
    }
}

/// An operation about a customer: it takes a token of their consent and no key.
fn describe_consent(operation: &mut Value, entry: &Operation) {
    let any_of = customers::http::scopes_of(entry).iter().map(|scope| scope.as_str());
    operation["x-any-scope"] = any_of.collect();
    operation["security"] = json!([{ "customer": [] }]);
}

fn describe_policy(operation: &mut Value, entry: &Operation) {
    let scopes: Vec<&str> = entry.scope.iter().map(|s| s.as_str()).collect();
    let mut ways = vec![json!({ "bearer": scopes }), json!({ "api_key": scopes })];
    if entry.takes_basic() {
        ways.push(json!({ "basic": scopes }));
    }
    operation["security"] = ways.into();
    if entry.is_about_customers() {
        describe_consent(operation, entry);
    }
    operation["x-cost"] = cost(entry, &operation["responses"]);
    operation["x-rate-limit"] = json!({
        "units": units(entry.weight_milli),
        "counted_by": "partner, app or key, as the limit says, live and test apart",
        "limits": "those of the plan, in `RateLimit-Policy` of every answer and in `GET /v1/usage`",
    });
}

/// Thousandths of a unit as units.
fn units(milli: u32) -> f64 {
    f64::from(milli) / 1000.0
}

/// What a call costs and on which statuses, as the ledger decides it.
fn cost(entry: &Operation, responses: &Value) -> Value {
    let facts = |status| Facts {
        environment: Environment::Live,
        status,
        outcome: outcome(status, None),
        operation: entry.code,
    };
    let is_billed = |status: &&String| {
        status.parse().is_ok_and(|status| billability::rule(facts(status)).billable)
    };
    let statuses = responses.as_object().into_iter().flat_map(Map::keys);
    let billed: Vec<&String> = statuses.filter(is_billed).collect();
    let Some(records) = entry.records_per_unit else {
        let units = if billed.is_empty() { 0.0 } else { units(entry.weight_milli) };
        let mut cost = json!({ "units": units, "billed_on": billed });
        if billed.iter().any(|status| *status == "206") {
            cost["partial"] = json!("share of the bytes");
        }
        return cost;
    };
    let mut cost = json!({ "units": 1.0, "per_records": records, "billed_on": billed });
    if entry.least_units > 0 {
        cost["at_least"] = json!(f64::from(entry.least_units));
    }
    cost
}

/// A body that may be left out is not null where it is there: the generator says both in one.
fn optional_body(operation: &mut Value) {
    let Some(schema) = operation.pointer_mut("/requestBody/content/application~1json/schema")
    else {
        return;
    };
    if let [body, null] = schema["oneOf"].as_array().map_or(&[][..], Vec::as_slice)
        && null["type"] == "null"
    {
        *schema = body.clone();
        operation["requestBody"]["required"] = json!(false);
    }
}

fn admin_operation(operation: &mut Value) {
    optional_body(operation);
    add_problems(operation, &[400, 401, 405, 500, 503]);
    let need = rights::of(operation["operationId"].as_str().unwrap_or_default());
    if need == Some(Need::Nothing) {
        operation["security"] = json!([]);
        return;
    }
    operation["security"] = json!([{ "bearer": [] }, { "session": [] }]);
    add_problems(operation, &[403]);
    if let Some(Need::Right(right)) = need {
        operation["x-right"] = json!(right);
        operation["x-roles"] = right.held_by().split(", ").collect();
    }
}

fn registration_operation(operation: &mut Value) {
    add_problems(operation, &[400, 405, 429, 500, 503]);
    if !operation["requestBody"].is_null() {
        add_problems(operation, &[413, 415]);
    }
    operation["security"] = json!([]);
}

/// The first page of a listener: the reader.
pub(super) async fn to_docs() -> HttpResponse {
    HttpResponse::TemporaryRedirect().insert_header((LOCATION, "/docs/")).finish()
}

/// The paths of a document and the methods that each takes, joined for `Allow`.
pub(super) fn methods(document: &Document) -> Vec<(String, String)> {
    let Some(paths) = document.value["paths"].as_object() else { return Vec::new() };
    let joined = |methods: &Value| {
        let names = methods.as_object().into_iter().flat_map(Map::keys);
        names
            .map(|name| name.to_uppercase())
            .collect::<Vec<_>>()
            .join(", ")
            .replace("GET", "GET, HEAD")
    };
    paths.iter().map(|(path, methods)| (path.clone(), joined(methods))).collect()
}

/// Whether a document, or a part of its reader, is served at a path.
pub(super) fn is_page(path: &str, document: &Document) -> bool {
    let file = path.strip_prefix("/openapi/").and_then(|file| file.strip_prefix(document.name));
    matches!(file, Some(".json" | ".yaml")) || matches!(path, "/docs" | "/docs/")
}

/// Serves a document as JSON and YAML, and the interactive reference at `/docs/`.
pub(super) fn serve(config: &mut web::ServiceConfig, document: &'static Document) {
    serve_document(config, document);
    let name = document.name;
    config.service(web::redirect("/docs", "/docs/"));
    let reader =
        Config::new([format!("/openapi/{name}.json")]).try_it_out_enabled(true).deep_linking(true);
    // Its default sends the document to a host of somebody else.
    let reader = reader.validator_url("none");
    config.service(SwaggerUi::new("/docs/{_:.*}").config(reader));
}

/// Serves a document as JSON and YAML.
pub(super) fn serve_document(config: &mut web::ServiceConfig, document: &'static Document) {
    let name = document.name;
    let json = || async {
        HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, "application/json"))
            .body(document.json.as_str())
    };
    let yaml = || async {
        HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, "application/yaml"))
            .body(document.yaml.as_str())
    };
    config.route(&format!("/openapi/{name}.json"), web::get().to(json));
    config.route(&format!("/openapi/{name}.yaml"), web::get().to(yaml));
}
