//! What survives the process.

use crate::kind::Kind;
use crate::parameter::Parameter;

/// The rows.
pub(super) const ROWS: &[Parameter] = &[
    Parameter::fixed(
        "appendonly",
        Kind::YesNo,
        "no",
        "the log comes with a later version",
        "log every change, to be there again after a restart",
    )
    .changeable(),
    Parameter::fixed(
        "save",
        Kind::Words,
        "",
        "snapshots come with a later version",
        "pairs of seconds and changes after which a snapshot is written; empty is none",
    )
    .changeable(),
];
