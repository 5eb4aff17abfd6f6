//! Content codings of answers (RFC 9110 §8.4, §12.5.3): gzip, br and zstd at their fast levels.
//!
//! Compressing a short body costs more than the call itself, so it is sent as it is.

use actix_web::http::header::HeaderValue;
use bytes::Bytes;
use std::io::Write as _;

/// Bodies up to this length fit into one packet and are sent as they are.
pub const LEAST: usize = 1_400;

/// How a body is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// As it is.
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 7932.
    Brotli,
    /// RFC 8878.
    Zstd,
}

/// Those that are offered, the cheapest first: it is taken where the client has no preference.
const OFFERED: [(&str, Encoding); 3] =
    [("zstd", Encoding::Zstd), ("gzip", Encoding::Gzip), ("br", Encoding::Brotli)];

impl Encoding {
    /// What a client prefers of what is offered; a coding that it does not name or gives a weight of
    /// zero is not for it.
    #[must_use]
    pub fn preferred(accept_encoding: &str) -> Self {
        let mut weights: [Option<u16>; OFFERED.len()] = [None; OFFERED.len()];
        let mut any = 0;
        for entry in accept_encoding.split(',') {
            let (name, weight) = weighted(entry);
            if name == "*" {
                any = weight;
            }
            for ((offered, _), slot) in OFFERED.iter().zip(&mut weights) {
                if name.eq_ignore_ascii_case(offered) {
                    *slot = Some(weight);
                }
            }
        }
        let mut best = (0, Self::Identity);
        for ((_, encoding), weight) in OFFERED.iter().zip(weights) {
            let weight = weight.unwrap_or(any);
            if weight > best.0 {
                best = (weight, *encoding);
            }
        }
        best.1
    }

    /// The value of `Content-Encoding`; none for a body as it is.
    #[must_use]
    pub fn header(self) -> Option<HeaderValue> {
        let (name, _) = OFFERED.iter().find(|(_, encoding)| *encoding == self)?;
        Some(HeaderValue::from_static(name))
    }

    /// The ETag of a document in this coding: another one for each, as they are other bytes.
    #[must_use]
    pub fn etag(self, of_document: u64) -> u64 {
        of_document ^ (self as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    /// The body in this coding; as it is where it cannot be coded or gains nothing.
    #[must_use]
    pub fn encode(self, body: &Bytes) -> Option<Bytes> {
        let coded = match self {
            Self::Identity => return None,
            Self::Gzip => {
                let mut gzip =
                    flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                gzip.write_all(body).and_then(|()| gzip.finish())
            }
            Self::Brotli => {
                let mut coded = Vec::new();
                let settings =
                    brotli::enc::BrotliEncoderParams { quality: 3, ..Default::default() };
                brotli::BrotliCompress(&mut &body[..], &mut coded, &settings).map(|_| coded)
            }
            Self::Zstd => zstd::bulk::compress(body, 1),
        };
        coded.ok().filter(|coded| coded.len() < body.len()).map(Bytes::from)
    }
}

/// A coding and its weight in thousandths; what is malformed weighs nothing.
fn weighted(entry: &str) -> (&str, u16) {
    let (name, parameters) = entry.split_once(';').unwrap_or((entry, ""));
    let weight = match parameters.trim().split_once('=') {
        None if parameters.trim().is_empty() => 1_000,
        Some((q, weight)) if q.trim().eq_ignore_ascii_case("q") => thousandths(weight.trim()),
        _ => 0,
    };
    (name.trim(), weight)
}

/// The weight among the parameters of an entry, `q` in any case; 1 where there is none.
pub(super) fn weight_among<'a>(parameters: impl Iterator<Item = &'a str>) -> u16 {
    parameters
        .filter_map(|parameter| parameter.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("q"))
        .map_or(1_000, |(_, weight)| thousandths(weight.trim()))
}

/// A weight (RFC 9110 §12.4.2): 0 to 1 with at most three decimals.
fn thousandths(text: &str) -> u16 {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = decimals.len() <= 3 && decimals.bytes().all(|byte| byte.is_ascii_digit());
    match (whole, digits) {
        ("0", true) => format!("{decimals:0<3}").parse().unwrap_or(0),
        ("1", true) if decimals.bytes().all(|byte| byte == b'0') => 1_000,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_client_decides_and_then_the_cost() {
        let cases = [
            ("", Encoding::Identity),
            ("gzip", Encoding::Gzip),
            ("gzip, deflate, br, zstd", Encoding::Zstd),
            ("gzip;q=0.5, br;q=0.9", Encoding::Brotli),
            ("GZIP ; Q=1.0", Encoding::Gzip),
            ("gzip;q=0, *", Encoding::Zstd),
            ("*;q=0", Encoding::Identity),
            ("zstd;q=0, *;q=0.1", Encoding::Gzip),
            ("identity", Encoding::Identity),
            ("gzip;q=1.1, br;q=x, zstd;level=3", Encoding::Identity),
        ];
        for (asked, expected) in cases {
            assert_eq!(Encoding::preferred(asked), expected, "{asked}");
        }
    }

    proptest! {
        #[test]
        fn no_header_panics(text: String) {
            let _ = Encoding::preferred(&text);
        }
    }
}
