//! Sorted sets: a listpack of members and scores that take turns while they are few and short, an
//! [order with an index](large) beyond that. A sorted set that has become large stays so, as in
//! Redis.

mod index;
mod large;
mod leaf;
mod node;
mod packed;
mod range;
#[cfg(test)]
mod tests;
mod tree;

use std::cmp::Ordering;
use std::ops::Range;

use shardwright_codec::listpack::{Element, Listpack, ListpackBuf};
use shardwright_codec::number::{MAX_I64_LEN, format_double};
use shardwright_codec::rdb::{self, Body, Fault, ObjectType, Part};

pub use self::large::Large;
pub use self::range::{LexBound, LexRange, ScoreRange};
use super::{Collection, Elements, Make, Shaping, mix_element};
use crate::digest::Digest;
use crate::effect::{EffectError, Reader, put_bytes};
use crate::value::Packing;

/// A removal of fewer members than this is quick enough as it is.
const REMADE_MIN: usize = 64;

/// Members with scores, ordered by score and then by name.
#[derive(Debug, Clone)]
pub enum SortedSet {
    /// Few and short ones: member, score, member, score …
    Packed(ListpackBuf),
    /// Any others.
    Large(Box<Large>),
}

/// A sorted set to read.
#[derive(Debug, Clone, Copy)]
pub enum View<'a> {
    /// Few and short members.
    Packed(Listpack<'a>),
    /// Any others.
    Large(&'a Large),
}

/// One change of a sorted set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Edit<'a> {
    /// The member has this score now.
    Put {
        /// The member.
        member: &'a [u8],
        /// Its score.
        score: f64,
    },
    /// The member is gone.
    Remove {
        /// The member.
        member: &'a [u8],
    },
    /// So many members are gone that followed each other in the order.
    RemoveRanks {
        /// The rank of the first, from 0 on.
        start: u64,
        /// How many there were.
        count: u64,
    },
}

/// What a change of a sorted set did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// The member is new.
    Added,
    /// The member got another score.
    Changed,
    /// So many members are gone.
    Removed(usize),
}

mod tag {
    pub const PUT: u8 = 1;
    pub const REMOVE: u8 = 2;
    pub const REMOVE_RANKS: u8 = 3;
}

impl<'a> Edit<'a> {
    /// The members with these ranks are gone.
    pub fn remove_ranks(ranks: &Range<usize>) -> Self {
        Self::RemoveRanks { start: ranks.start as u64, count: ranks.len() as u64 }
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Put { member, score } => {
                out.push(tag::PUT);
                out.extend_from_slice(&score.to_bits().to_le_bytes());
                put_bytes(out, member);
            }
            Self::Remove { member } => {
                out.push(tag::REMOVE);
                put_bytes(out, member);
            }
            Self::RemoveRanks { start, count } => {
                out.push(tag::REMOVE_RANKS);
                out.extend_from_slice(&start.to_le_bytes());
                out.extend_from_slice(&count.to_le_bytes());
            }
        }
    }

    pub(crate) fn decode(reader: &mut Reader<'a>) -> Result<Self, EffectError> {
        Ok(match reader.u8()? {
            tag::PUT => {
                let score = f64::from_bits(reader.u64()?);
                Self::Put { member: reader.bytes()?, score }
            }
            tag::REMOVE => Self::Remove { member: reader.bytes()? },
            tag::REMOVE_RANKS => Self::RemoveRanks { start: reader.u64()?, count: reader.u64()? },
            tag => return Err(EffectError::UnknownTag { what: "change of a sorted set", tag }),
        })
    }
}

/// Takes a member with its score; may say that it is enough by answering `false`.
pub type Visit<'v> = dyn FnMut(Element<'_>, f64) -> bool + 'v;

impl View<'_> {
    /// Number of members.
    pub fn len(self) -> usize {
        match self {
            Self::Packed(listpack) => listpack.len() / 2,
            Self::Large(large) => large.len(),
        }
    }

    /// Whether there are no members.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The score of a member. Takes constant time in a large one.
    #[inline]
    pub fn score(self, member: &[u8]) -> Option<f64> {
        match self {
            Self::Packed(listpack) => {
                let found = listpack.find(member, 2)?;
                listpack.at(found.end).map(|score| packed::score_of(score.element))
            }
            Self::Large(large) => large.score(member),
        }
    }

    /// The rank of a member, from 0 on, and its score. Takes logarithmic time.
    pub fn rank(self, member: &[u8]) -> Option<(usize, f64)> {
        match self {
            Self::Packed(listpack) => {
                let wanted = Element::of(member);
                let mut pairs = packed::pairs(listpack).enumerate();
                pairs.find(|(_, pair)| pair.member == wanted).map(|(at, pair)| (at, pair.score()))
            }
            Self::Large(large) => {
                let score = large.score(member)?;
                Some((large.rank(score, member), score))
            }
        }
    }

    /// Visits the members with these ranks, upwards or downwards. Finding the first takes
    /// logarithmic time.
    pub fn visit(self, ranks: Range<usize>, down: bool, visit: &mut Visit<'_>) {
        let ranks = ranks.start..ranks.end.min(self.len());
        if ranks.is_empty() {
            return;
        }
        let mut left = ranks.len();
        match self {
            Self::Packed(listpack) if down => {
                let behind = listpack.len() / 2 - ranks.end;
                let mut pairs = packed::pairs_back(listpack).skip(behind).take(left);
                _ = pairs.all(|pair| visit(pair.member, pair.score()));
            }
            Self::Packed(listpack) => {
                let mut pairs = packed::pairs(listpack).skip(ranks.start).take(left);
                _ = pairs.all(|pair| visit(pair.member, pair.score()));
            }
            Self::Large(large) => {
                let first = if down { ranks.end - 1 } else { ranks.start };
                large.visit(first, down, &mut |member, score| {
                    left -= 1;
                    visit(Element::Bytes(member), score) && left > 0
                });
            }
        }
    }

    /// Visits all members in their order.
    pub fn for_each(self, visit: &mut dyn FnMut(Element<'_>, f64)) {
        self.visit(0..self.len(), false, &mut |member, score| {
            visit(member, score);
            true
        });
    }

    /// Visits members from `cursor` on, about `count` of them; all of them while they are few. Scores
    /// are told as they are stored or as text. Returns where to go on; 0 at the end.
    pub fn scan(
        self,
        cursor: u64,
        count: usize,
        visit: &mut dyn FnMut(Element<'_>, Element<'_>),
    ) -> u64 {
        match self {
            Self::Packed(listpack) => {
                packed::pairs(listpack).for_each(|pair| visit(pair.member, pair.score));
                0
            }
            Self::Large(large) => {
                let mut text = Vec::new();
                large.scan(cursor, count, &mut |member, score| {
                    text.clear();
                    format_double(score, &mut text);
                    visit(Element::Bytes(member), Element::Bytes(&text));
                })
            }
        }
    }
}

impl SortedSet {
    /// Brings members into their order. Takes little time if they are in order already.
    pub fn order(members: &mut [(f64, &[u8])]) {
        members.sort_by(|a, b| a.0.partial_cmp(&b.0).unwrap_or(Ordering::Equal).then(a.1.cmp(b.1)));
    }

    /// A sorted set of members that are each there once, in the form for their number and length.
    /// Sorting takes longest, and little if they are in order already.
    pub fn build(mut members: Vec<(f64, &[u8])>, shaping: &Shaping) -> Self {
        Self::order(&mut members);
        let limits = &shaping.encodings;
        let longest = members.iter().map(|(_, member)| member.len()).max().unwrap_or(0);
        let few = members.len() <= limits.zset_max_listpack_entries;
        if few && longest <= limits.zset_max_listpack_value {
            let mut listpack = ListpackBuf::default();
            for (score, member) in members {
                packed::push(&mut listpack, Element::of(member), score);
            }
            return Self::Packed(listpack);
        }
        let large = Large::build(shaping.hasher, members.len(), members.into_iter());
        Self::Large(Box::new(large))
    }

    fn put(&mut self, member: &[u8], score: f64, shaping: &Shaping) -> Option<Done> {
        if score.is_nan() {
            return None;
        }
        if let Self::Packed(listpack) = self {
            let limits = &shaping.encodings;
            let fits = |len| {
                len < limits.zset_max_listpack_entries
                    && member.len() <= limits.zset_max_listpack_value
            };
            match packed::put(listpack, member, score, fits) {
                packed::Put::Same => return None,
                packed::Put::Added => return Some(Done::Added),
                packed::Put::Changed => return Some(Done::Changed),
                packed::Put::Full => self.become_large(shaping),
            }
        }
        let Self::Large(large) = self else { return None };
        large.put(member, score).map(|is_new| if is_new { Done::Added } else { Done::Changed })
    }

    fn become_large(&mut self, shaping: &Shaping) {
        let mut large = Large::new(shaping.hasher);
        self.view().for_each(&mut |member, score| {
            large.put(member.text(&mut [0; MAX_I64_LEN]), score);
        });
        *self = Self::Large(Box::new(large));
    }

    fn remove(&mut self, member: &[u8]) -> bool {
        match self {
            Self::Packed(listpack) => packed::remove(listpack, member),
            Self::Large(large) => large.remove(member),
        }
    }

    fn remove_ranks(&mut self, start: u64, count: u64) -> usize {
        let ranks = ranks(self.view().len(), start, count);
        match self {
            Self::Packed(listpack) => packed::remove_ranks(listpack, ranks),
            Self::Large(large) => large.remove_ranks(ranks),
        }
    }
}

/// The ranks from `start` on that a sorted set of so many members has, at most `count` of them.
fn ranks(len: usize, start: u64, count: u64) -> Range<usize> {
    let len = len as u64;
    let start = start.min(len);
    start as usize..start.saturating_add(count).min(len) as usize
}

fn put_member(body: &mut Body<'_>, member: &[u8], score: f64) {
    body.text(member);
    body.score(score);
}

/// Mixes members with their scores in, these as `told`.
fn digest_with(view: View<'_>, digest: &mut Digest, told: impl Fn(f64) -> f64) {
    let mut text = Vec::new();
    view.for_each(&mut |member, score| {
        let mut pair = Digest::default();
        mix_element(&mut pair, member);
        text.clear();
        format_double(told(score), &mut text);
        pair.mix(&text);
        digest.add_digest(pair);
    });
}

impl Collection for SortedSet {
    super::in_object!(SortedSet);
    type View<'a> = View<'a>;
    type Edit<'a> = Edit<'a>;
    type Done = Done;

    fn empty(buffer: Vec<u8>) -> Self {
        Self::Packed(ListpackBuf::from_empty(buffer))
    }

    fn unpack(_: Packing, bytes: Vec<u8>) -> Self {
        Self::Packed(ListpackBuf::trusted(bytes))
    }

    fn pack(self) -> Result<(Packing, Vec<u8>), Self> {
        match self {
            Self::Packed(listpack) => Ok((Packing::Listpack, listpack.into_bytes())),
            Self::Large(_) => Err(self),
        }
    }

    fn packed_len(&self) -> Option<usize> {
        match self {
            Self::Packed(listpack) => Some(listpack.view().bytes().len()),
            Self::Large(_) => None,
        }
    }

    fn view(&self) -> View<'_> {
        match self {
            Self::Packed(listpack) => View::Packed(listpack.view()),
            Self::Large(large) => View::Large(large),
        }
    }

    fn view_packed(_: Packing, bytes: &[u8]) -> View<'_> {
        View::Packed(Listpack::trusted(bytes))
    }

    fn is_empty(&self) -> bool {
        self.view().is_empty()
    }

    fn memory(&self) -> usize {
        match self {
            Self::Packed(listpack) => listpack.capacity(),
            Self::Large(large) => large.memory(),
        }
    }

    fn apply(&mut self, edit: Edit<'_>, shaping: &Shaping) -> Option<Done> {
        match edit {
            Edit::Put { member, score } => self.put(member, score, shaping),
            Edit::Remove { member } => self.remove(member).then_some(Done::Removed(1)),
            Edit::RemoveRanks { start, count } => {
                Some(self.remove_ranks(start, count)).filter(|&n| n > 0).map(Done::Removed)
            }
        }
    }

    fn remade(&self, edit: Edit<'_>) -> Option<(Self, Done)> {
        let (Self::Large(large), Edit::RemoveRanks { start, count }) = (self, edit) else {
            return None;
        };
        let gone = ranks(large.len(), start, count);
        // What stays is less than what goes, and that is more than a few.
        let is_less = gone.len() > large.len() / 2 && gone.len() >= REMADE_MIN;
        is_less.then(|| {
            (Self::Large(Box::new(large.without(gone.clone()))), Done::Removed(gone.len()))
        })
    }

    fn encoding(view: View<'_>) -> &'static str {
        match view {
            View::Packed(_) => "listpack",
            View::Large(_) => "skiplist",
        }
    }

    fn digest(view: View<'_>, digest: &mut Digest) {
        digest_with(view, digest, |score| score);
    }

    fn exact_digest(view: View<'_>, digest: &mut Digest) {
        // A listpack has no negative zero, and which form a copy has depends on its settings.
        digest_with(view, digest, |score| score + 0.0);
    }

    fn object_type(view: View<'_>) -> ObjectType {
        match view {
            View::Packed(_) => ObjectType::SortedSetListpack,
            View::Large(_) => ObjectType::SortedSet2,
        }
    }

    /// A large one is written from the last member to the first, as Redis does.
    fn write(view: View<'_>, body: &mut Body<'_>) {
        match view {
            View::Packed(listpack) => body.text(listpack.bytes()),
            View::Large(large) => {
                body.length(large.len() as u64);
                view.visit(0..large.len(), true, &mut |member, score| {
                    body.element(member);
                    body.score(score);
                    true
                });
            }
        }
    }

    /// As in Redis, a packed form stays packed if its members are few, however long; and one that is
    /// not packed is read as it is before it becomes so, since only a large set has a negative zero.
    fn read(collection: rdb::Collection<'_>, shaping: &Shaping) -> Result<Self, Fault> {
        let mut shaping = *shaping;
        let kind = collection.kind();
        let packed = matches!(kind, ObjectType::SortedSetListpack | ObjectType::SortedSetZiplist);
        let mut sorted = if packed {
            shaping.encodings.zset_max_listpack_value = usize::MAX;
            Self::empty(Vec::new())
        } else {
            Self::empty_named(&shaping, Vec::new())
        };
        let mut longest = 0;
        Self::edits(collection, &mut |edit| {
            if let Edit::Put { member, .. } = edit {
                longest = longest.max(member.len());
            }
            match sorted.apply(edit, &shaping) {
                Some(Done::Added) => Ok(()),
                _ => Err("a member that is there twice"),
            }
        })?;
        let limits = &shaping.encodings;
        let few = sorted.view().len() <= limits.zset_max_listpack_entries;
        if !packed && few && longest <= limits.zset_max_listpack_value {
            let mut small = Self::empty(Vec::new());
            sorted.view().for_each(&mut |member, score| {
                small.put(member.text(&mut [0; MAX_I64_LEN]), score, &shaping);
            });
            sorted = small;
        }
        if sorted.is_empty() { Err(collection.fault("no elements")) } else { Ok(sorted) }
    }

    fn is_named(view: View<'_>) -> bool {
        matches!(view, View::Large(_))
    }

    fn write_some(
        view: View<'_>,
        cursor: u64,
        count: usize,
        skip: &dyn Fn(&[u8]) -> bool,
        out: &mut Elements,
    ) -> u64 {
        let View::Large(large) = view else { return 0 };
        large.scan(cursor, count, &mut |member, score| {
            if !skip(member) {
                out.add(|body| put_member(body, member, score));
            }
        })
    }

    fn write_named(view: View<'_>, name: &[u8], out: &mut Elements) {
        if let Some(score) = view.score(name) {
            out.add(|body| put_member(body, name, score));
        }
    }

    fn names(view: View<'_>, edit: Edit<'_>, visit: &mut dyn FnMut(&[u8])) {
        match edit {
            Edit::Put { member, .. } | Edit::Remove { member } => visit(member),
            Edit::RemoveRanks { start, count } => {
                let ranks = ranks(view.len(), start, count);
                view.visit(ranks, false, &mut |member, _| {
                    visit(member.text(&mut [0; MAX_I64_LEN]));
                    true
                });
            }
        }
    }

    fn empty_named(shaping: &Shaping, _: Vec<u8>) -> Self {
        Self::Large(Box::new(Large::new(shaping.hasher)))
    }

    fn edits(collection: rdb::Collection<'_>, make: &mut Make<'_, Self>) -> Result<(), Fault> {
        let mut member = Vec::new();
        collection.visit(&mut |part| match part {
            Part::Text(text) => {
                member.clear();
                member.extend_from_slice(text);
                Ok(())
            }
            Part::Score(score) if score.is_nan() => Err("a score that is no number"),
            Part::Score(score) => make(Edit::Put { member: &member, score }),
        })
    }
}
