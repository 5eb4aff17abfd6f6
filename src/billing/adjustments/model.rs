//! An adjustment that was made.

use super::asked::Asked;
use crate::access::text::Reason;
use crate::billing::correct::{Correction, Source};
use crate::billing::model::UsageLine;
use crate::kernel::id::{AdjustmentId, AppId, BillingPeriodId, PartnerId};
use crate::kernel::word::{read_words, words};
use crate::kernel::{Currency, Micros};
use crate::metering::Sums;
use crate::metering::hours::Group;
use crate::rating::{Exact, Rounding};
use crate::storage::StoreError;
use serde::{Deserialize, Serialize};

words! {
    /// What an adjustment does.
    #[schema(as = AdjustmentKind)]
    pub enum Kind {
        /// Takes money off.
        Credit = "credit",
        /// Adds money.
        Debit = "debit",
        /// Has calls not charged.
        Void = "void",
        /// Adds use that was not metered.
        Backfill = "backfill",
        /// Has calls not charged and adds use in their place.
        Replace = "replace",
        /// Books what a closed period costs more or less at other prices.
        Rerate = "rerate",
    }
}

read_words!(Kind);

/// Money that is owed beside what was counted; below zero it is taken off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owed {
    /// How much, exactly.
    pub amount: String,
    /// In which currency.
    pub currency: String,
    /// The closed period that it corrects.
    pub corrects: Option<BillingPeriodId>,
}

/// What is counted otherwise in a minute. Periods begin with days, and so with minutes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delta {
    /// The minute.
    pub at: Micros,
    /// What is added to what was counted; below zero it is taken away.
    pub usage: UsageLine,
}

/// What an adjustment changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Effect {
    /// Money.
    pub owed: Option<Owed>,
    /// What is counted otherwise.
    pub usage: Vec<Delta>,
    /// Calls that it is about.
    pub events: u64,
    /// SHA-256 of their ids, sorted, each with a line feed behind it; none where it is about no calls.
    pub events_digest: Option<String>,
}

impl Effect {
    /// What takes it back.
    pub(super) fn opposite(self) -> Result<Self, StoreError> {
        let wrong = |e: &dyn std::fmt::Display| StoreError::corrupt("adjustments", e);
        let owed = self.owed.map(|owed| {
            let amount: Exact = owed.amount.parse().map_err(|e| wrong(&e))?;
            let decimals = owed.currency.parse().map_or(2, |c: Currency| c.decimals());
            let amount = Exact::ZERO.minus(amount).map_err(|e| wrong(&e))?.text(decimals);
            Ok::<_, StoreError>(Owed { amount, ..owed })
        });
        let back = |Delta { at, usage }: Delta| {
            let usage = UsageLine {
                requests: usage.requests.saturating_neg(),
                records: usage.records.saturating_neg(),
                bytes: usage.bytes.saturating_neg(),
                weight_milli: usage.weight_milli.saturating_neg(),
                ..usage
            };
            Delta { at, usage }
        };
        let usage = self.usage.into_iter().map(back).collect();
        Ok(Self { owed: owed.transpose()?, usage, ..self })
    }
}

/// An adjustment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adjustment {
    /// Its id.
    pub id: AdjustmentId,
    /// The key of who has asked.
    pub operation_key: String,
    /// What it does.
    pub kind: Kind,
    /// The app.
    pub app_id: AppId,
    /// Who owes more or less.
    pub partner_id: PartnerId,
    /// Why, in a word.
    pub reason_code: String,
    /// Why, for people.
    pub reason: Reason,
    /// What was asked for; none of a reversal.
    pub asked: Option<Asked>,
    /// The adjustment that it takes back.
    pub reverses: Option<AdjustmentId>,
    /// Up to when the app's periods were closed when it was made.
    pub closed_until: Micros,
    /// What it changes.
    pub effect: Effect,
    /// By whom.
    pub made_by: String,
    /// When.
    pub made_at: Micros,
}

impl Adjustment {
    /// Whether it has something to be booked as a line.
    pub(super) fn books(&self) -> bool {
        self.effect.owed.is_some() || self.late().next().is_some()
    }

    /// What it changes of periods that were closed.
    pub(in crate::billing) fn late(&self) -> impl Iterator<Item = &Delta> {
        self.effect.usage.iter().filter(|delta| delta.at < self.closed_until)
    }

    /// What it changes of periods that were open.
    pub(in crate::billing) fn open(&self) -> impl Iterator<Item = &Delta> {
        self.effect.usage.iter().filter(|delta| delta.at >= self.closed_until)
    }

    /// The money that it is about, as a line.
    pub(in crate::billing) fn money(&self) -> Result<Option<Correction>, StoreError> {
        let Some(owed) = &self.effect.owed else { return Ok(None) };
        let wrong = |e: &dyn std::fmt::Display| StoreError::corrupt("adjustments", e);
        Ok(Some(Correction {
            partner: self.partner_id,
            currency: owed.currency.parse().map_err(|e| wrong(&e))?,
            rounding: Rounding::HalfEven,
            corrects: owed.corrects,
            source: self.source(),
            exact: owed.amount.parse().map_err(|e| wrong(&e))?,
            usage: Vec::new(),
        }))
    }

    /// What its lines say of it.
    pub(in crate::billing) fn source(&self) -> Source {
        Source { adjustment: Some(self.id), reason_code: self.reason_code.clone() }
    }

    /// What a change of it is about.
    pub(in crate::billing) fn counted(&self, delta: &Delta) -> (Group, Sums) {
        delta.usage.group((self.partner_id, self.app_id))
    }
}
