//! A request as it came: who asks, and with which key.

use super::answered::ProtocolFailed;
use super::registered::secret_hash;
use super::state::AuthzState;
use crate::access::oauth::error::{OAuthCode, OAuthError};
use crate::access::oauth::form::Parameters;
use crate::access::policy::Gate;
use crate::access::throttle::{Throttle, asker};
use crate::authz::authenticate::{ClientShown, ProvedClient, authenticate};
use crate::authz::clients::Registered;
use crate::authz::dpop::{self, ProofFor, ProvedKey};
use crate::authz::htu::Htu;
use crate::http::{ApiError, Code};
use crate::kernel::Micros;
use actix_web::HttpRequest;
use actix_web::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use std::hash::Hash;

/// Where a proof of a key is (RFC 9449 §4.1).
pub const DPOP: HeaderName = HeaderName::from_static("dpop");
/// The media type of forms.
const FORM: &str = "application/x-www-form-urlencoded";

/// All values of a header.
#[must_use]
pub fn values<'r>(request: &'r HttpRequest, name: &HeaderName) -> Vec<&'r [u8]> {
    request.headers().get_all(name).map(HeaderValue::as_bytes).collect()
}

/// Whether the body is a form.
#[must_use]
pub fn is_form(request: &HttpRequest) -> bool {
    let text = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = text.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case(FORM)
}

/// The parameters of a POST, and what its client shows.
#[derive(Debug)]
pub struct Arrived {
    /// The parameters.
    pub form: Parameters,
    /// What the client shows.
    pub shown: ClientShown,
}

impl Arrived {
    /// Reads a request.
    pub fn read(request: &HttpRequest, body: &[u8]) -> Result<Self, OAuthError> {
        if !is_form(request) {
            let why = "the body must be a form: Content-Type: application/x-www-form-urlencoded";
            return Err(OAuthError::new(OAuthCode::InvalidRequest, why));
        }
        let form = Parameters::posted(request.query_string(), body)?;
        let shown = ClientShown::read(&form, &values(request, &AUTHORIZATION))?;
        Ok(Self { form, shown })
    }
}

/// Lets pass who has not asked too often.
fn admit<K: Eq + Hash>(throttle: &Throttle<K>, who: K, now: Micros) -> Result<(), ApiError> {
    let Err(wait_s) = throttle.take(who, now) else { return Ok(()) };
    let detail = format!("This is asked for too often. Wait {wait_s} s.");
    let error = ApiError::new(Code::OperationLimited, detail);
    Err(error.limited(vec!["authorization".to_owned()], Some(wait_s)))
}

impl AuthzState {
    /// Lets pass who has not asked too often from one address.
    pub(super) fn admit_address(
        &self,
        request: &HttpRequest,
        gate: &Gate,
        now: Micros,
    ) -> Result<(), ApiError> {
        admit(&self.by_address, asker(gate.client_of(request)), now)
    }

    /// The client, if it proves to be the one that is registered.
    pub(super) async fn prove_client<'a>(
        &self,
        shown: &ClientShown,
        registered: Option<&'a Registered>,
        now: Micros,
    ) -> Result<ProvedClient<'a>, ProtocolFailed> {
        let hash = |secret: &str| secret_hash(&self.pepper, secret);
        let registered = registered.map(Registered::as_registered);
        let proved = authenticate(shown, registered, (self.issuer(), hash), now)?;
        let proved = self.replays.spend(proved, now).await?;
        admit(&self.by_client, proved.record().id.clone(), now)?;
        Ok(proved)
    }

    /// The key that a request to the authorization server proves; none where it shows none.
    pub(super) async fn prove_key(
        &self,
        request: &HttpRequest,
        now: Micros,
    ) -> Result<Option<ProvedKey>, ProtocolFailed> {
        let headers = values(request, &DPOP);
        let Some(proof) = dpop::only(&headers)? else { return Ok(None) };
        let address = self.address_of(request)?;
        let made_for = ProofFor {
            method: request.method().as_str(),
            address: &address,
            access_token: None,
            nonces: &self.nonces,
            needs_nonce: self.needs_nonce,
        };
        let proved = dpop::check(proof, &made_for, now)?;
        self.replays.spend(proved, now).await.map(Some)
    }

    /// The address of a request as clients see it.
    pub(super) fn address_of(&self, request: &HttpRequest) -> Result<Htu, OAuthError> {
        Htu::of(self.issuer(), request.path()).ok_or_else(|| OAuthCode::InvalidRequest.into())
    }
}
