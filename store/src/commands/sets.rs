//! Set commands: the table of the family, and the handlers of one set's members. Random members are
//! in [`super::set_random`], what combines several sets in [`super::set_algebra`].

use shardwright_codec::resp::{Args, ReplyWriter};

use super::scan::scan_members;
use super::set_algebra::{sdiff, sdiffstore, sinter, sintercard, sinterstore, sunion, sunionstore};
use super::set_random::{spop, srandmember};
use super::{sets_arguments as args, write_element};
use crate::command::{
    Begin, Categories, DataCommand, Find, Flags, Group, KeySpec, KeyUse, Outcome, Spec,
};
use crate::context::{ReadCx, WriteCx};
use crate::data::Set;
use crate::data::set::Edit;
use crate::effect::Event;

/// Members were added.
const ADDED: Event = Event::set("sadd");

/// Members were taken out.
const REMOVED: Event = Event::set("srem");

/// The family's commands.
pub const COMMANDS: &[DataCommand] = &[
DataCommand::write(
    Spec::new("sadd", Group::Set, -3)
        .flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST])
        .categories(&[Categories::SET])
        .keys(&[KeySpec::one(1, KeyUse::RW.with(KeyUse::INSERT))])
        .doc("1.0.0", "O(1) for each element added, so O(N) to add N elements when the command is called with multiple arguments.", "Add members to a set, which is made if need be")
        .arguments(args::SADD)
        .history(args::SADD_HISTORY)
        .example("> SADD sadd:key a b\n(integer) 2\n> SADD sadd:key b c\n(integer) 1\n> SCARD sadd:key\n(integer) 3"),
    sadd,
),
DataCommand::write(
    Spec::new("srem", Group::Set, -3)
        .flags(&[Flags::WRITE, Flags::FAST])
        .categories(&[Categories::SET])
        .keys(&[KeySpec::one(1, KeyUse::RW.with(KeyUse::DELETE))])
        .doc("1.0.0", "O(N) where N is the number of members to be removed.", "Take members out of a set")
        .arguments(args::SREM)
        .history(args::SREM_HISTORY)
        .example("> SADD srem:key a b\n(integer) 2\n> SREM srem:key b c\n(integer) 1\n> SMEMBERS srem:key\n1) \"a\""),
    srem,
),
DataCommand::write(
    Spec::new("spop", Group::Set, -2)
        .flags(&[Flags::WRITE, Flags::FAST])
        .categories(&[Categories::SET])
        .keys(&[KeySpec::one(1, KeyUse::RW.with(KeyUse::ACCESS).with(KeyUse::DELETE))])
        .doc("1.0.0", "Without the count argument O(1), otherwise O(N) where N is the value of the passed count.", "Take random members out of a set and tell them")
        .tips(&["nondeterministic_output"])
        .arguments(args::SPOP)
        .history(args::SPOP_HISTORY)
        .example("> SADD spop:key a\n(integer) 1\n> SPOP spop:key\n\"a\"\n> EXISTS spop:key\n(integer) 0"),
    spop,
),
DataCommand::read(
    Spec::new("sismember", Group::Set, 3)
        .flags(&[Flags::READONLY, Flags::FAST])
        .categories(&[Categories::SET])
        .keys(&[KeySpec::one(1, KeyUse::RO)])
        .doc("1.0.0", "O(1)", "Tell whether a member is in a set")
        .arguments(args::SISMEMBER)
        .example("> SADD sismember:key a\n(integer) 1\n> SISMEMBER sismember:key a\n(integer) 1\n> SISMEMBER sismember:key b\n(integer) 0"),
    sismember,
),
DataCommand::read(
    Spec::new("smismember", Group::Set, -3)
        .flags(&[Flags::READONLY, Flags::FAST])
        .categories(&[Categories::SET])
        .keys(&[KeySpec::one(1, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("6.2.0", "O(N) where N is the number of elements being checked for membership", "Tell of each member whether it is in a set")
        .arguments(args::SMISMEMBER)
        .example("> SADD smismember:key a\n(integer) 1\n> SMISMEMBER smismember:key a b\n1) (integer) 1\n2) (integer) 0"),
    smismember,
),
DataCommand::read(
    Spec::new("smembers", Group::Set, 2)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::SET])
        .keys(&[KeySpec::one(1, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("1.0.0", "O(N) where N is the set cardinality.", "Tell all members of a set")
        .tips(&["nondeterministic_output_order"])
        .arguments(args::SMEMBERS)
        .example("> SADD smembers:key 3 1 2\n(integer) 3\n> SMEMBERS smembers:key\n1) \"1\"\n2) \"2\"\n3) \"3\""),
    smembers,
),
DataCommand::read(
    Spec::new("scard", Group::Set, 2)
        .flags(&[Flags::READONLY, Flags::FAST])
        .categories(&[Categories::SET])
        .keys(&[KeySpec::one(1, KeyUse::RO)])
        .doc("1.0.0", "O(1)", "Tell how many members a set has")
        .arguments(args::SCARD)
        .example("> SADD scard:key a b\n(integer) 2\n> SCARD scard:key\n(integer) 2"),
    scard,
),
DataCommand::write(
    Spec::new("smove", Group::Set, 4)
        .flags(&[Flags::WRITE, Flags::FAST])
        .categories(&[Categories::SET])
        .keys(&[KeySpec::one(1, KeyUse::RW.with(KeyUse::ACCESS).with(KeyUse::DELETE)), KeySpec::one(2, KeyUse::RW.with(KeyUse::INSERT))])
        .doc("1.0.0", "O(1)", "Take a member out of one set and add it to another")
        .arguments(args::SMOVE)
        .example("> SADD {smove}:from a b\n(integer) 2\n> SMOVE {smove}:from {smove}:to a\n(integer) 1\n> SMEMBERS {smove}:to\n1) \"a\""),
    smove,
),
DataCommand::read(
    Spec::new("srandmember", Group::Set, -2)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::SET])
        .keys(&[KeySpec::one(1, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("1.0.0", "Without the count argument O(1), otherwise O(N) where N is the absolute value of the passed count.", "Tell random members of a set")
        .tips(&["nondeterministic_output"])
        .arguments(args::SRANDMEMBER)
        .history(args::SRANDMEMBER_HISTORY)
        .example("> SADD srandmember:key a\n(integer) 1\n> SRANDMEMBER srandmember:key\n\"a\"\n> SRANDMEMBER srandmember:key -2\n1) \"a\"\n2) \"a\""),
    srandmember,
),
DataCommand::read(
    Spec::new("sinter", Group::Set, -2)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::SET])
        .keys(&[KeySpec::rest(1, 1, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("1.0.0", "O(N*M) worst case where N is the cardinality of the smallest set and M is the number of sets.", "Tell the members that several sets have in common")
        .tips(&["nondeterministic_output_order"])
        .arguments(args::SINTER)
        .example("> SADD {sinter}:1 1 2 3\n(integer) 3\n> SADD {sinter}:2 2 3 4\n(integer) 3\n> SINTER {sinter}:1 {sinter}:2\n1) \"2\"\n2) \"3\""),
    sinter,
),
DataCommand::read(
    Spec::new("sintercard", Group::Set, -3)
        .flags(&[Flags::READONLY, Flags::MOVABLE_KEYS])
        .categories(&[Categories::SET])
        .keys(&[KeySpec { begin: Begin::Index(1), find: Find::Count { at: 0, first: 1, step: 1 }, uses: KeyUse::RO.with(KeyUse::ACCESS), notes: "" }])
        .doc("7.0.0", "O(N*M) worst case where N is the cardinality of the smallest set and M is the number of sets.", "Tell how many members several sets have in common")
        .arguments(args::SINTERCARD)
        .example("> SADD {sintercard}:1 1 2 3\n(integer) 3\n> SADD {sintercard}:2 2 3 4\n(integer) 3\n> SINTERCARD 2 {sintercard}:1 {sintercard}:2\n(integer) 2\n> SINTERCARD 2 {sintercard}:1 {sintercard}:2 LIMIT 1\n(integer) 1"),
    sintercard,
),
DataCommand::read(
    Spec::new("sunion", Group::Set, -2)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::SET])
        .keys(&[KeySpec::rest(1, 1, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("1.0.0", "O(N) where N is the total number of elements in all given sets.", "Tell the members of any of several sets")
        .tips(&["nondeterministic_output_order"])
        .arguments(args::SUNION)
        .example("> SADD {sunion}:1 1\n(integer) 1\n> SUNION {sunion}:1 {sunion}:none\n1) \"1\""),
    sunion,
),
DataCommand::read(
    Spec::new("sdiff", Group::Set, -2)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::SET])
        .keys(&[KeySpec::rest(1, 1, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("1.0.0", "O(N) where N is the total number of elements in all given sets.", "Tell the members of the first set that no other has")
        .tips(&["nondeterministic_output_order"])
        .arguments(args::SDIFF)
        .example("> SADD {sdiff}:1 1 2 3\n(integer) 3\n> SADD {sdiff}:2 2 9\n(integer) 2\n> SDIFF {sdiff}:1 {sdiff}:2\n1) \"1\"\n2) \"3\""),
    sdiff,
),
DataCommand::write(
    Spec::new("sinterstore", Group::Set, -3)
        .flags(&[Flags::WRITE, Flags::DENYOOM])
        .categories(&[Categories::SET])
        .keys(&[KeySpec::one(1, KeyUse::RW.with(KeyUse::UPDATE)), KeySpec::rest(2, 1, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("1.0.0", "O(N*M) worst case where N is the cardinality of the smallest set and M is the number of sets.", "Store the members that several sets have in common")
        .arguments(args::SINTERSTORE)
        .example("> SADD {sinterstore}:1 1 2 3\n(integer) 3\n> SADD {sinterstore}:2 2 3 4\n(integer) 3\n> SINTERSTORE {sinterstore}:both {sinterstore}:1 {sinterstore}:2\n(integer) 2\n> SMEMBERS {sinterstore}:both\n1) \"2\"\n2) \"3\""),
    sinterstore,
),
DataCommand::write(
    Spec::new("sunionstore", Group::Set, -3)
        .flags(&[Flags::WRITE, Flags::DENYOOM])
        .categories(&[Categories::SET])
        .keys(&[KeySpec::one(1, KeyUse::OW.with(KeyUse::UPDATE)), KeySpec::rest(2, 1, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("1.0.0", "O(N) where N is the total number of elements in all given sets.", "Store the members of any of several sets")
        .arguments(args::SUNIONSTORE)
        .example("> SADD {sunionstore}:1 1 2\n(integer) 2\n> SADD {sunionstore}:2 2 3\n(integer) 2\n> SUNIONSTORE {sunionstore}:any {sunionstore}:1 {sunionstore}:2\n(integer) 3\n> SMEMBERS {sunionstore}:any\n1) \"1\"\n2) \"2\"\n3) \"3\""),
    sunionstore,
),
DataCommand::write(
    Spec::new("sdiffstore", Group::Set, -3)
        .flags(&[Flags::WRITE, Flags::DENYOOM])
        .categories(&[Categories::SET])
        .keys(&[KeySpec::one(1, KeyUse::OW.with(KeyUse::UPDATE)), KeySpec::rest(2, 1, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("1.0.0", "O(N) where N is the total number of elements in all given sets.", "Store the members of the first set that no other has")
        .arguments(args::SDIFFSTORE)
        .example("> SADD {sdiffstore}:1 1 2 3\n(integer) 3\n> SADD {sdiffstore}:2 2 9\n(integer) 2\n> SDIFFSTORE {sdiffstore}:rest {sdiffstore}:1 {sdiffstore}:2\n(integer) 2\n> SMEMBERS {sdiffstore}:rest\n1) \"1\"\n2) \"3\""),
    sdiffstore,
),
DataCommand::read(
    Spec::new("sscan", Group::Set, -3)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::SET])
        .keys(&[KeySpec::one(1, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("2.8.0", "O(1) for every call. O(N) for a complete iteration, including enough command calls for the cursor to return back to 0. N is the number of elements inside the collection..", "Go through the members of a set in steps")
        .tips(&["nondeterministic_output"])
        .arguments(args::SSCAN)
        .example("> SADD sscan:key 1 2\n(integer) 2\n> SSCAN sscan:key 0\n1) \"0\"\n2) 1) \"1\"\n   2) \"2\""),
    sscan,
),
];

fn sadd(cx: &mut WriteCx<'_, '_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let added = cx.edit::<Set, _>(args.at(1), ADDED, |set| {
        args.skip(2).iter().filter(|member| set.apply(Edit::Add(member)).is_some()).count()
    })?;
    reply.int(added as i64);
    Ok(())
}

fn srem(cx: &mut WriteCx<'_, '_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let removed = cx.edit::<Set, _>(args.at(1), REMOVED, |set| {
        args.skip(2).iter().filter(|member| set.apply(Edit::Remove(member)).is_some()).count()
    })?;
    reply.int(removed as i64);
    Ok(())
}

fn smove(cx: &mut WriteCx<'_, '_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let (from, to, member) = (args.at(1), args.at(2), args.at(3));
    let has = cx.collection::<Set>(from)?.map(|set| set.contains(member));
    if has.is_some() {
        cx.collection::<Set>(to)?;
    }
    let moves = has == Some(true);
    if moves && from != to {
        cx.edit::<Set, _>(from, REMOVED, |set| set.apply(Edit::Remove(member)))?;
        cx.edit::<Set, _>(to, ADDED, |set| set.apply(Edit::Add(member)))?;
    }
    reply.int(i64::from(moves));
    Ok(())
}

fn sismember(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let set = cx.collection::<Set>(args.at(1))?;
    reply.int(i64::from(set.is_some_and(|set| set.contains(args.at(2)))));
    Ok(())
}

fn smismember(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let set = cx.collection::<Set>(args.at(1))?;
    let members = args.skip(2);
    reply.array(members.len());
    for member in members {
        reply.int(i64::from(set.is_some_and(|set| set.contains(member))));
    }
    Ok(())
}

fn smembers(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let Some(set) = cx.collection::<Set>(args.at(1))? else {
        reply.set(0);
        return Ok(());
    };
    reply.set(set.len());
    set.for_each(&mut |member| write_element(member, reply));
    Ok(())
}

fn scard(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let len = cx.collection::<Set>(args.at(1))?.map_or(0, |set| set.len());
    reply.int(len as i64);
    Ok(())
}

fn sscan(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let set = cx.collection::<Set>(args.at(1));
    let step = set.map(|set| {
        set.map(|set| {
            move |cursor, count, member: &mut super::scan::Member<'_>| {
                set.scan(cursor, count, &mut |text| member(text, None))
            }
        })
    });
    scan_members(args, reply, step)
}
