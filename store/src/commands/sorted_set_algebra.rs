//! Unions, intersections and differences of sorted sets, given or stored. Plain sets may take part:
//! their members count with score 1.
//!
//! Sums of doubles depend on their order, so members are put together in Redis's: the sets from the
//! smallest to the largest, for a union as for an intersection.

use std::ops::Range;

use shardwright_codec::listpack::Element;
use shardwright_codec::resp::{Args, Protocol, ReplyWriter};

use super::sorted_set_options::{numbered_keys, positive_or, whole_number};
use super::sorted_set_range::{Copied, store};
use crate::command::Outcome;
use crate::context::{ReadCx, WriteCx};
use crate::data::sorted_set::View;
use crate::data::{Collection, Set, SortedSet, set};
use crate::error::CommandError;
use crate::hash::KeyHasher;
use crate::strtod::parse_double;
use crate::value::ValueRef;

const NOT_A_WEIGHT: CommandError = CommandError::Text("ERR weight value is not a float");
const NEGATIVE_LIMIT: CommandError = CommandError::Text("ERR LIMIT can't be negative");

/// Members with scores of a key of any type that has such.
#[derive(Clone, Copy)]
enum Members<'a> {
    Sorted(View<'a>),
    Plain(set::View<'a>),
}

impl<'a> Members<'a> {
    fn of(value: ValueRef<'a>) -> Result<Self, CommandError> {
        let sorted = SortedSet::view_of(value).map(Self::Sorted);
        let members = sorted.or_else(|| Set::view_of(value).map(Self::Plain));
        members.ok_or(CommandError::WrongType)
    }

    fn len(self) -> usize {
        match self {
            Self::Sorted(set) => set.len(),
            Self::Plain(set) => set.len(),
        }
    }

    fn score(self, member: &[u8]) -> Option<f64> {
        match self {
            Self::Sorted(set) => set.score(member),
            Self::Plain(set) => set.contains(member).then_some(1.0),
        }
    }

    /// Visits members until `visit` says that it is enough.
    fn visit(self, visit: &mut dyn FnMut(Element<'_>, f64) -> bool) {
        match self {
            Self::Sorted(set) => set.visit(0..set.len(), false, visit),
            Self::Plain(set) => _ = set.all(&mut |member| visit(member, 1.0)),
        }
    }
}

/// Where members come from: a context that reads, or one that writes.
trait Source {
    /// The members at a key; `first` if it was not asked for before.
    fn members(&mut self, key: &[u8], first: bool) -> Result<Option<Members<'_>>, CommandError>;

    fn hasher(&mut self) -> KeyHasher;
}

impl Source for &ReadCx<'_> {
    fn members(&mut self, key: &[u8], first: bool) -> Result<Option<Members<'_>>, CommandError> {
        let entry = if first { self.get(key) } else { self.peek(self.frame.db, key) };
        entry.map(|entry| Members::of(entry.value())).transpose()
    }

    fn hasher(&mut self) -> KeyHasher {
        let shaping = self.partitions().next().map(|partition| partition.shaping());
        shaping.map_or(KeyHasher::new([0; 2]), |shaping| shaping.hasher)
    }
}

impl Source for WriteCx<'_, '_> {
    fn members(&mut self, key: &[u8], first: bool) -> Result<Option<Members<'_>>, CommandError> {
        let entry = if first { self.get_counted(key) } else { self.get(key) };
        entry.map(|entry| Members::of(entry.value())).transpose()
    }

    fn hasher(&mut self) -> KeyHasher {
        self.shaping().hasher
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Union,
    Intersection,
    Difference,
}

/// How scores of one member are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Aggregate {
    Sum,
    Min,
    Max,
}

impl Aggregate {
    fn put_together(self, score: &mut f64, other: f64) {
        match self {
            Self::Sum => {
                let sum = *score + other;
                // Infinities of both signs.
                *score = if sum.is_nan() { 0.0 } else { sum };
            }
            Self::Min if other < *score => *score = other,
            Self::Max if other > *score => *score = other,
            Self::Min | Self::Max => {}
        }
    }
}

/// One of the sets.
struct Input<'a> {
    key: &'a [u8],
    len: usize,
    weight: f64,
}

/// What is to be done with which sets.
struct Request<'a> {
    operation: Operation,
    inputs: Vec<Input<'a>>,
    aggregate: Aggregate,
    with_scores: bool,
}

/// What may follow the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Given,
    Stored,
}

/// Where the keys are behind their number at `at`.
fn keys_of(args: Args<'_>, at: usize) -> Result<Range<usize>, CommandError> {
    let number = whole_number(args.at(at))?;
    let Some(number) = usize::try_from(number).ok().filter(|&number| number > 0) else {
        let name = args.at(0).to_ascii_lowercase();
        let before = "ERR at least 1 input key is needed for '";
        return Err(CommandError::quoting(before, &name, "' command"));
    };
    numbered_keys(args, at, number).ok_or(CommandError::Syntax)
}

impl<'a> Request<'a> {
    /// Reads the arguments from the number of keys at `at` on. Keys of other types are an error
    /// before options that do not exist.
    fn parse(
        source: &mut impl Source,
        args: Args<'a>,
        at: usize,
        operation: Operation,
        form: Form,
    ) -> Result<Self, CommandError> {
        let keys = keys_of(args, at)?;
        let mut inputs = Vec::with_capacity(keys.len());
        for key in keys.clone().map(|at| args.at(at)) {
            let len = source.members(key, true)?.map_or(0, Members::len);
            inputs.push(Input { key, len, weight: 1.0 });
        }
        let (mut aggregate, mut with_scores) = (Aggregate::Sum, false);
        let combines = operation != Operation::Difference;
        let mut words = args.skip(keys.end);
        while let Some(word) = words.get(0) {
            let taken = match word.to_ascii_uppercase().as_slice() {
                b"WEIGHTS" if combines && words.len() > inputs.len() => {
                    for (input, weight) in inputs.iter_mut().zip(words.skip(1).iter()) {
                        input.weight = parse_double(weight).ok_or(NOT_A_WEIGHT)?;
                    }
                    1 + inputs.len()
                }
                b"AGGREGATE" if combines && words.len() > 1 => {
                    aggregate = match words.at(1).to_ascii_uppercase().as_slice() {
                        b"SUM" => Aggregate::Sum,
                        b"MIN" => Aggregate::Min,
                        b"MAX" => Aggregate::Max,
                        _ => return Err(CommandError::Syntax),
                    };
                    2
                }
                b"WITHSCORES" if form == Form::Given => {
                    with_scores = true;
                    1
                }
                _ => return Err(CommandError::Syntax),
            };
            words = words.skip(taken);
        }
        if combines {
            inputs.sort_by_key(|input| input.len);
        }
        Ok(Self { operation, inputs, aggregate, with_scores })
    }

    /// The members of the sets that the work begins with.
    fn collect(&self, source: &mut impl Source) -> Result<Copied, CommandError> {
        let mut found = Copied::default();
        let count = if self.operation == Operation::Union { self.inputs.len() } else { 1 };
        for input in self.inputs.iter().take(count) {
            let Some(members) = source.members(input.key, false)? else { continue };
            members.visit(&mut |member, score| {
                let score = input.weight * score;
                found.push(member, if score.is_nan() { 0.0 } else { score });
                true
            });
        }
        Ok(found)
    }

    /// The result, each member once, in no order.
    fn result<'f>(
        &self,
        source: &mut impl Source,
        found: &'f Copied,
    ) -> Result<Vec<(f64, &'f [u8])>, CommandError> {
        if self.operation == Operation::Union {
            return Ok(self.united(source.hasher(), found));
        }
        let mut result: Vec<_> = found.iter().collect();
        for input in self.inputs.iter().skip(1) {
            let members = source.members(input.key, false)?;
            let score_of = |member: &[u8]| members.and_then(|members| members.score(member));
            if self.operation == Operation::Difference {
                result.retain(|(_, member)| score_of(member).is_none());
                continue;
            }
            result.retain_mut(|(score, member)| {
                let other = score_of(member).map(|other| other * input.weight);
                other.is_some_and(|other| {
                    self.aggregate.put_together(score, other);
                    true
                })
            });
        }
        Ok(result)
    }

    fn united<'f>(&self, hasher: KeyHasher, found: &'f Copied) -> Vec<(f64, &'f [u8])> {
        if self.inputs.len() == 1 {
            return found.iter().collect();
        }
        let mut united: Vec<(f64, &[u8])> = Vec::with_capacity(found.len());
        // Numbers of members in the result, from 1 on, at places by hash; 0 is free.
        let mut places = vec![0_usize; (2 * found.len()).next_power_of_two()];
        let mask = places.len() - 1;
        for (score, member) in found.iter() {
            let mut at = hasher.hash_bytes(member) as usize & mask;
            while let Some(place) = places.get_mut(at) {
                match place.checked_sub(1).and_then(|number| united.get_mut(number)) {
                    None => {
                        united.push((score, member));
                        *place = united.len();
                        break;
                    }
                    Some((old, other)) if *other == member => {
                        self.aggregate.put_together(old, score);
                        break;
                    }
                    Some(_) => at = (at + 1) & mask,
                }
            }
        }
        united
    }
}

fn give(
    mut cx: &ReadCx<'_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
    operation: Operation,
) -> Outcome {
    let request = Request::parse(&mut cx, args, 1, operation, Form::Given)?;
    let found = request.collect(&mut cx)?;
    let mut result = request.result(&mut cx, &found)?;
    SortedSet::order(&mut result);
    let nested = request.with_scores && reply.protocol() == Protocol::Resp3;
    let flat = request.with_scores && !nested;
    reply.array(if flat { 2 * result.len() } else { result.len() });
    for (score, member) in result {
        if nested {
            reply.array(2);
        }
        reply.bulk(member);
        if request.with_scores {
            reply.double(score);
        }
    }
    Ok(())
}

fn give_stored(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
    operation: Operation,
    event: &'static str,
) -> Outcome {
    let request = Request::parse(cx, args, 2, operation, Form::Stored)?;
    let found = request.collect(cx)?;
    let result = request.result(cx, &found)?;
    let stored = store(cx, args.at(1), result, event);
    reply.int(stored as i64);
    Ok(())
}

pub(super) fn zunion(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    give(cx, args, reply, Operation::Union)
}

pub(super) fn zinter(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    give(cx, args, reply, Operation::Intersection)
}

pub(super) fn zdiff(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    give(cx, args, reply, Operation::Difference)
}

pub(super) fn zunionstore(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    give_stored(cx, args, reply, Operation::Union, "zunionstore")
}

pub(super) fn zinterstore(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    give_stored(cx, args, reply, Operation::Intersection, "zinterstore")
}

pub(super) fn zdiffstore(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    give_stored(cx, args, reply, Operation::Difference, "zdiffstore")
}

pub(super) fn zintercard(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let keys = keys_of(args, 1)?;
    let mut sets = Vec::with_capacity(keys.len());
    for key in keys.clone().map(|at| args.at(at)) {
        let value = cx.get(key).map(|entry| Members::of(entry.value()));
        sets.push(value.transpose()?);
    }
    let mut limit = 0;
    let mut words = args.skip(keys.end).iter();
    while let Some(word) = words.next() {
        let value = words.next().filter(|_| word.eq_ignore_ascii_case(b"LIMIT"));
        limit = positive_or(value.ok_or(CommandError::Syntax)?, 0, NEGATIVE_LIMIT)?;
    }
    // Without a set that is not there, which has no members.
    let sets: Option<Vec<Members<'_>>> = sets.into_iter().collect();
    let mut sets = sets.unwrap_or_default();
    sets.sort_by_key(|set| set.len());
    let mut count = 0;
    if let Some((smallest, others)) = sets.split_first() {
        smallest.visit(&mut |member, _| {
            let mut digits = [0; shardwright_codec::number::MAX_I64_LEN];
            let member = member.text(&mut digits);
            count += usize::from(others.iter().all(|set| set.score(member).is_some()));
            limit == 0 || count < limit
        });
    }
    reply.int(count as i64);
    Ok(())
}
