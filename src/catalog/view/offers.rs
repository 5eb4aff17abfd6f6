//! Offers in memory: for each product a slice sorted by store and channel.

use super::grant::Grant;
use super::hash::IdMap;
use super::id_set::IdSet;
use super::page::Page;
use super::pool::Pool;
use crate::catalog::offers::{Channel, PriceType, Sale, holds};
use crate::kernel::id::{ProductId, PromotionId, StoreId};
use crate::kernel::{Amount, Currency, Micros};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Bound;

/// An offer as it is stored, and as it leaves the view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferRecord {
    /// Of which product.
    pub product: ProductId,
    /// In which store.
    pub store: StoreId,
    /// Through which channel.
    pub channel: Channel,
    /// The currency of all its amounts.
    pub currency: Currency,
    /// What the product costs.
    pub price: Amount,
    /// What it cost before, where the price is reduced.
    pub list_price: Option<Amount>,
    /// What members pay.
    pub member_price: Option<Amount>,
    /// What kind of price it is.
    pub price_type: PriceType,
    /// The price of one `unit_reference`.
    pub unit_price: Option<Amount>,
    /// `1 LTR`: a value and a UN/CEFACT unit code.
    pub unit_reference: Option<String>,
    /// Whether the amounts include tax.
    pub tax_included: bool,
    /// What of the price is a contribution for disposal.
    pub eco_contribution: Option<Amount>,
    /// Who sells it, as JSON, where it is not the retailer.
    pub seller: Option<String>,
    /// The lowest price of the 30 days before the reduction that it is in.
    pub lowest_price_30d: Option<Amount>,
    /// From when it holds.
    pub valid_from: Option<Micros>,
    /// Until when it holds.
    pub valid_through: Option<Micros>,
    /// A lower price for a time, beside the one that holds otherwise.
    pub sale: Option<Sale>,
    /// The promotions it is part of.
    pub promotions: Vec<PromotionId>,
    /// When the retailer said so.
    pub as_of: Micros,
}

impl OfferRecord {
    /// Whether it holds at an instant.
    #[must_use]
    pub fn holds(&self, now: Micros) -> bool {
        holds((self.valid_from, self.valid_through), now)
    }

    /// The next instant behind another at which it begins or no longer holds.
    #[must_use]
    pub fn turns_after(&self, now: Micros) -> Option<Micros> {
        let ends = self.valid_through.map(|through| Micros(through.0.saturating_add(1)));
        let sale = self.sale.and_then(|sale| sale.turns_after(now));
        let own = [self.valid_from, ends].into_iter().flatten().filter(|at| *at > now);
        own.chain(sale).min()
    }

    /// What it is at an instant: in a sale the terms of that, otherwise its own; none where it does not hold.
    #[must_use]
    pub fn at(mut self, now: Micros) -> Option<Self> {
        if !self.holds(now) {
            return None;
        }
        if let Some(sale) = self.sale.take().filter(|sale| sale.holds(now)) {
            self.list_price = Some(self.price);
            self.price = sale.price;
            self.price_type = PriceType::Sale;
            // Members pay no more than everybody does meanwhile.
            self.member_price = self.member_price.filter(|price| *price <= sale.price);
            self.unit_price = sale.unit_price;
            self.lowest_price_30d = sale.lowest_price_30d;
            self.valid_from = self.valid_from.max(sale.valid_from);
            // Whichever ends first; what has no end does not.
            self.valid_through =
                [self.valid_through, sale.valid_through].into_iter().flatten().min();
        }
        Some(self)
    }
}

/// The number of no sale.
const NO_SALE: u32 = u32::MAX;

/// What became of an offer.
#[derive(Debug, Clone)]
pub enum OfferChange {
    /// It is, or is now, this.
    Upsert(Box<OfferRecord>),
    /// It holds no longer.
    Delete(ProductId, StoreId, Channel),
}

/// An optional number in 8 bytes; the smallest stands for none and is no amount or instant.
#[derive(Debug, Clone, Copy)]
struct Maybe(i64);

impl Maybe {
    fn of(value: Option<i64>) -> Self {
        Self(value.unwrap_or(i64::MIN))
    }

    fn get(self) -> Option<i64> {
        (self.0 != i64::MIN).then_some(self.0)
    }
}

/// An offer in memory: 104 bytes, texts pooled.
#[derive(Debug)]
struct Offer {
    store: u64,
    price: i64,
    list_price: Maybe,
    member_price: Maybe,
    unit_price: Maybe,
    eco_contribution: Maybe,
    lowest_price_30d: Maybe,
    valid_from: Maybe,
    valid_through: Maybe,
    as_of: i64,
    unit_reference: u32,
    promotions: u32,
    seller: u32,
    /// Its sale, by the number of that; `NO_SALE` for none.
    sale: u32,
    channel: Channel,
    price_type: PriceType,
    currency: Currency,
    tax_included: bool,
}

impl OfferChange {
    /// The product of which the offer is.
    pub(super) fn product(&self) -> ProductId {
        match self {
            Self::Upsert(record) => record.product,
            Self::Delete(product, ..) => *product,
        }
    }
}

impl Offer {
    fn key(&self) -> (u64, Channel) {
        (self.store, self.channel)
    }

    fn holds(&self, now: Micros) -> bool {
        holds((self.valid_from.get().map(Micros), self.valid_through.get().map(Micros)), now)
    }
}

/// All offers.
#[derive(Debug, Default)]
pub(super) struct Offers {
    by_product: IdMap<Vec<Offer>>,
    by_store: IdMap<IdSet>,
    references: Pool<Option<String>>,
    promotions: Pool<Vec<PromotionId>>,
    sellers: Pool<Option<String>>,
    sales: Pool<Option<Sale>>,
    /// The instants at which offers begin, end or change their price, with how many do.
    turns: BTreeMap<i64, u32>,
    pub(super) count: usize,
}

/// Stores, any where none is named, a channel, and the instant at which an offer holds.
pub type Wanted<'a> = (&'a [StoreId], Option<Channel>, Micros);

/// Whether an offer is in one of some stores, in any where none is named, and through a channel.
fn is_wanted(offer: &Offer, stores: &[StoreId], channel: Option<Channel>) -> bool {
    (stores.is_empty() || stores.contains(&StoreId(offer.store)))
        && channel.is_none_or(|channel| offer.channel == channel)
}

/// Whether the store of an offer is included.
fn is_granted(offer: &Offer, grant: Option<&Grant>) -> bool {
    grant.is_none_or(|grant| grant.includes_store(StoreId(offer.store)))
}

fn promotion_key(promotions: &[PromotionId]) -> String {
    promotions.iter().map(PromotionId::to_string).collect::<Vec<_>>().join(" ")
}

impl Offers {
    /// The products that are offered in a store.
    pub(super) fn in_store(&self, store: StoreId) -> Option<&IdSet> {
        self.by_store.get(&store.0)
    }

    /// Whether a product has an offer in a store that holds at an instant.
    pub(super) fn holds_in_store(&self, id: u64, store: StoreId, at: Micros) -> bool {
        let offers = self.by_product.get(&id).map_or(&[][..], Vec::as_slice);
        let first = offers.partition_point(|offer| offer.store < store.0);
        let mut here = offers.iter().skip(first).take_while(|offer| offer.store == store.0);
        here.any(|offer| offer.holds(at))
    }

    pub(super) fn apply(&mut self, change: OfferChange) {
        match change {
            OfferChange::Upsert(record) => self.put(*record),
            OfferChange::Delete(product, store, channel) => {
                self.take_out(product.0, store.0, channel);
            }
        }
    }

    pub(super) fn put(&mut self, record: OfferRecord) {
        let product = record.product.0;
        let reference = record.unit_reference.unwrap_or_default();
        let read_text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let key = promotion_key(&record.promotions);
        let offer = Offer {
            store: record.store.0,
            price: record.price.0,
            list_price: Maybe::of(record.list_price.map(|amount| amount.0)),
            member_price: Maybe::of(record.member_price.map(|amount| amount.0)),
            unit_price: Maybe::of(record.unit_price.map(|amount| amount.0)),
            valid_from: Maybe::of(record.valid_from.map(|at| at.0)),
            valid_through: Maybe::of(record.valid_through.map(|at| at.0)),
            as_of: record.as_of.0,
            eco_contribution: Maybe::of(record.eco_contribution.map(|amount| amount.0)),
            lowest_price_30d: Maybe::of(record.lowest_price_30d.map(|amount| amount.0)),
            seller: self.sellers.take(&record.seller.unwrap_or_default(), read_text),
            sale: record.sale.map_or(NO_SALE, |sale| self.sales.take(&sale.text(), Sale::read)),
            unit_reference: self.references.take(&reference, read_text),
            promotions: self.promotions.take(&key, |_| record.promotions),
            channel: record.channel,
            price_type: record.price_type,
            currency: record.currency,
            tax_included: record.tax_included,
        };
        for at in self.turns_of(&offer) {
            *self.turns.entry(at).or_default() += 1;
        }
        // Most products of many catalogs have one offer; a Vec would begin with room for four.
        let offers = self.by_product.entry(product).or_insert_with(|| Vec::with_capacity(1));
        match offers.binary_search_by_key(&offer.key(), Offer::key) {
            Ok(at) => {
                let old = std::mem::replace(&mut offers[at], offer);
                self.release(&old);
            }
            Err(at) => {
                self.by_store.entry(offer.store).or_default().insert(product);
                offers.insert(at, offer);
                self.count += 1;
            }
        }
    }

    fn take_out(&mut self, product: u64, store: u64, channel: Channel) {
        let Some(offers) = self.by_product.get_mut(&product) else { return };
        let Ok(at) = offers.binary_search_by_key(&(store, channel), Offer::key) else { return };
        let old = offers.remove(at);
        if !offers.iter().any(|offer| offer.store == store)
            && let Some(products) = self.by_store.get_mut(&store)
        {
            products.remove(product);
        }
        if offers.is_empty() {
            self.by_product.remove(&product);
        }
        self.count -= 1;
        self.release(&old);
    }

    fn release(&mut self, offer: &Offer) {
        for at in self.turns_of(offer) {
            if let Entry::Occupied(mut turns) = self.turns.entry(at) {
                *turns.get_mut() -= 1;
                if *turns.get() == 0 {
                    turns.remove();
                }
            }
        }
        self.references.release(offer.unit_reference);
        self.promotions.release(offer.promotions);
        self.sellers.release(offer.seller);
        if offer.sale != NO_SALE {
            self.sales.release(offer.sale);
        }
    }

    fn record(&self, product: ProductId, offer: &Offer) -> OfferRecord {
        OfferRecord {
            product,
            store: StoreId(offer.store),
            channel: offer.channel,
            currency: offer.currency,
            price: Amount(offer.price),
            list_price: offer.list_price.get().map(Amount),
            member_price: offer.member_price.get().map(Amount),
            price_type: offer.price_type,
            unit_price: offer.unit_price.get().map(Amount),
            unit_reference: self.references.value(offer.unit_reference).cloned().flatten(),
            tax_included: offer.tax_included,
            eco_contribution: offer.eco_contribution.get().map(Amount),
            seller: self.sellers.value(offer.seller).cloned().flatten(),
            lowest_price_30d: offer.lowest_price_30d.get().map(Amount),
            valid_from: offer.valid_from.get().map(Micros),
            valid_through: offer.valid_through.get().map(Micros),
            sale: self.sale(offer),
            promotions: self.promotions.value(offer.promotions).cloned().unwrap_or_default(),
            as_of: Micros(offer.as_of),
        }
    }

    fn sale(&self, offer: &Offer) -> Option<Sale> {
        (offer.sale != NO_SALE).then(|| self.sales.value(offer.sale).copied().flatten()).flatten()
    }

    /// The ids of all products that have offers, ascending.
    pub(super) fn products(&self) -> Vec<u64> {
        let mut ids: Vec<u64> = self.by_product.keys().copied().collect();
        ids.sort_unstable();
        ids
    }

    /// All offers of a product.
    pub(super) fn of_product(&self, product: ProductId) -> impl Iterator<Item = OfferRecord> {
        let offers = self.by_product.get(&product.0).map_or(&[][..], Vec::as_slice);
        offers.iter().map(move |offer| self.record(product, offer))
    }

    /// Store, channel, price and currency of a product's offers that hold at an instant.
    pub(super) fn holding(
        &self,
        id: u64,
        now: Micros,
    ) -> impl Iterator<Item = (StoreId, Channel, Amount, Currency)> {
        let offers = self.by_product.get(&id).map_or(&[][..], Vec::as_slice);
        let seen = move |offer: &Offer| {
            let sale = self.sale(offer).filter(|sale| sale.holds(now));
            let price = sale.map_or(Amount(offer.price), |sale| sale.price);
            (StoreId(offer.store), offer.channel, price, offer.currency)
        };
        offers.iter().filter(move |offer| offer.holds(now)).map(seen)
    }

    /// The instants at which a product's offers begin, end or change their price.
    pub(super) fn turns(&self, id: u64) -> impl Iterator<Item = i64> {
        let offers = self.by_product.get(&id).map_or(&[][..], Vec::as_slice);
        offers.iter().flat_map(|offer| self.turns_of(offer))
    }

    /// Those of an offer: it holds no longer right behind its last instant.
    fn turns_of(&self, offer: &Offer) -> impl Iterator<Item = i64> + use<> {
        let ends = offer.valid_through.get().map(|last| last.saturating_add(1));
        let sale = self.sale(offer).into_iter().flat_map(|sale| sale.turns()).map(|turn| turn.0);
        offer.valid_from.get().into_iter().chain(ends).chain(sale)
    }

    /// The next instant behind another at which any offer turns.
    pub(super) fn turns_after(&self, now: Micros) -> Option<Micros> {
        let behind = (Bound::Excluded(now.0), Bound::Unbounded);
        self.turns.range(behind).next().map(|(at, _)| Micros(*at))
    }

    /// All that is stored of a product's offers, also of those that have ended or are to come.
    pub(super) fn stored(
        &self,
        grant: Option<&Grant>,
        product: ProductId,
        stores: &[StoreId],
        channel: Option<Channel>,
    ) -> Vec<OfferRecord> {
        let offers = self.by_product.get(&product.0).map_or(&[][..], Vec::as_slice);
        let wanted = offers.iter().filter(|offer| is_wanted(offer, stores, channel));
        let granted = wanted.filter(|offer| is_granted(offer, grant));
        granted.map(|offer| self.record(product, offer)).collect()
    }

    /// The page of a product's offers behind `after` that hold at an instant, by store and channel.
    pub(super) fn list(
        &self,
        grant: Option<&Grant>,
        product: ProductId,
        (stores, channel, now): Wanted<'_>,
        after: Option<(u64, u64)>,
        limit: usize,
    ) -> Page<OfferRecord, (u64, u64)> {
        let offers = self.by_product.get(&product.0).map_or(&[][..], Vec::as_slice);
        let key = |offer: &Offer| (offer.store, offer.channel as u64);
        let first = offers.partition_point(|offer| after.is_some_and(|after| key(offer) <= after));
        let rest = offers[first..].iter().map(|offer| (key(offer), offer));
        Page::fill(rest, limit, |offer| {
            let is_there = is_wanted(offer, stores, channel) && is_granted(offer, grant);
            if is_there { self.record(product, offer).at(now) } else { None }
        })
    }

    /// How many of a product's offers hold at an instant.
    pub(super) fn count_of_product(
        &self,
        grant: Option<&Grant>,
        product: ProductId,
        (stores, channel, now): Wanted<'_>,
    ) -> u64 {
        let offers = self.by_product.get(&product.0).map_or(&[][..], Vec::as_slice);
        let wanted = offers.iter().filter(|offer| is_wanted(offer, stores, channel));
        let wanted = wanted.filter(|offer| offer.holds(now));
        wanted.filter(|offer| is_granted(offer, grant)).count() as u64
    }

    /// The page of a store's offers behind `after` that hold at an instant, by product and channel, of the
    /// products that `takes` takes.
    pub(super) fn of_store(
        &self,
        store: StoreId,
        (channel, now): (Option<Channel>, Micros),
        after: Option<(u64, u64)>,
        limit: usize,
        takes: &dyn Fn(u64) -> bool,
    ) -> Page<OfferRecord, (u64, u64)> {
        Page::fill(self.rows_of_store(store, after), limit, |(product, offer)| {
            let is_there = is_wanted(offer, &[], channel) && takes(product);
            if is_there { self.record(ProductId(product), offer).at(now) } else { None }
        })
    }

    /// The same without the offers, to count them.
    pub(super) fn seen_in_store(
        &self,
        store: StoreId,
        (channel, now): (Option<Channel>, Micros),
        after: Option<(u64, u64)>,
        limit: usize,
        takes: &dyn Fn(u64) -> bool,
    ) -> Page<(), (u64, u64)> {
        Page::fill(self.rows_of_store(store, after), limit, |(product, offer)| {
            (is_wanted(offer, &[], channel) && offer.holds(now) && takes(product)).then_some(())
        })
    }

    /// A store's offers behind `after` with their keys and products.
    fn rows_of_store(
        &self,
        store: StoreId,
        after: Option<(u64, u64)>,
    ) -> impl Iterator<Item = ((u64, u64), (u64, &Offer))> {
        // The product of the cursor comes again: another of its channels may stand behind.
        let from = after.and_then(|(product, _)| product.checked_sub(1));
        let products = self.by_store.get(&store.0).into_iter();
        let rows =
            products.flat_map(move |products| products.after(from)).flat_map(move |product| {
                let offers = self.by_product.get(&product).map_or(&[][..], Vec::as_slice);
                let here = offers.iter().filter(move |offer| offer.store == store.0);
                here.map(move |offer| ((product, offer.channel as u64), (product, offer)))
            });
        rows.filter(move |(key, _)| after.is_none_or(|after| *key > after))
    }

    pub(super) fn settle(&mut self) {
        self.by_product.values_mut().for_each(Vec::shrink_to_fit);
        self.by_store.values_mut().for_each(IdSet::settle);
    }
}
