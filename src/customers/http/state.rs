//! What the guard and the handlers work with.

use crate::access::directory::{KeyRecord, Keyring};
use crate::authz::clients::KnownClients;
use crate::authz::http::AuthzState;
use crate::consent::subject::IdKey;
use crate::customers::source::CustomerSource;
use crate::kernel::Micros;
use crate::kernel::seal::ByteSealer;
use std::fmt;
use std::sync::Arc;

/// What the operations of customers' data work with.
pub struct CustomerApi {
    /// The authorization server: its keys, what was used once, and what this node knows of consents.
    pub(super) authz: Arc<AuthzState>,
    pub(super) source: CustomerSource,
    pub(super) ids: IdKey,
    /// Seals the places in lists that cursors stand for: they name rows as the retailer does.
    pub(super) places: ByteSealer,
    /// What this node knows of apps that are let in.
    pub(super) clients: KnownClients,
    keyring: Arc<Keyring>,
}

impl fmt::Debug for CustomerApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CustomerApi").field("source", &self.source).finish_non_exhaustive()
    }
}

impl CustomerApi {
    /// Customers' data from a source, for tokens of this authorization server. By the limits of these keys calls are held.
    #[must_use]
    pub fn new(authz: &Arc<AuthzState>, keyring: &Arc<Keyring>, source: CustomerSource) -> Self {
        let pepper = keyring.pepper();
        Self {
            authz: Arc::clone(authz),
            source,
            ids: IdKey::new(pepper.derive("comptoir ids for partners", "")),
            places: ByteSealer::new(pepper.derive("comptoir places in customers' lists", "")),
            clients: KnownClients::default(),
            keyring: Arc::clone(keyring),
        }
    }

    /// The key of a client, and the position of the control log at which it stands so: by its limits calls are held, and to
    /// its app they are billed. None where this node has not heard of it yet.
    pub(super) fn key_of(&self, client_id: &str, now: Micros) -> Option<(Arc<KeyRecord>, i64)> {
        let directory = self.keyring.current();
        let key = directory.at(client_id.parse().ok()?, now).cloned()?;
        Some((key, directory.position()))
    }
}
