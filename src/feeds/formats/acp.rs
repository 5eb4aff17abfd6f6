//! The product feed of the Agentic Commerce Protocol: the words of Google's feed for the most part,
//! in JSON lines or CSV, amounts as `79.99 USD` or in minor units.

use super::Fields;
use crate::catalog::Fault;
use crate::kernel::Currency;
use rust_decimal::Decimal;
use serde_json::{Map, Value};

/// Names of this format, and those of Google's feed.
pub(super) const NAMES: [(&str, &str); 13] = [
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
];

/// The record in the words of Google's feed.
pub(super) fn adapted(record: &Fields) -> Fields {
    let mut adapted = record.clone();
    for (own, google) in NAMES {
        if record.get(google).is_none() {
            record.all(own).for_each(|value| adapted.push(google, value));
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
pub(super) fn records(mut line: Map<String, Value>) -> Result<impl Iterator<Item = Fields>, Fault> {
    let variants = match line.remove("variants") {
        Some(Value::Array(variants)) => Some(variants),
        _ => None,
    };
    few(&line, variants.as_deref().unwrap_or_default())?;
    if let Some(variants) = &variants {
        bounded(&line, variants.len())?;
    }
    let alone = variants.is_none().then(|| fields(&line, &Map::new(), None));
    let group = line.get("id").and_then(Value::as_str).map(str::to_owned);
    let of_variant = move |variant: Value| match variant {
        Value::Object(variant) => Some(fields(&line, &variant, group.as_deref())),
        _ => None,
    };
    Ok(alone.into_iter().chain(variants.into_iter().flatten().filter_map(of_variant)))
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

/// How many values stand in one, as [`flatten`] takes them.
fn values(value: &Value) -> usize {
    value.as_array().map_or(1, |entries| entries.iter().map(values).sum())
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
        Value::Array(entries) => {
            for entry in entries {
                flatten(name, entry, into);
            }
        }
        Value::Object(parts) => match (parts.get("amount"), parts.get("currency")) {
            (Some(amount), Some(Value::String(currency))) => {
                into.push(name, money(amount, currency));
            }
            _ => object(name, parts, into),
        },
    }
}

/// What stands for an object: the status of an availability, the plain form of a description.
fn object(name: &str, parts: &Map<String, Value>, into: &mut Fields) {
    for part in ["status", "plain", "url", "value", "name"] {
        if let Some(Value::String(text)) = parts.get(part) {
            into.push(name, text.as_str());
            return;
        }
    }
}

/// A whole number is an amount in minor units, a text is as it stands.
fn money(amount: &Value, currency: &str) -> String {
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
    format!("{amount} {currency}")
}
