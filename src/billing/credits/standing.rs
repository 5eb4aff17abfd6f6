//! How it stands with credits now: what closed periods have drawn of them, what open ones draw, and what is left.

use super::apply;
use super::model::{End, Grant};
use super::store::{self, CreditFilter};
use crate::billing::BillingError;
use crate::billing::books::Books;
use crate::billing::model::Statement;
use crate::kernel::Micros;
use crate::kernel::id::{AppId, CreditGrantId, PartnerId, StatementId};
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
        /// It has expired: it pays for what is left of periods that had begun before, and for no other.
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
    /// Whether it is booked: the statement is final.
    pub is_final: bool,
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
    /// What is left, of one that was ended nothing.
    pub left: Exact,
    /// The statements that draw on it: the final ones, then the provisional ones.
    pub uses: Vec<Use>,
}

impl Standing {
    /// How it stands at an instant.
    #[must_use]
    pub fn state(&self, now: Micros) -> State {
        match () {
            () if self.end.is_some() => State::Ended,
            () if self.left <= Exact::ZERO => State::Spent,
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
    let mut open: BTreeMap<CreditGrantId, Vec<Use>> = BTreeMap::new();
    for partner in partners {
        for statement in provisional(tx, partner, now).await? {
            for drawn in &statement.credits {
                let amount =
                    drawn.amount.parse().map_err(|e| StoreError::corrupt("statements", e))?;
                let (statement, app) = (statement.id, statement.app_id);
                let of_grant = open.entry(drawn.grant_id).or_default();
                of_grant.push(Use { statement, app, amount, is_final: false });
            }
        }
    }
    let standing = |grant: Grant| {
        let (booked, end) = booked.remove(&grant.id).unwrap_or_default();
        let open = open.remove(&grant.id).unwrap_or_default();
        let drawn = Exact::sum(booked.iter().map(|it| it.amount)).map_err(corrupt)?;
        let provisional = Exact::sum(open.iter().map(|it| it.amount)).map_err(corrupt)?;
        let granted = grant.amount()?;
        let left = match end {
            Some(_) => Exact::ZERO,
            None => granted.minus(drawn.plus(provisional).map_err(corrupt)?).map_err(corrupt)?,
        };
        let booked = booked.into_iter().map(|it| Use {
            statement: it.statement,
            app: it.app,
            amount: it.amount,
            is_final: true,
        });
        let uses = booked.chain(open).collect();
        Ok(Standing { grant, end, granted, drawn, provisional, left, uses })
    };
    grants.into_iter().map(standing).collect()
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
    if store::purses(tx, Some(partner)).await?.is_empty() {
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
    apply(tx, &mut all).await?;
    Ok(all)
}
