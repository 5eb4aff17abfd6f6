//! The prices that offers have had, as stored.

use crate::catalog::offers::Channel;
use crate::kernel::id::{ProductId, StoreId};
use crate::kernel::word::Word as _;
use crate::kernel::{Amount, Currency, Micros};
use crate::on_db;
use crate::storage::{Db, StoreError};
use sqlx::FromRow;

/// Where and since when a price held: the order of a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// In which store.
    pub store: StoreId,
    /// From when.
    pub since: Micros,
    /// Through which channel.
    pub channel: Channel,
}

impl Place {
    /// As the two numbers of a cursor. Instants that prices are told of lie after 1970.
    #[must_use]
    pub fn pair(self) -> (u64, u64) {
        (self.store.0, (self.since.0.max(0) as u64) * 2 + self.channel as u64)
    }

    /// Back from the numbers of a cursor.
    #[must_use]
    pub fn from_pair((store, rest): (u64, u64)) -> Self {
        let channel = if rest % 2 == 0 { Channel::InStore } else { Channel::Online };
        Self { store: StoreId(store), since: Micros((rest / 2) as i64), channel }
    }
}

/// A price that an offer has had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Priced {
    /// Where and since when.
    pub place: Place,
    /// The currency of its amounts.
    pub currency: Currency,
    /// The price.
    pub price: Amount,
    /// The price that a reduction was measured from.
    pub list_price: Option<Amount>,
    /// Until when it held; none for one that holds or is still to come.
    pub until: Option<Micros>,
}

/// Filters of a history. All must hold.
#[derive(Debug, Default, Clone)]
pub struct HistoryQuery {
    /// Of this store.
    pub store: Option<StoreId>,
    /// Through this channel.
    pub channel: Option<Channel>,
    /// That held at or after this instant.
    pub from: Option<Micros>,
    /// That held before this instant.
    pub to: Option<Micros>,
}

#[derive(Debug, FromRow)]
struct Columns {
    store_id: String,
    channel: String,
    since: i64,
    currency: String,
    price: i64,
    list_price: Option<i64>,
    until: Option<i64>,
}

impl Columns {
    fn read(self) -> Result<Priced, StoreError> {
        let corrupt = |error: String| StoreError::corrupt("price_history", error);
        Ok(Priced {
            place: Place {
                store: self.store_id.parse().map_err(|error| corrupt(format!("{error}")))?,
                since: Micros(self.since),
                channel: self.channel.parse().map_err(|error| corrupt(format!("{error}")))?,
            },
            currency: self.currency.parse().map_err(|error| corrupt(format!("{error}")))?,
            price: Amount(self.price),
            list_price: self.list_price.map(Amount),
            until: self.until.map(Micros),
        })
    }
}

/// The prices of a product behind `after`, by store, time and channel, `most` at most. What has ended by `now` has an end.
pub async fn prices(
    db: &Db,
    product: ProductId,
    query: &HistoryQuery,
    (after, most): (Option<Place>, usize),
    now: Micros,
) -> Result<Vec<Priced>, StoreError> {
    // An absent filter is an empty text, which is no store and no channel, so that there is one
    // statement.
    const SELECT: &str =
        "WITH held AS (SELECT h.store_id, h.channel, h.since, h.currency, h.price, h.list_price,
          h.ends_at AS ended, CASE WHEN o.valid_through < COALESCE(o.deleted_at, $10)
            THEN o.valid_through + 1 ELSE o.deleted_at END AS gone,
          (SELECT MIN(n.since) FROM price_history n WHERE n.product_id = h.product_id
             AND n.store_id = h.store_id AND n.channel = h.channel AND n.since > h.since) AS next
        FROM price_history h LEFT JOIN offers o ON o.product_id = h.product_id
          AND o.store_id = h.store_id AND o.channel = h.channel
        WHERE h.product_id = $1 AND ($2 = '' OR h.store_id = $2) AND ($3 = '' OR h.channel = $3)
          AND h.since < $4 AND (h.store_id, h.since, h.channel) > ($5, $6, $7)),
        priced AS (SELECT store_id, channel, since, currency, price, list_price,
          CASE WHEN next IS NULL THEN COALESCE(ended, gone) WHEN ended < next THEN ended ELSE next END
            AS until FROM held)
        SELECT store_id, channel, since, currency, price, list_price, until FROM priced
        WHERE until IS NULL OR (until > $8 AND until > since)
        ORDER BY store_id, since, channel LIMIT $9";
    let (behind, since, through) = match after {
        Some(place) => (place.store.to_string(), place.since.0, place.channel.as_str()),
        None => (String::new(), i64::MIN, ""),
    };
    let rows: Vec<Columns> = on_db!(db, c => {
        sqlx::query_as(SELECT)
            .bind(product.to_string())
            .bind(query.store.map_or_else(String::new, |store| store.to_string()))
            .bind(query.channel.map_or("", |channel| channel.as_str()))
            .bind(query.to.map_or(i64::MAX, |to| to.0))
            .bind(behind)
            .bind(since)
            .bind(through)
            .bind(query.from.map_or(i64::MIN, |from| from.0))
            .bind(most as i64)
            .bind(now.0)
            .fetch_all(c)
            .await
    })?;
    rows.into_iter().map(Columns::read).collect()
}
