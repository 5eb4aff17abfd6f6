//! A billing period that is exported, with its statements: as they were frozen, or as they are so far.

use super::ExportError;
use super::store::earliest_late;
use crate::billing::BillingError;
use crate::billing::books::{Books, Open};
use crate::billing::close::Close;
use crate::billing::manifest::{BilledPeriod, CloseName, State};
use crate::billing::model::Statement;
use crate::billing::store::{self, StatementFilter};
use crate::billing::view::Whose;
use crate::kernel::Micros;
use crate::kernel::id::{AppId, BillingPeriodId};
use crate::metering::period::Period;
use crate::metering::walk::{ExportSeq, Walk};
use crate::storage::{Db, Log, StoreError, Tx, log};
use std::collections::BTreeSet;

/// Statements that are read at once.
const PAGE: u32 = 100;

/// A billing period.
#[derive(Debug, Clone)]
pub struct Billed {
    /// Its id.
    pub id: BillingPeriodId,
    /// Its bounds.
    pub span: Period,
    /// Its time zone.
    pub time_zone: String,
    /// The last position of the ledger that counts in it, so far.
    pub position: i64,
    /// Its close, once it is closed.
    pub close: Option<Close>,
}

impl Billed {
    /// The period of an id, closed or open.
    pub async fn find(db: &Db, id: BillingPeriodId, now: Micros) -> Result<Self, BillingError> {
        let mut tx = db.snapshot().await?;
        if let Some(close) = store::close_of(&mut tx, id).await? {
            return Ok(Self::closed(close));
        }
        let open = Self::all_open(&mut tx, now).await?;
        let found = open.into_iter().find(|billed| billed.id == id);
        found.ok_or(BillingError::UnknownPeriod(id))
    }

    /// The periods that begin in a month or on a day, as it is in the time zone of each.
    pub async fn beginning_in(db: &Db, span: &str, now: Micros) -> Result<Vec<Self>, BillingError> {
        let closes = store::closes(db, i64::MAX, u32::MAX).await?;
        let mut found: Vec<Self> = closes.into_iter().rev().map(Self::closed).collect();
        found.extend(Self::all_open(&mut db.snapshot().await?, now).await?);
        found.retain(|billed| billed.begins_in(span));
        Ok(found)
    }

    async fn all_open(tx: &mut Tx, now: Micros) -> Result<Vec<Self>, BillingError> {
        let position = log::head_in(tx, Log::Usage).await?;
        let open = Books::read(tx, None).await?.open(now);
        Ok(open.iter().map(|open| Self::open(open, position)).collect())
    }

    fn closed(close: Close) -> Self {
        Self {
            id: close.period_id,
            span: Period { from: close.from, to: close.to },
            time_zone: close.time_zone.clone(),
            position: close.position,
            close: Some(close),
        }
    }

    fn open(open: &Open, position: i64) -> Self {
        let bounds = open.period.bounds;
        Self {
            id: open.period.id(),
            span: Period { from: bounds.start, to: bounds.end },
            time_zone: open.period.zone_name().to_owned(),
            position,
            close: None,
        }
    }

    fn begins_in(&self, span: &str) -> bool {
        let zone = jiff::tz::TimeZone::get(&self.time_zone).unwrap_or(jiff::tz::TimeZone::UTC);
        Period::in_zone(span, &zone)
            .is_ok_and(|span| (span.from..span.to).contains(&self.span.from))
    }

    /// Whether it may still change.
    #[must_use]
    pub fn state(&self) -> State {
        if self.close.is_some() { State::Final } else { State::Provisional }
    }

    /// What the manifest says of it.
    #[must_use]
    pub fn told(&self) -> BilledPeriod {
        BilledPeriod {
            id: self.id.to_string(),
            from: self.span.from,
            to: self.span.to,
            time_zone: self.time_zone.clone(),
            state: self.state(),
            close: self.close.as_ref().map(CloseName::from),
        }
    }

    /// The number behind which all its events are: those that were made in it, and those of earlier periods that came late.
    pub(in crate::billing) async fn first(&self, tx: &mut Tx) -> Result<ExportSeq, StoreError> {
        let mut walk = Walk { span: Some(self.span), after: ExportSeq(0), through: self.position };
        let own = walk.fetch(tx).await?.map_or(self.position, |_| walk.after.position() - 1);
        let closed = self.close.as_ref().map(|close| (self.id, close.number));
        let late = earliest_late(tx, closed).await?.unwrap_or(own);
        Ok(ExportSeq::last_of(own.min(late).max(0)))
    }
}

/// The statements of a period, from one state of the database.
#[derive(Debug)]
pub(super) enum Statements {
    /// Those that were frozen: behind an id.
    Frozen(StatementFilter, String),
    /// Those of an open one, of apps that are still to come.
    Open { books: Box<Books>, open: Box<Open>, whose: Whose, apps: Vec<AppId> },
}

impl Statements {
    /// Those of a partner or an app, or all.
    pub(super) async fn of(
        tx: &mut Tx,
        billed: &Billed,
        whose: Whose,
        now: Micros,
    ) -> Result<Self, ExportError> {
        if billed.close.is_some() {
            let Whose { partner, app } = whose;
            let filter = StatementFilter { period: Some(billed.id), partner, app };
            return Ok(Self::Frozen(filter, String::new()));
        }
        let books = Box::new(Books::read(tx, whose.app).await?);
        let open = books.open(now).into_iter().find(|open| open.period.id() == billed.id);
        // An app that has no part in it has no statement.
        let Some(open) = open.map(Box::new) else {
            let filter = StatementFilter { period: Some(billed.id), ..StatementFilter::default() };
            return Ok(Self::Frozen(filter, String::new()));
        };
        let apps: BTreeSet<AppId> = open.pieces.iter().map(|piece| piece.app).collect();
        let apps = apps.into_iter().rev().collect();
        Ok(Self::Open { books, open, whose, apps })
    }

    /// The next ones; none at the end.
    pub(super) async fn next(&mut self, tx: &mut Tx) -> Result<Vec<Statement>, ExportError> {
        match self {
            Self::Frozen(filter, after) => {
                let found = store::documents(tx, filter, after, PAGE).await?;
                let read = |(text, digest): (String, String)| Statement::frozen(&text, &digest);
                let found: Vec<Statement> =
                    found.into_iter().map(read).collect::<Result<_, StoreError>>()?;
                *after = found.last().map_or_else(String::new, |last| last.id.to_string());
                Ok(found)
            }
            Self::Open { books, open, whose, apps } => {
                while let Some(app) = apps.pop() {
                    let mut made = books.statements(tx, open, Some(app)).await?;
                    made.retain(|made| whose.holds((made.partner_id, made.app_id)));
                    if !made.is_empty() {
                        return Ok(made);
                    }
                }
                Ok(Vec::new())
            }
        }
    }
}
