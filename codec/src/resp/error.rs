//! What can be wrong with a request, in Redis's words.

use super::ReplyWriter;

/// A request that is not RESP or breaks a limit. The connection answers with it and closes.
///
/// The text is what Redis 7.0.15 says behind `ERR Protocol error: `.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ProtocolError {
    /// The number behind `*` is no number, or larger than the limit.
    #[error("invalid multibulk length")]
    InvalidMultibulkLength,
    /// More arguments than a client may send before it has authenticated.
    #[error("unauthenticated multibulk length")]
    UnauthenticatedMultibulkLength,
    /// The number behind `$` is no number, negative, or larger than the limit.
    #[error("invalid bulk length")]
    InvalidBulkLength,
    /// A longer argument than a client may send before it has authenticated.
    #[error("unauthenticated bulk length")]
    UnauthenticatedBulkLength,
    /// An argument that does not start with `$`. A line break is shown as a blank, a byte that is
    /// not ASCII as `U+FFFD` (on the wire it is sent as it came: [`ProtocolError::write_to`]).
    #[error("expected '$', got '{}'", shown(*.0))]
    ExpectedBulk(u8),
    /// A `*` line without an end.
    #[error("too big mbulk count string")]
    TooBigMultibulkCount,
    /// A `$` line without an end.
    #[error("too big bulk count string")]
    TooBigBulkCount,
    /// An inline command without an end.
    #[error("too big inline request")]
    TooBigInline,
    /// An inline command with a quote that is not closed, or closed within a word.
    #[error("unbalanced quotes in request")]
    UnbalancedQuotes,
}

impl ProtocolError {
    /// The whole error line without `-` and CRLF, for logs and replies. See
    /// [`write_to`](Self::write_to) for the one case in which the wire has another byte.
    #[must_use]
    pub fn reply(&self) -> String {
        format!("ERR Protocol error: {self}")
    }

    /// Writes the error as Redis does, byte for byte.
    pub fn write_to(&self, reply: &mut ReplyWriter<'_>) {
        match self {
            Self::ExpectedBulk(got) if !got.is_ascii() => {
                let mut text = b"ERR Protocol error: expected '$', got '".to_vec();
                text.extend([*got, b'\'']);
                reply.error(text);
            }
            _ => reply.error(self.reply()),
        }
    }
}

fn shown(byte: u8) -> char {
    match byte {
        b'\r' | b'\n' => ' ',
        0x80.. => char::REPLACEMENT_CHARACTER,
        ascii => char::from(ascii),
    }
}
