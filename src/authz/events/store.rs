//! All SQL of what partners are told.

use super::kind::PartnerEventKind;
use crate::consent::record::GrantId;
use crate::kernel::Micros;
use crate::kernel::id::AppId;
use crate::storage::{Db, StoreError, Tx, parsed};
use crate::{on_db, on_tx};
use sqlx::FromRow;

const EVENTS: &str = "partner_events";
const DELETIONS: &str = "consent_deletions";
/// Most characters of what is kept of an error.
const ERROR_MOST: usize = 200;

/// An event that is to be written.
#[derive(Debug, Clone)]
pub(super) struct NewEvent {
    /// What it tells of: nothing is told twice.
    pub(super) source: String,
    pub(super) jti: String,
    pub(super) app: AppId,
    pub(super) grant: GrantId,
    pub(super) kind: PartnerEventKind,
    pub(super) claims: String,
    /// Until when the partner has to delete what it has.
    pub(super) delete_by: Option<Micros>,
}

/// Up to which place of the ledger partners were told.
pub(super) async fn position(db: &Db) -> Result<i64, StoreError> {
    const FIND: &str = "SELECT position FROM log_heads WHERE log = 'consent_told'";
    Ok(on_db!(db, c => sqlx::query_scalar(FIND).fetch_one(c).await)?)
}

/// Goes on from one place of the ledger to another; false where another node has.
pub(super) async fn advance(tx: &mut Tx, from: i64, to: i64) -> Result<bool, StoreError> {
    const ADVANCE: &str =
        "UPDATE log_heads SET position = $2 WHERE log = 'consent_told' AND position = $1";
    let moved = on_tx!(tx, c => {
        sqlx::query(ADVANCE).bind(from).bind(to).execute(c).await?.rows_affected()
    });
    Ok(moved == 1)
}

/// Writes an event, and what is to be deleted with it: posted until `push_until` where the app has said where to, and asked
/// for by the app elsewhere.
pub(super) async fn put(
    tx: &mut Tx,
    new: &NewEvent,
    (now, push_until): (Micros, Micros),
) -> Result<(), StoreError> {
    const PUT: &str = "INSERT INTO partner_events (jti, source, app_id, grant_id, kind, claims, made_at, status,
        next_at, push_until) VALUES ($1, $2, $3, $4, $5, $6, $7,
        CASE WHEN EXISTS (SELECT 1 FROM partner_event_endpoints WHERE app_id = $3) THEN 'pending' ELSE 'queued' END,
        $7, $8) ON CONFLICT (source) DO NOTHING";
    const DELETE: &str = "INSERT INTO consent_deletions (grant_id, app_id, asked_at, due_at)
        VALUES ($1, $2, $3, $4) ON CONFLICT (grant_id) DO NOTHING";
    let (app, grant) = (new.app.to_string(), new.grant.to_string());
    on_tx!(tx, c => {
        let put = sqlx::query(PUT).bind(&new.jti).bind(&new.source).bind(&app).bind(&grant);
        let put = put.bind(new.kind.as_str()).bind(&new.claims).bind(now.0).bind(push_until.0);
        put.execute(&mut *c).await?;
        if let Some(by) = new.delete_by {
            let delete = sqlx::query(DELETE).bind(&grant).bind(&app).bind(now.0).bind(by.0);
            delete.execute(c).await?;
        }
    });
    Ok(())
}

/// An event that waits to be posted.
#[derive(Debug, Clone, FromRow)]
pub(super) struct DueEvent {
    pub(super) jti: String,
    pub(super) app_id: String,
    pub(super) url: String,
    pub(super) claims: String,
    pub(super) attempts: i64,
    pub(super) push_until: i64,
}

/// Events that are to be posted now, the first ones first.
pub(super) async fn due(db: &Db, now: Micros, limit: u32) -> Result<Vec<DueEvent>, StoreError> {
    const LIST: &str = "SELECT e.jti, e.app_id, p.url, e.claims, e.attempts, e.push_until
        FROM partner_events e JOIN partner_event_endpoints p ON p.app_id = e.app_id
        WHERE e.status = 'pending' AND e.next_at <= $1 ORDER BY e.next_at, e.made_at, e.jti LIMIT $2";
    Ok(on_db!(db, c => {
        sqlx::query_as(LIST).bind(now.0).bind(i64::from(limit)).fetch_all(c).await
    })?)
}

/// What has become of an attempt.
#[derive(Debug, Clone, Copy)]
pub(super) struct PushOutcome<'a> {
    /// `taken`, `refused`, `pending` or `queued`.
    pub(super) status: &'static str,
    pub(super) next_at: Micros,
    /// The status of the answer.
    pub(super) answer: Option<u16>,
    pub(super) error: Option<&'a str>,
    pub(super) now: Micros,
}

/// Notes an attempt, where the event still waits: the app may have asked for it meanwhile.
pub(super) async fn note(db: &Db, jti: &str, of: PushOutcome<'_>) -> Result<(), StoreError> {
    const NOTE: &str =
        "UPDATE partner_events SET status = $2, next_at = $3, answer = $4, error = $5,
        ended_at = $6, attempts = attempts + 1 WHERE jti = $1 AND status = 'pending'";
    let ended = matches!(of.status, "taken" | "refused").then_some(of.now.0);
    let error: Option<String> = of.error.map(shortened);
    let mut tx = db.begin().await?;
    on_tx!(&mut tx, c => {
        let note = sqlx::query(NOTE).bind(jti).bind(of.status).bind(of.next_at.0);
        let note = note.bind(of.answer.map(i64::from)).bind(error).bind(ended);
        note.execute(c).await?;
    });
    tx.commit().await
}

fn shortened(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(ERROR_MOST).collect()
}

/// Events of apps that have not said where to, or no more, are asked for; how many there were.
pub(super) async fn queue_homeless(db: &Db) -> Result<u64, StoreError> {
    const FIND: &str =
        "SELECT COUNT(*) FROM partner_events e WHERE e.status = 'pending' AND NOT EXISTS
        (SELECT 1 FROM partner_event_endpoints p WHERE p.app_id = e.app_id)";
    const QUEUE: &str =
        "UPDATE partner_events SET status = 'queued' WHERE status = 'pending' AND NOT EXISTS
        (SELECT 1 FROM partner_event_endpoints p WHERE p.app_id = partner_events.app_id)";
    let found: i64 = on_db!(db, c => sqlx::query_scalar(FIND).fetch_one(c).await)?;
    if found == 0 {
        return Ok(0);
    }
    let mut tx = db.begin().await?;
    let queued = on_tx!(&mut tx, c => sqlx::query(QUEUE).execute(c).await?.rows_affected());
    tx.commit().await?;
    Ok(queued)
}

/// Events of an app that it has not taken, the first ones first: id and claims.
pub(super) async fn open_of(
    db: &Db,
    app: AppId,
    limit: u32,
) -> Result<Vec<(String, String)>, StoreError> {
    const LIST: &str = "SELECT jti, claims FROM partner_events
        WHERE app_id = $1 AND status IN ('pending', 'queued') ORDER BY made_at, jti LIMIT $2";
    Ok(on_db!(db, c => {
        sqlx::query_as(LIST).bind(app.to_string()).bind(i64::from(limit)).fetch_all(c).await
    })?)
}

/// An app has taken an event, or refuses it for this reason. What is another's, or has ended, does not change.
pub(super) async fn end(
    tx: &mut Tx,
    (app, jti): (AppId, &str),
    refused: Option<&str>,
    now: Micros,
) -> Result<(), StoreError> {
    const END: &str = "UPDATE partner_events SET status = $3, error = $4, ended_at = $5
        WHERE jti = $1 AND app_id = $2 AND status IN ('pending', 'queued')";
    let status = if refused.is_some() { "refused" } else { "taken" };
    on_tx!(tx, c => {
        let end = sqlx::query(END).bind(jti).bind(app.to_string()).bind(status);
        end.bind(refused.map(shortened)).bind(now.0).execute(c).await?;
    });
    Ok(())
}

/// How many events apps have not taken, and when the first of them was made.
pub(super) async fn open(db: &Db) -> Result<(i64, Option<Micros>), StoreError> {
    const COUNT: &str =
        "SELECT COUNT(*), MIN(made_at) FROM partner_events WHERE status IN ('pending', 'queued')";
    let (count, first): (i64, Option<i64>) =
        on_db!(db, c => sqlx::query_as(COUNT).fetch_one(c).await)?;
    Ok((count, first.map(Micros)))
}

/// Where an app takes what it is told.
pub(super) async fn endpoint(db: &Db, app: AppId) -> Result<Option<(String, Micros)>, StoreError> {
    const FIND: &str = "SELECT url, set_at FROM partner_event_endpoints WHERE app_id = $1";
    let found: Option<(String, i64)> =
        on_db!(db, c => sqlx::query_as(FIND).bind(app.to_string()).fetch_optional(c).await)?;
    Ok(found.map(|(url, at)| (url, Micros(at))))
}

/// Sets where an app takes what it is told from now on; nowhere where there is none.
pub(super) async fn set_endpoint(
    tx: &mut Tx,
    app: AppId,
    url: Option<&str>,
    now: Micros,
) -> Result<(), StoreError> {
    const SET: &str =
        "INSERT INTO partner_event_endpoints (app_id, url, set_at) VALUES ($1, $2, $3)
        ON CONFLICT (app_id) DO UPDATE SET url = excluded.url, set_at = excluded.set_at";
    const REMOVE: &str = "DELETE FROM partner_event_endpoints WHERE app_id = $1";
    let app = app.to_string();
    on_tx!(tx, c => {
        match url {
            Some(url) => sqlx::query(SET).bind(app).bind(url).bind(now.0).execute(c).await?,
            None => sqlx::query(REMOVE).bind(app).execute(c).await?,
        };
    });
    Ok(())
}

/// Consents that hold, end before an instant, and of which that was not told, the first ones first.
pub(super) async fn expiring(
    db: &Db,
    (now, before): (Micros, Micros),
    limit: u32,
) -> Result<Vec<GrantId>, StoreError> {
    const LIST: &str = "SELECT c.id FROM consents c WHERE c.status = 'active' AND c.expires_at > $1
        AND c.expires_at <= $2 AND c.expires_at - c.starts_at > $2 - $1 AND NOT EXISTS
        (SELECT 1 FROM partner_events e WHERE e.source = 'expiring ' || c.id || ' ' || c.version)
        ORDER BY c.expires_at, c.id LIMIT $3";
    let ids: Vec<String> = on_db!(db, c => {
        let list = sqlx::query_scalar(LIST).bind(now.0).bind(before.0);
        list.bind(i64::from(limit)).fetch_all(c).await
    })?;
    ids.iter().map(|id| parsed("consents", id)).collect()
}

/// What a partner has to delete, and what it has said of that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartnerDeletion {
    /// The consent.
    pub grant: GrantId,
    /// The app.
    pub app: AppId,
    /// When it was asked to.
    pub asked_at: Micros,
    /// Until when.
    pub due_at: Micros,
    /// When it was reminded.
    pub reminded_at: Option<Micros>,
    /// When it said that it has.
    pub confirmed_at: Option<Micros>,
    /// When it has, as it says.
    pub deleted_at: Option<Micros>,
    /// How many records, as it says.
    pub records: Option<i64>,
}

#[derive(FromRow)]
struct DeletionRow {
    grant_id: String,
    app_id: String,
    asked_at: i64,
    due_at: i64,
    reminded_at: Option<i64>,
    confirmed_at: Option<i64>,
    deleted_at: Option<i64>,
    records: Option<i64>,
}

impl TryFrom<DeletionRow> for PartnerDeletion {
    type Error = StoreError;

    fn try_from(row: DeletionRow) -> Result<Self, StoreError> {
        Ok(Self {
            grant: parsed(DELETIONS, &row.grant_id)?,
            app: parsed(DELETIONS, &row.app_id)?,
            asked_at: Micros(row.asked_at),
            due_at: Micros(row.due_at),
            reminded_at: row.reminded_at.map(Micros),
            confirmed_at: row.confirmed_at.map(Micros),
            deleted_at: row.deleted_at.map(Micros),
            records: row.records,
        })
    }
}

/// Deletions that are not confirmed and due before an instant, and whose partner was not reminded, the first ones first.
pub(super) async fn unconfirmed(
    db: &Db,
    before: Micros,
    limit: u32,
) -> Result<Vec<PartnerDeletion>, StoreError> {
    const LIST: &str =
        "SELECT grant_id, app_id, asked_at, due_at, reminded_at, confirmed_at, deleted_at, records
        FROM consent_deletions WHERE confirmed_at IS NULL AND reminded_at IS NULL AND due_at <= $1
        ORDER BY due_at, grant_id LIMIT $2";
    let rows: Vec<DeletionRow> = on_db!(db, c => {
        sqlx::query_as(LIST).bind(before.0).bind(i64::from(limit)).fetch_all(c).await
    })?;
    rows.into_iter().map(PartnerDeletion::try_from).collect()
}

/// What is known of the deletion that goes with a consent; `None` where nothing is to be deleted.
pub(super) async fn deletion(
    db: &Db,
    grant: GrantId,
) -> Result<Option<PartnerDeletion>, StoreError> {
    const FIND: &str =
        "SELECT grant_id, app_id, asked_at, due_at, reminded_at, confirmed_at, deleted_at, records
        FROM consent_deletions WHERE grant_id = $1";
    let row: Option<DeletionRow> = on_db!(db, c => {
        sqlx::query_as(FIND).bind(grant.to_string()).fetch_optional(c).await
    })?;
    row.map(PartnerDeletion::try_from).transpose()
}

/// Notes that a partner was reminded.
pub(super) async fn reminded(tx: &mut Tx, grant: GrantId, now: Micros) -> Result<(), StoreError> {
    const NOTE: &str = "UPDATE consent_deletions SET reminded_at = $2 WHERE grant_id = $1";
    on_tx!(tx, c => {
        sqlx::query(NOTE).bind(grant.to_string()).bind(now.0).execute(c).await?;
    });
    Ok(())
}

/// The consent that an event of an app is about; `None` where the app was told of nothing by that name.
pub(super) async fn grant_of(
    db: &Db,
    (app, jti): (AppId, &str),
) -> Result<Option<GrantId>, StoreError> {
    const FIND: &str = "SELECT grant_id FROM partner_events WHERE jti = $1 AND app_id = $2";
    let found: Option<String> = on_db!(db, c => {
        sqlx::query_scalar(FIND).bind(jti).bind(app.to_string()).fetch_optional(c).await
    })?;
    found.map(|id| parsed(EVENTS, &id)).transpose()
}

/// Notes what a partner says that it has deleted; what it has said first stays.
pub(super) async fn confirm(
    tx: &mut Tx,
    (app, grant): (AppId, GrantId),
    (deleted_at, records): (Micros, Option<i64>),
    now: Micros,
) -> Result<(), StoreError> {
    const CONFIRM: &str =
        "UPDATE consent_deletions SET confirmed_at = $3, deleted_at = $4, records = $5
        WHERE grant_id = $1 AND app_id = $2 AND confirmed_at IS NULL";
    on_tx!(tx, c => {
        let confirm = sqlx::query(CONFIRM).bind(grant.to_string()).bind(app.to_string());
        confirm.bind(now.0).bind(deleted_at.0).bind(records).execute(c).await?;
    });
    Ok(())
}
