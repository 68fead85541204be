//! The grammar of requests, written with `combine` over a range stream.
//!
//! Two readers of the same grammar. [`whole`] is the fast one: it reads a frame that is completely
//! there and ordinary, and otherwise gives up without a verdict. [`Progress`] then reads the frame
//! from its start, judges what is unusual exactly as Redis does, and keeps its place when the input
//! ends, so that no byte is read a third time however many pieces a frame arrives in.

use combine::ParseResult::{CommitOk, PeekOk};
use combine::StreamOnce;
use combine::stream::{RangeStreamOnce, uncons_while1};

use crate::number::parse_i64_strict;

use super::{ArgRange, Limits, ProtocolError};

/// Redis's limits before authentication.
const UNAUTHENTICATED_ARGS: i64 = 10;
const UNAUTHENTICATED_BULK_LEN: i64 = 16_384;

/// Offsets are 32 bits wide, so a frame ends before this one.
pub(super) const MAX_FRAME_LEN: usize = u32::MAX as usize;

/// What ends every line and every argument: two bytes, of which Redis looks at the first one of a
/// line only.
const CRLF_LEN: usize = 2;

/// Arguments that a frame may have without its memory being given back afterwards.
const KEPT_ARGS: usize = 1024;

/// What [`whole`] accepts; smaller than the limits where that keeps numbers within 32 bits.
#[derive(Clone, Copy, Debug)]
pub(super) struct FastLimits {
    max_args: u32,
    max_bulk_len: u32,
}

impl FastLimits {
    pub(super) fn new(limits: &Limits) -> Self {
        let (max_args, max_bulk_len) = if limits.unauthenticated {
            (UNAUTHENTICATED_ARGS as u64, UNAUTHENTICATED_BULK_LEN as u64)
        } else {
            (u64::from(u32::MAX), u64::from(u32::MAX))
        };
        Self {
            max_args: max_args.min(limits.max_args.into()) as u32,
            max_bulk_len: max_bulk_len.min(limits.max_bulk_len) as u32,
        }
    }
}

/// Reads one frame from the front of `input` if all of it is there and it is an ordinary one.
/// Appends its arguments, whose offsets count from `end` bytes before the end of `input`. `None`
/// says nothing about the frame; `input` and `args` are then somewhere within it.
#[inline]
pub(super) fn whole(
    input: &mut &[u8],
    end: usize,
    limits: FastLimits,
    args: &mut Vec<ArgRange>,
) -> Option<()> {
    let count = length(input, b'*').filter(|&count| count <= limits.max_args && count > 0)?;
    for _ in 0..count {
        let len = length(input, b'$').filter(|&len| len <= limits.max_bulk_len)?;
        // The stream is shorter than 4 GiB.
        let start = (end - input.len()) as u32;
        input.uncons_range(len as usize + CRLF_LEN).ok()?;
        args.push(ArgRange { start, len });
    }
    Some(())
}

/// A type byte, a number of up to nine digits as Redis writes it, and a line end.
#[inline]
fn length(input: &mut &[u8], kind: u8) -> Option<u32> {
    // Nearly every number has one digit or two.
    match **input {
        [first, ones @ b'0'..=b'9', b'\r', _, ..] if first == kind => {
            *input = &input[4..];
            Some((ones - b'0').into())
        }
        [first, tens @ b'1'..=b'9', ones @ b'0'..=b'9', b'\r', _, ..] if first == kind => {
            *input = &input[5..];
            Some(u32::from(tens - b'0') * 10 + u32::from(ones - b'0'))
        }
        _ => any_length(input, kind),
    }
}

fn any_length(input: &mut &[u8], kind: u8) -> Option<u32> {
    if input.uncons() != Ok(kind) {
        return None;
    }
    let mut number: u32 = 0;
    let (PeekOk(digits) | CommitOk(digits)) = uncons_while1(input, |byte: u8| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return false;
        }
        // Wraps only where there are too many digits.
        number = number.wrapping_mul(10).wrapping_add(digit.into());
        true
    }) else {
        return None;
    };
    if digits.len() > 9 || (digits.len() > 1 && digits[0] == b'0') {
        return None;
    }
    let line_end = input.uncons_range(CRLF_LEN).ok()?;
    (line_end[0] == b'\r').then_some(number)
}

/// How far a frame was read. Offsets count from the frame's start.
#[derive(Default, Debug)]
pub(super) struct Progress {
    /// The arguments that are complete.
    pub args: Vec<ArgRange>,
    /// Arguments that are not; 0 while the frame's first line is not complete.
    missing: u32,
    /// The length of the argument whose header was read last, if its payload was not.
    bulk: Option<u32>,
    /// Where to go on.
    position: usize,
    /// Bytes from there on that were searched for a line end in vain.
    searched: usize,
}

impl Progress {
    /// Reads on in a multibulk frame, of which all bytes received are in `frame`. Returns the
    /// frame's length once it is complete. Each call takes time for what is new only.
    pub(super) fn multibulk(
        &mut self,
        frame: &[u8],
        limits: &Limits,
    ) -> Result<Option<usize>, ProtocolError> {
        let mut input = frame.get(self.position..).unwrap_or_default();
        if self.missing == 0 {
            let error = ProtocolError::TooBigMultibulkCount;
            let Some(line) = self.line(&mut input, limits, error)? else { return Ok(None) };
            self.missing = frame_count(line, limits)?;
            self.position = frame.len() - input.len();
        }
        while self.missing > 0 {
            let len = match self.bulk {
                Some(len) => len,
                None => {
                    let error = ProtocolError::TooBigBulkCount;
                    let Some(line) = self.line(&mut input, limits, error)? else { return Ok(None) };
                    self.position = frame.len() - input.len();
                    *self.bulk.insert(bulk_len(line, self.position, limits)?)
                }
            };
            if input.uncons_range(len as usize + CRLF_LEN).is_err() {
                return Ok(None);
            }
            // `bulk_len` saw to it that the frame stays below 4 GiB.
            self.args.push(ArgRange { start: self.position as u32, len });
            self.position = frame.len() - input.len();
            self.bulk = None;
            self.missing -= 1;
        }
        Ok(Some(self.position))
    }

    /// Takes a line up to `\r` and the byte behind it from `input`, if it is there. As for Redis,
    /// whose search ends at a zero byte, nothing behind such a byte counts.
    fn line<'a>(
        &mut self,
        input: &mut &'a [u8],
        limits: &Limits,
        too_long: ProtocolError,
    ) -> Result<Option<&'a [u8]>, ProtocolError> {
        match self.find(input, b'\r', limits, too_long)? {
            Some(len) => match (input.uncons_range(len), input.uncons_range(CRLF_LEN)) {
                (Ok(line), Ok(_)) => {
                    self.searched = 0;
                    Ok(Some(line))
                }
                _ => Ok(None),
            },
            None => Ok(None),
        }
    }

    /// The length of an inline command without its `\n`, once that is there.
    pub(super) fn inline_len(
        &mut self,
        frame: &[u8],
        limits: &Limits,
    ) -> Result<Option<usize>, ProtocolError> {
        self.find(frame, b'\n', limits, ProtocolError::TooBigInline)
    }

    /// Looks for `wanted` in `input`, behind what was searched before and up to the limit of lines.
    fn find(
        &mut self,
        input: &[u8],
        wanted: u8,
        limits: &Limits,
        too_long: ProtocolError,
    ) -> Result<Option<usize>, ProtocolError> {
        let max_len = limits.max_inline as usize;
        let window = input.get(..=max_len).unwrap_or(input);
        let mut rest = window.get(self.searched..).unwrap_or_default();
        let passed = rest.uncons_while(|byte| byte != wanted && byte != 0);
        self.searched += passed.map_or(0, <[u8]>::len);
        if rest.first() == Some(&wanted) {
            Ok(Some(self.searched))
        } else if input.len() > max_len {
            Err(too_long)
        } else {
            Ok(None)
        }
    }

    /// Bytes beyond the `available` ones that the argument being read needs; 0 when unknown.
    pub(super) fn wanted(&self, available: usize) -> usize {
        self.bulk
            .map_or(0, |len| (self.position + len as usize + CRLF_LEN).saturating_sub(available))
    }

    /// Forgets the frame, and memory of exceptional size.
    pub(super) fn reset(&mut self) {
        let mut args = std::mem::take(&mut self.args);
        args.clear();
        args.shrink_to(KEPT_ARGS);
        *self = Self { args, ..Self::default() };
    }
}

/// The number of arguments that a frame's first line announces; 0 also for a negative one.
fn frame_count(line: &[u8], limits: &Limits) -> Result<u32, ProtocolError> {
    let count = line.split_first().and_then(|(_, digits)| parse_i64_strict(digits));
    match count {
        Some(count) if count <= limits.max_args.into() => {
            if limits.unauthenticated && count > UNAUTHENTICATED_ARGS {
                return Err(ProtocolError::UnauthenticatedMultibulkLength);
            }
            // Not above `max_args`, so only a negative number does not fit.
            Ok(u32::try_from(count).unwrap_or(0))
        }
        _ => Err(ProtocolError::InvalidMultibulkLength),
    }
}

/// The length that an argument's header announces, of an argument that starts at `position`.
fn bulk_len(line: &[u8], position: usize, limits: &Limits) -> Result<u32, ProtocolError> {
    // An empty line is all line end.
    let (&kind, digits) = line.split_first().unwrap_or((&b'\r', &[]));
    if kind != b'$' {
        return Err(ProtocolError::ExpectedBulk(kind));
    }
    let room = MAX_FRAME_LEN.saturating_sub(position + CRLF_LEN);
    let len = parse_i64_strict(digits)
        .and_then(|len| u32::try_from(len).ok())
        .filter(|&len| u64::from(len) <= limits.max_bulk_len && len as usize <= room)
        .ok_or(ProtocolError::InvalidBulkLength)?;
    if limits.unauthenticated && i64::from(len) > UNAUTHENTICATED_BULK_LEN {
        return Err(ProtocolError::UnauthenticatedBulkLength);
    }
    Ok(len)
}
