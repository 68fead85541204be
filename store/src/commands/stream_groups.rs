//! XGROUP and XACK: groups of consumers, and what they have done with.

use shardwright_codec::number::parse_i64_strict;
use shardwright_codec::resp::{Args, ReplyWriter};

use super::object::write_help;
use super::stream_ids::{any, exact, no_group_of_key};
use crate::command::Outcome;
use crate::context::{KeyMut, ReadCx, WriteCx};
use crate::data::stream::{Edit, Stream, StreamId, UNKNOWN_READ, View};
use crate::effect::Event;
use crate::error::CommandError;

const HELP: &[&str] = &[
    "XGROUP <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "CREATE <key> <groupname> <id|$> [option]",
    "    Make a group that has read up to an ID. Options are:",
    "    * MKSTREAM",
    "      Make an empty stream if the key does not exist.",
    "    * ENTRIESREAD entries_read",
    "      Say how many entries the group has read.",
    "CREATECONSUMER <key> <groupname> <consumer>",
    "    Make a consumer in a group.",
    "DELCONSUMER <key> <groupname> <consumer>",
    "    Remove a consumer from a group.",
    "DESTROY <key> <groupname>",
    "    Remove a group.",
    "SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
    "    Say up to which ID a group has read, and how many entries that were.",
    "HELP",
    "    Show these lines.",
];

const KEY_NEEDED: CommandError = CommandError::Text(
    "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use \
     the MKSTREAM option to create an empty stream automatically.",
);

/// Most arguments of XGROUP CREATE.
const CREATE_AT_MOST: usize = 8;

/// Numbers of arguments of XGROUP SETID.
const SET_ID_ARGUMENTS: [usize; 2] = [5, 7];

/// A wrong number of arguments, or an unknown one, of this subcommand of `command`.
pub(super) fn wrong_subcommand(args: Args<'_>, command: &str) -> CommandError {
    let behind = format!("'. Try {command} HELP.");
    let before = "ERR unknown subcommand or wrong number of arguments for '";
    CommandError::quoting(before, args.at(1), &behind)
}

/// What follows the ID of CREATE and SETID.
struct Options {
    mkstream: bool,
    read: i64,
}

fn options(args: Args<'_>, creates: bool) -> Result<Options, CommandError> {
    let mut options = Options { mkstream: false, read: UNKNOWN_READ };
    let mut at = 5;
    while let Some(option) = args.get(at) {
        if creates && option.eq_ignore_ascii_case(b"mkstream") {
            options.mkstream = true;
            at += 1;
            continue;
        }
        let value = args.get(at + 1).filter(|_| option.eq_ignore_ascii_case(b"entriesread"));
        let value = value.ok_or_else(|| wrong_subcommand(args, "XGROUP"))?;
        options.read = parse_i64_strict(value).ok_or(CommandError::NotInteger)?;
        if options.read < UNKNOWN_READ {
            return Err(CommandError::Text("ERR value for ENTRIESREAD must be positive or -1"));
        }
        at += 2;
    }
    Ok(options)
}

/// The stream, which must be there.
fn stream_at<'k>(key: &'k KeyMut<'_, '_, '_>) -> Result<View<'k>, CommandError> {
    key.collection::<Stream>()?.ok_or(KEY_NEEDED)
}

/// Whether the group is there; a command that needs one.
fn check_group(stream: View<'_>, args: Args<'_>) -> Result<(), CommandError> {
    let group = stream.group(args.at(3)).map(|_| ());
    group.ok_or_else(|| no_group_of_key(args.at(2), args.at(3)))
}

pub(super) fn create(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    let options = options(args, true)?;
    let key = cx.key(args.at(2));
    let stream = key.collection::<Stream>()?;
    let stream = stream.or(options.mkstream.then(View::default)).ok_or(KEY_NEEDED)?;
    if args.len() > CREATE_AT_MOST {
        return Err(wrong_subcommand(args, "XGROUP"));
    }
    let last = match args.at(4) {
        b"$" => stream.facts.last,
        id => exact(id, 0)?,
    };
    if stream.group(args.at(3)).is_some() {
        return Err(CommandError::Text("BUSYGROUP Consumer Group name already exists"));
    }
    key.edit::<Stream, _>(Event::group("xgroup-create"), |stream| {
        stream.apply(Edit::CreateGroup { group: args.at(3), last, read: options.read });
    })?;
    reply.ok();
    Ok(())
}

pub(super) fn setid(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    let options = options(args, false)?;
    let key = cx.key(args.at(2));
    let stream = stream_at(&key)?;
    check_group(stream, args)?;
    if !SET_ID_ARGUMENTS.contains(&args.len()) {
        return Err(wrong_subcommand(args, "XGROUP"));
    }
    let last: StreamId = match args.at(4) {
        b"$" => stream.facts.last,
        id => any(id, 0)?,
    };
    key.edit::<Stream, _>(Event::group("xgroup-setid"), |stream| {
        stream.apply(Edit::SetGroup { group: args.at(3), last, read: options.read });
    })?;
    reply.ok();
    Ok(())
}

pub(super) fn destroy(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    let key = cx.key(args.at(2));
    stream_at(&key)?;
    let destroyed = key.edit::<Stream, _>(Event::group("xgroup-destroy").waking(), |stream| {
        stream.apply(Edit::DestroyGroup { group: args.at(3) })
    })?;
    reply.int(i64::from(destroyed.is_some()));
    Ok(())
}

pub(super) fn createconsumer(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    let time = cx.frame.now.0;
    let key = cx.key(args.at(2));
    check_group(stream_at(&key)?, args)?;
    let created = key.edit::<Stream, _>(Event::group("xgroup-createconsumer"), |stream| {
        let (group, consumer) = (args.at(3), args.at(4));
        stream.apply(Edit::CreateConsumer { group, consumer, time })
    })?;
    reply.int(i64::from(created.is_some()));
    Ok(())
}

pub(super) fn delconsumer(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    let key = cx.key(args.at(2));
    check_group(stream_at(&key)?, args)?;
    let pending = key.edit::<Stream, _>(Event::group("xgroup-delconsumer"), |stream| {
        stream.apply(Edit::DeleteConsumer { group: args.at(3), consumer: args.at(4) })
    })?;
    reply.int(pending.unwrap_or(0).cast_signed());
    Ok(())
}

pub(super) fn help(_: &ReadCx<'_>, _: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    write_help(HELP, reply);
    Ok(())
}

pub(super) fn xack(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    let group = args.at(2);
    let key = cx.key(args.at(1));
    if key.collection::<Stream>()?.and_then(|stream| stream.group(group)).is_none() {
        reply.int(0);
        return Ok(());
    }
    let ids = args.skip(3).iter().map(|id| exact(id, 0)).collect::<Result<Vec<_>, _>>()?;
    let done = key.edit::<Stream, _>(Event::group("xack"), |stream| {
        ids.iter().filter(|id| stream.apply(Edit::Ack { group, id: **id }).is_some()).count()
    })?;
    reply.int(done as i64);
    Ok(())
}
