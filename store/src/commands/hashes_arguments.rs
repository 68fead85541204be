//! What follows the names of hash commands, and what became of them.

use crate::command::argument::{Argument, block, double, integer, key, pattern, string, word};
use crate::command::history::{History, changed};

pub(super) const HSET: &[Argument] =
    &[key("key"), block("field_value", &[string("field"), string("value")]).multiple()];

pub(super) const HSET_HISTORY: &[History] =
    &[changed("4.0.0", "Accepts multiple `field` and `value` arguments.")];

pub(super) const HGET: &[Argument] = &[key("key"), string("field")];

pub(super) const HDEL: &[Argument] = &[key("key"), string("field").multiple()];

pub(super) const HDEL_HISTORY: &[History] =
    &[changed("2.4.0", "Accepts multiple `field` arguments.")];

pub(super) const HLEN: &[Argument] = &[key("key")];

pub(super) const HGETALL: &[Argument] = &[key("key")];

pub(super) const HSCAN: &[Argument] = &[
    key("key"),
    integer("cursor"),
    pattern("pattern").token("MATCH").optional(),
    integer("count").token("COUNT").optional(),
];

pub(super) const HSETNX: &[Argument] = &[key("key"), string("field"), string("value")];

pub(super) const HMSET: &[Argument] =
    &[key("key"), block("field_value", &[string("field"), string("value")]).multiple()];

pub(super) const HMGET: &[Argument] = &[key("key"), string("field").multiple()];

pub(super) const HEXISTS: &[Argument] = &[key("key"), string("field")];

pub(super) const HKEYS: &[Argument] = &[key("key")];

pub(super) const HVALS: &[Argument] = &[key("key")];

pub(super) const HSTRLEN: &[Argument] = &[key("key"), string("field")];

pub(super) const HINCRBY: &[Argument] = &[key("key"), string("field"), integer("increment")];

pub(super) const HINCRBYFLOAT: &[Argument] = &[key("key"), string("field"), double("increment")];

pub(super) const HRANDFIELD: &[Argument] =
    &[key("key"), block("options", &[integer("count"), word("WITHVALUES").optional()]).optional()];
