//! What can go wrong, by whom it concerns: who writes the log, and who reads it back.

use std::fmt;
use std::io;

use shardwright_codec::log::{FrameError, Lsn, RecordError};
use thiserror::Error;

use crate::files::{HeaderError, is_checkpoint_name};
use crate::lines::TextError;
use crate::sequences::Gap;

/// Why the log took something no further.
#[derive(Debug, Error)]
pub enum JournalError {
    /// Storage failed.
    #[error("could not {action} {file}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file.
        file: String,
        /// Why it failed.
        source: io::Error,
    },
    /// Effects are missing or came twice: the log would be wrong.
    #[error(transparent)]
    Gap(#[from] Gap),
    /// Something failed before. What became of that is unknown, so nothing may follow it.
    #[error("the log failed before and takes nothing more")]
    Failed,
}

impl JournalError {
    /// Makes the error of something that was tried with a file.
    pub(crate) fn io(action: &'static str, file: &str) -> impl FnOnce(io::Error) -> Self {
        let file = file.to_owned();
        move |source| Self::Io { action, file, source }
    }
}

/// A place in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    /// The file.
    pub file: String,
    /// Bytes from its begin.
    pub offset: u64,
    /// The record that is there, or should be.
    pub lsn: Lsn,
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}, record {}", self.file, self.offset, self.lsn)
    }
}

/// Why a data directory cannot be used as it is.
#[derive(Debug, Error)]
pub enum RecoveryError {
    /// Storage failed.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// There are files and nothing that says which of them count.
    #[error("there is {0}, but no {file}, which says what counts", file = crate::MANIFEST)]
    NoManifest(String),
    /// Data from elsewhere was being put into it, and that did not end.
    #[error(
        "an import or a restore into it was not finished (there is {file}, which says of what): do it \
         again, or remove {file} and all *.swc and *.swl beside it",
        file = crate::IMPORT
    )]
    Unfinished,
    /// There is no data.
    #[error("there is no data: no {file}, and nothing that one could name", file = crate::MANIFEST)]
    NoData,
    /// The manifest is damaged, or of another version.
    #[error("{file} cannot be read: {0}", file = crate::MANIFEST)]
    Manifest(#[from] TextError),
    /// A file that counts is missing.
    #[error("there is no {0}, which {file} names", file = crate::MANIFEST)]
    Missing(String),
    /// A file's header is damaged, or of a later version.
    #[error("{file} cannot be read: {why}")]
    Header {
        /// The file.
        file: String,
        /// What is wrong with its header.
        why: HeaderError,
    },
    /// A file is another one than the manifest says.
    #[error("{file} belongs elsewhere: {what} {wanted} was expected, {found} found")]
    Foreign {
        /// The file.
        file: String,
        /// What of its header does not fit.
        what: &'static str,
        /// What it should be.
        wanted: u64,
        /// What it is.
        found: u64,
    },
    /// What came before a file, or is in it, could not be divided among the shards that wrote it.
    #[error("{file}: {why}")]
    Layout {
        /// The file.
        file: String,
        /// Why.
        why: String,
    },
    /// The log is damaged where it was durable once, or where no crash explains it.
    #[error("the log is damaged: {spot}: {why}")]
    Damaged {
        /// Where.
        spot: Spot,
        /// What is wrong there.
        why: Trouble,
    },
}

/// What helps against damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// The log can be cut off before it.
    Cut,
    /// The manifest can be made anew, if the other files leave no doubt.
    Rebuild,
    /// Only a backup.
    Restore,
    /// It is no damage: the cause is elsewhere.
    Elsewhere,
}

impl RecoveryError {
    /// What helps.
    pub fn remedy(&self) -> Remedy {
        let (Self::Header { file, .. }
        | Self::Foreign { file, .. }
        | Self::Missing(file)
        | Self::Damaged { spot: Spot { file, .. }, .. }) = self
        else {
            return match self {
                Self::NoManifest(_) => Remedy::Rebuild,
                Self::Manifest(TextError::Checksum | TextError::Line(_)) => Remedy::Rebuild,
                _ => Remedy::Elsewhere,
            };
        };
        match self {
            // What is whole and not understood was written by another version of the program.
            Self::Header { why: HeaderError::Version { .. }, .. }
            | Self::Damaged {
                why: Trouble::Refused(_) | Trouble::Frame(FrameError::Piece(_)),
                ..
            } => Remedy::Elsewhere,
            _ if is_checkpoint_name(file) => Remedy::Restore,
            _ => Remedy::Cut,
        }
    }
}

/// What is wrong with a record.
#[derive(Debug, Error)]
pub enum Trouble {
    /// A frame is damaged.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// Frames do not make a record.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A record is missing.
    #[error("record {found} comes here")]
    Order {
        /// The record that is there.
        found: Lsn,
    },
    /// Effects are missing.
    #[error(transparent)]
    Gap(#[from] Gap),
    /// The segment ends within a record, though another segment follows.
    #[error("the segment ends here within a record, though another one follows")]
    CutOff,
    /// The effects could not be applied.
    #[error("{0}")]
    Refused(String),
}
