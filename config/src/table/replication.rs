//! Several servers that act together, none of which exists yet.

use crate::kind::Kind;
use crate::parameter::Parameter;

/// Why there are no replicas.
const REPLICATION: &str = "replication comes with a later version";

/// The rows.
pub(super) const ROWS: &[Parameter] = &[
    Parameter::fixed(
        "replicaof",
        Kind::Words,
        "",
        REPLICATION,
        "host and port of the server that this one copies; empty is none",
    )
    .aliases(&["slaveof"])
    .same_as_default(&["no one"]),
    Parameter::fixed(
        "masterauth",
        Kind::Secret,
        "",
        REPLICATION,
        "password that this server gives to the one that it copies",
    )
    .tolerant()
    .changeable(),
    Parameter::fixed(
        "masteruser",
        Kind::Text,
        "",
        REPLICATION,
        "user that this server is to the one that it copies",
    )
    .tolerant()
    .changeable(),
    Parameter::fixed(
        "min-replicas-to-write",
        Kind::Integer { min: 0, max: 2_147_483_647 },
        "0",
        REPLICATION,
        "replicas without which writes are refused",
    )
    .aliases(&["min-slaves-to-write"])
    .changeable(),
    Parameter::fixed(
        "cluster-enabled",
        Kind::YesNo,
        "no",
        "cluster mode comes with a later version",
        "be one node of a cluster",
    ),
];
