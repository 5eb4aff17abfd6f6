//! What can be done to clients beside what can be done to every key.

use super::jwk::PublicJwk;
use crate::access::Scopes;
use crate::access::error::{AccessError, Kind};
use crate::access::key::{self, Pepper};
use crate::access::keys::model::{KeyKind, SecretForm};
use crate::access::keys::rotation::gone;
use crate::access::keys::service::{check, fresh, get_key_in, insert, told};
use crate::access::keys::store;
use crate::access::keys::store::rotation::{end_tokens, hold_key, replace_jwks};
use crate::access::model::{Key, KeySpec};
use crate::access::service::{By, change};
use crate::access::store::{Change, record};
use crate::kernel::id::KeyId;
use crate::kernel::secret::Secret;
use crate::storage::{Db, Tx};
use serde_json::json;

/// Creates a client: with a secret of ours, which is returned this once, or with public keys of its own.
pub async fn create_client(
    db: &Db,
    by: &By<'_>,
    pepper: &Pepper,
    spec: KeySpec,
    jwks: Option<Vec<PublicJwk>>,
) -> Result<(Key, Option<Secret>), AccessError> {
    let mut tx = db.begin().await?;
    let made = create_client_in(&mut tx, by, pepper, (spec, jwks)).await?;
    tx.commit().await?;
    Ok(made)
}

/// The same in a transaction.
pub async fn create_client_in(
    tx: &mut Tx,
    by: &By<'_>,
    pepper: &Pepper,
    (spec, jwks): (KeySpec, Option<Vec<PublicJwk>>),
) -> Result<(Key, Option<Secret>), AccessError> {
    check(tx, &spec, by.now).await?;
    add_client(tx, by, pepper, (spec, jwks)).await
}

/// The same of an app that exists and with what can be.
pub(in crate::access) async fn add_client(
    tx: &mut Tx,
    by: &By<'_>,
    pepper: &Pepper,
    (spec, jwks): (KeySpec, Option<Vec<PublicJwk>>),
) -> Result<(Key, Option<Secret>), AccessError> {
    let (id, environment) = (KeyId::random()?, spec.environment);
    let key = insert(tx, by, (id, KeyKind::Client, spec), Vec::new()).await?;
    let text = match &jwks {
        Some(jwks) => {
            put(tx, by, pepper, id, jwks).await?;
            None
        }
        None => {
            let text = key::another(KeyKind::Client, environment, id)?;
            let hash = key::hash(pepper, text.reveal());
            store::insert_secret(tx, id, &hash, &fresh(&text, &hash, by.now)).await?;
            Some(text)
        }
    };
    record(tx, by, change(Kind::Key, id, "create", told(&key))).await?;
    Ok((get_key_in(tx, id, by.now).await?, text))
}

/// Puts these public keys in the place of all; whether one came, and whether one went.
async fn put(
    tx: &mut Tx,
    by: &By<'_>,
    pepper: &Pepper,
    id: KeyId,
    jwks: &[PublicJwk],
) -> Result<(bool, bool), AccessError> {
    let rows: Vec<_> =
        jwks.iter().map(|jwk| (jwk.hash(pepper, id), jwk.kid.clone(), jwk.json.clone())).collect();
    Ok(replace_jwks(tx, id, &rows, by.now).await?)
}

/// Gives a client other public keys, in place of all that it has. Where one goes, the access tokens that the
/// client has got so far end.
pub async fn set_jwks(
    db: &Db,
    by: &By<'_>,
    pepper: &Pepper,
    id: KeyId,
    jwks: &[PublicJwk],
) -> Result<Key, AccessError> {
    let mut tx = db.begin().await?;
    let key = set_jwks_in(&mut tx, by, pepper, (id, jwks)).await?;
    tx.commit().await?;
    Ok(key)
}

/// The same in a transaction. Who has a new key gets what the client may do, so that is given as to a new one.
pub async fn set_jwks_in(
    tx: &mut Tx,
    by: &By<'_>,
    pepper: &Pepper,
    (id, jwks): (KeyId, &[PublicJwk]),
) -> Result<Key, AccessError> {
    let Some(held) = hold_key(tx, id, None, by.now).await? else {
        return Err(gone(tx, by, id).await);
    };
    let before = get_key_in(tx, id, by.now).await?;
    let signs = before.secrets.iter().any(|secret| secret.form == SecretForm::Jwk);
    if before.kind != KeyKind::Client || !signs {
        let why = "This is no client that signs with keys of its own: create one with `jwks`.";
        return Err(AccessError::Unfit(why.to_owned()));
    }
    let (came, narrows) = put(tx, by, pepper, id, jwks).await?;
    if came {
        by.may_give(Scopes::default(), held.scopes)?;
    }
    if narrows {
        end_tokens(tx, id).await?;
    }
    let kids: Vec<&str> = jwks.iter().map(|jwk| jwk.kid.as_str()).collect();
    let change = change(Kind::Key, id, "set_jwks", json!({ "kids": kids }));
    record(tx, by, Change { narrows, ..change }).await?;
    get_key_in(tx, id, by.now).await
}
