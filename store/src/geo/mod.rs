//! Places on the earth: geohashes of 52 bits, which sorted sets have as scores, distances, and what
//! lies within a shape. It computes what Redis computes, in the same order of operations, so that
//! results agree to the last bit. Nothing here knows sorted sets or commands.

mod cell;
mod search;

pub use self::cell::{Cell, decode, encode, of_score, text};
pub use self::search::{Cells, Kind, Shape};

/// Radius of the earth in metres.
const EARTH_RADIUS: f64 = 6_372_797.560_856;

/// A degree in radians.
const DEGREE: f64 = std::f64::consts::PI / 180.0;

/// A point, in degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Longitude.
    pub lon: f64,
    /// Latitude.
    pub lat: f64,
}

impl Point {
    /// Easternmost longitude; the westernmost is as far in the other direction.
    pub const MAX_LON: f64 = 180.0;
    /// Northernmost latitude of geohashes, the end of a square map; the southernmost is as far in
    /// the other direction.
    pub const MAX_LAT: f64 = 85.051_128_78;

    /// Whether a geohash can have it.
    pub fn is_valid(self) -> bool {
        self.lon.abs() <= Self::MAX_LON && self.lat.abs() <= Self::MAX_LAT
    }

    /// Distance in metres, along a great circle of a sphere (the haversine formula).
    pub fn distance(self, other: Self) -> f64 {
        let half_lon = ((other.lon * DEGREE - self.lon * DEGREE) / 2.0).sin();
        if half_lon == 0.0 {
            return lat_distance(self.lat, other.lat);
        }
        let (lat, other_lat) = (self.lat * DEGREE, other.lat * DEGREE);
        let half_lat = ((other_lat - lat) / 2.0).sin();
        let square = half_lat * half_lat + lat.cos() * other_lat.cos() * half_lon * half_lon;
        2.0 * EARTH_RADIUS * square.sqrt().asin()
    }
}

/// Distance of two latitudes in metres.
fn lat_distance(a: f64, b: f64) -> f64 {
    EARTH_RADIUS * (b * DEGREE - a * DEGREE).abs()
}

/// A unit of length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Metres.
    Metres,
    /// Kilometres.
    Kilometres,
    /// Feet.
    Feet,
    /// Miles.
    Miles,
}

impl Unit {
    /// The unit with this abbreviation, in any case.
    pub fn from_name(name: &[u8]) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_slice() {
            b"m" => Self::Metres,
            b"km" => Self::Kilometres,
            b"ft" => Self::Feet,
            b"mi" => Self::Miles,
            _ => return None,
        })
    }

    /// Its length in metres.
    pub const fn metres(self) -> f64 {
        match self {
            Self::Metres => 1.0,
            Self::Kilometres => 1000.0,
            Self::Feet => 0.3048,
            Self::Miles => 1609.34,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PALERMO: Point = Point { lon: 13.361389, lat: 38.115556 };
    const CATANIA: Point = Point { lon: 15.087269, lat: 37.502669 };

    #[test]
    fn places_have_the_scores_and_distances_of_redis() {
        assert_eq!(encode(PALERMO), 3_479_099_956_230_698);
        assert_eq!(encode(CATANIA), 3_479_447_370_796_909);
        let (a, b) = (decode(encode(PALERMO)), decode(encode(CATANIA)));
        assert_eq!(format!("{:.4}", a.distance(b)), "166274.1516");
        assert_eq!(format!("{:.17}", a.lon), "13.36138933897018433");
        assert_eq!((&text(a), &text(b)), (b"sqc8b49rny0", b"sqdtr74hyu0"));
    }

    #[test]
    fn scores_that_are_no_geohashes_become_what_an_x86_64_makes_of_them() {
        for (score, geohash) in [
            (-0.5, 0),
            (0.9, 0),
            (-1.0, u64::MAX),
            (-1.5, u64::MAX),
            (1e19, 10_000_000_000_000_000_000),
            (-1e19, 1 << 63),
            (2f64.powi(63), 1 << 63),
            (-2f64.powi(63), 1 << 63),
            (2f64.powi(64), 0),
            (f64::INFINITY, 0),
            (f64::NEG_INFINITY, 1 << 63),
        ] {
            assert_eq!(of_score(score), geohash, "{score}");
        }
        // As redis-server answers GEOPOS of a member whose score is -1.
        assert_eq!(decode(of_score(-1.0)), Point { lon: 180.0, lat: Point::MAX_LAT });
    }

    #[test]
    fn units_are_found_in_any_case() {
        assert_eq!(Unit::from_name(b"Km"), Some(Unit::Kilometres));
        assert_eq!(Unit::from_name(b"yd"), None);
    }

    #[test]
    fn the_ends_of_the_map_are_valid_and_what_is_beyond_is_not() {
        for (lon, lat, valid) in
            [(180.0, 85.051_128_78, true), (-180.0, -85.051_128_78, true), (180.1, 0.0, false)]
        {
            assert_eq!(Point { lon, lat }.is_valid(), valid);
        }
        assert!(!Point { lon: 0.0, lat: 85.06 }.is_valid());
    }
}
