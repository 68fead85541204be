//! Counts RESP replies in a byte stream and checks each one, resumable at any byte.
//!
//! It really parses (bulk lengths, nested arrays) but keeps nothing: payloads are skipped. Replies to single questions
//! are kept, by [`whole_reply`]. It knows nothing of sockets.

/// What a load's replies must look like. Errors and nils are never expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expect {
    /// The RESP type bytes that a reply may begin with.
    pub kinds: &'static [u8],
    /// The length of every bulk string, when all are equally long.
    pub bulk: Option<usize>,
}

/// The longest header line that is accepted, in bytes: status replies and lengths are short.
const MAX_LINE: usize = 512;

/// A scanner's place in one connection's stream of replies.
#[derive(Debug)]
pub struct Scanner {
    expect: Expect,
    /// Bytes of a bulk string (with its CRLF) that are still to come.
    skip: usize,
    /// Elements that the current reply still lacks; 0 between replies.
    missing: u64,
    /// The beginning of a header line that was cut.
    carry: Vec<u8>,
}

impl Scanner {
    /// A scanner between two replies.
    pub fn new(expect: Expect) -> Self {
        Self { expect, skip: 0, missing: 0, carry: Vec::new() }
    }

    /// Reads all of `input` and returns how many replies it completed.
    ///
    /// # Errors
    /// The text of an error reply, or what else is not as expected.
    pub fn feed(&mut self, mut input: &[u8]) -> Result<u32, String> {
        let mut complete = 0;
        while !input.is_empty() {
            if self.skip > 0 {
                let taken = self.skip.min(input.len());
                self.skip -= taken;
                input = &input[taken..];
                if self.skip == 0 {
                    complete += self.element_done();
                }
                continue;
            }
            let Some(end) = input.iter().position(|&byte| byte == b'\n') else {
                self.carry.extend_from_slice(input);
                if self.carry.len() > MAX_LINE {
                    return Err("a reply's first line never ends".into());
                }
                break;
            };
            let (line, rest) = input.split_at(end + 1);
            input = rest;
            if self.carry.is_empty() {
                complete += self.line(line)?;
            } else {
                let mut whole = std::mem::take(&mut self.carry);
                whole.extend_from_slice(line);
                complete += self.line(&whole)?;
                whole.clear();
                self.carry = whole;
            }
        }
        Ok(complete)
    }

    /// One header line, with its line end.
    #[inline]
    fn line(&mut self, line: &[u8]) -> Result<u32, String> {
        let Some((&kind, text)) = line.strip_suffix(b"\r\n").and_then(<[u8]>::split_first) else {
            return Err(format!("not RESP: {}", line.escape_ascii()));
        };
        if self.missing == 0 {
            if !self.expect.kinds.contains(&kind) {
                return Err(format!("unexpected reply {}", line.trim_ascii().escape_ascii()));
            }
            self.missing = 1;
        }
        match kind {
            b'+' | b':' => Ok(self.element_done()),
            b'$' => {
                let length = number(text)?;
                if self.expect.bulk.is_some_and(|expected| expected != length) {
                    return Err(format!("a bulk string of {length} bytes"));
                }
                self.skip = length + 2;
                Ok(0)
            }
            b'*' => {
                self.missing += number(text)? as u64;
                Ok(self.element_done())
            }
            _ => Err(format!("unexpected element {}", line.trim_ascii().escape_ascii())),
        }
    }

    /// Counts an element; 1 if it was the last one of its reply.
    #[inline]
    fn element_done(&mut self) -> u32 {
        self.missing -= 1;
        u32::from(self.missing == 0)
    }
}

/// A length; a nil (-1) is an error, since every key that a load reads exists.
#[inline]
fn number(text: &[u8]) -> Result<usize, String> {
    let mut value = 0_usize;
    for &byte in text {
        if !byte.is_ascii_digit() || value > (1 << 32) {
            return Err(format!("nil or not a length: {}", text.escape_ascii()));
        }
        value = value * 10 + usize::from(byte - b'0');
    }
    Ok(value)
}

/// A complete status, integer or bulk reply's text, or as an error that of an error reply; none while bytes are missing.
pub fn whole_reply(reply: &[u8]) -> Option<Result<String, String>> {
    let end = reply.windows(2).position(|pair| pair == b"\r\n")?;
    let line = String::from_utf8_lossy(reply.get(1..end)?).into_owned();
    match reply.first() {
        Some(b'-') => return Some(Err(line)),
        Some(b'$') => {}
        _ => return Some(Ok(line)),
    }
    let length: usize = line.parse().ok()?;
    let body = reply.get(end + 2..end + 2 + length)?;
    Some(Ok(String::from_utf8_lossy(body).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANY: Expect = Expect { kinds: b"+:$*", bulk: None };

    /// Feeds `input` cut at each place and wants the same count of replies.
    fn check(input: &[u8], replies: u32) {
        for cut in 0..=input.len() {
            let mut scanner = Scanner::new(ANY);
            let first = scanner.feed(&input[..cut]).unwrap();
            let second = scanner.feed(&input[cut..]).unwrap();
            assert_eq!(first + second, replies, "cut at {cut}");
        }
    }

    #[test]
    fn replies_are_counted_wherever_they_are_cut() {
        check(b"+PONG\r\n:12\r\n$3\r\na\r\n\r\n$0\r\n\r\n", 4);
        check(b"*2\r\n$1\r\nx\r\n:1\r\n*0\r\n+OK\r\n", 3);
        check(b"*2\r\n*1\r\n+OK\r\n*2\r\n:1\r\n:2\r\n", 1);
    }

    #[test]
    fn what_is_not_expected_is_an_error() {
        for input in [
            &b"-ERR no\r\n"[..],
            b"$-1\r\n",
            b"*-1\r\n",
            b"*1\r\n-ERR inside\r\n",
            b"what\r\n",
            b"\n",
        ] {
            assert!(Scanner::new(ANY).feed(input).is_err(), "{}", input.escape_ascii());
        }
        let bulks = Expect { kinds: b"$", bulk: Some(3) };
        assert!(Scanner::new(bulks).feed(b"$4\r\nabcd\r\n").is_err());
        assert!(Scanner::new(bulks).feed(b"+OK\r\n").is_err());
        assert_eq!(Scanner::new(bulks).feed(b"$3\r\nabc\r\n"), Ok(1));
    }

    #[test]
    fn a_reply_is_whole_only_with_its_last_byte_of_payload() {
        assert_eq!(whole_reply(b"+PONG\r\n"), Some(Ok("PONG".into())));
        assert_eq!(whole_reply(b"+PON"), None);
        assert_eq!(whole_reply(b"$3\r\nab"), None);
        assert_eq!(whole_reply(b"$3\r\nabc\r\n"), Some(Ok("abc".into())));
    }

    #[test]
    fn a_server_that_is_loading_has_not_answered_the_question() {
        let loading = whole_reply(b"-LOADING Redis is loading the dataset in memory\r\n");
        let reason = "LOADING Redis is loading the dataset in memory".to_owned();
        assert_eq!(loading, Some(Err(reason)));
    }
}
