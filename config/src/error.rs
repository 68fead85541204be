//! Where a value was set, and why the start ended.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Where a parameter got its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// In no source: the table's default.
    Default,
    /// In a file.
    File {
        /// The file, as it was named.
        path: PathBuf,
        /// The line, from 1, where it is known.
        line: Option<usize>,
    },
    /// In an environment variable.
    Environment(String),
    /// On the command line.
    CommandLine,
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => out.write_str("by default"),
            Self::File { path, line: Some(line) } => write!(out, "at {}:{line}", path.display()),
            Self::File { path, line: None } => write!(out, "in {}", path.display()),
            Self::Environment(variable) => write!(out, "in the environment variable {variable}"),
            Self::CommandLine => out.write_str("on the command line"),
        }
    }
}

/// Why settings could not be loaded. The texts name the parameter, its value, what was expected
/// and where it was set; they never hold a secret.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// No parameter and no Redis directive has this name.
    #[error("unknown setting '{name}'{} {origin}{}", show(.value), suggest(.near))]
    Unknown {
        /// The name as it was written.
        name: String,
        /// Its value, if it has one that can be shown; `***` where the name may be a secret's.
        value: Option<String>,
        /// A parameter with a similar name.
        near: Option<&'static str>,
        /// Where it was written.
        origin: String,
    },
    /// The value is not of the parameter's kind or outside its range.
    #[error("'{name}' is '{value}' {origin}, but should be {expected}")]
    BadValue {
        /// The parameter.
        name: &'static str,
        /// The value, `***` for a secret.
        value: String,
        /// What a value must look like.
        expected: String,
        /// Where it was written.
        origin: String,
    },
    /// The value asks for a feature that does not exist yet.
    #[error("'{name}' is '{value}' {origin}, but {reason}")]
    NotYet {
        /// The parameter.
        name: &'static str,
        /// The value.
        value: String,
        /// What this version has, and why.
        reason: String,
        /// Where it was written.
        origin: String,
    },
    /// A directive asks for a feature that does not exist.
    #[error("'{name}' {origin} asks for {feature}, which this version does not have")]
    Missing {
        /// The directive.
        name: String,
        /// What it asks for.
        feature: &'static str,
        /// Where it was written.
        origin: String,
    },
    /// A source is not written as it must be.
    #[error("{reason} {origin}")]
    Syntax {
        /// What is wrong.
        reason: String,
        /// Where.
        origin: String,
    },
    /// A file that something names could not be read.
    #[error("'{named_by}' names the file '{path}' {origin}, which cannot be read: {error}", path = .path.display())]
    File {
        /// The parameter, directive or option.
        named_by: String,
        /// The file.
        path: PathBuf,
        /// Where it is named.
        origin: String,
        /// Why not.
        error: io::Error,
    },
    /// Relative paths start nowhere.
    #[error("the current directory cannot be told: {0}")]
    CurrentDirectory(io::Error),
    /// Neither a TCP port with an address nor a Unix socket is left.
    #[error("nothing to listen on: 'port' is 0 or 'bind' is empty, and there is no 'unixsocket'")]
    NoListener,
    /// The layers could not be put together.
    #[error("cannot combine the settings: {0}")]
    Layers(#[from] config::ConfigError),
}

impl LoadError {
    /// A source that is not written as it must be.
    pub(crate) fn syntax(reason: impl Into<String>, origin: &Origin) -> Self {
        Self::Syntax { reason: reason.into(), origin: origin.to_string() }
    }
}

/// The value, if it is told.
fn show(value: &Option<String>) -> String {
    value.as_ref().map(|value| format!(" with the value '{value}'")).unwrap_or_default()
}

/// The hint at a similar name, if there is one.
fn suggest(near: &Option<&'static str>) -> String {
    near.map(|name| format!("; did you mean '{name}'?")).unwrap_or_default()
}
