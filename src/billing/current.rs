//! What the open period of an app has come to by now: the provisional statement with where each charge stands, and what
//! the period will come to.

use super::BillingError;
use super::books::{Books, Open};
use super::credits::{self, Seen};
use super::model::Statement;
use super::projection::{Method, Outlook, Unsure, outlook};
use super::rate::{SectionStanding, Stated, standings, statements};
use super::timeline::Piece;
use super::view::{Reached, reached};
use crate::kernel::Micros;
use crate::kernel::id::{AppId, PartnerId, StatementId};
use crate::metering::hours::Counted;
use crate::metering::period::Period;
use crate::rating::{Exact, TooLarge};
use crate::storage::{Db, StoreError, Tx};

/// What a period has come to.
#[derive(Debug)]
pub struct Current {
    /// The statement as it stands.
    pub statement: Statement,
    /// How each of its sections stands.
    pub(super) sections: Vec<SectionStanding>,
    /// What it will come to, or why nobody can say.
    pub projected: Result<Projection, Unsure>,
    /// What is left of the credits that may pay for it.
    pub credit_left: Exact,
}

impl Current {
    /// Takes off what credits pay: of what it has come to as the statement says, and of what it will come to as much as
    /// there is for it.
    fn pay(&mut self, statement: Statement, most: Exact) -> Result<(), TooLarge> {
        let drawn = self.statement.owed().map_err(|_| TooLarge)?;
        let drawn = drawn.minus(statement.owed().map_err(|_| TooLarge)?)?;
        self.credit_left = most.minus(drawn)?;
        self.statement = statement;
        if let Ok(projection) = &mut self.projected {
            let paid = |total: Exact| total.minus(total.min(most).max(Exact::ZERO));
            projection.total = paid(projection.total)?;
            if let Some((low, high)) = projection.range {
                projection.range = Some((paid(low)?, paid(high)?));
            }
        }
        Ok(())
    }
}

/// What a period will come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Projection {
    /// How it is reckoned.
    pub method: Method,
    /// The hours that it is reckoned from.
    pub past: Period,
    /// What is expected, rounded as statements are.
    pub total: Exact,
    /// The least and the most of what it would be if all weeks to come were like one of those looked back upon.
    pub range: Option<(Exact, Exact)>,
}

/// What the open periods of a partner's app have come to, and up to when that is complete.
pub async fn current(
    db: &Db,
    whose: (PartnerId, AppId),
    now: Micros,
) -> Result<(Reached, Vec<Current>), BillingError> {
    // Read first: everything that was in the ledger then is in the statements.
    let reached = reached(db, now).await?;
    let mut tx = db.snapshot().await?;
    let books = Books::read(&mut tx, Some(whose.1)).await?;
    let mut found = Vec::new();
    for open in books.open(now).iter().filter(|open| open.period.bounds.hold(now)) {
        found.extend(of_period(&mut tx, (&books, open), whose, now).await?);
    }
    let mut paid: Vec<Statement> = found.iter().map(|current| current.statement.clone()).collect();
    let payable = credits::apply(&mut tx, &mut paid, Seen::now(now)).await?;
    for (current, statement) in found.iter_mut().zip(paid) {
        let most = payable.get(&statement.id).copied().unwrap_or_default();
        current.pay(statement, most).map_err(|error| BillingError::TooLarge(whose.1, error))?;
    }
    Ok((reached, found))
}

/// What an open period has come to for a partner's app before credits, as one state of the database has it.
pub(super) async fn of_period(
    tx: &mut Tx,
    (books, open): (&Books, &Open),
    whose: (PartnerId, AppId),
    now: Micros,
) -> Result<Vec<Current>, BillingError> {
    let (period, app) = (&open.period, whose.1);
    let large = |error| BillingError::TooLarge(app, error);
    let made = Made::read(tx, (books, open), app).await?;
    let outlook = outlook(tx, whose, (period, &made.pieces), now).await?;
    let stated = made.stated(books, open);
    let all = standings(app, period, &books.versions, &stated, now).map_err(large)?;
    let mut found = Vec::new();
    for (statement, sections) in all.into_iter().filter(|(made, _)| made.partner_id == whose.0) {
        let projected = match &outlook {
            Ok(outlook) => Ok(made.project((books, open), outlook, &statement)?),
            Err(why) => Err(*why),
        };
        found.push(Current { statement, sections, projected, credit_left: Exact::ZERO });
    }
    Ok(found)
}

/// What the statements of an app for an open period are made of.
struct Made {
    app: AppId,
    pieces: Vec<Piece>,
    counted: Counted,
}

impl Made {
    async fn read(
        tx: &mut Tx,
        (books, open): (&Books, &Open),
        app: AppId,
    ) -> Result<Self, StoreError> {
        let bounds = open.period.bounds;
        let counted = books.counted(tx, bounds, Some(app)).await?.remove(&app);
        let pieces = books.around(app, bounds);
        Ok(Self { app, pieces, counted: counted.unwrap_or_default() })
    }

    fn stated<'a>(&'a self, books: &'a Books, open: &Open) -> Stated<'a> {
        let corrections = books.corrections(open, self.app);
        Stated { pieces: &self.pieces, counted: &self.counted, corrections }
    }

    /// What a statement will come to.
    fn project(
        &self,
        of: (&Books, &Open),
        outlook: &Outlook,
        statement: &Statement,
    ) -> Result<Projection, BillingError> {
        let total = |to_come| self.total_with(of, to_come, statement.id);
        let expected = total(&outlook.expected)?;
        let mut range: Option<(Exact, Exact)> = None;
        for like_week in &outlook.like_weeks {
            let total = total(like_week)?;
            let (low, high) = range.unwrap_or((expected, expected));
            range = Some((low.min(total), high.max(total)));
        }
        let Outlook { method, past, .. } = *outlook;
        Ok(Projection { method, past, total: expected, range })
    }

    /// What a statement comes to with what is yet to come.
    fn total_with(
        &self,
        (books, open): (&Books, &Open),
        to_come: &Counted,
        id: StatementId,
    ) -> Result<Exact, BillingError> {
        let mut counted = self.counted.clone();
        for (group, sums) in to_come {
            counted.entry(group.clone()).or_default().plus(sums);
        }
        let stated = Stated { counted: &counted, ..self.stated(books, open) };
        let all = statements(self.app, &open.period, &books.versions, &stated);
        let all = all.map_err(|error| BillingError::TooLarge(self.app, error))?;
        let found = all.iter().find(|statement| statement.id == id);
        found.map_or(Ok(Exact::ZERO), |statement| Ok(statement.owed()?))
    }
}
