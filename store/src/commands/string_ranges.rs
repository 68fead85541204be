//! Parts of strings: APPEND, STRLEN, GETRANGE (also as SUBSTR) and SETRANGE.
//!
//! A short string that changes is written anew and stays in its entry; a longer one is changed in
//! place, and its effect has only the bytes that changed.

use shardwright_codec::number::parse_i64_strict;
use shardwright_codec::resp::{Args, ReplyWriter};

use super::string_value::{Text, new_string};
use crate::command::Outcome;
use crate::context::{KeyMut, ReadCx, Ttl, WriteCx};
use crate::effect::Event;
use crate::error::CommandError;
use crate::value::NewValue;

/// Longest result in bytes that is written anew: copying so much costs less than the allocations
/// of a string that can grow in place.
const REWRITE_MAX: usize = 128;

const OFFSET_OUT_OF_RANGE: CommandError = CommandError::Text("ERR offset is out of range");

pub(super) fn append(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    const APPEND: Event = Event::string("append");
    let max = cx.frame.limits.max_string;
    let tail = args.at(2);
    let key = cx.key(args.at(1));
    let length = Text::of(key.string()?).len();
    let total = if key.exists() {
        check_length(length, tail, max)?;
        overwrite(key, length, tail, APPEND)
    } else {
        key.put(new_string(tail), Ttl::Clear, APPEND);
        tail.len()
    };
    reply.int(total as i64);
    Ok(())
}

pub(super) fn setrange(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    let offset = parse_i64_strict(args.at(2)).ok_or(CommandError::NotInteger)?;
    let offset = usize::try_from(offset).map_err(|_| OFFSET_OUT_OF_RANGE)?;
    let max = cx.frame.limits.max_string;
    let bytes = args.at(3);
    let key = cx.key(args.at(1));
    let length = Text::of(key.string()?).len();
    let total = if bytes.is_empty() {
        length
    } else {
        check_length(offset, bytes, max)?;
        overwrite(key, offset, bytes, Event::string("setrange"))
    };
    reply.int(total as i64);
    Ok(())
}

/// Whether `bytes` may stand behind `length` bytes: no string is longer than `max`.
fn check_length(length: usize, bytes: &[u8], max: usize) -> Outcome {
    match length.checked_add(bytes.len()) {
        Some(total) if total <= max => Ok(()),
        _ => Err(CommandError::StringTooLong),
    }
}

/// Overwrites bytes of the string at `key` from `offset` on, filling a gap with zeros, and returns
/// its length. The string is `raw` from then on. The sum of `offset` and length was checked.
pub(super) fn overwrite(
    key: KeyMut<'_, '_, '_>,
    offset: usize,
    bytes: &[u8],
    event: Event,
) -> usize {
    let end = offset + bytes.len();
    let old = Text::of(key.string().ok().flatten());
    let total = old.len().max(end);
    if total <= REWRITE_MAX {
        let mut new = [0; REWRITE_MAX];
        new[..old.len()].copy_from_slice(&old);
        new[offset..end].copy_from_slice(bytes);
        key.put(NewValue::Bytes { bytes: &new[..total], raw: true }, Ttl::Keep, event);
    } else if bytes.len() == total {
        key.put(NewValue::Bytes { bytes, raw: true }, Ttl::Keep, event);
    } else {
        key.splice(offset, bytes, event);
    }
    total
}

pub(super) fn strlen(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    reply.int(Text::of(cx.string(args.at(1))?).len() as i64);
    Ok(())
}

pub(super) fn getrange(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let start = parse_i64_strict(args.at(2)).ok_or(CommandError::NotInteger)?;
    let end = parse_i64_strict(args.at(3)).ok_or(CommandError::NotInteger)?;
    let text = Text::of(cx.string(args.at(1))?);
    reply.bulk(range(&text, start, end));
    Ok(())
}

/// The bytes from `start` to `end`, both included, negative ones counted from the end. As in Redis,
/// an end before the first byte means the first byte, unless both are negative and out of order.
fn range(text: &[u8], start: i64, end: i64) -> &[u8] {
    if start < 0 && end < 0 && start > end {
        return b"";
    }
    let length = text.len() as i64;
    let from_start = |at: i64| if at < 0 { (length + at).max(0) } else { at };
    let (start, end) = (from_start(start), from_start(end).min(length - 1));
    if start > end {
        return b"";
    }
    text.get(start as usize..=end as usize).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_include_both_ends_and_count_from_either_side() {
        for (start, end, expected) in [
            (0, 3, "This"),
            (-3, -1, "ing"),
            (0, -1, "This is a string"),
            (10, 100, "string"),
            (5, 3, ""),
            (-1, -3, ""),
            (0, -100, "T"),
            (16, 20, ""),
            (i64::MIN, i64::MAX, "This is a string"),
            (i64::MAX, i64::MIN, ""),
        ] {
            let found = range(b"This is a string", start, end);
            assert_eq!(found, expected.as_bytes(), "{start} to {end}");
        }
        assert_eq!(range(b"", 0, -1), b"");
    }
}
