//! What comes of the moves of a consent.

use super::ending::Suspensions;
use super::record::{ConsentRecord, GrantId};
use super::status::ConsentStatus;
use super::subject::SubjectRef;
use crate::kernel::Micros;
use crate::kernel::word::{read_words, words};
use serde_json::{Map, Value};

words! {
    /// What has happened to a consent.
    pub enum ConsentEventKind {
        /// It was asked for.
        Requested = "requested",
        /// The customer agreed.
        Granted = "granted",
        /// The customer did not.
        Denied = "denied",
        /// The customer agreed anew.
        Renewed = "renewed",
        /// The customer took a part back.
        Narrowed = "narrowed",
        /// Another version stands in its place.
        Superseded = "superseded",
        /// It holds nothing for now.
        Suspended = "suspended",
        /// It holds again.
        Resumed = "resumed",
        /// Its tokens were revoked, and it holds on.
        TokensRevoked = "tokens_revoked",
        /// It was ended.
        Revoked = "revoked",
        /// Its time is over.
        Expired = "expired",
        /// The customer was forgotten.
        Erased = "erased",
        /// An answer was sent that the screen does not allow.
        Tampered = "tampered",
    }
}
read_words!(ConsentEventKind);

words! {
    /// Who did it.
    pub enum ConsentActor {
        /// The customer, or who speaks for them.
        Customer = "customer",
        /// The partner.
        Partner = "partner",
        /// The retailer.
        Retailer = "retailer",
        /// The program by itself.
        System = "system",
    }
}
read_words!(ConsentActor);

/// What is to be written into the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentEvent {
    /// The consent.
    pub grant_id: GrantId,
    /// Its version.
    pub version: u32,
    /// What has happened.
    pub kind: ConsentEventKind,
    /// Who did it.
    pub actor: ConsentActor,
    /// When.
    pub at: Micros,
    /// To whose consent.
    pub subject_ref: SubjectRef,
    /// What else is to be known.
    pub facts: Map<String, Value>,
}

/// How a consent stood when a move was made from it. The move is written only where it still stands so, and its customer
/// is not forgotten: the `WHERE` of the statement that writes it. Who has changed no row begins anew, from how it
/// stands now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConsentBasis {
    /// Its version.
    pub version: u32,
    /// Its state.
    pub status: ConsentStatus,
    /// What it was suspended for.
    pub suspended_for: Suspensions,
    /// Until when tokens were revoked.
    pub tokens_since: Option<Micros>,
}

/// What comes of a move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentChange {
    /// How it has to stand for the move to be written; `None` where it is to be new.
    pub from: Option<ConsentBasis>,
    /// The version that now counts.
    pub record: ConsentRecord,
    /// Earlier versions that are others now: the one that is superseded, or all of them where the customer is
    /// forgotten.
    pub earlier: Vec<ConsentRecord>,
    /// What the ledger is told, in this order; nothing where the consent holds as much as before.
    pub events: Vec<ConsentEvent>,
}
