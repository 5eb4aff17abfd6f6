//! `comptoir app | plan`: access from the shell, on the same rules as the admin API. A running server follows
//! at once where it has a Redis, within its poll interval where not.

use super::desk::{Desk, show_all};
use super::freezes::{Freeze, Unfreeze, Why, freeze, unfreeze};
use super::lines::{APP, PLAN, app_line, plan_line, say_now, warn_of};
use super::simulate::{self, PricesArg, json_or_file, prices};
use super::speak::{heading, say};
use crate::access::freezes::{Freezable, Frozen};
use crate::access::model::{Definition, DefinitionPatch, Name, Status, StockDisclosure};
use crate::access::offers::{Approval, Description, Offer, get_offer, set_offer};
use crate::access::plan::{PlanData, PlanLimits};
use crate::access::service::{
    AppFilter, Switch, Walk, create_app, create_plan, list_apps, list_plans, set_app_plan,
    set_app_status, update_plan,
};
use crate::access::transfers;
use crate::config::Config;
use crate::kernel::id::{AppId, PartnerId, PlanId};
use crate::limit::{Limit, Limits};
use clap::Subcommand;
use std::sync::Arc;

/// Apps.
#[derive(Debug, Subcommand)]
pub(super) enum AppCommand {
    /// Create an app under a plan and print its id.
    Create {
        /// Whose app it is.
        #[arg(long)]
        partner: PartnerId,
        /// The plan that it is held to.
        #[arg(long)]
        plan: PlanId,
        /// Its name.
        #[arg(long)]
        name: Name,
    },
    /// List all apps, or some of them.
    List {
        /// Only those of a partner.
        #[arg(long)]
        partner: Option<PartnerId>,
        /// Only those on a plan.
        #[arg(long)]
        plan: Option<PlanId>,
        /// Only those that are active or suspended.
        #[arg(long)]
        status: Option<Status>,
    },
    /// Put an app under another plan.
    SetPlan { id: AppId, plan: PlanId },
    /// Give an app to another partner, with its keys, its plan and its webhooks.
    Transfer {
        id: AppId,
        partner: PartnerId,
        /// Only show what would go along.
        #[arg(long)]
        dry_run: bool,
    },
    /// Stop all use by an app's keys.
    Suspend(Why<AppId>),
    /// Allow it again.
    Resume(Why<AppId>),
    /// Stop all use by an app's keys, and every change but what takes access away, until it is unfrozen.
    Freeze(Freeze<AppId>),
    /// Take a freeze off.
    Unfreeze(Unfreeze<AppId>),
}

/// Plans.
#[derive(Debug, Subcommand)]
pub(super) enum PlanCommand {
    /// Create a plan and print its id.
    Create {
        /// Its name.
        #[arg(long)]
        name: Name,
        /// A limit: a rate as NAME:UNITS:SECONDS, such as burst:50:1; a quota as NAME:UNITS:PERIOD, such
        /// as month:100000:month (UTC); any limit as JSON of the admin API. Up to eight, enforced together.
        #[arg(long = "limit", required = true, value_parser = limit)]
        limits: Vec<Limit>,
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
    },
    /// List all plans.
    List,
    /// Say how a plan is offered to those who ask for it.
    Offer {
        id: PlanId,
        /// auto, manual or closed.
        #[arg(long)]
        approval: Approval,
        /// Whether everybody may see it.
        #[arg(long)]
        public: bool,
        /// What everybody may read of it.
        #[arg(long)]
        description: Option<Description>,
    },
    /// Give a plan another definition; what is not named stays. No counter is reset.
    Update {
        id: PlanId,
        /// A limit, as for create; those given replace all.
        #[arg(
            long = "limit",
            required_unless_present_any = ["stock_disclosure", "prices", "data"],
            value_parser = limit
        )]
        limits: Vec<Limit>,
        /// How much of a quantity in stock its apps may know: exact, band or none.
        #[arg(long, value_name = "LEVEL")]
        stock_disclosure: Option<StockDisclosure>,
        /// What use costs from now on: a price list as JSON of the admin API, @FILE, or none.
        #[arg(long, value_name = "JSON", value_parser = prices)]
        prices: Option<PricesArg>,
        /// What of the data its apps may read from now on: JSON of the admin API, @FILE, or all.
        #[arg(long, value_name = "JSON", value_parser = data)]
        data: Option<Arc<PlanData>>,
    },
    /// Try other limits, weights and prices out on past usage: who would have been refused what, and what
    /// it would have earned. Changes nothing.
    Simulate(simulate::Args),
}

/// A limit as the command line has it: in short, or as JSON of the admin API, which the short form is
/// turned into, so that both are read by one reader.
pub(super) fn limit(text: &str) -> Result<Limit, String> {
    let form = || {
        "a limit is NAME:UNITS:SECONDS, such as burst:50:1, or NAME:UNITS:PERIOD, such as \
         month:100000:month, either with the operations that it counts behind it (:list_suggestions) or \
         those that it leaves out (:-list_suggestions), or JSON"
            .to_owned()
    };
    let json = if text.trim_start().starts_with('{') {
        format!("[{text}]")
    } else {
        let parts: Vec<&str> = text.split(':').collect();
        let [name, quota, window, which @ ..] = parts.as_slice() else { return Err(form()) };
        let quota: u64 = quota.parse().map_err(|_| form())?;
        let length = match window.parse::<u64>() {
            Ok(seconds) => ("window_s", serde_json::Value::from(seconds)),
            Err(_) => ("period", serde_json::Value::from(*window)),
        };
        let mut limit = serde_json::json!({ "name": name, "quota": quota, length.0: length.1 });
        match which {
            [] => {}
            [which] => {
                let (field, names) =
                    which.strip_prefix('-').map_or(("operations", *which), |but| ("except", but));
                limit[field] = names.split(',').collect();
            }
            _ => return Err(form()),
        }
        serde_json::json!([limit]).to_string()
    };
    let read: Result<PlanLimits, _> = serde_json::from_str(&json);
    let PlanLimits(limits) = read.map_err(|error| error.to_string())?;
    limits.list().first().cloned().ok_or_else(form)
}

pub(super) async fn app(config: &Config, command: AppCommand) -> anyhow::Result<()> {
    let desk = Desk::open(config).await?;
    let (db, by) = (&desk.db, &desk.by());
    match command {
        AppCommand::Create { partner, plan, name } => {
            say(create_app(db, by, partner, plan, name).await?.id)?;
        }
        AppCommand::List { partner, plan, status } => {
            let filter = AppFilter { partner, plan, status };
            let page = async |walk: Walk| Ok(list_apps(db, &filter, &walk, by.now).await?);
            let frozen = Frozen::read(db).await?;
            heading(APP);
            show_all(page, |a| a.id.to_string(), |it| app_line(it, &frozen)).await?;
        }
        AppCommand::SetPlan { id, plan } => {
            say_now(db, set_app_plan(db, by, id, plan).await?, app_line).await?;
        }
        AppCommand::Transfer { id, partner, dry_run } => {
            let done = match dry_run {
                true => transfers::preview(db, by, id, partner).await?,
                false => transfers::transfer(db, by, id, partner).await?,
            };
            for key in &done.keys {
                say(format!("key\t{key}"))?;
            }
            say(format!("webhooks\t{}", done.webhooks))?;
        }
        AppCommand::Freeze(how) => freeze(&desk, Freezable::App(how.id), how).await?,
        AppCommand::Unfreeze(why) => unfreeze(&desk, Freezable::App(why.id), &why).await?,
        AppCommand::Suspend(Why { id, reason }) => {
            let by = &by.because(reason.as_ref());
            say_now(db, set_app_status(db, by, id, Switch::Suspend).await?, app_line).await?;
        }
        AppCommand::Resume(Why { id, reason }) => {
            let by = &by.because(reason.as_ref());
            say_now(db, set_app_status(db, by, id, Switch::Resume).await?, app_line).await?;
        }
    }
    Ok(())
}

/// Reads what a plan includes: JSON, `@FILE`, or `all`.
fn data(text: &str) -> Result<Arc<PlanData>, String> {
    match text {
        "all" => Ok(Arc::default()),
        text => json_or_file(text).map(Arc::new),
    }
}

pub(super) async fn plan(config: &Config, command: PlanCommand) -> anyhow::Result<()> {
    let desk = Desk::open(config).await?;
    let (db, by) = (&desk.db, &desk.by());
    match command {
        PlanCommand::Create { name, limits, stock_disclosure, prices, data } => {
            let prices = prices.and_then(|PricesArg(prices)| prices);
            let data = data.unwrap_or_default();
            let definition =
                Definition { stock_disclosure, prices, data, ..Limits::new(limits)?.into() };
            let plan = create_plan(db, by, name, definition).await?;
            warn_of(&plan.definition);
            say(plan.id)?;
        }
        PlanCommand::List => {
            let page = async |walk: Walk| Ok(list_plans(db, &walk).await?);
            heading(PLAN);
            show_all(page, |p| p.id.to_string(), plan_line).await?;
        }
        PlanCommand::Offer { id, approval, public, description } => {
            set_offer(db, by, id, &Offer { approval, public, description }).await?;
            let Offer { approval, public, .. } = get_offer(db, id).await?;
            say(format!("{id}\t{approval}\t{}", if public { "public" } else { "not public" }))?;
        }
        PlanCommand::Update { id, limits, stock_disclosure, prices, data } => {
            let limits = (!limits.is_empty()).then(|| Limits::new(limits)).transpose()?;
            let limits = limits.map(PlanLimits);
            let prices = prices.map(|PricesArg(prices)| prices);
            let patch = DefinitionPatch {
                limits,
                stock_disclosure,
                prices,
                data,
                ..DefinitionPatch::default()
            };
            let plan = update_plan(db, by, id, patch).await?;
            warn_of(&plan.definition);
            say(plan_line(&plan))?;
        }
        PlanCommand::Simulate(args) => simulate::run(db, by.now, args).await?,
    }
    Ok(())
}
