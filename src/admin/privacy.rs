//! Customers' rights and what is done with their data, for who answers for it.

use super::caller::AdminCaller;
use super::problems::{BodyProblems, Missing, Problems};
use super::state::{State, done};
use crate::authz::events::{self, EndpointRefused};
use crate::consent::change::ConsentActor;
use crate::consent::ending::EndedBy;
use crate::consent::report::{ProcessingActivity, activities};
use crate::consent::status::ConsentStatus;
use crate::consent::store::NotWritten;
use crate::customers::erase::erase_customer;
use crate::http::answer::Cache;
use crate::http::form::{Columns, Form};
use crate::http::{Answer, ApiError, ApiPath, ApiResult, Code, FieldError, JsonBody, Params, path};
use crate::kernel::Micros;
use crate::kernel::clock::SECOND;
use crate::kernel::id::{AppId, PartnerId};
use crate::storage::StoreError;
use actix_web::http::header::ACCEPT;
use actix_web::{HttpRequest, HttpResponse, delete, get, post, put};
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the operations.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(get_processing_register)
        .service(get_consent_report)
        .service(erase_one_customer)
        .service(get_event_endpoint)
        .service(set_event_endpoint)
        .service(remove_event_endpoint);
}

/// What customers' data is given to a partner for.
#[derive(Debug, Serialize, ToSchema)]
struct ProcessingOut {
    /// The purpose.
    #[schema(example = "budget-coach")]
    purpose_id: String,
    /// Its IRI in the Data Privacy Vocabulary.
    #[schema(example = "https://w3id.org/dpv#ServicePersonalisation")]
    purpose_code: String,
    /// What it is, in French.
    #[schema(example = "Tenir votre budget")]
    purpose_fr: String,
    /// What it is, in English.
    #[schema(example = "Keep to your budget")]
    purpose_en: String,
    /// The version of these words.
    #[schema(example = 1)]
    purpose_version: u32,
    /// Since when they are published.
    #[schema(value_type = String, format = DateTime, example = "2026-11-20T09:41:07Z")]
    published_at: Micros,
    /// The lawful basis: `gdpr-6-1-a`, `gdpr-9-2-a` or `gdpr-20`.
    #[schema(example = "gdpr-6-1-a")]
    legal_basis: String,
    /// Whose data it is.
    #[schema(example = "customers")]
    data_subjects: &'static str,
    /// What of it may be asked for: scopes, with spaces between.
    #[schema(example = "customer.purchases.summary:read")]
    data: String,
    /// Sensitive categories of goods that customers may be asked to let in, with spaces between.
    #[schema(example = "pharmacy")]
    sensitive_categories: String,
    /// The partner that is given it.
    #[schema(value_type = String, example = "prt_4kPz09aBcDe")]
    partner_id: PartnerId,
    /// The partner's name.
    #[schema(example = "Budget Coach SAS")]
    partner: String,
    /// The app that is given it.
    #[schema(value_type = String, example = "app_7nRy25kLmNo")]
    app_id: AppId,
    /// The app's name.
    #[schema(example = "Budget Coach")]
    app: String,
    /// Countries to which data goes by consents that hold (ISO 3166-1), with spaces between.
    #[schema(example = "FR DE")]
    countries: String,
    /// Days for which the partner keeps it, at most.
    #[schema(example = 30)]
    retention_days: u16,
    /// Days for which a consent lasts, at most.
    #[schema(example = 180)]
    max_duration_days: u16,
    /// Consents that hold.
    #[schema(example = 412)]
    active_consents: u64,
}

/// The register of processing.
#[derive(Debug, Serialize, ToSchema)]
struct RegisterOut {
    /// When it was so.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    as_of: Micros,
    /// One row for each purpose of each app.
    items: Vec<ProcessingOut>,
}

/// How the consents to a purpose of an app stand.
#[derive(Debug, Serialize, ToSchema)]
struct ConsentReportRowOut {
    /// The partner.
    #[schema(value_type = String, example = "prt_4kPz09aBcDe")]
    partner_id: PartnerId,
    /// The app.
    #[schema(value_type = String, example = "app_7nRy25kLmNo")]
    app_id: AppId,
    /// The purpose.
    #[schema(example = "budget-coach")]
    purpose_id: String,
    /// Those that hold.
    #[schema(example = 412)]
    active: u64,
    /// Those that hold nothing for now.
    #[schema(example = 3)]
    suspended: u64,
    /// Those that are asked for.
    #[schema(example = 1)]
    pending: u64,
    /// Those that were asked for and not given.
    #[schema(example = 57)]
    denied: u64,
    /// Those that the customer has ended.
    #[schema(example = 61)]
    ended_by_customer: u64,
    /// Those that the partner has ended.
    #[schema(example = 2)]
    ended_by_partner: u64,
    /// Those that the retailer has ended.
    #[schema(example = 0)]
    ended_by_retailer: u64,
    /// Those whose time is over.
    #[schema(example = 120)]
    ended_by_expiry: u64,
    /// Those whose customer is forgotten.
    #[schema(example = 4)]
    ended_by_erasure: u64,
    /// Those that were no longer safe.
    #[schema(example = 0)]
    ended_by_security: u64,
    /// How often data was read by them, within `retention.access_log_days`.
    #[schema(example = 9120)]
    accesses: i64,
    /// How old those that hold are, in days: half of them are older. Null where none holds.
    #[schema(required = true, example = 37)]
    median_age_days: Option<i64>,
}

/// How consents stand.
#[derive(Debug, Serialize, ToSchema)]
struct ConsentReportOut {
    /// When it was so.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    as_of: Micros,
    /// One row for each purpose of each app.
    items: Vec<ConsentReportRowOut>,
}

impl From<&ProcessingActivity> for ProcessingOut {
    fn from(activity: &ProcessingActivity) -> Self {
        let ProcessingActivity { recipient, purpose, standing } = activity;
        let document = &purpose.document;
        let basis = serde_json::to_value(document.legal_basis).unwrap_or_default();
        Self {
            purpose_id: document.purpose_id.to_string(),
            purpose_code: document.code.clone(),
            purpose_fr: document.text.fr.clone(),
            purpose_en: document.text.en.clone(),
            purpose_version: purpose.version,
            published_at: purpose.made_at,
            legal_basis: basis.as_str().unwrap_or_default().to_owned(),
            data_subjects: "customers",
            data: document.scopes.to_string(),
            sensitive_categories: document.categories.to_string(),
            partner_id: recipient.partner,
            partner: recipient.partner_name.clone(),
            app_id: recipient.app,
            app: recipient.app_name.clone(),
            countries: standing.countries().collect::<Vec<_>>().join(" "),
            retention_days: document.retention_days,
            max_duration_days: document.max_duration_days,
            active_consents: standing.that_are(ConsentStatus::Active),
        }
    }
}

impl ConsentReportRowOut {
    fn new(activity: &ProcessingActivity, now: Micros) -> Self {
        const DAY_S: i64 = 86_400;
        let ProcessingActivity { recipient, purpose, standing } = activity;
        let median = standing.median_age(now).map(|age| age / SECOND / DAY_S);
        Self {
            partner_id: recipient.partner,
            app_id: recipient.app,
            purpose_id: purpose.document.purpose_id.to_string(),
            active: standing.that_are(ConsentStatus::Active),
            suspended: standing.that_are(ConsentStatus::Suspended),
            pending: standing.that_are(ConsentStatus::Pending),
            denied: standing.that_are(ConsentStatus::Denied),
            ended_by_customer: standing.ended_by(EndedBy::Customer),
            ended_by_partner: standing.ended_by(EndedBy::Partner),
            ended_by_retailer: standing.ended_by(EndedBy::Retailer),
            ended_by_expiry: standing.ended_by(EndedBy::Expiry),
            ended_by_erasure: standing.ended_by(EndedBy::Erasure),
            ended_by_security: standing.ended_by(EndedBy::Security),
            accesses: standing.accesses(),
            median_age_days: median,
        }
    }
}

/// A document, or its rows as a table where the client prefers that.
fn table<T: Serialize>(
    request: &HttpRequest,
    (document, items): (&impl Serialize, &[T]),
    columns: &Columns,
) -> ApiResult<Answer> {
    let accept = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok());
    let records = u32::try_from(items.len()).unwrap_or(u32::MAX);
    if Form::preferred_of_rows(accept.unwrap_or_default()) != Form::Csv {
        return Answer::json(document, Cache::NoStore, records);
    }
    let rows: Result<Vec<Vec<u8>>, _> = items.iter().map(serde_json::to_vec).collect();
    let rows = rows.map_err(|error| StoreError::corrupt("consents", error))?;
    let body = columns.table(&rows)?;
    Ok(Answer { form: Form::Csv, ..Answer::new(body, Cache::NoStore, records) })
}

/// The register of processing
///
/// What customers' data is given to whom for, on which basis and for how long: the record of processing activities of the
/// GDPR (art. 30), as far as partners are given data. As JSON; the rows alone as `text/csv`. It names no customer.
#[utoipa::path(
    tag = "consents", operation_id = "get_processing_register",
    responses(
        (status = 200, description = "The register; `Accept` says in which form", content((RegisterOut = "application/json"), (String = "text/csv"))),
        Problems
    ),
    security(("admin_token" = []))
)]
#[get("/consents/register")]
async fn get_processing_register(
    _caller: AdminCaller,
    request: HttpRequest,
    state: State,
) -> ApiResult<Answer> {
    static COLUMNS: LazyLock<Columns> = LazyLock::new(Columns::of::<ProcessingOut>);
    Params::new(request.query_string()).finish()?;
    let items = activities(&state.db).await?.iter().map(ProcessingOut::from).collect();
    let out = RegisterOut { as_of: state.clock.now(), items };
    table(&request, (&out, out.items.as_slice()), &COLUMNS)
}

/// How consents stand
///
/// By purpose and app: how many hold, who has ended the others, and how old those are that hold. As JSON; the rows alone as
/// `text/csv`. It names no customer.
#[utoipa::path(
    tag = "consents", operation_id = "get_consent_report",
    responses(
        (status = 200, description = "The report; `Accept` says in which form", content((ConsentReportOut = "application/json"), (String = "text/csv"))),
        Problems
    ),
    security(("admin_token" = []))
)]
#[get("/consents/report")]
async fn get_consent_report(
    _caller: AdminCaller,
    request: HttpRequest,
    state: State,
) -> ApiResult<Answer> {
    static COLUMNS: LazyLock<Columns> = LazyLock::new(Columns::of::<ConsentReportRowOut>);
    Params::new(request.query_string()).finish()?;
    let (activities, now) = (activities(&state.db).await?, state.clock.now());
    let row = |activity: &ProcessingActivity| ConsentReportRowOut::new(activity, now);
    let out = ConsentReportOut { as_of: now, items: activities.iter().map(row).collect() };
    table(&request, (&out, out.items.as_slice()), &COLUMNS)
}

/// Most characters of a customer's id.
const CUSTOMER_ID_MOST: usize = 200;

/// A customer who is to be forgotten.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ErasureIn {
    /// The customer, by the id that the retailer has for them.
    #[schema(min_length = 1, max_length = 200, example = "C-20417")]
    customer_id: String,
    /// Whether the customer has asked for it; otherwise the retailer does it.
    #[serde(default)]
    #[schema(default = false, example = true)]
    asked_by_customer: bool,
}

/// What came of it.
#[derive(Debug, Serialize, ToSchema)]
struct ErasureOut {
    /// When.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    erased_at: Micros,
    /// The consents that lead to nobody now. Their entries in the ledger stay, and prove what they proved.
    #[schema(max_items = 10_000, example = json!(["5b0c7e52-9d3a-4f0e-8a51-2f6c1f0e9b77"]))]
    consents: Vec<String>,
}

/// Forget a customer
///
/// Deletes for good all that is known of a customer, ends their consents, and destroys the key by which the ledger of consents
/// names them. Partners are told to delete what they have. No file brings the customer back. It is the same for a customer who
/// is not known.
#[utoipa::path(
    tag = "customers", operation_id = "erase_customer", request_body = ErasureIn,
    responses((status = 200, description = "The customer is forgotten", body = ErasureOut), BodyProblems, Problems),
    security(("admin_token" = []))
)]
#[post("/erasures")]
async fn erase_one_customer(
    caller: AdminCaller,
    request: HttpRequest,
    body: JsonBody<ErasureIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    Params::new(request.query_string()).finish()?;
    let ErasureIn { customer_id, asked_by_customer } = body.0;
    if customer_id.is_empty() {
        return Err(at_fault("/customer_id", "empty", "names a customer"));
    }
    if customer_id.chars().count() > CUSTOMER_ID_MOST {
        return Err(at_fault("/customer_id", "too_long", "has at most 200 characters"));
    }
    let who = match asked_by_customer {
        true => ConsentActor::Customer,
        false => ConsentActor::Retailer,
    };
    let by = caller.by(&state.clock);
    let erased = erase_customer(&state.db, &by, &customer_id, who).await.map_err(not_written)?;
    let consents = erased.consents.iter().map(ToString::to_string).collect();
    done(&ErasureOut { erased_at: erased.at, consents })
}

fn not_written(error: NotWritten) -> ApiError {
    match error {
        NotWritten::Store(error) => error.into(),
        error => {
            tracing::error!(%error, "a customer could not be forgotten");
            ApiError::new(Code::Internal, "The failure has been recorded; quote the request id.")
        }
    }
}

fn at_fault(pointer: &str, code: &str, message: &str) -> ApiError {
    let fault = FieldError::pointer(pointer, code, message);
    let detail = crate::kernel::sentence(format!("{pointer} {message}"));
    ApiError::new(Code::InvalidBody, detail).errors(vec![fault])
}

/// Where an app takes what it is told of consents.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EventEndpointIn {
    /// The address: `https`, and public.
    #[schema(max_length = 2000, example = "https://app.example.com/events")]
    url: String,
}

/// Where an app takes what it is told of consents.
#[derive(Debug, Serialize, ToSchema)]
struct EventEndpointOut {
    /// The app.
    #[schema(value_type = String, example = "app_7nRy25kLmNo")]
    app_id: AppId,
    /// The address; null where the app asks for it.
    #[schema(required = true, example = "https://app.example.com/events")]
    url: Option<String>,
    /// Since when; null where there is none.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = "2026-11-22T09:41:07Z")]
    set_at: Option<Micros>,
}

impl EventEndpointOut {
    fn new(app_id: AppId, set: Option<events::EventEndpoint>) -> Self {
        match set {
            Some(set) => Self { app_id, url: Some(set.url), set_at: Some(set.set_at) },
            None => Self { app_id, url: None, set_at: None },
        }
    }
}

fn endpoint_refused(error: EndpointRefused) -> ApiError {
    match error {
        EndpointRefused::Unknown(app) => path::not_found("app", &app),
        EndpointRefused::Address(why) => at_fault("/url", "not_allowed", &why.to_string()),
        EndpointRefused::Store(error) => error.into(),
    }
}

/// Where an app is told of consents
///
/// Without an address the app asks for what it is told (`POST /oauth/events/poll`).
#[utoipa::path(
    tag = "apps", operation_id = "get_event_endpoint",
    params(("app_id" = String, Path, description = "Id of the app", example = "app_7nRy25kLmNo")),
    responses((status = 200, description = "The address, if there is one", body = EventEndpointOut), Missing, Problems),
    security(("admin_token" = []))
)]
#[get("/apps/{app_id}/event-endpoint")]
async fn get_event_endpoint(
    _caller: AdminCaller,
    request: HttpRequest,
    id: ApiPath<AppId>,
    state: State,
) -> ApiResult<Answer> {
    Params::new(request.query_string()).finish()?;
    crate::access::service::get_app(&state.db, id.0, state.clock.now()).await?;
    let set = events::endpoint(&state.db, id.0).await?;
    Answer::json(&EventEndpointOut::new(id.0, set), Cache::NoStore, 1)
}

/// Tell an app of consents at an address
///
/// What happens to the consents that the app was given is posted there from now on, as security event tokens (RFC 8935). An
/// address that leads into a private network is refused here, and again at each call.
#[utoipa::path(
    tag = "apps", operation_id = "set_event_endpoint", request_body = EventEndpointIn,
    params(("app_id" = String, Path, description = "Id of the app", example = "app_7nRy25kLmNo")),
    responses((status = 200, description = "The address", body = EventEndpointOut), Missing, BodyProblems, Problems),
    security(("admin_token" = []))
)]
#[put("/apps/{app_id}/event-endpoint")]
async fn set_event_endpoint(
    caller: AdminCaller,
    request: HttpRequest,
    id: ApiPath<AppId>,
    body: JsonBody<EventEndpointIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    Params::new(request.query_string()).finish()?;
    let (by, url) = (caller.by(&state.clock), body.0.url);
    let by = (&by, &state.event_rules);
    let set = events::set_endpoint(&state.db, by, id.0, Some(&url)).await;
    done(&EventEndpointOut::new(id.0, set.map_err(endpoint_refused)?))
}

/// Tell an app of consents nowhere
///
/// The app asks for what it is told from now on, and for what it has not taken yet.
#[utoipa::path(
    tag = "apps", operation_id = "remove_event_endpoint",
    params(("app_id" = String, Path, description = "Id of the app", example = "app_7nRy25kLmNo")),
    responses((status = 200, description = "There is no address", body = EventEndpointOut), Missing, Problems),
    security(("admin_token" = []))
)]
#[delete("/apps/{app_id}/event-endpoint")]
async fn remove_event_endpoint(
    caller: AdminCaller,
    request: HttpRequest,
    id: ApiPath<AppId>,
    state: State,
) -> ApiResult<HttpResponse> {
    Params::new(request.query_string()).finish()?;
    let by = caller.by(&state.clock);
    let by = (&by, &state.event_rules);
    let set = events::set_endpoint(&state.db, by, id.0, None).await;
    done(&EventEndpointOut::new(id.0, set.map_err(endpoint_refused)?))
}
