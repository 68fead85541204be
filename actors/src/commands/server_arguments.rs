//! What follows the names of commands about the process, its settings and its commands, and what
//! became of them.

use shardwright_store::command::argument::{
    Argument, block, integer, one_of, pattern, string, word,
};
use shardwright_store::command::history::{History, changed};

/// `LOLWUT [VERSION version]`
pub(super) const LOLWUT: &[Argument] = &[integer("version").token("VERSION").optional()];

/// `SHUTDOWN [NOSAVE | SAVE] [NOW] [FORCE] [ABORT]`
pub(super) const SHUTDOWN: &[Argument] = &[
    one_of("nosave_save", &[word("NOSAVE"), word("SAVE")]).optional(),
    word("NOW").since("7.0.0").optional(),
    word("FORCE").since("7.0.0").optional(),
    word("ABORT").since("7.0.0").optional(),
];

pub(super) const SHUTDOWN_HISTORY: &[History] =
    &[changed("7.0.0", "Added the `NOW`, `FORCE` and `ABORT` modifiers.")];

/// `INFO [section [section ...]]`
pub(super) const INFO: &[Argument] = &[string("section").optional().multiple()];

pub(super) const INFO_HISTORY: &[History] =
    &[changed("7.0.0", "Added support for taking multiple section arguments.")];

/// `CONFIG GET parameter [parameter ...]`
pub(super) const CONFIG_GET: &[Argument] = &[block("parameter", &[string("parameter")]).multiple()];

pub(super) const CONFIG_GET_HISTORY: &[History] =
    &[changed("7.0.0", "Added the ability to pass multiple pattern parameters in one call")];

/// `CONFIG SET parameter value [parameter value ...]`
pub(super) const CONFIG_SET: &[Argument] =
    &[block("parameter_value", &[string("parameter"), string("value")]).multiple()];

pub(super) const CONFIG_SET_HISTORY: &[History] =
    &[changed("7.0.0", "Added the ability to set multiple parameters in one call.")];

/// `COMMAND DOCS [command-name [command-name ...]]`
pub(super) const COMMAND_NAMES: &[Argument] = &[string("command-name").optional().multiple()];

pub(super) const COMMAND_INFO_HISTORY: &[History] =
    &[changed("7.0.0", "Allowed to be called with no argument to get info on all commands.")];

/// `COMMAND LIST [FILTERBY MODULE module-name | ACLCAT category | PATTERN pattern]`
pub(super) const COMMAND_LIST: &[Argument] = &[one_of(
    "filterby",
    &[
        string("module-name").token("MODULE"),
        string("category").token("ACLCAT"),
        pattern("pattern").token("PATTERN"),
    ],
)
.token("FILTERBY")
.optional()];
