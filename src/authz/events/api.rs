//! How partners ask for what they are told (RFC 8936), and say that they have deleted what they were to.

use super::deliver::signed;
use super::store;
use super::{EventsFailed, PartnerDeletion, PartnerEvents};
use crate::access::{Caller, op};
use crate::consent::uuid::Uuid4;
use crate::http::answer::Cache;
use crate::http::{Answer, ApiError, ApiResult, Code, FieldError, JsonBody, Params, path};
use crate::kernel::Micros;
use crate::kernel::id::AppId;
use actix_web::{HttpRequest, post, web};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

/// Events that are handed out at once, where nobody says how many, and at most.
const USUAL: u32 = 20;
const MOST: u32 = 100;
/// Events that can be acknowledged at once.
const ENDED_MOST: usize = 1_000;

/// Mounts the operations.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(poll_consent_events).service(confirm_deletion);
}

/// Why an event is refused (RFC 8935 §2.4).
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SetErrorIn {
    /// In a word, such as `invalid_request`, `invalid_key`, `invalid_issuer`, `invalid_audience`.
    #[schema(max_length = 100, example = "invalid_audience")]
    err: String,
    /// In a sentence.
    #[serde(default)]
    #[schema(max_length = 500, example = "This token is for another app.")]
    description: Option<String>,
}

/// What was taken, and how much is wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PollEventsIn {
    /// Most events that are wanted now; 0 where only others are acknowledged.
    #[serde(default, rename = "maxEvents")]
    #[schema(minimum = 0, maximum = 100, default = 20, example = 20)]
    max_events: Option<u32>,
    /// Taken, and of no consequence: the answer always comes at once.
    #[serde(default, rename = "returnImmediately")]
    #[schema(example = true)]
    #[expect(dead_code, reason = "the standard has it, and there is nothing to wait for")]
    return_immediately: Option<bool>,
    /// The `jti` of events that were taken: they are handed out no more.
    #[serde(default)]
    #[schema(max_items = 1000, example = json!([]))]
    ack: Vec<String>,
    /// Events that are refused, by their `jti`: they are handed out no more, either.
    #[serde(default, rename = "setErrs")]
    #[schema(example = json!({}))]
    set_errs: BTreeMap<String, SetErrorIn>,
}

/// Events that have not been acknowledged.
#[derive(Debug, Serialize, ToSchema)]
struct PolledEventsOut {
    /// Security event tokens (RFC 8417) by their `jti`, the first ones that there are.
    #[schema(example = json!({}))]
    sets: BTreeMap<String, String>,
    /// Whether there are more.
    #[serde(rename = "moreAvailable")]
    #[schema(example = false)]
    more_available: bool,
}

/// What was deleted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DeletionConfirmationIn {
    /// When all of it was.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    deleted_at: Micros,
    /// How many records it was.
    #[serde(default)]
    #[schema(minimum = 0, example = 412)]
    records: Option<u64>,
}

/// What a partner has to delete, and what it has said of that.
#[derive(Debug, Serialize, ToSchema)]
pub struct PartnerDeletionOut {
    /// The consent that the data came by.
    #[schema(example = "5b0c7e52-9d3a-4f0e-8a51-2f6c1f0e9b77")]
    grant_id: String,
    /// When it was asked for.
    #[schema(value_type = String, format = DateTime, example = "2026-11-20T09:41:07Z")]
    asked_at: Micros,
    /// Until when it has to be done.
    #[schema(value_type = String, format = DateTime, example = "2026-12-20T09:41:07Z")]
    due_at: Micros,
    /// When it was confirmed; null before.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = "2026-11-22T09:45:00Z")]
    confirmed_at: Option<Micros>,
    /// When it was done, as the partner says; null before.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = "2026-11-22T09:41:07Z")]
    deleted_at: Option<Micros>,
    /// How many records, as the partner says; null where it does not.
    #[schema(required = true, example = 412)]
    records: Option<i64>,
}

impl From<PartnerDeletion> for PartnerDeletionOut {
    fn from(deletion: PartnerDeletion) -> Self {
        Self {
            grant_id: deletion.grant.to_string(),
            asked_at: deletion.asked_at,
            due_at: deletion.due_at,
            confirmed_at: deletion.confirmed_at,
            deleted_at: deletion.deleted_at,
            records: deletion.records,
        }
    }
}

impl From<EventsFailed> for ApiError {
    fn from(error: EventsFailed) -> Self {
        match error {
            EventsFailed::Store(error) => error.into(),
            error => {
                tracing::error!(%error, "an event could not be signed");
                Self::new(Code::Internal, "The failure has been recorded; quote the request id.")
            }
        }
    }
}

fn too_many(pointer: &str, most: usize) -> ApiError {
    let message = format!("has at most {most} entries");
    let fault = FieldError::pointer(pointer, "too_many", message.clone());
    ApiError::new(Code::InvalidBody, format!("{pointer} {message}.")).errors(vec![fault])
}

impl PartnerEvents {
    /// Notes what an app has taken and refused.
    async fn end_all(&self, app: AppId, asked: &PollEventsIn) -> Result<(), EventsFailed> {
        if asked.ack.is_empty() && asked.set_errs.is_empty() {
            return Ok(());
        }
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        for jti in &asked.ack {
            store::end(&mut tx, (app, jti), None, now).await?;
        }
        for (jti, error) in &asked.set_errs {
            let why = match &error.description {
                Some(description) => format!("{}: {description}", error.err),
                None => error.err.clone(),
            };
            tracing::warn!(jti, %app, why, "an event was refused");
            store::end(&mut tx, (app, jti), Some(&why), now).await?;
        }
        Ok(tx.commit().await?)
    }

    /// The first events that an app has not taken, signed.
    async fn hand_out(&self, app: AppId, most: u32) -> Result<PolledEventsOut, EventsFailed> {
        let mut open = store::open_of(&self.db, app, most.saturating_add(1)).await?;
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let more_available = open.len() > most;
        open.truncate(most);
        let mut sets = BTreeMap::new();
        if !open.is_empty() {
            let signer = self.signers.tokens(self.clock.now()).await?;
            for (jti, claims) in open {
                sets.insert(jti, signed(&signer, &claims)?);
            }
        }
        Ok(PolledEventsOut { sets, more_available })
    }
}

/// Ask for events of consents
///
/// What has happened to the consents that your app was given, as security event tokens (RFC 8417) that are signed by the keys
/// at `/oauth/jwks.json` (RFC 8936): that one was granted, narrowed, renewed, suspended or ended, is about to end, or that its
/// customer is forgotten. An event is handed out until its `jti` is in `ack` or `setErrs`. Where the retailer knows an address
/// of yours, events are posted there (RFC 8935) and are here all the same until they are taken. Never billed.
#[utoipa::path(
    operation_id = "poll_consent_events", tag = "consents", request_body = PollEventsIn,
    responses(
        (status = 200, description = "The events.", body = PolledEventsOut),
        (status = 413, description = "The body is too large."),
        (status = 415, description = "The body is not JSON."),
    ),
)]
#[post("/oauth/events/poll")]
async fn poll_consent_events(
    caller: Caller<op::PollConsentEvents>,
    request: HttpRequest,
    body: JsonBody<PollEventsIn>,
    events: web::Data<PartnerEvents>,
) -> ApiResult<Answer> {
    Params::new(request.query_string()).finish()?;
    let asked = body.0;
    if asked.ack.len() > ENDED_MOST {
        return Err(too_many("/ack", ENDED_MOST));
    }
    if asked.set_errs.len() > ENDED_MOST {
        return Err(too_many("/setErrs", ENDED_MOST));
    }
    events.end_all(caller.app(), &asked).await?;
    let most = asked.max_events.unwrap_or(USUAL).min(MOST);
    let out = events.hand_out(caller.app(), most).await?;
    let records = u32::try_from(out.sets.len()).unwrap_or(u32::MAX);
    Answer::json(&out, Cache::NoStore, records)
}

/// Confirm a deletion
///
/// Says that you have deleted all that you had by the consent which an event is about; `jti` is that of the event which asked
/// for it. The customer is shown it. What was confirmed first stays. Never billed.
#[utoipa::path(
    operation_id = "confirm_deletion", tag = "consents", request_body = DeletionConfirmationIn,
    params(("jti" = String, Path, description = "The event", example = "2f6c1f0e-9b77-4e52-9d3a-5b0c7e528a51")),
    responses(
        (status = 200, description = "What is known of the deletion.", body = PartnerDeletionOut),
        (status = 404, description = "Your app was told of nothing by that name that it had to delete."),
        (status = 413, description = "The body is too large."),
        (status = 415, description = "The body is not JSON."),
    ),
)]
#[post("/oauth/events/{jti}/deletion-confirmation")]
async fn confirm_deletion(
    caller: Caller<op::ConfirmDeletion>,
    request: HttpRequest,
    jti: web::Path<String>,
    body: JsonBody<DeletionConfirmationIn>,
    events: web::Data<PartnerEvents>,
) -> ApiResult<Answer> {
    Params::new(request.query_string()).finish()?;
    let jti: Uuid4 = path::id(&jti, "event")?;
    let (app, name) = (caller.app(), jti.to_string());
    let missing = || path::not_found("event", &jti);
    let grant = store::grant_of(&events.db, (app, &name)).await?.ok_or_else(missing)?;
    store::deletion(&events.db, grant).await?.ok_or_else(missing)?;
    let DeletionConfirmationIn { deleted_at, records } = body.0;
    let records = records.map(|count| i64::try_from(count).unwrap_or(i64::MAX));
    let mut tx = events.db.begin().await?;
    store::confirm(&mut tx, (app, grant), (deleted_at, records), events.clock.now()).await?;
    tx.commit().await?;
    let known = store::deletion(&events.db, grant).await?.ok_or_else(missing)?;
    Answer::json(&PartnerDeletionOut::from(known), Cache::NoStore, 1)
}
