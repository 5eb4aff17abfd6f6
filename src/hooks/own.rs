//! A receiver of the retailer's own. It is held to the same rules as those of partners, and what is sent there is
//! signed and repeated in the same way.

use super::retry::{Schedule, Tried};
use super::secret::SigningSecret;
use super::store::Attempt;
use crate::config;
use crate::kernel::clock::SECOND;
use crate::kernel::{Clock, Micros};
use crate::outbound::{Caller, Rules};
use anyhow::Context as _;
use std::fmt;
use std::time::Instant;

/// Where the retailer wants to be told what its partners are told of their usage.
pub struct OwnReceiver {
    caller: Caller,
    schedule: Schedule,
    secret: SigningSecret,
    url: String,
}

impl fmt::Debug for OwnReceiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[receiver]")
    }
}

impl OwnReceiver {
    /// The receiver of the settings, which may not lead where no subscription may.
    pub fn new(target: &config::AlertWebhook, settings: &config::Hooks) -> anyhow::Result<Self> {
        let private = settings.private_targets.clone();
        let rules = Rules { allow_http: settings.allow_http, private };
        let checked = rules.check(&target.url).map_err(|why| {
            anyhow::anyhow!("it {why}; see `hooks.allow_http` and `hooks.private_targets`")
        });
        let url = checked.context("`alerts.webhook_url` cannot be used")?.to_string();
        let secret = SigningSecret::given(target.secret.reveal());
        Ok(Self {
            caller: Caller::new(rules, settings.timeout)?,
            schedule: Schedule::new(&settings.retry),
            secret: secret.context("`alerts.webhook_secret` cannot be used")?,
            url,
        })
    }

    /// When the last attempt of a message comes that was written at an instant.
    #[must_use]
    pub fn ends(&self, written_at: Micros) -> Micros {
        self.schedule.end(written_at)
    }

    /// Sends a message once; what became of it.
    pub async fn send(&self, tried: Tried<'_>, payload: &str, clock: &Clock) -> Attempt {
        let (timestamp, begun) = (clock.now().0 / SECOND, Instant::now());
        let headers = self.secret.headers(tried.id, timestamp, payload);
        let called = self.caller.post(&self.url, &headers, payload.to_owned()).await;
        let duration_ms = i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.schedule.judge(&called, tried, clock.now(), duration_ms)
    }
}
