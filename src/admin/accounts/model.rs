//! People of the admin API as values that cannot be wrong.

use crate::access::model::{Name, Status};
use crate::admin::roles::Roles;
use crate::config::SecondFactor;
use crate::kernel::Micros;
use crate::kernel::id::AccountId;
use crate::kernel::word::words;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Most characters of a login: the longest e-mail address.
const LOGIN_MOST: usize = 254;

/// What somebody comes in with: an e-mail address or a name, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Login(String);

/// The text is no login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a login must be an e-mail address or a name: 3 to 254 letters, digits and any of . _ @ + -"
)]
pub struct InvalidLogin;

impl Login {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Login {
    type Err = InvalidLogin;

    fn from_str(text: &str) -> Result<Self, InvalidLogin> {
        let text = text.trim().to_lowercase();
        let length = text.chars().count();
        let may_be = |c: char| c.is_alphanumeric() || "._@+-".contains(c);
        let valid = (3..=LOGIN_MOST).contains(&length) && text.chars().all(may_be);
        if valid { Ok(Self(text)) } else { Err(InvalidLogin) }
    }
}

impl TryFrom<String> for Login {
    type Error = InvalidLogin;

    fn try_from(text: String) -> Result<Self, InvalidLogin> {
        text.parse()
    }
}

impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

words! {
    /// What somebody must do before their account can be used.
    pub enum Setup {
        /// Choose a password in place of the first one, which somebody else has seen.
        Password = "password",
        /// Enrol an app that shows one-time codes.
        SecondFactor = "second_factor",
    }
}

/// How an account is proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// By a password of ours.
    Local {
        /// What somebody comes in with.
        login: Login,
        /// The password's hash, a PHC string.
        password: String,
        /// Whether somebody else has chosen the password.
        must_change: bool,
    },
    /// By an OpenID provider.
    Provider {
        /// The provider.
        issuer: String,
        /// Its name for the person, which never changes.
        subject: String,
        /// The address of mail that it tells, as a login here would be. It proves nothing: who has an account with
        /// such a login is one person with this one, no more.
        email: Option<Login>,
        /// Whether the account is suspended because the provider gives the person no role any more.
        barred: bool,
    },
}

/// The secrets of one-time codes, by their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Codes {
    /// The one in force; 0 is none.
    pub current: i64,
    /// The newest one, which counts when it is confirmed.
    pub pending: i64,
    /// The last time step of which a code was used.
    pub step: i64,
}

/// A person of the admin API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// What people call it.
    pub name: Name,
    /// How it is proved.
    pub way: Way,
    /// What the person is to the gateway.
    pub roles: Roles,
    /// Active or suspended.
    pub status: Status,
    /// Its one-time codes.
    pub codes: Codes,
    /// When the person last came in.
    pub last_login_at: Option<Micros>,
    /// When it was created.
    pub created_at: Micros,
    /// When it last changed.
    pub updated_at: Micros,
}

impl Account {
    /// What is still to be done before the account can be used.
    #[must_use]
    pub fn setup(&self, second_factor: SecondFactor) -> Vec<Setup> {
        let Way::Local { must_change, .. } = self.way else { return Vec::new() };
        let factor = second_factor == SecondFactor::Required && self.codes.current == 0;
        let steps = [(must_change, Setup::Password), (factor, Setup::SecondFactor)];
        steps.into_iter().filter(|(due, _)| *due).map(|(_, step)| step).collect()
    }

    /// Whether it is suspended because the provider gives the person no role any more.
    #[must_use]
    pub fn is_barred(&self) -> bool {
        matches!(self.way, Way::Provider { barred: true, .. })
    }

    /// Says so, or takes it back.
    pub fn set_barred(&mut self, is: bool) {
        if let Way::Provider { barred, .. } = &mut self.way {
            *barred = is;
        }
    }

    /// Writes down the address of mail that the provider tells now; whether it is another than before. Who keeps it from
    /// being told is still who they were: by it two accounts are known to be of one person.
    pub fn set_email(&mut self, told: Option<Login>) -> bool {
        let Way::Provider { email, .. } = &mut self.way else { return false };
        let Some(told) = told else { return false };
        let before = email.replace(told);
        before.is_some() && before != *email
    }

    /// The address of mail that the provider tells of the person.
    #[must_use]
    pub fn email(&self) -> Option<&Login> {
        match &self.way {
            Way::Local { .. } => None,
            Way::Provider { email, .. } => email.as_ref(),
        }
    }

    /// The login of a local account.
    #[must_use]
    pub fn login(&self) -> Option<&Login> {
        match &self.way {
            Way::Local { login, .. } => Some(login),
            Way::Provider { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_the_same_in_any_case() {
        let login: Login = " Claire.Dubois@Example.COM ".parse().unwrap();
        assert_eq!(login.as_str(), "claire.dubois@example.com");
        for wrong in ["", "ab", "two words", "tab\tbed", "a;b;c", &"x".repeat(255)] {
            assert_eq!(wrong.parse::<Login>(), Err(InvalidLogin), "{wrong}");
        }
    }
}
