//! The partner API of subscriptions.

mod filter;
mod messages;
mod schema;

use super::dispatch::Hooks;
use super::event;
use super::secret::SigningSecret;
use super::store::{self, Subscription};
use crate::access::operation::Op;
use crate::access::{Caller, op};
use crate::changes::Kind;
use crate::http::answer::Cache;
use crate::http::path;
use crate::http::{Answer, ApiError, ApiResult, Code, FieldError, JsonBody, Params};
use crate::idempotency::{Once, Written};
use crate::kernel::Micros;
use crate::kernel::clock::DAY;
use crate::kernel::id::SubscriptionId;
use crate::kernel::word::nearest;
use crate::storage::{Log, log};
use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, web};
use schema::{
    SubscriptionIn, SubscriptionOut, SubscriptionPatchIn, SubscriptionStatus, SubscriptionsOut,
};
use utoipa_actix_web::service_config::ServiceConfig;

/// Most characters of a description.
const DESCRIPTION: usize = 200;
/// Most events of a subscription.
const MOST_EVENTS: usize = 30;
/// How often a change is tried where others change the same subscription.
const TRIES: usize = 5;

/// Mounts the operations of subscriptions.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_subscriptions)
        .service(create_subscription)
        .service(get_subscription)
        .service(update_subscription)
        .service(delete_subscription)
        .service(messages::test_subscription)
        .service(messages::list_deliveries)
        .service(messages::replay_subscription)
        .service(rotate_subscription_secret);
}

fn refused(pointer: &str, code: &str, message: impl Into<String>) -> ApiError {
    let message = message.into();
    let fault = FieldError::pointer(pointer, code, message.clone());
    let subject = if pointer.is_empty() { "The body" } else { pointer };
    ApiError::new(Code::InvalidBody, crate::kernel::sentence(format!("{subject} {message}")))
        .errors(vec![fault])
}

/// The subscription of the caller that a path names.
async fn own<O: Op>(hooks: &Hooks, caller: &Caller<O>, segment: &str) -> ApiResult<Subscription> {
    let id: SubscriptionId = path::id(segment, "subscription")?;
    let found = store::find(&hooks.db, &caller.app().to_string(), &id.to_string()).await?;
    found.ok_or_else(|| path::not_found("subscription", &id))
}

async fn shown(
    hooks: &Hooks,
    subscription: Subscription,
    secret: Option<String>,
) -> ApiResult<SubscriptionOut> {
    let counts = store::counts(&hooks.db, &subscription.id).await?;
    SubscriptionOut::new(subscription, counts, secret).map_err(|error| {
        tracing::error!(%error, "a stored subscription could not be read");
        ApiError::new(Code::Internal, "The failure has been recorded; quote the request id.")
    })
}

/// The events as they are stored, if all exist and the key may read what they tell of.
fn events<O: Op>(names: &[String], caller: &Caller<O>) -> ApiResult<String> {
    if names.is_empty() {
        return Err(refused("/events", "empty", "names at least one event"));
    }
    if names.len() > MOST_EVENTS {
        let message = format!("names at most {MOST_EVENTS} events");
        return Err(refused("/events", "too_many", message));
    }
    let unknown = names.iter().enumerate().filter(|(_, name)| event::find(name).is_none());
    let faults: Vec<FieldError> = unknown.map(|(at, name)| unknown_event(at, name)).collect();
    if !faults.is_empty() {
        return Err(ApiError::new(
            Code::InvalidBody,
            "/events has what is no event; `errors` has each.",
        )
        .errors(faults));
    }
    let mut known = Vec::with_capacity(names.len());
    for (name, kind) in names.iter().filter_map(|name| event::find(name)) {
        let scope = kind.map(Kind::scope);
        if let Some(scope) = scope.filter(|scope| !caller.scopes().has(*scope)) {
            let scope = scope.as_str();
            let detail = format!("`{name}` needs the scope `{scope}`, which the key lacks.");
            return Err(ApiError::new(Code::InsufficientScope, detail).required_scope(scope));
        }
        if !known.contains(&name) {
            known.push(name);
        }
    }
    Ok(known.join(" "))
}

fn unknown_event(at: usize, name: &str) -> FieldError {
    let all: Vec<&str> = event::names().collect();
    let shown: String = name.chars().take(100).collect();
    let message = format!("is `{shown}`, which is none of {}", all.join(", "));
    let fault = FieldError::pointer(&format!("/events/{at}"), "not_allowed", message);
    fault.suggest(nearest(&shown, &all))
}

fn address(hooks: &Hooks, text: &str) -> ApiResult<String> {
    match hooks.caller.rules().check(text) {
        Ok(url) => Ok(url.to_string()),
        Err(error) => Err(refused("/url", "not_allowed", error.to_string())),
    }
}

fn description(text: Option<String>) -> ApiResult<Option<String>> {
    if text.as_ref().is_some_and(|text| text.chars().count() > DESCRIPTION) {
        let message = format!("has at most {DESCRIPTION} characters");
        return Err(refused("/description", "too_long", message));
    }
    if text.as_ref().is_some_and(|text| text.chars().any(char::is_control)) {
        return Err(refused("/description", "control_character", "has no control characters"));
    }
    Ok(text.filter(|text| !text.is_empty()))
}

/// Subscribe
///
/// From now on, messages are posted to your address when something happens that you want to hear of,
/// as JSON signed after [Standard Webhooks](https://www.standardwebhooks.com): verify
/// `webhook-signature` with the secret, which is shown this once. Each message is the entry of the
/// change log with what the resource is now.
///
/// Answer with 2xx within 15 seconds. Anything else, redirects included, is tried again after 5 and 30
/// seconds, 2, 10 and 30 minutes, 2, 5, 10, 10, 12, 12 and 24 hours; these are the usual times, and the
/// retailer may have set others. `Retry-After`, in seconds or as a date, makes it later, up to the last of
/// them. Then the message is given up and, where no other was taken meanwhile, the subscription disabled;
/// at 410 at once. `status_reason` says why. Messages can come more than once, with the same `webhook-id`,
/// and out of order: `version` tells which is newer. Where you were away for longer than the change log
/// reaches, you get `changes.missed`: start again from a snapshot.
///
/// A message is billed as one unit when it is first taken with 2xx, to the key that made the subscription,
/// and not again when it is sent again. Test keys, test messages and messages that are given up are free. All are
/// listed by `GET /v1/usage`. Messages take nothing from the limits of your plan.
///
/// Where your plan includes a part of the data, messages tell of that part alone, without the fields that it
/// leaves out: what goes out of it is deleted for you. A product that comes into it has been updated; its offers
/// and promotions are created, or updated where you ask for that alone, and its stock has changed its availability.
/// So it is with one that gets another brand or other categories within the plan.
///
/// Events need the scope that reads what they tell of (`prices:read` for `price.changed`); an app whose
/// keys lose it, or are suspended, is told nothing until they have it again.
///
/// `usage.threshold` and `usage.anomaly` tell of your own usage: a quota of which so much is used, calls that are
/// unusual; `usage.spend` of a budget of which so much is spent or that is expected to be passed; `key.leaked` of a key of your app that was found where everybody can read it. They need no scope, filters do
/// not hold for them, and they are free. `GET /v1/usage/alerts` lists them. So it is with `usage.period_closed`, which
/// tells once that a billing period was closed and which statements of your app it has made final;
/// `GET /v1/usage/statements` lists them.
#[utoipa::path(
    operation_id = "create_subscription", tag = "subscriptions", request_body = SubscriptionIn,
    responses(
        (status = 201, description = "The subscription, with its secret.", body = SubscriptionOut, headers(("Location" = String, description = "Where it is."))),
        (status = 409, description = "The app has as many subscriptions as it may."),
        (status = 413, description = "The body is too large."),
        (status = 415, description = "The body is not JSON."),
        (status = 422, description = "`invalid_gtin`: an entry of `gtins` is no GTIN, `errors` has the code that was probably meant. `in_store_code`: a code of restricted circulation. `idempotency_key_reused`: the key came with another call."),
    ),
)]
#[post("/v1/subscriptions")]
async fn create_subscription(
    caller: Caller<op::CreateSubscription>,
    request: HttpRequest,
    body: JsonBody<SubscriptionIn>,
    hooks: web::Data<Hooks>,
    once: web::Data<Once>,
) -> ApiResult<HttpResponse> {
    Params::new(request.query_string()).finish()?;
    let turn = once.turn(&caller, &request).await?;
    let seed = turn.seed();
    turn.run(&request, async move { subscribe(&caller, body.0, seed, &hooks).await }).await
}

/// Makes a subscription. With a seed its id follows from that, so that one which was made already is found.
async fn subscribe(
    caller: &Caller<op::CreateSubscription>,
    asked: SubscriptionIn,
    seed: Option<String>,
    hooks: &Hooks,
) -> ApiResult<Written> {
    let SubscriptionIn { url, events: names, filter: asked, description: text } = asked;
    let now = hooks.clock.now();
    let random = || {
        SubscriptionId::random().map_err(|error| {
            tracing::error!(%error, "no randomness for an id");
            ApiError::new(Code::Internal, "The failure has been recorded; quote the request id.")
        })
    };
    let id = seed.as_deref().map(SubscriptionId::derived).map_or_else(random, Ok)?;
    let new = Subscription {
        id: id.to_string(),
        app_id: caller.app().to_string(),
        key_id: caller.key().key.to_string(),
        url: address(hooks, &url)?,
        description: description(text)?,
        events: events(&names, caller)?,
        filter: asked.unwrap_or_default().stored()?,
        status: SubscriptionStatus::Active.to_string(),
        status_reason: None,
        position: log::head(&hooks.db, Log::Change).await?,
        generation: 1,
        previous_until: None,
        created_at: now.0,
        updated_at: now.0,
    };
    let most = hooks.settings.per_app;
    let made = store::find(&hooks.db, &new.app_id, &new.id).await?;
    if made.is_none() && !store::insert(&hooks.db, &new, most).await? {
        let detail =
            format!("The app has {most} subscriptions, the most there can be; delete one.");
        return Err(ApiError::new(Code::Conflict, detail));
    }
    let made = made.unwrap_or(new);
    let secret = SigningSecret::new(&hooks.pepper, &made.id, made.generation).text();
    let document = shown(hooks, made, Some(secret)).await?;
    Written::created(format!("/v1/subscriptions/{id}"), &document)
}

/// Your subscriptions
///
/// All subscriptions of the app.
#[utoipa::path(
    operation_id = "list_subscriptions", tag = "subscriptions",
    responses(
        (status = 200, description = "The subscriptions.", body = SubscriptionsOut),
        (status = 304, description = "You hold this state already."),
    ),
)]
#[get("/v1/subscriptions")]
async fn list_subscriptions(
    caller: Caller<op::ListSubscriptions>,
    request: HttpRequest,
    hooks: web::Data<Hooks>,
) -> ApiResult<Answer> {
    Params::new(request.query_string()).finish()?;
    let mut items = Vec::new();
    for subscription in store::of_app(&hooks.db, &caller.app().to_string()).await? {
        items.push(shown(&hooks, subscription, None).await?);
    }
    let count = items.len() as u32;
    Answer::json(&SubscriptionsOut { items }, Cache::NoStore, count)
}

/// A subscription
///
/// One subscription of the app, with what waits and what was delivered.
#[utoipa::path(
    operation_id = "get_subscription", tag = "subscriptions",
    params(("subscription_id" = String, Path, description = "The subscription.", example = "sub_7HqK2mXw9Pz")),
    responses(
        (status = 200, description = "The subscription.", body = SubscriptionOut),
        (status = 304, description = "You hold this state already."),
        (status = 404, description = "The app has no such subscription."),
    ),
)]
#[get("/v1/subscriptions/{subscription_id}")]
async fn get_subscription(
    caller: Caller<op::GetSubscription>,
    request: HttpRequest,
    id: web::Path<String>,
    hooks: web::Data<Hooks>,
) -> ApiResult<Answer> {
    Params::new(request.query_string()).finish()?;
    let subscription = own(&hooks, &caller, &id).await?;
    Answer::json(&shown(&hooks, subscription, None).await?, Cache::NoStore, 1)
}

/// Change a subscription
///
/// Other events, another address, a pause, or service again after the receiver was repaired. What is
/// left out stays.
#[utoipa::path(
    operation_id = "update_subscription", tag = "subscriptions", request_body = SubscriptionPatchIn,
    params(("subscription_id" = String, Path, description = "The subscription.", example = "sub_7HqK2mXw9Pz")),
    responses(
        (status = 200, description = "The subscription.", body = SubscriptionOut),
        (status = 404, description = "The app has no such subscription."),
        (status = 409, description = "It was changed by others meanwhile."),
        (status = 413, description = "The body is too large."),
        (status = 415, description = "The body is not JSON."),
        (status = 422, description = "`invalid_gtin`: an entry of `gtins` is no GTIN, `errors` has the code that was probably meant. `in_store_code`: a code of restricted circulation. `idempotency_key_reused`: the key came with another call."),
    ),
)]
#[patch("/v1/subscriptions/{subscription_id}")]
async fn update_subscription(
    caller: Caller<op::UpdateSubscription>,
    request: HttpRequest,
    id: web::Path<String>,
    body: JsonBody<SubscriptionPatchIn>,
    hooks: web::Data<Hooks>,
    once: web::Data<Once>,
) -> ApiResult<HttpResponse> {
    Params::new(request.query_string()).finish()?;
    let turn = once.turn(&caller, &request).await?;
    turn.run(&request, async move { update(&caller, &id, &body.0, &hooks).await }).await
}

async fn update(
    caller: &Caller<op::UpdateSubscription>,
    id: &str,
    patch: &SubscriptionPatchIn,
    hooks: &Hooks,
) -> ApiResult<Written> {
    // What changes meanwhile, as where a receiver fails and it is disabled, is read again and stays.
    for _ in 0..TRIES {
        let mut subscription = own(hooks, caller, id).await?;
        let read = subscription.updated_at;
        change(&mut subscription, patch, (hooks, caller))?;
        subscription.updated_at = hooks.clock.now().0.max(read.saturating_add(1));
        if store::update(&hooks.db, &subscription, read).await? {
            return Written::done(&shown(hooks, subscription, None).await?);
        }
    }
    let detail = "The subscription was changed by others again and again. Read it, then try again.";
    Err(ApiError::new(Code::Conflict, detail))
}

/// Takes in what an app wants changed.
fn change<O: Op>(
    subscription: &mut Subscription,
    patch: &SubscriptionPatchIn,
    (hooks, caller): (&Hooks, &Caller<O>),
) -> ApiResult<()> {
    if let Some(url) = &patch.url {
        subscription.url = address(hooks, url)?;
    }
    if let Some(names) = &patch.events {
        subscription.events = events(names, caller)?;
    }
    if let Some(asked) = &patch.filter {
        subscription.filter = asked.stored()?;
    }
    if patch.description.is_some() {
        subscription.description = description(patch.description.clone())?;
    }
    match patch.status.as_deref() {
        None => {}
        Some(word @ ("active" | "paused")) => {
            (subscription.status, subscription.status_reason) = (word.to_owned(), None);
        }
        Some(_) => return Err(refused("/status", "not_allowed", "is `active` or `paused`")),
    }
    Ok(())
}

/// Unsubscribe
///
/// Nothing more is sent, and the log of deliveries is gone.
#[utoipa::path(
    operation_id = "delete_subscription", tag = "subscriptions",
    params(("subscription_id" = String, Path, description = "The subscription.", example = "sub_7HqK2mXw9Pz")),
    responses(
        (status = 204, description = "It is gone."),
        (status = 404, description = "The app has no such subscription."),
    ),
)]
#[delete("/v1/subscriptions/{subscription_id}")]
async fn delete_subscription(
    caller: Caller<op::DeleteSubscription>,
    request: HttpRequest,
    id: web::Path<String>,
    hooks: web::Data<Hooks>,
    once: web::Data<Once>,
) -> ApiResult<HttpResponse> {
    Params::new(request.query_string()).finish()?;
    let turn = once.turn(&caller, &request).await?;
    let is_resumed = turn.resumed_since().is_some();
    let work = async move {
        let subscription = match own(&hooks, &caller, &id).await {
            // The call that was broken off has deleted it.
            Err(error) if is_resumed && error.code() == Code::NotFound => {
                return Ok(Written::gone());
            }
            found => found?,
        };
        store::delete(&hooks.db, &subscription.id).await?;
        Ok(Written::gone())
    };
    turn.run(&request, work).await
}

/// Rotate the secret
///
/// Makes a new secret, shown this once. For 24 hours messages carry two signatures, one of each secret,
/// so that receivers can change over without losing any.
#[utoipa::path(
    operation_id = "rotate_subscription_secret", tag = "subscriptions",
    params(("subscription_id" = String, Path, description = "The subscription.", example = "sub_7HqK2mXw9Pz")),
    responses(
        (status = 200, description = "The subscription, with its new secret.", body = SubscriptionOut),
        (status = 404, description = "The app has no such subscription."),
    ),
)]
#[post("/v1/subscriptions/{subscription_id}/rotate-secret")]
async fn rotate_subscription_secret(
    caller: Caller<op::RotateSubscriptionSecret>,
    request: HttpRequest,
    id: web::Path<String>,
    hooks: web::Data<Hooks>,
    once: web::Data<Once>,
) -> ApiResult<HttpResponse> {
    Params::new(request.query_string()).finish()?;
    let turn = once.turn(&caller, &request).await?;
    let since = turn.resumed_since();
    let work = async move {
        let mut subscription = own(&hooks, &caller, &id).await?;
        let now = hooks.clock.now();
        // What the call made that was broken off was shown to nobody, and what it replaced still signs.
        let rotated = subscription.previous_until.map(|until| until.saturating_sub(DAY));
        let is_made = since.zip(rotated).is_some_and(|(since, rotated)| rotated >= since.0);
        if !is_made {
            let until = Micros(now.0.saturating_add(DAY));
            let made = store::rotate(&hooks.db, &subscription.id, until, now).await?;
            subscription.generation = made;
            (subscription.previous_until, subscription.updated_at) = (Some(until.0), now.0);
        }
        let made = subscription.generation;
        let text = SigningSecret::new(&hooks.pepper, &subscription.id, made).text();
        Written::done(&shown(&hooks, subscription, Some(text)).await?)
    };
    turn.run(&request, work).await
}
