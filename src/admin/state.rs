//! What the admin API works with, and how it answers.

use super::oidc::provider::Provider;
use super::refused::Refused;
use crate::access::applied::{Reload, applied};
use crate::access::policy::client_address;
use crate::access::{Pepper, Scopes};
use crate::billing::handoff::model::Sink;
use crate::config;
use crate::feeds::levels::Writer;
use crate::http::{ApiError, ApiResult, Code};
use crate::kernel::Clock;
use crate::mirror::Mirror;
use crate::outbound::Rules;
use crate::storage::{Db, Pulse};
use actix_web::http::header::{CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use actix_web::{HttpRequest, HttpResponse};
use ipnet::IpNet;
use serde::Serialize;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// What the admin API works with.
#[derive(Debug)]
pub struct AdminState {
    /// The database.
    pub db: Db,
    /// Whether it answers, asked before each call: at once for all that come at a time, since anybody may call.
    pub pulse: Pulse,
    /// The time.
    pub clock: Clock,
    /// What holds for people.
    pub settings: config::Admin,
    /// Scopes that it takes a second person to give.
    pub withheld: Scopes,
    /// The OpenID provider by which people come in.
    pub provider: Option<Provider>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub proxies: Vec<IpNet>,
    /// The key of all key hashes.
    pub pepper: Arc<Pepper>,
    /// Takes stock levels in.
    pub levels: Writer,
    /// What this node answers from.
    pub mirror: Arc<Mirror>,
    /// What holds for periods.
    pub billing: config::Billing,
    /// The systems that usage is handed off to.
    pub sinks: Vec<Sink>,
    /// How customers know the retailer, whom no partner's name may look like; empty where that is not said.
    pub retailer: String,
    /// Which addresses apps may be told of consents at.
    pub event_rules: Rules,
    /// What bounds feeds.
    pub feeds: config::Feeds,
    /// Where files lie while they are imported.
    pub uploads: PathBuf,
    /// The place for a simulation: a node does one at a time.
    pub simulations: Arc<Semaphore>,
    /// Who was refused what of late.
    pub refused: Arc<Refused>,
    /// Asks this node to read the control log now.
    pub reload: Reload,
}

/// The state as handlers take it.
pub type State = actix_web::web::Data<AdminState>;

impl AdminState {
    /// The address that made a call.
    #[must_use]
    pub fn client_address(&self, request: &HttpRequest) -> Option<IpAddr> {
        const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
        let lines: Vec<&[u8]> =
            request.headers().get_all(FORWARDED_FOR).map(HeaderValue::as_bytes).collect();
        let forwarded = (!lines.is_empty()).then(|| lines.join(&b','));
        let peer = request.peer_addr().map(|peer| peer.ip());
        client_address(peer, forwarded.as_deref(), &self.proxies)
    }

    /// Waits until this node has applied what was written.
    pub async fn applied(&self) {
        applied(&self.reload).await;
    }
}

pub(super) fn body(document: &impl Serialize) -> ApiResult<Vec<u8>> {
    serde_json::to_vec(document).map_err(|error| {
        tracing::error!(%error, "an answer could not be serialised");
        ApiError::new(Code::Internal, "The failure has been recorded; quote the request id.")
    })
}

/// 200 with a document.
pub fn done(document: &impl Serialize) -> ApiResult<HttpResponse> {
    let json = crate::http::answer::JSON;
    Ok(HttpResponse::Ok().insert_header((CONTENT_TYPE, json)).body(body(document)?))
}

/// 202 with a document: what was asked for is yet to be done.
pub fn accepted(document: &impl Serialize) -> ApiResult<HttpResponse> {
    let json = crate::http::answer::JSON;
    Ok(HttpResponse::Accepted().insert_header((CONTENT_TYPE, json)).body(body(document)?))
}

/// 201 with a document and the place where it can be found.
pub fn created(place: &str, document: &impl Serialize) -> ApiResult<HttpResponse> {
    let json = crate::http::answer::JSON;
    let mut response = HttpResponse::Created();
    response.insert_header((LOCATION, format!("{}/{place}", super::PREFIX)));
    Ok(response.insert_header((CONTENT_TYPE, json)).body(body(document)?))
}
