//! The permission of a handler as a type: `Caller<op::GetProduct>` in a signature means that the
//! call was authenticated, authorised for that operation and taken from the limits.

use super::applied::Looks;
use super::directory::{KeyRecord, Unusable};
use super::model::StockDisclosure;
use super::operation::{Op, Operation};
use super::plan::PlanData;
use super::policy::{Admitted, CallView, Gate, Judgement, Refused};
use super::{Environment, Scope, Scopes};
use crate::http::ApiError;
use crate::kernel::id::{AppId, PartnerId};
use crate::kernel::{Clock, Micros};
use crate::limit::Decision;
use actix_web::dev::Payload;
use actix_web::http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, web};
use futures_util::future::{Either, LocalBoxFuture};
use std::borrow::Cow;
use std::future::{Ready, ready};
use std::marker::PhantomData;
use std::net::IpAddr;
use std::sync::Arc;

/// Another place for the key.
pub const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
/// What a proxy says of where a call came from.
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The caller of operation `O`, judged and admitted.
#[derive(Debug)]
pub struct Caller<O: Op> {
    key: Arc<KeyRecord>,
    scopes: Scopes,
    operation: PhantomData<O>,
}

impl<O: Op> Caller<O> {
    /// What the call may do.
    #[must_use]
    pub fn scopes(&self) -> Scopes {
        self.scopes
    }

    /// How much of a quantity in stock the caller may know.
    #[must_use]
    pub fn stock_disclosure(&self) -> StockDisclosure {
        match self.scopes.has(Scope::StockQuantity) {
            true => self.key.stock_disclosure,
            false => self.key.stock_disclosure.min(StockDisclosure::Band),
        }
    }

    /// What of the retailer's data the caller's plan includes; none where that is everything.
    #[must_use]
    pub fn data(&self) -> Option<&Arc<PlanData>> {
        self.key.granted.data.as_ref()
    }

    /// The app that calls.
    #[must_use]
    pub fn app(&self) -> AppId {
        self.key.app
    }

    /// Whose call it is: the partner and its app.
    #[must_use]
    pub fn whose(&self) -> (PartnerId, AppId) {
        (self.key.partner, self.key.app)
    }

    /// Live or test.
    #[must_use]
    pub fn environment(&self) -> Environment {
        self.key.environment
    }

    /// The key's record.
    #[must_use]
    pub fn key(&self) -> &KeyRecord {
        &self.key
    }
}

/// What the judgement left for the layer that finishes the call: found in the request's extensions, with the
/// [`crate::limit::Permit`] beside it where the call holds something of its limits.
#[derive(Debug, Clone)]
pub struct Judged {
    /// The operation called.
    pub operation: &'static Operation,
    /// The key, where the call proved to hold it, or a secret of it that does not work now.
    pub key: Option<Arc<KeyRecord>>,
    /// Why that secret does not.
    pub secret: Option<Unusable>,
    /// The limits after the call.
    pub decision: Option<Decision>,
    /// When the judgement was made.
    pub at: Micros,
}

/// The judgement of a request that was made before the router and could not be answered there: made again, it
/// would take from the limits again, and from a key in quarantine the one call of the second.
#[derive(Debug)]
pub struct Before {
    /// The operation that was judged.
    pub operation: &'static Operation,
    /// When.
    pub at: Micros,
    /// What was found.
    pub judgement: Result<Judgement, Refused>,
}

/// Whether calls can be recorded at present. What changes something is refused before it is done where
/// they cannot: it would be refused behind it.
pub struct Recordable(pub Box<dyn Fn() -> bool + Send + Sync>);

impl std::fmt::Debug for Recordable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Recordable").finish_non_exhaustive()
    }
}

/// The refusal of a call that may change something and could not be recorded.
fn unrecordable(request: &HttpRequest) -> Option<ApiError> {
    if request.method().is_safe() {
        return None;
    }
    let recordable = request.app_data::<web::Data<Recordable>>()?;
    let detail = "The call cannot be recorded now, so nothing was done. Try again in a moment.";
    (!(recordable.0)()).then(|| ApiError::new(crate::http::Code::MeteringUnavailable, detail))
}

/// The view of a request that `gate` needs, where no address is signed.
#[must_use]
pub fn view<'a>(gate: &Gate, headers: &'a HeaderMap, peer: Option<IpAddr>) -> CallView<'a> {
    CallView {
        signed: None,
        authorization: headers.get(AUTHORIZATION).map(HeaderValue::as_bytes),
        api_key: headers.get(X_API_KEY).map(HeaderValue::as_bytes),
        peer,
        forwarded_for: forwarded_for(gate, headers),
    }
}

/// Refuses a call that has a header of who makes it twice: which of the two a proxy has looked at cannot be told.
pub fn once(headers: &HeaderMap, name: &HeaderName) -> Result<(), ApiError> {
    if headers.get_all(name).nth(1).is_none() {
        return Ok(());
    }
    let name = if *name == AUTHORIZATION { "Authorization" } else { "X-API-Key" };
    let detail =
        format!("Send one `{name}` header: of several, which one is meant cannot be told.");
    Err(ApiError::new(crate::http::Code::InvalidParameter, detail))
}

/// The lines of `X-Forwarded-For` as the one list that they are (RFC 9110 §5.3). They are not even
/// looked for where there is no proxy to believe.
#[must_use]
pub fn forwarded_for<'a>(gate: &Gate, headers: &'a HeaderMap) -> Option<Cow<'a, [u8]>> {
    if !gate.has_proxies() {
        return None;
    }
    let mut lines = headers.get_all(X_FORWARDED_FOR).map(HeaderValue::as_bytes);
    let first = Cow::Borrowed(lines.next()?);
    Some(lines.fold(first, |list, line| Cow::Owned([&list, line].join(&b','))))
}

/// Who calls, and with which scopes.
type Known = (Arc<KeyRecord>, Scopes);

/// A judgement that is not there yet, and when it was begun: others have to be asked about the limits, or the database
/// about the key.
type Open = (Micros, Result<Judgement, Refused>);

/// What of the judgement of a request is there at once: the key or its refusal, or what is open.
fn judge_now(
    request: &HttpRequest,
    operation: &'static Operation,
) -> Result<Result<Known, Open>, ApiError> {
    let before = request.extensions_mut().remove::<Before>();
    let (at, judgement) = match before.filter(|before| before.operation.code == operation.code) {
        Some(Before { at, judgement, .. }) => (at, judgement),
        None => admit(request, operation)?,
    };
    match judgement {
        Ok(Judgement::Admitted(admitted)) => judged(request, operation, at, Ok(admitted)).map(Ok),
        Err(refused) if !refused.may_be_new => judged(request, operation, at, Err(refused)).map(Ok),
        open => Ok(Err((at, open))),
    }
}

/// Asks the gate about a request.
fn admit(
    request: &HttpRequest,
    operation: &'static Operation,
) -> Result<(Micros, Result<Judgement, Refused>), ApiError> {
    let (Some(gate), Some(clock)) =
        (request.app_data::<web::Data<Gate>>(), request.app_data::<web::Data<Clock>>())
    else {
        return Err(ungated());
    };
    let at = clock.now();
    let peer = request.peer_addr().map(|address| address.ip());
    let signed =
        operation.takes_signed_addresses() && request.query_string().contains("signature=");
    let view = CallView {
        signed: signed.then(|| (request.path(), request.query_string())),
        ..view(gate, request.headers(), peer)
    };
    let shown =
        [AUTHORIZATION, X_API_KEY].iter().try_for_each(|name| once(request.headers(), name));
    let judgement = match shown {
        Err(error) => Err(error.into()),
        Ok(()) => gate.admit(operation, &view, at),
    };
    Ok((at, judgement))
}

fn ungated() -> ApiError {
    tracing::error!("an operation is mounted without a gate");
    let detail = "The failure has been recorded; quote the request id.";
    ApiError::new(crate::http::Code::Internal, detail)
}

/// Looks for a key that may be new, and asks the counters that nodes share.
async fn judge_asking(
    request: HttpRequest,
    operation: &'static Operation,
    (mut at, mut judgement): Open,
) -> Result<Known, ApiError> {
    if judgement.is_err()
        && let Some(looks) = request.app_data::<web::Data<Looks>>().cloned()
    {
        looks.look().await;
        (at, judgement) = admit(&request, operation)?;
    }
    let judgement = match judgement {
        Ok(Judgement::Admitted(admitted)) => Ok(admitted),
        Ok(Judgement::Pending(pending)) => {
            let gate = request.app_data::<web::Data<Gate>>().cloned().ok_or_else(ungated)?;
            gate.ask(pending).await
        }
        Err(refused) => Err(refused),
    };
    judged(&request, operation, at, judgement)
}

/// Leaves the judgement of a request for the finishing layer.
fn judged(
    request: &HttpRequest,
    operation: &'static Operation,
    at: Micros,
    judgement: Result<Admitted, Refused>,
) -> Result<Known, ApiError> {
    let (result, key, secret, decision) = match judgement {
        Ok(admitted) => {
            let caller = (Arc::clone(&admitted.key), admitted.scopes);
            if let Some(permit) = admitted.permit {
                request.extensions_mut().insert(permit);
            }
            let result = unrecordable(request).map_or(Ok(caller), Err);
            (result, Some(admitted.key), None, Some(admitted.decision))
        }
        Err(refused) => {
            let Refused { key, secret, decision, error, .. } = refused;
            (Err(error), key, secret, decision.map(|decision| *decision))
        }
    };
    request.extensions_mut().insert(Judged { operation, key, secret, decision, at });
    result
}

/// Judges a request and leaves the result for the finishing layer.
pub async fn judge(
    request: &HttpRequest,
    operation: &'static Operation,
) -> Result<Known, ApiError> {
    match judge_now(request, operation)? {
        Ok(known) => Ok(known),
        Err(open) => judge_asking(request.clone(), operation, open).await,
    }
}

/// Judges a call that has proved by other means than a key that it is made by the app of this key, and leaves the result
/// for the finishing layer: the call is held to the limits of the key, and billed to its app.
pub async fn judge_as(
    request: &HttpRequest,
    operation: &'static Operation,
    key: &Arc<KeyRecord>,
    at: Micros,
) -> Result<(), ApiError> {
    let gate = request.app_data::<web::Data<Gate>>().cloned().ok_or_else(ungated)?;
    let judgement = match gate.admit_as(key, operation, at) {
        Ok(Judgement::Admitted(admitted)) => Ok(admitted),
        Ok(Judgement::Pending(pending)) => gate.ask(pending).await,
        Err(refused) => Err(refused),
    };
    judged(request, operation, at, judgement).map(drop)
}

impl<O: Op> FromRequest for Caller<O> {
    type Error = ApiError;
    /// There at once, but where other nodes' counters or the database have to be asked.
    type Future =
        Either<Ready<Result<Self, ApiError>>, LocalBoxFuture<'static, Result<Self, ApiError>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let caller = |(key, scopes)| Self { key, scopes, operation: PhantomData };
        match judge_now(request, O::OPERATION) {
            Ok(Err(open)) => {
                let asking = judge_asking(request.clone(), O::OPERATION, open);
                Either::Right(Box::pin(async move { asking.await.map(caller) }))
            }
            Ok(Ok(known)) => Either::Left(ready(Ok(caller(known)))),
            Err(error) => Either::Left(ready(Err(error))),
        }
    }
}
