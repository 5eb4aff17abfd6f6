//! A map in parts, which its versions share.

use crate::kernel::id::KeyId;
use hashbrown::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::Arc;

/// Enough that to copy one part of a million entries takes well under a millisecond, and few enough that to copy a
/// map without any takes microseconds.
const PARTS: usize = 256;

/// Keys of the map are random already: hashing them again would only cost time.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Random(u64);

impl Hasher for Random {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, id: u64) {
        self.0 = id;
    }
}

/// The hash of the text of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TextHash(pub(super) [u8; 32]);

impl TextHash {
    fn start(&self) -> u64 {
        let Self([a, b, c, d, e, f, g, h, ..]) = *self;
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }
}

impl Hash for TextHash {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.start());
    }
}

/// What names an entry, and has 64 random bits.
pub(super) trait Name: Copy + Eq + Hash {
    /// They.
    fn bits(&self) -> u64;
}

impl Name for KeyId {
    fn bits(&self) -> u64 {
        self.0
    }
}

impl Name for TextHash {
    fn bits(&self) -> u64 {
        self.start()
    }
}

type Part<K, V> = HashMap<K, V, BuildHasherDefault<Random>>;

/// A map that costs little to copy: a copy shares all parts, and what is changed in it copies the part that it is
/// in.
#[derive(Debug, Clone)]
pub(super) struct Parted<K, V> {
    parts: Box<[Arc<Part<K, V>>]>,
    len: usize,
}

impl<K: Name, V: Clone> Default for Parted<K, V> {
    fn default() -> Self {
        Self { parts: (0..PARTS).map(|_| Arc::default()).collect(), len: 0 }
    }
}

/// The part that a name is in. Bits from the middle: a part places its entries by the lowest bits and tells them
/// apart by the highest.
fn place(name: &impl Name) -> usize {
    (name.bits() >> 32) as usize % PARTS
}

impl<K: Name, V: Clone> Parted<K, V> {
    /// The entry of a name.
    pub(super) fn get(&self, name: &K) -> Option<&V> {
        self.parts[place(name)].get(name)
    }

    /// Puts an entry in the place of what had its name.
    pub(super) fn insert(&mut self, name: K, value: V) {
        let part = Arc::make_mut(&mut self.parts[place(&name)]);
        self.len += usize::from(part.insert(name, value).is_none());
    }

    /// Takes the entry of a name out.
    pub(super) fn remove(&mut self, name: &K) -> Option<V> {
        // Where there is none, nothing is copied.
        self.get(name)?;
        let taken = Arc::make_mut(&mut self.parts[place(name)]).remove(name);
        self.len -= usize::from(taken.is_some());
        taken
    }

    /// All entries.
    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.parts.iter().flat_map(|part| part.values())
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        /// A map and its copies are what as many maps of their own would be, whatever is done to either.
        #[test]
        fn a_copy_is_a_map_of_its_own(
            steps in prop::collection::vec((0u64..40, any::<Option<u8>>(), any::<bool>()), 0..200),
        ) {
            let (mut map, mut is) = (Parted::<KeyId, u8>::default(), BTreeMap::new());
            let mut before = Vec::new();
            for (name, value, copy) in steps {
                // Some share a part, some do not.
                let name = KeyId((name % 3) << 32 | name);
                if copy {
                    before.push((map.clone(), is.clone()));
                }
                match value {
                    Some(value) => {
                        map.insert(name, value);
                        is.insert(name, value);
                    }
                    None => prop_assert_eq!(map.remove(&name), is.remove(&name)),
                }
                before.truncate(8);
            }
            before.push((map, is));
            for (map, is) in before {
                prop_assert_eq!(map.len(), is.len());
                prop_assert!(is.iter().all(|(name, value)| map.get(name) == Some(value)));
                let mut values: Vec<u8> = map.values().copied().collect();
                let mut expected: Vec<u8> = is.into_values().collect();
                values.sort_unstable();
                expected.sort_unstable();
                prop_assert_eq!(values, expected);
            }
        }
    }
}
