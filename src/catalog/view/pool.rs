//! Texts that many rows share, kept once, with what was read from them.

use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::BuildHasher as _;

#[derive(Debug)]
struct Slot<V> {
    text: Box<str>,
    value: V,
    uses: u32,
}

/// A pool of shared texts. Rows hold the number of a text; a text that no row holds is dropped.
#[derive(Debug)]
pub struct Pool<V> {
    slots: Vec<Option<Slot<V>>>,
    free: Vec<u32>,
    index: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl<V> Default for Pool<V> {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            index: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
        }
    }
}

impl<V> Pool<V> {
    fn find(&self, text: &str) -> Option<u32> {
        let is_it = |at: &u32| self.slots[*at as usize].as_ref().is_some_and(|s| *s.text == *text);
        self.index.find(self.hasher.hash_one(text), is_it).copied()
    }

    /// The number of a text, counted as held once more. `read` is called for a new text only.
    pub fn take(&mut self, text: &str, read: impl FnOnce(&str) -> V) -> u32 {
        if let Some(at) = self.find(text) {
            if let Some(slot) = &mut self.slots[at as usize] {
                slot.uses += 1;
            }
            return at;
        }
        let slot = Some(Slot { text: text.into(), value: read(text), uses: 1 });
        let at = if let Some(at) = self.free.pop() {
            self.slots[at as usize] = slot;
            at
        } else {
            self.slots.push(slot);
            (self.slots.len() - 1) as u32
        };
        let (slots, hasher) = (&self.slots, &self.hasher);
        let rehash =
            |at: &u32| slots[*at as usize].as_ref().map_or(0, |s| hasher.hash_one(&*s.text));
        self.index.insert_unique(hasher.hash_one(text), at, rehash);
        at
    }

    /// Gives back one hold of a text.
    pub fn release(&mut self, at: u32) {
        let Some(slot) = self.slots.get_mut(at as usize).and_then(Option::as_mut) else { return };
        slot.uses -= 1;
        if slot.uses > 0 {
            return;
        }
        if let Ok(found) = self.index.find_entry(self.hasher.hash_one(&*slot.text), |n| *n == at) {
            found.remove();
        }
        self.slots[at as usize] = None;
        self.free.push(at);
    }

    /// What was read from a text that a row holds.
    #[must_use]
    pub fn value(&self, at: u32) -> Option<&V> {
        self.slots.get(at as usize)?.as_ref().map(|slot| &slot.value)
    }

    /// A text that a row holds.
    #[must_use]
    pub fn text(&self, at: u32) -> Option<&str> {
        self.slots.get(at as usize)?.as_ref().map(|slot| &*slot.text)
    }

    /// What was read from each text, and how many rows hold it.
    pub fn iter(&self) -> impl Iterator<Item = (&V, u32)> {
        self.slots.iter().flatten().map(|slot| (&slot.value, slot.uses))
    }

    /// How many texts are held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether no text is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn texts_live_as_long_as_they_are_held(words in prop::collection::vec("[ab]{0,3}", 0..80)) {
            let mut pool = Pool::default();
            let held: Vec<u32> = words.iter().map(|w| pool.take(w, str::to_owned)).collect();
            let distinct: std::collections::HashSet<_> = words.iter().collect();
            prop_assert_eq!(pool.len(), distinct.len());
            for (word, at) in words.iter().zip(&held) {
                prop_assert_eq!(pool.value(*at), Some(word));
            }
            for at in held {
                pool.release(at);
            }
            prop_assert!(pool.is_empty());
            let again = pool.take("again", str::to_owned);
            prop_assert_eq!(pool.value(again).map(String::as_str), Some("again"));
        }
    }
}
