//! Whether this node can judge and answer: loaded, following its logs, able to record.

use crate::kernel::Micros;
use parking_lot::Mutex;
use serde::Serialize;

/// A node that has not heard of a log for this long (microseconds) can no longer judge.
const STALE: i64 = 10 * crate::kernel::clock::SECOND;

#[derive(Debug)]
struct State {
    serving: bool,
    stopping: bool,
    control_at: Micros,
    catalog_at: Micros,
    fold_at: Micros,
    journal_full: bool,
}

/// What the background tasks know about the node's health.
#[derive(Debug)]
pub(super) struct Readiness(Mutex<State>);

/// The answer of `/readyz`.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Whether calls should be sent here.
    pub(super) ready: bool,
    /// What is wrong, in words; empty when ready.
    pub(super) problems: Vec<&'static str>,
}

impl Readiness {
    /// A node that is starting.
    pub(super) fn new(now: Micros) -> Self {
        Self(Mutex::new(State {
            serving: false,
            stopping: false,
            control_at: now,
            catalog_at: now,
            fold_at: now,
            journal_full: false,
        }))
    }

    /// The listeners are open.
    pub(super) fn serving(&self) {
        self.0.lock().serving = true;
    }

    /// The node finishes what it has and takes no more.
    pub(super) fn stopping(&self) {
        self.0.lock().stopping = true;
    }

    /// The control log was read up to its head.
    pub(super) fn control_followed(&self, now: Micros) {
        self.0.lock().control_at = now;
    }

    /// The change log and the stock log were read up to their heads.
    pub(super) fn catalog_followed(&self, now: Micros) {
        self.0.lock().catalog_at = now;
    }

    /// The ledger has taken what was there.
    pub(super) fn folded(&self, now: Micros) {
        self.0.lock().fold_at = now;
    }

    /// Whether the journal can take no more.
    pub(super) fn journal_full(&self, full: bool) {
        self.0.lock().journal_full = full;
    }

    /// How the node stands.
    pub(super) fn report(&self, now: Micros) -> Report {
        let state = self.0.lock();
        let stale = |at: Micros| now.0 - at.0 > STALE;
        let mut problems = Vec::new();
        let mut check = |wrong: bool, what| {
            if wrong {
                problems.push(what);
            }
        };
        check(!state.serving, "not serving yet");
        check(state.stopping, "stopping");
        check(stale(state.control_at), "cannot follow the control log: keys may be out of date");
        check(
            stale(state.catalog_at),
            "cannot follow the change log: the catalog may be out of date",
        );
        check(
            stale(state.fold_at),
            "cannot fold usage into the ledger: events wait in the journal",
        );
        check(state.journal_full, "the journal is full: billable calls are refused");
        // Events that wait are safe, and so is stale catalog data that says its time; a node that
        // cannot judge or record must not be sent calls.
        let ready =
            state.serving && !state.stopping && !stale(state.control_at) && !state.journal_full;
        Report { ready, problems }
    }
}
