//! `comptoir handoff`: which totals the billing systems have, and who apps are there.

use super::desk::{Desk, show_all};
use super::table::{Table, or_dash, row, say_row};
use crate::billing::handoff::customers;
use crate::billing::handoff::model::{Customer, Handoff, HandoffStatus, Sink};
use crate::billing::handoff::store::{self, Asked};
use crate::config::Config;
use crate::kernel::Micros;
use crate::kernel::clock::SECOND;
use crate::kernel::id::{AppId, BillingPeriodId};
use clap::Subcommand;

/// Customers read at once.
const PAGE: u32 = 200;

/// The hand-off of usage.
#[derive(Debug, Subcommand)]
pub(super) enum HandoffCommand {
    /// List the newest total of each charge in each period.
    List {
        /// Only those of this system: stripe or lago.
        #[arg(long)]
        sink: Option<Sink>,
        /// Only those with this status: pending, taken or refused.
        #[arg(long)]
        status: Option<HandoffStatus>,
        /// Only those of this app.
        #[arg(long)]
        app: Option<AppId>,
        /// Only those of this period.
        #[arg(long)]
        period: Option<BillingPeriodId>,
    },
    /// List who apps are in a billing system.
    Customers {
        /// The system: stripe or lago.
        sink: BillingSink,
    },
    /// Say who an app is in a billing system: from then on its totals are handed off, as long as it is its present
    /// partner's.
    Name {
        /// The app, as `app list` names it.
        app: AppId,
        /// The system: stripe or lago.
        sink: BillingSink,
        /// The customer (Stripe) or external subscription (Lago), for this app alone.
        customer: Customer,
    },
    /// Hand off no more totals of an app to a billing system.
    Unname {
        /// The app, as `app list` names it.
        app: AppId,
        /// The system: stripe or lago.
        sink: BillingSink,
    },
    /// Send again what a system has refused, and speak at once to one that rests because it failed.
    Retry {
        /// The system: stripe, lago or events.
        sink: Sink,
    },
}

/// A system that has customers.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum BillingSink {
    Stripe,
    Lago,
}

impl From<BillingSink> for Sink {
    fn from(sink: BillingSink) -> Self {
        match sink {
            BillingSink::Stripe => Self::Stripe,
            BillingSink::Lago => Self::Lago,
        }
    }
}

const HANDOFF: &str = "ID SINK PERIOD APP CHARGE CUSTOMER NAME TOTAL TIME FINAL STATUS ERROR TAKEN";

fn cells(it: &Handoff) -> Vec<String> {
    let (time, taken) = (Micros(it.stamp.saturating_mul(SECOND)), it.taken.as_ref());
    let why = it.error.clone().or(it.answer.map(|status| status.to_string()));
    let why = or_dash(why.filter(|_| it.status != HandoffStatus::Taken));
    let taken = or_dash(taken.map(|(total, _)| total));
    row![
        it.id,
        it.sink,
        it.period,
        it.app,
        it.charge,
        it.customer,
        it.name,
        it.total,
        time,
        it.is_final,
        it.status,
        why,
        taken
    ]
}

pub(super) async fn run(config: &Config, command: HandoffCommand) -> anyhow::Result<()> {
    let desk = Desk::open(config).await?;
    let (db, by) = (&desk.db, &desk.by());
    match command {
        HandoffCommand::List { sink, status, app, period } => {
            let asked = &Asked { sink, app, period, status };
            let page = async |walk: crate::access::service::Walk| {
                Ok(store::page(db, asked, &walk.after, walk.limit).await?)
            };
            show_all(HANDOFF, page, |it| it.id.to_string(), cells).await
        }
        HandoffCommand::Customers { sink } => show_customers(&desk, sink.into()).await,
        HandoffCommand::Name { app, sink, customer } => {
            let named = customers::name(db, by, (sink.into(), app), &customer).await?;
            say_row("APP SINK CUSTOMER", row![named.app, named.sink, named.customer])
        }
        HandoffCommand::Unname { app, sink } => {
            let sink = sink.into();
            customers::unname(db, by, (sink, app)).await?;
            say_row("APP SINK CUSTOMER", row![app, sink, "-"])
        }
        HandoffCommand::Retry { sink } => {
            let again = customers::retry(db, by, sink).await?;
            say_row("SINK AGAIN", row![sink, again])
        }
    }
}

async fn show_customers(desk: &Desk, sink: Sink) -> anyhow::Result<()> {
    let (mut after, mut table) =
        ((String::new(), String::new()), Table::new("APP PARTNER CUSTOMER SINCE"));
    loop {
        let page = store::named(&desk.db, sink, (&after.0, &after.1), PAGE).await?;
        for it in &page {
            table.row(row![it.app, it.partner, it.customer, it.named_at])?;
        }
        match page.last() {
            Some(last) if page.len() >= PAGE as usize => {
                after = (last.app.to_string(), last.partner.to_string());
            }
            _ => return table.end(),
        }
    }
}
