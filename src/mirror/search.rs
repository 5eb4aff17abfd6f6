//! Keeps the search index behind the view: each round takes the changes that the view has already.

use super::store::{self, Stretch};
use super::{MOST, Mirror};
use crate::catalog::search::{Commit, Indexer, Words};
use crate::kernel::id::{CategoryId, NodeId, ProductId};
use crate::storage::{Db, StoreError, witness};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

/// Products handed to the index at a time.
const BATCH: usize = 500;

/// Kinds of changes that no product's entry in the index depends on.
const NOT_INDEXED: &str = " stock offer store promotion ";

/// What the database's tokens for this index are filed under.
const KIND: &str = "search";

/// The follower of the change log that writes the search index. There is one in each node.
#[derive(Debug)]
pub struct SearchFollower {
    mirror: Arc<Mirror>,
    folder: PathBuf,
    node: String,
    words: Words,
    /// None before the first round and after a failure.
    at: Option<At>,
    /// Whether going on with what is there has failed before, so that it is made anew.
    anew: bool,
}

/// The index, its last commit, and how far it has come since without finding anything of its own.
#[derive(Debug)]
struct At {
    indexer: Indexer,
    commit: Commit,
    position: i64,
}

impl SearchFollower {
    /// A follower with its index of these words in a folder of a node.
    #[must_use]
    pub fn new(mirror: Arc<Mirror>, (folder, node): (PathBuf, NodeId), words: Words) -> Self {
        Self { mirror, folder, node: node.to_string(), words, at: None, anew: false }
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
        let at = match self.at.take() {
            Some(at) => at,
            None => self.open(db).await?,
        };
        match self.catch_up(db, at).await {
            Ok(at) => {
                self.anew = false;
                Ok(self.at.insert(at).position)
            }
            Err(error) => {
                // A database that does not answer says nothing against the index.
                self.anew = !error.is::<StoreError>();
                Err(error)
            }
        }
    }

    /// Opens the index, or makes it where there is none that can be gone on with.
    async fn open(&self, db: &Db) -> anyhow::Result<At> {
        let (folder, words, anew) = (self.folder.clone(), self.words.clone(), self.anew);
        let found = tokio::task::spawn_blocking(move || {
            if anew {
                return None;
            }
            std::fs::create_dir_all(&folder).ok()?;
            Indexer::open(&folder, &words).unwrap_or_else(|error| {
                tracing::warn!(%error, "the search index cannot be opened and is made anew");
                None
            })
        });
        // Reading a file that was cut short is a panic in tantivy, which ends that task alone.
        let found = found.await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the search index is damaged and is made anew");
            None
        });
        if let Some((indexer, commit)) = found {
            if witness::has(db, (&self.node, KIND), &commit.token).await? {
                indexer.serve(&self.mirror.search);
                return Ok(At { indexer, position: commit.position, commit });
            }
            tracing::warn!("the search index was not made from this database and is made anew");
        }
        self.build(db).await
    }

    /// Makes the index from the view. Changes that come meanwhile are followed after.
    async fn build(&self, db: &Db) -> anyhow::Result<At> {
        let (mirror, folder) = (Arc::clone(&self.mirror), self.folder.clone());
        let words = self.words.clone();
        let built = tokio::task::spawn_blocking(move || {
            let position = mirror.positions().change;
            let mut indexer = Indexer::create(&folder, &words)?;
            let mut ids = mirror.catalog.ids_after(None, BATCH);
            while let Some(last) = ids.last().copied() {
                indexer.add(&mirror.catalog.sources(&ids))?;
                ids = mirror.catalog.ids_after(Some(last), BATCH);
            }
            anyhow::Ok((indexer, position))
        });
        let (indexer, position) = built.await??;
        let at = self.commit(db, indexer, position, None).await?;
        at.indexer.serve(&self.mirror.search);
        tracing::info!(products = self.mirror.search.len(), "the search index is made");
        let At { indexer, commit, position } = at;
        let settled = tokio::task::spawn_blocking(move || indexer.settle());
        Ok(At { indexer: settled.await??, commit, position })
    }

    /// Commits what the indexer was given, after the database has the token by which it knows it.
    async fn commit(
        &self,
        db: &Db,
        mut indexer: Indexer,
        position: i64,
        held: Option<&str>,
    ) -> anyhow::Result<At> {
        let commit = Commit { position, token: witness::token()? };
        witness::put(db, (&self.node, KIND), &commit.token, held).await?;
        let committed = tokio::task::spawn_blocking(move || {
            indexer.commit(&commit)?;
            anyhow::Ok(At { indexer, commit, position })
        });
        committed.await?
    }

    async fn catch_up(&self, db: &Db, mut at: At) -> anyhow::Result<At> {
        loop {
            let reached = self.mirror.positions().change;
            if at.position >= reached {
                return Ok(at);
            }
            let Stretch { mut changes, reached: through, .. } =
                store::changes_after(db, at.position, NOT_INDEXED, MOST).await?;
            if through <= at.position || store::change_floor(db).await? > at.position {
                // Rows in between are gone from the log, or the log itself is another one.
                drop(at);
                return self.build(db).await;
            }
            let position = through.min(reached);
            changes.retain(|change| change.position <= position);
            let (mirror, mut indexer) = (Arc::clone(&self.mirror), at.indexer);
            let applied = tokio::task::spawn_blocking(move || {
                let touched = touched(&mirror, &changes);
                for ids in touched.chunks(BATCH) {
                    ids.iter().for_each(|id| indexer.remove(*id));
                    indexer.add(&mirror.catalog.sources(ids))?;
                }
                anyhow::Ok((indexer, !touched.is_empty()))
            });
            let (indexer, changed) = applied.await??;
            at = if changed {
                self.commit(db, indexer, position, Some(&at.commit.token)).await?
            } else {
                At { indexer, commit: at.commit, position }
            };
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
