//! Prices that turn by themselves, because a sale begins or ends: noted in the history and told in the change
//! log, each once, whichever node sees it first.

use super::stored::sale_of;
use crate::catalog::offers::Sale;
use crate::catalog::offers::priced;
use crate::kernel::{Amount, Micros};
use crate::storage::changes::{self, Change};
use crate::storage::{Db, StoreError, Tx};
use crate::{on_db, on_tx};

/// Offers that are told in one transaction.
const BATCH: i64 = 500;

/// An offer of which the price has turned.
#[derive(Debug, sqlx::FromRow)]
struct Due {
    product_id: String,
    store_id: String,
    channel: String,
    currency: String,
    price: i64,
    list_price: Option<i64>,
    sale: Option<String>,
    turns_at: i64,
    version: i64,
}

/// Tells some of the offers of which the price has turned; whether there may be more.
pub async fn tell(db: &Db, now: Micros) -> Result<bool, StoreError> {
    const DUE: &str = "SELECT product_id, store_id, channel, currency, price, list_price, sale,
        turns_at, version FROM offers WHERE turns_at <= $1 AND deleted_at IS NULL
        ORDER BY turns_at LIMIT $2";
    let mut due: Vec<Due> =
        on_db!(db, c => sqlx::query_as(DUE).bind(now.0).bind(BATCH).fetch_all(c).await)?;
    if due.is_empty() {
        return Ok(false);
    }
    // The order in which all writers of offers take their rows.
    due.sort_unstable_by(|a, b| {
        (&a.product_id, &a.store_id, &a.channel).cmp(&(&b.product_id, &b.store_id, &b.channel))
    });
    let mut tx = db.begin().await?;
    let mut told = Vec::with_capacity(due.len());
    for offer in &due {
        if turn(&mut tx, offer, now).await? {
            let Due { product_id, store_id, channel, version, .. } = offer;
            told.push(Change {
                kind: "offer",
                id: format!("{product_id}/{store_id}/{channel}"),
                deleted: false,
                reason: "price_changed",
                version: version + 1,
            });
        }
    }
    changes::append(&mut tx, &told, now).await?;
    tx.commit().await?;
    Ok(due.len() as i64 == BATCH)
}

/// Notes the prices of an offer since its turn, unless another node has or the offer is another by now.
async fn turn(tx: &mut Tx, offer: &Due, now: Micros) -> Result<bool, StoreError> {
    const MARK: &str = "UPDATE offers SET turns_at = $1, version = version + 1, updated_at = $2
        WHERE product_id = $3 AND store_id = $4 AND channel = $5 AND version = $6
          AND turns_at = $7 AND deleted_at IS NULL";
    const REMEMBER: &str = "INSERT INTO price_history
        (product_id, store_id, channel, since, currency, price, list_price)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (product_id, store_id, channel, since) DO UPDATE SET
          currency = excluded.currency, price = excluded.price, list_price = excluded.list_price";
    let sale = sale_of(offer.sale.as_deref())?;
    let next = sale.and_then(|sale| sale.turns_after(now));
    let marked = on_tx!(&mut *tx, c => {
        sqlx::query(MARK)
            .bind(next.map(|at| at.0))
            .bind(now.0)
            .bind(&offer.product_id)
            .bind(&offer.store_id)
            .bind(&offer.channel)
            .bind(offer.version)
            .bind(offer.turns_at)
            .execute(c)
            .await?
            .rows_affected()
    });
    if marked == 0 {
        return Ok(false);
    }
    let turns = sale.iter().flat_map(Sale::turns);
    for at in turns.filter(|at| offer.turns_at <= at.0 && *at <= now) {
        let list_price = offer.list_price.map(Amount);
        let (price, list_price) = priced(Amount(offer.price), list_price, sale.as_ref(), at);
        on_tx!(&mut *tx, c => {
            sqlx::query(REMEMBER)
                .bind(&offer.product_id)
                .bind(&offer.store_id)
                .bind(&offer.channel)
                .bind(at.0)
                .bind(&offer.currency)
                .bind(price.0)
                .bind(list_price.map(|amount| amount.0))
                .execute(c)
                .await?;
        });
    }
    Ok(true)
}
