//! What survives the process.

use crate::kind::Kind;
use crate::parameter::{Parameter, field};
use crate::types::{AppendFsync, Choice};

/// The rows.
pub(super) const ROWS: &[Parameter] = &[
    Parameter::new(
        "appendonly",
        Kind::YesNo,
        "no",
        field!(appendonly),
        "log every change into files of 'dir', to be there again after a restart",
    ),
    Parameter::new(
        "appendfsync",
        Kind::Choice(AppendFsync::NAMES),
        "everysec",
        field!(appendfsync),
        "when the log is made durable: 'always' before anybody is told of a change",
    )
    .changeable(),
    Parameter::new(
        "log-segment-size",
        Kind::Memory { min: 64 << 10 },
        "64mb",
        field!(log_segment_size),
        "bytes of a file of the log after which another one begins",
    ),
    Parameter::fixed(
        "save",
        Kind::Words,
        "",
        "snapshots come with a later version",
        "pairs of seconds and changes after which a snapshot is written; empty is none",
    )
    .changeable(),
];
