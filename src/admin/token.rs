//! Admin tokens: made, checked, revoked. The text is given out once.

use super::store;
use crate::access::error::{AccessError, Kind};
use crate::access::key::{self, Pepper};
use crate::access::model::{Name, Status};
use crate::access::service::By;
use crate::access::store::{Change, record};
use crate::http::{ApiError, Code};
use crate::kernel::Micros;
use crate::kernel::id::AdminTokenId;
use crate::kernel::secret::{self, Secret};
use crate::storage::{Db, Tx};
use serde_json::{Value, json};

/// An admin token without its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminToken {
    /// Its id.
    pub id: AdminTokenId,
    /// What people call it.
    pub name: Name,
    /// Active or, for good, revoked.
    pub status: Status,
    /// When it was created.
    pub created_at: Micros,
}

fn change(id: AdminTokenId, op: &'static str, detail: Value) -> Change {
    Change { kind: Kind::AdminToken, id: id.to_string(), op, detail }
}

/// Creates a token; its text is returned this once.
pub async fn create_token(
    db: &Db,
    by: &By<'_>,
    pepper: &Pepper,
    name: Name,
) -> Result<(AdminToken, Secret), AccessError> {
    let mut tx = db.begin().await?;
    let issued = issue(&mut tx, by, pepper, name).await?;
    tx.commit().await?;
    Ok(issued)
}

async fn issue(
    tx: &mut Tx,
    by: &By<'_>,
    pepper: &Pepper,
    name: Name,
) -> Result<(AdminToken, Secret), AccessError> {
    let (id, text) = key::generate_admin()?;
    let token = AdminToken { id, name, status: Status::Active, created_at: by.now };
    store::insert_token(tx, &token, &key::hash(pepper, text.reveal())).await?;
    record(tx, by, change(id, "create", json!({ "name": token.name }))).await?;
    Ok((token, text))
}

/// Creates the first token where no active one exists. The text is for the operator to see once.
pub async fn bootstrap(
    db: &Db,
    pepper: &Pepper,
    now: Micros,
) -> Result<Option<Secret>, AccessError> {
    let name = "first"
        .parse()
        .map_err(|error| AccessError::Field { field: "name", message: format!("{error}") })?;
    let by = By { actor: "bootstrap", now };
    let mut tx = db.begin().await?;
    let (token, text) = issue(&mut tx, &by, pepper, name).await?;
    // Asked after the control log is ours, so that of two nodes that start together one sees the
    // other's token. What was written is rolled back then.
    if store::others_active(&mut tx, token.id).await? {
        return Ok(None);
    }
    tx.commit().await?;
    Ok(Some(text))
}

/// Revokes a token for good. The last active one is kept, or nobody could come in.
pub async fn revoke_token(
    db: &Db,
    by: &By<'_>,
    id: AdminTokenId,
) -> Result<AdminToken, AccessError> {
    let mut tx = db.begin().await?;
    if let Some(token) = store::revoke_token(&mut tx, id).await? {
        record(&mut tx, by, change(id, "revoke", json!({}))).await?;
        // As in `bootstrap`: two tokens that are revoked together must not both be the last.
        if !store::others_active(&mut tx, id).await? {
            return Err(AccessError::LastToken);
        }
        tx.commit().await?;
        return Ok(token);
    }
    drop(tx);
    let found = store::find_token(db, id).await?;
    found.map(|(token, _)| token).ok_or_else(|| AccessError::not_found(Kind::AdminToken, id))
}

/// The token that a text is the secret of.
pub async fn authenticate(db: &Db, pepper: &Pepper, text: &str) -> Result<AdminTokenId, ApiError> {
    let id = key::parse_admin(text).map_err(|_| {
        let detail = "The token is not one of ours or was damaged on the way: copy it again \
                      whole, from `cpt_admin_` to its last character.";
        ApiError::new(Code::InvalidKey, detail)
    })?;
    let held = store::find_token(db, id).await?;
    let hash = key::hash(pepper, text);
    match held.filter(|(_, held)| secret::same(held, &hash)) {
        Some((token, _)) if token.status == Status::Active => Ok(id),
        Some(_) => {
            let detail = "This token was revoked: use another, or ask for a new one.";
            Err(ApiError::new(Code::RevokedKey, detail))
        }
        None => Err(ApiError::new(Code::InvalidKey, "This token is not known here.")),
    }
}
