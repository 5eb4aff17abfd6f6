//! What is followed entry by entry is what reading everything anew would give.

use super::touched::{self, Touched};
use super::{Keyring, SecretRecord, edit};
use crate::access::freezes::{self, Freezable};
use crate::access::keys::import::{self, Digest};
use crate::access::keys::model::{KeyPatch, Rotation, SecretForm};
use crate::access::keys::service::Begun;
use crate::access::model::{DefinitionPatch, KeySpec, StockDisclosure};
use crate::access::oauth::client::{create_client, set_jwks};
use crate::access::oauth::jwk::PublicJwk;
use crate::access::partners::model::PartnerPatch;
use crate::access::partners::service::{add_note, update_partner};
use crate::access::service::{self, AppFilter, By, Switch, Walk, list_apps};
use crate::access::service::{KeyRow, load_directory, load_keys};
use crate::access::subscriptions::service as subscriptions;
use crate::access::tests::{START, at, limits, name};
use crate::access::transfers::transfer;
use crate::access::{Environment, Pepper, Scope, Scopes};
use crate::kernel::Micros;
use crate::kernel::clock::{DAY, SECOND};
use crate::kernel::id::{AppId, KeyId, PartnerId, PlanId};
use crate::limit::{Limit, Limiter, Limits, LocalLimiter, Per};
use crate::on_tx;
use crate::storage::testing::{TestDb, database};
use crate::storage::{Db, log};
use proptest::prelude::*;
use serde_json::json;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

fn keyring(pepper: &Arc<Pepper>) -> Keyring {
    let limiter = Limiter::Local(LocalLimiter::default());
    Keyring::new(limiter, Arc::clone(pepper), Duration::from_secs(10))
}

/// All that a keyring says of each key now and at the instants at which something may turn.
fn said(keyring: &Keyring, now: Micros) -> BTreeMap<(i64, u64), String> {
    let directory = keyring.current();
    let secret = |s: &SecretRecord| {
        assert!(s.form != SecretForm::Sha256 || directory.imported(&s.hash, now).is_some());
        format!("{:?}", (s.hash, s.form, s.starts_at, s.expires_at, &s.jwk))
    };
    let mut said = BTreeMap::new();
    for days in [0, 1, 3, 10, 40, 400] {
        let at = Micros(now.0 + days * DAY);
        for key in directory.keys_at(at) {
            assert!(Arc::ptr_eq(directory.at(key.key, at).unwrap(), key));
            let granted = &key.granted;
            let mut secrets: Vec<String> = key.secrets.iter().map(secret).collect();
            secrets.sort_unstable();
            let is = (
                (key.key, key.kind, key.environment, key.app, key.partner),
                (granted.plan, granted.version, &granted.terms, &granted.data),
                (key.scopes, &key.cidrs, key.expires_at, key.standing, key.contract),
                (&key.frozen, key.until, key.token_generation, key.stock_disclosure),
                secrets,
            );
            said.insert((days, key.key.0), format!("{is:?}"));
        }
    }
    assert_eq!(directory.len() * 6, said.len());
    said
}

/// An installation to which things happen.
struct Shop {
    db: TestDb,
    pepper: Arc<Pepper>,
    now: Micros,
    partners: Vec<PartnerId>,
    plans: Vec<PlanId>,
    apps: Vec<AppId>,
    keys: Vec<KeyId>,
}

fn pick<T: Copy>(of: &[T], at: usize) -> T {
    of[at % of.len()]
}

impl Shop {
    async fn open() -> Self {
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

    fn spec(&self, a: usize, b: usize) -> KeySpec {
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
    async fn step(&mut self, op: usize, a: usize, b: usize) {
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
                let reason = "A test".parse().unwrap();
                let reason = b.is_multiple_of(3).then_some(&reason);
                match op {
                    17 => drop(subscriptions::set_suspended(db, by, one, reason).await),
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

fn plan(b: usize) -> crate::access::model::Definition {
    let per = if b.is_multiple_of(2) { Per::Partner } else { Per::Key };
    let burst = Limit::rate("burst".parse().unwrap(), 50 + b as u32, 1);
    let more = Limit { per, ..Limit::rate("more".parse().unwrap(), 500, 60) };
    Limits::new(vec![burst, more]).unwrap().into()
}

fn jwks(b: usize) -> Vec<PublicJwk> {
    let key = |n| PublicJwk { kid: format!("k{n}"), json: format!("{{\"kid\":\"k{n}\"}}") };
    (0..b % 3 + 1).map(key).collect()
}

async fn is_what_all_anew_gives(shop: &Shop, followed: &Keyring) {
    let anew = keyring(&shop.pepper);
    anew.follow(&shop.db, shop.now).await.unwrap();
    assert_eq!(followed.current().position(), anew.current().position());
    let mixed = edit::mixed(&anew.current(), &HashMap::new());
    let (followed, anew) = (said(followed, shop.now), said(&anew, shop.now));
    assert!(followed.keys().eq(anew.keys()), "not the same keys");
    for (what, says) in &anew {
        assert_eq!(followed.get(what), Some(says));
    }
    let mut all = load_directory(&shop.db, shop.now).await.unwrap();
    let ids: Vec<String> = all.iter().map(|row| row.key.to_string()).collect();
    let mut some = load_keys(&shop.db, &ids, shop.now).await.unwrap();
    for rows in [&mut all, &mut some] {
        rows.sort_by_key(|row| row.key);
        rows.iter_mut().for_each(|row| row.secrets.sort_by_key(|secret| secret.hash));
    }
    assert_eq!(some, all);
    are_mixed(shop, &mixed, &all).await;
    for row in all.iter().take(2) {
        let mut one = load_keys(&shop.db, &[row.key.to_string()], shop.now).await.unwrap();
        one.iter_mut().for_each(|row| row.secrets.sort_by_key(|secret| secret.hash));
        assert_eq!(one, std::slice::from_ref(row));
    }
}

/// What the keys in memory say of partners on several plans is what the rows of all their apps say, but for apps without
/// keys, which count nothing yet.
async fn are_mixed(shop: &Shop, mixed: &HashSet<PartnerId>, rows: &[KeyRow]) {
    let walk = Walk { after: String::new(), limit: 1_000 };
    let apps = list_apps(&shop.db, &AppFilter::default(), &walk, shop.now).await.unwrap();
    let with_keys: HashSet<AppId> = rows.iter().map(|row| row.app).collect();
    for row in rows {
        let mut its = apps.iter().filter(|app| app.partner == row.partner);
        let all_count = its.all(|app| with_keys.contains(&app.id));
        let is = mixed.contains(&row.partner);
        assert!(is == row.terms.mixed || !is && !all_count, "{}", row.partner);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 40, ..ProptestConfig::default() })]

    /// Whatever happens, in whatever order and however many things between two looks at the log.
    #[test]
    fn following_gives_what_reading_all_anew_gives(
        steps in prop::collection::vec((0usize..30, 0usize..40, 0usize..40, 0usize..6), 1..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut shop = Shop::open().await;
            let followed = keyring(&shop.pepper);
            followed.follow(&shop.db, shop.now).await.unwrap();
            for (op, a, b, pause) in steps {
                shop.step(op, a, b).await;
                if pause < 3 {
                    followed.follow(&shop.db, shop.now).await.unwrap();
                }
                if pause == 0 {
                    is_what_all_anew_gives(&shop, &followed).await;
                }
                shop.now = Micros(shop.now.0 + pause as i64 * 7 * 3_600 * SECOND);
            }
            followed.follow(&shop.db, shop.now).await.unwrap();
            is_what_all_anew_gives(&shop, &followed).await;
        });
    }
}

async fn touched_behind(db: &Db, after: i64, up_to: i64) -> Option<Touched> {
    touched::behind(db, after, up_to).await.unwrap()
}

#[tokio::test]
async fn what_concerns_no_call_reads_no_key() {
    let mut shop = Shop::open().await;
    shop.step(3, 0, 0).await;
    let keyring = keyring(&shop.pepper);
    keyring.follow(&shop.db, shop.now).await.unwrap();
    let before = keyring.current().clone();
    let partner = load_directory(&shop.db, shop.now).await.unwrap()[0].partner;
    let note = "called".parse().unwrap();
    add_note(&shop.db, &at(shop.now), partner, &note).await.unwrap();
    let head = log::head(&shop.db, log::Log::Control).await.unwrap();
    let touched = touched_behind(&shop.db, before.position, head).await.unwrap();
    assert_eq!(touched, Touched { keys: Vec::new(), plans: Vec::new() });
    // What may concern them reads them.
    service::set_partner_status(&shop.db, &at(shop.now), partner, Switch::Suspend).await.unwrap();
    let touched = touched_behind(&shop.db, before.position, head + 1).await.unwrap();
    assert!(!touched.keys.is_empty());
}

#[tokio::test]
async fn only_what_an_entry_touches_is_read() {
    let mut shop = Shop::open().await;
    for n in 0..6 {
        shop.step(3, n, n).await;
    }
    let keyring = keyring(&shop.pepper);
    keyring.follow(&shop.db, shop.now).await.unwrap();
    let before = keyring.current().clone();
    let (one, by) = (shop.keys[0], at(shop.now));
    before.at(one, shop.now).unwrap().secrets[0].note_use(shop.now);
    service::revoke_key(&shop.db, &by, one).await.unwrap();
    assert!(keyring.follow(&shop.db, shop.now).await.unwrap());
    let after = keyring.current().clone();
    for key in &shop.keys {
        let [was, is] = [&before, &after].map(|d| d.at(*key, shop.now).unwrap());
        assert_eq!(Arc::ptr_eq(was, is), *key != one, "{key}");
    }
    assert_eq!(after.at(one, shop.now).unwrap().standing, super::Standing::Revoked);
    assert_eq!(before.at(one, shop.now).unwrap().standing, super::Standing::Good);
    let uses: Vec<Micros> = keyring.take_uses().into_iter().map(|used| used.at).collect();
    assert_eq!(uses, [shop.now], "a use is not lost with the record that it was noted in");
    assert!(keyring.take_uses().is_empty());
    // The keys of a plan version go on under the same terms, made anew or not.
    let [one, other] = [
        after.at(one, shop.now),
        after.keys_at(shop.now).find(|key| {
            let one = after.at(one, shop.now).unwrap();
            key.key != one.key
                && key.granted.plan == one.granted.plan
                && key.environment == one.environment
        }),
    ]
    .map(Option::unwrap);
    assert!(Arc::ptr_eq(&one.granted, &other.granted));
}

#[tokio::test]
async fn a_use_is_kept_where_its_secret_is_gone_or_it_could_not_be_stored() {
    let mut shop = Shop::open().await;
    shop.step(3, 0, 0).await;
    let keyring = keyring(&shop.pepper);
    keyring.follow(&shop.db, shop.now).await.unwrap();
    let key = shop.keys[0];
    let noted = shop.now;
    keyring.current().at(key, noted).unwrap().secrets[0].note_use(noted);
    // The second rotation forgets the secret that was used.
    for seconds in [1, 2] {
        let by = at(Micros(noted.0 + seconds * SECOND));
        service::rotate_key(&shop.db, &by, &shop.pepper, key, 0).await.unwrap();
        keyring.follow(&shop.db, by.now).await.unwrap();
    }
    for _ in 0..2 {
        let uses = keyring.take_uses();
        assert_eq!(uses.iter().map(|used| (used.key, used.at)).collect::<Vec<_>>(), [(key, noted)]);
        keyring.put_back(uses);
    }
    let mut tx = shop.db.begin().await.unwrap();
    service::touch_secrets(&mut tx, &keyring.take_uses()).await.unwrap();
    tx.commit().await.unwrap();
    let told = service::get_key(&shop.db, key, shop.now).await.unwrap();
    assert_eq!((told.last_used_at, told.secrets[0].last_used_at), (Some(noted), None));
    assert!(keyring.take_uses().is_empty());
}

#[tokio::test]
async fn an_edit_of_a_plan_takes_its_keys_and_no_other_to_the_new_version() {
    let mut shop = Shop::open().await;
    for n in 0..6 {
        shop.step(3, n, n).await;
    }
    let (keyring, plan) = (keyring(&shop.pepper), shop.plans[0]);
    keyring.follow(&shop.db, shop.now).await.unwrap();
    let before = keyring.current().clone();
    before.keys.values().for_each(|key| key.secrets[0].note_use(shop.now));
    // Of several edits between two looks only the last is put in force.
    for quota in [77, 78] {
        let edit = limits(quota).into();
        service::update_plan(&shop.db, &at(shop.now), plan, edit).await.unwrap();
    }
    assert!(keyring.follow(&shop.db, shop.now).await.unwrap());
    let after = keyring.current().clone();
    let mut granted = HashSet::new();
    for key in &shop.keys {
        let [was, is] = [&before, &after].map(|d| d.at(*key, shop.now).unwrap());
        assert_eq!(Arc::ptr_eq(was, is), is.granted.plan != plan, "{key}");
        if is.granted.plan == plan {
            assert_eq!((was.granted.version, is.granted.version), (1, 3));
            assert_eq!(is.granted.terms.limits.list()[0].granted(), 78);
            granted.insert((is.environment == Environment::Live, Arc::as_ptr(&is.granted)));
            assert!(Arc::ptr_eq(&was.next_at, &is.next_at));
        }
    }
    assert!(granted.len() <= 2, "one for all keys of a side");
    assert!(!granted.is_empty());
    assert_eq!(keyring.take_uses().len(), shop.keys.len(), "no use is lost");
}

#[tokio::test]
async fn who_has_read_the_head_earlier_and_comes_later_reads_nothing_anew() {
    let mut shop = Shop::open().await;
    for n in 0..3 {
        shop.step(3, n, n).await;
    }
    let keyring = keyring(&shop.pepper);
    keyring.follow(&shop.db, shop.now).await.unwrap();
    let before = keyring.current().clone();
    let earlier = (std::time::Instant::now(), shop.now);
    keyring.load(&shop.db, before.position - 1, earlier).await.unwrap();
    let after = keyring.current().clone();
    assert_eq!(after.position, before.position);
    for key in &shop.keys {
        let [was, is] = [&before, &after].map(|d| d.at(*key, shop.now).unwrap());
        assert!(Arc::ptr_eq(was, is), "{key}");
    }
}

#[tokio::test]
async fn a_log_that_does_not_say_is_read_around() {
    let mut shop = Shop::open().await;
    let db = &*shop.db;
    let head = async || log::head(db, log::Log::Control).await.unwrap();
    let known = head().await;
    assert_eq!(touched_behind(db, 0, known).await, None, "at the start");
    assert_eq!(touched_behind(db, known, known - 1).await, None, "an older database");
    let nothing = Touched { keys: vec![], plans: vec![] };
    assert_eq!(touched_behind(db, known, known).await, Some(nothing));
    assert_eq!(touched_behind(db, known, known + 1).await, None, "an entry that is not there");
    for (n, (kind, says)) in [("source", true), ("coupon", false)].into_iter().enumerate() {
        let position = known + 1 + n as i64;
        let mut tx = db.begin().await.unwrap();
        crate::storage::advance(&mut tx, crate::storage::Log::Control, 1).await.unwrap();
        const ENTRY: &str = "INSERT INTO control_log (position, kind, id, op, occurred_at) \
                             VALUES ($1, $2, 'x', 'create', 0)";
        on_tx!(&mut tx, c => _ = sqlx::query(ENTRY).bind(position).bind(kind).execute(c).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(touched_behind(db, known, position).await.is_some(), says, "{kind}");
    }
    let (known, plan) = (head().await, shop.plans[0]);
    service::update_plan(db, &at(START), plan, limits(77).into()).await.unwrap();
    // No key is read for the edit of a plan, however many are on it.
    let of_plan = Touched { keys: vec![], plans: vec![plan.to_string()] };
    assert_eq!(touched_behind(db, known, known + 1).await, Some(of_plan));
    shop.step(20, 1, 0).await;
    assert_eq!(touched_behind(&shop.db, known + 1, known + 2).await.unwrap().keys.len(), 1);
}
