//! MULTI, EXEC, DISCARD, UNWATCH. WATCH needs the data and lives in `store`.

use shardwright_codec::resp::{Args, ReplyWriter};
use shardwright_store::command::{Categories, Command, Flags, Group, Outcome, Spec};
use shardwright_store::error::CommandError;

use crate::registry::{SessionCommand, SessionRun};
use crate::session::SessionCx;

const COMMON: &[Flags] =
    &[Flags::NOSCRIPT, Flags::LOADING, Flags::STALE, Flags::FAST, Flags::ALLOW_BUSY];

/// The family's commands.
pub const COMMANDS: &[SessionCommand] = &[
    Command::new(
        Spec::new("multi", Group::Transactions, 1)
            .flags(COMMON)
            .categories(&[Categories::TRANSACTION])
            .doc("1.2.0", "O(1)", "Mark the start of a transaction block")
            .example("> MULTI\nOK\n> SET k v\nQUEUED\n> EXEC\n1) OK"),
        SessionRun::Handler(multi),
    ),
    Command::new(
        Spec::new("exec", Group::Transactions, 1)
            .flags(&[Flags::NOSCRIPT, Flags::LOADING, Flags::STALE, Flags::SKIP_SLOWLOG])
            .categories(&[Categories::TRANSACTION])
            .doc("1.2.0", "Depends on commands in the transaction", "Run all queued commands")
            .example("> MULTI\nOK\n> INCR n\nQUEUED\n> EXEC\n1) (integer) 1"),
        SessionRun::Exec,
    ),
    Command::new(
        Spec::new("discard", Group::Transactions, 1)
            .flags(COMMON)
            .categories(&[Categories::TRANSACTION])
            .doc("2.0.0", "O(N), when N is the number of queued commands", "Drop the transaction")
            .example("> MULTI\nOK\n> INCR n\nQUEUED\n> DISCARD\nOK"),
        SessionRun::Handler(discard),
    ),
    Command::new(
        Spec::new("unwatch", Group::Transactions, 1)
            .flags(COMMON)
            .categories(&[Categories::TRANSACTION])
            .doc("2.2.0", "O(1)", "Forget about all watched keys")
            .example("> WATCH k\nOK\n> UNWATCH\nOK"),
        SessionRun::Handler(unwatch),
    ),
];

fn multi(cx: &mut SessionCx<'_>, _: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    if cx.client.transaction.active {
        return Err(CommandError::Text("ERR MULTI calls can not be nested"));
    }
    cx.client.transaction.active = true;
    reply.ok();
    Ok(())
}

fn discard(cx: &mut SessionCx<'_>, _: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    if !cx.client.transaction.active {
        return Err(CommandError::Text("ERR DISCARD without MULTI"));
    }
    cx.client.discard();
    reply.ok();
    Ok(())
}

fn unwatch(cx: &mut SessionCx<'_>, _: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    cx.client.unwatch();
    reply.ok();
    Ok(())
}
