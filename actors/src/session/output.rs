//! Replies and pushes on their way to a client.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::Bytes;

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
    /// Bytes that other clients get as well, and that are not copied for each.
    shared: VecDeque<Shared>,
    /// Bytes of `shared` that were not taken yet.
    shared_len: usize,
}

/// Bytes that come behind the first `at` of the buffer.
#[derive(Debug)]
struct Shared {
    at: usize,
    bytes: Bytes,
}

impl Output {
    /// Bytes that were not taken yet and may leave: the next that lie together.
    #[inline]
    pub fn pending(&self) -> &[u8] {
        if !self.shared.is_empty() {
            return self.parts().next().unwrap_or_default();
        }
        match self.held_from {
            None => &self.buf[self.written..],
            Some(mark) => self.buf.get(self.written..mark).unwrap_or_default(),
        }
    }

    /// Whether what was not taken yet does not all lie together.
    #[inline]
    pub fn is_scattered(&self) -> bool {
        !self.shared.is_empty()
    }

    /// What [`Output::pending`] gives one behind the other, as far as there is room for it. Returns the
    /// number of slices.
    pub fn pending_slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let filled = slices.iter_mut().zip(self.parts());
        filled.map(|(slice, part)| *slice = IoSlice::new(part)).count()
    }

    /// What may leave, in runs of bytes that lie together.
    fn parts(&self) -> impl Iterator<Item = &[u8]> {
        let end = self.held_from.unwrap_or(self.buf.len());
        // What was shared just before the mark may leave: what is held begins in the buffer.
        let shared = self.shared.iter().take_while(move |shared| shared.at <= end);
        let mut from = self.written;
        let between = shared.flat_map(move |shared| {
            let before = self.buf.get(from..shared.at).unwrap_or_default();
            from = shared.at;
            [before, &shared.bytes]
        });
        let last = self.shared.iter().rev().find(|shared| shared.at <= end);
        let rest = last.map_or(self.written, |shared| shared.at);
        between
            .chain(std::iter::once(self.buf.get(rest..end).unwrap_or_default()))
            .filter(|part| !part.is_empty())
    }

    /// Appends bytes that other clients get as well, behind some of this client's own. Only while
    /// nothing is muted.
    pub fn share(&mut self, bytes: Bytes) {
        self.shared_len += bytes.len();
        self.shared.push_back(Shared { at: self.buf.len(), bytes });
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
        self.buf.len() - self.written + self.shared_len
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
        let is_free = self.buf.is_empty() && self.shared.is_empty();
        (is_free && self.buf.capacity() > 0).then(|| std::mem::take(&mut self.buf))
    }

    /// What is appended from here on is not for the client.
    pub fn mute(&mut self) {
        self.muted_from.get_or_insert(self.buf.len());
    }

    /// Whether what is appended now is not for the client.
    pub fn is_muted(&self) -> bool {
        self.muted_from.is_some()
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
        if !self.shared.is_empty() {
            return self.wrote_parts(count);
        }
        self.wrote_own(count);
    }

    /// As [`Output::wrote`], where not all lies together.
    fn wrote_parts(&mut self, mut count: usize) {
        while let Some(shared) = self.shared.front_mut() {
            let before = (shared.at - self.written).min(count);
            self.written += before;
            count -= before;
            if self.written < shared.at {
                break;
            }
            let taken = shared.bytes.len().min(count);
            count -= taken;
            self.shared_len -= taken;
            let _ = shared.bytes.split_to(taken);
            if !shared.bytes.is_empty() {
                break;
            }
            self.shared.pop_front();
        }
        if self.shared.is_empty() {
            self.wrote_own(count);
        }
    }

    #[inline]
    fn wrote_own(&mut self, count: usize) {
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

    /// Own bytes and shared ones in turn, the last of them held or not.
    fn filled(held: bool) -> Output {
        let mut output = Output::default();
        output.buffer().extend_from_slice(b"ab");
        output.share(Bytes::from_static(b"CDE"));
        output.buffer().extend_from_slice(b"f");
        output.share(Bytes::from_static(b"GH"));
        if held {
            output.hold();
        }
        output.buffer().extend_from_slice(b"i");
        output.share(Bytes::from_static(b"JK"));
        output
    }

    /// Takes all that may leave, so many bytes at a time.
    fn drain(output: &mut Output, step: usize) -> String {
        let mut taken = Vec::new();
        while !output.pending().is_empty() {
            let mut slices = [IoSlice::new(&[]); 8];
            let count = output.pending_slices(&mut slices);
            let together: Vec<u8> =
                slices[..count].iter().flat_map(|slice| slice.to_vec()).collect();
            assert!(together.starts_with(output.pending()));
            let took = together.len().min(step);
            taken.extend_from_slice(&together[..took]);
            let before = output.len();
            output.wrote(took);
            assert_eq!(output.len(), before - took);
        }
        String::from_utf8(taken).unwrap()
    }

    #[test]
    fn what_is_shared_leaves_at_its_place_however_little_the_client_takes() {
        for step in 1..12 {
            let mut output = filled(false);
            assert_eq!(output.len(), 11);
            assert_eq!(drain(&mut output, step), "abCDEfGHiJK", "{step} at a time");
            assert_eq!(output.len(), 0);
            output.buffer().extend_from_slice(b"l");
            assert_eq!(drain(&mut output, step), "l");
            assert!(output.give_buffer().is_some());
        }
    }

    #[test]
    fn what_is_held_behind_shared_bytes_stays() {
        for step in 1..12 {
            let mut output = filled(true);
            assert_eq!(drain(&mut output, step), "abCDEfGH", "{step} at a time");
            assert_eq!(output.len(), 3);
            output.release();
            assert_eq!(drain(&mut output, step), "iJK");
        }
    }

    #[test]
    fn a_buffer_behind_which_something_is_shared_is_not_given_away() {
        let mut output = Output::default();
        output.buffer().extend_from_slice(b"a");
        output.share(Bytes::from_static(b"B"));
        output.wrote(1);
        assert!(output.give_buffer().is_none());
        assert_eq!(drain(&mut output, 1), "B");
        assert!(output.give_buffer().is_some());
    }
}
