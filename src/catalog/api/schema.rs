//! Categories and promotions as partners receive them. They are served as they are stored, so these types describe
//! and are never filled; a test holds them against a stored document.
#![expect(dead_code, reason = "the types describe stored documents")]

use super::deleted::DeletedOut;
use super::offers::MoneyOut;
use crate::catalog::offers::Channel;
use crate::catalog::translations::{CategoryTexts, PromotionTexts};
use crate::catalog::view::Audience;
use std::collections::BTreeMap;
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
    /// Its texts in other languages, by language (RFC 5646), where the retailer gives any. Absent from
    /// calls with `Accept-Language`, whose texts are chosen from here.
    translations: Option<BTreeMap<String, CategoryTexts>>,
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
    /// Its texts in other languages, by language (RFC 5646), where the retailer gives any. Absent from
    /// calls with `Accept-Language`, whose texts are chosen from here.
    translations: Option<BTreeMap<String, CategoryTexts>>,
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

/// A category, or with `include_deleted` what tells of one that was deleted.
#[derive(Debug, ToSchema)]
#[serde(untagged)]
pub(super) enum CategoryOrDeleted {
    /// One that is there.
    Present(Box<CategoryOut>),
    /// One that was deleted.
    Deleted(DeletedOut),
}

/// Categories, a page of them.
#[derive(Debug, ToSchema)]
pub(super) struct PageOfCategories {
    /// The categories.
    items: Vec<CategoryOrDeleted>,
    /// Where the next page is; null on the last.
    #[schema(
        required = true,
        example = "/v1/categories?limit=50&cursor=c7HqK2mXw9Pz000000000001A2b3C"
    )]
    next: Option<String>,
    /// Where this page is.
    #[schema(rename = "self", example = "/v1/categories?limit=50")]
    own: String,
    /// How many categories the list has, with `include_total`.
    #[schema(example = 128)]
    total: Option<u64>,
}

/// What a promotion asks for.
#[derive(Debug, ToSchema)]
pub(super) struct ConditionsOut {
    /// How many have to be bought.
    #[schema(required = true, example = 2)]
    min_quantity: Option<u32>,
    /// For how much has to be bought.
    #[schema(required = true)]
    min_spend: Option<MoneyOut>,
    /// Whether it is for members of the loyalty programme only.
    #[schema(example = false)]
    member_only: bool,
    /// For members of these tiers only.
    #[schema(example = json!(["gold"]))]
    tier_ids: Vec<String>,
}

/// What a promotion is on; everything, where all three are empty.
#[derive(Debug, ToSchema)]
pub(super) struct AppliesToOut {
    /// These products.
    #[schema(example = json!(["prd_7HqK2mXw9Pz"]))]
    product_ids: Vec<String>,
    /// What is in these categories or below them.
    #[schema(example = json!(["cat_5tR81kQmZx2"]))]
    category_ids: Vec<String>,
    /// What is of these brands.
    #[schema(example = json!(["brd_3kLmN0pQrSt"]))]
    brand_ids: Vec<String>,
}

/// A promotion.
#[derive(Debug, ToSchema)]
pub(crate) struct PromotionOut {
    /// Its id, the same for good.
    #[schema(example = "prm_2bN6yHs0KfW")]
    id: String,
    /// The retailer's own code for it.
    #[schema(example = "P-2026-48")]
    code: String,
    /// What it promises.
    #[schema(example = "1 acheté = 25 % de remise")]
    title: String,
    /// `percent_off`, `amount_off`, `buy_x_get_y`, `bundle`, `points` or `coupon`.
    #[schema(rename = "type", example = "percent_off")]
    kind: String,
    /// Percent, an amount or points, by its type.
    #[schema(required = true, example = "25")]
    value: Option<String>,
    /// What it asks for.
    conditions: ConditionsOut,
    /// What it is on.
    applies_to: AppliesToOut,
    /// Where it holds; `*` for every store.
    #[schema(example = json!(["*"]))]
    store_ids: Vec<String>,
    /// Through which channels.
    channels: Vec<Channel>,
    /// Who it is for.
    audience: Audience,
    /// The code to give at the till, where one is needed.
    #[schema(required = true, example = json!(null))]
    coupon_code: Option<String>,
    /// From when it holds.
    #[schema(required = true, format = DateTime, example = "2026-11-26T23:00:00Z")]
    valid_from: Option<String>,
    /// Until when it holds; that instant belongs to it no longer.
    #[schema(required = true, format = DateTime, example = "2026-11-30T23:00:00Z")]
    valid_through: Option<String>,
    /// Its texts in other languages, by language (RFC 5646), where the retailer gives any. Absent from
    /// calls with `Accept-Language`, whose texts are chosen from here.
    translations: Option<BTreeMap<String, PromotionTexts>>,
    /// When it last changed.
    #[schema(format = DateTime, example = "2026-11-20T04:00:00Z")]
    updated_at: String,
    /// How often it changed.
    #[schema(example = 2)]
    version: u64,
}

/// A promotion, or with `include_deleted` what tells of one that was deleted.
#[derive(Debug, ToSchema)]
#[serde(untagged)]
pub(super) enum PromotionOrDeleted {
    /// One that is there.
    Present(Box<PromotionOut>),
    /// One that was deleted.
    Deleted(DeletedOut),
}

/// Promotions, a page of them.
#[derive(Debug, ToSchema)]
pub(super) struct PageOfPromotions {
    /// The promotions.
    items: Vec<PromotionOrDeleted>,
    /// Where the next page is; null on the last.
    #[schema(
        required = true,
        example = "/v1/promotions?limit=50&cursor=c7HqK2mXw9Pz000000000001A2b3C"
    )]
    next: Option<String>,
    /// Where this page is.
    #[schema(rename = "self", example = "/v1/promotions?limit=50")]
    own: String,
    /// How many promotions the list has, with `include_total`.
    #[schema(example = 128)]
    total: Option<u64>,
}
