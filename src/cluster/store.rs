//! All SQL of the nodes.

use super::nodes::{Node, State};
use crate::kernel::Micros;
use crate::kernel::id::NodeId;
use crate::storage::{Db, StoreError};
use crate::{on_db, on_tx};
use sqlx::FromRow;

#[derive(FromRow)]
struct NodeRow {
    node: String,
    version: String,
    address: String,
    started_at: i64,
    seen_at: i64,
    control_position: i64,
    propagation_us: Option<i64>,
    propagation_worst_us: Option<i64>,
    journal_segments: i64,
    journal_events: i64,
    clock_skew_us: i64,
    redis: String,
}

impl TryFrom<NodeRow> for Node {
    type Error = StoreError;

    fn try_from(row: NodeRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.node.parse().map_err(|error| StoreError::corrupt("nodes", error))?,
            version: row.version,
            address: row.address,
            started_at: Micros(row.started_at),
            seen_at: Micros(row.seen_at),
            state: State {
                control_position: row.control_position,
                propagation_us: row.propagation_us,
                propagation_worst_us: row.propagation_worst_us,
                journal_segments: row.journal_segments,
                journal_events: row.journal_events,
                clock_skew_us: row.clock_skew_us,
                redis: row.redis,
            },
        })
    }
}

/// Writes what a node says of itself and forgets nodes that were last seen long ago; how many were
/// seen since `alive_since`.
pub async fn beat(
    db: &Db,
    node: &Node,
    alive_since: Micros,
    forget_before: Micros,
) -> Result<i64, StoreError> {
    const PUT: &str = "INSERT INTO nodes (node, version, address, started_at, seen_at, \
         control_position, propagation_us, propagation_worst_us, journal_segments, \
         journal_events, clock_skew_us, redis) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
         ON CONFLICT (node) DO UPDATE SET version = excluded.version, \
         address = excluded.address, started_at = excluded.started_at, \
         seen_at = excluded.seen_at, control_position = excluded.control_position, \
         propagation_us = excluded.propagation_us, \
         propagation_worst_us = excluded.propagation_worst_us, \
         journal_segments = excluded.journal_segments, \
         journal_events = excluded.journal_events, \
         clock_skew_us = excluded.clock_skew_us, redis = excluded.redis";
    const FORGET: &str = "DELETE FROM nodes WHERE seen_at < $1";
    const ALIVE: &str = "SELECT COUNT(*) FROM nodes WHERE seen_at >= $1";
    let state = &node.state;
    let mut tx = db.begin().await?;
    let alive = on_tx!(&mut tx, c => {
        let put = sqlx::query(PUT).bind(node.id.to_string()).bind(&node.version);
        let put = put.bind(&node.address).bind(node.started_at.0).bind(node.seen_at.0);
        let put = put.bind(state.control_position).bind(state.propagation_us);
        let put = put.bind(state.propagation_worst_us).bind(state.journal_segments);
        put.bind(state.journal_events).bind(state.clock_skew_us).bind(&state.redis).execute(&mut *c).await?;
        sqlx::query(FORGET).bind(forget_before.0).execute(&mut *c).await?;
        sqlx::query_scalar(ALIVE).bind(alive_since.0).fetch_one(c).await?
    });
    tx.commit().await?;
    Ok(alive)
}

/// Notes up to which place of the ledger of consents a node knows all; false where the node has not said yet that it runs.
pub async fn follows_consents(db: &Db, node: NodeId, position: i64) -> Result<bool, StoreError> {
    const NOTE: &str = "UPDATE nodes SET consent_position = $2 WHERE node = $1";
    let mut tx = db.begin().await?;
    let noted = on_tx!(&mut tx, c => {
        sqlx::query(NOTE).bind(node.to_string()).bind(position).execute(c).await?.rows_affected()
    });
    tx.commit().await?;
    Ok(noted == 1)
}

/// How many nodes know of a place of the ledger of consents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Followers {
    /// Those that do.
    pub behind_none: u32,
    /// Those that run.
    pub alive: u32,
}

/// How many of the nodes that were seen since an instant know all up to a place of the ledger of consents.
pub async fn consent_followers(
    db: &Db,
    position: i64,
    alive_since: Micros,
) -> Result<Followers, StoreError> {
    const COUNT: &str =
        "SELECT COUNT(*), COUNT(CASE WHEN consent_position >= $1 THEN 1 END) FROM nodes
        WHERE seen_at >= $2";
    let (alive, knowing): (i64, i64) = on_db!(db, c => {
        sqlx::query_as(COUNT).bind(position).bind(alive_since.0).fetch_one(c).await
    })?;
    let count = |n: i64| u32::try_from(n).unwrap_or(u32::MAX);
    Ok(Followers { behind_none: count(knowing), alive: count(alive) })
}

/// Forgets a node.
pub async fn remove(db: &Db, id: NodeId) -> Result<(), StoreError> {
    const REMOVE: &str = "DELETE FROM nodes WHERE node = $1";
    let mut tx = db.begin().await?;
    on_tx!(&mut tx, c => {
        sqlx::query(REMOVE).bind(id.to_string()).execute(c).await?;
    });
    tx.commit().await
}

/// Nodes in the order of their ids: at most `limit` behind `after`.
pub async fn list(db: &Db, after: &str, limit: u32) -> Result<Vec<Node>, StoreError> {
    const LIST: &str = "SELECT * FROM nodes WHERE node > $1 ORDER BY node LIMIT $2";
    let rows: Vec<NodeRow> = on_db!(db, c => {
        sqlx::query_as(LIST).bind(after).bind(i64::from(limit)).fetch_all(c).await
    })?;
    rows.into_iter().map(Node::try_from).collect()
}
