//! One version of a consent: all that ISO/IEC TS 27560 has a record say.

use super::category::SensitiveCategories;
use super::change::ConsentBasis;
use super::details::CustomerDataDetails;
use super::ending::{ConsentEnd, Suspensions};
use super::hash::Hash32;
use super::purpose::{InvalidDocument, LawfulBasis, NoticeDocument, NoticeLanguage, PurposeId};
use super::scope::OAuthScopes;
use super::status::ConsentStatus;
use super::subject::{KnownAs, SubjectRef};
use super::uuid::{InvalidUuid, Uuid4};
use crate::kernel::Micros;
use crate::kernel::id::{AppId, PartnerId};
use crate::kernel::word::{read_words, words};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::net::IpAddr;

/// The version of the record's own shape.
pub const SCHEMA_VERSION: u16 = 1;

words! {
    /// Who has pressed the button.
    pub enum ExpressedBy {
        /// The customer.
        Subject = "subject",
        /// Who speaks for them.
        Guardian = "guardian",
    }
}
read_words!(ExpressedBy);

/// A consent over all its versions. It says nothing of the customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GrantId(pub Uuid4);

impl GrantId {
    /// The id of 16 random bytes.
    #[must_use]
    pub fn from_random(bytes: [u8; 16]) -> Self {
        Self(Uuid4::from_random(bytes))
    }
}

impl std::str::FromStr for GrantId {
    type Err = InvalidUuid;

    fn from_str(text: &str) -> Result<Self, InvalidUuid> {
        text.parse().map(Self)
    }
}

impl std::fmt::Display for GrantId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// The customer and the partner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentParties {
    /// The customer.
    pub subject_ref: SubjectRef,
    /// The partner.
    pub partner_id: PartnerId,
    /// The partner's program: its OAuth client.
    pub client_id: AppId,
    /// The partner's name in its register.
    pub partner_legal_name: String,
    /// Where to reach the partner.
    pub partner_contact: String,
    /// Where the partner says what it does with data.
    pub partner_privacy_url: String,
    /// The retailer.
    pub controller: ConsentController,
}

/// The retailer, who answers for the data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentController {
    /// Its name.
    pub name: String,
    /// Its postal address.
    pub address: String,
    /// Where to reach it.
    pub contact: String,
}

/// What data is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentPurpose {
    /// Its name.
    pub purpose_id: PurposeId,
    /// Its IRI in the Data Privacy Vocabulary.
    pub purpose_code: String,
    /// The address of the document with its words.
    pub purpose_text_hash: Hash32,
    /// Its lawful basis.
    pub legal_basis: LawfulBasis,
    /// The partner's service that it is a part of.
    pub service: String,
}

/// What is handed over: asked for while the consent is pending, agreed to from then on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentData {
    /// All scopes.
    pub scopes: OAuthScopes,
    /// Those that the purpose cannot do without.
    pub required: OAuthScopes,
    /// Categories that are left out, months of history, access, days and the partner's retention. It has no
    /// datatype where nothing is read.
    pub authorization_details: CustomerDataDetails,
    /// Sensitive categories that the customer has ticked in; none while it is pending.
    pub let_in: SensitiveCategories,
    /// Nothing from before this is handed over; `None` while it is pending.
    pub history_from: Option<Micros>,
}

/// Where and how data is kept, and how to stop it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentConditions {
    /// Whether the partner deletes the data when the consent ends.
    pub deletion_on_withdrawal: bool,
    /// Country whose law governs it (ISO 3166-1).
    pub jurisdiction: String,
    /// Countries to which data goes (ISO 3166-1).
    pub transfer_countries: Vec<String>,
    /// Where the customer's rights are told and used.
    pub rights_url: String,
    /// Where the consent is ended.
    pub withdrawal_url: String,
}

/// What the customer was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownNotice {
    /// Its name.
    pub notice_id: String,
    /// Its version.
    pub notice_version: u32,
    /// Its address.
    pub notice_hash: Hash32,
    /// The language in which it was shown.
    pub notice_lang: NoticeLanguage,
}

impl ShownNotice {
    /// What is kept of a document that is shown in a language.
    pub fn of(shown: &NoticeDocument, language: NoticeLanguage) -> Result<Self, InvalidDocument> {
        Ok(Self {
            notice_hash: shown.address()?,
            notice_id: shown.notice_id.clone(),
            notice_version: shown.version,
            notice_lang: language,
        })
    }
}

/// How the customer has said yes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentExpression {
    /// SHA-256 of the page, with the customer's own values blanked: no hash of personal data is kept.
    pub screen_hash: Hash32,
    /// Who.
    pub expressed_by: ExpressedBy,
    /// By what: `button:allow`.
    pub expression_method: String,
    /// When they had logged in; `None` once they are forgotten.
    pub auth_time: Option<Micros>,
    /// How they had logged in (OpenID Connect Core §2).
    pub acr: Option<String>,
    /// The network that they came from, without the part that names a device.
    pub ip_prefix: Option<String>,
    /// The family of their browser.
    pub ua_family: Option<String>,
}

/// When a consent holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentValidity {
    /// When the customer agreed; `None` before.
    pub granted_at: Option<Micros>,
    /// From when on; while it is pending, since when it is asked for.
    pub starts_at: Micros,
    /// Until when, exclusive; while it is pending, until when it can be answered.
    pub expires_at: Micros,
    /// When the customer is to be reminded of it; `None` where it ends before.
    pub reminder_at: Option<Micros>,
}

/// One version of a consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentRecord {
    /// The version of this shape.
    pub schema_version: u16,
    /// The consent.
    pub grant_id: GrantId,
    /// The version, from 1 on.
    pub version: u32,
    /// The version in whose place it stands.
    pub supersedes: Option<u32>,
    /// How it stands.
    pub status: ConsentStatus,
    /// Why it is suspended; nothing where it is not.
    pub suspended_for: Suspensions,
    /// Tokens that were issued until then are revoked.
    pub tokens_since: Option<Micros>,
    /// Between whom.
    pub parties: ConsentParties,
    /// The customer, as the partner knows them.
    pub known_as: KnownAs,
    /// What for.
    pub purpose: ConsentPurpose,
    /// What.
    pub data: ConsentData,
    /// On which conditions.
    pub conditions: ConsentConditions,
    /// What was told before.
    pub notice: ShownNotice,
    /// How it was given; `None` where it was not.
    pub expression: Option<ConsentExpression>,
    /// When it holds.
    pub validity: ConsentValidity,
    /// How it ended; `None` where it has not.
    pub end: Option<ConsentEnd>,
    /// The signed receipt; `None` before it is signed, and once the customer is forgotten.
    pub receipt_jws: Option<String>,
}

impl ConsentRecord {
    /// The record's id: consent and version.
    #[must_use]
    pub fn consent_id(&self) -> String {
        format!("{}.{}", self.grant_id, self.version)
    }

    /// How it stands, for a move from it.
    #[must_use]
    pub fn basis(&self) -> ConsentBasis {
        let Self { version, status, suspended_for, tokens_since, .. } = *self;
        ConsentBasis { version, status, suspended_for, tokens_since }
    }

    /// The record without what leads to the customer. What the ledger holds of it does not change.
    pub(super) fn forgotten(&self, now: Micros) -> Self {
        let mut record = self.clone();
        record.known_as = KnownAs::Erased(now);
        record.receipt_jws = None;
        if let Some(expression) = &mut record.expression {
            expression.auth_time = None;
            expression.ip_prefix = None;
            expression.ua_family = None;
        }
        record
    }

    /// What the ledger keeps of the record: all that proves it, and nothing that leads to the customer once
    /// the key of their reference is gone.
    #[must_use]
    pub fn evidence(&self) -> Value {
        let expression = self.expression.as_ref().map(|it| {
            json!({
                "consent_type": "explicit",
                "screen_hash": it.screen_hash,
                "expressed_by": it.expressed_by,
                "expression_method": it.expression_method,
                "acr": it.acr,
            })
        });
        json!({
            "schema_version": self.schema_version,
            "supersedes": self.supersedes,
            "recipient": {
                "partner_id": self.parties.partner_id,
                "client_id": self.parties.client_id,
                "partner_legal_name": self.parties.partner_legal_name,
                "partner_privacy_url": self.parties.partner_privacy_url,
            },
            "controller": self.parties.controller,
            "purpose": self.purpose,
            "data": self.data,
            "conditions": self.conditions,
            "notice": self.notice,
            "expression": expression,
            "validity": self.validity,
        })
    }
}

/// The network of an address: 24 bits of IPv4, 48 of IPv6.
#[must_use]
pub fn ip_prefix(address: IpAddr) -> String {
    let address = address.to_canonical();
    let bits = if address.is_ipv4() { 24 } else { 48 };
    ipnet::IpNet::new(address, bits).map_or_else(|_| String::new(), |net| net.trunc().to_string())
}
