//! Notes about partners over HTTP.

use super::caller::AdminCaller;
use super::page::{self, PageOut, PageQuery};
use super::problems::{BodyProblems, Conflicts, Missing, Problems};
use super::state::{State, created};
use crate::access::partners::service::{self, NoteText};
use crate::access::partners::store::Note;
use crate::http::{Answer, ApiPath, ApiResult, JsonBody, Params};
use crate::kernel::Micros;
use crate::kernel::id::PartnerId;
use actix_web::{HttpRequest, HttpResponse, get, post};
use serde::{Deserialize, Serialize};
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the operations on notes.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list_partner_notes).service(create_partner_note);
}

/// A note to write.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NoteIn {
    /// What it says; lines may break. It can never be changed.
    #[schema(value_type = String, min_length = 1, max_length = 4_000, example = "Asked for more calls at the sales.")]
    pub body: NoteText,
}

/// A note about a partner.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct NoteOut {
    /// Counts the partner's notes from 1.
    #[schema(example = 1)]
    pub number: u64,
    /// Who wrote it.
    #[schema(example = "adm_5pLw38mNoPq")]
    pub author: String,
    /// What it says.
    #[schema(example = "Asked for more calls at the sales.")]
    pub body: String,
    /// When it was written.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    pub written_at: Micros,
}

impl From<Note> for NoteOut {
    fn from(note: Note) -> Self {
        let Note { number, author, body, written_at } = note;
        Self { number: number.unsigned_abs(), author, body, written_at: Micros(written_at) }
    }
}

/// The notes about a partner
///
/// Newest first.
#[utoipa::path(
    tag = "partners", operation_id = "list_partner_notes",
    params(("partner_id" = String, Path, description = "Id of the partner", example = "prt_4kPz09aBcDe"), PageQuery),
    responses((status = 200, description = "The page", body = PageOut<NoteOut>), Missing, Problems),
    security(("admin_token" = []))
)]
#[get("/partners/{partner_id}/notes")]
async fn list_partner_notes(
    _caller: AdminCaller,
    id: ApiPath<PartnerId>,
    request: HttpRequest,
    state: State,
) -> ApiResult<Answer> {
    let page = page::read(&request, Params::new(request.query_string()))?;
    let before = page.after()?.and_then(|after| i64::try_from(after).ok()).unwrap_or(i64::MAX);
    let notes = service::notes(&state.db, id.0, before, page::rows(&page)).await?;
    page::answer(&page, notes, |note| note.number.unsigned_abs(), NoteOut::from)
}

/// Write a note about a partner
///
/// It stays as it is, with its author and its time. The audit log tells that it was written, not what it says.
#[utoipa::path(
    tag = "partners", operation_id = "create_partner_note", request_body = NoteIn,
    params(("partner_id" = String, Path, description = "Id of the partner", example = "prt_4kPz09aBcDe")),
    responses(
        (status = 201, description = "The note, in the list at the place in `Location`", body = NoteOut),
        Missing, Conflicts, BodyProblems, Problems
    ),
    security(("admin_token" = []))
)]
#[post("/partners/{partner_id}/notes")]
async fn create_partner_note(
    caller: AdminCaller,
    id: ApiPath<PartnerId>,
    body: JsonBody<NoteIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    let by = caller.by(&state.clock);
    let note = service::add_note(&state.db, &by, id.0, &body.0.body).await?;
    created(&format!("partners/{}/notes", id.0), &NoteOut::from(note))
}
