//! The rules by which calls are charged, over HTTP.

use crate::admin::caller::AdminCaller;
use crate::admin::problems::Problems;
use crate::http::{Answer, ApiResult};
use crate::metering::billability::api::{BillabilityOut, answer};
use actix_web::{HttpRequest, get};
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the operation.
pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(get_billability);
}

/// What is charged
///
/// The rules that decide whether a call is charged, in their order, as partners see them: the very table that bill and quotas
/// are counted by.
#[utoipa::path(
    tag = "billing", operation_id = "get_billability",
    responses((status = 200, description = "The rules", body = BillabilityOut), Problems),
    security(("admin_token" = []))
)]
#[get("/billability")]
async fn get_billability(_caller: AdminCaller, request: HttpRequest) -> ApiResult<Answer> {
    answer(&request)
}
