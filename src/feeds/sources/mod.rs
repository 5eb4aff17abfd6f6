//! Feeds that come by themselves: files that are put into folders, and addresses that are polled.
//!
//! Each folder below `feeds.sources_dir` that holds a `source.toml` is a source. A file in it that has
//! stopped changing is moved to `working`, imported, and put away into `done` or `failed` with a report
//! beside it. What lies in `working` was cut off and is imported again, which changes nothing that is
//! stored already. One node at a time does this: the one that holds the lease.

mod folder;
mod remote;
mod settings;

use super::{Guard, ImportError, Report, import_with};
use crate::config;
use crate::kernel::{Clock, Micros};
use crate::storage::{Db, StoreError, lease};
use folder::{Folder, Looks};
use remote::Fetched;
use serde_json::{Value, json};
use settings::Settings;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use tokio::time::MissedTickBehavior;

/// How long a node keeps the lease without renewing it, in microseconds, and how often it does.
const LEASE: i64 = 60_000_000;
const RENEW: Duration = Duration::from_secs(15);
/// How soon an address is polled again that failed, at the latest.
const AGAIN: Duration = Duration::from_secs(300);

/// The sources of a node.
#[derive(Debug)]
pub struct Sources {
    db: Db,
    clock: Clock,
    node: String,
    dir: PathBuf,
    guard: Guard,
    max_bytes: u64,
    http: reqwest::Client,
    state: Mutex<State>,
}

/// What is remembered from round to round.
#[derive(Debug, Default)]
struct State {
    looks: Looks,
    /// When addresses are polled next, and what was wrong with them last.
    polls: HashMap<PathBuf, (Instant, Option<String>)>,
    /// What is wrong with sources, so that it is logged once.
    problems: BTreeMap<String, String>,
}

/// What a round has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Round {
    /// Files that were imported or refused.
    pub files: u64,
    /// Sources with which something is wrong now.
    pub failing: usize,
}

/// Why a file could not be dealt with now; it is tried again.
#[derive(Debug, thiserror::Error)]
enum Later {
    #[error(transparent)]
    Disk(#[from] std::io::Error),
    #[error(transparent)]
    Import(#[from] ImportError),
    #[error("source.toml: {0}")]
    Settings(String),
    #[error("url: {0}")]
    Remote(String),
}

impl Sources {
    /// The sources below `feeds.sources_dir`; none where that is not set.
    pub fn new(
        settings: &config::Feeds,
        (db, clock, node): (&Db, &Clock, String),
    ) -> reqwest::Result<Option<Self>> {
        let Some(dir) = settings.sources_dir.clone() else { return Ok(None) };
        Ok(Some(Self {
            db: db.clone(),
            clock: clock.clone(),
            node,
            dir,
            guard: Guard { percent: settings.max_delete_percent, least: settings.max_delete_min },
            max_bytes: u64::from(settings.max_mib) * 1024 * 1024,
            http: remote::client()?,
            state: Mutex::default(),
        }))
    }

    /// Looks at every source and imports what is there, if this node is the one that does.
    pub async fn round(&self) -> Result<Round, StoreError> {
        let mut round = Round::default();
        if !self.hold().await? {
            return Ok(round);
        }
        let mut state = self.state.lock().await;
        let State { looks, polls, problems } = &mut *state;
        let mut found = BTreeMap::new();
        let look = async {
            let folders = match Folder::all(&self.dir) {
                Ok(folders) => folders,
                Err(error) => {
                    found.insert("feeds.sources_dir".to_owned(), error.to_string());
                    return;
                }
            };
            for folder in folders {
                let looked = self.look(&folder, looks, polls, &mut round.files).await;
                if let Err(problem) = looked {
                    found.insert(folder.name(), problem.to_string());
                }
            }
        };
        // Without the lease another node goes on with what is under way.
        tokio::select! {
            () = look => {}
            () = self.keep() => {}
        }
        for (source, problem) in &found {
            if problems.get(source) != Some(problem) {
                tracing::warn!(source, problem, "a source of feeds cannot be read");
            }
        }
        round.failing = found.len();
        *problems = found;
        Ok(round)
    }

    async fn hold(&self) -> Result<bool, StoreError> {
        let now = self.clock.now();
        lease::hold(&self.db, ("feeds", &self.node), now, Micros(now.0.saturating_add(LEASE))).await
    }

    /// Renews the lease until it is lost.
    async fn keep(&self) {
        let mut ticks = tokio::time::interval(RENEW);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            match self.hold().await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => tracing::warn!(%error, "the lease of the feeds was not renewed"),
            }
        }
    }

    /// Imports what a source has.
    async fn look(
        &self,
        folder: &Folder,
        looks: &mut Looks,
        polls: &mut HashMap<PathBuf, (Instant, Option<String>)>,
        files: &mut u64,
    ) -> Result<(), Later> {
        let settings = Settings::load(folder.path(), self.guard, self.max_bytes);
        let settings = settings.map_err(Later::Settings)?;
        let passed_over = loop {
            match folder.next(looks, &settings.own) {
                Ok(Some(file)) => self.take_in(folder, &settings, &file).await?,
                other => break other.map(drop),
            }
            *files += 1;
        };
        let Some(remote) = &settings.remote else { return Ok(passed_over?) };
        let (now, path) = (Instant::now(), folder.path().to_owned());
        if let Some((_, problem)) = polls.get(&path).filter(|(next, _)| now < *next) {
            return problem.clone().map_or(Ok(passed_over?), |problem| Err(Later::Remote(problem)));
        }
        let fetched = remote::fetch(&self.http, folder, remote, self.max_bytes).await;
        let wait = if fetched.is_ok() { remote.every } else { remote.every.min(AGAIN) };
        polls.insert(path, (now + wait, fetched.as_ref().err().cloned()));
        if let Some(Fetched { file, last }) = fetched.map_err(Later::Remote)? {
            self.take_in(folder, &settings, &file).await?;
            *files += 1;
            last.save(folder)?;
        }
        Ok(passed_over?)
    }

    /// Imports a file and puts it away.
    async fn take_in(
        &self,
        folder: &Folder,
        settings: &Settings,
        file: &Path,
    ) -> Result<(), Later> {
        let mut reports = Vec::new();
        let imported = self.import(folder, settings, file, &mut reports).await;
        let error = match imported {
            Err(error) if passes(&error) => return Err(error.into()),
            Err(error) => Some(error.to_string()),
            Ok(()) => None,
        };
        let held = reports.iter().any(|report| report.held > 0);
        let status = match &error {
            Some(_) => "failed",
            None if held => "held",
            None => "done",
        };
        let at = self.clock.now().to_string();
        let report = json!({ "source": folder.name(), "finished_at": at, "status": status,
                             "error": error, "imports": Value::from_iter(reports.iter().map(shown)) });
        let into = if error.is_some() { "failed" } else { "done" };
        folder.put_away(file, (into, &at.replace(':', "")), &report)?;
        tracing::info!(source = folder.name(), status, "a file of a source was imported");
        Ok(())
    }

    /// Imports a file feed by feed.
    async fn import(
        &self,
        folder: &Folder,
        settings: &Settings,
        file: &Path,
        reports: &mut Vec<Report>,
    ) -> Result<(), ImportError> {
        for feed in &settings.feeds {
            let (db, clock, options) = (&self.db, &self.clock, &settings.options);
            let rejected = folder.rejected(feed.as_str());
            let rejected = Some(rejected.as_path());
            let report =
                import_with(db, clock, *feed, file, options, rejected, &mut |_| {}).await?;
            reports.push(report);
        }
        Ok(())
    }
}

/// Whether a failure passes by itself, so that the file is imported again.
fn passes(error: &ImportError) -> bool {
    matches!(
        error,
        ImportError::Store(_)
            | ImportError::File { .. }
            | ImportError::Changed { .. }
            | ImportError::Random(_)
    )
}

fn shown(report: &Report) -> Value {
    serde_json::to_value(report).unwrap_or_default()
}
