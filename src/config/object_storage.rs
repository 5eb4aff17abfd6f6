//! Settings of the object storage that exports can go to.

use super::layers::Layers;
use super::secrets::{SecretText, either};
use super::setting::{FromSetting, Seconds, Within};
use super::values::BaseUrl;
use crate::kernel::secret::Secret;
use std::time::Duration;

/// An object storage that speaks the API of Amazon S3.
#[derive(Debug, Clone)]
pub struct ObjectStorage {
    /// Where it is, without a slash at the end; none for Amazon's own address of the region.
    pub endpoint: Option<String>,
    /// The region that its buckets are in.
    pub region: String,
    /// Whether the bucket stands in the path of addresses, and not in the name of the host.
    pub path_style: bool,
    /// What it knows us by; none where exports go to directories alone.
    pub credentials: Option<Credentials>,
    /// Bytes of a part, where a file is sent in parts.
    pub part: u64,
    /// Longest wait for an answer, once a request is begun.
    pub timeout: Duration,
    /// Times that a request is made in all before it has failed.
    pub attempts: u32,
}

/// What an object storage knows us by.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The name of the key.
    pub access_key_id: String,
    /// The key, which signs.
    pub secret_access_key: Secret,
    /// What goes with a key that is only lent.
    pub session_token: Option<Secret>,
}

impl ObjectStorage {
    pub(super) fn read(layers: &mut Layers) -> Option<Self> {
        let endpoint = layers.take::<Endpoint>("object_storage.endpoint");
        let region = layers.take::<Name>("object_storage.region");
        let path_style = layers.take::<bool>("object_storage.path_style");
        let credentials = Credentials::read(layers);
        let part = layers.take::<Within<5, 1_024>>("object_storage.part_mib");
        let timeout = layers.take::<Seconds<1, 600>>("object_storage.timeout_s");
        let attempts = layers.take::<Within<1, 20>>("object_storage.attempts");
        let region = region?.0;
        if region.is_empty() {
            let why =
                "must be set: that of the bucket, or us-east-1 where the storage has no regions";
            layers.fault("object_storage.region", why);
            return None;
        }
        Some(Self {
            endpoint: endpoint?.0,
            region,
            path_style: path_style?,
            credentials: credentials?,
            part: u64::from(u32::from(part?)) << 20,
            timeout: timeout?.into(),
            attempts: attempts?.into(),
        })
    }
}

impl Credentials {
    /// `Some(None)` where there are none, `None` after a problem.
    fn read(layers: &mut Layers) -> Option<Option<Self>> {
        let key = layers.take::<Name>("object_storage.access_key_id");
        let secret = either::<SecretText>(
            layers,
            "object_storage.secret_access_key",
            "object_storage.secret_access_key_file",
        );
        let token = either::<SecretText>(
            layers,
            "object_storage.session_token",
            "object_storage.session_token_file",
        );
        let (Name(access_key_id), secret, token) = (key?, secret?, token?);
        match (access_key_id.is_empty(), secret) {
            (true, None) => Some(None),
            (false, Some(SecretText(secret_access_key))) => {
                let session_token = token.map(|SecretText(token)| token);
                Some(Some(Self { access_key_id, secret_access_key, session_token }))
            }
            (is_empty, _) => {
                let missing = if is_empty { "access_key_id" } else { "secret_access_key" };
                let why = format!("object_storage.{missing} is empty: the two belong together");
                layers.fault("object_storage.access_key_id", &why);
                None
            }
        }
    }
}

/// A web address, or nothing.
struct Endpoint(Option<String>);

impl FromSetting for Endpoint {
    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            Ok(Self(None))
        } else {
            BaseUrl::parse(text).map(|url| Self(Some(url.into())))
        }
    }
}

/// A word of a request's signature, or nothing.
struct Name(String);

impl FromSetting for Name {
    fn parse(text: &str) -> Result<Self, String> {
        if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
            return Ok(Self(text.to_owned()));
        }
        Err("must be of letters, digits, '-', '_' and '.'".to_owned())
    }
}
