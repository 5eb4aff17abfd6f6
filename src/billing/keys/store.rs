//! All SQL of the signing keys.

use crate::kernel::Micros;
use crate::storage::{Db, StoreError, Tx};
use crate::{on_db, on_tx};

/// A key as it is stored: its public half.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct StoredKey {
    /// Its name in signatures.
    pub kid: String,
    /// The number that it is derived with.
    pub generation: i64,
    /// The public key in base64url.
    pub public: String,
}

/// Lets one writer at a time make a key. Writers of SQLite wait for each other anyway.
pub(super) async fn lock(tx: &mut Tx) -> Result<(), StoreError> {
    if let Tx::Postgres(tx) = tx {
        const LOCK: &str = "LOCK TABLE signing_keys IN SHARE ROW EXCLUSIVE MODE";
        sqlx::query(LOCK).execute(&mut **tx).await?;
    }
    Ok(())
}

pub(super) async fn newest(tx: &mut Tx) -> Result<Option<StoredKey>, StoreError> {
    const FIND: &str =
        "SELECT kid, generation, public FROM signing_keys ORDER BY generation DESC LIMIT 1";
    Ok(on_tx!(tx, c => sqlx::query_as(FIND).fetch_optional(c).await)?)
}

pub(super) async fn all(db: &Db) -> Result<Vec<StoredKey>, StoreError> {
    const FIND: &str = "SELECT kid, generation, public FROM signing_keys ORDER BY generation DESC";
    Ok(on_db!(db, c => sqlx::query_as(FIND).fetch_all(c).await)?)
}

pub(super) async fn retire(tx: &mut Tx, now: Micros) -> Result<(), StoreError> {
    const RETIRE: &str = "UPDATE signing_keys SET retired_at = $1 WHERE retired_at IS NULL";
    on_tx!(tx, c => sqlx::query(RETIRE).bind(now.0).execute(c).await.map(|_| ()))?;
    Ok(())
}

pub(super) async fn insert(
    tx: &mut Tx,
    kid: &str,
    generation: i64,
    public: &str,
    now: Micros,
) -> Result<(), StoreError> {
    const INSERT: &str =
        "INSERT INTO signing_keys (kid, generation, public, made_at) VALUES ($1, $2, $3, $4)";
    on_tx!(tx, c => sqlx::query(INSERT)
        .bind(kid).bind(generation).bind(public).bind(now.0).execute(c).await.map(|_| ()))?;
    Ok(())
}
