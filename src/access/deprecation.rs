//! Operations that will go, and what their answers say of it from the day that it is decided.

use super::operation::Operation;
use crate::kernel::Micros;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue, HttpDate, LINK};
use std::time::{Duration, UNIX_EPOCH};

/// The header of RFC 9745.
pub const DEPRECATION: HeaderName = HeaderName::from_static("deprecation");
/// The header of RFC 8594.
pub const SUNSET: HeaderName = HeaderName::from_static("sunset");

/// That an operation is deprecated.
#[derive(Debug)]
pub struct Deprecation {
    /// The operation's code.
    pub operation: u16,
    /// Since when.
    pub since: Micros,
    /// When it stops to answer, at the earliest.
    pub sunset: Micros,
    /// The operation that replaces it, as an address of the reference: `/docs/#/…`.
    pub successor: &'static str,
}

/// Every operation that is deprecated.
pub const DEPRECATIONS: &[Deprecation] = &[];

/// That of an operation, where it is deprecated.
#[must_use]
pub fn of(operation: &Operation) -> Option<&'static Deprecation> {
    DEPRECATIONS.iter().find(|deprecation| deprecation.operation == operation.code)
}

impl Deprecation {
    /// Tells the caller: since when (RFC 9745 §2), until when (RFC 8594 §3), what instead.
    pub fn write(&self, headers: &mut HeaderMap) {
        let seconds = |at: Micros| u64::try_from(at.0 / 1_000_000).unwrap_or(0);
        let sunset = HttpDate::from(UNIX_EPOCH + Duration::from_secs(seconds(self.sunset)));
        for (name, value) in [
            (DEPRECATION, format!("@{}", seconds(self.since))),
            (SUNSET, sunset.to_string()),
            (LINK, format!("<{}>; rel=\"successor-version\"", self.successor)),
        ] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                // A page has a `Link` of its own already.
                headers.append(name, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deprecated_operation_says_since_when_until_when_and_what_instead() {
        let at = |text: &str| text.parse::<Micros>().unwrap();
        let deprecation = Deprecation {
            operation: 0,
            since: at("2026-12-01T00:00:00Z"),
            sunset: at("2027-06-30T23:59:59Z"),
            successor: "/docs/#/products/list_products",
        };
        let mut headers = HeaderMap::new();
        headers.insert(LINK, HeaderValue::from_static("</v1/x?cursor=1>; rel=\"next\""));
        deprecation.write(&mut headers);
        assert_eq!(headers.get("deprecation").unwrap(), "@1796083200");
        assert_eq!(headers.get("sunset").unwrap(), "Wed, 30 Jun 2027 23:59:59 GMT");
        let links: Vec<_> = headers.get_all("link").collect();
        assert_eq!(links[1], "</docs/#/products/list_products>; rel=\"successor-version\"");
    }
}
