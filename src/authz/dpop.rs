//! Proofs that who sends a request has a private key (DPoP, RFC 9449).

use super::bits::{decode_32, sha256};
use super::htu::Htu;
use super::jwk::{EcJwk, InvalidJwk, Thumbprint};
use super::nonce::Nonces;
use super::once::{ReplayKind, ReplayMark, Unspent};
use crate::access::oauth::error::{OAuthCode, OAuthError};
use crate::access::oauth::jws::{Jws, JwsError, JwsRules};
use crate::kernel::Micros;
use crate::kernel::clock::SECOND;
use serde::Deserialize;

/// How old a proof may be, in seconds.
pub const AGE_MOST_S: i64 = 60;
/// How far ahead of ours the clock of the client may be, in seconds.
pub const AHEAD_MOST_S: i64 = 10;
/// Most characters of a proof's id.
pub const JTI_MOST: usize = 128;
/// The algorithms with which proofs are signed: neither a shared secret nor none at all.
pub const ALGORITHMS: [&str; 1] = ["ES256"];

const RULES: JwsRules =
    JwsRules { types: &["dpop+jwt"], may_lack_type: false, has_key: true, length_most: 4_096 };

/// What a proof has to be made for.
#[derive(Debug)]
pub struct ProofFor<'a> {
    /// The method of the request.
    pub method: &'a str,
    /// The address of the request, as clients see it.
    pub address: &'a Htu,
    /// The access token that is shown with it; none at the authorization server.
    pub access_token: Option<&'a str>,
    /// The nonces that are issued here.
    pub nonces: &'a Nonces,
    /// Whether a proof without one will not do.
    pub needs_nonce: bool,
}

/// The key of a proof that holds. There is no other way to one than [`check`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProvedKey(Thumbprint);

impl ProvedKey {
    /// Names the key.
    #[must_use]
    pub fn thumbprint(self) -> Thumbprint {
        self.0
    }
}

/// Why a proof does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DpopError {
    /// There is none where one is needed.
    #[error("the request needs a proof in the header DPoP")]
    Missing,
    /// There is more than one header.
    #[error("there is more than one header DPoP")]
    Several,
    /// It is no signature of this kind, or a wrong one.
    #[error("the proof {0}")]
    Jws(#[from] JwsError),
    /// Its key will not do.
    #[error("{0} of the proof's header (jwk)")]
    Key(#[from] InvalidJwk),
    /// `htm` is another method.
    #[error("htm of the proof is not the method of the request")]
    Method,
    /// `htu` is another address.
    #[error("htu of the proof is not the address of the request")]
    Address,
    /// `jti` is empty or too long.
    #[error("jti of the proof has 1 to {JTI_MOST} characters")]
    Id,
    /// `iat` is out of bounds.
    #[error("iat of the proof is more than {AGE_MOST_S} s ago or more than {AHEAD_MOST_S} s ahead")]
    Time,
    /// `ath` is missing or that of another token.
    #[error("ath of the proof is not the SHA-256 of the access token in base64url")]
    Token,
    /// It was used before.
    #[error("the proof was used before: make one for each request")]
    Replayed,
    /// The nonce is missing, made up or over.
    #[error("the proof needs the nonce of the header DPoP-Nonce")]
    Nonce,
}

impl From<DpopError> for OAuthError {
    fn from(error: DpopError) -> Self {
        let code = match error {
            DpopError::Nonce => OAuthCode::UseDpopNonce,
            _ => OAuthCode::InvalidDpopProof,
        };
        Self::new(code, error.to_string())
    }
}

#[derive(Debug, Deserialize)]
struct ProofClaims {
    jti: String,
    htm: String,
    htu: String,
    /// Seconds; parts of one are allowed (RFC 7519 §2).
    iat: f64,
    ath: Option<String>,
    nonce: Option<String>,
}

/// The one proof of a request's `DPoP` headers; none where there is no header.
pub fn only<'a>(headers: &[&'a [u8]]) -> Result<Option<&'a str>, DpopError> {
    match headers {
        [] => Ok(None),
        [one] => std::str::from_utf8(one).map(Some).map_err(|_| JwsError::Form.into()),
        _ => Err(DpopError::Several),
    }
}

/// Checks a proof (RFC 9449 §4.3), all but whether it was used before.
pub fn check(
    proof: &str,
    made_for: &ProofFor<'_>,
    now: Micros,
) -> Result<Unspent<ProvedKey>, DpopError> {
    let jws = Jws::read(proof, &RULES)?;
    let jwk = EcJwk::read(jws.jwk.as_ref().ok_or(JwsError::Key)?)?;
    jws.check(&jwk.verifier().ok_or(JwsError::Key)?)?;
    let claims: ProofClaims = jws.claims()?;
    if claims.htm != made_for.method {
        return Err(DpopError::Method);
    }
    if Htu::read(&claims.htu).as_ref() != Some(made_for.address) {
        return Err(DpopError::Address);
    }
    if !(1..=JTI_MOST).contains(&claims.jti.chars().count()) {
        return Err(DpopError::Id);
    }
    let age = now.0 as f64 / SECOND as f64 - claims.iat;
    if !(-(AHEAD_MOST_S as f64)..=AGE_MOST_S as f64).contains(&age) {
        return Err(DpopError::Time);
    }
    if let Some(token) = made_for.access_token
        && claims.ath.as_deref().and_then(decode_32) != Some(sha256(token))
    {
        return Err(DpopError::Token);
    }
    // One that is there is looked at even where none is needed: it is that of another server, or made up.
    match &claims.nonce {
        Some(nonce) if !made_for.nonces.takes(nonce, now) => return Err(DpopError::Nonce),
        None if made_for.needs_nonce => return Err(DpopError::Nonce),
        _ => {}
    }
    let key = jwk.thumbprint();
    // Of each key its own ids.
    let hash = sha256(format!("{key}\n{}", claims.jti));
    let last = claims.iat.ceil() as i64;
    let expires_at = Micros(last.saturating_add(AGE_MOST_S + 1).saturating_mul(SECOND));
    let mark = ReplayMark { kind: ReplayKind::Dpop, hash, expires_at };
    Ok(Unspent::new(ProvedKey(key), Some(mark)))
}
