//! Looking after budgets, and telling what has reached a threshold or will pass a budget.
//!
//! One node at a time looks. A look at a budget makes the statements of its apps, which asks the database some ten
//! questions for each app; so it comes at most every five minutes, and every hour where nobody has called: amounts
//! that matter are not passed within minutes, and what is told late is told all the same. What the period will come to is
//! reckoned once an hour. A round looks at a hundred budgets, those first that were not looked at for longest: 10,000
//! busy apps so cost some 33 looks a second, and where a database cannot do that, looks come less often.

use super::model::{Budget, Threshold};
use super::spend::{Spend, spends};
use super::store::{self, Due};
use crate::alerts::Alerts;
use crate::alerts::model::{Alert, Detail, Kind, SpendUse, Whose};
use crate::billing::BillingError;
use crate::kernel::clock::{HOUR, MINUTE};
use crate::kernel::id::AlertId;
use crate::kernel::{Clock, Currency, Micros};
use crate::rating::Exact;
use crate::storage::{Db, StoreError};
use std::sync::Arc;

/// How long after a look the next one comes, where somebody has called meanwhile.
const ACTIVE: i64 = 5 * MINUTE;
/// The same where nobody has. Corrections need no call.
const IDLE: i64 = HOUR;
/// How long after a projection the next one comes.
const PROJECT_EVERY: i64 = HOUR;
/// Most budgets of a round.
const ROUND: u32 = 100;

/// Looks after budgets on a node.
#[derive(Debug)]
pub struct Watch {
    db: Db,
    clock: Clock,
    alerts: Arc<Alerts>,
}

impl Watch {
    /// What looks after the budgets of a database, and tells by these alerts.
    #[must_use]
    pub fn new((db, clock): (&Db, &Clock), alerts: &Arc<Alerts>) -> Self {
        Self { db: db.clone(), clock: clock.clone(), alerts: Arc::clone(alerts) }
    }

    /// Looks at the budgets that are due, if this node is the one that does. One that cannot be looked at keeps nobody
    /// from being told of the others, and is tried again when its time comes.
    pub async fn round(&self) -> Result<(), BillingError> {
        if !self.alerts.hold("budgets").await? {
            return Ok(());
        }
        let now = self.clock.now();
        let before = |length: i64| Micros(now.0.saturating_sub(length));
        let mut tx = self.db.snapshot().await?;
        let last_close = store::last_close(&mut tx).await?;
        let due = store::due(&mut tx, last_close, (before(ACTIVE), before(IDLE)), ROUND).await?;
        drop(tx);
        for due in due {
            match self.look(&due, now).await {
                Ok(()) => {}
                // The others could not be looked at either.
                Err(error @ BillingError::Store(StoreError::Unavailable(_))) => return Err(error),
                Err(error) => {
                    tracing::error!(%error, budget = %due.budget.id, "a budget could not be looked at");
                    self.note(&due, (now, due.projected_at), due.closes_seen).await?;
                }
            }
        }
        Ok(())
    }

    /// Tells what is new of a budget, and notes that it was looked at. Where a node ends in between, the next look finds
    /// the same, and tells none of it twice.
    async fn look(&self, due: &Due, now: Micros) -> Result<(), BillingError> {
        let projects = now.0.saturating_sub(due.projected_at.0) >= PROJECT_EVERY;
        let mut tx = self.db.snapshot().await?;
        let last_close = store::last_close(&mut tx).await?;
        let spends = spends(&mut tx, due, last_close, (now, projects)).await?;
        drop(tx);
        let mut raised_at = now;
        for alert in news(&due.budget, &spends)? {
            // They have an order, also where they are noticed at once.
            self.alerts.raise(&Alert { raised_at, ..alert }).await?;
            raised_at = Micros(raised_at.0.saturating_add(1));
        }
        let projected_at = if projects { now } else { due.projected_at };
        self.note(due, (now, projected_at), last_close).await
    }

    async fn note(
        &self,
        due: &Due,
        at: (Micros, Micros),
        closes_seen: i64,
    ) -> Result<(), BillingError> {
        let mut tx = self.db.begin().await?;
        store::looked(&mut tx, due.budget.id, at, closes_seen).await?;
        Ok(tx.commit().await?)
    }
}

/// What is to be told of a budget, whether it was told before or not.
fn news(budget: &Budget, spends: &[Spend]) -> Result<Vec<Alert>, StoreError> {
    let mut alerts = Vec::new();
    for spend in spends {
        for threshold in &budget.thresholds {
            if threshold.is_reached(spend.spent)? {
                alerts.push(alert(budget, spend, Some(threshold))?);
            }
        }
        let passed = |amount: Option<Exact>| amount.map_or(Ok(false), |it| budget.is_passed(it));
        // Once it is passed, nobody need be told that it will be.
        if passed(spend.projected)? && !passed(Some(spend.spent))? {
            alerts.push(alert(budget, spend, None)?);
        }
    }
    Ok(alerts)
}

/// The alert that a threshold is reached or, where there is none, that the budget will be passed.
fn alert(
    budget: &Budget,
    spend: &Spend,
    threshold: Option<&Threshold>,
) -> Result<Alert, StoreError> {
    let currency: Currency =
        budget.currency.parse().map_err(|e| StoreError::corrupt("budgets", e))?;
    let text = |amount: Exact| amount.text(currency.decimals());
    let detail = SpendUse {
        budget_id: budget.id,
        budget: budget.amount.clone(),
        currency: budget.currency.clone(),
        percent: threshold.and_then(|threshold| threshold.percent),
        threshold: threshold.map(|threshold| threshold.amount.clone()),
        spent: text(spend.spent),
        projected: spend.projected.map(text),
        period_id: spend.period_id,
        period_start: spend.from,
        period_end: spend.to,
        time_zone: spend.time_zone.clone(),
    };
    let kind = if threshold.is_some() { Kind::Spend } else { Kind::SpendProjected };
    Ok(Alert {
        id: id(budget, spend, threshold),
        kind,
        whose: Whose { partner: Some(budget.partner_id), app: budget.app_id, key: None },
        detail: Detail::Spend(detail),
        raised_at: Micros(0),
        ended_at: None,
    })
}

/// The id of the alert. The periods of an app never overlap, so it is the start that tells them apart: a change of plan may
/// end one early, which makes it no other. Those of a partner's apps do overlap.
fn id(budget: &Budget, spend: &Spend, threshold: Option<&Threshold>) -> AlertId {
    let Budget { partner_id, currency, .. } = budget;
    let of = match budget.app_id {
        Some(app) => format!("{app}/{}", spend.from.0),
        None => format!("all/{}", spend.period_id),
    };
    match threshold {
        Some(threshold) => {
            AlertId::derived(&format!("spend/{partner_id}/{of}/{currency}/{}", threshold.amount))
        }
        None => AlertId::derived(&format!("spend_projected/{partner_id}/{of}/{currency}")),
    }
}
