//! The admin listener: the admin API, and what operators look at.

use super::readiness::Readiness;
use super::tasks::Reload;
use super::{Comptoir, finish, listen, openapi};
use crate::admin::{self, AdminState};
use crate::http::BodyLimit;
use crate::kernel::Clock;
use crate::telemetry::{Gauge, Metrics};
use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{Server, ServiceRequest, ServiceResponse};
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use actix_web::middleware::{Next, from_fn};
use actix_web::{App, Error, HttpResponse, HttpServer, ResponseError as _, web};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
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
    run_id: String,
    calls: AtomicU64,
}

#[expect(clippy::unused_async, reason = "a handler is async")]
async fn healthz() -> &'static str {
    "ok\n"
}

#[expect(clippy::unused_async, reason = "a handler is async")]
async fn readyz(operations: web::Data<Operations>) -> HttpResponse {
    let report = operations.readiness.report(operations.clock.now());
    let mut response =
        if report.ready { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    response.insert_header((CACHE_CONTROL, "no-store")).json(report)
}

#[expect(clippy::unused_async, reason = "a handler is async")]
async fn metrics(operations: web::Data<Operations>) -> HttpResponse {
    let report = operations.readiness.report(operations.clock.now());
    operations.metrics.set_gauge(Gauge::Ready, i64::from(report.ready));
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/plain; version=0.0.4"))
        .body(operations.metrics.render())
}

/// Gives each error its document. `/readyz` keeps its own report.
async fn problems<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    let operations = request.app_data::<web::Data<Operations>>().cloned();
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
    let n = operations.calls.fetch_add(1, Ordering::Relaxed);
    let body = finish::problem_body(
        &error,
        response.request().path(),
        &format!("{}.a{n}", operations.run_id),
    );
    let mut document = error.error_response().set_body(BoxBody::new(body));
    document.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let (request, _) = response.into_parts();
    Ok(ServiceResponse::new(request, document).map_body(|_, body| EitherBody::right(body)))
}

#[expect(clippy::unused_async, reason = "a handler is async")]
async fn unrouted() -> HttpResponse {
    HttpResponse::NotFound().finish()
}

/// Binds the admin listener.
pub(super) fn server(comptoir: &Comptoir, reload: Reload) -> anyhow::Result<(Server, SocketAddr)> {
    let listener = listen(comptoir.config.server.admin_listen)?;
    let address = listener.local_addr()?;
    let state = web::Data::new(AdminState {
        db: comptoir.db.clone(),
        clock: comptoir.clock.clone(),
        pepper: Arc::clone(comptoir.keyring.pepper()),
        reload,
    });
    let operations = web::Data::new(Operations {
        clock: comptoir.clock.clone(),
        readiness: Arc::clone(&comptoir.readiness),
        metrics: Arc::clone(&comptoir.metrics),
        run_id: comptoir.book.run_id.clone(),
        calls: AtomicU64::new(0),
    });
    let max_body = comptoir.config.server.max_body_bytes as usize;
    let server = HttpServer::new(move || {
        let (app, _) = App::new()
            .into_utoipa_app()
            .map(|app| app.wrap(from_fn(problems)))
            .app_data(state.clone())
            .app_data(operations.clone())
            .app_data(BodyLimit(max_body))
            .configure(routes)
            .split_for_parts();
        app.configure(|config| openapi::serve(config, &openapi::ADMIN))
            .route("/healthz", web::get().to(healthz))
            .route("/readyz", web::get().to(readyz))
            .route("/metrics", web::get().to(metrics))
            .default_service(web::to(unrouted))
    });
    let server = server.workers(1).disable_signals().shutdown_timeout(5).listen(listener)?;
    Ok((server.run(), address))
}
