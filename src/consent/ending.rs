//! Why a consent has ended, or holds nothing for now.

use crate::kernel::Micros;
use crate::kernel::set::WordSet;
use crate::kernel::word::{read_words, words};
use serde::{Deserialize, Serialize};

words! {
    /// Who or what has ended a consent.
    pub enum EndedBy {
        /// The customer.
        Customer = "customer",
        /// The partner.
        Partner = "partner",
        /// The retailer.
        Retailer = "retailer",
        /// Its time is over.
        Expiry = "expiry",
        /// The customer is forgotten.
        Erasure = "erasure",
        /// It was no longer safe.
        Security = "security",
    }
}
read_words!(EndedBy);

words! {
    /// Why a consent has ended. A closed set: the ledger keeps it, so it says nothing of the person.
    pub enum EndReason {
        /// Who ended it wanted it so.
        Requested = "requested",
        /// It was not given: the customer did not agree, or the retailer did not let them.
        Denied = "denied",
        /// The customer agreed anew.
        Renewed = "renewed",
        /// The customer took a part of it back.
        Narrowed = "narrowed",
        /// The day is over until which it was given, or asked for.
        TimeOver = "time_over",
        /// The customer is forgotten.
        Erased = "erased",
        /// The customer's account is closed.
        AccountClosed = "account_closed",
        /// The partner's program is no longer registered.
        PartnerGone = "partner_gone",
        /// Its tokens were used by somebody else.
        Compromised = "compromised",
    }
}
read_words!(EndReason);

words! {
    /// Why a consent holds nothing for now. The partner is never told which.
    pub enum SuspendedFor {
        /// The customer's account is blocked.
        Blocked = "blocked",
        /// The customer is too young.
        Minor = "minor",
        /// The customer has died.
        Deceased = "deceased",
        /// The partner's program is suspended.
        Partner = "partner",
        /// Something is being looked into.
        Security = "security",
    }
}
read_words!(SuspendedFor);

/// All for which a consent is suspended: it holds again when nothing of it is left.
pub type Suspensions = WordSet<SuspendedFor>;

/// The end of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentEnd {
    /// When.
    pub ended_at: Micros,
    /// By whom.
    pub ended_by: EndedBy,
    /// Why.
    pub end_reason: EndReason,
}
