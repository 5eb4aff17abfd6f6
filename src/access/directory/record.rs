//! A key as calls are judged by it.

use crate::access::Scopes;
use crate::access::keys::model::{KeyKind, SecretForm, SecretUse};
use crate::access::model::{Definition, StockDisclosure};
use crate::access::plan::PlanData;
use crate::access::terms::{Level, Told, Window};
use crate::access::{Environment, Scope};
use crate::kernel::Micros;
use crate::kernel::clock::SECOND;
use crate::kernel::id::{AppId, KeyId, PartnerId, PlanId};
use crate::limit::{Subject, SubjectId, Terms};
use actix_web::http::header::HeaderValue;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// Whether a key may be used at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It may.
    Good,
    /// The key is in quarantine: it may look, once a second.
    Quarantined,
    /// This is suspended.
    Suspended(Level),
    /// This is frozen.
    Frozen(Level),
    /// The partner's contract has not begun.
    BeforeContract,
    /// The partner's contract is over.
    AfterContract,
    /// The key is revoked for good.
    Revoked,
}

/// Why a secret of a key does not work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unusable {
    /// It begins then.
    Before(Micros),
    /// It was replaced, and its overlap was over then.
    Replaced(Micros),
    /// The rotation that made it was taken back then.
    TakenBack(Micros),
}

/// One secret of a key. A copy has noted no use.
#[derive(Debug)]
pub struct SecretRecord {
    /// What is compared, by the form.
    pub hash: [u8; 32],
    /// What it is checked by.
    pub form: SecretForm,
    /// When it begins, where that is not at once.
    pub starts_at: Option<Micros>,
    /// When a rotation ends its life.
    pub expires_at: Option<Micros>,
    /// Whether that rotation was taken back.
    pub taken_back: bool,
    /// Last use on this node in microseconds, 0 for none since the last time it was stored.
    pub last_used: AtomicI64,
    /// The public key of a client that signs, as JSON.
    pub jwk: Option<Box<str>>,
}

impl Clone for SecretRecord {
    fn clone(&self) -> Self {
        let Self { hash, form, starts_at, expires_at, taken_back, .. } = *self;
        let (last_used, jwk) = (AtomicI64::new(0), self.jwk.clone());
        Self { hash, form, starts_at, expires_at, taken_back, last_used, jwk }
    }
}

impl SecretRecord {
    /// Why it does not work at an instant; none where it does.
    #[must_use]
    pub fn unusable(&self, now: Micros) -> Option<Unusable> {
        match (self.expires_at, self.starts_at) {
            (Some(at), _) if at <= now && self.taken_back => Some(Unusable::TakenBack(at)),
            (Some(at), _) if at <= now => Some(Unusable::Replaced(at)),
            (_, Some(at)) if at > now => Some(Unusable::Before(at)),
            _ => None,
        }
    }

    /// Whether it works at an instant.
    #[must_use]
    pub fn works(&self, now: Micros) -> bool {
        self.unusable(now).is_none()
    }

    /// Notes a use. Once a second is enough to show the last one, and keeps the line out of the writers'
    /// way.
    pub fn note_use(&self, now: Micros) {
        if now.0 - self.last_used.load(Ordering::Relaxed) > SECOND {
            self.last_used.store(now.0, Ordering::Relaxed);
        }
    }
}

/// What a version of a plan grants the keys of one side of the counter: one for all of them, so that it stays near
/// however many they are.
#[derive(Debug)]
pub struct Granted {
    /// The plan.
    pub plan: PlanId,
    /// Its version.
    pub version: u32,
    /// The limits and weights.
    pub terms: Arc<Terms>,
    /// Their header, `RateLimit-Policy`, where it is the same for every call.
    pub policy_header: HeaderValue,
    /// What of the retailer's data it includes; none where that is everything.
    pub data: Option<Arc<PlanData>>,
    /// Whether it has limits for the partner, on either side.
    pub(super) of_partner: bool,
    disclosure: StockDisclosure,
}

impl Granted {
    /// What `definition`, the `version` of `plan`, grants one side.
    pub(super) fn new(
        (plan, version): (PlanId, u32),
        definition: &Definition,
        environment: Environment,
    ) -> Self {
        let terms = definition.terms(environment == Environment::Live);
        let header = HeaderValue::from_str(&terms.limits.policy_header(|_| 0));
        Self {
            plan,
            version,
            terms: Arc::new(terms),
            policy_header: header.unwrap_or(HeaderValue::from_static("")),
            data: Some(&definition.data).filter(|data| !data.is_everything()).cloned(),
            of_partner: definition.limits.of_partner(),
            disclosure: definition.stock_disclosure,
        }
    }

    /// How much of a quantity in stock plan and scopes together let a key know.
    pub(super) fn disclosure(&self, scopes: Scopes) -> StockDisclosure {
        let by_scope = match scopes.has(Scope::StockQuantity) {
            true => StockDisclosure::Exact,
            false => StockDisclosure::Band,
        };
        by_scope.min(self.disclosure)
    }
}

/// A key and all that decides about its calls. With very many keys each call finds the record of its key far away in
/// memory, so what every call asks for stands in the record itself or in what all keys of a plan share.
#[derive(Debug, Clone)]
pub struct KeyRecord {
    /// Until when this record holds: then `next` does.
    pub until: Micros,
    /// Its secrets, one or two.
    pub secrets: SmallVec<[SecretRecord; 1]>,
    /// Whether it may be used.
    pub standing: Standing,
    /// How its holder shows it.
    pub kind: KeyKind,
    /// Live or test.
    pub environment: Environment,
    /// How much of a quantity in stock the plan and the scopes together let it know.
    pub stock_disclosure: StockDisclosure,
    /// When it ends.
    pub expires_at: Option<Micros>,
    /// What the key may do.
    pub scopes: Scopes,
    /// Where it may be used from; empty means anywhere.
    pub cidrs: Box<[IpNet]>,
    /// What the version of the plan in force grants.
    pub granted: Arc<Granted>,
    /// The counters of the key, its app and its partner, each shared by all that count on it.
    pub subject: Subject,
    /// The key.
    pub key: KeyId,
    /// The app it belongs to.
    pub app: AppId,
    /// When it first subscribed to a plan.
    pub(super) app_since: Micros,
    /// The partner that the app belongs to.
    pub partner: PartnerId,
    /// When its contract began, or it was created where none is known.
    pub(super) partner_since: Micros,
    /// What holds from `until` on, known already.
    pub next: Option<Arc<KeyRecord>>,
    /// When the partner's contract holds.
    pub contract: Window,
    /// What the caller is told of a freeze.
    pub frozen: Told,
    /// The generation of its access tokens: those of others work no more.
    pub token_generation: u32,
    /// In quarantine or barred: when the next call may come, on this node.
    pub next_at: Arc<AtomicI64>,
}

impl KeyRecord {
    /// Whose counters its calls count on.
    pub(super) fn subject_id(&self) -> SubjectId {
        let Self { partner, app, key, partner_since, app_since, .. } = *self;
        let live = self.environment == Environment::Live;
        SubjectId { partner, app, key, live, partner_since, app_since }
    }

    /// Takes the one call a second that is left to a key in quarantine or barred; the seconds to wait where it is taken.
    pub fn pace(&self, now: Micros) -> Result<(), u64> {
        let next = |at: i64| {
            // A clock that was set back makes nobody wait longer than a second.
            (at <= now.0 || at > now.0 + SECOND).then_some(now.0 + SECOND)
        };
        match self.next_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next) {
            Ok(_) => Ok(()),
            Err(_) => Err(1),
        }
    }

    /// This record and those behind it.
    pub(super) fn chain(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |record| record.next.as_deref())
    }

    /// The uses of its secrets since the last time this was asked.
    pub(super) fn take_uses(&self) -> impl Iterator<Item = SecretUse> {
        let secrets = self.chain().flat_map(|record| &record.secrets);
        secrets.filter_map(|secret| match secret.last_used.swap(0, Ordering::Relaxed) {
            0 => None,
            at => Some(SecretUse { key: self.key, hash: secret.hash, at: Micros(at) }),
        })
    }

    /// Takes over a use of what was in its place; false where it has no such secret any more.
    pub(super) fn keep_use(&self, used: &SecretUse) -> bool {
        let same = self.secrets.iter().find(|secret| secret.hash == used.hash);
        same.map(|same| same.last_used.fetch_max(used.at.0, Ordering::Relaxed)).is_some()
    }
}
