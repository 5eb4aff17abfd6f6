//! All SQL of alerts, and what they ask the ledger.

use super::model::{Alert, Kind, Whose};
use super::unusual::Hour;
use crate::access::store::stored;
use crate::hooks::Attempt;
use crate::kernel::Micros;
use crate::kernel::id::{AlertId, AppId, PartnerId};
use crate::kernel::word::Word as _;
use crate::storage::{Db, StoreError, Tx};
use crate::{on_db, on_tx};
use sqlx::{FromRow, QueryBuilder};
use std::collections::HashSet;

const TABLE: &str = "alerts";
/// What is written in `alert_progress` of the hours.
const HOURS: &str = "hours";

/// An alert, and what became of the message to the retailer's own receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The alert.
    pub alert: Alert,
    /// The message; none where there was no receiver.
    pub post: Option<Post>,
}

/// What became of a message to the retailer's own receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    /// `pending`, `delivered` or `failed`.
    pub status: String,
    /// How often it was sent.
    pub attempts: i64,
    /// When it is sent next, while it waits.
    pub next_at: Option<Micros>,
    /// How the receiver answered last.
    pub answer: Option<i64>,
    /// Why it did not, in a word.
    pub error: Option<String>,
}

#[derive(FromRow)]
struct Row {
    id: String,
    kind: String,
    partner_id: String,
    app_id: Option<String>,
    key_id: Option<String>,
    detail: String,
    raised_at: i64,
    ended_at: Option<i64>,
    post_status: Option<String>,
    post_attempts: i64,
    post_next_at: i64,
    post_answer: Option<i64>,
    post_error: Option<String>,
}

impl TryFrom<Row> for Stored {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let partner = Some(&row.partner_id).filter(|id| !id.is_empty());
        let partner = partner.map(|id| stored(TABLE, id)).transpose()?;
        let app = row.app_id.map(|id| stored(TABLE, &id)).transpose()?;
        let key = row.key_id.map(|id| stored(TABLE, &id)).transpose()?;
        let alert = Alert {
            id: stored(TABLE, &row.id)?,
            kind: stored(TABLE, &row.kind)?,
            whose: Whose { partner, app, key },
            detail: serde_json::from_str(&row.detail)
                .map_err(|error| StoreError::corrupt(TABLE, error))?,
            raised_at: Micros(row.raised_at),
            ended_at: row.ended_at.map(Micros),
        };
        let (attempts, answer, error) = (row.post_attempts, row.post_answer, row.post_error);
        let post = row.post_status.map(|status| {
            let next_at = (status == "pending").then_some(Micros(row.post_next_at));
            Post { status, attempts, next_at, answer, error }
        });
        Ok(Self { alert, post })
    }
}

/// Adds an alert, and where `post`, that it is to be sent to the retailer's own receiver; false where it is there
/// already, or where another of its kind runs.
pub(super) async fn insert(tx: &mut Tx, alert: &Alert, post: bool) -> Result<bool, StoreError> {
    const INSERT: &str = "INSERT INTO alerts (id, kind, partner_id, app_id, key_id, detail, raised_at, \
                          kept_until, post_status, post_next_at, period_id) \
                          VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $7, $10) ON CONFLICT DO NOTHING";
    let detail =
        serde_json::to_string(&alert.detail).map_err(|error| StoreError::corrupt(TABLE, error))?;
    let Whose { partner, app, key } = alert.whose;
    let inserted = on_tx!(tx, c => {
        let insert = sqlx::query(INSERT).bind(alert.id.to_string()).bind(alert.kind.as_str());
        let insert = insert.bind(partner.map(|id| id.to_string()).unwrap_or_default());
        let insert = insert.bind(app.map(|id| id.to_string()));
        let insert = insert.bind(key.map(|id| id.to_string())).bind(&detail);
        let insert = insert.bind(alert.raised_at.0).bind(alert.kept_until().0);
        let insert = insert.bind(post.then_some("pending"));
        insert.bind(alert.period().map(|id| id.to_string())).execute(c).await?.rows_affected()
    });
    Ok(inserted == 1)
}

/// The thresholds that were told of periods that end after an instant.
pub(super) async fn told(db: &Db, since: Micros) -> Result<Vec<AlertId>, StoreError> {
    const LIST: &str = "SELECT id FROM alerts WHERE kind = 'threshold' AND kept_until > $1";
    let ids: Vec<String> =
        on_db!(db, c => sqlx::query_scalar(LIST).bind(since.0).fetch_all(c).await)?;
    ids.iter().map(|id| stored(TABLE, id)).collect()
}

/// What is unusual and not over.
pub(super) async fn running(db: &Db) -> Result<HashSet<(AppId, Kind)>, StoreError> {
    const LIST: &str = "SELECT app_id, kind FROM alerts WHERE ended_at IS NULL \
                        AND kind IN ('high_usage', 'many_errors', 'many_refusals', 'silence')";
    let rows: Vec<(String, String)> = on_db!(db, c => sqlx::query_as(LIST).fetch_all(c).await)?;
    rows.iter().map(|(app, kind)| Ok((stored(TABLE, app)?, stored(TABLE, kind)?))).collect()
}

/// Ends what is unusual of an app.
pub(super) async fn end(db: &Db, (app, kind): (AppId, Kind), at: Micros) -> Result<(), StoreError> {
    const END: &str =
        "UPDATE alerts SET ended_at = $3 WHERE app_id = $1 AND kind = $2 AND ended_at IS NULL";
    let mut tx = db.begin().await?;
    on_tx!(&mut tx, c => {
        sqlx::query(END).bind(app.to_string()).bind(kind.as_str()).bind(at.0).execute(c).await?;
    });
    tx.commit().await
}

/// The last hour that was judged.
pub(super) async fn judged_through(db: &Db) -> Result<Option<Micros>, StoreError> {
    const FIND: &str = "SELECT through FROM alert_progress WHERE name = $1";
    let at: Option<i64> =
        on_db!(db, c => sqlx::query_scalar(FIND).bind(HOURS).fetch_optional(c).await)?;
    Ok(at.map(Micros))
}

/// Notes that the hours up to this one were judged.
pub(super) async fn judged(db: &Db, hour: Micros) -> Result<(), StoreError> {
    const NOTE: &str = "INSERT INTO alert_progress (name, through) VALUES ($1, $2) \
                        ON CONFLICT (name) DO UPDATE SET through = excluded.through";
    let mut tx = db.begin().await?;
    on_tx!(&mut tx, c => {
        sqlx::query(NOTE).bind(HOURS).bind(hour.0).execute(c).await?;
    });
    tx.commit().await
}

#[derive(FromRow)]
struct HourRow {
    app_id: String,
    hour: i64,
    calls: i64,
    errors: i64,
    refusals: i64,
}

/// The live calls of all apps in some hours. Messages to subscriptions are no calls.
pub(super) async fn hours(
    db: &Db,
    hours: &[Micros],
) -> Result<Vec<((AppId, Micros), Hour)>, StoreError> {
    // PostgreSQL sums BIGINT as NUMERIC, hence the casts.
    const SUM: &str = "SELECT app_id, hour, CAST(SUM(requests) AS BIGINT) AS calls, \
        CAST(SUM(CASE WHEN status >= 400 AND status NOT IN (401, 403, 429) THEN requests ELSE 0 END) \
        AS BIGINT) AS errors, \
        CAST(SUM(CASE WHEN status IN (401, 403, 429) THEN requests ELSE 0 END) AS BIGINT) AS refusals \
        FROM usage_hours WHERE environment = 'live' \
        AND operation NOT IN ('deliver_message', 'deliver_test_message') AND hour IN (";
    let rows: Vec<HourRow> = on_db!(db, c => {
        let mut sum = QueryBuilder::new(SUM);
        let mut list = sum.separated(", ");
        for hour in hours {
            list.push_bind(hour.0);
        }
        sum.push(") GROUP BY app_id, hour");
        sum.build_query_as().fetch_all(c).await
    })?;
    let each = |row: HourRow| {
        let HourRow { calls, errors, refusals, .. } = row;
        let app = stored("usage_hours", &row.app_id)?;
        Ok(((app, Micros(row.hour)), Hour { calls, errors, refusals }))
    };
    rows.into_iter().map(each).collect()
}

/// The first hour in which an app called.
pub(super) async fn first_hour(db: &Db, app: AppId) -> Result<Option<Micros>, StoreError> {
    const FIRST: &str = "SELECT hour FROM usage_hours WHERE app_id = $1 ORDER BY hour LIMIT 1";
    let at: Option<i64> = on_db!(db, c => {
        sqlx::query_scalar(FIRST).bind(app.to_string()).fetch_optional(c).await
    })?;
    Ok(at.map(Micros))
}

/// The apps of a partner.
pub(super) async fn apps(tx: &mut Tx, partner: PartnerId) -> Result<Vec<AppId>, StoreError> {
    const LIST: &str = "SELECT id FROM apps WHERE partner_id = $1 ORDER BY id";
    let ids: Vec<String> = on_tx!(tx, c => {
        sqlx::query_scalar(LIST).bind(partner.to_string()).fetch_all(c).await
    })?;
    ids.iter().map(|id| stored("apps", id)).collect()
}

/// Alerts whose message to the retailer's own receiver is due, the oldest first.
pub(super) async fn to_post(db: &Db, now: Micros, most: u32) -> Result<Vec<Stored>, StoreError> {
    const LIST: &str = "SELECT * FROM alerts WHERE post_status = 'pending' AND post_next_at <= $1 \
                        ORDER BY raised_at, id LIMIT $2";
    let rows: Vec<Row> = on_db!(db, c => {
        sqlx::query_as(LIST).bind(now.0).bind(i64::from(most)).fetch_all(c).await
    })?;
    rows.into_iter().map(Stored::try_from).collect()
}

/// Notes what became of an attempt to send one.
pub(super) async fn posted(db: &Db, id: AlertId, attempt: &Attempt) -> Result<(), StoreError> {
    const NOTE: &str = "UPDATE alerts SET post_status = $2, post_attempts = post_attempts + 1, \
                        post_next_at = $3, post_answer = $4, post_error = $5 WHERE id = $1";
    let mut tx = db.begin().await?;
    on_tx!(&mut tx, c => {
        let note = sqlx::query(NOTE).bind(id.to_string()).bind(attempt.status);
        let note = note.bind(attempt.next_attempt_at);
        let note = note.bind(attempt.response_status.map(i64::from)).bind(attempt.error);
        note.execute(c).await?;
    });
    tx.commit().await
}

/// Which alerts are asked for.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Of one partner.
    pub partner: Option<PartnerId>,
    /// Of one app.
    pub app: Option<AppId>,
    /// Beside those of the app, those about all apps of the partner.
    pub of_all_apps: bool,
    /// Of one kind.
    pub kind: Option<Kind>,
    /// Raised at this instant or later.
    pub since: Option<Micros>,
    /// Before the alert that was raised at this instant and has this id.
    pub before: Option<(Micros, AlertId)>,
    /// Most of them.
    pub limit: u32,
}

/// Alerts, the newest first.
pub async fn page(db: &Db, asked: &Asked) -> Result<Vec<Stored>, StoreError> {
    const PAGE: &str = "SELECT * FROM alerts WHERE raised_at >= $1 AND raised_at <= $2 \
                        AND (raised_at < $2 OR id < $3) AND partner_id = COALESCE($4, partner_id) \
                        AND ($5 = '' OR app_id = $5 OR ($6 AND app_id IS NULL)) \
                        AND kind = COALESCE($7, kind) ORDER BY raised_at DESC, id DESC LIMIT $8";
    let (before, id) =
        asked.before.map_or((i64::MAX, String::new()), |(at, id)| (at.0, id.to_string()));
    let app = asked.app.map(|id| id.to_string()).unwrap_or_default();
    let rows: Vec<Row> = on_db!(db, c => {
        let page = sqlx::query_as(PAGE).bind(asked.since.map_or(i64::MIN, |at| at.0));
        let page = page.bind(before).bind(id).bind(asked.partner.map(|id| id.to_string()));
        let page = page.bind(app).bind(asked.of_all_apps).bind(asked.kind.map(Kind::as_str));
        page.bind(i64::from(asked.limit)).fetch_all(c).await
    })?;
    rows.into_iter().map(Stored::try_from).collect()
}

/// Forgets what was raised before an instant and has ended, once it need not be known any more.
pub(super) async fn forget(db: &Db, before: Micros, now: Micros) -> Result<(), StoreError> {
    const DELETE: &str = "DELETE FROM alerts WHERE raised_at < $1 AND kept_until < $2 \
        AND (kind NOT IN ('high_usage', 'many_errors', 'many_refusals', 'silence') \
            OR ended_at IS NOT NULL) \
        AND (period_id IS NULL OR EXISTS (SELECT 1 FROM billing_closes c \
            WHERE c.period_id = alerts.period_id))";
    let mut tx = db.begin().await?;
    on_tx!(&mut tx, c => {
        sqlx::query(DELETE).bind(before.0).bind(now.0).execute(c).await?;
    });
    tx.commit().await
}
