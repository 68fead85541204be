//! What follows the names of HyperLogLog commands.

use crate::command::argument::{Argument, key, string};

pub(super) const PFADD: &[Argument] = &[key("key"), string("element").optional().multiple()];

pub(super) const PFCOUNT: &[Argument] = &[key("key").multiple()];

pub(super) const PFMERGE: &[Argument] = &[key("destkey"), key("sourcekey").key_spec(1).multiple()];

pub(super) const PFDEBUG: &[Argument] = &[string("subcommand"), key("key")];
