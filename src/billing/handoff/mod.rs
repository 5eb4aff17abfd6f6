//! Hand-off of usage to the systems of others: totals to billing systems, and every event to who wants them all.
//!
//! A billing system is told absolute totals: what a charge counted in a billing period so far. A total is stored before it
//! is sent, with the name and the time that it is sent with, so that it is the same however often it is sent: a
//! repetition is known to the system, and the newest total by time is the quantity that it bills. So nothing counts twice
//! whatever fails in between, and a total that was lost is made up for by the next. Totals of open periods are handed off
//! from time to time, the final ones when a period was closed.
//!
//! Each billing period here has to be a billing period there: the system takes the newest total in its own. One that
//! bills before a period is closed bills what it was told last; its grace has to be longer than `billing.grace_s`.
//!
//! One node at a time sends to a system, the one that holds the system's lease; two would do no harm. A system that cannot
//! be reached rests, later and later, and is never given up. What it refuses for what it is, waits for a person.

pub mod customers;
mod deliver;
mod events;
pub mod model;
pub mod store;
mod systems;
mod totals;

use crate::config::{self, Config};
use crate::hooks::Schedule;
use crate::kernel::id::{InstallationId, NodeId};
use crate::kernel::word::Word as _;
use crate::kernel::{Clock, Micros};
use crate::outbound::{Called, Caller, Rules};
use crate::storage::{Db, StoreError, lease};
use anyhow::Context as _;
use events::Receiver;
use model::{Sink, Standing};
use std::sync::atomic::{AtomicU64, Ordering};
use systems::System;

/// How long a node that says no more keeps the others from sending: longer than an answer may take.
const LEASE: i64 = 2 * crate::kernel::clock::MINUTE;

/// A billing system that is told totals.
#[derive(Debug)]
struct Billing {
    sink: Sink,
    system: System,
    settings: config::BillingSystem,
}

/// Hands off usage on a node.
#[derive(Debug)]
pub struct Handoffs {
    db: Db,
    clock: Clock,
    node: String,
    installation: String,
    caller: Caller,
    schedule: Schedule,
    /// Microseconds after which the totals of open periods are looked at anew.
    every: i64,
    billing: Vec<Billing>,
    events: Option<Receiver>,
    taken: AtomicU64,
    failed: AtomicU64,
}

impl Handoffs {
    /// What hands off usage as the settings say. Addresses may not lead where no subscription may.
    pub fn new(
        config: &Config,
        (db, clock): (&Db, &Clock),
        (node, installation): (NodeId, InstallationId),
    ) -> anyhow::Result<Self> {
        let (settings, hooks) = (&config.handoff, &config.hooks);
        let rules = Rules { allow_http: hooks.allow_http, private: hooks.private_targets.clone() };
        let checked = |key: &'static str, url: &str| {
            let checked = rules.check(url).map_err(|why| {
                anyhow::anyhow!("it {why}; see `hooks.allow_http` and `hooks.private_targets`")
            });
            checked.with_context(|| format!("`{key}` cannot be used"))
        };
        let mut billing = Vec::new();
        let systems = [
            (Sink::Stripe, System::Stripe, "handoff.stripe.url", &settings.stripe),
            (Sink::Lago, System::Lago, "handoff.lago.url", &settings.lago),
        ];
        for (sink, system, key, settings) in systems {
            if let Some(settings) = settings {
                checked(key, &settings.url)?;
                billing.push(Billing { sink, system, settings: settings.clone() });
            }
        }
        let events = settings.events.as_ref();
        let events = events.map(|settings| {
            checked("handoff.events.url", &settings.url)?;
            Receiver::new(settings)
        });
        Ok(Self {
            db: db.clone(),
            clock: clock.clone(),
            node: node.to_string(),
            installation: installation.to_string(),
            events: events.transpose()?,
            caller: Caller::new(rules, hooks.timeout)?,
            schedule: Schedule::new(&hooks.retry),
            every: i64::try_from(settings.every.as_micros()).unwrap_or(i64::MAX),
            billing,
            taken: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        })
    }

    /// The systems that the settings name.
    #[must_use]
    pub fn sinks(&self) -> Vec<Sink> {
        let billing = self.billing.iter().map(|billing| billing.sink);
        billing.chain(self.events.as_ref().map(|_| Sink::Events)).collect()
    }

    /// What was taken and how often something failed since this was last asked.
    pub fn take_counts(&self) -> (u64, u64) {
        (self.taken.swap(0, Ordering::Relaxed), self.failed.swap(0, Ordering::Relaxed))
    }

    /// How many systems failed when they were last spoken to, and how many totals were refused.
    pub async fn look(&self) -> Result<(i64, i64), StoreError> {
        let (mut failing, mut refused) = (0, 0);
        for sink in self.sinks() {
            let standing = store::standing(&self.db, sink).await?;
            failing += i64::from(standing.is_some_and(|standing| standing.failures > 0));
            refused += store::count(&self.db, sink, model::HandoffStatus::Refused).await?;
        }
        Ok((failing, refused))
    }

    /// Takes or keeps the lease of a system.
    async fn hold(&self, sink: Sink) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let until = Micros(now.0.saturating_add(LEASE));
        lease::hold(&self.db, (&format!("handoff {sink}"), &self.node), now, until).await
    }

    /// How a system is, which is begun with where nothing was looked for it yet: with what comes from now on.
    async fn standing(&self, sink: Sink) -> Result<Standing, StoreError> {
        if let Some(standing) = store::standing(&self.db, sink).await? {
            return Ok(standing);
        }
        let mut tx = self.db.begin().await?;
        // Of events all are wanted, of closes those that are yet to come.
        let position = if sink == Sink::Events { 0 } else { store::last_close(&mut tx).await? };
        store::begin(&mut tx, sink, position).await?;
        tx.commit().await?;
        Ok(Standing { position, ..Standing::default() })
    }

    /// Has a system that did not take something rest.
    async fn rest(
        &self,
        sink: Sink,
        called: &Called,
        failed: Option<&model::Handoff>,
    ) -> Result<(), StoreError> {
        self.failed.fetch_add(1, Ordering::Relaxed);
        let (now, failures) = (self.clock.now(), self.standing(sink).await?.failures);
        let until = self.schedule.again(sink.as_str(), failures.saturating_add(1), called, now);
        let failure = store::Failure::of(called);
        let mut tx = self.db.begin().await?;
        if let Some(handoff) = failed {
            store::not_taken(&mut tx, handoff, model::HandoffStatus::Pending, failure).await?;
        }
        store::rests(&mut tx, sink, failure, until).await?;
        tx.commit().await?;
        tracing::warn!(%sink, ?called, %until, "usage could not be handed off; it is tried again");
        Ok(())
    }
}
