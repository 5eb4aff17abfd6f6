//! A load generator: keep-alive connections to 127.0.0.1, each with one call under way.
//!
//! It outlives the server: a connection that ends is opened again, and only a response received to
//! its last byte counts as answered.

mod conn;
mod response;
mod tally;

pub use conn::{Conn, Progress};
pub use tally::Tally;

use crate::args::Fault;
use crate::rng::Rng;
use mio::{Events, Poll, Token};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// When to stop.
#[derive(Debug, Clone, Copy)]
pub enum Until {
    /// No call begins after this time; those under way are waited for.
    Seconds(f64),
    /// So many calls have been answered.
    Count(u64),
}

/// What to do.
#[derive(Debug)]
pub struct Plan {
    /// The server.
    pub to: SocketAddr,
    /// Connections.
    pub conns: usize,
    /// When to stop.
    pub until: Until,
    /// When to give up, whatever is missing.
    pub timeout: Duration,
    /// The requests; each connection takes the next.
    pub requests: Vec<Box<[u8]>>,
}

/// `GET` requests over all the ids and keys, in an order that the seed decides.
#[must_use]
pub fn requests(
    prefix: &str,
    ids: &[&str],
    keys: &[&str],
    count: usize,
    seed: u64,
) -> Vec<Box<[u8]>> {
    let mut rng = Rng::new(seed);
    let request = |id: &&str, key: &&str| {
        format!(
            "GET {prefix}{id} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\nAccept: */*\r\n\r\n"
        )
    };
    (0..count)
        .filter_map(|_| Some(request(rng.pick(ids)?, rng.pick(keys)?).into_bytes().into()))
        .collect()
}

/// Runs the plan and counts into `tally`.
pub fn run(plan: &Plan, tally: &mut Tally) -> Result<(), Fault> {
    if plan.requests.is_empty() {
        return Err("there is nothing to ask for: --ids or --keys is empty".into());
    }
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(plan.conns.max(1));
    let started = Instant::now();
    let mut conns = Vec::with_capacity(plan.conns);
    for token in 0..plan.conns {
        conns.push(Conn::new(Token(token), plan.to));
    }
    let mut work = Work { plan, started, next: 0, under_way: 0 };
    for conn in &mut conns {
        work.drive(conn, &poll, tally);
    }
    while !work.done(tally) {
        if started.elapsed() >= plan.timeout {
            let answered = tally.answered;
            return Err(
                format!("gave up after {:?} with {answered} calls answered", plan.timeout).into()
            );
        }
        match poll.poll(&mut events, Some(Duration::from_millis(10))) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            result => result?,
        }
        for event in &events {
            if let Some(conn) = conns.get_mut(event.token().0) {
                work.drive(conn, &poll, tally);
            }
        }
        // Connections that wait to be opened again, or for a call that another has given up.
        if conns.iter().any(Conn::is_resting) {
            for conn in conns.iter_mut().filter(|conn| conn.is_resting()) {
                work.drive(conn, &poll, tally);
            }
        }
        tally.write_out()?;
    }
    tally.elapsed = started.elapsed();
    tally.write_out()
}

/// The work still to give out.
struct Work<'a> {
    plan: &'a Plan,
    started: Instant,
    next: usize,
    under_way: u64,
}

impl Work<'_> {
    fn done(&self, tally: &Tally) -> bool {
        match self.plan.until {
            Until::Count(count) => tally.answered >= count,
            Until::Seconds(_) => self.under_way == 0 && !self.may_begin(tally),
        }
    }

    fn may_begin(&self, tally: &Tally) -> bool {
        match self.plan.until {
            Until::Count(count) => tally.answered + self.under_way < count,
            Until::Seconds(seconds) => self.started.elapsed().as_secs_f64() < seconds,
        }
    }

    /// Takes a connection as far as it goes without waiting.
    fn drive(&mut self, conn: &mut Conn, poll: &Poll, tally: &mut Tally) {
        loop {
            match conn.advance(poll.registry()) {
                Progress::Waiting => return,
                Progress::Idle if !self.may_begin(tally) => return,
                Progress::Idle => {
                    let request = &self.plan.requests[self.next % self.plan.requests.len()];
                    self.next += 1;
                    self.under_way += 1;
                    conn.begin(request);
                }
                Progress::Answered(answer, took) => {
                    self.under_way -= 1;
                    tally.answered(&answer, took);
                }
                Progress::Broken { begun, sent, cut, error } => {
                    self.under_way -= u64::from(begun);
                    tally.broken(sent, cut, error);
                    return;
                }
            }
        }
    }
}
