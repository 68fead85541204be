//! What may follow the timeout in MIGRATE. It is read in one place, since it decides not only what
//! is done but which arguments are keys: a password may be spelled like an option.

use shardwright_codec::resp::Args;

use crate::error::CommandError;

/// The argument with the one key, which is empty where KEYS names them.
const KEY: usize = 3;

/// The first option.
const OPTIONS: usize = 6;

/// Who the other server is to take us for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Login<'a> {
    /// The user; without one the default user.
    pub user: Option<&'a [u8]>,
    /// The password.
    pub password: &'a [u8],
}

/// The options of one command.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MigrateOptions<'a> {
    /// COPY: the keys stay here.
    pub copy: bool,
    /// REPLACE: keys that are there already are overwritten.
    pub replace: bool,
    /// AUTH or AUTH2.
    pub login: Option<Login<'a>>,
    /// KEYS: the first argument behind it.
    first_key: Option<usize>,
}

impl<'a> MigrateOptions<'a> {
    /// Reads the options of a whole command.
    ///
    /// # Errors
    /// An argument that is no option or lacks its value, and KEYS beside a key.
    pub fn read(args: Args<'a>) -> Result<Self, CommandError> {
        let mut options = Self::default();
        let mut at = OPTIONS;
        while let Some(word) = args.get(at) {
            let (next, second) = (args.get(at + 1), args.get(at + 2));
            at += match (word.to_ascii_uppercase().as_slice(), next, second) {
                (b"COPY", ..) => {
                    options.copy = true;
                    1
                }
                (b"REPLACE", ..) => {
                    options.replace = true;
                    1
                }
                (b"AUTH", Some(password), _) => {
                    // AUTH2 before it has said who: only the password is another.
                    let user = options.login.and_then(|login| login.user);
                    options.login = Some(Login { user, password });
                    2
                }
                (b"AUTH2", Some(user), Some(password)) => {
                    options.login = Some(Login { user: Some(user), password });
                    3
                }
                (b"KEYS", ..) if !args.at(KEY).is_empty() => return Err(KEY_BESIDE_KEYS),
                (b"KEYS", ..) => {
                    options.first_key = Some(at + 1);
                    break;
                }
                _ => return Err(CommandError::Syntax),
            };
        }
        Ok(options)
    }

    /// The keys of the command that these are the options of.
    pub fn keys(&self, args: Args<'a>) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let (first, count) = match self.first_key {
            Some(first) => (first, usize::MAX),
            None => (KEY, 1),
        };
        args.skip(first).iter().take(count)
    }
}

const KEY_BESIDE_KEYS: CommandError = CommandError::Text(
    "ERR When using MIGRATE KEYS option, the key argument must be set to the empty string",
);

/// The argument that is the one key, unless KEYS names them.
pub(super) fn one_key(args: Args<'_>) -> Option<usize> {
    behind_keys(args).is_none().then_some(KEY)
}

/// The first argument behind KEYS, if that is an option; none beside a key, where it is an error.
pub(super) fn many_keys(args: Args<'_>) -> Option<usize> {
    behind_keys(args).filter(|_| args.at(KEY).is_empty())
}

/// The first argument behind KEYS, whatever else is wrong: as Redis finds the keys of a command that
/// it does not run.
fn behind_keys(args: Args<'_>) -> Option<usize> {
    let mut at = OPTIONS;
    while let Some(word) = args.get(at) {
        at += match word.to_ascii_uppercase().as_slice() {
            b"KEYS" if at + 1 < args.len() => return Some(at + 1),
            b"AUTH" => 2,
            b"AUTH2" => 3,
            _ => 1,
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::with_args;
    use super::*;

    #[test]
    fn the_keys_are_one_or_those_behind_the_option() {
        for (line, expected) in [
            ("MIGRATE h 1 k 0 9", vec!["k"]),
            ("MIGRATE h 1 k 0 9 COPY replace", vec!["k"]),
            ("MIGRATE h 1  0 9 KEYS a b", vec!["a", "b"]),
            ("MIGRATE h 1  0 9 AUTH KEYS keys KEYS", vec!["KEYS"]),
            ("MIGRATE h 1  0 9 AUTH2 KEYS COPY", vec![""]),
            ("MIGRATE h 1  0 9 KEYS", vec![]),
        ] {
            let keys: Vec<String> = with_args(line, |args| {
                let keys = MigrateOptions::read(args).unwrap().keys(args);
                keys.map(|key| String::from_utf8_lossy(key).into_owned()).collect()
            });
            assert_eq!(keys, expected, "{line}");
        }
    }

    #[test]
    fn keys_are_found_in_what_is_refused_too() {
        for (line, one, many) in [
            ("MIGRATE h 1 k 0 9 NOSUCH", Some(3), None),
            ("MIGRATE h 1  0 9 KEYS", Some(3), None),
            ("MIGRATE h 1  0 9 NOSUCH KEYS a b", None, Some(8)),
            ("MIGRATE h 1  0 9 AUTH2 KEYS KEYS x", Some(3), None),
            ("MIGRATE h 1 k 0 9 KEYS a", None, None),
        ] {
            let found = with_args(line, |args| (one_key(args), many_keys(args)));
            assert_eq!(found, (one, many), "{line}");
        }
    }

    #[test]
    fn the_last_password_counts_and_the_last_user() {
        for (line, user, password) in [
            ("AUTH p", None, "p"),
            ("AUTH2 u p", Some("u"), "p"),
            ("AUTH2 u p AUTH pw", Some("u"), "pw"),
            ("AUTH p AUTH2 u pw", Some("u"), "pw"),
            ("AUTH2 u p COPY AUTH2 v pw", Some("v"), "pw"),
        ] {
            let login = with_args(&format!("MIGRATE h 1 k 0 9 {line}"), |args| {
                let login = MigrateOptions::read(args).unwrap().login.unwrap();
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                (login.user.map(text), text(login.password))
            });
            assert_eq!(login, (user.map(str::to_owned), password.to_owned()), "{line}");
        }
    }

    #[test]
    fn what_is_no_option_is_refused() {
        for line in ["COPY NOSUCH", "AUTH", "AUTH2 u", "KEYS a"] {
            let line = format!("MIGRATE h 1 k 0 9 {line}");
            with_args(&line, |args| assert!(MigrateOptions::read(args).is_err(), "{line}"));
        }
    }
}
