//! Which of the promotions that the feed of an offer names are told: those that are there and no customer's
//! own. Where that is not all, what the feed names is kept beside (`named_promotions`), and the offer is told
//! anew when one of them turns.

use crate::kernel::Micros;
use crate::on_tx;
use crate::storage::bulk::{self, Cell, Statement};
use crate::storage::changes::{self, Change};
use crate::storage::{StoreError, Tx};
use futures_util::TryStreamExt as _;
use hashbrown::HashSet;
use std::borrow::Cow;

static TOLD: Statement = Statement::new(
    "WITH k (id) AS (VALUES",
    1,
    ") SELECT p.id FROM k JOIN promotions p ON p.id = k.id WHERE NOT p.personal
         AND p.deleted_at IS NULL",
);
static TELL_ANEW: Statement = Statement::new(
    "WITH k (product_id, store_id, channel, told, named, at) AS (VALUES",
    6,
    ") UPDATE offers SET promotion_ids = k.told, named_promotions = k.named,
         version = offers.version + 1, updated_at = k.at
       FROM k WHERE offers.product_id = k.product_id AND offers.store_id = k.store_id
         AND offers.channel = k.channel",
);

/// An offer that holds, with the promotions that it tells and all that its feed names.
#[derive(Debug, sqlx::FromRow)]
struct Naming {
    product_id: String,
    store_id: String,
    channel: String,
    promotion_ids: String,
    named_promotions: Option<String>,
    version: i64,
    /// Whether partners are told of it: it is no price of one customer.
    told: bool,
}

impl Naming {
    fn key(&self) -> (&str, &str, &str) {
        (&self.product_id, &self.store_id, &self.channel)
    }

    /// All that the feed names.
    fn named(&self) -> &str {
        self.named_promotions.as_deref().unwrap_or(&self.promotion_ids)
    }
}

/// Those of some promotions that are told, by id.
#[derive(Debug, Default)]
pub(in crate::catalog) struct Told(pub(in crate::catalog) HashSet<String>);

impl Told {
    /// Looks promotions up in lists of ids with spaces between.
    pub(in crate::catalog) async fn of(
        tx: &mut Tx,
        lists: impl Iterator<Item = &str>,
    ) -> Result<Self, StoreError> {
        let ids: HashSet<&str> = lists.flat_map(str::split_whitespace).collect();
        let keys: Vec<Cell<'_>> = ids.into_iter().map(Cell::from).collect();
        let rows: Vec<(String,)> = bulk::lookup(tx, &TOLD, &keys).await?;
        Ok(Self(rows.into_iter().map(|(id,)| id).collect()))
    }

    /// What an offer tells of the promotions that its feed names, and those where that is not all.
    pub(super) fn split<'a>(&self, named: &'a str) -> (Cow<'a, str>, Option<&'a str>) {
        let is_told = |id: &&str| self.0.contains(*id);
        if named.split_whitespace().all(|id| is_told(&id)) {
            return (Cow::Borrowed(named), None);
        }
        let told: Vec<&str> = named.split_whitespace().filter(is_told).collect();
        (Cow::Owned(told.join(" ")), Some(named))
    }
}

/// Tells offers anew that name promotions which are told from now on, or which are told no longer. Whoever
/// writes offers must be kept out meanwhile.
pub(in crate::catalog) async fn tell_anew(
    tx: &mut Tx,
    (shown, hidden): (&HashSet<&str>, &HashSet<&str>),
    now: Micros,
) -> Result<(), StoreError> {
    let offers = naming(tx, shown, hidden).await?;
    let told = Told::of(tx, offers.iter().map(Naming::named)).await?;
    let (mut cells, mut changes) = (Vec::new(), Vec::with_capacity(offers.len()));
    for offer in &offers {
        let (promotions, named) = told.split(offer.named());
        cells.extend([
            offer.product_id.as_str().into(),
            offer.store_id.as_str().into(),
            offer.channel.as_str().into(),
            Cell::Text(Some(promotions)),
            named.into(),
            now.0.into(),
        ]);
        if !offer.told {
            continue;
        }
        let (product, store, channel) = offer.key();
        changes.push(Change {
            kind: "offer",
            id: format!("{product}/{store}/{channel}"),
            deleted: false,
            reason: "updated",
            version: offer.version + 1,
        });
    }
    bulk::write(tx, &TELL_ANEW, &cells).await?;
    changes::append(tx, &changes, now).await
}

/// The offers that name one of `shown` without telling it, or tell one of `hidden`, by key.
async fn naming(
    tx: &mut Tx,
    shown: &HashSet<&str>,
    hidden: &HashSet<&str>,
) -> Result<Vec<Naming>, StoreError> {
    const KEEPING_BACK: &str = "SELECT product_id, store_id, channel, promotion_ids,
        named_promotions, version, price_type <> 'personal' AS told FROM offers
        WHERE named_promotions IS NOT NULL AND deleted_at IS NULL";
    const NAMING: &str = "SELECT product_id, store_id, channel, promotion_ids,
        named_promotions, version, price_type <> 'personal' AS told FROM offers
        WHERE (promotion_ids <> '' OR named_promotions IS NOT NULL) AND deleted_at IS NULL";
    // What is only new was told by nobody. Each has an index of its own.
    let select = if hidden.is_empty() { KEEPING_BACK } else { NAMING };
    let mut found: Vec<Naming> = Vec::new();
    if shown.is_empty() && hidden.is_empty() {
        return Ok(found);
    }
    let is_turned = |row: &Naming| {
        let tells = |id| row.promotion_ids.split_whitespace().any(|told| told == id);
        let turned = |id| (shown.contains(id) && !tells(id)) || (hidden.contains(id) && tells(id));
        row.named().split_whitespace().any(turned)
    };
    on_tx!(&mut *tx, c => {
        let mut rows = sqlx::query_as::<_, Naming>(select).fetch(c);
        while let Some(row) = rows.try_next().await? {
            if is_turned(&row) {
                found.push(row);
            }
        }
    });
    found.sort_unstable_by(|a, b| a.key().cmp(&b.key()));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_told_is_kept_beside_what_is() {
        let told = Told(["a", "b"].into_iter().map(str::to_owned).collect());
        let split = |named| {
            let (told, all) = told.split(named);
            (told.into_owned(), all)
        };
        assert_eq!(split(""), (String::new(), None));
        assert_eq!(split("b a"), ("b a".to_owned(), None));
        assert_eq!(split("b own a"), ("b a".to_owned(), Some("b own a")));
        assert_eq!(split("own"), (String::new(), Some("own")));
    }
}
