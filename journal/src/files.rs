//! Names and headers of the files of a data directory: the log's segments, and checkpoints. Behind
//! its header each has frames, one after the other.
//!
//! A segment may be written over a file that had another one before. So its frames are tied to its
//! directory and its number, which no other segment of the directory has or had.

use std::io::{self, Read};

use shardwright_codec::log::{Lsn, Tie};
use thiserror::Error;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A segment of the log.
    Segment,
    /// A checkpoint.
    Checkpoint,
}

impl FileKind {
    /// What every such file begins with.
    const fn magic(self) -> &'static [u8; 8] {
        match self {
            Self::Segment => b"SWRTLOG\0",
            Self::Checkpoint => b"SWRTCKP\0",
        }
    }

    /// The version of the format that this program writes, and the newest that it reads.
    const fn version(self) -> u16 {
        match self {
            Self::Segment => 4,
            Self::Checkpoint => 3,
        }
    }

    /// Whether frames of such a file of this version are tied to it.
    const fn is_tied(self, version: u16) -> bool {
        matches!(self, Self::Segment) && version >= TIED
    }
}

/// The first version of segments whose frames are tied to them.
const TIED: u16 = 2;

/// Bytes before the sequences, or before what tied segments have in front of these.
const FIXED: usize = 36;

/// Bytes that tied segments have in front of the sequences.
const FORMER: usize = 8;

/// What a file says about itself before its records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileHeader {
    /// Chosen at random when the data directory was made, to find files of another one.
    pub directory: u64,
    /// A segment's number in the directory; 0 for a checkpoint.
    pub number: u64,
    /// LSN of a segment's first record; of the newest record that a checkpoint contains.
    pub lsn: Lsn,
    /// Bytes that the file had when the segment began: what is behind the segment's end, up to there,
    /// is of an earlier one. Nothing where frames are not tied: in checkpoints, and in segments of
    /// version 1.
    pub former_len: Option<u64>,
    /// The newest effect of each partition before a segment's first record, or in a checkpoint.
    /// There are as many as the server had shards.
    pub sequences: Vec<u64>,
}

/// Why bytes are not a file's header.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HeaderError {
    /// They end too early.
    #[error("the header is cut off after {0} bytes")]
    Truncated(usize),
    /// They begin with something else.
    #[error("it does not begin as such a file does")]
    Magic,
    /// A later program wrote it.
    #[error("it has version {found} of the format, this program reads up to {newest}")]
    Version {
        /// What it has.
        found: u16,
        /// The newest that is known.
        newest: u16,
    },
    /// The checksum does not fit.
    #[error("the header's checksum is {found:08x}, its bytes give {computed:08x}")]
    Checksum {
        /// What the header says.
        found: u32,
        /// What its bytes give.
        computed: u32,
    },
}

/// Name of the segment with this number.
pub fn segment_name(number: u64) -> String {
    format!("log-{number:010}.swl")
}

/// Name of the checkpoint that contains all records up to this one.
pub fn checkpoint_name(lsn: Lsn) -> String {
    format!("checkpoint-{:020}.swc", lsn.0)
}

/// Whether a file of this name is a checkpoint's.
pub(crate) fn is_checkpoint_name(name: &str) -> bool {
    let lsn = || name.strip_prefix("checkpoint-")?.strip_suffix(".swc")?.parse().ok();
    lsn().is_some_and(|lsn| checkpoint_name(Lsn(lsn)) == name)
}

/// Name of the spare that was the segment with this number.
pub(crate) fn spare_name(number: u64) -> String {
    format!("spare-{number:010}.swl")
}

/// The number of the segment with this name.
pub(crate) fn segment_number(name: &str) -> Option<u64> {
    let number = name.strip_prefix("log-")?.strip_suffix(".swl")?.parse().ok()?;
    (segment_name(number) == name).then_some(number)
}

/// The number of the segment that the spare with this name was.
pub(crate) fn spare_number(name: &str) -> Option<u64> {
    let number = name.strip_prefix("spare-")?.strip_suffix(".swl")?.parse().ok()?;
    (spare_name(number) == name).then_some(number)
}

impl FileHeader {
    /// What the frames behind it are tied to.
    pub(crate) fn tie(&self) -> Tie {
        tie(self.former_len.is_some(), self.directory, self.number)
    }

    /// The header's bytes. A segment whose frames are not tied gets version 1, all else the newest.
    pub fn encode(&self, kind: FileKind) -> Vec<u8> {
        let is_old = kind == FileKind::Segment && self.former_len.is_none();
        let version = if is_old { 1 } else { kind.version() };
        let mut out = Vec::with_capacity(FIXED + FORMER + self.sequences.len() * 8 + 4);
        out.extend_from_slice(kind.magic());
        out.extend_from_slice(&version.to_le_bytes());
        out.extend_from_slice(&(self.sequences.len() as u16).to_le_bytes());
        let numbers = [self.directory, self.number, self.lsn.0].into_iter().chain(self.former_len);
        numbers.for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
        self.sequences.iter().for_each(|newest| out.extend_from_slice(&newest.to_le_bytes()));
        out.extend_from_slice(&crc32fast::hash(&out).to_le_bytes());
        out
    }

    /// Reads the header at the front of `input` and tells how long it is.
    ///
    /// # Errors
    /// The bytes are no header, or one of a later version.
    pub fn decode(input: &[u8], kind: FileKind) -> Result<(Self, usize), HeaderError> {
        let cut = HeaderError::Truncated(input.len());
        let magic = input.first_chunk::<8>().ok_or(cut.clone())?;
        if magic != kind.magic() {
            return Err(HeaderError::Magic);
        }
        let fixed = input.first_chunk::<FIXED>().ok_or(cut.clone())?;
        let (found, newest) = (version(fixed), kind.version());
        if found == 0 || found > newest {
            return Err(HeaderError::Version { found, newest });
        }
        let is_tied = kind.is_tied(found);
        let end = len(fixed, kind) - 4;
        let bytes = input.get(..end).ok_or(cut.clone())?;
        let found = input.get(end..).and_then(<[u8]>::first_chunk).ok_or(cut)?;
        let (found, computed) = (u32::from_le_bytes(*found), crc32fast::hash(bytes));
        if found != computed {
            return Err(HeaderError::Checksum { found, computed });
        }
        let mut numbers =
            bytes[12..].as_chunks::<8>().0.iter().map(|number| u64::from_le_bytes(*number));
        let mut next = || numbers.next().unwrap_or_default();
        let (directory, number, lsn) = (next(), next(), Lsn(next()));
        let former_len = is_tied.then(&mut next);
        let sequences = numbers.collect();
        Ok((Self { directory, number, lsn, former_len, sequences }, end + 4))
    }
}

/// The version that a header has which begins so.
fn version(fixed: &[u8; FIXED]) -> u16 {
    u16::from_le_bytes([fixed[8], fixed[9]])
}

/// Bytes of a header that begins so.
fn len(fixed: &[u8; FIXED], kind: FileKind) -> usize {
    let former = if kind.is_tied(version(fixed)) { FORMER } else { 0 };
    let partitions = usize::from(u16::from_le_bytes([fixed[10], fixed[11]]));
    FIXED + former + partitions * 8 + 4
}

fn tie(is_tied: bool, directory: u64, number: u64) -> Tie {
    if is_tied { Tie::to(&[directory, number]) } else { Tie::NONE }
}

/// What the frames of a segment are tied to that begins so, whether its header is damaged or not.
pub(crate) fn tie_of_segment(bytes: &[u8], directory: u64, number: u64) -> Tie {
    let version = bytes.first_chunk().map_or(TIED, version);
    tie(FileKind::Segment.is_tied(version), directory, number)
}

/// Reads until `bytes` has `len` of them, or there are no more.
pub(crate) fn fill(reader: &mut impl Read, bytes: &mut Vec<u8>, len: usize) -> io::Result<()> {
    let wanted = len.saturating_sub(bytes.len()) as u64;
    reader.take(wanted).read_to_end(bytes).map(drop)
}

/// Reads a header and nothing behind it. Tells how long it is.
pub(crate) fn read_header(
    reader: &mut impl Read,
    kind: FileKind,
) -> io::Result<Result<(FileHeader, usize), HeaderError>> {
    let mut bytes = Vec::new();
    fill(reader, &mut bytes, FIXED)?;
    // How long it is stands in its first bytes.
    if let Some(len) = bytes.first_chunk().map(|fixed| len(fixed, kind)) {
        fill(reader, &mut bytes, len)?;
    }
    Ok(FileHeader::decode(&bytes, kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> FileHeader {
        let (former_len, sequences) = (Some(99), vec![5, 0, 9]);
        FileHeader { directory: 77, number: 3, lsn: Lsn(12), former_len, sequences }
    }

    #[test]
    fn a_header_is_read_as_it_was_written() {
        let mut bytes = header().encode(FileKind::Segment);
        let len = bytes.len();
        bytes.extend_from_slice(b"frames");
        assert_eq!(FileHeader::decode(&bytes, FileKind::Segment), Ok((header(), len)));
        assert_eq!(header().tie(), Tie::to(&[77, 3]));
        assert_eq!(tie_of_segment(&bytes, 77, 3), Tie::to(&[77, 3]));
    }

    #[test]
    fn version_1_is_written_where_frames_are_not_tied() {
        let header = FileHeader { former_len: None, ..header() };
        let bytes = header.encode(FileKind::Segment);
        assert_eq!((bytes.len(), bytes[8]), (FIXED + 3 * 8 + 4, 1));
        assert_eq!(
            FileHeader::decode(&bytes, FileKind::Segment),
            Ok((header.clone(), bytes.len()))
        );
        assert_eq!((header.tie(), tie_of_segment(&bytes, 77, 3)), (Tie::NONE, Tie::NONE));
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_found() {
        let bytes = header().encode(FileKind::Segment);
        for at in 0..bytes.len() {
            assert!(FileHeader::decode(&bytes[..at], FileKind::Segment).is_err(), "cut at {at}");
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[at] ^= 1 << bit;
                assert!(
                    FileHeader::decode(&damaged, FileKind::Segment).is_err(),
                    "bit {bit} of byte {at}"
                );
            }
        }
    }

    #[test]
    fn a_checkpoint_is_no_segment() {
        let bytes = FileHeader { former_len: None, ..header() }.encode(FileKind::Checkpoint);
        assert_eq!(FileHeader::decode(&bytes, FileKind::Segment), Err(HeaderError::Magic));
        assert!(FileHeader::decode(&bytes, FileKind::Checkpoint).is_ok());
        assert!(
            is_checkpoint_name(&checkpoint_name(Lsn(9))) && !is_checkpoint_name("checkpoint-9.swc")
        );
    }

    #[test]
    fn a_later_version_is_named() {
        let mut bytes = header().encode(FileKind::Segment);
        bytes[8] = 5;
        let error = FileHeader::decode(&bytes, FileKind::Segment).unwrap_err();
        assert_eq!(error.to_string(), "it has version 5 of the format, this program reads up to 4");
        bytes = FileHeader { former_len: None, ..header() }.encode(FileKind::Checkpoint);
        bytes[8] = 4;
        let error = FileHeader::decode(&bytes, FileKind::Checkpoint).unwrap_err();
        assert_eq!(error.to_string(), "it has version 4 of the format, this program reads up to 3");
    }

    /// Gives a header another version, with the checksum of that.
    fn with_version(mut bytes: Vec<u8>, version: u8) -> Vec<u8> {
        bytes[8] = version;
        let end = bytes.len() - 4;
        let crc = crc32fast::hash(&bytes[..end]).to_le_bytes();
        bytes[end..].copy_from_slice(&crc);
        bytes
    }

    #[test]
    fn earlier_versions_that_look_the_same_are_read() {
        let bytes = header().encode(FileKind::Segment);
        assert_eq!(bytes[8], 4);
        for version in [2, 3] {
            let earlier = with_version(bytes.clone(), version);
            let read = FileHeader::decode(&earlier, FileKind::Segment);
            assert_eq!(read, Ok((header(), earlier.len())));
            assert_eq!(tie_of_segment(&earlier, 77, 3), Tie::to(&[77, 3]));
        }
        let header = FileHeader { former_len: None, ..header() };
        let bytes = header.encode(FileKind::Checkpoint);
        assert_eq!((bytes.len(), bytes[8]), (FIXED + 3 * 8 + 4, 3));
        for version in [1, 2] {
            let bytes = with_version(bytes.clone(), version);
            let read = FileHeader::decode(&bytes, FileKind::Checkpoint);
            assert_eq!(read, Ok((header.clone(), bytes.len())));
        }
    }

    #[test]
    fn only_names_that_segments_get_are_taken_for_such() {
        assert_eq!(segment_number(&segment_name(41)), Some(41));
        for name in ["log-1.swl", "log-0000000001", "log-+000000001.swl", "log-000000000x.swl"] {
            assert_eq!(segment_number(name), None, "{name}");
        }
        let spare = spare_name(41);
        assert_eq!((spare_number(&spare), segment_number(&spare)), (Some(41), None));
        assert_eq!((spare_number(&segment_name(41)), is_checkpoint_name(&spare)), (None, false));
    }
}
