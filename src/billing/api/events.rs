//! `GET /v1/usage/events`: the caller's own events, and what the retailer's operation shares with it.

use super::schema::PageOfEvents;
use crate::access::caller::Caller;
use crate::access::op;
use crate::billing::export::page::page;
use crate::billing::export::{Asked, ExportError, Format};
use crate::changes::api::behind;
use crate::http::answer::Cache;
use crate::http::form::Form;
use crate::http::page::link;
use crate::http::{Answer, ApiError, ApiResult, Code, Params};
use crate::metering::walk::ExportSeq;
use crate::storage::Db;
use actix_web::http::header::ACCEPT;
use actix_web::{HttpRequest, get, web};
use utoipa_actix_web::service_config::ServiceConfig;

/// Rows of a page where nobody says how many, and most of all.
const ROWS: usize = 1_000;
const MOST_ROWS: usize = 10_000;
/// The last number that every reader of JSON keeps exactly: 8,589,934,591 segments.
const MOST_AFTER: i64 = (1 << 53) - 1;

pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list_usage_events);
}

/// Where a page begins, and how many rows it may have.
pub fn place(params: &mut Params) -> (ExportSeq, usize) {
    let after = params.text("after").map_or(Some(0), |after| after.parse::<i64>().ok());
    let after = after.filter(|after| (0..=MOST_AFTER).contains(after));
    if after.is_none() {
        params.fault("after", "out_of_range", "must be 0 or a number that a page gave as `next`");
    }
    let limit = params.whole("limit", 1..=MOST_ROWS).unwrap_or(ROWS);
    (ExportSeq(after.unwrap_or(0)), limit)
}

/// Answers with a page in the form that the client prefers.
pub async fn answer(
    request: &HttpRequest,
    db: &Db,
    asked: Asked,
    limit: usize,
) -> ApiResult<Answer> {
    let accept = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok());
    let form = Form::preferred_of_rows(accept.unwrap_or_default());
    let page = page(db, asked, limit).await?;
    let body = match form {
        Form::Csv => page.text(Format::Csv).map_err(unwritten)?,
        Form::Ndjson => page.text(Format::Ndjson).map_err(unwritten)?,
        _ => page.json().into_bytes(),
    };
    let records = u32::try_from(page.rows.len()).unwrap_or(u32::MAX);
    let link = page.has_more().then(|| link(&behind(request, page.next)));
    Ok(Answer { form, link, ..Answer::new(body, Cache::NoStore, records) })
}

fn unwritten(error: ExportError) -> ApiError {
    match error {
        ExportError::Store(error) => error.into(),
        error => {
            tracing::error!(%error, "rows of usage could not be written");
            let detail = "The failure has been recorded; quote the request id.";
            ApiError::new(Code::Internal, detail)
        }
    }
}

/// Your usage, call by call
///
/// A row for each call of your app that was answered, billed or not, as the retailer's export has it, in the order in which
/// calls came into the ledger, about a second after their answers. `after` goes on where the last page ended: nothing is
/// missed and nothing comes twice. A page may have few rows or none although more follow, as long as `next` is below
/// `stable_high_water`; in lines and tables, as long as there is a `Link` to the next page. Never billed. Of an app that was
/// transferred, its new partner sees its own calls alone.
#[utoipa::path(
    operation_id = "list_usage_events", tag = "usage",
    params(
        ("after" = Option<i64>, Query, minimum = 0, description = "Only events behind this number: `next` of the page before, or the `export_seq` of its last row. 0 where it is left out.", example = 4_194_303),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 10000, description = "Most rows in the page; 1,000 where it is left out.", example = 50),
    ),
    responses(
        (status = 200, description = "The page.", body = PageOfEvents),
        (status = 304, description = "Not changed since the `ETag` in `If-None-Match`"),
    )
)]
#[get("/v1/usage/events")]
async fn list_usage_events(
    caller: Caller<op::ListUsageEvents>,
    request: HttpRequest,
    db: web::Data<Db>,
) -> ApiResult<Answer> {
    let mut params = Params::new(request.query_string());
    let (after, limit) = place(&mut params);
    params.finish()?;
    let (partner, app) = (Some(caller.key().partner), Some(caller.app()));
    answer(&request, &db, Asked { after, partner, app, ..Asked::default() }, limit).await
}
