//! Access tokens as they are shown to the API (RFC 6750 §2.1, RFC 9449 §7.1), whom they name and what they were issued
//! for, and how a refusal is told. Whether a consent allows it is told by [`crate::consent::decide`] alone.

use super::access_token::{AccessClaims, Between, verify};
use super::client::{AuthzClient, SecurityProfile};
use super::dpop::{self, ALGORITHMS, DpopError, ProofFor, ProvedKey};
use super::htu::Htu;
use super::nonce::Nonces;
use super::once::Unspent;
use super::scopes::{is_about_customers, of_machines};
use crate::access::oauth::error::{OAuthCode, OAuthError};
use crate::access::oauth::jwk::Verifier;
use crate::consent::live::GrantPointer;
use crate::consent::record::GrantId;
use crate::consent::scope::OAuthScopes;
use crate::consent::subject::{PairwiseKey, PairwiseSub, Sector};
use crate::kernel::Micros;
use crate::kernel::id::AppId;

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
    /// The key that it was shown with.
    pub key: Option<ProvedKey>,
}

/// Whom a token names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenAbout<'a> {
    /// The client itself, and no customer.
    Client,
    /// A customer, by the consent that it was issued by. All that it says of that must be the consent's.
    Grant(GrantPointer),
    /// A customer of another issuer, which knows nothing of consents: the one for this client and customer is to be
    /// looked for, by the name that the partner knows them by here.
    Foreign {
        /// The issuer.
        issuer: &'a str,
        /// The customer, as that issuer names them.
        subject: &'a str,
    },
}

impl TokenAbout<'_> {
    /// The consent of an app that the token stands for, as that is to be decided about; none where it is about no
    /// customer, or there is no consent. Of another issuer's token the name of the customer is made of what the token
    /// says, by the key and the partner's sector (OpenID Connect Core §8.1), and `find` gives the consent of that app
    /// and that name.
    #[must_use]
    pub fn pointer(
        self,
        client: AppId,
        (key, sector): (&PairwiseKey, &Sector),
        find: impl FnOnce(PairwiseSub) -> Option<GrantId>,
    ) -> Option<GrantPointer> {
        match self {
            Self::Client => None,
            Self::Grant(pointer) => Some(pointer),
            Self::Foreign { issuer, subject } => {
                let sub = PairwiseSub::derived(key, sector, issuer, subject)?;
                Some(GrantPointer { grant_id: find(sub)?, version: 0, client, sub })
            }
        }
    }
}

/// What is asked for with a token: of a client, about somebody. Nothing about a customer is granted by it: with what
/// the read needs it makes a [`ConsentRead`](crate::consent::decide::ConsentRead), and that is decided on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AskedRights<'a> {
    /// About whom.
    pub about: TokenAbout<'a>,
    /// What the token was issued for and the client may still have. About a client itself that is all that it allows.
    pub scopes: OAuthScopes,
    /// When the token was issued, in seconds since 1970.
    pub issued_at: i64,
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
) -> Result<Option<Unspent<ShownToken>>, OAuthError> {
    let Some((scheme, token)) = token(shown.authorization)? else { return Ok(None) };
    let refused = |why: String| OAuthError::new(OAuthCode::InvalidToken, why);
    let claims = verify(token, rules.keys, rules.between, now);
    let claims = claims.map_err(|flaw| refused(flaw.to_string()))?;
    let must_be_bound =
        rules.customers == SecurityProfile::Fapi2 && is_about_customers(claims.scope);
    let bound = match (scheme, claims.cnf) {
        (Scheme::Bearer, None) if must_be_bound => {
            return Err(refused("a token about customers must be bound to a key".to_owned()));
        }
        (Scheme::Bearer, None) => {
            return Ok(Some(Unspent::new(ShownToken { claims, key: None }, None)));
        }
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
    if proved.looked_at().thumbprint() != bound.jkt {
        return Err(refused("the token is bound to another key than the proof's".to_owned()));
    }
    Ok(Some(proved.map(|key| ShownToken { claims, key: Some(key) })))
}

/// What is asked for with a token of a client. Where the token is about a customer, this says which consent is to be
/// asked for; without one it gives nothing, not even what the client would have by itself: a token is about the one or
/// the other (RFC 9068 §2.2, `sub`).
pub fn asked<'a>(
    claims: &'a AccessClaims,
    client: &AuthzClient,
) -> Result<AskedRights<'a>, OAuthError> {
    if claims.client_id != client.id {
        let why = "the token is of another client";
        return Err(OAuthError::new(OAuthCode::InvalidToken, why));
    }
    let shared = claims.scope.and(client.scopes);
    let (about, scopes) = match (claims.grant_id, claims.cver) {
        (Some(grant_id), Some(version)) => {
            let sub = claims.sub.parse().map_err(|_| OAuthCode::InvalidToken)?;
            let pointer = GrantPointer { grant_id, version, client: client.app, sub };
            (TokenAbout::Grant(pointer), shared)
        }
        _ if claims.sub == claims.client_id => (TokenAbout::Client, of_machines(shared)),
        _ => (TokenAbout::Foreign { issuer: &claims.iss, subject: &claims.sub }, shared),
    };
    Ok(AskedRights { about, scopes, issued_at: claims.iat })
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
