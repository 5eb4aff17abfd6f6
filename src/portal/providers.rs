//! The retailer's OpenID providers, at which customers log in.

use crate::authz::settings::IdpSettings;
use crate::outbound::oidc::{OpenIdProvider, ProviderSettings};

/// The path under which providers send customers back, before their names.
const CALLBACK: &str = "/login/callback/";

/// A provider at which customers log in.
#[derive(Debug)]
pub(super) struct LoginProvider {
    /// Its name here, what is required of logins there, and what a logout means.
    pub(super) rules: IdpSettings,
    /// What it is asked by.
    pub(super) client: OpenIdProvider,
}

impl LoginProvider {
    /// A provider of the settings; `base` is how customers reach this listener.
    fn new(rules: &IdpSettings, base: &str) -> reqwest::Result<Self> {
        let ours = ProviderSettings {
            issuer: rules.issuer.clone(),
            client_id: rules.client_id.clone(),
            client_secret: rules.client_secret.clone(),
            scopes: rules.scopes.clone(),
            leeway: rules.leeway,
        };
        let client = OpenIdProvider::new(ours, format!("{base}{CALLBACK}{}", rules.name))?;
        Ok(Self { rules: rules.clone(), client })
    }

    /// Its name here, in addresses.
    pub(super) fn name(&self) -> &str {
        &self.rules.name
    }

    /// What customers call it.
    pub(super) fn title(&self) -> &str {
        if self.rules.title.is_empty() { &self.rules.name } else { &self.rules.title }
    }

    /// Whether a login there was a strong one.
    pub(super) fn is_strong(&self, acr: Option<&str>) -> bool {
        acr.is_some_and(|acr| self.rules.step_up_acr.iter().any(|strong| strong == acr))
    }
}

/// The providers of the settings.
pub(super) fn all(settings: &[IdpSettings], base: &str) -> reqwest::Result<Vec<LoginProvider>> {
    settings.iter().map(|rules| LoginProvider::new(rules, base)).collect()
}
