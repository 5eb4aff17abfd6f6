//! The decision on a read. The consent is the authority, not the token: a token only points at it, and what
//! is taken back counts at once for tokens that were issued before.

use super::category::SensitiveCategories;
use super::head::KnownConsent;
use super::live::{GrantPointer, LiveGrant};
use super::record::GrantId;
use super::scope::OAuthScopes;
use super::settings::ConsentSettings;
use super::standing::Standings;
use super::status::ConsentStatus;
use super::subject::PairwiseSub;
use crate::kernel::Micros;

/// A read that is to be decided on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConsentRead {
    /// The consent that the token points at.
    pub pointer: GrantPointer,
    /// When the token was issued, in seconds since 1970.
    pub issued_at: i64,
    /// What the token says.
    pub token_scopes: OAuthScopes,
    /// What the read needs.
    pub needs: OAuthScopes,
}

/// What may be handed over: what [`ConsentRead::decide`] has allowed, and nothing else makes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConsentedRead {
    grant_id: GrantId,
    version: u32,
    sub: PairwiseSub,
    scopes: OAuthScopes,
    excluded: SensitiveCategories,
    history_from: Micros,
}

impl ConsentedRead {
    /// The consent: what is kept of the answer is kept under it and its version.
    #[must_use]
    pub fn grant_id(&self) -> GrantId {
        self.grant_id
    }

    /// The version.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Of whom, as the partner knows them.
    #[must_use]
    pub fn sub(&self) -> &PairwiseSub {
        &self.sub
    }

    /// The fields of these scopes and no others.
    #[must_use]
    pub fn scopes(&self) -> OAuthScopes {
        self.scopes
    }

    /// Without these categories, in lines and in totals.
    #[must_use]
    pub fn excluded(&self) -> SensitiveCategories {
        self.excluded
    }

    /// And nothing from before this.
    #[must_use]
    pub fn history_from(&self) -> Micros {
        self.history_from
    }
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

/// Why nothing is handed over, or no consent is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReadRefused {
    /// What the node knows is too old, or older than the token: it cannot know.
    #[error("how the consent stands cannot be known now")]
    Unknown,
    /// There is no such consent, or it is another program's or another customer's.
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
    /// The token was revoked; the consent was not.
    #[error("the token was revoked")]
    Token,
    /// The read says of no scope of customers that it needs it: whatever it is, no customer has agreed to it.
    #[error("the read needs nothing that a customer could agree to")]
    NeedsNothing,
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
    /// Whether the read may be answered, and with what. Nothing else allows a read.
    pub fn decide(
        &self,
        known: &KnownConsent,
        standings: Standings,
        settings: ConsentSettings,
        now: Micros,
    ) -> Result<ConsentedRead, ReadRefused> {
        let grant = LiveGrant::of(known, self.pointer, standings, settings.stale_after(), now)?;
        if !grant.accepts(self.issued_at) {
            return Err(ReadRefused::Token);
        }
        if self.needs.of_customers().is_empty() {
            return Err(ReadRefused::NeedsNothing);
        }
        let head = grant.head();
        let sets = [
            (self.token_scopes, WithheldBy::Token),
            (head.scopes, WithheldBy::Consent),
            (standings.client.scopes, WithheldBy::Client),
        ];
        for (held, by) in sets {
            let missing = self.needs.without(held);
            if !missing.is_empty() {
                return Err(ReadRefused::Scopes { missing, by });
            }
        }
        // A category that has become sensitive since is left out: nobody has ticked it.
        let unticked = settings.sensitive_categories.without(head.let_in);
        Ok(ConsentedRead {
            grant_id: grant.grant_id(),
            version: grant.version(),
            sub: *grant.subject(),
            scopes: self.token_scopes.and(grant.scopes()),
            excluded: head.excluded.or(unticked),
            history_from: head.history_from.unwrap_or(head.starts_at),
        })
    }
}

impl ReadRefused {
    /// What the partner is told.
    #[must_use]
    pub fn answer(self, needs: OAuthScopes) -> ReadAnswer {
        match self {
            Self::Unknown => ReadAnswer::Unavailable,
            Self::Scopes { .. } | Self::NeedsNothing => ReadAnswer::InsufficientScope(needs),
            Self::NoConsent
            | Self::Status(_)
            | Self::NotYet
            | Self::Over
            | Self::Customer
            | Self::Client
            | Self::Token => ReadAnswer::InvalidToken,
        }
    }
}
