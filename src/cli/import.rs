//! `comptoir import`.

use crate::config::Config;
use crate::feeds::{Feed, Mapping, Progress, Report, import};
use indicatif::{ProgressBar, ProgressStyle};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What to import.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What the files hold: categories, products, stores, promotions, offers or stock.
    feed: Feed,
    /// NDJSON in the API's own shapes, or CSV with `--mapping`; plain or gzip.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// How the columns of a CSV become fields (see config/feeds/).
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    /// Where to write every rejected row as NDJSON.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

/// Exit code 0 where every row was taken, 3 where rows were rejected.
pub(super) async fn run(config: Config, args: Args) -> anyhow::Result<ExitCode> {
    let (db, clock) = super::database(&config).await?;
    let mapping = args.mapping.as_deref().map(Mapping::load).transpose()?;
    let mut rejected = 0;
    for file in &args.files {
        let bar = ProgressBar::new_spinner();
        let storing =
            ProgressStyle::with_template("{bar:40} {human_pos}/{human_len} rows {per_sec} {eta}")?;
        let mut show = |progress: Progress| match progress {
            Progress::Checking(rows) => {
                bar.set_message(format!("reading {}: {rows} rows", file.display()));
            }
            Progress::Storing { done, of } => {
                if bar.length() != Some(of) {
                    bar.set_style(storing.clone());
                    bar.set_length(of);
                }
                bar.set_position(done);
            }
        };
        let started = std::time::Instant::now();
        let report = import(
            &db,
            &clock,
            args.feed,
            file,
            mapping.as_ref(),
            args.report.as_deref(),
            &mut show,
        )
        .await;
        bar.finish_and_clear();
        let report = report?;
        tell(file, &report, started.elapsed());
        rejected += report.rejected;
    }
    db.close().await;
    Ok(if rejected == 0 { ExitCode::SUCCESS } else { ExitCode::from(3) })
}

#[expect(clippy::print_stdout, reason = "the command line speaks to its user")]
fn tell(file: &Path, report: &Report, took: std::time::Duration) {
    println!("{} ({:.1} s)\n{report}", file.display(), took.as_secs_f64());
}
