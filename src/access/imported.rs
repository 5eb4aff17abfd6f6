//! Keys that another gateway gave out, of which only the SHA-256 is known.
//!
//! Their texts name no key, so they are looked up by their hash. What is stored is keyed BLAKE3 over that
//! hash: a stolen database can neither be used nor be asked whether a guess is right.

use super::Pepper;
use sha2::{Digest as _, Sha256};
use std::fmt;
use zeroize::Zeroizing;

/// What the secret is derived for.
const PURPOSE: &str = "comptoir imported keys";
/// Longest text of a foreign key: what is longer is not even hashed.
pub const TEXT_MOST: usize = 1_024;

/// Hashes texts of other gateways.
pub struct ImportedHasher(Zeroizing<[u8; 32]>);

impl ImportedHasher {
    /// The hasher of all nodes that have this pepper.
    #[must_use]
    pub fn new(pepper: &Pepper) -> Self {
        Self(Zeroizing::new(pepper.derive(PURPOSE, "")))
    }

    /// What is stored of a text with this SHA-256.
    #[must_use]
    pub fn of_digest(&self, sha256: &[u8; 32]) -> [u8; 32] {
        *blake3::keyed_hash(&self.0, sha256).as_bytes()
    }

    /// What is stored of a text; none where it is too long to be a key.
    #[must_use]
    pub fn of_text(&self, text: &[u8]) -> Option<[u8; 32]> {
        let fits = (1..=TEXT_MOST).contains(&text.len());
        fits.then(|| self.of_digest(&Sha256::digest(text).into()))
    }
}

impl fmt::Debug for ImportedHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hasher]")
    }
}
