//! The admin listener: the admin API, and what operators look at.

use super::descriptors::Connections;
use super::readiness::Readiness;
use super::{Comptoir, finish, listen, openapi, shield};
use crate::access::Scopes;
use crate::access::applied::Reload;
use crate::admin::oidc::provider::Provider;
use crate::admin::{self, AdminState};
use crate::authz::events::rules;
use crate::cluster::Redis;
use crate::explain::api::Explainer;
use crate::feeds::levels::Writer;
use crate::http::BodyLimit;
use crate::http::answer::Cache;
use crate::http::arrival::{Patience, Rest};
use crate::http::{ApiError, Code};
use crate::kernel::Clock;
use crate::storage::{self, Pulse};
use crate::telemetry::{Gauge, Metrics};
use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{Payload, ResourceDef, Server, ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use actix_web::middleware::{Next, from_fn};
use actix_web::{
    App, Error, HttpMessage as _, HttpRequest, HttpResponse, HttpServer, ResponseError as _, web,
};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use utoipa_actix_web::AppExt as _;
use utoipa_actix_web::service_config::ServiceConfig;

/// Every documented operation of the admin API.
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    admin::configure(config);
}

/// What operators look at: not part of the API, no token needed, nothing secret in it.
#[derive(Debug)]
struct Operations {
    clock: Clock,
    readiness: Arc<Readiness>,
    metrics: Arc<Metrics>,
    redis: Option<Arc<Redis>>,
    run_id: String,
    calls: AtomicU64,
}

impl Operations {
    fn of(comptoir: &Comptoir) -> Self {
        Self {
            clock: comptoir.clock.clone(),
            readiness: Arc::clone(&comptoir.readiness),
            metrics: Arc::clone(&comptoir.metrics),
            redis: comptoir.redis.clone(),
            run_id: comptoir.book.run_id.clone(),
            calls: AtomicU64::new(0),
        }
    }
}

async fn healthz() -> &'static str {
    "ok\n"
}

async fn readyz(operations: web::Data<Operations>) -> HttpResponse {
    let report = operations.readiness.report(operations.clock.now());
    let mut response =
        if report.ready { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    response.insert_header((CACHE_CONTROL, "no-store")).json(report)
}

async fn metrics(operations: web::Data<Operations>) -> HttpResponse {
    let report = operations.readiness.report(operations.clock.now());
    operations.metrics.set_gauge(Gauge::Ready, i64::from(report.ready));
    let redis = operations.redis.as_ref().is_some_and(|redis| redis.is_up());
    operations.metrics.set_gauge(Gauge::RedisUp, i64::from(redis));
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/plain; version=0.0.4"))
        .body(operations.metrics.render())
}

/// The layer around all routes of the admin listener.
async fn finish<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    // HEAD is GET without the body, which the encoder leaves out for a request that came as HEAD.
    if *request.method() == Method::HEAD {
        request.head_mut().method = Method::GET;
    }
    let (_, body) = request.parts_mut();
    if !matches!(body, Payload::None) {
        watch(&mut request);
    }
    let is_of_the_api = request.path().starts_with(admin::PREFIX);
    let mut response = problems(request, next).await?;
    shield::guard(response.headers_mut());
    // What is told here is for who asked, and no cache's to keep.
    if is_of_the_api && !response.headers().contains_key(CACHE_CONTROL) {
        response.headers_mut().insert(CACHE_CONTROL, Cache::NoStore.header());
    }
    Ok(response)
}

/// Has the body of a request come in time.
fn watch(request: &mut ServiceRequest) {
    let Some(patience) = request.app_data::<Patience>().cloned() else { return };
    let rest = request.conn_data::<Rest>().cloned();
    let tempo = patience.watch(request.parts_mut().1, rest.as_ref());
    request.extensions_mut().insert(tempo);
}

/// Gives each error its document. `/readyz` keeps its own report.
async fn problems<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    let operations = request.app_data::<web::Data<Operations>>().cloned();
    let explainer = request.app_data::<web::Data<Explainer>>().cloned();
    let response = next.call(request).await?;
    let error = match (operations, finish::problem_of(&response)) {
        (Some(operations), Some(error)) if response.request().path() != "/readyz" => {
            Some((operations, error))
        }
        _ => None,
    };
    let Some((operations, error)) = error else {
        return Ok(response.map_body(|_, b| EitherBody::left(b)));
    };
    let error = match &explainer {
        Some(explainer) => explained(explainer, error),
        None => error,
    };
    let n = operations.calls.fetch_add(1, Ordering::Relaxed);
    let body = finish::problem_body(
        &error,
        response.request().path(),
        &format!("{}.a{n}", operations.run_id),
    );
    let mut document = error.error_response().set_body(BoxBody::new(body));
    let headers = document.headers_mut();
    headers.insert(CACHE_CONTROL, Cache::NoStore.header());
    if let Some(challenge) = response.headers().get(WWW_AUTHENTICATE) {
        headers.insert(WWW_AUTHENTICATE, challenge.clone());
    }
    if error.code() == Code::MethodNotAllowed {
        let methods = methods_at(response.request().path()).unwrap_or_default();
        headers.insert(ALLOW, HeaderValue::from_str(&methods)?);
    }
    let (request, _) = response.into_parts();
    Ok(ServiceResponse::new(request, document).map_body(|_, body| EitherBody::right(body)))
}

/// A refusal with the id that explains it; another error as it is.
fn explained(explainer: &Explainer, error: ApiError) -> ApiError {
    if !matches!(error.code().status(), 401 | 403 | 429) || error.is_explained() {
        return error;
    }
    let id = explainer.explain_to_admins(&error);
    error.refusal_id(id)
}

async fn unrouted(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    Err(match methods_at(request.path()) {
        None => ApiError::new(Code::UnknownPath, "See /docs for the paths that exist."),
        Some(methods) => {
            ApiError::new(Code::MethodNotAllowed, format!("This path takes {methods}."))
        }
    })
}

/// The methods that a path takes, for `Allow`; `None` where nothing is.
fn methods_at(path: &str) -> Option<String> {
    let page = openapi::is_page(path, &openapi::ADMIN);
    if page || ["/", "/healthz", "/readyz", "/metrics"].contains(&path) {
        return Some("GET, HEAD".to_owned());
    }
    ROUTES.iter().find(|(template, _)| template.is_match(path)).map(|(_, methods)| methods.clone())
}

/// The paths of the admin API with their methods, from its document.
static ROUTES: LazyLock<Vec<(ResourceDef, String)>> = LazyLock::new(|| {
    let paths = openapi::methods(&openapi::ADMIN);
    paths.into_iter().map(|(path, methods)| (ResourceDef::new(path), methods)).collect()
});

/// Where uploads lie, without what an earlier run left there.
fn uploads(data_dir: &Path) -> anyhow::Result<PathBuf> {
    let folder = data_dir.join("uploads");
    storage::emptied(&folder)?;
    Ok(folder)
}

/// Binds the admin listener. Beside it, the writer of levels, which ends when the listener has stopped and
/// the last stream with it.
pub(super) fn server(
    comptoir: &Comptoir,
    reload: Reload,
) -> anyhow::Result<(Server, SocketAddr, JoinHandle<()>)> {
    let listener = listen(comptoir.config.server.admin_listen, super::ADMIN_LISTEN)?;
    let address = listener.local_addr()?;
    let mirror = Arc::clone(&comptoir.mirror);
    let (levels, writing) =
        Writer::new(comptoir.db.clone(), Arc::clone(&mirror), comptoir.clock.clone());
    let writing = tokio::spawn(writing);
    let state = web::Data::new(AdminState {
        levels,
        mirror,
        db: comptoir.db.clone(),
        pulse: Pulse::default(),
        clock: comptoir.clock.clone(),
        withheld: Scopes::guarded(&comptoir.config.admin)?,
        settings: comptoir.config.admin.clone(),
        provider: Provider::new(&comptoir.config.admin)?,
        proxies: comptoir.config.server.trusted_proxies.clone(),
        pepper: Arc::clone(comptoir.keyring.pepper()),
        billing: comptoir.config.billing.clone(),
        sinks: comptoir.handoffs.sinks(),
        retailer: comptoir.config.customers.controller.name.clone(),
        event_rules: rules(&comptoir.config.hooks),
        feeds: comptoir.config.feeds.clone(),
        uploads: uploads(&comptoir.config.server.data_dir)?,
        simulations: Arc::new(Semaphore::new(1)),
        refused: Arc::clone(&comptoir.refused),
        reload,
    });
    let explainer = web::Data::from(Arc::clone(&comptoir.book.explainer));
    let operations = web::Data::new(Operations::of(comptoir));
    let patience = Patience::new(&comptoir.config.server, comptoir.waits.closing());
    let most = Connections::of(&comptoir.config.server).admin;
    let max_body = comptoir.config.server.max_body_bytes as usize;
    let server = HttpServer::new(move || {
        let (app, _) = App::new()
            .into_utoipa_app()
            .map(|app| app.wrap(from_fn(finish)))
            .app_data(state.clone())
            .app_data(operations.clone())
            .app_data(explainer.clone())
            .app_data(BodyLimit(max_body))
            .app_data(patience.clone())
            .configure(routes)
            .split_for_parts();
        app.configure(|config| openapi::serve(config, &openapi::ADMIN))
            .route("/", web::get().to(openapi::to_docs))
            .route("/healthz", web::get().to(healthz))
            .route("/readyz", web::get().to(readyz))
            .route("/metrics", web::get().to(metrics))
            .default_service(web::to(unrouted))
    });
    let server = server
        .workers(1)
        .max_connections(most as usize)
        .on_connect(|_, data| _ = data.insert(Rest::default()))
        .disable_signals()
        .shutdown_timeout(5)
        .listen(listener)?;
    Ok((server.run(), address, writing))
}
