//! LCS: the longest common subsequence of the strings at two keys, as text, as length, or as ranges.
//! Finding it is the business of [`crate::lcs`].

use shardwright_codec::number::parse_i64_strict;
use shardwright_codec::resp::{Args, ReplyWriter};

use super::string_value::Text;
use crate::command::Outcome;
use crate::context::ReadCx;
use crate::error::CommandError;
use crate::lcs::{self, Lcs, Match};

const NOT_STRINGS: CommandError =
    CommandError::Text("ERR The specified keys must contain string values");
const LENGTH_AND_RANGES: CommandError =
    CommandError::Text("ERR If you want both the length and indexes, please just use IDX.");

/// What may follow the keys.
#[derive(Default)]
struct LcsOptions {
    /// LEN: only the length.
    length: bool,
    /// IDX: ranges and length.
    ranges: bool,
    /// WITHMATCHLEN: each range with its length.
    with_lengths: bool,
    /// MINMATCHLEN: shorter ranges are left out.
    min_match_len: u32,
}

impl LcsOptions {
    fn parse(args: Args<'_>) -> Result<Self, CommandError> {
        let mut options = Self::default();
        let mut rest = args.skip(3).iter();
        while let Some(option) = rest.next() {
            let is = |name: &str| option.eq_ignore_ascii_case(name.as_bytes());
            if is("IDX") {
                options.ranges = true;
            } else if is("LEN") {
                options.length = true;
            } else if is("WITHMATCHLEN") {
                options.with_lengths = true;
            } else if is("MINMATCHLEN") {
                let text = rest.next().ok_or(CommandError::Syntax)?;
                let length = parse_i64_strict(text).ok_or(CommandError::NotInteger)?;
                // No match is as long as the largest number here.
                options.min_match_len = u32::try_from(length.max(0)).unwrap_or(u32::MAX);
            } else {
                return Err(CommandError::Syntax);
            }
        }
        if options.length && options.ranges {
            return Err(LENGTH_AND_RANGES);
        }
        Ok(options)
    }
}

pub(super) fn lcs(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let (a, b) = (cx.string(args.at(1)), cx.string(args.at(2)));
    let (Ok(a), Ok(b)) = (a, b) else {
        return Err(NOT_STRINGS);
    };
    let options = LcsOptions::parse(args)?;
    let (a, b) = (Text::of(a), Text::of(b));
    let found = lcs::lcs(&a, &b, options.min_match_len, cx.frame.limits.max_string)?;
    if options.ranges {
        write_ranges(&found, options.with_lengths, reply);
    } else if options.length {
        reply.int(i64::from(found.length));
    } else {
        reply.bulk(&found.sequence);
    }
    Ok(())
}

fn write_ranges(found: &Lcs, with_lengths: bool, reply: &mut ReplyWriter<'_>) {
    reply.map(2);
    reply.bulk(b"matches");
    reply.array(found.matches.len());
    for Match { a, b, len } in &found.matches {
        reply.array(if with_lengths { 3 } else { 2 });
        for (first, last) in [a, b] {
            reply.array(2);
            reply.int(i64::from(*first));
            reply.int(i64::from(*last));
        }
        if with_lengths {
            reply.int(i64::from(*len));
        }
    }
    reply.bulk(b"len");
    reply.int(i64::from(found.length));
}
