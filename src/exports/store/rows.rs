//! All rows of a resource, read in one snapshot of the database.

use crate::changes::store::rows::{ALL_LEVELS, ALL_OFFERS, OfferRow, StockRow};
use crate::exports::ExportError;
use crate::exports::model::Resource;
use crate::exports::scope::Scope;
use crate::exports::write::Piece;
use crate::on_tx;
use crate::storage::{StoreError, Tx};
use futures_util::TryStreamExt as _;
use sqlx::FromRow;
use tokio::sync::mpsc::Sender;

/// Rows handed over at a time.
const BATCH: usize = 500;

/// A product.
#[derive(Debug, FromRow)]
#[expect(missing_docs, reason = "the columns of the table")]
pub struct ProductRow {
    pub id: String,
    pub sku: String,
    pub gtin: Option<i64>,
    pub brand_id: Option<String>,
    pub category_ids: String,
    pub item_group_id: Option<String>,
    pub status: String,
    pub sold_by_weight: bool,
    pub body: String,
    pub version: i64,
    pub updated_at: i64,
}

/// A category, a store or a promotion.
#[derive(Debug, FromRow)]
#[expect(missing_docs, reason = "the columns of the tables")]
pub struct DocumentRow {
    pub id: String,
    pub code: String,
    pub body: String,
    pub version: i64,
    pub updated_at: i64,
}

/// A row of any resource.
#[derive(Debug)]
pub enum Row {
    /// A product.
    Product(ProductRow),
    /// A category, a store or a promotion.
    Document(DocumentRow),
    /// An offer.
    Offer(OfferRow),
    /// A stock level.
    Level(StockRow),
}

/// The head of the change log as this transaction sees it. Read it first: on SQLite the first
/// statement takes the snapshot.
pub async fn position(tx: &mut Tx) -> Result<i64, StoreError> {
    const HEAD: &str = "SELECT position FROM log_heads WHERE log = 'change'";
    Ok(on_tx!(tx, c => sqlx::query_scalar(HEAD).fetch_one(c).await)?)
}

/// The brands and the categories of all products that are there, with their ids.
pub(in crate::exports) async fn places(
    tx: &mut Tx,
) -> Result<Vec<(String, Option<String>, String)>, StoreError> {
    const PLACES: &str = "SELECT id, brand_id, category_ids FROM products WHERE deleted_at IS NULL";
    Ok(on_tx!(tx, c => sqlx::query_as(PLACES).fetch_all(c).await)?)
}

/// All categories that stand below another, with that one.
pub(in crate::exports) async fn tree(tx: &mut Tx) -> Result<Vec<(String, String)>, StoreError> {
    const TREE: &str = "SELECT id, parent_id FROM categories
        WHERE deleted_at IS NULL AND parent_id IS NOT NULL";
    Ok(on_tx!(tx, c => sqlx::query_as(TREE).fetch_all(c).await)?)
}

/// Sends all rows of `$sql` as `$row` that `$keeps` takes; `$stores` is bound where the statement takes it.
macro_rules! send_all {
    ($tx:expr, ($to:expr, $keeps:expr), $row:ident, $type:ty, $sql:expr $(, $stores:expr)?) => {
        on_tx!($tx, c => {
            let mut batch = Vec::with_capacity(BATCH);
            let query = sqlx::query_as::<_, $type>($sql)$(.bind($stores))?;
            let mut rows = query.fetch(c);
            while let Some(row) = rows.try_next().await.map_err(StoreError::from)? {
                let row = Row::$row(row);
                if !$keeps(&row)? {
                    continue;
                }
                batch.push(row);
                if batch.len() == BATCH {
                    let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH));
                    $to.send(Piece::Rows(full)).await.map_err(|_| ExportError::CutOff)?;
                }
            }
            $to.send(Piece::Rows(batch)).await.map_err(|_| ExportError::CutOff)
        })
    };
}

/// Sends all rows of a resource that a plan includes; `stores` holds ids with a space around each, or nothing
/// for all.
pub(in crate::exports) async fn send(
    tx: &mut Tx,
    resource: Resource,
    (stores, scope): (&str, Option<&Scope<'_>>),
    to: &Sender<Piece>,
) -> Result<(), ExportError> {
    const PRODUCTS: &str = "SELECT id, sku, gtin, brand_id, category_ids, item_group_id, status,
        sold_by_weight, body, version, updated_at FROM products WHERE deleted_at IS NULL";
    const CATEGORIES: &str = "SELECT id, code, body, version, updated_at FROM categories
        WHERE deleted_at IS NULL";
    const STORES: &str = "SELECT id, store_code AS code, body, version, updated_at FROM stores
        WHERE deleted_at IS NULL AND ($1 = '' OR replace($1, ' ' || id || ' ', '') <> $1)";
    const PROMOTIONS: &str = "SELECT id, code, body, version, updated_at FROM promotions
        WHERE deleted_at IS NULL AND NOT personal";
    let keeps = |row: &Row| scope.map_or(Ok(true), |scope| scope.keeps(resource, row));
    match resource {
        Resource::Products => send_all!(tx, (to, keeps), Product, ProductRow, PRODUCTS),
        Resource::Categories => send_all!(tx, (to, keeps), Document, DocumentRow, CATEGORIES),
        Resource::Stores => send_all!(tx, (to, keeps), Document, DocumentRow, STORES, stores),
        Resource::Promotions => send_all!(tx, (to, keeps), Document, DocumentRow, PROMOTIONS),
        Resource::Offers => send_all!(tx, (to, keeps), Offer, OfferRow, ALL_OFFERS, stores),
        Resource::Stock => send_all!(tx, (to, keeps), Level, StockRow, ALL_LEVELS, stores),
    }
}
