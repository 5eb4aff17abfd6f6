//! Stores as a feed tells them, and the document that partners receive.

use super::hours::{self, SpecialHours, WeeklyHours};
use super::swapped;
use crate::catalog::check::{self, Decimal, NAME, WORD};
use crate::catalog::document::{Document, Line, Op};
use crate::catalog::fault::Fault;
use crate::kernel::gtin::check_digit;
use crate::kernel::id::StoreId;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize, Serializer};
use std::str::FromStr;
use utoipa::ToSchema;

/// A line of a store feed. What an API answer adds is taken and ignored.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreIn {
    #[serde(default)]
    op: Op,
    store_code: String,
    gln: Option<String>,
    name: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    address: Option<Address>,
    geo: Option<GeoIn>,
    time_zone: Option<String>,
    telephone: Option<String>,
    #[serde(default)]
    opening_hours: Vec<WeeklyHours>,
    #[serde(default)]
    special_opening_hours: Vec<SpecialHours>,
    #[serde(default)]
    services: Vec<String>,
    #[serde(default, rename = "id")]
    _id: IgnoredAny,
    #[serde(default, rename = "open_now")]
    _open_now: IgnoredAny,
    #[serde(default, rename = "opens_at")]
    _opens_at: IgnoredAny,
    #[serde(default, rename = "closes_at")]
    _closes_at: IgnoredAny,
    #[serde(default, rename = "distance_m")]
    _distance_m: IgnoredAny,
    #[serde(default, rename = "updated_at")]
    _updated_at: IgnoredAny,
    #[serde(default, rename = "version")]
    _version: IgnoredAny,
}

/// A postal address.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Address {
    /// Street and number.
    #[schema(required = true, example = "2 avenue de Toulouse")]
    street_address: Option<String>,
    /// Postal code.
    #[schema(required = true, example = "31130")]
    postal_code: Option<String>,
    /// Town.
    #[schema(required = true, example = "Balma")]
    address_locality: Option<String>,
    /// State, region or province, where addresses name it.
    #[schema(required = true, example = "Occitanie")]
    address_region: Option<String>,
    /// ISO 3166-1 code of the country, two letters.
    #[schema(required = true, value_type = String, example = "FR")]
    address_country: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GeoIn {
    latitude: Decimal,
    longitude: Decimal,
}

/// Millionths of a degree: about 0.1 m, finer than any shop.
#[derive(Debug, Clone, Copy)]
struct Degrees(i32);

impl Serialize for Degrees {
    /// A JSON number. The division is exact to the nearest double, whose shortest text is the
    /// decimal that the feed gave.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(f64::from(self.0) / 1e6)
    }
}

/// A place on Earth, WGS 84 degrees.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Geo {
    /// Degrees north.
    #[schema(value_type = f64, example = 43.61)]
    latitude: Degrees,
    /// Degrees east.
    #[schema(value_type = f64, example = 1.49)]
    longitude: Degrees,
}

impl Geo {
    /// In the Gulf of Guinea, where no store is.
    fn is_nowhere(&self) -> bool {
        self.latitude.0 == 0 && self.longitude.0 == 0
    }
}

/// A checked store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// The retailer's code.
    pub code: String,
    /// The document, without `open_now` and `distance_m`, which depend on the question.
    pub document: Document,
}

#[derive(Serialize)]
struct Body<'a> {
    id: StoreId,
    store_code: &'a str,
    gln: Option<Gln>,
    name: String,
    #[serde(rename = "type")]
    kind: Option<String>,
    address: Option<Address>,
    geo: Option<Geo>,
    time_zone: String,
    telephone: Option<String>,
    opening_hours: Vec<WeeklyHours>,
    special_opening_hours: Vec<SpecialHours>,
    services: Vec<String>,
}

impl StoreIn {
    /// The store, or what is wrong with it.
    pub fn check(self) -> Result<Line<Store>, Fault> {
        let code = check::code("store_code", &self.store_code)?;
        if self.op == Op::Delete {
            return Ok(Line::Delete(code.into()));
        }
        let time_zone = time_zone(self.time_zone)?;
        let is_online = self.kind.as_deref().is_some_and(|kind| is_online(kind.trim()));
        let document = Document::new(&Body {
            id: StoreId::derived(&code),
            store_code: &code,
            gln: self.gln.as_deref().map(gln).transpose()?,
            name: check::text("name", &self.name.unwrap_or_default(), NAME)?,
            kind: check::optional("type", self.kind, WORD)?,
            address: address(self.address, is_online)?,
            geo: geo(self.geo, &time_zone, is_online)?,
            time_zone,
            telephone: check::optional("telephone", self.telephone, WORD)?,
            opening_hours: hours::weekly(self.opening_hours)?,
            special_opening_hours: hours::special(self.special_opening_hours)?,
            services: check::list("services", self.services)?,
        })?;
        Ok(Line::Put(Box::new(Store { code, document })))
    }
}

/// Whether a store of this type is a web shop: it is near nobody, and needs no place on Earth.
pub(super) fn is_online(kind: &str) -> bool {
    kind.eq_ignore_ascii_case("online")
}

fn address(address: Option<Address>, is_online: bool) -> Result<Option<Address>, Fault> {
    let Some(address) = address else {
        if is_online {
            return Ok(None);
        }
        let message = "give street_address, postal_code, address_locality and address_country";
        return Err(Fault::new("address", "", "missing", message));
    };
    let locality = address.address_locality;
    let country = address.address_country.unwrap_or_default();
    Ok(Some(Address {
        street_address: check::optional("address.street_address", address.street_address, NAME)?,
        postal_code: check::optional("address.postal_code", address.postal_code, WORD)?,
        address_locality: check::optional("address.address_locality", locality, NAME)?,
        address_region: check::optional("address.address_region", address.address_region, NAME)?,
        address_country: Some(check::country("address.address_country", &country)?),
    }))
}

fn geo(geo: Option<GeoIn>, time_zone: &str, is_online: bool) -> Result<Option<Geo>, Fault> {
    let Some(geo) = geo else {
        if is_online {
            return Ok(None);
        }
        let message = "give latitude and longitude in degrees (WGS 84)";
        return Err(Fault::new("geo", "", "missing", message));
    };
    refuse_swapped(&geo, time_zone)?;
    let place = Geo {
        latitude: degrees("geo.latitude", &geo.latitude, 90)?,
        longitude: degrees("geo.longitude", &geo.longitude, 180)?,
    };
    match (place.is_nowhere(), is_online) {
        (false, _) => Ok(Some(place)),
        (true, true) => Ok(None),
        (true, false) => {
            let message = "is where other systems put what they do not know; give the store's own \
                           coordinates (only a store of type online may leave them out)";
            Err(Fault::new("geo", "0, 0", "unknown_place", message))
        }
    }
}

fn refuse_swapped(geo: &GeoIn, time_zone: &str) -> Result<(), Fault> {
    let (GeoIn { latitude, longitude }, degrees) = (geo, |given: &Decimal| given.0.parse::<f64>());
    let (Ok(north), Ok(east)) = (degrees(latitude), degrees(longitude)) else { return Ok(()) };
    if !swapped::are_swapped(north, east, time_zone) {
        return Ok(());
    }
    let (north, east) = (&latitude.0, &longitude.0);
    let message = format!(
        "has latitude and longitude in each other's place, for it lies far from {time_zone}: latitude \
         {east}, longitude {north} would be right; exchange them, or correct time_zone"
    );
    Err(Fault::new("geo", &format!("{north}, {east}"), "coordinates_swapped", message))
}

fn degrees(field: &'static str, value: &Decimal, most: i32) -> Result<Degrees, Fault> {
    value
        .scaled(6)
        .and_then(|millionths| i32::try_from(millionths).ok())
        .filter(|millionths| millionths.abs() <= most * 1_000_000)
        .map(Degrees)
        .ok_or_else(|| {
            let message = format!("is degrees from -{most} to {most} with at most 6 decimals");
            Fault::new(field, &value.0, "out_of_range", message)
        })
}

fn time_zone(name: Option<String>) -> Result<String, Fault> {
    let name = name.unwrap_or_default();
    if jiff::tz::TimeZone::get(&name).is_ok() {
        return Ok(name);
    }
    let message = "must be a name of the IANA time zone database such as Europe/Paris";
    Err(Fault::new("time_zone", &name, "unknown_time_zone", message))
}

fn gln(code: &str) -> Result<Gln, Fault> {
    code.parse()
        .map_err(|error: InvalidGln| Fault::new("gln", code, "invalid_gln", error.to_string()))
}

/// A Global Location Number: 13 digits of which the last is right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gln(String);

/// Why a text is no GLN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidGln {
    /// Not 13 digits.
    #[error("a GLN must have 13 digits")]
    Form,
    /// The last digit is not the one that follows from the others.
    #[error("ends with {found}, expected {expected}")]
    CheckDigit {
        /// What stands there.
        found: char,
        /// What would be right.
        expected: u8,
    },
}

impl FromStr for Gln {
    type Err = InvalidGln;

    fn from_str(code: &str) -> Result<Self, InvalidGln> {
        let bytes = code.as_bytes();
        if bytes.len() != 13 || !bytes.iter().all(u8::is_ascii_digit) {
            return Err(InvalidGln::Form);
        }
        let (body, last) = bytes.split_at(12);
        let expected = check_digit(body);
        if last[0] - b'0' != expected {
            return Err(InvalidGln::CheckDigit { found: char::from(last[0]), expected });
        }
        Ok(Self(code.to_owned()))
    }
}

impl Gln {
    /// Its digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::shape;
    use crate::kernel::Micros;
    use proptest::prelude::*;

    fn check(line: &str) -> Result<Line<Store>, Fault> {
        shape::read::<StoreIn>(line)?.check()
    }

    fn line(latitude: &str, zone: &str) -> String {
        format!(
            r#"{{"store_code":"1","name":"n","address":{{"address_country":"FR"}},"time_zone":"{zone}",
            "geo":{{"latitude":{latitude},"longitude":"1.490"}},
            "special_opening_hours":[{{"date":"2026-12-25","closed":true}}]}}"#
        )
    }

    #[test]
    fn a_store_comes_back_unchanged() {
        let text = line("-34.491345", "Europe/Paris");
        let Ok(Line::Put(store)) = check(&text) else { panic!("{:?}", check(&text)) };
        let body = store.document.body(Micros(0), 1);
        assert!(body.contains(r#""geo":{"latitude":-34.491345,"longitude":1.49}"#), "{body}");
        assert_eq!(check(&body), Ok(Line::Put(store)));
    }

    #[test]
    fn a_web_shop_needs_no_place() {
        let shop = r#"{"store_code":"w","name":"n","time_zone":"Europe/Paris","type":"KIND"}"#;
        let Ok(Line::Put(store)) = check(&shop.replace("KIND", "online")) else {
            panic!("refused")
        };
        let body = store.document.body(Micros(0), 1);
        assert!(body.contains(r#""address":null,"geo":null"#), "{body}");
        assert_eq!(check(&body), Ok(Line::Put(store)));
        assert_eq!(check(&shop.replace("KIND", "drive")).unwrap_err().code, "missing");
    }

    #[test]
    fn places_and_zones_that_are_not_are_refused() {
        let code = |latitude, zone| check(&line(latitude, zone)).unwrap_err().code;
        assert_eq!(code("90.000001", "Europe/Paris"), "out_of_range");
        assert_eq!(code("1.0000001", "Europe/Paris"), "out_of_range");
        assert_eq!(code("43.6", "Europe/Balma"), "unknown_time_zone");
        let nowhere = line("0", "Africa/Accra").replace("\"1.490\"", "0.0");
        assert_eq!(check(&nowhere).unwrap_err().code, "unknown_place");
        let shop = nowhere.replace("\"name\"", "\"type\":\"online\",\"name\"");
        let Ok(Line::Put(shop)) = check(&shop) else { panic!("a web shop is nowhere") };
        assert!(shop.document.body(Micros(0), 1).contains("\"geo\":null"));
        assert!(check(&line("0", "Africa/Accra")).is_ok(), "on the equator");
        let fault =
            check(&line("1.49", "Asia/Tokyo").replace("\"1.490\"", "\"43.61\"")).map(|_| ());
        assert_eq!(fault, Ok(()), "far either way: it is the zone that is off");
        let fault = check(&line("1.490", "Europe/Paris").replace("\"1.490\"", "43.61"));
        let fault = fault.unwrap_err();
        assert_eq!((fault.code, fault.value.as_str()), ("coordinates_swapped", "1.49, 43.61"));
        assert!(fault.message.contains("latitude 43.61, longitude 1.49"), "{}", fault.message);
    }

    proptest! {
        #[test]
        fn coordinates_keep_their_decimals(millionths in -90_000_000i32..=90_000_000) {
            let json = serde_json::to_string(&Degrees(millionths)).unwrap();
            let back: Decimal = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(back.scaled(6), Some(i64::from(millionths)));
        }

        #[test]
        fn no_line_panics(text: String) {
            let _ = check(&text);
            let _ = gln(&text);
        }
    }
}
