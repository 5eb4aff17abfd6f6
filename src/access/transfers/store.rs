//! All SQL of transfers.

use crate::access::Scopes;
use crate::access::history::leave;
use crate::access::store::stored;
use crate::kernel::Micros;
use crate::kernel::id::{AppId, ApplicationId, KeyId, PartnerId};
use crate::on_tx;
use crate::storage::{StoreError, Tx};

/// What goes along with an app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Belongings {
    /// Its keys that are not revoked.
    pub(super) keys: Vec<KeyId>,
    /// What they may do, all together.
    pub(super) scopes: Scopes,
    /// How many webhooks it has.
    pub(super) webhooks: i64,
}

/// What belongs to an app, as a transaction sees it.
pub(super) async fn belongings(tx: &mut Tx, id: AppId) -> Result<Belongings, StoreError> {
    const KEYS: &str =
        "SELECT id, scopes FROM keys WHERE app_id = $1 AND status <> 'revoked' ORDER BY id";
    const WEBHOOKS: &str = "SELECT COUNT(*) FROM subscriptions WHERE app_id = $1";
    let id = id.to_string();
    let (rows, webhooks): (Vec<(String, String)>, i64) = on_tx!(tx, c => {
        let keys = sqlx::query_as(KEYS).bind(&id).fetch_all(&mut *c).await?;
        (keys, sqlx::query_scalar(WEBHOOKS).bind(&id).fetch_one(c).await?)
    });
    let (mut keys, mut scopes) = (Vec::with_capacity(rows.len()), Scopes::default());
    for (key, may) in &rows {
        keys.push(stored("keys", key)?);
        scopes = scopes.iter().chain(stored::<Scopes>("keys", may)?.iter()).collect();
    }
    Ok(Belongings { keys, scopes, webhooks })
}

/// The application by which an app was made, where its first key was not taken yet.
pub(super) async fn unclaimed(tx: &mut Tx, id: AppId) -> Result<Option<ApplicationId>, StoreError> {
    const FIND: &str = "SELECT id FROM applications \
                        WHERE app_id = $1 AND state = 'approved' AND key_id IS NULL";
    let found: Option<String> =
        on_tx!(tx, c => sqlx::query_scalar(FIND).bind(id.to_string()).fetch_optional(c).await)?;
    found.map(|id| stored("applications", &id)).transpose()
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
    if moved == 0 {
        return Ok(false);
    }
    leave(tx, id, from, now).await?;
    Ok(true)
}
