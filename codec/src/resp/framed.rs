//! Both ends of a connection as `tokio-util` codecs of owned values.
//!
//! They are convenient, and cost an allocation a command; the server's connections use
//! [`Decoder`] and [`ReplyWriter`] on buffers of their own instead.

use std::io;

use bytes::{Bytes, BytesMut};
use tokio_util::codec;

use super::{
    Decoder, Frames, Limits, Protocol, ProtocolError, ReplyError, ReplyScanner, ReplyWriter, Value,
    parse_reply, write_command,
};

/// Bytes that are reserved at most for what a client announced and has not sent.
const MAX_RESERVE: usize = 1024 * 1024;

/// Why a framed connection ends.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// The transport failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The client sent no proper request. It is still to be told.
    #[error("Protocol error: {0}")]
    Request(#[from] ProtocolError),
    /// The server sent no proper reply.
    #[error("bad reply: {0}")]
    Reply(#[from] ReplyError),
}

/// The server's end: decodes commands (argument 0 is the name), encodes replies.
#[derive(Debug, Default)]
pub struct ServerCodec {
    decoder: Decoder,
    frames: Frames,
    protocol: Protocol,
    encoded: Vec<u8>,
}

impl ServerCodec {
    /// A codec that holds clients to `limits` and speaks RESP2 until told otherwise.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { decoder: Decoder::new(limits), ..Self::default() }
    }

    /// Sets the version in which replies are written from now on.
    pub fn set_protocol(&mut self, protocol: Protocol) {
        self.protocol = protocol;
    }

    /// Changes the limits for what was not decoded yet.
    pub fn set_limits(&mut self, limits: Limits) {
        self.decoder.set_limits(limits);
    }
}

impl codec::Decoder for ServerCodec {
    type Item = Vec<Bytes>;
    type Error = CodecError;

    fn decode(&mut self, src: &mut BytesMut) -> Result<Option<Vec<Bytes>>, CodecError> {
        self.frames.clear();
        let end = self.decoder.decode(src, 0, &mut self.frames, 1)?;
        let consumed = src.split_to(end).freeze();
        if self.frames.is_empty() {
            src.reserve(self.decoder.wanted().min(MAX_RESERVE));
            return Ok(None);
        }
        let args = self.frames.args_of(0, &consumed);
        Ok(Some(args.iter().map(|arg| consumed.slice_ref(arg)).collect()))
    }
}

impl codec::Encoder<&Value> for ServerCodec {
    type Error = CodecError;

    fn encode(&mut self, reply: &Value, dst: &mut BytesMut) -> Result<(), CodecError> {
        self.encoded.clear();
        reply.write_to(&mut ReplyWriter::new(&mut self.encoded, self.protocol));
        dst.extend_from_slice(&self.encoded);
        Ok(())
    }
}

impl codec::Encoder<Value> for ServerCodec {
    type Error = CodecError;

    fn encode(&mut self, reply: Value, dst: &mut BytesMut) -> Result<(), CodecError> {
        codec::Encoder::<&Value>::encode(self, &reply, dst)
    }
}

/// The client's end: encodes commands, decodes replies of either version.
#[derive(Debug, Default)]
pub struct ClientCodec {
    scanner: ReplyScanner,
    encoded: Vec<u8>,
}

impl ClientCodec {
    /// A codec at the start of a connection.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl codec::Decoder for ClientCodec {
    type Item = Value;
    type Error = CodecError;

    fn decode(&mut self, src: &mut BytesMut) -> Result<Option<Value>, CodecError> {
        let Some(len) = self.scanner.scan(src)? else { return Ok(None) };
        let reply = src.split_to(len);
        Ok(parse_reply(&reply)?.map(|(value, _)| value))
    }
}

impl<A: AsRef<[u8]>> codec::Encoder<&[A]> for ClientCodec {
    type Error = CodecError;

    fn encode(&mut self, args: &[A], dst: &mut BytesMut) -> Result<(), CodecError> {
        self.encoded.clear();
        write_command(args, &mut self.encoded);
        dst.extend_from_slice(&self.encoded);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tokio_util::codec::{Decoder as _, Encoder as _};

    use super::*;

    #[test]
    fn commands_pass_from_client_to_server_in_any_pieces() {
        let mut wire = BytesMut::new();
        let mut client = ClientCodec::new();
        client.encode(&["SET", "k", "some value"][..], &mut wire).unwrap();
        wire.extend_from_slice(b"*0\r\n\r\nping 'a b'\r\n");
        client.encode(&[&b"GET"[..], b"k"][..], &mut wire).unwrap();

        let mut server = ServerCodec::new(Limits::default());
        let mut received = BytesMut::new();
        let mut commands = Vec::new();
        for byte in wire {
            received.extend_from_slice(&[byte]);
            while let Some(command) = server.decode(&mut received).unwrap() {
                commands.push(command);
            }
        }
        assert_eq!(
            commands,
            [vec!["SET", "k", "some value"], vec!["ping", "a b"], vec!["GET", "k"]]
        );
        assert!(received.is_empty());
    }

    #[test]
    fn replies_pass_from_server_to_client_in_any_pieces() {
        let reply = Value::Array(vec![
            Value::Map(vec![(Value::Bulk(b"k".to_vec()), Value::Double(0.1))]),
            Value::Null,
            Value::Set(vec![]),
        ]);
        let mut server = ServerCodec::new(Limits::default());
        server.set_protocol(Protocol::Resp3);
        let mut wire = BytesMut::new();
        server.encode(&reply, &mut wire).unwrap();
        server.encode(Value::Int(-7), &mut wire).unwrap();

        let mut client = ClientCodec::new();
        let mut received = BytesMut::new();
        let mut replies = Vec::new();
        for byte in wire {
            received.extend_from_slice(&[byte]);
            replies.extend(client.decode(&mut received).unwrap());
        }
        assert_eq!(replies, [reply, Value::Int(-7)]);
    }

    #[test]
    fn errors_of_either_side_end_the_stream() {
        let mut server = ServerCodec::new(Limits::default());
        let error = server.decode(&mut BytesMut::from("*x\r\n")).unwrap_err();
        assert_eq!(error.to_string(), "Protocol error: invalid multibulk length");
        let error = ClientCodec::new().decode(&mut BytesMut::from("x\r\n")).unwrap_err();
        assert_eq!(error.to_string(), "bad reply: unknown reply type byte 0x78");
    }

    #[test]
    fn what_a_client_announces_is_not_reserved_unseen() {
        let mut server = ServerCodec::new(Limits::default());
        let mut wire = BytesMut::from("*2\r\n$536870912\r\nx");
        assert!(server.decode(&mut wire).unwrap().is_none());
        assert!(wire.capacity() < 4 * MAX_RESERVE);
    }
}
