//! The settings of the authorization server and of what customers consent to, with their defaults and bounds.

use super::client::SecurityProfile;
use super::refresh::RefreshRotation;
use crate::kernel::word::{read_words, words};
use serde::Deserialize;
use std::ops::RangeInclusive;

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
        /// Yes: for nodes that do not tell each other which proofs were used.
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

read_words!(AuthzMode, NonceUse, LogoutReach);

/// Categories of purchases that are left out unless the customer ticks them: they can tell of health, religion or sex
/// life (GDPR Art. 9). More may be added, none taken out.
pub const SENSITIVE: [&str; 5] = ["pharmacy", "alcohol", "tobacco", "intimate", "baby"];

/// All of them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuthzSettings {
    /// Tokens.
    pub authz: TokenSettings,
    /// Consents.
    pub consent: ConsentSettings,
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
    /// Who issues them.
    pub mode: AuthzMode,
    /// What requests about customers have to keep to; left out, FAPI 2.0 in production and the baseline elsewhere.
    pub customer_profile: Option<SecurityProfile>,
    /// How long a code works.
    pub code_ttl_s: u16,
    /// How long a pushed request waits.
    pub par_ttl_s: u16,
    /// How long an access token works.
    pub access_ttl_s: u16,
    /// What becomes of a refresh token that is used.
    pub refresh_rotation: RefreshRotation,
    /// Whether proofs need a nonce.
    pub dpop_nonce: NonceUse,
}

impl Default for TokenSettings {
    fn default() -> Self {
        Self {
            mode: AuthzMode::Embedded,
            customer_profile: None,
            code_ttl_s: 60,
            par_ttl_s: 300,
            access_ttl_s: 300,
            refresh_rotation: RefreshRotation::None,
            dpop_nonce: NonceUse::Off,
        }
    }
}

/// Consents.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConsentSettings {
    /// For how many days a consent is offered first.
    pub default_days: u16,
    /// For how many at the most: a year.
    pub max_days: u16,
    /// After how many the customer is reminded of it.
    pub reminder_days: u16,
    /// Milliseconds between looks for what has changed.
    pub feed_poll_ms: u16,
    /// Milliseconds after which what is known is too old to answer by.
    pub max_stale_ms: u16,
    /// Categories that are left out unless the customer ticks them.
    pub sensitive_categories: Vec<String>,
}

impl Default for ConsentSettings {
    fn default() -> Self {
        Self {
            default_days: 90,
            max_days: 365,
            reminder_days: 90,
            feed_poll_ms: 500,
            max_stale_ms: 2_000,
            sensitive_categories: SENSITIVE.map(str::to_owned).to_vec(),
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

/// What is particular to a provider.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IdpSettings {
    /// What ends when a customer logs out there.
    pub on_logout: LogoutReach,
    /// How strongly customers have to log in; any will do where there is none.
    pub required_acr: Vec<String>,
    /// How many seconds ago at the most; 0 is any time.
    pub max_age_s: u32,
}

impl Default for IdpSettings {
    fn default() -> Self {
        Self { on_logout: LogoutReach::Browser, required_acr: Vec::new(), max_age_s: 0 }
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
    /// What requests about customers have to keep to.
    #[must_use]
    pub fn customers(&self, in_production: bool) -> SecurityProfile {
        let usual = if in_production { SecurityProfile::Fapi2 } else { SecurityProfile::Baseline };
        self.authz.customer_profile.unwrap_or(usual)
    }

    /// Whether DPoP proofs need a nonce: where it is set, and where nodes cannot see which proofs others have taken.
    #[must_use]
    pub fn needs_nonce(&self, shares_replays: bool) -> bool {
        self.authz.dpop_nonce == NonceUse::Required || !shares_replays
    }

    /// All that is out of bounds.
    #[must_use]
    pub fn faults(&self) -> Vec<SettingFault> {
        let Self { authz, consent, login, retention, events } = self;
        let bounds: [(&'static str, u16, RangeInclusive<u16>); 13] = [
            ("authz.code_ttl_s", authz.code_ttl_s, 1..=60),
            ("authz.par_ttl_s", authz.par_ttl_s, 30..=599),
            ("authz.access_ttl_s", authz.access_ttl_s, 60..=900),
            ("consent.max_days", consent.max_days, 1..=365),
            ("consent.default_days", consent.default_days, 1..=consent.max_days),
            ("consent.reminder_days", consent.reminder_days, 1..=365),
            ("consent.feed_poll_ms", consent.feed_poll_ms, 100..=2_000),
            ("consent.max_stale_ms", consent.max_stale_ms, 500..=5_000),
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
        let mut faults: Vec<SettingFault> = out.map(told).collect();
        let lacks = |category: &&str| !consent.sensitive_categories.iter().any(|c| c == category);
        if let Some(category) = SENSITIVE.into_iter().find(lacks) {
            let why = format!("must keep {category}: more may be added, none taken out");
            faults.push(SettingFault { key: "consent.sensitive_categories", why });
        }
        if consent.max_stale_ms < consent.feed_poll_ms {
            let why = "must be no less than consent.feed_poll_ms".to_owned();
            faults.push(SettingFault { key: "consent.max_stale_ms", why });
        }
        faults
    }
}
