//! What a node keeps of its mirror in files of its own, so that a start reads them, which is several times
//! quicker than to read the tables, and follows the logs from where they stood.
//!
//! The files are derived and can be deleted at any time. They count only where the database has their
//! token (see [`witness`]) and the logs still lead on from their positions; otherwise, and where they are
//! damaged or too far behind, the tables are read. The positions are read before the rows, so a change that
//! happens while they are written is applied again rather than missed.

mod frames;

use super::{Mirror, Positions, store};
use crate::storage::{Db, Log, log, witness};
use anyhow::{Context as _, ensure};
use frames::{Reader, Writer};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::fs::{File, create_dir_all, remove_dir_all, rename};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::task::JoinSet;

/// Changes with everything that decides about what is in the files.
const VERSION: u32 = 2;
/// The word for these files among what a node derives from the database.
const KIND: &str = "mirror";
/// Products whose rows stand in one batch.
const BATCH: usize = 500;
/// Reading this part of the tables row by row takes as long as reading all of them at once.
const FAR_BEHIND: usize = 4;

const PRODUCTS: &str = "products";
const DELETED: &str = "deleted";
const OFFERS: &str = "offers";
const LEVELS: &str = "levels";
const MANIFEST: &str = "manifest.json";

/// What the files are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Manifest {
    version: u32,
    token: String,
    /// What settings put into the documents.
    links: String,
    change: i64,
    stock: i64,
    /// Products, offers and levels together.
    rows: usize,
}

impl Manifest {
    fn positions(&self) -> Positions {
        Positions { change: self.change, stock: self.stock }
    }
}

/// The files of a node.
#[derive(Debug)]
pub struct Saved {
    folder: PathBuf,
    node: String,
    /// What is there and counts.
    held: Mutex<Option<Manifest>>,
}

impl Saved {
    /// Files in a folder that is theirs alone.
    #[must_use]
    pub fn new(folder: PathBuf, node: String) -> Self {
        Self { folder, node, held: Mutex::new(None) }
    }

    /// The positions that the files stand for, where they count.
    pub fn positions(&self) -> Option<Positions> {
        self.held.lock().as_ref().map(Manifest::positions)
    }

    /// Fills the large parts of a mirror that holds none of them; the positions to follow from. `None`
    /// where there is nothing that counts: then nothing is in it.
    pub(super) async fn restore(&self, mirror: &Mirror, db: &Db) -> Option<Positions> {
        let manifest = match self.counting(mirror, db).await {
            Ok(manifest) => manifest?,
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), "the saved mirror is not used");
                return None;
            }
        };
        if let Err(error) = self.read(mirror).await {
            let error = format!("{error:#}");
            tracing::warn!(error, "the saved mirror is damaged; the tables are read instead");
            mirror.catalog.clear();
            mirror.stock.clear();
            return None;
        }
        let positions = manifest.positions();
        *self.held.lock() = Some(manifest);
        Some(positions)
    }

    /// The manifest, where there is one and its files are worth reading.
    async fn counting(&self, mirror: &Mirror, db: &Db) -> anyhow::Result<Option<Manifest>> {
        self.put_back();
        let text = match std::fs::read(self.folder.join(MANIFEST)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            text => text?,
        };
        let manifest: Manifest = serde_json::from_slice(&text)?;
        ensure!(manifest.version == VERSION, "it is of another version of this program");
        ensure!(manifest.links == mirror.links.before(), "the settings were others");
        let known = witness::has(db, (&self.node, KIND), &manifest.token).await?;
        ensure!(known, "it was not made from what this database is now");
        let floor = store::change_floor(db).await?;
        ensure!(manifest.change >= floor, "the change log no longer leads on from it");
        let changes = log::head(db, Log::Change).await? - manifest.change;
        let levels = store::levels_after(db, manifest.stock).await?;
        let behind = usize::try_from(changes.saturating_add(levels))?;
        ensure!(behind <= manifest.rows / FAR_BEHIND + BATCH, "it is {behind} changes behind");
        Ok(Some(manifest))
    }

    /// Each file is read by a thread of its own.
    async fn read(&self, mirror: &Mirror) -> anyhow::Result<()> {
        let mut reading: JoinSet<anyhow::Result<()>> = JoinSet::new();
        let open = |name| Reader::open(&self.folder.join(name)).context(name);
        let (mut products, mut deleted) = (open(PRODUCTS)?, open(DELETED)?);
        let (mut offers, mut levels) = (open(OFFERS)?, open(LEVELS)?);
        let catalog = Arc::clone(&mirror.catalog);
        reading.spawn_blocking(move || {
            while let Some(batch) = products.next::<Vec<_>>().context(PRODUCTS)? {
                catalog.restore_products(&batch)?;
            }
            while let Some(batch) = deleted.next().context(DELETED)? {
                catalog.restore_deleted(batch);
            }
            Ok(())
        });
        let (catalog, stock) = (Arc::clone(&mirror.catalog), Arc::clone(&mirror.stock));
        reading.spawn_blocking(move || {
            while let Some(batch) = offers.next().context(OFFERS)? {
                catalog.restore_offers(batch)?;
            }
            while let Some(batch) = levels.next::<Vec<_>>().context(LEVELS)? {
                stock.restore(&batch)?;
            }
            Ok(())
        });
        let mut outcome = Ok(());
        // To the end, also after a failure: a thread cannot be stopped, and must not fill a mirror that
        // was cleared.
        while let Some(read) = reading.join_next().await {
            let read = read.unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic()));
            outcome = outcome.and(read);
        }
        outcome
    }

    /// Writes the files anew, durably, where the mirror has moved on since. What fails or is cut off
    /// leaves those that were there.
    pub async fn save(&self, mirror: &Arc<Mirror>, db: &Db) -> anyhow::Result<bool> {
        let positions = mirror.positions();
        let held = self.held.lock().clone();
        if held.as_ref().is_some_and(|held| held.positions() == positions) {
            return Ok(false);
        }
        let (catalog, _, levels) = mirror.sizes();
        let manifest = Manifest {
            version: VERSION,
            token: witness::token()?,
            links: mirror.links.before().to_owned(),
            change: positions.change,
            stock: positions.stock,
            rows: catalog.products + catalog.offers + levels,
        };
        let part = self.folder.with_extension("part");
        let (mirror, folder, content) = (Arc::clone(mirror), part.clone(), manifest.clone());
        let written = tokio::task::spawn_blocking(move || {
            let written = write(&mirror, &folder, &content);
            if written.is_err() {
                let _ = remove_dir_all(&folder);
            }
            written
        });
        written.await??;
        // The token counts before the files do.
        let before = held.as_ref().map(|held| held.token.as_str());
        witness::put(db, (&self.node, KIND), &manifest.token, before).await?;
        self.publish(&part)?;
        *self.held.lock() = Some(manifest);
        Ok(true)
    }

    /// Where the files are for the moment in which others take their place.
    fn old(&self) -> PathBuf {
        self.folder.with_extension("old")
    }

    /// Brings back files whose place no others have taken.
    fn put_back(&self) {
        if !self.folder.exists() {
            // Mostly there are none.
            let _ = rename(self.old(), &self.folder);
        }
    }

    fn publish(&self, part: &Path) -> std::io::Result<()> {
        let old = self.old();
        unless_absent(remove_dir_all(&old))?;
        unless_absent(rename(&self.folder, &old))?;
        rename(part, &self.folder).inspect_err(|_| self.put_back())?;
        // Where it stays, the next time takes it away.
        let _ = remove_dir_all(&old);
        match self.folder.parent() {
            Some(parent) => File::open(parent)?.sync_all(),
            None => Ok(()),
        }
    }
}

fn unless_absent(done: std::io::Result<()>) -> std::io::Result<()> {
    match done {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Writes all files into a folder, the manifest last.
fn write(mirror: &Mirror, folder: &Path, manifest: &Manifest) -> anyhow::Result<()> {
    if folder.exists() {
        remove_dir_all(folder)?;
    }
    create_dir_all(folder)?;
    let create = |name| Writer::create(&folder.join(name)).context(name);
    let (catalog, stock) = (&mirror.catalog, &mirror.stock);

    let mut file = create(PRODUCTS)?;
    let mut ids = catalog.ids_after(None, BATCH);
    while let Some(last) = ids.last().copied() {
        catalog.save_products(&ids, |batch| file.write(batch)).context(PRODUCTS)?;
        ids = catalog.ids_after(Some(last), BATCH);
    }
    file.finish().context(PRODUCTS)?;

    let mut file = create(DELETED)?;
    file.write(&catalog.save_deleted()).context(DELETED)?;
    file.finish().context(DELETED)?;

    let mut file = create(OFFERS)?;
    for ids in catalog.offered().chunks(BATCH) {
        file.write(&catalog.save_offers(ids)).context(OFFERS)?;
    }
    file.finish().context(OFFERS)?;

    let mut file = create(LEVELS)?;
    for ids in stock.products().chunks(BATCH) {
        stock.save(ids, |batch| file.write(batch)).context(LEVELS)?;
    }
    file.finish().context(LEVELS)?;

    let path = folder.join(MANIFEST);
    std::fs::write(&path, serde_json::to_vec(manifest)?)?;
    File::open(&path)?.sync_all()?;
    Ok(File::open(folder)?.sync_all()?)
}
