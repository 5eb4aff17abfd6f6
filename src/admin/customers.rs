//! Files of customers' data that are sent in.

use super::caller::AdminCaller;
use super::imports::audit;
use super::problems::Problems;
use super::state::{State, done};
use super::uploads::{Upload, internal, receive, too_long, wants_file};
use crate::customers::import::{
    CustomerFeed, CustomerImportError, CustomerReport, RefusedLine, import_file,
};
use crate::http::error::Problem;
use crate::http::{ApiError, ApiPath, ApiResult, Code, Params, arrival};
use crate::kernel::sentence;
use crate::kernel::word::Word as _;
use actix_web::{HttpRequest, HttpResponse, post, web};
use serde::Serialize;
use serde_json::json;
use std::io::{self, ErrorKind};
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the operation that takes customers' data.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(upload_customers);
}

/// A line that was refused, without what stood in it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct RefusedLineOut {
    /// Its number in the file.
    #[schema(example = 17)]
    line: u64,
    /// The field at fault; empty where it is the line.
    #[schema(example = "lines[0].gtin")]
    field: String,
    /// What kind of fault.
    #[schema(example = "malformed")]
    code: &'static str,
    /// What is wrong and what would be right.
    #[schema(example = "is not digits only, as a GTIN is")]
    message: String,
}

impl From<RefusedLine> for RefusedLineOut {
    fn from(RefusedLine { line, fault }: RefusedLine) -> Self {
        let field = fault.field.into_owned();
        Self { line, field, code: fault.code, message: fault.message }
    }
}

/// What became of a file of customers' data.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct CustomerUploadOut {
    /// What it was about.
    #[schema(example = "purchases")]
    feed: &'static str,
    /// Lines that were stored.
    #[schema(example = 4980)]
    accepted: u64,
    /// Lines that changed nothing.
    #[schema(example = 18)]
    unchanged: u64,
    /// Lines that were refused.
    #[schema(example = 2)]
    rejected: u64,
    /// The first 20 refused lines.
    #[schema(max_items = 20)]
    refused: Vec<RefusedLineOut>,
}

impl From<CustomerReport> for CustomerUploadOut {
    fn from(report: CustomerReport) -> Self {
        Self {
            feed: report.feed.as_str(),
            accepted: report.accepted,
            unchanged: report.unchanged,
            rejected: report.rejected,
            refused: report.first_rejected.into_iter().map(RefusedLineOut::from).collect(),
        }
    }
}

/// Import customers' data
///
/// The file is the body, NDJSON, plain or gzip, a document a line; every line but those of `customers` names its customer in
/// `customer_id`. It is stored while it arrives, imported when it is whole, and deleted then. A line stands for the whole of
/// what it is about, but the movements of a loyalty account are added to those that are known. Lines that are refused stop
/// nothing, and what stood in them is not repeated. A customer who was forgotten is not brought back. A file that is broken
/// behind some lines is refused, and the lines before may be stored: it can be sent again.
#[utoipa::path(
    tag = "customers", operation_id = "upload_customers",
    params(
        ("feed" = String, Path, description = "`customers`, `purchases`, `loyalty`, `lists` or `promotions`", example = "customers"),
    ),
    request_body(
        content = String, content_type = "application/octet-stream", description = "The file",
        example = json!("{\"id\":\"C1\",\"given_name\":\"Camille\",\"locale\":\"fr-FR\"}\n")
    ),
    responses(
        (status = 200, description = "What became of its lines", body = CustomerUploadOut),
        (status = 413, description = "The file is larger than `feeds.max_mib`", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is not `application/octet-stream`", body = Problem, content_type = "application/problem+json"),
        Problems
    ),
    security(("admin_token" = []))
)]
#[post("/customers/{feed}")]
async fn upload_customers(
    caller: AdminCaller,
    request: HttpRequest,
    feed: ApiPath<CustomerFeed>,
    state: State,
    body: web::Payload,
) -> ApiResult<HttpResponse> {
    Params::new(request.query_string()).finish()?;
    let most = u64::from(state.feeds.max_mib) * 1024 * 1024;
    wants_file(&request)?;
    if arrival::is_too_long(request.headers(), most) {
        return Err(too_long(most));
    }
    // The name of a file may be a customer's, and nobody needs it here.
    let upload = receive(&state.uploads, "customers", body, most).await?;
    let by = caller.actor().to_owned();
    // A task of its own: it goes on when the sender is gone.
    let done_with = actix_web::rt::spawn(import(state.clone(), by, feed.0, upload));
    let report = done_with.await.map_err(|_| internal("an import broke off"))??;
    done(&CustomerUploadOut::from(report))
}

/// Imports a file, and records who sent it: how much of what, and nothing of what is in it.
async fn import(
    state: State,
    actor: String,
    feed: CustomerFeed,
    upload: Upload,
) -> ApiResult<CustomerReport> {
    let about = format!("customers.{feed}");
    let what = json!({ "feed": about, "bytes": upload.bytes });
    audit(&state, &actor, &upload.id, "receive", what).await?;
    let most = u64::from(state.feeds.max_mib) * 1024 * 1024;
    let report = import_file(&state.db, feed, &upload.file, most).await.map_err(refused)?;
    let sums = json!({
        "feed": about, "accepted": report.accepted, "unchanged": report.unchanged,
        "rejected": report.rejected,
    });
    audit(&state, &actor, &upload.id, "upload", sums).await?;
    Ok(report)
}

/// What is wrong with a file, without where it lay here.
fn refused(error: CustomerImportError) -> ApiError {
    match error {
        CustomerImportError::Store(error) => error.into(),
        CustomerImportError::File { source, .. } | CustomerImportError::Read(source) => {
            unread(&source)
        }
        error @ (CustomerImportError::LongLine(_) | CustomerImportError::TooLarge(_)) => {
            ApiError::new(Code::InvalidBody, sentence(format!("the file: {error}")))
        }
    }
}

fn unread(error: &io::Error) -> ApiError {
    match error.kind() {
        ErrorKind::InvalidData | ErrorKind::InvalidInput | ErrorKind::UnexpectedEof => {
            ApiError::new(
                Code::InvalidBody,
                "The file is damaged: it cannot be unpacked to its end.",
            )
        }
        _ => {
            tracing::error!(%error, "an uploaded file could not be read");
            internal("an import of customers' data failed")
        }
    }
}
