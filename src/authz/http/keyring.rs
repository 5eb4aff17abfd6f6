//! The keys that sign tokens, as this node holds them.
//!
//! Which key signs follows from instants in the database alone ([`crate::authz::keys`]), so all nodes sign with the same
//! one: each is published a day before it does, and a node looks every few seconds. Private keys are derived when they
//! are needed and stored nowhere.

use crate::access::Pepper;
use crate::access::oauth::jwk::Verifier;
use crate::authz::jwk::EcJwk;
use crate::authz::keys::{KeyRing, KeyStage, PublishedKeys};
use crate::authz::signing::SigningKey;
use crate::authz::store::keys::{self, KeySigns, NoSigningKey, StoredSigningKey};
use crate::consent::evidence_keys::EvidenceKeys;
use crate::kernel::{Clock, Micros};
use crate::storage::Db;
use arc_swap::ArcSwap;
use std::sync::Arc;

/// The keys of a node.
#[derive(Debug)]
pub struct SigningKeys {
    db: Db,
    clock: Clock,
    pepper: Arc<Pepper>,
    access_life_most_s: u16,
    held: ArcSwap<HeldKeys>,
}

/// What was read last.
#[derive(Debug)]
struct HeldKeys {
    ring: KeyRing,
    evidence: EvidenceKeys<EcJwk>,
    /// The keys that sign, will, or have of late.
    signers: Vec<Arc<SigningKey>>,
    /// What checks the tokens that can work.
    verifiers: Arc<[Verifier]>,
}

impl SigningKeys {
    /// The keys of an issuer whose access tokens about customers work for so many seconds at the most. None is known
    /// before [`Self::look`] has read them.
    #[must_use]
    pub fn new((db, clock): (Db, Clock), pepper: Arc<Pepper>, access_life_most_s: u16) -> Self {
        let held = HeldKeys {
            ring: KeyRing::new(Vec::new(), access_life_most_s),
            evidence: EvidenceKeys::new(Vec::new()),
            signers: Vec::new(),
            verifiers: Arc::from(Vec::new()),
        };
        Self { db, clock, pepper, access_life_most_s, held: ArcSwap::from_pointee(held) }
    }

    /// Makes the next key where one is due, and reads all that there are.
    pub async fn look(&self) -> Result<(), NoSigningKey> {
        let now = self.clock.now();
        let mut stored = keys::all(&self.db, KeySigns::Tokens).await?;
        // Looked at first, so that nothing is locked for nothing.
        if self.ring(&stored).due(now).is_some() {
            self.make(now).await?;
            stored = keys::all(&self.db, KeySigns::Tokens).await?;
        }
        let evidence = keys::evidence(&self.db).await?;
        self.held.store(Arc::new(self.hold(&stored, evidence, now)?));
        Ok(())
    }

    async fn make(&self, now: Micros) -> Result<(), NoSigningKey> {
        let due = |stored: &[StoredSigningKey]| self.ring(stored).due(now);
        let made = keys::make_due(&self.db, (&*self.pepper, KeySigns::Tokens), due, now).await?;
        if let Some(made) = made {
            let (kid, from) = (made.times.public.thumbprint(), made.times.active_from);
            tracing::info!(%kid, %from, "a key was made that signs tokens from then on");
        }
        Ok(())
    }

    fn ring(&self, stored: &[StoredSigningKey]) -> KeyRing {
        KeyRing::new(stored.iter().map(|key| key.times).collect(), self.access_life_most_s)
    }

    fn hold(
        &self,
        stored: &[StoredSigningKey],
        evidence: EvidenceKeys<EcJwk>,
        now: Micros,
    ) -> Result<HeldKeys, NoSigningKey> {
        let ring = self.ring(stored);
        let live: Vec<EcJwk> = ring
            .stages(now)
            .filter(|(_, stage)| *stage != KeyStage::Gone)
            .map(|(key, _)| key.public)
            .collect();
        let known = self.held.load_full();
        let mut signers = Vec::with_capacity(live.len());
        for key in stored.iter().filter(|key| live.contains(&key.times.public)) {
            let held = known.signers.iter().find(|held| *held.public() == key.times.public);
            signers.push(match held {
                Some(held) => Arc::clone(held),
                None => Arc::new(keys::signer(&self.pepper, KeySigns::Tokens, key)?),
            });
        }
        let verifiers: Vec<Verifier> = live.iter().filter_map(EcJwk::verifier).collect();
        Ok(HeldKeys { ring, evidence, signers, verifiers: Arc::from(verifiers) })
    }

    /// The key that signs now; `None` where this node knows of none yet.
    #[must_use]
    pub fn signer(&self, now: Micros) -> Option<Arc<SigningKey>> {
        let held = self.held.load();
        let active = held.ring.active(now)?;
        held.signers.iter().find(|key| key.public() == active).cloned()
    }

    /// What checks tokens of this issuer.
    #[must_use]
    pub fn verifiers(&self) -> Arc<[Verifier]> {
        Arc::clone(&self.held.load().verifiers)
    }

    /// The public keys, as they are published.
    #[must_use]
    pub fn published(&self, now: Micros) -> PublishedKeys {
        let held = self.held.load();
        held.ring.published(&held.evidence, now)
    }
}
