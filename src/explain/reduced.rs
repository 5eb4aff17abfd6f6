//! What a refusal for lack of capacity went by: not the plan's limits, but what one node may grant of them.

use super::refusal::{LimitKind, LimitState};
use crate::access::directory::KeyRecord;
use crate::kernel::Micros;
use crate::limit::{Decision, Limiter};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;

/// Why a node had less to grant than the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shortage {
    /// The nodes could not count together, and this one's share of what was left had no room.
    Share,
    /// They could not, and the plan grants nothing then.
    Plan,
    /// They could, and what was left had been given to others.
    Lent,
}

/// What such a refusal went by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reduced {
    /// Why there was less to grant.
    pub why: Shortage,
    /// Of each limit that was asked, in their order, thousandths of a unit that were known to be used; `None` of
    /// those that are no quotas.
    pub used_milli: Vec<Option<u64>>,
}

impl Reduced {
    /// What a decision went by; `None` where it refused nothing for lack of capacity.
    #[must_use]
    pub fn of(limiter: &Limiter, key: &KeyRecord, after: &Decision, now: Micros) -> Option<Self> {
        if !after.is_reduced() {
            return None;
        }
        let why = match (after.is_by_plan(), after.is_degraded()) {
            (true, _) => Shortage::Plan,
            (false, true) => Shortage::Share,
            (false, false) => Shortage::Lent,
        };
        let terms = &key.granted.terms;
        let known = limiter.known_used(&key.subject, terms, now);
        let used = |place: usize| {
            let mut known = known.iter();
            known.find(|(of, _)| *of == place).map(|(_, milli)| *milli)
        };
        let asked = (0..terms.limits.list().len()).filter(|place| after.asked(*place));
        Some(Self { why, used_milli: asked.map(used).collect() })
    }

    /// What was known to be used of the limit at a place among those that were asked, in units.
    #[must_use]
    pub fn used(&self, place: usize) -> Option<String> {
        let milli = self.used_milli.get(place).copied().flatten()?;
        Some(format!("{}.{:03}", milli / 1_000, milli % 1_000))
    }
}

/// Such a refusal in words, for a call of so many units. Ids that were made before it was known why do not say it.
pub(super) fn in_words(reduced: Option<&Reduced>, limits: &[LimitState], units: &str) -> String {
    let why = reduced.map(|reduced| reduced.why);
    let mut words = match why {
        Some(Shortage::Share) => {
            "The store in which all nodes count limits together could not be reached, or only since some seconds, so \
             that each node granted a share of what was left."
        }
        Some(Shortage::Plan) => {
            "The store in which all nodes count limits together could not be reached, and the plan grants nothing \
             while that is so (`when_degraded` is `refuse`)."
        }
        Some(Shortage::Lent) => "What was left had been given to other nodes, which give back what they do not use.",
        None => {
            "The nodes could not count limits together, or what was left had been given to others."
        }
    }
    .to_owned();
    let violated = limits.iter().enumerate().filter(|(_, limit)| limit.violated);
    for (place, limit) in violated {
        let LimitState { name, granted, seconds, .. } = limit;
        // Writing to a String cannot fail.
        let _ = match limit.kind {
            LimitKind::Rate => {
                write!(words, " `{name}` grants {granted} units over {seconds} s")
            }
            LimitKind::Quota => write!(words, " `{name}` grants {granted} units a period"),
            LimitKind::Concurrency => write!(words, " `{name}` lets {granted} calls run at once"),
        };
        if let Some(used) = reduced.and_then(|reduced| reduced.used(place)) {
            let _ = write!(words, ", of which {used} were known to be used");
        }
        if why == Some(Shortage::Plan) {
            words.push('.');
        } else {
            let _ = write!(words, "; this node had too little of it left for a call of {units}.");
        }
    }
    let after = limits.iter().filter(|limit| limit.violated).map(|limit| limit.reset_s).max();
    let after = after.unwrap_or_default();
    let _ = write!(
        words,
        " That does not say that the plan is exceeded: the call could be tried again after {after} s."
    );
    words
}
