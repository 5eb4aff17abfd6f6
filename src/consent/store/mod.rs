//! All SQL of consents: who customers are to the ledger, their consents, the words of these, and the ledger.
//!
//! A move is written as a whole or not at all: the consent as it then stands, its versions, and what the ledger is told,
//! in one transaction that holds the log of consents from its first statement on. Under that lock the row of a consent is
//! changed only where it stands as the move says it was made from, so of two moves from one version one is refused, with
//! nothing written. The chain has no forks for the same reason. What else a transaction locks it locks before.
//!
//! The place in the ledger is the place in the feed, too: nodes read the heads behind the place that they know
//! ([`heads::behind`]), and whatever was written in between is there, since places are taken in the order of the commits.

pub mod apply;
pub mod documents;
pub mod erase;
pub mod heads;
pub mod ledger;
pub mod read;
mod row;
pub mod subjects;
pub mod withdrawn;

use super::jcs::NotCanonical;
use crate::storage::{Log, StoreError, Tx, advance};

const CONSENTS: &str = "consents";
const VERSIONS: &str = "consent_versions";

/// Why something of a consent was not written; then nothing of it was, and the transaction can go on.
#[derive(Debug, thiserror::Error)]
pub enum NotWritten {
    /// The consent stands otherwise than where the move was made from: look at it again, and make another.
    #[error("the consent has changed since it was looked at")]
    Moved,
    /// The customer is forgotten, or nothing was ever asked of them.
    #[error("the customer is not known, or not any more")]
    Forgotten,
    /// What the ledger would be told has no canonical text.
    #[error(transparent)]
    NotCanonical(#[from] NotCanonical),
    /// The database failed. The transaction must be dropped.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Keeps the consents and their ledger from other writers until the end of the transaction. What is read of them behind
/// it stays as it is until then, so that a move that is made from it is not refused. [`apply::apply`] does it by itself.
pub async fn hold(tx: &mut Tx) -> Result<(), StoreError> {
    advance(tx, Log::Consent, 0).await?;
    Ok(())
}
