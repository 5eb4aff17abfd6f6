//! `comptoir import`.

use super::speak::say;
use crate::config::Config;
use crate::feeds::{Feed, Mapping, Progress, import};
use anyhow::Context as _;
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
    // What is wrong with the words is said before a database is made.
    let mapping = args.mapping.as_deref().map(Mapping::load).transpose()?;
    check_files(&args)?;
    let (db, clock) = super::database(&config).await?;
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
        let took = started.elapsed().as_secs_f64();
        say(format!("{} ({took:.1} s)\n{}", file.display(), report.to_string().trim_end()))?;
        rejected += report.rejected;
    }
    db.close().await;
    Ok(if rejected == 0 { ExitCode::SUCCESS } else { ExitCode::from(3) })
}

/// Every file can be read, and the report has a place of its own.
fn check_files(args: &Args) -> anyhow::Result<()> {
    for file in &args.files {
        let found = std::fs::metadata(file)
            .with_context(|| format!("{} cannot be read", file.display()))?;
        anyhow::ensure!(found.is_file(), "{} is no file", file.display());
    }
    let Some(report) = &args.report else { return Ok(()) };
    anyhow::ensure!(
        args.files.len() == 1,
        "--report takes the rows of one FILE: import the files one by one"
    );
    let place = |path: &Path| std::fs::canonicalize(path).ok();
    let taken = args.files.iter().chain(&args.mapping).map(|file| place(file));
    anyhow::ensure!(
        place(report).is_none_or(|report| taken.flatten().all(|file| file != report)),
        "--report would overwrite {}; name another file",
        report.display()
    );
    Ok(())
}
