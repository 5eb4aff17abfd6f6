//! One change to many keys over HTTP: a preview, then the change with its token.

use crate::access::keys::bulk::{self, BulkIn, Changed};
use crate::access::keys::model::KeyStatus;
use crate::access::model::{Key, Name};
use crate::admin::approvals::service::{Action, Shown, answer, payload, perform};
use crate::admin::approvals::{MayWait, respond};
use crate::admin::caller::AdminCaller;
use crate::admin::problems::{BodyProblems, Conflicts, Problems};
use crate::admin::state::{State, done};
use crate::config::FourEyes;
use crate::http::{ApiResult, JsonBody, form};
use crate::kernel::Micros;
use crate::kernel::id::{AppId, KeyId};
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpResponse, post};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa_actix_web::service_config::ServiceConfig;

/// Most keys that a second person is shown at once.
const SHOWN_MOST: usize = 100;

/// Mounts the operations on many keys.
pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(preview_bulk_change).service(apply_bulk_change);
}

/// A change that was looked at, and the token of its preview.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct BulkRunIn {
    /// The change, as it was previewed.
    request: BulkIn,
    /// The token of the preview.
    #[schema(example = "6a1f2c00.81c44bd0aa19")]
    token: String,
}

/// A key that a change is made to.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct BulkKeyOut {
    /// Its id.
    #[schema(value_type = String, example = "key_0Ab12Cd34Ef")]
    id: KeyId,
    /// The app that it is for.
    #[schema(value_type = String, example = "app_7nRy25kLmNo")]
    app_id: AppId,
    /// What people call it.
    #[schema(value_type = String, example = "production")]
    name: Name,
    /// Its status.
    #[schema(example = "active")]
    status: KeyStatus,
    /// When it was last used, with any secret that it ever had; null where it never was.
    #[schema(required = true, value_type = Option<String>, format = DateTime)]
    last_used_at: Option<Micros>,
}

impl From<Key> for BulkKeyOut {
    fn from(key: Key) -> Self {
        let Key { id, status, last_used_at, spec, .. } = key;
        Self { id, app_id: spec.app, name: spec.name, status, last_used_at }
    }
}

/// A key that a change cannot be made to, or that it would not change.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct SkippedOut {
    /// Its id.
    #[schema(value_type = String, example = "key_0Ab12Cd34Ef")]
    id: KeyId,
    /// Why: the status that it has, `rotating`, `expired`, `signs_with_its_own`, or `frozen`: then it can be suspended,
    /// put in quarantine, revoked, or rotated with `overlap_s` 0; `unknown` for an id that no key has, `not_in_filter`
    /// for a key that does not fit what else the filter says.
    #[schema(example = "revoked")]
    reason: &'static str,
}

/// What a change would be made to.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct BulkPreviewOut {
    /// Allows the change to exactly these keys, as they are now; null where no key would be changed.
    #[schema(required = true, example = "6a1f2c00.81c44bd0aa19")]
    token: Option<String>,
    /// Until when; null without a token.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = "2026-11-23T09:41:07Z")]
    expires_at: Option<Micros>,
    /// How many keys would be changed.
    #[schema(example = 12)]
    count: usize,
    /// These keys, in the order of their ids.
    keys: Vec<BulkKeyOut>,
    /// Keys that fit the filter and would not be changed, and ids of the filter that fit no key.
    skipped: Vec<SkippedOut>,
}

/// A line of the answer: a key that was changed.
#[derive(Serialize, utoipa::ToSchema)]
struct BulkLineOut {
    /// Its id.
    #[schema(value_type = String, example = "key_0Ab12Cd34Ef")]
    id: KeyId,
    /// The app that it is for.
    #[schema(value_type = String, example = "app_7nRy25kLmNo")]
    app_id: AppId,
    /// What people call it.
    #[schema(value_type = String, example = "production")]
    name: Name,
    /// The status that it has now.
    #[schema(example = "active")]
    status: KeyStatus,
    /// Its new text, this once; only where it was rotated.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "cpt_live_0Ab12Cd34Ef_…")]
    text: Option<String>,
}

impl From<Changed> for BulkLineOut {
    fn from(Changed { key, status, text }: Changed) -> Self {
        let (app_id, name) = (key.spec.app, key.spec.name);
        let text = text.map(|text| text.reveal().to_owned());
        Self { id: key.id, app_id, name, status, text }
    }
}

/// Makes a change to the keys of a preview.
pub const CHANGE: Action = Action {
    operation: "apply_bulk_change",
    word: FourEyes::Bulk,
    shows: None,
    makes_secret: |what| what["request"]["action"] == "rotate",
    run: |state, tx, by, what| {
        Box::pin(async move {
            let BulkRunIn { request, token } = payload(what)?;
            let what = (&request, token.as_str());
            let changed = bulk::execute_in(tx, by, &state.pepper, what).await?;
            answer(&changed.into_iter().map(BulkLineOut::from).collect::<Vec<_>>())
        })
    },
};

/// What people are shown of a change that waits, where it does: it must be one that could be made now.
async fn shown(state: &State, BulkRunIn { request, token }: &BulkRunIn) -> ApiResult<Shown> {
    let about = [CHANGE.word, FourEyes::CustomerScopes];
    let may_wait = state.settings.four_eyes.iter().any(|word| about.contains(word));
    let waits = request.action.matters() && may_wait;
    if !waits {
        return Ok((false, Value::Null).into());
    }
    let (pepper, what) = (&state.pepper, (request, token.as_str()));
    let mut tx = state.db.snapshot().await?;
    let (keys, _, until) = bulk::previewed(&mut tx, pepper, what, state.clock.now()).await?;
    drop(tx);
    let count = keys.len();
    let keys: Vec<BulkKeyOut> = keys.into_iter().take(SHOWN_MOST).map(Into::into).collect();
    let preview = json!({ "action": request.action, "count": count, "keys": answer(&keys)? });
    Ok(Shown { matters: true, preview, until: Some(until) })
}

/// See what a change to many keys would do
///
/// Rotate, quarantine, suspend, resume or revoke all keys that fit a filter, up to 5,000. Nothing is
/// changed; the answer names every key and holds a token that allows the change to exactly these for a day.
#[utoipa::path(
    tag = "keys", operation_id = "preview_bulk_change", request_body = BulkIn,
    responses(
        (status = 200, description = "What would be changed", body = BulkPreviewOut),
        BodyProblems, Problems
    ),
    security(("admin_token" = []))
)]
#[post("/keys/bulk/preview")]
async fn preview_bulk_change(
    _caller: AdminCaller,
    body: JsonBody<BulkIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    let seen = bulk::preview(&state.db, &state.pepper, &body.0, state.clock.now()).await?;
    let skipped = seen.skipped.into_iter().map(|(id, reason)| SkippedOut { id, reason });
    done(&BulkPreviewOut {
        expires_at: seen.token.is_some().then_some(seen.expires_at),
        token: seen.token,
        count: seen.keys.len(),
        keys: seen.keys.into_iter().map(BulkKeyOut::from).collect(),
        skipped: skipped.collect(),
    })
}

/// Change many keys
///
/// With the token of a preview: exactly its keys are changed, all of them or none. 409 where one of them, or
/// which keys the filter means, has changed since. The answer has a line of JSON for each key; after a
/// rotation it holds the new texts, this once. To rotate, resume or revoke may take a second person, also to rotate
/// keys with scopes that `admin.guarded_scopes` names, who approves it as long as the token holds; then the lines are the `result`, of a rotation when it is claimed.
#[utoipa::path(
    tag = "keys", operation_id = "apply_bulk_change", request_body = BulkRunIn,
    responses(
        (status = 200, description = "The keys, a line each", body = BulkLineOut, content_type = "application/x-ndjson"),
        MayWait, Conflicts, BodyProblems, Problems
    ),
    security(("admin_token" = []))
)]
#[post("/keys/bulk")]
async fn apply_bulk_change(
    caller: AdminCaller,
    body: JsonBody<BulkRunIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    let shown = shown(&state, &body.0).await?;
    let outcome = perform(&state, &caller, &CHANGE, answer(&body.0)?, shown).await?;
    state.applied().await;
    respond(&state, outcome, |lines| {
        let lines = lines.as_array().into_iter().flatten().map(|line| format!("{line}\n"));
        let lines: String = lines.collect();
        Ok(HttpResponse::Ok().insert_header((CONTENT_TYPE, form::NDJSON)).body(lines))
    })
}
