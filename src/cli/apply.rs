//! `comptoir apply`: access as a file, compared with what is there and made so.

use super::desk::Shell;
use super::freezes::Because;
use super::speak::{of_secret, say};
use crate::access::apply::export;
use crate::access::apply::file::schema;
use crate::access::apply::run::{Failed, Prepared, prepare};
use crate::access::apply::{Current, Done, Fault, Issued, Shown, Wanted, read};
use crate::app::open_pepper;
use crate::config::Config;
use crate::storage::StoreError;
use anyhow::Context as _;
use serde_json::json;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// How a file is applied.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The file (YAML); - is standard input.
    #[arg(short, long, value_name = "FILE", required_unless_present = "schema")]
    file: Option<PathBuf>,
    /// Show what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// Suspend the partners, apps and keys that the file does not name, and close the plans. Nothing is deleted.
    #[arg(long)]
    prune: bool,
    /// Show the difference as JSON.
    #[arg(long)]
    json: bool,
    /// Write the texts of new keys into this file, which must not exist, instead of showing them.
    #[arg(long, value_name = "FILE")]
    keys_out: Option<PathBuf>,
    /// Print the JSON Schema of the file and stop.
    #[arg(long)]
    schema: bool,
    #[command(flatten)]
    because: Because,
}

pub(super) async fn run(config: &Config, args: Args) -> anyhow::Result<()> {
    if args.schema {
        return say(serde_json::to_string_pretty(&schema())?);
    }
    let path = args.file.as_deref().context("name a file")?;
    let text = text_of(path)?;
    let faulty = |faults: Vec<Fault>| refused(path, &faults);
    let file = read(&text).map_err(faulty)?;
    let wanted = Wanted { text: &text, file: &file, prune: args.prune };
    let (db, clock) = super::database(&with_two_connections(config)).await?;
    let by = args.because.say(Shell::of(config)?.by(clock.now()));
    let current = Current::load(&db, by.now).await?;
    let steps = wanted.steps(&current, &by).map_err(faulty)?;
    if args.dry_run || steps.shown.0.is_empty() {
        return tell(&args, &steps.shown, None);
    }
    let pepper = open_pepper(config, &db).await?;
    let prepared = prepare(&db, &by, &pepper, (&wanted, &current, steps)).await;
    let mut prepared = prepared.map_err(|failed| match failed {
        Failed::Faults(faults) => faulty(faults),
        Failed::Step(what, error) => anyhow::anyhow!("{what}: {error} Nothing was changed."),
        Failed::Other(error) => anyhow::anyhow!("{error} Nothing was changed."),
    })?;
    let shown = std::mem::take(&mut prepared.shown);
    let issued = commit(args.keys_out.as_deref(), prepared).await?;
    of_secret(tell(&args, &shown, Some(&issued)))
}

/// One connection holds what is changed while another one reads.
fn with_two_connections(config: &Config) -> Config {
    let mut config = config.clone();
    config.database.max_connections = config.database.max_connections.max(2);
    config
}

/// Makes it so. The keys that were made and are still to be told.
async fn commit(out: Option<&Path>, mut prepared: Prepared) -> anyhow::Result<Vec<Issued>> {
    let Some(out) = out.filter(|_| !prepared.issued.is_empty()) else {
        let issued = std::mem::take(&mut prepared.issued);
        prepared.commit().await?;
        return Ok(issued);
    };
    write_keys(out, &prepared.issued)?;
    match prepared.commit().await {
        Ok(()) => Ok(Vec::new()),
        // The answer may be what was lost, and then these are the only copies.
        Err(error @ (StoreError::Unavailable(_) | StoreError::Unreached { .. })) => {
            let said = "it is not known whether the changes were made; if so, the keys in this file are there";
            Err(anyhow::Error::new(error).context(format!("{}: {said}", out.display())))
        }
        Err(error) => {
            // Keys that are not there must not lie about.
            let _ = std::fs::remove_file(out);
            Err(error.into())
        }
    }
}

/// The access that is there, as a file.
pub(super) async fn export_access(config: &Config, with_ids: bool) -> anyhow::Result<()> {
    let (db, clock) = super::database(config).await?;
    let current = Current::load(&db, clock.now()).await?;
    say(serde_norway::to_string(&export::export(&current, with_ids))?.trim_end())
}

fn text_of(path: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        std::io::stdin().read_to_string(&mut text).map(|_| ())
    } else {
        std::fs::read_to_string(path).map(|read| text = read)
    };
    read.with_context(|| format!("{} cannot be read", path.display()))?;
    Ok(text)
}

/// All that is wrong with a file, each with its line.
fn refused(path: &Path, faults: &[Fault]) -> anyhow::Error {
    let mut said = String::new();
    for Fault { line, message } in faults {
        let _ = write!(said, "\n  {}:{line}: {message}", path.display());
    }
    anyhow::anyhow!("the file cannot be applied, and nothing was changed:{said}")
}

/// The difference; where it was applied, with the keys that were made.
fn tell(args: &Args, shown: &Shown, issued: Option<&[Issued]>) -> anyhow::Result<()> {
    let keys = issued.unwrap_or_default();
    if args.json {
        let key = |key: &Issued| json!({ "what": key.what, "text": key.text.reveal() });
        let keys: Vec<_> = keys.iter().map(key).collect();
        let told = json!({ "steps": shown, "applied": issued.is_some(), "keys": keys });
        return say(serde_json::to_string_pretty(&told)?);
    }
    match issued {
        Some(_) => say(Done(shown))?,
        None => say(shown)?,
    }
    for Issued { what, text } in keys {
        say(format!("{what}\t{}", text.reveal()))?;
    }
    Ok(())
}

/// A line for each key, in a file that only its owner can read.
fn write_keys(path: &Path, issued: &[Issued]) -> anyhow::Result<()> {
    let said = || format!("{}: the keys cannot be written, so nothing was changed", path.display());
    let mut options = std::fs::File::options();
    let mut file =
        options.write(true).create_new(true).mode(0o600).open(path).with_context(said)?;
    let mut write = || {
        for Issued { what, text } in issued {
            writeln!(file, "{what}\t{}", text.reveal())?;
        }
        file.sync_all()
    };
    write().with_context(|| {
        let _ = std::fs::remove_file(path);
        said()
    })
}
