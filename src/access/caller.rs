//! The caller of an operation.

use super::{Op, Scopes};
use crate::http::{ApiError, Code};
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};
use std::future::{Ready, ready};
use std::marker::PhantomData;

/// Proof that the caller may use the operation `O`.
#[derive(Debug)]
pub struct Caller<O: Op> {
    scopes: Scopes,
    operation: PhantomData<O>,
}

impl<O: Op> Caller<O> {
    /// What the caller's key may do.
    #[must_use]
    pub fn scopes(&self) -> Scopes {
        self.scopes
    }
}

impl<O: Op> FromRequest for Caller<O> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let scopes = request.extensions().get::<Scopes>().copied();
        ready(match (scopes, O::OPERATION.scope) {
            (None, _) => Err(ApiError::new(Code::MissingKey, "Send a key.")),
            (Some(scopes), Some(scope)) if !scopes.has(scope) => {
                Err(ApiError::new(Code::InsufficientScope, "Ask for the scope.")
                    .required_scope(scope.as_str()))
            }
            (Some(scopes), _) => Ok(Self { scopes, operation: PhantomData }),
        })
    }
}
