//! Billing periods and statements over HTTP.

use super::approvals::service::{Action, answer, payload, perform};
use super::approvals::{MayWait, respond};
use super::caller::AdminCaller;
use super::page::{self, PageOut, PageQuery};
use super::problems::{BodyProblems, Conflicts, Missing, Problems};
use super::state::{State, done};
use crate::billing::api::statements::{self, StatementOut, StatementRowOut};
use crate::billing::books::{Books, Open};
use crate::billing::close::{Asked, Close, Draft, Exception, close_in, draft};
use crate::billing::store;
use crate::billing::view::{self, Whose};
use crate::config::FourEyes;
use crate::http::answer::Cache;
use crate::http::{Answer, ApiPath, ApiResult, JsonBody, Params};
use crate::kernel::id::{BillingPeriodId, StatementId};
use crate::kernel::{Currency, Micros};
use crate::rating::Exact;
use crate::storage::StoreError;
use actix_web::{HttpRequest, HttpResponse, get, post};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the operations on billing.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_billing_periods)
        .service(list_billing_closes)
        .service(get_billing_period)
        .service(close_billing_period)
        .service(list_statements)
        .service(get_statement);
}

/// A period that is not closed.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct OpenPeriodOut {
    /// Id of the period.
    #[schema(value_type = String, example = "per_2mQx17fGhIj")]
    id: BillingPeriodId,
    /// Its start, inclusive.
    #[schema(value_type = String, format = DateTime, example = "2026-10-31T23:00:00Z")]
    from: Micros,
    /// Its end, exclusive.
    #[schema(value_type = String, format = DateTime, example = "2026-11-30T23:00:00Z")]
    to: Micros,
    /// The time zone whose days it is made of.
    #[schema(example = "Europe/Paris")]
    time_zone: String,
    /// Apps that owe something for it.
    #[schema(example = 12)]
    apps: usize,
    /// From when on it can be closed.
    #[schema(value_type = String, format = DateTime, example = "2026-12-01T23:00:00Z")]
    closable_at: Micros,
}

impl OpenPeriodOut {
    fn new(open: &Open, grace: i64) -> Self {
        let bounds = open.period.bounds;
        let mut apps: Vec<_> = open.pieces.iter().map(|piece| piece.app).collect();
        apps.dedup();
        Self {
            id: open.period.id(),
            from: bounds.start,
            to: bounds.end,
            time_zone: open.period.zone_name().to_owned(),
            apps: apps.len(),
            closable_at: Micros(bounds.end.0.saturating_add(grace)),
        }
    }
}

/// A closed period.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct CloseOut {
    /// Counts the closes from 1.
    #[schema(example = 7)]
    number: i64,
    /// Id of the period.
    #[schema(value_type = String, example = "per_2mQx17fGhIj")]
    period_id: BillingPeriodId,
    /// Its start, inclusive.
    #[schema(value_type = String, format = DateTime, example = "2026-10-31T23:00:00Z")]
    from: Micros,
    /// Its end, exclusive.
    #[schema(value_type = String, format = DateTime, example = "2026-11-30T23:00:00Z")]
    to: Micros,
    /// The time zone whose days it is made of.
    #[schema(example = "Europe/Paris")]
    time_zone: String,
    /// The last position of the ledger that counts in it.
    #[schema(example = 52_318)]
    position: i64,
    /// When it was closed.
    #[schema(value_type = String, format = DateTime, example = "2026-12-02T08:12:44Z")]
    closed_at: Micros,
    /// By whom.
    #[schema(example = "acc_5pLw38mNoPq")]
    closed_by: String,
    /// Statements that were frozen.
    #[schema(example = 12)]
    statements: i64,
    /// What may be missing all the same, as two people agreed.
    exceptions: Vec<Exception>,
    /// The hash of the close before; 64 zeros for the first.
    #[schema(example = "0000000000000000000000000000000000000000000000000000000000000000")]
    prev_hash: String,
    /// SHA-256 over the close before, this one and its statements.
    #[schema(example = "9f2c4a6be1d0837f5c11aa90c3b7e4d2618f0a5be3c97d4412ab60ef8d25c713")]
    hash: String,
}

impl From<Close> for CloseOut {
    fn from(close: Close) -> Self {
        let Close { number, period_id, from, to, time_zone, position, closed_at, .. } = close;
        let Close { closed_by, statements, exceptions, prev_hash, hash, .. } = close;
        Self {
            number,
            period_id,
            from,
            to,
            time_zone,
            position,
            closed_at,
            closed_by,
            statements,
            exceptions,
            prev_hash,
            hash,
        }
    }
}

/// The sum of statements in a currency.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct OwedOut {
    /// The currency (ISO 4217).
    #[schema(example = "EUR")]
    currency: String,
    /// What all statements in it come to.
    #[schema(example = "1204.50")]
    total: String,
}

/// A period that is not closed, with what its close would freeze.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct BillingPeriodOut {
    /// Id of the period.
    #[schema(value_type = String, example = "per_2mQx17fGhIj")]
    id: BillingPeriodId,
    /// Its start, inclusive.
    #[schema(value_type = String, format = DateTime, example = "2026-10-31T23:00:00Z")]
    from: Micros,
    /// Its end, exclusive.
    #[schema(value_type = String, format = DateTime, example = "2026-11-30T23:00:00Z")]
    to: Micros,
    /// The time zone whose days it is made of.
    #[schema(example = "Europe/Paris")]
    time_zone: String,
    /// Whether all calls of it that were answered are known to be in the ledger.
    #[schema(example = true)]
    complete: bool,
    /// What may be missing.
    exceptions: Vec<Exception>,
    /// What is owed, by currency.
    owed: Vec<OwedOut>,
    /// The close; null while the period is open.
    #[schema(required = true)]
    close: Option<CloseOut>,
}

impl BillingPeriodOut {
    fn open(draft: &Draft) -> ApiResult<Self> {
        let Draft { open, statements, exceptions, .. } = draft;
        let totals = statements.iter().map(|it| (it.currency.clone(), it.total.clone()));
        Ok(Self {
            id: open.period.id(),
            from: open.period.bounds.start,
            to: open.period.bounds.end,
            time_zone: open.period.zone_name().to_owned(),
            complete: exceptions.is_empty(),
            exceptions: exceptions.clone(),
            owed: owed(totals)?,
            close: None,
        })
    }
}

/// The sums of totals, by currency.
fn owed(totals: impl IntoIterator<Item = (String, String)>) -> ApiResult<Vec<OwedOut>> {
    let mut sums: BTreeMap<String, Exact> = BTreeMap::new();
    for (currency, total) in totals {
        let total = total.parse().map_err(|e| StoreError::corrupt("statements", e))?;
        let sum = sums.entry(currency).or_insert(Exact::ZERO);
        *sum = sum.plus(total).map_err(|e| StoreError::corrupt("statements", e))?;
    }
    let out = |(currency, sum): (String, Exact)| {
        let decimals = currency.parse().map_or(2, |currency: Currency| currency.decimals());
        OwedOut { total: sum.text(decimals), currency }
    };
    Ok(sums.into_iter().map(out).collect())
}

/// A page of the periods that are not closed
///
/// Periods that have begun and in which a plan asks something, in the order of their ends. A period is what has the same
/// bounds in the same time zone, whoever it is billed to. They are closed in their order.
#[utoipa::path(
    tag = "billing", operation_id = "list_billing_periods", params(PageQuery),
    responses((status = 200, description = "The page", body = PageOut<OpenPeriodOut>), Problems),
    security(("admin_token" = []))
)]
#[get("/billing/periods")]
async fn list_billing_periods(
    _caller: AdminCaller,
    request: HttpRequest,
    state: State,
) -> ApiResult<Answer> {
    let page = page::read(&request, Params::new(request.query_string()))?;
    let after = page.after_pair()?;
    let key = |open: &Open| (open.period.bounds.end.0.unsigned_abs(), open.period.id().0);
    let mut tx = state.db.snapshot().await?;
    let books = Books::read(&mut tx, None).await?;
    drop(tx);
    let mut open = books.open(state.clock.now());
    open.sort_by_key(key);
    open.retain(|open| after.is_none_or(|after| key(open) > after));
    open.truncate(page::rows(&page) as usize);
    let grace = grace(&state);
    page::answer_by(&page, open, key, |open| OpenPeriodOut::new(&open, grace))
}

/// A page of the closes
///
/// Newest first. Each has the hash of the one before, so that a changed or missing one shows.
#[utoipa::path(
    tag = "billing", operation_id = "list_billing_closes", params(PageQuery),
    responses((status = 200, description = "The page", body = PageOut<CloseOut>), Problems),
    security(("admin_token" = []))
)]
#[get("/billing/closes")]
async fn list_billing_closes(
    _caller: AdminCaller,
    request: HttpRequest,
    state: State,
) -> ApiResult<Answer> {
    let page = page::read(&request, Params::new(request.query_string()))?;
    let before = page.after()?.map_or(i64::MAX, |number| i64::try_from(number).unwrap_or(0));
    let closes = store::closes(&state.db, before, page::rows(&page)).await?;
    page::answer(&page, closes, |close| close.number.unsigned_abs(), CloseOut::from)
}

/// A billing period
///
/// What its close would freeze now, and whether anything may be missing; or its close.
#[utoipa::path(
    tag = "billing", operation_id = "get_billing_period",
    params(("period_id" = String, Path, description = "Id of the period", example = "per_2mQx17fGhIj")),
    responses((status = 200, description = "The period", body = BillingPeriodOut), Missing, Conflicts, Problems),
    security(("admin_token" = []))
)]
#[get("/billing/periods/{period_id}")]
async fn get_billing_period(
    _caller: AdminCaller,
    id: ApiPath<BillingPeriodId>,
    state: State,
) -> ApiResult<Answer> {
    let mut tx = state.db.snapshot().await?;
    let out = if let Some(close) = store::close_of(&mut tx, id.0).await? {
        BillingPeriodOut {
            id: close.period_id,
            from: close.from,
            to: close.to,
            time_zone: close.time_zone.clone(),
            complete: close.exceptions.is_empty(),
            exceptions: close.exceptions.clone(),
            owed: owed(store::totals(&mut tx, id.0).await?)?,
            close: Some(close.into()),
        }
    } else {
        drop(tx);
        BillingPeriodOut::open(&draft(&state.db, id.0, state.clock.now()).await?)?
    };
    Answer::json(&out, Cache::NoStore, 1)
}

/// How a period is closed.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
struct CloseIn {
    /// What may be missing of it all the same, exactly as `get_billing_period` names it: a second person has to
    /// approve that.
    #[schema(max_items = 1_000)]
    exceptions: Vec<Exception>,
}

/// What is closed when it is done.
#[derive(Debug, Serialize, Deserialize)]
struct Wanted {
    period_id: BillingPeriodId,
    exceptions: Vec<Exception>,
    grace: i64,
}

/// Closes a period with what was named to be missing, and nothing else.
pub const CLOSE: Action = Action {
    operation: "close_billing_period",
    word: FourEyes::PeriodClose,
    makes_secret: |_| false,
    run: |_, tx, by, what| {
        Box::pin(async move {
            let Wanted { period_id: period, exceptions, grace } = payload(what)?;
            let asked = Asked { period, exceptions, grace };
            answer(&CloseOut::from(close_in(tx, by, &asked).await?))
        })
    },
};

/// Close a billing period
///
/// Its statements are frozen, for good: what comes later corrects a later period. It is refused while calls of it
/// may be missing, and names what. Closed with such exceptions, it always takes a second person; without, where
/// `admin.four_eyes` has `period_close`.
#[utoipa::path(
    tag = "billing", operation_id = "close_billing_period", request_body = CloseIn,
    params(("period_id" = String, Path, description = "Id of the period", example = "per_2mQx17fGhIj")),
    responses(
        (status = 200, description = "The close", body = CloseOut),
        MayWait, Missing, Conflicts, BodyProblems, Problems
    ),
    security(("admin_token" = []))
)]
#[post("/billing/periods/{period_id}/close")]
async fn close_billing_period(
    caller: AdminCaller,
    id: ApiPath<BillingPeriodId>,
    body: JsonBody<CloseIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    let Draft { open, statements, exceptions, .. } =
        draft(&state.db, id.0, state.clock.now()).await?;
    let preview = serde_json::json!({
        "period_id": id.0, "from": open.period.bounds.start, "to": open.period.bounds.end,
        "time_zone": open.period.zone_name(), "statements": statements.len(),
        "exceptions": exceptions,
    });
    let grace = grace(&state);
    let wanted = Wanted { period_id: id.0, exceptions: body.0.exceptions, grace };
    let outcome = perform(&state, &caller, &CLOSE, answer(&wanted)?, (true, preview)).await?;
    respond(&state, outcome, done)
}

/// A page of the statements of a period
///
/// In the order of their ids: provisional while the period is open, final once it is closed.
#[utoipa::path(
    tag = "billing", operation_id = "list_statements",
    params(
        ("period_id" = String, Query, description = "The period", example = "per_2mQx17fGhIj"),
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
    let period = params.value("period_id");
    if !params.was_given("period_id") {
        let message = "is missing: `GET /admin/v1/billing/periods` lists those that are open";
        params.fault("period_id", "required", message);
    }
    let (partner, app) = (params.value("partner_id"), params.value("app_id"));
    let page = page::read(&request, params)?;
    // What is missing or no id was refused with the page.
    let period = period.unwrap_or(BillingPeriodId(0));
    let after = page.after()?.map(|after| StatementId(after).to_string()).unwrap_or_default();
    let whose = Whose { partner, app };
    let now = state.clock.now();
    let asked = (after.as_str(), page::rows(&page));
    let shown = view::of_period(&state.db, period, whose, asked, now).await?;
    page::answer(&page, shown, |shown| shown.statement.id.0, StatementRowOut::from)
}

/// A statement
///
/// What an app owes for a period: each line of the price lists that held, each call that was counted, and why some are
/// not charged. As JSON; its lines as `text/csv`; or as `text/html`, a page to be printed.
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
    let now = state.clock.now();
    let shown = view::find(&state.db, id.0, Whose::default(), now).await?;
    statements::answer(&request, &state.db, shown, now).await
}

/// How long after its end a period can be closed, in microseconds.
fn grace(state: &State) -> i64 {
    i64::try_from(state.billing.grace.as_micros()).unwrap_or(i64::MAX)
}
