//! What all endpoints work with.

use super::keyring::SigningKeys;
use super::replays::Replays;
use crate::access::Pepper;
use crate::access::oauth::jwk::Verifier;
use crate::access::throttle::Throttle;
use crate::authz::access_token::Between;
use crate::authz::client::SecurityProfile;
use crate::authz::grant::IssueRules;
use crate::authz::metadata::PublishedFacts;
use crate::authz::nonce::Nonces;
use crate::authz::presented::TokenRules;
use crate::authz::request::RequestRules;
use crate::authz::scopes;
use crate::authz::settings::{AuthzMode, AuthzSettings, Deployment};
use crate::authz::store::requests::RequestSealer;
use crate::config;
use crate::consent::details::DETAILS_TYPE;
use crate::consent::follow::KnownConsents;
use crate::http::{ApiError, ApiResult, Code};
use crate::kernel::Clock;
use crate::storage::Db;
use crate::telemetry::Metrics;
use std::net::IpAddr;
use std::sync::Arc;

/// What the key of nonces is derived for, where all nodes have the same.
const NONCES: &str = "comptoir DPoP nonce key";

/// What the endpoints are put together from.
#[derive(Debug)]
pub struct AuthzParts {
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Clock,
    /// The settings.
    pub settings: AuthzSettings,
    /// The public address of the gateway: the issuer, and the base address of the API.
    pub issuer: String,
    /// How often a client and an address may ask.
    pub limits: config::OAuth,
    /// What secrets and private keys are made of.
    pub pepper: Arc<Pepper>,
    /// What this node knows of consents.
    pub consents: Arc<KnownConsents>,
    /// Where it is noted what was used once.
    pub replays: Replays,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// What the endpoints work with.
#[derive(Debug)]
pub struct AuthzState {
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Clock,
    /// The settings.
    pub settings: AuthzSettings,
    /// The keys that sign.
    pub keys: Arc<SigningKeys>,
    /// What this node knows of consents.
    pub consents: Arc<KnownConsents>,
    /// Where it is noted what was used once.
    pub replays: Replays,
    /// Reads what is stored of requests.
    pub sealer: RequestSealer,
    /// The nonces that are issued here.
    pub nonces: Nonces,
    /// Whether proofs need one.
    pub needs_nonce: bool,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    pub(super) pepper: Arc<Pepper>,
    pub(super) by_client: Throttle<String>,
    pub(super) by_address: Throttle<IpAddr>,
    issuer: String,
    customers: SecurityProfile,
}

impl AuthzState {
    /// The state of a node. Fails where the system gives no randomness.
    pub fn new(parts: AuthzParts) -> Result<Self, getrandom::Error> {
        let AuthzParts { db, clock, settings, issuer, limits, pepper, .. } = parts;
        let shares_replays = parts.replays.are_shared();
        let in_production = settings.in_production();
        let deployment = Deployment { in_production, has_nodes: false, shares_replays };
        let keys = SigningKeys::new(
            (db.clone(), clock.clone()),
            Arc::clone(&pepper),
            settings.authz.access_ttl_s,
        );
        Ok(Self {
            keys: Arc::new(keys),
            sealer: RequestSealer::new(&pepper),
            nonces: nonces(&pepper, shares_replays)?,
            needs_nonce: settings.needs_nonce(deployment),
            customers: settings.customers(in_production),
            by_client: Throttle::new(limits.per_client_per_minute),
            by_address: Throttle::new(limits.per_address_per_minute),
            consents: parts.consents,
            replays: parts.replays,
            metrics: parts.metrics,
            db,
            clock,
            settings,
            pepper,
            issuer,
        })
    }

    /// Who issues tokens.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The base address of the API that they are meant for.
    #[must_use]
    pub fn resource(&self) -> &str {
        &self.issuer
    }

    /// What requests about customers have to keep to.
    #[must_use]
    pub fn customers(&self) -> SecurityProfile {
        self.customers
    }

    /// Whether this program issues tokens about customers.
    #[must_use]
    pub fn is_embedded(&self) -> bool {
        self.settings.is_on() && self.settings.authz.mode == AuthzMode::Embedded
    }

    /// Refuses where there is nothing about customers here: then these endpoints are not there.
    pub(super) fn on(&self) -> ApiResult<()> {
        match self.settings.is_on() {
            true => Ok(()),
            false => Err(ApiError::new(Code::UnknownPath, "See /docs for the paths that exist.")),
        }
    }

    /// The same where another server issues the tokens.
    pub(super) fn embedded(&self) -> ApiResult<()> {
        self.on()?;
        let detail = "Another authorization server issues the tokens: see /.well-known/oauth-protected-resource.";
        match self.is_embedded() {
            true => Ok(()),
            false => Err(ApiError::new(Code::UnknownPath, detail)),
        }
    }

    /// Who issues tokens, and for which API.
    #[must_use]
    pub fn between(&self) -> Between<'_> {
        Between { issuer: self.issuer(), audience: self.resource() }
    }

    /// What tokens are held to that are shown, with the keys of the issuer.
    #[must_use]
    pub fn token_rules<'a>(&'a self, keys: &'a [Verifier]) -> TokenRules<'a> {
        TokenRules {
            keys,
            between: self.between(),
            nonces: &self.nonces,
            needs_nonce: self.needs_nonce,
            customers: self.customers,
        }
    }

    /// What requests are held to.
    #[must_use]
    pub fn request_rules(&self) -> RequestRules<'_> {
        RequestRules {
            customers: self.customers,
            resource: self.resource(),
            sensitive: self.settings.consent.sensitive_categories,
        }
    }

    /// How tokens are issued.
    #[must_use]
    pub fn issue_rules(&self) -> IssueRules<'_> {
        IssueRules { issuer: self.issuer(), life_most_s: self.settings.authz.access_ttl_s }
    }

    /// Hands over what is published of the server and the API.
    pub(super) fn with_facts<T>(&self, told: impl FnOnce(&PublishedFacts<'_>) -> T) -> T {
        let scopes = scopes::published();
        let acr_values = self.acr_values();
        let issuer = self.issuer();
        told(&PublishedFacts {
            issuer,
            resource: self.resource(),
            customers: self.customers,
            scopes: &scopes,
            details_types: &[DETAILS_TYPE],
            acr_values: &acr_values,
        })
    }

    /// How strongly customers can log in, as providers are set up, each once.
    fn acr_values(&self) -> Vec<&str> {
        let idps = self.settings.login.idp.iter();
        let mut values: Vec<&str> =
            idps.flat_map(|idp| idp.required_acr.iter().map(String::as_str)).collect();
        values.sort_unstable();
        values.dedup();
        values
    }
}

/// The nonces of all nodes; where a node forgets at its end what was used, its own and new at each start.
fn nonces(pepper: &Pepper, are_shared: bool) -> Result<Nonces, getrandom::Error> {
    if are_shared {
        return Ok(Nonces::new(pepper.derive(NONCES, "")));
    }
    let mut key = zeroize::Zeroizing::new([0u8; 32]);
    getrandom::fill(&mut key[..])?;
    Ok(Nonces::new(*key))
}
