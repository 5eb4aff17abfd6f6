//! Exports on the wire.

use crate::exports::model::{File, Format, Request, Resource};
use crate::exports::store::Export;
use crate::kernel::Micros;
use crate::kernel::id::StoreId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What an app asks for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ExportIn {
    /// What to write, a file for each.
    #[schema(example = json!(["products", "offers"]), min_items = 1)]
    pub(super) resources: Vec<Resource>,
    /// How to write it; `ndjson.gz` where it is left out.
    #[serde(default)]
    #[schema(example = "ndjson.gz")]
    pub(super) format: Format,
    /// Of stores, offers and stock only those of these stores, at most 200; all where it is left out.
    #[serde(default)]
    #[schema(value_type = Vec<String>, example = json!(["sto_4Fh2Lp8QaZs"]), max_items = 200)]
    pub(super) store_ids: Vec<StoreId>,
}

/// A snapshot or an export.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ExportOut {
    /// Its id.
    #[schema(example = "exp_7HqK2mXw9Pz")]
    id: String,
    /// `snapshot` for everybody's daily files, `export` for those of your app.
    #[schema(example = "snapshot")]
    kind: String,
    /// `queued`, `running`, `ready` or `failed`.
    #[schema(example = "ready")]
    status: String,
    /// The position of the change log that the files stand for: the `after` of `/v1/changes`. Null before
    /// they are ready.
    #[schema(required = true, example = "184400")]
    position: Option<String>,
    /// The format of the files; null where there are several.
    #[schema(required = true)]
    pub(super) format: Option<Format>,
    /// When it was begun or asked for.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T01:30:00Z")]
    created_at: Micros,
    /// When the files were ready.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = "2026-11-22T01:34:10Z")]
    generated_at: Option<Micros>,
    /// The files that your key may have.
    files: Vec<FileOut>,
}

/// A file.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FileOut {
    /// Where it is, below the address of the API. It is signed: until `url_expires_at` it works without your
    /// key, and counts as yours; without what stands behind the `?` it works with your key.
    #[schema(
        example = "/v1/exports/exp_7HqK2mXw9Pz/files/products.ndjson.gz?key_id=key_0000000000b&expires=1795347000&signature=9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    )]
    url: String,
    /// Until when it works without your key.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T11:30:00Z")]
    url_expires_at: Micros,
    /// What it holds.
    pub(super) resource: Resource,
    /// How it is written.
    pub(super) format: Format,
    /// Its length.
    #[schema(example = 52428)]
    bytes: u64,
    /// How many resources it holds.
    #[schema(example = 812)]
    rows: u64,
    /// The SHA-256 of its bytes in hexadecimal.
    #[schema(example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    sha256: String,
}

impl ExportOut {
    /// An export with its files, whose paths `sign` makes addresses that work until an instant.
    pub(super) fn new(
        export: &Export,
        request: &Request,
        files: Vec<File>,
        (until, sign): (Micros, impl Fn(&str) -> String),
    ) -> Self {
        let id = &export.id;
        let file = |file: File| FileOut {
            url: sign(&format!("/v1/exports/{id}/files/{}", file.name)),
            url_expires_at: until,
            resource: file.resource,
            format: file.format,
            bytes: file.bytes,
            rows: file.rows,
            sha256: file.sha256,
        };
        let format = match request.formats.as_slice() {
            [only] => Some(*only),
            _ => None,
        };
        Self {
            id: id.clone(),
            kind: export.kind.clone(),
            status: export.status.clone(),
            position: export.position.map(|position| position.to_string()),
            format,
            created_at: Micros(export.created_at),
            generated_at: export.finished_at.map(Micros),
            files: files.into_iter().map(file).collect(),
        }
    }

    /// Keeps some of the files.
    pub(super) fn keep(&mut self, which: impl Fn(&FileOut) -> bool) {
        self.files.retain(which);
    }
}
