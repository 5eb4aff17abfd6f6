//! Forgetting what has ended by itself.

use crate::authz::refresh::IDLE_MOST;
use crate::kernel::Micros;
use crate::on_tx;
use crate::storage::{Db, StoreError};

/// A statement takes out those that had ended at `$1`, `$2` of them at the most.
macro_rules! ended {
    ($table:literal, $end:literal) => {
        concat!(
            "DELETE FROM ",
            $table,
            " WHERE hash IN (SELECT hash FROM ",
            $table,
            " WHERE ",
            $end,
            " < $1 ORDER BY ",
            $end,
            " LIMIT $2)"
        )
    };
}

/// Forgets proofs that have ended, requests and codes that ended more than `kept` microseconds ago, and refresh tokens that
/// were not used for too long: at most `limit` of each, so that nobody waits for long. How many there were; with none left,
/// none.
///
/// A code that was used is kept after its end so that a second use is seen, which then ends what came of the first.
pub async fn expire(db: &Db, kept: i64, limit: u32, now: Micros) -> Result<u64, StoreError> {
    const PROOFS: &str = ended!("authz_proofs", "expires_at");
    const REQUESTS: &str = ended!("authz_requests", "expires_at");
    const CODES: &str = ended!("authz_codes", "expires_at");
    const TOKENS: &str = ended!("authz_refresh_tokens", "used_at");
    let before = now.0.saturating_sub(kept);
    let idle = now.0.saturating_sub(IDLE_MOST);
    let mut gone = 0;
    for (forget, before) in [(PROOFS, now.0), (REQUESTS, before), (CODES, before), (TOKENS, idle)] {
        // Each by itself: nobody who takes a code waits for the proofs.
        let mut tx = db.begin().await?;
        gone += on_tx!(&mut tx, c => {
            let forget = sqlx::query(forget).bind(before).bind(i64::from(limit));
            forget.execute(c).await?.rows_affected()
        });
        tx.commit().await?;
    }
    Ok(gone)
}
