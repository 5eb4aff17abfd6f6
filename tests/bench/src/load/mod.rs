//! A load generator: keep-alive connections to 127.0.0.1, each with one call under way.
//!
//! It outlives the server: a connection that ends is opened again, and only a response received to
//! its last byte counts as answered.

mod conn;
mod response;
mod tally;

pub use conn::{Break, Conn, Progress, Servers};
pub use tally::{Call, Tally};

use crate::args::Fault;
use crate::rng::Rng;
use mio::{Events, Poll, Token};
use std::collections::HashMap;
use std::rc::Rc;
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
    /// The servers. Where there are several, a call that is not answered is sent again, to the next.
    pub servers: Servers,
    /// Connections.
    pub conns: usize,
    /// When to stop.
    pub until: Until,
    /// When to give up, whatever is missing.
    pub timeout: Duration,
    /// Most calls that begin in a second; none where each begins as soon as a connection is free.
    pub rate: Option<f64>,
    /// The requests; each connection takes the next.
    pub requests: Vec<Request>,
}

/// A request.
#[derive(Debug)]
pub struct Request {
    bytes: Box<[u8]>,
    /// Which of the keys it has, counted from 0.
    key: usize,
    operation: Rc<str>,
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Target {
    /// What the record calls it.
    pub operation: Rc<str>,
    /// The path with its query.
    pub path: String,
}

/// `GET` requests over all the targets and keys, in an order that the seed decides.
#[must_use]
pub fn requests(targets: &[Target], keys: &[&str], count: usize, seed: u64) -> Vec<Request> {
    let mut rng = Rng::new(seed);
    let numbered: Vec<(usize, &str)> = keys.iter().copied().enumerate().collect();
    let request = |target: &Target, (number, key): (usize, &str)| {
        Request {
        bytes: format!(
            "GET {} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\nAccept: */*\r\n\r\n",
            target.path
        )
        .into_bytes()
        .into(),
        key: number,
        operation: Rc::clone(&target.operation),
    }
    };
    (0..count).filter_map(|_| Some(request(rng.pick(targets)?, *rng.pick(&numbered)?))).collect()
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
        conns.push(Conn::new(Token(token), plan.servers.clone()));
    }
    let retries = plan.servers.addresses.len() > 1;
    let mut work = Work { plan, started, retries, next: 0, begun: 0, calls: HashMap::new() };
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
    /// Whether a call that is not answered is sent again.
    retries: bool,
    next: usize,
    begun: u64,
    /// The calls under way, and those that are to be sent again, by connection.
    calls: HashMap<Token, Under<'a>>,
}

/// A call under way.
#[derive(Clone, Copy)]
struct Under<'a> {
    request: &'a Request,
    /// How often it has been sent before.
    retries: u32,
}

impl<'a> Work<'a> {
    fn done(&self, tally: &Tally) -> bool {
        match self.plan.until {
            Until::Count(count) => tally.answered >= count,
            Until::Seconds(_) => self.calls.is_empty() && self.over(),
        }
    }

    fn over(&self) -> bool {
        match self.plan.until {
            Until::Count(_) => false,
            Until::Seconds(seconds) => self.started.elapsed().as_secs_f64() >= seconds,
        }
    }

    fn may_begin(&self, tally: &Tally) -> bool {
        let wanted = match self.plan.until {
            Until::Count(count) => tally.answered + (self.calls.len() as u64) < count,
            Until::Seconds(_) => !self.over(),
        };
        let due = |rate: f64| (self.begun as f64) < rate * self.started.elapsed().as_secs_f64();
        wanted && self.plan.rate.is_none_or(due)
    }

    /// The next request, or the one that this connection has to send again.
    fn next(&mut self, token: Token, tally: &Tally) -> Option<&'a Request> {
        if let Some(again) = self.calls.get(&token) {
            return Some(again.request);
        }
        if !self.may_begin(tally) {
            return None;
        }
        let request = &self.plan.requests[self.next % self.plan.requests.len()];
        self.next += 1;
        self.begun += 1;
        self.calls.insert(token, Under { request, retries: 0 });
        Some(request)
    }

    /// Takes a connection as far as it goes without waiting.
    fn drive(&mut self, conn: &mut Conn, poll: &Poll, tally: &mut Tally) {
        loop {
            let (token, server) = (conn.token(), conn.server());
            let told = |under: Under<'a>| Call {
                key: under.request.key,
                operation: &under.request.operation,
                retries: under.retries,
                server,
            };
            match conn.advance(poll.registry()) {
                Progress::Waiting => return,
                Progress::Idle => match self.next(token, tally) {
                    None => return,
                    Some(request) => conn.begin(&request.bytes),
                },
                Progress::Answered(answer, took) => {
                    if let Some(under) = self.calls.remove(&token) {
                        tally.answered(&answer, took, told(under));
                    }
                }
                Progress::Broken { begun, how } => {
                    // One that was not open yet leaves what is to be sent again where it is.
                    let under = if begun { self.calls.remove(&token) } else { None };
                    tally.broken(&how, under.map(told));
                    if let Some(under) = under.filter(|_| self.retries) {
                        let retries = under.retries + u32::from(how.sent);
                        self.calls.insert(token, Under { retries, ..under });
                    }
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::net::{SocketAddr, TcpListener, TcpStream};

    /// A server that does something with each connection on which a request has come.
    fn server(with: fn(TcpStream)) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let _ = stream.read(&mut [0; 1024]).unwrap();
                with(stream);
            }
        });
        at
    }

    #[test]
    fn a_call_that_is_not_answered_is_sent_to_the_next_server() {
        let ends = server(drop);
        let answers = server(|mut stream| {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
        });
        let target = Target { operation: "read".into(), path: "/v1/products".to_owned() };
        let plan = Plan {
            servers: Servers { addresses: [ends, answers].into(), turn: None },
            conns: 1,
            until: Until::Count(1),
            timeout: Duration::from_secs(60),
            rate: None,
            requests: requests(&[target], &["key"], 1, 1),
        };
        let mut tally = Tally::default();
        run(&plan, &mut tally).unwrap();
        let report = tally.report();
        assert!(report.contains(r#""answered":1,"status":{"200":1}"#), "{report}");
        assert!(report.contains(r#""unanswered":1,"cut":0,"retried":1"#), "{report}");
    }
}
