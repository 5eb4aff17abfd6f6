//! Prices that turn by themselves, because a sale begins or ends: noted in the history and told in the change
//! log, each once, whichever node sees it first.

use super::OFFERS;
use super::history::{REMEMBER, row};
use super::stored::sale_of;
use crate::catalog::offers::priced;
use crate::kernel::{Amount, Clock, Micros};
use crate::storage::bulk::{self, Cell, Statement};
use crate::storage::changes::{self, Change};
use crate::storage::{Db, StoreError, one_at_a_time};
use crate::{on_db, on_tx};

/// Offers that are told in one transaction.
const BATCH: i64 = 500;

// What the feed has told is the same, so `updated_at` stays: a full file that is being imported still knows
// that nobody has named the offer since it began.
static MARK: Statement = Statement::new(
    "WITH k (product_id, store_id, channel, next, told) AS (VALUES",
    5,
    ") UPDATE offers SET turns_at = k.next, version = offers.version + k.told FROM k
       WHERE offers.product_id = k.product_id AND offers.store_id = k.store_id
         AND offers.channel = k.channel",
);

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
    valid_from: Option<i64>,
    valid_through: Option<i64>,
}

/// Tells some of the offers of which the price has turned; whether there may be more.
pub async fn tell(db: &Db, clock: &Clock) -> Result<bool, StoreError> {
    const ANY: &str = "SELECT 1 FROM offers WHERE turns_at <= $1 AND deleted_at IS NULL ORDER BY turns_at LIMIT 1";
    const DUE: &str = "SELECT product_id, store_id, channel, currency, price, list_price, sale,
        turns_at, version, valid_from, valid_through FROM offers WHERE turns_at <= $1 AND deleted_at IS NULL
        ORDER BY turns_at LIMIT $2";
    let now = clock.now();
    let any = on_db!(db, c => sqlx::query(ANY).bind(now.0).fetch_optional(c).await?.is_some());
    if !any {
        return Ok(false);
    }
    let mut tx = db.begin().await?;
    one_at_a_time(&mut tx, OFFERS).await?;
    let now = clock.now();
    let due: Vec<Due> = on_tx!(&mut tx, c => {
        sqlx::query_as(DUE).bind(now.0).bind(BATCH).fetch_all(c).await?
    });
    let (mut marks, mut history, mut changes) = (Vec::new(), Vec::new(), Vec::new());
    for offer in &due {
        let sale = sale_of(offer.sale.as_deref())?;
        marks.extend(offer.key().map(Cell::from));
        marks.push(sale.and_then(|sale| sale.turns_after(now)).map(|at| at.0).into());
        let span = (offer.valid_from.map(Micros), offer.valid_through.map(Micros));
        let turns = sale.iter().flat_map(|sale| sale.turns_within(span));
        let turns: Vec<_> = turns.filter(|at| offer.turns_at <= at.0 && *at <= now).collect();
        // Of an offer that was not there at any of them, no price has changed.
        marks.push(i64::from(!turns.is_empty()).into());
        changes.extend((!turns.is_empty()).then(|| offer.change()));
        for at in turns {
            let list_price = offer.list_price.map(Amount);
            let (price, list_price) = priced(Amount(offer.price), list_price, sale.as_ref(), at);
            history.extend(row(offer.key(), at, (&offer.currency, price, list_price)));
        }
    }
    bulk::write(&mut tx, &MARK, &marks).await?;
    bulk::write(&mut tx, &REMEMBER, &history).await?;
    changes::append(&mut tx, &changes, now).await?;
    tx.commit().await?;
    Ok(due.len() as i64 == BATCH)
}

impl Due {
    fn key(&self) -> [&str; 3] {
        [&self.product_id, &self.store_id, &self.channel]
    }

    fn change(&self) -> Change {
        Change {
            kind: "offer",
            id: self.key().join("/"),
            deleted: false,
            reason: "price_changed",
            version: self.version + 1,
        }
    }
}
