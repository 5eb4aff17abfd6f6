//! Client assertions in the FAPI 2.0 Security Profile (§5.3.2.1): what [`assertion`] judges, and stricter.
//!
//! Strictly typed, by an algorithm of the profile, and meant for the issuer alone: the address of an endpoint will not
//! do, for another server may have named it as its own.

use super::jws::{Jws, JwsError, JwsRules};
use crate::access::oauth::assertion::{self, AssertionClaims, AssertionUse, MeantFor};
use crate::access::oauth::jwk::Verifier;
use crate::kernel::Micros;
use jsonwebtoken::Algorithm;
use std::borrow::Cow;

/// The types that assertions have. Tokens of ours and proofs of possession have others.
const RULES: JwsRules = JwsRules {
    types: &["JWT", "client-authentication+jwt"],
    may_lack_type: true,
    has_key: false,
    length_most: assertion::LONGEST,
};

/// Why an assertion does not hold: `invalid_client`, whichever it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AssertionError {
    /// `client_assertion_type` is another.
    #[error("client_assertion_type is {}", assertion::TYPE)]
    Type,
    /// It is no such token, or not signed with a key of the client.
    #[error("the assertion {0}")]
    Jws(#[from] JwsError),
    /// It is another client's, meant for another or not of now.
    #[error("{0}")]
    Claims(Cow<'static, str>),
}

/// Checks an assertion of a client, all but whether it was used before: of which secret of the client it is, and by
/// what the second use is seen. A client's RSA keys sign with PS256 here.
pub fn check(
    (typ, text): (Option<&str>, &str),
    (client, keys): (&str, &[Verifier]),
    issuer: &str,
    now: Micros,
) -> Result<(usize, AssertionUse), AssertionError> {
    if typ != Some(assertion::TYPE) {
        return Err(AssertionError::Type);
    }
    let jws = Jws::read(text, &RULES)?;
    let mut failed = JwsError::Key;
    for (n, key) in keys.iter().enumerate() {
        if jws.kid.is_some() && key.kid.is_some() && jws.kid != key.kid {
            continue;
        }
        match jws.check(&in_profile(key)) {
            Ok(()) => {
                let claims: AssertionClaims = jws.claims()?;
                let held = claims.hold(client, MeantFor { issuer, endpoint: None }, now);
                return held.map(|held| (n, held)).map_err(AssertionError::Claims);
            }
            Err(error) => failed = error,
        }
    }
    Err(failed.into())
}

/// A key with the algorithm of the profile.
fn in_profile(key: &Verifier) -> Cow<'_, Verifier> {
    match key.algorithm {
        Algorithm::RS256 => Cow::Owned(Verifier { algorithm: Algorithm::PS256, ..key.clone() }),
        _ => Cow::Borrowed(key),
    }
}
