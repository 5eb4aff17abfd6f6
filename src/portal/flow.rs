//! Logins that are under way: what one has to remember is sealed in its `state`, and opens only beside the cookie of the
//! browser that has begun it. So nothing is stored, any node ends what another began, and a browser can have several.

use super::error::PageError;
use super::sessions::{LOGIN, random_text};
use super::state::Portal;
use crate::authz::bits;
use crate::kernel::Micros;
use crate::kernel::clock::SECOND;
use crate::kernel::secret::Secret;
use actix_web::HttpRequest;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long a login may take at the provider.
pub(super) const LIFE: Duration = Duration::from_secs(600);
/// What nonces and verifiers are derived for.
const NONCE: &str = "comptoir customer login nonce";
const VERIFIER: &str = "comptoir customer login verifier";

/// Where somebody is led once they have logged in. No address of a caller's choice is among it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Destination {
    /// On with the request of a partner, by what stands for it in paths.
    Request(String),
    /// To their own page.
    Own,
}

/// A login that is under way.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct LoginFlow {
    /// At which provider.
    pub(super) provider: String,
    /// Where it leads.
    pub(super) to: Destination,
    /// How many seconds ago the customer may have logged in there at the most.
    pub(super) max_age_s: Option<u32>,
    /// What is random.
    random: String,
    /// When it began, in seconds.
    began: i64,
}

impl LoginFlow {
    pub(super) fn begin(
        provider: &str,
        to: Destination,
        max_age_s: Option<u32>,
        now: Micros,
    ) -> Result<Self, PageError> {
        Ok(Self {
            provider: provider.to_owned(),
            to,
            max_age_s,
            random: random_text()?.reveal().to_owned(),
            began: now.0.div_euclid(SECOND),
        })
    }
}

impl Portal {
    /// The text that binds logins to a browser: the one that it has, or a new one.
    pub(super) fn browser(&self, request: &HttpRequest) -> Result<Secret, PageError> {
        let known = LOGIN.read(&self.site, request.headers());
        let known = known.filter(|text| bits::decode_32(text.reveal()).is_some());
        match known {
            Some(text) => Ok(text),
            None => Ok(random_text()?),
        }
    }

    /// The `state` of a login that a browser begins.
    pub(super) fn sealed(&self, flow: &LoginFlow, browser: &Secret) -> Result<String, PageError> {
        let unsealed = |why: &str| PageError::Inside(format!("a login cannot be sealed: {why}"));
        let text = serde_json::to_vec(flow).map_err(|error| unsealed(&error.to_string()))?;
        let sealed = self.logins.seal(browser.reveal(), text);
        Ok(bits::encode(sealed.ok_or_else(|| unsealed("the system gives no randomness"))?))
    }

    /// The login of a `state`, if this browser has begun it, and it has not taken too long.
    pub(super) fn opened(&self, state: &str, browser: &Secret, now: Micros) -> Option<LoginFlow> {
        let sealed = bits::decode(state)?;
        let text = self.logins.open(browser.reveal(), &sealed)?;
        let flow: LoginFlow = serde_json::from_slice(&text).ok()?;
        let age = now.0.div_euclid(SECOND).checked_sub(flow.began)?;
        (0..=LIFE.as_secs().cast_signed()).contains(&age).then_some(flow)
    }

    /// What the ID token must say.
    pub(super) fn nonce(&self, flow: &LoginFlow) -> String {
        bits::encode(self.pepper.derive(NONCE, &flow.random))
    }

    /// What the code is exchanged with.
    pub(super) fn verifier(&self, flow: &LoginFlow) -> Secret {
        Secret::new(bits::encode(self.pepper.derive(VERIFIER, &flow.random)))
    }
}
