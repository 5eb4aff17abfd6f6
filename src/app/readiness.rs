//! Whether this node can judge and answer: loaded, following its logs, able to record.

use crate::access::directory::Keyring;
use crate::kernel::Micros;
use crate::metering::Journal;
use parking_lot::Mutex;
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A log that was not heard of for this long (microseconds) cannot be followed.
const STALE: i64 = 10 * crate::kernel::clock::SECOND;

#[derive(Debug)]
struct State {
    serving: bool,
    catalog_at: Micros,
    fold_at: Micros,
    /// Whether the disk under the database had no room for usage since.
    database_full: bool,
    /// Why the journal takes no more, where it does not.
    journal: Option<&'static str>,
}

/// What the background tasks know about the node's health.
#[derive(Debug)]
pub(super) struct Readiness {
    keyring: Arc<Keyring>,
    is_stopping: AtomicBool,
    state: Mutex<State>,
}

/// The answer of `/readyz`.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Whether calls should be sent here.
    pub(super) ready: bool,
    /// What is wrong, in words; of a node that is ready, what it answers calls in spite of.
    pub(super) problems: Vec<&'static str>,
}

impl Readiness {
    /// A node that is starting.
    pub(super) fn new(keyring: Arc<Keyring>, now: Micros) -> Self {
        let state = State {
            serving: false,
            catalog_at: now,
            fold_at: now,
            database_full: false,
            journal: None,
        };
        Self { keyring, is_stopping: AtomicBool::new(false), state: Mutex::new(state) }
    }

    /// The listeners are open.
    pub(super) fn serving(&self) {
        self.state.lock().serving = true;
    }

    /// The node finishes what it has, and soon takes no more.
    pub(super) fn stopping(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    /// Whether it does.
    pub(super) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Relaxed)
    }

    /// The change log and the stock log were read up to their heads.
    pub(super) fn catalog_followed(&self, now: Micros) {
        self.state.lock().catalog_at = now;
    }

    /// The ledger has taken what was there.
    pub(super) fn folded(&self, now: Micros) {
        let mut state = self.state.lock();
        (state.fold_at, state.database_full) = (now, false);
    }

    /// The ledger could take nothing, for the disk under the database is full.
    pub(super) fn database_full(&self) {
        self.state.lock().database_full = true;
    }

    /// Whether the journal can take more.
    pub(super) fn journal(&self, journal: &Journal) {
        self.state.lock().journal = match (journal.has_failed(), journal.is_full()) {
            (true, _) => Some(
                "the journal's disk has failed: billable calls are refused until this node is started again",
            ),
            (false, true) => Some("the journal is full: billable calls are refused"),
            (false, false) => None,
        };
    }

    /// How the node stands.
    pub(super) fn report(&self, now: Micros) -> Report {
        let state = self.state.lock();
        let stale = |at: Micros| now.0 - at.0 > STALE;
        let mut problems = Vec::new();
        let mut check = |wrong: bool, what| {
            if wrong {
                problems.push(what);
            }
        };
        check(!state.serving, "not serving yet");
        check(self.is_stopping(), "stopping");
        let freshness = self.keyring.freshness();
        let doubtful = freshness.is_doubtful();
        check(
            doubtful && !freshness.is_stale(),
            "cannot follow the control log: keys may be out of date",
        );
        check(
            freshness.is_stale(),
            "cannot follow the control log: calls with a key are refused (access_stale)",
        );
        let is_skewed = self.keyring.skew().is_beyond();
        check(
            is_skewed,
            "the clock is too far from the database's: calls with a key are refused (clock_skewed)",
        );
        check(
            stale(state.catalog_at),
            "cannot follow the change log: the catalog may be out of date",
        );
        // What fails once and then goes well is not told, so that the report does not come and go.
        let is_behind = stale(state.fold_at);
        check(
            is_behind && !state.database_full,
            "cannot fold usage into the ledger: events wait in the journal",
        );
        check(
            is_behind && state.database_full,
            "the disk under the database is full: nothing can be changed, and events wait in the journal",
        );
        problems.extend(state.journal);
        // Events that wait are safe, and so is stale catalog data that says its time; a node that
        // cannot judge or record must not be sent calls.
        let judges = !doubtful && !is_skewed;
        let ready = state.serving && !self.is_stopping() && judges && state.journal.is_none();
        Report { ready, problems }
    }
}
