//! Resources as their tables hold them: those of some ids, for the entries of the log, and the
//! columns that a snapshot reads them by.

use crate::changes::Kind;
use crate::on_db;
use crate::storage::{Db, StoreError, fetch::by_ids};
use sqlx::{FromRow, QueryBuilder};

/// The columns of an offer.
macro_rules! offer_columns {
    ($rest:literal) => {
        concat!(
            "SELECT product_id, store_id, channel, currency, price, list_price, member_price, \
             price_type, unit_price, unit_reference, tax_included, valid_from, valid_through, \
             promotion_ids, as_of, version, updated_at, lowest_price_30d, eco_contribution, seller, \
             sale FROM offers WHERE deleted_at IS NULL AND price_type <> 'personal'",
            $rest
        )
    };
}

/// The columns of a stock level.
macro_rules! stock_columns {
    ($rest:literal) => {
        concat!(
            "SELECT product_id, store_id, availability, quantity, as_of, received_at, source, \
             detail FROM stock_levels",
            $rest
        )
    };
}

// Not by LIKE, to which the ids of two stores may be one: SQLite's folds case.
/// All offers that are there and not one customer's own, or those of the stores in `$1`: ids with a space
/// around each.
pub const ALL_OFFERS: &str =
    offer_columns!(" AND ($1 = '' OR replace($1, ' ' || store_id || ' ', '') <> $1)");
/// All stock levels, or those of the stores in `$1`.
pub const ALL_LEVELS: &str =
    stock_columns!(" WHERE ($1 = '' OR replace($1, ' ' || store_id || ' ', '') <> $1)");

/// A resource that is stored as a document.
#[derive(Debug, Clone, FromRow)]
pub struct DocumentRow {
    /// Its id.
    pub id: String,
    /// Its document.
    pub body: String,
    /// Whether it was deleted, or is a promotion of one customer.
    pub deleted: bool,
}

/// An offer that is there.
#[derive(Debug, Clone, FromRow)]
#[expect(missing_docs, reason = "the columns of the table")]
pub struct OfferRow {
    pub product_id: String,
    pub store_id: String,
    pub channel: String,
    pub currency: String,
    pub price: i64,
    pub list_price: Option<i64>,
    pub member_price: Option<i64>,
    pub price_type: String,
    pub unit_price: Option<i64>,
    pub unit_reference: Option<String>,
    pub tax_included: bool,
    pub valid_from: Option<i64>,
    pub valid_through: Option<i64>,
    pub promotion_ids: String,
    pub as_of: i64,
    pub version: i64,
    pub updated_at: i64,
    pub lowest_price_30d: Option<i64>,
    pub eco_contribution: Option<i64>,
    pub seller: Option<String>,
    pub sale: Option<String>,
}

/// A stock level.
#[derive(Debug, Clone, FromRow)]
#[expect(missing_docs, reason = "the columns of the table")]
pub struct StockRow {
    pub product_id: String,
    pub store_id: String,
    pub availability: String,
    pub quantity: Option<i64>,
    pub as_of: i64,
    pub received_at: i64,
    pub source: String,
    pub detail: String,
}

/// Some resources of a kind that is stored as documents; none for the other kinds.
pub async fn documents(
    db: &Db,
    kind: Kind,
    ids: &[String],
) -> Result<Vec<DocumentRow>, StoreError> {
    let select = match kind {
        Kind::Product => {
            "SELECT id, body, deleted_at IS NOT NULL AS deleted FROM products WHERE id IN ("
        }
        Kind::Category => {
            "SELECT id, body, deleted_at IS NOT NULL AS deleted FROM categories WHERE id IN ("
        }
        Kind::Store => {
            "SELECT id, body, deleted_at IS NOT NULL AS deleted FROM stores WHERE id IN ("
        }
        Kind::Promotion => {
            "SELECT id, body, personal OR deleted_at IS NOT NULL AS deleted FROM promotions \
             WHERE id IN ("
        }
        Kind::Offer | Kind::Stock => return Ok(Vec::new()),
    };
    by_ids(db, select, ids).await
}

/// The parts of an id of an offer or a stock level.
#[must_use]
pub fn parts(id: &str) -> (&str, &str, &str) {
    let mut parts = id.split('/');
    let mut next = || parts.next().unwrap_or_default();
    (next(), next(), next())
}

/// Some offers, as far as they are there and not one customer's own.
pub async fn offers(db: &Db, ids: &[String]) -> Result<Vec<OfferRow>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    const SELECT: &str = offer_columns!(" AND (product_id, store_id, channel) IN (");
    Ok(on_db!(db, c => {
        let mut query = QueryBuilder::new(SELECT);
        query.push_values(ids, |mut row, id| {
            let (product, store, channel) = parts(id);
            row.push_bind(product).push_bind(store).push_bind(channel);
        });
        query.push(")");
        query.build_query_as::<OfferRow>().fetch_all(c).await
    })?)
}

/// Some stock levels.
pub async fn levels(db: &Db, ids: &[String]) -> Result<Vec<StockRow>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    const SELECT: &str = stock_columns!(" WHERE (product_id, store_id) IN (");
    Ok(on_db!(db, c => {
        let mut query = QueryBuilder::new(SELECT);
        query.push_values(ids, |mut row, id| {
            let (product, store, _) = parts(id);
            row.push_bind(product).push_bind(store);
        });
        query.push(")");
        query.build_query_as::<StockRow>().fetch_all(c).await
    })?)
}
