//! Alerts: partners and retailer are told when a quota has reached a threshold, when an app calls as it usually does
//! not, and when a secret was found where everybody can read it. What was spent of budgets is told by the same alerts;
//! who looks after them knows what it costs, and stands behind this module.
//!
//! One node at a time looks, the one that holds the lease. What quotas have comes from the counters that each node
//! keeps at what the ledger has, so a look costs no statement; what an hour was comes from the ledger's sums; which
//! leaks are to be told stands beside them. The id of an alert follows from what it tells, and the alert, its mails and its messages are one transaction: so
//! each is told once, whatever nodes and restarts there are in between.

pub mod api;
mod hours;
mod leaks;
mod letter;
pub mod model;
mod post;
mod raise;
pub mod store;
mod thresholds;
mod unusual;

pub use model::{Alert, Kind};

use crate::access::AccessError;
use crate::access::directory::Keyring;
use crate::config;
use crate::hooks::{Hooks, OwnReceiver};
use crate::kernel::clock::{DAY, MINUTE};
use crate::kernel::id::NodeId;
use crate::kernel::language::LanguageTag;
use crate::kernel::{Clock, Micros};
use crate::storage::{Db, StoreError, lease};
use jiff::tz::TimeZone;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use thresholds::Told;
use tokio::sync::Mutex;

/// How long a node that says no more keeps the others from looking.
const LEASE: i64 = MINUTE;

/// Looks after usage on a node.
#[derive(Debug)]
pub struct Alerts {
    db: Db,
    clock: Clock,
    keyring: Arc<Keyring>,
    hooks: Arc<Hooks>,
    settings: config::Alerts,
    /// The retailer's own language.
    language: LanguageTag,
    /// The time zone of the times in mails.
    zone: TimeZone,
    /// None where the retailer has named no receiver.
    receiver: Option<OwnReceiver>,
    node: String,
    told: Mutex<Told>,
    raised: AtomicU64,
}

impl Alerts {
    /// What looks after the usage of a keyring's keys.
    pub fn new(
        (config, hooks): (&config::Config, &Arc<Hooks>),
        (db, clock, node): (&Db, &Clock, NodeId),
        keyring: &Arc<Keyring>,
    ) -> anyhow::Result<Self> {
        let settings = config.alerts.clone();
        let receiver = settings.webhook.as_ref();
        let receiver =
            receiver.map(|target| OwnReceiver::new(target, &config.hooks)).transpose()?;
        Ok(Self {
            db: db.clone(),
            clock: clock.clone(),
            keyring: Arc::clone(keyring),
            hooks: Arc::clone(hooks),
            settings,
            language: config.catalog.language.clone(),
            zone: config.mail.time_zone.clone(),
            receiver,
            node: node.to_string(),
            told: Mutex::default(),
            raised: AtomicU64::new(0),
        })
    }

    /// Alerts raised since this was last asked.
    pub fn take_raised(&self) -> u64 {
        self.raised.swap(0, Ordering::Relaxed)
    }

    /// Looks at leaks, quotas and hours, if this node is the one that does.
    pub async fn round(&self) -> Result<(), AccessError> {
        if !self.hold("alerts").await? {
            return Ok(());
        }
        self.look_at_leaks(self.clock.now()).await?;
        self.look_at_quotas(self.clock.now()).await?;
        if self.settings.anomaly_factor > 0 {
            self.look_at_hours(self.clock.now()).await?;
        }
        Ok(())
    }

    /// Takes or keeps a lease of what one node at a time looks after; whether it is this node's now.
    pub async fn hold(&self, lease: &str) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let until = Micros(now.0.saturating_add(LEASE));
        lease::hold(&self.db, (lease, &self.node), now, until).await
    }

    /// Forgets alerts that are kept no longer.
    pub async fn forget(&self) -> Result<(), StoreError> {
        let (now, kept) = (self.clock.now(), i64::from(self.settings.keep_days) * DAY);
        store::forget(&self.db, Micros(now.0.saturating_sub(kept)), now).await
    }
}
