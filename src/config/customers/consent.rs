//! The settings of consents, with their defaults and bounds.

use crate::kernel::sensitive::SensitiveCategories;
use serde::Deserialize;
use std::ops::RangeInclusive;
use std::time::Duration;

/// Longest life of a consent, in days: 12 months.
pub const CONSENT_DAYS_MOST: u16 = 365;

/// For how long consents last, how soon nodes learn of their end, and what is left out of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConsentSettings {
    /// Days where the customer does not say.
    pub default_days: u16,
    /// Days at most, whatever the purpose says.
    pub max_days: u16,
    /// Days after which the customer is reminded.
    pub reminder_days: u16,
    /// Milliseconds between looks for what has changed.
    pub feed_poll_ms: u16,
    /// Milliseconds after which what a node knows is too old to answer by.
    pub max_stale_ms: u16,
    /// Categories that are left out unless the customer ticks them.
    pub sensitive_categories: SensitiveCategories,
}

impl Default for ConsentSettings {
    fn default() -> Self {
        Self {
            default_days: 90,
            max_days: CONSENT_DAYS_MOST,
            reminder_days: 90,
            feed_poll_ms: 500,
            max_stale_ms: 2_000,
            sensitive_categories: SensitiveCategories::everywhere(),
        }
    }
}

impl ConsentSettings {
    /// For how long what a node knows may be used.
    #[must_use]
    pub fn stale_after(&self) -> Duration {
        Duration::from_millis(self.max_stale_ms.into())
    }

    /// All that is out of bounds: the setting, and what it must be.
    #[must_use]
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        let bounds: [(&'static str, u16, RangeInclusive<u16>); 5] = [
            ("consent.max_days", self.max_days, 1..=CONSENT_DAYS_MOST),
            ("consent.default_days", self.default_days, 1..=self.max_days),
            ("consent.reminder_days", self.reminder_days, 1..=CONSENT_DAYS_MOST),
            ("consent.feed_poll_ms", self.feed_poll_ms, 100..=2_000),
            ("consent.max_stale_ms", self.max_stale_ms, 500..=5_000),
        ];
        let out = bounds.into_iter().filter(|(_, value, bounds)| !bounds.contains(value));
        let must =
            |bounds: RangeInclusive<u16>| format!("must be {} to {}", bounds.start(), bounds.end());
        let mut faults: Vec<_> = out.map(|(key, _, bounds)| (key, must(bounds))).collect();
        if self.max_stale_ms < self.feed_poll_ms {
            let why = "must be no less than consent.feed_poll_ms";
            faults.push(("consent.max_stale_ms", why.to_owned()));
        }
        let lacking = SensitiveCategories::everywhere().without(self.sensitive_categories);
        if !lacking.is_empty() {
            let why = format!("must keep {lacking}: more may be added, none taken out");
            faults.push(("consent.sensitive_categories", why));
        }
        faults
    }
}
