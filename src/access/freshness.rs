//! How long ago this node last knew that it had all of the control log.
//!
//! A node that cannot read the log may hold keys that were revoked since. It judges by them for
//! `access.stale_after_s`, which therefore bounds how long a revocation can go unnoticed, and refuses
//! after that with an error of its own: it does not know, so it says neither yes nor no.
//! Time is the machine's monotonic clock, so that a clock that is set changes nothing.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// When the control log was last read to its head.
#[derive(Debug)]
pub struct Freshness {
    since: Instant,
    read_us: AtomicU64,
    bound_us: u64,
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

impl Freshness {
    /// Fresh now; stale when the log was not read for `bound`.
    #[must_use]
    pub fn new(bound: Duration) -> Self {
        Self { since: Instant::now(), read_us: AtomicU64::new(0), bound_us: micros(bound) }
    }

    /// The log was read to the head that it had at `at`.
    pub fn read_at(&self, at: Instant) {
        let at = micros(at.saturating_duration_since(self.since));
        self.read_us.fetch_max(at, Ordering::Relaxed);
    }

    /// How long ago that was.
    #[must_use]
    pub fn age(&self) -> Duration {
        Duration::from_micros(self.age_us())
    }

    /// Whether this node can no longer judge.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.age_us() > self.bound_us
    }

    /// Whether half of the time is over after which this node refuses calls: they should go elsewhere.
    #[must_use]
    pub fn is_doubtful(&self) -> bool {
        self.age_us() > self.bound_us / 2
    }

    fn age_us(&self) -> u64 {
        micros(self.since.elapsed()).saturating_sub(self.read_us.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_read_for_long_is_doubtful_and_then_stale() {
        let Some(since) = Instant::now().checked_sub(Duration::from_secs(60)) else { return };
        let read = |ago: u64| {
            let fresh = Freshness {
                since,
                read_us: AtomicU64::new(0),
                bound_us: micros(Duration::from_secs(10)),
            };
            fresh.read_at(since + Duration::from_secs(60 - ago));
            // An earlier reading that comes to its end later takes nothing back.
            fresh.read_at(since + Duration::from_secs(1));
            (fresh.is_doubtful(), fresh.is_stale())
        };
        assert_eq!(read(0), (false, false));
        assert_eq!(read(6), (true, false));
        assert_eq!(read(11), (true, true));
    }
}
