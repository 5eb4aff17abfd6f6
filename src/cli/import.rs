//! `comptoir import`.

use crate::config::Config;
use crate::feeds::{Feed, ImportError, Mapping, Progress, Report, import};
use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::PathBuf;
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
    let mut rejects = match &args.report {
        Some(path) => Some(BufWriter::new(File::create(path).with_context(|| path.display().to_string())?)),
        None => None,
    };
    let mut rejected = 0;
    for file in &args.files {
        let bar = ProgressBar::new(0).with_style(style()?);
        let mut show = |progress: Progress| {
            bar.set_length(progress.rows);
            bar.set_position(progress.done);
            bar.set_message(progress.stage);
        };
        let sink = rejects.as_mut().map(|out| out as &mut (dyn std::io::Write + Send));
        let report = import(&db, &clock, args.feed, file, mapping.as_ref(), sink, &mut show).await;
        bar.finish_and_clear();
        let report = report.map_err(|error: ImportError| anyhow::anyhow!("{}: {error}", file.display()))?;
        tell(&report);
        rejected += report.rejected;
    }
    if let Some(mut out) = rejects {
        out.flush()?;
    }
    db.close().await;
    Ok(if rejected == 0 { ExitCode::SUCCESS } else { ExitCode::from(3) })
}

fn style() -> anyhow::Result<ProgressStyle> {
    Ok(ProgressStyle::with_template("{msg} {bar:40} {human_pos}/{human_len} {per_sec} {eta}")?)
}

#[expect(clippy::print_stdout, reason = "the command line speaks to its user")]
fn tell(report: &Report) {
    print!("{report}");
}
