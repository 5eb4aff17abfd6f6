use super::schema::ProductOut;
use crate::access::{Scopes, tests::gate};
use crate::catalog::api::schema::CategoryOut;
use crate::catalog::model::Status;
use crate::catalog::offers::{Channel, PriceType};
use crate::catalog::search::Search;
use crate::catalog::view::{
    CatalogView, CategoryChange, CategoryRecord, Lookup, OfferChange, OfferRecord, ProductChange,
    ProductRecord, Tombstone,
};
use crate::http::answer::digest;
use crate::http::testing::fields;
use crate::http::{ApiError, Turns};
use crate::kernel::Clock;
use crate::kernel::id::{CategoryId, ProductId, StoreId};
use crate::kernel::word::Word;
use crate::kernel::{Amount, Micros};
use crate::stock::view::StockView;
use actix_web::body::to_bytes;
use actix_web::http::StatusCode;
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, web};
use serde_json::{Value, json};
use utoipa::PartialSchema;
use utoipa::openapi::{RefOr, Schema};
use utoipa_actix_web::AppExt as _;
use utoipa_actix_web::service_config::ServiceConfig;

fn configure(config: &mut ServiceConfig<'_>) {
    crate::catalog::api::configure(config);
    super::configure(config);
}

fn document(sku: &str) -> Value {
    json!({
        "id": ProductId::derived(sku), "sku": sku, "gtin": "03276550063551",
        "identifiers": [{"type": "EAN", "value": "3276550063551"}], "name": "Enduit",
        "description": {"plain": "…", "html": null}, "brand": {"id": "brd_1", "name": "Axton"},
        "mpn": null, "manufacturer": null, "item_group_id": null, "variant_attributes": [],
        "category_ids": [], "google_product_category": "413", "gpc_category_code": null,
        "net_content": {"value": "1.75", "unit_code": "LTR"}, "country_of_origin": "FR",
        "images": [], "additional_property": [], "certifications": [], "aggregate_rating": null,
        "condition": "new", "status": "active", "replaced_by": null, "is_sold_by_weight": false,
        "link": null, "translations": {"en": {"name": "Filler"}}, "updated_at": "2026-11-22T04:00:00Z", "version": 1,
    })
}

fn product(sku: &str, gtin: Option<&str>) -> ProductChange {
    let body = document(sku).to_string();
    ProductChange::Upsert(Box::new(ProductRecord {
        id: ProductId::derived(sku),
        gtin: gtin.map(|gtin| gtin.parse().unwrap()),
        brand: None,
        categories: String::new(),
        item_group: None,
        status: Status::Active,
        sold_by_weight: false,
        etag: digest(body.as_bytes()),
        body,
        updated_at: Micros(0),
    }))
}

fn view() -> web::Data<CatalogView> {
    let view = CatalogView::default();
    let gone = ProductId::derived("gone");
    view.apply_products(vec![
        product("1", Some("3276550063551")),
        product("2", None),
        product("a b/c", None),
        ProductChange::Delete(Tombstone {
            id: gone,
            gtin: None,
            replaced_by: Some(ProductId::derived("2")),
            at: Micros(0),
        }),
    ]);
    view.apply_offers(vec![OfferChange::Upsert(Box::new(OfferRecord {
        product: ProductId::derived("1"),
        store: StoreId(7),
        channel: Channel::InStore,
        currency: "EUR".parse().unwrap(),
        price: Amount(23_900),
        list_price: None,
        member_price: None,
        price_type: PriceType::Regular,
        unit_price: Some(Amount(13_700)),
        unit_reference: Some("1 LTR".to_owned()),
        tax_included: true,
        eco_contribution: None,
        seller: None,
        lowest_price_30d: None,
        valid_from: None,
        valid_through: None,
        sale: None,
        promotions: Vec::new(),
        as_of: Micros(0),
    }))]);
    web::Data::new(view)
}

/// Status and JSON body of a call; for a refusal the problem document.
async fn call(uri: &str) -> (StatusCode, Value) {
    let (gate, key) = gate(Scopes::all());
    let (app, _) = App::new()
        .into_utoipa_app()
        .app_data(view())
        .app_data(web::Data::new(StockView::default()))
        .app_data(web::Data::new(Search::default()))
        .app_data(web::Data::new(Turns::default()))
        .app_data(web::Data::new(gate))
        .app_data(web::Data::new(Clock::fixed(Micros(0))))
        .configure(configure)
        .split_for_parts();
    let app = init_service(app).await;
    let request = TestRequest::with_uri(uri).insert_header(("x-api-key", key)).to_request();
    let response = call_service(&app, request).await;
    let (status, problem) =
        (response.status(), response.response().extensions().get::<ApiError>().cloned());
    let body = to_bytes(response.into_body()).await.unwrap();
    match problem {
        Some(error) => (status, serde_json::to_value(error.problem("", "")).unwrap()),
        None => (status, serde_json::from_slice(&body).unwrap_or(Value::Null)),
    }
}

#[actix_web::test]
async fn products_are_found_by_every_name() {
    let id = ProductId::derived("1");
    for path in
        [id.to_string(), "sku/1".into(), "gtin/3276550063551".into(), "gtin/03276550063551".into()]
    {
        let (status, body) = call(&format!("/v1/products/{path}")).await;
        assert_eq!((status, &body["sku"]), (StatusCode::OK, &json!("1")), "{path}");
    }
    let (status, body) = call("/v1/products/sku/a%20b%2Fc").await;
    assert_eq!((status, &body["sku"]), (StatusCode::OK, &json!("a b/c")));
}

#[actix_web::test]
async fn what_names_no_product_is_explained() {
    let gone = ProductId::derived("gone");
    let cases = [
        ("prd_x".to_owned(), 404, "not_found"),
        (ProductId(5).to_string(), 404, "not_found"),
        (gone.to_string(), 410, "gone"),
        ("gtin/3276550063552".into(), 422, "invalid_gtin"),
        ("gtin/327655006355".into(), 422, "invalid_gtin"),
        ("gtin/036000291452".into(), 404, "not_found"),
        ("gtin/2000000000008".into(), 422, "in_store_code"),
        ("sku/nothing".into(), 404, "not_found"),
        (format!("{gone}?fields=id"), 410, "gone"),
        (format!("{gone}?fields=ids"), 400, "invalid_parameter"),
    ];
    for (path, status, code) in cases {
        let (got, body) = call(&format!("/v1/products/{path}")).await;
        assert_eq!((got.as_u16(), &body["code"]), (status, &json!(code)), "{path}: {body}");
    }
    let suggestion = async |gtin: &str| {
        let (_, body) = call(&format!("/v1/products/gtin/{gtin}")).await;
        body["errors"][0]["suggestion"].clone()
    };
    assert_eq!(suggestion("3276550063552").await, "3276550063551");
    assert_eq!(suggestion("03600029145").await, "036000291452");
    let (_, body) = call(&format!("/v1/products/{gone}")).await;
    let successor = ProductId::derived("2").to_string();
    assert!(body["detail"].as_str().is_some_and(|detail| detail.contains(&successor)));
    assert_eq!(body["replaced_by"], json!(successor));
}

#[actix_web::test]
async fn a_list_is_walked_by_its_own_links() {
    let (mut url, mut skus) = ("/v1/products?limit=1&status=active".to_owned(), Vec::new());
    loop {
        let (status, body) = call(&url).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        assert_eq!(body["self"], *url);
        skus.extend(body["items"].as_array().unwrap().iter().map(|item| item["sku"].clone()));
        let Some(next) = body["next"].as_str() else { break };
        url = next.to_owned();
    }
    skus.sort_by_key(Value::to_string);
    assert_eq!(skus, ["1", "2", "a b/c"]);
    let (_, other) = call("/v1/products?status=activ&stor_id=1").await;
    assert_eq!(other["errors"].as_array().map(Vec::len), Some(2));
}

#[actix_web::test]
async fn an_offer_has_its_exact_price() {
    let id = ProductId::derived("1");
    let (_, body) = call(&format!("/v1/products/{id}/offers?channel=in_store")).await;
    let offer = &body["items"][0];
    assert_eq!(offer["price"], json!({"amount": "2.39", "currency": "EUR"}));
    let reference = json!({"value": "1", "unit_code": "LTR"});
    let expected = json!({"amount": "1.37", "currency": "EUR", "reference": reference});
    assert_eq!(offer["unit_price"], expected);
    assert_eq!(offer["store_id"], json!(StoreId(7)));
}

#[actix_web::test]
async fn an_answer_held_already_is_not_sent_again() {
    let (gate, key) = gate(Scopes::all());
    let (app, _) = App::new()
        .into_utoipa_app()
        .app_data(view())
        .app_data(web::Data::new(StockView::default()))
        .app_data(web::Data::new(Search::default()))
        .app_data(web::Data::new(gate))
        .app_data(web::Data::new(Clock::fixed(Micros(0))))
        .configure(configure)
        .split_for_parts();
    let app = init_service(app).await;
    let uri = format!("/v1/products/{}", ProductId::derived("1"));
    let request =
        TestRequest::with_uri(&uri).insert_header(("x-api-key", key.as_str())).to_request();
    let first = call_service(&app, request).await;
    let etag = first.headers().get("etag").cloned().unwrap();
    let request = TestRequest::with_uri(&uri).insert_header(("if-none-match", etag.clone()));
    let request = request.insert_header(("x-api-key", key.as_str())).to_request();
    let second = call_service(&app, request).await;
    assert_eq!(
        (second.status(), second.headers().get("etag")),
        (StatusCode::NOT_MODIFIED, Some(&etag))
    );
}

fn keys(document: &Value) -> Vec<String> {
    document.as_object().map(|object| object.keys().cloned().collect()).unwrap_or_default()
}

#[test]
fn schemas_describe_the_documents() {
    let mut product = keys(&document("1"));
    let embedded = ["offers", "more_offers", "stock", "more_stock", "categories", "variants"];
    product.extend(embedded.map(str::to_owned));
    // Taken in on the way into memory.
    product.extend(["more_variants", "digital_link"].map(str::to_owned));
    product.sort_unstable();
    assert_eq!(fields::<ProductOut>(), product);
    let view = CatalogView::default();
    let id = CategoryId::derived("1");
    let body = json!({
        "id": id, "code": "1", "name": "Enduits", "parent_id": null, "google_product_category": "413",
        "gpc_category_code": null, "translations": {"en": {"name": "Fillers"}},
        "updated_at": "2026-11-22T04:00:00Z", "version": 1,
    });
    let (name, body) = ("Enduits".to_owned(), body.to_string());
    view.apply_categories(vec![CategoryChange::Upsert(CategoryRecord {
        updated_at: Micros(0),
        translations: Value::Null,
        id,
        parent: None,
        name,
        body,
    })]);
    let Lookup::Found { body, .. } = view.category(id) else { panic!("not found") };
    let mut category = keys(&serde_json::from_slice(&body).unwrap());
    category.sort_unstable();
    assert_eq!(fields::<CategoryOut>(), category);
}

#[test]
fn operations_are_those_of_the_table() {
    use crate::access::operation::by_id;
    let (_, document) = App::new().into_utoipa_app().configure(configure).split_for_parts();
    let mut seen = 0;
    for (path, item) in &document.paths.paths {
        let operation = item.get.as_ref().or(item.post.as_ref()).unwrap();
        // What needs no key stands beside the table.
        let Some(known) = by_id(operation.operation_id.as_deref().unwrap()) else { continue };
        assert_eq!(known.path, path);
        assert!(operation.summary.is_some() && operation.description.is_some(), "{path}");
        seen += 1;
    }
    assert_eq!(seen, 16);
}

#[test]
fn words_are_documented_as_they_are_written() {
    fn same<T: Word + PartialSchema>() {
        let RefOr::T(Schema::Object(object)) = T::schema() else { panic!("no enum") };
        let words: Vec<Value> = T::WORDS.iter().map(|(word, _)| json!(word)).collect();
        assert_eq!(object.enum_values, Some(words));
    }
    same::<Status>();
    same::<Channel>();
    same::<PriceType>();
    same::<crate::access::model::Status>();
}
