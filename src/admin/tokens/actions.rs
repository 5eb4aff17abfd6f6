//! What is done to tokens, so that it can wait for a second person.

use super::{IssuedTokenOut, TokenOut};
use crate::access::model::Name;
use crate::access::service::{By, Switch};
use crate::admin::approvals::service::{Action, What, answer, payload};
use crate::admin::roles::Roles;
use crate::admin::token::{self, TokenSpec};
use crate::config::FourEyes;
use crate::http::ApiResult;
use crate::kernel::Micros;
use crate::kernel::id::AdminTokenId;
use crate::storage::Tx;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A token to create, with the person behind it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct NewToken {
    pub(super) name: Name,
    pub(super) roles: Roles,
    pub(super) expires_at: Option<Micros>,
    pub(super) person: String,
    /// The token with which it is made.
    #[serde(default)]
    pub(super) made_with: Option<AdminTokenId>,
}

/// Creates a token.
pub const CREATE: Action = Action {
    operation: "create_token",
    word: FourEyes::Owners,
    shows: None,
    makes_secret: |_| true,
    run: |state, tx, by, what| {
        Box::pin(async move {
            let NewToken { name, roles, expires_at, person, made_with } = payload(what)?;
            let spec = TokenSpec { name, roles, expires_at, person, made_with };
            let (token, text) = token::issue(tx, by, &state.pepper, spec).await?;
            answer(&IssuedTokenOut {
                token: TokenOut::of(token, by.now),
                text: text.reveal().to_owned(),
            })
        })
    },
};

/// Revokes the token with an id.
pub const REVOKE: Action = Action {
    operation: "revoke_token",
    word: FourEyes::Owners,
    shows: None,
    makes_secret: |_| false,
    run: |_, tx, by, what| {
        Box::pin(async move {
            let id: AdminTokenId = payload(what)?;
            answer(&TokenOut::of(token::revoke(tx, by, id).await?, by.now))
        })
    },
};

/// Suspends the token with an id.
pub const SUSPEND: Action = Action {
    operation: "suspend_token",
    word: FourEyes::Owners,
    shows: None,
    makes_secret: |_| false,
    run: |_, tx, by, what| Box::pin(switch(tx, by, what, Switch::Suspend)),
};

/// Resumes the token with an id.
pub const RESUME: Action = Action {
    operation: "resume_token",
    word: FourEyes::Owners,
    shows: None,
    makes_secret: |_| false,
    run: |_, tx, by, what| Box::pin(switch(tx, by, what, Switch::Resume)),
};

async fn switch(tx: &mut Tx, by: &By<'_>, what: &What<'_>, to: Switch) -> ApiResult<Value> {
    answer(&TokenOut::of(token::set_status(tx, by, payload(what)?, to).await?, by.now))
}
