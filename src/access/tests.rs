//! Partners, apps and plans over a database of their own.

use super::directory::Keyring;
use super::error::{AccessError, Kind};
use super::keys::model::{KeyKind, KeyStatus, SecretForm};
use super::model::Definition;
use super::model::{App, Name, Status};
use super::policy::Gate;
use super::service::{self, By, Switch, Walk};
use super::service::{KeyRow, KeySecretRow};
use super::store::{Owners, hold_apps};
use super::terms::Terms;
use super::{Environment, Pepper, Scopes, key};
use crate::kernel::Micros;
use crate::kernel::id::{AppId, PartnerId, PlanId};
use crate::limit::{Limit, Limits};
use crate::limit::{Limiter, LocalLimiter};
use crate::on_db;
use crate::storage::Db;
use crate::storage::testing::database;
use std::sync::Arc;
use std::time::Duration;

/// The time at which all tests begin.
pub(crate) const START: Micros = Micros(1_800_000_000_000_000);

/// An administrator at a time.
pub(crate) fn at(now: Micros) -> By<'static> {
    By::new("adm_tester", now)
}

pub(crate) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub(crate) fn limits(quota: u32) -> Limits {
    Limits::new(vec![Limit::rate("burst".parse().unwrap(), quota, 1)]).unwrap()
}

pub(crate) fn definition(quota: u32) -> Definition {
    limits(quota).into()
}

/// An app with its partner and plan.
pub(crate) async fn some_app(db: &Db) -> App {
    let by = at(START);
    let partner = service::create_partner(db, &by, name("Ateliers Vaugirard")).await.unwrap();
    let plan = service::create_plan(db, &by, name("Standard"), definition(50)).await.unwrap();
    service::create_app(db, &by, partner.id, plan.id, name("Comparator")).await.unwrap()
}

/// What the audit log says, oldest first: action and detail.
pub(crate) async fn audit(db: &Db) -> Vec<(String, String)> {
    const LIST: &str = "SELECT action, detail FROM audit_log ORDER BY position";
    on_db!(db, c => sqlx::query_as(LIST).fetch_all(c).await).unwrap()
}

#[tokio::test]
async fn several_apps_are_held_at_once() {
    const TAKE: &str = "SELECT id FROM apps WHERE id = $1 FOR UPDATE NOWAIT";
    let db = database().await;
    let app = some_app(&db).await;
    let made = service::create_app(&db, &at(START), app.partner, app.plan, name("Other")).await;
    let other = made.unwrap();
    let mut tx = db.begin().await.unwrap();
    let held = hold_apps(&mut tx, [app.id, AppId(7), other.id]).await.unwrap();
    assert_eq!(held, Owners::from([(app.id, app.partner), (other.id, app.partner)]));
    // Where others can write meanwhile, they do not get these.
    if let Db::Postgres(pool) = &*db {
        for id in held.keys() {
            let taken = sqlx::query(TAKE).bind(id.to_string()).execute(pool).await;
            assert!(taken.is_err(), "{id}");
        }
    }
}

#[tokio::test]
async fn a_name_is_taken_once() {
    let db = database().await;
    let app = some_app(&db).await;
    let by = at(START);
    let again = service::create_partner(&db, &by, name("Ateliers Vaugirard")).await.unwrap_err();
    assert!(matches!(again, AccessError::NameTaken { kind: Kind::Partner, .. }), "{again}");
    let again = service::create_plan(&db, &by, name("Standard"), definition(1)).await.unwrap_err();
    assert!(matches!(again, AccessError::NameTaken { kind: Kind::Plan, .. }), "{again}");
    let again = service::create_app(&db, &by, app.partner, app.plan, name("Comparator")).await;
    assert!(matches!(again, Err(AccessError::NameTaken { kind: Kind::App, .. })));
    let other = service::create_partner(&db, &by, name("Another")).await.unwrap();
    service::create_app(&db, &by, other.id, app.plan, name("Comparator")).await.unwrap();
    assert_eq!(audit(&db).await.len(), 5, "a refused write leaves no trace");
}

#[tokio::test]
async fn a_reference_to_nothing_is_named() {
    let db = database().await;
    let app = some_app(&db).await;
    let by = at(START);
    let none = service::create_app(&db, &by, PartnerId(1), app.plan, name("x")).await;
    assert!(matches!(none, Err(AccessError::Reference { field: "partner_id", .. })));
    let none = service::create_app(&db, &by, app.partner, PlanId(1), name("x")).await;
    assert!(matches!(none, Err(AccessError::Reference { field: "plan_id", .. })));
    let none = service::set_app_plan(&db, &by, app.id, PlanId(1)).await;
    assert!(matches!(none, Err(AccessError::Reference { field: "plan_id", .. })));
    let none = service::set_partner_status(&db, &by, PartnerId(1), Switch::Suspend).await;
    assert!(matches!(none, Err(AccessError::NotFound { kind: Kind::Partner, .. })));
}

#[tokio::test]
async fn each_change_writes_both_logs_once() {
    let db = database().await;
    let app = some_app(&db).await;
    let by = at(Micros(START.0 + 1));
    for _ in 0..2 {
        let partner = service::set_partner_status(&db, &by, app.partner, Switch::Suspend).await;
        assert_eq!(partner.unwrap().status, Status::Suspended);
        let app = service::set_app_status(&db, &by, app.id, Switch::Suspend).await.unwrap();
        assert_eq!((app.status, app.updated_at), (Status::Suspended, by.now));
    }
    service::set_app_status(&db, &by, app.id, Switch::Resume).await.unwrap();
    let actions: Vec<String> = audit(&db).await.into_iter().map(|(action, _)| action).collect();
    assert_eq!(
        actions,
        [
            "partner.create",
            "plan.create",
            "app.create",
            "partner.suspend",
            "app.suspend",
            "app.resume"
        ]
    );
    assert_eq!(crate::storage::log::head(&db, crate::storage::log::Log::Control).await.unwrap(), 6);
    const CONTROL: &str = "SELECT kind, id, op FROM control_log WHERE position = 5";
    let row: (String, String, String) =
        on_db!(&*db, c => sqlx::query_as(CONTROL).fetch_one(c).await).unwrap();
    assert_eq!(row, ("app".into(), app.id.to_string(), "suspend".into()));
}

#[tokio::test]
async fn a_plan_keeps_its_versions() {
    let db = database().await;
    let app = some_app(&db).await;
    let by = at(Micros(START.0 + 1));
    let plan = service::update_plan(&db, &by, app.plan, limits(80).into()).await.unwrap();
    assert_eq!(plan.version, 2);
    assert_eq!(service::get_plan(&db, app.plan).await.unwrap(), plan);
    let same = service::update_plan(&db, &by, app.plan, limits(80).into()).await.unwrap();
    assert_eq!(same.version, 2, "the same definition is no new version");
    const VERSIONS: &str = "SELECT version, definition FROM plan_versions ORDER BY version";
    let kept: Vec<(i64, String)> =
        on_db!(&*db, c => sqlx::query_as(VERSIONS).fetch_all(c).await).unwrap();
    assert_eq!(kept.len(), 2);
    assert!(kept[0].1.contains("\"quota\":50") && kept[1].1.contains("\"quota\":80"), "{kept:?}");
}

#[tokio::test]
async fn a_walk_sees_each_row_once() {
    let db = database().await;
    let mut made = Vec::new();
    for i in 0..7 {
        let by = at(START);
        let partner = service::create_partner(&db, &by, name(&format!("P{i}"))).await.unwrap();
        made.push(partner.id);
    }
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let walk = Walk { after, limit: 3 };
        let page = service::list_partners(&db, &walk).await.unwrap();
        let Some(last) = page.last() else { break };
        after = last.id.to_string();
        seen.extend(page.iter().map(|partner| partner.id));
    }
    made.sort();
    assert_eq!(seen, made);
}

/// A gate that knows one key with these scopes and a generous limit, and the key's text.
pub(crate) fn gate(scopes: Scopes) -> (Gate, String) {
    let pepper = Arc::new(Pepper::random().unwrap());
    let (key, text) = key::generate(Environment::Live).unwrap();
    let row = KeyRow {
        key,
        kind: KeyKind::Key,
        token_generation: 0,
        environment: Environment::Live,
        key_status: KeyStatus::Active,
        scopes,
        cidrs: Vec::new(),
        expires_at: None,
        app: AppId(1),
        app_status: Status::Active,
        app_since: START,
        partner: PartnerId(1),
        partner_status: Status::Active,
        partner_since: START,
        plan: PlanId(1),
        plan_version: 1,
        definition: Arc::new(definition(1_000_000)),
        terms: Terms::default(),
        secrets: vec![KeySecretRow {
            hash: key::hash(&pepper, text.reveal()),
            form: SecretForm::Text,
            starts_at: None,
            expires_at: None,
            taken_back: false,
            jwk: None,
        }],
    };
    let keyring = Keyring::new(
        Limiter::Local(LocalLimiter::default()),
        pepper,
        Duration::from_secs(10),
        Duration::MAX,
    );
    keyring.replace(vec![row], 1, START);
    (Gate::new(Arc::new(keyring), Vec::new()), text.reveal().to_owned())
}

#[tokio::test]
async fn two_who_change_different_parts_undo_nothing_of_each_other() {
    use super::model::{DefinitionPatch, StockDisclosure};
    use super::partners::model::PartnerPatch;
    use super::partners::service::update_partner;
    let db = database().await;
    let app = some_app(&db).await;
    let by = at(START);
    let disclosure = Some(StockDisclosure::None);
    let disclosed = DefinitionPatch { stock_disclosure: disclosure, ..DefinitionPatch::default() };
    let (one, other) = tokio::join!(
        service::update_plan(&db, &by, app.plan, limits(70).into()),
        service::update_plan(&db, &by, app.plan, disclosed),
    );
    assert_ne!(one.unwrap().version, other.unwrap().version);
    let plan = service::get_plan(&db, app.plan).await.unwrap();
    assert_eq!(plan.definition.limits.0, limits(70));
    assert_eq!(plan.definition.stock_disclosure, StockDisclosure::None);

    let renamed = PartnerPatch { name: Some(name("Renamed")), ..PartnerPatch::default() };
    let reference = Some(Some(name("C-1")));
    let referred = PartnerPatch { external_ref: reference.clone(), ..PartnerPatch::default() };
    let (one, other) = tokio::join!(
        update_partner(&db, &by, app.partner, renamed),
        update_partner(&db, &by, app.partner, referred),
    );
    one.unwrap();
    other.unwrap();
    let partner = service::get_partner(&db, app.partner).await.unwrap();
    assert_eq!((partner.name, Some(partner.profile.external_ref)), (name("Renamed"), reference));
}
