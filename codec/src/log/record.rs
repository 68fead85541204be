//! Records: what was changed together, and how it is cut into frames and put together again.

use std::fmt;

use thiserror::Error;

use super::frame::{FRAME_HEADER, Frame, MAX_PIECE, PIECE_AT, Piece, Tie, seal};

/// Log sequence number: the place of a record in the log, from 1 on without a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Lsn(pub u64);

impl Lsn {
    /// The number after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Consecutive effects of one partition within a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part<'a> {
    /// The partition.
    pub partition: u16,
    /// Sequence of the first effect.
    pub first: u64,
    /// Number of effects.
    pub count: u64,
    /// The effects, one behind the other.
    pub payload: &'a [u8],
}

/// What a record says besides its effects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordHead {
    /// Its place in the log.
    pub lsn: Lsn,
    /// When it was written, in milliseconds since the Unix epoch.
    pub time_ms: i64,
    /// The newest record that was known to be durable when this one was written. So a damaged
    /// record can be told from one that a crash left half written.
    pub durable: Lsn,
}

/// Bytes before the parts: time (8), durable (8), number of parts (2).
const HEAD: usize = 18;

/// Where a frame says what is durable, if a record begins with it.
const DURABLE_AT: usize = FRAME_HEADER + 8;

/// Bytes of a part's description: partition (2), first (8), count (8), length (8).
const PART_HEAD: usize = 26;

/// A record that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record<'a> {
    /// What it says besides its effects.
    pub head: RecordHead,
    /// The partitions' effects, in the order in which they were written.
    pub parts: Vec<Part<'a>>,
}

/// Why frames, each of them whole, do not make a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RecordError {
    /// A frame goes on with a record that did not begin, or begins one before another has ended.
    #[error("a frame of record {lsn} comes out of turn")]
    OutOfTurn {
        /// The record that the frame belongs to.
        lsn: Lsn,
    },
    /// The record's bytes are not what its head says.
    #[error("record {lsn} has {found} bytes, its head says {wanted}")]
    Length {
        /// The record.
        lsn: Lsn,
        /// Bytes that its head says.
        wanted: u64,
        /// Bytes that are there.
        found: usize,
    },
}

impl RecordHead {
    /// Appends the record of these parts to `out`, cut into frames of this tie.
    pub fn encode(&self, tie: Tie, parts: &[Part<'_>], out: &mut Vec<u8>) {
        let mut cutter = Cutter { lsn: self.lsn, tie, start: out.len(), begins: true, out };
        cutter.open();
        cutter.put(&self.time_ms.to_le_bytes());
        cutter.put(&self.durable.0.to_le_bytes());
        cutter.put(&(parts.len() as u16).to_le_bytes());
        for part in parts {
            cutter.put(&part.partition.to_le_bytes());
            cutter.put(&part.first.to_le_bytes());
            cutter.put(&part.count.to_le_bytes());
            cutter.put(&(part.payload.len() as u64).to_le_bytes());
        }
        parts.iter().for_each(|part| cutter.put(part.payload));
        cutter.close(true);
    }
}

/// Appends a record's bytes and begins another frame whenever one is full.
struct Cutter<'o> {
    lsn: Lsn,
    tie: Tie,
    /// Where the frame begins.
    start: usize,
    /// The frame is the record's first.
    begins: bool,
    out: &'o mut Vec<u8>,
}

impl Cutter<'_> {
    fn open(&mut self) {
        self.start = self.out.len();
        self.out.extend_from_slice(&[0; FRAME_HEADER]);
    }

    fn close(&mut self, ends: bool) {
        let piece = Piece::of(self.begins, ends);
        self.begins = false;
        seal(&mut self.out[self.start..], self.lsn, piece, self.tie);
    }

    #[inline]
    fn put(&mut self, mut bytes: &[u8]) {
        loop {
            let room = MAX_PIECE - (self.out.len() - self.start - FRAME_HEADER);
            if bytes.len() <= room {
                self.out.extend_from_slice(bytes);
                return;
            }
            let (now, later) = bytes.split_at(room);
            self.out.extend_from_slice(now);
            self.close(false);
            self.open();
            bytes = later;
        }
    }
}

/// Puts records together from frames.
#[derive(Debug, Default)]
pub struct Assembler {
    lsn: Lsn,
    /// Pieces of a record that has not ended.
    bytes: Vec<u8>,
    open: bool,
}

/// What a frame brought.
#[derive(Debug, PartialEq, Eq)]
pub enum Assembled<'a> {
    /// A piece of a record of which more is to come.
    Piece,
    /// A whole record.
    Record(Record<'a>),
}

impl Assembler {
    /// Whether a record has begun and not ended.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Takes the next frame.
    ///
    /// # Errors
    /// The frame does not belong here, or its record is not what its head says.
    pub fn take<'a>(&'a mut self, frame: Frame<'a>) -> Result<Assembled<'a>, RecordError> {
        let lsn = frame.lsn;
        let begins = matches!(frame.piece, Piece::Whole | Piece::First);
        if begins == self.open || (!begins && lsn != self.lsn) {
            return Err(RecordError::OutOfTurn { lsn });
        }
        if frame.piece == Piece::Whole {
            return Record::decode(lsn, frame.bytes).map(Assembled::Record);
        }
        if begins {
            (self.lsn, self.open) = (lsn, true);
            self.bytes.clear();
        }
        self.bytes.extend_from_slice(frame.bytes);
        if frame.piece != Piece::Last {
            return Ok(Assembled::Piece);
        }
        self.open = false;
        Record::decode(lsn, &self.bytes).map(Assembled::Record)
    }
}

impl<'a> Record<'a> {
    /// What a record says of durability, if this frame is where it says it: its first.
    pub fn durable_of_first_piece(frame: &Frame<'_>) -> Option<Lsn> {
        if !matches!(frame.piece, Piece::Whole | Piece::First) {
            return None;
        }
        frame.bytes.get(8..16)?.first_chunk().map(|durable| Lsn(u64(*durable)))
    }

    /// Whether the bytes at the front of `input` can be the frame that a record begins with: what it
    /// says of durability came before it. Takes a glance, and no checksum: hardly any bytes pass that
    /// are something else.
    pub fn may_begin(input: &[u8]) -> bool {
        let Some(lsn) = Frame::claimed_lsn(input) else { return false };
        let durable = input.get(DURABLE_AT..).and_then(<[u8]>::first_chunk);
        let is_first = matches!(input.get(PIECE_AT), Some(1 | 2));
        is_first && durable.is_some_and(|durable| u64(*durable) < lsn.0)
    }

    /// Reads the record of all its pieces.
    fn decode(lsn: Lsn, bytes: &'a [u8]) -> Result<Self, RecordError> {
        let short = |wanted: u64| RecordError::Length { lsn, wanted, found: bytes.len() };
        let mut reader = Reader(bytes);
        let head = (|| Some((reader.number()?, reader.number()?, reader.number()?)))();
        let (time_ms, durable, count) = head.ok_or(short(HEAD as u64))?;
        let head =
            RecordHead { lsn, time_ms: i64::from_le_bytes(time_ms), durable: Lsn(u64(durable)) };
        let count = usize::from(u16::from_le_bytes(count));
        let mut parts = Vec::with_capacity(count);
        let mut wanted = (HEAD + count * PART_HEAD) as u64;
        let mut lengths = Vec::with_capacity(count);
        for _ in 0..count {
            let read = (|| {
                Some((reader.number()?, reader.number()?, reader.number()?, reader.number()?))
            })();
            let (partition, first, number, length) = read.ok_or(short(wanted))?;
            let partition = u16::from_le_bytes(partition);
            let [first, count, length] = [first, number, length].map(u64);
            parts.push(Part { partition, first, count, payload: &[] });
            wanted = wanted.saturating_add(length);
            lengths.push(length);
        }
        if wanted != bytes.len() as u64 {
            return Err(short(wanted));
        }
        for (part, length) in parts.iter_mut().zip(lengths) {
            part.payload = reader.take(length as usize).ok_or(short(wanted))?;
        }
        Ok(Self { head, parts })
    }
}

fn u64(bytes: [u8; 8]) -> u64 {
    u64::from_le_bytes(bytes)
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn number<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*number)
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }
}
