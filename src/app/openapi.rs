//! The OpenAPI documents: generated from the handlers, completed from the tables of operations,
//! scopes and error codes, rendered once, served as JSON and YAML with an interactive reader.

mod bounds;
mod problems;

use super::finish::outcome;
use super::{admin, public};
use crate::access::{Environment, Operation, Scope, deprecation, operation};
use crate::admin::rights::{self, Need};
use crate::alerts;
use crate::hooks;
use crate::http::error::Problem;
use crate::http::{form, linked};
use crate::kernel::page;
use crate::metering::billability::{self, Facts};
use actix_web::http::header::{CONTENT_TYPE, LOCATION};
use actix_web::{App, HttpResponse, web};
use problems::Example;
use serde_json::{Map, Value, json};
use std::sync::LazyLock;
use utoipa::PartialSchema as _;
use utoipa_actix_web::AppExt as _;
use utoipa_actix_web::service_config::ServiceConfig;
use utoipa_swagger_ui::{Config, SwaggerUi};

/// A rendered document.
#[derive(Debug)]
pub struct Document {
    /// `partner` or `admin`: the file's name.
    pub name: &'static str,
    /// As YAML, the form that is committed.
    pub yaml: String,
    /// As JSON.
    pub json: String,
}

/// The partner API's document.
pub static PARTNER: LazyLock<Document> = LazyLock::new(|| {
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
        ("usage", "What you have used and what is left"),
        ("oauth", "Access tokens in place of keys"),
        ("leaks", "Keys that were found where everybody can read them"),
    ];
    hooks::describe(&mut document);
    alerts::api::describe(&mut document);
    complete(&mut document, &tags, (partner_security(), problems::PARTNER), partner_operation);
    leave_open(&mut document);
    render("partner", &document)
});

/// The admin API's document.
pub static ADMIN: LazyLock<Document> = LazyLock::new(|| {
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
        ("alerts", "What partners and retailer were told of usage"),
        ("mails", "Mails that wait, were sent or were given up"),
        ("stock", "Stock levels from tills and stock systems"),
        ("feeds", "Files of products, stores, prices and stock"),
        ("nodes", "The running processes"),
    ];
    complete(&mut document, &tags, (admin_security(), problems::ADMIN), admin_operation);
    render("admin", &document)
});

/// The document of what can be asked without a key, where the retailer has opened that.
pub static REGISTRATION: LazyLock<Document> = LazyLock::new(|| {
    let mut document = generate(public::registration_routes);
    document["info"] = json!({
        "title": "Comptoir registration",
        "version": "1.0.0",
        "description": include_str!("registration.md"),
        "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
    });
    let tags = [("registration", "Plans that are offered, and how to become a partner")];
    let problems = (json!({}), problems::REGISTRATION);
    complete(&mut document, &tags, problems, registration_operation);
    leave_open(&mut document);
    render("registration", &document)
});

/// The documents that are committed under `openapi/`.
#[must_use]
pub fn documents() -> [&'static Document; 3] {
    [&PARTNER, &ADMIN, &REGISTRATION]
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

fn render(name: &'static str, document: &Value) -> Document {
    Document {
        name,
        yaml: serde_norway::to_string(document).unwrap_or_default(),
        json: document.to_string(),
    }
}

fn partner_security() -> Value {
    let scopes: Vec<String> =
        Scope::ALL.iter().map(|s| format!("- `{}`: {}", s.as_str(), s.description())).collect();
    let description =
        format!("Your key, with the scopes that it was given:\n\n{}", scopes.join("\n"));
    json!({
        "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "cpt_live_… or cpt_test_…", "description": description },
        "api_key": { "type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The same key in a header of its own." },
        "client": { "type": "apiKey", "in": "header", "name": "Authorization", "description": "For `/oauth/token`: `Basic` and a client's id and secret (RFC 7617). A client with keys of its own sends `client_assertion` in their place." },
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
    tags: &[(&str, &str)],
    (security, examples): (Value, &[Example]),
    each: fn(&mut Value),
) {
    let internal = document["info"]["title"] == "Comptoir admin API";
    let told: &[&str] = if internal { &[] } else { &TOLD };
    document["tags"] =
        tags.iter().map(|(name, what)| json!({ "name": name, "description": what })).collect();
    let who = "Production, with live keys, and sandbox, with test keys: one server";
    document["servers"] = json!([{ "url": "/", "description": who, "x-internal": internal }]);
    document["info"]["contact"] = json!({ "name": "The retailer who runs this server" });
    let components = document["components"].as_object_mut();
    if let Some(components) = components {
        components.insert("securitySchemes".into(), security);
        components.insert("responses".into(), problems::responses(examples, told));
        components.insert("headers".into(), headers());
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
            let body = operation.pointer_mut("/requestBody/content/application~1json/schema");
            if let Some(body) = body {
                not_null(body);
            }
            each(operation);
        }
    }
    bounds::complete(document);
    prune(document);
}

/// Takes out the components that nothing refers to.
fn prune(document: &mut Value) {
    for kind in ["responses", "headers", "schemas"] {
        let text = document.to_string();
        let components = document["components"].get_mut(kind).and_then(Value::as_object_mut);
        let is_used = |name: &String| text.contains(&format!("\"#/components/{kind}/{name}\""));
        components.into_iter().for_each(|components| components.retain(|name, _| is_used(name)));
    }
}

/// A parameter that is left out is not null, and a page's size is the same everywhere.
fn describe_parameter(parameter: &mut Value) {
    if parameter["name"] == "limit" && parameter["schema"]["maximum"].is_null() {
        parameter["schema"] = json!({
            "type": "integer", "minimum": 1, "maximum": page::MAX_LIMIT, "default": page::DEFAULT_LIMIT,
        });
    }
    not_null(&mut parameter["schema"]);
}

/// What may be left out is not null where it is there.
fn not_null(schema: &mut Value) {
    let is_null = |schema: &Value| schema == "null" || schema["type"] == "null";
    for several in ["type", "oneOf"] {
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

/// Headers of every answer of the partner API.
const TOLD: [&str; 6] = [
    "Access-Control-Allow-Origin",
    "Comptoir-Degraded",
    "RateLimit",
    "RateLimit-Policy",
    "Usage-Event-Id",
    "X-Request-Cost",
];
/// Headers of every answer of an operation that is deprecated.
const TOLD_OF_ITS_END: [&str; 2] = ["Deprecation", "Sunset"];

fn headers() -> Value {
    json!({
        "Content-Language": { "description": "The languages of the texts, where the call names languages and the retailer has said its own.", "schema": { "type": "string" }, "example": "en" },
        "ETag": { "description": "Strong validator of the answer: send it back in `If-None-Match`.", "schema": { "type": "string" }, "example": "\"5d41402abc4b2a76\"" },
        "Access-Control-Allow-Origin": { "description": "The origin of a browser app that the retailer has configured; absent for all other callers.", "schema": { "type": "string" }, "example": "https://app.example.com" },
        "Comptoir-Degraded": { "description": "`limits` while the service grants each limit in shares, because its parts cannot count together for a moment; absent otherwise.", "schema": { "type": "string" }, "example": "limits" },
        "RateLimit": { "description": "What is left of each limit that counts the call: `r` units, all back after `t` seconds (draft-ietf-httpapi-ratelimit-headers-11). A limit on calls under way tells how many may begin, and a `t` only where it refused the call. Absent where the key has no limits.", "schema": { "type": "string" }, "example": "\"burst\";r=49;t=1, \"day\";r=99999;t=1" },
        "RateLimit-Policy": { "description": "The plan's limits: `q` units in `w` seconds, which for a quota is its present period; with `qu` as many calls under way at once. Absent where the key has no limits.", "schema": { "type": "string" }, "example": "\"burst\";q=50;w=1, \"day\";q=100000;w=86400" },
        "Retry-After": { "description": "Seconds until a call is admitted again; absent where waiting does not help. Where calls under way have to end first, 1, for nobody knows when.", "schema": { "type": "integer", "minimum": 0 }, "example": 1 },
        "Deprecation": { "description": "Since when the operation is deprecated (RFC 9745). `Link` names its successor.", "schema": { "type": "string" }, "example": "@1796083200" },
        "Sunset": { "description": "Until when it answers at least (RFC 8594).", "schema": { "type": "string" }, "example": "Wed, 30 Jun 2027 23:59:59 GMT" },
        "Usage-Event-Id": { "description": "The id of this call: where the caller is known, that of its row in the usage export. Quote it when asking for help.", "schema": { "type": "string" }, "example": "0000000000b.12.4711" },
        "X-Request-Cost": { "description": "The units that this call costs: 0 where it is free, as all but 200, 201 and 206 are, and all calls of test keys. Absent where the caller is not known.", "schema": { "type": "string", "pattern": "^[0-9]{1,10}(\\.[0-9]{1,3})?$" }, "example": "1" },
    })
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
    for (status, response) in responses.iter_mut() {
        if status.starts_with(['4', '5']) && response.get("content").is_none() {
            response["$ref"] = json!(format!("#/components/responses/Problem{status}"));
        }
    }
}

/// Resources that come as JSON-LD too.
const LINKED: [&str; 4] = ["ProductOut", "CategoryOut", "StoreOut", "PromotionOut"];

/// Resources come as JSON-LD too, lists also as JSON lines and as CSV. That stands beside the responses
/// and not in their `content`: of several media types, generators make one type that is none of them.
fn offer_forms(operation: &mut Value) {
    let schema = operation.pointer("/responses/200/content/application~1json/schema/$ref");
    let name = schema.and_then(Value::as_str).and_then(|name| name.rsplit('/').next());
    let name = name.unwrap_or_default();
    let forms: &[&str] = if name == "PageOfChanges" {
        operation["x-forms"] = json!([form::NDJSON]);
        return;
    } else if name.starts_with("PageOf") {
        &[linked::MEDIA_TYPE, form::NDJSON, form::CSV]
    } else if LINKED.contains(&name) {
        &[linked::MEDIA_TYPE]
    } else if ["SuggestionsOut", "TreeOut", "LookupOut"].contains(&name) {
        &[]
    } else {
        return;
    };
    if !forms.is_empty() {
        operation["x-forms"] = json!(forms);
    }
    operation["responses"]["200"]["headers"]["Content-Language"] =
        json!({ "$ref": "#/components/headers/Content-Language" });
}

/// Most characters of a file: as many as every JSON parser reads exactly.
const LONGEST_FILE: u64 = (1 << 53) - 1;

/// Files are as long as they are.
fn unbound_files(operation: &mut Value) {
    for status in ["200", "206"] {
        let content = operation["responses"].get_mut(status).and_then(|it| it.get_mut("content"));
        let types = content.and_then(Value::as_object_mut).into_iter().flatten();
        for (_, file) in types.filter(|(name, _)| *name != "application/json") {
            if let Some(schema) = file.get_mut("schema") {
                schema["maxLength"] = json!(LONGEST_FILE);
            }
        }
    }
}

fn partner_operation(operation: &mut Value) {
    offer_forms(operation);
    unbound_files(operation);
    let id = operation["operationId"].as_str().unwrap_or_default().to_owned();
    let Some(entry) = operation::by_id(&id) else { return open_operation(operation) };
    add_problems(operation, &[400, 401, 403, 405, 429, 500, 503]);
    describe_policy(operation, entry);
    let ending = deprecation::of(entry);
    if let Some(deprecation) = ending {
        operation["deprecated"] = json!(true);
        operation["x-sunset"] = json!(deprecation.sunset);
    }
    let of_its_end = ending.map_or(&[][..], |_| &TOLD_OF_ITS_END);
    let Some(responses) = operation["responses"].as_object_mut() else { return };
    for (status, response) in responses.iter_mut().filter(|(s, _)| s.starts_with(['2', '3'])) {
        let etag = matches!(status.as_str(), "200" | "304").then_some("ETag");
        for name in TOLD.iter().chain(of_its_end).copied().chain(etag) {
            response["headers"][name] = json!({ "$ref": format!("#/components/headers/{name}") });
        }
    }
}

/// An operation that needs another proof than a key, and is neither limited by a plan nor billed.
fn open_operation(operation: &mut Value) {
    let statuses: &[u16] = match operation["operationId"].as_str() {
        Some("create_access_token") => &[405, 413, 429, 500, 503],
        _ => &[400, 403, 404, 405, 413, 429, 500, 503],
    };
    add_problems(operation, statuses);
}

fn describe_policy(operation: &mut Value, entry: &Operation) {
    let scopes: Vec<&str> = entry.scope.iter().map(|s| s.as_str()).collect();
    operation["security"] = json!([{ "bearer": scopes }, { "api_key": scopes }]);
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
        return json!({ "units": units, "billed_on": billed });
    };
    let mut cost = json!({ "units": 1.0, "per_records": records, "billed_on": billed });
    if entry.least_units > 0 {
        cost["at_least"] = json!(f64::from(entry.least_units));
    }
    cost
}

fn admin_operation(operation: &mut Value) {
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
    operation["security"] = json!([]);
}

/// The first page of a listener: the reader.
pub(super) async fn to_docs() -> HttpResponse {
    HttpResponse::TemporaryRedirect().insert_header((LOCATION, "/docs/")).finish()
}

/// The paths of a document and the methods that each takes, joined for `Allow`.
pub(super) fn methods(document: &Document) -> Vec<(String, String)> {
    let document: Value = serde_json::from_str(&document.json).unwrap_or_default();
    let Some(paths) = document["paths"].as_object() else { return Vec::new() };
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
pub(super) fn serve(config: &mut web::ServiceConfig, document: &'static LazyLock<Document>) {
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
pub(super) fn serve_document(
    config: &mut web::ServiceConfig,
    document: &'static LazyLock<Document>,
) {
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
