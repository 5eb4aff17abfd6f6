//! The questions to the shared counters, and their answers.

use super::super::gcra::Limbs;
use super::super::name::LimitName;
use super::super::period::Bounds;
use super::super::policy::{Per, Rate};
use crate::kernel::Micros;
use redis::{Script, ScriptInvocation};
use std::sync::Arc;

/// How long a place of a limit of concurrency is held without a word of its call's node, in milliseconds.
pub(super) const HOLD_MS: u64 = 60_000;
/// How long a quota's counter is kept after its period, in seconds: for who looks into Redis.
const KEEP_S: i64 = 7 * 86_400;

/// One limit that counts a call.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) per: Per,
    /// The limit's place in the plan.
    pub(super) place: usize,
    pub(super) name: LimitName,
    pub(super) key: Arc<str>,
    pub(super) amount: Amount,
    pub(super) what: What,
}

/// Thousandths of a unit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Amount {
    /// What the call needs of the shared counter.
    pub(super) need: u32,
    /// What is taken where there is so much.
    pub(super) wish: u32,
    /// What the call has from a lease.
    pub(super) hand: u32,
}

impl Amount {
    /// Whether the shared counter has to be asked: not where a lease has all that the call needs.
    pub(super) fn asks(self) -> bool {
        self.hand == 0 || self.need > 0
    }
}

impl Line {
    /// Whether the call weighs more than the whole limit.
    pub(super) fn never_fits(&self) -> bool {
        let granted = match &self.what {
            What::Rate { rate, .. } => rate.quota,
            What::Quota { granted, .. } => *granted,
            What::Place { .. } => return false,
        };
        u64::from(self.amount.need) > u64::from(granted) * 1_000
    }

    /// The beginning of a quota's period; 0 for others.
    pub(super) fn start(&self) -> Micros {
        match &self.what {
            What::Quota { bounds, .. } => bounds.start,
            What::Rate { .. } | What::Place { .. } => Micros(0),
        }
    }
}

/// What a limit counts.
#[derive(Debug)]
pub(super) enum What {
    Rate {
        rate: Rate,
        known: Limbs,
        owed: Limbs,
        clamp: bool,
        ttl_ms: u64,
    },
    /// `heard` is all that is known of its use, for a counter that is gone.
    Quota {
        granted: u32,
        known: u64,
        heard: u64,
        bounds: Bounds,
    },
    Place {
        most: u32,
        known: u32,
    },
}

/// How a limit stood before the call, and what is granted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stood {
    /// A rate's debt; what is used of a quota, or the calls under way, is the first.
    pub(super) debt: Limbs,
    /// Thousandths of a unit.
    pub(super) granted: u64,
}

/// What the shared counters say.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) admitted: bool,
    /// When, by Redis's clock.
    pub(super) at: Micros,
    /// In the order of the lines.
    pub(super) stood: Vec<Stood>,
}

/// The question whether a call named `member` is let in. `now` is for tests: elsewhere it is Redis's.
pub(super) fn question<'a>(
    script: &'a Script,
    lines: &[&Line],
    member: &str,
    now: Option<Micros>,
) -> ScriptInvocation<'a> {
    let mut call = script.prepare_invoke();
    call.arg(now.map(|now| now.0.to_string()).unwrap_or_default()).arg(member);
    let mut keys: Vec<&Arc<str>> = Vec::new();
    for line in lines {
        let known = keys.iter().position(|key| **key == line.key);
        let key = known.unwrap_or_else(|| {
            call.key(&*line.key);
            keys.push(&line.key);
            keys.len() - 1
        });
        write(&mut call, line, key + 1);
    }
    call
}

fn write(call: &mut ScriptInvocation<'_>, line: &Line, key: usize) {
    let Amount { need, wish, .. } = line.amount;
    match &line.what {
        What::Rate { rate, known, owed, clamp, ttl_ms } => {
            let (need, most) = (rate.cost_limbs(need), rate.cost_limbs(wish));
            let (window_ms, quota) = (u64::from(rate.window_s) * 1_000, u64::from(rate.quota));
            call.arg("r").arg(key).arg(line.name.as_str()).arg(quota).arg(rate.window_s);
            call.arg(need.0).arg(need.1).arg(wish).arg(most.0).arg(most.1);
            call.arg(window_ms / quota).arg(window_ms % quota).arg(known.0).arg(known.1);
            call.arg(u8::from(*clamp)).arg(*ttl_ms).arg(owed.0).arg(owed.1);
        }
        What::Quota { granted, known, heard, bounds, .. } => {
            let expire_s = bounds.end.0.div_euclid(1_000_000).saturating_add(KEEP_S);
            call.arg("q").arg(key).arg(u64::from(*granted) * 1_000).arg(need);
            call.arg(wish).arg(*known).arg(*heard).arg(expire_s);
        }
        What::Place { most, known } => {
            call.arg("c").arg(key).arg(*most).arg(HOLD_MS).arg(*known);
        }
    }
}

/// What the script has said; none where it is not an answer to these lines.
pub(super) fn answer(said: &[i64], lines: usize) -> Option<Answer> {
    let ([admitted, at], rest) = said.split_first_chunk()?;
    let whole = |n: i64| u64::try_from(n).unwrap_or(0);
    let stood: Vec<Stood> = rest
        .as_chunks::<4>()
        .0
        .iter()
        .map(|[a, b, _, granted]| Stood { debt: (whole(*a), whole(*b)), granted: whole(*granted) })
        .collect();
    (stood.len() == lines && rest.len() == 4 * lines).then_some(Answer {
        admitted: *admitted == 1,
        at: Micros(*at),
        stood,
    })
}
