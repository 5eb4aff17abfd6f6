use super::*;
use crate::access::{Scope, Scopes};
use crate::catalog::model::Status;
use crate::catalog::view::{ProductChange, ProductRecord};
use crate::stock::view::LevelRecord;
use crate::stores::view::{StoreChange, StoreRecord};
use actix_web::App;
use actix_web::test::{TestRequest, call_and_read_body_json, init_service};
use serde_json::{Value, json};
use utoipa_actix_web::AppExt as _;

fn id() -> ProductId {
    ProductId::derived("1")
}

fn level(store: u64, availability: Availability, quantity: i64, received_at: i64) -> LevelRecord {
    LevelRecord {
        product: id(),
        store: StoreId(store),
        availability,
        quantity: Some(quantity),
        as_of: Micros(received_at),
        received_at: Micros(received_at),
        source: "pos".into(),
        detail: r#"{"max_age_s":60,"instore_location":{"aisle":"12","bay":"3"}}"#.into(),
    }
}

fn views() -> (StockView, CatalogView, StoresView) {
    let views = (StockView::default(), CatalogView::default(), StoresView::default());
    views.0.apply(&[
        level(1, Availability::InStock, 4_000, 100_000_000),
        level(2, Availability::OutOfStock, 0, 10_000_000),
    ]);
    views.1.apply_products(vec![ProductChange::Upsert(Box::new(ProductRecord {
        id: id(),
        gtin: "3276550063551".parse().ok(),
        brand: None,
        categories: String::new(),
        item_group: None,
        status: Status::Active,
        sold_by_weight: false,
        body: "{}".into(),
        etag: 0,
        updated_at: Micros(0),
    }))]);
    let store = StoreRecord::read(StoreId(1), "{}").unwrap();
    views.2.apply(vec![StoreChange::Upsert(std::sync::Arc::new(store))]);
    views
}

async fn call(uri: &str, scopes: Scopes) -> Value {
    let (stock, catalog, stores) = views();
    let (gate, key) = crate::access::tests::gate(scopes);
    let (app, _) = App::new()
        .into_utoipa_app()
        .app_data(web::Data::new(gate))
        .app_data(web::Data::new(stock))
        .app_data(web::Data::new(catalog))
        .app_data(web::Data::new(stores))
        .app_data(web::Data::new(Turns::default()))
        .app_data(web::Data::new(Clock::fixed(Micros(100_000_000))))
        .configure(configure)
        .split_for_parts();
    let app = init_service(app).await;
    let request = TestRequest::with_uri(uri).insert_header(("x-api-key", key)).to_request();
    call_and_read_body_json(&app, request).await
}

#[actix_web::test]
async fn every_store_that_is_named_is_answered() {
    let stores = [1, 2, 3].map(|n| StoreId(n).to_string()).join(",");
    let uri = format!("/v1/products/{}/stock?store_id={stores}", id());
    let body = call(&uri, Scopes::from_iter([Scope::StockRead])).await;
    let lines = body["items"].as_array().unwrap();
    let of = |name: &str| lines.iter().map(|line| line[name].clone()).collect::<Vec<_>>();
    assert_eq!(of("availability"), ["in_stock", "out_of_stock", "unknown"]);
    assert_eq!(of("is_stale"), [false, true, true]);
    assert_eq!(lines[0]["quantity"], json!({"disclosure": "band", "band": "3-5"}));
    assert_eq!(lines[2]["quantity"], json!({"disclosure": "none"}));
    assert_eq!(lines[2]["as_of"], Value::Null);
    assert_eq!(lines[0]["instore_location"], json!({"aisle": "12", "bay": "3"}));
    assert_eq!((&lines[0]["gtin"], &lines[0]["source"]), (&json!("03276550063551"), &json!("pos")));
}

#[actix_web::test]
async fn exact_quantities_need_their_scope() {
    let uri = format!("/v1/products/{}/stock?availability=in_stock", id());
    let body = call(&uri, Scopes::all()).await;
    assert_eq!(body["items"][0]["quantity"], json!({"disclosure": "exact", "value": 4}));
    assert_eq!(body["items"].as_array().map(Vec::len), Some(1));
}

#[actix_web::test]
async fn a_store_lists_what_arrived_since() {
    let uri = |since: &str| format!("/v1/stores/{}/stock?updated_since={since}", StoreId(1));
    let since_start = call(&uri("1970-01-01T00:00:00Z"), Scopes::all()).await;
    assert_eq!(since_start["items"][0]["product_id"], json!(id()));
    let later = call(&uri("1970-01-01T00:02:00Z"), Scopes::all()).await;
    assert_eq!(later["items"], json!([]));
}

#[actix_web::test]
async fn a_product_lists_what_arrived_since() {
    let named = [1, 2, 3].map(|n| StoreId(n).to_string()).join(",");
    let uri = format!(
        "/v1/products/{}/stock?store_id={named}&include_total=true&updated_since=1970-01-01T00:01:00Z",
        id()
    );
    let body = call(&uri, Scopes::all()).await;
    let lines = body["items"].as_array().unwrap();
    let stores: Vec<&Value> = lines.iter().map(|line| &line["store_id"]).collect();
    assert_eq!((stores, &body["total"]), (vec![&json!(StoreId(1))], &json!(1)));
}
