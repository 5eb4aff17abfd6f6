//! The billing periods of events: in which each was made, and in which it is paid for.

use super::store::{self, Shutting};
use crate::access::history::{histories, price_versions};
use crate::billing::timeline::pieces;
use crate::kernel::Micros;
use crate::kernel::clock::HOUR;
use crate::kernel::id::{AppId, BillingPeriodId};
use crate::limit::Bounds;
use crate::storage::{StoreError, Tx};
use std::collections::{BTreeSet, HashMap};

/// From so many apps on, those of all are read at once.
const MANY: usize = 32;

/// The billing periods of an event; none where its plan asks nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Booking {
    /// The period that its start lies in.
    pub occurred: Option<BillingPeriodId>,
    /// The same, or a later one where that was closed before the event came into the ledger.
    pub booked: Option<BillingPeriodId>,
}

/// The periods of one app, each list in the order of their ends.
#[derive(Debug, Clone, Default)]
struct Own {
    closed: Vec<Shutting>,
    open: Vec<(BillingPeriodId, Bounds)>,
}

impl Own {
    fn booking(&self, at: Micros, position: i64) -> Booking {
        let holds = |closed: &&Shutting| (closed.from..closed.to).contains(&at);
        let Some(made) = self.closed.iter().rfind(holds) else {
            let open = self.open.iter().find(|(_, bounds)| bounds.hold(at)).map(|(id, _)| *id);
            return Booking { occurred: open, booked: open };
        };
        // What was folded behind the close is late: the next close that has seen it books it, or the first one to come.
        let in_time = Some(made).filter(|made| position <= made.position);
        let later = || self.closed.iter().find(|closed| position <= closed.position);
        let booked = in_time.or_else(later).map(|closed| closed.id);
        let booked = booked.or_else(|| self.open.first().map(|(id, _)| *id));
        Booking { occurred: Some(made.id), booked }
    }
}

/// The billing periods of apps, as far as they were asked for.
#[derive(Debug, Clone)]
pub struct AppPeriods {
    until: Micros,
    known: HashMap<AppId, Own>,
    knows_all: bool,
}

impl AppPeriods {
    /// Those that have begun by about an instant.
    #[must_use]
    pub fn until(at: Micros) -> Self {
        // A node whose clock is ahead has its events in a period, too.
        let until = Micros(at.0.saturating_add(HOUR));
        Self { until, known: HashMap::new(), knows_all: false }
    }

    /// Reads those of apps that are not known yet.
    pub async fn learn(&mut self, tx: &mut Tx, apps: &BTreeSet<AppId>) -> Result<(), StoreError> {
        let new: Vec<AppId> =
            apps.iter().copied().filter(|app| !self.known.contains_key(app)).collect();
        if new.is_empty() || self.knows_all {
            return Ok(());
        }
        if new.len() >= MANY {
            self.knows_all = true;
            return self.read(tx, None).await;
        }
        for app in new {
            self.known.insert(app, Own::default());
            self.read(tx, Some(app)).await?;
        }
        Ok(())
    }

    async fn read(&mut self, tx: &mut Tx, app: Option<AppId>) -> Result<(), StoreError> {
        let mut closed = store::shuttings(tx, app).await?;
        let versions = price_versions(tx, app).await?;
        for history in histories(tx, app).await? {
            let closed = closed.remove(&history.app).unwrap_or_default();
            let end = closed.last().map_or(Micros(i64::MIN), |last| last.to);
            let mut open: Vec<(BillingPeriodId, Bounds)> = Vec::new();
            for piece in pieces(&history, &versions, end, self.until) {
                let id = piece.period.id();
                if piece.list.is_some() && open.iter().all(|(known, _)| *known != id) {
                    open.push((id, piece.period.bounds));
                }
            }
            self.known.insert(history.app, Own { closed, open });
        }
        // What an app that is gone has had closed.
        for (app, closed) in closed {
            self.known.insert(app, Own { closed, open: Vec::new() });
        }
        Ok(())
    }

    /// The periods of an event of an app, made at an instant and folded at a position of the ledger.
    #[must_use]
    pub fn booking(&self, app: AppId, at: Micros, position: i64) -> Booking {
        self.known.get(&app).map_or_else(Booking::default, |own| own.booking(at, position))
    }
}
