//! What may be missing from a stretch of time: the question before it is billed.

use super::{End, Run, store};
use crate::kernel::Micros;
use crate::kernel::id::NodeId;
use crate::kernel::word::{read_words, words};
use crate::metering::gaps::{Gap, gaps_within};
use crate::metering::period::Period;
use crate::storage::{StoreError, Tx};

words! {
    /// Why events may be missing.
    pub enum Lack {
        /// The run goes on and has yet to say that the span is complete: it does so 15 minutes after its end, or when
        /// the answers have ended that began in it.
        Running = "running",
        /// The run has neither ended nor said anything for a minute: what it has recorded may be on its disk alone.
        Silent = "silent",
        /// The run was given up with all that the ledger does not have of it.
        Lost = "lost",
        /// Numbers of events were given out and hold none.
        Gap = "gap",
        /// The power went away before the last moments of the run had reached its disk, or may have. Nothing shows that
        /// something was lost, so it is to be told and hinders nothing.
        TailUnsure = "tail_unsure",
    }
}

read_words!(Lack);

/// Events of a run that may be missing from a span. What is known of one that does not go on stays the same however often
/// it is asked, so that two answers can be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incomplete {
    /// Why.
    pub lack: Lack,
    /// The node.
    pub node: NodeId,
    /// The run of that node.
    pub epoch: u64,
    /// The first number that may be missing. Of a run that did not end well, lower ones may be missing too: of answers that
    /// outlasted the segment that has their number.
    pub from_seq: u64,
    /// Of a gap, the first number behind it.
    pub before_seq: Option<u64>,
    /// No call is missing that was accepted before.
    pub from_at: Micros,
    /// None is missing that was accepted after; none where that is not known.
    pub to_at: Option<Micros>,
    /// Up to when the journal of the run was in the ledger, as it last said; none of a gap.
    pub told_at: Option<Micros>,
}

impl Incomplete {
    /// Whether the span cannot be called complete; else this is to be told only.
    #[must_use]
    pub fn hinders(&self) -> bool {
        self.lack != Lack::TailUnsure
    }

    fn of_run(run: &Run, now: Micros) -> Option<Self> {
        let (lack, from_at, to_at) = match run.ended {
            None if run.is_silent(now) => (Lack::Silent, run.through, None),
            None => (Lack::Running, run.through, None),
            Some((at, End::Lost)) => (Lack::Lost, run.through, Some(at)),
            Some((at, End::TailUnsure)) => (Lack::TailUnsure, run.tail_from(), Some(at)),
            Some((_, End::Drained | End::Recovered | End::Before)) => return None,
        };
        Some(Self {
            lack,
            node: run.node,
            epoch: run.epoch,
            from_seq: run.next_seq,
            before_seq: None,
            from_at,
            to_at,
            told_at: Some(run.told_at),
        })
    }

    fn of_gap(gap: &Gap) -> Result<Self, StoreError> {
        Ok(Self {
            lack: Lack::Gap,
            node: gap.node.parse().map_err(|e| StoreError::corrupt("usage_segments", e))?,
            epoch: gap.epoch.unsigned_abs(),
            from_seq: gap.from_seq,
            before_seq: Some(gap.before_seq),
            from_at: gap.from_at,
            to_at: Some(gap.to_at),
            told_at: None,
        })
    }
}

/// All that may be missing of the calls that were accepted in `span`: runs first, then gaps, each in the order of node,
/// run and number. Empty: the ledger has every event of the span, as far as clocks of nodes can be trusted. To be
/// asked in a transaction that sees one state, such as [`crate::storage::Db::snapshot`]; `now` is the time by the
/// clock that all nodes share.
pub async fn incomplete(
    tx: &mut Tx,
    span: Period,
    now: Micros,
) -> Result<Vec<Incomplete>, StoreError> {
    let runs = store::unsure(tx, (span.from, span.to)).await?;
    let mut found: Vec<Incomplete> =
        runs.iter().filter_map(|run| Incomplete::of_run(run, now)).collect();
    for gap in &gaps_within(tx, span).await? {
        found.push(Incomplete::of_gap(gap)?);
    }
    Ok(found)
}
