//! `comptoir plan`: plans from the shell, on the same rules as the admin API. A running server follows at once where
//! it has a Redis, within its poll interval where not.

mod show;

use super::desk::{Desk, show_all};
use super::freezes::Because;
use super::json::json_or_file;
use super::limits::{limit, weight, weights};
use super::lines::warn_of;
use super::simulate;
use super::speak::{remark, say};
use super::table::{row, say_row};
use crate::access::history::PricesFrom;
use crate::access::model::{Definition, DefinitionPatch, Name, Plan, StockDisclosure};
use crate::access::offers::{Approval, Description, Offer, get_offer, set_offer};
use crate::access::plan::{PlanData, PlanLimits, PlanPrices, PlanWeights};
use crate::access::service::{Walk, create_plan, list_plans, update_named_plan};
use crate::catalog::store::absent;
use crate::config::Config;
use crate::kernel::id::PlanId;
use crate::limit::{Limit, Limits, WhenDegraded};
use clap::{ArgGroup, Args, Subcommand};
use std::sync::Arc;

/// Plans.
#[derive(Debug, Subcommand)]
pub(super) enum PlanCommand {
    /// Create a plan and print its id.
    Create(Box<Create>),
    /// List all plans, each at its current version.
    List,
    /// Show what a plan grants: limits, weights, data and prices.
    Show {
        /// The plan, as `plan list` names it.
        id: PlanId,
        /// A version that it had, as `plan versions` numbers them; the current one without it.
        #[arg(long = "version", value_name = "N")]
        number: Option<u32>,
        /// As JSON, as the admin API tells it.
        #[arg(long)]
        json: bool,
    },
    /// List the versions of a plan, the oldest first: what held when.
    Versions {
        /// The plan, as `plan list` names it.
        id: PlanId,
    },
    /// Say how a plan is offered to those who ask for it; what is not given stays.
    Offer {
        /// The plan, as `plan list` names it.
        id: PlanId,
        /// auto, manual or closed.
        #[arg(long)]
        approval: Option<Approval>,
        /// Whether everybody may see it; alone, that they may.
        #[arg(long, value_name = "true|false", num_args = 0..=1, default_missing_value = "true")]
        public: Option<bool>,
        /// What everybody may read of it; none for nothing.
        #[arg(long, value_name = "TEXT|none", value_parser = description)]
        description: Option<Described>,
        #[command(flatten)]
        because: Because,
    },
    /// Give a plan another definition or another name; what is not given stays. No counter is reset: a limit keeps its
    /// name.
    Update(Box<Update>),
    /// Try other limits, weights and prices out on past usage: who would have been refused what, and what
    /// it would have earned. Changes nothing.
    Simulate(simulate::Args),
}

/// A plan to create.
#[derive(Debug, Args)]
pub(super) struct Create {
    /// Its name.
    #[arg(long)]
    name: Name,
    /// A limit: a rate as NAME:UNITS:SECONDS, such as burst:50:1; a quota as NAME:UNITS:PERIOD, such
    /// as month:100000:month (UTC); any limit as JSON of the admin API. Up to eight, enforced together.
    #[arg(long = "limit", value_name = "LIMIT", required = true, value_parser = limit)]
    limits: Vec<Limit>,
    /// What a call of an operation weighs, in units, such as list_products=2.5; can be repeated. Others weigh
    /// what `x-cost` of the partner API says.
    #[arg(long = "weight", value_name = "OPERATION=UNITS", value_parser = weight)]
    weights: Vec<PlanWeights>,
    /// What its apps meet while several nodes cannot count together: share (each node grants its share of the
    /// limits) or refuse.
    #[arg(long, value_name = "WAY", default_value = "share")]
    when_degraded: WhenDegraded,
    /// How much of a quantity in stock its apps may know: exact, band or none.
    #[arg(long, value_name = "LEVEL", default_value = "exact")]
    stock_disclosure: StockDisclosure,
    /// What use costs: a price list as JSON of the admin API, or @FILE to read it from a file.
    #[arg(long, value_name = "JSON", value_parser = prices)]
    prices: Option<PricesArg>,
    /// What of the data its apps may read, as JSON of the admin API, or @FILE to read it from a file;
    /// everything where it is left out.
    #[arg(long, value_name = "JSON", value_parser = data)]
    data: Option<Arc<PlanData>>,
    #[command(flatten)]
    because: Because,
}

/// What shall be different in a plan.
#[derive(Debug, Args)]
#[command(group(
    ArgGroup::new("change")
        .required(true)
        .multiple(true)
        .args(["name", "limits", "weights", "no_weights", "when_degraded", "stock_disclosure", "prices", "data"])
))]
pub(super) struct Update {
    /// The plan, as `plan list` names it.
    id: PlanId,
    /// Another name; it makes no new version.
    #[arg(long)]
    name: Option<Name>,
    /// A limit, as for create; those given replace all.
    #[arg(long = "limit", value_name = "LIMIT", value_parser = limit)]
    limits: Vec<Limit>,
    /// What a call of an operation weighs, as for create; those given replace all.
    #[arg(long = "weight", value_name = "OPERATION=UNITS", value_parser = weight)]
    weights: Vec<PlanWeights>,
    /// Calls weigh what `x-cost` of the partner API says.
    #[arg(long, conflicts_with = "weights")]
    no_weights: bool,
    /// What its apps meet while several nodes cannot count together: share or refuse.
    #[arg(long, value_name = "WAY")]
    when_degraded: Option<WhenDegraded>,
    /// How much of a quantity in stock its apps may know: exact, band or none.
    #[arg(long, value_name = "LEVEL")]
    stock_disclosure: Option<StockDisclosure>,
    /// What use costs: a price list as JSON of the admin API, @FILE, or none.
    #[arg(long, value_name = "JSON", value_parser = prices)]
    prices: Option<PricesArg>,
    /// From when on the prices hold for who is on the plan: next_period or now.
    #[arg(long, value_name = "WHEN", default_value_t = PricesFrom::NextPeriod)]
    prices_from: PricesFrom,
    /// What of the data its apps may read from now on: JSON of the admin API, @FILE, or all.
    #[arg(long, value_name = "JSON", value_parser = data)]
    data: Option<Arc<PlanData>>,
    #[command(flatten)]
    because: Because,
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

/// Reads what a plan includes: JSON, `@FILE`, or `all`.
fn data(text: &str) -> Result<Arc<PlanData>, String> {
    match text {
        "all" => Ok(Arc::default()),
        text => json_or_file(text).map(Arc::new),
    }
}

/// A description, or that there is none.
#[derive(Debug, Clone)]
pub(super) struct Described(Option<Description>);

fn description(text: &str) -> Result<Described, String> {
    match text {
        "none" => Ok(Described(None)),
        text => text.parse().map(|text| Described(Some(text))).map_err(|error| format!("{error}")),
    }
}

/// The limits that are given, if any are.
pub(super) fn given(limits: Vec<Limit>) -> anyhow::Result<Option<PlanLimits>> {
    Ok((!limits.is_empty()).then(|| Limits::new(limits)).transpose()?.map(PlanLimits))
}

pub(super) async fn run(config: &Config, command: PlanCommand) -> anyhow::Result<()> {
    let desk = Desk::open(config).await?;
    let db = &desk.db;
    match command {
        PlanCommand::Create(args) => create(&desk, *args).await,
        PlanCommand::List => {
            let page = async |walk: Walk| Ok(list_plans(db, &walk).await?);
            show_all(show::PLAN, page, |plan| plan.id.to_string(), show::plan_row).await
        }
        PlanCommand::Show { id, number, json } => {
            show::show(db, id, (number, json), db.now(&desk.clock).await?).await
        }
        PlanCommand::Versions { id } => show::versions(db, id, db.now(&desk.clock).await?).await,
        PlanCommand::Offer { id, approval, public, description, because } => {
            let old = get_offer(db, id).await?;
            let offer = Offer {
                approval: approval.unwrap_or(old.approval),
                public: public.unwrap_or(old.public),
                description: description.map_or(old.description, |Described(text)| text),
            };
            set_offer(db, &because.say(desk.by()), id, &offer).await?;
            let Offer { approval, public, .. } = get_offer(db, id).await?;
            let seen = if public { "public" } else { "not public" };
            say_row("ID APPROVAL SEEN", row![id, approval, seen])
        }
        PlanCommand::Update(args) => update(&desk, *args).await,
        PlanCommand::Simulate(args) => simulate::run(db, desk.by().now, args).await,
    }
}

async fn create(desk: &Desk, args: Create) -> anyhow::Result<()> {
    let definition = Definition {
        limits: PlanLimits(Limits::new(args.limits)?),
        stock_disclosure: args.stock_disclosure,
        weights: weights(&args.weights),
        when_degraded: args.when_degraded,
        prices: args.prices.and_then(|PricesArg(prices)| prices),
        data: args.data.unwrap_or_default(),
    };
    let plan = create_plan(&desk.db, &args.because.say(desk.by()), args.name, definition).await?;
    warn(desk, &plan).await?;
    say(plan.id)
}

/// Warns of what a plan grants that comes to nothing.
async fn warn(desk: &Desk, plan: &Plan) -> anyhow::Result<()> {
    warn_of(&plan.definition);
    for (what, id) in absent(&desk.db, &plan.definition.data).await? {
        remark(format!(
            "careful: there is no {what} `{id}` (yet), so the plan includes nothing by it"
        ));
    }
    Ok(())
}

async fn update(desk: &Desk, args: Update) -> anyhow::Result<()> {
    let weighs = args.no_weights || !args.weights.is_empty();
    let patch = DefinitionPatch {
        limits: given(args.limits)?,
        stock_disclosure: args.stock_disclosure,
        weights: weighs.then(|| weights(&args.weights)),
        when_degraded: args.when_degraded,
        prices: args.prices.map(|PricesArg(prices)| prices),
        prices_from: args.prices_from,
        data: args.data,
    };
    let by = args.because.say(desk.by());
    let plan = update_named_plan(&desk.db, &by, args.id, (args.name, patch)).await?;
    warn(desk, &plan).await?;
    say_row(show::PLAN, show::plan_row(&plan))
}
