//! LZF: the compression of long strings in RDB files.
//!
//! A stream is a row of pieces. A byte below 32 is one less than the number of literal bytes behind
//! it. Any other begins a reference: its upper three bits are the length less 2 (7: a byte with the
//! rest of the length follows), its lower five and one byte more the distance less 1.
//!
//! The crate `lzf` was not taken: its compressor clears half a megabyte for every string, its
//! decompressor allocates what it is told, and it is declared deprecated.

use thiserror::Error;

/// Most literal bytes in a piece.
const MAX_LITERALS: usize = 32;
/// Longest reference: 2, the 7 of the upper three bits, and a byte.
const MAX_REFERENCE: usize = 2 + 7 + 255;
/// Shortest reference that is written.
const MIN_REFERENCE: usize = 3;
/// How far back a reference reaches at most.
const MAX_DISTANCE: usize = 1 << 13;
/// Three bytes become 264 at most, and nothing becomes more in proportion.
const MAX_EXPANSION: u64 = 88;

const SLOT_BITS: u32 = 14;

/// Why bytes are not LZF, or not of the string that they are said to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LzfError {
    /// The bytes end within a piece.
    #[error("compressed bytes end within a piece")]
    Cut,
    /// A reference to before the beginning.
    #[error("compressed bytes refer to {distance} bytes before, where {there} are")]
    Distance {
        /// How far back it reaches.
        distance: usize,
        /// Bytes that are there.
        there: usize,
    },
    /// There is more or less than was said.
    #[error("compressed bytes become {found} bytes or more, they are said to be {claimed}")]
    Length {
        /// Bytes that came out until it was seen.
        found: usize,
        /// Bytes that should have.
        claimed: usize,
    },
}

/// Most bytes that `packed` bytes can become.
pub(super) const fn max_expanded(packed: u64) -> u64 {
    packed.saturating_mul(MAX_EXPANSION)
}

/// Unpacks `packed` into `out`, which is emptied first; there must be `claimed` bytes.
///
/// `claimed` bytes are reserved at once: see that it is not more than [`max_expanded`].
pub(super) fn decompress(
    mut packed: &[u8],
    claimed: usize,
    out: &mut Vec<u8>,
) -> Result<(), LzfError> {
    out.clear();
    out.reserve(claimed);
    while let Some((&control, rest)) = packed.split_first() {
        packed = if usize::from(control) < MAX_LITERALS {
            let count = usize::from(control) + 1;
            let (literals, rest) = rest.split_at_checked(count).ok_or(LzfError::Cut)?;
            check_room(out.len() + count, claimed)?;
            out.extend_from_slice(literals);
            rest
        } else {
            refer(control, rest, claimed, out)?
        };
    }
    match out.len() == claimed {
        true => Ok(()),
        false => Err(LzfError::Length { found: out.len(), claimed }),
    }
}

fn check_room(found: usize, claimed: usize) -> Result<(), LzfError> {
    if found > claimed { Err(LzfError::Length { found, claimed }) } else { Ok(()) }
}

/// Appends what a reference refers to, and returns what is behind it.
fn refer<'a>(
    control: u8,
    rest: &'a [u8],
    claimed: usize,
    out: &mut Vec<u8>,
) -> Result<&'a [u8], LzfError> {
    let (more, low, rest) = match (control >> 5, rest) {
        (7, [more, low, rest @ ..]) => (*more, *low, rest),
        (0..7, [low, rest @ ..]) => (0, *low, rest),
        _ => return Err(LzfError::Cut),
    };
    let length = usize::from(control >> 5) + usize::from(more) + 2;
    let distance = (usize::from(control & 0x1f) << 8 | usize::from(low)) + 1;
    let there = out.len();
    let from = there.checked_sub(distance).ok_or(LzfError::Distance { distance, there })?;
    check_room(there + length, claimed)?;
    // What is referred to may go on into what is being written: it grows with every round.
    while out.len() < there + length {
        let end = out.len().min(from + there + length - out.len());
        out.extend_from_within(from..end);
    }
    Ok(rest)
}

/// Packs strings one after the other.
#[derive(Debug, Clone)]
pub(super) struct Compressor {
    /// By the hash of three bytes, where they were seen last: `base` and the place in the string.
    seen: Box<[u32]>,
    /// What the string's first byte counts as. Entries below are of strings before: so the table
    /// need not be cleared for each.
    base: u32,
}

impl Compressor {
    pub(super) fn new() -> Self {
        Self { seen: vec![0; 1 << SLOT_BITS].into(), base: 1 }
    }

    /// Appends `input` packed, if that takes no more than `limit` bytes; else nothing.
    pub(super) fn compress(&mut self, input: &[u8], limit: usize, out: &mut Vec<u8>) -> bool {
        let Ok(length) = u32::try_from(input.len()) else { return false };
        if self.base.checked_add(length).is_none() {
            self.seen.fill(0);
            self.base = 1;
        }
        let Some(next_base) = self.base.checked_add(length) else { return false };
        let start = out.len();
        let fits = self.pack(input, start.saturating_add(limit), out);
        self.base = next_base;
        if !fits {
            out.truncate(start);
        }
        fits
    }

    /// Appends `input` packed, until `out` would be longer than `end`.
    fn pack(&mut self, input: &[u8], end: usize, out: &mut Vec<u8>) -> bool {
        let (mut at, mut literals) = (0, 0);
        while let Some(here) = input.get(at..).and_then(<[u8]>::first_chunk) {
            if let Some(from) = self.earlier(here, at, input) {
                let length = matching(&input[from..], &input[at..]);
                write_literals(&input[literals..at], out);
                write_reference(length, at - from, out);
                at += length;
                literals = at;
                self.note_end(input, at);
            } else {
                at += 1;
                if at - literals == MAX_LITERALS {
                    write_literals(&input[literals..at], out);
                    literals = at;
                }
            }
            if out.len() > end {
                return false;
            }
        }
        write_literals(&input[literals..], out);
        out.len() <= end
    }

    /// Notes that `here` is at `at`, and says where it was before, if a reference reaches there.
    fn earlier(&mut self, here: &[u8; MIN_REFERENCE], at: usize, input: &[u8]) -> Option<usize> {
        let seen = &mut self.seen[slot(here)];
        let before = std::mem::replace(seen, self.base + at as u32);
        let from = before.checked_sub(self.base)? as usize;
        let is_near = at - from <= MAX_DISTANCE;
        (is_near && input[from..].starts_with(here)).then_some(from)
    }

    /// Notes the last two places within a reference that ends at `at`: what follows often goes on
    /// from there. Noting all of them costs more time than it saves bytes.
    fn note_end(&mut self, input: &[u8], at: usize) {
        for place in at - 2..at {
            if let Some(bytes) = input.get(place..).and_then(<[u8]>::first_chunk) {
                self.seen[slot(bytes)] = self.base + place as u32;
            }
        }
    }
}

/// Where in the table three bytes belong.
fn slot(&[a, b, c]: &[u8; MIN_REFERENCE]) -> usize {
    let bytes = u32::from_le_bytes([a, b, c, 0]);
    (bytes.wrapping_mul(0x9e37_79b1) >> (32 - SLOT_BITS)) as usize
}

/// How many bytes are the same from the start, as far as a reference goes.
fn matching(a: &[u8], b: &[u8]) -> usize {
    let most = b.len().min(MAX_REFERENCE);
    a.iter().zip(&b[..most]).take_while(|(a, b)| a == b).count()
}

fn write_literals(literals: &[u8], out: &mut Vec<u8>) {
    for piece in literals.chunks(MAX_LITERALS) {
        out.push((piece.len() - 1) as u8);
        out.extend_from_slice(piece);
    }
}

fn write_reference(length: usize, distance: usize, out: &mut Vec<u8>) {
    let (length, distance) = (length - 2, distance - 1);
    let high = (distance >> 8) as u8;
    if length < 7 {
        out.push((length as u8) << 5 | high);
    } else {
        out.extend_from_slice(&[7 << 5 | high, (length - 7) as u8]);
    }
    out.push(distance as u8);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(compressor: &mut Compressor, input: &[u8]) -> usize {
        let mut packed = b"before".to_vec();
        assert!(compressor.compress(input, usize::MAX, &mut packed));
        assert_eq!(&packed[..6], b"before");
        let mut out = b"stale".to_vec();
        decompress(&packed[6..], input.len(), &mut out).unwrap();
        assert_eq!(out, input);
        assert!(input.len() as u64 <= max_expanded(packed.len() as u64));
        packed.len() - 6
    }

    #[test]
    fn strings_come_back() {
        let mut compressor = Compressor::new();
        assert_eq!(check(&mut compressor, b""), 0);
        assert_eq!(check(&mut compressor, b"a"), 2);
        assert_eq!(check(&mut compressor, &[b'a'; 5]), 4, "a literal and a reference");
        assert!(check(&mut compressor, &[0; 10_000]) < 130);
        let text = b"the same words and the same words again, ".repeat(1000);
        assert!(check(&mut compressor, &text) < text.len() / 50);
        for distance in [1, 2, 3, 255, 256, 257, MAX_DISTANCE - 1, MAX_DISTANCE, MAX_DISTANCE + 1] {
            let mut input: Vec<u8> = (0..distance as u32).map(|i| ((i * i) >> 3) as u8).collect();
            input.extend_from_within(..distance.min(400));
            check(&mut compressor, &input);
        }
        for length in 0..600 {
            check(&mut compressor, &[&b"xyz"[..], &b"ab".repeat(length), b"end"].concat());
        }
    }

    #[test]
    fn what_does_not_become_short_enough_leaves_nothing() {
        let mut compressor = Compressor::new();
        let input: Vec<u8> = (0..=255).collect();
        let mut out = b"before".to_vec();
        assert!(!compressor.compress(&input, input.len() - 4, &mut out));
        assert_eq!(out, b"before");
        let needed = check(&mut compressor, &[b'a'; 40]);
        assert!(!compressor.compress(&[b'a'; 40], needed - 1, &mut out));
        assert_eq!(out, b"before");
        assert!(compressor.compress(&[b'a'; 40], needed, &mut out));
    }

    #[test]
    fn the_table_outlives_four_gigabytes() {
        let mut compressor = Compressor { base: u32::MAX - 3000, ..Compressor::new() };
        for _ in 0..10 {
            check(&mut compressor, &b"some words ".repeat(100));
        }
        assert!(compressor.base < 20_000);
    }

    #[test]
    fn malformed_streams_are_refused() {
        let unpack = |packed: &[u8], claimed| decompress(packed, claimed, &mut Vec::new());
        assert_eq!(unpack(b"", 0), Ok(()));
        assert_eq!(unpack(b"", 1), Err(LzfError::Length { found: 0, claimed: 1 }));
        assert_eq!(unpack(b"\x02ab", 3), Err(LzfError::Cut));
        assert_eq!(unpack(b"\x00a\x20", 4), Err(LzfError::Cut));
        assert_eq!(unpack(b"\x00a\xe0\x00", 10), Err(LzfError::Cut));
        let before = LzfError::Distance { distance: 2, there: 1 };
        assert_eq!(unpack(b"\x00a\x20\x01", 4), Err(before));
        assert_eq!(unpack(b"\x00a\x20\x00", 4), Ok(()));
        assert_eq!(unpack(b"\x00a\x20\x00", 3), Err(LzfError::Length { found: 4, claimed: 3 }));
        assert_eq!(unpack(b"\x00a\x20\x00", 5), Err(LzfError::Length { found: 4, claimed: 5 }));
        assert_eq!(unpack(b"\x01ab", 1), Err(LzfError::Length { found: 2, claimed: 1 }));
    }

    proptest! {
        #[test]
        fn any_string_comes_back(
            input in prop::collection::vec(prop_oneof![0..4u8, any::<u8>()], 0..2000),
        ) {
            check(&mut Compressor::new(), &input);
        }

        #[test]
        fn no_bytes_make_it_panic(
            packed in prop::collection::vec(any::<u8>(), 0..60), claimed in 0..600usize,
        ) {
            let mut out = Vec::new();
            let result = decompress(&packed, claimed, &mut out);
            prop_assert!(out.len() <= claimed);
            prop_assert!(result.is_err() || out.len() == claimed);
        }
    }
}
