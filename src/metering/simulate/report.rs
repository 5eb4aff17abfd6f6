//! What a simulation tells.

use crate::kernel::Micros;
use crate::kernel::id::{AppId, PartnerId, PlanId};
use crate::limit::LimitName;
use crate::rating::LineKind;
use serde::Serialize;
use utoipa::ToSchema;

/// What would have come of a span of the ledger under a proposed plan.
#[derive(Debug, Serialize, ToSchema)]
pub struct SimulationOut {
    /// Id of the plan.
    #[schema(value_type = String, example = "pln_2mQx17fGhIj")]
    pub plan_id: PlanId,
    /// Its present version, whose limits, weights and prices stand for what was left out.
    #[schema(example = 3)]
    pub plan_version: u32,
    /// Start of the span.
    #[schema(value_type = String, format = DateTime, example = "2026-10-31T23:00:00Z")]
    pub from: Micros,
    /// End of the span, exclusive.
    #[schema(value_type = String, format = DateTime, example = "2026-11-30T23:00:00Z")]
    pub to: Micros,
    /// Why the plan could not be given this definition: an update with it would be refused. Left out where it would
    /// be taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(
        example = "a call of `list_products` takes 5 units, which exceeds the 2 of the limit `burst`: it would always be refused"
    )]
    pub update_refused: Option<String>,
    /// The last position of the ledger that it takes in.
    #[schema(example = 48_211)]
    pub position: i64,
    /// Seconds before the span that were replayed, so that rates begin with the use that they had.
    #[schema(example = 86_400)]
    pub lead_s: u64,
    /// All apps together.
    pub total: SideBySideOut,
    /// By partner, those first whose calls would newly be refused the most.
    pub partners: Vec<PartnerSimulationOut>,
    /// By app, those first whose calls would newly be refused the most.
    pub apps: Vec<AppSimulationOut>,
    /// What a simulation cannot know.
    #[schema(example = json!(["Calls are taken as they came: what a partner does that is refused is not known."]))]
    pub cautions: Vec<String>,
}

/// What was, and what would have been.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct SideBySideOut {
    /// Calls, and messages to receivers.
    #[schema(example = 120_400)]
    pub calls: u64,
    /// Calls that limits refused in truth.
    #[schema(example = 310)]
    pub refused_in_truth: u64,
    /// Calls that the proposed limits would have refused.
    #[schema(example = 1_250)]
    pub refused_then: u64,
    /// Calls that passed in truth and would have been refused.
    #[schema(example = 1_100)]
    pub newly_refused: u64,
    /// Calls that were refused in truth and would have passed.
    pub unknown_demand: UnknownDemandOut,
    /// Thousandths of units that were billed.
    #[schema(example = 118_000_000)]
    pub units_milli_now: u64,
    /// Thousandths of units that would have been billed.
    #[schema(example = 236_000_000)]
    pub units_milli_then: u64,
    /// Money by currency; none where neither plan has prices.
    pub earned: Vec<EarnedOut>,
}

/// Calls that were refused in truth and would have passed. Nobody knows what they would have brought: they
/// are taken to have been served, and to have cost what they take from the limits.
#[derive(Debug, Clone, Copy, Default, Serialize, ToSchema)]
pub struct UnknownDemandOut {
    /// The calls.
    #[schema(example = 160)]
    pub calls: u64,
    /// Thousandths of units that they would have cost. They are not in `units_milli_then`.
    #[schema(example = 160_000)]
    pub units_milli: u64,
}

/// Money of one currency.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EarnedOut {
    /// The currency (ISO 4217).
    #[schema(example = "EUR")]
    pub currency: &'static str,
    /// What the use comes to under the present prices.
    #[schema(example = "344.00")]
    pub now: String,
    /// What it would come to under the proposed plan.
    #[schema(example = "590.25")]
    pub then: String,
    /// How much more that is.
    #[schema(example = "246.25")]
    pub difference: String,
    /// What it would come to if the unknown demand were served: calls and units of it count, records and
    /// bytes do not.
    #[schema(example = "590.65")]
    pub then_with_unknown_demand: String,
}

/// A partner's apps together.
#[derive(Debug, Serialize, ToSchema)]
pub struct PartnerSimulationOut {
    /// Id of the partner.
    #[schema(value_type = String, example = "prt_2mQx17fGhIj")]
    pub partner_id: PartnerId,
    /// What was, and what would have been.
    pub sums: SideBySideOut,
}

/// An app.
#[derive(Debug, Serialize, ToSchema)]
pub struct AppSimulationOut {
    /// Id of the app.
    #[schema(value_type = String, example = "app_2mQx17fGhIj")]
    pub app_id: AppId,
    /// Id of its partner.
    #[schema(value_type = String, example = "prt_2mQx17fGhIj")]
    pub partner_id: PartnerId,
    /// Id of its present plan.
    #[schema(value_type = String, example = "pln_2mQx17fGhIj")]
    pub plan_id: PlanId,
    /// What was, and what would have been.
    pub sums: SideBySideOut,
    /// The calls that were refused in truth.
    pub truth: RefusalsOut,
    /// The calls that the proposed limits would have refused.
    pub then: RefusalsOut,
    /// The same by limit; a call that several limits refuse is under each.
    pub limits: Vec<LimitRefusalsOut>,
    /// The lines of the bill under the present prices.
    pub lines_now: Vec<LineOut>,
    /// The lines of the bill under the proposed prices.
    pub lines_then: Vec<LineOut>,
}

/// Calls that were refused.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
#[schema(as = SimulatedRefusalsOut)]
pub struct RefusalsOut {
    /// The calls.
    #[schema(example = 1_250)]
    pub calls: u64,
    /// The same by operation, the most first.
    pub operations: Vec<OperationRefusalsOut>,
    /// When the first was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-11-03T07:12:44Z")]
    pub first_at: Option<Micros>,
    /// The hour with the most of them; of equals the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worst_hour: Option<HourOut>,
}

/// Refused calls of an operation.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OperationRefusalsOut {
    /// The operation.
    #[schema(example = "list_products")]
    pub operation_id: String,
    /// The calls.
    #[schema(example = 900)]
    pub calls: u64,
}

/// Refused calls of an hour.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct HourOut {
    /// Start of the hour, in UTC.
    #[schema(value_type = String, format = DateTime, example = "2026-11-27T18:00:00Z")]
    pub start: Micros,
    /// The calls.
    #[schema(example = 410)]
    pub calls: u64,
}

/// Calls that one limit would have refused.
#[derive(Debug, Serialize, ToSchema)]
pub struct LimitRefusalsOut {
    /// Name of the limit.
    #[schema(value_type = String, example = "burst")]
    pub name: LimitName,
    /// The calls.
    pub then: RefusalsOut,
}

/// A line of a bill.
#[derive(Debug, Serialize, ToSchema)]
pub struct LineOut {
    /// What it is.
    #[schema(example = "usage")]
    pub kind: LineKind,
    /// The charge that it belongs to; left out of the fee and of the rounding.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "calls")]
    pub charge: Option<String>,
    /// The unit behind which its tier begins, where the charge has tiers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 0)]
    pub tier_from: Option<u64>,
    /// The last unit of the tier, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 100_000)]
    pub tier_up_to: Option<u64>,
    /// Thousandths of units; of what is asked whatever is used, of one unit.
    #[schema(value_type = u64, example = 120_400_000)]
    pub quantity_milli: u128,
    /// Packages that they began, where the charge sells packages.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>, example = 13)]
    pub packages: Option<u128>,
    /// The price of a unit or a package.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "0.0025")]
    pub unit_price: Option<String>,
    /// What it comes to, exactly.
    #[schema(example = "301.0000")]
    pub amount_exact: String,
    /// The same as it is billed.
    #[schema(example = "301.00")]
    pub amount: String,
    /// The currency (ISO 4217).
    #[schema(example = "EUR")]
    pub currency: &'static str,
}
