//! SQL of exports.

pub mod rows;

use super::model::Request;
use crate::kernel::Micros;
use crate::storage::{Db, StoreError};
use crate::{on_db, on_tx};
use sqlx::FromRow;

/// An export or a snapshot as registered.
#[derive(Debug, Clone, FromRow)]
pub struct Export {
    /// Its id, also the name of its directory.
    pub id: String,
    /// `snapshot` or `export`.
    pub kind: String,
    /// The app that asked for it; none for a snapshot.
    pub app_id: Option<String>,
    /// `queued`, `running`, `ready` or `failed`.
    pub status: String,
    /// A [`Request`] in JSON.
    pub request: String,
    /// The position of the change log that it stands for.
    pub position: Option<i64>,
    /// A list of [`super::model::File`] in JSON.
    pub manifest: Option<String>,
    /// When it was begun or asked for.
    pub created_at: i64,
    /// When it was ready.
    pub finished_at: Option<i64>,
}

macro_rules! exports {
    ($rest:literal) => {
        concat!(
            "SELECT id, kind, app_id, status, request, position, manifest, created_at, finished_at \
             FROM exports",
            $rest
        )
    };
}

/// What is inserted.
#[derive(Debug, Clone, Copy)]
pub struct New<'a> {
    /// The id.
    pub id: &'a str,
    /// The node that writes it.
    pub node: &'a str,
    /// What is asked for, in JSON.
    pub request: &'a str,
    /// Now.
    pub now: Micros,
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enqueued {
    /// It waits to be written.
    Queued,
    /// Another one of the app is not ready yet.
    Busy,
    /// The app has asked for too many; the oldest that counts is of this instant.
    TooMany(Micros),
}

/// Registers a snapshot as begun, and held until an instant. False where another node has begun that day's.
pub async fn begin_snapshot(
    db: &Db,
    new: New<'_>,
    day: Option<&str>,
    until: Micros,
) -> Result<bool, StoreError> {
    const BEGIN: &str = "INSERT INTO exports (id, kind, day, status, node, request, created_at,
        held_until) VALUES ($1, 'snapshot', $2, 'running', $3, $4, $5, $6)
        ON CONFLICT (day) DO NOTHING";
    let mut tx = db.begin().await?;
    let begun = on_tx!(&mut tx, c => {
        sqlx::query(BEGIN)
            .bind(new.id)
            .bind(day)
            .bind(new.node)
            .bind(new.request)
            .bind(new.now.0)
            .bind(until.0)
            .execute(c)
            .await?
            .rows_affected()
    });
    tx.commit().await?;
    Ok(begun == 1)
}

/// Puts an app's request into the queue of a node, held until an instant: one at a time, and at most
/// `most` since another.
pub async fn enqueue(
    db: &Db,
    new: New<'_>,
    (app, until): (&str, Micros),
    (since, most): (Micros, u32),
) -> Result<Enqueued, StoreError> {
    const RECENT: &str = "SELECT created_at, status FROM exports WHERE app_id = $1
        AND (created_at > $2 OR status IN ('queued', 'running')) ORDER BY created_at DESC";
    const QUEUE: &str = "INSERT INTO exports (id, kind, app_id, status, node, request, created_at,
        held_until) VALUES ($1, 'export', $2, 'queued', $3, $4, $5, $6)";
    let mut tx = db.begin().await?;
    let recent: Vec<(i64, String)> = on_tx!(&mut tx, c => {
        sqlx::query_as(RECENT).bind(app).bind(since.0).fetch_all(c).await?
    });
    if recent.iter().any(|(_, status)| status == "queued" || status == "running") {
        return Ok(Enqueued::Busy);
    }
    if recent.len() >= most as usize {
        // The one whose turn to be forgotten opens the next place; none where no place is given.
        let place = most.checked_sub(1).and_then(|last| recent.get(last as usize));
        return Ok(Enqueued::TooMany(place.map_or(new.now, |(at, _)| Micros(*at))));
    }
    let queued: Result<(), StoreError> = on_tx!(&mut tx, c => {
        sqlx::query(QUEUE)
            .bind(new.id)
            .bind(app)
            .bind(new.node)
            .bind(new.request)
            .bind(new.now.0)
            .bind(until.0)
            .execute(c)
            .await
            .map(|_| ())
            .map_err(StoreError::from)
    });
    match queued {
        Ok(()) => tx.commit().await.map(|()| Enqueued::Queued),
        // Two calls at once: the index lets one through.
        Err(StoreError::Conflict(_)) => Ok(Enqueued::Busy),
        Err(error) => Err(error),
    }
}

/// Whether this node has requests to write.
pub async fn queued(db: &Db, node: &str) -> Result<bool, StoreError> {
    const COUNT: &str = "SELECT COUNT(*) FROM exports WHERE status = 'queued' AND node = $1";
    let count: i64 = on_db!(db, c => sqlx::query_scalar(COUNT).bind(node).fetch_one(c).await)?;
    Ok(count > 0)
}

/// The next request that this node has to write; it is running from now on, and held until an instant.
pub async fn take_queued(db: &Db, node: &str, until: Micros) -> Result<Option<Export>, StoreError> {
    const NEXT: &str =
        exports!(" WHERE status = 'queued' AND node = $1 ORDER BY created_at, id LIMIT 1");
    const TAKE: &str = "UPDATE exports SET status = 'running', held_until = $1
        WHERE id = $2 AND status = 'queued'";
    loop {
        let next: Option<Export> =
            on_db!(db, c => sqlx::query_as(NEXT).bind(node).fetch_optional(c).await)?;
        let Some(next) = next else { return Ok(None) };
        // Another node may have given it up in between.
        if held(db, TAKE, &next.id, until).await? == 1 {
            return Ok(Some(next));
        }
    }
}

/// Holds on to what waits for this node until an instant.
pub async fn keep_queued(db: &Db, node: &str, until: Micros) -> Result<(), StoreError> {
    const KEEP: &str = "UPDATE exports SET held_until = $1 WHERE node = $2 AND status = 'queued'";
    held(db, KEEP, node, until).await.map(|_| ())
}

/// Holds on to what is being written until an instant; false where it was given up.
pub async fn keep(db: &Db, id: &str, until: Micros) -> Result<bool, StoreError> {
    const KEEP: &str = "UPDATE exports SET held_until = $1 WHERE id = $2 AND status = 'running'";
    Ok(held(db, KEEP, id, until).await? == 1)
}

async fn held(db: &Db, sql: &'static str, id: &str, until: Micros) -> Result<u64, StoreError> {
    let mut tx = db.begin().await?;
    let held = on_tx!(&mut tx, c => {
        sqlx::query(sql).bind(until.0).bind(id).execute(c).await?.rows_affected()
    });
    tx.commit().await?;
    Ok(held)
}

async fn change(db: &Db, sql: &'static str, id: &str) -> Result<u64, StoreError> {
    let mut tx = db.begin().await?;
    let changed = on_tx!(&mut tx, c => sqlx::query(sql).bind(id).execute(c).await?.rows_affected());
    tx.commit().await?;
    Ok(changed)
}

/// Registers the files of an export; false where it was given up in the meantime.
pub async fn finish(
    db: &Db,
    id: &str,
    (position, manifest): (i64, &str),
    now: Micros,
) -> Result<bool, StoreError> {
    const FINISH: &str = "UPDATE exports SET status = 'ready', position = $1, manifest = $2,
        finished_at = $3 WHERE id = $4 AND status = 'running'";
    let mut tx = db.begin().await?;
    let finished = on_tx!(&mut tx, c => {
        sqlx::query(FINISH)
            .bind(position)
            .bind(manifest)
            .bind(now.0)
            .bind(id)
            .execute(c)
            .await?
            .rows_affected()
    });
    tx.commit().await?;
    Ok(finished == 1)
}

/// Forgets an export or a snapshot.
pub async fn forget(db: &Db, id: &str) -> Result<(), StoreError> {
    change(db, "DELETE FROM exports WHERE id = $1", id).await.map(|_| ())
}

/// Says that an export was not written.
pub async fn fail(db: &Db, id: &str) -> Result<(), StoreError> {
    change(db, "UPDATE exports SET status = 'failed' WHERE id = $1", id).await.map(|_| ())
}

/// The exports that an earlier run of a node left unfinished are begun again; what waits for the node is
/// held until an instant.
pub async fn reset(db: &Db, node: &str, until: Micros) -> Result<(), StoreError> {
    const AGAIN: &str = "UPDATE exports SET status = 'queued', held_until = $1
        WHERE kind = 'export' AND status IN ('queued', 'running') AND node = $2";
    held(db, AGAIN, node, until).await.map(|_| ())
}

/// Gives up what nobody holds any more, begun or not: its node is gone. An app sees that its export
/// failed, and may ask another node.
pub async fn give_up(db: &Db, now: Micros) -> Result<(), StoreError> {
    const FAIL: &str = "UPDATE exports SET status = 'failed'
        WHERE kind = 'export' AND status IN ('queued', 'running') AND held_until < $1";
    const FORGET: &str = "DELETE FROM exports
        WHERE kind = 'snapshot' AND status = 'running' AND held_until < $1";
    let mut tx = db.begin().await?;
    on_tx!(&mut tx, c => {
        sqlx::query(FAIL).bind(now.0).execute(&mut *c).await?;
        sqlx::query(FORGET).bind(now.0).execute(c).await?;
    });
    tx.commit().await
}

/// An export or a snapshot.
pub async fn find(db: &Db, id: &str) -> Result<Option<Export>, StoreError> {
    const FIND: &str = exports!(" WHERE id = $1");
    Ok(on_db!(db, c => sqlx::query_as(FIND).bind(id).fetch_optional(c).await)?)
}

/// The newest snapshots, the newest first.
pub async fn snapshots(db: &Db, most: i64) -> Result<Vec<Export>, StoreError> {
    const READY: &str = exports!(
        " WHERE kind = 'snapshot' AND status = 'ready' ORDER BY created_at DESC, id LIMIT $1"
    );
    Ok(on_db!(db, c => sqlx::query_as(READY).bind(most).fetch_all(c).await)?)
}

/// Forgets the snapshots behind the newest `keep` and the exports asked for before an instant.
pub async fn forget_old(db: &Db, keep: u32, before: Micros) -> Result<(), StoreError> {
    const OLD: &str = "DELETE FROM exports WHERE
        (kind = 'snapshot' AND status = 'ready' AND id NOT IN
          (SELECT id FROM exports WHERE kind = 'snapshot' AND status = 'ready'
           ORDER BY created_at DESC, id LIMIT $1))
        OR (kind = 'export' AND status IN ('ready', 'failed') AND created_at < $2)";
    let mut tx = db.begin().await?;
    on_tx!(&mut tx, c => {
        sqlx::query(OLD).bind(i64::from(keep)).bind(before.0).execute(c).await?;
    });
    tx.commit().await
}

/// The ids of all that are registered.
pub async fn ids(db: &Db) -> Result<Vec<String>, StoreError> {
    const IDS: &str = "SELECT id FROM exports";
    Ok(on_db!(db, c => sqlx::query_scalar(IDS).fetch_all(c).await)?)
}

impl Export {
    /// What was asked for.
    pub fn request(&self) -> Result<Request, serde_json::Error> {
        serde_json::from_str(&self.request)
    }
}
