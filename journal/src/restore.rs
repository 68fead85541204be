//! Restoring a backup into an empty directory.

use crate::backup::Copy;
use crate::backup_error::{BackupError, CopyError};
use crate::error::JournalError;
use crate::founding::{mark, remove_mark};
use crate::inventory::{BackupFile, Inventory};
use crate::lines;
use crate::manifest::MANIFEST;
use crate::progress::{Passing, Progress};
use crate::storage::Storage;
use crate::verify::open;

/// Why nothing was restored.
pub type RestoreFailed = CopyError<BackupError>;

/// Copies a backup into a directory that is empty or has what a restore left that did not end. It is a
/// data directory when this has returned without an error; until then the mark of a founding says that
/// it is none, and not empty either.
///
/// # Errors
/// A file of the backup is not what its inventory says, or storage failed.
pub fn restore(
    backup: &impl Storage,
    target: &impl Storage,
    progress: &mut dyn Progress,
) -> Result<Inventory, RestoreFailed> {
    let (inventory, manifest) = Inventory::read(backup).map_err(CopyError::Source)?;
    progress.begin(inventory.bytes());
    mark(target, "a backup").map_err(CopyError::Target)?;
    for file in inventory.files.iter().filter(|file| file.name != MANIFEST) {
        copy(backup, file, target, progress)?;
    }
    let text = manifest.encode();
    lines::replace(target, MANIFEST, text.as_bytes()).map_err(CopyError::Target)?;
    remove_mark(target).map_err(CopyError::Target)?;
    Ok(inventory)
}

fn copy(
    backup: &impl Storage,
    file: &BackupFile,
    target: &impl Storage,
    progress: &mut dyn Progress,
) -> Result<(), RestoreFailed> {
    let name = &file.name;
    let reader = open(backup, name).map_err(CopyError::Source)?;
    let mut copy = Copy::begin(target, name).map_err(CopyError::Target)?;
    let mut passing = Passing::new(reader, progress, |bytes| copy.write(bytes));
    let outcome = passing.drain().map_err(JournalError::io("read", name));
    // If the copy failed, so did reading.
    let sum = passing.end().map_err(CopyError::Target)?;
    outcome.map_err(|error| CopyError::Source(error.into()))?;
    file.check(sum).map_err(CopyError::Source)?;
    copy.end().map_err(CopyError::Target)
}
