//! What the arguments of sorted set commands say: ranges, numbers and counted keys.

use std::ops::Range;

use shardwright_codec::number::parse_i64_strict;
use shardwright_codec::resp::Args;

use crate::data::sorted_set::{LexBound, LexRange, ScoreRange};
use crate::error::CommandError;
use crate::strtod::parse_bound;

const NOT_A_SCORE: CommandError = CommandError::Text("ERR min or max is not a float");
const NOT_A_NAME: CommandError = CommandError::Text("ERR min or max not valid string range item");

/// An integer.
pub(super) fn whole_number(text: &[u8]) -> Result<i64, CommandError> {
    parse_i64_strict(text).ok_or(CommandError::NotInteger)
}

/// An integer that is not below `least`, or that error.
pub(super) fn positive_or(
    text: &[u8],
    least: i64,
    error: CommandError,
) -> Result<usize, CommandError> {
    let number = parse_i64_strict(text).filter(|&number| number >= least);
    number.and_then(|number| usize::try_from(number).ok()).ok_or(error)
}

/// Where so many keys are behind the argument at `at`, if there are as many arguments.
pub(super) fn numbered_keys(args: Args<'_>, at: usize, number: usize) -> Option<Range<usize>> {
    let keys = at + 1..number.checked_add(at + 1)?;
    (keys.end <= args.len()).then_some(keys)
}

/// A range of scores; "(" before a bound leaves it out.
pub(super) fn parse_score_range(min: &[u8], max: &[u8]) -> Result<ScoreRange, CommandError> {
    let bound = |text: &[u8]| {
        let open = text.first() == Some(&b'(');
        let number = parse_bound(text.get(usize::from(open)..).unwrap_or_default());
        number.map(|number| (number, open)).ok_or(NOT_A_SCORE)
    };
    let ((min, min_open), (max, max_open)) = (bound(min)?, bound(max)?);
    Ok(ScoreRange { min, min_open, max, max_open })
}

/// A range of names: "(" before a bound leaves it out, "[" takes it in, "-" and "+" are the ends.
pub(super) fn parse_lex_range<'a>(
    min: &'a [u8],
    max: &'a [u8],
) -> Result<LexRange<'a>, CommandError> {
    let bound = |text: &'a [u8]| match text {
        [b'-'] | [b'-', 0, ..] => Ok(LexBound::Lowest),
        [b'+'] | [b'+', 0, ..] => Ok(LexBound::Highest),
        [b'(', name @ ..] => Ok(LexBound::Open(name)),
        [b'[', name @ ..] => Ok(LexBound::Closed(name)),
        _ => Err(NOT_A_NAME),
    };
    Ok(LexRange { min: bound(min)?, max: bound(max)? })
}
