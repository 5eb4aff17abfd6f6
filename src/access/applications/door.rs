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

/// What can be asked without a key. Each has a share of its own, so that to read the plans takes nothing from who
/// wants to apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// An application.
    Application,
    /// A look at the plans.
    Plans,
    /// A link that is not right. One that is right is never counted.
    WrongLink,
}

/// How often an address may ask for each in an hour.
#[derive(Debug, Clone, Copy)]
pub struct Shares {
    /// Applications.
    pub applications: u32,
    /// Looks at the plans.
    pub plans: u32,
    /// Links that are not right.
    pub wrong_links: u32,
}

/// When an address began to ask, and how often it has asked for each since.
type Counts = (Micros, [u32; 3]);

/// Counts what addresses ask for, in an hour each.
#[derive(Debug)]
pub struct Door {
    shares: Shares,
    asked: Mutex<HashMap<IpAddr, Counts>>,
}

impl Door {
    /// A door that lets each address have these shares of an hour.
    #[must_use]
    pub fn new(shares: Shares) -> Self {
        Self { shares, asked: Mutex::default() }
    }

    fn most(&self, what: Asked) -> u32 {
        match what {
            Asked::Application => self.shares.applications,
            Asked::Plans => self.shares.plans,
            Asked::WrongLink => self.shares.wrong_links,
        }
    }

    /// Lets a call pass, or says when it may come again.
    pub fn pass(&self, from: Option<IpAddr>, what: Asked, now: Micros) -> Result<(), ApiError> {
        let from = asker(from);
        let mut asked = self.asked.lock();
        let begun_after = Micros(now.0 - HOUR);
        make_room(&mut asked, ADDRESSES_MOST, |(since, _)| *since > begun_after);
        let (since, counts) = asked.entry(from).or_insert((now, [0; 3]));
        // What begins in the future was begun before the clock was set back.
        if *since <= begun_after || *since > now {
            (*since, *counts) = (now, [0; 3]);
        }
        let count = &mut counts[what as usize];
        if *count >= self.most(what) {
            let seconds = (since.0 + HOUR - now.0).max(0).unsigned_abs();
            let seconds = seconds.div_ceil(SECOND.unsigned_abs());
            let what = match what {
                Asked::Application => "Too many applications have come",
                Asked::Plans => "The plans were asked for too often",
                Asked::WrongLink => "Too many links that are not right have come",
            };
            let detail = format!("{what} from this address. Come again in {seconds} s.");
            let error = ApiError::new(Code::TooManyRequests, detail);
            return Err(error.limited(Vec::new(), Some(seconds)));
        }
        *count += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARES: Shares = Shares { applications: 2, plans: 1, wrong_links: 1 };

    #[test]
    fn an_address_has_its_shares_of_each_hour_and_a_network_one_for_all() {
        let door = Door::new(SHARES);
        let pass = |from: &str, what, now| {
            door.pass(Some(from.parse().unwrap()), what, Micros(now)).is_ok()
        };
        assert!(pass("192.0.2.1", Asked::Plans, 0));
        assert!(!pass("192.0.2.1", Asked::Plans, 1));
        assert!(pass("192.0.2.1", Asked::Application, 1), "a share of its own");
        assert!(pass("192.0.2.1", Asked::Application, 2));
        assert!(!pass("192.0.2.1", Asked::Application, 2));
        assert!(pass("192.0.2.1", Asked::WrongLink, 2));
        assert!(pass("192.0.2.2", Asked::Application, 2));
        assert!(!pass("::ffff:192.0.2.1", Asked::Application, HOUR - 1));
        assert!(pass("192.0.2.1", Asked::Application, HOUR));
        assert!(pass("2001:db8::1", Asked::Application, 0));
        assert!(pass("2001:db8::2", Asked::Application, 0));
        assert!(!pass("2001:db8::3", Asked::Application, 0));
        assert!(pass("2001:db8:0:1::1", Asked::Application, 0));
        assert!(pass("192.0.2.1", Asked::Application, -HOUR), "a clock that was set back");
    }

    #[test]
    fn nobody_is_kept_out_by_how_many_others_there_are() {
        let door = Door::new(SHARES);
        let pass = |from: u32, now: i64| {
            let from = IpAddr::V4(std::net::Ipv4Addr::from_bits(from));
            door.pass(Some(from), Asked::Plans, Micros(now)).is_ok()
        };
        for n in 0..3 * ADDRESSES_MOST as u32 {
            assert!(pass(n, n.into()), "{n}");
            assert!(door.asked.lock().len() <= ADDRESSES_MOST);
        }
    }
}
