//! Files that are sent in to be imported.

use super::caller::AdminCaller;
use super::imports::{RefusedOut, audit};
use super::problems::Problems;
use super::state::{State, done};
use crate::catalog::offers::Plausible;
use crate::feeds::mapping::Encoding;
use crate::feeds::{
    Feed, Format, Guard, Hand, ImportError, Mode, Options, Report, check_store, import_with, new_id,
};
use crate::http::error::Problem;
use crate::http::{ApiError, ApiPath, ApiResult, Code, FieldError, Params, arrival};
use crate::kernel::hex;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, HttpResponse, post, web};
use futures_util::StreamExt as _;
use serde::Serialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use tokio::io::AsyncWriteExt as _;
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the operation that takes files.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(upload_feed);
}

/// Most bytes that are kept of a file's name.
const LONGEST_NAME: usize = 200;

/// One feed, or all that a format tells.
#[derive(Debug, Clone, Copy)]
struct What(Option<Feed>);

impl FromStr for What {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "all" {
            return Ok(Self(None));
        }
        let names: Vec<&str> = Feed::ALL.iter().map(|feed| feed.as_str()).collect();
        text.parse()
            .map(|feed| Self(Some(feed)))
            .map_err(|_| format!("must be one of all, {}", names.join(", ")))
    }
}

/// What became of a file.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct UploadOut {
    /// One import for each feed that the file was about.
    imports: Vec<UploadedOut>,
    /// What the format tells and was not imported, with what to do.
    left_out: Vec<LeftOutOut>,
}

/// A feed that a file may tell and that was not imported.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct LeftOutOut {
    /// What it is about.
    #[schema(example = "offers")]
    pub(super) feed: &'static str,
    /// Why, and what to do.
    #[schema(
        example = "google-products names no store for offers; name that of the web shop (`store`, --store)"
    )]
    pub(super) message: String,
}

/// What became of a file's rows about one feed.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct UploadedOut {
    /// The import.
    #[schema(example = "imp_0Ab12Cd34Ef")]
    id: Option<String>,
    /// What it was about.
    #[schema(example = "products")]
    feed: &'static str,
    /// Rows that were stored.
    #[schema(example = 4980)]
    accepted: u64,
    /// Rows that changed nothing.
    #[schema(example = 18)]
    unchanged: u64,
    /// Rows that were refused.
    #[schema(example = 2)]
    rejected: u64,
    /// Resources that a full file did not name and that were deleted.
    #[schema(example = 0)]
    deleted: u64,
    /// Deletions that wait for approval.
    #[schema(example = 0)]
    held: u64,
    /// What the file says that its format has no use for: names of columns or fields, the first 50; and those of
    /// reductions that are none, with the reason.
    #[schema(max_items = 50, example = json!(["shipping", "tax"]))]
    unread: Vec<String>,
    /// The first 20 refused rows; `/imports/{import_id}/refused` has all, up to 10,000.
    #[schema(max_items = 20)]
    refused: Vec<RefusedOut>,
}

impl From<Report> for UploadedOut {
    fn from(report: Report) -> Self {
        let refused = report.first_rejected.into_iter().map(|row| RefusedOut {
            line: row.line,
            field: row.fault.field.into_owned(),
            value: row.fault.value,
            code: row.fault.code.to_owned(),
            message: row.fault.message,
        });
        Self {
            id: report.import_id,
            feed: report.feed.as_str(),
            accepted: report.accepted,
            unchanged: report.unchanged,
            rejected: report.rejected,
            deleted: report.deleted,
            held: report.held,
            unread: report.unread,
            refused: refused.collect(),
        }
    }
}

/// A file on its way in, in a folder of its own that goes with it.
pub(super) struct Upload {
    pub(super) id: String,
    folder: PathBuf,
    pub(super) file: PathBuf,
    pub(super) bytes: u64,
    /// In hex.
    sha256: String,
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.folder) {
            tracing::warn!(%error, "an uploaded file could not be removed");
        }
    }
}

/// Import a file
///
/// The file is the body, plain or gzip, in the gateway's own NDJSON or in a format that Google, GS1 or ACP
/// describe; it is stored while it arrives and imported when it is whole. The answer comes when its
/// rows are stored: readers see them at once. A row stands for the whole of what it is about, and what it
/// does not have is taken away; only levels of incremental files keep it. A row of NDJSON with `"op":"merge"` changes
/// part of a product, store, category or promotion (JSON Merge Patch, RFC 7396). Rows that are refused stop nothing; a
/// broken file is refused whole. A sender that goes away does not stop the import.
#[utoipa::path(
    tag = "feeds", operation_id = "upload_feed",
    params(
        ("feed" = String, Path, description = "`categories`, `products`, `stores`, `promotions`, `offers`, `stock`, or `all` that the format tells", example = "products"),
        ("format" = Option<String>, Query, description = "`ndjson`, `google-products`, `google-local-inventory`, `gs1-csv` or `acp`; `ndjson` where it is left out", example = "google-products"),
        ("mode" = Option<String>, Query, description = "`incremental`, or `full`: what the file does not name is deleted, above a share after approval", example = "full"),
        ("store" = Option<String>, Query, description = "Code of the store that offers and levels belong to whose file names none: the web shop. A store that is not there is refused before the file is read", example = "web"),
        ("encoding" = Option<String>, Query, description = "`utf-8`, `windows-1252` or `iso-8859-1`; UTF-16 is known by its byte-order mark", example = "utf-8"),
        ("any_price" = Option<bool>, Query, description = "`true` takes every price, however far it is from the one that the same offer has (`feeds.max_price_factor`)", example = false),
        ("file_name" = Option<String>, Query, description = "What the file is called in the list of imports; `upload` where it is left out. Offers and levels without `as_of` were so when their file came first under its name, so give files of different systems different names", example = "catalog.tsv"),
    ),
    request_body(
        content = String, content_type = "application/octet-stream", description = "The file",
        example = json!("{\"sku\":\"82311569\",\"name\":\"Enduit de lissage\"}\n")
    ),
    responses(
        (status = 200, description = "What became of its rows", body = UploadOut),
        (status = 409, description = "The same file was sent again meanwhile, and that import counts", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The file is larger than `feeds.max_mib`", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not `application/octet-stream`", body = Problem, content_type = "application/problem+json"),
        Problems
    ),
    security(("admin_token" = []))
)]
#[post("/feeds/{feed}")]
async fn upload_feed(
    caller: AdminCaller,
    request: HttpRequest,
    what: ApiPath<What>,
    state: State,
    body: web::Payload,
) -> ApiResult<HttpResponse> {
    let mut params = Params::new(request.query_string());
    let limits = &state.feeds;
    let most = u64::from(limits.max_mib) * 1024 * 1024;
    let options = Options {
        mapping: None,
        adapted: None,
        format: params.value::<Format>("format").unwrap_or_default(),
        source: None,
        hand: Hand::Upload,
        store_code: params.text("store"),
        mode: params.value::<Mode>("mode"),
        encoding: params.value::<Encoding>("encoding"),
        guard: Guard::of(limits),
        plausible: if params.flag("any_price") {
            Plausible::ANY
        } else {
            Plausible::times(limits.max_price_factor)
        },
        max_bytes: Some(most),
    };
    let name = params.text("file_name").unwrap_or_else(|| "upload".to_owned());
    params.finish()?;
    wants_file(&request)?;
    let feeds = match what.0.0 {
        Some(feed) => vec![feed],
        None => options.format.feeds(options.store_code.is_some()).to_vec(),
    };
    if feeds.is_empty() {
        let detail = "`all` is for formats that tell more than one feed; name the feed instead.";
        return Err(ApiError::new(Code::InvalidParameter, detail));
    }
    let left_out = match what.0.0 {
        Some(_) => Vec::new(),
        None => left_out(&options),
    };
    if arrival::is_too_long(request.headers(), most) {
        return Err(too_long(most));
    }
    check_store(&state.db, &feeds, &options).await.map_err(refused)?;
    let upload = receive(&state.uploads, &name, body, most).await?;
    let by = caller.actor().to_owned();
    // A task of its own: it goes on when the sender is gone.
    let done_with = actix_web::rt::spawn(import_all(state.clone(), by, feeds, upload, options));
    let imports = done_with.await.map_err(|_| internal("an import broke off"))??;
    done(&UploadOut { imports, left_out })
}

/// Refuses a body that is not said to be a file.
pub(super) fn wants_file(request: &HttpRequest) -> ApiResult<()> {
    let media_type = request.headers().get(CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
    let essence = media_type.split(|byte| *byte == b';').next().unwrap_or_default();
    if essence.trim_ascii().eq_ignore_ascii_case(b"application/octet-stream") {
        return Ok(());
    }
    let detail = "Send the file as it is, with `Content-Type: application/octet-stream`.";
    Err(ApiError::new(Code::UnsupportedMediaType, detail))
}

/// What the format tells and is not imported, for no store is named for it.
fn left_out(options: &Options) -> Vec<LeftOutOut> {
    let format = options.format;
    let told = format.left_out(options.store_code.is_some());
    let out = |feed: Feed| LeftOutOut { feed: feed.as_str(), message: format.names_no_store(feed) };
    told.map(out).collect()
}

/// Imports a file feed by feed, and records who sent it.
async fn import_all(
    state: State,
    actor: String,
    feeds: Vec<Feed>,
    upload: Upload,
    options: Options,
) -> ApiResult<Vec<UploadedOut>> {
    let mut imports = Vec::with_capacity(feeds.len());
    for feed in feeds {
        // Before the first row is stored: whatever becomes of it, it is known who sent the file.
        let what = json!({ "feed": feed.as_str(), "bytes": upload.bytes, "sha256": upload.sha256 });
        audit(&state, &actor, &upload.id, "receive", what).await?;
        let (db, clock) = (&state.db, &state.clock);
        let report = import_with(db, clock, feed, &upload.file, &options, None, &mut |_| {}).await;
        let report = report.map_err(refused)?;
        let id = report.import_id.clone().unwrap_or_default();
        let sums = json!({ "feed": feed.as_str(), "accepted": report.accepted,
                           "deleted": report.deleted, "held": report.held });
        audit(&state, &actor, &id, "upload", sums).await?;
        imports.push(UploadedOut::from(report));
    }
    Ok(imports)
}

/// A failure of the service, which is recorded.
pub(super) fn internal(what: &str) -> ApiError {
    tracing::error!("{what}");
    ApiError::new(Code::Internal, "The failure has been recorded; quote the request id.")
}

/// What is wrong with a file, without where it lay here.
fn refused(error: ImportError) -> ApiError {
    match error {
        ImportError::Broken { reason, .. } => {
            ApiError::new(Code::InvalidBody, format!("{reason}; nothing was imported."))
        }
        ImportError::Superseded => {
            let detail = "The same file was sent again while it was imported. That import counts; \
                          this one stored its rows and deletes nothing.";
            ApiError::new(Code::Conflict, detail)
        }
        ImportError::NotInFormat(reason) => ApiError::new(Code::InvalidParameter, reason),
        error @ ImportError::NoStore(_) => {
            let detail = crate::kernel::sentence(error.to_string());
            let fault = FieldError::parameter("store", "not_found", "is the code of no store");
            ApiError::new(Code::InvalidParameter, detail).errors(vec![fault])
        }
        ImportError::Store(error) => error.into(),
        error => {
            tracing::error!(%error, "an uploaded file could not be imported");
            internal("an import failed")
        }
    }
}

/// Stores a body as a file.
pub(super) async fn receive(
    into: &Path,
    name: &str,
    mut body: web::Payload,
    most: u64,
) -> ApiResult<Upload> {
    let disk = |error: std::io::Error| {
        tracing::error!(%error, "an upload could not be stored");
        let detail = "The file cannot be stored now; the disk may be full. Nothing was imported.";
        ApiError::new(Code::Unavailable, detail)
    };
    let id = new_id().map_err(refused)?;
    let folder = into.join(&id);
    tokio::fs::create_dir_all(&folder).await.map_err(disk)?;
    let file = folder.join(file_name(name));
    let mut upload = Upload { id, folder, file, bytes: 0, sha256: String::new() };
    let mut hash = Sha256::new();
    let mut out = tokio::fs::File::create(&upload.file).await.map_err(disk)?;
    while let Some(chunk) = body.next().await {
        let then = "Nothing was imported; send the file again.";
        let chunk = chunk.map_err(|error| arrival::broken(&error, then))?;
        upload.bytes = upload.bytes.saturating_add(chunk.len() as u64);
        if upload.bytes > most {
            return Err(too_long(most));
        }
        hash.update(&chunk);
        out.write_all(&chunk).await.map_err(disk)?;
    }
    out.flush().await.map_err(disk)?;
    upload.sha256 = hex(hash.finalize());
    Ok(upload)
}

/// The refusal of a file that is too long.
pub(super) fn too_long(most: u64) -> ApiError {
    let detail = format!("A file may have at most {most} bytes (`feeds.max_mib`).");
    ApiError::new(Code::BodyTooLarge, detail)
}

/// A name for people, not a path, and one that every disk takes.
fn file_name(asked: &str) -> String {
    let safe = |c: char| if c.is_alphanumeric() || "-_. ".contains(c) { c } else { '_' };
    let blank = |c: char| c == '.' || c.is_whitespace();
    let name: String = asked.trim_matches(blank).chars().map(safe).collect();
    let name = name[..name.floor_char_boundary(LONGEST_NAME)].trim_end_matches(blank);
    if name.is_empty() { "upload".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn a_name_fits_every_disk_and_is_no_path() {
        assert_eq!(file_name("../catalog/1.gz"), "_catalog_1.gz");
        assert_eq!(file_name(&"\u{20ac}a".repeat(100)), "_a".repeat(100));
        assert_eq!(file_name(&"\u{4e2d}".repeat(100)), "\u{4e2d}".repeat(66));
        for nothing in ["", ".", "..", " ..", ".. .", "\u{a0}"] {
            assert_eq!(file_name(nothing), "upload", "{nothing:?}");
        }
    }
}
