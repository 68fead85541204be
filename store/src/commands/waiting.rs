//! What commands that may wait for keys share: how they are made, and their time-out.

use shardwright_codec::resp::Args;

use crate::command::{Blocking, Patience, WriteHandler};
use crate::context::{ReadCx, WriteCx};
use crate::data::Collection;
use crate::error::CommandError;
use crate::float::Extended;

/// Reads a time-out in seconds: 0 is for ever, and so is what rounds up to it from below; anything
/// else is rounded up to a millisecond.
///
/// # Errors
/// It is no number, negative, or too large.
pub(super) fn timeout(args: Args<'_>, at: usize) -> Result<Patience, CommandError> {
    let number = Extended::parse(args.at(at))
        .ok_or(CommandError::Text("ERR timeout is not a float or out of range"))?;
    // What does not fit has no sign left in Redis.
    let millis = number.times_thousand_up().and_then(|millis| u64::try_from(millis).ok());
    match millis {
        None => Err(CommandError::Text("ERR timeout is negative")),
        Some(0) => Ok(Patience::Forever),
        Some(millis) => Ok(Patience::Millis(millis)),
    }
}

/// A command that takes something of one of its keys, with its time-out at the end.
pub(super) const fn takes<T: Collection>(run: WriteHandler) -> Blocking {
    Blocking {
        patience: |args| timeout(args, args.len().saturating_sub(1)),
        ready: has::<T>,
        run,
        nothing: |reply| reply.null_array(),
        moves: false,
        reads: false,
        awaits: T::KIND,
        gone: None,
        fix: None,
    }
}

/// Whether a key has a collection of this type.
///
/// # Errors
/// It holds another type.
fn has<T: Collection>(cx: &ReadCx<'_>, _: Args<'_>, key: &[u8]) -> Result<bool, CommandError> {
    cx.peek_collection::<T>(key).map(|collection| collection.is_some())
}

/// The key that a command is run for. The executor runs none without one.
pub(super) fn served<'a>(cx: &WriteCx<'a, '_>) -> &'a [u8] {
    cx.frame.served.map_or(&[], |served| served.key)
}

#[cfg(test)]
mod tests {
    use shardwright_codec::resp::ArgRange;

    use super::*;

    fn read(text: &str) -> Result<Patience, String> {
        let range = [ArgRange { start: 0, len: text.len() as u32 }];
        timeout(Args::new(text.as_bytes(), &range), 0).map_err(|error| error.to_string())
    }

    #[test]
    fn times_are_read_as_redis_reads_them() {
        assert_eq!(read("0"), Ok(Patience::Forever));
        assert_eq!(read("-0"), Ok(Patience::Forever));
        assert_eq!(read("0.1"), Ok(Patience::Millis(100)));
        assert_eq!(read("0.00001"), Ok(Patience::Millis(1)));
        assert_eq!(read("1.0005"), Ok(Patience::Millis(1001)));
        assert_eq!(read("0x10"), Ok(Patience::Millis(16_000)));
        for text in ["-0.001", "-0.0005", "-1e-400", "-0.0010000000000000000000000001", "0e5"] {
            assert_eq!(read(text), Ok(Patience::Forever), "{text}");
        }
        for (text, millis) in [
            ("0x1p-20", 1),
            ("1e-400", 1),
            ("1e-4950", 1),
            ("9223372036854775", 9_223_372_036_854_775_000),
            ("9223372036854775.807", i64::MAX as u64),
            ("9223372036854775.8071", i64::MAX as u64),
        ] {
            assert_eq!(read(text), Ok(Patience::Millis(millis)), "{text}");
        }
        for text in ["abc", "", " 1", "nan", "-nan", "1e-4951", "1e5000", "."] {
            assert_eq!(read(text), Err("ERR timeout is not a float or out of range".into()));
        }
        for text in [
            "-1",
            "-0.0010000000000000000001",
            "-0.0011",
            "inf",
            "-inf",
            "1e300",
            "1e4932",
            "-1e300",
            "9223372036854775.80749",
            "9223372036854775.808",
            "9223372036854776",
            "-9223372036854775.808",
        ] {
            assert_eq!(read(text), Err("ERR timeout is negative".into()), "{text}");
        }
    }
}
