//! The manifest of an export.

use crate::billing::close::{Close, Exception, exceptions_told};
use crate::billing::export::Format;
use crate::kernel::Micros;
use crate::metering::Sums;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the format is called.
pub const FORMAT: &str = "comptoir-usage-manifest/1";
/// The file that has the manifest.
pub const MANIFEST: &str = "manifest.json";
/// The file that has its signature.
pub const SIGNATURE: &str = "manifest.jws";
/// The file that has the signed root of the tree of hashes.
pub const ROOT: &str = "root.jws";

/// What an export holds. What is signed are the bytes of its file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Always `comptoir-usage-manifest/1`.
    pub format: String,
    /// Names the export.
    pub export_id: String,
    /// The columns of its files.
    pub layout: String,
    /// The installation.
    pub retailer_id: Option<String>,
    /// When it was made.
    pub made_at: Micros,
    /// The version of the program.
    pub program: String,
    /// The billing period; null where an export is of a span of time.
    pub period: Option<BilledPeriod>,
    /// The export of the same layout, period and partner or app that this one takes the place of: what it held has changed
    /// since, as it may until the period is closed.
    pub supersedes: Option<String>,
    /// Calls made from here on; null for all.
    pub from: Option<Micros>,
    /// Calls made before; null for all.
    pub to: Option<Micros>,
    /// Those of one partner only.
    pub partner_id: Option<String>,
    /// Those of one app only.
    pub app_id: Option<String>,
    /// Events behind this number.
    pub after: i64,
    /// No event that comes later has a number up to this one: an export after it has the rest.
    pub stable_high_water: i64,
    /// The last position of the ledger.
    pub position: i64,
    /// The files.
    pub files: Vec<File>,
    /// The rows of each day of UTC, in the order of days.
    pub days: Vec<Day>,
    /// The runs of nodes that the events are of.
    pub runs: Vec<Run>,
    /// Numbers without an event in all of the ledger: possible calls that nobody has.
    pub gaps: Vec<Gap>,
    /// Sums of all events.
    pub total: Sums,
    /// Sums of those that are charged.
    pub billable: Sums,
    /// Sums of money by currency; empty where rows are about none.
    pub amounts: BTreeMap<String, String>,
    /// Events of which a crash left unknown whether the caller got the answer; none is charged.
    pub crash_unconfirmed: u64,
    /// The ids of the first 1,000 of them in the order of ids; null in exports of versions before 0.2.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crash_unconfirmed_ids: Option<Vec<String>>,
    /// The root of the tree whose leaves are the days.
    pub merkle_root: String,
}

/// A file of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Its path below the manifest's directory.
    pub name: String,
    /// How it is written.
    pub format: Format,
    /// The day whose rows it has; null where it has those of all.
    pub day: Option<String>,
    /// Its length.
    pub bytes: u64,
    /// How many rows it has.
    pub rows: u64,
    /// The SHA-256 of its bytes.
    pub sha256: String,
    /// The SHA-256 of the hashes of its rows, the same in each format.
    pub rows_digest: String,
    /// The number of its first row, where rows are events.
    pub min_export_seq: Option<i64>,
    /// The number of its last row.
    pub max_export_seq: Option<i64>,
    /// Sums of its rows.
    pub total: Sums,
    /// Sums of those that are charged.
    pub billable: Sums,
    /// Sums of money by currency.
    pub amounts: BTreeMap<String, String>,
}

/// Whether a period may still change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It is open: what is exported later may be something else.
    Provisional,
    /// It is closed: every export of it has the same rows.
    Final,
}

impl State {
    /// The word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Provisional => "provisional",
            Self::Final => "final",
        }
    }
}

/// A billing period that is exported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BilledPeriod {
    /// Its id.
    pub id: String,
    /// Its start, inclusive.
    pub from: Micros,
    /// Its end, exclusive.
    pub to: Micros,
    /// The time zone whose days it is made of.
    pub time_zone: String,
    /// Whether it may still change.
    pub state: State,
    /// Its close; null while it is open.
    pub close: Option<CloseName>,
}

/// Which close a closed period has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloseName {
    /// Its number, from 1.
    pub number: i64,
    /// Its hash, over the close before, itself and its statements.
    pub hash: String,
    /// The exceptions that it was made with; null in exports of versions before 0.2.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exceptions: Option<Vec<Exception>>,
    /// Who asked for it with exceptions; null where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<String>,
    /// Who approved that; null where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<String>,
}

impl From<&Close> for CloseName {
    fn from(close: &Close) -> Self {
        let (asked, approved) = close.people();
        let is_whole = close.exceptions.is_empty();
        Self {
            number: close.number,
            hash: close.hash.clone(),
            exceptions: Some(close.exceptions.clone()),
            requested_by: Some(asked.to_owned()).filter(|_| !is_whole),
            approved_by: approved.map(ToOwned::to_owned).filter(|_| !is_whole),
        }
    }
}

impl BilledPeriod {
    /// Which it is, and how it stands.
    fn told(&self) -> String {
        let closed = match self.exceptions().len() {
            0 => String::new(),
            some => format!(", closed with {}", exceptions_told(some)),
        };
        format!(" of {}, {}{closed}", self.id, self.state.as_str())
    }

    /// What may be missing of it all the same.
    #[must_use]
    pub fn exceptions(&self) -> &[Exception] {
        let close = self.close.as_ref();
        close.and_then(|close| close.exceptions.as_deref()).unwrap_or_default()
    }

    /// The same where what was not told yet is told as nothing.
    fn with_exceptions(mut self) -> Self {
        if let Some(close) = &mut self.close {
            close.exceptions = Some(close.exceptions.take().unwrap_or_default());
        }
        self
    }
}

/// A day of UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Day {
    /// The day.
    pub day: String,
    /// How many rows it has.
    pub events: u64,
    /// The root of the tree whose leaves are the hashes of its rows, in their order.
    pub root: String,
}

/// A run of a node: its numbers from the first to the last that the export has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// The node.
    pub node: String,
    /// The run of that node.
    pub epoch: u64,
    /// The lowest number.
    pub first_seq: u64,
    /// The number behind the highest.
    pub next_seq: u64,
    /// How many of them are in the export.
    pub events: u64,
    /// How the others are accounted for; null where the export is of one partner or app.
    pub others: Option<Others>,
}

/// Numbers that an export leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Others {
    /// Those without an event, as `gaps` names them.
    pub missing: u64,
    /// Those for which no answer was released.
    pub unreleased: u64,
    /// Those of events that were not asked for.
    pub elsewhere: u64,
}

/// Numbers of a run that hold no event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gap {
    /// The node.
    pub node: String,
    /// The run of that node.
    pub epoch: u64,
    /// The first number.
    pub from_seq: u64,
    /// The first behind them that is there.
    pub before_seq: u64,
    /// No missing call was accepted before; null in exports of versions before 0.2.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_from: Option<Micros>,
    /// None was accepted after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_to: Option<Micros>,
}

impl std::fmt::Display for Gap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { node, epoch, from_seq, before_seq, .. } = self;
        write!(
            f,
            "process {epoch} of {node} has no events with the numbers from {from_seq} to below {before_seq}, which may \
             have been calls"
        )
    }
}

impl Gap {
    /// The same where it was not told when its calls were accepted.
    fn untimed(&self) -> Self {
        Self { accepted_from: None, accepted_to: None, ..self.clone() }
    }

    /// Whether an exception of a close is about it.
    fn is_named(&self, by: &Exception) -> bool {
        by.node.to_string() == self.node
            && by.epoch == self.epoch
            && by.from_seq <= self.from_seq
            && by.before_seq.is_none_or(|before| self.before_seq <= before)
    }

    /// How many of its numbers are in `[first, next)`.
    #[must_use]
    pub fn within(&self, first: u64, next: u64) -> u64 {
        self.before_seq.min(next).saturating_sub(self.from_seq.max(first))
    }
}

/// What a proof stands on: the root of an export, signed by itself, so that a proof tells nothing else of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Root {
    /// Always `comptoir-usage-manifest/1`.
    pub format: String,
    /// Names the export.
    pub export_id: String,
    /// The columns of its rows.
    pub layout: String,
    /// The installation.
    pub retailer_id: Option<String>,
    /// When it was made.
    pub made_at: Micros,
    /// How many days it has.
    pub days: u64,
    /// The root of the tree whose leaves are the days.
    pub merkle_root: String,
}

impl Manifest {
    /// What of it proofs stand on.
    #[must_use]
    pub fn root(&self) -> Root {
        Root {
            format: self.format.clone(),
            export_id: self.export_id.clone(),
            layout: self.layout.clone(),
            retailer_id: self.retailer_id.clone(),
            made_at: self.made_at,
            days: self.days.len() as u64,
            merkle_root: self.merkle_root.clone(),
        }
    }

    /// Whether another export is of the same and holds the same: what else was in the ledger when it was made is no difference,
    /// nor that one of a close without exceptions was made before these were told.
    #[must_use]
    pub fn holds_the_same(&self, other: &Self) -> bool {
        let period = |of: &Self| of.period.clone().map(BilledPeriod::with_exceptions);
        let own = Self {
            period: other.period.clone(),
            export_id: other.export_id.clone(),
            made_at: other.made_at,
            program: other.program.clone(),
            supersedes: other.supersedes.clone(),
            position: other.position,
            stable_high_water: other.stable_high_water,
            gaps: other.gaps.clone(),
            ..self.clone()
        };
        let gaps = |of: &Self| of.gaps.iter().map(Gap::untimed).collect::<Vec<_>>();
        own == *other && period(self) == period(other) && gaps(self) == gaps(other)
    }

    /// The gaps in which calls of a closed period may be missing, and that its close does not name; none while it is open.
    pub fn unnamed_gaps(&self) -> impl Iterator<Item = &Gap> {
        let closed = self.period.as_ref().filter(|period| period.state == State::Final);
        let meets =
            move |gap: &Gap, period: &BilledPeriod| match (gap.accepted_from, gap.accepted_to) {
                (Some(from), Some(to)) => from < period.to && to >= period.from,
                // What lies between calls of the period.
                _ => self.runs.iter().any(|run| {
                    (&run.node, run.epoch) == (&gap.node, gap.epoch)
                        && gap.within(run.first_seq, run.next_seq) > 0
                }),
            };
        self.gaps.iter().filter(move |gap| {
            closed.is_some_and(|period| {
                meets(gap, period) && !period.exceptions().iter().any(|by| gap.is_named(by))
            })
        })
    }

    /// What it holds, in a line.
    #[must_use]
    pub fn told(&self) -> String {
        let (id, files) = (&self.export_id, self.files.len());
        let period = self.period.as_ref();
        let period = period.map(BilledPeriod::told).unwrap_or_default();
        if self.layout.starts_with("usage_") {
            let (total, billable) = (self.total.requests, &self.billable);
            return format!(
                "{id}{period}: {total} events in {files} files, {} of them billable with {} thousandths of a unit",
                billable.requests, billable.weight_milli
            );
        }
        let rows: u64 = self.files.iter().map(|file| file.rows).sum();
        let amounts =
            self.amounts.iter().map(|(currency, amount)| format!(", {amount} {currency}"));
        format!("{id}{period}: {rows} rows in {files} files{}", amounts.collect::<String>())
    }
}
