//! Which scopes release which field, written into the document.

use crate::consent::scope::OAuthScope;
use crate::customers::model::CustomerDocument;
use crate::kernel::word::Word as _;
use serde_json::{Value, json};

/// The schema of each document.
const SCHEMAS: [(CustomerDocument, &str); 7] = [
    (CustomerDocument::Profile, "CustomerProfileOut"),
    (CustomerDocument::LoyaltyAccount, "CustomerLoyaltyOut"),
    (CustomerDocument::LoyaltyTransaction, "LoyaltyMoveOut"),
    (CustomerDocument::MonthOfCategory, "PurchaseSumOut"),
    (CustomerDocument::Purchase, "CustomerPurchaseOut"),
    (CustomerDocument::List, "CustomerListOut"),
    (CustomerDocument::Promotion, "CustomerPromotionOut"),
];
/// What fields are released by.
const RELEASED_BY: &str = "x-scope";

/// Says of each field of the documents which scopes release it. A field that the table does not have is said to be released
/// by none: it never leaves, and a test finds it.
pub fn describe(document: &mut Value) {
    for (kind, schema) in SCHEMAS {
        mark(document, kind, schema, "");
    }
}

/// The scopes of which one releases a field, or something below it.
fn released_by(kind: CustomerDocument, path: &str) -> Vec<&'static str> {
    let is_here = |field: &str| {
        field.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let fields = kind.fields().iter().filter(|field| is_here(field.path));
    let mut scopes: Vec<OAuthScope> = Vec::new();
    for scope in fields.flat_map(|field| field.opened_by) {
        if !scopes.contains(scope) {
            scopes.push(*scope);
        }
    }
    scopes.into_iter().map(OAuthScope::as_str).collect()
}

fn mark(document: &mut Value, kind: CustomerDocument, schema: &str, path: &str) {
    let at = format!("/components/schemas/{schema}/properties");
    let properties = document.pointer_mut(&at).and_then(Value::as_object_mut);
    let mut below = Vec::new();
    for (name, property) in properties.into_iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        if let Some(inner) = inner(property).filter(|inner| inner != "CustomerMoneyOut") {
            below.push((inner, path.clone()));
        }
        let scopes = released_by(kind, &path);
        if let Some(property) = property.as_object_mut() {
            property.insert(RELEASED_BY.to_owned(), json!(scopes));
        }
    }
    for (inner, path) in below {
        mark(document, kind, &inner, &path);
    }
}

/// The schema that a property refers to, by itself, as one of several, or in a list.
fn inner(property: &Value) -> Option<String> {
    let named = |it: &Value| {
        let reference = it["$ref"].as_str()?;
        reference.rsplit('/').next().map(str::to_owned)
    };
    let choices = || property["oneOf"].as_array().into_iter().flatten().find_map(named);
    named(property).or_else(choices).or_else(|| named(&property["items"]))
}
