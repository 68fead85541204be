//! What follows the names of CLIENT's subcommands, and what became of them.

use shardwright_store::command::argument::{Argument, block, integer, one_of, string, word};
use shardwright_store::command::history::{History, changed};

/// `CLIENT LIST [TYPE NORMAL | MASTER | ...] [ID client-id [client-id ...]]`
pub(super) const LIST: &[Argument] = &[
    one_of(
        "normal_master_replica_pubsub",
        &[word("NORMAL"), word("MASTER"), word("REPLICA"), word("PUBSUB")],
    )
    .token("TYPE")
    .since("5.0.0")
    .optional(),
    block("id", &[integer("client-id").multiple()]).token("ID").since("6.2.0").optional(),
];

/// `CLIENT UNBLOCK client-id [TIMEOUT | ERROR]`
pub(super) const UNBLOCK: &[Argument] = &[
    integer("client-id"),
    one_of("timeout_error", &[word("TIMEOUT").named("timeout"), word("ERROR").named("error")])
        .optional(),
];

pub(super) const LIST_HISTORY: &[History] = &[
    changed("2.8.12", "Added unique client `id` field."),
    changed("5.0.0", "Added optional `TYPE` filter."),
    changed("6.0.0", "Added `user` field."),
    changed(
        "6.2.0",
        "Added `argv-mem`, `tot-mem`, `laddr` and `redir` fields and the optional `ID` filter.",
    ),
    changed("7.0.0", "Added `resp`, `multi-mem`, `rbs` and `rbp` fields."),
    changed("7.0.3", "Added `ssub` field."),
];

/// `CLIENT KILL ip:port | [ID client-id | TYPE NORMAL | ... | SKIPME yes/no ...]`
pub(super) const KILL: &[Argument] = &[one_of(
    "filter",
    &[string("ip:port").deprecated_since("2.8.12"), one_of("new-format", KILL_FILTERS).multiple()],
)];

const KILL_FILTERS: &[Argument] = &[
    integer("client-id").token("ID").since("2.8.12").optional(),
    one_of(
        "normal_master_slave_pubsub",
        &[
            word("NORMAL"),
            word("MASTER").since("3.2.0"),
            word("SLAVE"),
            word("REPLICA").since("5.0.0"),
            word("PUBSUB"),
        ],
    )
    .token("TYPE")
    .since("2.8.12")
    .optional(),
    string("username").token("USER").optional(),
    string("ip:port").token("ADDR").optional(),
    string("ip:port").token("LADDR").since("6.2.0").optional(),
    string("yes/no").token("SKIPME").optional(),
];

pub(super) const KILL_HISTORY: &[History] = &[
    changed("2.8.12", "Added new filter format."),
    changed("2.8.12", "`ID` option."),
    changed("3.2.0", "Added `master` type in for `TYPE` option."),
    changed(
        "5.0.0",
        "Replaced `slave` `TYPE` with `replica`. `slave` still supported for backward \
         compatibility.",
    ),
    changed("6.2.0", "`LADDR` option."),
];

/// `CLIENT SETNAME connection-name`
pub(super) const SETNAME: &[Argument] = &[string("connection-name")];

/// `CLIENT REPLY ON | OFF | SKIP`
pub(super) const REPLY: &[Argument] =
    &[one_of("on_off_skip", &[word("ON"), word("OFF"), word("SKIP")])];
