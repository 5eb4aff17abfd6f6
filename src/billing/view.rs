//! Statements as they are looked at: provisional while the period is open, final once it is closed.

use super::BillingError;
use super::books::{Books, Open};
use super::close::Exception;
use super::credits::{self, Seen};
use super::model::Statement;
use super::store::{self, StatementFilter};
use crate::kernel::Micros;
use crate::kernel::id::{AppId, BillingPeriodId, PartnerId, StatementId};
use crate::metering::runs;
use crate::storage::{Db, StoreError};

/// A statement with how it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The statement.
    pub statement: Statement,
    /// SHA-256 of its text once it is frozen; none while its period is open.
    pub digest: Option<String>,
    /// What its period was closed without.
    pub exceptions: Vec<Exception>,
}

/// Whose statements are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Whose {
    /// Those of a partner.
    pub partner: Option<PartnerId>,
    /// Those of an app.
    pub app: Option<AppId>,
}

impl Whose {
    /// Those of a partner's app.
    #[must_use]
    pub fn of((partner, app): (PartnerId, AppId)) -> Self {
        Self { partner: Some(partner), app: Some(app) }
    }

    pub(super) fn holds(self, (partner, app): (PartnerId, AppId)) -> bool {
        self.partner.is_none_or(|own| own == partner) && self.app.is_none_or(|own| own == app)
    }
}

/// Up to when what is shown is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    /// When it is shown.
    pub now: Micros,
    /// Every call that nodes have answered until then is in the ledger, as far as they say so. A process that says nothing
    /// any more holds it back until its journal is recovered, or it is ended as lost. Now, where none runs.
    pub through: Micros,
}

impl Reached {
    /// How long ago that is, in milliseconds.
    #[must_use]
    pub fn lag_ms(self) -> u64 {
        (self.now.0.saturating_sub(self.through.0).max(0) / 1_000).unsigned_abs()
    }

    /// What is still to be said of a statement: nothing of a final one, to which nothing comes.
    #[must_use]
    pub fn of(self, shown: &Shown) -> Option<Self> {
        shown.digest.is_none().then_some(self)
    }
}

/// Up to when what is read of the ledger after this is complete.
pub async fn reached(db: &Db, now: Micros) -> Result<Reached, StoreError> {
    let standing = runs::standing(db, now).await?;
    let through = standing.complete_through.map_or(now, |through| through.min(now));
    Ok(Reached { now, through })
}

/// A statement, if it is one of these.
pub async fn find(
    db: &Db,
    id: StatementId,
    whose: Whose,
    now: Micros,
) -> Result<Shown, BillingError> {
    let unknown = || BillingError::UnknownStatement(id);
    let mut tx = db.snapshot().await?;
    if let Some((text, digest)) = store::document(&mut tx, id).await? {
        let shown = frozen(&text, digest)?;
        let Statement { partner_id, app_id, period_id, .. } = shown.statement;
        if !whose.holds((partner_id, app_id)) {
            return Err(unknown());
        }
        let close = store::close_of(&mut tx, period_id).await?;
        let exceptions = close.map(|close| close.exceptions).unwrap_or_default();
        return Ok(Shown { exceptions, ..shown });
    }
    let books = Books::read(&mut tx, whose.app).await?;
    for open in books.open(now) {
        let of = books.ids(&open).get(&id.to_string()).copied();
        if let Some(of) = of.filter(|of| whose.holds(*of)) {
            let made = books.statements(&mut tx, &open, Some(of.1)).await?;
            let found = made.into_iter().find(|statement| statement.id == id);
            return found.map(provisional).ok_or_else(unknown);
        }
    }
    Err(unknown())
}

/// Statements of a period behind an id, in the order of their ids.
pub async fn of_period(
    db: &Db,
    period: BillingPeriodId,
    whose: Whose,
    (after, limit): (&str, u32),
    now: Micros,
) -> Result<Vec<Shown>, BillingError> {
    let mut tx = db.snapshot().await?;
    if let Some(close) = store::close_of(&mut tx, period).await? {
        let Whose { partner, app } = whose;
        let filter = StatementFilter { period: Some(period), partner, app };
        let found = store::documents(&mut tx, &filter, after, limit).await?;
        let with = |(text, digest): (String, String)| {
            Ok(Shown { exceptions: close.exceptions.clone(), ..frozen(&text, digest)? })
        };
        return found.into_iter().map(with).collect();
    }
    let books = Books::read(&mut tx, whose.app).await?;
    let is_asked = |open: &Open| open.period.id() == period;
    let Some(open) = books.open(now).into_iter().find(is_asked) else {
        // An app may have no part in a period that others have.
        let is_there = match whose.app {
            Some(_) => Books::read(&mut tx, None).await?.open(now).iter().any(is_asked),
            None => false,
        };
        return if is_there { Ok(Vec::new()) } else { Err(BillingError::UnknownPeriod(period)) };
    };
    let ids = books.ids(&open).into_iter();
    let wanted = ids.filter(|(id, of)| id.as_str() > after && whose.holds(*of));
    let mut made = Vec::new();
    for (id, (_, app)) in wanted.take(limit as usize) {
        let of_app = books.gross(&mut tx, &open, Some(app)).await?;
        made.extend(of_app.into_iter().filter(|made| made.id.to_string() == id));
    }
    credits::apply(&mut tx, &mut made, Seen::now(now)).await?;
    Ok(made.into_iter().map(provisional).collect())
}

/// Statements of all open periods behind an id, in the order of their ids.
pub async fn of_open(
    db: &Db,
    whose: Whose,
    (after, limit): (&str, u32),
    now: Micros,
) -> Result<Vec<Shown>, BillingError> {
    let mut tx = db.snapshot().await?;
    let books = Books::read(&mut tx, whose.app).await?;
    let open = books.open(now);
    let mut wanted: Vec<(String, AppId, &Open)> = Vec::new();
    for period in &open {
        let ids = books.ids(period).into_iter();
        let own = ids.filter(|(id, of)| id.as_str() > after && whose.holds(*of));
        wanted.extend(own.map(|(id, (_, app))| (id, app, period)));
    }
    wanted.sort_unstable_by(|(one, ..), (other, ..)| one.cmp(other));
    let mut made = Vec::new();
    for (id, app, period) in wanted.into_iter().take(limit as usize) {
        let of_app = books.gross(&mut tx, period, Some(app)).await?;
        made.extend(of_app.into_iter().filter(|made| made.id.to_string() == id));
    }
    credits::apply(&mut tx, &mut made, Seen::now(now)).await?;
    Ok(made.into_iter().map(provisional).collect())
}

/// The statements of a partner's app, the newest period first: those of open periods and at most so many frozen ones.
pub async fn of_app(
    db: &Db,
    whose: (PartnerId, AppId),
    most: u32,
    now: Micros,
) -> Result<Vec<Shown>, BillingError> {
    let mut tx = db.snapshot().await?;
    let books = Books::read(&mut tx, Some(whose.1)).await?;
    let mut made = Vec::new();
    for open in books.open(now).iter().rev() {
        let of_app = books.gross(&mut tx, open, Some(whose.1)).await?;
        made.extend(of_app.into_iter().filter(|made| made.partner_id == whose.0));
    }
    credits::apply(&mut tx, &mut made, Seen::now(now)).await?;
    let mut shown: Vec<Shown> = made.into_iter().map(provisional).collect();
    let excepted = store::excepted(&mut tx).await?;
    for (text, digest) in store::newest_documents(&mut tx, whose, most).await? {
        let one = frozen(&text, digest)?;
        let of = excepted.get(&one.statement.period_id).cloned();
        shown.push(Shown { exceptions: of.unwrap_or_default(), ..one });
    }
    Ok(shown)
}

fn provisional(statement: Statement) -> Shown {
    Shown { statement, digest: None, exceptions: Vec::new() }
}

fn frozen(text: &str, kept: String) -> Result<Shown, StoreError> {
    let statement = Statement::frozen(text, &kept)?;
    Ok(Shown { statement, digest: Some(kept), exceptions: Vec::new() })
}
