//! Rotation: a new secret beside the old one, at once or at a set time, and the ways out of the overlap:
//! forward (the old one ends now) and back (the new one does).

use super::model::{Rotation, SecretForm};
use super::service::{fresh, get_key_in};
use super::store;
use super::store::rotation::{self as turns, Held, Turn};
use crate::access::Scopes;
use crate::access::error::{AccessError, Kind};
use crate::access::key::{self, Pepper};
use crate::access::model::{IssuedKey, Key};
use crate::access::service::{By, change};
use crate::access::store::{Change, record};
use crate::kernel::Micros;
use crate::kernel::id::KeyId;
use crate::kernel::secret::Secret;
use crate::storage::{Db, Tx};
use serde_json::json;

/// Gives a key a new secret. With an old secret that ends at once, every older one ends and a rotation
/// that is under way is over; otherwise at most two are ever valid together.
pub async fn rotate_key(
    db: &Db,
    by: &By<'_>,
    pepper: &Pepper,
    id: KeyId,
    rotation: impl Into<Rotation>,
) -> Result<IssuedKey, AccessError> {
    let mut tx = db.begin().await?;
    let issued = rotate_key_in(&mut tx, by, pepper, (id, &rotation.into())).await?;
    tx.commit().await?;
    Ok(issued)
}

/// The same in a transaction.
pub async fn rotate_key_in(
    tx: &mut Tx,
    by: &By<'_>,
    pepper: &Pepper,
    (id, rotation): (KeyId, &Rotation),
) -> Result<IssuedKey, AccessError> {
    rotation.times(by.now)?;
    let Some(held) = turns::hold_key(tx, id, None, by.now).await? else {
        return Err(gone(tx, by, id).await);
    };
    let (text, change) = rotate_in(tx, by, pepper, (id, held), rotation).await?;
    record(tx, by, change).await?;
    Ok(IssuedKey { key: get_key_in(tx, id, by.now).await?, text })
}

/// A key that cannot be held: it does not exist or it is revoked.
pub(in crate::access) async fn gone(tx: &mut Tx, by: &By<'_>, id: KeyId) -> AccessError {
    match get_key_in(tx, id, by.now).await {
        Ok(_) => AccessError::Revoked(Kind::Key),
        Err(error) => error,
    }
}

/// Rotates a key that is held; the new text, and the change to record. Whoever gets the text gets what the key
/// may do, so that is given as to a new key.
pub(super) async fn rotate_in(
    tx: &mut Tx,
    by: &By<'_>,
    pepper: &Pepper,
    (id, held): (KeyId, Held),
    rotation: &Rotation,
) -> Result<(Secret, Change), AccessError> {
    by.may_give(Scopes::default(), held.scopes)?;
    let (start, end) = rotation.times(by.now)?;
    if let Some(at) = held.expires_at.filter(|at| *at <= start) {
        return Err(AccessError::Expired(at));
    }
    turns::hold_secrets(tx, id).await?;
    turns::forget_secrets(tx, id, by.now).await?;
    let present = turns::turns(tx, id, by.now).await?;
    if present.iter().any(|turn| turn.form == SecretForm::Jwk) {
        let why = "This client signs with keys of its own: give it another `jwks` instead.";
        return Err(AccessError::Unfit(why.to_owned()));
    }
    let under_way = present.iter().filter_map(|turn| turn.expires_at).max();
    if let Some(until) = under_way.filter(|_| end > by.now) {
        return Err(AccessError::Rotating(until));
    }
    turns::end_secrets(tx, id, end).await?;
    if end == by.now {
        turns::end_tokens(tx, id).await?;
    }
    let text = key::another(held.kind, held.environment, id)?;
    let hash = key::hash(pepper, text.reveal());
    let mut secret = fresh(&text, &hash, by.now);
    secret.starts_at = (start > by.now).then_some(start);
    store::insert_secret(tx, id, &hash, &secret).await?;
    let detail = json!({ "secret": secret.id, "starts_at": start, "old_ends_at": end });
    // What ends the old secret at once can be done to a frozen key: that is what a freeze waits for.
    let narrows = end == by.now;
    Ok((text, Change { narrows, ..change(Kind::Key, id, "rotate", detail) }))
}

/// Ends the old secret of a rotation now; the new one works from now on. Where that was to begin later, it does so
/// only with `begun`: its holder may not have it yet.
pub async fn finish_rotation(
    db: &Db,
    by: &By<'_>,
    id: KeyId,
    begun: Begun,
) -> Result<Key, AccessError> {
    settle(db, by, id, Way::Forward(begun)).await
}

/// Takes a rotation back while both secrets are there: the old one stays, the new one ends now.
pub async fn roll_back_rotation(db: &Db, by: &By<'_>, id: KeyId) -> Result<Key, AccessError> {
    settle(db, by, id, Way::Back).await
}

/// What a rotation must have come to, to be finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// The new secret works.
    Already,
    /// It may begin now.
    Now,
}

#[derive(Debug, Clone, Copy)]
enum Way {
    Forward(Begun),
    Back,
}

/// Refuses to end the secret that is in use for one that nobody expects to work.
fn has_begun(new: &Turn, begun: Begun, now: Micros) -> Result<(), AccessError> {
    match new.starts_at.filter(|at| *at > now && begun == Begun::Already) {
        None => Ok(()),
        Some(at) => Err(AccessError::Conflict(format!(
            "The new secret begins at {at}: wait for it, or say `now` to begin it now and to end the old one."
        ))),
    }
}

async fn settle(db: &Db, by: &By<'_>, id: KeyId, way: Way) -> Result<Key, AccessError> {
    let mut tx = db.begin().await?;
    if turns::hold_key(&mut tx, id, None, by.now).await?.is_none() {
        return Err(gone(&mut tx, by, id).await);
    }
    turns::hold_secrets(&mut tx, id).await?;
    let present = turns::turns(&mut tx, id, by.now).await?;
    let [.., old, new] = present.as_slice() else { return Err(AccessError::NotRotating) };
    if old.expires_at.is_none() {
        return Err(AccessError::NotRotating);
    }
    let set = async |tx: &mut Tx, turn: &Turn, starts: Option<Micros>, ends: Option<Micros>| {
        turns::set_times(tx, &turn.hash, starts, ends).await
    };
    let op = match way {
        Way::Forward(begun) => {
            has_begun(new, begun, by.now)?;
            set(&mut tx, old, old.starts_at, Some(by.now)).await?;
            set(&mut tx, new, None, new.expires_at).await?;
            "finish_rotation"
        }
        Way::Back => {
            set(&mut tx, old, old.starts_at, None).await?;
            set(&mut tx, new, new.starts_at, Some(by.now)).await?;
            turns::take_back(&mut tx, &new.hash).await?;
            "roll_back_rotation"
        }
    };
    // A token may have been got for the secret that ends.
    turns::end_tokens(&mut tx, id).await?;
    let ended = match way {
        Way::Forward(_) => old,
        Way::Back => new,
    };
    let detail = json!({ "ended": &ended.hash[..12] });
    record(&mut tx, by, change(Kind::Key, id, op, detail)).await?;
    let key = get_key_in(&mut tx, id, by.now).await?;
    tx.commit().await?;
    Ok(key)
}
