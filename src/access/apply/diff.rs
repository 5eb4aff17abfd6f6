//! What has to be done for the file to be true, in an order in which it can be done.

mod apps;
mod fields;
mod keys;
mod plans;

use super::current::Current;
use super::file::{File, Switched};
use super::read::{Fault, Place, Step as At};
use super::steps::{Changed, Kind, Shown, Step};
use crate::access::keys::model::{KeyKind, KeyStatus};
use crate::access::model::{Definition, KeySpec, Name, Partner, Status};
use crate::access::oauth::jwk::JwkSet;
use crate::access::offers::Offer;
use crate::access::partners::Profile;
use crate::access::partners::service::check;
use crate::access::service::{By, Switch};
use crate::kernel::Micros;
use crate::kernel::id::{AppId, KeyId, PartnerId, PlanId};
use serde::Serialize;
use std::collections::{BTreeSet, HashSet};

/// A partner, by its place in the file or by its id.
#[derive(Debug, Clone, Copy)]
pub(super) enum Of<Id> {
    /// It is there.
    There(Id),
    /// A step before makes it: the how manyth of its kind.
    Made(usize),
}

/// How a step is done.
#[derive(Debug)]
pub(super) enum Act {
    CreatePlan(Name, Definition, Offer),
    UpdatePlan(PlanId, Option<Name>, Option<Definition>, Option<Offer>),
    CreatePartner(Name, Profile, Option<Switch>),
    UpdatePartner(Box<Partner>, Name, Profile, Option<Switch>),
    CreateApp(Of<PartnerId>, Of<PlanId>, Name, Option<Switch>, Option<(Of<PlanId>, Micros)>),
    UpdateApp(AppId, Box<AppChange>),
    CreateKey(Of<AppId>, Box<NewKey>),
    UpdateKey(KeyId, Option<Box<KeySpec>>, Option<KeyStatus>),
    SetJwks(KeyId, JwkSet),
}

/// A key or a client that is made.
#[derive(Debug)]
pub(super) struct NewKey {
    pub(super) spec: KeySpec,
    pub(super) kind: KeyKind,
    pub(super) jwks: Option<JwkSet>,
    /// Where it is not to be active.
    pub(super) status: Option<KeyStatus>,
}

/// What changes of an app.
#[derive(Debug, Default)]
pub(super) struct AppChange {
    pub(super) name: Option<Name>,
    /// Whether a change that is scheduled is taken back first.
    pub(super) cancel: bool,
    pub(super) plan: Option<Of<PlanId>>,
    pub(super) next: Option<(Of<PlanId>, Micros)>,
    pub(super) switch: Option<Switch>,
}

/// What has to be done: each step as it is told, and how it is done.
#[derive(Debug, Default)]
pub struct Steps {
    /// As they are told.
    pub shown: Shown,
    pub(super) acts: Vec<Act>,
}

/// A file, and how it is applied.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Its text, for the lines of what is wrong with it.
    pub text: &'a str,
    /// What it says.
    pub file: &'a File,
    /// Whether what it does not name is suspended or closed.
    pub prune: bool,
}

/// A comparison under way.
pub(super) struct Differ<'a> {
    pub(super) text: &'a str,
    pub(super) current: &'a Current,
    pub(super) by: By<'a>,
    steps: Steps,
    pub(super) faults: Vec<Fault>,
    /// Plans by the name that they have behind the file, in the file or not.
    plans: Vec<(Name, Of<PlanId>)>,
    /// Where the file gives a key back or another secret, which takes two people for many of them.
    renewed: Vec<(KeyId, Place)>,
    made: Made,
    seen: Seen,
}

/// How many of each kind the steps so far make.
#[derive(Debug, Default)]
struct Made {
    plans: usize,
    partners: usize,
    apps: usize,
}

/// What the file names of what is there.
#[derive(Debug, Default)]
struct Seen {
    plans: HashSet<PlanId>,
    partners: HashSet<PartnerId>,
    apps: HashSet<AppId>,
    keys: HashSet<KeyId>,
}

impl Wanted<'_> {
    /// What has to be done, or all that is wrong with the file.
    pub fn steps(&self, current: &Current, by: &By<'_>) -> Result<Steps, Vec<Fault>> {
        let mut differ = Differ {
            text: self.text,
            current,
            by: *by,
            steps: Steps::default(),
            faults: Vec::new(),
            plans: Vec::new(),
            renewed: Vec::new(),
            made: Made::default(),
            seen: Seen::default(),
        };
        differ.plans(&self.file.plans);
        differ.partners(self.file);
        differ.many();
        if self.prune {
            differ.prune();
        }
        match differ.faults.is_empty() {
            true => Ok(differ.steps),
            false => Err(differ.faults),
        }
    }
}

/// What turns a status into the one that is wanted.
fn switch(from: Status, to: Option<Switched>) -> Option<Switch> {
    let to = to?.status();
    (to != from).then_some(if to == Status::Suspended { Switch::Suspend } else { Switch::Resume })
}

impl Differ<'_> {
    pub(super) fn fault(&mut self, place: &[At], message: impl AsRef<str>) {
        self.faults.push(Fault::at(self.text, place, message.as_ref()));
    }

    pub(super) fn step(&mut self, op: Kind, what: String, changes: Vec<Changed>, act: Act) {
        self.steps.shown.0.push(Step { op, what, changes });
        self.steps.acts.push(act);
    }

    /// Notes what changes of a member, if anything does.
    pub(super) fn note<T: Serialize + PartialEq>(
        changes: &mut Vec<Changed>,
        member: &str,
        from: &T,
        to: &T,
    ) {
        if from != to {
            let json = |value: &T| serde_json::to_value(value).unwrap_or_default();
            fields::changed(member, &json(from), &json(to), changes);
        }
    }

    /// Notes what something new is made with, where there is something to say.
    pub(super) fn note_new<T: Serialize>(changes: &mut Vec<Changed>, member: &str, to: &T) {
        fields::new(member, &serde_json::to_value(to).unwrap_or_default(), changes);
    }

    /// Notes a change of status.
    pub(super) fn note_switch(
        changes: &mut Vec<Changed>,
        from: Status,
        to: Option<Switched>,
    ) -> Option<Switch> {
        if let Some(to) = to {
            Self::note(changes, "status", &from, &to.status());
        }
        switch(from, to)
    }

    fn partners(&mut self, file: &File) {
        let mut names = HashSet::new();
        for (at, entry) in file.partners.iter().enumerate() {
            let place: Place = vec![At::named("partners"), At::Entry(at)];
            if !names.insert(entry.name.as_str()) {
                let message = format!("`{}` stands in the file twice", entry.name);
                self.fault(&[&place[..], &[At::named("name")]].concat(), message);
                continue;
            }
            let current = self.current;
            let found = match entry.id {
                Some(id) => current.partners.iter().find(|partner| partner.id == id),
                None => current.partners.iter().find(|partner| partner.name == entry.name),
            };
            if let (Some(id), None) = (entry.id, found) {
                let message = format!("there is no partner `{id}`; leave it out to make one");
                self.fault(&[&place[..], &[At::named("id")]].concat(), message);
                continue;
            }
            let of = self.partner(entry, found, &place);
            self.apps((of, found.map(|partner| partner.id)), entry, &place);
        }
    }

    fn partner(
        &mut self,
        entry: &super::file::PartnerEntry,
        found: Option<&Partner>,
        place: &[At],
    ) -> Of<PartnerId> {
        let old = found.map(|partner| partner.profile.clone()).unwrap_or_default();
        let profile = Profile {
            external_ref: entry.external_ref.clone().unwrap_or_else(|| old.external_ref.clone()),
            contacts: entry.contacts.clone().unwrap_or_else(|| old.contacts.clone()),
            contract: entry.contract.clone().unwrap_or_else(|| old.contract.clone()),
        };
        if let Err(crate::access::AccessError::Field { field, message }) = check(&profile) {
            self.fault(&[place, &[At::named(field)]].concat(), message);
        }
        let what = format!("partner {}", entry.name);
        let mut changes = Vec::new();
        let Some(partner) = found else {
            let switch = Self::note_switch(&mut changes, Status::Active, entry.status);
            Self::note_new(&mut changes, "external_ref", &profile.external_ref);
            Self::note_new(&mut changes, "contacts", &profile.contacts);
            Self::note_new(&mut changes, "contract", &profile.contract);
            let act = Act::CreatePartner(entry.name.clone(), profile, switch);
            self.step(Kind::Create, what, changes, act);
            self.made.partners += 1;
            return Of::Made(self.made.partners - 1);
        };
        if !self.seen.partners.insert(partner.id) {
            self.fault(place, format!("`{}` stands in the file twice", partner.id));
        }
        Self::note(&mut changes, "name", &partner.name, &entry.name);
        Self::note(&mut changes, "external_ref", &old.external_ref, &profile.external_ref);
        Self::note(&mut changes, "contacts", &old.contacts, &profile.contacts);
        Self::note(&mut changes, "contract", &old.contract, &profile.contract);
        let switch = Self::note_switch(&mut changes, partner.status, entry.status);
        if !changes.is_empty() {
            let old = Box::new(partner.clone());
            let act = Act::UpdatePartner(old, entry.name.clone(), profile, switch);
            self.step(Kind::Update, what, changes, act);
        }
        Of::There(partner.id)
    }

    /// Refuses to give many keys back, or another secret, where that takes two people.
    fn many(&mut self) {
        let renewed = std::mem::take(&mut self.renewed);
        let keys: BTreeSet<KeyId> = renewed.iter().map(|(key, _)| *key).collect();
        if keys.len() > 1
            && let Err(error) = self.by.may_change_many()
        {
            renewed.iter().for_each(|(_, place)| self.fault(place, error.to_string()));
        }
    }

    /// Suspends what the file does not name; below what is suspended so, nothing more. Plans are closed.
    fn prune(&mut self) {
        let current = self.current;
        let is_active = |partner: &Partner| partner.status == Status::Active;
        if self.seen.partners.is_empty() && current.partners.iter().any(is_active) {
            let message = "the file names no partner that is there, so all would be suspended";
            return self.fault(&[At::named("partners")], message);
        }
        for (plan, offer) in &current.plans {
            self.prune_plan(plan, offer);
        }
        for partner in &current.partners {
            if self.seen.partners.contains(&partner.id) || partner.status != Status::Active {
                continue;
            }
            let (name, profile) = (partner.name.clone(), partner.profile.clone());
            let old = Box::new(partner.clone());
            let act = Act::UpdatePartner(old, name, profile, Some(Switch::Suspend));
            self.step(Kind::Prune, format!("partner {}", partner.name), Vec::new(), act);
        }
        self.prune_apps();
    }
}
