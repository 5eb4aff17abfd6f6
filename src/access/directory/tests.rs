//! What is followed entry by entry is what reading everything anew would give.

mod shop;

use super::touched::{self, Touched};
use super::{Keyring, SecretRecord, edit};
use crate::access::keys::model::SecretForm;
use crate::access::partners::model::PartnerPatch;
use crate::access::partners::service::{add_note, update_partner};
use crate::access::service::{self, AppFilter, Switch, Walk, list_apps};
use crate::access::service::{KeyRow, load_directory, load_keys};
use crate::access::tests::{START, at, limits};
use crate::access::{Environment, Pepper};
use crate::kernel::Micros;
use crate::kernel::clock::{DAY, SECOND};
use crate::kernel::id::{AppId, PartnerId};
use crate::limit::{Limiter, LocalLimiter};
use crate::on_tx;
use crate::storage::{Db, log};
use proptest::prelude::*;
use shop::Shop;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

fn keyring(pepper: &Arc<Pepper>) -> Keyring {
    let limiter = Limiter::Local(LocalLimiter::default());
    Keyring::new(limiter, Arc::clone(pepper), Duration::from_secs(10), Duration::MAX)
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
    touched::behind(db, (after, up_to), 0).await.unwrap()
}

#[tokio::test]
async fn what_concerns_no_call_reads_no_key() {
    let mut shop = Shop::open().await;
    shop.step(3, 0, 0).await;
    let keyring = keyring(&shop.pepper);
    keyring.follow(&shop.db, shop.now).await.unwrap();
    let before = keyring.current().clone();
    let partner = load_directory(&shop.db, shop.now).await.unwrap()[0].partner;
    let (note, by) = ("called".parse().unwrap(), at(shop.now));
    add_note(&shop.db, &by, partner, &note).await.unwrap();
    let name = Some("Ateliers réunis".parse().unwrap());
    let renamed = PartnerPatch { name, ..PartnerPatch::default() };
    update_partner(&shop.db, &by, partner, renamed).await.unwrap();
    let head = log::head(&shop.db, log::Log::Control).await.unwrap();
    let touched = touched_behind(&shop.db, before.position, head).await.unwrap();
    assert_eq!(touched, Touched { keys: Vec::new(), plans: Vec::new() });
    // What may concern them reads them.
    service::set_partner_status(&shop.db, &at(shop.now), partner, Switch::Suspend).await.unwrap();
    let touched = touched_behind(&shop.db, before.position, head + 1).await.unwrap();
    assert!(!touched.keys.is_empty());
}

#[tokio::test]
async fn many_keys_of_one_partner_are_read_without_the_others() {
    const MORE: &str = "WITH RECURSIVE counted (n) AS \
            (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < 2500) \
        INSERT INTO keys (id, app_id, environment, name, scopes, cidrs, status, created_at, updated_at, kind) \
        SELECT 'more' || n, k.app_id, k.environment, k.name, k.scopes, k.cidrs, k.status, 0, 0, k.kind \
        FROM counted CROSS JOIN keys k WHERE k.id = $1";
    let mut shop = Shop::open().await;
    shop.step(3, 0, 0).await;
    let (db, one) = (&*shop.db, shop.keys[0].to_string());
    let partner = load_keys(db, std::slice::from_ref(&one), shop.now).await.unwrap()[0].partner;
    let all = load_directory(db, shop.now).await.unwrap();
    let own = all.iter().filter(|key| key.partner == partner).count() + 2_500;
    let mut tx = db.begin().await.unwrap();
    on_tx!(&mut tx, c => _ = sqlx::query(MORE).bind(one).execute(c).await.unwrap());
    tx.commit().await.unwrap();
    let known = log::head(db, log::Log::Control).await.unwrap();
    service::set_partner_status(db, &at(shop.now), partner, Switch::Suspend).await.unwrap();
    let touched = async |all| touched::behind(db, (known, known + 1), all).await.unwrap();
    assert_eq!(touched(10_000).await.unwrap().keys.len(), own);
    assert_eq!(touched(own).await, None, "all are read at once");
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
