//! Commands that save the data: each begins a checkpoint.

use std::sync::Arc;

use shardwright_codec::resp::{Args, ReplyWriter};
use shardwright_store::command::argument::{Argument, word};
use shardwright_store::command::history::{History, changed};
use shardwright_store::command::{Categories, Command, Flags, Group, Outcome, Spec};
use shardwright_store::error::CommandError;

use crate::checkpoint::Purpose;
use crate::messages::BlockKind;
use crate::registry::{SessionCommand, SessionRun};
use crate::server::Server;
use crate::session::SessionCx;

/// The family's commands.
pub const COMMANDS: &[SessionCommand] = &[
    Command::new(
        saving("save", 1)
            .doc("1.0.0", KEYS, "Save the data and wait until that is done")
            .example("> SAVE now\n(error) ERR wrong number of arguments for 'save' command"),
        SessionRun::Handler(save),
    ),
    Command::new(
        Spec::new("bgsave", Group::Server, -1)
            .flags(&[Flags::ADMIN, Flags::NOSCRIPT, Flags::NO_ASYNC_LOADING])
            .doc("1.0.0", "O(1)", "Begin to save the data")
            .arguments(BGSAVE)
            .history(BGSAVE_HISTORY)
            .example("> BGSAVE NOSUCH\n(error) ERR syntax error"),
        SessionRun::Handler(bgsave),
    ),
    Command::new(
        Spec::new("bgrewriteaof", Group::Server, 1)
            .flags(&[Flags::ADMIN, Flags::NOSCRIPT, Flags::NO_ASYNC_LOADING])
            .doc("1.0.0", "O(1)", "Begin to save the data, after which the log is short again")
            .example(
                "> BGREWRITEAOF now\n\
                 (error) ERR wrong number of arguments for 'bgrewriteaof' command",
            ),
        SessionRun::Handler(bgrewriteaof),
    ),
    Command::new(
        Spec::new("lastsave", Group::Server, 1)
            .flags(&[Flags::LOADING, Flags::STALE, Flags::FAST])
            .categories(&[Categories::ADMIN, Categories::DANGEROUS])
            .doc("1.0.0", "O(1)", "Get the time in seconds since 1970 at which data was last saved")
            .tips(&["nondeterministic_output"]),
        SessionRun::Handler(lastsave),
    ),
];

const KEYS: &str = "O(N) where N is the total number of keys in all databases";

/// `BGSAVE [SCHEDULE]`
const BGSAVE: &[Argument] = &[word("SCHEDULE").since("3.2.2").optional()];

const BGSAVE_HISTORY: &[History] = &[changed("3.2.2", "Added the `SCHEDULE` option.")];

const fn saving(name: &'static str, arity: i16) -> Spec {
    Spec::new(name, Group::Server, arity).flags(&[
        Flags::ADMIN,
        Flags::NOSCRIPT,
        Flags::NO_ASYNC_LOADING,
        Flags::NO_MULTI,
        Flags::BARRIER,
    ])
}

const NO_DIRECTORY: CommandError =
    CommandError::Text("ERR there is no data directory: start with appendonly yes, or with save");
const RUNNING: CommandError = CommandError::Text("ERR Background save already in progress");
const REWRITING: CommandError =
    CommandError::Text("ERR Background append only file rewriting already in progress");

const ANOTHER: CommandError = CommandError::Text(
    "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in \
     order to schedule a BGSAVE whenever possible.",
);

fn check_directory(server: &Server) -> Outcome {
    if server.checkpoints.are_possible() { Ok(()) } else { Err(NO_DIRECTORY) }
}

fn save(cx: &mut SessionCx<'_>, _: Args<'_>, _: &mut ReplyWriter<'_>) -> Outcome {
    check_directory(cx.server)?;
    if !cx.server.claim_checkpoint(Purpose::Save) {
        return Err(RUNNING);
    }
    // What becomes of it is the reply.
    cx.block = Some(BlockKind::Checkpoint);
    Ok(())
}

fn bgsave(cx: &mut SessionCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let schedule = match args.len() {
        1 => false,
        2 if args.at(1).eq_ignore_ascii_case(b"SCHEDULE") => true,
        _ => return Err(CommandError::Syntax),
    };
    check_directory(cx.server)?;
    let checkpoints = &cx.server.checkpoints;
    if cx.server.begin_checkpoint(Purpose::Save) {
        reply.simple("Background saving started");
    } else if checkpoints.is_running_for(Purpose::Save) {
        return Err(RUNNING);
    } else if schedule {
        follow(cx.server, Purpose::Save);
        reply.simple("Background saving scheduled");
    } else {
        return Err(ANOTHER);
    }
    Ok(())
}

fn bgrewriteaof(cx: &mut SessionCx<'_>, _: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    check_directory(cx.server)?;
    if cx.server.begin_checkpoint(Purpose::Log) {
        reply.simple("Background append only file rewriting started");
    } else if cx.server.checkpoints.is_running_for(Purpose::Log) {
        return Err(REWRITING);
    } else {
        follow(cx.server, Purpose::Log);
        reply.simple("Background append only file rewriting scheduled");
    }
    Ok(())
}

/// Lets a checkpoint follow the one that is being written.
fn follow(server: &Arc<Server>, purpose: Purpose) {
    server.checkpoints.schedule(purpose);
    // That may have ended just before.
    if !server.checkpoints.is_running() {
        server.begin_checkpoint(purpose);
    }
}

fn lastsave(cx: &mut SessionCx<'_>, _: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    reply.int(cx.server.checkpoints.last_saved());
    Ok(())
}
