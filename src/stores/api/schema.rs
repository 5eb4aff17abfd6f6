//! Stores as partners receive them: served as stored, so these types describe and are never filled.
#![expect(dead_code, reason = "the types describe stored documents")]

use utoipa::ToSchema;

/// A postal address.
#[derive(Debug, ToSchema)]
pub(super) struct AddressOut {
    /// Street and number.
    #[schema(example = "2 avenue de Toulouse")]
    street_address: Option<String>,
    /// Postal code.
    #[schema(example = "31130")]
    postal_code: Option<String>,
    /// Town.
    #[schema(example = "Balma")]
    address_locality: Option<String>,
    /// ISO 3166-1 code of the country.
    #[schema(example = "FR")]
    address_country: Option<String>,
}

/// A place on Earth, WGS 84 degrees.
#[derive(Debug, ToSchema)]
pub(super) struct GeoOut {
    /// Degrees north.
    #[schema(example = 43.61)]
    latitude: f64,
    /// Degrees east.
    #[schema(example = 1.49)]
    longitude: f64,
}

/// When a store is open on a day of the week.
#[derive(Debug, ToSchema)]
pub(super) struct OpeningHoursOut {
    /// The day, in English and lower case.
    #[schema(example = "monday")]
    day_of_week: String,
    /// Opens, in the store's time zone.
    #[schema(example = "08:30")]
    opens: String,
    /// Closes, in the store's time zone.
    #[schema(example = "20:30")]
    closes: String,
}

/// A day on which the usual hours do not hold.
#[derive(Debug, ToSchema)]
pub(super) struct SpecialHoursOut {
    /// The day.
    #[schema(format = Date, example = "2026-12-25")]
    date: String,
    /// Whether the store is closed all day.
    #[schema(example = true)]
    closed: bool,
    /// Opens, where it does.
    #[schema(example = json!(null))]
    opens: Option<String>,
    /// Closes, where it opens.
    #[schema(example = json!(null))]
    closes: Option<String>,
}

/// A store.
#[derive(Debug, ToSchema)]
pub(super) struct StoreOut {
    /// Its id, the same for good.
    #[schema(example = "sto_4Fh2Lp8QaZs")]
    id: String,
    /// The retailer's own code.
    #[schema(example = "0261")]
    store_code: String,
    /// GS1 Global Location Number, 13 digits.
    #[schema(example = "3020180000000")]
    gln: Option<String>,
    /// What it is called.
    #[schema(example = "Toulouse Balma")]
    name: String,
    /// What kind of store it is.
    #[schema(rename = "type", example = "hypermarket")]
    kind: Option<String>,
    /// Where it is.
    address: Option<AddressOut>,
    /// Where it is on the map.
    geo: Option<GeoOut>,
    /// IANA name of its time zone.
    #[schema(example = "Europe/Paris")]
    time_zone: Option<String>,
    /// Its telephone number.
    #[schema(example = "+33561000000")]
    telephone: Option<String>,
    /// When it is open in an ordinary week.
    opening_hours: Vec<OpeningHoursOut>,
    /// Days on which that does not hold.
    special_opening_hours: Vec<SpecialHoursOut>,
    /// What it offers beside goods.
    #[schema(example = json!(["click_collect", "drive"]))]
    services: Vec<String>,
    /// When it last changed.
    #[schema(format = DateTime, example = "2026-11-20T04:00:00Z")]
    updated_at: String,
    /// How often it changed.
    #[schema(example = 3)]
    version: u64,
}

/// Stores, a page of them.
#[derive(Debug, ToSchema)]
pub(super) struct PageOfStores {
    /// The stores.
    items: Vec<StoreOut>,
    /// Where the next page is; null on the last.
    #[schema(example = "/v1/stores?country=FR&limit=50&cursor=c7HqK2mXw9Pz000000000001A2b3C")]
    next: Option<String>,
    /// Where this page is.
    #[schema(rename = "self", example = "/v1/stores?country=FR&limit=50")]
    own: String,
}
