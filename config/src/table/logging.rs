//! Logs, metrics and what watches the server.

use crate::kind::Kind;
use crate::parameter::{Parameter, field};
use crate::types::{Choice, LogFormat, LogLevel};

/// Why no command is ever slow.
const SLOW_LOG: &str = "the slow log comes with a later version";
/// Why no command's latencies are kept.
const HISTOGRAMS: &str = "latency histograms come with a later version";

/// The rows.
pub(super) const ROWS: &[Parameter] = &[
    Parameter::new(
        "loglevel",
        Kind::Choice(LogLevel::NAMES),
        "notice",
        field!(loglevel),
        "how much is logged",
    )
    .changeable(),
    Parameter::new(
        "logfile",
        Kind::Path,
        "",
        field!(logfile),
        "file that the log goes to; empty is standard output",
    ),
    Parameter::new(
        "log-format",
        Kind::Choice(LogFormat::NAMES),
        "auto",
        field!(log_format),
        "how log lines look; auto is pretty on a terminal and JSON otherwise",
    ),
    Parameter::new(
        "log-sample",
        Kind::Integer { min: 1, max: 1_000_000 },
        "1",
        field!(log_sample),
        "one in this many debug and verbose lines is written; 1 is all",
    )
    .changeable(),
    Parameter::new(
        "admin-port",
        Kind::Integer { min: 0, max: 65_535 },
        "9121",
        field!(admin_port),
        "port of the admin listener with /metrics and /readyz; 0 opens none",
    ),
    Parameter::new(
        "admin-bind",
        Kind::Address,
        "127.0.0.1",
        field!(admin_bind),
        "address of the admin listener",
    ),
    Parameter::fixed(
        "syslog-enabled",
        Kind::YesNo,
        "no",
        "the log goes to a file or to standard output",
        "log to the system's log",
    ),
    Parameter::fixed(
        "latency-monitor-threshold",
        Kind::Integer { min: 0, max: i64::MAX },
        "0",
        "the latency monitor comes with a later version",
        "milliseconds from which an event is kept for LATENCY; 0 is none",
    )
    .changeable(),
    Parameter::fixed(
        "latency-tracking",
        Kind::YesNo,
        "no",
        HISTOGRAMS,
        "keep a histogram of each command's latencies for INFO and LATENCY",
    )
    .tolerant()
    .changeable(),
    Parameter::fixed(
        "latency-tracking-info-percentiles",
        Kind::Words,
        "",
        HISTOGRAMS,
        "percentiles of latencies that INFO tells; empty is none",
    )
    .tolerant()
    .changeable(),
    Parameter::fixed(
        "slowlog-log-slower-than",
        Kind::Integer { min: -1, max: i64::MAX },
        "-1",
        SLOW_LOG,
        "microseconds from which a command is kept for SLOWLOG; -1 keeps none",
    )
    .tolerant()
    .changeable(),
    Parameter::fixed(
        "slowlog-max-len",
        Kind::Integer { min: 0, max: i64::MAX },
        "0",
        SLOW_LOG,
        "commands that are kept for SLOWLOG at most",
    )
    .tolerant()
    .changeable(),
];
