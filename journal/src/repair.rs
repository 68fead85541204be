//! Repairing a data directory: the log is cut off before what is damaged, so that what is served is
//! everything up to one record and nothing else.
//!
//! What a repair would do is found first and can be shown; then it is done. The new manifest is the
//! one step that changes what counts: before it the directory is as it was, behind it repaired.
//! Nothing is lost by it: whatever no longer counts is kept in a subdirectory.

use std::ops::RangeInclusive;

use shardwright_codec::log::{Frame, Lsn, Tie};
use thiserror::Error;

use crate::error::{JournalError, RecoveryError, Remedy, Spot};
use crate::files::{FileHeader, FileKind, tie_of_segment};
use crate::manifest::{MANIFEST, Manifest, SegmentEntry};
use crate::progress::Progress;
use crate::reading::{Contents, examine, frames_anywhere};
use crate::rebuild::rebuild;
use crate::recovery::{Replay, names, next_segment, read_manifest};
use crate::storage::{Storage, StorageFile};

/// Why a directory cannot be repaired.
#[derive(Debug, Error)]
pub enum RepairError {
    /// Storage failed, or the damage is of a kind that cutting the log does not help.
    #[error(transparent)]
    Beyond(#[from] RecoveryError),
    /// The files do not say what their manifest said.
    #[error("{damage}; it cannot be made anew: {}", answers.join("; "))]
    NoAnswer {
        /// What is wrong with the manifest.
        damage: RecoveryError,
        /// What speaks against each manifest that there could be.
        answers: Vec<String>,
    },
    /// There could have been several manifests.
    #[error("{damage}; it cannot be made anew, since each of these could be meant: {}", answers.join("; "))]
    ManyAnswers {
        /// What is wrong with the manifest.
        damage: RecoveryError,
        /// The manifests that there could be.
        answers: Vec<String>,
    },
}

impl From<JournalError> for RepairError {
    fn from(error: JournalError) -> Self {
        Self::Beyond(error.into())
    }
}

/// What a directory needs.
#[derive(Debug)]
pub enum Diagnosis {
    /// Nothing.
    Sound,
    /// This.
    Repairable(Box<Repair>),
}

/// What a repair would do.
#[derive(Debug)]
pub struct Repair {
    /// What is damaged.
    pub damage: RecoveryError,
    /// What will count.
    pub manifest: Manifest,
    /// What that contains.
    pub contents: Contents,
    /// The segment that is cut off, and what takes its place.
    pub cut: Option<CutSegment>,
    /// Files that will no longer count, and are kept aside.
    pub aside: Vec<String>,
    /// Records that are lost, as far as can be known: there may have been more behind them.
    pub lost: Option<RangeInclusive<u64>>,
}

/// A segment that is cut off before a damaged record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CutSegment {
    /// As it was.
    pub old: SegmentEntry,
    /// As it will be: another file, so that the new manifest alone decides which one counts.
    pub new: SegmentEntry,
    /// Bytes of the old one that are kept.
    pub len: u64,
}

/// Finds out what a directory needs. Changes nothing. What is kept is replayed.
///
/// # Errors
/// Storage failed, there is no data, or what is damaged cannot be repaired.
pub fn diagnose(
    storage: &impl Storage,
    replay: &mut impl Replay,
    progress: &mut dyn Progress,
) -> Result<Diagnosis, RepairError> {
    let names = names(storage)?;
    let manifest = match read_manifest(storage, &names) {
        Ok(manifest) => manifest.ok_or(RecoveryError::NoData)?,
        Err(damage) if damage.remedy() == Remedy::Rebuild => {
            return remade(storage, damage, &names, replay, progress);
        }
        Err(error) => return Err(error.into()),
    };
    let (contents, outcome) = examine(storage, &manifest, replay, progress);
    match outcome {
        Ok(()) => Ok(Diagnosis::Sound),
        Err(damage) if damage.remedy() == Remedy::Cut => {
            let repair = cut(storage, &manifest, contents, damage, &names);
            Ok(Diagnosis::Repairable(Box::new(repair)))
        }
        Err(error) => Err(error.into()),
    }
}

/// The repair that makes the manifest anew.
fn remade(
    storage: &impl Storage,
    damage: RecoveryError,
    names: &[String],
    replay: &mut impl Replay,
    progress: &mut dyn Progress,
) -> Result<Diagnosis, RepairError> {
    let (manifest, damage) = rebuild(storage, damage, names)?;
    let (contents, outcome) = examine(storage, &manifest, replay, progress);
    outcome?;
    let aside = set_aside(&manifest, names);
    let repair = Repair { damage, manifest, contents, cut: None, aside, lost: None };
    Ok(Diagnosis::Repairable(Box::new(repair)))
}

/// The repair that cuts the log off before what is damaged.
fn cut(
    storage: &impl Storage,
    manifest: &Manifest,
    contents: Contents,
    damage: RecoveryError,
    names: &[String],
) -> Repair {
    // Those before were read whole.
    let (kept, lost) = manifest.segments.split_at(contents.lens.len());
    let mut new = Manifest { segments: kept.to_vec(), ..manifest.clone() };
    let mut cut = None;
    if let (Some(old), RecoveryError::Damaged { spot: Spot { offset, .. }, .. }) =
        (lost.first(), &damage)
        && contents.newest >= old.first
    {
        let first = old.first;
        let entry = SegmentEntry { number: next_segment(names), first };
        cut = Some(CutSegment { old: *old, new: entry, len: *offset });
        new.segments.push(entry);
    }
    let mut files = Vec::new();
    for (at, entry) in lost.iter().enumerate() {
        // What cannot be read tells nothing: it may be the very damage.
        if let Ok(mut bytes) = storage.read(&entry.name()) {
            let tie = tie_of_segment(&bytes, manifest.directory, entry.number);
            let begin = cut.filter(|_| at == 0).map_or(0, |cut| cut.len as usize);
            files.push((tie, entry.first, bytes.split_off(begin.min(bytes.len()))));
        }
    }
    let next = contents.newest.next();
    let newest = newest_of(&files, contents.newest);
    let newest = lost.iter().map(|entry| Lsn(entry.first.0 - 1)).chain(newest).max();
    let lost = newest.filter(|newest| *newest >= next).map(|newest| next.0..=newest.0);
    let aside = set_aside(&new, names);
    Repair { damage, manifest: new, contents, cut, aside, lost }
}

/// The files that this manifest takes the place of: it and the next start remove them.
fn set_aside(manifest: &Manifest, names: &[String]) -> Vec<String> {
    let is_aside = |name: &&String| *name == MANIFEST || manifest.is_stray(name);
    names.iter().filter(is_aside).cloned().collect()
}

/// The newest record of which there is anything whole behind record `after` in these files, each with
/// its tie and its first record.
fn newest_of(files: &[(Tie, Lsn, Vec<u8>)], after: Lsn) -> Option<Lsn> {
    let mut newest = None;
    for (tie, first, bytes) in files {
        let after = newest.unwrap_or(after).max(Lsn(first.0.saturating_sub(1)));
        let frames = frames_anywhere(bytes, after, *tie);
        newest = frames.map(|(_, frame)| frame.lsn).max().or(newest);
    }
    newest
}

impl Repair {
    /// Does it. What no longer counts is kept in a subdirectory named after `unix_seconds`, the time,
    /// whose name is returned.
    ///
    /// # Errors
    /// Storage failed. The directory is as it was, or repaired; files that do not count may be left.
    pub fn carry_out(
        &self,
        storage: &impl Storage,
        unix_seconds: u64,
    ) -> Result<String, JournalError> {
        let subdirectory = format!("repaired-{unix_seconds}");
        for name in &self.aside {
            let failed = JournalError::io("set aside", name);
            storage.set_aside(name, &subdirectory).map_err(failed)?;
        }
        if let Some(cut) = self.cut {
            cut.write(storage, self.manifest.directory)?;
        }
        self.manifest.store(storage)?;
        for name in self.aside.iter().filter(|name| *name != MANIFEST) {
            storage.remove(name).map_err(JournalError::io("remove", name))?;
        }
        storage.sync_directory().map_err(JournalError::io("sync", "the directory"))?;
        Ok(subdirectory)
    }
}

impl CutSegment {
    /// Writes the new segment, durably: it differs in its number and its end.
    fn write(self, storage: &impl Storage, directory: u64) -> Result<(), JournalError> {
        let (from, to) = (self.old.name(), self.new.name());
        let bytes = storage.read(&from).map_err(JournalError::io("read", &from))?;
        let changed =
            || JournalError::io("read again", &from)(std::io::ErrorKind::InvalidData.into());
        let (header, len) = FileHeader::decode(&bytes, FileKind::Segment).map_err(|_| changed())?;
        let frames = bytes.get(len..self.len as usize).ok_or_else(changed)?;
        let old = header.tie();
        let header =
            FileHeader { directory, number: self.new.number, former_len: Some(0), ..header };
        let bytes = retied(frames, old, header.tie()).ok_or_else(changed)?;
        let mut file = storage.create(&to).map_err(JournalError::io("create", &to))?;
        let header = header.encode(FileKind::Segment);
        file.write(&header).map_err(JournalError::io("write", &to))?;
        file.write(&bytes).map_err(JournalError::io("write", &to))?;
        file.sync().map_err(JournalError::io("sync", &to))?;
        storage.sync_directory().map_err(JournalError::io("sync the directory of", &to))
    }
}

/// These frames with another tie; nothing if they are none.
fn retied(mut bytes: &[u8], old: Tie, new: Tie) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(bytes.len());
    while let Some(frame) = Frame::decode(bytes, old).ok()? {
        frame.encode(new, &mut out);
        bytes = bytes.get(frame.len()..)?;
    }
    Some(out)
}
