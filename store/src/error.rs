//! What a command can answer instead of a result. The text of each is Redis's, as it goes on the
//! wire behind the `-`.

use std::borrow::Cow;

use thiserror::Error;

use crate::lcs::LcsError;

/// Why a command was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CommandError {
    /// The key holds another data type.
    #[error("WRONGTYPE Operation against a key holding the wrong kind of value")]
    WrongType,
    /// An option that does not exist or does not go with the others.
    #[error("ERR syntax error")]
    Syntax,
    /// Not a 64-bit signed integer.
    #[error("ERR value is not an integer or out of range")]
    NotInteger,
    /// Not a finite floating point number.
    #[error("ERR value is not a valid float")]
    NotFloat,
    /// An integer outside what the argument may be.
    #[error("ERR value is out of range")]
    OutOfRange,
    /// The sum does not fit in 64 bits.
    #[error("ERR increment or decrement would overflow")]
    Overflow,
    /// The key must exist.
    #[error("ERR no such key")]
    NoSuchKey,
    /// The database number is not one of those configured.
    #[error("ERR DB index is out of range")]
    DbOutOfRange,
    /// An expiry time that is not positive or does not fit.
    #[error("ERR invalid expire time in '{0}' command")]
    InvalidExpire(&'static str),
    /// A string would grow over `proto-max-bulk-len`.
    #[error("ERR string exceeds maximum allowed size (proto-max-bulk-len)")]
    StringTooLong,
    /// A wrong number of arguments.
    #[error("ERR wrong number of arguments for '{0}' command")]
    Arity(String),
    /// An argument that should tell the number of keys does not.
    #[error("ERR Invalid arguments specified for command")]
    InvalidKeys,
    /// The longest common subsequence was not looked for.
    #[error(transparent)]
    Lcs(#[from] LcsError),
    /// A change, while changes cannot be logged.
    #[error(
        "MISCONF Errors writing to the log. Commands that change data are refused; see INFO persistence and the server's own log."
    )]
    LogFailed,
    /// A look at data of which nobody knows whether it is durable, where that is promised.
    #[error(
        "MISCONF Errors writing to the log. What is in memory may not be durable, so nothing is told until it is; see INFO persistence and the server's own log."
    )]
    LogInDoubt,
    /// Any other text of Redis's, code included.
    #[error("{0}")]
    Text(&'static str),
    /// Any other text, made up of parts.
    #[error("{0}")]
    Message(String),
    /// Any other text, with bytes of the client's in it.
    #[error("{}", String::from_utf8_lossy(.0))]
    Quoting(Vec<u8>),
}

impl CommandError {
    /// What EXEC answers when this keeps the transaction from being run.
    #[cold]
    pub fn aborting(&self) -> Self {
        let text = self.to_string();
        let reason = text.strip_prefix("ERR ").unwrap_or(&text);
        Self::Message(format!("EXECABORT Transaction discarded because of: {reason}"))
    }

    /// A text with a client's word in the middle, which ends at its first zero byte.
    pub fn quoting(before: &str, word: &[u8], behind: &str) -> Self {
        let word = word.split(|&byte| byte == 0).next().unwrap_or_default();
        Self::Quoting([before.as_bytes(), word, behind.as_bytes()].concat())
    }

    /// The text as it goes on the wire.
    pub fn text(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Quoting(text) => Cow::Borrowed(text),
            other => Cow::Owned(other.to_string().into_bytes()),
        }
    }
}
