//! The decision on a read. The consent is the authority, not the token: a token only points at it, and what
//! is taken back counts at once for tokens that were issued before.

use super::category::ExcludedCategories;
use super::record::{ConsentRecord, GrantId};
use super::scope::OAuthScopes;
use super::status::ConsentStatus;
use crate::kernel::Micros;
use crate::kernel::id::AppId;
use std::time::Duration;

/// For how long what a node knows may be used, where the settings say nothing.
pub const STALE_AFTER: Duration = Duration::from_secs(2);

/// What a node keeps of a consent to decide on reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConsentHead {
    /// The program that it was given to.
    pub client: AppId,
    /// The version that counts.
    pub version: u32,
    /// How it stands.
    pub status: ConsentStatus,
    /// What it allows.
    pub scopes: OAuthScopes,
    /// What is left out of what it allows.
    pub excluded: ExcludedCategories,
    /// Nothing from before this is handed over.
    pub history_from: Option<Micros>,
    /// From when on.
    pub starts_at: Micros,
    /// Until when, exclusive.
    pub expires_at: Micros,
}

impl From<&ConsentRecord> for ConsentHead {
    fn from(record: &ConsentRecord) -> Self {
        let details = &record.data.authorization_details;
        Self {
            client: record.parties.client_id,
            version: record.version,
            status: record.status,
            scopes: record.data.scopes,
            excluded: details.exclude_categories,
            history_from: record.data.history_from,
            starts_at: record.validity.starts_at,
            expires_at: record.validity.expires_at,
        }
    }
}

/// What a node knows of a consent, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownConsent {
    /// The consent; `None` where there is none.
    pub head: Option<ConsentHead>,
    /// When it was last certain that there is nothing newer; `None` where it never was.
    pub confirmed_at: Option<Micros>,
}

/// How a customer's account stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CustomerStanding {
    /// It can be used.
    Open,
    /// It cannot: it is blocked or closed, or its holder too young or dead.
    Barred,
}

/// How a partner's program stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientStanding {
    /// It can be used.
    Registered,
    /// It is suspended.
    Suspended,
}

/// A read that is to be decided on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConsentRead {
    /// The program that the token was issued to.
    pub client: AppId,
    /// How it stands.
    pub client_standing: ClientStanding,
    /// What it may ever be given.
    pub client_scopes: OAuthScopes,
    /// How the customer stands.
    pub customer: CustomerStanding,
    /// The consent that the token points at.
    pub grant_id: GrantId,
    /// The version of it that the token was issued for.
    pub token_version: u32,
    /// What the token says.
    pub token_scopes: OAuthScopes,
    /// What the read needs.
    pub needs: OAuthScopes,
}

/// What may be handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConsentedRead {
    /// The consent and its version: what is kept of the answer is kept under both.
    pub grant_id: GrantId,
    /// The version.
    pub version: u32,
    /// The fields of these scopes and no others.
    pub scopes: OAuthScopes,
    /// Without these categories, in lines and in totals.
    pub excluded: ExcludedCategories,
    /// And nothing from before this.
    pub history_from: Option<Micros>,
}

/// Which of the three withholds a scope; the first of them where several do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WithheldBy {
    /// The token.
    Token,
    /// The customer.
    Consent,
    /// The partner's program may not have it.
    Client,
}

/// Why nothing is handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReadRefused {
    /// What the node knows is too old, or older than the token: it cannot know.
    #[error("how the consent stands cannot be known now")]
    Unknown,
    /// There is no such consent, or it is another program's.
    #[error("there is no such consent")]
    NoConsent,
    /// It has ended, or was never given.
    #[error("the consent is {0}")]
    Status(ConsentStatus),
    /// It does not hold yet.
    #[error("the consent does not hold yet")]
    NotYet,
    /// Its time is over.
    #[error("the time of the consent is over")]
    Over,
    /// The customer's account cannot be used.
    #[error("the customer's account cannot be used")]
    Customer,
    /// The partner's program is suspended.
    #[error("the client is suspended")]
    Client,
    /// Scopes are missing.
    #[error("{missing} are missing")]
    Scopes {
        /// Which.
        missing: OAuthScopes,
        /// Who withholds them.
        by: WithheldBy,
    },
}

/// What a partner is told of a refusal: no more than this. It cannot tell a consent that has ended from one
/// that never was, nor a customer who is blocked from one who is too young.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadAnswer {
    /// 503 with `Retry-After: 1`: nothing is handed out on what cannot be known.
    Unavailable,
    /// 401 `invalid_token` (RFC 6750 §3.1).
    InvalidToken,
    /// 403 `insufficient_scope` with what the read needs (RFC 6750 §3.1).
    InsufficientScope(OAuthScopes),
}

impl ConsentRead {
    /// Whether the read may be answered, and with what.
    pub fn decide(
        &self,
        known: &KnownConsent,
        stale_after: Duration,
        now: Micros,
    ) -> Result<ConsentedRead, ReadRefused> {
        // A clock that was set back makes what is known as doubtful as one that was set forward.
        let age = known.confirmed_at.map(|at| Duration::from_micros(now.0.abs_diff(at.0)));
        if age.is_none_or(|age| age > stale_after) {
            return Err(ReadRefused::Unknown);
        }
        let head = known.head.filter(|head| head.client == self.client);
        let head = head.ok_or(ReadRefused::NoConsent)?;
        if self.token_version > head.version {
            // The token was issued by a node that knows more.
            return Err(ReadRefused::Unknown);
        }
        if head.status != ConsentStatus::Active {
            return Err(ReadRefused::Status(head.status));
        }
        if now < head.starts_at {
            return Err(ReadRefused::NotYet);
        }
        if now >= head.expires_at {
            return Err(ReadRefused::Over);
        }
        if self.customer == CustomerStanding::Barred {
            return Err(ReadRefused::Customer);
        }
        if self.client_standing == ClientStanding::Suspended {
            return Err(ReadRefused::Client);
        }
        let sets = [
            (self.token_scopes, WithheldBy::Token),
            (head.scopes, WithheldBy::Consent),
            (self.client_scopes, WithheldBy::Client),
        ];
        for (held, by) in sets {
            let missing = self.needs.without(held);
            if !missing.is_empty() {
                return Err(ReadRefused::Scopes { missing, by });
            }
        }
        Ok(ConsentedRead {
            grant_id: self.grant_id,
            version: head.version,
            scopes: self.token_scopes.and(head.scopes).and(self.client_scopes),
            excluded: head.excluded,
            history_from: head.history_from,
        })
    }
}

impl ReadRefused {
    /// What the partner is told.
    #[must_use]
    pub fn answer(self, needs: OAuthScopes) -> ReadAnswer {
        match self {
            Self::Unknown => ReadAnswer::Unavailable,
            Self::Scopes { .. } => ReadAnswer::InsufficientScope(needs),
            Self::NoConsent
            | Self::Status(_)
            | Self::NotYet
            | Self::Over
            | Self::Customer
            | Self::Client => ReadAnswer::InvalidToken,
        }
    }
}
