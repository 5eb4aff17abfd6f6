//! Calls held to limits in simulated time, by the arithmetic that holds real ones.

use super::SimulationError;
use super::cast::{Actor, Cast, Held};
use crate::access::operation::{Op as _, Operation, op};
use crate::access::plan::{billed_milli, taken_milli};
use crate::kernel::Micros;
use crate::kernel::id::KeyId;
use crate::limit::{
    Admission, Ask, Billed, Decision, Limiter, LocalLimiter, Per, Permit, Subject, SubjectId,
    Terms, Wanted,
};
use crate::metering::block::Recorded;
use crate::metering::{Event, Outcome};
use hashbrown::HashMap;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What a period has had before it is looked at, by account and operation.
pub(super) type Seeds = Vec<(Wanted, Vec<(u16, u64)>)>;

/// A call or message as it is judged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Played {
    /// The limits that refuse it; none of them where it passes or does not ask.
    pub(super) decision: Option<Decision>,
    /// What it weighs by the terms that it is held to, in thousandths of a unit: on the bill where its end
    /// is known, else what it takes from the limits.
    pub(super) milli: u32,
}

impl Played {
    /// Whether it is refused.
    pub(super) fn refused(&self) -> bool {
        self.decision.is_some_and(|decision| !decision.allowed())
    }
}

/// A call that has not ended.
#[derive(Debug)]
struct UnderWay {
    ends: Micros,
    order: u64,
    /// What it holds of the limits: given back when it is dropped.
    permit: Option<Permit>,
    /// What is billed at its end, and to whom.
    billed: Option<(SubjectId, Billed)>,
}

impl UnderWay {
    fn place(&self) -> Reverse<(Micros, u64)> {
        Reverse((self.ends, self.order))
    }
}

impl PartialEq for UnderWay {
    fn eq(&self, other: &Self) -> bool {
        self.place() == other.place()
    }
}

impl Eq for UnderWay {}

impl PartialOrd for UnderWay {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for UnderWay {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.place().cmp(&other.place())
    }
}

/// The limiter of a simulation, and the calls that are under way in it.
#[derive(Debug)]
pub(super) struct Replay {
    limiter: Limiter,
    subjects: HashMap<KeyId, Subject>,
    under_way: BinaryHeap<UnderWay>,
    order: u64,
    /// Whether anybody has quotas.
    counts: bool,
    in_span: bool,
}

impl Replay {
    /// A limiter that knows the keys of the cast and nothing of what they did: before the span, or in it.
    pub(super) fn new(cast: &Cast, in_span: bool) -> Self {
        let mut new = Self {
            limiter: Limiter::Local(LocalLimiter::default()),
            subjects: HashMap::new(),
            under_way: BinaryHeap::new(),
            order: 0,
            counts: false,
            in_span,
        };
        new.hold(cast);
        new
    }

    fn hold(&mut self, cast: &Cast) {
        let in_span = self.in_span;
        for (key, actor) in &cast.actors {
            let Held { terms, mixed } = held(actor, in_span);
            let differ = |per: Per| *mixed && per == Per::Partner;
            self.subjects.insert(*key, self.limiter.subject(actor.id, terms, differ));
        }
        self.counts = self.limiter.local().counts();
    }

    /// The periods of quotas of which the ledger has to be asked.
    pub(super) fn wanted(&self, at: Micros) -> Vec<Wanted> {
        self.limiter.local().wanted(at)
    }

    /// Begins with what the ledger had at an instant.
    pub(super) fn seed(&self, seeds: Seeds, at: Micros) {
        self.limiter.local().take_in(HashMap::new(), seeds, None, at);
    }

    /// The span begins: each key goes on under the terms that it is held to in it, with the use it had.
    pub(super) fn begin(&mut self, cast: &Cast, seeds: Seeds, from: Micros) {
        self.end_until(from);
        self.in_span = true;
        self.hold(cast);
        self.seed(seeds, from);
    }

    /// Judges a call at its time.
    pub(super) fn play(
        &mut self,
        actor: &Actor,
        operation: &'static Operation,
        recorded: &Recorded,
    ) -> Result<Played, SimulationError> {
        let event = &recorded.event;
        self.end_until(event.started_at);
        let terms = &held(actor, self.in_span).terms;
        let cost = cost(actor, terms, operation, event);
        let asks = !asks_nothing(operation) && event.outcome != Outcome::AuthRejected;
        let Some(subject) = self.subjects.get(&event.key).filter(|_| asks) else {
            self.under_way(actor, recorded, None, recorded.rule.billable.then_some(cost));
            return Ok(Played { decision: None, milli: cost });
        };
        let weight_milli = taken_milli(&terms.weights, operation);
        let (free, now) = (operation.is_free(), event.started_at);
        let ask = Ask { operation: operation.code, weight_milli, free, now };
        let Admission { decision, permit } = subject.take(terms, &ask);
        let unknown = event.outcome == Outcome::RateLimited;
        let milli = if unknown { weight_milli } else { cost };
        // What was refused before the span was not counted either.
        let counts = if unknown { self.in_span && !free } else { recorded.rule.billable };
        if decision.allowed() {
            self.under_way(actor, recorded, permit, counts.then_some(milli));
        }
        Ok(Played { decision: Some(decision), milli })
    }

    /// Keeps a call until its end, where it holds or counts anything. What is billed counts in all quotas of
    /// partner, app and key, whether the call was held to them or not, as what comes from the ledger does.
    fn under_way(
        &mut self,
        actor: &Actor,
        recorded: &Recorded,
        permit: Option<Permit>,
        milli: Option<u32>,
    ) {
        let event = &recorded.event;
        let counted = milli.filter(|_| self.counts && actor.id.live);
        let (at, operation) = (event.started_at, event.operation);
        let billed = counted.map(|milli| (actor.id, Billed { at, operation, milli }));
        if permit.is_some() || billed.is_some() {
            let ends = Micros(at.0.saturating_add(event.duration_us.into()));
            self.under_way.push(UnderWay { ends, order: self.order, permit, billed });
            self.order += 1;
        }
    }

    /// Ends the calls that have ended by an instant.
    fn end_until(&mut self, now: Micros) {
        while self.under_way.peek().is_some_and(|call| call.ends <= now) {
            let Some(UnderWay { ends, permit, billed, .. }) = self.under_way.pop() else { return };
            drop(permit);
            let Some((id, billed)) = billed else { continue };
            for per in [Per::Partner, Per::App, Per::Key] {
                self.limiter.local().bill(id.account(per), billed, ends);
            }
        }
    }
}

fn held(actor: &Actor, in_span: bool) -> &Held {
    if in_span { &actor.then } else { &actor.present }
}

/// What a call costs under these terms. A part of a file costs the share that it did: of its weight at present.
fn cost(actor: &Actor, terms: &Terms, operation: &Operation, event: &Event) -> u32 {
    let whole = billed_milli(&terms.weights, operation, event.records);
    if event.status != 206 {
        return whole;
    }
    let present = billed_milli(&actor.present.terms.weights, operation, event.records);
    let part = u64::from(event.weight_milli.min(present));
    let cost = (part * u64::from(whole)).div_ceil(u64::from(present.max(1)));
    u32::try_from(cost).unwrap_or(whole)
}

/// Messages to receivers take from no limit; what is delivered counts in quotas when it is billed.
fn asks_nothing(operation: &Operation) -> bool {
    [op::DeliverMessage::OPERATION.code, op::DeliverTestMessage::OPERATION.code]
        .contains(&operation.code)
}
