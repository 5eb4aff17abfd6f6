//! Levels that nobody vouches for any more: they become unknown, which is told like any other turn.

use super::newest::Fresh;
use super::{hold, write_levels};
use crate::kernel::Micros;
use crate::kernel::word::Word as _;
use crate::on_tx;
use crate::stock::model::{Availability, FEED, Level, LevelKey};
use crate::stock::told::{FORGOTTEN, NOTHING, Told};
use crate::storage::bulk::{self, Cell, Statement};
use crate::storage::{StoreError, Tx};

static FIND: Statement = Statement::new(
    "WITH k (product_id, store_id) AS (VALUES",
    2,
    ") SELECT l.product_id, l.store_id, l.availability, l.as_of, l.received_at
       FROM k JOIN stock_levels l ON l.product_id = k.product_id AND l.store_id = k.store_id
       WHERE l.availability <> 'unknown'",
);
static FIND_BY_PRODUCT: Statement = Statement::new(
    "WITH k (product_id) AS (VALUES",
    1,
    ") SELECT l.product_id, l.store_id, l.availability, l.as_of, l.received_at
       FROM k JOIN stock_levels l ON l.product_id = k.product_id
       WHERE l.availability <> 'unknown'",
);

type Row = (String, String, String, i64, i64);

/// Makes the levels of these products and stores unknown, but for those received after `until`, of when that is so;
/// how many there were.
pub async fn forget(
    tx: &mut Tx,
    keys: &[[&str; 2]],
    until: Micros,
    now: Micros,
) -> Result<u64, StoreError> {
    let cells: Vec<Cell<'_>> = keys.iter().flatten().map(|part| (*part).into()).collect();
    // What another writes between the look and the writing would be told as unknown, and lost.
    hold(tx).await?;
    let mut rows: Vec<Row> = bulk::lookup(tx, &FIND, &cells).await?;
    rows.retain(|row| row.4 <= until.0);
    // What was told before does not come back with a file from then.
    rows.iter_mut().for_each(|row| row.3 = row.3.max(until.0));
    unknown(tx, rows, NOTHING, now).await
}

/// Makes every level of these products unknown; how many there were.
pub async fn forget_products(
    tx: &mut Tx,
    products: &[String],
    now: Micros,
) -> Result<u64, StoreError> {
    let cells: Vec<Cell<'_>> = products.iter().map(|id| id.as_str().into()).collect();
    hold(tx).await?;
    let rows = bulk::lookup(tx, &FIND_BY_PRODUCT, &cells).await?;
    unknown(tx, rows, FORGOTTEN, now).await
}

/// Makes every level of a store unknown; how many there were.
pub async fn forget_store(tx: &mut Tx, store: &str, now: Micros) -> Result<u64, StoreError> {
    const FIND: &str = "SELECT product_id, store_id, availability, as_of, received_at
        FROM stock_levels WHERE store_id = $1 AND availability <> 'unknown'";
    hold(tx).await?;
    let rows: Vec<Row> =
        on_tx!(&mut *tx, c => sqlx::query_as(FIND).bind(store).fetch_all(c).await?);
    unknown(tx, rows, FORGOTTEN, now).await
}

/// The instant of the level stays: a row that tells the level again with the same instant holds.
async fn unknown(
    tx: &mut Tx,
    mut rows: Vec<Row>,
    detail: &str,
    now: Micros,
) -> Result<u64, StoreError> {
    rows.sort_unstable();
    let mut levels = Vec::with_capacity(rows.len());
    for (product, store, before, as_of, _) in &rows {
        let corrupt = |error| StoreError::corrupt("stock_levels", error);
        let level = Level {
            key: LevelKey {
                product: product.parse().map_err(corrupt)?,
                store: store.parse().map_err(corrupt)?,
            },
            availability: Availability::Unknown,
            quantity: None,
            as_of: Micros(*as_of),
            again: None,
            source: FEED,
            told: Told::nothing(),
        };
        levels.push((level, Availability::of(before)));
    }
    let fresh = levels.iter().enumerate().map(|(at, (level, before))| {
        let detail = detail.to_owned();
        Fresh { at, level, as_of: level.as_of, detail, before: *before, otherwise: true }
    });
    let levels: Vec<Fresh<'_>> = fresh.collect();
    write_levels(tx, &levels, now).await?;
    Ok(levels.len() as u64)
}
