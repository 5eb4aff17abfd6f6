//! Whether a copy that a node keeps in files was made from this database as it is now.
//!
//! Positions alone do not tell: a folder may have been moved to another database, or the database put
//! back to an earlier state and moved on. So each state of a copy has a token, stored here after all that
//! the copy holds was read from the database and before the files that hold the token count. A database
//! that has the token therefore has all that is in the copy, and the log leads on from there.

use super::{Db, StoreError};
use crate::kernel::base62;
use crate::{on_db, on_tx};

/// A token for the next state of a copy; fails only where the system has no randomness.
pub fn token() -> Result<String, getrandom::Error> {
    Ok(base62::encode(getrandom::u64()?, base62::U64_WIDTH))
}

/// Stores the token of the next state of a node's copy of one kind. `held` is the token of the state
/// that the files are in until then: it goes on to count, so that a crash in between costs nothing.
pub async fn put(
    db: &Db,
    (node, kind): (&str, &str),
    token: &str,
    held: Option<&str>,
) -> Result<(), StoreError> {
    const FORGET: &str = "DELETE FROM derived_state WHERE node = $1 AND kind = $2 AND token <> $3";
    const PUT: &str = "INSERT INTO derived_state (node, kind, token) VALUES ($1, $2, $3)";
    let mut tx = db.begin().await?;
    on_tx!(&mut tx, c => {
        let forget = sqlx::query(FORGET).bind(node).bind(kind).bind(held.unwrap_or_default());
        forget.execute(&mut *c).await?;
        sqlx::query(PUT).bind(node).bind(kind).bind(token).execute(c).await?;
    });
    tx.commit().await
}

/// Whether the database has a token of a node's copy of one kind.
pub async fn has(db: &Db, (node, kind): (&str, &str), token: &str) -> Result<bool, StoreError> {
    const HAS: &str = "SELECT COUNT(*) FROM derived_state
        WHERE node = $1 AND kind = $2 AND token = $3";
    let found: i64 = on_db!(db, c => {
        sqlx::query_scalar(HAS).bind(node).bind(kind).bind(token).fetch_one(c).await
    })?;
    Ok(found > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::testing::database;

    #[tokio::test]
    async fn the_state_before_counts_until_the_one_after_the_next() {
        let db = database().await;
        let of = ("nod_1", "search");
        let tokens: Vec<String> = (0..3).map(|_| token().unwrap()).collect();
        put(&db, of, &tokens[0], None).await.unwrap();
        put(&db, of, &tokens[1], Some(&tokens[0])).await.unwrap();
        assert!(has(&db, of, &tokens[0]).await.unwrap() && has(&db, of, &tokens[1]).await.unwrap());
        assert!(!has(&db, ("nod_2", "search"), &tokens[1]).await.unwrap());
        assert!(!has(&db, ("nod_1", "mirror"), &tokens[1]).await.unwrap());
        put(&db, of, &tokens[2], Some(&tokens[1])).await.unwrap();
        assert!(!has(&db, of, &tokens[0]).await.unwrap());
        put(&db, ("nod_1", "mirror"), &tokens[0], None).await.unwrap();
        assert!(has(&db, of, &tokens[1]).await.unwrap() && has(&db, of, &tokens[2]).await.unwrap());
    }
}
