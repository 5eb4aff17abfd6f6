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
