//! Who may decide about what waits.

use super::model::{Action, Approval};
use crate::access::model::Status;
use crate::admin::accounts;
use crate::admin::accounts::actions::by_provider;
use crate::admin::caller::{AdminCaller, Proof};
use crate::admin::rights::{self, Need};
use crate::admin::roles::Roles;
use crate::admin::state::AdminState;
use crate::admin::store::find_token_in;
use crate::admin::token::TokenStatus;
use crate::config::{self, FourEyes};
use crate::http::{ApiError, ApiResult, Code};
use crate::kernel::Micros;
use crate::kernel::id::ApprovalId;
use crate::storage::Tx;
use serde_json::json;

/// Whether a caller may see what exactly is asked for: who may decide about it, and who has asked.
pub fn may_see(caller: &AdminCaller, approval: &Approval) -> bool {
    caller.person() == approval.asked_person
        || matches!(rights::of(&approval.action), Some(Need::Right(right)) if caller.roles.have(right))
}

/// Whether a caller may decide about an action as somebody with its right.
pub(super) fn has_right(caller: &AdminCaller, action: &Action) -> ApiResult<()> {
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
/// may be whoever uses it, and whose address of mail is that of another account has both: they are no second person
/// to each other.
///
/// Where one person makes accounts without asking anybody (no `owners` in `admin.four_eyes`), a second person can be
/// had for nothing, and is not looked for so hard.
async fn is_second(
    tx: &mut Tx,
    (caller, settings): (&AdminCaller, &config::Admin),
    approval: &Approval,
) -> ApiResult<bool> {
    let ties = settings.four_eyes.contains(&FourEyes::Owners);
    let ours = accounts::one::with(tx, caller.person(), ties).await?;
    let theirs = accounts::one::with(tx, &approval.asked_person, ties).await?;
    Ok(ours.is_disjoint(&theirs))
}

/// Whether a caller may approve: a person in a session, with the right, and not who has asked.
pub(super) async fn may_approve(
    tx: &mut Tx,
    (caller, settings): (&AdminCaller, &config::Admin),
    (approval, action): (&Approval, &Action),
) -> ApiResult<()> {
    has_right(caller, action)?;
    let detail = if matches!(caller.proof, Proof::Token(_)) {
        "A token cannot approve: log in, so that it is known which person does."
    } else if caller.person() == approval.asked_person {
        "You have asked for it, or a token of yours has: another person must approve it."
    } else if !is_second(tx, (caller, settings), approval).await? {
        "Who has asked has the address of mail of your account, or was handed its first password, or you of theirs, \
         or somebody of both: a person who has to do with neither must approve it."
    } else {
        return Ok(());
    };
    Err(ApiError::new(Code::SecondPersonRequired, detail))
}

/// Whether who has asked may still do it, with the token where they asked with one: what somebody wanted who has been
/// suspended since or has lost the right, or a token that has, is not done.
pub(super) async fn still_asks(
    tx: &mut Tx,
    (approval, action): (&Approval, &Action),
    now: Micros,
) -> ApiResult<()> {
    still_may(tx, (approval, action), ("asked for", &approval.asked_person)).await?;
    let Ok(id) = approval.asked_by.parse() else { return Ok(()) };
    let token = find_token_in(tx, id).await?;
    let standing = token.as_ref().map_or(TokenStatus::Revoked, |token| token.standing(now));
    if standing != TokenStatus::Active {
        return Err(lost(&format!("The token that has asked for it is {standing}")));
    }
    if token.is_some_and(|token| !may(&token.roles, (approval, action))) {
        return Err(lost("The token that has asked for it has lost the right to"));
    }
    Ok(())
}

/// Whether who has approved might still: what is done later is agreed on until then.
pub(super) async fn still_agrees(
    tx: &mut Tx,
    (approval, action): (&Approval, &Action),
) -> ApiResult<()> {
    let person = approval.decided_by.as_deref().unwrap_or_default();
    still_may(tx, (approval, action), ("approved", person)).await
}

/// Whether a person who has done their part of an approval is active and has the right to.
async fn still_may(
    tx: &mut Tx,
    (approval, action): (&Approval, &Action),
    (verb, person): (&str, &str),
) -> ApiResult<()> {
    let Ok(id) = person.parse() else { return Ok(()) };
    match accounts::store::standing_in(tx, id).await? {
        Some((status, _)) if status != Status::Active => {
            Err(lost(&format!("Who has {verb} it is suspended")))
        }
        Some((_, roles)) if !may(&roles, (approval, action)) => {
            Err(lost(&format!("Who has {verb} it has lost the right to")))
        }
        _ => Ok(()),
    }
}

fn may(roles: &Roles, (approval, action): (&Approval, &Action)) -> bool {
    match rights::of(action.operation) {
        Some(Need::Right(right)) => roles.have(right) || by_provider(&approval.payload).is_some(),
        _ => false,
    }
}

/// Refuses to do what nobody asks for any more.
fn lost(why: &str) -> ApiError {
    ApiError::new(Code::Conflict, format!("{why}. Ask for it yourself where it is right."))
}

/// Writes down that somebody may not decide.
pub(super) async fn refuse<T>(
    state: &AdminState,
    caller: &AdminCaller,
    (id, verb): (ApprovalId, &str),
    error: ApiError,
) -> ApiResult<T> {
    let (by, detail) = (caller.by(&state.clock), json!({ "approval": id }));
    state.refused.tell(&state.db, &by, (verb, error.code()), detail).await?;
    Err(error)
}

/// Whether a caller is who has asked.
pub(super) fn is_first(caller: &AdminCaller, approval: &Approval) -> ApiResult<()> {
    if caller.person() == approval.asked_person {
        return Ok(());
    }
    let detail = "Who has asked for it claims it, with their account or a token of theirs: nobody else sees the \
                  secret.";
    Err(ApiError::new(Code::InsufficientRole, detail))
}
