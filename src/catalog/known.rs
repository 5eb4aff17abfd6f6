//! Which products and stores exist, so that rows that name them can be resolved without a query.

use super::{Fault, check};
use crate::kernel::Gtin;
use crate::kernel::id::{ProductId, StoreId};
use hashbrown::{HashMap, HashSet};

/// The ids that exist; loaded once per import.
#[derive(Debug, Default)]
pub struct Known {
    /// Products that are not deleted.
    pub products: HashSet<ProductId>,
    /// The product of each GTIN in use.
    pub gtins: HashMap<Gtin, ProductId>,
    /// Stores that are not deleted.
    pub stores: HashSet<StoreId>,
}

impl Known {
    /// The product that a row names by id, sku or GTIN, whichever comes first in that order.
    pub fn product(
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
                ("gtin", gtin, self.gtins.get(&number).copied())
            }
            (None, None, None) => {
                let message = "name the product by sku, gtin or product_id";
                return Err(Fault::new("sku", "", "missing", message));
            }
        };
        found.filter(|id| self.products.contains(id)).ok_or_else(|| {
            let message = "no such product; import the products first, or correct the code";
            Fault::new(field, given, "unknown_product", message)
        })
    }

    /// The store that a row names by id or code.
    pub fn store(&self, id: Option<&str>, code: Option<&str>) -> Result<StoreId, Fault> {
        let (field, given, found) = match (id, code) {
            (Some(id), _) => ("store_id", id, check::parsed("store_id", id)?),
            (None, Some(code)) => ("store_code", code, StoreId::derived(code)),
            (None, None) => {
                let message = "name the store by store_code or store_id";
                return Err(Fault::new("store_code", "", "missing", message));
            }
        };
        if self.stores.contains(&found) {
            return Ok(found);
        }
        let message = "no such store; import the stores first, or correct the code";
        Err(Fault::new(field, given, "unknown_store", message))
    }
}
