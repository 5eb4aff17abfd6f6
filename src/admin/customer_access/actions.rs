//! Approval of what an app asks for, so that it can wait for a second person.

use super::schema::{AccessDecisionIn, CustomerAccessOut};
use crate::access::service::By;
use crate::admin::approvals::service::{Action, Run, What, answer, payload};
use crate::admin::state::AdminState;
use crate::authz::clients::service::{self, AccessVerdict};
use crate::config::FourEyes;
use crate::http::ApiResult;
use crate::kernel::id::AppId;
use crate::storage::Tx;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is to be approved of which app.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ToApprove {
    pub(super) app_id: AppId,
    pub(super) decision: AccessDecisionIn,
}

const SHOWS: Run = |state, tx, _, what| Box::pin(shown(state, tx, what));

/// Approves what an app asks for. People are shown what is registered of the app as it is, and it is done only
/// as long as that is the same.
pub const APPROVE: Action = Action {
    operation: "approve_customer_access",
    word: FourEyes::CustomerScopes,
    shows: Some(SHOWS),
    makes_secret: |_| false,
    run: |state, tx, by, what| Box::pin(approve(state, tx, by, what)),
};

async fn approve(
    state: &AdminState,
    tx: &mut Tx,
    by: &By<'_>,
    what: &What<'_>,
) -> ApiResult<Value> {
    let ToApprove { app_id, decision } = payload(what)?;
    let reason = decision.reason.clone();
    let what = (AccessVerdict::Approve, &decision.read());
    let access = service::decide_in(tx, by, app_id, what, &reason).await?;
    answer(&CustomerAccessOut::of(access, &state.retailer))
}

/// What is registered of the app.
async fn shown(state: &AdminState, tx: &mut Tx, what: &What<'_>) -> ApiResult<Value> {
    let ToApprove { app_id, .. } = payload(what)?;
    let access = service::held(tx, app_id).await?;
    answer(&CustomerAccessOut::of(access, &state.retailer))
}
