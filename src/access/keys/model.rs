//! What keys are made of, and what can be asked of them.

use crate::access::error::AccessError;
use crate::access::model::{Key, KeySecret, KeySpec, Name, Status};
use crate::access::service::Switch;
use crate::access::{Environment, Scope, Scopes};
use crate::kernel::Micros;
use crate::kernel::clock::{DAY, SECOND};
use crate::kernel::id::{AppId, KeyId, PartnerId, PlanId};
use crate::kernel::word::{read_words, words};
use ipnet::IpNet;

/// Longest overlap of two secrets in seconds, and longest wait for a secret that begins later: 90 days.
const OVERLAP_MOST: u32 = 90 * 86_400;

words! {
    /// Whether a key may be used, the strictest last.
    pub enum KeyStatus {
        /// It may.
        Active = "active",
        /// To look only, and once a second: it may be in wrong hands.
        Quarantined = "quarantined",
        /// Not until it is resumed.
        Suspended = "suspended",
        /// Never again.
        Revoked = "revoked",
    }
}

impl KeyStatus {
    /// Whether it was switched off by people: a key in quarantine was not.
    #[must_use]
    pub fn switched(self) -> Status {
        match self {
            Self::Active | Self::Quarantined => Status::Active,
            Self::Suspended => Status::Suspended,
            Self::Revoked => Status::Revoked,
        }
    }
}

impl From<Switch> for KeyStatus {
    fn from(switch: Switch) -> Self {
        match switch {
            Switch::Suspend => Self::Suspended,
            Switch::Resume => Self::Active,
        }
    }
}

words! {
    /// How its holder shows a key.
    pub enum KeyKind {
        /// Its text comes with each call.
        Key = "key",
        /// An OAuth client: access tokens come with its calls, got for its secret or its signature.
        Client = "client",
    }
}
read_words!(KeyKind);

words! {
    /// What a secret is checked by.
    pub enum SecretForm {
        /// A text of ours.
        Text = "text",
        /// A text of another gateway, of which we know the SHA-256.
        Sha256 = "sha256",
        /// A public key, for signatures of a client.
        Jwk = "jwk",
    }
}

words! {
    /// Why keys want to be looked at.
    pub enum Attention {
        /// They end soon.
        Expiring = "expiring",
        /// A rotation is under way and the old secret is still used.
        OldSecretUsed = "old_secret_used",
        /// A rotation is under way and the old secret is not used any more.
        OldSecretQuiet = "old_secret_quiet",
        /// They were not used for long.
        Unused = "unused",
        /// They were found where everybody can read them.
        Leaked = "leaked",
    }
}

/// A use of a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecretUse {
    /// The key that it is of.
    pub key: KeyId,
    /// What the secret is compared by.
    pub hash: [u8; 32],
    /// When.
    pub at: Micros,
}

/// Most days that can be looked ahead or back.
pub const DAYS_MOST: u32 = 3_650;

read_words!(Attention);

impl Attention {
    /// The time that it is about, so many days ahead or back: until when for what ends, since when for what is or
    /// is not used.
    #[must_use]
    pub fn time(self, days: Option<u32>, now: Micros) -> Micros {
        let (way, usual) = match self {
            Self::Expiring => (1, 14),
            Self::OldSecretUsed | Self::OldSecretQuiet => (-1, 1),
            Self::Unused | Self::Leaked => (-1, 90),
        };
        let days = i64::from(days.unwrap_or(usual).min(DAYS_MOST));
        Micros(now.0 + way * days * DAY)
    }
}

/// What shall change in a key. What is `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyPatch {
    /// Another name.
    pub name: Option<Name>,
    /// Other scopes.
    pub scopes: Option<Scopes>,
    /// Other blocks of addresses.
    pub cidrs: Option<Vec<IpNet>>,
    /// Another end; `Some(None)` for none.
    pub expires_at: Option<Option<Micros>>,
}

impl KeyPatch {
    /// What a key becomes.
    #[must_use]
    pub fn of(&self, key: &KeySpec) -> KeySpec {
        KeySpec {
            app: key.app,
            environment: key.environment,
            name: self.name.as_ref().unwrap_or(&key.name).clone(),
            scopes: self.scopes.unwrap_or(key.scopes),
            cidrs: self.cidrs.as_ref().unwrap_or(&key.cidrs).clone(),
            expires_at: self.expires_at.unwrap_or(key.expires_at),
        }
    }
}

/// Which keys are meant. Every part that is given must fit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyFilter {
    /// Those with one of these ids.
    pub ids: Vec<KeyId>,
    /// Of a partner.
    pub partner: Option<PartnerId>,
    /// Of an app.
    pub app: Option<AppId>,
    /// Of apps on a plan.
    pub plan: Option<PlanId>,
    /// Live or test ones.
    pub environment: Option<Environment>,
    /// Keys or clients.
    pub kind: Option<KeyKind>,
    /// In a state.
    pub status: Option<KeyStatus>,
    /// That hold a scope.
    pub scope: Option<Scope>,
    /// With a secret that has this hint.
    pub hint: Option<String>,
    /// Made before an instant.
    pub created_before: Option<Micros>,
    /// Last used before an instant, or never and made before it.
    pub used_before: Option<Micros>,
    /// That want to be looked at.
    pub attention: Option<(Attention, Micros)>,
}

impl KeyFilter {
    /// The keys of an app.
    #[must_use]
    pub fn of_app(app: AppId) -> Self {
        Self { app: Some(app), ..Self::default() }
    }
}

/// When a new secret begins and the old one ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    /// When the new secret begins to work; at once where there is none.
    pub starts_at: Option<Micros>,
    /// When the old one ends.
    pub old_ends: OldEnds,
}

/// Seconds for which an old secret works on where a rotation does not say.
pub const OVERLAP_S: u32 = 86_400;

/// When an old secret ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OldEnds {
    /// So many seconds after the new one has begun.
    After(u32),
    /// At an instant.
    At(Micros),
}

impl From<u32> for Rotation {
    fn from(overlap_s: u32) -> Self {
        Self { starts_at: None, old_ends: OldEnds::After(overlap_s) }
    }
}

impl Rotation {
    /// When the new secret begins and the old one ends, for a rotation that is asked for at `now`.
    pub fn times(&self, now: Micros) -> Result<(Micros, Micros), AccessError> {
        let field = |field, message: String| Err(AccessError::Field { field, message });
        let most = i64::from(OVERLAP_MOST) * SECOND;
        let start = self.starts_at.unwrap_or(now);
        if start < now {
            return field("starts_at", format!("lies in the past; give a time after {now}"));
        }
        if start.0 - now.0 > most {
            return field("starts_at", format!("must be at most {OVERLAP_MOST} seconds ahead"));
        }
        let end = match self.old_ends {
            OldEnds::After(seconds) if seconds > OVERLAP_MOST => {
                return field("overlap_s", format!("must be at most {OVERLAP_MOST} seconds"));
            }
            OldEnds::After(seconds) => Micros(start.0 + i64::from(seconds) * SECOND),
            OldEnds::At(end) => end,
        };
        if end < start {
            let message = "lies before the new secret begins; give the same time or a later one";
            return field("cut_over_at", message.to_owned());
        }
        if end.0 - start.0 > most {
            return field(
                "cut_over_at",
                format!("must be at most {OVERLAP_MOST} seconds after that"),
            );
        }
        Ok((start, end))
    }
}

/// A rotation that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnderWay<'a> {
    /// The secret that ends.
    pub old: &'a KeySecret,
    /// The one that stays.
    pub new: &'a KeySecret,
}

impl Key {
    /// The rotation that is under way, if one is.
    #[must_use]
    pub fn rotation(&self) -> Option<UnderWay<'_>> {
        let [.., old, new] = self.secrets.as_slice() else { return None };
        let rotates = old.expires_at.is_some() && new.form != SecretForm::Jwk;
        rotates.then_some(UnderWay { old, new })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Micros = Micros(1_000 * SECOND);

    fn at(seconds: i64) -> Micros {
        Micros(NOW.0 + seconds * SECOND)
    }

    #[test]
    fn a_rotation_has_two_instants() {
        assert_eq!(Rotation::from(60).times(NOW).unwrap(), (NOW, at(60)));
        let later = Rotation { starts_at: Some(at(10)), old_ends: OldEnds::After(5) };
        assert_eq!(later.times(NOW).unwrap(), (at(10), at(15)));
        let cut = Rotation { starts_at: Some(at(10)), old_ends: OldEnds::At(at(10)) };
        assert_eq!(cut.times(NOW).unwrap(), (at(10), at(10)));
    }

    #[test]
    fn a_rotation_that_cannot_be_is_named() {
        let fault = |starts_at, old_ends| match (Rotation { starts_at, old_ends })
            .times(NOW)
            .unwrap_err()
        {
            AccessError::Field { field, .. } => field,
            other => panic!("{other}"),
        };
        let days = 90 * 86_400;
        assert_eq!(fault(Some(at(-1)), OldEnds::After(0)), "starts_at");
        assert_eq!(fault(Some(at(days + 1)), OldEnds::After(0)), "starts_at");
        assert_eq!(fault(None, OldEnds::After(u32::MAX)), "overlap_s");
        assert_eq!(fault(None, OldEnds::At(at(-1))), "cut_over_at");
        assert_eq!(fault(Some(at(2)), OldEnds::At(at(1))), "cut_over_at");
        assert_eq!(fault(None, OldEnds::At(at(days + 1))), "cut_over_at");
    }
}
