//! What signs.

use serde_json::Value;

/// A key that signs evidence, or what partners are told.
pub trait SignsClaims: Send + Sync {
    /// A compact JWS of a type with these claims.
    fn jws(&self, typ: &str, claims: &Value) -> Result<String, Unsigned>;
}

/// Something could not be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it could not be signed")]
pub struct Unsigned;
