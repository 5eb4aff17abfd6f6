//! When a system that does not answer is asked again.

use crate::kernel::Micros;
use crate::kernel::clock::SECOND;
use parking_lot::Mutex;
use std::time::Duration;

/// Failures one behind the other after which it is left alone.
const FAILURES: u32 = 5;
/// For how long, in microseconds. Then one call tries, and others wait for what becomes of it.
const ALONE: i64 = 5 * SECOND;

/// What is known of how the system does.
#[derive(Debug, Default)]
pub(super) struct Breaker(Mutex<SystemHealth>);

#[derive(Debug, Default)]
struct SystemHealth {
    failures: u32,
    /// Until when it is left alone.
    until: i64,
}

impl Breaker {
    /// Lets a call through, or says how long to wait. Where the time is over, the next one waits for this one's outcome: one
    /// that is broken off costs another such time, and no more.
    pub(super) fn admit(&self, now: Micros) -> Result<(), Duration> {
        let mut known = self.0.lock();
        if known.failures < FAILURES {
            return Ok(());
        }
        // A clock that was set back leaves it alone for no longer than that.
        let left = known.until.saturating_sub(now.0).min(ALONE);
        if left > 0 {
            return Err(Duration::from_micros(left.unsigned_abs()));
        }
        known.until = now.0.saturating_add(ALONE);
        Ok(())
    }

    /// It has answered.
    pub(super) fn answered(&self) {
        *self.0.lock() = SystemHealth::default();
    }

    /// It has not.
    pub(super) fn failed(&self, now: Micros) {
        let mut known = self.0.lock();
        known.failures = known.failures.saturating_add(1);
        if known.failures >= FAILURES {
            known.until = now.0.saturating_add(ALONE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Micros {
        Micros(seconds * SECOND)
    }

    #[test]
    fn it_is_left_alone_after_failures_and_tried_by_one() {
        let breaker = Breaker::default();
        (1..FAILURES).for_each(|_| breaker.failed(at(0)));
        assert_eq!(breaker.admit(at(0)), Ok(()));
        breaker.failed(at(0));
        assert_eq!(breaker.admit(at(1)), Err(Duration::from_secs(4)));
        assert_eq!(breaker.admit(at(-900)), Err(Duration::from_secs(5)), "a clock set back");
        assert_eq!(breaker.admit(at(5)), Ok(()));
        assert_eq!(breaker.admit(at(5)), Err(Duration::from_secs(5)), "one tries");
        breaker.failed(at(6));
        assert!(breaker.admit(at(10)).is_err());
        assert_eq!(breaker.admit(at(11)), Ok(()));
        breaker.answered();
        (0..10).for_each(|_| assert_eq!(breaker.admit(at(11)), Ok(())));
    }
}
