//! Mails over HTTP: which wait, which were sent, and which were given up.

use super::caller::AdminCaller;
use super::page::{self, PageOut, PageQuery};
use super::problems::Problems;
use super::state::State;
use crate::access::mails::store::{self, Row, State as Stage};
use crate::http::{Answer, ApiError, ApiResult, Code, Params};
use crate::kernel::Micros;
use crate::kernel::id::MailId;
use crate::kernel::word::Word as _;
use actix_web::{HttpRequest, get};
use serde::Serialize;
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the operations on mails.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list_mails);
}

/// A mail, without its text.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct MailOut {
    /// Its id, which is in its `Message-ID`, too.
    #[schema(example = "mai_7HqK2mXw9Pz")]
    id: String,
    /// What it is: `alert`, or of an application `verify`, `approved` or `rejected`.
    #[schema(example = "alert")]
    kind: String,
    /// The alert or the application that it is about.
    #[schema(example = "alr_7HqK2mXw9Pz")]
    subject_id: String,
    /// Whom an alert is sent to; null for applications, which know their applicant.
    #[schema(required = true, example = "Camille Robin <camille.robin@example.com>")]
    recipient: Option<String>,
    /// `waiting`, `sent` (the server or the folder has it) or `failed` (given up).
    #[schema(example = "sent")]
    state: Stage,
    /// How often it was tried.
    #[schema(example = 1)]
    attempts: i64,
    /// When it is tried next, while it waits.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = json!(null))]
    next_attempt_at: Option<Micros>,
    /// Why it was not taken the last time.
    #[schema(required = true, example = json!(null))]
    last_error: Option<String>,
    /// When it was noted.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    created_at: Micros,
    /// When it was sent or given up.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = "2026-11-22T09:41:08Z")]
    finished_at: Option<Micros>,
}

impl From<Row> for MailOut {
    fn from(row: Row) -> Self {
        let state = row.state();
        let next = Some(Micros(row.next_attempt_at.max(row.created_at)));
        Self {
            id: row.id,
            kind: row.kind,
            subject_id: row.subject_id,
            recipient: row.recipient,
            state,
            attempts: row.attempts,
            next_attempt_at: next.filter(|_| state == Stage::Waiting),
            last_error: row.last_error,
            created_at: Micros(row.created_at),
            finished_at: row.sent_at.or(row.failed_at).map(Micros),
        }
    }
}

/// A page of mails
///
/// Newest first, without their texts. What the server does not take is tried again for three days, later and later;
/// what it refuses for good (5xx) is given up at once. Those that are done with are kept for 30 days.
#[utoipa::path(
    tag = "mails", operation_id = "list_mails",
    params(
        ("state" = inline(Option<Stage>), Query, description = "Only mails in this state", example = "failed"),
        PageQuery
    ),
    responses((status = 200, description = "The page", body = PageOut<MailOut>), Problems),
    security(("admin_token" = []))
)]
#[get("/mails")]
async fn list_mails(_caller: AdminCaller, request: HttpRequest, state: State) -> ApiResult<Answer> {
    let mut params = Params::new(request.query_string());
    let stage = params.one_of("state", Stage::WORDS);
    let page = page::read(&request, params)?;
    let wrong = |_| ApiError::new(Code::InvalidCursor, "The cursor is not of this list.");
    let before = match page.after_pair()? {
        Some((at, id)) => (i64::try_from(at).map_err(wrong)?, MailId(id).to_string()),
        None => (i64::MAX, String::new()),
    };
    let rows = store::page(&state.db, (before.0, &before.1), stage, page::rows(&page)).await?;
    page::answer_by(&page, rows, keys, MailOut::from)
}

/// The keys by which a page goes on behind a mail.
fn keys(row: &Row) -> (u64, u64) {
    let id = row.id.parse().map_or(0, |MailId(id)| id);
    (row.created_at.unsigned_abs(), id)
}
