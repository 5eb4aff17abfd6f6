//! The forms that a list can take: JSON, JSON-LD, a line of JSON for each item, or CSV. A single resource
//! is JSON or JSON-LD.
//!
//! A client that names none of them gets JSON. In lines and tables there is no room for `next`: the
//! `Link` header has it.

use super::encoding::weight_among;
use super::fields::Fields;
use super::language::TRANSLATIONS;
use super::linked;
use super::{ApiError, ApiResult, Code};
use actix_web::http::header::HeaderValue;
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::openapi::schema::Schema;
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

/// Levels of objects that become columns; documents are flatter.
const DEEPEST: usize = 6;
/// Between the entries of a list in a cell.
const BETWEEN: &str = "|";

/// Media type of JSON lines.
pub const NDJSON: &str = "application/x-ndjson";
/// Media type of a table.
pub const CSV: &str = "text/csv";
/// The media type of pages.
pub const HTML: &str = "text/html";

/// How the items of a page are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// One JSON document.
    Json,
    /// One JSON-LD document.
    JsonLd,
    /// A line of JSON for each item.
    Ndjson,
    /// RFC 4180, with a line of column names.
    Csv,
    /// A page to be printed.
    Html,
}

impl Form {
    /// The media type.
    #[must_use]
    pub fn media_type(self) -> HeaderValue {
        match self {
            Self::Json => super::answer::JSON,
            Self::JsonLd => HeaderValue::from_static(linked::MEDIA_TYPE),
            Self::Ndjson => HeaderValue::from_static(NDJSON),
            Self::Csv => HeaderValue::from_static("text/csv; charset=utf-8; header=present"),
            Self::Html => HeaderValue::from_static("text/html; charset=utf-8"),
        }
    }

    /// What a client prefers of a list (RFC 9110 §12.5.1). Wildcards stand for JSON.
    #[must_use]
    pub fn preferred(accept: &str) -> Self {
        Self::best(accept, &[Self::JsonLd, Self::Ndjson, Self::Csv])
    }

    /// The same of a list whose items are no rows of a table.
    #[must_use]
    pub fn preferred_of_lines(accept: &str) -> Self {
        Self::best(accept, &[Self::Ndjson])
    }

    /// The same of a list whose items are rows and no things that JSON-LD has words for.
    #[must_use]
    pub fn preferred_of_rows(accept: &str) -> Self {
        Self::best(accept, &[Self::Ndjson, Self::Csv])
    }

    /// The same of a single resource.
    #[must_use]
    pub fn preferred_of_one(accept: &str) -> Self {
        Self::best(accept, &[Self::JsonLd])
    }

    /// The same of a document that can be had as CSV or as a page.
    #[must_use]
    pub fn preferred_of_page(accept: &str) -> Self {
        Self::best(accept, &[Self::Csv, Self::Html])
    }

    /// What a client prefers of JSON and what is offered beside it.
    fn best(accept: &str, offered: &[Self]) -> Self {
        let mut best = (0, Self::Json);
        let mut json = 0;
        for entry in accept.split(',') {
            let mut parts = entry.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default().to_ascii_lowercase();
            let weight = weight_among(parts);
            let form = match name.as_str() {
                linked::MEDIA_TYPE => Self::JsonLd,
                NDJSON | "application/jsonl" => Self::Ndjson,
                CSV => Self::Csv,
                HTML => Self::Html,
                "application/json" | "application/*" | "*/*" => {
                    json = json.max(weight);
                    continue;
                }
                _ => continue,
            };
            if weight > best.0 && offered.contains(&form) {
                best = (weight, form);
            }
        }
        if best.0 > json { best.1 } else { Self::Json }
    }
}

/// The columns of a documented resource: a member of an object has a column named by its path with
/// dots, a list has one. `id` comes first, the others in the order of their names.
#[derive(Debug, Default)]
pub struct Columns {
    paths: Vec<Vec<String>>,
    kind: String,
    /// Names that stay whatever `fields` asks for.
    kept: &'static [&'static str],
}

impl Columns {
    /// The columns of `T`.
    #[must_use]
    pub fn of<T: ToSchema + PartialSchema>() -> Self {
        let mut schemas = Vec::new();
        T::schemas(&mut schemas);
        let named = schemas.into_iter().collect();
        let mut columns = Vec::new();
        leaves(&T::schema(), &named, &mut Vec::new(), &mut columns);
        let name = T::name();
        let kind = name.strip_suffix("Out").unwrap_or(&name).to_owned();
        let mut columns = Self { paths: columns, kind, kept: &[] };
        columns.sort();
        columns
    }

    /// These columns and others of these names.
    #[must_use]
    pub fn and(mut self, names: &[&str]) -> Self {
        self.paths.extend(names.iter().map(|name| vec![(*name).to_owned()]));
        self.sort();
        self
    }

    /// These columns, of which those of these names stay whatever is asked for.
    #[must_use]
    pub fn keeping(self, kept: &'static [&'static str]) -> Self {
        Self { kept, ..self }
    }

    /// The columns that are left by `fields`, in the same order. Where texts are chosen by language, there
    /// are no translations beside them.
    #[must_use]
    pub fn within(&self, fields: &Fields, in_languages: bool) -> Self {
        let is_left = |path: &&Vec<String>| match path.as_slice() {
            [name] if self.kept.contains(&name.as_str()) => true,
            path => {
                fields.take(path) && !(in_languages && path.iter().any(|name| name == TRANSLATIONS))
            }
        };
        let paths = self.paths.iter().filter(is_left).cloned().collect();
        Self { paths, kind: self.kind.clone(), kept: self.kept }
    }

    fn sort(&mut self) {
        self.paths.sort_by_key(|path| (path != &["id"], path.clone()));
    }

    /// What the resource is called in JSON-LD: as its schema, without the ending.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Items as the body of an answer in CSV.
    pub fn table<T: AsRef<[u8]>>(&self, items: &[T]) -> ApiResult<Vec<u8>> {
        self.write(items).map_err(|error| {
            tracing::error!(%error, "rows could not be written as CSV");
            ApiError::new(Code::Internal, "The failure has been recorded; quote the request id.")
        })
    }

    /// Items as CSV. What is null or not there is an empty cell; entries of a list are joined by `|`,
    /// and what has a structure of its own is JSON. A text that a spreadsheet would take for a formula stays
    /// as it is: a mark before it would be a wrong value for every program that reads the file, and partners
    /// are programs. The document tells people to import the columns as text.
    pub fn write<T: AsRef<[u8]>>(&self, items: &[T]) -> csv::Result<Vec<u8>> {
        let mut writer =
            csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
        writer.write_record(self.paths.iter().map(|path| path.join(".")))?;
        for item in items {
            let item: Value = serde_json::from_slice(item.as_ref()).unwrap_or_default();
            writer.write_record(self.paths.iter().map(|path| cell(&item, path)))?;
        }
        writer.into_inner().map_err(|error| error.into_error().into())
    }
}

/// Items as lines of JSON.
pub fn lines<T: AsRef<[u8]>>(items: &[T]) -> Vec<u8> {
    let line = |item: &T| [item.as_ref(), b"\n"].concat();
    items.iter().flat_map(line).collect()
}

fn cell(item: &Value, path: &[String]) -> String {
    let value = path.iter().fold(item, |value, name| &value[name.as_str()]);
    match value {
        Value::Array(entries) if entries.iter().all(|one| !one.is_object() && !one.is_array()) => {
            entries.iter().map(text).collect::<Vec<_>>().join(BETWEEN)
        }
        value => text(value),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

/// Collects the paths to everything in a schema that is no object with described members.
fn leaves(
    schema: &RefOr<Schema>,
    named: &BTreeMap<String, RefOr<Schema>>,
    path: &mut Vec<String>,
    found: &mut Vec<Vec<String>>,
) {
    let several = |items: &[RefOr<Schema>], path: &mut Vec<String>, found: &mut Vec<_>| {
        items.iter().for_each(|item| leaves(item, named, path, found));
    };
    match schema {
        RefOr::Ref(Ref { ref_location, .. }) => {
            let name = ref_location.rsplit('/').next().unwrap_or_default();
            if let Some(schema) = named.get(name) {
                leaves(schema, named, path, found);
            }
        }
        RefOr::T(Schema::OneOf(one)) => several(&one.items, path, found),
        RefOr::T(Schema::AllOf(every)) => several(&every.items, path, found),
        RefOr::T(Schema::Object(object))
            if !object.properties.is_empty() && path.len() < DEEPEST =>
        {
            for (name, below) in &object.properties {
                path.push(name.clone());
                leaves(below, named, path, found);
                path.pop();
            }
        }
        _ if path.is_empty() || found.last() == Some(path) => {}
        // The null beside a described object is no column.
        RefOr::T(Schema::Object(object)) if is_null(object) => {}
        RefOr::T(_) => found.push(path.clone()),
    }
}

fn is_null(object: &utoipa::openapi::Object) -> bool {
    use utoipa::openapi::schema::{SchemaType, Type};
    object.schema_type == SchemaType::Type(Type::Null)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(ToSchema)]
    #[expect(dead_code, reason = "describes documents")]
    struct Thing {
        name: String,
        id: String,
        price: Option<Price>,
        tags: Vec<String>,
        parts: Vec<Price>,
    }

    #[derive(ToSchema)]
    #[expect(dead_code, reason = "describes documents")]
    struct Price {
        amount: String,
        currency: String,
    }

    #[test]
    fn items_become_rows() {
        let columns = Columns::of::<Thing>();
        let items = [
            r#"{"id":"1","name":"Nail, \"long\"","price":{"amount":"1.20","currency":"EUR"},"tags":["a","b"],"parts":[{"amount":"1"}]}"#,
            r#"{"id":"2","name":null,"price":null,"tags":[]}"#,
            r#"{"id":"-3","name":"=SUM(A1,A2)","price":null,"tags":["+1","@a"]}"#,
        ];
        let csv = String::from_utf8(columns.write(&items).unwrap()).unwrap();
        let expected = "id,name,parts,price.amount,price.currency,tags\r\n\
                        1,\"Nail, \"\"long\"\"\",\"[{\"\"amount\"\":\"\"1\"\"}]\",1.20,EUR,a|b\r\n\
                        2,,,,,\r\n\
                        -3,\"=SUM(A1,A2)\",,,,+1|@a\r\n";
        assert_eq!(csv, expected);
    }

    #[test]
    fn only_the_columns_asked_for_are_written() {
        let columns = Columns::of::<Thing>().and(&["deleted"]).keeping(&["deleted"]);
        let head = |fields: &str| {
            let fields = Fields::of_paths(fields.split(','));
            let rows = columns.within(&fields, false).write::<&[u8]>(&[]).unwrap();
            String::from_utf8(rows).unwrap().trim_end().to_owned()
        };
        assert_eq!(head("name,id"), "id,deleted,name");
        assert_eq!(head("price"), "deleted,price.amount,price.currency");
        assert_eq!(head("parts.amount,price.currency"), "deleted,parts,price.currency");
    }

    #[test]
    fn the_client_chooses() {
        for (accept, form) in [
            ("", Form::Json),
            ("*/*", Form::Json),
            ("text/csv", Form::Csv),
            ("Text/CSV; header=present", Form::Csv),
            ("application/x-ndjson, application/json;q=0.9", Form::Ndjson),
            ("application/json, text/csv", Form::Json),
            ("text/csv;q=0.5, application/x-ndjson;q=0.6, */*;q=0.1", Form::Ndjson),
            ("text/csv;q=0", Form::Json),
            ("application/ld+json, application/json;q=0.5", Form::JsonLd),
            (
                "application/ld+json; profile=\"http://www.w3.org/ns/json-ld#compacted\"",
                Form::JsonLd,
            ),
            ("text/html,application/xhtml+xml,*/*;q=0.8", Form::Json),
        ] {
            assert_eq!(Form::preferred(accept), form, "{accept}");
        }
        assert_eq!(Form::preferred_of_one("text/csv, application/ld+json;q=0.1"), Form::JsonLd);
        assert_eq!(Form::preferred_of_one("text/csv"), Form::Json);
    }

    proptest! {
        #[test]
        fn no_header_panics(text: String) {
            let _ = (Form::preferred(&text), Form::preferred_of_one(&text));
        }
    }
}
