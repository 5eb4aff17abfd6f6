//! `GET /v1/usage`: what the caller's app has used, from the ledger, and the limits it is held to.

use super::standing::{self, LimitStandingOut};
use super::usage::{By, Granularity, UsageRow, usage};
use crate::access::Scope;
use crate::access::caller::Caller;
use crate::access::directory::Keyring;
use crate::access::op;
use crate::http::answer::Cache;
use crate::http::form::{self, Columns, Form};
use crate::http::{Answer, ApiResult, Params};
use crate::kernel::clock::HOUR;
use crate::kernel::{Clock, Micros};
use crate::storage::{Db, StoreError};
use actix_web::http::header::ACCEPT;
use actix_web::{HttpRequest, get, web};
use serde::Serialize;
use std::sync::{Arc, LazyLock};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

/// Longest span that is shown by hour: 31 days.
const MOST_HOURS: i64 = 31 * 24 * HOUR;
/// Longest span at all: 400 days.
const MOST: i64 = 400 * 24 * HOUR;

/// What the handler needs.
#[derive(Debug)]
pub struct UsageState {
    /// The ledger's database.
    pub db: Db,
    /// The time.
    pub clock: Clock,
    /// The limits.
    pub keyring: Arc<Keyring>,
    /// Who bills, as statements name it that are printed; empty where that is not said.
    pub issuer: String,
    /// How long after its end a billing period can be closed at the earliest, in microseconds.
    pub grace: i64,
}

/// Mounts the handlers.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(get_usage);
}

/// What an app has used in a span of time.
#[derive(Debug, Serialize, ToSchema)]
pub struct UsageOut {
    /// Start of the span, inclusive: a full hour.
    #[schema(value_type = String, format = DateTime, example = "2026-11-01T00:00:00Z")]
    from: Micros,
    /// End of the span, exclusive: a full hour.
    #[schema(value_type = String, format = DateTime, example = "2026-12-01T00:00:00Z")]
    to: Micros,
    /// Everything answered up to about this instant is counted; null before the first call.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = "2026-11-22T09:41:07Z")]
    as_of: Option<Micros>,
    /// The app.
    #[schema(example = "app_00000000001")]
    app_id: String,
    /// The plan in force.
    #[schema(example = "pln_00000000001")]
    plan_id: String,
    /// Its version.
    #[schema(example = 1)]
    plan_version: u32,
    /// The limits that this key is held to, as they stand now. Quotas count what is billed: test keys have rates in their
    /// place.
    limits: Vec<LimitStandingOut>,
    /// What this key may do.
    #[schema(example = json!(["catalog:read"]))]
    scopes: Vec<&'static str>,
    /// One row for each bucket of time, environment, operation and status, and for each key where `by` asks for it.
    items: Vec<UsageItemOut>,
}

/// Calls of one kind in one bucket of time.
#[derive(Debug, Serialize, ToSchema)]
pub struct UsageItemOut {
    /// Start of the bucket, which may lie before `from`: only calls of the span are counted.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T00:00:00Z")]
    start: Micros,
    /// `live` or `test`.
    #[schema(example = "live")]
    environment: String,
    /// The operation's id in this document; `deliver_message` for messages to your subscriptions and
    /// `deliver_test_message` for those that try a receiver out.
    #[schema(example = "get_product")]
    operation_id: String,
    /// The HTTP status; 0 where a receiver gave none.
    #[schema(example = 200)]
    status: u16,
    /// Whether these calls are billed.
    #[schema(example = true)]
    billable: bool,
    /// The key that was used, where `by=key` asks for it; else null.
    #[schema(required = true, example = "key_0Ab12Cd34Ef")]
    key_id: Option<String>,
    /// How many calls.
    #[schema(example = 4711)]
    requests: i64,
    /// Resources in the answers.
    #[schema(example = 4711)]
    records: i64,
    /// Bytes of the answers' bodies.
    #[schema(example = 4_200_000)]
    bytes: i64,
    /// Units that are billed, a decimal with three digits: the sum of the `X-Request-Cost` of these calls, and
    /// so zero where `billable` is false.
    #[schema(example = "4711.000")]
    units: String,
}

impl From<UsageRow> for UsageItemOut {
    fn from(row: UsageRow) -> Self {
        let UsageRow { key, sums } = row;
        let billed = if key.billable { sums.weight_milli } else { 0 };
        let (whole, milli) = (billed / 1000, billed % 1000);
        Self {
            start: key.start,
            environment: key.environment,
            operation_id: key.operation,
            status: key.status,
            billable: key.billable,
            key_id: key.key,
            requests: sums.requests,
            records: sums.records,
            bytes: sums.bytes,
            units: format!("{whole}.{milli:03}"),
        }
    }
}

/// Your usage and limits
///
/// What your app has used, by time, operation and status, from the same ledger that is billed, with
/// the limits of your plan. Never billed, and answered once a second where a limit is reached. Calls appear about a second after they were answered. A message to
/// a subscription is listed and billed once, when its receiver first takes it; one that was given up, and a
/// test, is listed and free.
/// Usage is summed by the hour, so `from` and `to` are full hours: spans that meet count each call once. As JSON; the rows
/// alone as `text/csv` or `application/x-ndjson`.
#[utoipa::path(
    operation_id = "get_usage", tag = "usage",
    params(
        ("from" = Option<String>, Query, format = DateTime, description = "Start of the span, inclusive: a full hour (UTC), RFC 3339. The start of this month (UTC) where it is left out.", example = "2026-11-01T00:00:00Z"),
        ("to" = Option<String>, Query, format = DateTime, description = "End of the span, exclusive: a full hour (UTC), RFC 3339. The end of the present hour where it is left out.", example = "2026-12-01T00:00:00Z"),
        ("granularity" = inline(Option<Granularity>), Query, description = "Length of a row's bucket: `hour` (up to 31 days), `day` or `month`, in UTC. `day` where it is left out.", example = "day"),
        ("by" = inline(Option<By>), Query, description = "`key`: rows are kept apart by key, too, so that `key_id` is told.", example = "key"),
    ),
    responses((status = 200, description = "The usage", body = UsageOut), (status = 304, description = "Not changed since the `ETag` in `If-None-Match`"))
)]
#[get("/v1/usage")]
async fn get_usage(
    caller: Caller<op::GetUsage>,
    request: HttpRequest,
    state: web::Data<UsageState>,
) -> ApiResult<Answer> {
    let (from, to, shape) = span(request.query_string(), state.clock.now())?;
    let whose = caller.whose();
    let usage = usage(&state.db, whose, from, to, shape).await?;
    let key = caller.key();
    let out = UsageOut {
        from,
        to,
        as_of: usage.as_of,
        app_id: key.app.to_string(),
        plan_id: key.granted.plan.to_string(),
        plan_version: key.granted.version,
        limits: standing::of(&state.keyring, key, state.clock.now()),
        scopes: key.scopes.iter().map(Scope::as_str).collect(),
        items: usage.rows.into_iter().map(Into::into).collect(),
    };
    answer(&request, &out, &out.items)
}

/// The columns of the rows as CSV: none of them holds a text that somebody has written, so none is taken for a formula.
static COLUMNS: LazyLock<Columns> = LazyLock::new(Columns::of::<UsageItemOut>);

/// Answers with a document, or with its rows alone where the client prefers lines or a table.
pub fn answer(
    request: &HttpRequest,
    document: &impl Serialize,
    items: &[UsageItemOut],
) -> ApiResult<Answer> {
    let accept = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok());
    let form = Form::preferred_of_rows(accept.unwrap_or_default());
    let records = u32::try_from(items.len()).unwrap_or(u32::MAX);
    if form == Form::Json {
        return Answer::json(document, Cache::NoStore, records);
    }
    let rows: Result<Vec<Vec<u8>>, _> = items.iter().map(serde_json::to_vec).collect();
    let rows = rows.map_err(|error| StoreError::corrupt("usage_hours", error))?;
    let body = if form == Form::Csv { COLUMNS.table(&rows)? } else { form::lines(&rows) };
    Ok(Answer { form, ..Answer::new(body, Cache::NoStore, records) })
}

/// The span that a query asks for, its granularity, and by what rows are kept apart.
pub fn span(query: &str, now: Micros) -> ApiResult<(Micros, Micros, (Granularity, Option<By>))> {
    let mut params = Params::new(query);
    let words =
        [("hour", Granularity::Hour), ("day", Granularity::Day), ("month", Granularity::Month)];
    let granularity = params.one_of("granularity", &words).unwrap_or(Granularity::Day);
    let by = params.one_of("by", &[("key", By::Key)]);
    let from = full_hour(&mut params, "from").unwrap_or_else(|| month_start(now));
    let to = full_hour(&mut params, "to").unwrap_or(Micros(now.hour().0.saturating_add(HOUR)));
    let most = if granularity == Granularity::Hour { MOST_HOURS } else { MOST };
    if to < from {
        params.fault("to", "out_of_range", "is before `from`");
    } else if to.0 - from.0 > most {
        let days = most / (24 * HOUR);
        params.fault(
            "from",
            "out_of_range",
            format!("is more than {days} days before `to`; ask for a shorter span"),
        );
    }
    params.finish()?;
    Ok((from, to, (granularity, by)))
}

/// A bound of a span. Sums are kept by the hour, so a bound within one cannot be answered exactly.
fn full_hour(params: &mut Params, name: &'static str) -> Option<Micros> {
    let at: Micros = params.value(name)?;
    if at == at.hour() {
        return Some(at);
    }
    let message = "is not the start of a full hour in UTC, by which usage is summed";
    let nearest = Micros(at.0.saturating_add(HOUR / 2)).hour();
    params.fault_with_suggestion(name, "out_of_range", message, nearest.to_string());
    Some(at)
}

/// The first instant of the month that holds `now`, in UTC.
fn month_start(now: Micros) -> Micros {
    let month = now.timestamp().to_zoned(jiff::tz::TimeZone::UTC).date().first_of_month();
    month.to_zoned(jiff::tz::TimeZone::UTC).map_or(now, |start| start.timestamp().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Micros {
        text.parse().unwrap()
    }

    #[test]
    fn a_span_is_the_month_to_the_end_of_this_hour() {
        for (now, to) in [
            ("2026-11-22T12:00:00Z", "2026-11-22T13:00:00Z"),
            ("2026-11-22T12:59:59.999999Z", "2026-11-22T13:00:00Z"),
        ] {
            let (from, until, _) = span("", at(now)).unwrap();
            assert_eq!((from, until), (at("2026-11-01T00:00:00Z"), at(to)));
        }
        assert!(span("granularity=hour", at("2026-12-31T23:30:00Z")).is_ok());
    }

    #[test]
    fn bounds_within_an_hour_are_refused_with_the_nearest_full_one() {
        let now = at("2026-11-22T12:34:56Z");
        let query = "from=2026-11-22T10:29:59Z&to=2026-11-22T11:30:00Z";
        let problem = span(query, now).unwrap_err().problem("/", "r");
        let suggested: Vec<_> = problem.errors.iter().map(|e| e.suggestion.as_deref()).collect();
        assert_eq!(suggested, [Some("2026-11-22T10:00:00Z"), Some("2026-11-22T12:00:00Z")]);
        let (from, to, _) =
            span("from=2026-11-22T12:00:00%2B01:00&to=2026-11-22T11:00:00Z", now).unwrap();
        assert_eq!((from, to), (at("2026-11-22T11:00:00Z"), at("2026-11-22T11:00:00Z")));
    }
}
