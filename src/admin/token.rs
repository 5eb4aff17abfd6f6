//! Admin tokens: made, checked, revoked. The text is given out once.

use super::roles::Roles;
use super::store;
use crate::access::error::{AccessError, Kind};
use crate::access::key::{self, Pepper};
use crate::access::model::{Name, Status};
use crate::access::service::{By, Switch};
use crate::access::store::{Change, record};
use crate::http::{ApiError, Code};
use crate::kernel::Micros;
use crate::kernel::clock::MINUTE;
use crate::kernel::id::AdminTokenId;
use crate::kernel::secret::{self, Secret};
use crate::kernel::word::words;
use crate::storage::{Db, Tx};
use serde_json::{Value, json};

/// How far apart uses are that are written down.
const USES_APART: i64 = MINUTE;

/// What a token is to be.
#[derive(Debug, Clone)]
pub struct TokenSpec {
    /// What people call it.
    pub name: Name,
    /// What its holder is to the gateway.
    pub roles: Roles,
    /// When it ends by itself.
    pub expires_at: Option<Micros>,
    /// The account behind it; empty where there is none.
    pub person: String,
    /// The token with which it is made.
    pub made_with: Option<AdminTokenId>,
}

/// An admin token without its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminToken {
    /// Its id.
    pub id: AdminTokenId,
    /// What people call it.
    pub name: Name,
    /// Active, suspended or, for good, revoked.
    pub status: Status,
    /// Whether the account behind it is suspended, or has none of its roles any more: then it is refused, whatever
    /// its own status.
    pub is_held: bool,
    /// What its holder is to the gateway: no more than the account behind it.
    pub roles: Roles,
    /// What it was made to be.
    pub given: Roles,
    /// The account behind it; empty where there is none.
    pub person: String,
    /// The token with which it was made.
    pub made_with: Option<AdminTokenId>,
    /// When it was created.
    pub created_at: Micros,
    /// When it ends by itself.
    pub expires_at: Option<Micros>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Micros>,
}

words! {
    /// How it stands with a token.
    pub enum TokenStatus {
        /// It may be used.
        Active = "active",
        /// It is refused for now, itself or with the account of who made it.
        Suspended = "suspended",
        /// It has ended by itself.
        Expired = "expired",
        /// It is refused for good.
        Revoked = "revoked",
    }
}

impl AdminToken {
    /// How it stands at a time.
    #[must_use]
    pub fn standing(&self, now: Micros) -> TokenStatus {
        match self.status {
            Status::Revoked => TokenStatus::Revoked,
            _ if self.expires_at.is_some_and(|at| at <= now) => TokenStatus::Expired,
            Status::Active if !self.is_held => TokenStatus::Active,
            Status::Active | Status::Suspended => TokenStatus::Suspended,
        }
    }
}

fn change(id: AdminTokenId, op: &'static str, detail: Value) -> Change {
    Change::new(Kind::AdminToken, id, op, detail)
}

/// Creates a token; its text is returned this once.
pub async fn create_token(
    db: &Db,
    by: &By<'_>,
    pepper: &Pepper,
    spec: TokenSpec,
) -> Result<(AdminToken, Secret), AccessError> {
    let mut tx = db.begin().await?;
    let issued = issue(&mut tx, by, pepper, spec).await?;
    tx.commit().await?;
    Ok(issued)
}

/// Creates a token in a transaction.
pub async fn issue(
    tx: &mut Tx,
    by: &By<'_>,
    pepper: &Pepper,
    spec: TokenSpec,
) -> Result<(AdminToken, Secret), AccessError> {
    if spec.expires_at.is_some_and(|at| at <= by.now) {
        let message = "lies in the past; leave it out for a token that does not expire".to_owned();
        return Err(AccessError::Field { field: "expires_at", message });
    }
    if spec.roles.is_owner() {
        by.may_change_owners()?;
    }
    let (id, text) = key::generate_admin()?;
    let TokenSpec { name, roles, expires_at, person, made_with } = spec;
    let token = AdminToken {
        id,
        name,
        status: Status::Active,
        is_held: false,
        given: roles.clone(),
        roles,
        person,
        made_with,
        created_at: by.now,
        expires_at,
        last_used_at: None,
    };
    store::insert_token(tx, &token, &key::hash(pepper, text.reveal())).await?;
    let detail = json!({ "name": token.name, "roles": token.roles, "expires_at": expires_at });
    record(tx, by, change(id, "create", detail)).await?;
    Ok((token, text))
}

/// Creates the first token where no owner could come in. The text is for the operator to see once.
pub async fn bootstrap(
    db: &Db,
    pepper: &Pepper,
    now: Micros,
) -> Result<Option<Secret>, AccessError> {
    let name = "first"
        .parse()
        .map_err(|error| AccessError::Field { field: "name", message: format!("{error}") })?;
    let by = By::new("bootstrap", now);
    let mut tx = db.begin().await?;
    let (roles, person) = (Roles::owner(), String::new());
    let spec = TokenSpec { name, roles, expires_at: None, person, made_with: None };
    let (token, text) = issue(&mut tx, &by, pepper, spec).await?;
    // Asked after the control log is ours, so that of two nodes that start together one sees the
    // other's token. What was written is rolled back then.
    if store::other_owners(&mut tx, &token.id.to_string(), now).await? {
        return Ok(None);
    }
    tx.commit().await?;
    Ok(Some(text))
}

/// Revokes a token for good. The last owner is kept, or nobody could come in.
pub async fn revoke_token(
    db: &Db,
    by: &By<'_>,
    id: AdminTokenId,
) -> Result<AdminToken, AccessError> {
    let mut tx = db.begin().await?;
    let token = revoke(&mut tx, by, id).await?;
    tx.commit().await?;
    Ok(token)
}

/// Revokes a token in a transaction.
pub async fn revoke(tx: &mut Tx, by: &By<'_>, id: AdminTokenId) -> Result<AdminToken, AccessError> {
    move_to(tx, by, id, (Status::Revoked, "revoke")).await
}

/// Revokes all tokens of a person in a transaction; how many.
pub async fn revoke_all(tx: &mut Tx, by: &By<'_>, person: &str) -> Result<usize, AccessError> {
    let revoked = store::revoke_all(tx, person).await?;
    if revoked.iter().any(|(_, given)| given.is_owner()) {
        by.may_change_owners()?;
    }
    for (id, _) in &revoked {
        record(tx, by, change(*id, "revoke", json!({ "person": person }))).await?;
    }
    Ok(revoked.len())
}

/// Suspends or resumes a token. The last owner is kept.
pub async fn set_token_status(
    db: &Db,
    by: &By<'_>,
    id: AdminTokenId,
    switch: Switch,
) -> Result<AdminToken, AccessError> {
    let mut tx = db.begin().await?;
    let token = set_status(&mut tx, by, id, switch).await?;
    tx.commit().await?;
    Ok(token)
}

/// The same in a transaction.
pub async fn set_status(
    tx: &mut Tx,
    by: &By<'_>,
    id: AdminTokenId,
    switch: Switch,
) -> Result<AdminToken, AccessError> {
    let op = if switch == Switch::Suspend { "suspend" } else { "resume" };
    let token = move_to(tx, by, id, (switch.status(), op)).await?;
    if token.status == Status::Revoked {
        return Err(AccessError::Revoked(Kind::AdminToken));
    }
    Ok(token)
}

async fn move_to(
    tx: &mut Tx,
    by: &By<'_>,
    id: AdminTokenId,
    (status, op): (Status, &'static str),
) -> Result<AdminToken, AccessError> {
    let moved = store::set_token_status(tx, id, status).await?;
    let found = store::find_token_in(tx, id).await?;
    let token = found.ok_or_else(|| AccessError::not_found(Kind::AdminToken, id))?;
    if !moved {
        return Ok(token);
    }
    if token.given.is_owner() {
        by.may_change_owners()?;
    }
    record(tx, by, change(id, op, json!({}))).await?;
    // As in `bootstrap`: two owners that go together must not both be the last.
    let goes = token.roles.is_owner() && status != Status::Active;
    if goes && !store::other_owners(tx, &id.to_string(), by.now).await? {
        return Err(AccessError::LastOwner);
    }
    Ok(token)
}

/// A token.
pub async fn get_token(db: &Db, id: AdminTokenId) -> Result<AdminToken, AccessError> {
    let found = store::find_token(db, id).await?;
    found.map(|(token, _)| token).ok_or_else(|| AccessError::not_found(Kind::AdminToken, id))
}

/// The token that a text is the secret of, if it may be used now.
pub async fn authenticate(
    db: &Db,
    pepper: &Pepper,
    text: &str,
    now: Micros,
) -> Result<AdminToken, ApiError> {
    let id = key::parse_admin(text).map_err(|_| {
        let detail = "The token is not one of ours or was damaged on the way: copy it again \
                      whole, from `cpt_admin_` to its last character.";
        ApiError::new(Code::InvalidKey, detail)
    })?;
    let held = store::find_token(db, id).await?;
    let hash = key::hash(pepper, text);
    let Some((token, _)) = held.filter(|(_, held)| secret::same(held, &hash)) else {
        return Err(ApiError::new(Code::InvalidKey, "This token is not known here."));
    };
    match token.status {
        Status::Active if !token.is_held => {}
        Status::Revoked => {
            let detail = "This token was revoked: use another, or ask for a new one.";
            return Err(ApiError::new(Code::RevokedKey, detail));
        }
        Status::Active | Status::Suspended => {
            let detail = "This token is suspended, or the account of who made it is or has none of its roles \
                          any more: use another, or ask an owner.";
            return Err(ApiError::new(Code::Suspended, detail));
        }
    }
    if let Some(at) = token.expires_at.filter(|at| *at <= now) {
        let detail = format!("This token expired at {at}: use another, or ask for a new one.");
        return Err(ApiError::new(Code::ExpiredKey, detail));
    }
    let told = token.last_used_at.is_some_and(|at| now.0 - at.0 < USES_APART);
    // A use that cannot be written down is no reason to refuse it.
    if !told && let Err(error) = store::touch_token(db, id, now).await {
        tracing::warn!(%error, "the use of an admin token could not be written down");
    }
    Ok(token)
}
