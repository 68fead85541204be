//! Commands for keys of any type: the table of the whole family, and the handlers that look at,
//! remove, rename, copy and move keys, and those that see whole databases.
//!
//! Deadlines are in [`super::expiry`], iteration in [`super::scan`], introspection in
//! [`super::object`].

use shardwright_codec::number::parse_i64_strict;
use shardwright_codec::resp::{Args, ReplyWriter};

use super::{keys_arguments as args, object, scan};
use crate::command::argument::{KEYS, ONE_KEY};
use crate::command::{Categories, DataCommand, Flags, Group, KeySpec, KeyUse, Outcome, Spec};
use crate::context::{ReadCx, Touch, Ttl, WriteCx};
use crate::dict::EntryRef;
use crate::effect::Event;
use crate::error::CommandError;
use crate::glob::glob_match;
use crate::partition::Partition;
use crate::types::DbIndex;
use crate::value::{NewValue, Packed, ValueRef};

const READ_FAST: Flags = Flags::READONLY.with(Flags::FAST);
const WRITE_FAST: Flags = Flags::WRITE.with(Flags::FAST);
const SEE_ALL: Flags = Flags::READONLY.with(Flags::ALL_SHARDS);
const CHANGE_ALL: Flags = Flags::WRITE.with(Flags::ALL_SHARDS);

const ALL_REMOVED: &[KeySpec] = &[KeySpec::rest(1, 1, KeyUse::RM.with(KeyUse::DELETE))];
const ALL_READ: &[KeySpec] = &[KeySpec::rest(1, 1, KeyUse::RO)];
const ONE_READ: &[KeySpec] = &[KeySpec::one(1, KeyUse::RO)];
const ONE_MOVED: &[KeySpec] =
    &[KeySpec::one(1, KeyUse::RW.with(KeyUse::ACCESS).with(KeyUse::UPDATE))];
const SOURCE_LEAVES: KeySpec =
    KeySpec::one(1, KeyUse::RW.with(KeyUse::ACCESS).with(KeyUse::DELETE));
const SOURCE_STAYS: KeySpec = KeySpec::one(1, KeyUse::RO.with(KeyUse::ACCESS));
const TARGET: KeySpec = KeySpec::one(2, KeyUse::OW.with(KeyUse::UPDATE));
const NEW_TARGET: KeySpec = KeySpec::one(2, KeyUse::OW.with(KeyUse::INSERT));

const MANY_KEYS: &[&str] = &["request_policy:multi_shard", "response_policy:agg_sum"];
const FLUSHED: &[&str] = &["request_policy:all_shards", "response_policy:all_succeeded"];

const DANGEROUS: &[Categories] = &[Categories::KEYSPACE, Categories::DANGEROUS];

const SAME_OBJECT: CommandError =
    CommandError::Text("ERR source and destination objects are the same");

/// The commands that look at, remove, rename, copy and move single keys.
pub const COMMANDS: &[DataCommand] = &[
    DataCommand::write(
        Spec::new("del", Group::Generic, -2)
            .flags(&[Flags::WRITE])
            .categories(&[Categories::KEYSPACE])
            .keys(ALL_REMOVED)
            .doc(
                "1.0.0",
                "O(N) where N is the number of keys that will be removed. When a key to remove \
                 holds a value other than a string, the individual complexity for this key is \
                 O(M) where M is the number of elements in the list, set, sorted set or hash. \
                 Removing a single key that holds a string value is O(1).",
                "Delete keys",
            )
            .tips(MANY_KEYS)
            .arguments(KEYS)
            .example("> SET del:a Hello\nOK\n> DEL del:a del:b\n(integer) 1"),
        del,
    ),
    DataCommand::write(
        Spec::new("unlink", Group::Generic, -2)
            .flags(&[WRITE_FAST])
            .categories(&[Categories::KEYSPACE])
            .keys(ALL_REMOVED)
            .doc(
                "4.0.0",
                "O(1) for each key removed regardless of its size. Then the command does O(N) \
                 work in a different thread in order to reclaim memory, where N is the number of \
                 allocations the deleted objects where composed of.",
                "Delete keys and free their values elsewhere",
            )
            .tips(MANY_KEYS)
            .arguments(KEYS)
            .example("> SET unlink:a Hello\nOK\n> UNLINK unlink:a unlink:b\n(integer) 1"),
        del,
    ),
    DataCommand::read(
        Spec::new("exists", Group::Generic, -2)
            .flags(&[READ_FAST])
            .categories(&[Categories::KEYSPACE])
            .keys(ALL_READ)
            .doc("1.0.0", "O(N) where N is the number of keys to check.", "Count keys that exist")
            .tips(MANY_KEYS)
            .arguments(KEYS)
            .history(args::EXISTS_HISTORY)
            .example(
                "> SET exists:a Hello\nOK\n\
                 > EXISTS exists:a exists:b exists:a\n(integer) 2",
            ),
        exists,
    ),
    DataCommand::read(
        Spec::new("touch", Group::Generic, -2)
            .flags(&[READ_FAST])
            .categories(&[Categories::KEYSPACE])
            .keys(ALL_READ)
            .doc(
                "3.2.1",
                "O(N) where N is the number of keys that will be touched.",
                "Set the time of last access of keys and count those that exist",
            )
            .tips(MANY_KEYS)
            .arguments(KEYS)
            .example("> SET touch:a Hello\nOK\n> TOUCH touch:a touch:b\n(integer) 1"),
        touch,
    ),
    DataCommand::read(
        Spec::new("type", Group::Generic, 2)
            .flags(&[READ_FAST])
            .categories(&[Categories::KEYSPACE])
            .keys(ONE_READ)
            .doc("1.0.0", "O(1)", "Get the data type of a key")
            .arguments(ONE_KEY)
            .example(
                "> SET type:a Hello\nOK\n> TYPE type:a\nstring\n> TYPE type:none\nnone",
            ),
        kind,
    ),
    DataCommand::write(
        Spec::new("rename", Group::Generic, 3)
            .flags(&[Flags::WRITE])
            .categories(&[Categories::KEYSPACE])
            .keys(&[SOURCE_LEAVES, TARGET])
            .doc("1.0.0", "O(1)", "Rename a key")
            .arguments(args::RENAME)
            .example(
                "> SET rename:a Hello\nOK\n\
                 > RENAME rename:a rename:b\nOK\n\
                 > GET rename:b\n\"Hello\"",
            ),
        rename,
    ),
    DataCommand::write(
        Spec::new("renamenx", Group::Generic, 3)
            .flags(&[WRITE_FAST])
            .categories(&[Categories::KEYSPACE])
            .keys(&[SOURCE_LEAVES, NEW_TARGET])
            .doc("1.0.0", "O(1)", "Rename a key if the new name is not taken")
            .arguments(args::RENAME)
            .history(args::RENAMENX_HISTORY)
            .example(
                "> MSET renamenx:a Hello renamenx:b World\nOK\n\
                 > RENAMENX renamenx:a renamenx:b\n(integer) 0\n\
                 > RENAMENX renamenx:a renamenx:c\n(integer) 1",
            ),
        renamenx,
    ),
    DataCommand::write(
        Spec::new("copy", Group::Generic, -3)
            .flags(&[Flags::WRITE, Flags::DENYOOM])
            .categories(&[Categories::KEYSPACE])
            .keys(&[SOURCE_STAYS, TARGET])
            .doc(
                "6.2.0",
                "O(N) worst case for collections, where N is the number of nested items. O(1) for \
                 string values.",
                "Copy a key, also to another database",
            )
            .arguments(args::COPY)
            .example(
                "> SET copy:a Hello\nOK\n\
                 > COPY copy:a copy:b\n(integer) 1\n\
                 > GET copy:b\n\"Hello\"",
            ),
        copy,
    ),
    DataCommand::write(
        Spec::new("move", Group::Generic, 3)
            .flags(&[WRITE_FAST])
            .categories(&[Categories::KEYSPACE])
            .keys(ONE_MOVED)
            .doc("1.0.0", "O(1)", "Move a key to another database")
            .arguments(args::MOVE)
            .example("> SET move:a Hello\nOK\n> MOVE move:a 1\n(integer) 1\n> EXISTS move:a\n(integer) 0"),
        move_key,
    ),
    object::COMMAND,
    scan::COMMAND,
];

/// The commands that see or change whole databases.
pub const DATABASE_COMMANDS: &[DataCommand] = &[
    DataCommand::read(
        Spec::new("randomkey", Group::Generic, 1)
            .flags(&[SEE_ALL])
            .categories(&[Categories::KEYSPACE])
            .doc("1.0.0", "O(1)", "Get a key at random, each as likely as any other")
            .tips(&["request_policy:all_shards", "nondeterministic_output"])
            .example("> SET randomkey:a Hello\nOK\n> RANDOMKEY\n\"randomkey:a\""),
        randomkey,
    ),
    DataCommand::read(
        Spec::new("keys", Group::Generic, 2)
            .flags(&[SEE_ALL])
            .categories(DANGEROUS)
            .doc(
                "1.0.0",
                "O(N) with N being the number of keys in the database, under the assumption that \
                 the key names in the database and the given pattern have limited length.",
                "Find all keys that match a pattern",
            )
            .tips(&["request_policy:all_shards", "nondeterministic_output_order"])
            .arguments(args::KEYS_OF_PATTERN)
            .example("> MSET keys:one 1 keys:two 2\nOK\n> KEYS *w?\n1) \"keys:two\""),
        keys,
    ),
    DataCommand::read(
        Spec::new("dbsize", Group::Server, 1)
            .flags(&[SEE_ALL, Flags::FAST])
            .categories(&[Categories::KEYSPACE])
            .doc("1.0.0", "O(1)", "Count the keys of the selected database")
            .tips(&["request_policy:all_shards", "response_policy:agg_sum"])
            .example("> MSET dbsize:a 1 dbsize:b 2\nOK\n> DBSIZE\n(integer) 2"),
        dbsize,
    ),
    DataCommand::write(
        Spec::new("flushdb", Group::Server, -1)
            .flags(&[CHANGE_ALL])
            .categories(DANGEROUS)
            .doc(
                "1.0.0",
                "O(N) where N is the number of keys in the selected database",
                "Remove all keys from the selected database",
            )
            .tips(FLUSHED)
            .arguments(args::FLUSH)
            .history(args::FLUSH_HISTORY)
            .example("> SET flushdb:a 1\nOK\n> FLUSHDB\nOK\n> DBSIZE\n(integer) 0"),
        flushdb,
    ),
    DataCommand::write(
        Spec::new("flushall", Group::Server, -1)
            .flags(&[CHANGE_ALL])
            .categories(DANGEROUS)
            .doc(
                "1.0.0",
                "O(N) where N is the total number of keys in all databases",
                "Remove all keys from all databases",
            )
            .tips(FLUSHED)
            .arguments(args::FLUSH)
            .history(args::FLUSH_HISTORY)
            .example("> SET flushall:a 1\nOK\n> FLUSHALL SYNC\nOK\n> DBSIZE\n(integer) 0"),
        flushall,
    ),
    DataCommand::write(
        Spec::new("swapdb", Group::Server, 3)
            .flags(&[CHANGE_ALL, Flags::FAST])
            .categories(DANGEROUS)
            .doc(
                "4.0.0",
                "O(N) where N is the count of clients watching or blocking on keys from both \
                 databases.",
                "Let two databases change places",
            )
            .arguments(args::SWAPDB)
            .example("> SET swapdb:a 1\nOK\n> SWAPDB 0 1\nOK\n> EXISTS swapdb:a\n(integer) 0"),
        swapdb,
    ),
];

/// DEL and UNLINK, which come to the same as long as every value is freed in constant time.
fn del(cx: &mut WriteCx<'_, '_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let mut removed = 0;
    for key in args.iter().skip(1) {
        removed += i64::from(cx.delete(key, Event::generic("del")));
    }
    reply.int(removed);
    Ok(())
}

fn exists(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let found = |key: &&[u8]| cx.lookup(cx.frame.db, key, Touch::No).is_some();
    reply.int(count(args.iter().skip(1).filter(found)));
    Ok(())
}

fn touch(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let touched = |key: &&[u8]| {
        // What the command is for happens even for a client that asked not to touch keys.
        let entry = cx.lookup(cx.frame.db, key, Touch::No);
        entry.inspect(|entry| entry.set_lru(cx.frame.lru)).is_some()
    };
    reply.int(count(args.iter().skip(1).filter(touched)));
    Ok(())
}

fn count<T>(of: impl Iterator<Item = T>) -> i64 {
    of.fold(0, |count, _| count + 1)
}

fn kind(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let entry = cx.lookup(cx.frame.db, args.at(1), Touch::No);
    reply.simple(entry.map_or("none", |entry| entry.kind().name()));
    Ok(())
}

fn rename(cx: &mut WriteCx<'_, '_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let (from, to) = (args.at(1), args.at(2));
    if cx.get(from).is_none() {
        return Err(CommandError::NoSuchKey);
    }
    if from != to {
        give_name(cx, from, to);
    }
    reply.ok();
    Ok(())
}

fn renamenx(cx: &mut WriteCx<'_, '_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let (from, to) = (args.at(1), args.at(2));
    if cx.get(from).is_none() {
        return Err(CommandError::NoSuchKey);
    }
    let free = from != to && cx.get(to).is_none();
    if free {
        give_name(cx, from, to);
    }
    reply.int(i64::from(free));
    Ok(())
}

/// Moves value and deadline of `from` to `to`.
fn give_name(cx: &mut WriteCx<'_, '_>, from: &[u8], to: &[u8]) {
    let db = cx.frame.db;
    let events = [Event::generic("rename_from"), Event::generic("rename_to")];
    cx.move_key((db, from), (db, to), events);
}

fn same_deadline(entry: EntryRef<'_>) -> Ttl {
    entry.deadline().map_or(Ttl::Clear, Ttl::At)
}

fn copy(cx: &mut WriteCx<'_, '_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let (from, to) = (args.at(1), args.at(2));
    let (target, replace) = copy_options(cx, args.skip(3))?;
    if target == cx.frame.db && from == to {
        return Err(SAME_OBJECT);
    }
    let mut bytes = Vec::new();
    let source = cx.get_counted(from);
    let source = source.map(|entry| (duplicate(entry.value(), &mut bytes), same_deadline(entry)));
    let copied = match source {
        Some((value, ttl)) if replace || cx.get_in(target, to).is_none() => {
            cx.put_in(target, to, value, ttl, Event::generic("copy_to"));
            true
        }
        _ => false,
    };
    reply.int(i64::from(copied));
    Ok(())
}

/// Database and whether REPLACE was given.
fn copy_options(cx: &mut WriteCx<'_, '_>, args: Args<'_>) -> Result<(DbIndex, bool), CommandError> {
    let (mut target, mut replace) = (cx.frame.db, false);
    let mut options = args.iter();
    while let Some(option) = options.next() {
        if option.eq_ignore_ascii_case(b"REPLACE") {
            replace = true;
        } else if option.eq_ignore_ascii_case(b"DB")
            && let Some(number) = options.next()
        {
            target = database(cx, int_argument(number)?)?;
        } else {
            return Err(CommandError::Syntax);
        }
    }
    Ok((target, replace))
}

/// A value like this one to be stored elsewhere; bytes that are in the entry are kept in `kept`.
fn duplicate<'b>(value: ValueRef<'_>, kept: &'b mut Vec<u8>) -> NewValue<'b> {
    match value.to_new() {
        NewValue::Int(n) => NewValue::Int(n),
        NewValue::Bytes { bytes, raw } => {
            kept.extend_from_slice(bytes);
            NewValue::Bytes { bytes: kept, raw }
        }
        NewValue::Packed(packed) => {
            kept.extend_from_slice(packed.bytes);
            NewValue::Packed(Packed { bytes: kept, ..packed })
        }
        NewValue::Object(object) => NewValue::Object(object),
    }
}

fn move_key(cx: &mut WriteCx<'_, '_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let (key, from) = (args.at(1), cx.frame.db);
    let to = database(cx, int_argument(args.at(2))?)?;
    if from == to {
        return Err(SAME_OBJECT);
    }
    let free = cx.get(key).is_some() && cx.get_in(to, key).is_none();
    if free {
        let events = [Event::generic("move_from"), Event::generic("move_to")];
        cx.move_key((from, key), (to, key), events);
    }
    reply.int(i64::from(free));
    Ok(())
}

/// An argument that has to fit in 32 bits.
fn int_argument(text: &[u8]) -> Result<i32, CommandError> {
    let number = parse_i64_strict(text).ok_or(CommandError::NotInteger)?;
    i32::try_from(number).map_err(|_| {
        let (low, high) = (i32::MIN, i32::MAX);
        CommandError::Message(format!(
            "ERR value is out of range, value must between {low} and {high}"
        ))
    })
}

/// The database with this number.
fn database(cx: &mut WriteCx<'_, '_>, number: i32) -> Result<DbIndex, CommandError> {
    match u16::try_from(number) {
        Ok(number) if number < cx.databases() => Ok(DbIndex(number)),
        _ => Err(CommandError::DbOutOfRange),
    }
}

/// Draws that may hit expired keys before all keys are gone through. Only a database of which
/// nearly all keys are expired and not yet removed comes that far.
const MOST_DRAWS: u32 = 100;

fn randomkey(cx: &ReadCx<'_>, _: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let drawn = (0..MOST_DRAWS).map_while(|_| draw(cx)).find(|entry| !cx.is_due(entry));
    match drawn.or_else(|| draw_living(cx)) {
        Some(entry) => reply.bulk(entry.key()),
        None => reply.null(),
    }
    Ok(())
}

/// An entry of any partition, expired or not, each as likely as any other.
fn draw<'a>(cx: &ReadCx<'a>) -> Option<EntryRef<'a>> {
    let mut rank = cx.random_below(keys_of(cx));
    for partition in cx.partitions() {
        let Some(db) = partition.db(cx.frame.db) else { continue };
        let len = db.dict().len() as u64;
        if rank < len {
            return db.dict().random(&mut || cx.random()).map(|place| db.entry(place));
        }
        rank -= len;
    }
    None
}

/// An entry that is not expired, each as likely as any other. Looks at every key.
#[cold]
fn draw_living<'a>(cx: &ReadCx<'a>) -> Option<EntryRef<'a>> {
    let living = || entries(cx).filter(|entry| !cx.is_due(entry));
    let rank = cx.random_below(living().fold(0, |count, _| count + 1));
    living().nth(usize::try_from(rank).ok()?)
}

fn keys(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let pattern = args.at(1);
    let found: Vec<&[u8]> = if !pattern.iter().any(|byte| b"*?[\\".contains(byte)) {
        cx.peek(cx.frame.db, pattern).map(|entry| entry.key()).into_iter().collect()
    } else {
        // The pattern `*` matches even the empty key, as in Redis.
        let matches =
            |entry: &EntryRef<'_>| pattern == b"*" || glob_match(pattern, entry.key(), false);
        let living = entries(cx).filter(|entry| !cx.is_due(entry));
        living.filter(matches).map(|entry| entry.key()).collect()
    };
    reply.array(found.len());
    found.iter().for_each(|key| reply.bulk(key));
    Ok(())
}

/// All entries of the connection's database, expired or not.
fn entries<'a>(cx: &ReadCx<'a>) -> impl Iterator<Item = EntryRef<'a>> {
    let db = cx.frame.db;
    cx.partitions().filter_map(move |partition| partition.db(db)).flat_map(|db| db.dict().iter())
}

fn dbsize(cx: &ReadCx<'_>, _: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    reply.int(i64::try_from(keys_of(cx)).unwrap_or(i64::MAX));
    Ok(())
}

/// Number of keys in the connection's database.
fn keys_of(cx: &ReadCx<'_>) -> u64 {
    let keys = |partition: &Partition| partition.figures(cx.frame.db).keys;
    cx.partitions().map(keys).sum()
}

fn flushdb(cx: &mut WriteCx<'_, '_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    check_flush_option(args)?;
    cx.flush(cx.frame.db);
    reply.ok();
    Ok(())
}

fn flushall(cx: &mut WriteCx<'_, '_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    check_flush_option(args)?;
    for db in (0..cx.databases()).map(DbIndex) {
        cx.flush(db);
    }
    reply.ok();
    Ok(())
}

/// SYNC and ASYNC come to the same: keys are gone at once, memory is freed elsewhere.
fn check_flush_option(args: Args<'_>) -> Result<(), CommandError> {
    let known = |option: &[u8]| {
        option.eq_ignore_ascii_case(b"SYNC") || option.eq_ignore_ascii_case(b"ASYNC")
    };
    let fine = args.len() <= 2 && args.get(1).is_none_or(known);
    if fine { Ok(()) } else { Err(CommandError::Syntax) }
}

fn swapdb(cx: &mut WriteCx<'_, '_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let number = |text, error| int_argument(text).map_err(|_| CommandError::Text(error));
    let first = number(args.at(1), "ERR invalid first DB index")?;
    let second = number(args.at(2), "ERR invalid second DB index")?;
    let (first, second) = (database(cx, first)?, database(cx, second)?);
    cx.swap(first, second);
    reply.ok();
    Ok(())
}
