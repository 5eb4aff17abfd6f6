//! Keys over a database of their own.

use super::model::{KeyFilter, KeyStatus, SecretUse};
use super::rotation::rotate_in;
use super::service::{create_key, get_key, list_keys, revoke_key, rotate_key, set_key_status};
use super::store::directory::{KeyRow, load_directory};
use super::store::rotation::hold_key;
use super::store::uses::touch_secrets;
use crate::access::error::AccessError;
use crate::access::key::{KeyText, Pepper};
use crate::access::model::{App, IssuedKey, KeySpec, Status};
use crate::access::service::{Switch, Walk, set_partner_status, update_plan};
use crate::access::tests::{START, at, audit, limits, name, some_app};
use crate::access::{Environment, Scope, Scopes};
use crate::kernel::Micros;
use crate::kernel::clock::SECOND;
use crate::kernel::id::{AppId, KeyId};
use crate::storage::testing::{TestDb, database};
use crate::storage::{Db, Tx};

fn spec(app: &App) -> KeySpec {
    KeySpec {
        app: app.id,
        environment: Environment::Live,
        name: name("production"),
        scopes: [Scope::CatalogRead, Scope::StockRead].into_iter().collect(),
        cidrs: vec!["192.0.2.0/24".parse().unwrap(), "2001:db8::/32".parse().unwrap()],
        expires_at: None,
    }
}

/// A database with an app and a key in it.
async fn a_key() -> (TestDb, Pepper, App, IssuedKey) {
    let db = database().await;
    let app = some_app(&db).await;
    let pepper = Pepper::random().unwrap();
    let issued = create_key(&db, &at(START), &pepper, spec(&app)).await.unwrap();
    (db, pepper, app, issued)
}

fn after(seconds: i64) -> Micros {
    Micros(START.0 + seconds * SECOND)
}

async fn only_row(db: &Db) -> KeyRow {
    let mut rows = load_directory(db, START).await.unwrap();
    assert_eq!(rows.len(), 1);
    rows.remove(0)
}

#[tokio::test]
async fn the_directory_knows_a_key_by_its_hash_only() {
    let (db, pepper, app, issued) = a_key().await;
    let row = only_row(&db).await;
    let text = KeyText::parse(issued.text.reveal()).unwrap();
    assert_eq!((text.id, text.environment), (row.key, row.environment));
    assert_eq!(row.secrets[0].hash, text.hash(&pepper));
    assert_eq!((row.app, row.partner, row.plan), (app.id, app.partner, app.plan));
    assert_eq!((row.scopes, &row.cidrs), (spec(&app).scopes, &spec(&app).cidrs));
    assert_eq!((row.plan_version, &row.definition.limits.0), (1, &limits(50)));
    let statuses = (row.key_status, row.app_status, row.partner_status);
    assert_eq!(statuses, (KeyStatus::Active, Status::Active, Status::Active));

    set_partner_status(&db, &at(START), app.partner, Switch::Suspend).await.unwrap();
    update_plan(&db, &at(START), app.plan, limits(80).into()).await.unwrap();
    let row = only_row(&db).await;
    assert_eq!(row.partner_status, Status::Suspended);
    assert_eq!((row.plan_version, &row.definition.limits.0), (2, &limits(80)));
}

#[tokio::test]
async fn no_log_holds_a_secret() {
    let (db, pepper, _, issued) = a_key().await;
    let id = issued.key.id;
    let rotated = rotate_key(&db, &at(START), &pepper, id, 60).await.unwrap();
    for text in [&issued.text, &rotated.text] {
        let secret = &text.reveal()[21..40];
        for (action, detail) in audit(&db).await {
            assert!(!detail.contains(secret), "{action}: {detail}");
        }
    }
    assert!(!format!("{issued:?}{rotated:?}").contains(&issued.text.reveal()[21..]));
}

#[tokio::test]
async fn revocation_is_final() {
    let (db, pepper, _, issued) = a_key().await;
    let (by, id) = (at(after(1)), issued.key.id);
    assert_eq!(
        set_key_status(&db, &by, id, Switch::Suspend).await.unwrap().status,
        KeyStatus::Suspended
    );
    assert_eq!(revoke_key(&db, &by, id).await.unwrap().status, KeyStatus::Revoked);
    assert_eq!(revoke_key(&db, &by, id).await.unwrap().status, KeyStatus::Revoked);
    for switch in [Switch::Resume, Switch::Suspend] {
        let error = set_key_status(&db, &by, id, switch).await.unwrap_err();
        assert!(matches!(error, AccessError::Revoked(_)), "{error}");
    }
    let error = rotate_key(&db, &by, &pepper, id, 0).await.unwrap_err();
    assert!(matches!(error, AccessError::Revoked(_)), "{error}");
    let row = only_row(&db).await;
    assert_eq!((row.key_status, row.secrets.len()), (KeyStatus::Revoked, 1));
    let actions: Vec<_> = audit(&db).await.into_iter().skip(3).map(|(action, _)| action).collect();
    assert_eq!(actions, ["key.create", "key.suspend", "key.revoke"]);
}

#[tokio::test]
async fn two_secrets_overlap_and_never_three() {
    let (db, pepper, _, issued) = a_key().await;
    let id = issued.key.id;
    let second = rotate_key(&db, &at(after(10)), &pepper, id, 60).await.unwrap();
    let ends: Vec<_> = second.key.secrets.iter().map(|secret| secret.expires_at).collect();
    assert_eq!(ends, [Some(after(70)), None]);
    assert_ne!(second.text, issued.text);

    let third = rotate_key(&db, &at(after(69)), &pepper, id, 60).await.unwrap_err();
    assert!(matches!(third, AccessError::Rotating(until) if until == after(70)), "{third}");
    assert_eq!(get_key(&db, id, after(69)).await.unwrap().secrets.len(), 2);
    assert_eq!(get_key(&db, id, after(70)).await.unwrap().secrets.len(), 1);

    let third = rotate_key(&db, &at(after(70)), &pepper, id, 60).await.unwrap();
    assert_eq!(third.key.secrets.len(), 2);
    let fourth = rotate_key(&db, &at(after(71)), &pepper, id, 0).await.unwrap();
    assert_eq!(fourth.key.secrets.len(), 1, "no overlap ends all older secrets at once");
    let valid = |row: &KeyRow| {
        let alive = row.secrets.iter().filter(|s| s.expires_at.is_none_or(|at| at > after(71)));
        alive.map(|secret| secret.hash).collect::<Vec<_>>()
    };
    let text = KeyText::parse(fourth.text.reveal()).unwrap();
    assert_eq!(valid(&only_row(&db).await), [text.hash(&pepper)]);
}

#[tokio::test]
async fn an_expired_key_is_not_rotated_and_a_past_expiry_not_taken() {
    let (db, pepper, app, _) = a_key().await;
    let ending = KeySpec { expires_at: Some(after(5)), ..spec(&app) };
    let late = create_key(&db, &at(after(5)), &pepper, ending.clone()).await.unwrap_err();
    assert!(matches!(late, AccessError::Field { field: "expires_at", .. }), "{late}");
    let key = create_key(&db, &at(START), &pepper, ending).await.unwrap().key;
    let late = rotate_key(&db, &at(after(5)), &pepper, key.id, 0).await.unwrap_err();
    assert!(matches!(late, AccessError::Expired(at) if at == after(5)), "{late}");
    let long = rotate_key(&db, &at(START), &pepper, key.id, u32::MAX).await.unwrap_err();
    assert!(matches!(long, AccessError::Field { field: "overlap_s", .. }), "{long}");
}

#[tokio::test]
async fn what_does_not_exist_is_said_so() {
    let (db, pepper, app, _) = a_key().await;
    let by = at(START);
    let none = create_key(&db, &by, &pepper, KeySpec { app: AppId(1), ..spec(&app) }).await;
    assert!(matches!(none, Err(AccessError::Reference { field: "app_id", .. })));
    let none = rotate_key(&db, &by, &pepper, KeyId(1), 0).await;
    assert!(matches!(none, Err(AccessError::NotFound { .. })));
    let none = revoke_key(&db, &by, KeyId(1)).await;
    assert!(matches!(none, Err(AccessError::NotFound { .. })));
}

#[tokio::test]
async fn the_last_use_only_moves_forward() {
    let (db, _, _, issued) = a_key().await;
    let hash = only_row(&db).await.secrets[0].hash;
    let key = issued.key.id;
    let used = |hash, at| SecretUse { key, hash, at };
    for (at, expected) in [(after(5), after(5)), (after(3), after(5)), (after(9), after(9))] {
        let mut tx = db.begin().await.unwrap();
        let unknown = SecretUse { key: KeyId(7), hash: [7; 32], at };
        touch_secrets(&mut tx, &[used(hash, at), unknown]).await.unwrap();
        tx.commit().await.unwrap();
        let key = get_key(&db, issued.key.id, START).await.unwrap();
        assert_eq!(
            (key.secrets[0].last_used_at, key.last_used_at),
            (Some(expected), Some(expected))
        );
    }
    // Also among many at once, and where there are several of one.
    let mut many: Vec<_> = (0..=200).map(|n| used([n; 32], after(10))).collect();
    many.extend([11, 12, 10].map(|seconds| used(hash, after(seconds))));
    let mut tx = db.begin().await.unwrap();
    touch_secrets(&mut tx, &many).await.unwrap();
    touch_secrets(&mut tx, &[]).await.unwrap();
    tx.commit().await.unwrap();
    let key = get_key(&db, issued.key.id, START).await.unwrap();
    assert_eq!((key.secrets[0].last_used_at, key.last_used_at), (Some(after(12)), Some(after(12))));
}

#[tokio::test]
async fn who_notes_uses_and_who_rotates_many_keys_never_wait_for_each_other() {
    let (db, pepper, app, _) = a_key().await;
    let Db::Postgres(_) = &*db else { return };
    // Two keys whose hashes are in the other order.
    let [first, second] = loop {
        let mut keys = [KeyId(0); 2].map(|key| SecretUse { key, hash: [0; 32], at: START });
        for used in &mut keys {
            let issued = create_key(&db, &at(START), &pepper, spec(&app)).await.unwrap();
            used.key = issued.key.id;
            used.hash = KeyText::parse(issued.text.reveal()).unwrap().hash(&pepper);
        }
        keys.sort_unstable_by_key(|used| used.key);
        if keys[1].hash < keys[0].hash {
            break keys;
        }
    };
    let rotate = async |tx: &mut Tx, key: KeyId| {
        let held = hold_key(tx, key, None, START).await.unwrap().unwrap();
        rotate_in(tx, &at(START), &pepper, (key, held), &0.into()).await.map(drop)
    };
    let mut rotating = db.begin().await.unwrap();
    rotate(&mut rotating, first.key).await.unwrap();
    let noting = tokio::spawn({
        let db = Db::clone(&db);
        async move {
            let mut tx = db.begin().await?;
            touch_secrets(&mut tx, &[first, second]).await?;
            tx.commit().await
        }
    });
    db.until_one_waits().await;
    rotate(&mut rotating, second.key).await.unwrap();
    rotating.commit().await.unwrap();
    noting.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_list_holds_the_keys_of_the_app_with_their_secrets() {
    let (db, pepper, app, issued) = a_key().await;
    let test = KeySpec { environment: Environment::Test, scopes: Scopes::all(), ..spec(&app) };
    let test = create_key(&db, &at(START), &pepper, test).await.unwrap();
    let walk = Walk { after: String::new(), limit: 10 };
    let mut listed = list_keys(&db, &KeyFilter::of_app(app.id), &walk, START).await.unwrap();
    listed.sort_by_key(|key| key.spec.environment.as_str());
    assert_eq!(listed, [issued.key, test.key]);
    assert!(list_keys(&db, &KeyFilter::of_app(AppId(1)), &walk, START).await.unwrap().is_empty());
}
