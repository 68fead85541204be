//! OBJECT: how a key is stored and when it was used.

use shardwright_codec::resp::{Args, ReplyWriter};

use crate::command::argument::ONE_KEY;
use crate::command::{Categories, DataCommand, Flags, Group, KeySpec, KeyUse, Outcome, Spec};
use crate::context::{Frame, ReadCx, Touch};
use crate::data;
use crate::dict::EntryRef;
use crate::error::CommandError;
use crate::value::ValueRef;

const THE_KEY: &[KeySpec] = &[KeySpec::one(2, KeyUse::RO)];
const TIPS: &[&str] = &["nondeterministic_output"];

/// Bits of the LRU clock.
pub(super) const CLOCK_MASK: u32 = 0xFF_FFFF;

/// Integers below this and from 0 on are shared objects in Redis.
const SHARED_INTEGERS: std::ops::Range<i64> = 0..10_000;

/// The number of references that Redis gives for a shared object.
const SHARED_REFERENCES: i64 = 2_147_483_647;

const NO_FREQUENCY: CommandError = CommandError::Text(
    "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that \
     when switching between policies at runtime LRU and LFU data will take some time to adjust.",
);

const HELP: &[&str] = &[
    "OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "ENCODING <key>",
    "    Tell in which way the value of <key> is stored.",
    "FREQ <key>",
    "    Tell how often <key> is used, on a logarithmic scale.",
    "IDLETIME <key>",
    "    Tell for how many seconds <key> has not been used, about.",
    "REFCOUNT <key>",
    "    Tell how many references there are to the value of <key>.",
    "HELP",
    "    Show these lines.",
];

/// OBJECT.
pub const COMMAND: DataCommand = DataCommand::container(
    Spec::new("object", Group::Generic, -2)
        .doc("2.2.3", "Depends on subcommand.", "Commands that tell how keys are stored")
        .example("> SET object:a 12345\nOK\n> OBJECT ENCODING object:a\n\"int\""),
    &[
        DataCommand::read(
            about_key("encoding")
                .doc("2.2.3", "O(1)", "Get the encoding in which a value is stored")
                .example(
                    "> SET object:a Hello\nOK\n\
                     > OBJECT ENCODING object:a\n\"embstr\"\n\
                     > OBJECT ENCODING object:none\n(nil)",
                ),
            encoding,
        ),
        DataCommand::read(
            about_key("freq")
                .doc("4.0.0", "O(1)", "Get how often a key is used, on a logarithmic scale")
                .example("> OBJECT FREQ object:none\n(nil)"),
            freq,
        ),
        DataCommand::read(
            Spec::new("help", Group::Generic, 2)
                .flags(&[Flags::LOADING, Flags::STALE])
                .categories(&[Categories::KEYSPACE])
                .doc("6.2.0", "O(1)", "Show a text about the subcommands")
                .example(
                    "> OBJECT HELP\n \
                      1) OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:\n \
                      2) ENCODING <key>\n \
                      3)     Tell in which way the value of <key> is stored.\n \
                      4) FREQ <key>\n \
                      5)     Tell how often <key> is used, on a logarithmic scale.\n \
                      6) IDLETIME <key>\n \
                      7)     Tell for how many seconds <key> has not been used, about.\n \
                      8) REFCOUNT <key>\n \
                      9)     Tell how many references there are to the value of <key>.\n\
                     10) HELP\n\
                     11)     Show these lines.",
                ),
            help,
        ),
        DataCommand::read(
            about_key("idletime")
                .doc("2.2.3", "O(1)", "Get the seconds since a key was last used")
                .example("> SET object:a Hello\nOK\n> OBJECT IDLETIME object:a\n(integer) 0"),
            idletime,
        ),
        DataCommand::read(
            about_key("refcount")
                .doc("2.2.3", "O(1)", "Get the number of references to a value")
                .example("> SET object:a Hello\nOK\n> OBJECT REFCOUNT object:a\n(integer) 1"),
            refcount,
        ),
    ],
);

const fn about_key(name: &'static str) -> Spec {
    Spec::new(name, Group::Generic, 3)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::KEYSPACE])
        .keys(THE_KEY)
        .tips(TIPS)
        .arguments(ONE_KEY)
}

fn encoding(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    match the_key(cx, args) {
        Some(entry) => reply.bulk(encoding_of(entry.value()).as_bytes()),
        None => reply.null(),
    }
    Ok(())
}

fn freq(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    match the_key(cx, args) {
        Some(_) => Err(NO_FREQUENCY),
        None => {
            reply.null();
            Ok(())
        }
    }
}

fn idletime(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    int_or_null(reply, the_key(cx, args).map(|entry| idle_seconds(&entry, &cx.frame)));
    Ok(())
}

fn refcount(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    int_or_null(reply, the_key(cx, args).map(|entry| references(entry.value())));
    Ok(())
}

fn help(_: &ReadCx<'_>, _: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    write_help(HELP, reply);
    Ok(())
}

/// The key that the command is about; looking does not count as use.
fn the_key<'a>(cx: &ReadCx<'a>, args: Args<'_>) -> Option<EntryRef<'a>> {
    cx.lookup(cx.frame.db, args.at(2), Touch::No)
}

fn int_or_null(reply: &mut ReplyWriter<'_>, number: Option<i64>) {
    match number {
        Some(number) => reply.int(number),
        None => reply.null(),
    }
}

/// Writes a text as HELP subcommands do: an array of statuses.
pub(super) fn write_help(lines: &[&str], reply: &mut ReplyWriter<'_>) {
    reply.array(lines.len());
    lines.iter().for_each(|line| reply.simple(line));
}

/// Redis's name of the encoding of a value.
pub fn encoding_of(value: ValueRef<'_>) -> &'static str {
    match value {
        ValueRef::Int(_) => "int",
        ValueRef::Bytes { raw: false, .. } => "embstr",
        ValueRef::Bytes { raw: true, .. } => "raw",
        ValueRef::Packed(_) | ValueRef::Object(_) => data::encoding(value),
    }
}

/// References to a value as Redis counts them. Values are not shared here, but clients can tell by
/// this number that small integers are in Redis.
pub(super) fn references(value: ValueRef<'_>) -> i64 {
    match value {
        ValueRef::Int(n) if SHARED_INTEGERS.contains(&n) => SHARED_REFERENCES,
        _ => 1,
    }
}

/// Seconds since the last use. The clock that recency is kept in goes round in 194 days.
pub(super) fn idle_seconds(entry: &EntryRef<'_>, frame: &Frame<'_>) -> i64 {
    i64::from(frame.lru.wrapping_sub(entry.lru()) & CLOCK_MASK)
}
