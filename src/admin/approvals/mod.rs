//! Actions that wait for a second person, over HTTP.

mod ask;
mod decide;
mod judge;
mod model;
pub mod service;
mod store;

use super::caller::AdminCaller;
use super::page::{self, PageOut, PageQuery};
use super::problems::{BodyProblems, Conflicts, Missing, Problems};
use super::state::{State, accepted, done};
use super::subscriptions::ReasonIn;
use crate::access::AccessError;
use crate::access::error::Kind;
use crate::http::answer::Cache;
use crate::http::{Answer, ApiError, ApiPath, ApiResult, Code, JsonBody, Params};
use crate::kernel::Micros;
use crate::kernel::id::ApprovalId;
use actix_web::{HttpRequest, HttpResponse, get, post};
use serde::Serialize;
use serde_json::Value;
use service::{Approval, Outcome, Standing};
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the operations on approvals.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_approvals)
        .service(get_approval)
        .service(approve_action)
        .service(claim_action)
        .service(reject_action);
}

/// An action that waits, or has waited, for a second person.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ApprovalOut {
    /// Id of the approval.
    #[schema(value_type = String, example = "apr_4kPz09aBcDe")]
    id: ApprovalId,
    /// The operation that will be done; its right is needed to approve it.
    #[schema(example = "create_token")]
    action: String,
    /// What exactly will be done; null for who has neither asked for it nor the right that it needs.
    #[schema(required = true, value_type = Option<Object>, example = json!({"name": "deploy", "roles": ["owner"], "expires_at": null, "person": "acc_9pSz33qRsTu"}))]
    payload: Value,
    /// What comes of it, for people: of a change to keys also whose they are and what they are now; null as `payload`
    /// is.
    #[schema(required = true, value_type = Option<Object>, example = json!({"name": "deploy", "roles": ["owner"]}))]
    preview: Value,
    /// `waiting`, `claimable` (approved, and done when who has asked claims it), `approved` (and done), `rejected` or
    /// `expired`.
    status: Standing,
    /// Who has asked for it.
    #[schema(example = "acc_9pSz33qRsTu")]
    asked_by: String,
    /// When they asked.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    asked_at: Micros,
    /// Until when it can be approved and, where it makes a secret, claimed.
    #[schema(value_type = String, format = DateTime, example = "2026-11-25T09:41:07Z")]
    expires_at: Micros,
    /// Who decided; null while it waits.
    #[schema(example = "acc_4kPz09aBcDe")]
    decided_by: Option<String>,
    /// When they decided; null while it waits.
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-11-22T10:02:11Z")]
    decided_at: Option<Micros>,
    /// Why it was rejected: in the words of who did, or what has made it pointless, such as that the period was closed
    /// meanwhile; null where it was not.
    #[schema(example = json!(null))]
    reason: Option<String>,
}

impl ApprovalOut {
    /// An approval as a caller may see it.
    fn to(caller: &AdminCaller, approval: Approval, now: Micros) -> Self {
        let (payload, preview) = match service::may_see(caller, &approval) {
            true => (approval.payload.clone(), approval.preview.clone()),
            false => (Value::Null, Value::Null),
        };
        Self { payload, preview, ..Self::of(approval, now) }
    }

    fn of(approval: Approval, now: Micros) -> Self {
        let status = approval.standing(now);
        let Approval { id, action, payload, preview, asked_by, asked_at, expires_at, .. } =
            approval;
        let Approval { decided_by, decided_at, reason, .. } = approval;
        Self {
            id,
            action,
            payload,
            preview,
            status,
            asked_by,
            asked_at,
            expires_at,
            decided_by,
            decided_at,
            reason,
        }
    }
}

/// An action that was approved.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct ApprovedOut {
    /// The approval.
    approval: ApprovalOut,
    /// What the operation answers; null where who has asked has yet to claim it.
    #[schema(required = true, value_type = Option<Object>, example = json!({"id": "adm_9pSz33qRsTu", "status": "revoked"}))]
    result: Option<Value>,
}

/// An action that was claimed and done.
#[derive(Serialize, utoipa::ToSchema)]
struct ClaimedOut {
    /// The approval.
    approval: ApprovalOut,
    /// What the operation answers; secrets in it are shown this once. Of a change to many keys, the lines.
    #[schema(value_type = Object, example = json!({"token": {"id": "adm_9pSz33qRsTu"}, "text": "cpt_admin_9pSz33qRsTu_…"}))]
    result: Value,
}

/// The operation waits for a second person.
#[derive(Debug, utoipa::IntoResponses)]
pub enum MayWait {
    /// It waits until a second person approves it (`admin.four_eyes`), at `/admin/v1/approvals`.
    #[response(status = 202)]
    Waits(ApprovalOut),
}

/// What an action answers: `done` says how where it was done, and 202 with the approval where it waits.
pub fn respond(
    state: &State,
    outcome: Outcome,
    done: impl FnOnce(&Value) -> ApiResult<HttpResponse>,
) -> ApiResult<HttpResponse> {
    match outcome {
        Outcome::Done(value) => done(&value),
        Outcome::Waits(approval) => accepted(&ApprovalOut::of(*approval, state.clock.now())),
    }
}

/// What waits for a second person
///
/// The newest first; with `waiting=true` those alone that can be decided now. Half a year after they were asked for,
/// they are in the audit log alone.
#[utoipa::path(
    tag = "approvals", operation_id = "list_approvals",
    params(
        ("waiting" = Option<bool>, Query, description = "Whether only those are listed that wait", example = true),
        PageQuery
    ),
    responses((status = 200, description = "The page", body = PageOut<ApprovalOut>), Problems),
    security(("admin_token" = []))
)]
#[get("/approvals")]
async fn list_approvals(
    caller: AdminCaller,
    request: HttpRequest,
    state: State,
) -> ApiResult<Answer> {
    let mut params = Params::new(request.query_string());
    let waiting = params.flag("waiting");
    let page = page::read(&request, params)?;
    let wrong = |_| ApiError::new(Code::InvalidCursor, "The cursor is not of this list.");
    let behind = match page.after_pair()? {
        Some((at, id)) => Some((Micros(i64::try_from(at).map_err(wrong)?), ApprovalId(id))),
        None => None,
    };
    let now = state.clock.now();
    let found =
        service::list(&state.db, waiting.then_some(now), (behind, page::rows(&page))).await?;
    let keys = |approval: &Approval| (approval.asked_at.0.unsigned_abs(), approval.id.0);
    page::answer_by(&page, found, keys, |approval| ApprovalOut::to(&caller, approval, now))
}

/// An approval
///
/// By its id.
#[utoipa::path(
    tag = "approvals", operation_id = "get_approval",
    params(("approval_id" = String, Path, description = "Id of the approval", example = "apr_4kPz09aBcDe")),
    responses((status = 200, description = "The approval", body = ApprovalOut), Missing, Problems),
    security(("admin_token" = []))
)]
#[get("/approvals/{approval_id}")]
async fn get_approval(
    caller: AdminCaller,
    id: ApiPath<ApprovalId>,
    state: State,
) -> ApiResult<Answer> {
    let found = service::find(&state.db, id.0).await?;
    let approval = found.ok_or_else(|| AccessError::not_found(Kind::Approval, id.0))?;
    Answer::json(&ApprovalOut::to(&caller, approval, state.clock.now()), Cache::NoStore, 1)
}

/// Approve what waits
///
/// By another person than who has asked, in a session, with the right that the operation needs; nor by whoever
/// was handed the first password of the other's account. It is done exactly as it was asked for, and the audit
/// log names both. Where it cannot be done it waits on, also where a key, or whose it is, is not as `preview` shows it
/// any more: then it is asked for anew. What makes a secret (a token, a key, a password) is
/// `claimable` instead: it is done when who has asked claims it, so that nobody else sees the secret.
#[utoipa::path(
    tag = "approvals", operation_id = "approve_action",
    params(("approval_id" = String, Path, description = "Id of the approval", example = "apr_4kPz09aBcDe")),
    responses(
        (status = 200, description = "It was done, or can be claimed", body = ApprovedOut), Missing, Conflicts, Problems
    ),
    security(("admin_token" = []))
)]
#[post("/approvals/{approval_id}/approve")]
async fn approve_action(
    caller: AdminCaller,
    id: ApiPath<ApprovalId>,
    state: State,
) -> ApiResult<HttpResponse> {
    let (approval, result) = service::approve(&state, &caller, id.0).await?;
    state.applied().await;
    done(&ApprovedOut { approval: ApprovalOut::of(approval, state.clock.now()), result })
}

/// Claim what was approved
///
/// By who has asked, with their account or a token of theirs that has the right. It is done now, once, exactly
/// as it was asked for; the answer holds the secret, this once. Where it cannot be done it stays `claimable`.
#[utoipa::path(
    tag = "approvals", operation_id = "claim_action",
    params(("approval_id" = String, Path, description = "Id of the approval", example = "apr_4kPz09aBcDe")),
    responses(
        (status = 200, description = "It was done", body = ClaimedOut), Missing, Conflicts, Problems
    ),
    security(("admin_token" = []))
)]
#[post("/approvals/{approval_id}/claim")]
async fn claim_action(
    caller: AdminCaller,
    id: ApiPath<ApprovalId>,
    state: State,
) -> ApiResult<HttpResponse> {
    let (approval, result) = service::claim(&state, &caller, id.0).await?;
    state.applied().await;
    done(&ClaimedOut { approval: ApprovalOut::of(approval, state.clock.now()), result })
}

/// Reject what waits
///
/// By somebody with the right that the operation needs, or by who has asked; also what is yet to be claimed.
#[utoipa::path(
    tag = "approvals", operation_id = "reject_action", request_body = ReasonIn,
    params(("approval_id" = String, Path, description = "Id of the approval", example = "apr_4kPz09aBcDe")),
    responses(
        (status = 200, description = "The approval", body = ApprovalOut),
        Missing, Conflicts, BodyProblems, Problems
    ),
    security(("admin_token" = []))
)]
#[post("/approvals/{approval_id}/reject")]
async fn reject_action(
    caller: AdminCaller,
    id: ApiPath<ApprovalId>,
    body: JsonBody<ReasonIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    let approval = service::reject(&state, &caller, id.0, body.0.reason.to_string()).await?;
    done(&ApprovalOut::of(approval, state.clock.now()))
}
