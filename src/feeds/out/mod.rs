//! Feeds out: the products of the web shop and the stock of the stores in the words of Google's feeds, for
//! partners whose systems read those.
//!
//! A feed is written to a file beside the calls, from memory, and sent from there as often as it is asked
//! for, until it is too old: so it has a length, a digest and ranges, and a million products cost no
//! memory.

pub mod api;
mod rows;
mod write;

use crate::catalog::view::ProductQuery;
use crate::kernel::Clock;
use crate::kernel::clock::SECOND;
use crate::kernel::id::StoreId;
use crate::mirror::{Mirror, Positions};
use crate::storage;
use rows::{Paths, Product};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::Mutex;
use write::{Form, Writer, Written};

/// How old a feed may be while the catalog goes on changing.
const FRESH: i64 = 60 * SECOND;
/// Most files that are kept: one for each kind, form, store and disclosure that is asked for.
const MOST: usize = 32;
/// Products taken from memory at a time.
const BATCH: usize = 500;
/// Most offers and levels of a product: it has no more stores.
const MOST_PLACES: usize = 100_000;

/// What a feed tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Kind {
    /// The products of the web shop, with availability where stock may be told.
    Products { with_stock: bool },
    /// Prices and stock of the stores, with counts where they may be told.
    Inventory { exact: bool, with_prices: bool },
}

/// Which feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Asked {
    kind: Kind,
    form: Form,
    store: Option<StoreId>,
}

/// A feed that was written.
#[derive(Debug, Clone)]
struct Made {
    asked: Asked,
    at: i64,
    positions: Positions,
    file: Arc<OnDisk>,
}

/// A file that is removed when nobody sends it any more.
#[derive(Debug)]
struct OnDisk {
    path: PathBuf,
    written: Written,
}

impl Drop for OnDisk {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::warn!(%error, "a feed that is out of date could not be removed");
        }
    }
}

/// The feeds of a node.
#[derive(Debug)]
pub struct FeedsOut {
    mirror: Arc<Mirror>,
    clock: Clock,
    dir: PathBuf,
    /// Held while one is written: they are written one at a time, and never twice.
    made: Mutex<(u64, Vec<Made>)>,
}

impl FeedsOut {
    /// Feeds of what a mirror holds, under a data directory. What an earlier run has left is removed.
    pub fn new(mirror: &Arc<Mirror>, clock: &Clock, data_dir: &Path) -> io::Result<Self> {
        let dir = data_dir.join("feeds-out");
        storage::emptied(&dir)?;
        let made = Mutex::new((0, Vec::new()));
        Ok(Self { mirror: Arc::clone(mirror), clock: clock.clone(), dir, made })
    }

    /// A feed: the one that is there, or a new one where that is too old.
    async fn get(&self, asked: Asked) -> io::Result<Made> {
        let mut held = self.made.lock().await;
        let (now, positions) = (self.clock.now().0, self.mirror.positions());
        let is_good = |made: &&Made| {
            made.asked == asked && (made.positions == positions || now - made.at < FRESH)
        };
        if let Some(made) = held.1.iter().find(is_good) {
            return Ok(made.clone());
        }
        held.0 += 1;
        let path = self.dir.join(format!("{}.{}", held.0, asked.form.ending()));
        let mirror = Arc::clone(&self.mirror);
        // Where the call is given up meanwhile, the file goes with what is returned here.
        let written = tokio::task::spawn_blocking(move || match written(&mirror, asked, &path) {
            Ok(written) => Ok(OnDisk { path, written }),
            Err(error) => {
                let _ = std::fs::remove_file(&path);
                Err(error)
            }
        });
        let file = Arc::new(written.await.map_err(io::Error::other)??);
        let made = Made { asked, at: now, positions, file };
        let old = held.1.iter().position(|made| made.asked == asked);
        if let Some(at) = old.or_else(|| (held.1.len() == MOST).then_some(0)) {
            held.1.remove(at);
        }
        held.1.push(made.clone());
        Ok(made)
    }
}

fn written(mirror: &Mirror, asked: Asked, path: &Path) -> io::Result<Written> {
    let (columns, title) = match asked.kind {
        Kind::Products { .. } => (rows::PRODUCT, "Products"),
        Kind::Inventory { .. } => (rows::INVENTORY, "Local inventory"),
    };
    let mut writer = Writer::new(path, asked.form, columns, title)?;
    let stores: Vec<StoreId> = asked.store.into_iter().collect();
    let (mut paths, mut codes, mut after) = (Paths::new(), BTreeMap::new(), None);
    loop {
        let page = mirror.catalog.list(&ProductQuery::default(), after, BATCH);
        for body in &page.items {
            let product: Product = serde_json::from_slice(body)?;
            if product.status != "active" {
                continue;
            }
            match asked.kind {
                Kind::Products { with_stock } => {
                    let Some(offer) = rows::online(&mirror.catalog, product.id, &stores) else {
                        continue;
                    };
                    let row = mirror.stock.at(product.id, offer.store, |level| {
                        let level = level.filter(|_| with_stock);
                        rows::product(&product, &offer, level.as_ref(), &mirror.catalog, &mut paths)
                    });
                    writer.row(&row)?;
                }
                Kind::Inventory { exact, with_prices } => {
                    let told = (exact, with_prices);
                    inventory(mirror, &product, &stores, told, &mut codes, &mut writer)?;
                }
            }
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return writer.finish(),
        }
    }
}

/// The rows of a product in the stores that know its stock.
fn inventory(
    mirror: &Mirror,
    product: &Product,
    stores: &[StoreId],
    (exact, with_prices): (bool, bool),
    codes: &mut BTreeMap<StoreId, Option<String>>,
    writer: &mut Writer,
) -> io::Result<()> {
    use crate::catalog::offers::Channel::InStore;
    let offers = if with_prices {
        mirror.catalog.offers(product.id, stores, Some(InStore), None, MOST_PLACES).items
    } else {
        Vec::new()
    };
    let rows = mirror.stock.of_product(product.id, stores, None, MOST_PLACES, |store, level| {
        let level = level?;
        let code = codes
            .entry(store)
            .or_insert_with(|| rows::member(mirror.stores.store(store), "store_code"));
        let offer = offers.iter().find(|offer| offer.store == store);
        Some(rows::inventory(&product.sku, code.as_deref()?, (offer, Some(&level)), exact))
    });
    rows.items.iter().try_for_each(|row| writer.row(row))
}
