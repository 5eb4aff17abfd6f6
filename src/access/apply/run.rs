//! Makes the difference so, all of it or nothing.

use super::current::Current;
use super::diff::{Act, AppChange, NewKey, Of, Steps, Wanted};
use super::read::Fault;
use super::steps::Shown;
use super::store;
use crate::access::error::{AccessError, Kind};
use crate::access::history::PricesFrom;
use crate::access::key::Pepper;
use crate::access::keys::edit::may_change;
use crate::access::keys::model::{KeyKind, KeyStatus};
use crate::access::keys::service::{add_key, move_in};
use crate::access::model::{Definition, KeySpec, Name};
use crate::access::oauth::jwk::JwkSet;
use crate::access::oauth::{add_client, set_jwks_in};
use crate::access::offers::{Offer, put_offer};
use crate::access::partners;
use crate::access::service::{
    By, Switch, add_app, add_partner, add_plan, change, put_definition, rename_app, rename_plan,
};
use crate::access::store::{record, set_app_status, set_partner_status};
use crate::access::subscriptions::service::{cancel_scheduled, put_on_plan};
use crate::kernel::id::{AppId, KeyId, PartnerId, PlanId};
use crate::kernel::secret::Secret;
use crate::storage::{Db, StoreError, Tx};
use serde_json::json;

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
    /// What is done.
    pub shown: Shown,
    /// The keys that are made.
    pub issued: Vec<Issued>,
}

impl Prepared {
    /// Makes all of it so.
    pub async fn commit(self) -> Result<(), StoreError> {
        self.tx.commit().await
    }
}

/// Why nothing was done.
#[derive(Debug)]
pub enum Failed {
    /// Behind what somebody else has changed meanwhile, the file is wrong.
    Faults(Vec<Fault>),
    /// A step was refused.
    Step(String, AccessError),
    /// Something else.
    Other(AccessError),
}

impl Failed {
    fn gave_way(&self) -> bool {
        match self {
            Self::Step(_, AccessError::Store(error)) | Self::Other(AccessError::Store(error)) => {
                error.gave_way() || error.is_crowded()
            }
            _ => false,
        }
    }
}

impl<E: Into<AccessError>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self::Other(error.into())
    }
}

/// How often the steps are begun: others take what they change first and the log last, so that PostgreSQL may have to end
/// one of two that wait for each other, and it may be this one. Who waits for the log has a connection meanwhile, so that
/// there may be none left to read by.
const TRIES: u32 = 8;

/// Does all steps in one transaction, and leaves it to be committed. What somebody else has changed since `current` was
/// read is looked at anew while nobody can change more, so that this comes to its end however much is changed beside it:
/// `db` has a second connection for that.
pub async fn prepare(
    db: &Db,
    by: &By<'_>,
    pepper: &Pepper,
    (wanted, current, steps): (&Wanted<'_>, &Current, Steps),
) -> Result<Prepared, Failed> {
    let mut known = Some((current.position, steps));
    let mut tries = 1;
    loop {
        match attempt(db, by, pepper, (wanted, known.take())).await {
            Err(failed) if failed.gave_way() && tries < TRIES => tries += 1,
            done => return done,
        }
    }
}

/// The steps that are known to be needed at a position of the control log, or those that are found to be.
async fn attempt(
    db: &Db,
    by: &By<'_>,
    pepper: &Pepper,
    (wanted, known): (&Wanted<'_>, Option<(i64, Steps)>),
) -> Result<Prepared, Failed> {
    let mut tx = db.begin().await?;
    let head = store::hold_log(&mut tx).await?;
    let steps = match known {
        Some((position, steps)) if position == head => steps,
        _ => {
            let current = Current::load(db, by.now).await?;
            wanted.steps(&current, by).map_err(Failed::Faults)?
        }
    };
    let mut work = Work { tx, by, pepper, made: Made::default(), issued: Vec::new() };
    for (act, step) in steps.acts.into_iter().zip(&steps.shown.0) {
        let done = work.act(act, &step.what).await;
        done.map_err(|error| Failed::Step(step.what.clone(), error))?;
    }
    Ok(Prepared { tx: work.tx, shown: steps.shown, issued: work.issued })
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

impl Work<'_> {
    async fn act(&mut self, act: Act, what: &str) -> Result<(), AccessError> {
        let (tx, by) = (&mut self.tx, self.by);
        match act {
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
                self.create_key(what, app, *new).await
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
            rename_app(tx, by, id, &name).await?;
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

    async fn create_key(&mut self, what: &str, app: AppId, new: NewKey) -> Result<(), AccessError> {
        let (tx, by) = (&mut self.tx, self.by);
        let spec = KeySpec { app, ..new.spec };
        let id = if new.kind == KeyKind::Key {
            let issued = add_key(tx, by, self.pepper, spec).await?;
            self.issued.push(Issued { what: what.to_owned(), text: issued.text });
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
