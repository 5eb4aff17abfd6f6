//! Who calls, what they may do, and what is theirs to change.

mod credentials;
mod sessions;

use super::accounts::model::Setup;
use super::accounts::service;
use super::caller::{AdminCaller, Proof};
use super::problems::Problems;
use super::rights::Right;
use super::roles::{Role, Roles};
use super::state::State;
use crate::http::answer::Cache;
use crate::http::{Answer, ApiError, ApiResult, Code};
use crate::kernel::id::{AccountId, SessionId};
use actix_web::get;
use serde::Serialize;
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts what is about the caller.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(get_me).configure(credentials::configure).configure(sessions::configure);
}

/// Who calls.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct MeOut {
    /// Id of the token or account, as the audit log names it.
    #[schema(example = "adm_9pSz33qRsTu")]
    pub id: String,
    /// What people call it.
    #[schema(example = "Claire Dubois")]
    pub name: String,
    /// What the caller is to the gateway.
    #[schema(value_type = Vec<Role>, example = json!(["key_manager"]))]
    pub roles: Roles,
    /// What the caller may do: `x-right` of an operation says what it needs.
    #[schema(example = json!(["read", "manage_keys"]))]
    pub rights: Vec<Right>,
    /// What must be done before the account can be used.
    #[schema(example = json!([]))]
    pub setup: Vec<Setup>,
}

/// The account and the session of a call that a person makes.
fn person(caller: &AdminCaller) -> ApiResult<(AccountId, SessionId)> {
    let Proof::Session(account, session) = caller.proof else {
        let detail = "The call was made with a token; this is for people in a session.";
        return Err(ApiError::new(Code::Conflict, detail));
    };
    Ok((account, session))
}

/// Who calls
///
/// The token or the account of the call, its roles and what they may do.
#[utoipa::path(
    tag = "me", operation_id = "get_me",
    responses((status = 200, description = "The caller", body = MeOut), Problems),
    security(("admin_token" = []))
)]
#[get("/me")]
async fn get_me(caller: AdminCaller, state: State) -> ApiResult<Answer> {
    let name = match caller.proof {
        Proof::Token(id) => super::token::get_token(&state.db, id).await?.name,
        Proof::Session(account, _) => service::get(&state.db, account).await?.name,
    };
    let me = MeOut {
        id: caller.actor().to_owned(),
        name: name.to_string(),
        rights: caller.roles.rights().into_iter().collect(),
        setup: caller.setup.clone(),
        roles: caller.roles,
    };
    Answer::json(&me, Cache::NoStore, 1)
}
