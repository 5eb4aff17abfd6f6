//! Four eyes: an action that a setting names waits until another person approves it, and is then done exactly
//! as it was asked for.
//!
//! To put an action under this rule: write what it does as an [`Action`], whose `run` takes all from its
//! payload and does all in the transaction that it is given; put it into [`ACTIONS`]; and have its handler
//! call [`perform`]. Whether it waits or not, it is the same code that runs. An action that gives scopes need
//! not know whether it matters: it is refused where it writes them (`By::may_give`), and waits then.

pub use super::ask::{ask, open_of, perform, waiting};
pub use super::decide::put_down;
pub use super::decide::{approve, claim, reject, reject_from_shell};
pub use super::judge::may_see;
pub use super::model::{Action, Approval, Outcome, Run, Shown, Standing, What};
pub use super::store::{find, list, waiting_of_all};

use crate::admin::{accounts, billing, customer_access, keys, tokens, transfers};
use crate::http::{ApiError, ApiResult, Code};
use serde_json::Value;

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
    &transfers::TRANSFER,
    &customer_access::APPROVE,
    &billing::CLOSE,
    &billing::CREATE,
    &billing::REVERSE,
    &billing::GRANT,
    &billing::END,
];

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
    use crate::admin::rights::{self, Need};

    #[test]
    fn every_action_is_an_operation_that_needs_a_right() {
        for action in ACTIONS {
            let need = rights::of(action.operation);
            assert!(matches!(need, Some(Need::Right(_))), "{}", action.operation);
        }
    }
}
