//! Public keys on the curve P-256 as JWKs (RFC 7517, RFC 7518 §6.2), and their thumbprints (RFC 7638).

use super::bits::{bits, decode_32, encode, sha256};
use crate::access::oauth::jwk::{Verifier, read_key};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Serialize;
use serde_json::{Value, json};

bits! {
    /// The thumbprint of a public key: names it among all.
    Thumbprint;
}

/// A public key of P-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EcJwk {
    x: [u8; 32],
    y: [u8; 32],
}

/// A JWK is none that is taken here; what is wrong with it, as the end of a sentence about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the key {0}")]
pub struct InvalidJwk(pub String);

impl EcJwk {
    /// Reads a JWK: of P-256, a point of the curve, for signatures with ES256, and without a private member.
    pub fn read(jwk: &Value) -> Result<Self, InvalidJwk> {
        if jwk.get("kty").and_then(Value::as_str) != Some("EC") {
            return Err(InvalidJwk("is no public key of P-256 (EC)".to_owned()));
        }
        read_key(jwk).map_err(InvalidJwk)?;
        let coordinate = |name: &str| decode_32(jwk.get(name)?.as_str()?);
        let missing = || InvalidJwk("has coordinates of other than 32 bytes".to_owned());
        Ok(Self {
            x: coordinate("x").ok_or_else(missing)?,
            y: coordinate("y").ok_or_else(missing)?,
        })
    }

    /// The key of an uncompressed point: `04`, x and y (SEC 1 §2.3.3).
    #[must_use]
    pub fn of_point(point: &[u8]) -> Option<Self> {
        let (x, y) = point.strip_prefix(&[4])?.split_at_checked(32)?;
        Some(Self { x: x.try_into().ok()?, y: y.try_into().ok()? })
    }

    /// Its thumbprint: SHA-256 over the members that it must have, in the order of their names.
    #[must_use]
    pub fn thumbprint(&self) -> Thumbprint {
        let (x, y) = (encode(self.x), encode(self.y));
        Thumbprint(sha256(format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#)))
    }

    /// What checks its signatures. It is named by its thumbprint.
    #[must_use]
    pub fn verifier(&self) -> Option<Verifier> {
        let key = DecodingKey::from_ec_components(&encode(self.x), &encode(self.y)).ok()?;
        Some(Verifier {
            kid: Some(self.thumbprint().to_string()),
            algorithm: Algorithm::ES256,
            key,
        })
    }
}

/// As it is published: with its thumbprint as `kid`.
impl Serialize for EcJwk {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        json!({
            "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig",
            "kid": self.thumbprint(), "x": encode(self.x), "y": encode(self.y),
        })
        .serialize(serializer)
    }
}
