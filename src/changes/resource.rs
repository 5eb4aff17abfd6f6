//! Resources as change log and snapshots give them: what is stored, and nothing that follows from
//! the time of reading or from other resources. So a snapshot with the changes behind it is equal
//! to the next snapshot; but of stock only in what is known and its availability, for counts make no entries.

use super::Kind;
use super::store::rows::{self, OfferRow, StockRow};
use crate::access::model::StockDisclosure;
use crate::access::plan::PlanData;
use crate::catalog::offers::Sale;
use crate::kernel::{Amount, Currency, Micros, Money};
use crate::stock::line::QuantityOut;
use crate::stock::model::{Location, Pickup};
use crate::stock::view::Detail;
use crate::storage::{Db, StoreError};
use serde::Serialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashMap;

/// What may be told of resources.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// How much of quantities.
    pub stock: StockDisclosure,
    /// What a plan includes; none where that is everything.
    pub data: Option<&'a PlanData>,
}

impl Told<'_> {
    /// A document without the fields that the plan leaves out.
    pub fn cut<'d>(&self, kind: Kind, document: Cow<'d, str>) -> Result<Cow<'d, str>, StoreError> {
        let Some(data) = self.data else { return Ok(document) };
        let cut = match data.cut(kind, document.as_bytes()) {
            Cow::Borrowed(_) => return Ok(document),
            Cow::Owned(cut) => cut,
        };
        let cut = String::from_utf8(cut);
        cut.map(Cow::Owned).map_err(|error| StoreError::corrupt("documents", error))
    }
}

#[derive(Serialize)]
struct Reference<'a> {
    value: &'a str,
    unit_code: &'a str,
}

#[derive(Serialize)]
struct UnitPrice<'a> {
    #[serde(flatten)]
    price: Money,
    reference: Option<Reference<'a>>,
}

/// A reduction for a time, beside the price that holds otherwise.
#[derive(Serialize)]
struct SaleOut<'a> {
    price: Money,
    unit_price: Option<UnitPrice<'a>>,
    lowest_price_30d: Option<Money>,
    valid_from: Option<Micros>,
    valid_through: Option<Micros>,
}

#[derive(Serialize)]
struct Offer<'a> {
    product_id: &'a str,
    store_id: &'a str,
    channel: &'a str,
    price: Money,
    list_price: Option<Money>,
    price_type: &'a str,
    member_price: Option<Money>,
    unit_price: Option<UnitPrice<'a>>,
    lowest_price_30d: Option<Money>,
    eco_contribution: Option<Money>,
    seller: Option<Box<RawValue>>,
    tax_included: bool,
    valid_from: Option<Micros>,
    valid_through: Option<Micros>,
    sale: Option<SaleOut<'a>>,
    promotion_ids: Vec<&'a str>,
    as_of: Micros,
    updated_at: Micros,
    version: i64,
}

#[derive(Serialize)]
struct Level<'a> {
    product_id: &'a str,
    store_id: &'a str,
    availability: &'a str,
    quantity: QuantityOut,
    as_of: Micros,
    received_at: Micros,
    max_age_s: u32,
    source: &'a str,
    restock_at: Option<Micros>,
    pickup: Option<&'a Pickup>,
    instore_location: Option<&'a Location>,
}

fn written(table: &'static str, document: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(document).map_err(|error| StoreError::corrupt(table, error))
}

fn reference(row: &OfferRow) -> Option<Reference<'_>> {
    let (value, unit_code) = row.unit_reference.as_deref()?.split_once(' ')?;
    Some(Reference { value, unit_code })
}

fn sale(row: &OfferRow, currency: Currency) -> Result<Option<SaleOut<'_>>, StoreError> {
    let Some(text) = row.sale.as_deref() else { return Ok(None) };
    let corrupt = || StoreError::corrupt("offers", format!("`{text}` is no sale"));
    let sale = Sale::read(text).ok_or_else(corrupt)?;
    let money = |amount| Money { amount, currency };
    let unit_price = |amount| UnitPrice { price: money(amount), reference: reference(row) };
    Ok(Some(SaleOut {
        price: money(sale.price),
        unit_price: sale.unit_price.map(unit_price),
        lowest_price_30d: sale.lowest_price_30d.map(money),
        valid_from: sale.valid_from,
        valid_through: sale.valid_through,
    }))
}

/// The sale of an offer as a document, where it has one.
pub fn sale_document(row: &OfferRow) -> Result<Option<String>, StoreError> {
    let currency = row.currency.parse();
    let currency = currency.map_err(|error| StoreError::corrupt("offers", error))?;
    sale(row, currency)?.map(|sale| written("offers", &sale)).transpose()
}

/// The document of an offer.
pub fn offer(row: &OfferRow) -> Result<String, StoreError> {
    let currency: Currency =
        row.currency.parse().map_err(|error| StoreError::corrupt("offers", error))?;
    let money = |amount: i64| Money { amount: Amount(amount), currency };
    let unit_price = |amount: i64| UnitPrice { price: money(amount), reference: reference(row) };
    let seller = row.seller.clone().map(RawValue::from_string).transpose();
    let document = Offer {
        product_id: &row.product_id,
        store_id: &row.store_id,
        channel: &row.channel,
        price: money(row.price),
        list_price: row.list_price.map(money),
        price_type: &row.price_type,
        member_price: row.member_price.map(money),
        unit_price: row.unit_price.map(unit_price),
        lowest_price_30d: row.lowest_price_30d.map(money),
        eco_contribution: row.eco_contribution.map(money),
        seller: seller.map_err(|error| StoreError::corrupt("offers", error))?,
        tax_included: row.tax_included,
        valid_from: row.valid_from.map(Micros),
        valid_through: row.valid_through.map(Micros),
        sale: sale(row, currency)?,
        promotion_ids: row.promotion_ids.split_whitespace().collect(),
        as_of: Micros(row.as_of),
        updated_at: Micros(row.updated_at),
        version: row.version,
    };
    written("offers", &document)
}

/// What else is known of a stock level.
pub fn detail(row: &StockRow) -> Result<Detail, StoreError> {
    serde_json::from_str(&row.detail).map_err(|error| StoreError::corrupt("stock_levels", error))
}

/// The document of a stock level, with its exact quantity or the band that holds it.
pub fn level(row: &StockRow, told: StockDisclosure) -> Result<String, StoreError> {
    let detail = detail(row)?;
    let document = Level {
        product_id: &row.product_id,
        store_id: &row.store_id,
        availability: &row.availability,
        quantity: QuantityOut::new(row.quantity, told),
        as_of: Micros(row.as_of),
        received_at: Micros(row.received_at),
        max_age_s: detail.max_age_s,
        source: &row.source,
        restock_at: detail.restock_at,
        pickup: detail.pickup.as_ref(),
        instore_location: detail.instore_location.as_ref(),
    };
    written("stock_levels", &document)
}

/// What some resources of a kind are now, by id, as far as it may be told; what does not exist any more is
/// not in it.
pub async fn present(
    db: &Db,
    kind: Kind,
    ids: &[String],
    told: Told<'_>,
) -> Result<HashMap<String, String>, StoreError> {
    let found = stored(db, kind, ids, told.stock).await?;
    let cut = |(id, document)| Ok((id, told.cut(kind, Cow::Owned(document))?.into_owned()));
    found.into_iter().map(cut).collect()
}

async fn stored(
    db: &Db,
    kind: Kind,
    ids: &[String],
    told: StockDisclosure,
) -> Result<HashMap<String, String>, StoreError> {
    match kind {
        Kind::Offer => {
            let rows = rows::offers(db, ids).await?;
            let named = |row: &OfferRow| {
                let id = format!("{}/{}/{}", row.product_id, row.store_id, row.channel);
                Ok((id, offer(row)?))
            };
            rows.iter().map(named).collect()
        }
        Kind::Stock => {
            let rows = rows::levels(db, ids).await?;
            let named = |row: &StockRow| {
                Ok((format!("{}/{}", row.product_id, row.store_id), level(row, told)?))
            };
            rows.iter().map(named).collect()
        }
        Kind::Product | Kind::Category | Kind::Store | Kind::Promotion => {
            let rows = rows::documents(db, kind, ids).await?;
            Ok(rows.into_iter().filter(|row| !row.deleted).map(|row| (row.id, row.body)).collect())
        }
    }
}
