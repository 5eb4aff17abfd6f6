//! Statements over HTTP, as partners and the retailer see them.

use crate::access::caller::Caller;
use crate::access::op;
use crate::billing::breakdown::{ApiUsage, NotBilled, by_api, not_billed};
use crate::billing::close::Exception;
use crate::billing::model::{Drawn, Section, Statement, StatementLine, UsageLine};
use crate::billing::names::Parties;
use crate::billing::page::{self, Names};
use crate::billing::render;
use crate::billing::view::{self, Reached, Shown, Whose};
use crate::http::answer::Cache;
use crate::http::form::Form;
use crate::http::{Answer, ApiError, ApiPath, ApiResult, Code, Params, language};
use crate::kernel::Micros;
use crate::kernel::id::{BillingPeriodId, StatementId};
use crate::kernel::word::words;
use crate::metering::api::UsageState;
use crate::storage::Db;
use actix_web::http::header::ACCEPT;
use actix_web::{HttpRequest, get, web};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

/// Frozen statements of an app in its list: six years of months and more.
const MOST: u32 = 100;

/// Mounts the handlers.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list_own_statements).service(get_own_statement);
}

words! {
    /// How a statement stands.
    #[schema(as = StatementState)]
    pub enum State {
        /// Its period is open: it says what would be owed if nothing more were called.
        Provisional = "provisional",
        /// Its period is closed, and it is never changed.
        Final = "final",
    }
}

impl State {
    /// How a statement with this digest, or without one, stands.
    fn by(digest: Option<&str>) -> Self {
        digest.map_or(Self::Provisional, |_| Self::Final)
    }
}

/// A statement in short.
#[derive(Debug, Serialize, ToSchema)]
pub struct StatementRowOut {
    /// Id of the statement.
    #[schema(value_type = String, example = "stm_4kPz09aBcDe")]
    pub id: StatementId,
    /// How it stands.
    #[schema(example = "provisional")]
    pub state: State,
    /// Id of the period.
    #[schema(value_type = String, example = "per_2mQx17fGhIj")]
    pub period_id: BillingPeriodId,
    /// Start of the period, inclusive.
    #[schema(value_type = String, format = DateTime, example = "2026-10-31T23:00:00Z")]
    pub from: Micros,
    /// End of the period, exclusive.
    #[schema(value_type = String, format = DateTime, example = "2026-11-30T23:00:00Z")]
    pub to: Micros,
    /// Who owes it.
    #[schema(example = "prt_4kPz09aBcDe")]
    pub partner_id: String,
    /// For which app.
    #[schema(example = "app_7nRy25kLmNo")]
    pub app_id: String,
    /// What is owed, after credits.
    #[schema(example = "14.08")]
    pub total: String,
    /// In which currency (ISO 4217).
    #[schema(example = "EUR")]
    pub currency: String,
}

impl From<Shown> for StatementRowOut {
    fn from(Shown { statement, digest, .. }: Shown) -> Self {
        Self {
            id: statement.id,
            state: State::by(digest.as_deref()),
            period_id: statement.period_id,
            from: statement.from,
            to: statement.to,
            partner_id: statement.partner_id.to_string(),
            app_id: statement.app_id.to_string(),
            total: statement.total,
            currency: statement.currency,
        }
    }
}

/// A statement: what an app owes for a period, and what it is made of.
#[derive(Debug, Serialize, ToSchema)]
pub struct StatementOut {
    /// Id of the statement, the same before and after the close.
    #[schema(value_type = String, example = "stm_4kPz09aBcDe")]
    id: StatementId,
    /// How it stands.
    #[schema(example = "provisional")]
    state: State,
    /// While it is provisional: everything that nodes have answered up to this instant is counted. Null once it is final.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = "2026-11-22T09:41:07Z")]
    as_of: Option<Micros>,
    /// How long before this answer that instant is, in milliseconds. Null once the statement is final.
    #[schema(required = true, minimum = 0, example = 1_204)]
    lag_ms: Option<u64>,
    /// SHA-256 of the text that was frozen, in hexadecimal digits; null while it is provisional.
    #[schema(required = true, example = json!(null))]
    digest: Option<String>,
    /// What the period was closed without, as two people agreed: calls that may be missing. Empty where nothing may be, and
    /// while it is provisional.
    #[schema(example = json!([]))]
    exceptions: Vec<Exception>,
    /// Id of the period.
    #[schema(value_type = String, example = "per_2mQx17fGhIj")]
    period_id: BillingPeriodId,
    /// Start of the period, inclusive.
    #[schema(value_type = String, format = DateTime, example = "2026-10-31T23:00:00Z")]
    from: Micros,
    /// End of the period, exclusive.
    #[schema(value_type = String, format = DateTime, example = "2026-11-30T23:00:00Z")]
    to: Micros,
    /// The time zone whose days the period is made of.
    #[schema(example = "Europe/Paris")]
    time_zone: String,
    /// Who owes it.
    #[schema(example = "prt_4kPz09aBcDe")]
    partner_id: String,
    /// For which app.
    #[schema(example = "app_7nRy25kLmNo")]
    app_id: String,
    /// The currency of all amounts (ISO 4217).
    #[schema(example = "EUR")]
    currency: String,
    /// What all lines come to before rounding.
    #[schema(example = "24.075")]
    exact: String,
    /// What it comes to before credits: the sum of the amounts of all other lines.
    #[schema(example = "24.08")]
    subtotal: String,
    /// What is owed: the sum of the amounts of the lines, credits among them.
    #[schema(example = "14.08")]
    total: String,
    /// The price lists that held in it, each for a part of the period or all of it.
    sections: Vec<Section>,
    /// What is asked, in the order of the lists.
    lines: Vec<StatementLine>,
    /// What is paid out of credits, in the order of their lines.
    credits: Vec<Drawn>,
    /// What was counted: every live call under these price lists once.
    usage: Vec<UsageLine>,
    /// The same by the part of the API.
    by_api: Vec<ApiUsage>,
    /// Of these, the calls that are not charged, by the rule that decided.
    not_billed: Vec<NotBilled>,
}

impl StatementOut {
    fn new(shown: Shown, of: Reached) -> Self {
        let reached = of.of(&shown);
        let Shown { statement, digest, exceptions } = shown;
        let Statement { id, period_id, from, to, time_zone, partner_id, app_id, .. } = statement;
        let Statement { currency, exact, subtotal, total, sections, .. } = statement;
        let Statement { lines, credits, usage, .. } = statement;
        Self {
            id,
            state: State::by(digest.as_deref()),
            as_of: reached.map(|reached| reached.through),
            lag_ms: reached.map(Reached::lag_ms),
            digest,
            exceptions,
            period_id,
            from,
            to,
            time_zone,
            partner_id: partner_id.to_string(),
            app_id: app_id.to_string(),
            currency,
            exact,
            subtotal,
            total,
            by_api: by_api(&usage),
            not_billed: not_billed(&usage),
            sections,
            lines,
            credits,
            usage,
        }
    }
}

/// A statement in a form: JSON, its lines as CSV, or a page of an issuer in a language.
pub async fn written(
    db: &Db,
    shown: Shown,
    form: Form,
    reached: Reached,
    (issuer, language): (&str, &str),
) -> ApiResult<Vec<u8>> {
    let failed = |error: &dyn std::fmt::Display| {
        tracing::error!(%error, "a statement could not be written");
        ApiError::new(Code::Internal, "The failure has been recorded; quote the request id.")
    };
    match form {
        Form::Csv => render::csv(&shown, reached).map_err(|error| failed(&error)),
        Form::Html => {
            let Parties { issuer, partner, app } =
                Parties::of(db, (&shown, issuer), reached.now).await?;
            let names = Names { issuer: &issuer, partner: &partner, app: &app };
            Ok(page::html(&shown, reached, names, language).into_bytes())
        }
        _ => {
            let out = StatementOut::new(shown, reached);
            serde_json::to_vec(&out).map_err(|error| failed(&error))
        }
    }
}

/// A statement as it was asked for; `issuer` is who bills, as pages name it.
pub async fn answer(
    request: &HttpRequest,
    db: &Db,
    shown: Shown,
    reached: Reached,
    issuer: &str,
) -> ApiResult<Answer> {
    let accept = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok());
    let form = Form::preferred_of_page(accept.unwrap_or_default());
    let language = language::preferred(request.headers(), &page::LANGUAGES).unwrap_or("en");
    let body = written(db, shown, form, reached, (issuer, language)).await?;
    Ok(Answer { form, ..Answer::new(body, Cache::NoStore, 1) })
}

/// The statements of an app.
#[derive(Debug, Serialize, ToSchema)]
struct OwnStatementsOut {
    /// The statements, the newest period first: those of open periods, and the newest 100 of closed ones.
    items: Vec<StatementRowOut>,
}

/// Your statements
///
/// What your app owes, period by period, the newest first, from the same ledger that is billed: provisional while the
/// period is open, final once it is closed. A plan that asks nothing has none. Never billed.
#[utoipa::path(
    operation_id = "list_own_statements", tag = "usage",
    responses(
        (status = 200, description = "The statements", body = OwnStatementsOut),
        (status = 304, description = "Not changed since the `ETag` in `If-None-Match`"),
    )
)]
#[get("/v1/usage/statements")]
async fn list_own_statements(
    caller: Caller<op::ListOwnStatements>,
    request: HttpRequest,
    state: web::Data<UsageState>,
) -> ApiResult<Answer> {
    Params::new(request.query_string()).finish()?;
    let shown = view::of_app(&state.db, caller.whose(), MOST, state.clock.now()).await?;
    let items: Vec<StatementRowOut> = shown.into_iter().map(Into::into).collect();
    let records = u32::try_from(items.len()).unwrap_or(u32::MAX);
    Answer::json(&OwnStatementsOut { items }, Cache::NoStore, records)
}

/// One of your statements
///
/// What your app owes for a period: each line of the price lists that held, each call that was counted, and why some are
/// not charged. As JSON; its lines as `text/csv`, with those of kind `not_billed` behind them; or as `text/html`, a page to
/// be printed, in French where `Accept-Language` asks for that, otherwise in English. Never billed.
#[utoipa::path(
    operation_id = "get_own_statement", tag = "usage",
    params(("statement_id" = String, Path, description = "Id of the statement", example = "stm_4kPz09aBcDe")),
    responses(
        (status = 200, description = "The statement", body = StatementOut),
        (status = 304, description = "Not changed since the `ETag` in `If-None-Match`"),
        (status = 404, description = "No statement of yours has this id."),
    )
)]
#[get("/v1/usage/statements/{statement_id}")]
async fn get_own_statement(
    caller: Caller<op::GetOwnStatement>,
    request: HttpRequest,
    id: ApiPath<StatementId>,
    state: web::Data<UsageState>,
) -> ApiResult<Answer> {
    Params::new(request.query_string()).finish()?;
    let reached = view::reached(&state.db, state.clock.now()).await?;
    let whose = Whose::of(caller.whose());
    let shown = view::find(&state.db, id.0, whose, reached.now).await?;
    answer(&request, &state.db, shown, reached, &state.issuer).await
}
