//! A customer's consent to what a partner reads: asked, given, changed, proved, and decided on at each read.
//!
//! Nothing here but [`store`], [`follow`], [`proof`] and [`words`] does I/O: time and randomness are arguments, and each move of a consent gives
//! what the store is to keep and what the ledger is told. The consent is the authority for a read; a token only points at
//! it.

pub mod ask;
pub mod category;
pub mod change;
mod checks;
pub mod decide;
pub mod details;
pub mod ending;
pub mod evidence;
pub mod evidence_keys;
pub mod follow;
mod grant;
pub mod hash;
pub mod head;
pub mod jcs;
pub mod live;
mod memory;
pub mod name;
pub mod own;
pub mod proof;
pub mod purpose;
pub mod receipt;
pub mod record;
pub mod refused;
pub mod report;
pub mod scope;
pub mod settings;
pub mod standing;
pub mod status;
pub mod store;
pub mod subject;
#[cfg(test)]
mod tests;
pub mod uuid;
pub mod words;
