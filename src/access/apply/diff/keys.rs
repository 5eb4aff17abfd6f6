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
use crate::kernel::id::AppId;
use std::collections::HashSet;

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
            let kind = entry.kind.unwrap_or(KeyKind::Key);
            if entry.id.is_none() && !names.insert((kind, entry.name.as_str())) {
                let message = format!("`{}` stands here twice; say which by `id`", entry.name);
                self.fault(&below(&place, "name"), message);
                continue;
            }
            let current = self.current;
            let alive = app.map_or(&[][..], |id| current.keys_of(id)).iter();
            let meant = |key: &&Key| match entry.id {
                Some(id) => key.id == id,
                None => key.kind == kind && key.spec.name == entry.name,
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
                    let found = found.first().copied();
                    let kind = entry.kind.or(found.map(|key| key.kind)).unwrap_or(KeyKind::Key);
                    let what = format!("{kind} {above} / {}", entry.name);
                    match found {
                        Some(key) => self.old_key((entry, kind), key, (what, &place)),
                        None => self.new_key((of, kind), entry, (what, &place)),
                    }
                }
            }
        }
    }

    /// What a key shall be, and all that is wrong with that.
    fn spec(&mut self, entry: &KeyEntry, old: Option<&KeySpec>, place: &[At]) -> KeySpec {
        let environment =
            entry.environment.or(old.map(|old| old.environment)).unwrap_or(Environment::Live);
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
        let new = NewKey { spec, kind, jwks: entry.jwks.clone(), status };
        self.step(Kind::Create, what, Vec::new(), Act::CreateKey(of, Box::new(new)));
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
        let blocks =
            |spec: &KeySpec| spec.cidrs.iter().map(ToString::to_string).collect::<Vec<_>>();
        Self::note(&mut changes, "name", &key.spec.name, &spec.name);
        Self::note(&mut changes, "scopes", &key.spec.scopes.to_string(), &spec.scopes.to_string());
        Self::note(&mut changes, "cidrs", &blocks(&key.spec), &blocks(&spec));
        Self::note(&mut changes, "expires_at", &key.spec.expires_at, &spec.expires_at);
        let spec = (!changes.is_empty()).then(|| Box::new(spec));
        let switch = note_status(&mut changes, key.status, entry.status);
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
        if to.jsons().iter().any(|json| !had.contains(json))
            && let Err(error) = self.by.may_give(Scopes::default(), scopes)
        {
            self.fault(&below(place, "jwks"), error.to_string());
        }
        if had != to.jsons() {
            let mut changes = Vec::new();
            Self::note(&mut changes, "jwks", &from, to);
            self.step(Kind::Update, what, changes, Act::SetJwks(key.id, to.clone()));
        }
    }
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
