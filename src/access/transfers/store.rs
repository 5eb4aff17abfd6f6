//! All SQL of transfers.

use crate::access::store::stored;
use crate::kernel::Micros;
use crate::kernel::id::{AppId, KeyId, PartnerId};
use crate::storage::{Db, StoreError, Tx};
use crate::{on_db, on_tx};

/// The keys of an app that are not revoked, and how many webhooks it has.
pub(super) async fn belongings(db: &Db, id: AppId) -> Result<(Vec<KeyId>, i64), StoreError> {
    const KEYS: &str = "SELECT id FROM keys WHERE app_id = $1 AND status <> 'revoked' ORDER BY id";
    const WEBHOOKS: &str = "SELECT COUNT(*) FROM subscriptions WHERE app_id = $1";
    let id = id.to_string();
    let (keys, webhooks): (Vec<String>, i64) = on_db!(db, c => {
        let keys = sqlx::query_scalar(KEYS).bind(&id).fetch_all(c).await?;
        (keys, sqlx::query_scalar(WEBHOOKS).bind(&id).fetch_one(c).await?)
    });
    let keys = keys.iter().map(|key| stored("keys", key)).collect::<Result<_, _>>()?;
    Ok((keys, webhooks))
}

/// Gives an app to another partner; false where it is not the first one's any more.
pub(super) async fn move_app(
    tx: &mut Tx,
    id: AppId,
    (from, to): (PartnerId, PartnerId),
    now: Micros,
) -> Result<bool, StoreError> {
    const MOVE: &str = "UPDATE apps SET partner_id = $3, updated_at = $4 \
                        WHERE id = $1 AND partner_id = $2";
    let moved = on_tx!(tx, c => {
        let update = sqlx::query(MOVE).bind(id.to_string()).bind(from.to_string());
        update.bind(to.to_string()).bind(now.0).execute(c).await?.rows_affected()
    });
    Ok(moved > 0)
}
