//! Admin tokens over HTTP. A token's text is in the answer to its creation and nowhere else.

pub mod actions;

use super::approvals::service::{Action, answer, perform};
use super::approvals::{MayWait, respond};
use super::caller::{AdminCaller, Proof};
use super::keys::leaks::LeaksOut;
use super::page::{self, PageOut, PageQuery};
use super::problems::{BodyProblems, Conflicts, Missing, Problems};
use super::roles::{Role, Roles};
use super::state::{State, created, done};
use super::store::list_tokens as list;
use super::token::{self, AdminToken, TokenStatus};
use crate::access::leaks::{Found, list_leaks};
use crate::access::model::Name;
use crate::http::{Answer, ApiPath, ApiResult, JsonBody, Params};
use crate::kernel::Micros;
use crate::kernel::id::AdminTokenId;
use crate::kernel::word::words;
use actions::NewToken;
use actix_web::{HttpRequest, HttpResponse, get, post};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the operations on admin tokens.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_tokens)
        .service(create_token)
        .service(suspend_token)
        .service(resume_token)
        .service(revoke_token)
        .service(list_token_leaks);
}

/// An admin token to create.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenIn {
    /// Whose it is or what it is for.
    #[schema(value_type = String, min_length = 1, max_length = 100, example = "billing export")]
    pub name: Name,
    /// What its holder is to the gateway. Give a program no more than it needs.
    #[schema(value_type = Vec<Role>, min_items = 1, example = json!(["billing"]))]
    pub roles: Roles,
    /// When it ends by itself; never where it is left out.
    #[schema(value_type = Option<String>, format = DateTime, example = "2027-11-22T00:00:00Z")]
    pub expires_at: Option<Micros>,
}

/// An admin token, without its text.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TokenOut {
    /// Id of the token, the `actor` of what is done with it.
    #[schema(value_type = String, example = "adm_9pSz33qRsTu")]
    pub id: AdminTokenId,
    /// Whose it is or what it is for.
    #[schema(value_type = String, example = "billing export")]
    pub name: Name,
    /// `active`, `suspended` (also where the account of who made it is, or has none of its roles any more), `expired`
    /// or, for good, `revoked`.
    #[schema(example = "active")]
    pub status: TokenStatus,
    /// Id of the account of who made it, or of the token that did; null where the command line did.
    #[schema(required = true, max_length = 15, example = "acc_9pSz33qRsTu")]
    pub made_by: Option<String>,
    /// What its holder is to the gateway: of the roles that it was made with, what the account of who made it has
    /// still.
    #[schema(value_type = Vec<Role>, example = json!(["billing"]))]
    pub roles: Roles,
    /// When it was created.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    pub created_at: Micros,
    /// When it ends by itself; null where it does not.
    #[schema(value_type = Option<String>, format = DateTime, example = "2027-11-22T00:00:00Z")]
    pub expires_at: Option<Micros>,
    /// When it was last used, to the minute; null where it was not.
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-11-22T09:41:07Z")]
    pub last_used_at: Option<Micros>,
}

impl TokenOut {
    /// A token as it stands at a time.
    fn of(token: AdminToken, now: Micros) -> Self {
        let status = token.standing(now);
        let AdminToken { id, name, roles, person, created_at, expires_at, last_used_at, .. } =
            token;
        let made_by = Some(person).filter(|person| !person.is_empty());
        Self { id, name, status, made_by, roles, created_at, expires_at, last_used_at }
    }
}

/// An admin token and its text, which is shown this once.
#[derive(Serialize, utoipa::ToSchema)]
pub struct IssuedTokenOut {
    /// The token.
    pub token: TokenOut,
    /// The text to send as `Authorization: Bearer …`. It cannot be shown again.
    #[schema(example = "cpt_admin_9pSz33qRsTu_…")]
    pub text: String,
}

impl std::fmt::Debug for IssuedTokenOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IssuedTokenOut").field("token", &self.token).finish_non_exhaustive()
    }
}

words! {
    /// Why tokens want to be looked at.
    #[schema(as = TokenAttention)]
    pub enum Attention {
        /// They were found where everybody can read them.
        Leaked = "leaked",
    }
}

/// A page of admin tokens
///
/// In the order of their ids. With `attention=leaked`, those that were found where everybody can read them, or
/// were made with one that was, and are not revoked yet.
#[utoipa::path(
    tag = "tokens", operation_id = "list_tokens",
    params(
        ("attention" = inline(Option<Attention>), Query, description = "Only tokens that want to be looked at for this: `leaked`", example = "leaked"),
        PageQuery
    ),
    responses((status = 200, description = "The page", body = PageOut<TokenOut>), Problems),
    security(("admin_token" = []))
)]
#[get("/tokens")]
async fn list_tokens(
    _caller: AdminCaller,
    request: HttpRequest,
    state: State,
) -> ApiResult<Answer> {
    let mut params = Params::new(request.query_string());
    let leaked = params.value::<Attention>("attention").is_some();
    let page = page::read(&request, params)?;
    let rows = list(&state.db, &page::walk(&page, AdminTokenId)?, leaked).await?;
    let now = state.clock.now();
    page::answer(&page, rows, |token| token.id.0, |token| TokenOut::of(token, now))
}

/// Create an admin token
///
/// The answer holds the token's text, this once. A token may do what its roles may, and no more than the account
/// of who made it may at that time.
#[utoipa::path(
    tag = "tokens", operation_id = "create_token", request_body = TokenIn,
    responses(
        (status = 201, description = "The token and its text", body = IssuedTokenOut),
        MayWait, BodyProblems, Problems
    ),
    security(("admin_token" = []))
)]
#[post("/tokens")]
async fn create_token(
    caller: AdminCaller,
    body: JsonBody<TokenIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    let TokenIn { name, roles, expires_at } = body.0;
    let shown =
        (roles.is_owner(), json!({ "name": name, "roles": roles, "expires_at": expires_at }));
    let person = caller.person().to_owned();
    let made_with = match caller.proof {
        Proof::Token(id) => Some(id),
        Proof::Session(..) => None,
    };
    let what = answer(&NewToken { name, roles, expires_at, person, made_with })?;
    let outcome = perform(&state, &caller, &actions::CREATE, what, shown).await?;
    respond(&state, outcome, |out| created("tokens", out))
}

/// Does something to a token as a whole; it may have to wait where it is an owner's.
async fn act(
    (caller, state): (&AdminCaller, &State),
    id: AdminTokenId,
    action: &'static Action,
) -> ApiResult<HttpResponse> {
    let token = token::get_token(&state.db, id).await?;
    let shown = (token.given.is_owner(), json!({ "name": token.name, "roles": token.given }));
    let outcome = perform(state, caller, action, answer(&id)?, shown).await?;
    respond(state, outcome, done)
}

/// Suspend an admin token
///
/// It is refused at once, on every node, until it is resumed. The last owner cannot be suspended.
#[utoipa::path(
    tag = "tokens", operation_id = "suspend_token",
    params(("token_id" = String, Path, description = "Id of the token", example = "adm_9pSz33qRsTu")),
    responses(
        (status = 200, description = "The token", body = TokenOut),
        MayWait, Missing, Conflicts, Problems
    ),
    security(("admin_token" = []))
)]
#[post("/tokens/{token_id}/suspend")]
async fn suspend_token(
    caller: AdminCaller,
    id: ApiPath<AdminTokenId>,
    state: State,
) -> ApiResult<HttpResponse> {
    act((&caller, &state), id.0, &actions::SUSPEND).await
}

/// Resume an admin token
///
/// It works again, unless it has expired or the account of who made it is suspended. One that was found where
/// everybody can read it is better revoked.
#[utoipa::path(
    tag = "tokens", operation_id = "resume_token",
    params(("token_id" = String, Path, description = "Id of the token", example = "adm_9pSz33qRsTu")),
    responses(
        (status = 200, description = "The token", body = TokenOut),
        MayWait, Missing, Conflicts, Problems
    ),
    security(("admin_token" = []))
)]
#[post("/tokens/{token_id}/resume")]
async fn resume_token(
    caller: AdminCaller,
    id: ApiPath<AdminTokenId>,
    state: State,
) -> ApiResult<HttpResponse> {
    act((&caller, &state), id.0, &actions::RESUME).await
}

/// Places where an admin token was found
///
/// Where scanners of public places have seen it. It was suspended then, with every token that was made with it.
#[utoipa::path(
    tag = "tokens", operation_id = "list_token_leaks",
    params(("token_id" = String, Path, description = "Id of the token", example = "adm_9pSz33qRsTu")),
    responses((status = 200, description = "The places", body = LeaksOut), Missing, Problems),
    security(("admin_token" = []))
)]
#[get("/tokens/{token_id}/leaks")]
async fn list_token_leaks(
    _caller: AdminCaller,
    id: ApiPath<AdminTokenId>,
    state: State,
) -> ApiResult<Answer> {
    token::get_token(&state.db, id.0).await?;
    LeaksOut::answer(list_leaks(&state.db, Found::Token(id.0)).await?)
}

/// Revoke an admin token
///
/// It is refused at once, on every node, and for good. The last owner cannot be revoked.
#[utoipa::path(
    tag = "tokens", operation_id = "revoke_token",
    params(("token_id" = String, Path, description = "Id of the token", example = "adm_9pSz33qRsTu")),
    responses(
        (status = 200, description = "The token", body = TokenOut),
        MayWait, Missing, Conflicts, Problems
    ),
    security(("admin_token" = []))
)]
#[post("/tokens/{token_id}/revoke")]
async fn revoke_token(
    caller: AdminCaller,
    id: ApiPath<AdminTokenId>,
    state: State,
) -> ApiResult<HttpResponse> {
    act((&caller, &state), id.0, &actions::REVOKE).await
}
