//! Lists, made and changed from the version that was seen.

use super::shop::{CAMILLE, Shop, all, scopes};
use crate::support::{data, problem};
use comptoir::consent::category::SensitiveCategories;
use comptoir::on_db;
use serde_json::{Value, json};

const LISTS: &str = "/v1/customer/lists";

async fn changed(answer: reqwest::Response, status: u16) -> (String, Value) {
    let tag = answer.headers().get("etag").map(|tag| tag.to_str().unwrap().to_owned());
    let (got, text) = (answer.status().as_u16(), answer.text().await.unwrap());
    assert_eq!(got, status, "{text}");
    (tag.unwrap(), serde_json::from_str(&text).unwrap())
}

#[tokio::test]
async fn a_list_is_changed_from_the_version_that_was_seen() {
    let shop = Shop::open().await;
    let program = shop.program("coach", all()).await;
    let given = shop.consent(&program, CAMILLE, (all(), SensitiveCategories::NONE)).await;
    let who = (&program, &given);
    let new = json!({ "type": "shopping", "name": "Semaine", "items": [{ "sku": "sku-Comte" }] });
    let (first, made) =
        changed(shop.call(("POST", LISTS), who, (None, Some(new))).await, 201).await;
    let place = format!("{LISTS}/{}", made["id"].as_str().unwrap());
    let item = &made["items"][0];
    assert_eq!((&item["quantity"], &item["source"]), (&json!(1), &json!("partner")), "{made}");
    let more = json!({ "name": "Semaine", "items": [
        { "item_id": item["item_id"], "sku": "sku-Comte", "quantity": 3 }, { "sku": "sku-Vis" },
    ] });
    let unseen = shop.call(("PUT", &place), who, (None, Some(more.clone()))).await;
    problem(unseen, 428, "precondition_required").await;
    let put = shop.call(("PUT", &place), who, (Some(&first), Some(more.clone()))).await;
    let (second, now) = changed(put, 200).await;
    assert_ne!(first, second);
    assert_eq!(now["items"].as_array().unwrap().len(), 2, "{now}");
    assert_eq!(now["items"][0]["item_id"], item["item_id"], "{now}");
    let late = shop.call(("PUT", &place), who, (Some(&first), Some(more))).await;
    problem(late, 412, "precondition_failed").await;
    let strange = json!({ "items": [{ "item_id": "AAAAAAAAAAAAAAAAAAAAAA", "sku": "a" }] });
    let strange = shop.call(("PUT", &place), who, (Some(&second), Some(strange))).await;
    problem(strange, 400, "invalid_body").await;
}

#[tokio::test]
async fn what_the_customer_keeps_back_stays_in_a_list_that_is_changed() {
    let shop = Shop::open().await;
    let program = shop.program("coach", all()).await;
    let given = shop.consent(&program, CAMILLE, (all(), SensitiveCategories::NONE)).await;
    let who = (&program, &given);
    let shopping = shop.read(&format!("{LISTS}?type=shopping"), &program, &given).await;
    let list = &shopping["items"][0];
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "{list}");
    let place = format!("{LISTS}/{}", list["id"].as_str().unwrap());
    let (tag, _) = changed(shop.get(&place, &program, &given).await, 200).await;
    let empty = shop.call(("PUT", &place), who, (Some(&tag), Some(json!({ "items": [] })))).await;
    let (_, told) = changed(empty, 200).await;
    assert_eq!(told["items"], json!([]));
    let kept: String = on_db!(&shop.app.db, c => {
        let sql = "SELECT body FROM customer_lists WHERE id = 'cus_camille-courses'";
        sqlx::query_scalar(sql).fetch_one(c).await
    })
    .unwrap();
    assert!(kept.contains("sku-Doliprane") && !kept.contains("sku-Vis"), "{kept}");
    let viewed = shop.read(&format!("{LISTS}?type=viewed"), &program, &given).await;
    let place = format!("{LISTS}/{}", viewed["items"][0]["id"].as_str().unwrap());
    let put = shop.call(("PUT", &place), who, (Some("\"1\""), Some(json!({ "items": [] })))).await;
    problem(put, 409, "conflict").await;
}

#[tokio::test]
async fn a_barcode_is_read_as_the_catalog_reads_it() {
    let shop = Shop::open().await;
    let program = shop.program("coach", all()).await;
    let given = shop.consent(&program, CAMILLE, (all(), SensitiveCategories::NONE)).await;
    let who = (&program, &given);
    let lists = shop.read(&format!("{LISTS}?type=shopping"), &program, &given).await;
    let place = format!("{LISTS}/{}/items", lists["items"][0]["id"].as_str().unwrap());
    let scan = async |code: &str| {
        let body = json!({ "code": code, "quantity": 2, "store_code": "0000" });
        shop.call(("POST", &place), who, (None, Some(body))).await
    };
    let gtin = data::gtin13(0);
    let (_, added) = changed(scan(&gtin).await, 200).await;
    let found = |list: &Value| {
        let mut items = list["items"].as_array().unwrap().iter();
        items.find(|item| item["gtin"] == format!("0{gtin}")).cloned().unwrap()
    };
    assert_eq!(found(&added)["quantity"], 2, "{added}");
    // The same product by another spelling of its code: more of it.
    let (_, again) = changed(scan(&format!("0{gtin}")).await, 200).await;
    assert_eq!(found(&again)["quantity"], 4, "{again}");
    problem(scan("3276550063552").await, 422, "invalid_gtin").await;
    problem(scan("2112345000008").await, 422, "in_store_code").await;
    problem(scan("5000112611861").await, 404, "not_found").await;
}

#[tokio::test]
async fn who_may_write_alone_reads_nothing() {
    let shop = Shop::open().await;
    let program = shop.program("coach", all()).await;
    let writes = scopes("customer.lists:write");
    let given = shop.consent(&program, CAMILLE, (writes, SensitiveCategories::NONE)).await;
    let new = json!({ "type": "wishlist", "name": "Secret", "items": [{ "sku": "a" }] });
    let made = shop.call(("POST", LISTS), (&program, &given), (None, Some(new))).await;
    let (_, told) = changed(made, 201).await;
    assert_eq!(told.as_object().unwrap().keys().collect::<Vec<_>>(), ["id"], "{told}");
    problem(shop.get(LISTS, &program, &given).await, 403, "insufficient_scope").await;
}
