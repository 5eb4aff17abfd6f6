//! Ids and cursors are one partner's own (attacks 28 and 29).

use super::shop::{CAMILLE, Given, Program, ROBIN, Shop, all};
use crate::support::problem;
use comptoir::consent::category::SensitiveCategories;
use comptoir::consent::own::OwnedByCustomer;
use serde_json::Value;
use std::collections::BTreeSet;

const LISTS: [&str; 5] = [
    "/v1/customer/loyalty",
    "/v1/customer/loyalty/transactions",
    "/v1/customer/purchases",
    "/v1/customer/lists",
    "/v1/customer/promotions",
];

/// Each text under a name that ends in `id`, but that of the retailer's program and tier, which are everybody's.
fn ids(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| ids(item, into)),
        Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_str() {
                    Some(id) if name == "id" || name == "item_id" || name == "purchase_id" => {
                        into.insert(id.to_owned());
                    }
                    _ if name == "program" || name == "tier" => {}
                    _ => ids(value, into),
                }
            }
        }
        _ => {}
    }
}

async fn all_ids(shop: &Shop, program: &Program, given: &Given) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for path in LISTS {
        ids(&shop.read(path, program, given).await, &mut found);
    }
    found
}

#[tokio::test]
async fn two_partners_share_no_id_and_one_keeps_its_own() {
    let shop = Shop::open().await;
    let one = shop.program("coach", all()).await;
    let other = shop.program("baker", all()).await;
    let what = (all(), SensitiveCategories::NONE);
    let (first, second) =
        (shop.consent(&one, CAMILLE, what).await, shop.consent(&other, CAMILLE, what).await);
    let (ours, theirs) =
        (all_ids(&shop, &one, &first).await, all_ids(&shop, &other, &second).await);
    assert!(ours.len() >= 7, "{ours:?}");
    assert_eq!(ours.intersection(&theirs).count(), 0, "{ours:?} {theirs:?}");
    assert_ne!(first.sub, second.sub);
    assert!(ours.iter().chain(&theirs).all(|id| !id.contains("camille")), "{ours:?}");
    // By another consent of the same customer the partner finds what it knows.
    let again = shop.consent(&one, CAMILLE, what).await;
    assert_eq!(all_ids(&shop, &one, &again).await, ours);
}

#[tokio::test]
async fn what_is_anothers_is_as_little_there_as_what_never_was() {
    let shop = Shop::open().await;
    let program = shop.program("coach", all()).await;
    let what = (all(), SensitiveCategories::NONE);
    let (own, others) =
        (shop.consent(&program, CAMILLE, what).await, shop.consent(&program, ROBIN, what).await);
    for place in ["/v1/customer/purchases", "/v1/customer/lists"] {
        let theirs = shop.read(place, &program, &others).await;
        let id = theirs["items"][0]["id"].as_str().unwrap();
        let found = shop.read(&format!("{place}/{id}"), &program, &others).await;
        assert_eq!(found["id"], id);
        let mut told = Vec::new();
        for id in [id, "AAAAAAAAAAAAAAAAAAAAAA", "cus_robin-web", "cus_camille-web"] {
            let answer = shop.get(&format!("{place}/{id}"), &program, &own).await;
            let problem = problem(answer, 404, "not_found").await;
            told.push((problem["detail"].clone(), problem["title"].clone()));
        }
        told.dedup();
        assert_eq!(told.len(), 1, "{told:?}");
    }
}

#[tokio::test]
async fn a_cursor_is_of_one_consent_and_one_version_of_it() {
    let shop = Shop::open().await;
    let program = shop.program("coach", all()).await;
    let what = (all(), SensitiveCategories::NONE);
    let given = shop.consent(&program, CAMILLE, what).await;
    let first = shop.read("/v1/customer/purchases?limit=1", &program, &given).await;
    let next = first["next"].as_str().unwrap();
    assert!(!next.contains("camille"), "{next}");
    let second = shop.read(next, &program, &given).await;
    assert_eq!(first["items"][0]["channel"], "in_store", "{first}");
    assert_eq!(second["items"][0]["channel"], "online", "{second}");
    assert_eq!(second["next"], Value::Null);
    let elsewhere = next.replace("/purchases?", "/lists?");
    let other = shop.consent(&program, CAMILLE, what).await;
    problem(shop.get(next, &program, &other).await, 400, "invalid_cursor").await;
    problem(shop.get(&elsewhere, &program, &given).await, 400, "invalid_cursor").await;
    // Narrowed, the consent is another version: no page of the former one goes on.
    let own = OwnedByCustomer::of(&given.record, given.subject).unwrap();
    let less = comptoir::consent::ask::Narrowing {
        remove: super::shop::scopes("customer.purchases.items:read"),
        exclude: SensitiveCategories::NONE,
    };
    let narrowed = own.narrow(less, super::shop::now()).unwrap();
    shop.write(&narrowed).await;
    let given = Given {
        token: shop.token(&program, &narrowed.record, given.sub, all()),
        record: narrowed.record,
        ..given
    };
    problem(shop.get(next, &program, &given).await, 400, "invalid_cursor").await;
    let told = shop.read("/v1/customer/purchases", &program, &given).await;
    assert_eq!(told["items"][0]["lines"], Value::Null, "{told}");
}
