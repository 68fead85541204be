//! Admission: what can be checked of a command before its place is known, in Redis's order and with
//! its texts.

use shardwright_codec::resp::Args;
use shardwright_store::command::{CommandId, Flags, Handler};
use shardwright_store::error::CommandError;

use super::Client;
use crate::registry::{Entry, Run, registry};
use crate::server::Server;

/// Why a command must not run.
pub(super) struct Refusal {
    /// The answer.
    pub error: CommandError,
    /// The command, if there is one of that name.
    pub command: Option<CommandId>,
}

impl Refusal {
    fn of(entry: &Entry, error: CommandError) -> Self {
        Self { error, command: Some(entry.id) }
    }
}

impl From<CommandError> for Refusal {
    /// There is no such command.
    fn from(error: CommandError) -> Self {
        Self { error, command: None }
    }
}

/// Looks the command up and checks what can be checked before its place is known.
pub(super) fn admit(
    client: &Client,
    args: Args<'_>,
    server: &Server,
) -> Result<&'static Entry, Refusal> {
    let name = args.at(0);
    let table = registry();
    let parent = table.find(name).ok_or_else(|| unknown_command(args))?;
    let mut entry = parent;
    if !parent.children.is_empty() && args.len() > 1 {
        match table.find_child(parent, args.at(1)) {
            Some(child) => entry = child,
            None => return Err(unknown_subcommand(parent, args.at(1)).into()),
        }
    }
    if !entry.spec.accepts(args.len()) {
        return Err(Refusal::of(entry, CommandError::Arity(entry.full_name.clone())));
    }
    if entry.spec.flags.has(Flags::PROTECTED) && !server.allows_debug(&client.info) {
        return Err(Refusal::of(entry, CommandError::Text(DEBUG_REFUSED)));
    }
    if !client.authenticated && !entry.spec.flags.has(Flags::NO_AUTH) {
        return Err(Refusal::of(entry, CommandError::Text("NOAUTH Authentication required.")));
    }
    if server.durability.has_failed()
        && let Some(error) = refused_by_log(client, entry, args, server)
    {
        return Err(Refusal::of(entry, error));
    }
    if client.must_tell_apart() && !entry.acts_while_subscribed() {
        let before = "ERR Can't execute '";
        return Err(Refusal::of(
            entry,
            CommandError::quoting(before, entry.full_name.as_bytes(), SUBSCRIBED),
        ));
    }
    if server.loading.is_running() && needs_data(entry, args) {
        return Err(Refusal::of(entry, LOADING));
    }
    Ok(entry)
}

/// What a failed log refuses before it is run or queued: changes, a transaction with changes, and PING,
/// by which clients ask whether all is well. A transaction takes no reads either that would be refused
/// when it runs.
#[cold]
fn refused_by_log(
    client: &Client,
    entry: &Entry,
    args: Args<'_>,
    server: &Server,
) -> Option<CommandError> {
    let transaction = &client.transaction;
    let is_exec = matches!(entry.run, Run::Exec);
    let changes = entry.spec.flags.has(Flags::WRITE) || is_exec && transaction.writes();
    if changes || entry.full_name == "ping" {
        return Some(CommandError::LogFailed);
    }
    let reads = || matches!(entry.data_handler(args), Some(Handler::Read(_) | Handler::Block(_)));
    let in_doubt = transaction.active && server.durability.refuses_reads() && reads();
    in_doubt.then_some(CommandError::LogInDoubt)
}

/// The answer of who needs data that is not there yet.
pub(super) const LOADING: CommandError =
    CommandError::Text("LOADING Redis is loading the dataset in memory");

/// Whether a command cannot be run while the data is loaded: also if Redis would run it on what is
/// there already.
#[cold]
fn needs_data(entry: &Entry, args: Args<'_>) -> bool {
    !entry.spec.flags.has(Flags::LOADING) || entry.data_handler(args).is_some()
}

/// What a client of RESP2 is told that is subscribed to something.
const SUBSCRIBED: &str = "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are \
    allowed in this context";

const DEBUG_REFUSED: &str = "ERR DEBUG command not allowed. If the enable-debug-command option is \
    set to \"local\", you can run it from a local connection, otherwise you need to set this option \
    in the configuration file, and then restart the server.";

/// Bytes of a command's name and of its arguments that an error repeats.
const SHOWN: usize = 128;

fn unknown_command(args: Args<'_>) -> CommandError {
    let mut shown = Vec::new();
    for arg in args.iter().skip(1) {
        if shown.len() >= SHOWN {
            break;
        }
        let room = SHOWN - shown.len();
        shown.extend_from_slice(&[b"'", clip(arg, room), b"' "].concat());
    }
    let parts: [&[u8]; 4] = [
        b"ERR unknown command '",
        clip(args.at(0), SHOWN),
        b"', with args beginning with: ",
        &shown,
    ];
    CommandError::Quoting(parts.concat())
}

fn unknown_subcommand(parent: &Entry, name: &[u8]) -> CommandError {
    let behind = format!("'. Try {} HELP.", parent.spec.name.to_uppercase());
    CommandError::quoting("ERR unknown subcommand '", clip(name, SHOWN), &behind)
}

/// The front of some text as C prints it: at most `most` bytes, up to a zero byte.
fn clip(text: &[u8], most: usize) -> &[u8] {
    let front = &text[..text.len().min(most)];
    front.split(|&byte| byte == 0).next().unwrap_or_default()
}
