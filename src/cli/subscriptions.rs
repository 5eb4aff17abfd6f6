//! `comptoir subscription`: which plan an app is on, was on and asks for.

use super::desk::Desk;
use super::speak::{heading, say};
use crate::access::error::{AccessError, Kind};
use crate::access::service::app_exists;
use crate::access::subscriptions::{Subscription, service};
use crate::access::text::Reason;
use crate::config::Config;
use crate::kernel::Micros;
use crate::kernel::id::{AppId, AppSubscriptionId, PlanId};
use clap::Subcommand;

/// Rows read at once.
const PAGE: u32 = 200;

/// Subscriptions of apps to plans.
#[derive(Debug, Subcommand)]
pub(super) enum SubscriptionCommand {
    /// List an app's subscriptions, newest first.
    List { app: AppId },
    /// Ask for a plan; it is given at once where the plan says so.
    Request {
        app: AppId,
        plan: PlanId,
        /// From when on (RFC 3339).
        #[arg(long)]
        starts_at: Option<Micros>,
    },
    /// Approve what was asked for.
    Approve {
        id: AppSubscriptionId,
        /// From when on (RFC 3339); as it was asked for without it.
        #[arg(long)]
        starts_at: Option<Micros>,
    },
    /// Reject what was asked for.
    Reject {
        id: AppSubscriptionId,
        /// Why.
        #[arg(long)]
        reason: Reason,
    },
    /// Take back what was asked for, or what has not begun.
    Cancel {
        id: AppSubscriptionId,
        /// Why.
        #[arg(long)]
        reason: Option<Reason>,
    },
    /// Refuse the app's keys until the subscription is resumed.
    Suspend {
        id: AppSubscriptionId,
        /// Why.
        #[arg(long)]
        reason: Reason,
    },
    /// Allow them again.
    Resume { id: AppSubscriptionId },
}

fn line(subscription: &Subscription, now: Micros) -> String {
    let instant = |at: Option<Micros>| at.map_or_else(|| "-".to_owned(), |at| at.to_string());
    format!(
        "{}\t{}\t{}\t{}\t{}\t{}",
        subscription.id,
        subscription.state_at(now),
        subscription.app,
        subscription.plan,
        instant(subscription.starts_at.or(subscription.wanted_at)),
        instant(subscription.ends_at)
    )
}

async fn list(desk: &Desk, app: AppId, now: Micros) -> anyhow::Result<()> {
    if !app_exists(&desk.db, app).await? {
        return Err(AccessError::not_found(Kind::App, app).into());
    }
    let mut before = i64::MAX;
    heading("ID STATE APP PLAN FROM UNTIL");
    loop {
        let page = service::history(&desk.db, app, before, PAGE).await?;
        for subscription in &page {
            say(line(subscription, now))?;
        }
        match page.last() {
            Some(last) if page.len() >= PAGE as usize => before = last.number.into(),
            _ => return Ok(()),
        }
    }
}

pub(super) async fn run(config: &Config, command: SubscriptionCommand) -> anyhow::Result<()> {
    use SubscriptionCommand as Command;
    let desk = Desk::open(config).await?;
    let (db, by) = (&desk.db, &desk.by());
    let changed = match command {
        Command::List { app } => return list(&desk, app, by.now).await,
        Command::Request { app, plan, starts_at } => {
            service::request(db, by, (app, plan), starts_at).await
        }
        Command::Approve { id, starts_at } => service::approve(db, by, id, starts_at).await,
        Command::Reject { id, reason } => service::reject(db, by, id, &reason).await,
        Command::Cancel { id, reason } => service::cancel(db, by, id, reason.as_ref()).await,
        Command::Suspend { id, reason } => service::set_suspended(db, by, id, Some(&reason)).await,
        Command::Resume { id } => service::set_suspended(db, by, id, None).await,
    };
    say(line(&changed?, by.now))
}
