//! The products that a plan includes.

use super::CatalogView;
use super::products::{Entry, Products};
use crate::access::plan::PlanData;
use crate::kernel::id::{BrandId, CategoryId, ProductId, StoreId};
use std::collections::BTreeSet;

/// What of the catalog a caller's plan includes, with the categories below those that it names. None of a
/// kind is all of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grant {
    /// Only products of these brands.
    pub(super) brands: Option<BTreeSet<BrandId>>,
    /// Only products in one of these categories, ascending.
    pub(super) categories: Option<Vec<u64>>,
    /// Only prices and stock of these stores.
    pub(super) stores: Option<BTreeSet<StoreId>>,
}

impl Grant {
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

    /// Whether a category is included.
    #[must_use]
    pub fn includes_category(&self, id: CategoryId) -> bool {
        self.categories.as_ref().is_none_or(|named| named.binary_search(&id.0).is_ok())
    }

    /// Whether a store is included.
    #[must_use]
    pub fn includes_store(&self, id: StoreId) -> bool {
        self.stores.as_ref().is_none_or(|stores| stores.contains(&id))
    }
}

impl CatalogView {
    /// What a plan includes of the catalog as it is now; none where that is everything.
    pub fn grant(&self, data: Option<&PlanData>) -> Option<Grant> {
        let data = data.filter(|data| data.limits_products() || data.store_ids.is_some())?;
        let below = |roots: &BTreeSet<CategoryId>| {
            let roots: Vec<CategoryId> = roots.iter().copied().collect();
            let mut ids: Vec<u64> = self.with_descendants(&roots).iter().map(|id| id.0).collect();
            ids.sort_unstable();
            ids.dedup();
            ids
        };
        Some(Grant {
            brands: data.brand_ids.clone(),
            categories: data.category_ids.as_ref().map(below),
            stores: data.store_ids.clone(),
        })
    }

    /// Whether a product that is there is included.
    pub fn includes(&self, grant: Option<&Grant>, product: ProductId) -> bool {
        let Some(grant) = grant else { return true };
        let products = self.products.read();
        products.get(product.0).is_some_and(|entry| grant.takes(entry, &products))
    }
}
