//! The manifest: the one file that says which others count. It is replaced as a whole, so it is
//! always the old one or the new one.
//!
//! It is text, so that somebody at night can read it: a line that names the format, one for each
//! fact, and a last one with the CRC-32 of all before it.

use std::fmt::Write;

use shardwright_codec::log::Lsn;
use thiserror::Error;

use crate::error::JournalError;
use crate::files::{checkpoint_name, segment_name};
use crate::storage::{Storage, StorageFile};

/// The manifest's name.
pub const MANIFEST: &str = "MANIFEST";

/// Where the next one is written before it takes the name.
const NEXT: &str = "MANIFEST.new";

const TITLE: &str = "shardwright manifest 1";

/// A segment that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentEntry {
    /// Its number, which gives its name.
    pub number: u64,
    /// LSN of its first record.
    pub first: Lsn,
}

impl SegmentEntry {
    /// The segment's file.
    pub fn name(&self) -> String {
        segment_name(self.number)
    }
}

/// The checkpoint that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckpointEntry {
    /// The newest record that it contains.
    pub lsn: Lsn,
    /// Bytes of its file.
    pub len: u64,
}

impl CheckpointEntry {
    /// The checkpoint's file.
    pub fn name(&self) -> String {
        checkpoint_name(self.lsn)
    }
}

/// Which files of a data directory count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Chosen at random when the directory was made.
    pub directory: u64,
    /// What the log's segments go on from; nothing if they begin with nothing.
    pub checkpoint: Option<CheckpointEntry>,
    /// The log's segments, in order.
    pub segments: Vec<SegmentEntry>,
}

/// Why text is not a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ManifestError {
    /// It begins with something else.
    #[error("its first line is not \"{TITLE}\": something else, or a later version's")]
    Title,
    /// The checksum is missing or does not fit.
    #[error("its last line does not have the checksum of the others")]
    Checksum,
    /// A line that means nothing here, or is missing.
    #[error("line {0} does not say what it should")]
    Line(usize),
}

impl Manifest {
    /// The manifest's text.
    pub fn encode(&self) -> String {
        let mut text = format!("{TITLE}\ndirectory {:016x}\n", self.directory);
        if let Some(CheckpointEntry { lsn, len }) = self.checkpoint {
            // Writing to a string does not fail.
            let _ = writeln!(text, "checkpoint {lsn} {len}");
        }
        for SegmentEntry { number, first } in &self.segments {
            let _ = writeln!(text, "segment {number} {first}");
        }
        let _ = writeln!(text, "crc32 {:08x}", crc32fast::hash(text.clone().as_bytes()));
        text
    }

    /// Reads a manifest.
    ///
    /// # Errors
    /// It is none, or a later version's, or damaged.
    pub fn decode(bytes: &[u8]) -> Result<Self, ManifestError> {
        let text = std::str::from_utf8(bytes).map_err(|_| ManifestError::Checksum)?;
        if text.lines().next() != Some(TITLE) {
            return Err(ManifestError::Title);
        }
        let body = text.rfind("crc32 ").map_or("", |at| &text[..at]);
        if format!("{body}crc32 {:08x}\n", crc32fast::hash(body.as_bytes())) != text {
            return Err(ManifestError::Checksum);
        }
        let mut lines = body.lines().enumerate().skip(1);
        let directory = lines
            .next()
            .and_then(|(_, line)| u64::from_str_radix(line.strip_prefix("directory ")?, 16).ok())
            .ok_or(ManifestError::Line(2))?;
        let mut manifest = Self { directory, checkpoint: None, segments: Vec::new() };
        for (at, line) in lines {
            let numbers = |kind| {
                let (first, second) = line.strip_prefix(kind)?.split_once(' ')?;
                Some((first.parse().ok()?, second.parse().ok()?))
            };
            if let Some((number, first)) = numbers("segment ") {
                manifest.segments.push(SegmentEntry { number, first: Lsn(first) });
            } else if let Some((lsn, len)) = numbers("checkpoint ")
                && manifest.checkpoint.is_none()
                && manifest.segments.is_empty()
            {
                manifest.checkpoint = Some(CheckpointEntry { lsn: Lsn(lsn), len });
            } else {
                return Err(ManifestError::Line(at + 1));
            }
        }
        Ok(manifest)
    }

    /// Puts this manifest in the place of the one before, durably.
    ///
    /// # Errors
    /// Storage failed. Which of the two counts is unknown then.
    pub fn store(&self, storage: &impl Storage) -> Result<(), JournalError> {
        let mut file = storage.create(NEXT).map_err(JournalError::io("create", NEXT))?;
        let text = self.encode();
        file.write(text.as_bytes()).map_err(JournalError::io("write", NEXT))?;
        file.sync().map_err(JournalError::io("sync", NEXT))?;
        storage.rename(NEXT, MANIFEST).map_err(JournalError::io("rename", NEXT))?;
        let failed = JournalError::io("sync the directory of", MANIFEST);
        storage.sync_directory().map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let entry = |number, first| SegmentEntry { number, first: Lsn(first) };
        let checkpoint = Some(CheckpointEntry { lsn: Lsn(0), len: 7 });
        Manifest { directory: 0xabc, checkpoint, segments: vec![entry(3, 1), entry(4, 99)] }
    }

    #[test]
    fn a_manifest_is_read_as_it_was_written() {
        let text = manifest().encode();
        let lines: Vec<&str> = text.lines().collect();
        let expected = [
            "shardwright manifest 1",
            "directory 0000000000000abc",
            "checkpoint 0 7",
            "segment 3 1",
            "segment 4 99",
        ];
        assert_eq!(lines[..5], expected);
        assert_eq!(Manifest::decode(text.as_bytes()), Ok(manifest()));
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_found() {
        let bytes = manifest().encode().into_bytes();
        for at in 0..bytes.len() {
            assert!(Manifest::decode(&bytes[..at]).is_err(), "cut at {at}");
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[at] ^= 1 << bit;
                assert!(Manifest::decode(&damaged).is_err(), "bit {bit} of byte {at}");
            }
        }
    }

    #[test]
    fn a_line_that_means_nothing_is_told() {
        let body = format!("{TITLE}\ndirectory 1\nsegment 1 1\nwhatever\n");
        let text = format!("{body}crc32 {:08x}\n", crc32fast::hash(body.as_bytes()));
        assert_eq!(Manifest::decode(text.as_bytes()), Err(ManifestError::Line(4)));
    }
}
