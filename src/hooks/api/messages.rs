//! The messages of a subscription: their log, and sending them on request.

use super::schema::{
    DeliveryOut, DeliveryStatus, PageOfDeliveries, ReplayIn, SubscriptionOut, TestOut,
};
use super::{own, refused, shown};
use crate::access::{Caller, op};
use crate::changes;
use crate::hooks::dispatch::Hooks;
use crate::hooks::event;
use crate::hooks::message;
use crate::hooks::meter::Sent;
use crate::hooks::store;
use crate::http::answer::Cache;
use crate::http::form::Columns;
use crate::http::path;
use crate::http::{Answer, ApiError, ApiResult, Code, JsonBody, PageRequest, Params};
use crate::idempotency::{Once, Written};
use crate::kernel::id::{DeliveryId, SubscriptionId};
use crate::kernel::word::Word as _;
use crate::metering::Outcome;
use crate::outbound::Called;
use crate::storage::{Log, log};
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use std::sync::LazyLock;
use std::time::Instant;

/// The columns of the list as CSV.
static COLUMNS: LazyLock<Columns> = LazyLock::new(Columns::of::<DeliveryOut>);

/// Most messages sent again by their ids.
const MOST_AGAIN: usize = 200;

/// Try a receiver out
///
/// Sends a signed message of the type `subscription.test` now and tells how it was taken.
#[utoipa::path(
    operation_id = "test_subscription", tag = "subscriptions",
    params(("subscription_id" = String, Path, description = "The subscription.", example = "sub_7HqK2mXw9Pz")),
    responses(
        (status = 200, description = "How it was taken.", body = TestOut),
        (status = 404, description = "The app has no such subscription."),
    ),
)]
#[post("/v1/subscriptions/{subscription_id}/test")]
pub(super) async fn test_subscription(
    caller: Caller<op::TestSubscription>,
    request: HttpRequest,
    id: web::Path<String>,
    hooks: web::Data<Hooks>,
    once: web::Data<Once>,
) -> ApiResult<HttpResponse> {
    Params::new(request.query_string()).finish()?;
    let turn = once.turn(&caller, &request).await?;
    turn.run(&request, async move { test(&caller, &id, &hooks).await }).await
}

async fn test(
    caller: &Caller<op::TestSubscription>,
    id: &str,
    hooks: &Hooks,
) -> ApiResult<Written> {
    let subscription = own(hooks, caller, id).await?;
    let now = hooks.clock.now();
    let name = DeliveryId::derived(&format!("{}/test/{}", subscription.id, now.0)).to_string();
    let begun = Instant::now();
    let payload = message::about(event::TEST, now, 0);
    let called = hooks.send(&subscription, &name, &payload).await;
    let duration_ms = i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX);
    let (response_status, error) = match called {
        Called::Answered(status, _) => (Some(status), None),
        Called::Failed(word) => (None, Some(word)),
    };
    let delivered = response_status.is_some_and(|status| (200..300).contains(&status));
    let outcome = if delivered { Outcome::Served } else { Outcome::NotDelivered };
    let sent = Sent { status: response_status.unwrap_or(0), outcome, duration_ms, now };
    // Where this cannot be counted the call cannot either, and is refused.
    let _ = hooks.meter.count_test(caller.key(), &sent, &payload).await;
    Written::done(&TestOut { delivered, response_status, error, duration_ms })
}

/// Deliveries
///
/// The messages of a subscription and what became of them, the newest first, for as long as the
/// retailer keeps them (7 days unless set otherwise).
#[utoipa::path(
    operation_id = "list_deliveries", tag = "subscriptions",
    params(
        ("subscription_id" = String, Path, description = "The subscription.", example = "sub_7HqK2mXw9Pz"),
        ("status" = inline(Option<DeliveryStatus>), Query, description = "Only messages of which this became.", example = "failed"),
        ("limit" = Option<u32>, Query, description = "Most messages in the page, 1 to 200.", example = 50),
        ("cursor" = Option<String>, Query, description = "Where the page begins: take it from `next`.", example = "c7HqK2mXw9Pz000000000001A2b3C"),
    ),
    responses(
        (status = 200, description = "A page of messages.", body = PageOfDeliveries),
        (status = 304, description = "You hold this page already."),
        (status = 404, description = "The app has no such subscription."),
    ),
)]
#[get("/v1/subscriptions/{subscription_id}/deliveries")]
pub(super) async fn list_deliveries(
    caller: Caller<op::ListDeliveries>,
    request: HttpRequest,
    id: web::Path<String>,
    hooks: web::Data<Hooks>,
) -> ApiResult<Answer> {
    let mut params = Params::new(request.query_string());
    let status = params.one_of("status", DeliveryStatus::WORDS).map_or("", |one| one.as_str());
    let page = PageRequest::read(&request, &mut params).with_columns(&COLUMNS);
    params.finish()?;
    let subscription = own(&hooks, &caller, &id).await?;
    let signed = |(position, number): (u64, u64)| {
        Some((i64::try_from(position).ok()?, i64::try_from(number).ok()?))
    };
    let before = page.after_pair()?.and_then(signed).unwrap_or((i64::MAX, i64::MAX));
    let limit = page.limit();
    let most = limit as i64 + 1;
    let mut found = store::page(&hooks.db, &subscription.id, before, status, most).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| more).map(|last| (last.position, last.number));
    let next = last.map(|(position, number)| (position.unsigned_abs(), number.unsigned_abs()));
    let lines = found.into_iter().map(|one| serde_json::to_vec(&DeliveryOut::from(one)));
    let lines: Vec<Vec<u8>> = lines.filter_map(Result::ok).collect();
    page.answer(&lines, next, Cache::NoStore)
}

/// Send again
///
/// Sends messages once more: all behind a position of the change log that the subscription wants, or
/// single ones by their ids, all of which must be there. They keep their `webhook-id`. What is behind a
/// position is read in order, so newer messages come after those; `position` of the subscription tells how
/// far that is.
#[utoipa::path(
    operation_id = "replay_subscription", tag = "subscriptions", request_body = ReplayIn,
    params(("subscription_id" = String, Path, description = "The subscription.", example = "sub_7HqK2mXw9Pz")),
    responses(
        (status = 200, description = "The subscription; the messages will be sent.", body = SubscriptionOut),
        (status = 404, description = "The app has no such subscription."),
        (status = 410, description = "The log does not reach back to the position."),
        (status = 413, description = "The body is too large."),
        (status = 415, description = "The body is not JSON."),
    ),
)]
#[post("/v1/subscriptions/{subscription_id}/replay")]
pub(super) async fn replay_subscription(
    caller: Caller<op::ReplaySubscription>,
    request: HttpRequest,
    id: web::Path<String>,
    body: JsonBody<ReplayIn>,
    hooks: web::Data<Hooks>,
    once: web::Data<Once>,
) -> ApiResult<HttpResponse> {
    Params::new(request.query_string()).finish()?;
    let turn = once.turn(&caller, &request).await?;
    turn.run(&request, async move { replay(&caller, &id, body.0, &hooks).await }).await
}

async fn replay(
    caller: &Caller<op::ReplaySubscription>,
    id: &str,
    asked: ReplayIn,
    hooks: &Hooks,
) -> ApiResult<Written> {
    let mut subscription = own(hooks, caller, id).await?;
    match (asked.after, asked.delivery_ids) {
        (Some(after), None) => {
            let head = log::head(&hooks.db, Log::Change).await?;
            let position: Option<i64> = after.parse().ok().filter(|at| (0..=head).contains(at));
            let position = position.ok_or_else(|| {
                refused("/after", "malformed", "must be a position of the change log")
            })?;
            let floor = changes::store::floor(&hooks.db).await?;
            if position < floor {
                let detail = format!("The change log begins behind position {floor}.");
                let error = ApiError::new(Code::PositionExpired, detail);
                return Err(error.restart(floor, "/v1/exports/latest"));
            }
            let now = hooks.clock.now();
            store::rewind(&hooks.db, &subscription.id, position, now).await?;
            (subscription.position, subscription.updated_at) = (position, now.0);
        }
        (None, Some(ids)) if (1..=MOST_AGAIN).contains(&ids.len()) => {
            let own: SubscriptionId = path::id(id, "subscription")?;
            let now = hooks.clock.now();
            let times = (now, hooks.schedule.end(now));
            if let Some(at) = store::again(&hooks.db, own, &ids, times).await? {
                let message = "names no message of this subscription, so none is sent again";
                return Err(refused(&format!("/delivery_ids/{at}"), "unknown_delivery", message));
            }
        }
        (None, Some(_)) => {
            let message = format!("names 1 to {MOST_AGAIN} messages");
            return Err(refused("/delivery_ids", "out_of_range", message));
        }
        _ => {
            return Err(refused(
                "",
                "contradiction",
                "says either `after` or `delivery_ids`, one of the two",
            ));
        }
    }
    Written::done(&shown(hooks, subscription, None).await?)
}
