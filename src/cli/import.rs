//! `comptoir import`.

use super::speak::{remark, say};
use crate::catalog::offers::Plausible;
use crate::config::Config;
use crate::feeds::mapping::Encoding;
use crate::feeds::{
    Feed, Format, Guard, Hand, MappingFile, Mode, Options, Progress, Report, check_store,
    import_with,
};
use crate::kernel::Clock;
use crate::storage::Db;
use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What to import.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What to import: categories, products, stores, promotions, offers or stock; with `--format`
    /// also all that the format tells.
    feed: What,
    /// NDJSON in the API's own shapes, a file of `--format`, or CSV with `--mapping`; plain or gzip. A file
    /// is known by its name without the folder: give files of different systems different names.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// How the columns of a CSV become fields, or those of a known format (see config/feeds/).
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    /// ndjson, google-products, google-local-inventory, gs1-csv or acp.
    #[arg(long, default_value = "ndjson", conflicts_with = "mapping")]
    format: Format,
    /// Code of the store that offers and levels belong to whose file names none: the web shop.
    #[arg(long, value_name = "CODE")]
    store: Option<String>,
    /// incremental, or full: what the files do not name is deleted, above a share after approval.
    #[arg(long)]
    mode: Option<Mode>,
    /// utf-8, windows-1252 or iso-8859-1; UTF-16 is known by its byte-order mark.
    #[arg(long)]
    encoding: Option<Encoding>,
    /// Take every price, however far it is from the one that the same offer has.
    #[arg(long)]
    any_price: bool,
    /// Where to write every rejected row as NDJSON.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

/// One feed, or all that a format tells.
#[derive(Debug, Clone, Copy)]
enum What {
    One(Feed),
    All,
}

impl std::str::FromStr for What {
    type Err = crate::feeds::UnknownFeed;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "all" { Ok(Self::All) } else { text.parse().map(Self::One) }
    }
}

impl Args {
    /// The feeds to import, in their order.
    fn feeds(&self, format: Format) -> anyhow::Result<Vec<Feed>> {
        let feeds = match self.feed {
            What::One(feed) => vec![feed],
            What::All => format.feeds(self.store.is_some()).to_vec(),
        };
        anyhow::ensure!(
            !feeds.is_empty(),
            "`all` is for formats that tell more than one feed; name the feed, or give --format"
        );
        Ok(feeds)
    }

    /// What the files may tell and is not imported.
    fn left_out(&self, format: Format) -> Vec<Feed> {
        match self.feed {
            What::One(_) => Vec::new(),
            What::All => format.left_out(self.store.is_some()).collect(),
        }
    }

    fn options(&self, config: &Config, mapping: Option<MappingFile>) -> Options {
        let feeds = &config.feeds;
        let factor = if self.any_price { 0 } else { feeds.max_price_factor };
        let mut options = Options {
            mapping: None,
            adapted: None,
            format: self.format,
            source: None,
            hand: Hand::Shell,
            store_code: self.store.clone(),
            mode: self.mode,
            encoding: self.encoding,
            guard: Guard::of(feeds),
            plausible: Plausible::times(factor),
            max_bytes: Some(u64::from(feeds.max_mib) * 1024 * 1024),
        };
        if let Some(mapping) = mapping {
            mapping.put_into(&mut options);
        }
        options
    }
}

/// Exit code 0 where every row was taken, 3 where rows were rejected.
pub(super) async fn run(config: Config, args: Args) -> anyhow::Result<ExitCode> {
    // What is wrong with the words is said before a database is made.
    let mapping = args.mapping.as_deref().map(MappingFile::load).transpose()?;
    check_files(&args)?;
    let options = args.options(&config, mapping);
    let feeds = args.feeds(options.format)?;
    let (db, clock) = super::database(&config).await?;
    check_store(&db, &feeds, &options).await?;
    let mut rejected = 0;
    for feed in args.left_out(options.format) {
        remark(format!("{} is left out: {}", feed.as_str(), options.format.names_no_store(feed)));
    }
    for file in &args.files {
        for feed in &feeds {
            let report = one(&db, &clock, *feed, file, &options, args.report.as_deref()).await?;
            rejected += report.rejected;
        }
    }
    db.close().await;
    Ok(if rejected == 0 { ExitCode::SUCCESS } else { ExitCode::from(3) })
}

async fn one(
    db: &Db,
    clock: &Clock,
    feed: Feed,
    file: &Path,
    options: &Options,
    rejects: Option<&Path>,
) -> anyhow::Result<Report> {
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
    let report = import_with(db, clock, feed, file, options, rejects, &mut show).await;
    bar.finish_and_clear();
    let report = report?;
    let took = started.elapsed().as_secs_f64();
    say(format!("{} ({took:.1} s)\n{}", file.display(), report.to_string().trim_end()))?;
    Ok(report)
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
        matches!(args.feed, What::One(_)),
        "--report takes the rows of one feed: import the feeds one by one"
    );
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
