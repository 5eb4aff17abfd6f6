//! All SQL of what waits for a second person.

use super::model::Approval;
use crate::access::store::stored;
use crate::kernel::Micros;
use crate::kernel::id::ApprovalId;
use crate::kernel::word::Word as _;
use crate::storage::{Db, StoreError, Tx};
use crate::{on_db, on_tx};
use serde_json::Value;
use sqlx::FromRow;

#[derive(FromRow)]
struct ApprovalRow {
    id: String,
    action: String,
    payload: String,
    preview: String,
    status: String,
    asked_by: String,
    asked_person: String,
    asked_at: i64,
    expires_at: i64,
    decided_by: Option<String>,
    decided_at: Option<i64>,
    reason: Option<String>,
}

impl TryFrom<ApprovalRow> for Approval {
    type Error = StoreError;

    fn try_from(row: ApprovalRow) -> Result<Self, StoreError> {
        let document = |text: &str| -> Result<Value, StoreError> {
            serde_json::from_str(text).map_err(|error| StoreError::corrupt("approvals", error))
        };
        Ok(Self {
            id: stored("approvals", &row.id)?,
            action: row.action,
            payload: document(&row.payload)?,
            preview: document(&row.preview)?,
            status: stored("approvals", &row.status)?,
            asked_by: row.asked_by,
            asked_person: row.asked_person,
            asked_at: Micros(row.asked_at),
            expires_at: Micros(row.expires_at),
            decided_by: row.decided_by,
            decided_at: row.decided_at.map(Micros),
            reason: row.reason,
        })
    }
}

/// Adds an approval that is asked for.
pub(super) async fn insert(tx: &mut Tx, approval: &Approval) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO approvals (id, action, payload, preview, status, asked_by, \
        asked_person, asked_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    on_tx!(tx, c => {
        let insert = sqlx::query(INSERT).bind(approval.id.to_string()).bind(&approval.action);
        let insert = insert.bind(approval.payload.to_string()).bind(approval.preview.to_string());
        let insert = insert.bind(approval.status.as_str()).bind(&approval.asked_by);
        let insert = insert.bind(&approval.asked_person).bind(approval.asked_at.0);
        insert.bind(approval.expires_at.0).execute(c).await?;
    });
    Ok(())
}

/// An approval, kept from others until the end of the transaction.
pub(super) async fn find_in(tx: &mut Tx, id: ApprovalId) -> Result<Option<Approval>, StoreError> {
    const FIND: &str = "UPDATE approvals SET id = id WHERE id = $1 RETURNING *";
    let row: Option<ApprovalRow> =
        on_tx!(tx, c => sqlx::query_as(FIND).bind(id.to_string()).fetch_optional(c).await)?;
    row.map(Approval::try_from).transpose()
}

/// What somebody waits for of an action at a time, kept from others until the end of the transaction.
pub(super) async fn waiting(
    tx: &mut Tx,
    action: &str,
    asked_by: &str,
    now: Micros,
) -> Result<Vec<Approval>, StoreError> {
    const WAITING: &str = "UPDATE approvals SET id = id WHERE action = $1 AND asked_by = $2 \
        AND status = 'waiting' AND expires_at > $3 RETURNING *";
    let rows: Vec<ApprovalRow> = on_tx!(tx, c => {
        sqlx::query_as(WAITING).bind(action).bind(asked_by).bind(now.0).fetch_all(c).await
    })?;
    rows.into_iter().map(Approval::try_from).collect()
}

/// What anybody waits for of an operation at a time, kept from others until the end of the transaction.
pub async fn waiting_of_all(
    tx: &mut Tx,
    operation: &str,
    now: Micros,
) -> Result<Vec<Approval>, StoreError> {
    const WAITING: &str = "UPDATE approvals SET id = id WHERE action = $1 \
        AND status = 'waiting' AND expires_at > $2 RETURNING *";
    let rows: Vec<ApprovalRow> = on_tx!(tx, c => {
        sqlx::query_as(WAITING).bind(operation).bind(now.0).fetch_all(c).await
    })?;
    rows.into_iter().map(Approval::try_from).collect()
}

/// All that a person has asked for and that can be decided or claimed at a time, and what they have approved that can be
/// claimed, kept from others until the end of the transaction.
pub(super) async fn open_of(
    tx: &mut Tx,
    person: &str,
    now: Micros,
) -> Result<Vec<Approval>, StoreError> {
    const OPEN: &str = "UPDATE approvals SET id = id WHERE (asked_person = $1 \
        AND status IN ('waiting', 'claimable') OR decided_by = $1 AND status = 'claimable') \
        AND expires_at > $2 RETURNING *";
    let rows: Vec<ApprovalRow> = on_tx!(tx, c => {
        sqlx::query_as(OPEN).bind(person).bind(now.0).fetch_all(c).await
    })?;
    rows.into_iter().map(Approval::try_from).collect()
}

/// Writes down what was decided.
pub(super) async fn decide(tx: &mut Tx, approval: &Approval) -> Result<(), StoreError> {
    const DECIDE: &str = "UPDATE approvals SET status = $2, decided_by = $3, decided_at = $4, \
        reason = $5 WHERE id = $1";
    on_tx!(tx, c => {
        let decide = sqlx::query(DECIDE).bind(approval.id.to_string());
        let decide = decide.bind(approval.status.as_str()).bind(&approval.decided_by);
        let decide = decide.bind(approval.decided_at.map(|at| at.0)).bind(&approval.reason);
        decide.execute(c).await?;
    });
    Ok(())
}

/// An approval.
pub async fn find(db: &Db, id: ApprovalId) -> Result<Option<Approval>, StoreError> {
    const FIND: &str = "SELECT * FROM approvals WHERE id = $1";
    let row: Option<ApprovalRow> =
        on_db!(db, c => sqlx::query_as(FIND).bind(id.to_string()).fetch_optional(c).await)?;
    row.map(Approval::try_from).transpose()
}

/// The newest approvals behind one, or those alone that wait at a time.
pub async fn list(
    db: &Db,
    waiting_at: Option<Micros>,
    (behind, limit): (Option<(Micros, ApprovalId)>, u32),
) -> Result<Vec<Approval>, StoreError> {
    const ALL: &str = "SELECT * FROM approvals WHERE (asked_at, id) < ($1, $2) \
        ORDER BY asked_at DESC, id DESC LIMIT $3";
    const WAITING: &str = "SELECT * FROM approvals WHERE status = 'waiting' \
        AND (asked_at, id) < ($1, $2) AND expires_at > $4 \
        ORDER BY asked_at DESC, id DESC LIMIT $3";
    let (at, id) = behind.map_or((i64::MAX, String::new()), |(at, id)| (at.0, id.to_string()));
    let rows: Vec<ApprovalRow> = on_db!(db, c => {
        let list = sqlx::query_as(if waiting_at.is_some() { WAITING } else { ALL });
        let list = list.bind(at).bind(id).bind(i64::from(limit));
        match waiting_at {
            Some(now) => list.bind(now.0).fetch_all(c).await,
            None => list.fetch_all(c).await,
        }
    })?;
    rows.into_iter().map(Approval::try_from).collect()
}

/// How much a person waits for, or has yet to claim, at a time.
pub(super) async fn count_open(tx: &mut Tx, person: &str, now: Micros) -> Result<i64, StoreError> {
    const COUNT: &str = "SELECT COUNT(*) FROM approvals WHERE asked_person = $1 \
        AND status IN ('waiting', 'claimable') AND expires_at > $2";
    Ok(on_tx!(tx, c => sqlx::query_scalar(COUNT).bind(person).bind(now.0).fetch_one(c).await)?)
}

/// Forgets what was asked for before an instant, which is long over: the audit log has it.
pub(super) async fn forget(tx: &mut Tx, before: Micros) -> Result<(), StoreError> {
    const DELETE: &str = "DELETE FROM approvals WHERE asked_at < $1";
    on_tx!(tx, c => sqlx::query(DELETE).bind(before.0).execute(c).await.map(drop))?;
    Ok(())
}
