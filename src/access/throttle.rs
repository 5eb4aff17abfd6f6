//! How often somebody may ask, in bounded memory: for what is asked without a key.

use crate::kernel::Micros;
use crate::kernel::clock::{MINUTE, SECOND};
use hashbrown::HashMap;
use parking_lot::Mutex;
use std::hash::Hash;
use std::net::IpAddr;

/// Most askers that are remembered. Where more come within a minute, all are forgotten: what stands behind
/// does not rest on this, so nobody is kept out by others.
const ASKERS_MOST: usize = 20_000;

/// So many questions a minute from each asker, at once or spread.
#[derive(Debug)]
pub struct Throttle<K> {
    /// Microseconds that one question takes up.
    interval: i64,
    /// When each asker has nothing taken up any more.
    free_at: Mutex<HashMap<K, i64>>,
}

impl<K: Eq + Hash> Throttle<K> {
    /// A throttle for so many questions a minute.
    #[must_use]
    pub fn new(per_minute: u32) -> Self {
        let interval = MINUTE / i64::from(per_minute.max(1));
        Self { interval, free_at: Mutex::new(HashMap::new()) }
    }

    /// How many questions a minute each may ask.
    #[must_use]
    pub fn per_minute(&self) -> u32 {
        u32::try_from(MINUTE / self.interval).unwrap_or(u32::MAX)
    }

    /// Takes one question; otherwise the seconds to wait.
    pub fn take(&self, asker: K, now: Micros) -> Result<(), u64> {
        let mut free_at = self.free_at.lock();
        make_room(&mut free_at, ASKERS_MOST, |at| *at > now.0);
        let at = free_at.entry(asker).or_insert(now.0);
        // After a step back of the clock nobody waits longer than a minute.
        *at = (*at).clamp(now.0, now.0 + MINUTE);
        let taken = *at + self.interval - now.0;
        if taken > MINUTE {
            return Err((taken - MINUTE).unsigned_abs().div_ceil(SECOND.unsigned_abs()));
        }
        *at = now.0 + taken;
        Ok(())
    }
}

/// Makes room for one more where there are `most`: forgets those that need not be kept, or all where these are few.
/// So a look at all of them is paid for by many that came in.
pub fn make_room<K: Eq + Hash, V>(
    known: &mut HashMap<K, V>,
    most: usize,
    is_needed: impl Fn(&V) -> bool,
) {
    if known.len() < most {
        return;
    }
    known.retain(|_, value| is_needed(value));
    if known.len() > most / 2 {
        known.clear();
    }
}

/// Who an address is: of IPv6 the network, since one asker has all addresses of it.
#[must_use]
pub fn asker(address: Option<IpAddr>) -> IpAddr {
    match address.map(|address| address.to_canonical()) {
        Some(IpAddr::V6(v6)) => IpAddr::V6(std::net::Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
        Some(v4) => v4,
        None => IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_as_said_and_then_one_at_a_time() {
        let throttle = Throttle::new(3);
        let at = |seconds: i64| Micros(1_800_000_000 * SECOND + seconds * SECOND);
        for _ in 0..3 {
            assert_eq!(throttle.take("a", at(0)), Ok(()));
        }
        assert_eq!(throttle.take("a", at(0)), Err(20));
        assert_eq!(throttle.take("b", at(0)), Ok(()));
        assert_eq!(throttle.take("a", at(19)), Err(1));
        assert_eq!(throttle.take("a", at(20)), Ok(()));
        assert_eq!(throttle.take("a", at(-500)), Err(20), "a clock that was set back");
        assert_eq!(throttle.take("a", at(-480)), Ok(()));
    }

    #[test]
    fn memory_is_bounded() {
        let throttle = Throttle::new(1);
        for asker in 0..3 * ASKERS_MOST {
            let _ = throttle.take(asker, Micros(0));
        }
        assert!(throttle.free_at.lock().len() <= ASKERS_MOST);
    }

    #[test]
    fn a_network_of_ipv6_is_one_asker() {
        let of = |text: &str| asker(Some(text.parse().unwrap()));
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }
}
