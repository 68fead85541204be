//! What stream commands share: IDs as clients write them, and IDs and entries in replies.

use shardwright_codec::number::parse_i64_strict;
use shardwright_codec::resp::ReplyWriter;

use super::write_element;
use crate::data::stream::{Entry, MAX_ID_LEN, StreamId};
use crate::error::CommandError;

const INVALID: CommandError =
    CommandError::Text("ERR Invalid stream ID specified as stream command argument");

/// Longest text that is looked at as an ID.
const MAX_TEXT: usize = 127;

/// An ID for an entry to be added, as far as a client gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// `*`: by the clock.
    Auto,
    /// `ms-*`: the next of this millisecond.
    Within(u64),
    /// The whole ID.
    Exact(StreamId),
}

/// The number that this text is: as strict as for any integer, or, where that fails, as the C library
/// reads one, with blanks, a sign and zeros before it.
fn number(text: &[u8]) -> Option<u64> {
    if let Some(number) = parse_i64_strict(text) {
        return u64::try_from(number).ok();
    }
    let blanks = text.iter().take_while(|byte| matches!(byte, b' ' | 9..=13)).count();
    let text = text.get(blanks..)?;
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| u64::from(byte - b'0'));
    let number = digits
        .iter()
        .try_fold(0u64, |number, byte| number.checked_mul(10)?.checked_add(digit(byte)?))?;
    let number = if negative { number.wrapping_neg() } else { number };
    (!digits.is_empty()).then_some(number)
}

/// The text as a string of C: to the first zero byte.
fn c_text(text: &[u8]) -> Result<&[u8], CommandError> {
    if text.len() > MAX_TEXT {
        return Err(INVALID);
    }
    Ok(text.split(|byte| *byte == 0).next().unwrap_or_default())
}

fn parts(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    match text.iter().position(|byte| *byte == b'-') {
        Some(at) => (text.get(..at).unwrap_or_default(), text.get(at + 1..)),
        None => (text, None),
    }
}

/// The ID that this text is, neither `-` nor `+`; a second number that is missing is `missing`.
///
/// # Errors
/// It is none.
pub(super) fn exact(text: &[u8], missing: u64) -> Result<StreamId, CommandError> {
    let (ms, seq) = parts(c_text(text)?);
    let seq = seq.map_or(Some(missing), number);
    number(ms).and_then(|ms| Some(StreamId::new(ms, seq?))).ok_or(INVALID)
}

/// The ID that this text is, also the smallest (`-`) or the greatest (`+`).
///
/// # Errors
/// It is none.
pub(super) fn any(text: &[u8], missing: u64) -> Result<StreamId, CommandError> {
    match c_text(text)? {
        b"-" => Ok(StreamId::MIN),
        b"+" => Ok(StreamId::MAX),
        text => exact(text, missing),
    }
}

/// The ID that this text asks for, other than by `*`.
///
/// # Errors
/// It asks for none.
pub(super) fn wanted(text: &[u8]) -> Result<Wanted, CommandError> {
    match parts(c_text(text)?) {
        (ms, Some(b"*")) => number(ms).map(Wanted::Within).ok_or(INVALID),
        _ => exact(text, 0).map(Wanted::Exact),
    }
}

/// The first ID of an interval; `(` before it leaves it out.
///
/// # Errors
/// It is none, or leaves nothing.
pub(super) fn interval_start(text: &[u8]) -> Result<StreamId, CommandError> {
    match text {
        [b'(', id @ ..] if !id.is_empty() => {
            exact(id, 0)?.next().ok_or(CommandError::Text("ERR invalid start ID for the interval"))
        }
        _ => any(text, 0),
    }
}

/// The last ID of an interval; `(` before it leaves it out.
///
/// # Errors
/// It is none, or leaves nothing.
pub(super) fn interval_end(text: &[u8]) -> Result<StreamId, CommandError> {
    match text {
        [b'(', id @ ..] if !id.is_empty() => exact(id, u64::MAX)?
            .previous()
            .ok_or(CommandError::Text("ERR invalid end ID for the interval")),
        _ => any(text, u64::MAX),
    }
}

/// An integer that has an error text of its own.
pub(super) fn integer(text: &[u8], otherwise: &'static str) -> Result<i64, CommandError> {
    parse_i64_strict(text).ok_or(CommandError::Text(otherwise))
}

/// Most entries that a command gives: everything for 0.
pub(super) fn at_most(count: u64) -> usize {
    if count == 0 { usize::MAX } else { usize::try_from(count).unwrap_or(usize::MAX) }
}

/// An error text with two of the client's words in it, each up to its first zero byte.
pub(super) fn quoting(parts: [&str; 3], words: [&[u8]; 2]) -> CommandError {
    let [first, second] = words.map(|word| word.split(|byte| *byte == 0).next().unwrap_or(&[]));
    let [before, between, behind] = parts.map(str::as_bytes);
    CommandError::Quoting([before, first, between, second, behind].concat())
}

/// There is no such key, or it has no such group.
pub(super) fn no_group(key: &[u8], group: &[u8]) -> CommandError {
    quoting(["NOGROUP No such key '", "' or consumer group '", "'"], [key, group])
}

/// The key has no such group.
pub(super) fn no_group_of_key(key: &[u8], group: &[u8]) -> CommandError {
    quoting(["NOGROUP No such consumer group '", "' for key name '", "'"], [group, key])
}

/// Writes what `body` writes, behind the header of an array of as many replies as it says.
pub(super) fn write_counted(
    reply: &mut ReplyWriter<'_>,
    body: impl FnOnce(&mut ReplyWriter<'_>) -> usize,
) {
    let begin = reply.out.len();
    let count = body(reply);
    move_to_front(reply, begin, |reply| reply.array(count));
}

/// Writes something at an earlier place of the reply.
pub(super) fn move_to_front(
    reply: &mut ReplyWriter<'_>,
    begin: usize,
    write: impl FnOnce(&mut ReplyWriter<'_>),
) {
    let end = reply.out.len();
    write(reply);
    let added = reply.out.len() - end;
    if let Some(written) = reply.out.get_mut(begin..) {
        written.rotate_right(added);
    }
}

/// Writes an ID.
pub(super) fn write_id(id: StreamId, reply: &mut ReplyWriter<'_>) {
    reply.bulk(id.text(b'-', &mut [0; MAX_ID_LEN]));
}

/// Writes an entry: its ID, and its fields and values.
pub(super) fn write_entry(entry: Entry<'_>, reply: &mut ReplyWriter<'_>) {
    reply.array(2);
    write_id(entry.id, reply);
    reply.array(entry.pairs.len() * 2);
    for (field, value) in entry.pairs.iter() {
        write_element(field, reply);
        write_element(value, reply);
    }
}

/// Writes entries as an array.
pub(super) fn write_entries<'a>(
    entries: impl Iterator<Item = Entry<'a>>,
    reply: &mut ReplyWriter<'_>,
) {
    write_counted(reply, |reply| entries.map(|entry| write_entry(entry, reply)).count());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_redis_reads_them() {
        for (text, ms, seq) in [
            ("5", 5, 7),
            ("5-3", 5, 3),
            ("18446744073709551615-18446744073709551615", u64::MAX, u64::MAX),
            (" 5-+03", 5, 3),
            ("5--03", 5, 3u64.wrapping_neg()),
            ("5\0abc", 5, 7),
        ] {
            assert_eq!(exact(text.as_bytes(), 7), Ok(StreamId::new(ms, seq)), "{text:?}");
        }
        let long = "0".repeat(128);
        for text in ["", "-", "+", "5-", "-5", "5-3-1", "a", "5-*", "18446744073709551616", &long] {
            assert_eq!(exact(text.as_bytes(), 7), Err(INVALID), "{text:?}");
        }
        assert_eq!(any(b"-", 0), Ok(StreamId::MIN));
        assert_eq!(any(b"+", 0), Ok(StreamId::MAX));
        assert_eq!(wanted(b"5-*"), Ok(Wanted::Within(5)));
        assert_eq!(wanted(b"5-1"), Ok(Wanted::Exact(StreamId::new(5, 1))));
        assert_eq!(interval_start(b"(5-1"), Ok(StreamId::new(5, 2)));
        assert_eq!(interval_end(b"(5"), Ok(StreamId::new(5, u64::MAX - 1)));
        assert!(interval_end(b"(0-0").is_err() && interval_start(b"(").is_err());
        assert!(interval_start(b"(-").is_err());
    }
}
