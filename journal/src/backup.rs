//! Backups: a copy of all that counts in a data directory, also while a server writes to it.
//!
//! The files that the manifest names are opened first: a checkpoint may replace them meanwhile, but
//! not take away what is open, nor is that written over. What is copied passes the same reader as at a
//! start. So a backup has everything up to one record, and a damaged directory is not copied silently.

use std::io::{self, Read, Seek};

use crate::backup_error::CopyError;
use crate::error::{JournalError, RecoveryError};
use crate::inventory::{BACKUP, BackupFile, Inventory};
use crate::lines;
use crate::manifest::{CheckpointEntry, MANIFEST, Manifest, SegmentEntry};
use crate::progress::{Passing, Progress, Sum};
use crate::reading::{Reading, Unapplied, open, written_end};
use crate::recovery::{names, read_manifest};
use crate::storage::{Storage, StorageFile};

/// How often files are looked for anew that a checkpoint replaced between the manifest and them.
const ATTEMPTS: usize = 100;

/// A data directory whose files are open, to be backed up.
pub struct Opened<S: Storage> {
    manifest: Manifest,
    checkpoint: Option<(CheckpointEntry, S::Reader)>,
    segments: Vec<(SegmentEntry, S::Reader)>,
    /// About so many bytes.
    bytes: u64,
}

/// Why there is no backup.
pub type BackupFailed = CopyError<RecoveryError>;

/// Opens all that counts in a directory. Takes no lock and changes nothing.
///
/// # Errors
/// Storage failed, there is no data, or a file is missing.
pub fn open_to_back_up<S: Storage>(storage: &S) -> Result<Opened<S>, RecoveryError> {
    let mut before = None;
    for _ in 1..ATTEMPTS {
        let manifest = manifest(storage)?;
        match open_all(storage, &manifest) {
            // If the manifest is still the same, it was no checkpoint that replaced the file.
            Err(RecoveryError::Missing(_)) if before.as_ref() != Some(&manifest) => {
                before = Some(manifest);
            }
            // What was open while it still counted is not written over.
            Ok(_) if !self::manifest(storage)?.has_segments_of(&manifest) => {}
            outcome => return outcome,
        }
    }
    open_all(storage, &manifest(storage)?)
}

fn manifest(storage: &impl Storage) -> Result<Manifest, RecoveryError> {
    let manifest = read_manifest(storage, &names(storage)?)?;
    manifest.ok_or(RecoveryError::NoData)
}

fn open_all<S: Storage>(storage: &S, manifest: &Manifest) -> Result<Opened<S>, RecoveryError> {
    let mut bytes = 0;
    let mut open = |name: &str| {
        bytes += storage.len(name).unwrap_or(0);
        open(storage, name)
    };
    let checkpoint = match manifest.checkpoint {
        Some(entry) => Some((entry, open(&entry.name())?)),
        None => None,
    };
    let mut segments = Vec::new();
    for entry in &manifest.segments {
        segments.push((*entry, open(&entry.name())?));
    }
    Ok(Opened { manifest: manifest.clone(), checkpoint, segments, bytes })
}

impl<S: Storage> Opened<S> {
    /// Copies it all into an empty directory. `made_ms` is the time. The copy is a backup when this
    /// has returned without an error, and not before.
    ///
    /// # Errors
    /// What is copied is damaged, with the error that a start would give, or storage failed.
    pub fn back_up(
        self,
        target: &impl Storage,
        made_ms: i64,
        progress: &mut dyn Progress,
    ) -> Result<Inventory, BackupFailed> {
        let Self { manifest, checkpoint, segments, bytes } = self;
        progress.begin(bytes);
        let mut unapplied = Unapplied;
        let mut reading = Reading::new(&manifest, &mut unapplied);
        let mut files = Vec::new();
        if let Some((entry, reader)) = checkpoint {
            let name = entry.name();
            let sum = copy_checkpoint(&mut reading, entry, reader, target, progress)?;
            files.push(BackupFile::new(name, sum));
        }
        for (entry, mut reader) in segments {
            let name = entry.name();
            let read = read_beside_writer(&mut reader, manifest.directory, entry);
            let mut bytes = read.map_err(JournalError::io("read", &name)).map_err(source)?;
            let end = reading.segment(entry, &bytes, |_| ()).map_err(source)?;
            // Behind that is what a server is just writing, or a crash left half written.
            bytes.truncate(usize::try_from(end).unwrap_or(usize::MAX));
            let mut copy = Copy::begin(target, &name).map_err(CopyError::Target)?;
            copy.write(&bytes).and_then(|()| copy.end()).map_err(CopyError::Target)?;
            files.push(BackupFile::new(name, Sum::of(&bytes)));
            progress.advance(end);
        }
        let (newest, newest_ms) = (reading.contents.newest, reading.contents.newest_ms);
        let text = manifest.encode();
        lines::replace(target, MANIFEST, text.as_bytes()).map_err(CopyError::Target)?;
        files.push(BackupFile::new(MANIFEST.to_owned(), Sum::of(text.as_bytes())));
        let directory = manifest.directory;
        let inventory = Inventory { directory, newest, newest_ms, made_ms, files };
        let text = inventory.encode();
        lines::replace(target, BACKUP, text.as_bytes()).map_err(CopyError::Target)?;
        Ok(inventory)
    }
}

/// All of a segment that may be written to meanwhile, over what an earlier one left: a record is there
/// only if those before it are, but reading may have passed their places when they were written. So
/// what is before the last one is read again.
fn read_beside_writer(
    reader: &mut (impl Read + Seek),
    directory: u64,
    entry: SegmentEntry,
) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes)?;
    let end = written_end(&bytes, directory, entry);
    reader.rewind()?;
    reader.read_exact(bytes.get_mut(..end).unwrap_or_default())?;
    Ok(bytes)
}

fn source(error: impl Into<RecoveryError>) -> BackupFailed {
    CopyError::Source(error.into())
}

fn copy_checkpoint(
    reading: &mut Reading<'_, Unapplied>,
    entry: CheckpointEntry,
    reader: impl Read,
    target: &impl Storage,
    progress: &mut dyn Progress,
) -> Result<Sum, BackupFailed> {
    let name = entry.name();
    let mut copy = Copy::begin(target, &name).map_err(CopyError::Target)?;
    // Nothing behind its end is copied, so there is nothing that the reader did not see.
    let mut passing = Passing::new(reader.take(entry.len), progress, |bytes| copy.write(bytes));
    let outcome = reading.checkpoint(entry, &mut passing);
    // If the copy failed, so did reading.
    let sum = passing.end().map_err(CopyError::Target)?;
    outcome.map_err(source)?;
    copy.end().map_err(CopyError::Target)?;
    Ok(sum)
}

/// Bytes of a copy that may wait for the disk together: a server beside it has to sync as well, and
/// would wait for all of them.
const SYNC_EVERY: usize = 32 << 20;

/// A file that is being copied.
pub(crate) struct Copy<'n, F> {
    file: F,
    name: &'n str,
    unsynced: usize,
}

impl<'n, F: StorageFile> Copy<'n, F> {
    /// Begins a file. Its name is durable: a directory in which something was begun is not taken for
    /// an empty one.
    pub fn begin<S: Storage<File = F>>(target: &S, name: &'n str) -> Result<Self, JournalError> {
        let file = target.create(name).map_err(JournalError::io("create", name))?;
        target.sync_directory().map_err(JournalError::io("sync the directory of", name))?;
        Ok(Self { file, name, unsynced: 0 })
    }

    /// Writes behind what was written.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), JournalError> {
        for bytes in bytes.chunks(SYNC_EVERY) {
            self.file.write(bytes).map_err(JournalError::io("write", self.name))?;
            self.unsynced += bytes.len();
            if self.unsynced >= SYNC_EVERY {
                self.sync()?;
            }
        }
        Ok(())
    }

    /// Makes it durable.
    pub fn end(mut self) -> Result<(), JournalError> {
        self.sync()
    }

    fn sync(&mut self) -> Result<(), JournalError> {
        self.unsynced = 0;
        self.file.sync().map_err(JournalError::io("sync", self.name))
    }
}
