//! Customers' data that stays in the retailer's own system.

use super::retailer::Retailer;
use super::shop::{CAMILLE, Given, Program, Shop, all};
use crate::support::problem;
use comptoir::consent::category::SensitiveCategories;
use serde_json::{Value, json};

const PROFILE: &str = "/v1/customer/profile";
const OF_CAMILLE: &str = "GET /customers/cus_camille/profile";

/// A shop whose customers are known to the retailer alone.
async fn shop() -> (Retailer, Shop, Program, Given) {
    let retailer = Retailer::start().await;
    let shop = Shop::open_with(&[
        ("CUSTOMER_SOURCE__URL", retailer.url.as_str()),
        ("CUSTOMER_SOURCE__TOKEN", "gateway-1"),
        ("CUSTOMER_SOURCE__ALLOW_HTTP", "true"),
        ("CUSTOMER_SOURCE__PRIVATE_TARGETS", "127.0.0.0/8"),
        ("CUSTOMER_SOURCE__ATTEMPTS", "2"),
    ])
    .await;
    let program = shop.program("coach", all()).await;
    let given = shop.consent(&program, CAMILLE, (all(), SensitiveCategories::NONE)).await;
    (retailer, shop, program, given)
}

fn profile(id: &str, name: &str) -> Value {
    json!({ "id": id, "given_name": name, "family_name": "Secretname" })
}

#[tokio::test]
async fn the_retailers_system_is_asked_and_its_answer_is_cut_and_not_kept() {
    let (retailer, shop, program, given) = shop().await;
    retailer.answer(OF_CAMILLE, 200, &profile(CAMILLE, "Première"));
    let told = shop.read(PROFILE, &program, &given).await;
    assert_eq!((&told["given_name"], told.get("family_name")), (&json!("Première"), None));
    let arrived = retailer.arrived();
    assert_eq!(arrived[0].line, "GET /crm/customers/cus_camille/profile");
    assert_eq!(arrived[0].headers["authorization"], "Bearer gateway-1");
    retailer.answer(OF_CAMILLE, 200, &profile(CAMILLE, "Seconde"));
    assert_eq!(shop.read(PROFILE, &program, &given).await["given_name"], "Seconde");
}

#[tokio::test]
async fn an_answer_beside_the_contract_is_told_to_nobody() {
    let (retailer, shop, program, given) = shop().await;
    let mut more = profile(CAMILLE, "Première");
    more["shoe_size"] = json!(38);
    for wrong in [profile("cus_robin", "Première"), more, json!({ "id": 1 }), json!([])] {
        retailer.answer(OF_CAMILLE, 200, &wrong);
        let refusal = problem(shop.get(PROFILE, &program, &given).await, 500, "internal").await;
        assert!(!refusal.to_string().contains("Première"), "{refusal}");
    }
    let purchase = |id: &str, at: &str| json!({ "id": id, "channel": "online", "order_date": at });
    let (new, older) = ("2026-11-02T10:00:00Z", "2026-11-01T10:00:00Z");
    let ancient = purchase("p1", "2020-01-01T10:00:00Z");
    for items in [vec![purchase("p1", older), purchase("p2", new)], vec![ancient]] {
        let answer = json!({ "items": items });
        retailer.answer("GET /customers/cus_camille/purchases", 200, &answer);
        let answer = shop.get("/v1/customer/purchases", &program, &given).await;
        problem(answer, 500, "internal").await;
    }
}

#[tokio::test]
async fn a_system_that_cannot_answer_is_tried_again_and_then_left_alone() {
    let (retailer, shop, program, given) = shop().await;
    retailer.answer(OF_CAMILLE, 503, &json!({}));
    let mut asked = 0;
    for _ in 0..6 {
        let answer = shop.get(PROFILE, &program, &given).await;
        assert!(answer.headers().contains_key("retry-after"));
        problem(answer, 503, "unavailable").await;
        asked += retailer.arrived().len();
    }
    assert_eq!(asked, 5, "two tries of each call, until five have failed");
}

#[tokio::test]
async fn a_change_is_made_from_the_version_that_was_seen_and_sent_once() {
    let (retailer, shop, program, given) = shop().await;
    let item = |id: &str, sensitive: Option<&str>| {
        json!({ "item_id": id, "sku": id, "quantity": 1, "sensitive": sensitive,
                "added_at": "2026-11-01T10:00:00Z" })
    };
    let kept = |version: i64| {
        json!({ "version": version, "list": { "id": "l1", "type": "shopping",
                "items": [item("i1", None), item("i2", Some("pharmacy"))] } })
    };
    retailer.answer("GET /customers/cus_camille/lists", 200, &json!({ "items": [kept(3)] }));
    retailer.answer("GET /customers/cus_camille/lists/l1", 200, &kept(3));
    retailer.answer("PUT /customers/cus_camille/lists/l1", 200, &kept(4));
    let lists = shop.read("/v1/customer/lists", &program, &given).await;
    assert_eq!(lists["items"][0]["items"].as_array().unwrap().len(), 1, "{lists}");
    let place = format!("/v1/customer/lists/{}", lists["items"][0]["id"].as_str().unwrap());
    retailer.arrived();
    let body = json!({ "items": [{ "sku": "new" }] });
    let put = ("PUT", place.as_str());
    let answer = shop.call(put, (&program, &given), (Some("\"3\""), Some(body.clone()))).await;
    assert_eq!(
        (answer.status().as_u16(), answer.headers()["etag"].to_str().unwrap()),
        (200, "\"4\"")
    );
    let arrived = retailer.arrived();
    let sent = arrived.iter().find(|it| it.line.starts_with("PUT ")).unwrap();
    assert_eq!(sent.headers["if-match"], "\"3\"");
    // What the customer keeps to themselves stays.
    assert!(sent.body.contains("\"i2\"") && !sent.body.contains("\"i1\""), "{}", sent.body);
    retailer.answer("PUT /customers/cus_camille/lists/l1", 503, &json!({}));
    let answer = shop.call(put, (&program, &given), (Some("\"3\""), Some(body))).await;
    problem(answer, 503, "unavailable").await;
    let puts = retailer.arrived().into_iter().filter(|it| it.line.starts_with("PUT "));
    assert_eq!(puts.count(), 1);
}
