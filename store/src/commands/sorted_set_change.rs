//! Sorted set commands that change members: ZADD, ZINCRBY, ZREM, the removal of ranges, and what
//! takes members from the ends.

use std::ops::Range;

use shardwright_codec::resp::{Args, ReplyWriter};

use super::index_range::{indexes, range_of};
use super::sorted_set_options::{numbered_keys, parse_lex_range, parse_score_range, positive_or};
use super::sorted_set_range::{Order, write_pairs, write_score};
use crate::command::Outcome;
use crate::context::WriteCx;
use crate::data::sorted_set::{Done, Edit, View};
use crate::data::{Editor, SortedSet};
use crate::effect::Event;
use crate::error::CommandError;
use crate::strtod::parse_double;

const NX_AND_XX: CommandError =
    CommandError::Text("ERR XX and NX options at the same time are not compatible");
const GT_LT_NX: CommandError =
    CommandError::Text("ERR GT, LT, and/or NX options at the same time are not compatible");
const INCR_OF_SEVERAL: CommandError =
    CommandError::Text("ERR INCR option supports a single increment-element pair");
const NOT_A_NUMBER: CommandError = CommandError::Text("ERR resulting score is not a number (NaN)");

/// ZADD's options.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Conditions {
    pub(super) nx: bool,
    pub(super) xx: bool,
    gt: bool,
    lt: bool,
    pub(super) ch: bool,
    incr: bool,
}

impl Conditions {
    /// Reads options from the second argument behind the name on. Returns where scores begin.
    fn parse(&mut self, args: Args<'_>) -> Result<usize, CommandError> {
        let mut at = 2;
        while let Some(option) = args.get(at) {
            let flag = match option.to_ascii_uppercase().as_slice() {
                b"NX" => &mut self.nx,
                b"XX" => &mut self.xx,
                b"GT" => &mut self.gt,
                b"LT" => &mut self.lt,
                b"CH" => &mut self.ch,
                b"INCR" => &mut self.incr,
                _ => break,
            };
            *flag = true;
            at += 1;
        }
        let rest = args.len() - at;
        if rest == 0 || !rest.is_multiple_of(2) {
            return Err(CommandError::Syntax);
        }
        if self.nx && self.xx {
            return Err(NX_AND_XX);
        }
        if (self.nx && (self.gt || self.lt)) || (self.gt && self.lt) {
            return Err(GT_LT_NX);
        }
        if self.incr && rest > 2 {
            return Err(INCR_OF_SEVERAL);
        }
        Ok(at)
    }

    /// The score that a member gets; none if the conditions forbid it.
    fn score(&self, old: Option<f64>, given: f64) -> Result<Option<f64>, CommandError> {
        let Some(old) = old else { return Ok((!self.xx).then_some(given)) };
        if self.nx {
            return Ok(None);
        }
        let score = if self.incr { old + given } else { given };
        if score.is_nan() {
            return Err(NOT_A_NUMBER);
        }
        let forbidden = (self.lt && score >= old) || (self.gt && score <= old);
        Ok((!forbidden).then_some(score))
    }

    fn are_none(&self) -> bool {
        !(self.nx || self.xx || self.gt || self.lt || self.incr)
    }
}

/// What ZADD did.
#[derive(Default)]
struct Added {
    added: i64,
    changed: i64,
    /// The last score that was allowed.
    score: Option<f64>,
}

impl Added {
    fn add(
        &mut self,
        set: &mut Editor<'_, SortedSet>,
        conditions: Conditions,
        member: &[u8],
        given: f64,
    ) -> Result<(), CommandError> {
        let score = if conditions.are_none() {
            Some(given)
        } else {
            conditions.score(set.view().score(member), given)?
        };
        let Some(score) = score else { return Ok(()) };
        self.score = Some(score);
        match set.apply(Edit::Put { member, score }) {
            Some(Done::Added) => self.added += 1,
            Some(_) => self.changed += 1,
            None => {}
        }
        Ok(())
    }
}

/// Gives members scores as the conditions allow, and replies as ZADD does.
pub(super) fn put_scores<'a>(
    cx: &mut WriteCx<'_, '_>,
    key: &[u8],
    conditions: Conditions,
    mut members: impl Iterator<Item = (f64, &'a [u8])>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    let event = Event::sorted_set(if conditions.incr { "zincr" } else { "zadd" });
    let mut done = Added::default();
    cx.edit::<SortedSet, _>(key, event, |set| {
        members.try_for_each(|(score, member)| done.add(set, conditions, member, score))
    })??;
    if conditions.incr {
        write_score(done.score, reply);
    } else {
        reply.int(done.added + if conditions.ch { done.changed } else { 0 });
    }
    Ok(())
}

fn add(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
    mut conditions: Conditions,
) -> Outcome {
    let first = conditions.parse(args)?;
    let (key, pairs) = (args.at(1), (first..args.len()).step_by(2));
    let scored = |at| {
        let score = parse_double(args.at(at)).ok_or(CommandError::NotFloat)?;
        Ok((score, args.at(at + 1)))
    };
    if pairs.len() == 1 {
        let only = scored(first)?;
        return put_scores(cx, key, conditions, std::iter::once(only), reply);
    }
    let members: Vec<_> = pairs.map(scored).collect::<Result<_, CommandError>>()?;
    put_scores(cx, key, conditions, members.into_iter(), reply)
}

pub(super) fn zadd(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    add(cx, args, reply, Conditions::default())
}

pub(super) fn zincrby(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    add(cx, args, reply, Conditions { incr: true, ..Conditions::default() })
}

pub(super) fn zrem(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    let removed = cx.edit::<SortedSet, _>(args.at(1), Event::sorted_set("zrem"), |set| {
        let members = args.skip(2);
        members.iter().filter(|member| set.apply(Edit::Remove { member }).is_some()).count()
    })?;
    reply.int(removed as i64);
    Ok(())
}

/// Takes out the members with the ranks that `ranks` finds.
fn remove_range(
    cx: &mut WriteCx<'_, '_>,
    key: &[u8],
    event: &'static str,
    reply: &mut ReplyWriter<'_>,
    ranks: impl FnOnce(View<'_>) -> Range<usize>,
) -> Outcome {
    let removed = cx.edit::<SortedSet, _>(key, Event::sorted_set(event), |set| {
        let ranks = ranks(set.view());
        set.apply(Edit::remove_ranks(&ranks)).map_or(0, |_| ranks.len())
    })?;
    reply.int(removed as i64);
    Ok(())
}

pub(super) fn zremrangebyrank(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    let given = indexes(args.at(2), args.at(3))?;
    remove_range(cx, args.at(1), "zremrangebyrank", reply, |view| range_of(given, view.len()))
}

pub(super) fn zremrangebyscore(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    let range = parse_score_range(args.at(2), args.at(3))?;
    remove_range(cx, args.at(1), "zremrangebyscore", reply, |view| view.score_range(&range))
}

pub(super) fn zremrangebylex(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    let range = parse_lex_range(args.at(2), args.at(3))?;
    remove_range(cx, args.at(1), "zremrangebylex", reply, |view| view.lex_range(&range, false))
}

/// The end of a sorted set that members are taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The lowest scores first.
    Min,
    /// The highest scores first.
    Max,
}

impl End {
    /// MIN or MAX.
    pub(super) fn parse(word: &[u8]) -> Result<Self, CommandError> {
        if word.eq_ignore_ascii_case(b"MIN") {
            Ok(Self::Min)
        } else if word.eq_ignore_ascii_case(b"MAX") {
            Ok(Self::Max)
        } else {
            Err(CommandError::Syntax)
        }
    }

    /// The order in which members are taken.
    pub(super) const fn order(self) -> Order {
        match self {
            Self::Min => Order::Up,
            Self::Max => Order::Down,
        }
    }
}

/// Takes up to `count` members from one end of the sorted set at `key`, after `tell` has seen them:
/// their ranks, and the sorted set to read them from in the end's [order](End::order). It is not
/// called if there are none to take. Returns how many were taken; the key goes with the last one.
///
/// # Errors
/// The key holds another data type.
pub(super) fn pop(
    cx: &mut WriteCx<'_, '_>,
    key: &[u8],
    end: End,
    count: usize,
    tell: impl FnOnce(View<'_>, Range<usize>),
) -> Result<usize, CommandError> {
    let event = if end == End::Min { "zpopmin" } else { "zpopmax" };
    cx.edit::<SortedSet, _>(key, Event::sorted_set(event), |set| {
        let len = set.view().len();
        let count = count.min(len);
        let ranks = if end == End::Min { 0..count } else { len - count..len };
        if count > 0 {
            tell(set.view(), ranks.clone());
            set.apply(Edit::remove_ranks(&ranks));
        }
        count
    })
}

fn pop_one_key(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
    end: End,
) -> Outcome {
    if args.len() > 3 {
        return Err(CommandError::Syntax);
    }
    let count = args.get(2).map(|count| {
        let text = "ERR value is out of range, must be positive";
        positive_or(count, 0, CommandError::Text(text))
    });
    let count = count.transpose()?;
    let popped = pop(cx, args.at(1), end, count.unwrap_or(1), |view, ranks| {
        write_pairs(view, ranks, end.order(), count.is_some(), reply);
    })?;
    if popped == 0 {
        reply.array(0);
    }
    Ok(())
}

pub(super) fn zpopmin(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    pop_one_key(cx, args, reply, End::Min)
}

pub(super) fn zpopmax(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    pop_one_key(cx, args, reply, End::Max)
}

/// What ZMPOP is asked for, and BZMPOP behind its timeout.
pub(super) struct PopRequest {
    /// Where the keys are among the arguments.
    pub(super) keys: Range<usize>,
    /// From which end members are taken.
    pub(super) end: End,
    /// At most how many.
    pub(super) count: usize,
}

impl PopRequest {
    /// Reads the arguments from the number of keys at `at` on.
    pub(super) fn parse(args: Args<'_>, at: usize) -> Result<Self, CommandError> {
        let text = "ERR numkeys should be greater than 0";
        let number = positive_or(args.at(at), 1, CommandError::Text(text))?;
        let keys = numbered_keys(args, at, number).ok_or(CommandError::Syntax)?;
        let end = End::parse(args.get(keys.end).ok_or(CommandError::Syntax)?)?;
        let mut count = None;
        let mut words = args.skip(keys.end + 1).iter();
        while let Some(word) = words.next() {
            let value = words.next().filter(|_| count.is_none());
            let value = value.filter(|_| word.eq_ignore_ascii_case(b"COUNT"));
            let value = value.ok_or(CommandError::Syntax)?;
            let text = "ERR count should be greater than 0";
            count = Some(positive_or(value, 1, CommandError::Text(text))?);
        }
        Ok(Self { keys, end, count: count.unwrap_or(1) })
    }
}

/// Takes members from the first of the keys that has any, and replies with the key and them. Returns
/// whether there were any; if not, nothing is written.
///
/// # Errors
/// A key before that one holds another data type.
pub(super) fn pop_first(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    request: &PopRequest,
    reply: &mut ReplyWriter<'_>,
) -> Result<bool, CommandError> {
    for key in request.keys.clone().map(|at| args.at(at)) {
        if write_popped(cx, key, request, reply)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Takes members from one key, and replies with the key and them. Returns whether there were any; if
/// not, nothing is written.
///
/// # Errors
/// The key holds another data type.
pub(super) fn write_popped(
    cx: &mut WriteCx<'_, '_>,
    key: &[u8],
    request: &PopRequest,
    reply: &mut ReplyWriter<'_>,
) -> Result<bool, CommandError> {
    let popped = pop(cx, key, request.end, request.count, |view, ranks| {
        reply.array(2);
        reply.bulk(key);
        reply.array(ranks.len());
        view.visit(ranks, request.end == End::Max, &mut |member, score| {
            reply.array(2);
            super::write_element(member, reply);
            reply.double(score);
            true
        });
    })?;
    Ok(popped > 0)
}

pub(super) fn zmpop(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    let request = PopRequest::parse(args, 1)?;
    if !pop_first(cx, args, &request, reply)? {
        reply.null_array();
    }
    Ok(())
}
