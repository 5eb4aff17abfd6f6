//! Feeds out: the products of the web shop and the stock of the stores in the words of Google's feeds, for
//! partners whose systems read those.
//!
//! A feed is written to a file beside the calls, from memory, and sent from there as often as it is asked
//! for, until it is too old: so it has a length, a digest and ranges, and a million products cost no
//! memory.

pub mod api;
mod fields;
mod rows;
mod walk;
mod write;

use crate::access::plan::PlanData;
use crate::kernel::clock::SECOND;
use crate::kernel::id::StoreId;
use crate::kernel::{Clock, Micros};
use crate::mirror::{Mirror, Positions};
use crate::storage;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use write::{Form, Written};

/// How old a feed may be while the catalog goes on changing.
const FRESH: i64 = 60 * SECOND;
/// Most files that are kept: one for each kind, form, store, disclosure and data that is asked for.
const MOST: usize = 32;
/// What a feed tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Kind {
    /// The products of the web shop, with availability where stock may be told.
    Products { with_stock: bool },
    /// Prices and stock of the stores, with counts where they may be told.
    Inventory { exact: bool, with_prices: bool },
}

/// Which feed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Asked {
    kind: Kind,
    form: Form,
    store: Option<StoreId>,
    /// What the plan includes; none where that is everything.
    data: Option<Arc<PlanData>>,
}

/// A feed that was written.
#[derive(Debug, Clone)]
struct Made {
    asked: Asked,
    at: Micros,
    /// When one of its prices begins or no longer holds.
    turns: Option<Micros>,
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
    /// What the feeds say they belong to: the address of the partner API.
    link: String,
    made: parking_lot::Mutex<Vec<Made>>,
    /// How many were written. Held while one is: they are written one at a time, and never twice, while
    /// those that are there are sent.
    writing: tokio::sync::Mutex<u64>,
}

impl FeedsOut {
    /// Feeds of what a mirror holds, under a data directory. What an earlier run has left is removed.
    pub fn new(
        (mirror, clock): (&Arc<Mirror>, &Clock),
        data_dir: &Path,
        public_url: &str,
    ) -> io::Result<Self> {
        let dir = data_dir.join("feeds-out");
        storage::emptied(&dir)?;
        Ok(Self {
            mirror: Arc::clone(mirror),
            clock: clock.clone(),
            dir,
            link: public_url.to_owned(),
            made: parking_lot::Mutex::default(),
            writing: tokio::sync::Mutex::default(),
        })
    }

    /// A feed: the one that is there, or a new one where that is too old.
    async fn get(&self, asked: Asked) -> io::Result<Made> {
        if let Some(made) = self.fresh(&asked) {
            return Ok(made);
        }
        let mut written = self.writing.lock().await;
        // Who had it before may have written this one.
        if let Some(made) = self.fresh(&asked) {
            return Ok(made);
        }
        let (now, positions) = (self.clock.now(), self.mirror.positions());
        *written += 1;
        let path = self.dir.join(format!("{written}.{}", asked.form.ending()));
        let (mirror, link) = (Arc::clone(&self.mirror), self.link.clone());
        let wanted = asked.clone();
        // Where the call is given up meanwhile, the file goes with what is returned here.
        let writing = tokio::task::spawn_blocking(move || {
            match walk::write(&mirror, &wanted, now, &path, &link) {
                Ok((written, turns)) => Ok((OnDisk { path, written }, turns)),
                Err(error) => {
                    let _ = std::fs::remove_file(&path);
                    Err(error)
                }
            }
        });
        let (file, turns) = writing.await.map_err(io::Error::other)??;
        let made = Made { asked, at: now, turns, positions, file: Arc::new(file) };
        let mut kept = self.made.lock();
        let old = kept.iter().position(|other| other.asked == made.asked);
        if let Some(at) = old.or_else(|| (kept.len() == MOST).then_some(0)) {
            kept.remove(at);
        }
        kept.push(made.clone());
        Ok(made)
    }

    /// A feed that is there and tells what holds.
    fn fresh(&self, asked: &Asked) -> Option<Made> {
        let (now, positions) = (self.clock.now(), self.mirror.positions());
        let is_good = |made: &&Made| {
            made.asked == *asked
                && made.turns.is_none_or(|turns| now < turns)
                && (made.positions == positions || now.0 - made.at.0 < FRESH)
        };
        self.made.lock().iter().find(is_good).cloned()
    }
}
