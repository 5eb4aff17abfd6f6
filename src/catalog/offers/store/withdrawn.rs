//! Withdrawing offers that a full feed names no more, or whose product or store is gone.

use crate::kernel::Micros;
use crate::on_tx;
use crate::storage::bulk::{self, Cell, Statement};
use crate::storage::changes::{self, Change};
use crate::storage::{StoreError, Tx};

static FIND: Statement = Statement::new(
    "WITH k (product_id, store_id, channel) AS (VALUES",
    3,
    ") SELECT o.product_id, o.store_id, o.channel, o.version, o.price_type <> 'personal'
       FROM k JOIN offers o ON o.product_id = k.product_id AND o.store_id = k.store_id
         AND o.channel = k.channel
       WHERE o.deleted_at IS NULL",
);
static FIND_BY_PRODUCT: Statement = Statement::new(
    "WITH k (product_id) AS (VALUES",
    1,
    ") SELECT o.product_id, o.store_id, o.channel, o.version, o.price_type <> 'personal'
       FROM k JOIN offers o ON o.product_id = k.product_id WHERE o.deleted_at IS NULL",
);

/// Product, store, channel and version of an offer that is there, and whether partners are told of it.
type Live = (String, String, String, i64, bool);

/// Withdraws the offers of these products, stores and channels, which were no more at `until`; how many there were.
pub async fn remove(
    tx: &mut Tx,
    keys: &[[&str; 3]],
    until: Micros,
    (reason, now): (&'static str, Micros),
) -> Result<u64, StoreError> {
    let cells: Vec<Cell<'_>> = keys.iter().flatten().map(|part| (*part).into()).collect();
    let live = bulk::lookup(tx, &FIND, &cells).await?;
    withdraw(tx, live, until, (reason, now)).await
}

/// Withdraws every offer of these products; how many there were.
pub async fn remove_of_products(
    tx: &mut Tx,
    products: &[String],
    now: Micros,
) -> Result<u64, StoreError> {
    let cells: Vec<Cell<'_>> = products.iter().map(|id| id.as_str().into()).collect();
    let live = bulk::lookup(tx, &FIND_BY_PRODUCT, &cells).await?;
    withdraw(tx, live, Micros(i64::MIN), ("product_deleted", now)).await
}

/// Withdraws every offer of a store, which may be as many as it has goods; how many there were.
pub async fn remove_of_store(tx: &mut Tx, store: &str, now: Micros) -> Result<u64, StoreError> {
    const WITHDRAW: &str = "UPDATE offers SET deleted_at = $1, updated_at = $1,
        version = version + 1 WHERE store_id = $2 AND deleted_at IS NULL
        RETURNING product_id, channel, version, price_type <> 'personal'";
    let mut gone: Vec<(String, String, i64, bool)> = on_tx!(&mut *tx, c => {
        sqlx::query_as(WITHDRAW).bind(now.0).bind(store).fetch_all(c).await?
    });
    gone.sort_unstable();
    let count = gone.len() as u64;
    let told = gone.into_iter().filter(|(.., is_told)| *is_told);
    let change = |(product, channel, version, _)| Change {
        kind: "offer",
        id: format!("{product}/{store}/{channel}"),
        deleted: true,
        reason: "store_deleted",
        version,
    };
    let changes: Vec<Change> = told.map(change).collect();
    changes::append(tx, &changes, now).await?;
    Ok(count)
}

/// The instant of the price stays, unless the offer was no more at a later one: a row that names it again with the same
/// instant holds, and one from before does not.
async fn withdraw(
    tx: &mut Tx,
    mut live: Vec<Live>,
    until: Micros,
    (reason, now): (&'static str, Micros),
) -> Result<u64, StoreError> {
    const WITHDRAW: &str = "UPDATE offers SET deleted_at = $1, updated_at = $1, version = $2,
            as_of = CASE WHEN as_of < $6 THEN $6 ELSE as_of END
        WHERE product_id = $3 AND store_id = $4 AND channel = $5";
    live.sort_unstable();
    let count = live.len() as u64;
    let mut changes = Vec::with_capacity(live.len());
    for (product, store, channel, version, is_told) in live {
        let version = version + 1;
        on_tx!(tx, c => {
            sqlx::query(WITHDRAW)
                .bind(now.0)
                .bind(version)
                .bind(&product)
                .bind(&store)
                .bind(&channel)
                .bind(until.0)
                .execute(c)
                .await?;
        });
        if is_told {
            let id = format!("{product}/{store}/{channel}");
            changes.push(Change { kind: "offer", id, deleted: true, reason, version });
        }
    }
    changes::append(tx, &changes, now).await?;
    Ok(count)
}
