//! Statements over HTTP.

use crate::admin::caller::AdminCaller;
use crate::admin::page::{self, PageOut, PageQuery};
use crate::admin::problems::{Missing, Problems};
use crate::admin::state::State;
use crate::billing::api::statements::{self, StatementOut, StatementRowOut};
use crate::billing::view::{self, Whose};
use crate::http::{Answer, ApiPath, ApiResult, Params};
use crate::kernel::id::{BillingPeriodId, StatementId};
use actix_web::{HttpRequest, get};
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the operations on statements.
pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list_statements).service(get_statement);
}

/// A page of statements
///
/// Those of a period, or without one those of all that are open. In the order of their ids: provisional while the period
/// is open, final once it is closed.
#[utoipa::path(
    tag = "billing", operation_id = "list_statements",
    params(
        ("period_id" = Option<String>, Query, description = "The period; without it, every period that is open", example = "per_2mQx17fGhIj"),
        ("partner_id" = Option<String>, Query, description = "Only those of this partner", example = "prt_4kPz09aBcDe"),
        ("app_id" = Option<String>, Query, description = "Only those of this app", example = "app_7nRy25kLmNo"),
        PageQuery
    ),
    responses((status = 200, description = "The page", body = PageOut<StatementRowOut>), Missing, Problems),
    security(("admin_token" = []))
)]
#[get("/billing/statements")]
async fn list_statements(
    _caller: AdminCaller,
    request: HttpRequest,
    state: State,
) -> ApiResult<Answer> {
    let mut params = Params::new(request.query_string());
    let period: Option<BillingPeriodId> = params.value("period_id");
    let (partner, app) = (params.value("partner_id"), params.value("app_id"));
    let page = page::read(&request, params)?;
    // What is no id was refused with the page.
    let after = page.after()?.map(|after| StatementId(after).to_string()).unwrap_or_default();
    let whose = Whose { partner, app };
    let now = state.clock.now();
    let asked = (after.as_str(), page::rows(&page));
    let shown = match period {
        Some(period) => view::of_period(&state.db, period, whose, asked, now).await?,
        None => view::of_open(&state.db, whose, asked, now).await?,
    };
    page::answer(&page, shown, |shown| shown.statement.id.0, StatementRowOut::from)
}

/// A statement
///
/// What an app owes for a period: each line of the price lists that held, each call that was counted, and why some are
/// not charged. As JSON; its lines as `text/csv`, with those of kind `not_billed` behind them; or as `text/html`, a page
/// to be printed, in French where `Accept-Language` asks for that, otherwise in English.
#[utoipa::path(
    tag = "billing", operation_id = "get_statement",
    params(("statement_id" = String, Path, description = "Id of the statement", example = "stm_4kPz09aBcDe")),
    responses((status = 200, description = "The statement", body = StatementOut), Missing, Problems),
    security(("admin_token" = []))
)]
#[get("/billing/statements/{statement_id}")]
async fn get_statement(
    _caller: AdminCaller,
    request: HttpRequest,
    id: ApiPath<StatementId>,
    state: State,
) -> ApiResult<Answer> {
    let reached = view::reached(&state.db, state.clock.now()).await?;
    let shown = view::find(&state.db, id.0, Whose::default(), reached.now).await?;
    statements::answer(&request, &state.db, shown, reached, &state.billing.issuer).await
}
