//! OpenID providers by which people come in: the staff on the admin listener, customers on the public one.
//!
//! A provider is named by settings, so it may be on the network of this program. What it says is believed by its signature.

pub mod id_token;
mod provider;

pub use provider::{LoginAsked, OpenIdProvider, ProviderError, ProviderMetadata, is_error_word};

use crate::kernel::secret::Secret;
use std::time::Duration;

/// What we are to a provider.
#[derive(Debug, Clone)]
pub struct ProviderSettings {
    /// Its issuer identifier.
    pub issuer: String,
    /// What we are to it.
    pub client_id: String,
    /// What proves that; none for a public client.
    pub client_secret: Option<Secret>,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// How far the clocks may be apart.
    pub leeway: Duration,
}
