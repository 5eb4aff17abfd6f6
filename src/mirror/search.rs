//! Keeps the search index behind the view: each round takes the changes that the view has already.

use super::{MOST, Mirror, store};
use crate::catalog::search::Indexer;
use crate::kernel::id::{CategoryId, ProductId};
use crate::storage::{Db, Log, log};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

/// Products handed to the index at a time.
const BATCH: usize = 500;

/// The follower of the change log that writes the search index. There is one in each node.
#[derive(Debug)]
pub struct SearchFollower {
    mirror: Arc<Mirror>,
    folder: PathBuf,
    /// The index and how far it has come; none before the first round and after a failure.
    at: Option<(Indexer, i64)>,
    /// Whether opening what is there has failed before, so that it is made anew.
    anew: bool,
}

impl SearchFollower {
    /// A follower with its index in a folder.
    #[must_use]
    pub fn new(mirror: Arc<Mirror>, folder: PathBuf) -> Self {
        Self { mirror, folder, at: None, anew: false }
    }

    /// How many products the index holds.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.mirror.search.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Brings the index to where the view is, and tells the position. What fails is made anew in
    /// the next round; searches are answered from what was there meanwhile.
    pub async fn follow(&mut self, db: &Db) -> anyhow::Result<i64> {
        let (indexer, position) = match self.at.take() {
            Some(at) => at,
            None => self.open(db).await?,
        };
        self.anew = true;
        let (indexer, position) = self.catch_up(db, indexer, position).await?;
        self.anew = false;
        self.at = Some((indexer, position));
        Ok(position)
    }

    /// Opens the index, or makes it where there is none that can be gone on with.
    async fn open(&self, db: &Db) -> anyhow::Result<(Indexer, i64)> {
        let (folder, anew) = (self.folder.clone(), self.anew);
        let found = tokio::task::spawn_blocking(move || {
            if anew {
                return None;
            }
            std::fs::create_dir_all(&folder).ok()?;
            Indexer::open(&folder).unwrap_or_else(|error| {
                tracing::warn!(%error, "the search index cannot be opened and is made anew");
                None
            })
        });
        // Reading a file that was cut short is a panic in tantivy, which ends that task alone.
        let found = found.await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the search index is damaged and is made anew");
            None
        });
        if let Some((indexer, position)) = found {
            // A database that was put back to an earlier state knows nothing of later changes.
            if position <= log::head(db, Log::Change).await? {
                indexer.serve(&self.mirror.search);
                return Ok((indexer, position));
            }
        }
        self.build().await
    }

    /// Makes the index from the view. Changes that come meanwhile are followed after.
    async fn build(&self) -> anyhow::Result<(Indexer, i64)> {
        let (mirror, folder) = (Arc::clone(&self.mirror), self.folder.clone());
        let built = tokio::task::spawn_blocking(move || {
            let position = mirror.positions().change;
            let mut indexer = Indexer::create(&folder)?;
            let mut ids = mirror.catalog.ids_after(None, BATCH);
            while let Some(last) = ids.last().copied() {
                indexer.add(&mirror.catalog.sources(&ids))?;
                ids = mirror.catalog.ids_after(Some(last), BATCH);
            }
            indexer.commit(position)?;
            indexer.serve(&mirror.search);
            tracing::info!(products = mirror.search.len(), "the search index is made");
            anyhow::Ok((indexer.settle()?, position))
        });
        built.await?
    }

    async fn catch_up(
        &self,
        db: &Db,
        mut indexer: Indexer,
        mut position: i64,
    ) -> anyhow::Result<(Indexer, i64)> {
        loop {
            let reached = self.mirror.positions().change;
            if position >= reached {
                return Ok((indexer, position));
            }
            let mut changes = store::changes_after(db, position, MOST).await?;
            if changes.first().is_none_or(|first| first.position > position + 1) {
                // Rows in between are gone from the log.
                drop(indexer);
                return self.build().await;
            }
            changes.retain(|change| change.position <= reached);
            let Some(last) = changes.last() else { return Ok((indexer, position)) };
            position = last.position;
            let mirror = Arc::clone(&self.mirror);
            let applied = tokio::task::spawn_blocking(move || {
                let touched = touched(&mirror, &changes);
                for ids in touched.chunks(BATCH) {
                    ids.iter().for_each(|id| indexer.remove(*id));
                    indexer.add(&mirror.catalog.sources(ids))?;
                }
                if !touched.is_empty() {
                    indexer.commit(position)?;
                }
                anyhow::Ok(indexer)
            });
            indexer = applied.await??;
        }
    }
}

/// The products that changes concern: those named, and those below a category that changed.
fn touched(mirror: &Mirror, changes: &[store::Change]) -> Vec<u64> {
    let of = |kind: &'static str| changes.iter().filter(move |change| change.kind == kind);
    let products = of("product").filter_map(|change| change.id.parse::<ProductId>().ok());
    let mut ids: BTreeSet<u64> = products.map(|id| id.0).collect();
    let categories: Vec<CategoryId> =
        of("category").filter_map(|change| change.id.parse().ok()).collect();
    if !categories.is_empty() {
        ids.extend(mirror.catalog.ids_below(&categories));
    }
    ids.into_iter().collect()
}
