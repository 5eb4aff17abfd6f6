//! Where a server is, and whom its certificate has to be from.

use crate::kernel::secret::Secret;
use redis::{Client, ConnectionInfo, IntoConnectionInfo as _, RedisError, TlsCertificates};
use std::path::{Path, PathBuf};

/// How a certificate in PEM begins.
const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// Why Redis cannot be spoken to as the settings say.
#[derive(Debug, thiserror::Error)]
pub enum InvalidRedis {
    /// The url is none.
    #[error("`redis.url` cannot be used: {0}")]
    Url(#[from] RedisError),
    /// There is no such file, or it may not be read.
    #[error("{} (`redis.ca_file`) cannot be read: {error}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// The file holds something else.
    #[error("{} (`redis.ca_file`) holds no certificates in PEM{detail}", .path.display())]
    NoCertificates {
        /// The file.
        path: PathBuf,
        /// What is wrong with them, where anything is there.
        detail: String,
    },
}

/// Reads the url of one server. `ca_file` holds the certificates that its own has to be signed by, in place of
/// those that this machine trusts.
pub(super) fn read(url: &Secret, ca_file: Option<&Path>) -> Result<ConnectionInfo, InvalidRedis> {
    let info = url.reveal().into_connection_info()?;
    let Some(path) = ca_file else { return Ok(info) };
    let none = |detail| InvalidRedis::NoCertificates { path: path.to_owned(), detail };
    let pem = std::fs::read(path)
        .map_err(|error| InvalidRedis::Unreadable { path: path.to_owned(), error })?;
    // Without one, nothing at all would be trusted.
    if !pem.windows(BEGIN.len()).any(|part| part == BEGIN) {
        return Err(none(String::new()));
    }
    let certificates = TlsCertificates { client_tls: None, root_cert: Some(pem) };
    let client = Client::build_with_tls(info, certificates);
    let client = client.map_err(|error| none(format!(": {error}")))?;
    Ok(client.get_connection_info().clone())
}
