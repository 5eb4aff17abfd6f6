//! Refresh tokens.

use super::REFRESH_TOKENS;
use super::row::{IssuedRow, bind_issued, issued_columns};
use crate::authz::handles::HandleHash;
use crate::authz::refresh::RefreshRecord;
use crate::kernel::Micros;
use crate::storage::{Db, StoreError, Tx};
use crate::{on_db, on_tx};
use sqlx::FromRow;

#[derive(Debug, FromRow)]
struct RefreshRow {
    #[sqlx(flatten)]
    issued: IssuedRow,
    used_at: i64,
}

/// Keeps a refresh token, in the transaction that has taken the code that it comes of; false where its customer is
/// forgotten, and it is not kept. A code that has given one gives no other ([`StoreError::Conflict`]).
pub async fn put(
    tx: &mut Tx,
    hash: HandleHash,
    code: HandleHash,
    token: &RefreshRecord,
) -> Result<bool, StoreError> {
    const PUT: &str = concat!(
        "INSERT INTO authz_refresh_tokens (hash, ",
        issued_columns!(),
        ", code_hash, used_at)
        SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13
        WHERE EXISTS (SELECT 1 FROM consent_subs WHERE sub = $8)"
    );
    let row = IssuedRow::of(&token.to, &token.login);
    let put = on_tx!(tx, c => {
        let put = bind_issued!(sqlx::query(PUT).bind(hash.to_string()), &row);
        put.bind(code.to_string()).bind(token.used_at.0).execute(c).await?.rows_affected()
    });
    Ok(put == 1)
}

/// What is stored of a refresh token; `None` where there is none, or it was revoked.
pub async fn find(db: &Db, hash: HandleHash) -> Result<Option<RefreshRecord>, StoreError> {
    const FIND: &str = concat!(
        "SELECT ",
        issued_columns!(),
        ", used_at FROM authz_refresh_tokens WHERE hash = $1"
    );
    let row: Option<RefreshRow> =
        on_db!(db, c => sqlx::query_as(FIND).bind(hash.to_string()).fetch_optional(c).await)?;
    let Some(row) = row else { return Ok(None) };
    let (to, login) = row.issued.read(REFRESH_TOKENS)?;
    Ok(Some(RefreshRecord { to, login, used_at: Micros(row.used_at) }))
}

/// Notes that a refresh token is used now: one row, or none where it was revoked meanwhile. A node whose clock is behind
/// takes nothing back of what another has noted.
pub async fn used(tx: &mut Tx, hash: HandleHash, now: Micros) -> Result<u64, StoreError> {
    const USED: &str = "UPDATE authz_refresh_tokens
        SET used_at = CASE WHEN used_at < $2 THEN $2 ELSE used_at END WHERE hash = $1";
    Ok(on_tx!(tx, c => {
        sqlx::query(USED).bind(hash.to_string()).bind(now.0).execute(c).await?.rows_affected()
    }))
}
