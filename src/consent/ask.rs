//! What a customer is asked, what they answer, and what others want of a consent.

use super::category::SensitiveCategories;
use super::details::CustomerDataDetails;
use super::ending::{EndReason, EndedBy};
use super::purpose::{NoticeDocument, NoticeLanguage, PurposeDocument};
use super::record::{ConsentConditions, ConsentExpression, ConsentParties};
use super::scope::OAuthScopes;
use super::settings::ConsentSettings;
use super::standing::ConsentClient;
use super::subject::PairwiseSub;
use crate::kernel::word::words;

/// What a request cannot go beyond.
#[derive(Debug, Clone, Copy)]
pub struct ConsentCeiling<'a> {
    /// The purpose that it names.
    pub purpose: &'a PurposeDocument,
    /// The partner's program.
    pub client: ConsentClient,
    /// The retailer's settings.
    pub settings: ConsentSettings,
}

/// What a partner asks a customer for, as the screen shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentAsked {
    /// Between whom.
    pub parties: ConsentParties,
    /// The customer, as the partner knows them.
    pub sub: PairwiseSub,
    /// The partner's service.
    pub service: String,
    /// All scopes; those of the details count with them.
    pub scopes: OAuthScopes,
    /// The details.
    pub details: CustomerDataDetails,
    /// On which conditions.
    pub conditions: ConsentConditions,
    /// The notice that is shown.
    pub notice: NoticeDocument,
    /// The language in which it is shown.
    pub notice_lang: NoticeLanguage,
}

/// What the customer has answered on the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentApproval {
    /// The scopes that they ticked.
    pub scopes: OAuthScopes,
    /// Those of special categories whose own tick they set.
    pub explicit: OAuthScopes,
    /// The sensitive categories of goods that they ticked in, each by a tick of its own that nobody has set for them.
    pub let_in: SensitiveCategories,
    /// Whether they have logged in as strongly as the strongest of what they ticked asks for.
    pub stepped_up: bool,
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
    pub exclude: SensitiveCategories,
}

words! {
    /// Why the retailer ends a consent.
    pub enum RevokedFor {
        /// The retailer wants it so.
        Requested = "requested",
        /// The customer's account is closed.
        AccountClosed = "account_closed",
        /// The partner's program is no longer registered.
        PartnerGone = "partner_gone",
        /// Its tokens were used by somebody else.
        Compromised = "compromised",
    }
}

impl RevokedFor {
    /// Who has ended it then, and why.
    pub(super) fn ending(self) -> (EndedBy, EndReason) {
        match self {
            Self::Requested => (EndedBy::Retailer, EndReason::Requested),
            Self::AccountClosed => (EndedBy::Retailer, EndReason::AccountClosed),
            Self::PartnerGone => (EndedBy::Retailer, EndReason::PartnerGone),
            Self::Compromised => (EndedBy::Security, EndReason::Compromised),
        }
    }
}

words! {
    /// Why the tokens of a consent are revoked that holds on, where the partner does not want it.
    pub enum TokensRevokedFor {
        /// The customer has logged out where that ends tokens.
        Logout = "logout",
        /// They were used by somebody else.
        Compromised = "compromised",
    }
}
