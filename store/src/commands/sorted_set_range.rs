//! Sorted set commands that give or store a range of members, by rank, score or name: ZRANGE and
//! those that it replaces.

use std::ops::Range;

use shardwright_codec::listpack::Element;
use shardwright_codec::resp::{Args, Protocol, ReplyWriter};

use super::index_range::{indexes, range_of};
use super::sorted_set_options::{parse_lex_range, parse_score_range, whole_number};
use super::write_element;
use crate::command::Outcome;
use crate::context::{ReadCx, Ttl, WriteCx};
use crate::data::SortedSet;
use crate::data::sorted_set::{LexRange, ScoreRange, View};
use crate::effect::Event;
use crate::error::CommandError;

const LIMIT_BY_RANK: CommandError = CommandError::Text(
    "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
);
const SCORES_BY_LEX: CommandError =
    CommandError::Text("ERR syntax error, WITHSCORES not supported in combination with BYLEX");

/// The order in which members are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// From the lowest score on.
    Up,
    /// From the highest score on.
    Down,
}

/// By what a range is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Rank,
    Score,
    Lex,
}

/// Which of it a command says by its name.
#[derive(Debug, Clone, Copy)]
struct Given {
    by: Option<By>,
    order: Option<Order>,
    stores: bool,
}

/// The bounds of a range.
#[derive(Debug, Clone, Copy)]
enum Bounds<'a> {
    Rank((i64, i64)),
    Score(ScoreRange),
    Lex(LexRange<'a>),
}

/// A range of members that was asked for.
struct Request<'a> {
    bounds: Bounds<'a>,
    order: Order,
    with_scores: bool,
    /// LIMIT: how many are passed over, and how many are given at most.
    offset: i64,
    count: i64,
}

impl<'a> Request<'a> {
    /// Reads the arguments from the key to be read at `at` on.
    fn parse(args: Args<'a>, at: usize, given: Given) -> Result<Self, CommandError> {
        let Given { mut by, mut order, stores } = given;
        let (mut with_scores, mut offset, mut count) = (false, 0, -1);
        let mut words = args.skip(at + 3);
        while let Some(word) = words.get(0) {
            let mut taken = 1;
            match word.to_ascii_uppercase().as_slice() {
                b"WITHSCORES" if !stores => with_scores = true,
                b"LIMIT" if words.len() > 2 => {
                    offset = whole_number(words.at(1))?;
                    count = whole_number(words.at(2))?;
                    taken = 3;
                }
                b"REV" if order.is_none() => order = Some(Order::Down),
                b"BYLEX" if by.is_none() => by = Some(By::Lex),
                b"BYSCORE" if by.is_none() => by = Some(By::Score),
                _ => return Err(CommandError::Syntax),
            }
            words = words.skip(taken);
        }
        let (by, order) = (by.unwrap_or(By::Rank), order.unwrap_or(Order::Up));
        if count != -1 && by == By::Rank {
            return Err(LIMIT_BY_RANK);
        }
        if with_scores && by == By::Lex {
            return Err(SCORES_BY_LEX);
        }
        let (first, second) = (args.at(at + 1), args.at(at + 2));
        let down = order == Order::Down;
        let (min, max) = if down { (second, first) } else { (first, second) };
        let bounds = match by {
            By::Rank => Bounds::Rank(indexes(first, second)?),
            By::Score => Bounds::Score(parse_score_range(min, max)?),
            By::Lex => Bounds::Lex(parse_lex_range(min, max)?),
        };
        Ok(Self { bounds, order, with_scores, offset, count })
    }

    /// The ranks of the members that it gives.
    fn ranks(&self, view: View<'_>) -> Range<usize> {
        let down = self.order == Order::Down;
        let found = match self.bounds {
            Bounds::Rank(given) => {
                let ranks = range_of(given, view.len());
                let len = view.len();
                return if down { len - ranks.end..len - ranks.start } else { ranks };
            }
            Bounds::Score(range) => view.score_range(&range),
            Bounds::Lex(range) => view.lex_range(&range, down),
        };
        // A negative offset passes over everything, as in Redis; a negative count is none.
        let offset = usize::try_from(self.offset).unwrap_or(usize::MAX).min(found.len());
        let count = usize::try_from(self.count).unwrap_or(usize::MAX).min(found.len() - offset);
        if down {
            found.end - offset - count..found.end - offset
        } else {
            found.start + offset..found.start + offset + count
        }
    }
}

/// Writes a score, or that there is none.
pub(super) fn write_score(score: Option<f64>, reply: &mut ReplyWriter<'_>) {
    match score {
        Some(score) => reply.double(score),
        None => reply.null(),
    }
}

/// Writes members with their scores: pairs in an array each in RESP3 if `nested`.
pub(super) fn write_pairs(
    view: View<'_>,
    ranks: Range<usize>,
    order: Order,
    nested: bool,
    reply: &mut ReplyWriter<'_>,
) {
    let nested = nested && reply.protocol() == Protocol::Resp3;
    reply.array(if nested { ranks.len() } else { 2 * ranks.len() });
    view.visit(ranks, order == Order::Down, &mut |member, score| {
        if nested {
            reply.array(2);
        }
        write_element(member, reply);
        reply.double(score);
        true
    });
}

fn give(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>, given: Given) -> Outcome {
    let request = Request::parse(args, 1, given)?;
    let Some(view) = cx.collection::<SortedSet>(args.at(1))? else {
        reply.array(0);
        return Ok(());
    };
    let ranks = request.ranks(view);
    if request.with_scores {
        write_pairs(view, ranks, request.order, true, reply);
    } else {
        reply.array(ranks.len());
        view.visit(ranks, request.order == Order::Down, &mut |member, _| {
            write_element(member, reply);
            true
        });
    }
    Ok(())
}

const fn by(by: By, order: Order) -> Given {
    Given { by: Some(by), order: Some(order), stores: false }
}

pub(super) fn zrange(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    give(cx, args, reply, Given { by: None, order: None, stores: false })
}

pub(super) fn zrevrange(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    give(cx, args, reply, by(By::Rank, Order::Down))
}

pub(super) fn zrangebyscore(
    cx: &ReadCx<'_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    give(cx, args, reply, by(By::Score, Order::Up))
}

pub(super) fn zrevrangebyscore(
    cx: &ReadCx<'_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    give(cx, args, reply, by(By::Score, Order::Down))
}

pub(super) fn zrangebylex(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    give(cx, args, reply, by(By::Lex, Order::Up))
}

pub(super) fn zrevrangebylex(
    cx: &ReadCx<'_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    give(cx, args, reply, by(By::Lex, Order::Down))
}

/// Members with scores that were taken out of somewhere to be stored elsewhere.
#[derive(Default)]
pub(super) struct Copied {
    bytes: Vec<u8>,
    /// Where each member ends, and its score.
    members: Vec<(usize, f64)>,
}

impl Copied {
    /// Adds a member.
    pub(super) fn push(&mut self, member: Element<'_>, score: f64) {
        member.append_to(&mut self.bytes);
        self.members.push((self.bytes.len(), score));
    }

    /// Number of members.
    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    /// All members with their scores.
    pub(super) fn iter(&self) -> impl Iterator<Item = (f64, &[u8])> {
        let mut start = 0;
        self.members.iter().map(move |&(end, score)| {
            let member = self.bytes.get(start..end).unwrap_or_default();
            start = end;
            (score, member)
        })
    }
}

/// Stores a sorted set of these members, which are each there once. Returns how many they are. An
/// empty one is not stored: the key goes then.
pub(super) fn store(
    cx: &mut WriteCx<'_, '_>,
    key: &[u8],
    members: Vec<(f64, &[u8])>,
    event: &'static str,
) -> usize {
    let (len, shaping) = (members.len(), cx.shaping());
    let sorted = SortedSet::build(members, &shaping);
    cx.key(key).put_collection(sorted, Ttl::Clear, Event::sorted_set(event));
    len
}

pub(super) fn zrangestore(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    let given = Given { by: None, order: None, stores: true };
    let request = Request::parse(args, 2, given)?;
    let mut found = Copied::default();
    let source = cx.key(args.at(2));
    source.count();
    if let Some(view) = source.collection::<SortedSet>()? {
        view.visit(request.ranks(view), false, &mut |member, score| {
            found.push(member, score);
            true
        });
    }
    let stored = store(cx, args.at(1), found.iter().collect(), "zrangestore");
    reply.int(stored as i64);
    Ok(())
}
