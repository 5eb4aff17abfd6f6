//! `comptoir node`: the running processes of this installation.

use super::desk::{Desk, show_all};
use super::table::row;
use crate::access::service::Walk;
use crate::cluster::nodes::Node;
use crate::cluster::store::list;
use crate::config::Config;
use crate::kernel::Micros;
use crate::storage::{Log, log};
use clap::Subcommand;

/// Nodes.
#[derive(Debug, Subcommand)]
pub(super) enum NodeCommand {
    /// List the nodes that run, and those that were killed in the last seven days.
    List,
}

/// The columns of nodes.
const NODE: &str = "ID STANDING VERSION ADDRESS SEEN BEHIND EVENTS-TO-FOLD REDIS";

fn cells(node: &Node, head: i64, now: Micros) -> Vec<String> {
    let Node { id, version, address, seen_at, state, .. } = node;
    let standing = if node.is_alive(now) { "alive" } else { "silent" };
    let behind = (head - state.control_position).max(0);
    let (waits, redis) = (state.journal_events, &state.redis);
    row![id, standing, version, address, seen_at, behind, waits, redis]
}

pub(super) async fn run(config: &Config, command: NodeCommand) -> anyhow::Result<()> {
    let NodeCommand::List = command;
    let desk = Desk::open(config).await?;
    let db = &desk.db;
    let (now, head) = (db.now(&desk.clock).await?, log::head(db, Log::Control).await?);
    let page = async |walk: Walk| Ok(list(db, &walk.after, walk.limit).await?);
    show_all(NODE, page, |node| node.id.to_string(), |node| cells(node, head, now)).await
}
