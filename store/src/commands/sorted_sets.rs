//! Sorted set commands: the table of the family. Handlers are beside it, by what they do.

use super::sorted_set_algebra::{
    zdiff, zdiffstore, zinter, zintercard, zinterstore, zunion, zunionstore,
};
use super::sorted_set_change::{
    zadd, zincrby, zmpop, zpopmax, zpopmin, zrem, zremrangebylex, zremrangebyrank, zremrangebyscore,
};
use super::sorted_set_range::{
    zrange, zrangebylex, zrangebyscore, zrangestore, zrevrange, zrevrangebylex, zrevrangebyscore,
};
use super::sorted_set_read::{
    zcard, zcount, zlexcount, zmscore, zrandmember, zrank, zrevrank, zscan, zscore,
};
use super::sorted_sets_arguments as args;
use crate::command::{Begin, Categories, DataCommand, Find, Flags, Group, KeySpec, KeyUse, Spec};

/// As many keys as the argument at `at` tells, behind it.
const fn counted(at: usize, uses: KeyUse) -> KeySpec {
    let find = Find::Count { at: 0, first: 1, step: 1 };
    KeySpec { begin: Begin::Index(at), find, uses, notes: "" }
}

/// The family's commands.
pub const COMMANDS: &[DataCommand] = &[
DataCommand::write(
    Spec::new("zadd", Group::SortedSet, -4)
        .flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec::one(1, KeyUse::RW.with(KeyUse::UPDATE))])
        .doc("1.2.0", "O(log(N)) for each item added, where N is the number of elements in the sorted set.", "Put members with scores into a sorted set")
        .arguments(args::ZADD)
        .history(args::ZADD_HISTORY)
        .example("> ZADD zadd:key 1 one 2 two\n(integer) 2\n> ZADD zadd:key GT CH 0 one 5 two\n(integer) 1\n> ZRANGE zadd:key 0 -1 WITHSCORES\n1) \"one\"\n2) \"1\"\n3) \"two\"\n4) \"5\""),
    zadd,
),
DataCommand::write(
    Spec::new("zrem", Group::SortedSet, -3)
        .flags(&[Flags::WRITE, Flags::FAST])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec::one(1, KeyUse::RW.with(KeyUse::DELETE))])
        .doc("1.2.0", "O(M*log(N)) with N being the number of elements in the sorted set and M the number of elements to be removed.", "Take members out of a sorted set")
        .arguments(args::ZREM)
        .history(args::ZREM_HISTORY)
        .example("> ZADD zrem:key 1 a 2 b 3 c\n(integer) 3\n> ZREM zrem:key a none\n(integer) 1\n> ZCARD zrem:key\n(integer) 2"),
    zrem,
),
DataCommand::read(
    Spec::new("zscore", Group::SortedSet, 3)
        .flags(&[Flags::READONLY, Flags::FAST])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec::one(1, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("1.2.0", "O(1)", "Get the score of a member")
        .arguments(args::ZSCORE)
        .example("> ZADD zscore:key 1.5 one\n(integer) 1\n> ZSCORE zscore:key one\n\"1.5\"\n> ZSCORE zscore:key none\n(nil)"),
    zscore,
),
DataCommand::read(
    Spec::new("zmscore", Group::SortedSet, -3)
        .flags(&[Flags::READONLY, Flags::FAST])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec::one(1, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("6.2.0", "O(N) where N is the number of members being requested.", "Get the scores of several members")
        .arguments(args::ZMSCORE)
        .example("> ZADD zmscore:key 1 a 2 b 3 c\n(integer) 3\n> ZMSCORE zmscore:key a none c\n1) \"1\"\n2) (nil)\n3) \"3\""),
    zmscore,
),
DataCommand::write(
    Spec::new("zincrby", Group::SortedSet, 4)
        .flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec::one(1, KeyUse::RW.with(KeyUse::ACCESS).with(KeyUse::UPDATE))])
        .doc("1.2.0", "O(log(N)) where N is the number of elements in the sorted set.", "Add to the score of a member")
        .arguments(args::ZINCRBY)
        .example("> ZADD zincrby:key 1 one\n(integer) 1\n> ZINCRBY zincrby:key 2.5 one\n\"3.5\""),
    zincrby,
),
DataCommand::read(
    Spec::new("zcard", Group::SortedSet, 2)
        .flags(&[Flags::READONLY, Flags::FAST])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec::one(1, KeyUse::RO)])
        .doc("1.2.0", "O(1)", "Count the members of a sorted set")
        .arguments(args::ZCARD)
        .example("> ZADD zcard:key 1 a 2 b 3 c\n(integer) 3\n> ZCARD zcard:key\n(integer) 3"),
    zcard,
),
DataCommand::read(
    Spec::new("zcount", Group::SortedSet, 4)
        .flags(&[Flags::READONLY, Flags::FAST])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec::one(1, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("2.0.0", "O(log(N)) with N being the number of elements in the sorted set.", "Count the members with scores in a range")
        .arguments(args::ZCOUNT)
        .example("> ZADD zcount:key 1 a 2 b 3 c\n(integer) 3\n> ZCOUNT zcount:key (1 +inf\n(integer) 2"),
    zcount,
),
DataCommand::read(
    Spec::new("zlexcount", Group::SortedSet, 4)
        .flags(&[Flags::READONLY, Flags::FAST])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec::one(1, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("2.8.9", "O(log(N)) with N being the number of elements in the sorted set.", "Count the members with names in a range, where all scores are equal")
        .arguments(args::ZLEXCOUNT)
        .example("> ZADD zlexcount:key 0 a 0 b 0 c\n(integer) 3\n> ZLEXCOUNT zlexcount:key [b +\n(integer) 2"),
    zlexcount,
),
DataCommand::read(
    Spec::new("zrank", Group::SortedSet, -3)
        .flags(&[Flags::READONLY, Flags::FAST])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec::one(1, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("2.0.0", "O(log(N))", "Get the place of a member, from the lowest score on")
        .arguments(args::ZRANK)
        .history(args::RANK_HISTORY)
        .example("> ZADD zrank:key 1 a 2 b 3 c\n(integer) 3\n> ZRANK zrank:key b\n(integer) 1\n> ZRANK zrank:key none\n(nil)"),
    zrank,
),
DataCommand::read(
    Spec::new("zrevrank", Group::SortedSet, -3)
        .flags(&[Flags::READONLY, Flags::FAST])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec::one(1, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("2.0.0", "O(log(N))", "Get the place of a member, from the highest score on")
        .arguments(args::ZREVRANK)
        .history(args::RANK_HISTORY)
        .example("> ZADD zrevrank:key 1 a 2 b 3 c\n(integer) 3\n> ZREVRANK zrevrank:key c\n(integer) 0"),
    zrevrank,
),
DataCommand::read(
    Spec::new("zrange", Group::SortedSet, -4)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec::one(1, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("1.2.0", "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements returned.", "Get a range of members by rank, score or name")
        .arguments(args::ZRANGE)
        .history(args::ZRANGE_HISTORY)
        .example("> ZADD zrange:key 1 a 2 b 3 c\n(integer) 3\n> ZRANGE zrange:key 0 1\n1) \"a\"\n2) \"b\"\n> ZRANGE zrange:key (1 +inf BYSCORE WITHSCORES\n1) \"b\"\n2) \"2\"\n3) \"c\"\n4) \"3\""),
    zrange,
),
DataCommand::write(
    Spec::new("zrangestore", Group::SortedSet, -5)
        .flags(&[Flags::WRITE, Flags::DENYOOM])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec::one(1, KeyUse::OW.with(KeyUse::UPDATE)), KeySpec::one(2, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("6.2.0", "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements stored into the destination key.", "Store a range of members in another key")
        .arguments(args::ZRANGESTORE)
        .example("> ZADD {zrangestore}:from 1 a 2 b 3 c\n(integer) 3\n> ZRANGESTORE {zrangestore}:to {zrangestore}:from 0 1\n(integer) 2\n> ZRANGE {zrangestore}:to 0 -1\n1) \"a\"\n2) \"b\""),
    zrangestore,
),
DataCommand::read(
    Spec::new("zrangebyscore", Group::SortedSet, -4)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec::one(1, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("1.0.5", "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements being returned. If M is constant (e.g. always asking for the first 10 elements with LIMIT), you can consider it O(log(N)).", "Get members by a range of scores")
        .arguments(args::ZRANGEBYSCORE)
        .history(args::ZRANGEBYSCORE_HISTORY)
        .deprecated("6.2.0", "`ZRANGE` with the `BYSCORE` argument")
        .example("> ZADD zrangebyscore:key 1 a 2 b 3 c\n(integer) 3\n> ZRANGEBYSCORE zrangebyscore:key 1 2\n1) \"a\"\n2) \"b\""),
    zrangebyscore,
),
DataCommand::read(
    Spec::new("zrevrange", Group::SortedSet, -4)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec::one(1, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("1.2.0", "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements returned.", "Get members by a range of ranks, the highest score first")
        .arguments(args::ZREVRANGE)
        .deprecated("6.2.0", "`ZRANGE` with the `REV` argument")
        .example("> ZADD zrevrange:key 1 a 2 b 3 c\n(integer) 3\n> ZREVRANGE zrevrange:key 0 1\n1) \"c\"\n2) \"b\""),
    zrevrange,
),
DataCommand::read(
    Spec::new("zrevrangebyscore", Group::SortedSet, -4)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec::one(1, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("2.2.0", "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements being returned. If M is constant (e.g. always asking for the first 10 elements with LIMIT), you can consider it O(log(N)).", "Get members by a range of scores, the highest first")
        .arguments(args::ZREVRANGEBYSCORE)
        .history(args::ZREVRANGEBYSCORE_HISTORY)
        .deprecated("6.2.0", "`ZRANGE` with the `REV` and `BYSCORE` arguments")
        .example("> ZADD zrevrangebyscore:key 1 a 2 b 3 c\n(integer) 3\n> ZREVRANGEBYSCORE zrevrangebyscore:key +inf 2\n1) \"c\"\n2) \"b\""),
    zrevrangebyscore,
),
DataCommand::read(
    Spec::new("zrangebylex", Group::SortedSet, -4)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec::one(1, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("2.8.9", "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements being returned. If M is constant (e.g. always asking for the first 10 elements with LIMIT), you can consider it O(log(N)).", "Get members by a range of names, where all scores are equal")
        .arguments(args::ZRANGEBYLEX)
        .deprecated("6.2.0", "`ZRANGE` with the `BYLEX` argument")
        .example("> ZADD zrangebylex:key 0 a 0 b 0 c\n(integer) 3\n> ZRANGEBYLEX zrangebylex:key - (c\n1) \"a\"\n2) \"b\""),
    zrangebylex,
),
DataCommand::read(
    Spec::new("zrevrangebylex", Group::SortedSet, -4)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec::one(1, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("2.8.9", "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements being returned. If M is constant (e.g. always asking for the first 10 elements with LIMIT), you can consider it O(log(N)).", "Get members by a range of names, the last first, where all scores are equal")
        .arguments(args::ZREVRANGEBYLEX)
        .deprecated("6.2.0", "`ZRANGE` with the `REV` and `BYLEX` arguments")
        .example("> ZADD zrevrangebylex:key 0 a 0 b 0 c\n(integer) 3\n> ZREVRANGEBYLEX zrevrangebylex:key (c -\n1) \"b\"\n2) \"a\""),
    zrevrangebylex,
),
DataCommand::write(
    Spec::new("zremrangebyrank", Group::SortedSet, 4)
        .flags(&[Flags::WRITE])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec::one(1, KeyUse::RW.with(KeyUse::DELETE))])
        .doc("2.0.0", "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements removed by the operation.", "Take out members by a range of ranks")
        .arguments(args::ZREMRANGEBYRANK)
        .example("> ZADD zremrangebyrank:key 1 a 2 b 3 c\n(integer) 3\n> ZREMRANGEBYRANK zremrangebyrank:key 0 1\n(integer) 2\n> ZRANGE zremrangebyrank:key 0 -1\n1) \"c\""),
    zremrangebyrank,
),
DataCommand::write(
    Spec::new("zremrangebyscore", Group::SortedSet, 4)
        .flags(&[Flags::WRITE])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec::one(1, KeyUse::RW.with(KeyUse::DELETE))])
        .doc("1.2.0", "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements removed by the operation.", "Take out members by a range of scores")
        .arguments(args::ZREMRANGEBYSCORE)
        .example("> ZADD zremrangebyscore:key 1 a 2 b 3 c\n(integer) 3\n> ZREMRANGEBYSCORE zremrangebyscore:key -inf (3\n(integer) 2\n> ZRANGE zremrangebyscore:key 0 -1\n1) \"c\""),
    zremrangebyscore,
),
DataCommand::write(
    Spec::new("zremrangebylex", Group::SortedSet, 4)
        .flags(&[Flags::WRITE])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec::one(1, KeyUse::RW.with(KeyUse::DELETE))])
        .doc("2.8.9", "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements removed by the operation.", "Take out members by a range of names, where all scores are equal")
        .arguments(args::ZREMRANGEBYLEX)
        .example("> ZADD zremrangebylex:key 0 a 0 b 0 c\n(integer) 3\n> ZREMRANGEBYLEX zremrangebylex:key [b +\n(integer) 2\n> ZRANGE zremrangebylex:key 0 -1\n1) \"a\""),
    zremrangebylex,
),
DataCommand::write(
    Spec::new("zpopmin", Group::SortedSet, -2)
        .flags(&[Flags::WRITE, Flags::FAST])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec::one(1, KeyUse::RW.with(KeyUse::ACCESS).with(KeyUse::DELETE))])
        .doc("5.0.0", "O(log(N)*M) with N being the number of elements in the sorted set, and M being the number of elements popped.", "Take out the members with the lowest scores")
        .arguments(args::ZPOPMIN)
        .example("> ZADD zpopmin:key 1 a 2 b 3 c\n(integer) 3\n> ZPOPMIN zpopmin:key\n1) \"a\"\n2) \"1\"\n> ZCARD zpopmin:key\n(integer) 2"),
    zpopmin,
),
DataCommand::write(
    Spec::new("zpopmax", Group::SortedSet, -2)
        .flags(&[Flags::WRITE, Flags::FAST])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec::one(1, KeyUse::RW.with(KeyUse::ACCESS).with(KeyUse::DELETE))])
        .doc("5.0.0", "O(log(N)*M) with N being the number of elements in the sorted set, and M being the number of elements popped.", "Take out the members with the highest scores")
        .arguments(args::ZPOPMAX)
        .example("> ZADD zpopmax:key 1 a 2 b 3 c\n(integer) 3\n> ZPOPMAX zpopmax:key 2\n1) \"c\"\n2) \"3\"\n3) \"b\"\n4) \"2\""),
    zpopmax,
),
DataCommand::write(
    Spec::new("zmpop", Group::SortedSet, -4)
        .flags(&[Flags::WRITE, Flags::MOVABLE_KEYS])
        .categories(&[Categories::SORTEDSET])
        .keys(&[counted(1, KeyUse::RW.with(KeyUse::ACCESS).with(KeyUse::DELETE))])
        .doc("7.0.0", "O(K) + O(M*log(N)) where K is the number of provided keys, N being the number of elements in the sorted set, and M being the number of elements popped.", "Take members out of the first sorted set that has any")
        .arguments(args::ZMPOP)
        .example("> ZADD {zmpop}:b 1 a 2 b 3 c\n(integer) 3\n> ZMPOP 2 {zmpop}:a {zmpop}:b MAX COUNT 2\n1) \"{zmpop}:b\"\n2) 1) 1) \"c\"\n      2) \"3\"\n   2) 1) \"b\"\n      2) \"2\""),
    zmpop,
),
DataCommand::read(
    Spec::new("zunion", Group::SortedSet, -3)
        .flags(&[Flags::READONLY, Flags::MOVABLE_KEYS])
        .categories(&[Categories::SORTEDSET])
        .keys(&[counted(1, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("6.2.0", "O(N)+O(M*log(M)) with N being the sum of the sizes of the input sorted sets, and M being the number of elements in the resulting sorted set.", "Put sorted sets together")
        .arguments(args::ZUNION)
        .example("> ZADD {zunion}:a 1 x 2 y\n(integer) 2\n> ZADD {zunion}:b 3 y 4 z\n(integer) 2\n> ZUNION 2 {zunion}:a {zunion}:b WITHSCORES\n1) \"x\"\n2) \"1\"\n3) \"z\"\n4) \"4\"\n5) \"y\"\n6) \"5\""),
    zunion,
),
DataCommand::read(
    Spec::new("zinter", Group::SortedSet, -3)
        .flags(&[Flags::READONLY, Flags::MOVABLE_KEYS])
        .categories(&[Categories::SORTEDSET])
        .keys(&[counted(1, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("6.2.0", "O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted set, K being the number of input sorted sets and M being the number of elements in the resulting sorted set.", "Find what sorted sets have in common")
        .arguments(args::ZINTER)
        .example("> ZADD {zinter}:a 1 x 2 y\n(integer) 2\n> ZADD {zinter}:b 3 y 4 z\n(integer) 2\n> ZINTER 2 {zinter}:a {zinter}:b WEIGHTS 2 1 WITHSCORES\n1) \"y\"\n2) \"7\""),
    zinter,
),
DataCommand::read(
    Spec::new("zdiff", Group::SortedSet, -3)
        .flags(&[Flags::READONLY, Flags::MOVABLE_KEYS])
        .categories(&[Categories::SORTEDSET])
        .keys(&[counted(1, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("6.2.0", "O(L + (N-K)log(N)) worst case where L is the total number of elements in all the sets, N is the size of the first set, and K is the size of the result set.", "Find what only the first of several sorted sets has")
        .arguments(args::ZDIFF)
        .example("> ZADD {zdiff}:a 1 x 2 y\n(integer) 2\n> ZADD {zdiff}:b 3 y 4 z\n(integer) 2\n> ZDIFF 2 {zdiff}:a {zdiff}:b\n1) \"x\""),
    zdiff,
),
DataCommand::read(
    Spec::new("zintercard", Group::SortedSet, -3)
        .flags(&[Flags::READONLY, Flags::MOVABLE_KEYS])
        .categories(&[Categories::SORTEDSET])
        .keys(&[counted(1, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("7.0.0", "O(N*K) worst case with N being the smallest input sorted set, K being the number of input sorted sets.", "Count what sorted sets have in common")
        .arguments(args::ZINTERCARD)
        .example("> ZADD {zintercard}:a 1 x 2 y 3 z\n(integer) 3\n> ZADD {zintercard}:b 3 y 4 z\n(integer) 2\n> ZINTERCARD 2 {zintercard}:a {zintercard}:b\n(integer) 2\n> ZINTERCARD 2 {zintercard}:a {zintercard}:b LIMIT 1\n(integer) 1"),
    zintercard,
),
DataCommand::write(
    Spec::new("zunionstore", Group::SortedSet, -4)
        .flags(&[Flags::WRITE, Flags::DENYOOM, Flags::MOVABLE_KEYS])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec::one(1, KeyUse::OW.with(KeyUse::UPDATE)), counted(2, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("2.0.0", "O(N)+O(M log(M)) with N being the sum of the sizes of the input sorted sets, and M being the number of elements in the resulting sorted set.", "Store sorted sets put together in a key")
        .arguments(args::ZUNIONSTORE)
        .example("> ZADD {zunionstore}:a 1 x 2 y\n(integer) 2\n> ZADD {zunionstore}:b 3 y 4 z\n(integer) 2\n> ZUNIONSTORE {zunionstore}:to 2 {zunionstore}:a {zunionstore}:b AGGREGATE MAX\n(integer) 3\n> ZRANGE {zunionstore}:to 0 -1 WITHSCORES\n1) \"x\"\n2) \"1\"\n3) \"y\"\n4) \"3\"\n5) \"z\"\n6) \"4\""),
    zunionstore,
),
DataCommand::write(
    Spec::new("zinterstore", Group::SortedSet, -4)
        .flags(&[Flags::WRITE, Flags::DENYOOM, Flags::MOVABLE_KEYS])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec::one(1, KeyUse::OW.with(KeyUse::UPDATE)), counted(2, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("2.0.0", "O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted set, K being the number of input sorted sets and M being the number of elements in the resulting sorted set.", "Store what sorted sets have in common in a key")
        .arguments(args::ZINTERSTORE)
        .example("> ZADD {zinterstore}:a 1 x 2 y\n(integer) 2\n> ZADD {zinterstore}:b 3 y 4 z\n(integer) 2\n> ZINTERSTORE {zinterstore}:to 2 {zinterstore}:a {zinterstore}:b\n(integer) 1\n> ZRANGE {zinterstore}:to 0 -1 WITHSCORES\n1) \"y\"\n2) \"5\""),
    zinterstore,
),
DataCommand::write(
    Spec::new("zdiffstore", Group::SortedSet, -4)
        .flags(&[Flags::WRITE, Flags::DENYOOM, Flags::MOVABLE_KEYS])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec::one(1, KeyUse::OW.with(KeyUse::UPDATE)), counted(2, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("6.2.0", "O(L + (N-K)log(N)) worst case where L is the total number of elements in all the sets, N is the size of the first set, and K is the size of the result set.", "Store what only the first of several sorted sets has in a key")
        .arguments(args::ZDIFFSTORE)
        .example("> ZADD {zdiffstore}:a 1 x 2 y\n(integer) 2\n> ZADD {zdiffstore}:b 3 y 4 z\n(integer) 2\n> ZDIFFSTORE {zdiffstore}:to 2 {zdiffstore}:a {zdiffstore}:b\n(integer) 1\n> ZRANGE {zdiffstore}:to 0 -1\n1) \"x\""),
    zdiffstore,
),
DataCommand::read(
    Spec::new("zrandmember", Group::SortedSet, -2)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec::one(1, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("6.2.0", "O(N) where N is the number of elements returned", "Get members chosen at random")
        .tips(&["nondeterministic_output"])
        .arguments(args::ZRANDMEMBER)
        .example("> ZADD zrandmember:key 1 only\n(integer) 1\n> ZRANDMEMBER zrandmember:key\n\"only\"\n> ZRANDMEMBER zrandmember:key -2 WITHSCORES\n1) \"only\"\n2) \"1\"\n3) \"only\"\n4) \"1\""),
    zrandmember,
),
DataCommand::read(
    Spec::new("zscan", Group::SortedSet, -3)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::SORTEDSET])
        .keys(&[KeySpec::one(1, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("2.8.0", "O(1) for every call. O(N) for a complete iteration, including enough command calls for the cursor to return back to 0. N is the number of elements inside the collection..", "Go through the members of a sorted set in steps")
        .tips(&["nondeterministic_output"])
        .arguments(args::ZSCAN)
        .example("> ZADD zscan:key 1 a\n(integer) 1\n> ZSCAN zscan:key 0\n1) \"0\"\n2) 1) \"a\"\n   2) \"1\""),
    zscan,
),
];
