//! What became of a command over Redis's versions, as COMMAND DOCS tells it.

/// A change of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct History {
    /// Version of Redis that brought it.
    pub version: &'static str,
    /// What it was: one line, as Redis words it.
    pub text: &'static str,
}

/// A change that came with `version`.
pub const fn changed(version: &'static str, text: &'static str) -> History {
    History { version, text }
}

/// That a command is kept only for programs that know nothing better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deprecation {
    /// Version of Redis that advised against it.
    pub since: &'static str,
    /// What is better, as Redis words it.
    pub replaced_by: &'static str,
}
