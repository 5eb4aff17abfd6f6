//! Putting what plans grant now in the place of what they granted, in memory: an edit of a plan changes nothing of the
//! rows of its keys, and there may be hundreds of thousands of them.
//!
//! Each key gets a new record, and no shared one tells it of the edit: a call is judged, answered and billed under one
//! version, so it would have to hold on to what it found there, in the way of all other calls that do so.

use super::make::Maker;
use super::{Directory, KeyRecord};
use crate::access::service::PlanNow;
use crate::kernel::id::{KeyId, PartnerId, PlanId};
use crate::limit::Per;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use tokio::task::yield_now;

/// Keys that are put under their new terms at a time, within a millisecond or two: then others have their turn.
const AT_ONCE: usize = 1_000;

type Plans = HashMap<PlanId, PlanNow>;

/// The plan of a record, where it is at a newer version than the record.
fn newer<'a>(record: &KeyRecord, plans: &'a Plans) -> Option<&'a PlanNow> {
    plans.get(&record.granted.plan).filter(|now| now.version > record.granted.version)
}

/// The partners whose keys are, or will be, on several plans with limits for the partner.
pub(super) fn mixed(directory: &Directory, plans: &Plans) -> HashSet<PartnerId> {
    let (mut first, mut mixed) = (HashMap::new(), HashSet::new());
    for record in directory.keys.values().flat_map(|key| key.chain()) {
        let (partner, plan) = (record.partner, record.granted.plan);
        let now = plans.get(&plan).map(|now| now.definition.limits.of_partner());
        if now.unwrap_or(record.granted.of_partner) && *first.entry(partner).or_insert(plan) != plan
        {
            mixed.insert(partner);
        }
    }
    mixed
}

impl Maker<'_> {
    /// Puts what some plans grant now before all keys that are, or will be, on them; these keys.
    pub(super) async fn edit(&mut self, directory: &mut Directory, plans: &Plans) -> Vec<KeyId> {
        let all = directory.keys.values();
        let is_behind = |key: &&Arc<KeyRecord>| key.chain().any(|at| newer(at, plans).is_some());
        let behind: Vec<_> = all.filter(is_behind).map(Arc::clone).collect();
        if behind.is_empty() {
            return Vec::new();
        }
        let mixed = mixed(directory, plans);
        for some in behind.chunks(AT_ONCE) {
            for key in some {
                directory.put(&self.edited(key, plans, mixed.contains(&key.partner)));
            }
            yield_now().await;
        }
        behind.iter().map(|key| key.key).collect()
    }

    /// The records of a key under what plans grant now.
    fn edited(&mut self, key: &Arc<KeyRecord>, plans: &Plans, mixed: bool) -> Arc<KeyRecord> {
        let chain: Vec<&KeyRecord> = key.chain().filter(|record| record.until > self.now).collect();
        let mut next = None;
        for was in chain.into_iter().rev() {
            let mut is = KeyRecord { next: next.take(), ..was.clone() };
            if let Some(PlanNow { version, definition }) = newer(was, plans) {
                is.granted = self.grants((was.granted.plan, *version), definition, was.environment);
                is.stock_disclosure = is.granted.disclosure(is.scopes);
            }
            let differ = |per| mixed && per == Per::Partner;
            is.subject = self.limiter.subject(is.subject_id(), &is.granted.terms, differ);
            next = Some(Arc::new(is));
        }
        next.unwrap_or_else(|| Arc::clone(key))
    }
}
