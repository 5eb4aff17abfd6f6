//! Keyed hashes.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

/// Bytes of a block of SHA-256.
const BLOCK: usize = 64;

/// HMAC-SHA256 over parts that stand one behind the other (RFC 2104).
#[must_use]
pub fn hmac_sha256(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    // A key is filled up with zeros to a block (RFC 2104 §2): one of that length is never refused.
    let mut block = Zeroizing::new([0u8; BLOCK]);
    block[..32].copy_from_slice(key);
    let mut mac = Hmac::<Sha256>::new((&*block).into());
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::hmac_sha256;
    use crate::kernel::hex;

    #[test]
    fn the_hash_is_that_of_other_programs() {
        // printf 'what do ya want for nothing?' | openssl dgst -sha256 -mac HMAC -macopt hexkey:0b0b…
        let hash = hmac_sha256(&[0x0b; 32], &[b"what do ya want ", b"for nothing?"]);
        assert_eq!(hex(hash), "c3f2649c34ea24e4d62a2c7e868bbea0233c9d4c2cc300794db76aa18d6822d8");
    }
}
