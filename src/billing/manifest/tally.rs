//! What an export adds up to, counted in the same way where it is written and where it is checked.

use super::model::{Day, Others, Run};
use super::numbers::Numbers;
use crate::billing::export::row::decimal;
use crate::billing::merkle::{self, Node, Tree};
use crate::kernel::clock::DAY;
use crate::kernel::id::NodeId;
use crate::kernel::{Micros, hex};
use crate::metering::gaps::Holes;
use crate::metering::journal::EventId;
use crate::metering::walk::Placed;
use crate::metering::{Outcome, Sums};
use std::collections::{BTreeMap, BTreeSet};

/// What of a row is counted.
#[derive(Debug, Clone)]
pub struct Fact {
    /// When what it is about was.
    pub at: Micros,
    /// The event that it is, if it is one.
    pub event: Option<EventFact>,
    /// What it adds to sums of calls.
    pub sums: Sums,
    /// Whether these are charged.
    pub billable: bool,
    /// What it adds to the sum of a currency, in ten-thousandths of its unit.
    pub money: Option<(String, i128)>,
    /// The hash of the row.
    pub leaf: Node,
}

/// What of an event's row is counted beside.
#[derive(Debug, Clone, Copy)]
pub struct EventFact {
    /// Its number in the order of the ledger.
    pub export_seq: i64,
    /// Its id.
    pub id: EventId,
    /// Whether a crash left unknown how it ended.
    pub unconfirmed: bool,
}

impl Fact {
    /// What of an event's row is counted.
    #[must_use]
    pub fn of(placed: &Placed<'_>, leaf: Node) -> Self {
        let event = EventFact {
            export_seq: placed.export_seq.0,
            id: placed.id,
            unconfirmed: placed.event.outcome == Outcome::CrashUnconfirmed,
        };
        Self {
            at: placed.event.started_at,
            event: Some(event),
            sums: placed.sums(),
            billable: placed.rule.billable,
            money: None,
            leaf,
        }
    }

    /// The day of UTC, as files and proofs name it.
    #[must_use]
    pub fn day(&self) -> String {
        day_text(day_of(self.at))
    }
}

/// Most events that are named because their end is not known.
const MOST_UNCONFIRMED: usize = 1_000;

/// Digits behind the point of sums of money: no currency has more.
pub(super) const MONEY_SCALE: u8 = 4;

/// Sums of rows, of an export or of one of its files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// Of all calls.
    pub total: Sums,
    /// Of those that are charged.
    pub billable: Sums,
    /// Of money, by currency.
    amounts: BTreeMap<String, i128>,
}

impl Totals {
    /// Adds a row. Of money, what no sum can hold stays at the edge.
    pub fn add(&mut self, fact: &Fact) {
        self.total.plus(&fact.sums);
        if fact.billable {
            self.billable.plus(&fact.sums);
        }
        if let Some((currency, amount)) = &fact.money {
            let sum = self.amounts.entry(currency.clone()).or_default();
            *sum = sum.saturating_add(*amount);
        }
    }

    /// The sums of money as texts.
    #[must_use]
    pub fn amounts(&self) -> BTreeMap<String, String> {
        let text =
            |(currency, sum): (&String, &i128)| (currency.clone(), decimal(*sum, MONEY_SCALE));
        self.amounts.iter().map(text).collect()
    }
}

/// The first instant of the day of UTC that holds an instant.
pub(in crate::billing) fn day_of(at: Micros) -> Micros {
    Micros(at.0.div_euclid(DAY).saturating_mul(DAY))
}

/// The name of a day.
pub(in crate::billing) fn day_text(day: Micros) -> String {
    let text = day.to_string();
    text.get(..10).unwrap_or(&text).to_owned()
}

#[derive(Debug, Default)]
struct RunTally {
    numbers: Numbers,
    first: u64,
    next: u64,
    events: u64,
}

/// The counts of an export. Its memory grows with days, runs and what lies apart in a run's numbers, not with events.
#[derive(Debug, Default)]
pub struct Tally {
    days: BTreeMap<String, Tree>,
    runs: BTreeMap<(NodeId, u64), RunTally>,
    /// Whether the numbers of each run are remembered.
    remembers: bool,
    /// Sums of all rows.
    pub totals: Totals,
    /// Rows whose end is not known.
    pub unconfirmed: u64,
    /// The first events of these.
    unconfirmed_ids: BTreeSet<String>,
}

impl Tally {
    /// One that remembers which events it has seen, for what has most of each run.
    #[must_use]
    pub fn remembering() -> Self {
        Self { remembers: true, ..Self::default() }
    }

    /// Counts a row. False if its event was counted before, as far as events are remembered.
    pub fn add(&mut self, fact: &Fact) -> bool {
        if let Some(event) = &fact.event {
            if !self.add_event(event.id) {
                return false;
            }
            if event.unconfirmed {
                self.unconfirmed += 1;
                self.unconfirmed_ids.insert(event.id.to_string());
                if self.unconfirmed_ids.len() > MOST_UNCONFIRMED {
                    self.unconfirmed_ids.pop_last();
                }
            }
        }
        self.days.entry(fact.day()).or_default().push(fact.leaf);
        self.totals.add(fact);
        true
    }

    fn add_event(&mut self, EventId { node, epoch, seq }: EventId) -> bool {
        let run = self.runs.entry((node, epoch)).or_default();
        if self.remembers && !run.numbers.insert(seq) {
            return false;
        }
        let next = seq.saturating_add(1);
        run.first = if run.events == 0 { seq } else { run.first.min(seq) };
        run.next = run.next.max(next);
        run.events += 1;
        true
    }

    /// The ids of the first rows whose end is not known.
    #[must_use]
    pub fn unconfirmed_ids(&self) -> Vec<String> {
        self.unconfirmed_ids.iter().cloned().collect()
    }

    /// The days.
    #[must_use]
    pub fn days(&self) -> Vec<Day> {
        let day = |(day, tree): (&String, &Tree)| Day {
            day: day.clone(),
            events: tree.count(),
            root: hex(tree.root()),
        };
        self.days.iter().map(day).collect()
    }

    /// The runs, with what becomes of the numbers between theirs where that is known.
    #[must_use]
    pub fn runs(&self, holes: Option<&Holes>) -> Vec<Run> {
        let run = |(&(node, epoch), run): (&(NodeId, u64), &RunTally)| Run {
            node: node.to_string(),
            epoch,
            first_seq: run.first,
            next_seq: run.next,
            events: run.events,
            others: holes.map(|holes| run.others(&node.to_string(), epoch, holes)),
        };
        self.runs.iter().map(run).collect()
    }

    /// Whether an event was counted whose number lies in a gap.
    pub(super) fn has_of(&self, gap: &super::Gap) -> bool {
        let node = gap.node.parse().ok();
        let run = node.and_then(|node| self.runs.get(&(node, gap.epoch)));
        run.is_some_and(|run| run.numbers.meets(gap.from_seq, gap.before_seq))
    }
}

impl RunTally {
    fn others(&self, node: &str, epoch: u64, holes: &Holes) -> Others {
        let is_here = |of: &str, run: i64| of == node && run.cast_unsigned() == epoch;
        let missing = holes.gaps.iter().filter(|gap| is_here(&gap.node, gap.epoch));
        let missing = missing.map(|gap| super::Gap::from(gap).within(self.first, self.next)).sum();
        // A number whose event has moved to a later segment is the event's.
        let unreleased = holes.unreleased.iter().filter(|(of, run, seq)| {
            is_here(of, *run)
                && (self.first..self.next).contains(seq)
                && !self.numbers.contains(*seq)
        });
        let unreleased = unreleased.count() as u64;
        let all = self.next - self.first;
        let elsewhere = all.saturating_sub(self.events + missing + unreleased);
        Others { missing, unreleased, elsewhere }
    }
}

impl From<&crate::metering::gaps::Gap> for super::Gap {
    fn from(gap: &crate::metering::gaps::Gap) -> Self {
        Self {
            node: gap.node.clone(),
            epoch: gap.epoch.cast_unsigned(),
            from_seq: gap.from_seq,
            before_seq: gap.before_seq,
            accepted_from: Some(gap.from_at),
            accepted_to: Some(gap.to_at),
        }
    }
}

/// The leaf that stands for a day: its name, how many events it has, and their root.
#[must_use]
pub(in crate::billing) fn day_leaf(day: &Day) -> Node {
    merkle::leaf(format!("{},{},{}", day.day, day.events, day.root).as_bytes())
}

/// The root of the tree of days.
#[must_use]
pub(in crate::billing) fn root(days: &[Day]) -> String {
    let mut tree = Tree::default();
    days.iter().for_each(|day| tree.push(day_leaf(day)));
    hex(tree.root())
}
