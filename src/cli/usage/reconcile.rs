//! `comptoir usage reconcile`.

use super::verify::unchecked;
use super::which::{Which, ids};
use crate::billing::reconcile::{Account, Named, Reconciliation, Row, reconcile};
use crate::cli::speak::say;
use crate::cli::table::{Table, or_dash, row};
use crate::config::Config;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

/// Which periods, and with what.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The period, as `usage periods` names it, `last` for the last closed one, or the month in which one begins.
    #[arg(long, value_name = "PERIOD", required_unless_present = "all_open")]
    period: Option<Which>,
    /// Every period that is not closed.
    #[arg(long, conflicts_with = "period")]
    all_open: bool,
    /// The directory of an export, as `usage export --out` made it: its rows of the period are compared, too.
    #[arg(long, value_name = "DIR")]
    export: Option<PathBuf>,
    /// Print everything as one JSON document.
    #[arg(long)]
    json: bool,
}

/// Reconciles, and says what does not agree.
pub(super) async fn run(config: &Config, args: &Args) -> anyhow::Result<ExitCode> {
    match found(config, args).await {
        Ok(found) => told(&found, args.json),
        Err(error) => unchecked(Err(error)),
    }
}

async fn found(config: &Config, args: &Args) -> anyhow::Result<Vec<Reconciliation>> {
    let (db, clock) = crate::cli::database(config).await?;
    let now = db.now(&clock).await?;
    let mut found = Vec::new();
    for id in ids(&db, args.period.as_ref(), now).await? {
        found.push(reconcile(&db, id, args.export.as_deref(), now).await?);
    }
    Ok(found)
}

fn told(found: &[Reconciliation], json: bool) -> anyhow::Result<ExitCode> {
    let agrees = found.iter().all(|it| it.agrees);
    if json {
        let document = json!({ "agrees": agrees, "periods": found });
        say(serde_json::to_string_pretty(&document)?)?;
    } else {
        found.iter().try_for_each(tell)?;
    }
    Ok(if agrees { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn tell(it: &Reconciliation) -> anyhow::Result<()> {
    let mut table = Table::new("APP OPERATION RULE ADMITTED METERED RATED EXPORTED NOT-RATED");
    for Row { of: Named { app_id, operation, rule }, account } in &it.rows {
        let Account { admitted, metered, rated, exported, not_rated } = account;
        let causes = not_rated.iter().map(|(cause, sums)| format!("{cause} {}", sums.requests));
        table.row(row![
            app_id,
            operation,
            rule,
            admitted.requests,
            metered.requests,
            rated.requests,
            or_dash(exported.map(|sums| sums.requests)),
            causes.collect::<Vec<_>>().join(", ")
        ])?;
    }
    table.end()?;
    for missing in &it.missing {
        say(format!("MISSING: {missing}"))?;
    }
    for difference in &it.differences.first {
        say(format!("BAD: {difference}"))?;
    }
    let Reconciliation {
        period_id, from, to, time_zone, segments, events, hours, statements, ..
    } = it;
    let more = it.differences.count - it.differences.first.len() as u64;
    if more > 0 {
        say(format!("BAD: and {more} more"))?;
    }
    let state = it.closed_at.map_or_else(|| "open".to_owned(), |at| format!("closed {at}"));
    let verdict = if it.agrees { "all agrees" } else { "it does not agree" };
    say(format!(
        "{period_id}, {from} to {to} ({time_zone}), {state}: {verdict}. {events} events in {segments} segments, {hours} \
         sums by hour, {statements} statements."
    ))
}
