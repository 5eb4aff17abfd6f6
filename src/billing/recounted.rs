//! The sums by hour of a period, counted again from its events before they are frozen.
//!
//! A long period takes long, so it is counted in a state of the database of its own, before the close keeps everybody from
//! folding; what was folded in between is counted when it does.

use super::BillingError;
use super::books::Books;
use super::store;
use crate::kernel::Micros;
use crate::kernel::id::BillingPeriodId;
use crate::metering::period::Period;
use crate::metering::recount::{Differences, Recount, Stored, Watch, hours_of};
use crate::metering::walk::{ExportSeq, Placed, first_since};
use crate::storage::{Db, Log, Tx, log};

/// What was found of a period up to a position of the ledger; of none, nothing was counted yet.
#[derive(Debug, Default)]
pub struct Recounted {
    of: Option<BillingPeriodId>,
    position: i64,
    found: Differences,
}

/// Nobody looks on.
struct Unwatched;

impl Watch for Unwatched {
    fn event(&mut self, _: &Placed<'_>) {}
    fn stored(&mut self, _: Stored) {}
}

impl Recounted {
    /// Counts all events of the hours that a period meets; nothing where it is not open, which its close will say.
    pub async fn of(db: &Db, period: BillingPeriodId, now: Micros) -> Result<Self, BillingError> {
        let mut tx = db.snapshot().await?;
        if store::close_of(&mut tx, period).await?.is_some() {
            return Ok(Self::default());
        }
        let open = Books::read(&mut tx, None).await?.open(now);
        let Some(open) = open.into_iter().find(|open| open.period.id() == period) else {
            return Ok(Self::default());
        };
        let bounds = open.period.bounds;
        let span = Period { from: bounds.start, to: bounds.end };
        let position = log::head_in(&mut tx, Log::Usage).await?;
        let mut found = Differences::default();
        Recount::default().count(&mut tx, span, (&mut Unwatched, &mut found)).await?;
        Ok(Self { of: Some(period), position, found })
    }

    /// Refuses unless the sums by hour of the period are those of its events, with what was folded since it was counted.
    /// Nothing may be folded meanwhile.
    pub(super) async fn holds(
        &self,
        tx: &mut Tx,
        period: BillingPeriodId,
        span: Period,
    ) -> Result<(), BillingError> {
        let nothing = Self::default();
        let Self { position, found, .. } = if self.of == Some(period) { self } else { &nothing };
        let mut found = found.clone();
        let Period { from, to } = hours_of(span);
        // The first number of the position after: that one was counted.
        let behind = ExportSeq::last_of(position.saturating_add(1));
        let since = first_since(tx, (behind, i64::MAX), from).await?;
        if let Some(from) = since.filter(|since| *since < to) {
            let rest = Period { from, to };
            Recount::default().count(tx, rest, (&mut Unwatched, &mut found)).await?;
        }
        if found.count > 0 {
            return Err(BillingError::Differs(period, found));
        }
        Ok(())
    }
}
