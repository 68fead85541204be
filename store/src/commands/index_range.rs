//! Ranges of indexes as commands give them: both ends included, negative ones counted from the end.

use std::ops::Range;

use shardwright_codec::number::parse_i64_strict;

use crate::error::CommandError;

/// The first and the last index that two arguments name.
///
/// # Errors
/// One of them is no integer.
pub(super) fn indexes(first: &[u8], last: &[u8]) -> Result<(i64, i64), CommandError> {
    let index = |text| parse_i64_strict(text).ok_or(CommandError::NotInteger);
    Ok((index(first)?, index(last)?))
}

/// Which of `len` elements lie between two indexes; an empty range if none does.
pub(super) fn range_of((first, last): (i64, i64), len: usize) -> Range<usize> {
    let first = index_of(first, len).unwrap_or(0);
    match index_of(last, len) {
        Some(last) if first <= last && first < len => first..last.saturating_add(1).min(len),
        _ => 0..0,
    }
}

/// An index counted from the front; none if it lies before the first of `len` elements.
pub(super) fn index_of(index: i64, len: usize) -> Option<usize> {
    if index < 0 {
        len.checked_sub(usize::try_from(index.unsigned_abs()).unwrap_or(usize::MAX))
    } else {
        usize::try_from(index).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_include_both_ends_and_count_from_either_side() {
        for (first, last, expected) in [
            (0, 0, 0..1),
            (0, -1, 0..5),
            (-2, -1, 3..5),
            (-100, 1, 0..2),
            (3, 100, 3..5),
            (3, 2, 0..0),
            (5, 9, 0..0),
            (0, -6, 0..0),
            (i64::MIN, i64::MAX, 0..5),
            (i64::MAX, i64::MIN, 0..0),
        ] {
            assert_eq!(range_of((first, last), 5), expected, "{first} to {last}");
        }
        assert_eq!(range_of((0, -1), 0), 0..0);
    }
}
