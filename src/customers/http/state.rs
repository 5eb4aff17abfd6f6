//! What the guard and the handlers work with.

use crate::access::Pepper;
use crate::access::directory::{KeyRecord, Keyring};
use crate::access::oauth::jwk::Verifier;
use crate::authz::client::SecurityProfile;
use crate::authz::keys::KeyStage;
use crate::authz::nonce::Nonces;
use crate::authz::settings::{AuthzSettings, NonceUse};
use crate::authz::store::keys;
use crate::consent::follow::KnownConsents;
use crate::consent::subject::IdKey;
use crate::customers::source::CustomerSource;
use crate::kernel::clock::SECOND;
use crate::kernel::seal::ByteSealer;
use crate::kernel::{Clock, Micros};
use crate::storage::{Db, StoreError};
use arc_swap::ArcSwapOption;
use std::fmt;
use std::sync::Arc;

/// For how long the keys of the issuer are used before they are read again: one that is withdrawn is believed no longer.
const KEYS_FRESH: i64 = 2 * SECOND;
/// What the key of nonces is derived for, here and where tokens are issued.
const NONCES: &str = "comptoir DPoP nonce key";

/// The keys of the issuer, as they were read.
#[derive(Debug)]
struct IssuerKeys {
    verifiers: Vec<Verifier>,
    read_at: Micros,
}

/// What the operations of customers' data work with.
pub struct CustomerApi {
    pub(super) db: Db,
    pub(super) clock: Clock,
    pub(super) consents: Arc<KnownConsents>,
    pub(super) source: CustomerSource,
    pub(super) settings: AuthzSettings,
    pub(super) profile: SecurityProfile,
    pub(super) nonces: Nonces,
    pub(super) ids: IdKey,
    /// Seals the places in lists that cursors stand for: they name rows as the retailer does.
    pub(super) places: ByteSealer,
    /// How partners reach this API: the issuer of tokens, and whom they are meant for.
    pub(super) base: String,
    keyring: Arc<Keyring>,
    keys: ArcSwapOption<IssuerKeys>,
}

impl fmt::Debug for CustomerApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CustomerApi").field("base", &self.base).finish_non_exhaustive()
    }
}

/// Of what it is made.
#[derive(Debug)]
pub struct CustomerApiParts<'a> {
    /// The database.
    pub db: &'a Db,
    /// The time.
    pub clock: &'a Clock,
    /// What the node knows of consents.
    pub consents: &'a Arc<KnownConsents>,
    /// The keys of apps, with their limits.
    pub keyring: &'a Arc<Keyring>,
    /// The settings.
    pub settings: &'a AuthzSettings,
    /// What requests about customers have to keep to.
    pub profile: SecurityProfile,
    /// How partners reach the API, without a slash at the end.
    pub base: &'a str,
    /// Where customers' data comes from.
    pub source: CustomerSource,
}

impl CustomerApi {
    /// Puts it together.
    #[must_use]
    pub fn new(parts: CustomerApiParts<'_>) -> Self {
        let pepper: &Pepper = parts.keyring.pepper();
        Self {
            db: parts.db.clone(),
            clock: parts.clock.clone(),
            consents: Arc::clone(parts.consents),
            source: parts.source,
            settings: parts.settings.clone(),
            profile: parts.profile,
            nonces: Nonces::new(pepper.derive(NONCES, "")),
            ids: IdKey::new(pepper.derive("comptoir ids for partners", "")),
            places: ByteSealer::new(pepper.derive("comptoir places in customers' lists", "")),
            base: parts.base.to_owned(),
            keyring: Arc::clone(parts.keyring),
            keys: ArcSwapOption::empty(),
        }
    }

    /// Whether proofs need a nonce. That a proof is used once is seen in the database, on all nodes.
    pub(super) fn needs_nonce(&self) -> bool {
        self.settings.authz.dpop_nonce == NonceUse::Required
    }

    /// The keys that tokens may be signed with.
    pub(super) async fn verifiers(&self, now: Micros) -> Result<Vec<Verifier>, StoreError> {
        if let Some(known) = self.keys.load().as_ref()
            && now.0.abs_diff(known.read_at.0) < KEYS_FRESH.unsigned_abs()
        {
            return Ok(known.verifiers.clone());
        }
        let ring = keys::ring(&self.db, self.settings.authz.access_ttl_s).await?;
        let live = ring.stages(now).filter(|(_, stage)| *stage != KeyStage::Gone);
        let verifiers: Vec<Verifier> = live.filter_map(|(key, _)| key.public.verifier()).collect();
        let known = IssuerKeys { verifiers: verifiers.clone(), read_at: now };
        self.keys.store(Some(Arc::new(known)));
        Ok(verifiers)
    }

    /// The key of a client: by its limits calls are held, and to its app they are billed. None where this node has not heard
    /// of it yet.
    pub(super) fn key_of(&self, client_id: &str, now: Micros) -> Option<Arc<KeyRecord>> {
        let directory = self.keyring.current();
        directory.at(client_id.parse().ok()?, now).cloned()
    }
}
