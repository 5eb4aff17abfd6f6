//! The lowest price of each product over all stores and channels, kept beside the product with the
//! instants between which it holds: a look at all products need not look at their offers.

use super::offers::Offers;
use super::products::PAGE;
use super::query::ProductQuery;
use crate::kernel::{Amount, Currency, Micros};

/// Microseconds in the unit of a price's bounds.
const SECOND: i64 = 1_000_000;

/// A lowest price, or that there is none, and from when until when that is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lowest {
    pub(super) price: Option<(Amount, Currency)>,
    /// In whole seconds; at the end it holds no longer. A price that has not been looked for holds
    /// at no instant.
    pub(super) from: u32,
    pub(super) until: u32,
}

impl Lowest {
    /// What has not been looked for.
    pub(super) const UNKNOWN: Self = Self { price: None, from: u32::MAX, until: 0 };

    /// Whether it holds at an instant.
    pub(super) fn holds(&self, now: Micros) -> bool {
        i64::from(self.from) * SECOND <= now.0 && now.0 < i64::from(self.until) * SECOND
    }
}

/// A lowest price as it is kept, in 16 bytes: the currency stands in the product's entry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kept {
    price: i64,
    from: u32,
    until: u32,
}

impl Kept {
    pub(super) const UNKNOWN: Self =
        Self { price: 0, from: Lowest::UNKNOWN.from, until: Lowest::UNKNOWN.until };

    pub(super) fn new(lowest: Lowest) -> Self {
        let price = lowest.price.map_or(0, |(price, _)| price.0);
        Self { price, from: lowest.from, until: lowest.until }
    }

    pub(super) fn lowest(self, currency: Option<Currency>) -> Lowest {
        let price = currency.map(|currency| (Amount(self.price), currency));
        Lowest { price, from: self.from, until: self.until }
    }
}

/// The lowest prices of products by slot, in pages that are there where any price was looked for.
#[derive(Debug, Default)]
pub(super) struct Prices(Vec<Vec<Kept>>);

impl Prices {
    /// What is kept for a slot.
    pub(super) fn get(&self, slot: u32) -> Kept {
        let (page, place) = (slot as usize / PAGE, slot as usize % PAGE);
        self.0.get(page).and_then(|page| page.get(place)).copied().unwrap_or(Kept::UNKNOWN)
    }

    /// Keeps the price of a slot.
    pub(super) fn keep(&mut self, slot: u32, kept: Kept) {
        let (page, place) = (slot as usize / PAGE, slot as usize % PAGE);
        if self.0.len() <= page {
            self.0.resize_with(page + 1, Vec::new);
        }
        let page = &mut self.0[page];
        if page.is_empty() {
            page.resize(PAGE, Kept::UNKNOWN);
        }
        page[place] = kept;
    }

    /// Forgets the price of a slot.
    pub(super) fn forget(&mut self, slot: u32) {
        let page = self.0.get_mut(slot as usize / PAGE);
        if let Some(kept) = page.and_then(|page| page.get_mut(slot as usize % PAGE)) {
            *kept = Kept::UNKNOWN;
        }
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> usize {
        self.0.iter().map(|page| page.capacity() * size_of::<Kept>()).sum()
    }
}

/// The first whole second at or after an instant; the last for those behind it.
fn second_after(at: i64) -> u32 {
    let seconds = at.div_euclid(SECOND) + i64::from(at.rem_euclid(SECOND) > 0);
    u32::try_from(seconds.max(0)).unwrap_or(u32::MAX)
}

/// The last whole second at or before an instant; none is before the first.
fn second_before(at: i64) -> u32 {
    u32::try_from(at.div_euclid(SECOND).max(0)).unwrap_or(u32::MAX)
}

impl Offers {
    /// The lowest price that a product's offers ask at an instant, and how long that is so: from the
    /// last instant at which one of them began or ended to the next.
    pub(super) fn lowest(&self, id: u64, now: Micros) -> Lowest {
        let price = self.holding(id, now).map(|offer| (offer.2, offer.3));
        let price = price.min_by_key(|(price, _)| *price);
        let (mut from, mut until) = (i64::MIN, i64::MAX);
        for at in self.turns(id) {
            if at <= now.0 {
                from = from.max(at);
            } else {
                until = until.min(at);
            }
        }
        Lowest { price, from: second_after(from), until: second_before(until) }
    }

    /// The lowest price at an instant of one store and channel, or of all that are included.
    pub(super) fn lowest_of(
        &self,
        id: u64,
        query: &ProductQuery,
        now: Micros,
    ) -> Option<(Amount, Currency)> {
        let grant = query.grant.as_ref();
        self.holding(id, now)
            .filter(|offer| grant.is_none_or(|grant| grant.includes_store(offer.0)))
            .filter(|offer| query.store.is_none_or(|store| offer.0 == store))
            .filter(|offer| query.channel.is_none_or(|channel| offer.1 == channel))
            .map(|offer| (offer.2, offer.3))
            .min_by_key(|(price, _)| *price)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bounds_in_seconds_lie_within_those_in_microseconds(from: i64, until: i64, now: i64) {
            let lowest =
                Lowest { price: None, from: second_after(from), until: second_before(until) };
            prop_assert!(!lowest.holds(Micros(now)) || (from <= now && now < until));
            prop_assert!(!Lowest::UNKNOWN.holds(Micros(now)));
        }
    }

    #[test]
    fn what_never_begins_or_ends_holds_now() {
        let lowest =
            Lowest { price: None, from: second_after(i64::MIN), until: second_before(i64::MAX) };
        assert!(lowest.holds(Micros(1_790_000_000_000_000)));
    }
}
