//! The audit log for those who keep it elsewhere: as lines with their hashes, and its head.

use crate::access::audit::{Entry, GENESIS, store};
use crate::admin::caller::AdminCaller;
use crate::admin::problems::Problems;
use crate::admin::state::State;
use crate::http::answer::Cache;
use crate::http::form::NDJSON;
use crate::http::{Answer, ApiResult, Params};
use crate::kernel::Micros;
use crate::storage::{Db, StoreError};
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, HttpResponse, get};
use bytes::Bytes;
use futures_util::{Stream, stream};
use serde::Serialize;
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the export and the head.
pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(export_audit).service(get_audit_head);
}

/// The last entry of the audit log. Keep it where nobody who can write to the database can: with it,
/// `comptoir audit verify --head` also sees a chain that was made anew.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct HeadOut {
    /// Its position; 0 while there is none.
    #[schema(minimum = 0, example = 71)]
    position: i64,
    /// Its hash; zeros while there is none.
    #[schema(example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    hash: String,
    /// When it was written; null while there is none.
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-11-22T09:41:07Z")]
    occurred_at: Option<Micros>,
}

/// The audit log as lines
///
/// Oldest first, one JSON object per line, each with its hash and that of the entry before: `comptoir audit
/// verify FILE` checks them without a database. A part that begins later than at 1 is checked behind the entry
/// before it, which has to be named (`--after POSITION:HASH`).
#[utoipa::path(
    tag = "audit", operation_id = "export_audit",
    params(
        ("from" = Option<i64>, Query, minimum = 1, description = "Position of the first entry, 1 where it is left out", example = 1),
        ("to" = Option<i64>, Query, minimum = 1, description = "Position of the last entry, the newest where it is left out", example = 500)
    ),
    responses((status = 200, description = "The entries, one in a line", body = Entry, content_type = "application/x-ndjson"), Problems),
    security(("admin_token" = []))
)]
#[get("/audit/export")]
async fn export_audit(
    _caller: AdminCaller,
    request: HttpRequest,
    state: State,
) -> ApiResult<HttpResponse> {
    let mut params = Params::new(request.query_string());
    let [from, to] = ["from", "to"].map(|name| position(&mut params, name));
    params.finish()?;
    let head = store::head(&state.db).await?.map_or(0, |(position, ..)| position);
    let lines = lines(state.db.clone(), from.unwrap_or(1) - 1, to.unwrap_or(head).min(head));
    Ok(HttpResponse::Ok().insert_header((CONTENT_TYPE, NDJSON)).streaming(lines))
}

fn position(params: &mut Params, name: &'static str) -> Option<i64> {
    let position = params.text(name)?.parse::<i64>().ok().filter(|position| *position >= 1);
    if position.is_none() {
        params.fault(name, "out_of_range", "must be a position: a whole number from 1 on");
    }
    position
}

/// The lines behind a position up to another. A database that fails cuts the answer off, so that what
/// is there is not taken for the whole.
fn lines(db: Db, after: i64, to: i64) -> impl Stream<Item = Result<Bytes, StoreError>> {
    stream::try_unfold(after, move |after| {
        let db = db.clone();
        async move {
            let entries = store::range(&db, after, to, store::BATCH).await?;
            let Some((last, _)) = entries.last() else { return Ok(None) };
            let last = last.position;
            let mut lines = Vec::new();
            for (entry, _) in &entries {
                serde_json::to_writer(&mut lines, entry)
                    .map_err(|error| StoreError::corrupt("audit_log", error))?;
                lines.push(b'\n');
            }
            Ok(Some((Bytes::from(lines), last)))
        }
    })
}

/// The head of the audit log
///
/// Position and hash of its last entry, on which all before depend.
#[utoipa::path(
    tag = "audit", operation_id = "get_audit_head",
    responses((status = 200, description = "The last entry", body = HeadOut), Problems),
    security(("admin_token" = []))
)]
#[get("/audit/head")]
async fn get_audit_head(_caller: AdminCaller, state: State) -> ApiResult<Answer> {
    let head = store::head(&state.db).await?;
    let none = || HeadOut { position: 0, hash: GENESIS.to_owned(), occurred_at: None };
    let head = head.map_or_else(none, |(position, hash, at)| HeadOut {
        position,
        hash,
        occurred_at: Some(at),
    });
    Answer::json(&head, Cache::NoStore, 1)
}
