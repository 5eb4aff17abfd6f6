//! When a message that was not taken is sent again.

use super::store::Attempt;
use crate::kernel::Micros;
use crate::kernel::clock::DAY;
use crate::outbound::Called;
use std::time::Duration;

/// A message and how often it was sent.
#[derive(Debug, Clone, Copy)]
pub struct Tried<'a> {
    /// Its `webhook-id`.
    pub id: &'a str,
    /// Attempts before this one.
    pub attempts: i64,
    /// When the last attempt comes at the latest.
    pub retry_until: i64,
}

/// How much later each further attempt comes.
#[derive(Debug)]
pub struct Schedule(Vec<i64>);

impl Schedule {
    /// A schedule of these delays; after the last there is no further attempt.
    #[must_use]
    pub fn new(delays: &[Duration]) -> Self {
        let micros = |delay: &Duration| i64::try_from(delay.as_micros()).unwrap_or(i64::MAX);
        Self(delays.iter().map(micros).collect())
    }

    /// When the last attempt of a message that is first sent now comes at the latest.
    pub(super) fn end(&self, now: Micros) -> Micros {
        Micros(now.0.saturating_add(self.length()))
    }

    /// When a message was first sent whose last attempt comes at this instant at the latest.
    pub(super) fn begin(&self, end: i64) -> i64 {
        end.saturating_sub(self.length())
    }

    /// When something is tried again that is never given up and has failed so often, in microseconds: by the last delay
    /// again and again, and later where who was called asks for it, up to a day.
    #[must_use]
    pub fn again(&self, what: &str, failures: i64, called: &Called, now: Micros) -> Micros {
        let last = self.0.len().saturating_sub(1);
        let nth = usize::try_from(failures.saturating_sub(1)).unwrap_or(last).min(last);
        let delay = self.0.get(nth).copied().unwrap_or(DAY);
        let asked = match called {
            Called::Answered(_, Some(wait)) => wait.from_now(now).min(DAY),
            _ => 0,
        };
        Micros(now.0.saturating_add(spread(delay, what).max(asked)))
    }

    fn length(&self) -> i64 {
        self.0.iter().fold(0, |sum: i64, delay| sum.saturating_add(longest(*delay)))
    }

    /// What follows from how a receiver answered.
    pub(super) fn judge(
        &self,
        called: &Called,
        tried: Tried<'_>,
        now: Micros,
        duration_ms: i64,
    ) -> Attempt {
        let (response_status, error, wait) = match *called {
            Called::Answered(status, wait) => (Some(status), None, wait),
            Called::Failed(word) => (None, Some(word), None),
        };
        let delivered = response_status.is_some_and(|status| (200..300).contains(&status));
        let nth = usize::try_from(tried.attempts).unwrap_or(usize::MAX);
        let delay = self.0.get(nth).filter(|_| response_status != Some(410));
        let status = match delay {
            _ if delivered => "delivered",
            Some(_) => "pending",
            None => "failed",
        };
        // What the receiver asks for makes it later, but no later than the schedule ends.
        let asked = wait.map_or(0, |wait| wait.from_now(now));
        let asked = asked.min(tried.retry_until.saturating_sub(now.0));
        let delay = delay.map_or(0, |delay| spread(*delay, tried.id).max(asked));
        let next_attempt_at = now.0.saturating_add(delay);
        Attempt { status, next_attempt_at, response_status, error, duration_ms, now }
    }
}

/// A delay up to a tenth longer, by the message, so that what failed together does not come together.
fn spread(delay: i64, id: &str) -> i64 {
    delay + delay / 1_000 * i64::from(crc32fast::hash(id.as_bytes()) % 100)
}

/// The longest that a delay can become.
fn longest(delay: i64) -> i64 {
    delay.saturating_add(delay / 10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::clock::{HOUR, SECOND};
    use crate::outbound::RetryAfter;

    const NOW: Micros = Micros(1_795_340_467_000_000);

    fn schedule() -> Schedule {
        Schedule::new(&crate::config::Config::embedded().hooks.retry)
    }

    fn tried(attempts: i64) -> Tried<'static> {
        Tried { id: "dlv_1", attempts, retry_until: schedule().end(NOW).0 }
    }

    fn judged(attempts: i64, called: &Called) -> Attempt {
        schedule().judge(called, tried(attempts), NOW, 1)
    }

    #[test]
    fn failures_are_retried_later_and_later_and_then_no_more() {
        assert_eq!(judged(0, &Called::Answered(204, None)).status, "delivered");
        let mut before = 0;
        for attempts in 0..12 {
            let attempt = judged(attempts, &Called::Failed("timeout"));
            assert_eq!((attempt.status, attempt.error), ("pending", Some("timeout")));
            assert!(attempt.next_attempt_at >= before);
            before = attempt.next_attempt_at;
        }
        assert_eq!(judged(12, &Called::Answered(500, None)).status, "failed");
        assert_eq!(judged(0, &Called::Answered(302, None)).status, "pending");
        assert_eq!(judged(0, &Called::Answered(410, None)).status, "failed");
        let days = (schedule().end(NOW).0 - NOW.0) as f64 / DAY as f64;
        assert!((3.0..4.0).contains(&days), "{days}");
    }

    #[test]
    fn what_is_never_given_up_is_tried_at_the_last_delay_for_ever() {
        let wait =
            |failures, called: &Called| schedule().again("x", failures, called, NOW).0 - NOW.0;
        let away = Called::Failed("timeout");
        assert!((5 * SECOND..6 * SECOND).contains(&wait(1, &away)));
        assert!((DAY..DAY + DAY / 10).contains(&wait(12, &away)));
        assert_eq!(wait(i64::MAX, &away), wait(12, &away));
        let busy = |seconds| Called::Answered(429, Some(RetryAfter::Seconds(seconds)));
        assert_eq!((wait(1, &busy(3_600)), wait(1, &busy(u64::MAX))), (HOUR, DAY));
    }

    #[test]
    fn a_receiver_may_ask_for_time_up_to_the_end_of_the_schedule() {
        let waited = |attempts, status, wait| {
            judged(attempts, &Called::Answered(status, Some(wait))).next_attempt_at - NOW.0
        };
        let end = schedule().end(NOW).0 - NOW.0;
        assert_eq!(waited(0, 429, RetryAfter::Seconds(3_600)), HOUR);
        assert_eq!(waited(0, 503, RetryAfter::At(Micros(NOW.0 + 2 * HOUR))), 2 * HOUR);
        assert_eq!(waited(0, 503, RetryAfter::Seconds(u64::MAX)), end);
        assert_eq!(waited(3, 503, RetryAfter::At(Micros(i64::MAX))), end);
        // Sooner than the schedule it does not come.
        assert!(waited(0, 503, RetryAfter::Seconds(1)) >= 5 * SECOND);
        assert!(waited(11, 503, RetryAfter::At(Micros(0))) >= DAY);
    }
}
