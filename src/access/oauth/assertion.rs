//! Client assertions (RFC 7523 §3): a short statement that a client has signed with a key of its own.

use super::api::TOKEN_PATH;
use super::jwk::Verifier;
use super::jws::{Jws, JwsError, JwsRules};
use crate::access::directory::KeyRecord;
use crate::kernel::Micros;
use crate::kernel::clock::SECOND;
use crate::kernel::id::KeyId;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;
use std::borrow::Cow;

/// The type that a client names.
pub const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Longest assertion in characters.
pub const LONGEST: usize = 8_192;
/// Farthest end of an assertion in seconds.
const LIFE_MOST: i64 = 300;
/// How far ahead of ours a client's clock may be, in seconds.
const AHEAD: i64 = 10;
/// Most characters of an assertion's id.
const JTI_MOST: usize = 128;

/// The types that assertions have. Tokens of ours and proofs of possession have others.
const RULES: JwsRules = JwsRules {
    types: &["JWT", "client-authentication+jwt"],
    may_lack_type: true,
    has_key: false,
    length_most: LONGEST,
};

/// Why an assertion does not hold: `invalid_client`, whichever it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AssertionError {
    /// It is no such token, or not signed with a key of the client.
    #[error("the assertion {0}")]
    Jws(#[from] JwsError),
    /// It is another client's, meant for another or not of now.
    #[error("{0}")]
    Claims(Cow<'static, str>),
}

/// What an assertion says. Whether it may say so, [`AssertionClaims::hold`] tells.
#[derive(Debug, Deserialize)]
struct AssertionClaims {
    iss: String,
    sub: String,
    /// A text and nothing else: an assertion that is meant for several could be used at the others.
    aud: Value,
    exp: f64,
    iat: Option<f64>,
    nbf: Option<f64>,
    jti: String,
}

/// Who an assertion must be meant for.
#[derive(Debug, Clone, Copy)]
pub struct MeantFor<'a> {
    /// The issuer's address.
    pub issuer: &'a str,
    /// The token endpoint, where that will do as well (RFC 7523 §3).
    pub endpoint: Option<&'a str>,
}

/// By what the second use of an assertion is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AssertionUse {
    /// Names it among all.
    pub hash: [u8; 32],
    /// When it ends by itself, and need not be remembered any more.
    pub expires_at: Micros,
}

/// An assertion that a client has signed and that holds now.
#[derive(Debug)]
pub(super) struct Valid {
    /// Which of the client's secrets has signed it.
    pub(super) secret: usize,
    /// Names it among all.
    pub(super) hash: [u8; 32],
    /// When it ends by itself.
    pub(super) expires_at: Micros,
}

/// The client that an assertion says it is of. Nothing is proved by that.
#[must_use]
pub fn subject(assertion: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Subject {
        sub: String,
    }
    let claims = URL_SAFE_NO_PAD.decode(assertion.split('.').nth(1)?).ok()?;
    serde_json::from_slice::<Subject>(&claims).ok().map(|claims| claims.sub)
}

/// The same of a client whose id is that of a key.
#[must_use]
pub(super) fn claimed(assertion: &str) -> Option<KeyId> {
    subject(assertion)?.parse().ok()
}

/// Checks an assertion of a client; otherwise why it does not hold.
pub(super) fn check(
    client: &KeyRecord,
    assertion: &str,
    issuer: &str,
    now: Micros,
) -> Result<Valid, Cow<'static, str>> {
    let keys = client.secrets.iter().enumerate();
    let keys = keys.filter_map(|(n, secret)| Some((n, Verifier::of(secret.jwk.as_deref()?)?)));
    // RFC 7523 §3 and OpenID Connect Core §9 name the one and the other.
    let endpoint = format!("{issuer}{TOKEN_PATH}");
    let meant_for = MeantFor { issuer, endpoint: Some(&endpoint) };
    let judged = judge(assertion, (&client.key.to_string(), keys), meant_for, now);
    let (secret, AssertionUse { hash, expires_at }) = judged.map_err(|why| match why {
        AssertionError::Claims(why) => why,
        AssertionError::Jws(_) => why.to_string().into(),
    })?;
    Ok(Valid { secret, hash, expires_at })
}

/// Checks an assertion of a client with keys that have names, all but whether it was used before: the name of the key
/// that has signed it, and by what the second use is seen. The algorithm is the key's, not what the assertion says.
pub fn judge<K>(
    assertion: &str,
    (client, keys): (&str, impl IntoIterator<Item = (K, Verifier)>),
    meant_for: MeantFor<'_>,
    now: Micros,
) -> Result<(K, AssertionUse), AssertionError> {
    let jws = Jws::read(assertion, &RULES)?;
    let mut failed = JwsError::Key;
    for (name, key) in keys {
        if jws.kid.is_some() && key.kid.is_some() && jws.kid != key.kid {
            continue;
        }
        match jws.check(&key) {
            Ok(()) => {
                let claims: AssertionClaims = jws.claims()?;
                let held = claims.hold(client, meant_for, now);
                return held.map(|held| (name, held)).map_err(AssertionError::Claims);
            }
            // Of several keys the one that could have signed says most.
            Err(error) if failed != JwsError::Signature => failed = error,
            Err(_) => {}
        }
    }
    Err(failed.into())
}

impl AssertionClaims {
    /// Whether these are the claims of that client, for us and now; otherwise why not.
    fn hold(
        &self,
        client: &str,
        meant_for: MeantFor<'_>,
        now: Micros,
    ) -> Result<AssertionUse, Cow<'static, str>> {
        if self.iss != client || self.sub != client {
            return Err("`iss` and `sub` of the assertion are the client's id".into());
        }
        let aud = self.aud.as_str();
        if aud != Some(meant_for.issuer) && (aud.is_none() || aud != meant_for.endpoint) {
            return Err(meant_for.told().into());
        }
        if !(1..=JTI_MOST).contains(&self.jti.chars().count()) {
            return Err("`jti` of the assertion has 1 to 128 characters".into());
        }
        let seconds = now.0 as f64 / SECOND as f64;
        if self.exp <= seconds {
            return Err("the assertion is over".into());
        }
        if self.exp > seconds + LIFE_MOST as f64 {
            return Err("the assertion ends more than 5 minutes ahead".into());
        }
        let ahead = seconds + AHEAD as f64;
        if [self.iat, self.nbf].into_iter().flatten().any(|at| at > ahead) {
            return Err("the assertion begins in the future".into());
        }
        // Rounded up, so that it is remembered for as long as it could be used.
        let expires_at = Micros((self.exp.ceil() as i64).saturating_add(1).saturating_mul(SECOND));
        let named = format!("{client}\n{}", self.jti);
        Ok(AssertionUse { hash: *blake3::hash(named.as_bytes()).as_bytes(), expires_at })
    }
}

impl MeantFor<'_> {
    fn told(self) -> String {
        let Self { issuer, endpoint } = self;
        let or = endpoint.map(|url| format!(" or the token endpoint, {url},")).unwrap_or_default();
        format!("`aud` of the assertion is the issuer, {issuer},{or} as a text and alone")
    }
}
