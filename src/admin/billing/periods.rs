//! Billing periods and their close over HTTP.

use super::outs::{BillingPeriodOut, CloseOut, OpenPeriodOut, owed};
use crate::access::service::By;
use crate::admin::approvals::service::{
    Action, answer, payload, perform, put_down, waiting_of_all,
};
use crate::admin::approvals::{MayWait, respond};
use crate::admin::caller::AdminCaller;
use crate::admin::page::{self, PageOut, PageQuery};
use crate::admin::problems::{BodyProblems, Conflicts, Missing, Problems};
use crate::admin::state::{AdminState, State, done};
use crate::billing::BillingError;
use crate::billing::books::{Books, Open};
use crate::billing::close::{Asked, Close, Draft, Exception, close_in, draft};
use crate::billing::recounted::Recounted;
use crate::billing::{credits, store};
use crate::config::FourEyes;
use crate::http::answer::Cache;
use crate::http::{Answer, ApiPath, ApiResult, JsonBody, Params};
use crate::kernel::id::BillingPeriodId;
use crate::storage::Tx;
use actix_web::{HttpRequest, HttpResponse, get, post};
use serde::{Deserialize, Serialize};
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the operations on periods.
pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_billing_periods)
        .service(list_billing_closes)
        .service(get_billing_period)
        .service(close_billing_period);
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
            owed: owed(
                store::totals(&mut tx, id.0).await?,
                credits::store::of_period(&mut tx, id.0).await?,
            )?,
            close: Some(close.into()),
            behind: None,
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

/// The operation that closes a period.
const OPERATION: &str = "close_billing_period";

/// Closes a period with what was named to be missing, and nothing else.
pub const CLOSE: Action = Action {
    operation: OPERATION,
    word: FourEyes::PeriodClose,
    shows: None,
    makes_secret: |_| false,
    run: |state, tx, by, what| {
        Box::pin(async move {
            let Wanted { period_id: period, exceptions, grace } = payload(what)?;
            let issuer = state.billing.issuer.clone();
            let asked = Asked { period, exceptions, grace, issuer };
            answer(&CloseOut::from(close_period(tx, by, &asked, &what.recounted).await?))
        })
    },
};

/// Why an approval to close a period is put down when another way closes it.
const CLOSED: &str = "The period was closed meanwhile.";

/// Closes a period in a transaction. What else waits to close it could never be done, and is put down.
pub async fn close_period(
    tx: &mut Tx,
    by: &By<'_>,
    asked: &Asked,
    recounted: &Recounted,
) -> Result<Close, BillingError> {
    // In the order in which an approval takes them: what waits, then what the close keeps still.
    let mut others = waiting_of_all(tx, OPERATION, by.now).await?;
    others.retain(|approval| {
        serde_json::from_value(approval.payload.clone())
            .is_ok_and(|wanted: Wanted| wanted.period_id == asked.period)
    });
    let close = close_in(tx, by, asked, recounted).await?;
    for approval in others {
        put_down(tx, by, approval, CLOSED.to_owned()).await?;
    }
    Ok(close)
}

/// What of a period is counted again before an action closes it; nothing of what others do.
pub async fn recounted(
    state: &AdminState,
    action: &Action,
    what: &serde_json::Value,
) -> ApiResult<Recounted> {
    let period = match serde_json::from_value(what.clone()) {
        Ok(Wanted { period_id, .. }) if action.operation == CLOSE.operation => period_id,
        _ => return Ok(Recounted::default()),
    };
    Ok(Recounted::of(&state.db, period, state.clock.now()).await?)
}

/// Close a billing period
///
/// Its statements are frozen, for good: what comes later corrects a later period. It is refused where the sums by
/// hour are not those of the events, and while calls of it may be missing, and names what. Closed with such
/// exceptions, it always takes a second person; without, where `admin.four_eyes` has `period_close`. What else waits to
/// close the same period is `rejected` then.
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
        draft(&state.db, id.0, state.clock.now()).await?.in_turn()?;
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

/// How long after its end a period can be closed, in microseconds.
fn grace(state: &State) -> i64 {
    i64::try_from(state.billing.grace.as_micros()).unwrap_or(i64::MAX)
}
