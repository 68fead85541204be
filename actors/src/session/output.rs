//! Replies on their way to a client.

/// A buffer larger than this is given back once it is empty.
const KEEP_CAPACITY: usize = 256 * 1024;

/// Bytes that the client is to get and has not taken yet.
#[derive(Debug, Default)]
pub struct Output {
    buf: Vec<u8>,
    written: usize,
    /// Where replies begin that the client does not want.
    muted_from: Option<usize>,
    /// Where replies begin that must not leave yet.
    held_from: Option<usize>,
}

impl Output {
    /// Bytes that were not taken yet and may leave.
    #[inline]
    pub fn pending(&self) -> &[u8] {
        match self.held_from {
            None => &self.buf[self.written..],
            Some(mark) => self.buf.get(self.written..mark).unwrap_or_default(),
        }
    }

    /// What is appended from here on must not leave before [`Output::release`].
    pub fn hold(&mut self) {
        self.held_from.get_or_insert(self.buf.len());
    }

    /// Whether something must not leave yet, or would have to wait if it came.
    #[inline]
    pub fn is_held(&self) -> bool {
        self.held_from.is_some()
    }

    /// All may leave.
    pub fn release(&mut self) {
        self.held_from = None;
    }

    /// Number of bytes that were not taken yet, whether they may leave or not.
    #[inline]
    pub fn len(&self) -> usize {
        self.buf.len() - self.written
    }

    /// Bytes of memory held.
    pub fn capacity(&self) -> usize {
        self.buf.capacity()
    }

    /// The buffer, to append to.
    #[inline]
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buf
    }

    /// Gives the buffer away, if nothing is in it.
    #[inline]
    pub fn give_buffer(&mut self) -> Option<Vec<u8>> {
        (self.buf.is_empty() && self.buf.capacity() > 0).then(|| std::mem::take(&mut self.buf))
    }

    /// What is appended from here on is not for the client.
    pub fn mute(&mut self) {
        self.muted_from.get_or_insert(self.buf.len());
    }

    /// Drops what was appended since [`Output::mute`].
    pub fn drop_muted(&mut self) {
        if let Some(mark) = self.muted_from {
            self.buf.truncate(mark.max(self.written));
        }
    }

    /// What is appended from here on is for the client. Returns whether it was not.
    pub fn unmute(&mut self) -> bool {
        self.muted_from.take().is_some()
    }

    /// The client took `count` bytes.
    #[inline]
    pub fn wrote(&mut self, count: usize) {
        self.written += count;
        if self.written >= self.buf.len() {
            self.forget_written();
            if self.buf.capacity() > KEEP_CAPACITY {
                self.buf = Vec::new();
            }
        } else if self.written > KEEP_CAPACITY && self.written > self.buf.len() / 2 {
            self.forget_written();
        }
    }

    /// Lets the buffer begin with what was not taken yet. What is muted begins behind that.
    #[inline]
    fn forget_written(&mut self) {
        if self.written < self.buf.len() {
            self.buf.drain(..self.written);
        } else {
            self.buf.clear();
        }
        for mark in [&mut self.muted_from, &mut self.held_from] {
            *mark = mark.map(|mark| mark.saturating_sub(self.written));
        }
        self.written = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_stays_when_the_client_takes_what_came_before() {
        let mut output = Output::default();
        output.buffer().extend_from_slice(b"+OK\r\n");
        output.hold();
        output.buffer().extend_from_slice(b":1\r\n");
        assert_eq!(output.pending(), b"+OK\r\n");
        output.wrote(5);
        assert_eq!((output.pending(), output.len()), (&b""[..], 4));
        output.buffer().extend_from_slice(b":2\r\n");
        output.release();
        assert_eq!(output.pending(), b":1\r\n:2\r\n");
    }

    #[test]
    fn what_is_muted_stays_so_when_the_client_takes_what_came_before() {
        let mut output = Output::default();
        output.buffer().extend_from_slice(b"+OK\r\n");
        output.mute();
        output.wrote(5);
        output.buffer().extend_from_slice(b":1\r\n");
        output.drop_muted();
        assert_eq!(output.pending(), b"");
        assert!(output.unmute());
        output.buffer().extend_from_slice(b":2\r\n");
        assert_eq!(output.pending(), b":2\r\n");
    }
}
