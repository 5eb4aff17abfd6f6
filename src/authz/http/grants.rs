//! Grants in the hands of the partner's program that has them (Grant Management for OAuth 2.0).
//!
//! One that is another client's, that never was, or that no customer has given is not there: that the draft answers 403 to
//! the first would tell which ids there are.

use super::answered::{Outcome, ProtocolFailed, empty, json, refused_token};
use super::arrived::{DPOP, values};
use super::documents::ProtocolErrorOut;
use super::state::AuthzState;
use super::taking_back::{GivenBack, take_back};
use crate::access::oauth::error::{OAuthCode, OAuthError};
use crate::access::policy::Gate;
use crate::authz::clients::{self, Registered};
use crate::authz::metadata::RESOURCE_PATH;
use crate::authz::presented::{
    self, ChallengeWants, Scheme, ShownHeaders, TokenAbout, asked, challenge,
};
use crate::consent::details::CustomerDataDetails;
use crate::consent::own::OwnedByClient;
use crate::consent::record::{ConsentRecord, GrantId};
use crate::consent::scope::OAuthScope;
use crate::consent::status::ConsentStatus;
use crate::consent::store::read::{self, ConsentHistory};
use crate::http::{ApiError, ApiResult, Code};
use crate::kernel::Micros;
use crate::kernel::word::Word as _;
use crate::storage::StoreError;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{HttpRequest, HttpResponse, delete, get, web};
use serde::Serialize;
use utoipa::ToSchema;

/// Microseconds in a millisecond.
const MILLISECOND: i64 = 1_000;

/// A grant.
#[derive(Debug, Serialize, ToSchema)]
pub struct GrantOut {
    /// What it allows, as scopes.
    #[schema(max_items = 1)]
    pub scopes: Vec<GrantScopesOut>,
    /// The same in detail (RFC 9396); empty where it reads nothing.
    #[schema(value_type = Vec<Object>, max_items = 1)]
    pub authorization_details: Vec<CustomerDataDetails>,
    /// When the customer was asked first.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    pub created_at: Micros,
    /// When something has happened to it last.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    pub last_updated_at: Micros,
    /// Until when it holds, if nobody ends it before.
    #[schema(value_type = String, format = DateTime, example = "2027-02-20T09:41:07Z")]
    pub expires_at: Micros,
    /// `active`, `suspended`, `revoked` or `expired`.
    #[schema(example = "active")]
    pub status: &'static str,
}

/// Scopes of a grant.
#[derive(Debug, Serialize, ToSchema)]
pub struct GrantScopesOut {
    /// The scopes, with spaces between.
    #[schema(example = "customer.purchases.summary:read offline_access")]
    pub scope: String,
}

/// Why a grant is not shown or ended.
enum NotDone {
    /// The token does not allow it: which scope would, and whether a nonce is wanted.
    Token(OAuthError, OAuthScope),
    /// No token was shown.
    NoToken(OAuthScope),
    /// Otherwise.
    Failed(ProtocolFailed),
}

impl From<ProtocolFailed> for NotDone {
    fn from(failed: ProtocolFailed) -> Self {
        Self::Failed(failed)
    }
}

impl From<OAuthError> for NotDone {
    fn from(error: OAuthError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<StoreError> for NotDone {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<ApiError> for NotDone {
    fn from(error: ApiError) -> Self {
        Self::Failed(error.into())
    }
}

/// Look at a grant
///
/// What a customer has granted to the client, without any token. It is called with an access token of the client itself
/// (`client_credentials`) with the scope `grant_management_query`. A grant that is another client's is not there.
#[utoipa::path(
    tag = "oauth", operation_id = "get_grant",
    params(("grant_id" = String, Path, description = "The grant, as the answer with the tokens names it.")),
    responses(
        (status = 200, description = "The grant", body = GrantOut),
        (status = 400, description = "The proof of the key is at fault", body = ProtocolErrorOut, content_type = "application/json"),
        (status = 401, description = "The access token does not work", body = ProtocolErrorOut, content_type = "application/json"),
        (status = 403, description = "The access token does not allow it", body = ProtocolErrorOut, content_type = "application/json"),
    ),
    security(("client_token" = []))
)]
#[get("/oauth/grants/{grant_id}")]
pub(super) async fn get_grant(
    request: HttpRequest,
    path: web::Path<String>,
    state: web::Data<AuthzState>,
    gate: web::Data<Gate>,
) -> ApiResult<HttpResponse> {
    state.embedded()?;
    let now = state.clock.now();
    state.admit_address(&request, &gate, now)?;
    let shown = shown(&state, &request, &path, now).await;
    answer(&state, shown, now)
}

/// End a grant
///
/// Ends the consent, and with it all of its tokens, at once and on all nodes: the customer is not asked again by themselves,
/// and has to agree anew. It is called with an access token of the client itself with the scope
/// `grant_management_revoke`. One that has ended stays as it ended.
#[utoipa::path(
    tag = "oauth", operation_id = "delete_grant",
    params(("grant_id" = String, Path, description = "The grant, as the answer with the tokens names it.")),
    responses(
        (status = 204, description = "The grant has ended"),
        (status = 400, description = "The proof of the key is at fault", body = ProtocolErrorOut, content_type = "application/json"),
        (status = 401, description = "The access token does not work", body = ProtocolErrorOut, content_type = "application/json"),
        (status = 403, description = "The access token does not allow it", body = ProtocolErrorOut, content_type = "application/json"),
    ),
    security(("client_token" = []))
)]
#[delete("/oauth/grants/{grant_id}")]
pub(super) async fn delete_grant(
    request: HttpRequest,
    path: web::Path<String>,
    state: web::Data<AuthzState>,
    gate: web::Data<Gate>,
) -> ApiResult<HttpResponse> {
    state.embedded()?;
    let now = state.clock.now();
    state.admit_address(&request, &gate, now)?;
    let ended = ended(&state, &request, &path, now).await;
    answer(&state, ended, now)
}

fn answer(
    state: &AuthzState,
    done: Result<HttpResponse, NotDone>,
    now: Micros,
) -> ApiResult<HttpResponse> {
    let metadata = format!("{}{RESOURCE_PATH}", state.issuer());
    let outcome: Outcome = match done {
        Ok(response) => Ok(response),
        Err(NotDone::Failed(failed)) => Err(failed),
        Err(NotDone::NoToken(scope)) => {
            let wanted = ChallengeWants { scope: Some(scope.as_str()), ..Default::default() };
            let error = OAuthError::new(OAuthCode::InvalidToken, "there is no access token");
            Ok(refused_token(&error, &challenge(Scheme::Dpop, None, wanted, &metadata)))
        }
        Err(NotDone::Token(error, scope)) => {
            let is_lacking = error.code == OAuthCode::InsufficientScope;
            let scope = is_lacking.then(|| scope.as_str());
            let wanted = ChallengeWants { scope, ..Default::default() };
            let response =
                refused_token(&error, &challenge(Scheme::Dpop, Some(&error), wanted, &metadata));
            let wants_nonce = error.code == OAuthCode::UseDpopNonce;
            return Ok(state.with_nonce(response, wants_nonce, now));
        }
    };
    state.answer(outcome, now)
}

/// The client that calls with a token of its own which has a scope.
async fn caller(
    state: &AuthzState,
    request: &HttpRequest,
    scope: OAuthScope,
    now: Micros,
) -> Result<Registered, NotDone> {
    let refused = |error: OAuthError| NotDone::Token(error, scope);
    let keys = state.keys.verifiers();
    let (authorization, dpop) = (values(request, &AUTHORIZATION), values(request, &DPOP));
    let headers = ShownHeaders { authorization: &authorization, dpop: &dpop };
    let address = state.address_of(request)?;
    let asked_for = (request.method().as_str(), &address);
    let shown = presented::judge(headers, asked_for, &state.token_rules(&keys), now);
    let shown = shown.map_err(refused)?.ok_or(NotDone::NoToken(scope))?;
    let token = match state.replays.spend(shown, now).await {
        Err(ProtocolFailed::Protocol(error)) => return Err(refused(error)),
        spent => spent?,
    };
    let of_another = || refused(OAuthCode::InvalidToken.into());
    let client =
        clients::find(&state.db, &token.claims.client_id, now).await?.ok_or_else(of_another)?;
    let rights = asked(&token.claims, &client.client).map_err(refused)?;
    if rights.about != TokenAbout::Client || !rights.scopes.has(scope) {
        return Err(refused(OAuthCode::InsufficientScope.into()));
    }
    Ok(client)
}

async fn shown(
    state: &AuthzState,
    request: &HttpRequest,
    id: &str,
    now: Micros,
) -> Result<HttpResponse, NotDone> {
    let client = caller(state, request, OAuthScope::GrantManagementQuery, now).await?;
    let history = history(state, id, &client).await?;
    Ok(json(200, &GrantOut::of(&history).ok_or_else(not_there)?))
}

async fn ended(
    state: &AuthzState,
    request: &HttpRequest,
    id: &str,
    now: Micros,
) -> Result<HttpResponse, NotDone> {
    let client = caller(state, request, OAuthScope::GrantManagementRevoke, now).await?;
    let history = history(state, id, &client).await?;
    let Some(current) = history.versions.last() else { return Err(not_there().into()) };
    let app = client.client.app;
    let end = |record: &ConsentRecord| OwnedByClient::of(record, app)?.revoke(now).ok();
    take_back(state, GivenBack::Grant(current.grant_id), end).await?;
    Ok(empty(204))
}

fn not_there() -> ApiError {
    ApiError::new(Code::NotFound, "There is no such grant of this client.")
}

/// A grant that a customer has given to the client.
async fn history(
    state: &AuthzState,
    id: &str,
    client: &Registered,
) -> Result<ConsentHistory, ProtocolFailed> {
    let Ok(id) = id.parse::<GrantId>() else { return Err(not_there().into()) };
    let history = read::history(&state.db, id).await?;
    let is_its = |history: &ConsentHistory| {
        let current = history.versions.last();
        let own = current.and_then(|record| OwnedByClient::of(record, client.client.app));
        own.is_some_and(|own| was_given(own.record()))
    };
    history.filter(is_its).ok_or_else(|| not_there().into())
}

/// Whether a customer has agreed to it, however it stands now.
fn was_given(record: &ConsentRecord) -> bool {
    record.expression.is_some() && !matches!(record.status, ConsentStatus::Pending)
}

impl GrantOut {
    /// What is told of a consent; none where nothing is known of it.
    fn of(history: &ConsentHistory) -> Option<Self> {
        let (first, current) = (history.versions.first()?, history.versions.last()?);
        let last = history.entries.last().map(|entry| entry.at_ms.saturating_mul(MILLISECOND));
        let data = &current.data;
        let details = data.authorization_details.cut_to(data.scopes);
        Some(Self {
            scopes: vec![GrantScopesOut { scope: data.scopes.to_string() }],
            authorization_details: details.into_iter().collect(),
            created_at: first.validity.starts_at,
            last_updated_at: last.map_or(current.validity.starts_at, Micros),
            expires_at: current.validity.expires_at,
            status: current.status.as_str(),
        })
    }
}
