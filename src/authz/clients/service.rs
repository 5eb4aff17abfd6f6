//! What can be done to what is registered of an app for customers' data. Each change is one transaction, which also
//! writes the control log and the audit log.

use super::model::{AccessSpec, AskKind, AskState, CustomerAccess, Decided};
use super::store;
use crate::access::error::{AccessError, Kind};
use crate::access::service::By;
use crate::access::store::{Change, hold_app, record};
use crate::access::text::Reason;
use crate::authz::client::{ClientAuth, SecurityProfile};
use crate::authz::redirect::RedirectUri;
use crate::config::is_protected;
use crate::consent::scope::{OAuthScope, OAuthScopes};
use crate::kernel::id::AppId;
use crate::kernel::word::Word as _;
use crate::storage::{Db, Tx};
use serde_json::{Value, json};

/// Most addresses that an app has customers sent back to.
pub const REDIRECTS_MOST: usize = 20;
/// Most characters of an address or a contact.
const TEXT_MOST: usize = 1_000;

/// What is decided about: scopes and addresses that were asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccessDecision {
    /// The scopes.
    pub scopes: OAuthScopes,
    /// The addresses.
    pub redirect_uris: Vec<String>,
}

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessVerdict {
    /// The app may have it.
    Approve,
    /// It may not.
    Refuse,
}

fn wrong(field: &'static str, message: impl Into<String>) -> AccessError {
    AccessError::Field { field, message: message.into() }
}

/// What is registered of an app.
pub async fn get(db: &Db, app: AppId) -> Result<CustomerAccess, AccessError> {
    store::find(db, app).await?.ok_or_else(|| missing(app))
}

/// The same, kept from others until the end of the transaction.
pub async fn held(tx: &mut Tx, app: AppId) -> Result<CustomerAccess, AccessError> {
    store::hold(tx, app).await?.ok_or_else(|| missing(app))
}

fn missing(app: AppId) -> AccessError {
    AccessError::not_found(Kind::CustomerAccess, app)
}

/// The addresses of texts, each once.
pub fn redirects(texts: &[String], native: bool) -> Result<Vec<RedirectUri>, AccessError> {
    let mut read: Vec<RedirectUri> = Vec::with_capacity(texts.len());
    for text in texts {
        let shown: String = text.chars().take(100).collect();
        let uri = RedirectUri::register(text, native)
            .map_err(|error| wrong("redirect_uris", format!("`{shown}` {error}")))?;
        if read.contains(&uri) {
            return Err(wrong("redirect_uris", format!("`{shown}` is there twice")));
        }
        read.push(uri);
    }
    Ok(read)
}

impl AccessSpec {
    fn check(&self) -> Result<(), AccessError> {
        if !(1..=REDIRECTS_MOST).contains(&self.redirect_uris.len()) {
            return Err(wrong("redirect_uris", format!("takes 1 to {REDIRECTS_MOST} addresses")));
        }
        if self.scopes.is_empty() || self.scopes.of_customers() != self.scopes {
            let why =
                "takes scopes that customers give, which begin with `customer.`, at least one";
            return Err(wrong("scopes", why));
        }
        if self.profile == SecurityProfile::Fapi2 && self.auth != ClientAuth::PrivateKeyJwt {
            return Err(wrong("client_auth", "must be private_key_jwt where profile is fapi2"));
        }
        if self.contact.trim().is_empty() || self.contact.chars().count() > TEXT_MOST {
            return Err(wrong("contact", format!("must be 1 to {TEXT_MOST} characters")));
        }
        if self.privacy_url.len() > TEXT_MOST || !is_protected(&self.privacy_url) {
            let why = "must be an address with https of at most 1000 characters";
            return Err(wrong("privacy_url", why));
        }
        Ok(())
    }

    fn told(&self) -> Value {
        json!({
            "client_auth": self.auth, "profile": self.profile, "native": self.native,
            "legal_name": self.legal_name, "contact": self.contact,
            "privacy_url": self.privacy_url,
            "redirect_uris": self.redirect_uris.iter().map(RedirectUri::as_str).collect::<Vec<_>>(),
            "scopes": self.scopes,
        })
    }
}

/// Registers an app, or changes what is registered of it. What it asks for that it has not asked for before waits for
/// somebody to approve it; what it asks for no more is gone. Of another name, or of a client that proves itself
/// otherwise, nothing was approved: all of it is asked for anew.
pub async fn register(
    db: &Db,
    by: &By<'_>,
    app: AppId,
    spec: &AccessSpec,
) -> Result<CustomerAccess, AccessError> {
    spec.check()?;
    let mut tx = db.begin().await?;
    let owner = hold_app(&mut tx, app).await?;
    let owner = owner.ok_or_else(|| AccessError::not_found(Kind::App, app))?;
    let before = store::hold(&mut tx, app).await?;
    if before.as_ref().is_some_and(|before| before.partner != owner) {
        let why = "Customers have let this app in as another partner's. Create another app for this one: what was \
                   agreed with the former partner does not go over.";
        return Err(AccessError::Conflict(why.to_owned()));
    }
    store::put(&mut tx, (app, owner), spec, by.now).await?;
    let who = (by.actor, by.now);
    if before.as_ref().is_some_and(|before| before.is_another(spec)) {
        store::ask_anew(&mut tx, app, who).await?;
    }
    let had = before.as_ref().map(asks).unwrap_or_default();
    let has = wanted(spec);
    for (kind, value) in had.iter().filter(|ask| !has.contains(ask)) {
        store::drop_ask(&mut tx, app, (*kind, value.as_str())).await?;
    }
    for (kind, value) in has.iter().filter(|ask| !had.contains(ask)) {
        store::ask(&mut tx, app, (*kind, value.as_str()), who).await?;
    }
    let after = held(&mut tx, app).await?;
    record(&mut tx, by, Change::new(Kind::App, app, "register_customer_access", spec.told()))
        .await?;
    tx.commit().await?;
    Ok(after)
}

fn asks(access: &CustomerAccess) -> Vec<(AskKind, String)> {
    let scopes = access.scopes.iter().map(|ask| (AskKind::Scope, ask.what.to_string()));
    let uris = access.redirect_uris.iter().map(|ask| (AskKind::RedirectUri, ask.what.to_string()));
    scopes.chain(uris).collect()
}

fn wanted(spec: &AccessSpec) -> Vec<(AskKind, String)> {
    let scopes = spec.scopes.iter().map(|scope| (AskKind::Scope, scope.to_string()));
    let uris = spec.redirect_uris.iter().map(|uri| (AskKind::RedirectUri, uri.to_string()));
    scopes.chain(uris).collect()
}

/// Approves or refuses some of what an app asks for; what was decided before can be decided otherwise. What can reveal
/// health or belief is never given by one person alone.
pub async fn decide_in(
    tx: &mut Tx,
    by: &By<'_>,
    app: AppId,
    (verdict, what): (AccessVerdict, &AccessDecision),
    reason: &Reason,
) -> Result<CustomerAccess, AccessError> {
    hold_app(tx, app).await?.ok_or_else(|| AccessError::not_found(Kind::App, app))?;
    let access = held(tx, app).await?;
    let asked: OAuthScopes = access.scopes.iter().map(|ask| ask.what).collect();
    let unasked = what.scopes.without(asked);
    if !unasked.is_empty() {
        return Err(wrong("scopes", format!("`{unasked}`: the app does not ask for it")));
    }
    let is_asked = |text: &String| access.redirect_uris.iter().any(|ask| ask.what.as_str() == text);
    if let Some(other) = what.redirect_uris.iter().find(|text| !is_asked(text)) {
        let shown: String = other.chars().take(100).collect();
        return Err(wrong("redirect_uris", format!("`{shown}`: the app does not ask for it")));
    }
    if what.scopes.is_empty() && what.redirect_uris.is_empty() {
        return Err(wrong(
            "scopes",
            "name at least one scope here, or an address in redirect_uris",
        ));
    }
    if verdict == AccessVerdict::Approve && !what.scopes.special().is_empty() {
        by.with_another()?;
    }
    let (state, op) = match verdict {
        AccessVerdict::Approve => (AskState::Approved, "approve_customer_access"),
        AccessVerdict::Refuse => (AskState::Refused, "refuse_customer_access"),
    };
    let why = Decided { by: by.actor.to_owned(), at: by.now, reason: reason.to_string() };
    for scope in what.scopes.iter().map(OAuthScope::as_str) {
        store::decide(tx, app, (AskKind::Scope, scope, state), &why).await?;
    }
    for uri in &what.redirect_uris {
        store::decide(tx, app, (AskKind::RedirectUri, uri.as_str(), state), &why).await?;
    }
    let after = held(tx, app).await?;
    let detail = json!({ "scopes": what.scopes, "redirect_uris": what.redirect_uris, "reason": reason.as_str() });
    let change = Change::new(Kind::App, app, op, detail);
    record(tx, by, Change { narrows: verdict == AccessVerdict::Refuse, ..change }).await?;
    Ok(after)
}

/// The same in a transaction of its own.
pub async fn decide(
    db: &Db,
    by: &By<'_>,
    app: AppId,
    what: (AccessVerdict, &AccessDecision),
    reason: &Reason,
) -> Result<CustomerAccess, AccessError> {
    let mut tx = db.begin().await?;
    let access = decide_in(&mut tx, by, app, what, reason).await?;
    tx.commit().await?;
    Ok(access)
}

/// Suspends an app's access to customers' data, or lifts that: at once, for all that customers have let it have.
/// What is so already stays as it is.
pub async fn set_suspended(
    db: &Db,
    by: &By<'_>,
    app: AppId,
    (is_suspended, reason): (bool, &Reason),
) -> Result<CustomerAccess, AccessError> {
    let mut tx = db.begin().await?;
    hold_app(&mut tx, app).await?.ok_or_else(|| AccessError::not_found(Kind::App, app))?;
    let access = held(&mut tx, app).await?;
    if access.suspended.is_some() == is_suspended {
        return Ok(access);
    }
    let why = Decided { by: by.actor.to_owned(), at: by.now, reason: reason.to_string() };
    store::suspend(&mut tx, app, is_suspended.then_some(&why), by.now).await?;
    let after = held(&mut tx, app).await?;
    let op = match is_suspended {
        true => "suspend_customer_access",
        false => "resume_customer_access",
    };
    let change = Change::new(Kind::App, app, op, json!({ "reason": reason.as_str() }));
    record(&mut tx, by, Change { narrows: is_suspended, ..change }).await?;
    tx.commit().await?;
    Ok(after)
}
