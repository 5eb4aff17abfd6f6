//! All SQL of the token endpoint: the assertions that were used.

use crate::kernel::Micros;
use crate::on_tx;
use crate::storage::{Db, StoreError};

/// Notes an assertion as used; false where it was used before. What has ended by itself is forgotten.
pub async fn use_assertion(
    db: &Db,
    hash: &[u8; 32],
    expires_at: Micros,
    now: Micros,
) -> Result<bool, StoreError> {
    const FORGET: &str = "DELETE FROM oauth_assertions WHERE expires_at < $1";
    const USE: &str = "INSERT INTO oauth_assertions (hash, expires_at) VALUES ($1, $2) \
                       ON CONFLICT (hash) DO NOTHING";
    let hash = blake3::Hash::from_bytes(*hash).to_string();
    let mut tx = db.begin().await?;
    let used = on_tx!(&mut tx, c => {
        sqlx::query(FORGET).bind(now.0).execute(&mut *c).await?;
        sqlx::query(USE).bind(&hash).bind(expires_at.0).execute(c).await?.rows_affected()
    });
    tx.commit().await?;
    Ok(used == 1)
}
