//! Makes the difference so, all of it or nothing.

use super::diff::{Act, AppChange, NewKey, Of, Step, Steps};
use super::store;
use crate::access::error::{AccessError, Kind};
use crate::access::history::PricesFrom;
use crate::access::key::Pepper;
use crate::access::keys::edit::may_change;
use crate::access::keys::model::{KeyFilter, KeyKind, KeyStatus};
use crate::access::keys::service::{add_key, list_keys, move_in};
use crate::access::model::{App, Definition, Key, KeySpec, Name, Partner, Plan};
use crate::access::oauth::jwk::JwkSet;
use crate::access::oauth::{add_client, set_jwks_in};
use crate::access::offers::{self, Offer, put_offer};
use crate::access::partners;
use crate::access::service::{
    AppFilter, By, Switch, add_app, add_partner, add_plan, change, list_apps, list_partners,
    list_plans, put_definition, rename_plan,
};
use crate::access::store::{Walk, record, set_app_status, set_partner_status};
use crate::access::subscriptions::service::{cancel_scheduled, put_on_plan, scheduled};
use crate::kernel::Micros;
use crate::kernel::id::{AppId, KeyId, PartnerId, PlanId};
use crate::kernel::secret::Secret;
use crate::storage::{Db, Log, Tx, log};
use serde_json::json;
use std::collections::HashMap;

/// Rows read at once.
const PAGE: u32 = 5_000;

/// What is there.
#[derive(Debug)]
pub struct Current {
    /// The position of the control log that it is of.
    position: i64,
    /// Plans with how they are offered.
    pub plans: Vec<(Plan, Offer)>,
    /// Partners.
    pub partners: Vec<Partner>,
    /// What begins later, by app.
    pub scheduled: HashMap<AppId, (PlanId, Micros)>,
    apps: HashMap<PartnerId, Vec<App>>,
    keys: HashMap<AppId, Vec<Key>>,
    jwks: HashMap<KeyId, Vec<String>>,
}

/// Reads every row of a listing.
async fn all<T>(
    mut page: impl AsyncFnMut(Walk) -> Result<Vec<T>, AccessError>,
    id: fn(&T) -> String,
) -> Result<Vec<T>, AccessError> {
    let (mut rows, mut after) = (Vec::new(), String::new());
    loop {
        let mut more = page(Walk { after, limit: PAGE }).await?;
        let full = more.len() >= PAGE as usize;
        after = more.last().map(id).unwrap_or_default();
        rows.append(&mut more);
        if !full {
            return Ok(rows);
        }
    }
}

impl Current {
    /// Reads what is there at `now`.
    pub async fn load(db: &Db, now: Micros) -> Result<Self, AccessError> {
        // Before the rows: what is written in between is noticed when the difference is made so.
        let position = log::head(db, Log::Control).await?;
        let plans =
            all(async |walk| Ok(list_plans(db, &walk).await?), |p| p.id.to_string()).await?;
        let mut known = offers::store::all(db).await?;
        let plans = plans.into_iter().map(|plan| {
            let offer = known.remove(&plan.id).unwrap_or_default();
            (plan, offer)
        });
        let partners =
            all(async |walk| Ok(list_partners(db, &walk).await?), |p| p.id.to_string()).await?;
        let (mut apps, mut keys) = (HashMap::new(), HashMap::new());
        let list = async |walk| Ok(list_apps(db, &AppFilter::default(), &walk, now).await?);
        for app in all(list, |app| app.id.to_string()).await? {
            apps.entry(app.partner).or_insert_with(Vec::new).push(app);
        }
        let list = async |walk| list_keys(db, &KeyFilter::default(), &walk, now).await;
        for key in all(list, |key: &Key| key.id.to_string()).await? {
            if key.status != KeyStatus::Revoked {
                keys.entry(key.spec.app).or_insert_with(Vec::new).push(key);
            }
        }
        let (plans, scheduled) = (plans.collect(), scheduled(db, now).await?);
        let jwks = store::jwks(db).await?;
        Ok(Self { position, plans, partners, scheduled, apps, keys, jwks })
    }

    /// The apps of a partner.
    #[must_use]
    pub fn apps_of(&self, id: PartnerId) -> &[App] {
        self.apps.get(&id).map_or(&[], Vec::as_slice)
    }

    /// The keys and clients of an app that are not revoked.
    #[must_use]
    pub fn keys_of(&self, id: AppId) -> &[Key] {
        self.keys.get(&id).map_or(&[], Vec::as_slice)
    }

    /// The public keys of a client that signs.
    #[must_use]
    pub fn jwks_of(&self, id: KeyId) -> Option<&[String]> {
        self.jwks.get(&id).map(Vec::as_slice)
    }
}

/// A key that was made.
#[derive(Debug)]
pub struct Issued {
    /// Whose it is and what it is called.
    pub what: String,
    /// Its text.
    pub text: Secret,
}

/// Changes under way: nothing of them is there until they are committed.
#[derive(Debug)]
pub struct Prepared {
    tx: Tx,
    /// The keys that were made.
    pub issued: Vec<Issued>,
}

impl Prepared {
    /// Makes all of it so.
    pub async fn commit(self) -> Result<Vec<Issued>, AccessError> {
        self.tx.commit().await?;
        Ok(self.issued)
    }
}

/// Does all steps in one transaction, and leaves it to be committed.
pub async fn prepare(
    db: &Db,
    by: &By<'_>,
    pepper: &Pepper,
    (current, steps): (&Current, Steps),
) -> Result<Prepared, (AccessError, Option<String>)> {
    let alone = |error: crate::storage::StoreError| (error.into(), None);
    let mut tx = db.begin().await.map_err(alone)?;
    if store::hold_log(&mut tx).await.map_err(alone)? != current.position {
        let detail = "Somebody has changed something meanwhile: run it again.".to_owned();
        return Err((AccessError::Conflict(detail), None));
    }
    let mut work = Work { tx, by, pepper, made: Made::default(), issued: Vec::new() };
    for step in steps.steps {
        let what = step.what.clone();
        work.step(step).await.map_err(|error| (error, Some(what)))?;
    }
    Ok(Prepared { tx: work.tx, issued: work.issued })
}

/// What the steps so far have made, in their order.
#[derive(Debug, Default)]
struct Made {
    plans: Vec<PlanId>,
    partners: Vec<PartnerId>,
    apps: Vec<AppId>,
}

struct Work<'a> {
    tx: Tx,
    by: &'a By<'a>,
    pepper: &'a Pepper,
    made: Made,
    issued: Vec<Issued>,
}

/// What is there, or was made by a step before.
fn find<Id: Copy>(of: Of<Id>, made: &[Id]) -> Result<Id, AccessError> {
    match of {
        Of::There(id) => Ok(id),
        Of::Made(at) => made.get(at).copied().ok_or_else(|| {
            AccessError::Conflict("A step needs what no step before has made.".to_owned())
        }),
    }
}

fn taken(error: crate::storage::StoreError, kind: Kind, name: &Name) -> AccessError {
    match error {
        crate::storage::StoreError::Conflict(_) => {
            AccessError::NameTaken { kind, name: name.to_string() }
        }
        other => other.into(),
    }
}

impl Work<'_> {
    async fn step(&mut self, step: Step) -> Result<(), AccessError> {
        let (tx, by) = (&mut self.tx, self.by);
        match step.act {
            Act::CreatePlan(name, definition, offer) => {
                let plan = add_plan(tx, by, name, definition).await?;
                if offer != Offer::default() {
                    put_offer(tx, by, plan.id, &offer).await?;
                }
                self.made.plans.push(plan.id);
                Ok(())
            }
            Act::UpdatePlan(id, name, definition, offer) => {
                self.update_plan(id, name, definition, offer).await
            }
            Act::CreatePartner(name, profile, switch) => {
                let partner = add_partner(tx, by, name, profile).await?;
                self.made.partners.push(partner.id);
                self.switch_partner(partner.id, switch).await
            }
            Act::UpdatePartner(old, name, profile, switch) => {
                if old.name != name || old.profile != profile {
                    partners::service::put(tx, by, &old, (&name, &profile)).await?;
                }
                self.switch_partner(old.id, switch).await
            }
            Act::CreateApp(partner, plan, name, switch, next) => {
                let partner = find(partner, &self.made.partners)?;
                let plan = find(plan, &self.made.plans)?;
                let app = add_app(tx, by, (partner, plan), name).await?;
                self.made.apps.push(app.id);
                let change = AppChange { next, switch, ..AppChange::default() };
                self.update_app(app.id, change).await
            }
            Act::UpdateApp(id, change) => self.update_app(id, *change).await,
            Act::CreateKey(app, new) => {
                let app = find(app, &self.made.apps)?;
                self.create_key(step.what, app, *new).await
            }
            Act::SetJwks(id, JwkSet(jwks)) => {
                set_jwks_in(tx, by, self.pepper, (id, &jwks)).await.map(drop)
            }
            Act::UpdateKey(id, spec, switch) => self.update_key(id, spec, switch).await,
        }
    }

    async fn update_plan(
        &mut self,
        id: PlanId,
        name: Option<Name>,
        definition: Option<Definition>,
        offer: Option<Offer>,
    ) -> Result<(), AccessError> {
        let (tx, by) = (&mut self.tx, self.by);
        if let Some(name) = name {
            rename_plan(tx, by, id, &name).await?;
        }
        if let Some(definition) = definition {
            put_definition(tx, by, id, &definition, PricesFrom::default()).await?;
        }
        match offer {
            Some(offer) => put_offer(tx, by, id, &offer).await,
            None => Ok(()),
        }
    }

    async fn update_app(&mut self, id: AppId, to: AppChange) -> Result<(), AccessError> {
        let (tx, by) = (&mut self.tx, self.by);
        if let Some(name) = to.name {
            let renamed = store::rename_app(tx, id, &name, by.now).await;
            renamed.map_err(|error| taken(error, Kind::App, &name))?;
            record(tx, by, change(Kind::App, id, "rename", json!({ "name": name }))).await?;
        }
        if to.cancel {
            cancel_scheduled(tx, by, id).await?;
        }
        if let Some(plan) = to.plan {
            put_on_plan(tx, by, (id, find(plan, &self.made.plans)?), None).await?;
        }
        if let Some((plan, at)) = to.next {
            put_on_plan(tx, by, (id, find(plan, &self.made.plans)?), Some(at)).await?;
        }
        if let Some(switch) = to.switch
            && set_app_status(tx, id, switch.status(), by.now).await?
        {
            record(tx, by, change(Kind::App, id, switch.op(), json!({}))).await?;
        }
        Ok(())
    }

    async fn switch_partner(
        &mut self,
        id: PartnerId,
        switch: Option<Switch>,
    ) -> Result<(), AccessError> {
        let (tx, by) = (&mut self.tx, self.by);
        let Some(switch) = switch else { return Ok(()) };
        if set_partner_status(tx, id, switch.status(), by.now).await?.is_some() {
            record(tx, by, change(Kind::Partner, id, switch.op(), json!({}))).await?;
        }
        Ok(())
    }

    async fn create_key(
        &mut self,
        what: String,
        app: AppId,
        new: NewKey,
    ) -> Result<(), AccessError> {
        let (tx, by) = (&mut self.tx, self.by);
        let spec = KeySpec { app, ..new.spec };
        let id = if new.kind == KeyKind::Key {
            let issued = add_key(tx, by, self.pepper, spec).await?;
            self.issued.push(Issued { what, text: issued.text });
            issued.key.id
        } else {
            let jwks = new.jwks.map(|JwkSet(jwks)| jwks);
            let (client, secret) = add_client(tx, by, self.pepper, (spec, jwks)).await?;
            // By its id it is known to the token endpoint.
            let what = format!("{what} {}", client.id);
            self.issued.extend(secret.map(|text| Issued { what, text }));
            client.id
        };
        self.switch_key(id, new.status).await
    }

    async fn switch_key(&mut self, id: KeyId, to: Option<KeyStatus>) -> Result<(), AccessError> {
        let Some(status) = to else { return Ok(()) };
        let op = match status {
            KeyStatus::Active => "resume",
            KeyStatus::Quarantined => "quarantine",
            KeyStatus::Suspended => "suspend",
            KeyStatus::Revoked => "revoke",
        };
        move_in(&mut self.tx, self.by, id, (status, op)).await.map(drop)
    }

    async fn update_key(
        &mut self,
        id: KeyId,
        spec: Option<Box<KeySpec>>,
        switch: Option<KeyStatus>,
    ) -> Result<(), AccessError> {
        let (tx, by) = (&mut self.tx, self.by);
        if let Some(spec) = spec {
            may_change(tx, by, id, |_| (*spec).clone()).await?;
            store::update_key(tx, id, &spec, by.now).await?;
            let detail = json!({
                "name": spec.name,
                "scopes": spec.scopes.to_string(),
                "cidrs": spec.cidrs.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "expires_at": spec.expires_at,
            });
            record(tx, by, change(Kind::Key, id, "update", detail)).await?;
        }
        self.switch_key(id, switch).await
    }
}
