//! Trying a plan out over HTTP.

use super::caller::AdminCaller;
use super::problems::{BodyProblems, Missing, Problems};
use super::state::{State, done};
use crate::access::model::DefinitionPatch;
use crate::access::plan::{
    LimitDoc, PlanLimits, PlanPrices, PlanWeights, PricesDoc, prices_change,
};
use crate::access::service;
use crate::http::answer::JSON;
use crate::http::{ApiError, ApiPath, ApiResult, Code, FieldError, JsonBody};
use crate::kernel::id::{AppId, PlanId};
use crate::metering::period::{InvalidPeriod, Period};
use crate::metering::simulate::{Simulation, SimulationError, SimulationOut, simulate};
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpResponse, post};
use bytes::Bytes;
use futures_util::Stream;
use futures_util::future::LocalBoxFuture;
use serde::{Deserialize, Deserializer};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use utoipa_actix_web::service_config::ServiceConfig;

/// Between two signs of life. A caller that has hung up is noticed by the second one at the latest.
const BEAT: Duration = Duration::from_secs(2);
/// Most apps that may be named.
const MOST_APPS: usize = 1_000;

/// Mounts the operation.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(simulate_plan);
}

/// What is to be tried out. What is left out is the plan's own.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SimulationIn {
    /// A month or a day, in the time zone of the prices, or in UTC where there are none; the last month
    /// where it is left out.
    #[serde(default, deserialize_with = "period")]
    #[schema(value_type = Option<String>, example = "2026-11", max_length = 10, pattern = "^[0-9]{4}-[0-9]{2}(-[0-9]{2})?$")]
    pub period: Option<String>,
    /// Other limits in place of all, one to eight.
    #[serde(default)]
    #[schema(value_type = Option<Vec<LimitDoc>>, min_items = 1, max_items = 8)]
    pub limits: Option<PlanLimits>,
    /// Other weights in place of all.
    #[serde(default)]
    #[schema(value_type = Option<HashMap<String, f64>>, example = json!({"list_products": 2.5}))]
    pub weights: Option<PlanWeights>,
    /// Another price list in place of the whole one; `null` for none.
    #[serde(default, deserialize_with = "prices_change")]
    #[schema(value_type = Option<PricesDoc>)]
    pub prices: Option<Option<PlanPrices>>,
    /// The apps to try it out on, in place of those that are on the plan; what they are billed now is told
    /// by their own plans.
    #[serde(default, deserialize_with = "apps")]
    #[schema(value_type = Option<Vec<String>>, min_items = 1, max_items = 1_000, example = json!(["app_2mQx17fGhIj"]))]
    pub apps: Option<Vec<AppId>>,
}

fn period<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    let known: Result<Period, InvalidPeriod> = text.parse();
    known.map(|_| Some(text)).map_err(serde::de::Error::custom)
}

fn apps<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<AppId>>, D::Error> {
    let Some(apps) = Option::<Vec<AppId>>::deserialize(deserializer)? else { return Ok(None) };
    if !(1..=MOST_APPS).contains(&apps.len()) {
        let detail = "names 1 to 1000 apps: leave it out for those that are on the plan";
        return Err(serde::de::Error::custom(detail));
    }
    Ok(Some(apps))
}

impl From<SimulationError> for ApiError {
    fn from(error: SimulationError) -> Self {
        let at = |pointer: &str, code: &str| {
            let fault = FieldError::pointer(pointer, code, error.to_string());
            Self::new(Code::InvalidBody, crate::kernel::sentence(format!("{pointer}: {error}")))
                .errors(vec![fault])
        };
        match error {
            SimulationError::UnknownApp { place, .. } => at(&format!("/apps/{place}"), "not_found"),
            SimulationError::TooManyEvents { .. } => at("/period", "too_long"),
            SimulationError::Disorder => at("/period", "not_allowed"),
            SimulationError::Amount(_) => at("/prices", "too_large"),
            SimulationError::Access(error) => error.into(),
            SimulationError::Store(error) => error.into(),
            SimulationError::Broken(_) => {
                tracing::error!(%error, "a simulation failed");
                Self::new(Code::Internal, "The failure has been recorded; quote the request id.")
            }
        }
    }
}

/// A simulation at work, and its place: there is one on each node.
struct Run {
    work: LocalBoxFuture<'static, Result<SimulationOut, SimulationError>>,
    place: OwnedSemaphorePermit,
}

/// The place for a simulation on this node.
fn place(places: &Arc<Semaphore>) -> ApiResult<OwnedSemaphorePermit> {
    Arc::clone(places).try_acquire_owned().map_err(|_| {
        let detail = "This node is at another simulation. Try again when it has ended.";
        ApiError::new(Code::Unavailable, detail)
    })
}

/// Try a plan out on past usage
///
/// Replays the usage of a month or a day under other limits, weights and prices, and changes nothing: which
/// calls would have been refused, and what the use would have come to, against what was. `cautions` says
/// what a replay cannot know. The ledger does not hold what was read, so the data that a plan includes and
/// `stock_disclosure` cannot be tried out, and are refused here. A node does one at a time, beside the calls; who hangs up ends it. An answer
/// that takes long begins with blank lines, and breaks off where it fails.
#[utoipa::path(
    tag = "plans", operation_id = "simulate_plan", request_body = SimulationIn,
    params(("plan_id" = String, Path, description = "Id of the plan", example = "pln_2mQx17fGhIj")),
    responses(
        (status = 200, description = "What would have been", body = SimulationOut),
        Missing, BodyProblems, Problems
    ),
    security(("admin_token" = []))
)]
#[post("/plans/{plan_id}/simulate")]
async fn simulate_plan(
    _caller: AdminCaller,
    id: ApiPath<PlanId>,
    body: JsonBody<SimulationIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    let SimulationIn { period, limits, weights, prices, apps } = body.0;
    let patch = DefinitionPatch { limits, weights, prices, ..DefinitionPatch::default() };
    if patch.is_empty() && period.is_none() && apps.is_none() {
        let detail =
            "The body names nothing to try out: give limits, weights, prices, apps or a period.";
        let fault = FieldError::pointer("", "empty", "names nothing to try out");
        return Err(ApiError::new(Code::InvalidBody, detail).errors(vec![fault]));
    }
    let place = place(&state.simulations)?;
    let plan = service::get_plan(&state.db, id.0).await?;
    let now = state.clock.now();
    let simulation =
        Simulation::new(plan, patch, period.as_deref(), apps, now).map_err(|error| {
            let fault = FieldError::pointer("/period", "malformed", error.to_string());
            ApiError::new(Code::InvalidBody, crate::kernel::sentence(format!("/period: {error}")))
                .errors(vec![fault])
        })?;
    let db = state.db.clone();
    let work = Box::pin(async move { simulate(&db, simulation).await });
    let mut run = Run { work, place };
    match tokio::time::timeout(BEAT, &mut run.work).await {
        Ok(told) => done(&told?),
        Err(_) => {
            let mut response = HttpResponse::Ok();
            Ok(response.insert_header((CONTENT_TYPE, JSON)).streaming(told(run, BEAT)))
        }
    }
}

/// The answer of a run that takes long: blank lines, by which a caller that has hung up is noticed, and then
/// what it tells. Dropped, it ends the run.
fn told(run: Run, beat: Duration) -> impl Stream<Item = Result<Bytes, ApiError>> {
    futures_util::stream::unfold(Some(run), move |run| async move {
        let mut run = run?;
        match tokio::time::timeout(beat, &mut run.work).await {
            Err(_) => Some((Ok(Bytes::from_static(b"\n")), Some(run))),
            Ok(told) => {
                drop(run.place);
                let text = told.map_err(ApiError::from).and_then(|told| {
                    serde_json::to_vec(&told).map(Bytes::from).map_err(|error| {
                        tracing::error!(%error, "an answer could not be serialised");
                        ApiError::new(Code::Internal, "The failure has been recorded.")
                    })
                });
                if let Err(error) = &text {
                    tracing::warn!(%error, "a simulation broke off");
                }
                Some((text, None))
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::{App, HttpServer, web};
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;
    use tokio::sync::mpsc;

    struct Gone(mpsc::UnboundedSender<()>);

    impl Drop for Gone {
        fn drop(&mut self) {
            let _ = self.0.send(());
        }
    }

    #[actix_web::test]
    async fn who_hangs_up_ends_the_simulation() {
        let (sender, mut gone) = mpsc::unbounded_channel();
        let places = Arc::new(Semaphore::new(1));
        let (data, own) = (web::Data::new((sender, Arc::clone(&places))), Arc::clone(&places));
        let endless = |data: web::Data<(mpsc::UnboundedSender<()>, Arc<Semaphore>)>| async move {
            let end = Gone(data.0.clone());
            let work = Box::pin(async move {
                let _end = end;
                std::future::pending().await
            });
            let run = Run { work, place: place(&data.1).unwrap() };
            HttpResponse::Ok().streaming(told(run, Duration::from_millis(5)))
        };
        let app = move || App::new().app_data(data.clone()).route("/", web::get().to(endless));
        let server = HttpServer::new(app).workers(1).disable_signals();
        let server = server.bind(("127.0.0.1", 0)).unwrap();
        let address = server.addrs()[0];
        let server = server.run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        let calling = tokio::task::spawn_blocking(move || {
            let mut caller = TcpStream::connect(address).unwrap();
            caller.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
            // It has begun: the place is taken, and there is a sign of life.
            let mut answer = Vec::new();
            while !answer.ends_with(b"\n\r\n") || answer.len() < 100 {
                let mut byte = [0];
                caller.read_exact(&mut byte).unwrap();
                answer.push(byte[0]);
            }
        });
        calling.await.unwrap();
        let ended = tokio::time::timeout(Duration::from_secs(10), gone.recv()).await;
        assert_eq!(ended.unwrap(), Some(()));
        // The next one finds the place free.
        let free = tokio::time::timeout(Duration::from_secs(10), own.acquire()).await;
        assert!(free.unwrap().is_ok());
        handle.stop(false).await;
    }

    #[test]
    fn null_is_what_is_left_out_but_for_prices() {
        let nulls = r#"{"period":null,"limits":null,"weights":null,"prices":null,"apps":null}"#;
        let read: SimulationIn = serde_json::from_str(nulls).unwrap();
        assert!(read.period.is_none() && read.apps.is_none() && read.limits.is_none());
        assert_eq!((read.weights, read.prices), (None, Some(None)));
    }

    #[test]
    fn a_node_does_one_at_a_time() {
        let places = Arc::new(Semaphore::new(1));
        let first = place(&places).unwrap();
        assert_eq!(place(&places).unwrap_err().code(), Code::Unavailable);
        drop(first);
        assert!(place(&places).is_ok());
    }
}
