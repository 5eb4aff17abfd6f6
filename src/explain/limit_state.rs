//! A limit of a refusal as it is shown.

use super::reduced::Reduced;
use super::refusal::{LimitKind, LimitState};
use serde::Serialize;
use utoipa::ToSchema;

/// How a limit stood when a call was refused.
#[derive(Debug, Serialize, ToSchema)]
pub struct LimitStateOut {
    /// Name of the limit in the plan.
    #[schema(example = "burst")]
    name: String,
    /// `rate` (units over a window that moves along), `quota` (units in a period) or `concurrency` (calls
    /// at once).
    #[schema(example = "rate")]
    kind: &'static str,
    /// Units, or calls at once, that it grants.
    #[schema(example = 50)]
    granted: u32,
    /// Seconds of its window or period; null where it has none.
    #[schema(required = true, example = 1)]
    seconds: Option<u32>,
    /// Whole units that were left, or calls that might have begun; of `temporary_reduced_capacity`, of what the node
    /// that was asked might still grant.
    #[schema(example = 0)]
    remaining: u32,
    /// Units that were known to be used of a quota, a decimal with three digits, where the call was refused with
    /// `temporary_reduced_capacity`, which goes by what one node might grant; null otherwise.
    #[schema(required = true, example = "4.000")]
    used: Option<String>,
    /// Seconds until it would have admitted the call or, where it did not refuse, until all was there again; of
    /// `temporary_reduced_capacity`, until the call could be tried again.
    #[schema(example = 1)]
    reset_s: u32,
    /// Whether it refused the call.
    #[schema(example = true)]
    violated: bool,
}

impl LimitStateOut {
    /// All limits of a refusal, with what it went by where that were not they.
    pub(super) fn all(limits: Vec<LimitState>, reduced: Option<&Reduced>) -> Vec<Self> {
        let shown = |(place, limit): (usize, LimitState)| {
            let used = reduced.and_then(|reduced| reduced.used(place));
            Self { used, ..Self::from(limit) }
        };
        limits.into_iter().enumerate().map(shown).collect()
    }
}

impl From<LimitState> for LimitStateOut {
    fn from(limit: LimitState) -> Self {
        let kind = match limit.kind {
            LimitKind::Rate => "rate",
            LimitKind::Quota => "quota",
            LimitKind::Concurrency => "concurrency",
        };
        let LimitState { name, granted, seconds, remaining, reset_s, violated, .. } = limit;
        let seconds = (seconds > 0).then_some(seconds);
        Self { name, kind, granted, seconds, remaining, used: None, reset_s, violated }
    }
}
