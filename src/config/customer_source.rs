//! Settings of the retailer's own system that knows its customers.

use super::layers::Layers;
use super::secrets::{SecretText, either};
use super::setting::{FromSetting, Millis, Within};
use super::values::BaseUrl;
use crate::kernel::secret::Secret;
use ipnet::IpNet;
use std::time::Duration;

/// Where customers' data comes from.
#[derive(Debug, Clone)]
pub struct CustomerSystem {
    /// Where the retailer's system is, without a slash at the end; none where the data is in the gateway's own database.
    pub url: Option<String>,
    /// What proves to it who calls.
    pub token: Option<Secret>,
    /// Longest wait for an answer.
    pub timeout: Duration,
    /// Times that a read is made in all before it has failed.
    pub attempts: u32,
    /// Calls to it that may be under way at a time.
    pub concurrent: u32,
    /// Whether an `http` address will do.
    pub allow_http: bool,
    /// Networks that it may be in although they are not public.
    pub private_targets: Vec<IpNet>,
}

/// A web address, or nothing.
struct SystemUrl(Option<String>);

impl FromSetting for SystemUrl {
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "" => Ok(Self(None)),
            text => BaseUrl::parse(text).map(|url| Self(Some(url.into()))),
        }
    }
}

impl CustomerSystem {
    pub(super) fn read(layers: &mut Layers) -> Option<Self> {
        let url = layers.take::<SystemUrl>("customer_source.url");
        let token =
            either::<SecretText>(layers, "customer_source.token", "customer_source.token_file");
        let timeout = layers.take::<Millis<50, 30_000>>("customer_source.timeout_ms");
        let attempts = layers.take::<Within<1, 5>>("customer_source.attempts");
        let concurrent = layers.take::<Within<1, 1_000>>("customer_source.concurrent");
        let allow_http = layers.take::<bool>("customer_source.allow_http");
        let private_targets = layers.take::<Vec<IpNet>>("customer_source.private_targets");
        let (SystemUrl(url), allow_http) = (url?, allow_http?);
        if url.as_deref().is_some_and(|url| !allow_http && !url.starts_with("https://")) {
            let why = "must begin with https://, or set customer_source.allow_http for trials";
            layers.fault("customer_source.url", why);
            return None;
        }
        Some(Self {
            url,
            token: token?.map(|SecretText(token)| token),
            timeout: timeout?.into(),
            attempts: attempts?.into(),
            concurrent: concurrent?.into(),
            allow_http,
            private_targets: private_targets?,
        })
    }
}
