//! Everything that can end a benchmark run, told so that the reader knows what to do next.

use std::path::PathBuf;

/// Why a run ended early.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The program under test is not where `--server` says.
    #[error(
        "{0} does not exist: build it with `cargo build --release` or name another by --server"
    )]
    NoServer(PathBuf),
    /// redis-server is missing and apt-get could not install it.
    #[error("redis-server is missing and could not be installed: {0}")]
    NoRedis(String),
    /// A server ended or did not answer while starting.
    #[error("{program} did not start: {reason}\n{log}")]
    Start {
        /// The program's path.
        program: String,
        /// What happened.
        reason: String,
        /// The end of what it printed.
        log: String,
    },
    /// An I/O error with what was being done.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: String,
        /// The system's error.
        source: std::io::Error,
    },
    /// A reply that the load does not expect: an error, a nil, a wrong type or length.
    #[error("{load}: {reason}")]
    Reply {
        /// The load's name.
        load: String,
        /// What was wrong.
        reason: String,
    },
    /// No reply for a long time.
    #[error("{0}: the server stopped answering")]
    Stalled(String),
    /// Keys expired, or would have, before all of them were there, however much time was given.
    #[error("{server}: {keys} keys could not be loaded before they expired")]
    LoadedTooLate {
        /// The server's name.
        server: &'static str,
        /// How many were to be loaded.
        keys: u32,
    },
    /// A file of /proc that does not look as expected.
    #[error("cannot read {0}: this kernel's /proc has another form")]
    Proc(String),
    /// The user or the system asked the program to end.
    #[error("interrupted")]
    Interrupted,
}

/// Attaches what was being done to an I/O error.
pub trait Context<T> {
    /// Turns the I/O error into [`Error::Io`], telling `what` was being done.
    fn context(self, what: impl FnOnce() -> String) -> Result<T, Error>;
}

impl<T> Context<T> for std::io::Result<T> {
    fn context(self, what: impl FnOnce() -> String) -> Result<T, Error> {
        self.map_err(|source| Error::Io { what: what(), source })
    }
}
