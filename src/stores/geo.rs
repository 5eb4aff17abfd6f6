//! Places on Earth, and how far apart they are.
//!
//! A place is the unit vector from the Earth's centre to it. The straight line between two such
//! vectors grows with the great circle between the places and knows no poles and no date line, so
//! that an index over vectors finds exactly the places within a distance.

/// The Earth's mean radius in metres (IUGG). On a sphere of this radius a distance is off by 0.5 % of
/// the one over the ellipsoid at most.
const EARTH_RADIUS_M: f64 = 6_371_008.8;

/// A place on Earth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point([f64; 3]);

impl Point {
    /// The place at these degrees of WGS 84.
    #[must_use]
    pub fn new(latitude: f64, longitude: f64) -> Self {
        let (north, east) = (latitude.to_radians(), longitude.to_radians());
        Self([north.cos() * east.cos(), north.cos() * east.sin(), north.sin()])
    }

    /// The middle of some places; `None` where there are none, or none is their middle.
    #[must_use]
    pub fn mean(points: impl IntoIterator<Item = Self>) -> Option<Self> {
        let add = |a: [f64; 3], Self(b): Self| [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
        let sum = points.into_iter().fold([0.0; 3], add);
        let length = sum.iter().map(|axis| axis * axis).sum::<f64>().sqrt();
        (length > 1e-9).then(|| Self(sum.map(|axis| axis / length)))
    }

    /// The vector.
    pub(super) fn axes(self) -> [f64; 3] {
        self.0
    }

    /// Metres to another place along the great circle.
    #[must_use]
    pub fn distance_m(self, other: Self) -> f64 {
        let square = |i: usize| (self.0[i] - other.0[i]).powi(2);
        let half = (square(0) + square(1) + square(2)).sqrt() / 2.0;
        2.0 * EARTH_RADIUS_M * half.min(1.0).asin()
    }
}

/// The squared length of the straight line that belongs to a great circle of this many metres, and a
/// little more, so that rounding loses no place.
pub(super) fn squared_chord(distance_m: f64) -> f64 {
    let half = (distance_m / (2.0 * EARTH_RADIUS_M)).min(std::f64::consts::FRAC_PI_2);
    (2.0 * half.sin()).powi(2) * (1.0 + 1e-9) + 1e-18
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The haversine formula, as text books have it.
    fn haversine(a: (f64, f64), b: (f64, f64)) -> f64 {
        let half = |x: f64, y: f64| ((x - y).to_radians() / 2.0).sin().powi(2);
        let (north, south) = (a.0.to_radians().cos(), b.0.to_radians().cos());
        let h = half(a.0, b.0) + north * south * half(a.1, b.1);
        2.0 * EARTH_RADIUS_M * h.sqrt().min(1.0).asin()
    }

    #[test]
    fn known_distances() {
        let (paris, toulouse) = (Point::new(48.8566, 2.3522), Point::new(43.6047, 1.4442));
        assert!((paris.distance_m(toulouse) - 588_000.0).abs() < 1_000.0);
        let (west, east) = (Point::new(-17.0, 179.9), Point::new(-17.0, -179.9));
        assert!((west.distance_m(east) - 21_270.0).abs() < 10.0);
        assert!(Point::new(90.0, 12.0).distance_m(Point::new(90.0, -70.0)) < 1e-6);
        assert_eq!(paris.distance_m(paris), 0.0);
    }

    #[test]
    fn a_middle_lies_between() {
        let middle = Point::mean([Point::new(0.0, 179.0), Point::new(0.0, -179.0)]).unwrap();
        assert!(middle.distance_m(Point::new(0.0, 180.0)) < 1.0);
        assert_eq!(Point::mean([]), None);
        assert_eq!(Point::mean([Point::new(90.0, 0.0), Point::new(-90.0, 0.0)]), None);
    }

    proptest! {
        #[test]
        fn distances_are_those_of_the_haversine(
            a in (-90.0..90.0f64, -180.0..180.0f64),
            b in (-90.0..90.0f64, -180.0..180.0f64),
        ) {
            let distance = Point::new(a.0, a.1).distance_m(Point::new(b.0, b.1));
            prop_assert!((distance - haversine(a, b)).abs() < 0.5);
        }
    }
}
