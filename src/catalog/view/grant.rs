//! The products, categories and stores that a plan includes.

use super::categories::Categories;
use super::products::{Entry, Products};
use super::{CatalogView, Lookup};
use crate::access::plan::PlanData;
use crate::kernel::Gtin;
use crate::kernel::id::{BrandId, CategoryId, ProductId, StoreId};
use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

/// What of the catalog a caller's plan includes, with the categories below those that it names. None of a
/// kind is all of it.
#[derive(Debug, Clone, Default)]
pub struct Grant {
    /// Only products of these brands.
    pub(super) brands: Option<BTreeSet<BrandId>>,
    /// Only products in one of these categories, ascending.
    pub(super) categories: Option<Vec<u64>>,
    /// Only prices and stock of these stores.
    pub(super) stores: Option<BTreeSet<StoreId>>,
    /// The categories with those above them, once they have been asked for.
    above: Arc<OnceLock<BTreeSet<u64>>>,
}

impl PartialEq for Grant {
    fn eq(&self, other: &Self) -> bool {
        self.brands == other.brands
            && self.categories == other.categories
            && self.stores == other.stores
    }
}

impl Grant {
    /// What a plan includes, where `below` gives categories with all below them, ascending; none where that is
    /// every product and every store.
    pub fn of(data: &PlanData, below: impl Fn(&BTreeSet<CategoryId>) -> Vec<u64>) -> Option<Self> {
        (data.limits_products() || data.store_ids.is_some()).then(|| Self {
            brands: data.brand_ids.clone(),
            categories: data.category_ids.as_ref().map(below),
            stores: data.store_ids.clone(),
            above: Arc::default(),
        })
    }

    /// Whether some products are left out.
    #[must_use]
    pub fn limits_products(&self) -> bool {
        self.brands.is_some() || self.categories.is_some()
    }

    /// The included categories and those above them; none where all are. Found once: whoever asks about
    /// many promotions would go through the whole tree for each.
    pub(super) fn above(&self, all: &Categories) -> Option<&BTreeSet<u64>> {
        let own = self.categories.as_deref()?;
        Some(self.above.get_or_init(|| all.with_those_above(own)))
    }

    /// Whether a product is included.
    pub(super) fn takes(&self, entry: &Entry, products: &Products) -> bool {
        let brand = || products.brands.key(entry.brand).map(BrandId);
        let of_brand =
            |brands: &BTreeSet<BrandId>| brand().is_some_and(|own| brands.contains(&own));
        let is_named = |categories: &Vec<u64>, id: &u64| categories.binary_search(id).is_ok();
        self.brands.as_ref().is_none_or(of_brand)
            && self.categories.as_ref().is_none_or(|named| {
                products.categories_of(entry).iter().any(|id| is_named(named, id))
            })
    }

    /// Whether a product is there and included.
    pub(super) fn takes_id(&self, id: u64, products: &Products) -> bool {
        products.get(id).is_some_and(|entry| self.takes(entry, products))
    }

    /// Whether products of a brand can be included.
    #[must_use]
    pub fn includes_brand(&self, id: BrandId) -> bool {
        self.brands.as_ref().is_none_or(|brands| brands.contains(&id))
    }

    /// Whether a category is included.
    #[must_use]
    pub fn includes_category(&self, id: CategoryId) -> bool {
        self.categories.as_ref().is_none_or(|named| named.binary_search(&id.0).is_ok())
    }

    /// Whether it can be told how many products a category has: of some brands alone it cannot.
    pub(super) fn tells_counts(&self) -> bool {
        self.brands.is_none()
    }

    /// Whether a store is included.
    #[must_use]
    pub fn includes_store(&self, id: StoreId) -> bool {
        self.stores.as_ref().is_none_or(|stores| stores.contains(&id))
    }
}

/// What was found, as a look-up tells it.
fn found(entry: Option<&Entry>) -> Lookup {
    match entry {
        Some(entry) => Lookup::Found { body: entry.body.clone(), etag: entry.etag },
        None => Lookup::Missing,
    }
}

impl CatalogView {
    /// What a plan includes of the catalog as it is now; none where that is everything.
    pub fn grant(&self, data: Option<&PlanData>) -> Option<Grant> {
        Grant::of(data?, |roots| {
            let roots: Vec<CategoryId> = roots.iter().copied().collect();
            let mut ids: Vec<u64> = self.with_descendants(&roots).iter().map(|id| id.0).collect();
            ids.sort_unstable();
            ids.dedup();
            ids
        })
    }

    /// Whether a product that is there is included.
    pub fn includes(&self, grant: Option<&Grant>, product: ProductId) -> bool {
        grant.is_none_or(|grant| grant.takes_id(product.0, &self.products.read()))
    }

    /// Whether there is such a product for who has a grant.
    pub fn has_product_within(&self, grant: Option<&Grant>, id: ProductId) -> bool {
        match grant {
            None => self.has_product(id),
            Some(_) => self.includes(grant, id),
        }
    }

    /// The product with this id for who has a grant. Whether a deleted one was included cannot be told: for
    /// who has not all products it never was.
    pub fn product_within(&self, grant: Option<&Grant>, id: ProductId) -> Lookup {
        let Some(grant) = grant.filter(|grant| grant.limits_products()) else {
            return self.product(id);
        };
        let products = self.products.read();
        found(products.get(id.0).filter(|entry| grant.takes(entry, &products)))
    }

    /// The product with this GTIN for who has a grant: of several with it, one that is included.
    pub fn product_by_gtin_within(&self, grant: Option<&Grant>, gtin: Gtin) -> Lookup {
        let Some(grant) = grant.filter(|grant| grant.limits_products()) else {
            return self.product_by_gtin(gtin);
        };
        let products = self.products.read();
        found(products.by_gtin(gtin.number(), |entry| grant.takes(entry, &products)))
    }

    /// The product that a GTIN leads to for who has a grant.
    pub fn id_of_within(&self, grant: Option<&Grant>, gtin: Gtin) -> Option<ProductId> {
        let products = self.products.read();
        let takes = |entry: &Entry| grant.is_none_or(|grant| grant.takes(entry, &products));
        products.by_gtin(gtin.number(), takes).map(|entry| ProductId(entry.id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_categories_above_are_found_once_for_all_who_hold_a_grant() {
        let tree = Categories::default();
        let grant = Grant { categories: Some(vec![1]), ..Grant::default() };
        let (also, apart) = (grant.clone(), Grant { above: Arc::default(), ..grant.clone() });
        let found = |grant: &Grant| grant.above(&tree).map(std::ptr::from_ref);
        assert_eq!((found(&grant), found(&also)), (found(&also), found(&grant)));
        assert_ne!(found(&grant), found(&apart));
        assert!(grant == apart && Grant::default().above(&tree).is_none());
    }

    #[test]
    fn none_of_a_kind_is_all_of_it() {
        let all = Grant::default();
        assert!(!all.limits_products() && all.tells_counts());
        assert!(all.includes_store(StoreId(1)) && all.includes_category(CategoryId(1)));
        assert!(all.includes_brand(BrandId(1)));
        let some = Grant {
            brands: Some([BrandId(1)].into()),
            categories: Some(vec![1, 3]),
            stores: Some([StoreId(1)].into()),
            ..Grant::default()
        };
        assert!(some.limits_products() && !some.tells_counts());
        let of = |id| {
            (
                some.includes_brand(BrandId(id)),
                some.includes_category(CategoryId(id)),
                some.includes_store(StoreId(id)),
            )
        };
        assert_eq!((of(1), of(2)), ((true, true, true), (false, false, false)));
    }
}
