//! What a connection has read and not yet run: the bytes, and the commands decoded from them.

use shardwright_codec::resp::{ArgRange, Args, Decoder, Frames, Limits, ProtocolError};

/// Room that a read is offered at least.
const READ_ROOM: usize = 16 * 1024;

/// A buffer larger than this is given back once it is empty.
const KEEP_CAPACITY: usize = 1024 * 1024;

/// The read buffer with its decoder.
#[derive(Debug, Default)]
pub struct Input {
    buf: Vec<u8>,
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

    /// The buffer, with room at its end for a read. Only between flights: it forgets what was run.
    pub fn room(&mut self) -> &mut Vec<u8> {
        if self.next >= self.frames.len() && self.decoded > 0 {
            self.forget_run();
        }
        let wanted = self.decoder.wanted().clamp(READ_ROOM, KEEP_CAPACITY);
        if self.buf.capacity() - self.buf.len() < wanted / 2 {
            self.buf.reserve(wanted);
        }
        &mut self.buf
    }

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
