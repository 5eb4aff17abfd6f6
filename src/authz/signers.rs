//! The keys that a node signs with now, made where there are none yet.
//!
//! All nodes derive the same ones from their pepper, so whichever comes first makes them for all.

use super::jwk::EcJwk;
use super::keys::{KeyRing, KeyTimes};
use super::signing::{CannotSign, SigningKey};
use super::store::keys::{self, KeySigns, NoSigningKey, StoredSigningKey};
use crate::access::Pepper;
use crate::access::oauth::jwk::Verifier;
use crate::consent::evidence_keys::{EvidenceKey, EvidenceKeys};
use crate::consent::proof::signs::{SignsClaims, Unsigned};
use crate::kernel::Micros;
use crate::storage::{Db, StoreError};
use serde_json::{Value, json};
use std::sync::Arc;

/// What finds the keys.
#[derive(Debug, Clone)]
pub struct Signers {
    db: Db,
    pepper: Arc<Pepper>,
    access_life_most_s: u16,
}

impl SignsClaims for SigningKey {
    fn jws(&self, typ: &str, claims: &Value) -> Result<String, Unsigned> {
        self.sign(typ, claims).map_err(|_| Unsigned)
    }
}

fn evidence_of(stored: &[StoredSigningKey]) -> EvidenceKeys<EcJwk> {
    let key = |key: &StoredSigningKey| {
        let KeyTimes { public, active_from, withdrawn_at } = key.times;
        EvidenceKey { public, active_from, withdrawn_at }
    };
    EvidenceKeys::new(stored.iter().map(key).collect())
}

impl Signers {
    /// The keys of a database, where access tokens work for so many seconds.
    #[must_use]
    pub fn new(db: &Db, pepper: &Arc<Pepper>, access_life_most_s: u16) -> Self {
        Self { db: db.clone(), pepper: Arc::clone(pepper), access_life_most_s }
    }

    /// The key that signs receipts and checkpoints.
    pub async fn evidence(&self, now: Micros) -> Result<SigningKey, NoSigningKey> {
        let due = |stored: &[StoredSigningKey]| evidence_of(stored).due(now);
        let stored = self.made(KeySigns::Evidence, due, now).await?;
        let active = evidence_of(&stored).active(now).copied();
        self.signer(KeySigns::Evidence, &stored, active)
    }

    /// The key that signs what partners are told: that of tokens.
    pub async fn tokens(&self, now: Micros) -> Result<SigningKey, NoSigningKey> {
        let due = |stored: &[StoredSigningKey]| self.ring(stored).due(now);
        let stored = self.made(KeySigns::Tokens, due, now).await?;
        let active = self.ring(&stored).active(now).copied();
        self.signer(KeySigns::Tokens, &stored, active)
    }

    fn ring(&self, stored: &[StoredSigningKey]) -> KeyRing {
        KeyRing::new(stored.iter().map(|key| key.times).collect(), self.access_life_most_s)
    }

    /// The stored keys, after the one was made that is due.
    async fn made(
        &self,
        signs: KeySigns,
        due: impl Fn(&[StoredSigningKey]) -> Option<Micros>,
        now: Micros,
    ) -> Result<Vec<StoredSigningKey>, NoSigningKey> {
        let stored = keys::all(&self.db, signs).await?;
        if due(&stored).is_none() {
            return Ok(stored);
        }
        keys::make_due(&self.db, (&self.pepper, signs), &due, now).await?;
        Ok(keys::all(&self.db, signs).await?)
    }

    fn signer(
        &self,
        signs: KeySigns,
        stored: &[StoredSigningKey],
        active: Option<EcJwk>,
    ) -> Result<SigningKey, NoSigningKey> {
        let active = active.ok_or(CannotSign)?;
        let key = stored.iter().find(|key| key.times.public == active).ok_or(CannotSign)?;
        keys::signer(&self.pepper, signs, key)
    }
}

/// The public keys of all evidence that are believed, as a JWK Set.
pub async fn evidence_set(db: &Db, now: Micros) -> Result<Value, StoreError> {
    let keys = keys::evidence(db).await?;
    Ok(json!({ "keys": keys.published(now).collect::<Vec<_>>() }))
}

/// The same, to check signatures with.
pub async fn evidence_verifiers(db: &Db, now: Micros) -> Result<Vec<Verifier>, StoreError> {
    let keys = keys::evidence(db).await?;
    Ok(keys.published(now).filter_map(EcJwk::verifier).collect())
}
