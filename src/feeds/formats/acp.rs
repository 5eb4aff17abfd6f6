//! The product feed of the Agentic Commerce Protocol, in both its shapes: flat records with the words of Google's
//! feed for the most part, in JSON lines or CSV, and products with their variants, amounts in minor units
//! (`schema.feed.json` of version 2026-04-17).

mod parts;

use super::Fields;
use crate::catalog::Fault;
use parts::{flatten, text};
use serde_json::{Map, Value};

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

/// The name of Google's by which a name is read, itself where there is none.
fn meant(name: &str) -> &str {
    NAMES.iter().find(|(own, _)| *own == name).map_or(name, |(_, google)| google)
}

/// What a variant may be named by.
const IDS: [&str; 3] = ["id", "item_id", "offer_id"];

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
    let group = IDS.iter().find_map(|id| text(&line, id));
    let of_variant = move |variant: Value| match variant {
        Value::Object(variant) if IDS.iter().all(|id| text(&variant, id).is_none()) => {
            let message = "is missing in a variant; give each its own";
            Err(Fault::new("id", &Value::Object(variant).to_string(), "missing", message))
        }
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
    // A variant's own word holds, by whichever of its names, and its id is no one else's.
    let own: Vec<&str> = variant.keys().map(|name| meant(name)).collect();
    let is_said =
        |name: &str| meant(name) == "id" && !variant.is_empty() || own.contains(&meant(name));
    let common = line.iter().filter(|(name, _)| !is_said(name));
    for (name, value) in variant.iter().chain(common) {
        flatten(name, value, &mut fields);
    }
    adapted(&fields)
}
