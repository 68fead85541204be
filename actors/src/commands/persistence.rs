//! Commands that save the data: each begins a checkpoint; and WAITAOF, which waits for the log.

use std::sync::Arc;

use shardwright_codec::number::parse_i64_strict;
use shardwright_codec::resp::{Args, ReplyWriter};
use shardwright_store::command::argument::{Argument, integer, word};
use shardwright_store::command::history::{History, changed};
use shardwright_store::command::{Categories, Command, Flags, Group, Outcome, Spec};
use shardwright_store::error::CommandError;
use shardwright_store::types::UnixMillis;

use crate::checkpoint::Purpose;
use crate::messages::BlockKind;
use crate::registry::{SessionCommand, SessionRun};
use crate::server::Server;
use crate::session::{Later, LogWait, SessionCx};

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
            .flags(&[Flags::LOADING, Flags::STALE, Flags::FAST, Flags::BARRIER])
            .categories(&[Categories::ADMIN, Categories::DANGEROUS])
            .doc("1.0.0", "O(1)", "Get the time in seconds since 1970 at which data was last saved")
            .tips(&["nondeterministic_output"]),
        SessionRun::Handler(lastsave),
    ),
    Command::new(
        Spec::new("waitaof", Group::Generic, 4)
            .flags(&[Flags::NOSCRIPT, Flags::BARRIER])
            .categories(&[Categories::CONNECTION])
            .doc("7.2.0", "O(1)", "Wait until what this connection wrote is synced in the log")
            .tips(&["request_policy:all_shards", "response_policy:agg_min"])
            .arguments(WAITAOF)
            .example(
                "> SET k v\nOK\n> WAITAOF 0 0 0\n1) (integer) 0\n2) (integer) 0\n\
                 > WAITAOF 2 0 0\n(error) ERR value is out of range, value must between 0 and 1",
            ),
        SessionRun::Handler(waitaof),
    ),
];

const KEYS: &str = "O(N) where N is the total number of keys in all databases";

/// `BGSAVE [SCHEDULE]`
const BGSAVE: &[Argument] = &[word("SCHEDULE").since("3.2.2").optional()];

const BGSAVE_HISTORY: &[History] = &[changed("3.2.2", "Added the `SCHEDULE` option.")];

/// `WAITAOF numlocal numreplicas timeout`
const WAITAOF: &[Argument] = &[integer("numlocal"), integer("numreplicas"), integer("timeout")];

const fn saving(name: &'static str, arity: i16) -> Spec {
    Spec::new(name, Group::Server, arity).flags(&[
        Flags::ADMIN,
        Flags::NOSCRIPT,
        Flags::NO_ASYNC_LOADING,
        Flags::NO_MULTI,
        Flags::BARRIER,
    ])
}

const RUNNING: CommandError = CommandError::Text("ERR Background save already in progress");
const REWRITING: CommandError =
    CommandError::Text("ERR Background append only file rewriting already in progress");

const ANOTHER: CommandError = CommandError::Text(
    "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in \
     order to schedule a BGSAVE whenever possible.",
);

fn open_directory(server: &Server) -> Outcome {
    server.open_directory().map_err(|error| CommandError::Message(format!("ERR {error}")))
}

fn save(cx: &mut SessionCx<'_>, _: Args<'_>, _: &mut ReplyWriter<'_>) -> Outcome {
    open_directory(cx.server)?;
    if !cx.server.claim_checkpoint(Purpose::Save) {
        return Err(RUNNING);
    }
    // What becomes of it is the reply.
    cx.later = Some(Later::Block(BlockKind::Checkpoint));
    Ok(())
}

fn bgsave(cx: &mut SessionCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let schedule = match args.len() {
        1 => false,
        2 if args.at(1).eq_ignore_ascii_case(b"SCHEDULE") => true,
        _ => return Err(CommandError::Syntax),
    };
    open_directory(cx.server)?;
    let checkpoints = &cx.server.checkpoints;
    if cx.in_transaction && !checkpoints.is_running_for(Purpose::Save) {
        checkpoints.schedule(Purpose::Save);
        reply.simple("Background saving scheduled");
    } else if cx.server.begin_checkpoint(Purpose::Save) {
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
    open_directory(cx.server)?;
    let checkpoints = &cx.server.checkpoints;
    if cx.in_transaction && !checkpoints.is_running_for(Purpose::Log) {
        // The writer begins it a moment later, as Redis's cron does.
        checkpoints.schedule(Purpose::Log);
        reply.simple("Background append only file rewriting scheduled");
    } else if cx.server.begin_checkpoint(Purpose::Log) {
        reply.simple("Background append only file rewriting started");
    } else if checkpoints.is_running_for(Purpose::Log) {
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

fn waitaof(cx: &mut SessionCx<'_>, args: Args<'_>, _: &mut ReplyWriter<'_>) -> Outcome {
    let wait = read_wait(args, cx.now)?;
    if wait.local && !cx.server.durability.is_enabled() {
        return Err(CommandError::Text(
            "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.",
        ));
    }
    cx.later = Some(Later::Log(wait));
    Ok(())
}

/// Reads what follows WAITAOF; its time, in milliseconds, begins now.
fn read_wait(args: Args<'_>, now: UnixMillis) -> Result<LogWait, CommandError> {
    let local = match parse_i64_strict(args.at(1)).ok_or(CommandError::NotInteger)? {
        0 => false,
        1 => true,
        _ => return Err(CommandError::Text(LOCAL_OUT_OF_RANGE)),
    };
    let replicas = parse_i64_strict(args.at(2)).and_then(|number| u64::try_from(number).ok());
    let replicas = replicas.ok_or(CommandError::Text(NOT_POSITIVE))?;
    let timeout = parse_i64_strict(args.at(3)).ok_or(CommandError::Text(TIMEOUT_NO_INTEGER))?;
    let until = match timeout {
        0 => None,
        ..0 => return Err(CommandError::Text("ERR timeout is negative")),
        _ => {
            let until = now.0.checked_add(timeout);
            Some(UnixMillis(until.ok_or(CommandError::Text("ERR timeout is out of range"))?))
        }
    };
    Ok(LogWait { local, replicas, until })
}

const LOCAL_OUT_OF_RANGE: &str = "ERR value is out of range, value must between 0 and 1";
const NOT_POSITIVE: &str = "ERR value is out of range, must be positive";
const TIMEOUT_NO_INTEGER: &str = "ERR timeout is not an integer or out of range";

#[cfg(test)]
mod tests {
    use super::super::with_args;
    use super::*;

    #[test]
    fn what_follows_waitaof_is_read_as_redis_reads_it() {
        let asks = |local, replicas, until: Option<i64>| {
            Ok(LogWait { local, replicas, until: until.map(UnixMillis) })
        };
        let fails = |text: &str| Err(text.to_owned());
        for (line, expected) in [
            ("0 0 0", asks(false, 0, None)),
            ("1 3 250", asks(true, 3, Some(1250))),
            ("2 -1 -1", fails(LOCAL_OUT_OF_RANGE)),
            ("-1 0 0", fails(LOCAL_OUT_OF_RANGE)),
            ("x -1 -1", fails("ERR value is not an integer or out of range")),
            ("1 -1 -1", fails(NOT_POSITIVE)),
            ("1 x 0", fails(NOT_POSITIVE)),
            ("1 0 x", fails(TIMEOUT_NO_INTEGER)),
            ("1 0 1.5", fails(TIMEOUT_NO_INTEGER)),
            ("1 0 -1", fails("ERR timeout is negative")),
            ("1 0 9223372036854775807", fails("ERR timeout is out of range")),
        ] {
            let read = with_args(&format!("WAITAOF {line}"), |args| {
                read_wait(args, UnixMillis(1000)).map_err(|error| error.to_string())
            });
            assert_eq!(read, expected, "{line}");
        }
    }
}
