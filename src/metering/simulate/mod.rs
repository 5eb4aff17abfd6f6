//! The simulator: a span of the ledger under a proposed plan.
//!
//! The events of the ledger are replayed in the order of time through the limiter that holds real calls,
//! in simulated time, and billed by the rules that bill real ones. Before the span, some time is replayed
//! under the present plans, so that rates begin with the use that they had; quotas begin with what the
//! ledger has of their period. So the present plan, tried out on itself, refuses what was refused.
//!
//! Memory does not grow with the events: segments are read one by one (`merge`), and what is counted is
//! counted by app (`tally`). Dropped, a simulation ends with the segment that it is at.

mod cast;
mod merge;
mod money;
mod replay;
mod report;
mod store;
mod tally;
mod tell;
#[cfg(test)]
mod tests;

pub use report::{
    AppSimulationOut, EarnedOut, HourOut, LimitRefusalsOut, LineOut, OperationRefusalsOut,
    PartnerSimulationOut, RefusalsOut, SideBySideOut, SimulationOut, UnknownDemandOut,
};

use super::period::{InvalidPeriod, Period};
use super::quotas;
use super::walk::opened;
use crate::access::error::AccessError;
use crate::access::model::{Definition, DefinitionPatch, Plan};
use crate::access::operation;
use crate::access::plan::PlanPrices;
use crate::kernel::Micros;
use crate::kernel::clock::{DAY, MINUTE, SECOND};
use crate::kernel::id::AppId;
use crate::limit::{Kind, Limits};
use crate::rating::TooLarge;
use crate::storage::{Db, Log, StoreError, log};
use cast::{Cast, Tried};
use jiff::tz::TimeZone;
use merge::{MOST_WAITING, Merge};
use replay::{Replay, Seeds};
use store::Timed;
use tally::{Lists, Tally};

/// Most events that a simulation reads, where nobody says otherwise.
pub const MOST_EVENTS: u64 = 50_000_000;
/// Most that is replayed before a span.
const LONGEST_LEAD: i64 = 31 * DAY;
/// What is replayed at least: calls that are under way when the span begins.
const SHORTEST_LEAD: i64 = 10 * MINUTE;

/// What is to be tried out.
#[derive(Debug, Clone)]
pub struct Simulation {
    /// The plan.
    pub plan: Plan,
    /// What it shall grant.
    pub proposed: Definition,
    /// The span of the ledger.
    pub span: Period,
    /// The apps to try it out on; without, those that are on the plan.
    pub apps: Option<Vec<AppId>>,
    /// Most events to read.
    pub most_events: u64,
    /// When it is asked for: whose plans are the present ones.
    pub now: Micros,
}

impl Simulation {
    /// A plan with changes, tried out on a month or a day in the time zone of its prices (UTC where it has
    /// none); on the month before `now` where none is named.
    pub fn new(
        plan: Plan,
        changes: DefinitionPatch,
        period: Option<&str>,
        apps: Option<Vec<AppId>>,
        now: Micros,
    ) -> Result<Self, InvalidPeriod> {
        let proposed = changes.of(&plan.definition);
        let prices = proposed.prices.as_ref();
        let zone = prices.map_or(TimeZone::UTC, |prices| prices.0.periods().zone.clone());
        let span = match period {
            Some(text) => Period::in_zone(text, &zone)?,
            None => Period::month_before(now, &zone).ok_or(InvalidPeriod)?,
        };
        Ok(Self { plan, proposed, span, apps, most_events: MOST_EVENTS, now })
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum SimulationError {
    /// There is no such app.
    #[error("there is no app `{id}`")]
    UnknownApp {
        /// Its place among those that were named.
        place: usize,
        /// Its id.
        id: AppId,
    },
    /// The span has too many events.
    #[error(
        "the ledger has {events} events in this span and shortly before, and a simulation reads {most} at \
         most: take a shorter span, such as a day of it"
    )]
    TooManyEvents {
        /// Those of the span.
        events: u64,
        /// Those that are read at most.
        most: u64,
    },
    /// The segments overlap too much to be put into order in bounded memory.
    #[error(
        "more than 2 million events of this span lie in segments that overlap in time, as after a clock \
         was far off: take a span without that time"
    )]
    Disorder,
    /// A bill that cannot be held.
    #[error(transparent)]
    Amount(#[from] TooLarge),
    /// Apps and plans could not be read.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The ledger could not be read, or is damaged.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A part of the work ended before its end.
    #[error("a part of the simulation ended early: {0}")]
    Broken(#[from] tokio::task::JoinError),
}

/// Tries a plan out.
pub async fn simulate(db: &Db, simulation: Simulation) -> Result<SimulationOut, SimulationError> {
    let head = log::head(db, Log::Usage).await?;
    let span = simulation.span;
    let cast = Cast::load(db, &simulation).await?;
    let lead_from = lead(&cast, span.from);
    let whole = Period { from: lead_from, to: span.to };
    let (events, most) = (store::events(db, head, whole).await?, simulation.most_events);
    if events > most {
        return Err(SimulationError::TooManyEvents { events, most });
    }
    let replay = Replay::new(&cast, false);
    let before = seeds(db, &replay, lead_from, head).await?;
    replay.seed(before, lead_from);
    let at_start = seeds(db, &Replay::new(&cast, true), span.from, head).await?;
    let mut work = Work::new(simulation, cast, replay, at_start, whole);
    let mut next = store::next_in_time(db, store::START, head, whole).await?;
    while let Some(segment) = next.take() {
        let place = (segment.min_at, segment.stored.position);
        next = store::next_in_time(db, place, head, whole).await?;
        let until = next.as_ref().map(|next| Micros(next.min_at));
        let feeding = tokio::task::spawn_blocking(move || {
            work.feed(&segment, until)?;
            Ok::<_, SimulationError>(work)
        });
        work = feeding.await??;
    }
    Ok(tell::report(&work, head)?)
}

/// Where the replay begins: early enough that rates have the use that they had when the span begins.
fn lead(cast: &Cast, from: Micros) -> Micros {
    let longest = longest_window(cast).clamp(SHORTEST_LEAD, LONGEST_LEAD);
    Micros(from.0.saturating_sub(longest)).hour()
}

/// The longest window of the rates that hold before the span, in microseconds: also of those that test keys have in the
/// place of quotas.
fn longest_window(cast: &Cast) -> i64 {
    let limits = cast.actors.values().flat_map(|actor| actor.present.terms.limits.list());
    let windows = limits.map(|limit| match &limit.kind {
        Kind::Rate(rate) => i64::from(rate.window_s) * SECOND,
        Kind::Quota(_) | Kind::Concurrency(_) => 0,
    });
    windows.max().unwrap_or(0)
}

/// What the ledger has of the quotas' periods before an instant.
async fn seeds(db: &Db, replay: &Replay, at: Micros, head: i64) -> Result<Seeds, StoreError> {
    let wanted = replay.wanted(at);
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let mut tx = db.snapshot().await?;
    quotas::before(&mut tx, wanted, at, head).await
}

/// A simulation under way.
#[derive(Debug)]
struct Work {
    simulation: Simulation,
    cast: Cast,
    /// In the order of the cast's apps.
    tallies: Vec<Tally>,
    replay: Replay,
    merge: Merge,
    /// What quotas begin the span with; none once it has begun.
    at_start: Option<Seeds>,
    /// The span with what is replayed before it.
    whole: Period,
}

impl Work {
    fn new(
        simulation: Simulation,
        cast: Cast,
        replay: Replay,
        at_start: Seeds,
        whole: Period,
    ) -> Self {
        let limits = &simulation.proposed.limits.0;
        let tally = |tried: &Tried| Tally::new(limits, lists(tried, &simulation.proposed));
        let tallies = cast.apps.iter().map(tally).collect();
        let (merge, at_start) = (Merge::new(MOST_WAITING), Some(at_start));
        Self { tallies, simulation, cast, replay, merge, at_start, whole }
    }

    /// Takes a segment in, and plays what starts before `until`.
    fn feed(&mut self, segment: &Timed, until: Option<Micros>) -> Result<(), SimulationError> {
        let Period { from, to } = self.whole;
        let events = opened(&segment.stored)?.into_iter().filter(|recorded| {
            let event = &recorded.event;
            (from..to).contains(&event.started_at) && self.cast.actors.contains_key(&event.key)
        });
        let added = self.merge.add(segment.stored.position, events);
        added.map_err(|_| SimulationError::Disorder)?;
        while let Some(recorded) = self.merge.next_before(until) {
            self.play(&recorded)?;
        }
        Ok(())
    }

    fn play(&mut self, recorded: &super::block::Recorded) -> Result<(), SimulationError> {
        let event = &recorded.event;
        let from = self.simulation.span.from;
        if event.started_at >= from
            && let Some(seeds) = self.at_start.take()
        {
            self.replay.begin(&self.cast, seeds, from);
        }
        // What a newer program recorded is not known here: neither what it takes nor what it costs.
        let known = self.cast.actors.get(&event.key).zip(operation::by_code(event.operation));
        let Some((actor, operation)) = known else { return Ok(()) };
        let played = self.replay.play(actor, operation, recorded)?;
        if self.at_start.is_none()
            && let Some(place) = actor.tried
            && let (Some(tally), Some(tried)) =
                (self.tallies.get_mut(place), self.cast.apps.get(place))
        {
            let held: &Limits = &actor.then.terms.limits;
            let lists = lists(tried, &self.simulation.proposed);
            tally.add(recorded, operation, &played, held, lists);
        }
        Ok(())
    }
}

fn lists<'a>(tried: &'a Tried, proposed: &'a Definition) -> Lists<'a> {
    let prices =
        |definition: &'a Definition| -> Option<&'a PlanPrices> { definition.prices.as_ref() };
    Lists { now: prices(&tried.present), then: prices(proposed) }
}
