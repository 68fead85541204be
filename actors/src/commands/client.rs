//! CLIENT: what a connection says of itself and learns of others. Lists and kills are stories of
//! their own ([`super::client_list`], [`super::client_kill`]).

use shardwright_codec::number::parse_i64_strict;
use shardwright_codec::resp::{Args, ReplyWriter};
use shardwright_store::command::{Categories, Command, Flags, Group, Outcome, Spec};
use shardwright_store::error::CommandError;

use super::client_arguments as args;
use super::{client_kill, client_list, write_help};
use crate::clients::Texts;
use crate::gateway::Wake;
use crate::registry::{SessionCommand, SessionHandler, SessionRun};
use crate::server::Server;
use crate::session::{ReplyMode, SessionCx};

const BY_CLIENTS: &str = "O(N) where N is the number of client connections";

/// The family's commands.
pub const COMMANDS: &[SessionCommand] = &[Command::container(
    Spec::new("client", Group::Connection, -2)
        .doc("2.4.0", "Depends on subcommand.", "Commands about client connections")
        .example("> CLIENT SETNAME worker\nOK\n> CLIENT GETNAME\n\"worker\""),
    &[
        sub(about_self("id", 2).doc("5.0.0", "O(1)", "Get the number of this connection"), id),
        sub(
            about_self("info", 2)
                .flags(&[Flags::BARRIER])
                .doc("6.2.0", "O(1)", "Get a line about this connection")
                .tips(&["nondeterministic_output"]),
            client_list::info,
        ),
        sub(
            about_all("list", -2)
                .doc("2.4.0", BY_CLIENTS, "Get a line about each connection")
                .tips(&["nondeterministic_output"])
                .arguments(args::LIST)
                .history(args::LIST_HISTORY)
                .example("> CLIENT LIST TYPE pubsub\n\"\""),
            client_list::list,
        ),
        sub(
            about_all("kill", -3)
                .doc("2.4.0", BY_CLIENTS, "End connections")
                .arguments(args::KILL)
                .history(args::KILL_HISTORY)
                .example("> CLIENT KILL ID 999999999\n(integer) 0"),
            client_kill::kill,
        ),
        Command::new(
            about_all("unblock", -3)
                .doc(
                    "5.0.0",
                    "O(log N) where N is the number of client connections",
                    "End the wait of a client",
                )
                .arguments(args::UNBLOCK)
                .example("> CLIENT UNBLOCK 999999999\n(integer) 0"),
            SessionRun::Server(|cx, args, reply| unblock(cx.server, args, reply), unblock),
        ),
        sub(
            about_self("getname", 2)
                .doc("2.6.9", "O(1)", "Get the name of this connection")
                .example("> CLIENT GETNAME\n(nil)"),
            get_name,
        ),
        sub(
            about_self("setname", 3)
                .doc("2.6.9", "O(1)", "Name this connection")
                .arguments(args::SETNAME)
                .example("> CLIENT SETNAME worker\nOK"),
            set_name_command,
        ),
        sub(
            about_self("setinfo", 4)
                .doc("7.2.0", "O(1)", "Tell name or version of the client library")
                .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
                .example("> CLIENT SETINFO LIB-NAME mylib\nOK"),
            set_info,
        ),
        sub(
            about_self("no-touch", 3)
                .doc("7.2.0", "O(1)", "Choose whether commands change when keys were used last")
                .example("> CLIENT NO-TOUCH ON\nOK"),
            no_touch,
        ),
        sub(
            about_self("reply", 3)
                .flags(&[Flags::BARRIER])
                .doc("3.2.0", "O(1)", "Choose whether replies are sent")
                .arguments(args::REPLY)
                .example("> CLIENT REPLY ON\nOK"),
            reply_mode,
        ),
        sub(
            Spec::new("help", Group::Connection, 2)
                .flags(&[Flags::LOADING, Flags::STALE])
                .categories(&[Categories::CONNECTION])
                .doc("5.0.0", "O(1)", "Show a text about the subcommands"),
            help,
        ),
    ],
)];

const fn sub(spec: Spec, handler: SessionHandler) -> SessionCommand {
    Command::new(spec, SessionRun::Handler(handler))
}

/// A subcommand that concerns only who says it.
const fn about_self(name: &'static str, arity: i16) -> Spec {
    Spec::new(name, Group::Connection, arity)
        .flags(&[Flags::NOSCRIPT, Flags::LOADING, Flags::STALE])
        .categories(&[Categories::CONNECTION])
}

/// A subcommand that concerns other connections. What came before it on its own has been executed.
const fn about_all(name: &'static str, arity: i16) -> Spec {
    about_self(name, arity).flags(&[Flags::ADMIN, Flags::BARRIER])
}

const HELP: &[&str] = &[
    "CLIENT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "GETNAME",
    "    Tell the name of this connection.",
    "ID",
    "    Tell the number of this connection.",
    "INFO",
    "    Show a line about this connection.",
    "KILL <ip:port>",
    "    End the connection from <ip:port>.",
    "KILL <option> <value> [<option> <value> [...]]",
    "    End connections that all options agree on:",
    "    * ADDR (<ip:port>|<unixsocket>:0)",
    "      Those from this address.",
    "    * ID <client-id>",
    "      The one with this number.",
    "    * LADDR (<ip:port>|<unixsocket>:0)",
    "      Those to this address of the server.",
    "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
    "      Those of this type.",
    "    * USER <username>",
    "      Those of this user.",
    "    * SKIPME (YES|NO)",
    "      Whether this connection is spared (default: yes).",
    "LIST [TYPE (NORMAL|MASTER|REPLICA|PUBSUB)|ID <client-id> [<client-id> ...]]",
    "    Show a line about each connection, or about those of a type or with these numbers.",
    "NO-TOUCH (ON|OFF)",
    "    Choose whether commands leave alone when keys were used last.",
    "REPLY (ON|OFF|SKIP)",
    "    Choose whether replies are sent on this connection.",
    "SETINFO (LIB-NAME|LIB-VER) <value>",
    "    Tell name or version of the client library.",
    "SETNAME <name>",
    "    Name this connection.",
    "UNBLOCK <clientid> [TIMEOUT|ERROR]",
    "    End the wait of a client for a key.",
    "HELP",
    "    Show these lines.",
];

fn help(_: &mut SessionCx<'_>, _: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    write_help(HELP, reply);
    Ok(())
}

fn id(cx: &mut SessionCx<'_>, _: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    reply.int(i64::try_from(cx.client.info.id).unwrap_or(i64::MAX));
    Ok(())
}

fn unblock(server: &Server, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    if args.len() > 4 {
        return Err(CommandError::Text(
            "ERR unknown subcommand or wrong number of arguments for 'UNBLOCK'. Try CLIENT HELP.",
        ));
    }
    let with_error = match args.get(3) {
        None => false,
        Some(reason) if reason.eq_ignore_ascii_case(b"TIMEOUT") => false,
        Some(reason) if reason.eq_ignore_ascii_case(b"ERROR") => true,
        Some(_) => {
            return Err(CommandError::Text("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"));
        }
    };
    let id = parse_i64_strict(args.at(2)).ok_or(CommandError::NotInteger)?;
    let row = u64::try_from(id).ok().and_then(|id| server.clients.get(id));
    let unblocked = row.filter(|row| row.unblock(with_error));
    if let Some(row) = &unblocked
        && let Some(directory) = server.directory()
    {
        directory.thread(row.conn.thread).gateway.do_send(Wake(row.conn));
    }
    reply.int(unblocked.is_some().into());
    Ok(())
}

fn get_name(cx: &mut SessionCx<'_>, _: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let Texts { name, .. } = cx.client.info.texts();
    if name.is_empty() {
        reply.null()
    } else {
        reply.bulk(&name)
    }
    Ok(())
}

/// Whether a text can stand in a line of CLIENT LIST: it is printable and has no blanks.
pub(super) fn fits_in_line(text: &[u8]) -> bool {
    text.iter().all(u8::is_ascii_graphic)
}

/// Names the connection; an empty name is none.
///
/// # Errors
/// The name would break the lines of CLIENT LIST.
pub(super) fn set_name(cx: &mut SessionCx<'_>, name: &[u8]) -> Outcome {
    if !fits_in_line(name) {
        return Err(CommandError::Text(
            "ERR Client names cannot contain spaces, newlines or special characters.",
        ));
    }
    cx.client.info.set_name(name.to_vec());
    Ok(())
}

fn set_name_command(
    cx: &mut SessionCx<'_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    set_name(cx, args.at(2))?;
    reply.ok();
    Ok(())
}

fn set_info(cx: &mut SessionCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let (option, value) = (args.at(2), args.at(3));
    let place: fn(&mut Texts) -> &mut Vec<u8> = if option.eq_ignore_ascii_case(b"LIB-NAME") {
        |texts| &mut texts.lib_name
    } else if option.eq_ignore_ascii_case(b"LIB-VER") {
        |texts| &mut texts.lib_version
    } else {
        return Err(CommandError::quoting("ERR Unrecognized option '", option, "'"));
    };
    if !fits_in_line(value) {
        let rest = " cannot contain spaces, newlines or special characters.";
        return Err(CommandError::quoting("ERR ", option, rest));
    }
    cx.client.info.set_texts(|texts| *place(texts) = value.to_vec());
    reply.ok();
    Ok(())
}

fn no_touch(cx: &mut SessionCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    cx.client.no_touch = match args.at(2) {
        word if word.eq_ignore_ascii_case(b"ON") => true,
        word if word.eq_ignore_ascii_case(b"OFF") => false,
        _ => return Err(CommandError::Syntax),
    };
    reply.ok();
    Ok(())
}

fn reply_mode(cx: &mut SessionCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let mode = &mut cx.client.reply_mode;
    match args.at(2) {
        word if word.eq_ignore_ascii_case(b"ON") => {
            *mode = ReplyMode::On;
            reply.ok();
        }
        word if word.eq_ignore_ascii_case(b"OFF") => *mode = ReplyMode::Off,
        word if word.eq_ignore_ascii_case(b"SKIP") => {
            if *mode != ReplyMode::Off {
                *mode = ReplyMode::SkipNext;
            }
        }
        _ => return Err(CommandError::Syntax),
    }
    Ok(())
}
