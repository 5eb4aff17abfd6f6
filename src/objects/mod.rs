//! Object storage that speaks the API of Amazon S3: files go to a bucket and come back from it.
//!
//! The library signs requests, repeats them and knows the API; they are made by the HTTP client that the rest of the program
//! has (`http`), which also says in words of ours what a storage refuses (`fault`).

mod fault;
mod http;
mod location;
mod upload;

pub use fault::{Fault, ObjectError};
pub use location::{InvalidLocation, Location};
pub use upload::{Unfinished, Whole};

use crate::config::ObjectStorage;
use crate::kernel::hex;
use futures_util::{StreamExt as _, TryStreamExt as _};
use object_store::aws::{AmazonS3, AmazonS3Builder, Checksum, S3ConditionalPut};
use object_store::path::Path as Key;
use object_store::{
    Attribute, Attributes, BackoffConfig, GetOptions, ObjectStore as _, ObjectStoreExt as _,
    PutMode, PutOptions, PutPayload, RetryConfig,
};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;

/// The first pause before a request is repeated. Each later one is drawn from between this and twice the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// The name of what is kept beside each object: the SHA-256 of all of it, in hexadecimal.
const SHA256: &str = "sha256";
/// Most bytes of an object that is read into memory.
const MOST_READ: u64 = 64 << 20;

/// A place in a bucket.
pub struct Bucket {
    store: AmazonS3,
    at: Location,
    part: u64,
}

impl std::fmt::Debug for Bucket {
    /// Not the store, which holds the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Bucket").field(&self.at).finish()
    }
}

/// An object as its storage tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Its length.
    pub bytes: u64,
    /// The SHA-256 that it was sent with; none where something else has put it there.
    pub sha256: Option<String>,
}

impl Bucket {
    /// A place in a bucket of the storage that the settings name. Nothing is asked of it yet.
    pub fn open(settings: &ObjectStorage, at: &Location) -> Result<Self, ObjectError> {
        let fails = |fault| ObjectError::of(at.to_string(), fault);
        let given = settings.credentials.as_ref();
        let given = given.ok_or_else(|| fails(Fault::NoCredentials))?;
        let (first, longest) = (FIRST_PAUSE, LONGEST_PAUSE);
        let backoff = BackoffConfig { init_backoff: first, max_backoff: longest, base: 2.0 };
        let max_retries = settings.attempts.saturating_sub(1) as usize;
        // Long enough for the attempts: their number decides, and the storage takes signatures for a quarter of an hour.
        let retry_timeout =
            settings.timeout * settings.attempts + LONGEST_PAUSE * settings.attempts;
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(at.bucket())
            .with_region(&settings.region)
            .with_access_key_id(&given.access_key_id)
            .with_secret_access_key(given.secret_access_key.reveal())
            .with_virtual_hosted_style_request(!settings.path_style)
            .with_checksum_algorithm(Checksum::SHA256)
            .with_conditional_put(S3ConditionalPut::ETagMatch)
            .with_retry(RetryConfig { backoff, max_retries, retry_timeout })
            .with_http_connector(http::Connector { timeout: settings.timeout });
        if let Some(token) = &given.session_token {
            builder = builder.with_token(token.reveal());
        }
        if let Some(endpoint) = &settings.endpoint {
            let endpoint = match endpoint.split_once("://") {
                Some((scheme, host)) if !settings.path_style => {
                    format!("{scheme}://{}.{host}", at.bucket())
                }
                _ => endpoint.clone(),
            };
            builder = builder.with_endpoint(endpoint);
        }
        let store = builder.build().map_err(|error| fails(Fault::of_error(&error)))?;
        Ok(Self { store, at: at.clone(), part: settings.part })
    }

    /// Where it is.
    #[must_use]
    pub fn location(&self) -> &Location {
        &self.at
    }

    /// The key of a name below the place.
    fn key(&self, name: &str) -> Result<Key, ObjectError> {
        let key = Key::parse(format!("{}/{name}", self.at.prefix()));
        key.map_err(|_| ObjectError::of(self.at.below(name), Fault::Name))
    }

    fn failed<'a>(&'a self, name: &'a str) -> impl Fn(object_store::Error) -> ObjectError + 'a {
        |error| ObjectError::of(self.at.below(name), Fault::of_error(&error))
    }

    /// The names of all objects below the place, each with its length.
    pub async fn list(&self) -> Result<BTreeMap<String, u64>, ObjectError> {
        let prefix = self.key("")?;
        let mut listed = self.store.list(Some(&prefix));
        let mut found = BTreeMap::new();
        while let Some(object) = listed.try_next().await.map_err(self.failed(""))? {
            let parts = object.location.prefix_match(&prefix);
            let parts: Vec<_> = parts.into_iter().flatten().collect();
            let name = parts.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join("/");
            found.insert(name, object.size);
        }
        Ok(found)
    }

    /// What the storage tells of an object; none where there is none.
    pub async fn held(&self, name: &str) -> Result<Option<Held>, ObjectError> {
        let head = GetOptions { head: true, ..GetOptions::default() };
        match self.store.get_opts(&self.key(name)?, head).await {
            Ok(found) => {
                let sha256 = found.attributes.get(&Attribute::Metadata(SHA256.into()));
                let sha256 = sha256.map(|value| value.as_ref().to_owned());
                Ok(Some(Held { bytes: found.meta.size, sha256 }))
            }
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed(name)(error)),
        }
    }

    /// An object that memory can hold; none where there is none.
    pub async fn read(&self, name: &str) -> Result<Option<Vec<u8>>, ObjectError> {
        let found = match self.store.get(&self.key(name)?).await {
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            found => found.map_err(self.failed(name))?,
        };
        if found.meta.size > MOST_READ {
            return Err(ObjectError::of(self.at.below(name), Fault::TooLong));
        }
        Ok(Some(found.bytes().await.map_err(self.failed(name))?.to_vec()))
    }

    /// Writes an object into a file that is not there yet.
    pub async fn download(&self, name: &str, to: &Path) -> Result<(), ObjectError> {
        let on_disk = |source| ObjectError::File { path: to.to_owned(), source };
        let mut file = tokio::fs::File::create_new(to).await.map_err(on_disk)?;
        let found = self.store.get(&self.key(name)?).await.map_err(self.failed(name))?;
        let mut bytes = found.into_stream();
        while let Some(some) = bytes.next().await {
            file.write_all(&some.map_err(self.failed(name))?).await.map_err(on_disk)?;
        }
        file.flush().await.map_err(on_disk)
    }

    /// Puts a small object there, whatever was there.
    pub async fn put(&self, name: &str, bytes: &[u8]) -> Result<(), ObjectError> {
        self.send(name, bytes, PutMode::Overwrite).await.map_err(self.failed(name))
    }

    /// Puts a small object there where nothing is; whether it is there now. An answer that was lost is made up for by a look,
    /// and a storage that knows no such condition is only looked at before.
    pub async fn put_new(&self, name: &str, bytes: &[u8]) -> Result<bool, ObjectError> {
        if let Some(there) = self.read(name).await? {
            return Ok(there == bytes);
        }
        let Err(error) = self.send(name, bytes, PutMode::Create).await else { return Ok(true) };
        let failed = self.failed(name)(error);
        match failed.fault() {
            Some(Fault::NotImplemented) => self.put(name, bytes).await.map(|()| true),
            Some(fault) if fault.leaves_open() => match self.read(name).await? {
                Some(there) => Ok(there == bytes),
                None => Err(failed),
            },
            _ => Err(failed),
        }
    }

    async fn send(&self, name: &str, bytes: &[u8], mode: PutMode) -> object_store::Result<()> {
        let key = Key::parse(format!("{}/{name}", self.at.prefix()))?;
        let attributes = described(name, &hex(Sha256::digest(bytes)));
        let options = PutOptions { mode, attributes, ..PutOptions::default() };
        self.store.put_opts(&key, PutPayload::from(bytes.to_vec()), options).await.map(|_| ())
    }
}

/// What is kept beside an object.
fn described(name: &str, sha256: &str) -> Attributes {
    let media_type = match name.rsplit('.').next() {
        Some("csv") => "text/csv; charset=utf-8",
        Some("json") => "application/json",
        Some("ndjson") => "application/x-ndjson",
        Some("parquet") => "application/vnd.apache.parquet",
        Some("jws") => "application/jose",
        _ => "application/octet-stream",
    };
    let mut attributes = Attributes::new();
    attributes.insert(Attribute::ContentType, media_type.into());
    attributes.insert(Attribute::Metadata(SHA256.into()), sha256.to_owned().into());
    attributes
}
