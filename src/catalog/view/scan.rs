//! Looks at many products at once, for lists that are sorted or counted.

use super::CatalogView;
use super::hash::IdMap;
use super::id_set::Union;
use super::offers::Offers;
use super::prices::Lowest;
use super::products::{Entry, Products};
use super::query::{Filter, ProductQuery};
use super::rows::{Misses, Row};
use crate::kernel::{Amount, Currency, Micros};
use std::sync::atomic::Ordering;

/// Named products that are found before they are looked at. Each is a few places far apart in memory:
/// where nothing is done in between, the processor waits for those of several products at a time.
const AT_ONCE: usize = 128;

/// A look at products under the view's locks.
struct Look<'a> {
    query: &'a ProductQuery,
    offers: &'a Offers,
    products: &'a Products,
    filter: Filter<'a>,
    now: Micros,
    /// Prices that had to be looked for.
    found: Vec<(u64, Lowest)>,
}

impl<'a> Look<'a> {
    /// What the product of an entry costs and which filters it misses.
    fn row(&mut self, (at, entry): (u32, &'a Entry)) -> Row<'a> {
        let query = self.query;
        let mut misses = self.filter.misses(entry);
        let mut price = None;
        if query.wants_prices {
            price = self.price(at, entry);
            misses.add(Misses::OTHER, query.channel.is_some() && price.is_none());
            let within = |(price, _): (Amount, _)| {
                query.min_price.is_none_or(|min| price >= min)
                    && query.max_price.is_none_or(|max| price <= max)
            };
            let bounded = query.min_price.is_some() || query.max_price.is_some();
            misses.add(Misses::PRICE, bounded && !price.is_some_and(within));
        }
        Row::new(entry, self.products, misses, price)
    }

    fn price(&mut self, at: u32, entry: &Entry) -> Option<(Amount, Currency)> {
        if self.query.narrows_prices() {
            return self.offers.lowest_of(entry.id, self.query, self.now);
        }
        let known = self.products.lowest(at, entry);
        if known.holds(self.now) {
            return known.price;
        }
        let lowest = self.offers.lowest(entry.id, self.now);
        self.found.push((entry.id, lowest));
        lowest.price
    }
}

impl CatalogView {
    /// The ids of all products that a query could take, ascending; `None` where these are as good as
    /// all. `whole` leaves no product out, for facets that count what their own filter excludes.
    pub fn candidates(&self, query: &ProductQuery, whole: bool) -> Option<Vec<u64>> {
        let offers = self.offers.read();
        let products = self.products.read();
        let filter = Filter::new(query, &products, query.sold(&offers, None));
        if let Some(named) = filter.named() {
            return Some(named.after(None).collect());
        }
        if whole {
            let sold = query.sold(&offers, None)?;
            return Some(sold.products.into_iter().flat_map(|set| set.after(None)).collect());
        }
        match filter.smallest().as_slice() {
            [one] if one.len() == products.ids.len() => None,
            [one] => Some(one.after(None).collect()),
            several => Some(Union::after(several, None).collect()),
        }
    }

    /// The ids of all products that a query could take, where they are few.
    pub fn few_candidates(&self, query: &ProductQuery, most: usize) -> Option<IdMap<()>> {
        let offers = self.offers.read();
        let products = self.products.read();
        let filter = Filter::new(query, &products, query.sold(&offers, None));
        if let Some(named) = filter.named() {
            return Some(named.after(None).map(|id| (id, ())).collect());
        }
        let sets = filter.smallest();
        let size: usize = sets.iter().map(|set| set.len()).sum();
        let ids = sets.iter().flat_map(|set| set.after(None));
        (size <= most).then(|| ids.map(|id| (id, ())).collect())
    }

    /// Every id, ascending.
    pub fn ids(&self) -> Vec<u64> {
        self.products.read().ids.after(None).collect()
    }

    /// How often a product that was deleted came back. Where that has not changed, a walk through
    /// [`Self::stride`] has met no product twice.
    pub fn returns(&self) -> u64 {
        self.products.read().returns
    }

    /// Calls `each` with those of some products that are there. Locks are held meanwhile, so hand
    /// over a few thousand at most.
    pub fn rows(
        &self,
        query: &ProductQuery,
        ids: &[u64],
        now: Micros,
        each: impl FnMut(&mut Row<'_>),
    ) {
        self.look(query, now, Which::Named(ids), each);
    }

    /// Calls `each` with all products of a stride, in the order in which they lie in memory; the
    /// first is 0. False behind the last.
    pub fn stride(
        &self,
        query: &ProductQuery,
        nth: usize,
        now: Micros,
        each: impl FnMut(&mut Row<'_>),
    ) -> bool {
        self.look(query, now, Which::Stride(nth), each)
    }

    fn look(
        &self,
        query: &ProductQuery,
        now: Micros,
        which: Which<'_>,
        mut each: impl FnMut(&mut Row<'_>),
    ) -> bool {
        let offers = self.offers.read();
        let products = self.products.read();
        let filter = Filter::new(query, &products, query.sold(&offers, Some(now)));
        let found = Vec::new();
        let mut look = Look { query, offers: &offers, products: &products, filter, now, found };
        let mut is_there = true;
        match which {
            Which::Named(ids) => {
                let mut entries = Vec::with_capacity(ids.len().min(AT_ONCE));
                for ids in ids.chunks(AT_ONCE) {
                    entries.extend(ids.iter().filter_map(|id| products.get_with_slot(*id)));
                    entries.drain(..).for_each(|entry| each(&mut look.row(entry)));
                }
            }
            Which::Stride(nth) => match products.stride(nth) {
                Some(entries) => entries.for_each(|entry| each(&mut look.row(entry))),
                None => is_there = false,
            },
        }
        let found = look.found;
        drop(products);
        if !found.is_empty() {
            self.has_prices.store(true, Ordering::Relaxed);
            // The offers cannot have changed since: they are locked still.
            self.products.write().keep_prices(&found);
        }
        is_there
    }
}

/// Which products are looked at.
#[derive(Clone, Copy)]
enum Which<'a> {
    Named(&'a [u64]),
    Stride(usize),
}
