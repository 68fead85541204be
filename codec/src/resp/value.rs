//! Replies as values: what clients, tests and benchmarks read.
//!
//! [`parse_reply`] reads one reply from bytes that are all there; [`ReplyScanner`] finds out, over
//! any number of reads and in linear time, when they are. Both versions of the protocol are read
//! alike, since each reply names its type.

use combine::StreamOnce;
use combine::stream::RangeStreamOnce;

use crate::number::parse_i64_strict;

use super::{Protocol, ReplyWriter};

/// How deep aggregates may lie in each other; Redis itself nests its replies less than ten deep.
pub const MAX_DEPTH: usize = 128;

/// The longest line, in bytes: a status, an error or a number. Longer texts are bulk strings.
pub const MAX_LINE_LEN: usize = 64 * 1024;

/// Elements for which memory is reserved on the strength of a header alone.
const RESERVED_ELEMENTS: usize = 1024;

/// One reply.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    /// A status such as `OK`.
    Simple(Vec<u8>),
    /// An error, its code first, without `-`.
    Error(Vec<u8>),
    /// An integer.
    Int(i64),
    /// A string.
    Bulk(Vec<u8>),
    /// No value: `$-1` in RESP2, `_` in RESP3.
    Null,
    /// No array: `*-1`, in RESP2 only.
    NullArray,
    /// A list of replies.
    Array(Vec<Value>),
    /// Keys and their values, in the order of arrival.
    Map(Vec<(Value, Value)>),
    /// Distinct replies without an order that matters, in the order of arrival.
    Set(Vec<Value>),
    /// A message that answers no command.
    Push(Vec<Value>),
    /// A floating point number.
    Double(f64),
    /// A truth value.
    Bool(bool),
    /// A text with the name of its format (`txt`, `mkd`).
    Verbatim {
        /// The format.
        ext: [u8; 3],
        /// The text itself.
        text: Vec<u8>,
    },
    /// An integer of any size, in decimal.
    BigNumber(Vec<u8>),
    /// A reply with attributes, which say more about it.
    Attribute {
        /// The attributes.
        pairs: Vec<(Value, Value)>,
        /// The reply.
        value: Box<Value>,
    },
}

/// Bytes that are no reply.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ReplyError {
    /// The first byte of a reply names no type.
    #[error("unknown reply type byte 0x{0:02x}")]
    UnknownType(u8),
    /// A length or a number that is none, or is out of range.
    #[error("bad number in a reply of type '{}'", char::from(*.0))]
    BadNumber(u8),
    /// A line that does not end in CRLF, a line longer than [`MAX_LINE_LEN`], or a string that is
    /// not followed by CRLF.
    #[error("missing end of line in a reply of type '{}'", char::from(*.0))]
    MissingLineEnd(u8),
    /// Aggregates nested deeper than [`MAX_DEPTH`].
    #[error("replies nested too deeply")]
    TooDeep,
}

/// Why reading stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stop {
    /// The bytes ended first.
    Incomplete,
    Bad(ReplyError),
}

impl From<ReplyError> for Stop {
    fn from(error: ReplyError) -> Self {
        Self::Bad(error)
    }
}

/// Reads the reply at the front of `bytes` and returns it with its length in bytes, or `None` while
/// it is incomplete.
///
/// # Errors
///
/// The bytes are no reply; the connection cannot be used further.
pub fn parse_reply(bytes: &[u8]) -> Result<Option<(Value, usize)>, ReplyError> {
    let mut input = bytes;
    match value(&mut input, MAX_DEPTH) {
        Ok(value) => Ok(Some((value, bytes.len() - input.len()))),
        Err(Stop::Incomplete) => Ok(None),
        Err(Stop::Bad(error)) => Err(error),
    }
}

fn value(input: &mut &[u8], depth: usize) -> Result<Value, Stop> {
    let deeper = depth.checked_sub(1).ok_or(ReplyError::TooDeep)?;
    let (kind, line) = head(input)?;
    Ok(match Head::of(kind, line)? {
        Head::Line => line_value(kind, line)?,
        Head::Null if kind == b'$' => Value::Null,
        Head::Null => Value::NullArray,
        Head::Payload(len) => payload_value(kind, payload(input, kind, len)?)?,
        Head::Elements(len) => {
            let elements = list(input, len, |input| value(input, deeper))?;
            match kind {
                b'~' => Value::Set(elements),
                b'>' => Value::Push(elements),
                _ => Value::Array(elements),
            }
        }
        Head::Pairs(len) => {
            let pair = |input: &mut &[u8]| Ok((value(input, deeper)?, value(input, deeper)?));
            let pairs = list(input, len, pair)?;
            match kind {
                b'|' => Value::Attribute { pairs, value: Box::new(value(input, deeper)?) },
                _ => Value::Map(pairs),
            }
        }
    })
}

fn list<T>(
    input: &mut &[u8],
    len: usize,
    mut element: impl FnMut(&mut &[u8]) -> Result<T, Stop>,
) -> Result<Vec<T>, Stop> {
    let mut elements = Vec::with_capacity(len.min(RESERVED_ELEMENTS));
    for _ in 0..len {
        elements.push(element(input)?);
    }
    Ok(elements)
}

/// The type byte of a reply and the rest of its first line.
fn head<'a>(input: &mut &'a [u8]) -> Result<(u8, &'a [u8]), Stop> {
    let kind = input.uncons().map_err(|_| Stop::Incomplete)?;
    if !b"+-:$*_,#(=!%~>|".contains(&kind) {
        return Err(ReplyError::UnknownType(kind).into());
    }
    let missing = ReplyError::MissingLineEnd(kind);
    let mut rest = input.get(..=MAX_LINE_LEN).unwrap_or(input);
    let len = rest.uncons_while(|byte| byte != b'\r').map_or(0, <[u8]>::len);
    if rest.is_empty() && input.len() > MAX_LINE_LEN {
        return Err(missing.into());
    }
    let line = input.uncons_range(len).map_err(|_| Stop::Incomplete)?;
    line_end(input, missing)?;
    Ok((kind, line))
}

fn payload<'a>(input: &mut &'a [u8], kind: u8, len: usize) -> Result<&'a [u8], Stop> {
    let payload = input.uncons_range(len).map_err(|_| Stop::Incomplete)?;
    line_end(input, ReplyError::MissingLineEnd(kind))?;
    Ok(payload)
}

fn line_end(input: &mut &[u8], missing: ReplyError) -> Result<(), Stop> {
    for expected in *b"\r\n" {
        match input.uncons() {
            Ok(byte) if byte == expected => {}
            Ok(_) => return Err(missing.into()),
            Err(_) => return Err(Stop::Incomplete),
        }
    }
    Ok(())
}

/// What a first line says about what follows it.
enum Head {
    /// The line is the reply.
    Line,
    /// There is no value.
    Null,
    /// So many bytes and CRLF.
    Payload(usize),
    /// So many replies.
    Elements(usize),
    /// So many pairs of replies; behind those of `|` one reply more.
    Pairs(usize),
}

impl Head {
    fn of(kind: u8, line: &[u8]) -> Result<Self, ReplyError> {
        if !b"$*=!%~>|".contains(&kind) {
            return Ok(Self::Line);
        }
        let number = parse_i64_strict(line).ok_or(ReplyError::BadNumber(kind))?;
        match (kind, usize::try_from(number)) {
            (b'$' | b'=' | b'!', Ok(len)) => Ok(Self::Payload(len)),
            (b'%' | b'|', Ok(len)) => Ok(Self::Pairs(len)),
            (_, Ok(len)) => Ok(Self::Elements(len)),
            (b'$' | b'*', Err(_)) if number == -1 => Ok(Self::Null),
            _ => Err(ReplyError::BadNumber(kind)),
        }
    }
}

fn line_value(kind: u8, line: &[u8]) -> Result<Value, ReplyError> {
    let bad = ReplyError::BadNumber(kind);
    Ok(match (kind, line) {
        (b'+', _) => Value::Simple(line.to_vec()),
        (b'-', _) => Value::Error(line.to_vec()),
        (b':', _) => Value::Int(parse_i64_strict(line).ok_or(bad)?),
        (b'_', b"") => Value::Null,
        (b'#', b"t") => Value::Bool(true),
        (b'#', b"f") => Value::Bool(false),
        (b',', _) => {
            let text = std::str::from_utf8(line).map_err(|_| bad)?;
            Value::Double(text.parse().map_err(|_| bad)?)
        }
        (b'(', [b'-', digits @ ..] | digits)
            if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) =>
        {
            Value::BigNumber(line.to_vec())
        }
        _ => return Err(bad),
    })
}

fn payload_value(kind: u8, payload: &[u8]) -> Result<Value, ReplyError> {
    Ok(match (kind, payload) {
        (b'!', _) => Value::Error(payload.to_vec()),
        (b'=', &[a, b, c, b':', ref text @ ..]) => {
            Value::Verbatim { ext: [a, b, c], text: text.to_vec() }
        }
        (b'=', _) => return Err(ReplyError::BadNumber(kind)),
        _ => Value::Bulk(payload.to_vec()),
    })
}

/// Finds the end of the reply at the front of a growing buffer. However many reads the reply takes,
/// each goes on where the one before came upon an incomplete line or string.
#[derive(Clone, Copy, Default, Debug)]
pub struct ReplyScanner {
    /// Where to go on.
    position: usize,
    /// Replies that are missing, besides the one that every scan is for.
    missing: u64,
}

impl ReplyScanner {
    /// A scanner at the start of a reply.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The length of the reply that starts at `bytes[0]`, or `None` while it is incomplete: then
    /// the same bytes and more are to be given again. After a length the scanner is ready for the
    /// next reply.
    ///
    /// # Errors
    ///
    /// The bytes are no reply. Nesting and the texts of numbers are not looked at here.
    pub fn scan(&mut self, bytes: &[u8]) -> Result<Option<usize>, ReplyError> {
        loop {
            let mut input = bytes.get(self.position..).unwrap_or_default();
            let more = match skip(&mut input) {
                Ok(more) => more,
                Err(Stop::Incomplete) => return Ok(None),
                Err(Stop::Bad(error)) => return Err(error),
            };
            self.position = bytes.len() - input.len();
            self.missing = self.missing.saturating_add(more);
            match self.missing.checked_sub(1) {
                Some(missing) => self.missing = missing,
                None => {
                    let len = self.position;
                    *self = Self::default();
                    return Ok(Some(len));
                }
            }
        }
    }
}

/// Passes over one reply, or only the header of an aggregate; returns how many replies follow that
/// belong to it.
fn skip(input: &mut &[u8]) -> Result<u64, Stop> {
    let (kind, line) = head(input)?;
    match Head::of(kind, line)? {
        Head::Line | Head::Null => Ok(0),
        Head::Payload(len) => payload(input, kind, len).map(|_| 0),
        Head::Elements(len) => Ok(len as u64),
        Head::Pairs(len) => {
            Ok((len as u64).saturating_mul(2).saturating_add(u64::from(kind == b'|')))
        }
    }
}

impl Value {
    /// Writes the value in the writer's version of the protocol. Types that RESP2 does not have
    /// become what Redis sends instead; attributes are left out there.
    pub fn write_to(&self, reply: &mut ReplyWriter<'_>) {
        match self {
            Self::Simple(text) => reply.one_line(b'+', text),
            Self::Error(text) => reply.error(text),
            Self::Int(n) => reply.int(*n),
            Self::Bulk(data) => reply.bulk(data),
            Self::Null => reply.null(),
            Self::NullArray => reply.null_array(),
            Self::Array(elements) => {
                reply.array(elements.len());
                write_all(elements, reply);
            }
            Self::Set(elements) => {
                reply.set(elements.len());
                write_all(elements, reply);
            }
            Self::Push(elements) => {
                reply.push(elements.len());
                write_all(elements, reply);
            }
            Self::Map(pairs) => {
                reply.map(pairs.len());
                write_pairs(pairs, reply);
            }
            Self::Double(number) => reply.double(*number),
            Self::Bool(value) => reply.bool(*value),
            Self::Verbatim { ext, text } => reply.verbatim_bytes(*ext, text),
            Self::BigNumber(digits) => match reply.protocol() {
                Protocol::Resp2 => reply.bulk(digits),
                Protocol::Resp3 => reply.one_line(b'(', digits),
            },
            Self::Attribute { pairs, value } => {
                if reply.attribute(pairs.len()) {
                    write_pairs(pairs, reply);
                }
                value.write_to(reply);
            }
        }
    }
}

fn write_all(values: &[Value], reply: &mut ReplyWriter<'_>) {
    values.iter().for_each(|value| value.write_to(reply));
}

fn write_pairs(pairs: &[(Value, Value)], reply: &mut ReplyWriter<'_>) {
    for (key, value) in pairs {
        key.write_to(reply);
        value.write_to(reply);
    }
}
