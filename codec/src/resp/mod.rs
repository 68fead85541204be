//! RESP2 and RESP3: commands in, replies out.
//!
//! A server decodes requests with [`Decoder`] into [`Frames`] (ranges in the read buffer, nothing
//! copied), reads them as [`Args`], and writes replies with [`ReplyWriter`]. Clients and tests parse
//! replies into [`Value`]s with [`parse_reply`] and write requests with [`write_command`]. [`ServerCodec`] and [`ClientCodec`] offer both
//! sides as `tokio-util` codecs of owned values.
//!
//! The module owns the grammar and its limits. It knows neither commands nor connections.

mod args;
mod decoder;
mod error;
mod framed;
mod frames;
mod inline;
mod multibulk;
mod reply;
mod request;
mod value;

pub use args::{ArgRange, Args, ArgsIter};
pub use decoder::{Decoder, Limits};
pub use error::ProtocolError;
pub use framed::{ClientCodec, CodecError, ServerCodec};
pub use frames::{FrameRange, Frames};
pub use reply::ReplyWriter;
pub use request::write_command;
pub use value::{MAX_DEPTH, MAX_LINE_LEN, ReplyError, ReplyScanner, Value, parse_reply};

/// The version of the protocol that a connection speaks; `HELLO` changes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Protocol {
    /// The version every connection starts with.
    #[default]
    Resp2,
    /// The version with maps, sets, doubles, pushes and other types of their own.
    Resp3,
}
