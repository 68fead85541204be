//! Writing replies, in the version of the protocol that the client speaks.
//!
//! The writer appends to a buffer that it borrows and keeps no state besides the version, so a
//! handler may build nested replies in any order of calls that the protocol allows: an aggregate's
//! header first, then as many replies as it announced.

use crate::number::{self, MAX_I64_LEN};

use super::Protocol;

/// Room for a type byte, a decimal number and CRLF.
const HEADER_LEN: usize = 1 + MAX_I64_LEN + 2;

/// Writes replies in either protocol version into a growing buffer.
pub struct ReplyWriter<'a> {
    /// Where the replies go, behind what is there already.
    pub out: &'a mut Vec<u8>,
    protocol: Protocol,
}

impl<'a> ReplyWriter<'a> {
    /// A writer that appends to `out` in version `protocol`.
    #[inline]
    pub fn new(out: &'a mut Vec<u8>, protocol: Protocol) -> Self {
        Self { out, protocol }
    }

    /// The version written.
    #[inline]
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// A status: `+text`. `text` must hold no line break.
    #[inline]
    pub fn simple(&mut self, text: &str) {
        debug_assert!(!text.contains(['\r', '\n']), "a status is one line");
        self.line(b'+', text.as_bytes());
    }

    /// The status `OK`.
    #[inline]
    pub fn ok(&mut self) {
        self.out.extend_from_slice(b"+OK\r\n");
    }

    /// An error: `text` starts with its code (`ERR ...`), without the `-`. Line breaks at its end
    /// are dropped, others become spaces, as in Redis.
    #[cold]
    pub fn error(&mut self, text: impl AsRef<[u8]>) {
        self.one_line(b'-', text.as_ref());
    }

    /// An integer: `:n`.
    #[inline]
    pub fn int(&mut self, n: i64) {
        match usize::try_from(n) {
            // Counts and truth values: a header is as short a line.
            Ok(small) if small < 100 => self.header(b':', small),
            _ => self.long_int(n),
        }
    }

    fn long_int(&mut self, n: i64) {
        let mut text = [0; MAX_I64_LEN];
        let start = number::write_i64(n, &mut text);
        self.line(b':', &text[start..]);
    }

    /// A string of any bytes: `$len`, then `data`.
    #[inline]
    pub fn bulk(&mut self, data: &[u8]) {
        self.out.reserve(HEADER_LEN + data.len() + 2);
        self.header(b'$', data.len());
        self.out.extend_from_slice(data);
        self.crlf();
    }

    /// An integer as a string of its digits.
    #[inline]
    pub fn bulk_int(&mut self, n: i64) {
        let mut text = [0; MAX_I64_LEN];
        let start = number::write_i64(n, &mut text);
        self.bulk(&text[start..]);
    }

    /// No value: `$-1` or, in RESP3, `_`.
    #[inline]
    pub fn null(&mut self) {
        self.either(b"$-1\r\n", b"_\r\n");
    }

    /// No array: `*-1` or, in RESP3, `_`.
    #[inline]
    pub fn null_array(&mut self) {
        self.either(b"*-1\r\n", b"_\r\n");
    }

    /// Header of an array of `len` replies.
    #[inline]
    pub fn array(&mut self, len: usize) {
        self.header(b'*', len);
    }

    /// Header of a map of `pairs` keys, each followed by its value: in RESP2 an array of both.
    #[inline]
    pub fn map(&mut self, pairs: usize) {
        match self.protocol {
            Protocol::Resp2 => self.header(b'*', pairs.saturating_mul(2)),
            Protocol::Resp3 => self.header(b'%', pairs),
        }
    }

    /// Header of a set of `len` replies: in RESP2 an array.
    #[inline]
    pub fn set(&mut self, len: usize) {
        self.aggregate(b'~', len);
    }

    /// Header of a message of `len` replies that answers no command: in RESP2 an array.
    #[inline]
    pub fn push(&mut self, len: usize) {
        self.aggregate(b'>', len);
    }

    /// A floating point number, as [`number::format_double`] prints it: `,x`, in RESP2 a string.
    pub fn double(&mut self, value: f64) {
        match self.protocol {
            Protocol::Resp2 => {
                let mut text = Vec::with_capacity(32);
                number::format_double(value, &mut text);
                self.bulk(&text);
            }
            Protocol::Resp3 => {
                self.out.push(b',');
                number::format_double(value, self.out);
                self.crlf();
            }
        }
    }

    /// A truth value: `#t` or `#f`, in RESP2 the integer 1 or 0.
    #[inline]
    pub fn bool(&mut self, value: bool) {
        if value {
            self.either(b":1\r\n", b"#t\r\n");
        } else {
            self.either(b":0\r\n", b"#f\r\n");
        }
    }

    /// A text in a format that `ext` names in three characters (`txt`, `mkd`): in RESP2 a plain
    /// string.
    pub fn verbatim(&mut self, ext: &str, text: &[u8]) {
        debug_assert_eq!(ext.len(), 3, "a format has three characters");
        let mut name = *b"   ";
        name.iter_mut().zip(ext.bytes()).for_each(|(to, from)| *to = from);
        self.verbatim_bytes(name, text);
    }

    pub(super) fn verbatim_bytes(&mut self, ext: [u8; 3], text: &[u8]) {
        match self.protocol {
            Protocol::Resp2 => self.bulk(text),
            Protocol::Resp3 => {
                self.header(b'=', ext.len() + 1 + text.len());
                self.out.extend_from_slice(&ext);
                self.out.push(b':');
                self.out.extend_from_slice(text);
                self.crlf();
            }
        }
    }

    /// An integer of any size, given in decimal: `(n`, in RESP2 a string.
    pub fn big_number(&mut self, digits: &str) {
        match self.protocol {
            Protocol::Resp2 => self.bulk(digits.as_bytes()),
            Protocol::Resp3 => self.line(b'(', digits.as_bytes()),
        }
    }

    /// Header of `pairs` attributes of the reply that follows them. RESP2 has no attributes: then
    /// nothing is written, and `false` tells the caller to leave the pairs out as well.
    pub fn attribute(&mut self, pairs: usize) -> bool {
        match self.protocol {
            Protocol::Resp2 => false,
            Protocol::Resp3 => {
                self.header(b'|', pairs);
                true
            }
        }
    }

    /// Bytes that are a reply already.
    #[inline]
    pub fn raw(&mut self, reply: &[u8]) {
        self.out.extend_from_slice(reply);
    }

    #[inline]
    fn aggregate(&mut self, resp3: u8, len: usize) {
        match self.protocol {
            Protocol::Resp2 => self.header(b'*', len),
            Protocol::Resp3 => self.header(resp3, len),
        }
    }

    #[inline]
    fn either(&mut self, resp2: &[u8], resp3: &[u8]) {
        self.out.extend_from_slice(match self.protocol {
            Protocol::Resp2 => resp2,
            Protocol::Resp3 => resp3,
        });
    }

    /// A type byte, a length and CRLF.
    #[inline]
    fn header(&mut self, kind: u8, len: usize) {
        write_header(self.out, kind, len);
    }

    /// Any text as one line: line breaks at its end are dropped, others become spaces.
    pub(super) fn one_line(&mut self, kind: u8, text: &[u8]) {
        let is_break = |byte: u8| byte == b'\r' || byte == b'\n';
        let end = text.iter().rposition(|&byte| !is_break(byte)).map_or(0, |last| last + 1);
        self.out.push(kind);
        self.out.extend(text[..end].iter().map(|&byte| if is_break(byte) { b' ' } else { byte }));
        self.crlf();
    }

    #[inline]
    fn line(&mut self, kind: u8, text: &[u8]) {
        self.out.reserve(text.len() + 3);
        self.out.push(kind);
        self.out.extend_from_slice(text);
        self.crlf();
    }

    #[inline]
    fn crlf(&mut self) {
        self.out.extend_from_slice(b"\r\n");
    }
}

/// Appends a type byte, a length in decimal and CRLF.
#[inline]
pub(super) fn write_header(out: &mut Vec<u8>, kind: u8, len: usize) {
    // Nearly all lengths have one digit or two: a copy of constant size is a plain store.
    if len < 10 {
        out.extend_from_slice(&[kind, b'0' + len as u8, b'\r', b'\n']);
    } else if len < 100 {
        let (tens, ones) = (len as u8 / 10, len as u8 % 10);
        out.extend_from_slice(&[kind, b'0' + tens, b'0' + ones, b'\r', b'\n']);
    } else {
        write_long_header(out, kind, len);
    }
}

fn write_long_header(out: &mut Vec<u8>, kind: u8, len: usize) {
    let mut text = [0; HEADER_LEN];
    text[HEADER_LEN - 2] = b'\r';
    text[HEADER_LEN - 1] = b'\n';
    let start = number::write_u64_at(len as u64, &mut text, HEADER_LEN - 2) - 1;
    text[start] = kind;
    out.extend_from_slice(&text[start..]);
}
