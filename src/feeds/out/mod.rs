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
use crate::config::Config;
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
    /// The products of the web shop, or of the stores too, with availability where stock may be told.
    Products { with_stock: bool, with_stores: bool },
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

/// What the feeds say as the settings have it.
#[derive(Debug, Clone)]
pub struct Said {
    /// What they say they belong to: the address of the partner API.
    pub link: String,
    /// The programme and its tier by which they tell the price for members; none tells it not.
    pub loyalty_program: Option<String>,
}

impl Said {
    /// As the settings say.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        Self {
            link: config.server.public_url.clone(),
            loyalty_program: config.feeds.loyalty_program.clone(),
        }
    }
}

/// The feeds of a node.
#[derive(Debug)]
pub struct FeedsOut {
    mirror: Arc<Mirror>,
    clock: Clock,
    dir: PathBuf,
    said: Said,
    made: Arc<parking_lot::Mutex<Vec<Made>>>,
    /// How many were written. Held while one is: they are written one at a time, and never twice, while
    /// those that are there are sent.
    writing: Arc<tokio::sync::Mutex<u64>>,
}

impl FeedsOut {
    /// Feeds of what a mirror holds, under a data directory. What an earlier run has left is removed.
    pub fn new(
        (mirror, clock): (&Arc<Mirror>, &Clock),
        data_dir: &Path,
        said: Said,
    ) -> io::Result<Self> {
        let dir = data_dir.join("feeds-out");
        storage::emptied(&dir)?;
        Ok(Self {
            mirror: Arc::clone(mirror),
            clock: clock.clone(),
            dir,
            said,
            made: Arc::default(),
            writing: Arc::default(),
        })
    }

    /// A feed: the one that is there, or a new one where that is too old.
    async fn get(&self, asked: Asked) -> io::Result<Made> {
        if let Some(made) = self.fresh(&asked) {
            return Ok(made);
        }
        let mut turn = Arc::clone(&self.writing).lock_owned().await;
        // Who had it before may have written this one.
        if let Some(made) = self.fresh(&asked) {
            return Ok(made);
        }
        let (at, positions) = (self.clock.now(), self.mirror.positions());
        *turn += 1;
        let path = self.dir.join(format!("{}.{}", *turn, asked.form.ending()));
        let (mirror, said, kept) =
            (Arc::clone(&self.mirror), self.said.clone(), Arc::clone(&self.made));
        let writing = tokio::task::spawn_blocking(move || {
            // Held by the thread: a caller that goes away lets nobody write beside it.
            let _turn = turn;
            let written = walk::write(&mirror, &asked, at, &path, &said);
            let (written, turns) = written.inspect_err(|_| {
                let _ = std::fs::remove_file(&path);
            })?;
            let file = Arc::new(OnDisk { path, written });
            let made = Made { asked, at, turns, positions, file };
            keep(&mut kept.lock(), made.clone());
            Ok(made)
        });
        writing.await.map_err(io::Error::other)?
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

/// Keeps a feed in the place of the one before it, or of the oldest.
fn keep(kept: &mut Vec<Made>, made: Made) {
    let old = kept.iter().position(|other| other.asked == made.asked);
    if let Some(at) = old.or_else(|| (kept.len() == MOST).then_some(0)) {
        kept.remove(at);
    }
    kept.push(made);
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    #[tokio::test]
    async fn a_caller_that_goes_away_lets_nobody_write_beside_it() {
        let (mirror, dir) = (Arc::new(Mirror::default()), tempfile::tempdir().unwrap());
        let clock = Clock::fixed(Micros(0));
        let said = Said { link: "https://a.example".to_owned(), loyalty_program: None };
        let feeds = FeedsOut::new((&mirror, &clock), dir.path(), said).unwrap();
        let kind = Kind::Products { with_stock: true, with_stores: false };
        let asked = Asked {
            kind,
            form: Form { layout: write::Layout::Tsv, packed: false },
            store: None,
            data: None,
        };
        let _ = feeds.get(asked.clone()).now_or_never();
        // Whoever is next finds what was being written, written and kept.
        let written = *feeds.writing.lock().await;
        assert_eq!((written, feeds.made.lock().len()), (1, 1));
        assert!(feeds.get(asked).await.is_ok());
        assert_eq!(*feeds.writing.lock().await, 1);
    }
}
