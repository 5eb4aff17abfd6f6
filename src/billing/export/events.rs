//! The events of the ledger as rows, in its order, with constant memory. What is folded after the beginning belongs to the
//! next export.

use super::ExportError;
use super::event_row::{Context, USAGE_EVENTS};
use super::row::Row;
use super::write::{Format, Rows};
use crate::kernel::id::{AppId, PartnerId};
use crate::metering::Sums;
use crate::metering::gaps::{Gap, gaps};
use crate::metering::period::Period;
use crate::metering::walk::{ExportSeq, Placed, Walk};
use crate::storage::{Db, Log, log};
use std::io::Write;

/// The setting in the database that says which installation it is.
pub(super) const INSTALLATION: &str = "installation";

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
}

impl From<Period> for Asked {
    fn from(period: Period) -> Self {
        Self { period: Some(period), ..Self::default() }
    }
}

/// Control totals of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The last position of the ledger that it takes in; the next export of a period says more only
    /// if its position is higher.
    pub position: i64,
    /// Sums of all events.
    pub total: Sums,
    /// Sums of those that are charged.
    pub billable: Sums,
    /// Sequence numbers without an event, in all of the ledger up to `position`.
    pub gaps: Vec<Gap>,
}

impl std::fmt::Display for Summary {
    /// The totals, and every gap by name.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (what, sums) in [("events", &self.total), ("billable", &self.billable)] {
            let (units, milli) = (sums.weight_milli / 1000, sums.weight_milli % 1000);
            writeln!(
                f,
                "{what}: {} calls, {units}.{milli:03} units, {} records, {} bytes",
                sums.requests, sums.records, sums.bytes
            )?;
        }
        let last = ExportSeq::last_of(self.position).0;
        writeln!(f, "up to ledger position {}; what comes later: --after {last}", self.position)?;
        for gap in &self.gaps {
            writeln!(f, "GAP: {gap:?}")?;
        }
        Ok(())
    }
}

/// Writes events to `out`.
pub async fn export(
    db: &Db,
    asked: impl Into<Asked>,
    format: Format,
    out: impl Write + Send,
) -> Result<Summary, ExportError> {
    let position = log::head(db, Log::Usage).await?;
    let mut rows = Rows::new(&USAGE_EVENTS, format, out)?;
    let (mut total, mut billable) = (Sums::default(), Sums::default());
    each(db, &asked.into(), position, |placed, row| {
        let sums = placed.sums();
        total.plus(&sums);
        if placed.rule.billable {
            billable.plus(&sums);
        }
        rows.write(row)
    })
    .await?;
    rows.finish()?.flush()?;
    Ok(Summary { position, total, billable, gaps: gaps(db, position).await? })
}

/// Shows each event that is asked for, up to a position, with its row. No transaction is held between segments: what is
/// in the ledger stays as it is.
pub(super) async fn each(
    db: &Db,
    asked: &Asked,
    through: i64,
    mut each: impl FnMut(&Placed<'_>, &Row) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    let context = Context { retailer: db.setting(INSTALLATION).await? };
    let mut walk = Walk { span: asked.period, after: asked.after, through };
    while let Some(segment) = walk.next(&mut db.snapshot().await?).await? {
        for placed in segment.events().filter(|placed| asked.asks_for(placed)) {
            each(&placed, &context.row(&placed))?;
        }
    }
    Ok(())
}
