//! All SQL of leaks.

use crate::access::store::stored;
use crate::kernel::Micros;
use crate::kernel::id::KeyId;
use crate::storage::{Db, StoreError, Tx};
use crate::{on_db, on_tx};
use sqlx::FromRow;

/// Most leaks of a key that are shown.
const SHOWN_MOST: i64 = 200;

/// A place where a secret of a key was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leak {
    /// Names the secret at this place.
    pub id: String,
    /// The key.
    pub key: KeyId,
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

/// Notes a leak; false where it is known.
pub async fn insert_leak(tx: &mut Tx, leak: &Leak) -> Result<bool, StoreError> {
    const INSERT: &str = "INSERT INTO key_leaks \
                          (id, key_id, hint, type, url, source, action, found_at) \
                          VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING";
    let inserted = on_tx!(tx, c => {
        let insert = sqlx::query(INSERT).bind(&leak.id).bind(leak.key.to_string());
        let insert = insert.bind(&leak.hint).bind(&leak.kind).bind(&leak.url);
        let insert = insert.bind(&leak.source).bind(&leak.action).bind(leak.found_at.0);
        insert.execute(c).await?.rows_affected()
    });
    Ok(inserted == 1)
}

#[derive(FromRow)]
struct LeakRow {
    id: String,
    key_id: String,
    hint: String,
    #[sqlx(rename = "type")]
    kind: String,
    url: String,
    source: String,
    action: String,
    found_at: i64,
}

/// The leaks of a key, the newest first.
pub async fn list_leaks(db: &Db, key: KeyId) -> Result<Vec<Leak>, StoreError> {
    const LIST: &str = "SELECT * FROM key_leaks WHERE key_id = $1 \
                        ORDER BY found_at DESC, id LIMIT $2";
    let rows: Vec<LeakRow> = on_db!(db, c => {
        sqlx::query_as(LIST).bind(key.to_string()).bind(SHOWN_MOST).fetch_all(c).await
    })?;
    let read = |row: LeakRow| {
        Ok(Leak {
            id: row.id,
            key: stored("key_leaks", &row.key_id)?,
            hint: row.hint,
            kind: row.kind,
            url: row.url,
            source: row.source,
            action: row.action,
            found_at: Micros(row.found_at),
        })
    };
    rows.into_iter().map(read).collect()
}
