//! Stock levels from tills and stock systems.

use super::caller::AdminCaller;
use super::problems::Problems;
use super::state::{State, done};
use crate::catalog::Fault;
use crate::feeds::levels::{Intake, IntakeError, Lines, Receipt};
use crate::http::error::Problem;
use crate::http::{ApiError, ApiResult, Code, Params, arrival};
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use actix_web::{HttpRequest, HttpResponse, post, web};
use bytes::BytesMut;
use futures_util::StreamExt as _;
use serde::Serialize;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the intake of levels.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(put_levels);
}

/// How long a level waits for others to be stored with it, however steadily they come.
const WAIT: Duration = Duration::from_millis(200);

/// What became of the levels that were sent.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct ReceiptOut {
    /// Levels that were stored, and are what readers see.
    #[schema(example = 4980)]
    written: u64,
    /// Levels that were older than what is known, or said the same of the same instant.
    #[schema(example = 18)]
    unchanged: u64,
    /// Lines that were refused.
    #[schema(example = 2)]
    rejected: u64,
    /// The first hundred refused lines.
    faults: Vec<LineFault>,
}

/// A line that was refused.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct LineFault {
    /// Its number in the body, from 1.
    #[schema(example = 17)]
    line: u64,
    /// The field at fault; empty where the whole line is.
    #[schema(example = "store_code")]
    field: String,
    /// What stood there, cut to 80 characters.
    #[schema(example = "0162")]
    value: String,
    /// What kind of fault.
    #[schema(example = "unknown_store")]
    code: &'static str,
    /// What is wrong and what would be right.
    #[schema(example = "no such store; import the stores first, or correct the code")]
    message: String,
}

impl From<Receipt> for ReceiptOut {
    fn from(receipt: Receipt) -> Self {
        let fault = |(line, fault): (u64, Fault)| LineFault {
            line,
            field: fault.field.into_owned(),
            value: fault.value,
            code: fault.code,
            message: fault.message,
        };
        Self {
            written: receipt.written,
            unchanged: receipt.unchanged,
            rejected: receipt.rejected,
            faults: receipt.faults.into_iter().map(fault).collect(),
        }
    }
}

/// Send stock levels
///
/// One level per line of JSON, in the form of the stock feed, for as long as you like: a stream may
/// last all day, and be silent for `server.stream_silence_s`. What arrives is stored in batches and seen by readers within a second; the answer
/// comes at the end and counts what became of the lines. Order does not matter and nothing is
/// harmed by sending a line again: the newest `as_of` of a product in a store holds. What a line does
/// not have of `max_age_s`, `restock_at`, `pickup` and `instore_location` stays as it is stored, and
/// null clears it; without `source` it is `pos` that counted. If the answer
/// is an error, what was stored stays; send everything again.
#[utoipa::path(
    tag = "stock", operation_id = "put_levels",
    request_body(
        content = String, content_type = "application/x-ndjson", description = "Levels, one per line",
        example = json!("{\"sku\":\"11100001\",\"store_code\":\"0261\",\"quantity\":4,\"as_of\":\"2026-11-22T09:41:07Z\",\"source\":\"pos\"}\n")
    ),
    responses(
        (status = 200, description = "What became of the lines", body = ReceiptOut),
        (status = 408, description = "The stream was silent for too long; what was stored stays", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not `application/x-ndjson`, or is compressed", body = Problem, content_type = "application/problem+json"),
        Problems
    ),
    security(("admin_token" = []))
)]
#[post("/stock/levels")]
async fn put_levels(
    _caller: AdminCaller,
    request: HttpRequest,
    state: State,
    body: web::Payload,
) -> ApiResult<HttpResponse> {
    Params::new(request.query_string()).finish()?;
    is_ndjson(&request)?;
    arrival::streams(&request);
    let mut intake = Intake::new(&state.levels, &state.mirror, &state.clock);
    let (taken, whole) = take(&mut intake, body).await;
    let (receipt, stored) = intake.finish(taken).await;
    stored.map_err(|error| interrupted(&receipt, &error))?;
    whole.map_err(|error| {
        let then = format!(
            "{} levels were stored; send all of them again, which does no harm.",
            receipt.written
        );
        arrival::broken(&error, &then)
    })?;
    done(&ReceiptOut::from(receipt))
}

/// Takes in all lines of a body, and says whether it came whole.
async fn take(
    intake: &mut Intake<'_>,
    mut body: web::Payload,
) -> (Result<(), IntakeError>, Result<(), PayloadError>) {
    let mut lines = Lines::default();
    let mut due: Option<Instant> = None;
    loop {
        let next = match due {
            Some(due) => timeout_at(due, body.next()).await,
            None => Ok(body.next().await),
        };
        match next {
            Ok(None) => break,
            Ok(Some(Err(error))) => return (Ok(()), Err(error)),
            Ok(Some(Ok(chunk))) => lines.push(&chunk),
            Err(_) => {}
        }
        while let Some(line) = lines.next_line() {
            if let Err(error) = one(intake, line).await {
                return (Err(error), Ok(()));
            }
        }
        if due.is_some_and(|due| due <= Instant::now())
            && let Err(error) = intake.hand_over().await
        {
            return (Err(error), Ok(()));
        }
        // From the first of the levels that wait.
        due = intake.is_waiting().then(|| {
            let soon = Instant::now() + WAIT;
            due.filter(|due| *due > Instant::now()).unwrap_or(soon)
        });
    }
    let last = match lines.last() {
        Some(line) => one(intake, Ok(line)).await,
        None => Ok(()),
    };
    (last, Ok(()))
}

async fn one(intake: &mut Intake<'_>, line: Result<BytesMut, Fault>) -> Result<(), IntakeError> {
    match &line {
        Ok(line) => {
            let text = std::str::from_utf8(line);
            intake.line(text.map_err(|_| Fault::new("", "", "malformed", "is not UTF-8"))).await
        }
        Err(fault) => intake.line(Err(fault.clone())).await,
    }
}

fn is_ndjson(request: &HttpRequest) -> ApiResult<()> {
    let media_type = request.headers().get(CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
    let essence = media_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    let plain = !request.headers().contains_key(CONTENT_ENCODING);
    if plain && essence.eq_ignore_ascii_case(b"application/x-ndjson") {
        return Ok(());
    }
    let detail =
        "Send one level per line, uncompressed, with `Content-Type: application/x-ndjson`.";
    Err(ApiError::new(Code::UnsupportedMediaType, detail))
}

fn interrupted(receipt: &Receipt, error: &IntakeError) -> ApiError {
    tracing::warn!(%error, "a stream of levels was interrupted");
    let detail = format!(
        "Lines up to {} are settled, {} levels of them stored; the rest could not be stored now. \
         Send all of them again in a moment, which does no harm.",
        receipt.settled_lines, receipt.written
    );
    ApiError::new(Code::Unavailable, detail)
}
