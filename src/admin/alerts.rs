//! Alerts over HTTP: what partners and retailer were told.

use super::caller::AdminCaller;
use super::page::{self, PageOut, PageQuery};
use super::problems::Problems;
use super::state::State;
use crate::alerts::api::{AlertOut, before, keys};
use crate::alerts::model::{FoundSecret, Kind, QuotaUse, SpendUse, UnusualHour};
use crate::alerts::store::{self, Asked, Post, Stored};
use crate::http::{Answer, ApiResult, Params};
use crate::kernel::Micros;
use crate::kernel::id::{AlertId, AppId, KeyId, PartnerId};
use crate::kernel::word::Word as _;
use actix_web::{HttpRequest, get};
use serde::Serialize;
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the operations on alerts.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list_alerts);
}

/// What became of the message to the retailer's own receiver (`alerts.webhook_url`).
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct AlertPostOut {
    /// `pending`, `delivered` or `failed`.
    #[schema(example = "delivered")]
    status: String,
    /// How often it was sent.
    #[schema(example = 1)]
    attempts: i64,
    /// When it is sent next, while it waits.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = json!(null))]
    next_attempt_at: Option<Micros>,
    /// How the receiver answered last.
    #[schema(required = true, example = 204)]
    response_status: Option<i64>,
    /// Why it did not answer, in a word.
    #[schema(required = true, example = json!(null))]
    error: Option<String>,
}

/// An alert, and what became of its message.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct AdminAlertOut {
    /// Its id.
    #[schema(value_type = String, example = "alr_7HqK2mXw9Pz")]
    id: AlertId,
    /// What it tells: `threshold` (so much of a quota is used), `high_usage`, `many_errors`, `many_refusals` or
    /// `silence` (an hour of an app was unlike the same hour of the days before), `key_leaked` or `token_leaked` (a
    /// secret of a key, or an admin token, was found where everybody can read it), `spend` (so much of a budget is spent) or
    /// `spend_projected` (a budget is expected to be passed before its period ends).
    #[schema(example = "threshold")]
    kind: Kind,
    /// The partner; null of an admin token.
    #[schema(required = true, value_type = Option<String>, example = "prt_4kPz09aBcDe")]
    partner_id: Option<PartnerId>,
    /// The app; null where all apps of the partner are counted together.
    #[schema(required = true, value_type = Option<String>, example = "app_7nRy25kLmNo")]
    app_id: Option<AppId>,
    /// The key, where it is counted alone or was found.
    #[schema(required = true, value_type = Option<String>, example = json!(null))]
    key_id: Option<KeyId>,
    /// Of a threshold: how much of which quota; null otherwise.
    #[schema(required = true)]
    quota: Option<QuotaUse>,
    /// Of what is unusual: the hour in which it began; null otherwise.
    #[schema(required = true)]
    hour: Option<UnusualHour>,
    /// Of a secret that was found: where, and what is done about it; null otherwise.
    #[schema(required = true)]
    leak: Option<FoundSecret>,
    /// Of a budget: how much of it is spent, or expected to be; null otherwise.
    #[schema(required = true)]
    spend: Option<SpendUse>,
    /// When it was noticed.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    raised_at: Micros,
    /// The first hour that was usual again; null while it is not, and of all that is no hour.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = json!(null))]
    ended_at: Option<Micros>,
    /// What became of the message to the retailer's own receiver; null where there was none.
    #[schema(required = true)]
    post: Option<AlertPostOut>,
}

impl From<Post> for AlertPostOut {
    fn from(post: Post) -> Self {
        Self {
            status: post.status,
            attempts: post.attempts,
            next_attempt_at: post.next_at,
            response_status: post.answer,
            error: post.error,
        }
    }
}

impl From<Stored> for AdminAlertOut {
    fn from(stored: Stored) -> Self {
        let alert: AlertOut = stored.alert.into();
        Self {
            id: alert.id,
            kind: alert.kind,
            partner_id: alert.partner_id,
            app_id: alert.app_id,
            key_id: alert.key_id,
            quota: alert.quota,
            hour: alert.hour,
            leak: alert.leak,
            spend: alert.spend,
            raised_at: alert.raised_at,
            ended_at: alert.ended_at,
            post: stored.post.map(Into::into),
        }
    }
}

/// A page of alerts
///
/// Newest first: quotas that have reached a threshold, each once in a period, hours in which an app called as it
/// usually does not, budgets of which so much is spent or that are expected to be passed, and keys and admin tokens that
/// were found where everybody can read them (`[alerts]` in the settings explains the rules). Mails about them are in `GET /admin/v1/mails`.
#[utoipa::path(
    tag = "alerts", operation_id = "list_alerts",
    params(
        ("partner_id" = Option<String>, Query, description = "Only alerts about this partner", example = "prt_4kPz09aBcDe"),
        ("app_id" = Option<String>, Query, description = "Only alerts about this app", example = "app_7nRy25kLmNo"),
        ("kind" = inline(Option<Kind>), Query, description = "Only alerts of this kind", example = "threshold"),
        ("since" = Option<String>, Query, format = DateTime, description = "Only alerts that were raised at this instant or later", example = "2026-11-01T00:00:00Z"),
        PageQuery
    ),
    responses((status = 200, description = "The page", body = PageOut<AdminAlertOut>), Problems),
    security(("admin_token" = []))
)]
#[get("/alerts")]
async fn list_alerts(
    _caller: AdminCaller,
    request: HttpRequest,
    state: State,
) -> ApiResult<Answer> {
    let mut params = Params::new(request.query_string());
    let (partner, app) = (params.value("partner_id"), params.value("app_id"));
    let kind = params.one_of("kind", Kind::WORDS);
    let since = params.value("since");
    let page = page::read(&request, params)?;
    let (before, limit) = (before(&page)?, page::rows(&page));
    let asked = Asked { partner, app, of_all_apps: false, kind, since, before, limit };
    let found = store::page(&state.db, &asked).await?;
    page::answer_by(&page, found, |stored| keys(&stored.alert), AdminAlertOut::from)
}
