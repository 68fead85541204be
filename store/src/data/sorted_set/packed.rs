//! A small sorted set: a listpack in which members and scores take turns, in their order. Scores are
//! written as Redis writes them there, so that the bytes are those of its dumps.

use std::ops::Range;

use shardwright_codec::listpack::{Element, Listpack, ListpackBuf};
use shardwright_codec::number::{MAX_I64_LEN, format_double};

/// Scores that are whole numbers of at most this size are stored as integers.
const WHOLE: f64 = (i64::MAX / 2) as f64;

/// The score that an element is.
#[inline]
pub(super) fn score_of(element: Element<'_>) -> f64 {
    match element {
        Element::Int(number) => number as f64,
        Element::Bytes(text) => {
            std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).unwrap_or(0.0)
        }
    }
}

/// A score as an element, its text made in `text`.
fn element_of(score: f64, text: &mut Vec<u8>) -> Element<'_> {
    if score.abs() <= WHOLE && score.trunc() == score {
        return Element::Int(score as i64);
    }
    format_double(score, text);
    Element::Bytes(text)
}

/// A member with its score, and where both are.
pub(super) struct Pair<'a> {
    pub(super) member: Element<'a>,
    pub(super) score: Element<'a>,
    place: Range<usize>,
}

impl Pair<'_> {
    pub(super) fn score(&self) -> f64 {
        score_of(self.score)
    }
}

/// All members with their scores.
pub(super) fn pairs(listpack: Listpack<'_>) -> impl Iterator<Item = Pair<'_>> {
    let mut elements = listpack.iter();
    std::iter::from_fn(move || {
        let (member, score) = (elements.next()?, elements.next()?);
        let place = member.at..score.end;
        Some(Pair { member: member.element, score: score.element, place })
    })
}

/// The same, from the last to the first.
pub(super) fn pairs_back(listpack: Listpack<'_>) -> impl Iterator<Item = Pair<'_>> {
    let mut elements = listpack.iter().rev();
    std::iter::from_fn(move || {
        let (score, member) = (elements.next()?, elements.next()?);
        let place = member.at..score.end;
        Some(Pair { member: member.element, score: score.element, place })
    })
}

/// What became of a member that was to be put in.
pub(super) enum Put {
    /// It has that score already.
    Same,
    Added,
    Changed,
    /// There is no room for another.
    Full,
}

/// Gives a member a score; a new one comes in only if it `fits`.
pub(super) fn put(
    listpack: &mut ListpackBuf,
    member: &[u8],
    score: f64,
    fits: impl FnOnce(usize) -> bool,
) -> Put {
    let wanted = Element::of(member);
    let (mut old, mut target) = (None, None);
    for pair in pairs(listpack.view()) {
        if pair.member == wanted {
            if pair.score() == score {
                return Put::Same;
            }
            old = Some(pair.place.clone());
        } else if target.is_none() {
            let other = pair.score();
            let mut digits = [0; MAX_I64_LEN];
            if other > score || (other == score && pair.member.text(&mut digits) > member) {
                target = Some(pair.place.start);
            }
        }
        if old.is_some() && target.is_some() {
            break;
        }
    }
    let mut target = target.unwrap_or_else(|| listpack.back());
    let is_new = old.is_none();
    match old {
        None if !fits(listpack.view().len() / 2) => return Put::Full,
        None => {}
        Some(old) => {
            if target > old.start {
                target -= old.len();
            }
            listpack.remove(old, 2);
        }
    }
    let mut text = Vec::new();
    listpack.splice(target..target, &[wanted, element_of(score, &mut text)], 0);
    if is_new { Put::Added } else { Put::Changed }
}

/// Adds a member that belongs at the end.
pub(super) fn push(listpack: &mut ListpackBuf, member: Element<'_>, score: f64) {
    listpack.push(member);
    listpack.push(element_of(score, &mut Vec::new()));
}

/// Takes a member out. Returns whether it was there.
pub(super) fn remove(listpack: &mut ListpackBuf, member: &[u8]) -> bool {
    let Some(found) = listpack.view().find(member, 2) else { return false };
    let score = listpack.view().at(found.end);
    listpack.remove(found.at..score.map_or(found.end, |score| score.end), 2);
    true
}

/// Takes out members by their ranks. Returns how many there were.
pub(super) fn remove_ranks(listpack: &mut ListpackBuf, ranks: Range<usize>) -> usize {
    let mut gone = pairs(listpack.view()).skip(ranks.start).take(ranks.len());
    let Some(first) = gone.next() else { return 0 };
    let (mut end, mut count) = (first.place.end, 1);
    for pair in gone {
        end = pair.place.end;
        count += 1;
    }
    let start = first.place.start;
    listpack.remove(start..end, 2 * count);
    count
}
