//! Imports as they are looked at, and deletions that wait for approval.

use super::caller::AdminCaller;
use super::page::{self, PageOut, PageQuery};
use super::problems::{Conflicts, Missing, Problems};
use super::state::{State, done};
use crate::access::error::Kind;
use crate::access::store::{Change, record};
use crate::feeds::Feed;
use crate::feeds::store::held::{self, DecisionError, Import, ImportQuery, ImportStatus};
use crate::http::answer::Cache;
use crate::http::page::link;
use crate::http::path::not_found;
use crate::http::{Answer, ApiError, ApiResult, Code, Params};
use crate::kernel::Micros;
use crate::kernel::id::ImportId;
use crate::kernel::word::Word as _;
use crate::storage::Tx;
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use serde::Serialize;
use serde_json::json;
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the operations on imports.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_imports)
        .service(get_import)
        .service(list_refused_rows)
        .service(approve_import)
        .service(reject_import);
}

/// A refused row.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct RefusedOut {
    /// Its line in the file.
    #[schema(example = 17)]
    pub(super) line: u64,
    /// The field at fault.
    #[schema(example = "gtin")]
    pub(super) field: String,
    /// What stood there, cut to 80 characters.
    #[schema(example = "3276550063552")]
    pub(super) value: String,
    /// What kind of fault.
    #[schema(example = "invalid_gtin")]
    pub(super) code: String,
    /// What is wrong and what would be right.
    #[schema(example = "ends with 2, expected 1: 3276550063551 would be right")]
    pub(super) message: String,
}

impl From<held::Refused> for RefusedOut {
    fn from(row: held::Refused) -> Self {
        Self {
            line: row.line.unsigned_abs(),
            field: row.field,
            value: row.value,
            code: row.code,
            message: row.message,
        }
    }
}

/// An import.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct ImportOut {
    /// Its id.
    #[schema(example = "imp_0Ab12Cd34Ef")]
    id: String,
    /// What it was about.
    #[schema(value_type = Feed, example = "products")]
    feed: String,
    /// How the file was laid out.
    #[schema(example = "google-products")]
    format: String,
    /// `full` or `incremental`.
    #[schema(example = "full")]
    mode: String,
    /// How it stands.
    #[schema(value_type = ImportStatus, example = "held")]
    status: String,
    /// Where the file came from: the source by its name, `upload` or `cli`; null in imports from before this was
    /// recorded.
    #[schema(required = true, example = "web-shop")]
    source: Option<String>,
    /// The file's name.
    #[schema(example = "catalog.tsv")]
    file_name: String,
    /// SHA-256 of the file.
    #[schema(example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    sha256: String,
    /// Rows that were stored.
    #[schema(example = 4980)]
    accepted: i64,
    /// Rows that changed nothing.
    #[schema(example = 18)]
    unchanged: i64,
    /// Rows that were refused.
    #[schema(example = 2)]
    rejected: i64,
    /// Resources that were deleted because the file did not name them.
    #[schema(example = 0)]
    deleted: i64,
    /// Deletions that wait for approval.
    #[schema(example = 612)]
    held: i64,
    /// What the file says that its format has no use for: names of columns or fields, the first 50; and those of
    /// reductions that are none, with the reason.
    #[schema(max_items = 50, example = json!(["shipping", "tax"]))]
    unread: Vec<String>,
    /// When it began.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    started_at: Micros,
    /// When it ended.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:31Z")]
    finished_at: Micros,
}

impl From<Import> for ImportOut {
    fn from(from: Import) -> Self {
        Self {
            id: from.id,
            feed: from.feed,
            format: from.format,
            mode: from.mode,
            status: from.status,
            source: from.source,
            file_name: from.file_name,
            sha256: from.sha256,
            accepted: from.accepted,
            unchanged: from.unchanged,
            rejected: from.rejected,
            deleted: from.deleted,
            held: from.held,
            unread: from.unread.0,
            started_at: Micros(from.started_at),
            finished_at: Micros(from.finished_at),
        }
    }
}

/// An import with what is at fault and what would be deleted.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct ImportDetailOut {
    /// The import.
    import: ImportOut,
    /// Its first 20 refused rows.
    #[schema(max_items = 20)]
    refused: Vec<RefusedOut>,
    /// Some of the resources that wait to be deleted, by id.
    #[schema(example = json!(["prd_7HqK2mXw9Pz"]))]
    sample: Vec<String>,
}

/// Refused rows of an import, a page of them.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct RefusedRowsOut {
    /// The rows, in the order of the file as far as it was read so.
    items: Vec<RefusedOut>,
    /// Path and query of the next page; null on the last one.
    #[schema(
        required = true,
        example = "/admin/v1/imports/imp_0Ab12Cd34Ef/refused?limit=50&cursor=c0Ab…"
    )]
    next: Option<String>,
    /// How many rows were refused.
    #[schema(example = 12044)]
    total: i64,
    /// How many of them can be fetched: the first 10,000, of imports that ten newer ones of the same feed
    /// have followed the first 20.
    #[schema(maximum = 10000, example = 10000)]
    kept: i64,
}

/// Records what was done to an import, and by whom.
pub(super) async fn audit(
    state: &State,
    actor: &str,
    id: &str,
    op: &'static str,
    detail: serde_json::Value,
) -> ApiResult<()> {
    let mut tx = state.db.begin().await?;
    audit_in(&mut tx, state, actor, (id, op, detail)).await?;
    Ok(tx.commit().await?)
}

/// The same, together with what is done.
async fn audit_in(
    tx: &mut Tx,
    state: &State,
    actor: &str,
    (id, op, detail): (&str, &'static str, serde_json::Value),
) -> ApiResult<()> {
    let by = crate::access::service::By::new(actor, state.clock.now());
    let change = Change::new(Kind::Import, id, op, detail);
    Ok(record(tx, &by, change).await?)
}

/// Imports
///
/// The imports of this gateway, by whatever way they came, the newest first. With `status=held` those whose deletions wait
/// for approval.
#[utoipa::path(
    tag = "feeds", operation_id = "list_imports",
    params(
        ("status" = Option<ImportStatus>, Query, description = "Only those that stand so.", example = "held"),
        ("feed" = Option<Feed>, Query, description = "Only those about this.", example = "products"),
        PageQuery,
    ),
    responses((status = 200, description = "A page of imports", body = PageOut<ImportOut>), Problems),
    security(("admin_token" = []))
)]
#[get("/imports")]
async fn list_imports(
    _caller: AdminCaller,
    request: HttpRequest,
    state: State,
) -> ApiResult<Answer> {
    let mut params = Params::new(request.query_string());
    let status = params.one_of("status", ImportStatus::WORDS);
    let feed = params.one_of("feed", &Feed::ALL.map(|feed| (feed.as_str(), feed)));
    let page = page::read(&request, params)?;
    let wrong = |_| ApiError::new(Code::InvalidCursor, "The cursor is not of this list.");
    let behind = match page.after_pair()? {
        Some((at, id)) => Some((i64::try_from(at).map_err(wrong)?, ImportId(id).to_string())),
        None => None,
    };
    let query = ImportQuery { status, feed, behind };
    let rows = held::list(&state.db, &query, page::rows(&page)).await?;
    page::answer_by(&page, rows, keys, ImportOut::from)
}

/// The keys by which a page goes on behind an import.
fn keys(import: &Import) -> (u64, u64) {
    let id = import.id.parse().map_or(0, |ImportId(id)| id);
    (import.started_at.unsigned_abs(), id)
}

/// An import
///
/// Its sums, its first refused rows, and some of what waits to be deleted.
#[utoipa::path(
    tag = "feeds", operation_id = "get_import",
    params(("import_id" = String, Path, description = "Id of the import", example = "imp_0Ab12Cd34Ef")),
    responses((status = 200, description = "The import", body = ImportDetailOut), Missing, Problems),
    security(("admin_token" = []))
)]
#[get("/imports/{import_id}")]
async fn get_import(
    _caller: AdminCaller,
    id: web::Path<String>,
    state: State,
) -> ApiResult<Answer> {
    Answer::json(&detail(&state, &id).await?, Cache::NoStore, 1)
}

/// Refused rows
///
/// Every row of an import that was refused, with its line, the field at fault and what would be right: the
/// first 10,000, of which `total` says how many there were. They are kept for the ten newest imports of each
/// feed.
#[utoipa::path(
    tag = "feeds", operation_id = "list_refused_rows",
    params(("import_id" = String, Path, description = "Id of the import", example = "imp_0Ab12Cd34Ef"), PageQuery),
    responses((status = 200, description = "A page of rows", body = RefusedRowsOut), Missing, Problems),
    security(("admin_token" = []))
)]
#[get("/imports/{import_id}/refused")]
async fn list_refused_rows(
    _caller: AdminCaller,
    request: HttpRequest,
    id: web::Path<String>,
    state: State,
) -> ApiResult<Answer> {
    let page = page::read(&request, Params::new(request.query_string()))?;
    let total = shown(&state, &id).await?.import.rejected;
    let kept = held::count_refused(&state.db, &id).await?;
    let mut rows = held::refused(&state.db, &id, page.after()?, page::rows(&page)).await?;
    let more = rows.len() > page.limit();
    rows.truncate(page.limit());
    let last = rows.last().filter(|_| more);
    let next = last.map(|(number, _)| page.next_url((number.unsigned_abs(), 0)));
    let link = next.as_deref().map(link);
    let items: Vec<RefusedOut> = rows.into_iter().map(|(_, row)| row.into()).collect();
    let records = items.len() as u32;
    let out = RefusedRowsOut { items, next, total, kept };
    Ok(Answer { link, ..Answer::json(&out, Cache::NoStore, records)? })
}

async fn shown(state: &State, id: &str) -> ApiResult<held::Shown> {
    let short: String = id.chars().take(100).collect();
    // PostgreSQL knows no text with a NUL.
    let shown = match id.contains('\0') {
        true => None,
        false => held::show(&state.db, id).await?,
    };
    shown.ok_or_else(|| not_found("import", &short))
}

async fn detail(state: &State, id: &str) -> ApiResult<ImportDetailOut> {
    let held::Shown { import, refused, sample } = shown(state, id).await?;
    let refused = refused.into_iter().map(RefusedOut::from).collect();
    Ok(ImportDetailOut { import: import.into(), refused, sample })
}

/// Approve deletions
///
/// Deletes what a full file did not name and what waits for that, but for what was named again since.
#[utoipa::path(
    tag = "feeds", operation_id = "approve_import",
    params(("import_id" = String, Path, description = "Id of the import", example = "imp_0Ab12Cd34Ef")),
    responses((status = 200, description = "The import", body = ImportDetailOut), Missing, Conflicts, Problems),
    security(("admin_token" = []))
)]
#[post("/imports/{import_id}/approve")]
async fn approve_import(
    caller: AdminCaller,
    id: web::Path<String>,
    state: State,
) -> ApiResult<HttpResponse> {
    let held = detail(&state, &id).await?.import.held;
    // Whatever becomes of the many transactions that delete, it is known who wanted it.
    let mut tx = state.db.begin().await?;
    let approved = held::begin(&mut tx, &id).await.map_err(undecided)?;
    let what = (id.as_str(), "approve", json!({ "held": held }));
    audit_in(&mut tx, &state, caller.actor(), what).await?;
    tx.commit().await?;
    held::carry_out(&state.db, &state.clock, &id, approved).await.map_err(undecided)?;
    done(&detail(&state, &id).await?)
}

/// Reject deletions
///
/// Keeps what a full file did not name. Its rows stay stored.
#[utoipa::path(
    tag = "feeds", operation_id = "reject_import",
    params(("import_id" = String, Path, description = "Id of the import", example = "imp_0Ab12Cd34Ef")),
    responses((status = 200, description = "The import", body = ImportDetailOut), Missing, Conflicts, Problems),
    security(("admin_token" = []))
)]
#[post("/imports/{import_id}/reject")]
async fn reject_import(
    caller: AdminCaller,
    id: web::Path<String>,
    state: State,
) -> ApiResult<HttpResponse> {
    detail(&state, &id).await?;
    let mut tx = state.db.begin().await?;
    held::reject(&mut tx, &id).await.map_err(undecided)?;
    let what = (id.as_str(), "reject", json!({}));
    audit_in(&mut tx, &state, caller.actor(), what).await?;
    tx.commit().await?;
    done(&detail(&state, &id).await?)
}

fn undecided(error: DecisionError) -> ApiError {
    match error {
        DecisionError::NotHeld(_) => {
            ApiError::new(Code::Conflict, "This import holds nothing that waits for approval.")
        }
        DecisionError::Store(error) => error.into(),
    }
}
