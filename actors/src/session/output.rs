//! Replies on their way to a client.

/// A buffer larger than this is given back once it is empty.
const KEEP_CAPACITY: usize = 256 * 1024;

/// Bytes that the client is to get and has not taken yet.
#[derive(Debug, Default)]
pub struct Output {
    buf: Vec<u8>,
    written: usize,
}

impl Output {
    /// Bytes that were not taken yet.
    #[inline]
    pub fn pending(&self) -> &[u8] {
        &self.buf[self.written..]
    }

    /// Number of bytes that were not taken yet.
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

    /// Length of the whole buffer, taken bytes included: what [`Output::truncate`] goes back to.
    #[inline]
    pub fn mark(&self) -> usize {
        self.buf.len()
    }

    /// Drops what was appended since `mark` and not taken.
    pub fn truncate(&mut self, mark: usize) {
        self.buf.truncate(mark.max(self.written));
    }

    /// The client took `count` bytes.
    #[inline]
    pub fn wrote(&mut self, count: usize) {
        self.written += count;
        if self.written >= self.buf.len() {
            self.written = 0;
            self.buf.clear();
            if self.buf.capacity() > KEEP_CAPACITY {
                self.buf = Vec::new();
            }
        } else if self.written > KEEP_CAPACITY && self.written > self.buf.len() / 2 {
            self.buf.drain(..self.written);
            self.written = 0;
        }
    }
}
