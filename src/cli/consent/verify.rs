//! `comptoir consent verify`.

use super::super::speak::say;
use crate::access::audit::{Break, Chain};
use crate::access::oauth::jwk::Verifier;
use crate::authz::signers::evidence_verifiers;
use crate::config::Config;
use crate::consent::evidence::LedgerCheckpoint;
use crate::consent::proof::file::{FileProof, prove_file};
use crate::consent::proof::jws;
use crate::consent::proof::verify::{ConsentProof, prove};
use crate::kernel::Clock;
use crate::storage::Db;
use anyhow::Context as _;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What is checked, and by what.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct VerifyArgs {
    /// Check an export of the ledger (`comptoir consent export`); needs no database.
    #[arg(long, value_name = "FILE")]
    from_file: Option<PathBuf>,
    /// A JWK Set that was written down before, in place of the keys in the database or in the file.
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    /// Checkpoints that were written down elsewhere, one in each line: `consent-checkpoints` in the data directory of each node
    /// is such a file. What they say must still be there.
    #[arg(long, value_name = "FILE")]
    checkpoints: Vec<PathBuf>,
}

/// Checks it; exit code 1 where it does not hold.
pub(super) async fn run(config: &Config, args: &VerifyArgs) -> anyhow::Result<ExitCode> {
    let named = args.keys.as_deref().map(read_keys).transpose()?;
    if let Some(file) = &args.from_file {
        let keys = match &named {
            Some(keys) => keys.clone(),
            None => keys_in(file)?,
        };
        let elsewhere = read_checkpoints(&args.checkpoints, &keys)?;
        let proof = prove_file(file, keys, &elsewhere);
        return file_verdict(proof.with_context(|| file.display().to_string())?);
    }
    // What is checked must not be changed by the checking.
    let db = Db::look(&config.database.url).await;
    let db = db.context("the database (`database.url`) cannot be read")?;
    let keys = match named {
        Some(keys) => keys,
        None => evidence_verifiers(&db, Clock::System.now()).await?,
    };
    let elsewhere = read_checkpoints(&args.checkpoints, &keys)?;
    verdict(prove(&db, &keys, &elsewhere).await?)
}

fn text_of(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))
}

fn read_keys(path: &Path) -> anyhow::Result<Vec<Verifier>> {
    let set: Value = serde_json::from_str(&text_of(path)?)
        .with_context(|| format!("{} is no JWK Set", path.display()))?;
    let keys = jws::keys_of(&set);
    anyhow::ensure!(!keys.is_empty(), "{} holds no key that can be used", path.display());
    Ok(keys)
}

/// The keys that stand in the first line of an export.
fn keys_in(path: &Path) -> anyhow::Result<Vec<Verifier>> {
    use std::io::BufRead as _;
    let file = std::fs::File::open(path);
    let file = file.with_context(|| format!("{} cannot be read", path.display()))?;
    let mut first = String::new();
    std::io::BufReader::new(file).read_line(&mut first)?;
    Ok(jws::keys_of(&serde_json::from_str(&first).unwrap_or_default()))
}

fn read_checkpoints(paths: &[PathBuf], keys: &[Verifier]) -> anyhow::Result<Vec<LedgerCheckpoint>> {
    let mut checkpoints = Vec::new();
    for path in paths {
        let text = text_of(path)?;
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        for (n, line) in lines {
            let checkpoint = jws::checkpoint(line.trim(), keys).map_err(|error| {
                anyhow::anyhow!("{}:{}: the checkpoint {error}", path.display(), n + 1)
            })?;
            checkpoints.push(checkpoint);
        }
    }
    Ok(checkpoints)
}

fn say_chain(chain: &Chain) -> anyhow::Result<()> {
    match chain.entries {
        0 => say("There are no entries."),
        entries => say(format!(
            "{entries} entries fit, {} to {}:{}",
            chain.first(),
            chain.position,
            chain.hash
        )),
    }
}

fn broken(at: &Break) -> anyhow::Result<ExitCode> {
    say(format!("The ledger of consents is broken at {at}."))?;
    Ok(ExitCode::FAILURE)
}

fn file_verdict(checked: Result<FileProof, Break>) -> anyhow::Result<ExitCode> {
    match checked {
        Err(at) => broken(&at),
        Ok(FileProof { chain, checkpoints }) => {
            say_chain(&chain)?;
            say(format!("{checkpoints} checkpoints hold"))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn verdict(checked: Result<ConsentProof, Break>) -> anyhow::Result<ExitCode> {
    match checked {
        Err(at) => broken(&at),
        Ok(ConsentProof { chain, checkpoints, consents, receipts }) => {
            say_chain(&chain)?;
            say(format!(
                "{checkpoints} checkpoints, {consents} consents and {receipts} receipts hold"
            ))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}
