//! The prior price of a reduction: the lowest price of the 30 days before it began (Directive
//! 98/6/EC, Art. 6a). Where a product has been sold for less than 30 days, it is the lowest price
//! since; where no price before is known, there is none to tell.

use crate::catalog::offers::OfferKey;
use crate::kernel::clock::HOUR;
use crate::kernel::word::Word as _;
use crate::kernel::{Currency, Micros};
use crate::storage::bulk::{self, Cell, Statement};
use crate::storage::{StoreError, Tx};
use hashbrown::HashMap;

/// How far back the prior price looks, in microseconds.
const WINDOW: i64 = 30 * 24 * HOUR;

/// A reduction that an offer is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reduction {
    /// When it began.
    pub(super) since: i64,
    /// The lowest price of the 30 days before, where one is known.
    pub(super) lowest: Option<i64>,
}

/// An offer that begins to be reduced.
pub(super) struct Question<'a> {
    pub(super) key: OfferKey,
    pub(super) names: &'a [String; 2],
    pub(super) currency: Currency,
    /// When the reduction begins: when the offer or its sale does, where that is said.
    pub(super) began: Micros,
    /// From when on the line says what the price is: where that is before the 30 days, what was until then
    /// holds in none of them.
    pub(super) behind: Option<Micros>,
}

impl Question<'_> {
    fn opened(&self) -> i64 {
        self.began.0.saturating_sub(WINDOW)
    }
}

/// The prior price of a sale that is still to come, `found` being the lowest that is known of the days before
/// it: until it begins, the price is the one that is asked from `since` on.
pub(super) fn before_sale(
    found: Option<i64>,
    began: Micros,
    (price, since): (i64, Micros),
) -> Option<i64> {
    if since >= began {
        return found;
    }
    Some(found.map_or(price, |lowest| lowest.min(price)))
}

// The price that held when the window began was applied in it, however long it had held; one whose offer had ended by
// then was not.
static LOWEST: Statement = Statement::new(
    "WITH k (product_id, store_id, channel, currency, opened, began, behind) AS (VALUES",
    7,
    ") SELECT k.product_id, k.store_id, k.channel, MIN(h.price) AS lowest
       FROM k JOIN price_history h ON h.product_id = k.product_id AND h.store_id = k.store_id
         AND h.channel = k.channel AND h.currency = k.currency AND h.since < k.began
         AND h.since > k.behind AND (h.ends_at IS NULL OR h.ends_at > k.opened)
         AND h.since >= COALESCE((SELECT MAX(p.since) FROM price_history p
           WHERE p.product_id = k.product_id AND p.store_id = k.store_id
             AND p.channel = k.channel AND p.since <= k.opened), k.opened)
       GROUP BY k.product_id, k.store_id, k.channel",
);

#[derive(Debug, sqlx::FromRow)]
struct Found {
    product_id: String,
    store_id: String,
    channel: String,
    lowest: i64,
}

/// The reductions that begin, with the lowest prices that the history knows.
pub(super) async fn ask<'a>(
    tx: &mut Tx,
    questions: impl Iterator<Item = &'a Question<'a>> + Clone,
) -> Result<HashMap<OfferKey, Reduction>, StoreError> {
    let mut cells: Vec<Cell<'_>> = Vec::new();
    for question in questions.clone() {
        let [product, store] = question.names;
        let behind = question.behind.filter(|at| at.0 <= question.opened());
        cells.extend([
            product.as_str().into(),
            store.as_str().into(),
            question.key.channel.as_str().into(),
            question.currency.code().into(),
            question.opened().into(),
            question.began.0.into(),
            behind.map_or(i64::MIN, |at| at.0).into(),
        ]);
    }
    let rows: Vec<Found> = bulk::lookup(tx, &LOWEST, &cells).await?;
    let lowest: HashMap<(&str, &str, &str), i64> = rows
        .iter()
        .map(|row| {
            ((row.product_id.as_str(), row.store_id.as_str(), row.channel.as_str()), row.lowest)
        })
        .collect();
    let answer = |question: &'a Question<'a>| {
        let ([product, store], key) = (question.names, question.key);
        let name = (product.as_str(), store.as_str(), key.channel.as_str());
        (key, Reduction { since: question.began.0, lowest: lowest.get(&name).copied() })
    };
    Ok(questions.map(answer).collect())
}
