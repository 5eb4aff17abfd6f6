//! A node's mirror of the retailer's data: loaded once, then kept current by the logs.
//!
//! The positions of the logs are read before the tables, so a change that happens during the load
//! is applied again rather than missed; applying a row twice changes nothing.

mod saved;
mod search;
mod store;

pub use saved::Saved;
pub use search::SearchFollower;

use self::store::Stretch;
use crate::catalog::DigitalLinks;
use crate::catalog::search::Search;
use crate::catalog::store::read::{self as catalog_rows, Half};
use crate::catalog::view::{CatalogView, Sizes};
use crate::stock::store::read as stock_rows;
use crate::stock::view::{LevelRecord, StockView};
use crate::storage::{Db, Log, StoreError, fetch::BATCH, log};
use crate::stores::postal_codes::PostalCodes;
use crate::stores::store::read as store_rows;
use crate::stores::view::{StoreChange, StoresView};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Most changes taken at a time.
const MOST: i64 = 1_000;

/// What all reads of this node are answered from.
#[derive(Debug, Default)]
pub struct Mirror {
    /// Products, categories and offers.
    pub catalog: Arc<CatalogView>,
    /// Stores.
    pub stores: Arc<StoresView>,
    /// Stock levels.
    pub stock: Arc<StockView>,
    /// Full-text search over the products.
    pub search: Arc<Search>,
    links: DigitalLinks,
    change: watch::Sender<i64>,
    level: AtomicI64,
    /// Held while following, so that an older row is never applied over a newer one.
    following: tokio::sync::Mutex<()>,
}

/// How far the mirror has come in each log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Positions {
    /// In the change log.
    pub change: i64,
    /// In the stock log.
    pub stock: i64,
}

/// What one step of following did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Followed {
    /// Changes and levels taken in.
    pub applied: usize,
    /// Whether more is waiting.
    pub more: bool,
}

impl Mirror {
    /// An empty mirror that knows where postal codes are, and where the links of products begin.
    #[must_use]
    pub fn new(postal_codes: PostalCodes, links: DigitalLinks) -> Self {
        Self { stores: Arc::new(StoresView::new(postal_codes)), links, ..Self::default() }
    }

    /// How far the mirror has come.
    pub fn positions(&self) -> Positions {
        Positions { change: *self.change.borrow(), stock: self.level.load(Ordering::Acquire) }
    }

    /// Tells of each new position in the change log.
    pub fn changes(&self) -> watch::Receiver<i64> {
        self.change.subscribe()
    }

    /// How much the catalog, the stores and the stock hold: products and so on, stores, levels.
    pub fn sizes(&self) -> (Sizes, usize, usize) {
        (self.catalog.sizes(), self.stores.len(), self.stock.len())
    }

    /// Loads everything, from what was saved where that counts. Call it once, before serving.
    pub async fn load(&self, db: &Db, saved: Option<&Saved>) -> Result<(), StoreError> {
        let following = self.following.lock().await;
        let (change, stock) = (log::head(db, Log::Change).await?, log::head(db, Log::Stock).await?);
        catalog_rows::all_categories(db, |rows| self.catalog.apply_categories(rows)).await?;
        catalog_rows::all_promotions(db, |rows| self.catalog.apply_promotions(rows)).await?;
        store_rows::all(db, |rows| self.apply_stores(rows)).await?;
        let restored = match saved {
            Some(saved) => saved.restore(self, db).await,
            None => None,
        };
        let at = if let Some(at) = restored {
            at
        } else {
            self.load_large(db).await?;
            Positions { change, stock }
        };
        self.catalog.settle();
        self.stock.settle();
        self.change.send_replace(at.change);
        self.level.store(at.stock, Ordering::Release);
        drop(following);
        while restored.is_some() && self.follow_once(db).await?.more {}
        tracing::info!(from_saved = restored.is_some(), "the catalog is loaded");
        Ok(())
    }

    /// Loads the large tables side by side: reading a row costs more than storing it, and each task
    /// can have a core of its own.
    async fn load_large(&self, db: &Db) -> Result<(), StoreError> {
        let mut loading = JoinSet::new();
        for half in [Half::First, Half::Second] {
            let (db, catalog) = (db.clone(), Arc::clone(&self.catalog));
            loading.spawn(async move {
                catalog_rows::all_offers(&db, half, |rows| catalog.apply_offers(rows)).await
            });
        }
        let (products_db, catalog) = (db.clone(), Arc::clone(&self.catalog));
        let links = self.links.clone();
        loading.spawn(async move {
            let take = |rows| catalog.apply_products(rows);
            catalog_rows::all_products(&products_db, &links, take).await
        });
        let (db, stock) = (db.clone(), Arc::clone(&self.stock));
        loading.spawn(async move { stock_rows::all(&db, |rows| stock.apply(&rows)).await });
        while let Some(loaded) = loading.join_next().await {
            // A panic in a task is a panic here, as if it had not been a task.
            loaded.unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic()))?;
        }
        Ok(())
    }

    fn apply_stores(&self, changes: Vec<StoreChange>) {
        self.stock.apply_stores(&changes);
        self.stores.apply(changes);
    }

    /// Whether the log no longer leads on from where this node is: what it missed it cannot hear of.
    pub async fn is_cut_off(&self, db: &Db) -> Result<bool, StoreError> {
        Ok(store::change_floor(db).await? > self.positions().change)
    }

    /// Takes in what came behind the positions, up to a thousand changes and levels.
    pub async fn follow_once(&self, db: &Db) -> Result<Followed, StoreError> {
        let _following = self.following.lock().await;
        let at = self.positions();
        // Levels come by their own log, and there may be very many of them.
        let Stretch { changes, reached, more } =
            store::changes_after(db, at.change, " stock ", MOST).await?;
        let mut touched: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for change in &changes {
            touched.entry(&change.kind).or_default().push(change.id.clone());
        }
        for (kind, mut ids) in touched {
            ids.sort_unstable();
            ids.dedup();
            self.refresh(db, kind, &ids).await?;
        }
        if reached > at.change {
            self.change.send_replace(reached);
        }
        let (levels, reached) = stock_rows::after(db, at.stock, MOST).await?;
        levels.chunks(BATCH).for_each(|batch| self.stock.apply(batch));
        self.level.fetch_max(reached, Ordering::AcqRel);
        Ok(Followed {
            applied: changes.len() + levels.len(),
            more: more || levels.len() >= MOST as usize,
        })
    }

    /// Takes in levels that this node has just stored at a position of the stock log. They need not
    /// be read back where nothing of another node lies between.
    pub async fn wrote_levels(&self, levels: &[LevelRecord], position: i64) {
        let _following = self.following.lock().await;
        // What was followed meanwhile has these rows, or those that came after them.
        if self.level.load(Ordering::Acquire) >= position {
            return;
        }
        levels.chunks(BATCH).for_each(|batch| self.stock.apply(batch));
        // Where it fails, following reads these rows again, which changes nothing.
        let _ = self.level.compare_exchange(
            position - 1,
            position,
            Ordering::AcqRel,
            Ordering::Acquire,
        );
    }

    /// Reads what the resources of one kind are now, and applies it.
    async fn refresh(&self, db: &Db, kind: &str, ids: &[String]) -> Result<(), StoreError> {
        for ids in ids.chunks(BATCH) {
            match kind {
                "product" => {
                    let rows = catalog_rows::products(db, &self.links, ids).await?;
                    self.catalog.apply_products(rows);
                }
                "category" => {
                    self.catalog.apply_categories(catalog_rows::categories(db, ids).await?);
                }
                "offer" => self.catalog.apply_offers(catalog_rows::offers(db, ids).await?),
                "store" => self.apply_stores(store_rows::some(db, ids).await?),
                "promotion" => {
                    self.catalog.apply_promotions(catalog_rows::promotions(db, ids).await?);
                }
                // A newer version on another node may log kinds that this one does not serve.
                other => {
                    tracing::warn!(kind = other, "a change of an unknown kind was passed over");
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
