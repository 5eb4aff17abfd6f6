//! The OpenID provider of the staff.

use super::identity::Identity;
use crate::config;
use crate::kernel::Micros;
use crate::outbound::oidc::{OpenIdProvider, ProviderError, ProviderSettings};

/// The provider, and which of its people have which role.
#[derive(Debug)]
pub struct Provider {
    /// Its settings.
    pub settings: config::Oidc,
    /// What it is asked by.
    pub client: OpenIdProvider,
}

impl Provider {
    /// The provider of the settings, if there is one. It is asked when somebody comes.
    pub fn new(admin: &config::Admin) -> anyhow::Result<Option<Self>> {
        let Some(settings) = admin.oidc.clone() else { return Ok(None) };
        let redirect_uri = format!("{}{}/login/oidc/callback", admin.url, crate::admin::PREFIX);
        let ours = ProviderSettings {
            issuer: settings.issuer.clone(),
            client_id: settings.client_id.clone(),
            client_secret: settings.client_secret.clone(),
            scopes: settings.scopes.clone(),
            leeway: settings.leeway,
        };
        Ok(Some(Self { settings, client: OpenIdProvider::new(ours, redirect_uri)? }))
    }

    /// Whether the provider tells all that a login needs.
    pub async fn try_out(&self, now: Micros) -> Result<(), ProviderError> {
        self.client.try_out(now).await
    }

    /// Who somebody is who came back with a code.
    pub async fn identify(
        &self,
        with: (&str, &str, &str),
        now: Micros,
    ) -> Result<Identity, ProviderError> {
        let claims = self.client.identify(with, now).await?;
        Ok(Identity::of(&claims, &self.settings)?)
    }
}
