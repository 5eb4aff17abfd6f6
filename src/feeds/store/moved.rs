//! What plans that include some products alone must hear of beside the changes themselves: that a product has
//! another brand or other categories changes what they include of its offers, its stock and the promotions on it,
//! of which nothing else has changed. Entries with the reason `moved` say so; others are not told of them.

use crate::catalog::Fate;
use crate::catalog::Line;
use crate::catalog::model::Product;
use crate::catalog::store::document::Resource as _;
use crate::kernel::Micros;
use crate::on_tx;
use crate::storage::bulk::{self, Cell, Statement};
use crate::storage::changes::{self, Change, MOVED};
use crate::storage::{StoreError, Tx};
use hashbrown::{HashMap, HashSet};

/// Products whose offers and levels are told at a time.
const PRODUCTS: usize = 50;

static PLACES: Statement = Statement::new(
    "WITH k (id) AS (VALUES",
    1,
    ") SELECT p.id, p.deleted_at IS NOT NULL, COALESCE(p.brand_id, '') || ' ' || p.category_ids
       FROM k JOIN products p ON p.id = k.id",
);
static LIVE: Statement = Statement::new(
    "WITH k (id) AS (VALUES",
    1,
    ") SELECT p.id, p.version FROM k JOIN products p ON p.id = k.id WHERE p.deleted_at IS NULL",
);
static OFFERS: Statement = Statement::new(
    "WITH k (id) AS (VALUES",
    1,
    ") SELECT o.product_id || '/' || o.store_id || '/' || o.channel, o.version
       FROM k JOIN offers o ON o.product_id = k.id
       WHERE o.deleted_at IS NULL AND o.price_type <> 'personal'",
);
static LEVELS: Statement = Statement::new(
    "WITH k (id) AS (VALUES",
    1,
    ") SELECT l.product_id || '/' || l.store_id, l.seq
       FROM k JOIN stock_levels l ON l.product_id = k.id",
);

/// Where products stood: whether each was deleted, with its brand and its categories.
#[derive(Debug)]
pub(in crate::feeds) struct Places(HashMap<String, (bool, String)>);

/// Products that plans may include from now on, or no longer.
#[derive(Debug, Default)]
pub(in crate::feeds) struct Turned {
    /// Those that have another brand or other categories.
    moved: Vec<String>,
    /// Those that are there again, with levels from before.
    back: Vec<String>,
    /// Those that came or went.
    others: Vec<String>,
}

/// Where the products of some lines stand.
pub(in crate::feeds) async fn places(
    tx: &mut Tx,
    lines: &[Line<Product>],
) -> Result<Places, StoreError> {
    let ids: HashSet<String> = lines.iter().map(|line| Product::id_of(line.code())).collect();
    let keys: Vec<Cell<'_>> = ids.iter().map(|id| id.as_str().into()).collect();
    let rows: Vec<(String, bool, String)> = bulk::lookup(tx, &PLACES, &keys).await?;
    Ok(Places(rows.into_iter().map(|(id, deleted, place)| (id, (deleted, place))).collect()))
}

impl Places {
    /// What has turned with the lines that were written.
    pub(in crate::feeds) fn turned(self, lines: &[Line<Product>], fates: &[Fate]) -> Turned {
        let mut turned = Turned::default();
        let written = lines.iter().zip(fates).filter(|(_, fate)| matches!(fate, Fate::Written));
        for (line, _) in written {
            let id = Product::id_of(line.code());
            match (line, self.0.get(&id)) {
                (Line::Delete(_), _) | (_, None) => turned.others.push(id),
                (_, Some((true, _))) => turned.back.push(id),
                (Line::Put(product), Some((false, before))) if *before != place(product) => {
                    turned.moved.push(id);
                }
                _ => {}
            }
        }
        turned
    }
}

/// Brand and categories as the columns hold them.
fn place(product: &Product) -> String {
    let brand = product.brand_id.map(|id| id.to_string()).unwrap_or_default();
    let categories: Vec<String> = product.category_ids.iter().map(ToString::to_string).collect();
    format!("{brand} {}", categories.join(" "))
}

/// The same where products went that nothing names any more.
pub(in crate::feeds) fn gone(ids: &[String]) -> Turned {
    Turned { others: ids.to_vec(), ..Turned::default() }
}

/// Tells what plans may include from now on, or no longer.
pub(in crate::feeds) async fn tell(
    tx: &mut Tx,
    turned: &Turned,
    now: Micros,
) -> Result<(), StoreError> {
    for ids in turned.moved.chunks(PRODUCTS) {
        tell_of(tx, ("product", &LIVE), ids, now).await?;
        tell_of(tx, ("offer", &OFFERS), ids, now).await?;
        tell_of(tx, ("stock", &LEVELS), ids, now).await?;
    }
    for ids in turned.back.chunks(PRODUCTS) {
        tell_of(tx, ("stock", &LEVELS), ids, now).await?;
    }
    tell_promotions(tx, turned, now).await
}

async fn tell_of(
    tx: &mut Tx,
    (kind, found): (&'static str, &'static Statement),
    products: &[String],
    now: Micros,
) -> Result<(), StoreError> {
    let keys: Vec<Cell<'_>> = products.iter().map(|id| id.as_str().into()).collect();
    let mut rows: Vec<(String, i64)> = bulk::lookup(tx, found, &keys).await?;
    rows.sort_unstable();
    let changes: Vec<Change> = rows.into_iter().map(|row| moved(kind, row)).collect();
    changes::append(tx, &changes, now).await
}

fn moved(kind: &'static str, (id, version): (String, i64)) -> Change {
    Change { kind, id, deleted: false, reason: MOVED, version }
}

/// Tells the promotions that name one of the products.
async fn tell_promotions(tx: &mut Tx, turned: &Turned, now: Micros) -> Result<(), StoreError> {
    const ON_PRODUCTS: &str = "SELECT id, version, body FROM promotions
        WHERE deleted_at IS NULL AND NOT personal AND body LIKE '%\"prd_%' ORDER BY id";
    let all = [&turned.moved, &turned.back, &turned.others];
    let ids: HashSet<&str> = all.into_iter().flatten().map(String::as_str).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let rows: Vec<(String, i64, String)> =
        on_tx!(&mut *tx, c => sqlx::query_as(ON_PRODUCTS).fetch_all(c).await?);
    let names = |body: &str| body.split('"').any(|text| ids.contains(text));
    let naming = rows.into_iter().filter(|(_, _, body)| names(body));
    let changes: Vec<Change> =
        naming.map(|(id, version, _)| moved("promotion", (id, version))).collect();
    changes::append(tx, &changes, now).await
}
