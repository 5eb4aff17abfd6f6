//! Products and levels in the words of Google's feeds: the way back of `feeds/formats/google.rs`.

use super::super::formats::text::unit_name;
use crate::catalog::view::{CatalogView, Grant, Lookup, OfferRecord};
use crate::kernel::id::{CategoryId, ProductId};
use crate::kernel::{Amount, Currency, Micros};
use crate::stock::model::Availability;
use crate::stock::view::Level;
use serde::Deserialize;
use std::collections::HashMap;

/// What of an item is told: names of attributes with their texts, some more than once.
pub(super) type Row = Vec<(&'static str, String)>;

/// The attributes of a product, in the order of the columns.
pub(super) const PRODUCT: &[&str] = &[
    "id",
    "title",
    "description",
    "link",
    "image_link",
    "additional_image_link",
    "lifestyle_image_link",
    "availability",
    "availability_date",
    "pickup_method",
    "pickup_sla",
    "price",
    "sale_price",
    "sale_price_effective_date",
    "brand",
    "gtin",
    "mpn",
    "identifier_exists",
    "condition",
    "item_group_id",
    "color",
    "size",
    "material",
    "pattern",
    "gender",
    "age_group",
    "google_product_category",
    "product_type",
    "unit_pricing_measure",
    "unit_pricing_base_measure",
    "energy_efficiency_class",
    "min_energy_efficiency_class",
    "max_energy_efficiency_class",
    "multipack",
    "is_bundle",
    "maximum_retail_price",
    "product_highlight",
    "certification",
    "product_detail",
    "promotion_id",
    "loyalty_program",
    "excluded_destination",
];

/// Attributes of which a product may have several.
pub(super) const REPEATED: [&str; 7] = [
    "additional_image_link",
    "lifestyle_image_link",
    "product_highlight",
    "certification",
    "product_detail",
    "promotion_id",
    "excluded_destination",
];

/// The attributes of a product in a store.
pub(super) const INVENTORY: &[&str] = &[
    "store_code",
    "id",
    "quantity",
    "price",
    "sale_price",
    "sale_price_effective_date",
    "availability",
    "pickup_method",
    "pickup_sla",
    "instore_product_location",
    "loyalty_program",
];

/// Variant attributes that Google has a word for.
const VARIANT: [&str; 6] = ["color", "size", "material", "pattern", "gender", "age_group"];
/// Properties that Google has a word for.
const PROPERTIES: [(&str, &str); 7] = [
    ("energy_class", "energy_efficiency_class"),
    ("min_energy_class", "min_energy_efficiency_class"),
    ("max_energy_class", "max_energy_efficiency_class"),
    ("multipack", "multipack"),
    ("is_bundle", "is_bundle"),
    ("maximum_retail_price", "maximum_retail_price"),
    ("product_highlight", "product_highlight"),
];

/// A product as it is stored.
#[derive(Debug, Deserialize)]
pub(super) struct Product {
    pub(super) id: ProductId,
    pub(super) sku: String,
    gtin: Option<String>,
    name: String,
    description: Option<Described>,
    brand: Option<Named>,
    mpn: Option<String>,
    item_group_id: Option<String>,
    #[serde(default)]
    variant_attributes: Vec<Named>,
    #[serde(default)]
    category_ids: Vec<CategoryId>,
    google_product_category: Option<String>,
    net_content: Option<Measured>,
    #[serde(default)]
    images: Vec<Image>,
    #[serde(default)]
    additional_property: Vec<Property>,
    #[serde(default)]
    certifications: Vec<String>,
    condition: Option<String>,
    pub(super) status: String,
    link: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Described {
    plain: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Named {
    name: String,
    value: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Measured {
    value: String,
    unit_code: String,
}

#[derive(Debug, Deserialize)]
struct Image {
    url: String,
    role: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Property {
    property_id: String,
    section: Option<String>,
    name: Option<String>,
    value: String,
    unit_code: Option<String>,
}

/// Paths of categories that were looked up already.
pub(super) type Paths = HashMap<CategoryId, String>;

/// The row of a product that the web shop offers.
pub(super) fn product(
    (product, offer, now): (&Product, &OfferRecord, Micros),
    (catalog, grant): (&CatalogView, Option<&Grant>),
    paths: &mut Paths,
) -> Row {
    let mut row = Row::new();
    identity(product, &mut row);
    for id in &product.category_ids {
        put(&mut row, "product_type", Some(path(*id, (catalog, grant), paths)));
    }
    properties(product, &mut row);
    let base = offer.unit_reference.as_deref().and_then(|reference| reference.split_once(' '));
    let base = base.and_then(|(value, unit)| Some(format!("{value} {}", unit_name(unit)?)));
    put(&mut row, "unit_pricing_base_measure", base);
    for promotion in &offer.promotions {
        put(&mut row, "promotion_id", member(catalog.promotion_within(grant, *promotion), "code"));
    }
    price(offer, now, &mut row);
    row
}

fn put(row: &mut Row, name: &'static str, text: Option<String>) {
    row.extend(text.filter(|text| !text.is_empty()).map(|text| (name, text)));
}

/// What a product is called and known by, and what it looks like.
fn identity(product: &Product, row: &mut Row) {
    put(row, "id", Some(product.sku.clone()));
    put(row, "title", Some(product.name.clone()));
    let plain = product.description.as_ref().and_then(|described| described.plain.clone());
    put(row, "description", plain);
    put(row, "link", product.link.clone());
    let mut images = product.images.iter();
    put(row, "image_link", images.next().map(|image| image.url.clone()));
    for image in images {
        let is_lifestyle = image.role.as_deref() == Some("lifestyle");
        let name = if is_lifestyle { "lifestyle_image_link" } else { "additional_image_link" };
        put(row, name, Some(image.url.clone()));
    }
    put(row, "brand", product.brand.as_ref().map(|brand| brand.name.clone()));
    put(row, "gtin", product.gtin.clone());
    put(row, "mpn", product.mpn.clone());
    let has_none = product.gtin.is_none() && product.mpn.is_none();
    put(row, "identifier_exists", has_none.then(|| "no".to_owned()));
}

/// What kind of thing it is.
fn properties(product: &Product, row: &mut Row) {
    put(row, "condition", product.condition.clone());
    put(row, "item_group_id", product.item_group_id.clone());
    for attribute in &product.variant_attributes {
        if let Some(name) = VARIANT.into_iter().find(|name| *name == attribute.name) {
            put(row, name, attribute.value.clone());
        }
    }
    put(row, "google_product_category", product.google_product_category.clone());
    let content = product.net_content.as_ref();
    let content = content
        .and_then(|content| Some(format!("{} {}", content.value, unit_name(&content.unit_code)?)));
    put(row, "unit_pricing_measure", content);
    for property in &product.additional_property {
        match PROPERTIES.into_iter().find(|(id, _)| *id == property.property_id) {
            Some((_, name)) => put(row, name, Some(property.value.clone())),
            None => put(row, "product_detail", Some(detail(property))),
        }
    }
    for certification in &product.certifications {
        put(row, "certification", Some(certification.clone()));
    }
}

/// Whether the web shop has it, in the words of its feed, which knows no little and no unknown.
pub(super) fn availability(level: &Level<'_>) -> Row {
    let mut row = Row::new();
    let word = match level.availability {
        Availability::InStock | Availability::LowStock => Some("in_stock"),
        Availability::OnDisplayToOrder | Availability::Backorder => Some("backorder"),
        Availability::Preorder => Some("preorder"),
        Availability::OutOfStock | Availability::Discontinued => Some("out_of_stock"),
        Availability::Unknown => None,
    };
    put(&mut row, "availability", word.map(str::to_owned));
    let awaited = matches!(word, Some("preorder" | "backorder"));
    let restock = level.detail.restock_at.filter(|_| awaited);
    put(&mut row, "availability_date", restock.map(|at| at.to_string()));
    pickup(level, &mut row);
    row
}

/// What keeps a product that only stores sell from being sold online.
pub(super) fn in_stores_only(with_stock: bool) -> Row {
    let mut row: Row = ["Shopping_ads", "Free_listings"]
        .map(|destination| ("excluded_destination", destination.to_owned()))
        .into();
    row.extend(with_stock.then(|| ("availability", "out_of_stock".to_owned())));
    row
}

/// The row of a product in a store, without the store's code; `exact` where the count may be told. None where
/// nothing is known of it there.
pub(super) fn inventory(
    sku: &str,
    offer: Option<(&OfferRecord, Micros)>,
    level: &Level<'_>,
    exact: bool,
) -> Option<Row> {
    if offer.is_none() && level.availability == Availability::Unknown {
        return None;
    }
    let mut row = vec![("id", sku.to_owned())];
    if let Some((offer, now)) = offer {
        price(offer, now, &mut row);
    }
    let word = match level.availability {
        Availability::InStock => Some("in_stock"),
        Availability::LowStock => Some("limited_availability"),
        Availability::OnDisplayToOrder => Some("on_display_to_order"),
        Availability::Unknown => None,
        Availability::OutOfStock
        | Availability::Preorder
        | Availability::Backorder
        | Availability::Discontinued => Some("out_of_stock"),
    };
    row.extend(word.map(|word| ("availability", word.to_owned())));
    // What is begun of a weight counts for nothing: the shop may not promise it.
    let whole = level.quantity.filter(|_| exact).map(|thousandths| thousandths.max(0) / 1_000);
    row.extend(whole.map(|whole| ("quantity", whole.to_string())));
    pickup(level, &mut row);
    let place = level.detail.instore_location.as_ref();
    let place = place.and_then(|place| serde_json::to_value(place).ok());
    let aisle = place.as_ref().and_then(|place| place["aisle"].as_str());
    let bay = place.as_ref().and_then(|place| place["bay"].as_str());
    row.extend(location(aisle, bay).map(|place| ("instore_product_location", place)));
    Some(row)
}

/// How it can be collected, and how soon.
fn pickup(level: &Level<'_>, row: &mut Row) {
    let pickup = level.detail.pickup.as_ref().and_then(|pickup| serde_json::to_value(pickup).ok());
    for (name, field) in [("pickup_method", "method"), ("pickup_sla", "sla")] {
        let text = pickup.as_ref().and_then(|pickup| pickup[field].as_str());
        put(row, name, text.map(|text| text.replace('_', " ")));
    }
}

/// Most characters of aisle and bay together: the feed takes no more of a place in a store.
const LONGEST_PLACE: usize = 10;

/// Aisle and bay where there is room for both, `12-B`; the aisle otherwise.
fn location(aisle: Option<&str>, bay: Option<&str>) -> Option<String> {
    let both = aisle.zip(bay).map(|(aisle, bay)| format!("{aisle}-{bay}"));
    let both = both.filter(|place| place.chars().count() <= LONGEST_PLACE);
    both.or_else(|| aisle.or(bay).map(str::to_owned))
}

/// A member of a document that was looked up.
pub(super) fn member(found: Lookup, name: &str) -> Option<String> {
    let Lookup::Found { body, .. } = found else { return None };
    let document: serde_json::Value = serde_json::from_slice(&body).ok()?;
    document[name].as_str().map(str::to_owned)
}

/// The price and, where it is reduced or will be for a time, the price meanwhile.
fn price(offer: &OfferRecord, now: Micros, row: &mut Row) {
    let text = |amount| money(amount, offer.currency);
    if let Some(sale) = offer.sale {
        row.push(("price", text(offer.price)));
        match sale.valid_through {
            Some(through) if through >= now => {
                let from = sale.valid_from.unwrap_or(offer.as_of);
                row.push(("sale_price", text(sale.price)));
                row.push(("sale_price_effective_date", format!("{from}/{through}")));
            }
            None if sale.holds(now) => row.push(("sale_price", text(sale.price))),
            // Over, or to come and without an end, for which the feed has no word.
            _ => {}
        }
        return;
    }
    match offer.list_price.filter(|list| *list > offer.price) {
        None => row.push(("price", text(offer.price))),
        Some(list) => {
            row.push(("price", text(list)));
            row.push(("sale_price", text(offer.price)));
            // The date has two ends or none; only what holds now is told, and without a date it does.
            if let Some(through) = offer.valid_through {
                let from = offer.valid_from.unwrap_or(offer.as_of);
                row.push(("sale_price_effective_date", format!("{from}/{through}")));
            }
        }
    }
}

/// `15.00 EUR`.
pub(super) fn money(amount: Amount, currency: Currency) -> String {
    let mut text = String::new();
    // A text takes whatever is written to it.
    let _ = amount.write(&mut text, currency.decimals());
    format!("{text} {}", currency.code())
}

/// `Section:Attribute:Value`; the section may be empty. Colons would end a part.
fn detail(property: &Property) -> String {
    let plain = |text: &str| text.replace(':', " ");
    let section = plain(property.section.as_deref().unwrap_or_default());
    let name = plain(property.name.as_deref().unwrap_or(&property.property_id));
    let unit = property.unit_code.as_deref().map(|code| unit_name(code).unwrap_or(code));
    format!(
        "{section}:{name}:{}",
        [Some(property.value.as_str()), unit].into_iter().flatten().collect::<Vec<_>>().join(" ")
    )
}

/// `A > B > C`: the names of the categories from the root.
fn path(
    id: CategoryId,
    (catalog, grant): (&CatalogView, Option<&Grant>),
    known: &mut Paths,
) -> String {
    #[derive(Deserialize)]
    struct Placed {
        path: Vec<Step>,
    }
    #[derive(Deserialize)]
    struct Step {
        name: String,
    }
    let look_up = || {
        let Lookup::Found { body, .. } = catalog.category_within(grant, id) else {
            return String::new();
        };
        let placed = serde_json::from_slice::<Placed>(&body);
        let steps = placed.map_or_else(|_| Vec::new(), |placed| placed.path);
        steps.into_iter().map(|step| step.name).collect::<Vec<_>>().join(" > ")
    };
    known.entry(id).or_insert_with(look_up).clone()
}
