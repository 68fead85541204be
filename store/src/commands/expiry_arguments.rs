//! What follows the names of commands about deadlines, and what became of them.

use crate::command::argument::{Argument, integer, key, one_of, unix_time, word};
use crate::command::history::{History, changed};

const CONDITION: Argument = one_of("condition", &[word("NX"), word("XX"), word("GT"), word("LT")])
    .since("7.0.0")
    .optional();

/// `EXPIRE key seconds [NX | XX | GT | LT]`
pub(super) const EXPIRE: &[Argument] = &[key("key"), integer("seconds"), CONDITION];

/// `PEXPIRE key milliseconds [NX | XX | GT | LT]`
pub(super) const PEXPIRE: &[Argument] = &[key("key"), integer("milliseconds"), CONDITION];

/// `EXPIREAT key unix-time-seconds [NX | XX | GT | LT]`
pub(super) const EXPIREAT: &[Argument] = &[key("key"), unix_time("unix-time-seconds"), CONDITION];

/// `PEXPIREAT key unix-time-milliseconds [NX | XX | GT | LT]`
pub(super) const PEXPIREAT: &[Argument] =
    &[key("key"), unix_time("unix-time-milliseconds"), CONDITION];

/// Of the commands that set a deadline.
pub(super) const SETTING_HISTORY: &[History] =
    &[changed("7.0.0", "Added options: `NX`, `XX`, `GT` and `LT`.")];

/// Of TTL and PTTL.
pub(super) const LEFT_HISTORY: &[History] = &[changed("2.8.0", "Added the -2 reply.")];
