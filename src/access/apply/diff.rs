//! What has to be done for the file to be true, in an order in which it can be done.

mod apps;
mod fields;
mod keys;
mod plans;

use super::file::{File, Switched};
use super::read::{Fault, Place, Step as At};
use super::run::Current;
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
use std::collections::HashSet;
use std::fmt;

/// What a step does, as people are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Makes what is not there.
    Create,
    /// Changes what is there.
    Update,
    /// Suspends, or closes, what the file does not name.
    Prune,
}

/// What stands behind a plan that is pruned.
const CLOSED: &str = " (closed)";

/// A member that changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// Its name in the file; of what is in it, the path, as in `limits.day.quota`.
    pub member: String,
    /// What it is.
    pub from: serde_json::Value,
    /// What it shall be.
    pub to: serde_json::Value,
}

/// A step.
#[derive(Debug, Serialize)]
pub struct Step {
    /// What it does.
    pub op: Kind,
    /// To what: `plan Standard`, `key Ateliers / Comparator / production`.
    pub what: String,
    /// What changes.
    pub changes: Vec<Changed>,
    /// How it is done.
    #[serde(skip)]
    pub(super) act: Act,
}

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

/// All steps.
#[derive(Debug, Default, Serialize)]
pub struct Steps {
    /// In the order in which they are done.
    pub steps: Vec<Step>,
}

impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &serde_json::Value| match value {
            serde_json::Value::Null => "none".to_owned(),
            value => value.to_string(),
        };
        write!(f, "{} {} -> {}", self.member, shown(&self.from), shown(&self.to))
    }
}

impl fmt::Display for Steps {
    /// What is to be done: a line for each thing, one below for each field; the same for the same difference.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.steps.is_empty() {
            return f.write_str("Nothing to change.");
        }
        self.lines(f, |step| match step.op {
            Kind::Create => "+",
            Kind::Update => "~",
            Kind::Prune => "-",
        })?;
        let [made, changed, pruned] = self.counts();
        write!(f, "{made} to make, {changed} to change, {pruned} to suspend.")
    }
}

/// The same once it is done.
#[derive(Debug)]
pub struct Done<'a>(pub &'a Steps);

impl fmt::Display for Done<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.lines(f, |step| match step.op {
            Kind::Create => "made",
            Kind::Update => "changed",
            // What is pruned of plans says so itself.
            Kind::Prune if step.what.ends_with(CLOSED) => "done:",
            Kind::Prune => "suspended",
        })?;
        let [made, changed, pruned] = self.0.counts();
        write!(f, "Done: {made} made, {changed} changed, {pruned} suspended.")
    }
}

impl Steps {
    fn lines(&self, f: &mut fmt::Formatter<'_>, word: fn(&Step) -> &'static str) -> fmt::Result {
        for step in &self.steps {
            writeln!(f, "{} {}", word(step), step.what)?;
            for changed in &step.changes {
                writeln!(f, "    {changed}")?;
            }
        }
        Ok(())
    }

    /// How many are made, changed and suspended.
    fn counts(&self) -> [usize; 3] {
        [Kind::Create, Kind::Update, Kind::Prune]
            .map(|op| self.steps.iter().filter(|step| step.op == op).count())
    }
}

/// A comparison under way.
pub(super) struct Differ<'a> {
    pub(super) text: &'a str,
    pub(super) current: &'a Current,
    pub(super) by: By<'a>,
    pub(super) steps: Vec<Step>,
    pub(super) faults: Vec<Fault>,
    /// Plans by the name that they have behind the file, in the file or not.
    plans: Vec<(Name, Of<PlanId>)>,
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

/// What has to be done, or all that is wrong with the file.
pub fn diff<'a>(
    (text, file): (&'a str, &'a File),
    current: &'a Current,
    by: &By<'a>,
    prune: bool,
) -> Result<Steps, Vec<Fault>> {
    let mut differ = Differ {
        text,
        current,
        by: *by,
        steps: Vec::new(),
        faults: Vec::new(),
        plans: Vec::new(),
        made: Made::default(),
        seen: Seen::default(),
    };
    differ.plans(&file.plans);
    differ.partners(file);
    if prune {
        differ.prune();
    }
    match differ.faults.is_empty() {
        true => Ok(Steps { steps: differ.steps }),
        false => Err(differ.faults),
    }
}

/// What turns a status into the one that is wanted.
pub(super) fn switch(from: Status, to: Option<Switched>) -> Option<Switch> {
    let to = to?.status();
    (to != from).then_some(if to == Status::Suspended { Switch::Suspend } else { Switch::Resume })
}

impl Differ<'_> {
    pub(super) fn fault(&mut self, place: &[At], message: impl AsRef<str>) {
        self.faults.push(Fault::at(self.text, place, message.as_ref()));
    }

    pub(super) fn step(&mut self, op: Kind, what: String, changes: Vec<Changed>, act: Act) {
        self.steps.push(Step { op, what, changes, act });
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
            let switch = switch(Status::Active, entry.status);
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

    /// Suspends what the file does not name; below what is suspended so, nothing more. Plans are closed.
    fn prune(&mut self) {
        let current = self.current;
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
