//! Strings as values: how the bytes of a client are stored, and how a stored string is read as
//! bytes, as an integer, or as a reply. Shared by the string commands; it changes nothing itself.

use std::io::Write;
use std::ops::Deref;

use shardwright_codec::number::{MAX_I64_LEN, parse_i64_strict};
use shardwright_codec::resp::ReplyWriter;

use crate::error::CommandError;
use crate::value::{NewValue, ValueRef};

/// Longest string in bytes that OBJECT ENCODING calls `embstr`, as in Redis.
const EMBSTR_MAX: usize = 44;

/// A client's bytes as Redis would encode them: an integer if they are the decimal form of one,
/// otherwise `embstr` or, if long, `raw`.
#[inline]
pub fn new_string(bytes: &[u8]) -> NewValue<'_> {
    if bytes.len() <= MAX_I64_LEN
        && let Some(n) = parse_i64_strict(bytes)
    {
        return NewValue::Int(n);
    }
    plain_string(bytes)
}

/// Bytes that stay bytes even if they are the decimal form of an integer.
#[inline]
pub fn plain_string(bytes: &[u8]) -> NewValue<'_> {
    NewValue::Bytes { bytes, raw: bytes.len() > EMBSTR_MAX }
}

/// Writes a string value as a bulk reply; a value that is no string as null.
#[inline]
pub fn write_string(value: ValueRef<'_>, reply: &mut ReplyWriter<'_>) {
    match value {
        ValueRef::Int(n) => reply.bulk_int(n),
        ValueRef::Bytes { bytes, .. } => reply.bulk(bytes),
        ValueRef::Packed(_) | ValueRef::Object(_) => reply.null(),
    }
}

/// The integer that a string is the decimal form of.
///
/// # Errors
/// It is not the decimal form of a 64-bit signed integer, or no string.
#[inline]
pub fn integer_of(value: ValueRef<'_>) -> Result<i64, CommandError> {
    match value {
        ValueRef::Int(n) => Ok(n),
        ValueRef::Bytes { bytes, .. } => parse_i64_strict(bytes).ok_or(CommandError::NotInteger),
        ValueRef::Packed(_) | ValueRef::Object(_) => Err(CommandError::WrongType),
    }
}

/// The bytes of a stored string: borrowed, or the digits of an integer.
pub enum Text<'a> {
    /// As they are stored.
    Bytes(&'a [u8]),
    /// Made for reading: the digits, and how many there are.
    Digits([u8; MAX_I64_LEN], usize),
}

impl<'a> Text<'a> {
    /// The bytes of `value`; none if there is no string.
    pub fn of(value: Option<ValueRef<'a>>) -> Self {
        match value {
            Some(ValueRef::Int(n)) => Self::digits(n),
            Some(ValueRef::Bytes { bytes, .. }) => Self::Bytes(bytes),
            Some(ValueRef::Packed(_) | ValueRef::Object(_)) | None => Self::Bytes(b""),
        }
    }

    fn digits(n: i64) -> Self {
        let mut text = [0; MAX_I64_LEN];
        let mut rest = &mut text[..];
        // There is room for every integer, so writing cannot fail.
        let length = write!(rest, "{n}").map_or(0, |()| MAX_I64_LEN - rest.len());
        Self::Digits(text, length)
    }
}

impl Deref for Text<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Digits(text, length) => text.get(..*length).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoding(text: &str) -> &'static str {
        match new_string(text.as_bytes()) {
            NewValue::Int(_) => "int",
            NewValue::Bytes { raw: false, .. } => "embstr",
            NewValue::Bytes { raw: true, .. } => "raw",
            NewValue::Packed(_) | NewValue::Object(_) => "object",
        }
    }

    #[test]
    fn only_the_decimal_form_of_an_integer_is_stored_as_one() {
        for text in ["0", "-1", "9223372036854775807", "-9223372036854775808"] {
            assert_eq!(encoding(text), "int", "{text}");
        }
        for text in ["", "00", "-0", "+1", " 1", "1 ", "9223372036854775808", "1.0"] {
            assert_eq!(encoding(text), "embstr", "{text}");
        }
    }

    #[test]
    fn strings_over_44_bytes_are_raw() {
        assert_eq!(encoding(&"x".repeat(44)), "embstr");
        assert_eq!(encoding(&"x".repeat(45)), "raw");
    }

    #[test]
    fn an_integer_reads_as_its_digits() {
        for n in [0, -7, i64::MAX, i64::MIN] {
            assert_eq!(&*Text::of(Some(ValueRef::Int(n))), n.to_string().as_bytes());
        }
        assert_eq!(&*Text::of(None), b"");
    }
}
