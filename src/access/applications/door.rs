//! Keeps each address to its share of what can be asked without a key.

use crate::access::throttle::{asker, make_room};
use crate::http::{ApiError, Code};
use crate::kernel::Micros;
use crate::kernel::clock::{HOUR, SECOND};
use hashbrown::HashMap;
use parking_lot::Mutex;
use std::net::IpAddr;

/// From how many times its share of wrong links on an address has none looked up any more, also such as are right: no
/// token can be guessed, but each look costs the database.
const LOOKS: u32 = 20;
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
    /// A link that is not right. One that is right is not counted.
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
        let mut asked = self.asked.lock();
        let (since, counts) = counts(&mut asked, from, now);
        let count = &mut counts[what as usize];
        *count = count.saturating_add(1);
        if *count > self.most(what) { Err(refusal(what, *since, now)) } else { Ok(()) }
    }

    /// Lets a link be looked up, or says when it may come again.
    pub fn look(&self, from: Option<IpAddr>, now: Micros) -> Result<(), ApiError> {
        let what = Asked::WrongLink;
        let mut asked = self.asked.lock();
        let (since, counts) = counts(&mut asked, from, now);
        let is_open = counts[what as usize] < self.most(what).saturating_mul(LOOKS);
        if is_open { Ok(()) } else { Err(refusal(what, *since, now)) }
    }
}

/// What an address has asked for in its hour.
fn counts(asked: &mut HashMap<IpAddr, Counts>, from: Option<IpAddr>, now: Micros) -> &mut Counts {
    let begun_after = Micros(now.0 - HOUR);
    make_room(asked, ADDRESSES_MOST, |(since, _)| *since > begun_after);
    let counts = asked.entry(asker(from)).or_insert((now, [0; 3]));
    // What begins in the future was begun before the clock was set back.
    if counts.0 <= begun_after || counts.0 > now {
        *counts = (now, [0; 3]);
    }
    counts
}

fn refusal(what: Asked, since: Micros, now: Micros) -> ApiError {
    let seconds = (since.0 + HOUR - now.0).max(0).unsigned_abs().div_ceil(SECOND.unsigned_abs());
    let what = match what {
        Asked::Application => "Too many applications have come",
        Asked::Plans => "The plans were asked for too often",
        Asked::WrongLink => "Too many links that are not right have come",
    };
    let detail = format!("{what} from this address. Come again in {seconds} s.");
    ApiError::new(Code::TooManyRequests, detail).limited(Vec::new(), Some(seconds))
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
    fn links_are_looked_up_until_very_many_were_wrong() {
        let door = Door::new(SHARES);
        let from = |last| Some(IpAddr::from([192, 0, 2, last]));
        for n in 0..LOOKS {
            assert!(door.look(from(1), Micros(0)).is_ok(), "{n}");
            assert_eq!(door.pass(from(1), Asked::WrongLink, Micros(0)).is_ok(), n == 0);
        }
        let closed = door.look(from(1), Micros(SECOND)).unwrap_err();
        assert_eq!(closed.retry_after(), Some(3_599));
        assert!(door.look(from(2), Micros(SECOND)).is_ok());
        assert!(door.look(from(1), Micros(HOUR)).is_ok());
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
