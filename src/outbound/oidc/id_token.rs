//! ID tokens and logout tokens: whether one is what it says. Pure: keys and time are given.

use super::ProviderSettings;
use crate::kernel::Micros;
use crate::kernel::clock::SECOND;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::Value;
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use std::collections::HashSet;

/// Signatures that are believed: those of a private key that the provider alone has. Neither none at all nor
/// those of a shared secret, with which whoever checks could also sign.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];
/// Longest subject (OpenID Connect Core §2).
const SUBJECT_MOST: usize = 255;

/// Why an ID token is not believed. The text goes on from "the ID token".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Untrue {
    /// It is no JSON Web Token, or is signed in a way that is not believed.
    #[error("is not signed in a way that is believed")]
    Form,
    /// No key of the provider has the name that it is signed with.
    #[error("is signed with a key that the provider does not name")]
    Key,
    /// The signature, the issuer or the audience is wrong.
    #[error("has a wrong signature")]
    Signature,
    /// It was issued by another.
    #[error("is of another issuer")]
    Issuer,
    /// It is meant for another.
    #[error("is meant for another audience")]
    Audience,
    /// It is not of now.
    #[error("has expired, or does not hold yet: see that the clocks are right")]
    Time,
    /// It answers another login.
    #[error("answers another login")]
    Nonce,
    /// It names nobody.
    #[error("names no subject")]
    Subject,
    /// The access token beside it is another's.
    #[error("does not belong to the access token beside it")]
    AccessToken,
    /// It is no logout token (OpenID Connect Back-Channel Logout §2.4).
    #[error("does not say that somebody has logged out")]
    Event,
}

/// A key of the provider.
#[derive(Debug, Clone)]
pub struct ProviderKey {
    id: Option<String>,
    algorithm: Option<String>,
    jwk: Jwk,
}

impl ProviderKey {
    /// The keys of a JWK set that can sign. One that is not understood is passed over.
    #[must_use]
    pub fn all(set: &Value) -> Vec<Self> {
        let text = |key: &Value, member: &str| key[member].as_str().map(str::to_owned);
        let key = |key: &Value| {
            let jwk = serde_json::from_value(key.clone()).ok()?;
            Some(Self { id: text(key, "kid"), algorithm: text(key, "alg"), jwk })
        };
        let signs = |key: &&Value| key["use"].as_str().is_none_or(|usage| usage == "sig");
        set["keys"].as_array().into_iter().flatten().filter(signs).filter_map(key).collect()
    }
}

/// What an ID token must say.
#[derive(Debug)]
pub struct ExpectedToken<'a> {
    /// The settings of the provider.
    pub settings: &'a ProviderSettings,
    /// What this login has asked for.
    pub nonce: &'a str,
    /// The access token that came with it, where one did.
    pub access_token: Option<&'a str>,
    /// The time.
    pub now: Micros,
}

/// Who has logged out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedOut {
    /// The provider's name for them.
    pub subject: Option<String>,
    /// The provider's name for their session there.
    pub session: Option<String>,
    /// Names the token, which counts once.
    pub id: String,
}

/// The keys with which a token may be signed; `None` where it is signed in no way that is believed.
fn candidates<'k>(
    token: &str,
    keys: &'k [ProviderKey],
) -> Result<(Algorithm, Vec<&'k ProviderKey>), Untrue> {
    let header = jsonwebtoken::decode_header(token).map_err(|_| Untrue::Form)?;
    if !ALGORITHMS.contains(&header.alg) {
        return Err(Untrue::Form);
    }
    let name = format!("{:?}", header.alg);
    let fits = |key: &&ProviderKey| {
        let named = header.kid.is_none() || key.id == header.kid;
        named && key.algorithm.as_ref().is_none_or(|algorithm| *algorithm == name)
    };
    Ok((header.alg, keys.iter().filter(fits).collect()))
}

/// Whether the provider's keys of now can be those of a token.
pub fn has_key(token: &str, keys: &[ProviderKey]) -> Result<bool, Untrue> {
    Ok(!candidates(token, keys)?.1.is_empty())
}

/// What an ID token claims, if it is believed.
pub fn verify(
    token: &str,
    keys: &[ProviderKey],
    expected: &ExpectedToken<'_>,
) -> Result<Value, Untrue> {
    let (algorithm, claims) = signed(token, keys, expected.settings)?;
    judge(&claims, expected)?;
    if let (Some(hash), Some(access)) = (claims["at_hash"].as_str(), expected.access_token)
        && hash != half_hash(algorithm, access)
    {
        return Err(Untrue::AccessToken);
    }
    Ok(claims)
}

/// Who a logout token says has logged out, if it is believed (OpenID Connect Back-Channel Logout §2.6).
pub fn verify_logout(
    token: &str,
    keys: &[ProviderKey],
    settings: &ProviderSettings,
    now: Micros,
) -> Result<LoggedOut, Untrue> {
    const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
    let header = jsonwebtoken::decode_header(token).map_err(|_| Untrue::Form)?;
    // An ID token cannot be shown in its place: that has a nonce, and no such event.
    if header.typ.is_some_and(|typ| !["logout+jwt", "JWT"].contains(&typ.as_str())) {
        return Err(Untrue::Event);
    }
    let (_, claims) = signed(token, keys, settings)?;
    in_time(&claims, settings, now)?;
    if !claims["events"][EVENT].is_object() || claims.get("nonce").is_some() {
        return Err(Untrue::Event);
    }
    let text = |claim: &str| claims[claim].as_str().filter(|it| fits(it)).map(str::to_owned);
    let out = LoggedOut {
        subject: text("sub"),
        session: text("sid"),
        id: text("jti").ok_or(Untrue::Event)?,
    };
    if out.subject.is_none() && out.session.is_none() { Err(Untrue::Subject) } else { Ok(out) }
}

/// The claims of a token whose signature, issuer and audience are right, and how it is signed.
fn signed(
    token: &str,
    keys: &[ProviderKey],
    settings: &ProviderSettings,
) -> Result<(Algorithm, Value), Untrue> {
    let (algorithm, candidates) = candidates(token, keys)?;
    let mut validation = Validation::new(algorithm);
    validation.set_issuer(&[&settings.issuer]);
    validation.set_audience(&[&settings.client_id]);
    // The time is judged below, by our own clock.
    validation.validate_exp = false;
    validation.required_spec_claims = HashSet::from(["iss".to_owned(), "aud".to_owned()]);
    let mut untrue = Untrue::Key;
    for key in candidates {
        let Ok(decoding) = DecodingKey::from_jwk(&key.jwk) else { continue };
        match jsonwebtoken::decode::<Value>(token, &decoding, &validation) {
            Ok(token) => return Ok((algorithm, token.claims)),
            Err(error) => untrue = reason(error.kind()),
        }
    }
    Err(untrue)
}

/// The left half of the hash of an access token (OpenID Connect Core §3.1.3.6).
fn half_hash(algorithm: Algorithm, access: &str) -> String {
    let hash = match algorithm {
        Algorithm::RS384 | Algorithm::PS384 | Algorithm::ES384 => Sha384::digest(access).to_vec(),
        Algorithm::RS512 | Algorithm::PS512 | Algorithm::EdDSA => Sha512::digest(access).to_vec(),
        _ => Sha256::digest(access).to_vec(),
    };
    URL_SAFE_NO_PAD.encode(&hash[..hash.len() / 2])
}

fn reason(kind: &jsonwebtoken::errors::ErrorKind) -> Untrue {
    use jsonwebtoken::errors::ErrorKind;
    match kind {
        ErrorKind::InvalidIssuer => Untrue::Issuer,
        ErrorKind::InvalidAudience => Untrue::Audience,
        ErrorKind::MissingRequiredClaim(claim) if claim == "iss" => Untrue::Issuer,
        ErrorKind::MissingRequiredClaim(_) => Untrue::Audience,
        _ => Untrue::Signature,
    }
}

/// Whether a name may be one: not empty, not too long, and storable.
fn fits(name: &str) -> bool {
    (1..=SUBJECT_MOST).contains(&name.len()) && !name.contains('\0')
}

/// What is left to see in claims whose signature, issuer and audience are right (OpenID Connect Core
/// §3.1.3.7).
fn judge(claims: &Value, expected: &ExpectedToken<'_>) -> Result<(), Untrue> {
    let ExpectedToken { settings, nonce, now, .. } = expected;
    let audiences = claims["aud"].as_array().map_or(1, Vec::len);
    let party = claims["azp"].as_str();
    if party.map_or(audiences > 1, |party| party != settings.client_id) {
        return Err(Untrue::Audience);
    }
    in_time(claims, settings, *now)?;
    if claims["nonce"].as_str() != Some(nonce) {
        return Err(Untrue::Nonce);
    }
    subject(claims).map(drop)
}

/// Whether claims hold now.
fn in_time(claims: &Value, settings: &ProviderSettings, now: Micros) -> Result<(), Untrue> {
    let (now, leeway) = (now.0 / SECOND, settings.leeway.as_secs().cast_signed());
    let ends = seconds(claims, "exp").ok_or(Untrue::Time)?;
    let issued = seconds(claims, "iat").ok_or(Untrue::Time)?;
    let begins = [issued, seconds(claims, "nbf").unwrap_or(i64::MIN)];
    if ends <= now - leeway || begins.iter().any(|at| *at > now + leeway) {
        return Err(Untrue::Time);
    }
    Ok(())
}

/// An instant that is claimed, in whole seconds since 1970.
#[must_use]
pub fn seconds(claims: &Value, claim: &str) -> Option<i64> {
    let value = &claims[claim];
    value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds as i64))
}

/// The provider's name for somebody, which never changes.
pub fn subject(claims: &Value) -> Result<&str, Untrue> {
    claims["sub"].as_str().filter(|sub| fits(sub)).ok_or(Untrue::Subject)
}
