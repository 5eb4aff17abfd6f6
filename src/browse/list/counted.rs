//! What is counted of one facet while products are looked at.

use super::facets::{Facet, FacetValueOut};
use crate::catalog::model::{Condition, Status};
use crate::catalog::view::hash::IdMap;
use crate::catalog::view::{CatalogView, Row};
use crate::kernel::id::CategoryId;
use crate::kernel::money::{Amount, Currency, Money, SCALE};
use crate::kernel::word::Word;
use crate::stock::model::Availability;
use std::sync::LazyLock;

/// What ranges of prices end before: 1, 2 and 5 times each power of ten from one unit on.
static BOUNDS: LazyLock<Vec<i64>> = LazyLock::new(|| {
    let decades = std::iter::successors(Some(SCALE), |decade| decade.checked_mul(10));
    decades
        .flat_map(|decade| [1, 2, 5].into_iter().filter_map(move |m| decade.checked_mul(m)))
        .collect()
});

/// The least price of the `nth` range, and the price above it.
fn range(nth: usize) -> (Amount, Amount) {
    let bound = |nth: usize| BOUNDS.get(nth).copied();
    let from = nth.checked_sub(1).and_then(bound).unwrap_or(0);
    (Amount(from), Amount(bound(nth).unwrap_or(i64::MAX)))
}

/// The range that holds a price.
fn range_of(price: Amount) -> usize {
    BOUNDS.partition_point(|bound| *bound <= price.0)
}

/// Counts by a number that is small.
fn count_at(counts: &mut Vec<u32>, at: usize) {
    if counts.len() <= at {
        counts.resize(at + 1, 0);
    }
    if let Some(count) = counts.get_mut(at) {
        *count += 1;
    }
}

/// What is counted of one facet.
#[derive(Debug, Default)]
pub(super) struct Counted {
    /// By the number of a brand or by the place of a word among its set's.
    by_number: Vec<u32>,
    by_category: IdMap<u32>,
    /// By range of prices.
    by_range: Vec<(Currency, Vec<u32>)>,
}

impl Counted {
    /// Counts a product, in the categories `above` and with the availabilities that it has.
    pub(super) fn take(
        &mut self,
        facet: &Facet,
        row: &Row<'_>,
        above: &[u64],
        has: &[Availability],
    ) {
        match facet {
            Facet::Brand => {
                if let Some(brand) = row.brand() {
                    count_at(&mut self.by_number, brand as usize);
                }
            }
            Facet::Category => {
                for category in above {
                    *self.by_category.entry(*category).or_default() += 1;
                }
            }
            Facet::Price => {
                if let Some((price, currency)) = row.price {
                    count_at(self.ranges(currency), range_of(price));
                }
            }
            Facet::Availability => {
                let mut seen = [false; Availability::WORDS.len()];
                for one in has {
                    if let Some(seen) = seen.get_mut(*one as usize)
                        && !std::mem::replace(seen, true)
                    {
                        count_at(&mut self.by_number, *one as usize);
                    }
                }
            }
            Facet::Condition => {
                if let Some(condition) = row.condition() {
                    count_at(&mut self.by_number, condition as usize);
                }
            }
            Facet::Status => count_at(&mut self.by_number, row.status() as usize),
            // Counted by the search index from the products that were taken.
            Facet::Attribute(..) => {}
        }
    }

    /// The counts by range of prices in a currency.
    fn ranges(&mut self, currency: Currency) -> &mut Vec<u32> {
        let known = self.by_range.iter().position(|(own, _)| *own == currency);
        let at = known.unwrap_or(self.by_range.len());
        if known.is_none() {
            self.by_range.push((currency, Vec::new()));
        }
        &mut self.by_range[at].1
    }

    /// The values that were counted: ranges of prices in their order; of others at least the `most` of
    /// which there are the most, in no order.
    pub(super) fn values(
        self,
        facet: &Facet,
        most: usize,
        catalog: &CatalogView,
    ) -> Vec<FacetValueOut> {
        match facet {
            Facet::Brand => most_of(counted(self.by_number).collect(), most)
                .into_iter()
                .filter_map(|(number, count)| {
                    let (id, name) = catalog.brand_of(u32::try_from(number).ok()?)?;
                    Some(FacetValueOut::of(id.to_string(), Some(name), count))
                })
                .collect(),
            Facet::Category => most_of(self.by_category.into_iter().collect(), most)
                .into_iter()
                .map(|(id, count)| {
                    let (name, id) = (catalog.category_name(id), CategoryId(id));
                    let translations = catalog.category_translations(id);
                    FacetValueOut::of_category(id.to_string(), name, translations, count)
                })
                .collect(),
            Facet::Price => price_ranges(self.by_range),
            Facet::Availability => words::<Availability>(self.by_number),
            Facet::Condition => words::<Condition>(self.by_number),
            Facet::Status => words::<Status>(self.by_number),
            Facet::Attribute(..) => Vec::new(),
        }
    }
}

/// The numbers that were counted, with their counts.
fn counted(counts: Vec<u32>) -> impl Iterator<Item = (usize, u32)> {
    counts.into_iter().enumerate().filter(|(_, count)| *count > 0)
}

/// Leaves those that count for at least as much as the last of the `most`: brands are named and
/// sorted among these alone.
fn most_of<K>(mut counts: Vec<(K, u32)>, most: usize) -> Vec<(K, u32)> {
    if let Some(last) = most.checked_sub(1).filter(|_| counts.len() > most) {
        let (_, (_, least), _) = counts.select_nth_unstable_by(last, |a, b| b.1.cmp(&a.1));
        let least = *least;
        counts.retain(|(_, count)| *count >= least);
    }
    counts
}

/// The words of a set that were counted.
fn words<W: Word>(counts: Vec<u32>) -> Vec<FacetValueOut> {
    let value = |(at, count): (usize, u32)| {
        let (word, _) = W::WORDS.get(at)?;
        Some(FacetValueOut::of((*word).to_owned(), None, count))
    };
    counted(counts).filter_map(value).collect()
}

fn price_ranges(mut by_range: Vec<(Currency, Vec<u32>)>) -> Vec<FacetValueOut> {
    by_range.sort_unstable_by_key(|(currency, _)| currency.code());
    let of_currency = |(currency, counts): (Currency, Vec<u32>)| {
        counted(counts).map(move |(nth, count)| {
            let (from, to) = range(nth);
            let money = |amount| Money { amount, currency };
            FacetValueOut::range(money(from), money(to), count)
        })
    };
    by_range.into_iter().flat_map(of_currency).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    #[test]
    fn ranges_begin_with_1_2_and_5() {
        let text = |price| {
            let (from, to) = range(range_of(Amount(price)));
            (from.0 / SCALE, to.0 / SCALE)
        };
        assert_eq!(text(0), (0, 1));
        assert_eq!(text(9_999), (0, 1));
        assert_eq!(text(10_000), (1, 2));
        assert_eq!(text(499_999), (20, 50));
        assert_eq!(text(500_000), (50, 100));
    }

    proptest! {
        #[test]
        fn the_most_are_left_with_all_that_equal_the_last(
            counts in proptest::collection::vec(1..6u32, 0..30),
            most in 1..12usize,
        ) {
            let left = most_of(counts.iter().copied().enumerate().collect(), most);
            let mut sorted = counts.clone();
            sorted.sort_unstable_by(|a, b| b.cmp(a));
            let least = sorted.get(most - 1).copied().unwrap_or(0);
            let expected: HashSet<_> =
                counts.into_iter().enumerate().filter(|(_, count)| *count >= least).collect();
            prop_assert_eq!(left.into_iter().collect::<HashSet<_>>(), expected);
        }

        #[test]
        fn a_range_holds_its_price(price in 0i64..9_000_000_000_000_000_000) {
            let (from, to) = range(range_of(Amount(price)));
            prop_assert!(from.0 <= price && price < to.0);
        }
    }
}
