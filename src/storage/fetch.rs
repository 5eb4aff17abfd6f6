//! Reading many rows: a whole table in batches, or the rows of some ids.

use super::dialect::{POSTGRES_HOLD, ROWS_PER_STATEMENT};
use super::{Db, StoreError, Tx};
use crate::{on_db, on_tx};
use futures_util::TryStreamExt as _;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, QueryBuilder};

/// Rows handed over at a time: what a reader of the view may have to wait for.
pub const BATCH: usize = 500;

/// Columns that both engines can read.
pub trait Columns:
    for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{
}

impl<T> Columns for T where
    T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{
}

/// Streams a statement without parameters, [`BATCH`] rows at a time, through `read` to `take`.
pub async fn in_batches<C: Columns, R>(
    db: &Db,
    sql: &'static str,
    read: impl Fn(C) -> Result<R, StoreError>,
    mut take: impl FnMut(Vec<R>),
) -> Result<(), StoreError> {
    let mut batch = Vec::with_capacity(BATCH);
    on_db!(db, c => {
        let mut rows = sqlx::query_as::<_, C>(sql).fetch(c);
        while let Some(row) = rows.try_next().await? {
            batch.push(read(row)?);
            if batch.len() == BATCH {
                take(std::mem::replace(&mut batch, Vec::with_capacity(BATCH)));
            }
        }
    });
    if !batch.is_empty() {
        take(batch);
    }
    Ok(())
}

/// A statement with its list of ids, for either engine.
macro_rules! listed {
    ($select:expr, $ids:expr) => {{
        let mut query = QueryBuilder::new($select);
        let mut list = query.separated(", ");
        for id in $ids {
            list.push_bind(id);
        }
        query.push(")");
        query
    }};
}

/// The rows of some ids; `select` ends before the list, with `… IN (`.
pub async fn by_ids<C: Columns>(
    db: &Db,
    select: &'static str,
    ids: &[String],
) -> Result<Vec<C>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    Ok(on_db!(db, c => listed!(select, ids).build_query_as::<C>().fetch_all(c).await)?)
}

/// The same as a transaction sees them.
pub async fn by_ids_in<C: Columns>(
    tx: &mut Tx,
    select: &'static str,
    ids: &[String],
) -> Result<Vec<C>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    Ok(on_tx!(tx, c => listed!(select, ids).build_query_as::<C>().fetch_all(c).await)?)
}

/// The same of any number of ids, kept from others until the end of the transaction.
pub async fn hold_by_ids<C: Columns>(
    tx: &mut Tx,
    select: &'static str,
    mut ids: Vec<String>,
) -> Result<Vec<C>, StoreError> {
    ids.sort_unstable();
    let mut rows = Vec::with_capacity(ids.len());
    for ids in ids.chunks(ROWS_PER_STATEMENT) {
        rows.extend(match tx {
            Tx::Sqlite(tx) => {
                listed!(select, ids).build_query_as::<C>().fetch_all(&mut **tx).await?
            }
            Tx::Postgres(tx) => {
                let mut query = listed!(select, ids);
                query.push(POSTGRES_HOLD).build_query_as::<C>().fetch_all(&mut **tx).await?
            }
        });
    }
    Ok(rows)
}

/// Rows of any number of ids; at most `most` of each [`ROWS_PER_STATEMENT`] ids, and none more
/// once there are as many.
pub async fn by_many_ids<C: Columns>(
    db: &Db,
    select: &'static str,
    ids: &[String],
    most: usize,
) -> Result<Vec<C>, StoreError> {
    let limit = i64::try_from(most).unwrap_or(i64::MAX);
    let mut rows = Vec::new();
    for ids in ids.chunks(ROWS_PER_STATEMENT) {
        if rows.len() >= most {
            break;
        }
        let some: Vec<C> = on_db!(db, c => {
            let mut query = listed!(select, ids);
            query.push(" LIMIT ").push_bind(limit);
            query.build_query_as().fetch_all(c).await
        })?;
        rows.extend(some);
    }
    Ok(rows)
}
