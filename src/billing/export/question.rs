//! What is asked for, and its rows.

use super::billed::Billed;
use super::content::Content;
use super::events::{self, Asked};
use super::row::Row;
use super::store::Subject;
use super::{ExportError, held, hourly, statements};
use crate::billing::manifest::Fact;
use crate::kernel::Micros;
use crate::metering::period::Period;
use crate::storage::{Db, Log, log};

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Question {
    /// What it is about.
    pub content: Content,
    /// Of calls, which; of statements, whose.
    pub asked: Asked,
    /// The billing period; of calls, those that are booked in it.
    pub billed: Option<Billed>,
    /// What the retailer is called as the issuer of statements; the id of the installation where nothing is said.
    pub issuer: Option<String>,
}

impl Question {
    /// Some events.
    #[must_use]
    pub fn events(asked: Asked) -> Self {
        Self { content: Content::UsageEvents, asked, billed: None, issuer: None }
    }

    /// The last position of the ledger that is asked for.
    pub(super) async fn through(&self, db: &Db) -> Result<i64, ExportError> {
        match self.billed.as_ref().filter(|billed| billed.close.is_some()) {
            Some(closed) => Ok(closed.position),
            None => Ok(log::head(db, Log::Usage).await?),
        }
    }

    /// What it shares with other exports of the same; none where it is of no billing period, or behind a number.
    pub(super) fn subject(&self) -> Option<Subject> {
        let billed = self.billed.as_ref().filter(|_| self.asked.after.0 == 0)?;
        Some(Subject {
            layout: self.content.layout().name,
            period: billed.id,
            partner: self.asked.partner.map(|id| id.to_string()),
            app: self.asked.app.map(|id| id.to_string()),
        })
    }

    /// Shows each row up to a position of the ledger, with what is counted of it. Of calls, the days rise where they are
    /// asked for day by day.
    pub(super) async fn rows(
        &self,
        db: &Db,
        (through, by_day): (i64, bool),
        now: Micros,
        each: impl FnMut(&Fact, &Row) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        let closed = self.billed.as_ref().and_then(|billed| billed.close.as_ref());
        // Rows of statements stand on what was frozen, which is checked where it is read.
        if let Some(close) = closed.filter(|_| self.content.is_of_calls()) {
            held::holds(db, close).await?;
        }
        match self.content {
            Content::UsageEvents => {
                events::each(db, &self.booked(db).await?, through, by_day, each).await
            }
            Content::UsageHourly => hourly::each(db, &self.booked(db).await?, through, each).await,
            Content::StatementLines | Content::Adjustments | Content::Focus(_) => {
                statements::each(db, self, now, each).await
            }
        }
    }

    /// Which calls are looked through.
    async fn booked(&self, db: &Db) -> Result<Asked, ExportError> {
        let Some(billed) = &self.billed else { return Ok(self.asked) };
        let first = billed.first(&mut db.snapshot().await?).await?;
        let span = Period { from: Micros(i64::MIN), to: billed.span.to };
        let after = self.asked.after.max(first);
        Ok(Asked { period: Some(span), after, booked: Some(billed.id), ..self.asked })
    }
}
