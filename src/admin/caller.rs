//! Who calls the admin API, and whether they may: the holder of an admin token, or a person in a session.

use super::accounts::model::{Account, Setup};
use super::rights::{self, Need, Reached, Right};
use super::roles::Roles;
use super::sessions;
use super::sessions::cookie::{self, SESSION};
use super::state::{AdminState, State};
use super::token::{self, AdminToken};
use crate::access::Scopes;
use crate::access::caller::once;
use crate::access::service::By;
use crate::config::FourEyes;
use crate::http::error::{AWAY, FULL};
use crate::http::{ApiError, Code};
use crate::kernel::Clock;
use crate::kernel::id::{AccountId, AdminTokenId, SessionId};
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::{AUTHORIZATION, CACHE_CONTROL, HeaderValue, WWW_AUTHENTICATE};
use actix_web::middleware::Next;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, ResponseError as _};
use serde_json::json;
use std::future::{Ready, ready};
use std::time::Duration;

/// What a caller has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// An admin token.
    Token(AdminTokenId),
    /// A session of an account.
    Session(AccountId, SessionId),
}

/// Somebody who may call the operation that was called.
#[derive(Debug, Clone)]
pub struct AdminCaller {
    /// What they have shown.
    pub proof: Proof,
    /// What they are to the gateway.
    pub roles: Roles,
    /// What must be done before the account can be used.
    pub setup: Vec<Setup>,
    /// Scopes that they cannot give alone.
    withheld: Scopes,
    /// Whether they cannot make or unmake an owner alone.
    keeps_owners: bool,
    actor: String,
    person: String,
}

impl AdminCaller {
    /// The holder of a token, behind which a person stands.
    fn with_token(state: &AdminState, token: AdminToken) -> Self {
        let AdminToken { id, roles, person, .. } = token;
        let actor = id.to_string();
        let person = if person.is_empty() { actor.clone() } else { person };
        Self::new(state, Proof::Token(id), roles, (actor, person))
    }

    /// A person in a session.
    fn in_session(state: &AdminState, account: &Account, session: SessionId) -> Self {
        let actor = account.id.to_string();
        let proof = Proof::Session(account.id, session);
        let setup = account.setup(state.settings.second_factor);
        let who = (actor.clone(), actor);
        Self { setup, ..Self::new(state, proof, account.roles.clone(), who) }
    }

    fn new(
        state: &AdminState,
        proof: Proof,
        roles: Roles,
        (actor, person): (String, String),
    ) -> Self {
        let withheld = state.withheld;
        let keeps_owners = state.settings.four_eyes.contains(&FourEyes::Owners);
        Self { proof, roles, setup: Vec::new(), withheld, keeps_owners, actor, person }
    }

    /// The id of the token or of the account.
    #[must_use]
    pub fn actor(&self) -> &str {
        &self.actor
    }

    /// Who stands behind it: the id of an account, or of a token that no account has made.
    #[must_use]
    pub fn person(&self) -> &str {
        &self.person
    }

    /// Refuses what needs another right than the operation itself.
    pub async fn must_have(
        &self,
        state: &AdminState,
        (operation, right): (&'static str, Right),
    ) -> Result<(), ApiError> {
        if self.roles.have(right) {
            return Ok(());
        }
        let error = lacks(self, right);
        tell_refusal(state, self, (operation, Some(Need::Right(right))), &error).await?;
        Err(error)
    }

    /// The caller as the author of a change made now.
    #[must_use]
    pub fn by(&self, clock: &Clock) -> By<'_> {
        let by = By::new(&self.actor, clock.now());
        by.withholding(self.withheld).keeping_owners(self.keeps_owners).alone()
    }
}

impl FromRequest for AdminCaller {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(request.extensions().get::<Self>().cloned().ok_or_else(unguarded))
    }
}

/// An admin route outside the guard, or a guard without a state: a defect of ours.
fn unguarded() -> ApiError {
    tracing::error!("an admin route is mounted without its guard, its state or its right");
    ApiError::new(Code::Internal, "The failure has been recorded; quote the request id.")
}

/// How long a call waits for the database to answer at all: who looks after a node in trouble is told soon.
const PATIENCE: Duration = Duration::from_secs(2);

/// What partners are told of the inside in general words, with its name: admins look after it.
fn named(error: &ApiError) -> Option<ApiError> {
    let detail = match error.detail() {
        AWAY => {
            "The database does not answer. Try again in a moment; calls of partners that need none go on meanwhile."
        }
        FULL => "The disk under the database is full: make room, then try again.",
        _ => return None,
    };
    Some(ApiError::new(error.code(), detail).limited(Vec::new(), error.retry_after()))
}

/// Stands before every admin route: lets nobody pass who may not, and no answer be stored.
pub async fn guard(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let state = request.app_data::<State>().cloned();
    let admitted = match &state {
        Some(state) => match state.pulse.answers(&state.db, PATIENCE).await {
            Ok(()) => admit(state, &request).await,
            Err(error) => Err(error.into()),
        },
        None => Err(unguarded()),
    };
    let mut response = match admitted {
        Ok(caller) => {
            if let Some(caller) = caller {
                request.extensions_mut().insert(caller);
            }
            next.call(request).await?.map_into_boxed_body()
        }
        Err(error) => request.into_response(error.error_response()),
    };
    let named = response.response().extensions().get::<ApiError>().and_then(named);
    if let Some(error) = named {
        response = response.into_response(error.error_response());
    }
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if response.status().as_u16() == 401 {
        let realm = HeaderValue::from_static("Bearer realm=\"comptoir admin\"");
        response.headers_mut().insert(WWW_AUTHENTICATE, realm);
    }
    Ok(response)
}

/// The caller, where the operation needs one. Without an operation there is none, so that a handler which
/// is in no table finds no caller and answers nobody.
async fn admit(
    state: &AdminState,
    request: &ServiceRequest,
) -> Result<Option<AdminCaller>, ApiError> {
    // The path as the router compares it, with what was needlessly percent-encoded decoded.
    let reached = rights::reached(request.method().as_str(), request.match_info().as_str());
    if !reached.is_empty() && reached.iter().all(|(_, need)| *need == Some(Need::Nothing)) {
        return Ok(None);
    }
    let caller = authenticate(state, request).await?;
    if reached.is_empty() {
        return Ok(None);
    }
    for operation in reached {
        let judged = from_here(state, &caller, request).and_then(|()| check(&caller, operation));
        if let Err(error) = judged {
            tell_refusal(state, &caller, operation, &error).await?;
            return Err(error);
        }
    }
    Ok(Some(caller))
}

/// Whether a call is not made by the page of another site: a browser sends the cookie of a session for
/// whoever asks it to.
fn from_here(
    state: &AdminState,
    caller: &AdminCaller,
    request: &ServiceRequest,
) -> Result<(), ApiError> {
    match caller.proof {
        Proof::Session(..) if !request.method().is_safe() => {
            cookie::check_write(&state.settings, request.headers())
        }
        _ => Ok(()),
    }
}

/// Writes down that a caller was refused.
async fn tell_refusal(
    state: &AdminState,
    caller: &AdminCaller,
    (id, need): Reached,
    error: &ApiError,
) -> Result<(), ApiError> {
    let needed = match need {
        Some(Need::Right(right)) => Some(right),
        _ => None,
    };
    let (by, detail) = (caller.by(&state.clock), json!({ "needed": needed }));
    Ok(state.refused.tell(&state.db, &by, (id, error.code()), detail).await?)
}

/// Whether a caller may do what an operation does.
fn check(caller: &AdminCaller, (_, need): Reached) -> Result<(), ApiError> {
    match need.ok_or_else(unguarded)? {
        Need::Nothing | Need::SignedIn => Ok(()),
        Need::Right(_) if !caller.setup.is_empty() => {
            let steps = caller.setup.iter().map(|step| match step {
                Setup::Password => "choose a password (POST /admin/v1/me/password)",
                Setup::SecondFactor => "enrol an app for one-time codes (POST /admin/v1/me/totp)",
            });
            let steps = steps.collect::<Vec<_>>().join(", then ");
            let detail = format!("Set the account up first: {steps}.");
            Err(ApiError::new(Code::SetupRequired, detail))
        }
        Need::Right(right) if caller.roles.have(right) => Ok(()),
        Need::Right(right) => Err(lacks(caller, right)),
    }
}

fn lacks(caller: &AdminCaller, right: Right) -> ApiError {
    let detail = format!(
        "This needs the right `{right}`, which the roles {} have; yours are {}.",
        right.held_by(),
        caller.roles
    );
    ApiError::new(Code::InsufficientRole, detail)
}

/// Who makes a call: by a token, or else by the cookie of a session.
async fn authenticate(
    state: &AdminState,
    request: &ServiceRequest,
) -> Result<AdminCaller, ApiError> {
    let headers = request.headers();
    once(headers, &AUTHORIZATION)?;
    let Some(value) = headers.get(AUTHORIZATION) else {
        let Some(cookie) = SESSION.read(&state.settings, headers) else {
            let detail = "Send an admin token: `Authorization: Bearer cpt_admin_…`.";
            return Err(ApiError::new(Code::MissingKey, detail));
        };
        let with = (&*state.pepper, &state.settings);
        let now = state.clock.now();
        let (session, account) =
            sessions::authenticate(&state.db, with, cookie.reveal(), now).await?;
        return Ok(AdminCaller::in_session(state, &account, session.id));
    };
    let text = value.to_str().ok().and_then(|value| value.split_once(' '));
    let text = text.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let Some((_, text)) = text else {
        let detail = "The `Authorization` header is `Bearer`, a space and an admin token.";
        return Err(ApiError::new(Code::InvalidKey, detail));
    };
    let token =
        token::authenticate(&state.db, &state.pepper, text.trim(), state.clock.now()).await?;
    Ok(AdminCaller::with_token(state, token))
}
