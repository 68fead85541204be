//! The ends of lists: LPUSH, RPUSH, LPUSHX, RPUSHX, LPOP, RPOP, LMPOP, LMOVE and RPOPLPUSH.
//!
//! What pops and moves is there as functions of its own too, for commands that may have to wait.

use shardwright_codec::number::parse_i64_strict;
use shardwright_codec::resp::{Args, ReplyWriter};

use super::write_element;
use crate::command::Outcome;
use crate::context::WriteCx;
use crate::data::List;
use crate::data::list::{Edit, Side, View};
use crate::effect::Event;
use crate::error::CommandError;

/// The event of elements that came at an end.
const fn pushed(side: Side) -> Event {
    Event::list(match side {
        Side::Front => "lpush",
        Side::Back => "rpush",
    })
}

/// The event of elements that went at an end.
const fn popped(side: Side) -> Event {
    Event::list(match side {
        Side::Front => "lpop",
        Side::Back => "rpop",
    })
}

pub(super) fn lpush(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    push(cx, args, reply, Side::Front)
}

pub(super) fn rpush(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    push(cx, args, reply, Side::Back)
}

pub(super) fn lpushx(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    push_if_exists(cx, args, reply, Side::Front)
}

pub(super) fn rpushx(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    push_if_exists(cx, args, reply, Side::Back)
}

#[inline]
fn push(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
    side: Side,
) -> Outcome {
    let len = cx.edit::<List, _>(args.at(1), pushed(side), |list| {
        for element in args.skip(2) {
            list.apply(Edit::Push(side, element));
        }
        list.view().len()
    })?;
    reply.int(len as i64);
    Ok(())
}

fn push_if_exists(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
    side: Side,
) -> Outcome {
    if cx.key(args.at(1)).exists() {
        return push(cx, args, reply, side);
    }
    reply.int(0);
    Ok(())
}

pub(super) fn lpop(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    pop(cx, args, reply, Side::Front)
}

pub(super) fn rpop(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    pop(cx, args, reply, Side::Back)
}

#[inline]
fn pop(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
    side: Side,
) -> Outcome {
    match args.len() {
        2 => cx.edit::<List, _>(args.at(1), popped(side), |list| {
            match list.view().end(side) {
                Some(element) => write_element(element, reply),
                None => reply.null(),
            }
            list.apply(Edit::Pop(side, 1));
        }),
        3 => {
            let count = parse_i64_strict(args.at(2)).and_then(|count| usize::try_from(count).ok());
            let count =
                count.ok_or(CommandError::Text("ERR value is out of range, must be positive"))?;
            if !pop_many(cx, args.at(1), side, count, &mut |_| (), reply)? {
                reply.null_array();
            }
            Ok(())
        }
        _ => Err(CommandError::Arity(if side == Side::Front { "lpop" } else { "rpop" }.to_owned())),
    }
}

/// Pops an element. Returns nothing if there is no list.
///
/// # Errors
/// The key holds another data type.
#[allow(dead_code, reason = "for commands that may have to wait")]
pub(super) fn pop_one(
    cx: &mut WriteCx<'_, '_>,
    key: &[u8],
    side: Side,
) -> Result<Option<Vec<u8>>, CommandError> {
    cx.edit::<List, _>(key, popped(side), |list| {
        let element = list.view().end(side).map(|element| element.to_vec());
        list.apply(Edit::Pop(side, 1));
        element
    })
}

/// Pops up to `count` elements and writes them as an array, what `before` writes before it. Returns
/// whether there is a list; if not, nothing was written.
///
/// # Errors
/// The key holds another data type; nothing was written then.
pub(super) fn pop_many(
    cx: &mut WriteCx<'_, '_>,
    key: &[u8],
    side: Side,
    count: usize,
    before: &mut dyn FnMut(&mut ReplyWriter<'_>),
    reply: &mut ReplyWriter<'_>,
) -> Result<bool, CommandError> {
    cx.edit::<List, _>(key, popped(side), |list| {
        let view = list.view();
        if view.is_empty() {
            return false;
        }
        before(reply);
        let count = count.min(view.len());
        reply.array(count);
        view.from(side, 0).take(count).for_each(|element| write_element(element, reply));
        list.apply(Edit::Pop(side, count as u64));
        true
    })
}

/// What LMPOP and its like are asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct MultiPop<'a> {
    /// The keys, in the order in which they are tried.
    pub keys: Args<'a>,
    /// Number of keys; what follows them is not.
    pub key_count: usize,
    /// Where elements are popped.
    pub side: Side,
    /// Most elements.
    pub count: usize,
}

impl<'a> MultiPop<'a> {
    /// Reads `numkeys key [key ...] LEFT|RIGHT [COUNT count]`, which begins at argument `at`.
    ///
    /// # Errors
    /// It is not that.
    pub fn parse(args: Args<'a>, at: usize) -> Result<Self, CommandError> {
        let keys = positive(args.at(at), "ERR numkeys should be greater than 0")?;
        let end = keys.checked_add(at + 1).filter(|&end| end < args.len());
        let end = end.ok_or(CommandError::Syntax)?;
        let side = side_of(args.at(end))?;
        let count = match args.len() - end {
            1 => 1,
            3 if args.at(end + 1).eq_ignore_ascii_case(b"COUNT") => {
                positive(args.at(end + 2), "ERR count should be greater than 0")?
            }
            longer if longer > 3 && args.at(end + 1).eq_ignore_ascii_case(b"COUNT") => {
                positive(args.at(end + 2), "ERR count should be greater than 0")?;
                return Err(CommandError::Syntax);
            }
            _ => return Err(CommandError::Syntax),
        };
        Ok(Self { keys: args.skip(at + 1), key_count: keys, side, count })
    }

    /// Pops from the first key that has a list, and replies the key with the elements. Returns
    /// whether there was one; if not, nothing was written.
    ///
    /// # Errors
    /// A key before it holds another data type; nothing was written then.
    pub fn run(
        &self,
        cx: &mut WriteCx<'_, '_>,
        reply: &mut ReplyWriter<'_>,
    ) -> Result<bool, CommandError> {
        for key in self.keys.iter().take(self.key_count) {
            let mut head = |reply: &mut ReplyWriter<'_>| {
                reply.array(2);
                reply.bulk(key);
            };
            if pop_many(cx, key, self.side, self.count, &mut head, reply)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn positive(text: &[u8], refused: &'static str) -> Result<usize, CommandError> {
    let number = parse_i64_strict(text).and_then(|number| usize::try_from(number).ok());
    number.filter(|&number| number > 0).ok_or(CommandError::Text(refused))
}

/// The end that LEFT or RIGHT names.
///
/// # Errors
/// It is neither.
pub(super) fn side_of(word: &[u8]) -> Result<Side, CommandError> {
    if word.eq_ignore_ascii_case(b"LEFT") {
        Ok(Side::Front)
    } else if word.eq_ignore_ascii_case(b"RIGHT") {
        Ok(Side::Back)
    } else {
        Err(CommandError::Syntax)
    }
}

pub(super) fn lmpop(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    if !MultiPop::parse(args, 1)?.run(cx, reply)? {
        reply.null_array();
    }
    Ok(())
}

pub(super) fn lmove(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    let (from, to) = (side_of(args.at(3))?, side_of(args.at(4))?);
    reply_moved(cx, args, from, to, reply)
}

pub(super) fn rpoplpush(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    reply_moved(cx, args, Side::Back, Side::Front, reply)
}

fn reply_moved(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    from: Side,
    to: Side,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    match move_one(cx, args.at(1), args.at(2), from, to)? {
        Some(element) => reply.bulk(&element),
        None => reply.null(),
    }
    Ok(())
}

/// Moves an element from an end of a list to an end of another, or of the same one, and returns it;
/// nothing if there is no list to take it from.
///
/// It comes before it goes, so that a list whose only element moves to itself is never empty.
///
/// # Errors
/// A key holds another data type; nothing was changed then.
pub(super) fn move_one(
    cx: &mut WriteCx<'_, '_>,
    source: &[u8],
    destination: &[u8],
    from: Side,
    to: Side,
) -> Result<Option<Vec<u8>>, CommandError> {
    let list = cx.collection::<List>(source)?;
    let Some(element) = list.and_then(|list: View<'_>| list.end(from)) else { return Ok(None) };
    let element = element.to_vec();
    cx.edit::<List, _>(destination, pushed(to), |list| list.apply(Edit::Push(to, &element)))?;
    // In the list itself the element may have come where it is to go.
    cx.edit::<List, _>(source, popped(from), |list| list.apply(Edit::Pop(from, 1)))?;
    Ok(Some(element))
}
