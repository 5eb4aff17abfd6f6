//! What is done to accounts, so that it can wait for a second person.

use super::password::Password;
use super::service::{self, AccountChange, NewAccount};
use super::{AccountIn, AccountOut, AccountPatch, IssuedAccountOut, totp};
use crate::access::AccessError;
use crate::access::service::{By, Switch};
use crate::admin::approvals::service::{Action, Run, answer, payload};
use crate::admin::state::AdminState;
use crate::config::FourEyes;
use crate::http::ApiResult;
use crate::kernel::id::AccountId;
use crate::kernel::secret::Secret;
use crate::storage::Tx;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is to be different in which account.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::admin) struct Update {
    pub(in crate::admin) id: AccountId,
    pub(in crate::admin) change: AccountPatch,
    /// Whether the OpenID provider says so, which alone can give its accounts roles.
    #[serde(default)]
    pub(in crate::admin) by_provider: bool,
}

const fn action(operation: &'static str, run: Run) -> Action {
    Action { operation, word: FourEyes::Owners, run, makes_secret: |_| false }
}

const fn secret(operation: &'static str, run: Run) -> Action {
    Action { makes_secret: |_| true, ..action(operation, run) }
}

/// A password that nobody chose, and its hash.
async fn first_password(state: &AdminState) -> ApiResult<(Secret, String)> {
    let text = totp::random_password().map_err(AccessError::from)?;
    let hash = Password::new(text.reveal().to_owned()).hash(&state.pepper).await?;
    Ok((text, hash))
}

/// Creates an account with a first password.
pub const CREATE: Action = secret("create_account", |state, tx, by, what| {
    Box::pin(async move {
        let AccountIn { login, name, roles } = payload(what)?;
        let (text, password) = first_password(state).await?;
        let new = NewAccount { login, name, roles, password, must_change: true };
        let account = service::create(tx, by, new).await?.into();
        answer(&IssuedAccountOut { account, password: text.reveal().to_owned() })
    })
});

/// Changes an account's name or roles.
pub const UPDATE: Action = action("update_account", |_, tx, by, what| {
    Box::pin(async move {
        let Update { id, change: AccountPatch { name, roles }, by_provider } = payload(what)?;
        let change = AccountChange { name, roles, by_provider };
        let account = service::update(tx, by, id, change).await?;
        answer(&AccountOut::from(account))
    })
});

async fn switch(tx: &mut Tx, by: &By<'_>, what: &Value, to: Switch) -> ApiResult<Value> {
    let account = service::set_status(tx, by, payload(what)?, to).await?;
    answer(&AccountOut::from(account))
}

/// Suspends an account.
pub const SUSPEND: Action =
    action("suspend_account", |_, tx, by, what| Box::pin(switch(tx, by, what, Switch::Suspend)));

/// Resumes an account.
pub const RESUME: Action =
    action("resume_account", |_, tx, by, what| Box::pin(switch(tx, by, what, Switch::Resume)));

/// Gives an account a first password again.
pub const RESET: Action = secret("reset_account", |state, tx, by, what| {
    Box::pin(async move {
        let (text, hash) = first_password(state).await?;
        let account = service::reset(tx, by, payload(what)?, hash, true).await?.into();
        answer(&IssuedAccountOut { account, password: text.reveal().to_owned() })
    })
});
