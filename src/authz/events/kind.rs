//! What a partner can be told of a consent.

use std::fmt;

/// A kind of event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PartnerEventKind {
    /// The customer agreed.
    Granted,
    /// The customer agreed anew.
    Renewed,
    /// The customer took a part back.
    Narrowed,
    /// It holds nothing for now. Why is not told.
    Suspended,
    /// It holds again.
    Resumed,
    /// Its time is over soon.
    Expiring,
    /// Its time is over.
    Expired,
    /// It was ended.
    Revoked,
    /// Its tokens were revoked, and it holds on.
    TokensRevoked,
    /// Its tokens were used by somebody else.
    Compromised,
    /// The customer is forgotten, and so they are to be at the partner's.
    ErasureRequested,
    /// It has not been said yet that data was deleted that is to be.
    DeletionDue,
}

/// Those that are named below the issuer's address, and by their own last word.
const OWN: [(PartnerEventKind, &str); 12] = [
    (PartnerEventKind::Granted, "consent-granted"),
    (PartnerEventKind::Renewed, "consent-renewed"),
    (PartnerEventKind::Narrowed, "consent-narrowed"),
    (PartnerEventKind::Suspended, "consent-suspended"),
    (PartnerEventKind::Resumed, "consent-resumed"),
    (PartnerEventKind::Expiring, "consent-expiring"),
    (PartnerEventKind::Expired, "consent-expired"),
    (PartnerEventKind::Revoked, "consent-revoked"),
    (PartnerEventKind::TokensRevoked, "tokens-revoked"),
    (PartnerEventKind::Compromised, "grant-compromised"),
    (PartnerEventKind::ErasureRequested, "erasure-requested"),
    (PartnerEventKind::DeletionDue, "deletion-due"),
];
/// What receivers of others know already that tokens were revoked by.
const TOKENS_REVOKED: &str = "https://schemas.openid.net/secevent/oauth/event-type/tokens-revoked";

impl PartnerEventKind {
    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        OWN.iter().find(|(kind, _)| *kind == self).map_or("", |(_, word)| word)
    }

    /// Its address (RFC 8417 §2).
    #[must_use]
    pub fn uri(self, issuer: &str) -> String {
        match self {
            Self::TokensRevoked => TOKENS_REVOKED.to_owned(),
            _ => format!("{issuer}/events/{}", self.as_str()),
        }
    }
}

impl fmt::Display for PartnerEventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
