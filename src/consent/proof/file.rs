//! The ledger as a file: what is exported, and its check without a database.
//!
//! A line of JSON each: first the public keys (`{"keys":[…]}`, RFC 7517), then the checkpoints (`{"checkpoint":"…"}`), then
//! the entries. Checkpoints come first so that a file whose end is cut off still says how far it went. Nothing in it leads to
//! a customer without the keys in the database.

use super::jws;
use crate::access::audit::{Break, Chain};
use crate::access::oauth::jwk::Verifier;
use crate::consent::evidence::{LedgerCheck, LedgerCheckpoint, LedgerEntry};
use crate::consent::store::ledger::{self, BATCH};
use crate::storage::{Db, StoreError};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::path::Path;

/// Why a file was not checked.
#[derive(Debug, thiserror::Error)]
pub enum UnreadLedger {
    /// It cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A line is nothing that an export has.
    #[error("line {0} is no key set, checkpoint or entry of an export")]
    Line(usize),
    /// A checkpoint is not believed.
    #[error("the checkpoint in line {0} {1}")]
    Checkpoint(usize, crate::access::oauth::jws::JwsError),
    /// It has nothing to check by.
    #[error("there are no keys in it, and none were named")]
    NoKeys,
}

/// What was checked in a file, and holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileProof {
    /// The ledger.
    pub chain: Chain,
    /// Checkpoints that say what it does.
    pub checkpoints: u64,
}

/// A line of a file.
enum LedgerLine {
    Keys(Vec<Verifier>),
    Checkpoint(String),
    Entry(Box<LedgerEntry>),
}

fn line(text: &str) -> Option<LedgerLine> {
    let value: Value = serde_json::from_str(text).ok()?;
    if value.get("keys").is_some() {
        return Some(LedgerLine::Keys(jws::keys_of(&value)));
    }
    match value.get("checkpoint").and_then(Value::as_str) {
        Some(jws) => Some(LedgerLine::Checkpoint(jws.to_owned())),
        None => serde_json::from_value(value).ok().map(|entry| LedgerLine::Entry(Box::new(entry))),
    }
}

/// Hands each line of a file over with its number, until one is refused.
fn each<E: From<UnreadLedger>>(
    path: &Path,
    mut take: impl FnMut(usize, LedgerLine) -> Result<(), E>,
) -> Result<(), E> {
    let file = File::open(path).map_err(UnreadLedger::from)?;
    for (n, text) in BufReader::new(file).lines().enumerate() {
        let text = text.map_err(UnreadLedger::from)?;
        take(n + 1, line(&text).ok_or(UnreadLedger::Line(n + 1))?)?;
    }
    Ok(())
}

/// Why a file does not hold.
enum Stopped {
    Unread(UnreadLedger),
    Broken(Break),
}

impl From<UnreadLedger> for Stopped {
    fn from(unread: UnreadLedger) -> Self {
        Self::Unread(unread)
    }
}

impl From<Break> for Stopped {
    fn from(broken: Break) -> Self {
        Self::Broken(broken)
    }
}

/// Checks a file with the keys that are named, or those in it where none are, and with checkpoints from elsewhere.
pub fn prove_file(
    path: &Path,
    named: Vec<Verifier>,
    elsewhere: &[LedgerCheckpoint],
) -> Result<Result<FileProof, Break>, UnreadLedger> {
    match checked(path, named, elsewhere) {
        Ok(proof) => Ok(Ok(proof)),
        Err(Stopped::Broken(broken)) => Ok(Err(broken)),
        Err(Stopped::Unread(unread)) => Err(unread),
    }
}

fn checked(
    path: &Path,
    named: Vec<Verifier>,
    elsewhere: &[LedgerCheckpoint],
) -> Result<FileProof, Stopped> {
    let (mut keys, mut texts) = (named, Vec::new());
    let are_named = !keys.is_empty();
    each(path, |n, line| -> Result<(), UnreadLedger> {
        match line {
            LedgerLine::Keys(own) if !are_named => keys.extend(own),
            LedgerLine::Checkpoint(jws) => texts.push((n, jws)),
            LedgerLine::Keys(_) | LedgerLine::Entry(_) => {}
        }
        Ok(())
    })?;
    if keys.is_empty() {
        return Err(UnreadLedger::NoKeys.into());
    }
    let mut checkpoints = elsewhere.to_vec();
    for (n, text) in texts {
        let checkpoint = jws::checkpoint(&text, &keys);
        checkpoints.push(checkpoint.map_err(|error| UnreadLedger::Checkpoint(n, error))?);
    }
    let mut check = LedgerCheck::against(&checkpoints)?;
    each(path, |_, line| -> Result<(), Stopped> {
        match line {
            LedgerLine::Entry(entry) => Ok(check.check(&entry)?),
            LedgerLine::Keys(_) | LedgerLine::Checkpoint(_) => Ok(()),
        }
    })?;
    Ok(FileProof { chain: check.end()?, checkpoints: checkpoints.len() as u64 })
}

/// Why an export broke off.
#[derive(Debug, thiserror::Error)]
pub enum ExportBroken {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Who takes the lines takes no more.
    #[error(transparent)]
    Taken(#[from] io::Error),
}

/// Exports the ledger, line by line. `keys` is the published set, as JSON.
pub async fn export(
    db: &Db,
    keys: &Value,
    mut take: impl FnMut(String) -> io::Result<()>,
) -> Result<(), ExportBroken> {
    take(keys.to_string())?;
    let mut after = 0;
    loop {
        let some = ledger::checkpoints(db, after, BATCH).await?;
        let Some(last) = some.last() else { break };
        after = last.checkpoint.seq;
        for signed in &some {
            take(json!({ "checkpoint": signed.jws }).to_string())?;
        }
    }
    after = 0;
    loop {
        let entries = ledger::entries(db, after, BATCH).await?;
        let Some(last) = entries.last() else { return Ok(()) };
        after = last.seq;
        for entry in &entries {
            take(json!(entry).to_string())?;
        }
    }
}
