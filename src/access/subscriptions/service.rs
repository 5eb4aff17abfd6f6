//! What can be done to subscriptions. A change of plan ends one and starts another at one instant, so that
//! an app has exactly one plan at any time, from its creation on.

pub use super::store::{find, history, requested, scheduled};

use super::model::{State, Subscription};
use super::store;
use crate::access::error::{AccessError, Kind};
use crate::access::offers::{Approval, get_offer};
use crate::access::service::{By, change};
use crate::access::store::{app_exists, hold_app, record};
use crate::access::text::Reason;
use crate::kernel::Micros;
use crate::kernel::clock::DAY;
use crate::kernel::id::{AppId, AppSubscriptionId, PlanId};
use crate::kernel::word::Word as _;
use crate::storage::{Db, Tx};
use serde_json::{Value, json};

/// How far ahead a change of plan may be scheduled: five years.
pub(in crate::access) const AHEAD_MOST: i64 = 5 * 366 * DAY;
/// Most requests of an app that wait for a decision.
const WAITING_MOST: usize = 5;

/// A subscription as it is asked for.
fn asked(
    by: &By<'_>,
    app: AppId,
    (number, plan): (u32, PlanId),
    wanted_at: Option<Micros>,
) -> Result<Subscription, AccessError> {
    Ok(Subscription {
        id: AppSubscriptionId::random()?,
        app,
        number,
        plan,
        state: State::Requested,
        requested_by: by.actor.to_owned(),
        requested_at: by.now,
        wanted_at,
        decided_by: None,
        decided_at: None,
        reason: None,
        starts_at: None,
        ends_at: None,
    })
}

/// The same, decided.
fn decided(subscription: Subscription, by: &By<'_>, state: State) -> Subscription {
    let decided_by = Some(by.actor.to_owned());
    Subscription { state, decided_by, decided_at: Some(by.now), ..subscription }
}

/// Writes down what has changed of an app's subscriptions.
async fn note(
    tx: &mut Tx,
    by: &By<'_>,
    app: AppId,
    (op, detail): (&'static str, Value),
) -> Result<(), AccessError> {
    store::touch_app(tx, app, by.now).await?;
    record(tx, by, change(Kind::App, app, op, detail)).await
}

/// The first subscription of an app, in the transaction that makes it.
pub(in crate::access) async fn begin(
    tx: &mut Tx,
    by: &By<'_>,
    app: AppId,
    plan: PlanId,
) -> Result<(), AccessError> {
    let first = decided(asked(by, app, (1, plan), None)?, by, State::Active);
    Ok(store::insert(tx, &Subscription { starts_at: Some(by.now), ..first }).await?)
}

/// The subscription without end of an app that is held by `tx`.
async fn open(tx: &mut Tx, app: AppId) -> Result<Subscription, AccessError> {
    store::open(tx, app).await?.ok_or_else(|| AccessError::not_found(Kind::App, app))
}

/// Makes room for another subscription of an app from `at` on: ends the one without end then, or takes it
/// out where it has not been in force for a moment.
async fn end_at(
    tx: &mut Tx,
    by: &By<'_>,
    (app, plan): (AppId, PlanId),
    at: Micros,
) -> Result<(), AccessError> {
    let now = open(tx, app).await?;
    let starts_at = now.starts_at.unwrap_or_default();
    if starts_at > by.now {
        return Err(AccessError::Conflict(format!(
            "Another change of plan is scheduled for {starts_at} (`{}`): cancel it first.",
            now.id
        )));
    }
    if now.state == State::Suspended {
        let detail =
            "The subscription in force is suspended: resume it before you change the plan.";
        return Err(AccessError::Conflict(detail.to_owned()));
    }
    if now.plan == plan {
        return Err(AccessError::Conflict("The app is on this plan already.".to_owned()));
    }
    let ended = match starts_at == at {
        true => Subscription {
            state: State::Cancelled,
            wanted_at: Some(starts_at),
            starts_at: None,
            ..now
        },
        false => Subscription { ends_at: Some(at), ..now },
    };
    Ok(store::update(tx, &ended).await?)
}

fn start_of(wanted_at: Option<Micros>, by: &By<'_>) -> Micros {
    wanted_at.map_or(by.now, |at| at.max(by.now))
}

/// Puts an app on a plan by the retailer's own hand, at once or later. False where it is on it.
pub(in crate::access) async fn put_on_plan(
    tx: &mut Tx,
    by: &By<'_>,
    (app, plan): (AppId, PlanId),
    wanted_at: Option<Micros>,
) -> Result<bool, AccessError> {
    if hold_app(tx, app).await?.is_none() {
        return Err(AccessError::not_found(Kind::App, app));
    }
    let last = open(tx, app).await?;
    if last.plan == plan && last.starts_at <= Some(by.now) {
        return Ok(false);
    }
    let at = start_of(wanted_at, by);
    end_at(tx, by, (app, plan), at).await?;
    let number = store::next_number(tx, app).await?;
    let new = decided(asked(by, app, (number, plan), wanted_at)?, by, State::Active);
    store::insert(tx, &Subscription { starts_at: Some(at), ..new.clone() }).await?;
    let detail = json!({ "plan_id": plan, "subscription_id": new.id, "starts_at": at });
    note(tx, by, app, ("change_plan", detail)).await?;
    Ok(true)
}

/// Asks for a plan. It is the app's at once, or from `wanted_at` on, where the plan is given without
/// asking anybody.
pub async fn request(
    db: &Db,
    by: &By<'_>,
    (app, plan): (AppId, PlanId),
    wanted_at: Option<Micros>,
) -> Result<Subscription, AccessError> {
    if wanted_at.is_some_and(|at| at < by.now || at.0 - by.now.0 > AHEAD_MOST) {
        let message = format!("lies in the past or more than five years ahead of {}", by.now);
        return Err(AccessError::Field { field: "starts_at", message });
    }
    if !app_exists(db, app).await? {
        return Err(AccessError::not_found(Kind::App, app));
    }
    let offer = get_offer(db, plan).await.map_err(|error| match error {
        AccessError::NotFound { .. } => AccessError::reference("plan_id", Kind::Plan, plan),
        other => other,
    })?;
    if offer.approval == Approval::Closed {
        let detail = "The plan is closed: nobody can ask for it. Put the app on it yourself.";
        return Err(AccessError::Conflict(detail.to_owned()));
    }
    let mut tx = db.begin().await?;
    hold_app(&mut tx, app).await?;
    if open(&mut tx, app).await?.plan == plan {
        return Err(AccessError::Conflict("The app is on this plan already.".to_owned()));
    }
    if store::waiting(&mut tx, app).await? >= WAITING_MOST {
        let detail = format!("{WAITING_MOST} requests of this app wait for a decision already.");
        return Err(AccessError::Conflict(detail));
    }
    let number = store::next_number(&mut tx, app).await?;
    let new = asked(by, app, (number, plan), wanted_at)?;
    store::insert(&mut tx, &new).await?;
    let detail = json!({ "plan_id": plan, "subscription_id": new.id, "starts_at": wanted_at });
    note(&mut tx, by, app, ("request_plan", detail)).await?;
    let id = new.id;
    if offer.approval == Approval::Auto {
        grant(&mut tx, by, new, wanted_at).await?;
    }
    tx.commit().await?;
    get(db, id).await
}

/// A subscription.
pub async fn get(db: &Db, id: AppSubscriptionId) -> Result<Subscription, AccessError> {
    let found = find(db, id).await?;
    found.ok_or_else(|| AccessError::not_found(Kind::Subscription, id))
}

/// Brings a requested subscription into force, at once or at `at`.
async fn grant(
    tx: &mut Tx,
    by: &By<'_>,
    requested: Subscription,
    wanted_at: Option<Micros>,
) -> Result<(), AccessError> {
    let at = start_of(wanted_at, by);
    let (app, plan) = (requested.app, requested.plan);
    end_at(tx, by, (app, plan), at).await?;
    let granted = decided(requested, by, State::Active);
    store::update(tx, &Subscription { starts_at: Some(at), ..granted.clone() }).await?;
    let detail = json!({ "plan_id": plan, "subscription_id": granted.id, "starts_at": at });
    note(tx, by, app, ("change_plan", detail)).await
}

/// A transaction that holds the app of a subscription, and the subscription as it stands then.
async fn held(db: &Db, id: AppSubscriptionId) -> Result<(Tx, Subscription), AccessError> {
    let app = get(db, id).await?.app;
    let mut tx = db.begin().await?;
    hold_app(&mut tx, app).await?;
    let found = store::locked(&mut tx, id).await?;
    Ok((tx, found.ok_or_else(|| AccessError::not_found(Kind::Subscription, id))?))
}

fn must_be(subscription: &Subscription, by: &By<'_>, states: &[State]) -> Result<(), AccessError> {
    let state = subscription.state_at(by.now);
    if states.contains(&state) {
        return Ok(());
    }
    let fit: Vec<&str> = states.iter().map(|state| state.as_str()).collect();
    let detail =
        format!("The subscription is {state}; this can be done while it is {}.", fit.join(" or "));
    Err(AccessError::Conflict(detail))
}

/// Approves what was asked for, from `at` on; without it from when on it was asked for.
pub async fn approve(
    db: &Db,
    by: &By<'_>,
    id: AppSubscriptionId,
    at: Option<Micros>,
) -> Result<Subscription, AccessError> {
    let (mut tx, requested) = held(db, id).await?;
    must_be(&requested, by, &[State::Requested])?;
    let wanted_at = at.or(requested.wanted_at);
    grant(&mut tx, by, requested, wanted_at).await?;
    tx.commit().await?;
    get(db, id).await
}

/// Rejects what was asked for.
pub async fn reject(
    db: &Db,
    by: &By<'_>,
    id: AppSubscriptionId,
    reason: &Reason,
) -> Result<Subscription, AccessError> {
    let (mut tx, requested) = held(db, id).await?;
    must_be(&requested, by, &[State::Requested])?;
    close(&mut tx, by, requested, (State::Rejected, "reject_plan"), Some(reason)).await?;
    tx.commit().await?;
    get(db, id).await
}

async fn close(
    tx: &mut Tx,
    by: &By<'_>,
    subscription: Subscription,
    (state, op): (State, &'static str),
    reason: Option<&Reason>,
) -> Result<(), AccessError> {
    let reason = reason.map(|reason| reason.as_str().to_owned());
    let detail = json!({ "subscription_id": subscription.id, "reason": reason });
    let app = subscription.app;
    let closed = decided(Subscription { reason, ..subscription }, by, state);
    store::update(tx, &closed).await?;
    note(tx, by, app, (op, detail)).await
}

/// Takes back what was asked for, or a change that has not begun; the plan before goes on then.
pub async fn cancel(
    db: &Db,
    by: &By<'_>,
    id: AppSubscriptionId,
    reason: Option<&Reason>,
) -> Result<Subscription, AccessError> {
    let (mut tx, found) = held(db, id).await?;
    must_be(&found, by, &[State::Requested, State::Scheduled])?;
    cancel_in(&mut tx, by, found, reason).await?;
    tx.commit().await?;
    get(db, id).await
}

async fn cancel_in(
    tx: &mut Tx,
    by: &By<'_>,
    found: Subscription,
    reason: Option<&Reason>,
) -> Result<(), AccessError> {
    let (app, starts_at) = (found.app, found.starts_at);
    let wanted_at = starts_at.or(found.wanted_at);
    let out = Subscription { starts_at: None, wanted_at, ..found };
    close(tx, by, out, (State::Cancelled, "cancel_plan"), reason).await?;
    if let Some(at) = starts_at
        && let Some(before) = store::ending(tx, app, at).await?
    {
        store::update(tx, &Subscription { ends_at: None, ..before }).await?;
    }
    Ok(())
}

/// Takes back the change of an app's plan that has not begun, where there is one.
pub(in crate::access) async fn cancel_scheduled(
    tx: &mut Tx,
    by: &By<'_>,
    app: AppId,
) -> Result<(), AccessError> {
    hold_app(tx, app).await?;
    let last = open(tx, app).await?;
    if last.starts_at.is_some_and(|at| at > by.now) {
        cancel_in(tx, by, last, None).await?;
    }
    Ok(())
}

/// Suspends the subscription in force, and with it all keys of its app. One that is to take its place goes along: a
/// change of plan by the clock lifts no suspension.
pub async fn suspend(
    db: &Db,
    by: &By<'_>,
    id: AppSubscriptionId,
    reason: Option<&Reason>,
) -> Result<Subscription, AccessError> {
    let reason = reason.map(|reason| reason.as_str().to_owned());
    set(db, by, id, (State::Suspended, "suspend_plan", reason)).await
}

/// Resumes it, and with it the keys of its app that nothing else bars.
pub async fn resume(
    db: &Db,
    by: &By<'_>,
    id: AppSubscriptionId,
) -> Result<Subscription, AccessError> {
    set(db, by, id, (State::Active, "resume_plan", None)).await
}

async fn set(
    db: &Db,
    by: &By<'_>,
    id: AppSubscriptionId,
    (state, op, reason): (State, &'static str, Option<String>),
) -> Result<Subscription, AccessError> {
    let (mut tx, found) = held(db, id).await?;
    must_be(&found, by, &[State::Active, State::Suspended])?;
    if found.state != state {
        let app = found.app;
        let detail = json!({ "subscription_id": id, "reason": reason });
        if found.ends_at.is_some() {
            let next = open(&mut tx, app).await?;
            let reason = reason.clone();
            store::update(&mut tx, &Subscription { state, reason, ..next }).await?;
        }
        store::update(&mut tx, &Subscription { state, reason, ..found }).await?;
        note(&mut tx, by, app, (op, detail)).await?;
        tx.commit().await?;
    }
    get(db, id).await
}
