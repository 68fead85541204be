//! What a connection has read and not yet run: the bytes, and the commands decoded from them.

use shardwright_codec::resp::{ArgRange, Args, Decoder, Frames, Limits, ProtocolError};

/// Room that a read is offered at least.
const READ_ROOM: usize = 16 * 1024;

/// Room that reads are offered at most after others filled theirs: a long pipeline that comes in one
/// read is answered by one write. Measured with SETs of 4 KiB, sixteen at a time.
const MOST_ROOM: usize = 128 * 1024;

/// A buffer larger than this is given back once it is empty.
const KEEP_CAPACITY: usize = 1024 * 1024;

/// The read buffer with its decoder.
#[derive(Debug, Default)]
pub struct Input {
    buf: Vec<u8>,
    /// Room that the next read is offered, beyond [`READ_ROOM`].
    more_room: usize,
    /// Where the first frame that was not decoded yet begins.
    decoded: usize,
    decoder: Decoder,
    frames: Frames,
    next: usize,
    error: Option<ProtocolError>,
}

impl Input {
    /// Changes the decoder's limits: after authentication, or when settings changed.
    pub fn set_limits(&mut self, limits: Limits) {
        self.decoder.set_limits(limits);
    }

    /// The buffer, with room at its end for a read. Only while nothing in flight
    /// lies in it: it forgets what was run.
    pub fn room(&mut self) -> &mut Vec<u8> {
        self.note_fullness();
        if self.next >= self.frames.len() && self.decoded > 0 {
            self.forget_run();
        }
        let wanted = self.decoder.wanted().clamp(READ_ROOM + self.more_room, KEEP_CAPACITY);
        if self.buf.capacity() - self.buf.len() < wanted / 2 {
            self.buf.reserve(wanted);
        }
        &mut self.buf
    }

    /// Lets the next read have more room if the last one filled its own.
    #[inline]
    fn note_fullness(&mut self) {
        if self.buf.capacity() > 0 && self.buf.len() == self.buf.capacity() {
            self.more_room = (self.more_room * 2 + READ_ROOM).min(MOST_ROOM - READ_ROOM);
        }
    }

    #[inline]
    fn forget_run(&mut self) {
        let rest = self.buf.len() - self.decoded;
        self.buf.copy_within(self.decoded.., 0);
        self.buf.truncate(rest);
        self.decoded = 0;
        self.frames.clear();
        self.next = 0;
        if rest == 0 && self.buf.capacity() > KEEP_CAPACITY {
            self.buf = Vec::new();
        }
    }

    /// Whether it has memory to read to.
    #[inline]
    pub fn has_buffers(&self) -> bool {
        self.buf.capacity() > 0
    }

    /// Works with these buffers, which are empty, from now on. Only when it has none.
    #[inline]
    pub fn take_buffers(&mut self, buf: Vec<u8>, frames: Frames) {
        (self.buf, self.frames) = (buf, frames);
    }

    /// Gives its buffers away, if everything that was read was taken.
    #[inline]
    pub fn give_buffers(&mut self) -> Option<(Vec<u8>, Frames)> {
        if self.decoded < self.buf.len() || self.next < self.frames.len() || !self.has_buffers() {
            return None;
        }
        self.note_fullness();
        self.forget_run();
        Some((std::mem::take(&mut self.buf), std::mem::take(&mut self.frames)))
    }

    /// The connection was idle for long: it begins with little room again.
    pub fn calm_down(&mut self) {
        self.more_room = 0;
    }

    /// Bytes held.
    pub fn len(&self) -> usize {
        self.buf.len()
    }

    /// Bytes held and room beyond.
    pub fn capacity(&self) -> usize {
        self.buf.capacity()
    }

    /// Whether half a frame waits for the rest.
    pub fn in_frame(&self) -> bool {
        self.decoded < self.buf.len()
    }

    /// Decodes up to `max` more commands when all earlier ones were taken. Returns whether there is
    /// one to take.
    pub fn decode(&mut self, max: usize) -> bool {
        if self.next < self.frames.len() {
            return true;
        }
        if self.error.is_some() || self.decoded >= self.buf.len() {
            return false;
        }
        self.frames.clear();
        self.next = 0;
        match self.decoder.decode(&mut self.buf, self.decoded, &mut self.frames, max) {
            Ok(consumed) => self.decoded = consumed,
            Err(error) => self.error = Some(error),
        }
        !self.frames.is_empty()
    }

    /// The violation of the protocol that ends this connection, once all commands before it were
    /// taken.
    pub fn take_error(&mut self) -> Option<ProtocolError> {
        if self.next < self.frames.len() { None } else { self.error.take() }
    }

    /// The next command's arguments, if one was decoded.
    #[inline]
    pub fn peek(&self) -> Option<Args<'_>> {
        (self.next < self.frames.len()).then(|| self.frames.args_of(self.next, &self.buf))
    }

    /// Where the next command's arguments begin among [`Input::args`].
    #[inline]
    pub fn first_arg(&self) -> u32 {
        self.frames.commands.get(self.next).map_or(0, |frame| frame.first)
    }

    /// The next command was taken.
    #[inline]
    pub fn advance(&mut self) {
        self.next += 1;
    }

    /// Drops everything that was not taken yet.
    pub fn discard(&mut self) {
        self.next = self.frames.len();
        self.decoded = self.buf.len();
    }

    /// The bytes that arguments lie in.
    #[inline]
    pub fn data(&self) -> &[u8] {
        &self.buf
    }

    /// Arguments of all decoded commands.
    #[inline]
    pub fn args(&self) -> &[ArgRange] {
        &self.frames.args
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A read of up to `count` bytes; how many there was room for.
    fn read(input: &mut Input, count: usize) -> usize {
        let buf = input.room();
        let took = (buf.capacity() - buf.len()).min(count);
        buf.resize(buf.len() + took, b'\n');
        while input.decode(usize::MAX) {
            input.discard();
        }
        took
    }

    #[test]
    fn reads_that_fill_their_room_get_more_of_it_up_to_a_bound() {
        let mut input = Input::default();
        let rooms: Vec<usize> = (0..8).map(|_| read(&mut input, usize::MAX)).collect();
        assert!(rooms[0] >= READ_ROOM && rooms[0] < MOST_ROOM, "{rooms:?}");
        assert!(rooms.is_sorted() && rooms[7] >= MOST_ROOM / 2, "{rooms:?}");
        assert!(rooms[7] <= 2 * MOST_ROOM, "{rooms:?}");
        assert!(input.give_buffers().is_some());
        assert_eq!(input.capacity(), 0);
        assert!(read(&mut input, usize::MAX) >= MOST_ROOM, "who sent much gets much again");
        assert!(input.give_buffers().is_some());
        input.calm_down();
        assert!(read(&mut input, usize::MAX) < MOST_ROOM);
    }

    #[test]
    fn short_reads_keep_their_room() {
        let mut input = Input::default();
        let before = read(&mut input, 100);
        (0..100).for_each(|_| _ = read(&mut input, 100));
        assert!(input.capacity() <= 2 * READ_ROOM, "{before}: {}", input.capacity());
    }

    #[test]
    fn buffers_are_given_away_when_all_was_taken() {
        let mut input = Input::default();
        input.room().extend_from_slice(b"*1\r\n$4\r\nPING\r\n*1\r\n$4");
        assert!(input.decode(1));
        assert!(input.give_buffers().is_none());
        assert_eq!(input.peek().map(|args| args.at(0).to_vec()), Some(b"PING".to_vec()));
        input.advance();
        assert!(input.give_buffers().is_none() && input.in_frame());
        input.room().extend_from_slice(b"\r\nPING\r\n");
        assert!(input.decode(1));
        input.advance();
        let (buf, frames) = input.give_buffers().unwrap();
        assert!(!input.has_buffers() && buf.is_empty() && frames.is_empty() && buf.capacity() > 0);
        input.take_buffers(buf, frames);
        assert!(input.has_buffers());
    }
}
