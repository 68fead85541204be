//! WATCH: the one command of transactions that acts on data. MULTI, EXEC, DISCARD and UNWATCH are
//! the connection's.

use shardwright_codec::resp::{Args, ReplyWriter};

use crate::command::argument::KEYS;
use crate::command::{Categories, DataCommand, Flags, Group, KeySpec, KeyUse, Outcome, Spec};
use crate::context::WriteCx;

const WATCHED: &[KeySpec] = &[KeySpec::rest(1, 1, KeyUse::RO)];

/// The family's commands.
pub const COMMANDS: &[DataCommand] = &[DataCommand::write(
    Spec::new("watch", Group::Transactions, -2)
        .flags(&[Flags::NOSCRIPT, Flags::LOADING, Flags::STALE, Flags::FAST, Flags::ALLOW_BUSY])
        .categories(&[Categories::TRANSACTION])
        .keys(WATCHED)
        .doc(
            "2.2.0",
            "O(1) for every key.",
            "Let the next EXEC do nothing if one of these keys has changed by then",
        )
        .arguments(KEYS)
        .example("> WATCH watch:a watch:b\nOK"),
    watch,
)];

fn watch(cx: &mut WriteCx<'_, '_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    args.iter().skip(1).for_each(|key| cx.watch(key));
    reply.ok();
    Ok(())
}
