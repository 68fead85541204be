//! What follows the names of commands about one's own connection, and what became of them.

use shardwright_store::command::argument::{Argument, block, integer, string};
use shardwright_store::command::history::{History, changed};

/// `PING [message]`
pub(super) const PING: &[Argument] = &[string("message").optional()];

/// `ECHO message`
pub(super) const ECHO: &[Argument] = &[string("message")];

/// `HELLO [protover [AUTH username password] [SETNAME clientname]]`
pub(super) const HELLO: &[Argument] = &[block(
    "arguments",
    &[
        integer("protover"),
        block("username_password", &[string("username"), string("password")])
            .token("AUTH")
            .optional(),
        string("clientname").token("SETNAME").optional(),
    ],
)
.optional()];

pub(super) const HELLO_HISTORY: &[History] = &[changed(
    "6.2.0",
    "`protover` made optional; when called without arguments the command reports the current \
     connection's context.",
)];

/// `AUTH [username] password`
pub(super) const AUTH: &[Argument] =
    &[string("username").since("6.0.0").optional(), string("password")];

pub(super) const AUTH_HISTORY: &[History] =
    &[changed("6.0.0", "Added ACL style (username and password).")];

/// `SELECT index`
pub(super) const SELECT: &[Argument] = &[integer("index")];
