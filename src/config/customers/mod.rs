//! The settings of customers' data, with their defaults and bounds: who issues tokens, for how long consents last, where
//! customers log in, how long things are kept, what partners are told.

mod consent;
mod idp;
mod read;

pub use consent::{CONSENT_DAYS_MOST, ConsentSettings};
pub use idp::IdpSettings;

use crate::kernel::word::{read_words, words};
use serde::Deserialize;
use std::ops::RangeInclusive;
use url::Url;

words! {
    /// Whether there is anything about customers here, and whether they are real.
    pub enum CustomersUse {
        /// There is nothing: no endpoint about customers answers.
        Off = "off",
        /// For trying, with customers who are made up.
        Sandbox = "sandbox",
        /// Customers and partners are real.
        Production = "production",
    }
}

words! {
    /// What is required of requests.
    pub enum SecurityProfile {
        /// The FAPI 2.0 Security Profile: pushed requests, `private_key_jwt`, access tokens bound by DPoP.
        Fapi2 = "fapi2",
        /// OAuth 2.1: PKCE, and for the rest what the client can.
        Baseline = "baseline",
    }
}

words! {
    /// Who issues tokens.
    pub enum AuthzMode {
        /// This program.
        Embedded = "embedded",
        /// Another authorization server, whose tokens are taken here beside a consent of ours.
        External = "external",
    }
}

words! {
    /// Whether DPoP proofs need a nonce of ours (RFC 9449 §8).
    pub enum NonceUse {
        /// No; one that is there is looked at.
        Off = "off",
        /// Yes.
        Required = "required",
    }
}

words! {
    /// What ends when a customer logs out at the retailer.
    pub enum LogoutReach {
        /// The session of the browser.
        Browser = "browser",
        /// Tokens as well.
        Tokens = "tokens",
    }
}

read_words!(CustomersUse, SecurityProfile, AuthzMode, NonceUse, LogoutReach);

impl SecurityProfile {
    /// The one that requires more.
    #[must_use]
    pub fn stricter(self, other: Self) -> Self {
        if other == Self::Fapi2 { other } else { self }
    }
}

/// All of them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuthzSettings {
    /// Tokens.
    pub authz: TokenSettings,
    /// Consents.
    pub consent: ConsentSettings,
    /// The retailer, as consents name it.
    pub controller: ControllerSettings,
    /// Logins.
    pub login: LoginSettings,
    /// How long things are kept.
    pub retention: RetentionSettings,
    /// What partners are told.
    pub events: EventSettings,
}

/// Tokens. Times are in seconds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokenSettings {
    /// Whether there is anything about customers here.
    pub customers: CustomersUse,
    /// Who issues them.
    pub mode: AuthzMode,
    /// The other authorization server, where it is another.
    pub external: Option<ExternalIssuer>,
    /// What requests about customers have to keep to; left out, FAPI 2.0 in production and the baseline elsewhere.
    pub customer_profile: Option<SecurityProfile>,
    /// How long a code works.
    pub code_ttl_s: u16,
    /// How long a pushed request waits.
    pub par_ttl_s: u16,
    /// How long an access token works.
    pub access_ttl_s: u16,
    /// Whether proofs need a nonce.
    pub dpop_nonce: NonceUse,
}

/// Another authorization server, whose tokens are taken.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExternalIssuer {
    /// Its address, as its tokens name it (`iss`).
    pub issuer: String,
    /// Where its keys are (RFC 8414 §2).
    pub jwks_uri: String,
}

/// Where the program runs, as far as settings hang on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deployment {
    /// Whether customers and partners are real.
    pub in_production: bool,
    /// Whether there is more than one node.
    pub has_nodes: bool,
    /// Whether all nodes see which proofs and assertions were used: in the database or in Redis. Otherwise each knows
    /// of its own, and only until it ends.
    pub shares_replays: bool,
}

/// The retailer, who answers for the data (GDPR Art. 4(7)).
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ControllerSettings {
    /// Its name, as customers know it.
    pub name: String,
    /// Its postal address.
    pub address: String,
    /// Where customers reach it about their data.
    pub contact: String,
    /// Country whose law governs consents (ISO 3166-1 alpha-2).
    pub jurisdiction: String,
    /// Where customers' rights are told and used.
    pub rights_url: String,
}

impl Default for TokenSettings {
    fn default() -> Self {
        Self {
            customers: CustomersUse::Off,
            mode: AuthzMode::Embedded,
            external: None,
            customer_profile: None,
            code_ttl_s: 60,
            par_ttl_s: 300,
            access_ttl_s: 300,
            dpop_nonce: NonceUse::Off,
        }
    }
}

/// Logins.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LoginSettings {
    /// The retailer's OpenID providers.
    pub idp: Vec<IdpSettings>,
    /// How old who consents is at least, in years.
    pub min_age: u8,
}

impl Default for LoginSettings {
    fn default() -> Self {
        Self { idp: Vec::new(), min_age: 16 }
    }
}

/// How long things are kept.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetentionSettings {
    /// Days for which it is kept who has read what.
    pub access_log_days: u16,
    /// Days for which requests are kept that came to nothing.
    pub interaction_days: u16,
    /// Years for which the history of consents is kept.
    pub event_years: u16,
}

impl Default for RetentionSettings {
    fn default() -> Self {
        Self { access_log_days: 400, interaction_days: 1, event_years: 6 }
    }
}

/// What partners are told.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EventSettings {
    /// Hours for which it is tried.
    pub retry_hours: u16,
}

impl Default for EventSettings {
    fn default() -> Self {
        Self { retry_hours: 72 }
    }
}

/// A setting that is out of bounds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key} {why}")]
pub struct SettingFault {
    /// Its name.
    pub key: &'static str,
    /// What it must be.
    pub why: String,
}

impl AuthzSettings {
    /// Whether there is anything about customers here.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.authz.customers != CustomersUse::Off
    }

    /// Whether customers and partners are real.
    #[must_use]
    pub fn in_production(&self) -> bool {
        self.authz.customers == CustomersUse::Production
    }

    /// What requests about customers have to keep to.
    #[must_use]
    pub fn customers(&self, in_production: bool) -> SecurityProfile {
        let usual = if in_production { SecurityProfile::Fapi2 } else { SecurityProfile::Baseline };
        self.authz.customer_profile.unwrap_or(usual)
    }

    /// Whether DPoP proofs need a nonce: where it is set, and where a node forgets what was used when it ends. A proof
    /// of before then lacks a nonce of the node that runs now (`authz::nonce`).
    #[must_use]
    pub fn needs_nonce(&self, deployment: Deployment) -> bool {
        self.authz.dpop_nonce == NonceUse::Required || !deployment.shares_replays
    }

    /// All that is out of bounds, or will not do where the program runs.
    #[must_use]
    pub fn faults(&self, deployment: Deployment) -> Vec<SettingFault> {
        let mut faults = self.out_of_bounds();
        let fault = |(key, why)| SettingFault { key, why };
        faults.extend(self.consent.faults().into_iter().map(fault));
        faults.extend(self.authz.faults(deployment));
        faults
    }

    fn out_of_bounds(&self) -> Vec<SettingFault> {
        let Self { authz, login, retention, events, .. } = self;
        let bounds: [(&'static str, u16, RangeInclusive<u16>); 8] = [
            ("authz.code_ttl_s", authz.code_ttl_s, 1..=60),
            ("authz.par_ttl_s", authz.par_ttl_s, 30..=599),
            ("authz.access_ttl_s", authz.access_ttl_s, 60..=900),
            ("login.min_age", u16::from(login.min_age), 13..=21),
            ("retention.access_log_days", retention.access_log_days, 1..=3_650),
            ("retention.interaction_days", retention.interaction_days, 1..=30),
            ("retention.event_years", retention.event_years, 1..=30),
            ("events.retry_hours", events.retry_hours, 1..=720),
        ];
        let out = bounds.into_iter().filter(|(_, value, bounds)| !bounds.contains(value));
        let told = |(key, _, bounds): (_, _, RangeInclusive<u16>)| SettingFault {
            key,
            why: format!("must be {} to {}", bounds.start(), bounds.end()),
        };
        out.map(told).collect()
    }
}

impl TokenSettings {
    fn faults(&self, deployment: Deployment) -> Vec<SettingFault> {
        let mut faults = Vec::new();
        let mut add = |key, why: &str| faults.push(SettingFault { key, why: why.to_owned() });
        let is_lax = self.customer_profile == Some(SecurityProfile::Baseline);
        if deployment.in_production && is_lax {
            add(
                "authz.customer_profile",
                "must be fapi2 in production: the baseline is for trying",
            );
        }
        // A nonce tells when a proof was made, not whether it was used: another node would take it again (RFC 9449
        // §11.1).
        if deployment.has_nodes && !deployment.shares_replays {
            let why = "does not do for several nodes: they must share which proofs were used, in the database or Redis";
            add("authz.dpop_nonce", why);
        }
        match (self.mode, &self.external) {
            (AuthzMode::External, None) => {
                add("authz.external", "must say issuer and jwks_uri where authz.mode is external");
            }
            (AuthzMode::Embedded, Some(_)) => {
                add("authz.external", "has no place where authz.mode is embedded");
            }
            (AuthzMode::External, Some(external)) => {
                let places = [
                    ("authz.external.issuer", &external.issuer),
                    ("authz.external.jwks_uri", &external.jwks_uri),
                ];
                for (key, place) in places {
                    if !is_issuer_place(place, deployment.in_production) {
                        add(key, "must be an https address without query and fragment");
                    }
                }
            }
            (AuthzMode::Embedded, None) => {}
        }
        faults
    }
}

/// Whether an address may be that of an issuer (RFC 8414 §2); without https only for trying, and on this machine.
fn is_issuer_place(text: &str, in_production: bool) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    let is_here = matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost"));
    let is_safe = url.scheme() == "https" || !in_production && url.scheme() == "http" && is_here;
    is_safe && url.has_host() && url.query().is_none() && url.fragment().is_none()
}
