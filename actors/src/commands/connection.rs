//! Commands about the connection itself: who the client is, which protocol it speaks, which
//! database it uses, and its end.

use shardwright_codec::number::parse_i64_strict;
use shardwright_codec::resp::{Args, Protocol, ReplyWriter};
use shardwright_store::command::{Categories, Command, Flags, Group, Outcome, Spec};
use shardwright_store::error::CommandError;

use super::client::{fits_in_line, set_name};
use super::connection_arguments as args;
use crate::registry::{SessionCommand, SessionRun};
use crate::server::{REDIS_VERSION, Server};
use crate::session::SessionCx;

/// What may be said before authentication.
const AT_THE_DOOR: &[Flags] = &[
    Flags::NOSCRIPT,
    Flags::LOADING,
    Flags::STALE,
    Flags::FAST,
    Flags::NO_AUTH,
    Flags::ALLOW_BUSY,
];

/// The family's commands.
pub const COMMANDS: &[SessionCommand] = &[
    Command::new(
        Spec::new("ping", Group::Connection, -1)
            .flags(&[Flags::FAST])
            .categories(&[Categories::CONNECTION])
            .doc("1.0.0", "O(1)", "Ask for a sign of life")
            .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
            .arguments(args::PING)
            .example("> PING\nPONG\n> PING hello\n\"hello\""),
        SessionRun::Handler(ping),
    ),
    Command::new(
        Spec::new("echo", Group::Connection, 2)
            .flags(&[Flags::LOADING, Flags::STALE, Flags::FAST])
            .categories(&[Categories::CONNECTION])
            .doc("1.0.0", "O(1)", "Get the argument back")
            .arguments(args::ECHO)
            .example("> ECHO hello\n\"hello\""),
        SessionRun::Handler(echo),
    ),
    Command::new(
        Spec::new("hello", Group::Connection, -1)
            .flags(AT_THE_DOOR)
            .categories(&[Categories::CONNECTION])
            .doc("6.0.0", "O(1)", "Choose the version of the protocol, with or without AUTH")
            .arguments(args::HELLO)
            .history(args::HELLO_HISTORY)
            .example("> HELLO 1\n(error) NOPROTO unsupported protocol version"),
        SessionRun::Handler(hello),
    ),
    Command::new(
        Spec::new("auth", Group::Connection, -2)
            .flags(AT_THE_DOOR)
            .categories(&[Categories::CONNECTION])
            .doc(
                "1.0.0",
                "O(N) where N is the number of passwords defined for the user",
                "Tell the password",
            )
            .arguments(args::AUTH)
            .history(args::AUTH_HISTORY)
            .example("> AUTH default anything\nOK"),
        SessionRun::Handler(auth),
    ),
    Command::new(
        Spec::new("select", Group::Connection, 2)
            .flags(&[Flags::LOADING, Flags::STALE, Flags::FAST])
            .categories(&[Categories::CONNECTION])
            .doc("1.0.0", "O(1)", "Change the selected database")
            .arguments(args::SELECT)
            .example("> SELECT 1\nOK"),
        SessionRun::Handler(select),
    ),
    Command::new(
        Spec::new("quit", Group::Connection, -1)
            .flags(AT_THE_DOOR)
            .categories(&[Categories::CONNECTION])
            .doc("1.0.0", "O(1)", "End the connection")
            .example("> QUIT\nOK"),
        SessionRun::Handler(quit),
    ),
    Command::new(
        Spec::new("reset", Group::Connection, 1)
            .flags(AT_THE_DOOR)
            .categories(&[Categories::CONNECTION])
            .doc("6.2.0", "O(1)", "Bring the connection back to how it began")
            .example("> RESET\nRESET"),
        SessionRun::Handler(reset),
    ),
];

fn ping(cx: &mut SessionCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    match args.len() {
        1 | 2 if cx.client.must_tell_apart() => {
            reply.array(2);
            reply.bulk(b"pong");
            reply.bulk(args.at(1));
        }
        1 => reply.simple("PONG"),
        2 => reply.bulk(args.at(1)),
        _ => return Err(CommandError::Arity("ping".to_owned())),
    }
    Ok(())
}

fn echo(_: &mut SessionCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    reply.bulk(args.at(1));
    Ok(())
}

const NO_PROTOCOL: CommandError = CommandError::Text("NOPROTO unsupported protocol version");

const BAD_PROTOCOL: CommandError =
    CommandError::Text("ERR Protocol version is not an integer or out of range");

const HELLO_UNAUTHENTICATED: CommandError = CommandError::Text(
    "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO \
     AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol \
     version at the same time",
);

/// The version that HELLO asks for, if it asks for one.
fn asked_protocol(args: Args<'_>) -> Result<Option<Protocol>, CommandError> {
    match args.get(1).map(parse_i64_strict) {
        None => Ok(None),
        Some(Some(2)) => Ok(Some(Protocol::Resp2)),
        Some(Some(3)) => Ok(Some(Protocol::Resp3)),
        Some(Some(_)) => Err(NO_PROTOCOL),
        Some(None) => Err(BAD_PROTOCOL),
    }
}

/// The version that HELLO with these arguments will switch to, if it will go through: a transaction
/// has to know before it runs. Whoever queued it is authenticated.
pub fn switched_protocol(args: Args<'_>, server: &Server) -> Option<Protocol> {
    let protocol = asked_protocol(args).ok().flatten()?;
    let mut options = args.skip(2).iter();
    while let Some(option) = options.next() {
        if option.eq_ignore_ascii_case(b"AUTH") && options.len() >= 2 {
            let user = options.next().unwrap_or_default();
            is_right(server, user, options.next().unwrap_or_default()).then_some(())?;
        } else if option.eq_ignore_ascii_case(b"SETNAME") {
            options.next().filter(|name| fits_in_line(name))?;
        } else {
            return None;
        }
    }
    Some(protocol)
}

fn hello(cx: &mut SessionCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let protocol = asked_protocol(args)?.unwrap_or(cx.client.protocol);
    // Each option takes effect at once, even if one behind it is refused.
    let mut options = args.skip(2).iter();
    while let Some(option) = options.next() {
        let refused = || CommandError::quoting("ERR Syntax error in HELLO option '", option, "'");
        if option.eq_ignore_ascii_case(b"AUTH") && options.len() >= 2 {
            let user = options.next().unwrap_or_default();
            authenticate(cx, user, options.next().unwrap_or_default())?;
        } else if option.eq_ignore_ascii_case(b"SETNAME") {
            set_name(cx, options.next().ok_or_else(refused)?)?;
        } else {
            return Err(refused());
        }
    }
    if !cx.client.authenticated {
        return Err(HELLO_UNAUTHENTICATED);
    }
    cx.client.protocol = protocol;
    let id = i64::try_from(cx.client.info.id).unwrap_or(i64::MAX);
    // The answer comes in the version that was asked for.
    greet(id, &mut ReplyWriter::new(reply.out, protocol));
    Ok(())
}

/// What HELLO answers: who the server is.
fn greet(id: i64, reply: &mut ReplyWriter<'_>) {
    reply.map(7);
    reply.bulk(b"server");
    reply.bulk(b"redis");
    reply.bulk(b"version");
    reply.bulk(REDIS_VERSION.as_bytes());
    reply.bulk(b"proto");
    reply.int(if reply.protocol() == Protocol::Resp3 { 3 } else { 2 });
    reply.bulk(b"id");
    reply.int(id);
    reply.bulk(b"mode");
    reply.bulk(b"standalone");
    reply.bulk(b"role");
    reply.bulk(b"master");
    reply.bulk(b"modules");
    reply.array(0);
}

const NO_PASSWORD: CommandError = CommandError::Text(
    "ERR AUTH <password> called without any password configured for the default user. Are you \
     sure your configuration is correct?",
);

const WRONG_PASSWORD: CommandError =
    CommandError::Text("WRONGPASS invalid username-password pair or user is disabled.");

/// The only user there is.
pub(super) const USER: &[u8] = b"default";

fn auth(cx: &mut SessionCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    match args.len() {
        2 if cx.server.is_open() => return Err(NO_PASSWORD),
        2 => authenticate(cx, USER, args.at(1))?,
        3 => authenticate(cx, args.at(1), args.at(2))?,
        _ => return Err(CommandError::Syntax),
    }
    reply.ok();
    Ok(())
}

/// Lets the client in if user and password are right. Who was in already stays in.
fn authenticate(cx: &mut SessionCx<'_>, user: &[u8], password: &[u8]) -> Outcome {
    if !is_right(cx.server, user, password) {
        return Err(WRONG_PASSWORD);
    }
    cx.client.authenticated = true;
    Ok(())
}

fn is_right(server: &Server, user: &[u8], password: &[u8]) -> bool {
    let wanted = &server.settings().requirepass;
    user == USER && (wanted.is_empty() || wanted.matches(password))
}

/// What SELECT says to a number that is not one of C's.
const DB_NUMBER: &str = "ERR value is out of range, value must between -2147483648 and 2147483647";

fn select(cx: &mut SessionCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let number = parse_i64_strict(args.at(1)).ok_or(CommandError::NotInteger)?;
    if i32::try_from(number).is_err() {
        return Err(CommandError::Text(DB_NUMBER));
    }
    let db = cx.server.router().database(args.at(1)).ok_or(CommandError::DbOutOfRange)?;
    cx.client.db = db;
    reply.ok();
    Ok(())
}

fn quit(cx: &mut SessionCx<'_>, _: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    cx.client.close = true;
    reply.ok();
    Ok(())
}

fn reset(cx: &mut SessionCx<'_>, _: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    cx.client.reset(cx.server.is_open(), &cx.server.pubsub);
    ReplyWriter::new(reply.out, cx.client.protocol).simple("RESET");
    Ok(())
}
