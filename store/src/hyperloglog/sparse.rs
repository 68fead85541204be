//! Sparse registers: runs of equal ones, in order.
//!
//! | bits | run |
//! |---|---|
//! | `00llllll` | `l` + 1 zeros |
//! | `01llllll llllllll` | `l` + 1 zeros, the upper bits of `l` first |
//! | `1vvvvvll` | `l` + 1 times the value `v` + 1 |
//!
//! The same registers can be written in many ways. The ways in which runs are divided and joined
//! here are those of Redis 7, so that the bytes are the same after the same elements.

use super::estimate::Histogram;
use super::{Damaged, HEAD, REGISTERS, Registers, Update};

/// Greatest value of a run.
const MAX_VALUE: u8 = 32;

/// Longest run of a value.
const MAX_VALUE_LEN: usize = 4;

/// Longest run of zeros in one byte.
const MAX_SHORT_ZEROS: usize = 64;

/// A run of equal registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Their value.
    pub value: u8,
    /// How many they are.
    pub len: usize,
    /// Bytes that the run takes: two for many zeros, also where the second one is cut off.
    pub bytes: usize,
}

/// The run whose first byte is at `at`; none at the end. A second byte that is cut off is zero:
/// Redis reads the one that ends its strings.
#[inline]
fn run_at(bytes: &[u8], at: usize) -> Option<Run> {
    let first = *bytes.get(at)?;
    let low = usize::from(first & 0x3f);
    Some(match first >> 6 {
        0 => Run { value: 0, len: low + 1, bytes: 1 },
        1 => {
            let second = usize::from(bytes.get(at + 1).copied().unwrap_or(0));
            Run { value: 0, len: (low << 8 | second) + 1, bytes: 2 }
        }
        _ => Run { value: ((first >> 2) & 0x1f) + 1, len: usize::from(first & 3) + 1, bytes: 1 },
    })
}

/// All runs, in order.
pub fn runs(body: &[u8]) -> impl Iterator<Item = Run> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let run = run_at(body, at)?;
        at += run.bytes;
        Some(run)
    })
}

const fn value_run(value: u8, len: usize) -> u8 {
    0x80 | ((value.wrapping_sub(1) & 0x1f) << 2) | (len.wrapping_sub(1) & 3) as u8
}

/// Appends a run of zeros, of which there are 1 to [`REGISTERS`].
pub(super) fn push_zeros(len: usize, out: &mut Vec<u8>) {
    let less = len.saturating_sub(1);
    if len > MAX_SHORT_ZEROS {
        out.extend_from_slice(&[0x40 | (less >> 8) as u8 & 0x3f, less as u8]);
    } else {
        out.push(less as u8);
    }
}

/// Visits all runs with the number of their first register.
fn visit(body: &[u8], mut visit: impl FnMut(usize, Run)) -> Result<(), Damaged> {
    let mut first = 0;
    for run in runs(body) {
        if first + run.len > REGISTERS {
            return Err(Damaged);
        }
        visit(first, run);
        first += run.len;
    }
    if first == REGISTERS { Ok(()) } else { Err(Damaged) }
}

/// Raises each of `registers` to the one in `body`.
pub(super) fn merge(body: &[u8], registers: &mut Registers) -> Result<(), Damaged> {
    visit(body, |first, run| {
        if run.value > 0 {
            let registers = registers.get_mut(first..first + run.len).unwrap_or_default();
            registers.iter_mut().for_each(|register| *register = (*register).max(run.value));
        }
    })
}

/// How many registers have which value.
pub(super) fn histogram(body: &[u8]) -> Result<Histogram, Damaged> {
    let mut histogram = [0; 64];
    visit(body, |_, run| histogram[usize::from(run.value % 64)] += run.len as u32)?;
    Ok(histogram)
}

/// A run to begin a search with: two before the last one that was changed, so that the one before
/// it is known again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    at: usize,
    first: usize,
}

impl Default for Place {
    fn default() -> Self {
        Self { at: HEAD, first: 0 }
    }
}

/// What became of an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Raised {
    /// The register was lower.
    Changed,
    /// The register was as high already.
    Enough,
    /// The result cannot be sparse, or not in so few bytes.
    NoRoom,
}

/// Where a register is.
struct Found {
    /// First byte of its run.
    at: usize,
    /// The first register of the run.
    first: usize,
    run: Run,
    /// First byte of the run before it.
    before: usize,
}

fn find(bytes: &[u8], register: usize, place: &mut Place) -> Result<Found, Damaged> {
    let Place { mut at, mut first } = *place;
    let mut before = *place;
    loop {
        let run = run_at(bytes, at).ok_or(Damaged)?;
        if register < first + run.len {
            return Ok(Found { at, first, run, before: before.at });
        }
        *place = before;
        before = Place { at, first };
        at += run.bytes;
        first += run.len;
    }
}

/// Raises a register.
pub(super) fn raise(
    bytes: &mut Vec<u8>,
    update: Update,
    max_bytes: usize,
    place: &mut Place,
) -> Result<Raised, Damaged> {
    let Update { register, value } = update;
    if value > MAX_VALUE {
        return Ok(Raised::NoRoom);
    }
    let Found { at, first, run, before } = find(bytes, register, place)?;
    if run.value >= value {
        return Ok(Raised::Enough);
    }
    let mut pieces = Vec::with_capacity(5);
    let rest = |len: usize, pieces: &mut Vec<u8>| match (len, run.value) {
        (0, _) => {}
        (_, 0) => push_zeros(len, pieces),
        (_, old) => pieces.push(value_run(old, len)),
    };
    rest(register - first, &mut pieces);
    pieces.push(value_run(value, 1));
    rest(first + run.len - register - 1, &mut pieces);
    let is_longer = pieces.len() > run.bytes;
    if is_longer && bytes.len() + pieces.len() - run.bytes > max_bytes {
        return Ok(Raised::NoRoom);
    }
    let end = bytes.len();
    // What stood for a byte that is cut off was none of the string, and stays none.
    let beyond = (at + run.bytes).saturating_sub(end);
    bytes.splice(at..end.min(at + run.bytes), pieces);
    bytes.truncate(bytes.len() - beyond);
    join(bytes, before);
    Ok(Raised::Changed)
}

/// Joins neighbouring runs of one value that are short enough together, among the few from `at` on.
fn join(bytes: &mut Vec<u8>, mut at: usize) {
    /// Runs that are looked at.
    const LOOKED_AT: usize = 5;
    for _ in 0..LOOKED_AT {
        let Some(run) = run_at(bytes, at) else { return };
        let next = run_at(bytes, at + run.bytes);
        match next.filter(|next| run.value > 0 && next.value == run.value) {
            Some(next) if run.len + next.len <= MAX_VALUE_LEN => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = value_run(run.value, run.len + next.len);
                }
                bytes.remove(at + 1);
            }
            _ => at += run.bytes,
        }
    }
}
