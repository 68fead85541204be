//! The log's bytes: records, and the frames that carry them. `docs/format.md` describes them byte by
//! byte.
//!
//! A *record* is what becomes durable together: the effects of one batch, transaction or script, in
//! one part for each partition that it touched. It has a log sequence number (LSN). A *frame* is
//! what is checked together: a length, a CRC-32, an LSN and a piece of a record. Records up to
//! [`MAX_PIECE`] are one frame; longer ones are several, which are worth nothing until the last. A
//! frame has a [`Tie`] to the file that it is in.
//!
//! All numbers are little-endian. Nothing here knows files, nor what effects mean.

mod frame;
mod record;

pub use frame::{FRAME_HEADER, Frame, FrameError, MAX_PIECE, Piece, Tie};
pub use record::{Assembled, Assembler, Lsn, Part, Record, RecordError, RecordHead};
