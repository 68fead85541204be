//! The one command table of the process: the data commands of `store` and the commands of
//! connections and server of this crate, looked up by name. COMMAND, arity checks, routing,
//! statistics and `docs/commands.md` read it; nowhere is there a match over all commands.

use std::collections::HashMap;
use std::sync::LazyLock;

use shardwright_codec::resp::{Args, ReplyWriter};
use shardwright_store::command::{Command, CommandId, Flags, Handler, Outcome, Spec};
use shardwright_store::error::CommandError;

use crate::commands;
use crate::server::Server;
use crate::session::SessionCx;

/// A handler that runs in the connection, not on a partition.
pub type SessionHandler = fn(&mut SessionCx<'_>, Args<'_>, &mut ReplyWriter<'_>) -> Outcome;

/// A handler that needs nothing but the process.
pub type ServerHandler = fn(&Server, Args<'_>, &mut ReplyWriter<'_>) -> Outcome;

/// What runs a command of this crate.
#[derive(Debug, Clone, Copy)]
pub enum SessionRun {
    /// A function of the connection's state.
    Handler(SessionHandler),
    /// A function of the process alone. In a transaction it is run at its place among the block's
    /// data commands; the first of the two is for everywhere else.
    Server(SessionHandler, ServerHandler),
    /// EXEC: the queued block is sent to its shards.
    Exec,
    /// A data command some of whose forms run in the connection: the function tells which.
    Split(SplitFn),
}

/// Chooses the connection's handler for some arguments of a data command.
pub type SplitFn = fn(Args<'_>) -> Option<SessionHandler>;

/// A command of this crate.
pub type SessionCommand = Command<SessionRun>;

/// What runs a command.
#[derive(Debug, Clone, Copy)]
pub enum Run {
    /// A handler on partitions.
    Data(Handler),
    /// A handler in the connection.
    Session(SessionHandler),
    /// A function of the process: in the connection, and in a transaction.
    Server(SessionHandler, ServerHandler),
    /// EXEC.
    Exec,
    /// In the connection where the function names a handler, on partitions otherwise.
    Split(SplitFn, Handler),
    /// Nothing: it only has subcommands.
    Container,
}

/// A row of the table.
#[derive(Debug)]
pub struct Entry {
    /// Its number in the table.
    pub id: CommandId,
    /// The descriptor.
    pub spec: &'static Spec,
    /// Name with its parent's: `config|get`.
    pub full_name: String,
    /// The command that it is a subcommand of.
    pub parent: Option<CommandId>,
    /// Its subcommands.
    pub children: Vec<CommandId>,
    /// What runs it.
    pub run: Run,
    /// How keys are found.
    pub routing: Routing,
    /// It is WATCH, whose plan takes the connection's round with it.
    pub begins_watch: bool,
    acts_in_multi: bool,
    acts_while_subscribed: bool,
}

/// Commands that are neither queued between MULTI and EXEC nor refused there.
const ACT_IN_MULTI: &[&str] = &["exec", "discard", "multi", "quit", "reset"];

/// Commands that a client of RESP2 may send while it is subscribed to something.
const ACT_WHILE_SUBSCRIBED: &[&str] = &[
    "subscribe",
    "unsubscribe",
    "psubscribe",
    "punsubscribe",
    "ssubscribe",
    "sunsubscribe",
    "ping",
    "quit",
    "reset",
];

impl Entry {
    /// Whether the command acts at once between MULTI and EXEC instead of being queued.
    #[inline]
    pub fn acts_in_multi(&self) -> bool {
        self.acts_in_multi
    }

    /// Whether a client of RESP2 may send the command while it is subscribed to something: it could
    /// not tell another one's reply from a message.
    #[inline]
    pub fn acts_while_subscribed(&self) -> bool {
        self.acts_while_subscribed
    }
}

/// How the shards that a command needs are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Routing {
    /// It has no keys: any shard will do.
    Any,
    /// By its one key, the first argument.
    FirstKey,
    /// By its key specifications.
    Keys,
    /// By its key specifications, unless it reads keys that follow from the data: then it needs all
    /// shards.
    SomeOrAll,
    /// It needs all shards.
    All,
    /// Its first argument is a cursor, which names the shard.
    Cursor,
}

/// The table.
#[derive(Debug)]
pub struct Registry {
    entries: Vec<Entry>,
    top: NameTable,
    children: HashMap<(CommandId, String), CommandId>,
}

/// The process's table, made at first use.
pub fn registry() -> &'static Registry {
    static REGISTRY: LazyLock<Registry> = LazyLock::new(Registry::build);
    &REGISTRY
}

impl Registry {
    /// Runs a command of a transaction that is a function of the process.
    ///
    /// # Errors
    /// The command's own.
    pub fn run_outside(
        &self,
        id: CommandId,
        server: &Server,
        args: Args<'_>,
        reply: &mut ReplyWriter<'_>,
    ) -> Outcome {
        match self.entries.get(usize::from(id.0)).map(|entry| entry.run) {
            Some(Run::Server(_, handler)) => handler(server, args, reply),
            _ => Err(CommandError::Text("ERR this command cannot run here")),
        }
    }

    fn build() -> Self {
        let mut table =
            Self { entries: Vec::new(), top: NameTable::default(), children: HashMap::new() };
        for command in shardwright_store::commands::FAMILIES.iter().copied().flatten() {
            table.add(command, None, data_run);
        }
        for command in commands::FAMILIES.iter().copied().flatten() {
            match command.run {
                Some(SessionRun::Split(split)) => table.split(command.spec.name, split),
                _ => {
                    table.add(command, None, session_run);
                }
            }
        }
        let names = table.entries.iter().filter(|e| e.parent.is_none());
        table.top = NameTable::new(names.map(|e| (e.spec.name, e.id)));
        table
    }

    fn add<R: Copy>(
        &mut self,
        command: &'static Command<R>,
        parent: Option<CommandId>,
        run: fn(Option<R>) -> Run,
    ) -> CommandId {
        let id = CommandId(self.entries.len() as u16);
        let spec = &command.spec;
        let full_name = match parent {
            Some(parent) => format!("{}|{}", self.entry(parent).full_name, spec.name),
            None => spec.name.to_owned(),
        };
        let entry = Entry {
            id,
            spec,
            full_name,
            parent,
            children: Vec::new(),
            run: run(command.run),
            routing: routing_of(spec),
            begins_watch: spec.name == "watch" && parent.is_none(),
            acts_in_multi: parent.is_none() && ACT_IN_MULTI.contains(&spec.name),
            acts_while_subscribed: parent.is_none() && ACT_WHILE_SUBSCRIBED.contains(&spec.name),
        };
        self.entries.push(entry);
        for sub in command.subcommands {
            let child = self.add(sub, Some(id), run);
            self.entries[id.0 as usize].children.push(child);
            self.children.insert((id, sub.spec.name.to_owned()), child);
        }
        id
    }

    /// Lets some forms of a data command run in the connection.
    fn split(&mut self, name: &str, split: SplitFn) {
        let entry = self.entries.iter_mut().find(|e| e.parent.is_none() && e.spec.name == name);
        if let Some(entry) = entry
            && let Run::Data(handler) = entry.run
        {
            entry.run = Run::Split(split, handler);
        }
    }

    /// All rows; a row's position is its id.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// All commands that are no subcommands.
    pub fn top_level(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.parent.is_none())
    }

    /// The row with this id. Ids come from the table alone.
    pub fn entry(&self, id: CommandId) -> &Entry {
        &self.entries[id.0 as usize]
    }

    /// The command of this name, in any case.
    #[inline]
    pub fn find(&'static self, name: &[u8]) -> Option<&'static Entry> {
        self.top.find(name).map(|id| self.entry(id))
    }

    /// The subcommand of this name, in any case.
    pub fn find_child(&'static self, parent: &Entry, name: &[u8]) -> Option<&'static Entry> {
        let name = String::from_utf8(name.to_ascii_lowercase()).ok()?;
        self.children.get(&(parent.id, name)).map(|id| self.entry(*id))
    }
}

fn data_run(run: Option<Handler>) -> Run {
    run.map_or(Run::Container, Run::Data)
}

fn session_run(run: Option<SessionRun>) -> Run {
    match run {
        Some(SessionRun::Handler(handler)) => Run::Session(handler),
        Some(SessionRun::Server(alone, in_block)) => Run::Server(alone, in_block),
        Some(SessionRun::Exec) => Run::Exec,
        Some(SessionRun::Split(_)) | None => Run::Container,
    }
}

fn routing_of(spec: &Spec) -> Routing {
    use shardwright_store::command::{Begin, Find};
    if spec.flags.has(Flags::ALL_SHARDS) {
        return Routing::All;
    }
    if spec.flags.has(Flags::CURSOR) {
        return Routing::Cursor;
    }
    match spec.keys {
        [] => Routing::Any,
        keys if keys.iter().any(|key| key.begin == Begin::Unknown) => Routing::SomeOrAll,
        [one]
            if one.begin == Begin::Index(1)
                && matches!(one.find, Find::Range { last: 0, step: 1, limit: 0 }) =>
        {
            Routing::FirstKey
        }
        _ => Routing::Keys,
    }
}

/// Lookup by name: its letters in lower case, or the first eight, choose a place in a sparse table.
#[derive(Debug, Default)]
struct NameTable {
    places: Vec<Option<Named>>,
}

#[derive(Debug, Clone, Copy)]
struct Named {
    code: u64,
    name: &'static str,
    id: CommandId,
    /// Code and length belong to this name alone: it has at most eight characters, all letters.
    exact: bool,
}

impl NameTable {
    fn new(names: impl Iterator<Item = (&'static str, CommandId)> + Clone) -> Self {
        let size = (names.clone().count() * 4).next_power_of_two();
        let mut table = Self { places: vec![None; size] };
        for (name, id) in names {
            let code = Self::code(name.as_bytes());
            let mut at = table.home(code, name.len());
            while table.places[at].is_some() {
                at = (at + 1) % size;
            }
            let exact = name.len() <= 8 && name.bytes().all(|byte| byte.is_ascii_alphabetic());
            table.places[at] = Some(Named { code, name, id, exact });
        }
        table
    }

    /// The first eight characters, letters in lower case. Names of one length up to eight have the
    /// same code only if they differ in nothing but one bit of some characters, which for letters
    /// is their case.
    #[inline]
    fn code(name: &[u8]) -> u64 {
        const LOWER: u64 = 0x2020_2020_2020_2020;
        let chars = if let Some(head) = name.first_chunk::<8>() {
            u64::from_le_bytes(*head)
        } else if let (Some(head), Some(tail)) = (name.first_chunk::<4>(), name.last_chunk::<4>()) {
            u64::from(u32::from_le_bytes(*head)) | (u64::from(u32::from_le_bytes(*tail)) << 32)
        } else if let [first, .., last] = name {
            let middle = name[name.len() / 2];
            u64::from(u32::from_le_bytes([*first, middle, *last, 0]))
        } else {
            name.first().copied().unwrap_or(0).into()
        };
        chars | LOWER
    }

    #[inline]
    fn home(&self, code: u64, len: usize) -> usize {
        let mixed = (code ^ len as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed >> 40) as usize & (self.places.len() - 1)
    }

    #[inline]
    fn find(&self, name: &[u8]) -> Option<CommandId> {
        let code = Self::code(name);
        let mut at = self.home(code, name.len());
        while let Some(named) = &self.places[at] {
            if named.code == code
                && named.name.len() == name.len()
                && (named.exact || named.name.as_bytes().eq_ignore_ascii_case(name))
            {
                return Some(named.id);
            }
            at = (at + 1) % self.places.len();
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_found_by_its_name_in_any_case() {
        for entry in registry().top_level() {
            for name in [entry.spec.name.to_owned(), entry.spec.name.to_uppercase()] {
                assert_eq!(registry().find(name.as_bytes()).map(|e| e.id), Some(entry.id));
            }
        }
        for name in ["", "g", "ge", "gex", "nosuchcommand", "getrang/", "command/", "p\x09ng"] {
            assert!(registry().find(name.as_bytes()).is_none(), "{name:?}");
        }
    }

    #[test]
    fn a_name_with_one_other_character_is_not_found() {
        for entry in registry().top_level() {
            for at in 0..entry.spec.name.len() {
                for byte in 0..=u8::MAX {
                    let mut name = entry.spec.name.as_bytes().to_vec();
                    name[at] = byte;
                    let found = registry().find(&name).map(|found| found.spec.name);
                    let is =
                        |entry: &&Entry| entry.spec.name.as_bytes().eq_ignore_ascii_case(&name);
                    let expected = registry().top_level().find(is).map(|entry| entry.spec.name);
                    assert_eq!(found, expected, "{name:?}");
                }
            }
        }
    }
}
