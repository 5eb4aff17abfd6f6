//! What the feeds have in common: a line that is checked, and a batch that is stored.

use crate::catalog::categories::{Category, CategoryIn};
use crate::catalog::model::{Product, ProductIn};
use crate::catalog::offers::{Offer, OfferIn};
use crate::catalog::promotions::{Promotion, PromotionIn};
use crate::catalog::{self, Fate, Fault, Known, Line};
use crate::kernel::Micros;
use crate::stock::model::{Level, LevelIn};
use crate::storage::{StoreError, Tx};
use crate::stores::model::{Store, StoreIn};
use serde::de::DeserializeOwned;

/// A checked row of a feed.
pub(super) trait Import: Sized + Send + 'static {
    /// The row as it is written.
    type In: DeserializeOwned;
    /// The row, or what is wrong with it.
    fn check(input: Self::In, known: &Known, now: Micros) -> Result<Self, Fault>;
    /// Stores a batch; one fate for each row.
    async fn put(tx: &mut Tx, rows: &[Self], now: Micros) -> Result<Vec<Fate>, StoreError>;
}

impl Import for Line<Category> {
    type In = CategoryIn;

    fn check(input: CategoryIn, _: &Known, _: Micros) -> Result<Self, Fault> {
        input.check()
    }

    async fn put(tx: &mut Tx, rows: &[Self], now: Micros) -> Result<Vec<Fate>, StoreError> {
        catalog::store::put_documents(tx, rows, now).await
    }
}

impl Import for Line<Product> {
    type In = ProductIn;

    fn check(input: ProductIn, _: &Known, _: Micros) -> Result<Self, Fault> {
        input.check()
    }

    async fn put(tx: &mut Tx, rows: &[Self], now: Micros) -> Result<Vec<Fate>, StoreError> {
        catalog::store::put_products(tx, rows, now).await
    }
}

impl Import for Line<Store> {
    type In = StoreIn;

    fn check(input: StoreIn, _: &Known, _: Micros) -> Result<Self, Fault> {
        input.check()
    }

    async fn put(tx: &mut Tx, rows: &[Self], now: Micros) -> Result<Vec<Fate>, StoreError> {
        catalog::store::put_documents(tx, rows, now).await
    }
}

impl Import for Line<Promotion> {
    type In = PromotionIn;

    fn check(input: PromotionIn, _: &Known, _: Micros) -> Result<Self, Fault> {
        input.check()
    }

    async fn put(tx: &mut Tx, rows: &[Self], now: Micros) -> Result<Vec<Fate>, StoreError> {
        catalog::store::put_documents(tx, rows, now).await
    }
}

impl Import for Offer {
    type In = OfferIn;

    fn check(input: OfferIn, known: &Known, now: Micros) -> Result<Self, Fault> {
        input.check(known, now)
    }

    async fn put(tx: &mut Tx, rows: &[Self], now: Micros) -> Result<Vec<Fate>, StoreError> {
        catalog::offers::store::put_offers(tx, rows, now).await
    }
}

impl Import for Level {
    type In = LevelIn;

    fn check(input: LevelIn, known: &Known, now: Micros) -> Result<Self, Fault> {
        input.check(known, now)
    }

    async fn put(tx: &mut Tx, rows: &[Self], now: Micros) -> Result<Vec<Fate>, StoreError> {
        crate::stock::store::put_levels(tx, rows, now).await
    }
}
