//! `Idempotency-Key`: a write that is sent again with the key it had is done once, and answered as it was
//! (draft-ietf-httpapi-idempotency-key-header-07).
//!
//! A key belongs to an app, and holds for a day. Who comes first with it does the work, in a task that goes on
//! where the client goes away. What is refused frees the key, for nothing was done. Where this side fails nobody
//! knows what was done: the next call with the key takes the work over, at once, or where a process died in the
//! middle, when no work takes that long. It must find what was done already ([`Turn::seed`], [`Turn::resumed_since`]).

mod store;
mod written;

pub use store::replays;
pub use written::Written;

use crate::access::{Caller, Op, Pepper};
use crate::http::body::{BodyHash, IDEMPOTENCY_KEY};
use crate::http::{ApiError, ApiResult, Code, FieldError};
use crate::kernel::seal::ByteSealer;
use crate::kernel::{Clock, Micros};
use crate::storage::Db;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::rt::spawn;
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};
use std::sync::Arc;
use store::{Claimed, Row};

/// Says of an answer that it is that of an earlier call.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Most characters of a key.
const LONGEST: usize = 255;
/// For how long a key holds.
const KEPT: i64 = 24 * 3_600 * 1_000_000;

/// Does writes once.
#[derive(Debug, Clone)]
pub struct Once {
    db: Db,
    pepper: Pepper,
    clock: Clock,
    /// After how long work that was begun and never ended is taken over, in microseconds.
    lease: i64,
}

/// A call of a write.
#[derive(Debug)]
pub enum Turn {
    /// It came without a key.
    Plain,
    /// It is the first with its key, and does the work.
    First(Box<Claim>),
    /// It is answered with what the first was answered with.
    Again(Box<Again>),
}

/// The right to do the work of a key.
#[derive(Debug)]
pub struct Claim {
    once: Once,
    sealer: ByteSealer,
    key_hash: String,
    first_at: Micros,
    claimed_at: Micros,
    is_resumed: bool,
}

/// What an earlier call was answered with.
#[derive(Debug)]
pub struct Again {
    once: Once,
    written: Written,
    event: Option<String>,
}

/// What is kept of a call with a key once its usage event has an id: found in the extensions of its answer.
#[derive(Debug)]
pub struct Note {
    db: Db,
    what: What,
}

#[derive(Debug)]
enum What {
    /// It did the work of a key.
    Did { key_hash: String, claimed_at: Micros },
    /// It was answered with what another was answered with, whose event had this id.
    Replayed(Option<String>),
}

impl Once {
    /// What does writes once in a database. No write takes longer than `lease`, in microseconds, by the clocks of
    /// any two nodes.
    #[must_use]
    pub fn new((db, clock): (&Db, &Clock), pepper: &Pepper, lease: i64) -> Self {
        Self { db: db.clone(), pepper: pepper.clone(), clock: clock.clone(), lease }
    }

    /// Whose turn a call is. Refuses a key that is none, that came with another call, or whose work is being done.
    pub async fn turn<O: Op>(&self, caller: &Caller<O>, request: &HttpRequest) -> ApiResult<Turn> {
        let Some(key) = key(request.headers())? else { return Ok(Turn::Plain) };
        let whose = format!("{} {} {key}", caller.app(), caller.environment().as_str());
        let key_hash = self.pepper.derive("comptoir idempotency key", &whose);
        let key_hash = blake3::Hash::from_bytes(key_hash).to_string();
        let sealer = ByteSealer::new(self.pepper.derive("comptoir idempotent answer", &whose));
        let now = self.clock.now();
        let row = Row {
            key_hash: &key_hash,
            request_hash: &asked(request),
            now,
            lapsed: Micros(now.0.saturating_sub(self.lease)),
            expires_at: Micros(now.0.saturating_add(KEPT)),
        };
        match store::claim(&self.db, &row).await? {
            Claimed::Ours { first_at, is_resumed } => {
                let once = self.clone();
                Ok(Turn::First(Box::new(Claim {
                    once,
                    sealer,
                    key_hash,
                    first_at,
                    claimed_at: now,
                    is_resumed,
                })))
            }
            Claimed::UnderWay => Err(ApiError::new(
                Code::IdempotencyInProgress,
                "The first call with this key is still being answered. Try again in a second.",
            )),
            Claimed::OfAnother => Err(ApiError::new(
                Code::IdempotencyKeyReused,
                "This key came with another call before. Take a new one for each write.",
            )),
            Claimed::Done { answer, event } => {
                let opened =
                    sealer.open(&key_hash, &answer).and_then(|bytes| Written::read(&bytes));
                let written = opened.ok_or_else(|| {
                    tracing::error!("a kept answer is damaged");
                    ApiError::new(
                        Code::Internal,
                        "The failure has been recorded; quote the request id.",
                    )
                })?;
                Ok(Turn::Again(Box::new(Again { once: self.clone(), written, event })))
            }
        }
    }
}

/// The key of a call, without the quotes of a structured field (RFC 9651 §3.3.3), which few clients send.
fn key(headers: &HeaderMap) -> ApiResult<Option<&str>> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY);
    let Some(value) = values.next() else { return Ok(None) };
    let refused = |message: String| {
        let detail = format!("`Idempotency-Key` {message}.");
        let fault = FieldError::parameter("Idempotency-Key", "malformed", message);
        Err(ApiError::new(Code::InvalidParameter, detail).errors(vec![fault]))
    };
    if values.next().is_some() {
        return refused("came more than once".to_owned());
    }
    let text = value.to_str().unwrap_or_default();
    let bare = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let fits = (1..=LONGEST).contains(&bare.len());
    if !fits || !bare.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"') {
        return refused(format!(
            "is 1 to {LONGEST} visible characters without quotes, such as a random UUID"
        ));
    }
    Ok(Some(bare))
}

/// What was asked: method, address and body.
fn asked(request: &HttpRequest) -> String {
    let mut hasher = blake3::Hasher::new();
    let address = request.uri().path_and_query().map_or("", |address| address.as_str());
    for part in [request.method().as_str(), address] {
        hasher.update(part.as_bytes());
        hasher.update(b"\n");
    }
    if let Some(BodyHash(body)) = request.extensions().get::<BodyHash>() {
        hasher.update(body.as_bytes());
    }
    hasher.finalize().to_string()
}

impl Turn {
    /// A text that is the same for each call that does, or takes over, the work of one key: ids that follow from it
    /// name what was made already. None where no key came.
    #[must_use]
    pub fn seed(&self) -> Option<String> {
        match self {
            Self::First(claim) => Some(format!("{} {}", claim.key_hash, claim.first_at.0)),
            Self::Plain | Self::Again(_) => None,
        }
    }

    /// Since when the work may have been done, where a call that began it was broken off.
    #[must_use]
    pub fn resumed_since(&self) -> Option<Micros> {
        match self {
            Self::First(claim) => claim.is_resumed.then_some(claim.first_at),
            Self::Plain | Self::Again(_) => None,
        }
    }

    /// Does the work, or answers with what it came to before.
    pub async fn run(
        self,
        request: &HttpRequest,
        work: impl Future<Output = ApiResult<Written>> + 'static,
    ) -> ApiResult<HttpResponse> {
        match self {
            Self::Plain => Ok(work.await?.answer(request)),
            Self::First(claim) => {
                // A client that goes away ends the call, and must not end the work.
                let done = spawn(claim.end(work)).await;
                // A panic in the task is a panic here.
                let done =
                    done.unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic()));
                let (written, note) = done?;
                let mut answer = written.answer(request);
                answer.extensions_mut().insert(Arc::new(note));
                Ok(answer)
            }
            Self::Again(again) => {
                let Again { once, written, event } = *again;
                let mut answer = written.answer(request);
                answer.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
                let note = Note { db: once.db, what: What::Replayed(event) };
                answer.extensions_mut().insert(Arc::new(note));
                Ok(answer)
            }
        }
    }
}

impl Claim {
    /// Does the work and keeps what it came to, or frees the key where it was refused. Where this side failed, the work is
    /// the next call's.
    async fn end(
        self: Box<Self>,
        work: impl Future<Output = ApiResult<Written>>,
    ) -> ApiResult<(Written, Note)> {
        let Self { once, sealer, key_hash, claimed_at, .. } = *self;
        let claim = (key_hash.as_str(), claimed_at);
        let ended = match work.await {
            Ok(written) => {
                let sealed = written.bytes().and_then(|bytes| sealer.seal(&key_hash, bytes));
                let kept = match sealed {
                    Some(sealed) => store::keep(&once.db, claim, &sealed).await,
                    None => store::leave(&once.db, claim).await,
                };
                (kept, Ok(written))
            }
            Err(failed) if failed.code().status() >= 500 => {
                (store::leave(&once.db, claim).await, Err(failed))
            }
            Err(refused) => (store::free(&once.db, claim).await, Err(refused)),
        };
        if let (Err(error), _) = &ended {
            tracing::error!(%error, "the end of a write with a key could not be kept");
        }
        let what = What::Did { key_hash, claimed_at };
        ended.1.map(|written| (written, Note { db: once.db, what }))
    }
}

impl Note {
    /// Whether the call was answered with what another was answered with.
    #[must_use]
    pub fn is_replay(&self) -> bool {
        matches!(self.what, What::Replayed(_))
    }

    /// Keeps the id of the call's usage event. The call is answered also where that fails: then the event of a
    /// replay names no other.
    pub async fn keep(&self, event: &str) {
        let kept = match &self.what {
            What::Did { key_hash, claimed_at } => {
                store::name(&self.db, (key_hash, *claimed_at), event).await
            }
            What::Replayed(Some(of)) => store::link(&self.db, event, of).await,
            What::Replayed(None) => Ok(()),
        };
        if let Err(error) = kept {
            tracing::error!(%error, "the event of a write with a key could not be named");
        }
    }
}
