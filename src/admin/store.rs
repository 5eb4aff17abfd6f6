//! All SQL of admin tokens.

use super::roles::Roles;
use super::token::AdminToken;
use crate::access::model::Status;
use crate::access::store::{Walk, stored};
use crate::kernel::Micros;
use crate::kernel::id::AdminTokenId;
use crate::kernel::word::Word as _;
use crate::storage::{Db, StoreError, Tx};
use crate::{on_db, on_tx};
use sqlx::FromRow;

#[derive(FromRow)]
struct TokenRow {
    id: String,
    name: String,
    hash: String,
    status: String,
    roles: String,
    person: String,
    made_with: String,
    /// Where the token is read with its account, this and what follows.
    #[sqlx(default)]
    person_status: Option<String>,
    #[sqlx(default)]
    person_roles: Option<String>,
    created_at: i64,
    expires_at: Option<i64>,
    last_used_at: Option<i64>,
}

impl TryFrom<TokenRow> for (AdminToken, [u8; 32]) {
    type Error = StoreError;

    fn try_from(row: TokenRow) -> Result<Self, StoreError> {
        let hash = blake3::Hash::from_hex(&row.hash);
        let hash = hash.map_err(|error| StoreError::corrupt("admin_tokens", error))?;
        let person_status =
            row.person_status.map(|status| stored("accounts", &status)).transpose()?;
        let given: Roles = stored("admin_tokens", &row.roles)?;
        let left = match &row.person_roles {
            Some(roles) => given.left_to(&stored("accounts", roles)?),
            None => Some(given.clone()),
        };
        let suspended = person_status.is_some_and(|status: Status| status != Status::Active);
        let made_with = Some(&row.made_with).filter(|id| !id.is_empty());
        let token = AdminToken {
            is_held: suspended || left.is_none(),
            id: stored("admin_tokens", &row.id)?,
            name: stored("admin_tokens", &row.name)?,
            status: stored("admin_tokens", &row.status)?,
            roles: left.unwrap_or_else(|| given.clone()),
            given,
            person: row.person,
            made_with: made_with.map(|id| stored("admin_tokens", id)).transpose()?,
            created_at: Micros(row.created_at),
            expires_at: row.expires_at.map(Micros),
            last_used_at: row.last_used_at.map(Micros),
        };
        Ok((token, *hash.as_bytes()))
    }
}

/// Adds a token.
pub async fn insert_token(
    tx: &mut Tx,
    token: &AdminToken,
    hash: &[u8; 32],
) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO admin_tokens \
                          (id, name, hash, status, created_at, roles, person, expires_at, made_with) \
                          VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let hash = blake3::Hash::from_bytes(*hash).to_string();
    on_tx!(tx, c => {
        let insert = sqlx::query(INSERT).bind(token.id.to_string()).bind(token.name.as_str());
        let insert = insert.bind(hash).bind(token.status.as_str());
        let insert = insert.bind(token.created_at.0).bind(token.given.to_string());
        let insert = insert.bind(&token.person).bind(token.expires_at.map(|at| at.0));
        let made_with = token.made_with.map(|id| id.to_string()).unwrap_or_default();
        insert.bind(made_with).execute(c).await?;
    });
    Ok(())
}

/// Tokens, each with the status and the roles of the account behind it.
macro_rules! tokens {
    ($rest:literal) => {
        concat!(
            "SELECT t.*, a.status AS person_status, a.roles AS person_roles FROM admin_tokens t \
             LEFT JOIN accounts a ON a.id = t.person ",
            $rest
        )
    };
}

/// A token with the hash of its text.
pub async fn find_token(
    db: &Db,
    id: AdminTokenId,
) -> Result<Option<(AdminToken, [u8; 32])>, StoreError> {
    const FIND: &str = tokens!("WHERE t.id = $1");
    let row: Option<TokenRow> =
        on_db!(db, c => sqlx::query_as(FIND).bind(id.to_string()).fetch_optional(c).await)?;
    row.map(TokenRow::try_into).transpose()
}

/// A token as a transaction sees it.
pub async fn find_token_in(
    tx: &mut Tx,
    id: AdminTokenId,
) -> Result<Option<AdminToken>, StoreError> {
    const FIND: &str = tokens!("WHERE t.id = $1");
    let row: Option<TokenRow> =
        on_tx!(tx, c => sqlx::query_as(FIND).bind(id.to_string()).fetch_optional(c).await)?;
    row.map(|row| <(AdminToken, _)>::try_from(row).map(|(token, _)| token)).transpose()
}

/// Writes down that a token is used.
pub async fn touch_token(db: &Db, id: AdminTokenId, now: Micros) -> Result<(), StoreError> {
    const TOUCH: &str = "UPDATE admin_tokens SET last_used_at = $2 WHERE id = $1";
    let mut tx = db.begin().await?;
    on_tx!(&mut tx, c => {
        sqlx::query(TOUCH).bind(id.to_string()).bind(now.0).execute(c).await?;
    });
    tx.commit().await
}

/// Tokens in the order of their ids: all, or those that are not revoked and were found where everybody can read
/// them, or made with one that was.
pub async fn list_tokens(
    db: &Db,
    walk: &Walk,
    leaked: bool,
) -> Result<Vec<AdminToken>, StoreError> {
    const LIST: &str = concat!(
        "WITH RECURSIVE leaked (id) AS (SELECT token_id FROM admin_token_leaks \
            UNION SELECT m.id FROM admin_tokens m JOIN leaked l ON m.made_with = l.id) ",
        tokens!(
            "WHERE t.id > $1 AND ($3 = 0 OR (t.status <> 'revoked' \
                AND t.id IN (SELECT id FROM leaked))) ORDER BY t.id LIMIT $2"
        )
    );
    let rows: Vec<TokenRow> = on_db!(db, c => {
        let list = sqlx::query_as(LIST).bind(&walk.after).bind(i64::from(walk.limit));
        list.bind(i64::from(leaked)).fetch_all(c).await
    })?;
    rows.into_iter().map(|row| <(AdminToken, _)>::try_from(row).map(|(token, _)| token)).collect()
}

/// How many tokens of a person could be used now, where their account may be.
pub async fn tokens_of(tx: &mut Tx, person: &str, now: Micros) -> Result<i64, StoreError> {
    const COUNT: &str = "SELECT COUNT(*) FROM admin_tokens WHERE person = $1 AND status = 'active' \
        AND COALESCE(expires_at, $2 + 1) > $2";
    Ok(on_tx!(tx, c => sqlx::query_scalar(COUNT).bind(person).bind(now.0).fetch_one(c).await)?)
}

/// Whether an owner other than this token or account can come in. A token does as long as the account behind it
/// may, and is an owner as long as that is.
pub async fn other_owners(tx: &mut Tx, id: &str, now: Micros) -> Result<bool, StoreError> {
    const COUNT: &str = "SELECT (SELECT COUNT(*) FROM admin_tokens \
            WHERE status = 'active' AND id <> $1 AND COALESCE(expires_at, $2 + 1) > $2 \
            AND ',' || roles || ',' LIKE '%,owner,%' AND NOT EXISTS (SELECT 1 FROM accounts a \
                WHERE a.id = admin_tokens.person AND (a.status <> 'active' \
                    OR ',' || a.roles || ',' NOT LIKE '%,owner,%'))) \
        + (SELECT COUNT(*) FROM accounts \
            WHERE status = 'active' AND id <> $1 AND ',' || roles || ',' LIKE '%,owner,%')";
    let count: i64 = on_tx!(tx, c => {
        sqlx::query_scalar(COUNT).bind(id).bind(now.0).fetch_one(c).await
    })?;
    Ok(count > 0)
}

/// Changes a token's status; false where there is no such token, it has that status, or it is revoked.
pub async fn set_token_status(
    tx: &mut Tx,
    id: AdminTokenId,
    status: Status,
) -> Result<bool, StoreError> {
    const UPDATE: &str = "UPDATE admin_tokens SET status = $2 \
                          WHERE id = $1 AND status <> $2 AND status <> 'revoked'";
    let changed = on_tx!(tx, c => {
        let update = sqlx::query(UPDATE).bind(id.to_string()).bind(status.as_str());
        update.execute(c).await?.rows_affected()
    });
    Ok(changed > 0)
}

/// Revokes all tokens of a person; those that were not, with what they were made to be.
pub async fn revoke_all(
    tx: &mut Tx,
    person: &str,
) -> Result<Vec<(AdminTokenId, Roles)>, StoreError> {
    const REVOKE: &str = "UPDATE admin_tokens SET status = 'revoked' \
                          WHERE person = $1 AND status <> 'revoked' RETURNING id, roles";
    let rows: Vec<(String, String)> =
        on_tx!(tx, c => sqlx::query_as(REVOKE).bind(person).fetch_all(c).await)?;
    let token = |(id, roles): &(String, String)| {
        Ok((stored("admin_tokens", id)?, stored("admin_tokens", roles)?))
    };
    rows.iter().map(token).collect()
}
