//! `comptoir usage export`.

use crate::billing::export::{Asked, ExportError, Format, Order, export, export_to_directory};
use crate::billing::keys::current;
use crate::cli::desk::Desk;
use crate::cli::speak::{remark, say, unheard};
use crate::config::Config;
use crate::kernel::Micros;
use crate::kernel::id::{AppId, PartnerId};
use crate::metering::period::Period;
use crate::metering::walk::ExportSeq;
use crate::storage::Db;
use std::io::Write as _;
use std::path::PathBuf;

/// Which events, and how they are written.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// A month (2026-11) or a day (2026-11-22), in UTC.
    #[arg(long, conflicts_with_all = ["from", "to"])]
    period: Option<Period>,
    /// Calls that were made from this instant on, as 2026-11-22T10:00:00Z.
    #[arg(long, value_name = "INSTANT")]
    from: Option<Micros>,
    /// Calls that were made before this instant.
    #[arg(long, value_name = "INSTANT")]
    to: Option<Micros>,
    /// Events behind this number only: the `stable_high_water` of the export before.
    #[arg(long, value_name = "EXPORT_SEQ", default_value_t = 0)]
    after: i64,
    /// Events of this partner only.
    #[arg(long, value_name = "PARTNER")]
    partner: Option<PartnerId>,
    /// Events of this app only.
    #[arg(long, value_name = "APP")]
    app: Option<AppId>,
    /// csv, ndjson or parquet.
    #[arg(long, default_value = "csv")]
    format: Format,
    /// A directory to make, with a signed manifest, which `comptoir usage verify` checks. Where it is left out, rows go to
    /// standard output.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// A file for each day of UTC.
    #[arg(long, requires = "out")]
    by_day: bool,
}

impl Args {
    fn asked(&self) -> anyhow::Result<Asked> {
        let span = || Period {
            from: self.from.unwrap_or(Micros(i64::MIN)),
            to: self.to.unwrap_or(Micros(i64::MAX)),
        };
        let period = self.period.or_else(|| (self.from.is_some() || self.to.is_some()).then(span));
        let ordered = period.is_none_or(|period| period.from < period.to);
        anyhow::ensure!(ordered, "--from must be before --to");
        anyhow::ensure!(self.after >= 0, "--after must be 0 or a number of an export");
        let after = ExportSeq(self.after);
        Ok(Asked { period, after, partner: self.partner, app: self.app })
    }
}

/// Exports to standard output or into a directory.
pub(super) async fn run(config: &Config, args: &Args) -> anyhow::Result<()> {
    let asked = args.asked()?;
    match &args.out {
        Some(dir) => {
            let order = Order { asked, format: args.format, by_day: args.by_day, dir };
            to_directory(config, &order).await
        }
        None => {
            let is_text = args.format != Format::Parquet;
            anyhow::ensure!(is_text, "Parquet is no stream: name a directory with --out");
            let (db, _) = crate::cli::database(config).await?;
            to_stdout(&db, asked, args.format).await
        }
    }
}

/// The rows go to standard output, the control totals to standard error.
async fn to_stdout(db: &Db, asked: Asked, format: Format) -> anyhow::Result<()> {
    let summary =
        export(db, asked, format, std::io::stdout()).await.map_err(|error| match error {
            ExportError::Write(error) => unheard(error),
            error => error.into(),
        })?;
    let _ = write!(std::io::stderr(), "{summary}");
    Ok(())
}

/// Says where the next export goes on.
async fn to_directory(config: &Config, order: &Order<'_>) -> anyhow::Result<()> {
    let desk = Desk::open(config).await?;
    let signer = current(&desk.db, &desk.by(), &desk.pepper).await?;
    let now = desk.db.now(&desk.clock).await?;
    let manifest = export_to_directory(&desk.db, &signer, order, now).await?;
    say(format!(
        "{}: {} events, {} of them billable, in {} files",
        manifest.export_id,
        manifest.total.requests,
        manifest.billable.requests,
        manifest.files.len()
    ))?;
    for gap in &manifest.gaps {
        remark(format!("GAP: {gap:?}"));
    }
    remark(format!("What comes later: --after {}", manifest.stable_high_water));
    Ok(())
}
