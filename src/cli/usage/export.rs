//! `comptoir usage export`.

use super::place::Place;
use super::which::beginning_in;
use crate::billing::export::{
    Asked, Billed, Content, Deposited, Depot, ExportError, Format, Order, Question, export_rows,
    export_to_directory,
};
use crate::billing::keys::current;
use crate::cli::desk::Desk;
use crate::cli::speak::{remark, say, unheard};
use crate::config::Config;
use crate::kernel::Micros;
use crate::kernel::id::{AppId, BillingPeriodId, PartnerId};
use crate::metering::period::Period;
use crate::metering::walk::ExportSeq;
use crate::objects::Bucket;
use crate::storage::{Db, node_id};
use std::io::Write as _;
use std::str::FromStr;

/// A billing period by its id, or a month or a day.
#[derive(Debug, Clone)]
enum Span {
    Billed(BillingPeriodId),
    Calendar(String, Period),
}

/// The text names no period.
#[derive(Debug, thiserror::Error)]
#[error(
    "a period must be the id of a billing period (per_...), a month such as 2026-11, or a day such as 2026-11-22"
)]
struct InvalidSpan;

impl FromStr for Span {
    type Err = InvalidSpan;

    fn from_str(text: &str) -> Result<Self, InvalidSpan> {
        if let Ok(id) = text.parse() {
            return Ok(Self::Billed(id));
        }
        let calendar = text.parse().map_err(|_| InvalidSpan)?;
        Ok(Self::Calendar(text.to_owned(), calendar))
    }
}

/// What is exported, and how it is written.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// usage_events (call by call), usage_hourly (their sums by hour), statement_lines, adjustments, or focus-1.2 (FOCUS of the
    /// FinOps Foundation, version 1.2). `comptoir usage columns` tells what they hold.
    #[arg(long, default_value = "usage_events")]
    layout: Content,
    /// A billing period by its id (per_...): of calls, those that are paid for in it. Or a month (2026-11) or a day
    /// (2026-11-22): of calls, those that were made in it, in UTC; of statements, the billing period that begins in it.
    #[arg(long, conflicts_with_all = ["from", "to"])]
    period: Option<Span>,
    /// Calls that were made from this instant on, as 2026-11-22T10:00:00Z.
    #[arg(long, value_name = "INSTANT")]
    from: Option<Micros>,
    /// Calls that were made before this instant.
    #[arg(long, value_name = "INSTANT")]
    to: Option<Micros>,
    /// Events behind this number only: the `stable_high_water` of the export before.
    #[arg(long, value_name = "EXPORT_SEQ", default_value_t = 0)]
    after: i64,
    /// What is of this partner only.
    #[arg(long, value_name = "PARTNER")]
    partner: Option<PartnerId>,
    /// What is of this app only.
    #[arg(long, value_name = "APP")]
    app: Option<AppId>,
    /// What the retailer is called in FOCUS as the issuer of statements; the id of this installation where it is left out. A
    /// closed period keeps the name that it was exported with first.
    #[arg(long, value_name = "NAME")]
    issuer: Option<String>,
    /// csv, ndjson or parquet.
    #[arg(long, default_value = "csv")]
    format: Format,
    /// A directory to make, or s3://BUCKET/PREFIX in the object storage of the settings, with a signed manifest, which `comptoir
    /// usage verify` checks. Where it is left out, rows go to standard output.
    #[arg(long, value_name = "DIR")]
    out: Option<Place>,
    /// A file for each day of UTC.
    #[arg(long, requires = "out")]
    by_day: bool,
}

impl Args {
    fn check(&self) -> anyhow::Result<()> {
        let ordered = self.from.is_none_or(|from| self.to.is_none_or(|to| from < to));
        anyhow::ensure!(ordered, "--from must be before --to");
        anyhow::ensure!(self.after >= 0, "--after must be 0 or a number of an export");
        let is_of_calls = self.layout.is_of_calls();
        let cut = self.from.is_some() || self.to.is_some() || self.after > 0;
        anyhow::ensure!(
            is_of_calls || !cut,
            "--from, --to and --after are of calls: name a --period"
        );
        anyhow::ensure!(
            is_of_calls || self.period.is_some(),
            ExportError::NoPeriod(self.layout.word())
        );
        let is_text = self.out.is_some() || self.format != Format::Parquet;
        anyhow::ensure!(is_text, "Parquet is no stream: name a directory with --out");
        Ok(())
    }

    async fn question(&self, db: &Db, now: Micros) -> anyhow::Result<Question> {
        let span = || Period {
            from: self.from.unwrap_or(Micros(i64::MIN)),
            to: self.to.unwrap_or(Micros(i64::MAX)),
        };
        let mut period = (self.from.is_some() || self.to.is_some()).then(span);
        let billed = match &self.period {
            None => None,
            Some(Span::Billed(id)) => Some(Billed::find(db, *id, now).await?),
            Some(Span::Calendar(_, calendar)) if self.layout.is_of_calls() => {
                period = Some(*calendar);
                None
            }
            Some(Span::Calendar(text, _)) => Some(beginning_in(db, text, now).await?),
        };
        let (after, partner, app) = (ExportSeq(self.after), self.partner, self.app);
        let asked = Asked { period, after, partner, app, booked: None };
        Ok(Question { content: self.layout, asked, billed, issuer: self.issuer.clone() })
    }
}

/// Exports to standard output, into a directory or to a bucket.
pub(super) async fn run(config: &Config, args: &Args) -> anyhow::Result<()> {
    args.check()?;
    match &args.out {
        Some(place) => to_place(config, args, place).await,
        None => {
            let (db, clock) = crate::cli::database(config).await?;
            let now = db.now(&clock).await?;
            let question = args.question(&db, now).await?;
            to_stdout(&db, &question, args.format, now).await
        }
    }
}

/// The rows go to standard output, the control totals to standard error.
async fn to_stdout(
    db: &Db,
    question: &Question,
    format: Format,
    now: Micros,
) -> anyhow::Result<()> {
    let written = export_rows(db, question, format, now, std::io::stdout()).await;
    let summary = written.map_err(|error| match error {
        ExportError::Write(error) => unheard(error),
        error => error.into(),
    })?;
    let _ = write!(std::io::stderr(), "{summary}");
    Ok(())
}

/// Says where the next export goes on.
async fn to_place(config: &Config, args: &Args, place: &Place) -> anyhow::Result<()> {
    let desk = Desk::open(config).await?;
    let signer = current(&desk.db, &desk.by(), &desk.pepper).await?;
    let now = desk.db.now(&desk.clock).await?;
    let question = args.question(&desk.db, now).await?;
    let order = Order { question, format: args.format, by_day: args.by_day };
    let manifest = match place {
        Place::Directory(dir) => export_to_directory(&desk.db, &signer, &order, dir, now).await?,
        Place::Bucket(at) => {
            let bucket = Bucket::open(&config.object_storage, at)?;
            let (data_dir, node) = (&config.server.data_dir, node_id(&config.server.data_dir)?);
            let (db, clock, signer) = (&desk.db, &desk.clock, &signer);
            let depot = Depot { db, clock, signer, data_dir, node };
            let Deposited { manifest, is_new } = depot.deposit(&order, &bucket, now).await?;
            if !is_new {
                remark(format!("It is at {at} already."));
            }
            manifest
        }
    };
    say(manifest.told())?;
    if let Some(before) = &manifest.supersedes {
        remark(format!("It supersedes {before}."));
    }
    for gap in &manifest.gaps {
        remark(format!("GAP: {gap}"));
    }
    if args.layout.is_of_calls() {
        remark(format!("What comes later: --after {}", manifest.stable_high_water));
    }
    Ok(())
}
