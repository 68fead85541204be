//! Founding: a data directory made of keys that come from elsewhere. They become its first
//! checkpoint, as if one record had brought them all.
//!
//! The file `IMPORT` is there from before the first key until after the manifest: with it and without
//! a manifest nothing counts, and the founding can be begun again. So a directory has all keys or
//! none, at whatever moment the process ends.

use std::path::Path;

use shardwright_codec::log::Lsn;

use crate::checkpoint::{CheckpointMark, CheckpointWriter};
use crate::disk::{Disk, LockError};
use crate::error::JournalError;
use crate::manifest::{MANIFEST, Manifest};
use crate::recovery::{is_journal_name, names};
use crate::storage::{Storage, StorageFile};

/// The file that says that a founding has begun; in it stands where the keys come from.
pub const IMPORT: &str = "IMPORT";

/// The record that the first checkpoint stands for.
const FOUNDED: Lsn = Lsn(1);

/// What a directory is for a founding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// It has nothing that counts or ever did.
    Empty,
    /// A founding began in it and did not end.
    Unfinished,
    /// It has data, whole or damaged.
    Built,
}

/// Finds out what a directory is. The mark of a founding that did end is removed.
///
/// # Errors
/// Storage failed.
pub fn ground(storage: &impl Storage) -> Result<Ground, JournalError> {
    let names = names(storage)?;
    let has = |wanted| names.iter().any(|name| name == wanted);
    match (has(MANIFEST), has(IMPORT)) {
        (true, true) => {
            remove_mark(storage)?;
            Ok(Ground::Built)
        }
        (false, true) => Ok(Ground::Unfinished),
        (false, false) if !names.iter().any(|name| is_journal_name(name)) => Ok(Ground::Empty),
        (_, false) => Ok(Ground::Built),
    }
}

/// Takes a directory to found data in: one that is absent (its parent must be there), empty, or left
/// by a founding that did not end.
///
/// # Errors
/// There is something in it, another process has it, or the system refused something.
pub fn take_to_found(path: &Path) -> Result<Disk, LockError> {
    let is_unfinished = || path.join(IMPORT).exists() && !path.join(MANIFEST).exists();
    if is_unfinished() {
        let disk = Disk::take_existing(path)?;
        // Whoever had it until now may have ended what it had begun.
        if is_unfinished() {
            return Ok(disk);
        }
    }
    Disk::take_empty(path)
}

/// A data directory that is being founded.
pub struct Founding<S: Storage + Clone> {
    storage: S,
    directory: u64,
    checkpoint: CheckpointWriter<S>,
}

impl<S: Storage + Clone> Founding<S> {
    /// Begins in a directory that is not [`Ground::Built`], which gets the number `directory`: with
    /// keys of so many partitions, which come from where `origin` says. What a founding before left
    /// goes.
    ///
    /// # Errors
    /// Storage failed.
    pub fn begin(
        storage: S,
        directory: u64,
        partitions: u16,
        origin: &str,
    ) -> Result<Self, JournalError> {
        mark(&storage, origin)?;
        let sequences = vec![0; usize::from(partitions)];
        let mark = CheckpointMark { lsn: FOUNDED, directory, sequences };
        let checkpoint = CheckpointWriter::begin(storage.clone(), mark)?;
        Ok(Self { storage, directory, checkpoint })
    }

    /// Adds keys of a partition: `count` effects, one behind the other.
    ///
    /// # Errors
    /// Storage failed. The founding is to be given up then.
    pub fn append(
        &mut self,
        partition: u16,
        count: u64,
        effects: &[u8],
    ) -> Result<(), JournalError> {
        self.checkpoint.append(partition, count, effects)
    }

    /// All keys are here: they count from now on. Returns the length of the checkpoint.
    ///
    /// # Errors
    /// Storage failed. Whether they count is unknown then.
    pub fn finish(self) -> Result<u64, JournalError> {
        let Self { storage, directory, checkpoint } = self;
        let entry = checkpoint.finish()?;
        Manifest { directory, checkpoint: Some(entry), segments: Vec::new() }.store(&storage)?;
        remove_mark(&storage)?;
        Ok(entry.len)
    }

    /// Leaves the directory as if nothing had begun.
    ///
    /// # Errors
    /// Storage failed: the directory is left unfinished.
    pub fn give_up(self) -> Result<(), JournalError> {
        let Self { storage, checkpoint, .. } = self;
        drop(checkpoint);
        clear(&storage)?;
        remove_mark(&storage)
    }
}

/// Says, durably, that something is being put into a directory; what came there before and did not
/// end goes.
pub(crate) fn mark(storage: &impl Storage, origin: &str) -> Result<(), JournalError> {
    let mut mark = storage.create(IMPORT).map_err(JournalError::io("create", IMPORT))?;
    let text = format!("{origin}\n");
    mark.write(text.as_bytes()).map_err(JournalError::io("write", IMPORT))?;
    mark.sync().map_err(JournalError::io("sync", IMPORT))?;
    storage.sync_directory().map_err(JournalError::io("sync the directory of", IMPORT))?;
    clear(storage)
}

/// Removes what a founding wrote, durably.
fn clear(storage: &impl Storage) -> Result<(), JournalError> {
    for name in names(storage)?.iter().filter(|name| is_journal_name(name)) {
        storage.remove(name).map_err(JournalError::io("remove", name))?;
    }
    storage.sync_directory().map_err(JournalError::io("sync", "the directory"))
}

/// What was being put into the directory counts.
pub(crate) fn remove_mark(storage: &impl Storage) -> Result<(), JournalError> {
    storage.remove(IMPORT).map_err(JournalError::io("remove", IMPORT))?;
    storage.sync_directory().map_err(JournalError::io("sync the directory of", IMPORT))
}
