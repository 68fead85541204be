//! The process: where it runs, who watches it, how it ends.

use crate::kind::Kind;
use crate::parameter::{Parameter, field};
use crate::types::{Choice, Supervised};

/// What Redis can do on a signal.
const ON_SIGNAL: Kind = Kind::Choice(&["default", "save", "nosave", "now", "force"]);
/// Why a signal can do nothing else.
const GRACEFUL: &str = "a signal always ends the server gracefully";

/// Why the process looks after no huge pages.
const HUGE_PAGES: &str = "the system's own setting for huge pages is left alone";

/// The rows.
pub(super) const ROWS: &[Parameter] = &[
    Parameter::new(
        "dir",
        Kind::Path,
        "data",
        field!(dir),
        "directory that holds the data and that the process changes into; relative paths start \
         there; by default it is made, if anything is kept at all",
    )
    .changeable()
    .protected(),
    Parameter::new("daemonize", Kind::YesNo, "no", field!(daemonize), "run in the background"),
    Parameter::new(
        "pidfile",
        Kind::Path,
        "",
        field!(pidfile),
        "file that holds the process id; empty writes none",
    ),
    Parameter::new(
        "supervised",
        Kind::Choice(Supervised::NAMES),
        "no",
        field!(supervised),
        "supervisor that is told when the server is ready; auto looks for NOTIFY_SOCKET",
    ),
    Parameter::new(
        "shutdown-timeout",
        Kind::Seconds,
        "10",
        field!(shutdown_timeout),
        "time that a shutdown waits for what is in flight",
    )
    .changeable(),
    Parameter::fixed("shutdown-on-sigint", ON_SIGNAL, "default", GRACEFUL, "what SIGINT does")
        .changeable(),
    Parameter::fixed("shutdown-on-sigterm", ON_SIGNAL, "default", GRACEFUL, "what SIGTERM does")
        .changeable(),
    Parameter::fixed(
        "oom-score-adj",
        Kind::Choice(&["no", "yes", "relative", "absolute"]),
        "no",
        "the process leaves its own score alone",
        "change how soon the system ends the process when memory runs out",
    )
    .changeable(),
    Parameter::fixed(
        "set-proc-title",
        Kind::YesNo,
        "no",
        "the process keeps its title",
        "tell more of the server in the process's title",
    )
    .tolerant(),
    Parameter::fixed("disable-thp", Kind::YesNo, "no", HUGE_PAGES, "use no transparent huge pages")
        .tolerant(),
    Parameter::fixed(
        "crash-log-enabled",
        Kind::YesNo,
        "yes",
        "a crash always leaves a report",
        "log a report of a crash",
    )
    .tolerant()
    .changeable(),
    Parameter::fixed(
        "crash-memcheck-enabled",
        Kind::YesNo,
        "no",
        "memory is not searched for faults when the process crashes",
        "look for faulty memory after a crash",
    )
    .tolerant()
    .changeable(),
];
