//! Why a backup is none, or was not made.

use shardwright_codec::log::Lsn;
use thiserror::Error;

use crate::error::{JournalError, RecoveryError};
use crate::inventory::BACKUP;
use crate::lines::TextError;
use crate::manifest::MANIFEST;

/// Why a backup cannot be trusted.
#[derive(Debug, Error)]
pub enum BackupError {
    /// Storage failed.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// It is no backup, or not yet.
    #[error("there is no {BACKUP}: it is no backup, or one that was interrupted")]
    NoBackup,
    /// The inventory is damaged.
    #[error("{BACKUP} cannot be read: {0}")]
    Inventory(TextError),
    /// A file is missing.
    #[error("{0} is missing")]
    Missing(String),
    /// There is a file that the backup did not have.
    #[error("there is {0}, which {BACKUP} does not name: something else wrote here")]
    Surplus(String),
    /// A file has another length.
    #[error("{file} has {found} bytes, {BACKUP} says {wanted}")]
    Length {
        /// The file.
        file: String,
        /// What the inventory says.
        wanted: u64,
        /// What is there.
        found: u64,
    },
    /// A file has another checksum.
    #[error("{file} has the checksum {found:08x}, {BACKUP} says {wanted:08x}")]
    Checksum {
        /// The file.
        file: String,
        /// What the inventory says.
        wanted: u32,
        /// What its bytes give.
        found: u32,
    },
    /// The two lists of files are not the same.
    #[error("{BACKUP} and {MANIFEST} do not name the same files")]
    Disagree,
    /// The files cannot be read as a start would read them.
    #[error(transparent)]
    Contents(#[from] RecoveryError),
    /// They end with another record.
    #[error("the newest record is {found}, {BACKUP} says {wanted}")]
    Newest {
        /// What the inventory says.
        wanted: Lsn,
        /// What is there.
        found: Lsn,
    },
}

/// Why something was not copied.
#[derive(Debug, Error)]
pub enum CopyError<E: std::error::Error + 'static> {
    /// What was to be copied cannot be read, or is damaged.
    #[error(transparent)]
    Source(E),
    /// The copy cannot be written.
    #[error("the copy: {0}")]
    Target(JournalError),
}
