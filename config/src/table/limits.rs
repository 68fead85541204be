//! Bounds on what one client can make the server hold.

use crate::kind::Kind;
use crate::parameter::{Parameter, field};
use crate::types::{Choice, PipelineOrder};

/// Redis's smallest bound on input: one mebibyte.
const FROM_ONE_MIB: Kind = Kind::Memory { min: 1 << 20 };

/// The rows.
pub(super) const ROWS: &[Parameter] = &[
    Parameter::new(
        "proto-max-bulk-len",
        FROM_ONE_MIB,
        "512mb",
        field!(proto_max_bulk_len),
        "size of one argument",
    )
    .changeable(),
    Parameter::new(
        "client-query-buffer-limit",
        FROM_ONE_MIB,
        "1gb",
        field!(client_query_buffer_limit),
        "size of one connection's unfinished input",
    )
    .changeable(),
    Parameter::new(
        "client-output-buffer-limit",
        Kind::OutputLimits,
        "normal 0 0 0 replica 256mb 64mb 60 pubsub 32mb 8mb 60",
        field!(client_output_buffer_limit),
        "unsent output at which clients are disconnected: at once, or after some seconds",
    )
    .changeable(),
    Parameter::new(
        "reply-buffer-limit",
        Kind::Memory { min: 16 << 10 },
        "64mb",
        field!(reply_buffer_limit),
        "unsent replies above which a client's commands are neither read nor executed",
    )
    .changeable(),
    Parameter::new(
        "pipeline-depth",
        Kind::Integer { min: 1, max: 1_000_000 },
        "1024",
        field!(pipeline_depth),
        "commands of one connection that are in flight at most",
    )
    .changeable(),
    Parameter::new(
        "pipeline-order",
        Kind::Choice(PipelineOrder::NAMES),
        "relaxed",
        field!(pipeline_order),
        "whether commands for different shards in one pipeline may overtake each other",
    )
    .changeable(),
];
