//! Four eyes: an action that a setting names waits until another person approves it, and is then done exactly
//! as it was asked for.
//!
//! To put an action under this rule: write what it does as an [`Action`], whose `run` takes all from its
//! payload and does all in the transaction that it is given; put it into [`ACTIONS`]; and have its handler
//! call [`perform`]. Whether it waits or not, it is the same code that runs. An action that gives scopes need
//! not know whether it matters: it is refused where it writes them (`By::may_give`), and waits then.

use super::store;
use crate::access::audit::{Deed, append, note};
use crate::access::error::{AccessError, Kind};
use crate::access::model::Status;
use crate::access::service::By;
use crate::admin::accounts::actions::FirstPassword;
use crate::admin::caller::{AdminCaller, Proof};
use crate::admin::rights::{self, Need};
use crate::admin::state::AdminState;
use crate::admin::store::find_token_in;
use crate::admin::token::TokenStatus;
use crate::admin::{accounts, keys, tokens};
use crate::config::FourEyes;
use crate::http::{ApiError, ApiResult, Code};
use crate::kernel::Micros;
use crate::kernel::id::ApprovalId;
use crate::kernel::word::words;
use crate::storage::{StoreError, Tx};
use futures_util::future::LocalBoxFuture;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

words! {
    /// How it stands with an approval.
    pub enum Standing {
        /// It waits for somebody to decide.
        Waiting = "waiting",
        /// It was approved, and is done when who has asked claims it: it makes a secret, which they alone see.
        Claimable = "claimable",
        /// It was approved, and the action was done.
        Approved = "approved",
        /// It was rejected.
        Rejected = "rejected",
        /// Nobody decided in time.
        Expired = "expired",
    }
}

/// Does an action as its payload says; what the operation answers.
pub type Run = for<'a> fn(
    &'a AdminState,
    &'a mut Tx,
    &'a By<'a>,
    &'a What<'a>,
) -> LocalBoxFuture<'a, ApiResult<Value>>;

/// What an action is run with.
#[derive(Debug)]
pub struct What<'a> {
    payload: &'a Value,
    /// The first password that it gives out; none where it is only tried out.
    pub first: Option<FirstPassword>,
}

impl<'a> What<'a> {
    /// What an action is tried out with, and all that one is run with which gives out no password.
    #[must_use]
    pub fn of(payload: &'a Value) -> Self {
        Self { payload, first: None }
    }

    /// What an action is run with. Made before the transaction, which keeps others waiting: to hash a password
    /// takes long, and longer where many come in.
    pub async fn made(state: &AdminState, action: &Action, payload: &'a Value) -> ApiResult<Self> {
        let first = match accounts::actions::gives_password(action) {
            true => Some(FirstPassword::make(&state.pepper).await?),
            false => None,
        };
        Ok(Self { payload, first })
    }
}

/// Something that may have to wait for a second person.
#[derive(Debug)]
pub struct Action {
    /// The id of its operation, whose right the second person needs too.
    pub operation: &'static str,
    /// The word in `admin.four_eyes` that makes it wait.
    pub word: FourEyes,
    /// Does it.
    pub run: Run,
    /// Whether what it answers with such a payload holds a secret: it is then done when who has asked claims it.
    pub makes_secret: fn(&Value) -> bool,
}

/// All such actions.
pub const ACTIONS: &[&Action] = &[
    &tokens::actions::CREATE,
    &tokens::actions::REVOKE,
    &tokens::actions::SUSPEND,
    &tokens::actions::RESUME,
    &accounts::actions::CREATE,
    &accounts::actions::UPDATE,
    &accounts::actions::SUSPEND,
    &accounts::actions::RESUME,
    &accounts::actions::RESET,
    &keys::actions::CREATE,
    &keys::actions::UPDATE,
    &keys::actions::CREATE_CLIENT,
    &keys::actions::ROTATE,
    &keys::actions::SET_JWKS,
    &keys::bulk::CHANGE,
];

/// An action that waits, or has waited, for a second person.
#[derive(Debug, Clone, PartialEq)]
pub struct Approval {
    /// Its id.
    pub id: ApprovalId,
    /// The operation.
    pub action: String,
    /// What will be done.
    pub payload: Value,
    /// What people are shown of it.
    pub preview: Value,
    /// How it stands.
    pub status: Standing,
    /// Who asks.
    pub asked_by: String,
    /// The person behind them.
    pub asked_person: String,
    /// When they asked.
    pub asked_at: Micros,
    /// Until when it can be decided.
    pub expires_at: Micros,
    /// Who decided.
    pub decided_by: Option<String>,
    /// When.
    pub decided_at: Option<Micros>,
    /// Why it was rejected.
    pub reason: Option<String>,
}

impl Approval {
    /// How it stands at a time.
    #[must_use]
    pub fn standing(&self, now: Micros) -> Standing {
        match self.status {
            Standing::Waiting | Standing::Claimable if now >= self.expires_at => Standing::Expired,
            status => status,
        }
    }
}

/// What became of an action.
#[derive(Debug)]
pub enum Outcome {
    /// It was done; what the operation answers.
    Done(Value),
    /// It waits for a second person.
    Waits(Box<Approval>),
}

/// What decides whether an action waits, and what people are shown of it while it does.
#[derive(Debug)]
pub struct Shown {
    /// Whether it is one that the setting is about.
    pub matters: bool,
    /// What comes of it, for people.
    pub preview: Value,
    /// Until when it can be done at all.
    pub until: Option<Micros>,
}

impl From<(bool, Value)> for Shown {
    fn from((matters, preview): (bool, Value)) -> Self {
        Self { matters, preview, until: None }
    }
}

/// Does an action, or has it wait where the setting asks for that and it matters.
pub async fn perform(
    state: &AdminState,
    caller: &AdminCaller,
    action: &'static Action,
    payload: Value,
    shown: impl Into<Shown>,
) -> ApiResult<Outcome> {
    let shown = shown.into();
    let by = caller.by(&state.clock);
    if !(shown.matters && state.settings.four_eyes.contains(&action.word)) {
        match alone(state, action, &by, &payload).await {
            Err(error) if error.code() == Code::SecondPersonRequired => {}
            done => return done.map(Outcome::Done),
        }
    }
    // What cannot be done is not asked for.
    try_out(state, action, &By::new(by.actor, by.now), &payload).await?;
    let mut tx = state.db.begin().await?;
    let approval = ask(&mut tx, state, (&by, caller.person()), (action, payload), shown).await?;
    tx.commit().await?;
    Ok(Outcome::Waits(Box::new(approval)))
}

/// Does an action by the will of one person.
async fn alone(
    state: &AdminState,
    action: &Action,
    by: &By<'_>,
    payload: &Value,
) -> ApiResult<Value> {
    let what = What::made(state, action, payload).await?;
    let mut tx = state.db.begin().await?;
    let done = (action.run)(state, &mut tx, by, &what).await?;
    tx.commit().await?;
    Ok(done)
}

/// Does an action and takes all of it back: what stands against it is known before a person decides.
async fn try_out(
    state: &AdminState,
    action: &Action,
    by: &By<'_>,
    payload: &Value,
) -> ApiResult<()> {
    let mut tx = state.db.begin().await?;
    (action.run)(state, &mut tx, by, &What::of(payload)).await?;
    drop(tx);
    Ok(())
}

/// Asks for an action that another person than `person` has to approve.
pub async fn ask(
    tx: &mut Tx,
    state: &AdminState,
    (by, person): (&By<'_>, &str),
    (action, payload): (&'static Action, Value),
    shown: Shown,
) -> ApiResult<Approval> {
    let life = i64::try_from(state.settings.approval_life.as_micros()).unwrap_or(i64::MAX);
    let expires_at = Micros(by.now.0.saturating_add(life));
    let approval = Approval {
        id: ApprovalId::random().map_err(AccessError::from)?,
        action: action.operation.to_owned(),
        payload,
        preview: shown.preview,
        status: Standing::Waiting,
        asked_by: by.actor.to_owned(),
        asked_person: person.to_owned(),
        asked_at: by.now,
        expires_at: shown.until.map_or(expires_at, |until| until.min(expires_at)),
        decided_by: None,
        decided_at: None,
        reason: None,
    };
    store::insert(tx, &approval).await?;
    told(tx, by, "ask", &approval).await?;
    Ok(approval)
}

/// Whether somebody waits for an action already.
pub async fn is_asked(tx: &mut Tx, action: &Action, by: &By<'_>) -> Result<bool, StoreError> {
    store::is_asked(tx, action.operation, by.actor, by.now).await
}

/// Writes what was asked for or decided.
async fn told(tx: &mut Tx, by: &By<'_>, op: &str, approval: &Approval) -> Result<(), StoreError> {
    let payload = approval.payload.to_string();
    let hash =
        Sha256::digest(payload.as_bytes()).iter().map(|b| format!("{b:02x}")).collect::<String>();
    let mut preview = approval.preview.clone();
    if let Some(shown) = preview.as_object_mut() {
        // An address of mail as a rule, and the log is for ever.
        shown.remove("login");
    }
    let detail = json!({
        "action": approval.action, "asked_by": approval.asked_by, "preview": preview,
        "payload_sha256": hash, "reason": approval.reason,
    });
    let action = format!("approval.{op}");
    append(tx, by, Deed { action, subject: approval.id.to_string(), detail }).await
}

/// The approval, if it stands as it must and its action is known.
async fn standing(
    tx: &mut Tx,
    id: ApprovalId,
    (needed, now): (&[Standing], Micros),
) -> ApiResult<(Approval, &'static Action)> {
    let found = store::find_in(tx, id).await?;
    let approval = found.ok_or_else(|| AccessError::not_found(Kind::Approval, id))?;
    let standing = approval.standing(now);
    if !needed.contains(&standing) {
        let detail = match standing {
            Standing::Waiting => "It waits for another person to approve it.".to_owned(),
            Standing::Claimable => "It is approved: who has asked for it can claim it.".to_owned(),
            over => format!("It is {over}: nothing is to be decided or claimed. Ask for it anew."),
        };
        return Err(ApiError::new(Code::Conflict, detail));
    }
    let action = ACTIONS.iter().find(|action| action.operation == approval.action);
    let action = *action.ok_or_else(|| {
        let detail = "This version does not know the action; ask for it anew.";
        ApiError::new(Code::Conflict, detail)
    })?;
    Ok((approval, action))
}

/// Whether a caller may see what exactly is asked for: who may decide about it, and who has asked.
pub fn may_see(caller: &AdminCaller, approval: &Approval) -> bool {
    caller.person() == approval.asked_person
        || matches!(rights::of(&approval.action), Some(Need::Right(right)) if caller.roles.have(right))
}

/// Whether a caller may decide about an action as somebody with its right.
fn has_right(caller: &AdminCaller, action: &Action) -> ApiResult<()> {
    match rights::of(action.operation) {
        Some(Need::Right(right)) if caller.roles.have(right) => Ok(()),
        Some(Need::Right(right)) => {
            let detail = format!(
                "To decide about it needs the right `{right}`, which the roles {} have; yours are {}.",
                right.held_by(),
                caller.roles
            );
            Err(ApiError::new(Code::InsufficientRole, detail))
        }
        _ => Err(ApiError::new(Code::InsufficientRole, "Nobody may decide about this action.")),
    }
}

/// Whether a caller is another person than who asked. Whoever was handed the first password of an account
/// may be whoever uses it: they are no second person to each other.
async fn is_second(tx: &mut Tx, caller: &AdminCaller, approval: &Approval) -> ApiResult<bool> {
    let ours = accounts::store::handed_along(tx, caller.person()).await?;
    let theirs = accounts::store::handed_along(tx, &approval.asked_person).await?;
    Ok(ours.is_disjoint(&theirs))
}

/// Whether a caller may approve: a person in a session, with the right, and not who has asked.
async fn may_approve(
    tx: &mut Tx,
    caller: &AdminCaller,
    (approval, action): (&Approval, &Action),
) -> ApiResult<()> {
    has_right(caller, action)?;
    let detail = if matches!(caller.proof, Proof::Token(_)) {
        "A token cannot approve: log in, so that it is known which person does."
    } else if caller.person() == approval.asked_person {
        "You have asked for it, or a token of yours has: another person must approve it."
    } else if !is_second(tx, caller, approval).await? {
        "Who has asked was handed the first password of your account, or you of theirs, or somebody of both: \
         a person who knows neither must approve it."
    } else {
        return Ok(());
    };
    Err(ApiError::new(Code::SecondPersonRequired, detail))
}

/// Whether who has asked is still let in, with the token where they asked with one: what somebody wanted who
/// has been suspended since, or a token that was, is not done.
async fn still_asks(tx: &mut Tx, approval: &Approval, now: Micros) -> ApiResult<()> {
    if let Ok(id) = approval.asked_person.parse()
        && accounts::store::status_in(tx, id).await?.is_some_and(|status| status != Status::Active)
    {
        let detail = "Who has asked for it is suspended. Ask for it yourself where it is right.";
        return Err(ApiError::new(Code::Conflict, detail));
    }
    let Ok(id) = approval.asked_by.parse() else { return Ok(()) };
    let token = find_token_in(tx, id).await?;
    let standing = token.map_or(TokenStatus::Revoked, |token| token.standing(now));
    if standing != TokenStatus::Active {
        let detail = format!(
            "The token that has asked for it is {standing}. Ask for it yourself where it is right."
        );
        return Err(ApiError::new(Code::Conflict, detail));
    }
    Ok(())
}

/// Writes down that somebody may not decide.
async fn refuse<T>(
    state: &AdminState,
    caller: &AdminCaller,
    (id, verb): (ApprovalId, &str),
    error: ApiError,
) -> ApiResult<T> {
    let detail = json!({ "approval": id, "code": error.code().as_str() });
    let deed = Deed { action: "access.refuse".into(), subject: verb.into(), detail };
    note(&state.db, &caller.by(&state.clock), deed).await?;
    Err(error)
}

/// Approves an action and does it, in one transaction: either both are done or nothing is. What makes a
/// secret is only tried out here: who approves must not see it, and it is done when who has asked claims it.
pub async fn approve(
    state: &AdminState,
    caller: &AdminCaller,
    id: ApprovalId,
) -> ApiResult<(Approval, Option<Value>)> {
    let now = state.clock.now();
    let needed: (&[Standing], _) = (&[Standing::Waiting], now);
    let mut tx = state.db.begin().await?;
    let (mut approval, action) = standing(&mut tx, id, needed).await?;
    let allowed = may_approve(&mut tx, caller, (&approval, action)).await;
    if let Err(error) = allowed {
        drop(tx);
        return refuse(state, caller, (id, "approve"), error).await;
    }
    still_asks(&mut tx, &approval, now).await?;
    approval.decided_by = Some(caller.actor().to_owned());
    approval.decided_at = Some(now);
    let both = both(&approval);
    let what = What::of(&approval.payload);
    let mut done = Some((action.run)(state, &mut tx, &By::new(&both, now), &what).await?);
    approval.status = Standing::Approved;
    if (action.makes_secret)(&approval.payload) {
        // All is taken back; it may have been decided about meanwhile.
        drop(tx);
        done = None;
        approval.status = Standing::Claimable;
        tx = state.db.begin().await?;
        standing(&mut tx, id, needed).await?;
    }
    store::decide(&mut tx, &approval).await?;
    told(&mut tx, &caller.by(&state.clock), "approve", &approval).await?;
    tx.commit().await?;
    Ok((approval, done))
}

/// Who does what two people agreed on, in the audit log.
fn both(approval: &Approval) -> String {
    let by = approval.decided_by.as_deref().unwrap_or_default();
    format!("{} approved by {by}", approval.asked_by)
}

/// Does what was approved, for who has asked, in one transaction with that it is done: they are told what the
/// operation answers, secrets in it too, this once.
pub async fn claim(
    state: &AdminState,
    caller: &AdminCaller,
    id: ApprovalId,
) -> ApiResult<(Approval, Value)> {
    let now = state.clock.now();
    let mut tx = state.db.begin().await?;
    let needed: (&[Standing], _) = (&[Standing::Claimable], now);
    let (approval, action) = standing(&mut tx, id, needed).await?;
    let allowed = has_right(caller, action).and_then(|()| is_first(caller, &approval));
    if let Err(error) = allowed {
        drop(tx);
        return refuse(state, caller, (id, "claim"), error).await;
    }
    drop(tx);
    let what = What::made(state, action, &approval.payload).await?;
    let mut tx = state.db.begin().await?;
    // It may have been claimed or rejected meanwhile.
    let (mut approval, _) = standing(&mut tx, id, needed).await?;
    let both = both(&approval);
    let done = (action.run)(state, &mut tx, &By::new(&both, now), &what).await?;
    if let Some(account) = done["account"]["id"].as_str() {
        accounts::store::hand_to(&mut tx, account, caller.person()).await?;
    }
    approval.status = Standing::Approved;
    store::decide(&mut tx, &approval).await?;
    told(&mut tx, &caller.by(&state.clock), "claim", &approval).await?;
    tx.commit().await?;
    Ok((approval, done))
}

/// Whether a caller is who has asked.
fn is_first(caller: &AdminCaller, approval: &Approval) -> ApiResult<()> {
    if caller.person() == approval.asked_person {
        return Ok(());
    }
    let detail = "Who has asked for it claims it, with their account or a token of theirs: nobody else sees the \
                  secret.";
    Err(ApiError::new(Code::InsufficientRole, detail))
}

/// Rejects an action; who has asked may take it back so.
pub async fn reject(
    state: &AdminState,
    caller: &AdminCaller,
    id: ApprovalId,
    reason: String,
) -> ApiResult<Approval> {
    let now = state.clock.now();
    let mut tx = state.db.begin().await?;
    let open: &[Standing] = &[Standing::Waiting, Standing::Claimable];
    let (mut approval, action) = standing(&mut tx, id, (open, now)).await?;
    if caller.person() != approval.asked_person
        && let Err(error) = has_right(caller, action)
    {
        drop(tx);
        return refuse(state, caller, (id, "reject"), error).await;
    }
    approval.status = Standing::Rejected;
    approval.decided_by = Some(caller.actor().to_owned());
    approval.decided_at = Some(now);
    approval.reason = Some(reason);
    store::decide(&mut tx, &approval).await?;
    told(&mut tx, &caller.by(&state.clock), "reject", &approval).await?;
    tx.commit().await?;
    Ok(approval)
}

/// The payload as what its action takes.
pub fn payload<T: serde::de::DeserializeOwned>(what: &What<'_>) -> ApiResult<T> {
    serde_json::from_value(what.payload.clone()).map_err(|_| {
        let detail = "This version cannot read what is to be done; ask for it anew.";
        ApiError::new(Code::Conflict, detail)
    })
}

/// A document as what an operation answers.
pub fn answer(document: &impl serde::Serialize) -> ApiResult<Value> {
    serde_json::to_value(document).map_err(|error| {
        tracing::error!(%error, "an answer could not be serialised");
        ApiError::new(Code::Internal, "The failure has been recorded; quote the request id.")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_is_an_operation_that_needs_a_right() {
        for action in ACTIONS {
            let need = rights::of(action.operation);
            assert!(matches!(need, Some(Need::Right(_))), "{}", action.operation);
        }
    }
}
