//! What a client gets without a command of its own: messages of channels. The answers of SUBSCRIBE
//! and its kin take the same way, so that neither overtakes the other.

use std::sync::Arc;

use bytes::Bytes;
use shardwright_codec::resp::{Protocol, ReplyWriter};

use super::Name;

/// Bytes from which on the end of a push is shared by all who get it instead of copied: below, a
/// copy costs less than a place of its own in what is given to the socket.
const SHARE_FROM: usize = 1024;

/// A published message, made once for all who get it.
#[derive(Debug)]
pub struct Message {
    /// The push of those who are subscribed to the channel itself, in RESP2. In RESP3 its first byte is
    /// another one.
    whole: Bytes,
    /// Where channel and payload begin in it, with which every push of the message ends.
    tail_at: usize,
}

impl Message {
    /// A message of a channel.
    pub fn new(channel: &[u8], payload: &[u8]) -> Arc<Self> {
        Self::of(b"message", channel, payload)
    }

    /// A message of a shard channel.
    pub fn of_shard(channel: &[u8], payload: &[u8]) -> Arc<Self> {
        Self::of(b"smessage", channel, payload)
    }

    fn of(word: &[u8], channel: &[u8], payload: &[u8]) -> Arc<Self> {
        const AROUND: usize = "*3\r\n$8\r\nsmessage\r\n".len() + 2 * "$4294967296\r\n\r\n".len();
        let mut whole = Vec::with_capacity(channel.len() + payload.len() + AROUND);
        let mut writer = ReplyWriter::new(&mut whole, Protocol::Resp2);
        writer.push(3);
        writer.bulk(word);
        let tail_at = writer.out.len();
        writer.bulk(channel);
        writer.bulk(payload);
        Arc::new(Self { whole: whole.into(), tail_at })
    }

    fn head(&self) -> &[u8] {
        self.whole.get(1..self.tail_at).unwrap_or_default()
    }

    fn tail(&self) -> &[u8] {
        self.whole.get(self.tail_at..).unwrap_or_default()
    }
}

/// Something for a client.
#[derive(Debug, Clone)]
pub enum Push {
    /// A message of a channel, or of a shard channel.
    Message(Arc<Message>),
    /// A message of a channel whose name matches a pattern.
    PatternMessage(Name, Arc<Message>),
    /// The answer of SUBSCRIBE or one of its kin.
    Answer {
        /// Which.
        verb: &'static str,
        /// The channel or pattern; none if there was nothing to unsubscribe from.
        name: Option<Name>,
        /// Subscriptions that the client has now.
        count: usize,
    },
}

impl Push {
    fn message(&self) -> Option<&Message> {
        match self {
            Self::Message(message) | Self::PatternMessage(_, message) => Some(message),
            Self::Answer { .. } => None,
        }
    }

    /// About how many bytes the client gets.
    pub fn size(&self) -> usize {
        const HEAD: usize = ">4\r\n$12\r\npunsubscribe\r\n$4294967296\r\n\r\n".len();
        let name = match self {
            Self::PatternMessage(name, _) | Self::Answer { name: Some(name), .. } => name.len(),
            _ => 0,
        };
        HEAD + name + self.message().map_or(0, |message| message.tail().len())
    }

    /// Writes it, but for the end that is shared, which is returned if there is one.
    #[must_use = "what is shared belongs behind what was written"]
    pub fn write(&self, reply: &mut ReplyWriter<'_>) -> Option<Bytes> {
        match self {
            Self::Message(message) => {
                reply.raw(if reply.protocol() == Protocol::Resp3 { b">" } else { b"*" });
                reply.raw(message.head());
            }
            Self::PatternMessage(pattern, _) => {
                reply.push(4);
                reply.bulk(b"pmessage");
                reply.bulk(pattern);
            }
            Self::Answer { verb, name, count } => {
                reply.push(3);
                reply.bulk(verb.as_bytes());
                match name {
                    Some(name) => reply.bulk(name),
                    None => reply.null(),
                }
                reply.int(i64::try_from(*count).unwrap_or(i64::MAX));
            }
        }
        let message = self.message()?;
        let tail = message.tail();
        if tail.len() >= SHARE_FROM {
            return Some(message.whole.slice(message.tail_at..));
        }
        reply.raw(tail);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(push: &Push, protocol: Protocol) -> (String, Option<Bytes>) {
        let mut out = Vec::new();
        let shared = push.write(&mut ReplyWriter::new(&mut out, protocol));
        assert!(out.len() + shared.as_ref().map_or(0, Bytes::len) <= push.size());
        (out.escape_ascii().to_string(), shared)
    }

    #[test]
    fn pushes_read_as_redis_writes_them() {
        let message = Message::new(b"news", b"hi");
        let cases = [
            (Push::Message(message.clone()), r"3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$2\r\nhi\r\n"),
            (
                Push::Message(Message::of_shard(b"news", b"hi")),
                r"3\r\n$8\r\nsmessage\r\n$4\r\nnews\r\n$2\r\nhi\r\n",
            ),
            (
                Push::PatternMessage(Name::from(*b"n*"), message),
                r"4\r\n$8\r\npmessage\r\n$2\r\nn*\r\n$4\r\nnews\r\n$2\r\nhi\r\n",
            ),
            (
                Push::Answer { verb: "subscribe", name: Some(Name::from(*b"a")), count: 12 },
                r"3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:12\r\n",
            ),
        ];
        for (push, text) in cases {
            assert_eq!(written(&push, Protocol::Resp2), (format!("*{text}"), None));
            assert_eq!(written(&push, Protocol::Resp3), (format!(">{text}"), None));
        }
        let nothing = Push::Answer { verb: "punsubscribe", name: None, count: 0 };
        let text = r"3\r\n$12\r\npunsubscribe\r\n";
        assert_eq!(written(&nothing, Protocol::Resp2).0, format!(r"*{text}$-1\r\n:0\r\n"));
        assert_eq!(written(&nothing, Protocol::Resp3).0, format!(r">{text}_\r\n:0\r\n"));
    }

    #[test]
    fn the_end_of_a_large_message_is_shared() {
        let message = Message::new(b"c", &[b'x'; SHARE_FROM]);
        let first = written(&Push::Message(message.clone()), Protocol::Resp2).1.unwrap();
        let pattern = Push::PatternMessage(Name::from(*b"*"), message);
        let second = written(&pattern, Protocol::Resp3).1.unwrap();
        assert_eq!(first.as_ptr(), second.as_ptr());
        assert!(first.starts_with(b"$1\r\nc\r\n$1024\r\nxx") && first.ends_with(b"x\r\n"));
    }
}
