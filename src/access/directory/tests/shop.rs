//! An installation to which things happen.

use crate::access::freezes::{self, Freezable};
use crate::access::keys::import::{self, Digest};
use crate::access::keys::model::{KeyPatch, Rotation};
use crate::access::keys::service::Begun;
use crate::access::model::{DefinitionPatch, KeySpec, StockDisclosure};
use crate::access::oauth::client::{create_client, set_jwks};
use crate::access::oauth::jwk::PublicJwk;
use crate::access::partners::model::PartnerPatch;
use crate::access::partners::service::update_partner;
use crate::access::service::{self, By, Switch};
use crate::access::subscriptions::service as subscriptions;
use crate::access::tests::{START, at, name};
use crate::access::transfers::transfer;
use crate::access::{Environment, Pepper, Scope, Scopes};
use crate::kernel::Micros;
use crate::kernel::clock::DAY;
use crate::kernel::id::{AppId, KeyId, PartnerId, PlanId};
use crate::limit::{Limit, Limits, Per};
use crate::storage::testing::{TestDb, database};
use serde_json::json;
use std::sync::Arc;

/// Its database, its time, and what has been made in it.
pub(super) struct Shop {
    pub(super) db: TestDb,
    pub(super) pepper: Arc<Pepper>,
    pub(super) now: Micros,
    pub(super) partners: Vec<PartnerId>,
    pub(super) plans: Vec<PlanId>,
    pub(super) apps: Vec<AppId>,
    pub(super) keys: Vec<KeyId>,
}

pub(super) fn pick<T: Copy>(of: &[T], at: usize) -> T {
    of[at % of.len()]
}

impl Shop {
    pub(super) async fn open() -> Self {
        let (db, pepper) = (database().await, Arc::new(Pepper::random().unwrap()));
        let (now, none) = (START, Vec::new());
        let mut shop =
            Self { db, pepper, now, partners: vec![], plans: vec![], apps: vec![], keys: none };
        for n in 0..2 {
            shop.step(0, n, n).await;
            shop.step(1, n, n).await;
            shop.step(2, n, n).await;
            shop.step(3, n, n).await;
        }
        shop
    }

    pub(super) fn spec(&self, a: usize, b: usize) -> KeySpec {
        KeySpec {
            app: pick(&self.apps, a),
            environment: if b.is_multiple_of(3) { Environment::Test } else { Environment::Live },
            name: name("key"),
            scopes: if b.is_multiple_of(2) {
                Scopes::all()
            } else {
                [Scope::CatalogRead].into_iter().collect()
            },
            cidrs: if b.is_multiple_of(5) { vec!["192.0.2.0/24".parse().unwrap()] } else { vec![] },
            expires_at: b.is_multiple_of(4).then_some(Micros(self.now.0 + 5 * DAY)),
        }
    }

    /// Does one thing, where it can be done: what is frozen or revoked refuses much.
    pub(super) async fn step(&mut self, op: usize, a: usize, b: usize) {
        let (db, now) = (&self.db, self.now);
        let by = at(now);
        match op {
            0 => {
                let called = name(&format!("Partner {}", self.partners.len()));
                self.partners.push(service::create_partner(db, &by, called).await.unwrap().id);
            }
            1 => {
                let called = name(&format!("Plan {}", self.plans.len()));
                let made = service::create_plan(db, &by, called, plan(b)).await;
                self.plans.push(made.unwrap().id);
            }
            2 => {
                let called = name(&format!("App {}", self.apps.len()));
                let (partner, plan) = (pick(&self.partners, a), pick(&self.plans, b));
                let made = service::create_app(db, &by, partner, plan, called).await;
                self.apps.extend(made.map(|app| app.id));
            }
            3 => {
                let made = service::create_key(db, &by, &self.pepper, self.spec(a, b)).await;
                self.keys.extend(made.map(|issued| issued.key.id));
            }
            4 => {
                let made = create_client(
                    db,
                    &by,
                    &self.pepper,
                    self.spec(a, b),
                    b.is_multiple_of(2).then(|| jwks(b)),
                );
                self.keys.extend(made.await.map(|(client, _)| client.id));
            }
            5 => self.import(a, b).await,
            6..=13 => self.change_key(&by, op, (a, b)).await,
            14..=19 => self.change_app(&by, op, (a, b)).await,
            20..=22 => self.change_partner(&by, op, (a, b)).await,
            23 | 26.. => {
                let patch = DefinitionPatch::from(plan(b).limits.0);
                let told = b.is_multiple_of(2).then_some(StockDisclosure::None);
                let patch = DefinitionPatch { stock_disclosure: told, ..patch };
                drop(service::update_plan(db, &by, pick(&self.plans, a), patch).await);
            }
            _ => self.freeze(&by, a, b).await,
        }
    }

    async fn import(&mut self, a: usize, b: usize) {
        let hasher = crate::access::imported::ImportedHasher::new(&self.pepper);
        let mut digest = [0; 32];
        digest[..2].copy_from_slice(&[a as u8, self.keys.len() as u8]);
        let (digest, spec) = (Digest::Sha256(digest), self.spec(a, b));
        let row = import::Row { line: 1, spec, digest, hint: String::new() };
        let by = at(self.now);
        if let Ok(done) = import::import_keys(&self.db, &by, &hasher, vec![Ok(row)], false).await {
            self.keys.extend(done.accepted.into_iter().filter_map(|(_, key)| key));
        }
    }

    async fn change_key(&self, by: &By<'_>, op: usize, (a, b): (usize, usize)) {
        let (db, key, pepper) = (&*self.db, pick(&self.keys, a), &self.pepper);
        let switch = if b.is_multiple_of(2) { Switch::Suspend } else { Switch::Resume };
        match op {
            6 => drop(service::set_key_status(db, by, key, switch).await),
            7 => drop(service::revoke_key(db, by, key).await),
            8 => drop(service::quarantine_key(db, by, key).await),
            9 => {
                let begins = (b.is_multiple_of(2)).then_some(Micros(self.now.0 + DAY));
                let rotation = Rotation { starts_at: begins, ..Rotation::from(b as u32 * 3_600) };
                drop(service::rotate_key(db, by, pepper, key, rotation).await);
            }
            10 => drop(service::finish_rotation(db, by, key, Begun::Now).await),
            11 => drop(service::roll_back_rotation(db, by, key).await),
            12 => drop(set_jwks(db, by, pepper, key, &jwks(b)).await),
            _ => {
                let KeySpec { scopes, cidrs, expires_at, .. } = self.spec(a, b);
                let (scopes, cidrs) = (Some(scopes), Some(cidrs));
                let patch = KeyPatch { name: None, scopes, cidrs, expires_at: Some(expires_at) };
                drop(service::edit_key(db, by, key, None, patch).await);
            }
        }
    }

    async fn change_app(&self, by: &By<'_>, op: usize, (a, b): (usize, usize)) {
        let (db, app, plan) = (&*self.db, pick(&self.apps, a), pick(&self.plans, b));
        let switch = if b.is_multiple_of(2) { Switch::Suspend } else { Switch::Resume };
        match op {
            14 => drop(service::set_app_status(db, by, app, switch).await),
            15 => drop(service::set_app_plan(db, by, app, plan).await),
            16 => {
                let begins = Some(Micros(self.now.0 + (b as i64 % 5 + 1) * DAY));
                if let Ok(asked) = subscriptions::request(db, by, (app, plan), begins).await {
                    drop(subscriptions::approve(db, by, asked.id, begins).await);
                }
            }
            17 | 18 => {
                let all =
                    crate::access::subscriptions::store::history(db, app, 1_000, 10).await.unwrap();
                let one = all[b % all.len()].id;
                match op {
                    17 if b.is_multiple_of(3) => {
                        drop(subscriptions::suspend(db, by, one, None).await);
                    }
                    17 => drop(subscriptions::resume(db, by, one).await),
                    _ => drop(subscriptions::cancel(db, by, one, None).await),
                }
            }
            _ => drop(transfer(db, by, app, pick(&self.partners, b)).await),
        }
    }

    async fn change_partner(&self, by: &By<'_>, op: usize, (a, b): (usize, usize)) {
        let (db, partner) = (&*self.db, pick(&self.partners, a));
        let switch = if b.is_multiple_of(2) { Switch::Suspend } else { Switch::Resume };
        if op == 20 {
            return drop(service::set_partner_status(db, by, partner, switch).await);
        }
        let day = |days: usize| format!("2027-01-{:02}", 10 + days % 20);
        let contract = json!({
            "reference": "c", "starts_on": day(b), "ends_on": day(b + a % 9),
            "time_zone": "Europe/Paris",
        });
        let contract = serde_json::from_value(contract).ok().filter(|_| op == 21);
        let patch = PartnerPatch { contract: Some(contract), ..PartnerPatch::default() };
        drop(update_partner(db, by, partner, patch).await);
    }

    async fn freeze(&self, by: &By<'_>, a: usize, b: usize) {
        let what = match b % 3 {
            0 => Freezable::Key(pick(&self.keys, a)),
            1 => Freezable::App(pick(&self.apps, a)),
            _ => Freezable::Partner(pick(&self.partners, a)),
        };
        let reason: crate::access::text::Reason = "An audit".parse().unwrap();
        match freezes::get(&self.db, what).await.unwrap() {
            None => drop(freezes::freeze(&self.db, by, what, (reason, a.is_multiple_of(2))).await),
            Some(_) => drop(freezes::unfreeze(&self.db, by, what, &reason).await),
        }
    }
}

pub(super) fn plan(b: usize) -> crate::access::model::Definition {
    let per = if b.is_multiple_of(2) { Per::Partner } else { Per::Key };
    let burst = Limit::rate("burst".parse().unwrap(), 50 + b as u32, 1);
    let more = Limit { per, ..Limit::rate("more".parse().unwrap(), 500, 60) };
    Limits::new(vec![burst, more]).unwrap().into()
}

fn jwks(b: usize) -> Vec<PublicJwk> {
    let key = |n| PublicJwk { kid: format!("k{n}"), json: format!("{{\"kid\":\"k{n}\"}}") };
    (0..b % 3 + 1).map(key).collect()
}
