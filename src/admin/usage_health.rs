//! How complete the ledger of usage is.

use super::caller::AdminCaller;
use super::problems::Problems;
use super::state::State;
use crate::billing::nightly::{self, Recounting};
use crate::http::answer::Cache;
use crate::http::{Answer, ApiResult};
use crate::kernel::Micros;
use crate::kernel::id::NodeId;
use crate::kernel::word::Word as _;
use crate::metering::gaps::{Gap, gaps_of_lacking};
use crate::metering::runs::{self, Run};
use crate::storage::StoreError;
use actix_web::get;
use serde::Serialize;
use std::collections::HashMap;
use utoipa_actix_web::service_config::ServiceConfig;

/// Most runs in an answer.
const MOST_RUNS: u32 = 200;
/// Most gaps that are named of a run.
const MOST_GAPS: usize = 100;

/// Mounts the operations on usage.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(get_usage_health);
}

/// How far the ledger is, and what it lacks.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct UsageHealthOut {
    /// When this was asked.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    as_of: Micros,
    /// Milliseconds by which the journal of the run that is furthest behind is ahead of the ledger, as far as runs say
    /// so: each does every five seconds. Silent ones do not, and are not meant. Null where no other goes on.
    #[schema(required = true, example = 2140)]
    lag_ms: Option<i64>,
    /// Runs that have neither ended nor said anything for a minute: what they have recorded may be on their disks alone.
    #[schema(example = 0)]
    silent_runs: i64,
    /// Numbers of events that were given out and of which the ledger has nothing, in all runs.
    #[schema(example = 0)]
    missing_events: i64,
    /// What came of the last time that the sums by hour were counted again (`metering.recount_at`), by whichever node; null
    /// where they never were.
    #[schema(required = true)]
    recount: Option<RecountOut>,
    /// The runs that go on, first those that have said nothing for longest; then, newest first, those of which events are
    /// missing, that were lost, or whose last moments are not sure. At most 200.
    #[schema(max_items = 200)]
    runs: Vec<RunOut>,
}

/// A run of a node: one life of its process.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct RunOut {
    /// The node.
    #[schema(value_type = String, example = "nod_4fT0mQ2rXc9")]
    node_id: NodeId,
    /// The number of the run on that node; the middle part of the ids of its events.
    #[schema(example = 17)]
    epoch: u64,
    /// Version of the program; empty where an earlier one has not kept it.
    #[schema(example = "0.2.0")]
    version: String,
    /// `running`; `silent`: it has neither ended nor said anything for a minute; `drained`: stopped, with everything
    /// in the ledger; `recovered`: killed, and everything it had recorded was folded afterwards; `tail_unsure`:
    /// the same after a restart of the machine, unless `metering.durability` was `power`, so that a power cut may have
    /// taken what was recorded in the last `metering.sync_interval_ms`; `lost`: killed, and given up with what the
    /// ledger does not have of it; `before`: of a version that kept no runs.
    #[schema(example = "running")]
    standing: &'static str,
    /// When it began.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    started_at: Micros,
    /// Up to when everything that it recorded was in the ledger when it last said so.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    folded_through: Micros,
    /// Every event whose call was accepted before is in the ledger, however long calls took to answer.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:26:07Z")]
    complete_through: Micros,
    /// When it ended; of a lost one, when it was surely gone.
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    ended_at: Option<Micros>,
    /// The number behind the highest that the ledger has. Of a silent or lost run events from this number on may be
    /// missing, and earlier ones whose answers were under way for longer than `metering.completion_timeout_s`.
    #[schema(example = 4711)]
    next_seq: u64,
    /// Numbers below `next_seq` that were given out and of which the ledger has nothing.
    #[schema(example = 0)]
    missing_events: u64,
    /// Which numbers, the first 100 gaps.
    #[schema(max_items = 100)]
    gaps: Vec<GapOut>,
}

/// Numbers that hold no event.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct GapOut {
    /// The first.
    #[schema(example = 4711)]
    from_seq: u64,
    /// The first behind them that is there, or where their segment ends.
    #[schema(example = 4712)]
    before_seq: u64,
}

/// Sums by hour, counted again from the events and compared. Nothing is changed by it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct RecountOut {
    /// When it was to begin.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T03:10:00Z")]
    due_at: Micros,
    /// The node that did it.
    #[schema(value_type = String, example = "nod_4fT0mQ2rXc9")]
    node_id: NodeId,
    /// When it began.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T03:10:00Z")]
    started_at: Micros,
    /// When it had ended.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T03:10:41Z")]
    ended_at: Micros,
    /// The first hour that was counted: of the first period that is open, or 31 days before.
    #[schema(value_type = String, format = DateTime, example = "2026-10-22T03:00:00Z")]
    from: Micros,
    /// The end of the last.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T04:00:00Z")]
    to: Micros,
    /// Segments of the ledger that were looked into.
    #[schema(example = 412)]
    segments: i64,
    /// Events of these hours.
    #[schema(example = 1_204_117)]
    events: i64,
    /// Rows of sums by hour that were compared.
    #[schema(example = 9_310)]
    hours: i64,
    /// Rows and segments that are not as the events have them. A period with some cannot be closed, and `comptoir usage
    /// reconcile` shows what they come to.
    #[schema(example = 0)]
    differences: i64,
    /// The first 100 of them, each in a sentence that names the hour.
    #[schema(max_items = 100, example = json!([]))]
    first: Vec<String>,
}

impl From<Recounting> for RecountOut {
    fn from(done: Recounting) -> Self {
        let Recounting { due_at, node, begun_at, ended_at, from, to, .. } = done;
        let Recounting { segments, events, hours, differences, first, .. } = done;
        Self {
            due_at,
            node_id: node,
            started_at: begun_at,
            ended_at,
            from,
            to,
            segments,
            events,
            hours,
            differences,
            first,
        }
    }
}

impl RunOut {
    pub(super) fn new(run: Run, gaps: Vec<Gap>, now: Micros) -> Self {
        let standing = match run.ended {
            Some((_, end)) => end.as_str(),
            None if run.is_silent(now) => "silent",
            None => "running",
        };
        let gaps = gaps.into_iter().take(MOST_GAPS);
        Self {
            node_id: run.node,
            epoch: run.epoch,
            version: run.version,
            standing,
            started_at: run.started_at,
            folded_through: run.told_at,
            complete_through: run.through,
            ended_at: run.ended.map(|(at, _)| at),
            next_seq: run.next_seq,
            missing_events: run.missing,
            gaps: gaps
                .map(|gap| GapOut { from_seq: gap.from_seq, before_seq: gap.before_seq })
                .collect(),
        }
    }
}

/// The gaps of all runs that have some.
async fn gaps_by_run(
    state: &State,
    runs: &[Run],
) -> Result<HashMap<(NodeId, u64), Vec<Gap>>, StoreError> {
    let mut by_run: HashMap<_, Vec<Gap>> = HashMap::new();
    if runs.iter().all(|run| run.missing == 0) {
        return Ok(by_run);
    }
    for gap in gaps_of_lacking(&state.db).await? {
        let node = gap.node.parse().map_err(|e| StoreError::corrupt("usage_segments", e))?;
        by_run.entry((node, gap.epoch.unsigned_abs())).or_default().push(gap);
    }
    Ok(by_run)
}

/// How complete usage is
///
/// What stands between the calls that were answered and a ledger that can be billed: how far the ledger is behind, which
/// processes may have recorded what it has not seen, which numbers of events are missing, and whether the sums by hour were
/// those of the events when they were last counted again. A run that is silent is
/// cured by starting its node again, or by `comptoir usage recover` with its data directory; where that is gone, it can
/// be ended as lost.
#[utoipa::path(
    tag = "usage", operation_id = "get_usage_health",
    responses((status = 200, description = "How it stands", body = UsageHealthOut), Problems),
    security(("admin_token" = []))
)]
#[get("/usage/health")]
async fn get_usage_health(_caller: AdminCaller, state: State) -> ApiResult<Answer> {
    let now = state.db.now(&state.clock).await?;
    let standing = runs::standing(&state.db, now).await?;
    let runs = runs::noteworthy(&state.db, MOST_RUNS).await?;
    let mut gaps = gaps_by_run(&state, &runs).await?;
    let of_run = |run: Run| {
        let gaps = gaps.remove(&(run.node, run.epoch)).unwrap_or_default();
        RunOut::new(run, gaps, now)
    };
    let runs = runs.into_iter().map(of_run).collect();
    let recount = nightly::last(&state.db).await?.map(RecountOut::from);
    let lag_ms = standing.folded_through.map(|at| (now.0.saturating_sub(at.0) / 1_000).max(0));
    let health = UsageHealthOut {
        as_of: now,
        lag_ms,
        silent_runs: standing.silent,
        missing_events: standing.missing,
        recount,
        runs,
    };
    Answer::json(&health, Cache::NoStore, 1)
}
