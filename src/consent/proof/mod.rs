//! The proof of what customers have agreed to: checkpoints of the ledger, receipts, and the check of all of it.
//!
//! Whoever can write to the database could make the whole chain anew, but not sign it: every minute in which something has
//! happened one node signs place and hash of the last entry ([`checkpoints`]), writes that down beside the database, too, and
//! publishes it. A receipt ([`receipts`]) is signed by the same keys. The check ([`verify`] of a database, [`mod@file`] of an
//! export) needs nothing but the public keys; of a ledger that is not what it was it names the first entry that is at fault.

pub mod checkpoints;
pub mod file;
pub mod jws;
pub mod receipts;
pub mod signs;
pub mod store;
pub mod verify;
