//! What is there, as the file that would make it so.

use super::file::{AppEntry, File, KeyEntry, NextPlan, PartnerEntry, PlanEntry, Switched, VERSION};
use super::run::Current;
use crate::access::keys::model::KeyKind;
use crate::access::model::{App, Cidr, Key, Name, Partner, Plan, Status};
use crate::access::offers::Offer;
use crate::access::partners::Profile;
use crate::kernel::id::PlanId;
use std::collections::{HashMap, HashSet};

/// What is there, by name. Secrets are in no file; what is revoked is left out.
#[must_use]
pub fn export(current: &Current) -> File {
    let names: HashMap<PlanId, &Name> =
        current.plans.iter().map(|(plan, _)| (plan.id, &plan.name)).collect();
    let mut plans: Vec<PlanEntry> = current.plans.iter().map(plan).collect();
    plans.sort_by(|a, b| a.name.as_str().cmp(b.name.as_str()));
    let each = |partner| partner_entry(partner, current, &names);
    let mut partners: Vec<PartnerEntry> = current.partners.iter().map(each).collect();
    partners.sort_by(|a, b| a.name.as_str().cmp(b.name.as_str()));
    File { version: VERSION, plans, partners }
}

/// A status that has to be said.
fn said(status: Status) -> Option<Switched> {
    Switched::of(status).filter(|status| *status != Switched::Active)
}

fn plan((plan, offer): &(Plan, Offer)) -> PlanEntry {
    PlanEntry {
        id: None,
        name: plan.name.clone(),
        limits: plan.definition.limits.clone(),
        stock_disclosure: Some(plan.definition.stock_disclosure),
        weights: Some(plan.definition.weights.clone()).filter(|weights| !weights.is_empty()),
        when_degraded: Some(plan.definition.when_degraded),
        prices: plan.definition.prices.clone().map(Some),
        data: Some(plan.definition.data.clone()).filter(|data| !data.is_everything()),
        approval: Some(offer.approval),
        public: Some(offer.public),
        description: offer.description.clone().map(Some),
    }
}

fn partner_entry(
    partner: &Partner,
    current: &Current,
    plans: &HashMap<PlanId, &Name>,
) -> PartnerEntry {
    let Profile { external_ref, contacts, contract } = partner.profile.clone();
    let apps = current.apps_of(partner.id).iter();
    let mut apps: Vec<AppEntry> = apps.filter_map(|app| app_entry(app, current, plans)).collect();
    apps.sort_by(|a, b| a.name.as_str().cmp(b.name.as_str()));
    PartnerEntry {
        id: None,
        name: partner.name.clone(),
        status: said(partner.status),
        external_ref: external_ref.map(Some),
        contacts: Some(contacts).filter(|contacts| !contacts.is_empty()),
        contract: contract.map(Some),
        apps,
    }
}

fn app_entry(app: &App, current: &Current, plans: &HashMap<PlanId, &Name>) -> Option<AppEntry> {
    let name_of = |id: PlanId| plans.get(&id).map(|name| (*name).clone());
    let next = current.scheduled.get(&app.id);
    let next = next.and_then(|(plan, at)| Some(NextPlan { plan: name_of(*plan)?, starts_at: *at }));
    let keys = current.keys_of(app.id);
    let (mut once, mut twice) = (HashSet::new(), HashSet::new());
    for key in keys.iter().filter(|key| key.kind == KeyKind::Key) {
        if !once.insert(key.spec.name.as_str()) {
            twice.insert(key.spec.name.as_str());
        }
    }
    let by_id = |key: &Key| key.kind == KeyKind::Client || twice.contains(key.spec.name.as_str());
    let each = |key: &Key| key_entry(key, by_id(key));
    let mut keys: Vec<KeyEntry> = keys.iter().map(each).collect();
    keys.sort_by(|a, b| (a.name.as_str(), a.id).cmp(&(b.name.as_str(), b.id)));
    Some(AppEntry {
        id: None,
        name: app.name.clone(),
        status: said(app.status),
        plan: name_of(app.plan)?,
        next_plan: next.map(Some),
        keys,
    })
}

fn key_entry(key: &Key, by_id: bool) -> KeyEntry {
    let spec = &key.spec;
    KeyEntry {
        id: by_id.then_some(key.id),
        name: spec.name.clone(),
        status: said(key.status.switched()),
        environment: Some(spec.environment),
        scopes: Some(spec.scopes.iter().collect()),
        cidrs: Some(spec.cidrs.iter().copied().map(Cidr).collect()),
        expires_at: spec.expires_at.map(Some),
    }
}
