//! What has to be done to plans.

use super::{Act, Changed, Differ, Kind, Of};
use crate::access::apply::file::PlanEntry;
use crate::access::apply::read::{Place, Step as At};
use crate::access::history::PricesFrom;
use crate::access::model::{Definition, DefinitionPatch, Name, Plan};
use crate::access::offers::{Approval, Offer};
use crate::kernel::id::PlanId;
use std::collections::HashSet;

impl Differ<'_> {
    pub(super) fn plans(&mut self, entries: &[PlanEntry]) {
        let mut names = HashSet::new();
        for (at, entry) in entries.iter().enumerate() {
            let place: Place = vec![At::named("plans"), At::Entry(at)];
            if !names.insert(entry.name.as_str()) {
                let message = format!("`{}` stands in the file twice", entry.name);
                self.fault(&[&place[..], &[At::named("name")]].concat(), message);
                continue;
            }
            let current = self.current;
            let found = match entry.id {
                Some(id) => current.plans.iter().find(|(plan, _)| plan.id == id),
                None => current.plans.iter().find(|(plan, _)| plan.name == entry.name),
            };
            if let (Some(id), None) = (entry.id, found) {
                let message = format!("there is no plan `{id}`; leave it out to make one");
                self.fault(&[&place[..], &[At::named("id")]].concat(), message);
                continue;
            }
            let of = self.a_plan(entry, found, &place);
            self.plans.push((entry.name.clone(), of));
        }
        for (plan, _) in &self.current.plans {
            if !self.seen.plans.contains(&plan.id) {
                self.plans.push((plan.name.clone(), Of::There(plan.id)));
            }
        }
    }

    fn a_plan(
        &mut self,
        entry: &PlanEntry,
        found: Option<&(Plan, Offer)>,
        place: &[At],
    ) -> Of<PlanId> {
        let old = found.map(|(_, offer)| offer.clone()).unwrap_or_default();
        let offer = Offer {
            approval: entry.approval.unwrap_or(old.approval),
            public: entry.public.unwrap_or(old.public),
            description: entry.description.clone().unwrap_or_else(|| old.description.clone()),
        };
        let patch = DefinitionPatch {
            limits: Some(entry.limits.clone()),
            stock_disclosure: entry.stock_disclosure,
            weights: entry.weights.clone(),
            when_degraded: entry.when_degraded,
            prices: entry.prices.clone(),
            prices_from: PricesFrom::default(),
            data: entry.data.clone(),
        };
        let what = format!("plan {}", entry.name);
        let Some((plan, _)) = found else {
            let definition = patch.of(&Definition::from(entry.limits.0.clone()));
            self.holds(definition.fits(), place);
            let changes = made_with(&definition, &offer);
            let act = Act::CreatePlan(entry.name.clone(), definition, offer);
            self.step(Kind::Create, what, changes, act);
            self.made.plans += 1;
            return Of::Made(self.made.plans - 1);
        };
        if !self.seen.plans.insert(plan.id) {
            self.fault(place, format!("`{}` stands in the file twice", plan.id));
        }
        let definition = patch.of(&plan.definition);
        self.holds(plan.definition.gives_way_to(&definition), place);
        let mut changes = Vec::new();
        Self::note(&mut changes, "name", &plan.name, &entry.name);
        Self::note(&mut changes, "", &plan.definition, &definition);
        Self::note(&mut changes, "approval", &old.approval, &offer.approval);
        Self::note(&mut changes, "public", &old.public, &offer.public);
        Self::note(&mut changes, "description", &old.description, &offer.description);
        if !changes.is_empty() {
            let name = (plan.name != entry.name).then(|| entry.name.clone());
            let definition = (plan.definition != definition).then_some(definition);
            let offer = (old != offer).then_some(offer);
            self.step(
                Kind::Update,
                what,
                changes,
                Act::UpdatePlan(plan.id, name, definition, offer),
            );
        }
        Of::There(plan.id)
    }

    /// Notes why a plan cannot have its limits.
    fn holds(&mut self, limits: Result<(), impl std::fmt::Display>, place: &[At]) {
        if let Err(why) = limits {
            self.fault(&[place, &[At::named("limits")]].concat(), why.to_string());
        }
    }

    /// The plan with a name, behind the file.
    pub(super) fn plan_named(&mut self, name: &Name, place: &[At]) -> Option<Of<PlanId>> {
        let found = self.plans.iter().find(|(known, _)| known == name).map(|(_, of)| *of);
        if found.is_none() {
            self.fault(place, format!("there is no plan `{name}`, neither here nor in the file"));
        }
        found
    }

    /// The name behind the file of a plan that is there.
    pub(super) fn name_of(&self, id: PlanId) -> Option<&Name> {
        self.plans
            .iter()
            .find(|(_, of)| matches!(of, Of::There(known) if *known == id))
            .map(|(name, _)| name)
    }

    pub(super) fn prune_plan(&mut self, plan: &Plan, offer: &Offer) {
        let closed = Offer { approval: Approval::Closed, public: false, ..offer.clone() };
        if !self.seen.plans.contains(&plan.id) && closed != *offer {
            let mut changes = Vec::new();
            Self::note(&mut changes, "approval", &offer.approval, &closed.approval);
            Self::note(&mut changes, "public", &offer.public, &closed.public);
            let act = Act::UpdatePlan(plan.id, None, None, Some(closed));
            self.step(Kind::Close, format!("plan {}", plan.name), changes, act);
        }
    }
}

/// What a new plan is made with.
fn made_with(definition: &Definition, offer: &Offer) -> Vec<Changed> {
    let mut changes = Vec::new();
    Differ::note_new(&mut changes, "", definition);
    Differ::note_new(&mut changes, "approval", &offer.approval);
    Differ::note_new(&mut changes, "public", &offer.public);
    Differ::note_new(&mut changes, "description", &offer.description);
    changes
}
