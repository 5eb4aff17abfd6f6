//! The end of every call on the public listener: record it, name it, tell the limits, write the
//! problem document. The record stands in the journal before the first byte leaves.

use super::call_id::CallId;
use super::metered::Metered;
use super::noted::told;
use super::request_cost::{self, COST};
use super::{public, rate_limit, shield};
use crate::access::caller::Judged;
use crate::access::directory::KeyRecord;
use crate::access::plan::{billed_milli, taken_milli};
use crate::access::policy::Gate;
use crate::access::{Operation, deprecation};
use crate::customers::accesses::AccessNote;
use crate::explain::api::Explainer;
use crate::explain::{LimitState, Reason, Reduced, Refusal, Who};
use crate::http::answer::{Cache, Records, Share};
use crate::http::arrival::CameAsHead;
use crate::http::error::AsItIs;
use crate::http::{ApiError, Code};
use crate::idempotency::Note;
use crate::kernel::{Clock, Micros};
use crate::limit::{Decision, Permit, Verdict};
use crate::metering::{Event, Journal, JournalFull, Outcome, Receipt};
use crate::portal;
use crate::telemetry::Metrics;
use crate::telemetry::access_log::{AccessLog, Line};
use actix_web::body::{BodySize, BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{
    ALLOW, CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue, WWW_AUTHENTICATE,
};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _, HttpRequest, HttpResponse, web};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The id of the call: of its usage event, where it has one. Quoted in problems as `request_id`.
pub(super) const EVENT_ID: HeaderName = HeaderName::from_static("usage-event-id");
/// What a caller is told that has shown nothing, or nothing that is known.
const CHALLENGE: &str = "Bearer realm=\"comptoir\"";
/// The same beside it where a key may come as a password: who knows this way alone sends nothing before it is
/// asked.
const CHALLENGE_OF_PASSWORDS: HeaderValue =
    HeaderValue::from_static("Basic realm=\"comptoir\", charset=\"UTF-8\"");

/// What all workers share to finish calls.
#[derive(Debug)]
pub(super) struct Ledgerbook {
    /// Where events are recorded; none where metering is off.
    pub(super) journal: Option<Arc<Journal>>,
    /// Names this run of this node, before the number of a call.
    pub(super) run_id: String,
    /// Tells why calls were refused.
    pub(super) explainer: Arc<Explainer>,
    /// Counts for operators.
    pub(super) metrics: Arc<Metrics>,
    /// The time.
    pub(super) clock: Clock,
    /// Number of calls without an event since the start: their ids.
    pub(super) unmetered: AtomicU64,
    /// Whether answers carry `X-RateLimit-*` too.
    pub(super) with_x_ratelimit: bool,
}

/// One worker's part in finishing calls.
#[derive(Debug)]
pub(super) struct Finisher {
    book: Arc<Ledgerbook>,
    access_log: RefCell<AccessLog>,
}

/// A call that may be answered now: recorded, or answered without a record because metering is off.
#[derive(Debug)]
pub(super) struct Recorded {
    /// What closes its event.
    pub(super) receipt: Option<Receipt>,
    /// Its id.
    pub(super) id: CallId,
    /// What it costs.
    pub(super) cost: HeaderValue,
    /// The same in thousandths of a unit, which quotas settle to; 0 where the caller is not known.
    pub(super) cost_milli: u32,
}

/// A call that has been answered but not yet recorded.
#[derive(Debug)]
pub(super) struct Answered<'a> {
    /// The operation.
    pub(super) operation: &'static Operation,
    /// Who called.
    pub(super) key: &'a KeyRecord,
    /// When it was judged.
    pub(super) at: Micros,
    /// The answer's status.
    pub(super) status: u16,
    /// The problem's code, where the answer is one.
    pub(super) code: Option<Code>,
    /// Whether it came as HEAD: then nothing of the body leaves.
    pub(super) head: bool,
    /// Bytes of the answer's body that leave.
    pub(super) bytes: u64,
    /// Resources in the answer: a HEAD costs what a GET does.
    pub(super) records: u32,
    /// Where the answer is a part of a file: which.
    pub(super) share: Option<Share>,
    /// Whether it is that of an earlier call with the same `Idempotency-Key`.
    pub(super) is_replay: bool,
}

impl Finisher {
    /// A worker's finisher.
    #[must_use]
    pub(super) fn new(book: Arc<Ledgerbook>, access_log: AccessLog) -> Self {
        Self { book, access_log: RefCell::new(access_log) }
    }

    /// The time.
    #[must_use]
    pub(super) fn now(&self) -> Micros {
        self.book.clock.now()
    }

    /// Tells a caller its limits.
    pub(super) fn write_limits(&self, to: &mut HeaderMap, key: &KeyRecord, after: &Decision) {
        rate_limit::write(to, key, after, self.book.with_x_ratelimit);
    }

    /// Whether answers wait for the disk.
    pub(super) fn waits_for_disk(&self) -> bool {
        self.book.journal.as_ref().is_some_and(|journal| journal.is_synced())
    }

    /// Records a call; its answer may be released, unless answers wait for the disk.
    pub(super) fn record(&self, call: &Answered<'_>) -> Result<Recorded, JournalFull> {
        let duration_us = self.duration_us(call);
        let recorded = self.append(call, duration_us)?;
        self.note(call, &recorded, duration_us);
        Ok(recorded)
    }

    /// Records a call so that it survives what the settings say: its answer may be released then.
    async fn record_and_keep(&self, call: &Answered<'_>) -> Result<Recorded, JournalFull> {
        let recorded = self.append(call, self.duration_us(call))?;
        if let (Some(journal), Some(receipt)) = (&self.book.journal, &recorded.receipt) {
            journal.kept(receipt).await?;
        }
        self.note(call, &recorded, self.duration_us(call));
        Ok(recorded)
    }

    fn duration_us(&self, call: &Answered<'_>) -> u32 {
        let duration = self.book.clock.now().0.saturating_sub(call.at.0);
        u32::try_from(duration).unwrap_or(0)
    }

    /// Writes the event of a call into the journal, where metering is on.
    fn append(&self, call: &Answered<'_>, duration_us: u32) -> Result<Recorded, JournalFull> {
        Ok(match &self.book.journal {
            Some(journal) => {
                let event = event(call, duration_us);
                let receipt = journal.append(&event)?;
                let cost_milli = request_cost::milli(&event);
                let cost = request_cost::header(cost_milli);
                Recorded {
                    id: CallId::of_event(&receipt),
                    receipt: Some(receipt),
                    cost,
                    cost_milli,
                }
            }
            None => Recorded {
                cost_milli: request_cost::milli(&event(call, duration_us)),
                ..self.unrecorded()
            },
        })
    }

    /// Counts and logs a call that is recorded.
    fn note(&self, call: &Answered<'_>, recorded: &Recorded, duration_us: u32) {
        self.book.metrics.answered(call.operation.code, call.status, duration_us);
        self.access_log.borrow_mut().line(&Line {
            at: call.at,
            event: recorded.id.as_str(),
            method: if call.head { "HEAD" } else { call.operation.method },
            route: call.operation.path,
            operation: call.operation.id,
            status: call.status,
            bytes: call.bytes,
            duration_us,
            key: Some(call.key.key),
        });
    }

    /// What stands for a call that has no event: its caller is not known, the journal is full, or
    /// metering is off.
    fn unrecorded(&self) -> Recorded {
        let n = self.book.unmetered.fetch_add(1, Ordering::Relaxed);
        let id = CallId::unmetered(&self.book.run_id, n);
        Recorded { receipt: None, id, cost: request_cost::FREE, cost_milli: 0 }
    }

    /// Writes out what the access log holds.
    pub(super) fn flush(&self) {
        self.access_log.borrow_mut().flush();
    }
}

/// The event of an answered call.
fn event(call: &Answered<'_>, duration_us: u32) -> Event {
    let whole = billed_milli(&call.key.granted.terms.weights, call.operation, call.records);
    Event {
        started_at: call.at,
        duration_us,
        partner: call.key.partner,
        app: call.key.app,
        key: call.key.key,
        plan: call.key.granted.plan,
        plan_version: call.key.granted.version,
        environment: call.key.environment,
        operation: call.operation.code,
        status: call.status,
        outcome: if call.is_replay { Outcome::Replayed } else { outcome(call.status, call.code) },
        weight_milli: call.share.map_or(whole, |share| share.of_milli(whole)),
        records: if call.head { 0 } else { call.records },
        bytes: call.bytes,
    }
}

/// What became of a call, from its status and code.
pub(super) fn outcome(status: u16, code: Option<Code>) -> Outcome {
    match (status, code) {
        (_, Some(Code::QuotaExceeded | Code::OperationLimited)) => Outcome::RateLimited,
        (_, Some(Code::ReducedCapacity | Code::KeySlowed)) => Outcome::RateLimited,
        (401 | 403, _) => Outcome::AuthRejected,
        (304, _) => Outcome::NotModified,
        (200..=399, _) => Outcome::Served,
        (400..=499, _) => Outcome::ClientError,
        _ => Outcome::ServerError,
    }
}

/// The layer around all routes of the public listener.
pub(super) async fn finish<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<Metered<EitherBody<B, BoxBody>>>, Error> {
    let finisher = request.app_data::<web::Data<Rc<Finisher>>>().cloned();
    let response = next.call(request).await?;
    let Some(finisher) = finisher else {
        return Ok(response.map_body(|_, b| Metered::new(EitherBody::left(b), None, None)));
    };
    let judged = response.request().extensions().get::<Judged>().cloned();
    let permit = response.request().extensions_mut().remove::<Permit>();
    let error = problem_of(&response)
        .map(|error| explained(&finisher, (response.request(), judged.as_ref()), error));
    let head = response.request().extensions().get::<CameAsHead>().is_some();
    let (bytes, records) = content_of(&response);
    let share = response.response().extensions().get::<Share>().copied();
    let note = response.response().extensions().get::<Arc<Note>>().cloned();
    let is_replay = note.as_ref().is_some_and(|note| note.is_replay());
    let bytes = if head { 0 } else { bytes };
    let call = judged.as_ref().and_then(|judged| {
        let key = judged.key.as_deref()?;
        let status = response.status().as_u16();
        let code = error.as_ref().map(ApiError::code);
        Some(Answered {
            operation: judged.operation,
            key,
            at: judged.at,
            status,
            code,
            head,
            bytes,
            records,
            share,
            is_replay,
        })
    });
    if let Some((key, decision)) = judged.as_ref().and_then(limits_of)
        && !decision.allowed()
    {
        decision
            .violated(&key.granted.terms.limits)
            .for_each(|policy| finisher.book.metrics.limited(policy));
    }
    let recorded = record(&finisher, call.as_ref(), error).await;
    let access = response.response().extensions().get::<Arc<AccessNote>>().cloned();
    let (recorded, error) = told(access.as_deref(), recorded).await;
    if let Some(note) = note.filter(|_| recorded.receipt.is_some()) {
        note.keep(recorded.id.as_str()).await;
    }
    let mut response = assemble(response, error.as_ref(), recorded, permit);
    if let Some(judged) = &judged {
        tell(&finisher, response.headers_mut(), judged);
        challenge(&mut response, judged);
    }
    Ok(response)
}

/// Records a call, if it is one of somebody known; and the error that is answered then.
async fn record(
    finisher: &Finisher,
    call: Option<&Answered<'_>>,
    error: Option<ApiError>,
) -> (Recorded, Option<ApiError>) {
    let Some(call) = call else {
        // A page that was read is not a call of the API.
        if let Some(error) = &error {
            finisher.book.metrics.unidentified(error.code().as_str());
        }
        return (finisher.unrecorded(), error);
    };
    match finisher.record_and_keep(call).await {
        Ok(recorded) => (recorded, error),
        // The call was not recorded, so it is not answered either; an error may still be told.
        Err(_) => {
            let detail =
                "The call cannot be recorded now, so it was not served. Try again in a moment.";
            let refusal = || ApiError::new(Code::MeteringUnavailable, detail);
            (finisher.unrecorded(), Some(error.unwrap_or_else(refusal)))
        }
    }
}

/// Says of an operation that takes a key as a password, too, that it does.
fn challenge<B>(response: &mut ServiceResponse<B>, judged: &Judged) {
    if response.status() == StatusCode::UNAUTHORIZED && judged.operation.takes_basic() {
        response.headers_mut().append(WWW_AUTHENTICATE, CHALLENGE_OF_PASSWORDS);
    }
}

/// A refusal with the id that explains it, counted; another error as it is.
fn explained(
    finisher: &Finisher,
    (request, judged): (&HttpRequest, Option<&Judged>),
    error: ApiError,
) -> ApiError {
    if !matches!(error.code().status(), 401 | 403 | 429) || error.is_explained() {
        return error;
    }
    let explainer = &finisher.book.explainer;
    let refusal = match judged {
        Some(judged) => refusal_of((request, judged), &error),
        None => explainer.refusal_of_nobody(error.code()),
    };
    error.refusal_id(explainer.explain(&refusal))
}

/// Why a call of an operation was refused.
fn refusal_of((request, judged): (&HttpRequest, &Judged), error: &ApiError) -> Refusal {
    let path_is_one = !judged.operation.path.is_empty();
    let limits =
        limits_of(judged).map(|(key, after)| LimitState::all(&key.granted.terms.limits, after));
    let wait_us = judged.decision.as_ref().and_then(|decision| match decision.verdict() {
        Verdict::Wait { micros } => Some(micros),
        Verdict::Admitted | Verdict::Busy | Verdict::Never => None,
    });
    let gate = request.app_data::<web::Data<Gate>>();
    let address = || gate?.client_of(request);
    let reduced = limits_of(judged).zip(gate).and_then(|((key, after), gate)| {
        Reduced::of(gate.keyring().limiter(), key, after, judged.at)
    });
    Refusal {
        at: judged.at.0,
        operation: path_is_one.then_some(judged.operation.code),
        weight_milli: judged.key.as_deref().map_or(judged.operation.weight_milli, |key| {
            taken_milli(&key.granted.terms.weights, judged.operation)
        }),
        status: error.code().status(),
        code: error.code().as_str().to_owned(),
        who: judged.key.as_deref().map(Who::of),
        limits: limits.unwrap_or_default(),
        reason: judged.key.as_deref().and_then(|key| match judged.secret {
            Some(why) => Some(Reason::Secret(why)),
            None => Reason::of(key, error.code(), address),
        }),
        wait_us,
        reduced: reduced.filter(|_| error.code() == Code::ReducedCapacity),
    }
}

/// The bytes and resources that an answer brings.
fn content_of<B: MessageBody>(response: &ServiceResponse<B>) -> (u64, u32) {
    let bytes = match response.response().body().size() {
        BodySize::Sized(bytes) => bytes,
        BodySize::None | BodySize::Stream => 0,
    };
    (bytes, response.response().extensions().get::<Records>().map_or(0, |records| records.0))
}

/// The error that an answer stands for, where it is one.
pub(super) fn problem_of<B>(response: &ServiceResponse<B>) -> Option<ApiError> {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return None;
    }
    if response.response().extensions().get::<AsItIs>().is_some() {
        return None;
    }
    if let Some(error) = response.response().extensions().get::<ApiError>() {
        return Some(error.clone());
    }
    let (code, detail) = match status.as_u16() {
        404 => (Code::UnknownPath, "See /docs for the paths that exist."),
        405 => (Code::MethodNotAllowed, "See /docs for the methods of this path."),
        413 => (Code::BodyTooLarge, "Send less at once."),
        415 => (Code::UnsupportedMediaType, "Send `Content-Type: application/json`."),
        400..=499 => (Code::InvalidParameter, "The request could not be understood."),
        _ => (Code::Internal, "The failure has been recorded; quote the request id."),
    };
    Some(ApiError::new(code, detail))
}

/// The bytes of a problem document.
pub(super) fn problem_body(error: &ApiError, path: &str, id: &str) -> Vec<u8> {
    serde_json::to_vec(&error.problem(path, id)).unwrap_or_default()
}

/// Whose limits were asked, and what they said.
fn limits_of(judged: &Judged) -> Option<(&KeyRecord, &Decision)> {
    Some((judged.key.as_deref()?, judged.decision.as_ref()?))
}

/// What a caller that is known is told: its limits, and the end of the operation where one is decided.
fn tell(finisher: &Finisher, headers: &mut HeaderMap, judged: &Judged) {
    if let Some((key, decision)) = limits_of(judged) {
        finisher.write_limits(headers, key, decision);
    }
    if let Some(deprecation) = deprecation::of(judged.operation) {
        deprecation.write(headers);
    }
}

/// The response as it leaves: its id and, for an error, the problem document.
fn assemble<B: MessageBody + 'static>(
    response: ServiceResponse<B>,
    error: Option<&ApiError>,
    Recorded { receipt, id, cost, cost_milli }: Recorded,
    mut permit: Option<Permit>,
) -> ServiceResponse<Metered<EitherBody<B, BoxBody>>> {
    let mut response = match error {
        None => response.map_body(|_, body| EitherBody::left(body)),
        Some(error) => {
            let path = response.request().path();
            let document = problem_response(error, path, id.as_str());
            let (request, _) = response.into_parts();
            ServiceResponse::new(request, document).map_body(|_, body| EitherBody::right(body))
        }
    };
    let headers = response.headers_mut();
    shield::guard(headers);
    if let Some(id) = id.header() {
        headers.insert(EVENT_ID, id);
    }
    headers.insert(COST, cost);
    if let Some(permit) = &mut permit {
        permit.will_cost(cost_milli);
    }
    response.map_body(|_, body| Metered::new(body, receipt, permit))
}

fn challenge_with(headers: &mut HeaderMap, challenge: &str) {
    if let Ok(challenge) = HeaderValue::from_str(challenge) {
        headers.insert(WWW_AUTHENTICATE, challenge);
    }
}

fn problem_response(error: &ApiError, path: &str, id: &str) -> HttpResponse<BoxBody> {
    let mut response = actix_web::ResponseError::error_response(error);
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, Cache::NoStore.header());
    match error.code() {
        _ if error.has_challenge() => {}
        Code::MissingKey | Code::InvalidKey | Code::ExpiredKey | Code::RevokedKey => {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(CHALLENGE));
        }
        // RFC 6750 §3.1.
        Code::InvalidToken => {
            challenge_with(headers, &format!("{CHALLENGE}, error=\"invalid_token\""));
        }
        Code::InsufficientScope => {
            let scope = error.missing_scope().unwrap_or_default();
            let challenge = format!("{CHALLENGE}, error=\"insufficient_scope\", scope=\"{scope}\"");
            challenge_with(headers, &challenge);
        }
        Code::MethodNotAllowed => {
            let methods = public::methods_at(path)
                .or_else(|| public::registration_methods(path))
                .or_else(|| portal::methods_at(path))
                .unwrap_or_default();
            if let Ok(methods) = HeaderValue::from_str(&methods) {
                headers.insert(ALLOW, methods);
            }
        }
        _ => {}
    }
    response.set_body(BoxBody::new(problem_body(error, path, id)))
}
