//! Bodies of requests on their way in. A body may keep its reader waiting for a time, which what comes of it wins
//! back: a slow sender is served, and one that holds a connection and sends nothing is not.

use super::{ApiError, Code};
use crate::config;
use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header::CONTENT_LENGTH;
use actix_web::{HttpMessage as _, http::header::HeaderMap};
use bytes::Bytes;
use futures_util::Stream;
use futures_util::future::LocalBoxFuture;
use std::cell::Cell;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep_until};

/// Marks a request that came as HEAD and is routed as GET.
#[derive(Debug, Clone, Copy)]
pub struct CameAsHead;

/// How long a body may stand still when the program is told to stop.
const STOPPING: Duration = Duration::from_secs(1);

/// How long bodies may keep their readers waiting.
#[derive(Debug, Clone)]
pub struct Patience {
    /// Time for which a body may stand still.
    most: Duration,
    /// Bytes that win a second of it back.
    least_rate: u32,
    /// Time for which a stream may send nothing.
    silence: Duration,
    /// Whether the program stops.
    stopping: watch::Receiver<bool>,
}

impl Patience {
    /// What the settings say; `stopping` tells when the program stops.
    #[must_use]
    pub fn new(settings: &config::Server, stopping: watch::Receiver<bool>) -> Self {
        Self {
            most: settings.body_timeout,
            least_rate: settings.body_least_rate,
            silence: settings.stream_silence,
            stopping,
        }
    }

    /// Watches a body from now on. What it leaves unread is put where its connection keeps it.
    pub fn watch(&self, body: &mut Payload, rest: Option<&Rest>) -> Tempo {
        let tempo = Tempo::default();
        let rest = rest.cloned().unwrap_or_default();
        rest.0.is_coming.set(true);
        let mut stopping = self.stopping.clone();
        let arriving = Arriving {
            body: Some(body.take()),
            rest,
            tempo: tempo.clone(),
            is_stream: false,
            most: self.most,
            left: self.most,
            least_rate: self.least_rate,
            silence: self.silence,
            waits_since: None,
            timer: None,
            stopping: Some(Box::pin(async move {
                if stopping.wait_for(|stops| *stops).await.is_err() {
                    std::future::pending::<()>().await;
                }
            })),
        };
        *body = Payload::Stream { payload: Box::pin(arriving) };
        tempo
    }
}

/// How a body comes, for the operation that reads it.
#[derive(Debug, Clone, Default)]
pub struct Tempo(Rc<Cell<bool>>);

/// Says that the body of a request is a stream: it comes when there is something to tell, at no rate.
pub fn streams(request: &HttpRequest) {
    if let Some(tempo) = request.extensions().get::<Tempo>() {
        tempo.0.set(true);
    }
}

/// What comes on a connection. What is not read of a body is kept as long as the connection, so that HTTP closes
/// that after the answer: a rest of unknown length would else be waited for, without end.
#[derive(Clone, Default)]
pub struct Rest(Rc<Coming>);

#[derive(Default)]
struct Coming {
    is_coming: Cell<bool>,
    has_part_of_head: Cell<bool>,
    unread: Cell<Option<Payload>>,
}

impl Rest {
    /// Whether a body is on its way, or has been left unread.
    #[must_use]
    pub fn is_coming(&self) -> bool {
        self.0.is_coming.get()
    }

    /// Whether bytes have come since the last head was whole that are of no body: those of another head.
    #[must_use]
    pub fn has_part_of_head(&self) -> bool {
        self.0.has_part_of_head.get() && !self.is_coming()
    }

    /// Notes that bytes have come.
    pub fn came(&self) {
        self.0.has_part_of_head.set(true);
    }

    /// Notes that a head was whole.
    pub fn begins(&self) {
        self.0.has_part_of_head.set(false);
    }

    fn is_whole(&self) {
        self.0.is_coming.set(false);
        self.0.has_part_of_head.set(false);
    }
}

impl fmt::Debug for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rest").field("is_coming", &self.is_coming()).finish_non_exhaustive()
    }
}

/// A body on its way in.
struct Arriving {
    /// None when it has ended.
    body: Option<Payload>,
    rest: Rest,
    tempo: Tempo,
    is_stream: bool,
    /// Most that `left` can be.
    most: Duration,
    /// How long its reader still waits.
    left: Duration,
    least_rate: u32,
    silence: Duration,
    waits_since: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
    /// None when the program stops.
    stopping: Option<LocalBoxFuture<'static, ()>>,
}

impl Arriving {
    /// Counts the time for which its reader has waited. What the reader itself takes is not the sender's.
    fn settle(&mut self, now: Instant) {
        if let Some(since) = self.waits_since.take() {
            self.left = self.left.saturating_sub(now.saturating_duration_since(since));
        }
    }

    /// Wins time back.
    fn came(&mut self, bytes: usize) {
        if self.waits_since.is_some() {
            self.settle(Instant::now());
        }
        let won = match (self.is_stream, &self.stopping) {
            (true, Some(_)) => self.most,
            // It would never end.
            (true, None) => Duration::ZERO,
            (false, _) => Duration::from_secs_f64(bytes as f64 / f64::from(self.least_rate)),
        };
        self.left = self.left.saturating_add(won).min(self.most);
    }

    /// Waits for more; ready when that has taken too long.
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let now = Instant::now();
        self.settle(now);
        self.waits_since = Some(now);
        if self.tempo.0.get() && !self.is_stream && self.stopping.is_some() {
            (self.is_stream, self.most, self.left) = (true, self.silence, self.silence);
        }
        if self.stopping.as_mut().is_some_and(|stopping| stopping.as_mut().poll(cx).is_ready()) {
            self.stopping = None;
            (self.most, self.left) = (STOPPING, self.left.min(STOPPING));
        }
        let due = now + self.left;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(due)));
        if timer.deadline() > due {
            timer.as_mut().reset(due);
        }
        while timer.as_mut().poll(cx).is_ready() {
            if due <= Instant::now() {
                let stops = self.stopping.is_none();
                let kind = if stops { io::ErrorKind::Interrupted } else { io::ErrorKind::TimedOut };
                return Poll::Ready(kind.into());
            }
            timer.as_mut().reset(due);
        }
        Poll::Pending
    }
}

impl Stream for Arriving {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        match Pin::new(body).poll_next(cx) {
            Poll::Ready(Some(Ok(chunk))) => {
                this.came(chunk.len());
                Poll::Ready(Some(Ok(chunk)))
            }
            Poll::Ready(end) => {
                this.body = None;
                this.rest.is_whole();
                Poll::Ready(end)
            }
            Poll::Pending => this.wait(cx).map(|late| Some(Err(PayloadError::Io(late)))),
        }
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        if let Some(unread) = self.body.take() {
            self.rest.0.unread.set(Some(unread));
        }
    }
}

/// What is answered where a body did not come whole; `then` says what that means and what to do.
#[must_use]
pub fn broken(error: &PayloadError, then: &str) -> ApiError {
    let kind = match error {
        PayloadError::Io(error) => Some(error.kind()),
        _ => None,
    };
    let (code, what) = match kind {
        Some(io::ErrorKind::TimedOut) => (Code::BodyTooSlow, "The body stood still for too long."),
        Some(io::ErrorKind::Interrupted) => (Code::Unavailable, "This node is stopping."),
        _ => (Code::InvalidBody, "The body did not arrive whole."),
    };
    ApiError::new(code, format!("{what} {then}"))
}

/// Whether a head says that more bytes come than may.
#[must_use]
pub fn is_too_long(headers: &HeaderMap, most: u64) -> bool {
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    length.and_then(|length| length.parse::<u64>().ok()).is_some_and(|length| length > most)
}
