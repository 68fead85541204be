//! Commands about the process: its clock, its end.

use shardwright_codec::resp::{Args, ReplyWriter};
use shardwright_store::command::{Command, Flags, Group, Outcome, Spec};
use shardwright_store::error::CommandError;

use super::lolwut::lolwut;
use super::server_arguments as args;
use crate::clock::Clock;
use crate::ending::How;
use crate::messages::BlockKind;
use crate::registry::{SessionCommand, SessionRun};
use crate::server::ControlRequest;
use crate::session::{Later, SessionCx};

/// The family's commands.
pub const COMMANDS: &[SessionCommand] = &[
    Command::new(
        Spec::new("time", Group::Server, 1)
            .flags(&[Flags::LOADING, Flags::STALE, Flags::FAST, Flags::BARRIER])
            .doc("2.6.0", "O(1)", "Get the server's time: seconds, and microseconds of the second")
            .tips(&["nondeterministic_output"]),
        SessionRun::Handler(time),
    ),
    Command::new(
        Spec::new("lolwut", Group::Server, -1)
            .flags(&[Flags::READONLY, Flags::FAST])
            .doc("5.0.0", "", "Show a picture and the version")
            .arguments(args::LOLWUT),
        SessionRun::Handler(lolwut),
    ),
    Command::new(
        Spec::new("shutdown", Group::Server, -1)
            .flags(&[
                Flags::ADMIN,
                Flags::NOSCRIPT,
                Flags::LOADING,
                Flags::STALE,
                Flags::NO_MULTI,
                Flags::ALLOW_BUSY,
                Flags::BARRIER,
            ])
            .doc(
                "1.0.0",
                "O(N) when saving, where N is the total number of keys in all databases when \
                 saving data, otherwise O(1)",
                "End the server",
            )
            .arguments(args::SHUTDOWN)
            .history(args::SHUTDOWN_HISTORY)
            .example("> SHUTDOWN ABORT\n(error) ERR No shutdown in progress."),
        SessionRun::Handler(shutdown),
    ),
];

fn time(_: &mut SessionCx<'_>, _: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let micros = Clock::unix_micros();
    reply.array(2);
    reply.bulk_int(micros / 1_000_000);
    reply.bulk_int(micros % 1_000_000);
    Ok(())
}

/// What SHUTDOWN was told.
#[derive(Debug, Default, PartialEq, Eq)]
struct ShutdownOptions {
    save: bool,
    no_save: bool,
    now: bool,
    force: bool,
    abort: bool,
}

impl ShutdownOptions {
    fn read(words: Args<'_>) -> Result<Self, CommandError> {
        let mut options = Self::default();
        for word in words.iter() {
            let option = match word.to_ascii_uppercase().as_slice() {
                b"SAVE" => &mut options.save,
                b"NOSAVE" => &mut options.no_save,
                b"NOW" => &mut options.now,
                b"FORCE" => &mut options.force,
                b"ABORT" => &mut options.abort,
                _ => return Err(CommandError::Syntax),
            };
            *option = true;
        }
        let alone = !(options.save || options.no_save || options.now || options.force);
        if (options.abort && !alone) || (options.save && options.no_save) {
            return Err(CommandError::Syntax);
        }
        Ok(options)
    }
}

fn shutdown(cx: &mut SessionCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let options = ShutdownOptions::read(args.skip(1))?;
    if options.abort {
        if !cx.server.ending.call_off() {
            return Err(CommandError::Text("ERR No shutdown in progress."));
        }
        cx.server.ask_control(ControlRequest::Resume);
        reply.ok();
        return Ok(());
    }
    let save = match (options.save, options.no_save) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    };
    // Success has no reply: the connection ends with the process.
    cx.later =
        Some(Later::Block(BlockKind::End(How { now: options.now, save, force: options.force })));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::with_args;
    use super::*;

    fn read(line: &str) -> Result<ShutdownOptions, CommandError> {
        with_args(line, ShutdownOptions::read)
    }

    #[test]
    fn options_of_shutdown_that_exclude_each_other_are_refused() {
        for line in ["NOSUCH", "SAVE NOSAVE", "ABORT NOW", "SAVE ABORT", "ABORT FORCE", "NOW x"] {
            assert_eq!(read(line), Err(CommandError::Syntax), "{line}");
        }
        let none = ShutdownOptions::default;
        for (line, expected) in [
            ("", none()),
            ("abort abort", ShutdownOptions { abort: true, ..none() }),
            ("NoSave now", ShutdownOptions { no_save: true, now: true, ..none() }),
            ("SAVE FORCE", ShutdownOptions { save: true, force: true, ..none() }),
        ] {
            assert_eq!(read(line), Ok(expected), "{line}");
        }
    }
}
