//! Hash commands: the table of the family, and its handlers.

use shardwright_codec::resp::{Args, ReplyWriter};

use super::scan::scan_members;
use super::{hash_numbers, hash_random, hashes_arguments as args, write_element};
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
DataCommand::write(
    Spec::new("hsetnx", Group::Hash, 4)
        .flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST])
        .categories(&[Categories::HASH])
        .keys(&[KeySpec::one(1, KeyUse::RW.with(KeyUse::INSERT))])
        .doc("2.0.0", "O(1)", "Set a field of a hash, unless it is there")
        .arguments(args::HSETNX)
        .example("> HSETNX hsetnx:key field Hello\n(integer) 1\n> HSETNX hsetnx:key field World\n(integer) 0\n> HGET hsetnx:key field\n\"Hello\""),
    hsetnx,
),
DataCommand::write(
    Spec::new("hmset", Group::Hash, -4)
        .flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST])
        .categories(&[Categories::HASH])
        .keys(&[KeySpec::one(1, KeyUse::RW.with(KeyUse::UPDATE))])
        .doc("2.0.0", "O(N) where N is the number of fields being set.", "Set several fields of a hash")
        .arguments(args::HMSET)
        .deprecated("4.0.0", "`HSET` with multiple field-value pairs")
        .example("> HMSET hmset:key a 1 b 2\nOK\n> HMGET hmset:key a b\n1) \"1\"\n2) \"2\""),
    hmset,
),
DataCommand::read(
    Spec::new("hmget", Group::Hash, -3)
        .flags(&[Flags::READONLY, Flags::FAST])
        .categories(&[Categories::HASH])
        .keys(&[KeySpec::one(1, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("2.0.0", "O(N) where N is the number of fields being requested.", "Get the values of several fields of a hash")
        .arguments(args::HMGET)
        .example("> HSET hmget:key a 1 b 2\n(integer) 2\n> HMGET hmget:key b none a\n1) \"2\"\n2) (nil)\n3) \"1\""),
    hmget,
),
DataCommand::read(
    Spec::new("hexists", Group::Hash, 3)
        .flags(&[Flags::READONLY, Flags::FAST])
        .categories(&[Categories::HASH])
        .keys(&[KeySpec::one(1, KeyUse::RO)])
        .doc("2.0.0", "O(1)", "Tell whether a hash has a field")
        .arguments(args::HEXISTS)
        .example("> HSET hexists:key field Hello\n(integer) 1\n> HEXISTS hexists:key field\n(integer) 1\n> HEXISTS hexists:key none\n(integer) 0"),
    hexists,
),
DataCommand::read(
    Spec::new("hkeys", Group::Hash, 2)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::HASH])
        .keys(&[KeySpec::one(1, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("2.0.0", "O(N) where N is the size of the hash.", "Get the names of all fields of a hash")
        .tips(&["nondeterministic_output_order"])
        .arguments(args::HKEYS)
        .example("> HSET hkeys:key a 1 b 2\n(integer) 2\n> HKEYS hkeys:key\n1) \"a\"\n2) \"b\""),
    hkeys,
),
DataCommand::read(
    Spec::new("hvals", Group::Hash, 2)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::HASH])
        .keys(&[KeySpec::one(1, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("2.0.0", "O(N) where N is the size of the hash.", "Get the values of all fields of a hash")
        .tips(&["nondeterministic_output_order"])
        .arguments(args::HVALS)
        .example("> HSET hvals:key a 1 b 2\n(integer) 2\n> HVALS hvals:key\n1) \"1\"\n2) \"2\""),
    hvals,
),
DataCommand::read(
    Spec::new("hstrlen", Group::Hash, 3)
        .flags(&[Flags::READONLY, Flags::FAST])
        .categories(&[Categories::HASH])
        .keys(&[KeySpec::one(1, KeyUse::RO)])
        .doc("3.2.0", "O(1)", "Get the length in bytes of a field's value")
        .arguments(args::HSTRLEN)
        .example("> HSET hstrlen:key field Hello\n(integer) 1\n> HSTRLEN hstrlen:key field\n(integer) 5\n> HSTRLEN hstrlen:key none\n(integer) 0"),
    hstrlen,
),
DataCommand::write(
    Spec::new("hincrby", Group::Hash, 4)
        .flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST])
        .categories(&[Categories::HASH])
        .keys(&[KeySpec::one(1, KeyUse::RW.with(KeyUse::ACCESS).with(KeyUse::UPDATE))])
        .doc("2.0.0", "O(1)", "Add to the integer in a field of a hash")
        .arguments(args::HINCRBY)
        .example("> HSET hincrby:key field 5\n(integer) 1\n> HINCRBY hincrby:key field -7\n(integer) -2"),
    hash_numbers::hincrby,
),
DataCommand::write(
    Spec::new("hincrbyfloat", Group::Hash, 4)
        .flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST])
        .categories(&[Categories::HASH])
        .keys(&[KeySpec::one(1, KeyUse::RW.with(KeyUse::ACCESS).with(KeyUse::UPDATE))])
        .doc("2.6.0", "O(1)", "Add to the number in a field of a hash")
        .arguments(args::HINCRBYFLOAT)
        .example("> HSET hincrbyfloat:key field 10.50\n(integer) 1\n> HINCRBYFLOAT hincrbyfloat:key field 0.1\n\"10.6\""),
    hash_numbers::hincrbyfloat,
),
DataCommand::read(
    Spec::new("hrandfield", Group::Hash, -2)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::HASH])
        .keys(&[KeySpec::one(1, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("6.2.0", "O(N) where N is the number of fields returned", "Get fields of a hash at random")
        .tips(&["nondeterministic_output"])
        .arguments(args::HRANDFIELD)
        .example("> HSET hrandfield:key coin heads\n(integer) 1\n> HRANDFIELD hrandfield:key\n\"coin\"\n> HRANDFIELD hrandfield:key -2 WITHVALUES\n1) \"coin\"\n2) \"heads\"\n3) \"coin\"\n4) \"heads\""),
    hash_random::hrandfield,
),
];

/// Fields were set.
const HSET: Event = Event::hash("hset");

fn hset(cx: &mut WriteCx<'_, '_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let added = set_pairs(cx, args, "hset")?;
    reply.int(added);
    Ok(())
}

fn hmset(cx: &mut WriteCx<'_, '_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    set_pairs(cx, args, "hmset")?;
    reply.ok();
    Ok(())
}

/// Sets each field to the value behind it. Returns how many are new.
fn set_pairs(cx: &mut WriteCx<'_, '_>, args: Args<'_>, name: &str) -> Result<i64, CommandError> {
    if !args.len().is_multiple_of(2) {
        return Err(CommandError::Arity(name.to_owned()));
    }
    cx.edit::<Hash, _>(args.at(1), HSET, |hash| {
        let mut added = 0;
        for at in (2..args.len()).step_by(2) {
            let (field, value) = (args.at(at), args.at(at + 1));
            added += i64::from(hash.apply(Edit::Set { field, value }) == Some(Done::Added));
        }
        added
    })
}

fn hsetnx(cx: &mut WriteCx<'_, '_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let (field, value) = (args.at(2), args.at(3));
    let added = cx.edit::<Hash, _>(args.at(1), HSET, |hash| {
        hash.view().get(field).is_none() && hash.apply(Edit::Set { field, value }).is_some()
    })?;
    reply.int(added.into());
    Ok(())
}

fn hget(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    match cx.collection::<Hash>(args.at(1))?.and_then(|hash| hash.get(args.at(2))) {
        Some(value) => write_element(value, reply),
        None => reply.null(),
    }
    Ok(())
}

fn hmget(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let hash = cx.collection::<Hash>(args.at(1))?;
    let fields = args.skip(2);
    reply.array(fields.len());
    for field in fields.iter() {
        match hash.and_then(|hash| hash.get(field)) {
            Some(value) => write_element(value, reply),
            None => reply.null(),
        }
    }
    Ok(())
}

fn hexists(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let hash = cx.collection::<Hash>(args.at(1))?;
    reply.int(hash.is_some_and(|hash| hash.get(args.at(2)).is_some()).into());
    Ok(())
}

fn hstrlen(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let value = cx.collection::<Hash>(args.at(1))?.and_then(|hash| hash.get(args.at(2)));
    reply.int(value.map_or(0, |value| value.len() as i64));
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

fn hkeys(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let hash = cx.collection::<Hash>(args.at(1))?;
    reply.array(hash.map_or(0, |hash| hash.len()));
    if let Some(hash) = hash {
        hash.for_each(&mut |field, _| write_element(field, reply));
    }
    Ok(())
}

fn hvals(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let hash = cx.collection::<Hash>(args.at(1))?;
    reply.array(hash.map_or(0, |hash| hash.len()));
    if let Some(hash) = hash {
        hash.for_each(&mut |_, value| write_element(value, reply));
    }
    Ok(())
}

fn hscan(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let hash = cx.collection::<Hash>(args.at(1));
    let step = hash.map(|hash| {
        hash.map(|hash| {
            move |cursor, count, member: &mut super::scan::Member<'_>| {
                hash.scan(cursor, count, &mut |field, value| member(field, Some(value)))
            }
        })
    });
    scan_members(args, reply, step)
}
