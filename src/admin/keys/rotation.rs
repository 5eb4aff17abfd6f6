//! Rotation over HTTP.

use super::actions;
use super::schema::{IssuedKeyOut, KeyOut, RotationEndIn, RotationIn};
use crate::access::keys::service::Begun;
use crate::access::service;
use crate::admin::approvals::service::{Shown, answer, perform};
use crate::admin::approvals::{MayWait, respond};
use crate::admin::caller::AdminCaller;
use crate::admin::problems::{BodyProblems, Conflicts, Missing, Problems};
use crate::admin::state::{State, done};
use crate::http::{ApiPath, ApiResult, OptionalBody};
use crate::kernel::id::KeyId;
use actix_web::{HttpResponse, post};
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the operations on rotations.
pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(rotate_key).service(finish_rotation).service(roll_back_rotation);
}

/// Give a key a new secret
///
/// The answer holds the key's new text, this once. The old text works until the overlap is over,
/// so that it can be replaced without a gap; with `starts_at` and `cut_over_at` both are set in advance.
/// Without a body, the old text works for a day. At most two texts work at a time. While both are there, the
/// rotation can be finished or rolled back.
/// Of a key with scopes that `admin.guarded_scopes` names it may take a second person, as the key itself did.
#[utoipa::path(
    tag = "keys", operation_id = "rotate_key", request_body = Option<RotationIn>,
    params(("key_id" = String, Path, description = "Id of the key", example = "key_0Ab12Cd34Ef")),
    responses(
        (status = 200, description = "The key and its new text", body = IssuedKeyOut),
        MayWait, Missing, Conflicts, BodyProblems, Problems
    ),
    security(("admin_token" = []))
)]
#[post("/keys/{key_id}/rotate")]
async fn rotate_key(
    caller: AdminCaller,
    id: ApiPath<KeyId>,
    body: OptionalBody<RotationIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    let what = answer(&actions::Rotate { id: id.0, rotation: body.0 })?;
    let outcome = perform(&state, &caller, &actions::ROTATE, what, Shown::by_action()).await?;
    state.applied().await;
    respond(&state, outcome, done)
}

/// End a key's old secret now
///
/// For when the old one is quiet, or must not work any longer. Where the new one begins later, 409 says when; with `now`
/// it begins now. Access tokens that a client has got so far end, too.
#[utoipa::path(
    tag = "keys", operation_id = "finish_rotation", request_body = Option<RotationEndIn>,
    params(("key_id" = String, Path, description = "Id of the key", example = "key_0Ab12Cd34Ef")),
    responses((status = 200, description = "The key", body = KeyOut), Missing, Conflicts, BodyProblems, Problems),
    security(("admin_token" = []))
)]
#[post("/keys/{key_id}/rotation/finish")]
async fn finish_rotation(
    caller: AdminCaller,
    id: ApiPath<KeyId>,
    body: OptionalBody<RotationEndIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    let by = caller.by(&state.clock);
    let begun = if body.0.now { Begun::Now } else { Begun::Already };
    let key = service::finish_rotation(&state.db, &by, id.0, begun).await?;
    state.applied().await;
    done(&KeyOut::now(&state.db, key).await?)
}

/// Take a rotation back
///
/// As long as the old secret has not ended: it stays, and the new one ends now.
#[utoipa::path(
    tag = "keys", operation_id = "roll_back_rotation",
    params(("key_id" = String, Path, description = "Id of the key", example = "key_0Ab12Cd34Ef")),
    responses((status = 200, description = "The key", body = KeyOut), Missing, Conflicts, Problems),
    security(("admin_token" = []))
)]
#[post("/keys/{key_id}/rotation/roll-back")]
async fn roll_back_rotation(
    caller: AdminCaller,
    id: ApiPath<KeyId>,
    state: State,
) -> ApiResult<HttpResponse> {
    let by = caller.by(&state.clock);
    let key = service::roll_back_rotation(&state.db, &by, id.0).await?;
    state.applied().await;
    done(&KeyOut::now(&state.db, key).await?)
}
