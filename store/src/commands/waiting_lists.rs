//! List commands that may wait: BLPOP, BRPOP, BLMPOP, BLMOVE and BRPOPLPUSH.

use shardwright_codec::resp::{Args, ReplyWriter};

use super::list_ends::{MultiPop, move_one, pop_many, pop_one, side_of};
use super::waiting::{served, takes, timeout};
use super::waiting_arguments as args;
use crate::command::{
    Begin, Blocking, Categories, DataCommand, Find, Flags, Group, KeySpec, KeyUse, Outcome, Spec,
    WriteHandler,
};
use crate::context::WriteCx;
use crate::data::List;
use crate::data::list::Side;

/// List commands that may wait.
pub const COMMANDS: &[DataCommand] = &[
DataCommand::block(
    Spec::new("blpop", Group::List, -3)
        .flags(&[Flags::WRITE, Flags::NOSCRIPT, Flags::BLOCKING])
        .categories(&[Categories::LIST])
        .keys(&[KeySpec { begin: Begin::Index(1), find: Find::Range { last: -2, step: 1, limit: 0 }, uses: KeyUse::RW.with(KeyUse::ACCESS).with(KeyUse::DELETE), notes: "" }])
        .doc("2.0.0", "O(N) where N is the number of provided keys.", "Take the first element of the first list that has one, or wait for one")
        .arguments(args::BLPOP)
        .history(args::BLPOP_HISTORY)
        .example("> RPUSH blpop:key a b\n(integer) 2\n> BLPOP blpop:key 0\n1) \"blpop:key\"\n2) \"a\""),
    &BLPOP,
),
DataCommand::block(
    Spec::new("brpop", Group::List, -3)
        .flags(&[Flags::WRITE, Flags::NOSCRIPT, Flags::BLOCKING])
        .categories(&[Categories::LIST])
        .keys(&[KeySpec { begin: Begin::Index(1), find: Find::Range { last: -2, step: 1, limit: 0 }, uses: KeyUse::RW.with(KeyUse::ACCESS).with(KeyUse::DELETE), notes: "" }])
        .doc("2.0.0", "O(N) where N is the number of provided keys.", "Take the last element of the first list that has one, or wait for one")
        .arguments(args::BRPOP)
        .history(args::BRPOP_HISTORY)
        .example("> RPUSH brpop:key a b\n(integer) 2\n> BRPOP brpop:key 0\n1) \"brpop:key\"\n2) \"b\""),
    &BRPOP,
),
DataCommand::block(
    Spec::new("blmove", Group::List, 6)
        .flags(&[Flags::WRITE, Flags::DENYOOM, Flags::NOSCRIPT, Flags::BLOCKING])
        .categories(&[Categories::LIST])
        .keys(&[KeySpec::one(1, KeyUse::RW.with(KeyUse::ACCESS).with(KeyUse::DELETE)), KeySpec::one(2, KeyUse::RW.with(KeyUse::INSERT))])
        .doc("6.2.0", "O(1)", "Move an element from one list to another, or wait for one")
        .arguments(args::BLMOVE)
        .example("> RPUSH {blmove}a one two\n(integer) 2\n> BLMOVE {blmove}a {blmove}b RIGHT LEFT 0\n\"two\""),
    &BLMOVE,
),
DataCommand::block(
    Spec::new("brpoplpush", Group::List, 4)
        .flags(&[Flags::WRITE, Flags::DENYOOM, Flags::NOSCRIPT, Flags::BLOCKING])
        .categories(&[Categories::LIST])
        .keys(&[KeySpec::one(1, KeyUse::RW.with(KeyUse::ACCESS).with(KeyUse::DELETE)), KeySpec::one(2, KeyUse::RW.with(KeyUse::INSERT))])
        .doc("2.2.0", "O(1)", "Move the last element of a list to the front of another, or wait for one")
        .arguments(args::BRPOPLPUSH)
        .history(args::BRPOPLPUSH_HISTORY)
        .deprecated("6.2.0", "`BLMOVE` with the `RIGHT` and `LEFT` arguments")
        .example("> RPUSH {brpoplpush}a one two\n(integer) 2\n> BRPOPLPUSH {brpoplpush}a {brpoplpush}b 0\n\"two\""),
    &BRPOPLPUSH,
),
DataCommand::block(
    Spec::new("blmpop", Group::List, -5)
        .flags(&[Flags::WRITE, Flags::BLOCKING, Flags::MOVABLE_KEYS])
        .categories(&[Categories::LIST])
        .keys(&[KeySpec { begin: Begin::Index(2), find: Find::Count { at: 0, first: 1, step: 1 }, uses: KeyUse::RW.with(KeyUse::ACCESS).with(KeyUse::DELETE), notes: "" }])
        .doc("7.0.0", "O(N+M) where N is the number of provided keys and M is the number of elements returned.", "Take elements of the first list that has some, or wait for some")
        .arguments(args::BLMPOP)
        .example("> RPUSH blmpop:key a b\n(integer) 2\n> BLMPOP 0 1 blmpop:key LEFT COUNT 2\n1) \"blmpop:key\"\n2) 1) \"a\"\n   2) \"b\""),
    &BLMPOP,
),
];

static BLPOP: Blocking = takes::<List>(|cx, _, reply| pop(cx, reply, Side::Front));
static BRPOP: Blocking = takes::<List>(|cx, _, reply| pop(cx, reply, Side::Back));
static BLMPOP: Blocking = Blocking {
    patience: |args| {
        MultiPop::parse(args, 2)?;
        timeout(args, 1)
    },
    ..takes::<List>(blmpop)
};
static BLMOVE: Blocking = Blocking {
    patience: |args| {
        side_of(args.at(3))?;
        side_of(args.at(4))?;
        timeout(args, 5)
    },
    ..moves(blmove)
};
static BRPOPLPUSH: Blocking = Blocking { patience: |args| timeout(args, 3), ..moves(brpoplpush) };

/// A command that moves an element from its first key to its second.
const fn moves(run: WriteHandler) -> Blocking {
    Blocking { nothing: |reply| reply.null(), moves: true, ..takes::<List>(run) }
}

fn pop(cx: &mut WriteCx<'_, '_>, reply: &mut ReplyWriter<'_>, side: Side) -> Outcome {
    let key = served(cx);
    if let Some(element) = pop_one(cx, key, side)? {
        reply.array(2);
        reply.bulk(key);
        reply.bulk(&element);
    }
    Ok(())
}

fn blmpop(cx: &mut WriteCx<'_, '_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let MultiPop { side, count, .. } = MultiPop::parse(args, 2)?;
    let key = served(cx);
    let mut head = |reply: &mut ReplyWriter<'_>| {
        reply.array(2);
        reply.bulk(key);
    };
    pop_many(cx, key, side, count, &mut head, reply).map(drop)
}

fn blmove(cx: &mut WriteCx<'_, '_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let (from, to) = (side_of(args.at(3))?, side_of(args.at(4))?);
    reply_moved(cx, args, (from, to), reply)
}

fn brpoplpush(cx: &mut WriteCx<'_, '_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    reply_moved(cx, args, (Side::Back, Side::Front), reply)
}

fn reply_moved(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    (from, to): (Side, Side),
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    if let Some(element) = move_one(cx, args.at(1), args.at(2), from, to)? {
        reply.bulk(&element);
    }
    Ok(())
}
