//! What follows the names of commands that may wait, and what became of them.

use crate::command::argument::{Argument, double, integer, key, one_of, word};
use crate::command::history::{History, changed};

pub(super) const BLPOP: &[Argument] = &[key("key").multiple(), double("timeout")];

pub(super) const BLPOP_HISTORY: &[History] =
    &[changed("6.0.0", "`timeout` is interpreted as a double instead of an integer.")];

pub(super) const BRPOP: &[Argument] = &[key("key").multiple(), double("timeout")];

pub(super) const BRPOP_HISTORY: &[History] =
    &[changed("6.0.0", "`timeout` is interpreted as a double instead of an integer.")];

pub(super) const BLMOVE: &[Argument] = &[
    key("source"),
    key("destination").key_spec(1),
    one_of("wherefrom", &[word("LEFT"), word("RIGHT")]),
    one_of("whereto", &[word("LEFT"), word("RIGHT")]),
    double("timeout"),
];

pub(super) const BRPOPLPUSH: &[Argument] =
    &[key("source"), key("destination").key_spec(1), double("timeout")];

pub(super) const BRPOPLPUSH_HISTORY: &[History] =
    &[changed("6.0.0", "`timeout` is interpreted as a double instead of an integer.")];

pub(super) const BLMPOP: &[Argument] = &[
    double("timeout"),
    integer("numkeys"),
    key("key").multiple(),
    one_of("where", &[word("LEFT"), word("RIGHT")]),
    integer("count").token("COUNT").optional(),
];

pub(super) const BZPOPMIN: &[Argument] = &[key("key").multiple(), double("timeout")];

pub(super) const BZPOPMIN_HISTORY: &[History] =
    &[changed("6.0.0", "`timeout` is interpreted as a double instead of an integer.")];

pub(super) const BZPOPMAX: &[Argument] = &[key("key").multiple(), double("timeout")];

pub(super) const BZPOPMAX_HISTORY: &[History] =
    &[changed("6.0.0", "`timeout` is interpreted as a double instead of an integer.")];

pub(super) const BZMPOP: &[Argument] = &[
    double("timeout"),
    integer("numkeys"),
    key("key").multiple(),
    one_of("where", &[word("MIN"), word("MAX")]),
    integer("count").token("COUNT").optional(),
];
