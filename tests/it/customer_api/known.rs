//! What is known of the customers of the shop.

use super::shop::{CAMILLE, ROBIN};
use serde_json::{Value, json};

/// A line of a purchase, of a category that reveals something where that is said.
fn line(id: &str, name: &str, sensitive: Option<&str>, total: &str) -> Value {
    json!({
        "line_id": id, "sku": format!("sku-{name}"), "name": name, "category": format!("rayon {name}"),
        "sensitive": sensitive, "quantity": { "value": "1", "unit_code": "C62" },
        "line_total": { "amount": total, "currency": "EUR" },
    })
}

fn purchase(of: &str, id: &str, (channel, at): (&str, &str), lines: &[Value]) -> Value {
    json!({
        "id": format!("{of}-{id}"), "customer_id": of, "order_number": "0001-42", "channel": channel, "store_code": "0000",
        "order_date": at, "order_status": "completed", "lines": lines,
        "totals": [{ "type": "total", "amount": { "amount": "12.00", "currency": "EUR" } }],
        "receipt": { "number": "0001-42", "url": "https://shop.example/receipts/42" },
        "loyalty": { "earned": "12" },
    })
}

fn profile(id: &str, name: &str) -> Value {
    json!({
        "id": id, "given_name": name, "family_name": "Secretname", "email": format!("{name}@example.com"),
        "email_verified": true, "phone": "+33240000000", "birth_date": "1990-02-28", "locale": "fr-FR",
        "address": { "lines": ["1 rue du Port"], "postal_code": "44000", "city": "Nantes", "country": "FR" },
        "home_store_code": "0000", "preferences": { "diets": ["vegetarian"], "allergens": ["nuts"] },
    })
}

/// At the till and online; one of which all is sensitive, and one from long ago.
fn bought(of: &str) -> [Value; 4] {
    let (till, web) = ("in_store", "online");
    let hidden = || line("1", "Doliprane", Some("pharmacy"), "4.00");
    let shown = [hidden(), line("2", "Comte", None, "8.00")];
    let all_hidden = [line("1", "Doliprane", Some("pharmacy"), "12.00")];
    [
        purchase(of, "till", (till, "2026-11-20T10:00:00Z"), &shown),
        purchase(of, "web", (web, "2026-10-02T10:00:00Z"), &[line("1", "Vis", None, "12.00")]),
        purchase(of, "hidden", (web, "2026-10-01T10:00:00Z"), &all_hidden),
        purchase(of, "old", (till, "2025-01-05T10:00:00Z"), &[line("1", "Ancien", None, "12.00")]),
    ]
}

fn account(of: &str) -> Value {
    let moved = |id: &str, at: &str| {
        json!({ "id": format!("{of}-{id}"), "type": "earn", "points": "12", "purchase_id": format!("{of}-web"),
                "description": "Achat", "occurred_at": at })
    };
    json!({
        "id": format!("{of}-account"), "customer_id": of, "program": { "id": "club", "name": "Club" },
        "membership_number": "1234563021", "membership_number_masked": "••21",
        "tier": { "id": "gold", "name": "Or", "valid_through": "2026-12-31" },
        "balances": [{ "currency": { "code": "PTS", "name": "points" }, "available": "1200" }],
        "transactions": [moved("m2", "2026-10-02T10:00:00Z"), moved("m1", "2025-01-05T10:00:00Z")],
    })
}

fn list(of: &str, id: &str, kind: &str) -> Value {
    json!({
        "id": format!("{of}-{id}"), "customer_id": of, "type": kind, "name": id, "items": [
            { "item_id": format!("{of}-{id}-1"), "sku": "sku-Vis", "quantity": 2, "added_at": "2026-11-01T10:00:00Z" },
            { "item_id": format!("{of}-{id}-2"), "sku": "sku-Doliprane", "sensitive": "pharmacy", "quantity": 1,
              "added_at": "2026-11-01T10:00:00Z" },
        ],
    })
}

fn promotion(of: &str) -> Value {
    json!({ "id": format!("{of}-offer"), "customer_id": of, "code": "W1", "title": "-10 %", "type": "percent_off",
            "value": "10", "state": "offered" })
}

/// What is known of the customers, by feed.
pub(super) fn data() -> [(&'static str, Vec<Value>); 5] {
    let both = [CAMILLE, ROBIN];
    let lists = |of| [list(of, "courses", "shopping"), list(of, "vus", "viewed")];
    [
        ("customers", vec![profile(CAMILLE, "Camille"), profile(ROBIN, "Robin")]),
        ("purchases", both.into_iter().flat_map(bought).collect()),
        ("loyalty", both.into_iter().map(account).collect()),
        ("lists", both.into_iter().flat_map(lists).collect()),
        ("promotions", both.into_iter().map(promotion).collect()),
    ]
}
