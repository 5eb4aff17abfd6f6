//! `comptoir usage periods` and `usage close`.

use super::which::Which;
use crate::access::error::AccessError;
use crate::admin::billing::close_period;
use crate::billing::BillingError;
use crate::billing::close::{Asked, draft, exceptions_told};
use crate::billing::periods::{PeriodRow, PeriodState, list};
use crate::billing::recounted::Recounted;
use crate::cli::desk::Desk;
use crate::cli::speak::{remark, say};
use crate::cli::table::{Table, row, say_row};
use crate::config::{Config, FourEyes};

/// Which period is closed, and how.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct CloseArgs {
    /// The period, as `usage periods` names it, or the month in which one begins.
    #[arg(value_name = "PERIOD")]
    period: Which,
    /// Close it although calls of it may be missing. That always takes two people, and a shell is one: where something is
    /// missing, it is named, and the close is to be asked for over the admin API.
    #[arg(long)]
    with_exceptions: bool,
}

fn grace(config: &Config) -> i64 {
    i64::try_from(config.billing.grace.as_micros()).unwrap_or(i64::MAX)
}

/// Lists all periods.
pub(super) async fn periods(config: &Config, json: bool) -> anyhow::Result<()> {
    let (db, clock) = crate::cli::database(config).await?;
    let rows = list(&db, db.now(&clock).await?, grace(config)).await?;
    if json {
        return say(serde_json::to_string_pretty(&rows)?);
    }
    let mut table = Table::new("ID FROM TO TIME-ZONE STATE AT OWING COMPLETE");
    for PeriodRow { id, from, to, time_zone, state, at, owing, exceptions } in &rows {
        let complete = match (exceptions.len(), state) {
            (0, _) => "yes".to_owned(),
            (some, PeriodState::Closed) => format!("closed with {}", exceptions_told(some)),
            (some, _) => format!("{some} may be missing"),
        };
        table.row(row![id, from, to, time_zone, state, at, owing, complete])?;
    }
    table.end()
}

/// Closes a period by the will of one person.
pub(super) async fn close(config: &Config, args: CloseArgs) -> anyhow::Result<()> {
    let desk = Desk::open(config).await?;
    let now = desk.db.now(&desk.clock).await?;
    let period = args.period.id(&desk.db, now).await?;
    let exceptions = draft(&desk.db, period, now).await?.in_turn()?.exceptions;
    for exception in &exceptions {
        remark(format!("MISSING: {exception}"));
    }
    if config.admin.four_eyes.contains(&FourEyes::PeriodClose) {
        return Err(BillingError::from(AccessError::SecondPersonAlways).into());
    }
    let exceptions = if args.with_exceptions { exceptions } else { Vec::new() };
    let issuer = config.billing.issuer.clone();
    let asked = Asked { period, exceptions, grace: grace(config), issuer };
    let by = desk.by_at(now).alone();
    let recounted = Recounted::of(&desk.db, period, now).await?;
    let mut tx = desk.db.begin().await?;
    let close = close_period(&mut tx, &by, &asked, &recounted).await?;
    tx.commit().await?;
    say_row(
        "NUMBER PERIOD FROM TO STATEMENTS HASH",
        row![close.number, close.period_id, close.from, close.to, close.statements, close.hash],
    )
}
