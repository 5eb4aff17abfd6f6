//! All SQL of sessions.

use super::Session;
use crate::access::store::stored;
use crate::admin::accounts::model::Account;
use crate::admin::accounts::store::AccountRow;
use crate::kernel::Micros;
use crate::kernel::id::{AccountId, SessionId};
use crate::storage::{Db, StoreError, Tx};
use crate::{on_db, on_tx};
use sqlx::FromRow;

#[derive(FromRow)]
struct SessionRow {
    id: String,
    address: String,
    agent: String,
    created_at: i64,
    seen_at: i64,
    expires_at: i64,
}

impl TryFrom<SessionRow> for Session {
    type Error = StoreError;

    fn try_from(row: SessionRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: stored("admin_sessions", &row.id)?,
            address: row.address,
            agent: row.agent,
            created_at: Micros(row.created_at),
            seen_at: Micros(row.seen_at),
            expires_at: Micros(row.expires_at),
        })
    }
}

/// Adds a session.
pub(super) async fn insert(
    tx: &mut Tx,
    session: &Session,
    account: AccountId,
    hash: &str,
) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO admin_sessions \
        (id, account_id, hash, address, agent, created_at, seen_at, expires_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    on_tx!(tx, c => {
        let insert = sqlx::query(INSERT).bind(session.id.to_string()).bind(account.to_string());
        let insert = insert.bind(hash).bind(&session.address).bind(&session.agent);
        let insert = insert.bind(session.created_at.0).bind(session.seen_at.0);
        insert.bind(session.expires_at.0).execute(c).await?;
    });
    Ok(())
}

/// The session with a hash, and whose it is.
pub(super) async fn find(db: &Db, hash: &str) -> Result<Option<(Session, Account)>, StoreError> {
    const SESSION: &str = "SELECT * FROM admin_sessions WHERE hash = $1";
    const ACCOUNT: &str = "SELECT a.* FROM accounts a \
        JOIN admin_sessions s ON s.account_id = a.id WHERE s.hash = $1";
    let session: Option<SessionRow> =
        on_db!(db, c => sqlx::query_as(SESSION).bind(hash).fetch_optional(c).await)?;
    let account: Option<AccountRow> =
        on_db!(db, c => sqlx::query_as(ACCOUNT).bind(hash).fetch_optional(c).await)?;
    match (session, account) {
        (Some(session), Some(account)) => Ok(Some((session.try_into()?, account.try_into()?))),
        _ => Ok(None),
    }
}

/// Writes down that a session is used.
pub(super) async fn touch(db: &Db, id: SessionId, now: Micros) -> Result<(), StoreError> {
    const TOUCH: &str = "UPDATE admin_sessions SET seen_at = $2 WHERE id = $1";
    let mut tx = db.begin().await?;
    on_tx!(&mut tx, c => {
        sqlx::query(TOUCH).bind(id.to_string()).bind(now.0).execute(c).await?;
    });
    tx.commit().await
}

/// The sessions of an account, the newest first.
pub(in crate::admin) async fn of(db: &Db, account: AccountId) -> Result<Vec<Session>, StoreError> {
    const LIST: &str =
        "SELECT * FROM admin_sessions WHERE account_id = $1 ORDER BY created_at DESC, id";
    let rows: Vec<SessionRow> =
        on_db!(db, c => sqlx::query_as(LIST).bind(account.to_string()).fetch_all(c).await)?;
    rows.into_iter().map(Session::try_from).collect()
}

/// Ends a session of an account; whether there was one.
pub(in crate::admin) async fn end(
    tx: &mut Tx,
    account: AccountId,
    id: SessionId,
) -> Result<bool, StoreError> {
    const END: &str = "DELETE FROM admin_sessions WHERE account_id = $1 AND id = $2";
    Ok(on_tx!(tx, c => {
        let end = sqlx::query(END).bind(account.to_string()).bind(id.to_string());
        end.execute(c).await?.rows_affected() == 1
    }))
}

/// Ends all sessions of an account but one; how many.
pub(in crate::admin) async fn end_all(
    tx: &mut Tx,
    account: AccountId,
    but: Option<&str>,
) -> Result<u64, StoreError> {
    const END: &str = "DELETE FROM admin_sessions WHERE account_id = $1 AND id <> $2";
    Ok(on_tx!(tx, c => {
        let end = sqlx::query(END).bind(account.to_string()).bind(but.unwrap_or_default());
        end.execute(c).await?.rows_affected()
    }))
}

/// Forgets sessions that are over.
pub(super) async fn forget_ended(
    tx: &mut Tx,
    now: Micros,
    idle_since: Micros,
) -> Result<(), StoreError> {
    const FORGET: &str = "DELETE FROM admin_sessions WHERE expires_at <= $1 OR seen_at <= $2";
    on_tx!(tx, c => {
        sqlx::query(FORGET).bind(now.0).bind(idle_since.0).execute(c).await?;
    });
    Ok(())
}
