//! Keeps each address to its share of what can be asked without a key.

use crate::access::throttle::{asker, make_room};
use crate::http::{ApiError, Code};
use crate::kernel::Micros;
use crate::kernel::clock::{HOUR, SECOND};
use hashbrown::HashMap;
use parking_lot::Mutex;
use std::net::IpAddr;

/// Most addresses that are remembered. Where more come within an hour, all are forgotten, so that nobody is kept out
/// by others: how many may wait is bounded behind this (`registration.waiting_most`).
const ADDRESSES_MOST: usize = 50_000;

/// What a call counts, in parts of an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// A look at what is public.
    Look = 1,
    /// A step of an application.
    Step = 6,
    /// An application.
    Application = 30,
}

/// Counts what addresses ask for, in an hour each.
#[derive(Debug)]
pub struct Door {
    most: u32,
    asked: Mutex<HashMap<IpAddr, (Micros, u32)>>,
}

impl Door {
    /// A door that lets so many applications of an address pass in an hour.
    #[must_use]
    pub fn new(applications_hourly: u32) -> Self {
        let most = applications_hourly.saturating_mul(Weight::Application as u32);
        Self { most, asked: Mutex::default() }
    }

    /// Lets a call pass, or says when it may come again.
    pub fn pass(&self, from: Option<IpAddr>, weight: Weight, now: Micros) -> Result<(), ApiError> {
        let from = asker(from);
        let mut asked = self.asked.lock();
        let begun_after = Micros(now.0 - HOUR);
        make_room(&mut asked, ADDRESSES_MOST, |(since, _)| *since > begun_after);
        let (since, count) = asked.entry(from).or_insert((now, 0));
        // What begins in the future was begun before the clock was set back.
        if *since <= begun_after || *since > now {
            (*since, *count) = (now, 0);
        }
        if *count + weight as u32 > self.most {
            let seconds = (since.0 + HOUR - now.0).max(0).unsigned_abs();
            let seconds = seconds.div_ceil(SECOND.unsigned_abs());
            let detail =
                format!("Too much was asked for from this address. Come again in {seconds} s.");
            let error = ApiError::new(Code::TooManyRequests, detail);
            return Err(error.limited(Vec::new(), Some(seconds)));
        }
        *count += weight as u32;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_share_of_each_hour_and_a_network_one_for_all() {
        let door = Door::new(2);
        let pass = |from: &str, weight, now| {
            door.pass(Some(from.parse().unwrap()), weight, Micros(now)).is_ok()
        };
        assert!(pass("192.0.2.1", Weight::Application, 0));
        assert!(pass("192.0.2.1", Weight::Application, 1));
        assert!(!pass("192.0.2.1", Weight::Look, 2));
        assert!(pass("192.0.2.2", Weight::Look, 2));
        assert!(!pass("::ffff:192.0.2.1", Weight::Look, HOUR - 1));
        assert!(pass("192.0.2.1", Weight::Application, HOUR));
        assert!(pass("2001:db8::1", Weight::Application, 0));
        assert!(pass("2001:db8::2", Weight::Application, 0));
        assert!(!pass("2001:db8::3", Weight::Look, 0));
        assert!(pass("2001:db8:0:1::1", Weight::Look, 0));
        assert!(pass("192.0.2.1", Weight::Look, -HOUR), "a clock that was set back");
    }
    #[test]
    fn nobody_is_kept_out_by_how_many_others_there_are() {
        let door = Door::new(1);
        let pass = |from: u32, now: i64| {
            let from = IpAddr::V4(std::net::Ipv4Addr::from_bits(from));
            door.pass(Some(from), Weight::Look, Micros(now)).is_ok()
        };
        for n in 0..3 * ADDRESSES_MOST as u32 {
            assert!(pass(n, n.into()), "{n}");
            assert!(door.asked.lock().len() <= ADDRESSES_MOST);
        }
    }
}
