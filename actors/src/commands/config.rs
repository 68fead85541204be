//! CONFIG: reading and changing settings while the server runs. What the parameters are, and which
//! values they take, is the business of the settings' table.

use std::sync::PoisonError;

use shardwright_codec::resp::{Args, ReplyWriter};
use shardwright_config::{ConfigSetError, Settings};
use shardwright_store::command::{Command, Flags, Group, Outcome, Spec};
use shardwright_store::error::CommandError;
use shardwright_store::glob::glob_match;

use super::server_arguments as args;
use super::write_help;
use crate::descriptors;
use crate::registry::{SessionCommand, SessionRun};
use crate::server::Server;
use crate::session::SessionCx;
use crate::totals::Totals;

const BY_PARAMETERS: &str = "O(N) when N is the number of configuration parameters provided";

/// The family's commands.
pub const COMMANDS: &[SessionCommand] = &[Command::container(
    Spec::new("config", Group::Server, -2)
        .doc("2.0.0", "Depends on subcommand.", "Commands about the server's settings")
        .example("> CONFIG GET databases\n1) \"databases\"\n2) \"16\""),
    &[
        Command::new(
            for_administrators("get", -3)
                .doc("2.0.0", BY_PARAMETERS, "Get the values of parameters")
                .arguments(args::CONFIG_GET)
                .history(args::CONFIG_GET_HISTORY)
                .example("> CONFIG GET appendonly\n1) \"appendonly\"\n2) \"no\""),
            SessionRun::Handler(get),
        ),
        Command::new(
            for_administrators("set", -4)
                .flags(&[Flags::BARRIER])
                .doc("2.0.0", BY_PARAMETERS, "Change parameters, all of them or none")
                .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
                .arguments(args::CONFIG_SET)
                .history(args::CONFIG_SET_HISTORY)
                .example("> CONFIG SET timeout 0\nOK"),
            SessionRun::Handler(set),
        ),
        Command::new(
            for_administrators("resetstat", 2)
                .flags(&[Flags::BARRIER])
                .doc("2.0.0", "O(1)", "Begin anew to count what INFO tells")
                .example("> CONFIG RESETSTAT\nOK"),
            SessionRun::Handler(reset_statistics),
        ),
        Command::new(
            Spec::new("help", Group::Server, 2).flags(&[Flags::LOADING, Flags::STALE]).doc(
                "5.0.0",
                "O(1)",
                "Show a text about the subcommands",
            ),
            SessionRun::Handler(help),
        ),
    ],
)];

const fn for_administrators(name: &'static str, arity: i16) -> Spec {
    Spec::new(name, Group::Server, arity).flags(&[
        Flags::ADMIN,
        Flags::NOSCRIPT,
        Flags::LOADING,
        Flags::STALE,
    ])
}

const HELP: &[&str] = &[
    "CONFIG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "GET <pattern> [<pattern> ...]",
    "    Show the parameters that match a glob-style <pattern>, with their values.",
    "SET <directive> <value> [<directive> <value> ...]",
    "    Change parameters.",
    "RESETSTAT",
    "    Begin anew to count what INFO tells.",
    "HELP",
    "    Show these lines.",
];

fn help(_: &mut SessionCx<'_>, _: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    write_help(HELP, reply);
    Ok(())
}

fn get(cx: &mut SessionCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let patterns: Vec<&[u8]> = args.skip(2).iter().collect();
    let matches = |pattern: &[u8], name: &[u8]| glob_match(pattern, name, true);
    let found = cx.server.settings().get_matching(&patterns, matches);
    reply.map(found.len());
    for (name, value) in found {
        reply.bulk(name.as_bytes());
        // As Redis has it: where the process is, whatever way it was told to go there.
        let is_directory = name.eq_ignore_ascii_case("dir");
        match is_directory.then(std::env::current_dir) {
            Some(Ok(path)) => reply.bulk(path.as_os_str().as_encoded_bytes()),
            _ => reply.bulk(value.as_bytes()),
        }
    }
    Ok(())
}

fn set(cx: &mut SessionCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let words: Vec<&[u8]> = args.skip(2).iter().collect();
    let (pairs, []) = words.as_chunks::<2>() else { return Err(CommandError::Syntax) };
    let pairs: Vec<(&[u8], &[u8])> = pairs.iter().map(|[name, value]| (*name, *value)).collect();
    // Whoever changes settings holds this, so that no change is lost.
    let changing = cx.server.loaded.lock().unwrap_or_else(PoisonError::into_inner);
    let mut settings = (*cx.server.settings()).clone();
    let changed = settings
        .config_set(&pairs, cx.client.info.local)
        .and_then(|changed| {
            put_in_place(cx.server, &settings, &changed).map_err(|(name, reason)| {
                ConfigSetError::failed(&as_written(name, &pairs), reason)
            })?;
            Ok(changed)
        })
        .map_err(|error| refusal(error, &pairs))?;
    cx.server.set_settings(settings);
    drop(changing);
    tracing::info!(changed = changed.join(", "), "settings changed by a client");
    reply.ok();
    Ok(())
}

/// A parameter that cannot be put in place, and why.
type Fault = (&'static str, String);

/// Does what settings ask of the process: room for clients, another directory, one that is open to
/// save. If one of these fails, nothing has changed but a limit that was raised.
fn put_in_place(
    server: &Server,
    settings: &Settings,
    changed: &[&'static str],
) -> Result<(), Fault> {
    if changed.contains(&"maxclients") {
        let room = descriptors::make_room(settings, server.shard_count());
        if room.clients < settings.maxclients {
            return Err(("maxclients", format!("{TOO_MANY_CLIENTS} {}", room.clients)));
        }
    }
    let before = std::env::current_dir();
    let moves = changed.contains(&"dir");
    if moves {
        change_directory(&settings.dir)?;
    }
    let home = moves.then(|| server.opening.set_home(None)).flatten();
    if settings.save.is_empty() || !changed.contains(&"save") {
        return Ok(());
    }
    server.open_directory().map_err(|error| {
        if let (true, Ok(before)) = (moves, before) {
            // Where it was a moment ago.
            let _ = change_directory(&before);
            server.opening.set_home(home);
        }
        ("save", error.to_string())
    })
}

/// Relative paths of the settings are looked up from the process's directory.
fn change_directory(path: &std::path::Path) -> Result<(), Fault> {
    std::env::set_current_dir(path).map_err(|error| {
        // As C words it, without the number behind it.
        let text = error.to_string();
        ("dir", text.split(" (os error").next().unwrap_or_default().to_owned())
    })
}

/// What Redis says of more clients than there can be open files for, before how many there can be.
const TOO_MANY_CLIENTS: &str =
    "The operating system is not able to handle the specified number of clients, try with";

/// A parameter's name as the client wrote it.
fn as_written(name: &str, pairs: &[(&[u8], &[u8])]) -> String {
    let is_it = |(other, _): &&(&[u8], _)| other.eq_ignore_ascii_case(name.as_bytes());
    let written = pairs.iter().find(is_it).map(|(written, _)| String::from_utf8_lossy(written));
    written.map_or_else(|| name.to_owned(), |written| written.into_owned())
}

/// The error reply, which repeats a name byte for byte as the client wrote it.
fn refusal(error: ConfigSetError, pairs: &[(&[u8], &[u8])]) -> CommandError {
    let written = |name: &str| {
        let same = |(other, _): &&(&[u8], _)| String::from_utf8_lossy(other) == name;
        pairs.iter().find(same).map_or(name.as_bytes(), |(name, _)| *name).to_vec()
    };
    match &error {
        ConfigSetError::Unknown(name) => CommandError::quoting(
            "ERR Unknown option or number of arguments for CONFIG SET - '",
            &written(name),
            "'",
        ),
        ConfigSetError::Failed { .. } => CommandError::Message(error.to_string()),
    }
}

fn reset_statistics(cx: &mut SessionCx<'_>, _: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    Totals::reset(cx.server);
    reply.ok();
    Ok(())
}
