//! Reading lengths and strings from bytes that may not all be there yet.
//!
//! A [`Reader`] goes over the bytes of one item or value without copying or unpacking anything. Only
//! when all of it is there is a [`Text`] made into a string.

use std::ops::Range;

use super::error::Fault;
use super::lzf;
use super::opcode::{
    ENC_INT8, ENC_INT16, ENC_INT32, ENC_LZF, ENCODED, LEN_6, LEN_14, LEN_32, LEN_64,
};
use crate::number::{MAX_I64_LEN, format_i64};

/// Why reading stops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stop {
    /// So many bytes must be there, counted from where the reader began.
    Needs(usize),
    /// Something is wrong at this place, counted likewise.
    Wrong(usize, Fault),
}

/// What a length's place holds.
enum Length {
    Plain(u64),
    /// A string in this encoding follows.
    Encoded(u8),
}

/// A string as it stands in the bytes; ranges are counted from where the reader began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Text {
    Int(i32),
    Raw(Range<usize>),
    Lzf { packed: Range<usize>, length: usize },
}

/// A score in its old form.
pub(super) enum OldScore {
    Value(f64),
    /// Where its text is.
    Digits(Range<usize>),
}

/// Goes over bytes from their beginning.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    max_string: usize,
}

impl<'a> Reader<'a> {
    /// A reader of `bytes` that takes no string of more than `max_string` bytes.
    pub(super) fn new(bytes: &'a [u8], max_string: usize) -> Self {
        Self { bytes, at: 0, max_string }
    }

    /// Bytes that were read.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    fn range(&mut self, count: usize) -> Result<Range<usize>, Stop> {
        let end = self.at.saturating_add(count);
        if end > self.bytes.len() {
            return Err(Stop::Needs(end));
        }
        Ok(std::mem::replace(&mut self.at, end)..end)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Stop> {
        let array = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk);
        let array = *array.ok_or(Stop::Needs(self.at.saturating_add(N)))?;
        self.at += N;
        Ok(array)
    }

    /// Goes to a place, counted from where it began.
    pub(super) fn seek(&mut self, at: usize) {
        self.at = at;
    }

    pub(super) fn byte(&mut self) -> Result<u8, Stop> {
        self.array().map(|[byte]| byte)
    }

    pub(super) fn skip(&mut self, count: usize) -> Result<(), Stop> {
        self.range(count).map(drop)
    }

    fn any_length(&mut self) -> Result<Length, Stop> {
        let at = self.at;
        let first = self.byte()?;
        let low = first & 0x3f;
        Ok(match first & ENCODED {
            LEN_6 => Length::Plain(low.into()),
            LEN_14 => Length::Plain(u64::from(low) << 8 | u64::from(self.byte()?)),
            ENCODED => Length::Encoded(low),
            _ => Length::Plain(match first {
                LEN_32 => u32::from_be_bytes(self.array()?).into(),
                LEN_64 => u64::from_be_bytes(self.array()?),
                _ => return Err(Stop::Wrong(at, Fault::Length(first))),
            }),
        })
    }

    /// A length, or another number that is written like one.
    pub(super) fn length(&mut self) -> Result<u64, Stop> {
        let at = self.at;
        match self.any_length()? {
            Length::Plain(length) => Ok(length),
            Length::Encoded(encoding) => Err(Stop::Wrong(at, Fault::NoLength(encoding))),
        }
    }

    /// A score in its old form, as a text.
    pub(super) fn old_score(&mut self) -> Result<OldScore, Stop> {
        Ok(match self.byte()? {
            255 => OldScore::Value(f64::NEG_INFINITY),
            254 => OldScore::Value(f64::INFINITY),
            253 => OldScore::Value(f64::NAN),
            len => OldScore::Digits(self.range(len.into())?),
        })
    }

    /// The length of a string, which is held against the limit.
    fn bounded(&self, length: u64, at: usize) -> Result<usize, Stop> {
        match usize::try_from(length) {
            Ok(length) if length <= self.max_string => Ok(length),
            _ => Err(Stop::Wrong(at, Fault::TooLong { length, max: self.max_string as u64 })),
        }
    }

    pub(super) fn string(&mut self) -> Result<Text, Stop> {
        let at = self.at;
        Ok(match self.any_length()? {
            Length::Plain(length) => {
                let length = self.bounded(length, at)?;
                Text::Raw(self.range(length)?)
            }
            Length::Encoded(ENC_INT8) => Text::Int(i8::from_le_bytes(self.array()?).into()),
            Length::Encoded(ENC_INT16) => Text::Int(i16::from_le_bytes(self.array()?).into()),
            Length::Encoded(ENC_INT32) => Text::Int(i32::from_le_bytes(self.array()?)),
            Length::Encoded(ENC_LZF) => self.packed(at)?,
            Length::Encoded(other) => return Err(Stop::Wrong(at, Fault::StringEncoding(other))),
        })
    }

    /// The rest of a compressed string that begins at `at`.
    fn packed(&mut self, at: usize) -> Result<Text, Stop> {
        let (packed, claimed) = (self.length()?, self.length()?);
        if claimed > lzf::max_expanded(packed) {
            return Err(Stop::Wrong(at, Fault::Expansion { packed, claimed }));
        }
        let length = self.bounded(claimed, at)?;
        let packed = self.bounded(packed, at)?;
        Ok(Text::Lzf { packed: self.range(packed)?, length })
    }
}

impl Text {
    /// The string, which `bytes` holds from where the reader began. If it is not there in plain, it
    /// is made in `scratch`.
    ///
    /// # Errors
    /// It is compressed, and damaged; where.
    pub(super) fn bytes<'a>(
        &self,
        bytes: &'a [u8],
        scratch: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], (usize, Fault)> {
        let part = |range: &Range<usize>| bytes.get(range.clone()).unwrap_or_default();
        match self {
            Self::Raw(range) => return Ok(part(range)),
            Self::Int(number) => {
                scratch.clear();
                scratch.reserve(MAX_I64_LEN);
                format_i64((*number).into(), scratch);
            }
            Self::Lzf { packed, length } => lzf::decompress(part(packed), *length, scratch)
                .map_err(|fault| (packed.start, fault.into()))?,
        }
        Ok(scratch)
    }
}
