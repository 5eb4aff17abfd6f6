//! Feeds that come by themselves: files that are put into folders, and addresses that are polled.
//!
//! Each folder below `feeds.sources_dir` that holds a `source.toml` is a source. A file in it that has
//! stopped changing is moved to `working`, imported, and put away into `done` or `failed` with a report
//! beside it. What lies in `working` was cut off and is imported again, which changes nothing that is
//! stored already. One node at a time does this: the one that holds the lease. It tells the database how
//! its sources are, so that every node can say it.

mod folder;
mod look;
mod remote;
mod settings;
mod told;

use super::Guard;
use super::store::sources as store;
use crate::catalog::offers::Plausible;
use crate::config;
use crate::kernel::clock::HOUR;
use crate::kernel::{Clock, Micros};
use crate::storage::{Db, StoreError, lease};
use folder::{Folder, Looks};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use tokio::time::MissedTickBehavior;
use told::Told;

/// How long a node keeps the lease without renewing it, in microseconds, and how often it does.
const LEASE: i64 = 60_000_000;
const RENEW: Duration = Duration::from_secs(15);
/// How often it is seen whether somebody has asked for a look.
pub const ASKED_EVERY: Duration = Duration::from_secs(1);
/// How long a look that was asked for is repeated while files still change, in microseconds.
const PATIENCE: i64 = 60_000_000;

/// The sources of a node.
#[derive(Debug)]
pub struct Sources {
    db: Db,
    clock: Clock,
    node: String,
    dir: PathBuf,
    poll: Duration,
    keep_days: u32,
    bounds: Bounds,
    http: remote::Http,
    state: Mutex<State>,
}

/// What the settings of the program say about every import.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    guard: Guard,
    plausible: Plausible,
    max_bytes: u64,
}

/// What is remembered from round to round.
#[derive(Debug, Default)]
struct State {
    looks: Looks,
    /// When addresses are polled next, and what was wrong with them last.
    polls: HashMap<PathBuf, (Instant, Option<String>)>,
    /// What is wrong with sources, so that it is logged once.
    problems: BTreeMap<String, String>,
    told: Told,
    /// When all sources are looked at next.
    next: Option<Instant>,
    /// When old files were cleared last.
    cleared: Option<Micros>,
}

/// What a round has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Round {
    /// Files that were imported or refused.
    pub files: u64,
    /// Sources with which something is wrong now.
    pub failing: usize,
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
            poll: settings.sources_poll,
            keep_days: settings.sources_keep_days,
            bounds: Bounds {
                guard: Guard::of(settings),
                plausible: Plausible::times(settings.max_price_factor),
                max_bytes: u64::from(settings.max_mib) * 1024 * 1024,
            },
            http: remote::Http::new()?,
            state: Mutex::default(),
        }))
    }

    /// Looks at every source and imports what is there, if it is time or somebody has asked for it,
    /// and if this node is the one that does; nothing where it is not time.
    pub async fn round(&self) -> Result<Option<Round>, StoreError> {
        let mut state = self.state.lock().await;
        let asked = store::asked(&self.db).await?;
        if asked.is_empty() && state.next.is_some_and(|next| Instant::now() < next) {
            return Ok(None);
        }
        state.next = Some(Instant::now() + self.poll);
        if !self.hold().await? {
            state.told = Told::default();
            return Ok(Some(Round::default()));
        }
        let mut round = Round::default();
        let mut found = BTreeMap::new();
        // Without the lease another node goes on with what is under way.
        let looked = tokio::select! {
            looked = self.look_at_all(&mut state, &asked, &mut round, &mut found) => Some(looked),
            () = self.keep() => None,
        };
        match looked {
            Some(looked) => looked?,
            None => state.told = Told::default(),
        }
        for (source, problem) in &found {
            if state.problems.get(source) != Some(problem) {
                tracing::warn!(source, problem, "a source of feeds cannot be read");
            }
        }
        round.failing = found.len();
        state.problems = found;
        Ok(Some(round))
    }

    /// Looks at the sources one after the other, and tells how they are.
    async fn look_at_all(
        &self,
        state: &mut State,
        asked: &[(String, i64)],
        round: &mut Round,
        found: &mut BTreeMap<String, String>,
    ) -> Result<(), StoreError> {
        let folders = match Folder::all(&self.dir) {
            Ok(folders) => folders,
            Err(error) => {
                let problem = error.to_string();
                state.told.all_fail(&problem);
                found.insert("feeds.sources_dir".to_owned(), problem);
                return state.told.send(self).await;
            }
        };
        let names: HashSet<String> = folders.iter().map(Folder::name).collect();
        state.told.retain(self, &names).await?;
        for folder in &folders {
            let name = folder.name();
            let asked = asked.iter().find(|(asked, _)| *asked == name).map(|(_, at)| *at);
            if asked.is_some() {
                state.polls.remove(folder.path());
            }
            let looked = self.look(folder, state, &mut round.files).await;
            let problem = looked.err().map(|problem| folder.without_place(&problem.to_string()));
            state.told.problem(&name, problem.clone());
            if asked.is_some() {
                state.told.looked(&name);
            }
            if let Some(problem) = problem {
                found.insert(name.clone(), problem);
            }
            // A file that was seen for the first time is looked at again at once.
            let waits = state.looks.keys().any(|file| file.parent() == Some(folder.path()));
            let patient = |at: i64| self.clock.now().0.saturating_sub(at) < PATIENCE;
            if let Some(at) = asked.filter(|at| !waits || !patient(*at)) {
                state.told.answered(&name, at);
            }
        }
        self.clear(state, &folders);
        state.told.send(self).await
    }

    /// Removes what was put away long ago, once an hour.
    fn clear(&self, state: &mut State, folders: &[Folder]) {
        let now = self.clock.now();
        let lately = |at: Micros| now.0.saturating_sub(at.0) < HOUR;
        if self.keep_days == 0 || state.cleared.is_some_and(lately) {
            return;
        }
        state.cleared = Some(now);
        let before = Micros(now.0.saturating_sub(i64::from(self.keep_days) * 24 * HOUR));
        for folder in folders {
            match folder.clear(before) {
                Ok(0) => {}
                Ok(files) => {
                    tracing::info!(
                        source = folder.name(),
                        files,
                        "old files of a source were removed"
                    );
                }
                Err(error) => {
                    let source = folder.name();
                    tracing::warn!(source, %error, "old files of a source could not be removed");
                }
            }
        }
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
}
