//! Signed addresses: a path that can be called for a time without showing a key, as download managers do.
//!
//! The signature binds path, app, key and end together. Whoever calls is that key: standing, addresses,
//! scopes and limits are judged as if it had been shown, and the call is counted to it. The signature is a
//! keyed BLAKE3 under a secret of its own, derived from the pepper, so that every node knows it.

use super::Pepper;
use super::directory::{Directory, KeyRecord};
use crate::http::{ApiError, Code, Params};
use crate::kernel::Micros;
use crate::kernel::clock::SECOND;
use crate::kernel::id::KeyId;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use zeroize::Zeroizing;

/// What the secret is derived for.
const PURPOSE: &str = "comptoir signed addresses";

/// Signs addresses and checks them.
pub struct Signer(Zeroizing<[u8; 32]>);

/// What stands behind the path of a signed address.
#[derive(Debug, Clone, Copy)]
pub struct Signature {
    key: KeyId,
    ends: Seconds,
    sum: Sum,
}

/// Seconds since 1970.
#[derive(Debug, Clone, Copy)]
struct Seconds(i64);

#[derive(Clone, Copy)]
struct Sum(blake3::Hash);

/// A part of an address is not as it was given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not as it was given out; use the urls of a manifest whole")]
struct Altered;

impl FromStr for Seconds {
    type Err = Altered;

    fn from_str(text: &str) -> Result<Self, Altered> {
        let is_number = text.len() <= 11 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|_| is_number).map(Self).ok_or(Altered)
    }
}

impl FromStr for Sum {
    type Err = Altered;

    fn from_str(text: &str) -> Result<Self, Altered> {
        blake3::Hash::from_hex(text).map(Self).map_err(|_| Altered)
    }
}

impl fmt::Debug for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[signature]")
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[signer]")
    }
}

impl Signature {
    /// Reads the parameters of a signed address; none where they are not all there and whole.
    pub fn read(params: &mut Params) -> Option<Self> {
        let (key, ends, sum) =
            (params.value("key_id"), params.value("expires"), params.value("signature"));
        Some(Self { key: key?, ends: ends?, sum: sum? })
    }
}

impl Signer {
    /// The signer of all nodes that have this pepper.
    #[must_use]
    pub fn new(pepper: &Pepper) -> Self {
        Self(Zeroizing::new(pepper.derive(PURPOSE, "")))
    }

    fn sum(&self, path: &str, key: &KeyRecord, ends: Seconds) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        // None of the parts holds a line break: a path cannot, and the others are made here.
        let signed = format!("{path}\n{}\n{}\n{}", key.app, key.key, ends.0);
        hasher.update(signed.as_bytes());
        hasher.finalize()
    }

    /// The path as an address that works as `key` until an instant, cut to the second.
    #[must_use]
    pub fn sign(&self, path: &str, key: &KeyRecord, until: Micros) -> String {
        let ends = Seconds(until.0.div_euclid(SECOND));
        let sum = self.sum(path, key, ends);
        format!("{path}?key_id={}&expires={}&signature={sum}", key.key, ends.0)
    }

    /// The key that an address was signed for. The second value of a refusal is that key, where the
    /// signature is right and only its time is over.
    pub(super) fn key_of(
        &self,
        (path, query): (&str, &str),
        directory: &Directory,
        now: Micros,
    ) -> Result<Arc<KeyRecord>, (ApiError, Option<Arc<KeyRecord>>)> {
        let wrong = || {
            let detail = "The address was changed or cut on the way. Use the urls of a manifest whole, \
                          or send your key.";
            (ApiError::new(Code::InvalidSignature, detail), None)
        };
        let signature = Signature::read(&mut Params::new(query)).ok_or_else(wrong)?;
        let key = directory.at(signature.key, now).ok_or_else(wrong)?;
        // Hashes compare in a time that does not tell where they differ.
        if self.sum(path, key, signature.ends) != signature.sum.0 {
            return Err(wrong());
        }
        if now.0.div_euclid(SECOND) >= signature.ends.0 {
            let detail = "The address worked for a time that is over. Ask for the manifest again: its urls \
                          work anew. A download that broke off goes on with a new one.";
            let expired = ApiError::new(Code::ExpiredSignature, detail);
            return Err((expired, Some(Arc::clone(key))));
        }
        Ok(Arc::clone(key))
    }
}
