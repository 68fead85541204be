//! The incremental decoder of requests: its limits and its state between reads.

use combine::stream::ResetStream;

use super::multibulk::{self, FastLimits, MAX_FRAME_LEN, Progress};
use super::{ArgRange, Frames, ProtocolError, inline};

/// What a client may ask for. The defaults are those of Redis 7.0.15.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// The longest argument in bytes (`proto-max-bulk-len`). Whatever is set here, a command stays
    /// below 4 GiB as a whole; an argument that would pass that is an invalid length.
    pub max_bulk_len: u64,
    /// Arguments of one command.
    pub max_args: u32,
    /// Bytes of an inline command, and of the line that holds a count or a length, without the
    /// line's end.
    pub max_inline: u32,
    /// Whether the client has yet to authenticate: then no more than 10 arguments of 16384 bytes.
    /// Lift it before what follows a successful `AUTH` is decoded: decode one command at a time
    /// until then.
    pub unauthenticated: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_bulk_len: 512 * 1024 * 1024,
            max_args: i32::MAX as u32,
            max_inline: 64 * 1024,
            unauthenticated: false,
        }
    }
}

/// Decodes requests that arrive in any number of pieces.
///
/// It holds no bytes, only how far it came within the frame at the end of the read buffer. The work
/// for all pieces together is linear in their length, however they are cut.
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    fast_limits: FastLimits,
    progress: Progress,
    wanted: usize,
    in_frame: bool,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl Decoder {
    /// A decoder at the start of a connection.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            fast_limits: FastLimits::new(&limits),
            progress: Progress::default(),
            wanted: 0,
            in_frame: false,
        }
    }

    /// Changes the limits for what was not looked at yet.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
        self.fast_limits = FastLimits::new(&limits);
    }

    /// Decodes complete commands from `buf[from..]` and appends at most `max` of them to `frames`,
    /// with ranges absolute in `buf`. Empty commands (`*0`, an empty line) are passed over. Returns
    /// the offset behind the last complete command.
    ///
    /// When a frame is incomplete, the next call must be given the same bytes at `from`, the
    /// frame's start, with more behind them; the buffer may have been shifted meanwhile. It must
    /// have been when the frame reaches beyond an offset of 4 GiB. Inline commands are unescaped in
    /// place.
    ///
    /// # Errors
    ///
    /// What the client sent is wrong. The commands before it are in `frames`, to be answered before
    /// the error; the connection is to be closed.
    pub fn decode(
        &mut self,
        buf: &mut [u8],
        from: usize,
        frames: &mut Frames,
        max: usize,
    ) -> Result<usize, ProtocolError> {
        let end = buf.len().min(MAX_FRAME_LEN);
        let last = frames.len().saturating_add(max);
        let mut at = from;
        while frames.len() < last && at < end {
            if !self.in_frame {
                at = self.whole_frames(&buf[at..end], end, frames, last);
                if frames.len() == last || at == end {
                    break;
                }
            }
            match self.next_frame(&mut buf[at..end], at, frames) {
                Ok(Some(len)) => {
                    at += len;
                    self.progress.reset();
                    (self.in_frame, self.wanted) = (false, 0);
                }
                Ok(None) => {
                    (self.in_frame, self.wanted) = (true, self.progress.wanted(end - at));
                    break;
                }
                Err(error) => {
                    self.progress.reset();
                    (self.in_frame, self.wanted) = (false, 0);
                    return Err(error);
                }
            }
        }
        Ok(at)
    }

    /// Bytes beyond those present that the incomplete frame needs at least; 0 when there is none or
    /// it is unknown. The number is the client's claim, up to `max_bulk_len`: bound what is
    /// reserved on the strength of it.
    #[inline]
    #[must_use]
    pub fn wanted(&self) -> usize {
        self.wanted
    }

    /// Whether the last call ended within a frame.
    #[inline]
    #[must_use]
    pub fn in_frame(&self) -> bool {
        self.in_frame
    }

    /// The fast path: frames that are complete and ordinary. Returns the offset, in the buffer that
    /// `input` is the part before `end` of, of the first one that is not, or of the end.
    #[inline]
    fn whole_frames(
        &self,
        mut input: &[u8],
        end: usize,
        frames: &mut Frames,
        last: usize,
    ) -> usize {
        while frames.len() < last {
            let checkpoint = input.checkpoint();
            let first = frames.args.len();
            match multibulk::whole(&mut input, end, self.fast_limits, &mut frames.args) {
                Some(()) => frames.push_command(first),
                None => {
                    frames.args.truncate(first);
                    input = checkpoint;
                    break;
                }
            }
        }
        end - input.len()
    }

    /// The way for all others: reads on in the frame that starts at `frame[0]`, which is at offset
    /// `base`. Returns its length once it is complete.
    #[cold]
    fn next_frame(
        &mut self,
        frame: &mut [u8],
        base: usize,
        frames: &mut Frames,
    ) -> Result<Option<usize>, ProtocolError> {
        let first = frames.args.len();
        // The frame lies in the first 4 GiB of the buffer.
        let base = base as u32;
        let len = if frame.first() == Some(&b'*') {
            let len = self.progress.multibulk(frame, &self.limits)?;
            if len.is_some() {
                let absolute = |range: &ArgRange| ArgRange { start: base + range.start, ..*range };
                frames.args.extend(self.progress.args.iter().map(absolute));
            }
            len
        } else {
            self.inline(frame, base, frames)?
        };
        if frames.args.len() > first {
            frames.push_command(first);
        }
        Ok(len)
    }

    fn inline(
        &mut self,
        frame: &mut [u8],
        base: u32,
        frames: &mut Frames,
    ) -> Result<Option<usize>, ProtocolError> {
        let Some(newline) = self.progress.inline_len(frame, &self.limits)? else { return Ok(None) };
        let line = match &mut frame[..newline] {
            [line @ .., b'\r'] => line,
            line => line,
        };
        let first = frames.args.len();
        inline::split(line, base, &mut frames.args).map_err(|inline::Unbalanced| {
            frames.args.truncate(first);
            ProtocolError::UnbalancedQuotes
        })?;
        Ok(Some(newline + 1))
    }
}
