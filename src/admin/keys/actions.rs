//! What gives scopes to keys, or somebody a key that has them, so that it can wait for a second person.

use super::clients::{ClientIn, IssuedClientOut, read_jwks};
use super::schema::{IssuedKeyOut, KeyIn, KeyOut, KeyPatchIn, RotationIn};
use super::shown;
use crate::access::model::KeySpec;
use crate::access::oauth;
use crate::access::service;
use crate::admin::approvals::service::{Action, Run, answer, payload};
use crate::config::FourEyes;
use crate::kernel::id::KeyId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is to be different in which key, and the version that was seen.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Update {
    pub(super) id: KeyId,
    pub(super) seen: Option<i64>,
    pub(super) change: KeyPatchIn,
}

/// A new secret for which key.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Rotate {
    pub(super) id: KeyId,
    pub(super) rotation: RotationIn,
}

/// All the public keys of which client.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SetJwks {
    pub(super) id: KeyId,
    pub(super) jwks: Value,
}

const fn action(operation: &'static str, shows: Run, run: Run) -> Action {
    let shows = Some(shows);
    Action { operation, word: FourEyes::CustomerScopes, run, shows, makes_secret: |_| false }
}

const fn secret(operation: &'static str, shows: Run, run: Run) -> Action {
    Action { makes_secret: |_| true, ..action(operation, shows, run) }
}

/// Creates a key.
pub const CREATE: Action = secret(
    "create_key",
    |_, tx, _, what| Box::pin(shown::new_key(tx, what)),
    |state, tx, by, what| {
        Box::pin(async move {
            let spec: KeySpec = payload::<KeyIn>(what)?.into();
            let issued = service::create_key_in(tx, by, &state.pepper, spec).await?;
            answer(&IssuedKeyOut::now_in(tx, issued).await?)
        })
    },
);

/// Gives a key a new secret.
pub const ROTATE: Action = secret(
    "rotate_key",
    |_, tx, by, what| Box::pin(shown::rotated(tx, what, by.now)),
    |state, tx, by, what| {
        Box::pin(async move {
            let Rotate { id, rotation } = payload(what)?;
            let what = (id, &rotation.read()?);
            let issued = service::rotate_key_in(tx, by, &state.pepper, what).await?;
            answer(&IssuedKeyOut::now_in(tx, issued).await?)
        })
    },
);

/// Edits a key.
pub const UPDATE: Action = action(
    "update_key",
    |_, tx, by, what| Box::pin(shown::updated(tx, what, by.now)),
    |_, tx, by, what| {
        Box::pin(async move {
            let Update { id, seen, change } = payload(what)?;
            let key = service::edit_key_in(tx, by, (id, seen), change.into()).await?;
            answer(&KeyOut::now_in(tx, key).await?)
        })
    },
);

/// Creates an OAuth client.
pub const CREATE_CLIENT: Action = secret(
    "create_client",
    |_, tx, _, what| Box::pin(shown::new_client(tx, what)),
    |state, tx, by, what| {
        Box::pin(async move {
            let what = payload::<ClientIn>(what)?.read()?;
            let made = oauth::create_client_in(tx, by, &state.pepper, what).await?;
            let (client, secret) =
                (KeyOut::now_in(tx, made.0).await?, made.1.map(|it| it.reveal().to_owned()));
            answer(&IssuedClientOut { client, secret })
        })
    },
);

/// Gives a client other public keys.
pub const SET_JWKS: Action = action(
    "set_client_jwks",
    |_, tx, by, what| Box::pin(shown::with_jwks(tx, what, by.now)),
    |state, tx, by, what| {
        Box::pin(async move {
            let SetJwks { id, jwks } = payload(what)?;
            let what = (id, &*read_jwks(&jwks)?);
            let client = oauth::set_jwks_in(tx, by, &state.pepper, what).await?;
            answer(&KeyOut::now_in(tx, client).await?)
        })
    },
);
