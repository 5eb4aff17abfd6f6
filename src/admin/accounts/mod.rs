//! Accounts of people over HTTP. A password is in the answer that makes it and nowhere else.

pub mod actions;
pub(in crate::admin) mod factor;
pub mod model;
pub mod one;
pub mod password;
pub mod service;
pub mod store;
pub mod totp;

use super::approvals::service::{Action, Shown, answer, perform};
use super::approvals::{MayWait, respond};
use super::caller::AdminCaller;
use super::page::{self, PageOut, PageQuery};
use super::problems::{BodyProblems, Conflicts, Missing, Problems};
use super::roles::{Role, Roles};
use super::state::{State, created, done};
use crate::access::model::{Name, Status};
use crate::http::answer::Cache;
use crate::http::{Answer, ApiError, ApiPath, ApiResult, Code, FieldError, JsonBody, Params};
use crate::kernel::Micros;
use crate::kernel::id::AccountId;
use actix_web::{HttpRequest, HttpResponse, get, patch, post};
use model::{Account, Login, Way};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the operations on accounts.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_accounts)
        .service(create_account)
        .service(get_account)
        .service(update_account)
        .service(suspend_account)
        .service(resume_account)
        .service(reset_account)
        .service(sign_out_account);
}

/// An account to create.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountIn {
    /// What the person comes in with: an e-mail address or a name, unlike any other.
    #[schema(value_type = String, min_length = 3, max_length = 254, example = "claire@example.com")]
    pub login: Login,
    /// What people call them.
    #[schema(value_type = String, min_length = 1, max_length = 100, example = "Claire Dubois")]
    pub name: Name,
    /// What they are to the gateway.
    #[schema(value_type = Vec<Role>, min_items = 1, example = json!(["key_manager"]))]
    pub roles: Roles,
}

/// What is to be different.
#[derive(Debug, Clone, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountPatch {
    /// What people call them.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 100, example = "Claire Dubois")]
    pub name: Option<Name>,
    /// What they are to the gateway.
    #[schema(value_type = Option<Vec<Role>>, min_items = 1, example = json!(["key_manager", "billing"]))]
    pub roles: Option<Roles>,
}

/// A person of the admin API.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AccountOut {
    /// Id of the account, the `actor` of what is done by it.
    #[schema(value_type = String, example = "acc_9pSz33qRsTu")]
    pub id: AccountId,
    /// What the person comes in with; null where an OpenID provider says who they are.
    #[schema(value_type = Option<String>, example = "claire@example.com")]
    pub login: Option<Login>,
    /// The OpenID provider that says who they are; null where they have a password here.
    #[schema(example = json!(null))]
    pub issuer: Option<String>,
    /// The address of mail that the provider tells: with the account that has it as its login this one is one person
    /// where a second one is needed. Null where there is none.
    #[schema(required = true, value_type = Option<String>, example = json!(null))]
    pub email: Option<Login>,
    /// What people call them.
    #[schema(value_type = String, example = "Claire Dubois")]
    pub name: Name,
    /// What they are to the gateway.
    #[schema(value_type = Vec<Role>, example = json!(["key_manager"]))]
    pub roles: Roles,
    /// `active` or `suspended`; a suspended account is let in nowhere.
    #[schema(example = "active")]
    pub status: Status,
    /// Whether an app for one-time codes is enrolled.
    #[schema(example = true)]
    pub has_second_factor: bool,
    /// Whether the password is to be changed at the next login.
    #[schema(example = false)]
    pub must_change_password: bool,
    /// When they last came in; null where they have not.
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-11-22T09:41:07Z")]
    pub last_login_at: Option<Micros>,
    /// When it was created.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    pub created_at: Micros,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    pub updated_at: Micros,
}

impl From<Account> for AccountOut {
    fn from(account: Account) -> Self {
        let Account { id, name, way, roles, status, codes, last_login_at, .. } = account;
        let has_second_factor = codes.current != 0;
        let (login, issuer, email, must_change_password) = match way {
            Way::Local { login, must_change, .. } => (Some(login), None, None, must_change),
            Way::Provider { issuer, email, .. } => (None, Some(issuer), email, false),
        };
        let Account { created_at, updated_at, .. } = account;
        Self {
            id,
            login,
            issuer,
            email,
            name,
            roles,
            status,
            has_second_factor,
            must_change_password,
            last_login_at,
            created_at,
            updated_at,
        }
    }
}

/// An account and its first password, which is shown this once.
#[derive(Serialize, utoipa::ToSchema)]
pub struct IssuedAccountOut {
    /// The account.
    pub account: AccountOut,
    /// The password to come in with once; then the person chooses one.
    #[schema(example = "mzxw6ytboi2tqmztgu4dsmbr")]
    pub password: String,
}

impl std::fmt::Debug for IssuedAccountOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IssuedAccountOut").field("account", &self.account).finish_non_exhaustive()
    }
}

/// A page of accounts
///
/// In the order of their ids.
#[utoipa::path(
    tag = "accounts", operation_id = "list_accounts", params(PageQuery),
    responses((status = 200, description = "The page", body = PageOut<AccountOut>), Problems),
    security(("admin_token" = []))
)]
#[get("/accounts")]
async fn list_accounts(
    _caller: AdminCaller,
    request: HttpRequest,
    state: State,
) -> ApiResult<Answer> {
    let page = page::read(&request, Params::new(request.query_string()))?;
    let rows = store::list(&state.db, &page::walk(&page, AccountId)?).await?;
    page::answer(&page, rows, |account| account.id.0, AccountOut::from)
}

/// Create an account
///
/// The answer holds a first password, this once. With it the person comes in (`POST /admin/v1/login`),
/// chooses another and enrols an app for one-time codes; nothing else is answered to them before.
#[utoipa::path(
    tag = "accounts", operation_id = "create_account", request_body = AccountIn,
    responses(
        (status = 201, description = "The account and its first password", body = IssuedAccountOut),
        MayWait, Conflicts, BodyProblems, Problems
    ),
    security(("admin_token" = []))
)]
#[post("/accounts")]
async fn create_account(
    caller: AdminCaller,
    body: JsonBody<AccountIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    let what = answer(&body.0)?;
    let shown =
        (true, json!({ "login": body.0.login, "name": body.0.name, "roles": body.0.roles }));
    let outcome = perform(&state, &caller, &actions::CREATE, what, shown).await?;
    respond(&state, outcome, |out| {
        created(&format!("accounts/{}", out["account"]["id"].as_str().unwrap_or_default()), out)
    })
}

/// An account
///
/// By its id.
#[utoipa::path(
    tag = "accounts", operation_id = "get_account",
    params(("account_id" = String, Path, description = "Id of the account", example = "acc_9pSz33qRsTu")),
    responses((status = 200, description = "The account", body = AccountOut), Missing, Problems),
    security(("admin_token" = []))
)]
#[get("/accounts/{account_id}")]
async fn get_account(
    _caller: AdminCaller,
    id: ApiPath<AccountId>,
    state: State,
) -> ApiResult<Answer> {
    let account = service::get(&state.db, id.0).await?;
    Answer::json(&AccountOut::from(account), Cache::NoStore, 1)
}

/// Change an account
///
/// Its name or its roles, in force from the next call on. The last owner stays one, and the roles of an
/// account of an OpenID provider are changed there.
#[utoipa::path(
    tag = "accounts", operation_id = "update_account", request_body = AccountPatch,
    params(("account_id" = String, Path, description = "Id of the account", example = "acc_9pSz33qRsTu")),
    responses(
        (status = 200, description = "The account", body = AccountOut),
        MayWait, Missing, Conflicts, BodyProblems, Problems
    ),
    security(("admin_token" = []))
)]
#[patch("/accounts/{account_id}")]
async fn update_account(
    caller: AdminCaller,
    id: ApiPath<AccountId>,
    body: JsonBody<AccountPatch>,
    state: State,
) -> ApiResult<HttpResponse> {
    if body.0.name.is_none() && body.0.roles.is_none() {
        let fault = FieldError::pointer("", "empty", "names nothing to change");
        let detail = "Name what shall change: `name`, `roles` or both.";
        return Err(ApiError::new(Code::InvalidBody, detail).errors(vec![fault]));
    }
    let before = service::get(&state.db, id.0).await?;
    let shown = json!({ "name": before.name, "roles": before.roles, "to": body.0 });
    let what = answer(&actions::Update { id: id.0, change: body.0, by_provider: false })?;
    let outcome = perform(&state, &caller, &actions::UPDATE, what, (false, shown)).await?;
    respond(&state, outcome, done)
}

/// Does something to an account as a whole; it has to wait where it `matters` whoever the person is. Whether an owner
/// is made or unmade is judged where it is done, for the roles may change meanwhile (`By::may_change_owners`).
async fn act(
    (caller, state): (&AdminCaller, &State),
    id: AccountId,
    action: &'static Action,
    matters: bool,
) -> ApiResult<HttpResponse> {
    let shown = Shown { matters, ..Shown::by_action() };
    let outcome = perform(state, caller, action, answer(&id)?, shown).await?;
    respond(state, outcome, done)
}

/// Suspend an account
///
/// Its sessions end at once, and tokens that the person has made are refused as long as it is suspended: where a
/// program needs one of them, make it another before. The last owner cannot be suspended.
#[utoipa::path(
    tag = "accounts", operation_id = "suspend_account",
    params(("account_id" = String, Path, description = "Id of the account", example = "acc_9pSz33qRsTu")),
    responses(
        (status = 200, description = "The account", body = AccountOut),
        MayWait, Missing, Conflicts, Problems
    ),
    security(("admin_token" = []))
)]
#[post("/accounts/{account_id}/suspend")]
async fn suspend_account(
    caller: AdminCaller,
    id: ApiPath<AccountId>,
    state: State,
) -> ApiResult<HttpResponse> {
    act((&caller, &state), id.0, &actions::SUSPEND, false).await
}

/// Resume an account
///
/// The person can come in again, and their tokens work.
#[utoipa::path(
    tag = "accounts", operation_id = "resume_account",
    params(("account_id" = String, Path, description = "Id of the account", example = "acc_9pSz33qRsTu")),
    responses(
        (status = 200, description = "The account", body = AccountOut), MayWait, Missing, Problems
    ),
    security(("admin_token" = []))
)]
#[post("/accounts/{account_id}/resume")]
async fn resume_account(
    caller: AdminCaller,
    id: ApiPath<AccountId>,
    state: State,
) -> ApiResult<HttpResponse> {
    act((&caller, &state), id.0, &actions::RESUME, false).await
}

/// Reset an account
///
/// For a person who has lost password or codes, or whose account somebody else has had: gives it a first password, as
/// at its creation, takes the app and the recovery codes away, ends its sessions, revokes the tokens that were made with
/// it, rejects what it has asked for that waits or is yet to be claimed, and forgets failed attempts.
#[utoipa::path(
    tag = "accounts", operation_id = "reset_account",
    params(("account_id" = String, Path, description = "Id of the account", example = "acc_9pSz33qRsTu")),
    responses(
        (status = 200, description = "The account and its first password", body = IssuedAccountOut),
        MayWait, Missing, Problems
    ),
    security(("admin_token" = []))
)]
#[post("/accounts/{account_id}/reset")]
async fn reset_account(
    caller: AdminCaller,
    id: ApiPath<AccountId>,
    state: State,
) -> ApiResult<HttpResponse> {
    act((&caller, &state), id.0, &actions::RESET, true).await
}

/// Sign a person out
///
/// Ends all sessions of the account.
#[utoipa::path(
    tag = "accounts", operation_id = "sign_out_account",
    params(("account_id" = String, Path, description = "Id of the account", example = "acc_9pSz33qRsTu")),
    responses((status = 200, description = "The account", body = AccountOut), Missing, Problems),
    security(("admin_token" = []))
)]
#[post("/accounts/{account_id}/sign_out")]
async fn sign_out_account(
    caller: AdminCaller,
    id: ApiPath<AccountId>,
    state: State,
) -> ApiResult<HttpResponse> {
    let mut tx = state.db.begin().await?;
    service::sign_out(&mut tx, &caller.by(&state.clock), id.0, None).await?;
    tx.commit().await?;
    done(&AccountOut::from(service::get(&state.db, id.0).await?))
}
