//! Grants of credit over HTTP.

use crate::access::error::{AccessError, Kind};
use crate::access::store::partner_exists;
use crate::access::text::Reason;
use crate::admin::approvals::service::{Action, answer, payload, perform};
use crate::admin::approvals::{MayWait, respond};
use crate::admin::caller::AdminCaller;
use crate::admin::page::{self, PageOut, PageQuery};
use crate::admin::problems::{BodyProblems, Conflicts, Missing, Problems};
use crate::admin::state::{State, done};
use crate::admin::subscriptions::ReasonIn;
use crate::billing::BillingError;
use crate::billing::api::credits::{CreditOut, CreditsOut, credits_of};
use crate::billing::credits::asked::Asked;
use crate::billing::credits::entries::{Account, Entry, entries};
use crate::billing::credits::store::{self, CreditFilter};
use crate::billing::credits::{CreditError, Grant, make, standing};
use crate::config::FourEyes;
use crate::http::answer::Cache;
use crate::http::{Answer, ApiPath, ApiResult, JsonBody, Params};
use crate::kernel::Micros;
use crate::kernel::id::{CreditGrantId, PartnerId};
use crate::storage::{StoreError, Tx};
use actix_web::{HttpRequest, HttpResponse, get, post};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the operations on credits.
pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_credit_grants)
        .service(create_credit_grant)
        .service(get_credit_grant)
        .service(end_credit_grant)
        .service(get_partner_credits);
}

/// A grant as it was made, and as two people may agree on it. It is never changed.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct CreditGrantOut {
    /// Id of the grant.
    #[schema(value_type = String, example = "crd_4kPz09aBcDe")]
    id: CreditGrantId,
    /// What was asked for.
    asked: Asked,
    /// When it takes effect.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    effective_from: Micros,
    /// By whom it was made.
    #[schema(example = "acc_9pSz33qRsTu")]
    made_by: String,
    /// When.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    made_at: Micros,
}

impl From<Grant> for CreditGrantOut {
    fn from(Grant { id, asked, effective_from, made_by, made_at }: Grant) -> Self {
        Self { id, asked, effective_from, made_by, made_at }
    }
}

/// The end of a grant: nothing more is drawn of it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct CreditEndOut {
    /// The grant.
    #[schema(value_type = String, example = "crd_4kPz09aBcDe")]
    grant_id: CreditGrantId,
    /// When it was ended.
    #[schema(value_type = String, format = DateTime, example = "2026-12-03T09:41:07Z")]
    ended_at: Micros,
    /// By whom.
    #[schema(example = "acc_9pSz33qRsTu")]
    ended_by: String,
    /// Why.
    #[schema(value_type = String, example = "Paid back")]
    reason: Reason,
    /// What closed periods had left of it, and nobody draws any more.
    #[schema(example = "90.00")]
    voided: String,
    /// The currency of it (ISO 4217).
    #[schema(example = "EUR")]
    currency: String,
}

/// An entry of the ledger of a grant.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct CreditEntryOut {
    /// The operation, of which there is one: the grant, a statement that has drawn on it, or its lapse. Its entries come to
    /// zero.
    #[schema(example = "crd_4kPz09aBcDe:stm_4kPz09aBcDe")]
    operation_key: String,
    /// When it was booked.
    #[schema(value_type = String, format = DateTime, example = "2026-12-03T09:41:07Z")]
    booked_at: Micros,
    /// The account: `credit` is what the partner may still draw, `cash` what was paid in advance, `promotions` what was
    /// given, `receivable` what statements would ask for without it, and `breakage` what lapsed.
    #[schema(example = "credit")]
    account: Account,
    /// How much: debits above zero, credits below.
    #[schema(example = "10.00")]
    amount: String,
}

/// A grant with what has become of it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct CreditShownOut {
    /// The grant.
    grant: CreditGrantOut,
    /// How it stands, and what statements draw on it.
    credit: CreditOut,
    /// Its end; null where it was not ended.
    #[schema(required = true)]
    end: Option<CreditEndOut>,
    /// What is booked of it, in double entry.
    entries: Vec<CreditEntryOut>,
}

/// A page of the grants of credit
///
/// Newest first, as they were made: `get_credit_grant` tells what has become of one, `get_partner_credits` what a partner has
/// left.
#[utoipa::path(
    tag = "billing", operation_id = "list_credit_grants",
    params(
        ("partner_id" = Option<String>, Query, description = "Only those of this partner", example = "prt_4kPz09aBcDe"),
        ("app_id" = Option<String>, Query, description = "Only those that pay for statements of this app", example = "app_7nRy25kLmNo"),
        PageQuery
    ),
    responses((status = 200, description = "The page", body = PageOut<CreditGrantOut>), Problems),
    security(("admin_token" = []))
)]
#[get("/billing/credits")]
async fn list_credit_grants(
    _caller: AdminCaller,
    request: HttpRequest,
    state: State,
) -> ApiResult<Answer> {
    let mut params = Params::new(request.query_string());
    let filter = CreditFilter { partner: params.value("partner_id"), app: params.value("app_id") };
    let page = page::read(&request, params)?;
    let before = page
        .after_pair()?
        .map(|(at, id)| (Micros(i64::try_from(at).unwrap_or(i64::MAX)), CreditGrantId(id)));
    let mut tx = state.db.snapshot().await?;
    let found = store::list(&mut tx, filter, before, page::rows(&page)).await?;
    let keys = |made: &Grant| (made.made_at.0.unsigned_abs(), made.id.0);
    page::answer_by(&page, found, keys, CreditGrantOut::from)
}

/// A grant of credit
///
/// What was granted, what statements have drawn of it, what provisional ones draw as of now, what is left, what lapsed, and
/// the same in double entry.
#[utoipa::path(
    tag = "billing", operation_id = "get_credit_grant",
    params(("grant_id" = String, Path, description = "Id of the grant", example = "crd_4kPz09aBcDe")),
    responses((status = 200, description = "The grant", body = CreditShownOut), Missing, Problems),
    security(("admin_token" = []))
)]
#[get("/billing/credits/{grant_id}")]
async fn get_credit_grant(
    _caller: AdminCaller,
    id: ApiPath<CreditGrantId>,
    state: State,
) -> ApiResult<Answer> {
    let now = state.clock.now();
    let mut tx = state.db.snapshot().await?;
    Answer::json(&shown(&mut tx, id.0, now).await?, Cache::NoStore, 1)
}

/// A grant with what has become of it.
async fn shown(tx: &mut Tx, id: CreditGrantId, now: Micros) -> ApiResult<CreditShownOut> {
    let found = store::find(tx, id).await?.ok_or(CreditError::Unknown(id))?;
    let mut standings = standing::of(tx, vec![found], now).await?;
    let standing = standings.pop().ok_or(CreditError::Unknown(id))?;
    let credit = CreditOut::new(&standing, None, now);
    let currency = standing.grant.asked.currency.clone();
    let decimals = standing.grant.decimals();
    let large = |error| BillingError::from(StoreError::corrupt("credit_draws", error));
    let entry = |Entry { operation, at, account, amount }| CreditEntryOut {
        operation_key: operation,
        booked_at: at,
        account,
        amount: amount.text(decimals),
    };
    let entries = entries(&standing).map_err(large)?.into_iter().map(entry).collect();
    let end = standing.end.map(|end| CreditEndOut {
        grant_id: id,
        ended_at: end.at,
        ended_by: end.by,
        reason: end.reason,
        voided: end.voided,
        currency,
    });
    Ok(CreditShownOut { grant: standing.grant.into(), credit, end, entries })
}

/// The credits of a partner
///
/// What is left of them as of now, by currency, and the grants with what has become of each: the newest 100.
#[utoipa::path(
    tag = "billing", operation_id = "get_partner_credits",
    params(("partner_id" = String, Path, description = "Id of the partner", example = "prt_4kPz09aBcDe")),
    responses((status = 200, description = "The credits", body = CreditsOut), Missing, Problems),
    security(("admin_token" = []))
)]
#[get("/partners/{partner_id}/credits")]
async fn get_partner_credits(
    _caller: AdminCaller,
    id: ApiPath<PartnerId>,
    state: State,
) -> ApiResult<Answer> {
    if !partner_exists(&state.db, id.0).await? {
        return Err(AccessError::not_found(Kind::Partner, id.0).into());
    }
    credits_of(&state.db, (id.0, None), state.clock.now()).await
}

/// Makes a grant of credit.
pub const GRANT: Action = Action {
    operation: "create_credit_grant",
    word: FourEyes::PeriodClose,
    shows: None,
    makes_secret: |_| false,
    run: |_, tx, by, what| {
        Box::pin(async move {
            let asked: Asked = payload(what)?;
            answer(&CreditGrantOut::from(make::make_in(tx, by, &asked).await?))
        })
    },
};

/// Grant credit
///
/// To a partner, or to one of its apps: it pays for what their statements come to, in its currency, of periods that begin
/// before it expires and end after it takes effect. Statements show it as lines of the kind `credit`, at once while
/// they are provisional. What was paid for in advance (`prepaid`) was paid outside: it is on no statement itself. With a
/// reference that was used before, the grant that was made then is answered. It takes a second person where
/// `admin.four_eyes` has `period_close`.
#[utoipa::path(
    tag = "billing", operation_id = "create_credit_grant", request_body = Asked,
    responses(
        (status = 200, description = "The grant, or the one that was made with this reference", body = CreditGrantOut),
        MayWait, Conflicts, BodyProblems, Problems
    ),
    security(("admin_token" = []))
)]
#[post("/billing/credits")]
async fn create_credit_grant(
    caller: AdminCaller,
    body: JsonBody<Asked>,
    state: State,
) -> ApiResult<HttpResponse> {
    let asked = body.0;
    let mut tx = state.db.snapshot().await?;
    if let Some(made) = make::made_with(&mut tx, &asked).await? {
        return done(&CreditGrantOut::from(made));
    }
    drop(tx);
    let (wanted, preview) = (answer(&asked)?, answer(&asked)?);
    let outcome = perform(&state, &caller, &GRANT, wanted, (true, preview)).await?;
    respond(&state, outcome, done)
}

/// What is ended when it is done.
#[derive(Debug, Serialize, Deserialize)]
struct Wanted {
    grant_id: CreditGrantId,
    reason: Reason,
}

/// Ends a grant of credit.
pub const END: Action = Action {
    operation: "end_credit_grant",
    word: FourEyes::PeriodClose,
    shows: None,
    makes_secret: |_| false,
    run: |_, tx, by, what| {
        Box::pin(async move {
            let Wanted { grant_id, reason } = payload(what)?;
            let (grant, end) = make::end_in(tx, by, grant_id, &reason).await?;
            answer(&CreditEndOut {
                grant_id,
                ended_at: end.at,
                ended_by: end.by,
                reason: end.reason,
                voided: end.voided,
                currency: grant.asked.currency,
            })
        })
    },
};

/// End a grant of credit
///
/// What closed periods have left of it is drawn by nobody any more, for good: provisional statements show at once that
/// it does not pay for them. What is to be paid back of a prepaid one is paid back outside. It takes a second person where
/// `admin.four_eyes` has `period_close`.
#[utoipa::path(
    tag = "billing", operation_id = "end_credit_grant", request_body = ReasonIn,
    params(("grant_id" = String, Path, description = "Id of the grant", example = "crd_4kPz09aBcDe")),
    responses(
        (status = 200, description = "Its end", body = CreditEndOut),
        MayWait, Missing, Conflicts, BodyProblems, Problems
    ),
    security(("admin_token" = []))
)]
#[post("/billing/credits/{grant_id}/end")]
async fn end_credit_grant(
    caller: AdminCaller,
    id: ApiPath<CreditGrantId>,
    body: JsonBody<ReasonIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    let reason = body.0.reason;
    let mut tx = state.db.snapshot().await?;
    let credit = shown(&mut tx, id.0, state.clock.now()).await?.credit;
    drop(tx);
    let preview = json!({ "credit": credit, "reason": reason });
    let wanted = answer(&Wanted { grant_id: id.0, reason })?;
    let outcome = perform(&state, &caller, &END, wanted, (true, preview)).await?;
    respond(&state, outcome, done)
}
