//! `comptoir plan simulate`.

use super::json::json_or_file;
use super::limits::{limit, weight, weights};
use super::lines::warn_of;
use super::plans::{PricesArg, given, prices};
use super::speak::{remark, say};
use super::table::{Table, or_dash, row};
use crate::access::model::DefinitionPatch;
use crate::access::plan::PlanWeights;
use crate::access::service::get_plan;
use crate::kernel::Micros;
use crate::kernel::id::{AppId, PlanId};
use crate::limit::Limit;
use crate::metering::simulate::{
    AppSimulationOut, RefusalsOut, SideBySideOut, Simulation, SimulationOut, simulate,
};
use crate::storage::Db;

/// What is tried out. What is left out is the plan's own.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The plan, as `plan list` names it.
    id: PlanId,
    /// A month (2026-11) or a day (2026-11-22), in the time zone of the prices; the last month where it is
    /// left out.
    #[arg(long)]
    period: Option<String>,
    /// A limit, as for create; those given stand for all.
    #[arg(long = "limit", value_name = "LIMIT", value_parser = limit)]
    limits: Vec<Limit>,
    /// What a call of an operation weighs, as for create; those given stand for all.
    #[arg(long = "weight", value_name = "OPERATION=UNITS", value_parser = weight)]
    each: Vec<PlanWeights>,
    /// All weights as JSON of the admin API, such as {"list_products":2.5}, or @FILE to read it from a file.
    #[arg(long, value_name = "JSON", value_parser = json_or_file::<PlanWeights>, conflicts_with = "each")]
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

/// Tries a plan out and tells what would have been. Changes nothing.
pub(super) async fn run(db: &Db, now: Micros, args: Args) -> anyhow::Result<()> {
    let Args { id, period, limits, each, weights: all, prices, apps, json } = args;
    let weights = all.or_else(|| (!each.is_empty()).then(|| weights(&each)));
    let prices = prices.map(|PricesArg(prices)| prices);
    let patch =
        DefinitionPatch { limits: given(limits)?, weights, prices, ..DefinitionPatch::default() };
    let apps = (!apps.is_empty()).then_some(apps);
    let plan = get_plan(db, id).await?;
    let simulation = Simulation::new(plan, patch, period.as_deref(), apps, now)?;
    let proposed = simulation.proposed.clone();
    let told = simulate(db, simulation).await?;
    if json {
        return say(serde_json::to_string_pretty(&told)?);
    }
    match &told.update_refused {
        Some(why) => remark(format!("careful: `plan update` would refuse this plan: {why}")),
        None => warn_of(&proposed),
    }
    tell(&told)
}

fn tell(told: &SimulationOut) -> anyhow::Result<()> {
    let SimulationOut { plan_id, plan_version, from, to, total, .. } = told;
    say(format!("{plan_id} version {plan_version}, {from} to {to}"))?;
    if total.calls == 0 {
        return say("No calls in this time: there is nothing to try the plan out on.");
    }
    calls(told)?;
    refused(told)?;
    money(told)?;
    let quiet = told.apps.iter().filter(|app| app.sums.calls == 0).count();
    if quiet > 0 {
        remark(format!("{quiet} more on the plan without a call"));
    }
    told.cautions.iter().for_each(|caution| remark(format!("note: {caution}")));
    Ok(())
}

/// All together, then partners and apps with calls.
fn sums(told: &SimulationOut) -> impl Iterator<Item = (String, &SideBySideOut)> {
    let partners = told.partners.iter().map(|it| (it.partner_id.to_string(), &it.sums));
    let apps = told.apps.iter().map(|it| (it.app_id.to_string(), &it.sums));
    let all = std::iter::once(("all".to_owned(), &told.total)).chain(partners).chain(apps);
    all.filter(|(_, sums)| sums.calls > 0)
}

/// Calls and units, as they were and as they would have been.
fn calls(told: &SimulationOut) -> anyhow::Result<()> {
    let units = |milli: u64| format!("{}.{:03}", milli / 1_000, milli % 1_000);
    let mut table =
        Table::new("WHO CALLS REFUSED REFUSED-THEN NEWLY-REFUSED NEWLY-ADMITTED UNITS UNITS-THEN");
    for (who, sums) in sums(told) {
        table.row(row![
            who,
            sums.calls,
            sums.refused_in_truth,
            sums.refused_then,
            sums.newly_refused,
            sums.unknown_demand.calls,
            units(sums.units_milli_now),
            units(sums.units_milli_then),
        ])?;
    }
    table.end()
}

/// What was refused, and what each limit would have refused.
fn refused(told: &SimulationOut) -> anyhow::Result<()> {
    let rows: Vec<_> =
        told.apps.iter().flat_map(refusals).filter(|(_, _, it)| it.calls > 0).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let mut table = Table::new("APP BY REFUSED FIRST WORST-HOUR IN-IT OPERATIONS");
    for (app, by, it) in rows {
        let (hour, calls) = it.worst_hour.map(|worst| (worst.start, worst.calls)).unzip();
        let each = it.operations.iter().map(|one| format!("{}={}", one.operation_id, one.calls));
        let each: Vec<String> = each.collect();
        table.row(row![
            app.app_id,
            by,
            it.calls,
            or_dash(it.first_at),
            or_dash(hour),
            or_dash(calls),
            each.join(" "),
        ])?;
    }
    table.end()
}

fn refusals(
    app: &AppSimulationOut,
) -> impl Iterator<Item = (&AppSimulationOut, String, &RefusalsOut)> {
    let limits =
        app.limits.iter().map(move |limit| (app, format!("limit {}", limit.name), &limit.then));
    std::iter::once((app, "in truth".to_owned(), &app.truth)).chain(limits)
}

/// What the use comes to, where either plan has prices.
fn money(told: &SimulationOut) -> anyhow::Result<()> {
    if sums(told).all(|(_, sums)| sums.earned.is_empty()) {
        return Ok(());
    }
    let mut table = Table::new("WHO CURRENCY NOW THEN DIFFERENCE WITH-UNKNOWN-DEMAND");
    for (who, sums) in sums(told) {
        for it in &sums.earned {
            table.row(row![
                who,
                it.currency,
                it.now,
                it.then,
                it.difference,
                it.then_with_unknown_demand
            ])?;
        }
    }
    table.end()
}
