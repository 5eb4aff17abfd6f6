//! A connection to the public listener. It tells the calls on it when its client hangs up: without that a call
//! that waits is not ended before its time, for the server goes on for clients that have closed a connection
//! for writing alone. And it ends itself where its client keeps it without a call: with a head that does not
//! become whole, or with an answer that is not taken.

use super::crowd::{Crowd, Place};
use crate::http::arrival::Rest;
use crate::http::hang_up::HangUp;
use actix_http::error::DispatchError;
use actix_http::{Extensions, Protocol, Request};
use std::cell::{Cell, RefCell};
use std::future::{Ready, ready};
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;

/// A connection with what the service behind must know of it.
type Taken = (Connection, Protocol, Option<SocketAddr>);

/// Seconds for which a client may take nothing of an answer.
const UNTAKEN_MOST: u32 = 60;
/// The same when the program is told to stop.
const UNTAKEN_AT_STOP: u32 = 3;

/// A stream that notes its end, and that nothing comes of it.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    hang_up: HangUp,
    line: Rc<Line>,
    /// None where its address is not counted.
    _place: Option<Place>,
}

impl Connection {
    /// Takes a connection, for the service behind, which speaks HTTP/1.1.
    pub(super) fn take(
        stream: TcpStream,
        (crowd, lines): (&Crowd, &Lines),
    ) -> Ready<Result<Taken, DispatchError>> {
        let peer = stream.peer_addr().ok();
        let Ok(place) = crowd.enter(peer.map(|peer| peer.ip())) else {
            crowd.turn_away(stream);
            return ready(Err(DispatchError::Io(io::ErrorKind::ConnectionRefused.into())));
        };
        let line = lines.add();
        let connection = Self { stream, hang_up: HangUp::default(), line, _place: place };
        ready(Ok((connection, Protocol::Http1, peer)))
    }

    /// Puts what its calls are told, and tell, where they find it.
    pub(super) fn put_data(&self, data: &mut Extensions) {
        data.insert(self.hang_up.clone());
        data.insert(Rc::clone(&self.line));
    }
}

/// What is known of a connection.
#[derive(Debug, Default)]
pub(super) struct Line {
    rest: Rest,
    /// Seconds for which a part of a head has waited for the rest of it.
    head_waits: Cell<u32>,
    is_untaken: Cell<bool>,
    /// Seconds for which the client has taken nothing of an answer.
    answer_waits: Cell<u32>,
    is_cut: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Line {
    /// Notes that a call has begun; what comes on its connection.
    pub(super) fn begins(request: &Request) -> Option<&Rest> {
        let line = request.conn_data::<Rc<Self>>()?;
        line.head_waits.set(0);
        line.rest.begins();
        Some(&line.rest)
    }

    /// Counts a second, and ends a connection whose client has kept it for too long.
    fn look(&self, (head_most, answer_most): (u32, u32)) {
        let count = |waits: &Cell<u32>, it_does: bool| {
            waits.set(if it_does { waits.get().saturating_add(1) } else { 0 });
            waits.get()
        };
        // What comes of a body has a time of its own.
        let head = count(&self.head_waits, self.rest.has_part_of_head());
        let answer = count(&self.answer_waits, self.is_untaken.get());
        if head > head_most || answer > answer_most {
            self.is_cut.set(true);
            if let Some(waker) = self.waker.take() {
                waker.wake();
            }
        }
    }

    fn wakes(&self, cx: &Context<'_>) {
        let mut waker = self.waker.borrow_mut();
        if waker.as_ref().is_none_or(|waker| !waker.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
    }
}

/// The connections of a worker.
#[derive(Debug, Default)]
pub(super) struct Lines(RefCell<Vec<Weak<Line>>>);

impl Lines {
    /// Looks at each of them every second from now on; `stopping` tells when the program stops.
    pub(super) fn looked_after(head_most: Duration, stopping: watch::Receiver<bool>) -> Rc<Self> {
        let lines = Rc::new(Self::default());
        let head_most = u32::try_from(head_most.as_secs()).unwrap_or(u32::MAX);
        let those = Rc::clone(&lines);
        actix_web::rt::spawn(async move {
            let mut second = tokio::time::interval(Duration::from_secs(1));
            // As long as the worker: connections outlive the service that has taken them.
            loop {
                second.tick().await;
                let answer_most = if *stopping.borrow() { UNTAKEN_AT_STOP } else { UNTAKEN_MOST };
                those.0.borrow_mut().retain(|line| {
                    let line = line.upgrade();
                    line.inspect(|line| line.look((head_most, answer_most))).is_some()
                });
            }
        });
        lines
    }

    fn add(&self) -> Rc<Line> {
        let line = Rc::new(Line::default());
        self.0.borrow_mut().push(Rc::downgrade(&line));
        line
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (before, room) = (into.filled().len(), into.remaining());
        let read = match Pin::new(&mut self.stream).poll_read(cx, into) {
            Poll::Ready(read) => read,
            Poll::Pending if self.line.is_cut.get() => Ok(()),
            Poll::Pending => {
                self.line.wakes(cx);
                return Poll::Pending;
            }
        };
        if read.is_err() || (room > 0 && into.filled().len() == before) {
            self.hang_up.happened();
        } else {
            self.line.rest.came();
        }
        Poll::Ready(read)
    }
}

impl Connection {
    /// Notes whether the client takes what is written.
    fn written(
        &self,
        cx: &Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Ready(_) => {
                self.line.is_untaken.set(false);
                self.line.answer_waits.set(0);
            }
            Poll::Pending if self.line.is_cut.get() => {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            Poll::Pending => {
                self.line.is_untaken.set(true);
                self.line.wakes(cx);
            }
        }
        written
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, from);
        self.written(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, from);
        self.written(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
