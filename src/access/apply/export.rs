//! What is there, as the file that would make it so.

use super::current::Current;
use super::file::{
    AppEntry, File, KeyEntry, KeySwitched, NextPlan, PartnerEntry, PlanEntry, Switched, VERSION,
};
use crate::access::Environment;
use crate::access::keys::model::KeyKind;
use crate::access::model::{App, Cidr, Key, Name, Partner, Plan};
use crate::access::oauth::jwk::JwkSet;
use crate::access::offers::Offer;
use crate::access::partners::Profile;
use crate::kernel::id::PlanId;
use std::collections::{HashMap, HashSet};

/// What is there, by name, and by id too where `with_ids`: every member, also those that are as they are anyway, so that to apply the file later
/// brings all of it back. Secrets are in no file; what is revoked is left out.
#[must_use]
pub fn export(current: &Current, with_ids: bool) -> File {
    let names: HashMap<PlanId, &Name> =
        current.plans.iter().map(|(plan, _)| (plan.id, &plan.name)).collect();
    let each = |of| plan(of, with_ids);
    let mut plans: Vec<PlanEntry> = current.plans.iter().map(each).collect();
    plans.sort_by(|a, b| a.name.as_str().cmp(b.name.as_str()));
    let each = |partner| partner_entry(partner, (current, with_ids), &names);
    let mut partners: Vec<PartnerEntry> = current.partners.iter().map(each).collect();
    partners.sort_by(|a, b| a.name.as_str().cmp(b.name.as_str()));
    File { version: VERSION, plans, partners }
}

fn plan((plan, offer): &(Plan, Offer), with_ids: bool) -> PlanEntry {
    PlanEntry {
        id: with_ids.then_some(plan.id),
        name: plan.name.clone(),
        limits: plan.definition.limits.clone(),
        stock_disclosure: Some(plan.definition.stock_disclosure),
        weights: Some(plan.definition.weights.clone()),
        when_degraded: Some(plan.definition.when_degraded),
        prices: Some(plan.definition.prices.clone()),
        data: Some(plan.definition.data.clone()),
        approval: Some(offer.approval),
        public: Some(offer.public),
        description: Some(offer.description.clone()),
    }
}

fn partner_entry(
    partner: &Partner,
    of: (&Current, bool),
    plans: &HashMap<PlanId, &Name>,
) -> PartnerEntry {
    let Profile { external_ref, contacts, contract } = partner.profile.clone();
    let (current, with_ids) = of;
    let apps = current.apps_of(partner.id).iter();
    let mut apps: Vec<AppEntry> = apps.filter_map(|app| app_entry(app, of, plans)).collect();
    apps.sort_by(|a, b| a.name.as_str().cmp(b.name.as_str()));
    PartnerEntry {
        id: with_ids.then_some(partner.id),
        name: partner.name.clone(),
        status: Switched::of(partner.status),
        external_ref: Some(external_ref),
        contacts: Some(contacts),
        contract: Some(contract),
        apps,
    }
}

fn app_entry(
    app: &App,
    (current, with_ids): (&Current, bool),
    plans: &HashMap<PlanId, &Name>,
) -> Option<AppEntry> {
    let name_of = |id: PlanId| plans.get(&id).map(|name| (*name).clone());
    let next = current.scheduled.get(&app.id);
    let next = next.and_then(|(plan, at)| Some(NextPlan { plan: name_of(*plan)?, starts_at: *at }));
    let keys = current.keys_of(app.id);
    let (mut once, mut twice) = (HashSet::new(), HashSet::new());
    let called = |key: &Key| (key.kind, key.spec.environment, key.spec.name.to_string());
    for key in keys {
        if !once.insert(called(key)) {
            twice.insert(called(key));
        }
    }
    let each = |key: &Key| key_entry(key, with_ids || twice.contains(&called(key)), current);
    let mut keys: Vec<KeyEntry> = keys.iter().map(each).collect();
    let place = |key: &KeyEntry| {
        let environment = key.environment.map(Environment::as_str);
        (key.kind, key.name.to_string(), environment, key.id)
    };
    keys.sort_by_cached_key(place);
    Some(AppEntry {
        id: with_ids.then_some(app.id),
        name: app.name.clone(),
        status: Switched::of(app.status),
        plan: name_of(app.plan)?,
        next_plan: Some(next),
        keys,
    })
}

fn key_entry(key: &Key, with_id: bool, current: &Current) -> KeyEntry {
    let spec = &key.spec;
    KeyEntry {
        id: with_id.then_some(key.id),
        kind: Some(key.kind).filter(|kind| *kind != KeyKind::Key),
        name: spec.name.clone(),
        status: KeySwitched::of(key.status),
        environment: Some(spec.environment),
        scopes: Some(spec.scopes.iter().collect()),
        cidrs: Some(spec.cidrs.iter().copied().map(Cidr).collect()),
        expires_at: Some(spec.expires_at),
        jwks: current.jwks_of(key.id).map(JwkSet::stored),
    }
}
