//! All SQL of leaks.

use crate::access::store::stored;
use crate::kernel::Micros;
use crate::kernel::id::{AdminTokenId, InvalidId, KeyId};
use crate::storage::{Db, StoreError, Tx};
use crate::{on_db, on_tx};
use sqlx::FromRow;
use std::fmt;

/// Most leaks of a key that are shown.
const SHOWN_MOST: i64 = 200;
/// Most leaks of each kind that are told in one look.
const UNTOLD_MOST: i64 = 10_000;

/// What was found where everybody can read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// A secret of a key.
    Key(KeyId),
    /// An admin token.
    Token(AdminTokenId),
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(id) => id.fmt(f),
            Self::Token(id) => id.fmt(f),
        }
    }
}

/// A place where something was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leak {
    /// Names the secret at this place.
    pub id: String,
    /// What was found.
    pub what: Found,
    /// The last characters of the secret.
    pub hint: String,
    /// What the reporter calls its form.
    pub kind: String,
    /// Where it was found, without the secret.
    pub url: String,
    /// In what.
    pub source: String,
    /// What the settings said to do.
    pub action: String,
    /// When it was reported.
    pub found_at: Micros,
}

/// Notes a leak, with the digest of the secret where it works; false where it is known.
pub async fn insert_leak(
    tx: &mut Tx,
    leak: &Leak,
    secret: Option<&str>,
) -> Result<bool, StoreError> {
    const KEY: &str = "INSERT INTO key_leaks \
                       (id, key_id, hint, type, url, source, action, found_at, secret) \
                       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO NOTHING";
    const TOKEN: &str = "INSERT INTO admin_token_leaks \
                         (id, token_id, hint, type, url, source, action, found_at, secret) \
                         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO NOTHING";
    let statement = match leak.what {
        Found::Key(_) => KEY,
        Found::Token(_) => TOKEN,
    };
    let inserted = on_tx!(tx, c => {
        let insert = sqlx::query(statement).bind(&leak.id).bind(leak.what.to_string());
        let insert = insert.bind(&leak.hint).bind(&leak.kind).bind(&leak.url);
        let insert = insert.bind(&leak.source).bind(&leak.action).bind(leak.found_at.0);
        let insert = insert.bind(secret);
        insert.execute(c).await?.rows_affected()
    });
    Ok(inserted == 1)
}

#[derive(FromRow)]
struct LeakRow {
    id: String,
    what: String,
    hint: String,
    #[sqlx(rename = "type")]
    kind: String,
    url: String,
    source: String,
    action: String,
    found_at: i64,
}

/// The places where something was found, the newest first.
pub async fn list_leaks(db: &Db, what: Found) -> Result<Vec<Leak>, StoreError> {
    const KEY: &str = "SELECT l.*, key_id AS what FROM key_leaks l WHERE key_id = $1 \
                       ORDER BY found_at DESC, id LIMIT $2";
    const TOKEN: &str = "SELECT l.*, token_id AS what FROM admin_token_leaks l WHERE token_id = $1 \
                         ORDER BY found_at DESC, id LIMIT $2";
    let statement = match what {
        Found::Key(_) => KEY,
        Found::Token(_) => TOKEN,
    };
    let rows: Vec<LeakRow> = on_db!(db, c => {
        sqlx::query_as(statement).bind(what.to_string()).bind(SHOWN_MOST).fetch_all(c).await
    })?;
    rows.into_iter().map(Leak::try_from).collect()
}

impl TryFrom<LeakRow> for Leak {
    type Error = StoreError;

    fn try_from(row: LeakRow) -> Result<Self, StoreError> {
        let key = row.what.parse().map(Found::Key);
        let what = key.or_else(|_: InvalidId| row.what.parse().map(Found::Token));
        Ok(Self {
            id: row.id,
            what: what.map_err(|error| StoreError::corrupt("key_leaks", error))?,
            hint: row.hint,
            kind: row.kind,
            url: row.url,
            source: row.source,
            action: row.action,
            found_at: Micros(row.found_at),
        })
    }
}

/// Leaks that people are still to be told of, the oldest first: of keys, and of admin tokens.
pub async fn untold(db: &Db) -> Result<[Vec<Leak>; 2], StoreError> {
    const KEYS: &str = "SELECT l.*, key_id AS what FROM key_leaks l WHERE told_at IS NULL \
                        ORDER BY found_at, id LIMIT $1";
    const TOKENS: &str = "SELECT l.*, token_id AS what FROM admin_token_leaks l WHERE told_at IS NULL \
                          ORDER BY found_at, id LIMIT $1";
    let mut leaks = [Vec::new(), Vec::new()];
    for (statement, leaks) in [KEYS, TOKENS].into_iter().zip(&mut leaks) {
        let rows: Vec<LeakRow> = on_db!(db, c => {
            sqlx::query_as(statement).bind(UNTOLD_MOST).fetch_all(c).await
        })?;
        *leaks = rows.into_iter().map(Leak::try_from).collect::<Result<_, _>>()?;
    }
    Ok(leaks)
}

/// Notes that people were told of a leak, or need not be.
pub async fn note_told(tx: &mut Tx, leak: &Leak, now: Micros) -> Result<(), StoreError> {
    const KEY: &str = "UPDATE key_leaks SET told_at = $2 WHERE id = $1";
    const TOKEN: &str = "UPDATE admin_token_leaks SET told_at = $2 WHERE id = $1";
    let statement = match leak.what {
        Found::Key(_) => KEY,
        Found::Token(_) => TOKEN,
    };
    on_tx!(tx, c => {
        sqlx::query(statement).bind(&leak.id).bind(now.0).execute(c).await?;
    });
    Ok(())
}

/// At how many places the secret with this digest was found while it worked.
pub(super) async fn count(tx: &mut Tx, what: Found, secret: &str) -> Result<i64, StoreError> {
    const KEY: &str = "SELECT COUNT(*) FROM key_leaks WHERE key_id = $1 AND secret = $2";
    const TOKEN: &str =
        "SELECT COUNT(*) FROM admin_token_leaks WHERE token_id = $1 AND secret = $2";
    let statement = match what {
        Found::Key(_) => KEY,
        Found::Token(_) => TOKEN,
    };
    Ok(on_tx!(tx, c => {
        sqlx::query_scalar(statement).bind(what.to_string()).bind(secret).fetch_one(c).await
    })?)
}

/// What an admin token is called.
pub async fn token_name(db: &Db, id: AdminTokenId) -> Result<Option<String>, StoreError> {
    const NAME: &str = "SELECT name FROM admin_tokens WHERE id = $1";
    Ok(on_db!(db, c => sqlx::query_scalar(NAME).bind(id.to_string()).fetch_optional(c).await)?)
}

/// Whether an admin token with this hash could still be used at a time, or could again; `None` where there is none.
/// Tokens themselves are `admin`'s, which lies above.
pub async fn token_stands(
    db: &Db,
    (id, hash): (AdminTokenId, &[u8; 32]),
    now: Micros,
) -> Result<Option<bool>, StoreError> {
    const HASH: &str = "SELECT hash, CASE WHEN status <> 'revoked' AND (expires_at IS NULL OR expires_at > $2) \
        THEN 1 ELSE 0 END FROM admin_tokens WHERE id = $1";
    let held: Option<(String, i32)> = on_db!(db, c => {
        sqlx::query_as(HASH).bind(id.to_string()).bind(now.0).fetch_optional(c).await
    })?;
    let Some((held, stands)) = held else { return Ok(None) };
    let held: blake3::Hash = stored("admin_tokens", &held)?;
    // Hashes compare in a time that does not tell where they differ.
    Ok((held == blake3::Hash::from_bytes(*hash)).then_some(stands != 0))
}

/// Suspends an admin token; false where it is not active.
pub async fn suspend_token(tx: &mut Tx, id: AdminTokenId) -> Result<bool, StoreError> {
    const SUSPEND: &str =
        "UPDATE admin_tokens SET status = 'suspended' WHERE id = $1 AND status = 'active'";
    let moved = on_tx!(tx, c => {
        sqlx::query(SUSPEND).bind(id.to_string()).execute(c).await?.rows_affected()
    });
    Ok(moved == 1)
}

/// Suspends what is active of the tokens that were made with a token, and with those; which were.
pub async fn suspend_made_with(tx: &mut Tx, id: AdminTokenId) -> Result<Vec<String>, StoreError> {
    const SUSPEND: &str = "WITH RECURSIVE made (id) AS (SELECT id FROM admin_tokens WHERE made_with = $1 \
            UNION SELECT t.id FROM admin_tokens t JOIN made m ON t.made_with = m.id) \
        UPDATE admin_tokens SET status = 'suspended' \
        WHERE status = 'active' AND id IN (SELECT id FROM made) RETURNING id";
    Ok(on_tx!(tx, c => sqlx::query_scalar(SUSPEND).bind(id.to_string()).fetch_all(c).await)?)
}
