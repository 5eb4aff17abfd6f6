//! Levels in the form in which they go to a file and come back, the same in every run of one version of
//! the program.

use super::{LevelRecord, Levels, StockView};
use crate::catalog::view::NotSaved;
use crate::kernel::Micros;
use crate::kernel::id::{ProductId, StoreId};
use crate::kernel::word::Word as _;
use crate::stock::model::Availability;
use serde::{Deserialize, Serialize};

/// The levels of one product.
#[derive(Debug, Serialize, Deserialize)]
pub struct SavedLevels<'a> {
    product: u64,
    #[serde(borrow)]
    levels: Vec<SavedLevel<'a>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct SavedLevel<'a> {
    store: u64,
    availability: &'a str,
    quantity: Option<i64>,
    as_of: i64,
    received_at: i64,
    /// The text that it shares with others.
    detail: &'a str,
}

impl Levels {
    fn save(&self, product: u64) -> Option<SavedLevels<'_>> {
        let saved = |slot: &super::Slot| {
            Some(SavedLevel {
                store: slot.store,
                availability: slot.availability.as_str(),
                quantity: slot.quantity(),
                as_of: slot.as_of,
                received_at: slot.received_at,
                detail: self.details.text(slot.detail)?,
            })
        };
        let levels = self.by_product.get(&product)?.iter().filter_map(saved);
        Some(SavedLevels { product, levels: levels.collect() })
    }
}

impl StockView {
    /// The ids of all products of which something is told, ascending.
    pub fn products(&self) -> Vec<u64> {
        let mut ids: Vec<u64> = self.0.read().by_product.keys().copied().collect();
        ids.sort_unstable();
        ids
    }

    /// Gives the levels of some products to `save`. Readers are let in, writers wait.
    pub fn save<T>(&self, products: &[u64], save: impl FnOnce(&[SavedLevels<'_>]) -> T) -> T {
        let levels = self.0.read();
        let saved: Vec<_> = products.iter().filter_map(|id| levels.save(*id)).collect();
        save(&saved)
    }

    /// Takes levels in that were saved.
    pub fn restore(&self, saved: &[SavedLevels<'_>]) -> Result<(), NotSaved> {
        let mut levels = self.0.write();
        for (product, level) in
            saved.iter().flat_map(|of| of.levels.iter().map(|level| (of.product, level)))
        {
            let text = level.availability;
            let availability = Availability::of(text).ok_or_else(|| NotSaved(text.to_owned()))?;
            let (source, detail) =
                level.detail.split_once('\n').ok_or_else(|| NotSaved(level.detail.to_owned()))?;
            levels.put(&LevelRecord {
                product: ProductId(product),
                store: StoreId(level.store),
                availability,
                quantity: level.quantity,
                as_of: Micros(level.as_of),
                received_at: Micros(level.received_at),
                source: source.to_owned(),
                detail: detail.to_owned(),
            });
        }
        Ok(())
    }

    /// Forgets all levels; not which stores were deleted.
    pub fn clear(&self) {
        let mut levels = self.0.write();
        let closed = std::mem::take(&mut levels.closed);
        *levels = Levels { closed, ..Levels::default() };
    }
}
