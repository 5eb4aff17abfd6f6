//! Stock levels in memory: for each product a slice sorted by store, for each store its products.

mod saved;

pub use saved::SavedLevels;

use crate::catalog::api::Included;
use crate::catalog::view::Page;
use crate::catalog::view::hash::IdMap;
use crate::catalog::view::id_set::IdSet;
use crate::catalog::view::pool::Pool;
use crate::kernel::Micros;
use crate::kernel::id::{ProductId, StoreId};
use crate::kernel::ranked::Ranked;
use crate::stock::model::{Availability, LevelKey, Location, Pickup};
use crate::stock::store::newest::{Fresh, Held};
use crate::stock::told::NOTHING;
use crate::stores::view::StoreChange;
use serde::Deserialize;

/// A level as it is stored.
#[derive(Debug, Clone)]
pub struct LevelRecord {
    /// Of which product.
    pub product: ProductId,
    /// In which store.
    pub store: StoreId,
    /// Whether it can be had.
    pub availability: Availability,
    /// Thousandths of a unit.
    pub quantity: Option<i64>,
    /// When the retailer counted.
    pub as_of: Micros,
    /// When the count arrived here.
    pub received_at: Micros,
    /// What counted: `pos`, `feed`, `count`.
    pub source: String,
    /// JSON with [`Detail`]'s keys.
    pub detail: String,
}

impl LevelRecord {
    /// A level that was stored at `received_at`.
    #[must_use]
    pub fn of(fresh: Fresh<'_>, received_at: Micros) -> Self {
        let level = fresh.level;
        Self {
            product: level.key.product,
            store: level.key.store,
            availability: level.availability,
            quantity: level.quantity,
            as_of: fresh.as_of,
            received_at,
            source: level.source.to_owned(),
            detail: fresh.detail,
        }
    }
}

/// What many levels have in common.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Detail {
    /// After how many seconds a count is stale.
    pub max_age_s: u32,
    /// When new goods are expected.
    pub restock_at: Option<Micros>,
    /// How it can be collected.
    pub pickup: Option<Pickup>,
    /// Where in the store it is.
    pub instore_location: Option<Location>,
    /// What counted; a column of its own in the table.
    #[serde(skip)]
    pub source: String,
}

impl Default for Detail {
    fn default() -> Self {
        Self {
            max_age_s: 900,
            restock_at: None,
            pickup: None,
            instore_location: None,
            source: String::new(),
        }
    }
}

/// A level in memory: 40 bytes.
#[derive(Debug)]
struct Slot {
    store: u64,
    /// Thousandths; `i64::MIN` where it is not known.
    quantity: i64,
    as_of: i64,
    received_at: i64,
    detail: u32,
    availability: Availability,
}

impl Slot {
    fn quantity(&self) -> Option<i64> {
        (self.quantity != i64::MIN).then_some(self.quantity)
    }
}

/// A level as it leaves the view, with what it shares with others.
#[derive(Debug, Clone, Copy)]
pub struct Level<'a> {
    /// In which store.
    pub store: StoreId,
    /// Whether it can be had.
    pub availability: Availability,
    /// Thousandths of a unit.
    pub quantity: Option<i64>,
    /// When the retailer counted.
    pub as_of: Micros,
    /// When the count arrived here.
    pub received_at: Micros,
    /// The rest.
    pub detail: &'a Detail,
}

#[derive(Debug, Default)]
struct Levels {
    by_product: IdMap<Vec<Slot>>,
    by_store: IdMap<IdSet>,
    /// The stores that were deleted: their levels, which are unknown by then, are not told.
    closed: IdSet,
    details: Pool<Detail>,
    count: usize,
}

/// The parts of a pooled text: the source, a line feed, the JSON.
fn parts(text: &str) -> (&str, &str) {
    text.split_once('\n').unwrap_or((text, NOTHING))
}

fn read_detail(text: &str) -> Detail {
    let (source, json) = parts(text);
    let detail = serde_json::from_str(json).unwrap_or_else(|error| {
        tracing::error!(%error, "the detail of a stock level is damaged and left out");
        Detail::default()
    });
    Detail { source: source.to_owned(), ..detail }
}

impl Levels {
    fn put(&mut self, record: &LevelRecord) {
        let text = format!("{}\n{}", record.source, record.detail);
        let held = Slot {
            store: record.store.0,
            quantity: record.quantity.unwrap_or(i64::MIN),
            as_of: record.as_of.0,
            received_at: record.received_at.0,
            detail: self.details.take(&text, read_detail),
            availability: record.availability,
        };
        // As with offers: room for one, not for four.
        let one = || Vec::with_capacity(1);
        let levels = self.by_product.entry(record.product.0).or_insert_with(one);
        match levels.binary_search_by_key(&held.store, |level| level.store) {
            // A row that was read before a newer one was stored arrives late: the newer one holds.
            Ok(at) if levels[at].as_of > held.as_of => self.details.release(held.detail),
            Ok(at) => {
                let old = std::mem::replace(&mut levels[at], held);
                self.details.release(old.detail);
            }
            Err(at) => {
                self.by_store.entry(held.store).or_default().insert(record.product.0);
                levels.insert(at, held);
                self.count += 1;
            }
        }
    }

    fn slot(&self, product: u64, store: u64) -> Option<&Slot> {
        let levels = self.by_product.get(&product)?;
        let at = levels.binary_search_by_key(&store, |level| level.store).ok()?;
        levels.get(at)
    }

    fn held(&self, key: LevelKey) -> Option<Held<'_>> {
        let held = self.slot(key.product.0, key.store.0)?;
        let (source, detail) = parts(self.details.text(held.detail)?);
        let (availability, quantity) = (held.availability, held.quantity());
        Some(Held { availability, quantity, as_of: Micros(held.as_of), source, detail })
    }

    /// Whether what is known of a store is told.
    fn is_told(&self, store: u64) -> bool {
        !self.closed.contains(store)
    }

    fn level(&self, product: u64, store: u64) -> Option<Level<'_>> {
        let held = self.slot(product, store).filter(|held| self.is_told(held.store))?;
        Some(Level {
            store: StoreId(held.store),
            availability: held.availability,
            quantity: held.quantity(),
            as_of: Micros(held.as_of),
            received_at: Micros(held.received_at),
            detail: self.details.value(held.detail)?,
        })
    }
}

/// The stock levels of this node. Of a store that was deleted it tells nothing.
#[derive(Debug, Default)]
pub struct StockView(Ranked<Levels, 5>);

impl StockView {
    /// The page behind `after` of a product's levels by store, of the stores that are included. With `stores`
    /// given, `line` is called for each of them, with no level where none is known; one that is not included
    /// is as one of which nothing is known.
    pub fn of_product_within<T>(
        &self,
        included: &Included,
        (product, stores): (ProductId, &[StoreId]),
        after: Option<u64>,
        limit: usize,
        mut line: impl FnMut(StoreId, Option<Level<'_>>) -> Option<T>,
    ) -> Page<T> {
        let levels = self.0.read();
        let wanted: IdSet = if stores.is_empty() {
            let held = levels.by_product.get(&product.0).into_iter().flatten();
            let told = held.map(|held| held.store).filter(|id| levels.is_told(*id));
            told.filter(|id| included.has_store(StoreId(*id))).collect()
        } else {
            stores.iter().map(|id| id.0).collect()
        };
        Page::of_ids(wanted.after(after), limit, |store| {
            let id = StoreId(store);
            line(id, levels.level(product.0, store).filter(|_| included.has_store(id)))
        })
    }

    /// The page behind `after` of a store's levels by product.
    pub fn of_store<T>(
        &self,
        store: StoreId,
        after: Option<u64>,
        limit: usize,
        mut line: impl FnMut(ProductId, Level<'_>) -> Option<T>,
    ) -> Page<T> {
        let levels = self.0.read();
        let Some(products) = levels.by_store.get(&store.0) else {
            return Page { items: Vec::new(), next: None };
        };
        Page::of_ids(products.after(after), limit, |product| {
            line(ProductId(product), levels.level(product, store.0)?)
        })
    }

    /// Calls `found` with each availability that a product has in the stores that `takes` takes; where
    /// nothing is told of it, that is unknown.
    pub fn availabilities(
        &self,
        product: u64,
        takes: impl Fn(StoreId) -> bool,
        mut found: impl FnMut(Availability),
    ) {
        let levels = self.0.read();
        let own = levels.by_product.get(&product).map_or(&[][..], Vec::as_slice);
        let mut none = true;
        let told = own.iter().filter(|slot| levels.is_told(slot.store));
        for slot in told.filter(|slot| takes(StoreId(slot.store))) {
            none = false;
            found(slot.availability);
        }
        if none {
            found(Availability::Unknown);
        }
    }

    /// What `pick` makes of the level of a product in a store, or of none.
    pub fn at<T>(
        &self,
        product: ProductId,
        store: StoreId,
        pick: impl FnOnce(Option<Level<'_>>) -> T,
    ) -> T {
        pick(self.0.read().level(product.0, store.0))
    }

    /// Calls `cell` with the row, the store and the level, where there is one, of every product in
    /// every store, row by row.
    pub fn grid(
        &self,
        products: &[Option<ProductId>],
        stores: &[StoreId],
        mut cell: impl FnMut(usize, StoreId, Option<Level<'_>>),
    ) {
        let levels = self.0.read();
        for (row, product) in products.iter().enumerate() {
            for store in stores {
                let level = product.and_then(|product| levels.level(product.0, store.0));
                cell(row, *store, level);
            }
        }
    }

    /// What `look` makes of the levels that it asks for, all under one lock.
    pub fn look<T>(
        &self,
        look: impl for<'l> FnOnce(&'l dyn Fn(LevelKey) -> Option<Held<'l>>) -> T,
    ) -> T {
        let levels = self.0.read();
        let held = |key| levels.held(key);
        look(&held)
    }

    /// Takes in levels; the newest of a product in a store holds, and of equally new ones the last.
    pub fn apply(&self, records: &[LevelRecord]) {
        let mut levels = self.0.write();
        records.iter().for_each(|record| levels.put(record));
    }

    /// Takes in which stores were deleted, or are there again.
    pub fn apply_stores(&self, changes: &[StoreChange]) {
        let mut levels = self.0.write();
        for change in changes {
            match change {
                StoreChange::Upsert(store) => levels.closed.remove(store.id().0),
                StoreChange::Delete(id, _) => levels.closed.insert(id.0),
            };
        }
    }

    /// Gives back the room that loading left; takes long, so call it before serving.
    pub fn settle(&self) {
        let mut levels = self.0.write();
        levels.by_product.values_mut().for_each(Vec::shrink_to_fit);
        levels.by_store.values_mut().for_each(IdSet::settle);
    }

    /// How many levels there are.
    pub fn len(&self) -> usize {
        self.0.read().count
    }

    /// Whether there is no level.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
