//! The nodes of this installation, as each says of itself.

use super::caller::AdminCaller;
use super::page::{self, PageOut, PageQuery};
use super::problems::Problems;
use super::state::State;
use crate::cluster::nodes::Node;
use crate::cluster::store;
use crate::http::{Answer, ApiResult, Params};
use crate::kernel::Micros;
use crate::kernel::id::NodeId;
use crate::storage::{Log, log};
use actix_web::{HttpRequest, get};
use serde::Serialize;
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the operations on nodes.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list_nodes);
}

/// A running process, or one that was killed.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct NodeOut {
    /// Id of the node: that of its data directory.
    #[schema(value_type = String, example = "nod_4fT0mQ2rXc9")]
    id: NodeId,
    /// Whether it has said in the last 10 seconds that it runs.
    #[schema(example = true)]
    alive: bool,
    /// Version of the program.
    #[schema(example = "0.2.0")]
    version: String,
    /// Where it answers partners, as it is bound.
    #[schema(example = "10.0.0.7:8080")]
    address: String,
    /// When it started.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    started_at: Micros,
    /// When it last said that it runs.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:42:00Z")]
    seen_at: Micros,
    /// The position in the control log that it had applied then.
    #[schema(example = 4711)]
    control_position: i64,
    /// Entries of the control log that it had yet to apply, against the log's head now.
    #[schema(example = 0)]
    control_behind: i64,
    /// Milliseconds that the last change of access took from being written to being in force there; null
    /// where there was none since its start.
    #[schema(required = true, example = 6.2)]
    propagation_ms: Option<f64>,
    /// The most that one took since its start.
    #[schema(required = true, example = 31.9)]
    propagation_worst_ms: Option<f64>,
    /// Segments of its journal that wait to be folded into the ledger.
    #[schema(example = 0)]
    journal_segments: i64,
    /// Events in its journal that are not in the ledger yet. Those of a node that was killed are folded
    /// when it is started again with its data directory.
    #[schema(example = 12)]
    journal_events: i64,
    /// Milliseconds by which its clock is ahead of the database's; below zero where it is behind.
    #[schema(example = 0.4)]
    clock_skew_ms: f64,
    /// Whether it reaches Redis (of a Redis Cluster each server that leads slots): `up`, `away`, or `off` where it
    /// is set up without.
    #[schema(example = "up")]
    redis: String,
}

/// Microseconds as milliseconds.
fn millis(micros: i64) -> f64 {
    micros as f64 / 1_000.0
}

impl NodeOut {
    fn new(node: Node, head: i64, now: Micros) -> Self {
        Self {
            alive: node.is_alive(now),
            id: node.id,
            version: node.version,
            address: node.address,
            started_at: node.started_at,
            seen_at: node.seen_at,
            control_position: node.state.control_position,
            control_behind: (head - node.state.control_position).max(0),
            propagation_ms: node.state.propagation_us.map(millis),
            propagation_worst_ms: node.state.propagation_worst_us.map(millis),
            journal_segments: node.state.journal_segments,
            journal_events: node.state.journal_events,
            clock_skew_ms: millis(node.state.clock_skew_us),
            redis: node.state.redis,
        }
    }
}

/// A page of nodes
///
/// In the order of their ids. Each says every two seconds how it is. One that was stopped is not in the list;
/// one that was killed stays for seven days, or until it is started again.
#[utoipa::path(
    tag = "nodes", operation_id = "list_nodes", params(PageQuery),
    responses((status = 200, description = "The page", body = PageOut<NodeOut>), Problems),
    security(("admin_token" = []))
)]
#[get("/nodes")]
async fn list_nodes(_caller: AdminCaller, request: HttpRequest, state: State) -> ApiResult<Answer> {
    let page = page::read(&request, Params::new(request.query_string()))?;
    let walk = page::walk(&page, NodeId)?;
    let now = state.db.now(&state.clock).await?;
    let head = log::head(&state.db, Log::Control).await?;
    let nodes = store::list(&state.db, &walk.after, walk.limit).await?;
    page::answer(&page, nodes, |node| node.id.0, |node| NodeOut::new(node, head, now))
}
