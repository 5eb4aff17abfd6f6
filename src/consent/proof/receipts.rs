//! The signed receipt of a consent, as the customer's page and the API give it.

use super::jws::stored_receipt;
use super::signs::{SignsClaims, Unsigned};
use crate::consent::evidence::LedgerEntry;
use crate::consent::receipt::{NoReceipt, RECEIPT_TYP, receipt_claims};
use crate::consent::record::{ConsentRecord, GrantId};
use crate::consent::store::apply::put_receipt;
use crate::consent::store::read;
use crate::kernel::Micros;
use crate::storage::{Db, StoreError};

/// Why no receipt was given.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptRefused {
    /// There is no such consent, or no such version of it.
    #[error("there is no such consent")]
    Unknown,
    /// There is none of it.
    #[error(transparent)]
    None(#[from] NoReceipt),
    /// The key did not sign.
    #[error(transparent)]
    Unsigned(#[from] Unsigned),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The receipt of a version of a consent, of the one that counts where none is named. It is signed when it is first asked
/// for and kept; a version that has ended since has another, which says so. Whose consent it is, the caller has looked at.
pub async fn give(
    db: &Db,
    (signer, issuer): (&dyn SignsClaims, &str),
    (id, version): (GrantId, Option<u32>),
    now: Micros,
) -> Result<String, ReceiptRefused> {
    let history = read::history(db, id).await?.ok_or(ReceiptRefused::Unknown)?;
    let record = match version {
        None => history.versions.last(),
        Some(version) => history.versions.iter().find(|record| record.version == version),
    };
    let record = record.ok_or(ReceiptRefused::Unknown)?;
    let entry = proof_of(record, &history.entries)?;
    if let Some(kept) = kept(record, entry) {
        return Ok(kept.to_owned());
    }
    let claims = receipt_claims(record, entry, issuer, now)?;
    let jws = signer.jws(RECEIPT_TYP, &claims)?;
    let mut tx = db.begin().await?;
    let is_kept = put_receipt(&mut tx, id, record.version, &jws).await?;
    tx.commit().await?;
    // The customer was forgotten meanwhile: what was signed is given to nobody.
    if is_kept { Ok(jws) } else { Err(NoReceipt::Erased.into()) }
}

/// The entry that proves a version, the last one where there are several.
fn proof_of<'a>(
    record: &ConsentRecord,
    entries: &'a [LedgerEntry],
) -> Result<&'a LedgerEntry, NoReceipt> {
    if record.expression.is_none() {
        return Err(NoReceipt::NotGiven);
    }
    entries.iter().rev().find(|entry| entry.proves(record)).ok_or(NoReceipt::OtherEntry)
}

/// The receipt that is kept, if it is still that of this entry.
fn kept<'a>(record: &'a ConsentRecord, entry: &LedgerEntry) -> Option<&'a str> {
    let kept = record.receipt_jws.as_deref()?;
    let place = stored_receipt(kept)?.ledger;
    ((place.seq, place.entry_hash) == (entry.seq, entry.entry_hash)).then_some(kept)
}
