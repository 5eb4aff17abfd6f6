//! A refusal as a value.

use super::reason::{self, INVALID_CLIENT, Reason};
use super::reduced::{self, Reduced};
use crate::access::Environment;
use crate::access::directory::KeyRecord;
use crate::access::operation::{self, Operation};
use crate::http::Code;
use crate::kernel::Micros;
use crate::kernel::id::{AppId, KeyId, PartnerId, PlanId};
use crate::limit::policy::{Kind, Limit};
use crate::limit::{Decision, Limits};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;

/// One refused call, as it stood when it was judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// When it was judged.
    pub at: i64,
    /// The ledger code of the operation; `None` for a path that is none.
    pub operation: Option<u16>,
    /// What the call weighed, in thousandths of a unit.
    pub weight_milli: u32,
    /// The problem's HTTP status.
    pub status: u16,
    /// The problem's code.
    pub code: String,
    /// Whose call it was, where it proved to hold a key.
    pub who: Option<Who>,
    /// The limits that were asked; empty where the call did not come so far.
    pub limits: Vec<LimitState>,
    /// What of the key refused it, where that was the key.
    pub reason: Option<Reason>,
    /// Microseconds of quiet after which the limits would have admitted it, where waiting helps.
    pub wait_us: Option<u64>,
    /// What it went by where that was less than the limits grant. In an id it stands behind the rest.
    #[serde(skip)]
    pub reduced: Option<Reduced>,
}

/// Whose call was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    /// The number in the partner's id.
    pub partner: u64,
    /// The number in the app's id.
    pub app: u64,
    /// The number in the key's id.
    pub key: u64,
    /// Whether the key is a live one.
    pub live: bool,
    /// The number in the plan's id.
    pub plan: u64,
    /// The version that was in force.
    pub plan_version: u32,
}

/// What a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LimitKind {
    /// Units over a window that moves along.
    Rate,
    /// Units in a period.
    Quota,
    /// Calls at once.
    Concurrency,
}

/// How a limit stood when the call was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitState {
    /// Its name in the plan.
    pub name: String,
    /// What it counts.
    pub kind: LimitKind,
    /// Units, or calls at once, that it grants.
    pub granted: u32,
    /// Seconds of its window or period; 0 where it has none.
    pub seconds: u32,
    /// What was left.
    pub remaining: u32,
    /// Seconds until it would have admitted the call, or, of a limit that did not refuse, until it was whole.
    pub reset_s: u32,
    /// Whether it refused the call.
    pub violated: bool,
}

impl LimitState {
    /// How each limit that was asked stands after a decision.
    #[must_use]
    pub fn all(limits: &Limits, after: &Decision) -> Vec<Self> {
        let asked = limits.list().iter().enumerate().filter(|(place, _)| after.asked(*place));
        let state = |(place, limit): (usize, &Limit)| {
            let standing = after.standing(place);
            let (kind, seconds) = match &limit.kind {
                Kind::Rate(rate) => (LimitKind::Rate, rate.window_s),
                Kind::Quota(_) => (LimitKind::Quota, standing.period_s),
                Kind::Concurrency(_) => (LimitKind::Concurrency, 0),
            };
            Self {
                name: limit.name.to_string(),
                kind,
                granted: limit.granted(),
                seconds,
                remaining: standing.remaining,
                reset_s: standing.reset_s,
                violated: after.violates(place),
            }
        };
        asked.map(state).collect()
    }
}

impl Who {
    /// Who holds a key.
    #[must_use]
    pub fn of(key: &KeyRecord) -> Self {
        Self {
            partner: key.partner.0,
            app: key.app.0,
            key: key.key.0,
            live: key.environment == Environment::Live,
            plan: key.granted.plan.0,
            plan_version: key.granted.version,
        }
    }

    /// The partner.
    #[must_use]
    pub fn partner(&self) -> PartnerId {
        PartnerId(self.partner)
    }

    /// The app.
    #[must_use]
    pub fn app(&self) -> AppId {
        AppId(self.app)
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> KeyId {
        KeyId(self.key)
    }

    /// The plan.
    #[must_use]
    pub fn plan(&self) -> PlanId {
        PlanId(self.plan)
    }
}

impl Refusal {
    /// When it was judged.
    #[must_use]
    pub fn at(&self) -> Micros {
        Micros(self.at)
    }

    /// The operation, where this version of the program knows it.
    #[must_use]
    pub fn operation(&self) -> Option<&'static Operation> {
        self.operation.and_then(operation::by_code)
    }

    /// Whether a call of the admin API was refused, which concerns no partner.
    #[must_use]
    pub fn is_of_admins(&self) -> bool {
        matches!(self.reason, Some(Reason::Told(_)))
    }

    /// When the same call would have been admitted, with no other call in between; `None` where waiting
    /// does not help or nobody can know: when another call ends, and when nodes count together again.
    #[must_use]
    pub fn admitted_at(&self) -> Option<Micros> {
        let violated = || self.limits.iter().filter(|limit| limit.violated);
        let known = |limit: &LimitState| {
            let fits = u64::from(self.weight_milli) <= u64::from(limit.granted) * 1_000;
            limit.kind != LimitKind::Concurrency && fits
        };
        if self.code == Code::ReducedCapacity.as_str() || !violated().all(known) {
            return None;
        }
        Some(Micros(self.at.saturating_add(i64::try_from(self.wait_us?).unwrap_or(i64::MAX))))
    }

    /// The same for what is stored: without the address of the call. `None` where it has none.
    #[must_use]
    pub fn without_address(&self) -> Option<Self> {
        let reason = self.reason.as_ref()?.without_address()?;
        Some(Self { reason: Some(reason), ..self.clone() })
    }

    /// The refusal in a sentence or two.
    #[must_use]
    pub fn in_words(&self) -> String {
        let what = self.operation().map_or("a call", |operation| operation.id);
        let (whole, milli) = (self.weight_milli / 1_000, self.weight_milli % 1_000);
        let mut words = format!("{what} was refused with {} {}.", self.status, self.code);
        if let Some(reason) = self.reason_in_words() {
            let _ = write!(words, " {reason}");
        }
        if self.code == Code::ReducedCapacity.as_str() {
            let units = format!("{whole}.{milli:03}");
            let why = reduced::in_words(self.reduced.as_ref(), &self.limits, &units);
            return format!("{words} {why}");
        }
        for limit in self.limits.iter().filter(|limit| limit.violated) {
            let LimitState { name, granted, seconds, remaining, .. } = limit;
            // Writing to a String cannot fail.
            let _ = match limit.kind {
                LimitKind::Rate => write!(
                    words,
                    " `{name}` grants {granted} units over {seconds} s and had {remaining} left, for a \
                     call of {whole}.{milli:03}."
                ),
                LimitKind::Quota => write!(
                    words,
                    " `{name}` grants {granted} units a period and had {remaining} left, for a call of \
                     {whole}.{milli:03}."
                ),
                LimitKind::Concurrency => {
                    write!(words, " `{name}` lets {granted} calls run at once, and so many ran.")
                }
            };
        }
        if let Some(at) = self.admitted_at() {
            let _ = write!(words, " The same call alone would have been admitted from {at}.");
        }
        words
    }

    fn reason_in_words(&self) -> Option<String> {
        let scope = self.operation().and_then(|operation| operation.scope);
        match (&self.reason, scope) {
            (Some(reason), _) => Some(reason.in_words()),
            (None, Some(scope)) if self.code == Code::InsufficientScope.as_str() => {
                Some(format!("It needs the scope `{}`, which the key lacked.", scope.as_str()))
            }
            _ if self.code == INVALID_CLIENT => Some(
                match self.who {
                    Some(_) => {
                        "The client has proved itself with an assertion that was used before, or with a secret that \
                         ends at once."
                    }
                    None => {
                        "The client has not proved itself: it is not known, or its secret or assertion is not right."
                    }
                }
                .to_owned(),
            ),
            _ => reason::of_code(&self.code).map(str::to_owned),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::Shortage;

    fn refusal(code: Code, weight_milli: u32, limits: &[(LimitKind, u32, u32)]) -> Refusal {
        let wait_s = limits.iter().map(|(.., reset_s)| *reset_s).max();
        let limit = |&(kind, granted, reset_s): &(LimitKind, u32, u32)| LimitState {
            name: "limit".to_owned(),
            kind,
            granted,
            seconds: 60,
            remaining: 0,
            reset_s,
            violated: true,
        };
        Refusal {
            at: 0,
            operation: None,
            weight_milli,
            status: 429,
            code: code.as_str().to_owned(),
            who: None,
            reason: None,
            wait_us: wait_s.map(|seconds| u64::from(seconds) * 1_000_000 - 250_000),
            limits: limits.iter().map(limit).collect(),
            reduced: None,
        }
    }

    #[test]
    fn what_one_node_might_not_grant_is_no_plan_that_is_used_up() {
        let refused = refusal(Code::ReducedCapacity, 1_000, &[(LimitKind::Quota, 9, 5)]);
        for (why, told) in [
            (Shortage::Share, "each node granted a share of what was left"),
            (Shortage::Plan, "the plan grants nothing while that is so"),
            (Shortage::Lent, "given to other nodes"),
        ] {
            let reduced = Some(Reduced { why, used_milli: vec![Some(4_500)] });
            let words = Refusal { reduced, ..refused.clone() }.in_words();
            assert!(words.contains(told) && words.contains("after 5 s"), "{words}");
            assert!(
                words.contains("`limit` grants 9 units a period, of which 4.500 were"),
                "{words}"
            );
            assert!(!words.contains("had 0 left"), "{words}");
        }
        // One of an id that was made before it was told why.
        assert!(!refused.in_words().contains("had 0 left"));
    }

    #[test]
    fn when_a_call_would_be_admitted_is_told_where_it_is_known() {
        use LimitKind::{Concurrency, Quota, Rate};
        let (exceeded, reduced) = (Code::QuotaExceeded, Code::ReducedCapacity);
        for (code, weight, limits, micros) in [
            (exceeded, 1_000, &[(Rate, 5, 2), (Quota, 9, 70)][..], Some(69_750_000)),
            // Heavier than the whole limit: never.
            (exceeded, 6_000, &[(Rate, 5, 2)], None),
            // When another call ends, and when nodes count together again, nobody knows.
            (exceeded, 1_000, &[(Rate, 5, 2), (Concurrency, 1, 1)], None),
            (reduced, 1_000, &[(Rate, 5, 5)], None),
            (Code::InvalidKey, 1_000, &[], None),
        ] {
            let refusal = refusal(code, weight, limits);
            assert_eq!(refusal.admitted_at().map(|at| at.0), micros, "{limits:?}");
            assert_eq!(refusal.in_words().contains("would have been admitted"), micros.is_some());
        }
    }
}
