//! What codes and refresh tokens are bound to. The checks are the same for both.

use super::authenticate::ProvedClient;
use super::client::SecurityProfile;
use super::dpop::{DpopError, ProvedKey};
use super::grant::{Decided, InForce, IssueRules};
use super::jwk::Thumbprint;
use crate::access::oauth::error::{OAuthCode, OAuthError};
use crate::consent::decide::ReadRefused;
use crate::consent::live::GrantPointer;
use crate::kernel::Micros;
use crate::kernel::clock::SECOND;

/// To whom a code or refresh token was issued, and by which consent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedTo {
    /// The client.
    pub client_id: String,
    /// What its request had to keep to.
    pub profile: SecurityProfile,
    /// The key that it is bound to, where it is to one.
    pub key: Option<Thumbprint>,
    /// The consent, as it was then.
    pub consent: GrantPointer,
    /// When it was issued. One that was written while all tokens of the consent were revoked is known by that.
    pub issued_at: Micros,
}

impl IssuedTo {
    /// Whether who shows it is who it was issued to, and keeps to the stricter of what the request had to keep to and
    /// the client has to now. A public client proves nothing but a key, so it needs one always (RFC 9700 §2.2.2).
    pub(super) fn is_shown_by(
        &self,
        client: &ProvedClient<'_>,
        key: Option<ProvedKey>,
    ) -> Result<(), OAuthError> {
        let profile = self.profile.stricter(client.record().profile);
        client.has_key(profile, key)?;
        let key = key.map(ProvedKey::thumbprint);
        let record = client.record();
        let is_its = record.id == self.client_id && record.app == self.consent.client;
        if !is_its || self.key.is_some_and(|own| key != Some(own)) {
            return Err(OAuthCode::InvalidGrant.into());
        }
        client.fits(profile)
    }

    /// Whether it was issued by this consent, and not revoked since with all of its tokens.
    pub(super) fn is_by(&self, consent: &InForce<'_>) -> bool {
        let second = self.issued_at.0.div_euclid(SECOND);
        consent.is_of(&self.consent) && consent.grant.accepts(second)
    }

    /// The consent that it was issued by, where that is in force. Where it cannot be known whether it is, nothing is
    /// said of it: a client would throw away what it could use again in a moment.
    pub(super) fn decided<'a>(
        &self,
        consent: Decided<'a>,
        rules: IssueRules<'_>,
    ) -> Result<InForce<'a>, OAuthError> {
        match consent {
            Ok(consent) if self.is_by(&consent) => Ok(consent),
            Err(ReadRefused::Unknown) => Err(OAuthCode::TemporarilyUnavailable.into()),
            Ok(_) | Err(_) => Err(rules.ended()),
        }
    }
}

impl ProvedClient<'_> {
    /// Whether there is a key where one is needed.
    pub(super) fn has_key(
        &self,
        profile: SecurityProfile,
        key: Option<ProvedKey>,
    ) -> Result<(), DpopError> {
        let needs = profile == SecurityProfile::Fapi2 || !self.by().is_confidential();
        if needs && key.is_none() { Err(DpopError::Missing) } else { Ok(()) }
    }
}
