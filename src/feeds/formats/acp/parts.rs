//! What the objects of a record say, by the definitions of the protocol's schema.

use crate::feeds::formats::{Fields, text as words};
use crate::kernel::{Currency, Gtin};
use rust_decimal::Decimal;
use serde_json::{Map, Number, Value, json};

/// Names of what has a price: an object there is one, or is refused.
const PRICES: [&str; 3] = ["price", "list_price", "sale_price"];

/// Names of codes, in which each digit counts.
const CODES: [&str; 8] =
    ["id", "item_id", "offer_id", "item_group_id", "group_id", "gtin", "barcode", "mpn"];

/// Adds what a value says under its name.
pub(super) fn flatten(name: &str, value: &Value, into: &mut Fields) {
    match value {
        Value::Null => {}
        Value::String(text) => into.push(name, text.as_str()),
        // Its digits are not all there, so two of them may be one.
        Value::Number(number) if CODES.contains(&name) && !is_whole(number) => {
            into.note(name, "number");
        }
        Value::Bool(_) | Value::Number(_) => into.push(name, value.to_string()),
        Value::Array(entries) => entries.iter().for_each(|entry| flatten(name, entry, into)),
        Value::Object(parts) => object(name, parts, into),
    }
}

/// The text of a part, where it is one that is not empty, or a number.
pub(super) fn text(parts: &Map<String, Value>, part: &str) -> Option<String> {
    match parts.get(part)? {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) if is_whole(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Whether a number is written as a whole one that is known to its last digit.
fn is_whole(number: &Number) -> bool {
    number.is_u64() || number.is_i64()
}

/// The parts of an object, and which of them were read.
struct Parts<'a> {
    map: &'a Map<String, Value>,
    read: Vec<&'static str>,
}

impl<'a> Parts<'a> {
    /// What stands in a part, which is read with it where `as_wanted` takes it.
    fn take<T>(
        &mut self,
        part: &'static str,
        as_wanted: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Option<T> {
        let taken = as_wanted(self.map.get(part)?)?;
        self.read.push(part);
        Some(taken)
    }

    fn text(&mut self, part: &'static str) -> Option<String> {
        let text = text(self.map, part)?;
        self.read.push(part);
        Some(text)
    }

    /// Those that say something and were not read.
    fn unread(&self) -> impl Iterator<Item = &str> {
        let others = self.map.iter().filter(|(_, value)| !value.is_null());
        others.map(|(part, _)| part.as_str()).filter(|part| !self.read.contains(part))
    }
}

/// Adds what an object says. What of it is not read is named, without what it says.
fn object(name: &str, map: &Map<String, Value>, into: &mut Fields) {
    let mut parts = Parts { map, read: Vec::new() };
    match name {
        "description" => description(&mut parts, into),
        "availability" => availability(&mut parts, into),
        "barcodes" => barcode(&mut parts, into),
        "media" => media(&mut parts, into),
        "variant_options" => option(&mut parts, into),
        "categories" => category(&mut parts, into),
        "unit_price" => unit_price(&mut parts, into),
        name if PRICES.contains(&name) => match price(&mut parts) {
            Some(price) => into.push(name, price),
            // Refused as it stands: left out, it would end the offer that a full feed names here.
            None => return into.push(name, Value::Object(map.clone()).to_string()),
        },
        // What the protocol does not define may still have a text that stands for it.
        _ => {
            let known = ["status", "plain", "url", "value", "name"];
            let told = known.into_iter().find_map(|part| parts.text(part));
            told.into_iter().for_each(|text| into.push(name, text));
        }
    }
    parts.unread().for_each(|part| into.note(name, part));
}

fn description(parts: &mut Parts<'_>, into: &mut Fields) {
    let (plain, html) = (parts.text("plain"), parts.text("html"));
    // Mark-up for people is read as it stands where there is nothing else.
    let best = plain.clone().or_else(|| html.clone()).or_else(|| parts.text("markdown"));
    into.extend(best.map(|text| ("description", text)));
    into.extend(plain.and(html).map(|html| ("acp:description_html", html)));
}

/// Whether it can be bought decides, whatever its state says of how it comes to the customer.
fn availability(parts: &mut Parts<'_>, into: &mut Fields) {
    let is_sold = parts.take("available", |value| match value {
        Value::String(text) => text.trim().to_ascii_lowercase().parse().ok(),
        value => value.as_bool(),
    });
    let status = parts.text("status");
    let word = match (is_sold, status.as_deref()) {
        (Some(false), Some(status)) if is_of_nothing(status) => Some(status),
        (Some(false), _) => Some("out_of_stock"),
        (Some(true), None) => Some("in_stock"),
        (_, status) => status,
    };
    into.extend(word.map(|word| ("availability", word.to_owned())));
}

/// Whether a state says of itself that nothing is there now: out of stock, to come, no longer sold.
fn is_of_nothing(status: &str) -> bool {
    let letters = status.chars().filter(char::is_ascii_alphabetic);
    let word: String = letters.map(|letter| letter.to_ascii_lowercase()).collect();
    matches!(
        &*word,
        "outofstock" | "soldout" | "preorder" | "backorder" | "discontinued" | "unknown"
    )
}

/// A code of GS1 is the product's, another one of its identifiers.
fn barcode(parts: &mut Parts<'_>, into: &mut Fields) {
    let Some(value) = parts.text("value") else { return };
    let kind = parts.text("type").unwrap_or_default();
    let word: String = kind.chars().filter(char::is_ascii_alphabetic).collect();
    match word.to_ascii_uppercase().as_str() {
        // `EAN13`, `UPC-A`, `EAN/GTIN`
        kind if ["GTIN", "EAN", "UPC", "JAN"].iter().any(|known| kind.starts_with(known)) => {
            into.push("gtin", value);
        }
        "" if value.parse::<Gtin>().is_ok() => into.push("gtin", value),
        "" => into.extend([("acp:identifier", pair("internal", &value))]),
        _ => into.extend([("acp:identifier", pair(&kind, &value))]),
    }
}

/// An image with what is known of it. Other media have no place here.
fn media(parts: &mut Parts<'_>, into: &mut Fields) {
    let kind = parts.text("type").unwrap_or_else(|| "image".to_owned());
    if !kind.eq_ignore_ascii_case("image") {
        parts.read.extend(["url", "alt_text", "width", "height"]);
        return into.note("media", &kind);
    }
    let Some(url) = parts.text("url") else { return };
    let size = |value: &Value| match value {
        Value::String(text) => text.trim().parse().ok(),
        value => value.as_u64().and_then(|size| u32::try_from(size).ok()),
    };
    let (width, height) = (parts.take("width", size), parts.take("height", size));
    let alt = parts.text("alt_text");
    let image = json!({"url": url, "role": null, "width": width, "height": height, "alt": alt});
    into.extend([("acp:media", image.to_string())]);
}

fn option(parts: &mut Parts<'_>, into: &mut Fields) {
    if let (Some(name), Some(value)) = (text(parts.map, "name"), text(parts.map, "value")) {
        parts.read.extend(["name", "value"]);
        into.extend([("acp:variant_option", pair(&name, &value))]);
    }
}

/// A path of the shop's own categories, or one of Google's. No category of the shop has the name that another taxonomy
/// gives.
fn category(parts: &mut Parts<'_>, into: &mut Fields) {
    let name = match text(parts.map, "taxonomy").as_deref() {
        None | Some("merchant") => "product_type",
        Some("google_product_category") => "google_product_category",
        Some(_) => return,
    };
    parts.read.push("taxonomy");
    into.extend(parts.text("value").map(|path| (name, path)));
}

/// A price for so much of something, and how much is in the pack. Units are what the shop calls them: one that is not known
/// says nothing.
fn unit_price(parts: &mut Parts<'_>, into: &mut Fields) {
    if let Some(reference) = parts.take("reference", measure) {
        into.extend([("unit_pricing_base_measure", reference)]);
        into.extend(price(parts).map(|price| ("acp:unit_price", price)));
    }
    into.extend(parts.take("measure", measure).map(|of| ("unit_pricing_measure", of)));
}

/// `name:value`; a colon would end the name.
fn pair(name: &str, value: &str) -> String {
    format!("{}:{value}", name.replace(':', " "))
}

/// `12 oz` of a value and a unit that is known.
fn measure(value: &Value) -> Option<String> {
    let parts = value.as_object()?;
    let measure = format!("{} {}", text(parts, "value")?, text(parts, "unit")?);
    words::measure("unit_price", &measure).is_ok().then_some(measure)
}

/// `19.99 USD` of an amount and a currency. A number is one of minor units, and whole; a text has its decimals with it.
fn price(parts: &mut Parts<'_>) -> Option<String> {
    let currency = text(parts.map, "currency")?.to_uppercase();
    let scale = currency.parse::<Currency>().map_or(2, |known| known.decimals().into());
    let amount = match parts.map.get("amount")? {
        Value::Number(number) => {
            let mut amount = whole(number)?;
            amount.set_scale(scale).ok()?;
            amount.to_string()
        }
        Value::String(text) if scale == 0 || text.contains(['.', ',']) => text.clone(),
        _ => return None,
    };
    parts.read.extend(["amount", "currency"]);
    Some(format!("{amount} {currency}"))
}

/// A whole number, however it is written: `1990`, `1990.0`, `1.99e3`.
fn whole(number: &Number) -> Option<Decimal> {
    let text = number.to_string();
    let read = Decimal::from_str_exact(&text).or_else(|_| Decimal::from_scientific(&text));
    read.ok().map(|read| read.normalize()).filter(|read| read.scale() == 0)
}
