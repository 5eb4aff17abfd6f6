//! Passwords: which are taken, and what is kept of them.
//!
//! Rules after NIST SP 800-63B: length counts, the kinds of characters do not; what is known from leaks or
//! follows from the login is refused.

use super::model::Login;
use crate::access::Pepper;
use crate::http::{ApiError, Code};
use crate::kernel::secret::Secret;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Fewest characters.
const LEAST: usize = 12;
/// Most characters; nobody types more, and hashing takes what it is given.
const MOST: usize = 256;
/// Fewest different characters.
const LEAST_DIFFERENT: usize = 5;
/// Known passwords of this length and more.
const KNOWN: &str = include_str!("known_passwords.txt");

/// Memory in KiB, passes and lanes of Argon2id: 19 MiB, 2, 1, as OWASP's Password Storage Cheat Sheet
/// recommends at least. Its stronger settings buy little here, for the hash has a secret (the pepper) that is
/// not in the database; more memory would let fewer guesses fill that of the node. Hashes of other settings
/// still verify, and are made anew at the next login.
const COST: (u32, u32, u32) = (19_456, 2, 1);
/// Hashings at a time: they must not take all processors, nor all memory, from everything else.
pub(in crate::admin) static TURNS: Semaphore = Semaphore::const_new(2);
/// How long one waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// Stands for the password of an account that is not there, so that the answer takes as long.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$\
                      AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// A password on its way: shown nowhere, wiped after.
#[derive(Debug, Clone)]
pub struct Password(Secret);

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::new(String::deserialize(deserializer)?))
    }
}

/// Why a password is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Weak {
    /// Too few characters, or too many.
    #[error(
        "must have 12 to 256 characters; some words that only you put together make a good one"
    )]
    Length,
    /// The same characters again and again.
    #[error("repeats a few characters; some words that only you put together make a good one")]
    Repeated,
    /// One that is tried first.
    #[error(
        "is one of those that are tried first; some words that only you put together make a good one"
    )]
    Known,
    /// It holds the login.
    #[error("holds the login; choose one that does not follow from it")]
    Login,
}

impl Password {
    /// A password as somebody has given it.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Secret::new(text))
    }

    /// Whether it may be somebody's new password.
    pub fn check(&self, login: &Login) -> Result<(), Weak> {
        let text = self.0.reveal().to_lowercase();
        let different: BTreeSet<char> = text.chars().collect();
        let name = login.as_str().split('@').next().unwrap_or_default();
        if !(LEAST..=MOST).contains(&self.0.reveal().chars().count()) {
            Err(Weak::Length)
        } else if different.len() < LEAST_DIFFERENT {
            Err(Weak::Repeated)
        } else if KNOWN.lines().any(|known| known == text) {
            Err(Weak::Known)
        } else if text.contains(login.as_str()) || (name.len() > 3 && text.contains(name)) {
            Err(Weak::Login)
        } else {
            Ok(())
        }
    }

    /// What is kept of it.
    pub async fn hash(&self, pepper: &Arc<Pepper>) -> Result<String, ApiError> {
        let mut salt = [0; argon2::RECOMMENDED_SALT_LEN];
        getrandom::fill(&mut salt).map_err(failed)?;
        let hashed = self.in_turn(pepper, move |argon2, password| {
            argon2.hash_password_with_salt(password, &salt).map(|hash| hash.to_string())
        });
        hashed.await?.map_err(failed)
    }

    /// Whether it is the one that a hash was made of; takes as long where there is no hash.
    pub async fn is(&self, pepper: &Arc<Pepper>, hash: Option<&str>) -> Result<bool, ApiError> {
        let held = hash.unwrap_or(NOBODY).to_owned();
        let fits = self.in_turn(pepper, move |argon2, password| {
            let held = PasswordHash::new(&held);
            held.is_ok_and(|held| argon2.verify_password(password, &held).is_ok())
        });
        Ok(fits.await? && hash.is_some())
    }

    /// Does the work beside the calls, a few at a time.
    async fn in_turn<T: Send + 'static>(
        &self,
        pepper: &Arc<Pepper>,
        work: impl FnOnce(&Argon2<'_>, &[u8]) -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let Ok(Ok(_turn)) = tokio::time::timeout(PATIENCE, TURNS.acquire()).await else {
            let detail = "Too many people come in at once. Try again in a moment.";
            return Err(ApiError::new(Code::Unavailable, detail));
        };
        let (password, pepper) = (self.0.clone(), Arc::clone(pepper));
        let worked = tokio::task::spawn_blocking(move || {
            let secret = zeroize::Zeroizing::new(pepper.derive("comptoir admin password", ""));
            argon2(&secret[..]).map(|argon2| work(&argon2, password.reveal().as_bytes()))
        });
        worked.await.map_err(failed)?.map_err(failed)
    }
}

fn argon2(secret: &[u8]) -> Result<Argon2<'_>, argon2::Error> {
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, None)?;
    Argon2::new_with_secret(secret, Algorithm::Argon2id, Version::V0x13, params)
}

/// Whether a hash is of other settings than those of now.
#[must_use]
pub fn is_outdated(hash: &str) -> bool {
    let held = PasswordHash::new(hash).ok().and_then(|hash| {
        let params = Params::try_from(&hash).ok()?;
        Some((params.m_cost(), params.t_cost(), params.p_cost()))
    });
    held != Some(COST) || !hash.starts_with("$argon2id$v=19$")
}

fn failed(error: impl std::fmt::Display) -> ApiError {
    tracing::error!(%error, "a password could not be hashed");
    ApiError::new(Code::Internal, "The failure has been recorded; quote the request id.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<(), Weak> {
        Password::new(text.to_owned()).check(&"claire.dubois@example.com".parse().unwrap())
    }

    #[test]
    fn length_counts_and_kinds_of_characters_do_not() {
        assert_eq!(check("seven brown pears"), Ok(()));
        assert_eq!(check("été à la plage"), Ok(()));
        assert_eq!(check("Tr0ub4dor&3"), Err(Weak::Length));
        assert_eq!(check(&"abcdef".repeat(43)), Err(Weak::Length));
        assert_eq!(check("abababababab"), Err(Weak::Repeated));
        assert_eq!(check("Password1234"), Err(Weak::Known));
        assert_eq!(check("i am claire.dubois"), Err(Weak::Login));
    }

    #[test]
    fn the_list_holds_what_could_be_chosen() {
        for known in KNOWN.lines() {
            assert!(known.chars().count() >= LEAST && known.to_lowercase() == known, "{known}");
        }
    }

    #[test]
    fn nobodys_hash_costs_what_anybodys_does() {
        assert!(!is_outdated(NOBODY));
        assert!(is_outdated(&NOBODY.replace("t=2", "t=3")));
        assert!(is_outdated("$2b$12$nothing"));
    }

    #[tokio::test]
    async fn a_hash_is_worth_nothing_without_its_pepper() {
        let (pepper, other) =
            (Arc::new(Pepper::random().unwrap()), Arc::new(Pepper::random().unwrap()));
        let password = Password::new("seven brown pears".to_owned());
        let hash = password.hash(&pepper).await.unwrap();
        assert!(!is_outdated(&hash), "{hash}");
        assert!(password.is(&pepper, Some(&hash)).await.unwrap());
        assert!(!password.is(&other, Some(&hash)).await.unwrap());
        assert!(!password.is(&pepper, None).await.unwrap());
        assert!(!Password::new("seven brown pearS".into()).is(&pepper, Some(&hash)).await.unwrap());
    }
}
