//! Signed evidence, read with the public keys alone.

use crate::access::oauth::jwk::Verifier;
use crate::access::oauth::jws::{Jws, JwsError, JwsRules};
use crate::consent::evidence::LedgerCheckpoint;
use crate::consent::hash::Hash32;
use crate::consent::receipt::RECEIPT_TYP;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Most characters of signed evidence: receipts are the longest.
const LENGTH_MOST: usize = 65_536;
const CHECKPOINTS: &[&str] = &[LedgerCheckpoint::TYP];
const RECEIPTS: &[&str] = &[RECEIPT_TYP];

/// What a receipt says of the entry that proves it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ReceiptClaims {
    /// Its own id: consent, version and place in the ledger.
    pub jti: String,
    /// The entry.
    pub ledger: ReceiptPlace,
}

/// An entry, as a receipt names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct ReceiptPlace {
    /// Its place.
    pub seq: i64,
    /// Its hash.
    pub entry_hash: Hash32,
}

/// The keys of a JWK Set, as far as they can be used.
#[must_use]
pub fn keys_of(set: &Value) -> Vec<Verifier> {
    let keys = set.get("keys").and_then(Value::as_array);
    keys.into_iter().flatten().filter_map(|key| Verifier::of(&key.to_string())).collect()
}

/// What a checkpoint says, if one of these keys has signed it.
pub fn checkpoint(text: &str, keys: &[Verifier]) -> Result<LedgerCheckpoint, JwsError> {
    signed(text, CHECKPOINTS, keys)
}

/// What a receipt says, if one of these keys has signed it.
pub fn receipt(text: &str, keys: &[Verifier]) -> Result<ReceiptClaims, JwsError> {
    signed(text, RECEIPTS, keys)
}

/// What a receipt says that was stored here. Nobody's signature is looked at.
pub(super) fn stored_receipt(text: &str) -> Option<ReceiptClaims> {
    read(text, RECEIPTS).and_then(|jws| jws.claims()).ok()
}

fn read<'a>(text: &'a str, types: &'static [&'static str]) -> Result<Jws<'a>, JwsError> {
    let rules = JwsRules { types, may_lack_type: false, has_key: false, length_most: LENGTH_MOST };
    Jws::read(text, &rules)
}

fn signed<T: DeserializeOwned>(
    text: &str,
    types: &'static [&'static str],
    keys: &[Verifier],
) -> Result<T, JwsError> {
    let jws = read(text, types)?;
    let mut named = keys.iter().filter(|key| key.kid.is_some() && key.kid == jws.kid);
    jws.check(named.next().ok_or(JwsError::Key)?)?;
    jws.claims()
}
