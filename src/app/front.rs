//! The shortest way for the hottest read: `GET /v1/products/{product_id}` answered before the
//! router, from stored bytes. Whatever is not a plain success goes the ordinary way, so that there
//! is one place that knows errors. What was judged here goes along and is not judged again.

use super::connection::Line;
use super::finish::{Answered, EVENT_ID, Finisher};
use super::metered::Metered;
use super::readiness::Readiness;
use super::request_cost::COST;
use crate::access::caller::{self, Before};
use crate::access::operation::{Op as _, op};
use crate::access::policy::{Admitted, CallView, Gate, Judgement, Refused};
use crate::catalog::view::{CatalogView, Lookup};
use crate::http::answer::{self, Cache, JSON, VARIES};
use crate::http::arrival::{CameAsHead, Patience};
use crate::http::{encoding, linked};
use crate::kernel::Micros;
use crate::kernel::id::ProductId;
use actix_http::body::MessageBody;
use actix_http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, VARY};
use actix_http::{
    ConnectionType, HttpMessage as _, Method, Payload, Request, Response, StatusCode,
};
use actix_service::{Service, ServiceFactory};
use actix_web::dev::ServiceResponse;
use bytes::Bytes;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// What the fast way needs.
#[derive(Debug)]
pub(super) struct FastPath {
    /// Judges the call.
    pub(super) gate: actix_web::web::Data<Gate>,
    /// Knows the products.
    pub(super) catalog: Arc<CatalogView>,
    /// Records the call.
    pub(super) finisher: Rc<Finisher>,
    /// Whether calls of browser apps need headers that only the application gives.
    pub(super) with_cors: bool,
    /// How long bodies are waited for.
    pub(super) patience: Patience,
    /// Knows when the program stops: then each answer says that it is the last one on its connection.
    pub(super) readiness: Arc<Readiness>,
}

impl FastPath {
    /// The answer, if this is a call that can be answered here and now.
    fn answer(&self, request: &Request) -> Option<Response<Metered<Bytes>>> {
        let head = request.head();
        // Here nothing can wait for the disk.
        if head.method != Method::GET
            || head.uri.query().is_some()
            || self.finisher.waits_for_disk()
        {
            return None;
        }
        let id = head.uri.path().strip_prefix("/v1/products/")?.parse::<ProductId>().ok()?;
        let Lookup::Found { body, etag } = self.catalog.product(id) else { return None };
        let asked = Asked::read(&head.headers);
        if asked.shows_two
            || (asked.has_origin && self.with_cors)
            || asked.may_want_linked
            || asked.names_languages
            // May be sent compressed, which the application does.
            || (asked.takes_codings && body.len() > encoding::LEAST)
        {
            return None;
        }
        let at = self.finisher.now();
        let operation = op::GetProduct::OPERATION;
        let call = CallView {
            authorization: asked.authorization,
            api_key: asked.api_key,
            peer: request.peer_addr().map(|address| address.ip()),
            forwarded_for: caller::forwarded_for(&self.gate, &head.headers),
            signed: None,
        };
        match self.gate.admit(operation, &call, at) {
            Ok(Judgement::Admitted(admitted)) if admitted.key.granted.data.is_none() => {
                let fresh = asked.if_none_match.is_some_and(|tags| answer::matches(tags, etag));
                self.send(request, (body, etag, fresh), (admitted, at))
            }
            // Who has to ask others waits on the ordinary way, and what a plan leaves out is looked at there.
            judgement => pass_on(request, (judgement, at)),
        }
    }

    /// The answer to a call that is admitted, `fresh` where its caller has the product already.
    fn send(
        &self,
        request: &Request,
        (body, etag, fresh): (Bytes, u64, bool),
        (mut admitted, at): (Admitted, Micros),
    ) -> Option<Response<Metered<Bytes>>> {
        let operation = op::GetProduct::OPERATION;
        let (status, body) =
            if fresh { (StatusCode::NOT_MODIFIED, Bytes::new()) } else { (StatusCode::OK, body) };
        let call = Answered {
            operation,
            key: &admitted.key,
            at,
            status: status.as_u16(),
            code: None,
            head: false,
            bytes: body.len() as u64,
            records: u32::from(!fresh),
            share: None,
            is_replay: false,
        };
        let Ok(recorded) = self.finisher.record(&call) else {
            // The journal is full: the ordinary way says so.
            return pass_on(request, (Ok(Judgement::Admitted(admitted)), at));
        };
        if let Some(permit) = &mut admitted.permit {
            permit.will_cost(recorded.cost_milli);
        }
        let body = Metered::new(body, recorded.receipt, admitted.permit);
        let mut response = Response::with_body(status, body);
        let headers = response.headers_mut();
        if !fresh {
            headers.append(CONTENT_TYPE, JSON);
        }
        headers.append(ETAG, answer::etag_header(etag));
        headers.append(CACHE_CONTROL, Cache::Short.header());
        headers.append(VARY, VARIES);
        if let Some(id) = recorded.id.header() {
            headers.append(EVENT_ID, id);
        }
        headers.append(COST, recorded.cost);
        self.finisher.write_limits(headers, &admitted.key, &admitted.decision);
        Some(response)
    }
}

/// Leaves what was judged for the ordinary way.
fn pass_on<T>(
    request: &Request,
    (judgement, at): (Result<Judgement, Refused>, Micros),
) -> Option<T> {
    let operation = op::GetProduct::OPERATION;
    request.extensions_mut().insert(Before { operation, at, judgement });
    None
}

/// What the headers of a request ask for, read in one walk: there are few, and each look-up by name
/// costs more than passing by them all.
#[derive(Debug, Default)]
struct Asked<'a> {
    authorization: Option<&'a [u8]>,
    api_key: Option<&'a [u8]>,
    shows_two: bool,
    if_none_match: Option<&'a [u8]>,
    takes_codings: bool,
    may_want_linked: bool,
    names_languages: bool,
    has_origin: bool,
}

impl<'a> Asked<'a> {
    fn read(headers: &'a HeaderMap) -> Self {
        let mut asked = Self::default();
        for (name, value) in headers {
            let value = value.as_bytes();
            match name.as_str() {
                "authorization" => asked.shows_two |= asked.authorization.replace(value).is_some(),
                "x-api-key" => asked.shows_two |= asked.api_key.replace(value).is_some(),
                "if-none-match" => _ = asked.if_none_match.get_or_insert(value),
                "accept-encoding" => asked.takes_codings = true,
                "accept" => asked.may_want_linked |= linked::may_be_asked_for(value),
                "accept-language" => asked.names_languages |= value != b"*",
                "origin" => asked.has_origin = true,
                _ => {}
            }
        }
        asked
    }
}

/// Makes a [`Front`] around the application for each worker.
#[derive(Debug)]
pub(super) struct FrontFactory<F> {
    /// The application.
    pub(super) app: F,
    /// The worker's fast path.
    pub(super) fast: Rc<FastPath>,
}

/// The application with the fast path before it.
#[derive(Debug)]
pub(super) struct Front<S> {
    app: S,
    fast: Rc<FastPath>,
}

impl<F, B> ServiceFactory<Request> for FrontFactory<F>
where
    F: ServiceFactory<Request, Config = (), Response = ServiceResponse<B>, InitError = ()>,
    F::Error: Into<Response<actix_http::body::BoxBody>>,
    F::Future: 'static,
    B: MessageBody,
{
    type Response = Response<FrontBody<B>>;
    type Error = F::Error;
    type Config = ();
    type Service = Front<F::Service>;
    type InitError = ();
    type Future = Pin<Box<dyn Future<Output = Result<Self::Service, ()>>>>;

    fn new_service(&self, (): ()) -> Self::Future {
        let (app, fast) = (self.app.new_service(()), Rc::clone(&self.fast));
        Box::pin(async move { Ok(Front { app: app.await?, fast }) })
    }
}

impl<S, B> Service<Request> for Front<S>
where
    S: Service<Request, Response = ServiceResponse<B>>,
    B: MessageBody,
{
    type Response = Response<FrontBody<B>>;
    type Error = S::Error;
    type Future = FrontFuture<S::Future>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.app.poll_ready(cx)
    }

    fn call(&self, mut request: Request) -> Self::Future {
        let has_body = !matches!(request.payload(), Payload::None);
        let rest = Line::begins(&request);
        if has_body {
            let rest = rest.cloned();
            let tempo = self.fast.patience.watch(request.payload(), rest.as_ref());
            request.extensions_mut().insert(tempo);
        } else if let Some(mut response) = self.fast.answer(&request) {
            end_where_stopping(&self.fast.readiness, &mut response);
            return FrontFuture::Answered { response: Some(response) };
        }
        // HEAD is GET without the body, which the encoder leaves out for a request that came as HEAD.
        if *request.method() == Method::HEAD {
            request.head_mut().method = Method::GET;
            request.extensions_mut().insert(CameAsHead);
        }
        FrontFuture::App { call: self.app.call(request), fast: Rc::clone(&self.fast) }
    }
}

/// Says that a connection ends with this answer where the program stops, so that a client that keeps connections
/// goes elsewhere and loses no call.
fn end_where_stopping<B>(readiness: &Readiness, response: &mut Response<B>) {
    if readiness.is_stopping() {
        response.head_mut().set_connection_type(ConnectionType::Close);
    }
}

pin_project_lite::pin_project! {
    /// An answer that is there already, or the application at work.
    #[project = FrontFutureProj]
    #[derive(Debug)]
    pub(super) enum FrontFuture<F> {
        /// Answered on the fast path.
        Answered {
            response: Option<Response<Metered<Bytes>>>,
        },
        /// On its way through the application.
        App {
            #[pin]
            call: F,
            fast: Rc<FastPath>,
        },
    }
}

impl<F, B, E> Future for FrontFuture<F>
where
    F: Future<Output = Result<ServiceResponse<B>, E>>,
{
    type Output = Result<Response<FrontBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            FrontFutureProj::Answered { response } => match response.take() {
                Some(response) => {
                    Poll::Ready(Ok(response.map_body(|_, body| FrontBody::Fast { body })))
                }
                None => Poll::Pending,
            },
            FrontFutureProj::App { call, fast } => {
                let response = ready!(call.poll(cx))?;
                let mut response: Response<B> = response.into();
                end_where_stopping(&fast.readiness, &mut response);
                Poll::Ready(Ok(response.map_body(|_, body| FrontBody::App { body })))
            }
        }
    }
}

pin_project_lite::pin_project! {
    /// A body of either way.
    #[project = FrontBodyProj]
    #[derive(Debug)]
    pub(super) enum FrontBody<B> {
        /// Stored bytes.
        Fast {
            #[pin]
            body: Metered<Bytes>,
        },
        /// The application's body.
        App {
            #[pin]
            body: B,
        },
    }
}

impl<B: MessageBody> MessageBody for FrontBody<B> {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> actix_http::body::BodySize {
        match self {
            Self::Fast { body } => body.size(),
            Self::App { body } => body.size(),
        }
    }

    fn poll_next(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        match self.project() {
            FrontBodyProj::Fast { body } => body.poll_next(cx).map_err(Into::into),
            FrontBodyProj::App { body } => body.poll_next(cx).map_err(Into::into),
        }
    }
}
