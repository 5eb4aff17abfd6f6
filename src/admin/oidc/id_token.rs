//! ID tokens: whether one is what it says, and what follows from it. Pure: keys and time are given.

use crate::admin::accounts::model::Login;
use crate::admin::roles::{Role, Roles};
use crate::config;
use crate::kernel::Micros;
use crate::kernel::clock::SECOND;
use crate::kernel::word::Word as _;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::Value;
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
}

/// A key of the provider.
#[derive(Debug, Clone)]
pub struct Key {
    id: Option<String>,
    algorithm: Option<String>,
    jwk: Jwk,
}

impl Key {
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
pub struct Expected<'a> {
    /// The settings of the provider.
    pub settings: &'a config::Oidc,
    /// What this login has asked for.
    pub nonce: &'a str,
    /// The time.
    pub now: Micros,
}

/// Who the provider says that somebody is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The provider's name for them, which never changes.
    pub subject: String,
    /// What they are called.
    pub name: String,
    /// Their address of mail, where it is told and could be a login here.
    pub email: Option<Login>,
    /// Their roles; `None` where they have none here.
    pub roles: Option<Roles>,
}

/// The keys with which a token may be signed; `None` where it is signed in no way that is believed.
fn candidates<'k>(token: &str, keys: &'k [Key]) -> Result<(Algorithm, Vec<&'k Key>), Untrue> {
    let header = jsonwebtoken::decode_header(token).map_err(|_| Untrue::Form)?;
    if !ALGORITHMS.contains(&header.alg) {
        return Err(Untrue::Form);
    }
    let name = format!("{:?}", header.alg);
    let fits = |key: &&Key| {
        let named = header.kid.is_none() || key.id == header.kid;
        named && key.algorithm.as_ref().is_none_or(|algorithm| *algorithm == name)
    };
    Ok((header.alg, keys.iter().filter(fits).collect()))
}

/// Whether the provider's keys of now can be those of a token.
pub fn has_key(token: &str, keys: &[Key]) -> Result<bool, Untrue> {
    Ok(!candidates(token, keys)?.1.is_empty())
}

/// Who a token is about, if it is believed.
pub fn verify(token: &str, keys: &[Key], expected: &Expected<'_>) -> Result<Identity, Untrue> {
    let (algorithm, candidates) = candidates(token, keys)?;
    let settings = expected.settings;
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
            Ok(token) => return judge(&token.claims, expected),
            Err(error) => untrue = reason(error.kind()),
        }
    }
    Err(untrue)
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

/// What is left to see in claims whose signature, issuer and audience are right (OpenID Connect Core
/// §3.1.3.7).
fn judge(claims: &Value, expected: &Expected<'_>) -> Result<Identity, Untrue> {
    let Expected { settings, nonce, now } = expected;
    let audiences = claims["aud"].as_array().map_or(1, Vec::len);
    let party = claims["azp"].as_str();
    if party.map_or(audiences > 1, |party| party != settings.client_id) {
        return Err(Untrue::Audience);
    }
    let seconds = |claim: &str| {
        let value = &claims[claim];
        value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds as i64))
    };
    let (now, leeway) = (now.0 / SECOND, settings.leeway.as_secs().cast_signed());
    let ends = seconds("exp").ok_or(Untrue::Time)?;
    let begins = [seconds("iat").ok_or(Untrue::Time)?, seconds("nbf").unwrap_or(i64::MIN)];
    if ends <= now - leeway || begins.iter().any(|at| *at > now + leeway) {
        return Err(Untrue::Time);
    }
    if claims["nonce"].as_str() != Some(nonce) {
        return Err(Untrue::Nonce);
    }
    let subject = claims["sub"].as_str().filter(|s| (1..=SUBJECT_MOST).contains(&s.len()));
    let subject = subject.filter(|s| !s.contains('\0')).ok_or(Untrue::Subject)?;
    let names = ["name", "preferred_username", "email", "sub"].map(|claim| claims[claim].as_str());
    let name = names.into_iter().flatten().find(|name| !name.trim().is_empty()).unwrap_or(subject);
    Ok(Identity {
        subject: subject.to_owned(),
        name: name.to_owned(),
        email: claims["email"].as_str().and_then(|email| email.parse().ok()),
        roles: roles(claims, settings),
    })
}

/// The roles that follow from the claim.
fn roles(claims: &Value, settings: &config::Oidc) -> Option<Roles> {
    // A name may hold dots itself, as those do that are addresses.
    let whole = claims.get(&settings.claim);
    let claim = whole.or_else(|| {
        settings.claim.split('.').try_fold(claims, |claims, member| claims.get(member))
    });
    let has = |value: &str| match claim {
        Some(Value::String(one)) => one == value,
        Some(Value::Array(several)) => several.iter().any(|one| one == value),
        _ => false,
    };
    let mapped = settings.roles.iter().filter(|mapping| has(&mapping.value));
    Roles::new(mapped.filter_map(|mapping| Role::of(&mapping.role))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_settings_know_the_roles() {
        let words: Vec<&str> = Role::WORDS.iter().map(|(word, _)| *word).collect();
        assert_eq!(config::ROLES.to_vec(), words);
    }

    #[test]
    fn roles_follow_from_a_text_a_list_and_what_lies_deeper() {
        let mapping =
            |role: &str, value: &str| config::Mapping { role: role.into(), value: value.into() };
        let mut settings = config::Oidc {
            issuer: String::new(),
            client_id: String::new(),
            client_secret: None,
            scopes: Vec::new(),
            claim: "groups".into(),
            roles: vec![mapping("owner", "admins"), mapping("billing", "finance")],
            leeway: std::time::Duration::ZERO,
        };
        let of = |claims: Value, settings: &config::Oidc| {
            roles(&claims, settings).map(|r| r.to_string())
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            of(json!({ "groups": ["finance", "admins", 5] }), &settings),
            some("owner,billing")
        );
        assert_eq!(of(json!({ "groups": "finance" }), &settings), some("billing"));
        for none in [json!({}), json!({ "groups": [] }), json!({ "groups": "finance admins" })] {
            assert_eq!(of(none, &settings), None);
        }
        settings.claim = "realm_access.roles".into();
        assert_eq!(
            of(json!({ "realm_access": { "roles": ["admins"] } }), &settings),
            some("owner")
        );
        assert_eq!(of(json!({ "realm_access.roles": ["admins"] }), &settings), some("owner"));
    }
}
