//! Writing offers and the history of their prices.

pub(in crate::catalog) mod named;
mod prior;
pub mod withdrawn;

use super::{Offer, OfferKey, Plausible, Terms};
use crate::catalog::fault::{Fate, Fault};
use crate::kernel::word::Word as _;
use crate::kernel::{Amount, Micros, Money};
use crate::storage::bulk::{self, Cell, Statement};
use crate::storage::changes::{self, Change};
use crate::storage::{StoreError, Tx};
use hashbrown::HashMap;
use named::Told;
use prior::Reduction;
use std::borrow::Cow;

static FIND: Statement = Statement::new(
    "WITH k (product_id, store_id, channel) AS (VALUES",
    3,
    ") SELECT o.product_id, o.store_id, o.channel, o.currency, o.price, o.list_price,
         o.member_price, o.price_type, o.unit_price, o.unit_reference, o.tax_included,
         o.valid_from, o.valid_through, COALESCE(o.named_promotions, o.promotion_ids) AS named,
         o.as_of, o.version,
         o.eco_contribution, o.seller, o.reduced_since, o.lowest_price_30d,
         o.deleted_at IS NOT NULL AS deleted
       FROM k JOIN offers o ON o.product_id = k.product_id AND o.store_id = k.store_id
         AND o.channel = k.channel",
);
static PUT: Statement = Statement::new(
    "INSERT INTO offers (product_id, store_id, channel, currency, price, list_price, member_price,
       price_type, unit_price, unit_reference, tax_included, valid_from, valid_through,
       promotion_ids, as_of, version, updated_at, eco_contribution, seller, reduced_since,
       lowest_price_30d, named_promotions) VALUES",
    22,
    "ON CONFLICT (product_id, store_id, channel) DO UPDATE SET currency = excluded.currency,
       price = excluded.price, list_price = excluded.list_price,
       member_price = excluded.member_price, price_type = excluded.price_type,
       unit_price = excluded.unit_price, unit_reference = excluded.unit_reference,
       tax_included = excluded.tax_included, valid_from = excluded.valid_from,
       valid_through = excluded.valid_through, promotion_ids = excluded.promotion_ids,
       as_of = excluded.as_of, version = excluded.version, updated_at = excluded.updated_at,
       eco_contribution = excluded.eco_contribution, seller = excluded.seller,
       reduced_since = excluded.reduced_since, lowest_price_30d = excluded.lowest_price_30d,
       named_promotions = excluded.named_promotions, deleted_at = NULL",
);
static REMEMBER: Statement = Statement::new(
    "INSERT INTO price_history (product_id, store_id, channel, since, currency, price, list_price)
       VALUES",
    7,
    "ON CONFLICT (product_id, store_id, channel, since) DO UPDATE SET
       currency = excluded.currency, price = excluded.price, list_price = excluded.list_price",
);

#[derive(Debug, sqlx::FromRow)]
struct Stored {
    product_id: String,
    store_id: String,
    channel: String,
    currency: String,
    price: i64,
    list_price: Option<i64>,
    member_price: Option<i64>,
    price_type: String,
    unit_price: Option<i64>,
    unit_reference: Option<String>,
    tax_included: bool,
    valid_from: Option<i64>,
    valid_through: Option<i64>,
    named: String,
    as_of: i64,
    version: i64,
    eco_contribution: Option<i64>,
    seller: Option<String>,
    reduced_since: Option<i64>,
    lowest_price_30d: Option<i64>,
    deleted: bool,
}

impl Stored {
    fn key(&self) -> Result<OfferKey, StoreError> {
        let corrupt = |error| StoreError::corrupt("offers", error);
        Ok(OfferKey {
            product: self.product_id.parse().map_err(corrupt)?,
            store: self.store_id.parse().map_err(corrupt)?,
            channel: self.channel.parse().map_err(|error| StoreError::corrupt("offers", error))?,
        })
    }

    fn money(&self) -> Result<Money, StoreError> {
        let currency = self.currency.parse();
        let currency = currency.map_err(|error| StoreError::corrupt("offers", error))?;
        Ok(Money { amount: Amount(self.price), currency })
    }

    fn same_price(&self, terms: &Terms) -> bool {
        self.currency == terms.price.currency.code()
            && self.price == terms.price.amount.0
            && self.list_price == terms.list_price.map(|a| a.0)
    }

    fn same(&self, terms: &Terms) -> bool {
        self.same_price(terms)
            && self.member_price == terms.member_price.map(|a| a.0)
            && self.price_type == terms.price_type.as_str()
            && self.unit_price == terms.unit_price.map(|a| a.0)
            && self.unit_reference == terms.unit_reference
            && self.tax_included == terms.tax_included
            && self.eco_contribution == terms.eco_contribution.map(|a| a.0)
            && self.seller == terms.seller
            && self.valid_from == terms.valid_from.map(|at| at.0)
            && self.valid_through == terms.valid_through.map(|at| at.0)
            && self.named == terms.promotion_ids
    }
}

/// What a batch comes to write.
#[derive(Default)]
struct Writes<'a> {
    offers: Vec<Cell<'a>>,
    history: Vec<Cell<'a>>,
    changes: Vec<Change>,
    withdrawn: Vec<(OfferKey, i64, Micros)>,
}

/// Stores a batch of lines about offers. Lines about the same offer are taken in the order of their
/// instants, and of those of one instant the last holds; a line older than what is known, or with the
/// same terms, changes nothing.
pub async fn put_offers(
    tx: &mut Tx,
    offers: &[Offer],
    now: Micros,
    plausible: Plausible,
) -> Result<Vec<Fate>, StoreError> {
    let mut fates = vec![Fate::Unchanged; offers.len()];
    for wanted in rounds(offers) {
        put_round(tx, offers, (&wanted, plausible), now, &mut fates).await?;
    }
    Ok(fates)
}

/// The lines in rounds, each with one line at most about an offer and ordered by offer, in which all
/// writers take their rows.
fn rounds(offers: &[Offer]) -> Vec<Vec<(OfferKey, usize)>> {
    let mut lines: Vec<(OfferKey, Micros, usize)> =
        offers.iter().enumerate().map(|(at, offer)| (offer.key, offer.as_of, at)).collect();
    lines.sort_unstable();
    let mut rounds: Vec<Vec<(OfferKey, usize)>> = Vec::new();
    let mut round = 0;
    for (n, (key, as_of, at)) in lines.iter().enumerate() {
        if n == 0 || lines[n - 1].0 != *key {
            round = 0;
        }
        if lines.get(n + 1).is_some_and(|next| (next.0, next.1) == (*key, *as_of)) {
            continue;
        }
        if rounds.len() == round {
            rounds.push(Vec::new());
        }
        rounds[round].push((*key, *at));
        round += 1;
    }
    rounds
}

/// Stores lines about different offers.
async fn put_round(
    tx: &mut Tx,
    offers: &[Offer],
    (wanted, plausible): (&[(OfferKey, usize)], Plausible),
    now: Micros,
    fates: &mut [Fate],
) -> Result<(), StoreError> {
    let names: Vec<[String; 2]> =
        wanted.iter().map(|(key, _)| [key.product.to_string(), key.store.to_string()]).collect();
    let stored = find(tx, wanted, &names).await?;
    let reductions = reductions(tx, offers, wanted, &stored, &names).await?;
    let terms = wanted.iter().filter_map(|(_, at)| offers[*at].terms.as_ref());
    let told = Told::of(tx, terms.map(|terms| terms.promotion_ids.as_str())).await?;
    let mut writes = Writes::default();
    for ((key, at), names) in wanted.iter().zip(&names) {
        let (offer, before) = (&offers[*at], stored.get(key));
        if let Some(fault) = implausible(offer, before, plausible)? {
            fates[*at] = Fate::Refused(fault);
            continue;
        }
        let reduction = reductions.get(key).copied();
        fates[*at] = decide(offer, before, reduction, (names, &told), now, &mut writes);
    }
    bulk::write(tx, &PUT, &writes.offers).await?;
    bulk::write(tx, &REMEMBER, &writes.history).await?;
    for (key, version, as_of) in &writes.withdrawn {
        withdraw(tx, *key, *version, *as_of, now).await?;
    }
    changes::append(tx, &writes.changes, now).await
}

/// The reductions that the offers of a batch are in after it. One that goes on keeps its beginning
/// and its prior price, also where the price falls further; a new one asks the history.
async fn reductions(
    tx: &mut Tx,
    offers: &[Offer],
    wanted: &[(OfferKey, usize)],
    stored: &HashMap<OfferKey, Stored>,
    names: &[[String; 2]],
) -> Result<HashMap<OfferKey, Reduction>, StoreError> {
    let (mut found, mut new) = (HashMap::new(), Vec::new());
    for ((key, at), names) in wanted.iter().zip(names) {
        let offer = &offers[*at];
        let Some(terms) = offer.terms.as_ref().filter(|terms| terms.is_reduced()) else { continue };
        let going_on = stored.get(key).filter(|before| !before.deleted).and_then(|before| {
            let since = before.reduced_since?;
            let same_currency = before.currency == terms.price.currency.code();
            // What ended before the next began is another reduction, with a prior price of its own.
            let begin = terms.valid_from.unwrap_or(offer.as_of).0;
            let reaches = before.valid_through.is_none_or(|end| begin <= end);
            (same_currency && reaches)
                .then_some(Reduction { since, lowest: before.lowest_price_30d })
        });
        match going_on {
            Some(reduction) => {
                found.insert(*key, reduction);
            }
            None => new.push(prior::Question { offer, terms, names }),
        }
    }
    found.extend(prior::ask(tx, &new).await?);
    Ok(found)
}

async fn find(
    tx: &mut Tx,
    wanted: &[(OfferKey, usize)],
    names: &[[String; 2]],
) -> Result<HashMap<OfferKey, Stored>, StoreError> {
    let mut keys: Vec<Cell<'_>> = Vec::with_capacity(3 * wanted.len());
    for ((key, _), [product, store]) in wanted.iter().zip(names) {
        keys.extend([product.as_str().into(), store.as_str().into(), key.channel.as_str().into()]);
    }
    let rows: Vec<Stored> = bulk::lookup(tx, &FIND, &keys).await?;
    rows.into_iter().map(|row| Ok((row.key()?, row))).collect()
}

/// What is wrong with a price beside the one that the offer has; nothing with one that comes too late.
fn implausible(
    offer: &Offer,
    before: Option<&Stored>,
    plausible: Plausible,
) -> Result<Option<Fault>, StoreError> {
    let late = before.is_some_and(|before| offer.as_of.0 < before.as_of);
    let Some(terms) = offer.terms.as_ref().filter(|_| !late) else { return Ok(None) };
    let now = before.filter(|before| !before.deleted).map(Stored::money).transpose()?;
    Ok(plausible.check(terms, now).err())
}

fn decide<'a>(
    offer: &'a Offer,
    before: Option<&Stored>,
    reduction: Option<Reduction>,
    (names, told): (&'a [String; 2], &Told),
    now: Micros,
    writes: &mut Writes<'a>,
) -> Fate {
    if before.is_some_and(|before| offer.as_of.0 < before.as_of) {
        return Fate::Unchanged;
    }
    let version = before.map_or(1, |before| before.version + 1);
    let id = || format!("{}/{}/{}", names[0], names[1], offer.key.channel.as_str());
    let change = |deleted, reason| Change { kind: "offer", id: id(), deleted, reason, version };
    let Some(terms) = &offer.terms else {
        return match before {
            None => {
                let message = "no such offer; correct the codes or drop the line";
                Fate::Refused(Fault::new("sku", &id(), "unknown_offer", message))
            }
            Some(before) if before.deleted => Fate::Unchanged,
            Some(_) => {
                writes.withdrawn.push((offer.key, version, offer.as_of));
                writes.changes.push(change(true, "deleted"));
                Fate::Written
            }
        };
    };
    let reason = match before {
        None => "created",
        Some(before) if before.deleted => "created",
        Some(before) if before.same(terms) => return Fate::Unchanged,
        Some(before) if before.same_price(terms) => "updated",
        Some(_) => "price_changed",
    };
    let (promotions, named) = told.split(&terms.promotion_ids);
    writes.offers.extend(cells(offer, (terms, promotions), names, version, now));
    writes.offers.extend([
        terms.eco_contribution.map(|a| a.0).into(),
        terms.seller.as_deref().into(),
        reduction.map(|reduction| reduction.since).into(),
        reduction.and_then(|reduction| reduction.lowest).into(),
        named.into(),
    ]);
    if reason != "updated" {
        writes.history.extend([
            names[0].as_str().into(),
            names[1].as_str().into(),
            offer.key.channel.as_str().into(),
            offer.as_of.0.into(),
            terms.price.currency.code().into(),
            terms.price.amount.0.into(),
            terms.list_price.map(|a| a.0).into(),
        ]);
    }
    writes.changes.push(change(false, reason));
    Fate::Written
}

fn cells<'a>(
    offer: &'a Offer,
    (terms, promotions): (&'a Terms, Cow<'a, str>),
    names: &'a [String; 2],
    version: i64,
    now: Micros,
) -> [Cell<'a>; 17] {
    [
        names[0].as_str().into(),
        names[1].as_str().into(),
        offer.key.channel.as_str().into(),
        terms.price.currency.code().into(),
        terms.price.amount.0.into(),
        terms.list_price.map(|a| a.0).into(),
        terms.member_price.map(|a| a.0).into(),
        terms.price_type.as_str().into(),
        terms.unit_price.map(|a| a.0).into(),
        terms.unit_reference.as_deref().into(),
        terms.tax_included.into(),
        terms.valid_from.map(|at| at.0).into(),
        terms.valid_through.map(|at| at.0).into(),
        Cell::Text(Some(promotions)),
        offer.as_of.0.into(),
        version.into(),
        now.0.into(),
    ]
}

async fn withdraw(
    tx: &mut Tx,
    key: OfferKey,
    version: i64,
    as_of: Micros,
    now: Micros,
) -> Result<(), StoreError> {
    const WITHDRAW: &str = "UPDATE offers SET deleted_at = $1, updated_at = $1, version = $2,
        as_of = $3 WHERE product_id = $4 AND store_id = $5 AND channel = $6";
    crate::on_tx!(tx, c => {
        sqlx::query(WITHDRAW)
            .bind(now.0)
            .bind(version)
            .bind(as_of.0)
            .bind(key.product.to_string())
            .bind(key.store.to_string())
            .bind(key.channel.as_str())
            .execute(c)
            .await?;
    });
    Ok(())
}
