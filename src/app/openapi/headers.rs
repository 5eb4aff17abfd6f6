//! Headers in a document: what answers tell and what calls may send, by rules that hold for all operations
//! alike. A test compares them with what is sent.

use crate::access::{Operation, deprecation, operation};
use serde_json::{Map, Value, json};

/// Headers of every answer to a call whose caller may be known. `X-RateLimit-*`, which are off where nobody has turned
/// them on, stand in the text alone: linters take either these or the standard's.
const OF_CALLERS: [&str; 6] = [
    "Access-Control-Allow-Origin",
    "Comptoir-Degraded",
    "RateLimit",
    "RateLimit-Policy",
    "Usage-Event-Id",
    "X-Request-Cost",
];
/// Headers of every answer to a call that needs no key.
const OF_ANYBODY: [&str; 3] = ["Access-Control-Allow-Origin", "Usage-Event-Id", "X-Request-Cost"];
/// Headers of every answer of an operation that is deprecated.
const OF_ITS_END: [&str; 3] = ["Deprecation", "Link", "Sunset"];
/// The GET of the admin API whose answer can only be had whole: its `ETag` is the version that edits name, and
/// when a key was last used is no version.
const WHOLE: &str = "get_key";
/// Headers of an answer that can be asked for again.
const VALIDATED: [&str; 3] = ["Cache-Control", "ETag", "Vary"];
/// Headers of an answer with a file.
const OF_FILES: [&str; 3] = ["Accept-Ranges", "Content-Disposition", "Repr-Digest"];

/// The API that a document is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Api {
    /// Of the public listener, for partners.
    Partner,
    /// Of the public listener, for everybody.
    Registration,
    /// Of the admin listener.
    Admin,
}

impl Api {
    /// Headers of its problems, whatever their status.
    fn of_problems(self) -> &'static [&'static str] {
        match self {
            Self::Partner => &OF_CALLERS,
            Self::Registration => &OF_ANYBODY,
            Self::Admin => &[],
        }
    }
}

/// The headers of a problem with a status.
pub(super) fn of_problem(status: u16, api: Api) -> Value {
    let own: &[&str] = match status {
        401 => &["WWW-Authenticate"],
        403 if api == Api::Partner => &["WWW-Authenticate"],
        405 => &["Allow"],
        410 => &["Link"],
        416 => &["Content-Range"],
        429 | 503 => &["Retry-After"],
        _ => &[],
    };
    let names = api.of_problems().iter().chain(&["Cache-Control"]).chain(own);
    Value::Object(names.map(|name| ((*name).to_owned(), reference("headers", name))).collect())
}

fn reference(kind: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{kind}/{name}") })
}

/// Adds to each operation of a document what its answers tell and what its calls may send.
pub(super) fn complete(document: &mut Value, api: Api) {
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    for (_, methods) in paths {
        let operations = methods.as_object_mut().into_iter().flatten();
        for (method, operation) in operations.filter(|(_, operation)| operation.is_object()) {
            if api == Api::Admin && method == "get" {
                condition(operation);
            }
            let about = About::of(operation, api);
            answers(operation, &about);
            refusals(operation, &about);
            calls(operation, &about);
        }
    }
}

/// Adds to a GET that answers with a document that its caller may hold that already.
fn condition(operation: &mut Value) {
    let whole = operation.pointer("/responses/200/content/application~1json");
    if whole.is_some() && operation["operationId"] != WHOLE {
        operation["responses"]["304"] = json!({ "description": "You hold this already." });
    }
}

/// What decides about the headers of an operation.
struct About {
    api: Api,
    /// Whether it is one of the partner API's, which are answered to known callers alone.
    has_caller: bool,
    /// Whether an answer may be "you hold this already".
    is_conditional: bool,
    /// Whether it answers with files, ranges of them too.
    has_ranges: bool,
    is_list: bool,
    /// Whether it is about a customer: its answers are never kept, so they have no validator.
    is_of_customers: bool,
    /// Whether it takes an `Idempotency-Key`.
    is_once: bool,
    /// Whether it chooses texts by language.
    has_texts: bool,
    is_ending: bool,
}

impl About {
    fn of(operation: &Value, api: Api) -> Self {
        let answers = |status: &str| !operation["responses"][status].is_null();
        let content = &operation["responses"]["200"]["content"]["application/json"];
        let shape = content["schema"]["$ref"].as_str().and_then(|name| name.rsplit('/').next());
        let known = operation["operationId"].as_str().and_then(operation::by_id);
        let known = known.filter(|_| !operation["x-cost"].is_null());
        Self {
            api,
            has_caller: known.is_some(),
            is_conditional: answers("304"),
            has_ranges: answers("206"),
            is_of_customers: known.is_some_and(Operation::is_about_customers),
            is_once: known.is_some_and(Operation::takes_idempotency_keys),
            is_list: shape.is_some_and(|shape| shape.starts_with("PageO")),
            has_texts: !operation["responses"]["200"]["headers"]["Content-Language"].is_null(),
            is_ending: known.is_some_and(|known| deprecation::of(known).is_some()),
        }
    }

    /// What an answer with a status tells.
    fn told(&self, status: &str) -> Vec<&'static str> {
        let mut names = Vec::new();
        let mut if_so = |so: bool, those: &[&'static str]| {
            if so {
                names.extend_from_slice(those);
            }
        };
        let is_public = self.api != Api::Admin;
        let is_whole = matches!(status, "200" | "206" | "304");
        if_so(self.has_caller, &OF_CALLERS);
        if_so(is_public && !self.has_caller, &OF_ANYBODY);
        if_so(self.is_ending, &OF_ITS_END);
        let is_validated = self.has_caller && !self.is_of_customers;
        if_so(is_whole && (is_validated || self.is_conditional), &VALIDATED);
        if_so(true, &["Cache-Control"]);
        if_so(!is_public && status == "201", &["Location"]);
        if_so(self.has_ranges && status != "304", &OF_FILES);
        if_so(status == "206", &["Content-Range"]);
        if_so(self.is_list && is_whole, &["Link"]);
        if_so(self.is_once && status.starts_with('2'), &["Idempotent-Replayed"]);
        if_so(self.has_texts && is_whole, &["Content-Language"]);
        names
    }
}

fn answers(operation: &mut Value, about: &About) {
    let responses = operation["responses"].as_object_mut().into_iter().flatten();
    for (status, response) in responses.filter(|(status, _)| status.starts_with(['2', '3'])) {
        for name in about.told(status) {
            response["headers"][name] = reference("headers", name);
        }
    }
}

/// Adds to what the partner API refuses in the words of a standard, and not as a problem, what every answer tells.
fn refusals(operation: &mut Value, about: &About) {
    if about.api != Api::Partner {
        return;
    }
    let responses = operation["responses"].as_object_mut().into_iter().flatten();
    for (status, response) in responses.filter(|(status, _)| status.starts_with(['4', '5'])) {
        if response.pointer("/content/application~1json").is_none() {
            continue;
        }
        let own: &[&str] = if status == "401" { &["WWW-Authenticate"] } else { &[] };
        for name in about.told(status).iter().chain(own) {
            response["headers"][*name] = reference("headers", name);
        }
    }
}

fn calls(operation: &mut Value, about: &About) {
    let sent = [
        (about.is_conditional, "IfNoneMatch"),
        (about.has_texts, "AcceptLanguage"),
        (about.has_ranges, "Range"),
        (about.has_ranges, "IfRange"),
        (about.is_once, "IdempotencyKey"),
    ];
    let sent = sent.iter().filter(|(is_read, _)| *is_read);
    let mut sent: Vec<Value> = sent.map(|(_, name)| reference("parameters", name)).collect();
    if sent.is_empty() {
        return;
    }
    match operation.get_mut("parameters").and_then(Value::as_array_mut) {
        Some(own) => own.append(&mut sent),
        None => operation["parameters"] = sent.into(),
    }
}

/// Headers that calls may send, as `components` holds them. `Accept`, `Authorization` and `Content-Type` are
/// no parameters (OpenAPI 3.1 §4.8.12.2): media types and security schemes say what they take.
pub(super) fn parameters() -> Value {
    let header = |name: &str, what: &str, example: &str| {
        json!({ "name": name, "in": "header", "description": what, "example": example,
                "schema": { "type": "string" } })
    };
    let key = "A name of your choice for this write, 1 to 255 visible characters such as a random UUID: sent again within a day, \
               the write is not done again and costs nothing, and the answer is that of the first call. What was refused frees its key. \
               A key goes with one call of your app: with another it is refused (422), and while the first is under way (409).";
    json!({
        "IdempotencyKey": {
            "name": "Idempotency-Key", "in": "header", "description": key,
            "example": "8e03978e-40d5-43e8-bc93-6894a57f9324",
            "schema": { "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!#-~]+$" },
        },
        "AcceptLanguage": header("Accept-Language", "The languages that you like best (RFC 9110 §12.5.4): texts come in the first of them that is there.", "en, fr;q=0.5"),
        "IfNoneMatch": header("If-None-Match", "The `ETag` of the answer that you hold, or several: where it holds still, the answer is 304 and free.", "\"5d41402abc4b2a76\""),
        "IfRange": header("If-Range", "The `ETag` of the file that you hold a part of: where there is another by now, all of it comes in place of the range.", "\"5d41402abc4b2a76\""),
        "Range": header("Range", "One range of bytes (RFC 9110 §14.2). What is no such range, or several, is passed over: then the whole file comes.", "bytes=0-1023"),
    })
}

/// Headers that answers may have, as `components` holds them.
pub(super) fn components() -> Value {
    let header = |(name, what, example): &(&str, &str, &str)| {
        let text =
            json!({ "description": what, "schema": { "type": "string" }, "example": example });
        ((*name).to_owned(), text)
    };
    let mut all: Map<String, Value> = TEXTS.iter().map(header).collect();
    all.insert("Retry-After".to_owned(), json!({
        "description": "Seconds until a call is admitted again; absent where waiting does not help. Where calls under way have to end first, 1, for nobody knows when.",
        "schema": { "type": "integer", "minimum": 0 }, "example": 1,
    }));
    all["X-Request-Cost"]["schema"]["pattern"] = json!("^[0-9]{1,10}(\\.[0-9]{1,3})?$");
    Value::Object(all)
}

/// Headers that are texts: their names, what they say, an example.
const TEXTS: [(&str, &str, &str); 21] = [
    ("Accept-Ranges", "That a part of the file can be asked for with `Range`.", "bytes"),
    (
        "Access-Control-Allow-Origin",
        "The origin of a browser app that the retailer has configured; absent for all other callers.",
        "https://app.example.com",
    ),
    ("Allow", "The methods that the path takes.", "GET, HEAD"),
    ("Cache-Control", "Whether and for how long you may keep the answer.", "private, max-age=300"),
    (
        "Comptoir-Degraded",
        "`limits` while the service grants each limit in shares, because its parts cannot count together for a moment; absent otherwise.",
        "limits",
    ),
    (
        "Content-Disposition",
        "What the file is called.",
        "attachment; filename=\"products.ndjson.gz\"",
    ),
    (
        "Content-Language",
        "The languages that texts were chosen in, where the call names languages and the retailer has said its own; what \
         is not translated into them is in the retailer's own.",
        "en",
    ),
    (
        "Content-Range",
        "Which bytes of how many the answer holds; with 416 only of how many, `bytes */52428`.",
        "bytes 0-1023/52428",
    ),
    (
        "Deprecation",
        "Since when the operation is deprecated (RFC 9745). `Link` names its successor.",
        "@1796083200",
    ),
    (
        "ETag",
        "Strong validator of the answer: send it back in `If-None-Match`.",
        "\"5d41402abc4b2a76\"",
    ),
    (
        "Idempotent-Replayed",
        "`true` where the write was done by an earlier call with the same `Idempotency-Key`, and this is what that was answered with; absent otherwise.",
        "true",
    ),
    (
        "Link",
        "Where to go on (RFC 8288): the `next` page of a list, the `successor-version` of what is gone or will go. Absent where there is none.",
        "</v1/products?limit=50&cursor=c7HqK2mXw9Pz000000000001A2b3C>; rel=\"next\"",
    ),
    (
        "RateLimit",
        "What is left of each limit that counts the call: `r` units, all back after `t` seconds (draft-ietf-httpapi-ratelimit-headers-11). A limit on calls under way tells how many may begin, and a `t` only where it refused the call. Absent where the key has no limits.",
        "\"burst\";r=49;t=1, \"day\";r=99999;t=1",
    ),
    (
        "RateLimit-Policy",
        "The plan's limits: `q` units in `w` seconds, which for a quota is its present period; with `qu` as many calls under way at once. Absent where the key has no limits.",
        "\"burst\";q=50;w=1, \"day\";q=100000;w=86400",
    ),
    (
        "Repr-Digest",
        "The SHA-256 of the whole file (RFC 9530), also where a part of it is sent.",
        "sha-256=:n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=:",
    ),
    ("Location", "Where it can be found.", "/admin/v1/keys/key_0Ab12Cd34Ef"),
    ("Sunset", "Until when it answers at least (RFC 8594).", "Wed, 30 Jun 2027 23:59:59 GMT"),
    (
        "Usage-Event-Id",
        "The id of this call: that of its row in the usage export, or, with a `u` before its last number, of a call that has none, for its caller is not known or it could not be recorded and so was not served. Quote it when asking for help.",
        "0000000000b.12.4711",
    ),
    (
        "Vary",
        "The headers of the call on which the answer depends beside its address.",
        "authorization, x-api-key, accept, accept-encoding, accept-language",
    ),
    (
        "WWW-Authenticate",
        "How to show who calls (RFC 9110 §11.6.1), and what was wrong with it (RFC 6750 §3).",
        "Bearer realm=\"comptoir\"",
    ),
    (
        "X-Request-Cost",
        "The units that this call costs: 0 where it is free, as all but 200, 201 and 206 are, and all calls of test keys and of nobody that is known.",
        "1",
    ),
];
