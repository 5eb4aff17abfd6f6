//! A product as a look at many sees it: with the filters that it misses and what it costs; and what
//! brands and categories are called.

use super::grant::Grant;
use super::id_set::IdSet;
use super::postings::NONE;
use super::products::{Entry, Products};
use super::{CatalogView, CategoryRecord};
use crate::catalog::model::{Condition, Status};
use crate::kernel::id::{BrandId, CategoryId, ProductId};
use crate::kernel::{Amount, Currency, Gtin, Micros};
use bytes::Bytes;
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

/// Filters that a product misses, a bit each. Facets count what a product would add if their own
/// filter were not there, so they need to know which it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Misses(pub u32);

impl Misses {
    /// `brand`.
    pub const BRAND: Self = Self(1);
    /// `category_id`.
    pub const CATEGORY: Self = Self(1 << 1);
    /// `status`.
    pub const STATUS: Self = Self(1 << 2);
    /// `condition`.
    pub const CONDITION: Self = Self(1 << 3);
    /// `min_price` and `max_price`.
    pub const PRICE: Self = Self(1 << 4);
    /// `availability`.
    pub const AVAILABILITY: Self = Self(1 << 5);
    /// Any filter that has no facet.
    pub const OTHER: Self = Self(1 << 6);

    /// The bit of the `nth` attribute.
    #[must_use]
    pub fn attribute(nth: usize) -> Self {
        Self(1 << (7 + nth))
    }

    /// Notes a filter that is missed.
    pub fn add(&mut self, other: Self, missed: bool) {
        if missed {
            self.0 |= other.0;
        }
    }

    /// Whether nothing is missed but, where it is, `own`.
    #[must_use]
    pub fn none_but(self, own: Self) -> bool {
        self.0 & !own.0 == 0
    }
}

/// A product under the view's locks.
#[derive(Debug)]
pub struct Row<'a> {
    entry: &'a Entry,
    products: &'a Products,
    /// The filters of the query that it misses.
    pub misses: Misses,
    /// The lowest price that the query's store and channel ask for it.
    pub price: Option<(Amount, Currency)>,
}

impl<'a> Row<'a> {
    pub(super) fn new(
        entry: &'a Entry,
        products: &'a Products,
        misses: Misses,
        price: Option<(Amount, Currency)>,
    ) -> Self {
        Self { entry, products, misses, price }
    }

    /// The product's id.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.entry.id
    }

    /// The document.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.entry.body
    }

    /// Its brand, as a number of this view.
    #[must_use]
    pub fn brand(&self) -> Option<u32> {
        (self.entry.brand != NONE).then_some(self.entry.brand)
    }

    /// Its categories.
    #[must_use]
    pub fn categories(&self) -> &[u64] {
        self.products.categories_of(self.entry)
    }

    /// Whether it is sold.
    #[must_use]
    pub fn status(&self) -> Status {
        self.entry.status
    }

    /// Its condition, where the retailer has told one.
    #[must_use]
    pub fn condition(&self) -> Option<Condition> {
        self.entry.condition
    }

    /// When it last changed.
    #[must_use]
    pub fn updated_at(&self) -> Micros {
        Micros(self.entry.updated_at)
    }
}

impl CatalogView {
    /// Id and name of the brand that has a number in this view.
    pub fn brand_of(&self, number: u32) -> Option<(BrandId, String)> {
        let products = self.products.read();
        let id = products.brands.key(number)?;
        Some((BrandId(id), products.brand_names.get(id)?.to_owned()))
    }

    /// Whether a product has a GTIN, or had it when it was deleted.
    pub fn is_gtin_of(&self, gtin: Gtin, product: ProductId) -> bool {
        let products = self.products.read();
        let present = products.get(product.0).map(|entry| entry.gtin);
        let gone = || products.gone.get(&product.0)?.gtin.map(Gtin::number);
        present.or_else(gone) == Some(gtin.number())
    }

    /// The category above each category that has one.
    pub fn parents(&self) -> HashMap<u64, u64> {
        let categories = self.categories.read();
        let above = |(id, record): (&u64, &CategoryRecord)| Some((*id, record.parent?.0));
        categories.by_id.iter().filter_map(above).collect()
    }

    /// The name of a category.
    pub fn category_name(&self, id: u64) -> Option<String> {
        self.categories.read().names.get(id).map(str::to_owned)
    }

    /// The brands that some texts name: each by its id, or by its name, in which case and accents make no difference.
    pub fn brands_called(&self, texts: &[String]) -> Vec<BrandId> {
        let products = self.products.read();
        let mut brands = Vec::with_capacity(texts.len());
        for text in texts {
            // Of a name that no product has, an id that none has.
            brands.push(BrandId::named(text));
            if text.parse::<BrandId>().is_err() {
                brands.extend(products.brand_names.called(text).map(BrandId));
            }
        }
        brands.sort_unstable();
        brands.dedup();
        brands
    }

    /// Brands of which the name has words that begin with all of some folded words, those with the
    /// most products first. A brand without a product that is included is left out.
    pub fn brands_named(
        &self,
        grant: Option<&Grant>,
        words: &[String],
        most: usize,
    ) -> Vec<(BrandId, String)> {
        let products = self.products.read();
        let grant = grant.filter(|grant| grant.limits_products());
        let count = |id: &u64| match (products.brands.set(*id), grant) {
            (None, _) => 0,
            (Some(set), None) => set.len(),
            (Some(set), Some(grant)) => {
                set.after(None).filter(|id| grant.takes_id(*id, &products)).count()
            }
        };
        let found = products.brand_names.find(words);
        let best = most_first(found, most, count);
        let named = |id: u64| Some((BrandId(id), products.brand_names.get(id)?.to_owned()));
        best.into_iter().filter_map(named).collect()
    }

    /// Categories that are included of which the name has words that begin with all of some folded
    /// words, those with the most products first.
    pub fn categories_named(
        &self,
        grant: Option<&Grant>,
        words: &[String],
        most: usize,
    ) -> Vec<(CategoryId, String)> {
        let categories = self.categories.read();
        let products = self.products.read();
        let below = |id: &u64| categories.with_descendants(&[CategoryId(*id)]);
        let size = |id: CategoryId| products.in_category.set(id.0).map_or(0, IdSet::len);
        let count = |id: &u64| below(id).into_iter().map(size).sum::<usize>();
        let mut found = categories.names.find(words);
        if let Some(grant) = grant {
            found.retain(|id| grant.includes_category(CategoryId(*id)));
        }
        let best = most_first(found, most, count);
        let named = |id: u64| Some((CategoryId(id), categories.names.get(id)?.to_owned()));
        best.into_iter().filter_map(named).collect()
    }
}

/// The keys that count for most, and among equals the lowest; those that count for nothing are left
/// out.
fn most_first(found: HashSet<u64>, most: usize, count: impl Fn(&u64) -> usize) -> Vec<u64> {
    let counted = found.into_iter().map(|id| (Reverse(count(&id)), id));
    let mut counted: Vec<_> = counted.filter(|(Reverse(count), _)| *count > 0).collect();
    counted.sort_unstable();
    counted.into_iter().take(most).map(|(_, id)| id).collect()
}
