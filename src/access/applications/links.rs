//! The links in mails about an application. What makes them work is signed and stored nowhere, so no copy of
//! the database opens anything; each works once, because what it does can be done once.

use super::model::Application;
use crate::access::Pepper;
use crate::kernel::clock::HOUR;
use crate::kernel::{Micros, readable};
use jiff::tz::TimeZone;
use std::fmt;
use std::str::FromStr;
use zeroize::Zeroizing;

/// What the secret is derived for.
const PURPOSE: &str = "comptoir application links";

/// What a link does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Says that the address is the applicant's.
    Verify,
    /// Takes the application back.
    Withdraw,
    /// Shows the first key.
    Claim,
}

impl Step {
    /// The word in addresses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Withdraw => "withdraw",
            Self::Claim => "claim",
        }
    }
}

impl FromStr for Step {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        let steps = [Self::Verify, Self::Withdraw, Self::Claim];
        steps.into_iter().find(|step| step.as_str() == word).ok_or(())
    }
}

/// What a link shows to prove that it was sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Token(blake3::Hash);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[token]")
    }
}

/// The text is no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be what stands behind `token=` in the link of the mail")]
pub struct InvalidToken;

impl FromStr for Token {
    type Err = InvalidToken;

    fn from_str(text: &str) -> Result<Self, InvalidToken> {
        blake3::Hash::from_hex(text).map(Self).map_err(|_| InvalidToken)
    }
}

impl<'de> serde::Deserialize<'de> for Token {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Signs links and checks them.
pub struct Links {
    secret: Zeroizing<[u8; 32]>,
    life: i64,
    base: String,
    zone: TimeZone,
}

impl fmt::Debug for Links {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[links]")
    }
}

impl Links {
    /// The links of all nodes that have this pepper; they lead to pages below `base` and work for some hours.
    #[must_use]
    pub fn new(pepper: &Pepper, base: &str, hours: u32) -> Self {
        let secret = Zeroizing::new(pepper.derive(PURPOSE, ""));
        let (life, base) = (i64::from(hours) * HOUR, base.to_owned());
        Self { secret, life, base, zone: TimeZone::UTC }
    }

    /// The same, which tells times in a time zone.
    #[must_use]
    pub fn in_zone(self, zone: &TimeZone) -> Self {
        Self { zone: zone.clone(), ..self }
    }

    /// Until when a step can be done, as people read it.
    #[must_use]
    pub fn until(&self, step: Step, of: &Application, french: bool) -> String {
        let told = if french { readable::in_french } else { readable::in_english };
        told(self.ends(step, of), &self.zone)
    }

    fn token(&self, step: Step, of: &Application) -> Token {
        let mut hasher = blake3::Hasher::new_keyed(&self.secret);
        // None of the parts holds a line break.
        let signed =
            format!("{}\n{}\n{}\n{}", step.as_str(), of.id, of.created_at.0, of.wish.email);
        hasher.update(signed.as_bytes());
        Token(hasher.finalize())
    }

    /// The address of a step, for a mail.
    #[must_use]
    pub fn address(&self, step: Step, of: &Application) -> String {
        let (base, id, Token(token)) = (&self.base, of.id, self.token(step, of));
        format!("{base}/apply/{id}/{}?token={token}", step.as_str())
    }

    /// Until when a step can be done.
    #[must_use]
    pub fn ends(&self, step: Step, of: &Application) -> Micros {
        let from = match step {
            Step::Verify | Step::Withdraw => of.created_at,
            Step::Claim => of.decided_at.unwrap_or(of.created_at),
        };
        Micros(from.0.saturating_add(self.life))
    }

    /// Whether a link is right, and its time not over. An application can be withdrawn as long as it waits.
    #[must_use]
    pub fn holds(&self, step: Step, of: &Application, token: Token, now: Micros) -> bool {
        // Hashes compare in a time that does not tell where they differ.
        let right = self.token(step, of).0 == token.0;
        right && (step == Step::Withdraw || now < self.ends(step, of))
    }

    /// The first instant at which an application that is not verified yet can still be.
    #[must_use]
    pub fn oldest(&self, now: Micros) -> Micros {
        Micros(now.0.saturating_sub(self.life))
    }
}
