//! Feeds out: what a partner takes in the words of Google's feeds, and whether it can come back.

use crate::support::{NOON, TestApp, TestKey, data, problem};
use comptoir::feeds::{Feed, Format, Options, import_with};
use comptoir::kernel::clock::SECOND;
use reqwest::Response;
use serde_json::{Value, json};

const PRODUCTS: &str = "/v1/feeds/google-products";
const INVENTORY: &str = "/v1/feeds/google-local-inventory";

/// A product that says all that the feed has words for, with texts that a table or XML must escape.
fn rich() -> Value {
    json!({
        "sku": "RICH-1", "gtin": data::gtin13(90), "name": "Pot « d'étain » <&> 1 l, \"grand\"\u{1f3fa}",
        "identifiers": [{ "type": "EAN", "value": data::gtin13(90) }],
        "description": { "plain": "Une ligne,\nune autre\tet <b>plus</b>." }, "brand": { "name": "Étains & Fils" },
        "mpn": "P-1", "item_group_id": "pots", "category_codes": ["drills"],
        "variant_attributes": [{ "name": "color", "value": "gris" }, { "name": "size", "value": "1 l" }],
        "google_product_category": "1167", "net_content": { "value": "1.5", "unit_code": "LTR" },
        "images": [
            { "url": "https://media.example.com/1.jpg", "role": "front" },
            { "url": "https://media.example.com/2.jpg" },
            { "url": "https://media.example.com/3.jpg" },
            { "url": "https://media.example.com/4.jpg", "role": "lifestyle" },
        ],
        "additional_property": [
            { "property_id": "energy_class", "value": "A" },
            { "property_id": "maximum_retail_price", "value": "18.00 EUR" },
            { "property_id": "product_highlight", "value": "Solide, \"à vie\"" },
            { "property_id": "product_highlight", "value": "Facile à laver" },
            { "property_id": "puissance", "name": "Puissance", "value": "650" },
            { "property_id": "pays", "section": "Origine", "name": "Pays", "value": "Éthiopie" },
        ],
        "certifications": ["NF", "CE"], "condition": "new", "link": "https://www.example.com/p/1?a=b&c=d",
    })
}

fn online(sku: &str) -> Value {
    json!({
        "sku": sku, "store_code": "0000", "channel": "online", "price_type": "sale",
        "price": { "amount": "9.90", "currency": "EUR" }, "list_price": { "amount": "12.50", "currency": "EUR" },
        "member_price": { "amount": "9.50", "currency": "EUR" },
        "valid_from": "2026-11-20T00:00:00Z", "valid_through": "2026-11-30T00:00:00Z",
    })
}

async fn shop() -> (TestApp, TestKey) {
    let app = TestApp::builder().fixed_clock(NOON).set("FEEDS__LOYALTY_PROGRAM", "club:gold");
    let app = app.start().await;
    app.stock_shelves(4, 2).await;
    app.import(Feed::Products, &[rich()]).await;
    app.import(Feed::Offers, &[online("RICH-1"), data::offer(1, 1, "2.39")]).await;
    let mut level = data::level(1, 1, 7, "2026-11-22T11:59:00Z");
    level["pickup"] = json!({ "method": "ship_to_store", "sla": "2-day" });
    level["instore_location"] = json!({ "aisle": "12" });
    let mut at_home = data::level(0, 0, 4, "2026-11-22T11:59:00Z");
    at_home["sku"] = json!("RICH-1");
    app.import(Feed::Stock, &[level, at_home]).await;
    let key = app.key(json!({})).await;
    (app, key)
}

async fn text(answer: Response) -> String {
    assert_eq!(answer.status(), 200);
    answer.text().await.unwrap()
}

/// The cells of a table by the names of its columns.
fn rows(table: &str) -> Vec<Value> {
    let mut reader = csv::ReaderBuilder::new().delimiter(b'\t').from_reader(table.as_bytes());
    reader
        .deserialize::<std::collections::BTreeMap<String, String>>()
        .map(|row| json!(row.unwrap()))
        .collect()
}

/// Takes a feed into another installation, each kind of thing that it tells.
async fn taken_in(table: &str, format: Format, feeds: &[Feed]) -> (TestApp, TestKey) {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    app.import(Feed::Stores, &[data::store(0), data::store(1)]).await;
    app.import(Feed::Products, &(0..4).map(data::product).collect::<Vec<_>>()).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), table).unwrap();
    let options = Options { format, store_code: Some("0000".into()), ..Options::default() };
    for feed in feeds {
        let report =
            import_with(&app.db, &app.clock, *feed, file.path(), &options, None, &mut |_| {})
                .await
                .unwrap();
        assert_eq!(report.rejected, 0, "{report}");
    }
    app.caught_up().await;
    let key = app.key(json!({})).await;
    (app, key)
}

async fn document(app: &TestApp, key: &TestKey, path: &str) -> Value {
    let answer = app.get(&key.text, path).await;
    assert_eq!(answer.status(), 200, "{path}");
    let mut document: Value = answer.json().await.unwrap();
    for later in ["updated_at", "version", "as_of", "received_at"] {
        document.as_object_mut().unwrap().remove(later);
    }
    document
}

#[tokio::test]
async fn a_product_feed_comes_back_as_the_products_that_it_was() {
    let (app, key) = shop().await;
    for form in ["tsv", "rss"] {
        let feed = text(app.get(&key.text, &format!("{PRODUCTS}?format={form}")).await).await;
        let told = [Feed::Categories, Feed::Products, Feed::Offers, Feed::Stock];
        let (other, its) = taken_in(&feed, Format::GoogleProducts, &told).await;
        let path = "/v1/products/sku/RICH-1";
        let (mut sent, mut back) =
            (document(&app, &key, path).await, document(&other, &its, path).await);
        // Codes of categories follow from their names there, and a line holds no line feed.
        assert_ne!(back["category_ids"], json!([]));
        sent["category_ids"] = back["category_ids"].take();
        back["category_ids"] = sent["category_ids"].clone();
        // Nor does a text of the feed hold mark-up.
        let html = "Une ligne, une autre et <b>plus</b>.";
        sent["description"] = json!({ "plain": "Une ligne, une autre et plus.", "html": html });
        // The feed tells 14 digits, which is how they come back.
        assert_eq!(back["identifiers"][0]["value"], sent["gtin"]);
        sent["identifiers"] = back["identifiers"].clone();
        assert_eq!(back, sent, "{form}");
        let id = sent["id"].as_str().unwrap();
        let offers = format!("/v1/products/{id}/offers");
        let (sent, back) =
            (document(&app, &key, &offers).await, document(&other, &its, &offers).await);
        for field in [
            "price",
            "list_price",
            "member_price",
            "price_type",
            "valid_from",
            "valid_through",
            "channel",
        ] {
            assert_eq!(back["items"][0][field], sent["items"][0][field], "{form}: {field}");
        }
        let stock = document(&other, &its, &format!("/v1/products/{id}/stock")).await;
        assert_eq!(stock["items"][0]["availability"], "in_stock", "{form}");
    }
}

#[tokio::test]
async fn what_only_stores_sell_is_in_it_where_that_is_wanted() {
    let (app, key) = shop().await;
    let row = async |path: &str| {
        let table = text(app.get(&key.text, path).await).await;
        rows(&table).into_iter().find(|row| row["id"] == data::sku(1))
    };
    assert_eq!(row(PRODUCTS).await, None);
    let of_one = format!("{PRODUCTS}?with_stores=true&store_id={}", data::store_id(0));
    problem(app.get(&key.text, &of_one).await, 400, "invalid_parameter").await;
    let row = row(&format!("{PRODUCTS}?with_stores=true")).await.unwrap();
    assert_eq!((&row["price"], &row["availability"]), (&json!("2.39 EUR"), &json!("out_of_stock")));
    assert_eq!(row["excluded_destination"], "Shopping_ads,Free_listings");
    // Parts of an attribute are elements of their own in XML.
    let rss = text(app.get(&key.text, &format!("{PRODUCTS}?format=rss")).await).await;
    let parts = "<g:loyalty_program><g:program_label>club</g:program_label>\
         <g:tier_label>gold</g:tier_label><g:price>9.50 EUR</g:price></g:loyalty_program>";
    assert!(rss.contains(parts), "{rss}");
    let parts = "<g:product_detail><g:section_name>Origine</g:section_name>\
         <g:attribute_name>Pays</g:attribute_name>\
         <g:attribute_value>Éthiopie</g:attribute_value></g:product_detail>";
    assert!(rss.contains(parts), "{rss}");
}

#[tokio::test]
async fn a_row_tells_what_is_known_and_no_unit_without_a_content() {
    let (app, key) = shop().await;
    let mut offer = online(&data::sku(0));
    let reference = json!({ "value": "1", "unit_code": "LTR" });
    offer["unit_price"] = json!({ "amount": "5.66", "currency": "EUR", "reference": reference });
    assert_eq!(app.import(Feed::Offers, &[offer]).await.accepted, 1);
    let row = async || {
        app.caught_up().await;
        app.clock.advance(2 * 60 * SECOND);
        let table = text(app.get(&key.text, PRODUCTS).await).await;
        rows(&table).into_iter().find(|row| row["id"] == data::sku(0)).unwrap()
    };
    let told = row().await;
    let units = |row: &Value| {
        ["unit_pricing_measure", "unit_pricing_base_measure"].map(|name| row[name].clone())
    };
    assert_eq!(units(&told), ["1.75 l", "1 l"], "{told}");
    // It has neither a text nor a page nor an image, and is told all the same.
    for name in ["description", "link", "image_link"] {
        assert_eq!(told[name], "", "{told}");
    }
    let mut without = data::product(0);
    without.as_object_mut().unwrap().remove("net_content");
    assert_eq!(app.import(Feed::Products, &[without]).await.accepted, 1);
    assert_eq!(units(&row().await), ["", ""]);
}

#[tokio::test]
async fn an_inventory_feed_comes_back_as_the_stock_that_it_was() {
    let (app, key) = shop().await;
    // Of what is neither offered nor known there is nothing to tell.
    let nothing = json!({ "sku": data::sku(2), "store_code": "0000", "availability": "unknown" });
    assert_eq!(app.import(Feed::Stock, &[nothing]).await.accepted, 1);
    app.caught_up().await;
    let feed = text(app.get(&key.text, INVENTORY).await).await;
    assert!(rows(&feed).iter().all(|row| row["id"] != data::sku(2)), "{feed}");
    let row = &rows(&feed).into_iter().find(|row| row["id"] == data::sku(1)).unwrap();
    assert_eq!((&row["store_code"], &row["price"]), (&json!("0001"), &json!("2.39 EUR")), "{feed}");
    let store = app.get(&key.text, &format!("{INVENTORY}?store_id={}", data::store_id(1))).await;
    assert_eq!(rows(&text(store).await).len(), 1);

    let (other, its) = taken_in(
        &feed
            .lines()
            .filter(|line| !line.contains("RICH"))
            .map(|line| format!("{line}\n"))
            .collect::<String>(),
        Format::GoogleLocalInventory,
        &[Feed::Offers, Feed::Stock],
    )
    .await;
    let path = format!("/v1/stores/{}/stock", data::store_id(1));
    let (sent, back) = (document(&app, &key, &path).await, document(&other, &its, &path).await);
    for field in ["product_id", "availability", "quantity", "instore_location"] {
        assert_eq!(back["items"][0][field], sent["items"][0][field], "{field}");
    }
    assert_eq!(back["items"][0]["pickup"]["method"], "ship_to_store");
    assert_eq!(back["items"][0]["pickup"]["sla"], "2-day");
}

#[tokio::test]
async fn a_feed_tells_what_the_key_may_know_and_no_more() {
    let (app, _) = shop().await;
    let key = app.key(json!({ "scopes": ["prices:read"] })).await;
    let refused = problem(app.get(&key.text, PRODUCTS).await, 403, "insufficient_scope").await;
    assert_eq!(refused["required_scope"], "catalog:read");
    let key = app.key(json!({ "scopes": ["prices:read", "catalog:read"] })).await;
    let row = rows(&text(app.get(&key.text, PRODUCTS).await).await).remove(0);
    assert_eq!((&row["price"], &row["availability"]), (&json!("12.50 EUR"), &json!("")));
    problem(app.get(&key.text, INVENTORY).await, 403, "insufficient_scope").await;
    let key = app.key(json!({ "scopes": ["stock:read"] })).await;
    let row = rows(&text(app.get(&key.text, INVENTORY).await).await).remove(0);
    assert_eq!(
        (&row["availability"], &row["quantity"], &row["price"]),
        (&json!("in_stock"), &json!(""), &json!(""))
    );
    for wrong in ["?format=xls", "?store_id=1", "?limit=5"] {
        let answer = app.get(&key.text, &format!("{INVENTORY}{wrong}")).await;
        problem(answer, 400, "invalid_parameter").await;
    }
}

#[tokio::test]
async fn a_feed_is_the_same_file_until_it_is_a_minute_old() {
    let (app, key) = shop().await;
    let first = app.get(&key.text, PRODUCTS).await;
    let etag = first.headers()["etag"].clone();
    assert_eq!(first.headers()["accept-ranges"], "bytes");
    let length: usize = first.headers()["content-length"].to_str().unwrap().parse().unwrap();
    let whole = text(first).await;
    assert_eq!(whole.len(), length);

    let get = |name: &'static str, value: String| {
        app.http.get(app.public_url(PRODUCTS)).bearer_auth(&key.text).header(name, value).send()
    };
    let held = get("if-none-match", etag.to_str().unwrap().to_owned()).await.unwrap();
    assert_eq!(held.status(), 304);
    let rest = get("range", "bytes=10-".to_owned()).await.unwrap();
    assert_eq!(rest.status(), 206);
    let share = (10_000 * (length - 10)).div_ceil(length);
    let cost: f64 = rest.headers()["x-request-cost"].to_str().unwrap().parse().unwrap();
    assert!((cost * 1_000.0 - share as f64).abs() < 0.5, "{cost} of 10 for all but 10 of {length}");
    assert_eq!(rest.text().await.unwrap(), whole[10..]);

    app.import(Feed::Products, &[data::product(9)]).await;
    app.import(
        Feed::Offers,
        &[{
            let mut offer = online("RICH-1");
            offer["sku"] = json!(data::sku(9));
            offer
        }],
    )
    .await;
    assert_eq!(app.get(&key.text, PRODUCTS).await.headers()["etag"], etag);
    app.clock.advance(60_000_000);
    let next = app.get(&key.text, PRODUCTS).await;
    assert_ne!(next.headers()["etag"], etag);
    assert_eq!(rows(&text(next).await).len(), 2);

    let packed = app.get(&key.text, &format!("{PRODUCTS}?format=rss&packed=true")).await;
    assert_eq!(packed.headers()["content-type"], "application/gzip");
    let bytes = packed.bytes().await.unwrap();
    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&bytes[..]), &mut text)
        .unwrap();
    assert!(text.contains("<g:id>RICH-1</g:id>") && text.ends_with("</rss>\n"), "{text}");
}

#[tokio::test]
async fn a_feed_tells_the_prices_that_hold() {
    let (app, key) = shop().await;
    let lasting = |n: u32, from: Value, through: Value| {
        let mut offer = online(&data::sku(n));
        (offer["valid_from"], offer["valid_through"]) = (from, through);
        offer
    };
    app.import(
        Feed::Offers,
        &[
            lasting(0, Value::Null, json!("2026-11-20T00:00:00Z")),
            lasting(1, json!("2026-12-10T00:00:00Z"), Value::Null),
            lasting(2, json!("2026-11-01T00:00:00Z"), Value::Null),
            lasting(3, json!("2026-11-01T00:00:00Z"), json!("2026-11-22T12:00:20Z")),
        ],
    )
    .await;
    app.caught_up().await;
    let told = async || {
        let table = text(app.get(&key.text, PRODUCTS).await).await;
        let date = |row: &Value| row["sale_price_effective_date"].as_str().unwrap().to_owned();
        let row = |row: Value| (row["id"].as_str().unwrap().to_owned(), date(&row));
        let mut told: Vec<(String, String)> = rows(&table).into_iter().map(row).collect();
        told.sort();
        told
    };
    let rich = ("RICH-1".to_owned(), "2026-11-20T00:00:00Z/2026-11-30T00:00:00Z".to_owned());
    let (open, ending) =
        ((data::sku(2), String::new()), "2026-11-01T00:00:00Z/2026-11-22T12:00:20Z");
    let mut expected = vec![rich.clone(), open.clone(), (data::sku(3), ending.to_owned())];
    expected.sort();
    assert_eq!(told().await, expected);
    // A price that has ended is not told again, however young the file is.
    app.clock.advance(21_000_000);
    let mut expected = vec![rich, open];
    expected.sort();
    assert_eq!(told().await, expected);
}

/// A call with a user name and a password, as programs fetch that know no other way.
async fn fetched(app: &TestApp, path: &str, name: &str, password: &str) -> Response {
    let request = app.http.get(app.public_url(path)).basic_auth(name, Some(password));
    request.send().await.unwrap()
}

#[tokio::test]
async fn a_feed_is_fetched_with_the_key_as_a_password() {
    let (app, key) = shop().await;
    for path in [PRODUCTS, INVENTORY] {
        for name in ["google", "", &key.id, "me:2"] {
            // What is behind the first colon is the password (RFC 7617 §2).
            let status = if name.contains(':') { 401 } else { 200 };
            let answer = fetched(&app, path, name, &key.text).await;
            assert_eq!(answer.status(), status, "{path} as `{name}`");
        }
        let by_header = text(app.get(&key.text, path).await).await;
        assert_eq!(text(fetched(&app, path, "google", &key.text).await).await, by_header);

        // Who sends nothing is asked for it; what is wrong is refused as a wrong key is.
        let asked = app.http.get(app.public_url(path)).send().await.unwrap();
        let ways: Vec<_> = asked.headers().get_all("www-authenticate").iter().cloned().collect();
        assert_eq!(
            ways,
            ["Bearer realm=\"comptoir\"", "Basic realm=\"comptoir\", charset=\"UTF-8\""]
        );
        problem(asked, 401, "missing_key").await;
        for password in ["", "x", &key.text[..key.text.len() - 1]] {
            problem(fetched(&app, path, "google", password).await, 401, "invalid_key").await;
        }
        for header in ["Basic", "Basic ", "Basic %%%", "Basic bm8gY29sb24="] {
            let request = app.http.get(app.public_url(path)).header("authorization", header);
            problem(request.send().await.unwrap(), 401, "invalid_key").await;
        }
        // What the key may not is refused to its password, too.
        let other = app.key(json!({ "scopes": ["stores:read"] })).await;
        let refused = fetched(&app, path, "google", &other.text).await;
        problem(refused, 403, "insufficient_scope").await;
    }
    // No other operation takes a password, nor says so.
    let elsewhere = fetched(&app, "/v1/products", "google", &key.text).await;
    let ways = elsewhere.headers().get_all("www-authenticate").iter().count();
    problem(elsewhere, 401, "invalid_key").await;
    assert_eq!(ways, 1);
}
