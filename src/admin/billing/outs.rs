//! Billing periods and closes as they are answered.

use crate::billing::books::Open;
use crate::billing::close::{Close, Draft, Exception};
use crate::billing::evidence::Evidence;
use crate::billing::model::{Drawn, Statement};
use crate::http::ApiResult;
use crate::kernel::id::BillingPeriodId;
use crate::kernel::{Currency, Micros};
use crate::rating::Exact;
use crate::storage::StoreError;
use serde::Serialize;
use std::collections::BTreeMap;

/// A period that is not closed.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct OpenPeriodOut {
    /// Id of the period.
    #[schema(value_type = String, example = "per_2mQx17fGhIj")]
    pub(super) id: BillingPeriodId,
    /// Its start, inclusive.
    #[schema(value_type = String, format = DateTime, example = "2026-10-31T23:00:00Z")]
    pub(super) from: Micros,
    /// Its end, exclusive.
    #[schema(value_type = String, format = DateTime, example = "2026-11-30T23:00:00Z")]
    pub(super) to: Micros,
    /// The time zone whose days it is made of.
    #[schema(example = "Europe/Paris")]
    pub(super) time_zone: String,
    /// Apps that owe something for it.
    #[schema(example = 12)]
    pub(super) apps: usize,
    /// From when on it can be closed.
    #[schema(value_type = String, format = DateTime, example = "2026-12-01T23:00:00Z")]
    pub(super) closable_at: Micros,
}

impl OpenPeriodOut {
    pub(super) fn new(open: &Open, grace: i64) -> Self {
        let bounds = open.period.bounds;
        let mut apps: Vec<_> = open.pieces.iter().map(|piece| piece.app).collect();
        apps.dedup();
        Self {
            id: open.period.id(),
            from: bounds.start,
            to: bounds.end,
            time_zone: open.period.zone_name().to_owned(),
            apps: apps.len(),
            closable_at: Micros(bounds.end.0.saturating_add(grace)),
        }
    }
}

/// A closed period.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct CloseOut {
    /// Counts the closes from 1.
    #[schema(example = 7)]
    pub(super) number: i64,
    /// Id of the period.
    #[schema(value_type = String, example = "per_2mQx17fGhIj")]
    pub(super) period_id: BillingPeriodId,
    /// Its start, inclusive.
    #[schema(value_type = String, format = DateTime, example = "2026-10-31T23:00:00Z")]
    pub(super) from: Micros,
    /// Its end, exclusive.
    #[schema(value_type = String, format = DateTime, example = "2026-11-30T23:00:00Z")]
    pub(super) to: Micros,
    /// The time zone whose days it is made of.
    #[schema(example = "Europe/Paris")]
    pub(super) time_zone: String,
    /// The last position of the ledger that counts in it.
    #[schema(example = 52_318)]
    pub(super) position: i64,
    /// When it was closed.
    #[schema(value_type = String, format = DateTime, example = "2026-12-02T08:12:44Z")]
    pub(super) closed_at: Micros,
    /// By whom.
    #[schema(example = "acc_5pLw38mNoPq")]
    pub(super) closed_by: String,
    /// Statements that were frozen.
    #[schema(example = 12)]
    pub(super) statements: i64,
    /// What may be missing all the same, as two people agreed.
    pub(super) exceptions: Vec<Exception>,
    /// The events that it counts: `comptoir usage reconcile` holds the ledger against it. Null of closes that were
    /// made before it was kept.
    #[schema(required = true)]
    pub(super) evidence: Option<Evidence>,
    /// The hash of the close before; 64 zeros for the first.
    #[schema(example = "0000000000000000000000000000000000000000000000000000000000000000")]
    pub(super) prev_hash: String,
    /// SHA-256 over the close before, this one with its evidence and its statements.
    #[schema(example = "9f2c4a6be1d0837f5c11aa90c3b7e4d2618f0a5be3c97d4412ab60ef8d25c713")]
    pub(super) hash: String,
}

impl From<Close> for CloseOut {
    fn from(close: Close) -> Self {
        let Close { number, period_id, from, to, time_zone, position, closed_at, .. } = close;
        let Close { closed_by, statements, exceptions, evidence, prev_hash, hash, .. } = close;
        Self {
            number,
            period_id,
            from,
            to,
            time_zone,
            position,
            closed_at,
            closed_by,
            statements,
            exceptions,
            evidence,
            prev_hash,
            hash,
        }
    }
}

/// The sum of statements in a currency.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct OwedOut {
    /// The currency (ISO 4217).
    #[schema(example = "EUR")]
    pub(super) currency: String,
    /// What all statements in it come to, after credits.
    #[schema(example = "1204.50")]
    pub(super) total: String,
    /// What credits pay of them.
    #[schema(example = "10.00")]
    pub(super) credited: String,
}

/// An amount in a currency, by the code of it.
type Money = (String, String);

/// A period that is not closed, with what its close would freeze.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct BillingPeriodOut {
    /// Id of the period.
    #[schema(value_type = String, example = "per_2mQx17fGhIj")]
    pub(super) id: BillingPeriodId,
    /// Its start, inclusive.
    #[schema(value_type = String, format = DateTime, example = "2026-10-31T23:00:00Z")]
    pub(super) from: Micros,
    /// Its end, exclusive.
    #[schema(value_type = String, format = DateTime, example = "2026-11-30T23:00:00Z")]
    pub(super) to: Micros,
    /// The time zone whose days it is made of.
    #[schema(example = "Europe/Paris")]
    pub(super) time_zone: String,
    /// Whether all calls of it that were answered are known to be in the ledger.
    #[schema(example = false)]
    pub(super) complete: bool,
    /// What may be missing.
    pub(super) exceptions: Vec<Exception>,
    /// What is owed, by currency.
    pub(super) owed: Vec<OwedOut>,
    /// The close; null while the period is open.
    #[schema(required = true)]
    pub(super) close: Option<CloseOut>,
    /// The period that has to be closed before this one; null where it is its turn, or it is closed.
    #[schema(required = true, value_type = Option<String>, example = json!(null))]
    pub(super) behind: Option<BillingPeriodId>,
}

impl BillingPeriodOut {
    pub(super) fn open(draft: &Draft) -> ApiResult<Self> {
        let Draft { open, statements, exceptions, behind, .. } = draft;
        let totals = statements.iter().map(|it| (it.currency.clone(), it.total.clone()));
        let drawn = |it: &Statement| {
            let of = |drawn: &Drawn| (it.currency.clone(), drawn.amount.clone());
            it.credits.iter().map(of).collect::<Vec<_>>()
        };
        let credits = statements.iter().flat_map(drawn);
        Ok(Self {
            id: open.period.id(),
            from: open.period.bounds.start,
            to: open.period.bounds.end,
            time_zone: open.period.zone_name().to_owned(),
            complete: exceptions.is_empty(),
            exceptions: exceptions.clone(),
            owed: owed(totals, credits)?,
            close: None,
            behind: *behind,
        })
    }
}

/// The sums of the totals of statements, and of what credits pay of them, by currency.
pub(super) fn owed(
    totals: impl IntoIterator<Item = Money>,
    credits: impl IntoIterator<Item = Money>,
) -> ApiResult<Vec<OwedOut>> {
    let (totals, mut credits) = (sums(totals)?, sums(credits)?);
    let out = |(currency, total): (String, Exact)| {
        let decimals = currency.parse().map_or(2, |currency: Currency| currency.decimals());
        let credited = credits.remove(&currency).unwrap_or_default();
        OwedOut { total: total.text(decimals), credited: credited.text(decimals), currency }
    };
    Ok(totals.into_iter().map(out).collect())
}

fn sums(amounts: impl IntoIterator<Item = Money>) -> ApiResult<BTreeMap<String, Exact>> {
    let mut sums: BTreeMap<String, Exact> = BTreeMap::new();
    for (currency, amount) in amounts {
        let amount = amount.parse().map_err(|e| StoreError::corrupt("statements", e))?;
        let sum = sums.entry(currency).or_default();
        *sum = sum.plus(amount).map_err(|e| StoreError::corrupt("statements", e))?;
    }
    Ok(sums)
}
