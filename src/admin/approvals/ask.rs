//! Does an action, or asks for it where it takes a second person.

use super::model::{Action, Approval, Outcome, Shown, Standing, What};
use super::store;
use crate::access::audit::{Deed, append};
use crate::access::error::AccessError;
use crate::access::service::By;
use crate::admin::accounts;
use crate::admin::caller::AdminCaller;
use crate::admin::state::AdminState;
use crate::http::{ApiError, ApiResult, Code};
use crate::kernel::Micros;
use crate::kernel::clock::DAY;
use crate::kernel::hex;
use crate::kernel::id::ApprovalId;
use crate::storage::{StoreError, Tx};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// Most that a person may have asked for at a time, so that what others ask for is seen.
const OPEN_MOST: i64 = 20;
/// For how long it is known what was asked for: longer than anything waits.
const KEPT: i64 = 183 * DAY;

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
        match alone(state, action, (&by, caller.person()), &payload).await {
            Err(error) if error.code() == Code::SecondPersonRequired => {}
            done => return done.map(Outcome::Done),
        }
    }
    let mut tx = state.db.begin().await?;
    let others = store::count_open(&mut tx, caller.person(), by.now).await?;
    drop(tx);
    may_ask(others + 1)?;
    // What cannot be done is not asked for.
    try_out(state, action, &By::new(by.actor, by.now), &payload).await?;
    let mut tx = state.db.begin().await?;
    let shown = match action.shows {
        None => shown,
        Some(shows) => {
            Shown { preview: shows(state, &mut tx, &by, &What::of(&payload)).await?, ..shown }
        }
    };
    let approval = ask(&mut tx, state, (&by, caller.person()), (action, payload), shown).await?;
    // Once more behind the entry in the log, for which others who ask wait.
    may_ask(store::count_open(&mut tx, caller.person(), by.now).await?)?;
    tx.commit().await?;
    Ok(Outcome::Waits(Box::new(approval)))
}

/// Refuses to have more of one person wait than people could look through.
fn may_ask(open: i64) -> ApiResult<()> {
    if open <= OPEN_MOST {
        return Ok(());
    }
    let detail = format!(
        "You have asked for {OPEN_MOST} actions that wait or are yet to be claimed: have them decided or claimed, \
         or take some back by rejecting them."
    );
    Err(ApiError::new(Code::Conflict, detail))
}

/// Does an action by the will of one person.
async fn alone(
    state: &AdminState,
    action: &Action,
    (by, person): (&By<'_>, &str),
    payload: &Value,
) -> ApiResult<Value> {
    let what = What::made(state, action, payload).await?;
    let mut tx = state.db.begin().await?;
    let done = (action.run)(state, &mut tx, by, &what).await?;
    hand(&mut tx, &done, person).await?;
    tx.commit().await?;
    Ok(done)
}

/// Writes down to whom the first password is told that an action has made, where it has.
pub(super) async fn hand(tx: &mut Tx, done: &Value, person: &str) -> Result<(), StoreError> {
    match done["account"]["id"].as_str() {
        Some(account) => accounts::store::hand_to(tx, account, person).await,
        None => Ok(()),
    }
}

/// Does an action and takes all of it back: what stands against it is known before a person decides.
async fn try_out(
    state: &AdminState,
    action: &Action,
    by: &By<'_>,
    payload: &Value,
) -> ApiResult<()> {
    let what = What::tried(state, action, payload).await?;
    let mut tx = state.db.begin().await?;
    (action.run)(state, &mut tx, by, &what).await?;
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
    store::forget(tx, Micros(by.now.0.saturating_sub(KEPT))).await?;
    store::insert(tx, &approval).await?;
    told(tx, by, "ask", &approval).await?;
    Ok(approval)
}

/// What somebody waits for of an action.
pub async fn waiting(
    tx: &mut Tx,
    action: &Action,
    by: &By<'_>,
) -> Result<Vec<Approval>, StoreError> {
    store::waiting(tx, action.operation, by.actor, by.now).await
}

/// All that a person waits for or has yet to claim, and what they have approved and is not claimed.
pub async fn open_of(tx: &mut Tx, person: &str, now: Micros) -> Result<Vec<Approval>, StoreError> {
    store::open_of(tx, person, now).await
}

/// Writes what was asked for or decided.
pub(super) async fn told(
    tx: &mut Tx,
    by: &By<'_>,
    op: &str,
    approval: &Approval,
) -> Result<(), StoreError> {
    let payload = approval.payload.to_string();
    let hash = hex(Sha256::digest(payload.as_bytes()));
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
