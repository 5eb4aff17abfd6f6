//! Public keys of clients (RFC 7517): checked when they are given, used when an assertion comes.

use crate::access::Pepper;
use crate::kernel::id::KeyId;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, json};

/// Most public keys of a client.
pub const KEYS_MOST: usize = 10;
/// Most characters of a key's id.
const KID_MOST: usize = 100;
/// Bytes of an RSA modulus: 2048 to 4096 bits.
const MODULUS: std::ops::RangeInclusive<usize> = 256..=512;
/// Members that only private keys have (RFC 7518 §6.2.2, §6.3.2, §6.4.1).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
/// The algorithms of the FAPI 2.0 Security Profile (§5.4.1), as keys have them there: [`Verifier::in_profile`].
pub const PROFILE_ALGORITHMS: [&str; 3] = ["ES256", PS256, "EdDSA"];
/// RSASSA-PSS with SHA-256 (RFC 7518 §3.5).
const PS256: &str = "PS256";
/// What hashes of public keys are derived for.
const PURPOSE: &str = "comptoir client keys";

/// A public key as it is kept: only what is needed, in one form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicJwk {
    /// Its id, where it has one.
    pub kid: String,
    /// The JSON that is stored.
    pub json: String,
}

impl PublicJwk {
    /// What names the key in the database. The same key of another client has another name.
    #[must_use]
    pub fn hash(&self, pepper: &Pepper, client: KeyId) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_keyed(&pepper.derive(PURPOSE, &client.to_string()));
        hasher.update(self.json.as_bytes());
        *hasher.finalize().as_bytes()
    }
}

/// A set of public keys, as a file has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwkSet(pub Vec<PublicJwk>);

impl JwkSet {
    /// A set of keys as they are stored.
    #[must_use]
    pub fn stored(jsons: &[String]) -> Self {
        let key = |json: &String| PublicJwk { kid: String::new(), json: json.clone() };
        Self(jsons.iter().map(key).collect())
    }

    /// The keys as they are stored, in an order that says nothing.
    #[must_use]
    pub fn jsons(&self) -> Vec<&str> {
        let mut jsons: Vec<&str> = self.0.iter().map(|key| key.json.as_str()).collect();
        jsons.sort_unstable();
        jsons
    }
}

impl Serialize for JwkSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let read = |json| serde_json::from_str::<Value>(json).map_err(S::Error::custom);
        let keys = self.jsons().into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
        json!({ "keys": keys }).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for JwkSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let set = Value::deserialize(deserializer)?;
        read_set(&set).map(Self).map_err(serde::de::Error::custom)
    }
}

/// Reads a set of public keys, `{"keys":[…]}`; otherwise what is wrong with it.
pub fn read_set(set: &Value) -> Result<Vec<PublicJwk>, String> {
    let keys = set.get("keys").and_then(Value::as_array);
    let keys = keys.ok_or("must be a set of public keys: {\"keys\":[…]} (RFC 7517)")?;
    if !(1..=KEYS_MOST).contains(&keys.len()) {
        return Err(format!("must hold 1 to {KEYS_MOST} keys"));
    }
    let mut read: Vec<PublicJwk> = Vec::with_capacity(keys.len());
    for (n, key) in keys.iter().enumerate() {
        let key = read_key(key).map_err(|why| format!("key {n} {why}"))?;
        let is_known = |other: &PublicJwk| {
            other.json == key.json || (!key.kid.is_empty() && other.kid == key.kid)
        };
        if read.iter().any(is_known) {
            return Err(format!("key {n} is there twice, or has the `kid` of another"));
        }
        read.push(key);
    }
    Ok(read)
}

/// Reads one public key; otherwise what is wrong with it, as the end of a sentence about the key.
pub fn read_key(key: &Value) -> Result<PublicJwk, String> {
    let key = key.as_object().ok_or("is no object")?;
    if let Some(member) = PRIVATE.iter().find(|member| key.contains_key(**member)) {
        return Err(format!(
            "holds `{member}`, which only a private key has: make a new pair, and send the public key"
        ));
    }
    let text = |name: &str| key.get(name).and_then(Value::as_str);
    if text("use").is_some_and(|used_for| used_for != "sig") {
        return Err("is not for signatures (`use` must be `sig`)".to_owned());
    }
    let kid = text("kid").unwrap_or_default();
    if kid.chars().count() > KID_MOST || kid.chars().any(char::is_control) {
        return Err(format!("has a `kid` of more than {KID_MOST} characters"));
    }
    let members: &[&str] = match (text("kty"), text("crv")) {
        (Some("EC"), Some("P-256")) => &["crv", "kty", "x", "y"],
        (Some("RSA"), None) => &["e", "kty", "n"],
        (Some("OKP"), Some("Ed25519")) => &["crv", "kty", "x"],
        _ => {
            return Err("is none of EC P-256 (ES256), RSA (PS256, RS256) and OKP Ed25519 (EdDSA)"
                .to_owned());
        }
    };
    let mut kept = Map::new();
    for name in members {
        let value = text(name).ok_or_else(|| format!("has no text `{name}`"))?;
        kept.insert((*name).to_owned(), json!(value));
    }
    if !kid.is_empty() {
        kept.insert("kid".to_owned(), json!(kid));
    }
    // An RSA key signs in one of two ways, and one that names the better is held to it (RFC 8725 §3.1).
    if text("kty") == Some("RSA") && text("alg") == Some(PS256) {
        kept.insert("alg".to_owned(), json!(PS256));
    }
    let json = Value::Object(kept).to_string();
    let usable = Verifier::of(&json).ok_or("cannot be read")?;
    if text("alg").is_some_and(|alg| alg != usable.alg_name()) {
        return Err(format!("has another `alg` than {}", usable.alg_name()));
    }
    well_formed(key)?;
    Ok(PublicJwk { kid: kid.to_owned(), json })
}

/// Whether the numbers of a key are what they should be.
fn well_formed(key: &Map<String, Value>) -> Result<(), String> {
    let bytes = |name: &str| {
        let text = key.get(name).and_then(Value::as_str).unwrap_or_default();
        URL_SAFE_NO_PAD.decode(text).map_err(|_| format!("has `{name}` that is no base64url"))
    };
    match key.get("kty").and_then(Value::as_str) {
        Some("EC") => {
            let point = [vec![4], bytes("x")?, bytes("y")?].concat();
            let point = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &point);
            point.map(drop).map_err(|_| "is no point of P-256".to_owned())
        }
        Some("RSA") => {
            bytes("e")?;
            let bits = "has a modulus of fewer than 2048 or more than 4096 bits";
            MODULUS.contains(&bytes("n")?.len()).then_some(()).ok_or_else(|| bits.to_owned())
        }
        _ => {
            (bytes("x")?.len() == 32).then_some(()).ok_or_else(|| "is no key of Ed25519".to_owned())
        }
    }
}

/// A public key that signatures are checked with, by its one algorithm.
#[derive(Clone)]
pub struct Verifier {
    /// Its id, where it has one.
    pub kid: Option<String>,
    /// The only algorithm that it takes, whatever a signature says of itself.
    pub algorithm: Algorithm,
    /// The key.
    pub key: DecodingKey,
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Verifier").field(&self.kid).field(&self.algorithm).finish()
    }
}

impl Verifier {
    /// The key in a stored JWK.
    #[must_use]
    pub fn of(json: &str) -> Option<Self> {
        let jwk: jsonwebtoken::jwk::Jwk = serde_json::from_str(json).ok()?;
        let members: Value = serde_json::from_str(json).ok()?;
        let algorithm = match members.get("kty")?.as_str()? {
            "EC" => Algorithm::ES256,
            "RSA" if members.get("alg").and_then(Value::as_str) == Some(PS256) => Algorithm::PS256,
            "RSA" => Algorithm::RS256,
            "OKP" => Algorithm::EdDSA,
            _ => return None,
        };
        let key = DecodingKey::from_jwk(&jwk).ok()?;
        Some(Self { kid: jwk.common.key_id, algorithm, key })
    }

    /// The same key with the algorithm that the FAPI 2.0 Security Profile (§5.4.1) has for it.
    #[must_use]
    pub fn in_profile(self) -> Self {
        match self.algorithm {
            Algorithm::RS256 => Self { algorithm: Algorithm::PS256, ..self },
            _ => self,
        }
    }

    fn alg_name(&self) -> &'static str {
        match self.algorithm {
            Algorithm::ES256 => "ES256",
            Algorithm::PS256 => PS256,
            Algorithm::RS256 => "RS256",
            _ => "EdDSA",
        }
    }
}
