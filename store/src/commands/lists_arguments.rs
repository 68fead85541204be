//! What follows the names of list commands, and what became of them.

use crate::command::argument::{Argument, integer, key, one_of, string, word};
use crate::command::history::{History, changed};

pub(super) const LPUSH: &[Argument] = &[key("key"), string("element").multiple()];

pub(super) const LPUSH_HISTORY: &[History] =
    &[changed("2.4.0", "Accepts multiple `element` arguments.")];

pub(super) const RPUSH: &[Argument] = &[key("key"), string("element").multiple()];

pub(super) const RPUSH_HISTORY: &[History] =
    &[changed("2.4.0", "Accepts multiple `element` arguments.")];

pub(super) const LPUSHX: &[Argument] = &[key("key"), string("element").multiple()];

pub(super) const LPUSHX_HISTORY: &[History] =
    &[changed("4.0.0", "Accepts multiple `element` arguments.")];

pub(super) const RPUSHX: &[Argument] = &[key("key"), string("element").multiple()];

pub(super) const RPUSHX_HISTORY: &[History] =
    &[changed("4.0.0", "Accepts multiple `element` arguments.")];

pub(super) const LPOP: &[Argument] = &[key("key"), integer("count").since("6.2.0").optional()];

pub(super) const LPOP_HISTORY: &[History] = &[changed("6.2.0", "Added the `count` argument.")];

pub(super) const RPOP: &[Argument] = &[key("key"), integer("count").since("6.2.0").optional()];

pub(super) const RPOP_HISTORY: &[History] = &[changed("6.2.0", "Added the `count` argument.")];

pub(super) const LLEN: &[Argument] = &[key("key")];

pub(super) const LRANGE: &[Argument] = &[key("key"), integer("start"), integer("stop")];

pub(super) const LINDEX: &[Argument] = &[key("key"), integer("index")];

pub(super) const LSET: &[Argument] = &[key("key"), integer("index"), string("element")];

pub(super) const LINSERT: &[Argument] = &[
    key("key"),
    one_of("where", &[word("BEFORE"), word("AFTER")]),
    string("pivot"),
    string("element"),
];

pub(super) const LREM: &[Argument] = &[key("key"), integer("count"), string("element")];

pub(super) const LTRIM: &[Argument] = &[key("key"), integer("start"), integer("stop")];

pub(super) const LPOS: &[Argument] = &[
    key("key"),
    string("element"),
    integer("rank").token("RANK").optional(),
    integer("num-matches").token("COUNT").optional(),
    integer("len").token("MAXLEN").optional(),
];

pub(super) const LMOVE: &[Argument] = &[
    key("source"),
    key("destination").key_spec(1),
    one_of("wherefrom", &[word("LEFT"), word("RIGHT")]),
    one_of("whereto", &[word("LEFT"), word("RIGHT")]),
];

pub(super) const RPOPLPUSH: &[Argument] = &[key("source"), key("destination").key_spec(1)];

pub(super) const LMPOP: &[Argument] = &[
    integer("numkeys"),
    key("key").multiple(),
    one_of("where", &[word("LEFT"), word("RIGHT")]),
    integer("count").token("COUNT").optional(),
];
