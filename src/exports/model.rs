//! What an export holds, and what became of it.

use crate::access::Scope;
use crate::access::plan::PlanData;
use crate::changes::Kind;
use crate::kernel::id::StoreId;
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// What a file holds.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// Products.
    Products,
    /// Categories.
    Categories,
    /// Stores.
    Stores,
    /// Offers.
    Offers,
    /// Promotions.
    Promotions,
    /// Stock levels.
    Stock,
}

impl Resource {
    /// All of them with their words.
    pub const WORDS: &'static [(&'static str, Self)] = &[
        ("products", Self::Products),
        ("categories", Self::Categories),
        ("stores", Self::Stores),
        ("offers", Self::Offers),
        ("promotions", Self::Promotions),
        ("stock", Self::Stock),
    ];

    /// The word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::WORDS.iter().find(|(_, each)| *each == self).map_or("", |(word, _)| word)
    }

    /// What a key needs to have the file.
    #[must_use]
    pub fn scope(self) -> Scope {
        self.kind().scope()
    }

    /// What its rows are.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self {
            Self::Products => Kind::Product,
            Self::Categories => Kind::Category,
            Self::Stores => Kind::Store,
            Self::Offers => Kind::Offer,
            Self::Promotions => Kind::Promotion,
            Self::Stock => Kind::Stock,
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub enum Format {
    /// A JSON document in each line, compressed.
    #[default]
    #[serde(rename = "ndjson.gz")]
    NdjsonGz,
    /// Columns.
    #[serde(rename = "parquet")]
    Parquet,
}

impl Format {
    /// All of them with their words, which are also the ends of file names.
    pub const WORDS: &'static [(&'static str, Self)] =
        &[("ndjson.gz", Self::NdjsonGz), ("parquet", Self::Parquet)];

    /// The word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NdjsonGz => "ndjson.gz",
            Self::Parquet => "parquet",
        }
    }

    /// The media type of such a file.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::NdjsonGz => "application/gzip",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }
}

/// What is to be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Which files.
    pub resources: Vec<Resource>,
    /// Each of them in these formats.
    pub formats: Vec<Format>,
    /// Of stores, offers and stock only those of these stores; all where it is empty.
    #[serde(default)]
    pub store_ids: Vec<StoreId>,
    /// What the plan of who asked included then; none where that was everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<PlanData>,
}

impl Request {
    /// Everything, as a snapshot holds it.
    #[must_use]
    pub fn everything() -> Self {
        Self {
            resources: Resource::WORDS.iter().map(|(_, resource)| *resource).collect(),
            formats: Format::WORDS.iter().map(|(_, format)| *format).collect(),
            store_ids: Vec::new(),
            data: None,
        }
    }
}

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Its name in the export's directory.
    pub name: String,
    /// What it holds.
    pub resource: Resource,
    /// How it is written.
    pub format: Format,
    /// Its length.
    pub bytes: u64,
    /// How many resources it holds.
    pub rows: u64,
    /// The digest of its bytes in hexadecimal.
    pub sha256: String,
}
