//! Geohashes: a cell of a grid over the map, whose two coordinates are in turns in the bits of one
//! number (G. M. Morton, 1966). Cells with a common beginning lie close together.

use super::Point;

/// Bits of a coordinate in a score.
pub(super) const STEPS: u32 = 26;

/// Bits of latitude, the lowest and every second one.
const LAT_BITS: u64 = 0x5555_5555_5555_5555;
/// Bits of longitude.
const LON_BITS: u64 = !LAT_BITS;

/// A cell of the grid that halves longitude and latitude so many times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// Both coordinates.
    pub(super) bits: u64,
    /// How often they are halved: 1 to 26.
    pub(super) steps: u32,
}

/// What a cell covers, in degrees.
#[derive(Debug, Clone, Copy)]
pub(super) struct Area {
    pub(super) min: Point,
    pub(super) max: Point,
}

/// Puts zeros between the bits of a number.
const fn spread(number: u32) -> u64 {
    let mut bits = number as u64;
    bits = (bits | (bits << 16)) & 0x0000_FFFF_0000_FFFF;
    bits = (bits | (bits << 8)) & 0x00FF_00FF_00FF_00FF;
    bits = (bits | (bits << 4)) & 0x0F0F_0F0F_0F0F_0F0F;
    bits = (bits | (bits << 2)) & 0x3333_3333_3333_3333;
    (bits | (bits << 1)) & LAT_BITS
}

/// Takes every second bit, from the lowest on.
const fn gather(bits: u64) -> u32 {
    let mut bits = bits & LAT_BITS;
    bits = (bits | (bits >> 1)) & 0x3333_3333_3333_3333;
    bits = (bits | (bits >> 2)) & 0x0F0F_0F0F_0F0F_0F0F;
    bits = (bits | (bits >> 4)) & 0x00FF_00FF_00FF_00FF;
    bits = (bits | (bits >> 8)) & 0x0000_FFFF_0000_FFFF;
    (bits | (bits >> 16)) as u32
}

/// The bits of a point on a map that ends at this latitude.
fn bits_of(point: Point, max_lat: f64, steps: u32) -> u64 {
    let scale = (1_u64 << steps) as f64;
    let lat = (point.lat + max_lat) / (2.0 * max_lat) * scale;
    let lon = (point.lon + Point::MAX_LON) / (2.0 * Point::MAX_LON) * scale;
    spread(lat as u32) | (spread(lon as u32) << 1)
}

impl Cell {
    /// The cell that has a point.
    pub(super) fn of(point: Point, steps: u32) -> Self {
        Self { bits: bits_of(point, Point::MAX_LAT, steps), steps }
    }

    /// What it covers.
    pub(super) fn area(self) -> Area {
        let scale = (1_u64 << self.steps) as f64;
        let edge = |at: u64, max: f64| -max + (at as f64 / scale) * (2.0 * max);
        let (lat, lon) = (u64::from(gather(self.bits)), u64::from(gather(self.bits >> 1)));
        Area {
            min: Point { lon: edge(lon, Point::MAX_LON), lat: edge(lat, Point::MAX_LAT) },
            max: Point { lon: edge(lon + 1, Point::MAX_LON), lat: edge(lat + 1, Point::MAX_LAT) },
        }
    }

    /// The cell so many columns to the east and rows to the north, around the ends of the map.
    pub(super) fn beside(self, east: i8, north: i8) -> Self {
        let unused = 64 - 2 * self.steps;
        let moved = |own: u64, other: u64, by: i8| {
            let (bits, gaps) = (self.bits & own, other >> unused);
            let moved = match by {
                // At the very end of the map there is a bit more, which stays then.
                0 => return bits,
                1.. => bits.wrapping_add(gaps + 1),
                _ => (bits | gaps).wrapping_sub(gaps + 1),
            };
            moved & (own >> unused)
        };
        let bits = moved(LON_BITS, LAT_BITS, east) | moved(LAT_BITS, LON_BITS, north);
        Self { bits, ..self }
    }

    /// The scores of its points: from the first on, and up to before the second.
    pub fn scores(self) -> (u64, u64) {
        let unused = 2 * (STEPS - self.steps);
        (self.bits << unused, (self.bits + 1) << unused)
    }
}

/// The score of a point.
pub fn encode(point: Point) -> u64 {
    Cell::of(point, STEPS).bits
}

/// The geohash that a score is. Any number may be a score; what is none of 64 bits becomes what an
/// x86-64 makes of it, where Redis converts without a look: the upper half is converted less 2^63, and
/// what is out of range gives the highest bit.
pub fn of_score(score: f64) -> u64 {
    const HALF: f64 = (1_u64 << 63) as f64;
    let signed = |number: f64| {
        let is_in_range = (-HALF..HALF).contains(&number);
        if is_in_range { number as i64 as u64 } else { 1 << 63 }
    };
    if score >= HALF { signed(score - HALF) ^ (1 << 63) } else { signed(score) }
}

/// The point that a geohash stands for: the middle of its cell.
pub fn decode(score: u64) -> Point {
    let Area { min, max } = Cell { bits: score, steps: STEPS }.area();
    let middle = |a: f64, b: f64, max: f64| ((a + b) / 2.0).min(max).max(-max);
    Point {
        lon: middle(min.lon, max.lon, Point::MAX_LON),
        lat: middle(min.lat, max.lat, Point::MAX_LAT),
    }
}

/// The geohash of a point as other programs write it, on a map that ends at the poles. Its last digit
/// stands for bits that scores do not have.
pub fn text(point: Point) -> [u8; 11] {
    const DIGITS: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
    let bits = bits_of(point, 90.0, STEPS);
    std::array::from_fn(|at| match 2 * STEPS as usize {
        all if 5 * (at + 1) <= all => DIGITS[(bits >> (all - 5 * (at + 1))) as usize % 32],
        _ => DIGITS[0],
    })
}
