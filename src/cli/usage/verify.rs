//! `comptoir usage verify`, `proof` and `verify-proof`: no database, no settings.

use crate::billing::keys::Jwks;
use crate::billing::manifest::proof::{NoProof, Proof, prove as make};
use crate::billing::manifest::verify::{Report, verify};
use crate::cli::speak::{causes, remark, say};
use anyhow::Context as _;
use std::path::Path;
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
        for gap in &manifest.gaps {
            say(format!(
                "GAP: {} run {} has no events from {} to before {}",
                gap.node, gap.epoch, gap.from_seq, gap.before_seq
            ))?;
        }
    }
    Ok(ExitCode::SUCCESS)
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
    let checked = serde_json::from_slice::<Proof>(&text)
        .map_err(|error| NoProof::Damaged(format!("it is no proof: {error}")))
        .and_then(|proof| Ok((proof.check(&keys)?, proof)));
    match checked {
        Ok((root, proof)) => {
            say(format!(
                "{} is in {}, made on {}, as {} of {} rows of {}:",
                proof.row_id,
                root.export_id,
                root.made_at,
                proof.index + 1,
                proof.events,
                proof.day
            ))?;
            say(proof.columns.join(","))?;
            say(proof.row)?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            say(format!("BAD: {error}"))?;
            Ok(ExitCode::FAILURE)
        }
    }
}
