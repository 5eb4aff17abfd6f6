//! All SQL of partners and apps, and of the logs that every change is written to.

use super::audit::{self, Deed};
use super::error::{AccessError, Kind};
use super::freezes;
use super::model::{App, Name, Partner, Status};
use super::partners::store::ProfileRow;
use super::service::By;
use crate::kernel::Micros;
use crate::kernel::id::{AppId, KeyId, PartnerId, PlanId};
use crate::kernel::word::Word as _;
use crate::storage::{Db, Log, StoreError, Tx, advance, fetch};
use crate::{on_db, on_tx};
use serde_json::json;
use sqlx::FromRow;
use std::collections::{BTreeMap, HashSet};
use std::fmt::Display;
use std::str::FromStr;

/// A stored text as the value that it stands for.
pub fn stored<T>(table: &'static str, text: &str) -> Result<T, StoreError>
where
    T: FromStr,
    T::Err: Display,
{
    text.parse().map_err(|error| StoreError::corrupt(table, error))
}

/// Where a walk through a list goes on: behind `after`, at most `limit` rows.
#[derive(Debug, Clone)]
pub struct Walk {
    /// The last id of the page before; empty for the first page.
    pub after: String,
    /// Most rows.
    pub limit: u32,
}

/// What the control log calls a change of names, contacts and the like, by which no call is judged.
pub const DESCRIBE: &str = "describe";

/// What a change is called in the logs.
#[derive(Debug)]
pub struct Change {
    /// What changed.
    pub kind: Kind,
    /// Its id.
    pub id: String,
    /// What was done: `create`, `suspend`, …
    pub op: &'static str,
    /// What nodes are told of it: the same, or that it is less than what follows from that.
    pub followed: &'static str,
    /// What it became, without secrets.
    pub detail: serde_json::Value,
    /// Whether it only takes access away, so that it can be done to what is frozen.
    pub narrows: bool,
}

impl Change {
    /// A change that narrows access, or only tells of something, where its name says so.
    pub fn new(kind: Kind, id: impl Display, op: &'static str, detail: serde_json::Value) -> Self {
        const NARROW: &[&str] = &[
            "suspend",
            "suspend_plan",
            "quarantine",
            "revoke",
            "finish_rotation",
            "leak",
            freezes::FREEZE,
        ];
        let narrows = NARROW.contains(&op);
        Self { kind, id: id.to_string(), op, followed: op, detail, narrows }
    }

    /// The same, of which nothing is known to calls: the control log tells it as [`DESCRIBE`].
    pub fn only_described(self) -> Self {
        Self { followed: DESCRIBE, ..self }
    }
}

/// Writes a change to the control log and the audit log. Call it last: writers of these logs wait
/// for the end of this transaction.
///
/// Of what is frozen only access can be taken away: else this is the error, and the transaction must be dropped.
pub async fn record(tx: &mut Tx, by: &By<'_>, change: Change) -> Result<(), AccessError> {
    let position = advance(tx, Log::Control, 1).await?;
    // Asked after the control log is ours, so that a freeze that is under way is seen.
    if !change.narrows {
        freezes::forbid(tx, &change.id, change.op).await?;
    }
    let Change { kind, id, op, followed, mut detail, .. } = change;
    if let (Some(reason), Some(told)) = (by.reason, detail.as_object_mut()) {
        told.insert("reason".to_owned(), json!(reason));
    }
    write_control(tx, (position, kind, &id, followed), by.now).await?;
    let action = format!("{}.{op}", kind.as_str());
    Ok(audit::append(tx, by, Deed { action, subject: id, detail }).await?)
}

async fn write_control(
    tx: &mut Tx,
    (position, kind, id, op): (i64, Kind, &str, &str),
    now: Micros,
) -> Result<(), StoreError> {
    const CONTROL: &str = "INSERT INTO control_log \
                           (position, kind, id, op, occurred_at, written_at) \
                           VALUES ($1, $2, $3, $4, $5, $6)";
    let written_at = tx.now(now).await?;
    on_tx!(tx, c => {
        let control = sqlx::query(CONTROL).bind(position).bind(kind.as_str()).bind(id).bind(op);
        control.bind(now.0).bind(written_at.0).execute(c).await?;
    });
    Ok(())
}

#[derive(FromRow)]
struct PartnerRow {
    id: String,
    name: String,
    status: String,
    #[sqlx(flatten)]
    profile: ProfileRow,
    created_at: i64,
    updated_at: i64,
}

impl TryFrom<PartnerRow> for Partner {
    type Error = StoreError;

    fn try_from(row: PartnerRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: stored("partners", &row.id)?,
            name: stored("partners", &row.name)?,
            status: stored("partners", &row.status)?,
            profile: row.profile.try_into()?,
            created_at: Micros(row.created_at),
            updated_at: Micros(row.updated_at),
        })
    }
}

/// Adds a partner. A taken name is a conflict.
pub async fn insert_partner(tx: &mut Tx, partner: &Partner) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO partners (id, name, status, created_at, updated_at) \
                          VALUES ($1, $2, $3, $4, $5)";
    on_tx!(tx, c => {
        let insert = sqlx::query(INSERT).bind(partner.id.to_string()).bind(partner.name.as_str());
        let insert = insert.bind(partner.status.as_str());
        insert.bind(partner.created_at.0).bind(partner.updated_at.0).execute(c).await?;
    });
    Ok(())
}

/// A partner.
pub async fn find_partner(db: &Db, id: PartnerId) -> Result<Option<Partner>, StoreError> {
    const FIND: &str = "SELECT * FROM partners WHERE id = $1";
    let row: Option<PartnerRow> =
        on_db!(db, c => sqlx::query_as(FIND).bind(id.to_string()).fetch_optional(c).await)?;
    row.map(Partner::try_from).transpose()
}

/// A partner as a transaction sees it, kept from others until its end.
pub async fn hold_partner(tx: &mut Tx, id: PartnerId) -> Result<Option<Partner>, StoreError> {
    const HOLD: &str = "UPDATE partners SET id = id WHERE id = $1 RETURNING *";
    let row: Option<PartnerRow> =
        on_tx!(tx, c => sqlx::query_as(HOLD).bind(id.to_string()).fetch_optional(c).await)?;
    row.map(Partner::try_from).transpose()
}

const COUNT_PARTNER: &str = "SELECT COUNT(*) FROM partners WHERE id = $1";

/// Whether there is such a partner.
pub async fn partner_exists(db: &Db, id: PartnerId) -> Result<bool, StoreError> {
    let count: i64 =
        on_db!(db, c => sqlx::query_scalar(COUNT_PARTNER).bind(id.to_string()).fetch_one(c).await)?;
    Ok(count > 0)
}

/// Whether a transaction sees such a partner.
pub async fn partner_exists_in(tx: &mut Tx, id: PartnerId) -> Result<bool, StoreError> {
    let count: i64 =
        on_tx!(tx, c => sqlx::query_scalar(COUNT_PARTNER).bind(id.to_string()).fetch_one(c).await)?;
    Ok(count > 0)
}

/// Whose apps are.
pub type Owners = BTreeMap<AppId, PartnerId>;

const COUNT_APP: &str = "SELECT COUNT(*) FROM apps WHERE id = $1";

/// Whether there is such an app.
pub async fn app_exists(db: &Db, id: AppId) -> Result<bool, StoreError> {
    let count: i64 =
        on_db!(db, c => sqlx::query_scalar(COUNT_APP).bind(id.to_string()).fetch_one(c).await)?;
    Ok(count > 0)
}

/// Those of some apps that there are.
pub async fn existing_apps(
    db: &Db,
    apps: impl IntoIterator<Item = AppId>,
) -> Result<HashSet<AppId>, StoreError> {
    const FIND: &str = "SELECT id FROM apps WHERE id IN (";
    let apps: Vec<String> = apps.into_iter().map(|app| app.to_string()).collect();
    let found: Vec<(String,)> = fetch::by_many_ids(db, FIND, &apps, usize::MAX).await?;
    found.iter().map(|(app,)| stored("apps", app)).collect()
}

/// Keeps an app from others until the end of the transaction, a transfer too; whose it is, where there is one.
/// Call it before anything of the app is held; of several apps [`hold_apps`].
pub async fn hold_app(tx: &mut Tx, id: AppId) -> Result<Option<PartnerId>, StoreError> {
    const HOLD: &str = "UPDATE apps SET id = id WHERE id = $1 RETURNING partner_id";
    held_for(tx, HOLD, &id.to_string()).await
}

/// The same with several apps; those that there are, with whose they are.
pub async fn hold_apps(
    tx: &mut Tx,
    apps: impl IntoIterator<Item = AppId>,
) -> Result<Owners, StoreError> {
    const HOLD: &str = "SELECT id, partner_id FROM apps WHERE id IN (";
    let apps = apps.into_iter().map(|app| app.to_string()).collect();
    let held: Vec<(String, String)> = fetch::hold_by_ids(tx, HOLD, apps).await?;
    let read =
        |(app, partner): (String, String)| Ok((stored("apps", &app)?, stored("apps", &partner)?));
    held.into_iter().map(read).collect()
}

/// The same with the app of a key.
pub async fn hold_app_of(tx: &mut Tx, key: KeyId) -> Result<Option<PartnerId>, StoreError> {
    const HOLD: &str = "UPDATE apps SET id = id \
                        WHERE id = (SELECT app_id FROM keys WHERE id = $1) RETURNING partner_id";
    held_for(tx, HOLD, &key.to_string()).await
}

async fn held_for(
    tx: &mut Tx,
    hold: &'static str,
    id: &str,
) -> Result<Option<PartnerId>, StoreError> {
    let partner: Option<String> =
        on_tx!(tx, c => sqlx::query_scalar(hold).bind(id).fetch_optional(c).await)?;
    partner.map(|id| stored("apps", &id)).transpose()
}

/// Partners in the order of their ids.
pub async fn list_partners(db: &Db, walk: &Walk) -> Result<Vec<Partner>, StoreError> {
    const LIST: &str = "SELECT * FROM partners WHERE id > $1 ORDER BY id LIMIT $2";
    let rows: Vec<PartnerRow> = on_db!(db, c => {
        sqlx::query_as(LIST).bind(&walk.after).bind(i64::from(walk.limit)).fetch_all(c).await
    })?;
    rows.into_iter().map(Partner::try_from).collect()
}

/// Changes a partner's status; `None` where there is no such partner or it has that status.
pub async fn set_partner_status(
    tx: &mut Tx,
    id: PartnerId,
    status: Status,
    now: Micros,
) -> Result<Option<Partner>, StoreError> {
    const UPDATE: &str = "UPDATE partners SET status = $2, updated_at = $3 \
                          WHERE id = $1 AND status <> $2 RETURNING *";
    let row: Option<PartnerRow> = on_tx!(tx, c => {
        let update = sqlx::query_as(UPDATE).bind(id.to_string()).bind(status.as_str());
        update.bind(now.0).fetch_optional(c).await
    })?;
    row.map(Partner::try_from).transpose()
}

#[derive(FromRow)]
struct AppRow {
    id: String,
    partner_id: String,
    plan_id: String,
    name: String,
    status: String,
    created_at: i64,
    updated_at: i64,
}

/// Apps with the plan in force at `$1`: of the subscriptions that are not over, the one that began first.
macro_rules! apps {
    ($rest:literal) => {
        concat!(
            "SELECT a.*, (SELECT s.plan_id FROM app_subscriptions s \
                 WHERE s.app_id = a.id AND s.starts_at IS NOT NULL \
                 AND (s.ends_at IS NULL OR s.ends_at > $1) \
                 ORDER BY s.starts_at LIMIT 1) AS plan_id \
             FROM apps a ",
            $rest
        )
    };
}

impl TryFrom<AppRow> for App {
    type Error = StoreError;

    fn try_from(row: AppRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: stored("apps", &row.id)?,
            partner: stored("apps", &row.partner_id)?,
            plan: stored("apps", &row.plan_id)?,
            name: stored("apps", &row.name)?,
            status: stored("apps", &row.status)?,
            created_at: Micros(row.created_at),
            updated_at: Micros(row.updated_at),
        })
    }
}

/// Adds an app, without its subscription. A name taken within the partner is a conflict.
pub async fn insert_app(tx: &mut Tx, app: &App) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO apps \
                          (id, partner_id, first_plan_id, name, status, created_at, updated_at) \
                          VALUES ($1, $2, $3, $4, $5, $6, $7)";
    on_tx!(tx, c => {
        let insert = sqlx::query(INSERT).bind(app.id.to_string()).bind(app.partner.to_string());
        let insert = insert.bind(app.plan.to_string()).bind(app.name.as_str());
        let insert = insert.bind(app.status.as_str()).bind(app.created_at.0);
        insert.bind(app.updated_at.0).execute(c).await?;
    });
    Ok(())
}

const FIND_APP: &str = apps!("WHERE a.id = $2");

/// An app as it is at `now`.
pub async fn find_app(db: &Db, id: AppId, now: Micros) -> Result<Option<App>, StoreError> {
    let row: Option<AppRow> = on_db!(db, c => {
        sqlx::query_as(FIND_APP).bind(now.0).bind(id.to_string()).fetch_optional(c).await
    })?;
    row.map(App::try_from).transpose()
}

/// The same as a transaction sees it.
pub async fn find_app_in(tx: &mut Tx, id: AppId, now: Micros) -> Result<Option<App>, StoreError> {
    let row: Option<AppRow> = on_tx!(tx, c => {
        sqlx::query_as(FIND_APP).bind(now.0).bind(id.to_string()).fetch_optional(c).await
    })?;
    row.map(App::try_from).transpose()
}

/// Which apps are meant: those that fit all that is there.
#[derive(Debug, Clone, Copy, Default)]
pub struct AppFilter {
    /// Of a partner.
    pub partner: Option<PartnerId>,
    /// On a plan.
    pub plan: Option<PlanId>,
    /// In a state.
    pub status: Option<Status>,
}

/// The apps that a filter means, as they are at `now`, in the order of their ids.
pub async fn list_apps(
    db: &Db,
    filter: &AppFilter,
    walk: &Walk,
    now: Micros,
) -> Result<Vec<App>, StoreError> {
    const LIST: &str = concat!(
        "SELECT * FROM (",
        apps!("WHERE a.id > $2 AND a.partner_id = COALESCE($3, a.partner_id)"),
        ") a WHERE a.plan_id = COALESCE($4, a.plan_id) AND a.status = COALESCE($5, a.status) \
         ORDER BY a.id LIMIT $6"
    );
    let rows: Vec<AppRow> = on_db!(db, c => {
        let list = sqlx::query_as(LIST).bind(now.0).bind(&walk.after);
        let list = list.bind(filter.partner.map(|id| id.to_string()));
        let list = list.bind(filter.plan.map(|id| id.to_string()));
        let list = list.bind(filter.status.map(Status::as_str));
        list.bind(i64::from(walk.limit)).fetch_all(c).await
    })?;
    rows.into_iter().map(App::try_from).collect()
}

/// Changes an app's status; false where there is no such app or it has that status.
pub async fn set_app_status(
    tx: &mut Tx,
    id: AppId,
    status: Status,
    now: Micros,
) -> Result<bool, StoreError> {
    const UPDATE: &str = "UPDATE apps SET status = $2, updated_at = $3 \
                          WHERE id = $1 AND status <> $2";
    let changed = on_tx!(tx, c => {
        let update = sqlx::query(UPDATE).bind(id.to_string()).bind(status.as_str());
        update.bind(now.0).execute(c).await?.rows_affected()
    });
    Ok(changed > 0)
}

/// Gives an app another name; false where there is no such app or it has that name. A name taken within the partner is a
/// conflict.
pub async fn rename_app(
    tx: &mut Tx,
    id: AppId,
    name: &Name,
    now: Micros,
) -> Result<bool, StoreError> {
    const RENAME: &str = "UPDATE apps SET name = $2, updated_at = $3 WHERE id = $1 AND name <> $2";
    let changed = on_tx!(tx, c => {
        let rename = sqlx::query(RENAME).bind(id.to_string()).bind(name.as_str());
        rename.bind(now.0).execute(c).await?.rows_affected()
    });
    Ok(changed > 0)
}
