//! What writes snapshots and exports on this node, one at a time, beside the calls.

use super::ExportError;
use super::model::Request;
use super::store::{self, New};
use super::write::{self, Written};
use crate::config;
use crate::kernel::clock::{HOUR, SECOND};
use crate::kernel::id::{ExportId, NodeId};
use crate::kernel::{Clock, Micros};
use crate::storage::Db;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

/// After a failed snapshot the next is tried after so long.
const AGAIN_AFTER: i64 = 600 * SECOND;
/// How long the row of what waits or is being written holds without a word of its writer, and how often that
/// gives one.
pub const LEASE: i64 = 60 * SECOND;
const RENEW: Duration = Duration::from_secs(15);
/// How long an app's export is kept, and how long it counts.
pub const EXPORT_KEPT: i64 = 24 * HOUR;

/// The writer of a node.
#[derive(Debug)]
pub struct Worker {
    db: Db,
    clock: Clock,
    dir: PathBuf,
    node: String,
    settings: config::Exports,
    /// No snapshot is tried before.
    not_before: AtomicI64,
    asked: Notify,
}

impl Worker {
    /// The writer of the node with this data directory.
    #[must_use]
    pub fn new(
        db: Db,
        clock: Clock,
        data_dir: &Path,
        node: NodeId,
        settings: config::Exports,
    ) -> Self {
        let (dir, node) = (data_dir.join("exports"), node.to_string());
        Self { db, clock, dir, node, settings, not_before: AtomicI64::new(0), asked: Notify::new() }
    }

    /// The database.
    pub(super) fn db(&self) -> &Db {
        &self.db
    }

    /// The settings.
    pub(super) fn settings(&self) -> &config::Exports {
        &self.settings
    }

    /// When the addresses that are given out now end: on a quarter of their life, so that a manifest that
    /// is asked for again soon is the same, with the same ETag.
    pub(super) fn urls_end(&self) -> Micros {
        let life = i64::try_from(self.settings.url_life.as_micros()).unwrap_or(i64::MAX / 4);
        let step = life / 4;
        let least = self.now().0.saturating_add(life);
        Micros(least.saturating_add(step - 1).div_euclid(step).saturating_mul(step))
    }

    /// The time.
    pub(super) fn now(&self) -> Micros {
        self.clock.now()
    }

    /// Until when this writer vouches for what it begins or goes on with now.
    fn until(&self) -> Micros {
        Micros(self.now().0.saturating_add(LEASE))
    }

    /// Where the files of an export are.
    pub(super) fn place(&self, id: &str) -> PathBuf {
        self.dir.join(id)
    }

    /// Puts a request of an app into the queue, and wakes the writer. With a seed, of which its id is made, one that was put
    /// there already stays as it is.
    pub async fn enqueue(
        &self,
        app: &str,
        request: &Request,
        seed: Option<&str>,
    ) -> Result<(ExportId, store::Enqueued), ExportError> {
        let id = seed.map(ExportId::derived).map_or_else(ExportId::random, Ok)?;
        if seed.is_some() && store::find(&self.db, &id.to_string()).await?.is_some() {
            return Ok((id, store::Enqueued::Queued));
        }
        let now = self.now();
        let request = serde_json::to_string(request)?;
        let new = New { id: &id.to_string(), node: &self.node, request: &request, now };
        let since = Micros(now.0.saturating_sub(EXPORT_KEPT));
        let limit = (since, self.settings.per_app_daily);
        let enqueued = store::enqueue(&self.db, new, (app, self.until()), limit).await?;
        if enqueued == store::Enqueued::Queued {
            self.asked.notify_one();
        }
        Ok((id, enqueued))
    }

    /// Resolves when an app has asked for an export.
    pub async fn asked(&self) {
        self.asked.notified().await;
    }

    /// Cleans up what an earlier run was cut off from. Call it once, before the first round.
    pub async fn start(&self) -> Result<(), ExportError> {
        store::reset(&self.db, &self.node, self.until()).await?;
        if store::queued(&self.db, &self.node).await? {
            self.asked.notify_one();
        }
        self.sweep().await
    }

    /// Writes the day's snapshot, where it is due and nobody has begun it; whether it was written.
    pub async fn daily(&self) -> Result<bool, ExportError> {
        let now = self.now();
        if !self.settings.enabled || now.0 < self.not_before.load(Ordering::Relaxed) {
            return Ok(false);
        }
        let day = super::schedule::day_due(now, self.settings.at, &self.settings.time_zone);
        let written = self.snapshot(Some(&day)).await;
        if written.is_err() {
            self.not_before.store(now.0.saturating_add(AGAIN_AFTER), Ordering::Relaxed);
        }
        Ok(written?.is_some())
    }

    /// Writes a snapshot now, as that of a day where one is named; none where another node has begun
    /// that day's.
    pub async fn snapshot(&self, day: Option<&str>) -> Result<Option<ExportId>, ExportError> {
        let (id, request) = (ExportId::random()?, Request::everything());
        let name = id.to_string();
        let text = serde_json::to_string(&request)?;
        let new = New { id: &name, node: &self.node, request: &text, now: self.now() };
        if !store::begin_snapshot(&self.db, new, day, self.until()).await? {
            return Ok(None);
        }
        if let Err(error) = self.carry_out(&name, &request).await {
            self.discard(&name);
            store::forget(&self.db, &name).await?;
            return Err(error);
        }
        self.clear_old().await?;
        Ok(Some(id))
    }

    /// Writes what apps have asked for; how many exports failed.
    pub async fn work_off(&self) -> Result<u64, ExportError> {
        let mut failed = 0;
        while let Some(export) = store::take_queued(&self.db, &self.node, self.until()).await? {
            let written = match export.request() {
                Ok(request) => self.carry_out(&export.id, &request).await,
                Err(error) => Err(error.into()),
            };
            if let Err(error) = written {
                tracing::error!(%error, id = export.id, "an export could not be written");
                self.discard(&export.id);
                store::fail(&self.db, &export.id).await?;
                failed += 1;
            }
        }
        Ok(failed)
    }

    async fn carry_out(&self, id: &str, request: &Request) -> Result<(), ExportError> {
        std::fs::create_dir_all(&self.dir)?;
        // What is begun again after a crash finds what it had written before.
        self.discard(id);
        let Written { position, files } = tokio::select! {
            written = write::write(&self.db, &self.dir, id, request) => written?,
            () = self.keep(id) => return Err(ExportError::CutOff),
        };
        let manifest = serde_json::to_string(&files)?;
        if !store::finish(&self.db, id, (position, &manifest), self.now()).await? {
            self.discard(id);
            return Err(ExportError::CutOff);
        }
        let rows: u64 = files.iter().map(|file| file.rows).sum();
        tracing::info!(id, position, files = files.len(), rows, "an export was written");
        Ok(())
    }

    /// Holds on to what is being written, until it was given up all the same, and to what waits behind it.
    async fn keep(&self, id: &str) {
        let mut ticks = interval_at(Instant::now() + RENEW, RENEW);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = store::keep_queued(&self.db, &self.node, self.until()).await {
                tracing::warn!(%error, "the leases of exports that wait were not renewed");
            }
            match store::keep(&self.db, id, self.until()).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => tracing::warn!(%error, id, "the lease of an export was not renewed"),
            }
        }
    }

    fn discard(&self, id: &str) {
        let _ = std::fs::remove_dir_all(self.place(id));
        let _ = std::fs::remove_dir_all(write::staging(&self.dir, id));
    }

    /// Takes away what is no longer kept.
    pub async fn clear_old(&self) -> Result<(), ExportError> {
        let before = |age: i64| Micros(self.now().0.saturating_sub(age));
        store::give_up(&self.db, self.now()).await?;
        store::forget_old(&self.db, self.settings.keep, before(EXPORT_KEPT)).await?;
        self.sweep().await
    }

    /// Removes directories that belong to nothing registered. A row is there before its directory.
    async fn sweep(&self) -> Result<(), ExportError> {
        let entries = match std::fs::read_dir(&self.dir) {
            Ok(entries) => entries.collect::<Result<Vec<_>, _>>()?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let known = store::ids(&self.db).await?;
        for entry in entries {
            let name = entry.file_name().to_string_lossy().into_owned();
            let id = name.strip_suffix(".part").unwrap_or(&name);
            if id.parse::<ExportId>().is_ok() && !known.iter().any(|known| known == id) {
                // Another node that shares the directory may be doing the same.
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
        Ok(())
    }
}
