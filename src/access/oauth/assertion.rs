//! Client assertions (RFC 7523 §3): a short statement that a client has signed with a key of its own.

use super::api::TOKEN_PATH;
use super::jwk::Verifier;
use crate::access::directory::KeyRecord;
use crate::kernel::Micros;
use crate::kernel::clock::SECOND;
use crate::kernel::id::KeyId;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Validation, decode};
use serde::Deserialize;
use serde_json::Value;
use std::borrow::Cow;

/// The type that a client names.
pub(super) const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Longest assertion in characters.
pub(super) const LONGEST: usize = 8_192;
/// Farthest end of an assertion in seconds.
const LIFE_MOST: i64 = 300;
/// How far ahead of ours a client's clock may be, in seconds.
const AHEAD: i64 = 10;
/// Most characters of an assertion's id.
const JTI_MOST: usize = 128;

#[derive(Debug, Deserialize)]
struct Header {
    kid: Option<String>,
    crit: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    /// A text and nothing else: an assertion that is meant for several could be used at the others.
    aud: Value,
    exp: f64,
    iat: Option<f64>,
    nbf: Option<f64>,
    jti: String,
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

/// A part of a JWT as what it says, before anything is proved.
fn part<T: serde::de::DeserializeOwned>(text: Option<&str>) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text?).ok()?).ok()
}

/// The client that an assertion says it is of. Nothing is proved by that.
pub(super) fn claimed(assertion: &str) -> Option<KeyId> {
    #[derive(Deserialize)]
    struct Subject {
        sub: String,
    }
    part::<Subject>(assertion.split('.').nth(1))?.sub.parse().ok()
}

/// Checks an assertion of a client; otherwise why it does not hold.
pub(super) fn check(
    client: &KeyRecord,
    assertion: &str,
    issuer: &str,
    now: Micros,
) -> Result<Valid, Cow<'static, str>> {
    let header: Header = part(assertion.split('.').next()).ok_or("the assertion is no JWT")?;
    if header.crit.is_some() {
        return Err("the assertion names extensions in `crit` that are not known here".into());
    }
    let (secret, claims) = signed(client, &header, assertion)
        .ok_or("the assertion is not signed with a registered key of the client")?;
    let id = client.key.to_string();
    if claims.iss != id || claims.sub != id {
        return Err("`iss` and `sub` of the assertion are the client's id".into());
    }
    // RFC 7523 §3 and OpenID Connect Core §9 name the one and the other.
    let endpoint = format!("{issuer}{TOKEN_PATH}");
    if !claims.aud.as_str().is_some_and(|aud| aud == issuer || aud == endpoint) {
        let why = format!(
            "`aud` of the assertion is the issuer, {issuer}, or the token endpoint, {endpoint}, as a text and \
             alone"
        );
        return Err(why.into());
    }
    if !(1..=JTI_MOST).contains(&claims.jti.chars().count()) {
        return Err("`jti` of the assertion has 1 to 128 characters".into());
    }
    let seconds = now.0 as f64 / SECOND as f64;
    if claims.exp <= seconds {
        return Err("the assertion is over".into());
    }
    if claims.exp > seconds + LIFE_MOST as f64 {
        return Err("the assertion ends more than 5 minutes ahead".into());
    }
    let ahead = seconds + AHEAD as f64;
    if [claims.iat, claims.nbf].into_iter().flatten().any(|at| at > ahead) {
        return Err("the assertion begins in the future".into());
    }
    // Rounded up, so that it is remembered for as long as it could be used.
    let expires_at = Micros((claims.exp.ceil() as i64).saturating_add(1).saturating_mul(SECOND));
    let named = format!("{id}\n{}", claims.jti);
    Ok(Valid { secret, hash: *blake3::hash(named.as_bytes()).as_bytes(), expires_at })
}

/// The claims, where one of the client's keys has signed them, and which.
fn signed(client: &KeyRecord, header: &Header, assertion: &str) -> Option<(usize, Claims)> {
    let keys = client.secrets.iter().enumerate();
    let keys = keys.filter_map(|(n, secret)| Some((n, Verifier::of(secret.jwk.as_deref()?)?)));
    for (n, key) in keys {
        if header.kid.is_some() && key.kid.is_some() && header.kid != key.kid {
            continue;
        }
        // The algorithm is the key's, not what the assertion says.
        let mut rules = Validation::new(key.algorithm);
        rules.required_spec_claims.clear();
        // The times are looked at here, by the clock that all else goes by.
        (rules.validate_exp, rules.validate_nbf, rules.validate_aud) = (false, false, false);
        if let Ok(data) = decode::<Claims>(assertion, &key.key, &rules) {
            return Some((n, data.claims));
        }
    }
    None
}
