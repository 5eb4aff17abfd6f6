//! What is asked, answered and changed: the inputs of the moves of a consent, and what comes of them.

use super::category::ExcludedCategories;
use super::details::CustomerDataDetails;
use super::ending::{EndReason, EndedBy};
use super::purpose::{DAYS_MOST, InvalidDocument, PurposeDocument};
use super::record::{
    ConsentConditions, ConsentExpression, ConsentParties, ConsentRecord, GrantId, ShownNotice,
};
use super::scope::OAuthScopes;
use super::status::IllegalMove;
use super::subject::SubjectRef;
use crate::kernel::Micros;
use crate::kernel::word::{read_words, words};
use serde_json::{Map, Value};

/// For how long consents last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConsentLimits {
    /// Days where the customer does not say.
    pub default_days: u16,
    /// Days at most, whatever the purpose says.
    pub max_days: u16,
    /// Days after which the customer is reminded.
    pub reminder_days: u16,
}

impl Default for ConsentLimits {
    fn default() -> Self {
        Self { default_days: 90, max_days: DAYS_MOST, reminder_days: 90 }
    }
}

/// What a request cannot go beyond.
#[derive(Debug, Clone, Copy)]
pub struct ConsentCeiling<'a> {
    /// The purpose that it names.
    pub purpose: &'a PurposeDocument,
    /// What the partner's program may ever be given.
    pub client: OAuthScopes,
    /// For how long.
    pub limits: ConsentLimits,
}

/// What a partner asks a customer for, as the screen shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentAsked {
    /// Between whom.
    pub parties: ConsentParties,
    /// The partner's service.
    pub service: String,
    /// All scopes; those of the details count with them.
    pub scopes: OAuthScopes,
    /// The details.
    pub details: CustomerDataDetails,
    /// On which conditions.
    pub conditions: ConsentConditions,
    /// The notice that is shown.
    pub notice: ShownNotice,
}

/// What the customer has answered on the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentApproval {
    /// The scopes that they ticked.
    pub scopes: OAuthScopes,
    /// Those of special categories whose own tick they set.
    pub explicit: OAuthScopes,
    /// Whether they have logged in as strongly as the strongest of the scopes asks for.
    pub stepped_up: bool,
    /// The categories that they leave out.
    pub exclude: ExcludedCategories,
    /// Days that they chose; `None` for the default.
    pub duration_days: Option<u16>,
    /// How they have said it.
    pub expression: ConsentExpression,
}

/// What the customer takes back of a consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Narrowing {
    /// Scopes that are taken away.
    pub remove: OAuthScopes,
    /// Categories that are left out, too.
    pub exclude: ExcludedCategories,
}

words! {
    /// Who can end a consent by wanting it.
    pub enum Revoker {
        /// The customer.
        Customer = "customer",
        /// The partner.
        Partner = "partner",
        /// The retailer.
        Retailer = "retailer",
        /// The program, where the consent is no longer safe.
        Security = "security",
    }
}

impl From<Revoker> for EndedBy {
    fn from(revoker: Revoker) -> Self {
        match revoker {
            Revoker::Customer => Self::Customer,
            Revoker::Partner => Self::Partner,
            Revoker::Retailer => Self::Retailer,
            Revoker::Security => Self::Security,
        }
    }
}

/// The end of a consent, as somebody wants it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revocation {
    /// Who.
    pub by: Revoker,
    /// Why.
    pub reason: EndReason,
    /// Whether the partner is asked to delete what it has.
    pub delete_requested: bool,
}

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

/// What comes of a move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentChange {
    /// The version that now counts.
    pub record: ConsentRecord,
    /// The version that it supersedes.
    pub superseded: Option<ConsentRecord>,
    /// What the ledger is told, in this order.
    pub events: Vec<ConsentEvent>,
}

/// An answer that the screen cannot have given: it was made by something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Tampering {
    /// Scopes that were not asked for.
    #[error("{0} were not asked for")]
    Scopes(OAuthScopes),
    /// Without scopes whose rows are locked.
    #[error("{0} cannot be left out")]
    Required(OAuthScopes),
    /// Categories let in that were not asked for.
    #[error("{0} were not asked for")]
    Categories(ExcludedCategories),
    /// A duration that was not offered, in days.
    #[error("{0} days were not offered")]
    Duration(u16),
}

/// Why a consent does not change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeRefused {
    /// It cannot become what it would.
    #[error(transparent)]
    Move(#[from] IllegalMove),
    /// It is asked for what the partner's program or the purpose cannot have.
    #[error("{0} cannot be asked for by this client for this purpose")]
    Beyond(OAuthScopes),
    /// Nothing of a customer is asked for, or would be left.
    #[error("there is nothing of the customer in it")]
    Nothing,
    /// It is asked for longer than allowed.
    #[error("a consent to this purpose lasts at most {0} days")]
    TooLong(u16),
    /// The partner would keep data longer than the purpose says.
    #[error("data for this purpose is kept at most {0} days")]
    Retention(u16),
    /// The purpose is none that can be.
    #[error(transparent)]
    Purpose(#[from] InvalidDocument),
    /// It names another purpose.
    #[error("it is for another purpose")]
    OtherPurpose,
    /// It is between others.
    #[error("it is between others")]
    OtherParties,
    /// A refresh token for what is read once.
    #[error("offline_access is nothing for access that is given once")]
    OfflineOnce,
    /// The answer was not given on the screen.
    #[error(transparent)]
    Tampered(#[from] Tampering),
    /// A special category without its own tick.
    #[error("{0} need a tick of their own")]
    NotExplicit(OAuthScopes),
    /// The customer must log in more strongly first.
    #[error("{0} need a stronger login")]
    StepUp(OAuthScopes),
    /// Without these it would have no purpose: it can only be ended as a whole.
    #[error("{0} cannot be taken out: the consent can be ended")]
    Required(OAuthScopes),
    /// It would stay as it is.
    #[error("nothing is taken out")]
    NotNarrower,
    /// Its time is over.
    #[error("its time is over")]
    Over,
    /// Its time is not over yet.
    #[error("its time is not over yet")]
    NotOver,
    /// The customer is forgotten already.
    #[error("the customer is forgotten")]
    Erased,
}
