//! `comptoir application`: who wants to become a partner.

use super::desk::{Desk, show_all};
use super::freezes::Because;
use super::table::{Table, row, say_row};
use crate::access::applications::service::{self, Target};
use crate::access::applications::{Application, State};
use crate::access::model::Name;
use crate::access::service::Walk;
use crate::access::text::Reason;
use crate::config::Config;
use crate::kernel::id::{ApplicationId, PartnerId};
use clap::Subcommand;

/// Applications.
#[derive(Debug, Subcommand)]
pub(super) enum ApplicationCommand {
    /// List applications whose address is verified.
    List {
        /// Only those in this state: pending, approved, rejected or withdrawn.
        #[arg(long)]
        state: Option<State>,
    },
    /// Show what an application says, who wrote it, and why it waits or was rejected.
    Show {
        /// The application, as `application list` names it.
        id: ApplicationId,
    },
    /// Make partner, app and subscription, and send the link to the first key.
    Approve {
        /// The application, as `application list` names it.
        id: ApplicationId,
        /// A partner that exists; a new one without it.
        #[arg(long)]
        partner: Option<PartnerId>,
        /// The name of a new one, where it is not that of the organisation.
        #[arg(long, conflicts_with = "partner")]
        partner_name: Option<Name>,
        /// The name of the app, where it is not what was asked for.
        #[arg(long)]
        app_name: Option<Name>,
        #[command(flatten)]
        because: Because,
    },
    /// Send a refusal.
    Reject {
        /// The application, as `application list` names it.
        id: ApplicationId,
        /// Why.
        #[arg(long)]
        reason: Reason,
    },
}

/// The columns of applications.
const APPLICATION: &str = "ID STATE PLAN ORGANISATION APP CONTACT";

fn cells(application: &Application) -> Vec<String> {
    let Application { id, state, wish, .. } = application;
    let (plan, organisation, app, email) =
        (wish.plan, &wish.organisation, &wish.app_name, &wish.email);
    row![id, state, plan, organisation, app, email]
}

/// All that is known of an application, a line each.
fn show(application: &Application) -> anyhow::Result<()> {
    let Application { wish, reason, partner, app, key, decided_by, decided_at, .. } = application;
    say_row(APPLICATION, cells(application))?;
    let mut table = Table::of_one();
    table.row(row!["contact", wish.contact_name, wish.email])?;
    table.row(row!["purpose", wish.purpose])?;
    table.row(row!["written", application.created_at])?;
    let told: [(&str, Option<String>); 6] = [
        ("reason", reason.clone()),
        ("partner", partner.map(|id| id.to_string())),
        ("app", app.map(|id| id.to_string())),
        ("first key", key.map(|id| id.to_string())),
        ("decided by", decided_by.clone()),
        ("decided", decided_at.map(|at| at.to_string())),
    ];
    for (what, value) in told {
        if let Some(value) = value {
            table.row(row![what, value])?;
        }
    }
    table.end()
}

pub(super) async fn run(config: &Config, command: ApplicationCommand) -> anyhow::Result<()> {
    let desk = Desk::open(config).await?;
    let (db, by) = (&desk.db, &desk.by());
    match command {
        ApplicationCommand::List { state } => {
            let page = async |walk: Walk| Ok(service::list(db, state, &walk).await?);
            show_all(APPLICATION, page, |it| it.id.to_string(), cells).await
        }
        ApplicationCommand::Show { id } => show(&service::get(db, id).await?),
        ApplicationCommand::Approve { id, partner, partner_name, app_name, because } => {
            let target = Target { partner, partner_name, app_name };
            let by = &because.say(*by);
            say_row(APPLICATION, cells(&service::approve(db, by, id, target).await?))
        }
        ApplicationCommand::Reject { id, reason } => {
            say_row(APPLICATION, cells(&service::reject(db, by, id, &reason).await?))
        }
    }
}
