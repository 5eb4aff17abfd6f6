//! What partners are told of consents: security event tokens (RFC 8417), posted to them (RFC 8935) and, where that is in vain
//! or they have not said where to, asked for by them (RFC 8936).
//!
//! What is told follows from the ledger: one node at a time, the one that holds the lease, reads it behind the place up to
//! which partners were told, writes an event for each entry that one is told of, and moves the place in the same
//! transaction. So nothing is told that has not happened, all that has happened is told, and no move of a consent waits for
//! a partner. An event is signed when it is sent, by the key of tokens that is in use then, and has the same `jti` however
//! often that is. Calls go by the rules of all calls to addresses of others ([`crate::outbound`]).

pub mod api;
mod deliver;
mod find;
pub mod kind;
mod store;
pub mod told;

pub use store::PartnerDeletion;

use super::settings::EventSettings;
use super::signers::Signers;
use super::store::keys::NoSigningKey;
use crate::access::audit::{self, Deed};
use crate::access::service::{By, app_exists};
use crate::config;
use crate::consent::proof::signs::Unsigned;
use crate::consent::record::GrantId;
use crate::kernel::clock::{HOUR, MINUTE};
use crate::kernel::id::{AppId, NodeId};
use crate::kernel::{Clock, Micros};
use crate::outbound::{Caller, Refused, Rules};
use crate::storage::{Db, StoreError, lease};
use serde_json::json;

/// The `typ` of a token (RFC 8417 §2.3).
pub const SET_TYP: &str = "secevent+jwt";
const LEASE: &str = "partner_events";
/// How long a node that says no more keeps the others from sending: longer than a round takes.
const HELD: i64 = 2 * MINUTE;

/// Tells partners, on a node.
#[derive(Debug)]
pub struct PartnerEvents {
    db: Db,
    clock: Clock,
    node: String,
    signers: Signers,
    issuer: String,
    caller: Caller,
    /// Microseconds for which it is tried to post an event.
    push_for: i64,
}

/// Why partners were not told.
#[derive(Debug, thiserror::Error)]
pub enum EventsFailed {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no key.
    #[error(transparent)]
    NoKey(#[from] NoSigningKey),
    /// The key did not sign.
    #[error(transparent)]
    Unsigned(#[from] Unsigned),
    /// There is no randomness to name an event with.
    #[error("the machine gives no random numbers: {0}")]
    Random(#[from] getrandom::Error),
}

/// Why the address of an app was not set.
#[derive(Debug, thiserror::Error)]
pub enum EndpointRefused {
    /// There is no such app.
    #[error("there is no app {0}")]
    Unknown(AppId),
    /// It may not be called.
    #[error("the address {0}")]
    Address(#[from] Refused),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Where an app takes what it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventEndpoint {
    /// The address.
    pub url: String,
    /// Since when.
    pub set_at: Micros,
}

/// What waits to be taken by partners.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenEvents {
    /// How many events.
    pub count: i64,
    /// When the first of them was made.
    pub oldest: Option<Micros>,
}

/// The rules of the settings for addresses of partners.
#[must_use]
pub fn rules(settings: &config::Hooks) -> Rules {
    Rules { allow_http: settings.allow_http, private: settings.private_targets.clone() }
}

impl PartnerEvents {
    /// What tells partners, in the name of an issuer.
    pub fn new(
        (db, clock, node): (&Db, &Clock, NodeId),
        (signers, issuer): (Signers, &str),
        (hooks, events): (&config::Hooks, &EventSettings),
    ) -> reqwest::Result<Self> {
        Ok(Self {
            db: db.clone(),
            clock: clock.clone(),
            node: node.to_string(),
            signers,
            issuer: issuer.to_owned(),
            caller: Caller::new(rules(hooks), hooks.timeout)?,
            push_for: i64::from(events.retry_hours) * HOUR,
        })
    }

    /// Writes what partners are to be told, reminds them, and posts what is due, if this node is the one that does. How many
    /// events were taken.
    pub async fn round(&self) -> Result<u64, EventsFailed> {
        let now = self.clock.now();
        let until = Micros(now.0.saturating_add(HELD));
        if !lease::hold(&self.db, (LEASE, &self.node), now, until).await? {
            return Ok(0);
        }
        Box::pin(self.find()).await?;
        store::queue_homeless(&self.db).await?;
        Box::pin(self.deliver()).await
    }

    /// The keys that this node signs with.
    #[must_use]
    pub fn signers(&self) -> &Signers {
        &self.signers
    }

    /// What partners have not taken.
    pub async fn open(&self) -> Result<OpenEvents, StoreError> {
        let (count, oldest) = store::open(&self.db).await?;
        Ok(OpenEvents { count, oldest })
    }
}

/// Where an app takes what it is told; `None` where it asks for it.
pub async fn endpoint(db: &Db, app: AppId) -> Result<Option<EventEndpoint>, StoreError> {
    let found = store::endpoint(db, app).await?;
    Ok(found.map(|(url, set_at)| EventEndpoint { url, set_at }))
}

/// Sets where an app takes what it is told, or that it asks for it from now on.
pub async fn set_endpoint(
    db: &Db,
    (by, rules): (&By<'_>, &Rules),
    app: AppId,
    url: Option<&str>,
) -> Result<Option<EventEndpoint>, EndpointRefused> {
    let url = url.map(|url| rules.check(url).map(|url| url.to_string())).transpose()?;
    if !app_exists(db, app).await? {
        return Err(EndpointRefused::Unknown(app));
    }
    let mut tx = db.begin().await?;
    store::set_endpoint(&mut tx, app, url.as_deref(), by.now).await?;
    // A path may be a secret of the partner's, so the log says only whether there is an address.
    let detail = json!({ "is_set": url.is_some() });
    let deed = Deed { action: "app.set_event_endpoint".into(), subject: app.to_string(), detail };
    audit::append(&mut tx, by, deed).await?;
    tx.commit().await?;
    Ok(url.map(|url| EventEndpoint { url, set_at: by.now }))
}

/// What a partner has to delete of what it was given by a consent, and what it has said of that.
pub async fn deletion(db: &Db, grant: GrantId) -> Result<Option<PartnerDeletion>, StoreError> {
    store::deletion(db, grant).await
}
