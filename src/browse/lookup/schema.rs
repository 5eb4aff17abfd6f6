//! What a lookup takes and answers.

use crate::browse::schema::ProductOut;
use crate::http::gtin::Reason;
use crate::kernel::id::ProductId;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use utoipa::openapi::schema::{AllOfBuilder, Schema};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

/// What names a product: one of the three.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(min_properties = 1, max_properties = 1)]
pub(in crate::browse) struct IdentifierIn {
    /// A GTIN of 8, 12, 13 or 14 digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "3276550063551", value_type = String, required = false, min_length = 1)]
    pub(in crate::browse) gtin: Option<String>,
    /// The retailer's article number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false, min_length = 1)]
    pub(in crate::browse) sku: Option<String>,
    /// A product id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false, min_length = 1)]
    pub(in crate::browse) id: Option<String>,
}

/// What is looked up.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::browse) struct LookupIn {
    /// 1 to 100 identifiers.
    #[schema(min_items = 1, max_items = 100)]
    pub(in crate::browse) identifiers: Vec<IdentifierIn>,
    /// Only these fields of the products, joined by commas; dots lead inwards.
    #[serde(default)]
    #[schema(example = "id,name,brand.name")]
    pub(in crate::browse) fields: Option<String>,
    /// What to add: `offers`, `stock`, `category`, `variants`, joined by commas.
    #[serde(default)]
    #[schema(
        example = "offers",
        pattern = "^(offers|stock|category|variants)(,(offers|stock|category|variants))*$"
    )]
    pub(in crate::browse) embed: Option<String>,
    /// Embed offers and stock of these stores only, at most 50, joined by commas.
    #[serde(default)]
    #[schema(
        example = "sto_4Fh2Lp8QaZs",
        pattern = "^sto_[0-9A-L][0-9A-Za-z]{10}(,sto_[0-9A-L][0-9A-Za-z]{10}){0,49}$"
    )]
    pub(in crate::browse) store_id: Option<String>,
}

/// How an identifier led to a product.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::browse) enum Match {
    /// It is the product's, written as the product has it.
    Exact,
    /// It is the product's in another spelling: a GTIN of fewer than 14 digits.
    Normalised,
    /// It is that of a deleted product, which this one replaces.
    Successor,
}

/// An identifier that led to a product.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::browse) struct MatchedOut {
    /// The identifier as it was given.
    pub(in crate::browse) input: IdentifierIn,
    /// How it led here.
    #[serde(rename = "match")]
    pub(in crate::browse) how: Match,
}

/// An identifier that led to nothing.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::browse) struct NotFoundOut {
    /// The identifier as it was given.
    pub(in crate::browse) input: IdentifierIn,
    /// Why.
    pub(in crate::browse) reason: Reason,
    /// The code that was probably meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "3276550063551")]
    pub(in crate::browse) suggestion: Option<String>,
    /// What replaces the deleted product.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub(in crate::browse) replaced_by: Option<ProductId>,
}

/// The identifiers that led to a product.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes what is added to a finished product")]
pub(in crate::browse) struct MatchedPart {
    /// The identifiers that led here.
    matched: Vec<MatchedOut>,
}

/// A product with the identifiers that led to it.
#[derive(Debug)]
pub(in crate::browse) struct FoundOut;

impl PartialSchema for FoundOut {
    fn schema() -> RefOr<Schema> {
        let product = Ref::from_schema_name(ProductOut::name());
        AllOfBuilder::new().item(product).item(MatchedPart::schema()).into()
    }
}

impl ToSchema for FoundOut {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("FoundOut")
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((ProductOut::name().into_owned(), ProductOut::schema()));
        ProductOut::schemas(schemas);
        MatchedPart::schemas(schemas);
    }
}

/// What was found and what was not.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes an answer that is put together from finished products")]
pub(in crate::browse) struct LookupOut {
    /// The products, each once, in no promised order.
    items: Vec<FoundOut>,
    /// The identifiers that led to none.
    not_found: Vec<NotFoundOut>,
}
