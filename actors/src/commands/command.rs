//! COMMAND: what clients can learn of the command table. Nothing is told that the table does not
//! say; documentation has its own story ([`super::command_docs`]).

use shardwright_codec::resp::{Args, ReplyWriter};
use shardwright_store::command::{
    Begin, Categories, Command, Find, Flags, Group, KeySpec, KeyUse, Outcome, Spec,
};
use shardwright_store::error::CommandError;
use shardwright_store::glob::glob_match;

use super::server_arguments as args;
use super::{command_docs, write_help};
use crate::registry::{Entry, SessionCommand, SessionHandler, SessionRun, registry};
use crate::session::SessionCx;

const BY_COMMANDS: &str = "O(N) where N is the total number of Redis commands";
const BY_NAMES: &str = "O(N) where N is the number of commands to look up";
const BY_ARGUMENTS: &str = "O(N) where N is the number of arguments to the command";
const ANY_ORDER: &[&str] = &["nondeterministic_output_order"];

/// The family's commands.
pub const COMMANDS: &[SessionCommand] = &[Command {
    spec: about_table("command", -1)
        .doc("2.8.13", BY_COMMANDS, "Get the descriptions of all commands")
        .tips(ANY_ORDER),
    run: Some(SessionRun::Handler(all)),
    subcommands: &[
        sub(about_table("count", 2).doc("2.8.13", "O(1)", "Get the number of commands"), count),
        sub(
            about_table("docs", -2)
                .doc("7.0.0", BY_NAMES, "Get the documentation of commands")
                .tips(ANY_ORDER)
                .arguments(args::COMMAND_NAMES)
                .example("> COMMAND DOCS nosuch\n(empty array)"),
            command_docs::docs,
        ),
        sub(
            about_table("getkeys", -4)
                .doc("2.8.13", BY_ARGUMENTS, "Find the keys of a whole command")
                .example("> COMMAND GETKEYS MSET a 1 b 2\n1) \"a\"\n2) \"b\""),
            get_keys,
        ),
        sub(
            about_table("getkeysandflags", -4)
                .doc("7.0.0", BY_ARGUMENTS, "Find the keys of a whole command and their uses")
                .example(
                    "> COMMAND GETKEYSANDFLAGS GET a\n\
                     1) 1) \"a\"\n   2) 1) RO\n      2) access",
                ),
            get_keys_and_flags,
        ),
        sub(about_table("help", 2).doc("5.0.0", "O(1)", "Show a text about the subcommands"), help),
        sub(
            about_table("info", -2)
                .doc("2.8.13", BY_NAMES, "Get the descriptions of commands")
                .tips(ANY_ORDER)
                .arguments(args::COMMAND_NAMES)
                .history(args::COMMAND_INFO_HISTORY)
                .example("> COMMAND INFO nosuch\n1) (nil)"),
            info,
        ),
        sub(
            about_table("list", -2)
                .doc("7.0.0", BY_COMMANDS, "Get the names of commands")
                .tips(ANY_ORDER)
                .arguments(args::COMMAND_LIST)
                .example("> COMMAND LIST FILTERBY PATTERN append\n1) \"append\""),
            list,
        ),
    ],
}];

const fn sub(spec: Spec, handler: SessionHandler) -> SessionCommand {
    Command::new(spec, SessionRun::Handler(handler))
}

const fn about_table(name: &'static str, arity: i16) -> Spec {
    Spec::new(name, Group::Server, arity)
        .flags(&[Flags::LOADING, Flags::STALE])
        .categories(&[Categories::CONNECTION])
}

const HELP: &[&str] = &[
    "COMMAND <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "(no subcommand)",
    "    Describe all commands.",
    "COUNT",
    "    Tell the number of commands.",
    "DOCS [<command-name> ...]",
    "    Show the documentation of these commands, or of all.",
    "GETKEYS <full-command>",
    "    Find the keys of a whole command.",
    "GETKEYSANDFLAGS <full-command>",
    "    Find the keys of a whole command and what it does with each.",
    "INFO [<command-name> ...]",
    "    Describe these commands, or all.",
    "LIST [FILTERBY (MODULE <module>|ACLCAT <category>|PATTERN <pattern>)]",
    "    List the names of all commands, or of those that pass the filter.",
    "HELP",
    "    Show these lines.",
];

fn help(_: &mut SessionCx<'_>, _: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    write_help(HELP, reply);
    Ok(())
}

fn all(_: &mut SessionCx<'_>, _: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    reply.array(registry().top_level().count());
    registry().top_level().for_each(|entry| describe(entry, reply));
    Ok(())
}

fn count(_: &mut SessionCx<'_>, _: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    reply.int(i64::try_from(registry().top_level().count()).unwrap_or(i64::MAX));
    Ok(())
}

fn info(cx: &mut SessionCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    if args.len() == 2 {
        return all(cx, args, reply);
    }
    reply.array(args.len() - 2);
    for name in args.skip(2) {
        match find_by_full_name(name) {
            Some(entry) => describe(entry, reply),
            None => reply.null(),
        }
    }
    Ok(())
}

/// The command with this name, a subcommand's with its parent's before it: `config|get`.
pub(super) fn find_by_full_name(name: &[u8]) -> Option<&'static Entry> {
    let mut parts = name.split(|&byte| byte == b'|');
    let parent = registry().find(parts.next()?)?;
    let found = match parts.next() {
        Some(child) => registry().find_child(parent, child)?,
        None => parent,
    };
    parts.next().is_none().then_some(found)
}

/// The ten parts of a command's description.
fn describe(entry: &Entry, reply: &mut ReplyWriter<'_>) {
    let spec = entry.spec;
    let KeyRange { first, last, step } = KeyRange::of(spec.keys);
    reply.array(10);
    reply.bulk(entry.full_name.as_bytes());
    reply.int(spec.arity.into());
    write_names(spec.flags.names().map(str::to_owned), reply);
    reply.int(first);
    reply.int(last);
    reply.int(step);
    write_names(spec.all_categories().names().map(|name| format!("@{name}")), reply);
    reply.set(spec.tips.len());
    spec.tips.iter().for_each(|tip| reply.bulk(tip.as_bytes()));
    reply.set(spec.keys.len());
    spec.keys.iter().for_each(|key| describe_key(key, reply));
    if entry.children.is_empty() {
        reply.set(0);
    } else {
        reply.array(entry.children.len());
        entry.children.iter().for_each(|child| describe(registry().entry(*child), reply));
    }
}

/// A set of statuses.
pub(super) fn write_names(names: impl Iterator<Item = String>, reply: &mut ReplyWriter<'_>) {
    let names: Vec<String> = names.collect();
    reply.set(names.len());
    names.iter().for_each(|name| reply.simple(name));
}

fn describe_key(key: &KeySpec, reply: &mut ReplyWriter<'_>) {
    reply.map(3 + usize::from(!key.notes.is_empty()));
    if !key.notes.is_empty() {
        reply.bulk(b"notes");
        reply.bulk(key.notes.as_bytes());
    }
    reply.bulk(b"flags");
    write_names(key.uses.names().map(str::to_owned), reply);
    reply.bulk(b"begin_search");
    match key.begin {
        Begin::Index(index) => {
            write_search("index", None, &[("index", count_of(index))], reply);
        }
        Begin::Keyword(word, from) => {
            write_search("keyword", Some(word), &[("startfrom", from.into())], reply);
        }
        Begin::MigrateKey => write_search("index", None, &[("index", 3)], reply),
        Begin::MigrateKeys => write_search("keyword", Some("KEYS"), &[("startfrom", -2)], reply),
        Begin::Unknown | Begin::SortStore | Begin::RadiusStore(_) => {
            write_search("unknown", None, &[], reply)
        }
    }
    reply.bulk(b"find_keys");
    match key.find {
        Find::Range { last, step, limit } => {
            let figures =
                [("lastkey", last.into()), ("keystep", count_of(step)), ("limit", count_of(limit))];
            write_search("range", None, &figures, reply);
        }
        Find::Count { at, first, step } => {
            let figures = [
                ("keynumidx", count_of(at)),
                ("firstkey", count_of(first)),
                ("keystep", count_of(step)),
            ];
            write_search("keynum", None, &figures, reply);
        }
        Find::Unknown => write_search("unknown", None, &[], reply),
    }
}

/// One half of a key specification: its type and its figures.
fn write_search(
    kind: &str,
    keyword: Option<&str>,
    figures: &[(&str, i64)],
    reply: &mut ReplyWriter<'_>,
) {
    reply.map(2);
    reply.bulk(b"type");
    reply.bulk(kind.as_bytes());
    reply.bulk(b"spec");
    reply.map(figures.len() + usize::from(keyword.is_some()));
    if let Some(keyword) = keyword {
        reply.bulk(b"keyword");
        reply.bulk(keyword.as_bytes());
    }
    for (name, figure) in figures {
        reply.bulk(name.as_bytes());
        reply.int(*figure);
    }
}

fn count_of(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Where keys are, as clients older than key specifications understand it: the range that the
/// specifications make up together, as far as they do.
#[derive(Debug, Default, PartialEq, Eq)]
struct KeyRange {
    first: i64,
    last: i64,
    step: i64,
}

impl KeyRange {
    fn of(keys: &[KeySpec]) -> Self {
        if let [one] = keys {
            return Self::of_one(one).unwrap_or_default();
        }
        // Only plain ranges (of step 1) that follow one another are one range.
        let mut plain = keys.iter().filter_map(Self::of_one).filter(|range| range.step == 1);
        let Some(mut joined) = plain.next() else { return Self::default() };
        for range in plain {
            if joined.last + 1 == range.first {
                joined.last = range.last;
            }
        }
        joined
    }

    /// The range of a specification that has fixed positions.
    fn of_one(key: &KeySpec) -> Option<Self> {
        let first = match key.begin {
            Begin::Index(first) => first,
            Begin::MigrateKey => 3,
            _ => return None,
        };
        let Find::Range { last, step, .. } = key.find else { return None };
        let first = count_of(first);
        let last = i64::from(last);
        let last = if last >= 0 { first + last } else { last };
        Some(Self { first, last, step: count_of(step) })
    }
}

fn list(_: &mut SessionCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let filter = Filter::read(args.skip(2))?;
    let names: Vec<&str> = registry()
        .entries()
        .iter()
        .filter(|entry| filter.passes(entry))
        .map(|entry| entry.full_name.as_str())
        .collect();
    reply.array(names.len());
    names.iter().for_each(|name| reply.bulk(name.as_bytes()));
    Ok(())
}

/// Which names COMMAND LIST gives.
#[derive(Debug, PartialEq, Eq)]
enum Filter<'a> {
    All,
    None,
    Category(Categories),
    Pattern(&'a [u8]),
}

impl<'a> Filter<'a> {
    fn read(options: Args<'a>) -> Result<Self, CommandError> {
        let [word, kind, value] = [options.at(0), options.at(1), options.at(2)];
        match options.len() {
            0 => Ok(Self::All),
            3 if !word.eq_ignore_ascii_case(b"FILTERBY") => Err(CommandError::Syntax),
            // There are no modules.
            3 if kind.eq_ignore_ascii_case(b"MODULE") => Ok(Self::None),
            3 if kind.eq_ignore_ascii_case(b"ACLCAT") => {
                let category = std::str::from_utf8(value).ok().and_then(Categories::from_name);
                Ok(category.map_or(Self::None, Self::Category))
            }
            3 if kind.eq_ignore_ascii_case(b"PATTERN") => Ok(Self::Pattern(value)),
            _ => Err(CommandError::Syntax),
        }
    }

    fn passes(&self, entry: &Entry) -> bool {
        match self {
            Self::All => true,
            Self::None => false,
            Self::Category(category) => entry.spec.all_categories().has(*category),
            Self::Pattern(pattern) => glob_match(pattern, entry.full_name.as_bytes(), true),
        }
    }
}

/// The keys of a whole command, each with what is done with it.
fn keys_of(command: Args<'_>) -> Result<Vec<(&[u8], KeyUse)>, CommandError> {
    let parent = registry().find(command.at(0));
    let entry = parent.and_then(|parent| match command.get(1) {
        Some(name) if !parent.children.is_empty() => registry().find_child(parent, name),
        _ => Some(parent),
    });
    let spec = entry.ok_or(CommandError::Text("ERR Invalid command specified"))?.spec;
    if spec.keys.is_empty() {
        return Err(CommandError::Text("ERR The command has no key arguments"));
    }
    if !spec.accepts(command.len()) {
        return Err(CommandError::Text("ERR Invalid number of arguments specified for command"));
    }
    let mut keys = Vec::new();
    for key in spec.keys {
        // Whoever reads the whole command finds all of them.
        let uses = actual_use(key.uses, command).without(KeyUse::INCOMPLETE);
        keys.extend(key.positions(command)?.map(|at| (command.at(at), uses)));
    }
    if keys.is_empty() && !spec.flags.has(Flags::NO_MANDATORY_KEYS) {
        return Err(CommandError::InvalidKeys);
    }
    Ok(keys)
}

/// What is done with a key where it depends on the arguments: a SET that also reads says GET, and
/// a BITFIELD may do nothing else.
fn actual_use(uses: KeyUse, command: Args<'_>) -> KeyUse {
    if !uses.has(KeyUse::VARIABLE_FLAGS) {
        return uses;
    }
    let read_write = KeyUse::RW.with(KeyUse::ACCESS).with(KeyUse::UPDATE);
    if command.at(0).eq_ignore_ascii_case(b"BITFIELD") {
        let reads = bitfield_only_reads(command.skip(2));
        return if reads { KeyUse::RO.with(KeyUse::ACCESS) } else { read_write };
    }
    let reads = command.iter().skip(3).any(|arg| arg.eq_ignore_ascii_case(b"GET"));
    if reads { read_write } else { KeyUse::OW.with(KeyUse::UPDATE) }
}

/// Whether operations of BITFIELD are none that write, and none that cannot be read.
fn bitfield_only_reads(operations: Args<'_>) -> bool {
    let mut at = 0;
    while let Some(word) = operations.get(at) {
        let follow = operations.len() - at - 1;
        at += match () {
            () if word.eq_ignore_ascii_case(b"GET") && follow >= 2 => 3,
            () if word.eq_ignore_ascii_case(b"OVERFLOW") && follow >= 1 => 2,
            () => return false,
        };
    }
    true
}

fn get_keys(_: &mut SessionCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let keys = keys_of(args.skip(2))?;
    reply.array(keys.len());
    keys.iter().for_each(|(key, _)| reply.bulk(key));
    Ok(())
}

fn get_keys_and_flags(
    _: &mut SessionCx<'_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    let keys = keys_of(args.skip(2))?;
    reply.array(keys.len());
    for (key, uses) in keys {
        reply.array(2);
        reply.bulk(key);
        write_names(uses.names().map(str::to_owned), reply);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::with_args;
    use super::*;

    /// Keys with their uses, as `key:use,use`.
    fn keys(line: &str) -> Result<Vec<String>, String> {
        with_args(line, |command| {
            let keys = keys_of(command).map_err(|error| error.to_string())?;
            let show = |(key, uses): (&[u8], KeyUse)| {
                format!("{}:{}", key.escape_ascii(), uses.names().collect::<Vec<_>>().join(","))
            };
            Ok(keys.into_iter().map(show).collect())
        })
    }

    #[test]
    fn keys_are_found_with_what_is_done_to_them() {
        for (line, expected) in [
            ("GET a", &["a:RO,access"][..]),
            ("mset a 1 b 2", &["a:OW,update", "b:OW,update"]),
            ("MSET a 1 b", &["a:OW,update", "b:OW,update"]),
            ("RENAME a b", &["a:RW,access,delete", "b:OW,update"]),
            ("SET a GET", &["a:OW,update"]),
            ("SET a b NX get", &["a:RW,access,update"]),
            ("object encoding a", &["a:RO"]),
            ("LCS a b LEN", &["a:RO,access", "b:RO,access"]),
            ("SORT a BY w_* GET #", &["a:RO,access"]),
            ("SORT a STORE b ALPHA STORE c", &["a:RO,access", "c:OW,update"]),
            ("SORT_RO a BY STORE", &["a:RO,access"]),
            ("LMPOP 2 a b LEFT", &["a:RW,access,delete", "b:RW,access,delete"]),
            ("BITFIELD a", &["a:RO,access"]),
            ("bitfield a GET u8 0 overflow SAT get u8 1", &["a:RO,access"]),
            ("BITFIELD a GET u8 0 SET u8 0 1", &["a:RW,access,update"]),
            ("BITFIELD a GET u8", &["a:RW,access,update"]),
            ("MIGRATE h 1 a 0 1", &["a:RW,access,delete"]),
            ("MIGRATE h 1 '' 0 1 KEYS a b", &["a:RW,access,delete", "b:RW,access,delete"]),
        ] {
            assert_eq!(keys(line).unwrap(), expected, "{line}");
        }
    }

    #[test]
    fn what_has_no_keys_is_refused_with_the_texts_of_redis() {
        for (line, expected) in [
            ("nosuch a", "ERR Invalid command specified"),
            ("OBJECT nosuch a", "ERR Invalid command specified"),
            ("OBJECT HELP", "ERR The command has no key arguments"),
            ("PING a", "ERR The command has no key arguments"),
            ("GET a b", "ERR Invalid number of arguments specified for command"),
            ("OBJECT ENCODING", "ERR Invalid number of arguments specified for command"),
            ("MIGRATE h 1 k 0 1 KEYS a b", "ERR Invalid arguments specified for command"),
        ] {
            assert_eq!(keys(line).unwrap_err(), expected, "{line}");
        }
    }

    #[test]
    fn old_clients_are_told_one_range_of_keys() {
        let one = |at| KeySpec::one(at, KeyUse::RO);
        let range = |first, last, step| KeyRange { first, last, step };
        for (keys, expected) in [
            (&[][..], range(0, 0, 0)),
            (&[one(2)], range(2, 2, 1)),
            (&[KeySpec::rest(1, 2, KeyUse::OW)], range(1, -1, 2)),
            (&[one(1), one(2)], range(1, 2, 1)),
            (&[one(1), one(3)], range(1, 1, 1)),
            (&[one(1), KeySpec::rest(2, 1, KeyUse::RO)], range(1, -1, 1)),
        ] {
            assert_eq!(KeyRange::of(keys), expected, "{keys:?}");
        }
    }

    #[test]
    fn names_are_filtered_whatever_their_case() {
        let names = |options: &str| {
            with_args(options, |options| {
                let filter = Filter::read(options).map_err(|error| error.to_string())?;
                let entries = registry().entries().iter().filter(|entry| filter.passes(entry));
                Ok::<_, String>(entries.map(|entry| entry.full_name.as_str()).collect::<Vec<_>>())
            })
        };
        assert_eq!(names("").unwrap().len(), registry().entries().len());
        assert_eq!(names("filterby pattern CONFIG|G*").unwrap(), ["config|get"]);
        assert_eq!(names("FILTERBY ACLCAT @transaction").unwrap(), [""; 0]);
        assert!(names("FILTERBY ACLCAT Transaction").unwrap().contains(&"watch"));
        assert_eq!(names("FILTERBY MODULE x").unwrap(), [""; 0]);
        for bad in ["x", "FILTERBY", "FILTERBY NOSUCH x", "x PATTERN y", "FILTERBY PATTERN a b"] {
            assert_eq!(names(bad).unwrap_err(), "ERR syntax error", "{bad}");
        }
    }

    #[test]
    fn full_names_are_found_and_nothing_longer() {
        let found = |name: &str| find_by_full_name(name.as_bytes()).map(|e| e.full_name.as_str());
        assert_eq!(found("OBJECT|ENCODING"), Some("object|encoding"));
        assert_eq!(found("get"), Some("get"));
        for bad in ["", "get|x", "object|nosuch", "object|encoding|x", "|"] {
            assert_eq!(found(bad), None, "{bad}");
        }
    }
}
