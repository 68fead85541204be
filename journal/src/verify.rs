//! Verifying a backup: what passes can be restored and started with.

use std::io::{ErrorKind, Read};

use crate::backup_error::BackupError;
use crate::error::JournalError;
use crate::inventory::Inventory;
use crate::manifest::Manifest;
use crate::progress::{Passing, Progress, Sum};
use crate::reading::{Contents, Reading};
use crate::recovery::{Replay, is_journal_name, names};
use crate::storage::Storage;

/// Reads a backup and changes nothing: every file is there, none is too many, each has the length and
/// the checksum that the inventory says, and all can be replayed up to the record that it says.
///
/// # Errors
/// Something of that does not hold, or storage failed.
pub fn verify(
    storage: &impl Storage,
    replay: &mut impl Replay,
    progress: &mut dyn Progress,
) -> Result<(Inventory, Contents), BackupError> {
    let (inventory, manifest) = Inventory::read(storage)?;
    for name in names(storage)? {
        if is_journal_name(&name) && inventory.files.iter().all(|file| file.name != name) {
            return Err(BackupError::Surplus(name));
        }
    }
    progress.begin(inventory.bytes());
    let contents = read(storage, &inventory, &manifest, replay, progress)?;
    let (wanted, found) = (inventory.newest, contents.newest);
    if wanted != found {
        return Err(BackupError::Newest { wanted, found });
    }
    Ok((inventory, contents))
}

fn read(
    storage: &impl Storage,
    inventory: &Inventory,
    manifest: &Manifest,
    replay: &mut impl Replay,
    progress: &mut dyn Progress,
) -> Result<Contents, BackupError> {
    let mut reading = Reading::new(manifest, replay);
    // The inventory has the manifest's files in its order.
    let mut files = inventory.files.iter();
    if let Some(entry) = manifest.checkpoint
        && let Some(file) = files.next()
    {
        let mut passing = Passing::new(open(storage, &file.name)?, progress, |_| Ok(()));
        reading.checkpoint(entry, &mut passing)?;
        passing.drain().map_err(JournalError::io("read", &file.name))?;
        file.check(passing.end()?)?;
    }
    for (entry, file) in manifest.segments.iter().zip(files) {
        let mut bytes = Vec::new();
        let read = open(storage, &file.name)?.read_to_end(&mut bytes);
        read.map_err(JournalError::io("read", &file.name))?;
        file.check(Sum::of(&bytes))?;
        reading.segment(*entry, &bytes, |_| ())?;
        progress.advance(bytes.len() as u64);
    }
    Ok(reading.contents)
}

/// Opens a file that a backup should have.
pub(crate) fn open<S: Storage>(storage: &S, file: &str) -> Result<S::Reader, BackupError> {
    storage.open(file).map_err(|error| match error.kind() {
        ErrorKind::NotFound => BackupError::Missing(file.to_owned()),
        _ => JournalError::io("open", file)(error).into(),
    })
}
