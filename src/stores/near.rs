//! The place that a call asks about: a point or a postal code, and a radius around it.

use super::geo::Point;
use super::view::StoresView;
use crate::catalog::api::Included;
use crate::http::Params;

/// The radius where none is given, and the longest.
const DEFAULT_KM: f64 = 10.0;
const MOST_KM: f64 = 500.0;

/// A place and what counts as near.
#[derive(Debug, Clone, Copy)]
pub struct Near {
    /// The place.
    pub center: Point,
    /// Metres along the great circle.
    pub radius_m: f64,
}

impl Near {
    /// Reads `lat`, `lon` and `radius_km`. A postal code is a place where a radius is given or
    /// where `by_code` says so.
    pub fn read(
        params: &mut Params,
        (country, postal_code): (Option<&str>, Option<&str>),
        by_code: bool,
        stores: &StoresView,
        included: &Included,
    ) -> Option<Self> {
        let latitude = degrees(params, "lat", 90.0, "north");
        let longitude = degrees(params, "lon", 180.0, "east");
        let radius = radius(params);
        let radius_m = radius.unwrap_or(DEFAULT_KM) * 1_000.0;
        let center = match (latitude, longitude) {
            (Some(latitude), Some(longitude)) => Point::new(latitude, longitude),
            (None, None) if postal_code.is_some() && (by_code || radius.is_some()) => {
                of_code(params, country, postal_code?, (stores, included))?
            }
            (None, None) => {
                if radius.is_some() {
                    let message = "needs a place: `lat` and `lon`, or `postal_code` and `country`";
                    params.fault("radius_km", "incomplete", message);
                }
                return None;
            }
            (latitude, _) => {
                let (given, missing) =
                    if latitude.is_some() { ("lat", "lon") } else { ("lon", "lat") };
                if !params.has_fault(missing) {
                    params.fault(given, "incomplete", format!("needs `{missing}` beside it"));
                }
                return None;
            }
        };
        Some(Self { center, radius_m })
    }
}

/// The country that a call names, by its two letters.
pub fn country(params: &mut Params) -> Option<String> {
    let country = params.text("country")?;
    if country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return Some(country);
    }
    params.fault("country", "malformed", "must be the two letters of a country, such as FR");
    None
}

fn of_code(
    params: &mut Params,
    country: Option<&str>,
    code: &str,
    (stores, included): (&StoresView, &Included),
) -> Option<Point> {
    let Some(country) = country else {
        let message = "needs `country` beside it: the same code exists in several";
        params.fault("postal_code", "incomplete", message);
        return None;
    };
    let place = stores.place_of(country, code, included);
    if place.is_none() {
        let message = "is not known here as a place; give `lat` and `lon` instead";
        params.fault("postal_code", "not_found", message);
    }
    place
}

fn degrees(params: &mut Params, name: &'static str, most: f64, side: &str) -> Option<f64> {
    let text = params.text(name)?;
    let value = text.parse::<f64>().ok().filter(|value| value.is_finite());
    if let Some(value) = value.filter(|value| value.abs() <= most) {
        return Some(value);
    }
    // A longitude in the place of a latitude is the usual slip.
    let swapped = most < 180.0 && value.is_some_and(|value| value.abs() <= 180.0);
    let hint = if swapped { "; are `lat` and `lon` swapped?" } else { "" };
    let message = format!("is degrees {side} from -{most} to {most}, such as 43.61{hint}");
    params.fault(name, "out_of_range", message);
    None
}

fn radius(params: &mut Params) -> Option<f64> {
    let text = params.text("radius_km")?;
    let value = text.parse::<f64>().ok().filter(|value| *value > 0.0 && *value <= MOST_KM);
    if value.is_none() {
        let message = format!("must be a number of kilometres above 0, at most {MOST_KM}");
        params.fault("radius_km", "out_of_range", message);
    }
    value
}
