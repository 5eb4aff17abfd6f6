//! How it stands with credits now: what closed periods have drawn of them, what open ones draw, what is left, and what has
//! lapsed. These four always come to what was granted.

use super::model::{Due, End, Grant};
use super::store::{self, Booked, CreditFilter};
use super::{Seen, apply};
use crate::billing::BillingError;
use crate::billing::as_of::AsOf;
use crate::billing::books::Books;
use crate::billing::model::Statement;
use crate::kernel::Micros;
use crate::kernel::id::{AppId, PartnerId, StatementId};
use crate::kernel::word::words;
use crate::rating::{Exact, TooLarge};
use crate::storage::{StoreError, Tx};
use std::collections::{BTreeMap, BTreeSet};

words! {
    /// How it stands with a grant of credit.
    #[schema(as = CreditState)]
    pub enum State {
        /// It has yet to take effect.
        Scheduled = "scheduled",
        /// It pays.
        Active = "active",
        /// Nothing is left of it.
        Spent = "spent",
        /// It has expired: it pays for open periods that had begun before, and for no other.
        Expired = "expired",
        /// It was ended.
        Ended = "ended",
    }
}

/// What a statement draws of a grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// The statement.
    pub statement: StatementId,
    /// Its app.
    pub app: AppId,
    /// How much.
    pub amount: Exact,
    /// When it was booked; none while the statement is provisional.
    pub booked_at: Option<Micros>,
}

/// A grant with what has become of it.
#[derive(Debug, Clone)]
pub struct Standing {
    /// The grant.
    pub grant: Grant,
    /// Its end, where it was ended.
    pub end: Option<End>,
    /// What was granted.
    pub granted: Exact,
    /// What final statements have drawn.
    pub drawn: Exact,
    /// What provisional statements draw.
    pub provisional: Exact,
    /// What is left.
    pub left: Exact,
    /// What nobody can draw any more: what was left of one that was ended, or that has expired and pays for no period that
    /// is still open.
    pub lapsed: Exact,
    /// The statements that draw on it: the final ones, then the provisional ones.
    pub uses: Vec<Use>,
}

impl Standing {
    /// How it stands at an instant.
    #[must_use]
    pub fn state(&self, now: Micros) -> State {
        match () {
            () if self.end.is_some() => State::Ended,
            () if self.left.plus(self.lapsed).is_ok_and(|rest| rest <= Exact::ZERO) => State::Spent,
            () if self.grant.expiry() <= now => State::Expired,
            () if now < self.grant.effective_from => State::Scheduled,
            () => State::Active,
        }
    }
}

/// What is left of active grants, by currency, as of now: what provisional statements draw is taken off.
pub fn balances(
    standings: &[Standing],
    now: Micros,
) -> Result<BTreeMap<String, Exact>, BillingError> {
    let mut sums: BTreeMap<String, Exact> = BTreeMap::new();
    for standing in standings.iter().filter(|it| it.state(now) == State::Active) {
        let sum = sums.entry(standing.grant.asked.currency.clone()).or_default();
        *sum = sum.plus(standing.left).map_err(corrupt)?;
    }
    Ok(sums)
}

/// How it stands with all grants of a partner that pay for an app's statements, or for any, the newest first.
pub async fn of_partner(
    tx: &mut Tx,
    (partner, app): (PartnerId, Option<AppId>),
    now: Micros,
) -> Result<Vec<Standing>, BillingError> {
    let filter = CreditFilter { partner: Some(partner), app };
    let grants = store::list(tx, filter, None, u32::MAX).await?;
    of(tx, grants, now).await
}

/// How it stands with some grants, in their order.
pub async fn of(
    tx: &mut Tx,
    grants: Vec<Grant>,
    now: Micros,
) -> Result<Vec<Standing>, BillingError> {
    let mut booked = store::booked(tx, &grants).await?;
    let partners: BTreeSet<PartnerId> = grants.iter().map(|grant| grant.asked.partner_id).collect();
    let mut open: BTreeMap<PartnerId, Vec<Statement>> = BTreeMap::new();
    for partner in partners {
        open.insert(partner, provisional(tx, partner, now).await?);
    }
    let standing = |grant: Grant| {
        let (booked, end) = booked.remove(&grant.id).unwrap_or_default();
        let open = open.get(&grant.asked.partner_id).map_or(&[][..], Vec::as_slice);
        Standing::new(grant, (booked, end), open, now)
    };
    grants.into_iter().map(standing).collect()
}

impl Standing {
    /// How it stands with a grant, by what is booked of it and by the provisional statements of its partner.
    fn new(
        grant: Grant,
        (booked, end): (Vec<Booked>, Option<End>),
        open: &[Statement],
        now: Micros,
    ) -> Result<Self, BillingError> {
        let drawn = Exact::sum(booked.iter().map(|it| it.amount)).map_err(corrupt)?;
        let mut uses: Vec<Use> = booked.into_iter().map(Use::from).collect();
        let (mut provisional, mut pays) = (Exact::ZERO, false);
        for statement in open {
            pays |= grant.pays(&Due::of(statement)?);
            for own in statement.credits.iter().filter(|it| it.grant_id == grant.id) {
                let amount =
                    own.amount.parse().map_err(|e| StoreError::corrupt("statements", e))?;
                provisional = provisional.plus(amount).map_err(corrupt)?;
                let (statement, app) = (statement.id, statement.app_id);
                uses.push(Use { statement, app, amount, booked_at: None });
            }
        }
        let granted = grant.amount()?;
        let rest = granted.minus(drawn.plus(provisional).map_err(corrupt)?).map_err(corrupt)?;
        let is_over = end.is_some() || grant.expiry() <= now && !pays;
        let (left, lapsed) = if is_over { (Exact::ZERO, rest) } else { (rest, Exact::ZERO) };
        Ok(Self { grant, end, granted, drawn, provisional, left, lapsed, uses })
    }
}

impl From<Booked> for Use {
    fn from(Booked { statement, app, at, amount }: Booked) -> Self {
        Self { statement, app, amount, booked_at: Some(at) }
    }
}

fn corrupt(error: TooLarge) -> BillingError {
    StoreError::corrupt("credit_draws", error).into()
}

/// The statements of a partner's open periods that a credit may pay for, with credits.
async fn provisional(
    tx: &mut Tx,
    partner: PartnerId,
    now: Micros,
) -> Result<Vec<Statement>, BillingError> {
    let mut all = Vec::new();
    if store::purses(tx, Some(partner), AsOf::NOW).await?.is_empty() {
        return Ok(all);
    }
    for app in store::apps(tx, partner).await? {
        let books = Books::read(tx, Some(app)).await?;
        for open in books.open(now) {
            let made = books.gross(tx, &open, Some(app)).await?;
            all.extend(made.into_iter().filter(|made| made.partner_id == partner));
        }
    }
    all.sort_by_key(|made: &Statement| (made.to, made.from, made.period_id, made.app_id));
    apply(tx, &mut all, Seen::now(now)).await?;
    Ok(all)
}
