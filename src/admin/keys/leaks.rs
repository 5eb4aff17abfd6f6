//! Where a key was found that should not be seen.

use crate::access::leaks::{Found, Leak, list_leaks};
use crate::access::service;
use crate::admin::caller::AdminCaller;
use crate::admin::problems::{Missing, Problems};
use crate::admin::state::State;
use crate::http::answer::Cache;
use crate::http::{Answer, ApiPath, ApiResult};
use crate::kernel::Micros;
use crate::kernel::id::KeyId;
use actix_web::get;
use serde::Serialize;
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the list.
pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list_key_leaks);
}

/// A place where a secret of a key was found.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct LeakOut {
    /// The last characters of the secret.
    #[schema(example = "x7Qa")]
    hint: String,
    /// What the reporter calls its form.
    #[schema(example = "comptoir_api_key")]
    r#type: String,
    /// Where it was found, without the secret; empty where that was not told.
    #[schema(example = "https://github.com/octocat/hello/blob/1234/foo.txt")]
    url: String,
    /// In what it was found.
    #[schema(example = "content")]
    source: String,
    /// What was to be done then: `quarantine` or `revoke`, or for an admin token `suspend`.
    #[schema(example = "quarantine")]
    action: String,
    /// When it was reported.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    found_at: Micros,
}

impl From<Leak> for LeakOut {
    fn from(leak: Leak) -> Self {
        let Leak { hint, kind, url, source, action, found_at, .. } = leak;
        Self { hint, r#type: kind, url, source, action, found_at }
    }
}

/// The places where a key was found.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct LeaksOut {
    /// The places, the newest first, 200 at most.
    items: Vec<LeakOut>,
}

impl LeaksOut {
    /// The answer with these places.
    pub fn answer(leaks: Vec<Leak>) -> ApiResult<Answer> {
        let items: Vec<LeakOut> = leaks.into_iter().map(LeakOut::from).collect();
        let records = items.len() as u32;
        Answer::json(&Self { items }, Cache::NoStore, records)
    }
}

/// Places where a key was found
///
/// Where scanners of public places have seen one of its secrets.
#[utoipa::path(
    tag = "keys", operation_id = "list_key_leaks",
    params(("key_id" = String, Path, description = "Id of the key", example = "key_0Ab12Cd34Ef")),
    responses((status = 200, description = "The places", body = LeaksOut), Missing, Problems),
    security(("admin_token" = []))
)]
#[get("/keys/{key_id}/leaks")]
async fn list_key_leaks(
    _caller: AdminCaller,
    id: ApiPath<KeyId>,
    state: State,
) -> ApiResult<Answer> {
    service::get_key(&state.db, id.0, state.clock.now()).await?;
    LeaksOut::answer(list_leaks(&state.db, Found::Key(id.0)).await?)
}
