//! Hash commands: the table of the family, and its handlers.

use shardwright_codec::resp::{Args, ReplyWriter};

use super::scan::scan_members;
use super::{hashes_arguments as args, write_element};
use crate::command::{Categories, DataCommand, Flags, Group, KeySpec, KeyUse, Outcome, Spec};
use crate::context::{ReadCx, WriteCx};
use crate::data::Hash;
use crate::data::hash::{Done, Edit};
use crate::effect::Event;
use crate::error::CommandError;

/// The family's commands.
pub const COMMANDS: &[DataCommand] = &[
DataCommand::write(
    Spec::new("hset", Group::Hash, -4)
        .flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST])
        .categories(&[Categories::HASH])
        .keys(&[KeySpec::one(1, KeyUse::RW.with(KeyUse::UPDATE))])
        .doc("2.0.0", "O(1) for each field/value pair added, so O(N) to add N field/value pairs when the command is called with multiple field/value pairs.", "Set the string value of a hash field")
        .arguments(args::HSET)
        .history(args::HSET_HISTORY)
        .example("> HSET hset:key field1 Hello field2 World\n(integer) 2\n> HGET hset:key field2\n\"World\""),
    hset,
),
DataCommand::read(
    Spec::new("hget", Group::Hash, 3)
        .flags(&[Flags::READONLY, Flags::FAST])
        .categories(&[Categories::HASH])
        .keys(&[KeySpec::one(1, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("2.0.0", "O(1)", "Get the value of a hash field")
        .arguments(args::HGET)
        .example("> HSET hget:key field Hello\n(integer) 1\n> HGET hget:key field\n\"Hello\"\n> HGET hget:key none\n(nil)"),
    hget,
),
DataCommand::write(
    Spec::new("hdel", Group::Hash, -3)
        .flags(&[Flags::WRITE, Flags::FAST])
        .categories(&[Categories::HASH])
        .keys(&[KeySpec::one(1, KeyUse::RW.with(KeyUse::DELETE))])
        .doc("2.0.0", "O(N) where N is the number of fields to be removed.", "Delete one or more hash fields")
        .arguments(args::HDEL)
        .history(args::HDEL_HISTORY)
        .example("> HSET hdel:key field Hello\n(integer) 1\n> HDEL hdel:key field none\n(integer) 1\n> EXISTS hdel:key\n(integer) 0"),
    hdel,
),
DataCommand::read(
    Spec::new("hlen", Group::Hash, 2)
        .flags(&[Flags::READONLY, Flags::FAST])
        .categories(&[Categories::HASH])
        .keys(&[KeySpec::one(1, KeyUse::RO)])
        .doc("2.0.0", "O(1)", "Get the number of fields in a hash")
        .arguments(args::HLEN)
        .example("> HSET hlen:key a 1 b 2\n(integer) 2\n> HLEN hlen:key\n(integer) 2"),
    hlen,
),
DataCommand::read(
    Spec::new("hgetall", Group::Hash, 2)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::HASH])
        .keys(&[KeySpec::one(1, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("2.0.0", "O(N) where N is the size of the hash.", "Get all the fields and values in a hash")
        .tips(&["nondeterministic_output_order"])
        .arguments(args::HGETALL)
        .example("> HSET hgetall:key a 1 b 2\n(integer) 2\n> HGETALL hgetall:key\n1) \"a\"\n2) \"1\"\n3) \"b\"\n4) \"2\""),
    hgetall,
),
DataCommand::read(
    Spec::new("hscan", Group::Hash, -3)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::HASH])
        .keys(&[KeySpec::one(1, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("2.8.0", "O(1) for every call. O(N) for a complete iteration, including enough command calls for the cursor to return back to 0. N is the number of elements inside the collection..", "Incrementally iterate hash fields and associated values")
        .tips(&["nondeterministic_output"])
        .arguments(args::HSCAN)
        .example("> HSET hscan:key a 1\n(integer) 1\n> HSCAN hscan:key 0\n1) \"0\"\n2) 1) \"a\"\n   2) \"1\""),
    hscan,
),
];

fn hset(cx: &mut WriteCx<'_, '_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    if args.len() % 2 != 0 {
        return Err(CommandError::Arity("hset".to_owned()));
    }
    let added = cx.edit::<Hash, _>(args.at(1), Event::hash("hset"), |hash| {
        let mut added = 0;
        for at in (2..args.len()).step_by(2) {
            let (field, value) = (args.at(at), args.at(at + 1));
            added += i64::from(hash.apply(Edit::Set { field, value }) == Some(Done::Added));
        }
        added
    })?;
    reply.int(added);
    Ok(())
}

fn hget(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    match cx.collection::<Hash>(args.at(1))?.and_then(|hash| hash.get(args.at(2))) {
        Some(value) => write_element(value, reply),
        None => reply.null(),
    }
    Ok(())
}

fn hdel(cx: &mut WriteCx<'_, '_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let removed = cx.edit::<Hash, _>(args.at(1), Event::hash("hdel"), |hash| {
        args.skip(2).iter().filter(|field| hash.apply(Edit::Remove { field }).is_some()).count()
    })?;
    reply.int(removed as i64);
    Ok(())
}

fn hlen(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let len = cx.collection::<Hash>(args.at(1))?.map_or(0, |hash| hash.len());
    reply.int(len as i64);
    Ok(())
}

fn hgetall(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let Some(hash) = cx.collection::<Hash>(args.at(1))? else {
        reply.map(0);
        return Ok(());
    };
    reply.map(hash.len());
    hash.for_each(&mut |field, value| {
        write_element(field, reply);
        write_element(value, reply);
    });
    Ok(())
}

fn hscan(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let hash = cx.collection::<Hash>(args.at(1))?;
    let step = hash.map(|hash| {
        move |cursor, count, member: &mut super::scan::Member<'_>| {
            hash.scan(cursor, count, &mut |field, value| member(field, Some(value)))
        }
    });
    scan_members(args, reply, step)
}
