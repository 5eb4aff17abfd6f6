//! Credits over HTTP, as partners and the retailer see them.

use crate::access::caller::Caller;
use crate::access::op;
use crate::billing::BillingError;
use crate::billing::credits::asked::Source;
use crate::billing::credits::standing::{self, Standing, State, Use};
use crate::http::answer::Cache;
use crate::http::{Answer, ApiResult, Params};
use crate::kernel::id::{AppId, CreditGrantId, PartnerId, StatementId};
use crate::kernel::{Currency, Micros};
use crate::metering::api::UsageState;
use crate::storage::Db;
use actix_web::{HttpRequest, get, web};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

/// Grants that are told.
const MOST: usize = 100;

/// Mounts the handler.
pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list_own_credits);
}

/// What a statement draws of a grant.
#[derive(Debug, Serialize, ToSchema)]
struct CreditUseOut {
    /// The statement.
    #[schema(value_type = String, example = "stm_4kPz09aBcDe")]
    statement_id: StatementId,
    /// How the statement stands: what a provisional one draws is not booked, and changes with it.
    #[schema(example = "provisional")]
    state: super::statements::State,
    /// How much.
    #[schema(example = "10.00")]
    amount: String,
}

impl CreditUseOut {
    fn new(used: &Use, decimals: u8) -> Self {
        use super::statements::State;
        Self {
            statement_id: used.statement,
            state: if used.booked_at.is_some() { State::Final } else { State::Provisional },
            amount: used.amount.text(decimals),
        }
    }
}

/// A grant of credit with what has become of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreditOut {
    /// Id of the grant.
    #[schema(value_type = String, example = "crd_4kPz09aBcDe")]
    id: CreditGrantId,
    /// How it stands now. What has `expired` pays for open periods that had begun before, and for no other.
    #[schema(example = "active")]
    state: State,
    /// Where it comes from: given, or paid for in advance.
    #[schema(example = "prepaid")]
    source: Source,
    /// The partner.
    #[schema(value_type = String, example = "prt_4kPz09aBcDe")]
    partner_id: PartnerId,
    /// The app whose statements alone it pays for; null where it pays for those of all apps of the partner.
    #[schema(required = true, value_type = Option<String>, example = json!(null))]
    app_id: Option<AppId>,
    /// What was granted.
    #[schema(example = "100.00")]
    amount: String,
    /// The currency of all amounts (ISO 4217).
    #[schema(example = "EUR")]
    currency: String,
    /// What final statements have drawn, of all apps.
    #[schema(example = "0.00")]
    drawn: String,
    /// What provisional statements draw, of all apps: as of now, and not booked.
    #[schema(example = "10.00")]
    provisional: String,
    /// What is left.
    #[schema(example = "90.00")]
    left: String,
    /// What lapsed, and nobody can draw any more: what was left of one that was ended, or that has expired and pays for no
    /// open period. `drawn`, `provisional`, `left` and `lapsed` come to `amount`.
    #[schema(example = "0.00")]
    lapsed: String,
    /// Grants of a lower number are drawn first.
    #[schema(example = 50)]
    priority: u8,
    /// It pays for periods that end later.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    effective_from: Micros,
    /// It pays for periods that begin earlier; null where it never expires.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = "2027-12-01T00:00:00Z")]
    expires_at: Option<Micros>,
    /// When it was ended, so that nothing more is drawn; null where it was not.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = json!(null))]
    ended_at: Option<Micros>,
    /// The reference that it was asked for with; null where there was none.
    #[schema(required = true, example = "payment-2026-1187")]
    reference: Option<String>,
    /// What it is.
    #[schema(example = "Paid in advance for 2027")]
    note: String,
    /// The statements that draw on it, in the order in which they do: of the caller's app alone in the partner API.
    uses: Vec<CreditUseOut>,
}

impl CreditOut {
    /// A grant as it stands now, with what statements of an app, or of all, draw on it.
    pub fn new(standing: &Standing, app: Option<AppId>, now: Micros) -> Self {
        let (grant, decimals) = (&standing.grant, standing.grant.decimals());
        let asked = grant.asked.clone();
        let uses = standing.uses.iter().filter(|used| app.is_none_or(|app| used.app == app));
        Self {
            id: grant.id,
            state: standing.state(now),
            source: asked.source,
            partner_id: asked.partner_id,
            app_id: asked.app_id,
            amount: standing.granted.text(decimals),
            currency: asked.currency,
            drawn: standing.drawn.text(decimals),
            provisional: standing.provisional.text(decimals),
            left: standing.left.text(decimals),
            lapsed: standing.lapsed.text(decimals),
            priority: asked.priority,
            effective_from: grant.effective_from,
            expires_at: asked.expires_at,
            ended_at: standing.end.as_ref().map(|end| end.at),
            reference: asked.reference.map(|reference| reference.to_string()),
            note: asked.note.to_string(),
            uses: uses.map(|used| CreditUseOut::new(used, decimals)).collect(),
        }
    }
}

/// What is left in a currency.
#[derive(Debug, Serialize, ToSchema)]
struct CreditBalanceOut {
    /// The currency (ISO 4217).
    #[schema(example = "EUR")]
    currency: String,
    /// What is left of all active grants in it; what provisional statements draw is taken off.
    #[schema(example = "90.00")]
    left: String,
}

/// Credits, with what is left of them.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreditsOut {
    /// What is left of active grants, by currency.
    balances: Vec<CreditBalanceOut>,
    /// The grants, the newest first: at most 100.
    items: Vec<CreditOut>,
}

/// The credits that pay for the statements of a partner's app, or of all its apps.
pub async fn credits_of(
    db: &Db,
    whose: (PartnerId, Option<AppId>),
    now: Micros,
) -> ApiResult<Answer> {
    let mut tx = db.snapshot().await.map_err(BillingError::from)?;
    let standings = standing::of_partner(&mut tx, whose, now).await?;
    let balance = |(currency, left): (String, crate::rating::Exact)| {
        let decimals = currency.parse().map_or(2, |currency: Currency| currency.decimals());
        CreditBalanceOut { left: left.text(decimals), currency }
    };
    let balances = standing::balances(&standings, now)?.into_iter().map(balance).collect();
    let items: Vec<CreditOut> = standings
        .iter()
        .take(MOST)
        .map(|standing| CreditOut::new(standing, whose.1, now))
        .collect();
    let records = u32::try_from(items.len()).unwrap_or(u32::MAX);
    Answer::json(&CreditsOut { balances, items }, Cache::NoStore, records)
}

/// Your credits
///
/// What you were given or have paid in advance and your app's statements may draw on, what they have drawn, and what is
/// left as of now: provisional statements draw what they would if nothing more were called. A credit of yours that is
/// not of one app is drawn by all your apps. Never billed.
#[utoipa::path(
    operation_id = "list_own_credits", tag = "usage",
    responses(
        (status = 200, description = "The credits", body = CreditsOut),
        (status = 304, description = "Not changed since the `ETag` in `If-None-Match`"),
    )
)]
#[get("/v1/usage/credits")]
async fn list_own_credits(
    caller: Caller<op::ListOwnCredits>,
    request: HttpRequest,
    state: web::Data<UsageState>,
) -> ApiResult<Answer> {
    Params::new(request.query_string()).finish()?;
    let whose = (caller.key().partner, Some(caller.app()));
    credits_of(&state.db, whose, state.clock.now()).await
}
