//! The prior price of a reduction: the lowest price of the 30 days before it began (Directive
//! 98/6/EC, Art. 6a). Where a product has been sold for less than 30 days, it is the lowest price
//! since; where no price before is known, there is none to tell.

use crate::catalog::offers::{Offer, OfferKey, Terms};
use crate::kernel::clock::HOUR;
use crate::kernel::word::Word as _;
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
    pub(super) offer: &'a Offer,
    pub(super) terms: &'a Terms,
    pub(super) names: &'a [String; 2],
}

impl Question<'_> {
    /// When the reduction begins: when the offer does, where it says so.
    fn begin(&self) -> i64 {
        self.terms.valid_from.unwrap_or(self.offer.as_of).0
    }
}

// The price that held when the window began was applied in it, however long it had held.
static LOWEST: Statement = Statement::new(
    "WITH k (product_id, store_id, channel, currency, opened, began) AS (VALUES",
    6,
    ") SELECT k.product_id, k.store_id, k.channel, MIN(h.price) AS lowest
       FROM k JOIN price_history h ON h.product_id = k.product_id AND h.store_id = k.store_id
         AND h.channel = k.channel AND h.currency = k.currency AND h.since < k.began
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
pub(super) async fn ask(
    tx: &mut Tx,
    questions: &[Question<'_>],
) -> Result<HashMap<OfferKey, Reduction>, StoreError> {
    let mut cells: Vec<Cell<'_>> = Vec::with_capacity(6 * questions.len());
    for question in questions {
        let [product, store] = question.names;
        cells.extend([
            product.as_str().into(),
            store.as_str().into(),
            question.offer.key.channel.as_str().into(),
            question.terms.price.currency.code().into(),
            (question.begin() - WINDOW).into(),
            question.begin().into(),
        ]);
    }
    let rows: Vec<Found> = bulk::lookup(tx, &LOWEST, &cells).await?;
    let lowest: HashMap<(&str, &str, &str), i64> = rows
        .iter()
        .map(|row| {
            ((row.product_id.as_str(), row.store_id.as_str(), row.channel.as_str()), row.lowest)
        })
        .collect();
    let answer = |question: &Question<'_>| {
        let ([product, store], key) = (question.names, question.offer.key);
        let name = (product.as_str(), store.as_str(), key.channel.as_str());
        (key, Reduction { since: question.begin(), lowest: lowest.get(&name).copied() })
    };
    Ok(questions.iter().map(answer).collect())
}
