//! Secrets and signatures of Standard Webhooks 1.0.0.

use crate::access::Pepper;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::fmt;
use zeroize::Zeroizing;

/// A secret that signs messages. Those of subscriptions are not stored anywhere: they follow from the
/// pepper, so that a stolen database signs nothing.
pub struct SigningSecret(Zeroizing<Vec<u8>>);

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl SigningSecret {
    /// The `generation`th secret of a subscription.
    pub(super) fn new(pepper: &Pepper, subscription: &str, generation: i64) -> Self {
        let name = format!("{subscription} {generation}");
        Self(Zeroizing::new(pepper.derive("comptoir webhook secret", &name).to_vec()))
    }

    /// The secret that somebody has given as text; none where it has another form.
    #[must_use]
    pub fn given(text: &str) -> Option<Self> {
        let decoded = STANDARD.decode(text.strip_prefix("whsec_")?).ok()?;
        Some(Self(Zeroizing::new(decoded)))
    }

    /// The text that the receiver keeps.
    pub(super) fn text(&self) -> String {
        format!("whsec_{}", STANDARD.encode(&self.0[..]))
    }

    /// The headers of a message that is sent at an instant, in seconds since 1970.
    #[must_use]
    pub fn headers(&self, id: &str, timestamp: i64, body: &str) -> [(&'static str, String); 3] {
        [
            ("webhook-id", id.to_owned()),
            ("webhook-timestamp", timestamp.to_string()),
            ("webhook-signature", self.sign(id, timestamp, body)),
        ]
    }

    /// The signature of a message: version and HMAC-SHA256 over id, time and body.
    pub(super) fn sign(&self, id: &str, timestamp: i64, body: &str) -> String {
        // A key of HMAC may have any length, so there is no secret that is refused.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0[..]) else {
            return String::new();
        };
        for part in [id, ".", &timestamp.to_string(), ".", body] {
            mac.update(part.as_bytes());
        }
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}
