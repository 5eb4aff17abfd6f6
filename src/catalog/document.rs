//! Documents: a resource as partners receive it, with a digest that tells whether it changed.

use super::Fault;
use crate::kernel::Micros;
use crate::kernel::id::ProductId;
use crate::kernel::word::{Word as _, words};
use serde::{Deserialize, Serialize};

/// Longest document in bytes.
const MAX_BYTES: usize = 256 * 1024;

/// A finished JSON object, but for `updated_at` and `version`, which storing adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    content: String,
    hash: String,
}

impl Document {
    /// The document of a value whose fields stand in the order of the API.
    pub fn new(value: &impl Serialize) -> Result<Self, Fault> {
        let content = serde_json::to_string(value).map_err(|error| Fault::unwritable(&error))?;
        if content.len() > MAX_BYTES {
            let message = format!("makes a document of more than {MAX_BYTES} bytes");
            return Err(Fault::new("", "", "too_long", message));
        }
        let hash = blake3::hash(content.as_bytes()).to_hex()[..16].to_owned();
        Ok(Self { content, hash })
    }

    /// The digest of the content: equal for equal documents.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The document as it is served from now on.
    #[must_use]
    pub fn body(&self, updated_at: Micros, version: i64) -> String {
        let open = self.content.strip_suffix('}').unwrap_or(&self.content);
        format!("{open},\"updated_at\":\"{updated_at}\",\"version\":{version}}}")
    }
}

/// What a line of a feed does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// Puts the thing as the line says it.
    #[default]
    Upsert,
    /// Takes the thing out of sale.
    Delete,
}

/// A checked line about a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line<T> {
    /// The resource as it is now.
    Put(Box<T>),
    /// The resource is gone.
    Delete(Deleted),
}

/// What a line about something that is gone says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deleted {
    /// Its code.
    pub code: String,
    /// Of a product, the one that has come in its place.
    pub replaced_by: Option<ProductId>,
    /// Why, where the line says it.
    pub why: Option<Why>,
}

words! {
    /// Why a product is gone, as the change log tells it.
    pub enum Why {
        /// Its maker or the retailer has given it up.
        Discontinued = "discontinued",
        /// The retailer sells it no more.
        OutOfRange = "out_of_range",
        /// It was one with another, which has come in its place.
        Merged = "merged",
    }
}

impl Deleted {
    /// The reason that the change log tells.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        self.why.map_or("deleted", Why::as_str)
    }
}

impl From<String> for Deleted {
    fn from(code: String) -> Self {
        Self { code, replaced_by: None, why: None }
    }
}
