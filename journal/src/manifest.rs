//! The manifest: the one file that says which others count. It is replaced as a whole, so it is
//! always the old one or the new one.

use std::fmt::Write;

use shardwright_codec::log::Lsn;

use crate::error::JournalError;
use crate::files::{checkpoint_name, is_checkpoint_name, segment_name, segment_number};
use crate::lines::{self, TextError};
use crate::storage::Storage;

/// The manifest's name.
pub const MANIFEST: &str = "MANIFEST";

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
        lines::seal(text)
    }

    /// Reads a manifest.
    ///
    /// # Errors
    /// It is none, or a later version's, or damaged.
    pub fn decode(bytes: &[u8]) -> Result<Self, TextError> {
        let mut lines = lines::open(bytes, TITLE)?;
        let directory = lines
            .next()
            .and_then(|(_, line)| u64::from_str_radix(line.strip_prefix("directory ")?, 16).ok())
            .ok_or(TextError::Line(2))?;
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
                return Err(TextError::Line(at));
            }
        }
        Ok(manifest)
    }

    /// Puts this manifest in the place of the one before, durably.
    ///
    /// # Errors
    /// Storage failed. Which of the two counts is unknown then.
    pub fn store(&self, storage: &impl Storage) -> Result<(), JournalError> {
        lines::replace(storage, MANIFEST, self.encode().as_bytes())
    }

    /// The names of all files that count, in the order in which they are read.
    pub fn files(&self) -> impl Iterator<Item = String> {
        let checkpoint = self.checkpoint.iter().map(CheckpointEntry::name);
        checkpoint.chain(self.segments.iter().map(SegmentEntry::name))
    }

    /// Whether all segments of another manifest count here as well.
    pub(crate) fn has_segments_of(&self, other: &Self) -> bool {
        other.segments.iter().all(|segment| self.segments.contains(segment))
    }

    /// Whether a file of this name is a segment or a checkpoint that does not count.
    pub fn is_stray(&self, name: &str) -> bool {
        match segment_number(name) {
            Some(number) => self.segments.iter().all(|segment| segment.number != number),
            None if is_checkpoint_name(name) => {
                self.checkpoint.is_none_or(|checkpoint| checkpoint.name() != name)
            }
            None => false,
        }
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
        let text = lines::seal(format!("{TITLE}\ndirectory 1\nsegment 1 1\nwhatever\n"));
        assert_eq!(Manifest::decode(text.as_bytes()), Err(TextError::Line(4)));
    }

    #[test]
    fn another_version_is_told_from_damage() {
        let text = lines::seal("shardwright manifest 2\nwhatever\n".to_owned());
        let error = Manifest::decode(text.as_bytes()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "it is a \"shardwright manifest 2\", written by another version of the program; \
             this one reads \"shardwright manifest 1\""
        );
    }

    #[test]
    fn what_it_does_not_name_is_stray() {
        let files: Vec<String> = manifest().files().collect();
        assert_eq!(files.len(), 3);
        for name in files.iter().map(String::as_str).chain([MANIFEST, "notes.txt"]) {
            assert!(!manifest().is_stray(name), "{name}");
        }
        for name in [segment_name(5), checkpoint_name(Lsn(1))] {
            assert!(manifest().is_stray(&name), "{name}");
        }
    }
}
