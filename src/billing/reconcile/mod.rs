//! Reconciliation of a period: what was answered, what was counted, what was billed and what was exported are the same,
//! but for what is told, cause by cause.
//!
//! All is made again from below and compared with what is stored: sums by hour from the events of the ledger's segments,
//! statements from the sums by hour, the chain of closes from the digests of what they froze. Nothing is changed, and all is
//! read in one state of the database.

mod export;
mod frozen;
mod ledger;
mod model;

pub use export::NoExport;
pub use model::{Account, Cause, Named, Reconciliation, Row};

use super::BillingError;
use super::as_of::AsOf;
use super::books::{Books, Open};
use super::close::{Close, Exception, lacking};
use super::evidence::Gathering;
use super::export::Billed;
use super::model::Statement;
use super::store;
use crate::kernel::Micros;
use crate::kernel::id::BillingPeriodId;
use crate::metering::period::Period;
use crate::metering::recount::{Differences, Recount};
use crate::metering::runs;
use crate::storage::{Db, StoreError, Tx};
use export::Exported;
use ledger::Ledger;
use std::path::Path;

/// Why a period could not be reconciled.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// The books cannot be read.
    #[error(transparent)]
    Billing(#[from] BillingError),
    /// The export cannot be read.
    #[error(transparent)]
    Export(#[from] NoExport),
}

impl From<StoreError> for ReconcileError {
    fn from(error: StoreError) -> Self {
        BillingError::from(error).into()
    }
}

/// Reconciles a period, and with it the export in a directory, if one is named.
pub async fn reconcile(
    db: &Db,
    id: BillingPeriodId,
    export: Option<&Path>,
    now: Micros,
) -> Result<Reconciliation, ReconcileError> {
    let mut tx = db.snapshot().await?;
    let close = store::close_of(&mut tx, id).await?;
    let as_of = close.as_ref().map_or(AsOf::NOW, AsOf::before);
    let until = close.as_ref().map_or(now, |close| close.closed_at);
    let books = Books::read_as_of(&mut tx, None, as_of).await?;
    let open = books.open(until).into_iter().find(|open| open.period.id() == id);
    let mut found = Differences::default();
    let known = span_of(close.as_ref(), open.as_ref());
    let (span, time_zone) = known.ok_or(BillingError::UnknownPeriod(id))?;

    let exported = export.map(|dir| Exported::open(dir, id)).transpose()?;
    let mut ledger = Ledger::new(&books, open.as_ref(), (span, as_of.position), exported.as_ref());
    let mut recount = Recount::default();
    let mut gathering = Gathering::new(span, as_of.position);
    recount.count(&mut tx, span, (&mut (&mut ledger, &mut gathering), &mut found)).await?;

    let made = match &open {
        Some(open) => made_again(books.statements(&mut tx, open, None).await, &mut found)?,
        None => {
            found.add(format!(
                "{id}: by what is known of plans and contracts now there was no such period; was a contract's \
                 first day changed since it was closed?"
            ));
            None
        }
    };
    let statements = match &close {
        Some(close) => {
            frozen::counted(close, &gathering.evidence(), &mut found);
            frozen::days(&mut tx, close, &gathering.days(), &mut found).await?;
            frozen::compare(&mut tx, close, made.as_deref(), &mut found).await?
        }
        None => made.unwrap_or_default(),
    };
    let missing = missing(&mut tx, (span, now), close.as_ref(), &mut found).await?;
    ledger.rated(&statements);
    ledger.adjusted();
    if let Some(exported) = &exported {
        let (position, close) = (as_of.position, close.clone());
        let billed = Billed { id, span, time_zone: time_zone.clone(), position, close };
        let counted = (&mut ledger, &recount.damaged);
        export::compare(&mut tx, (exported, &billed, now), counted, &mut found).await?;
    }
    let rows = ledger.checked(&mut found);
    Ok(Reconciliation {
        period_id: id,
        from: span.from,
        to: span.to,
        time_zone,
        closed_at: close.map(|close| close.closed_at),
        agrees: found.count == 0,
        segments: recount.segments,
        events: recount.events,
        hours: recount.hours,
        statements: statements.len(),
        missing,
        differences: found,
        rows,
    })
}

/// The span of a period and its time zone, if there is one.
fn span_of(close: Option<&Close>, open: Option<&Open>) -> Option<(Period, String)> {
    if let Some(close) = close {
        return Some((Period { from: close.from, to: close.to }, close.time_zone.clone()));
    }
    let period = &open?.period;
    let span = Period { from: period.bounds.start, to: period.bounds.end };
    Some((span, period.zone_name().to_owned()))
}

/// Statements that were made again. What of the ledger is damaged so that they cannot be made is a difference.
fn made_again(
    made: Result<Vec<Statement>, BillingError>,
    found: &mut Differences,
) -> Result<Option<Vec<Statement>>, BillingError> {
    match made {
        Err(BillingError::Store(StoreError::Corrupt { table, detail })) => {
            found.add(format!("the statements cannot be made again: {table}: {detail}"));
            Ok(None)
        }
        made => made.map(Some),
    }
}

/// What may be missing of the period; of a closed one, all that two people have not closed it with is a difference.
async fn missing(
    tx: &mut Tx,
    (span, now): (Period, Micros),
    close: Option<&Close>,
    found: &mut Differences,
) -> Result<Vec<Exception>, StoreError> {
    runs::untrue(tx).await?.into_iter().for_each(|untrue| found.add(untrue));
    let missing = lacking(tx, span, now).await?;
    if let Some(close) = close {
        for exception in missing.iter().filter(|missing| !close.exceptions.contains(missing)) {
            found.add(format!("the period was closed without saying that {exception}"));
        }
    }
    Ok(missing)
}
