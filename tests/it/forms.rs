//! Lists in the forms that a client may ask for.

use crate::support::{NOON, TestApp, TestKey, data};
use comptoir::feeds::Feed;
use reqwest::Response;
use serde_json::{Value, json};

async fn get(app: &TestApp, key: &TestKey, path: &str, accept: &str) -> Response {
    let request = app.http.get(app.public_url(path)).bearer_auth(&key.text);
    request.header("accept", accept).send().await.unwrap()
}

async fn shop() -> (TestApp, TestKey) {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    app.stock_shelves(5, 2).await;
    app.import(Feed::Offers, &[data::offer(0, 0, "2.39"), data::offer(0, 1, "2.49")]).await;
    app.import(Feed::Stock, &[data::level(0, 0, 4, "2026-11-22T11:59:00Z")]).await;
    app.caught_up().await;
    let key = app.key(json!({})).await;
    (app, key)
}

#[tokio::test]
async fn a_walk_by_lines_gives_what_the_pages_give() {
    let (app, key) = shop().await;
    let (mut lines, mut pages) = (Vec::new(), Vec::new());
    for (accept, found) in [("application/x-ndjson", &mut lines), ("application/json", &mut pages)]
    {
        let mut next = Some("/v1/products?limit=2".to_owned());
        while let Some(path) = next {
            let answer = get(&app, &key, &path, accept).await;
            assert_eq!(answer.status(), 200);
            assert_eq!(answer.headers()["content-type"], accept);
            next = answer.headers().get("link").map(|link| {
                let link = link.to_str().unwrap();
                link.strip_prefix('<').unwrap().split('>').next().unwrap().to_owned()
            });
            let text = answer.text().await.unwrap();
            match serde_json::from_str::<Value>(&text).ok().filter(|page| page["items"].is_array())
            {
                Some(page) => found.extend(page["items"].as_array().unwrap().clone()),
                None => {
                    assert!(text.ends_with('\n'));
                    found.extend(text.lines().map(|line| serde_json::from_str(line).unwrap()));
                }
            }
        }
    }
    assert_eq!((lines.len(), &lines), (5, &pages));
}

#[tokio::test]
async fn every_list_is_a_table_with_columns_that_stay() {
    let (app, key) = shop().await;
    let product = data::product_id(0);
    for (path, rows, column) in [
        ("/v1/products".to_owned(), 5, "brand.name"),
        ("/v1/products?sort=name".into(), 5, "brand.name"),
        ("/v1/categories".into(), 3, "name"),
        ("/v1/stores".into(), 2, "geo.latitude"),
        ("/v1/stores?lat=43.6&lon=1.44".into(), 2, "distance_m"),
        (format!("/v1/products/{product}/offers"), 2, "price.amount"),
        (format!("/v1/products/{product}/stock"), 1, "quantity.value"),
        (format!("/v1/stock?product_id={product}&lat=43.6&lon=1.44"), 2, "availability"),
        ("/v1/promotions".into(), 0, "id"),
    ] {
        let answer = get(&app, &key, &path, "text/csv").await;
        assert_eq!(answer.status(), 200, "{path}");
        let kind = "text/csv; charset=utf-8; header=present";
        assert_eq!(answer.headers()["content-type"], kind, "{path}");
        let text = answer.text().await.unwrap();
        let mut lines = text.split_terminator("\r\n");
        let header: Vec<&str> = lines.next().unwrap().split(',').collect();
        assert!(header.contains(&column), "{path}: {header:?}");
        assert_eq!(lines.count(), rows, "{path}: {text}");
        let none = get(
            &app,
            &key,
            &format!("{path}{}limit=1", if path.contains('?') { '&' } else { '?' }),
            "text/csv",
        )
        .await;
        assert!(none.text().await.unwrap().starts_with(&header.join(",")), "{path}");
    }
    let answer = get(&app, &key, &format!("/v1/products/{product}/offers"), "text/csv").await;
    let text = answer.text().await.unwrap();
    assert!(text.contains(",2.39,EUR,") && text.contains(",2.49,EUR,"), "{text}");
}

#[tokio::test]
async fn a_table_has_the_columns_that_were_asked_for() {
    let (app, key) = shop().await;
    let head = async |path: &str, languages: &str| {
        let request = app.http.get(app.public_url(path)).bearer_auth(&key.text);
        let request = request.header("accept", "text/csv").header("accept-language", languages);
        let text = request.send().await.unwrap().text().await.unwrap();
        text.split("\r\n").next().unwrap().to_owned()
    };
    let deleted = "include_deleted=true&updated_since=2026-01-01T00:00:00Z";
    for (path, columns) in [
        ("/v1/products?fields=name,id", "id,name"),
        ("/v1/products?fields=sku,brand.name&sort=name", "brand.name,sku"),
        ("/v1/products?fields=brand", "brand.id,brand.name"),
        ("/v1/products?fields=name,offers&embed=offers", "name,offers"),
        ("/v1/categories?fields=name", "name"),
        (&format!("/v1/products?fields=name&{deleted}"), "id,deleted,deleted_at,name,replaced_by"),
        (&format!("/v1/categories?fields=name&{deleted}"), "id,deleted,deleted_at,name"),
    ] {
        assert_eq!(head(path, "*").await, columns, "{path}");
        assert_eq!(head(path, "en, fr;q=0.5").await, columns, "{path}");
    }
}

#[tokio::test]
async fn a_row_of_a_deleted_product_says_so() {
    let (app, key) = shop().await;
    app.import(Feed::Products, &[json!({ "op": "delete", "sku": data::sku(1) })]).await;
    let path = "/v1/products?include_deleted=true&updated_since=2026-01-01T00:00:00Z";
    let text = get(&app, &key, path, "text/csv").await.text().await.unwrap();
    let mut rows = csv::Reader::from_reader(text.as_bytes());
    let header = rows.headers().unwrap().clone();
    let place = |name: &str| header.iter().position(|column| column == name).unwrap();
    let told: Vec<[String; 3]> = rows
        .records()
        .map(|row| {
            let row = row.unwrap();
            ["id", "deleted", "deleted_at"].map(|name| row[place(name)].to_owned())
        })
        .collect();
    assert_eq!(told.len(), 5);
    for [id, deleted, at] in told {
        let gone = id == data::product_id(1);
        assert_eq!((deleted == "true", at == NOON), (gone, gone), "{id}");
    }
}

#[tokio::test]
async fn each_form_has_its_own_etag_and_json_is_the_rule() {
    let (app, key) = shop().await;
    let mut tags = Vec::new();
    for accept in ["application/json", "application/x-ndjson", "text/csv"] {
        let answer = get(&app, &key, "/v1/products", accept).await;
        assert!(answer.headers()["vary"].to_str().unwrap().contains("accept,"));
        let tag = answer.headers()["etag"].clone();
        let request = app.http.get(app.public_url("/v1/products")).bearer_auth(&key.text);
        let held = request.header("accept", accept).header("if-none-match", &tag).send().await;
        assert_eq!(held.unwrap().status(), 304, "{accept}");
        tags.push(tag);
    }
    tags.dedup();
    assert_eq!(tags.len(), 3);
    for accept in ["*/*", "text/html", "nonsense;;q=,", "text/csv;q=0"] {
        let answer = get(&app, &key, "/v1/products", accept).await;
        assert_eq!(answer.headers()["content-type"], "application/json", "{accept}");
    }
    // One product, and problems, stay JSON.
    let one = get(&app, &key, &format!("/v1/products/{}", data::product_id(0)), "text/csv").await;
    assert_eq!(one.headers()["content-type"], "application/json");
    let problem = get(&app, &key, "/v1/products?limit=0", "text/csv").await;
    assert_eq!(problem.headers()["content-type"], "application/problem+json");
}
