//! Adjustments over HTTP.

use crate::access::service::By;
use crate::access::text::Reason;
use crate::admin::approvals::service::{Action, answer, payload, perform};
use crate::admin::approvals::{MayWait, respond};
use crate::admin::caller::AdminCaller;
use crate::admin::page::{self, PageOut, PageQuery};
use crate::admin::problems::{BodyProblems, Conflicts, Missing, Problems};
use crate::admin::state::{State, done};
use crate::billing::BillingError;
use crate::billing::adjustments::asked::{Asked, ReversalAsked};
use crate::billing::adjustments::model::Kind;
use crate::billing::adjustments::store::{self, AdjustmentFilter};
use crate::billing::adjustments::{Adjustment, AdjustmentError, make};
use crate::billing::model::Statement;
use crate::billing::rerate::{changes, totals};
use crate::config::FourEyes;
use crate::http::answer::Cache;
use crate::http::{Answer, ApiPath, ApiResult, JsonBody, Params};
use crate::kernel::Micros;
use crate::kernel::id::{AdjustmentId, AppId, BillingPeriodId, PartnerId, StatementId};
use crate::storage::Tx;
use actix_web::{HttpRequest, HttpResponse, get, post};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the operations on adjustments.
pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_adjustments)
        .service(create_adjustment)
        .service(get_adjustment)
        .service(reverse_adjustment);
}

/// What two people have agreed to correct in what an app owes. It is never changed.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct AdjustmentOut {
    /// Id of the adjustment.
    #[schema(value_type = String, example = "adj_4kPz09aBcDe")]
    id: AdjustmentId,
    /// The key that it was asked for with.
    #[schema(example = "sla-2026-11")]
    operation_key: String,
    /// What it does.
    #[schema(example = "credit")]
    kind: Kind,
    /// The app.
    #[schema(value_type = String, example = "app_7nRy25kLmNo")]
    app_id: AppId,
    /// Who owes more or less.
    #[schema(value_type = String, example = "prt_4kPz09aBcDe")]
    partner_id: PartnerId,
    /// Why, in a word.
    #[schema(example = "sla")]
    reason_code: String,
    /// Why, for people.
    #[schema(value_type = String, example = "Less than 99.9 % of November was available")]
    reason: Reason,
    /// What was asked for; null of a reversal.
    #[schema(required = true)]
    asked: Option<Asked>,
    /// The adjustment that it takes back; null where it is no reversal.
    #[schema(required = true, value_type = Option<String>, example = json!(null))]
    reverses: Option<AdjustmentId>,
    /// The money that it is about, exactly; below zero it is taken off. Null where calls or use count otherwise, whose money is told by
    /// the statement in which they count.
    #[schema(required = true, example = "-12.50")]
    amount: Option<String>,
    /// The currency of it (ISO 4217); null where there is none.
    #[schema(required = true, example = "EUR")]
    currency: Option<String>,
    /// The closed period that this money is about; null where it is about none.
    #[schema(required = true, value_type = Option<String>, example = "per_2mQx17fGhIj")]
    corrects_period: Option<BillingPeriodId>,
    /// Calls that are void by it.
    #[schema(example = 0)]
    events: u64,
    /// SHA-256 of their ids, sorted, each with a line feed behind it; null where it is about no calls.
    #[schema(required = true, example = json!(null))]
    events_digest: Option<String>,
    /// By whom it was made.
    #[schema(example = "acc_9pSz33qRsTu approved by acc_4kPz09aBcDe")]
    made_by: String,
    /// When.
    #[schema(value_type = String, format = DateTime, example = "2026-12-03T09:41:07Z")]
    made_at: Micros,
}

impl From<Adjustment> for AdjustmentOut {
    fn from(adjustment: Adjustment) -> Self {
        let Adjustment { id, operation_key, kind, app_id, partner_id, reason_code, .. } =
            adjustment;
        let Adjustment { reason, asked, reverses, effect, made_by, made_at, .. } = adjustment;
        let corrects_period = effect.owed.as_ref().and_then(|owed| owed.corrects);
        let money = effect.owed.map(|owed| (owed.amount, owed.currency));
        let (amount, currency) = money.unzip();
        let (events, events_digest) = (effect.events, effect.events_digest);
        Self {
            id,
            operation_key,
            kind,
            app_id,
            partner_id,
            reason_code,
            reason,
            asked,
            reverses,
            amount,
            currency,
            corrects_period,
            events,
            events_digest,
            made_by,
            made_at,
        }
    }
}

/// An adjustment with what has become of it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct AdjustmentShownOut {
    /// The adjustment.
    adjustment: AdjustmentOut,
    /// What takes it back; null where nothing does.
    #[schema(required = true, value_type = Option<String>, example = json!(null))]
    reversed_by: Option<AdjustmentId>,
    /// The final statements that have it as a line; none while it stands in provisional ones alone, and where it has changed
    /// only what an open period counts.
    #[schema(value_type = Vec<String>, example = json!(["stm_4kPz09aBcDe"]))]
    statement_ids: Vec<StatementId>,
}

/// A page of the adjustments
///
/// Newest first. Reversals are among them.
#[utoipa::path(
    tag = "billing", operation_id = "list_adjustments",
    params(
        ("partner_id" = Option<String>, Query, description = "Only those of this partner", example = "prt_4kPz09aBcDe"),
        ("app_id" = Option<String>, Query, description = "Only those of this app", example = "app_7nRy25kLmNo"),
        PageQuery
    ),
    responses((status = 200, description = "The page", body = PageOut<AdjustmentOut>), Problems),
    security(("admin_token" = []))
)]
#[get("/billing/adjustments")]
async fn list_adjustments(
    _caller: AdminCaller,
    request: HttpRequest,
    state: State,
) -> ApiResult<Answer> {
    let mut params = Params::new(request.query_string());
    let filter =
        AdjustmentFilter { partner: params.value("partner_id"), app: params.value("app_id") };
    let page = page::read(&request, params)?;
    let before = page
        .after_pair()?
        .map(|(at, id)| (Micros(i64::try_from(at).unwrap_or(i64::MAX)), AdjustmentId(id)));
    let mut tx = state.db.snapshot().await?;
    let found = store::list(&mut tx, filter, before, page::rows(&page)).await?;
    let keys = |made: &Adjustment| (made.made_at.0.unsigned_abs(), made.id.0);
    page::answer_by(&page, found, keys, AdjustmentOut::from)
}

/// An adjustment
///
/// What was agreed, what takes it back, and the final statements in which it was booked.
#[utoipa::path(
    tag = "billing", operation_id = "get_adjustment",
    params(("adjustment_id" = String, Path, description = "Id of the adjustment", example = "adj_4kPz09aBcDe")),
    responses((status = 200, description = "The adjustment", body = AdjustmentShownOut), Missing, Problems),
    security(("admin_token" = []))
)]
#[get("/billing/adjustments/{adjustment_id}")]
async fn get_adjustment(
    _caller: AdminCaller,
    id: ApiPath<AdjustmentId>,
    state: State,
) -> ApiResult<Answer> {
    let mut tx = state.db.snapshot().await?;
    let found = store::find(&mut tx, id.0).await?.ok_or(AdjustmentError::Unknown(id.0))?;
    let shown = AdjustmentShownOut {
        adjustment: found.into(),
        reversed_by: store::reversal_of(&mut tx, id.0).await?,
        statement_ids: store::bookings(&mut tx, id.0).await?,
    };
    Answer::json(&shown, Cache::NoStore, 1)
}

/// What is made when it is done: as it was asked for, of the calls that were seen.
#[derive(Debug, Serialize, Deserialize)]
struct Wanted {
    asked: Asked,
    events_digest: Option<String>,
}

/// Makes an adjustment.
pub const CREATE: Action = Action {
    operation: "create_adjustment",
    word: FourEyes::PeriodClose,
    shows: None,
    makes_secret: |_| false,
    run: |_, tx, by, what| {
        Box::pin(async move {
            let Wanted { asked, events_digest } = payload(what)?;
            let made = make::make_in(tx, by, &asked, events_digest.as_deref()).await?;
            answer(&AdjustmentOut::from(made))
        })
    },
};

/// What is taken back when it is done.
#[derive(Debug, Serialize, Deserialize)]
struct WantedBack {
    adjustment_id: AdjustmentId,
    asked: ReversalAsked,
}

/// Takes an adjustment back.
pub const REVERSE: Action = Action {
    operation: "reverse_adjustment",
    word: FourEyes::PeriodClose,
    shows: None,
    makes_secret: |_| false,
    run: |_, tx, by, what| {
        Box::pin(async move {
            let WantedBack { adjustment_id, asked } = payload(what)?;
            answer(&AdjustmentOut::from(make::reverse_in(tx, by, adjustment_id, &asked).await?))
        })
    },
};

/// What people are shown of an adjustment that was made, in a transaction that is given up.
async fn preview(
    tx: &mut Tx,
    made: &Adjustment,
    before: &BTreeMap<String, Statement>,
) -> Result<Value, BillingError> {
    let after = totals(tx, made.app_id, made.made_at).await?;
    Ok(json!({
        "kind": made.kind, "app_id": made.app_id, "partner_id": made.partner_id,
        "reason_code": made.reason_code, "reason": made.reason, "reverses": made.reverses,
        "events": made.effect.events, "statements": changes(before, &after)?,
    }))
}

/// Correct what an app owes
///
/// Always takes a second person, who is shown what it changes in money. Nothing closed is changed: what it corrects of
/// closed periods, and money, becomes a line of the app's first open period; of open periods, calls are not charged
/// (`adjusted.voided`), use is added (`adjusted.backfilled`), or both. A call is void once. With a key that was used before, the
/// adjustment that was made then is answered.
#[utoipa::path(
    tag = "billing", operation_id = "create_adjustment", request_body = Asked,
    responses(
        (status = 200, description = "The adjustment that was made with this key", body = AdjustmentOut),
        MayWait, Conflicts, BodyProblems, Problems
    ),
    security(("admin_token" = []))
)]
#[post("/billing/adjustments")]
async fn create_adjustment(
    caller: AdminCaller,
    body: JsonBody<Asked>,
    state: State,
) -> ApiResult<HttpResponse> {
    let (asked, by) = (body.0, caller.by(&state.clock));
    let mut tx = state.db.begin().await?;
    if let Some(made) = make::made_with(&mut tx, &asked).await? {
        return done(&AdjustmentOut::from(made));
    }
    let before = totals(&mut tx, asked.app_id, by.now).await?;
    let made = make::make_in(&mut tx, &By::new(by.actor, by.now), &asked, None).await?;
    let preview = preview(&mut tx, &made, &before).await?;
    // It was only tried out.
    drop(tx);
    let wanted = Wanted { asked, events_digest: made.effect.events_digest };
    let outcome = perform(&state, &caller, &CREATE, answer(&wanted)?, (true, preview)).await?;
    respond(&state, outcome, done)
}

/// Take an adjustment back
///
/// By another that does the opposite; always takes a second person. Calls that it had taken out are charged again, and can be
/// taken out again. What was booked in a closed period stays there, and the reversal is booked in the first open one.
#[utoipa::path(
    tag = "billing", operation_id = "reverse_adjustment", request_body = ReversalAsked,
    params(("adjustment_id" = String, Path, description = "Id of the adjustment", example = "adj_4kPz09aBcDe")),
    responses(
        (status = 200, description = "The reversal that was made with this key", body = AdjustmentOut),
        MayWait, Missing, Conflicts, BodyProblems, Problems
    ),
    security(("admin_token" = []))
)]
#[post("/billing/adjustments/{adjustment_id}/reverse")]
async fn reverse_adjustment(
    caller: AdminCaller,
    id: ApiPath<AdjustmentId>,
    body: JsonBody<ReversalAsked>,
    state: State,
) -> ApiResult<HttpResponse> {
    let (asked, by) = (body.0, caller.by(&state.clock));
    let mut tx = state.db.begin().await?;
    if let Some(made) = make::reversed_with(&mut tx, id.0, &asked).await? {
        return done(&AdjustmentOut::from(made));
    }
    let found = store::find(&mut tx, id.0).await?.ok_or(AdjustmentError::Unknown(id.0))?;
    let before = totals(&mut tx, found.app_id, by.now).await?;
    let made = make::reverse_in(&mut tx, &By::new(by.actor, by.now), id.0, &asked).await?;
    let preview = preview(&mut tx, &made, &before).await?;
    drop(tx);
    let wanted = WantedBack { adjustment_id: id.0, asked };
    let outcome = perform(&state, &caller, &REVERSE, answer(&wanted)?, (true, preview)).await?;
    respond(&state, outcome, done)
}
