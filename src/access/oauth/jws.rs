//! Compact JSON Web Signatures (RFC 7515), read strictly.
//!
//! A header is written by whoever sends the token, so nothing in it chooses how or by what the token is checked: the
//! algorithm is that of the key, keys are those that are known before, and a header that names addresses, certificates
//! or extensions is refused without a look at them (RFC 8725 §3).

use super::jwk::Verifier;
use crate::kernel::Object;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use jsonwebtoken::crypto::verify;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error, MapAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;

/// Most characters of a key's id.
const KID_MOST: usize = 100;
/// Most characters of a header.
const HEADER_MOST: usize = 2_048;
/// Members that say where keys are, or that another way of reading is needed. Thumbprints of certificates (`x5t`) are hints
/// as `kid` is, and are not looked at.
const REFUSED: [&str; 7] = ["crit", "b64", "jku", "x5u", "x5c", "zip", "enc"];
/// The algorithms, of which a key has one.
const ALGORITHMS: [(&str, Algorithm); 4] = [
    ("ES256", Algorithm::ES256),
    ("PS256", Algorithm::PS256),
    ("RS256", Algorithm::RS256),
    ("EdDSA", Algorithm::EdDSA),
];

/// What a kind of token must be like before its signature is looked at.
#[derive(Debug, Clone, Copy)]
pub struct JwsRules {
    /// What `typ` may be. Each kind of token has its own, so that none is taken for another (RFC 8725 §3.11).
    pub types: &'static [&'static str],
    /// Whether `typ` may be left out.
    pub may_lack_type: bool,
    /// Whether the key stands in the header: of proofs of possession only.
    pub has_key: bool,
    /// Most characters in all.
    pub length_most: usize,
}

/// Why a token is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwsError {
    /// It is longer than any that is sent here.
    #[error("is too long")]
    TooLong,
    /// It is not three parts in base64url, of which the first is a JSON object.
    #[error("is no compact JWS")]
    Form,
    /// The header has a member that is not taken.
    #[error("has `{0}` in its header, which is not taken here")]
    Member(&'static str),
    /// The header's `kid` is no text or too long.
    #[error("has a `kid` that is no key's id")]
    Kid,
    /// `typ` is that of another kind of token.
    #[error("is of another type")]
    Type,
    /// `alg` is none that is taken, or not the key's.
    #[error("is signed with another algorithm than that of its key")]
    Algorithm,
    /// No key that is known fits.
    #[error("is signed with a key that is not known")]
    Key,
    /// The signature is wrong.
    #[error("has a signature that does not hold")]
    Signature,
    /// A claim is missing or of another type.
    #[error("lacks a claim, or has one that is not what it should be")]
    Claims,
}

/// A header in which each member is there once: of two, readers take the one or the other (RFC 7515 §4).
struct Header(Map<String, Value>);

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Header;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut given: A) -> Result<Header, A::Error> {
                let mut members = Map::new();
                while let Some((name, value)) = given.next_entry()? {
                    if members.insert(name, value).is_some() {
                        return Err(A::Error::custom("a member is there twice"));
                    }
                }
                Ok(Header(members))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

/// A token of which nothing is proved yet.
#[derive(Debug)]
pub struct Jws<'a> {
    /// The id of the key.
    pub kid: Option<String>,
    /// The key in the header, where the rules ask for one.
    pub jwk: Option<Value>,
    algorithm: Algorithm,
    /// Header and payload as they were signed.
    signed: &'a str,
    signature: &'a str,
    payload: Vec<u8>,
}

impl<'a> Jws<'a> {
    /// Reads a token.
    pub fn read(text: &'a str, rules: &JwsRules) -> Result<Self, JwsError> {
        if text.len() > rules.length_most {
            return Err(JwsError::TooLong);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(JwsError::Form)?;
        let (header, payload) = signed.split_once('.').ok_or(JwsError::Form)?;
        if header.len() > HEADER_MOST || payload.contains('.') {
            return Err(JwsError::Form);
        }
        let decode = |part| URL_SAFE_NO_PAD.decode(part).map_err(|_| JwsError::Form);
        let header = serde_json::from_slice(&decode(header)?).map_err(|_| JwsError::Form)?;
        let Header(mut header) = header;
        let (kid, algorithm) = judge(&header, rules)?;
        let jwk = header.remove("jwk");
        let payload = decode(payload)?;
        Ok(Self { kid, jwk, algorithm, signed, signature, payload })
    }

    /// What the claims say. Members that are there twice are refused, and so are those of another type.
    pub fn claims<T: DeserializeOwned>(&self) -> Result<T, JwsError> {
        let read = serde_json::from_slice::<Object<T>>(&self.payload);
        read.map(|claims| claims.0).map_err(|_| JwsError::Claims)
    }

    /// Whether a key has signed it, by the one algorithm of the key.
    pub fn check(&self, key: &Verifier) -> Result<(), JwsError> {
        if self.algorithm != key.algorithm {
            return Err(JwsError::Algorithm);
        }
        match verify(self.signature, self.signed.as_bytes(), &key.key, key.algorithm) {
            Ok(true) => Ok(()),
            _ => Err(JwsError::Signature),
        }
    }
}

/// Whether two media types are one, of which `application/` may be left out (RFC 7515 §4.1.9).
fn is_type(typ: &str, own: &str) -> bool {
    const OF: &str = "application/";
    let bare = |text: &str| {
        let text = text.to_ascii_lowercase();
        text.strip_prefix(OF).map(str::to_owned).unwrap_or(text)
    };
    bare(typ) == bare(own)
}

/// The key's id and the algorithm of a header that may be believed.
fn judge(
    header: &Map<String, Value>,
    rules: &JwsRules,
) -> Result<(Option<String>, Algorithm), JwsError> {
    if let Some(member) = REFUSED.into_iter().find(|member| header.contains_key(*member)) {
        return Err(JwsError::Member(member));
    }
    if header.contains_key("jwk") != rules.has_key {
        return Err(if rules.has_key { JwsError::Key } else { JwsError::Member("jwk") });
    }
    match header.get("typ") {
        None if rules.may_lack_type => {}
        Some(Value::String(typ)) if rules.types.iter().any(|own| is_type(typ, own)) => {}
        _ => return Err(JwsError::Type),
    }
    let kid = match header.get("kid") {
        None => None,
        Some(Value::String(kid)) if (1..=KID_MOST).contains(&kid.chars().count()) => {
            Some(kid.clone())
        }
        Some(_) => return Err(JwsError::Kid),
    };
    let named = header.get("alg").and_then(Value::as_str);
    let algorithm = ALGORITHMS.iter().find(|(name, _)| Some(*name) == named);
    algorithm.map(|(_, algorithm)| (kid, *algorithm)).ok_or(JwsError::Algorithm)
}
