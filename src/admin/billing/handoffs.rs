//! The hand-off of usage over HTTP: how the systems are, which totals they have, and who apps are there.

use crate::access::error::AccessError;
use crate::admin::caller::AdminCaller;
use crate::admin::page::{self, PageOut, PageQuery};
use crate::admin::problems::{BodyProblems, Conflicts, Missing, Problems};
use crate::admin::state::{State, done};
use crate::billing::handoff::customers;
use crate::billing::handoff::model::{Customer, Handoff, HandoffStatus, Named, Sink};
use crate::billing::handoff::store::{self, Asked};
use crate::http::answer::Cache;
use crate::http::{Answer, ApiError, ApiPath, ApiResult, Code, JsonBody, Params};
use crate::kernel::Micros;
use crate::kernel::id::{AppId, BillingPeriodId, HandoffId, PartnerId};
use crate::kernel::word::Word as _;
use crate::storage::StoreError;
use actix_web::{HttpRequest, HttpResponse, get, post, put};
use serde::{Deserialize, Serialize};
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the operations on the hand-off.
pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_handoff_sinks)
        .service(retry_handoffs)
        .service(list_handoffs)
        .service(list_handoff_customers)
        .service(set_handoff_customer);
}

/// How a system is that usage is handed off to.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct HandoffSinkOut {
    /// `stripe` and `lago` are told totals, `events` gets every event of the ledger.
    #[schema(example = "stripe")]
    sink: Sink,
    /// The number of the last close whose totals were found; of `events`, the `export_seq` up to which all events were taken.
    #[schema(example = 7)]
    position: i64,
    /// When the totals of open periods were last looked at; null before the first look, and of `events`.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = "2026-11-22T09:00:00Z")]
    totals_at: Option<Micros>,
    /// When it last took something; null where it never has.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = "2026-11-22T09:00:01Z")]
    taken_at: Option<Micros>,
    /// How often it failed since it last answered; 0 where it does.
    #[schema(example = 0)]
    failures: i64,
    /// When it is spoken to next, where it failed.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = json!(null))]
    next_attempt_at: Option<Micros>,
    /// The status of its last answer; null where there was none.
    #[schema(required = true, example = 200)]
    response_status: Option<i64>,
    /// Why there was none, in a word: `timeout`, `not_reached`, `broken_off` or `forbidden_address`.
    #[schema(required = true, example = json!(null))]
    error: Option<String>,
    /// Totals that are to be sent.
    #[schema(example = 0)]
    pending: i64,
    /// Totals that it has refused.
    #[schema(example = 0)]
    refused: i64,
}

/// The systems.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct HandoffSinksOut {
    /// Those that the settings name.
    items: Vec<HandoffSinkOut>,
}

async fn sink_out(state: &State, sink: Sink) -> Result<HandoffSinkOut, StoreError> {
    let standing = store::standing(&state.db, sink).await?.unwrap_or_default();
    Ok(HandoffSinkOut {
        sink,
        position: standing.position,
        totals_at: standing.totalled_at,
        taken_at: standing.taken_at,
        failures: standing.failures,
        next_attempt_at: Some(standing.next_at).filter(|at| at.0 > 0),
        response_status: standing.answer,
        error: standing.error,
        pending: store::count(&state.db, sink, HandoffStatus::Pending).await?,
        refused: store::count(&state.db, sink, HandoffStatus::Refused).await?,
    })
}

/// The systems that usage is handed off to
///
/// Those that `[handoff]` of the settings names, with how each is.
#[utoipa::path(
    tag = "billing", operation_id = "list_handoff_sinks",
    responses((status = 200, description = "The systems", body = HandoffSinksOut), Problems),
    security(("admin_token" = []))
)]
#[get("/billing/sinks")]
async fn list_handoff_sinks(_caller: AdminCaller, state: State) -> ApiResult<Answer> {
    let mut items = Vec::new();
    for sink in &state.sinks {
        items.push(sink_out(&state, *sink).await?);
    }
    let records = u32::try_from(items.len()).unwrap_or(u32::MAX);
    Answer::json(&HandoffSinksOut { items }, Cache::NoStore, records)
}

/// Hand off again
///
/// What the system has refused is sent again, and a system that rests because it failed is spoken to at once. Totals are
/// absolute, so nothing counts twice.
#[utoipa::path(
    tag = "billing", operation_id = "retry_handoffs",
    params(("sink" = inline(Sink), Path, description = "The system", example = "stripe")),
    responses((status = 200, description = "How the system is", body = HandoffSinkOut), Missing, Problems),
    security(("admin_token" = []))
)]
#[post("/billing/sinks/{sink}/retry")]
async fn retry_handoffs(
    caller: AdminCaller,
    sink: ApiPath<Sink>,
    state: State,
) -> ApiResult<HttpResponse> {
    if !state.sinks.contains(&sink.0) {
        let detail = format!("The settings name no `{}`: see `[handoff]`.", sink.0);
        return Err(ApiError::new(Code::NotFound, detail));
    }
    customers::retry(&state.db, &caller.by(&state.clock), sink.0).await?;
    done(&sink_out(&state, sink.0).await?)
}

/// The total of a charge in a billing period, as a billing system is told it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct HandoffOut {
    /// Its id, the same for each newer total of the charge in the period.
    #[schema(value_type = String, example = "hnd_4kPz09aBcDe")]
    id: HandoffId,
    /// The system.
    #[schema(example = "stripe")]
    sink: Sink,
    /// The billing period.
    #[schema(value_type = String, example = "per_2mQx17fGhIj")]
    period_id: BillingPeriodId,
    /// Its start, inclusive.
    #[schema(value_type = String, format = DateTime, example = "2026-10-31T23:00:00Z")]
    from: Micros,
    /// Its end, exclusive.
    #[schema(value_type = String, format = DateTime, example = "2026-11-30T23:00:00Z")]
    to: Micros,
    /// Whose use.
    #[schema(value_type = String, example = "prt_4kPz09aBcDe")]
    partner_id: PartnerId,
    /// Of which app.
    #[schema(value_type = String, example = "app_7nRy25kLmNo")]
    app_id: AppId,
    /// The charge of the price list.
    #[schema(example = "calls")]
    charge: String,
    /// The customer (Stripe) or external subscription (Lago).
    #[schema(example = "cus_NciAYcXfLnqBoz")]
    customer: String,
    /// The event name (Stripe) or code of a billable metric (Lago).
    #[schema(example = "api_calls")]
    name: String,
    /// Units since the period began, included ones too, with up to three decimals.
    #[schema(example = "4500")]
    total: String,
    /// The time that it is told with.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:00:00Z")]
    timestamp: Micros,
    /// Whether the period is closed, so that it is the last total.
    #[serde(rename = "final")]
    #[schema(example = false)]
    is_final: bool,
    /// `pending` (it is to be sent), `taken` or `refused` (it is not sent again before somebody asks for it).
    #[schema(example = "taken")]
    status: HandoffStatus,
    /// When it was found.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:00:00Z")]
    found_at: Micros,
    /// How often it was sent in vain.
    #[schema(example = 0)]
    attempts: i64,
    /// The status of the last answer; null where there was none.
    #[schema(required = true, example = 200)]
    response_status: Option<i64>,
    /// Why it was not taken, in a word: that of the system where it gives one, or `mixed_meters` where plans that the app
    /// was on in the period count different things under the charge's name.
    #[schema(required = true, example = json!(null))]
    error: Option<String>,
    /// The total that was taken last; null where none was.
    #[schema(required = true, example = "4500")]
    taken_total: Option<String>,
    /// When that was.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = "2026-11-22T09:00:01Z")]
    taken_at: Option<Micros>,
}

impl From<Handoff> for HandoffOut {
    fn from(it: Handoff) -> Self {
        let timestamp = Micros(it.stamp.saturating_mul(crate::kernel::clock::SECOND));
        let (taken_total, taken_at) = it.taken.unzip();
        Self {
            id: it.id,
            sink: it.sink,
            period_id: it.period,
            from: it.from,
            to: it.to,
            partner_id: it.partner,
            app_id: it.app,
            charge: it.charge,
            customer: it.customer,
            name: it.name,
            total: it.total,
            timestamp,
            is_final: it.is_final,
            status: it.status,
            found_at: it.decided_at,
            attempts: it.tries,
            response_status: it.answer,
            error: it.error,
            taken_total,
            taken_at,
        }
    }
}

/// A page of the totals that were handed off
///
/// The newest total of each charge in each period, for each system, in the order of their ids.
#[utoipa::path(
    tag = "billing", operation_id = "list_handoffs",
    params(
        ("sink" = inline(Option<Sink>), Query, description = "Only those of this system", example = "stripe"),
        ("status" = inline(Option<HandoffStatus>), Query, description = "Only those with this status", example = "refused"),
        ("app_id" = Option<String>, Query, description = "Only those of this app", example = "app_7nRy25kLmNo"),
        ("period_id" = Option<String>, Query, description = "Only those of this period", example = "per_2mQx17fGhIj"),
        PageQuery
    ),
    responses((status = 200, description = "The page", body = PageOut<HandoffOut>), Problems),
    security(("admin_token" = []))
)]
#[get("/billing/handoffs")]
async fn list_handoffs(
    _caller: AdminCaller,
    request: HttpRequest,
    state: State,
) -> ApiResult<Answer> {
    let mut params = Params::new(request.query_string());
    let asked = Asked {
        sink: params.one_of("sink", Sink::WORDS),
        app: params.value("app_id"),
        period: params.value("period_id"),
        status: params.one_of("status", HandoffStatus::WORDS),
    };
    let page = page::read(&request, params)?;
    let walk = page::walk(&page, HandoffId)?;
    let found = store::page(&state.db, &asked, &walk.after, walk.limit).await?;
    page::answer(&page, found, |handoff| handoff.id.0, HandoffOut::from)
}

/// Who an app is in a billing system.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct HandoffCustomerOut {
    /// The system.
    #[schema(example = "stripe")]
    sink: Sink,
    /// The app.
    #[schema(value_type = String, example = "app_7nRy25kLmNo")]
    app_id: AppId,
    /// The partner whose use is handed off so: after a transfer, the next one's is not before that is named.
    #[schema(value_type = String, example = "prt_4kPz09aBcDe")]
    partner_id: PartnerId,
    /// The customer (Stripe) or external subscription (Lago); null where it is nobody any more.
    #[schema(required = true, example = "cus_NciAYcXfLnqBoz")]
    customer: Option<String>,
    /// Since when.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    named_at: Micros,
}

impl From<Named> for HandoffCustomerOut {
    fn from(named: Named) -> Self {
        let Named { sink, app: app_id, partner: partner_id, customer, named_at } = named;
        Self { sink, app_id, partner_id, customer: Some(customer), named_at }
    }
}

/// A page of who apps are in a billing system
///
/// In the order of their ids. Totals of other apps are not handed off.
#[utoipa::path(
    tag = "billing", operation_id = "list_handoff_customers",
    params(("sink" = inline(Sink), Path, description = "The system", example = "stripe"), PageQuery),
    responses((status = 200, description = "The page", body = PageOut<HandoffCustomerOut>), Problems),
    security(("admin_token" = []))
)]
#[get("/billing/sinks/{sink}/customers")]
async fn list_handoff_customers(
    _caller: AdminCaller,
    sink: ApiPath<Sink>,
    request: HttpRequest,
    state: State,
) -> ApiResult<Answer> {
    let page = page::read(&request, Params::new(request.query_string()))?;
    let after = page.after_pair()?;
    let after =
        after.map(|(app, partner)| (AppId(app).to_string(), PartnerId(partner).to_string()));
    let (app, partner) = after.unwrap_or_default();
    let found = store::named(&state.db, sink.0, (&app, &partner), page::rows(&page)).await?;
    page::answer_by(&page, found, |one| (one.app.0, one.partner.0), HandoffCustomerOut::from)
}

/// Who an app is to be in a billing system.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct HandoffCustomerIn {
    /// The system: `stripe` or `lago`.
    #[schema(example = "stripe")]
    sink: Sink,
    /// The customer (Stripe) or external subscription (Lago), for this app alone; null takes it away.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 255, example = "cus_NciAYcXfLnqBoz")]
    customer: Option<Customer>,
}

/// Say who an app is in a billing system
///
/// From then on the totals of its periods that are not closed are handed off, as long as it is its present partner's. One
/// customer stands for one app: totals of two would replace each other.
#[utoipa::path(
    tag = "billing", operation_id = "set_handoff_customer", request_body = HandoffCustomerIn,
    params(("app_id" = String, Path, description = "Id of the app", example = "app_7nRy25kLmNo")),
    responses(
        (status = 200, description = "Who it is", body = HandoffCustomerOut),
        Missing, Conflicts, BodyProblems, Problems
    ),
    security(("admin_token" = []))
)]
#[put("/billing/customers/{app_id}")]
async fn set_handoff_customer(
    caller: AdminCaller,
    id: ApiPath<AppId>,
    body: JsonBody<HandoffCustomerIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    let (HandoffCustomerIn { sink, customer }, by) = (body.0, caller.by(&state.clock));
    if sink == Sink::Events {
        let message = "has no customers: every event of the ledger is sent there".to_owned();
        return Err(AccessError::Field { field: "sink", message }.into());
    }
    let named = match customer {
        Some(customer) => customers::name(&state.db, &by, (sink, id.0), &customer).await?.into(),
        None => {
            let partner_id = customers::unname(&state.db, &by, (sink, id.0)).await?;
            HandoffCustomerOut { sink, app_id: id.0, partner_id, customer: None, named_at: by.now }
        }
    };
    done(&named)
}
