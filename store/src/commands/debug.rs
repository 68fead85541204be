//! The part of DEBUG that acts on data: one small table of subcommands, each with its handler.
//!
//! Subcommands about the process itself (SLEEP, SET-ACTIVE-EXPIRE and the like) are taken by the
//! server before a command gets here.

use shardwright_codec::number::parse_i64_strict;
use shardwright_codec::resp::{Args, ReplyWriter};

use super::dump::serialized_length;
use super::object::{encoding_of, idle_seconds, references, write_help};
use super::string_value::plain_string;
use crate::command::{DataCommand, DocFlags, Flags, Group, Outcome, Spec};
use crate::context::{Ttl, WriteCx};
use crate::dict::EntryRef;
use crate::digest::{dataset_digest, value_digest};
use crate::effect::Event;
use crate::error::CommandError;
use crate::glob::glob_match;
use crate::partition::Partition;

/// DEBUG. All shards are lent to it, since any key may be among its arguments.
pub const COMMANDS: &[DataCommand] = &[DataCommand::write(
    Spec::new("debug", Group::Server, -2)
        .flags(&[
            Flags::ADMIN,
            Flags::NOSCRIPT,
            Flags::LOADING,
            Flags::STALE,
            Flags::PROTECTED,
            Flags::ALL_SHARDS,
            Flags::BARRIER,
        ])
        .doc("1.0.0", "Depends on subcommand.", "Commands for finding mistakes")
        .doc_flags(DocFlags::SYSCMD)
        .example("> DEBUG STRINGMATCH-LEN h?llo hello\n(integer) 1"),
    debug,
)];

/// One subcommand.
struct Subcommand {
    name: &'static str,
    /// What follows the name, for HELP.
    usage: &'static str,
    /// What it does, for HELP.
    help: &'static str,
    /// Numbers of arguments that it takes, DEBUG and its name included.
    arguments: std::ops::RangeInclusive<usize>,
    run: fn(&mut WriteCx<'_, '_>, Args<'_>, &mut ReplyWriter<'_>) -> Outcome,
}

const SUBCOMMANDS: &[Subcommand] = &[
    Subcommand {
        name: "DIGEST",
        usage: "",
        help: "Show a digest of all data.",
        arguments: 2..=2,
        run: digest,
    },
    Subcommand {
        name: "DIGEST-VALUE",
        usage: " <key> [<key> ...]",
        help: "Show a digest of the value of each key.",
        arguments: 2..=usize::MAX,
        run: digest_value,
    },
    Subcommand {
        name: "OBJECT",
        usage: " <key>",
        help: "Show how <key> is stored.",
        arguments: 3..=3,
        run: object,
    },
    Subcommand {
        name: "POPULATE",
        usage: " <count> [<prefix>] [<size>]",
        help: "Make <count> strings with names <prefix>:<number> (key:<number>).",
        arguments: 3..=5,
        run: populate,
    },
    Subcommand {
        name: "STRINGMATCH-LEN",
        usage: " <pattern> <string>",
        help: "Tell whether <string> matches the glob-style <pattern>.",
        arguments: 4..=4,
        run: stringmatch,
    },
    Subcommand { name: "HELP", usage: "", help: "Show these lines.", arguments: 2..=2, run: help },
];

/// The lines of HELP about the subcommands that act on data, HELP itself last.
pub fn help_lines() -> Vec<String> {
    let lines =
        |sub: &Subcommand| [format!("{}{}", sub.name, sub.usage), format!("    {}", sub.help)];
    SUBCOMMANDS.iter().flat_map(lines).collect()
}

fn debug(cx: &mut WriteCx<'_, '_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let name = args.at(1);
    let named = |sub: &&Subcommand| name.eq_ignore_ascii_case(sub.name.as_bytes());
    let found = SUBCOMMANDS.iter().find(named).filter(|sub| sub.arguments.contains(&args.len()));
    match found {
        Some(sub) => (sub.run)(cx, args, reply),
        None => Err(unknown_subcommand(name)),
    }
}

/// The answer to a subcommand that does not exist or has a wrong number of arguments.
pub fn unknown_subcommand(name: &[u8]) -> CommandError {
    /// Bytes of the name that the answer repeats.
    const SHOWN: usize = 128;
    CommandError::quoting(
        "ERR unknown subcommand or wrong number of arguments for '",
        &name[..name.len().min(SHOWN)],
        "'. Try DEBUG HELP.",
    )
}

fn digest(cx: &mut WriteCx<'_, '_>, _: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let partitions: Vec<&Partition> = cx.partitions().collect();
    reply.simple(&dataset_digest(&partitions).to_string());
    Ok(())
}

fn digest_value(cx: &mut WriteCx<'_, '_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let keys = args.skip(2);
    reply.array(keys.len());
    keys.iter().for_each(|key| reply.simple(&value_digest(stored(cx, key)).to_string()));
    Ok(())
}

fn object(cx: &mut WriteCx<'_, '_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let entry = stored(cx, args.at(2)).ok_or(CommandError::NoSuchKey)?;
    let value = entry.value();
    reply.simple(&format!(
        "Value at:{:p} refcount:{} encoding:{} serializedlength:{} lru:{} lru_seconds_idle:{}",
        entry.key().as_ptr(),
        references(value),
        encoding_of(value),
        serialized_length(value),
        entry.lru(),
        idle_seconds(&entry, &cx.frame),
    ));
    Ok(())
}

/// The key's entry, expired or not: who looks for mistakes wants to see what is there.
fn stored<'c>(cx: &'c WriteCx<'_, '_>, key: &[u8]) -> Option<EntryRef<'c>> {
    let hash = cx.partitions().next()?.hasher().hash(key);
    let owner = cx.partitions().find(|partition| partition.slots().contains(hash.slot))?;
    owner.get(cx.frame.db, hash, key)
}

/// Longest name that POPULATE makes, as in Redis; a longer one is cut off.
const POPULATED_NAME: usize = 127;

fn populate(cx: &mut WriteCx<'_, '_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let count = positive(args.at(2))?;
    let size = args.get(4).map(positive).transpose()?.unwrap_or(0);
    if size > cx.frame.limits.max_string {
        return Err(CommandError::StringTooLong);
    }
    let prefix = args.get(3).unwrap_or(b"key");
    let prefix = prefix.split(|&byte| byte == 0).next().unwrap_or_default();
    for number in 0..count {
        let mut name = [prefix, format!(":{number}").as_bytes()].concat();
        name.truncate(POPULATED_NAME);
        let mut value = format!("value:{number}").into_bytes();
        if size > 0 {
            value.resize(size, 0);
        }
        let key = cx.key(&name);
        if !key.exists() {
            key.put(plain_string(&value), Ttl::Clear, Event::generic("populate"));
        }
    }
    reply.ok();
    Ok(())
}

/// An argument that has to be a number and not negative.
fn positive(text: &[u8]) -> Result<usize, CommandError> {
    let number = parse_i64_strict(text).and_then(|number| usize::try_from(number).ok());
    number.ok_or(CommandError::Text("ERR value is out of range, must be positive"))
}

fn stringmatch(_: &mut WriteCx<'_, '_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    reply.int(i64::from(glob_match(args.at(2), args.at(3), false)));
    Ok(())
}

fn help(_: &mut WriteCx<'_, '_>, _: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let mut lines =
        vec!["DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:".to_owned()];
    lines.extend(help_lines());
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    write_help(&lines, reply);
    Ok(())
}
