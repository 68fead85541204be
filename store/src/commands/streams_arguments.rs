//! What follows the names of stream commands, and what became of them.

use crate::command::argument::{Argument, block, integer, key, one_of, string, unix_time, word};
use crate::command::history::{History, changed};

pub(super) const XADD: &[Argument] = &[
    key("key"),
    word("NOMKSTREAM").since("6.2.0").optional(),
    block(
        "trim",
        &[
            one_of("strategy", &[word("MAXLEN"), word("MINID").since("6.2.0")]),
            one_of("operator", &[word("=").named("equal"), word("~").named("approximately")])
                .optional(),
            string("threshold"),
            integer("count").token("LIMIT").since("6.2.0").optional(),
        ],
    )
    .optional(),
    one_of("id_or_auto", &[word("*").named("auto_id"), string("id")]),
    block("field_value", &[string("field"), string("value")]).multiple(),
];

pub(super) const XADD_HISTORY: &[History] = &[
    changed(
        "6.2.0",
        "Added the `NOMKSTREAM` option, `MINID` trimming strategy and the `LIMIT` option.",
    ),
    changed("7.0.0", "Added support for the `<ms>-*` explicit ID form."),
];

pub(super) const XLEN: &[Argument] = &[key("key")];

pub(super) const XRANGE: &[Argument] =
    &[key("key"), string("start"), string("end"), integer("count").token("COUNT").optional()];

pub(super) const XRANGE_HISTORY: &[History] = &[changed("6.2.0", "Added exclusive ranges.")];

pub(super) const XREVRANGE: &[Argument] =
    &[key("key"), string("end"), string("start"), integer("count").token("COUNT").optional()];

pub(super) const XREVRANGE_HISTORY: &[History] = &[changed("6.2.0", "Added exclusive ranges.")];

pub(super) const XDEL: &[Argument] = &[key("key"), string("id").multiple()];

pub(super) const XTRIM: &[Argument] = &[
    key("key"),
    block(
        "trim",
        &[
            one_of("strategy", &[word("MAXLEN"), word("MINID").since("6.2.0")]),
            one_of("operator", &[word("=").named("equal"), word("~").named("approximately")])
                .optional(),
            string("threshold"),
            integer("count").token("LIMIT").since("6.2.0").optional(),
        ],
    ),
];

pub(super) const XTRIM_HISTORY: &[History] =
    &[changed("6.2.0", "Added the `MINID` trimming strategy and the `LIMIT` option.")];

pub(super) const XSETID: &[Argument] = &[
    key("key"),
    string("last-id"),
    integer("entries_added").token("ENTRIESADDED").since("7.0.0").optional(),
    string("max_deleted_entry_id").token("MAXDELETEDID").since("7.0.0").optional(),
];

pub(super) const XSETID_HISTORY: &[History] =
    &[changed("7.0.0", "Added the `entries_added` and `max_deleted_entry_id` arguments.")];

pub(super) const XGROUP_CREATE: &[Argument] = &[
    key("key"),
    string("groupname"),
    one_of("id", &[string("id"), word("$").named("new_id")]),
    word("MKSTREAM").optional(),
    integer("entries_read").token("ENTRIESREAD").optional(),
];

pub(super) const XGROUP_CREATE_HISTORY: &[History] =
    &[changed("7.0.0", "Added the `entries_read` named argument.")];

pub(super) const XGROUP_DELCONSUMER: &[Argument] =
    &[key("key"), string("groupname"), string("consumername")];

pub(super) const XGROUP_CREATECONSUMER: &[Argument] =
    &[key("key"), string("groupname"), string("consumername")];

pub(super) const XGROUP_DESTROY: &[Argument] = &[key("key"), string("groupname")];

pub(super) const XGROUP_SETID: &[Argument] = &[
    key("key"),
    string("groupname"),
    one_of("id", &[string("id"), word("$").named("new_id")]),
    integer("entries_read").token("ENTRIESREAD").optional(),
];

pub(super) const XGROUP_SETID_HISTORY: &[History] =
    &[changed("7.0.0", "Added the optional `entries_read` argument.")];

pub(super) const XREAD: &[Argument] = &[
    integer("count").token("COUNT").optional(),
    integer("milliseconds").token("BLOCK").optional(),
    block("streams", &[key("key").multiple(), string("id").multiple()]).token("STREAMS"),
];

pub(super) const XREADGROUP: &[Argument] = &[
    block("group_consumer", &[string("group"), string("consumer")]).token("GROUP"),
    integer("count").token("COUNT").optional(),
    integer("milliseconds").token("BLOCK").optional(),
    word("NOACK").optional(),
    block("streams", &[key("key").multiple(), string("id").multiple()]).token("STREAMS"),
];

pub(super) const XACK: &[Argument] = &[key("key"), string("group"), string("id").multiple()];

pub(super) const XPENDING: &[Argument] = &[
    key("key"),
    string("group"),
    block(
        "filters",
        &[
            integer("min-idle-time").token("IDLE").since("6.2.0").optional(),
            string("start"),
            string("end"),
            integer("count"),
            string("consumer").optional(),
        ],
    )
    .optional(),
];

pub(super) const XPENDING_HISTORY: &[History] =
    &[changed("6.2.0", "Added the `IDLE` option and exclusive range intervals.")];

pub(super) const XCLAIM: &[Argument] = &[
    key("key"),
    string("group"),
    string("consumer"),
    string("min-idle-time"),
    string("id").multiple(),
    integer("ms").token("IDLE").optional(),
    unix_time("unix-time-milliseconds").token("TIME").optional(),
    integer("count").token("RETRYCOUNT").optional(),
    word("FORCE").optional(),
    word("JUSTID").optional(),
    string("id").token("LASTID").optional(),
];

pub(super) const XAUTOCLAIM: &[Argument] = &[
    key("key"),
    string("group"),
    string("consumer"),
    string("min-idle-time"),
    string("start"),
    integer("count").token("COUNT").optional(),
    word("JUSTID").optional(),
];

pub(super) const XAUTOCLAIM_HISTORY: &[History] = &[changed(
    "7.0.0",
    "Added an element to the reply array, containing deleted entries the command cleared from the PEL",
)];

pub(super) const XINFO_GROUPS: &[Argument] = &[key("key")];

pub(super) const XINFO_GROUPS_HISTORY: &[History] =
    &[changed("7.0.0", "Added the `entries-read` and `lag` fields")];

pub(super) const XINFO_STREAM: &[Argument] = &[
    key("key"),
    block("full", &[integer("count").token("COUNT").optional()]).token("FULL").optional(),
];

pub(super) const XINFO_STREAM_HISTORY: &[History] = &[
    changed("6.0.0", "Added the `FULL` modifier."),
    changed(
        "7.0.0",
        "Added the `max-deleted-entry-id`, `entries-added`, `recorded-first-entry-id`, `entries-read` and `lag` fields",
    ),
];

pub(super) const XINFO_CONSUMERS: &[Argument] = &[key("key"), string("groupname")];
