//! CSV whose columns have the names of the GS1 Web Vocabulary, with or without `gs1:`.

use super::{Fields, Row, Translator, text};
use crate::catalog::Fault;
use crate::feeds::Feed;
use serde_json::{Value, json};

/// What there is of a nutrient in the amount that the label speaks of, by the column that tells it.
pub(super) const NUTRIENTS: [(&str, &str); 9] = [
    ("nutrient_basis_quantity", "nutrient_basis"),
    ("energy_per_nutrient_basis", "energy"),
    ("fat_per_nutrient_basis", "fat"),
    ("saturated_fat_per_nutrient_basis", "saturated_fat"),
    ("carbohydrates_per_nutrient_basis", "carbohydrates"),
    ("sugars_per_nutrient_basis", "sugars"),
    ("fibre_per_nutrient_basis", "fibre"),
    ("protein_per_nutrient_basis", "protein"),
    ("salt_per_nutrient_basis", "salt"),
];

/// The code of a record: its own, or its GTIN.
fn sku(record: &Fields) -> Option<&str> {
    record.get("sku").or_else(|| record.get("product_id")).or_else(|| record.get("gtin"))
}

/// The store of a record, by its code or its GLN, and the web shop where it names none.
fn store(record: &Fields, shop: Option<&str>, row: &mut Row) {
    let (code, gln) = (record.get("store_code"), record.get("location_gln"));
    let own = code.is_some() || gln.is_some();
    row.text("store_code", if own { code } else { shop });
    row.text("store_gln", gln);
    row.text("channel", (!own).then_some("online"));
}

/// What of a refused record names what it is about.
pub(super) fn key(to: &Translator<'_>, record: &Fields) -> Value {
    let mut row = Row::default();
    row.text("sku", sku(record));
    store(record, to.store, &mut row);
    row.done()
}

/// What a record says about the feed that is imported.
pub(super) fn lines(to: &Translator<'_>, record: &Fields) -> Result<Vec<Value>, Fault> {
    let message = "is empty; give every product a gtin or a sku";
    let sku = sku(record).ok_or_else(|| Fault::new("gtin", "", "missing", message))?;
    match to.feed {
        Feed::Products => product(sku, record).map(|product| vec![product]),
        Feed::Offers => offer(to, sku, record).map(|offer| offer.into_iter().collect()),
        _ => Ok(Vec::new()),
    }
}

fn product(sku: &str, record: &Fields) -> Result<Value, Fault> {
    let mut row = Row::default();
    row.text("sku", Some(sku));
    row.text("gtin", record.get("gtin"));
    row.list("identifiers", record.get("gtin").and_then(text::identifier).into_iter().collect());
    row.text("name", record.get("product_name"));
    let plain = record.get("product_description");
    row.value("description", plain.map(|plain| json!({"plain": plain})));
    let brand = record.get("brand").or_else(|| record.get("brand_name"));
    row.value("brand", brand.map(|name| json!({"name": name})));
    row.text("manufacturer", record.get("manufacturer"));
    row.text("item_group_id", record.get("consumer_product_variant"));
    let brick = record.get("gpc_category_code").or_else(|| record.get("gpc_code"));
    row.text("gpc_category_code", brick);
    row.text("country_of_origin", record.get("country_of_origin"));
    let unit = record.get("net_content_unit_code").or_else(|| record.get("unit_code"));
    let content = record.get("net_content").or_else(|| record.get("net_content_value"));
    let content = content.map(|content| match unit {
        Some(unit) => text::measure("netContent", &format!("{content} {unit}")),
        None => text::measure("netContent", content),
    });
    row.value("net_content", content.transpose()?.map(|content| content.json()));
    row.list("images", images(record)?);
    row.list("certifications", record.all("certification").map(Value::from).collect());
    row.list("additional_property", properties(record));
    Ok(row.done())
}

/// The images, the first from the front, with their sizes in pixels where these are told of each.
fn images(record: &Fields) -> Result<Vec<Value>, Fault> {
    let images = record.get("image").or_else(|| record.get("referenced_file_url"));
    let urls = images.map(text::addresses).unwrap_or_default();
    let mut widths = record.get("file_pixel_width").unwrap_or_default().split(',').map(str::trim);
    let mut heights = record.get("file_pixel_height").unwrap_or_default().split(',').map(str::trim);
    let pixels = |name, text: Option<&str>| {
        let message =
            "must be a whole number of pixels, with a comma between those of several images";
        let read = text.filter(|text| !text.is_empty()).map(|text| {
            text.parse::<u32>().map_err(|_| Fault::new(name, text, "malformed", message))
        });
        read.transpose()
    };
    let image = |(n, url): (usize, String)| {
        let width = pixels("file_pixel_width", widths.next())?;
        let height = pixels("file_pixel_height", heights.next())?;
        let role = (n == 0).then_some("front");
        Ok(json!({"url": url, "role": role, "width": width, "height": height}))
    };
    let images = urls.into_iter().enumerate().map(image).collect::<Result<_, _>>()?;
    let more = widths.chain(heights).any(|size| !size.is_empty());
    if more {
        let message = "has more sizes than there are images";
        return Err(Fault::new("file_pixel_width", "", "too_many", message));
    }
    Ok(images)
}

/// The entries of cells that have them between commas.
fn listed<'a>(cells: impl Iterator<Item = &'a str>) -> impl Iterator<Item = &'a str> {
    cells.flat_map(|text| text.split(',')).map(str::trim).filter(|text| !text.is_empty())
}

/// What is in it, and how much of it, as properties.
fn properties(record: &Fields) -> Vec<Value> {
    let property = |id: &str, value: &str| json!({"property_id": id, "name": null, "value": value, "unit_code": null});
    let allergens = listed(record.all("allergen")).map(|text| property("allergen", text));
    let additives = listed(record.all("additive")).map(|text| property("additive", text));
    let nutrients = NUTRIENTS.iter();
    let nutrients = nutrients.filter_map(|(column, id)| Some(property(id, record.get(column)?)));
    allergens.chain(additives).chain(nutrients).collect()
}

fn offer(to: &Translator<'_>, sku: &str, record: &Fields) -> Result<Option<Value>, Fault> {
    let Some(price) = record.get("price") else { return Ok(None) };
    let price = text::price_of("price", price, record.get("price_currency"))?;
    if to.store.or(record.get("store_code")).or(record.get("location_gln")).is_none() {
        let message = "is empty, so nobody knows where the price holds; fill storeCode or locationGLN, or name \
                       the store of the web shop with --store";
        return Err(Fault::new("store_code", "", "missing", message));
    }
    let mut row = Row::default();
    row.text("sku", Some(sku));
    store(record, to.store, &mut row);
    row.value("price", Some(price.json()));
    let from = record.get("valid_from").or_else(|| record.get("availability_starts"));
    let through = record.get("valid_through").or_else(|| record.get("availability_ends"));
    for (name, cell, of_day) in
        [("valid_from", from, "00:00:00"), ("valid_through", through, text::LAST)]
    {
        if let Some(text) = cell {
            let message = "must be a date or an RFC 3339 instant";
            let fault = || Fault::new(name, text, "malformed", message);
            let at = text::instant(text, of_day).ok_or_else(fault)?;
            row.text(name, Some(&at.to_string()));
        }
    }
    let promotions = listed(record.all("offer_discount")).map(Value::from);
    row.list("promotion_codes", promotions.collect());
    Ok(Some(row.done()))
}
