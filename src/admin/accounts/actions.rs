//! What is done to accounts, so that it can wait for a second person.

use super::password::Password;
use super::service::{self, AccountChange, NewAccount};
use super::{AccountIn, AccountOut, AccountPatch, IssuedAccountOut, totp};
use crate::access::service::{By, Switch};
use crate::access::{AccessError, Pepper};
use crate::admin::approvals::service::{Action, Run, What, answer, payload};
use crate::config::FourEyes;
use crate::http::ApiResult;
use crate::kernel::id::AccountId;
use crate::kernel::secret::Secret;
use crate::storage::Tx;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

/// What is to be different in which account.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::admin) struct Update {
    pub(in crate::admin) id: AccountId,
    pub(in crate::admin) change: AccountPatch,
    /// Whether the OpenID provider says so, which alone can give its accounts roles.
    #[serde(default)]
    pub(in crate::admin) by_provider: bool,
}

/// What is asked for, where that is by the word of the OpenID provider: it needs no right of who comes in.
pub(in crate::admin) fn by_provider(payload: &Value) -> Option<Update> {
    let asked: Update = serde_json::from_value(payload.clone()).ok()?;
    asked.by_provider.then_some(asked)
}

const fn action(operation: &'static str, run: Run) -> Action {
    Action { operation, word: FourEyes::Owners, run, shows: None, makes_secret: |_| false }
}

const fn secret(operation: &'static str, run: Run) -> Action {
    Action { makes_secret: |_| true, ..action(operation, run) }
}

/// An action on an account as a whole, by its id. People are shown whose it is and what they may do.
const fn whole(operation: &'static str, run: Run) -> Action {
    let shows: Run = |_, tx, _, what| {
        Box::pin(async move {
            let id = payload(what)?;
            let account = service::held(tx, id).await?;
            let (name, roles, status) = (account.name, account.roles, account.status);
            Ok(json!({ "id": id, "name": name, "roles": roles, "status": status }))
        })
    };
    Action { shows: Some(shows), ..action(operation, run) }
}

/// A password that nobody chose.
#[derive(Debug, Clone)]
pub struct FirstPassword {
    text: Secret,
    hash: String,
}

impl FirstPassword {
    /// Makes one.
    pub async fn make(pepper: &Arc<Pepper>) -> ApiResult<Self> {
        let text = totp::random_password().map_err(AccessError::from)?;
        let hash = Password::new(text.reveal().to_owned()).hash(pepper).await?;
        Ok(Self { text, hash })
    }

    /// Its text and its hash. Where an action is only tried out there is none, and nothing that fits the hash.
    fn parts(first: Option<&Self>) -> (String, String) {
        first.map_or_else(Default::default, |it| (it.text.reveal().to_owned(), it.hash.clone()))
    }
}

/// Whether an action gives out a first password.
#[must_use]
pub fn gives_password(action: &Action) -> bool {
    [CREATE.operation, RESET.operation].contains(&action.operation)
}

/// Creates an account with a first password.
pub const CREATE: Action = secret("create_account", |_, tx, by, what| {
    Box::pin(async move {
        let AccountIn { login, name, roles } = payload(what)?;
        let (text, hash) = FirstPassword::parts(what.first.as_ref());
        let new = NewAccount { login, name, roles, password: hash, must_change: true };
        let account = service::create(tx, by, new).await?.into();
        answer(&IssuedAccountOut { account, password: text })
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

async fn switch(tx: &mut Tx, by: &By<'_>, what: &What<'_>, to: Switch) -> ApiResult<Value> {
    let account = service::set_status(tx, by, payload(what)?, to).await?;
    answer(&AccountOut::from(account))
}

/// Suspends an account.
pub const SUSPEND: Action =
    whole("suspend_account", |_, tx, by, what| Box::pin(switch(tx, by, what, Switch::Suspend)));

/// Resumes an account.
pub const RESUME: Action =
    whole("resume_account", |_, tx, by, what| Box::pin(switch(tx, by, what, Switch::Resume)));

/// Gives an account a first password again.
pub const RESET: Action = Action {
    makes_secret: |_| true,
    ..whole("reset_account", |_, tx, by, what| {
        Box::pin(async move {
            let (text, hash) = FirstPassword::parts(what.first.as_ref());
            let account = service::reset(tx, by, payload(what)?, hash, true).await?.into();
            answer(&IssuedAccountOut { account, password: text })
        })
    })
};
