//! What lies within a shape: the cells of the grid that cover it, and whether a point is in it.

use super::cell::{Cell, STEPS};
use super::{DEGREE, EARTH_RADIUS, Point, lat_distance};

/// Half of the length of the equator, about, in metres.
const HALF_AROUND: f64 = 20_037_726.37;

/// A shape around a point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shape {
    /// Its middle.
    pub center: Point,
    /// What it is.
    pub kind: Kind,
    /// Metres in the unit that its sizes are told in.
    pub unit: f64,
}

/// A kind of shape, with its sizes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// All that is not farther away.
    Circle {
        /// The greatest distance.
        radius: f64,
    },
    /// All that is between two longitudes and two latitudes.
    Box {
        /// From west to east.
        width: f64,
        /// From south to north.
        height: f64,
    },
}

/// Cells that cover a shape: the middle one and those around it, as far as they are needed.
#[derive(Debug, Clone, Copy)]
pub struct Cells {
    cells: [Option<Cell>; 9],
}

/// Where the cells around the middle one lie, in the order in which they are searched: columns to
/// the east, and rows to the north.
const AROUND: [(i8, i8); 9] =
    [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)];

/// What a shape lies within, in degrees.
struct Bounds {
    west: f64,
    south: f64,
    east: f64,
    north: f64,
}

impl Shape {
    /// The distance from the middle in metres, if a point lies within the shape.
    pub fn distance(&self, point: Point) -> Option<f64> {
        match self.kind {
            Kind::Circle { radius } => {
                let distance = self.center.distance(point);
                (distance <= radius * self.unit).then_some(distance)
            }
            Kind::Box { width, height } => {
                let (width, height) = (width * self.unit, height * self.unit);
                if lat_distance(point.lat, self.center.lat) > height / 2.0 {
                    return None;
                }
                let beside = Point { lon: self.center.lon, lat: point.lat };
                (point.distance(beside) <= width / 2.0).then(|| self.center.distance(point))
            }
        }
    }

    /// Half of its width and height.
    fn halves(&self) -> (f64, f64) {
        match self.kind {
            Kind::Circle { radius } => (radius, radius),
            Kind::Box { width, height } => (width / 2.0, height / 2.0),
        }
    }

    fn bounds(&self) -> Bounds {
        let (width, height) = self.halves();
        let (width, height) = (self.unit * width, self.unit * height);
        let Point { lon, lat } = self.center;
        let up = height / EARTH_RADIUS / DEGREE;
        let aside = |lat: f64| width / EARTH_RADIUS / (lat * DEGREE).cos() / DEGREE;
        // A degree of longitude is shortest at the side of the nearer pole.
        let aside = if lat < 0.0 { aside(lat - up) } else { aside(lat + up) };
        Bounds { west: lon - aside, south: lat - up, east: lon + aside, north: lat + up }
    }

    /// The cells that cover it.
    pub fn cells(&self) -> Cells {
        let bounds = self.bounds();
        let (width, height) = self.halves();
        let reach = match self.kind {
            Kind::Circle { radius } => radius,
            Kind::Box { .. } => (width * width + height * height).sqrt(),
        };
        let mut steps = steps_for(reach * self.unit, self.center.lat);
        let mut middle = Cell::of(self.center, steps);
        let too_small = middle.beside(0, 1).area().max.lat < bounds.north
            || middle.beside(0, -1).area().min.lat > bounds.south
            || middle.beside(1, 0).area().max.lon < bounds.east
            || middle.beside(-1, 0).area().min.lon > bounds.west;
        if steps > 1 && too_small {
            steps -= 1;
            middle = Cell::of(self.center, steps);
        }
        let area = middle.area();
        // With two columns, one beside another is its neighbour on both sides.
        let may_leave_out = steps >= 2;
        let needed = |(east, north): (i8, i8)| {
            let left_out = (north < 0 && area.min.lat < bounds.south)
                || (north > 0 && area.max.lat > bounds.north)
                || (east < 0 && area.min.lon < bounds.west)
                || (east > 0 && area.max.lon > bounds.east);
            !(may_leave_out && left_out)
        };
        let cell = |(east, north)| needed((east, north)).then(|| middle.beside(east, north));
        Cells { cells: AROUND.map(cell) }
    }
}

/// How often the map is halved so that the cells around one reach as far as this, in metres. Towards
/// the poles cells are narrower.
fn steps_for(mut metres: f64, lat: f64) -> u32 {
    if metres == 0.0 {
        return STEPS;
    }
    let mut steps = 1;
    while metres < HALF_AROUND {
        metres *= 2.0;
        steps += 1;
    }
    steps -= 2;
    steps -= i32::from(lat.abs() > 66.0) + i32::from(lat.abs() > 80.0);
    steps.clamp(1, STEPS.cast_signed()).unsigned_abs()
}

impl Cells {
    /// The cells in the order in which they are searched. One that is the same as the one before it
    /// comes once (unless that is the middle: as in Redis, which finds members twice then).
    pub fn iter(&self) -> impl Iterator<Item = Cell> {
        let mut last = None;
        self.cells.into_iter().enumerate().filter_map(move |(at, cell)| {
            let cell = cell?;
            if last == Some(cell) {
                return None;
            }
            if at > 0 {
                last = Some(cell);
            }
            Some(cell)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{decode, encode};
    use super::*;
    use crate::rng::Rng;

    fn between(rng: &mut Rng, end: f64) -> f64 {
        (rng.below(1 << 40) as f64 / (1_u64 << 40) as f64 * 2.0 - 1.0) * end
    }

    #[test]
    fn cells_cover_what_lies_within_a_shape_away_from_the_poles() {
        let mut rng = Rng::new(9);
        for _ in 0..3000 {
            let center = Point { lon: between(&mut rng, 170.0), lat: between(&mut rng, 60.0) };
            let size = 10.0_f64.powf(between(&mut rng, 2.0) + 3.5);
            let kind = match rng.below(2) {
                0 => Kind::Circle { radius: size },
                _ => Kind::Box { width: size, height: size * (1.5 + between(&mut rng, 1.0)) },
            };
            let shape = Shape { center, kind, unit: 1.0 };
            let cells = shape.cells();
            let reach = size / 60_000.0;
            let (lon, lat) = (between(&mut rng, reach), between(&mut rng, reach));
            let point = Point { lon: center.lon + lon, lat: center.lat + lat };
            let score = encode(point);
            if shape.distance(decode(score)).is_some() {
                let holds = |cell: Cell| {
                    let (first, end) = cell.scores();
                    (first..end).contains(&score)
                };
                assert!(cells.iter().any(holds), "{shape:?} {point:?}");
            }
        }
    }

    #[test]
    fn a_point_alone_is_in_the_smallest_cell() {
        let center = Point { lon: 1.0, lat: 2.0 };
        let shape = Shape { center, kind: Kind::Circle { radius: 0.0 }, unit: 1.0 };
        assert!(shape.cells().iter().all(|cell| cell.steps >= STEPS - 1));
        assert_eq!(shape.distance(center), Some(0.0));
    }
}
