//! What can be done to applications.

use super::Registration;
use super::links::{Step, Token};
use super::model::{Application, State, Wish};
use super::store;
use crate::access::error::{AccessError, Kind};
use crate::access::keys::service::add_key;
use crate::access::mails::{self, Letter};
use crate::access::model::{IssuedKey, KeySpec, Name};
use crate::access::offers::{Approval, get_offer};
use crate::access::partners::{Contact, Profile, Role};
use crate::access::service::{By, add_app, add_partner, change};
use crate::access::store::{Walk, hold_app, partner_exists, record};
use crate::access::text::Reason;
use crate::access::{Environment, Scopes};
use crate::kernel::Micros;
use crate::kernel::clock::DAY;
use crate::kernel::id::{AppId, ApplicationId, PartnerId, PlanId};
use crate::storage::{Db, Tx};
use serde_json::json;

/// Who the logs name for what applicants do.
const ACTOR: &str = "applicant";
/// Most applications with one e-mail address, in capitals or not, in a day; more are dropped in silence, so that nobody is sent
/// mails that he has not asked for, and nobody learns which addresses are known.
const DAILY_BY_EMAIL: i64 = 3;
/// The name of the key that is claimed.
const FIRST_KEY: &str = "first key";

/// Takes an application in and sends the mail that verifies its address. What becomes of it is not told.
pub async fn apply(at: &Registration, wish: Wish) -> Result<(), AccessError> {
    may_apply(&at.db, wish.plan).await?;
    let now = at.clock.now();
    let new = fresh(wish, now)?;
    let mut tx = at.db.begin().await?;
    let since = Micros(now.0 - DAY);
    let (waiting, own) = store::counts(&mut tx, new.wish.email.as_str(), since).await?;
    if waiting >= i64::from(at.settings.waiting_most) {
        let detail = "No applications are taken at present: too many wait. Come again later.";
        return Err(AccessError::Full(detail));
    }
    if own < DAILY_BY_EMAIL {
        store::insert(&mut tx, &new).await?;
        mails::put(&mut tx, Letter::Verify, new.id, now).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// Refuses who applies for a plan that nobody can have so.
async fn may_apply(db: &Db, plan: PlanId) -> Result<(), AccessError> {
    let offer = match get_offer(db, plan).await {
        Ok(offer) if offer.public => offer,
        // A plan that is not public is told as one that is not there.
        Ok(_) | Err(AccessError::NotFound { .. }) => return Err(AccessError::NotOffered(plan)),
        Err(error) => return Err(error),
    };
    if offer.approval == Approval::Closed {
        let message = format!(
            "the plan `{plan}` is closed: nobody can apply for it here. Write to the retailer if you want it, or \
             apply for a plan with another `approval`"
        );
        return Err(AccessError::Field { field: "plan_id", message });
    }
    Ok(())
}

/// Writes down an application that came another way: who writes it down knows whose address it is.
pub async fn write_down(db: &Db, by: &By<'_>, wish: Wish) -> Result<Application, AccessError> {
    get_offer(db, wish.plan).await?;
    let new = Application { state: State::Pending, ..fresh(wish, by.now)? };
    let mut tx = db.begin().await?;
    store::insert(&mut tx, &new).await?;
    record(&mut tx, by, change(Kind::Application, new.id, "create", json!({}))).await?;
    tx.commit().await?;
    Ok(new)
}

/// An application as it comes in.
fn fresh(wish: Wish, now: Micros) -> Result<Application, AccessError> {
    Ok(Application {
        id: ApplicationId::random()?,
        state: State::Unverified,
        wish,
        reason: None,
        partner: None,
        app: None,
        key: None,
        decided_by: None,
        decided_at: None,
        created_at: now,
        updated_at: now,
    })
}

/// The application of a link, where the link is right and of use.
pub(super) async fn by_link(
    at: &Registration,
    (id, step): (ApplicationId, Step),
    token: Token,
) -> Result<Application, AccessError> {
    let found = store::find(&at.db, id).await?;
    let held = found.filter(|it| at.links.holds(step, it, token, at.clock.now()));
    held.ok_or(AccessError::Link)
}

/// Notes that the address is the applicant's; the plan may be given at once. The answer does not tell whether it was, so
/// that it names no partner to who only asks; the mail that comes at once, or later, does, to who reads that address.
///
/// What the link does is one transaction, whatever it comes to: who hangs up, or a process that ends, leaves it of use.
pub async fn verify(
    at: &Registration,
    id: ApplicationId,
    token: Token,
) -> Result<Application, AccessError> {
    let found = by_link(at, (id, Step::Verify), token).await?;
    let by = By::new(ACTOR, at.clock.now());
    let pending = Application { state: State::Pending, updated_at: by.now, ..found };
    let reason = match by_itself(at, &by, &pending).await {
        Ok(true) => return Ok(pending),
        Ok(false) => None,
        Err(AccessError::Link) => return Err(AccessError::Link),
        // For somebody to decide about, who is told what stands against it.
        Err(why) => Some(park(&pending, &why)),
    };
    let pending = Application { reason, ..pending };
    let mut tx = at.db.begin().await?;
    confirm(&mut tx, &by, &pending).await?;
    if let Some(why) = &pending.reason {
        let detail = json!({ "why": why });
        record(&mut tx, &by, change(Kind::Application, id, "park", detail)).await?;
    }
    tx.commit().await?;
    Ok(pending)
}

/// Writes down that the address is the applicant's.
async fn confirm(tx: &mut Tx, by: &By<'_>, pending: &Application) -> Result<(), AccessError> {
    if !store::move_from(tx, State::Unverified, pending).await? {
        return Err(AccessError::Link);
    }
    record(tx, by, change(Kind::Application, pending.id, "verify", json!({}))).await
}

/// Approves an application where its plan is given at once; whether it is.
async fn by_itself(
    at: &Registration,
    by: &By<'_>,
    pending: &Application,
) -> Result<bool, AccessError> {
    if get_offer(&at.db, pending.wish.plan).await?.approval != Approval::Auto {
        return Ok(false);
    }
    let mut tx = at.db.begin().await?;
    confirm(&mut tx, by, pending).await?;
    approve_in(&mut tx, by, pending.clone(), Target::default()).await?;
    tx.commit().await?;
    Ok(true)
}

/// Why an application was not approved by itself.
fn park(pending: &Application, why: &AccessError) -> String {
    match why {
        AccessError::Store(error) => {
            tracing::error!(%error, application = %pending.id, "an application was not approved by itself");
            "A part of the service was away when it was to be approved by itself.".to_owned()
        }
        why => why.to_string(),
    }
}

/// Takes an application back.
pub async fn withdraw(
    at: &Registration,
    id: ApplicationId,
    token: Token,
) -> Result<Application, AccessError> {
    let found = by_link(at, (id, Step::Withdraw), token).await?;
    let by = By::new(ACTOR, at.clock.now());
    let from = found.state;
    if !matches!(from, State::Unverified | State::Pending) {
        return Err(AccessError::Link);
    }
    let withdrawn = Application { state: State::Withdrawn, updated_at: by.now, ..found };
    let mut tx = at.db.begin().await?;
    if !store::move_from(&mut tx, from, &withdrawn).await? {
        return Err(AccessError::Link);
    }
    record(&mut tx, &by, change(Kind::Application, id, "withdraw", json!({}))).await?;
    tx.commit().await?;
    Ok(withdrawn)
}

/// Makes the first key of an approved application. Its text is given out this once.
pub async fn claim(
    at: &Registration,
    id: ApplicationId,
    token: Token,
) -> Result<IssuedKey, AccessError> {
    let found = by_link(at, (id, Step::Claim), token).await?;
    let (State::Approved, Some(app), None) = (found.state, found.app, found.key) else {
        return Err(AccessError::Link);
    };
    let by = By::new(ACTOR, at.clock.now()).withholding(at.withheld);
    let mut tx = at.db.begin().await?;
    // Another partner whose app it has become has not asked for a key in these hands.
    if hold_app(&mut tx, app).await? != found.partner {
        return Err(AccessError::Link);
    }
    let issued = add_key(&mut tx, &by, &at.pepper, first_key(app, at.withheld)?).await?;
    if !store::claim(&mut tx, id, issued.key.id, by.now).await? {
        return Err(AccessError::Link);
    }
    let detail = json!({ "key_id": issued.key.id });
    record(&mut tx, &by, change(Kind::Application, id, "claim", detail)).await?;
    tx.commit().await?;
    Ok(issued)
}

/// What the first key may do: what is usual, without what takes two people to give.
fn first_key(app: AppId, withheld: Scopes) -> Result<KeySpec, AccessError> {
    let scopes = Scopes::usual().without(withheld);
    let name = FIRST_KEY
        .parse()
        .map_err(|error| AccessError::Field { field: "name", message: format!("{error}") })?;
    let environment = Environment::Live;
    Ok(KeySpec { app, environment, name, scopes, cidrs: Vec::new(), expires_at: None })
}

/// Which partner an approved application becomes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Target {
    /// One that exists; a new one where it is not said.
    pub partner: Option<PartnerId>,
    /// Another name for a new one than that of the organisation.
    pub partner_name: Option<Name>,
    /// Another name for the app than what was asked for.
    pub app_name: Option<Name>,
}

/// A name that is taken, and what an admin can do about it.
fn taken(error: AccessError) -> AccessError {
    match error {
        AccessError::NameTaken { kind: Kind::Partner, name } => AccessError::Conflict(format!(
            "There is another partner called `{name}`: name it with `partner_id` where it is the one that \
             applies, or give a new one another `partner_name`."
        )),
        AccessError::NameTaken { kind: Kind::App, name } => AccessError::Conflict(format!(
            "The partner has another app called `{name}`: give this one another `app_name`."
        )),
        other => other,
    }
}

/// Approves an application: partner, app and subscription are made, and a mail brings the link to the key.
pub async fn approve(
    db: &Db,
    by: &By<'_>,
    id: ApplicationId,
    target: Target,
) -> Result<Application, AccessError> {
    let found = pending(db, id).await?;
    if target.partner.is_some() && target.partner_name.is_some() {
        let message = "names a new partner; leave it out, or leave out the partner that is there";
        return Err(AccessError::Field { field: "partner_name", message: message.to_owned() });
    }
    if let Some(partner) = target.partner
        && !partner_exists(db, partner).await?
    {
        return Err(AccessError::reference("partner_id", Kind::Partner, partner));
    }
    let mut tx = db.begin().await?;
    // Before the logs are: who takes it back or decides too has it first and then wants those.
    store::hold(&mut tx, id).await?;
    let approved = approve_in(&mut tx, by, found, target).await?;
    tx.commit().await?;
    Ok(approved)
}

/// The same in a transaction that holds the application.
async fn approve_in(
    tx: &mut Tx,
    by: &By<'_>,
    found: Application,
    target: Target,
) -> Result<Application, AccessError> {
    let partner = match target.partner {
        Some(partner) => partner,
        None => new_partner(tx, by, &found.wish, target.partner_name).await.map_err(taken)?,
    };
    let (id, plan) = (found.id, found.wish.plan);
    let name = target.app_name.unwrap_or_else(|| found.wish.app_name.clone());
    let app = add_app(tx, by, (partner, plan), name).await.map_err(taken)?.id;
    let approved = Application { partner: Some(partner), app: Some(app), reason: None, ..found };
    let approved = decide(tx, by, approved, State::Approved).await?;
    let detail = json!({ "partner_id": partner, "app_id": app });
    record(tx, by, change(Kind::Application, id, "approve", detail)).await?;
    mails::put(tx, Letter::Approved, id, by.now).await?;
    Ok(approved)
}

async fn new_partner(
    tx: &mut Tx,
    by: &By<'_>,
    wish: &Wish,
    name: Option<Name>,
) -> Result<PartnerId, AccessError> {
    let contact = Contact {
        role: Role::Technical,
        name: wish.contact_name.clone(),
        email: wish.email.clone(),
        phone: None,
        language: wish.language.clone(),
    };
    let profile = Profile { contacts: vec![contact], ..Profile::default() };
    let name = name.unwrap_or_else(|| wish.organisation.clone());
    Ok(add_partner(tx, by, name, profile).await?.id)
}

async fn decide(
    tx: &mut Tx,
    by: &By<'_>,
    application: Application,
    state: State,
) -> Result<Application, AccessError> {
    let decided = Application {
        state,
        decided_by: Some(by.actor.to_owned()),
        decided_at: Some(by.now),
        updated_at: by.now,
        ..application
    };
    if store::move_from(tx, State::Pending, &decided).await? { Ok(decided) } else { Err(done()) }
}

/// The refusal of a decision about what is decided.
fn done() -> AccessError {
    let detail = "The application is not pending, so nothing is to be decided.";
    AccessError::Conflict(detail.to_owned())
}

/// An application that waits for a decision.
async fn pending(db: &Db, id: ApplicationId) -> Result<Application, AccessError> {
    let found = get(db, id).await?;
    if found.state == State::Pending { Ok(found) } else { Err(done()) }
}

/// Rejects an application; a mail tells the reason.
pub async fn reject(
    db: &Db,
    by: &By<'_>,
    id: ApplicationId,
    reason: &Reason,
) -> Result<Application, AccessError> {
    let found = pending(db, id).await?;
    let mut tx = db.begin().await?;
    let rejected = Application { reason: Some(reason.to_string()), ..found };
    let rejected = decide(&mut tx, by, rejected, State::Rejected).await?;
    let detail = json!({ "reason": reason });
    record(&mut tx, by, change(Kind::Application, id, "reject", detail)).await?;
    mails::put(&mut tx, Letter::Rejected, id, by.now).await?;
    tx.commit().await?;
    Ok(rejected)
}

/// An application that was verified.
pub async fn get(db: &Db, id: ApplicationId) -> Result<Application, AccessError> {
    let found = store::find(db, id).await?.filter(|it| it.state != State::Unverified);
    found.ok_or_else(|| AccessError::not_found(Kind::Application, id))
}

/// Applications in the order of their ids, in one state or in all. Nobody looks at those that are not
/// verified.
pub async fn list(
    db: &Db,
    state: Option<State>,
    walk: &Walk,
) -> Result<Vec<Application>, AccessError> {
    Ok(store::list(db, state, walk).await?)
}
