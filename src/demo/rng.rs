//! Repeatable choices: splitmix64 keyed by names, so that a product or a store keeps its traits
//! whatever is added beside it.

/// A stream of choices that its key alone decides.
#[derive(Debug, Clone)]
pub(super) struct Rng(u64);

/// One step of splitmix64's output function.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The number that stands for `name` in the role `role`.
pub(super) fn key(role: &str, name: &str) -> u64 {
    let fnv = |hash: u64, &byte: &u8| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    let start = role.as_bytes().iter().fold(0xcbf2_9ce4_8422_2325, fnv);
    mix(name.as_bytes().iter().fold(start ^ 0xff, fnv))
}

impl Rng {
    /// The choices of `name` in the role `role`.
    pub(super) fn of(role: &str, name: &str) -> Self {
        Self(key(role, name))
    }

    /// The choices of a pair of keys, such as a product in a store.
    pub(super) fn pair(a: u64, b: u64) -> Self {
        Self(mix(a ^ b.rotate_left(32)))
    }

    /// The next 64 bits.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number from 0 to `bound - 1`; 0 for a bound of 0.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    /// A number from `low` to `high`, both included.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low + 1).unsigned_abs()) as i64
    }

    /// True `percent` times in a hundred.
    pub(super) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of `choices`, which must not be empty.
    pub(super) fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len() as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_alone_decides() {
        assert_eq!(Rng::of("a", "b").next(), Rng::of("a", "b").next());
        assert_ne!(Rng::of("a", "b").next(), Rng::of("ab", "").next());
        assert_ne!(Rng::pair(1, 2).next(), Rng::pair(2, 1).next());
        let mut rng = Rng::of("range", "");
        assert!((0..200).all(|_| (3..=5).contains(&rng.between(3, 5))));
    }
}
