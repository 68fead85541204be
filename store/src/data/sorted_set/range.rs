//! Which members a range of scores or of names has: a range of ranks.

use std::ops::Range;

use shardwright_codec::listpack::Listpack;
use shardwright_codec::number::MAX_I64_LEN;

use super::large::Large;
use super::{View, packed};

/// A range of scores.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoreRange {
    /// The lowest.
    pub min: f64,
    /// Whether the lowest does not belong to it.
    pub min_open: bool,
    /// The highest.
    pub max: f64,
    /// Whether the highest does not belong to it.
    pub max_open: bool,
}

/// An end of a range of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LexBound<'a> {
    /// Before all.
    Lowest,
    /// At this name, which belongs to it.
    Closed(&'a [u8]),
    /// At this name, which does not belong to it.
    Open(&'a [u8]),
    /// Behind all.
    Highest,
}

/// A range of names, meant for members of equal scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LexRange<'a> {
    /// The lowest name.
    pub min: LexBound<'a>,
    /// The highest name.
    pub max: LexBound<'a>,
}

impl ScoreRange {
    fn is_empty(&self) -> bool {
        self.min > self.max || (self.min == self.max && (self.min_open || self.max_open))
    }
}

impl LexRange<'_> {
    fn is_above_min(&self, member: &[u8]) -> bool {
        match self.min {
            LexBound::Lowest => true,
            LexBound::Closed(min) => member >= min,
            LexBound::Open(min) => member > min,
            LexBound::Highest => false,
        }
    }

    fn is_below_max(&self, member: &[u8]) -> bool {
        match self.max {
            LexBound::Lowest => false,
            LexBound::Closed(max) => member <= max,
            LexBound::Open(max) => member < max,
            LexBound::Highest => true,
        }
    }

    fn is_empty(&self) -> bool {
        use LexBound::{Closed, Highest, Lowest, Open};
        match (self.min, self.max) {
            (Highest, _) | (_, Lowest) => true,
            (Lowest, _) | (_, Highest) => false,
            (Closed(min), Closed(max)) => min > max,
            (Closed(min) | Open(min), Closed(max) | Open(max)) => min >= max,
        }
    }
}

impl View<'_> {
    /// The ranks of the members whose scores are in a range. Takes logarithmic time.
    pub fn score_range(self, range: &ScoreRange) -> Range<usize> {
        if range.is_empty() {
            return 0..0;
        }
        let (start, end) = match self {
            Self::Packed(listpack) => {
                let below = |score: f64, or_equal: bool| {
                    let is_below =
                        |other: f64| if or_equal { other <= score } else { other < score };
                    packed::pairs(listpack).take_while(|pair| is_below(pair.score())).count()
                };
                (below(range.min, range.min_open), below(range.max, !range.max_open))
            }
            Self::Large(large) => (
                large.count_below(range.min, range.min_open),
                large.count_below(range.max, !range.max_open),
            ),
        };
        start..end.max(start)
    }

    /// The ranks of the members whose names are in a range, if all have the same score. Takes
    /// logarithmic time. If they have not, what is found while they are few is what Redis finds,
    /// which differs with the direction in which it looks.
    pub fn lex_range(self, range: &LexRange<'_>, down: bool) -> Range<usize> {
        if range.is_empty() {
            return 0..0;
        }
        match self {
            Self::Packed(listpack) => packed_lex_range(listpack, range, down),
            Self::Large(large) => large_lex_range(large, range),
        }
    }
}

fn packed_lex_range(listpack: Listpack<'_>, range: &LexRange<'_>, down: bool) -> Range<usize> {
    let above =
        |pair: &packed::Pair<'_>| range.is_above_min(pair.member.text(&mut [0; MAX_I64_LEN]));
    let below =
        |pair: &packed::Pair<'_>| range.is_below_max(pair.member.text(&mut [0; MAX_I64_LEN]));
    let last_is_above = packed::pairs_back(listpack).next().is_some_and(|pair| above(&pair));
    let first_is_below = packed::pairs(listpack).next().is_some_and(|pair| below(&pair));
    if !last_is_above || !first_is_below {
        return 0..0;
    }
    if down {
        let len = listpack.len() / 2;
        let behind = packed::pairs_back(listpack).take_while(|pair| !below(pair)).count();
        let found = packed::pairs_back(listpack).skip(behind).take_while(above).count();
        return len - behind - found..len - behind;
    }
    let before = packed::pairs(listpack).take_while(|pair| !above(pair)).count();
    let found = packed::pairs(listpack).skip(before).take_while(below).count();
    before..before + found
}

fn large_lex_range(large: &Large, range: &LexRange<'_>) -> Range<usize> {
    let mut score = 0.0;
    large.visit(0, false, &mut |_, first| {
        score = first;
        false
    });
    let place = |bound: LexBound<'_>, is_max: bool| match bound {
        LexBound::Lowest => 0,
        LexBound::Highest => large.len(),
        LexBound::Closed(name) | LexBound::Open(name) => {
            let closed = matches!(bound, LexBound::Closed(_));
            let rank = large.rank(score, name);
            let skips = is_max == closed && large.score(name) == Some(score);
            rank + usize::from(skips)
        }
    };
    let (start, end) = (place(range.min, false), place(range.max, true));
    start..end.max(start)
}
