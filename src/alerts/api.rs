//! Alerts over HTTP: `GET /v1/usage/alerts`, and the messages that tell them.

use super::model::{Alert, Detail, FoundSecret, Kind, QuotaUse, SpendUse, UnusualHour};
use super::store::{self, Asked, Stored};
use crate::access::caller::Caller;
use crate::access::op;
use crate::http::answer::Cache;
use crate::http::form::Columns;
use crate::http::{Answer, ApiError, ApiResult, Code, PageRequest, Params};
use crate::kernel::Micros;
use crate::kernel::id::{AlertId, AppId, KeyId, PartnerId};
use crate::kernel::word::Word as _;
use crate::storage::{Db, StoreError};
use actix_web::{HttpRequest, get, web};
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::LazyLock;
use utoipa::{PartialSchema as _, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the handlers.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list_alerts);
}

/// What was told.
#[derive(Debug, Serialize, ToSchema)]
pub struct AlertOut {
    /// Its id.
    #[schema(value_type = String, example = "alr_7HqK2mXw9Pz")]
    pub id: AlertId,
    /// What it tells: `threshold` (so much of a quota is used), `high_usage`, `many_errors`, `many_refusals` or
    /// `silence` (an hour of an app was unlike the same hour of the days before), `key_leaked` (a secret of a key was
    /// found where everybody can read it), `spend` (so much of a budget is spent), `spend_projected` (a budget is expected to be
    /// passed before its period ends) or, to the retailer alone, `token_leaked` (an admin token was found).
    #[schema(example = "threshold")]
    pub kind: Kind,
    /// The partner; null of an admin token.
    #[schema(required = true, value_type = Option<String>, example = "prt_4kPz09aBcDe")]
    pub partner_id: Option<PartnerId>,
    /// The app; null where all apps of the partner are counted together.
    #[schema(required = true, value_type = Option<String>, example = "app_7nRy25kLmNo")]
    pub app_id: Option<AppId>,
    /// The key, where it is counted alone or was found.
    #[schema(required = true, value_type = Option<String>, example = json!(null))]
    pub key_id: Option<KeyId>,
    /// Of a threshold: how much of which quota; null otherwise.
    #[schema(required = true)]
    pub quota: Option<QuotaUse>,
    /// Of what is unusual: the hour in which it began; null otherwise.
    #[schema(required = true)]
    pub hour: Option<UnusualHour>,
    /// Of a secret that was found: where, and what is done about it; null otherwise.
    #[schema(required = true)]
    pub leak: Option<FoundSecret>,
    /// Of a budget: how much of it is spent, or expected to be; null otherwise.
    #[schema(required = true)]
    pub spend: Option<SpendUse>,
    /// When it was noticed.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    pub raised_at: Micros,
    /// The first hour that was usual again; null while it is not, and of all that is no hour.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = json!(null))]
    pub ended_at: Option<Micros>,
}

impl From<Alert> for AlertOut {
    fn from(alert: Alert) -> Self {
        let (mut quota, mut hour, mut leak, mut spend) = (None, None, None, None);
        match alert.detail {
            Detail::Quota(of) => quota = Some(of),
            Detail::Hour(of) => hour = Some(of),
            Detail::Leak(of) => leak = Some(of),
            Detail::Spend(of) => spend = Some(of),
        }
        Self {
            id: alert.id,
            kind: alert.kind,
            partner_id: alert.whose.partner,
            app_id: alert.whose.app,
            key_id: alert.whose.key,
            quota,
            hour,
            leak,
            spend,
            raised_at: alert.raised_at,
            ended_at: alert.ended_at,
        }
    }
}

/// The columns of the list as CSV.
static COLUMNS: LazyLock<Columns> = LazyLock::new(Columns::of::<AlertOut>);

/// A page of alerts.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes a page, which is put together from finished lines")]
pub struct PageOfAlerts {
    /// The alerts, the newest first.
    items: Vec<AlertOut>,
    /// Path and query of the next page; null on the last one.
    #[schema(required = true, example = json!(null))]
    next: Option<String>,
    /// Path and query of this page.
    #[schema(rename = "self", example = "/v1/usage/alerts?limit=50")]
    own: String,
}

/// What is posted to a subscription's address, or to the retailer's own.
#[derive(Debug, Serialize, ToSchema)]
struct AlertMessageOut {
    /// The event: `usage.threshold`, `usage.anomaly`, `usage.spend`, `key.leaked` or, to the retailer's own receiver
    /// alone, `token.leaked`.
    #[serde(rename = "type")]
    #[schema(example = "usage.threshold")]
    event: &'static str,
    /// When it was noticed.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    timestamp: Micros,
    /// The alert.
    data: AlertOut,
}

/// The message that tells an alert.
pub(super) fn message(alert: &Alert) -> Result<String, StoreError> {
    let (event, timestamp) = (alert.kind.event(), alert.raised_at);
    let message = AlertMessageOut { event, timestamp, data: alert.clone().into() };
    serde_json::to_string(&message).map_err(|error| StoreError::corrupt("alerts", error))
}

/// Adds what is posted to receivers to a document (OpenAPI 3.1 §4.8.1, `webhooks`).
pub fn describe(document: &mut Value) {
    let mut schemas = Vec::new();
    AlertMessageOut::schemas(&mut schemas);
    schemas.push((AlertMessageOut::name().into_owned(), AlertMessageOut::schema()));
    for (name, schema) in schemas {
        document["components"]["schemas"][name] = serde_json::to_value(schema).unwrap_or_default();
    }
    // Signed as the messages about changes are.
    let mut alert = document["webhooks"]["change"]["post"].clone();
    alert["operationId"] = json!("receive_alert");
    alert["summary"] = json!("Something about your own usage or keys that a subscription wants");
    let content = &mut alert["requestBody"]["content"]["application/json"];
    content["schema"] = json!({ "$ref": "#/components/schemas/AlertMessageOut" });
    document["webhooks"]["alert"] = json!({ "post": alert });
}

/// Where a page of the newest first goes on.
pub fn before(page: &PageRequest) -> ApiResult<Option<(Micros, AlertId)>> {
    let wrong = || ApiError::new(Code::InvalidCursor, "The cursor is not of this list.");
    let behind = |(at, id)| Ok((Micros(i64::try_from(at).map_err(|_| wrong())?), AlertId(id)));
    page.after_pair()?.map(behind).transpose()
}

/// The keys by which a page goes on behind an alert.
#[must_use]
pub fn keys(alert: &Alert) -> (u64, u64) {
    (alert.raised_at.0.unsigned_abs(), alert.id.0)
}

/// Your alerts
///
/// What you were told of your own usage, newest first, of your app and of all apps of yours together: quotas of which
/// so much is used as the retailer has set (50, 80 and 100 percent unless set otherwise), each once in a period, hours
/// in which your app called as it usually does not, budgets of which so much is spent or that are expected to be passed,
/// each once in a period, and keys of your app that were found where everybody can read them. Subscriptions to
/// `usage.threshold`, `usage.anomaly`, `usage.spend` and `key.leaked` tell them as they come. Never billed.
#[utoipa::path(
    operation_id = "list_usage_alerts", tag = "usage",
    params(
        ("kind" = inline(Option<Kind>), Query, description = "Only alerts of this kind.", example = "threshold"),
        ("since" = Option<String>, Query, format = DateTime, description = "Only alerts that were raised at this instant or later.", example = "2026-11-01T00:00:00Z"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200, description = "Most alerts in the page.", example = 50),
        ("cursor" = Option<String>, Query, description = "Where the page begins: take it from `next`.", example = "c7HqK2mXw9Pz000000000001A2b3C"),
    ),
    responses(
        (status = 200, description = "The page", body = PageOfAlerts),
        (status = 304, description = "Not changed since the `ETag` in `If-None-Match`"),
    )
)]
#[get("/v1/usage/alerts")]
async fn list_alerts(
    caller: Caller<op::ListUsageAlerts>,
    request: HttpRequest,
    db: web::Data<Db>,
) -> ApiResult<Answer> {
    let mut params = Params::new(request.query_string());
    let kind = params.one_of("kind", Kind::WORDS);
    let since = params.value("since");
    let page = PageRequest::read(&request, &mut params).with_columns(&COLUMNS);
    params.finish()?;
    let (partner, app) = (Some(caller.key().partner), Some(caller.app()));
    let limit = u32::try_from(page.limit()).unwrap_or(u32::MAX).saturating_add(1);
    let before = before(&page)?;
    let asked = Asked { partner, app, of_all_apps: true, kind, since, before, limit };
    let mut found: Vec<Stored> = store::page(&db, &asked).await?;
    let more = found.len() > page.limit();
    found.truncate(page.limit());
    let next = found.last().filter(|_| more).map(|last| keys(&last.alert));
    let lines: Result<Vec<Vec<u8>>, _> =
        found.into_iter().map(|it| serde_json::to_vec(&AlertOut::from(it.alert))).collect();
    let lines = lines.map_err(|error| StoreError::corrupt("alerts", error))?;
    page.answer(&lines, next, Cache::NoStore)
}
