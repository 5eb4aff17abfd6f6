//! The audit log over HTTP: who did what, to what, and when.

mod export;
mod store;

use super::caller::AdminCaller;
use super::page::{self, PageOut, PageQuery};
use super::problems::Problems;
use super::state::State;
use crate::http::{Answer, ApiResult, Params};
use crate::kernel::Micros;
use crate::kernel::id::AuditId;
use crate::storage::StoreError;
use actix_web::{HttpRequest, get};
use serde::Serialize;
use serde_json::Value;
use store::{AuditFilter, AuditRow};
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the operation on the audit log.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list_audit).configure(export::configure);
}

/// One change, as it was made.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AuditOut {
    /// Id of the entry; later entries have greater ids.
    #[schema(value_type = String, example = "aud_0000000001z")]
    pub id: AuditId,
    /// Who did it: the id of an admin token, or the part of the program that acted.
    #[schema(example = "adm_9pSz33qRsTu")]
    pub actor: String,
    /// What was done.
    #[schema(example = "key.rotate")]
    pub action: String,
    /// Id of what it was done to.
    #[schema(example = "key_0Ab12Cd34Ef")]
    pub subject: String,
    /// What it became; never a secret.
    #[schema(value_type = Object, example = json!({"overlap_s": 86400}))]
    pub detail: Value,
    /// When it was done.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    pub occurred_at: Micros,
}

impl TryFrom<AuditRow> for AuditOut {
    type Error = StoreError;

    fn try_from(row: AuditRow) -> Result<Self, StoreError> {
        let detail = serde_json::from_str(&row.detail);
        Ok(Self {
            id: AuditId(row.position.unsigned_abs()),
            actor: row.actor,
            action: row.action,
            subject: row.subject,
            detail: detail.map_err(|error| StoreError::corrupt("audit_log", error))?,
            occurred_at: Micros(row.occurred_at),
        })
    }
}

/// A page of the audit log
///
/// Newest first, of those that fit all that is asked for.
#[utoipa::path(
    tag = "audit", operation_id = "list_audit",
    params(
        ("subject" = Option<String>, Query, description = "Only what was done to the thing with this id", example = "key_0Ab12Cd34Ef"),
        ("partner_id" = Option<String>, Query, description = "Only what was done to this partner, to its apps and to their keys", example = "prt_4kPz09aBcDe"),
        ("actor" = Option<String>, Query, description = "Only what was done by this token, account or part of the program, alone or with a second person", example = "adm_9pSz33qRsTu"),
        ("action" = Option<String>, Query, description = "Only this action, or with a kind, such as `key`, all that is done to things of that kind", example = "key.rotate"),
        ("from" = Option<String>, Query, format = DateTime, description = "Only what was done at or after this time", example = "2026-11-01T00:00:00Z"),
        ("to" = Option<String>, Query, format = DateTime, description = "Only what was done before this time", example = "2026-12-01T00:00:00Z"),
        PageQuery
    ),
    responses((status = 200, description = "The page", body = PageOut<AuditOut>), Problems),
    security(("admin_token" = []))
)]
#[get("/audit")]
async fn list_audit(_caller: AdminCaller, request: HttpRequest, state: State) -> ApiResult<Answer> {
    let mut params = Params::new(request.query_string());
    let filter = AuditFilter::read(&mut params);
    let page = page::read(&request, params)?;
    let before = page.after()?.and_then(|after| i64::try_from(after).ok()).unwrap_or(i64::MAX);
    let rows = store::find(&state.db, &filter, before, page::rows(&page)).await?;
    let entries: Vec<AuditOut> =
        rows.into_iter().map(AuditOut::try_from).collect::<Result<_, _>>()?;
    page::answer(&page, entries, |entry| entry.id.0, |entry| entry)
}
