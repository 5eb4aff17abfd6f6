//! Pushed authorization requests (RFC 9126): kept for some minutes, and given out for a reference.

use super::handles::{Handle, RequestUri};
use super::once::Untaken;
use super::request::AuthorizationRequest;
use crate::access::oauth::error::{OAuthCode, OAuthError};
use crate::kernel::Micros;
use serde::Serialize;

/// The status of the answer to a request that is kept.
pub const CREATED: u16 = 201;

/// What is stored of a pushed request.
#[derive(Debug, Clone, PartialEq)]
pub struct PushedRequest {
    /// The request.
    pub request: AuthorizationRequest,
    /// When it is kept no more.
    pub expires_at: Micros,
    /// Whether the customer has decided about it. Opening the page does not use it up: programs that show links in
    /// advance do that, too (FAPI 2.0 Security Profile §5.3.2.2, note 3).
    pub decided: bool,
}

impl PushedRequest {
    /// The request, for a customer who comes from that client. One of another client, one that is over and one that was
    /// never there are told alike, and to the customer only.
    pub fn of(&self, client_id: &str, now: Micros) -> Result<&AuthorizationRequest, OAuthError> {
        let is_open = self.request.client_id == client_id && !self.decided && now < self.expires_at;
        is_open.then_some(&self.request).ok_or_else(unknown)
    }

    /// The same once the customer has decided: it is had by taking it, so that of two answers one counts.
    pub fn decide(
        self,
        client_id: &str,
        now: Micros,
    ) -> Result<Untaken<AuthorizationRequest, OAuthError>, OAuthError> {
        self.of(client_id, now)?;
        Ok(Untaken::new(self.request, unknown()))
    }
}

/// The answer where a reference stands for nothing.
#[must_use]
pub fn unknown() -> OAuthError {
    let why = "request_uri is not known or over: begin again at the partner";
    OAuthError::new(OAuthCode::InvalidRequest, why)
}

/// The answer to the client. `Debug` does not show the reference.
#[derive(Serialize)]
pub struct PushedAnswer<'a> {
    request_uri: &'a str,
    expires_in: u16,
}

impl<'a> PushedAnswer<'a> {
    /// The answer with a reference that works for so many seconds.
    #[must_use]
    pub fn new(reference: &'a Handle<RequestUri>, life_s: u16) -> Self {
        Self { request_uri: reference.text().reveal(), expires_in: life_s }
    }
}

impl std::fmt::Debug for PushedAnswer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PushedAnswer").field("expires_in", &self.expires_in).finish_non_exhaustive()
    }
}
