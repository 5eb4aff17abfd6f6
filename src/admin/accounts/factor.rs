//! The second factor that a person shows beside the password.

use super::model::Account;
use super::store;
use super::totp::{TotpSecret, recovery_hash};
use crate::access::Pepper;
use crate::kernel::Micros;
use crate::storage::{StoreError, Tx};

/// How the second factor was shown.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::admin) enum Factor {
    /// The account has none.
    None,
    /// By a code of this time step.
    Step(i64),
    /// By a recovery code with this hash.
    Recovery(String),
}

impl Factor {
    /// How it is shown by a code: six digits of the app, or a recovery code. `None` where that cannot be right.
    pub(in crate::admin) fn shown(
        pepper: &Pepper,
        account: &Account,
        code: Option<&str>,
        now: Micros,
    ) -> Option<Self> {
        if account.codes.current == 0 {
            return Some(Self::None);
        }
        let code = code?;
        if code.trim().len() != 6 {
            return Some(Self::Recovery(recovery_hash(pepper, account.id, code)));
        }
        let secret = TotpSecret::new(pepper, account.id, account.codes.current);
        secret.step_of(code, now).map(Self::Step)
    }

    /// Uses it up, in an account that is held for writing and is stored afterwards; whether it was there to be used.
    pub(in crate::admin) async fn use_up(
        &self,
        tx: &mut Tx,
        account: &mut Account,
    ) -> Result<bool, StoreError> {
        match self {
            Self::None => Ok(account.codes.current == 0),
            Self::Step(step) if *step <= account.codes.step => Ok(false),
            Self::Step(step) => {
                account.codes.step = *step;
                Ok(true)
            }
            Self::Recovery(hash) => store::use_recovery_code(tx, account.id, hash).await,
        }
    }
}
