//! What a node keeps of a consent to decide by, and how it learns of what is newer.

use super::category::SensitiveCategories;
use super::details::AccessMode;
use super::record::{ConsentRecord, GrantId};
use super::scope::OAuthScopes;
use super::status::ConsentStatus;
use super::subject::PairwiseSub;
use crate::kernel::Micros;
use crate::kernel::id::AppId;

/// The version of a consent that counts, as far as tokens and reads go by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConsentHead {
    /// The consent.
    pub grant_id: GrantId,
    /// The program that it was given to.
    pub client: AppId,
    /// The customer, as the partner knows them; `None` once they are forgotten.
    pub sub: Option<PairwiseSub>,
    /// The place in the feed of what was written last: of two heads the one with the higher counts.
    pub seq: i64,
    /// The version.
    pub version: u32,
    /// How it stands.
    pub status: ConsentStatus,
    /// What it allows.
    pub scopes: OAuthScopes,
    /// What is left out of what it allows.
    pub excluded: SensitiveCategories,
    /// Sensitive categories that the customer has ticked in.
    pub let_in: SensitiveCategories,
    /// How often it allows it.
    pub access: AccessMode,
    /// Nothing from before this is handed over; `None` before the customer has agreed.
    pub history_from: Option<Micros>,
    /// From when on.
    pub starts_at: Micros,
    /// Until when, exclusive.
    pub expires_at: Micros,
    /// Tokens that were issued until then are revoked.
    pub tokens_since: Option<Micros>,
}

impl ConsentHead {
    /// The head of a consent whose current version this is, as it was written at a place of the feed.
    #[must_use]
    pub fn of(record: &ConsentRecord, seq: i64) -> Self {
        let details = &record.data.authorization_details;
        Self {
            grant_id: record.grant_id,
            client: record.parties.client_id,
            sub: record.known_as.sub(),
            seq,
            version: record.version,
            status: record.status,
            scopes: record.data.scopes,
            excluded: details.exclude_categories,
            let_in: record.data.let_in,
            access: details.access,
            history_from: record.data.history_from,
            starts_at: record.validity.starts_at,
            expires_at: record.validity.expires_at,
            tokens_since: record.tokens_since,
        }
    }
}

/// What a node knows of a consent, and since when. It begins with nothing, not even that there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KnownConsent {
    head: Option<ConsentHead>,
    confirmed_at: Option<Micros>,
}

impl KnownConsent {
    /// Takes what was read of the consent, if it is newer than what is known, and says whether it was. Feed and
    /// reads of the row come in any order, and more than once.
    pub fn apply(&mut self, head: ConsentHead) -> bool {
        let is_newer =
            self.head.is_none_or(|known| known.grant_id == head.grant_id && known.seq < head.seq);
        if is_newer {
            self.head = Some(head);
        }
        is_newer
    }

    /// It was certain then that there is nothing newer; where nothing was taken, that there is no such consent.
    pub fn confirm(&mut self, at: Micros) {
        self.confirmed_at = Some(at);
    }

    /// The consent; `None` where there is none, or none is known.
    #[must_use]
    pub fn head(&self) -> Option<&ConsentHead> {
        self.head.as_ref()
    }

    /// When it was last certain that there is nothing newer; `None` where it never was.
    #[must_use]
    pub fn confirmed_at(&self) -> Option<Micros> {
        self.confirmed_at
    }
}
