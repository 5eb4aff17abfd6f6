//! What gives scopes to keys, so that it can wait for a second person.

use super::clients::{ClientIn, IssuedClientOut};
use super::schema::{IssuedKeyOut, KeyIn, KeyOut, KeyPatchIn};
use crate::access::model::KeySpec;
use crate::access::oauth;
use crate::access::service;
use crate::admin::approvals::service::{Action, Run, answer, payload};
use crate::config::FourEyes;
use crate::kernel::id::KeyId;
use serde::{Deserialize, Serialize};

/// What is to be different in which key, and the version that was seen.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Update {
    pub(super) id: KeyId,
    pub(super) seen: Option<i64>,
    pub(super) change: KeyPatchIn,
}

const fn action(operation: &'static str, run: Run) -> Action {
    Action { operation, word: FourEyes::CustomerScopes, run, makes_secret: |_| false }
}

const fn secret(operation: &'static str, run: Run) -> Action {
    Action { makes_secret: |_| true, ..action(operation, run) }
}

/// Creates a key.
pub const CREATE: Action = secret("create_key", |state, tx, by, what| {
    Box::pin(async move {
        let spec: KeySpec = payload::<KeyIn>(what)?.into();
        let issued = service::create_key_in((tx, &state.db), by, &state.pepper, spec).await?;
        answer(&IssuedKeyOut::now(&state.db, issued).await?)
    })
});

/// Edits a key.
pub const UPDATE: Action = action("update_key", |state, tx, by, what| {
    Box::pin(async move {
        let Update { id, seen, change } = payload(what)?;
        let key = service::edit_key_in((tx, &state.db), by, (id, seen), change.into()).await?;
        answer(&KeyOut::now(&state.db, key).await?)
    })
});

/// Creates an OAuth client.
pub const CREATE_CLIENT: Action = secret("create_client", |state, tx, by, what| {
    Box::pin(async move {
        let what = payload::<ClientIn>(what)?.read()?;
        let made = oauth::create_client_in((tx, &state.db), by, &state.pepper, what).await?;
        let (client, secret) =
            (KeyOut::now(&state.db, made.0).await?, made.1.map(|it| it.reveal().to_owned()));
        answer(&IssuedClientOut { client, secret })
    })
});
