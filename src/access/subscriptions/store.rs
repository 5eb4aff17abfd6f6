//! All SQL of subscriptions to plans.

use super::model::{State, Subscription};
use crate::access::model::Definition;
use crate::access::store::{Walk, stored};
use crate::kernel::Micros;
use crate::kernel::id::{AppId, AppSubscriptionId, PlanId};
use crate::kernel::word::Word as _;
use crate::storage::{Db, StoreError, Tx, fetch};
use crate::{on_db, on_tx};
use sqlx::FromRow;
use std::collections::HashMap;
use std::sync::Arc;

const TABLE: &str = "app_subscriptions";

#[derive(FromRow)]
struct Row {
    id: String,
    app_id: String,
    number: i64,
    plan_id: String,
    state: String,
    requested_by: String,
    requested_at: i64,
    wanted_at: Option<i64>,
    decided_by: Option<String>,
    decided_at: Option<i64>,
    reason: Option<String>,
    starts_at: Option<i64>,
    ends_at: Option<i64>,
}

impl TryFrom<Row> for Subscription {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: stored(TABLE, &row.id)?,
            app: stored(TABLE, &row.app_id)?,
            number: u32::try_from(row.number).map_err(|e| StoreError::corrupt(TABLE, e))?,
            plan: stored(TABLE, &row.plan_id)?,
            state: stored(TABLE, &row.state)?,
            requested_by: row.requested_by,
            requested_at: Micros(row.requested_at),
            wanted_at: row.wanted_at.map(Micros),
            decided_by: row.decided_by,
            decided_at: row.decided_at.map(Micros),
            reason: row.reason,
            starts_at: row.starts_at.map(Micros),
            ends_at: row.ends_at.map(Micros),
        })
    }
}

/// Adds a subscription.
pub async fn insert(tx: &mut Tx, new: &Subscription) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO app_subscriptions (id, app_id, number, plan_id, state, \
                          requested_by, requested_at, wanted_at, decided_by, decided_at, reason, \
                          starts_at, ends_at) \
                          VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
    let micros = |at: Option<Micros>| at.map(|at| at.0);
    on_tx!(tx, c => {
        let insert = sqlx::query(INSERT).bind(new.id.to_string()).bind(new.app.to_string());
        let insert = insert.bind(i64::from(new.number)).bind(new.plan.to_string());
        let insert = insert.bind(new.state.as_str()).bind(&new.requested_by);
        let insert = insert.bind(new.requested_at.0).bind(micros(new.wanted_at));
        let insert = insert.bind(&new.decided_by).bind(micros(new.decided_at)).bind(&new.reason);
        insert.bind(micros(new.starts_at)).bind(micros(new.ends_at)).execute(c).await?;
    });
    Ok(())
}

/// Stores what may change of a subscription.
pub async fn update(tx: &mut Tx, new: &Subscription) -> Result<(), StoreError> {
    const UPDATE: &str = "UPDATE app_subscriptions SET state = $2, wanted_at = $3, decided_by = $4, \
                          decided_at = $5, reason = $6, starts_at = $7, ends_at = $8 WHERE id = $1";
    let micros = |at: Option<Micros>| at.map(|at| at.0);
    on_tx!(tx, c => {
        let update = sqlx::query(UPDATE).bind(new.id.to_string()).bind(new.state.as_str());
        let update = update.bind(micros(new.wanted_at)).bind(&new.decided_by);
        let update = update.bind(micros(new.decided_at)).bind(&new.reason);
        update.bind(micros(new.starts_at)).bind(micros(new.ends_at)).execute(c).await?;
    });
    Ok(())
}

/// Notes that something of an app's subscriptions has changed.
pub async fn touch_app(tx: &mut Tx, app: AppId, now: Micros) -> Result<(), StoreError> {
    const TOUCH: &str = "UPDATE apps SET updated_at = $2 WHERE id = $1";
    on_tx!(tx, c => sqlx::query(TOUCH).bind(app.to_string()).bind(now.0).execute(c).await.map(drop))?;
    Ok(())
}

/// The number of an app's next subscription.
pub async fn next_number(tx: &mut Tx, app: AppId) -> Result<u32, StoreError> {
    const NEXT: &str =
        "SELECT COALESCE(MAX(number), 0) + 1 FROM app_subscriptions WHERE app_id = $1";
    let next: i64 =
        on_tx!(tx, c => sqlx::query_scalar(NEXT).bind(app.to_string()).fetch_one(c).await)?;
    u32::try_from(next).map_err(|error| StoreError::corrupt(TABLE, error))
}

/// How many of an app's subscriptions wait for a decision.
pub async fn waiting(tx: &mut Tx, app: AppId) -> Result<usize, StoreError> {
    const COUNT: &str =
        "SELECT COUNT(*) FROM app_subscriptions WHERE app_id = $1 AND state = 'requested'";
    let count: i64 =
        on_tx!(tx, c => sqlx::query_scalar(COUNT).bind(app.to_string()).fetch_one(c).await)?;
    usize::try_from(count).map_err(|error| StoreError::corrupt(TABLE, error))
}

/// The subscription of an app that has no end: the one in force, or the one that is to be.
pub async fn open(tx: &mut Tx, app: AppId) -> Result<Option<Subscription>, StoreError> {
    const OPEN: &str = "SELECT * FROM app_subscriptions \
                        WHERE app_id = $1 AND starts_at IS NOT NULL AND ends_at IS NULL";
    let row: Option<Row> =
        on_tx!(tx, c => sqlx::query_as(OPEN).bind(app.to_string()).fetch_optional(c).await)?;
    row.map(Subscription::try_from).transpose()
}

/// The subscription of an app that ends at an instant.
pub async fn ending(
    tx: &mut Tx,
    app: AppId,
    at: Micros,
) -> Result<Option<Subscription>, StoreError> {
    const ENDING: &str = "SELECT * FROM app_subscriptions WHERE app_id = $1 AND ends_at = $2";
    let row: Option<Row> = on_tx!(tx, c => {
        sqlx::query_as(ENDING).bind(app.to_string()).bind(at.0).fetch_optional(c).await
    })?;
    row.map(Subscription::try_from).transpose()
}

/// A subscription, inside a transaction.
pub async fn locked(
    tx: &mut Tx,
    id: AppSubscriptionId,
) -> Result<Option<Subscription>, StoreError> {
    const FIND: &str = "SELECT * FROM app_subscriptions WHERE id = $1";
    let row: Option<Row> =
        on_tx!(tx, c => sqlx::query_as(FIND).bind(id.to_string()).fetch_optional(c).await)?;
    row.map(Subscription::try_from).transpose()
}

/// A subscription.
pub async fn find(db: &Db, id: AppSubscriptionId) -> Result<Option<Subscription>, StoreError> {
    const FIND: &str = "SELECT * FROM app_subscriptions WHERE id = $1";
    let row: Option<Row> =
        on_db!(db, c => sqlx::query_as(FIND).bind(id.to_string()).fetch_optional(c).await)?;
    row.map(Subscription::try_from).transpose()
}

/// An app's subscriptions before a number, newest first.
pub async fn history(
    db: &Db,
    app: AppId,
    before: i64,
    limit: u32,
) -> Result<Vec<Subscription>, StoreError> {
    const LIST: &str = "SELECT * FROM app_subscriptions WHERE app_id = $1 AND number < $2 \
                        ORDER BY number DESC LIMIT $3";
    let rows: Vec<Row> = on_db!(db, c => {
        let list = sqlx::query_as(LIST).bind(app.to_string()).bind(before);
        list.bind(i64::from(limit)).fetch_all(c).await
    })?;
    rows.into_iter().map(Subscription::try_from).collect()
}

/// Subscriptions that wait for a decision, in the order of their ids.
pub async fn requested(db: &Db, walk: &Walk) -> Result<Vec<Subscription>, StoreError> {
    const LIST: &str = "SELECT * FROM app_subscriptions WHERE state = 'requested' AND id > $1 \
                        ORDER BY id LIMIT $2";
    let rows: Vec<Row> = on_db!(db, c => {
        sqlx::query_as(LIST).bind(&walk.after).bind(i64::from(walk.limit)).fetch_all(c).await
    })?;
    rows.into_iter().map(Subscription::try_from).collect()
}

/// What will begin later, by app: the plan and when.
pub async fn scheduled(
    db: &Db,
    now: Micros,
) -> Result<HashMap<AppId, (PlanId, Micros)>, StoreError> {
    const LIST: &str = "SELECT app_id, plan_id, starts_at FROM app_subscriptions \
                        WHERE starts_at > $1 AND ends_at IS NULL";
    let rows: Vec<(String, String, i64)> =
        on_db!(db, c => sqlx::query_as(LIST).bind(now.0).fetch_all(c).await)?;
    let each = |(app, plan, at): (String, String, i64)| {
        Ok((stored(TABLE, &app)?, (stored(TABLE, &plan)?, Micros(at))))
    };
    rows.into_iter().map(each).collect()
}

/// A subscription of an app that ends at a known instant, as calls need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// The instant at which the next one begins.
    pub ends_at: Micros,
    /// The plan.
    pub plan: PlanId,
    /// Its version.
    pub plan_version: u32,
    /// What it grants; shared by all that are on it.
    pub definition: Arc<Definition>,
    /// Whether the subscription is suspended.
    pub suspended: bool,
}

/// The same as it is stored.
#[derive(Debug, FromRow)]
pub struct EndingRow {
    app_id: String,
    ends_at: i64,
    /// The plan.
    pub plan_id: String,
    state: String,
}

impl EndingRow {
    /// The ending, where the plan is at a version that grants something.
    pub fn under(self, version: u32, definition: &Arc<Definition>) -> Result<Ending, StoreError> {
        Ok(Ending {
            ends_at: Micros(self.ends_at),
            plan: stored(TABLE, &self.plan_id)?,
            plan_version: version,
            definition: Arc::clone(definition),
            suspended: stored::<State>(TABLE, &self.state)? == State::Suspended,
        })
    }
}

/// The subscriptions that are in force now and whose end is known, by app, the first to end first: of all apps, or
/// of some. There are as many as changes are scheduled.
pub async fn endings(
    db: &Db,
    of: Option<&[String]>,
    now: Micros,
) -> Result<HashMap<String, Vec<EndingRow>>, StoreError> {
    const ALL: &str = "SELECT app_id, ends_at, plan_id, state FROM app_subscriptions \
                       WHERE ends_at > $1";
    const OF_APPS: &str = "SELECT app_id, ends_at, plan_id, state FROM app_subscriptions \
                           WHERE ends_at IS NOT NULL AND app_id IN (";
    let mut rows: Vec<EndingRow> = match of {
        None => on_db!(db, c => sqlx::query_as(ALL).bind(now.0).fetch_all(c).await)?,
        Some(apps) => fetch::by_many_ids(db, OF_APPS, apps, usize::MAX).await?,
    };
    rows.retain(|row| row.ends_at > now.0);
    rows.sort_by_key(|row| row.ends_at);
    let mut endings: HashMap<String, Vec<EndingRow>> = HashMap::new();
    for row in rows {
        endings.entry(row.app_id.clone()).or_default().push(row);
    }
    Ok(endings)
}
