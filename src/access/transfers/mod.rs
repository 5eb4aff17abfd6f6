//! Moves an app to another partner. Keys, subscription to a plan and webhooks go along; usage stays with the
//! partner whose app it was when the call was made.

mod store;

use super::error::{AccessError, Kind};
use super::freezes::forbid;
use super::model::App;
use super::service::{By, change, get_app, get_partner};
use super::store::record;
use super::subscriptions::store::lock_app;
use crate::kernel::id::{AppId, KeyId, PartnerId};
use crate::storage::{Db, StoreError};
use serde_json::json;

/// What a transfer moves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// The app as it is before.
    pub app: App,
    /// Whose it becomes.
    pub to: PartnerId,
    /// Its keys that are not revoked. Who has their texts goes on calling, so they are better rotated.
    pub keys: Vec<KeyId>,
    /// How many webhooks go along, with the addresses that they have.
    pub webhooks: i64,
}

/// What a transfer would move.
pub async fn preview(
    db: &Db,
    by: &By<'_>,
    id: AppId,
    to: PartnerId,
) -> Result<Transfer, AccessError> {
    let app = get_app(db, id, by.now).await?;
    get_partner(db, to).await.map_err(|error| match error {
        AccessError::NotFound { .. } => AccessError::reference("partner_id", Kind::Partner, to),
        other => other,
    })?;
    if app.partner == to {
        return Err(AccessError::Conflict("The app belongs to this partner already.".to_owned()));
    }
    let (keys, webhooks) = store::belongings(db, id).await?;
    Ok(Transfer { app, to, keys, webhooks })
}

/// Moves an app, at one instant on each node: what was called before is the old partner's usage, what is
/// called after the new one's.
pub async fn transfer(
    db: &Db,
    by: &By<'_>,
    id: AppId,
    to: PartnerId,
) -> Result<Transfer, AccessError> {
    let moved = preview(db, by, id, to).await?;
    let from = moved.app.partner;
    let mut tx = db.begin().await?;
    lock_app(&mut tx, id, by.now).await?;
    let taken = |error| match error {
        StoreError::Conflict(_) => {
            AccessError::NameTaken { kind: Kind::App, name: moved.app.name.to_string() }
        }
        other => other.into(),
    };
    let detail = json!({ "app_id": id, "from_partner_id": from, "to_partner_id": to });
    // Said of the old partner first: whether that, or the app, is frozen is asked while the app is its own.
    record(&mut tx, by, change(Kind::Partner, from, "give_app", detail.clone())).await?;
    forbid(&mut tx, &id.to_string(), "transfer").await?;
    if !store::move_app(&mut tx, id, (from, to), by.now).await.map_err(taken)? {
        let detail = "The app was moved by somebody else meanwhile.";
        return Err(AccessError::Conflict(detail.to_owned()));
    }
    record(&mut tx, by, change(Kind::Partner, to, "take_app", detail.clone())).await?;
    record(&mut tx, by, change(Kind::App, id, "transfer", detail)).await?;
    tx.commit().await?;
    Ok(moved)
}
