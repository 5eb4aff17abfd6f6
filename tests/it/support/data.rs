//! A small catalog that scenarios share.

use super::TestApp;
use comptoir::feeds::Feed;
use comptoir::kernel::id::{CategoryId, ProductId, StoreId};
use serde_json::{Value, json};

/// A GTIN-13 under GS1's demonstration prefix 952, for the `n`th product.
pub(crate) fn gtin13(n: u32) -> String {
    let body = format!("952{n:09}");
    format!("{body}{}", comptoir::kernel::gtin::check_digit(body.as_bytes()))
}

pub(crate) fn sku(n: u32) -> String {
    format!("SKU-{n:05}")
}

pub(crate) fn product_id(n: u32) -> String {
    ProductId::derived(&sku(n)).to_string()
}

pub(crate) fn store_id(n: u32) -> String {
    StoreId::derived(&format!("{n:04}")).to_string()
}

pub(crate) fn category_id(code: &str) -> String {
    CategoryId::derived(code).to_string()
}

/// The `n`th product: even ones are tools of brand Nord, odd ones food of brand Sud.
pub(crate) fn product(n: u32) -> Value {
    let (brand, category) =
        if n.is_multiple_of(2) { ("Nord", "drills") } else { ("Sud", "cheese") };
    json!({
        "sku": sku(n), "gtin": gtin13(n), "name": format!("Produit {n}"),
        "brand": { "name": brand }, "category_codes": [category],
        "net_content": { "value": "1.75", "unit_code": "LTR" },
    })
}

/// The `n`th product with every field that a feed may give.
pub(crate) fn product_in_full(n: u32) -> Value {
    let mut product = product(n);
    let rest = json!({
        "identifiers": [{ "type": "EAN", "value": gtin13(n) }],
        "description": { "plain": "Une perceuse.", "html": "<p>Une perceuse.</p>" },
        "mpn": "P-1", "manufacturer": "Nord SA", "item_group_id": "perceuses",
        "variant_attributes": [{ "name": "color", "value": "bleu" }],
        "google_product_category": "1167", "gpc_category_code": "10003460",
        "country_of_origin": "FR",
        "images": [{ "url": "https://media.example.com/1.jpg", "role": "front", "width": 900, "height": 900, "alt": "De face" }],
        "additional_property": [{ "property_id": "power", "name": "Puissance", "value": "650", "unit_code": "WTT" }],
        "certifications": ["NF"],
        "aggregate_rating": { "rating_value": "4.5", "best_rating": 5, "review_count": 12 },
        "condition": "new", "status": "discontinued", "replaced_by_sku": sku(n + 1),
        "is_sold_by_weight": false, "link": "https://www.example.com/p/1",
        "translations": {
            "EN": { "name": format!("Product {n}"), "description": { "plain": "A drill." }, "link": "https://www.example.com/en/p/1" },
            "pt-br": { "name": format!("Produto {n}") },
        },
    });
    product.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    product
}

pub(crate) fn categories() -> Vec<Value> {
    vec![
        json!({ "code": "tools", "name": "Outillage" }),
        json!({ "code": "drills", "name": "Perceuses", "parent_code": "tools" }),
        json!({ "code": "cheese", "name": "Fromages" }),
    ]
}

pub(crate) fn store(n: u32) -> Value {
    json!({
        "store_code": format!("{n:04}"), "name": format!("Magasin {n}"), "type": "supermarket",
        "address": { "street_address": "1 rue du Port", "postal_code": "31000", "address_locality": "Toulouse", "address_country": "FR" },
        "geo": { "latitude": 43.6045, "longitude": 1.444 }, "time_zone": "Europe/Paris",
        "opening_hours": [{ "day_of_week": "monday", "opens": "08:30", "closes": "20:30" }],
        "special_opening_hours": [], "services": ["click_collect"],
    })
}

/// The `n`th store with every field that a feed may give.
pub(crate) fn store_in_full(n: u32) -> Value {
    let mut store = store(n);
    store["gln"] = json!("3020180000000");
    store["telephone"] = json!("+33561000000");
    store["address"]["address_region"] = json!("Occitanie");
    store["special_opening_hours"] = json!([
        { "date": "2026-12-24", "opens": "08:30", "closes": "17:00" },
        { "date": "2026-12-25", "closed": true },
    ]);
    store
}

pub(crate) fn offer(product: u32, store: u32, price: &str) -> Value {
    json!({
        "sku": sku(product), "store_code": format!("{store:04}"), "channel": "in_store",
        "price": { "amount": price, "currency": "EUR" },
    })
}

pub(crate) fn level(product: u32, store: u32, quantity: u32, as_of: &str) -> Value {
    json!({
        "sku": sku(product), "store_code": format!("{store:04}"), "quantity": quantity,
        "as_of": as_of, "source": "pos", "max_age_s": 900,
    })
}

/// A promotion that everybody has on the web in November.
pub(crate) fn promotion(code: &str, title: &str) -> Value {
    json!({
        "code": code, "title": title, "type": "percent_off", "value": "25",
        "applies_to": {}, "channels": ["online"], "audience": "public",
        "valid_from": "2026-11-01T00:00:00Z", "valid_through": "2026-12-01T00:00:00Z",
    })
}

impl TestApp {
    /// Imports categories, `products` products and `stores` stores, and expects every row taken.
    pub(crate) async fn stock_shelves(&self, products: u32, stores: u32) {
        let lines: Vec<Value> = (0..products).map(product).collect();
        let shops: Vec<Value> = (0..stores).map(store).collect();
        for (feed, lines) in
            [(Feed::Categories, categories()), (Feed::Products, lines), (Feed::Stores, shops)]
        {
            let report = self.import(feed, &lines).await;
            assert_eq!(report.rejected, 0, "{report}");
        }
    }
}

/// A level with every field that a feed may give.
pub(crate) fn level_in_full(product: u32, store: u32, as_of: &str) -> Value {
    let mut level = level(product, store, 4, as_of);
    level["source"] = json!("count");
    level["max_age_s"] = json!(600);
    level["restock_at"] = json!("2026-11-24T06:00:00Z");
    level["pickup"] =
        json!({ "method": "buy", "sla": "same_day", "earliest_slot": "2026-11-22T14:00:00Z" });
    level["instore_location"] = json!({ "aisle": "12", "bay": "3" });
    level
}
