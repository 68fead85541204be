//! Spares: segments that a checkpoint made superfluous, kept under names of their own to become the
//! next segments. Writing over blocks that a file has already is faster than letting it grow: a sync
//! then has nothing to tell the file system but the bytes themselves.
//!
//! What a spare still has is told from what is written over it by the tie of frames to their segment:
//! see `docs/format.md`. A spare says nothing and counts nowhere, so it can go at any time. There are
//! never more of them than there were segments: what they take was taken before the checkpoint.

use std::io::ErrorKind;

use crate::error::JournalError;
use crate::files::{segment_number, spare_name, spare_number};
use crate::log::LogOptions;
use crate::manifest::{Manifest, SegmentEntry};
use crate::recovery::names;
use crate::storage::Storage;

/// A spare that is about to become a segment.
pub(crate) struct Spare<F> {
    /// Its name.
    pub name: String,
    /// Its file, to be written over.
    pub file: F,
    /// Bytes that it has.
    pub len: u64,
}

/// The first spare that can be written over, if there is one. Others are in use by readers, or are
/// not ours alone: they are removed.
pub(crate) fn take<S: Storage>(storage: &S) -> Result<Option<Spare<S::File>>, JournalError> {
    let mut names = names(storage)?;
    names.retain(|name| spare_number(name).is_some());
    for name in names {
        // Whoever lacks room removes spares meanwhile.
        let Ok(len) = storage.len(&name) else { continue };
        if let Ok(Some(file)) = storage.reopen(&name) {
            return Ok(Some(Spare { name, file, len }));
        }
        // What stays is tried again.
        let _ = remove(storage, &name);
    }
    Ok(None)
}

/// Removes segments and checkpoints that the manifest does not name: what they say counts elsewhere,
/// or never did. Those segments that counted until now become spares as far as more are wanted, and
/// spares that are not wanted are removed as well.
pub(crate) fn tidy(
    storage: &impl Storage,
    options: LogOptions,
    manifest: &Manifest,
    counted: &[SegmentEntry],
) -> Result<(), JournalError> {
    let names = names(storage)?;
    let (mut spares, mut changed) = (0, false);
    let mut is_wanted = |name: &str| {
        let wanted = spares < options.spares && fits(storage, options, name);
        spares += usize::from(wanted);
        wanted
    };
    for name in names.iter().filter(|name| spare_number(name).is_some()) {
        if !is_wanted(name) {
            remove(storage, name)?;
            changed = true;
        }
    }
    for name in names.iter().filter(|name| manifest.is_stray(name)) {
        let number = segment_number(name);
        let counted = number.filter(|number| counted.iter().any(|entry| entry.number == *number));
        match counted.filter(|_| is_wanted(name)) {
            Some(number) => {
                let failed = JournalError::io("rename", name);
                storage.rename(name, &spare_name(number)).map_err(failed)?;
            }
            None => remove(storage, name)?,
        }
        changed = true;
    }
    if changed {
        storage.sync_directory().map_err(JournalError::io("sync", "the directory"))?;
    }
    Ok(())
}

/// Whether a file can hold a whole segment and does not take much more room than one.
fn fits(storage: &impl Storage, options: LogOptions, name: &str) -> bool {
    let least = options.segment_bytes;
    storage.len(name).is_ok_and(|len| len >= least && len <= least.saturating_mul(2))
}

/// Gives back the room that spares take, and makes it durable what was removed, as far as that can be
/// done.
pub(crate) fn give_up(storage: &impl Storage) {
    let Ok(names) = names(storage) else { return };
    for name in names.iter().filter(|name| spare_number(name).is_some()) {
        // What stays takes room and nothing else.
        let _ = remove(storage, name);
    }
    // Nor does what comes back after a crash.
    let _ = storage.sync_directory();
}

/// Removes a file that somebody else may have removed.
fn remove(storage: &impl Storage, name: &str) -> Result<(), JournalError> {
    match storage.remove(name) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(JournalError::io("remove", name)(error))
        }
        _ => Ok(()),
    }
}
