//! `comptoir apply`: access as a file, compared with what is there and made so.

use super::freezes::Because;
use super::speak::say;
use crate::access::apply::diff::{Done, diff};
use crate::access::apply::export;
use crate::access::apply::file::schema;
use crate::access::apply::read::{Fault, read};
use crate::access::apply::run::{Current, Issued, prepare};
use crate::access::service::By;
use crate::app::open_pepper;
use crate::config::Config;
use anyhow::Context as _;
use serde_json::json;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Who the audit trail names.
const ACTOR: &str = "cli";

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
    let (db, clock) = super::database(config).await?;
    let by = args.because.say(By::new(ACTOR, clock.now())).withholding(super::withheld(config)?);
    let current = Current::load(&db, by.now).await?;
    let steps = diff((&text, &file), &current, &by, args.prune).map_err(faulty)?;
    let told = |text: String| match args.json {
        true => serde_json::to_value(&steps),
        false => Ok(json!(text)),
    };
    if args.dry_run || steps.steps.is_empty() {
        return tell(&args, told(steps.to_string())?, &[], false);
    }
    let told = told(Done(&steps).to_string())?;
    let pepper = open_pepper(config, &db).await?;
    let prepared = prepare(&db, &by, &pepper, (&current, steps)).await;
    let prepared = prepared.map_err(|(error, what)| match what {
        Some(what) => anyhow::anyhow!("{what}: {error} Nothing was changed."),
        None => anyhow::anyhow!("{error} Nothing was changed."),
    })?;
    let issued = match &args.keys_out {
        Some(out) => {
            write_keys(out, &prepared.issued)?;
            let committed = prepared.commit().await;
            if committed.is_err() {
                // Keys that are not there must not lie about.
                let _ = std::fs::remove_file(out);
            }
            committed?;
            Vec::new()
        }
        None => prepared.commit().await?,
    };
    tell(&args, told, &issued, true)
}

/// The access that is there, as a file.
pub(super) async fn export_access(config: &Config) -> anyhow::Result<()> {
    let (db, clock) = super::database(config).await?;
    let current = Current::load(&db, clock.now()).await?;
    say(serde_norway::to_string(&export::export(&current))?.trim_end())
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

/// The difference, and the keys that were made.
fn tell(
    args: &Args,
    mut told: serde_json::Value,
    issued: &[Issued],
    applied: bool,
) -> anyhow::Result<()> {
    if args.json {
        let key = |key: &Issued| json!({ "what": key.what, "text": key.text.reveal() });
        told["applied"] = json!(applied);
        told["keys"] = issued.iter().map(key).collect();
        return say(serde_json::to_string_pretty(&told)?);
    }
    say(told.as_str().unwrap_or_default())?;
    for Issued { what, text } in issued {
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
    for Issued { what, text } in issued {
        writeln!(file, "{what}\t{}", text.reveal()).with_context(said)?;
    }
    file.sync_all().with_context(said)
}
