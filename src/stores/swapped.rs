//! Coordinates whose latitude and longitude stand in each other's place, told by the store's time zone.

use super::geo::Point;
use std::collections::HashMap;
use std::sync::LazyLock;

/// Where the principal place of each time zone lies, in degrees: `Europe/Paris 48.87 2.33`. Made of
/// `zone.tab`, `zone1970.tab` and the links of IANA's time zone database, which is in the public domain.
const ZONES: &str = include_str!("zones.txt");

static PLACES: LazyLock<HashMap<&str, Point>> = LazyLock::new(|| {
    let place = |line: &'static str| {
        let mut parts = line.split(' ');
        let (name, north, east) = (parts.next()?, parts.next()?, parts.next()?);
        Some((name, Point::new(north.parse().ok()?, east.parse().ok()?)))
    };
    ZONES.lines().filter_map(place).collect()
});

/// Farther from its zone's place hardly any store is; China's are, for the whole country has one zone.
const FAR_M: f64 = 3_000_000.0;
/// How near the place has to be that the swapped coordinates name.
const NEAR_M: f64 = 1_500_000.0;

/// Whether the coordinates would rather be right the other way round. Those that name no place as they
/// stand are held to less: the other way round they need not be near, but not far.
pub(super) fn are_swapped(latitude: f64, longitude: f64, zone: &str) -> bool {
    if longitude.abs() > 90.0 {
        return false;
    }
    let place = PLACES.get(zone);
    let swapped = Point::new(longitude, latitude);
    if latitude.abs() > 90.0 {
        let fits = place.is_none_or(|place| place.distance_m(swapped) < FAR_M);
        return latitude.abs() <= 180.0 && fits;
    }
    place.is_some_and(|place| {
        let given = Point::new(latitude, longitude);
        place.distance_m(given) > FAR_M && place.distance_m(swapped) < NEAR_M
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_line_of_the_table_is_a_zone_and_a_place() {
        assert_eq!(PLACES.len(), ZONES.lines().count());
        let unknown = |zone: &&&str| jiff::tz::TimeZone::get(zone).is_err();
        assert_eq!(PLACES.keys().filter(unknown).collect::<Vec<_>>(), Vec::<&&str>::new());
    }

    #[test]
    fn swapped_coordinates_are_far_from_their_zone() {
        for (north, east, zone) in [
            (43.61, 1.49, "Europe/Paris"),
            (-34.49, -58.59, "America/Argentina/Buenos_Aires"),
            (-54.8, -68.3, "America/Argentina/Buenos_Aires"),
            (40.71, -74.0, "America/New_York"),
            (35.68, 139.69, "Asia/Tokyo"),
            (1.35, 103.82, "Asia/Singapore"),
        ] {
            assert!(!are_swapped(north, east, zone), "{zone}");
            // Ushuaia is far from Buenos Aires either way: what is not sure is not refused.
            assert_eq!(are_swapped(east, north, zone), north != -54.8, "{zone} swapped");
        }
        assert!(!are_swapped(1.49, 43.61, "Etc/UTC"), "nowhere in particular");
        assert!(are_swapped(139.69, 35.68, "Etc/UTC"), "no place on Earth as it stands");
        assert!(!are_swapped(90.1, 1.49, "Europe/Paris"), "the other way round it is no better");
        assert!(!are_swapped(200.0, 1.49, "Etc/UTC"));
    }

    proptest! {
        #[test]
        fn what_is_near_its_zone_is_never_refused(
            place in 0..1_000usize, north in -5.0..5.0f64, east in -5.0..5.0f64,
        ) {
            let lines: Vec<&str> = ZONES.lines().collect();
            let parts: Vec<&str> = lines[place % lines.len()].split(' ').collect();
            let latitude = parts[1].parse::<f64>().unwrap() + north;
            let longitude = parts[2].parse::<f64>().unwrap() + east;
            prop_assume!(latitude.abs() <= 90.0);
            prop_assert!(!are_swapped(latitude, longitude, parts[0]));
        }
    }
}
