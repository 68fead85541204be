//! What follows the names of commands for keys of any type and for databases, and what became of
//! these commands.

use crate::command::argument::{Argument, integer, key, one_of, pattern, string, word};
use crate::command::history::{History, changed};

pub(super) const EXISTS_HISTORY: &[History] =
    &[changed("3.0.3", "Accepts multiple `key` arguments.")];

/// `RENAME key newkey`
pub(super) const RENAME: &[Argument] = &[key("key"), key("newkey").key_spec(1)];

pub(super) const RENAMENX_HISTORY: &[History] = &[changed(
    "3.2.0",
    "The command no longer returns an error when source and destination names are the same.",
)];

/// `COPY source destination [DB destination-db] [REPLACE]`
pub(super) const COPY: &[Argument] = &[
    key("source"),
    key("destination").key_spec(1),
    integer("destination-db").token("DB").optional(),
    word("REPLACE").optional(),
];

/// `MOVE key db`
pub(super) const MOVE: &[Argument] = &[key("key"), integer("db")];

/// `KEYS pattern`
pub(super) const KEYS_OF_PATTERN: &[Argument] = &[pattern("pattern")];

/// `SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]`
pub(super) const SCAN: &[Argument] = &[
    integer("cursor"),
    pattern("pattern").token("MATCH").optional(),
    integer("count").token("COUNT").optional(),
    string("type").token("TYPE").since("6.0.0").optional(),
];

pub(super) const SCAN_HISTORY: &[History] = &[changed("6.0.0", "Added the `TYPE` subcommand.")];

/// `FLUSHALL [ASYNC | SYNC]`
pub(super) const FLUSH: &[Argument] =
    &[one_of("async", &[word("ASYNC").since("4.0.0"), word("SYNC").since("6.2.0")]).optional()];

pub(super) const FLUSH_HISTORY: &[History] = &[
    changed("4.0.0", "Added the `ASYNC` flushing mode modifier."),
    changed("6.2.0", "Added the `SYNC` flushing mode modifier."),
];

/// `SWAPDB index1 index2`
pub(super) const SWAPDB: &[Argument] = &[integer("index1"), integer("index2")];
