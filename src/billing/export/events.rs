//! The events of the ledger, in its order, with constant memory. What is folded after the beginning belongs to the next
//! export.

use super::ExportError;
use super::event_row::Context;
use super::row::Row;
use crate::billing::manifest::Fact;
use crate::billing::manifest::tally::day_of;
use crate::kernel::Micros;
use crate::kernel::clock::DAY;
use crate::kernel::id::{AppId, BillingPeriodId, PartnerId};
use crate::metering::period::Period;
use crate::metering::walk::{ExportSeq, Opened, Placed, Walk, first_since};
use crate::storage::{Db, StoreError};
use std::collections::BTreeSet;

/// Which events are asked for; all where nothing is said.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asked {
    /// When they started.
    pub period: Option<Period>,
    /// Behind which number.
    pub after: ExportSeq,
    /// Whose.
    pub partner: Option<PartnerId>,
    /// Of which app.
    pub app: Option<AppId>,
    /// In which billing period they are booked.
    pub booked: Option<BillingPeriodId>,
}

impl Asked {
    /// Whether some events are left out by whose they are.
    #[must_use]
    pub fn is_of_some(&self) -> bool {
        self.partner.is_some() || self.app.is_some()
    }

    pub(super) fn asks_for(&self, placed: &Placed<'_>) -> bool {
        self.partner.is_none_or(|partner| partner == placed.event.partner)
            && self.app.is_none_or(|app| app == placed.event.app)
    }

    /// The same for the first day of UTC since an instant on which there may be such events; none where there are no more.
    pub(super) async fn next_day(
        &self,
        db: &Db,
        through: i64,
        since: Micros,
    ) -> Result<Option<(Self, Micros)>, StoreError> {
        let all = Period { from: Micros(i64::MIN), to: Micros(i64::MAX) };
        let Period { from, to } = self.period.unwrap_or(all);
        let since = since.max(from);
        if since >= to {
            return Ok(None);
        }
        let found = first_since(&mut db.snapshot().await?, (self.after, through), since).await?;
        let Some(first) = found.filter(|first| *first < to) else { return Ok(None) };
        let day = day_of(first);
        let next = Micros(day.0.saturating_add(DAY));
        let span = Period { from: day.max(from), to: next.min(to) };
        Ok(Some((Self { period: Some(span), ..*self }, next)))
    }
}

impl From<Period> for Asked {
    fn from(period: Period) -> Self {
        Self { period: Some(period), ..Self::default() }
    }
}

/// The apps of the first of the events that are asked for.
pub(super) fn apps(opened: &Opened, asked: &Asked, most: usize) -> BTreeSet<AppId> {
    let placed = opened.events().filter(|placed| asked.asks_for(placed));
    placed.take(most).map(|placed| placed.event.app).collect()
}

/// Shows each event that is asked for, up to a position, with what is known of its app's periods. No transaction is held
/// between segments: what is in the ledger stays as it is.
pub(super) async fn walk(
    db: &Db,
    asked: &Asked,
    through: i64,
    context: &mut Context,
    mut each: impl FnMut(&Placed<'_>, &Context) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    let mut walk = Walk { span: asked.period, after: asked.after, through };
    loop {
        let mut tx = db.snapshot().await?;
        let Some(segment) = walk.next(&mut tx).await? else { return Ok(()) };
        context.learn(&mut tx, &segment, &apps(&segment, asked, usize::MAX)).await?;
        drop(tx);
        for placed in segment.events().filter(|placed| asked.asks_for(placed)) {
            let is_booked = |period| context.booking(&placed).booked == Some(period);
            if asked.booked.is_none_or(is_booked) {
                each(&placed, context)?;
            }
        }
    }
}

/// Shows the row of each event that is asked for: in the order of the ledger, or day of UTC by day.
pub(super) async fn each(
    db: &Db,
    asked: &Asked,
    through: i64,
    by_day: bool,
    mut each: impl FnMut(&Fact, &Row) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    let mut context = Context::read(db).await?;
    let mut shown = |placed: &Placed<'_>, context: &Context| {
        let row = context.row(placed);
        each(&Fact::of(placed, row.leaf), &row)
    };
    if !by_day {
        return walk(db, asked, through, &mut context, shown).await;
    }
    let mut since = Micros(i64::MIN);
    while let Some((day, next)) = asked.next_day(db, through, since).await? {
        walk(db, &day, through, &mut context, &mut shown).await?;
        since = next;
    }
    Ok(())
}
