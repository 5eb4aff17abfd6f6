//! `comptoir usage verify`, `proof` and `verify-proof`: no database, and no settings but those of object storage.

use crate::billing::keys::Jwks;
use crate::billing::manifest::proof::{PROOF, Proof, prove as make};
use crate::billing::manifest::verify::{Report, is_below, verify};
use crate::billing::manifest::{BilledPeriod, CloseName};
use crate::billing::proof::{CloseRoot, EVENT_PROOF, EventProof};
use crate::cli::speak::{causes, remark, say};
use crate::config::Config;
use crate::objects::{Bucket, Location};
use anyhow::Context as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Nothing could be checked.
const UNCHECKED: u8 = 2;

fn keys(path: &Path) -> anyhow::Result<Jwks> {
    let name = path.display();
    let text = std::fs::read(path).with_context(|| format!("{name} cannot be read"))?;
    serde_json::from_slice(&text).map_err(|error| {
        anyhow::anyhow!("{name} is no JWKS as `comptoir usage keys` prints it: {error}")
    })
}

/// The exit code of a check that could not be made.
pub(super) fn unchecked(checked: anyhow::Result<ExitCode>) -> anyhow::Result<ExitCode> {
    checked.or_else(|error| {
        remark(format!("error: {}", causes(&error)));
        Ok(ExitCode::from(UNCHECKED))
    })
}

/// Checks an export in a bucket: fetches it and checks what was fetched.
pub(super) async fn bucket(
    config: impl FnOnce() -> anyhow::Result<Config>,
    at: &Location,
    with: &Path,
) -> anyhow::Result<ExitCode> {
    let fetched = async {
        let bucket = Bucket::open(&config()?.object_storage, at)?;
        let fetched = Fetched::new()?;
        fetch(&bucket, &fetched.0).await?;
        Ok(fetched)
    };
    match fetched.await {
        Ok(fetched) => directory(&fetched.0, with),
        Err(error) => unchecked(Err(error)),
    }
}

/// A directory for temporary files, which is gone when dropped.
struct Fetched(PathBuf);

impl Fetched {
    fn new() -> anyhow::Result<Self> {
        let dir = std::env::temp_dir().join(format!("comptoir-verify-{:016x}", getrandom::u64()?));
        std::fs::create_dir(&dir).with_context(|| format!("{} cannot be made", dir.display()))?;
        Ok(Self(dir))
    }
}

impl Drop for Fetched {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Fetches all objects below the place of a bucket.
async fn fetch(bucket: &Bucket, to: &Path) -> anyhow::Result<()> {
    for name in bucket.list().await?.keys() {
        anyhow::ensure!(is_below(name), "{:?} in {} is no name of a file", name, bucket.location());
        let path = to.join(name);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("{} cannot be made", folder.display()))?;
        }
        bucket.download(name, &path).await?;
    }
    Ok(())
}

/// Checks an export.
pub(super) fn directory(dir: &Path, with: &Path) -> anyhow::Result<ExitCode> {
    let report = keys(with).and_then(|keys| Ok(verify(dir, &keys)?));
    match report {
        Ok(report) => told(&report),
        Err(error) => unchecked(Err(error)),
    }
}

fn told(report: &Report) -> anyhow::Result<ExitCode> {
    if !report.problems.is_empty() {
        for problem in &report.problems {
            say(format!("BAD: {problem}"))?;
        }
        say("The export is not as it was signed.")?;
        return Ok(ExitCode::FAILURE);
    }
    if let Some(manifest) = &report.manifest {
        say(format!("{}, as signed with {} on {}", manifest.told(), report.kid, manifest.made_at))?;
        if let Some(period) = &manifest.period {
            exceptions(period)?;
        }
        for gap in &manifest.gaps {
            say(format!("GAP: {gap}"))?;
        }
        let unnamed = manifest.unnamed_gaps().count();
        if unnamed > 0 {
            let period = manifest.period.as_ref().map_or("", |period| period.id.as_str());
            say(format!(
                "BAD: {period} is closed, and its close does not name {unnamed} of these gaps, in which calls of it may be \
                 missing: have `comptoir usage reconcile --period {period}` run where it was exported."
            ))?;
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What a period was closed without, and by whose will.
fn exceptions(period: &BilledPeriod) -> anyhow::Result<()> {
    let by = match &period.close {
        Some(CloseName { requested_by: Some(asked), approved_by: Some(approved), .. }) => {
            format!(" (asked for by {asked}, approved by {approved})")
        }
        _ => String::new(),
    };
    for exception in period.exceptions() {
        say(format!("EXCEPTION: {exception}{by}"))?;
    }
    Ok(())
}

/// Prints a proof.
pub(super) fn prove(dir: &Path, row: &str) -> anyhow::Result<()> {
    say(serde_json::to_string_pretty(&make(dir, row)?)?)
}

/// Checks a proof.
pub(super) fn proof(file: &Path, with: &Path) -> anyhow::Result<ExitCode> {
    let name = file.display();
    let read = || {
        let text = std::fs::read(file).with_context(|| format!("{name} cannot be read"))?;
        Ok((keys(with)?, text))
    };
    let (keys, text) = match read() {
        Ok(read) => read,
        Err(error) => return unchecked(Err(error)),
    };
    match checked(&text, &keys) {
        Ok(told) => told.iter().try_for_each(say).map(|()| ExitCode::SUCCESS),
        Err(why) => {
            say(format!("BAD: {why}"))?;
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Which format a document says it has.
#[derive(serde::Deserialize)]
struct Formatted {
    format: String,
}

/// What a proof shows, if it holds; otherwise what is wrong with it.
fn checked(text: &[u8], keys: &Jwks) -> Result<Vec<String>, String> {
    let none = |error: serde_json::Error| format!("it is no proof: {error}");
    match serde_json::from_slice::<Formatted>(text).map_err(none)?.format.as_str() {
        PROOF => of_row(&serde_json::from_slice(text).map_err(none)?, keys),
        EVENT_PROOF => of_event(&serde_json::from_slice(text).map_err(none)?, keys),
        _ => Err(format!("it is neither {PROOF} nor {EVENT_PROOF}")),
    }
}

/// What the proof of an export's row shows.
fn of_row(proof: &Proof, keys: &Jwks) -> Result<Vec<String>, String> {
    let root = proof.check(keys).map_err(|why| why.to_string())?;
    let Proof { row_id, index, events, day, .. } = proof;
    let place = format!("as {} of {events} rows of {day}", index + 1);
    let told = format!("{row_id} is in {}, made on {}, {place}:", root.export_id, root.made_at);
    Ok(vec![told, proof.columns.join(","), proof.row.clone()])
}

/// What the proof of an event shows.
fn of_event(proof: &EventProof, keys: &Jwks) -> Result<Vec<String>, String> {
    let root = proof.check(keys).map_err(|why| why.to_string())?;
    let EventProof { event_id, index, events, day, .. } = proof;
    let CloseRoot { period_id, from, to, closed_at, .. } = root;
    let place = format!("as {} of {events} events of {day}", index + 1);
    let told = format!(
        "{event_id} is in {period_id} (from {from} to {to}), closed on {closed_at}, {place}:"
    );
    let (names, texts): (Vec<String>, Vec<String>) = proof.event.cells().into_iter().unzip();
    Ok(vec![told, names.join(","), texts.join(",")])
}
