//! `comptoir subscription`: which plan an app is on, was on and asks for.

use super::desk::Desk;
use super::freezes::{Because, Why};
use super::table::{Table, or_dash, row, say_row};
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
    List {
        /// The app, as `app list` names it.
        app: AppId,
    },
    /// Ask for a plan; it is given at once where the plan says so.
    Request {
        /// The app, as `app list` names it.
        app: AppId,
        /// The plan, as `plan list` names it.
        plan: PlanId,
        /// From when on (RFC 3339).
        #[arg(long, value_name = "TIME")]
        starts_at: Option<Micros>,
        #[command(flatten)]
        because: Because,
    },
    /// Approve what was asked for.
    Approve {
        /// The subscription, as `subscription list` names it.
        id: AppSubscriptionId,
        /// From when on (RFC 3339); as it was asked for without it.
        #[arg(long, value_name = "TIME")]
        starts_at: Option<Micros>,
        #[command(flatten)]
        because: Because,
    },
    /// Reject what was asked for.
    Reject {
        /// The subscription, as `subscription list` names it.
        id: AppSubscriptionId,
        /// Why.
        #[arg(long)]
        reason: Reason,
    },
    /// Take back what was asked for, or what has not begun.
    Cancel {
        /// The subscription, as `subscription list` names it.
        id: AppSubscriptionId,
        /// Why.
        #[arg(long)]
        reason: Option<Reason>,
    },
    /// Refuse the app's keys until the subscription is resumed.
    Suspend {
        /// The subscription, as `subscription list` names it.
        id: AppSubscriptionId,
        /// Why, for who looks at it and the audit log.
        #[arg(long)]
        reason: Option<Reason>,
    },
    /// Allow them again.
    Resume(Why<AppSubscriptionId>),
}

/// The columns of subscriptions.
const SUBSCRIPTION: &str = "ID STATE APP PLAN FROM UNTIL";

/// What stands behind the state of a request whose wanted time has passed: it begins when it is approved.
const OVERDUE: &str = " (overdue)";

fn cells(subscription: &Subscription, now: Micros) -> Vec<String> {
    let state = subscription.state_at(now);
    let overdue = if subscription.is_overdue(now) { OVERDUE } else { "" };
    let from = subscription.starts_at.or(subscription.wanted_at);
    row![
        subscription.id,
        format!("{state}{overdue}"),
        subscription.app,
        subscription.plan,
        or_dash(from),
        or_dash(subscription.ends_at)
    ]
}

async fn list(desk: &Desk, app: AppId, now: Micros) -> anyhow::Result<()> {
    if !app_exists(&desk.db, app).await? {
        return Err(AccessError::not_found(Kind::App, app).into());
    }
    let mut before = i64::MAX;
    let mut table = Table::new(SUBSCRIPTION);
    loop {
        let page = service::history(&desk.db, app, before, PAGE).await?;
        for subscription in &page {
            table.row(cells(subscription, now))?;
        }
        match page.last() {
            Some(last) if page.len() >= PAGE as usize => before = last.number.into(),
            _ => return table.end(),
        }
    }
}

pub(super) async fn run(config: &Config, command: SubscriptionCommand) -> anyhow::Result<()> {
    use SubscriptionCommand as Command;
    let desk = Desk::open(config).await?;
    let (db, by) = (&desk.db, &desk.by());
    let changed = match command {
        Command::List { app } => return list(&desk, app, by.now).await,
        Command::Request { app, plan, starts_at, because } => {
            service::request(db, &because.say(*by), (app, plan), starts_at).await
        }
        Command::Approve { id, starts_at, because } => {
            service::approve(db, &because.say(*by), id, starts_at).await
        }
        Command::Reject { id, reason } => service::reject(db, by, id, &reason).await,
        Command::Cancel { id, reason } => service::cancel(db, by, id, reason.as_ref()).await,
        Command::Suspend { id, reason } => service::suspend(db, by, id, reason.as_ref()).await,
        Command::Resume(why) => service::resume(db, &why.because.say(*by), why.id).await,
    };
    say_row(SUBSCRIPTION, cells(&changed?, by.now))
}
