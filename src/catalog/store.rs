//! Writing products, categories and promotions.

pub mod document;
pub mod history;
mod loops;
mod named;
pub mod phase;
mod promotions;
pub mod read;

pub use named::absent;
pub use promotions::{put_promotions, remove_promotions};

use super::categories::Category;
use super::document::{Document, Line};
use super::fault::{Fate, Fault};
use super::known::Known;
use super::model::Product;
use crate::kernel::id::{CategoryId, ProductId};
use crate::kernel::word::Word as _;
use crate::kernel::{Gtin, Micros};
use crate::on_db;
use crate::storage::bulk::{self, Cell, Statement};
use crate::storage::{Db, StoreError, Tx};
use document::{Resource, Statements};
use hashbrown::{HashMap, HashSet};

static FIND_PRODUCTS: Statement = Statement::new(
    "WITH k (id) AS (VALUES",
    1,
    ") SELECT p.id, p.hash, p.version, p.deleted_at IS NOT NULL AS deleted,
         CASE WHEN p.deleted_at IS NULL THEN '' ELSE p.body END AS body
       FROM k JOIN products p ON p.id = k.id",
);
static PRODUCT_BODIES: Statement = Statement::new(
    "WITH k (id) AS (VALUES",
    1,
    ") SELECT t.id, t.body FROM k JOIN products t ON t.id = k.id WHERE t.deleted_at IS NULL",
);
static PUT_PRODUCTS: Statement = Statement::new(
    "INSERT INTO products (id, sku, gtin, brand_id, category_ids, item_group_id, status,
       sold_by_weight, body, hash, version, updated_at) VALUES",
    12,
    "ON CONFLICT (id) DO UPDATE SET gtin = excluded.gtin, brand_id = excluded.brand_id,
       category_ids = excluded.category_ids, item_group_id = excluded.item_group_id,
       status = excluded.status, sold_by_weight = excluded.sold_by_weight, body = excluded.body,
       hash = excluded.hash, version = excluded.version, updated_at = excluded.updated_at,
       deleted_at = NULL",
);
static FIND_CATEGORIES: Statement = Statement::new(
    "WITH k (id) AS (VALUES",
    1,
    ") SELECT c.id, c.hash, c.version, c.deleted_at IS NOT NULL AS deleted
       FROM k JOIN categories c ON c.id = k.id",
);
static CATEGORY_BODIES: Statement = Statement::new(
    "WITH k (id) AS (VALUES",
    1,
    ") SELECT t.id, t.body FROM k JOIN categories t ON t.id = k.id WHERE t.deleted_at IS NULL",
);
static PUT_CATEGORIES: Statement = Statement::new(
    "INSERT INTO categories (id, code, parent_id, body, hash, version, updated_at) VALUES",
    7,
    "ON CONFLICT (id) DO UPDATE SET parent_id = excluded.parent_id, body = excluded.body,
       hash = excluded.hash, version = excluded.version, updated_at = excluded.updated_at,
       deleted_at = NULL",
);
static FIND_GTINS: Statement = Statement::new(
    "WITH k (gtin) AS (VALUES",
    1,
    ") SELECT p.gtin, p.sku FROM k JOIN products p ON p.gtin = k.gtin WHERE p.deleted_at IS NULL",
);

impl Resource for Product {
    const KIND: &'static str = "product";
    const CODE_FIELD: &'static str = "sku";
    const UNKNOWN: &'static str = "unknown_product";

    fn statements() -> Statements {
        const DELETE: &str = "UPDATE products SET deleted_at = $1, updated_at = $1, version = $2, \
             body = COALESCE($4, body) WHERE id = $3";
        Statements {
            find: &FIND_PRODUCTS,
            bodies: &PRODUCT_BODIES,
            upsert: &PUT_PRODUCTS,
            delete: DELETE,
        }
    }

    fn id_of(code: &str) -> String {
        ProductId::derived(code).to_string()
    }

    fn code(&self) -> &str {
        &self.sku
    }

    fn document(&self) -> &Document {
        &self.document
    }

    fn cells(&self) -> Vec<Cell<'_>> {
        let categories: Vec<String> = self.category_ids.iter().map(ToString::to_string).collect();
        vec![
            self.id.to_string().into(),
            self.sku.as_str().into(),
            self.gtin.map(column).into(),
            self.brand_id.map(|id| id.to_string()).into(),
            categories.join(" ").into(),
            self.item_group_id.as_deref().into(),
            self.status.as_str().into(),
            self.sold_by_weight.into(),
        ]
    }
}

impl Resource for Category {
    const KIND: &'static str = "category";
    const CODE_FIELD: &'static str = "code";
    const UNKNOWN: &'static str = "unknown_category";

    fn statements() -> Statements {
        const DELETE: &str = "UPDATE categories SET deleted_at = $1, updated_at = $1, version = $2, \
             body = COALESCE($4, body) WHERE id = $3";
        Statements {
            find: &FIND_CATEGORIES,
            bodies: &CATEGORY_BODIES,
            upsert: &PUT_CATEGORIES,
            delete: DELETE,
        }
    }

    fn id_of(code: &str) -> String {
        CategoryId::derived(code).to_string()
    }

    fn code(&self) -> &str {
        &self.code
    }

    fn document(&self) -> &Document {
        &self.document
    }

    fn cells(&self) -> Vec<Cell<'_>> {
        let parent = self.parent_id.map(|id| id.to_string());
        vec![Self::id_of(&self.code).into(), self.code.as_str().into(), parent.into()]
    }
}

/// A GTIN as its column holds it: at most 14 digits, so it fits.
fn column(gtin: Gtin) -> i64 {
    gtin.number() as i64
}

/// Stores a batch of lines about products; a GTIN that another product has is refused.
pub async fn put_products(
    tx: &mut Tx,
    lines: &[Line<Product>],
    now: Micros,
) -> Result<Vec<Fate>, StoreError> {
    let mut fates = vec![Fate::Unchanged; lines.len()];
    refuse_taken_gtins(tx, lines, &mut fates).await?;
    document::put(tx, lines, &mut fates, now).await?;
    Ok(fates)
}

/// Stores a batch of lines about categories; one that would stand above itself is refused.
pub async fn put_categories(
    tx: &mut Tx,
    lines: &[Line<Category>],
    now: Micros,
) -> Result<Vec<Fate>, StoreError> {
    let mut fates = vec![Fate::Unchanged; lines.len()];
    loops::refuse(tx, lines, &mut fates).await?;
    document::put(tx, lines, &mut fates, now).await?;
    Ok(fates)
}

/// Stores a batch of lines about stores.
pub async fn put_documents<T: Resource>(
    tx: &mut Tx,
    lines: &[Line<T>],
    now: Micros,
) -> Result<Vec<Fate>, StoreError> {
    let mut fates = vec![Fate::Unchanged; lines.len()];
    document::put(tx, lines, &mut fates, now).await?;
    Ok(fates)
}

async fn refuse_taken_gtins(
    tx: &mut Tx,
    lines: &[Line<Product>],
    fates: &mut [Fate],
) -> Result<(), StoreError> {
    let wanted: HashSet<Gtin> = lines.iter().filter_map(gtin_of).collect();
    let keys: Vec<Cell<'_>> = wanted.into_iter().map(|gtin| column(gtin).into()).collect();
    let stored: Vec<(i64, String)> = bulk::lookup(tx, &FIND_GTINS, &keys).await?;
    // A product whose line is refused keeps its GTIN, which refuses who else was to have it.
    while refuse_taken(lines, &stored, fates) {}
    Ok(())
}

fn gtin_of(line: &Line<Product>) -> Option<Gtin> {
    match line {
        Line::Put(product) => product.gtin,
        Line::Delete(_) => None,
    }
}

/// Refuses the lines whose GTIN is another product's once those that are not refused are stored; whether
/// there were any.
fn refuse_taken(lines: &[Line<Product>], stored: &[(i64, String)], fates: &mut [Fate]) -> bool {
    let is_refused = |fate: &Fate| matches!(fate, Fate::Refused(_));
    let standing = lines.iter().zip(&*fates).filter(|(_, fate)| !is_refused(fate));
    // The last line about a product says which GTIN it has after this batch.
    let after: HashMap<&str, Option<i64>> =
        standing.map(|(line, _)| (line.code(), gtin_of(line).map(column))).collect();
    let keeps = |gtin: i64, sku: &str| after.get(sku).is_none_or(|after| *after == Some(gtin));
    let owners = stored.iter().map(|(gtin, sku)| (*gtin, sku.as_str()));
    let mut owners: HashMap<i64, &str> = owners.filter(|(gtin, sku)| keeps(*gtin, sku)).collect();
    let mut any = false;
    for (line, fate) in lines.iter().zip(fates) {
        let (Some(gtin), false) = (gtin_of(line), is_refused(fate)) else { continue };
        let owner = *owners.entry(column(gtin)).or_insert(line.code());
        if owner != line.code() {
            let message = format!(
                "is the GTIN of sku {owner} already; correct one of the two, or delete that product"
            );
            *fate = Fate::Refused(Fault::new("gtin", &gtin.to_string(), "duplicate_gtin", message));
            any = true;
        }
    }
    any
}

/// Adds the products that exist to `known`.
pub async fn know_products(db: &Db, known: &mut Known) -> Result<(), StoreError> {
    const ALL: &str = "SELECT id, gtin FROM products WHERE deleted_at IS NULL";
    let rows: Vec<(String, Option<i64>)> = on_db!(db, c => sqlx::query_as(ALL).fetch_all(c).await)?;
    for (id, gtin) in rows {
        let id: ProductId = id.parse().map_err(|e| StoreError::corrupt("products", e))?;
        known.products.insert(id);
        let gtin = gtin.and_then(|number| Gtin::from_number(number.unsigned_abs()));
        if let Some(gtin) = gtin {
            known.gtins.insert(gtin, id);
        }
    }
    Ok(())
}
