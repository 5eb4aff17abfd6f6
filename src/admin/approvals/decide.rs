//! Approves, claims and rejects what waits.

use super::ask::{hand, told};
use super::judge::{has_right, is_first, may_approve, refuse, still_agrees, still_asks};
use super::model::{Action, Approval, Standing, What};
use super::service::ACTIONS;
use super::store;
use crate::access::error::{AccessError, Kind};
use crate::access::service::By;
use crate::admin::caller::AdminCaller;
use crate::admin::state::AdminState;
use crate::billing::recounted::Recounted;
use crate::http::{ApiError, ApiResult, Code};
use crate::kernel::Micros;
use crate::kernel::id::ApprovalId;
use crate::storage::{Db, StoreError, Tx};
use serde_json::Value;

/// What can be rejected.
const OPEN: &[Standing] = &[Standing::Waiting, Standing::Claimable];

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
            Standing::Claimable => {
                "It is approved and not done yet: who has asked for it does it by claiming it."
                    .to_owned()
            }
            Standing::Approved => {
                "It was approved and has been done: to ask for it anew would do it once more."
                    .to_owned()
            }
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

/// Approves an action and does it, in one transaction: either both are done or nothing is. What makes a
/// secret is only tried out here: who approves must not see it, and it is done when who has asked claims it.
pub async fn approve(
    state: &AdminState,
    caller: &AdminCaller,
    id: ApprovalId,
) -> ApiResult<(Approval, Option<Value>)> {
    let now = state.clock.now();
    let needed: (&[Standing], _) = (&[Standing::Waiting], now);
    let recounted = recounted(state, id).await?;
    let mut tx = state.db.begin().await?;
    let (mut approval, action) = standing(&mut tx, id, needed).await?;
    let allowed = may_approve(&mut tx, (caller, &state.settings), (&approval, action)).await;
    if let Err(error) = allowed {
        drop(tx);
        return refuse(state, caller, (id, "approve"), error).await;
    }
    still_asks(&mut tx, (&approval, action), now).await?;
    approval.decided_by = Some(caller.actor().to_owned());
    approval.decided_at = Some(now);
    approval.status = Standing::Approved;
    // Before it is done: to reset an account puts down what is open of it.
    store::decide(&mut tx, &approval).await?;
    let what = What { recounted, ..What::of(&approval.payload) };
    let mut done = Some(run(state, &mut tx, (&approval, action, now), &what).await?);
    if (action.makes_secret)(&approval.payload) {
        // All is taken back; it may have been decided about meanwhile.
        drop(tx);
        done = None;
        approval.status = Standing::Claimable;
        tx = state.db.begin().await?;
        standing(&mut tx, id, needed).await?;
        store::decide(&mut tx, &approval).await?;
    }
    told(&mut tx, &caller.by(&state.clock), "approve", &approval).await?;
    tx.commit().await?;
    Ok((approval, done))
}

/// What is counted again before an action that waits is done: what takes long keeps nobody waiting.
async fn recounted(state: &AdminState, id: ApprovalId) -> ApiResult<Recounted> {
    let waits = store::find(&state.db, id).await?;
    let waits = waits.filter(|approval| approval.status == Standing::Waiting);
    let Some(Approval { action, payload, .. }) = waits else { return Ok(Recounted::default()) };
    match ACTIONS.iter().find(|known| known.operation == action) {
        Some(action) => Ok(What::tried(state, action, &payload).await?.recounted),
        None => Ok(Recounted::default()),
    }
}

/// Does what two people agreed on, where what they were shown of it is so still. Both stand in the audit log.
async fn run(
    state: &AdminState,
    tx: &mut Tx,
    (approval, action, now): (&Approval, &Action, Micros),
    what: &What<'_>,
) -> ApiResult<Value> {
    let who = approval.decided_by.as_deref().unwrap_or_default();
    let both = format!("{} approved by {who}", approval.asked_by);
    let by = By::new(&both, now);
    if let Some(shows) = action.shows
        && shows(state, tx, &by, what).await? != approval.preview
    {
        let detail = "What it is about is not as `preview` shows it any more: reject it, and ask for it anew.";
        return Err(ApiError::new(Code::Conflict, detail));
    }
    (action.run)(state, tx, &by, what).await
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
    still_asks(&mut tx, (&approval, action), now).await?;
    still_agrees(&mut tx, (&approval, action)).await?;
    approval.status = Standing::Approved;
    store::decide(&mut tx, &approval).await?;
    let done = run(state, &mut tx, (&approval, action, now), &what).await?;
    hand(&mut tx, &done, caller.person()).await?;
    told(&mut tx, &caller.by(&state.clock), "claim", &approval).await?;
    tx.commit().await?;
    Ok((approval, done))
}

/// Rejects an action; who has asked may take it back so.
pub async fn reject(
    state: &AdminState,
    caller: &AdminCaller,
    id: ApprovalId,
    reason: String,
) -> ApiResult<Approval> {
    let by = caller.by(&state.clock);
    let mut tx = state.db.begin().await?;
    let (approval, action) = standing(&mut tx, id, (OPEN, by.now)).await?;
    if caller.person() != approval.asked_person
        && let Err(error) = has_right(caller, action)
    {
        drop(tx);
        return refuse(state, caller, (id, "reject"), error).await;
    }
    let approval = put_down(&mut tx, &by, approval, reason).await?;
    tx.commit().await?;
    Ok(approval)
}

/// The same from a shell, where nobody is asked who they are: it gives nothing to anybody.
pub async fn reject_from_shell(
    db: &Db,
    by: &By<'_>,
    id: ApprovalId,
    reason: String,
) -> ApiResult<Approval> {
    let mut tx = db.begin().await?;
    let (approval, _) = standing(&mut tx, id, (OPEN, by.now)).await?;
    let approval = put_down(&mut tx, by, approval, reason).await?;
    tx.commit().await?;
    Ok(approval)
}

/// Rejects what waits, in a transaction.
pub async fn put_down(
    tx: &mut Tx,
    by: &By<'_>,
    mut approval: Approval,
    reason: String,
) -> Result<Approval, StoreError> {
    approval.status = Standing::Rejected;
    approval.decided_by = Some(by.actor.to_owned());
    approval.decided_at = Some(by.now);
    approval.reason = Some(reason);
    store::decide(tx, &approval).await?;
    told(tx, by, "reject", &approval).await?;
    Ok(approval)
}
