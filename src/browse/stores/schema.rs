//! Stores as partners receive them: put together from stored documents, so these types describe and
//! are never filled.
#![expect(dead_code, reason = "the types describe stored documents")]

use crate::catalog::api::deleted::DeletedOut;
use crate::stock::line::StockLevelOut;
use crate::stores::hours::{SpecialHours, WeeklyHours};
use crate::stores::model::{Address, Geo};
use utoipa::ToSchema;

/// A store.
#[derive(Debug, ToSchema)]
pub(super) struct StoreOut<'a> {
    /// Its id, the same for good.
    #[schema(example = "sto_4Fh2Lp8QaZs")]
    id: String,
    /// The retailer's own code.
    #[schema(example = "0261")]
    store_code: String,
    /// GS1 Global Location Number, 13 digits.
    #[schema(required = true, example = "3020180000000")]
    gln: Option<String>,
    /// What it is called.
    #[schema(example = "Toulouse Balma")]
    name: String,
    /// What kind of store it is. One of type `online` is a web shop, which is near no place.
    #[schema(required = true, rename = "type", example = "hypermarket")]
    kind: Option<String>,
    /// Where it is; null for a web shop without an address.
    #[schema(required = true)]
    address: Option<Address>,
    /// Where it is on the map; null for a web shop without a place.
    #[schema(required = true)]
    geo: Option<Geo>,
    /// IANA name of its time zone.
    #[schema(example = "Europe/Paris")]
    time_zone: String,
    /// Its telephone number.
    #[schema(required = true, example = "+33561000000")]
    telephone: Option<String>,
    /// When it is open in an ordinary week.
    opening_hours: Vec<WeeklyHours>,
    /// Days on which that does not hold.
    special_opening_hours: Vec<SpecialHours>,
    /// What it offers beside goods.
    #[schema(example = json!(["click_collect", "drive"]))]
    services: Vec<String>,
    /// When it last changed.
    #[schema(format = DateTime, example = "2026-11-20T04:00:00Z")]
    updated_at: String,
    /// How often it changed.
    #[schema(example = 3)]
    version: u64,
    /// Whether it is open at the moment of the answer; null where its hours are not known.
    #[schema(required = true, example = true)]
    open_now: Option<bool>,
    /// When it closes, if it is open; null where it does not within a week.
    #[schema(required = true, format = DateTime, example = "2026-11-22T19:30:00Z")]
    closes_at: Option<String>,
    /// When it opens, if it is closed; null where it does not within a week.
    #[schema(required = true, format = DateTime, example = json!(null))]
    opens_at: Option<String>,
    /// Metres along the great circle from the place that was asked for; in lists near a place.
    #[schema(example = 812)]
    distance_m: Option<u32>,
    /// How each item of the basket stands in the store; in lists with `items`.
    basket: Option<Vec<StockLevelOut<'a>>>,
}

/// A store, or with `include_deleted` what tells of one that was deleted.
#[derive(Debug, ToSchema)]
#[serde(untagged)]
pub(super) enum StoreOrDeleted<'a> {
    /// One that is there.
    Present(Box<StoreOut<'a>>),
    /// One that was deleted.
    Deleted(DeletedOut),
}

/// Stores, a page of them.
#[derive(Debug, ToSchema)]
pub(super) struct PageOfStores<'a> {
    /// The stores.
    items: Vec<StoreOrDeleted<'a>>,
    /// Where the next page is; null on the last.
    #[schema(
        required = true,
        example = "/v1/stores?country=FR&limit=50&cursor=c7HqK2mXw9Pz000000000001A2b3C"
    )]
    next: Option<String>,
    /// Where this page is.
    #[schema(rename = "self", example = "/v1/stores?country=FR&limit=50")]
    own: String,
    /// How many stores the list has, with `include_total`.
    #[schema(example = 128)]
    total: Option<u64>,
}
