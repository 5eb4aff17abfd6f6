//! The sources from which feeds come by themselves. What is told is what the node that looks at them
//! has written down, so that every node tells the same.

use super::caller::AdminCaller;
use super::problems::{Missing, Problems};
use super::state::{State, accepted};
use super::uploads::LeftOutOut;
use crate::access::error::Kind;
use crate::access::service::By;
use crate::access::store::{Change, record};
use crate::feeds::store::sources::{self, Source};
use crate::http::answer::Cache;
use crate::http::path::not_found;
use crate::http::{Answer, ApiResult};
use crate::kernel::Micros;
use actix_web::{HttpResponse, get, post, web};
use serde::Serialize;
use serde_json::json;
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the operations on sources.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list_sources).service(get_source).service(look_at_source);
}

/// What became of a source's last file.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct LastFileOut {
    /// The file's name.
    #[schema(example = "catalog.tsv")]
    file_name: String,
    /// `done`, `held` where deletions wait for approval, or `failed`.
    #[schema(example = "done")]
    status: String,
    /// Why it failed.
    #[schema(required = true, example = json!(null))]
    error: Option<String>,
    /// When that was.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:31Z")]
    finished_at: Micros,
    /// The imports that came of it, one for each feed.
    #[schema(example = json!(["imp_0Ab12Cd34Ef"]))]
    import_ids: Vec<String>,
}

/// A source of feeds.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct SourceOut {
    /// Its name: that of its folder.
    #[schema(example = "web-shop")]
    name: String,
    /// `folder` where files are put, `polled` where they are also fetched.
    #[schema(example = "polled")]
    kind: &'static str,
    /// What a file tells, in the order of import; empty where `source.toml` cannot be read.
    #[schema(example = json!(["categories", "products"]))]
    feeds: Vec<String>,
    /// What the format tells and is not imported, with what to do.
    left_out: Vec<LeftOutOut>,
    /// How files are laid out.
    #[schema(required = true, example = "google-products")]
    format: Option<String>,
    /// `full` or `incremental`.
    #[schema(required = true, example = "full")]
    mode: Option<String>,
    /// Where files are fetched, without query.
    #[schema(required = true, example = "https://feeds.example.com/products.tsv.gz")]
    address: Option<String>,
    /// Seconds between two polls.
    #[schema(required = true, example = 3600)]
    every_s: Option<i64>,
    /// What is wrong with it now.
    #[schema(required = true, example = json!(null))]
    problem: Option<String>,
    /// The node that looks at it.
    #[schema(example = "nod_4fT0mQ2rXc9")]
    node: String,
    /// When it looked last: at once where an address was polled or a look was asked for, else some seconds more or less.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:42:00Z")]
    looked_at: Micros,
    /// Since when a look is asked for that has not been done yet.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = json!(null))]
    look_asked_at: Option<Micros>,
    /// The file that is being imported.
    #[schema(required = true, example = json!(null))]
    importing: Option<String>,
    /// The last file; none where there was none.
    #[schema(required = true)]
    last: Option<LastFileOut>,
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

impl From<Source> for SourceOut {
    fn from(from: Source) -> Self {
        let left_out = from.left_out().into_iter();
        let left_out = left_out.map(|(feed, message)| LeftOutOut { feed: feed.as_str(), message });
        let last = from.last_file.map(|file_name| LastFileOut {
            file_name,
            status: from.last_status.unwrap_or_default(),
            error: from.last_error,
            finished_at: Micros(from.last_at.unwrap_or_default()),
            import_ids: words(&from.last_imports.unwrap_or_default()),
        });
        Self {
            name: from.name,
            kind: if from.address.is_some() { "polled" } else { "folder" },
            feeds: words(&from.feeds),
            left_out: left_out.collect(),
            format: from.format,
            mode: from.mode,
            address: from.address,
            every_s: from.every_s,
            problem: from.problem,
            node: from.node,
            looked_at: Micros(from.looked_at),
            look_asked_at: from.asked_at.map(Micros),
            importing: from.importing,
            last,
        }
    }
}

/// The sources.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct SourcesOut {
    /// The sources, by name.
    items: Vec<SourceOut>,
}

/// Sources of feeds
///
/// The folders below `feeds.sources_dir` and the addresses that are polled: what they are, when they were
/// looked at, what became of their last file, and what is wrong with them now.
#[utoipa::path(
    tag = "feeds", operation_id = "list_sources",
    responses((status = 200, description = "The sources", body = SourcesOut), Problems),
    security(("admin_token" = []))
)]
#[get("/sources")]
async fn list_sources(_caller: AdminCaller, state: State) -> ApiResult<Answer> {
    let items = sources::list(&state.db).await?.into_iter().map(SourceOut::from).collect();
    Answer::json(&SourcesOut { items }, Cache::NoStore, 1)
}

/// A source of feeds
///
/// What it is, when it was looked at, what became of its last file, and what is wrong with it now.
#[utoipa::path(
    tag = "feeds", operation_id = "get_source",
    params(("name" = String, Path, description = "Name of the source: that of its folder", example = "web-shop")),
    responses((status = 200, description = "The source", body = SourceOut), Missing, Problems),
    security(("admin_token" = []))
)]
#[get("/sources/{name}")]
async fn get_source(
    _caller: AdminCaller,
    name: web::Path<String>,
    state: State,
) -> ApiResult<Answer> {
    Answer::json(&found(&state, &name).await?, Cache::NoStore, 1)
}

async fn found(state: &State, name: &str) -> ApiResult<SourceOut> {
    let short: String = name.chars().take(100).collect();
    // PostgreSQL knows no text with a NUL, and neither does a file system.
    let source = match name.contains('\0') {
        true => None,
        false => sources::find(&state.db, name).await?,
    };
    source.map(SourceOut::from).ok_or_else(|| not_found("source", &short))
}

/// Look at a source now
///
/// The node that looks at the sources does so within a second, whichever node is asked, and imports what
/// lies there once it has stopped changing; an address is polled whatever its `every_s`. `look_asked_at`
/// is null again when the look is done.
#[utoipa::path(
    tag = "feeds", operation_id = "look_at_source",
    params(("name" = String, Path, description = "Name of the source: that of its folder", example = "web-shop")),
    responses((status = 202, description = "The look is asked for", body = SourceOut), Missing, Problems),
    security(("admin_token" = []))
)]
#[post("/sources/{name}/look")]
async fn look_at_source(
    caller: AdminCaller,
    name: web::Path<String>,
    state: State,
) -> ApiResult<HttpResponse> {
    found(&state, &name).await?;
    let now = state.clock.now();
    if !sources::ask(&state.db, &name, now).await? {
        return Err(not_found("source", &name));
    }
    let mut tx = state.db.begin().await?;
    let by = By::new(caller.actor(), now);
    let change = Change::new(Kind::Source, &name, "look", json!({}));
    record(&mut tx, &by, change).await?;
    tx.commit().await?;
    accepted(&found(&state, &name).await?)
}
