//! What has to be done to apps.

use super::{Act, AppChange, Changed, Differ, Kind, Of};
use crate::access::apply::file::{AppEntry, NextPlan, PartnerEntry};
use crate::access::apply::read::{Place, Step as At};
use crate::access::keys::model::KeyStatus;
use crate::access::model::{App, Name, Status};
use crate::access::service::Switch;
use crate::access::subscriptions::service::AHEAD_MOST;
use crate::kernel::Micros;
use crate::kernel::id::{AppId, PartnerId, PlanId};
use std::collections::HashSet;

pub(super) fn below(place: &[At], member: &'static str) -> Place {
    [place, &[At::named(member)]].concat()
}

impl Differ<'_> {
    pub(super) fn apps(
        &mut self,
        (of, partner): (Of<PartnerId>, Option<PartnerId>),
        owner: &PartnerEntry,
        above: &[At],
    ) {
        let mut names = HashSet::new();
        for (at, entry) in owner.apps.iter().enumerate() {
            let place = [above, &[At::named("apps"), At::Entry(at)]].concat();
            if !names.insert(entry.name.as_str()) {
                let message = format!("`{}` stands here twice", entry.name);
                self.fault(&below(&place, "name"), message);
                continue;
            }
            let current = self.current;
            let mut own = partner.map_or(&[][..], |id| current.apps_of(id)).iter();
            let found = match entry.id {
                Some(id) => own.find(|app| app.id == id),
                None => own.find(|app| app.name == entry.name),
            };
            if let Some(id) = entry.id
                && found.is_none()
            {
                let message =
                    format!("this partner has no app `{id}`; an app is moved by a transfer");
                self.fault(&below(&place, "id"), message);
                continue;
            }
            if found.is_none()
                && let Some((id, now)) = partner.and_then(|it| current.given_away(it, &entry.name))
            {
                let message = format!(
                    "this app, `{id}`, was given to the partner `{}`: leave it out here, or give a new one another \
                     name",
                    now.name
                );
                self.fault(&below(&place, "name"), message);
                continue;
            }
            let what = format!("{} / {}", owner.name, entry.name);
            // Where something is wrong with the app no step is done, but what is wrong with its keys is told, too.
            let app = self.app(of, entry, found, (&what, &place)).unwrap_or(Of::Made(0));
            self.keys((app, found.map(|app| app.id)), entry, (&what, &place));
        }
    }

    fn app(
        &mut self,
        of: Of<PartnerId>,
        entry: &AppEntry,
        found: Option<&App>,
        (what, place): (&str, &[At]),
    ) -> Option<Of<AppId>> {
        let next = entry.next_plan.clone().flatten();
        // A change whose time has come is the plan.
        let (now, next) = match next {
            Some(next) if next.starts_at <= self.by.now => (next.plan, None),
            other => (entry.plan.clone(), other),
        };
        let plan = self.plan_named(&now, &below(place, "plan"))?;
        let later = match &next {
            Some(next) => Some(self.later(next, &now, &below(place, "next_plan"))?),
            None => None,
        };
        let mut changes = Vec::new();
        let Some(app) = found else {
            let switch = Self::note_switch(&mut changes, Status::Active, entry.status);
            Self::note_new(&mut changes, "plan", &now);
            Self::note_new(&mut changes, "next_plan", &next);
            let act = Act::CreateApp(of, plan, entry.name.clone(), switch, later);
            self.step(Kind::Create, format!("app {what}"), changes, act);
            self.made.apps += 1;
            return Some(Of::Made(self.made.apps - 1));
        };
        if !self.seen.apps.insert(app.id) {
            self.fault(place, format!("`{}` stands in the file twice", app.id));
        }
        let mut change = AppChange::default();
        Self::note(&mut changes, "name", &app.name, &entry.name);
        change.name = (app.name != entry.name).then(|| entry.name.clone());
        let scheduled = self.current.scheduled.get(&app.id).copied();
        if self.name_of(app.plan) != Some(&now) {
            let from = self.name_of(app.plan).cloned();
            Self::note(&mut changes, "plan", &from, &Some(now));
            change.plan = Some(plan);
            // It stands in the way of the change, and comes back where the file says so.
            change.cancel = scheduled.is_some();
            change.next = later.or_else(|| scheduled.map(|(plan, at)| (Of::There(plan), at)));
        }
        if entry.next_plan.is_some() {
            self.next_plan((&mut changes, &mut change), scheduled, (later, next));
        }
        change.switch = Self::note_switch(&mut changes, app.status, entry.status);
        if !changes.is_empty() {
            let act = Act::UpdateApp(app.id, Box::new(change));
            self.step(Kind::Update, format!("app {what}"), changes, act);
        }
        Some(Of::There(app.id))
    }

    /// The plan that an app is put on later, and when.
    fn later(&mut self, next: &NextPlan, now: &Name, place: &[At]) -> Option<(Of<PlanId>, Micros)> {
        if next.plan == *now {
            self.fault(place, format!("the app is on the plan `{now}` by then: leave it out"));
            return None;
        }
        if next.starts_at.0.saturating_sub(self.by.now.0) > AHEAD_MOST {
            self.fault(&below(place, "starts_at"), "lies more than five years ahead");
            return None;
        }
        Some((self.plan_named(&next.plan, place)?, next.starts_at))
    }

    fn next_plan(
        &self,
        (changes, change): (&mut Vec<Changed>, &mut AppChange),
        scheduled: Option<(PlanId, Micros)>,
        (later, next): (Option<(Of<PlanId>, Micros)>, Option<NextPlan>),
    ) {
        let before = scheduled.and_then(|(plan, at)| Some((self.name_of(plan)?.clone(), at)));
        let behind = next.map(|next| (next.plan, next.starts_at));
        if before != behind {
            Self::note(changes, "next_plan", &before, &behind);
            change.cancel = scheduled.is_some();
            change.next = later;
        } else if change.plan.is_some() {
            change.next = later;
        }
    }

    /// Suspends the apps and keys that the file does not name, below what it names.
    pub(super) fn prune_apps(&mut self) {
        let current = self.current;
        let named = current.partners.iter().filter(|it| self.seen.partners.contains(&it.id));
        let each = named.flat_map(|it| current.apps_of(it.id).iter().map(move |app| (it, app)));
        for (of, app) in each.collect::<Vec<_>>() {
            let what = format!("{} / {}", of.name, app.name);
            if !self.seen.apps.contains(&app.id) {
                if app.status == Status::Active {
                    let change =
                        AppChange { switch: Some(Switch::Suspend), ..AppChange::default() };
                    let act = Act::UpdateApp(app.id, Box::new(change));
                    self.step(Kind::Prune, format!("app {what}"), Vec::new(), act);
                }
                continue;
            }
            for key in current.keys_of(app.id) {
                if key.status.switched() == Status::Active && !self.seen.keys.contains(&key.id) {
                    let act = Act::UpdateKey(key.id, None, Some(KeyStatus::Suspended));
                    let what = format!("{} {what} / {}", key.kind, key.spec.name);
                    self.step(Kind::Prune, what, Vec::new(), act);
                }
            }
        }
    }
}
