//! What follows the names of set commands, and what became of them.

use crate::command::argument::{Argument, integer, key, pattern, string};
use crate::command::history::{History, changed};

pub(super) const SADD: &[Argument] = &[key("key"), string("member").multiple()];

pub(super) const SADD_HISTORY: &[History] =
    &[changed("2.4.0", "Accepts multiple `member` arguments.")];

pub(super) const SREM: &[Argument] = &[key("key"), string("member").multiple()];

pub(super) const SREM_HISTORY: &[History] =
    &[changed("2.4.0", "Accepts multiple `member` arguments.")];

pub(super) const SPOP: &[Argument] = &[key("key"), integer("count").since("3.2.0").optional()];

pub(super) const SPOP_HISTORY: &[History] = &[changed("3.2.0", "Added the `count` argument.")];

pub(super) const SISMEMBER: &[Argument] = &[key("key"), string("member")];

pub(super) const SMISMEMBER: &[Argument] = &[key("key"), string("member").multiple()];

pub(super) const SMEMBERS: &[Argument] = &[key("key")];

pub(super) const SCARD: &[Argument] = &[key("key")];

pub(super) const SMOVE: &[Argument] =
    &[key("source"), key("destination").key_spec(1), string("member")];

pub(super) const SRANDMEMBER: &[Argument] =
    &[key("key"), integer("count").since("2.6.0").optional()];

pub(super) const SRANDMEMBER_HISTORY: &[History] =
    &[changed("2.6.0", "Added the optional `count` argument.")];

pub(super) const SINTER: &[Argument] = &[key("key").multiple()];

pub(super) const SINTERCARD: &[Argument] =
    &[integer("numkeys"), key("key").multiple(), integer("limit").token("LIMIT").optional()];

pub(super) const SUNION: &[Argument] = &[key("key").multiple()];

pub(super) const SDIFF: &[Argument] = &[key("key").multiple()];

pub(super) const SINTERSTORE: &[Argument] =
    &[key("destination"), key("key").key_spec(1).multiple()];

pub(super) const SUNIONSTORE: &[Argument] =
    &[key("destination"), key("key").key_spec(1).multiple()];

pub(super) const SDIFFSTORE: &[Argument] = &[key("destination"), key("key").key_spec(1).multiple()];

pub(super) const SSCAN: &[Argument] = &[
    key("key"),
    integer("cursor"),
    pattern("pattern").token("MATCH").optional(),
    integer("count").token("COUNT").optional(),
];
