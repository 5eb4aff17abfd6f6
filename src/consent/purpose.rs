//! Purposes and notices: the words that a customer agrees to. A document never changes: its hash is its
//! address, and a consent that holds the hash proves the words.

use super::category::SensitiveCategories;
use super::hash::Hash32;
use super::jcs::NotCanonical;
use super::scope::OAuthScopes;
pub use crate::config::CONSENT_DAYS_MOST as DAYS_MOST;
use crate::kernel::id::AppId;
use crate::kernel::word::{read_words, words};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Longest time for which a partner may say that it keeps data, in days: 10 years.
pub const RETENTION_MOST: u16 = 3_650;
/// Longest history that may be asked for, in months: 10 years.
pub const HISTORY_MOST: u16 = 120;
/// Longest text of a document in one language, in characters.
const TEXT_MOST: usize = 10_000;

words! {
    /// A language that all documents have.
    pub enum NoticeLanguage {
        /// French.
        Fr = "fr",
        /// English.
        En = "en",
    }
}
read_words!(NoticeLanguage);

/// A text in all languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoticeText {
    /// In French.
    pub fr: String,
    /// In English.
    pub en: String,
}

impl NoticeText {
    /// The text in a language.
    #[must_use]
    pub fn in_language(&self, language: NoticeLanguage) -> &str {
        match language {
            NoticeLanguage::Fr => &self.fr,
            NoticeLanguage::En => &self.en,
        }
    }

    fn check(&self) -> Result<(), InvalidDocument> {
        let is_text = |text: &str| !text.trim().is_empty() && text.chars().count() <= TEXT_MOST;
        if is_text(&self.fr) && is_text(&self.en) { Ok(()) } else { Err(InvalidDocument::Text) }
    }
}

/// The lawful basis of handing data over (Regulation (EU) 2016/679).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LawfulBasis {
    /// Consent.
    #[serde(rename = "gdpr-6-1-a")]
    Consent,
    /// Explicit consent to special categories.
    #[serde(rename = "gdpr-9-2-a")]
    ExplicitConsent,
    /// The customer takes the data along.
    #[serde(rename = "gdpr-20")]
    Portability,
}

/// The retailer's or partner's short name of a purpose: small letters, digits and hyphens, at most 64.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PurposeId(String);

/// The text names no purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 64 small letters, digits and hyphens")]
pub struct InvalidPurposeId;

impl PurposeId {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PurposeId {
    type Err = InvalidPurposeId;

    fn from_str(text: &str) -> Result<Self, InvalidPurposeId> {
        let may_stand = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-');
        let is_name = (1..=64).contains(&text.len()) && text.bytes().all(may_stand);
        if is_name { Ok(Self(text.to_owned())) } else { Err(InvalidPurposeId) }
    }
}

impl TryFrom<String> for PurposeId {
    type Error = InvalidPurposeId;

    fn try_from(text: String) -> Result<Self, InvalidPurposeId> {
        text.parse()
    }
}

impl From<PurposeId> for String {
    fn from(id: PurposeId) -> Self {
        id.0
    }
}

impl fmt::Display for PurposeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a document cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDocument {
    /// A text is missing in a language, or longer than 10 000 characters.
    #[error("each text must be there in fr and en, with at most 10000 characters")]
    Text,
    /// Scopes that no customer gives.
    #[error("a purpose has scopes that customers give, at least one")]
    Scopes,
    /// A scope is needed that the purpose does not have.
    #[error("what a purpose needs must be among its scopes")]
    Required,
    /// Special categories are needed: their consent is free only where it can be left out.
    #[error("{0} must be optional")]
    SpecialRequired(OAuthScopes),
    /// Special categories on another basis.
    #[error("{0} need the legal basis gdpr-9-2-a")]
    Basis(OAuthScopes),
    /// Sensitive categories of goods on another basis.
    #[error("{0} need the legal basis gdpr-9-2-a")]
    CategoryBasis(SensitiveCategories),
    /// The code is no such IRI.
    #[error(
        "the code must be an IRI of the Data Privacy Vocabulary, such as https://w3id.org/dpv#ServicePersonalisation"
    )]
    Code,
    /// A number is out of its bounds.
    #[error(
        "a consent lasts 1 to 365 days, data is kept 0 to 3650 days and comes from 0 to 120 months before"
    )]
    Days,
    /// A version that there is not.
    #[error("versions are counted from 1 on")]
    Version,
    /// It has no hash.
    #[error(transparent)]
    NotCanonical(#[from] NotCanonical),
}

/// What data is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PurposeDocument {
    /// Its name; versions of it have the same.
    pub purpose_id: PurposeId,
    /// The partner's program that it is registered for: no other can name it.
    pub client_id: AppId,
    /// IRI of the purpose in the Data Privacy Vocabulary.
    pub code: String,
    /// What it is, in plain words.
    pub text: NoticeText,
    /// Its lawful basis.
    pub legal_basis: LawfulBasis,
    /// What it may ask for.
    pub scopes: OAuthScopes,
    /// The sensitive categories of goods that it may ask the customer to let in.
    pub categories: SensitiveCategories,
    /// What it cannot do without: the rows of the screen that are locked.
    pub required: OAuthScopes,
    /// Months before the consent whose data it may ask for, at most.
    pub max_history_months: u16,
    /// Days for which the partner keeps the data, at most.
    pub retention_days: u16,
    /// Days for which a consent lasts, at most.
    pub max_duration_days: u16,
}

impl PurposeDocument {
    /// Checks the document and gives its address.
    pub fn address(&self) -> Result<Hash32, InvalidDocument> {
        self.text.check()?;
        if self.scopes.is_empty() || self.scopes.of_customers() != self.scopes {
            return Err(InvalidDocument::Scopes);
        }
        if !self.required.within(self.scopes) {
            return Err(InvalidDocument::Required);
        }
        let special = self.scopes.special();
        if !special.and(self.required).is_empty() {
            return Err(InvalidDocument::SpecialRequired(special.and(self.required)));
        }
        if self.legal_basis != LawfulBasis::ExplicitConsent {
            if !special.is_empty() {
                return Err(InvalidDocument::Basis(special));
            }
            if !self.categories.is_empty() {
                return Err(InvalidDocument::CategoryBasis(self.categories));
            }
        }
        if !is_of_the_vocabulary(&self.code) {
            return Err(InvalidDocument::Code);
        }
        if !(1..=DAYS_MOST).contains(&self.max_duration_days)
            || self.retention_days > RETENTION_MOST
            || self.max_history_months > HISTORY_MOST
        {
            return Err(InvalidDocument::Days);
        }
        address(self)
    }
}

/// Whether a text is the IRI of a term of the Data Privacy Vocabulary or of one of its extensions.
fn is_of_the_vocabulary(iri: &str) -> bool {
    let Some((document, term)) = iri.split_once('#') else { return false };
    let extension = document.strip_prefix("https://w3id.org/dpv");
    let is_part = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    let is_document = |path: &str| {
        path.is_empty() || path.strip_prefix('/').is_some_and(|path| path.split('/').all(is_part))
    };
    extension.is_some_and(is_document) && is_part(term)
}

/// What a customer is told before they decide (GDPR Art. 13).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoticeDocument {
    /// Its name; versions of it have the same.
    pub notice_id: String,
    /// Its version, from 1 on.
    pub version: u32,
    /// Its title.
    pub title: NoticeText,
    /// Its text.
    pub text: NoticeText,
}

impl NoticeDocument {
    /// Checks the document and gives its address.
    pub fn address(&self) -> Result<Hash32, InvalidDocument> {
        if self.version == 0 {
            return Err(InvalidDocument::Version);
        }
        self.title.check()?;
        self.text.check()?;
        address(self)
    }
}

fn address(document: &impl Serialize) -> Result<Hash32, InvalidDocument> {
    let value = serde_json::to_value(document).map_err(|error| NotCanonical(error.to_string()))?;
    Ok(Hash32::of_json(&value)?)
}
