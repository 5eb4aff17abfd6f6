//! Who calls the admin API: the holder of an admin token.

use super::state::{AdminState, State};
use super::token;
use crate::access::service::By;
use crate::http::{ApiError, Code};
use crate::kernel::Clock;
use crate::kernel::id::AdminTokenId;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::{
    AUTHORIZATION, CACHE_CONTROL, HeaderMap, HeaderValue, WWW_AUTHENTICATE,
};
use actix_web::middleware::Next;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, ResponseError as _};
use std::future::{Ready, ready};

/// The holder of an admin token.
#[derive(Debug, Clone)]
pub struct AdminCaller {
    /// The token.
    pub token: AdminTokenId,
    actor: String,
}

impl AdminCaller {
    fn new(token: AdminTokenId) -> Self {
        Self { token, actor: token.to_string() }
    }

    /// The id of the token.
    #[must_use]
    pub fn actor(&self) -> &str {
        &self.actor
    }

    /// The caller as the author of a change made now.
    #[must_use]
    pub fn by(&self, clock: &Clock) -> By<'_> {
        By { actor: &self.actor, now: clock.now() }
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
    tracing::error!("an admin route is mounted without its guard or state");
    ApiError::new(Code::Internal, "The failure has been recorded; quote the request id.")
}

/// Stands before every admin route: lets nobody pass without a token, and no answer be stored.
pub async fn guard(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let state = request.app_data::<State>().cloned();
    let caller = match state {
        Some(state) => authenticate(&state, request.headers()).await,
        None => Err(unguarded()),
    };
    let mut response = match caller {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.call(request).await?.map_into_boxed_body()
        }
        Err(error) => request.into_response(error.error_response()),
    };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if response.status().as_u16() == 401 {
        let realm = HeaderValue::from_static("Bearer realm=\"comptoir admin\"");
        response.headers_mut().insert(WWW_AUTHENTICATE, realm);
    }
    Ok(response)
}

async fn authenticate(state: &AdminState, headers: &HeaderMap) -> Result<AdminCaller, ApiError> {
    let Some(value) = headers.get(AUTHORIZATION) else {
        let detail = "Send an admin token: `Authorization: Bearer cpt_admin_…`.";
        return Err(ApiError::new(Code::MissingKey, detail));
    };
    let text = value.to_str().ok().and_then(|value| value.split_once(' '));
    let text = text.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let Some((_, text)) = text else {
        let detail = "The `Authorization` header is `Bearer`, a space and an admin token.";
        return Err(ApiError::new(Code::InvalidKey, detail));
    };
    let token = token::authenticate(&state.db, &state.pepper, text.trim()).await?;
    Ok(AdminCaller::new(token))
}
