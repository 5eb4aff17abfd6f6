//! Hashing of 64-bit ids, which are well mixed or nearly so: one multiplication.

use std::hash::{BuildHasherDefault, Hasher};

/// A map keyed by an id.
pub type IdMap<V> = hashbrown::HashMap<u64, V, BuildHasherDefault<IdHasher>>;

/// The hash of an id: both halves of its product with an odd constant, folded, so that consecutive
/// numbers (GTINs) spread as well.
#[must_use]
pub fn hash(id: u64) -> u64 {
    let product = u128::from(id ^ 0x2545_F491_4F6C_DD1D) * 0x9E37_79B9_7F4A_7C15;
    (product as u64) ^ ((product >> 64) as u64)
}

/// [`hash`] as a `Hasher` of one `u64`.
#[derive(Debug, Default, Clone, Copy)]
pub struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = hash(self.0 ^ u64::from(*byte));
        }
    }

    fn write_u64(&mut self, id: u64) {
        self.0 = hash(id);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
