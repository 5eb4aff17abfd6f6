//! Access tokens as they are shown to the API (RFC 6750 §2.1, RFC 9449 §7.1), what they allow, and how a refusal is
//! told.

use super::access_token::{AccessClaims, Between, verify};
use super::client::{AuthzClient, SecurityProfile};
use super::dpop::{self, ALGORITHMS, DpopError, ProofFor, ProvedKey};
use super::error::{OAuthCode, OAuthError};
use super::grant::LiveGrant;
use super::htu::Htu;
use super::nonce::Nonces;
use super::scopes::ScopeList;
use crate::access::oauth::jwk::Verifier;
use crate::kernel::Micros;

/// How a token is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// With a proof of its key.
    Dpop,
    /// By itself.
    Bearer,
}

/// What a request shows: all values of its headers `Authorization` and `DPoP`.
#[derive(Clone, Copy)]
pub struct ShownHeaders<'a> {
    /// The values of `Authorization`.
    pub authorization: &'a [&'a [u8]],
    /// The values of `DPoP`.
    pub dpop: &'a [&'a [u8]],
}

impl std::fmt::Debug for ShownHeaders<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[headers]")
    }
}

/// What tokens are held to.
#[derive(Debug, Clone, Copy)]
pub struct TokenRules<'a> {
    /// The keys of the issuer.
    pub keys: &'a [Verifier],
    /// Who issues, and for which API.
    pub between: Between<'a>,
    /// The nonces that are issued here.
    pub nonces: &'a Nonces,
    /// Whether proofs need one.
    pub needs_nonce: bool,
    /// What tokens about customers have to keep to.
    pub customers: SecurityProfile,
}

/// A token that may be used as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownToken {
    /// What it says.
    pub claims: AccessClaims,
    /// The proof that came with it, of which the use is to be noted before it counts.
    pub proof: Option<ProvedKey>,
}

/// The token of a request, in whichever scheme; none where it shows none. A token in the address is not looked for:
/// addresses are logged.
pub fn token<'a>(authorization: &[&'a [u8]]) -> Result<Option<(Scheme, &'a str)>, OAuthError> {
    let wrong = |why: &'static str| OAuthError::new(OAuthCode::InvalidRequest, why);
    let header = match authorization {
        [] => return Ok(None),
        [one] => std::str::from_utf8(one).map_err(|_| wrong("Authorization is no text"))?,
        _ => return Err(wrong("there is more than one header Authorization")),
    };
    let Some((scheme, token)) = header.split_once(' ') else { return Ok(None) };
    let token = token.trim_matches(' ');
    if scheme.eq_ignore_ascii_case("dpop") {
        Ok(Some((Scheme::Dpop, token)))
    } else if scheme.eq_ignore_ascii_case("bearer") {
        Ok(Some((Scheme::Bearer, token)))
    } else {
        Ok(None)
    }
}

/// Judges the token of a request with a method and an address; none where it shows none. Keys and other texts that are
/// shown as `Bearer`, too, are to be told from it before, by how they begin ([`token`]).
pub fn judge(
    shown: ShownHeaders<'_>,
    (method, address): (&str, &Htu),
    rules: &TokenRules<'_>,
    now: Micros,
) -> Result<Option<ShownToken>, OAuthError> {
    let Some((scheme, token)) = token(shown.authorization)? else { return Ok(None) };
    let refused = |why: String| OAuthError::new(OAuthCode::InvalidToken, why);
    let claims = verify(token, rules.keys, rules.between, now);
    let claims = claims.map_err(|flaw| refused(flaw.to_string()))?;
    let must_be_bound =
        rules.customers == SecurityProfile::Fapi2 && claims.scope.is_about_customers();
    let bound = match (scheme, claims.cnf) {
        (Scheme::Bearer, None) if must_be_bound => {
            return Err(refused("a token about customers must be bound to a key".to_owned()));
        }
        (Scheme::Bearer, None) => return Ok(Some(ShownToken { claims, proof: None })),
        (Scheme::Bearer, Some(_)) => {
            let why = "the token is bound to a key: send it as DPoP with a proof";
            return Err(refused(why.to_owned()));
        }
        (Scheme::Dpop, None) => {
            return Err(refused("the token is bound to no key: send it as Bearer".to_owned()));
        }
        (Scheme::Dpop, Some(bound)) => bound,
    };
    let proof = dpop::only(shown.dpop)?.ok_or(DpopError::Missing)?;
    let made_for = ProofFor {
        method,
        address,
        access_token: Some(token),
        nonces: rules.nonces,
        needs_nonce: rules.needs_nonce,
    };
    let proved = dpop::check(proof, &made_for, now)?;
    if proved.key != bound.jkt {
        return Err(refused("the token is bound to another key than the proof's".to_owned()));
    }
    Ok(Some(ShownToken { claims, proof: Some(proved) }))
}

/// What a token allows now: what it was issued for, the client may still have and the consent still allows. `grant` is
/// the consent that it points to, or of another issuer's token the one for its client and customer, where that is in
/// force. Without a consent nothing about customers is allowed.
pub fn rights(
    claims: &AccessClaims,
    client: &AuthzClient,
    grant: Option<&LiveGrant>,
    now: Micros,
) -> Result<ScopeList, OAuthError> {
    let refused = |why: &'static str| OAuthError::new(OAuthCode::InvalidToken, why);
    if claims.client_id != client.id {
        return Err(refused("the token is of another client"));
    }
    let scopes = claims.scope.shared_with(&client.scopes);
    let is_its = |grant: &&LiveGrant| {
        claims.grant_id.as_ref().is_none_or(|id| *id == grant.grant_id) && grant.is_live(now)
    };
    match grant.filter(is_its) {
        Some(grant) => Ok(scopes.shared_with(&grant.scopes)),
        None if claims.grant_id.is_some() => Err(refused("consent ended")),
        None => Ok(scopes.about_no_customers()),
    }
}

/// What an answer adds to a refusal.
#[derive(Debug, Clone, Copy, Default)]
pub struct ChallengeWants<'a> {
    /// The scope that is lacking.
    pub scope: Option<&'a str>,
    /// How strongly the customer has to have logged in (RFC 9470 §3).
    pub acr_values: Option<&'a str>,
    /// How many seconds ago at the most.
    pub max_age_s: Option<u32>,
}

/// The header `WWW-Authenticate` of a refusal: of one without an error, where the request shows no token (RFC 6750
/// §3.1), with the address of the metadata of this API (RFC 9728 §5.1). `metadata` has no quotes: it is an address.
#[must_use]
pub fn challenge(
    scheme: Scheme,
    error: Option<&OAuthError>,
    wanted: ChallengeWants<'_>,
    metadata: &str,
) -> String {
    let mut parts = Vec::new();
    let mut add = |name: &str, value: &str| parts.push(format!("{name}=\"{value}\""));
    if let Some(error) = error {
        add("error", error.code.as_str());
        add("error_description", error.description());
    }
    let max_age = wanted.max_age_s.map(|seconds| seconds.to_string());
    let more = [
        ("scope", wanted.scope),
        ("acr_values", wanted.acr_values),
        ("max_age", max_age.as_deref()),
    ];
    for (name, value) in more {
        if let Some(value) = value {
            add(name, value);
        }
    }
    if error.is_none() {
        add("resource_metadata", metadata);
    }
    let name = match scheme {
        Scheme::Dpop => {
            add("algs", &ALGORITHMS.join(" "));
            "DPoP"
        }
        Scheme::Bearer => "Bearer",
    };
    format!("{name} {}", parts.join(", "))
}
