//! Proof Key for Code Exchange (RFC 7636), with S256 only: with `plain` who sees the request has the verifier.

use super::bits::{bits, sha256};
use crate::kernel::secret::{self, Secret};

/// How many characters a verifier has (RFC 7636 §4.1).
pub const VERIFIER_LENGTH: std::ops::RangeInclusive<usize> = 43..=128;
/// The only method.
pub const METHOD: &str = "S256";

bits! {
    /// What a client commits itself to when it asks: the SHA-256 of a verifier.
    Challenge;
}

/// What it shows when it exchanges the code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeVerifier(Secret);

/// What is wrong with a challenge or verifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PkceError {
    /// There is no challenge.
    #[error("code_challenge is missing: PKCE is required")]
    Missing,
    /// The method is `plain`, which is meant where it is left out, or an unknown one.
    #[error("code_challenge_method must be S256")]
    Method,
    /// A challenge of S256 is 32 bytes in base64url.
    #[error("code_challenge must be the SHA-256 of the verifier in base64url: 43 characters")]
    Challenge,
    /// There is no verifier.
    #[error("code_verifier is missing")]
    NoVerifier,
    /// The verifier has another form.
    #[error("code_verifier must have 43 to 128 letters, digits or -._~")]
    Verifier,
}

impl Challenge {
    /// Reads `code_challenge` and `code_challenge_method` (RFC 7636 §4.3).
    pub fn read(challenge: Option<&str>, method: Option<&str>) -> Result<Self, PkceError> {
        let challenge = challenge.ok_or(PkceError::Missing)?;
        if method != Some(METHOD) {
            return Err(PkceError::Method);
        }
        challenge.parse().map_err(|_| PkceError::Challenge)
    }

    /// Whether a verifier is the one that was committed to (RFC 7636 §4.6).
    #[must_use]
    pub fn fits(&self, verifier: &CodeVerifier) -> bool {
        secret::same(&self.0, &sha256(verifier.0.reveal()))
    }
}

impl CodeVerifier {
    /// Reads `code_verifier`.
    pub fn read(verifier: Option<&str>) -> Result<Self, PkceError> {
        let verifier = verifier.ok_or(PkceError::NoVerifier)?;
        let is_unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
        let fits = VERIFIER_LENGTH.contains(&verifier.len()) && verifier.bytes().all(is_unreserved);
        fits.then(|| Self(Secret::new(verifier.to_owned()))).ok_or(PkceError::Verifier)
    }
}
