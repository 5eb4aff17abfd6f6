//! `comptoir application`: who wants to become a partner.

use super::access::{Desk, show_all};
use super::speak::say;
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
    /// Make partner, app and subscription, and send the link to the first key.
    Approve {
        id: ApplicationId,
        /// A partner that exists; a new one without it.
        #[arg(long)]
        partner: Option<PartnerId>,
        /// The name of a new one, where it is not that of the organisation.
        #[arg(long)]
        partner_name: Option<Name>,
    },
    /// Send a refusal.
    Reject {
        id: ApplicationId,
        /// Why.
        #[arg(long)]
        reason: Reason,
    },
}

fn line(application: &Application) -> String {
    let Application { id, state, wish, .. } = application;
    format!("{id}\t{state}\t{}\t{}\t{}", wish.plan, wish.organisation, wish.app_name)
}

pub(super) async fn run(config: &Config, command: ApplicationCommand) -> anyhow::Result<()> {
    let desk = Desk::open(config).await?;
    let (db, by) = (&desk.db, &desk.by());
    match command {
        ApplicationCommand::List { state } => {
            let page = async |walk: Walk| Ok(service::list(db, state, &walk).await?);
            show_all(page, |it| it.id.to_string(), line).await
        }
        ApplicationCommand::Approve { id, partner, partner_name } => {
            let target = Target { partner, partner_name };
            say(line(&service::approve(db, by, id, target).await?))
        }
        ApplicationCommand::Reject { id, reason } => {
            say(line(&service::reject(db, by, id, &reason).await?))
        }
    }
}
