//! All SQL of the token endpoint: the assertions that were used.

use crate::kernel::Micros;
use crate::on_tx;
use crate::storage::{Db, StoreError};

/// One use in so many takes out what has ended by itself.
const FORGET_EVERY: u8 = 64;

/// Notes an assertion as used; false where it was used before and has not ended since.
pub async fn use_assertion(
    db: &Db,
    hash: &[u8; 32],
    expires_at: Micros,
    now: Micros,
) -> Result<bool, StoreError> {
    const USE: &str = "INSERT INTO oauth_assertions (hash, expires_at) VALUES ($1, $2) \
                       ON CONFLICT (hash) DO UPDATE SET expires_at = excluded.expires_at \
                       WHERE oauth_assertions.expires_at < $3";
    let text = blake3::Hash::from_bytes(*hash).to_string();
    let mut tx = db.begin().await?;
    let used = on_tx!(&mut tx, c => {
        let use_it = sqlx::query(USE).bind(&text).bind(expires_at.0).bind(now.0);
        use_it.execute(c).await?.rows_affected()
    });
    tx.commit().await?;
    // By itself, so that nodes that do it at once do not keep the uses of each other waiting.
    if hash[0].is_multiple_of(FORGET_EVERY)
        && let Err(error) = forget(db, now).await
    {
        tracing::warn!(%error, "assertions that have ended could not be forgotten");
    }
    Ok(used == 1)
}

async fn forget(db: &Db, now: Micros) -> Result<(), StoreError> {
    const FORGET: &str = "DELETE FROM oauth_assertions WHERE expires_at < $1";
    let mut tx = db.begin().await?;
    on_tx!(&mut tx, c => sqlx::query(FORGET).bind(now.0).execute(c).await.map(drop))?;
    tx.commit().await
}
