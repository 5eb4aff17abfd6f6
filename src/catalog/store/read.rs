//! The catalog as stored, for the view: whole tables at the start, the rows of some ids after.

use crate::catalog::DigitalLinks;
use crate::catalog::offers::{PriceType, Sale};
use crate::catalog::view::{
    CategoryChange, CategoryRecord, OfferChange, OfferRecord, ProductChange, ProductRecord,
    PromotionChange, PromotionRecord, Tombstone,
};
use crate::http::answer::digest;
use crate::kernel::id::{CategoryId, ProductId, PromotionId};
use crate::kernel::{Amount, Gtin, Micros};
use crate::on_db;
use crate::storage::fetch::{by_ids, in_batches};
use crate::storage::{Db, StoreError, parsed};
use serde::Deserialize;
use serde_json::Value;
use sqlx::{FromRow, QueryBuilder};

macro_rules! products {
    ($rest:literal) => {
        concat!(
            "SELECT id, gtin, brand_id, category_ids, item_group_id, status, sold_by_weight, \
             body, updated_at, deleted_at FROM products",
            $rest
        )
    };
}

macro_rules! categories {
    ($rest:literal) => {
        concat!("SELECT id, parent_id, body, updated_at, deleted_at FROM categories", $rest)
    };
}

macro_rules! promotions {
    ($rest:literal) => {
        concat!(
            "SELECT id, body, phase, personal OR deleted_at IS NOT NULL AS hidden, gone_at \
             FROM promotions",
            $rest
        )
    };
}

macro_rules! offers {
    ($rest:literal) => {
        concat!(
            "SELECT product_id, store_id, channel, currency, price, list_price, member_price, \
             price_type, unit_price, unit_reference, tax_included, valid_from, valid_through, \
             promotion_ids, as_of, deleted_at, eco_contribution, seller, lowest_price_30d, sale \
             FROM offers",
            $rest
        )
    };
}

#[derive(Debug, FromRow)]
struct ProductColumns {
    id: String,
    gtin: Option<i64>,
    brand_id: Option<String>,
    category_ids: String,
    item_group_id: Option<String>,
    status: String,
    sold_by_weight: bool,
    body: String,
    updated_at: i64,
    deleted_at: Option<i64>,
}

/// What a deleted product's document says about its successor.
#[derive(Deserialize)]
struct Successor {
    replaced_by: Option<ProductId>,
}

impl ProductColumns {
    fn read(self, links: &DigitalLinks) -> Result<ProductChange, StoreError> {
        const TABLE: &str = "products";
        let id = parsed(TABLE, &self.id)?;
        let gtin = self.gtin.and_then(|number| u64::try_from(number).ok());
        let gtin = gtin.and_then(Gtin::from_number);
        if let Some(at) = self.deleted_at {
            let successor: Option<Successor> = serde_json::from_str(&self.body).ok();
            let replaced_by = successor.and_then(|s| s.replaced_by);
            return Ok(ProductChange::Delete(Tombstone { id, gtin, replaced_by, at: Micros(at) }));
        }
        let body = links.in_document(self.body, gtin);
        Ok(ProductChange::Upsert(Box::new(ProductRecord {
            id,
            gtin,
            brand: self.brand_id.as_deref().map(|text| parsed(TABLE, text)).transpose()?,
            categories: self.category_ids,
            item_group: self.item_group_id,
            status: parsed(TABLE, &self.status)?,
            sold_by_weight: self.sold_by_weight,
            etag: digest(body.as_bytes()),
            body,
            updated_at: Micros(self.updated_at),
        })))
    }
}

#[derive(Debug, FromRow)]
struct CategoryColumns {
    id: String,
    parent_id: Option<String>,
    body: String,
    updated_at: i64,
    deleted_at: Option<i64>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
    #[serde(default)]
    translations: Value,
}

impl CategoryColumns {
    fn read(self) -> Result<CategoryChange, StoreError> {
        const TABLE: &str = "categories";
        let id: CategoryId = parsed(TABLE, &self.id)?;
        if let Some(at) = self.deleted_at {
            return Ok(CategoryChange::Delete(id, Micros(at)));
        }
        let parent = self.parent_id.as_deref().map(|text| parsed(TABLE, text)).transpose()?;
        let named: Named =
            serde_json::from_str(&self.body).map_err(|error| StoreError::corrupt(TABLE, error))?;
        let Named { name, translations } = named;
        let updated_at = Micros(self.updated_at);
        let record = CategoryRecord { id, parent, name, translations, body: self.body, updated_at };
        Ok(CategoryChange::Upsert(record))
    }
}

#[derive(Debug, FromRow)]
struct OfferColumns {
    product_id: String,
    store_id: String,
    channel: String,
    currency: String,
    price: i64,
    list_price: Option<i64>,
    member_price: Option<i64>,
    price_type: String,
    unit_price: Option<i64>,
    unit_reference: Option<String>,
    tax_included: bool,
    valid_from: Option<i64>,
    valid_through: Option<i64>,
    promotion_ids: String,
    as_of: i64,
    deleted_at: Option<i64>,
    eco_contribution: Option<i64>,
    seller: Option<String>,
    lowest_price_30d: Option<i64>,
    sale: Option<String>,
}

impl OfferColumns {
    fn read(self) -> Result<OfferChange, StoreError> {
        const TABLE: &str = "offers";
        let product = parsed(TABLE, &self.product_id)?;
        let store = parsed(TABLE, &self.store_id)?;
        let channel = parsed(TABLE, &self.channel)?;
        let price_type = parsed(TABLE, &self.price_type)?;
        // A price of one customer is told to nobody, so the view does not know it.
        if self.deleted_at.is_some() || price_type == PriceType::Personal {
            return Ok(OfferChange::Delete(product, store, channel));
        }
        let sale = |text: &String| {
            let corrupt = || StoreError::corrupt(TABLE, format!("`{text}` is no sale"));
            Sale::read(text).ok_or_else(corrupt)
        };
        let sale = self.sale.as_ref().map(sale).transpose()?;
        let promotions = self.promotion_ids.split_whitespace().map(|id| parsed(TABLE, id));
        Ok(OfferChange::Upsert(Box::new(OfferRecord {
            product,
            store,
            channel,
            currency: parsed(TABLE, &self.currency)?,
            price: Amount(self.price),
            list_price: self.list_price.map(Amount),
            member_price: self.member_price.map(Amount),
            price_type,
            unit_price: self.unit_price.map(Amount),
            unit_reference: self.unit_reference,
            tax_included: self.tax_included,
            eco_contribution: self.eco_contribution.map(Amount),
            seller: self.seller,
            lowest_price_30d: self.lowest_price_30d.map(Amount),
            valid_from: self.valid_from.map(Micros),
            valid_through: self.valid_through.map(Micros),
            sale,
            promotions: promotions.collect::<Result<_, _>>()?,
            as_of: Micros(self.as_of),
        })))
    }
}

/// Every product, tombstones included.
pub async fn all_products(
    db: &Db,
    links: &DigitalLinks,
    take: impl FnMut(Vec<ProductChange>),
) -> Result<(), StoreError> {
    in_batches(db, products!(""), |row: ProductColumns| row.read(links), take).await
}

/// What some products are now. One that has no row at all is deleted.
pub async fn products(
    db: &Db,
    links: &DigitalLinks,
    ids: &[String],
) -> Result<Vec<ProductChange>, StoreError> {
    let rows: Vec<ProductColumns> = by_ids(db, products!(" WHERE id IN ("), ids).await?;
    let without = ids.iter().filter(|id| !rows.iter().any(|row| row.id == **id));
    let purged = |id: &String| {
        let id = parsed("change_log", id)?;
        Ok(ProductChange::Delete(Tombstone { id, gtin: None, replaced_by: None, at: Micros(0) }))
    };
    let mut changes = without.map(purged).collect::<Result<Vec<_>, StoreError>>()?;
    for row in rows {
        changes.push(row.read(links)?);
    }
    Ok(changes)
}

/// Every category, tombstones included.
pub async fn all_categories(
    db: &Db,
    take: impl FnMut(Vec<CategoryChange>),
) -> Result<(), StoreError> {
    in_batches(db, categories!(""), CategoryColumns::read, take).await
}

/// What some categories are now.
pub async fn categories(db: &Db, ids: &[String]) -> Result<Vec<CategoryChange>, StoreError> {
    let rows: Vec<CategoryColumns> = by_ids(db, categories!(" WHERE id IN ("), ids).await?;
    rows.into_iter().map(CategoryColumns::read).collect()
}

#[derive(Debug, FromRow)]
struct PromotionColumns {
    id: String,
    body: String,
    phase: Option<String>,
    /// Whether it is one customer's own, or was deleted.
    hidden: bool,
    /// When partners saw it go.
    gone_at: Option<i64>,
}

impl PromotionColumns {
    fn read(self) -> Result<PromotionChange, StoreError> {
        const TABLE: &str = "promotions";
        let id: PromotionId = parsed(TABLE, &self.id)?;
        match (self.hidden, self.gone_at) {
            (true, Some(at)) => return Ok(PromotionChange::Delete(id, Micros(at))),
            (true, None) => return Ok(PromotionChange::Forget(id)),
            (false, _) => {}
        }
        let record = PromotionRecord::read(id, &self.body, self.phase)
            .map_err(|error| StoreError::corrupt(TABLE, error))?;
        Ok(PromotionChange::Upsert(Box::new(record)))
    }
}

/// Every promotion, tombstones included.
pub async fn all_promotions(
    db: &Db,
    take: impl FnMut(Vec<PromotionChange>),
) -> Result<(), StoreError> {
    in_batches(db, promotions!(""), PromotionColumns::read, take).await
}

/// What some promotions are now.
pub async fn promotions(db: &Db, ids: &[String]) -> Result<Vec<PromotionChange>, StoreError> {
    let rows: Vec<PromotionColumns> = by_ids(db, promotions!(" WHERE id IN ("), ids).await?;
    rows.into_iter().map(PromotionColumns::read).collect()
}

/// Half of all offers, so that two tasks can read them at once: ids are uniformly random, and half
/// of them end below `V`. The condition names no index, which would be slower than the table.
#[derive(Debug, Clone, Copy)]
pub enum Half {
    /// Those of products whose id ends with `0` to `U`.
    First,
    /// The others.
    Second,
}

/// Every offer of one half that holds.
pub async fn all_offers(
    db: &Db,
    half: Half,
    take: impl FnMut(Vec<OfferChange>),
) -> Result<(), StoreError> {
    let select = match half {
        Half::First => offers!(
            " WHERE deleted_at IS NULL AND price_type <> 'personal' AND substr(product_id, 15, 1) < 'V'"
        ),
        Half::Second => offers!(
            " WHERE deleted_at IS NULL AND price_type <> 'personal' AND substr(product_id, 15, 1) >= 'V'"
        ),
    };
    in_batches(db, select, OfferColumns::read, take).await
}

/// What some offers are now; each is named `product/store/channel`.
pub async fn offers(db: &Db, ids: &[String]) -> Result<Vec<OfferChange>, StoreError> {
    let mut keys = Vec::with_capacity(ids.len());
    for id in ids {
        let mut parts = id.split('/');
        let (Some(product), Some(store), Some(channel), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            let detail = format!("`{id}` is no product/store/channel");
            return Err(StoreError::corrupt("change_log", detail));
        };
        keys.push((product, store, channel));
    }
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    const SELECT: &str = offers!(" WHERE (product_id, store_id, channel) IN (");
    let rows = on_db!(db, c => {
        let mut query = QueryBuilder::new(SELECT);
        query.push_values(keys, |mut row, (product, store, channel)| {
            row.push_bind(product).push_bind(store).push_bind(channel);
        });
        query.push(")");
        query.build_query_as::<OfferColumns>().fetch_all(c).await
    })?;
    rows.into_iter().map(OfferColumns::read).collect()
}
