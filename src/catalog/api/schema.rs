//! Categories as partners receive them. They are served as they are stored, so these types describe
//! and are never filled; a test holds them against a stored document.
#![expect(dead_code, reason = "the types describe stored documents")]

use utoipa::ToSchema;

/// A step of the way from the root to a category.
#[derive(Debug, ToSchema)]
pub(crate) struct StepOut {
    /// The category.
    #[schema(example = "cat_1mV0cT7dYq4")]
    id: String,
    /// Its name.
    #[schema(example = "Peinture")]
    name: String,
}

/// A category.
#[derive(Debug, ToSchema)]
pub(crate) struct CategoryOut {
    /// Its id, the same for good.
    #[schema(example = "cat_5tR81kQmZx2")]
    id: String,
    /// The retailer's own code for it.
    #[schema(example = "27073")]
    code: String,
    /// What it is called.
    #[schema(example = "Enduits")]
    name: String,
    /// The category above; null for a root.
    #[schema(required = true, example = "cat_1mV0cT7dYq4")]
    parent_id: Option<String>,
    /// Google's product category.
    #[schema(required = true, example = "413")]
    google_product_category: Option<String>,
    /// GS1 GPC brick code, 8 digits.
    #[schema(required = true, example = json!(null))]
    gpc_category_code: Option<String>,
    /// When it last changed.
    #[schema(format = DateTime, example = "2026-11-20T04:00:00Z")]
    updated_at: String,
    /// How often it changed.
    #[schema(example = 2)]
    version: u64,
    /// The way from the root to this category, itself included.
    path: Vec<StepOut>,
    /// How deep it is: 1 for a root.
    #[schema(example = 2)]
    level: u32,
    /// How many products are in the category itself; those of its descendants are not counted.
    #[schema(example = 812)]
    product_count: u64,
}

/// Categories, a page of them.
#[derive(Debug, ToSchema)]
pub(super) struct PageOfCategories {
    /// The categories.
    items: Vec<CategoryOut>,
    /// Where the next page is; null on the last.
    #[schema(
        required = true,
        example = "/v1/categories?limit=50&cursor=c7HqK2mXw9Pz000000000001A2b3C"
    )]
    next: Option<String>,
    /// Where this page is.
    #[schema(rename = "self", example = "/v1/categories?limit=50")]
    own: String,
}
