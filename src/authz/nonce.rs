//! Nonces of DPoP proofs (RFC 9449 §8): a stamp of ours that a proof has to hold, so that it cannot have been made
//! long before.
//!
//! None is stored: a nonce is the second in which it was issued and an HMAC of it, so each node that has the key knows
//! those of all others. Within its life a nonce fits any number of proofs, and a proof any number of uses: that a proof
//! is used once is seen by its mark alone (§11.1, [`super::once`]). Where marks are kept in memory, the nonces are to
//! be of a key that is made when the program starts: proofs from before, whose marks are gone, then fit no more.

use super::bits;
use crate::kernel::clock::SECOND;
use crate::kernel::mac::hmac_sha256;
use crate::kernel::{Micros, secret};
use std::fmt;
use zeroize::Zeroizing;

/// For how many seconds a nonce is taken.
pub const LIFE_S: i64 = 300;
/// How far ahead of ours the clock of the node may be that has issued one, in seconds.
const AHEAD_S: i64 = 10;
/// What the HMAC is for.
const PURPOSE: &[u8] = b"comptoir DPoP nonce\n";

/// Issues nonces and knows them again.
pub struct Nonces(Zeroizing<[u8; 32]>);

impl Nonces {
    /// The nonces of all nodes that have this key.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        Self(Zeroizing::new(key))
    }

    /// The nonce of this second, for the header `DPoP-Nonce`.
    #[must_use]
    pub fn issue(&self, now: Micros) -> String {
        let second = now.0.div_euclid(SECOND).to_be_bytes();
        bits::encode([&second[..], &self.sum(second)[..]].concat())
    }

    /// Whether a nonce was issued here and is not over.
    #[must_use]
    pub fn takes(&self, nonce: &str, now: Micros) -> bool {
        let Some(bytes) = bits::decode(nonce) else { return false };
        let Some((second, sum)) = bytes.split_first_chunk::<8>() else { return false };
        let Ok(sum) = <[u8; 32]>::try_from(sum) else { return false };
        let age = now.0.div_euclid(SECOND).saturating_sub(i64::from_be_bytes(*second));
        secret::same(&self.sum(*second), &sum) && (-AHEAD_S..=LIFE_S).contains(&age)
    }

    fn sum(&self, second: [u8; 8]) -> [u8; 32] {
        hmac_sha256(&self.0, &[PURPOSE, &second])
    }
}

impl fmt::Debug for Nonces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[nonces]")
    }
}
