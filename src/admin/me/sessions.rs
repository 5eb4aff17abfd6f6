//! The sessions of who calls.

use super::person;
use crate::access::AccessError;
use crate::access::error::Kind;
use crate::admin::caller::AdminCaller;
use crate::admin::login;
use crate::admin::problems::{Conflicts, Missing, Problems};
use crate::admin::sessions::{Session, store};
use crate::admin::state::State;
use crate::http::answer::Cache;
use crate::http::{Answer, ApiPath, ApiResult};
use crate::kernel::Micros;
use crate::kernel::id::SessionId;
use actix_web::{HttpResponse, get, post};
use serde::Serialize;
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the caller's sessions.
pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list_my_sessions).service(end_my_session);
}

/// A session.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct SessionOut {
    /// Id of the session.
    #[schema(value_type = String, example = "ses_4kPz09aBcDe")]
    id: SessionId,
    /// Whether it is that of this call.
    #[schema(example = true)]
    current: bool,
    /// From which address it was begun.
    #[schema(example = "192.0.2.7")]
    address: String,
    /// What the browser called itself.
    #[schema(example = "Mozilla/5.0")]
    agent: String,
    /// When it was begun.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    created_at: Micros,
    /// When it was last used, to the minute.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    seen_at: Micros,
    /// When it ends at the latest.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T21:41:07Z")]
    expires_at: Micros,
}

/// The sessions of an account.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct SessionsOut {
    /// The sessions, the newest first.
    items: Vec<SessionOut>,
}

/// Your sessions
///
/// Those of the account of the call that have not ended.
#[utoipa::path(
    tag = "me", operation_id = "list_my_sessions",
    responses((status = 200, description = "The sessions", body = SessionsOut), Conflicts, Problems),
    security(("admin_token" = []))
)]
#[get("/me/sessions")]
async fn list_my_sessions(caller: AdminCaller, state: State) -> ApiResult<Answer> {
    let (account, current) = person(&caller)?;
    let out = |session: Session| {
        let Session { id, address, agent, created_at, seen_at, expires_at } = session;
        SessionOut { id, current: id == current, address, agent, created_at, seen_at, expires_at }
    };
    let (now, mut sessions) = (state.clock.now(), store::of(&state.db, account).await?);
    sessions.retain(|session| !session.is_over(&state.settings, now));
    let items: Vec<SessionOut> = sessions.into_iter().map(out).collect();
    let records = items.len() as u32;
    Answer::json(&SessionsOut { items }, Cache::NoStore, records)
}

/// End a session of yours
///
/// Whoever has it is out at the next call.
#[utoipa::path(
    tag = "me", operation_id = "end_my_session",
    params(("session_id" = String, Path, description = "Id of the session", example = "ses_4kPz09aBcDe")),
    responses((status = 204, description = "It has ended"), Missing, Conflicts, Problems),
    security(("admin_token" = []))
)]
#[post("/me/sessions/{session_id}/end")]
async fn end_my_session(
    caller: AdminCaller,
    id: ApiPath<SessionId>,
    state: State,
) -> ApiResult<HttpResponse> {
    let (account, _) = person(&caller)?;
    let by = caller.by(&state.clock);
    if !login::service::logout(&state, &by, (account, id.0)).await? {
        return Err(AccessError::not_found(Kind::Session, id.0).into());
    }
    Ok(HttpResponse::NoContent().finish())
}
