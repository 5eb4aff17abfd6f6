//! Keys and what was answered, in the database: its unique key decides who comes first.

use crate::kernel::Micros;
use crate::storage::{Db, StoreError, Tx};
use crate::{on_db, on_tx};
use std::collections::BTreeMap;

/// Tries of a claim: a key can be freed between the look and the claim.
const TRIES: usize = 3;

/// A claim of a key.
#[derive(Debug)]
pub(super) struct Row<'a> {
    pub(super) key_hash: &'a str,
    pub(super) request_hash: &'a str,
    pub(super) now: Micros,
    /// Work that was begun before then and has not ended is taken over.
    pub(super) lapsed: Micros,
    pub(super) expires_at: Micros,
}

/// What a claim came to.
#[derive(Debug)]
pub(super) enum Claimed {
    /// The work is ours; when the key was first used, and whether another has begun it.
    Ours { first_at: Micros, is_resumed: bool },
    /// Another does it now.
    UnderWay,
    /// The key came with another call.
    OfAnother,
    /// It is done.
    Done { answer: Vec<u8>, event: Option<String> },
}

/// Claims a key.
pub(super) async fn claim(db: &Db, row: &Row<'_>) -> Result<Claimed, StoreError> {
    const CLAIM: &str = "INSERT INTO idempotency_keys
            (key_hash, request_hash, first_at, claimed_at, tries, expires_at)
        VALUES ($1, $2, $3, $3, 1, $4)
        ON CONFLICT (key_hash) DO UPDATE SET
            request_hash = excluded.request_hash,
            first_at = CASE WHEN idempotency_keys.expires_at <= excluded.claimed_at
                THEN excluded.first_at ELSE idempotency_keys.first_at END,
            tries = CASE WHEN idempotency_keys.expires_at <= excluded.claimed_at
                THEN 1 ELSE idempotency_keys.tries + 1 END,
            claimed_at = excluded.claimed_at, expires_at = excluded.expires_at,
            answer = NULL, event_id = NULL
        WHERE idempotency_keys.expires_at <= excluded.claimed_at
            OR (idempotency_keys.answer IS NULL AND idempotency_keys.claimed_at <= $5
                AND idempotency_keys.request_hash = excluded.request_hash)
        RETURNING first_at, tries";
    const FIND: &str =
        "SELECT request_hash, answer, event_id FROM idempotency_keys WHERE key_hash = $1";
    type Found = (String, Option<Vec<u8>>, Option<String>);
    for _ in 0..TRIES {
        let mut tx = db.begin().await?;
        let ours: Option<(i64, i64)> = on_tx!(&mut tx, c => {
            let claim = sqlx::query_as(CLAIM).bind(row.key_hash).bind(row.request_hash);
            let claim = claim.bind(row.now.0).bind(row.expires_at.0).bind(row.lapsed.0);
            claim.fetch_optional(c).await
        })?;
        tx.commit().await?;
        if let Some((first_at, tries)) = ours {
            // By itself: what others forget at the same time is no reason to fail.
            if let Err(error) = forget(db, row.now).await {
                tracing::warn!(%error, "idempotency keys that have ended could not be forgotten");
            }
            return Ok(Claimed::Ours { first_at: Micros(first_at), is_resumed: tries > 1 });
        }
        let found: Option<Found> =
            on_db!(db, c => sqlx::query_as(FIND).bind(row.key_hash).fetch_optional(c).await)?;
        return Ok(match found {
            None => continue,
            Some((asked, _, _)) if asked != row.request_hash => Claimed::OfAnother,
            Some((_, None, _)) => Claimed::UnderWay,
            Some((_, Some(answer), event)) => Claimed::Done { answer, event },
        });
    }
    Ok(Claimed::UnderWay)
}

async fn forget(db: &Db, now: Micros) -> Result<(), StoreError> {
    const FORGET: &str = "DELETE FROM idempotency_keys WHERE expires_at <= $1";
    let mut tx = db.begin().await?;
    on_tx!(&mut tx, c => sqlx::query(FORGET).bind(now.0).execute(c).await.map(drop))?;
    tx.commit().await
}

/// Keeps what the work of a claim came to.
pub(super) async fn keep(
    db: &Db,
    (key_hash, claimed_at): (&str, Micros),
    answer: &[u8],
) -> Result<(), StoreError> {
    const KEEP: &str =
        "UPDATE idempotency_keys SET answer = $3 WHERE key_hash = $1 AND claimed_at = $2";
    let mut tx = db.begin().await?;
    on_tx!(&mut tx, c => {
        sqlx::query(KEEP).bind(key_hash).bind(claimed_at.0).bind(answer).execute(c).await.map(drop)
    })?;
    tx.commit().await
}

/// Leaves the work of a claim to the next call, since nobody knows how far it came.
pub(super) async fn leave(
    db: &Db,
    (key_hash, claimed_at): (&str, Micros),
) -> Result<(), StoreError> {
    const LEAVE: &str =
        "UPDATE idempotency_keys SET claimed_at = 0 WHERE key_hash = $1 AND claimed_at = $2";
    let mut tx = db.begin().await?;
    on_tx!(&mut tx, c => {
        sqlx::query(LEAVE).bind(key_hash).bind(claimed_at.0).execute(c).await.map(drop)
    })?;
    tx.commit().await
}

/// Gives a key back whose work was refused.
pub(super) async fn free(
    db: &Db,
    (key_hash, claimed_at): (&str, Micros),
) -> Result<(), StoreError> {
    const FREE: &str = "DELETE FROM idempotency_keys WHERE key_hash = $1 AND claimed_at = $2";
    let mut tx = db.begin().await?;
    on_tx!(&mut tx, c => {
        sqlx::query(FREE).bind(key_hash).bind(claimed_at.0).execute(c).await.map(drop)
    })?;
    tx.commit().await
}

/// Keeps which usage event did the work.
pub(super) async fn name(
    db: &Db,
    (key_hash, claimed_at): (&str, Micros),
    event: &str,
) -> Result<(), StoreError> {
    const NAME: &str =
        "UPDATE idempotency_keys SET event_id = $3 WHERE key_hash = $1 AND claimed_at = $2";
    let mut tx = db.begin().await?;
    on_tx!(&mut tx, c => {
        sqlx::query(NAME).bind(key_hash).bind(claimed_at.0).bind(event).execute(c).await.map(drop)
    })?;
    tx.commit().await
}

/// Keeps which usage event another is the replay of. An event is known by its run and its number within that.
pub(super) async fn link(db: &Db, event: &str, of: &str) -> Result<(), StoreError> {
    const LINK: &str = "INSERT INTO usage_replays (run, seq, replay_of)
        VALUES ($1, $2, $3) ON CONFLICT (run, seq) DO NOTHING";
    let Some((run, seq)) = event.rsplit_once('.') else { return Ok(()) };
    let Ok(seq) = seq.parse::<i64>() else { return Ok(()) };
    let mut tx = db.begin().await?;
    on_tx!(&mut tx, c => {
        sqlx::query(LINK).bind(run).bind(seq).bind(of).execute(c).await.map(drop)
    })?;
    tx.commit().await
}

/// Of the events of a run with numbers from `first` to `last`: which each is the replay of, by number.
pub async fn replays(
    tx: &mut Tx,
    run: &str,
    (first, last): (i64, i64),
) -> Result<BTreeMap<i64, String>, StoreError> {
    const FIND: &str =
        "SELECT seq, replay_of FROM usage_replays WHERE run = $1 AND seq BETWEEN $2 AND $3";
    let found: Vec<(i64, String)> = on_tx!(tx, c => {
        sqlx::query_as(FIND).bind(run).bind(first).bind(last).fetch_all(c).await
    })?;
    Ok(found.into_iter().collect())
}
