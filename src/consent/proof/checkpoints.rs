//! Signing the ledger as it stands.

use super::signs::{SignsClaims, Unsigned};
use crate::access::audit::{Break, Chain, Pin};
use crate::consent::evidence::{LedgerCheckpoint, LedgerEntry, checkpoint_due};
use crate::consent::store::ledger::{self, BATCH, SignedCheckpoint};
use crate::kernel::Micros;
use crate::storage::{Db, StoreError};
use serde_json::json;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// The file of a data directory in which what this node has signed is written down beside the database.
pub const FILE: &str = "consent-checkpoints";

/// Why there is no checkpoint where one is due.
#[derive(Debug, thiserror::Error)]
pub enum NoCheckpoint {
    /// The ledger is not what it was: nobody signs that.
    #[error("the ledger of consents is broken at {0}")]
    Broken(#[from] Break),
    /// The key did not sign.
    #[error(transparent)]
    Unsigned(#[from] Unsigned),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Signs the last entry where that is due; what was signed, if this node was the one that did. All entries behind the last
/// checkpoint are checked before, so that nothing is signed that was changed since it was written.
pub async fn sign_due(
    db: &Db,
    (signer, issuer): (&dyn SignsClaims, &str),
    now: Micros,
) -> Result<Option<SignedCheckpoint>, NoCheckpoint> {
    let covered = ledger::last_checkpoint(db).await?;
    let Some(last) = ledger::last(db).await? else { return Ok(None) };
    if !checkpoint_due(covered, last.seq, now) {
        return Ok(None);
    }
    let Some(newest) = checked_behind(db, covered.0).await? else { return Ok(None) };
    let checkpoint = LedgerCheckpoint::of(&newest, issuer, now);
    let jws = signer.jws(LedgerCheckpoint::TYP, &json!(checkpoint))?;
    let signed = SignedCheckpoint { checkpoint, jws };
    let mut tx = db.begin().await?;
    let is_new = ledger::put_checkpoint(&mut tx, &signed).await?;
    tx.commit().await?;
    Ok(is_new.then_some(signed))
}

/// The last entry behind a checkpoint, if all up to there go on from it; `None` where there is none.
async fn checked_behind(db: &Db, covered: i64) -> Result<Option<LedgerEntry>, NoCheckpoint> {
    let before = ledger::checkpoints(db, covered.saturating_sub(1), 1).await?;
    let mut chain = match before.first().filter(|before| before.checkpoint.seq == covered) {
        None => Chain::from_the_start(),
        Some(before) => {
            let text = format!("{covered}:{}", before.checkpoint.entry_hash);
            let pin: Pin =
                text.parse().map_err(|error| StoreError::corrupt("consent_checkpoints", error))?;
            Chain::behind(pin)
        }
    };
    let mut newest = None;
    loop {
        let entries = ledger::entries(db, chain.position, BATCH).await?;
        entries.iter().try_for_each(|entry| chain.check(entry))?;
        match entries.into_iter().next_back() {
            Some(entry) => newest = Some(entry),
            None => return Ok(newest),
        }
    }
}

/// Writes a checkpoint down in a file, a line each: who changes the database has not changed that.
pub fn write_down(file: &Path, signed: &SignedCheckpoint) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(file)?;
    file.write_all(format!("{}\n", signed.jws).as_bytes())?;
    file.sync_all()
}
