//! What can be asked without a key: the plans that are offered, and to become a partner.

use super::door::Asked;
use super::links::Token;
use super::model::{Application, Purpose, State, Wish};
use super::{Registration, service};
use crate::access::Environment;
use crate::access::error::AccessError;
use crate::access::model::{Name, StockDisclosure};
use crate::access::offers::{Approval, Description, public_offers};
use crate::access::partners::model::Email;
use crate::access::plan::{DataDoc, LimitDoc, PlanData, PlanLimits, PlanPrices, PricesDoc};
use crate::access::policy::Gate;
use crate::http::answer::Cache;
use crate::http::error::Problem;
use crate::http::{Answer, ApiPath, ApiResult, JsonBody, Params};
use crate::kernel::id::{AppId, ApplicationId, KeyId, PlanId};
use crate::kernel::language::LanguageTag;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::sync::Arc;
use utoipa_actix_web::service_config::ServiceConfig;

/// The state as handlers take it.
pub(super) type At = web::Data<Registration>;

/// Mounts the operations of registration.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_public_plans)
        .service(create_application)
        .service(verify_application)
        .service(withdraw_application)
        .service(claim_first_key);
}

/// Problem documents (RFC 9457), told apart by `code`.
#[derive(Debug, utoipa::IntoResponses)]
pub enum Problems {
    /// The input is at fault; `errors` names each fault.
    #[response(status = 400, content_type = "application/problem+json")]
    BadRequest(Problem),
    /// Too much was asked for from this address.
    #[response(status = 429, content_type = "application/problem+json")]
    TooMany(Problem),
    /// A defect of the service; it has been recorded.
    #[response(status = 500, content_type = "application/problem+json")]
    Internal(Problem),
    /// The service cannot answer now, or takes no applications; try again later.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(Problem),
}

/// The link is of no use.
#[derive(Debug, utoipa::IntoResponses)]
pub enum OfALink {
    /// The link is not right, was used, or its time is over.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(Problem),
}

/// A plan that is offered.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PublicPlan {
    /// Id of the plan.
    #[schema(value_type = String, example = "pln_2mQx17fGhIj")]
    pub id: PlanId,
    /// Name of the plan.
    #[schema(value_type = String, example = "Standard")]
    pub name: Name,
    /// What it is for; null where nobody has said.
    #[schema(required = true, value_type = Option<String>, example = "For comparison sites")]
    pub description: Option<Description>,
    /// `auto`: who applies has it once the address is verified; `manual`: somebody decides; `closed`: nobody
    /// can apply for it, and who wants it writes to the retailer.
    #[schema(example = "manual")]
    pub approval: Approval,
    /// A call must be within all of them.
    #[schema(value_type = Vec<LimitDoc>)]
    pub limits: PlanLimits,
    /// How much of a quantity in stock its apps may know.
    #[schema(example = "band")]
    pub stock_disclosure: StockDisclosure,
    /// What of the data its apps may read; an empty object is everything.
    #[schema(value_type = DataDoc)]
    pub data: Arc<PlanData>,
    /// What its use costs; null for a plan that costs nothing.
    #[schema(required = true, value_type = Option<PricesDoc>)]
    pub prices: Option<PlanPrices>,
}

/// The plans that are offered.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PublicPlans {
    /// By name.
    pub items: Vec<PublicPlan>,
}

/// An application.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApplicationIn {
    /// The organisation that applies.
    #[schema(value_type = String, min_length = 1, max_length = 100, example = "Ateliers Vaugirard")]
    pub organisation: Name,
    /// Your name.
    #[schema(value_type = String, min_length = 1, max_length = 100, example = "Camille Robin")]
    pub contact_name: Name,
    /// Your e-mail address. A link that is sent there has to be opened before anybody looks at the application.
    #[schema(value_type = String, max_length = 254, example = "camille.robin@example.com")]
    pub email: Email,
    /// The language of the mails, as a tag (RFC 5646).
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 35, example = "fr")]
    pub language: Option<LanguageTag>,
    /// Name of your app.
    #[schema(value_type = String, min_length = 1, max_length = 100, example = "Price comparator")]
    pub app_name: Name,
    /// What your app does with the data.
    #[schema(value_type = String, min_length = 1, max_length = 2_000, example = "Compares prices of tools between shops.")]
    pub purpose: Purpose,
    /// The plan that you ask for, of `GET /v1/plans`, and not one whose `approval` is `closed`.
    #[schema(value_type = String, example = "pln_2mQx17fGhIj")]
    pub plan_id: PlanId,
}

/// What was done with an application: the same each time.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ApplicationTaken {
    /// What to do next.
    #[schema(example = "Open the link in the mail that was sent to you.")]
    pub next: &'static str,
}

/// What the link in a mail brought along.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkIn {
    /// What stands behind `token=` in the link.
    #[schema(value_type = String, min_length = 64, max_length = 64, example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    pub token: Token,
}

/// Where an application stands.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ApplicationStandingOut {
    /// Id of the application.
    #[schema(value_type = String, example = "apl_6rTb92uVwXy")]
    pub id: ApplicationId,
    /// `pending`, `approved`, `rejected` or `withdrawn`.
    #[schema(example = "pending")]
    pub state: State,
}

impl From<Application> for ApplicationStandingOut {
    fn from(application: Application) -> Self {
        Self { id: application.id, state: application.state }
    }
}

/// The first key, which is shown this once.
#[derive(Serialize, utoipa::ToSchema)]
pub struct FirstKey {
    /// Id of the key.
    #[schema(value_type = String, example = "key_0Ab12Cd34Ef")]
    pub key_id: KeyId,
    /// The app that it is for.
    #[schema(value_type = String, example = "app_7nRy25kLmNo")]
    pub app_id: AppId,
    /// `live`.
    #[schema(example = "live")]
    pub environment: Environment,
    /// The text to send as `Authorization: Bearer …`. It cannot be shown again.
    #[schema(example = "cpt_live_0Ab12Cd34Ef_…")]
    pub text: String,
}

impl std::fmt::Debug for FirstKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FirstKey").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

/// The address that a call comes from.
fn client(request: &HttpRequest) -> Option<IpAddr> {
    request.app_data::<web::Data<Gate>>()?.client_of(request)
}

/// Lets a call pass that comes without a key, or not.
fn pass(request: &HttpRequest, at: &At, what: Asked) -> ApiResult<()> {
    at.door.pass(client(request), what, at.clock.now())
}

/// What comes of a link. One that is not right is counted, and of too many not even that is said; of very many none is
/// looked up.
pub(super) async fn of_link<T>(
    request: &HttpRequest,
    at: &At,
    looking: impl Future<Output = Result<T, AccessError>>,
) -> ApiResult<T> {
    at.door.look(client(request), at.clock.now())?;
    let outcome = looking.await;
    if matches!(outcome, Err(AccessError::Link)) {
        pass(request, at, Asked::WrongLink)?;
    }
    Ok(outcome?)
}

fn told(status: &mut actix_web::HttpResponseBuilder, body: &impl Serialize) -> HttpResponse {
    let json = crate::http::answer::JSON;
    let no_store = Cache::NoStore.header();
    status.insert_header((CONTENT_TYPE, json)).insert_header((CACHE_CONTROL, no_store)).json(body)
}

/// The plans that are offered
///
/// To everybody, by name: what they allow, what they cost, and what becomes of who applies for them.
#[utoipa::path(
    tag = "registration", operation_id = "list_public_plans",
    responses(
        (status = 200, description = "The plans", body = PublicPlans),
        (status = 304, description = "You hold these already."), Problems
    )
)]
#[get("/v1/plans")]
async fn list_public_plans(request: HttpRequest, at: At) -> ApiResult<Answer> {
    Params::new(request.query_string()).finish()?;
    pass(&request, &at, Asked::Plans)?;
    let offers = public_offers(&at.db).await?;
    let items: Vec<PublicPlan> = offers
        .into_iter()
        .map(|(plan, offer)| PublicPlan {
            id: plan.id,
            name: plan.name,
            description: offer.description,
            approval: offer.approval,
            limits: plan.definition.limits.clone(),
            stock_disclosure: plan.definition.stock_disclosure,
            data: plan.definition.data,
            prices: plan.definition.prices,
        })
        .collect();
    let records = u32::try_from(items.len()).unwrap_or(u32::MAX);
    Answer::json(&PublicPlans { items }, Cache::NoStore, records)
}

/// Apply to become a partner
///
/// A mail is sent to you with a link. Once you have opened it, your application is looked at, or approved at
/// once where the plan says so. The answer is the same for everybody.
#[utoipa::path(
    tag = "registration", operation_id = "create_application", request_body = ApplicationIn,
    responses(
        (status = 202, description = "A mail is on its way, if all is well", body = ApplicationTaken), Problems
    )
)]
#[post("/v1/applications")]
async fn create_application(
    request: HttpRequest,
    body: JsonBody<ApplicationIn>,
    at: At,
) -> ApiResult<HttpResponse> {
    pass(&request, &at, Asked::Application)?;
    let ApplicationIn { organisation, contact_name, email, language, app_name, purpose, plan_id } =
        body.0;
    let wish =
        Wish { organisation, contact_name, email, language, app_name, purpose, plan: plan_id };
    service::apply(&at, wish).await?;
    let next = "Open the link in the mail that was sent to you.";
    Ok(told(&mut HttpResponse::Accepted(), &ApplicationTaken { next }))
}

/// Verify your address
///
/// With the link that was sent to you; the page behind it does the same.
#[utoipa::path(
    tag = "registration", operation_id = "verify_application", request_body = LinkIn,
    params(("application_id" = String, Path, description = "Id of the application, from the link", example = "apl_6rTb92uVwXy")),
    responses(
        (status = 200, description = "Where the application stands", body = ApplicationStandingOut), OfALink, Problems
    )
)]
#[post("/v1/applications/{application_id}/verify")]
async fn verify_application(
    request: HttpRequest,
    id: ApiPath<ApplicationId>,
    body: JsonBody<LinkIn>,
    at: At,
) -> ApiResult<HttpResponse> {
    let verified = of_link(&request, &at, service::verify(&at, id.0, body.0.token)).await?;
    Ok(told(&mut HttpResponse::Ok(), &ApplicationStandingOut::from(verified)))
}

/// Take your application back
///
/// As long as it is not decided, with the link that was sent to you.
#[utoipa::path(
    tag = "registration", operation_id = "withdraw_application", request_body = LinkIn,
    params(("application_id" = String, Path, description = "Id of the application, from the link", example = "apl_6rTb92uVwXy")),
    responses(
        (status = 200, description = "Where the application stands", body = ApplicationStandingOut), OfALink, Problems
    )
)]
#[post("/v1/applications/{application_id}/withdraw")]
async fn withdraw_application(
    request: HttpRequest,
    id: ApiPath<ApplicationId>,
    body: JsonBody<LinkIn>,
    at: At,
) -> ApiResult<HttpResponse> {
    let withdrawn = of_link(&request, &at, service::withdraw(&at, id.0, body.0.token)).await?;
    Ok(told(&mut HttpResponse::Ok(), &ApplicationStandingOut::from(withdrawn)))
}

/// Take your first key
///
/// With the link that was sent to you when your application was approved. It is shown this once, and works
/// within a second.
#[utoipa::path(
    tag = "registration", operation_id = "claim_first_key", request_body = LinkIn,
    params(("application_id" = String, Path, description = "Id of the application, from the link", example = "apl_6rTb92uVwXy")),
    responses((status = 200, description = "The key", body = FirstKey), OfALink, Problems)
)]
#[post("/v1/applications/{application_id}/claim")]
async fn claim_first_key(
    request: HttpRequest,
    id: ApiPath<ApplicationId>,
    body: JsonBody<LinkIn>,
    at: At,
) -> ApiResult<HttpResponse> {
    let issued = of_link(&request, &at, service::claim(&at, id.0, body.0.token)).await?;
    let key = FirstKey {
        key_id: issued.key.id,
        app_id: issued.key.spec.app,
        environment: issued.key.spec.environment,
        text: issued.text.reveal().to_owned(),
    };
    Ok(told(&mut HttpResponse::Ok(), &key))
}
