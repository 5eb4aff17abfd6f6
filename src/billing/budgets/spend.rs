//! What was spent of a budget, period by period, as one state of the database has it.
//!
//! It is what use comes to before credits: a budget is of what is used, whoever pays, and what one app does must not take
//! back what another has been told because both draw on one credit.

use super::model::Budget;
use super::store::{self, Due};
use crate::billing::BillingError;
use crate::billing::books::Books;
use crate::billing::current;
use crate::kernel::Micros;
use crate::kernel::clock::DAY;
use crate::kernel::id::{AppId, BillingPeriodId};
use crate::rating::Exact;
use crate::storage::{StoreError, Tx};
use std::collections::BTreeMap;

/// So long after its end an open period is looked at, since calls of it still come in. What comes later is told when it is
/// closed.
const SETTLING: i64 = 2 * DAY;

/// What was spent of a budget in a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spend {
    /// The period.
    pub(super) period_id: BillingPeriodId,
    /// Its start.
    pub(super) from: Micros,
    /// Its end.
    pub(super) to: Micros,
    /// Its time zone.
    pub(super) time_zone: String,
    /// What it has come to before credits.
    pub(super) spent: Exact,
    /// What it is expected to come to, where somebody has asked and can say.
    pub(super) projected: Option<Exact>,
}

/// What was spent, the first period first.
type Spends = BTreeMap<(Micros, BillingPeriodId), Spend>;

/// What was spent of a budget: in the open periods, and in those that were closed since it was last looked at, up to a
/// close.
pub(super) async fn spends(
    tx: &mut Tx,
    due: &Due,
    last_close: i64,
    (now, with_projection): (Micros, bool),
) -> Result<Vec<Spend>, BillingError> {
    let mut spends = Spends::new();
    for frozen in store::frozen(tx, &due.budget, (due.closes_seen, last_close)).await? {
        let corrupt =
            |error: &dyn std::fmt::Display| StoreError::corrupt("statements", error.to_string());
        let spend = Spend {
            period_id: frozen.period_id.parse().map_err(|e| corrupt(&e))?,
            from: Micros(frozen.starts_at),
            to: Micros(frozen.ends_at),
            spent: frozen.subtotal()?,
            time_zone: frozen.time_zone,
            projected: None,
        };
        add(&mut spends, spend)?;
    }
    let apps = match due.budget.app_id {
        Some(app) => vec![app],
        None => store::apps(tx, due.budget.partner_id).await?,
    };
    for app in apps {
        for spend in open(tx, &due.budget, app, (now, with_projection)).await? {
            add(&mut spends, spend)?;
        }
    }
    Ok(spends.into_values().collect())
}

/// What an app has spent of a budget in its open periods.
async fn open(
    tx: &mut Tx,
    budget: &Budget,
    app: AppId,
    (now, with_projection): (Micros, bool),
) -> Result<Vec<Spend>, BillingError> {
    let books = Books::read(tx, Some(app)).await?;
    let mut found = Vec::new();
    for open in books.open(now) {
        let bounds = open.period.bounds;
        if bounds.end.0.saturating_add(SETTLING) <= now.0 {
            continue;
        }
        let counts =
            |partner, currency: &str| partner == budget.partner_id && currency == budget.currency;
        let mut totals = Vec::new();
        if with_projection && bounds.hold(now) {
            let whose = (budget.partner_id, app);
            for current in current::of_period(tx, (&books, &open), whose, now).await? {
                let expected = current.projected.ok().map(|projection| projection.total);
                totals.push((current.statement, expected));
            }
        } else {
            let made = books.gross(tx, &open, Some(app)).await?;
            totals.extend(made.into_iter().map(|statement| (statement, None)));
        }
        for (statement, projected) in totals {
            if counts(statement.partner_id, &statement.currency) {
                let (from, to) = (bounds.start, bounds.end);
                let (period_id, spent) = (statement.period_id, statement.owed()?);
                let time_zone = statement.time_zone;
                found.push(Spend { period_id, from, to, time_zone, spent, projected });
            }
        }
    }
    Ok(found)
}

/// Adds what was spent in a period. An app that nothing can be said of is expected to come to what it has come to.
fn add(spends: &mut Spends, spend: Spend) -> Result<(), StoreError> {
    use std::collections::btree_map::Entry;
    let large = |error| StoreError::corrupt("statements", error);
    match spends.entry((spend.from, spend.period_id)) {
        Entry::Vacant(place) => {
            place.insert(spend);
        }
        Entry::Occupied(mut known) => {
            let known = known.get_mut();
            if known.projected.is_some() || spend.projected.is_some() {
                let of = |it: &Spend| it.projected.unwrap_or(it.spent);
                known.projected = Some(of(known).plus(of(&spend)).map_err(large)?);
            }
            known.spent = known.spent.plus(spend.spent).map_err(large)?;
        }
    }
    Ok(())
}
