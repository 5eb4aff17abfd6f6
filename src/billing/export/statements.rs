//! The rows that statements make.

use super::adjustment_rows;
use super::billed::{Billed, Statements};
use super::content::Content;
use super::event_row::INSTALLATION;
use super::focus::{self, Corrected};
use super::line_rows;
use super::names::Names;
use super::prices::Priced;
use super::question::Question;
use super::row::Row;
use super::{ExportError, days, show};
use crate::billing::adjustments::store::{AdjustmentFilter, list};
use crate::billing::credits;
use crate::billing::manifest::Fact;
use crate::billing::model::Statement;
use crate::billing::store::close_of;
use crate::billing::view::Whose;
use crate::kernel::Micros;
use crate::limit::Bounds;
use crate::storage::{Db, Log, StoreError, Tx, log};
use std::collections::HashSet;
use std::collections::hash_map::Entry;

/// Shows each row of the statements of a period, which are all of one state of the database.
pub(super) async fn each(
    db: &Db,
    question: &Question,
    now: Micros,
    mut each: impl FnMut(&Fact, &Row) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    let no_period = || ExportError::NoPeriod(question.content.word());
    let mut billed: Billed = question.billed.clone().ok_or_else(no_period)?;
    let retailer = db.setting(INSTALLATION).await?;
    let layout = question.content.layout();
    let mut tx = db.snapshot().await?;
    if billed.close.is_none() {
        billed.position = log::head_in(&mut tx, Log::Usage).await?;
    }
    let whose = Whose { partner: question.asked.partner, app: question.asked.app };
    let mut names = Names::of(&mut tx, &billed, question, retailer.as_deref()).await?;
    let mut told = HashSet::new();
    let mut statements = Statements::of(&mut tx, &billed, whose, now).await?;
    loop {
        let some = statements.next(&mut tx).await?;
        if some.is_empty() {
            break;
        }
        for statement in &some {
            let rows = match question.content {
                Content::Adjustments => {
                    let of_app = AdjustmentFilter {
                        partner: Some(statement.partner_id),
                        app: Some(statement.app_id),
                    };
                    let mut made = list(&mut tx, of_app, None, u32::MAX).await?;
                    made.reverse();
                    let counted = told.insert((statement.partner_id, statement.app_id));
                    adjustment_rows::rows(&made, statement, &billed, counted)
                }
                Content::Focus(_) => {
                    let priced = Priced::read(&mut tx, statement).await?;
                    let days = days::Days::of(&mut tx, statement, &billed).await?;
                    let called = names.called(&mut tx, statement).await?;
                    let corrected = corrected(&mut tx, statement).await?;
                    let prepaid = credits::prepaid(&mut tx, statement).await?;
                    focus::rows(&priced, &billed, &days, (&called, &corrected), &prepaid)?
                }
                _ => {
                    let priced = Priced::read(&mut tx, statement).await?;
                    line_rows::rows(&priced, &billed, retailer.as_deref())
                }
            };
            for row in &rows {
                show(layout, row, &mut each)?;
            }
        }
    }
    drop(tx);
    names.keep(db).await
}

/// The bounds of the closed periods that a statement corrects.
async fn corrected(tx: &mut Tx, statement: &Statement) -> Result<Corrected, StoreError> {
    let mut found = Corrected::new();
    for period in statement.lines.iter().filter_map(|line| line.corrects_period) {
        if let Entry::Vacant(place) = found.entry(period)
            && let Some(close) = close_of(tx, period).await?
        {
            place.insert(Bounds { start: close.from, end: close.to });
        }
    }
    Ok(found)
}
