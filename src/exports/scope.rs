//! What a plan includes of the state of the database that an export is read from.

use super::model::Resource;
use super::store::rows::{self, DocumentRow, ProductRow, Row};
use crate::access::plan::PlanData;
use crate::catalog::view::{Grant, PromotionRecord};
use crate::kernel::id::{BrandId, CategoryId, ProductId, StoreId};
use crate::storage::{StoreError, Tx, parsed};
use std::collections::{BTreeSet, HashMap, HashSet};

/// What a plan includes.
#[derive(Debug)]
pub(super) struct Scope<'a> {
    data: &'a PlanData,
    /// None where no product and no store is left out.
    grant: Option<Granted>,
}

#[derive(Debug)]
struct Granted {
    grant: Grant,
    /// The included categories and those above them, where some are left out.
    above: Option<BTreeSet<u64>>,
    products: HashSet<u64>,
}

impl<'a> Scope<'a> {
    /// Reads what a plan includes, in the transaction that the export is read in.
    pub(super) async fn read(tx: &mut Tx, data: &'a PlanData) -> Result<Self, StoreError> {
        let tree = Tree::read(tx).await?;
        let Some(grant) = Grant::of(data, |roots| tree.below(roots)) else {
            return Ok(Self { data, grant: None });
        };
        let included = data.category_ids.as_ref().map(|roots| tree.below(roots));
        let above = included.map(|included| tree.above(included));
        let mut granted = Granted { grant, above, products: HashSet::new() };
        for (id, brand, categories) in rows::places(tx).await? {
            if granted.has_place(data, brand.as_deref(), &categories)? {
                let id: ProductId = parsed("products", &id)?;
                granted.products.insert(id.0);
            }
        }
        Ok(Self { data, grant: Some(granted) })
    }

    /// Whether a row is included.
    pub(super) fn keeps(&self, resource: Resource, row: &Row) -> Result<bool, StoreError> {
        let Some(granted) = &self.grant else { return Ok(true) };
        // Where no product is left out, those of products that are gone stay.
        let any = !self.data.limits_products();
        let has = |product: &str, store: &str| {
            let product: ProductId = parsed("offers", product)?;
            let store: StoreId = parsed("offers", store)?;
            let has_product = any || granted.products.contains(&product.0);
            Ok(has_product && granted.grant.includes_store(store))
        };
        match row {
            Row::Product(ProductRow { id, .. }) => {
                let id: ProductId = parsed("products", id)?;
                Ok(granted.products.contains(&id.0))
            }
            Row::Document(row) => granted.has_document(resource, row),
            Row::Offer(row) => has(&row.product_id, &row.store_id),
            Row::Level(row) => has(&row.product_id, &row.store_id),
        }
    }
}

impl Granted {
    /// Whether a product with this brand and these categories is included.
    fn has_place(
        &self,
        data: &PlanData,
        brand: Option<&str>,
        categories: &str,
    ) -> Result<bool, StoreError> {
        let brand: Option<BrandId> = brand.map(|id| parsed("products", id)).transpose()?;
        if data.brand_ids.is_some() && !brand.is_some_and(|id| self.grant.includes_brand(id)) {
            return Ok(false);
        }
        if data.category_ids.is_none() {
            return Ok(true);
        }
        let mut own = categories.split_whitespace().map(|id| parsed("products", id));
        own.try_fold(false, |any, id| Ok(any || self.grant.includes_category(id?)))
    }

    fn has_document(&self, resource: Resource, row: &DocumentRow) -> Result<bool, StoreError> {
        match resource {
            Resource::Categories => {
                Ok(self.grant.includes_category(parsed::<CategoryId>("categories", &row.id)?))
            }
            Resource::Stores => {
                Ok(self.grant.includes_store(parsed::<StoreId>("stores", &row.id)?))
            }
            Resource::Promotions => {
                let id = parsed("promotions", &row.id)?;
                let promotion = PromotionRecord::read(id, &row.body, None)
                    .map_err(|error| StoreError::corrupt("promotions", error))?;
                let takes = |id: ProductId| self.products.contains(&id.0);
                Ok(promotion.is_about(&self.grant, self.above.as_ref(), takes))
            }
            Resource::Products | Resource::Offers | Resource::Stock => Ok(true),
        }
    }
}

/// The tree of categories.
struct Tree {
    parents: HashMap<u64, u64>,
    children: HashMap<u64, Vec<u64>>,
}

impl Tree {
    async fn read(tx: &mut Tx) -> Result<Self, StoreError> {
        let mut tree = Self { parents: HashMap::new(), children: HashMap::new() };
        for (id, parent) in rows::tree(tx).await? {
            let (id, parent): (CategoryId, CategoryId) =
                (parsed("categories", &id)?, parsed("categories", &parent)?);
            tree.parents.insert(id.0, parent.0);
            tree.children.entry(parent.0).or_default().push(id.0);
        }
        Ok(tree)
    }

    /// Some categories and all below them, ascending.
    fn below(&self, roots: &BTreeSet<CategoryId>) -> Vec<u64> {
        let mut found = BTreeSet::new();
        let mut open: Vec<u64> = roots.iter().map(|id| id.0).collect();
        while let Some(id) = open.pop() {
            if found.insert(id) {
                open.extend(self.children.get(&id).into_iter().flatten());
            }
        }
        found.into_iter().collect()
    }

    /// Some categories and all above them.
    fn above(&self, own: Vec<u64>) -> BTreeSet<u64> {
        let mut found = BTreeSet::new();
        let mut open = own;
        while let Some(id) = open.pop() {
            if found.insert(id) {
                open.extend(self.parents.get(&id));
            }
        }
        found
    }
}
