//! SQL of subscriptions and their deliveries.

use crate::kernel::Micros;
use crate::kernel::id::{AppId, DeliveryId, SubscriptionId};
use crate::storage::{Db, StoreError, Tx};
use crate::{on_db, on_tx};
use sqlx::FromRow;

/// A subscription.
#[derive(Debug, Clone, FromRow)]
pub(super) struct Subscription {
    pub(super) id: String,
    pub(super) app_id: String,
    pub(super) key_id: String,
    pub(super) url: String,
    pub(super) description: Option<String>,
    pub(super) events: String,
    pub(super) filter: String,
    pub(super) status: String,
    pub(super) status_reason: Option<String>,
    pub(super) position: i64,
    pub(super) generation: i64,
    pub(super) previous_until: Option<i64>,
    pub(super) created_at: i64,
    pub(super) updated_at: i64,
}

/// A message to a subscription.
#[derive(Debug, Clone, FromRow)]
pub(super) struct Delivery {
    pub(super) id: String,
    pub(super) position: i64,
    /// Of a message that tells of no entry: its place among those behind the position.
    pub(super) number: i64,
    pub(super) event: String,
    pub(super) payload: String,
    pub(super) status: String,
    pub(super) attempts: i64,
    pub(super) next_attempt_at: i64,
    pub(super) response_status: Option<i64>,
    pub(super) error: Option<String>,
    pub(super) duration_ms: Option<i64>,
    pub(super) created_at: i64,
    pub(super) finished_at: Option<i64>,
    pub(super) retry_until: i64,
    pub(super) first_delivered_at: Option<i64>,
}

/// What an app is told of its own usage.
#[derive(Debug, Clone, Copy)]
pub struct Notice<'a> {
    /// The app.
    pub app: AppId,
    /// The event.
    pub event: &'static str,
    /// What tells it apart from others.
    pub id: &'a str,
    /// The message.
    pub payload: &'a str,
}

/// Adds a subscription, unless its app has `most` already; whether it was added.
pub(super) async fn insert(db: &Db, new: &Subscription, most: u32) -> Result<bool, StoreError> {
    const COUNT: &str = "SELECT COUNT(*) FROM subscriptions WHERE app_id = $1";
    const INSERT: &str = "INSERT INTO subscriptions (id, app_id, url, description, events, filter,
        status, position, generation, created_at, updated_at, key_id)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11)";
    // Of two at once the second counts what the first has added.
    const HOLD: &str = "UPDATE apps SET id = id WHERE id = $1";
    let mut tx = db.begin().await?;
    on_tx!(&mut tx, c => { sqlx::query(HOLD).bind(&new.app_id).execute(c).await?; });
    let count: i64 =
        on_tx!(&mut tx, c => sqlx::query_scalar(COUNT).bind(&new.app_id).fetch_one(c).await)?;
    if count >= i64::from(most) {
        return Ok(false);
    }
    on_tx!(&mut tx, c => {
        sqlx::query(INSERT)
            .bind(&new.id)
            .bind(&new.app_id)
            .bind(&new.url)
            .bind(&new.description)
            .bind(&new.events)
            .bind(&new.filter)
            .bind(&new.status)
            .bind(new.position)
            .bind(new.generation)
            .bind(new.created_at)
            .bind(&new.key_id)
            .execute(c)
            .await?;
    });
    tx.commit().await?;
    Ok(true)
}

/// Writes what an app may change of a subscription, unless it has changed since it was read as of an
/// instant; whether it was written.
pub(super) async fn update(db: &Db, new: &Subscription, read: i64) -> Result<bool, StoreError> {
    const UPDATE: &str = "UPDATE subscriptions SET url = $2, description = $3, events = $4,
        filter = $5, status = $6, status_reason = $7, updated_at = $8
        WHERE id = $1 AND updated_at = $9";
    let mut tx = db.begin().await?;
    let written = on_tx!(&mut tx, c => {
        sqlx::query(UPDATE)
            .bind(&new.id)
            .bind(&new.url)
            .bind(&new.description)
            .bind(&new.events)
            .bind(&new.filter)
            .bind(&new.status)
            .bind(&new.status_reason)
            .bind(new.updated_at)
            .bind(read)
            .execute(c)
            .await?
            .rows_affected()
    });
    tx.commit().await?;
    Ok(written == 1)
}

/// Puts a subscription back to a position.
pub(super) async fn rewind(
    db: &Db,
    id: &str,
    position: i64,
    now: Micros,
) -> Result<(), StoreError> {
    const REWIND: &str = "UPDATE subscriptions SET position = $2, updated_at = $3 WHERE id = $1";
    let mut tx = db.begin().await?;
    on_tx!(&mut tx, c => {
        sqlx::query(REWIND).bind(id).bind(position).bind(now.0).execute(c).await?;
    });
    tx.commit().await
}

/// Begins the next generation of a subscription's secret; its number.
pub(super) async fn rotate(
    db: &Db,
    id: &str,
    previous_until: Micros,
    now: Micros,
) -> Result<i64, StoreError> {
    const ROTATE: &str = "UPDATE subscriptions SET generation = generation + 1,
        previous_until = $2, updated_at = $3 WHERE id = $1 RETURNING generation";
    let mut tx = db.begin().await?;
    let generation: i64 = on_tx!(&mut tx, c => {
        sqlx::query_scalar(ROTATE).bind(id).bind(previous_until.0).bind(now.0).fetch_one(c).await
    })?;
    tx.commit().await?;
    Ok(generation)
}

/// Deletes a subscription with its deliveries.
pub(super) async fn delete(db: &Db, id: &str) -> Result<(), StoreError> {
    let mut tx = db.begin().await?;
    on_tx!(&mut tx, c => {
        // Before the messages: whoever writes some holds this row, and writes none where it is gone.
        sqlx::query("DELETE FROM subscriptions WHERE id = $1").bind(id).execute(&mut *c).await?;
        sqlx::query("DELETE FROM deliveries WHERE subscription_id = $1").bind(id).execute(c).await?;
    });
    tx.commit().await
}

/// A subscription of an app.
pub(super) async fn find(db: &Db, app: &str, id: &str) -> Result<Option<Subscription>, StoreError> {
    const FIND: &str = "SELECT * FROM subscriptions WHERE id = $1 AND app_id = $2";
    Ok(on_db!(db, c => sqlx::query_as(FIND).bind(id).bind(app).fetch_optional(c).await)?)
}

/// All subscriptions of an app, by id: there are few.
pub(super) async fn of_app(db: &Db, app: &str) -> Result<Vec<Subscription>, StoreError> {
    const LIST: &str = "SELECT * FROM subscriptions WHERE app_id = $1 ORDER BY id";
    Ok(on_db!(db, c => sqlx::query_as(LIST).bind(app).fetch_all(c).await)?)
}

/// All subscriptions that are served.
pub(super) async fn active(db: &Db) -> Result<Vec<Subscription>, StoreError> {
    const LIST: &str = "SELECT * FROM subscriptions WHERE status = 'active' ORDER BY id";
    Ok(on_db!(db, c => sqlx::query_as(LIST).fetch_all(c).await)?)
}

/// How many messages of a subscription wait, and how many arrived among those kept.
pub(super) async fn counts(db: &Db, id: &str) -> Result<(i64, i64), StoreError> {
    const COUNT: &str =
        "SELECT COUNT(*) FROM deliveries WHERE subscription_id = $1 AND status = $2";
    let counts: (i64, i64) = on_db!(db, c => {
        let count = |status| sqlx::query_scalar(COUNT).bind(id).bind(status);
        (count("pending").fetch_one(c).await?, count("delivered").fetch_one(c).await?)
    });
    Ok(counts)
}

/// Whether at least `most` messages of a subscription wait.
pub(super) async fn crowded(db: &Db, id: &str, most: i64) -> Result<bool, StoreError> {
    const NTH: &str = "SELECT position FROM deliveries
        WHERE subscription_id = $1 AND status = 'pending' ORDER BY position LIMIT 1 OFFSET $2";
    let nth: Option<i64> = on_db!(db, c => {
        sqlx::query_scalar(NTH).bind(id).bind(most - 1).fetch_optional(c).await
    })?;
    Ok(nth.is_some())
}

/// A message to be written.
#[derive(Debug)]
pub(super) struct New {
    /// The entry's position.
    pub(super) position: i64,
    /// The event.
    pub(super) event: &'static str,
    /// The message.
    pub(super) payload: String,
}

/// Writes messages and how far the log was read for them, together. A message that is there already
/// is sent once more.
pub(super) async fn advance(
    db: &Db,
    subscription: &str,
    (from, to): (i64, i64),
    new: &[New],
    (now, retry_until): (Micros, Micros),
) -> Result<bool, StoreError> {
    const MOVE: &str = "UPDATE subscriptions SET position = $3 WHERE id = $1 AND position = $2";
    const INSERT: &str = "INSERT INTO deliveries (id, subscription_id, position, event, payload,
        status, attempts, next_attempt_at, created_at, retry_until)
        VALUES ($1, $2, $3, $4, $5, 'pending', 0, $6, $6, $7)
        ON CONFLICT (subscription_id, position) WHERE number = 0 DO UPDATE SET status = 'pending', attempts = 0,
        event = excluded.event, payload = excluded.payload,
        next_attempt_at = excluded.next_attempt_at, retry_until = excluded.retry_until,
        finished_at = NULL";
    let mut tx = db.begin().await?;
    let moved = on_tx!(&mut tx, c => {
        sqlx::query(MOVE).bind(subscription).bind(from).bind(to).execute(c).await?.rows_affected()
    });
    if moved == 0 {
        // A replay has put it elsewhere in the meantime.
        return Ok(false);
    }
    for one in new {
        let id = DeliveryId::derived(&format!("{subscription}/{}", one.position)).to_string();
        on_tx!(&mut tx, c => {
            sqlx::query(INSERT)
                .bind(id)
                .bind(subscription)
                .bind(one.position)
                .bind(one.event)
                .bind(&one.payload)
                .bind(now.0)
                .bind(retry_until.0)
                .execute(c)
                .await?;
        });
    }
    tx.commit().await?;
    Ok(true)
}

/// Messages of a subscription that are due, the oldest first.
pub(super) async fn due(
    db: &Db,
    subscription: &str,
    now: Micros,
    most: i64,
) -> Result<Vec<Delivery>, StoreError> {
    const DUE: &str = "SELECT * FROM deliveries WHERE subscription_id = $1 AND status = 'pending'
        AND next_attempt_at <= $2 ORDER BY position, number LIMIT $3";
    Ok(on_db!(db, c => {
        sqlx::query_as(DUE).bind(subscription).bind(now.0).bind(most).fetch_all(c).await
    })?)
}

/// What became of an attempt.
#[derive(Debug)]
pub struct Attempt {
    /// `pending`, `delivered` or `failed`.
    pub status: &'static str,
    /// When the next one is due.
    pub next_attempt_at: i64,
    /// How the receiver answered.
    pub response_status: Option<u16>,
    /// Why it did not, in a word.
    pub error: Option<&'static str>,
    /// How long it took.
    pub duration_ms: i64,
    /// When.
    pub now: Micros,
}

/// Records an attempt, unless the message was dealt with in the meantime; whether it was recorded.
pub(super) async fn record(
    db: &Db,
    delivery: &Delivery,
    attempt: &Attempt,
) -> Result<bool, StoreError> {
    const RECORD: &str = "UPDATE deliveries SET status = $2, attempts = attempts + 1,
        next_attempt_at = $3, response_status = $4, error = $5, duration_ms = $6, finished_at = $7,
        first_delivered_at = COALESCE(first_delivered_at, $9)
        WHERE id = $1 AND status = 'pending' AND attempts = $8";
    let finished = (attempt.status != "pending").then_some(attempt.now.0);
    let delivered = finished.filter(|_| attempt.status == "delivered");
    let mut tx = db.begin().await?;
    let recorded = on_tx!(&mut tx, c => {
        sqlx::query(RECORD)
            .bind(&delivery.id)
            .bind(attempt.status)
            .bind(attempt.next_attempt_at)
            .bind(attempt.response_status.map(i64::from))
            .bind(attempt.error)
            .bind(attempt.duration_ms)
            .bind(finished)
            .bind(delivery.attempts)
            .bind(delivered)
            .execute(c)
            .await?
            .rows_affected()
    });
    tx.commit().await?;
    Ok(recorded == 1)
}

/// Stops a subscription that is active and says why, unless its receiver has taken a message since an
/// instant.
pub(super) async fn disable(
    db: &Db,
    id: &str,
    (why, since): (&str, i64),
    now: Micros,
) -> Result<(), StoreError> {
    const DISABLE: &str = "UPDATE subscriptions SET status = 'disabled', status_reason = $2,
        updated_at = $3 WHERE id = $1 AND status = 'active' AND NOT EXISTS (SELECT 1
        FROM deliveries d WHERE d.subscription_id = $1 AND d.status = 'delivered'
        AND d.finished_at > $4)";
    let mut tx = db.begin().await?;
    on_tx!(&mut tx, c => {
        sqlx::query(DISABLE).bind(id).bind(why).bind(now.0).bind(since).execute(c).await?;
    });
    tx.commit().await
}

/// Messages of a subscription before a position and number, the newest first.
pub(super) async fn page(
    db: &Db,
    subscription: &str,
    (position, number): (i64, i64),
    status: &str,
    most: i64,
) -> Result<Vec<Delivery>, StoreError> {
    const PAGE: &str = "SELECT * FROM deliveries WHERE subscription_id = $1 AND position <= $2
        AND (position < $2 OR number < $3) AND ($4 = '' OR status = $4)
        ORDER BY position DESC, number DESC LIMIT $5";
    Ok(on_db!(db, c => {
        let page = sqlx::query_as(PAGE).bind(subscription).bind(position).bind(number);
        page.bind(status).bind(most).fetch_all(c).await
    })?)
}

/// Writes a message for each of an app's subscriptions that wants its event, behind what each has read of the
/// log. One that is there already stays as it is.
pub(super) async fn tell(
    tx: &mut Tx,
    notice: &Notice<'_>,
    (now, retry_until): (Micros, Micros),
) -> Result<(), StoreError> {
    const OF_APP: &str =
        "SELECT id, events, position FROM subscriptions WHERE app_id = $1 ORDER BY id";
    const HOLD: &str = "UPDATE subscriptions SET id = id WHERE id = $1";
    const INSERT: &str = "INSERT INTO deliveries (id, subscription_id, position, number, event,
        payload, status, attempts, next_attempt_at, created_at, retry_until)
        VALUES ($1, $2, $3, (SELECT COALESCE(MAX(d.number), 0) + 1 FROM deliveries d
            WHERE d.subscription_id = $2 AND d.position = $3),
            $4, $5, 'pending', 0, $6, $6, $7) ON CONFLICT (id) DO NOTHING";
    let app = notice.app.to_string();
    let all: Vec<(String, String, i64)> =
        on_tx!(tx, c => sqlx::query_as(OF_APP).bind(app).fetch_all(c).await)?;
    for (subscription, events, position) in all {
        if !events.split(' ').any(|name| name == notice.event) {
            continue;
        }
        let id = DeliveryId::derived(&format!("{subscription}/{}", notice.id)).to_string();
        on_tx!(tx, c => {
            let held = sqlx::query(HOLD).bind(&subscription).execute(&mut *c).await?;
            if held.rows_affected() == 0 {
                continue;
            }
            let insert = sqlx::query(INSERT).bind(id).bind(&subscription).bind(position);
            let insert = insert.bind(notice.event).bind(notice.payload);
            insert.bind(now.0).bind(retry_until.0).execute(c).await?;
        });
    }
    Ok(())
}

/// Makes messages due again; the place of the first that is none of the subscription's, and then none is.
pub(super) async fn again(
    db: &Db,
    subscription: SubscriptionId,
    ids: &[DeliveryId],
    (now, retry_until): (Micros, Micros),
) -> Result<Option<usize>, StoreError> {
    const AGAIN: &str = "UPDATE deliveries SET status = 'pending', attempts = 0,
        next_attempt_at = $3, retry_until = $4, finished_at = NULL WHERE subscription_id = $1 AND id = $2";
    let mut tx = db.begin().await?;
    for (at, id) in ids.iter().enumerate() {
        let found = on_tx!(&mut tx, c => {
            let again = sqlx::query(AGAIN).bind(subscription.to_string()).bind(id.to_string());
            again.bind(now.0).bind(retry_until.0).execute(c).await?.rows_affected()
        });
        if found == 0 {
            return Ok(Some(at));
        }
    }
    tx.commit().await?;
    Ok(None)
}

/// Forgets messages that were finished before an instant.
pub(super) async fn forget(db: &Db, before: Micros) -> Result<(), StoreError> {
    let mut tx = db.begin().await?;
    on_tx!(&mut tx, c => {
        sqlx::query("DELETE FROM deliveries WHERE finished_at < $1").bind(before.0).execute(c).await?;
    });
    tx.commit().await
}

#[cfg(test)]
mod tests;
