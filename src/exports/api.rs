//! The partner API of snapshots and exports.

mod rights;
mod schema;

use super::download::{self, Sent};
use super::model::{File, Format, Request, Resource};
use super::store::{self, Enqueued, Export};
use super::worker::{EXPORT_KEPT, Worker};
use crate::access::directory::KeyRecord;
use crate::access::policy::Gate;
use crate::access::signed::Signature;
use crate::access::{Caller, op};
use crate::http::answer::Cache;
use crate::http::body::JsonBody;
use crate::http::{Answer, ApiError, ApiResult, Code, FieldError, Params, path};
use crate::idempotency::{Once, Written};
use crate::kernel::clock::SECOND;
use crate::kernel::id::ExportId;
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use rights::{permitted, within_plan};
use schema::{ExportIn, ExportOut};
use utoipa_actix_web::service_config::ServiceConfig;

/// Most stores that an export can be narrowed to.
const MOST_STORES: usize = 200;

/// What writes the files, and what signs their addresses.
type Views = (web::Data<Worker>, web::Data<Gate>);

/// Mounts the operations of exports.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(get_latest_export)
        .service(create_export)
        .service(get_export)
        .service(download_export_file);
}

/// The latest snapshot
///
/// The manifest of the newest daily snapshot: every product, category, store, offer, promotion and
/// stock level as of one position of the change log. Load the files, then follow `/v1/changes` from
/// `position`. You see the files whose scope your key has (`catalog:read`, `prices:read` and so on);
/// naming one without its scope, or stock where the plan tells no quantities, is 403.
///
/// An NDJSON file has a document in each line, as `embed=resource` of `/v1/changes` gives it. A Parquet
/// file has columns, amounts as DECIMAL(18,4), and the document as JSON; of offers the columns say all. Stock
/// files hold bands, never exact quantities; a count that leaves the availability of a level as it was is no change, so
/// that a newer snapshot can have another quantity, `as_of`, `received_at` and `source` of it without an entry in
/// `/v1/changes`. The urls are signed: they work without your key for a time, for
/// programs that download, count as your app's calls, and end with your key.
///
/// The snapshot holds everything: a plan that includes a part of the data is refused with 403, and takes an export
/// of its own.
#[utoipa::path(
    operation_id = "get_latest_export", tag = "exports",
    params(
        ("resource" = Option<Resource>, Query, description = "Only the file of this resource.", example = "products"),
        ("format" = Option<Format>, Query, description = "`ndjson.gz` or `parquet`; `ndjson.gz` where it is left out.", example = "ndjson.gz"),
    ),
    responses(
        (status = 200, description = "The manifest.", body = ExportOut),
        (status = 304, description = "You hold this manifest already."),
        (status = 404, description = "No snapshot has been written yet."),
    ),
)]
#[get("/v1/exports/latest")]
async fn get_latest_export(
    caller: Caller<op::GetLatestExport>,
    request: HttpRequest,
    (worker, gate): Views,
) -> ApiResult<Answer> {
    let mut params = Params::new(request.query_string());
    let resource = params.one_of("resource", Resource::WORDS);
    let format = params.one_of("format", Format::WORDS).unwrap_or_default();
    params.finish()?;
    within_plan(None, caller.key())?;
    if let Some(resource) = resource {
        permitted(resource, caller.key())?;
    }
    let newest = store::snapshots(worker.db(), 1).await?;
    let Some(newest) = newest.first() else {
        let detail = "No snapshot has been written yet; the first one comes within a day.";
        return Err(ApiError::new(Code::NotFound, detail));
    };
    let mut out = seen(newest, caller.key(), (&worker, &gate))?;
    out.keep(|file| file.format == format && resource.is_none_or(|one| file.resource == one));
    out.format = Some(format);
    Answer::json(&out, Cache::Brief, 1)
}

/// An export of your own
///
/// Asks for files that are written for your app: some resources, in one format, where you like of some
/// stores only. The answer says where to look (`Location`); the files are kept for a day. An app has one
/// export under way at a time and a number of them in 24 hours. Asking is free, downloads are counted.
///
/// The files hold what your plan includes when you ask: in Parquet, columns that it leaves out are null. Once it
/// includes something else they are refused with 403; ask again.
#[utoipa::path(
    operation_id = "create_export", tag = "exports",
    request_body = ExportIn,
    responses(
        (status = 202, description = "The export will be written.", body = ExportOut, headers(("Location" = String, description = "Where to ask for its status."))),
        (status = 409, description = "An export of your app is not ready yet."),
        (status = 413, description = "The body is too large."),
        (status = 415, description = "The body is no JSON."),
    ),
)]
#[post("/v1/exports")]
async fn create_export(
    caller: Caller<op::CreateExport>,
    request: HttpRequest,
    body: JsonBody<ExportIn>,
    (worker, gate): Views,
    once: web::Data<Once>,
) -> ApiResult<HttpResponse> {
    Params::new(request.query_string()).finish()?;
    let turn = once.turn(&caller, &request).await?;
    let seed = turn.seed();
    turn.run(&request, async move { enqueue(&caller, body.0, seed, (worker, gate)).await }).await
}

/// Asks for an export. With a seed its id follows from that, so that one which was asked for already is found.
async fn enqueue(
    caller: &Caller<op::CreateExport>,
    asked: ExportIn,
    seed: Option<String>,
    (worker, gate): Views,
) -> ApiResult<Written> {
    let wanted = wanted(asked, caller.key())?;
    if !worker.settings().enabled {
        let detail = "Exports are switched off on the node that was asked.";
        return Err(ApiError::new(Code::Unavailable, detail));
    }
    let seed = seed.as_deref();
    let (id, enqueued) = worker.enqueue(&caller.app().to_string(), &wanted, seed).await?;
    match enqueued {
        Enqueued::Queued => {}
        Enqueued::Busy => {
            let detail = "An export of this app is not ready yet; wait until it is.";
            return Err(ApiError::new(Code::Conflict, detail));
        }
        Enqueued::TooMany(oldest) => {
            let most = worker.settings().per_app_daily;
            let detail = format!("An app may ask for {most} exports in 24 hours.");
            let opens = oldest.0.saturating_add(EXPORT_KEPT);
            let wait = opens.saturating_sub(worker.now().0).max(0) / SECOND + 1;
            let wait = u64::try_from(wait).ok().filter(|_| most > 0);
            let error = ApiError::new(Code::OperationLimited, detail);
            return Err(error.limited(vec!["exports".to_owned()], wait));
        }
    }
    let export = store::find(worker.db(), &id.to_string()).await?;
    let export = export.ok_or_else(|| path::not_found("export", &id))?;
    let out = seen(&export, caller.key(), (&worker, &gate))?;
    Written::accepted(format!("/v1/exports/{id}"), &out)
}

/// What a body asks for, checked.
fn wanted(body: ExportIn, key: &KeyRecord) -> ApiResult<Request> {
    let fault = |pointer: &str, code: &str, message: String| {
        let fault = FieldError::pointer(pointer, code, message.clone());
        Err(ApiError::new(
            Code::InvalidBody,
            crate::kernel::sentence(format!("{pointer}: {message}")),
        )
        .errors(vec![fault]))
    };
    let ExportIn { mut resources, format, mut store_ids } = body;
    if resources.is_empty() {
        return fault("/resources", "empty", "names at least one resource".to_owned());
    }
    if store_ids.len() > MOST_STORES {
        let message = format!("takes at most {MOST_STORES} stores, not {}", store_ids.len());
        return fault("/store_ids", "too_many", message);
    }
    resources.sort_unstable();
    resources.dedup();
    store_ids.sort_unstable();
    store_ids.dedup();
    resources.iter().try_for_each(|resource| permitted(*resource, key))?;
    let data = key.granted.data.as_deref().cloned();
    Ok(Request { resources, formats: vec![format], store_ids, data })
}

/// An export
///
/// How far a snapshot or an export of your app is, and its files once it is `ready`.
#[utoipa::path(
    operation_id = "get_export", tag = "exports",
    params(("export_id" = String, Path, description = "The export.", example = "exp_7HqK2mXw9Pz")),
    responses(
        (status = 200, description = "The export.", body = ExportOut),
        (status = 304, description = "You hold this state already."),
        (status = 404, description = "There is no such export, or it is kept no longer."),
    ),
)]
#[get("/v1/exports/{export_id}")]
async fn get_export(
    caller: Caller<op::GetExport>,
    request: HttpRequest,
    export: web::Path<String>,
    (worker, gate): Views,
) -> ApiResult<Answer> {
    Params::new(request.query_string()).finish()?;
    let export = existing(&worker, &export, &caller.app().to_string()).await?;
    if export.app_id.is_none() {
        within_plan(None, caller.key())?;
    }
    Answer::json(&seen(&export, caller.key(), (&worker, &gate))?, Cache::NoStore, 1)
}

/// A file of an export
///
/// The bytes of a file that a manifest names. `Range` takes one range, with `If-Range` and the ETag to go
/// on where a download broke off; several ranges at once give the whole file. `Repr-Digest` is the
/// SHA-256 of the whole file, also in an answer that holds a part of it.
///
/// Without a key it takes the signed urls of a manifest: `key_id`, `expires` and `signature` as they stand
/// there. A key that is sent counts in their place.
#[utoipa::path(
    operation_id = "download_export_file", tag = "exports",
    params(
        ("export_id" = String, Path, description = "The export.", example = "exp_7HqK2mXw9Pz"),
        ("file" = String, Path, description = "The file's name.", example = "products.ndjson.gz"),
        ("key_id" = Option<String>, Query, description = "Of a signed url: the key that it was made for.", example = "key_0000000000b"),
        ("expires" = Option<String>, Query, description = "Of a signed url: when it ends, in seconds since 1970.", example = "1795347000"),
        ("signature" = Option<String>, Query, description = "Of a signed url: what shows that it was made here.", example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
    ),
    responses(
        (status = 200, description = "The file.", content((String = "application/gzip"), (String = "application/vnd.apache.parquet"))),
        (status = 206, description = "The part that was asked for.", content((String = "application/gzip"), (String = "application/vnd.apache.parquet"))),
        (status = 304, description = "You hold this file already."),
        (status = 404, description = "There is no such file, or it is kept no longer."),
        (status = 416, description = "The range lies behind the end of the file."),
    ),
)]
#[get("/v1/exports/{export_id}/files/{file}")]
async fn download_export_file(
    caller: Caller<op::DownloadExportFile>,
    request: HttpRequest,
    names: web::Path<(String, String)>,
    worker: web::Data<Worker>,
) -> ApiResult<HttpResponse> {
    let mut params = Params::new(request.query_string());
    // The gate has judged it, where it counts.
    let _ = Signature::read(&mut params);
    params.finish()?;
    let (export, name) = names.into_inner();
    let export = existing(&worker, &export, &caller.app().to_string()).await?;
    let file = files(&export)?.into_iter().find(|file| file.name == name);
    let Some(file) = file else {
        let name: String = name.chars().take(100).collect();
        return Err(path::not_found("file in this export", &name));
    };
    permitted(file.resource, caller.key())?;
    within_plan(asked(&export)?.data.as_ref(), caller.key())?;
    // The name comes from the manifest, not from the call.
    let place = worker.place(&export.id).join(&file.name);
    download::answer(&place, Sent::of(&file), request.headers()).await
}

/// What an export was asked to hold.
fn asked(export: &Export) -> ApiResult<Request> {
    Ok(export.request().map_err(super::ExportError::from)?)
}

/// A snapshot, or an export of the app.
async fn existing(worker: &Worker, id: &str, app: &str) -> ApiResult<Export> {
    let id: ExportId = path::id(id, "export")?;
    let export = store::find(worker.db(), &id.to_string()).await?;
    let own = export.filter(|export| export.app_id.as_deref().is_none_or(|owner| owner == app));
    own.ok_or_else(|| path::not_found("export", &id))
}

/// The files of an export; none before it is ready.
fn files(export: &Export) -> ApiResult<Vec<File>> {
    let Some(manifest) = &export.manifest else { return Ok(Vec::new()) };
    Ok(serde_json::from_str(manifest).map_err(super::ExportError::from)?)
}

/// An export as a key may see it.
fn seen(
    export: &Export,
    key: &KeyRecord,
    (worker, gate): (&Worker, &Gate),
) -> ApiResult<ExportOut> {
    let files = files(export)?;
    let request = asked(export)?;
    let until = worker.urls_end();
    let sign = |path: &str| gate.sign(path, key, until);
    let mut out = ExportOut::new(export, &request, files, (until, sign));
    let is_within = within_plan(request.data.as_ref(), key).is_ok();
    out.keep(|file| is_within && permitted(file.resource, key).is_ok());
    Ok(out)
}

impl From<super::ExportError> for ApiError {
    fn from(error: super::ExportError) -> Self {
        match error {
            super::ExportError::Store(error) => error.into(),
            error => {
                tracing::error!(%error, "an export failed");
                Self::new(Code::Internal, "The failure has been recorded; quote the request id.")
            }
        }
    }
}
