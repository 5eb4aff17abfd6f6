//! Where postal codes are, from a file of the retailer's choice.
//!
//! The file has the layout in which GeoNames publishes the postal codes of most countries: lines of
//! twelve columns between tabs, of which the first, the second, the tenth and the eleventh are
//! read: country, postal code, latitude, longitude.

use super::geo::Point;
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

const COUNTRY: usize = 0;
const POSTAL_CODE: usize = 1;
const LATITUDE: usize = 9;
const LONGITUDE: usize = 10;

/// Points by country and postal code, both in capitals.
#[derive(Debug, Default)]
pub struct PostalCodes(HashMap<(String, String), Point>);

/// Why a file of postal codes cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PostalCodesError {
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// A line is not as it should be.
    #[error(
        "line {0} is not country, postal code, place, six columns of regions, latitude and \
         longitude between tabs"
    )]
    Line(usize),
}

/// Country and code as they are compared.
pub(super) fn key(country: &str, postal_code: &str) -> (String, String) {
    (country.to_uppercase(), postal_code.to_uppercase())
}

fn read_line(line: &str) -> Option<((String, String), Point)> {
    let columns: Vec<&str> = line.split('\t').collect();
    let column = |at: usize| columns.get(at).map(|text| text.trim());
    let degrees = |at: usize, most: f64| {
        let value: f64 = column(at)?.parse().ok()?;
        (value.abs() <= most).then_some(value)
    };
    let (country, postal_code) = (column(COUNTRY)?, column(POSTAL_CODE)?);
    let point = Point::new(degrees(LATITUDE, 90.0)?, degrees(LONGITUDE, 180.0)?);
    (country.len() == 2 && !postal_code.is_empty()).then(|| (key(country, postal_code), point))
}

impl PostalCodes {
    /// Reads a file. A code that covers several places lies in their middle.
    pub fn load(path: &Path) -> Result<Self, PostalCodesError> {
        let mut places: HashMap<(String, String), Vec<Point>> = HashMap::new();
        for (nth, line) in BufReader::new(File::open(path)?).lines().enumerate() {
            let line = line?;
            if line.is_empty() {
                continue;
            }
            let (key, point) = read_line(&line).ok_or(PostalCodesError::Line(nth + 1))?;
            places.entry(key).or_default().push(point);
        }
        let middle = |(key, points): (_, Vec<Point>)| Some((key, Point::mean(points)?));
        Ok(Self(places.into_iter().filter_map(middle).collect()))
    }

    /// Where a postal code is.
    #[must_use]
    pub fn find(&self, country: &str, postal_code: &str) -> Option<Point> {
        self.0.get(&key(country, postal_code)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &[u8]) -> Result<PostalCodes, PostalCodesError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        PostalCodes::load(file.path())
    }

    #[test]
    fn a_code_lies_in_the_middle_of_its_places() {
        let text = "FR\t31130\tBalma\tOccitanie\t76\tHaute-Garonne\t31\t\t\t43.60\t1.49\t5\n\
                    FR\t31130\tFlourens\tOccitanie\t76\tHaute-Garonne\t31\t\t\t43.60\t1.55\t5\n\
                    GB\tec1a 1bb\tLondon\t\t\t\t\t\t\t51.52\t-0.10\t4\n";
        let codes = load(text.as_bytes()).unwrap();
        let balma = codes.find("fr", "31130").unwrap();
        assert!(balma.distance_m(Point::new(43.60, 1.52)) < 10.0);
        assert!(codes.find("GB", "EC1A 1BB").is_some());
        assert_eq!(codes.find("FR", "75001"), None);
    }

    #[test]
    fn a_wrong_line_is_named() {
        let swapped = "FR\t31130\tBalma\t\t\t\t\t\t\t143.6\t1.49\t5\n";
        for bad in ["FR;31130;Balma\n", swapped, "FRA\t1\t\t\t\t\t\t\t\t1\t1\t1\n", "\u{0}\n"] {
            let text = format!("\n{bad}");
            assert!(matches!(load(text.as_bytes()), Err(PostalCodesError::Line(2))), "{bad}");
        }
        assert!(matches!(load(b"FR\t\xff"), Err(PostalCodesError::Io(_))));
    }
}
