//! Keys that were found where everybody can read them, as GitHub's secret scanning partner program reports
//! them.
//!
//! A report is believed for its signature: ECDSA over its bytes by a key that the operator has named. What is
//! found is judged from memory, and only a secret that is ours (or looks like an admin token) touches the database.
//! The key is put in quarantine (or revoked), an admin token is suspended, once for each place: a report that
//! comes again undoes no decision of an admin. A secret that has ended stops nothing. Who is told, and how, is a
//! matter of alerts: here it is noted that somebody is to be.

pub mod api;
mod reporter;
mod service;
pub mod store;

pub use store::{Found, Leak, list_leaks};

use super::applied::Reload;
use super::throttle::Throttle;
use crate::config::{self, LeakAction};
use crate::storage::Db;
use crate::telemetry::Metrics;
use reporter::Reporter;
use std::net::IpAddr;
use std::sync::Arc;

/// Reports that an address may send in a minute.
const REPORTS_PER_MINUTE: u32 = 60;

/// What takes reports in.
#[derive(Debug)]
pub struct Leaks {
    db: Db,
    /// None where reports are not taken.
    taken: Option<(LeakAction, Reporter)>,
    by_address: Throttle<IpAddr>,
    metrics: Arc<Metrics>,
    reload: Reload,
}

impl Leaks {
    /// What takes reports in, as the settings say.
    pub fn new(
        settings: &config::Leaks,
        db: Db,
        (metrics, reload): (&Arc<Metrics>, &Reload),
    ) -> reqwest::Result<Self> {
        let reporter =
            settings.keys.as_ref().map(|keys| Reporter::new(keys.clone())).transpose()?;
        let taken = reporter.map(|reporter| (settings.action, reporter));
        let taken = taken.filter(|(action, _)| *action != LeakAction::Off);
        let (metrics, reload) = (Arc::clone(metrics), reload.clone());
        Ok(Self { db, taken, by_address: Throttle::new(REPORTS_PER_MINUTE), metrics, reload })
    }
}
