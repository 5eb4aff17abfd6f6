//! What a leak changes in a key.

use crate::access::keys::model::KeyStatus;
use crate::kernel::Micros;
use crate::kernel::id::KeyId;
use crate::kernel::word::Word as _;
use crate::on_tx;
use crate::storage::{StoreError, Tx};

/// Makes a key stricter, never looser; false where it is as strict already.
pub async fn tighten(
    tx: &mut Tx,
    id: KeyId,
    to: KeyStatus,
    now: Micros,
) -> Result<bool, StoreError> {
    const TIGHTEN: &str = "UPDATE keys SET status = $2, updated_at = $3, version = version + 1 \
                           WHERE id = $1 AND (status = 'active' \
                           OR ($2 = 'revoked' AND status <> 'revoked'))";
    let moved = on_tx!(tx, c => {
        let tighten = sqlx::query(TIGHTEN).bind(id.to_string()).bind(to.as_str());
        tighten.bind(now.0).execute(c).await?.rows_affected()
    });
    Ok(moved == 1)
}
