//! Moves an app to another partner. Keys, subscription to a plan and webhooks go along; usage stays with the
//! partner whose app it was when the call was made.

mod store;

use super::Scopes;
use super::error::{AccessError, Kind};
use super::freezes::forbid;
use super::model::App;
use super::service::{By, change};
use super::store::{find_app_in, hold_app, partner_exists_in, record};
use crate::kernel::id::{AppId, ApplicationId, KeyId, PartnerId};
use crate::storage::{Db, StoreError, Tx};
use serde_json::json;
use store::Belongings;

/// What a transfer moves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// The app as it is before.
    pub app: App,
    /// Whose it becomes.
    pub to: PartnerId,
    /// Its keys that are not revoked. Who has their texts goes on calling, so they are better rotated.
    pub keys: Vec<KeyId>,
    /// What these keys may do, all together.
    pub scopes: Scopes,
    /// How many webhooks go along, with the addresses that they have.
    pub webhooks: i64,
    /// The application by which the app was made, where its first key was not taken yet: it cannot be as long as the
    /// app is another partner's.
    pub application: Option<ApplicationId>,
}

/// What a transfer would move.
pub async fn preview(
    db: &Db,
    by: &By<'_>,
    id: AppId,
    to: PartnerId,
) -> Result<Transfer, AccessError> {
    preview_in(&mut db.snapshot().await?, by, id, to).await
}

/// The same as a transaction sees it.
pub async fn preview_in(
    tx: &mut Tx,
    by: &By<'_>,
    id: AppId,
    to: PartnerId,
) -> Result<Transfer, AccessError> {
    let found = find_app_in(tx, id, by.now).await?;
    let app = found.ok_or_else(|| AccessError::not_found(Kind::App, id))?;
    if !partner_exists_in(tx, to).await? {
        return Err(AccessError::reference("partner_id", Kind::Partner, to));
    }
    if app.partner == to {
        return Err(AccessError::Conflict("The app belongs to this partner already.".to_owned()));
    }
    let Belongings { keys, scopes, webhooks } = store::belongings(tx, id).await?;
    let application = store::unclaimed(tx, id).await?;
    Ok(Transfer { app, to, keys, scopes, webhooks, application })
}

/// Moves an app, at one instant on each node: what was called before is the old partner's usage, what is
/// called after the new one's.
pub async fn transfer(
    db: &Db,
    by: &By<'_>,
    id: AppId,
    to: PartnerId,
) -> Result<Transfer, AccessError> {
    let seen = preview(db, by, id, to).await?;
    let mut tx = db.begin().await?;
    transfer_in(&mut tx, by, &seen).await?;
    tx.commit().await?;
    Ok(seen)
}

/// The same in a transaction, of what was seen and nothing else.
///
/// The new partner has not had what the app's keys may do: it is given, by who may give that.
pub async fn transfer_in(tx: &mut Tx, by: &By<'_>, seen: &Transfer) -> Result<(), AccessError> {
    let (id, from, to) = (seen.app.id, seen.app.partner, seen.to);
    hold_app(tx, id).await?;
    let taken = |error| match error {
        StoreError::Conflict(_) => {
            AccessError::NameTaken { kind: Kind::App, name: seen.app.name.to_string() }
        }
        other => other.into(),
    };
    let detail = json!({ "app_id": id, "from_partner_id": from, "to_partner_id": to });
    // Said of the old partner first: whether that, or the app, is frozen is asked while the app is its own.
    record(tx, by, change(Kind::Partner, from, "give_app", detail.clone())).await?;
    // Read behind the first entry, when nothing is under way: who makes a key of the app, or gives one more, holds the
    // app before (`hold_app`), as this does.
    let now = store::belongings(tx, id).await?;
    if (&now.keys, now.scopes) != (&seen.keys, seen.scopes) {
        let detail =
            "The app's keys have changed since they were looked at: look at what goes along anew.";
        return Err(AccessError::Conflict(detail.to_owned()));
    }
    by.may_give(Scopes::default(), now.scopes)?;
    forbid(tx, &id.to_string(), "transfer").await?;
    if !store::move_app(tx, id, (from, to), by.now).await.map_err(taken)? {
        let detail = "The app was moved by somebody else meanwhile.";
        return Err(AccessError::Conflict(detail.to_owned()));
    }
    record(tx, by, change(Kind::Partner, to, "take_app", detail.clone())).await?;
    record(tx, by, change(Kind::App, id, "transfer", detail)).await
}
