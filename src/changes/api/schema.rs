//! Changes on the wire.

use crate::changes::Kind;
use crate::kernel::Micros;
use crate::kernel::word::words;
use serde::Serialize;
use utoipa::ToSchema;

words! {
    /// What an entry can hold besides.
    pub(super) enum Embed {
        /// What the resource is now.
        Resource = "resource",
    }
}

/// Something that changed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ChangeOut<'a> {
    /// Its place in the log; grows, with gaps.
    #[schema(example = "184467")]
    pub(super) position: String,
    /// The type of the resource.
    #[serde(rename = "type")]
    #[schema(value_type = Kind, example = "offer")]
    pub(super) kind: &'a str,
    /// The resource; for an offer product, store and channel, for stock product and store, joined by
    /// slashes.
    #[schema(example = "prd_7HqK2mXw9Pz/sto_4Fh2Lp8QaZs/in_store")]
    pub(super) id: &'a str,
    /// `upsert` or `delete`.
    #[schema(example = "upsert")]
    pub(super) op: &'a str,
    /// Why, in a word: `created`, `updated`, `price_changed`, `hours_changed`, `availability_changed`,
    /// `back_in_stock`, `deleted`, `discontinued`, `out_of_range`, `merged`, `in_plan`, `not_in_plan`;
    /// others may come.
    #[schema(required = true, example = "price_changed")]
    pub(super) reason: Option<&'a str>,
    /// When it was stored.
    #[schema(value_type = String, format = DateTime, example = "2026-11-21T22:00:03Z")]
    pub(super) occurred_at: Micros,
    /// The resource's version from then on. For stock a number that grows.
    #[schema(example = 8)]
    pub(super) version: i64,
    /// What stands in the place of a deleted product.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "prd_0Kd83bVnM1c")]
    pub(super) replaced_by: Option<&'a str>,
    /// The product of an offer or a stock level.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "prd_7HqK2mXw9Pz")]
    pub(super) product_id: Option<&'a str>,
    /// The store of an offer or a stock level.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "sto_4Fh2Lp8QaZs")]
    pub(super) store_id: Option<&'a str>,
    /// The channel of an offer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "in_store")]
    pub(super) channel: Option<&'a str>,
    /// What the resource is now, with `embed=resource`; null where it is gone.
    #[serde(skip)]
    #[schema(value_type = Option<Object>)]
    #[expect(dead_code, reason = "finished documents are put in as they are")]
    pub(super) resource: (),
}

/// Changes, a page of them.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes a page that is put together from finished lines")]
pub(super) struct PageOfChanges<'a> {
    /// The changes, the oldest first.
    items: Vec<ChangeOut<'a>>,
    /// Where to go on: the next call's `after`.
    #[schema(example = "184467")]
    next_position: String,
    /// Whether more is there already.
    #[schema(example = false)]
    has_more: bool,
}
