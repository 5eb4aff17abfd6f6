//! What was used once, where this node can see it.
//!
//! Assertions are noted in the database always, where the token endpoint of keys notes them, too. Proofs of keys come
//! with each call, so they are noted where that is cheapest and all nodes look: in Redis where there is one, in the memory
//! of a node that is alone, and in the database otherwise. What cannot be noted does not count: a store that is away or
//! full lets nobody pass.

use super::answered::ProtocolFailed;
use crate::access::oauth::error::OAuthCode;
use crate::authz::bits;
use crate::authz::once::{ReplayKind, ReplayMark, Unspent};
use crate::authz::store::used;
use crate::cluster::{Redis, Slot};
use crate::kernel::Micros;
use crate::kernel::clock::SECOND;
use crate::storage::Db;
use crate::telemetry::{Metrics, Tally};
use hashbrown::HashMap;
use parking_lot::Mutex;
use redis::Script;
use std::sync::Arc;

/// Most proofs that are remembered in memory: with the longest that one lives, some 1,400 calls a second.
const PROOFS_MOST: usize = 100_000;
/// Notes a name for so many seconds; 1 where it was not there.
const NOTE: &str =
    "if redis.call('SET', KEYS[1], '1', 'NX', 'EX', ARGV[1]) then return 1 else return 0 end";

/// Where uses are noted.
#[derive(Debug)]
pub struct Replays {
    db: Db,
    metrics: Arc<Metrics>,
    proofs: Proofs,
}

#[derive(Debug)]
enum Proofs {
    Memory(Mutex<HashMap<[u8; 32], Micros>>),
    Redis(Arc<Redis>, Script),
    Database,
}

impl Replays {
    /// The one of a node with this database and, where there is one, this Redis.
    #[must_use]
    pub fn new(db: Db, redis: Option<Arc<Redis>>, metrics: Arc<Metrics>) -> Self {
        let proofs = match (redis, &db) {
            (Some(redis), _) => Proofs::Redis(redis, Script::new(NOTE)),
            // One process at a time works on a file.
            (None, Db::Sqlite { .. }) => Proofs::Memory(Mutex::default()),
            (None, Db::Postgres(_)) => Proofs::Database,
        };
        Self { db, metrics, proofs }
    }

    /// Whether all nodes see what is noted, and the next start does.
    #[must_use]
    pub fn are_shared(&self) -> bool {
        !matches!(self.proofs, Proofs::Memory(_))
    }

    /// What was proved, once its use is noted; an error where it was used before, or cannot be noted.
    pub async fn spend<T>(&self, proved: Unspent<T>, now: Micros) -> Result<T, ProtocolFailed> {
        let Some(mark) = proved.mark() else { return Ok(proved.noted(true)?) };
        let is_new = self.note(mark, now).await?;
        if !is_new && mark.kind == ReplayKind::Dpop {
            self.metrics.add(Tally::ProofsReplayed, 1);
        }
        Ok(proved.noted(is_new)?)
    }

    async fn note(&self, mark: ReplayMark, now: Micros) -> Result<bool, ProtocolFailed> {
        match (&self.proofs, mark.kind) {
            (Proofs::Memory(known), ReplayKind::Dpop) => remember(&mut known.lock(), mark, now),
            (Proofs::Redis(redis, script), ReplayKind::Dpop) => {
                in_redis(redis, script, mark, now).await
            }
            (Proofs::Database, ReplayKind::Dpop) | (_, ReplayKind::Assertion) => {
                Ok(used::note(&self.db, mark, now).await?)
            }
        }
    }
}

/// Notes a use in memory. None that may come again is forgotten to make room: then no more are taken for a moment.
fn remember(
    known: &mut HashMap<[u8; 32], Micros>,
    mark: ReplayMark,
    now: Micros,
) -> Result<bool, ProtocolFailed> {
    if known.len() >= PROOFS_MOST {
        known.retain(|_, end| *end >= now);
    }
    if known.get(&mark.hash).is_some_and(|end| *end >= now) {
        return Ok(false);
    }
    if known.len() >= PROOFS_MOST {
        tracing::warn!("more proofs of keys are used than are remembered: some calls are refused");
        return Err(OAuthCode::TemporarilyUnavailable.into());
    }
    known.insert(mark.hash, mark.expires_at);
    Ok(true)
}

async fn in_redis(
    redis: &Redis,
    script: &Script,
    mark: ReplayMark,
    now: Micros,
) -> Result<bool, ProtocolFailed> {
    let name = redis.name(&format!(":rp:{}:{}", mark.kind, bits::encode(mark.hash)));
    // Rounded up, and no less than one: it is there for as long as the proof can come again.
    let left = mark.expires_at.0.saturating_sub(now.0).div_euclid(SECOND).saturating_add(1).max(1);
    let mut note = script.prepare_invoke();
    note.key(&name).arg(left);
    let noted: Result<i64, _> = redis.run(Slot::of(&name), &note).await;
    match noted {
        Ok(noted) => Ok(noted == 1),
        Err(error) => {
            tracing::warn!(%error, "the use of a proof could not be noted");
            Err(OAuthCode::TemporarilyUnavailable.into())
        }
    }
}
