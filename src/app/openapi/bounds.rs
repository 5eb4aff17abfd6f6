//! Bounds of everything that a document describes: how long a text, how large a number, how many
//! entries. What a type does not say itself gets the bound that holds for all of its kind, so that
//! generated clients and validators always find one.

use crate::http::Code;
use crate::http::params::{LONGEST, LONGEST_LIST};
use serde_json::{Map, Value, json};

/// Longest text in a body: descriptions are the longest that a feed may say.
const TEXT: u64 = crate::catalog::check::DESCRIPTION as u64 * 2;
/// Longest header of an answer: links, which name what an answer refers to, are the longest.
const HEADER: u64 = 8_000;
/// Longest path segment that can name something.
const SEGMENT: u64 = 2_000;
/// Longest name of a member where the document does not name them.
const MEMBER: u64 = 100;
/// Longest instant as it is written.
const INSTANT: u64 = 64;
/// Most entries of a list in a body.
const ENTRIES: u64 = 10_000;
/// Most words of a parameter that takes several: there are no more availabilities.
const WORDS: u64 = 8;
/// The largest whole number that every JSON parser reads exactly (RFC 8259 §6).
const EXACT: u64 = (1 << 53) - 1;

/// What no text of a query holds, within a class of a pattern: `Params` refuses control characters but white
/// space, and what stands for bytes that are no UTF-8.
macro_rules! refused {
    () => {
        r"\u0000-\u0008\u000E-\u001F\u007F-\u0084\u0086-\u009F\uFFFD"
    };
}

/// Names that are about customers in the partner API and about something else in that of admins.
const OF_CUSTOMERS: [&str; 2] = ["account_id", "grant_id"];
/// What the texts of a parameter look like: its name, the format's name, one value as a pattern. A test compares
/// them with what the program takes. Some texts that have the form are refused for what they say: a wrong check
/// digit, an id above 2^64, no quantity, an order that names something twice.
const FORMS: &[(&str, &str, &str)] = &[
    ("product_id", "product-id", "prd_[0-9A-L][0-9A-Za-z]{10}"),
    ("category_id", "category-id", "cat_[0-9A-L][0-9A-Za-z]{10}"),
    ("root", "category-id", "cat_[0-9A-L][0-9A-Za-z]{10}"),
    ("parent_id", "category-id", "cat_[0-9A-L][0-9A-Za-z]{10}"),
    ("store_id", "store-id", "sto_[0-9A-L][0-9A-Za-z]{10}"),
    ("export_id", "export-id", "exp_[0-9A-L][0-9A-Za-z]{10}"),
    ("file", "export-file", "[a-z]{1,20}\\.(ndjson\\.gz|parquet)"),
    (
        "event_id",
        "event-id",
        "[0-9A-L][0-9A-Za-z]{10}\\.(0|[1-9][0-9]{0,18})\\.(0|[1-9][0-9]{0,18})",
    ),
    (
        "jti",
        "event-token-id",
        "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
    ),
    ("after", "position", "([0-9]{1,18}|latest)"),
    ("gtin", "gtin", "([0-9]{8}|[0-9]{12,14})"),
    ("gln", "gln", "[0-9]{13}"),
    ("sku", "sku", "[!#-.0-\\[\\]-~]{1,50}"),
    ("promotion_id", "promotion-id", "prm_[0-9A-L][0-9A-Za-z]{10}"),
    ("embed", "embed", "(offers|stock|category|variants)"),
    ("country", "country", "[A-Za-z]{2}"),
    ("condition", "condition", "(new|refurbished|used)"),
    ("sort", "sort", "(-?(name|price|updated_at|id)|relevance)"),
    ("min_price", "amount", "[0-9]{1,11}(\\.[0-9]{1,4})?"),
    ("max_price", "amount", "[0-9]{1,11}(\\.[0-9]{1,4})?"),
    (
        "facets",
        "facet",
        concat!(
            r"(brand|category_id|price|availability|condition|status|attr\.[^,",
            refused!(),
            "]*[^, ",
            refused!(),
            "])"
        ),
    ),
    ("linkType", "link-type", "(all|linkset|gs1:(pip|defaultLink))"),
    (
        "items",
        "item",
        "([0-9]{8}|[0-9]{12,14}|prd_[0-9A-L][0-9A-Za-z]{10})(:[0-9]{1,7}(\\.[0-9]{1,3})?)?",
    ),
    ("cursor", "cursor", "[0-9A-Za-z]{1,500}"),
    ("purchase_id", "partner-scoped-id", "[0-9A-Za-z_-]{22}"),
    ("list_id", "partner-scoped-id", "[0-9A-Za-z_-]{22}"),
    ("account_id", "partner-scoped-id", "[0-9A-Za-z_-]{22}"),
    ("grant_id", "grant-id", "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"),
    ("key_id", "key-id", "key_[0-9A-L][0-9A-Za-z]{10}"),
    ("expires", "seconds", "[0-9]{1,11}"),
    ("signature", "signature", "[0-9A-Fa-f]{64}"),
];
/// What texts of a query are that have no form of their own.
const PLAIN: &str = concat!("^[^", refused!(), "]*$");
/// A value of a list of texts that have no form of their own, without a blank before it: a backslash takes the
/// comma or the backslash behind it along, and what is empty is no value.
const PLAIN_VALUE: &str = concat!(
    r"([^, \\",
    refused!(),
    r"]|\\[^",
    refused!(),
    r"])([^,\\",
    refused!(),
    r"]|\\[^",
    refused!(),
    r"])*"
);
/// How a parameter's description says that it takes several values.
const SEVERAL: &str = "joined by commas";
/// And how many, before the number.
const MOST: &str = "p to ";

fn takes_several(parameter: &Value) -> bool {
    parameter["description"].as_str().is_some_and(|text| text.contains(SEVERAL))
}

/// How many values a parameter's description says that it takes.
fn most(parameter: &Value) -> Option<u64> {
    let (_, behind) = parameter["description"].as_str()?.split_once(MOST)?;
    behind.split(' ').next()?.parse().ok()
}

/// What a list of texts looks like that have no form of their own, `more` of them behind the first. Only a
/// backslash at its very end stands for itself.
fn plain_list(more: &str) -> String {
    format!(r"^( *{PLAIN_VALUE},){more}( *{PLAIN_VALUE}\\?| *\\)$")
}

/// Gives a parameter whose texts have a form of their own that form, and other texts of a query what they
/// may hold.
fn shape(parameter: &mut Value, of_admins: bool) {
    let Some(name) = parameter["name"].as_str() else { return };
    let in_query = parameter["in"] == "query";
    // A list of products takes any sku, and finds nothing of one that no product can have.
    let is_free = in_query && name == "sku" || of_admins && OF_CUSTOMERS.contains(&name);
    let form = FORMS.iter().find(|(known, ..)| *known == name && !is_free);
    let several = takes_several(parameter);
    let more = most(parameter).map(|most| format!("{{0,{}}}", most.saturating_sub(1)));
    let more = more.unwrap_or_else(|| "*".to_owned());
    // What `fields` may name is known to the program alone.
    let is_free_list = several && name != "fields";
    let Some((_, format, one)) = form else {
        let of_problems =
            parameter["description"].as_str().is_some_and(|text| text.contains("problem"));
        if in_query && name == "code" && of_problems {
            let codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
            parameter["schema"]["pattern"] = json!(format!("^({})$", codes.join("|")));
        }
        let schema = &mut parameter["schema"];
        let is_free = ["enum", "format", "pattern"].iter().all(|key| schema.get(key).is_none());
        if in_query && is_free && schema["type"] == "string" {
            let plain = if is_free_list { plain_list(&more) } else { PLAIN.to_owned() };
            schema["pattern"] = json!(plain);
        }
        return;
    };
    let schema = &mut parameter["schema"];
    if schema["type"] != "string" || schema.get("enum").is_some() {
        return;
    }
    if several {
        schema["format"] = json!(format!("{format}-list"));
        schema["pattern"] = json!(format!("^ *{one}( *, *{one}){more} *$"));
    } else {
        schema["format"] = json!(format);
        schema["pattern"] = json!(format!("^{one}$"));
    }
}

/// Gives the ids in lists that a call sends the form that they have as parameters: `store_ids` is a
/// list of what `store_id` is one of.
fn shape_lists(schema: &mut Value) {
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    for (name, property) in properties.into_iter().flatten() {
        let form = FORMS.iter().find(|(one, ..)| name.strip_suffix('s') == Some(*one));
        let (Some((_, format, one)), Some(items)) = (form, property.get_mut("items")) else {
            continue;
        };
        if items["type"] == "string" {
            items["format"] = json!(format);
            items["pattern"] = json!(format!("^{one}$"));
        }
    }
}

/// Completes the bounds of a whole document.
pub(super) fn complete(document: &mut Value) {
    let schemas = document["components"]["schemas"].as_object_mut();
    for (name, schema) in schemas.into_iter().flatten() {
        if name.ends_with("In") {
            shape_lists(schema);
        }
        bound(schema, TEXT);
    }
    let headers = document["components"]["headers"].as_object_mut();
    headers.into_iter().flatten().for_each(|(_, header)| bound(&mut header["schema"], HEADER));
    for (path, methods) in document["paths"].as_object_mut().into_iter().flatten() {
        let of_admins = path.starts_with("/admin/");
        let methods = methods.as_object_mut().into_iter().flatten().map(|(_, operation)| operation);
        for operation in methods.filter(|operation| operation.is_object()) {
            let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
            for parameter in parameters.into_iter().flatten() {
                let in_path = parameter["in"] == "path";
                let longest = if in_path { SEGMENT } else { LONGEST as u64 };
                shape(parameter, of_admins);
                let is_list = takes_several(parameter);
                let longest = if is_list { LONGEST_LIST as u64 } else { longest };
                let schema = &mut parameter["schema"];
                match schema["type"].as_str() {
                    Some("array") => {
                        let most = schema["maxItems"].as_u64().unwrap_or(WORDS);
                        (schema["minItems"], schema["maxItems"]) = (json!(1), json!(most));
                    }
                    Some("string") => schema["minLength"] = json!(1),
                    Some("object") => {
                        schema["maxProperties"] = json!(WORDS);
                        schema["additionalProperties"]["minLength"] = json!(1);
                        if is_list {
                            let more = format!("{{0,{}}}", WORDS - 1);
                            schema["additionalProperties"]["pattern"] = json!(plain_list(&more));
                        }
                    }
                    _ => {}
                }
                bound(schema, longest);
            }
            contents(operation.get_mut("requestBody"));
            let responses = operation["responses"].as_object_mut();
            responses.into_iter().flatten().for_each(|(_, response)| contents(Some(response)));
        }
    }
}

fn contents(body: Option<&mut Value>) {
    let Some(body) = body else { return };
    let headers = body.get_mut("headers").and_then(Value::as_object_mut);
    for schema in headers.into_iter().flatten().filter_map(|(_, header)| header.get_mut("schema")) {
        bound(schema, HEADER);
    }
    let types = body.get_mut("content").and_then(Value::as_object_mut);
    for (kind, content) in types.into_iter().flatten() {
        if matches!(kind.as_str(), "application/gzip" | "application/vnd.apache.parquet") {
            // Bytes have no schema (OpenAPI 3.1 §4.8.14.3).
            content.as_object_mut().into_iter().for_each(|content| {
                content.remove("schema");
            });
        } else if let Some(schema) = content.get_mut("schema") {
            bound(schema, TEXT);
        }
    }
}

/// Bounds a schema and all that it is made of.
fn bound(schema: &mut Value, longest: u64) {
    let Some(schema) = schema.as_object_mut() else { return };
    let is = |schema: &Map<String, Value>, wanted: &str| match schema.get("type") {
        Some(Value::String(one)) => one == wanted,
        Some(Value::Array(several)) => several.iter().any(|one| one == wanted),
        _ => false,
    };
    let closed = schema.contains_key("enum") || schema.contains_key("const");
    if is(schema, "string") && !closed {
        let instant = schema.get("format").is_some_and(|format| format == "date-time");
        let most = if instant { INSTANT } else { longest };
        schema.entry("maxLength").or_insert(json!(most));
    }
    if is(schema, "integer") && !closed {
        let format = schema.get("format").and_then(Value::as_str).unwrap_or("int64");
        let (format, most) = match format {
            "int32" => ("int32", i32::MAX as u64),
            _ => ("int64", EXACT),
        };
        schema.insert("format".into(), json!(format));
        schema.entry("minimum").or_insert(json!(-(most as i64)));
        schema.entry("maximum").or_insert(json!(most));
    }
    if is(schema, "array") {
        schema.entry("maxItems").or_insert(json!(ENTRIES));
    }
    if let Some(names) = schema.get_mut("propertyNames") {
        (names["minLength"], names["maxLength"]) = (json!(1), json!(MEMBER));
    }
    for part in ["items", "additionalProperties"] {
        if let Some(part) = schema.get_mut(part) {
            bound(part, longest);
        }
    }
    for part in ["oneOf", "anyOf", "allOf", "prefixItems"] {
        let parts = schema.get_mut(part).and_then(Value::as_array_mut);
        parts.into_iter().flatten().for_each(|part| bound(part, longest));
    }
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    properties.into_iter().flatten().for_each(|(_, property)| bound(property, longest));
}
