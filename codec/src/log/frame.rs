//! Frames: pieces of records with a checksum.

use crc32fast::Hasher;
use thiserror::Error;

use super::Lsn;

/// Bytes before a frame's piece: length (4), CRC-32 (4), LSN (8), which piece (1).
pub const FRAME_HEADER: usize = 17;

/// Most bytes of a record in one frame. A length beyond it is damage, found before it is believed.
pub const MAX_PIECE: usize = 16 << 20;

const CRC_AT: usize = 4;
const LSN_AT: usize = 8;
pub(super) const PIECE_AT: usize = 16;

/// What frames belong to besides their record: a frame is none where another tie is expected. So what
/// a file still has of an earlier use is told from what it has now.
///
/// It is where the checksum begins. The same bytes never have the same checksum from two begins, so a
/// whole frame fits exactly one tie. Ties to numbers differ for certain where only the last of the
/// numbers is another one, and that in its lower 32 bits: CRC-32 finds every such change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tie(u32);

impl Tie {
    /// To nothing.
    pub const NONE: Self = Self(0);

    /// To these numbers.
    pub fn to(numbers: &[u64]) -> Self {
        let mut hasher = Hasher::new();
        numbers.iter().for_each(|number| hasher.update(&number.to_le_bytes()));
        Self(hasher.finalize())
    }
}

/// Which piece of its record a frame has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece {
    /// All of it.
    Whole,
    /// The first of several.
    First,
    /// One between the first and the last.
    Middle,
    /// The last of several.
    Last,
}

impl Piece {
    const ALL: [Self; 4] = [Self::Whole, Self::First, Self::Middle, Self::Last];

    /// The piece that begins, or goes on with, a record that ends with it or does not.
    pub(super) const fn of(begins: bool, ends: bool) -> Self {
        match (begins, ends) {
            (true, true) => Self::Whole,
            (true, false) => Self::First,
            (false, false) => Self::Middle,
            (false, true) => Self::Last,
        }
    }

    const fn byte(self) -> u8 {
        self as u8 + 1
    }

    fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.get(usize::from(byte).checked_sub(1)?).copied()
    }
}

/// A frame that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// LSN of its record.
    pub lsn: Lsn,
    /// Which piece of the record it has.
    pub piece: Piece,
    /// The piece.
    pub bytes: &'a [u8],
}

/// Why bytes are not a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FrameError {
    /// The bytes end before the frame does.
    #[error("a frame of {wanted} bytes is cut off after {found}")]
    Truncated {
        /// Bytes that the frame should have, as far as is known.
        wanted: usize,
        /// Bytes that are there.
        found: usize,
    },
    /// The length is more than any frame has.
    #[error("a frame says that it has {0} bytes, of at most {MAX_PIECE}")]
    Length(u32),
    /// The checksum does not fit.
    #[error("a frame's checksum is {found:08x}, its bytes give {computed:08x}")]
    Checksum {
        /// What the frame says.
        found: u32,
        /// What its bytes give.
        computed: u32,
    },
    /// The checksum fits, but the piece is none that is known: a later version's.
    #[error("a frame has a piece of kind {0}, which this version does not know")]
    Piece(u8),
}

impl<'a> Frame<'a> {
    /// Reads the frame of this tie at the front of `input`; nothing if that is empty.
    ///
    /// # Errors
    /// There are bytes, and they are no such frame.
    pub fn decode(input: &'a [u8], tie: Tie) -> Result<Option<Self>, FrameError> {
        if input.is_empty() {
            return Ok(None);
        }
        let cut = |wanted| FrameError::Truncated { wanted, found: input.len() };
        let header = input.first_chunk::<FRAME_HEADER>().ok_or(cut(FRAME_HEADER))?;
        let found = u32::from_le_bytes(array(header, CRC_AT));
        let end = Self::claimed_len(header)?;
        let bytes = input.get(FRAME_HEADER..end).ok_or(cut(end))?;
        let computed = checksum(header, bytes, tie);
        if computed != found {
            return Err(FrameError::Checksum { found, computed });
        }
        let byte = header[PIECE_AT];
        let piece = Piece::from_byte(byte).ok_or(FrameError::Piece(byte))?;
        Ok(Some(Self { lsn: Lsn(u64::from_le_bytes(array(header, LSN_AT))), piece, bytes }))
    }

    /// Appends it to `out` with this tie.
    pub fn encode(&self, tie: Tie, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&[0; FRAME_HEADER]);
        out.extend_from_slice(self.bytes);
        seal(&mut out[start..], self.lsn, self.piece, tie);
    }

    /// The record that the bytes at the front of `input` would belong to if they were a frame; nothing
    /// if they cannot be one. Takes a glance, and no checksum.
    pub fn claimed_lsn(input: &[u8]) -> Option<Lsn> {
        let header = input.first_chunk::<FRAME_HEADER>()?;
        let fits = Self::claimed_len(header).is_ok_and(|len| len <= input.len());
        let is_piece = Piece::from_byte(header[PIECE_AT]).is_some();
        (fits && is_piece).then(|| Lsn(u64::from_le_bytes(array(header, LSN_AT))))
    }

    /// Bytes that the frame says to take whose header `input` begins with; those of a header if that
    /// is not all there.
    ///
    /// # Errors
    /// It says more than any frame takes.
    pub fn claimed_len(input: &[u8]) -> Result<usize, FrameError> {
        let Some(length) = input.first_chunk() else { return Ok(FRAME_HEADER) };
        let length = u32::from_le_bytes(*length);
        if length as usize > MAX_PIECE {
            return Err(FrameError::Length(length));
        }
        Ok(FRAME_HEADER + length as usize)
    }

    /// Bytes that the frame takes.
    pub fn len(&self) -> usize {
        FRAME_HEADER + self.bytes.len()
    }

    /// Whether its piece is empty, which no written one is.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

/// Fills in the header of the frame in `frame`, whose piece is there already.
pub(super) fn seal(frame: &mut [u8], lsn: Lsn, piece: Piece, tie: Tie) {
    let Some((header, bytes)) = frame.split_first_chunk_mut::<FRAME_HEADER>() else { return };
    header[..CRC_AT].copy_from_slice(&(bytes.len() as u32).to_le_bytes());
    header[LSN_AT..PIECE_AT].copy_from_slice(&lsn.0.to_le_bytes());
    header[PIECE_AT] = piece.byte();
    let crc = checksum(header, bytes, tie);
    header[CRC_AT..LSN_AT].copy_from_slice(&crc.to_le_bytes());
}

/// CRC-32 of everything but the checksum itself, behind what the tie stands for.
fn checksum(header: &[u8; FRAME_HEADER], bytes: &[u8], tie: Tie) -> u32 {
    let mut hasher = Hasher::new_with_initial(tie.0);
    hasher.update(&header[..CRC_AT]);
    hasher.update(&header[LSN_AT..]);
    hasher.update(bytes);
    hasher.finalize()
}

/// `N` bytes of a header, which has them.
fn array<const N: usize>(header: &[u8; FRAME_HEADER], at: usize) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&header[at..at + N]);
    array
}
