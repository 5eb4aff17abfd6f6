//! Writing stock levels.

pub mod forget;
pub mod newest;
pub mod read;

use super::model::{Availability, Level, LevelKey};
use super::told::Unsaid;
use crate::catalog::fault::Fate;
use crate::kernel::Micros;
use crate::kernel::word::Word as _;
use crate::storage::bulk::{self, Cell, Statement};
use crate::storage::changes::{self, Change};
use crate::storage::{Log, StoreError, Tx, advance};
use hashbrown::HashMap;
use newest::{Fresh, Group, Held, groups, in_order, newest};

static FIND: Statement = Statement::new(
    "WITH k (product_id, store_id) AS (VALUES",
    2,
    ") SELECT l.product_id, l.store_id, l.availability, l.quantity, l.as_of, l.source, l.detail
       FROM k JOIN stock_levels l ON l.product_id = k.product_id AND l.store_id = k.store_id",
);
// A concurrent writer may have stored a newer level since the look-up: the condition keeps it.
static PUT: Statement = Statement::new(
    "INSERT INTO stock_levels (product_id, store_id, availability, quantity, as_of, received_at,
       source, detail, seq) VALUES",
    9,
    "ON CONFLICT (product_id, store_id) DO UPDATE SET availability = excluded.availability,
       quantity = excluded.quantity, as_of = excluded.as_of, received_at = excluded.received_at,
       source = excluded.source, detail = excluded.detail, seq = excluded.seq
       WHERE excluded.as_of >= stock_levels.as_of",
);

#[derive(Debug, sqlx::FromRow)]
struct Stored {
    product_id: String,
    store_id: String,
    availability: String,
    quantity: Option<i64>,
    as_of: i64,
    source: String,
    detail: String,
}

impl Stored {
    fn key(&self) -> Result<LevelKey, StoreError> {
        let corrupt = |error| StoreError::corrupt("stock_levels", error);
        Ok(LevelKey {
            product: self.product_id.parse().map_err(corrupt)?,
            store: self.store_id.parse().map_err(corrupt)?,
        })
    }

    fn held(&self) -> Result<Held<'_>, StoreError> {
        let corrupt = |error| StoreError::corrupt("stock_levels", error);
        Ok(Held {
            availability: self.availability.parse().map_err(corrupt)?,
            quantity: self.quantity,
            as_of: Micros(self.as_of),
            source: &self.source,
            detail: &self.detail,
        })
    }
}

/// Keeps all others from writing levels until the end of the transaction; the position of the stock
/// log, up to which all that is stored can be seen from here on.
pub async fn hold(tx: &mut Tx) -> Result<i64, StoreError> {
    advance(tx, Log::Stock, 0).await
}

/// Stores a batch of levels: the newest holds, and of equally new ones the last. What is written
/// gets one position of the stock log; the change log tells of first levels, and of those of which something else than
/// the count has changed.
pub async fn put_levels(
    tx: &mut Tx,
    levels: &[Level],
    unsaid: Unsaid,
    now: Micros,
) -> Result<Vec<Fate>, StoreError> {
    let mut fates = vec![Fate::Unchanged; levels.len()];
    let order = in_order(levels);
    let asked: Vec<Group<'_>> = groups(&order).collect();
    hold(tx).await?;
    let fresh = what_changes(tx, levels, &asked, unsaid).await?;
    for fresh in &fresh {
        fates[fresh.at] = Fate::Written;
    }
    write_levels(tx, &fresh, now).await?;
    Ok(fates)
}

/// What is to be stored after the lines of some groups, over what is stored. Call it behind [`hold`]: what
/// another writes in between would not be seen, and its turn would be lost.
pub async fn what_changes<'a>(
    tx: &mut Tx,
    levels: &'a [Level],
    asked: &[Group<'_>],
    unsaid: Unsaid,
) -> Result<Vec<Fresh<'a>>, StoreError> {
    let wanted = asked.iter().filter_map(|group| group.first());
    let names: Vec<[String; 2]> = wanted.map(|(key, _)| texts(*key)).collect();
    let keys: Vec<Cell<'_>> = names.iter().flatten().map(|name| name.as_str().into()).collect();
    let rows: Vec<Stored> = bulk::lookup(tx, &FIND, &keys).await?;
    let stored: HashMap<LevelKey, Stored> =
        rows.into_iter().map(|row| Ok((row.key()?, row))).collect::<Result<_, StoreError>>()?;
    let mut changing = Vec::new();
    for group in asked {
        let held = group.first().and_then(|(key, _)| stored.get(key));
        let held = held.map(Stored::held).transpose()?;
        changing.extend(newest(held, levels, group, unsaid)?);
    }
    Ok(changing)
}

/// Writes levels, each of another product and store. Returns their position in the stock log, or none
/// where there was nothing to write.
pub async fn write_levels(
    tx: &mut Tx,
    levels: &[Fresh<'_>],
    now: Micros,
) -> Result<Option<i64>, StoreError> {
    if levels.is_empty() {
        return Ok(None);
    }
    let seq = advance(tx, Log::Stock, 1).await?;
    let names: Vec<[String; 2]> = levels.iter().map(|fresh| texts(fresh.level.key)).collect();
    let mut cells = Vec::with_capacity(9 * levels.len());
    let mut turned = Vec::new();
    for (fresh, names) in levels.iter().zip(&names) {
        cells.extend(row(fresh, names, seq, now));
        turned.extend(turn(fresh, names, seq));
    }
    bulk::write(tx, &PUT, &cells).await?;
    changes::append(tx, &turned, now).await?;
    Ok(Some(seq))
}

fn texts(key: LevelKey) -> [String; 2] {
    [key.product.to_string(), key.store.to_string()]
}

fn row<'a>(fresh: &'a Fresh<'_>, names: &'a [String; 2], seq: i64, now: Micros) -> [Cell<'a>; 9] {
    let level = fresh.level;
    [
        names[0].as_str().into(),
        names[1].as_str().into(),
        level.availability.as_str().into(),
        level.quantity.into(),
        fresh.as_of.0.into(),
        now.0.into(),
        level.source.into(),
        fresh.detail.as_str().into(),
        seq.into(),
    ]
}

/// The entry for a first level, for an availability that turned, or for what is told beside the count.
fn turn(fresh: &Fresh<'_>, names: &[String; 2], seq: i64) -> Option<Change> {
    let now = fresh.level.availability;
    let sold = matches!(now, Availability::InStock | Availability::LowStock);
    let reason = match fresh.before {
        None => "created",
        Some(before) if before == now && !fresh.otherwise => return None,
        Some(before) if before == now => "updated",
        Some(Availability::OutOfStock) if sold => "back_in_stock",
        Some(_) => "availability_changed",
    };
    Some(Change {
        kind: "stock",
        id: format!("{}/{}", names[0], names[1]),
        deleted: false,
        reason,
        version: seq,
    })
}
