//! The books as they are, or as they were when a period was closed.
//!
//! What a close stood on can be told apart from what came later: closes have numbers, the ledger positions, plans and
//! subscriptions times, and an adjustment has the end of the period that was the last to be closed when it was made. So a
//! frozen statement can be made again. Only the date that a partner's contract counts from has no past.

use super::adjustments::Adjustment;
use super::close::Close;
use crate::access::history::{History, PriceVersions};
use crate::kernel::Micros;

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AsOf {
    /// Closes with lower numbers.
    pub(super) close: i64,
    /// The ledger up to this position.
    pub(super) position: i64,
    /// What was made until then.
    at: Micros,
    /// No adjustment that was made when periods were closed up to here.
    closed: Micros,
}

impl AsOf {
    /// All that there is.
    pub(super) const NOW: Self = Self {
        close: i64::MAX,
        position: i64::MAX,
        at: Micros(i64::MAX),
        closed: Micros(i64::MAX),
    };

    /// What a close stood on.
    pub(super) fn before(close: &Close) -> Self {
        let Close { number, position, closed_at, to, .. } = *close;
        Self { close: number, position, at: closed_at, closed: to }
    }

    /// Whether nothing is left out.
    pub(super) fn is_now(&self) -> bool {
        *self == Self::NOW
    }

    /// Whether an adjustment was made.
    pub(super) fn has(&self, adjustment: &Adjustment) -> bool {
        adjustment.made_at <= self.at && (adjustment.closed_until < self.closed || self.is_now())
    }

    /// Takes out what came later.
    pub(super) fn cut(&self, histories: &mut [History], versions: &mut PriceVersions) {
        for History { tenures, .. } in histories {
            tenures.retain(|tenure| tenure.from <= self.at);
            for tenure in tenures {
                tenure.until = tenure.until.filter(|until| *until <= self.at);
            }
        }
        for of_plan in versions.values_mut() {
            of_plan.retain(|version| version.at <= self.at);
        }
    }
}
