//! XINFO: what is known of streams, their groups and consumers.

use shardwright_codec::number::parse_i64_strict;
use shardwright_codec::resp::{Args, ReplyWriter};

use super::object::write_help;
use super::stream_groups::wrong_subcommand;
use super::stream_ids::{at_most, no_group_of_key, write_entries, write_entry, write_id};
use crate::command::Outcome;
use crate::context::ReadCx;
use crate::data::stream::{Consumer, Entry, Facts, Group, Stream, StreamId, UNKNOWN_READ, View};
use crate::error::CommandError;

const HELP: &[&str] = &[
    "XINFO <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "CONSUMERS <key> <groupname>",
    "    Show the consumers of a group.",
    "GROUPS <key>",
    "    Show the groups of a stream.",
    "STREAM <key> [FULL [COUNT <count>]",
    "    Show what is known of a stream.",
    "HELP",
    "    Show these lines.",
];

/// Entries that are shown unless a number is asked for.
const SHOWN: u64 = 10;

const ALL: std::ops::RangeInclusive<StreamId> = StreamId::MIN..=StreamId::MAX;

pub(super) fn help(_: &ReadCx<'_>, _: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    write_help(HELP, reply);
    Ok(())
}

fn stream_at<'a>(cx: &ReadCx<'a>, args: Args<'_>) -> Result<View<'a>, CommandError> {
    cx.collection::<Stream>(args.at(2))?.ok_or(CommandError::NoSuchKey)
}

pub(super) fn groups(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let stream = stream_at(cx, args)?;
    reply.array(stream.groups_len());
    for (name, group) in stream.groups() {
        reply.map(6);
        write_name(name, reply);
        field("consumers", reply).int(group.consumers_len() as i64);
        field("pending", reply).int(group.pending_len() as i64);
        write_progress(stream.facts, group, reply);
    }
    Ok(())
}

pub(super) fn consumers(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let group = stream_at(cx, args)?.group(args.at(3));
    let group = group.ok_or_else(|| no_group_of_key(args.at(2), args.at(3)))?;
    reply.array(group.consumers_len());
    for consumer in group.consumers() {
        reply.map(3);
        write_name(consumer.name(), reply);
        field("pending", reply).int(consumer.pending_len() as i64);
        field("idle", reply).int(cx.frame.now.0.saturating_sub(consumer.seen()).max(0));
    }
    Ok(())
}

pub(super) fn stream(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let stream = stream_at(cx, args)?;
    match full_count(args)? {
        None => {
            reply.map(10);
            write_facts(stream, reply);
            field("groups", reply).int(stream.groups_len() as i64);
            let first = stream.range(StreamId::MIN, StreamId::MAX).next();
            write_edge(first, field("first-entry", reply));
            let last = stream.range_back(StreamId::MIN, StreamId::MAX).next();
            write_edge(last, field("last-entry", reply));
        }
        Some(count) => {
            let shown = at_most(count);
            reply.map(9);
            write_facts(stream, reply);
            let entries = stream.range(StreamId::MIN, StreamId::MAX).take(shown);
            write_entries(entries, field("entries", reply));
            field("groups", reply).array(stream.groups_len());
            for (name, group) in stream.groups() {
                write_group(name, group, stream.facts, shown, reply);
            }
        }
    }
    Ok(())
}

/// How many entries FULL asks for, if it is there; 0 for all.
fn full_count(args: Args<'_>) -> Result<Option<u64>, CommandError> {
    let is = |at: usize, word: &str| args.at(at).eq_ignore_ascii_case(word.as_bytes());
    match args.len() {
        3 => Ok(None),
        4 if is(3, "full") => Ok(Some(SHOWN)),
        6 if is(3, "full") && is(4, "count") => {
            let count = parse_i64_strict(args.at(5)).ok_or(CommandError::NotInteger)?;
            Ok(Some(u64::try_from(count).unwrap_or(SHOWN)))
        }
        _ => Err(wrong_subcommand(args, "XINFO")),
    }
}

fn field<'r, 'o>(name: &str, reply: &'r mut ReplyWriter<'o>) -> &'r mut ReplyWriter<'o> {
    reply.bulk(name.as_bytes());
    reply
}

fn write_name(name: &[u8], reply: &mut ReplyWriter<'_>) {
    field("name", reply).bulk(name);
}

fn write_facts(stream: View<'_>, reply: &mut ReplyWriter<'_>) {
    let Facts { len, last, first, max_deleted, added } = stream.facts;
    field("length", reply).int(len.cast_signed());
    field("radix-tree-keys", reply).int(stream.nodes_len() as i64);
    field("radix-tree-nodes", reply).int(stream.radix_nodes().cast_signed());
    write_id(last, field("last-generated-id", reply));
    write_id(max_deleted, field("max-deleted-entry-id", reply));
    field("entries-added", reply).int(added.cast_signed());
    write_id(first, field("recorded-first-entry-id", reply));
}

fn write_edge(entry: Option<Entry<'_>>, reply: &mut ReplyWriter<'_>) {
    match entry {
        Some(entry) => write_entry(entry, reply),
        None => reply.null(),
    }
}

/// Writes how far a group has read.
fn write_progress(facts: Facts, group: &Group, reply: &mut ReplyWriter<'_>) {
    write_id(group.last, field("last-delivered-id", reply));
    let reply = field("entries-read", reply);
    match group.read {
        UNKNOWN_READ => reply.null(),
        read => reply.int(read),
    }
    let reply = field("lag", reply);
    match facts.lag(group) {
        Some(lag) => reply.int(lag),
        None => reply.null(),
    }
}

fn write_group(
    name: &[u8],
    group: &Group,
    facts: Facts,
    shown: usize,
    reply: &mut ReplyWriter<'_>,
) {
    reply.map(7);
    write_name(name, reply);
    write_progress(facts, group, reply);
    field("pel-count", reply).int(group.pending_len() as i64);
    field("pending", reply).array(group.pending_len().min(shown));
    for (id, pending) in group.pending(ALL).take(shown) {
        reply.array(4);
        write_id(id, reply);
        reply.bulk(group.owner(pending));
        reply.int(pending.time);
        reply.int(pending.count.cast_signed());
    }
    field("consumers", reply).array(group.consumers_len());
    for consumer in group.consumers() {
        write_consumer(group, consumer, shown, reply);
    }
}

fn write_consumer(group: &Group, consumer: &Consumer, shown: usize, reply: &mut ReplyWriter<'_>) {
    reply.map(4);
    write_name(consumer.name(), reply);
    field("seen-time", reply).int(consumer.seen());
    field("pel-count", reply).int(consumer.pending_len() as i64);
    field("pending", reply).array(consumer.pending_len().min(shown));
    for id in consumer.pending(ALL).take(shown) {
        let (time, count) =
            group.pending_at(id).map_or((0, 0), |pending| (pending.time, pending.count));
        reply.array(3);
        write_id(id, reply);
        reply.int(time);
        reply.int(count.cast_signed());
    }
}
