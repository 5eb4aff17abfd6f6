//! All SQL of applications.

use super::model::{Application, State, Wish};
use crate::access::store::{Walk, stored};
use crate::kernel::Micros;
use crate::kernel::id::{ApplicationId, KeyId};
use crate::kernel::language::LanguageTag;
use crate::kernel::word::Word as _;
use crate::storage::{Db, StoreError, Tx};
use crate::{on_db, on_tx};
use sqlx::FromRow;

const TABLE: &str = "applications";

#[derive(FromRow)]
struct Row {
    id: String,
    state: String,
    organisation: String,
    contact_name: String,
    email: String,
    language: Option<String>,
    app_name: String,
    purpose: String,
    plan_id: String,
    reason: Option<String>,
    partner_id: Option<String>,
    app_id: Option<String>,
    key_id: Option<String>,
    decided_by: Option<String>,
    decided_at: Option<i64>,
    created_at: i64,
    updated_at: i64,
}

/// A stored text that may be missing.
fn maybe<T>(text: Option<String>) -> Result<Option<T>, StoreError>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    text.map(|text| stored(TABLE, &text)).transpose()
}

impl TryFrom<Row> for Application {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let wish = Wish {
            organisation: stored(TABLE, &row.organisation)?,
            contact_name: stored(TABLE, &row.contact_name)?,
            email: stored(TABLE, &row.email)?,
            language: maybe(row.language)?,
            app_name: stored(TABLE, &row.app_name)?,
            purpose: stored(TABLE, &row.purpose)?,
            plan: stored(TABLE, &row.plan_id)?,
        };
        Ok(Self {
            id: stored(TABLE, &row.id)?,
            state: stored(TABLE, &row.state)?,
            wish,
            reason: row.reason,
            partner: maybe(row.partner_id)?,
            app: maybe(row.app_id)?,
            key: maybe(row.key_id)?,
            decided_by: row.decided_by,
            decided_at: row.decided_at.map(Micros),
            created_at: Micros(row.created_at),
            updated_at: Micros(row.updated_at),
        })
    }
}

/// Adds an application.
pub(super) async fn insert(tx: &mut Tx, new: &Application) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO applications (id, state, organisation, contact_name, email, \
                          language, app_name, purpose, plan_id, created_at, updated_at) \
                          VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)";
    let wish = &new.wish;
    on_tx!(tx, c => {
        let insert = sqlx::query(INSERT).bind(new.id.to_string()).bind(new.state.as_str());
        let insert = insert.bind(wish.organisation.as_str()).bind(wish.contact_name.as_str());
        let insert = insert.bind(wish.email.as_str());
        let insert = insert.bind(wish.language.as_ref().map(LanguageTag::as_str));
        let insert = insert.bind(wish.app_name.as_str()).bind(wish.purpose.as_str());
        insert.bind(wish.plan.to_string()).bind(new.created_at.0).execute(c).await?;
    });
    Ok(())
}

/// Keeps an application from others until the end of the transaction.
pub(super) async fn hold(tx: &mut Tx, id: ApplicationId) -> Result<(), StoreError> {
    const HOLD: &str = "UPDATE applications SET id = id WHERE id = $1";
    on_tx!(tx, c => sqlx::query(HOLD).bind(id.to_string()).execute(c).await.map(drop))?;
    Ok(())
}

/// Moves an application from one state to the one that it has now, with what was decided; false where it is
/// in that state no longer.
pub(super) async fn move_from(
    tx: &mut Tx,
    from: State,
    now: &Application,
) -> Result<bool, StoreError> {
    const UPDATE: &str = "UPDATE applications SET state = $3, reason = $4, partner_id = $5, \
                          app_id = $6, decided_by = $7, decided_at = $8, updated_at = $9 \
                          WHERE id = $1 AND state = $2";
    let moved = on_tx!(tx, c => {
        let update = sqlx::query(UPDATE).bind(now.id.to_string()).bind(from.as_str());
        let update = update.bind(now.state.as_str()).bind(&now.reason);
        let update = update.bind(now.partner.map(|id| id.to_string()));
        let update = update.bind(now.app.map(|id| id.to_string())).bind(&now.decided_by);
        let update = update.bind(now.decided_at.map(|at| at.0)).bind(now.updated_at.0);
        update.execute(c).await?.rows_affected()
    });
    Ok(moved > 0)
}

/// Notes the key that was claimed; false where one was claimed before.
pub(super) async fn claim(
    tx: &mut Tx,
    id: ApplicationId,
    key: KeyId,
    now: Micros,
) -> Result<bool, StoreError> {
    const CLAIM: &str = "UPDATE applications SET key_id = $2, updated_at = $3 \
                         WHERE id = $1 AND key_id IS NULL";
    let claimed = on_tx!(tx, c => {
        let claim = sqlx::query(CLAIM).bind(id.to_string()).bind(key.to_string()).bind(now.0);
        claim.execute(c).await?.rows_affected()
    });
    Ok(claimed > 0)
}

/// An application.
pub async fn find(db: &Db, id: ApplicationId) -> Result<Option<Application>, StoreError> {
    const FIND: &str = "SELECT * FROM applications WHERE id = $1";
    let row: Option<Row> =
        on_db!(db, c => sqlx::query_as(FIND).bind(id.to_string()).fetch_optional(c).await)?;
    row.map(Application::try_from).transpose()
}

/// Applications in the order of their ids, in one state or in all but those that are not verified.
pub(super) async fn list(
    db: &Db,
    state: Option<State>,
    walk: &Walk,
) -> Result<Vec<Application>, StoreError> {
    const LIST: &str = "SELECT * FROM applications WHERE id > $1 \
                        AND state = COALESCE($2, state) AND state <> 'unverified' \
                        ORDER BY id LIMIT $3";
    let state = state.map(State::as_str);
    let rows: Vec<Row> = on_db!(db, c => {
        let list = sqlx::query_as(LIST).bind(&walk.after).bind(state);
        list.bind(i64::from(walk.limit)).fetch_all(c).await
    })?;
    rows.into_iter().map(Application::try_from).collect()
}

/// How many applications wait, and how many of an address came since an instant.
pub(super) async fn counts(
    tx: &mut Tx,
    email: &str,
    since: Micros,
) -> Result<(i64, i64), StoreError> {
    const WAITING: &str =
        "SELECT COUNT(*) FROM applications WHERE state IN ('unverified', 'pending')";
    const BY_EMAIL: &str = "SELECT COUNT(*) FROM applications \
                            WHERE LOWER(email) = LOWER($1) AND created_at > $2";
    Ok(on_tx!(tx, c => {
        let waiting = sqlx::query_scalar(WAITING).fetch_one(&mut *c).await?;
        (waiting, sqlx::query_scalar(BY_EMAIL).bind(email).bind(since.0).fetch_one(c).await?)
    }))
}

/// Deletes the applications that can be verified no longer, and those that were rejected or withdrawn before an
/// instant.
pub async fn forget(db: &Db, begun: Micros, closed: Micros) -> Result<(), StoreError> {
    const DELETE: &str = "DELETE FROM applications \
                          WHERE (state = 'unverified' AND created_at <= $1) \
                          OR (state IN ('rejected', 'withdrawn') AND updated_at <= $2)";
    let mut tx = db.begin().await?;
    on_tx!(&mut tx, c => {
        sqlx::query(DELETE).bind(begun.0).bind(closed.0).execute(c).await?;
    });
    tx.commit().await
}
