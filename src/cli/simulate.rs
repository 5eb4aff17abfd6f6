//! `comptoir plan simulate`.

use super::speak::say;
use crate::access::model::DefinitionPatch;
use crate::access::plan::{PlanLimits, PlanPrices, PlanWeights};
use crate::access::service::get_plan;
use crate::kernel::Micros;
use crate::kernel::id::{AppId, PlanId};
use crate::limit::{Limit, Limits};
use crate::metering::simulate::{RefusalsOut, SideBySideOut, Simulation, SimulationOut, simulate};
use crate::storage::Db;
use serde::de::DeserializeOwned;

/// What is tried out. What is left out is the plan's own.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The plan.
    id: PlanId,
    /// A month (2026-11) or a day (2026-11-22), in the time zone of the prices; the last month where it is
    /// left out.
    #[arg(long)]
    period: Option<String>,
    /// A limit, as for create; those given stand for all.
    #[arg(long = "limit", value_parser = super::access::limit)]
    limits: Vec<Limit>,
    /// Weights as JSON of the admin API, such as {"list_products":2.5}.
    #[arg(long, value_name = "JSON", value_parser = weights)]
    weights: Option<PlanWeights>,
    /// A price list as JSON of the admin API, @FILE to read it from a file, or none.
    #[arg(long, value_name = "JSON", value_parser = prices)]
    prices: Option<PricesArg>,
    /// An app to try it out on, in place of those that are on the plan.
    #[arg(long = "app")]
    apps: Vec<AppId>,
    /// Tell all of it as JSON, as the admin API does.
    #[arg(long)]
    json: bool,
}

/// A price list, or that there shall be none.
#[derive(Debug, Clone)]
pub(super) struct PricesArg(pub(super) Option<PlanPrices>);

/// Reads a price list: JSON, `@FILE`, or `none`.
pub(super) fn prices(text: &str) -> Result<PricesArg, String> {
    match text {
        "none" => Ok(PricesArg(None)),
        text => json_or_file(text).map(Some).map(PricesArg),
    }
}

/// Reads JSON, or with `@FILE` the JSON in a file.
pub(super) fn json_or_file<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let json = match text.strip_prefix('@') {
        Some(file) => std::fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?,
        None => text.to_owned(),
    };
    serde_json::from_str(&json).map_err(|error| error.to_string())
}

fn weights(text: &str) -> Result<PlanWeights, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// Tries a plan out and tells what would have been. Changes nothing.
pub(super) async fn run(db: &Db, now: Micros, args: Args) -> anyhow::Result<()> {
    let Args { id, period, limits, weights, prices, apps, json } = args;
    let limits = (!limits.is_empty()).then(|| Limits::new(limits)).transpose()?.map(PlanLimits);
    let prices = prices.map(|PricesArg(prices)| prices);
    let patch = DefinitionPatch { limits, weights, prices, ..DefinitionPatch::default() };
    let apps = (!apps.is_empty()).then_some(apps);
    let plan = get_plan(db, id).await?;
    let simulation = Simulation::new(plan, patch, period.as_deref(), apps, now)?;
    let told = simulate(db, simulation).await?;
    if json {
        return say(serde_json::to_string_pretty(&told)?);
    }
    tell(&told)
}

fn tell(told: &SimulationOut) -> anyhow::Result<()> {
    let SimulationOut { plan_id, plan_version, from, to, .. } = told;
    say(format!("{plan_id}\tversion {plan_version}\t{from} to {to}"))?;
    say(format!("all apps\t{}", sides(&told.total)))?;
    for partner in &told.partners {
        say(format!("{}\t{}", partner.partner_id, sides(&partner.sums)))?;
    }
    for app in &told.apps {
        say(format!("{}\t{}", app.app_id, sides(&app.sums)))?;
        say(format!("\tin truth\t{}", refusals(&app.truth)))?;
        for limit in &app.limits {
            say(format!("\t{}\t{}", limit.name, refusals(&limit.then)))?;
        }
    }
    told.cautions.iter().try_for_each(|caution| say(format!("note: {caution}")))
}

fn sides(sides: &SideBySideOut) -> String {
    let units = |milli: u64| format!("{}.{:03}", milli / 1_000, milli % 1_000);
    let mut text = format!(
        "{} calls; refused {} in truth, {} then ({} newly); unknown demand {}; units {} now, {} then",
        sides.calls,
        sides.refused_in_truth,
        sides.refused_then,
        sides.newly_refused,
        sides.unknown_demand.calls,
        units(sides.units_milli_now),
        units(sides.units_milli_then),
    );
    for money in &sides.earned {
        text.push_str(&format!(
            "; {} {} now, {} then (difference {}; with the unknown demand {})",
            money.currency, money.now, money.then, money.difference, money.then_with_unknown_demand
        ));
    }
    text
}

fn refusals(refusals: &RefusalsOut) -> String {
    let mut text = format!("{} refused", refusals.calls);
    if let Some(first) = refusals.first_at {
        text.push_str(&format!(", the first at {first}"));
    }
    if let Some(worst) = refusals.worst_hour {
        text.push_str(&format!(", {} in the hour from {}", worst.calls, worst.start));
    }
    for operation in &refusals.operations {
        text.push_str(&format!("; {} {}", operation.operation_id, operation.calls));
    }
    text
}
