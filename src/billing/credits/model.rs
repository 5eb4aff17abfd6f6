//! A grant of credit that was made.

use super::asked::Asked;
use crate::access::text::Reason;
use crate::billing::model::Statement;
use crate::kernel::id::{AppId, CreditGrantId};
use crate::kernel::{Currency, Micros};
use crate::limit::Bounds;
use crate::rating::Exact;
use crate::storage::StoreError;
use serde::{Deserialize, Serialize};

/// A grant of credit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Its id.
    pub id: CreditGrantId,
    /// What was asked for.
    pub asked: Asked,
    /// When it takes effect.
    pub effective_from: Micros,
    /// By whom it was made.
    pub made_by: String,
    /// When.
    pub made_at: Micros,
}

/// What a credit may pay for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Due<'a> {
    /// The app of the statement.
    pub(super) app: AppId,
    /// Its period.
    pub(super) period: Bounds,
    /// Its currency.
    pub(super) currency: &'a str,
    /// What it comes to.
    pub(super) amount: Exact,
}

impl<'a> Due<'a> {
    /// What of a statement may be paid: what it comes to before credits.
    pub(super) fn of(statement: &'a Statement) -> Result<Self, StoreError> {
        Ok(Self {
            app: statement.app_id,
            period: Bounds { start: statement.from, end: statement.to },
            currency: &statement.currency,
            amount: statement.subtotal.parse().map_err(|e| StoreError::corrupt("statements", e))?,
        })
    }
}

/// The place of a grant among those that pay for a statement.
pub(super) type Rank = (u8, Micros, CreditGrantId);

impl Grant {
    /// Whether it pays for a statement, if anything is left of it.
    pub(super) fn pays(&self, due: &Due<'_>) -> bool {
        self.asked.currency == due.currency
            && self.asked.app_id.is_none_or(|app| app == due.app)
            && self.effective_from < due.period.end
            && due.period.start < self.expiry()
    }

    /// When it expires; what never does, at the end of time.
    pub(super) fn expiry(&self) -> Micros {
        self.asked.expires_at.unwrap_or(Micros(i64::MAX))
    }

    /// Its place among those that pay for a statement: the lowest is drawn first.
    pub(super) fn rank(&self) -> Rank {
        (self.asked.priority, self.expiry(), self.id)
    }

    /// What was granted.
    pub(super) fn amount(&self) -> Result<Exact, StoreError> {
        self.asked.amount.parse().map_err(|e| StoreError::corrupt("credit_grants", e))
    }

    /// Digits after the point that its currency uses.
    #[must_use]
    pub fn decimals(&self) -> u8 {
        self.asked.currency.parse().map_or(2, |currency: Currency| currency.decimals())
    }
}

/// The end of a grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// When.
    pub at: Micros,
    /// By whom.
    pub by: String,
    /// Why.
    pub reason: Reason,
    /// What was left of it, and is not drawn any more.
    pub voided: String,
}
