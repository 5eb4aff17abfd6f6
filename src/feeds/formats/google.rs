//! Google's product feed and local inventory feed, whose words the Agentic Commerce Protocol shares.

use super::text::{self, Price};
use super::{Fields, Format, Row, Translator, acp, availability, column, markup};
use crate::catalog::Fault;
use crate::feeds::Feed;
use crate::kernel::Micros;
use serde_json::{Value, json};

/// Attributes that tell variants of an item group apart.
const VARIANT: [&str; 6] = ["color", "size", "material", "pattern", "gender", "age_group"];
/// Attributes that become properties as they are.
const PROPERTIES: [(&str, &str); 6] = [
    ("energy_efficiency_class", "energy_class"),
    ("min_energy_efficiency_class", "min_energy_class"),
    ("max_energy_efficiency_class", "max_energy_class"),
    ("multipack", "multipack"),
    ("is_bundle", "is_bundle"),
    // Printed on the pack by the maker: no price that it has had, so no list price.
    ("maximum_retail_price", "maximum_retail_price"),
];

/// What a record of a product feed says about the feed that is imported.
pub(super) fn product_feed(to: &Translator<'_>, record: &Fields) -> Result<Vec<Value>, Fault> {
    let adapted = (to.format == Format::Acp).then(|| acp::adapted(record));
    let record = adapted.as_ref().unwrap_or(record);
    match to.feed {
        Feed::Categories => Ok(categories(record)),
        Feed::Products => product(record).map(|product| vec![product]),
        Feed::Offers => offer(to, record).map(|offer| offer.into_iter().collect()),
        Feed::Stock => level(to, record).map(|level| level.into_iter().collect()),
        Feed::Stores | Feed::Promotions => Ok(Vec::new()),
    }
}

/// What a record of a local inventory feed says.
pub(super) fn local_inventory(to: &Translator<'_>, record: &Fields) -> Result<Vec<Value>, Fault> {
    if record.get("store_code").is_none() {
        let message = "is empty; name the store";
        return Err(Fault::new("store_code", "", "missing", message));
    }
    match to.feed {
        Feed::Offers => offer(to, record).map(|offer| offer.into_iter().collect()),
        Feed::Stock => level(to, record).map(|level| level.into_iter().collect()),
        _ => Ok(Vec::new()),
    }
}

fn categories(record: &Fields) -> Vec<Value> {
    let mut lines = Vec::new();
    for path in quoted(record, "product_type").iter().map(|path| text::path(path)) {
        let mut above: Option<&str> = None;
        for step in &path {
            lines.push(json!({"code": step.code, "name": step.name, "parent_code": above}));
            above = Some(&step.code);
        }
    }
    lines
}

fn sku(record: &Fields) -> Result<&str, Fault> {
    let message = "is empty; give every item its id";
    record.get("id").ok_or_else(|| Fault::new("id", "", "missing", message))
}

fn product(record: &Fields) -> Result<Value, Fault> {
    let mut row = Row::default();
    row.text("sku", Some(sku(record)?));
    let has_gtin = !record
        .get("identifier_exists")
        .is_some_and(|text| matches!(text.to_ascii_lowercase().as_str(), "no" | "false"));
    let gtins = || record.all("gtin").filter(|_| has_gtin);
    row.text("gtin", gtins().next());
    let others = record.all("acp:identifier").filter_map(|text| text.split_once(':'));
    let others = others.map(|(kind, value)| json!({"type": kind, "value": value}));
    row.list("identifiers", gtins().filter_map(text::identifier).chain(others).collect());
    if let Some(title) = record.get("title").filter(|title| title.contains(['\t', '\n'])) {
        let message = "has a tab or a line's end in it: is a quote left open before?";
        return Err(Fault::new("title", title, "control_character", message));
    }
    row.text("name", record.get("title").or_else(|| after_colon(record.get("structured_title")?)));
    let description = record.get("description");
    let description = description.or_else(|| after_colon(record.get("structured_description")?));
    let html = record.get("acp:description_html");
    row.value("description", description.map(|text| described(text, html)));
    row.value("brand", record.get("brand").map(|name| json!({"name": name})));
    row.text("mpn", record.get("mpn"));
    row.text("item_group_id", record.get("item_group_id"));
    row.list("variant_attributes", variant_attributes(record));
    let paths = quoted(record, "product_type").into_iter();
    let codes = paths.filter_map(|path| text::path(&path).pop());
    row.list("category_codes", codes.map(|step| json!(step.code)).collect());
    row.text("google_product_category", record.get("google_product_category"));
    let content = record.get("unit_pricing_measure");
    let content = content.map(|content| text::measure("unit_pricing_measure", content));
    row.value("net_content", content.transpose()?.map(|content| content.json()));
    row.list("images", images(record));
    row.list("additional_property", properties(record));
    row.list("certifications", entries(record, "certification").map(Value::from).collect());
    row.text("condition", condition(record)?);
    row.text("link", record.get("link"));
    Ok(row.done())
}

/// A description, beside its HTML where it has such.
fn described(text: &str, html: Option<&str>) -> Value {
    match (markup::plain(text), html) {
        (_, Some(html)) => json!({"plain": text, "html": html}),
        (plain, None) if plain == text => json!({"plain": plain}),
        (plain, None) => json!({"plain": plain, "html": text}),
    }
}

/// What tells it from the other variants: by Google's words, or by names of the shop's own.
fn variant_attributes(record: &Fields) -> Vec<Value> {
    let known = VARIANT.iter().filter_map(|name| Some((column(name), record.get(name)?)));
    let own = record.all("acp:variant_option").filter_map(|text| text.split_once(':'));
    let own = own.map(|(name, value)| (column(name), value.trim()));
    known.chain(own).map(|(name, value)| json!({"name": name, "value": value})).collect()
}

/// `default:A text` or `trained_algorithmic_media:"A text"`: the text behind the source.
fn after_colon(text: &str) -> Option<&str> {
    let (_, text) = text.split_once(':')?;
    Some(text.trim().trim_matches('"')).filter(|text| !text.is_empty())
}

/// The entries of a field that repeats, or has them between commas.
fn entries<'a>(record: &'a Fields, name: &'a str) -> impl Iterator<Item = String> {
    record.all(name).flat_map(text::cells)
}

fn images(record: &Fields) -> Vec<Value> {
    let main = record.get("image_link").into_iter().map(|url| (url, Some("front")));
    let several = |name| {
        let cells: Vec<&str> = record.all(name).collect();
        cells.into_iter().flat_map(text::addresses).filter(|url| !url.is_empty())
    };
    let main = main.map(|(url, role)| (url.to_owned(), role));
    let more = several("additional_image_link").map(|url| (url, None));
    let life = several("lifestyle_image_link").map(|url| (url, Some("lifestyle")));
    let named = main.chain(more).chain(life).map(|(url, role)| json!({"url": url, "role": role}));
    named
        .chain(record.all("acp:media").filter_map(|image| serde_json::from_str(image).ok()))
        .collect()
}

fn properties(record: &Fields) -> Vec<Value> {
    let mut found = Vec::new();
    for (name, id) in PROPERTIES {
        if let Some(value) = record.get(name) {
            found.push(json!({"property_id": id, "name": null, "value": value, "unit_code": null}));
        }
    }
    for text in quoted(record, "product_highlight") {
        found.push(json!({"property_id": "product_highlight", "name": null, "value": text,
            "unit_code": null}));
    }
    for detail in entries(record, "product_detail") {
        // `Section:Attribute:Value`, the section being optional.
        let mut parts = detail.splitn(3, ':').map(str::trim);
        let (section, name, value) = match (parts.next(), parts.next(), parts.next()) {
            (Some(section), Some(name), Some(value)) => (section, name, value),
            (Some(name), Some(value), None) => ("", name, value),
            _ => continue,
        };
        if name.is_empty() || value.is_empty() {
            continue;
        }
        let id = name.to_lowercase().replace(char::is_whitespace, "_");
        let section = Some(section).filter(|section| !section.is_empty());
        found.push(json!({"property_id": id, "section": section, "name": name, "value": value,
            "unit_code": null}));
    }
    found
}

/// The texts of a field that are sentences or paths, so that a comma parts them only between quotes, as
/// `"Fast, and light","Silent"` in a table.
fn quoted(record: &Fields, name: &str) -> Vec<String> {
    let mut found = Vec::new();
    for cell in record.all(name) {
        match cell.split_once(",\"") {
            _ if cell.starts_with('"') && cell.ends_with('"') => found.extend(text::cells(cell)),
            // Of a cell that begins with a quote the table took the first pair of quotes for its own.
            Some((first, rest)) if rest.ends_with('"') && !first.contains('"') => {
                found.push(first.to_owned());
                found.extend(text::cells(&format!("\"{rest}")));
            }
            _ => found.push(cell.to_owned()),
        }
    }
    found
}

fn condition(record: &Fields) -> Result<Option<&'static str>, Fault> {
    let Some(text) = record.get("condition") else { return Ok(None) };
    match text.to_ascii_lowercase().as_str() {
        "new" => Ok(Some("new")),
        "refurbished" => Ok(Some("refurbished")),
        "used" | "secondhand" => Ok(Some("used")),
        _ => {
            let message = "is new, refurbished or used";
            Err(Fault::new("condition", text, "not_allowed", message))
        }
    }
}

/// The store and the channel of a record: its own store, or the web shop.
fn place(to: &Translator<'_>, record: &Fields, row: &mut Row) {
    row.text("store_code", record.get("store_code").or(to.store));
    row.text("channel", record.get("store_code").is_none().then_some("online"));
}

fn offer(to: &Translator<'_>, record: &Fields) -> Result<Option<Value>, Fault> {
    let Some(price) = record.get("price") else { return Ok(None) };
    let price = text::price("price", price)?;
    let mut row = Row::default();
    row.text("sku", Some(sku(record)?));
    place(to, record, &mut row);
    let measures = ["unit_pricing_measure", "unit_pricing_base_measure"]
        .map(|name| record.get(name).map(|text| text::measure(name, text)).transpose());
    let measures = measures.map(Result::unwrap_or_default);
    let unit_price = |price: &Price| match &measures {
        [Some(measure), Some(base)] => text::unit_price(price, measure, base),
        _ => None,
    };
    // Told of the price that is paid, which is no other where nothing else is told of a sale.
    let told = record.get("acp:unit_price").zip(measures[1].as_ref());
    let told = told.filter(|_| record.get("sale_price").is_none());
    let told =
        told.map(|(text, base)| Ok(text::price("unit_price", text)?.per(base))).transpose()?;
    let paid = match sale(record, &price)? {
        Some(Sale { price: own, span: Some((from, through)) }) => {
            // Feeds come rarely: what is to come is told now, and what holds before and after it.
            if through >= to.now {
                let unit_price = unit_price(&own);
                row.value(
                    "sale",
                    Some(json!({"price": own.json(), "unit_price": unit_price,
                    "valid_from": from.to_string(), "valid_through": through.to_string()})),
                );
            }
            price
        }
        Some(Sale { price: own, span: None }) => {
            row.value("list_price", Some(price.json()));
            row.text("price_type", Some("sale"));
            own
        }
        None => {
            if let Some(list) = list_price(record, &price)? {
                row.value("list_price", Some(list.json()));
                row.text("price_type", Some("sale"));
            }
            price
        }
    };
    row.value("price", Some(paid.json()));
    row.value("member_price", member(record, to.now)?.map(|price| price.json()));
    row.value("unit_price", told.or_else(|| unit_price(&paid)));
    row.list("promotion_codes", entries(record, "promotion_id").map(Value::from).collect());
    Ok(Some(row.done()))
}

/// A lower price, and the instants at which it begins and ends where these are told.
struct Sale {
    price: Price,
    span: Option<(Micros, Micros)>,
}

/// The sale of a record; none where its price is no lower.
fn sale(record: &Fields, price: &Price) -> Result<Option<Sale>, Fault> {
    let Some(sale) = record.get("sale_price") else { return Ok(None) };
    let sale = text::price("sale_price", sale)?;
    if sale.amount >= price.amount && sale.currency == price.currency {
        return Ok(None);
    }
    let span = record.get("sale_price_effective_date");
    let span = span.map(|span| text::interval("sale_price_effective_date", span)).transpose()?;
    Ok(Some(Sale { price: sale, span }))
}

/// The price before a reduction, where it is told beside the one that is paid and is higher.
fn list_price(record: &Fields, paid: &Price) -> Result<Option<Price>, Fault> {
    let Some(list) = record.get("acp:list_price") else { return Ok(None) };
    let list = text::price("list_price", list)?;
    Ok(Some(list).filter(|list| list.currency == paid.currency && list.amount > paid.amount))
}

/// What a record says of a reduction that is none, as a report tells it: offers do not take it.
pub(super) fn no_reduction(to: &Translator<'_>, record: &Fields) -> Vec<&'static str> {
    let says =
        ["sale_price", "list_price", "acp:list_price"].iter().any(|n| record.get(n).is_some());
    if to.feed != Feed::Offers || to.format == Format::Gs1Csv || !says {
        return Vec::new();
    }
    let adapted = (to.format == Format::Acp).then(|| acp::adapted(record));
    let record = adapted.as_ref().unwrap_or(record);
    let Some(Ok(price)) = record.get("price").map(|text| text::price("price", text)) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    if record.get("sale_price").is_some() && matches!(sale(record, &price), Ok(None)) {
        found.push("sale_price (not below price)");
    }
    if record.get("acp:list_price").is_some() && matches!(list_price(record, &price), Ok(None)) {
        found.push("list_price (not above price)");
    }
    found
}

/// `programme:tier:12.50 EUR:cashback:points:from/through:shipping`: the price, where it holds now.
fn member(record: &Fields, now: Micros) -> Result<Option<Price>, Fault> {
    let Some(program) = record.all("loyalty_program").next() else { return Ok(None) };
    let mut parts = program.splitn(6, ':').map(str::trim);
    let price = parts.nth(2).filter(|part| !part.is_empty());
    let Some(price) = price.map(|price| text::price("loyalty_program", price)).transpose()? else {
        return Ok(None);
    };
    // An instant has colons too.
    let dates = parts.nth(2).unwrap_or_default();
    let span = |text| text::interval("loyalty_program", text);
    let holds = match dates.trim_end_matches(':') {
        "" => true,
        dates if dates.contains('/') => {
            let alone = dates.rsplit_once(':').map_or(dates, |(alone, _)| alone);
            let (from, through) = span(dates).or_else(|_| span(alone))?;
            from <= now && now <= through
        }
        _ => true,
    };
    Ok(Some(price).filter(|_| holds))
}

fn level(to: &Translator<'_>, record: &Fields) -> Result<Option<Value>, Fault> {
    let (word, quantity) = (record.get("availability"), record.get("quantity"));
    if word.is_none() && quantity.is_none() {
        return Ok(None);
    }
    let mut row = Row::default();
    row.text("sku", Some(sku(record)?));
    row.text("store_code", record.get("store_code").or(to.store));
    row.text("availability", word.map(availability::of).transpose()?);
    row.text("quantity", quantity);
    let restock = record.get("availability_date").map(|text| {
        let message = "must be a date or an instant such as 2026-12-24T13:00+0100";
        let fault = || Fault::new("availability_date", text, "malformed", message);
        text::instant(text, "00:00:00").map(|at| at.to_string()).ok_or_else(fault)
    });
    row.text("restock_at", restock.transpose()?.as_deref());
    if let Some(method) = record.get("pickup_method") {
        let sla = record.get("pickup_sla").map(|sla| sla.to_lowercase().replace(' ', "_"));
        let method = method.to_lowercase().replace(' ', "_");
        row.value("pickup", Some(json!({"method": method, "sla": sla})));
    }
    let aisle = record.get("instore_product_location");
    row.value("instore_location", aisle.map(|aisle| json!({"aisle": aisle})));
    Ok(Some(row.done()))
}
