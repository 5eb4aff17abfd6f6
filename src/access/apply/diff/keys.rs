//! What has to be done to keys and clients.

use super::apps::below;
use super::{Act, Changed, Differ, Kind, NewKey, Of};
use crate::access::apply::file::{AppEntry, KeyEntry, KeySwitched};
use crate::access::apply::read::Step as At;
use crate::access::keys::model::{KeyKind, KeyStatus};
use crate::access::keys::service::{CIDRS_MOST, NO_SCOPE};
use crate::access::model::{Key, KeySpec};
use crate::access::oauth::jwk::JwkSet;
use crate::access::{Environment, Scopes};
use crate::kernel::id::{AppId, KeyId};
use std::collections::HashSet;

/// What an entry means.
enum Meant<'a> {
    /// This key.
    There(&'a Key),
    /// One that is to be made.
    New,
    /// One that people have revoked: the file must not bring it back.
    Revoked(KeyId),
    /// One that is not there, by its id.
    Nobody(KeyId),
    /// It cannot be told which.
    Many,
}

/// What people call the key of an entry.
fn called(entry: &KeyEntry) -> (KeyKind, &str) {
    (entry.kind.unwrap_or(KeyKind::Key), entry.name.as_str())
}

fn environment(entry: &KeyEntry) -> Environment {
    entry.environment.unwrap_or(Environment::Live)
}

impl<'a> Differ<'a> {
    /// The key of an app that an entry means. Where the file or the app has several of its name, they are told apart by
    /// their environment, and where that does not do, by their ids.
    fn meant(&self, app: Option<AppId>, owner: &AppEntry, entry: &KeyEntry) -> Meant<'a> {
        let current = self.current;
        let Some(app) = app else {
            return entry.id.map_or(Meant::New, Meant::Nobody);
        };
        if let Some(id) = entry.id {
            let found = current.keys_of(app).iter().find(|key| key.id == id);
            return found.map_or(Meant::Nobody(id), Meant::There);
        }
        let is_called = |key: &&Key| (key.kind, key.spec.name.as_str()) == called(entry);
        let mut found: Vec<&Key> = current.keys_of(app).iter().filter(is_called).collect();
        let siblings = owner.keys.iter().filter(|other| called(other) == called(entry)).count();
        if siblings > 1 || (found.len() > 1 && entry.environment.is_some()) {
            found.retain(|key| key.spec.environment == environment(entry));
        }
        let revoked = || {
            let fits = |key: &&Key| is_called(key) && key.spec.environment == environment(entry);
            current.revoked_of(app).iter().find(fits)
        };
        match (found.as_slice(), revoked) {
            ([key], _) => Meant::There(key),
            ([], revoked) => revoked().map_or(Meant::New, |key| Meant::Revoked(key.id)),
            _ => Meant::Many,
        }
    }
}

impl Differ<'_> {
    pub(super) fn keys(
        &mut self,
        (of, app): (Of<AppId>, Option<AppId>),
        owner: &AppEntry,
        (above, place): (&str, &[At]),
    ) {
        let mut names = HashSet::new();
        for (at, entry) in owner.keys.iter().enumerate() {
            let place = [place, &[At::named("keys"), At::Entry(at)]].concat();
            if entry.id.is_none() && !names.insert((called(entry), environment(entry))) {
                let message = format!("`{}` stands here twice; say which by `id`", entry.name);
                self.fault(&below(&place, "name"), message);
                continue;
            }
            match self.meant(app, owner, entry) {
                Meant::Many => {
                    let message = "several keys have this name; say which by `environment` or `id`";
                    self.fault(&below(&place, "name"), message);
                }
                Meant::Nobody(id) => {
                    let message = format!("this app has no key `{id}` that is not revoked");
                    self.fault(&below(&place, "id"), message);
                }
                Meant::Revoked(id) => {
                    let message =
                        format!("`{id}` is revoked: leave it out, or give a new one another name");
                    self.fault(&below(&place, "name"), message);
                }
                Meant::There(key) => {
                    let kind = entry.kind.unwrap_or(key.kind);
                    let what = format!("{kind} {above} / {}", entry.name);
                    self.old_key((entry, kind), key, (what, &place));
                }
                Meant::New => {
                    let kind = called(entry).0;
                    let what = format!("{kind} {above} / {}", entry.name);
                    self.new_key((of, kind), entry, (what, &place));
                }
            }
        }
    }

    /// What a key shall be, and all that is wrong with that.
    fn spec(&mut self, entry: &KeyEntry, old: Option<&KeySpec>, place: &[At]) -> KeySpec {
        let environment =
            old.map_or(environment(entry), |old| entry.environment.unwrap_or(old.environment));
        let scopes = entry.scopes.as_ref().map(|scopes| scopes.iter().copied().collect());
        let cidrs = entry.cidrs.as_ref().map(|cidrs| cidrs.iter().map(|cidr| cidr.0).collect());
        let spec = KeySpec {
            app: old.map_or(AppId(0), |old| old.app),
            environment,
            name: entry.name.clone(),
            scopes: scopes.or(old.map(|old| old.scopes)).unwrap_or_else(Scopes::usual),
            cidrs: cidrs.or_else(|| old.map(|old| old.cidrs.clone())).unwrap_or_default(),
            expires_at: entry.expires_at.unwrap_or_else(|| old.and_then(|old| old.expires_at)),
        };
        if spec.cidrs.len() > CIDRS_MOST {
            self.fault(&below(place, "cidrs"), "has too many blocks of addresses");
        }
        if spec.scopes.is_empty() && old.is_none_or(|old| !old.scopes.is_empty()) {
            self.fault(&below(place, "scopes"), NO_SCOPE);
        }
        let may = match old {
            Some(old) => self.by.may_change(old, &spec),
            None => self.by.may_give(Scopes::default(), spec.scopes),
        };
        if let Err(error) = may {
            let field = match old {
                Some(old) if spec.scopes == old.scopes && spec.cidrs != old.cidrs => "cidrs",
                Some(old) if spec.scopes == old.scopes => "expires_at",
                _ => "scopes",
            };
            self.fault(&below(place, field), error.to_string());
        }
        // One that is over may stay in the file.
        let is_new = old.is_none_or(|old| old.expires_at != spec.expires_at);
        if is_new && spec.expires_at.is_some_and(|at| at <= self.by.now) {
            self.fault(&below(place, "expires_at"), "lies in the past");
        }
        spec
    }

    fn new_key(
        &mut self,
        (of, kind): (Of<AppId>, KeyKind),
        entry: &KeyEntry,
        (what, place): (String, &[At]),
    ) {
        let spec = self.spec(entry, None, place);
        if entry.jwks.is_some() && kind == KeyKind::Key {
            self.fault(&below(place, "jwks"), "only a client (`kind: client`) has public keys");
        }
        let status = entry.status.map(KeySwitched::status);
        let status = status.filter(|status| *status != KeyStatus::Active);
        let mut changes = Vec::new();
        Self::note_new(&mut changes, "environment", &spec.environment);
        Self::note_new(&mut changes, "scopes", &spec.scopes.to_string());
        Self::note_new(&mut changes, "cidrs", &blocks(&spec));
        Self::note_new(&mut changes, "expires_at", &spec.expires_at);
        Self::note_new(&mut changes, "jwks", &entry.jwks);
        Self::note_new(&mut changes, "status", &status);
        let new = NewKey { spec, kind, jwks: entry.jwks.clone(), status };
        self.step(Kind::Create, what, changes, Act::CreateKey(of, Box::new(new)));
    }

    fn old_key(
        &mut self,
        (entry, kind): (&KeyEntry, KeyKind),
        key: &Key,
        (what, place): (String, &[At]),
    ) {
        let spec = self.spec(entry, Some(&key.spec), place);
        if !self.seen.keys.insert(key.id) {
            self.fault(place, format!("`{}` stands in the file twice", key.id));
        }
        if key.kind != kind {
            let message = format!("is {}, and that cannot be changed", key.kind);
            self.fault(&below(place, "kind"), message);
        }
        if key.spec.environment != spec.environment {
            let message = format!("is {}, and that cannot be changed", key.spec.environment);
            self.fault(&below(place, "environment"), message);
        }
        let scopes = spec.scopes;
        let mut changes = Vec::new();
        Self::note(&mut changes, "name", &key.spec.name, &spec.name);
        Self::note(&mut changes, "scopes", &key.spec.scopes.to_string(), &spec.scopes.to_string());
        Self::note(&mut changes, "cidrs", &blocks(&key.spec), &blocks(&spec));
        Self::note(&mut changes, "expires_at", &key.spec.expires_at, &spec.expires_at);
        let spec = (!changes.is_empty()).then(|| Box::new(spec));
        let switch = note_status(&mut changes, key.status, entry.status);
        // Whoever has a key that is in quarantine may read with it.
        let back = [Some(KeyStatus::Active), Some(KeyStatus::Quarantined)].contains(&switch);
        if back && key.status != KeyStatus::Active {
            self.renewed.push((key.id, below(place, "status")));
        }
        if !changes.is_empty() {
            let act = Act::UpdateKey(key.id, spec, switch);
            self.step(Kind::Update, what.clone(), changes, act);
        }
        self.jwks(entry, (key, scopes), (what, place));
    }

    /// The public keys of a client that signs. Who has a new one gets the scopes that the client will have.
    fn jwks(
        &mut self,
        entry: &KeyEntry,
        (key, scopes): (&Key, Scopes),
        (what, place): (String, &[At]),
    ) {
        let Some(to) = &entry.jwks else { return };
        let Some(from) = self.current.jwks_of(key.id).map(JwkSet::stored) else {
            let message = "this is no client that signs with keys of its own: make one with `jwks`";
            return self.fault(&below(place, "jwks"), message);
        };
        let had = from.jsons();
        if to.jsons().iter().any(|json| !had.contains(json)) {
            self.renewed.push((key.id, below(place, "jwks")));
            if let Err(error) = self.by.may_give(Scopes::default(), scopes) {
                self.fault(&below(place, "jwks"), error.to_string());
            }
        }
        if had != to.jsons() {
            let mut changes = Vec::new();
            Self::note(&mut changes, "jwks", &from, to);
            self.step(Kind::Update, what, changes, Act::SetJwks(key.id, to.clone()));
        }
    }
}

fn blocks(spec: &KeySpec) -> Vec<String> {
    spec.cidrs.iter().map(ToString::to_string).collect()
}

/// Notes the status that a key shall get. A file that has always said `active` lifts no quarantine.
fn note_status(
    changes: &mut Vec<Changed>,
    from: KeyStatus,
    to: Option<KeySwitched>,
) -> Option<KeyStatus> {
    let to = to?.status();
    if to == from || (to, from) == (KeyStatus::Active, KeyStatus::Quarantined) {
        return None;
    }
    Differ::note(changes, "status", &from, &to);
    Some(to)
}
