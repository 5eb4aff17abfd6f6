//! Categories as a feed tells them.

use super::check::{self, NAME, WORD};
use super::document::{Document, Line, Op};
use super::fault::Fault;
use super::translations::{self, CategoryTexts, Translations};
use crate::kernel::id::CategoryId;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A line of a category feed. What an API answer adds is taken and ignored.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CategoryIn {
    #[serde(default)]
    op: Op,
    code: String,
    name: Option<String>,
    parent_code: Option<String>,
    parent_id: Option<String>,
    google_product_category: Option<String>,
    gpc_category_code: Option<String>,
    #[serde(default)]
    translations: BTreeMap<String, CategoryTexts>,
    #[serde(default, rename = "id")]
    _id: IgnoredAny,
    #[serde(default, rename = "path")]
    _path: IgnoredAny,
    #[serde(default, rename = "level")]
    _level: IgnoredAny,
    #[serde(default, rename = "product_count")]
    _product_count: IgnoredAny,
    #[serde(default, rename = "updated_at")]
    _updated_at: IgnoredAny,
    #[serde(default, rename = "version")]
    _version: IgnoredAny,
}

/// A checked category.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Category {
    /// The retailer's code.
    pub code: String,
    /// The category above, where there is one; it may arrive later.
    pub parent_id: Option<CategoryId>,
    /// The document, without path, level and count, which depend on other rows.
    pub document: Document,
}

#[derive(Serialize)]
struct Body<'a> {
    id: CategoryId,
    code: &'a str,
    name: String,
    parent_id: Option<CategoryId>,
    google_product_category: Option<String>,
    gpc_category_code: Option<String>,
    #[serde(skip_serializing_if = "Translations::is_empty")]
    translations: Translations<CategoryTexts>,
}

impl CategoryIn {
    /// The category, or what is wrong with it.
    pub fn check(self) -> Result<Line<Category>, Fault> {
        let code = check::code("code", &self.code)?;
        if self.op == Op::Delete {
            return Ok(Line::Delete(code.into()));
        }
        let id = CategoryId::derived(&code);
        let parent_id = match (self.parent_code, self.parent_id) {
            (Some(parent), _) => Some(CategoryId::derived(&check::code("parent_code", &parent)?)),
            (None, Some(parent)) => Some(check::parsed("parent_id", &parent)?),
            (None, None) => None,
        };
        if parent_id == Some(id) {
            let message = "is the category itself; name the one above it";
            return Err(Fault::new("parent_code", &code, "own_parent", message));
        }
        let document = Document::new(&Body {
            id,
            code: &code,
            name: check::text("name", &self.name.unwrap_or_default(), NAME)?,
            parent_id,
            google_product_category: check::optional(
                "google_product_category",
                self.google_product_category,
                WORD,
            )?,
            gpc_category_code: check::optional("gpc_category_code", self.gpc_category_code, WORD)?,
            translations: translations::checked(self.translations)?,
        })?;
        Ok(Line::Put(Box::new(Category { code, parent_id, document })))
    }
}
