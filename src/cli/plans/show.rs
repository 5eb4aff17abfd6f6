//! What plans grant, for people.

use crate::access::AccessError;
use crate::access::error::Kind;
use crate::access::history::price_versions;
use crate::access::model::{Definition, Plan};
use crate::access::plan::PlanPrices;
use crate::access::service::{find_plan_version, get_plan, list_plan_versions};
use crate::admin::plan_versions::PlanVersionOut;
use crate::admin::plans::PlanOut;
use crate::billing::timeline::{PricesStanding, prices_standing};
use crate::cli::limits::{limit_text, limits_text, weight_texts};
use crate::cli::speak::say;
use crate::cli::table::{Table, or_dash, row};
use crate::kernel::Micros;
use crate::kernel::id::PlanId;
use crate::storage::Db;
use serde_json::Value;

/// The columns of plans.
pub(super) const PLAN: &str = "ID VERSION NAME STOCK DATA PRICES LIMITS";
/// Versions read at once.
const PAGE: u32 = 200;

pub(super) fn plan_row(plan: &Plan) -> Vec<String> {
    let Plan { id, name, version, definition, .. } = plan;
    let limits = limits_text(&definition.limits.0);
    let Definition { stock_disclosure: stock, .. } = definition;
    row![id, version, name, stock, data_word(definition), currency(definition), limits]
}

fn data_word(definition: &Definition) -> &'static str {
    if definition.data.is_everything() { "all" } else { "some" }
}

fn currency(definition: &Definition) -> String {
    or_dash(definition.prices.as_ref().map(|PlanPrices(list)| list.currency().code()))
}

/// How the prices of a plan's versions stand; none where it has never asked anything.
async fn standing(db: &Db, id: PlanId, now: Micros) -> anyhow::Result<Option<PricesStanding>> {
    let versions = price_versions(&mut db.snapshot().await?, None).await?;
    let mut of_plan = versions.get(&id).into_iter().flatten();
    let asks = of_plan.any(|version| version.list.is_some());
    Ok(prices_standing(id, &versions, now).filter(|_| asks))
}

/// How the prices of a version stand.
fn standing_word(standing: Option<PricesStanding>, number: u32) -> &'static str {
    let within = |(first, last): (u32, u32)| (first..=last).contains(&number);
    match standing {
        Some(PricesStanding { holds, .. }) if within(holds) => "in force",
        Some(PricesStanding { waits: Some(waits), .. }) if within(waits) => "waits",
        _ => "-",
    }
}

/// The versions of a plan, oldest first.
pub(super) async fn versions(db: &Db, id: PlanId, now: Micros) -> anyhow::Result<()> {
    get_plan(db, id).await?;
    let standing = standing(db, id, now).await?;
    let mut table =
        Table::new("VERSION FROM STOCK DATA PRICES DEGRADED WEIGHTS LIMITS PRICES-STAND");
    let mut after = 0;
    loop {
        let page = list_plan_versions(db, id, after, PAGE).await?;
        for version in &page {
            let it = &version.definition;
            let (number, from, stock) = (version.version, version.created_at, it.stock_disclosure);
            let (weights, limits) =
                (weight_texts(&it.weights).join(" "), limits_text(&it.limits.0));
            let degraded = it.when_degraded;
            let (data, prices) = (data_word(it), currency(it));
            let stand = standing_word(standing, number);
            table.row(row![number, from, stock, data, prices, degraded, weights, limits, stand])?;
        }
        match page.last() {
            Some(last) if page.len() >= PAGE as usize => after = last.version,
            _ => return table.end(),
        }
    }
}

/// A plan as it is now, or a version of it.
pub(super) async fn show(
    db: &Db,
    id: PlanId,
    (number, json): (Option<u32>, bool),
    now: Micros,
) -> anyhow::Result<()> {
    let plan = get_plan(db, id).await?;
    let mut table = Table::of_one();
    let definition = match number {
        None if json => return say(serde_json::to_string_pretty(&PlanOut::from(plan))?),
        None => {
            head(&mut table, &plan, plan.version)?;
            table.row(row!["created", plan.created_at])?;
            table.row(row!["changed", plan.updated_at])?;
            plan.definition
        }
        Some(number) => {
            let what = format!("{id} version {number}");
            let found = find_plan_version(db, id, number).await?;
            let found = found.ok_or_else(|| AccessError::not_found(Kind::PlanVersion, what))?;
            if json {
                return say(serde_json::to_string_pretty(&PlanVersionOut::from(found))?);
            }
            head(&mut table, &plan, number)?;
            table.row(row!["held from", found.created_at])?;
            found.definition
        }
    };
    grants(&mut table, &definition)?;
    let standing = standing(db, id, now).await?;
    match (number, standing) {
        (_, None) => {}
        (Some(number), _) => table.row(row!["prices stand", standing_word(standing, number)])?,
        (None, Some(PricesStanding { holds, waits })) => {
            table.row(row!["prices in force", of_versions(holds)])?;
            if let Some(waits) = waits {
                let from = "from each app's next period on, at once for who comes to the plan";
                table.row(row!["prices that wait", format!("{}, {from}", of_versions(waits))])?;
            }
        }
    }
    table.end()
}

/// Versions as they are named.
fn of_versions((first, last): (u32, u32)) -> String {
    if first == last {
        format!("those of version {first}")
    } else {
        format!("those of versions {first} to {last}")
    }
}

fn head(table: &mut Table, plan: &Plan, version: u32) -> anyhow::Result<()> {
    table.row(row!["plan", plan.id])?;
    table.row(row!["name", plan.name])?;
    table.row(row!["version", version])
}

/// What a definition grants, a thing in each row.
fn grants(table: &mut Table, definition: &Definition) -> anyhow::Result<()> {
    for limit in definition.limits.0.list() {
        table.row(row!["limit", limit_text(limit)])?;
    }
    for weight in weight_texts(&definition.weights) {
        table.row(row!["weight", weight])?;
    }
    table.row(row!["when degraded", definition.when_degraded])?;
    table.row(row!["stock", definition.stock_disclosure])?;
    match definition.data.is_everything() {
        true => table.row(row!["data", "all"])?,
        false => members(table, "data", &serde_json::to_value(&*definition.data)?)?,
    }
    match &definition.prices {
        None => table.row(row!["prices", "none"])?,
        Some(prices) => members(table, "prices", &serde_json::to_value(prices)?)?,
    }
    for never in definition.never_admitted() {
        table.row(row!["careful", never])?;
    }
    Ok(())
}

/// The members of an object by their names; of a list, each entry in a row.
fn members(table: &mut Table, name: &str, value: &Value) -> anyhow::Result<()> {
    match value {
        Value::Object(all) if name == "data" || name == "prices" || name.ends_with(".fields") => {
            all.iter()
                .try_for_each(|(member, value)| members(table, &format!("{name}.{member}"), value))
        }
        Value::Object(all) => {
            let part = |(name, value): (&String, &Value)| format!("{name}={}", bare(value));
            table.row(row![name, all.iter().map(part).collect::<Vec<_>>().join(" ")])
        }
        Value::Array(all) if all.iter().all(Value::is_string) => {
            table.row(row![name, all.iter().map(bare).collect::<Vec<_>>().join(", ")])
        }
        Value::Array(all) => all.iter().try_for_each(|entry| members(table, name, entry)),
        other => table.row(row![name, bare(other)]),
    }
}

/// A value without the quotes of JSON.
fn bare(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
