//! JSON Web Signatures (RFC 7515) with EdDSA, with what they sign inside or, as in its appendix F, beside.

use crate::billing::keys::{Jwks, KeyError, Signer};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::crypto::{sign, verify};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::{Deserialize, Serialize};

/// Why a signature does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotSigned {
    /// It is no such signature.
    #[error("it is no signature of this kind (a compact JWS with EdDSA)")]
    Form,
    /// The key is not among those that are known.
    #[error("it is signed with the key {0}, which is not in the file of keys")]
    UnknownKey(String),
    /// What was signed is something else.
    #[error("the signature does not fit: it, or what it signs, was changed")]
    Different,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    kid: String,
    typ: String,
}

impl Signer {
    fn jws(&self, typ: &str, payload: &[u8]) -> Result<(String, String, String), KeyError> {
        let (alg, kid) = ("EdDSA".to_owned(), self.public.kid.clone());
        let header = Header { alg, kid, typ: typ.to_owned() };
        let header = serde_json::to_vec(&header).map_err(|_| KeyError::Refused)?;
        let (header, payload) = (URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        let message = format!("{header}.{payload}");
        let signature = sign(message.as_bytes(), self.private(), Algorithm::EdDSA);
        Ok((header, payload, signature.map_err(|_| KeyError::Refused)?))
    }

    /// A signature that stands beside what it signs.
    pub fn detached(&self, typ: &str, payload: &[u8]) -> Result<String, KeyError> {
        let (header, _, signature) = self.jws(typ, payload)?;
        Ok(format!("{header}..{signature}"))
    }

    /// A signature with what it signs.
    pub fn attached(&self, typ: &str, payload: &[u8]) -> Result<String, KeyError> {
        let (header, payload, signature) = self.jws(typ, payload)?;
        Ok(format!("{header}.{payload}.{signature}"))
    }
}

/// Checks a signature that stands beside what it signs; the name of its key.
pub fn detached(jws: &str, typ: &str, payload: &[u8], keys: &Jwks) -> Result<String, NotSigned> {
    let Some((header, signature)) = jws.split_once("..") else { return Err(NotSigned::Form) };
    checked((header, &URL_SAFE_NO_PAD.encode(payload), signature), typ, keys)
}

/// Checks a signature with what it signs, which is returned.
pub fn attached(jws: &str, typ: &str, keys: &Jwks) -> Result<Vec<u8>, NotSigned> {
    let parts: Vec<&str> = jws.split('.').collect();
    let [header, payload, signature] = parts.as_slice() else { return Err(NotSigned::Form) };
    checked((header, payload, signature), typ, keys)?;
    URL_SAFE_NO_PAD.decode(payload).map_err(|_| NotSigned::Form)
}

fn checked(
    (header, payload, signature): (&str, &str, &str),
    typ: &str,
    keys: &Jwks,
) -> Result<String, NotSigned> {
    let decoded = URL_SAFE_NO_PAD.decode(header).map_err(|_| NotSigned::Form)?;
    let read: Header = serde_json::from_slice(&decoded).map_err(|_| NotSigned::Form)?;
    if read.alg != "EdDSA" || read.typ != typ {
        return Err(NotSigned::Form);
    }
    let key = keys.keys.iter().find(|key| key.kid == read.kid);
    let key = key.ok_or_else(|| NotSigned::UnknownKey(read.kid.clone()))?;
    let key = DecodingKey::from_ed_components(&key.x).map_err(|_| NotSigned::Form)?;
    let message = format!("{header}.{payload}");
    match verify(signature, message.as_bytes(), &key, Algorithm::EdDSA) {
        Ok(true) => Ok(read.kid),
        _ => Err(NotSigned::Different),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Pepper;
    use proptest::prelude::*;

    fn signer() -> (Signer, Jwks) {
        let pepper = Pepper::from_hex(&"7".repeat(64)).unwrap();
        let signer = Signer::derived(&pepper, 1).unwrap();
        let keys = Jwks { keys: vec![signer.public.clone()] };
        (signer, keys)
    }

    #[test]
    fn only_known_keys_sign() {
        let (signer, keys) = signer();
        let jws = signer.detached("t", b"payload").unwrap();
        assert_eq!(detached(&jws, "t", b"payload", &keys), Ok(signer.public.kid.clone()));
        assert_eq!(detached(&jws, "t", b"payl0ad", &keys), Err(NotSigned::Different));
        assert_eq!(detached(&jws, "other", b"payload", &keys), Err(NotSigned::Form));
        let unknown = detached(&jws, "t", b"payload", &Jwks::default());
        assert_eq!(unknown, Err(NotSigned::UnknownKey(signer.public.kid.clone())));
        let whole = signer.attached("t", b"payload").unwrap();
        assert_eq!(attached(&whole, "t", &keys).unwrap(), b"payload");
    }

    proptest! {
        #[test]
        fn a_flipped_bit_is_seen(at: usize, bit in 0..7u32) {
            let (signer, keys) = signer();
            for jws in [signer.detached("t", b"payload").unwrap(), signer.attached("t", b"payload").unwrap()] {
                let mut bytes = jws.clone().into_bytes();
                let at = at % bytes.len();
                bytes[at] ^= 1 << bit;
                let Ok(changed) = String::from_utf8(bytes) else { return Ok(()) };
                prop_assert!(detached(&changed, "t", b"payload", &keys).is_err());
                prop_assert!(attached(&changed, "t", &keys).is_err());
            }
        }
    }
}
