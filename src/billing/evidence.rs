//! What of the ledger a closed period is made of: a few numbers and one hash, which its close keeps. Whoever has them can
//! tell later whether an event of the period was added, taken away or changed since.

use super::manifest::Day;
use super::manifest::tally::{day_of, day_text, root};
use super::merkle::{Tree, leaf};
use crate::kernel::Micros;
use crate::kernel::hex;
use crate::kernel::id::NodeId;
use crate::metering::Sums;
use crate::metering::period::Period;
use crate::metering::recount::{Stored, Watch};
use crate::metering::sealed::SealedEvent;
use crate::metering::walk::Placed;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The events of a closed period: all that the ledger had of its calls when it was closed, of live and of test keys, and
/// whoever they are billed to. What came in later, and is billed later, is in none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(title = "CloseEvidence")]
pub struct Evidence {
    /// How many there are.
    #[schema(example = 184_211)]
    pub events: u64,
    /// What all of them come to.
    pub all: Sums,
    /// What those come to that are charged by the rules of billability.
    pub billable: Sums,
    /// The processes that recorded them, and which of their numbers were given to them.
    pub runs: Vec<Run>,
    /// The root of the tree (RFC 6962, section 2.1) over the days in their order, in hexadecimal. A day's leaf is its date
    /// in UTC, the number of its events and the root of the tree over them in the order of the ledger, between commas; an
    /// event's is what was sealed of it, behind its node and process.
    #[schema(example = "5d1c0f8e77a3b6d2940e1f5ac8b37d6215e9a0c4f2d8b7136a4e90c5d7f3182b")]
    pub root: String,
}

/// What one process recorded of a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(title = "CloseRun")]
pub struct Run {
    /// The node.
    #[schema(value_type = String, example = "nod_2PfPExBmnuI")]
    pub node: NodeId,
    /// The number of the process on that node.
    #[schema(example = 7)]
    pub epoch: u64,
    /// The lowest number of a call of the period.
    #[schema(example = 1_204)]
    pub first_seq: u64,
    /// The number behind the highest.
    #[schema(example = 48_211)]
    pub next_seq: u64,
    /// How many calls of the period it recorded: fewer than the numbers between, where calls of other periods have some.
    #[schema(example = 47_007)]
    pub events: u64,
}

/// Gathers the evidence of a period from the events of the ledger, shown in the ledger's order day by day.
#[derive(Debug, Clone)]
pub(super) struct Gathering {
    span: Period,
    /// Of the events shown from now on, those behind the first position and not behind the second are counted.
    between: (i64, i64),
    all: Sums,
    billable: Sums,
    runs: BTreeMap<(NodeId, u64), Run>,
    days: BTreeMap<Micros, Tree>,
}

impl Gathering {
    /// Begins for a period, with the events up to a position of the ledger.
    pub(super) fn new(span: Period, through: i64) -> Self {
        let (all, billable) = (Sums::default(), Sums::default());
        let between = (i64::MIN, through);
        Self { span, between, all, billable, runs: BTreeMap::new(), days: BTreeMap::new() }
    }

    /// Goes on with what was folded since, whatever is shown with it.
    pub(super) fn go_on(&mut self, through: i64) {
        self.between = (self.between.1, through);
    }

    /// The days of UTC that the events lie in, in their order.
    pub(super) fn days(&self) -> Vec<Day> {
        self.days.iter().map(|(day, events)| day_of_tree(*day, events)).collect()
    }

    /// What was gathered.
    pub(super) fn evidence(&self) -> Evidence {
        let days = self.days();
        Evidence {
            events: days.iter().map(|day| day.events).sum(),
            all: self.all,
            billable: self.billable,
            runs: self.runs.values().cloned().collect(),
            root: root(&days),
        }
    }
}

impl Watch for Gathering {
    fn event(&mut self, placed: &Placed<'_>) {
        let (at, position) = (placed.event.started_at, placed.export_seq.position());
        let is_in = (self.span.from..self.span.to).contains(&at);
        if !is_in || position <= self.between.0 || position > self.between.1 {
            return;
        }
        let sums = placed.sums();
        self.all.plus(&sums);
        if placed.rule.billable {
            self.billable.plus(&sums);
        }
        let (node, epoch, seq) = (placed.id.node, placed.id.epoch, placed.id.seq);
        let first = Run { node, epoch, first_seq: seq, next_seq: seq, events: 0 };
        let run = self.runs.entry((node, epoch)).or_insert(first);
        run.first_seq = run.first_seq.min(seq);
        run.next_seq = run.next_seq.max(seq.saturating_add(1));
        run.events += 1;
        self.days.entry(day_of(at)).or_default().push(leaf(SealedEvent::of(placed).bytes()));
    }

    fn stored(&mut self, _: Stored) {}
}

/// What stands for a day in the tree of days.
pub(super) fn day_of_tree(day: Micros, events: &Tree) -> Day {
    Day { day: day_text(day), events: events.count(), root: hex(events.root()) }
}
