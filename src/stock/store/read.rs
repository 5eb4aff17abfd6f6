//! Stock levels as stored, for the view.

use crate::kernel::Micros;
use crate::on_db;
use crate::stock::view::LevelRecord;
use crate::storage::fetch::in_batches;
use crate::storage::{Db, StoreError, parsed};
use sqlx::FromRow;

macro_rules! levels {
    ($rest:literal) => {
        concat!(
            "SELECT product_id, store_id, availability, quantity, as_of, received_at, source, \
             detail, seq FROM stock_levels",
            $rest
        )
    };
}

const TABLE: &str = "stock_levels";

#[derive(Debug, FromRow)]
struct Columns {
    product_id: String,
    store_id: String,
    availability: String,
    quantity: Option<i64>,
    as_of: i64,
    received_at: i64,
    source: String,
    detail: String,
    seq: i64,
}

impl Columns {
    fn read(self) -> Result<LevelRecord, StoreError> {
        Ok(LevelRecord {
            product: parsed(TABLE, &self.product_id)?,
            store: parsed(TABLE, &self.store_id)?,
            availability: parsed(TABLE, &self.availability)?,
            quantity: self.quantity,
            as_of: Micros(self.as_of),
            received_at: Micros(self.received_at),
            source: self.source,
            detail: self.detail,
        })
    }
}

/// Every level.
pub async fn all(db: &Db, take: impl FnMut(Vec<LevelRecord>)) -> Result<(), StoreError> {
    in_batches(db, levels!(""), Columns::read, take).await
}

/// The levels behind a position and the position they reach. A position can stand for a whole
/// batch of levels, so the last one is taken whole: `most` may be exceeded, never a level missed.
pub async fn after(
    db: &Db,
    position: i64,
    most: i64,
) -> Result<(Vec<LevelRecord>, i64), StoreError> {
    const AFTER: &str = levels!(
        " WHERE seq > $1 AND seq <= (SELECT MAX(seq) FROM (SELECT seq FROM stock_levels \
         WHERE seq > $1 ORDER BY seq LIMIT $2) AS page) ORDER BY seq"
    );
    let rows: Vec<Columns> = on_db!(db, c => {
        sqlx::query_as(AFTER).bind(position).bind(most).fetch_all(c).await
    })?;
    let reached = rows.last().map_or(position, |row| row.seq);
    let levels = rows.into_iter().map(Columns::read).collect::<Result<_, _>>()?;
    Ok((levels, reached))
}
