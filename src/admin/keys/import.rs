//! Import of another gateway's keys over HTTP.

use crate::access::imported::ImportedHasher;
use crate::access::keys::import::{self, Format};
use crate::admin::caller::AdminCaller;
use crate::admin::problems::{BodyProblems, Conflicts, Problems};
use crate::admin::state::{State, done};
use crate::http::body::RawBody;
use crate::http::{ApiError, ApiResult, Code, Params};
use crate::kernel::id::KeyId;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, post};
use serde::Serialize;
use utoipa_actix_web::service_config::ServiceConfig;

/// Most bytes of a file: the most keys of a batch, with room.
const BYTES_MOST: usize = 8 * 1024 * 1024;
/// Most rows at fault that an answer names.
const FAULTS_MOST: usize = 1_000;

/// Mounts the import.
pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(import_keys);
}

/// A row that is right.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct ImportedOut {
    /// Its line in the file.
    #[schema(example = 1)]
    line: u64,
    /// The id of its key; null where nothing was stored.
    #[schema(required = true, value_type = Option<String>, example = "key_0Ab12Cd34Ef")]
    id: Option<KeyId>,
}

/// A row at fault.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct RowFaultOut {
    /// Its line in the file.
    #[schema(example = 17)]
    line: u64,
    /// The field at fault; empty for the whole row.
    #[schema(example = "sha256")]
    field: &'static str,
    /// What kind of fault.
    #[schema(example = "duplicate")]
    code: &'static str,
    /// What is wrong and what would be right.
    #[schema(example = "is the hash of a key that is here already")]
    message: String,
}

/// What became of a batch of keys.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct KeyImportOut {
    /// Whether it was stored: not with `dry_run`, and not where a row is at fault.
    #[schema(example = true)]
    stored: bool,
    /// How many rows are right.
    #[schema(example = 120)]
    accepted: usize,
    /// How many rows are at fault.
    #[schema(example = 0)]
    rejected: usize,
    /// The rows that are right.
    keys: Vec<ImportedOut>,
    /// The first 1,000 rows at fault.
    faults: Vec<RowFaultOut>,
}

/// Import keys of another gateway
///
/// Partners go on with the keys that they have: of each only the SHA-256 of its text comes here. The body is
/// a JSON object per line, or CSV with a line of names: `app_id`, `name`, `sha256` (hexadecimal or base64) or
/// `blake3` (as another node with the same pepper has stored it), and where wanted `environment`, `scopes`,
/// `cidrs`, `expires_at` and `hint` (the last characters of the text). At most 10,000 keys at once, stored all
/// together or, where any row is at fault, not at all. Texts that begin with `cpt_` are ours and are never
/// looked up this way. A rotation gives an imported key a text of ours.
#[utoipa::path(
    tag = "keys", operation_id = "import_keys",
    params(("dry_run" = Option<bool>, Query, description = "Whether to look only, and store nothing", example = true)),
    request_body(content(("application/x-ndjson"), ("text/csv")), description = "The keys"),
    responses(
        (status = 200, description = "What became of each row", body = KeyImportOut),
        Conflicts, BodyProblems, Problems
    ),
    security(("admin_token" = []))
)]
#[post("/keys/import")]
async fn import_keys(
    caller: AdminCaller,
    request: HttpRequest,
    body: RawBody<BYTES_MOST>,
    state: State,
) -> ApiResult<HttpResponse> {
    let mut params = Params::new(request.query_string());
    let dry_run = params.flag("dry_run");
    params.finish()?;
    let format = format(request.headers().get(CONTENT_TYPE))?;
    let rows = import::parse(format, &body.0);
    let (by, hasher) = (caller.by(&state.clock), ImportedHasher::new(&state.pepper));
    let report = import::import_keys(&state.db, &by, &hasher, rows, dry_run).await?;
    if report.stored {
        state.applied().await;
    }
    let faults = report.faults.iter().take(FAULTS_MOST).cloned().map(|fault| RowFaultOut {
        line: fault.line,
        field: fault.field,
        code: fault.code,
        message: fault.message,
    });
    done(&KeyImportOut {
        stored: report.stored,
        accepted: report.accepted.len(),
        rejected: report.faults.len(),
        faults: faults.collect(),
        keys: report.accepted.into_iter().map(|(line, id)| ImportedOut { line, id }).collect(),
    })
}

fn format(media_type: Option<&HeaderValue>) -> ApiResult<Format> {
    let text = media_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = text.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/x-ndjson") {
        Ok(Format::Ndjson)
    } else if essence.eq_ignore_ascii_case("text/csv") {
        Ok(Format::Csv)
    } else {
        let detail = "Send the keys as `application/x-ndjson` or `text/csv`.";
        Err(ApiError::new(Code::UnsupportedMediaType, detail))
    }
}
