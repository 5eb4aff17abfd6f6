//! What was used once: proofs of keys and assertions of clients, on all nodes.

use crate::access::oauth::store::use_assertion;
use crate::authz::bits;
use crate::authz::once::{ReplayKind, ReplayMark};
use crate::kernel::Micros;
use crate::on_tx;
use crate::storage::{Db, StoreError};

/// Notes a use; false where it was noted before and has not ended since. For
/// [`Unspent::noted`](crate::authz::once::Unspent::noted).
///
/// It is a transaction of its own: a proof that was shown is used, whatever becomes of the request. Assertions are
/// noted where the token endpoint of keys notes them, so that one is not taken here and there.
pub async fn note(db: &Db, mark: ReplayMark, now: Micros) -> Result<bool, StoreError> {
    match mark.kind {
        ReplayKind::Assertion => use_assertion(db, &mark.hash, mark.expires_at, now).await,
        ReplayKind::Dpop => proof(db, mark, now).await,
    }
}

async fn proof(db: &Db, mark: ReplayMark, now: Micros) -> Result<bool, StoreError> {
    // Of two at once one finds the row of the other.
    const NOTE: &str = "INSERT INTO authz_proofs (hash, expires_at) VALUES ($1, $2)
        ON CONFLICT (hash) DO UPDATE SET expires_at = excluded.expires_at
        WHERE authz_proofs.expires_at < $3";
    let mut tx = db.begin().await?;
    let noted = on_tx!(&mut tx, c => {
        let note = sqlx::query(NOTE).bind(bits::encode(mark.hash)).bind(mark.expires_at.0);
        note.bind(now.0).execute(c).await?.rows_affected()
    });
    tx.commit().await?;
    Ok(noted == 1)
}
