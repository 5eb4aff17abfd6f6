//! The public listener: every route that partners can call, and the layers around them.

use super::connection::{Connection, Lines};
use super::crowd::Crowd;
use super::descriptors::Connections;
use super::finish::{EVENT_ID, Finisher, finish};
use super::front::{FastPath, FrontFactory};
use super::{Comptoir, evidence, listen, openapi, portal, rate_limit, request_cost};
use crate::access::applications::Registration;
use crate::access::applied::{Looks, Reload};
use crate::access::caller::{Recordable, X_API_KEY};
use crate::access::leaks::{self, Leaks};
use crate::access::oauth::OAuth;
use crate::access::operation::{self, Op as _, op};
use crate::access::{applications, caller, deprecation};
use crate::authz::grant::ENDED_PATH;
use crate::config::{self, Config, Origin, Telemetry};
use crate::customers::http::CustomerApi;
use crate::customers::source::CustomerSource;
use crate::http::arrival::Patience;
use crate::http::body::IDEMPOTENCY_KEY;
use crate::http::language::OwnLanguage;
use crate::http::{ApiError, BodyLimit, Code, Turns, linked};
use crate::idempotency::{self, Once};
use crate::mirror::Mirror;
use crate::portal::Portal;
use crate::telemetry::AccessLog;
use crate::{
    alerts, authz, billing, browse, catalog, changes, customers, demo, explain, exports, feeds,
    hooks, metering, stock,
};
use actix_cors::Cors;
use actix_http::HttpService;
use actix_server::{Server, ServerBuilder};
use actix_service::{IntoServiceFactory as _, ServiceFactoryExt as _, fn_service, map_config};
use actix_web::dev::{AppConfig, ResourceDef};
use actix_web::http::header::{self, HeaderName};
use actix_web::middleware::{Condition, from_fn};
use actix_web::{App, HttpRequest, HttpResponse, get, web};
use anyhow::Context as _;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use utoipa_actix_web::AppExt as _;
use utoipa_actix_web::service_config::ServiceConfig;

/// Every documented operation of the partner API.
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    browse::configure(config);
    catalog::api::configure(config);
    stock::api::configure(config);
    changes::api::configure(config);
    exports::api::configure(config);
    hooks::api::configure(config);
    feeds::out::api::configure(config);
    metering::api::configure(config);
    metering::billability::api::configure(config);
    explain::api::configure(config);
    alerts::api::configure(config);
    billing::api::configure(config);
    authz::http::routes(config);
    leaks::api::configure(config);
    authz::events::api::configure(config);
    evidence::configure(config);
    billing::keys::api::configure(config);
    customers::http::configure(config);
    config.service(get_linked_data_context);
}

/// Every documented operation of registration.
pub(super) fn registration_routes(config: &mut ServiceConfig<'_>) {
    applications::api::configure(config);
}

/// Whether there are the demo's pictures and pages for who applies, and the pages for customers where there are any.
type ShownBeside = (bool, bool, Option<web::Data<Portal>>);

fn shown(comptoir: &Comptoir) -> ShownBeside {
    let of_customers = comptoir.portal.clone().map(web::Data::from);
    (comptoir.demo, comptoir.registration.is_some(), of_customers)
}

/// What is served beside the documented operations: the documents themselves, their reader, pages for people,
/// paths that no document can describe, and the demo's pictures.
fn pages(
    config: &mut web::ServiceConfig,
    (with_demo, with_registration, of_customers): &ShownBeside,
    from: &Config,
) {
    portal::mount(config, of_customers.as_ref());
    settings(config, from);
    // Before the reader, which has all that is below its own path.
    config.route(ENDED_PATH, web::get().to(authz::http::consent_ended));
    openapi::serve(config, &openapi::PARTNER);
    config.route("/", web::get().to(openapi::to_docs));
    browse::digital_link::configure_qualified(config);
    if *with_registration {
        openapi::serve_document(config, &openapi::REGISTRATION);
        applications::pages::configure(config);
    }
    if *with_demo {
        config.route("/demo/images/{file}", web::get().to(demo_image));
        config.route("/demo/p/{sku}", web::get().to(demo_page));
    }
}

/// The context of JSON-LD
///
/// What the words of `application/ld+json` mean, in those of schema.org and of the GS1 Web Vocabulary. Its terms are
/// added to, never changed.
#[utoipa::path(
    operation_id = "get_linked_data_context", tag = "links",
    responses((status = 200, description = "The context.", body = Object, content_type = "application/ld+json")),
    security(()),
)]
#[get("/contexts/v1.jsonld")]
async fn get_linked_data_context() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, linked::MEDIA_TYPE))
        .insert_header((header::CACHE_CONTROL, "public, max-age=86400"))
        .body(linked::CONTEXT)
}

/// What handlers need of the settings.
fn settings(app: &mut web::ServiceConfig, config: &Config) {
    app.app_data(BodyLimit(config.server.max_body_bytes as usize))
        .app_data(web::Data::new(config.catalog.in_store_codes.clone()))
        .app_data(web::Data::new(OwnLanguage(config.catalog.language.clone())))
        .app_data(web::Data::new(browse::digital_link::Base(config.server.public_url.clone())));
}

async fn demo_image(file: web::Path<String>) -> Result<HttpResponse, ApiError> {
    let sku = file.strip_suffix(".svg").map(str::to_owned);
    let image = web::block(move || sku.and_then(|sku| demo::image_svg(&sku))).await;
    let missing = || ApiError::new(Code::NotFound, "There is no picture of that product.");
    let image = image.ok().flatten().ok_or_else(missing)?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "image/svg+xml"))
        .insert_header((header::CACHE_CONTROL, "public, max-age=86400"))
        .body(image))
}

async fn demo_page(sku: web::Path<String>) -> Result<HttpResponse, ApiError> {
    let page = web::block(move || demo::product_page(&sku)).await.ok().flatten();
    let page = page.ok_or_else(|| ApiError::new(Code::NotFound, "There is no such product."))?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
        .body(page))
}

/// The methods that a path takes, for `Allow`; `None` where nothing is.
pub(super) fn methods_at(path: &str) -> Option<String> {
    let page = openapi::is_page(path, &openapi::PARTNER)
        || path == "/"
        || path == linked::CONTEXT_PATH
        || browse::digital_link::is_path(path)
        || path.starts_with("/demo/images/")
        || path.starts_with("/demo/p/");
    let open = match path {
        leaks::api::PATH => Some("POST"),
        billing::keys::api::PATH | metering::billability::api::PATH => Some("GET, HEAD"),
        evidence::PATH => Some("GET, HEAD"),
        _ if page => Some("GET, HEAD"),
        _ => authz::http::methods_at(path),
    };
    operation::methods_at(path).or_else(|| open.map(str::to_owned))
}

/// The same of registration, where anybody may apply.
pub(super) fn registration_methods(path: &str) -> Option<String> {
    static ROUTES: LazyLock<Vec<(ResourceDef, String)>> = LazyLock::new(|| {
        let paths = openapi::methods(&openapi::REGISTRATION);
        paths.into_iter().map(|(path, methods)| (ResourceDef::new(path), methods)).collect()
    });
    if applications::pages::is_path(path) {
        return Some("GET, HEAD, POST".to_owned());
    }
    let found = ROUTES.iter().find(|(template, _)| template.is_match(path));
    found.map(|(_, methods)| methods.clone())
}

/// A path that is not there. A call that brings a key is judged and recorded all the same, so that
/// looking for paths is not free of limits.
async fn unrouted(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let headers = request.headers();
    if headers.contains_key(header::AUTHORIZATION) || headers.contains_key(X_API_KEY) {
        caller::judge(&request, op::Unrouted::OPERATION).await?;
    }
    let open = request.app_data::<web::Data<Registration>>().is_some();
    let methods = methods_at(request.path());
    let methods = methods.or_else(|| registration_methods(request.path()).filter(|_| open));
    let has_pages = request.app_data::<web::Data<Portal>>().is_some();
    let of_pages = || crate::portal::methods_at(request.path()).filter(|_| has_pages);
    let methods = methods.or_else(of_pages);
    Err(match methods {
        None => ApiError::new(Code::UnknownPath, "See /docs for the paths that exist."),
        Some(methods) => {
            ApiError::new(Code::MethodNotAllowed, format!("This path takes {methods}."))
        }
    })
}

/// Browser apps may call from the configured origins; the limits and the call's id are theirs to see.
fn cors(origins: &[Origin]) -> Cors {
    let cors = Cors::default()
        .allowed_methods(["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"])
        .allowed_headers([header::AUTHORIZATION, header::ACCEPT, header::ACCEPT_LANGUAGE])
        .allowed_headers([header::IF_NONE_MATCH, header::RANGE, header::IF_RANGE])
        .allowed_headers([header::CONTENT_TYPE, header::IF_MATCH])
        .allowed_header("dpop")
        .allowed_headers([X_API_KEY, IDEMPOTENCY_KEY])
        .expose_headers([
            EVENT_ID,
            request_cost::COST,
            rate_limit::POLICY,
            rate_limit::LEFT,
            rate_limit::DEGRADED,
            rate_limit::X_LIMIT,
            rate_limit::X_REMAINING,
            rate_limit::X_RESET,
            deprecation::DEPRECATION,
            deprecation::SUNSET,
            header::ETAG,
            header::LINK,
            header::RETRY_AFTER,
            header::LOCATION,
            header::WWW_AUTHENTICATE,
            HeaderName::from_static("dpop-nonce"),
            changes::api::NEXT_POSITION,
            header::CONTENT_RANGE,
            header::ACCEPT_RANGES,
            idempotency::REPLAYED,
        ])
        .block_on_origin_mismatch(false)
        .max_age(600);
    let origins = origins.to_vec();
    cors.allowed_origin_fn(move |origin, _| {
        origin.to_str().is_ok_and(|origin| origins.iter().any(|allowed| allowed.admits(origin)))
    })
}

/// The longest that a write takes by the clocks of any two nodes, in microseconds: a test of a receiver waits for that, and
/// a minute is more than anything else needs.
fn longest_write(config: &Config) -> i64 {
    let apart = config.access.max_clock_skew * 2;
    let longest = config.hooks.timeout + apart + Duration::from_secs(60);
    i64::try_from(longest.as_micros()).unwrap_or(i64::MAX)
}

/// What the operations work with that are answered from the database or from files.
fn states(
    comptoir: &Comptoir,
    reload: &Reload,
) -> anyhow::Result<impl Fn(&mut ServiceConfig<'_>) + Clone + Send + 'static> {
    let (db, clock) = (comptoir.db.clone(), comptoir.clock.clone());
    let (settings, metrics) = (&comptoir.config, &comptoir.metrics);
    let issuer = &settings.server.public_url;
    let explain = Arc::clone(&comptoir.book.explainer);
    let oauth = OAuth::new(&settings.oauth, db.clone(), issuer, Arc::clone(metrics), explain);
    let oauth = web::Data::new(oauth);
    let leaks = web::Data::new(Leaks::new(&settings.leaks, db.clone(), (metrics, reload))?);
    let keyring = Arc::clone(&comptoir.keyring);
    let published = billing::keys::api::Published::new(db.clone(), clock.clone());
    let published = web::Data::new(published);
    let usage = web::Data::new(metering::api::UsageState {
        db: db.clone(),
        clock,
        keyring,
        issuer: settings.billing.issuer.clone(),
        grace: i64::try_from(settings.billing.grace.as_micros()).unwrap_or(i64::MAX),
    });
    let db = web::Data::new(db);
    let journal = comptoir.book.journal.clone();
    let recordable = move || journal.as_ref().is_none_or(|journal| !journal.is_full());
    let recordable = web::Data::new(Recordable(Box::new(recordable)));
    let exports = web::Data::from(Arc::clone(&comptoir.exports));
    let explainer = web::Data::from(Arc::clone(&comptoir.book.explainer));
    let hooks = web::Data::from(Arc::clone(&comptoir.hooks));
    let pepper = comptoir.keyring.pepper();
    let once = Once::new((&comptoir.db, &comptoir.clock), pepper, longest_write(settings));
    let once = web::Data::new(once);
    let feeds = web::Data::from(Arc::clone(&comptoir.feeds));
    let waits = web::Data::from(Arc::clone(&comptoir.waits));
    let turns = web::Data::new(Turns::default());
    let looks = web::Data::new(Looks::new(reload.clone()));
    let registration = comptoir.registration.clone().map(web::Data::from);
    let about_customers = about_customers(comptoir)?;
    Ok(move |config: &mut ServiceConfig<'_>| {
        about_customers(config);
        if let Some(registration) = &registration {
            config.app_data(registration.clone());
            registration_routes(config);
        }
        config
            .app_data(oauth.clone())
            .app_data(leaks.clone())
            .app_data(usage.clone())
            .app_data(published.clone())
            .app_data(db.clone())
            .app_data(recordable.clone())
            .app_data(explainer.clone())
            .app_data(exports.clone())
            .app_data(hooks.clone())
            .app_data(once.clone())
            .app_data(feeds.clone())
            .app_data(waits.clone())
            .app_data(turns.clone())
            .app_data(looks.clone());
    })
}

/// What the operations about customers and their consents work with.
fn about_customers(
    comptoir: &Comptoir,
) -> anyhow::Result<impl Fn(&mut ServiceConfig<'_>) + Clone + Send + 'static> {
    let settings = &comptoir.config.customer_source;
    let source = CustomerSource::open(settings, &comptoir.db, &comptoir.clock);
    let source = source.context("`customer_source.url` cannot be used")?;
    let api = web::Data::new(CustomerApi::new(&comptoir.authz, &comptoir.keyring, source));
    let authz = web::Data::from(Arc::clone(&comptoir.authz));
    let partner_events = web::Data::from(Arc::clone(&comptoir.partner_events));
    let evidence = evidence::PublishedCheckpoints::new(&comptoir.db, &comptoir.clock);
    let evidence = web::Data::new(evidence);
    Ok(move |config: &mut ServiceConfig<'_>| {
        config
            .app_data(api.clone())
            .app_data(authz.clone())
            .app_data(partner_events.clone())
            .app_data(evidence.clone());
    })
}

/// What reads are answered from.
fn views(config: &mut ServiceConfig<'_>, mirror: &Mirror) {
    config
        .app_data(web::Data::from(Arc::clone(&mirror.catalog)))
        .app_data(web::Data::from(Arc::clone(&mirror.search)))
        .app_data(web::Data::from(Arc::clone(&mirror.stores)))
        .app_data(web::Data::from(Arc::clone(&mirror.stock)));
}

/// Binds the public listener.
pub(super) fn server(comptoir: &Comptoir, reload: &Reload) -> anyhow::Result<(Server, SocketAddr)> {
    let config = Arc::clone(&comptoir.config);
    let listener = listen(config.server.public_listen, super::PUBLIC_LISTEN)?;
    let address = listener.local_addr()?;
    let gate = web::Data::from(Arc::clone(&comptoir.gate));
    let (mirror, readiness) = (Arc::clone(&comptoir.mirror), Arc::clone(&comptoir.readiness));
    let clock = web::Data::new(comptoir.clock.clone());
    let states = states(comptoir, reload)?;
    let (book, shown) = (Arc::clone(&comptoir.book), shown(comptoir));
    let with_cors = !config.server.cors_origins.is_empty();
    let builder = builder(&config.server);
    let crowd = Arc::new(Crowd::new(&config.server, &comptoir.metrics));
    let stopping = comptoir.waits.closing();
    let patience = Patience::new(&config.server, stopping.clone());
    let closing = builder.graceful_shutdown_signal();
    let server = builder.listen("public", listener, move || {
        let finisher = Rc::new(Finisher::new(Arc::clone(&book), access_log(&config.telemetry)));
        flush_every_second(&finisher);
        let fast = Rc::new(FastPath {
            gate: gate.clone(),
            catalog: Arc::clone(&mirror.catalog),
            finisher: Rc::clone(&finisher),
            with_cors,
            patience: patience.clone(),
            readiness: Arc::clone(&readiness),
        });
        let crowd = Arc::clone(&crowd);
        let lines = Lines::looked_after(config.server.request_timeout, stopping.clone());
        let (app, _) = App::new()
            .into_utoipa_app()
            .map(|app| {
                app.wrap(from_fn(finish))
                    .wrap(Condition::new(with_cors, cors(&config.server.cors_origins)))
            })
            .app_data(gate.clone())
            .configure(|config| views(config, &mirror))
            .app_data(clock.clone())
            .app_data(web::Data::new(finisher))
            .configure(states.clone())
            .configure(routes)
            .split_for_parts();
        let app = app.configure(|c| pages(c, &shown, &config)).default_service(web::to(unrouted));
        let app = app.into_factory().map_err(|error: actix_web::Error| error.error_response());
        let closing = closing.clone();
        let http = HttpService::build()
            .on_connect_ext(Connection::put_data)
            .graceful_shutdown_signal(move || {
                let closing = closing.clone();
                async move { closing.notified().await }
            })
            .keep_alive(config.server.keep_alive)
            .client_request_timeout(config.server.request_timeout)
            .client_disconnect_timeout(Duration::from_secs(1))
            .local_addr(address)
            .finish(FrontFactory { app: map_config(app, |()| AppConfig::default()), fast });
        fn_service(move |stream| Connection::take(stream, (&crowd, &lines))).and_then(http)
    })?;
    Ok((server.run(), address))
}

/// The workers, and how many connections each has at a time.
fn builder(settings: &config::Server) -> ServerBuilder {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    let workers = if settings.workers > 0 { settings.workers as usize } else { cores() };
    let workers = workers.min(config::MOST_WORKERS as usize);
    Server::build()
        .disable_signals()
        .shutdown_timeout(settings.shutdown_timeout.as_secs())
        .workers(workers)
        .max_concurrent_connections((Connections::of(settings).public as usize).div_ceil(workers))
}

/// A worker's access log. One that cannot be opened is no reason not to serve.
fn access_log(settings: &Telemetry) -> AccessLog {
    AccessLog::open(settings).unwrap_or_else(|error| {
        tracing::error!(%error, "the access log cannot be opened; this worker writes none");
        AccessLog::off()
    })
}

/// A quiet server writes its access log too.
fn flush_every_second(finisher: &Rc<Finisher>) {
    let finisher = Rc::downgrade(finisher);
    actix_web::rt::spawn(async move {
        let mut second = tokio::time::interval(Duration::from_secs(1));
        while let Some(finisher) = finisher.upgrade() {
            finisher.flush();
            drop(finisher);
            second.tick().await;
        }
    });
}
