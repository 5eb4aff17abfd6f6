//! One connection, opened again whenever it ends.

use super::response::{self, Answer};
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Rest before a lost connection is opened again; doubled at each failure up to [`LONGEST_REST`].
const FIRST_REST: Duration = Duration::from_millis(10);
const LONGEST_REST: Duration = Duration::from_millis(320);

/// What has come of a connection.
#[derive(Debug)]
pub enum Progress {
    /// It waits for the network, or for its rest to end.
    Waiting,
    /// It can take a call.
    Idle,
    /// Its call was answered, after this time.
    Answered(Answer, Duration),
    /// It ended, with a call that had `begun` or without.
    Broken {
        /// Whether a call had begun.
        begun: bool,
        /// How it ended.
        how: Break,
    },
}

/// How a connection ended.
#[derive(Debug, Clone, Default)]
pub struct Break {
    /// Whether any of a call had been sent.
    pub sent: bool,
    /// Whether any of its answer had come.
    pub cut: bool,
    /// The id of its usage event, where the answer's head had come.
    pub event_id: Option<String>,
    /// Why, where the reason is other than the server being away.
    pub fault: Option<&'static str>,
}

/// Where connections go.
#[derive(Debug, Clone)]
pub struct Servers {
    /// Their addresses. A connection that ends is opened again to the next.
    pub addresses: Arc<[SocketAddr]>,
    /// Answers after which a connection goes on to the next server, so that one that comes back has its part again;
    /// none where it stays.
    pub turn: Option<u32>,
}

/// A connection.
#[derive(Debug)]
pub struct Conn {
    token: Token,
    servers: Servers,
    /// Counts the servers that it has been opened to.
    at: usize,
    /// Answers since it came to this one.
    answers: u32,
    stream: Option<TcpStream>,
    open_at: Instant,
    rest: Duration,
    /// When the call under way began.
    call: Option<Instant>,
    /// Whether any of it has been sent.
    sent: bool,
    /// What is still to be sent of it.
    unsent: Vec<u8>,
    received: Vec<u8>,
}

impl Conn {
    /// A connection that is not open yet.
    #[must_use]
    pub fn new(token: Token, servers: Servers) -> Self {
        Self {
            token,
            at: token.0,
            servers,
            answers: 0,
            stream: None,
            open_at: Instant::now(),
            rest: FIRST_REST,
            call: None,
            sent: false,
            unsent: Vec::new(),
            received: Vec::with_capacity(16 * 1024),
        }
    }

    /// Whether no event will come for it: it must be advanced for its own sake.
    #[must_use]
    pub fn is_resting(&self) -> bool {
        self.stream.is_none() || self.call.is_none()
    }

    /// Which connection it is.
    #[must_use]
    pub fn token(&self) -> Token {
        self.token
    }

    /// The server that it is opened to, by its place among all.
    #[must_use]
    pub fn server(&self) -> usize {
        self.at % self.servers.addresses.len().max(1)
    }

    /// Goes on to the next server.
    fn go_on(&mut self) {
        self.stream = None;
        self.at = self.at.wrapping_add(1);
        self.answers = 0;
    }

    /// Begins a call. The connection must be idle.
    pub fn begin(&mut self, request: &[u8]) {
        self.call = Some(Instant::now());
        self.unsent.clear();
        self.unsent.extend_from_slice(request);
        self.received.clear();
    }

    /// Goes as far as it can without waiting.
    pub fn advance(&mut self, registry: &Registry) -> Progress {
        match self.step(registry) {
            Ok(progress) => progress,
            Err(fault) => {
                self.go_on();
                self.open_at = Instant::now() + self.rest;
                self.rest = (self.rest * 2).min(LONGEST_REST);
                let sent = std::mem::take(&mut self.sent);
                let received = std::mem::take(&mut self.received);
                let (cut, event_id) = (!received.is_empty(), response::event_id(&received));
                let how = Break { sent, cut, event_id, fault };
                Progress::Broken { begun: self.call.take().is_some(), how }
            }
        }
    }

    /// `Err(None)` where the server went away, `Err(Some(why))` where it answered nonsense.
    fn step(&mut self, registry: &Registry) -> Result<Progress, Option<&'static str>> {
        let Some(stream) = &mut self.stream else {
            if Instant::now() < self.open_at {
                return Ok(Progress::Waiting);
            }
            let to = self.servers.addresses.get(self.server()).ok_or(None)?;
            let mut stream = TcpStream::connect(*to).map_err(|_| None)?;
            let interest = Interest::READABLE | Interest::WRITABLE;
            registry.register(&mut stream, self.token, interest).map_err(|_| None)?;
            // A refused connection fails at its first write, and then rests.
            self.stream = Some(stream);
            return Ok(if self.call.is_none() { Progress::Idle } else { Progress::Waiting });
        };
        let Some(begun) = self.call else { return Ok(Progress::Idle) };
        while !self.unsent.is_empty() {
            match stream.write(&self.unsent) {
                Ok(0) => return Err(None),
                Ok(n) => {
                    self.unsent.drain(..n);
                    self.sent = true;
                }
                Err(error) if waits(error.kind()) => return Ok(Progress::Waiting),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Err(None),
            }
        }
        let mut chunk = [0; 16 * 1024];
        loop {
            match stream.read(&mut chunk) {
                Ok(0) => return Err(None),
                Ok(n) => self.received.extend_from_slice(&chunk[..n]),
                Err(error) if waits(error.kind()) => return Ok(Progress::Waiting),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => return Err(None),
            }
            // The next answer raises a new edge, so nothing is lost by not reading until it blocks.
            if let Some(answer) = response::parse(&self.received).map_err(Some)? {
                self.call = None;
                self.sent = false;
                self.received.clear();
                self.rest = FIRST_REST;
                self.answers += 1;
                if answer.closes || self.servers.turn.is_some_and(|turn| self.answers >= turn) {
                    self.go_on();
                }
                return Ok(Progress::Answered(answer, begun.elapsed()));
            }
        }
    }
}

/// Not connected yet counts as waiting: the event that says so comes.
fn waits(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::NotConnected)
}
