//! Listening: addresses, the Unix socket, TCP.

use crate::kind::Kind;
use crate::parameter::{Parameter, field};

/// Ports of TCP.
const PORT: Kind = Kind::Integer { min: 0, max: 65_535 };
/// What a C `int` holds from 0 on, the range of many of Redis's parameters.
const INT: Kind = Kind::Integer { min: 0, max: 2_147_483_647 };
/// Why TLS parameters take nothing else.
const TLS: &str = "TLS comes with a later version";

/// The rows.
pub(super) const ROWS: &[Parameter] = &[
    Parameter::new("port", PORT, "6379", field!(port), "TCP port; 0 opens none"),
    Parameter::new(
        "bind",
        Kind::Addresses,
        "127.0.0.1 -::1",
        field!(bind),
        "addresses that the TCP port is opened on",
    ),
    Parameter::new(
        "unixsocket",
        Kind::Path,
        "",
        field!(unixsocket),
        "path of the Unix socket; empty opens none",
    ),
    Parameter::new(
        "unixsocketperm",
        Kind::Mode,
        "0",
        field!(unixsocketperm),
        "permission bits of the Unix socket; 0 leaves those that the process gives by itself",
    ),
    Parameter::new(
        "protected-mode",
        Kind::YesNo,
        "yes",
        field!(protected_mode),
        "refuse clients from other machines while there is no password",
    )
    .changeable(),
    Parameter::new(
        "tcp-backlog",
        INT,
        "511",
        field!(tcp_backlog),
        "connections that wait to be accepted, as far as the system's own bound allows",
    ),
    Parameter::new(
        "tcp-keepalive",
        Kind::Seconds,
        "300",
        field!(tcp_keepalive),
        "time between probes of a silent connection; 0 sends none",
    )
    .changeable(),
    Parameter::fixed("tls-port", PORT, "0", TLS, "port for TLS; 0 opens none").changeable(),
    Parameter::fixed("tls-replication", Kind::YesNo, "no", TLS, "copy data by TLS").changeable(),
    Parameter::fixed("tls-cluster", Kind::YesNo, "no", TLS, "speak TLS within a cluster")
        .changeable(),
    Parameter::fixed(
        "socket-mark-id",
        Kind::Integer { min: 0, max: 4_294_967_295 },
        "0",
        "marking sockets comes with a later version",
        "mark that listening sockets carry for the system's packet filter",
    ),
];
