//! Sorted set commands that may wait: BZPOPMIN, BZPOPMAX and BZMPOP.

use shardwright_codec::resp::{Args, ReplyWriter};

use super::sorted_set_change::{End, PopRequest, pop, write_popped};
use super::waiting::{served, takes, timeout};
use super::waiting_arguments as args;
use super::write_element;
use crate::command::{
    Begin, Blocking, Categories, DataCommand, Find, Flags, Group, KeySpec, KeyUse, Outcome, Spec,
};
use crate::context::WriteCx;
use crate::data::SortedSet;

/// Sorted set commands that may wait.
pub const COMMANDS: &[DataCommand] = &[
DataCommand::block(
    Spec::new("bzpopmin", Group::SortedSet, -3)
        .flags(&[Flags::WRITE, Flags::NOSCRIPT, Flags::BLOCKING, Flags::FAST])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec { begin: Begin::Index(1), find: Find::Range { last: -2, step: 1, limit: 0 }, uses: KeyUse::RW.with(KeyUse::ACCESS).with(KeyUse::DELETE), notes: "" }])
        .doc("5.0.0", "O(log(N)) with N being the number of elements in the sorted set.", "Take the member with the lowest score of the first sorted set that has one, or wait")
        .arguments(args::BZPOPMIN)
        .history(args::BZPOPMIN_HISTORY)
        .example("> ZADD bzpopmin:key 1 a 2 b\n(integer) 2\n> BZPOPMIN bzpopmin:key 0\n1) \"bzpopmin:key\"\n2) \"a\"\n3) \"1\""),
    &BZPOPMIN,
),
DataCommand::block(
    Spec::new("bzpopmax", Group::SortedSet, -3)
        .flags(&[Flags::WRITE, Flags::NOSCRIPT, Flags::BLOCKING, Flags::FAST])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec { begin: Begin::Index(1), find: Find::Range { last: -2, step: 1, limit: 0 }, uses: KeyUse::RW.with(KeyUse::ACCESS).with(KeyUse::DELETE), notes: "" }])
        .doc("5.0.0", "O(log(N)) with N being the number of elements in the sorted set.", "Take the member with the highest score of the first sorted set that has one, or wait")
        .arguments(args::BZPOPMAX)
        .history(args::BZPOPMAX_HISTORY)
        .example("> ZADD bzpopmax:key 1 a 2 b\n(integer) 2\n> BZPOPMAX bzpopmax:key 0\n1) \"bzpopmax:key\"\n2) \"b\"\n3) \"2\""),
    &BZPOPMAX,
),
DataCommand::block(
    Spec::new("bzmpop", Group::SortedSet, -5)
        .flags(&[Flags::WRITE, Flags::BLOCKING, Flags::MOVABLE_KEYS])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec { begin: Begin::Index(2), find: Find::Count { at: 0, first: 1, step: 1 }, uses: KeyUse::RW.with(KeyUse::ACCESS).with(KeyUse::DELETE), notes: "" }])
        .doc("7.0.0", "O(K) + O(M*log(N)) where K is the number of provided keys, N being the number of elements in the sorted set, and M being the number of elements popped.", "Take members of the first sorted set that has some, or wait for some")
        .arguments(args::BZMPOP)
        .example("> ZADD bzmpop:key 1 a 2 b\n(integer) 2\n> BZMPOP 0 1 bzmpop:key MAX\n1) \"bzmpop:key\"\n2) 1) 1) \"b\"\n      2) \"2\""),
    &BZMPOP,
),
];

static BZPOPMIN: Blocking = takes::<SortedSet>(|cx, _, reply| pop_one(cx, reply, End::Min));
static BZPOPMAX: Blocking = takes::<SortedSet>(|cx, _, reply| pop_one(cx, reply, End::Max));
static BZMPOP: Blocking = Blocking {
    patience: |args| {
        PopRequest::parse(args, 2)?;
        timeout(args, 1)
    },
    ..takes::<SortedSet>(bzmpop)
};

fn pop_one(cx: &mut WriteCx<'_, '_>, reply: &mut ReplyWriter<'_>, end: End) -> Outcome {
    let key = served(cx);
    let popped = pop(cx, key, end, 1, |view, ranks| {
        reply.array(3);
        reply.bulk(key);
        view.visit(ranks, end == End::Max, &mut |member, score| {
            write_element(member, reply);
            reply.double(score);
            true
        });
    });
    popped.map(drop)
}

fn bzmpop(cx: &mut WriteCx<'_, '_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let request = PopRequest::parse(args, 2)?;
    let key = served(cx);
    write_popped(cx, key, &request, reply).map(drop)
}
