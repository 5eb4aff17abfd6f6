//! What has to be done to apps and keys.

use super::{Act, AppChange, Changed, Differ, Kind, Of, switch};
use crate::access::apply::file::{AppEntry, KeyEntry, NextPlan, PartnerEntry};
use crate::access::apply::read::{Place, Step as At};
use crate::access::keys::model::KeyKind;
use crate::access::model::{App, Key, KeySpec, Status};
use crate::access::service::Switch;
use crate::access::{Environment, Scopes};
use crate::kernel::Micros;
use crate::kernel::id::{AppId, PartnerId, PlanId};
use std::collections::HashSet;

fn below(place: &[At], member: &'static str) -> Place {
    [place, &[At::Member(member)]].concat()
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
            let place = [above, &[At::Member("apps"), At::Entry(at)]].concat();
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
            let what = format!("{} / {}", owner.name, entry.name);
            if let Some(app) = self.app(of, entry, found, (&what, &place)) {
                self.keys((app, found.map(|app| app.id)), entry, (&what, &place));
            }
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
            Some(NextPlan { plan, starts_at }) => {
                Some((self.plan_named(plan, &below(place, "next_plan"))?, *starts_at))
            }
            None => None,
        };
        let Some(app) = found else {
            let switch = switch(Status::Active, entry.status);
            let act = Act::CreateApp(of, plan, entry.name.clone(), switch, later);
            self.step(Kind::Create, format!("app {what}"), Vec::new(), act);
            self.made.apps += 1;
            return Some(Of::Made(self.made.apps - 1));
        };
        if !self.seen.apps.insert(app.id) {
            self.fault(place, format!("`{}` stands in the file twice", app.id));
        }
        let mut changes = Vec::new();
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

    fn keys(
        &mut self,
        (of, app): (Of<AppId>, Option<AppId>),
        owner: &AppEntry,
        (above, place): (&str, &[At]),
    ) {
        let mut names = HashSet::new();
        for (at, entry) in owner.keys.iter().enumerate() {
            let place = [place, &[At::Member("keys"), At::Entry(at)]].concat();
            if entry.id.is_none() && !names.insert(entry.name.as_str()) {
                self.fault(&below(&place, "name"), format!("`{}` stands here twice", entry.name));
                continue;
            }
            let current = self.current;
            let alive = app.map_or(&[][..], |id| current.keys_of(id)).iter();
            let meant = |key: &&Key| match entry.id {
                Some(id) => key.id == id,
                // A file makes no clients, so a client is meant by its id alone.
                None => key.kind == KeyKind::Key && key.spec.name == entry.name,
            };
            let fits: Vec<&Key> = alive.filter(meant).collect();
            match (fits.as_slice(), entry.id) {
                ([], Some(id)) => {
                    let message = format!("this app has no key `{id}` that is not revoked");
                    self.fault(&below(&place, "id"), message);
                }
                ([_, _, ..], _) => {
                    let message = "several keys have this name; say which by `id`";
                    self.fault(&below(&place, "name"), message);
                }
                (found, _) => {
                    let kind = found.first().map_or(KeyKind::Key, |key| key.kind);
                    let what = format!("{kind} {above} / {}", entry.name);
                    self.key((of, app), entry, found.first().copied(), (what, &place));
                }
            }
        }
    }

    fn key(
        &mut self,
        (of, app): (Of<AppId>, Option<AppId>),
        entry: &KeyEntry,
        found: Option<&Key>,
        (what, place): (String, &[At]),
    ) {
        let old = found.map(|key| &key.spec);
        let environment =
            entry.environment.or(old.map(|old| old.environment)).unwrap_or(Environment::Live);
        let scopes = entry.scopes.as_ref().map(|scopes| scopes.iter().copied().collect());
        let cidrs = entry.cidrs.as_ref().map(|cidrs| cidrs.iter().map(|cidr| cidr.0).collect());
        let spec = KeySpec {
            app: app.unwrap_or(AppId(0)),
            environment,
            name: entry.name.clone(),
            scopes: scopes.or(old.map(|old| old.scopes)).unwrap_or_else(Scopes::usual),
            cidrs: cidrs.or_else(|| old.map(|old| old.cidrs.clone())).unwrap_or_default(),
            expires_at: entry.expires_at.unwrap_or_else(|| old.and_then(|old| old.expires_at)),
        };
        if spec.cidrs.len() > crate::access::keys::service::CIDRS_MOST {
            self.fault(&below(place, "cidrs"), "has too many blocks of addresses");
        }
        let may = match old {
            Some(old) => self.by.may_change(old, &spec),
            None => self.by.may_give(Scopes::default(), spec.scopes),
        };
        if let Err(error) = may {
            self.fault(&below(place, "scopes"), error.to_string());
        }
        let Some(key) = found else {
            if spec.expires_at.is_some_and(|at| at <= self.by.now) {
                self.fault(&below(place, "expires_at"), "lies in the past");
            }
            let switch = switch(Status::Active, entry.status);
            self.step(Kind::Create, what, Vec::new(), Act::CreateKey(of, Box::new(spec), switch));
            return;
        };
        if !self.seen.keys.insert(key.id) {
            self.fault(place, format!("`{}` stands in the file twice", key.id));
        }
        if key.spec.environment != spec.environment {
            let message = format!("is {}, and that cannot be changed", key.spec.environment);
            self.fault(&below(place, "environment"), message);
        }
        let mut changes = Vec::new();
        let blocks =
            |spec: &KeySpec| spec.cidrs.iter().map(ToString::to_string).collect::<Vec<_>>();
        Self::note(&mut changes, "name", &key.spec.name, &spec.name);
        Self::note(&mut changes, "scopes", &key.spec.scopes.to_string(), &spec.scopes.to_string());
        Self::note(&mut changes, "cidrs", &blocks(&key.spec), &blocks(&spec));
        Self::note(&mut changes, "expires_at", &key.spec.expires_at, &spec.expires_at);
        let spec = (!changes.is_empty()).then(|| Box::new(spec));
        let switch = Self::note_switch(&mut changes, key.status.switched(), entry.status);
        if !changes.is_empty() {
            self.step(Kind::Update, what, changes, Act::UpdateKey(key.id, spec, switch));
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
                    let act = Act::UpdateKey(key.id, None, Some(Switch::Suspend));
                    let what = format!("{} {what} / {}", key.kind, key.spec.name);
                    self.step(Kind::Prune, what, Vec::new(), act);
                }
            }
        }
    }
}
