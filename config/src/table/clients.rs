//! Clients: how many, how long, who may do what.

use crate::kind::Kind;
use crate::parameter::{Parameter, field};
use crate::types::{Choice, DebugAccess};

/// Nobody, everybody, or those on this machine.
const ACCESS: Kind = Kind::Choice(DebugAccess::NAMES);

/// The rows.
pub(super) const ROWS: &[Parameter] = &[
    Parameter::new(
        "maxclients",
        Kind::Integer { min: 1, max: 4_294_967_295 },
        "10000",
        field!(maxclients),
        "clients at the same time; more are refused with an error; reduced if there may not be so many \
         open files",
    )
    .changeable(),
    Parameter::new(
        "timeout",
        Kind::Seconds,
        "0",
        field!(timeout),
        "time after which an idle client is disconnected; 0 never",
    )
    .changeable(),
    Parameter::new(
        "read-timeout",
        Kind::Time,
        "60",
        field!(read_timeout),
        "time in which a command that has begun to arrive must be complete; 0 waits for ever",
    )
    .changeable(),
    Parameter::new(
        "write-timeout",
        Kind::Time,
        "60",
        field!(write_timeout),
        "time in which a client must take some of the replies that wait for it; 0 waits for ever",
    )
    .changeable(),
    Parameter::new(
        "rate-limit",
        Kind::Integer { min: 0, max: 4_294_967_295 },
        "0",
        field!(rate_limit),
        "commands per second of one connection; more are delayed, never refused; 0 is no limit",
    )
    .changeable(),
    Parameter::new(
        "requirepass",
        Kind::Secret,
        "",
        field!(requirepass),
        "password that clients give by AUTH or HELLO; empty asks for none",
    )
    .changeable(),
    Parameter::new(
        "enable-debug-command",
        ACCESS,
        "no",
        field!(enable_debug_command),
        "who may use DEBUG",
    ),
    Parameter::new(
        "enable-protected-configs",
        ACCESS,
        "no",
        field!(enable_protected_configs),
        "who may change protected parameters by CONFIG SET",
    ),
    Parameter::fixed(
        "enable-module-command",
        ACCESS,
        "no",
        "there are no modules",
        "who may load modules",
    ),
    Parameter::fixed(
        "aclfile",
        Kind::Path,
        "",
        "access control lists come with a later version",
        "file with users and their rights",
    ),
];
