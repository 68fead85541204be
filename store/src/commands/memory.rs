//! MEMORY: how much memory a key takes.

use shardwright_codec::number::parse_i64_strict;
use shardwright_codec::resp::{Args, ReplyWriter};

use super::object::write_help;
use crate::command::argument::{Argument, integer, key};
use crate::command::{DataCommand, Flags, Group, KeySpec, KeyUse, Outcome, Spec};
use crate::context::{ReadCx, Touch};
use crate::error::CommandError;

/// `MEMORY USAGE key [SAMPLES count]`
const USAGE: &[Argument] = &[key("key"), integer("count").token("SAMPLES").optional()];

/// Bytes that a table has for each of its entries.
const PLACE: usize = size_of::<u64>();

const HELP: &[&str] = &[
    "MEMORY <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "USAGE <key> [SAMPLES <count>]",
    "    Tell how many bytes <key> and its value take. No <count> makes it more exact.",
    "HELP",
    "    Show these lines.",
];

/// The command.
pub const COMMANDS: &[DataCommand] = &[DataCommand::container(
    Spec::new("memory", Group::Server, -2)
        .doc("4.0.0", "Depends on subcommand.", "Commands that tell about memory")
        .example("> MEMORY USAGE memory:none\n(nil)"),
    &[
        DataCommand::read(
            Spec::new("help", Group::Server, 2)
                .flags(&[Flags::LOADING, Flags::STALE])
                .doc("4.0.0", "O(1)", "Show a text about the subcommands")
                .example(
                    "> MEMORY HELP\n\
                     1) MEMORY <subcommand> [<arg> [value] [opt] ...]. Subcommands are:\n\
                     2) USAGE <key> [SAMPLES <count>]\n\
                     3)     Tell how many bytes <key> and its value take. No <count> makes it \
                     more exact.\n\
                     4) HELP\n\
                     5)     Show these lines.",
                ),
            help,
        ),
        DataCommand::read(
            Spec::new("usage", Group::Server, -3)
                .flags(&[Flags::READONLY])
                .keys(&[KeySpec::one(2, KeyUse::RO)])
                .doc(
                    "4.0.0",
                    "O(N) where N is the number of samples.",
                    "Get the bytes that a key and its value take",
                )
                .arguments(USAGE)
                .example("> MEMORY USAGE memory:none SAMPLES 5\n(nil)"),
            usage,
        ),
    ],
)];

/// What is told is exact and known at once, whatever SAMPLES says.
fn usage(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let mut options = args.skip(3).iter();
    while let Some(option) = options.next() {
        let count = options.next().filter(|_| option.eq_ignore_ascii_case(b"SAMPLES"));
        let count = parse_i64_strict(count.ok_or(CommandError::Syntax)?);
        if count.ok_or(CommandError::NotInteger)? < 0 {
            return Err(CommandError::Syntax);
        }
    }
    match cx.lookup(cx.frame.db, args.at(2), Touch::No) {
        Some(entry) => reply.int((PLACE + entry.memory()) as i64),
        None => reply.null(),
    }
    Ok(())
}

fn help(_: &ReadCx<'_>, _: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    write_help(HELP, reply);
    Ok(())
}
