//! `GET /v1/usage/current`: what the open period has come to, where its charges stand, and what it will come to.

use crate::access::caller::Caller;
use crate::access::op;
use crate::billing::current::{self, Current, Projection};
use crate::billing::lines::decimal;
use crate::billing::model::{Drawn, Statement};
use crate::billing::projection::{Method, Unsure};
use crate::billing::rate::{SectionStanding, Standing};
use crate::http::answer::Cache;
use crate::http::{Answer, ApiResult, Params};
use crate::kernel::Micros;
use crate::kernel::id::{AppId, BillingPeriodId, PartnerId, PlanId, StatementId};
use crate::metering::api::UsageState;
use crate::rating::{Exact, Meter, Model, Price, Step, Tier};
use crate::storage::{Db, StoreError};
use actix_web::{HttpRequest, get, web};
use serde::Serialize;
use std::num::NonZeroU64;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

/// Thousandths in a unit.
const MILLI: u128 = 1_000;

/// Mounts the handler.
pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(get_current_usage);
}

/// What the open periods of an app have come to.
#[derive(Debug, Serialize, ToSchema)]
pub struct CurrentUsageOut {
    /// The partner.
    #[schema(value_type = String, example = "prt_4kPz09aBcDe")]
    partner_id: PartnerId,
    /// The app.
    #[schema(value_type = String, example = "app_7nRy25kLmNo")]
    app_id: AppId,
    /// Everything that nodes have answered up to this instant is counted.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    as_of: Micros,
    /// How long ago that is, in milliseconds.
    #[schema(minimum = 0, example = 1_204)]
    lag_ms: u64,
    /// The periods that have begun and not ended, one for each currency: as a rule one, and none of a plan that asks nothing.
    items: Vec<CurrentPeriodOut>,
}

/// What an open period has come to.
#[derive(Debug, Serialize, ToSchema)]
pub struct CurrentPeriodOut {
    /// The provisional statement that says the same line by line.
    #[schema(value_type = String, example = "stm_4kPz09aBcDe")]
    statement_id: StatementId,
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
    /// The currency of all amounts (ISO 4217).
    #[schema(example = "EUR")]
    currency: String,
    /// What the period has come to before rounding: fees, minimums, corrections and credits included.
    #[schema(example = "14.075")]
    exact: String,
    /// What it has come to before credits.
    #[schema(example = "24.08")]
    subtotal: String,
    /// What credits pay of it.
    credits: Vec<Drawn>,
    /// What is left of the credits that may pay for it, other statements that draw before it taken off.
    #[schema(example = "90.00")]
    credit_left: String,
    /// What would be owed if nothing more were called.
    #[schema(example = "14.08")]
    total: String,
    /// The price lists that hold in it, in the order of the statement's sections.
    sections: Vec<CurrentSectionOut>,
    /// What the period will come to; null where nobody can say, and then `not_projected` says why.
    #[schema(required = true)]
    projection: Option<ProjectionOut>,
    /// Why nothing is projected: `no_calls` (the app has made no billed call yet) or `too_new` (its first one was less than 24
    /// full hours ago); null where something is.
    #[schema(required = true, example = json!(null))]
    not_projected: Option<Unsure>,
}

/// What the charges of a price list have come to.
#[derive(Debug, Serialize, ToSchema)]
pub struct CurrentSectionOut {
    /// The plan.
    #[schema(value_type = String, example = "pln_2mQx17fGhIj")]
    plan_id: PlanId,
    /// The version of the plan whose prices hold.
    #[schema(example = 3)]
    plan_version: u32,
    /// Whether it holds now. A call is charged by the list that holds when it is made; one that holds no more stands here
    /// for what was called under it.
    #[schema(example = true)]
    in_force: bool,
    /// Its charges, as they are for the part of the period in which it holds.
    charges: Vec<ChargeStandingOut>,
}

/// Where a charge stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChargeStandingOut {
    /// The charge.
    #[schema(example = "calls")]
    charge: String,
    /// What it counts.
    #[schema(example = "requests")]
    meter: Meter,
    /// How a quantity becomes an amount: `flat`, `per_unit`, `graduated`, `volume` or `package`.
    #[schema(example = "graduated")]
    model: &'static str,
    /// Units so far, with up to three decimals.
    #[schema(example = "14500")]
    quantity: String,
    /// Units that are included.
    #[schema(example = 1_000)]
    included: u64,
    /// Of these, what is left.
    #[schema(example = "0")]
    included_left: String,
    /// Units beyond the included ones: those that tiers and packages are counted by.
    #[schema(example = "13500")]
    charged: String,
    /// The price of a unit, or of a package, at present; null of a charge that asks the same whatever is counted.
    #[schema(required = true, example = "0.0015")]
    unit_price: Option<String>,
    /// The tier of the last unit, or the first one where none is charged yet; null where there are no tiers.
    #[schema(required = true)]
    tier: Option<TierOut>,
    /// Units that are left in that tier; null in the last one and where there are none.
    #[schema(required = true, example = "36500")]
    left_in_tier: Option<String>,
    /// The tier behind it; null where there is none.
    #[schema(required = true)]
    next_tier: Option<TierOut>,
    /// The packages; null where none are sold.
    #[schema(required = true, example = json!(null))]
    packages: Option<PackagesOut>,
    /// What its lines come to before rounding: discount, cap and minimum included.
    #[schema(example = "20.25")]
    amount_exact: String,
}

/// A tier.
#[derive(Debug, Serialize, ToSchema)]
pub struct TierOut {
    /// It begins behind this unit.
    #[schema(example = 10_000)]
    from: u64,
    /// The last unit in it; null of the last tier.
    #[schema(required = true, example = 50_000)]
    up_to: Option<u64>,
    /// The price of a unit: of those in it, or of all where the model is `volume`.
    #[schema(example = "0.0015")]
    unit_price: String,
    /// What is charged once where a unit falls into it.
    #[schema(example = "0.00")]
    flat: String,
}

/// Packages of a charge.
#[derive(Debug, Serialize, ToSchema)]
pub struct PackagesOut {
    /// Units in a package.
    #[schema(example = 1_000)]
    size: u64,
    /// Packages that were begun.
    #[schema(example = 14)]
    begun: u64,
    /// Units that are left in the last of them.
    #[schema(example = "500")]
    left: String,
}

/// What a period will come to.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProjectionOut {
    /// How the rest of the period is reckoned: `hours_of_week` (each hour to come brings what the same hour of the week, in
    /// UTC, has brought in the last 28 days on average) or, where the app has called for less than these, `linear` (each
    /// hour to come brings what all hours since its first billed call have brought on average). It is rated with what was
    /// counted, as the statement is.
    #[schema(example = "hours_of_week")]
    method: Method,
    /// Start of the hours that it is reckoned from.
    #[schema(value_type = String, format = DateTime, example = "2026-10-25T09:00:00Z")]
    reckoned_from: Micros,
    /// End of these, exclusive.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:00:00Z")]
    reckoned_to: Micros,
    /// What the period is expected to come to, after credits.
    #[schema(example = "31.40")]
    total: String,
    /// What it would come to if all weeks to come were like the least of the last four; null where the app has not called
    /// for so long.
    #[schema(required = true, example = "29.10")]
    low: Option<String>,
    /// The same like the most of them.
    #[schema(required = true, example = "34.75")]
    high: Option<String>,
}

impl CurrentPeriodOut {
    fn new(current: Current) -> Result<Self, StoreError> {
        let Current { statement, sections, projected, credit_left } = current;
        let currency: crate::kernel::Currency = statement.currency.parse().map_err(corrupt)?;
        let decimals = currency.decimals();
        let section = |(n, of): (usize, SectionStanding)| section(&statement, n, &of, decimals);
        let sections = sections.into_iter().enumerate().map(section).collect::<Result<_, _>>()?;
        let (projection, not_projected) = match projected {
            Ok(projection) => (Some(ProjectionOut::new(projection, decimals)), None),
            Err(why) => (None, Some(why)),
        };
        let Statement { id, period_id, from, to, time_zone, currency, exact, .. } = statement;
        let Statement { subtotal, credits, total, .. } = statement;
        Ok(Self {
            statement_id: id,
            period_id,
            from,
            to,
            time_zone,
            currency,
            exact,
            subtotal,
            credits,
            credit_left: credit_left.text(decimals),
            total,
            sections,
            projection,
            not_projected,
        })
    }
}

impl ProjectionOut {
    fn new(Projection { method, past, total, range }: Projection, decimals: u8) -> Self {
        let (low, high) = range.unzip();
        Self {
            method,
            reckoned_from: past.from,
            reckoned_to: past.to,
            total: total.text(decimals),
            low: low.map(|low| low.text(decimals)),
            high: high.map(|high| high.text(decimals)),
        }
    }
}

fn section(
    statement: &Statement,
    n: usize,
    of: &SectionStanding,
    decimals: u8,
) -> Result<CurrentSectionOut, StoreError> {
    let section = statement.sections.get(n).ok_or_else(|| corrupt("a section is missing"))?;
    let number = u32::try_from(n + 1).unwrap_or(u32::MAX);
    let charge = |standing: &Standing| {
        let amount = amount(statement, number, standing.charge.name.as_str())?;
        Ok(ChargeStandingOut::new(standing, &amount, decimals))
    };
    Ok(CurrentSectionOut {
        plan_id: section.plan_id,
        plan_version: section.plan_version,
        in_force: of.in_force,
        charges: of.charges.iter().map(charge).collect::<Result<_, StoreError>>()?,
    })
}

/// What the lines of a charge come to.
fn amount(statement: &Statement, section: u32, charge: &str) -> Result<Exact, StoreError> {
    let lines = statement.lines.iter();
    let own = lines
        .filter(|line| line.section == Some(section) && line.charge.as_deref() == Some(charge));
    let amounts = own.map(|line| line.amount_exact.parse());
    let amounts = amounts.collect::<Result<Vec<Exact>, _>>().map_err(corrupt)?;
    Exact::sum(amounts).map_err(corrupt)
}

fn corrupt(error: impl std::fmt::Display) -> StoreError {
    StoreError::corrupt("statements", error)
}

impl ChargeStandingOut {
    fn new(standing: &Standing, amount: &Exact, decimals: u8) -> Self {
        let Standing { charge, milli, position } = standing;
        let units = |milli: u128| decimal(milli, MILLI);
        let price = |price: Price| price.text(decimals);
        let tier_out = |(from, tier): (u64, Tier)| TierOut {
            from,
            up_to: tier.up_to.map(NonZeroU64::get),
            unit_price: price(tier.unit),
            flat: price(tier.flat),
        };
        let mut out = Self {
            charge: charge.name.to_string(),
            meter: charge.meter,
            model: model(&charge.model),
            quantity: units(*milli),
            included: charge.included,
            included_left: units(position.included_left),
            charged: units(position.charged),
            unit_price: None,
            tier: None,
            left_in_tier: None,
            next_tier: None,
            packages: None,
            amount_exact: amount.text(decimals),
        };
        match position.step {
            None => {}
            Some(Step::Unit(unit)) => out.unit_price = Some(price(unit)),
            Some(Step::Tier { now, left, next }) => {
                out.unit_price = Some(price(now.1.unit));
                (out.tier, out.next_tier) = (Some(tier_out(now)), next.map(tier_out));
                out.left_in_tier = left.map(units);
            }
            Some(Step::Package { size, price: each, begun, left }) => {
                out.unit_price = Some(price(each));
                let begun = u64::try_from(begun).unwrap_or(u64::MAX);
                out.packages = Some(PackagesOut { size: size.get(), begun, left: units(left) });
            }
        }
        out
    }
}

fn model(model: &Model) -> &'static str {
    match model {
        Model::Flat(_) => "flat",
        Model::PerUnit(_) => "per_unit",
        Model::Graduated(_) => "graduated",
        Model::Volume(_) => "volume",
        Model::Package { .. } => "package",
    }
}

/// What the open periods of a partner's app have come to, as an answer.
pub async fn answer(db: &Db, whose: (PartnerId, AppId), now: Micros) -> ApiResult<Answer> {
    let (reached, found) = current::current(db, whose, now).await?;
    let (as_of, lag_ms) = (reached.through, reached.lag_ms());
    let items: Vec<CurrentPeriodOut> =
        found.into_iter().map(CurrentPeriodOut::new).collect::<Result<_, _>>()?;
    let records = u32::try_from(items.len()).unwrap_or(u32::MAX);
    let (partner_id, app_id) = whose;
    let out = CurrentUsageOut { partner_id, app_id, as_of, lag_ms, items };
    Answer::json(&out, Cache::NoStore, records)
}

/// Your open period
///
/// What your app owes by now for the period that is open, from the same ledger and by the same function as the statement
/// that will be frozen: how much of each charge is used, what is left of what is included, the tier or the package that it
/// is in and what comes next, and what the period is expected to come to. Never billed.
#[utoipa::path(
    operation_id = "get_current_usage", tag = "usage",
    responses(
        (status = 200, description = "What the open period has come to", body = CurrentUsageOut),
        (status = 304, description = "Not changed since the `ETag` in `If-None-Match`"),
    )
)]
#[get("/v1/usage/current")]
async fn get_current_usage(
    caller: Caller<op::GetCurrentUsage>,
    request: HttpRequest,
    state: web::Data<UsageState>,
) -> ApiResult<Answer> {
    Params::new(request.query_string()).finish()?;
    answer(&state.db, caller.whose(), state.clock.now()).await
}
