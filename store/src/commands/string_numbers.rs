//! Arithmetic on strings: INCR, DECR, INCRBY, DECRBY and INCRBYFLOAT. A key's deadline stays.

use shardwright_codec::number::parse_i64_strict;
use shardwright_codec::resp::{Args, ReplyWriter};

use super::string_value::{integer_of, plain_string};
use crate::command::Outcome;
use crate::context::{Ttl, WriteCx};
use crate::effect::Event;
use crate::error::CommandError;
use crate::float::Extended;
use crate::value::{NewValue, ValueRef};

const DECREMENT_OVERFLOW: CommandError = CommandError::Text("ERR decrement would overflow");
pub(super) const NOT_FINITE: CommandError =
    CommandError::Text("ERR increment would produce NaN or Infinity");

pub(super) fn incr(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    add(cx, args.at(1), 1, reply)
}

pub(super) fn decr(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    add(cx, args.at(1), -1, reply)
}

pub(super) fn incrby(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    let by = parse_i64_strict(args.at(2)).ok_or(CommandError::NotInteger)?;
    add(cx, args.at(1), by, reply)
}

pub(super) fn decrby(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    let by = parse_i64_strict(args.at(2)).ok_or(CommandError::NotInteger)?;
    add(cx, args.at(1), by.checked_neg().ok_or(DECREMENT_OVERFLOW)?, reply)
}

/// Adds to the integer at `key`, which is 0 if the key is absent.
#[inline]
fn add(cx: &mut WriteCx<'_, '_>, key: &[u8], by: i64, reply: &mut ReplyWriter<'_>) -> Outcome {
    let key = cx.key(key);
    let old = key.string()?.map_or(Ok(0), integer_of)?;
    let new = old.checked_add(by).ok_or(CommandError::Overflow)?;
    key.put(NewValue::Int(new), Ttl::Keep, Event::string("incrby"));
    reply.int(new);
    Ok(())
}

/// The result is stored as text, also if it is an integer.
pub(super) fn incrbyfloat(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    let key = cx.key(args.at(1));
    let old = key.string()?.map_or(Ok(Extended::from(0)), float_of)?;
    let by = Extended::parse(args.at(2)).ok_or(CommandError::NotFloat)?;
    let new = old + by;
    if !new.is_finite() {
        return Err(NOT_FINITE);
    }
    let text = new.to_human();
    reply.bulk(text.as_bytes());
    key.put(plain_string(text.as_bytes()), Ttl::Keep, Event::string("incrbyfloat"));
    Ok(())
}

fn float_of(value: ValueRef<'_>) -> Result<Extended, CommandError> {
    match value {
        ValueRef::Int(n) => Ok(Extended::from(n)),
        ValueRef::Bytes { bytes, .. } => Extended::parse(bytes).ok_or(CommandError::NotFloat),
        ValueRef::Packed(_) | ValueRef::Object(_) => Err(CommandError::WrongType),
    }
}
