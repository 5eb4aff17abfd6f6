//! Writing offers and the history of their prices.

mod history;
pub(in crate::catalog) mod named;
mod prior;
mod stored;
pub mod turned;
pub mod withdrawn;

use super::{Offer, OfferKey, Plausible, Sale, Terms};
use crate::catalog::fault::{Fate, Fault};
use crate::kernel::word::Word as _;
use crate::kernel::{Amount, Micros};
use crate::storage::bulk::{self, Cell, Statement};
use crate::storage::changes::{self, Change};
use crate::storage::{StoreError, Tx};
use hashbrown::{HashMap, HashSet};
use named::Told;
use prior::Reduction;
use std::borrow::Cow;
use stored::Stored;

/// Under this name, that of their feed, those who write offers follow each other
/// (see [`one_at_a_time`](crate::storage::one_at_a_time)).
pub const OFFERS: &str = "offers";

/// The fault of a deletion that names nothing.
const UNKNOWN: &str = "unknown_offer";

static PUT: Statement = Statement::new(
    "INSERT INTO offers (product_id, store_id, channel, currency, price, list_price, member_price,
       price_type, unit_price, unit_reference, tax_included, valid_from, valid_through,
       promotion_ids, as_of, version, updated_at, eco_contribution, seller, named_promotions,
       reduced_since, lowest_price_30d, sale, turns_at) VALUES",
    24,
    "ON CONFLICT (product_id, store_id, channel) DO UPDATE SET currency = excluded.currency,
       price = excluded.price, list_price = excluded.list_price,
       member_price = excluded.member_price, price_type = excluded.price_type,
       unit_price = excluded.unit_price, unit_reference = excluded.unit_reference,
       tax_included = excluded.tax_included, valid_from = excluded.valid_from,
       valid_through = excluded.valid_through, promotion_ids = excluded.promotion_ids,
       as_of = excluded.as_of, version = excluded.version, updated_at = excluded.updated_at,
       eco_contribution = excluded.eco_contribution, seller = excluded.seller,
       reduced_since = excluded.reduced_since, lowest_price_30d = excluded.lowest_price_30d,
       named_promotions = excluded.named_promotions, sale = excluded.sale,
       turns_at = excluded.turns_at, confirmed_at = NULL, deleted_at = NULL",
);
static CONFIRM: Statement = Statement::new(
    "WITH k (product_id, store_id, channel, told_at) AS (VALUES",
    4,
    ") UPDATE offers SET confirmed_at = k.told_at FROM k WHERE offers.product_id = k.product_id
       AND offers.store_id = k.store_id AND offers.channel = k.channel",
);
/// What a batch comes to write.
#[derive(Default)]
struct Writes<'a> {
    offers: Vec<Cell<'a>>,
    history: Vec<Cell<'a>>,
    /// Prices that partners are told of no longer: the offer is withdrawn, or the next price is one customer's, or not asked
    /// yet or any more.
    ended: Vec<Cell<'a>>,
    confirmed: Vec<Cell<'a>>,
    /// What is asked now by offers that were there before.
    settled: Vec<history::Asked<'a>>,
    /// Prices in the history of a sale that a line came too late to prevent.
    superseded: Vec<(OfferKey, Micros)>,
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
    for wanted in rounds(offers, plausible) {
        put_round(tx, offers, (&wanted, plausible), now, &mut fates).await?;
    }
    never_there(offers, &mut fates);
    Ok(fates)
}

/// Of what the same lines put before they delete it there is nothing to be told: it is not unknown.
fn never_there(offers: &[Offer], fates: &mut [Fate]) {
    let is_unknown = |fate: &Fate| matches!(fate, Fate::Refused(fault) if fault.code == UNKNOWN);
    if !fates.iter().any(is_unknown) {
        return;
    }
    let mut put = HashSet::new();
    for (offer, fate) in offers.iter().zip(fates) {
        if offer.terms.is_some() && !matches!(fate, Fate::Refused(_)) {
            put.insert(offer.key);
        } else if is_unknown(fate) && put.contains(&offer.key) {
            *fate = Fate::Unchanged;
        }
    }
}

/// The lines in rounds, each with one line at most about an offer and ordered by offer, in which all
/// writers take their rows. Of lines of one instant the last is left, unless its price is implausible beside that of the
/// line before: then that one is stored, and the last refused. A line whose price cannot be, whatever stands beside it, is
/// left too, to be refused.
fn rounds(offers: &[Offer], plausible: Plausible) -> Vec<Vec<(OfferKey, usize)>> {
    let mut lines: Vec<(OfferKey, Micros, usize)> =
        offers.iter().enumerate().map(|(at, offer)| (offer.key, offer.as_of, at)).collect();
    lines.sort_unstable();
    let mut rounds: Vec<Vec<(OfferKey, usize)>> = Vec::new();
    let mut round = 0;
    for (n, (key, as_of, at)) in lines.iter().enumerate() {
        if n == 0 || lines[n - 1].0 != *key {
            round = 0;
        }
        let next = lines.get(n + 1).filter(|next| (next.0, next.1) == (*key, *as_of));
        if next.is_some_and(|next| are_plausible((&offers[*at], &offers[next.2]), plausible)) {
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

/// Whether one line about an offer can be, and another may follow it.
fn are_plausible((first, next): (&Offer, &Offer), plausible: Plausible) -> bool {
    let Some(first) = &first.terms else { return true };
    let follows = |next| plausible.check(next, Some(first.price)).is_ok();
    plausible.check(first, None).is_ok() && next.terms.as_deref().is_none_or(follows)
}

/// Stores lines about different offers.
async fn put_round(
    tx: &mut Tx,
    offers: &[Offer],
    (wanted, plausible): (&[(OfferKey, usize)], Plausible),
    now: Micros,
    fates: &mut [Fate],
) -> Result<(), StoreError> {
    let stored = find(tx, wanted, &names(wanted)).await?;
    let wanted = &taken(offers, wanted, (&stored, plausible), fates)?;
    let names = names(wanted);
    history::remember_turns(tx, offers, wanted, (&stored, &names), now).await?;
    history::remember_ends(tx, offers, wanted, (&stored, &names)).await?;
    let reductions = reductions(tx, offers, wanted, &stored, &names).await?;
    let terms = wanted.iter().filter_map(|(_, at)| offers[*at].terms.as_ref());
    let told = Told::of(tx, terms.map(|terms| terms.promotion_ids.as_str())).await?;
    let mut writes = Writes::default();
    for ((key, at), names) in wanted.iter().zip(&names) {
        let (offer, before) = (&offers[*at], stored.get(key));
        let reduced = reductions.get(key).copied().unwrap_or_default();
        fates[*at] = decide(offer, before, reduced, (names, &told), now, &mut writes);
    }
    bulk::write(tx, &PUT, &writes.offers).await?;
    for (key, since) in &writes.superseded {
        history::forget(tx, *key, *since).await?;
    }
    history::end(tx, &writes.ended).await?;
    bulk::write(tx, &history::REMEMBER, &writes.history).await?;
    history::settle(tx, &writes.settled, now).await?;
    bulk::write(tx, &CONFIRM, &writes.confirmed).await?;
    for (key, version, as_of) in &writes.withdrawn {
        withdraw(tx, *key, *version, *as_of, now).await?;
    }
    changes::append(tx, &writes.changes, now).await
}

/// The names of products and stores.
fn names(wanted: &[(OfferKey, usize)]) -> Vec<[String; 2]> {
    wanted.iter().map(|(key, _)| [key.product.to_string(), key.store.to_string()]).collect()
}

/// The lines that are not refused for their prices: those leave nothing behind.
fn taken(
    offers: &[Offer],
    wanted: &[(OfferKey, usize)],
    (stored, plausible): (&HashMap<OfferKey, Stored>, Plausible),
    fates: &mut [Fate],
) -> Result<Vec<(OfferKey, usize)>, StoreError> {
    let mut taken = Vec::with_capacity(wanted.len());
    for (key, at) in wanted {
        match implausible(&offers[*at], stored.get(key), plausible)? {
            Some(fault) => fates[*at] = Fate::Refused(fault),
            None => taken.push((*key, *at)),
        }
    }
    Ok(taken)
}

/// In which reductions an offer is: its price itself, and its sale with the prior price.
#[derive(Debug, Clone, Copy, Default)]
struct Reduced {
    own: Option<Reduction>,
    sale: Option<Sale>,
}

impl Reduced {
    /// The last columns of an offer.
    fn cells<'a>(self, terms: &Terms, now: Micros) -> [Cell<'a>; 4] {
        // What has turned by now is told with the line, also where the line is dated ahead.
        let turns_at = terms.sale.and_then(|sale| sale.turns_after(now));
        [
            self.own.map(|reduction| reduction.since).into(),
            self.own.and_then(|reduction| reduction.lowest).into(),
            self.sale.map(|sale| sale.text()).into(),
            turns_at.map(|at| at.0).into(),
        ]
    }
}

/// The reductions that the offers of a batch are in after it. One that goes on keeps its beginning
/// and its prior price, also where the price falls further; a new one asks the history.
async fn reductions(
    tx: &mut Tx,
    offers: &[Offer],
    wanted: &[(OfferKey, usize)],
    stored: &HashMap<OfferKey, Stored>,
    names: &[[String; 2]],
) -> Result<HashMap<OfferKey, Reduced>, StoreError> {
    let mut found: HashMap<OfferKey, Reduced> = HashMap::new();
    let (mut own, mut sales) = (Vec::new(), Vec::new());
    for ((key, at), names) in wanted.iter().zip(names) {
        let offer = &offers[*at];
        let Some(terms) = offer.terms.as_ref().filter(|terms| !terms.is_personal()) else {
            continue;
        };
        let currency = terms.price.currency;
        let same_currency = |before: &&Stored| before.currency == currency.code();
        let before = stored.get(key).filter(|before| before.is_told()).filter(same_currency);
        let question =
            |began, behind| prior::Question { key: *key, names, currency, began, behind };
        if terms.is_reduced() {
            let going_on = before.and_then(|before| {
                let since = before.reduced_since?;
                // What ended before the next began is another reduction, with a prior price of its own: it ends when the
                // next is told, where that begins later.
                let begin = terms.valid_from.unwrap_or(offer.as_of).0;
                let reaches = before.valid_through.is_none_or(|end| begin <= end);
                (reaches && begin <= offer.as_of.0)
                    .then_some(Reduction { since, lowest: before.lowest_price_30d })
            });
            match going_on {
                Some(_) => found.entry(*key).or_default().own = going_on,
                None => own.push(question(terms.valid_from.unwrap_or(offer.as_of), None)),
            }
        }
        if let Some(sale) = terms.sale {
            let going_on = before.filter(|_| sale.holds(offer.as_of));
            match going_on.and_then(|before| before.prior_at(offer.as_of)) {
                Some(lowest) => {
                    let sale = Sale { lowest_price_30d: lowest.map(Amount), ..sale };
                    found.entry(*key).or_default().sale = Some(sale);
                }
                None => {
                    let began = sale.valid_from.unwrap_or(offer.as_of);
                    sales.push((question(began, Some(offer.as_of)), sale, *at));
                }
            }
        }
    }
    for (key, reduction) in prior::ask(tx, own.iter()).await? {
        found.entry(key).or_default().own = Some(reduction);
    }
    let asked = prior::ask(tx, sales.iter().map(|(question, ..)| question)).await?;
    for (question, sale, at) in &sales {
        let lowest = asked.get(&question.key).and_then(|reduction| reduction.lowest);
        let Some(terms) = offers[*at].terms.as_deref() else { continue };
        let own = (terms.price.amount.0, terms.begins(offers[*at].as_of));
        let lowest = prior::before_sale(lowest, question.began, own);
        let sale = Sale { lowest_price_30d: lowest.map(Amount), ..*sale };
        found.entry(question.key).or_default().sale = Some(sale);
    }
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
    let rows: Vec<Stored> = bulk::lookup(tx, &stored::FIND, &keys).await?;
    rows.into_iter().map(|row| Ok((row.key()?, row.whole()?))).collect()
}

/// What is wrong with a price beside the one that the offer has; nothing with one that comes too late.
fn implausible(
    offer: &Offer,
    before: Option<&Stored>,
    plausible: Plausible,
) -> Result<Option<Fault>, StoreError> {
    let late = before.is_some_and(|before| offer.as_of.0 < before.told_at());
    let Some(terms) = offer.terms.as_ref().filter(|_| !late) else { return Ok(None) };
    let now = before.filter(|before| before.is_told()).map(Stored::money).transpose()?;
    Ok(plausible.check(terms, now).err())
}

fn decide<'a>(
    offer: &'a Offer,
    before: Option<&Stored>,
    reduced: Reduced,
    (names, told): (&'a [String; 2], &Told),
    now: Micros,
    writes: &mut Writes<'a>,
) -> Fate {
    if before.is_some_and(|before| offer.as_of.0 < before.told_at()) {
        return Fate::Unchanged;
    }
    let key = [names[0].as_str(), names[1].as_str(), offer.key.channel.as_str()];
    if let Some(before) = before.filter(|before| before.is_as(offer.terms.as_deref())) {
        // What is older than this comes too late from now on.
        if offer.as_of.0 > before.told_at() {
            writes.confirmed.extend(history::dated(key, offer.as_of));
        }
        return Fate::Unchanged;
    }
    let version = before.map_or(1, |before| before.version + 1);
    let id = || key.join("/");
    let change = |deleted, reason| Change { kind: "offer", id: id(), deleted, reason, version };
    // What partners know of: for them a price of one customer is not there.
    let known = before.filter(|before| before.is_told());
    let gone = known.map(|_| change(true, "deleted"));
    let Some(terms) = &offer.terms else {
        return match before {
            None => {
                let message = "no such offer; correct the codes or drop the line";
                Fate::Refused(Fault::new("sku", &id(), UNKNOWN, message))
            }
            Some(_) => {
                writes.withdrawn.push((offer.key, version, offer.as_of));
                let ended = known.iter().flat_map(|_| history::dated(key, offer.as_of.min(now)));
                writes.ended.extend(ended);
                writes.changes.extend(gone);
                Fate::Written
            }
        };
    };
    let denied = before.map(|before| before.denied(offer.as_of)).unwrap_or_default();
    writes.superseded.extend(denied.into_iter().map(|since| (offer.key, since)));
    writes.offers.extend(cells(
        offer,
        terms,
        told.split(&terms.promotion_ids),
        names,
        version,
        now,
    ));
    writes.offers.extend(reduced.cells(terms, now));
    if terms.is_personal() {
        writes.ended.extend(gone.iter().flat_map(|_| history::dated(key, offer.as_of.min(now))));
        writes.changes.extend(gone);
        return Fate::Written;
    }
    writes.history.extend(history::rows((offer, terms), names, before, now));
    let reason = match known {
        None => "created",
        Some(before) if before.told() == terms.at(now) => "updated",
        Some(_) => "price_changed",
    };
    if known.is_some() && !terms.holds(offer.as_of) {
        writes.ended.extend(history::dated(key, offer.as_of.min(now)));
    }
    if before.is_some() && reason != "updated" && offer.as_of <= now && terms.holds(now) {
        writes.settled.push((key, terms.at(now)));
    }
    writes.changes.push(change(false, reason));
    Fate::Written
}

fn cells<'a>(
    offer: &'a Offer,
    terms: &'a Terms,
    (promotions, named): (Cow<'a, str>, Option<&'a str>),
    names: &'a [String; 2],
    version: i64,
    now: Micros,
) -> [Cell<'a>; 20] {
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
        terms.eco_contribution.map(|a| a.0).into(),
        terms.seller.as_deref().into(),
        named.into(),
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
