//! The history of prices: what an offer has asked since when, sales included.

use super::stored::Stored;
use crate::catalog::offers::{Offer, OfferKey, Terms};
use crate::kernel::word::Word as _;
use crate::kernel::{Amount, Micros};
use crate::on_tx;
use crate::storage::bulk::{self, Cell, Statement};
use crate::storage::{StoreError, Tx};
use hashbrown::HashMap;

pub(super) static REMEMBER: Statement = Statement::new(
    "INSERT INTO price_history (product_id, store_id, channel, since, currency, price, list_price)
       VALUES",
    7,
    "ON CONFLICT (product_id, store_id, channel, since) DO UPDATE SET
       currency = excluded.currency, price = excluded.price, list_price = excluded.list_price,
       ends_at = NULL",
);

// What is noted of prices behind it was never asked.
static TAKE_OUT: Statement = Statement::new(
    "WITH k (product_id, store_id, channel, ended) AS (VALUES",
    4,
    ") DELETE FROM price_history WHERE (product_id, store_id, channel, since) IN (
       SELECT h.product_id, h.store_id, h.channel, h.since FROM k JOIN price_history h
         ON h.product_id = k.product_id AND h.store_id = k.store_id AND h.channel = k.channel
         AND h.since >= k.ended)",
);
// The price that held until then. An earlier end that is noted stays.
static END: Statement = Statement::new(
    "WITH k (product_id, store_id, channel, ended) AS (VALUES",
    4,
    ") UPDATE price_history SET ends_at = k.ended FROM k
       WHERE price_history.product_id = k.product_id AND price_history.store_id = k.store_id
         AND price_history.channel = k.channel
         AND price_history.since = (SELECT MAX(l.since) FROM price_history l
           WHERE l.product_id = k.product_id AND l.store_id = k.store_id
             AND l.channel = k.channel)
         AND (price_history.ends_at IS NULL OR price_history.ends_at > k.ended)",
);

static LATEST: Statement = Statement::new(
    "WITH k (product_id, store_id, channel, now) AS (VALUES",
    4,
    ") SELECT h.product_id, h.store_id, h.channel, h.currency, h.price, h.list_price
       FROM k JOIN price_history h ON h.product_id = k.product_id AND h.store_id = k.store_id
         AND h.channel = k.channel AND h.since = (SELECT MAX(l.since) FROM price_history l
           WHERE l.product_id = k.product_id AND l.store_id = k.store_id
             AND l.channel = k.channel AND l.since <= k.now)",
);

/// A price with its currency and the price that a reduction is measured from.
pub(super) type Priced<'a> = (&'a str, Amount, Option<Amount>);

/// What an offer asks, named by product, store and channel.
pub(super) type Asked<'a> = ([&'a str; 3], Priced<'a>);

/// A row of [`REMEMBER`], of an offer that is named by product, store and channel.
pub(super) fn row<'a>(
    [product, store, channel]: [&'a str; 3],
    since: Micros,
    (currency, price, list_price): Priced<'a>,
) -> [Cell<'a>; 7] {
    [
        product.into(),
        store.into(),
        channel.into(),
        since.0.into(),
        currency.into(),
        price.0.into(),
        list_price.map(|amount| amount.0).into(),
    ]
}

/// Notes the prices that offers have had in sales which began or ended before the lines of a batch came.
pub(super) async fn remember_turns(
    tx: &mut Tx,
    offers: &[Offer],
    wanted: &[(OfferKey, usize)],
    (stored, names): (&HashMap<OfferKey, Stored>, &[[String; 2]]),
    now: Micros,
) -> Result<(), StoreError> {
    let mut rows = Vec::new();
    for ((key, at), [product, store]) in wanted.iter().zip(names) {
        let Some(before) = stored.get(key) else { continue };
        for turn in before.missed(offers[*at].as_of, now) {
            rows.extend(row([product, store, key.channel.as_str()], turn, before.at(turn)));
        }
    }
    bulk::write(tx, &REMEMBER, &rows).await
}

/// An offer that is named by product, store and channel, and an instant.
pub(super) fn dated([product, store, channel]: [&str; 3], at: Micros) -> [Cell<'_>; 4] {
    [product.into(), store.into(), channel.into(), at.0.into()]
}

/// Notes until when the prices of offers were asked that had ended before the lines of a batch, and takes out those that
/// never came to be asked.
pub(super) async fn remember_ends(
    tx: &mut Tx,
    offers: &[Offer],
    wanted: &[(OfferKey, usize)],
    (stored, names): (&HashMap<OfferKey, Stored>, &[[String; 2]]),
) -> Result<(), StoreError> {
    let mut rows: Vec<Cell<'_>> = Vec::new();
    for ((key, at), [product, store]) in wanted.iter().zip(names) {
        let (Some(before), offer) = (stored.get(key), &offers[*at]) else { continue };
        if let Some(since) = before.not_begun(offer) {
            forget(tx, *key, since).await?;
        } else if let Some(ended) = before.ended_before(offer.as_of) {
            rows.extend(dated([product, store, key.channel.as_str()], ended));
        }
    }
    end(tx, &rows).await
}

/// Notes until when prices were asked, each named by [`dated`].
pub(super) async fn end(tx: &mut Tx, rows: &[Cell<'_>]) -> Result<(), StoreError> {
    bulk::write(tx, &TAKE_OUT, rows).await?;
    bulk::write(tx, &END, rows).await
}

/// The rows that a line adds: from its instant on, or when it begins, where the history says otherwise, and at the turns
/// of its sale that have passed since.
pub(super) fn rows<'a>(
    (offer, terms): (&Offer, &'a Terms),
    names: &'a [String; 2],
    before: Option<&Stored>,
    now: Micros,
) -> Vec<Cell<'a>> {
    let [product, store] = names;
    let as_of = offer.as_of;
    // What was withdrawn and is told again as it was is asked again from now on.
    let is_back = before.is_some_and(|before| before.is_gone_since(as_of));
    let since = terms.begins(if is_back { now } else { as_of });
    let is_ever = terms.valid_through.is_none_or(|through| since <= through);
    let goes_on = |before: &Stored| {
        since == as_of && before.is_asked(as_of) && before.noted_at(as_of, now) == terms.at(as_of)
    };
    let is_new = is_ever && !before.is_some_and(goes_on);
    let span = (terms.valid_from, terms.valid_through);
    let turns = terms.sale.iter().flat_map(|sale| sale.turns_within(span));
    let passed = turns.filter(|turn| since < *turn && *turn <= now);
    let instants = is_new.then_some(since).into_iter().chain(passed);
    let key = [product.as_str(), store.as_str(), offer.key.channel.as_str()];
    instants.flat_map(|at| row(key, at, terms.at(at))).collect()
}

/// Notes what is asked from now on where the history ends otherwise: prices of a sale stay in it behind the
/// instant of a line that tells of no sale any more.
pub(super) async fn settle(
    tx: &mut Tx,
    asked: &[Asked<'_>],
    now: Micros,
) -> Result<(), StoreError> {
    type Latest = (String, String, String, String, i64, Option<i64>);
    let mut keys = Vec::with_capacity(4 * asked.len());
    for (key, _) in asked {
        keys.extend(key.map(Cell::from));
        keys.push(now.0.into());
    }
    let latest: Vec<Latest> = bulk::lookup(tx, &LATEST, &keys).await?;
    let latest: HashMap<[&str; 3], Priced<'_>> = latest
        .iter()
        .map(|(product, store, channel, currency, price, list_price)| {
            let priced = (currency.as_str(), Amount(*price), list_price.map(Amount));
            ([product.as_str(), store, channel], priced)
        })
        .collect();
    let other = asked.iter().filter(|(key, priced)| latest.get(key).is_some_and(|l| l != priced));
    let rows: Vec<Cell<'_>> = other.flat_map(|(key, priced)| row(*key, now, *priced)).collect();
    bulk::write(tx, &REMEMBER, &rows).await
}

/// Takes a price out.
pub(super) async fn forget(tx: &mut Tx, key: OfferKey, since: Micros) -> Result<(), StoreError> {
    const FORGET: &str = "DELETE FROM price_history WHERE product_id = $1 AND store_id = $2
        AND channel = $3 AND since = $4";
    on_tx!(tx, c => {
        sqlx::query(FORGET)
            .bind(key.product.to_string())
            .bind(key.store.to_string())
            .bind(key.channel.as_str())
            .bind(since.0)
            .execute(c)
            .await?;
    });
    Ok(())
}
