//! The catalog in memory: what every read is answered from.
//!
//! Products, offers and categories stand behind a lock each. Writers apply a batch of a few hundred
//! rows under a lock; who needs several takes them in the order of their ranks: stores, offers,
//! categories, products, promotions, stock. A body leaves the view as a counted reference to the bytes
//! it is stored in.

mod arena;
mod categories;
mod deleted;
mod grant;
pub mod hash;
pub mod id_set;
mod names;
mod offers;
pub mod page;
pub mod pool;
mod postings;
mod prices;
mod products;
mod promotions;
mod query;
mod rows;
mod saved;
mod scan;
mod tree;

pub use categories::{CategoryChange, CategoryQuery, CategoryRecord};
pub use deleted::{Listed, with_deleted};
pub use grant::Grant;
pub use offers::{OfferChange, OfferRecord, Wanted as OffersWanted};
pub use page::Page;
pub use products::{ProductChange, ProductRecord, Tombstone};
pub use promotions::{
    Audience, Phase, PromotionChange, PromotionQuery, PromotionRecord, Subject, Turn,
};
pub use query::ProductQuery;
pub use rows::{Misses, Row};
pub use saved::{NotSaved, SavedOffer, SavedProduct, SavedTombstone};
pub use tree::{TreeNode, TreeRequest};

use crate::catalog::offers::Channel;
use crate::catalog::search::Source;
use crate::http::answer::{Cache, digest};
use crate::kernel::id::{BrandId, CategoryId, ProductId, PromotionId, StoreId};
use crate::kernel::ranked::Ranked;
use crate::kernel::{Gtin, Micros};
use bytes::Bytes;
use categories::Beside;
use std::sync::atomic::{AtomicBool, Ordering};

/// What is known about an id or a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// The resource, as stored.
    Found {
        /// The document.
        body: Bytes,
        /// Its digest.
        etag: u64,
    },
    /// It was deleted.
    Gone {
        /// What stands in its place.
        replaced_by: Option<ProductId>,
    },
    /// It never was.
    Missing,
}

/// How much the view holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sizes {
    /// Products.
    pub products: usize,
    /// Deleted products that are remembered.
    pub deleted_products: usize,
    /// Bytes of all product documents.
    pub product_body_bytes: usize,
    /// Bytes that products take beside their documents.
    pub product_overhead_bytes: usize,
    /// Offers.
    pub offers: usize,
    /// Categories.
    pub categories: usize,
    /// Promotions.
    pub promotions: usize,
}

/// The products, offers and categories of this node.
#[derive(Debug, Default)]
pub struct CatalogView {
    offers: Ranked<offers::Offers, 1>,
    categories: Ranked<categories::Categories, 2>,
    products: Ranked<products::Products, 3>,
    promotions: Ranked<promotions::Promotions, 4>,
    /// Whether the price of any product is kept beside it.
    has_prices: AtomicBool,
}

impl CatalogView {
    /// The product with this id: one hash, no allocation.
    pub fn product(&self, id: ProductId) -> Lookup {
        let products = self.products.read();
        match products.get(id.0) {
            Some(entry) => Lookup::Found { body: entry.body.clone(), etag: entry.etag },
            None => match products.gone.get(&id.0) {
                Some(tombstone) => Lookup::Gone { replaced_by: products.successor(tombstone) },
                None => Lookup::Missing,
            },
        }
    }

    /// The product with this GTIN; a deleted one only where no other has the GTIN now.
    pub fn product_by_gtin(&self, gtin: Gtin) -> Lookup {
        let products = self.products.read();
        match products.by_gtin(gtin.number(), |_| true) {
            Some(entry) => Lookup::Found { body: entry.body.clone(), etag: entry.etag },
            None => match products.gone_by_gtin(gtin.number()) {
                Some(tombstone) => Lookup::Gone { replaced_by: products.successor(tombstone) },
                None => Lookup::Missing,
            },
        }
    }

    /// Calls `look` with what tells the GTIN of a product, `None` where there is no such product that is
    /// included, for many products under one lock; `look` may ask for stock beside it.
    pub fn with_gtins<T>(
        &self,
        grant: Option<&Grant>,
        look: impl FnOnce(&dyn Fn(ProductId) -> Option<Option<Gtin>>) -> T,
    ) -> T {
        let products = self.products.read();
        look(&|id| {
            let entry = products.get(id.0)?;
            let is_taken = grant.is_none_or(|grant| grant.takes(entry, &products));
            is_taken.then(|| Gtin::from_number(entry.gtin))
        })
    }

    /// The GTIN of a product: `None` where there is no such product.
    pub fn gtin_of(&self, id: ProductId) -> Option<Option<Gtin>> {
        let gtin = self.products.read().get(id.0)?.gtin;
        Some(Gtin::from_number(gtin))
    }

    /// The product that a GTIN leads to.
    pub fn id_of(&self, gtin: Gtin) -> Option<ProductId> {
        self.id_of_within(None, gtin)
    }

    /// Whether there is such a product.
    pub fn has_product(&self, id: ProductId) -> bool {
        self.products.read().get(id.0).is_some()
    }

    /// The page behind `after` of the products that a query takes at an instant, in the order of ids. Without
    /// an instant, offers count that have ended or are to come.
    pub fn list(
        &self,
        query: &ProductQuery,
        at: Option<Micros>,
        after: Option<u64>,
        limit: usize,
    ) -> Page<Bytes> {
        if query.store.is_none() {
            return self.products.read().list(query, None, after, limit);
        }
        let offers = self.offers.read();
        self.products.read().list(query, query.sold(&offers, at), after, limit)
    }

    /// The page behind `after` of the products that changed or were deleted at or after an instant. What
    /// was deleted is told to all: of it there is only the id.
    pub fn list_with_deleted(
        &self,
        grant: Option<&Grant>,
        since: Micros,
        after: Option<u64>,
        limit: usize,
    ) -> Page<Listed<ProductId>> {
        self.products.read().list_with_deleted(grant, since, after, limit)
    }

    /// What is to be searched of some products; those that are not there are left out.
    pub fn sources(&self, ids: &[u64]) -> Vec<Source> {
        let categories = self.categories.read();
        let products = self.products.read();
        let source = |id: &u64| {
            let entry = products.get(*id)?;
            Some((*id, entry.body.clone(), categories.names(products.categories_of(entry))))
        };
        ids.iter().filter_map(source).collect()
    }

    /// The next ids of products behind `after`.
    pub fn ids_after(&self, after: Option<u64>, most: usize) -> Vec<u64> {
        self.products.read().ids.after(after).take(most).collect()
    }

    /// The ids of the products in these categories and those below them.
    pub fn ids_below(&self, roots: &[CategoryId]) -> Vec<u64> {
        let categories = self.with_descendants(roots);
        let products = self.products.read();
        let sets = categories.iter().filter_map(|id| products.in_category.set(id.0));
        sets.flat_map(|set| set.after(None)).collect()
    }

    /// The page behind `after` of a product's offers that hold at an instant in the stores that are included,
    /// by store and channel, each as it is then.
    pub fn offers(
        &self,
        grant: Option<&Grant>,
        product: ProductId,
        wanted: OffersWanted<'_>,
        after: Option<(u64, u64)>,
        limit: usize,
    ) -> Page<OfferRecord, (u64, u64)> {
        self.offers.read().list(grant, product, wanted, after, limit)
    }

    /// How many they are.
    pub fn count_offers(
        &self,
        grant: Option<&Grant>,
        product: ProductId,
        wanted: OffersWanted<'_>,
    ) -> u64 {
        self.offers.read().count_of_product(grant, product, wanted)
    }

    /// How long an answer with prices may be kept that could be kept so long otherwise: not beyond the next
    /// instant at which any offer begins, ends or changes its price.
    pub fn cache_of_prices(&self, otherwise: Cache, now: Micros) -> Cache {
        otherwise.until(self.offers.read().turns_after(now), now)
    }

    /// All that is stored of a product's offers in stores that are included: also what has ended or is to come.
    pub fn stored_offers(
        &self,
        grant: Option<&Grant>,
        product: ProductId,
        stores: &[StoreId],
        channel: Option<Channel>,
    ) -> Vec<OfferRecord> {
        self.offers.read().stored(grant, product, stores, channel)
    }

    /// The category with this id.
    pub fn category(&self, id: CategoryId) -> Lookup {
        self.category_within(None, id)
    }

    /// The same where it is included: as one that never was where it is not.
    pub fn category_within(&self, grant: Option<&Grant>, id: CategoryId) -> Lookup {
        let categories = self.categories.read();
        let products = self.products.read();
        if grant.is_some_and(|grant| !grant.includes_category(id)) {
            return Lookup::Missing;
        }
        match categories.get(id, Beside { products: &products, grant }) {
            Some(body) => Lookup::Found { etag: digest(&body), body },
            None if categories.gone.contains_key(&id.0) => Lookup::Gone { replaced_by: None },
            None => Lookup::Missing,
        }
    }

    /// The texts of a category in other languages; null where there are none.
    pub fn category_translations(&self, id: CategoryId) -> serde_json::Value {
        let categories = self.categories.read();
        categories.by_id.get(&id.0).map_or_else(Default::default, |own| own.translations.clone())
    }

    /// The page behind `after` of the categories that a query takes.
    pub fn categories(
        &self,
        query: &CategoryQuery<'_>,
        after: Option<u64>,
        limit: usize,
    ) -> Page<Bytes> {
        let categories = self.categories.read();
        let products = self.products.read();
        categories.list(query, after, limit, Beside { products: &products, grant: query.grant })
    }

    /// How many categories a query takes.
    pub fn count_categories(&self, query: &CategoryQuery<'_>) -> u64 {
        self.categories.read().count(query)
    }

    /// The page behind `after` of the categories that changed or were deleted at or after an instant.
    pub fn categories_with_deleted(
        &self,
        grant: Option<&Grant>,
        since: Micros,
        after: Option<u64>,
        limit: usize,
    ) -> Page<Listed<CategoryId>> {
        let categories = self.categories.read();
        let products = self.products.read();
        let beside = Beside { products: &products, grant };
        categories.list_with_deleted(since, (after, limit), beside)
    }

    /// The promotion with this id; none that is one customer's own.
    pub fn promotion(&self, id: PromotionId) -> Lookup {
        self.promotion_within(None, id)
    }

    /// The same where something that it is about is included. Of a deleted one that cannot be told.
    pub fn promotion_within(&self, grant: Option<&Grant>, id: PromotionId) -> Lookup {
        let found = self.with_promotions(grant, |promotions, told| promotions.get(id, told));
        match found {
            Lookup::Gone { .. } if grant.is_some() => Lookup::Missing,
            found => found,
        }
    }

    /// Calls `look` with all promotions, and with what tells whether one is about anything that is included.
    fn with_promotions<T>(
        &self,
        grant: Option<&Grant>,
        look: impl FnOnce(&promotions::Promotions, promotions::Told<'_>) -> T,
    ) -> T {
        let Some(grant) = grant else { return look(&self.promotions.read(), &|_| true) };
        let categories = self.categories.read();
        let products = self.products.read();
        let above = grant.above(&categories);
        let promotions = self.promotions.read();
        look(&promotions, &|promotion| {
            promotion.is_about(grant, above, |id| grant.takes_id(id.0, &products))
        })
    }

    /// The page behind `after` of the promotions that a query takes, in the order of ids.
    pub fn promotions(
        &self,
        query: &PromotionQuery,
        after: Option<u64>,
        limit: usize,
    ) -> Page<Bytes> {
        let grant = query.grant.as_ref();
        self.with_promotions(grant, |promotions, told| promotions.list(query, told, after, limit))
    }

    /// How many promotions a query takes.
    pub fn count_promotions(&self, query: &PromotionQuery) -> u64 {
        self.with_promotions(query.grant.as_ref(), |promotions, told| promotions.count(query, told))
    }

    /// The page behind `after` of the promotions that changed or were deleted at or after an instant.
    pub fn promotions_with_deleted(
        &self,
        grant: Option<&Grant>,
        since: Micros,
        after: Option<u64>,
        limit: usize,
    ) -> Page<Listed<PromotionId>> {
        self.with_promotions(grant, |promotions, told| {
            promotions.list_with_deleted(since, (after, limit), told)
        })
    }

    /// The promotions of which the database has another phase than they are in.
    pub fn turned_promotions(&self, now: Micros) -> Vec<Turn> {
        self.promotions.read().turned(now)
    }

    /// What promotions ask of a product; of one that is not there, its id alone.
    pub fn subject(&self, product: ProductId) -> Subject {
        self.subject_within(None, product)
    }

    /// The same for who has a grant.
    pub fn subject_within(&self, grant: Option<&Grant>, product: ProductId) -> Subject {
        let categories = self.categories.read();
        let products = self.products.read();
        let is_taken =
            |entry: &&products::Entry| grant.is_none_or(|grant| grant.takes(entry, &products));
        let (brand, own) = match products.get(product.0).filter(is_taken) {
            Some(entry) => (products.brands.key(entry.brand), products.categories_of(entry)),
            None => (None, &[][..]),
        };
        let own: Vec<CategoryId> = own.iter().copied().map(CategoryId).collect();
        let brand = brand.map(BrandId);
        Subject { product, brand, categories: categories.with_ancestors(&own) }
    }

    /// The page behind `after` of a store's offers that hold at an instant, by product and channel.
    pub fn store_offers(
        &self,
        grant: Option<&Grant>,
        store: StoreId,
        wanted: (Option<Channel>, Micros),
        after: Option<(u64, u64)>,
        limit: usize,
    ) -> Page<OfferRecord, (u64, u64)> {
        self.with_offers(grant, |offers, takes| offers.of_store(store, wanted, after, limit, takes))
    }

    /// How many of a store's offers hold at an instant. It looks at each, some thousands at a time.
    pub fn count_store_offers(
        &self,
        grant: Option<&Grant>,
        store: StoreId,
        wanted: (Option<Channel>, Micros),
    ) -> u64 {
        Page::count(|after, most| {
            self.with_offers(grant, |offers, takes| {
                offers.seen_in_store(store, wanted, after, most, takes)
            })
        })
    }

    /// Calls `look` with all offers, and with what tells whether those of a product are included.
    fn with_offers<T>(
        &self,
        grant: Option<&Grant>,
        look: impl FnOnce(&offers::Offers, &dyn Fn(u64) -> bool) -> T,
    ) -> T {
        let offers = self.offers.read();
        let Some(grant) = grant.filter(|grant| grant.limits_products()) else {
            return look(&offers, &|_| true);
        };
        let products = self.products.read();
        look(&offers, &|id| grant.takes_id(id, &products))
    }

    /// The tree of categories; `None` where the root that was asked for is no category.
    pub fn category_tree(&self, request: &TreeRequest<'_>) -> Option<Vec<TreeNode>> {
        let categories = self.categories.read();
        let products = self.products.read();
        tree::tree(&categories, &products, request)
    }

    /// These categories and all below them.
    pub fn with_descendants(&self, roots: &[CategoryId]) -> Vec<CategoryId> {
        self.categories.read().with_descendants(roots)
    }

    /// Applies changes of products; readers wait meanwhile, so hand over a few hundred at most.
    pub fn apply_products(&self, changes: Vec<ProductChange>) {
        let mut products = self.products.write();
        changes.into_iter().for_each(|change| products.apply(change));
    }

    /// Applies changes of offers.
    pub fn apply_offers(&self, changes: Vec<OfferChange>) {
        let mut offers = self.offers.write();
        let touched: Vec<u64> = changes.iter().map(|change| change.product().0).collect();
        changes.into_iter().for_each(|change| offers.apply(change));
        if self.has_prices.load(Ordering::Relaxed) {
            // Still under the lock of offers, so that none is kept that was found before.
            let mut products = self.products.write();
            touched.into_iter().for_each(|id| products.forget_price(id));
        }
    }

    /// Applies changes of categories.
    pub fn apply_categories(&self, changes: Vec<CategoryChange>) {
        let mut categories = self.categories.write();
        changes.into_iter().for_each(|change| categories.apply(change));
    }

    /// Applies changes of promotions.
    pub fn apply_promotions(&self, changes: Vec<PromotionChange>) {
        let mut promotions = self.promotions.write();
        changes.into_iter().for_each(|change| promotions.apply(change));
    }

    /// Gives back the room that loading left; takes long, so call it before serving.
    pub fn settle(&self) {
        self.products.write().settle();
        self.offers.write().settle();
    }

    /// How much the view holds.
    pub fn sizes(&self) -> Sizes {
        let offers = self.offers.read().count;
        let categories = self.categories.read().len();
        let promotions = self.promotions.read().len();
        let products = self.products.read();
        Sizes {
            products: products.ids.len(),
            deleted_products: products.gone.len(),
            product_body_bytes: products.body_bytes,
            product_overhead_bytes: products.overhead_bytes(),
            offers,
            categories,
            promotions,
        }
    }
}

#[cfg(test)]
mod tests;
