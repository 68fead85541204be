//! MIGRATE: what it asks for is read here; the session carries it out, since it takes its time.

use std::time::Duration;

use shardwright_codec::number::parse_i64_strict;
use shardwright_codec::resp::{Args, ReplyWriter};
use shardwright_store::command::argument::{Argument, block, integer, key, one_of, string, word};
use shardwright_store::command::history::{History, changed};
use shardwright_store::command::migrate::MigrateOptions;
use shardwright_store::command::{
    Begin, Categories, Command, Find, Flags, Group, KeySpec, KeyUse, Outcome, Spec,
};
use shardwright_store::error::CommandError;

use crate::migration::{Migration, PeerLogin, PeerPassword, Target};
use crate::registry::{SessionCommand, SessionRun};
use crate::session::{Later, SessionCx};

/// The command.
pub const COMMANDS: &[SessionCommand] = &[Command::new(
    Spec::new("migrate", Group::Generic, -6)
        .flags(&[Flags::WRITE, Flags::MOVABLE_KEYS, Flags::BARRIER, Flags::ALONE])
        .categories(&[Categories::KEYSPACE, Categories::DANGEROUS])
        .keys(KEYS)
        .doc(
            "2.6.0",
            "This command actually executes a DUMP+DEL in the source instance, and a RESTORE in \
             the target instance. See the pages of these commands for time complexity. Also an \
             O(N) data transfer between the two instances is performed.",
            "Move keys to another server",
        )
        .tips(&["nondeterministic_output"])
        .arguments(ARGUMENTS)
        .history(HISTORY)
        .example("> MIGRATE 127.0.0.1 6379 migrate:none 0 1000\nNOKEY"),
    SessionRun::Handler(migrate),
)];

const KEYS: &[KeySpec] = &[
    KeySpec {
        begin: Begin::MigrateKey,
        find: Find::Range { last: 0, step: 1, limit: 0 },
        uses: KeyUse::RW.with(KeyUse::ACCESS).with(KeyUse::DELETE),
        notes: "",
    },
    KeySpec {
        begin: Begin::MigrateKeys,
        find: Find::Range { last: -1, step: 1, limit: 0 },
        uses: KeyUse::RW.with(KeyUse::ACCESS).with(KeyUse::DELETE).with(KeyUse::INCOMPLETE),
        notes: "",
    },
];

/// `MIGRATE host port <key | ""> destination-db timeout [COPY] [REPLACE]
/// [AUTH password | AUTH2 username password] [KEYS key [key ...]]`
const ARGUMENTS: &[Argument] = &[
    string("host"),
    integer("port"),
    one_of("key_or_empty_string", &[key("key").key_spec(0), word("").named("empty_string")]),
    integer("destination-db"),
    integer("timeout"),
    word("COPY").since("3.0.0").optional(),
    word("REPLACE").since("3.0.0").optional(),
    one_of("authentication", AUTHENTICATION).optional(),
    key("key").key_spec(1).token("KEYS").since("3.0.6").optional().multiple(),
];

const AUTHENTICATION: &[Argument] = &[
    string("password").token("AUTH").since("4.0.7").optional(),
    block("username_password", &[string("username"), string("password")])
        .token("AUTH2")
        .since("6.0.0")
        .optional(),
];

const HISTORY: &[History] = &[
    changed("3.0.0", "Added the `COPY` and `REPLACE` options."),
    changed("3.0.6", "Added the `KEYS` option."),
    changed("4.0.7", "Added the `AUTH` option."),
    changed("6.0.0", "Added the `AUTH2` option."),
];

/// Patience for those who ask for none, as in Redis.
const DEFAULT_PATIENCE: Duration = Duration::from_secs(1);

fn migrate(cx: &mut SessionCx<'_>, args: Args<'_>, _: &mut ReplyWriter<'_>) -> Outcome {
    cx.later = Some(Later::Migration(Box::new(read(args)?)));
    Ok(())
}

fn read(args: Args<'_>) -> Result<Migration, CommandError> {
    let options = MigrateOptions::read(args)?;
    let timeout = parse_i64_strict(args.at(5)).ok_or(CommandError::NotInteger)?;
    let db = parse_i64_strict(args.at(4)).ok_or(CommandError::NotInteger)?;
    let patience = match u64::try_from(timeout) {
        Ok(0) | Err(_) => DEFAULT_PATIENCE,
        Ok(ms) => Duration::from_millis(ms),
    };
    let login = options.login.map(|login| PeerLogin {
        user: login.user.map(<[u8]>::to_vec),
        password: PeerPassword::new(login.password),
    });
    Ok(Migration {
        target: Target {
            host: String::from_utf8_lossy(args.at(1)).into_owned(),
            port: port(args.at(2)),
            db,
            patience,
            login,
        },
        copy: options.copy,
        replace: options.replace,
        keys: options.keys(args).map(<[u8]>::to_vec).collect(),
    })
}

/// The port that the text says; none if it is negative. Where it says no port it is 0, where nobody
/// listens: that is found out after it was found out whether there is a key at all, as in Redis.
fn port(text: &[u8]) -> Option<u16> {
    let number = parse_i64_strict(text).unwrap_or(0);
    (number >= 0).then(|| u16::try_from(number).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::super::with_args;
    use super::*;

    #[test]
    fn what_is_no_number_is_refused_and_no_time_is_a_second() {
        for (line, expected) in [
            ("h 1 k 0 250", Ok(250)),
            ("h 1 k 0 0", Ok(1000)),
            ("h 1 k 0 -7", Ok(1000)),
            ("h 1 k x 250", Err("ERR value is not an integer or out of range")),
            ("h 1 k 0 x", Err("ERR value is not an integer or out of range")),
            (
                "h 1 k 0 9 KEYS a",
                Err(
                    "ERR When using MIGRATE KEYS option, the key argument must be set to the empty \
                 string",
                ),
            ),
        ] {
            let asked = with_args(&format!("MIGRATE {line}"), read);
            let patience = asked.map(|asked| asked.target.patience.as_millis());
            let expected = expected.map_err(str::to_owned);
            assert_eq!(patience.map_err(|error| error.to_string()), expected, "{line}");
        }
    }

    #[test]
    fn a_password_is_never_shown() {
        let line = "MIGRATE h 1 k 0 9 AUTH2 someone open-sesame";
        let asked = with_args(line, read).unwrap();
        let shown = format!("{asked:?}");
        assert!(shown.contains("***") && !shown.contains("sesame"), "{shown}");
    }
}
