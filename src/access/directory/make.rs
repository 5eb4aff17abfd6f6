//! Making the records of keys from their rows.

use super::record::{Granted, KeyRecord, SecretRecord};
use super::{Directory, Plans};
use crate::access::Environment;
use crate::access::model::Definition;
use crate::access::service::{KeyRow, KeySecretRow};
use crate::access::terms::PlanAt;
use crate::kernel::Micros;
use crate::kernel::id::PlanId;
use crate::limit::{Limiter, Per, SubjectId};
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

/// Makes records for a directory that comes after another.
pub(super) struct Maker<'a> {
    /// Holds the counters.
    pub(super) limiter: &'a Limiter,
    /// The directory before.
    pub(super) before: &'a Directory,
    /// From when on the records hold.
    pub(super) now: Micros,
    /// What is known of plans; what is met is added.
    pub(super) plans: Plans,
}

fn subject_id(row: &KeyRow) -> SubjectId {
    SubjectId {
        partner: row.partner,
        app: row.app,
        key: row.key,
        live: row.environment == Environment::Live,
        partner_since: row.partner_since,
        app_since: row.app_since,
    }
}

impl Maker<'_> {
    /// The records of a key, each with the one behind it.
    pub(super) fn records(&mut self, row: &KeyRow) -> Arc<KeyRecord> {
        let (mut until, mut next) = (Micros(i64::MAX), None);
        for at in row.turns(self.now).into_iter().rev() {
            next = Some(Arc::new(self.record(row, at, (until, next.take()))));
            until = at;
        }
        Arc::new(self.record(row, self.now, (until, next)))
    }

    fn record(
        &mut self,
        row: &KeyRow,
        at: Micros,
        (until, next): (Micros, Option<Arc<KeyRecord>>),
    ) -> KeyRecord {
        let granted = self.granted(row, at);
        let mixed = |per| row.terms.mixed && per == Per::Partner;
        let known = self.before.keys.get(&row.key);
        KeyRecord {
            key: row.key,
            kind: row.kind,
            token_generation: row.token_generation,
            next_at: known.map_or_else(Arc::default, |key| Arc::clone(&key.next_at)),
            environment: row.environment,
            app: row.app,
            app_since: row.app_since,
            partner: row.partner,
            partner_since: row.partner_since,
            scopes: row.scopes,
            cidrs: row.cidrs.as_slice().into(),
            expires_at: row.expires_at,
            standing: row.standing_at(at),
            contract: row.terms.contract,
            frozen: row.terms.frozen.clone().map(|(_, told)| told).unwrap_or_default(),
            until,
            next,
            secrets: row.secrets.iter().map(secret).collect(),
            subject: self.limiter.subject(subject_id(row), &granted.terms, mixed),
            stock_disclosure: granted.disclosure(row.scopes),
            granted,
        }
    }

    /// What a key is granted at an instant. All keys of a plan version have the same one, now and later: the counters
    /// of an app go by it, and would go over from one to the other with each call.
    fn granted(&mut self, row: &KeyRow, at: Micros) -> Arc<Granted> {
        let PlanAt { plan, version, definition, .. } = row.plan_at(at);
        self.grants((plan, version), definition, row.environment)
    }

    /// What `definition`, the `version` of `plan`, grants one side of the counter.
    pub(super) fn grants(
        &mut self,
        (plan, version): (PlanId, u32),
        definition: &Definition,
        environment: Environment,
    ) -> Arc<Granted> {
        let known = self.plans.entry((plan, version, environment)).or_default();
        known.upgrade().unwrap_or_else(|| {
            let new = Arc::new(Granted::new((plan, version), definition, environment));
            *known = Arc::downgrade(&new);
            new
        })
    }
}

fn secret(row: &KeySecretRow) -> SecretRecord {
    SecretRecord {
        hash: row.hash,
        form: row.form,
        starts_at: row.starts_at,
        expires_at: row.expires_at,
        taken_back: row.taken_back,
        last_used: AtomicI64::new(0),
        jwk: row.jwk.as_deref().map(Into::into),
    }
}
