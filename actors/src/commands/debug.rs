//! The part of DEBUG that needs no data: the store's DEBUG answers everything else.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use shardwright_codec::resp::{Args, Protocol, ReplyWriter};
use shardwright_config::parse_size;
use shardwright_store::command::{Command, Group, Outcome, Spec};
use shardwright_store::commands::debug::help_lines;
use shardwright_store::error::CommandError;

use super::write_help;
use crate::messages::BlockKind;
use crate::rdb::reload::ReloadOptions;
use crate::registry::{SessionCommand, SessionHandler, SessionRun};
use crate::reload::Reload;
use crate::session::{Later, SessionCx};

/// The family's commands. The store's descriptor is the one that counts.
pub const COMMANDS: &[SessionCommand] =
    &[Command::new(Spec::new("debug", Group::Server, -2), SessionRun::Split(handler_of))];

/// One subcommand.
struct Subcommand {
    name: &'static str,
    /// Numbers of arguments that it takes, DEBUG and its name included.
    arguments: std::ops::RangeInclusive<usize>,
    /// What follows the name, for HELP.
    usage: &'static str,
    /// What it does, for HELP.
    help: &'static str,
    run: SessionHandler,
}

const SUBCOMMANDS: &[Subcommand] = &[
    Subcommand {
        name: "LOADAOF",
        // Redis looks at nothing behind it either.
        arguments: 2..=usize::MAX,
        usage: "",
        help: "Write the log out, remove the data and load it from checkpoint and log.",
        run: load_log,
    },
    Subcommand {
        name: "PROTOCOL",
        arguments: 3..=3,
        usage: " <type>",
        help: "Answer with a value of this type: string, integer, double, bignum, null, array, \
               set, map, attrib, push, verbatim, true, false.",
        run: protocol,
    },
    Subcommand {
        name: "QUICKLIST-PACKED-THRESHOLD",
        arguments: 3..=3,
        usage: " <size>",
        help: "Let elements of lists that are longer have nodes of their own. 0 for the usual bound.",
        run: packed_threshold,
    },
    Subcommand {
        name: "RELOAD",
        arguments: 2..=usize::MAX,
        usage: " [MERGE] [NOFLUSH] [NOSAVE]",
        help: "Save the data into the RDB file (not if NOSAVE), remove it (not if NOFLUSH) and load \
               the file. Keys that stay are an error unless MERGE.",
        run: reload,
    },
    Subcommand {
        name: "SET-ACTIVE-EXPIRE",
        arguments: 3..=3,
        usage: " <0|1>",
        help: "Choose whether keys expire before somebody asks for them.",
        run: set_active_expire,
    },
    Subcommand {
        name: "SHADOW",
        arguments: 2..=2,
        usage: "",
        help: "Compare the data with the copy that effects alone feed (setting: shadow).",
        run: shadow,
    },
    Subcommand {
        name: "SLEEP",
        arguments: 3..=3,
        usage: " <seconds>",
        help: "Stop the thread of this connection, and with it one shard. Decimals are allowed.",
        run: sleep,
    },
    Subcommand { name: "HELP", arguments: 2..=2, usage: "", help: "Show these lines.", run: help },
];

/// The handler of a form that runs in the connection.
fn handler_of(args: Args<'_>) -> Option<SessionHandler> {
    let named = |sub: &&Subcommand| args.at(1).eq_ignore_ascii_case(sub.name.as_bytes());
    let found = SUBCOMMANDS.iter().find(named)?;
    found.arguments.contains(&args.len()).then_some(found.run)
}

fn help(_: &mut SessionCx<'_>, _: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let mut lines =
        vec!["DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:".to_owned()];
    // HELP is the last of the store's.
    for sub in SUBCOMMANDS.iter().filter(|sub| sub.name != "HELP") {
        lines.push(format!("{}{}", sub.name, sub.usage));
        lines.push(format!("    {}", sub.help));
    }
    lines.extend(help_lines());
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    write_help(&lines, reply);
    Ok(())
}

fn sleep(_: &mut SessionCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    // What is no number, or none that time can have, is no time, as in Redis.
    let seconds = std::str::from_utf8(args.at(2)).ok().and_then(|text| text.trim().parse().ok());
    std::thread::sleep(Duration::try_from_secs_f64(seconds.unwrap_or(0.0)).unwrap_or_default());
    reply.ok();
    Ok(())
}

fn set_active_expire(
    cx: &mut SessionCx<'_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    // As C's atoi reads it: what does not begin with a number is 0.
    let digits = args.at(2).trim_ascii_start().iter().copied();
    let is_zero = digits.skip_while(|byte| b"+-".contains(byte)).find(|byte| *byte != b'0');
    let on = is_zero.is_some_and(|byte| byte.is_ascii_digit());
    cx.server.active_expire.store(on, Relaxed);
    reply.ok();
    Ok(())
}

/// Most that the bound may be: strings of 4 GiB are too long for any list.
const MAX_PACKED_THRESHOLD: u64 = (1 << 32) - (1 << 20);

const BAD_PACKED_THRESHOLD: CommandError =
    CommandError::Text("ERR argument must be a memory value bigger than 1 and smaller than 4gb");

fn packed_threshold(
    cx: &mut SessionCx<'_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    let text = std::str::from_utf8(args.at(2)).map_err(|_| BAD_PACKED_THRESHOLD)?;
    // No text at all is 0, as in Redis.
    let text = if text.is_empty() { "0" } else { text };
    let bytes = parse_size(text).ok().filter(|&bytes| bytes <= MAX_PACKED_THRESHOLD);
    let bytes = bytes.and_then(|bytes| usize::try_from(bytes).ok());
    cx.server.set_list_packed_threshold(bytes.ok_or(BAD_PACKED_THRESHOLD)?);
    reply.ok();
    Ok(())
}

fn reload(cx: &mut SessionCx<'_>, args: Args<'_>, _: &mut ReplyWriter<'_>) -> Outcome {
    let mut options = ReloadOptions::default();
    for word in args.skip(2).iter() {
        let option = match word.to_ascii_uppercase().as_slice() {
            b"MERGE" => &mut options.merge,
            b"NOFLUSH" => &mut options.no_flush,
            b"NOSAVE" => &mut options.no_save,
            _ => return Err(RELOAD_OPTIONS),
        };
        *option = true;
    }
    // What becomes of it is the reply.
    cx.later = Some(Later::Block(BlockKind::Reload(Reload::File(options))));
    Ok(())
}

fn load_log(cx: &mut SessionCx<'_>, _: Args<'_>, _: &mut ReplyWriter<'_>) -> Outcome {
    if !cx.server.durability.is_enabled() {
        return Err(CommandError::Text("ERR there is no log: start with appendonly yes"));
    }
    // What becomes of it is the reply.
    cx.later = Some(Later::Block(BlockKind::Reload(Reload::Log)));
    Ok(())
}

const RELOAD_OPTIONS: CommandError =
    CommandError::Text("ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.");

fn shadow(cx: &mut SessionCx<'_>, _: Args<'_>, _: &mut ReplyWriter<'_>) -> Outcome {
    // The result of the comparison is the reply.
    cx.later = Some(Later::Block(BlockKind::Audit));
    Ok(())
}

const PUSH_IN_RESP2: CommandError =
    CommandError::Text("ERR RESP2 is not supported by this command");

const WRONG_TYPE_NAME: CommandError = CommandError::Text(
    "ERR Wrong protocol type name. Please use one of the following: \
     string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false",
);

/// Writes a value.
type Sample = fn(&mut ReplyWriter<'_>);

/// Values to try a client's decoder on, by the type's name.
#[expect(clippy::approx_constant, reason = "Redis sends just these digits")]
const SAMPLES: &[(&str, Sample)] = &[
    ("string", |reply| reply.bulk(b"Hello World")),
    ("integer", |reply| reply.int(12_345)),
    ("double", |reply| reply.double(3.141)),
    ("null", |reply| reply.null()),
    ("array", |reply| {
        reply.array(3);
        (0..3).for_each(|n| reply.int(n));
    }),
    ("set", |reply| {
        reply.set(3);
        (0..3).for_each(|n| reply.int(n));
    }),
    ("map", |reply| {
        reply.map(3);
        for n in 0..3 {
            reply.int(n);
            reply.bool(n == 1);
        }
    }),
    ("attrib", |reply| {
        if reply.attribute(1) {
            reply.bulk(b"key-popularity");
            reply.array(2);
            reply.bulk(b"key:123");
            reply.int(90);
        }
        reply.bulk(b"Some real reply following the attribute");
    }),
    ("push", |reply| {
        reply.push(2);
        reply.bulk(b"server-cpu-usage");
        reply.int(42);
        // A push answers nothing: whoever waits for a reply gets one too.
        reply.bulk(b"Some real reply following the push reply");
    }),
    ("verbatim", |reply| reply.verbatim("txt", b"This is a verbatim\nstring")),
    ("true", |reply| reply.bool(true)),
    ("false", |reply| reply.bool(false)),
    ("bignum", |reply| reply.big_number("1234567999999999999999999999999999999")),
];

fn protocol(_: &mut SessionCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let name = args.at(2);
    let named = |(other, _): &&(&str, _)| name.eq_ignore_ascii_case(other.as_bytes());
    let (name, sample) = SAMPLES.iter().find(named).ok_or(WRONG_TYPE_NAME)?;
    if *name == "push" && reply.protocol() == Protocol::Resp2 {
        return Err(PUSH_IN_RESP2);
    }
    sample(reply);
    Ok(())
}
