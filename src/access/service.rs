//! What can be done to partners, apps and plans. Each change is one transaction that also writes
//! the control log, which nodes follow, and the audit log. Keys are in [`super::keys`].
//!
//! Doing what is done already (suspending what is suspended) succeeds and writes nothing.

pub use super::keys::service::{
    create_key, create_key_in, edit_key, edit_key_in, finish_rotation, get_key, list_keys,
    quarantine_key, revoke_key, roll_back_rotation, rotate_key, rotate_key_in, set_key_status,
};
pub use super::keys::store::directory::{
    KeyRow, KeySecretRow, PlanNow, keys_of, load_directory, load_keys, load_plans,
};
pub use super::keys::store::uses::touch_secrets;
pub use super::partners::find::{PartnerFilter, find_partners};
pub use super::plan::store::{find_plan_version, list_plan_versions, list_plans};
pub use super::store::{AppFilter, Walk, app_exists, list_apps, list_partners};

use super::error::{AccessError, Kind};
use super::history::PricesFrom;
use super::model::{App, Definition, DefinitionPatch, KeySpec, Name, Partner, Plan, Status};
use super::partners::{self, Profile};
use super::plan;
use super::store::{self, Change, record};
use super::text::Reason;
use super::{Scopes, subscriptions};
use crate::kernel::Micros;
use crate::kernel::id::{AppId, PartnerId, PlanId};
use crate::storage::{Db, StoreError, Tx};
use serde_json::{Value, json};
use std::fmt::Display;

/// Who asks for a change, and when.
#[derive(Debug, Clone, Copy)]
pub struct By<'a> {
    /// The admin token's id, or the program's own part that acts.
    pub actor: &'a str,
    /// The time of the change.
    pub now: Micros,
    /// Scopes that it takes a second person to give.
    withheld: Scopes,
    /// Whether it takes a second person to make or unmake an owner.
    keeps_owners: bool,
    /// Whether it takes a second person to give back many keys, or their secrets.
    keeps_many: bool,
    /// Whether it is one person: two have agreed otherwise, or it is the shell.
    alone: bool,
    /// Why, where somebody has said so.
    pub(super) reason: Option<&'a Reason>,
}

impl<'a> By<'a> {
    /// Somebody who may give any scope.
    #[must_use]
    pub fn new(actor: &'a str, now: Micros) -> Self {
        Self {
            actor,
            now,
            withheld: Scopes::default(),
            keeps_owners: false,
            keeps_many: false,
            alone: false,
            reason: None,
        }
    }

    /// The same, with what the audit log tells as the reason.
    #[must_use]
    pub fn because(self, reason: Option<&'a Reason>) -> Self {
        Self { reason, ..self }
    }

    /// The same, who cannot give these scopes alone.
    #[must_use]
    pub fn withholding(self, withheld: Scopes) -> Self {
        Self { withheld, ..self }
    }

    /// The same, who cannot make or unmake an owner alone, where that takes a second person.
    #[must_use]
    pub fn keeping_owners(self, keeps_owners: bool) -> Self {
        Self { keeps_owners, ..self }
    }

    /// The same, who cannot rotate, resume or revoke many keys alone, where that takes a second person.
    #[must_use]
    pub fn keeping_many(self, keeps_many: bool) -> Self {
        Self { keeps_many, ..self }
    }

    /// The same, who is one person.
    #[must_use]
    pub fn alone(self) -> Self {
        Self { alone: true, ..self }
    }

    /// Refuses what one person never does, whatever the settings.
    pub fn with_another(&self) -> Result<(), AccessError> {
        if self.alone { Err(AccessError::SecondPersonAlways) } else { Ok(()) }
    }

    /// Refuses to make or unmake an owner where that takes a second person. Whatever does so asks this, in the
    /// transaction in which it does.
    pub fn may_change_owners(&self) -> Result<(), AccessError> {
        if self.keeps_owners { Err(AccessError::SecondOwner) } else { Ok(()) }
    }

    /// Refuses to rotate, resume or revoke many keys where that takes a second person.
    pub fn may_change_many(&self) -> Result<(), AccessError> {
        if self.keeps_many { Err(AccessError::SecondPersonForMany) } else { Ok(()) }
    }

    /// Refuses to give a key scopes that it has not had and that take a second person. Whatever writes the
    /// scopes of a key, or gives somebody another secret of it, asks this, in the transaction that writes it.
    pub(super) fn may_give(&self, had: Scopes, has: Scopes) -> Result<(), AccessError> {
        let given = has.without(had).and(self.withheld);
        if given.is_empty() { Ok(()) } else { Err(AccessError::SecondPerson(given)) }
    }

    /// The same for a change of a key. Where it can be used from more places or for longer than two people
    /// agreed to, all that it may do is given anew.
    pub(super) fn may_change(&self, old: &KeySpec, new: &KeySpec) -> Result<(), AccessError> {
        let had = if new.reaches_beyond(old) { Scopes::default() } else { old.scopes };
        self.may_give(had, new.scopes)
    }
}

/// A switch that people may turn on partners, apps and keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    /// Stop all use for now.
    Suspend,
    /// Allow use again.
    Resume,
}

impl Switch {
    /// The status that it leads to.
    #[must_use]
    pub fn status(self) -> Status {
        match self {
            Self::Suspend => Status::Suspended,
            Self::Resume => Status::Active,
        }
    }

    pub(in crate::access) fn op(self) -> &'static str {
        match self {
            Self::Suspend => "suspend",
            Self::Resume => "resume",
        }
    }
}

pub(super) fn change(kind: Kind, id: impl Display, op: &'static str, detail: Value) -> Change {
    Change::new(kind, id, op, detail)
}

/// A conflict of the schema in words: after the checks before, only the name can be taken.
pub(super) fn taken(error: StoreError, kind: Kind, name: &Name) -> AccessError {
    match error {
        StoreError::Conflict(_) => AccessError::NameTaken { kind, name: name.to_string() },
        other => other.into(),
    }
}

/// Creates a partner of which only the name is known.
pub async fn create_partner(db: &Db, by: &By<'_>, name: Name) -> Result<Partner, AccessError> {
    create_partner_with(db, by, name, Profile::default()).await
}

/// Creates a partner.
pub async fn create_partner_with(
    db: &Db,
    by: &By<'_>,
    name: Name,
    profile: Profile,
) -> Result<Partner, AccessError> {
    let mut tx = db.begin().await?;
    let partner = add_partner(&mut tx, by, name, profile).await?;
    tx.commit().await?;
    Ok(partner)
}

/// Creates a partner in a transaction.
pub(super) async fn add_partner(
    tx: &mut Tx,
    by: &By<'_>,
    name: Name,
    profile: Profile,
) -> Result<Partner, AccessError> {
    let partner = Partner {
        id: PartnerId::random()?,
        name,
        status: Status::Active,
        profile: Profile::default(),
        created_at: by.now,
        updated_at: by.now,
    };
    let inserted = store::insert_partner(tx, &partner).await;
    inserted.map_err(|error| taken(error, Kind::Partner, &partner.name))?;
    let detail = json!({ "name": partner.name });
    record(tx, by, change(Kind::Partner, partner.id, "create", detail)).await?;
    if profile == Profile::default() {
        return Ok(partner);
    }
    partners::service::put(tx, by, &partner, (&partner.name, &profile)).await?;
    Ok(Partner { profile, ..partner })
}

/// A partner.
pub async fn get_partner(db: &Db, id: PartnerId) -> Result<Partner, AccessError> {
    let found = store::find_partner(db, id).await?;
    found.ok_or_else(|| AccessError::not_found(Kind::Partner, id))
}

/// Suspends or resumes a partner with all its apps and keys.
pub async fn set_partner_status(
    db: &Db,
    by: &By<'_>,
    id: PartnerId,
    switch: Switch,
) -> Result<Partner, AccessError> {
    let mut tx = db.begin().await?;
    let changed = store::set_partner_status(&mut tx, id, switch.status(), by.now).await?;
    let Some(partner) = changed else {
        drop(tx);
        return get_partner(db, id).await;
    };
    record(&mut tx, by, change(Kind::Partner, id, switch.op(), json!({}))).await?;
    tx.commit().await?;
    Ok(partner)
}

/// Creates an app of a partner on a plan.
pub async fn create_app(
    db: &Db,
    by: &By<'_>,
    partner: PartnerId,
    plan: PlanId,
    name: Name,
) -> Result<App, AccessError> {
    if store::find_partner(db, partner).await?.is_none() {
        return Err(AccessError::reference("partner_id", Kind::Partner, partner));
    }
    plan_exists(db, plan).await?;
    let mut tx = db.begin().await?;
    let app = add_app(&mut tx, by, (partner, plan), name).await?;
    tx.commit().await?;
    Ok(app)
}

/// Creates an app in a transaction, of a partner and on a plan that exist.
pub(super) async fn add_app(
    tx: &mut Tx,
    by: &By<'_>,
    (partner, plan): (PartnerId, PlanId),
    name: Name,
) -> Result<App, AccessError> {
    let app = App {
        id: AppId::random()?,
        partner,
        plan,
        name,
        status: Status::Active,
        created_at: by.now,
        updated_at: by.now,
    };
    let inserted = store::insert_app(tx, &app).await;
    inserted.map_err(|error| taken(error, Kind::App, &app.name))?;
    subscriptions::service::begin(tx, by, app.id, plan).await?;
    let detail = json!({ "partner_id": partner, "plan_id": plan, "name": app.name });
    record(tx, by, change(Kind::App, app.id, "create", detail)).await?;
    Ok(app)
}

/// Nothing of access is ever deleted, so what exists before a transaction exists in it.
async fn plan_exists(db: &Db, plan: PlanId) -> Result<(), AccessError> {
    match plan::store::find_plan(db, plan).await? {
        Some(_) => Ok(()),
        None => Err(AccessError::reference("plan_id", Kind::Plan, plan)),
    }
}

/// An app as it is at `now`.
pub async fn get_app(db: &Db, id: AppId, now: Micros) -> Result<App, AccessError> {
    let found = store::find_app(db, id, now).await?;
    found.ok_or_else(|| AccessError::not_found(Kind::App, id))
}

/// Suspends or resumes an app with all its keys.
pub async fn set_app_status(
    db: &Db,
    by: &By<'_>,
    id: AppId,
    switch: Switch,
) -> Result<App, AccessError> {
    let mut tx = db.begin().await?;
    if store::set_app_status(&mut tx, id, switch.status(), by.now).await? {
        record(&mut tx, by, change(Kind::App, id, switch.op(), json!({}))).await?;
        tx.commit().await?;
    } else {
        drop(tx);
    }
    get_app(db, id, by.now).await
}

/// Puts an app on another plan: one subscription ends and another begins. Its counters go on.
pub async fn set_app_plan(
    db: &Db,
    by: &By<'_>,
    id: AppId,
    plan: PlanId,
) -> Result<App, AccessError> {
    change_app(db, by, id, (None, Some(plan))).await
}

/// Gives an app another name and puts it on another plan, where these are given: all of it or nothing.
pub async fn change_app(
    db: &Db,
    by: &By<'_>,
    id: AppId,
    (name, plan): (Option<Name>, Option<PlanId>),
) -> Result<App, AccessError> {
    if let Some(plan) = plan {
        plan_exists(db, plan).await?;
    }
    let mut tx = db.begin().await?;
    let mut changed = false;
    if let Some(name) = &name {
        changed |= rename_app(&mut tx, by, id, name).await?;
    }
    if let Some(plan) = plan {
        changed |= subscriptions::service::put_on_plan(&mut tx, by, (id, plan), None).await?;
    }
    if changed {
        tx.commit().await?;
    } else {
        drop(tx);
    }
    get_app(db, id, by.now).await
}

/// Gives an app another name in a transaction; false where it has that name. Keys and counters go by its id.
pub(super) async fn rename_app(
    tx: &mut Tx,
    by: &By<'_>,
    id: AppId,
    name: &Name,
) -> Result<bool, AccessError> {
    if store::hold_app(tx, id).await?.is_none() {
        return Err(AccessError::not_found(Kind::App, id));
    }
    let renamed = store::rename_app(tx, id, name, by.now).await;
    if !renamed.map_err(|error| taken(error, Kind::App, name))? {
        return Ok(false);
    }
    record(tx, by, change(Kind::App, id, "rename", json!({ "name": name }))).await?;
    Ok(true)
}

/// Creates a plan.
pub async fn create_plan(
    db: &Db,
    by: &By<'_>,
    name: Name,
    definition: Definition,
) -> Result<Plan, AccessError> {
    let mut tx = db.begin().await?;
    let plan = add_plan(&mut tx, by, name, definition).await?;
    tx.commit().await?;
    Ok(plan)
}

/// Creates a plan in a transaction.
pub(super) async fn add_plan(
    tx: &mut Tx,
    by: &By<'_>,
    name: Name,
    definition: Definition,
) -> Result<Plan, AccessError> {
    definition.fits()?;
    let plan = Plan {
        id: PlanId::random()?,
        name,
        version: 1,
        definition,
        created_at: by.now,
        updated_at: by.now,
    };
    let inserted = plan::store::insert_plan(tx, &plan).await;
    inserted.map_err(|error| taken(error, Kind::Plan, &plan.name))?;
    let detail = json!({ "name": plan.name, "version": 1, "definition": plan.definition });
    record(tx, by, change(Kind::Plan, plan.id, "create", detail)).await?;
    Ok(plan)
}

/// A plan at its current version.
pub async fn get_plan(db: &Db, id: PlanId) -> Result<Plan, AccessError> {
    let found = plan::store::find_plan(db, id).await?;
    found.ok_or_else(|| AccessError::not_found(Kind::Plan, id))
}

/// Gives a plan a new definition, in force for all its apps. The old version stays on record.
pub async fn update_plan(
    db: &Db,
    by: &By<'_>,
    id: PlanId,
    patch: DefinitionPatch,
) -> Result<Plan, AccessError> {
    update_named_plan(db, by, id, (None, patch)).await
}

/// The same, with another name where one is given: that makes no new version.
pub async fn update_named_plan(
    db: &Db,
    by: &By<'_>,
    id: PlanId,
    (name, patch): (Option<Name>, DefinitionPatch),
) -> Result<Plan, AccessError> {
    let mut tx = db.begin().await?;
    // Held, so that of two who change different parts of it neither undoes what the other did.
    let held = plan::store::hold_plan(&mut tx, id).await?;
    let mut plan = held.ok_or_else(|| AccessError::not_found(Kind::Plan, id))?;
    let (from, definition) = (patch.prices_from, patch.of(&plan.definition));
    let name = name.filter(|name| *name != plan.name);
    // Prices that wait for the next period are other ones where they shall hold now.
    let wait = from == PricesFrom::Now && !plan::store::prices_hold_at_once(&mut tx, &plan).await?;
    let is_same = plan.definition == definition && !wait;
    if name.is_none() && is_same {
        return Ok(plan);
    }
    if let Some(name) = name {
        rename_plan(&mut tx, by, id, &name).await?;
        plan.name = name;
    }
    if !is_same {
        plan.definition.gives_way_to(&definition)?;
        plan.version = put_definition(&mut tx, by, id, &definition, from).await?;
        plan.definition = definition;
    }
    tx.commit().await?;
    Ok(Plan { updated_at: by.now, ..plan })
}

/// Gives a plan another name in a transaction.
pub(super) async fn rename_plan(
    tx: &mut Tx,
    by: &By<'_>,
    id: PlanId,
    name: &Name,
) -> Result<(), AccessError> {
    let renamed = plan::store::rename_plan(tx, id, name, by.now).await;
    renamed.map_err(|error| taken(error, Kind::Plan, name))?;
    record(tx, by, change(Kind::Plan, id, "rename", json!({ "name": name }))).await
}

/// Gives a plan a new definition in a transaction; its new version.
pub(super) async fn put_definition(
    tx: &mut Tx,
    by: &By<'_>,
    id: PlanId,
    definition: &Definition,
    from: PricesFrom,
) -> Result<u32, AccessError> {
    let updated = plan::store::update_plan(tx, id, (definition, from), by.now).await?;
    let version = updated.ok_or_else(|| AccessError::not_found(Kind::Plan, id))?;
    let detail = json!({ "version": version, "definition": definition, "prices_from": from });
    record(tx, by, change(Kind::Plan, id, "update", detail)).await?;
    Ok(version)
}
