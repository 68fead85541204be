//! What several sets have in common, together or apart: SINTER, SINTERCARD, SUNION, SDIFF, and the
//! forms that store the result.
//!
//! A result goes to a visitor, member by member and each once; whether it becomes a reply or a set
//! is another matter. No set is copied for a reply.

use shardwright_codec::listpack::Element;
use shardwright_codec::number::{MAX_I64_LEN, parse_i64_strict};
use shardwright_codec::resp::{Args, ReplyWriter};

use super::write_element;
use crate::command::Outcome;
use crate::context::{ReadCx, Ttl, WriteCx};
use crate::data::set::View;
use crate::data::{Collection, Set, Shaping};
use crate::effect::Event;
use crate::error::CommandError;

/// Takes a member of a result; says whether it wants more.
type Visit<'v, 'a> = dyn FnMut(Element<'a>) -> bool + 'v;

/// The sets at hand; nothing where there is no key.
type Sets<'a> = Vec<Option<View<'a>>>;

/// One of the three operations.
#[derive(Debug, Clone, Copy)]
enum Operation {
    Intersection,
    Union,
    Difference,
}

impl Operation {
    /// Visits the members of the result.
    fn visit<'a>(self, sets: Sets<'a>, shaping: &Shaping, visit: &mut Visit<'_, 'a>) {
        match self {
            Self::Intersection => intersection(sets, visit),
            Self::Union => union(sets.into_iter().flatten().collect(), visit),
            Self::Difference => difference(sets, shaping, visit),
        }
    }
}

/// What all sets have: the members of the smallest are looked for in the others.
fn intersection<'a>(sets: Sets<'a>, visit: &mut Visit<'_, 'a>) {
    let Some(mut sets) = sets.into_iter().collect::<Option<Vec<_>>>() else { return };
    sets.sort_by_key(|set| set.len());
    let Some((smallest, others)) = sets.split_first() else { return };
    smallest.all(&mut |member| !others.iter().all(|set| set.has(member)) || visit(member));
}

/// What any set has: the members of each that none of the larger ones has.
fn union<'a>(mut sets: Vec<View<'a>>, visit: &mut Visit<'_, 'a>) {
    sets.sort_by_key(|set| std::cmp::Reverse(set.len()));
    for (at, set) in sets.iter().enumerate() {
        let larger = sets.get(..at).unwrap_or_default();
        set.all(&mut |member| larger.iter().any(|set| set.has(member)) || visit(member));
    }
}

/// What the first set has and no other. If the others are much smaller together, what they take
/// away is found out first.
fn difference<'a>(sets: Sets<'a>, shaping: &Shaping, visit: &mut Visit<'_, 'a>) {
    const MUCH_SMALLER: usize = 4;
    let mut sets = sets.into_iter();
    let Some(first) = sets.next().flatten() else { return };
    let mut others: Vec<_> = sets.flatten().collect();
    others.sort_by_key(|set| std::cmp::Reverse(set.len()));
    let sum = others.iter().fold(0, |sum: usize, set| sum.saturating_add(set.len()));
    if sum >= first.len() / MUCH_SMALLER {
        first.all(&mut |member| others.iter().any(|set| set.has(member)) || visit(member));
        return;
    }
    let mut taken = Set::new_table(shaping);
    for set in others {
        set.for_each(&mut |member| {
            if first.has(member) {
                taken.add(member.text(&mut [0; MAX_I64_LEN]), shaping);
            }
        });
    }
    if taken.is_empty() {
        first.all(visit);
    } else {
        let taken = taken.view();
        first.all(&mut |member| taken.has(member) || visit(member));
    }
}

/// The sets at the keys of a command that only reads.
fn sets_of<'a>(cx: &ReadCx<'a>, keys: Args<'_>) -> Result<Sets<'a>, CommandError> {
    keys.iter().map(|key| cx.collection::<Set>(key)).collect()
}

/// Replies the result as a set.
fn reply_result(
    operation: Operation,
    cx: &ReadCx<'_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    let sets = sets_of(cx, args.skip(1))?;
    let Some(shaping) = cx.shaping() else { return Ok(()) };
    let begin = reply.out.len();
    let mut count = 0;
    operation.visit(sets, &shaping, &mut |member| {
        count += 1;
        write_element(member, reply);
        true
    });
    // How many there are is known only now, and goes before them.
    let end = reply.out.len();
    reply.set(count);
    let head = reply.out.len() - end;
    if let Some(written) = reply.out.get_mut(begin..) {
        written.rotate_right(head);
    }
    Ok(())
}

/// Sets the first key to the result of the others.
fn store_result(
    operation: Operation,
    event: &'static str,
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    let shaping = cx.shaping();
    let mut result = Set::empty(Vec::new());
    let sets = cx.collections::<Set>(args.skip(2).iter())?;
    operation.visit(sets, &shaping, &mut |member| {
        result.add(member.text(&mut [0; MAX_I64_LEN]), &shaping);
        true
    });
    reply.int(result.view().len() as i64);
    cx.key(args.at(1)).put_collection(result, Ttl::Clear, Event::set(event));
    Ok(())
}

pub(super) fn sinter(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    reply_result(Operation::Intersection, cx, args, reply)
}

pub(super) fn sunion(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    reply_result(Operation::Union, cx, args, reply)
}

pub(super) fn sdiff(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    reply_result(Operation::Difference, cx, args, reply)
}

pub(super) fn sinterstore(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    store_result(Operation::Intersection, "sinterstore", cx, args, reply)
}

pub(super) fn sunionstore(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    store_result(Operation::Union, "sunionstore", cx, args, reply)
}

pub(super) fn sdiffstore(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    store_result(Operation::Difference, "sdiffstore", cx, args, reply)
}

pub(super) fn sintercard(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    const NO_KEYS: CommandError = CommandError::Text("ERR numkeys should be greater than 0");
    const TOO_MANY: CommandError =
        CommandError::Text("ERR Number of keys can't be greater than number of args");
    let count = parse_i64_strict(args.at(1)).and_then(|count| usize::try_from(count).ok());
    let count = count.filter(|&count| count > 0).ok_or(NO_KEYS)?;
    if count > args.len() - 2 {
        return Err(TOO_MANY);
    }
    let limit = limit(args.skip(2 + count))?;
    let sets = args.skip(2).iter().take(count).map(|key| cx.collection::<Set>(key));
    let sets = sets.collect::<Result<Sets<'_>, _>>()?;
    let mut found = 0;
    intersection(sets, &mut |_| {
        found += 1;
        found != limit
    });
    reply.int(found as i64);
    Ok(())
}

/// What the LIMIT options say; 0 for no limit.
fn limit(options: Args<'_>) -> Result<usize, CommandError> {
    let mut limit = 0;
    let mut words = options.iter();
    while let Some(word) = words.next() {
        let number = words.next().filter(|_| word.eq_ignore_ascii_case(b"LIMIT"));
        let number = parse_i64_strict(number.ok_or(CommandError::Syntax)?);
        let number = number.and_then(|number| usize::try_from(number).ok());
        limit = number.ok_or(CommandError::Text("ERR LIMIT can't be negative"))?;
    }
    Ok(limit)
}
