//! The keys that manifests are signed with (EdDSA, Ed25519).
//!
//! A private key is derived from the pepper and the number of its generation, so every node signs alike and none is
//! stored: who has the pepper can sign. The public ones are in the database, and published for ever as a JWKS.

pub mod api;
mod jwk;
mod store;

pub use jwk::{Jwk, Jwks};
pub use store::StoredKey;

use crate::access::Pepper;
use crate::access::audit::{self, Deed};
use crate::access::service::By;
use crate::storage::{Db, StoreError};
use aws_lc_rs::error::{KeyRejected, Unspecified};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use jsonwebtoken::EncodingKey;
use serde_json::json;

/// What the seeds are derived for.
const PURPOSE: &str = "comptoir usage manifests, Ed25519 seed";

/// Why nothing can be signed.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The published key is not the one that is derived here.
    #[error(
        "signing key {0} was derived from another pepper: give this node the pepper of the nodes that made it"
    )]
    OtherPepper(String),
    /// The library refused.
    #[error("a signing key cannot be made")]
    Refused,
}

impl From<KeyRejected> for KeyError {
    fn from(_: KeyRejected) -> Self {
        Self::Refused
    }
}

impl From<Unspecified> for KeyError {
    fn from(_: Unspecified) -> Self {
        Self::Refused
    }
}

/// What signs.
pub struct Signer {
    /// Its public half.
    pub public: Jwk,
    private: EncodingKey,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Signer").field(&self.public.kid).finish()
    }
}

impl Signer {
    /// The key of a generation.
    pub fn derived(pepper: &Pepper, generation: i64) -> Result<Self, KeyError> {
        let seed = zeroize::Zeroizing::new(pepper.derive(PURPOSE, &generation.to_string()));
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed[..])?;
        let public = Jwk::of(pair.public_key().as_ref());
        let private = EncodingKey::from_ed_der(pair.to_pkcs8v1()?.as_ref());
        Ok(Self { public, private })
    }

    /// The private half.
    pub(super) fn private(&self) -> &EncodingKey {
        &self.private
    }
}

/// The newest key; the first is made here.
pub async fn current(db: &Db, by: &By<'_>, pepper: &Pepper) -> Result<Signer, KeyError> {
    match store::newest(&mut db.snapshot().await?).await? {
        Some(stored) => checked(pepper, &stored),
        None => next(db, by, pepper, true).await,
    }
}

/// A new key, which signs from now on. The others stay published.
pub async fn rotate(db: &Db, by: &By<'_>, pepper: &Pepper) -> Result<Signer, KeyError> {
    next(db, by, pepper, false).await
}

async fn next(db: &Db, by: &By<'_>, pepper: &Pepper, first: bool) -> Result<Signer, KeyError> {
    let mut tx = db.begin().await?;
    store::lock(&mut tx).await?;
    let before = store::newest(&mut tx).await?;
    if let (Some(stored), true) = (&before, first) {
        // Another process was quicker.
        return checked(pepper, stored);
    }
    let generation = before.as_ref().map_or(0, |before| before.generation) + 1;
    let signer = Signer::derived(pepper, generation)?;
    store::retire(&mut tx, by.now).await?;
    let Jwk { kid, x, .. } = &signer.public;
    store::insert(&mut tx, kid, generation, x, by.now).await?;
    let action = if before.is_some() { "signing_key.rotate" } else { "signing_key.create" };
    let detail = json!({ "generation": generation });
    let deed = Deed { action: action.to_owned(), subject: kid.clone(), detail };
    audit::append(&mut tx, by, deed).await?;
    tx.commit().await?;
    Ok(signer)
}

fn checked(pepper: &Pepper, stored: &StoredKey) -> Result<Signer, KeyError> {
    let signer = Signer::derived(pepper, stored.generation)?;
    if signer.public.x == stored.public {
        Ok(signer)
    } else {
        Err(KeyError::OtherPepper(stored.kid.clone()))
    }
}

/// Every key that there ever was, the newest first.
pub async fn published(db: &Db) -> Result<Jwks, StoreError> {
    let keys = store::all(db).await?;
    Ok(Jwks { keys: keys.into_iter().map(|key| Jwk::named(key.kid, key.public)).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Micros;
    use crate::storage::testing::database;

    #[tokio::test]
    async fn each_node_signs_alike_and_old_keys_stay_published() {
        let (db, pepper) = (database().await, Pepper::random().unwrap());
        let by = By::new("cli", Micros(1));
        let first = current(&db, &by, &pepper).await.unwrap();
        assert_eq!(current(&db, &by, &pepper).await.unwrap().public, first.public);
        let second = rotate(&db, &by, &pepper).await.unwrap();
        assert_ne!(second.public, first.public);
        assert_eq!(current(&db, &by, &pepper).await.unwrap().public, second.public);
        let kids: Vec<_> = published(&db).await.unwrap().keys;
        assert_eq!(kids, [second.public, first.public]);
        let other = Pepper::random().unwrap();
        let refused = current(&db, &by, &other).await;
        assert!(matches!(refused, Err(KeyError::OtherPepper(_))), "{refused:?}");
        let done = audit::store::range(&db, 0, i64::MAX, 10).await.unwrap();
        let actions: Vec<&str> = done.iter().map(|(entry, _)| entry.action.as_str()).collect();
        assert_eq!(actions, ["signing_key.create", "signing_key.rotate"]);
    }
}
