//! Which products and stores exist, so that rows that name them can be resolved without a query.

use super::{Fault, check};
use crate::kernel::Gtin;
use crate::kernel::id::{ProductId, StoreId};
use hashbrown::{HashMap, HashSet};

/// Resolves what a row names.
pub trait Names {
    /// Whether there is such a product.
    fn has_product(&self, id: ProductId) -> bool;
    /// The product of a GTIN.
    fn product_of(&self, gtin: Gtin) -> Option<ProductId>;
    /// Whether there is such a store.
    fn has_store(&self, id: StoreId) -> bool;
    /// The stores of a GLN.
    fn stores_of(&self, gln: &str) -> Vec<StoreId>;

    /// The product that a row names by id, sku or GTIN, whichever comes first in that order.
    fn product(
        &self,
        id: Option<&str>,
        sku: Option<&str>,
        gtin: Option<&str>,
    ) -> Result<ProductId, Fault> {
        let (field, given, found) = match (id, sku, gtin) {
            (Some(id), ..) => ("product_id", id, Some(check::parsed("product_id", id)?)),
            (None, Some(sku), _) => ("sku", sku, Some(ProductId::derived(sku))),
            (None, None, Some(gtin)) => {
                let number = super::model::gtin(gtin)?;
                ("gtin", gtin, self.product_of(number))
            }
            (None, None, None) => {
                let message = "name the product by sku, gtin or product_id";
                return Err(Fault::new("sku", "", "missing", message));
            }
        };
        found.filter(|id| self.has_product(*id)).ok_or_else(|| {
            let message = "no such product; import the products first, or correct the code";
            Fault::new(field, given, "unknown_product", message)
        })
    }

    /// The store that a row names by id, code or GLN, whichever comes first in that order.
    fn store(
        &self,
        id: Option<&str>,
        code: Option<&str>,
        gln: Option<&str>,
    ) -> Result<StoreId, Fault> {
        let (field, given, found) = match (id, code, gln) {
            (Some(id), ..) => ("store_id", id, Some(check::parsed("store_id", id)?)),
            (None, Some(code), _) => ("store_code", code, Some(StoreId::derived(code))),
            (None, None, Some(gln)) => match self.stores_of(gln)[..] {
                [_, _, ..] => {
                    let message = "is the GLN of several stores; name the store by store_code";
                    return Err(Fault::new("store_gln", gln, "ambiguous_store", message));
                }
                ref found => ("store_gln", gln, found.first().copied()),
            },
            (None, None, None) => {
                let message = "name the store by store_code, store_id or store_gln";
                return Err(Fault::new("store_code", "", "missing", message));
            }
        };
        found.filter(|id| self.has_store(*id)).ok_or_else(|| {
            let message = "no such store; import the stores first, or correct the code";
            Fault::new(field, given, "unknown_store", message)
        })
    }
}

/// The ids that exist; loaded once per import.
#[derive(Debug, Default)]
pub struct Known {
    /// Products that are not deleted.
    pub products: HashSet<ProductId>,
    /// The product of each GTIN in use.
    pub gtins: HashMap<Gtin, ProductId>,
    /// Stores that are not deleted.
    pub stores: HashSet<StoreId>,
    /// The stores of each GLN in use.
    pub glns: HashMap<String, Vec<StoreId>>,
}

impl Names for Known {
    fn has_product(&self, id: ProductId) -> bool {
        self.products.contains(&id)
    }

    fn product_of(&self, gtin: Gtin) -> Option<ProductId> {
        self.gtins.get(&gtin).copied()
    }

    fn has_store(&self, id: StoreId) -> bool {
        self.stores.contains(&id)
    }

    fn stores_of(&self, gln: &str) -> Vec<StoreId> {
        self.glns.get(gln).cloned().unwrap_or_default()
    }
}
