//! The sums by hour, counted again from the events once a day: what is wrong with them is known before a period of them is
//! to be closed, which counts them again itself.
//!
//! One node at a time does it, the one that holds the lease. It is told by its row in the database, so it is done once for
//! each day, whatever nodes and restarts there are, and made up for where no node was there at its time. Each day of the
//! ledger is counted in a state of the database of its own: nobody waits for it, and no state is held for long. Nothing is
//! changed: where sums differ it takes a person to say which of the two is true.

mod store;

use super::BillingError;
use super::books::Books;
use crate::kernel::clock::{DAY, HOUR, MINUTE, SECOND};
use crate::kernel::id::NodeId;
use crate::kernel::{Clock, Micros};
use crate::metering::period::Period;
use crate::metering::recount::{Differences, Recount, days_of};
use crate::storage::{Db, StoreError, lease};
use jiff::civil::Time;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::time::MissedTickBehavior;

const LEASE: &str = "usage_recount";
/// How long a node that says no more keeps the others from counting, and how often it says something.
const HELD: i64 = MINUTE;
const RENEW: Duration = Duration::from_secs(15);
/// After a look that came to nothing the next one comes so much later.
const AGAIN_AFTER: i64 = MINUTE;
/// Hours that are counted whatever is closed.
const LEAST: i64 = 31 * DAY;

/// Counts again, on a node.
#[derive(Debug)]
pub struct Nightly {
    db: Db,
    clock: Clock,
    node: NodeId,
    at: Time,
    /// Nothing that was due up to then is still to be done.
    done: AtomicI64,
    /// No look comes before.
    not_before: AtomicI64,
}

/// What came of a recount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recounting {
    /// When it was to begin.
    pub due_at: Micros,
    /// The node that did it.
    pub node: NodeId,
    /// When that began.
    pub begun_at: Micros,
    /// When that had ended.
    pub ended_at: Micros,
    /// The first hour that was counted.
    pub from: Micros,
    /// The end of the last one.
    pub to: Micros,
    /// Segments of the ledger that were looked into.
    pub segments: i64,
    /// Events of these hours.
    pub events: i64,
    /// Rows of sums that were compared.
    pub hours: i64,
    /// How much did not agree.
    pub differences: i64,
    /// The first of it, each in a sentence.
    pub first: Vec<String>,
}

/// What came of the last recount; none where there was none.
pub async fn last(db: &Db) -> Result<Option<Recounting>, StoreError> {
    store::last(db).await
}

impl Nightly {
    /// What counts again at a time of each day, by UTC.
    #[must_use]
    pub fn new((db, clock, node): (&Db, &Clock, NodeId), at: Time) -> Self {
        let (done, not_before) = (AtomicI64::new(i64::MIN), AtomicI64::new(i64::MIN));
        Self { db: db.clone(), clock: clock.clone(), node, at, done, not_before }
    }

    /// Counts again if that is due and nobody else does it; what came of it. It may be cut off at any time.
    pub async fn round(&self) -> Result<Option<Recounting>, BillingError> {
        let now = self.clock.now();
        let due = newest_due(now, self.at);
        let waits = now.0 < self.not_before.load(Ordering::Relaxed);
        if waits || due.0 <= self.done.load(Ordering::Relaxed) {
            return Ok(None);
        }
        self.not_before.store(now.0.saturating_add(AGAIN_AFTER), Ordering::Relaxed);
        if self.is_done(due).await? || !store::has_before(&self.db, due).await? {
            return Ok(None);
        }
        if !self.hold().await? {
            return Ok(None);
        }
        let counted = self.count_once(due, now).await;
        if let Err(error) = lease::release(&self.db, LEASE, &self.node.to_string()).await {
            tracing::debug!(%error, "the lease of a recount ends by itself");
        }
        counted
    }

    /// Counts while it has the lease, unless another node has done so just before.
    async fn count_once(
        &self,
        due: Micros,
        now: Micros,
    ) -> Result<Option<Recounting>, BillingError> {
        if self.is_done(due).await? {
            return Ok(None);
        }
        let counted = tokio::select! {
            counted = self.count(due, now) => counted?,
            // Another node goes on with it.
            () = self.keep() => return Ok(None),
        };
        let mut tx = self.db.begin().await?;
        store::note(&mut tx, &counted).await?;
        tx.commit().await?;
        self.done.store(due.0, Ordering::Relaxed);
        Ok(Some(counted))
    }

    /// Whether what is due was done, by whichever node.
    async fn is_done(&self, due: Micros) -> Result<bool, StoreError> {
        let is_done = store::last(&self.db).await?.is_some_and(|last| last.due_at >= due);
        if is_done {
            self.done.store(due.0, Ordering::Relaxed);
        }
        Ok(is_done)
    }

    async fn count(&self, due_at: Micros, now: Micros) -> Result<Recounting, BillingError> {
        let span = self.span(now).await?;
        let (mut recount, mut found) = (Recount::default(), Differences::default());
        for day in days_of(span) {
            let mut tx = self.db.snapshot().await?;
            recount.day(&mut tx, day, (&mut (), &mut found)).await?;
        }
        let many = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        Ok(Recounting {
            due_at,
            node: self.node,
            begun_at: now,
            ended_at: self.clock.now(),
            from: span.from,
            to: span.to,
            segments: many(recount.segments),
            events: many(recount.events),
            hours: many(recount.hours),
            differences: many(found.count),
            first: found.first,
        })
    }

    /// The hours of all periods that are not closed, and those of the last days at least, up to the present one. What a
    /// close has frozen it had counted itself.
    async fn span(&self, now: Micros) -> Result<Period, BillingError> {
        let books = Books::read(&mut self.db.snapshot().await?, None).await?;
        let open = books.open(now).into_iter().map(|open| open.period.bounds.start).min();
        let least = Micros(now.0.saturating_sub(LEAST));
        let from = open.map_or(least, |open| open.min(least)).hour();
        Ok(Period { from, to: Micros(now.hour().0.saturating_add(HOUR)) })
    }

    async fn hold(&self) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let until = Micros(now.0.saturating_add(HELD));
        lease::hold(&self.db, (LEASE, &self.node.to_string()), now, until).await
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
                Err(error) => tracing::warn!(%error, "the lease of a recount was not renewed"),
            }
        }
    }
}

/// The newest instant, not after `now`, that is a time of day in UTC.
fn newest_due(now: Micros, at: Time) -> Micros {
    let seconds = (i64::from(at.hour()) * 60 + i64::from(at.minute())) * 60;
    let into_day = now.0.rem_euclid(DAY);
    let today = Micros(now.0.saturating_sub(into_day).saturating_add(seconds * SECOND));
    if today <= now { today } else { Micros(today.0.saturating_sub(DAY)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_due_once_a_day_at_its_minute() {
        for (now, at, due) in [
            ("2026-11-22T03:09:59Z", "03:10", "2026-11-21T03:10:00Z"),
            ("2026-11-22T03:10:00Z", "03:10", "2026-11-22T03:10:00Z"),
            ("2026-11-22T23:59:59Z", "00:00", "2026-11-22T00:00:00Z"),
            ("1969-12-31T12:00:00Z", "13:00", "1969-12-30T13:00:00Z"),
        ] {
            let at = Time::strptime("%H:%M", at).unwrap();
            assert_eq!(newest_due(now.parse().unwrap(), at), due.parse().unwrap(), "{now}");
        }
    }
}
