//! What commands that may wait for keys share: how they are made, and their time-out.

use shardwright_codec::resp::Args;

use crate::command::{Blocking, Patience, WriteHandler};
use crate::context::{ReadCx, WriteCx};
use crate::data::Collection;
use crate::error::CommandError;
use crate::float::Extended;

/// Milliseconds that are later than any clock here will show, though they fit in 64 bits.
const TOO_FAR: f64 = 9_223_370_000_000_000_000.0;

/// Reads a time-out in seconds: 0 is for ever, anything else is rounded up to a millisecond.
///
/// # Errors
/// It is no number, negative, or too large.
pub(super) fn timeout(args: Args<'_>, at: usize) -> Result<Patience, CommandError> {
    let text = args.at(at);
    let number = Extended::parse(text).and_then(|number| number.to_human().parse::<f64>().ok());
    let number = number
        .filter(|number| !number.is_nan())
        .ok_or(CommandError::Text("ERR timeout is not a float or out of range"))?;
    let millis = (number * 1000.0).ceil();
    if millis < 0.0 || millis >= i64::MAX as f64 {
        // What does not fit has no sign left in Redis.
        return Err(CommandError::Text("ERR timeout is negative"));
    }
    if millis > TOO_FAR {
        return Err(CommandError::Text("ERR timeout is out of range"));
    }
    Ok(if millis == 0.0 { Patience::Forever } else { Patience::Millis(millis as u64) })
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
        for text in ["abc", "", " 1", "nan"] {
            assert_eq!(read(text), Err("ERR timeout is not a float or out of range".into()));
        }
        for text in ["-1", "inf", "1e300", "9223372036854776"] {
            assert_eq!(read(text), Err("ERR timeout is negative".into()), "{text}");
        }
    }
}
