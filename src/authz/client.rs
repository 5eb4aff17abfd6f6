//! What is registered of a client, as far as the protocol goes by it.

pub use crate::config::SecurityProfile;

use super::redirect::RedirectUri;
use crate::consent::scope::OAuthScopes;
use crate::kernel::id::AppId;
use crate::kernel::word::{read_words, words};

words! {
    /// How a client proves itself at the endpoints that are called without a browser.
    pub enum ClientAuth {
        /// By an assertion that it signs (RFC 7523 §2.2).
        PrivateKeyJwt = "private_key_jwt",
        /// By a secret in the header (RFC 6749 §2.3.1).
        ClientSecretBasic = "client_secret_basic",
        /// Not at all: a public client, which can keep no secret (RFC 6749 §2.1).
        None = "none",
    }
}

read_words!(ClientAuth);

impl ClientAuth {
    /// Whether it can keep a secret.
    #[must_use]
    pub fn is_confidential(self) -> bool {
        self != Self::None
    }
}

/// A client.
#[derive(Debug, Clone)]
pub struct AuthzClient {
    /// Its id.
    pub id: String,
    /// The partner's app that it is of: consents are given to this.
    pub app: AppId,
    /// How it proves itself.
    pub auth: ClientAuth,
    /// What it has to keep to, whatever it asks for.
    pub profile: SecurityProfile,
    /// Where it has customers sent back to.
    pub redirect_uris: Vec<RedirectUri>,
    /// All that it may ask for.
    pub scopes: OAuthScopes,
}

impl AuthzClient {
    /// What its authorization requests have to keep to: each is about a customer, so all keep to what is set for
    /// those.
    #[must_use]
    pub fn profile_for(&self, customers: SecurityProfile) -> SecurityProfile {
        self.profile.stricter(customers)
    }
}
