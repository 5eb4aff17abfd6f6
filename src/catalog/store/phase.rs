//! Where promotions stand, as the change log has told.

use crate::catalog::view::Turn;
use crate::on_tx;
use crate::storage::{StoreError, Tx};

/// Sets the phase, unless another node has or the promotion is another by now.
pub async fn mark(tx: &mut Tx, turn: &Turn) -> Result<bool, StoreError> {
    const MARK: &str = "UPDATE promotions SET phase = $1 WHERE id = $2 AND version = $3
        AND deleted_at IS NULL AND (phase IS NULL OR phase <> $1)";
    let done = on_tx!(tx, c => {
        sqlx::query(MARK)
            .bind(turn.phase.as_str())
            .bind(turn.id.to_string())
            .bind(turn.version)
            .execute(c)
            .await?
            .rows_affected()
    });
    Ok(done == 1)
}
