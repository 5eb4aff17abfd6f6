//! `GET /v1/billability`: the rules by which calls are charged, open to everybody.

use super::{RULES, Rule};
use crate::http::answer::{self, Cache};
use crate::http::{Answer, ApiResult, Params};
use actix_web::{HttpRequest, HttpResponse, get, http::header};
use serde::Serialize;
use std::sync::LazyLock;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

/// Where the rules are.
pub const PATH: &str = "/v1/billability";

/// Mounts the operation.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(get_billability);
}

/// The rules that decide whether a call is charged.
#[derive(Debug, Serialize, ToSchema)]
pub struct BillabilityOut {
    /// The rules in their order: the first whose condition holds decides. The last one always holds, and charges nothing.
    rules: Vec<BillabilityRuleOut>,
}

/// A rule that decides whether a call is charged.
#[derive(Debug, Serialize, ToSchema)]
pub struct BillabilityRuleOut {
    /// Its id, as exports and statements have it with each call. What a rule says is never edited: another policy has
    /// other ids.
    #[schema(example = "v1.not_modified")]
    id: &'static str,
    /// When it applies, over the environment of the key (`live` or `test`), the HTTP status, how the call ended, and the
    /// operation.
    #[schema(example = "status is 304, or outcome is not_modified")]
    condition: String,
    /// Whether such a call is charged.
    #[schema(example = false)]
    billable: bool,
    /// Why, for people.
    #[schema(example = "The caller's copy was still good")]
    because: &'static str,
    /// The version of the program that has it first.
    #[schema(example = "0.1.0")]
    since: &'static str,
}

impl From<&Rule> for BillabilityRuleOut {
    fn from(rule: &Rule) -> Self {
        let Rule { id, billable, because, since, condition, .. } = *rule;
        Self { id, condition: condition.to_string(), billable, because, since }
    }
}

/// The table that this version of the program judges with.
pub static TABLE: LazyLock<BillabilityOut> =
    LazyLock::new(|| BillabilityOut { rules: RULES.iter().map(Into::into).collect() });

/// The table as an answer.
pub fn answer(request: &HttpRequest) -> ApiResult<Answer> {
    Params::new(request.query_string()).finish()?;
    Answer::json(&*TABLE, Cache::NoStore, 1)
}

/// What is charged
///
/// The rules that decide whether a call is charged, in their order: the very table that bill and quotas are counted by. The id
/// of the rule that decided stands with each call in `GET /v1/usage/events`. Nobody needs a key for this.
#[utoipa::path(
    operation_id = "get_billability", tag = "usage",
    responses((status = 200, description = "The rules.", body = BillabilityOut)),
    security(()),
)]
#[get("/v1/billability")]
async fn get_billability() -> ApiResult<HttpResponse> {
    static TEXT: LazyLock<Vec<u8>> =
        LazyLock::new(|| serde_json::to_vec(&*TABLE).unwrap_or_default());
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, answer::JSON))
        .insert_header((header::CACHE_CONTROL, "public, max-age=300"))
        .body(TEXT.as_slice()))
}
