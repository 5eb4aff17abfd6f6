//! Keys that sign what is issued here, with ES256.

use super::bits;
use super::jwk::EcJwk;
use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use jsonwebtoken::crypto::sign;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde::Serialize;
use serde_json::json;
use std::fmt;

/// A key that signs.
pub struct SigningKey {
    public: EcJwk,
    private: EncodingKey,
}

/// The bytes are no private key of P-256, or the library has refused to sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this cannot be signed: the key is none of P-256, or the library refuses")]
pub struct CannotSign;

impl SigningKey {
    /// The key of a private scalar: 32 bytes, random or derived from a secret. One in four thousand million texts of 32
    /// bytes is too great a number and no key; another is to be taken then.
    pub fn of_scalar(scalar: &[u8; 32]) -> Result<Self, CannotSign> {
        // The point that belongs to it is computed by the half of the library that exchanges keys.
        let point = PrivateKey::from_private_key(&ECDH_P256, scalar).map_err(|_| CannotSign)?;
        let point = point.compute_public_key().map_err(|_| CannotSign)?;
        let signs = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pair = EcdsaKeyPair::from_private_key_and_public_key(signs, scalar, point.as_ref());
        let pair = pair.map_err(|_| CannotSign)?;
        let document = pair.to_pkcs8v1().map_err(|_| CannotSign)?;
        Ok(Self {
            public: EcJwk::of_point(point.as_ref()).ok_or(CannotSign)?,
            private: EncodingKey::from_ec_der(document.as_ref()),
        })
    }

    /// Its public half.
    #[must_use]
    pub fn public(&self) -> &EcJwk {
        &self.public
    }

    /// A token of a type with these claims. It is named by the key's thumbprint (RFC 7638).
    pub fn sign(&self, typ: &str, claims: &impl Serialize) -> Result<String, CannotSign> {
        let header = json!({ "alg": "ES256", "kid": self.public.thumbprint(), "typ": typ });
        let payload = serde_json::to_vec(claims).map_err(|_| CannotSign)?;
        self.compact(&header.to_string(), &payload)
    }

    /// Whatever is given, signed.
    pub(super) fn compact(&self, header: &str, payload: &[u8]) -> Result<String, CannotSign> {
        let signed = format!("{}.{}", bits::encode(header), bits::encode(payload));
        let signature = sign(signed.as_bytes(), &self.private, Algorithm::ES256);
        Ok(format!("{signed}.{}", signature.map_err(|_| CannotSign)?))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKey").field(&self.public.thumbprint()).finish()
    }
}
