//! The product feed of the Agentic Commerce Protocol, in both its shapes: flat records with the words of Google's
//! feed for the most part, in JSON lines or CSV, and products with their variants, amounts in minor units
//! (`schema.feed.json` of version 2026-04-17).

use super::{Fields, text};
use crate::catalog::Fault;
use crate::kernel::Currency;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

/// Names of this format, and those by which they are read: of Google's feed, or behind [`OWN`].
pub(super) const NAMES: [(&str, &str); 15] = [
    ("item_id", "id"),
    ("offer_id", "id"),
    ("url", "link"),
    ("image_url", "image_link"),
    ("additional_image_urls", "additional_image_link"),
    ("additional_image_links", "additional_image_link"),
    ("group_id", "item_group_id"),
    ("product_category", "product_type"),
    ("inventory_quantity", "quantity"),
    ("barcode", "gtin"),
    ("sale_price_dates", "sale_price_effective_date"),
    ("weight_measure", "unit_pricing_measure"),
    ("pre_order_date", "availability_date"),
    ("list_price", "acp:list_price"),
    ("unit_price", "acp:unit_price"),
];

/// Begins the names of what no column of Google's feeds tells.
pub(super) const OWN: &str = "acp:";

/// The record in the words of Google's feed.
pub(super) fn adapted(record: &Fields) -> Fields {
    let mut adapted = record.clone();
    for (own, google) in NAMES {
        if record.get(google).is_none() {
            adapted.extend(record.all(own).map(|value| (google, value.to_owned())));
        }
    }
    adapted
}

/// Most variants of a line, and most bytes of what is said of all of them, taken once for each.
const MAX_VARIANTS: usize = 1_000;
const MAX_REPEATED: usize = 64 * 1024 * 1024;
/// Most values of a record, those of lists by themselves: each word is looked for among all of them.
const MAX_VALUES: usize = 1_000;

/// The records of a line, made one at a time: one for each variant, with what is said of all;
/// otherwise the line itself.
pub(super) fn records(
    mut line: Map<String, Value>,
) -> Result<impl Iterator<Item = Result<Fields, Fault>>, Fault> {
    let variants = match line.remove("variants") {
        None | Some(Value::Null) => None,
        Some(Value::Array(variants)) if !variants.is_empty() => Some(variants),
        Some(other) => {
            let message = "is no list of variants; name one at least, or leave `variants` out";
            return Err(Fault::new("variants", &other.to_string(), "malformed", message));
        }
    };
    few(&line, variants.as_deref().unwrap_or_default())?;
    if let Some(variants) = &variants {
        bounded(&line, variants.len())?;
    }
    let alone = variants.is_none().then(|| Ok(fields(&line, &Map::new(), None)));
    let group = line.get("id").and_then(Value::as_str).map(str::to_owned);
    let of_variant = move |variant: Value| match variant {
        Value::Object(variant) => Ok(fields(&line, &variant, group.as_deref())),
        other => Err(Fault::new("variants", &other.to_string(), "malformed", "is no JSON object")),
    };
    Ok(alone.into_iter().chain(variants.into_iter().flatten().map(of_variant)))
}

/// Refuses a line that gives a record too many values.
fn few(common: &Map<String, Value>, variants: &[Value]) -> Result<(), Fault> {
    let of = |fields: &Map<String, Value>| fields.values().map(values).sum::<usize>();
    let own = variants.iter().filter_map(Value::as_object).map(of).max().unwrap_or_default();
    let found = of(common).saturating_add(own);
    if found <= MAX_VALUES {
        return Ok(());
    }
    let message = format!("has more than {MAX_VALUES} values; shorten its lists");
    Err(Fault::new("", &found.to_string(), "too_many", message))
}

/// How many values stand in one, as [`flatten`] takes them: the parts of an object are looked at one by one.
fn values(value: &Value) -> usize {
    match value {
        Value::Array(entries) => entries.iter().map(values).sum(),
        Value::Object(parts) => parts.len().max(1),
        _ => 1,
    }
}

/// Refuses a line that would become far more than it is.
fn bounded(common: &Map<String, Value>, variants: usize) -> Result<(), Fault> {
    let value = variants.to_string();
    if variants > MAX_VARIANTS {
        let message = format!("are more than {MAX_VARIANTS}; give each a line of its own");
        return Err(Fault::new("variants", &value, "too_many", message));
    }
    let each = serde_json::to_vec(common).map_err(|error| Fault::unwritable(&error))?.len();
    if each.saturating_mul(variants) > MAX_REPEATED {
        let message = format!(
            "are each given {each} bytes that the line says of all, {MAX_REPEATED} at most in all; \
             give each a line of its own"
        );
        return Err(Fault::new("variants", &value, "too_long", message));
    }
    Ok(())
}

/// What a variant says, and what the line says of all where the variant says nothing of it.
fn fields(line: &Map<String, Value>, variant: &Map<String, Value>, group: Option<&str>) -> Fields {
    let mut fields = Fields::default();
    if let Some(group) = group {
        fields.push("item_group_id", group);
    }
    let common = line.iter().filter(|(name, _)| !variant.contains_key(*name));
    for (name, value) in variant.iter().chain(common) {
        flatten(name, value, &mut fields);
    }
    adapted(&fields)
}

fn flatten(name: &str, value: &Value, into: &mut Fields) {
    match value {
        Value::Null => {}
        Value::String(text) => into.push(name, text.as_str()),
        Value::Bool(_) | Value::Number(_) => into.push(name, value.to_string()),
        Value::Array(entries) => entries.iter().for_each(|entry| flatten(name, entry, into)),
        Value::Object(parts) => object(name, parts, into),
    }
}

/// The parts of an object that are not read are named, without what they say.
fn note_others(name: &str, parts: &Map<String, Value>, read: &[&str], into: &mut Fields) {
    let others =
        parts.iter().filter(|(part, value)| !read.contains(&part.as_str()) && !value.is_null());
    others.for_each(|(part, _)| into.note(name, part));
}

/// What an object says, by the definitions of the protocol's schema.
fn object(name: &str, parts: &Map<String, Value>, into: &mut Fields) {
    let text = |part: &str| parts.get(part).and_then(Value::as_str).filter(|text| !text.is_empty());
    let read: &[&str] = match name {
        "description" => description(&text, into),
        "availability" => {
            let is_sold = parts.get("available").and_then(Value::as_bool);
            into.extend(
                availability(is_sold, text("status")).map(|word| ("availability", word.to_owned())),
            );
            &["available", "status"]
        }
        "barcodes" => barcode(text("type").unwrap_or_default(), text("value"), into),
        "media" => media(text("type").unwrap_or("image"), text("url"), parts, into),
        "variant_options" => {
            let option = text("name").zip(text("value"));
            into.extend(option.map(|(name, value)| ("acp:variant_option", pair(name, value))));
            &["name", "value"]
        }
        "categories" => {
            let is_google = text("taxonomy") == Some("google_product_category");
            let name = if is_google { "google_product_category" } else { "product_type" };
            into.extend(text("value").map(|path| (name, path.to_owned())));
            &["value", "taxonomy"]
        }
        "unit_price" => unit_price(parts, into),
        _ => match price(parts) {
            Some(price) => {
                into.push(name, price);
                &["amount", "currency"]
            }
            None => plain(name, &text, into),
        },
    };
    note_others(name, parts, read, into);
}

/// What stands for an object that the protocol does not define.
fn plain<'a>(
    name: &str,
    text: &impl Fn(&str) -> Option<&'a str>,
    into: &mut Fields,
) -> &'static [&'static str] {
    const PARTS: [&str; 5] = ["status", "plain", "url", "value", "name"];
    let Some(at) = PARTS.iter().position(|part| text(part).is_some()) else { return &[] };
    if let Some(text) = text(PARTS[at]) {
        into.push(name, text);
    }
    &PARTS[at..=at]
}

fn description<'a>(
    text: &impl Fn(&str) -> Option<&'a str>,
    into: &mut Fields,
) -> &'static [&'static str] {
    let (plain, html, markdown) = (text("plain"), text("html"), text("markdown"));
    // Mark-up for people is read as it stands where there is nothing else.
    let best = plain.or(html).or(markdown);
    into.extend(best.map(|text| ("description", text.to_owned())));
    into.extend(plain.and(html).map(|html| ("acp:description_html", html.to_owned())));
    match plain.or(html) {
        Some(_) => &["plain", "html"],
        None => &["markdown"],
    }
}

/// The word for what can be bought or not, whatever its state says of how it comes to the customer.
fn availability(is_sold: Option<bool>, status: Option<&str>) -> Option<&str> {
    match (is_sold, status) {
        (Some(false), None | Some("in_stock" | "limited_stock")) => Some("out_of_stock"),
        (Some(true), None) => Some("in_stock"),
        (_, status) => status,
    }
}

/// A code of GS1 is the product's, another one of its identifiers.
fn barcode(kind: &str, value: Option<&str>, into: &mut Fields) -> &'static [&'static str] {
    let Some(value) = value else { return &[] };
    let word: String = kind.chars().filter(char::is_ascii_alphabetic).collect();
    match word.to_ascii_uppercase().as_str() {
        "GTIN" | "EAN" | "UPC" | "JAN" => into.push("gtin", value),
        _ => into.extend([("acp:identifier", pair(kind, value))]),
    }
    &["type", "value"]
}

/// An image with what is known of it. Other media have no place here.
fn media(
    kind: &str,
    url: Option<&str>,
    parts: &Map<String, Value>,
    into: &mut Fields,
) -> &'static [&'static str] {
    const READ: &[&str] = &["type", "url", "width", "height", "alt_text"];
    let is_image = kind.eq_ignore_ascii_case("image");
    let Some(url) = url.filter(|_| is_image) else {
        into.note("media", kind);
        return READ;
    };
    let part = |name: &str| parts.get(name).cloned().unwrap_or_default();
    let (width, height, alt) = (part("width"), part("height"), part("alt_text"));
    let image = json!({"url": url, "role": null, "width": width, "height": height, "alt": alt});
    into.extend([("acp:media", image.to_string())]);
    READ
}

/// A price for so much of something, and how much is in the pack. Units are what the shop calls them: one that is not known
/// says nothing.
fn unit_price(parts: &Map<String, Value>, into: &mut Fields) -> &'static [&'static str] {
    let measure = |part: &'static str| measure(parts.get(part)).ok_or(part);
    let (measure, reference) = (measure("measure"), measure("reference"));
    [&measure, &reference].iter().filter_map(|of| of.as_ref().err()).for_each(|part| {
        into.note("unit_price", part);
    });
    if let Ok(reference) = reference {
        into.extend(price(parts).map(|price| ("acp:unit_price", price)));
        into.extend([("unit_pricing_base_measure", reference)]);
    }
    into.extend(measure.ok().map(|of| ("unit_pricing_measure", of)));
    &["amount", "currency", "measure", "reference"]
}

/// `name:value`; a colon would end the name.
fn pair(name: &str, value: &str) -> String {
    format!("{}:{value}", name.replace(':', " "))
}

/// `12 oz` of a value and a unit that is known.
fn measure(parts: Option<&Value>) -> Option<String> {
    let (value, unit) = (parts?.get("value")?, parts?.get("unit")?.as_str()?);
    let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let measure = format!("{value} {unit}");
    text::measure("unit_price", &measure).is_ok().then_some(measure)
}

/// `19.99 USD` of an amount and a currency: a whole number is in minor units, a text is as it stands.
fn price(parts: &Map<String, Value>) -> Option<String> {
    let (amount, currency) = (parts.get("amount")?, parts.get("currency")?.as_str()?);
    let currency = currency.to_uppercase();
    let amount = match amount {
        Value::Number(number) => match number.as_i64() {
            Some(minor) => {
                let scale = currency.parse::<Currency>().map_or(2, |known| known.decimals().into());
                Decimal::try_new(minor, scale).map_or_else(|_| minor.to_string(), |d| d.to_string())
            }
            None => number.to_string(),
        },
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    Some(format!("{amount} {currency}"))
}
