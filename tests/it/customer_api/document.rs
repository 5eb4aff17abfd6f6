//! The document and the table of fields say the same.

use crate::openapi::{document, operations};
use crate::support::schema::resolved;
use comptoir::access::operation::by_id;
use comptoir::customers::http::scopes_of;
use comptoir::customers::model::CustomerDocument;
use comptoir::kernel::word::Word as _;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const SCHEMAS: [(CustomerDocument, &str); 7] = [
    (CustomerDocument::Profile, "CustomerProfileOut"),
    (CustomerDocument::LoyaltyAccount, "CustomerLoyaltyOut"),
    (CustomerDocument::LoyaltyTransaction, "LoyaltyMoveOut"),
    (CustomerDocument::MonthOfCategory, "PurchaseSumOut"),
    (CustomerDocument::Purchase, "CustomerPurchaseOut"),
    (CustomerDocument::List, "CustomerListOut"),
    (CustomerDocument::Promotion, "CustomerPromotionOut"),
];

/// The schema that a property refers to, where it is an object of ours.
fn inner(property: &Value, whole: &Value) -> Option<Value> {
    let choices = property["oneOf"].as_array().into_iter().flatten();
    let mut all = [property, &property["items"]].into_iter().chain(choices);
    let named = all.find(|it| it["$ref"].is_string())?;
    let schema = resolved(named, whole).clone();
    let is_money =
        schema["properties"]["currency"].is_object() && schema["properties"]["amount"].is_object();
    (schema["properties"].is_object() && !is_money).then_some(schema)
}

/// The leaves of a schema with what they are released by.
fn leaves(schema: &Value, whole: &Value, at: &str, into: &mut BTreeMap<String, Value>) {
    for (name, property) in schema["properties"].as_object().unwrap() {
        let path = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
        let scopes = &property["x-scope"];
        assert!(
            scopes.as_array().is_some_and(|all| !all.is_empty()),
            "{path} is released by nothing"
        );
        match inner(property, whole) {
            Some(inner) => leaves(&inner, whole, &path, into),
            None => _ = into.insert(path, scopes.clone()),
        }
    }
}

#[test]
fn each_field_of_the_document_is_one_of_the_table_with_its_scopes() {
    let whole = document("partner");
    for (kind, name) in SCHEMAS {
        let mut found = BTreeMap::new();
        leaves(&whole["components"]["schemas"][name], &whole, "", &mut found);
        let table: BTreeMap<String, Value> = kind
            .fields()
            .iter()
            .map(|field| {
                let scopes: Vec<&str> =
                    field.opened_by.iter().map(|scope| scope.as_str()).collect();
                (field.path.to_owned(), json!(scopes))
            })
            .collect();
        assert_eq!(found, table, "{name}");
    }
}

#[test]
fn each_operation_about_customers_says_what_opens_it_and_takes_no_key() {
    let mut seen = 0;
    for (path, _, operation) in operations(&document("partner")) {
        let entry = operation["operationId"].as_str().and_then(by_id);
        let about = entry.is_some_and(comptoir::access::Operation::is_about_customers);
        assert_eq!(about, path.starts_with("/v1/customer/"), "{path}");
        let Some(entry) = entry.filter(|_| about) else { continue };
        let scopes: Vec<&str> = scopes_of(entry).iter().map(|scope| scope.as_str()).collect();
        assert!(!scopes.is_empty(), "{path}");
        assert_eq!(operation["x-any-scope"], json!(scopes), "{path}");
        assert_eq!(operation["security"], json!([{ "customer": [] }]), "{path}");
        seen += 1;
    }
    assert_eq!(seen, 12);
}
