//! No answer holds a field that the scopes do not release, whatever the scopes are.

use super::shop::{CAMILLE, Shop, all, scopes};
use comptoir::consent::category::{SensitiveCategories, SensitiveCategory};
use comptoir::consent::scope::OAuthScopes;
use comptoir::customers::model::CustomerDocument;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::Value;
use std::collections::BTreeSet;

/// What can be read of a customer, and what it is made of.
const READS: [(&str, CustomerDocument); 7] = [
    ("/v1/customer/profile", CustomerDocument::Profile),
    ("/v1/customer/loyalty", CustomerDocument::LoyaltyAccount),
    ("/v1/customer/loyalty/transactions", CustomerDocument::LoyaltyTransaction),
    ("/v1/customer/purchases/summary", CustomerDocument::MonthOfCategory),
    ("/v1/customer/purchases", CustomerDocument::Purchase),
    ("/v1/customer/lists", CustomerDocument::List),
    ("/v1/customer/promotions", CustomerDocument::Promotion),
];

/// The paths of all that stands in a document; of an amount, its own.
fn paths(value: &Value, at: &str, into: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| paths(item, at, into)),
        Value::Object(fields)
            if fields.contains_key("currency") && fields.contains_key("amount") =>
        {
            assert_eq!(fields.len(), 2, "{at}: an amount and nothing beside: {value}");
            into.insert(at.to_owned());
        }
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            let below = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
            paths(value, &below, into);
        }),
        _ => _ = into.insert(at.to_owned()),
    }
}

/// What the table lets these scopes see of a document.
fn released(kind: CustomerDocument, granted: OAuthScopes) -> BTreeSet<String> {
    let opened = kind
        .fields()
        .iter()
        .filter(|field| field.opened_by.iter().any(|scope| granted.has(*scope)));
    opened.map(|field| field.path.to_owned()).collect()
}

/// Some sets of scopes: each alone, all, and others that are drawn.
fn subsets() -> Vec<OAuthScopes> {
    let mut sets: Vec<OAuthScopes> = all().iter().map(OAuthScopes::from).collect();
    sets.push(all());
    let mut runner = TestRunner::deterministic();
    let drawn = prop::collection::vec(any::<bool>(), all().iter().count());
    for _ in 0..24 {
        let chosen = drawn.new_tree(&mut runner).unwrap().current();
        let some = all().iter().zip(chosen).filter(|(_, chosen)| *chosen).map(|(scope, _)| scope);
        let set: OAuthScopes = some.collect();
        if !set.is_empty() {
            sets.push(set);
        }
    }
    sets
}

#[tokio::test]
async fn no_answer_holds_what_the_scopes_do_not_release() {
    let shop = Shop::open().await;
    let program = shop.program("coach", all()).await;
    let mut answered = 0;
    for granted in subsets() {
        let given = shop.consent(&program, CAMILLE, (granted, SensitiveCategories::NONE)).await;
        for (path, kind) in READS {
            let answer = shop.get(path, &program, &given).await;
            let (status, text) = (answer.status().as_u16(), answer.text().await.unwrap());
            for secret in ["Doliprane", "Secretname", "1990-02-28", "cus_camille", "Ancien"] {
                assert!(!text.contains(secret), "{path} with {granted}: {secret} in {text}");
            }
            let may = released(kind, granted);
            if may.is_empty() {
                assert_eq!(status, 403, "{path} with {granted}: {text}");
                continue;
            }
            // Points of purchases come beside them and open nothing by themselves; a list's id is what writing needs.
            if status == 403 && ["/v1/customer/purchases", "/v1/customer/lists"].contains(&path) {
                assert_eq!(may.len(), 1, "{path} with {granted}: {text}");
                continue;
            }
            assert_eq!(status, 200, "{path} with {granted}: {text}");
            let body: Value = serde_json::from_str(&text).unwrap();
            let documents = if body["items"].is_array() { &body["items"] } else { &body };
            let mut found = BTreeSet::new();
            paths(documents, "", &mut found);
            let inside = |path: &String| {
                may.iter().any(|field| field == path || field.starts_with(&format!("{path}.")))
            };
            let beyond: Vec<&String> = found.iter().filter(|path| !inside(path)).collect();
            assert!(beyond.is_empty(), "{path} with {granted}: {beyond:?} in {text}");
            answered += 1;
        }
    }
    assert!(answered > 60, "{answered} answers");
}

#[tokio::test]
async fn what_is_kept_back_is_in_no_sum_and_can_be_let_in() {
    let shop = Shop::open().await;
    let program = shop.program("coach", all()).await;
    let asked = scopes(
        "customer.purchases.summary:read customer.purchases.orders:read customer.purchases.items:read",
    );
    let kept = shop.consent(&program, CAMILLE, (asked, SensitiveCategories::NONE)).await;
    let path = "/v1/customer/purchases";
    let purchases = shop.read(path, &program, &kept).await;
    let items = purchases["items"].as_array().unwrap();
    // Till and web together, the newest first; what is all sensitive, and what is too old, is not there.
    let channels: Vec<&Value> = items.iter().map(|item| &item["channel"]).collect();
    assert_eq!(channels, ["in_store", "online"], "{purchases}");
    assert_eq!(items[0]["lines"].as_array().unwrap().len(), 1, "{purchases}");
    let total = |purchase: &Value| {
        let mut totals = purchase["totals"].as_array().unwrap().iter();
        totals.find(|it| it["type"] == "total").unwrap()["amount"]["amount"].clone()
    };
    assert_eq!(total(&items[0]), "8.00");
    let sums = shop.read("/v1/customer/purchases/summary", &program, &kept).await;
    assert_eq!(sums["items"].as_array().unwrap().len(), 2, "{sums}");
    let let_in = SensitiveCategories::from(SensitiveCategory::Pharmacy);
    let open = shop.consent(&program, CAMILLE, (asked, let_in)).await;
    let purchases = shop.read(path, &program, &open).await;
    let items = purchases["items"].as_array().unwrap();
    assert_eq!((items.len(), total(&items[0])), (3, "12.00".into()), "{purchases}");
}
