//! `comptoir app`: apps from the shell, on the same rules as the admin API. A running server follows at once where it has
//! a Redis, within its poll interval where not.

use super::customer_access::{self, CustomerAccessCommand};
use super::desk::{Desk, show_all};
use super::freezes::{Because, Freeze, Unfreeze, Why, freeze, unfreeze};
use super::lines::{APP, app_row, say_now};
use super::speak::say;
use super::table::{Table, row};
use crate::access::error::{AccessError, Kind};
use crate::access::freezes::{Freezable, Frozen};
use crate::access::model::{Name, Status};
use crate::access::service::{
    AppFilter, Switch, Walk, change_app, create_app, list_apps, set_app_plan, set_app_status,
};
use crate::access::transfers::{self, Transfer};
use crate::config::Config;
use crate::kernel::id::{AppId, PartnerId, PlanId};
use clap::Subcommand;

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
        #[command(flatten)]
        because: Because,
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
    /// Give an app another name.
    Rename {
        /// The app, as `app list` names it.
        id: AppId,
        /// Its new name, unlike that of any other app of the partner.
        name: Name,
        #[command(flatten)]
        because: Because,
    },
    /// Put an app under another plan.
    SetPlan {
        /// The app, as `app list` names it.
        id: AppId,
        /// The plan, as `plan list` names it.
        plan: PlanId,
        #[command(flatten)]
        because: Because,
    },
    /// Give an app to another partner, with its keys, its plan and its webhooks.
    Transfer {
        /// The app, as `app list` names it.
        id: AppId,
        /// The partner that it goes to, as `partner list` names it.
        partner: PartnerId,
        /// Only show what would go along.
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        because: Because,
    },
    /// Stop all use by an app's keys.
    Suspend(Why<AppId>),
    /// Allow it again.
    Resume(Why<AppId>),
    /// Stop all use by an app's keys, and every change but what takes access away, until it is unfrozen.
    Freeze(Freeze<AppId>),
    /// Take a freeze off.
    Unfreeze(Unfreeze<AppId>),
    /// What apps may ask customers for.
    #[command(subcommand)]
    Consent(CustomerAccessCommand),
}

pub(super) async fn run(config: &Config, command: AppCommand) -> anyhow::Result<()> {
    let desk = Desk::open(config).await?;
    let (db, by) = (&desk.db, &desk.by());
    match command {
        AppCommand::Create { partner, plan, name, because } => {
            let by = &because.say(*by);
            say(create_app(db, by, partner, plan, name).await?.id)
        }
        AppCommand::List { partner, plan, status } => {
            let filter = AppFilter { partner, plan, status };
            let page = async |walk: Walk| Ok(list_apps(db, &filter, &walk, by.now).await?);
            let frozen = Frozen::read(db).await?;
            show_all(APP, page, |a| a.id.to_string(), |it| app_row(it, &frozen)).await
        }
        AppCommand::Rename { id, name, because } => {
            let app = change_app(db, &because.say(*by), id, (Some(name), None)).await?;
            say_now(db, app, APP, app_row).await
        }
        AppCommand::SetPlan { id, plan, because } => {
            let app = set_app_plan(db, &because.say(*by), id, plan).await?;
            say_now(db, app, APP, app_row).await
        }
        AppCommand::Transfer { id, partner, dry_run, because } => {
            transfer(&desk, (id, partner), dry_run, &because).await
        }
        AppCommand::Freeze(how) => freeze(&desk, Freezable::App(how.id), how).await,
        AppCommand::Unfreeze(why) => unfreeze(&desk, Freezable::App(why.id), &why).await,
        AppCommand::Suspend(why) => switch(&desk, why, Switch::Suspend).await,
        AppCommand::Consent(command) => customer_access::run(config, &desk, command).await,
        AppCommand::Resume(why) => switch(&desk, why, Switch::Resume).await,
    }
}

async fn switch(desk: &Desk, why: Why<AppId>, switch: Switch) -> anyhow::Result<()> {
    let app = set_app_status(&desk.db, &why.because.say(desk.by()), why.id, switch).await?;
    say_now(&desk.db, app, APP, app_row).await
}

async fn transfer(
    desk: &Desk,
    (id, to): (AppId, PartnerId),
    dry_run: bool,
    because: &Because,
) -> anyhow::Result<()> {
    let (db, by) = (&desk.db, &because.say(desk.by()));
    let moved = match dry_run {
        true => transfers::preview(db, by, id, to).await,
        false => transfers::transfer(db, by, id, to).await,
    };
    let Transfer { app, to, keys, webhooks, application, .. } =
        moved.map_err(|error| match error {
            // Of a command the partner is an argument, and no field of a body.
            AccessError::Reference { .. } => AccessError::not_found(Kind::Partner, to),
            other => other,
        })?;
    let mut table = Table::of_one();
    table.row(row!["app", app.id])?;
    table.row(row!["from", app.partner])?;
    table.row(row!["to", to])?;
    table.row(row!["plan", app.plan])?;
    for key in &keys {
        table.row(row!["key", key])?;
    }
    table.row(row!["webhooks", webhooks])?;
    if let Some(application) = application {
        table.row(row!["link of no use", application])?;
    }
    table.end()?;
    match dry_run {
        true => say("Nothing was done: this is what would go along."),
        false => say("Done: the app has gone over with all of this."),
    }
}
