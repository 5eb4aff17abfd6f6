//! A consent that is in force now: what tokens are issued by, looked up by and read with.

use super::decide::ReadRefused;
use super::details::{AccessMode, CustomerDataDetails};
use super::head::{ConsentHead, KnownConsent};
use super::record::{ConsentRecord, GrantId};
use super::scope::{OAuthScope, OAuthScopes};
use super::standing::{ClientStanding, CustomerStanding, Standings};
use super::status::ConsentStatus;
use super::subject::PairwiseSub;
use crate::kernel::Micros;
use crate::kernel::clock::SECOND;
use crate::kernel::id::AppId;
use std::time::Duration;

/// What a code, a refresh token or an access token says of the consent that it was issued by. All of it must be the
/// consent's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GrantPointer {
    /// The consent.
    pub grant_id: GrantId,
    /// The version of it; 0 where an issuer of others does not know of any.
    pub version: u32,
    /// The program that it was issued to.
    pub client: AppId,
    /// The customer, as the partner knows them.
    pub sub: PairwiseSub,
}

/// A consent that was in force when it was made, from [`LiveGrant::of`] alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiveGrant {
    head: ConsentHead,
    pointer: GrantPointer,
    /// What both the consent and the program allow.
    scopes: OAuthScopes,
}

impl LiveGrant {
    /// The consent that something points at, if it is in force by what the node knows, and the node knows enough.
    pub fn of(
        known: &KnownConsent,
        pointer: GrantPointer,
        standings: Standings,
        stale_after: Duration,
        now: Micros,
    ) -> Result<Self, ReadRefused> {
        // A clock that was set back makes what is known as doubtful as one that was set forward.
        let age = known.confirmed_at().map(|at| Duration::from_micros(now.0.abs_diff(at.0)));
        if age.is_none_or(|age| age > stale_after) {
            return Err(ReadRefused::Unknown);
        }
        let Standings { client, customer } = standings;
        let is_its = |head: &&ConsentHead| {
            head.grant_id == pointer.grant_id
                && head.client == pointer.client
                && head.client == client.id
                && head.sub == Some(pointer.sub)
        };
        let head = *known.head().filter(is_its).ok_or(ReadRefused::NoConsent)?;
        if pointer.version > head.version {
            // It was issued by a node that knows more.
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
        if customer == CustomerStanding::Barred {
            return Err(ReadRefused::Customer);
        }
        if client.standing == ClientStanding::Suspended {
            return Err(ReadRefused::Client);
        }
        Ok(Self { head, pointer, scopes: head.scopes.and(client.scopes) })
    }

    /// The consent.
    #[must_use]
    pub fn grant_id(&self) -> GrantId {
        self.head.grant_id
    }

    /// Its version.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.head.version
    }

    /// The program that it was given to.
    #[must_use]
    pub fn client(&self) -> AppId {
        self.head.client
    }

    /// The customer, as the partner knows them.
    #[must_use]
    pub fn subject(&self) -> &PairwiseSub {
        &self.pointer.sub
    }

    /// What the consent allows and the program may still have.
    #[must_use]
    pub fn scopes(&self) -> OAuthScopes {
        self.scopes
    }

    /// Until when it is in force, exclusive, if nobody ends it before.
    #[must_use]
    pub fn ends_at(&self) -> Micros {
        self.head.expires_at
    }

    /// Whether tokens can be had by it again: by a refresh token, or by a code that was given out without a screen.
    /// Where it is given once, the code of its screen is the only one.
    #[must_use]
    pub fn is_recurring(&self) -> bool {
        self.head.access == AccessMode::Recurring
    }

    /// Whether there is a refresh token, and it works: `offline_access` was granted, and not taken back since.
    #[must_use]
    pub fn has_refresh(&self) -> bool {
        self.is_recurring() && self.scopes.has(OAuthScope::OfflineAccess)
    }

    /// Whether a token that was issued then, in seconds since 1970, is none that was revoked. One of the same second
    /// is: what came first within it is not known.
    #[must_use]
    pub fn accepts(&self, issued_at: i64) -> bool {
        self.head.tokens_since.is_none_or(|since| issued_at > since.0.div_euclid(SECOND))
    }

    /// What it allows in detail (RFC 9396), as far as a token with some scopes goes, by the record of its version.
    /// `None` where these read nothing, and of another record.
    #[must_use]
    pub fn details(
        &self,
        record: &ConsentRecord,
        scopes: OAuthScopes,
    ) -> Option<CustomerDataDetails> {
        let is_its = (record.grant_id, record.version) == (self.head.grant_id, self.head.version);
        let details = &record.data.authorization_details;
        is_its.then(|| details.cut_to(scopes.and(self.scopes))).flatten()
    }

    /// All that is kept of it.
    pub(super) fn head(&self) -> &ConsentHead {
        &self.head
    }
}
