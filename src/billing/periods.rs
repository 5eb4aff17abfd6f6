//! All periods, open and closed, with how complete they are.

use super::BillingError;
use super::books::Books;
use super::close::{Close, Exception, lacking};
use super::store;
use crate::kernel::Micros;
use crate::kernel::id::BillingPeriodId;
use crate::kernel::word::words;
use crate::metering::period;
use crate::storage::Db;
use serde::Serialize;

words! {
    /// How a period stands.
    pub enum PeriodState {
        /// It goes on, or calls of it may still come in.
        Open = "open",
        /// It can be closed, unless calls of it may be missing.
        Closable = "closable",
        /// It is closed.
        Closed = "closed",
    }
}

/// A period in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PeriodRow {
    /// Its id.
    pub id: BillingPeriodId,
    /// Its start, inclusive.
    pub from: Micros,
    /// Its end, exclusive.
    pub to: Micros,
    /// The time zone whose days it is made of.
    pub time_zone: String,
    /// How it stands.
    pub state: PeriodState,
    /// From when on it can be closed; of a closed one, when it was.
    pub at: Micros,
    /// Apps that owe something in it, or may; of a closed one, its statements.
    pub owing: u64,
    /// What may be missing of it; of a closed one, what it was closed with all the same.
    pub exceptions: Vec<Exception>,
}

/// All periods that have begun, the first to end first. They can be closed so many microseconds after their ends.
pub async fn list(db: &Db, now: Micros, grace: i64) -> Result<Vec<PeriodRow>, BillingError> {
    let mut tx = db.snapshot().await?;
    let (mut rows, mut number) = (Vec::new(), 0);
    while let Some(close) = store::close_behind(&mut tx, number).await? {
        number = close.number;
        rows.push(PeriodRow::closed(close));
    }
    for open in Books::read(&mut tx, None).await?.open(now) {
        let bounds = open.period.bounds;
        let span = period::Period { from: bounds.start, to: bounds.end };
        let at = Micros(bounds.end.0.saturating_add(grace));
        rows.push(PeriodRow {
            id: open.period.id(),
            from: bounds.start,
            to: bounds.end,
            time_zone: open.period.zone_name().to_owned(),
            state: if at <= now { PeriodState::Closable } else { PeriodState::Open },
            at,
            owing: open.owing().len() as u64,
            exceptions: lacking(&mut tx, span, now).await?,
        });
    }
    rows.sort_by_key(|row| (row.to, row.from));
    Ok(rows)
}

/// The period that was closed last, if any was.
pub async fn last_closed(db: &Db) -> Result<Option<BillingPeriodId>, BillingError> {
    let last = store::last_close(&mut db.snapshot().await?).await?;
    Ok(last.map(|close| close.period_id))
}

/// The periods that are not closed, the first to end first.
pub async fn open(db: &Db, now: Micros) -> Result<Vec<BillingPeriodId>, BillingError> {
    let books = Books::read(&mut db.snapshot().await?, None).await?;
    Ok(books.open(now).iter().map(|open| open.period.id()).collect())
}

impl PeriodRow {
    fn closed(close: Close) -> Self {
        let Close { period_id, from, to, time_zone, closed_at, exceptions, statements, .. } = close;
        Self {
            id: period_id,
            from,
            to,
            time_zone,
            state: PeriodState::Closed,
            at: closed_at,
            owing: statements.unsigned_abs(),
            exceptions,
        }
    }
}
