//! RESP2 and RESP3 replies: how one is cut from a stream as raw bytes, and what
//! it says. Written on its own, apart from the server's codec.

use std::fmt;
use std::io::{self, Read};

/// One reply, as the bytes say.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reply {
    /// `+text`.
    Simple(Vec<u8>),
    /// `-text` or RESP3's `!` blob error.
    Error(Vec<u8>),
    /// `:number`.
    Int(i64),
    /// `$bytes`.
    Bulk(Vec<u8>),
    /// `$-1`, `*-1` or `_`.
    Null,
    /// `*items`.
    Array(Vec<Reply>),
    /// `%pairs`, flattened.
    Map(Vec<Reply>),
    /// `~items`.
    Set(Vec<Reply>),
    /// `>items`.
    Push(Vec<Reply>),
    /// `,number`, `#t`, `(big` or `=txt:` with the type byte first.
    Other(u8, Vec<u8>),
    /// `|pairs` and the reply that they describe.
    Attributed(Vec<Reply>, Box<Reply>),
}

impl Reply {
    /// What the raw bytes of one reply say; panics when they are no reply.
    pub fn parse(raw: &[u8]) -> Reply {
        let mut at = 0;
        let reply = parse_at(raw, &mut at);
        assert_eq!(at, raw.len(), "one reply, not more: {}", escape(raw));
        reply
    }

    /// The text of an error, if this is one.
    pub fn error(&self) -> Option<String> {
        match self {
            Reply::Error(text) => Some(String::from_utf8_lossy(text).into_owned()),
            _ => None,
        }
    }

    /// True for `+OK`.
    pub fn is_ok(&self) -> bool {
        matches!(self, Reply::Simple(text) if text == b"OK")
    }

    /// The number of an integer reply; panics at anything else.
    pub fn int(&self) -> i64 {
        match self {
            Reply::Int(number) => *number,
            other => panic!("an integer was expected, not {other:?}"),
        }
    }

    /// The bytes of a bulk, simple or verbatim string; panics at anything else.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Reply::Simple(text) | Reply::Bulk(text) => text,
            Reply::Other(b'=', text) => text.get(4..).unwrap_or_default(),
            other => panic!("a string was expected, not {other:?}"),
        }
    }

    /// Like [`Reply::bytes`], as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }

    /// The items of an array, set, push or flattened map; panics at anything else.
    pub fn items(&self) -> &[Reply] {
        match self {
            Reply::Array(items) | Reply::Set(items) | Reply::Push(items) | Reply::Map(items) => {
                items
            }
            other => panic!("an array was expected, not {other:?}"),
        }
    }

    /// The name of the type, for comparing shapes.
    pub fn kind(&self) -> char {
        match self {
            Reply::Simple(_) => '+',
            Reply::Error(_) => '-',
            Reply::Int(_) => ':',
            Reply::Bulk(_) => '$',
            Reply::Null => '_',
            Reply::Array(_) => '*',
            Reply::Map(_) => '%',
            Reply::Set(_) => '~',
            Reply::Push(_) => '>',
            Reply::Other(kind, _) => char::from(*kind),
            Reply::Attributed(..) => '|',
        }
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reply::Simple(text) => write!(f, "+{}", escape(text)),
            Reply::Error(text) => write!(f, "-{}", escape(text)),
            Reply::Int(number) => write!(f, ":{number}"),
            Reply::Bulk(text) => write!(f, "\"{}\"", escape(text)),
            Reply::Null => write!(f, "nil"),
            Reply::Other(kind, text) => write!(f, "{}{}", char::from(*kind), escape(text)),
            Reply::Attributed(pairs, reply) => write!(f, "|{pairs:?} {reply:?}"),
            list => {
                write!(f, "{}", list.kind())?;
                f.debug_list().entries(list.items()).finish()
            }
        }
    }
}

/// Bytes as printable text, for messages.
pub fn escape(bytes: &[u8]) -> String {
    const SHOWN: usize = 300;
    let mut text = bytes[..bytes.len().min(SHOWN)].escape_ascii().to_string();
    if bytes.len() > SHOWN {
        text.push_str(&format!("… ({} bytes)", bytes.len()));
    }
    text
}

/// Cuts replies from a stream, one at a time, byte for byte.
pub struct ReplyReader<R> {
    inner: R,
    buffer: Vec<u8>,
    at: usize,
}

impl<R: Read> ReplyReader<R> {
    /// Reads replies from `inner`.
    pub fn new(inner: R) -> Self {
        Self { inner, buffer: Vec::new(), at: 0 }
    }

    /// The bytes of exactly one reply, an attribute and what it describes counting as one.
    ///
    /// # Errors
    /// What the stream says; `UnexpectedEof` at its end; `InvalidData` for what is no reply.
    pub fn raw(&mut self) -> io::Result<Vec<u8>> {
        let mut raw = Vec::new();
        self.append(&mut raw)?;
        Ok(raw)
    }

    /// Every byte until the stream ends.
    ///
    /// # Errors
    /// What the stream says, a time-out included; a reset connection counts as its end.
    pub fn until_end(&mut self) -> io::Result<Vec<u8>> {
        let mut raw = Vec::new();
        loop {
            raw.extend_from_slice(&self.buffer[self.at..]);
            self.at = self.buffer.len();
            match self.fill() {
                Ok(()) => {}
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset
                    ) =>
                {
                    return Ok(raw);
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn append(&mut self, raw: &mut Vec<u8>) -> io::Result<()> {
        let start = raw.len();
        self.line(raw)?;
        let kind = raw[start];
        let head = &raw[start + 1..raw.len() - 2];
        match kind {
            b'+' | b'-' | b':' | b'_' | b',' | b'#' | b'(' => Ok(()),
            b'$' | b'!' | b'=' => match number(head)? {
                -1 => Ok(()),
                length => self.exactly(raw, usize::try_from(length).map_err(invalid)? + 2),
            },
            b'*' | b'~' | b'>' => self.replies(raw, number(head)?),
            b'%' => self.replies(raw, number(head)? * 2),
            b'|' => self.replies(raw, number(head)? * 2 + 1),
            _ => Err(invalid(format!("no reply starts like {}", escape(&raw[start..])))),
        }
    }

    fn replies(&mut self, raw: &mut Vec<u8>, count: i64) -> io::Result<()> {
        for _ in 0..count {
            self.append(raw)?;
        }
        Ok(())
    }

    fn line(&mut self, raw: &mut Vec<u8>) -> io::Result<()> {
        loop {
            let rest = &self.buffer[self.at..];
            match rest.iter().position(|&byte| byte == b'\n') {
                Some(end) if end >= 2 => {
                    raw.extend_from_slice(&rest[..=end]);
                    self.at += end + 1;
                    return Ok(());
                }
                Some(_) => return Err(invalid(format!("an empty line in {}", escape(rest)))),
                None => self.fill()?,
            }
        }
    }

    fn exactly(&mut self, raw: &mut Vec<u8>, mut count: usize) -> io::Result<()> {
        while count > 0 {
            if self.at == self.buffer.len() {
                self.fill()?;
            }
            let take = count.min(self.buffer.len() - self.at);
            raw.extend_from_slice(&self.buffer[self.at..self.at + take]);
            self.at += take;
            count -= take;
        }
        Ok(())
    }

    fn fill(&mut self) -> io::Result<()> {
        const READ: usize = 64 * 1024;
        self.buffer.drain(..self.at);
        self.at = 0;
        let old = self.buffer.len();
        self.buffer.resize(old + READ, 0);
        let result = self.inner.read(&mut self.buffer[old..]);
        let count = *result.as_ref().unwrap_or(&0);
        self.buffer.truncate(old + count);
        match result {
            Ok(0) => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the connection was closed")),
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn invalid(error: impl ToString) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}

fn number(digits: &[u8]) -> io::Result<i64> {
    let text = std::str::from_utf8(digits).map_err(invalid)?;
    text.parse().map_err(|_| invalid(format!("{text:?} is no length")))
}

fn parse_at(raw: &[u8], at: &mut usize) -> Reply {
    let line_end = *at + raw[*at..].iter().position(|&byte| byte == b'\n').unwrap() + 1;
    let kind = raw[*at];
    let head = &raw[*at + 1..line_end - 2];
    *at = line_end;
    let length = || number(head).unwrap_or_else(|error| panic!("{error}: {}", escape(raw)));
    let list = |count: i64, at: &mut usize| -> Vec<Reply> {
        (0..count).map(|_| parse_at(raw, at)).collect()
    };
    match kind {
        b'+' => Reply::Simple(head.to_vec()),
        b'-' => Reply::Error(head.to_vec()),
        b':' => Reply::Int(length()),
        b'_' => Reply::Null,
        b'$' | b'!' | b'=' => {
            let Ok(length) = usize::try_from(length()) else { return Reply::Null };
            let body = raw[*at..*at + length].to_vec();
            *at += length + 2;
            match kind {
                b'$' => Reply::Bulk(body),
                b'!' => Reply::Error(body),
                _ => Reply::Other(b'=', body),
            }
        }
        b'*' if length() < 0 => Reply::Null,
        b'*' => Reply::Array(list(length(), at)),
        b'~' => Reply::Set(list(length(), at)),
        b'>' => Reply::Push(list(length(), at)),
        b'%' => Reply::Map(list(length() * 2, at)),
        b'|' => {
            let pairs = list(length() * 2, at);
            Reply::Attributed(pairs, Box::new(parse_at(raw, at)))
        }
        other => Reply::Other(other, head.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut reader = ReplyReader::new(bytes);
        std::iter::from_fn(|| reader.raw().ok()).collect()
    }

    #[test]
    fn cuts_a_stream_into_single_replies() {
        let parts: [&[u8]; 8] = [
            b"+OK\r\n",
            b"$3\r\na\nb\r\n",
            b"*2\r\n:1\r\n*-1\r\n",
            b"$-1\r\n",
            b"%1\r\n+a\r\n_\r\n",
            b"|1\r\n+k\r\n:1\r\n$0\r\n\r\n",
            b"=5\r\ntxt:x\r\n",
            b"-ERR no\r\n",
        ];
        assert_eq!(cut(&parts.concat()), parts);
    }

    #[test]
    fn parses_what_it_cut() {
        let reply = Reply::parse(b"*3\r\n:-7\r\n%1\r\n+a\r\n$-1\r\n#t\r\n");
        let map = Reply::Map(vec![Reply::Simple(b"a".to_vec()), Reply::Null]);
        let expected = Reply::Array(vec![Reply::Int(-7), map, Reply::Other(b'#', b"t".to_vec())]);
        assert_eq!(reply, expected);
    }
}
