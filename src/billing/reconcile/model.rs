//! What a reconciliation says.

use crate::billing::close::Exception;
use crate::kernel::Micros;
use crate::kernel::id::BillingPeriodId;
use crate::kernel::word::words;
use crate::metering::Sums;
use crate::metering::recount::Differences;
use serde::Serialize;
use std::collections::BTreeMap;

words! {
    /// Why what was answered is not charged in the period, or is charged without having been answered.
    pub enum Cause {
        /// Calls of test keys.
        TestKeys = "test_keys",
        /// A crash left it unclear whether the answer was handed over.
        CrashUnconfirmed = "crash_unconfirmed",
        /// Another rule charges nothing.
        Free = "free",
        /// The plan asked nothing.
        NotPriced = "not_priced",
        /// They belong to another period, whose bounds or time zone are others.
        OtherPeriod = "other_period",
        /// They came into the ledger when the period was closed, and are owed in a later one.
        Late = "late",
        /// Two people have agreed that they do not count.
        Voided = "voided",
        /// Two people have agreed that they were used.
        Adjusted = "adjusted",
    }
}

/// Calls of an app to an operation that one rule decided.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Named {
    /// The app.
    pub app_id: String,
    /// The operation.
    pub operation: String,
    /// The rule.
    pub rule: String,
}

/// What became of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Account {
    /// By the events: what was answered.
    pub admitted: Sums,
    /// By the sums by hour.
    pub metered: Sums,
    /// What is charged by the statements of the period.
    pub rated: Sums,
    /// By the rows of the export; none where none was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exported: Option<Sums>,
    /// What was admitted and is not rated, by cause. Below zero: what is rated and was not admitted.
    pub not_rated: BTreeMap<Cause, Sums>,
}

impl Account {
    /// Adds to a cause.
    pub(super) fn because(&mut self, cause: Cause, sums: &Sums) {
        self.not_rated.entry(cause).or_default().plus(sums);
    }
}

/// A row of a reconciliation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// What it is of.
    #[serde(flatten)]
    pub of: Named,
    /// What became of it.
    #[serde(flatten)]
    pub account: Account,
}

/// What was found of a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reconciliation {
    /// The period.
    pub period_id: BillingPeriodId,
    /// Its start, inclusive.
    pub from: Micros,
    /// Its end, exclusive.
    pub to: Micros,
    /// The time zone whose days it is made of.
    pub time_zone: String,
    /// When it was closed; null while it is open.
    pub closed_at: Option<Micros>,
    /// Whether all agrees.
    pub agrees: bool,
    /// Segments of the ledger that were looked into.
    pub segments: u64,
    /// Events of the hours that the period meets.
    pub events: u64,
    /// Rows of sums by hour.
    pub hours: u64,
    /// Statements.
    pub statements: usize,
    /// What may be missing of it: gaps and ends of runs of nodes.
    pub missing: Vec<Exception>,
    /// What does not agree.
    pub differences: Differences,
    /// What became of what was answered.
    pub rows: Vec<Row>,
}
