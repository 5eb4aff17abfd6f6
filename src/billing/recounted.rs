//! The sums by hour of a period, counted again from its events before they are frozen, and what its events are.
//!
//! A long period takes long, so it is counted in a state of the database of its own, before the close keeps everybody from
//! folding; what was folded in between is counted when it does.

use super::BillingError;
use super::books::Books;
use super::evidence::{Evidence, Gathering};
use super::manifest::Day;
use super::store;
use crate::kernel::Micros;
use crate::kernel::id::BillingPeriodId;
use crate::metering::period::Period;
use crate::metering::recount::{Differences, Recount, hours_of};
use crate::metering::walk::{ExportSeq, first_since};
use crate::storage::{Db, Log, Tx, log};

/// What was found of a period; of none, nothing was counted yet.
#[derive(Debug, Default)]
pub struct Recounted(Option<(BillingPeriodId, Counted)>);

/// What was found of a period up to a position of the ledger.
#[derive(Debug, Clone)]
struct Counted {
    position: i64,
    found: Differences,
    gathering: Gathering,
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
        let mut gathering = Gathering::new(span, position);
        Recount::default().count(&mut tx, span, (&mut gathering, &mut found)).await?;
        Ok(Self(Some((period, Counted { position, found, gathering }))))
    }

    /// Refuses unless the sums by hour of the period are those of its events, with what was folded since it was counted.
    /// Nothing may be folded meanwhile. What its events are, up to a position that is the ledger's last, and their days.
    pub(super) async fn holds(
        &self,
        tx: &mut Tx,
        (period, span): (BillingPeriodId, Period),
        last: i64,
    ) -> Result<(Evidence, Vec<Day>), BillingError> {
        let counted = self.0.as_ref().filter(|(of, _)| *of == period);
        let (position, mut found, mut gathering) = match counted {
            Some((_, Counted { position, found, gathering })) => {
                (*position, found.clone(), gathering.clone())
            }
            None => (0, Differences::default(), Gathering::new(span, 0)),
        };
        gathering.go_on(last);
        let Period { from, to } = hours_of(span);
        // The first number of the position after: that one was counted.
        let behind = ExportSeq::last_of(position.saturating_add(1));
        let since = first_since(tx, (behind, i64::MAX), from).await?;
        if let Some(from) = since.filter(|since| *since < to) {
            let rest = Period { from, to };
            Recount::default().count(tx, rest, (&mut gathering, &mut found)).await?;
        }
        if found.count > 0 {
            return Err(BillingError::Differs(period, found));
        }
        Ok((gathering.evidence(), gathering.days()))
    }
}
