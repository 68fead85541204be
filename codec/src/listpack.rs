//! Listpacks: sequences of short strings in one run of bytes, as Redis keeps small collections in
//! memory, in dumps and in RDB files.
//!
//! A listpack is a head of six bytes (its length in bytes, u32, and the number of its elements, u16,
//! both little-endian; 65535 stands for "not known"), its elements, and a byte 0xff. An element is an
//! encoding with its data and, behind it, the length of both, written so that it is read backwards:
//! a listpack can be walked from both ends. Strings that are the decimal form of an integer are
//! stored as one. The format is that of Redis's `listpack.md`.
//!
//! | first byte | element |
//! |---|---|
//! | `0nnnnnnn` | an integer of 0 to 127 |
//! | `10llllll` | a string of up to 63 bytes |
//! | `110nnnnn` | a signed integer of 13 bits, its upper five here; one byte follows |
//! | `1110llll` | a string of up to 4095 bytes; one byte of its length follows |
//! | `0xf0` | a string; four bytes of length follow, little-endian |
//! | `0xf1` to `0xf4` | a signed integer of 2, 3, 4, 8 bytes, little-endian |

mod gap;
mod room;

use std::ops::Range;

pub use gap::GapListpack;
use room::make_room;
use thiserror::Error;

use crate::number::{MAX_I64_LEN, format_i64, parse_i64_strict, write_i64};

const HEAD: usize = 6;
const END: u8 = 0xff;
/// The number of elements in the head when it is not known.
const UNKNOWN: u16 = u16::MAX;

/// An element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element<'a> {
    /// A string that is the decimal form of this integer.
    Int(i64),
    /// Any other string.
    Bytes(&'a [u8]),
}

impl<'a> Element<'a> {
    /// How a listpack stores this string.
    #[inline]
    #[must_use]
    pub fn of(text: &'a [u8]) -> Self {
        let number = if text.len() <= MAX_I64_LEN { parse_i64_strict(text) } else { None };
        number.map_or(Self::Bytes(text), Self::Int)
    }

    /// The string: as it is stored, or the integer's digits made in `digits`.
    #[inline]
    pub fn text<'b>(self, digits: &'b mut [u8; MAX_I64_LEN]) -> &'b [u8]
    where
        'a: 'b,
    {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Int(number) => {
                let start = write_i64(number, digits);
                digits.get(start..).unwrap_or_default()
            }
        }
    }

    /// Appends the string.
    #[inline]
    pub fn append_to(self, out: &mut Vec<u8>) {
        match self {
            Self::Bytes(bytes) => out.extend_from_slice(bytes),
            Self::Int(number) => format_i64(number, out),
        }
    }

    /// The string as an owned one.
    #[must_use]
    pub fn to_vec(self) -> Vec<u8> {
        let mut out = Vec::new();
        self.append_to(&mut out);
        out
    }

    /// Length of the string in bytes.
    #[must_use]
    pub fn len(self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Int(number) => write_len(number),
        }
    }

    /// Whether the string is empty.
    #[must_use]
    pub fn is_empty(self) -> bool {
        matches!(self, Self::Bytes(b""))
    }

    /// Bytes that the element takes in a listpack.
    #[must_use]
    pub fn stored_len(self) -> usize {
        let body = match self {
            Self::Int(number) => int_len(number),
            Self::Bytes(bytes) => string_head(bytes.len()) + bytes.len(),
        };
        body + back_len(body)
    }
}

fn write_len(number: i64) -> usize {
    MAX_I64_LEN - write_i64(number, &mut [0; MAX_I64_LEN])
}

const fn int_len(number: i64) -> usize {
    match number {
        0..=127 => 1,
        -4096..=4095 => 2,
        -0x8000..=0x7fff => 3,
        -0x80_0000..=0x7f_ffff => 4,
        -0x8000_0000..=0x7fff_ffff => 5,
        _ => 9,
    }
}

const fn string_head(len: usize) -> usize {
    match len {
        0..64 => 1,
        64..4096 => 2,
        _ => 5,
    }
}

/// Bytes that the length of an encoding with its data takes behind it.
const fn back_len(body: usize) -> usize {
    match body {
        0..0x80 => 1,
        0x80..0x4000 => 2,
        0x4000..0x20_0000 => 3,
        0x20_0000..0x1000_0000 => 4,
        _ => 5,
    }
}

/// Where encoded elements go.
trait Sink {
    fn put(&mut self, bytes: &[u8]);
}

impl Sink for Vec<u8> {
    #[inline(always)]
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

fn encode(element: Element<'_>, out: &mut impl Sink) {
    let body = match element {
        Element::Int(number) => {
            encode_int(number, out);
            int_len(number)
        }
        Element::Bytes(bytes) => {
            let len = bytes.len();
            let head = string_head(len);
            match head {
                1 => out.put(&[0x80 | len as u8]),
                2 => out.put(&[0xe0 | (len >> 8) as u8, len as u8]),
                _ => {
                    out.put(&[0xf0]);
                    out.put(&(len as u32).to_le_bytes());
                }
            }
            out.put(bytes);
            head + len
        }
    };
    let groups = back_len(body);
    for group in (0..groups).rev() {
        let more = if group + 1 == groups { 0 } else { 0x80 };
        out.put(&[((body >> (7 * group)) & 0x7f) as u8 | more]);
    }
}

fn encode_int(number: i64, out: &mut impl Sink) {
    let bytes = number.to_le_bytes();
    let mut wide = |tag: u8, count: usize| {
        out.put(&[tag]);
        out.put(&bytes[..count]);
    };
    match int_len(number) {
        1 => out.put(&[number as u8]),
        2 => {
            let bits = (number as u16) & 0x1fff;
            out.put(&[0xc0 | (bits >> 8) as u8, bits as u8]);
        }
        3 => wide(0xf1, 2),
        4 => wide(0xf2, 3),
        5 => wide(0xf3, 4),
        _ => wide(0xf4, 8),
    }
}

/// Why bytes are no listpack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ListpackError {
    /// The head is missing, or says another length.
    #[error("a listpack of {found} bytes whose head says {claimed}")]
    Length {
        /// Bytes that there are.
        found: usize,
        /// Bytes that there should be.
        claimed: u64,
    },
    /// An element that cannot be read.
    #[error("no element of a listpack at its byte {0}")]
    Element(usize),
    /// The head says another number of elements.
    #[error("a listpack of {found} elements whose head says {claimed}")]
    Count {
        /// Elements that there are.
        found: usize,
        /// Elements that there should be.
        claimed: u16,
    },
}

/// A listpack by reference. Bytes that are none read as fewer elements, never beyond their end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listpack<'a>(&'a [u8]);

/// An element with its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed<'a> {
    /// The element.
    pub element: Element<'a>,
    /// Its first byte in the listpack.
    pub at: usize,
    /// The first byte of the next.
    pub end: usize,
}

impl<'a> Listpack<'a> {
    /// Bytes that are known to be a listpack.
    #[inline]
    #[must_use]
    pub const fn trusted(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Bytes of which it is not known. Looks at every element.
    ///
    /// # Errors
    /// They are not one listpack from the first to the last.
    pub fn check(bytes: &'a [u8]) -> Result<Self, ListpackError> {
        let found = bytes.len();
        let claimed = bytes.first_chunk::<4>().map_or(0, |len| u32::from_le_bytes(*len));
        if found <= HEAD || u64::from(claimed) != found as u64 || bytes.last() != Some(&END) {
            return Err(ListpackError::Length { found, claimed: claimed.into() });
        }
        let listpack = Self(bytes);
        let (mut at, mut count) = (HEAD, 0);
        while at + 1 < found {
            let placed = listpack.at(at).ok_or(ListpackError::Element(at))?;
            let back = listpack.before(placed.end).map(|before| before.at);
            if placed.end >= found || back != Some(at) {
                return Err(ListpackError::Element(at));
            }
            at = placed.end;
            count += 1;
        }
        let claimed = listpack.head_count();
        if claimed != UNKNOWN && usize::from(claimed) != count {
            return Err(ListpackError::Count { found: count, claimed });
        }
        Ok(listpack)
    }

    /// All its bytes.
    #[inline]
    #[must_use]
    pub const fn bytes(self) -> &'a [u8] {
        self.0
    }

    fn head_count(self) -> u16 {
        match self.0.get(4..HEAD) {
            Some(&[low, high]) => u16::from_le_bytes([low, high]),
            _ => 0,
        }
    }

    /// Number of elements. Takes constant time up to 65,534 of them.
    #[must_use]
    pub fn len(self) -> usize {
        match self.head_count() {
            UNKNOWN => self.iter().count(),
            count => usize::from(count),
        }
    }

    /// Whether there are no elements.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0.len() <= HEAD + 1
    }

    /// The element whose first byte is at `at`; none at the end.
    #[inline]
    #[must_use]
    pub fn at(self, at: usize) -> Option<Placed<'a>> {
        let rest = self.0.get(at..)?;
        let first = *rest.first()?;
        let (element, body) = match first {
            0..=0x7f => (Element::Int(first.into()), 1),
            0x80..=0xbf => string(rest, 1, usize::from(first & 0x3f))?,
            0xc0..=0xdf => {
                let bits = (u16::from(first & 0x1f) << 8) | u16::from(*rest.get(1)?);
                // The 13 bits are signed: they are moved to the top and back.
                (Element::Int(((bits << 3).cast_signed() >> 3).into()), 2)
            }
            0xe0..=0xef => {
                string(rest, 2, (usize::from(first & 0xf) << 8) | usize::from(*rest.get(1)?))?
            }
            0xf0 => {
                let len = u32::from_le_bytes(*rest.get(1..)?.first_chunk()?);
                string(rest, 5, len as usize)?
            }
            0xf1 => int::<2>(rest)?,
            0xf2 => int::<3>(rest)?,
            0xf3 => int::<4>(rest)?,
            0xf4 => int::<8>(rest)?,
            _ => return None,
        };
        Some(Placed { element, at, end: at + body + back_len(body) })
    }

    /// The element that ends before `end`; none at the beginning.
    #[inline]
    #[must_use]
    pub fn before(self, end: usize) -> Option<Placed<'a>> {
        let (mut body, mut shift, mut at) = (0usize, 0, end);
        loop {
            at = at.checked_sub(1).filter(|&at| at >= HEAD && shift <= 28)?;
            let byte = *self.0.get(at)?;
            body |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        // A length in more bytes than it takes may have read into the element.
        let begin = at.checked_sub(body).filter(|&begin| begin >= HEAD)?;
        self.at(begin).filter(|placed| placed.end == end && end - at == back_len(body))
    }

    /// All elements, from both ends.
    #[inline]
    #[must_use]
    pub fn iter(self) -> Elements<'a> {
        Elements { listpack: self, range: HEAD..self.0.len().saturating_sub(1) }
    }

    /// The elements from the one whose first byte is at `at`.
    #[inline]
    #[must_use]
    pub fn iter_from(self, at: usize) -> Elements<'a> {
        Elements { listpack: self, range: at..self.0.len().saturating_sub(1) }
    }

    /// The element with this index, walking from the nearer end.
    #[must_use]
    pub fn get(self, index: usize) -> Option<Placed<'a>> {
        let len = self.len();
        if index >= len {
            return None;
        }
        if index <= len / 2 {
            self.iter().nth(index)
        } else {
            self.iter().rev().nth(len - 1 - index)
        }
    }

    /// The first element, every `step`th looked at, that is this string.
    #[inline]
    #[must_use]
    pub fn find(self, text: &[u8], step: usize) -> Option<Placed<'a>> {
        let wanted = Element::of(text);
        let mut elements = self.iter();
        loop {
            let placed = elements.next()?;
            if placed.element == wanted {
                return Some(placed);
            }
            for _ in 1..step {
                elements.next();
            }
        }
    }
}

fn string(rest: &[u8], head: usize, len: usize) -> Option<(Element<'_>, usize)> {
    Some((Element::Bytes(rest.get(head..head.checked_add(len)?)?), head + len))
}

fn int<const N: usize>(rest: &[u8]) -> Option<(Element<'_>, usize)> {
    let bytes: &[u8; N] = rest.get(1..)?.first_chunk()?;
    let mut wide = [0; 8];
    wide.get_mut(8 - N..)?.copy_from_slice(bytes);
    // At the top of the word, so that moving it down extends its sign.
    Some((Element::Int(i64::from_le_bytes(wide) >> (64 - 8 * N)), 1 + N))
}

/// The elements of a listpack.
#[derive(Debug, Clone)]
pub struct Elements<'a> {
    listpack: Listpack<'a>,
    range: Range<usize>,
}

impl<'a> Iterator for Elements<'a> {
    type Item = Placed<'a>;

    #[inline]
    fn next(&mut self) -> Option<Placed<'a>> {
        if self.range.start >= self.range.end {
            return None;
        }
        let placed = self.listpack.at(self.range.start)?;
        self.range.start = placed.end;
        Some(placed)
    }
}

impl DoubleEndedIterator for Elements<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.range.start >= self.range.end {
            return None;
        }
        let placed = self.listpack.before(self.range.end)?;
        self.range.end = placed.at;
        Some(placed)
    }
}

/// A listpack that can be changed. Every change moves what is behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListpackBuf(Vec<u8>);

impl Default for ListpackBuf {
    fn default() -> Self {
        Self::from_empty(Vec::new())
    }
}

impl ListpackBuf {
    /// An empty listpack in the memory of `buffer`, whose content goes.
    #[must_use]
    pub fn from_empty(mut buffer: Vec<u8>) -> Self {
        buffer.clear();
        buffer.extend_from_slice(&[HEAD as u8 + 1, 0, 0, 0, 0, 0, END]);
        Self(buffer)
    }

    /// Bytes that are known to be a listpack.
    #[must_use]
    pub fn trusted(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The listpack to read.
    #[inline]
    #[must_use]
    pub fn view(&self) -> Listpack<'_> {
        Listpack(&self.0)
    }

    /// All its bytes.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Bytes of memory that it has reserved.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.0.capacity()
    }

    /// Gives back memory that is reserved and not used.
    pub fn shrink(&mut self) {
        self.0.shrink_to_fit();
    }

    /// Where an element goes that is to be the first.
    #[must_use]
    pub const fn front(&self) -> usize {
        HEAD
    }

    /// Where an element goes that is to be the last.
    #[must_use]
    pub fn back(&self) -> usize {
        self.0.len().saturating_sub(1)
    }

    /// Adds an element at the end. Takes constant time on average.
    #[inline]
    pub fn push(&mut self, element: Element<'_>) {
        make_room(&mut self.0, element.stored_len());
        self.0.pop();
        encode(element, &mut self.0);
        self.0.push(END);
        self.head(1);
    }

    /// Adds an element whose first byte shall be at `at`, the place of an element or
    /// [`ListpackBuf::back`].
    pub fn insert(&mut self, at: usize, element: Element<'_>) {
        self.splice(at..at, &[element], 0);
    }

    /// Puts another element in the place of this one.
    pub fn replace(&mut self, place: Range<usize>, element: Element<'_>) {
        self.splice(place, &[element], 1);
    }

    /// Puts an integer in the place of this element: takes constant time if it is one of 0 to 127
    /// and the element was.
    #[inline]
    pub fn set_int(&mut self, place: Range<usize>, number: i64) {
        match self.0.get_mut(place.start) {
            Some(byte @ 0..=0x7f) if (0..0x80).contains(&number) => *byte = number as u8,
            _ => self.replace(place, Element::Int(number)),
        }
    }

    /// Takes out `count` elements, which are all that lie in `place`.
    pub fn remove(&mut self, place: Range<usize>, count: usize) {
        self.splice(place, &[], count);
    }

    /// Puts elements in the place of `removed` others, which are all that lie in `place`.
    pub fn splice(&mut self, place: Range<usize>, elements: &[Element<'_>], removed: usize) {
        let (begin, end) = (place.start.max(HEAD), place.end.min(self.back()));
        if begin > end {
            return;
        }
        self.0.drain(begin..end);
        make_room(&mut self.0, elements.iter().map(|element| element.stored_len()).sum());
        let len = self.0.len();
        elements.iter().for_each(|element| encode(*element, &mut self.0));
        let added = self.0.len() - len;
        if let Some(behind) = self.0.get_mut(begin..) {
            behind.rotate_right(added);
        }
        self.head(elements.len() as i64 - removed as i64);
    }

    /// Brings the head up to date after the number of elements changed by `more`.
    #[inline]
    fn head(&mut self, more: i64) {
        let len = self.0.len() as u32;
        let before = self.view().head_count();
        let count = match before {
            UNKNOWN if more >= 0 => UNKNOWN,
            UNKNOWN => u16::try_from(self.view().iter().count()).unwrap_or(UNKNOWN),
            count => u16::try_from(i64::from(count) + more).unwrap_or(UNKNOWN),
        };
        if let Some(head) = self.0.first_chunk_mut::<HEAD>() {
            let [a, b, c, d] = len.to_le_bytes();
            let [low, high] = count.to_le_bytes();
            *head = [a, b, c, d, low, high];
        }
    }
}

#[cfg(test)]
mod tests;
