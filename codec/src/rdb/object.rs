//! Values: the one place that knows how a data type looks in bytes.
//!
//! In a file, a value's type stands before the key and the rest of it behind; in what DUMP gives,
//! the rest follows the type. Of collections only the shape is known here ([`super::shape`]): they
//! come as a [`Collection`], which gives its elements when it is asked, and go out by a
//! [`Body`](super::Body).

use std::fmt;
use std::ops::Range;

use super::collection::Collection;
use super::error::{Error, Fault};
use super::read::{Reader, Stop, Text};
use super::shape::Scan;
use super::write::StringWriter;
use crate::number::{MAX_I64_LEN, parse_i64_strict};

/// A value as it goes into bytes or comes out of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// A string that is the decimal form of this integer. Reading gives every such string like
    /// this, however it was written.
    Int(i64),
    /// Any other string.
    Bytes(&'a [u8]),
    /// Anything but a string.
    Collection(Collection<'a>),
}

/// A type of values in RDB version 10. Several stand for one data type in different forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "they are Redis's own names")]
pub enum ObjectType {
    String = 0,
    List = 1,
    Set = 2,
    SortedSet = 3,
    Hash = 4,
    SortedSet2 = 5,
    ModulePreview = 6,
    Module2 = 7,
    HashZipmap = 9,
    ListZiplist = 10,
    SetIntset = 11,
    SortedSetZiplist = 12,
    HashZiplist = 13,
    ListQuicklist = 14,
    StreamListpacks = 15,
    HashListpack = 16,
    SortedSetListpack = 17,
    ListQuicklist2 = 18,
    StreamListpacks2 = 19,
}

impl ObjectType {
    /// All of them, with the names that redis-check-rdb has for them.
    const NAMES: [(Self, &'static str); 19] = [
        (Self::String, "string"),
        (Self::List, "list-linked"),
        (Self::Set, "set-hashtable"),
        (Self::SortedSet, "zset-v1"),
        (Self::Hash, "hash-hashtable"),
        (Self::SortedSet2, "zset-v2"),
        (Self::ModulePreview, "module-pre-release"),
        (Self::Module2, "module-value"),
        (Self::HashZipmap, "hash-zipmap"),
        (Self::ListZiplist, "list-ziplist"),
        (Self::SetIntset, "set-intset"),
        (Self::SortedSetZiplist, "zset-ziplist"),
        (Self::HashZiplist, "hash-ziplist"),
        (Self::ListQuicklist, "quicklist"),
        (Self::StreamListpacks, "stream"),
        (Self::HashListpack, "hash-listpack"),
        (Self::SortedSetListpack, "zset-listpack"),
        (Self::ListQuicklist2, "quicklist-v2"),
        (Self::StreamListpacks2, "stream-v2"),
    ];

    /// The type that this byte stands for.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        if code == Self::String.code() {
            return Some(Self::String);
        }
        Self::NAMES.into_iter().map(|(kind, _)| kind).find(|kind| kind.code() == code)
    }

    /// The byte that stands for it.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The name that redis-check-rdb has for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.into_iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }
}

impl fmt::Display for ObjectType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A value as it stands in the bytes that a reader went over.
#[derive(Debug)]
pub(super) enum Scanned {
    String(Text),
    Collection(ObjectType, Range<usize>),
}

/// The way through a value, kept while its bytes arrive.
#[derive(Debug)]
pub(super) enum Way {
    String(usize),
    Collection(ObjectType, usize, Scan),
}

impl Way {
    /// The way through a value of this type that begins at `at`, behind the type; none if there is
    /// no such type here.
    pub(super) fn begin(kind: ObjectType, at: usize) -> Option<Self> {
        match kind {
            ObjectType::String => Some(Self::String(at)),
            _ => Some(Self::Collection(kind, at, Scan::begin(kind, at)?)),
        }
    }

    /// Goes on to the end of the value.
    pub(super) fn run(&mut self, reader: &mut Reader<'_>) -> Result<Scanned, Stop> {
        match self {
            Self::String(at) => {
                reader.seek(*at);
                reader.string().map(Scanned::String)
            }
            Self::Collection(kind, at, scan) => {
                scan.run(reader).map(|end| Scanned::Collection(*kind, *at..end))
            }
        }
    }
}

impl Scanned {
    /// The value; `bytes` are those that the reader had. What is not there in plain is made in
    /// `scratch`.
    ///
    /// # Errors
    /// It is compressed, and damaged; where.
    pub(super) fn value<'a>(
        &self,
        bytes: &'a [u8],
        scratch: &'a mut Vec<u8>,
    ) -> Result<Value<'a>, (usize, Fault)> {
        let text = match self {
            Self::String(Text::Int(number)) => return Ok(Value::Int((*number).into())),
            Self::String(text) => text.bytes(bytes, scratch)?,
            Self::Collection(kind, range) => {
                let body = bytes.get(range.clone()).unwrap_or_default();
                return Ok(Value::Collection(Collection::new(*kind, body)));
            }
        };
        let number = if text.len() <= MAX_I64_LEN { parse_i64_strict(text) } else { None };
        Ok(number.map_or(Value::Bytes(text), Value::Int))
    }
}

impl<'a> Value<'a> {
    /// The type that it is written as.
    #[must_use]
    pub const fn object_type(&self) -> ObjectType {
        match self {
            Self::Int(_) | Self::Bytes(_) => ObjectType::String,
            Self::Collection(collection) => collection.kind(),
        }
    }

    /// Appends it without its type.
    pub(super) fn write(&self, strings: &mut StringWriter, out: &mut Vec<u8>) {
        match self {
            Self::Int(number) => strings.write_int(*number, out),
            Self::Bytes(bytes) => strings.write(bytes, out),
            Self::Collection(collection) => out.extend_from_slice(collection.body()),
        }
    }

    /// Appends its type and then all of it, which needs no file to be read again.
    pub fn encode(&self, strings: &mut StringWriter, out: &mut Vec<u8>) {
        out.push(self.object_type().code());
        self.write(strings, out);
    }

    /// Reads the value that `bytes` are, from the type to the end. What is not there in plain is
    /// made in `scratch`.
    ///
    /// # Errors
    /// They are no value, or one with a string of more than `max_string` bytes, or one of a type
    /// that there is none of here.
    pub fn decode(
        bytes: &'a [u8],
        max_string: usize,
        scratch: &'a mut Vec<u8>,
    ) -> Result<Self, Error> {
        let (value, end) = Self::decode_first(bytes, max_string, scratch)?;
        match bytes.len() - end {
            0 => Ok(value),
            more => Err(Error { offset: end as u64, fault: Fault::Trailing(more as u64) }),
        }
    }

    /// Reads the value that `bytes` begin with, and returns it with where it ends: as
    /// [`Value::decode`], but whatever may follow is left alone.
    ///
    /// # Errors
    /// They begin with no value, or with one of those that [`Value::decode`] refuses.
    pub fn decode_first(
        bytes: &'a [u8],
        max_string: usize,
        scratch: &'a mut Vec<u8>,
    ) -> Result<(Self, usize), Error> {
        let wrong = |(at, fault): (usize, Fault)| Error { offset: at as u64, fault };
        let mut reader = Reader::new(bytes, max_string);
        let scanned = Self::scan_all(&mut reader).map_err(|stop| match stop {
            Stop::Needs(count) => {
                wrong((bytes.len(), Fault::Truncated(count.saturating_sub(bytes.len()) as u64)))
            }
            Stop::Wrong(at, fault) => wrong((at, fault)),
        })?;
        let end = reader.at();
        let value = bytes.get(..end).unwrap_or_default();
        scanned.value(value, scratch).map(|value| (value, end)).map_err(wrong)
    }

    fn scan_all(reader: &mut Reader<'_>) -> Result<Scanned, Stop> {
        let code = reader.byte()?;
        let kind = ObjectType::from_code(code).ok_or(Stop::Wrong(0, Fault::Opcode(code)))?;
        let unsupported = Fault::Unsupported { key: None, kind };
        Way::begin(kind, reader.at()).ok_or(Stop::Wrong(0, unsupported))?.run(reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: Value<'_>, expected: &[u8]) {
        let mut out = Vec::new();
        value.encode(&mut StringWriter::new(true), &mut out);
        assert_eq!(out, expected);
        assert_eq!(Value::decode(&out, 1 << 20, &mut Vec::new()), Ok(value));
        for cut in 0..out.len() {
            let error = Value::decode(&out[..cut], 1 << 20, &mut Vec::new()).unwrap_err();
            assert!(matches!(error.fault, Fault::Truncated(_)), "{error}");
            assert_eq!(error.offset, cut as u64);
        }
    }

    #[test]
    fn a_value_needs_no_file() {
        check(Value::Int(-5), &[0, 0xc0, 0xfb]);
        check(Value::Int(1 << 40), b"\0\x0d1099511627776");
        check(Value::Bytes(b""), &[0, 0]);
        check(Value::Bytes(b"-0"), b"\0\x02-0");
        check(Value::Bytes(&[0; 30]), &[0, 0xc3, 5, 30, 0, 0, 0xe0, 20, 0]);
    }

    #[track_caller]
    fn check_refused(bytes: &[u8], expected: &str) {
        let error = Value::decode(bytes, 100, &mut Vec::new()).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn other_bytes_are_no_value() {
        check_refused(b"", "byte 0: the end, where 1 bytes more are needed at least");
        check_refused(b"\0\x01ab", "byte 3: 1 bytes more, where a value ends");
        check_refused(b"\x08", "byte 0: 8 is no opcode and no type of RDB version 10");
        check_refused(b"\0\xc4", "byte 1: a string in encoding 4, of which 0 to 3 are known");
        check_refused(b"\0\x40\x65", "byte 1: a string of 101 bytes, of at most 100");
        let text = "byte 0: a value of type 7 (module-value), which is not supported";
        check_refused(b"\x07\x01", text);
        let text = "byte 4: compressed bytes refer to 1 bytes before, where 0 are";
        check_refused(b"\0\xc3\x02\x03\x20\x00", text);
    }

    #[test]
    fn types_have_numbers_and_names() {
        for (kind, name) in ObjectType::NAMES {
            assert_eq!(ObjectType::from_code(kind.code()), Some(kind));
            assert_eq!(kind.to_string(), name);
        }
        for code in [8, 20, 127, 245, 255] {
            assert_eq!(ObjectType::from_code(code), None);
        }
    }
}
