//! Purposes and notices as the operations on them take and answer them.

use crate::consent::category::SensitiveCategories;
use crate::consent::hash::Hash32;
use crate::consent::purpose::{
    LawfulBasis, NoticeDocument, NoticeText, PurposeDocument, PurposeId,
};
use crate::consent::scope::OAuthScopes;
use crate::consent::store::withdrawn::WithdrawnWords;
use crate::consent::words::KeptWords;
use crate::kernel::Micros;
use crate::kernel::id::AppId;
use serde::{Deserialize, Serialize};

/// A text in all languages.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WordsIn {
    /// In French.
    #[schema(min_length = 1, max_length = 10000, example = "Suivre vos dépenses mois par mois")]
    fr: String,
    /// In English.
    #[schema(
        min_length = 1,
        max_length = 10000,
        example = "Follow what you spend, month by month"
    )]
    en: String,
}

impl From<WordsIn> for NoticeText {
    fn from(words: WordsIn) -> Self {
        Self { fr: words.fr, en: words.en }
    }
}

/// A text in all languages, as it was published.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct WordsOut {
    /// In French.
    #[schema(example = "Suivre vos dépenses mois par mois")]
    fr: String,
    /// In English.
    #[schema(example = "Follow what you spend, month by month")]
    en: String,
}

impl From<NoticeText> for WordsOut {
    fn from(text: NoticeText) -> Self {
        Self { fr: text.fr, en: text.en }
    }
}

/// A purpose to publish.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PurposeIn {
    /// Its name among those of the app: small letters, digits and hyphens; versions of it have the same.
    #[schema(value_type = String, min_length = 1, max_length = 64, example = "budget-coach")]
    purpose_id: PurposeId,
    /// IRI of the purpose in the Data Privacy Vocabulary.
    #[schema(max_length = 200, example = "https://w3id.org/dpv#ServicePersonalisation")]
    code: String,
    /// What it is, in plain words.
    text: WordsIn,
    /// `gdpr-6-1-a`, `gdpr-9-2-a` or `gdpr-20`.
    #[schema(value_type = String, example = "gdpr-6-1-a")]
    legal_basis: LawfulBasis,
    /// The scopes of customers that it may ask for.
    #[schema(value_type = Vec<String>, min_items = 1, example = json!(["customer.purchases.summary:read"]))]
    scopes: OAuthScopes,
    /// Categories of goods that it may ask the customer to let in, which are left out otherwise.
    #[serde(default)]
    #[schema(value_type = Vec<String>, example = json!([]))]
    categories: SensitiveCategories,
    /// What it cannot do without of the scopes.
    #[serde(default)]
    #[schema(value_type = Vec<String>, example = json!(["customer.purchases.summary:read"]))]
    required: OAuthScopes,
    /// Months before the consent whose data it may ask for, at most.
    #[schema(minimum = 0, maximum = 120, example = 12)]
    max_history_months: u16,
    /// Days for which the partner keeps the data, at most.
    #[schema(minimum = 0, maximum = 3650, example = 30)]
    retention_days: u16,
    /// Days for which a consent lasts, at most.
    #[schema(minimum = 1, maximum = 365, example = 90)]
    max_duration_days: u16,
}

impl PurposeIn {
    pub(super) fn of(self, client_id: AppId) -> PurposeDocument {
        PurposeDocument {
            purpose_id: self.purpose_id,
            client_id,
            code: self.code,
            text: self.text.into(),
            legal_basis: self.legal_basis,
            scopes: self.scopes,
            categories: self.categories,
            required: self.required,
            max_history_months: self.max_history_months,
            retention_days: self.retention_days,
            max_duration_days: self.max_duration_days,
        }
    }
}

/// By whom words were withdrawn, and why.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct WordsWithdrawalOut {
    /// By whom.
    #[schema(example = "acc_4kPz09aBcDe")]
    by: String,
    /// When.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T10:02:11Z")]
    at: Micros,
    /// Why.
    #[schema(example = "The partner has stopped this service")]
    reason: String,
}

impl From<WithdrawnWords> for WordsWithdrawalOut {
    fn from(WithdrawnWords { by, at, reason, .. }: WithdrawnWords) -> Self {
        Self { by, at, reason }
    }
}

/// A version of a purpose.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct PurposeOut {
    /// Its name among those of the app.
    #[schema(value_type = String, example = "budget-coach")]
    purpose_id: PurposeId,
    /// The app.
    #[schema(value_type = String, example = "app_7nRy25kLmNo")]
    app_id: AppId,
    /// The number of the version, from 1 on.
    #[schema(minimum = 1, example = 1)]
    version: u32,
    /// SHA-256 of the document in canonical JSON (RFC 8785): consents name the words by it.
    #[schema(value_type = String, example = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae")]
    hash: Hash32,
    /// When it was published.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    published_at: Micros,
    /// By whom it was withdrawn; null where it is not.
    #[schema(required = true)]
    withdrawn: Option<WordsWithdrawalOut>,
    /// IRI of the purpose in the Data Privacy Vocabulary.
    #[schema(example = "https://w3id.org/dpv#ServicePersonalisation")]
    code: String,
    /// What it is, in plain words.
    text: WordsOut,
    /// `gdpr-6-1-a`, `gdpr-9-2-a` or `gdpr-20`.
    #[schema(value_type = String, example = "gdpr-6-1-a")]
    legal_basis: LawfulBasis,
    /// The scopes of customers that it may ask for.
    #[schema(value_type = Vec<String>, example = json!(["customer.purchases.summary:read"]))]
    scopes: OAuthScopes,
    /// Categories of goods that it may ask the customer to let in.
    #[schema(value_type = Vec<String>, example = json!([]))]
    categories: SensitiveCategories,
    /// What it cannot do without.
    #[schema(value_type = Vec<String>, example = json!(["customer.purchases.summary:read"]))]
    required: OAuthScopes,
    /// Months before the consent whose data it may ask for, at most.
    #[schema(example = 12)]
    max_history_months: u16,
    /// Days for which the partner keeps the data, at most.
    #[schema(example = 30)]
    retention_days: u16,
    /// Days for which a consent lasts, at most.
    #[schema(example = 90)]
    max_duration_days: u16,
}

impl From<KeptWords<PurposeDocument>> for PurposeOut {
    fn from(KeptWords { published, withdrawn }: KeptWords<PurposeDocument>) -> Self {
        let document = published.document;
        Self {
            purpose_id: document.purpose_id,
            app_id: document.client_id,
            version: published.version,
            hash: published.hash,
            published_at: published.made_at,
            withdrawn: withdrawn.map(WordsWithdrawalOut::from),
            code: document.code,
            text: document.text.into(),
            legal_basis: document.legal_basis,
            scopes: document.scopes,
            categories: document.categories,
            required: document.required,
            max_history_months: document.max_history_months,
            retention_days: document.retention_days,
            max_duration_days: document.max_duration_days,
        }
    }
}

/// The purposes of an app.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct PurposesOut {
    /// All versions of all of them, by their names and numbers.
    pub(super) items: Vec<PurposeOut>,
}

/// A notice to publish.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NoticeIn {
    /// Its name: small letters, digits and hyphens; versions of it have the same.
    #[schema(min_length = 1, max_length = 64, example = "sharing")]
    notice_id: String,
    /// The number of the version: the one behind the last.
    #[schema(minimum = 1, example = 1)]
    version: u32,
    /// Its title.
    title: WordsIn,
    /// Its text.
    text: WordsIn,
}

/// A version of a notice.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct NoticeOut {
    /// Its name.
    #[schema(example = "sharing")]
    notice_id: String,
    /// The number of the version, from 1 on.
    #[schema(minimum = 1, example = 1)]
    version: u32,
    /// SHA-256 of the document in canonical JSON (RFC 8785): consents name the words by it.
    #[schema(value_type = String, example = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae")]
    hash: Hash32,
    /// When it was published.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    published_at: Micros,
    /// By whom it was withdrawn; null where it is not.
    #[schema(required = true)]
    withdrawn: Option<WordsWithdrawalOut>,
    /// Its title.
    title: WordsOut,
    /// Its text.
    text: WordsOut,
}

impl From<NoticeIn> for NoticeDocument {
    fn from(NoticeIn { notice_id, version, title, text }: NoticeIn) -> Self {
        Self { notice_id, version, title: title.into(), text: text.into() }
    }
}

impl From<KeptWords<NoticeDocument>> for NoticeOut {
    fn from(KeptWords { published, withdrawn }: KeptWords<NoticeDocument>) -> Self {
        let document = published.document;
        Self {
            notice_id: document.notice_id,
            version: published.version,
            hash: published.hash,
            published_at: published.made_at,
            withdrawn: withdrawn.map(WordsWithdrawalOut::from),
            title: document.title.into(),
            text: document.text.into(),
        }
    }
}

/// The notices.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct NoticesOut {
    /// All versions of all of them, by their names and numbers.
    pub(super) items: Vec<NoticeOut>,
}
